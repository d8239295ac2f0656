"""Joining and cutting.

`cat` joins tensors along an axis they have, `stack` along a new one. `split`, `chunk` and `unbind`
cut a tensor up. What is joined is copied; what is cut off is a view of the original.

What surprises: shapes have to agree exactly, since nothing is broadcast here, and `chunk` may give
fewer pieces than it was asked for.
"""

import pytest
import torch


def test_cat_joins_along_an_axis_that_is_there(device):
    """`cat` puts tensors one behind the other, by default along the first axis."""
    a = torch.tensor([[1, 2]], device=device)
    b = torch.tensor([[3, 4]], device=device)

    assert torch.cat([a, b]).tolist() == [[1, 2], [3, 4]]
    assert torch.cat([a, b], dim=1).tolist() == [[1, 2, 3, 4]]
    assert torch.cat([a, b], dim=-1).tolist() == [[1, 2, 3, 4]]


def test_stack_joins_along_a_new_axis(device):
    """`stack` makes rows of vectors, or columns with `dim=1`."""
    a = torch.tensor([1, 2, 3], device=device)
    b = torch.tensor([4, 5, 6], device=device)

    assert torch.stack([a, b]).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert torch.stack([a, b], dim=1).tolist() == [[1, 4], [2, 5], [3, 6]]


def test_the_new_axis_of_stack_is_as_long_as_the_list():
    """Stacking five tensors of shape (2, 3) gives an axis of five wherever it is wanted."""
    parts = [torch.zeros(2, 3)] * 5

    assert torch.stack(parts).shape == (5, 2, 3)
    assert torch.stack(parts, dim=1).shape == (2, 5, 3)
    assert torch.stack(parts, dim=-1).shape == (2, 3, 5)
    assert torch.cat(parts).shape == (10, 3)


def test_cat_and_stack_copy(device):
    """The joined tensor has memory of its own, even when there is a single part."""
    a = torch.tensor([1, 2], device=device)
    joined = torch.cat([a])
    stacked = torch.stack([a])

    a[0] = 7

    assert joined.tolist() == [1, 2]
    assert stacked.tolist() == [[1, 2]]


def test_cat_wants_equal_sizes_along_the_other_axes():
    """The parts may differ along the axis on which they are joined, and nowhere else."""
    a = torch.zeros(2, 3)
    b = torch.zeros(2, 4)

    assert torch.cat([a, b], dim=1).shape == (2, 7)
    with pytest.raises(RuntimeError, match=r"match except in dimension 0. Expected size 3 but"):
        torch.cat([a, b])


def test_cat_wants_equal_ranks():
    """A vector is not taken for a row: give it the missing axis first."""
    a = torch.zeros(2, 3)
    row = torch.zeros(3)

    with pytest.raises(RuntimeError, match="same number of dimensions: got 2 and 1"):
        torch.cat([a, row])
    assert torch.cat([a, row.unsqueeze(0)]).shape == (3, 3)


def test_cat_passes_over_tensors_of_shape_zero():
    """The one exception: `torch.empty(0)` joins with anything, and adds nothing."""
    a = torch.zeros(2, 3)

    joined = torch.cat([torch.empty(0), a])

    assert joined.shape == (2, 3)
    with pytest.raises(RuntimeError, match="Expected size 4 but got size 3"):
        torch.cat([torch.empty(0, 4), a])


def test_stack_wants_equal_shapes():
    """Stacked tensors may not differ along any axis."""
    with pytest.raises(RuntimeError, match=r"equal size, but got \[2\] at entry 0 and \[3\] at"):
        torch.stack([torch.zeros(2), torch.zeros(3)])


def test_scalars_are_stacked_and_not_concatenated(device):
    """0-dimensional tensors have no axis for `cat`; `stack` makes a vector of them."""
    a = torch.tensor(1, device=device)
    b = torch.tensor(2, device=device)

    with pytest.raises(RuntimeError, match=r"zero-dimensional tensor .* cannot be concatenated"):
        torch.cat([a, b])
    assert torch.stack([a, b]).tolist() == [1, 2]


def test_cat_and_stack_promote_dtypes(device):
    """Parts of several dtypes are joined in the dtype that arithmetic on them would give."""
    integers = torch.tensor([1, 2], device=device)
    floats = torch.tensor([0.5, 1.5], device=device)

    joined = torch.cat([integers, floats])
    stacked = torch.stack([floats, floats.double()])

    assert joined.tolist() == [1.0, 2.0, 0.5, 1.5]
    assert joined.dtype == torch.float32
    assert stacked.dtype == torch.float64


