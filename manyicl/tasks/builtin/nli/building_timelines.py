"""Orders of events told with before, after, while and dates; some pairs stay open."""

from __future__ import annotations

import random

from manyicl.tasks.builtin.grammar import Grammar
from manyicl.tasks.builtin.lexicon.calendar import MONTHS
from manyicl.tasks.builtin.registry import builtin_task
from manyicl.tasks.task import Example

LABELS = ("true", "false", "cannot tell")
# event as a clause / as a noun phrase
EVENTS = (
    ("the roof was mended", "the mending of the roof"),
    ("the windows were replaced", "the replacement of the windows"),
    ("the walls were painted", "the painting of the walls"),
    ("the lift was inspected", "the inspection of the lift"),
    ("the cellar was cleared", "the clearing of the cellar"),
    ("the tenants moved in", "the arrival of the tenants"),
    ("the garden was laid out", "the laying out of the garden"),
    ("the lease was signed", "the signing of the lease"),
    ("the cables were laid", "the laying of the cables"),
    ("the fire alarm was tested", "the test of the fire alarm"),
    ("the old stove was sold", "the sale of the old stove"),
    ("the stairs were sanded", "the sanding of the stairs"),
    ("the neighbours were informed", "the letter to the neighbours"),
    ("the kitchen was fitted", "the fitting of the kitchen"),
    ("the chimney was swept", "the sweeping of the chimney"),
    ("the floor was polished", "the polishing of the floor"),
    ("the doors were oiled", "the oiling of the doors"),
    ("the boiler was delivered", "the delivery of the boiler"),
    ("the balcony was sealed", "the sealing of the balcony"),
    ("the insurance was paid", "the payment of the insurance"),
    ("the attic was insulated", "the insulation of the attic"),
    ("the pipes were flushed", "the flushing of the pipes"),
    ("the plans were approved", "the approval of the plans"),
    ("the garage was emptied", "the emptying of the garage"),
)
GRAMMAR = Grammar(
    {
        # {p} happened before {q}
        "order": (
            "{p} before {q}",
            "{q} after {p}",
            "before {q}, {p}",
            "after {p}, {q}",
            "first {p}, then {q}",
            "{q}, but not until {p}",
            "{p} in {m1} and {q} in {m2}",
            "{q} in {m2}, {p} in {m1}",
        ),
        "claim": (
            "{q_noun} came after {p_noun}",
            "{p_noun} came before {q_noun}",
            "when {q}, {p_noun} was already over",
            "{p_noun} was earlier than {q_noun}",
            "{q_noun} was later than {p_noun}",
        ),
    }
)


@builtin_task(
    instruction="Is the statement true, going by the notes?",
    metric="accuracy",
    labels=LABELS,
)
def timeline_nli(rng: random.Random) -> Example:
    """Statements about which of two events came first; some need two steps, some stay open."""
    label = rng.choice(LABELS)
    p, q, r = rng.sample(EVENTS, 3)
    months = [MONTHS[month] for month in sorted(rng.sample(range(12), 3))]
    chain = rng.random() < 0.5
    if label == "cannot tell":
        # p and q both before r, or both after it: their own order stays open.
        links = [(p, r), (q, r)] if chain else [(r, p), (r, q)]
    else:
        links = [(p, r), (r, q)] if chain else [(p, q), rng.choice(((p, r), (r, q)))]
    dated = [rng.random() < 0.3, False]
    parts = []
    for (first, second), with_dates in zip(links, dated, strict=True):
        rules = GRAMMAR.rules["order"]
        template = rng.choice(rules[6:] if with_dates else rules[:6])
        said = GRAMMAR.expand(rng, template, p=first[0], q=second[0], m1=months[0], m2=months[1])
        parts.append(said)
    rng.shuffle(parts)
    if label == "false" or (label == "cannot tell" and rng.random() < 0.5):
        p, q = q, p
    claim = GRAMMAR.write(rng, "{claim}.", p=p[0], q=q[0], p_noun=p[1], q_noun=q[1])
    return Example(
        f"Notes: {GRAMMAR.write(rng, '. '.join(parts) + '.')}\nStatement: {claim}", label
    )
