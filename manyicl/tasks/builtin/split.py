"""The fixed split of the built-in tasks: which groups no recipe of this project trains on.

`tasks.held_out=[builtin:held_out]` names it. The groups were chosen by a rule, before any model was
measured on this split: the seven that the demonstration held out from the start, then in each
family the groups in the order of `stable_digest(group)` until three tenths of its tasks are held
out. A group that is not named here is held in, so a new task leaves the held-out side as it is.
"""

from __future__ import annotations

from typing import Literal

from manyicl.tasks.task import Task

Side = Literal["held_in", "held_out"]

SIDES: tuple[Side, ...] = ("held_in", "held_out")
HELD_OUT_GROUPS = frozenset(
    {
        "animal_cities",
        "depot_numbers",
        "event_listings",
        "flipped_opinions",
        "garden_plots",
        "guest_reviews",
        "hand_overs",
        "helpdesk_tickets",
        "hotel_desk",
        "kept_promises",
        "lab_protocols",
        "product_changes",
        "product_reviews",
        "product_sheets",
        "running_parity",
        "saving_up",
        "schedules",
        "shop_change",
        "staff_lists",
        "store_stock",
        "syllable_endings",
        "text_kinds",
        "travel_itineraries",
        "voicemails",
        "who_is_more",
        "word_strings",
    }
)


def is_builtin(task: Task) -> bool:
    """Tell whether a task is a generated one of this package, or a folder exported from it."""
    return str(task.source.get("generator", "")).startswith("builtin/")


def side_of(task: Task) -> Side | None:
    """Return the side a built-in task stands on; None for tasks of other origin."""
    if not is_builtin(task):
        return None
    return "held_out" if task.group in HELD_OUT_GROUPS else "held_in"
