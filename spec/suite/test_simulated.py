"""A simulated accelerator.

Two devices, `sim:0` and `sim:1`, for which a machine needs no accelerator, only a recent PyTorch:
`fixtures/simulated.py` writes them in Python, and `pytest --device sim` brings them in. Moving,
mixing and naming can be seen on them as on two GPUs. The surprise is how much of PyTorch follows by
itself: given a name and a way to run each operation, printing, autograd, modules and checkpoints
all know the new device.
"""

import copy
import io

import numpy as np
import pytest
import torch
from torch import nn

from fixtures import simulated

pytestmark = [
    pytest.mark.torch(">=2.10"),
    pytest.mark.skipif(
        not simulated.is_possible(),
        reason="this release of torch lets no device be written in Python",
    ),
    pytest.mark.skipif(
        not simulated.is_here(),
        reason="the simulated accelerator is there with `pytest --device sim` only",
    ),
]


def test_a_tensor_is_made_on_the_device_that_is_named():
    """Under this suite's `pytest --device sim`, `torch.zeros(2, device="sim:1")` is a
    tensor on `sim:1`; `torch.zeros(2, device="sim")` is on `sim:0` as long as
    `torch.sim.current_device()` is 0.
    """
    current = torch.zeros(2, device="sim")
    second = torch.zeros(2, device="sim:1")

    assert str(current.device) == "sim:0"
    assert str(second.device) == "sim:1"
    assert type(second) is torch.Tensor


def test_the_device_prints_with_its_number():
    """In a test under this suite's `pytest --device sim`, with PyTorch 2.10 or newer,
    `repr(torch.tensor([1.0, 2.0], device="sim:1"))` is `tensor([1., 2.], device='sim:1')`.
    """
    x = torch.tensor([1.0, 2.0], device="sim:1")

    assert repr(x) == "tensor([1., 2.], device='sim:1')"


def test_a_device_that_is_not_there_is_refused():
    """Under this suite's `pytest --device sim`, `torch.device("sim:2")` can be made,
    but `torch.zeros(2, device="sim:2")` raises RuntimeError, as
    `torch.sim.device_count()` is 2.
    """
    third = torch.device("sim:2")

    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.zeros(2, device=third)

    assert third.index == 2
    assert torch.sim.device_count() == 2


def test_moving_there_and_back_copies():
    """Under this suite's `pytest --device sim`, `there = x.to("sim")` of a float32 CPU tensor `x`
    and `back = there.cpu()` are copies: `there.add_(1)` does not change `x`, and `back.mul_(10)`
    does not change `there`.
    """
    x = torch.tensor([1.0, 2.0])

    there = x.to("sim")
    there.add_(1)
    back = there.cpu()
    back.mul_(10)

    assert x.tolist() == [1.0, 2.0]
    assert there.tolist() == [2.0, 3.0]
    assert back.tolist() == [20.0, 30.0]


@pytest.mark.parametrize("name", ["sim", "sim:0"])
def test_moving_to_where_it_already_is_gives_the_tensor_itself(name):
    """In a test under this suite's `pytest --device sim`, with PyTorch 2.10 or newer,
    `x.to("sim")` and `x.to("sim:0")` of `x = torch.zeros(2, device="sim:0")` return `x` itself.
    """
    x = torch.zeros(2, device="sim:0")

    assert x.to(name) is x


def test_two_accelerators_are_two_devices():
    """Under this suite's `pytest --device sim`, `moved = x.to("sim:1")` of a float32 tensor `x` on
    `sim:0` is on `sim:1` and has its own memory: `moved.add_(1)` does not change `x`.
    """
    x = torch.zeros(2, device="sim:0")

    moved = x.to("sim:1")
    moved.add_(1)

    assert str(moved.device) == "sim:1"
    assert moved.tolist() == [1.0, 1.0]
    assert x.tolist() == [0.0, 0.0]


