"""Moving tensors to another device or dtype.

`x.to(...)` gives a tensor with the wanted device and dtype; `x` itself stays what it was, so the
result has to be bound to a name. `module.to(...)`, on the other hand, moves the parameters and
buffers of the module itself, see `spec/training/test_on_a_gpu.py`. An operation such as `x + y`
takes its operands from one device: torch moves nothing by itself, with a few exceptions for single
numbers and for indices.

The device `meta`, which keeps shapes and no values, serves here as a second device that every
machine has; what is special to it stands at the end. The same on a GPU:
`spec/devices/test_cuda_tensors.py`; in a training: `spec/training/test_on_a_gpu.py`.

What surprises: `.to` copies only where something has to change or `copy=True` is given; otherwise
it returns `x` itself.
"""

import pytest
import torch


@pytest.mark.claim("blitz-tensor-to-returns-new")
def test_to_another_device_gives_another_tensor():
    """`x.to("meta")` of `x = torch.zeros(2)` on the CPU returns a new tensor on the device `meta`;
    `x` stays on the CPU, with its values.

    So the result has to be bound to a name, `x = x.to(device)`. The call `x.to(device)` alone
    raises nothing; an error may come only later, from an operation of `x` with a tensor on the
    other device.
    """
    x = torch.zeros(2)

    moved = x.to("meta")

    assert str(moved.device) == "meta"
    assert str(x.device) == "cpu"
    assert x.tolist() == [0.0, 0.0]


@pytest.mark.claim("blitz-tensor-to-always-copies")
@pytest.mark.parametrize(
    "move",
    [
        lambda x: x.to("cpu"),
        lambda x: x.to(x.device),
        lambda x: x.to(torch.float32),
        lambda x: x.to("cpu", torch.float32),
        lambda x: x.cpu(),
        lambda x: x.float(),
    ],
)
def test_to_where_it_already_is_gives_the_tensor_itself(move):
    """For a float32 CPU tensor `x`, `x.to("cpu")`, `x.to(torch.float32)`, `x.cpu()` and
    `x.float()` return `x` itself, because nothing has to change: a write to the result is a write
    to `x`.

    So code that writes to what it moved behaves differently on a CPU and on a GPU: write
    `x.to(device, copy=True)`; `x.cpu()` and `x.float()` take no `copy`. For a contiguous `x` of
    shape (1, 2, 3, 3) `x.to("cpu", memory_format=torch.channels_last)` makes a copy.
    """
    x = torch.zeros(2)

    moved = move(x)
    moved[0] = 5

    assert moved is x
    assert x.tolist() == [5.0, 0.0]
    images = torch.zeros(1, 2, 3, 3)
    assert (images.to("cpu", memory_format=torch.channels_last) is images) is False


def test_copy_true_makes_a_copy_in_any_case(device):
    """`x.to(device, copy=True)`, with `x` and `device` on the CPU or a GPU, returns a new
    tensor with its own memory, even where `x` is on `device` already."""
    x = torch.zeros(2, device=device)

    copied = x.to(device, copy=True)
    copied[0] = 5

    assert copied.tolist() == [5.0, 0.0]
    assert x.tolist() == [0.0, 0.0]


def test_to_another_dtype_copies_on_the_same_device(device):
    """`x.to(torch.int64)` converts the float32 values 1.5 and -1.5 to 1 and -1 in a new tensor
    on the same device; `x` stays float32.

    Because a conversion to integers drops the fraction: `x.round().to(torch.int64)` rounds.
    """
    x = torch.tensor([1.5, -1.5], device=device)

    whole = x.to(torch.int64)

    assert whole.tolist() == [1, -1]
    assert whole.device == x.device
    assert x.dtype == torch.float32


@pytest.mark.claim("blitz-to-dtype")
def test_one_call_can_change_device_and_dtype():
    """`torch.tensor([1.4549]).to("cpu", torch.double)` returns a float64 tensor on the CPU,
    printed with `dtype=torch.float64` if the default dtype is float32. Without keywords the device
    comes first: `.to(torch.double, "cpu")` raises TypeError.
    """
    x = torch.tensor([1.4549])

    double = x.to("cpu", torch.double)
    named = x.to(dtype=torch.double, device="cpu")

    assert repr(double) == "tensor([1.4549], dtype=torch.float64)"
    assert repr(named) == "tensor([1.4549], dtype=torch.float64)"
    with pytest.raises(TypeError, match="invalid combination of arguments"):
        x.to(torch.double, "cpu")


def test_to_takes_another_tensor_as_its_model():
    """`x.to(other)` returns a tensor of the shape of `x` with the device and the dtype of the
    tensor `other`: with `other = torch.zeros(3, dtype=torch.int16, device="meta")` an int16 tensor
    on `meta`.

    The other way, from `meta` to the CPU, raises NotImplementedError, "Cannot copy out of meta
    tensor; no data!".
    """
    x = torch.zeros(2)
    other = torch.zeros(3, dtype=torch.int16, device="meta")

    moved = x.to(other)

    assert str(moved.device) == "meta"
    assert moved.dtype == torch.int16
    assert moved.shape == (2,)
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
        moved.to("cpu")


