"""Indexing with tensors and lists.

An index may itself be a tensor of integers: the places to pick, in any order and any number of
times. A list of integers works the same.

The difference to slices is easily missed: what is picked this way is a copy. Assigning through such
an index still writes to the original, because `x[index] = value` picks nothing, it fills; but a
write to what was picked is lost.
"""

import numpy as np
import pytest
import torch


def test_an_index_tensor_picks_rows_in_any_order(device):
    """A tensor of integers picks the rows it names, as often as it names them."""
    x = torch.tensor([[1, 2], [3, 4], [5, 6]], device=device)
    index = torch.tensor([2, 0, 2], device=device)

    assert x[index].tolist() == [[5, 6], [1, 2], [5, 6]]


@pytest.mark.parametrize("index", [[2, 0], range(2, -1, -2), np.array([2, 0])], ids=str)
def test_lists_ranges_and_arrays_pick_like_tensors(index):
    """A list, a range or a NumPy array in brackets is read as an index tensor."""
    x = torch.tensor([10, 20, 30])

    assert x[index].tolist() == [30, 10]


def test_what_an_index_tensor_picks_is_a_copy(device):
    """Even where a slice could have picked the same, the result has memory of its own."""
    x = torch.tensor([10, 20, 30], device=device)
    picked = x[[0, 1]]

    picked[0] = 7

    assert picked.tolist() == [7, 20]
    assert x.tolist() == [10, 20, 30]


def test_the_result_has_the_shape_of_the_index(device):
    """The picked axis is replaced by the axes of the index tensor: a table look-up."""
    table = torch.tensor([[1, 2], [3, 4], [5, 6]], device=device)
    index = torch.tensor([[0, 2], [1, 1]], device=device)

    assert table[index].tolist() == [[[1, 2], [5, 6]], [[3, 4], [3, 4]]]


def test_a_list_is_not_a_tuple_of_indices():
    """`x[[0, 1]]` picks rows 0 and 1; `x[(0, 1)]` is `x[0, 1]`, one element."""
    x = torch.tensor([[1, 2], [3, 4], [5, 6]])

    assert x[[0, 1]].tolist() == [[1, 2], [3, 4]]
    assert x[(0, 1)].tolist() == 2


@pytest.mark.torch("<2.8")
def test_a_list_of_lists_is_read_as_a_tuple():
    """Before 2.8 a list of lists was read, in silence, as if it were a tuple of index lists."""
    x = torch.tensor([[1, 2], [3, 4], [5, 6]])

    assert x[[[0, 2], [1, 0]]].tolist() == [2, 5]


@pytest.mark.torch(">=2.8")
def test_a_list_of_lists_is_read_as_a_tuple_with_a_warning():
    """Since 2.8 a list of lists warns: it is read as a tuple, and is to become an index tensor."""
    x = torch.tensor([[1, 2], [3, 4], [5, 6]])

    with pytest.warns(UserWarning, match="non-tuple sequence for multidimensional indexing"):
        picked = x[[[0, 2], [1, 0]]]
    assert picked.tolist() == [2, 5]
    assert x[torch.tensor([[0, 2], [1, 0]])].tolist() == [[[1, 2], [5, 6]], [[3, 4], [1, 2]]]


def test_a_scalar_tensor_is_a_number_to_an_index(device):
    """A 0-dimensional integer tensor picks like the number it holds, and so gives a view."""
    x = torch.tensor([[1, 2], [3, 4], [5, 6]], device=device)
    row = x[torch.tensor(1)]

    row[0] = 7

    assert row.tolist() == [7, 4]
    assert x.tolist() == [[1, 2], [7, 4], [5, 6]]


def test_two_index_tensors_are_read_in_pairs(device):
    """Row indices and column indices of one length pick one element a pair, and no rectangle."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]], device=device)

    assert x[[0, 2], [1, 2]].tolist() == [2, 9]


def test_index_tensors_are_broadcast_against_each_other():
    """A column of row indices and a row of column indices pick the rectangle between them."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
    rows = torch.tensor([[0], [2]])
    columns = torch.tensor([1, 2])

    assert x[rows, columns].tolist() == [[2, 3], [8, 9]]
    with pytest.raises(IndexError, match="indexing tensors could not be broadcast together"):
        x[[0, 2], [0, 1, 2]]


