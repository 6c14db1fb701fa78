"""The regimes: which tokens carry loss, by label tensors written out by hand, and the settings."""

from __future__ import annotations

from typing import Any

import pytest
from builders import make_task
from tokenizers import Regex, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from manyicl.config import Config, as_dict, load_config
from manyicl.episodes import EncodedPool, Encoder, Episode, EpisodeStream, Pool
from manyicl.errors import ConfigError
from manyicl.study.context import Study
from manyicl.study.regimes import REGIMES, own_shots, regime_of
from manyicl.study.settings import StudyConfig
from manyicl.tasks import Example
from manyicl.training.objective import supervise
from manyicl.training.rows import make_row

END = 0
TEMPLATE = [
    "template.kind=jinja",
    "template.instruction_text='{{ instruction }}:'",
    "template.prompt='{{ input }}>'",
    "template.target_prefix=''",
    "template.separator=';'",
]


def code_points() -> Any:
    """A tokenizer whose token ids are code points; 0 is the end mark, shown here as '.'."""
    vocabulary = {"<end>": END} | {chr(code): code for code in range(32, 127)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="?"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>")


ROWS = [Example(f"i{n}", target) for n, target in enumerate(["yes", "no", "no", "yes", "no", "no"])]
TASK = make_task(ROWS, name="letters", labels=("yes", "no"), instruction="D")


def study(*overrides: str) -> Study:
    return Study(load_config(None, overrides, schema=StudyConfig), "base", "identity")


def stream_of(regime: str, *overrides: str, seed: int = 0) -> tuple[EpisodeStream, Config]:
    found = study(*TEMPLATE, *overrides).run_config(regime, seed=seed, held_in=["letters"])
    encoder = Encoder(code_points(), found.template)
    return EpisodeStream([EncodedPool(Pool(TASK), encoder)], found.episodes), found


def text(ids: list[int]) -> str:
    return "".join("." if token == END else "_" if token == -100 else chr(token) for token in ids)


def labelled(stream: EpisodeStream, config: Config, episode: Episode) -> tuple[str, str]:
    sequence = stream.sequence(episode)
    return text(sequence.input_ids), text(supervise(sequence, config.objective).labels)


# Symbols and similarity decide what is shown, not which answers are targets.
BY_HAND = {
    "zero_shot": ((1,), "D:i1>no.", "_____no."),
    "few_shot": (
        (5, 0, 1, 2, 3, 4),
        "D:i5>no.;i0>yes.;i1>no.;i2>no.;i3>yes.;i4>no.",
        "__________________________________________no.",
    ),
    "many_shot_last": ((3, 0, 1), "D:i3>yes.;i0>yes.;i1>no.", "_____________________no."),
    "many_shot": ((3, 0, 1), "D:i3>yes.;i0>yes.;i1>no.", "_____yes.____yes.____no."),
    "many_shot_symbols": ((3, 0, 1), "D:i3>yes.;i0>yes.;i1>no.", "_____yes.____yes.____no."),
    "many_shot_mixed": ((3, 0, 1), "D:i3>yes.;i0>yes.;i1>no.", "_____yes.____yes.____no."),
}


@pytest.mark.parametrize("regime", REGIMES)
def test_the_supervised_tokens_by_hand(regime):
    rows, shown, labels = BY_HAND[regime]
    stream, config = stream_of(regime)
    assert labelled(stream, config, Episode(0, rows, len(shown))) == (shown, labels)


def test_labels_are_the_tensor_that_a_model_would_be_given():
    """Once without letters: ids and labels as numbers, and what a training row makes of them."""
    stream, config = stream_of("many_shot")
    sequence = stream.sequence(Episode(0, (1, 0), 17))
    #                D   :   i   1    >   n    o    .  ;   i    0   >   y    e    s    .
    ids = [68, 58, 105, 49, 62, 110, 111, 0, 59, 105, 48, 62, 121, 101, 115, 0]
    none = [-100]
    assert sequence.input_ids == ids
    assert supervise(sequence, config.objective).labels == (
        none * 5 + [110, 111, 0] + none * 4 + [121, 101, 115, 0]
    )
    row = make_row([sequence], config.objective)
    assert row.keep.tolist() == [4, 5, 6, 11, 12, 13, 14]  # each position predicts the next token
    assert row.targets.tolist() == [110, 111, 0, 121, 101, 115, 0]
    assert row.shots.tolist() == [0, 0, 0, 1, 1, 1, 1]


LAST_ALONE = ("zero_shot", "few_shot", "many_shot_last")


def written(episode: Episode, last_alone: bool) -> tuple[str, str]:
    """The sequence and its labels as a person would write them down."""
    symbols = episode.symbols or {}
    shown = "" if episode.symbols else "D:"
    labels = "_" * len(shown)
    for place, row in enumerate(episode.rows):
        prompt = f"{';' if place else ''}{ROWS[row].input}>"
        answer = symbols.get(ROWS[row].target, ROWS[row].target) + "."
        supervised = not last_alone or place == len(episode.rows) - 1
        shown += prompt + answer
        labels += "_" * len(prompt) + (answer if supervised else "_" * len(answer))
    return shown, labels


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_drawn_sequences_show_and_supervise_what_the_regime_says(regime, seed):
    stream, config = stream_of(regime, "episodes.max_tokens=40", seed=seed)
    relabelled = 0
    for _, episode in zip(range(40), stream, strict=False):
        found = labelled(stream, config, episode)
        assert found == written(episode, last_alone=regime in LAST_ALONE)
        assert len(found[0]) == episode.num_tokens <= 40
        relabelled += episode.symbols is not None
        if regime == "zero_shot":
            assert len(episode.rows) == 1
        elif regime != "few_shot":  # as many as fit: five or six of these, fewer of long symbols
            assert len(episode.rows) >= 3
    assert 8 <= relabelled <= 32 if regime == "many_shot_symbols" else relabelled == 0


def test_few_shot_shows_five_demonstrations_and_a_query():
    stream, _ = stream_of("few_shot", "episodes.max_tokens=100")
    assert {len(next(stream).rows) for _ in range(20)} == {6}


def test_relabelled_sequences_supervise_the_symbol_after_every_input():
    """By hand: 'yes' is now 'QX' and 'no' is 'b'; the instruction, which names the labels, goes."""
    stream, config = stream_of("many_shot_symbols")
    symbols = {"yes": "QX", "no": "b"}
    assert labelled(stream, config, Episode(0, (3, 1, 0), 19, symbols)) == (
        "i3>QX.;i1>b.;i0>QX.",
        "___QX.____b.____QX.",
    )


def test_few_shot_targets_never_stand_on_a_demonstration_even_where_fewer_fit():
    stream, config = stream_of("few_shot", "episodes.max_tokens=25")
    for _, episode in zip(range(10), stream, strict=False):
        found, labels = labelled(stream, config, episode)
        last = found.rindex(">") + 1
        assert len(episode.rows) == 2 or len(episode.rows) == 3
        assert labels == "_" * last + found[last:]


# --- settings ------------------------------------------------------------------------------------


def flat(config: Config) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def add(values: dict[str, Any], prefix: str) -> None:
        for key, value in values.items():
            if isinstance(value, dict) and value:
                add(value, f"{prefix}{key}.")
            else:
                found[prefix + key] = value

    add(as_dict(config), "")
    return found


DIFFERENCES: dict[str, dict[str, Any]] = {
    "zero_shot": {},
    "few_shot": {},
    "many_shot_last": {"objective.supervise": "last_answer"},
    "many_shot": {},
    "many_shot_symbols": {"episodes.symbols": 0.5},
    "many_shot_mixed": {"episodes.selection": "mixed", "episodes.similar_share": 0.5},
}


@pytest.mark.parametrize("regime", REGIMES)
def test_a_run_differs_from_its_preset_as_documented_and_in_nothing_else(regime):
    """The rest is what every model of a study is given: seed, length, rate, tasks, folder, base."""
    asked = ["episodes.max_tokens=512", "objective.normaliser=answer_mean", "model=some/model"]
    found = study(*asked, "tasks.held_out=[held]").run_config(
        regime, seed=7, held_in=["a", "b"], learning_rate=2e-4, tokens=1000, run_dir="there"
    )
    preset = REGIMES[regime].preset
    same_for_all = {
        "run_dir": "there",
        "model.path": "base",
        "tasks.held_in": ["a", "b"],
        "tasks.held_out": [],  # a training never opens them
        "training.seed": 7,
        "episodes.seed": 7,
        "training.tokens": 1000,
        "training.answers": 0,
        "training.learning_rate": 2e-4,
        "training.keep_checkpoints": 1,
    }
    expected = flat(load_config(None, [*asked, f"regime={preset}"])) | same_for_all
    assert flat(found) == expected | DIFFERENCES[regime]
    assert found.regime == preset
    assert set(DIFFERENCES) == set(REGIMES)


def test_the_budgets_are_the_only_difference_between_two_models_of_a_regime():
    one = study().run_config("many_shot", seed=0, held_in=["a"], tokens=1000)
    two = study().run_config("many_shot", seed=0, held_in=["a"], answers=50)
    assert {key for key, value in flat(one).items() if flat(two)[key] != value} == {
        "training.tokens",
        "training.answers",
    }


def test_texts_with_interpolations_pass_through_unread():
    found = study("template.kind=jinja")
    found.config.template.prompt = "${x} {{ input }}"
    config = found.run_config("few_shot", seed=0, held_in=["a"])
    assert config.template.prompt == "${x} {{ input }}"


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        ([0, 1, 2, 4, 5, 8, 16], {"zero_shot": 0, "few_shot": 5, "many_shot": 16, "base": 16}),
        ([0, 4, 16, 64], {"zero_shot": 0, "few_shot": 4, "many_shot_last": 64, "base": 64}),
        ([0, 2], {"few_shot": 2, "many_shot_symbols": 2, "many_shot_mixed": 2}),
        ([32, 0], {"zero_shot": 0, "few_shot": 0, "many_shot": 32}),
    ],
)
def test_the_shots_a_regime_is_meant_to_be_used_with(sweep, expected):
    assert {name: own_shots(name, sweep) for name in expected} == expected


def test_an_unknown_regime_is_named_with_the_setting_and_the_known_ones():
    with pytest.raises(ConfigError) as caught:
        regime_of("manyshot")
    assert str(caught.value) == (
        "study.regimes: names 'manyshot', which is no regime of a study. Did you mean "
        "'many_shot'? Known: zero_shot, few_shot, many_shot_last, many_shot, many_shot_symbols, "
        "many_shot_mixed."
    )
    with pytest.raises(ConfigError, match=r"^study\.left_out_regimes: names 'x'"):
        regime_of("x", "study.left_out_regimes")
    assert all(regime_of(name) is REGIMES[name] for name in REGIMES)
