"""Indexing with tensors and lists.

An index may be a tensor of integers: the positions to pick, in any order and as often as they are
named. A list of integers, a range or an int64 NumPy array in brackets works the same. This is how
rows are shuffled, samples selected and tables looked up.

In contrast to slices (`spec/tensors/test_indexing.py`) the result is a copy, unless the index is
0-dimensional: `torch.tensor(1)` counts as the integer 1. Assignment through such an index,
`x[index] = values`, still writes into `x`, because Python calls `x.__setitem__` for it and no copy
is made first.

What surprises: a write to the copy, `x[[1, 2]][0] = 7`, is lost; two index tensors pick pairs, not
a rectangle; assignment does not convert the dtype of a tensor; and `x[[0, 0]] += 1` adds 1 only
once.
"""

import numpy as np
import pytest
import torch


def test_an_index_tensor_picks_rows_in_any_order(device):
    """`x[torch.tensor([2, 0, 2])]` of a dense int64 matrix of shape (3, 2) picks rows 2, 0
    and 2 again, in this order.
    """
    x = torch.tensor([[1, 2], [3, 4], [5, 6]], device=device)
    index = torch.tensor([2, 0, 2], device=device)

    assert x[index].tolist() == [[5, 6], [1, 2], [5, 6]]


@pytest.mark.parametrize("index", [[2, 0], range(2, -1, -2), np.array([2, 0])], ids=str)
def test_lists_ranges_and_arrays_pick_like_tensors(index):
    """With `x = torch.tensor([10, 20, 30])`, the list `[2, 0]`, `range(2, -1, -2)` and the
    int64 array `np.array([2, 0])` in brackets pick like an index tensor: `x[[2, 0]]` is
    [30, 10].

    A uint8 array is read as a mask, as a uint8 tensor is: `spec/tensors/test_masks.py`.
    """
    x = torch.tensor([10, 20, 30])

    assert x[index].tolist() == [30, 10]


def test_what_an_index_tensor_picks_is_a_copy(device):
    """With `x = torch.tensor([10, 20, 30])`, `picked = x[[0, 1]]` has memory of its own: a
    write to `picked` does not show in `x`. The slice `x[0:2]` is a view.

    Because a view needs one stride for all its elements and a list may name positions in any
    order, PyTorch copies for every list, also for `[0, 1]`.
    """
    x = torch.tensor([10, 20, 30], device=device)
    picked = x[[0, 1]]
    part = x[0:2]

    picked[0] = 7

    assert picked.tolist() == [7, 20]
    assert (part.tolist(), part.data_ptr() == x.data_ptr()) == ([10, 20], True)
    assert x.tolist() == [10, 20, 30]


def test_the_result_has_the_shape_of_the_index(device):
    """`table[index]` of a dense int64 matrix, with an int64 tensor `index` of row numbers,
    replaces the first dimension of `table` by the shape of `index`: a 2 x 2 index into a 3 x 2
    table gives shape (2, 2, 2).

    This is a table look-up, as in `nn.Embedding`.
    """
    table = torch.tensor([[1, 2], [3, 4], [5, 6]], device=device)
    index = torch.tensor([[0, 2], [1, 1]], device=device)

    assert table[index].tolist() == [[[1, 2], [5, 6]], [[3, 4], [3, 4]]]


def test_a_list_is_not_a_tuple_of_indices():
    """For `x = torch.tensor([[1, 2], [3, 4], [5, 6]])`, `x[[0, 1]]` picks rows 0 and 1, while
    `x[(0, 1)]` is `x[0, 1]`, the one element 2.

    Because Python passes `x[0, 1]` as the tuple (0, 1). So with `index = (0, 1)` in a variable
    `x[index]` is one element: write `x[list(index)]` for the rows.
    """
    x = torch.tensor([[1, 2], [3, 4], [5, 6]])

    assert x[[0, 1]].tolist() == [[1, 2], [3, 4]]
    assert x[(0, 1)].tolist() == 2


@pytest.mark.torch("<2.8")
def test_a_list_of_lists_is_read_as_a_tuple():
    """Before PyTorch 2.8, `x[[[0, 2], [1, 0]]]` of a dense int64 matrix of shape (3, 2) was
    read without a warning as `x[[0, 2], [1, 0]]`; write a tuple or `torch.tensor(...)` to
    say which is meant.
    """
    x = torch.tensor([[1, 2], [3, 4], [5, 6]])

    assert x[[[0, 2], [1, 0]]].tolist() == [2, 5]


