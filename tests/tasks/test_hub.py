import datasets
import pytest
from datasets.exceptions import DatasetNotFoundError

from manyicl.errors import TaskError
from manyicl.tasks import read_task
from manyicl.tasks.catalogue import catalogue_entry, import_entry
from manyicl.tasks.hub import hub_tables, local_tables


def rows(number, start=0):
    return [{"text": f"text {i}", "label": i % 2} for i in range(start, start + number)]


def save(path, number, start=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_list(rows(number, start)).to_parquet(str(path))
    return path


@pytest.fixture(autouse=True)
def _quiet():
    datasets.disable_progress_bars()


@pytest.fixture
def hub(monkeypatch):
    """Stand in for the hub; `calls` are the arguments load_dataset was called with."""

    class Hub:
        calls: tuple = ()
        splits = ("train", "validation", "test")
        error: Exception | None = None

        def load(self, *args, **kwargs):
            self.calls = (*self.calls, (args, kwargs))
            if self.error:
                raise self.error
            return datasets.DatasetDict(
                {s: datasets.Dataset.from_list(rows(4, 10 * i)) for i, s in enumerate(self.splits)}
            )

    found = Hub()
    monkeypatch.setattr(datasets, "load_dataset", found.load)
    return found


def texts(table):
    return [table.row(i)["text"] for i in range(len(table))]


def test_the_test_split_is_test_or_else_validation_or_none(hub):
    assert texts(hub_tables("o/n")["test"])[0] == "text 20"
    hub.splits = ("train", "validation")
    assert texts(hub_tables("o/n")["test"])[0] == "text 10"
    assert set(hub_tables("o/n", test="")) == {"train"}
    hub.splits = ("train",)
    assert set(hub_tables("o/n")) == {"train"}


def test_no_script_is_ever_allowed_to_run(hub):
    hub_tables("o/n", "cfg", revision="v1")
    assert hub.calls == ((("o/n",), {"name": "cfg", "revision": "v1"}),)


def test_the_parquet_export_is_read_by_the_folder_of_the_configuration(hub):
    hub_tables("o/n", "plain_text", revision="refs/convert/parquet")
    export = {"data_dir": "plain_text", "revision": "refs/convert/parquet"}
    assert hub.calls == ((("o/n",), export),)


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (ConnectionError("Couldn't reach 'o/n' on the Hub"), ["the hub cannot be reached"]),
        (DatasetNotFoundError("Dataset 'o/n' doesn't exist."), ["doesn't exist", "Check the id"]),
        (RuntimeError("Dataset scripts are no longer supported, but found n.py"), [
            "needs its own loading script", "refs/convert/parquet"]),
        (OSError("disk quota exceeded\nmore"), ["cannot be loaded (OSError: disk quota exceeded)"]),
    ],
)  # fmt: skip
def test_a_hub_that_fails_says_why_and_names_local_files_as_the_way_out(hub, error, parts):
    hub.error = error
    with pytest.raises(TaskError) as caught:
        hub_tables("o/n", "cfg")
    message = str(caught.value)
    assert message.startswith("o/n (cfg): ")
    for part in (*parts, "--files train=PATH test=PATH"):
        assert part in message
    assert "\n" not in message


def test_an_unknown_configuration_lists_the_known_ones(hub):
    hub.error = ValueError("BuilderConfig 'x' not found. Available: ['a', 'b']")
    with pytest.raises(TaskError, match=r"Available: \['a', 'b'\] Choose one with --config"):
        hub_tables("o/n", "x")


def test_an_unknown_split_lists_the_known_ones(hub):
    with pytest.raises(TaskError, match=r"no split 'tset'. Did you mean 'test'.*--test-split"):
        hub_tables("o/n", test="tset")


def test_the_catalogue_reaches_the_hub_with_one_call(hub, tmp_path):
    entry = catalogue_entry("rotten_tomatoes")
    report = import_entry(entry, tmp_path)
    assert [call[0] for call in hub.calls] == [("cornell-movie-review-data/rotten_tomatoes",)]
    assert read_task(report.folder).labels == ("negative", "positive")


@pytest.mark.parametrize(
    "names",
    [
        ("train.parquet", "test.parquet"),
        ("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"),
        ("train/0000.parquet", "test/0000.parquet"),
        ("my_train_v2.parquet", "my-validation.parquet"),
    ],
)
def test_a_folder_of_files_is_read_by_the_split_names_in_them(names, tmp_path):
    save(tmp_path / names[0], 6)
    save(tmp_path / names[1], 3, start=50)
    tables = local_tables([str(tmp_path)])
    assert (len(tables["train"]), len(tables["test"])) == (6, 3)


def test_the_folder_of_the_configuration_comes_first_and_shards_are_joined(tmp_path):
    save(tmp_path / "other/train-0.parquet", 9)
    save(tmp_path / "cfg/train-0.parquet", 2)
    save(tmp_path / "cfg/train-1.parquet", 3, start=10)
    tables = local_tables([str(tmp_path)], "cfg")
    assert texts(tables["train"]) == [f"text {i}" for i in (0, 1, 10, 11, 12)]
    named = local_tables([f"train={tmp_path}/cfg/train-{i}.parquet" for i in (0, 1)])
    assert texts(named["train"]) == texts(tables["train"])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["a.parquet", "b.parquet"], "'a.parquet' names no split. Write train=PATH test=PATH"),
        (["train=a.parquet", "b.parquet"], "'b.parquet' names no split"),
        (["trian=a.parquet"], "no split 'train'. Did you mean 'trian'.*Splits found: trian"),
        (["nowhere"], "nowhere: no such file or folder"),
        (["train=nowhere.parquet"], "nowhere.parquet: no such file"),
    ],
)
def test_local_files_that_cannot_be_used_say_why(files, message):
    with pytest.raises(TaskError, match=message):
        local_tables(files)


def test_a_folder_without_a_train_file_lists_what_it_holds(tmp_path):
    save(tmp_path / "part1.parquet", 3)
    with pytest.raises(TaskError, match=r"no file of the split 'train' \(files: part1.parquet\)"):
        local_tables([str(tmp_path)])
