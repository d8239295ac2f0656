"""Complex numbers.

A complex tensor holds pairs of a real and an imaginary part: complex64 of two float32, complex128
of two float64. `torch.complex(real, imag)` makes one of two float tensors, `1j` in an expression
makes one too; `x.real` and `x.imag` are views of its parts, `x.abs()` and `x.angle()` the length
and the angle of its numbers.

What surprises: complex numbers have no order, so `max`, `sort`, `>` and `relu` are refused;
converting one to float drops the imaginary part with a warning
(`spec/tensors/test_conversion.py`); `conj()` is lazy and has to be resolved for NumPy
(`spec/tensors/test_numpy_refusals.py`); and `nn.Linear` takes complex input only if its weights are
complex. Gradients are told in `spec/autograd/test_complex_gradients.py`, Fourier transforms in
`spec/tensors/test_fourier.py`.
"""

import math

import pytest
import torch
from torch import nn


def test_a_complex_tensor_is_made_of_two_real_ones(device):
    """`torch.complex(real, imag)` of the float32 tensors [3, 0] and [4, 1] is the complex64
    tensor [3 + 4j, 1j], and so is `real + 1j * imag`; if `imag` is infinite, the two differ.

    Because `1j * imag` multiplies, and 0 times infinity is NaN: write `torch.complex`.
    """
    real, imag = torch.tensor([3.0, 0.0], device=device), torch.tensor([4.0, 1.0], device=device)

    x = torch.complex(real, imag)

    assert x.dtype is torch.complex64
    assert x.tolist() == [3 + 4j, 1j]
    assert (real + 1j * imag).tolist() == [3 + 4j, 1j]
    imag[1] = float("inf")
    product = 1j * imag
    assert product.real.isnan().tolist() == [False, True]
    assert (real + product).real.isnan().tolist() == [False, True]
    assert torch.complex(real, imag).real.tolist() == [3.0, 0.0]
    assert torch.complex(imag, imag).real.tolist() == [4.0, float("inf")]


def test_complex_wants_two_floats_of_one_dtype():
    """On the CPU `torch.complex(real, imag)` raises RuntimeError for int64 parts, "Expected
    both inputs to be Half, Float or Double tensors", and for one float32 and one float64 part.

    Convert both parts first, as in `torch.complex(real.float(), imag.float())`.
    """
    one = torch.tensor([1])

    with pytest.raises(
        RuntimeError, match="Expected both inputs to be Half, Float or Double tensors"
    ):
        torch.complex(one, one)
    with pytest.raises(
        RuntimeError, match="Expected object of scalar type Float but got scalar type"
    ):
        torch.complex(one.float(), one.double())

    assert torch.complex(one.double(), one.double()).dtype is torch.complex128


def test_length_and_angle(device):
    """For the complex64 tensor `x` of 3 + 4j and 2j, `x.abs()` is the absolute value (the length),
    5 and 2, and `x.angle()` the angle in radians, as float32 tensors;
    `torch.polar(x.abs(), x.angle())` gives `x` back, up to rounding.
    """
    x = torch.tensor([3 + 4j, 2j], device=device)

    assert x.abs().tolist() == [5.0, 2.0]
    assert x.abs().dtype is torch.float32
    assert x.angle().tolist() == pytest.approx([math.atan2(4, 3), math.pi / 2])
    assert x.angle().dtype is torch.float32
    torch.testing.assert_close(torch.polar(x.abs(), x.angle()), x)


@pytest.mark.spare("TypeError", reason="PyTorch before 2.15 raises RuntimeError")
def test_real_and_imag_are_views(device):
    """`x.real` and `x.imag` of `x = torch.tensor([3 + 4j])`, which is complex64, are
    float32 views of its parts: a write to `x.real` changes `x`. `torch.ones(1).imag` raises
    an error.
    """
    x = torch.tensor([3 + 4j], device=device)

    x.real[0] = 7.0

    assert x.tolist() == [7 + 4j]
    assert x.imag.tolist() == [4.0]
    assert x.imag.dtype is torch.float32
    with pytest.raises((RuntimeError, TypeError), match="imag is not implemented for tensors with"):
        torch.ones(1, device=device).imag.sum()


