"""Picking and filling by function.

Besides brackets there are functions that pick. `x.gather(dim, index)` picks one element for each
position of an index tensor, `x.take(index)` indexes the flattened tensor, `x.index_select(dim,
index)` picks whole rows or columns, `torch.where(mask, a, b)` chooses between two tensors, and
`x.nonzero()` gives the positions of the elements that are not zero.

`x.scatter_(dim, index, src)` is the inverse of `gather`: it writes to the positions that an index
tensor names. `scatter_add_` and `scatter_reduce_` (`spec/tensors/test_group_sums.py`) say
what happens where positions repeat.

What surprises: `gather` does not broadcast its index, a matrix needs an index of two dimensions;
of a dense tensor `gather`, `scatter_` and `index_select` refuse negative positions, which brackets
take (`spec/tensors/test_advanced_indexing.py`); and `scatter_` does not convert dtypes.
"""

import pytest
import torch


def test_gather_picks_one_element_of_each_row(device):
    """`scores.gather(1, labels.unsqueeze(1))` of an (n, classes) float32 matrix and an int64
    vector of n class indices picks from each row the column that its label names: the score of
    that class.

    The result has shape (n, 1); `.squeeze(1)` makes it a vector. Non-empty labels of uint8, as
    NumPy may give them, raise RuntimeError: convert them with `labels.long()`.
    """
    scores = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], device=device)
    labels = torch.tensor([2, 0], device=device)

    assert scores.gather(1, labels.unsqueeze(1)).tolist() == [[3.0], [4.0]]
    with pytest.raises(RuntimeError, match=r"gather\(\): Expected dtype int"):
        scores.gather(1, labels.byte().unsqueeze(1))


def test_gather_has_the_shape_of_its_index(device):
    """`x.gather(1, index)` of an int64 matrix `x` and an int64 matrix `index` of column numbers
    from 0, with equally many rows, has the shape of `index`; its element [i, j] is
    x[i, index[i, j]].
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    index = torch.tensor([[2, 2], [0, 1]], device=device)

    assert x.gather(1, index).tolist() == [[3, 3], [4, 5]]


def test_gather_along_the_first_axis_picks_within_columns(device):
    """`x.gather(0, index)` of an int64 matrix `x` and an int64 matrix `index` of row numbers from
    0, with equally many columns, picks within columns: element [i, j] of the result is x[index[i,
    j], j].
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.gather(0, torch.tensor([[1, 0, 1]], device=device)).tolist() == [[4, 2, 6]]


def test_gather_wants_an_index_of_its_own_rank():
    """For `x = torch.tensor([[1, 2, 3], [4, 5, 6]])`, `x.gather(1, torch.tensor([2, 0]))` raises
    RuntimeError, "must have the same number of dimensions": turn a vector `index` with one label
    for each row into `index.unsqueeze(1)`.

    Because the index of a matrix needs two dimensions, and `gather` adds none.
    `x.take_along_dim(index, 1)` refuses a vector too.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    with pytest.raises(RuntimeError, match="must have the same number of dimensions"):
        x.gather(1, torch.tensor([2, 0]))
    with pytest.raises(RuntimeError, match="should have the same number of dimensions"):
        x.take_along_dim(torch.tensor([2, 0]), 1)
    assert x.gather(1, torch.tensor([2, 0]).unsqueeze(1)).tolist() == [[3], [4]]


def test_gather_does_not_count_from_the_end():
    """On the CPU `x.gather(1, index)` of an int64 2 x 3 matrix `x` raises RuntimeError for the
    int64 `index` [[-1], [0]], "index -1 is out of bounds for dimension 1 with size 3", and for
    [[3], [0]], since 3 is beyond the end.

    Unlike in `x[0, -1]`, -1 is not the last one: write `index % x.size(1)` where it is meant, which
    also hides a position beyond the end.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    with pytest.raises(RuntimeError, match="index -1 is out of bounds for dimension 1 with size 3"):
        x.gather(1, torch.tensor([[-1], [0]]))
    with pytest.raises(RuntimeError, match="index 3 is out of bounds for dimension 1 with size 3"):
        x.gather(1, torch.tensor([[3], [0]]))


