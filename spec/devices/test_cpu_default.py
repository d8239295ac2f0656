"""Where a tensor lives.

Every tensor is in the memory of one device: `cpu` is the host's memory, `cuda:0` that of the first
NVIDIA GPU. A new tensor is on the CPU unless a device is named, by the argument `device=` or as the
default device. The attribute `device` tells which, and what operations such as `x + 1` compute from
a tensor stays there.

The device `meta`, which keeps shapes and no values, stands on this page for a device other than the
CPU, since every machine has it. How tensors get from one device to another is told in
`spec/devices/test_moving.py`; what happens where there is no GPU, in
`spec/devices/test_without_cuda.py`.

What surprises: `torch.zeros(2)` doesn't go to a GPU that is there until its device is named, and
the default device says only where new tensors are made: results follow their operands.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn


@pytest.mark.claim("self-default-device-cpu")
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.tensor([1.0]),
        lambda: torch.zeros(2),
        lambda: torch.rand(2),
        lambda: torch.from_numpy(np.ones(2)),
        lambda: nn.Linear(2, 1).weight,
    ],
)
def test_a_new_tensor_lives_on_the_cpu(make):
    """Where no device is named and no default device is set, `torch.tensor([1.0])`,
    `torch.zeros(2)`, `torch.rand(2)` and `nn.Linear(2, 1)` make their tensors on the CPU;
    `torch.from_numpy` makes its tensor there in any case.

    That holds on a machine with a GPU too: name the device, or the GPU stays idle.
    """
    assert str(make().device) == "cpu"


@pytest.mark.claim("self-device-attribute")
def test_the_device_attribute_tells_where_a_tensor_is():
    """For a CPU tensor `x`, `x.device` equals `torch.device("cpu")`, `x.is_cpu` is True and
    `x.is_cuda` is False."""
    x = torch.zeros(2)

    assert x.device == torch.device("cpu")
    assert x.is_cpu is True
    assert x.is_cuda is False


@pytest.mark.cuda
@pytest.mark.claim("self-device-attribute")
def test_the_device_attribute_tells_a_gpu_with_its_number():
    """The `device` of `torch.zeros(2, device="cuda")` has an index: it is `cuda:0`, unless
    another GPU was made the current one."""
    x = torch.zeros(2, device="cuda")

    assert str(x.device) == "cuda:0"
    assert x.is_cuda is True
    assert x.is_cpu is False


@pytest.mark.claim("blitz-cpu-repr-no-device")
def test_a_cpu_tensor_prints_without_a_device():
    """`torch.zeros(2)` on the CPU prints as `tensor([0., 0.])`, without a device; the text of
    `torch.zeros(2, device="meta")` has `device='meta'` in it."""
    on_cpu = torch.zeros(2)
    elsewhere = torch.zeros(2, device="meta")

    assert repr(on_cpu) == "tensor([0., 0.])"
    assert repr(elsewhere) == "tensor(..., device='meta', size=(2,))"


@pytest.mark.parametrize(
    "make",
    [
        lambda x: torch.zeros(2, device="meta"),
        lambda x: torch.ones_like(x, device="meta"),
        lambda x: x.new_zeros(2, device="meta"),
    ],
)
def test_a_tensor_can_be_made_on_its_device_at_once(make):
    """`torch.zeros(2, device=...)`, `torch.ones_like(x, device=...)` and
    `x.new_zeros(2, device=...)` make the tensor on the device that is named.

    That saves the detour `torch.zeros(2).to(device)`, which fills CPU memory first and then
    copies.
    """
    x = torch.zeros(2)

    made = make(x)

    assert str(made.device) == "meta"
    assert made.shape == (2,)
    assert made.dtype == torch.float32


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x + 1,
        lambda x: x.sum(),
        lambda x: x[:1],
        lambda x: x.clone(),
        lambda x: torch.ones_like(x),
        lambda x: x.new_tensor([1.0]),
    ],
)
def test_what_comes_of_a_tensor_stays_on_its_device(compute):
    """For a 1-D float32 tensor `x`, `x + 1`, `x.sum()`, the view `x[:1]`, `x.clone()`, and,
    without `device=`, `torch.ones_like(x)` and `x.new_tensor([1.0])` are on the device of `x`.
    """
    x = torch.zeros(2, device="meta")

    assert str(compute(x).device) == "meta"


@pytest.mark.claim("blitz-tensor-only-difference-gpu")
def test_a_tensor_differs_from_an_array_on_the_cpu_already():
    """A CPU tensor has autograd: with `x = torch.tensor([3.0], requires_grad=True)`,
    `(x * x).backward()` fills `x.grad`, while a NumPy array has no `backward`.

    So running on a GPU is not the only thing that sets a tensor apart from an array.
    """
    x = torch.tensor([3.0], requires_grad=True)
    array = np.array([3.0])

    (x * x).backward()

    assert x.grad.tolist() == [6.0]
    with pytest.raises(AttributeError, match="object has no attribute 'backward'"):
        (array * array).backward()


@pytest.mark.torch(">=2.0")
def test_a_device_in_a_with_statement_is_the_default_inside():
    """In `with torch.device("meta"): a = torch.zeros(2)` the tensor `a` is made on `meta`;
    `b = torch.zeros(2)` after the block is made on the CPU again, the default device before it.

    Until its end the block sets the device of factories such as `torch.zeros` that are given no
    `device`.
    """
    with torch.device("meta"):
        inside = torch.zeros(2)
    outside = torch.zeros(2)

    assert str(inside.device) == "meta"
    assert str(outside.device) == "cpu"


@pytest.mark.torch(">=2.0")
def test_a_default_device_gives_way_to_a_device_that_is_named():
    """`torch.zeros(2, device="cpu")` is on the CPU inside `with torch.device("meta"):` too: the
    argument `device=` takes precedence over the default device."""
    with torch.device("meta"):
        named = torch.zeros(2, device="cpu")
        unnamed = torch.zeros(2)

    assert str(named.device) == "cpu"
    assert str(unnamed.device) == "meta"


@pytest.mark.torch(">=2.0")
@pytest.mark.parametrize(
    "make",
    [
        lambda x: torch.from_numpy(np.zeros(2)),
        lambda x: torch.ones_like(x),
        lambda x: x + 1,
        lambda x: torch.FloatTensor([1.0]),
    ],
)
def test_a_default_device_does_not_reach_everything(make):
    """Inside `with torch.device("meta"):`, `torch.from_numpy(array)` and
    `torch.FloatTensor([1.0])` are on the CPU, and so are `torch.ones_like(x)` and `x + 1` of a CPU
    tensor `x`.

    Because an array shares its memory, a result follows its operands, and `FloatTensor` is the
    name of a CPU type.
    """
    x = torch.zeros(2)

    with torch.device("meta"):
        made = make(x)

    assert str(made.device) == "cpu"


@pytest.mark.torch(">=2.0")
def test_as_tensor_moves_to_the_default_device():
    """Inside `with torch.device("meta"):` `torch.as_tensor(x)` of a CPU tensor `x` and
    `torch.as_tensor(np.zeros(2))` make tensors on `meta`; `torch.as_tensor(x, device="cpu")`
    returns `x` itself.

    So where another default device than the CPU is set, `torch.as_tensor(array)` doesn't share
    the memory of the array: write `torch.as_tensor(array, device="cpu")`.
    """
    x, array = torch.zeros(2), np.zeros(2)

    with torch.device("meta"):
        of_a_tensor, of_an_array = torch.as_tensor(x), torch.as_tensor(array)
        on_the_cpu = torch.as_tensor(x, device="cpu")

    assert (on_the_cpu is x) is True
    assert str(of_a_tensor.device) == "meta"
    assert str(of_an_array.device) == "meta"


@pytest.mark.torch(">=2.0")
def test_set_default_device_holds_until_it_is_set_again():
    """Outside of `with torch.device(...)`, after the call `torch.set_default_device("meta")`,
    `torch.zeros(2)` is made on `meta` in the same thread; after a further
    `torch.set_default_device(None)` it is made on the CPU again.

    For a few lines write `with torch.device("meta"):`, which ends by itself.
    """
    torch.set_default_device("meta")
    changed = torch.zeros(2)
    torch.set_default_device(None)
    restored = torch.zeros(2)

    assert str(changed.device) == "meta"
    assert str(restored.device) == "cpu"


@pytest.mark.torch(">=2.0")
def test_a_default_device_holds_for_layers_and_not_for_what_has_a_device():
    """After `torch.set_default_device("meta")`, `torch.tensor([1.0])`, `torch.zeros(2)`,
    `torch.rand(2)` and `nn.Linear(2, 1).weight` are on `meta`; `torch.from_numpy(array)`, and
    `x.clone()` and `x + 1` for a CPU tensor `x`, are on the CPU.

    In the same way `torch.set_default_device("cuda")` puts those four on the GPU; tensors made
    before still have to be moved by `to`.
    """
    x = torch.ones(2)
    torch.set_default_device("meta")
    new = [torch.tensor([1.0]), torch.zeros(2), torch.rand(2), nn.Linear(2, 1).weight]
    old = [torch.from_numpy(np.ones(2)), x.clone(), x + 1]
    torch.set_default_device(None)

    assert [str(each.device) for each in new] == ["meta"] * 4
    assert [str(each.device) for each in old] == ["cpu"] * 3


@pytest.mark.torch(">=2.0")
def test_a_default_device_holds_in_its_own_thread():
    """`torch.zeros(2)` in a thread started inside `with torch.device("meta"):` is on the CPU: a
    default device holds only in the thread that set it.

    Name the device in the function that the thread runs.
    """
    with torch.device("meta"), ThreadPoolExecutor(1) as threads:
        here = torch.zeros(2)
        there = threads.submit(torch.zeros, 2).result()

    assert str(here.device) == "meta"
    assert str(there.device) == "cpu"


@pytest.mark.torch(">=2.3,<2.10")
def test_the_default_could_not_be_told_after_it_was_given_back():
    """From PyTorch 2.3 to 2.9 `torch.get_default_device()` directly after
    `torch.set_default_device(None)`, in the same thread and outside `with torch.device(...)`,
    raised AttributeError: "'NoneType' object has no attribute 'device'".

    Call `torch.set_default_device("cpu")` there instead of `torch.set_default_device(None)`.
    """
    torch.set_default_device(None)

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'device'"):
        torch.get_default_device()


@pytest.mark.torch(">=2.10")
def test_get_default_device_tells_the_default():
    """Since PyTorch 2.10 `torch.get_default_device()` returns `cpu` right after
    `torch.set_default_device(None)`, and `meta` inside a block `with torch.device("meta"):` after
    that call.
    """
    torch.set_default_device(None)
    outside = torch.get_default_device()
    with torch.device("meta"):
        inside = torch.get_default_device()

    assert str(outside) == "cpu"
    assert str(inside) == "meta"


def test_the_number_of_cpu_threads_can_be_set():
    """After `torch.set_num_threads(1)`, `torch.get_num_threads()` returns 1 in the same Python
    thread: operations started there use one CPU thread. `torch.set_num_threads(0)` raises
    RuntimeError, "set_num_threads expects a positive integer".

    By default it is about the number of cores; `OMP_NUM_THREADS=1` in the environment of a new
    process makes it 1, where `MKL_NUM_THREADS` is not set. Several processes on one machine
    compete unless each has fewer.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    inside = torch.get_num_threads()
    torch.set_num_threads(before)

    assert inside == 1
    with pytest.raises(RuntimeError, match="set_num_threads expects a positive integer"):
        torch.set_num_threads(0)
