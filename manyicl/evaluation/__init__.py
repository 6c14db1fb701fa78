"""How well it answers: metrics, the k-shot sweep, intervals, and the results file."""

from manyicl.evaluation.results import Results
from manyicl.evaluation.scores import KShotScore

__all__ = ["KShotScore", "Results"]
