"""Broadcasting: how shapes that differ fit together.

Shapes are laid side by side from the last dimension. In each place the sizes must agree, or one of
them must be 1 or missing; that side is then repeated as often as the other needs. Nothing is
copied for it: a dimension is repeated by a stride of 0.

The surprise is what fits without being meant: a row of three minus a column of three is no row of
differences but a table of nine.
"""

import hypothesis.extra.numpy as st_numpy
import numpy as np
import pytest
import torch
from hypothesis import given


def test_a_row_is_used_for_every_row(device):
    """A missing first dimension is filled in: one row is added to every row of a matrix."""
    matrix = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    row = torch.tensor([10, 20, 30], device=device)

    assert (matrix + row).tolist() == [[11, 22, 33], [14, 25, 36]]


def test_a_column_is_used_for_every_column(device):
    """A dimension of size 1 is repeated: one column is added to every column of a matrix."""
    matrix = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    column = torch.tensor([[10], [20]], device=device)

    assert (matrix + column).tolist() == [[11, 12, 13], [24, 25, 26]]


def test_a_column_and_a_row_make_a_table(device):
    """Both sides may be repeated: a column and a row make a table of all pairs."""
    column = torch.tensor([[10], [20]], device=device)
    row = torch.tensor([1, 2, 3], device=device)

    assert (column + row).tolist() == [[11, 12, 13], [21, 22, 23]]


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        ((2, 3), (3,), (2, 3)),
        ((2, 3), (2, 1), (2, 3)),
        ((4, 1), (1, 3), (4, 3)),
        ((4, 1, 3), (5, 1), (4, 5, 3)),
        ((), (2, 3), (2, 3)),
        ((0,), (1,), (0,)),
        ((3, 1), (0,), (3, 0)),
    ],
)
def test_shapes_are_matched_from_the_last_dimension(a, b, result, device):
    """Shapes are matched from the last dimension; of two sizes, the one that isn't 1 counts."""
    total = torch.zeros(a, device=device) + torch.zeros(b, device=device)

    assert total.shape == result


def test_sizes_that_differ_and_are_not_one_are_refused(device):
    """Sizes that differ and aren't 1 are refused: a vector with an entry a row is no column."""
    matrix = torch.ones(2, 3, device=device)

    with pytest.raises(RuntimeError, match=r"tensor b \(2\) at non-singleton dimension 1"):
        matrix + torch.ones(2, device=device)
    with pytest.raises(RuntimeError, match=r"tensor b \(4\) at non-singleton dimension 0"):
        matrix + torch.ones(4, 3, device=device)

    assert (matrix + torch.ones(2, 1, device=device)).tolist() == [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]


def test_shapes_can_be_tried_without_tensors():
    """`torch.broadcast_shapes` says for shapes alone whether they fit, and what comes out."""
    assert torch.broadcast_shapes((5, 1), (1, 4), (3, 1, 1)) == (3, 5, 4)
    with pytest.raises(RuntimeError, match="broadcast"):
        torch.broadcast_shapes((2, 3), (2,))


@given(st_numpy.mutually_broadcastable_shapes(num_shapes=2, max_dims=4))
def test_broadcasting_agrees_with_numpy(shapes):
    """For any two shapes that fit together the result is the one that NumPy gives."""
    a, b = (np.arange(np.prod(shape, dtype=int)).reshape(shape) for shape in shapes.input_shapes)

    total = torch.from_numpy(a) + 100 * torch.from_numpy(b)

    assert total.shape == shapes.result_shape
    assert total.tolist() == (a + 100 * b).tolist()


def test_a_row_minus_a_column_is_a_table():
    """Three predictions minus a column of three targets is a table of nine, not three errors."""
    predictions = torch.tensor([1.0, 2.0, 3.0])
    targets = torch.tensor([[1.0], [2.0], [4.0]])

    assert (predictions - targets).shape == (3, 3)
    assert (predictions - targets.squeeze(1)).tolist() == [0.0, 0.0, -1.0]


def test_dividing_rows_by_their_sums_needs_keepdim():
    """Dividing rows by their sums needs `keepdim=True`: a square matrix divides wrongly without."""
    x = torch.tensor([[1.0, 3.0], [2.0, 6.0]])

    assert (x / x.sum(1, keepdim=True)).tolist() == [[0.25, 0.75], [0.25, 0.75]]
    assert (x / x.sum(1)).tolist() == [[0.25, 0.375], [0.5, 0.75]]