def test_index_tensors_and_slices_can_be_mixed():
    """`x[:, index]` picks columns; each axis follows its own entry."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x[:, [2, 0]].tolist() == [[3, 1], [6, 4]]
    assert x[1, [2, 0]].tolist() == [6, 4]
    assert x[1:, [2, 0]].tolist() == [[6, 4]]


def test_numbers_do_not_count_as_index_tensors_as_they_do_in_numpy():
    """A slice between a number and an index tensor orders the axes otherwise than NumPy does."""
    x = torch.arange(24).view(2, 3, 4)

    assert x[0, :, [0, 1]].tolist() == [[0, 1], [4, 5], [8, 9]]
    assert x.numpy()[0, :, [0, 1]].tolist() == [[0, 4, 8], [1, 5, 9]]


def test_index_tensors_may_count_from_the_end():
    """Negative integers in an index tensor count from the end; out of range is an error."""
    x = torch.tensor([10, 20, 30])

    assert x[torch.tensor([-1, 0])].tolist() == [30, 10]
    with pytest.raises(IndexError, match="index 3 is out of bounds for dimension 0 with size 3"):
        x[torch.tensor([0, 3])]


def test_an_index_tensor_must_hold_integers():
    """A float tensor is no index, whatever its values."""
    x = torch.tensor([10, 20, 30])

    with pytest.raises(IndexError, match="tensors used as indices must be long"):
        x[torch.tensor([1.0])]
    assert x[torch.tensor([1.0]).long()].tolist() == [20]


@pytest.mark.torch(">=2.0")
def test_an_index_tensor_may_be_int32():
    """Since 2.0 the index may be int32 as well as int64; smaller integers are refused."""
    x = torch.tensor([10, 20, 30])
    small = torch.tensor([2, 0], dtype=torch.int16)

    assert x[small.to(torch.int32)].tolist() == [30, 10]
    with pytest.raises(IndexError, match="must be long, int, byte or bool tensors"):
        x[small]


def test_assigning_through_an_index_tensor_writes_to_the_original(device):
    """`x[index] = value` fills the places that the index names."""
    x = torch.zeros(5, device=device)

    x[[3, 1]] = torch.tensor([8.0, 9.0], device=device)

    assert x.tolist() == [0.0, 9.0, 0.0, 8.0, 0.0]


def test_assignment_through_an_index_tensor_converts_no_dtype():
    """Where a slice would convert, an index tensor wants values of the tensor's own dtype."""
    x = torch.tensor([1, 2, 3])
    values = torch.tensor([7.5, 8.5])

    x[0:2] = values

    assert x.tolist() == [7, 8, 3]
    with pytest.raises(RuntimeError, match="requires the source and destination dtypes match"):
        x[[0, 1]] = values


def test_a_write_to_a_picked_copy_is_lost():
    """`x[[1, 2]][0] = 7` fills a copy that nobody keeps; `x[1:][0] = 7` writes through a view."""
    x = torch.zeros(3)
    y = torch.zeros(3)

    x[[1, 2]][0] = 7
    y[1:][0] = 7

    assert x.tolist() == [0.0, 0.0, 0.0]
    assert y.tolist() == [0.0, 7.0, 0.0]


def test_adding_through_an_index_counts_repeated_places_once(device):
    """`x[[0, 0]] += 1` reads, adds and writes back: place 0 grows by one, not by two."""
    x = torch.zeros(3, device=device)

    x[[0, 0, 2]] += 1

    assert x.tolist() == [1.0, 0.0, 1.0]


def test_index_put_can_accumulate(device):
    """`index_put_(..., accumulate=True)` adds for every mention of a place."""
    x = torch.zeros(3, device=device)
    index = torch.tensor([0, 0, 2], device=device)

    x.index_put_((index,), torch.ones(3, device=device), accumulate=True)

    assert x.tolist() == [2.0, 0.0, 1.0]
