from __future__ import annotations

import json

from manyicl.evaluation.results import Results

KEYS = {
    "results",
    "configs",
    "versions",
    "n-shot",
    "n-samples",
    "higher_is_better",
    "config",
    "git_hash",
    "date",
}


def written(make_score) -> dict:
    scores = [
        make_score("sst2", "base", 4, metrics={"accuracy": 0.5, "macro_f1": 0.25}),
        make_score("xsum", "tuned", 0, 0.3, metric="rouge_l", metrics={"rouge_l": 0.3}),
    ]
    return json.loads(
        Results(
            scores,
            config={"seed": 1},
            environment={"git_hash": "abc", "date": "2026-01-02T00:00:00+00:00"},
            tasks={"sst2": {"fingerprint": "0123456789abcdef", "n_test": 872}},
        ).to_json()
    )


def test_the_file_has_the_keys_of_the_harness_and_ours(make_score) -> None:
    assert set(written(make_score)) == KEYS | {"manyicl"}


def test_every_row_stands_in_every_table(make_score) -> None:
    found = written(make_score)
    rows = {"sst2|k=4|base", "xsum|k=0|tuned"}
    tables = ("results", "configs", "versions", "n-shot", "n-samples", "higher_is_better")
    assert all(set(found[table]) == rows for table in tables)


def test_metrics_have_the_names_readers_know_and_an_error_beside_them(make_score) -> None:
    row = written(make_score)["results"]["sst2|k=4|base"]
    assert row == {
        "alias": "sst2",
        "acc,none": 0.5,
        "acc_stderr,none": 0.05,
        "acc_low,none": 0.4,
        "acc_high,none": 0.6,
        "macro_f1,none": 0.25,
        "macro_f1_stderr,none": "N/A",
    }
    assert written(make_score)["results"]["xsum|k=0|tuned"]["rougeL,none"] == 0.3


def test_shots_samples_versions_and_date_are_filled(make_score) -> None:
    found = written(make_score)
    assert found["n-shot"] == {"sst2|k=4|base": 4, "xsum|k=0|tuned": 0}
    assert found["n-samples"]["sst2|k=4|base"] == {"original": 872, "effective": 100}
    assert found["n-samples"]["xsum|k=0|tuned"] == {"original": "N/A", "effective": 100}
    assert found["versions"]["sst2|k=4|base"] == "0123456789ab"
    assert found["config"] == {"seed": 1}
    assert found["git_hash"] == "abc"
    assert found["date"] == 1767312000.0
    assert found["configs"]["sst2|k=4|base"]["num_fewshot"] == 4
