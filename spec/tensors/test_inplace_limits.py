"""What a change in place reaches, and what is refused.

A tensor that arithmetic such as `add_` writes to keeps its memory, its dtype and its shape: its
views change with it, and a result of another kind or a larger shape is refused. How to write in
place is told in `spec/tensors/test_inplace.py`; shapes in `spec/tensors/test_broadcasting.py`;
integer tensors under `/=` in `spec/tensors/test_division.py`; the version counter, by which
autograd notices a write, in `spec/autograd/test_inplace_refused.py`.

A write to rows that were chosen by a list, such as `x[[0]].zero_()`, is lost, see
`spec/tensors/test_advanced_indexing.py`.

What surprises is the row swap `x[0], x[1] = x[1], x[0]`: it leaves the same row twice, because both
sides are views of one memory. And overlapping slices are refused only where torch notices the
overlap: `x[:, 1:] = x[:, :-1]` of a contiguous (2, 3) matrix isn't, and smears the first column
over it.
"""

import numpy as np
import pytest
import torch


def test_a_change_in_place_of_a_view_changes_its_base(device):
    """A row `x[0]` of a dense int64 matrix `x` is a view: `x[0].zero_()` sets the row to 0
    in `x`.
    """
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    x[0].zero_()

    assert x.tolist() == [[0, 0], [3, 4]]


def test_swapping_two_rows_like_python_variables_loses_one(device):
    """With `x = torch.tensor([[1, 2], [3, 4]])`, `x[0], x[1] = x[1], x[0]` does not swap the rows:
    afterwards both rows hold the values of the old `x[1]`, [3, 4].

    Because both rows on the right are views: the first assignment already changes what the
    second one reads. Swap with `x[[0, 1]] = x[[1, 0]]`.
    """
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    x[0], x[1] = x[1], x[0]

    assert x.tolist() == [[3, 4], [3, 4]]


def test_swapping_two_rows_by_a_list_of_indices_works(device):
    """`x[[0, 1]] = x[[1, 0]]` swaps the first two rows of a contiguous int64 matrix `x`.

    Because indexing with a list copies the rows before they are written.
    """
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    x[[0, 1]] = x[[1, 0]]

    assert x.tolist() == [[3, 4], [1, 2]]


def test_an_integer_tensor_refuses_a_float_result(device):
    """With the default dtype float32, `x.add_(1.5)` on a contiguous int64 tensor raises a
    RuntimeError, "result type Float can't be cast to the desired output type Long";
    `x.add(1.5)` returns a float32 tensor.

    Because `add_` keeps the dtype of `x` and doesn't truncate the sum. Assigning does truncate:
    `x[0] = 2.7` and `x.fill_(2.7)` store 2.
    """
    x = torch.tensor([1, 2], device=device)

    with pytest.raises(
        RuntimeError, match="result type Float can't be cast to the desired output type"
    ):
        x.add_(1.5)

    assert x.tolist() == [1, 2]
    total = x.add(1.5)
    assert total.tolist() == [2.5, 3.5]
    assert total.dtype == torch.float32


def test_a_float_tensor_takes_an_integer_operand(device):
    """`x += y` of the float32 vector `x = torch.tensor([0.5, 1.5])` leaves `x` float32,
    whether the vector `y` of two elements is int64 or float64.

    `x + y` would be float64 for a float64 `y`: in place the result is converted to the dtype of
    `x`, as long as it is of the same kind; a complex `y` is refused.
    """
    x = torch.tensor([0.5, 1.5], device=device)

    x += torch.tensor([1, 2], device=device)
    x += torch.tensor([0.5, 0.5], dtype=torch.float64, device=device)

    assert x.tolist() == [2.0, 4.0]
    assert x.dtype == torch.float32


def test_an_expanded_tensor_refuses_addition_in_place(device):
    """`x.add_(1)` raises a RuntimeError, "more than one element of the written-to tensor refers
    to a single memory location", for the expanded tensor `x = torch.zeros(1).expand(3)`.

    Because several elements share one memory location, and it isn't defined how often 1 would be
    added. Write `x = x.clone()` first: `x.clone()` alone leaves `x` expanded.
    """
    x = torch.zeros(1, device=device).expand(3)

    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        x.add_(1)

    assert x.clone().add_(1).tolist() == [1.0, 1.0, 1.0]