@pytest.mark.torch(">=2.8")
def test_a_list_of_lists_is_read_as_a_tuple_with_a_warning():
    """Since PyTorch 2.8, `x[[[0, 2], [1, 0]]]` of a dense int64 matrix of shape (3, 2) warns
    and is read as `x[[0, 2], [1, 0]]`; an index tensor of these numbers gives shape (2, 2, 2)
    instead.

    A later release is to read it as an index tensor: write `x[[0, 2], [1, 0]]` or
    `x[torch.tensor([[0, 2], [1, 0]])]`.
    """
    x = torch.tensor([[1, 2], [3, 4], [5, 6]])

    with pytest.warns(UserWarning, match="non-tuple sequence for multidimensional indexing"):
        picked = x[[[0, 2], [1, 0]]]
    assert picked.tolist() == [2, 5]
    assert x[torch.tensor([[0, 2], [1, 0]])].tolist() == [[[1, 2], [5, 6]], [[3, 4], [1, 2]]]


def test_a_scalar_tensor_is_a_number_to_an_index(device):
    """`x[torch.tensor(1)]` of a dense int64 matrix of shape (3, 2) picks row 1 as `x[1]`
    does, and gives a view: a write to the view shows in `x`.

    A 0-dimensional int64 tensor is taken for the number it holds, so `x[scores.argmax()]` drops
    the dimension. A 0-dimensional uint8 tensor is read as a mask and adds a dimension.
    """
    x = torch.tensor([[1, 2], [3, 4], [5, 6]], device=device)
    row = x[torch.tensor(1)]

    row[0] = 7

    assert row.tolist() == [7, 4]
    assert x[torch.tensor(0, dtype=torch.uint8)].shape == (0, 3, 2)
    assert x.tolist() == [[1, 2], [7, 4], [5, 6]]


def test_two_index_tensors_are_read_in_pairs(device):
    """`x[[0, 2], [1, 2]]` of a dense int64 matrix of shape (3, 3) picks the elements (0, 1)
    and (2, 2): the two lists of indices are read in pairs, not as a rectangle.

    `scores[torch.arange(n), labels]` with n int64 labels picks one score per row in this way.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]], device=device)

    assert x[[0, 2], [1, 2]].tolist() == [2, 9]


def test_index_tensors_are_broadcast_against_each_other():
    """`x[rows, columns]` of a dense int64 matrix on the CPU broadcasts int64 index tensors: `rows`
    of shape (2, 1) and `columns` of shape (2,) pick a 2 x 2 rectangle; shapes (2,) and (3,) raise
    IndexError.

    For the rectangle of two vectors write `x[rows[:, None], columns]`.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    rows = torch.tensor([[0], [2]])
    columns = torch.tensor([1, 2])

    assert x[rows, columns].tolist() == [[2, 3], [8, 9]]
    with pytest.raises(IndexError, match="indexing tensors could not be broadcast together"):
        x[[0, 2], [0, 1, 2]]


