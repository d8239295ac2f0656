"""Sorting and searching in sorted tensors.

`sort` returns two tensors in a named tuple: `values`, the elements in order, and `indices`, which
says where each of them stood. `argsort` gives only the indices, `topk` the k largest, `kthvalue`
the k-th smallest, and `searchsorted` finds where a value belongs in a sorted tensor. Maximum and
minimum are told in `spec/tensors/test_extremes.py`, distinct values in
`spec/tensors/test_counting.py`.

What surprises: `sort` works along the last dimension, not on the flattened tensor; equal values
are sure to keep their order only with `stable=True`; and `searchsorted` doesn't notice an unsorted
tensor.
"""

import pytest
import torch


def test_sort_gives_values_and_where_they_stood(device):
    """`x.sort()` of a dense int64 vector returns the `values` in ascending order and their
    `indices` in `x`, so that `x[indices]` equals `values`; `x` itself is unchanged.

    `y[indices]` puts a second vector `y` into the same order. For a matrix `x` and a matrix `y` of
    its shape write `y.gather(-1, indices)`.
    """
    x = torch.tensor([30, 10, 20], device=device)

    values, indices = x.sort()

    assert values.tolist() == [10, 20, 30]
    assert indices.tolist() == [1, 2, 0]
    assert x[indices].tolist() == [10, 20, 30]
    assert x.tolist() == [30, 10, 20]
    table = torch.tensor([[3, 1], [2, 4]], device=device)

    assert table.gather(-1, table.sort().indices).tolist() == [[1, 3], [2, 4]]


def test_sort_works_along_the_last_dimension(device):
    """With `x = torch.tensor([[3, 1], [2, 4]])`, `x.sort().values` is [[1, 3], [2, 4]],
    each row sorted by itself along the last dimension; `x.sort(dim=0).values` is [[2, 1],
    [3, 4]], each column sorted.
    """
    x = torch.tensor([[3, 1], [2, 4]], device=device)

    assert x.sort().values.tolist() == [[1, 3], [2, 4]]
    assert x.sort(dim=0).values.tolist() == [[2, 1], [3, 4]]
    assert x.sort(descending=True).values.tolist() == [[3, 1], [4, 2]]
    assert x.flatten().sort().values.tolist() == [1, 2, 3, 4]


def test_argsort_is_the_indices_of_sort(device):
    """For a dense int64 vector of distinct elements `x.argsort()` equals `x.sort().indices`,
    and `x.argsort().argsort()` holds the rank of each element: 0 for the smallest, 1 for the
    next.
    """
    x = torch.tensor([30, 10, 20], device=device)

    assert x.argsort().tolist() == x.sort().indices.tolist() == [1, 2, 0]
    assert x.argsort(descending=True).tolist() == [0, 2, 1]
    assert x.argsort().argsort().tolist() == [2, 0, 1]


def test_a_stable_sort_keeps_equal_values_in_their_order(device):
    """`x.sort(stable=True)` of a dense int64 tensor keeps equal elements in their original
    order; without `stable=True` the order of equal elements is not defined.

    `x.sort()` returns `values` and `indices`: the order of equal elements matters when
    `y[indices]` reorders another tensor `y`.
    """
    x = torch.tensor([1, 0, 1, 0, 1, 0], device=device)

    values, indices = x.sort(stable=True)

    assert values.tolist() == [0, 0, 0, 1, 1, 1]
    assert indices.tolist() == [1, 3, 5, 0, 2, 4]


def test_topk_gives_the_largest_in_order(device):
    """`x.topk(k)` of a dense int64 vector returns the `k` largest elements, the largest
    first, and their indices; `largest=False` returns the smallest, the smallest first.
    """
    x = torch.tensor([3, 1, 4, 0, 5], device=device)

    assert x.topk(2).values.tolist() == [5, 4]
    assert x.topk(2).indices.tolist() == [4, 2]
    assert x.topk(2, largest=False).values.tolist() == [0, 1]
    assert x.topk(2, largest=False).indices.tolist() == [3, 1]


def test_topk_cannot_give_more_than_there_are():
    """`x.topk(3)` of an int64 vector of two elements raises a RuntimeError, "selected index k
    out of range": `k` may not exceed the size of the dimension.

    For a vector write `x.topk(min(k, len(x)))`.
    """
    x = torch.tensor([3, 1])

    with pytest.raises(RuntimeError, match="selected index k out of range"):
        x.topk(3)

    assert x.topk(len(x)).values.tolist() == [3, 1]


def test_kthvalue_counts_from_one(device):
    """`x.kthvalue(k)` of a nonempty dense int64 vector returns the `k`-th smallest element
    and its index, `k` counted from 1; `k=0` raises a RuntimeError.

    For the smallest write `k=1`, for the largest `k=len(x)`.
    """
    x = torch.tensor([30, 10, 20], device=device)

    assert x.kthvalue(1).values.item() == 10
    assert x.kthvalue(len(x)).values.item() == 30
    assert x.kthvalue(3).indices.item() == 0
    with pytest.raises(RuntimeError, match="selected number k out of range"):
        x.kthvalue(0)


def test_searchsorted_finds_where_a_value_belongs(device):
    """`torch.searchsorted(edges, x)` of int64 vectors, `edges` in ascending order, gives for
    each element of `x` the index at which it would be inserted into `edges`: before equal
    elements, or after them with `right=True`.

    `torch.bucketize(x, edges)` is the same with the arguments swapped.
    """
    edges = torch.tensor([10, 20, 20, 30], device=device)
    x = torch.tensor([5, 20, 35], device=device)

    assert torch.searchsorted(edges, x).tolist() == [0, 1, 4]
    assert torch.searchsorted(edges, x, right=True).tolist() == [0, 3, 4]
    assert torch.bucketize(x, edges).tolist() == [0, 1, 4]


def test_searchsorted_does_not_notice_an_unsorted_tensor():
    """`torch.searchsorted(edges, torch.tensor([15]))` with the unsorted int64 tensor
    `edges`, [30, 10, 20], raises no error on the CPU and gives 2; with the sorted edges
    [10, 20, 30] it gives 1.

    Because it runs a binary search without a look at the order. Sort first, or pass
    `sorter=edges.argsort()`.
    """
    edges = torch.tensor([30, 10, 20])
    x = torch.tensor([15])

    assert torch.searchsorted(edges, x).tolist() == [2]
    assert torch.searchsorted(edges.sort().values, x).tolist() == [1]
    assert torch.searchsorted(edges, x, sorter=edges.argsort()).tolist() == [1]