def test_cat_goes_by_two_more_names():
    """`torch.concat` and `torch.concatenate` are `cat` under the names others use."""
    a = torch.tensor([1, 2])

    assert torch.concat([a, a]).tolist() == [1, 2, 1, 2]
    assert torch.concatenate([a, a], dim=0).tolist() == [1, 2, 1, 2]


def test_hstack_and_vstack_treat_vectors_as_rows(device):
    """`vstack` stacks vectors and joins matrices downwards, `hstack` joins both sideways."""
    a = torch.tensor([1, 2], device=device)
    matrix = torch.tensor([[1, 2], [3, 4]], device=device)

    assert torch.hstack([a, a]).tolist() == [1, 2, 1, 2]
    assert torch.vstack([a, a]).tolist() == [[1, 2], [1, 2]]
    assert torch.hstack([matrix, matrix]).tolist() == [[1, 2, 1, 2], [3, 4, 3, 4]]
    assert torch.vstack([matrix, a]).tolist() == [[1, 2], [3, 4], [1, 2]]


def test_split_cuts_pieces_of_one_length(device):
    """`split(n)` cuts pieces of n; the last is shorter where they don't come out even."""
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    assert [piece.tolist() for piece in x.split(2)] == [[10, 20], [30, 40], [50]]
    assert [piece.tolist() for piece in x.split(3)] == [[10, 20, 30], [40, 50]]


def test_split_takes_a_list_of_lengths(device):
    """`split([...])` cuts pieces of these lengths, which must add up to the whole."""
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    assert [piece.tolist() for piece in x.split([1, 4])] == [[10], [20, 30, 40, 50]]
    with pytest.raises(RuntimeError, match="expects split_sizes to sum exactly to 5"):
        x.split([1, 3])


@pytest.mark.parametrize(
    ("length", "asked", "pieces"),
    [(6, 2, [3, 3]), (7, 3, [3, 3, 1]), (5, 4, [2, 2, 1]), (12, 5, [3, 3, 3, 3])],
)
def test_chunk_rounds_the_length_of_a_piece_up(length, asked, pieces):
    """`chunk(n)` cuts pieces of length/n, rounded up, so that there may be fewer than n."""
    x = torch.zeros(length)

    assert [len(piece) for piece in x.chunk(asked)] == pieces


def test_chunk_gives_no_empty_pieces():
    """Asked for more pieces than there are elements, `chunk` gives one an element."""
    x = torch.zeros(3)

    pieces = x.chunk(8)

    assert [len(piece) for piece in pieces] == [1, 1, 1]


@pytest.mark.parametrize(
    ("length", "asked", "pieces"),
    [(6, 3, [2, 2, 2]), (5, 4, [2, 1, 1, 1]), (12, 5, [3, 3, 2, 2, 2]), (2, 3, [1, 1, 0])],
)
def test_tensor_split_always_gives_as_many_pieces_as_asked(length, asked, pieces):
    """`tensor_split(n)` evens the lengths out instead, with empty pieces at the end if need be."""
    x = torch.zeros(length)

    assert [len(piece) for piece in x.tensor_split(asked)] == pieces


def test_tensor_split_takes_the_places_to_cut_at():
    """A tuple given to `tensor_split` holds indices; one given to `split` holds lengths."""
    x = torch.tensor([10, 20, 30, 40, 50])

    assert [piece.tolist() for piece in x.tensor_split((1, 3))] == [[10], [20, 30], [40, 50]]
    assert [piece.tolist() for piece in x.split((1, 3, 1))] == [[10], [20, 30, 40], [50]]


def test_unbind_takes_an_axis_apart(device):
    """`unbind(dim)` is a tuple of what lies along an axis, without that axis."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    first, second = x.unbind()

    assert first.tolist() == [1, 2, 3]
    assert second.tolist() == [4, 5, 6]
    assert [column.tolist() for column in x.unbind(1)] == [[1, 4], [2, 5], [3, 6]]


def test_pieces_are_views(device):
    """What is cut off, in whichever of these ways, shares its memory with the whole."""
    x = torch.zeros(6, device=device)

    x.tensor_split(2)[0][1] = 6
    x.split(2)[1][0] = 7
    x.chunk(2)[1][1] = 8
    x.unbind()[5].fill_(9)

    assert x.tolist() == [0.0, 6.0, 7.0, 0.0, 8.0, 9.0]
