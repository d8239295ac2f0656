"""Broadcasting: how shapes that differ fit together.

Operators such as `+` and `==` take tensors of different shapes. The shapes are aligned at the last
dimension; in each dimension the sizes must be equal, or one of them must be 1 or missing. The
dimension of size 1 is then repeated to the other size. No data is copied for it: `x.expand`
shows how, with a stride of 0. Matrix products broadcast only the batch dimensions, see
`spec/tensors/test_matrix_products.py`; what a write to an expanded tensor does is told in
`spec/tensors/test_inplace_limits.py`.

What surprises is which shapes fit without being meant: shape (3,) minus shape (3, 1) is no error
but a table of nine differences.
"""

import hypothesis.extra.numpy as st_numpy
import numpy as np
import pytest
import torch
from hypothesis import given


def test_a_row_is_used_for_every_row(device):
    """`x + row` of dense int64 tensors adds a row of shape (3,) to each row of an `x` of
    shape (2, 3).

    Because the missing first dimension counts as size 1 and is repeated. A bias is added to a
    batch in this way.
    """
    matrix = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    row = torch.tensor([10, 20, 30], device=device)

    assert (matrix + row).tolist() == [[11, 22, 33], [14, 25, 36]]


def test_a_column_is_used_for_every_column(device):
    """`x + column` of dense int64 tensors adds a column of shape (2, 1) to each column of
    an `x` of shape (2, 3).
    """
    matrix = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    column = torch.tensor([[10], [20]], device=device)

    assert (matrix + column).tolist() == [[11, 12, 13], [24, 25, 26]]


def test_a_column_and_a_row_make_a_table(device):
    """In `column + row` of dense int64 tensors both operands may be repeated: shape (2, 1)
    plus shape (3,) gives shape (2, 3), the sums of all pairs.
    """
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
    """In `x + y` of dense float32 tensors shapes are aligned at the last dimension; where
    two sizes differ, one of them must be 1 or missing, and the result has the other size:
    (4, 1, 3) and (5, 1) give (4, 5, 3).

    The other size may also be 0: (3, 1) and (0,) give (3, 0).
    """
    total = torch.zeros(a, device=device) + torch.zeros(b, device=device)

    assert total.shape == result


def test_sizes_that_differ_and_are_not_one_are_refused(device):
    """`torch.ones(2, 3) + torch.ones(2)` raises RuntimeError, "The size of tensor a (3)
    must match the size of tensor b (2) at non-singleton dimension 1": shapes are compared
    from their last dimension on.

    A vector with one entry per row needs the shape (2, 1): write `vector[:, None]`.
    """
    matrix = torch.ones(2, 3, device=device)

    with pytest.raises(
        RuntimeError,
        match=r"size of tensor a \(3\) must match the size of tensor b \(2\) at non-singleton dim",
    ):
        matrix + torch.ones(2, device=device)
    with pytest.raises(RuntimeError, match=r"tensor b \(4\) at non-singleton dimension 0"):
        matrix + torch.ones(4, 3, device=device)

    vector = torch.tensor([1.0, 5.0], device=device)
    assert (matrix + vector[:, None]).tolist() == [[2.0, 2.0, 2.0], [6.0, 6.0, 6.0]]


def test_shapes_can_be_tried_without_tensors():
    """`torch.broadcast_shapes` takes shapes, tuples of nonnegative Python ints, instead of tensors
    and returns the broadcast shape, or raises a RuntimeError if the shapes don't fit.

    Useful to know the size of an output, or to reject a wrong shape early.
    """
    assert torch.broadcast_shapes((5, 1), (1, 4), (3, 1, 1)) == (3, 5, 4)
    words = "broadcast a dimension of length 2|[Ss]hape mismatch: objects cannot be broadcast"
    with pytest.raises(RuntimeError, match=words):
        torch.broadcast_shapes((2, 3), (2,))


