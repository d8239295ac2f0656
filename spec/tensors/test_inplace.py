"""Changing a tensor in place.

An operation whose name ends in an underscore writes its result into the tensor it is called on and
returns that same tensor: no new memory, and every other name or view of it sees the change. The
surprise is how many ways without an underscore do the same: `x[0] = 5`, `x += 1`, `out=x`.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("blitz-add-inplace")
def test_add_with_an_underscore_puts_the_sum_into_the_tensor_itself(device):
    """`x.add_(y)` writes the sum into the memory of `x` and leaves `y` alone."""
    x = torch.tensor([1.0, 2.0], device=device)
    y = torch.tensor([10.0, 20.0], device=device)
    address = x.data_ptr()

    x.add_(y)

    assert x.tolist() == [11.0, 22.0]
    assert y.tolist() == [10.0, 20.0]
    assert x.data_ptr() == address


def test_add_without_an_underscore_leaves_the_tensor_alone(device):
    """`x.add(y)` makes a new tensor in memory of its own."""
    x = torch.tensor([1.0, 2.0], device=device)

    total = x.add(1)

    assert x.tolist() == [1.0, 2.0]
    assert total.tolist() == [2.0, 3.0]
    assert total.data_ptr() != x.data_ptr()


def test_underscore_operations_return_their_own_tensor_and_so_chain():
    """An in-place operation returns the tensor it changed, so that calls can be chained."""
    x = torch.tensor([1.0, 2.0])

    result = x.mul_(10).add_(1)

    assert result is x
    assert x.tolist() == [11.0, 21.0]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("zero_", (), [0.0, 0.0, 0.0]),
        ("fill_", (7,), [7.0, 7.0, 7.0]),
        ("neg_", (), [1.0, -2.0, -4.0]),
        ("abs_", (), [1.0, 2.0, 4.0]),
        ("sub_", (1,), [-2.0, 1.0, 3.0]),
        ("mul_", (3,), [-3.0, 6.0, 12.0]),
        ("div_", (2,), [-0.5, 1.0, 2.0]),
        ("pow_", (2,), [1.0, 4.0, 16.0]),
        ("clamp_", (0, 3), [0.0, 2.0, 3.0]),
        ("relu_", (), [0.0, 2.0, 4.0]),
        ("gt_", (3,), [0.0, 0.0, 1.0]),
    ],
)
def test_what_common_underscore_operations_leave_behind(name, arguments, expected, device):
    """`zero_`, `fill_`, `clamp_` and their kin overwrite; a comparison leaves 0 and 1."""
    x = torch.tensor([-1.0, 2.0, 4.0], device=device)

    result = getattr(x, name)(*arguments)

    assert result is x
    assert x.tolist() == expected


@given(st.lists(st.integers(-100, 100), min_size=1), st.integers(-100, 100))
def test_an_in_place_operation_computes_what_its_plain_twin_computes(numbers, n):
    """`x.mul_(n)` leaves in `x` exactly the numbers that `x.mul(n)` would return."""
    x = torch.tensor(numbers)
    product = x.mul(n)

    x.mul_(n)

    assert x.tolist() == product.tolist() == [number * n for number in numbers]


@pytest.mark.claim("blitz-copy-inplace")
def test_copy_with_an_underscore_overwrites_the_values_but_shares_nothing(device):
    """`x.copy_(y)` overwrites the values of `x`; a later change of `y` does not reach it."""
    x = torch.tensor([1.0, 2.0], device=device)
    y = torch.tensor([8.0, 9.0], device=device)

    result = x.copy_(y)
    y.zero_()

    assert result is x
    assert x.tolist() == [8.0, 9.0]


def test_copy_keeps_the_dtype_of_the_tensor_written_to():
    """`copy_` converts to the dtype of its target, so an integer tensor drops the fraction."""
    x = torch.tensor([0, 0])

    x.copy_(torch.tensor([1.75, -1.75]))

    assert x.tolist() == [1, -1]
    assert x.dtype == torch.int64


@pytest.mark.claim("blitz-t-inplace")
def test_t_with_an_underscore_transposes_the_tensor_itself(device):
    """`x.t_()` swaps the two dimensions of `x` itself: other shape and strides, same memory."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)
    address = x.data_ptr()

    result = x.t_()

    assert result is x
    assert x.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert x.stride() == (1, 3)
    assert x.data_ptr() == address


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [
        ("squeeze_", (0,), [2, 3]),
        ("unsqueeze_", (1,), [1, 1, 2, 3]),
        ("transpose_", (0, 2), [3, 2, 1]),
    ],
)
def test_some_underscore_operations_change_no_number(name, arguments, shape):
    """`squeeze_`, `unsqueeze_` and `transpose_` change the shape of a tensor, not its memory."""
    memory = torch.tensor([1, 2, 3, 4, 5, 6])
    x = memory.view(1, 2, 3)

    result = getattr(x, name)(*arguments)

    assert result is x
    assert list(x.shape) == shape
    assert x.data_ptr() == memory.data_ptr()
    assert memory.tolist() == [1, 2, 3, 4, 5, 6]


