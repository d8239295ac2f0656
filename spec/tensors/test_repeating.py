"""Repeating, rolling and flipping.

`repeat` and `tile` put copies of a tensor side by side, `repeat_interleave` repeats each element in
place, `roll` shifts elements cyclically, and `flip` reverses a dimension. All of them copy; a
repetition without a copy is `expand`, see `spec/tensors/test_broadcasting.py`.

What surprises those who come from NumPy: NumPy's `repeat` is `repeat_interleave` in torch, and
torch's `repeat` is nearly NumPy's `tile`.
"""

import pytest
import torch


def test_repeat_lays_copies_side_by_side(device):
    """`x.repeat(2, 3)` of a dense vector makes a matrix of two rows, each of them three copies of
    `x`: the last number is for the dimension of `x`, the first one for a new dimension in front,
    the rows.
    """
    x = torch.tensor([1, 2], device=device)

    assert x.repeat(3).tolist() == [1, 2, 1, 2, 1, 2]
    assert x.repeat(2, 1).tolist() == [[1, 2], [1, 2]]
    assert x.repeat(2, 3).tolist() == [[1, 2, 1, 2, 1, 2], [1, 2, 1, 2, 1, 2]]


def test_repeat_copies_where_expand_does_not(device):
    """`x.repeat(2, 1)` of a dense (1, 2) tensor copies: the rows of the result are
    independent of each other and of `x`, whereas `x.expand(2, 2)` is a view of `x`.
    """
    x = torch.tensor([[1, 2]], device=device)
    repeated = x.repeat(2, 1)

    repeated[0, 0] = 7
    x[0, 1] = 8

    assert repeated.tolist() == [[7, 2], [1, 2]]
    assert x.expand(2, 2).tolist() == [[1, 8], [1, 8]]


def test_repeat_wants_a_number_for_every_axis_and_tile_does_not():
    """`x.repeat(2)` of a dense matrix raises a RuntimeError, because `repeat` needs a
    number for each dimension; `x.tile(2)` takes the missing first number as 1.
    """
    x = torch.tensor([[1, 2], [3, 4]])

    assert x.tile(2).tolist() == [[1, 2, 1, 2], [3, 4, 3, 4]]
    with pytest.raises(RuntimeError, match="can not be smaller than number of dimensions"):
        x.repeat(2)


def test_repeat_interleave_repeats_each_element(device):
    """With `x = torch.tensor([1, 2])`, `x.repeat_interleave(2)` is [1, 1, 2, 2], each
    element two times in a row, and `x.repeat_interleave(torch.tensor([1, 3]))`, with one
    count per element, is [1, 2, 2, 2].

    NumPy's `repeat` does the same; torch's `repeat` does not.
    """
    x = torch.tensor([1, 2], device=device)
    times = torch.tensor([1, 3], device=device)

    assert x.repeat_interleave(2).tolist() == [1, 1, 2, 2]
    assert x.repeat_interleave(times).tolist() == [1, 2, 2, 2]


def test_repeat_interleave_flattens_unless_told_an_axis():
    """With `x = torch.tensor([[1, 2], [3, 4]])`, `x.repeat_interleave(2)` is the vector [1,
    1, 2, 2, 3, 3, 4, 4], while `x.repeat_interleave(2, dim=0)` is the matrix [[1, 2], [1,
    2], [3, 4], [3, 4]].
    """
    x = torch.tensor([[1, 2], [3, 4]])

    assert x.repeat_interleave(2).tolist() == [1, 1, 2, 2, 3, 3, 4, 4]
    assert x.repeat_interleave(2, dim=0).tolist() == [[1, 2], [1, 2], [3, 4], [3, 4]]


def test_roll_brings_what_falls_off_back_at_the_other_end(device):
    """`x.roll(1)` of a dense vector shifts the elements by one towards the end and puts the
    last one first; a negative shift goes the other way.
    """
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    assert x.roll(1).tolist() == [50, 10, 20, 30, 40]
    assert x.roll(-2).tolist() == [30, 40, 50, 10, 20]


def test_roll_without_an_axis_rolls_the_flattened_tensor():
    """`x.roll(1)` of a dense int64 matrix `x` shifts the flattened elements, across rows;
    `x.roll(1, dims=1)` shifts within each row, `x.roll(1, dims=0)` shifts whole rows.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x.roll(1).tolist() == [[6, 1, 2], [3, 4, 5]]
    assert x.roll(1, dims=0).tolist() == [[4, 5, 6], [1, 2, 3]]
    assert x.roll(1, dims=1).tolist() == [[3, 1, 2], [6, 4, 5]]


def test_flip_reverses_axes_into_a_copy(device):
    """`x.flip(1)` of a dense float32 or int64 matrix reverses the order along dimension 1
    and copies, where NumPy's `flip` returns a view.

    Because torch has no negative strides. `x.flip()` without dimensions is refused: write
    `x.flip(0, 1)`.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    flipped = x.flip(1)

    x[0, 0] = 7

    assert flipped.tolist() == [[3, 2, 1], [6, 5, 4]]
    assert x.flip(0, 1).tolist() == [[6, 5, 4], [3, 2, 7]]
    assert x.float().flip(1).tolist() == [[3.0, 2.0, 7.0], [6.0, 5.0, 4.0]]
