"""The documents say what the code does: commands parse, settings exist, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from manyicl.cli import _join_overrides, make_parser
from manyicl.cli.pretrain import RECIPES
from manyicl.config import field_docs, load_config
from manyicl.pretraining.settings import load_pretraining
from manyicl.recipes import STUDIES, shipped_recipes
from manyicl.study.settings import StudyConfig

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS += sorted((ROOT / "results").rglob("README.md"))


def commands(path: Path) -> list[str]:
    """Return the manyicl commands in a document's code blocks."""
    blocks = re.findall(r"```(?:bash|sh)?\n(.*?)```", path.read_text(encoding="utf-8"), re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [
        line.partition(" #")[0].strip()
        for line in lines
        if re.match(r"\s*(?:\w+=\S+ )*(?:\.venv/bin/)?manyicl ", line)
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_parses_and_its_settings_exist(path):
    for command in commands(path):
        words = shlex.split(command)
        words = words[next(i for i, w in enumerate(words) if w.endswith("manyicl")) + 1 :]
        args = make_parser().parse_args(_join_overrides(words))
        if "words" in vars(args):
            overrides = [word for word in args.words if "=" in word]
            first = next((word for word in args.words if "=" not in word), None)
            if args.verb == "pretrain":
                recipe = RECIPES / f"{first}.yaml"
                load_pretraining(recipe if recipe.is_file() else RECIPES / "nano.yaml", overrides)
                continue
            if args.verb == "study":
                load_config(
                    shipped_recipes(STUDIES).get(first or ""), overrides, schema=StudyConfig
                )
                continue
            load_config(shipped_recipes().get(first or ""), overrides)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_setting_named_exists(path):
    known = {key for key, _, _ in field_docs(StudyConfig)}
    sections = {key.partition(".")[0] for key in known if "." in key}
    text = path.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:\w+\.)+\w+)(?:=[^`]*)?`", text):
        # `model.config.x` names a setting of the model's own config.
        if name.partition(".")[0] in sections and not name.startswith("model.config."):
            is_file = name.endswith((".md", ".json", ".py", ".yaml"))
            assert is_file or name in known or any(k.startswith(f"{name}.") for k in known), name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_files_the_design_names_exist():
    text = (ROOT / "docs/design.md").read_text(encoding="utf-8")
    for name in re.findall(r"`((?:\w+/)+\w+\.py)`", text):
        assert (ROOT / name).exists() or (ROOT / "manyicl" / name).exists(), name