@given(st_numpy.mutually_broadcastable_shapes(num_shapes=2, max_dims=4))
def test_broadcasting_agrees_with_numpy(shapes):
    """For NumPy arrays `a` and `b` made by `np.arange(n).reshape(shape)`, of any
    broadcastable shapes of up to four dimensions,
    `torch.from_numpy(a) + torch.from_numpy(b)` has the shape and the values of `a + b`.
    """
    a, b = (np.arange(np.prod(shape, dtype=int)).reshape(shape) for shape in shapes.input_shapes)

    total = torch.from_numpy(a) + 100 * torch.from_numpy(b)

    assert total.shape == shapes.result_shape
    assert total.tolist() == (a + 100 * b).tolist()


def test_a_row_minus_a_column_is_a_table():
    """`predictions - targets` of dense float32 tensors of shapes (3,) and (3, 1) has shape
    (3, 3), nine differences instead of three, without an error.

    A common error in a loss; `targets.squeeze(1)` or `predictions[:, None]` makes the shapes
    equal.
    """
    predictions = torch.tensor([1.0, 2.0, 3.0])
    targets = torch.tensor([[1.0], [2.0], [4.0]])

    assert (predictions - targets).shape == (3, 3)
    assert (predictions - targets.squeeze(1)).tolist() == [0.0, 0.0, -1.0]


def test_dividing_rows_by_their_sums_needs_keepdim():
    """`x / x.sum(1, keepdim=True)` divides each row of a dense 2 x 2 float32 matrix by its
    sum; `x / x.sum(1)` divides column 0 by the sum of row 0, and column 1 by that of row 1,
    without an error.

    Because `x.sum(1)` has the shape (2,), which is aligned with the columns.
    `x / x.sum(1)[:, None]` divides the rows, too.
    """
    x = torch.tensor([[1.0, 3.0], [2.0, 6.0]])

    assert (x / x.sum(1, keepdim=True)).tolist() == [[0.25, 0.75], [0.25, 0.75]]
    assert (x / x.sum(1)[:, None]).tolist() == [[0.25, 0.75], [0.25, 0.75]]
    assert (x / x.sum(1)).tolist() == [[0.25, 0.375], [0.5, 0.75]]


def test_indexing_with_none_makes_a_vector_a_column(device):
    """`x[:, None]` of a dense int64 vector with two elements has the shape (2, 1), so that
    `x[:, None] * y` holds the product of each element of `x` with each of a dense int64
    vector `y`.
    """
    x = torch.tensor([1, 2], device=device)
    y = torch.tensor([3, 4, 5], device=device)

    assert x[:, None].shape == (2, 1)
    assert (x[:, None] * y).tolist() == [[3, 4, 5], [6, 8, 10]]


def test_comparisons_and_where_broadcast_as_well(device):
    """`x == y`, `x < y` and `torch.where(x < y, x, y)` of dense int64 tensors broadcast as
    `x + y` does: shapes (2,) and (2, 1) give (2, 2).
    """
    x = torch.tensor([1, 2], device=device)
    y = torch.tensor([[1], [3]], device=device)

    assert (x == y).tolist() == [[True, False], [False, False]]
    assert (x < y).tolist() == [[False, False], [True, True]]
    assert torch.where(x < y, x, y).tolist() == [[1, 1], [1, 2]]


def test_an_in_place_operation_repeats_its_argument(device):
    """`matrix.add_(row)` of `matrix = torch.ones(2, 3)` and `row = torch.tensor([1.0, 2.0, 3.0])`
    broadcasts `row` to the shape of `matrix`, and writes the sum into `matrix`.

    `matrix.add_(matrix[0])` raises RuntimeError: write `matrix.add_(matrix[0].clone())`.
    """
    matrix = torch.tensor([[0.0, 0.0, 0.0], [5.0, 5.0, 5.0]], device=device)

    matrix.add_(torch.tensor([1.0, 2.0, 3.0], device=device))

    assert matrix.tolist() == [[1.0, 2.0, 3.0], [6.0, 7.0, 8.0]]
    first = matrix[0]
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        matrix.add_(first)
    assert matrix.add_(first.clone()).tolist() == [[2.0, 4.0, 6.0], [7.0, 9.0, 11.0]]


