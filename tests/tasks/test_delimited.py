import pytest

from manyicl.errors import TaskError
from manyicl.tasks.guess import guess_columns
from manyicl.tasks.tables import Reading, read_table


def read(tmp_path, content, name="my.csv", **reading):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, Reading(**reading))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("text,label\na b,x\nc,y\n", "my.csv"),
        ("text;label\na b;x\nc;y\n", "my.csv"),
        ("text\tlabel\na b\tx\nc\ty\n", "my.tsv"),
        ("text\tlabel\na b\tx\nc\ty\n", "my.csv"),
        ("text|label\r\na b|x\r\nc|y\r\n", "my.txt"),
        ("\ufefftext,label\na b,x\n\n,\nc,y", "my.csv"),
        ('"text","label"\n"a b","x"\n"c","y"\n', "my.csv"),
        ("text,label\na b,x\nc,y\n".encode("utf-16"), "my.csv"),
    ],
)
def test_delimiter_header_mark_and_blank_rows_are_found_out(content, name, tmp_path):
    table = read(tmp_path, content, name)
    assert table.columns == ("text", "label")
    assert list(table.rows) == [{"text": "a b", "label": "x"}, {"text": "c", "label": "y"}]


def test_cells_may_hold_delimiters_quotes_and_line_ends(tmp_path):
    table = read(tmp_path, 'text,label\n"a, ""b""\nc",x\nd,y\n')
    assert table.row(0)["text"] == 'a, "b"\nc'
    # numbered as a spreadsheet does: a cell of two lines is one row
    assert [table.number(i) for i in range(2)] == [2, 3]


@pytest.mark.parametrize(
    ("content", "header", "reason"),
    [
        ("I want a refund,billing\nwhere is it,delivery\nmoney,billing\n", False, "later row"),
        ("Anfrage,Klasse\nich will mein Geld,Geld\nwo ist es,Lieferung\n", True, "short"),
        ("1,x\n2,y\n", False, "number"),
        ("a,\nb,c\n", False, "empty"),
        ("same,same\na,b\n", False, "twice"),
        ("is it late yet,no it is not\nwill it rain,perhaps it will\n", False, "several words"),
        ("Text,Label\na,b\n", True, "usual column name"),
    ],
)
def test_header_detection_gives_its_reason(content, header, reason, tmp_path):
    table = read(tmp_path, content)
    assert (table.columns[0] != "column1") == header
    (note,) = table.notes
    assert f"first row {'is' if header else 'is not'} a header" in note
    assert reason in note


def test_a_named_column_makes_the_first_row_a_header(tmp_path):
    table = read(tmp_path, "frage text,k\na,frage\nb,k\n", wanted=("frage text",))
    assert table.columns == ("frage text", "k")


def test_header_can_be_switched_off(tmp_path):
    table = read(tmp_path, "text,label\na,b\n", header=False)
    assert table.columns == ("column1", "column2")
    assert len(table) == 2


def test_rows_of_another_width_are_named_together_with_the_way_out(tmp_path):
    with pytest.raises(TaskError) as caught:
        read(tmp_path, "text,label\na,b,c\nd,e\nf\n")
    message = str(caught.value)
    assert "my.csv row 2: 3 cells where the first row has 2." in message
    assert "my.csv row 4: 1 cell where the first row has 2." in message
    assert "--delimiter" in message


def test_an_open_quote_is_an_error_and_not_half_a_file(tmp_path):
    with pytest.raises(TaskError, match=r"row 2 \(line 3\): not valid CSV.*left open"):
        read(tmp_path, 'text,label\n"a,x\nb,y\n')


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no rows"),
        ("text,label\n", "holds no rows"),
        ("text,text\na,b\n", r"row 1: the header names 'text' twice.*--no-header"),
        (b"text,label\nna\xefve,x\n", r"line 2: byte 13 \(0xef\) is not valid UTF-8.*cp1252"),
    ],
)
def test_a_faulty_file_names_place_and_way_out(content, message, tmp_path):
    with pytest.raises(TaskError, match=message):
        read(tmp_path, content)


def test_another_encoding_can_be_named(tmp_path):
    table = read(tmp_path, b"text,label\nna\xefve,x\n", encoding="cp1252")
    assert table.row(0)["text"] == "naïve"
    with pytest.raises(TaskError, match="'utf-9' is not an encoding"):
        read(tmp_path, "a,b\n", encoding="utf-9")


def test_very_long_cells_are_read(tmp_path):
    table = read(tmp_path, f"text,label\n{'x' * 300_000},y\n")
    assert len(table.row(0)["text"]) == 300_000


MESSY = "Message text,Team ,\nI was charged twice,billing,\nwhere is it,delivery,x\n"


@pytest.mark.parametrize("wanted", ["message text", "Mesage text", "text", "TEAM"])
def test_a_cell_like_a_named_column_makes_the_first_row_a_header(wanted, tmp_path):
    table = read(tmp_path, MESSY, wanted=(wanted,))
    assert table.columns == ("Message text", "Team", "")
    assert len(table) == 2
    assert "that is asked for" in table.notes[0]


def test_a_first_row_judged_to_be_data_is_shown_with_the_way_out(tmp_path):
    with pytest.raises(TaskError) as caught:
        read(tmp_path, MESSY, wanted=("body", "label"))
    message = str(caught.value)
    assert "no column 'body'. The first row was judged to be data" in message
    assert "first row: 'Message text', 'Team ', ''." in message
    assert "as they stand in it, e.g. 'Message text'" in message
    with pytest.raises(TaskError, match=r"cannot tell.*first row: 'Message text', 'Team ', ''"):
        guess_columns(read(tmp_path, MESSY))


def test_a_column_that_only_may_be_there_must_be_named_exactly(tmp_path):
    assert read(tmp_path, "1,texta\n2,b\n", usual=("texte",)).columns[0] == "column1"
    assert read(tmp_path, "1,text\n2,b\n", usual=("text",)).columns == ("1", "text")


def test_a_number_of_a_column_is_a_name_where_the_first_row_is_data(tmp_path):
    table = read(tmp_path, "1,x\n2,y\n", wanted=("column1", "column2"))
    assert len(table) == 2


def test_rows_of_another_width_are_told_not_to_be_skipped(tmp_path):
    with pytest.raises(TaskError, match=r"not skipped by --skip-bad-rows: their cells may stand"):
        read(tmp_path, "text,label\na,b,c\nd,e\n")
