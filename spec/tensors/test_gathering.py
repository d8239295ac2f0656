"""Picking and filling by function.

Beside brackets there are functions that pick: `gather` picks one element for each place of an index
tensor, `take` reads the tensor as one long line, `index_select` picks whole rows, `where` chooses
between two tensors and `nonzero` lists the places of what isn't zero. `scatter_` is `gather` the
other way round: it fills the places that an index names.

Their shape rules differ from those of brackets, and so do some of their limits: most of them take
no negative index.
"""

import pytest
import torch


def test_gather_picks_one_element_of_each_row(device):
    """`gather(1, index)` picks from row i the columns that row i of the index names."""
    scores = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    labels = torch.tensor([2, 0], device=device)

    assert scores.gather(1, labels.unsqueeze(1)).tolist() == [[3], [4]]


def test_gather_has_the_shape_of_its_index(device):
    """Each place of the index holds where along the axis its value comes from."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    index = torch.tensor([[2, 2], [0, 1]], device=device)

    assert x.gather(1, index).tolist() == [[3, 3], [4, 5]]


def test_gather_along_the_first_axis_picks_within_columns(device):
    """`gather(0, index)` picks from column j the rows that column j of the index names."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.gather(0, torch.tensor([[1, 0, 1]], device=device)).tolist() == [[4, 2, 6]]


def test_gather_wants_an_index_of_its_own_rank():
    """The index is not broadcast: it needs as many dimensions as the tensor."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    with pytest.raises(RuntimeError, match="must have the same number of dimensions"):
        x.gather(1, torch.tensor([2, 0]))


def test_gather_does_not_count_from_the_end():
    """An index below zero, or beyond the end, is out of bounds."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    with pytest.raises(RuntimeError, match="index -1 is out of bounds for dimension 1 with size 3"):
        x.gather(1, torch.tensor([[-1], [0]]))
    with pytest.raises(RuntimeError, match="index 3 is out of bounds for dimension 1 with size 3"):
        x.gather(1, torch.tensor([[3], [0]]))


def test_scatter_is_gather_the_other_way_round(device):
    """`scatter_(1, index, src)` writes src[i][j] to column index[i][j] of row i, in place."""
    x = torch.full((2, 3), 9.0, device=device)
    index = torch.tensor([[2, 0], [1, 2]], device=device)

    x.scatter_(1, index, torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device))

    assert x.tolist() == [[2.0, 9.0, 1.0], [9.0, 3.0, 4.0]]


def test_scatter_makes_one_hot_rows(device):
    """With a number in place of a source, `scatter_` marks a label in each row."""
    labels = torch.tensor([2, 0], device=device)

    one_hot = torch.zeros(2, 3, device=device).scatter_(1, labels.unsqueeze(1), 1.0)

    assert one_hot.tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]


def test_scatter_add_adds_up_what_meets_in_one_place(device):
    """`scatter_add_` adds where `scatter_` overwrites, so repeated places count."""
    x = torch.zeros(3, device=device)
    index = torch.tensor([1, 1, 2], device=device)

    x.scatter_add_(0, index, torch.tensor([1.0, 2.0, 5.0], device=device))

    assert x.tolist() == [0.0, 3.0, 5.0]


@pytest.mark.torch(">=2.0")
def test_scatter_reduce_chooses_what_happens_where_values_meet(device):
    """`scatter_reduce_` can add, multiply, average or keep the smaller or, as here, the larger."""
    x = torch.zeros(3, device=device)
    index = torch.tensor([1, 1, 2], device=device)

    x.scatter_reduce_(0, index, torch.tensor([4.0, 3.0, 5.0], device=device), "amax")

    assert x.tolist() == [0.0, 4.0, 5.0]


def test_scatter_wants_a_source_of_the_same_dtype():
    """Integers are not converted on their way into a float tensor."""
    x = torch.zeros(3)

    with pytest.raises(RuntimeError, match=r"Expected self.dtype to be equal to src.dtype"):
        x.scatter_(0, torch.tensor([1]), torch.tensor([5]))


def test_take_reads_the_tensor_as_one_line(device):
    """`take` indexes the flattened tensor, counts from the end too, and shapes like its index."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.take(torch.tensor([[0, 4], [-1, 2]], device=device)).tolist() == [[1, 5], [6, 3]]


def test_take_along_dim_broadcasts_its_index(device):
    """`take_along_dim` is a `gather` that broadcasts, one row for all; without `dim`, a `take`."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    index = torch.tensor([[2, 0]], device=device)

    assert x.take_along_dim(index, dim=1).tolist() == [[3, 1], [6, 4]]
    assert x.take_along_dim(index).tolist() == [3, 1]


def test_index_select_picks_whole_slices_along_an_axis(device):
    """`index_select(dim, index)` picks rows or columns, in the order named, into a copy."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    y = x.index_select(1, torch.tensor([2, 0, 0], device=device))
    x.zero_()

    assert y.tolist() == [[3, 1, 1], [6, 4, 4]]


def test_index_select_does_not_count_from_the_end():
    """Unlike brackets, `index_select` has no -1."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])
    last = torch.tensor([-1])

    with pytest.raises(IndexError, match="index out of range"):
        x.index_select(0, last)
    assert x[last].tolist() == [[4, 5, 6]]


def test_where_chooses_between_two_tensors_element_by_element(device):
    """`torch.where(condition, a, b)` takes from `a` where the condition is true, else from `b`."""
    a = torch.tensor([1, 2, 3, 4], device=device)
    b = torch.tensor([10, 20, 30, 40], device=device)

    assert torch.where(a > 2, a, b).tolist() == [10, 20, 3, 4]


def test_where_broadcasts_and_takes_numbers(device):
    """The condition and both choices are broadcast; either choice may be a number."""
    x = torch.tensor([[1, 2], [3, 4]], device=device)
    columns = torch.tensor([True, False], device=device)

    assert torch.where(x > 2, x, 0).tolist() == [[0, 0], [3, 4]]
    assert torch.where(columns, x, -x).tolist() == [[1, -2], [3, -4]]


def test_nonzero_lists_the_places_one_a_row(device):
    """`nonzero()` has a row for each element that isn't zero and a column for each axis."""
    x = torch.tensor([[0, 7, 0], [8, 0, 9]], device=device)

    assert x.nonzero().tolist() == [[0, 1], [1, 0], [1, 2]]
    assert torch.argwhere(x).tolist() == [[0, 1], [1, 0], [1, 2]]


def test_nonzero_as_tuple_can_be_used_as_an_index(device):
    """`nonzero(as_tuple=True)`, or `where(condition)`, is one index tensor an axis, as NumPy's."""
    x = torch.tensor([[0, 7, 0], [8, 0, 9]], device=device)

    rows, columns = x.nonzero(as_tuple=True)

    assert rows.tolist() == [0, 1, 1]
    assert columns.tolist() == [1, 0, 2]
    assert x[rows, columns].tolist() == [7, 8, 9]
    assert [axis.tolist() for axis in torch.where(x > 7)] == [[1, 1], [0, 2]]
