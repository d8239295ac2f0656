"""MPS: the GPU of a Mac.

On Macs with Apple silicon (M1 and later) PyTorch uses the GPU through Apple's Metal Performance
Shaders: the device is called "mps". It comes with the ordinary build for macOS, nothing else has to
be installed. Write the device once, `torch.device("mps" if torch.backends.mps.is_available() else
"cpu")`, and move model and data there as to any other; since PyTorch 2.6 `torch.accelerator`
finds it too (`spec/devices/test_accelerator_api.py`).

What surprises: there is no float64 on MPS; and most operations that have no kernel there raise
NotImplementedError, unless `PYTORCH_ENABLE_MPS_FALLBACK=1` is set before torch is imported, which
lets the CPU compute them. `torch.cuda.is_available()` is False on a Mac: the builds for macOS have
no CUDA.
"""

import os

import pytest
import torch
import torch.mps
from torch import nn

without_mps = pytest.mark.skipif(
    torch.backends.mps.is_built(), reason="shows what a build without MPS says"
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
    "cpu"` is "cuda" where `torch.cuda` can be used, "mps" where only the GPU of a Mac can be used,
    and otherwise "cpu".

    `torch.cuda` also stands for AMD GPUs under a ROCm build: the device is called "cuda" there
    too.
    """
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
    """`torch.backends.mps.is_built()` tells whether this build of PyTorch has MPS,
    `torch.backends.mps.is_available()` whether this machine can use it as well; both return
    True or False on every machine.

    Built but not available means that macOS is too old or the machine has no GPU that MPS
    supports.
    """
    built, available = torch.backends.mps.is_built(), torch.backends.mps.is_available()

    assert type(built) is type(available) is bool
    assert (built or not available) is True


@without_mps
def test_without_mps_a_tensor_there_is_refused():
    """In a build of PyTorch without MPS `torch.ones(1, device="mps")` raises RuntimeError or
    its subclass NotImplementedError; `torch.device("mps")` alone raises nothing.

    PyTorch does not make the tensor on the CPU instead: ask `torch.backends.mps.is_available()`
    and choose the device by the answer.
    """
    device = torch.device("mps")

    with pytest.raises(
        RuntimeError, match=r"from the 'MPS' backend|not linked with support for mps"
    ):
        torch.ones(1, device=device)

    assert str(device) == "mps"


def test_there_is_no_float64_on_mps(mps):
    """Where MPS is available `x.to("mps")` of a float64 tensor raises TypeError, "Cannot
    convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. Please
    use float32 instead."

    NumPy makes float64 arrays of Python floats unless told otherwise: write
    `torch.from_numpy(array).float().to("mps")`.
    """
    x = torch.ones(2, dtype=torch.float64)

    with pytest.raises(TypeError, match="Cannot convert a MPS Tensor to float64 dtype as the MPS"):
        x.to(mps)

    assert x.float().to(mps).dtype == torch.float32


def test_mps_computes_what_the_cpu_computes(mps):
    """Where MPS is available `x.to("mps") @ x.to("mps")` of the float32 matrix `[[1, 2], [3, 4]]`
    is `[[7, 10], [15, 22]]`, as on the CPU, and its device is `mps:0`.

    Because sums are added up in another order on a GPU, larger products equal those of the CPU
    up to rounding only.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])

    product = x.to(mps) @ x.to(mps)

    assert product.device == torch.device("mps:0")
    assert product.cpu().tolist() == [[7.0, 10.0], [15.0, 22.0]]


def test_a_module_in_float64_is_refused_by_mps(mps):
    """Where MPS is available `nn.Linear(1, 1).double().to("mps")` raises TypeError, "Cannot
    convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64.":
    call `.float()` before moving."""
    layer = nn.Linear(1, 1).double()

    with pytest.raises(TypeError, match="Cannot convert a MPS Tensor to float64 dtype as the MPS"):
        layer.to("mps")

    assert layer.float().to("mps").weight.device.type == "mps"


@pytest.mark.skipif(
    os.environ.get("PYTORCH_ENABLE_MPS_FALLBACK") == "1", reason="the fallback is switched on"
)
def test_an_operation_that_mps_lacks_is_refused(mps):
    """`torch.linalg.eig(x)` of a float32 tensor `x` of shape (2, 2) on "mps" raises
    NotImplementedError, "is not currently implemented for the MPS device", unless
    `PYTORCH_ENABLE_MPS_FALLBACK=1` is in the environment.

    Because the operation has no MPS kernel. Set the variable before torch is imported to
    let the CPU compute such operations, or move the tensor: `torch.linalg.eig(x.cpu())`.
    """
    x = torch.eye(2, device=mps)

    with pytest.raises(
        NotImplementedError, match="is not currently implemented for the MPS device"
    ):
        torch.linalg.eig(x)

    assert torch.linalg.eig(x.cpu()).eigenvalues.real.tolist() == [1.0, 1.0]


def test_tensors_of_cpu_and_mps_do_not_mix(mps):
    """With a float32 `x` of shape (2,) on "mps" and `y = torch.ones(2)` on the CPU, `x + y` raises
    RuntimeError, "Expected all tensors to be on the same device", whereas the 0-d CPU tensor
    `torch.tensor(1.0)` may be added to `x`.

    Write `x + y.to(x.device)`.
    """
    x = torch.ones(2, device=mps)

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        x + torch.ones(2)

    assert (x + torch.tensor(1.0)).tolist() == [2.0, 2.0]


def test_memory_of_mps_is_asked_for_in_torch_mps(mps):
    """On a machine with MPS `torch.mps.current_allocated_memory()` is the number of bytes
    that tensors on "mps" take: `x = torch.ones(1 << 20, device="mps")` adds at least 4 MiB.
    PyTorch 2.0 needs `import torch.mps` first.

    `torch.mps.empty_cache()` gives unused memory back. "MPS backend out of memory" proposes
    `PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0`, which switches the limit off and may bring the whole
    system down: a smaller batch is better.
    """
    before = torch.mps.current_allocated_memory()
    x = torch.ones(1 << 20, device=mps)
    torch.mps.synchronize()

    assert torch.mps.current_allocated_memory() - before >= x.numel() * 4


def test_a_seed_covers_mps(mps):
    """Where MPS is available `torch.manual_seed(0)` also seeds the generator of "mps":
    `torch.rand(3, device="mps")` gives the same values after the same seed."""
    torch.manual_seed(0)
    first = torch.rand(3, device=mps)
    torch.manual_seed(0)

    assert torch.equal(torch.rand(3, device=mps), first) is True
