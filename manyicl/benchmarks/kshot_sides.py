"""k-shot answers, as sides: one shared prefix, and lm-evaluation-harness on the same tokens.

Both get the first k train rows as demonstrations and the same test rows. Ours answers `queries`
items a turn, prefix included; the harness, which takes far longer an item, `peer_items` of them,
others every turn, so that many are compared.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from manyicl.benchmarks import shapes
from manyicl.benchmarks.memory import settle
from manyicl.benchmarks.operations import QueryShape, prefill_flops, query_flops
from manyicl.benchmarks.turns import Skipped, Turns


def the_task(settings: Mapping[str, Any]) -> Any:
    return shapes.generated_task(settings["task"], max(settings["k"], 8), settings["queries"])


class WithoutEndMark:
    """An encoder whose options stop before the end mark; demonstrations keep theirs.

    One-token labels are then one token, which is where the harness can reuse its logits.
    """

    def __init__(self, encoder: Any):
        self._encoder = encoder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def target(self, text: str) -> list[int]:
        return self._encoder.target(text)[: -len(self._encoder.end)]


def ours(settings: Mapping[str, Any], turns: Turns) -> None:
    """Answer with `Engine.choose` on one prefix, the prefix computed anew every turn."""
    from manyicl.episodes import EncodedPool
    from manyicl.episodes.select import Pool
    from manyicl.models.flops import Shape

    engine, task = shapes.engine(settings), the_task(settings)
    pool = EncodedPool(Pool(task), engine.encoder)
    if not settings["end_mark"]:
        engine.encoder = WithoutEndMark(engine.encoder)
    queries, rows = task.test, range(settings["k"])
    prefix = engine.prefix(pool, rows)
    engine.choose(task, prefix, queries[:8])
    shape = Shape.of(engine.model)
    operations = prefill_flops(shape, len(prefix)) + sum(
        query_flops(shape, len(prefix), query_shape(engine.encoder, task, query))
        for query in queries
    )
    turns.ready(
        dtype=settings.get("dtype", "float32"),
        prefix_tokens=len(prefix),
        options=len(task.options_of(queries[0])),
    )
    for turn in turns:
        began = time.perf_counter()
        prefix = engine.prefix(pool, rows)
        settle()
        prefill = time.perf_counter() - began
        answers = engine.choose(task, prefix, queries)
        turns.stop()
        kept = settings["rounds"] * settings["peer_items"] if turn == 0 else 0
        turns.report(
            units=len(queries),
            operations=operations,
            prefill_seconds=prefill,
            answers={at: rounded(answer.scores) for at, answer in enumerate(answers[:kept])},
        )


def rounded(scores: Mapping[str, float]) -> dict[str, float]:
    """Return scores as they are kept: to a millionth of a nat, far below rounding."""
    return {option: round(score, 6) for option, score in scores.items()}


def query_shape(encoder: Any, task: Any, query: Any) -> QueryShape:
    options = task.options_of(query)
    prompt = encoder.prompt(task, query.input, options)
    return QueryShape(len(prompt), [len(encoder.target(option)) for option in options])


def lm_eval(settings: Mapping[str, Any], turns: Turns) -> None:
    """Answer with lm-evaluation-harness: its Hugging Face back end, `first_n`, its logits cache."""
    try:
        from lm_eval.models import huggingface
    except ImportError:
        raise Skipped("lm-eval is not installed: pip install 'manyicl[bench]'") from None
    from manyicl.models import load_tokenizer

    task = the_task(settings)
    encoder = shapes.encoder()
    harness_task = harness_task_of(task, encoder, settings)
    model = shapes.build(settings)
    tokenizer: Any = load_tokenizer("nano")
    back_end: Any = huggingface.HFLM
    harness = back_end(
        pretrained=model,
        tokenizer=tokenizer,
        max_length=settings["context"],
        batch_size=1,
        logits_cache=True,
    )
    check_same_tokens(harness, harness_task, task, encoder, settings)
    trial = list(range(settings.get("trial_items", 1)))
    _evaluate(harness, harness_task, trial)
    batch_sizes = {}
    for size in settings["batch_sizes"]:
        harness.batch_size_per_gpu = size
        began = time.perf_counter()
        _evaluate(harness, harness_task, trial)
        batch_sizes[size] = time.perf_counter() - began
    harness.batch_size_per_gpu = min(batch_sizes, key=lambda size: batch_sizes[size])
    turns.ready(
        dtype=settings.get("dtype", "float32"),
        batch_size=harness.batch_size_per_gpu,
        seconds_by_batch_size={str(size): seconds for size, seconds in batch_sizes.items()},
    )
    number = settings["peer_items"]
    for turn in turns:
        items = [at % settings["queries"] for at in range(turn * number, (turn + 1) * number)]
        answers = _evaluate(harness, harness_task, items)
        turns.report(units=number, answers=answers)


def harness_task_of(task: Any, encoder: Any, settings: Mapping[str, Any]) -> Any:
    """Return the harness's own kind of task over the same rows, worded as our template words it."""
    import datasets
    from lm_eval.api.task import ConfigurableTask

    end = encoder.decode(encoder.end)
    mark = end if settings["end_mark"] else ""
    splits = {
        split: datasets.Dataset.from_list(
            [
                {
                    "question": f"Input: {row.input}\nOutput:",
                    "options": [option + mark for option in task.options_of(row)],
                    "shown": [option + end for option in task.options_of(row)],
                    "answer": task.options_of(row).index(row.target),
                }
                for row in task.split(split)
            ]
        )
        for split in ("train", "test")
    }
    return ConfigurableTask(
        config={
            "task": task.name,
            "custom_dataset": lambda **_: datasets.DatasetDict(splits),  # type: ignore[arg-type]
            "training_split": "train",
            "test_split": "test",
            "fewshot_split": "train",
            "fewshot_config": {"sampler": "first_n", "doc_to_choice": "shown"},
            "output_type": "multiple_choice",
            "description": f"{task.instruction}\n",
            "doc_to_text": "question",
            "doc_to_target": "answer",
            "doc_to_choice": "options",
            "target_delimiter": " ",
            "fewshot_delimiter": "\n",
            "num_fewshot": settings["k"],
            "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        }
    )


def check_same_tokens(
    harness: Any, harness_task: Any, task: Any, encoder: Any, settings: Mapping[str, Any]
) -> None:
    """Raise `AssertionError` unless the harness scores the very tokens that ours does."""
    from manyicl.episodes import EncodedPool
    from manyicl.episodes.select import Pool

    prefix = EncodedPool(Pool(task), encoder).sequence(
        range(settings["k"]), trailing_separator=True
    )
    ours = encoder if settings["end_mark"] else WithoutEndMark(encoder)
    for at in range(0, settings["queries"], max(1, settings["queries"] // CHECKED)):
        query = task.test[at]
        document = harness_task.dataset["test"][at]
        context = harness_task.fewshot_context(document, num_fewshot=settings["k"])
        prompt = prefix.input_ids + ours.prompt(task, query.input, task.options_of(query))
        for option, text in zip(task.options_of(query), document["options"], strict=True):
            found = harness._encode_pair(context, f" {text}")
            assert tuple(map(list, found)) == (prompt, ours.target(option)), (
                f"test row {at + 1}, option {option!r}: the harness scores other tokens"
            )


CHECKED = 4  # items whose tokens are compared, all options of each


def _evaluate(harness: Any, task: Any, items: Sequence[int]) -> dict[int, Any]:
    """Return the option scores by item.

    `evaluate`, not `simple_evaluate`: what the latter adds a call (it looks for task files and
    describes the machine, some ten seconds) would fall on a few items here, on thousands there.
    """
    from lm_eval.evaluator import evaluate

    name = task.config.task
    found: Any = evaluate(
        lm=harness,
        task_dict={name: task},
        samples={name: list(items)},
        bootstrap_iters=0,
        log_samples=True,
    )
    answers = {}
    for sample in found["samples"][name]:
        options = [text.removesuffix("<|end|>") for text in sample["doc"]["options"]]
        scores = [response[0][0] for response in sample["resps"]]
        answers[int(sample["doc_id"])] = rounded(dict(zip(options, scores, strict=True)))
    return answers
