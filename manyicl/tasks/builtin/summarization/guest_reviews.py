"""Several short reviews of one place: what two guests or more say counts, one voice does not."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import listed, sentence
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

# what the summary says of something: how guests say it; first in its favour, then against it
Digests = dict[str, tuple[str, ...]]
ASPECTS: tuple[tuple[Digests, Digests], ...] = (
    (
        {"generous breakfast": ("the breakfast kept us going until evening",
                                "warm rolls every morning, lovely",
                                "never had such good eggs and coffee at breakfast")},
        {"poor breakfast": ("breakfast was cold toast", "same dry rolls every morning",
                            "the breakfast buffet was half empty by nine")},
    ),
    (
        {"kind staff": ("the people at the desk could not have been nicer",
                        "the staff carried our bags unasked", "a very helpful team")},
        {"rude staff": ("the man at the desk did not look up once", "the staff snapped at us",
                        "we asked for a towel and got a shrug")},
    ),
    (
        {"comfortable beds": ("slept like a stone in that bed", "wonderful mattresses",
                              "the beds are soft and wide")},
        {"worn-out beds": ("the bed sagged in the middle", "the beds squeak at every move",
                           "my back still hurts from the mattress")},
    ),
    (
        {"quiet nights": ("not a sound after ten", "we heard owls and nothing else",
                          "thick walls, no street noise")},
        {"noisy nights": ("lorries passed our window all night", "a disco below kept us awake",
                   "we heard every word from next door")},
    ),
    (
        {"spotless bathrooms": ("the bathroom shone", "not a speck on the tiles or in the tub",
                                "you could have eaten off the bathroom floor")},
        {"shabby bathrooms": ("mould in the shower", "hardly a drop of hot water",
                              "the bathroom drain smelled")},
    ),
    (
        {"fine views": ("we watched the sun set from the balcony", "what a view over the bay",
                        "a window right onto the mountains")},
        {"a blocked view": ("we looked at a brick wall", "our window faced the bins",
                            "the promised view is hidden by a crane")},
    ),
    (
        {"low prices": ("you get a lot for little money", "fair rates",
                        "we expected to pay twice as much")},
        {"high prices": ("far too dear for what it is", "they charge for every glass of water",
                         "we paid more than at the hotel next door")},
    ),
    (
        {"central location": ("two minutes on foot to the old town",
                              "the station is round the corner", "shops and cafes at the door")},
        {"remote location": ("miles from anywhere", "we needed a taxi each time we went out",
                             "the walk uphill from the bus is endless")},
    ),
)  # fmt: skip
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
    num_good, num_bad = rng.choice(((1, 1), (2, 1), (1, 2)))
    # Of each aspect one side: what two guests say, and then what one guest says.
    shared = [side for side, number in ((0, num_good), (1, num_bad)) for _ in range(number)]
    sides = shared + [rng.randrange(2) for _ in range(4)]
    topics = [
        next(iter(ASPECTS[place][side].items()))
        for place, side in zip(rng.sample(range(len(ASPECTS)), len(sides)), sides, strict=True)
    ]
    remarks: list[list[str]] = [[], [], [], []]
    for _, sayings in topics[: len(shared)]:
        for guest, remark in zip(rng.sample(range(4), 2), rng.sample(sayings, 2), strict=True):
            remarks[guest].append(remark)
    for found, (_, sayings) in zip(remarks, topics[len(shared) :], strict=True):
        if len(found) < 2:
            found.append(rng.choice(sayings))
    reviews = []
    for found, guest in zip(remarks, people(rng, 4), strict=True):
        rng.shuffle(found)
        parts = [f"{remark}." for remark in found]
        if rng.random() < 0.6:
            parts.insert(0, rng.choice(FILLERS))
        reviews.append(f"{guest.first}: {' '.join(map(sentence, parts))}")
    good = sorted(name for name, _ in topics[:num_good])
    bad = sorted(name for name, _ in topics[num_good : len(shared)])
    return Example("\n".join(reviews), sentence(f"{listed(good)}, but {listed(bad)}."))
