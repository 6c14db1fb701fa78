"""The house: imports point one way, modules stay small, no stray generic modules."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

import manyicl

PACKAGE = Path(manyicl.__file__).parent
# Pre-training makes the base model, a study compares whole runs: no stage may need them.
ORDER = [
    "tasks",
    "episodes",
    "training",
    "inference",
    "evaluation",
    "report",
    "pretraining",
    "study",
    "benchmarks",
]
# What every stage may use.
FREE = {"config", "errors", "files", "models", "quiet", "recipes", "signals", "version"}
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Return the packages of manyicl that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        found |= {n.split(".")[1] for n in names if n.startswith("manyicl.")}
    return found


def test_no_import_points_from_a_stage_to_a_later_one():
    for path in MODULES:
        package = path.relative_to(PACKAGE).parts[0]
        if package in ORDER:
            allowed = set(ORDER[: ORDER.index(package) + 1]) | FREE
            assert imported(path) <= allowed, path
        elif package in ("config", "models", "recipes"):
            assert imported(path) <= FREE, path


def test_modules_are_small():
    lengths = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in MODULES}
    longest = sorted(lengths.items(), key=lambda item: -item[1])[:5]
    assert median(lengths.values()) < 200, longest
    assert longest[0][1] <= 400, longest


def test_no_module_has_a_name_that_says_nothing():
    for path in MODULES:
        assert path.stem not in {"utils", "util", "helpers", "common", "misc"}, path


def test_every_module_says_what_it_is_for():
    for path in MODULES:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
