"""Distinct values and how often they occur.

`torch.unique` returns each value of a tensor once, in ascending order, and on request how often
each occurs; `torch.bincount` counts small nonnegative integers, such as class indices.

What surprises: `torch.unique` flattens the tensor unless it is given a `dim`;
`unique_consecutive` removes repetitions only where they stand next to each other; and
`bincount` refuses floats and matrices. NaN is told in `spec/tensors/test_special_values.py`.
"""

import pytest
import torch


def test_unique_gives_each_value_once_in_order(device):
    """`torch.unique(x)` of a dense int64 tensor returns each of its values once, in
    ascending order, as a 1-D tensor.

    Of a float tensor each NaN is kept, see `spec/tensors/test_special_values.py`.
    """
    x = torch.tensor([[3, 1], [3, 2]], device=device)

    assert torch.unique(x).tolist() == [1, 2, 3]


def test_unique_tells_where_and_how_often(device):
    """`x.unique(return_inverse=True, return_counts=True)` of an int64 vector returns three
    tensors: the distinct `values`, an `inverse` for which `values[inverse]` equals `x`, and
    the counts, how often each value occurs.
    """
    x = torch.tensor([30, 10, 30, 20], device=device)

    values, inverse, counts = x.unique(return_inverse=True, return_counts=True)

    assert inverse.tolist() == [2, 0, 2, 1]
    assert counts.tolist() == [1, 1, 2]
    assert values[inverse].tolist() == [30, 10, 30, 20]


def test_unique_rows(device):
    """`x.unique(dim=0)` of an int64 matrix with at least one column compares whole rows, and
    returns each row once, in lexicographic order.
    """
    x = torch.tensor([[1, 2], [0, 9], [1, 2]], device=device)

    assert x.unique(dim=0).tolist() == [[0, 9], [1, 2]]


def test_unique_consecutive_only_drops_repetitions(device):
    """`x.unique_consecutive()` of an int64 vector drops each element that equals the
    element before and keeps the order: a value can occur again later.
    """
    x = torch.tensor([2, 2, 1, 1, 1, 2], device=device)

    assert x.unique_consecutive().tolist() == [2, 1, 2]


def test_bincount_counts_each_small_integer(device):
    """`torch.tensor([0, 3, 1, 1]).bincount()` counts how often each number from 0 to the
    maximum 3 occurs: [1, 2, 0, 1]. With `minlength=6` the result has six elements, [1, 2,
    0, 1, 0, 0].

    The result has an element for each number up to the maximum, so a huge maximum takes too much
    memory. With class indices, `minlength=num_classes` gives the count of each class.
    """
    x = torch.tensor([0, 3, 1, 1], device=device)

    assert x.bincount().tolist() == [1, 2, 0, 1]
    assert x.bincount(minlength=6).tolist() == [1, 2, 0, 1, 0, 0]


def test_bincount_with_weights_adds_them_up(device):
    """`x.bincount(weights=w)` of an int64 vector of small nonnegative numbers, with a
    float weight for each element of `x`, sums for each integer the weights of its occurrences
    instead of counting them.
    """
    x = torch.tensor([0, 1, 1], device=device)
    weights = torch.tensor([0.5, 1.0, 2.0], device=device)

    assert x.bincount(weights=weights).tolist() == [0.5, 3.0]


def test_bincount_refuses_negative_integers_and_floats():
    """`x.bincount()` raises a RuntimeError for an int64 vector with a negative number and for
    an int64 matrix, and an error for a float32 vector, "not implemented for 'Float'".

    Convert floats with `.long()`, flatten a matrix; to count floats by ranges use `torch.histc`.
    In newer releases the error for floats is NotImplementedError, a RuntimeError.
    """
    with pytest.raises(RuntimeError, match="only supports 1-d non-negative integral inputs"):
        torch.tensor([1, -1]).bincount()
    with pytest.raises(RuntimeError, match="only supports 1-d non-negative integral inputs"):
        torch.tensor([[0, 1]]).bincount()
    with pytest.raises(RuntimeError, match="not implemented for 'Float'"):
        torch.tensor([1.0]).bincount()
