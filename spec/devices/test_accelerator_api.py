"""The accelerator, whichever it is.

`torch.accelerator`, new in PyTorch 2.6, speaks of the one kind of fast device that a machine has,
be it CUDA, Apple's MPS or Intel's XPU, so that a program need not name it. Its functions do for any
of them what functions of `torch.cuda` do for NVIDIA GPUs alone. A first line of a program, since
PyTorch 2.7:

    device = torch.accelerator.current_accelerator(check_available=True) or "cpu"

Most facts show what a machine without an accelerator answers; a GPU is needed for the last ones.

What surprises: unless told to look, `current_accelerator()` tells what this PyTorch was built for,
not what the machine has.
"""

import pytest
import torch

without_accelerator = pytest.mark.skipif(
    hasattr(torch, "accelerator") and torch.accelerator.is_available(),
    reason="shows what a machine without an accelerator says; this one has one",
)


@pytest.mark.torch(">=2.6")
@without_accelerator
def test_without_an_accelerator_none_is_available():
    """`torch.accelerator.is_available()` is False on a machine with a CPU only, whichever GPU
    this PyTorch was built for."""
    assert torch.accelerator.is_available() is False


@without_accelerator
@pytest.mark.torch(">=2.6,!=2.7.*")
def test_without_an_accelerator_the_devices_number_none():
    """`torch.accelerator.device_count()` is 0 on a machine with a CPU only, in the releases
    since PyTorch 2.6 except 2.7.

    PyTorch 2.7.1, in its build for CUDA, raises RuntimeError there, "Found no NVIDIA driver on
    your system".
    """
    assert torch.accelerator.device_count() == 0


@without_accelerator
@pytest.mark.torch("==2.7.*")
@pytest.mark.skipif(not torch.backends.cuda.is_built(), reason="this torch is built without CUDA")
def test_counting_accelerators_looked_for_a_driver():
    """In PyTorch 2.7 built for CUDA, `torch.accelerator.device_count()` raised RuntimeError,
    "Found no NVIDIA driver on your system", on a machine without NVIDIA's driver.

    Ask `torch.accelerator.is_available()` first where 2.7 has to be supported.
    """
    with pytest.raises(RuntimeError, match="Found no NVIDIA driver on your system"):
        torch.accelerator.device_count()


@without_accelerator
@pytest.mark.torch(">=2.7")
def test_current_accelerator_can_look_at_the_machine():
    """Since PyTorch 2.7 `torch.accelerator.current_accelerator(check_available=True)` is None
    where no accelerator can be used, also in a PyTorch built for CUDA."""
    found = torch.accelerator.current_accelerator(check_available=True)

    assert found is None


@without_accelerator
@pytest.mark.torch(">=2.7")
@pytest.mark.skipif(not torch.backends.cuda.is_built(), reason="this torch is built without CUDA")
def test_current_accelerator_tells_what_torch_was_built_for():
    """Since PyTorch 2.7 `torch.accelerator.current_accelerator()` without `check_available=True`
    is `torch.device("cuda")` in a PyTorch built for CUDA, also on a machine without a GPU.

    On such a machine no tensor can be made on `cuda`: ask with `check_available=True`, which gives
    None there.
    """
    built_for = torch.accelerator.current_accelerator()

    assert str(built_for) == "cuda"
    assert built_for == torch.device("cuda")
    assert torch.accelerator.current_accelerator(check_available=True) is None


@without_accelerator
@pytest.mark.torch("==2.6.*")
def test_current_accelerator_was_an_error_without_one():
    """In PyTorch 2.6 `torch.accelerator.current_accelerator()` raised RuntimeError on a machine
    with a CPU only, "Cannot access accelerator device when none is available."

    Ask `torch.accelerator.is_available()` first where 2.6 has to be supported.
    """
    with pytest.raises(RuntimeError, match="Cannot access accelerator device when none is"):
        torch.accelerator.current_accelerator()


@without_accelerator
@pytest.mark.torch(">=2.7")
def test_a_program_falls_back_to_the_cpu():
    """`torch.accelerator.current_accelerator(check_available=True) or "cpu"` is "cpu" on a
    machine with a CPU only, and can be given as `device=`.

    Because `current_accelerator(check_available=True)` is None there; without `check_available`,
    an argument new in PyTorch 2.7, a PyTorch built for CUDA gives `cuda` even on such a machine.
    """
    device = torch.accelerator.current_accelerator(check_available=True) or "cpu"
    x = torch.zeros(2, device=device)

    assert str(x.device) == "cpu"


@pytest.mark.torch(">=2.4")
def test_a_device_has_a_module_of_its_name():
    """`torch.get_device_module("cuda")` is the module `torch.cuda`, and
    `torch.get_device_module("cpu")` is `torch.cpu`."""
    assert torch.get_device_module("cuda") is torch.cuda
    assert torch.get_device_module("cpu") is torch.cpu


@pytest.mark.torch(">=2.2")
def test_the_cpu_answers_the_same_questions():
    """`torch.cpu.is_available()` is True, `torch.cpu.device_count()` is 1 and
    `torch.cpu.current_device()` is the string "cpu".

    So code that calls these functions of `torch.get_device_module(name)`, of newer releases, runs
    on the CPU too.
    """
    assert torch.cpu.is_available() is True
    assert torch.cpu.device_count() == 1
    assert torch.cpu.current_device() == "cpu"


@pytest.mark.cuda
@pytest.mark.torch(">=2.6")
def test_a_gpu_is_the_accelerator():
    """In a PyTorch built for CUDA, on a machine with one usable NVIDIA GPU,
    `torch.accelerator.current_accelerator()` is `cuda` without an index, and
    `torch.accelerator.current_device_index()` is 0.
    """
    accelerator = torch.accelerator.current_accelerator()

    assert str(accelerator) == "cuda"
    assert accelerator.index is None
    assert torch.accelerator.current_device_index() == 0


@pytest.mark.torch(">=2.6")
@pytest.mark.cuda
def test_the_accelerator_counts_the_gpus():
    """In a PyTorch built for CUDA, where `torch.cuda.is_available()` is True,
    `torch.accelerator.device_count()` equals `torch.cuda.device_count()`."""
    difference = torch.accelerator.device_count() - torch.cuda.device_count()

    assert difference == 0


@pytest.mark.multi_gpu(2)
@pytest.mark.torch(">=2.6")
def test_setting_the_index_changes_the_current_gpu():
    """`torch.accelerator.set_device_index(1)` makes the second GPU the current one, so that
    `device="cuda"` means `cuda:1`, as `torch.cuda.set_device(1)` does."""
    torch.accelerator.set_device_index(1)
    made = torch.zeros(2, device="cuda")
    torch.accelerator.set_device_index(0)

    assert str(made.device) == "cuda:1"
    assert torch.cuda.current_device() == 0
