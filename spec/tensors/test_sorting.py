"""The largest, the smallest, and all in order.

A tensor can be asked for its extremes, for where they stand, and for its elements in order. Given a
`dim`, `max`, `sort`, `topk` and their kin answer with two tensors: `values`, and `indices` that say
where each value stood.

The surprises: `x.max()` and `x.max(0)` return different kinds of things; of equal values the first
one is reported; and the indices of `argmax` without `dim` count through the flattened tensor.
"""

import pytest
import torch


def test_max_of_everything_is_one_number(device):
    """`x.max()` is the largest of all elements, `x.min()` the smallest."""
    x = torch.tensor([[1, 5], [7, 2]], device=device)

    assert x.max().item() == 7
    assert x.min().item() == 1


def test_max_along_a_dim_gives_values_and_indices(device):
    """`x.max(dim)` is a pair: the values, and where along `dim` they stand."""
    x = torch.tensor([[1, 5, 3], [7, 2, 6]], device=device)

    found = x.max(1)
    values, indices = x.min(dim=0)

    assert found.values.tolist() == [5, 7]
    assert found.indices.tolist() == [1, 0]
    assert values.tolist() == [1, 2, 3]
    assert indices.tolist() == [0, 1, 0]


def test_max_of_two_tensors_compares_them(device):
    """`torch.max(x, y)` with two tensors is `torch.maximum`: the larger of each pair."""
    x = torch.tensor([1, 5], device=device)
    y = torch.tensor([3, 4], device=device)

    assert torch.max(x, y).tolist() == [3, 5]
    assert torch.min(x, y).tolist() == [1, 4]


def test_argmax_counts_through_the_flattened_tensor(device):
    """Without `dim`, `argmax` counts row after row; with it, along that dimension."""
    x = torch.tensor([[1, 5, 3], [7, 2, 6]], device=device)

    assert x.argmax().item() == 3
    assert x.argmin().item() == 0
    assert x.argmax(dim=0).tolist() == [1, 0, 1]
    assert x.argmax(dim=1, keepdim=True).tolist() == [[1], [0]]


@pytest.mark.torch(">=2.2")
def test_unravel_index_turns_a_flat_index_into_coordinates(device):
    """`torch.unravel_index` turns an index into the flattened tensor into coordinates."""
    row, column = torch.unravel_index(torch.tensor(5, device=device), (2, 4))

    assert row.item() == 1
    assert column.item() == 1


def test_of_equal_values_the_first_is_reported(device):
    """Of equal values, `argmax`, `argmin`, `max(dim)` and `min(dim)` report the first."""
    x = torch.tensor([2, 3, 1, 3, 1], device=device)

    assert x.argmax().item() == 1
    assert x.argmin().item() == 2
    assert x.max(0).indices.item() == 1
    assert x.min(0).indices.item() == 2


def test_amax_takes_several_dims_and_gives_values_only(device):
    """`amax` and `amin` take several dimensions and give values only; `max` refuses a tuple."""
    x = torch.arange(8, device=device).reshape(2, 2, 2)

    assert x.amax(dim=(0, 2)).tolist() == [5, 7]
    assert x.amin(dim=(0, 2)).tolist() == [0, 2]
    with pytest.raises(TypeError, match=r"max\(\) received an invalid combination of arguments"):
        x.max(dim=(0, 2))


def test_amax_shares_its_gradient_between_equal_values():
    """`amax` shares its gradient between equal values; `max(dim)` hands all of it to the first."""
    shared = torch.tensor([2.0, 2.0, 1.0], requires_grad=True)
    picked = torch.tensor([2.0, 2.0, 1.0], requires_grad=True)

    shared.amax(0).backward()
    picked.max(0).values.backward()

    assert shared.grad.tolist() == [0.5, 0.5, 0.0]
    assert picked.grad.tolist() == [1.0, 0.0, 0.0]


def test_aminmax_gives_both_ends(device):
    """`torch.aminmax` gives the smallest and the largest element together."""
    ends = torch.tensor([3, 1, 2], device=device).aminmax()

    assert ends.min.item() == 1
    assert ends.max.item() == 3


def test_cummax_keeps_the_largest_so_far(device):
    """`cummax` keeps the largest value so far, `cummin` the smallest, each with its place."""
    x = torch.tensor([2, 5, 1, 4], device=device)

    assert x.cummax(0).values.tolist() == [2, 5, 5, 5]
    assert x.cummax(0).indices.tolist() == [0, 1, 1, 1]
    assert x.cummin(0).values.tolist() == [2, 2, 1, 1]


def test_sort_gives_values_and_where_they_stood(device):
    """`sort` gives the values in order and where each one stood; the tensor itself stays."""
    x = torch.tensor([30, 10, 20], device=device)

    values, indices = x.sort()

    assert values.tolist() == [10, 20, 30]
    assert indices.tolist() == [1, 2, 0]
    assert x[indices].tolist() == [10, 20, 30]
    assert x.tolist() == [30, 10, 20]


