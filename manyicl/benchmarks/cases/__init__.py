"""The cases, in the order of the page."""

from manyicl.benchmarks.case import Case
from manyicl.benchmarks.cases import (
    context_scaling,
    kshot_vs_lm_eval,
    longest_context,
    objective_economy,
    prefix_storage,
    shot_sweep,
    training_step,
)

CASES: dict[str, Case] = {
    module.CASE.name: module.CASE
    for module in (
        training_step,
        longest_context,
        objective_economy,
        kshot_vs_lm_eval,
        shot_sweep,
        context_scaling,
        prefix_storage,
    )
}
