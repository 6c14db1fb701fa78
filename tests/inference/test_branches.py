"""Rows of branches, by hand."""

from __future__ import annotations

import torch

from manyicl.inference.branches import Branch, BranchRow
from manyicl.inference.layers import Layers
from manyicl.inference.prefix import Prefix
from manyicl.inference.score import OptionTree

WHOLE = Prefix([1, 2, 3, 4, 5], (2, 5), Layers(5))


def test_a_row_of_chains():
    row = BranchRow.of(
        [Branch(WHOLE, [10, 11]), Branch(WHOLE, [20]), Branch(WHOLE.first(0), [30, 31, 32])]
    )
    assert row.ids.tolist() == [10, 11, 20, 30, 31, 32]
    assert row.positions.tolist() == [5, 6, 5, 2, 3, 4]
    assert row.starts == [0, 2, 3]
    assert row.slots.tolist() == [[0, 1, 6], [2, 6, 6], [3, 4, 5]]
    assert row.places.tolist() == [0, 1, 3, 6, 7, 8]
    assert row.ancestors is None
    assert [(len(s.prefix), s.start, s.stop) for s in row.segments] == [(5, 0, 3), (2, 3, 6)]


def test_a_query_with_a_tree_of_options():
    """Prompt 10 11, then the options' nodes: 12 -> 13, 12 -> 14, 15."""
    tree = Branch(WHOLE, [10, 11, 12, 13, 14, 15], [-1, 0, 1, 2, 2, 1])
    row = BranchRow.of([tree, Branch(WHOLE, [20])])
    assert row.positions.tolist() == [5, 6, 7, 8, 8, 7, 5]
    assert row.ancestors is not None
    assert row.ancestors[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 1, 0, 1, 0],
        [1, 1, 0, 0, 0, 1],
    ]
    assert row.ancestors[1, 0, 0].tolist() == [True, False, False, False, False, False]
    assert row.ancestors[1, 0].any(-1).all()  # padding sees itself


def test_one_more_token_for_each_branch():
    row = BranchRow.of_next_tokens([7, 8], [3, 1], [WHOLE, WHOLE.first(0)], "cpu")
    assert row.ids.tolist() == [7, 8]
    assert row.positions.tolist() == [8, 3]
    assert [(len(s.prefix), s.start, s.stop) for s in row.segments] == [(5, 0, 1), (2, 1, 2)]


def test_views_of_one_computation_share_a_segment_and_others_do_not():
    other = Prefix([1, 2, 3, 4, 5], (2, 5), Layers(5))
    row = BranchRow.of([Branch(p, [9]) for p in (WHOLE, WHOLE.first(1), other, WHOLE.first(0))])
    assert [(s.start, s.stop) for s in row.segments] == [(0, 2), (2, 3), (3, 4)]


def test_an_option_tree_reads_common_beginnings_once_and_last_tokens_never():
    tree = OptionTree.of([[5, 6, 9], [5, 7, 9], [8, 9], [9]])
    assert tree.ids == (5, 6, 7, 8)
    assert tree.parents == (-1, 0, 0, -1)
    by_option = list(zip(tree.option, tree.node, tree.token, strict=True))
    assert by_option == [
        (0, -1, 5),
        (0, 0, 6),
        (0, 1, 9),
        (1, -1, 5),
        (1, 0, 7),
        (1, 2, 9),
        (2, -1, 8),
        (2, 3, 9),
        (3, -1, 9),
    ]
    assert OptionTree.of([]).ids == ()


def test_rows_are_made_on_the_device_asked_for():
    row = BranchRow.of([Branch(WHOLE, [1])], torch.device("meta"))
    assert row.ids.device.type == row.slots.device.type == row.places.device.type == "meta"
