"""Sums by group: `index_add_`, `scatter_add_`, `scatter_reduce`.

Rows belong to groups, and each group wants its sum, mean or maximum: nodes of a graph, tokens of a
word, samples of a class (SQL's GROUP BY, pandas' `groupby`). `index_add_` adds whole rows to the
rows that an index names; `scatter_add_` and `scatter_reduce` choose a place for each element.

What surprises: `x[index] += values` adds only once where an index repeats
(`spec/tensors/test_advanced_indexing.py`), these functions add each time; they refuse negative
indices; the value that `x` held before takes part in a mean or maximum of `scatter_reduce` unless
`include_self=False`; and on a GPU the order of float additions, and with it the last digits, may
change from run to run. How `scatter_` itself works is told in `spec/tensors/test_gathering.py`.
"""

import pytest
import torch
import torch.nn.functional as F


def test_index_add_sums_rows_by_group(device):
    """`torch.zeros(3, 2).index_add_(0, group, rows)` with `group = torch.tensor([0, 2, 0])` adds
    each row of a float32 `rows` of shape (3, 2) to the row that `group` names: one sum per group,
    also for group 0, which occurs twice.
    """
    group = torch.tensor([0, 2, 0], device=device)
    rows = torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], device=device)

    sums = torch.zeros(3, 2, device=device).index_add_(0, group, rows)

    assert sums.tolist() == [[4.0, 4.0], [0.0, 0.0], [2.0, 2.0]]


def test_a_mean_by_group_is_a_sum_over_a_count(device):
    """For `x = torch.tensor([1.0, 5.0, 3.0])` and `group = torch.tensor([0, 2, 0])`,
    `torch.zeros(3).index_add_(0, group, x) / group.bincount(minlength=3).clamp(min=1)` is
    the mean per group, [2, 0, 5]; without `clamp` group 1, empty, gives NaN.

    For the sums of rows make the count a column, `count[:, None]`.
    """
    group = torch.tensor([0, 2, 0], device=device)
    values = torch.tensor([1.0, 5.0, 3.0], device=device)

    sums = torch.zeros(3, device=device).index_add_(0, group, values)
    counts = group.bincount(minlength=3)

    assert (sums / counts.clamp(min=1)).tolist() == [2.0, 0.0, 5.0]
    assert str((sums / counts).tolist()) == "[2.0, nan, 5.0]"
    rows = torch.zeros(3, 1, device=device).index_add_(0, group, values[:, None])
    assert (rows / counts.clamp(min=1)[:, None]).tolist() == [[2.0], [0.0], [5.0]]


def test_index_add_scales_by_alpha(device):
    """With `x = torch.tensor([10.0, 20.0])` and `index = torch.tensor([1, 1])`,
    `x.index_add_(0, index, torch.ones(2), alpha=-1)` multiplies the ones by `alpha` before it adds
    them: it subtracts 1 from `x[1]` twice.
    """
    x = torch.tensor([10.0, 20.0], device=device)

    x.index_add_(0, torch.tensor([1, 1], device=device), torch.ones(2, device=device), alpha=-1)

    assert x.tolist() == [10.0, 18.0]


def test_index_add_leaves_its_input_and_returns_a_new_tensor(device):
    """`x.index_add(0, index, source)` of float32 vectors, without the underscore, returns a
    new tensor and leaves `x` unchanged; `index_add` also works where `x` is a leaf that
    requires grad.

    `x.index_add_` on such a leaf raises RuntimeError while grad mode is on.
    """
    x = torch.zeros(2, device=device, requires_grad=True)
    index, source = torch.tensor([1, 1], device=device), torch.ones(2, device=device)

    assert x.index_add(0, index, source).tolist() == [0.0, 2.0]
    assert x.tolist() == [0.0, 0.0]
    with pytest.raises(
        RuntimeError, match="a leaf Variable that requires grad is being used in an"
    ):
        x.index_add_(0, index, source)
    with torch.no_grad():
        x.index_add_(0, index, source)
    assert x.tolist() == [0.0, 2.0]


