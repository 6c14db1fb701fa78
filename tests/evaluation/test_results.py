from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyicl.errors import RunError
from manyicl.evaluation.results import Results, ResultsError
from manyicl.evaluation.scores import KShotScore

UNIT = st.floats(0, 1)
NAME = st.text(min_size=1, max_size=10)
SCORES = st.builds(
    KShotScore,
    stage=NAME,
    task=NAME,
    family=NAME,
    group=NAME,
    held_out=st.booleans(),
    metric=st.sampled_from(["accuracy", "rouge_l"]),
    num_shots=st.integers(0, 1000),
    effective_shots=st.floats(0, 1000),
    seeds=st.lists(st.integers(0, 9), max_size=3).map(tuple),
    by_seed=st.lists(UNIT, max_size=3).map(tuple),
    metrics=st.dictionaries(st.sampled_from(["accuracy", "f1"]), UNIT),
    mean=UNIT,
    std=UNIT,
    stderr=UNIT,
    low=UNIT,
    high=UNIT,
    num_queries=st.integers(1, 500),
    chance=st.none() | UNIT,
    selection=NAME,
    scoring=NAME,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAME, inner, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(SCORES, max_size=4, unique_by=lambda s: (s.stage, s.task, s.num_shots)),
    st.dictionaries(NAME, JSON, max_size=3),
)
def test_what_was_written_is_read_back_equal(scores, config) -> None:
    results = Results(scores, config=config, environment={"date": "2026-01-01T00:00:00+00:00"})
    assert Results.from_json(results.to_json()) == results


def test_a_saved_file_is_loaded_by_its_name_and_by_its_folder(tmp_path: Path, make_score) -> None:
    results = Results([make_score(), make_score(num_shots=16)], training={"steps": 3})
    path = results.save(tmp_path / "run" / "results.json")
    assert Results.load(path) == Results.load(tmp_path / "run") == results
    assert os.listdir(tmp_path / "run") == ["results.json"]


def test_values_json_does_not_know_are_kept_in_a_form_it_knows() -> None:
    config = {"path": Path("a/b"), "shots": (1, 2), 3: np.float32(0.5), "loss": float("nan")}
    results = Results([], config=config)
    assert results.config == {"path": "a/b", "shots": [1, 2], "3": 0.5, "loss": None}
    json.loads(results.to_json(), parse_constant=lambda name: pytest.fail(f"{name} in the file"))


def test_a_failed_write_keeps_the_old_file_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_score
) -> None:
    path = Results([make_score()]).save(tmp_path / "results.json")
    before = path.read_text()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(RunError, match=r"results\.json: cannot be written \(No space left"):
        Results([make_score(mean=0.9)]).save(path)
    assert path.read_text() == before
    assert os.listdir(tmp_path) == ["results.json"]


def test_a_folder_in_the_way_is_an_error_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        Results([]).save(tmp_path / "file" / "results.json")


def test_two_scores_of_one_place_are_refused(make_score) -> None:
    with pytest.raises(ResultsError, match=r"task 't' at k=4 has two scores of stage 'base'"):
        Results([make_score(), make_score()])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "has no section 'manyicl'"),
        ('{"results": {}}', "has no section 'manyicl'"),
        ('{"manyicl": {"format": 99}}', "has format 99; this version reads 1"),
        ('{"manyicl": {"format": 1}}', "section 'manyicl' is damaged"),
        (
            '{"config": {}, "manyicl": {"format": 1, "scores": [{"task": "x"}], "training": {}, '
            '"environment": {}, "tasks": {}}}',
            "section 'manyicl' is damaged",
        ),
        (
            '{"config": {}, "manyicl": {"format": 1, "scores": [7], "training": {}, '
            '"environment": {}, "tasks": {}}}',
            "section 'manyicl' is damaged",
        ),
    ],
)
def test_a_file_that_is_something_else_is_an_error_with_its_name(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "results.json"
    path.write_text(text)
    with pytest.raises(ResultsError) as caught:
        Results.load(path)
    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_a_missing_or_binary_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"results\.json: not found"):
        Results.load(tmp_path)
    (tmp_path / "results.json").write_bytes(b"\xff\xfe")
    with pytest.raises(ResultsError, match="not valid UTF-8"):
        Results.load(tmp_path)


def test_stages_begin_with_base_and_shots_ascend(make_score) -> None:
    results = Results(
        [make_score(stage=s, num_shots=k) for s in ("tuned", "other", "base") for k in (16, 0)]
    )
    assert results.stages == ["base", "tuned", "other"]
    assert results.num_shots == [0, 16]