def test_sort_works_along_the_last_dimension(device):
    """`sort` works along the last dimension unless `dim=` names another."""
    x = torch.tensor([[3, 1], [2, 4]], device=device)

    assert x.sort().values.tolist() == [[1, 3], [2, 4]]
    assert x.sort(dim=0).values.tolist() == [[2, 1], [3, 4]]
    assert x.sort(descending=True).values.tolist() == [[3, 1], [4, 2]]


def test_argsort_is_the_indices_of_sort(device):
    """`argsort` is the `indices` of `sort`; sorting those again gives the ranks."""
    x = torch.tensor([30, 10, 20], device=device)

    assert x.argsort().tolist() == [1, 2, 0]
    assert x.argsort(descending=True).tolist() == [0, 2, 1]
    assert x.argsort().argsort().tolist() == [2, 0, 1]


def test_a_stable_sort_keeps_equal_values_in_their_order(device):
    """`stable=True` keeps equal values in the order in which they stood."""
    x = torch.tensor([1, 0, 1, 0, 1, 0], device=device)

    values, indices = x.sort(stable=True)

    assert values.tolist() == [0, 0, 0, 1, 1, 1]
    assert indices.tolist() == [1, 3, 5, 0, 2, 4]


def test_topk_gives_the_largest_in_order(device):
    """`topk(k)` gives the `k` largest, the largest first; `largest=False` the smallest."""
    x = torch.tensor([3, 1, 4, 0, 5], device=device)

    assert x.topk(2).values.tolist() == [5, 4]
    assert x.topk(2).indices.tolist() == [4, 2]
    assert x.topk(2, largest=False).values.tolist() == [0, 1]
    assert x.topk(2, largest=False).indices.tolist() == [3, 1]


def test_topk_cannot_give_more_than_there_are():
    """`topk` of more elements than there are is refused."""
    x = torch.tensor([3, 1])

    with pytest.raises(RuntimeError, match="selected index k out of range"):
        x.topk(3)

    assert x.topk(2).values.tolist() == [3, 1]


def test_kthvalue_counts_from_one(device):
    """`kthvalue(k)` is the `k`-th smallest value, counted from 1: there is no 0th."""
    x = torch.tensor([30, 10, 20], device=device)

    assert x.kthvalue(1).values.item() == 10
    assert x.kthvalue(3).values.item() == 30
    assert x.kthvalue(3).indices.item() == 0
    with pytest.raises(RuntimeError, match="selected number k out of range"):
        x.kthvalue(0)


def test_unique_gives_each_value_once_in_order(device):
    """`torch.unique` gives each value once, sorted."""
    x = torch.tensor([3, 1, 3, 2], device=device)

    assert torch.unique(x).tolist() == [1, 2, 3]


def test_unique_tells_where_and_how_often(device):
    """`unique` can also tell where each element went and how often each value occurs."""
    x = torch.tensor([30, 10, 30, 20], device=device)

    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)

    assert inverse.tolist() == [2, 0, 2, 1]
    assert counts.tolist() == [1, 1, 2]
    assert values[inverse].tolist() == [30, 10, 30, 20]


def test_unique_rows(device):
    """`unique(dim=0)` compares whole rows."""
    x = torch.tensor([[1, 2], [0, 9], [1, 2]], device=device)

    assert x.unique(dim=0).tolist() == [[0, 9], [1, 2]]


def test_unique_consecutive_only_drops_repetitions(device):
    """`unique_consecutive` drops repetitions of the element before, and keeps the order."""
    x = torch.tensor([2, 2, 1, 1, 1, 2], device=device)

    assert x.unique_consecutive().tolist() == [2, 1, 2]


def test_bincount_counts_each_small_integer(device):
    """`torch.bincount` counts how often 0, 1, 2 and so on occur."""
    x = torch.tensor([0, 3, 1, 1], device=device)

    assert x.bincount().tolist() == [1, 2, 0, 1]
    assert x.bincount(minlength=6).tolist() == [1, 2, 0, 1, 0, 0]


def test_bincount_with_weights_adds_them_up(device):
    """With `weights=`, `bincount` adds up the weight of each integer instead of counting it."""
    x = torch.tensor([0, 1, 1], device=device)
    weights = torch.tensor([0.5, 1.0, 2.0], device=device)

    assert x.bincount(weights=weights).tolist() == [0.5, 3.0]


def test_bincount_refuses_negative_integers_and_floats():
    """`bincount` refuses negative integers and floats."""
    with pytest.raises(RuntimeError, match="only supports 1-d non-negative integral inputs"):
        torch.tensor([1, -1]).bincount()
    with pytest.raises(RuntimeError, match="not implemented for 'Float'"):
        torch.tensor([1.0]).bincount()


def test_searchsorted_finds_where_a_value_belongs(device):
    """`torch.searchsorted` finds where a value belongs in a sorted tensor, before its equals."""
    edges = torch.tensor([10, 20, 20, 30], device=device)
    x = torch.tensor([5, 20, 35], device=device)

    assert torch.searchsorted(edges, x).tolist() == [0, 1, 4]
    assert torch.searchsorted(edges, x, right=True).tolist() == [0, 3, 4]
    assert torch.bucketize(x, edges).tolist() == [0, 1, 4]
