import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyicl.errors import TaskError
from manyicl.tasks.duplicates import near_duplicates, normalise
from manyicl.tasks.mapping import ColumnMapping, RowMapper
from manyicl.tasks.sampling import Limits, draw, split_off_test
from manyicl.tasks.tables import Table
from manyicl.tasks.task import Example


def table_of(pairs):
    rows = [{"x": x, "y": y} for x, y in pairs]
    return Table("t", ("x", "y"), rows)


def take(pairs, limit=10**6, closed=True, limits=None, mapping=None, **options):
    table = table_of(pairs)
    mapper = RowMapper(mapping or ColumnMapping("x", "y"), table.columns, "t")
    drawn = draw(table, mapper, limit, limits or Limits(), **options)
    return drawn.settle(closed, limit), drawn.counts


TEXTS = st.sampled_from(["a", "A ", "b", "c", "d", "e", "f"])
PAIRS = st.lists(st.tuples(TEXTS, st.sampled_from(["p", "q", "P"])), min_size=1, max_size=30)


@given(PAIRS, st.booleans(), st.integers(1, 8), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_every_row_looked_at_is_taken_or_counted(pairs, closed, limit, seed):
    examples, counts = take(pairs, limit, closed, Limits(seed=seed))
    assert len(examples) <= limit
    assert counts.looked_at == len(examples) + counts.left_out.total()
    assert counts.left_out.total() == sum(map(len, counts.where.values()))
    queries = [normalise(example.input) for example in examples]
    assert len(set(queries)) == len(queries)
    assert [e.row for e in examples] == sorted(e.row for e in examples)
    if closed:  # without a limit, nothing with two answers is left
        everything, _ = take(pairs, closed=True)
        for example in everything:
            answers = {normalise(y) for x, y in pairs if normalise(x) == normalise(example.input)}
            assert len(answers) == 1


def test_duplicates_and_conflicts_are_counted_apart():
    pairs = [("a", "p"), ("A", "p"), ("b", "p"), ("b", "q"), ("c", "q"), ("b", "p")]
    examples, counts = take(pairs)
    assert [e.row for e in examples] == [1, 5]
    assert counts.where == {
        "duplicate input (the first is kept)": [2, 6],
        "same input with different answers (none is kept)": [3, 4],
    }
    examples, counts = take(pairs, closed=False)
    assert [e.row for e in examples] == [1, 3, 5]
    assert counts.where["duplicate input with another target (the first is kept)"] == [4]


def test_the_same_words_with_other_options_are_another_query():
    rows = [{"x": "Which?", "y": f"a{i}", "o": [f"a{i}", f"b{i}"]} for i in range(3)]
    mapper = RowMapper(ColumnMapping("x", "y", ("o",)), ["x", "y", "o"], "t")
    assert len(draw(Table("t", ("x", "y", "o"), rows), mapper, 9, Limits()).examples) == 3


def test_queries_of_the_test_part_are_left_out_of_train():
    examples, counts = take([("a", "p"), ("B  ", "q"), ("c", "p")], test_queries=["b"])
    assert [example.input for example in examples] == ["a", "c"]
    assert counts.where == {"its input stands in the test part": [2]}


def test_a_sample_is_seeded_spread_over_the_table_and_in_row_order():
    pairs = [(f"text {i}", "p") for i in range(1000)]
    one, counts = take(pairs, 50)
    assert (len(one), counts.looked_at, counts.rows) == (50, 50, 1000)
    assert one == take(pairs, 50)[0]
    assert one != take(pairs, 50, limits=Limits(seed=1))[0]
    assert max(e.row for e in one) > 500
    assert take(pairs, 1000)[1].looked_at == 1000


def test_long_rows_are_left_out_with_a_limit():
    examples, counts = take([("a" * 9, "p"), ("b" * 10, "p")], limits=Limits(max_chars=10))
    assert [example.row for example in examples] == [1]
    assert counts.where == {"longer than 10 characters": [2]}


def test_strict_reports_all_faulty_rows_and_lenient_counts_them():
    pairs = [("a", "p"), ("", "p"), ("b", "p"), *((f"c{i}", "q") for i in range(9)), ("d", None)]
    with pytest.raises(TaskError) as caught:
        take(pairs)
    message = str(caught.value)
    assert "t row 2: input 'x' is empty." in message
    assert "t row 13: target 'y' is empty." in message
    assert "--skip-bad-rows" in message
    examples, counts = take(pairs, strict=False)
    assert (len(examples), counts.where) == (11, {"not usable": [2, 13]})
    assert any("e.g. t row 2: input 'x' is empty." in line for line in counts.lines())


def test_a_mapping_that_fits_few_rows_is_an_error_even_when_lenient():
    with pytest.raises(TaskError, match="3 of 4 rows cannot be used, so the mapping does not fit"):
        take([("a", "p"), ("", "p"), ("", "q"), ("", "q")], strict=False)


def test_filters_that_leave_nothing_say_so():
    mapping = ColumnMapping("x", "y", drop={"y": ("p",)})
    with pytest.raises(TaskError, match=r"(?s)no row is left.*filter: column 'y' is p"):
        take([("a", "p"), ("b", "p")], mapping=mapping)


@pytest.mark.parametrize("name", ["max_train", "max_test", "max_chars"])
def test_limits_below_one_are_refused(name):
    with pytest.raises(TaskError, match=f"--{name.replace('_', '-')} is 0; it must be at least 1"):
        Limits(**{name: 0})


def make_examples(number, labels="pqr", near=()):
    texts = [f"{i} " + " ".join(f"{word}{i}" for word in "abcdefghijkl") for i in range(number)]
    for one, other in near:
        texts[other] = texts[one] + " and"
    return [Example(t, labels[i % len(labels)], row=i + 1) for i, t in enumerate(texts)]


@given(st.integers(2, 60), st.integers(0, 5), st.booleans(), st.integers(1, 20))
@settings(max_examples=80, deadline=None)
def test_split_off_parts_are_disjoint_bounded_and_complete(number, seed, closed, max_test):
    limits = Limits(max_train=40, max_test=max_test, seed=seed)
    examples = make_examples(number)
    train, test, _ = split_off_test(examples, limits, closed=closed)
    assert set(train).isdisjoint(test)
    assert set(train) | set(test) <= set(examples)
    assert 1 <= len(test) <= min(max_test, max(1, round(number / 5), number - 40))
    assert len(train) == min(40, number - len(test))
    assert (train, test) == split_off_test(examples, limits, closed=closed)[:2]


def test_near_duplicates_stay_on_one_side():
    near = [(0, 1), (1, 2), (5, 9), (10, 30), (11, 31)]
    for seed in range(10):
        examples = make_examples(40, near=near)
        train, test, _ = split_off_test(examples, Limits(seed=seed), closed=True)
        assert len(test) >= 5
        across = near_duplicates([e.input for e in test], [e.input for e in train])
        assert across == [set() for _ in test]


def test_the_last_training_example_of_an_answer_is_never_taken():
    examples = [*make_examples(30, "pq"), Example("a word on its own", "rare", row=99)]
    for seed in range(30):
        train, _, _ = split_off_test(examples, Limits(seed=seed), closed=True)
        assert {example.target for example in train} == {"p", "q", "rare"}


def test_rows_that_are_all_alike_are_parted_and_it_is_said():
    text = " ".join(f"w{i}" for i in range(50))
    examples = [Example(f"{text} {'x' * i}", "p", row=i) for i in range(1, 6)]
    train, test, note = split_off_test(examples, Limits(), closed=False)
    assert (len(train), len(test)) == (4, 1)
    assert "near-duplicates had to be parted" in note


def test_one_example_cannot_be_parted():
    with pytest.raises(TaskError, match=r"cannot be parted into train and test. Give more rows"):
        split_off_test(make_examples(1), Limits(), closed=False)