def test_indexing_with_none_makes_a_vector_a_column(device):
    """`x[:, None]` makes a column of a vector, so `x[:, None] * y` holds every product."""
    x = torch.tensor([1, 2], device=device)
    y = torch.tensor([3, 4, 5], device=device)

    assert (x[:, None] * y).tolist() == [[3, 4, 5], [6, 8, 10]]


def test_comparisons_and_where_broadcast_as_well(device):
    """Comparisons and `torch.where` broadcast like arithmetic."""
    x = torch.tensor([1, 2], device=device)
    y = torch.tensor([[1], [3]], device=device)

    assert (x == y).tolist() == [[True, False], [False, False]]
    assert torch.where(x < y, x, y).tolist() == [[1, 1], [1, 2]]


def test_an_in_place_operation_repeats_its_argument(device):
    """An in-place operation repeats its argument to fit the tensor it writes to."""
    matrix = torch.zeros(2, 3, device=device)

    matrix.add_(torch.tensor([1.0, 2.0, 3.0], device=device))

    assert matrix.tolist() == [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]


def test_a_tensor_does_not_grow_in_place(device):
    """A tensor doesn't grow in place, not even from size 1."""
    row = torch.ones(1, 3, device=device)

    with pytest.raises(
        RuntimeError, match=r"output with shape \[1, 3\] doesn't match the broadcast shape \[2, 3\]"
    ):
        row.add_(torch.ones(2, 3, device=device))

    assert row.tolist() == [[1.0, 1.0, 1.0]]


def test_expand_repeats_without_copying(device):
    """`x.expand(...)` repeats a tensor without copying: the repeated dimension has stride 0."""
    column = torch.tensor([[1], [2]], device=device)

    table = column.expand(2, 3)

    assert table.tolist() == [[1, 1, 1], [2, 2, 2]]
    assert table.stride() == (1, 0)
    assert table.data_ptr() == column.data_ptr()


def test_broadcast_to_is_expand(device):
    """`torch.broadcast_to` and `expand_as` are further names for `expand`."""
    row = torch.tensor([1, 2], device=device)

    broadcast = torch.broadcast_to(row, (3, 2))
    expanded = row.expand_as(torch.zeros(3, 2, device=device))

    assert broadcast.tolist() == [[1, 2], [1, 2], [1, 2]]
    assert broadcast.stride() == (0, 1)
    assert expanded.tolist() == [[1, 2], [1, 2], [1, 2]]
    assert expanded.stride() == (0, 1)


def test_broadcast_tensors_shows_what_an_operator_would_see(device):
    """`torch.broadcast_tensors` gives both operands the shape that an operator would see."""
    column = torch.tensor([[1], [2]], device=device)
    row = torch.tensor([3, 4], device=device)

    wide, tall = torch.broadcast_tensors(column, row)

    assert wide.tolist() == [[1, 1], [2, 2]]
    assert tall.tolist() == [[3, 4], [3, 4]]
    assert wide.data_ptr() == column.data_ptr()
    assert tall.data_ptr() == row.data_ptr()


def test_minus_one_in_expand_keeps_a_size():
    """In `expand`, -1 stands for the size that is there."""
    assert torch.ones(3, 1).expand(-1, 4).shape == (3, 4)
    assert torch.ones(3).expand(2, -1).shape == (2, 3)


def test_only_dimensions_of_size_one_expand():
    """Only dimensions of size 1 expand; a larger one is refused, even to a multiple of itself."""
    with pytest.raises(RuntimeError, match=r"expanded size of the tensor \(4\) must match"):
        torch.ones(2).expand(4)

    assert torch.ones(2).repeat(2).tolist() == [1.0, 1.0, 1.0, 1.0]


def test_writing_to_an_expanded_tensor_is_refused(device):
    """In-place arithmetic on an expanded tensor is refused: its elements share memory."""
    table = torch.ones(2, 1, device=device).expand(2, 3)

    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers"):
        table.add_(1)

    assert table.clone().add_(1).tolist() == [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]


def test_an_element_of_an_expanded_tensor_stands_in_many_places(device):
    """One element written through an expanded tensor changes in every place it is repeated."""
    table = torch.zeros(2, 1, device=device).expand(2, 3)

    table[0, 1] = 7

    assert table.tolist() == [[7.0, 7.0, 7.0], [0.0, 0.0, 0.0]]