def test_index_assignment_to_an_expanded_tensor_sets_every_copy(device):
    """`x[0, 0] = 5` on `x = torch.zeros(2, 1).expand(2, 3)` sets the whole row 0, whose
    elements share one memory location; so does `x[1].fill_(7)` for row 1.

    `x[0] = 5` on the same `x` raises a RuntimeError in PyTorch 2.2 to 2.14, and is allowed in 2.0,
    2.1 and 2.15.
    """
    x = torch.zeros(2, 1, device=device).expand(2, 3)

    x[0, 0] = 5

    assert x.tolist() == [[5.0, 5.0, 5.0], [0.0, 0.0, 0.0]]
    x[1].fill_(7)

    assert x.tolist() == [[5.0, 5.0, 5.0], [7.0, 7.0, 7.0]]


def test_operands_that_overlap_in_memory_are_refused(device):
    """For a contiguous int64 vector of three elements `x[1:] += x[:-1]` and `x[1:] = x[:-1]`
    raise a RuntimeError, "some elements of the input tensor and the written-to tensor refer to
    a single memory location".

    An element could be overwritten before it is read. Write `x[1:] += x[:-1].clone()`.
    """
    x = torch.tensor([1, 2, 3], device=device)

    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        x[1:] += x[:-1]
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        x[1:] = x[:-1]
    x[1:] += x[:-1].clone()

    assert x.tolist() == [1, 3, 5]


def test_an_overlap_of_columns_is_not_noticed():
    """`x[:, 1:] = x[:, :-1]` of a contiguous (2, 3) int64 matrix raises no error although
    the slices overlap: on the CPU the assignment reads what it has already written, and the
    row [1, 2, 3] becomes [1, 1, 1].

    Because torch looks for an overlap only if both operands are dense in memory, which these two
    slices aren't; with one row they are, and the assignment raises RuntimeError. Long rows, which
    are copied in blocks, can come out differently. Write `x[:, 1:] = x[:, :-1].clone()`.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])
    shifted = x.clone()

    x[:, 1:] = x[:, :-1]
    shifted[:, 1:] = shifted[:, :-1].clone()

    assert x.tolist() == [[1, 1, 1], [4, 4, 4]]
    assert shifted.tolist() == [[1, 1, 2], [4, 4, 5]]


def test_a_tensor_may_be_its_own_operand(device):
    """`x.add_(x)` of a contiguous (2, 2) float32 matrix that doesn't require grad doubles `x`;
    `x.add_(x.t())` raises a RuntimeError, "some elements of the input tensor and the written-to
    tensor refer to a single memory location".

    Because `x.add_(x)` reads and writes each element at the same address; the transpose is read
    at others. Write `x + x.t()`.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)

    x.add_(x)

    assert x.tolist() == [[2.0, 4.0], [6.0, 8.0]]
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        x.add_(x.t())


def test_changes_through_data_and_numpy_go_uncounted():
    """`x.data.add_(1)` and `x.numpy()[0] = 5` change `x = torch.zeros(2)` on the CPU without
    increasing its version counter, `x._version`.

    So autograd doesn't notice them, and a gradient may be computed from changed values. Call
    `x.add_(1)` or `x[0] = 5` under `torch.no_grad()` instead: each increases the counter.
    """
    x = torch.zeros(2)

    x.data.add_(1)
    x.numpy()[0] = 5

    assert x.tolist() == [5.0, 1.0]
    assert x._version == 0
    assert x.mul_(2)._version == 1
    assert x.tolist() == [10.0, 2.0]
    with torch.no_grad():
        x[0] = 5
    assert x._version == 2


def test_a_tensor_on_numpy_memory_cannot_be_resized():
    """`x.resize_(3)` of `x = torch.from_numpy(np.zeros(2))` raises a RuntimeError, "Trying
    to resize storage that is not resizable".

    Because the memory belongs to NumPy. Clone the tensor first.
    """
    x = torch.from_numpy(np.zeros(2))

    with pytest.raises(RuntimeError, match="Trying to resize storage that is not resizable"):
        x.resize_(3)

    assert x.clone().resize_(3).shape == (3,)
