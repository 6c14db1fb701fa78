"""Group chats in which things are taken on, handed over and refused: who brings what?"""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import DAYS
from manyicl.tasks.builtin.lexicon.people import people
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

PARTIES: dict[str, tuple[str, ...]] = {
    "barbecue": ("the charcoal", "the sausages", "the potato salad", "the cool box", "the plates",
                 "the lemonade", "the grilled cheese", "the garden chairs"),
    "camping weekend": ("the big tent", "the stove", "the first aid kit", "the torches", "the map",
                        "the pancake mix", "the water cans", "the card games"),
    "birthday": ("the cake", "the candles", "the balloons", "the gift", "the music", "the glasses",
                 "the paper hats", "the camera"),
    "street fair": ("the long table", "the cash box", "the waffle iron", "the banner", "the tea",
                    "the raffle tickets", "the parasols", "the extension lead"),
    "film night": ("the projector", "the popcorn", "the blankets", "the screen", "the cables",
                   "the soft drinks", "the cushions", "the crisps"),
    "house move": ("the van", "the boxes", "the tool kit", "the sandwiches", "the straps",
                   "the bubble wrap", "the hand truck", "the vacuum cleaner"),
    "school picnic": ("the rolls", "the fruit", "the juice", "the picnic rugs", "the balls",
                      "the sun cream", "the muffins", "the bin bags"),
}  # fmt: skip
GRAMMAR = Grammar(
    {
        "open": (
            "So, {party} on {day}! Who brings what?",
            "We still have to share out the things for the {party}.",
            "List for the {party} on {day}, please speak up.",
            "Only two days until the {party}!",
        ),
        "claim": (
            "I'll bring {thing}.",
            "Put me down for {thing}.",
            "{thing}? I can do that.",
            "I have {thing} at home anyway, so that's me.",
            "Leave {thing} to me.",
        ),
        "give": (
            "{other}, could you take {thing} after all? I won't manage.",
            "I can't get {thing} now, sorry. {other}, will you?",
            "{other}, would you do {thing} instead of me?",
        ),
        "accept": ("Sure.", "Okay, I will.", "Yes, no problem.", "Fine, it's on my list."),
        "ask": (
            "{other}, can you bring {thing}?",
            "And {thing}, {other}?",
            "Maybe {thing} from you, {other}?",
        ),
        "refuse": (
            "Sorry, I can't.",
            "Not me, I come straight from work.",
            "I'd rather not, the bus is full enough.",
            "I have enough to carry already.",
        ),
        "chat": (
            "I hope it stays dry.",
            "Is there a bus home at night?",
            "I may be ten minutes late.",
            "My sister comes too.",
        ),
        "who": ("Who brings {thing}?", "Who has {thing} in the end?", "Whose job is {thing}?"),
        "what": ("What does {name} bring?", "What is {name} to bring?"),
    }
)


@builtin_task(
    instruction="Answer from the chat. If nobody agreed to do it, answer 'unknown'.",
    metric="f1",
)
def bringing_question(rng: random.Random) -> Example:
    """Group chats before a party; things change hands or are refused, and one may be left over"""
    party = rng.choice(tuple(PARTIES))
    names = [person.first for person in people(rng, 4)]
    first, second, third, left = rng.sample(PARTIES[party], 4)
    a, b, c, d = rng.sample(names, 4)
    # a claims the first thing and hands it to b; c keeps the second; d refuses one that is left.
    # The third is refused by a and taken by d. So b, c and d bring one thing each and a nothing.
    blocks = [
        [(a, "claim", first, ""), (a, "give", first, b), (b, "accept", "", "")],
        [(c, "claim", second, "")],
        [(b, "ask", third, a), (a, "refuse", "", ""), (d, "claim", third, "")],
        [(c, "ask", left, d), (d, "refuse", "", "")],
    ]
    owner = {first: b, second: c, third: d}
    dropped = rng.choice((None, first, third))
    if dropped:  # shorter chats, in which fewer things change hands
        blocks = [block for block in blocks if block[0][2] != dropped]
        del owner[dropped]
    rng.shuffle(blocks)
    lines = [(rng.choice(names), "open", "", ""), *(line for block in blocks for line in block)]
    if rng.random() < 0.3:
        lines.insert(rng.choice((1, len(lines))), (rng.choice(names), "chat", "", ""))
    day = rng.choice(DAYS)
    said = [
        f"{name}: "
        + GRAMMAR.write(rng, f"{{{kind}}}", thing=thing, other=other, party=party, day=day)
        for name, kind, thing, other in lines
    ]
    asked = rng.choice(tuple(owner))
    draw = rng.random()
    if draw < 0.2:
        question, answer = GRAMMAR.write(rng, "{who}", thing=left), "unknown"
    elif draw < 0.65:
        question, answer = GRAMMAR.write(rng, "{who}", thing=asked), owner[asked]
    else:
        question, answer = GRAMMAR.write(rng, "{what}", name=owner[asked]), asked
    return Example("\n".join([*said, f"Question: {question}"]), answer)