def test_requires_grad_with_an_underscore_sets_a_flag_and_no_number():
    """`x.requires_grad_()` changes what autograd records of `x`, and none of its numbers."""
    x = torch.tensor([1.0, 2.0])

    result = x.requires_grad_()

    assert result is x
    assert x.requires_grad is True
    assert x.tolist() == [1.0, 2.0]


@pytest.mark.claim("blitz-underscore-every-mutator")
def test_index_assignment_changes_a_tensor_without_an_underscore(device):
    """`x[0] = 5` and `x[:, 1] = 7` write into `x` itself."""
    x = torch.zeros(2, 2, device=device)
    address = x.data_ptr()

    x[0] = 5
    x[:, 1] = 7

    assert x.tolist() == [[5.0, 7.0], [0.0, 7.0]]
    assert x.data_ptr() == address


@pytest.mark.claim("blitz-underscore-every-mutator")
def test_plus_equals_changes_the_tensor_that_both_names_share(device):
    """`x += 1` is in place: another name for the same tensor sees the sum."""
    x = torch.tensor([1.0, 2.0], device=device)
    other_name = x

    x += 1

    assert other_name is x
    assert other_name.tolist() == [2.0, 3.0]


def test_x_equals_x_plus_one_gives_the_name_to_a_new_tensor(device):
    """`x = x + 1` makes a new tensor and moves the name to it; the other name keeps the old."""
    x = torch.tensor([1.0, 2.0], device=device)
    other_name = x

    x = x + 1

    assert x.tolist() == [2.0, 3.0]
    assert other_name.tolist() == [1.0, 2.0]


@pytest.mark.claim("blitz-underscore-every-mutator")
def test_out_writes_the_result_into_a_tensor_that_is_there():
    """`torch.add(x, y, out=x)` overwrites `x` and returns it."""
    x = torch.tensor([1.0, 2.0])

    result = torch.add(x, 10, out=x)

    assert result is x
    assert x.tolist() == [11.0, 12.0]


@pytest.mark.claim("blitz-underscore-every-mutator")
def test_inplace_true_makes_an_activation_overwrite_its_input():
    """`F.relu(x, inplace=True)` writes into `x`, though nothing in its name says so."""
    x = torch.tensor([-1.0, 2.0])

    result = F.relu(x, inplace=True)

    assert result is x
    assert x.tolist() == [0.0, 2.0]


@pytest.mark.claim("blitz-underscore-every-mutator")
def test_a_numpy_array_of_the_same_memory_changes_the_tensor():
    """Writing through `x.numpy()` changes `x` with no tensor operation at all."""
    x = torch.zeros(2)

    np.add(x.numpy(), 3, out=x.numpy())

    assert x.tolist() == [3.0, 3.0]


@pytest.mark.claim("blitz-underscore-every-mutator")
def test_assigning_to_data_gives_a_tensor_other_values_and_another_shape():
    """`x.data = other` keeps the object `x` but gives it the memory and shape of `other`."""
    x = torch.zeros(2)
    other = torch.tensor([1.0, 2.0, 3.0])

    x.data = other

    assert x.tolist() == [1.0, 2.0, 3.0]
    assert x.data_ptr() == other.data_ptr()


def test_set_makes_a_tensor_share_the_memory_of_another(device):
    """`x.set_(y)` copies nothing: from then on `x` looks at the memory of `y`."""
    x = torch.zeros(2, device=device)
    y = torch.tensor([1.0, 2.0, 3.0], device=device)

    x.set_(y)
    y[0] = 9

    assert x.tolist() == [9.0, 2.0, 3.0]


def test_resize_changes_the_number_of_elements_in_place(device):
    """`x.resize_(3)` shows the first numbers of the same memory, whatever shape they had."""
    x = torch.tensor([[1, 2], [3, 4]], device=device)
    address = x.data_ptr()

    x.resize_(3)

    assert x.tolist() == [1, 2, 3]
    assert x.data_ptr() == address