def test_the_gradient_of_a_sum_by_group_is_picked_back(device):
    """With `values = torch.ones(3, requires_grad=True)` and an int64 `group` [0, 1, 0],
    `torch.zeros(2).index_add(0, group, values).backward(torch.tensor([10.0, 20.0]))` makes
    `values.grad` [10, 20, 10]: each element gets the gradient of its sum.
    """
    values = torch.tensor([1.0, 5.0, 3.0], device=device, requires_grad=True)
    group = torch.tensor([0, 1, 0], device=device)

    sums = torch.zeros(2, device=device).index_add(0, group, values)
    sums.backward(torch.tensor([10.0, 20.0], device=device))

    assert values.grad.tolist() == [10.0, 20.0, 10.0]


def test_index_add_wants_an_integer_index_for_each_row(device):
    """With `x = torch.zeros(2, 1)` and `rows = torch.ones(2, 1)`,
    `x.index_add_(0, index, rows)` raises RuntimeError for a float32 `index` of two entries
    or an int64 one of three, and IndexError for an int64 `index` of shape (1, 2).

    The index must be int32 or int64, with one entry per row.
    """
    x, rows = torch.zeros(2, 1, device=device), torch.ones(2, 1, device=device)
    index = torch.tensor([0, 1], device=device)
    three = torch.tensor([0, 1, 0], device=device)

    with pytest.raises(RuntimeError, match="Expected dtype int32/int64 for index but got: Float"):
        x.index_add_(0, index.float(), rows)
    with pytest.raises(
        RuntimeError, match=r"Number of indices \(3\) should be equal to source.size"
    ):
        x.index_add_(0, three, rows)
    with pytest.raises(IndexError, match="Index is supposed to be a vector, but got dim: 2"):
        x.index_add_(0, index[None], rows)

    assert x.index_add_(0, index.int(), rows).tolist() == [[1.0], [1.0]]


def test_index_add_wants_one_dtype(device):
    """`x.index_add_(0, index, source)` of a float32 `x` that doesn't require grad raises
    RuntimeError for a float64 `source`, "must have the same scalar type"; convert with
    `source.to(x.dtype)`.
    """
    index = torch.tensor([0], device=device)
    source = torch.tensor([1.5], dtype=torch.float64, device=device)

    with pytest.raises(RuntimeError, match="must have the same scalar type"):
        torch.zeros(1, device=device).index_add_(0, index, source)

    assert torch.zeros(1, device=device).index_add_(0, index, source.float()).tolist() == [1.5]


def test_index_add_takes_no_negative_index():
    """On the CPU `torch.zeros(3).index_add_(0, index, torch.ones(1))` raises IndexError,
    "index out of range in self", for `index = torch.tensor([3])` and for
    `index = torch.tensor([-1])`, although indexing in brackets accepts -1.

    With more dimensions newer releases may raise RuntimeError instead, "index -1 is out of
    bounds for dimension 0 with size 3".
    """
    x, negative, beyond = torch.zeros(3), torch.tensor([-1]), torch.tensor([3])

    with pytest.raises(IndexError, match="index out of range in self"):
        x.index_add_(0, negative, torch.ones(1))
    with pytest.raises(IndexError, match="index out of range in self"):
        x.index_add_(0, beyond, torch.ones(1))

    assert x[negative].tolist() == [0.0]


def test_scatter_add_chooses_a_place_for_each_element(device):
    """With `rows = torch.ones(3, 2)` and `group = torch.tensor([0, 2, 0])`,
    `torch.zeros(3, 2).index_add_(0, group, rows)` adds up whole rows; `scatter_add_` needs
    the index `group[:, None].expand_as(rows)` for the same sums.

    With an index of one column only the first column is added.
    """
    group = torch.tensor([0, 2, 0], device=device)
    rows = torch.tensor([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]], device=device)

    whole = torch.zeros(3, 2, device=device)
    whole.scatter_add_(0, group[:, None].expand_as(rows), rows)
    by_rows = torch.zeros(3, 2, device=device).index_add_(0, group, rows)
    column = torch.zeros(3, 2, device=device)
    column.scatter_add_(0, group[:, None], rows)

    assert whole.tolist() == by_rows.tolist() == [[4.0, 40.0], [0.0, 0.0], [2.0, 20.0]]
    assert column.tolist() == [[4.0, 0.0], [0.0, 0.0], [2.0, 0.0]]