def test_scatter_is_gather_the_other_way_round(device):
    """With `x = torch.full((2, 3), 9.0)`, a float32 `src` of shape (2, 2) and the int64
    `index` [[2, 0], [1, 2]], `x.scatter_(1, index, src)` writes src[i, j] to x[i, index[i,
    j]], and `x.gather(1, index)` then reads `src` back.
    """
    x = torch.full((2, 3), 9.0, device=device)
    index = torch.tensor([[2, 0], [1, 2]], device=device)

    x.scatter_(1, index, torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device))

    assert x.tolist() == [[2.0, 9.0, 1.0], [9.0, 3.0, 4.0]]
    assert x.gather(1, index).tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_scatter_makes_one_hot_rows(device):
    """`torch.zeros(2, 3).scatter_(1, labels.unsqueeze(1), 1.0)` with
    `labels = torch.tensor([2, 0])` gives the one-hot rows [[0, 0, 1], [1, 0, 0]]: in row i the
    number 1.0 is written to column labels[i].

    `torch.nn.functional.one_hot(labels, 3)` gives the same rows as int64.
    """
    labels = torch.tensor([2, 0], device=device)

    one_hot = torch.zeros(2, 3, device=device).scatter_(1, labels.unsqueeze(1), 1.0)

    assert one_hot.tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]


def test_scatter_add_adds_up_what_meets_in_one_place(device):
    """`x.scatter_add_(0, index, src)` with `x = torch.zeros(3)`, an int64 `index` [1, 1, 2] and
    a float32 `src` [1, 2, 5] gives [0, 3, 5]: an index named twice gets both values added.
    `x.scatter_(0, index, 7.0)` overwrites x[1] and x[2] with 7.
    """
    x = torch.zeros(3, device=device)
    index = torch.tensor([1, 1, 2], device=device)

    x.scatter_add_(0, index, torch.tensor([1.0, 2.0, 5.0], device=device))

    assert x.tolist() == [0.0, 3.0, 5.0]
    assert x.scatter_(0, index, 7.0).tolist() == [0.0, 7.0, 7.0]


def test_scatter_wants_a_source_of_the_same_dtype():
    """`x.scatter_(0, index, src)` of a float32 `x` raises RuntimeError if `src` is an int64
    tensor: write `src.to(x.dtype)`.

    A Python int as the source is converted: `x.scatter_(0, index, 5)` writes 5.0 to a float32 `x`.
    """
    x = torch.zeros(3)
    index = torch.tensor([1])

    with pytest.raises(RuntimeError, match=r"Expected self.dtype to be equal to src.dtype"):
        x.scatter_(0, index, torch.tensor([5]))
    assert x.scatter_(0, index, 5).tolist() == [0.0, 5.0, 0.0]


def test_take_reads_the_tensor_as_one_line(device):
    """`x.take(index)` of an int64 matrix with an int64 index picks elements as if `x` were
    flattened, accepts negative positions, and has the shape of `index`.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.take(torch.tensor([[0, 4], [-1, 2]], device=device)).tolist() == [[1, 5], [6, 3]]


def test_take_along_dim_broadcasts_its_index(device):
    """`x.take_along_dim(index, dim=1)` of a contiguous 2 x 3 int64 matrix uses a contiguous int64
    index of shape (1, 2) for each row, where `gather` does not broadcast. `x.take_along_dim(index)`
    indexes the flattened `x`.

    It fits what `x.argsort(1)` and `x.argmax(1, keepdim=True)` return. With `dim`, `index`
    needs as many dimensions as `x`. Without `dim` both have to be contiguous: of `x.T` it raises
    RuntimeError, "view size is not compatible".
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    index = torch.tensor([[2, 0]], device=device)

    assert x.take_along_dim(index, dim=1).tolist() == [[3, 1], [6, 4]]
    assert x.gather(1, index).tolist() == [[3, 1]]
    assert x.take_along_dim(index).tolist() == [3, 1]
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.T.take_along_dim(index)


