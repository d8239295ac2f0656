"""Apple's GPU: the device "mps".

On a Mac with Apple silicon PyTorch computes on the GPU as the device "mps" (Metal Performance
Shaders): tensors and modules are moved there with `.to("mps")`, as to "cuda" elsewhere. There is
one such GPU, and it shares its memory with the CPU. The wheels of PyTorch for macOS contain it.

What surprises: Metal has no float64, so arrays of NumPy's default dtype are refused until they are
float32; an operation that is not written for MPS raises NotImplementedError unless the variable
`PYTORCH_ENABLE_MPS_FALLBACK=1` is set *before* torch is imported; and `torch.cuda.is_available()`
is False there, so code that asks only for CUDA runs on the CPU.

Facts that need such a GPU are skipped without one: no machine of this book had one, and they follow
the documentation. `torch.accelerator`, which finds whichever GPU there is, is told in
`spec/devices/test_accelerator_api.py`.
"""

import os

import numpy as np
import pytest
import torch
from torch import nn

mps = pytest.mark.skipif(
    not torch.backends.mps.is_available(), reason="needs Apple's GPU; there is none here"
)
no_mps = pytest.mark.skipif(
    torch.backends.mps.is_available(), reason="shows what a machine without Apple's GPU says"
)


@no_mps
def test_without_apples_gpu_mps_is_not_available():
    """`torch.backends.mps.is_available()` is False without Apple's GPU: `"mps" if
    torch.backends.mps.is_available() else "cpu"` is the usual choice of a device on a Mac.
    """
    device = "mps" if torch.backends.mps.is_available() else "cpu"

    assert torch.backends.mps.is_available() is False
    assert device == "cpu"


@no_mps
def test_a_tensor_for_mps_is_refused_without_it():
    """Where PyTorch has no MPS, `torch.ones(1, device="mps")` raises NotImplementedError, "Could
    not run 'aten::empty.memory_format' with arguments from the 'MPS' backend".

    On a Mac look at `torch.backends.mps.is_built()`, which is False for an x86 Python or wheel, and
    at the version of macOS: a recent one is needed.
    """
    with pytest.raises(
        NotImplementedError, match=r"Could not run 'aten::empty.memory_format' with"
    ):
        torch.ones(1, device="mps")

    assert torch.device("mps").type == "mps"


def test_built_for_mps_is_not_the_same_as_available():
    """`torch.backends.mps.is_built()` says whether this PyTorch contains MPS, as the wheels for
    macOS do; `is_available()` whether the machine and its system can use it, too.
    """
    built, available = torch.backends.mps.is_built(), torch.backends.mps.is_available()

    assert (available and not built) is False


@mps
def test_a_tensor_is_moved_to_mps_and_back():
    """`x.to("mps")` copies a tensor to Apple's GPU, `.cpu()` back; its device prints as "mps:0".

    `numpy()` needs `.cpu()` first, as from every GPU.
    """
    x = torch.tensor([1.0, 2.0]).to("mps")

    assert str(x.device) == "mps:0"
    assert (x + 1).cpu().numpy().tolist() == [2.0, 3.0]


@mps
def test_mps_has_no_float64():
    """`torch.ones(1, dtype=torch.float64).to("mps")` raises TypeError, "Cannot convert a MPS Tensor
    to float64 dtype as the MPS framework doesn't support float64. Please use float32 instead".

    Write `torch.from_numpy(array).float().to("mps")`, or `.to("mps", torch.float32)`.
    """
    x = torch.from_numpy(np.ones(2))

    with pytest.raises(TypeError, match="Cannot convert a MPS Tensor to float64 dtype as the MPS"):
        x.to("mps")

    assert x.to("mps", torch.float32).dtype is torch.float32


@mps
def test_a_module_in_float64_is_refused_by_mps():
    """`net.double().to("mps")` raises TypeError, "Cannot convert a MPS Tensor to float64 dtype":
    use `net.float()` before moving.
    """
    layer = nn.Linear(1, 1).double()

    with pytest.raises(TypeError, match="Cannot convert a MPS Tensor to float64 dtype as the MPS"):
        layer.to("mps")

    assert layer.float().to("mps").weight.device.type == "mps"


@mps
@pytest.mark.skipif(
    os.environ.get("PYTORCH_ENABLE_MPS_FALLBACK") == "1", reason="the fallback is switched on"
)
def test_an_operation_that_mps_lacks_is_refused():
    """An operation without an MPS kernel, here `torch.linalg.eig`, raises NotImplementedError, "The
    operator 'aten::...' is not currently implemented for the MPS device".

    Set `PYTORCH_ENABLE_MPS_FALLBACK=1` in the environment before torch is imported to let the CPU
    compute it, or move the tensor: `torch.linalg.eig(x.cpu())`.
    """
    x = torch.eye(2, device="mps")

    with pytest.raises(
        NotImplementedError, match="is not currently implemented for the MPS device"
    ):
        torch.linalg.eig(x)

    assert torch.linalg.eig(x.cpu()).eigenvalues.real.tolist() == [1.0, 1.0]


@mps
def test_tensors_of_cpu_and_mps_do_not_mix():
    """Adding a tensor on the CPU to one on "mps" raises RuntimeError, "Expected all tensors to be
    on the same device": move one of them. A 0-dimensional CPU tensor is taken.
    """
    x = torch.ones(2, device="mps")

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        x + torch.ones(2)

    assert (x + torch.tensor(1.0)).tolist() == [2.0, 2.0]


@mps
def test_memory_of_mps_is_asked_for_in_torch_mps():
    """`torch.mps.current_allocated_memory()` counts the bytes of tensors on "mps";
    `torch.mps.empty_cache()` gives unused memory back, `torch.mps.synchronize()` waits.

    "MPS backend out of memory" names `PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0`, which switches the
    limit off and may bring the whole system down: a smaller batch is better.
    """
    before = torch.mps.current_allocated_memory()
    x = torch.ones(1 << 20, device="mps")
    torch.mps.synchronize()

    assert torch.mps.current_allocated_memory() - before >= x.nbytes


@mps
def test_a_seed_covers_mps():
    """`torch.manual_seed(0)` also seeds the generator of "mps"; its numbers differ from the
    CPU's.
    """
    torch.manual_seed(0)
    first = torch.rand(3, device="mps")
    torch.manual_seed(0)

    assert torch.equal(torch.rand(3, device="mps"), first) is True
