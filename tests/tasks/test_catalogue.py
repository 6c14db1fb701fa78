import json
import re
from collections import Counter

import datasets
import pytest

from manyicl.errors import TaskError
from manyicl.tasks import read_task
from manyicl.tasks.catalogue import catalogue_entry, import_entry, load_catalogue
from manyicl.tasks.check import check_folder
from manyicl.tasks.columns import resolve_column

ENTRIES = load_catalogue()
FAMILIES = ("classification", "summarization", "qa", "nli", "math")


def variants(row, text_columns, number):
    """Rows like the entry's example row, told apart by a number in the columns of the input."""
    rows = []
    for index in range(number):
        changed = json.loads(json.dumps(row))
        for column in text_columns:
            if isinstance(changed[column], str):
                changed[column] = f"Case {index}: {changed[column]}"
            elif isinstance(changed[column], list):
                changed[column][0] = f"Case {index}: {changed[column][0]}"
            elif isinstance(changed[column], dict):
                key = next(iter(changed[column]))
                changed[column][key][0] = f"Case {index}: {changed[column][key][0]}"
        rows.append(changed)
    return rows


def input_columns(entry):
    """The columns the input is made of."""
    columns = list(entry.example["row"])
    if (found := resolve_column(entry.columns.input, columns)) is not None:
        return [found[0]]
    words = set(re.findall(r"\w+", entry.columns.input))
    return [column for column in columns if column in words]


def write_parquet(entry, rows, path):
    data = datasets.Dataset.from_list(rows)
    for column, names in entry.example.get("class_names", {}).items():
        data = data.cast_column(column, datasets.ClassLabel(names=names))
    data.to_parquet(str(path))


@pytest.fixture(autouse=True)
def _quiet():
    datasets.disable_progress_bars()


@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_imports_rows_of_its_columns(name, tmp_path):
    entry = ENTRIES[name]
    row, expected = entry.example["row"], entry.example["output"]
    columns = input_columns(entry)
    if open_labels := entry.kind == "classification" and not entry.columns.labels:
        other = {**row, entry.columns.target: "other_label"}
    files = []
    for split, number in ((entry.train, 12), (entry.test, 3)):
        if split:
            rows = variants(row, columns, number)
            if split == entry.test:
                rows = [{**r, columns[0]: _prefixed(r[columns[0]], "Test: ")} for r in rows]
            if open_labels and "class_names" not in entry.example:
                rows += variants(other, columns, 1)
                rows[-1][columns[0]] = f"Other {split}"
            path = tmp_path / f"{split}.parquet"
            write_parquet(entry, rows, path)
            files.append(f"{split}={path}")
    report = import_entry(entry, tmp_path / "tasks", files=files)

    task = read_task(report.folder)
    assert (task.name, task.family, task.kind) == (entry.name, entry.family, entry.kind)
    assert task.source["licence"] == entry.licence
    assert task.instruction
    examples = [e for e in (*task.train, *task.test) if not e.input.startswith("Other")]
    assert len(examples) == (15 if entry.test else 12)
    for example in examples:
        assert example.target == expected
        for column in columns:
            if isinstance(row[column], str):
                assert row[column].split("TL;DR:")[0].strip() in example.input
        if entry.kind == "multiple_choice":
            assert len(task.options_of(example)) >= 2
            assert all(option in example.input for option in example.options)
    kinds = {finding.kind for finding in check_folder(report.folder)}
    assert not kinds & {"unreadable", "too few options", "train/test overlap", "empty input"}


def _prefixed(value, prefix):
    if isinstance(value, str):
        return prefix + value
    if isinstance(value, list):
        return [prefix + value[0], *value[1:]]
    return {k: [prefix + v[0], *v[1:]] if i == 0 else v for i, (k, v) in enumerate(value.items())}


def test_the_catalogue_covers_the_five_families():
    families = Counter(entry.family for entry in ENTRIES.values())
    assert set(families) == set(FAMILIES)
    assert all(families[family] >= 8 for family in FAMILIES)
    assert len(ENTRIES) >= 45


def test_tasks_made_from_the_same_source_share_a_group():
    groups = {name: entry.task_fields.group for name, entry in ENTRIES.items()}
    for together in (
        ("sst2", "sst5", "imdb", "rotten_tomatoes"),
        ("gsm8k", "gsm8k_steps", "gsm_hard"),
        ("arc_easy", "arc_challenge"),
        ("aqua_rat", "mathqa"),
        ("mnli", "xnli_en"),
        ("squad", "qnli"),
        ("dialogsum", "dialogsum_topic", "dream"),
        ("mmlu", "mmlu_elementary_math"),
    ):
        assert len({groups[name] for name in together}) == 1, together
    by_source = {}
    for entry in ENTRIES.values():
        if entry.hub not in ("nyu-mll/glue", "aps/super_glue", "cardiffnlp/tweet_eval"):
            by_source.setdefault(entry.hub, set()).add(entry.task_fields.group)
    assert all(len(found) == 1 for found in by_source.values())


def test_right_options_that_stand_last_in_the_source_are_moved(tmp_path):
    entry = ENTRIES["sciq"]
    rows = variants(entry.example["row"], ["question"], 60)
    source = tmp_path / "source"
    source.mkdir()
    write_parquet(entry, rows[:50], source / "train.parquet")
    write_parquet(entry, rows[50:], source / "test.parquet")
    report = import_entry(entry, tmp_path / "out", files=[str(source)])
    places = Counter(e.options.index(e.target) for e in read_task(report.folder).train)
    assert set(places) == {0, 1, 2, 3}
    again = import_entry(entry, tmp_path / "again", files=[str(source)])
    one, other = read_task(report.folder), read_task(again.folder)
    assert one.fingerprint("train") == other.fingerprint("train")


def test_an_unknown_name_names_the_closest_and_the_list():
    with pytest.raises(
        TaskError, match=r"no task 'bankin77'. Did you mean 'banking77'\?.*tasks cat"
    ):
        catalogue_entry("bankin77")


def test_a_dataset_with_changed_columns_is_an_error_that_lists_them(tmp_path):
    rows = [{"utterance": "hello", "label_text": "greeting"}] * 5
    datasets.Dataset.from_list(rows).to_parquet(str(tmp_path / "train.parquet"))
    datasets.Dataset.from_list(rows).to_parquet(str(tmp_path / "test.parquet"))
    with pytest.raises(TaskError, match=r"no column 'text'.*Columns found: utterance, label_text"):
        import_entry(ENTRIES["banking77"], tmp_path / "out", files=[str(tmp_path)])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {name: x, famly: qa}", "unknown field 'famly'. Did you mean 'family'"),
        ("- {name: x, family: qa}", "field 'kind' is missing"),
    ],
)
def test_a_faulty_entry_names_its_field(text, message, tmp_path):
    path = tmp_path / "catalogue.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(TaskError, match=message):
        load_catalogue(path)
