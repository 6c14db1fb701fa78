import json
from pathlib import Path

import pytest

from manyicl.tasks import Example, Task, read_task, write_task
from manyicl.tasks.check import check_folder, check_task
from manyicl.tasks.check_between import check_between

SHARED = Path(__file__).resolve().parents[2].parent / "shared/data/tasks"
WORDS = (
    "river", "stone", "lamp", "cloud", "paper", "train", "apple", "chair", "storm", "bread",
    "glass", "field", "north", "piano",
)  # fmt: skip


def text(number):
    """A text of its own for every number: no two are near-duplicates."""
    picked = [WORDS[(number * 7 + i * (number + 3)) % len(WORDS)] for i in range(9)]
    return f"{number} " + " ".join(picked) + f" {number}"


def rows(start, number, labels=("good", "bad")):
    targets = [labels[i % len(labels)] for i in range(number)]
    return [Example(text(start + i), target) for i, target in enumerate(targets)]


def make_task(train=None, test=None, labels=("good", "bad"), kind="classification", **more):
    splits = {
        "train": rows(0, 20) if train is None else train,
        "test": rows(100, 10) if test is None else test,
    }
    numbered = {
        split: [Example(e.input, e.target, e.options, e.references, i) for i, e in enumerate(es, 1)]
        for split, es in splits.items()
    }
    return Task(
        more.pop("name", "t"), "qa", kind, "accuracy", more.pop("group", "t"),
        lambda split: numbered[split], labels=labels, **more,
    )  # fmt: skip


def only(task, kind, **options):
    """The one finding of a kind; nothing else may have been found."""
    findings = check_task(task, **options)
    assert [finding.kind for finding in findings] == [kind], findings
    return findings[0]


def test_a_good_task_has_no_finding():
    assert check_task(make_task()) == []


def test_the_same_row_twice_is_named_with_both_rows():
    found = only(make_task(train=[*rows(0, 20), Example(text(4).upper(), "good")]), "duplicate")
    assert (found.severity, found.split, found.rows) == ("warning", "train", (5, 21))
    assert found.message == (
        "task 't' train rows 5, 21: the same input and target. Keep one of them."
    )


def test_the_same_input_with_two_targets_is_label_noise():
    found = only(make_task(test=[*rows(100, 10), Example(text(101), "good")]), "label noise")
    assert (found.severity, found.split, found.rows) == ("warning", "test", (2, 11))
    assert "several targets: 'bad', 'good'. Keep the right one." in found.message


def test_a_test_input_in_train_is_an_error_that_names_both_places():
    found = only(make_task(test=[*rows(100, 10), Example(text(3), "bad")]), "train/test overlap")
    assert (found.severity, found.split, found.rows) == ("error", "test", (11,))
    assert "row 11: the same input stands in train.jsonl row 4" in found.message
    assert "remove it from one of the two" in found.message


def test_near_duplicates_are_found_within_a_split_and_across():
    long = " ".join(f"w{i}" for i in range(40))
    one, two, three = (Example(f"{long} {end}", "good") for end in ("a", "b", "c"))
    within = only(make_task(train=[*rows(0, 20), one, two]), "near-duplicate")
    assert (within.severity, within.rows) == ("warning", (21, 22))
    assert "1 pair of rows with nearly the same input: 21-22." in within.message
    across = only(
        make_task(train=[*rows(0, 20), one], test=[*rows(100, 10), three]),
        "train/test near-duplicate",
    )
    assert (across.split, across.rows) == ("test", (11,))
    assert "the same input: 21-11 (train-test)." in across.message


def test_questions_with_the_same_words_and_other_options_are_not_duplicates():
    question = "Which of these is the right one?"
    train = [Example(question, f"a{i}", (f"a{i}", f"b{i}")) for i in range(5)]
    test = [Example(question, f"c{i}", (f"c{i}", f"d{i}")) for i in range(3)]
    assert check_task(make_task(train, test, labels=(), kind="multiple_choice")) == []


def test_an_empty_input_is_reported():
    found = only(make_task(train=[*rows(0, 20), Example(" \n", "bad")]), "empty input")
    assert found.rows == (21,)
    assert "field 'input' is empty. Fill it in or remove the row." in found.message


def test_an_input_equal_to_its_output_is_reported():
    task = make_task(
        train=[*rows(0, 20, ("x y", "y z")), Example("Copy me", "copy me")],
        test=rows(100, 6, ("x y", "y z")), labels=(), kind="generation",
    )  # fmt: skip
    assert only(task, "input is output").rows == (21,)


def test_rows_are_over_long_by_the_median_or_by_a_limit():
    long = " ".join(f"v{i}" for i in range(200))
    task = make_task(train=[*rows(0, 20), Example(long, "good")])
    found = only(task, "over-long")
    assert (found.split, found.rows) == ("train", (21,))
    assert "the median is" in found.message
    assert check_task(task, max_chars=5000) == []
    limited = check_task(make_task(), max_chars=20)
    assert {finding.kind for finding in limited} == {"over-long"}
    assert "longer than 20 characters (the limit)" in limited[0].message


