"""What a study found, in words: what was compared, and each claim with its verdict."""

from __future__ import annotations

from dataclasses import dataclass

from manyicl.errors import listing
from manyicl.report.numbers import change, percent, plural
from manyicl.study.analysis.claims import Claim, claims
from manyicl.study.records import BASE, DEDICATED, NO_BUDGET
from manyicl.study.report.view import StudyView, budget_words, title_of

VERDICTS = {"holds": "Holds", "fails": "Fails", "cannot tell": "Cannot tell"}


@dataclass(frozen=True)
class Finding:
    """A claim for people."""

    verdict: str
    wording: str
    budget: str
    measured: str
    """The numbers; empty where nothing was measured."""
    why: str
    """What the verdict rests on."""


def findings(view: StudyView) -> list[Finding]:
    """Return every claim in words; none while nothing was fine-tuned."""
    if not any(budget != NO_BUDGET for budget in view.budgets):
        return []
    return [
        Finding(
            VERDICTS.get(claim.verdict, claim.verdict),
            claim.wording,
            claim.budget,
            measured(claim),
            claim.why,
        )
        for claim in claims(view.results)
    ]


def measured(claim: Claim) -> str:
    """Return a claim's numbers in per cent and points.

    What it is about is told by its parts: two scores, or two losses of retention.
    """
    if claim.value is None or claim.low is None or claim.high is None:
        return ""
    values = dict(claim.values)
    if claim.name == "retention":
        said = " and ".join(
            f"{title_of(regime)} loses {percent(values[regime])} %"
            for regime in ("many_shot", "zero_shot")
        )
        interval = f" ({change(claim.low)} to {change(claim.high)})" * (claim.low < claim.high)
        return (
            f"{said} of the base in the mean; half of the latter less the former: "
            f"{change(claim.value)} points{interval}"
        )
    scores = [name for name in values if name in (BASE, DEDICATED) or name + "_shots" in values]
    said = " against ".join(f"{percent(values[name])}" for name in scores)
    if claim.name == "near_dedicated":
        interval = f"{percent(claim.low)} to {percent(claim.high)}"
        return f"{said}: {percent(claim.value)} % ({interval})"
    return f"{said}: {change(claim.value)} points ({change(claim.low)} to {change(claim.high)})"


def compared(view: StudyView) -> list[str]:
    """Return what was compared, as sentences."""
    results = view.results
    sides = [
        f"{plural(view.num_tasks(held_out), f'{name} task')} ({', '.join(view.families(held_out))})"
        for held_out, name in ((False, "held-in"), (True, "held-out"))
        if view.num_tasks(held_out)
    ]
    said = [f"Base model: {base_name(view)}."]
    if sides:
        said.append(f"Evaluated on {' and '.join(sides)}; {view.seeds}.")
    tuned = [title_of(regime) for regime in view.regimes if regime != BASE]
    if tuned:
        budgets = " and ".join(f"{b} ({budget_words(results, b)})" for b in view.budgets)
        said.append(f"Fine-tuned once on held-in tasks: {'; '.join(tuned)}. Budgets: {budgets}.")
    if results.dedicated:
        number = len({one.task for one in results.dedicated})
        pools = listing([str(pool) for pool in view.pools])
        said.append(
            f"Fine-tuned for one task alone: {plural(number, 'task')} on {pools} examples of the "
            "pool that the prompts show too."
        )
    return said


def unfinished(view: StudyView) -> str:
    """Say that cells are missing or failed; empty for a complete study."""
    numbers = ((view.results.missing, "not run"), (len(view.results.failures), "failed"))
    said = [f"{plural(number, 'cell')} {how}" for number, how in numbers if number]
    if not said:
        return ""
    return f"Not complete: {' and '.join(said)}. Everything below is over what is there."


def base_name(view: StudyView) -> str:
    """Return the base model's name as the configuration has it."""
    model = view.results.config.get("model")
    path = model.get("path") if isinstance(model, dict) else None
    return str(path) if path else "(not recorded)"
