from __future__ import annotations

import json
from pathlib import Path

import pytest

from manyicl.errors import RunError
from manyicl.evaluation.samples import Sample, SampleWriter
from manyicl.tasks import Example

HARNESS_KEYS = {
    "doc_id",
    "doc",
    "target",
    "arguments",
    "resps",
    "filtered_resps",
    "filter",
    "metrics",
    "doc_hash",
    "prompt_hash",
    "target_hash",
}


def make_sample(**changes) -> Sample:
    fields = {
        "task": "t",
        "stage": "base",
        "num_shots": 4,
        "seed": 0,
        "doc_id": 7,
        "example": Example("Grüße", "positive", options=("positive", "negative")),
        "prompt": "shots and query",
        "arguments": [" positive", " negative"],
        "responses": [-0.5, -1.5],
        "prediction": "positive",
        "metrics": {"accuracy": 1.0},
    }
    return Sample(**fields | changes)


def test_a_record_has_the_keys_of_the_harness_and_where_it_stands_in_the_sweep() -> None:
    record = make_sample().as_record()
    assert set(record) >= HARNESS_KEYS
    assert record["doc"] == make_sample().example.as_row()
    assert (record["stage"], record["num_shots"], record["seed"]) == ("base", 4, 0)
    assert record["metrics"] == ["accuracy"]
    assert record["accuracy"] == 1.0
    assert "shots and query" not in json.dumps(record)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"prompt": "other"}, "prompt_hash"),
        ({"example": Example("Grüße", "negative")}, "target_hash"),
        ({"example": Example("other", "positive")}, "doc_hash"),
    ],
)
def test_hashes_tell_prompts_targets_and_documents_apart(change, key: str) -> None:
    same, other = make_sample().as_record(), make_sample(**change).as_record()
    assert same[key] == make_sample().as_record()[key]
    assert same[key] != other[key]


def test_a_prompt_may_be_token_ids() -> None:
    first, second = (make_sample(prompt=ids).as_record() for ids in ((1, 23), (12, 3)))
    assert first["prompt_hash"] != second["prompt_hash"]


def test_lines_are_read_back_and_the_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "run" / "samples.jsonl"
    samples = [make_sample(), make_sample(prediction="a\u2028b \ud800"), make_sample(doc_id=8)]
    with SampleWriter(path) as writer:
        for sample in samples:
            writer.write(sample)
        assert not path.exists()
    lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    assert [json.loads(line) for line in lines] == [sample.as_record() for sample in samples]


def test_an_interrupted_run_leaves_a_part_that_does_not_look_whole(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text("older\n")

    def interrupted() -> None:
        with SampleWriter(path) as writer:
            writer.write(make_sample())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "older\n"
    assert len((tmp_path / "samples.jsonl.part").read_text().splitlines()) == 1


def test_an_unwritable_place_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(RunError, match=r"samples\.jsonl: cannot be written"),
        SampleWriter(tmp_path / "file" / "samples.jsonl"),
    ):
        pass
