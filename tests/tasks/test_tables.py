import datasets
import pytest

from manyicl.errors import TaskError
from manyicl.tasks.tables import Reading, join_tables, read_table, read_text

ROWS = [{"text": "a", "label": 0}, {"text": "b", "label": 1}]


def as_lists(table):
    return [dict(table.row(index)) for index in range(len(table))]


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.jsonl", '{"text": "a", "label": 0}\n\n{"text": "b", "label": 1}'),
        ("x.ndjson", '\ufeff{"text": "a", "label": 0}\r\n{"text": "b", "label": 1}\r\n'),
        ("x.json", '[{"text": "a", "label": 0}, {"text": "b", "label": 1}]'),
        (
            "x.json",
            '{"version": 1, "data": [{"text": "a", "label": 0}, {"text": "b", "label": 1}]}',
        ),
        ("x.json", '{"text": "a", "label": 0}\n{"text": "b", "label": 1}\n'),
    ],
)
def test_json_in_its_shapes(name, content, tmp_path):
    assert as_lists(read_table(write(tmp_path, name, content))) == ROWS


def test_json_lines_keep_their_line_numbers_and_all_columns(tmp_path):
    table = read_table(write(tmp_path, "x.jsonl", '{"a": 1}\n\n{"b": 2}\n'))
    assert table.columns == ("a", "b")
    assert table.place(1).endswith("x.jsonl row 3")


def test_datasets_files_keep_their_class_names(tmp_path):
    data = datasets.Dataset.from_list(ROWS)
    data = data.cast_column("label", datasets.ClassLabel(names=["no", "yes"]))
    data.to_parquet(str(tmp_path / "x.parquet"))
    data.save_to_disk(str(tmp_path / "saved"))
    (arrow,) = (tmp_path / "saved").glob("*.arrow")
    for path in (tmp_path / "x.parquet", tmp_path / "saved", arrow):
        table = read_table(path)
        assert as_lists(table) == ROWS
        assert table.class_names == {"label": ("no", "yes")}


def test_several_files_are_one_table_numbered_through(tmp_path):
    one = read_table(write(tmp_path, "a.jsonl", '{"x": 1}\n{"x": 2}\n'))
    two = read_table(write(tmp_path, "b.jsonl", '{"x": 3, "y": 4}\n'))
    table = join_tables([one, two])
    assert as_lists(table) == [{"x": 1}, {"x": 2}, {"x": 3, "y": 4}]
    assert table.columns == ("x", "y")
    assert table.place(2) == "files a.jsonl, b.jsonl together row 3"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", '{"a": 1}\n{"a": \n', "row 2: not valid JSON"),
        ("x.jsonl", '{"a": 1}\n3\n', "row 2: holds a JSON int; a row must be an object"),
        ("x.jsonl", '[\n{"a": 1},\n{"a": 2}\n]\n', "one JSON list, not JSON Lines. Rename it"),
        ("x.jsonl", "", "holds no rows"),
        ("x.jsonl", b'{"a": "\xff"}', "line 1: byte 7"),
        ("x.json", "{", "not valid JSON"),
        ("x.json", "[1, 2]", "must hold a list of objects"),
        ("x.json", '{"a": 1}', r"without one list of rows in it \(fields: a\)"),
        ("x.parquet", "no parquet", "cannot be read as Parquet"),
        ("x.arrow", "no arrow", "cannot be read as Arrow"),
        ("x.xlsx", "", "type '.xlsx' cannot be read; known types: .jsonl, .*--from csv"),
        ("folder/x.csv", None, "no such file"),
    ],
)
def test_a_faulty_file_names_place_and_way_out(name, content, message, tmp_path):
    path = tmp_path / name if content is None else write(tmp_path, name, content)
    with pytest.raises(TaskError, match=message):
        read_table(path)


def test_many_faulty_rows_come_at_once_up_to_twenty(tmp_path):
    with pytest.raises(TaskError) as caught:
        read_table(write(tmp_path, "x.jsonl", "{\n" * 50))
    assert str(caught.value).count("not valid JSON") == 20
    assert "stopped after 20" in str(caught.value)


def test_a_folder_that_is_no_saved_dataset_says_what_to_name(tmp_path):
    with pytest.raises(TaskError, match=r"not a dataset written by save_to_disk. Name its files"):
        read_table(tmp_path)


def test_the_type_can_be_named_where_the_suffix_is_unusual(tmp_path):
    path = write(tmp_path, "export.dat", "text,label\na,x\n")
    assert read_table(path, Reading(suffix=".csv")).columns == ("text", "label")


def test_faulty_json_is_told_with_the_way_out(tmp_path):
    with pytest.raises(TaskError, match=r"(?s)row 2: not valid.*row 3: not.*one JSON object on on"):
        read_table(write(tmp_path, "x.jsonl", '{"a": 1}\n{\nb\n'))


@pytest.mark.parametrize("encoding", ["", "utf-8", "utf-8-sig"])
def test_a_mark_at_the_start_of_a_file_is_no_part_of_its_text(tmp_path, encoding):
    (tmp_path / "q.csv").write_bytes("\ufefftext\na\n".encode())
    assert read_text(tmp_path / "q.csv", encoding) == ("text\na\n", ())
