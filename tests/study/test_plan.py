"""The plan of a study: its cells, their order, and what changes which of their keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from study.toy_studies import toy_study, write_tasks, write_toy_folder

from manyicl.study.cells import Cell, CellStore
from manyicl.study.context import Study
from manyicl.study.plan import plan_cells
from manyicl.study.run import open_study
from manyicl.study.work import WORK


def keys(cells: list[Cell]) -> dict[str, str]:
    store = CellStore(Path("unused"), cells)
    return {cell.title: store.key(cell.title) for cell in cells}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return write_toy_folder(tmp_path_factory.mktemp("cells"))


DEDICATED = ("dedicated_search", "dedicated")
REGIMES = ["zero_shot", "few_shot", "many_shot"]


PLANS: dict[str, list[Cell]] = {}  # each is asked for many times


def planned(folder: Path, **changes: Any) -> list[Cell]:
    """The cells of a toy study; of the base only the name is needed for that."""
    key = json.dumps([str(folder), changes], sort_keys=True)  # the folder is made anew at times
    if key not in PLANS:
        PLANS[key] = plan(folder, **changes)
    return PLANS[key]


def plan(folder: Path, **changes: Any) -> list[Cell]:
    values = {
        "study__regimes": REGIMES,
        "study__budgets": ["tokens", "targets"],
        "study__seeds": [3, 4],
        "study__left_out_regimes": ["many_shot", "many_shot_symbols"],
        "study__dedicated__tasks": [],
        "study__retention__text": str(folder / "text.txt"),
    }
    study = toy_study(folder, **values | changes)
    return plan_cells(Study(study, "base", "identity"))


def changed(folder: Path, **changes: Any) -> set[str]:
    """Kinds of the cells whose keys a changed setting changes, and of those that come or go."""
    before, now = keys(planned(folder)), keys(planned(folder, **changes))
    return {title for title in before | now if before.get(title) != now.get(title)}


def of(titles: set[str], *kinds: str) -> set[str]:
    return {title for title in titles if title.partition("/")[0] in kinds}


@pytest.mark.parametrize("orders", [0, 2])
def test_every_cell_comes_after_those_it_needs_and_has_a_title_of_its_own(folder, orders):
    cells = planned(folder, study__orders=orders)
    done: set[str] = set()
    for cell in cells:
        assert set(cell.needs) <= done, cell.title
        assert cell.title not in done
        assert cell.kind in WORK
        assert cell.cost > 0
        done.add(cell.title)
    models = 1 * 2 + 3 * 2 * 2  # the base twice, three regimes with two budgets and two seeds
    count = {kind: sum(cell.kind == kind for cell in cells) for kind in WORK}
    assert count == {
        # two rates and the base; for a regime that is only trained without families too
        "search": 3 * (3 + 1),
        "train": 3 * 2 * 2,
        "left_out": 2,
        "evaluate": models,
        "orders": models if orders else 0,
        "retention": models,
        "dedicated_search": 4,  # all evaluated tasks, one size
        "dedicated": 4 * 2,
    }


def test_the_first_seed_is_done_before_the_second(folder):
    titles = [cell.title for cell in planned(folder)]
    where = {title: at for at, title in enumerate(titles)}

    def places(*kinds: str, ending: str = "") -> list[int]:
        return [where[title] for title in of(set(titles), *kinds) if title.endswith(ending)]

    first, second = (places("train", ending=ending) for ending in ("-3", "-4"))
    assert max(places("search")) < min(first)
    assert max(first) < min(places("left_out"))
    assert max(places("left_out")) < min(second)
    # The dedicated models, of which there are most, come last, and theirs by seed too.
    assert max(second) < min(places("dedicated_search"))
    one, other = (places("dedicated", ending=ending) for ending in ("-3", "-4"))
    assert max(places("dedicated_search")) < min(one)
    assert max(one) < min(other)
    # Each model is measured as soon as it is there.
    for title in of(set(titles), "train"):
        name = title.partition("/")[2]
        after = titles[where[title] + 1 : where[title] + 4]
        assert after == [f"{kind}/{name}" for kind in ("evaluate", "orders", "retention")]


def test_what_each_cell_needs(folder):
    cells = {cell.title: cell for cell in planned(folder)}
    assert cells["search/many_shot-0.003"].needs == ()
    assert cells["dedicated/tags3-16-4"].needs == ("dedicated_search/tags3-16",)
    assert cells["dedicated_search/tags3-16"].needs == ()
    assert cells["evaluate/base-none-4"].needs == ()
    rates = ("search/few_shot-0.001", "search/few_shot-0.003")
    assert cells["train/few_shot-targets-4"].needs == rates
    for kind in ("evaluate", "orders", "retention"):
        assert cells[f"{kind}/few_shot-targets-4"].needs == ("train/few_shot-targets-4",)
    symbols = ("search/many_shot_symbols-0.001", "search/many_shot_symbols-0.003")
    assert cells["left_out/many_shot_symbols-math"].needs == (*symbols, "evaluate/base-none-3")


def test_keys_are_the_same_every_time(folder):
    assert keys(plan(folder)) == keys(planned(folder))
    # Neither where a study stands nor how many compute it matters.
    assert changed(folder, run="elsewhere", study__workers=3, study__threads=2) == set()
    assert changed(folder, evaluation__tokens_per_batch=64) == set()
    assert changed(folder, training__log_every=3, training__save_every=7) == set()


def test_another_seed_keeps_what_was_computed(folder):
    """Also of the dedicated models, which take the choice of the first seed."""
    found = changed(folder, study__seeds=[3, 4, 5])
    new = {title for title in found if title.endswith("-5")}
    assert found == new
    assert len(new) == 3 + 3 * 2 * 4 + 4  # the base, every regime and budget, every task


def test_more_training_tokens_keep_the_base_and_the_dedicated_models(folder):
    found = changed(folder, study__tokens=3000, study__search__tokens=2000)
    tokens = {
        title
        for title in keys(planned(folder))
        if "-tokens-" in title or title.startswith("left_out/")
    }
    # The searches are as long as before, so the models of the other budget stay too.
    assert found == tokens
    longer = changed(folder, study__tokens=3000)
    everything = set(keys(planned(folder)))
    assert everything - longer == of(everything, *DEDICATED) | {
        title for title in everything if "base-" in title
    }


@pytest.mark.parametrize(
    ("setting", "value", "where"),
    [
        ("study__targets", 30, "-targets-"),
        ("study__orders", 3, "orders/"),
        ("study__order_shots", 4, "orders/"),
        ("study__retention__new_tokens", 5, "retention/"),
    ],
)
def test_a_setting_touches_what_depends_on_it(folder, setting, value, where):
    everything = keys(planned(folder))
    assert changed(folder, **{setting: value}) == {title for title in everything if where in title}


def test_similar_shots_are_those_of_the_first_seed(folder):
    found = changed(folder, study__similar_shots=[3])
    everything = set(keys(planned(folder)))
    evaluations = {t for t in of(everything, "evaluate") if t.endswith("-3")}
    # Families left out are compared with the base's evaluation.
    assert found == evaluations | of(everything, "left_out")


def test_settings_of_dedicated_models_touch_these_alone(folder):
    everything = set(keys(planned(folder)))
    for changes in (
        {"study__dedicated__steps": [1, 2, 3]},
        {"study__dedicated__learning_rates": [3e-2]},
        {"study__dedicated__validation": 0.5},
        {"study__dedicated__answers_per_step": 4},
    ):
        assert changed(folder, **changes) == of(everything, *DEDICATED)
    one = changed(folder, study__dedicated__tasks=["tags3"])
    assert one == {t for t in of(everything, *DEDICATED) if "/tags3-" not in t}
    assert changed(folder, study__dedicated__pool_sizes=[16, 24]) == {
        f"{kind}-24{seed}"
        for name in ("tags3", "sums3", "tags0", "sums0")
        for kind, seed in (
            (f"dedicated_search/{name}", ""),
            (f"dedicated/{name}", "-3"),
            (f"dedicated/{name}", "-4"),
        )
    }
    assert changed(folder, study__dedicated__pool_sizes=[16, 25]) == set()  # none has so many


def test_what_every_training_depends_on_touches_every_model(folder):
    """Also those of one task; the base is what it was."""
    everything = set(keys(planned(folder)))
    base = {title for title in everything if "base-" in title}
    for changes in (
        {"training__weight_decay": 0.1},
        {"objective__normaliser": "answer_mean"},
        {"episodes__mixture": "uniform"},
    ):
        assert changed(folder, **changes) == everything - base, changes
    assert changed(folder, template__instruction="none") == everything


def test_another_row_of_a_task_touches_what_reads_it(folder, tmp_path):
    write_tasks(tmp_path / "tasks")
    changes = {
        "tasks__path": [str(tmp_path / "tasks")],
        "study__search__validation": ["tags1", "sums1"],
    }
    before = keys(plan(folder, **changes))
    all_models = {t for t in before if "base-" not in t} - of(set(before), *DEDICATED)
    evaluated = of(set(before), "evaluate", "orders", "left_out")
    own = {t for t in before if "/sums3-" in t}
    scored = of({t for t in before if "/sums3-" in t or "/tags0-" in t}, "dedicated")
    for split, expected in (
        ("tags2/train", all_models),  # held in, and not evaluated
        ("tags2/test", set()),
        ("tags1/train", all_models),  # what learning rates are chosen with
        ("tags1/test", set()),  # and no test row takes part
        ("sums3/train", evaluated | own),
        ("sums3/test", evaluated | (own & scored)),
        ("tags0/test", evaluated | (scored - own)),
    ):
        path = tmp_path / "tasks" / f"{split}.jsonl"
        rows = path.read_text()
        first = json.loads(rows.partition("\n")[0])
        first["input"] += " indeed"
        path.write_text(json.dumps(first) + "\n" + rows.partition("\n")[2])
        now = keys(plan(folder, **changes))
        found = {title for title in before if before[title] != now[title]}
        assert found == expected, split
        path.write_text(rows)


def test_another_learning_rate_is_searched_and_decides_again(folder):
    found = changed(folder, study__search__learning_rates=[1e-3, 3e-3, 1e-2])
    everything = set(keys(planned(folder)))
    new = {f"search/{regime}-0.01" for regime in (*REGIMES, "many_shot_symbols")}
    # What was searched is kept; which is best may change, and with it every model.
    assert found == new | {
        t for t in everything - of(everything, "search", *DEDICATED) if "base-" not in t
    }


@pytest.mark.parametrize(
    ("regimes", "seeds"),
    [(["zero_shot"], [2]), (["many_shot", "few_shot"], [2, 5]), (REGIMES, [2])],
)
def test_a_part_of_a_study_has_the_keys_of_the_whole(folder, regimes, seeds):
    """With the same first seed, regimes and seeds can be added in any number and order."""
    none = {"study__dedicated__tasks": ["none"]}
    whole = keys(planned(folder, study__regimes=REGIMES, study__seeds=[2, 3, 4, 5], **none))
    part = keys(planned(folder, study__regimes=regimes, study__seeds=seeds, **none))
    assert part.items() <= whole.items()


def test_a_base_that_is_built_is_not_taken_for_another(folder):
    """Weights, and the tokenizer that text of the held-in tasks trains."""
    asked = {"run": "bases", "study__dedicated__tasks": ["none"]}
    one = open_study(toy_study(folder, **asked))
    again = open_study(toy_study(folder, study__tokens=5000, **asked))
    assert (again.base, again.base_identity) == (one.base, one.base_identity)
    fewer = open_study(toy_study(folder, tasks__held_in=["*0", "*1"], **asked))
    others = [open_study(toy_study(folder, model__seed=1, **asked)), fewer]
    assert len({study.base for study in (one, *others)}) == 3
    assert len({study.base_identity for study in (one, *others)}) == 3
    # Of equal shape and seed, so of equal weights: only the tokenizer differs.
    assert fewer.engine().identity == one.engine().identity
    assert fewer.engine().encoder.fingerprint() != one.engine().encoder.fingerprint()