def test_index_select_picks_whole_slices_along_an_axis(device):
    """`x.index_select(1, index)` of a dense int64 matrix and an int64 vector of column numbers
    from 0 up copies whole columns of `x` in the order of `index`, as `x[:, index]` does.

    A negative number does not count from the end here: on the CPU -1 raises a RuntimeError, where
    `x[:, index]` takes the last column.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    index = torch.tensor([2, 0, 0], device=device)

    y = x.index_select(1, index)

    assert y.tolist() == x[:, index].tolist() == [[3, 1, 1], [6, 4, 4]]
    assert x[:, torch.tensor([-1], device=device)].tolist() == [[3], [6]]
    with pytest.raises(RuntimeError, match="id=-1 axis_dim=3"):
        x.cpu().index_select(1, torch.tensor([-1]))
    x.zero_()
    assert y.tolist() == [[3, 1, 1], [6, 4, 4]]


def test_index_select_does_not_count_from_the_end():
    """On the CPU `x.index_select(0, last)` of an int64 (2, 3) tensor `x` and
    `last = torch.tensor([-1])` raises IndexError, "index out of range in self", where `x[last]`
    picks the last row.

    Write `x[index]`, for columns `x[:, index]`. With `index_select(1, index)` the error can be a
    RuntimeError.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])
    last = torch.tensor([-1])

    with pytest.raises(IndexError, match="index out of range in self"):
        x.index_select(0, last)
    assert x[last].tolist() == [[4, 5, 6]]


def test_where_chooses_between_two_tensors_element_by_element(device):
    """With a bool vector `condition` and int64 vectors `a` and `b` of the same length,
    `torch.where(condition, a, b)` takes the element of `a` where `condition` is True and
    that of `b` where it is False.

    Both `a` and `b` are computed in full, so `where` does not spare a division by zero.
    """
    a = torch.tensor([1, 2, 3, 4], device=device)
    b = torch.tensor([10, 20, 30, 40], device=device)

    assert torch.where(a > 2, a, b).tolist() == [10, 20, 3, 4]


def test_where_broadcasts_and_takes_numbers(device):
    """`torch.where(condition, a, b)` broadcasts a bool `condition` of shape (2,) to int64 tensors
    `a` and `b` of shape (2, 2), and `b` may be a Python number such as 0 instead.
    """
    x = torch.tensor([[1, 2], [3, 4]], device=device)
    columns = torch.tensor([True, False], device=device)

    assert torch.where(x > 2, x, 0).tolist() == [[0, 0], [3, 4]]
    assert torch.where(columns, x, -x).tolist() == [[1, -2], [3, -4]]


def test_where_promotes(device):
    """`torch.where(condition, a, b)` of a bool `condition` and an int64 vector `a` is float64 for
    a float64 vector `b`, and of the default dtype, float32, for the Python number 0.5 as `b`: the
    common dtype of both.

    The rules are those of `+`: `spec/tensors/test_type_promotion.py`.
    """
    choice = torch.tensor([True, False], device=device)
    whole = torch.tensor([1, 2], device=device)
    halves = torch.tensor([0.5, 1.5], dtype=torch.float64, device=device)

    between_tensors = torch.where(choice, whole, halves)
    with_number = torch.where(choice, whole, 0.5)

    assert (between_tensors.dtype, between_tensors.tolist()) == (torch.float64, [1.0, 1.5])
    assert (with_number.dtype, with_number.tolist()) == (torch.float32, [1.0, 0.5])


def test_nonzero_lists_the_places_one_a_row(device):
    """`x.nonzero()` of an int64 matrix has one row per element that is not zero and two
    columns: the positions as int64; `torch.argwhere(x)` gives the same.
    """
    x = torch.tensor([[0, 7, 0], [8, 0, 9]], device=device)

    assert x.nonzero().tolist() == [[0, 1], [1, 0], [1, 2]]
    assert x.nonzero().dtype == torch.int64
    assert torch.argwhere(x).tolist() == [[0, 1], [1, 0], [1, 2]]


def test_nonzero_as_tuple_can_be_used_as_an_index(device):
    """`x.nonzero(as_tuple=True)` and `torch.where(x)` of an int64 matrix return two index
    tensors, one of rows and one of columns, like NumPy's `nonzero`, so that
    `x[x.nonzero(as_tuple=True)]` picks the nonzero elements.

    `x.nonzero()` without `as_tuple=True` is one tensor, and as an index would pick whole rows,
    or be out of bounds.
    """
    x = torch.tensor([[0, 7, 0], [8, 0, 9]], device=device)

    rows, columns = x.nonzero(as_tuple=True)

    assert rows.tolist() == [0, 1, 1]
    assert columns.tolist() == [1, 0, 2]
    assert x[rows, columns].tolist() == [7, 8, 9]
    assert x[x.nonzero(as_tuple=True)].tolist() == [7, 8, 9]
    assert [axis.tolist() for axis in torch.where(x)] == [[0, 1, 1], [1, 0, 2]]
    assert [axis.tolist() for axis in torch.where(x > 7)] == [[1, 1], [0, 2]]
