"""The model card of a pre-trained model: README.md beside its weights, all of it from data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from manyicl.files import write_whole
from manyicl.pretraining import history
from manyicl.pretraining.card_history import Program, licences, programs
from manyicl.pretraining.card_measurements import measurement_lines
from manyicl.pretraining.card_program import program_lines, source_lines, table
from manyicl.pretraining.curve import learning_curve_svg
from manyicl.pretraining.measure import measure
from manyicl.pretraining.settings import PretrainingConfig

CURVE = "learning_curve.svg"
# Told elsewhere on the card, or no matter of the weights.
UNTOLD = (*history.UNTOLD, "stages", "licences", "licence", "remarks")


def write_card(config: PretrainingConfig, *, kshot: bool = False) -> Path:
    """Measure what is not measured yet and write run_dir/model/README.md with its figure.

    Raises what `measure` raises.
    """
    measured = measure(config, kshot=kshot)
    folder = Path(config.run_dir) / "model"
    stages = [
        (stage.name, done["tokens"])
        for stage, done in zip(config.stages, measured["training"]["stages"], strict=True)
    ]
    figure = learning_curve_svg(measured["curve"], stages)
    if figure is not None:
        write_whole(folder / CURVE, figure)
    return write_whole(folder / "README.md", card_text(config, measured))


def card_text(config: PretrainingConfig, measured: dict[str, Any]) -> str:
    """Return the card: nothing on it but what the settings and the measurements say."""
    name = Path(config.run_dir).resolve().name
    model, told = measured["model"], programs(config, measured)
    tokens = sum(program.tokens for program in told)
    several = f", in {len(told)} programs one after the other," * (len(told) > 1)
    lines = [
        *_front_matter(config),
        "",
        f"# {name}",
        "",
        f"A base language model of {model['parameters'] / 1e6:.1f} M parameters, pre-trained from "
        f"scratch by `manyicl pretrain`{several} on {tokens / 1e6:.1f} M tokens of English text "
        "and generated pattern documents, so that even a model this small learns from its context.",
        "",
        "**For** trying out many-shot fine-tuning and k-shot evaluation where no model hub can be "
        "reached: first looks, tests, lessons, studies of in-context learning.",
        "",
        "**Not for** answers that anyone relies on. It knows next to nothing about the world, is "
        "not tuned to follow instructions or to be safe, reads English only, and repeats the "
        "views of its sources, old ones among them.",
        "",
        *_remarks(config),
        *_architecture(config, measured),
        *program_lines(config, measured),
        *source_lines(config, measured),
        *_licence_lines(config, told),
        *measurement_lines(measured),
        *(["", f"![Learning curve]({CURVE})"] if any(measured["curve"].values()) else []),
        *_earlier_curve(measured),
        "",
        *_reproduction(config, measured, told),
        "",
    ]
    return "\n".join(lines)


def _remarks(config: PretrainingConfig) -> list[str]:
    if not config.remarks:
        return []
    return ["**To know.**", "", *(f"- {remark}" for remark in config.remarks), ""]


def _front_matter(config: PretrainingConfig) -> list[str]:
    head = {
        "license": config.licence or "unknown",
        "language": ["en"],
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["manyicl", "in-context-learning"],
    }
    return ["---", *yaml.safe_dump(head, sort_keys=False).splitlines(), "---"]


def _architecture(config: PretrainingConfig, measured: dict[str, Any]) -> list[str]:
    model, shape = measured["model"], measured["model"]["config"]
    theta = (shape.get("rope_parameters") or {}).get("rope_theta", config.shape.rope_theta)
    rows = [
        ["architecture", f"{', '.join(shape['architectures'])} (plain `AutoModelForCausalLM`)"],
        ["parameters", f"{model['parameters']:,}"],
        ["weights", f"{model['bytes'] / 1e6:.1f} MB, {shape.get('dtype')}"],
        ["layers, width, inner width", f"{shape['num_hidden_layers']}, {shape['hidden_size']}, "
         f"{shape['intermediate_size']}"],
        ["heads (keys and values)", f"{shape['num_attention_heads']} "
         f"({shape['num_key_value_heads']})"],
        ["biases on queries, keys, values, output", "yes" if shape["attention_bias"] else "no"],
        ["input and output embeddings", "one" if shape["tie_word_embeddings"] else "two"],
        ["context", f"{shape['max_position_embeddings']:,} tokens, rotary (base {theta:,g})"],
        ["tokenizer", f"byte-level BPE of {model['vocabulary']:,} tokens, trained on the same "
         "sources and on pattern documents; digits are tokens of their own; with end mark and chat "
         "template"],
    ]  # fmt: skip
    return ["## Architecture", "", *table([["", ""], *rows]), ""]


def _earlier_curve(measured: dict[str, Any]) -> list[str]:
    """Return a note on what the figure does not show: programs before this one."""
    start = measured.get("start")
    if not start:
        return []
    drawn = start["before"][-1].get("learning_curve", False)
    return [
        "",
        "Figure and table of probes show the last program, counted from its own first token."
        + " The curve of the program before is in the folder of the model it made." * drawn,
    ]


def _licence_lines(config: PretrainingConfig, told: list[Program]) -> list[str]:
    if not config.licence:
        return ["The settings name no licence for the weights (`licence`).", ""]
    lines = [f"The weights are under `{config.licence}`; the sources keep their own licences."]
    credited = [name for name, text in licences(told).items() if "CC BY" in text]
    if credited:
        lines[0] += (
            f" {', '.join(credited)}: licensed CC BY or CC BY-SA, credited by the table above. "
            "Their text is not in this folder, but a model can repeat short passages of what it "
            "read; text passed on like that stays under its own licence."
        )
    read = {name for program in told for name in program.sources}
    left_out = [name for name in config.leave_out if name not in read]  # by no program
    if left_out:
        lines[0] += f" Left out of the corpus folder: {', '.join(left_out)}."
    return [*lines, ""]


def _reproduction(
    config: PretrainingConfig, measured: dict[str, Any], told: list[Program]
) -> list[str]:
    found = measured["environment"]
    versions = ("manyicl", "torch", "transformers", "python")
    took = _duration(sum(program.seconds for program in told))
    if len(told) > 1:
        took += f", {_duration(told[-1].seconds)} of it the last program"
    rows = [
        ["command" + " of the last program" * (len(told) > 1), f"`{found['command']}`"],
        ["seeds", _seeds(told)],
        ["training time", took],
        ["measured on", f"{found['cpu']}, {found['threads']} threads, device {found['device']}"],
        ["date of the measurements", found["date"]],
        ["versions", ", ".join(f"{name} {found[name]}" for name in versions)],
        ["commit", str(found["git_hash"])],
        ["hash of the weights (xxh3)", f"`{measured['weights']}`"],
    ]
    lines = ["## Reproduction", "", *table([["", ""], *rows])]
    for number, program in enumerate(told, start=1):
        if program.settings is None:
            continue
        settings = {key: it for key, it in program.settings.items() if key not in UNTOLD}
        which = f" of program {number}" * (len(told) > 1)
        block = yaml.safe_dump(settings, sort_keys=False).splitlines()
        lines += ["", f"All other settings{which}:", "", "```yaml", *block, "```"]
    return lines


def _seeds(told: list[Program]) -> str:
    known = [program.settings for program in told if program.settings is not None]
    rows = ", ".join(str(settings["seed"]) for settings in known)
    if told[0].settings is None:
        return f"{rows} (rows; those of program 1 are not recorded)"
    return f"{told[0].settings['shape']['seed']} (weights), {rows} (rows)"


def _duration(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours >= 1 else f"{60 * hours:.1f} min"
