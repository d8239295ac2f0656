"""The largest, the smallest, and where they are.

`x.max()` is the largest element of a tensor. With a dimension, `x.max(dim)` returns two tensors in
a named tuple: `values`, and `indices` with the position of each value along `dim`. `argmax` gives
only the indices, `amax` only the values, and `cummax` the maximum so far. Sorted order and the k
largest are told in `spec/tensors/test_sorting.py`; what NaN does in
`spec/tensors/test_special_values.py`.

What surprises: `x.max()` and `x.max(0)` return different kinds of things; `torch.max(x, y)` with
two tensors is a third function, `torch.maximum`; and the index of `argmax` without `dim` counts
through the flattened tensor.
"""

import pytest
import torch


def test_max_of_everything_is_one_number(device):
    """`x.max()` of a nonempty dense int64 tensor is a 0-d tensor with the largest of all
    elements, `x.min()` a 0-d tensor with the smallest.
    """
    x = torch.tensor([[1, 5], [7, 2]], device=device)

    assert x.max().item() == 7
    assert x.min().item() == 1
    assert x.max().shape == ()


def test_max_along_a_dim_gives_values_and_indices(device):
    """`x.max(1)` and `x.min(dim=0)` of a nonempty int64 matrix return a named tuple of `values`
    and `indices`, the positions of the values along that dimension.
    """
    x = torch.tensor([[1, 5, 3], [7, 2, 6]], device=device)

    found = x.max(1)
    values, indices = x.min(dim=0)

    assert found.values.tolist() == [5, 7]
    assert found.indices.tolist() == [1, 0]
    assert values.tolist() == [1, 2, 3]
    assert indices.tolist() == [0, 1, 0]


def test_max_of_two_tensors_compares_them(device):
    """`torch.max(x, y)` with two tensors is `torch.maximum(x, y)`: for int64 tensors of the
    same shape, the larger element at each index.
    """
    x = torch.tensor([1, 5], device=device)
    y = torch.tensor([3, 4], device=device)

    assert torch.max(x, y).tolist() == torch.maximum(x, y).tolist() == [3, 5]
    assert torch.min(x, y).tolist() == [1, 4]


def test_argmax_counts_through_the_flattened_tensor(device):
    """`x.argmax()` of a nonempty int64 matrix is the index of the largest element in the
    flattened tensor, in row-major order; `x.argmax(dim=1)` gives for each row the column
    index of its largest element.

    A classifier's answer is `logits.argmax(dim=1)`.
    """
    x = torch.tensor([[1, 5, 3], [7, 2, 6]], device=device)

    assert x.argmax().item() == 3
    assert x.argmin().item() == 0
    assert x.argmax(dim=0).tolist() == [1, 0, 1]
    assert x.argmax(dim=1, keepdim=True).tolist() == [[1], [0]]


@pytest.mark.torch(">=2.2")
def test_unravel_index_turns_a_flat_index_into_coordinates(device):
    """`torch.unravel_index(torch.tensor(5), (2, 4))` turns 5, an index into a flattened 2 x
    4 tensor as `argmax()` gives it, into one index tensor per dimension: 1 and 1.

    A position beyond the end of the shape is not refused: 9 gives 0 and 1.
    """
    row, column = torch.unravel_index(torch.tensor(5, device=device), (2, 4))

    assert row.item() == 1
    assert column.item() == 1
    beyond = torch.unravel_index(torch.tensor(9, device=device), (2, 4))

    assert [place.item() for place in beyond] == [0, 1]


def test_of_equal_values_the_first_is_reported(device):
    """If the largest or the smallest value of an int64 vector `x` occurs more than once,
    `x.argmax()`, `x.argmin()`, `x.max(0)` and `x.min(0)` report the index of the first.

    `topk` and `cummax` may report another one.
    """
    x = torch.tensor([2, 3, 1, 3, 1], device=device)

    assert x.argmax().item() == 1
    assert x.argmin().item() == 2
    assert x.max(0).indices.item() == 1
    assert x.min(0).indices.item() == 2


def test_amax_takes_several_dims_and_gives_values_only(device):
    """`x.amax(dim=(0, 2))` and `x.amin(dim=(0, 2))` of an int64 tensor of shape (2, 2, 2)
    reduce two dimensions and return only the values; `x.max(dim=(0, 2))` raises a
    TypeError.

    Because `max` also returns indices, and an index belongs to one dimension. Use `amax`.
    """
    x = torch.arange(8, device=device).reshape(2, 2, 2)

    assert x.amax(dim=(0, 2)).tolist() == [5, 7]
    assert x.amin(dim=(0, 2)).tolist() == [0, 2]
    with pytest.raises(TypeError, match=r"max\(\) received an invalid combination of arguments"):
        x.max(dim=(0, 2))


def test_amax_shares_its_gradient_between_equal_values():
    """`x.amax(0)` of a non-empty float32 vector without NaN divides its gradient equally among
    equal maxima; `x.max(0).values` gives the whole gradient to the element whose index `x.max(0)`
    reports.

    `x.max()` without a dimension reports no index and divides as `amax` does.
    """
    shared = torch.tensor([2.0, 2.0, 1.0], requires_grad=True)
    picked = torch.tensor([2.0, 2.0, 1.0], requires_grad=True)
    flat = torch.tensor([2.0, 2.0, 1.0], requires_grad=True)

    shared.amax(0).backward()
    picked.max(0).values.backward()
    flat.max().backward()

    assert shared.grad.tolist() == [0.5, 0.5, 0.0]
    assert picked.grad.tolist() == [1.0, 0.0, 0.0]
    assert flat.grad.tolist() == [0.5, 0.5, 0.0]


def test_aminmax_gives_both_ends(device):
    """`x.aminmax()` of a nonempty int64 tensor returns a named tuple of the smallest and the
    largest element, `min` and `max`.
    """
    ends = torch.tensor([3, 1, 2], device=device).aminmax()

    assert ends.min.item() == 1
    assert ends.max.item() == 3


def test_cummax_keeps_the_largest_so_far(device):
    """`x.cummax(0)` of an int64 vector returns the largest value so far at each position
    and its index, `x.cummin(0)` the smallest; where the largest so far occurs more than once,
    `cummax` reports the index of its last occurrence so far.
    """
    x = torch.tensor([2, 5, 1, 4], device=device)

    assert x.cummax(0).values.tolist() == [2, 5, 5, 5]
    assert x.cummax(0).indices.tolist() == [0, 1, 1, 1]
    assert x.cummin(0).values.tolist() == [2, 2, 1, 1]
    assert (x == 5).long().cummax(0).indices.tolist() == [0, 1, 1, 1]
    assert (x > 3).long().cummax(0).indices.tolist() == [0, 1, 1, 3]