def test_gradients_find_their_way_back_through_to(device):
    """`backward()` through `x.to(device, torch.float64)`, with the CPU or a CUDA GPU as
    `device`, of a float32 CPU leaf `x` that requires grad fills `x.grad` in float32 on the
    CPU. The result of `x.to(torch.int64)` requires no grad.

    Because a gradient is converted back to the dtype and the device of its tensor, and integers
    have none.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    (x.to(device, torch.float64) * 3).sum().backward()

    assert x.grad.tolist() == [3.0, 3.0]
    assert x.grad.dtype == torch.float32
    assert str(x.grad.device) == "cpu"
    whole = x.to(device, torch.int64)
    assert whole.dtype == torch.int64
    assert whole.requires_grad is False


def test_a_moved_tensor_is_no_leaf():
    """`x.to("meta")` of a CPU tensor `x` that requires grad returns a tensor that is not a leaf;
    called under `torch.no_grad()`, it returns a leaf that requires no grad.

    `torch.optim.SGD([x.to("meta")], lr=0.1)` raises ValueError, "can't optimize a non-leaf
    Tensor". Make the tensor for the optimizer on its device at once:
    `torch.zeros(2, device="meta", requires_grad=True)`.
    """
    x = torch.zeros(2, requires_grad=True)

    moved = x.to("meta")

    assert moved.is_leaf is False
    assert moved.requires_grad is True
    with pytest.raises(ValueError, match="can't optimize a non-leaf Tensor"):
        torch.optim.SGD([moved], lr=0.1)
    with torch.no_grad():
        without_grad = x.to("meta")
    assert without_grad.is_leaf is True
    assert without_grad.requires_grad is False


@pytest.mark.claim("self-mixed-devices")
def test_tensors_on_two_devices_are_refused():
    """`x + y` of a CPU tensor of shape (2,) and a tensor of the same shape on another
    device raises RuntimeError.

    Because moving is slow, torch does not do it unasked: write `x + y.to(x.device)`. A `y` on
    "meta" has no data that could be moved.
    """
    x = torch.zeros(2)
    elsewhere = torch.zeros(2, device="meta")

    with pytest.raises(RuntimeError, match=r"not on the expected device|on the same device"):
        x + elsewhere


@pytest.mark.torch(">=2.0")
@pytest.mark.claim("self-mixed-devices")
def test_a_single_number_on_the_cpu_goes_with_any_device():
    """A 0-d CPU tensor may be added to a tensor on another device, or multiplied with it:
    `torch.zeros(3, device="meta") + torch.tensor(2.0)` is on `meta`. `torch.cat` of a
    tensor on `meta` and a CPU tensor raises RuntimeError.

    Because elementwise arithmetic takes a 0-d CPU tensor as a number without a device.
    """
    number = torch.tensor(2.0)
    elsewhere = torch.zeros(3, device="meta")

    total = elsewhere + number

    assert str(total.device) == "meta"
    assert total.shape == (3,)
    assert str((elsewhere * number).device) == "meta"
    with pytest.raises(RuntimeError, match=r"is not on the expected device|on the same device"):
        torch.cat([elsewhere, number[None]])


def test_a_single_element_is_not_enough_to_cross():
    """`x + y` of a CPU tensor `x` of shape (1,) and a tensor `y` of shape (3,) on another device
    raises RuntimeError, though `x` holds a single number.

    Only a CPU tensor without dimensions counts as a number: use `x[0]`, or move it.
    """
    elsewhere = torch.zeros(3, device="meta")

    with pytest.raises(RuntimeError, match=r"not on the expected device|on the same device"):
        elsewhere + torch.ones(1)


@pytest.mark.claim("self-mixed-devices")
def test_copying_and_indexing_may_cross_devices():
    """For `y = torch.zeros(3, device="meta")`, `y.copy_(torch.ones(3))` and
    `y[torch.tensor([0, 2])]` raise no error, although the other tensor is on the CPU.

    The same holds where `y` is on a GPU.
    """
    elsewhere = torch.zeros(3, device="meta")

    copied = elsewhere.copy_(torch.ones(3))
    picked = elsewhere[torch.tensor([0, 2])]

    assert copied is elsewhere
    assert str(picked.device) == "meta"
    assert picked.shape == (2,)


def test_a_meta_tensor_has_a_shape_and_no_numbers():
    """A tensor on `meta` takes no memory for values: `x @ x` of a float32 `x` of shape (1000000,
    1000000) on `meta`, which would take 4 TB on the CPU, is made at once, with a shape and a dtype
    but without values.

    So the shapes and the size of a large model can be looked at on a small machine.
    """
    x = torch.zeros(10**6, 10**6, device="meta")

    product = x @ x

    assert product.shape == (1000000, 1000000)
    assert product.dtype == torch.float32


def test_nothing_can_be_moved_out_of_meta():
    """`x.to("cpu")` of a tensor on `meta` raises NotImplementedError, "Cannot copy out of meta
    tensor; no data!".

    Because there are no values to copy: make a new tensor, `torch.zeros(x.shape, dtype=x.dtype)`;
    for a module use `module.to_empty(device="cpu")` and load its weights. (In PyTorch 2.0
    `torch.zeros_like(x, device="cpu")` gives arbitrary values.)
    """
    x = torch.zeros(2, device="meta")

    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
        x.to("cpu")

    assert torch.zeros(x.shape).tolist() == [0.0, 0.0]
