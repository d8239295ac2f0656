"""Joining and splitting.

`cat` joins tensors along a dimension they have, `stack` along a new one. `split`, `chunk`,
`tensor_split` and `unbind` divide a tensor along a dimension, by default the first. Joining copies;
the pieces of a split are views of the original, see `spec/tensors/test_views.py`.

What surprises: `cat` and `stack` don't broadcast; `chunk` may return fewer pieces than it was asked
for; and a tuple is lengths to `split` and indices to `tensor_split`.
"""

import pytest
import torch


def test_cat_joins_along_an_axis_that_is_there(device):
    """`torch.cat([a, b])` joins two int64 matrices of the same shape along an existing
    dimension, the first unless `dim=` names another.
    """
    a = torch.tensor([[1, 2]], device=device)
    b = torch.tensor([[3, 4]], device=device)

    assert torch.cat([a, b]).tolist() == [[1, 2], [3, 4]]
    assert torch.cat([a, b], dim=1).tolist() == [[1, 2, 3, 4]]
    assert torch.cat([a, b], dim=-1).tolist() == [[1, 2, 3, 4]]


def test_stack_joins_along_a_new_axis(device):
    """`torch.stack([a, b])` joins float32 or int64 tensors of the same shape along a new
    dimension, whose size is the length of the list: two vectors become the rows of a matrix, with
    `dim=1` its columns.
    """
    a = torch.tensor([1, 2, 3], device=device)
    b = torch.tensor([4, 5, 6], device=device)

    assert torch.stack([a, b]).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert torch.stack([a, b], dim=1).tolist() == [[1, 4], [2, 5], [3, 6]]
    parts = [torch.zeros(2, 3, device=device)] * 5

    assert torch.stack(parts).shape == (5, 2, 3)
    assert torch.stack(parts, dim=1).shape == (2, 5, 3)
    assert torch.stack(parts, dim=-1).shape == (2, 3, 5)
    assert torch.cat(parts).shape == (10, 3)


def test_cat_and_stack_copy(device):
    """With `a = torch.tensor([1, 2])`, `torch.cat([a])` and `torch.stack([a])` copy the
    numbers of `a`: after `a[0] = 7` the results made before are still [1, 2] and [[1, 2]].
    """
    a = torch.tensor([1, 2], device=device)
    joined = torch.cat([a])
    stacked = torch.stack([a])

    a[0] = 7

    assert joined.tolist() == [1, 2]
    assert stacked.tolist() == [[1, 2]]


def test_cat_wants_equal_sizes_along_the_other_axes():
    """Dense matrices given to `torch.cat` may differ in size along `dim`, by default 0; a
    difference along the other dimension raises a RuntimeError, by default "Sizes of tensors
    must match except in dimension 0".

    Nothing is broadcast: `expand` or pad the smaller tensor first.
    """
    a = torch.zeros(2, 3)
    b = torch.zeros(2, 4)

    assert torch.cat([a, b], dim=1).shape == (2, 7)
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension 0"):
        torch.cat([a, b])


def test_cat_wants_equal_ranks():
    """`torch.cat([a, row])` of a dense (2, 3) matrix `a` and a dense vector `row` of 3 elements
    raises a RuntimeError, "Tensors must have same number of dimensions"; `row.unsqueeze(0)`
    makes the vector a matrix of one row.

    Because `cat` doesn't add dimensions, as broadcasting would.
    """
    a = torch.zeros(2, 3)
    row = torch.zeros(3)

    with pytest.raises(RuntimeError, match="must have same number of dimensions: got 2 and 1"):
        torch.cat([a, row])
    assert torch.cat([a, row.unsqueeze(0)]).shape == (3, 3)


def test_cat_passes_over_tensors_of_shape_zero():
    """`torch.cat` skips dense tensors of shape (0,), such as `torch.empty(0)`, beside dense
    tensors of one or more dimensions; the dtype of a skipped tensor still takes part in
    type promotion.

    An exception kept for old code; a tensor of shape (0, 4) has to fit like any other.
    """
    a = torch.zeros(2, 3, dtype=torch.int64)

    joined = torch.cat([torch.empty(0), a])

    assert joined.shape == (2, 3)
    assert joined.dtype == torch.float32
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension 0"):
        torch.cat([torch.empty(0, 4), a])


