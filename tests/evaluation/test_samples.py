from __future__ import annotations

import json

import pytest

from manyicl.evaluation.samples import Sample
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
