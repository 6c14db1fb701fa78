"""Several short reviews of one place: what two guests or more say counts, one voice does not."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import listed, sentence
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# aspect: (said in its favour, said against it)
ASPECTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "breakfast": (
        ("the breakfast kept us going until evening", "warm rolls every morning, lovely",
         "never had such good eggs and coffee at breakfast"),
        ("breakfast was cold toast", "the breakfast buffet was half empty by nine",
         "same dry rolls every morning"),
    ),
    "staff": (
        ("the people at the desk could not have been kinder", "the staff carried our bags unasked",
         "a very helpful team"),
        ("the man at the desk did not look up once", "the staff argued in front of us",
         "nobody answered when we rang for help"),
    ),
    "beds": (
        ("slept like a stone in that bed", "wonderful mattresses", "the beds are soft and wide"),
        ("the bed sagged in the middle", "my back still hurts from the mattress",
         "the beds squeak at every move"),
    ),
    "noise": (
        ("not a sound at night", "so quiet that we heard the owls", "thick walls, no street noise"),
        ("lorries passed our window all night", "we heard every word from next door",
         "a disco below kept us awake"),
    ),
    "bathroom": (
        ("the bathroom shone", "a strong hot shower", "a big modern bathroom with a tub"),
        ("mould in the shower", "hardly a drop of hot water", "the bathroom drain smelled"),
    ),
    "view": (
        ("we watched the sun set from the balcony", "what a view over the bay",
         "a window right onto the mountains"),
        ("we looked at a brick wall", "the promised view is blocked by a crane",
         "our window faced the bins"),
    ),
    "price": (
        ("you get a lot for little money", "we expected to pay twice as much", "fair rates"),
        ("far too dear for what it is", "they charge for every glass of water",
         "we paid more than at the hotel next door"),
    ),
    "location": (
        ("two minutes on foot to the old town", "the station is round the corner",
         "right by the beach path"),
        ("miles from anywhere", "we needed a taxi each time we went out",
         "the walk uphill from the bus is endless"),
    ),
}  # fmt: skip
FILLERS = (
    "We were here for two nights in May.", "Came with our two children.", "My third stay.",
    "Booked at short notice.", "We travelled by train.", "Here for a wedding.",
    "The town itself is worth a day.", "It rained most of the time.", "A work trip this time.",
)  # fmt: skip


@builtin_task(
    instruction="Sum up what more than one guest says.",
    metric="rouge_l",
)
def guest_digest(rng: random.Random) -> Example:
    """Four reviews of a guest house to what at least two praise and at least two complain about."""
    aspects = rng.sample(tuple(ASPECTS), 6)
    num_good = rng.choice((1, 2))
    good, bad, single = (
        aspects[:num_good],
        aspects[num_good : num_good + 1],
        aspects[num_good + 1 :],
    )
    remarks: list[list[str]] = [[], [], [], []]
    for aspect in good + bad:
        said = rng.sample(ASPECTS[aspect][0 if aspect in good else 1], 2)
        for guest, remark in zip(sorted(rng.sample(range(4), 2)), said, strict=True):
            remarks[guest].append(remark)
    for guest in range(4):
        if len(remarks[guest]) < 2:
            aspect = single.pop() if single else None
            if aspect:
                remarks[guest].append(rng.choice(ASPECTS[aspect][rng.randrange(2)]))
    reviews = []
    for found, guest in zip(remarks, people(rng, 4), strict=True):
        rng.shuffle(found)
        parts = [f"{remark}." for remark in found]
        if rng.random() < 0.6:
            parts.insert(0, rng.choice(FILLERS))
        reviews.append(f"{guest.first}: {' '.join(map(sentence, parts))}")
    order = sorted(good, key=list(ASPECTS).index)
    text = "\n".join(review for review in reviews if not review.endswith(":"))
    praised = listed(["the quiet" if aspect == "noise" else f"the {aspect}" for aspect in order])
    return Example(text, f"Guests like {praised} but complain about the {bad[0]}.")
