"""Booleans, complex numbers and the rarer dtypes.

Not every dtype can do everything. Booleans cannot be subtracted, complex numbers have no order,
and the narrow floats and wide unsigned integers are there to store rather than to compute.

What surprises: two `True`s add up to `True`, and `~` flips the bits of an integer, so `~1` is -2.
"""

import pytest
import torch


def test_booleans_add_up_to_booleans(device):
    """`+` between booleans is "or" and `*` is "and"; only `sum` counts."""
    flags = torch.tensor([True, True, False], device=device)
    others = torch.tensor([True, False, False], device=device)

    assert (flags + others).tolist() == [True, True, False]
    assert (flags * others).tolist() == [True, False, False]
    assert flags.sum().item() == 2
    assert flags.sum().dtype is torch.int64


def test_booleans_cannot_be_subtracted(device):
    """`-` is not defined for booleans; the error names `^` and `~` instead."""
    flags = torch.tensor([True, True], device=device)
    others = torch.tensor([True, False], device=device)

    assert (flags ^ others).tolist() == [False, True]
    with pytest.raises(RuntimeError, match=r"Subtraction.* two bool tensors is not supported"):
        flags - others


def test_tilde_inverts_booleans_and_flips_the_bits_of_integers(device):
    """`~True` is `False`, but `~1` is -2, and 254 in an unsigned byte."""
    assert (~torch.tensor([True, False], device=device)).tolist() == [False, True]
    assert (~torch.tensor([1, 0], device=device)).tolist() == [-2, -1]
    assert (~torch.tensor([1, 0], dtype=torch.uint8, device=device)).tolist() == [254, 255]


def test_a_complex_number_has_a_real_and_an_imaginary_part(device):
    """`real` and `imag` are views of a complex tensor; `abs` is its length, `conj` its mirror."""
    number = torch.tensor([3 + 4j], device=device)

    assert number.abs().tolist() == [5.0]
    assert number.conj().tolist() == [3 - 4j]

    number.real[0] = 7

    assert number.tolist() == [7 + 4j]
    assert number.imag.tolist() == [4.0]
    assert torch.view_as_real(number).tolist() == [[7.0, 4.0]]


def test_complex_numbers_have_no_order():
    """`<` is not defined for complex numbers; `==` is."""
    number = torch.tensor([1j, 2])

    assert (number == torch.tensor([1j, 1])).tolist() == [True, False]
    with pytest.raises(RuntimeError, match=r"not implemented for 'ComplexFloat'"):
        number < number  # noqa: B015


@pytest.mark.torch("<2.2")
def test_half_matrices_were_not_multiplied_on_the_cpu():
    """Before PyTorch 2.2 the CPU could store float16 matrices but not multiply them."""
    halves = torch.full((2, 2), 0.5, dtype=torch.float16)

    with pytest.raises(RuntimeError, match="not implemented for 'Half'"):
        halves @ halves


@pytest.mark.torch(">=2.2")
def test_half_matrices_are_multiplied_on_the_cpu():
    """Since PyTorch 2.2 the CPU multiplies float16 matrices too."""
    halves = torch.full((2, 2), 0.5, dtype=torch.float16)

    product = halves @ halves

    assert product.dtype is torch.float16
    assert product.tolist() == [[0.5, 0.5], [0.5, 0.5]]


@pytest.mark.torch(">=2.3")
@pytest.mark.parametrize(
    ("name", "largest"),
    [
        ("uint16", 65_535),
        ("uint32", 4_294_967_295),
        ("uint64", 18_446_744_073_709_551_615),
    ],
)
def test_wide_unsigned_integers_reach_twice_as_far(name, largest):
    """PyTorch 2.3 added uint16, uint32 and uint64, which hold no negative numbers."""
    dtype = getattr(torch, name)

    made = torch.tensor([largest], dtype=dtype)

    assert made.tolist() == [largest]
    assert (torch.iinfo(dtype).min, torch.iinfo(dtype).max) == (0, largest)


@pytest.mark.torch(">=2.1")
def test_float8_keeps_three_binary_digits():
    """A float8_e4m3fn takes one byte: after 16 comes 18, and 17 is rounded to the even of them."""
    eighth = torch.tensor([16.0, 17.0, 18.0, 1.1]).to(torch.float8_e4m3fn)

    assert eighth.element_size() == 1
    assert eighth.float().tolist() == [16.0, 16.0, 18.0, 1.125]
