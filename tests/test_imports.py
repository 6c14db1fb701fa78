"""What is imported before it is needed is waited for by everyone: a `--help` needs no torch."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = {
    "accelerate", "bm25s", "datasets", "jinja2", "matplotlib", "numpy", "omegaconf", "pandas",
    "peft", "pyarrow", "scipy", "sklearn", "tokenizers", "torch", "transformers", "trl",
}  # fmt: skip
# Each step is taken in one process, after the ones before it.
STEPS = {
    "package": "import manyicl",
    "parser": "from manyicl.cli import make_parser; make_parser()",
    "help of a verb": "make_parser().parse_args(['train', 'demo', '--profile'])",
    "tasks list": "from manyicl.cli import main; main(['tasks', 'list'])",
    "config": "main(['config'])",
    "predict": "import manyicl.inference.predict, manyicl.cli.predict",
    "load a model": "import manyicl.models.load",
}
SCRIPT = """
import contextlib, io, json, sys
seen = {}
for name, step in json.loads(sys.argv[1]).items():
    with contextlib.redirect_stdout(io.StringIO()):
        exec(step)
    seen[name] = sorted(set(sys.modules) & set(json.loads(sys.argv[2])))
print(json.dumps(seen))
"""


def test_heavy_packages_are_imported_by_what_needs_them():
    arguments = [json.dumps(STEPS), json.dumps(sorted(HEAVY))]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True
    )
    seen = {name: set(modules) for name, modules in json.loads(done.stdout).items()}
    for name in ("package", "parser", "help of a verb", "tasks list"):
        assert seen[name] == set(), name
    assert seen["config"] <= {"omegaconf"}
    # torch and the tokenizers, but neither the trainer's libraries nor transformers before a model.
    needed = {"jinja2", "numpy", "omegaconf", "tokenizers", "torch"}
    assert seen["load a model"] <= needed
    assert seen["predict"] <= needed