def test_a_method_named_after_the_device_moves_there():
    """Under this suite's `pytest --device sim`, with `x = torch.zeros(2)` on the CPU,
    `moved = x.sim(1)` is on `sim:1`; `moved.is_sim` is True and `x.is_sim` is False.
    """
    x = torch.zeros(2)

    moved = x.sim(1)

    assert str(moved.device) == "sim:1"
    assert moved.is_sim is True
    assert x.is_sim is False


@pytest.mark.parametrize(
    ("first", "second", "named"),
    [("sim:0", "cpu", "sim:0 and cpu"), ("sim:0", "sim:1", "sim:0 and sim:1")],
)
def test_tensors_on_two_devices_are_refused_by_name(first, second, named):
    """Under this suite's `pytest --device sim`, `x + y` of two tensors of shape (2,),
    `x` on `sim:0` and `y` on `cpu` or on `sim:1`, raises a RuntimeError that names both
    devices.
    """
    x = torch.ones(2, device=first)
    y = torch.ones(2, device=second)

    with pytest.raises(RuntimeError, match=f"found at least two devices, {named}!"):
        x + y

    assert (x + y.to(first)).tolist() == [2.0, 2.0]


def test_a_single_number_on_the_cpu_goes_with_any_device():
    """Under this suite's `pytest --device sim`, `x + torch.tensor(2.0)` with `x` on `sim:1`
    is a tensor on `sim:1`, although the 0-d tensor is on the CPU.
    """
    x = torch.ones(2, device="sim:1")

    total = x + torch.tensor(2.0)

    assert str(total.device) == "sim:1"
    assert total.tolist() == [3.0, 3.0]


def test_indices_may_stay_on_the_cpu():
    """Under this suite's `pytest --device sim`, with `x = torch.tensor([1.0, 2.0, 3.0])`
    and `index = torch.tensor([2, 0])`, `x.to("sim")[index]` has the values 3.0 and 1.0, and
    `x[index.to("sim")]` raises RuntimeError.
    """
    x = torch.tensor([1.0, 2.0, 3.0])
    index = torch.tensor([2, 0])

    with pytest.raises(RuntimeError, match="indices should be either on cpu or on the same device"):
        x[index.to("sim")]

    assert x.to("sim")[index].tolist() == [3.0, 1.0]


def test_a_view_shares_its_memory_on_the_accelerator():
    """Under this suite's `pytest --device sim`, `x.view(2, 2)[1].fill_(5)` of
    `x = torch.zeros(4, device="sim:1")` sets the last two elements of `x` to 5, and `x[2:]` uses
    the memory of `x`.
    """
    x = torch.zeros(4, device="sim:1")

    x.view(2, 2)[1].fill_(5)

    assert x.tolist() == [0.0, 0.0, 5.0, 5.0]
    assert x[2:].data_ptr() - x.data_ptr() == 8


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.numpy(),
        lambda x: np.asarray(x),
    ],
)
def test_numpy_does_not_follow(convert):
    """Under this suite's `pytest --device sim`, `x.numpy()` and `np.asarray(x)` of
    `x = torch.tensor([1.0, 2.0], device="sim")` raise TypeError; `x.cpu().numpy()` and
    `np.asarray(x.cpu())` work.
    """
    x = torch.tensor([1.0, 2.0], device="sim")

    with pytest.raises(TypeError, match="can't convert sim:0 device type tensor to numpy"):
        convert(x)

    assert convert(x.cpu()).tolist() == [1.0, 2.0]


