"""Moving tensors to another device or dtype.

`x.to(...)` gives a tensor with the wanted device and dtype, and `x` stays what it was. The device
`meta`, which keeps shapes and no numbers, serves here as a second device that every machine has.
The surprise is that `.to` copies only where something has to change: otherwise it is `x` itself.
"""

import pytest
import torch
from torch import nn


@pytest.mark.claim("blitz-tensor-to-returns-new")
def test_to_another_device_gives_another_tensor():
    """`x.to(device)` leaves `x` where it is; only the result is on the other device."""
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
    """Nothing to change, nothing copied: `.to`, `.cpu` and `.float` return `x` itself."""
    x = torch.zeros(2)

    moved = move(x)
    moved[0] = 5

    assert moved is x
    assert x.tolist() == [5.0, 0.0]


def test_copy_true_makes_a_copy_in_any_case(device):
    """`x.to(device, copy=True)` is a new tensor even on the same device."""
    x = torch.zeros(2, device=device)

    copied = x.to(device, copy=True)
    copied[0] = 5

    assert copied.tolist() == [5.0, 0.0]
    assert x.tolist() == [0.0, 0.0]


def test_to_another_dtype_copies_on_the_same_device(device):
    """`x.to(torch.int64)` converts into a new tensor that stays on the device of `x`."""
    x = torch.tensor([1.5, -1.5], device=device)

    whole = x.to(torch.int64)

    assert whole.tolist() == [1, -1]
    assert whole.device == x.device
    assert x.dtype == torch.float32


@pytest.mark.claim("blitz-to-dtype")
def test_one_call_can_change_device_and_dtype():
    """`x.to("cpu", torch.double)` is a float64 tensor on the CPU, and prints as that."""
    x = torch.tensor([1.4549])

    double = x.to("cpu", torch.double)

    assert repr(double) == "tensor([1.4549], dtype=torch.float64)"


def test_to_takes_another_tensor_as_its_model():
    """`x.to(other)` takes both device and dtype from `other`."""
    x = torch.zeros(2)
    other = torch.zeros(3, dtype=torch.int16, device="meta")

    moved = x.to(other)

    assert str(moved.device) == "meta"
    assert moved.dtype == torch.int16
    assert moved.shape == (2,)


def test_gradients_find_their_way_back_through_to(device):
    """`.to` is an operation like any other: the gradient arrives at the tensor it started from."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    (x.to(device, torch.float64) * 3).sum().backward()

    assert x.grad.tolist() == [3.0, 3.0]
    assert x.grad.dtype == torch.float32
    assert str(x.grad.device) == "cpu"


def test_a_moved_tensor_is_no_leaf():
    """What `.to` makes of a tensor that requires grad is a result, and gets no `.grad` itself."""
    x = torch.zeros(2, requires_grad=True)

    moved = x.to("meta")

    assert moved.is_leaf is False
    assert moved.requires_grad is True


def test_a_module_is_moved_by_the_call_alone():
    """`model.to(device)` moves the parameters of `model` itself and returns it."""
    model = nn.Linear(2, 1)

    result = model.to("meta")

    assert result is model
    assert str(model.weight.device) == "meta"
    assert str(model.bias.device) == "meta"


def test_names_have_to_be_bound_to_what_to_returns():
    """Inputs and targets move only where their names are assigned anew."""
    inputs, targets = torch.zeros(4, 3), torch.zeros(4)

    inputs.to("meta")
    targets = targets.to("meta")

    assert str(inputs.device) == "cpu"
    assert str(targets.device) == "meta"


def test_a_tensor_can_be_made_on_its_device_at_once():
    """`device=` saves the detour over the CPU, in `zeros` as in `ones_like`."""
    x = torch.zeros(2)

    made = torch.ones_like(x, device="meta")

    assert str(made.device) == "meta"
    assert made.shape == (2,)
    assert made.dtype == torch.float32


@pytest.mark.claim("self-mixed-devices")
def test_tensors_on_two_devices_are_refused():
    """Adding tensors on two devices is an error; torch moves nothing by itself."""
    x = torch.zeros(2)
    elsewhere = torch.zeros(2, device="meta")

    with pytest.raises(RuntimeError, match=r"not on the expected device|on the same device"):
        x + elsewhere


@pytest.mark.claim("self-mixed-devices")
def test_a_single_number_on_the_cpu_goes_with_any_device():
    """A 0-d CPU tensor counts as a number, so it combines with a tensor on another device."""
    number = torch.tensor(2.0)
    elsewhere = torch.zeros(3, device="meta")

    total = elsewhere + number

    assert str(total.device) == "meta"
    assert total.shape == (3,)


@pytest.mark.claim("self-mixed-devices")
def test_copying_and_indexing_may_cross_devices():
    """`copy_` takes values from any device, and CPU indices may pick from a tensor elsewhere."""
    elsewhere = torch.zeros(3, device="meta")

    copied = elsewhere.copy_(torch.ones(3))
    picked = elsewhere[torch.tensor([0, 2])]

    assert copied is elsewhere
    assert str(picked.device) == "meta"
    assert picked.shape == (2,)


def test_a_single_element_is_not_enough_to_cross():
    """Shape `[1]` is no plain number: a one-element CPU tensor is refused like any other."""
    elsewhere = torch.zeros(3, device="meta")

    with pytest.raises(RuntimeError, match=r"not on the expected device|on the same device"):
        elsewhere + torch.ones(1)


def test_a_meta_tensor_has_a_shape_and_no_numbers():
    """On `meta` shapes and dtypes are computed as ever, and no memory is taken for numbers."""
    x = torch.zeros(10**6, 10**6, device="meta")

    product = x @ x

    assert product.shape == (1000000, 1000000)
    assert product.dtype == torch.float32


def test_nothing_can_be_moved_out_of_meta():
    """There are no numbers to copy, so the way back to the CPU is refused."""
    x = torch.zeros(2, device="meta")

    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data!"):
        x.to("cpu")

    assert torch.zeros(x.shape).tolist() == [0.0, 0.0]
