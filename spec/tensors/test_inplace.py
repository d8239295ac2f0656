"""Changing a tensor in place.

A method whose name ends in an underscore, such as `add_`, writes its result into the tensor it is
called on and returns that tensor. `add_` allocates no new memory, and each view and each other name
of the tensor sees the change. What such a write reaches and what is refused is told in
`spec/tensors/test_inplace_limits.py`, what autograd makes of it in `spec/autograd/test_inplace.py`.

What surprises is how much works in place without an underscore: `x[0] = 5`, `x += 1`, `out=x`,
`F.relu(x, inplace=True)`, and writing into `x.numpy()` (`spec/tensors/test_numpy_bridge.py`). And
some methods with an underscore, such as `t_` and `requires_grad_`
(`spec/autograd/test_tracking.py`), change no element.
"""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("blitz-add-inplace")
def test_add_with_an_underscore_puts_the_sum_into_the_tensor_itself(device):
    """`x.add_(y)` of the float32 vectors `x = torch.tensor([1.0, 2.0])` and
    `y = torch.tensor([10.0, 20.0])` writes the sum into the memory of `x`; `y` stays unchanged.
    """
    x = torch.tensor([1.0, 2.0], device=device)
    y = torch.tensor([10.0, 20.0], device=device)
    address = x.data_ptr()

    x.add_(y)

    assert x.tolist() == [11.0, 22.0]
    assert y.tolist() == [10.0, 20.0]
    assert x.data_ptr() == address


def test_add_without_an_underscore_leaves_the_tensor_alone(device):
    """`x.add(1)` of `x = torch.tensor([1.0, 2.0])` returns a new tensor with memory of its
    own and leaves `x` unchanged.
    """
    x = torch.tensor([1.0, 2.0], device=device)

    total = x.add(1)

    assert x.tolist() == [1.0, 2.0]
    assert total.tolist() == [2.0, 3.0]
    assert total.data_ptr() != x.data_ptr()


def test_underscore_operations_return_their_own_tensor_and_so_chain():
    """With `x = torch.tensor([1.0, 2.0])`, `x.mul_` and `x.add_` return the tensor they
    changed, so calls can be chained: `x.mul_(10).add_(1)` is `x`.
    """
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
        ("sub_", (5,), [-6.0, -3.0, -1.0]),
        ("mul_", (3,), [-3.0, 6.0, 12.0]),
        ("div_", (2,), [-0.5, 1.0, 2.0]),
        ("pow_", (2,), [1.0, 4.0, 16.0]),
        ("clamp_", (0, 3), [0.0, 2.0, 3.0]),
        ("relu_", (), [0.0, 2.0, 4.0]),
        ("gt_", (3,), [0.0, 0.0, 1.0]),
    ],
)
def test_what_common_underscore_operations_leave_behind(name, arguments, expected, device):
    """On `x = torch.tensor([-1.0, 2.0, 4.0])`, `zero_`, `fill_`, `neg_`, `abs_`, `sub_`,
    `mul_`, `div_`, `pow_`, `clamp_` and `relu_` write their result into `x`; `gt_` stores
    0.0 and 1.0 in `x`.

    Because an in-place operation keeps the dtype float32 of `x`, `gt_` can't store bools.
    """
    x = torch.tensor([-1.0, 2.0, 4.0], device=device)

    result = getattr(x, name)(*arguments)

    assert result is x
    assert x.tolist() == expected


@given(st.lists(st.integers(-100, 100), min_size=1), st.integers(-100, 100))
def test_an_in_place_operation_computes_what_its_plain_twin_computes(numbers, n):
    """`x.mul_(n)` of `x = torch.tensor(numbers)`, for a Python int `n` and a non-empty list
    `numbers` of ints, all from -100 to 100, leaves in `x` the values that `x.mul(n)` returns.

    A float `n` is refused, where `x.mul(n)` gives floats.
    """
    x = torch.tensor(numbers)
    product = x.mul(n)

    x.mul_(n)

    assert x.tolist() == product.tolist() == [number * n for number in numbers]
    assert torch.tensor([2, -3]).mul_(-4).tolist() == [-8, 12]
    with pytest.raises(RuntimeError, match="result type Float can't be cast"):
        x.mul_(2.0)


@pytest.mark.claim("blitz-copy-inplace")
def test_copy_with_an_underscore_overwrites_the_values_but_shares_nothing(device):
    """`x.copy_(y)` of the float32 vectors `x = torch.tensor([1.0, 2.0])` and
    `y = torch.tensor([8.0, 9.0])` copies the values of `y` into `x`; a later change of `y` doesn't
    change `x`.
    """
    x = torch.tensor([1.0, 2.0], device=device)
    y = torch.tensor([8.0, 9.0], device=device)

    result = x.copy_(y)
    y.zero_()

    assert result is x
    assert x.tolist() == [8.0, 9.0]


def test_copy_keeps_the_dtype_of_the_tensor_written_to():
    """`x.copy_(y)` of a contiguous int64 vector `x` and a float32 `y` of its length converts to
    int64, without an error: 1.75 and -1.75 are truncated towards zero, to 1 and -1.

    Unlike `add_`, which refuses floats for an integer tensor.
    """
    x = torch.tensor([0, 0])

    x.copy_(torch.tensor([1.75, -1.75]))

    assert x.tolist() == [1, -1]
    assert x.dtype == torch.int64


