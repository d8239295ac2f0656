"""MPS: the GPU of a Mac.

On Macs with Apple silicon (M1 and later) PyTorch uses the GPU through Apple's Metal Performance
Shaders: the device is called "mps". It comes with the ordinary build for macOS, nothing else has to
be installed. Write the device once, `torch.device("mps" if torch.backends.mps.is_available() else
"cpu")`, and move model and data there as to any other; `torch.accelerator` finds it too
(`spec/devices/test_accelerator_api.py`).

What surprises: there is no float64 on MPS; and an operation that has no kernel there raises
NotImplementedError, unless `PYTORCH_ENABLE_MPS_FALLBACK=1` is set before torch is imported, which
lets the CPU compute it. `torch.cuda.is_available()` is False on every Mac of today.
"""

import os

import pytest
import torch
from torch import nn

without_mps = pytest.mark.skipif(
    torch.backends.mps.is_available(), reason="shows what a machine without MPS says"
)


@pytest.fixture
def mps():
    """The GPU of a Mac."""
    if not torch.backends.mps.is_available():
        pytest.skip("needs a Mac with Apple silicon")
    return torch.device("mps")


@pytest.mark.spare("False", reason="with CUDA nobody asks for MPS")
@pytest.mark.parametrize(
    ("cuda", "mps", "chosen"),
    [(False, True, "mps"), (False, False, "cpu"), (True, False, "cuda")],
)
def test_a_program_takes_the_gpu_that_is_there(cuda, mps, chosen, monkeypatch):
    """`"cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else
    "cpu"` chooses an NVIDIA GPU, the GPU of a Mac, or the CPU."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    device = torch.device(
        "cuda"
        if torch.cuda.is_available()
        else "mps"
        if torch.backends.mps.is_available()
        else "cpu"
    )

    assert device.type == chosen


def test_available_needs_built():
    """`torch.backends.mps.is_built()` tells whether the build knows MPS, as those for macOS do;
    `is_available()` whether this machine has it too. Neither is an error elsewhere.

    Built but not available means: an Intel Mac or a macOS that is too old.
    """
    built, available = torch.backends.mps.is_built(), torch.backends.mps.is_available()

    assert type(built) is type(available) is bool
    assert (built or not available) is True


@without_mps
def test_without_mps_a_tensor_there_is_refused():
    """Where MPS isn't available, `torch.ones(1, device="mps")` raises RuntimeError or its subclass
    NotImplementedError, "Could not run 'aten::empty.memory_format' with arguments from the 'MPS'
    backend."

    Nothing falls back to the CPU: choose the device as above. `torch.device("mps")` alone is no
    error.
    """
    device = torch.device("mps")

    with pytest.raises(
        RuntimeError, match=r"from the 'MPS' backend|not linked with support for mps"
    ):
        torch.ones(1, device=device)

    assert str(device) == "mps"


def test_there_is_no_float64_on_mps(mps):
    """On MPS float64 raises TypeError, "Cannot convert a MPS Tensor to float64 dtype as the MPS
    framework doesn't support float64. Please use float32 instead."

    Arrays of NumPy are float64: write `torch.from_numpy(array).float().to("mps")`.
    """
    x = torch.ones(2, dtype=torch.float64)

    with pytest.raises(TypeError, match="Cannot convert a MPS Tensor to float64 dtype as the MPS"):
        x.to(mps)

    assert x.float().to(mps).dtype == torch.float32


def test_mps_computes_what_the_cpu_computes(mps):
    """A product of matrices on "mps" has the device `mps:0` and is that of the CPU up to
    rounding."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])

    product = x.to(mps) @ x.to(mps)

    assert product.device == torch.device("mps:0")
    assert product.cpu().tolist() == [[7.0, 10.0], [15.0, 22.0]]


def test_a_module_in_float64_is_refused_by_mps(mps):
    """`net.double().to("mps")` raises TypeError, "Cannot convert a MPS Tensor to float64 dtype":
    use `net.float()` before moving.
    """
    layer = nn.Linear(1, 1).double()

    with pytest.raises(TypeError, match="Cannot convert a MPS Tensor to float64 dtype as the MPS"):
        layer.to("mps")

    assert layer.float().to("mps").weight.device.type == "mps"


@pytest.mark.skipif(
    os.environ.get("PYTORCH_ENABLE_MPS_FALLBACK") == "1", reason="the fallback is switched on"
)
def test_an_operation_that_mps_lacks_is_refused(mps):
    """An operation without an MPS kernel, here `torch.linalg.eig`, raises NotImplementedError, "The
    operator 'aten::...' is not currently implemented for the MPS device".

    Set `PYTORCH_ENABLE_MPS_FALLBACK=1` in the environment before torch is imported to let the CPU
    compute it, or move the tensor: `torch.linalg.eig(x.cpu())`.
    """
    x = torch.eye(2, device=mps)

    with pytest.raises(
        NotImplementedError, match="is not currently implemented for the MPS device"
    ):
        torch.linalg.eig(x)

    assert torch.linalg.eig(x.cpu()).eigenvalues.real.tolist() == [1.0, 1.0]


def test_tensors_of_cpu_and_mps_do_not_mix(mps):
    """Adding a tensor on the CPU to one on "mps" raises RuntimeError, "Expected all tensors to be
    on the same device": move one of them. A 0-dimensional CPU tensor is taken.
    """
    x = torch.ones(2, device=mps)

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        x + torch.ones(2)

    assert (x + torch.tensor(1.0)).tolist() == [2.0, 2.0]


def test_memory_of_mps_is_asked_for_in_torch_mps(mps):
    """`torch.mps.current_allocated_memory()` counts the bytes of tensors on "mps";
    `torch.mps.empty_cache()` gives unused memory back, `torch.mps.synchronize()` waits.

    "MPS backend out of memory" names `PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0`, which switches the
    limit off and may bring the whole system down: a smaller batch is better.
    """
    before = torch.mps.current_allocated_memory()
    x = torch.ones(1 << 20, device=mps)
    torch.mps.synchronize()

    assert torch.mps.current_allocated_memory() - before >= x.nbytes


def test_a_seed_covers_mps(mps):
    """`torch.manual_seed(0)` also seeds the generator of "mps"; its numbers differ from the
    CPU's.
    """
    torch.manual_seed(0)
    first = torch.rand(3, device=mps)
    torch.manual_seed(0)

    assert torch.equal(torch.rand(3, device=mps), first) is True