def test_gradients_are_where_their_tensors_are():
    """Under this suite's `pytest --device sim`, `(x.to("sim") * w).sum().backward()` of two float
    leaves of size 2 that require grad, `x` on the CPU and `w` on `sim:0`, puts `x.grad` on the CPU
    and `w.grad` on `sim:0`.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    w = torch.tensor([3.0, 4.0], device="sim", requires_grad=True)

    (x.to("sim") * w).sum().backward()

    assert str(x.grad.device) == "cpu"
    assert x.grad.tolist() == [3.0, 4.0]
    assert str(w.grad.device) == "sim:0"
    assert w.grad.tolist() == [1.0, 2.0]


def test_a_module_moves_as_a_whole():
    """Under this suite's `pytest --device sim`, `model.to("sim:1")` of `model = nn.BatchNorm1d(2)`
    returns `model` itself, and all its parameters and buffers are on `sim:1` afterwards.
    """
    model = nn.BatchNorm1d(2)

    result = model.to("sim:1")

    assert result is model
    assert {str(x.device) for x in model.state_dict().values()} == {"sim:1"}


def test_a_model_and_its_input_have_to_meet():
    """Under this suite's `pytest --device sim`, `model = nn.Linear(2, 1).to("sim")`
    raises RuntimeError for the input `torch.ones(3, 2)` on the CPU, and takes
    `torch.ones(3, 2).to("sim")`.
    """
    model = nn.Linear(2, 1).to("sim")
    x = torch.ones(3, 2)

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        model(x)

    assert model(x.to("sim")).shape == (3, 1)


def test_unlike_on_a_gpu_moving_makes_new_parameters():
    """Under this suite's `pytest --device sim`, with no setting of `torch.__future__`,
    `model.to("sim")` of an `nn.Linear` on the CPU makes `model.weight` another `nn.Parameter`; the
    `nn.Parameter` from before stays on the CPU.
    """
    model = nn.Linear(2, 1)
    before = model.weight

    model.to("sim")

    assert (model.weight is before) is False
    assert str(before.device) == "cpu"
    assert type(model.weight) is nn.Parameter


def test_a_default_device_makes_all_new_tensors_there():
    """Under this suite's `pytest --device sim`, `torch.zeros(2)` and `nn.Linear(2, 1)`
    inside `with torch.device("sim:1"):` are made on `sim:1`.
    """
    with torch.device("sim:1"):
        x = torch.zeros(2)
        layer = nn.Linear(2, 1)

    assert str(x.device) == "sim:1"
    assert str(layer.weight.device) == "sim:1"


def test_a_checkpoint_is_read_without_the_device():
    """Under this suite's `pytest --device sim`, `torch.load(file, map_location="cpu")` puts
    a tensor that was saved from `sim:1` on the CPU.
    """
    file = io.BytesIO()
    torch.save(torch.tensor([1.0, 2.0], device="sim:1"), file)
    file.seek(0)

    x = torch.load(file, map_location="cpu")

    assert repr(x) == "tensor([1., 2.])"


def test_a_file_is_loaded_onto_the_device_that_it_names():
    """Under this suite's `pytest --device sim`, `torch.load(file, weights_only=True)`
    without `map_location` puts `x = torch.tensor([1.0, 2.0], device="sim:1")`, saved to
    `file`, on `sim:1`, in other memory than that of `x`.
    """
    file, x = io.BytesIO(), torch.tensor([1.0, 2.0], device="sim:1")
    torch.save(x, file)
    file.seek(0)

    loaded = torch.load(file, weights_only=True)
    x.zero_()

    assert str(loaded.device) == "sim:1"
    assert loaded.tolist() == [1.0, 2.0]


def test_a_deep_copy_stays_on_its_device():
    """Under this suite's `pytest --device sim`, `copy.deepcopy(x)` of
    `x = torch.tensor([1.0, 2.0], device="sim:1")` is on `sim:1`, and keeps its values after
    `x.zero_()`.
    """
    x = torch.tensor([1.0, 2.0], device="sim:1")

    copied = copy.deepcopy(x)
    x.zero_()

    assert str(copied.device) == "sim:1"
    assert copied.tolist() == [1.0, 2.0]


def test_it_is_the_accelerator_of_the_machine():
    """Under this suite's `pytest --device sim`,
    `torch.accelerator.current_accelerator(check_available=True)` is
    `torch.device("sim")` on a machine without a GPU.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    x = torch.zeros(2, device=accelerator)

    assert accelerator.type == "sim"
    assert str(x.device) == "sim:0"
