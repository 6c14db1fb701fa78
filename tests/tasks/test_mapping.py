import pytest

from manyicl.errors import TaskError
from manyicl.tasks.columns import as_text, template
from manyicl.tasks.mapping import ColumnMapping, RowMapper, label_names, list_options


def convert(mapping, row, class_names=None):
    """The example of one row, through the same path as an import."""
    return RowMapper(ColumnMapping(**mapping), list(row), "t.csv", class_names).example(row, 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), ("a", "a"), (True, "true"), (False, "false"), (3, "3"), (3.0, "3"),
        (2.5, "2.5"), (["a", 1], "a\n1"), ([], ""),
    ],
)  # fmt: skip
def test_cells_as_text(value, text):
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", "one"),
        ("a.b", "dotted"),
        ("o.text", "x\ny"),
        ("{a}: {n}", "one: 7"),
        ("{ a }", "one"),
        ("{two words}", "2w"),
        ("{o.text}", "x\ny"),
        ("{l.k}", "p\nq"),
        ("{{ a | upper }} {{ row['two words'] }}", "ONE 2w"),
        ("{% for x in o.text %}{{ x }};{% endfor %}", "x;y;"),
        ("{braces}", "{n} {{ a }}"),  # values are never expanded again
    ],
)
def test_templates_over_columns(text, expected):
    row = {
        "a": "one",
        "a.b": "dotted",
        "n": 7,
        "two words": "2w",
        "o": {"text": ["x", "y"]},
        "l": [{"k": "p"}, {"k": "q"}],
        "braces": "{n} {{ a }}",
    }
    assert template(text, list(row), "input", "t.csv")(row) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("txt", r"t.csv: no column 'txt' \(wanted as input\). Did you mean 'text'\?.*text, label"),
        ("TEXT", "Did you mean 'text'"),
        ("{txt} and {label}", "no column 'txt'"),
        ("{{ txt }}", "no column 'txt'"),
        ("{{ text | nofilter }}", "not a Jinja template"),
        ("{{ text ", "not a Jinja template"),
        ("label.x", "'label.x': 'b' has no fields"),
        ("{{ text.nothing }}", "cannot be rendered"),
        ("{{ ''.__class__.__mro__ }}", "cannot be rendered"),
    ],
)
def test_a_faulty_template_names_what_is_wrong(text, message):
    row = {"text": "a", "label": "b"}
    with pytest.raises(TaskError, match=message):
        template(text, list(row), "input", "t.csv")(row)


OPTIONS = {"q": "Pick", "o": ["red", "blue", "1"], "one": "red", "two": "blue", "three": "1"}


@pytest.mark.parametrize(
    ("target", "target_is", "expected"),
    [
        ("blue", "auto", "blue"),
        ("B", "auto", "blue"),
        ("b", "key", "blue"),
        (1, "auto", "blue"),
        (1, "index1", "red"),
        ("1", "auto", "1"),  # the text of an option comes before any index
        ("1", "index", "blue"),
        ("1", "text", "1"),
        (2.0, "index", "1"),
    ],
)
@pytest.mark.parametrize("options", [("o",), ("one", "two", "three")])
def test_what_the_target_column_means(target, target_is, expected, options):
    mapping = {"input": "q", "target": "t", "options": options, "target_is": target_is}
    example = convert(mapping, OPTIONS | {"t": target})
    assert example.target == expected
    assert example.options == ("red", "blue", "1")
    assert example.input == "Pick\nOptions: (A) red (B) blue (C) 1"


@pytest.mark.parametrize(
    ("target", "target_is", "message"),
    [
        ("green", "auto", "is 'green', which is no text of the options.*set target_is"),
        ("D", "auto", "is 'D', which is no key"),
        (3, "auto", "is '3', which is no index"),
        (-1, "index", "is '-1', which is no index"),
        (0, "index1", "no index1"),
        ("2", "auto", "an index from 0 or from 1"),
        ("", "auto", "target 't' is empty"),
        (None, "auto", "target 't' is empty"),
    ],
)
def test_a_target_that_is_no_option_is_an_error(target, target_is, message):
    mapping = {"input": "q", "target": "t", "options": ("o",), "target_is": target_is}
    with pytest.raises(TaskError, match=message):
        convert(mapping, OPTIONS | {"t": target})


def test_options_with_their_own_keys():
    row = {"q": "Pick", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "key": "2"}
    mapping = {"input": "q", "target": "key", "options": ("choices.text",)}
    assert convert(mapping | {"option_keys": "choices.label"}, row).target == "y"


