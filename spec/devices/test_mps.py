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

import pytest
import torch

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
