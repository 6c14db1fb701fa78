"""A pre-training goes on with the text it was trained on: other text is refused, by its source."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pretraining.tiny_pretraining import BLOCKS, again, documents, stop_at, tiny_config
from training.tiny_runs import assert_same_weights

from manyicl.errors import CorpusError
from manyicl.pretraining.measure import measure
from manyicl.training import checkpoint as sealing
from manyicl.training.checkpoint import checkpoints

pytestmark = pytest.mark.usefixtures("small")


def longer(corpus: Path) -> None:
    with (corpus / "novels.txt").open("a") as file:
        file.write("\n\n" + documents(9)[0])


def reordered(corpus: Path) -> None:
    """The same documents, so as many tokens."""
    parts = (corpus / "novels.txt").read_text().strip().split("\n\n")
    (corpus / "novels.txt").write_text("\n\n".join([*parts[1:], parts[0]]))


def one_less(corpus: Path) -> None:
    (corpus / "novels.txt").unlink()


def one_more(corpus: Path) -> None:
    (corpus / "plays.txt").write_text("\n\n".join(documents(9)))


def repacked(corpus: Path) -> None:
    path = corpus / "novels.txt"
    path.write_text(path.read_text().replace("\n\n", "\n\n\n"))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (longer, r"source 'novels' had \d,\d{3} training tokens and has \d,\d{3}\."),
        (reordered, r"source 'novels' has other text, of as many tokens\."),
        (one_less, r"source 'novels' is gone\."),
        (one_more, r"source 'plays' is new\."),
        (repacked, r"source 'novels' was a file of \d\d,\d{3} bytes and is one of"),
    ],
)
def test_other_text_is_refused_and_the_old_one_goes_on(
    folder, finished, tmp_path_factory, change: Callable[[Path], None], found
):
    """Between two stages, where no stream of text is under way."""
    whole = tmp_path_factory.mktemp("whole")
    shutil.copytree(finished, whole, dirs_exist_ok=True)
    again(whole)
    shutil.copytree(folder / "corpus", folder / "kept")
    change(folder / "corpus")
    with pytest.raises(CorpusError, match=found) as refused:
        again(folder)
    assert f"{folder / 'corpus'} is not the text that {folder / 'run'} was" in str(refused.value)
    assert f"in a new run_dir, with start_from={folder / 'run' / 'model'} to" in str(refused.value)
    again(folder, corpus=str(folder / "kept"))
    assert_same_weights(folder / "run" / "model", whole / "run" / "model")
    assert_same_weights(*(checkpoints(path / "run")[0] for path in (folder, whole)))


def test_in_the_middle_of_a_stage_too(folder):
    with stop_at(8), pytest.raises(KeyboardInterrupt):
        again(folder)
    shutil.rmtree(folder / "run" / "model")
    longer(folder / "corpus")
    with pytest.raises(CorpusError, match=r"'novels' had .* or begin in a new run_dir\.$"):
        again(folder)


def test_all_that_changed_is_named(folder):
    one_more(folder / "corpus")
    longer(folder / "corpus")
    with pytest.raises(CorpusError, match=r"'novels' had .* and has .*, source 'plays' is new"):
        again(folder)


def test_text_that_is_not_trained_on_may_change(folder):
    """With weights: sources without one, new ones, and how the others are packed."""
    settings = {"run": "weighted", "weights": {"letters": 1.0}}
    again(folder, **settings, stages=[BLOCKS])
    shutil.copytree(folder / "weighted", folder / "whole")
    again(folder, **(settings | {"run": "whole"}))
    longer(folder / "corpus")
    one_more(folder / "corpus")
    path = folder / "corpus" / "letters.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    again(folder, **settings)
    assert_same_weights(folder / "weighted" / "model", folder / "whole" / "model")


def forget_text(checkpoint: Path) -> None:
    """Make a checkpoint one of the first versions."""
    path = checkpoint / "progress.json"
    progress = json.loads(path.read_text())
    assert progress.pop("sources").keys() == {"letters", "novels"}
    path.write_text(json.dumps(progress))
    sealing.seal(checkpoint)


def test_a_checkpoint_that_does_not_know_its_text_goes_on_and_learns_it(folder):
    shutil.copytree(folder / "run", folder / "whole")
    again(folder, run="whole")
    for path in checkpoints(folder / "run"):
        forget_text(path)
    with stop_at(8), pytest.raises(KeyboardInterrupt):
        again(folder)
    newest = json.loads((checkpoints(folder / "run")[0] / "progress.json").read_text())
    assert newest["sources"].keys() == {"letters", "novels"}
    again(folder)
    assert_same_weights(folder / "run" / "model", folder / "whole" / "model")


def test_a_card_of_other_text_is_refused(folder):
    longer(folder / "corpus")
    with pytest.raises(CorpusError, match="source 'novels' had"):
        measure(tiny_config(folder, stages=[BLOCKS]))


def test_a_corpus_may_move(folder):
    moved = folder / "elsewhere"
    (folder / "corpus").rename(moved)
    again(folder, corpus=str(moved))