def test_a_tensor_does_not_grow_in_place(device):
    """`row.add_(torch.ones(2, 3))` of `row = torch.ones(1, 3)` raises a RuntimeError, since the
    broadcast shape (2, 3) is not that of `row`.

    Because `add_` writes into the elements that its tensor has; unlike `t_` and `unsqueeze_` it
    doesn't change the shape. Write `row + torch.ones(2, 3)`.
    """
    row = torch.ones(1, 3, device=device)

    with pytest.raises(
        RuntimeError, match=r"output with shape \[1, 3\] doesn't match the broadcast shape \[2, 3\]"
    ):
        row.add_(torch.ones(2, 3, device=device))

    assert row.tolist() == [[1.0, 1.0, 1.0]]
    assert (row + torch.ones(2, 3, device=device)).shape == (2, 3)
    assert row.t_().shape == (3, 1)


def test_expand_repeats_without_copying(device):
    """`x.expand(2, 3)` of a dense int64 tensor of shape (2, 1) is a view with shape (2, 3),
    in which the repeated dimension has stride 0.
    """
    column = torch.tensor([[1], [2]], device=device)

    table = column.expand(2, 3)

    assert table.tolist() == [[1, 1, 1], [2, 2, 2]]
    assert table.stride() == (1, 0)
    assert table.data_ptr() == column.data_ptr()


def test_broadcast_to_is_expand(device):
    """For `x = torch.tensor([1, 2])` and a tensor `other` of shape (3, 2),
    `torch.broadcast_to(x, (3, 2))` and `x.expand_as(other)` are views of `x` with strides (0, 1)
    and the same values as `x.expand(3, 2)`.
    """
    row = torch.tensor([1, 2], device=device)

    broadcast = torch.broadcast_to(row, (3, 2))
    expanded = row.expand_as(torch.zeros(3, 2, device=device))

    assert broadcast.stride() == (0, 1)
    assert expanded.stride() == (0, 1)
    assert torch.equal(broadcast, row.expand(3, 2)) is True
    assert torch.equal(expanded, row.expand(3, 2)) is True
    row[0] = 7
    assert broadcast.tolist() == [[7, 2], [7, 2], [7, 2]]
    assert expanded.tolist() == [[7, 2], [7, 2], [7, 2]]


def test_broadcast_tensors_shows_what_an_operator_would_see(device):
    """`torch.broadcast_tensors(x, y)` of dense int64 tensors of shapes (2, 1) and (2,)
    returns views of both tensors, expanded to their broadcast shape (2, 2).
    """
    column = torch.tensor([[1], [2]], device=device)
    row = torch.tensor([3, 4], device=device)

    wide, tall = torch.broadcast_tensors(column, row)

    assert wide.tolist() == [[1, 1], [2, 2]]
    assert tall.tolist() == [[3, 4], [3, 4]]
    assert wide.data_ptr() == column.data_ptr()
    assert tall.data_ptr() == row.data_ptr()


def test_minus_one_in_expand_keeps_a_size():
    """In `x.expand`, -1 keeps the size of an existing dimension: `torch.ones(3, 1).expand(-1, 4)`
    has the shape (3, 4).
    """
    assert torch.ones(3, 1).expand(-1, 4).shape == (3, 4)
    assert torch.ones(3).expand(2, -1).shape == (2, 3)


def test_only_dimensions_of_size_one_expand():
    """`torch.ones(2).expand(4)` raises RuntimeError: `expand` changes the size of an existing
    dimension only if that size is 1.

    Because a stride of 0 repeats one element only. `torch.ones(2).repeat(2)` copies the two
    elements, to four ones.
    """
    with pytest.raises(RuntimeError, match=r"expanded size of the tensor \(4\) must match"):
        torch.ones(2).expand(4)

    assert torch.ones(2).repeat(2).tolist() == [1.0, 1.0, 1.0, 1.0]


def test_expand_takes_at_least_as_many_sizes_as_there_are_dimensions(device):
    """`x.expand(3)` of a float32 matrix raises RuntimeError, "the number of sizes provided
    (1) must be greater or equal to the number of dimensions in the tensor (2)": `expand`
    adds dimensions in front only.
    """
    x = torch.ones(2, 3, device=device)

    with pytest.raises(
        RuntimeError, match=r"the number of sizes provided \(1\) must be greater or eq"
    ):
        x.expand(3)

    assert x.expand(4, 2, 3).shape == (4, 2, 3)