def test_stack_wants_equal_shapes():
    """`torch.stack([a, b])` of two dense tensors that differ in shape raises a
    RuntimeError, "stack expects each tensor to be equal size".

    For sequences of different lengths `torch.nn.utils.rnn.pad_sequence([a, b], batch_first=True)`
    pads the shorter with 0 and stacks them.
    """
    parts = [torch.ones(2), torch.ones(3)]

    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        torch.stack(parts)

    padded = torch.nn.utils.rnn.pad_sequence(parts, batch_first=True)
    assert padded.tolist() == [[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]


def test_an_empty_list_cannot_be_joined():
    """`torch.stack([])` raises a RuntimeError, "stack expects a non-empty TensorList": there is
    no tensor to take shape and dtype from.

    `torch.cat([])` raises as well: RuntimeError in PyTorch 2.8, ValueError in 2.14. Where a list
    of vectors may be empty, put an empty vector in front:
    `torch.cat([torch.empty(0, dtype=torch.int64), *parts])` leaves int64 as it is, while
    `torch.empty(0)` would make float32 of it.
    """
    parts = []

    with pytest.raises(RuntimeError, match="stack expects a non-empty TensorList"):
        torch.stack(parts)

    parts.append(torch.empty(0, dtype=torch.int64))
    assert torch.cat(parts).tolist() == []
    parts.append(torch.tensor([1]))
    assert torch.cat(parts).dtype == torch.int64


def test_scalars_are_stacked_and_not_concatenated(device):
    """`torch.cat` of the 0-d tensors `torch.tensor(1)` and `torch.tensor(2)` raises RuntimeError,
    "zero-dimensional tensor (at position 0) cannot be concatenated"; `torch.stack` makes the
    vector `tensor([1, 2])` of them.

    Because a 0-d tensor has no dimension to join along.
    """
    a = torch.tensor(1, device=device)
    b = torch.tensor(2, device=device)

    with pytest.raises(
        RuntimeError, match=r"zero-dimensional tensor \(at position 0\) cannot be conc"
    ):
        torch.cat([a, b])
    assert torch.stack([a, b]).tolist() == [1, 2]


def test_cat_and_stack_promote_dtypes(device):
    """`torch.cat` of an int64 and a float32 vector is float32, `torch.stack` of a float32 and a
    float64 vector is float64: the dtype that `+` of the two would have.
    """
    integers = torch.tensor([1, 2], device=device)
    floats = torch.tensor([0.5, 1.5], device=device)

    joined = torch.cat([integers, floats])
    stacked = torch.stack([floats, floats.double()])

    assert joined.tolist() == [1.0, 2.0, 0.5, 1.5]
    assert joined.dtype == torch.float32
    assert stacked.dtype == torch.float64


def test_cat_goes_by_two_more_names():
    """`torch.concat` and `torch.concatenate` do the same as `torch.cat`."""
    a = torch.tensor([1, 2])

    assert torch.concat([a, a]).tolist() == [1, 2, 1, 2]
    assert torch.concatenate([a, a], dim=0).tolist() == [1, 2, 1, 2]


def test_hstack_and_vstack_treat_vectors_as_rows(device):
    """`torch.vstack([a, b])` puts int64 vectors and matrices of the same width below each other as
    rows; `torch.hstack([a, b])` joins two vectors end to end, and two matrices of the same height
    side by side.
    """
    a = torch.tensor([1, 2], device=device)
    matrix = torch.tensor([[1, 2], [3, 4]], device=device)

    assert torch.hstack([a, a]).tolist() == [1, 2, 1, 2]
    assert torch.vstack([a, a]).tolist() == [[1, 2], [1, 2]]
    assert torch.hstack([matrix, matrix]).tolist() == [[1, 2, 1, 2], [3, 4, 3, 4]]
    assert torch.vstack([matrix, a]).tolist() == [[1, 2], [3, 4], [1, 2]]


def test_split_cuts_pieces_of_one_length(device):
    """`x.split(n)` of a nonempty dense vector, n being 1 or more, divides it into a tuple
    of pieces of length `n`; the last is shorter if `n` doesn't divide the length.
    """
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    assert [piece.tolist() for piece in x.split(2)] == [[10, 20], [30, 40], [50]]
    assert [piece.tolist() for piece in x.split(3)] == [[10, 20, 30], [40, 50]]


def test_split_takes_a_list_of_lengths(device):
    """`x.split([1, 4])` of a dense vector of five elements returns pieces of length 1 and 4;
    `x.split([1, 3])` raises a RuntimeError, "split_with_sizes expects split_sizes to sum exactly
    to 5".

    To take only a part use a slice, or `narrow`.
    """
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    assert [piece.tolist() for piece in x.split([1, 4])] == [[10], [20, 30, 40, 50]]
    with pytest.raises(RuntimeError, match="expects split_sizes to sum exactly to 5"):
        x.split([1, 3])


@pytest.mark.parametrize(
    ("length", "asked", "pieces"),
    [
        (6, 2, [3, 3]),
        (7, 3, [3, 3, 1]),
        (5, 4, [2, 2, 1]),
        (12, 5, [3, 3, 3, 3]),
        (3, 8, [1, 1, 1]),
        (0, 2, [0, 0]),
    ],
)
@pytest.mark.spare("8", reason="any number of chunks above the length gives these pieces")
def test_chunk_rounds_the_length_of_a_piece_up(length, asked, pieces):
    """`x.chunk(n)` of a nonempty dense vector of length L, with n from 1 to 100, gives pieces of
    length ceil(L / n), of which the last may be shorter. They can be fewer than `n`:
    `torch.zeros(12).chunk(5)` gives 4 pieces of 3.

    `tensor_split(n)` returns exactly `n` pieces.
    """
    x = torch.zeros(length)

    assert [len(piece) for piece in x.chunk(asked)] == pieces


@pytest.mark.parametrize(
    ("length", "asked", "pieces"),
    [(6, 3, [2, 2, 2]), (5, 4, [2, 1, 1, 1]), (12, 5, [3, 3, 2, 2, 2]), (2, 3, [1, 1, 0])],
)
def test_tensor_split_always_gives_as_many_pieces_as_asked(length, asked, pieces):
    """`x.tensor_split(n)` of a dense vector, n being 1 or more, returns exactly `n` pieces
    whose lengths differ by at most 1; some are empty if there are fewer elements than
    pieces.
    """
    x = torch.zeros(length)

    assert [len(piece) for piece in x.tensor_split(asked)] == pieces


def test_tensor_split_takes_the_places_to_cut_at():
    """A tuple is indices for `tensor_split` and lengths for `split`: for a dense vector `x` of
    five elements `x.tensor_split((1, 3))` divides before index 1 and 3, `x.split((1, 3, 1))` gives
    lengths 1, 3, 1.
    """
    x = torch.tensor([10, 20, 30, 40, 50])

    assert [piece.tolist() for piece in x.tensor_split((1, 3))] == [[10], [20, 30], [40, 50]]
    assert [piece.tolist() for piece in x.split((1, 3, 1))] == [[10], [20, 30, 40], [50]]


def test_unbind_takes_an_axis_apart(device):
    """`x.unbind(dim)` of a matrix returns a tuple of the slices along `dim`, without that
    dimension: by default the rows, with `dim=1` the columns.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    first, second = x.unbind()

    assert first.tolist() == [1, 2, 3]
    assert second.tolist() == [4, 5, 6]
    assert [column.tolist() for column in x.unbind(1)] == [[1, 4], [2, 5], [3, 6]]


def test_pieces_are_views(device):
    """The pieces from `split`, `chunk`, `tensor_split` and `unbind` of `x = torch.zeros(6)`
    are views: writing to a piece changes `x`.

    Call `clone()` on a piece to keep it apart.
    """
    x = torch.zeros(6, device=device)

    x.tensor_split(2)[0][1] = 6
    x.split(2)[1][0] = 7
    x.chunk(2)[1][1] = 8
    x.unbind()[5].fill_(9)

    assert x.tolist() == [0.0, 6.0, 7.0, 0.0, 8.0, 9.0]
