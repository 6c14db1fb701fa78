"""What an engine finds out about a model before it relies on it, and what it makes of that."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from builders import byte_level_tokenizer, make_task, tiny_model

from manyicl.config import EvaluationConfig, TemplateConfig
from manyicl.episodes import EncodedPool, Encoder, Pool
from manyicl.errors import Diverged, ModelError, TemplateError
from manyicl.evaluation.kshot import TaskSweep
from manyicl.inference import Engine
from manyicl.models import end_tokens
from manyicl.models.flops import Shape
from manyicl.models.forward import tried
from manyicl.tasks import Example

TOKENIZER = byte_level_tokenizer()


def engine_of(model: Any, **more: Any) -> Engine:
    return Engine(model, Encoder(TOKENIZER), eos_token_id=TOKENIZER.eos_token_id, **more)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_whose_numbers_are_not_finite_answers_nothing(value):
    model = tiny_model(vocab_size=400)
    with torch.no_grad():
        model.model.layers[1].mlp.down_proj.weight[3, 4] = value
    with pytest.raises(Diverged, match="numbers that are not finite"):
        engine_of(model)


def test_a_model_in_which_tokens_see_later_ones_is_refused():
    from transformers import AutoModelForCausalLM, BertConfig

    config = BertConfig(
        vocab_size=400, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48,
    )  # fmt: skip
    torch.manual_seed(0)
    with pytest.raises(ModelError, match="'bert' model tokens see those after them"):
        engine_of(AutoModelForCausalLM.from_config(config).eval())
    config.is_decoder = True
    engine_of(AutoModelForCausalLM.from_config(config).eval())


def test_an_answer_ends_where_the_model_itself_ends_a_turn():
    model = tiny_model(vocab_size=400)
    eos, turn = TOKENIZER.eos_token_id, 7
    model.generation_config.eos_token_id = [eos, turn]
    assert end_tokens(model) == {eos, turn}
    engine = engine_of(model)
    yes = TOKENIZER("yes", add_special_tokens=False)["input_ids"]
    for end in (eos, turn):
        assert engine._finished([*yes, end])
        assert engine._text([*yes, end]) == "yes"
    assert not engine._finished(yes)


@pytest.mark.parametrize(
    ("architecture", "more"),
    [
        ("gemma4_text", {}),  # heads of another size in some layers
        ("deepseek_v3", {}),  # keys and values of different size
        ("gemma3_text", {}),
    ],
)
def test_a_budget_is_kept_whatever_the_layers_look_like(architecture, more):
    task = make_task()
    engine = engine_of(tiny_model(architecture, **more), memory_mb=64)
    config = EvaluationConfig(num_shots=[0, 3], seeds=[0, 1], max_queries=2, memory_mb=64)
    scores, _ = TaskSweep(engine, task, config).run("base", held_out=True)
    assert [score.num_shots for score in scores] == [0, 3]
    prefix = engine.prefix(EncodedPool(Pool(task), engine.encoder), range(4))
    assert prefix.num_bytes == len(prefix) * engine.prefix_token_bytes
    assert Shape.of(engine.model).attention_width > 0


def test_the_shape_of_models_that_attend_otherwise():
    mamba = tiny_model("mamba")
    assert Shape.of(mamba).attention_width == 0
    mixture = tiny_model("mixtral")
    config = mixture.config
    experts = sum(p.numel() for n, p in mixture.named_parameters() if ".experts." in n)
    others = sum(
        p.numel()
        for n, p in mixture.named_parameters()
        if p.dim() > 1 and not any(word in n for word in (".experts.", "embed", "lm_head"))
    )
    share = config.num_experts_per_tok / config.num_local_experts
    assert share < 1
    assert Shape.of(mixture).body_parameters == others + experts * share


def test_a_trial_shows_no_gradient_and_leaves_precision_as_it_was():
    model = tiny_model()
    before = torch.backends.cuda.matmul.fp32_precision
    with tried(model):
        assert torch.backends.cuda.matmul.fp32_precision == "ieee"
        assert not model(input_ids=torch.tensor([[1, 2]])).logits.requires_grad
    assert torch.backends.cuda.matmul.fp32_precision == before


def test_priors_need_a_template_that_shows_an_empty_input():
    template = TemplateConfig(kind="jinja", prompt="{{ input }}")
    engine = Engine(tiny_model(vocab_size=400), Encoder(TOKENIZER, template))
    with pytest.raises(TemplateError, match=r"empty input, which scoring=prior asks after"):
        TaskSweep(engine, make_task(), EvaluationConfig(num_shots=[1], scoring="prior"))


def test_priors_are_asked_with_the_options_of_a_query():
    template = TemplateConfig(kind="jinja", prompt="{{ options[0] }} or not? {{ input }}")
    rows = [Example(f"row {i}", "a", options=("a", "b")) for i in range(6)]
    task = make_task(rows[:4], rows[4:], kind="multiple_choice", labels=())
    engine = Engine(tiny_model(vocab_size=400), Encoder(TOKENIZER, template))
    config = EvaluationConfig(num_shots=[1], seeds=[0], scoring="prior")
    assert TaskSweep(engine, task, config).run("base", held_out=True)


def test_what_else_answers_depend_on_is_told():
    model = tiny_model(vocab_size=400)
    model.generation_config.eos_token_id = TOKENIZER.eos_token_id
    assert engine_of(model).manner == ""
    model.generation_config.eos_token_id = [TOKENIZER.eos_token_id, 7]
    assert engine_of(model).manner == "ends [7]"
