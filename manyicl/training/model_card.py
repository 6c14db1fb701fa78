"""The model card: README.md of a trained model, readable by people and by the hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manyicl.files import replace_file
from manyicl.models import gguf, shipped
from manyicl.version import __version__

KSHOT_START, KSHOT_END = "<!-- k-shot table -->", "<!-- end of k-shot table -->"


def write_card(folder: Path, description: dict[str, Any]) -> None:
    """Write README.md from a run's description (see model_folder.describe)."""
    config, training = description["config"], description["training"]
    adapter = (folder / "adapter_config.json").is_file()
    base, built = description["base"], config["model"]["config"]
    ours = shipped.is_nano(base)
    packed = gguf.is_gguf(base)
    local = ours or packed or Path(base).is_dir()
    title = f"{built['model_type']} (random initial weights)" if built else base
    if local and not built:
        title = gguf.title(base) if packed else Path(base).name
    shots = training["shots_per_sequence"]
    lines = [
        "---",
        "library_name: " + ("peft" if adapter else "transformers"),
        "pipeline_tag: text-generation",
        "tags: [manyicl, in-context-learning]",
    ]
    if not local:  # the hub takes hub ids alone
        lines.append(f"base_model: {base}")
    lines += [
        "---",
        "",
        f"# {title}, fine-tuned on many-shot sequences of {len(description['tasks'])} tasks",
        "",
        "Show it solved examples of a task and a new input; it answers. No further training.",
        f"Regime `{config['regime']}`, supervised: `{config['objective']['supervise']}` "
        f"({config['objective']['normaliser']}); {shots:.1f} demonstrations a sequence on average, "
        f"sequences of up to {config['episodes']['max_tokens']:,} tokens.",
        *([_about_nano(description["base_sha256"])] if ours else []),
        "",
        "| steps | tokens | supervised tokens | seconds | trained / all parameters |",
        "|--:|--:|--:|--:|--:|",
        f"| {training['steps']:,} | {training['tokens']:,} | {training['supervised_tokens']:,} | "
        f"{training['seconds']:,.0f} | {training['num_trainable_parameters']:,} / "
        f"{training['num_parameters']:,} |",
        "",
        "## k-shot results",
        "",
        KSHOT_START,
        "Not evaluated yet: `manyicl evaluate RUN_DIR` fills this table.",
        KSHOT_END,
        "",
        "## Loss by number of demonstrations",
        "",
        "Nats per answer token, first and last log interval of the training.",
        "",
        *_shot_table(**training["loss_by_shot"]),
        "",
        "## Held-in tasks",
        "",
        "The licence of each task's data is its source's own.",
        "",
        "| task | family | train rows | shown | licence | SHA-256 of the train data |",
        "|---|---|--:|--:|---|---|",
        *(
            f"| {task['name']} | {task['family']} | {task['rows']:,} | "
            f"{task['demonstrations_shown']:,} | {task['licence']} | `{task['sha256'][:16]}` |"
            for task in description["tasks"]
        ),
        "",
        "`manyicl.json` beside this file holds the resolved configuration and the full hashes.",
        "",
    ]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def _about_nano(sha256: str) -> str:
    return (
        f"Base: `{shipped.NANO}`, the model that comes with manyicl {__version__} (SHA-256 of its "
        f"weights: `{sha256}`)."
    )


def fill_kshot_table(folder: Path, markdown: str) -> None:
    """Put the measured k-shot table into a card that `write_card` made."""
    path = folder / "README.md"
    text = path.read_text(encoding="utf-8")
    before, found, rest = text.partition(KSHOT_START)
    _, closed, after = rest.partition(KSHOT_END)
    if found and closed:
        replace_file(path, f"{before}{KSHOT_START}\n{markdown}\n{KSHOT_END}{after}")


def _shot_table(start: list[list[float]], end: list[list[float]]) -> list[str]:
    from manyicl.training.shot_loss import at_shots

    first, last = at_shots(start), at_shots(end)
    shots = sorted(first.keys() | last.keys())

    def row(name: str, values: dict[int, float]) -> str:
        cells = (f"{values[shot]:.3f}" if shot in values else "" for shot in shots)
        return f"| {name} | " + " | ".join(cells) + " |"

    return [
        "| shots | " + " | ".join(map(str, shots)) + " |",
        "|---|" + "--:|" * len(shots),
        row("first", first),
        row("last", last),
    ]