@pytest.mark.torch(">=2.0")
def test_scatter_reduce_gives_the_maximum_of_each_group(device):
    """For `group = torch.tensor([0, 2, 0])` and float32 `x` and `values` of shape (3,),
    `x.scatter_reduce(0, group, values, reduce="amax", include_self=False)` gives groups 0
    and 2 their maximum; the empty group 1 keeps `x[1]`.
    """
    group = torch.tensor([0, 2, 0], device=device)
    values = torch.tensor([-1.0, 2.0, -3.0], device=device)
    x = torch.zeros(3, device=device)

    def reduced(how):
        return x.scatter_reduce(0, group, values, reduce=how, include_self=False).tolist()

    assert reduced("amax") == [-1.0, 0.0, 2.0]
    assert reduced("amin") == [-3.0, 0.0, 2.0]
    assert reduced("mean") == [-2.0, 0.0, 2.0]
    assert reduced("prod") == [3.0, 0.0, 2.0]
    assert reduced("sum") == [-4.0, 0.0, 2.0]


@pytest.mark.torch(">=2.0")
def test_scatter_reduce_counts_what_was_there_before(device):
    """`torch.zeros(1).scatter_reduce(0, torch.tensor([0, 0]), torch.tensor([-1.0, -3.0]),
    reduce="amax")` is 0, not -1, and with `reduce="mean"` it is -4 / 3, not -2: by default,
    `include_self=True`, the old 0 counts too.
    """
    group = torch.tensor([0, 0], device=device)
    values = torch.tensor([-1.0, -3.0], device=device)
    x = torch.zeros(1, device=device)

    assert x.scatter_reduce(0, group, values, reduce="amax").tolist() == [0.0]
    assert x.scatter_reduce(0, group, values, reduce="mean").item() == pytest.approx(-4 / 3)
    assert x.scatter_reduce(0, group, values, reduce="mean", include_self=False).tolist() == [-2.0]


def test_a_sum_by_group_is_a_product_with_one_hot_vectors(device):
    """With `group = torch.tensor([0, 2, 0])` and
    `rows = torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])`,
    `F.one_hot(group, 3).T.float() @ rows` is [[4, 4], [0, 0], [2, 2]], the sum of the rows
    of each group.

    It needs memory for the matrix of zeros and ones, which has one row per group and one column
    per row of `rows`.
    """
    group = torch.tensor([0, 2, 0], device=device)
    rows = torch.tensor([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], device=device)

    product = F.one_hot(group, 3).T.float() @ rows

    assert product.tolist() == [[4.0, 4.0], [0.0, 0.0], [2.0, 2.0]]


def test_index_copy_writes_rows_and_index_fill_a_number(device):
    """With `x = torch.zeros(3, 1)`, an int64 `index` [2, 0] and
    `rows = torch.tensor([[5.0], [6.0]])`, `x.index_copy_(0, index, rows)` writes what
    `x[index] = rows` writes, and `x.index_fill_(0, index, 7)` what `x[index] = 7` does.
    """
    index = torch.tensor([2, 0], device=device)
    copied, filled = torch.zeros(3, 1, device=device), torch.zeros(3, 1, device=device)

    copied.index_copy_(0, index, torch.tensor([[5.0], [6.0]], device=device))
    filled.index_fill_(0, index, 7)
    written = torch.zeros(3, 1, device=device)
    written[index] = torch.tensor([[5.0], [6.0]], device=device)

    assert copied.flatten().tolist() == [6.0, 0.0, 5.0]
    assert written.flatten().tolist() == [6.0, 0.0, 5.0]
    assert filled.flatten().tolist() == [7.0, 0.0, 7.0]
    written[index] = 7
    assert written.flatten().tolist() == [7.0, 0.0, 7.0]
