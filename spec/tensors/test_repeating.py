"""Repeating, rolling and flipping.

`repeat` and `tile` lay copies of a tensor side by side, `repeat_interleave` repeats each element
where it stands, `roll` turns a tensor round and `flip` reverses it. All of them copy.

The names mislead those who come from NumPy: what is `repeat` there is `repeat_interleave` here, and
PyTorch's `repeat` is nearly what both call `tile`.
"""

import pytest
import torch


def test_repeat_lays_copies_side_by_side(device):
    """`repeat` says how often along each axis; further axes come in front."""
    x = torch.tensor([1, 2], device=device)

    assert x.repeat(3).tolist() == [1, 2, 1, 2, 1, 2]
    assert x.repeat(2, 1).tolist() == [[1, 2], [1, 2]]
    assert x.repeat(1, 2).tolist() == [[1, 2, 1, 2]]


def test_repeat_copies_where_expand_does_not(device):
    """A repeated row is a row of its own; an expanded one is the same memory again."""
    x = torch.tensor([[1, 2]], device=device)
    repeated = x.repeat(2, 1)

    repeated[0, 0] = 7
    x[0, 1] = 8

    assert repeated.tolist() == [[7, 2], [1, 2]]
    assert x.expand(2, 2).tolist() == [[1, 8], [1, 8]]


def test_repeat_wants_a_number_for_every_axis_and_tile_does_not():
    """`tile` fills up from the left with ones, as NumPy's; `repeat` refuses too few numbers."""
    x = torch.tensor([[1, 2], [3, 4]])

    assert x.tile(2).tolist() == [[1, 2, 1, 2], [3, 4, 3, 4]]
    with pytest.raises(RuntimeError, match="can not be smaller than number of dimensions"):
        x.repeat(2)


def test_repeat_interleave_repeats_each_element(device):
    """`repeat_interleave` is NumPy's `repeat`: every element so often, then the next."""
    x = torch.tensor([1, 2], device=device)
    times = torch.tensor([1, 3], device=device)

    assert x.repeat_interleave(2).tolist() == [1, 1, 2, 2]
    assert x.repeat_interleave(times).tolist() == [1, 2, 2, 2]


def test_repeat_interleave_flattens_unless_told_an_axis():
    """Without `dim` the result is one line; with it, rows or columns are repeated."""
    x = torch.tensor([[1, 2], [3, 4]])

    assert x.repeat_interleave(2).tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert x.repeat_interleave(2, dim=0).tolist() == [[1, 2], [1, 2], [3, 4], [3, 4]]


def test_roll_brings_what_falls_off_back_at_the_other_end(device):
    """`roll(shift)` moves elements towards the end, or with a negative shift to the front."""
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    assert x.roll(1).tolist() == [50, 10, 20, 30, 40]
    assert x.roll(-2).tolist() == [30, 40, 50, 10, 20]


def test_roll_without_an_axis_rolls_the_flattened_tensor():
    """Given `dims` the rows or columns roll; without, elements cross from row to row."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x.roll(1).tolist() == [[6, 1, 2], [3, 4, 5]]
    assert x.roll(1, dims=0).tolist() == [[4, 5, 6], [1, 2, 3]]
    assert x.roll(1, dims=1).tolist() == [[3, 1, 2], [6, 4, 5]]


def test_flip_reverses_axes_into_a_copy(device):
    """`flip` reverses along the axes named; unlike NumPy's it copies."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    flipped = x.flip(1)

    x[0, 0] = 7

    assert flipped.tolist() == [[3, 2, 1], [6, 5, 4]]
    assert x.flip(0, 1).tolist() == [[6, 5, 4], [3, 2, 7]]
