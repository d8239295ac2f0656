"""What a change in place reaches, and what is refused.

The tensor that is written to keeps its memory, so its views change with it, and neither its dtype
nor its shape can give way to the result. The surprise is the row swap `x[0], x[1] = x[1], x[0]`:
both names on the right are views, so the first assignment already changes the second.
"""

import numpy as np
import pytest
import torch


def test_a_change_in_place_of_a_view_changes_its_base(device):
    """A row is a view: zeroing it in place zeroes that row of the whole tensor."""
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    x[0].zero_()

    assert x.tolist() == [[0, 0], [3, 4]]


def test_a_change_in_place_of_rows_chosen_by_a_list_is_lost(device):
    """`x[[0]]` is a copy, so `x[[0]].zero_()` leaves `x` as it was."""
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    x[[0]].zero_()

    assert x.tolist() == [[1, 2], [3, 4]]


def test_plus_equals_on_rows_chosen_by_a_list_is_not_lost(device):
    """`x[[0]] += 1` takes the copy, adds to it and assigns it back, so `x` changes."""
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    x[[0]] += 1

    assert x.tolist() == [[2, 3], [3, 4]]


def test_swapping_two_rows_like_python_variables_loses_one(device):
    """`x[0], x[1] = x[1], x[0]` leaves the same row twice, for both sides are views."""
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    x[0], x[1] = x[1], x[0]

    assert x.tolist() == [[3, 4], [3, 4]]


def test_swapping_two_rows_by_a_list_of_indices_works(device):
    """`x[[0, 1]] = x[[1, 0]]` swaps rows, for indexing with a list copies them first."""
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    x[[0, 1]] = x[[1, 0]]

    assert x.tolist() == [[3, 4], [1, 2]]


def test_a_clone_is_out_of_reach(device):
    """`x.clone()` keeps the numbers of the moment, whatever happens to `x` later."""
    x = torch.tensor([1.0, 2.0], device=device)
    kept = x.clone()

    x.zero_()

    assert kept.tolist() == [1.0, 2.0]


def test_masked_fill_writes_only_where_the_mask_is_true(device):
    """`masked_fill_` overwrites the elements under `True` and no other."""
    x = torch.tensor([1.0, 2.0, 3.0], device=device)

    x.masked_fill_(torch.tensor([True, False, True], device=device), -1)

    assert x.tolist() == [-1.0, 2.0, -1.0]


def test_an_integer_tensor_refuses_a_float_result(device):
    """In place the dtype stays, so adding 1.5 to an integer tensor is refused."""
    x = torch.tensor([1, 2], device=device)

    with pytest.raises(RuntimeError, match=r"result type Float can't be cast to .* Long"):
        x.add_(1.5)

    assert x.tolist() == [1, 2]
    assert x.add(1.5).tolist() == [2.5, 3.5]


def test_true_division_in_place_is_refused_for_integers(device):
    """`x /= 2` needs a float tensor, since `/` gives floats; `x //= 2` works for integers."""
    x = torch.tensor([7, 8], device=device)

    with pytest.raises(RuntimeError, match=r"result type Float can't be cast to .* Long"):
        x /= 2
    x //= 2

    assert x.tolist() == [3, 4]


def test_a_float_tensor_takes_an_integer_operand(device):
    """Integers fit into a float tensor: `x += integers` keeps the dtype of `x`."""
    x = torch.tensor([0.5, 1.5], device=device)

    x += torch.tensor([1, 2], device=device)

    assert x.tolist() == [1.5, 3.5]
    assert x.dtype == torch.float32


def test_a_tensor_cannot_grow_by_broadcasting_in_place(device):
    """A sum of a larger shape has no room in the tensor that is written to."""
    x = torch.ones(3, device=device)

    with pytest.raises(RuntimeError, match=r"output with shape \[3\] doesn't match .* \[2, 3\]"):
        x.add_(torch.ones(2, 3, device=device))


def test_the_other_operand_may_be_broadcast(device):
    """The smaller operand is stretched to the tensor that is written to."""
    x = torch.zeros(2, 3, device=device)

    x.add_(torch.tensor([1.0, 2.0, 3.0], device=device))

    assert x.tolist() == [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]


def test_an_expanded_tensor_refuses_addition_in_place(device):
    """After `expand` several elements are one number in memory; adding in place is refused."""
    x = torch.zeros(1, device=device).expand(3)

    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        x.add_(1)

    assert x.clone().add_(1).tolist() == [1.0, 1.0, 1.0]


def test_index_assignment_to_an_expanded_tensor_sets_every_copy(device):
    """`x[0] = 5` is allowed after `expand`, and every element that shares the memory shows it."""
    x = torch.zeros(1, device=device).expand(3)

    x[0] = 5

    assert x.tolist() == [5.0, 5.0, 5.0]


def test_operands_that_overlap_in_memory_are_refused(device):
    """Adding a tensor to its own shifted slice in place is refused; a clone makes it defined."""
    x = torch.tensor([1, 2, 3], device=device)

    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        x[1:] += x[:-1]
    x[1:] += x[:-1].clone()

    assert x.tolist() == [1, 3, 5]


def test_a_tensor_may_be_its_own_operand(device):
    """`x.add_(x)` is defined, because each element is read and written at the same place."""
    x = torch.tensor([1.0, 2.0], device=device)

    x.add_(x)

    assert x.tolist() == [2.0, 4.0]


def test_the_version_counter_counts_changes_in_place(device):
    """`x._version` grows by one with every in-place operation, whatever its spelling."""
    x = torch.zeros(2, device=device)

    x.add_(1)
    x[0] = 5
    x += 1

    assert x._version == 3
    assert x.clone()._version == 0


def test_a_view_shares_the_version_counter_of_its_base(device):
    """A change through a view is counted for the base, which is how autograd notices it."""
    x = torch.zeros(2, device=device)

    x[:1].add_(1)

    assert x._version == 1


def test_changes_through_data_and_numpy_go_uncounted():
    """Writes through `.data` and `.numpy()` change the numbers behind the counter's back."""
    x = torch.zeros(2)

    x.data.add_(1)
    x.numpy()[0] = 5

    assert x.tolist() == [5.0, 1.0]
    assert x._version == 0


def test_a_tensor_on_numpy_memory_cannot_be_resized():
    """`resize_` refuses to enlarge memory that belongs to a NumPy array."""
    x = torch.from_numpy(np.zeros(2))

    with pytest.raises(RuntimeError, match="Trying to resize storage that is not resizable"):
        x.resize_(3)