def test_view_as_real_has_a_last_dimension_of_two(device):
    """`torch.view_as_real(x)` of the complex64 `x = torch.tensor([3 + 4j, 1j])` is a float32
    view of shape (2, 2), real part first; `torch.view_as_complex` goes back, and raises
    RuntimeError for a last dimension of size 3 or of stride 2.

    `torch.view_as_complex` also raises RuntimeError for an odd `storage_offset()` or, in a
    dimension of two or more elements, an odd stride. Of float32 `pairs` with a last dimension of
    size 2, `pairs.clone(memory_format=torch.contiguous_format)` is a copy that
    `torch.view_as_complex` takes. `torch.view_as_real(x.conj())` raises RuntimeError: write
    `torch.view_as_real(x.conj().resolve_conj())`.
    """
    x = torch.tensor([3 + 4j, 1j], device=device)

    pairs = torch.view_as_real(x)

    assert pairs.tolist() == [[3.0, 4.0], [0.0, 1.0]]
    assert torch.view_as_complex(pairs).tolist() == [3 + 4j, 1j]
    with pytest.raises(RuntimeError, match="doesn't work on unresolved conjugated tensors"):
        torch.view_as_real(x.conj())
    with pytest.raises(RuntimeError, match="Tensor must have a last dimension of size 2"):
        torch.view_as_complex(torch.ones(2, 3, device=device))
    with pytest.raises(RuntimeError, match="Tensor must have a last dimension with stride 1"):
        torch.view_as_complex(torch.ones(2, 2, device=device).t())
    copied = torch.ones(2, 2, device=device).t().clone(memory_format=torch.contiguous_format)
    assert torch.view_as_complex(copied).tolist() == [1 + 1j, 1 + 1j]


def test_complex_numbers_have_no_order():
    """`==` compares two complex64 tensors; on the CPU `x > x` and `x.max()` of
    `x = torch.tensor([3 + 4j, 1j])` raise a RuntimeError (its subclass NotImplementedError in
    newer releases), "not implemented for 'ComplexFloat'".

    Because no order of the complex numbers agrees with their arithmetic: compare `x.abs()` or
    `x.real`.
    """
    x = torch.tensor([3 + 4j, 1j])

    assert (x == x[1]).tolist() == [False, True]
    with pytest.raises(RuntimeError, match="not implemented for 'ComplexFloat'"):
        (x > x).any()
    with pytest.raises(RuntimeError, match="not implemented for 'ComplexFloat'"):
        x.max()

    assert x.abs().max().item() == 5.0


def test_the_root_of_a_negative_number_is_complex_if_the_tensor_is(device):
    """`x.sqrt()` of `x = torch.tensor([-1.0])`, which is float32, is [NaN];
    `x.to(torch.complex64).sqrt()` is [1j].
    """
    x = torch.tensor([-1.0], device=device)

    assert x.sqrt().isnan().tolist() == [True]
    assert x.to(torch.complex64).sqrt().tolist() == [1j]


def test_the_conjugate_transpose_is_mh(device):
    """`x.mH` of a complex64 matrix is its conjugate transpose, `x.mT` the transpose alone;
    `torch.vdot(x, y)` of complex64 vectors conjugates `x` before it multiplies,
    `torch.dot(x, y)` does not.
    """
    x = torch.tensor([[1j, 2.0]], device=device)

    assert x.mH.tolist() == [[-1j], [2.0]]
    assert x.mT.tolist() == [[1j], [2.0]]
    assert torch.vdot(x[0], x[0]).item() == 5.0
    assert torch.dot(x[0], x[0]).item() == 3.0


def test_a_layer_for_complex_numbers_is_made_with_a_complex_dtype():
    """`nn.Linear(2, 1)` with its float32 weights on the CPU raises RuntimeError for a
    complex64 input; `nn.Linear(2, 1, dtype=torch.complex64)` takes a complex64 input.
    """
    x = torch.tensor([[1j, 2.0]])

    with pytest.raises(RuntimeError, match=r"(must|to) have the same dtype"):
        nn.Linear(2, 1)(x)

    layer = nn.Linear(2, 1, dtype=torch.complex64)
    assert layer(x).dtype is torch.complex64