def test_short_rows_are_never_over_long_however_short_the_others_are():
    train = [Example(f"{i}", "good" if i % 2 else "bad") for i in range(20)]
    assert check_task(make_task(train=[*train, Example(text(7), "bad")])) == []


def test_imbalance_and_absent_labels_are_reported():
    skewed = [Example(e.input, "good" if i else "bad") for i, e in enumerate(rows(0, 20))]
    found = only(make_task(train=skewed), "imbalance")
    assert "19 of 20 rows have the label 'good' (95%)" in found.message
    assert "macro_f1" in found.message
    findings = check_task(make_task(labels=("good", "bad", "odd")))
    assert [(f.kind, f.split) for f in findings] == [
        ("absent label", "test"),
        ("absent label", "train"),
    ]
    assert "1 of 3 labels never occur ('odd')" in findings[0].message


def test_repeated_options_warn_and_one_distinct_option_is_an_error():
    def options(*found):
        return [Example(text(i), "a", found if i == 5 else ("a", f"b{i}")) for i in range(20)]

    test = [Example(text(100 + i), "a", ("a", f"b{i}")) for i in range(5)]
    repeated = make_task(options("a", "b", "b"), test, labels=(), kind="multiple_choice")
    assert only(repeated, "repeated option").rows == (6,)
    single = check_task(make_task(options("a", "a"), test, labels=(), kind="multiple_choice"))
    assert [(f.severity, f.kind) for f in single] == [
        ("error", "too few options"),
        ("warning", "repeated option"),
    ]


def test_a_folder_reports_reading_errors_of_both_splits_at_once(tmp_path):
    folder = write_task(make_task(), tmp_path / "t")
    with (folder / "train.jsonl").open("a") as file:
        file.write('{"input": "x"}\n{"input": "y", "output": "odd"}\n')
    (folder / "test.jsonl").write_bytes(b'{"input": "\xff"}\n')
    findings = check_folder(folder)
    assert [(f.severity, f.kind, f.split, f.rows) for f in findings] == [
        ("error", "unreadable", "test", (1,)),
        ("error", "unreadable", "train", (21,)),
        ("error", "unreadable", "train", (22,)),
    ]
    assert "field 'output' is missing" in findings[1].message
    assert "'odd', not one of the 2 labels" in findings[2].message


def test_one_broken_split_does_not_hide_findings_of_the_other(tmp_path):
    folder = write_task(make_task(train=[*rows(0, 20), *rows(0, 1)]), tmp_path / "t")
    (folder / "test.jsonl").unlink()
    kinds = [(finding.kind, finding.split) for finding in check_folder(folder)]
    assert kinds == [("unreadable", "test"), ("duplicate", "train")]


def test_a_broken_task_json_does_not_hide_broken_rows(tmp_path):
    folder = write_task(make_task(), tmp_path / "t")
    (folder / "task.json").write_text(json.dumps({"name": "t"}))
    (folder / "test.jsonl").write_text('{"input": 1, "output": "x"}\n')
    messages = [finding.message for finding in check_folder(folder)]
    assert len(messages) == 2
    assert "field 'family' is missing" in messages[0]
    assert "row 1: field 'input' is 1" in messages[1]


def test_shared_inputs_need_a_shared_group():
    one = make_task(name="one", group="a")
    two = make_task(train=rows(200, 8), test=rows(0, 4), name="two", group="b")
    (found,) = check_between([one, two])
    assert found.severity == "warning"
    assert "tasks 'one' and 'two' share 4 inputs" in found.message
    same = make_task(train=rows(200, 8), test=rows(0, 4), name="two", group="a")
    assert check_between([one, same]) == []


def test_a_name_used_twice_is_an_error():
    (found,) = check_between([make_task(), make_task()])
    assert (found.severity, found.kind) == ("error", "named twice")


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real task collection is not here")
@pytest.mark.parametrize("name", ["qa/arc_challenge", "classification/trec_fine"])
def test_real_tasks_have_no_errors(name):
    findings = check_task(read_task(SHARED / name))
    assert [finding for finding in findings if finding.severity == "error"] == []


def test_every_pair_of_tasks_is_counted_in_full():
    same = rows(0, 7)
    tasks = [
        make_task(train=same[:5], test=same[5:], name=name, group=name)
        for name in ("one", "two", "three")
    ]
    said = [finding.message for finding in check_between(tasks)]
    pairs = ["'one' and 'three'", "'one' and 'two'", "'two' and 'three'"]
    for pair, message in zip(pairs, said, strict=True):
        assert f"{pair} share 7 inputs" in message