def test_options_in_one_text_are_split_and_their_keys_removed():
    row = {"q": "1+1", "o": "a ) 1 , b ) 2 , c ) 1,000", "t": "b"}
    mapping = {"input": "q", "target": "t", "options": ("o",), "target_is": "key"}
    with pytest.raises(TaskError, match=r"not a list. Name several columns, or give option_split"):
        convert(mapping, row)
    example = convert(mapping | {"option_split": r"\s*,?\s*[a-e] \) "}, row)
    assert (example.target, example.options) == ("2", ("1", "2", "1,000"))
    keyed = {"q": "1+1", "o": ["A)1", "(B) 2", "C. A) b"], "t": "C"}
    assert convert(mapping | {"strip_option_keys": True}, keyed).options == ("1", "2", "A) b")


def test_empty_options_keep_their_place_for_the_index_and_are_then_left_out():
    row = {"q": "Pick", "a": "x", "b": "", "c": "z", "t": 2}
    mapping = {"input": "q", "target": "t", "options": ("a", "b", "c")}
    example = convert(mapping, row)
    assert (example.target, example.options) == ("z", ("x", "z"))
    with pytest.raises(TaskError, match="no index"):
        convert(mapping, row | {"t": 1})


def test_class_numbers_get_the_names_of_the_table_or_of_the_mapping():
    row = {"x": "text", "y": 1}
    names = {"y": ("not_spam", "is_spam")}
    mapping = {"input": "x", "target": "y"}
    assert convert(mapping, row, names).target == "is_spam"
    assert convert(mapping | {"readable": True}, row, names).target == "is spam"
    labels = {"labels": label_names(["ham", "spam"])}
    assert convert(mapping | labels, row, names).target == "spam"
    by_name = {"labels": {"not_spam": "ham", "is_spam": "spam"}}
    assert convert(mapping | by_name, row, names).target == "spam"
    assert convert(mapping | {"labels": {"true": "yes"}}, {"x": "t", "y": True}).target == "yes"


def test_a_value_without_a_label_names_the_known_ones_and_how_to_drop_it():
    mapping = {"input": "x", "target": "y", "labels": label_names(["ham", "spam"])}
    with pytest.raises(TaskError) as caught:
        convert(mapping, {"x": "text", "y": -1})
    assert "target 'y' is '-1', which has no label; known: 0 = ham, 1 = spam" in str(caught.value)
    assert "drop such rows (y=-1)" in str(caught.value)
    with pytest.raises(TaskError, match=r"has 2 classes \(a, b\); 'labels' names the numbers 2"):
        convert(mapping | {"labels": label_names("xyz")}, {"x": "t", "y": 0}, {"y": ("a", "b")})


def test_a_list_of_answers_gives_target_and_references():
    row = {"q": "Who?", "answers": {"text": ["Ada", "Ada L.", "Ada"]}, "value": "A. L."}
    example = convert({"input": "q", "target": "answers.text"}, row)
    assert (example.target, example.references) == ("Ada", ("Ada", "Ada L."))
    example = convert({"input": "q", "target": "value", "references": "answers.text"}, row)
    assert (example.target, example.references) == ("A. L.", ("A. L.", "Ada", "Ada L."))


def test_filters_drop_and_keep_rows_by_value():
    mapping = ColumnMapping("x", "y", drop={"y": ("-1",)}, keep={"lang": ("en", "de")})
    mapper = RowMapper(mapping, ["x", "y", "lang"], "t")
    assert mapper.filtered({"x": "a", "y": 1, "lang": "en"}) == ""
    assert mapper.filtered({"x": "a", "y": -1, "lang": "en"}) == "column 'y' is -1"
    assert mapper.filtered({"x": "a", "y": 1, "lang": "fr"}) == "column 'lang' is not en or de"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"x": " ", "y": "a"}, "input 'x' is empty"),
        ({"x": "a", "y": ["", ""]}, "target 'y' is empty"),
        ({"x": "a", "y": []}, "target 'y' is empty"),
        ({"x": {"k": 1}, "y": "a"}, r"input 'x' is an object with the fields 'k'"),
        ({"x": "half \ud83d", "y": "a"}, "half of a character"),
    ],
)
def test_a_row_that_makes_no_example_says_why(row, message):
    with pytest.raises(TaskError, match=message):
        convert({"input": "x", "target": "y"}, row)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"input": "a", "targt": "b"}, "unknown field 'targt'. Did you mean 'target'"),
        ({"input": "a"}, "field 'target' must name a column or a template"),
        ({"input": "a", "target": "b", "target_is": "letter"}, "must be one of auto, text, index"),
    ],
)
def test_a_faulty_mapping_names_its_field(found, message):
    with pytest.raises(TaskError, match=message):
        ColumnMapping.from_dict(found, "entry 1")


def test_option_letters_go_on_as_numbers():
    assert list_options(["x"] * 27).endswith("(Z) x (27) x")