@pytest.mark.claim("blitz-t-inplace")
def test_t_with_an_underscore_transposes_the_tensor_itself(device):
    """`x.t_()` transposes a contiguous (2, 3) int64 matrix `x` in place: its shape becomes
    (3, 2) and its strides (1, 3), the memory stays the same.
    """
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
    """`x.squeeze_(0)`, `x.unsqueeze_(1)` and `x.transpose_(0, 2)` of
    `x = torch.tensor([1, 2, 3, 4, 5, 6]).view(1, 2, 3)` each change the shape and the strides of
    `x` in place, and no element in memory.
    """
    memory = torch.tensor([1, 2, 3, 4, 5, 6])
    x = memory.view(1, 2, 3)

    result = getattr(x, name)(*arguments)

    assert result is x
    assert list(x.shape) == shape
    assert x.data_ptr() == memory.data_ptr()
    assert memory.tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.claim("blitz-underscore-every-mutator")
def test_index_assignment_changes_a_tensor_without_an_underscore(device):
    """`x[0] = 5` and `x[:, 1] = 7` write into the memory of `x = torch.zeros(2, 2)`."""
    x = torch.zeros(2, 2, device=device)
    address = x.data_ptr()

    x[0] = 5
    x[:, 1] = 7

    assert x.tolist() == [[5.0, 7.0], [0.0, 7.0]]
    assert x.data_ptr() == address


@pytest.mark.claim("blitz-underscore-every-mutator")
def test_plus_equals_changes_the_tensor_that_both_names_share(device):
    """`x += 1` of `x = torch.tensor([1.0, 2.0])` works in place: another name of the same
    tensor sees the sum.

    Because Python calls `__iadd__`, which does what `add_` does.
    """
    x = torch.tensor([1.0, 2.0], device=device)
    other_name = x

    x += 1

    assert other_name is x
    assert other_name.tolist() == [2.0, 3.0]


def test_x_equals_x_plus_one_gives_the_name_to_a_new_tensor(device):
    """`x = x + 1` of a float32 tensor makes a new tensor and binds the name `x` to it;
    another name of the old tensor sees no change.
    """
    x = torch.tensor([1.0, 2.0], device=device)
    other_name = x

    x = x + 1

    assert x.tolist() == [2.0, 3.0]
    assert other_name.tolist() == [1.0, 2.0]


@pytest.mark.claim("blitz-underscore-every-mutator")
def test_out_writes_the_result_into_a_tensor_that_is_there():
    """`torch.add(x, 10, out=x)` of `x = torch.tensor([1.0, 2.0])` overwrites `x` with the
    sum, and returns `x`.
    """
    x = torch.tensor([1.0, 2.0])

    result = torch.add(x, 10, out=x)

    assert result is x
    assert x.tolist() == [11.0, 12.0]


@pytest.mark.claim("blitz-underscore-every-mutator")
def test_inplace_true_makes_an_activation_overwrite_its_input():
    """`F.relu(x, inplace=True)` of `x = torch.tensor([-1.0, 2.0])` writes into `x` and
    returns `x`, as `nn.ReLU(inplace=True)` does.

    It saves the memory of the result. The input is lost, which matters if it is used again.
    """
    x = torch.tensor([-1.0, 2.0])

    result = F.relu(x, inplace=True)

    assert result is x
    assert x.tolist() == [0.0, 2.0]
    assert (torch.nn.ReLU(inplace=True)(x) is x) is True


@pytest.mark.claim("blitz-underscore-every-mutator")
def test_assigning_to_data_gives_a_tensor_other_values_and_another_shape():
    """`x.data = other` of a float32 `x` and a float64 `other`, both dense on the CPU, keeps the
    Python object `x` and its `requires_grad`, and gives it the memory, the shape and the dtype
    of `other`.

    Autograd doesn't see the change, and an `x` that requires grad refuses integers. To replace
    values use `x.copy_(other)` under `torch.no_grad()`.
    """
    x = torch.zeros(2, requires_grad=True)
    other = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)

    x.data = other

    assert x.tolist() == [1.0, 2.0, 3.0]
    assert x.dtype == torch.float64
    assert x.data_ptr() == other.data_ptr()
    assert x.requires_grad is True
    with pytest.raises(RuntimeError, match="data set to a tensor that requires gradients must be"):
        x.data = torch.tensor([1, 2, 3])


def test_set_makes_a_tensor_share_the_memory_of_another(device):
    """`x.set_(y)` of `x = torch.zeros(2)` and `y = torch.tensor([1.0, 2.0, 3.0])` makes `x` use
    the memory and the shape of `y`, without a copy: a later `y[0] = 9` shows in `x`.
    """
    x = torch.zeros(2, device=device)
    y = torch.tensor([1.0, 2.0, 3.0], device=device)

    x.set_(y)
    y[0] = 9

    assert x.tolist() == [9.0, 2.0, 3.0]


def test_resize_changes_the_number_of_elements_in_place(device):
    """`x.resize_(3)` of a contiguous (2, 2) int64 tensor keeps the memory and makes `x` a
    vector of its first three elements.

    To change only the shape use `view` or `reshape`; enlarging with `resize_` leaves new
    elements uninitialised.
    """
    x = torch.tensor([[1, 2], [3, 4]], device=device)
    address = x.data_ptr()

    x.resize_(3)

    assert x.tolist() == [1, 2, 3]
    assert x.data_ptr() == address