def test_index_tensors_and_slices_can_be_mixed():
    """Of a dense int64 matrix of shape (2, 3), `x[:, [2, 0]]` picks columns 2 and 0,
    `x[1, [2, 0]]` two elements of row 1 and `x[1:, [2, 0]]` columns 2 and 0 of the rows from 1 on.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x[:, [2, 0]].tolist() == [[3, 1], [6, 4]]
    assert x[1, [2, 0]].tolist() == [6, 4]
    assert x[1:, [2, 0]].tolist() == [[6, 4]]


def test_numbers_do_not_count_as_index_tensors_as_they_do_in_numpy():
    """For `x = torch.arange(24).view(2, 3, 4)`, `x[0, :, [0, 1]]` has shape (3, 2); the
    same index into the NumPy array `x.numpy()` gives shape (2, 3).

    Because PyTorch applies the integer first, while NumPy treats it as an index array, and puts
    the picked dimension first if a slice stands between two of those. `x[0][:, [0, 1]]` is the
    same in both.
    """
    x = torch.arange(24).view(2, 3, 4)

    assert x[0, :, [0, 1]].tolist() == [[0, 1], [4, 5], [8, 9]]
    assert x.numpy()[0, :, [0, 1]].tolist() == [[0, 4, 8], [1, 5, 9]]


def test_index_tensors_may_count_from_the_end():
    """With `x = torch.tensor([10, 20, 30])` on the CPU, `x[torch.tensor([-1, 0])]` picks the last
    and the first element; `x[torch.tensor([0, 3])]` raises IndexError, since position 3 is beyond
    the end.

    The message names position and size; `index.clamp(-len(x), len(x) - 1)` keeps the positions in
    `index` within the bounds. On a GPU the error is a device-side assertion.
    """
    x = torch.tensor([10, 20, 30])

    assert x[torch.tensor([-1, 0])].tolist() == [30, 10]
    with pytest.raises(IndexError, match="index 3 is out of bounds for dimension 0 with size 3"):
        x[torch.tensor([0, 3])]


def test_an_index_tensor_must_hold_integers():
    """With `x = torch.tensor([10, 20, 30])` and `index = torch.tensor([1.0])` on the CPU,
    `x[index]` raises IndexError, "tensors used as indices must be long"; `x[index.long()]`
    is [20].

    This happens with indices that were computed with `/` or read from a float tensor.
    """
    x = torch.tensor([10, 20, 30])

    with pytest.raises(IndexError, match="tensors used as indices must be long"):
        x[torch.tensor([1.0])]
    assert x[torch.tensor([1.0]).long()].tolist() == [20]


def test_a_list_of_floats_is_cut_to_integers():
    """With `x = torch.tensor([10, 20, 30])` on the CPU, `x[[1.7]]` with a Python list drops the
    fraction without an error and picks position 1; `x[1.7]` and `x[torch.tensor([1.7])]` raise
    IndexError.

    Because the list is first made an int64 tensor. Give a tensor instead of a list where floats
    could be in it: `torch.tensor` makes them a float32 tensor, which is refused as an index.
    """
    x = torch.tensor([10, 20, 30])

    assert x[[1.7]].tolist() == [20]
    with pytest.raises(IndexError, match=r"only integers, slices .* valid indices \(got float\)"):
        x[1.7]
    with pytest.raises(IndexError, match="tensors used as indices must be long"):
        x[torch.tensor([1.7])]


@pytest.mark.torch(">=2.0")
def test_an_index_tensor_may_be_int32():
    """Since PyTorch 2.0, in `x[index]` of `x = torch.tensor([10, 20, 30])` the index [2, 0]
    may be an int32 tensor as well as an int64 one; an int16 one raises IndexError: write
    `x[index.long()]`.

    A uint8 tensor is read as a mask: `spec/tensors/test_masks.py`.
    """
    x = torch.tensor([10, 20, 30])
    small = torch.tensor([2, 0], dtype=torch.int16)

    assert x[small.to(torch.int32)].tolist() == [30, 10]
    with pytest.raises(IndexError, match="must be long, int, byte or bool tensors"):
        x[small]


def test_assigning_through_an_index_tensor_writes_to_the_original(device):
    """With `x = torch.zeros(5)`, `x[[3, 1]] = torch.tensor([8.0, 9.0])` writes the first
    value to position 3 of `x` and the second to position 1.
    """
    x = torch.zeros(5, device=device)

    x[[3, 1]] = torch.tensor([8.0, 9.0], device=device)

    assert x.tolist() == [0.0, 9.0, 0.0, 8.0, 0.0]


def test_assignment_through_an_index_tensor_converts_no_dtype():
    """With `x = torch.tensor([1, 2, 3])` and `values = torch.tensor([7.5, 8.5])`,
    `x[[0, 1]] = values` raises RuntimeError; `x[0:2] = values` converts the values to int64, and
    `x[[2]] = 9.5` writes 9.

    Write `x[index] = values.to(x.dtype)`.
    """
    x = torch.tensor([1, 2, 3])
    values = torch.tensor([7.5, 8.5])

    x[0:2] = values
    x[[2]] = 9.5

    assert x.tolist() == [7, 8, 9]
    with pytest.raises(RuntimeError, match="requires the source and destination dtypes match"):
        x[[0, 1]] = values


def test_a_write_to_a_picked_copy_is_lost():
    """With `x = torch.zeros(3)`, `x[[1, 2]][0] = 7` writes to a copy and leaves `x` as it was;
    `x[1:][0] = 7` writes through a view.

    Because the first brackets already copied. Use one pair of brackets: `x[1] = 7`.
    """
    x = torch.zeros(3)
    y = torch.zeros(3)

    x[[1, 2]][0] = 7
    y[1:][0] = 7

    assert x.tolist() == [0.0, 0.0, 0.0]
    assert y.tolist() == [0.0, 7.0, 0.0]


def test_adding_through_an_index_counts_repeated_places_once(device):
    """With `x = torch.zeros(3)`, `x[[0, 0, 2]] += 1` adds 1 to position 0 once, although it is
    named twice.

    Because it reads a copy, adds to it and writes it back, the same value twice.
    `x.index_add_(0, torch.tensor([0, 0, 2]), torch.ones(3))` counts each mention.
    """
    x = torch.zeros(3, device=device)

    x[[0, 0, 2]] += 1

    assert x.tolist() == [1.0, 0.0, 1.0]


def test_index_put_can_accumulate(device):
    """`x.index_put_((index,), torch.ones(3), accumulate=True)` with `x = torch.zeros(3)`
    and `index = torch.tensor([0, 0, 2])` adds 1 to position 0 twice, since it is named
    twice, as `x.index_add_(0, index, torch.ones(3))` does.
    """
    x = torch.zeros(3, device=device)
    index = torch.tensor([0, 0, 2], device=device)

    x.index_put_((index,), torch.ones(3, device=device), accumulate=True)
    y = torch.zeros(3, device=device).index_add_(0, index, torch.ones(3, device=device))

    assert x.tolist() == [2.0, 0.0, 1.0]
    assert y.tolist() == [2.0, 0.0, 1.0]
