"""Loss by shot index: known values, restored sums, several processes."""

from __future__ import annotations

import json
import math
from threading import Barrier, Thread

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from manyicl.training.shot_loss import ShotLoss, at_shots

# One row: (nll, weight, shot) of each supervised token, and the number of all its tokens.
TOKENS = st.tuples(
    st.floats(0, 20, width=32), st.sampled_from([0.25, 0.5, 1.0, 3.0]), st.integers(-1, 6)
)
ROWS = st.lists(st.tuples(st.lists(TOKENS, max_size=6), st.integers(6, 30)), max_size=8)


def add(shot_loss: ShotLoss, rows) -> None:
    for tokens, num_tokens in rows:
        nll, weights, shots = zip(*tokens, strict=True) if tokens else ((), (), ())
        shot_loss.add(
            torch.tensor(nll),
            torch.tensor(weights),
            torch.tensor(shots).long(),
            num_tokens,
            max((*shots, -1)) + 1,
        )


def test_known_values():
    shot_loss = ShotLoss()
    add(shot_loss, [([(2.0, 0.5, 0), (4.0, 0.5, 0), (1.0, 1.0, 2)], 10)])
    add(shot_loss, [([(3.0, 1.0, 2), (7.0, 1.0, -1)], 6), ([], 4)])
    assert shot_loss.flush() == {
        "loss": (1 + 2 + 1 + 3 + 7) / 4,
        "supervised_tokens": 5,
        "tokens": 20,
        "supervised_share": 0.25,
        # Plain means over answer tokens; the token outside answers (shot -1) is in none of them.
        "loss_by_shot": [[0, 3.0], [2, 2.0]],
    }


def test_flushing_starts_anew():
    shot_loss = ShotLoss()
    add(shot_loss, [([(2.0, 1.0, 3)], 5)])
    shot_loss.flush()
    add(shot_loss, [([(1.0, 1.0, 0)], 7)])
    found = shot_loss.flush()
    assert (found["loss"], found["tokens"], found["loss_by_shot"]) == (1.0, 7, [[0, 1.0]])


def test_an_interval_without_targets_has_no_loss():
    shot_loss = ShotLoss()
    add(shot_loss, [([], 5)])
    found = shot_loss.flush()
    assert math.isnan(found["loss"])
    assert found["loss_by_shot"] == []
    assert found["supervised_share"] == 0


@given(ROWS, ROWS)
def test_sums_restored_from_json_go_on_bit_for_bit(before, after):
    whole, stopped, restored = ShotLoss(), ShotLoss(), ShotLoss()
    add(whole, before + after)
    add(stopped, before)
    restored.load_state_dict(json.loads(json.dumps(stopped.state_dict())))
    add(restored, after)
    assert str(restored.flush()) == str(whole.flush())  # nan is not equal to itself


@given(ROWS, ROWS)
def test_two_processes_report_what_one_would(mine, yours):
    single = ShotLoss()
    add(single, mine + yours)
    expected = single.flush()
    for found in all_reduced(mine, yours):
        assert found["loss"] == pytest.approx(expected["loss"], nan_ok=True)
        assert found["tokens"] == expected["tokens"]
        assert found["supervised_tokens"] == expected["supervised_tokens"]
        assert [shot for shot, _ in found["loss_by_shot"]] == [
            shot for shot, _ in expected["loss_by_shot"]
        ]
        for (_, ours), (_, theirs) in zip(
            found["loss_by_shot"], expected["loss_by_shot"], strict=True
        ):
            assert ours == pytest.approx(theirs)


def all_reduced(*rows_of_processes) -> list[dict]:
    """Flush in threads that reduce their tensors in lockstep, as processes do."""
    world = len(rows_of_processes)
    barrier, shared, found = Barrier(world, timeout=30), [torch.zeros(0)] * world, [{}] * world

    def process(rank: int, rows) -> None:
        def reduce(values: torch.Tensor, how: str) -> torch.Tensor:
            barrier.wait()
            shared[rank] = values
            barrier.wait()
            stacked = torch.stack(shared)
            return stacked.sum(0) if how == "sum" else stacked.amax(0)

        shot_loss = ShotLoss()
        add(shot_loss, rows)
        found[rank] = shot_loss.flush(reduce)

    threads = [
        Thread(target=process, args=(rank, rows)) for rank, rows in enumerate(rows_of_processes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_a_curve_is_thinned_to_powers_of_two():
    curve = [[float(k), 10.0 - k] for k in range(10)]
    assert at_shots(curve) == {0: 10.0, 1: 9.0, 2: 8.0, 4: 6.0, 8: 2.0}
    assert at_shots([[3, 1.0]]) == {}
