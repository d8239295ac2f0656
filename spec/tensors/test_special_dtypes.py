"""Booleans, complex numbers and the rarer dtypes.

Not every dtype supports every operation. Booleans can be added but not subtracted, complex numbers
can be compared with `==` but have no order, and the unsigned integers of 16 to 64 bits and the
float8 dtypes are mostly for storage: convert them before computing.

Complex tensors hold pairs of floats; `real` and `imag` are views of the parts. Boolean tensors are
what comparisons give, and serve as masks: `spec/tensors/test_masks.py`.

What surprises: `True + True` is `True` in a boolean tensor, so only `sum` counts; and `~` inverts
booleans but flips the bits of an integer, so `~1` is -2.
"""

import pytest
import torch


def test_booleans_add_up_to_booleans(device):
    """Between two boolean tensors `+` is a logical or and `*` a logical and, with boolean
    results; `flags.sum()` counts the True elements as int64.

    Because the dtype of a sum of two booleans is bool, which has no room for 2. Write `|` and
    `&` to make it plain.
    """
    flags = torch.tensor([True, True, False], device=device)
    others = torch.tensor([True, False, False], device=device)

    assert (flags + others).tolist() == [True, True, False]
    assert (flags * others).tolist() == [True, False, False]
    assert flags.sum().item() == 2
    assert flags.sum().dtype is torch.int64


def test_booleans_cannot_be_subtracted(device):
    """`flags - others` raises an error for two boolean tensors; write `^` where they differ, or
    `flags.int() - others.int()` for numbers.

    Because bool has no -1 for False minus True.
    """
    flags = torch.tensor([True, True], device=device)
    others = torch.tensor([True, False], device=device)

    assert (flags ^ others).tolist() == [False, True]
    assert (flags.int() - others.int()).tolist() == [0, 1]
    with pytest.raises(RuntimeError, match=r"Subtraction.* two bool tensors is not supported"):
        flags - others


def test_tilde_inverts_booleans_and_flips_the_bits_of_integers(device):
    """`~x` inverts a boolean tensor, but flips the bits of an int64 or uint8 one: `~1` is -2 in
    int64 and 254 in uint8.

    It bites with a mask of ones and zeros: `~mask` of an int64 mask holds -2 and -1. Write
    `~mask.bool()`.
    """
    assert (~torch.tensor([True, False], device=device)).tolist() == [False, True]
    assert (~torch.tensor([1, 0], device=device)).tolist() == [-2, -1]
    assert (~torch.tensor([1, 0], dtype=torch.uint8, device=device)).tolist() == [254, 255]


def test_a_complex_number_has_a_real_and_an_imaginary_part(device):
    """`z.real` and `z.imag` of a complex tensor are views of its parts: a write to `z.real`
    changes `z`. `z.abs()` is the modulus, `z.conj()` the conjugate.

    `torch.view_as_real(z)` shows both parts along a further dimension of size 2.
    """
    number = torch.tensor([3 + 4j], device=device)

    assert number.abs().tolist() == [5.0]
    assert number.conj().tolist() == [3 - 4j]

    number.real[0] = 7

    assert number.tolist() == [7 + 4j]
    assert number.imag.tolist() == [4.0]
    assert torch.view_as_real(number).tolist() == [[7.0, 4.0]]


def test_complex_numbers_have_no_order():
    """`==` compares complex tensors, `<` raises an error for them: compare `z.abs()` or
    `z.real` instead.

    Because no order of the complex numbers agrees with their arithmetic.
    """
    number = torch.tensor([1j, 2])

    assert (number == torch.tensor([1j, 1])).tolist() == [True, False]
    with pytest.raises(RuntimeError, match=r"not implemented for 'ComplexFloat'"):
        number < number  # noqa: B015


@pytest.mark.torch("<2.2")
def test_half_matrices_were_not_multiplied_on_the_cpu():
    """Before PyTorch 2.2, `@` of two float16 matrices on the CPU raised RuntimeError; convert
    with `.float()` first.
    """
    halves = torch.full((2, 2), 0.5, dtype=torch.float16)

    with pytest.raises(RuntimeError, match="not implemented for 'Half'"):
        halves @ halves


@pytest.mark.torch(">=2.2")
def test_half_matrices_are_multiplied_on_the_cpu():
    """Since PyTorch 2.2, `@` multiplies two float16 matrices on the CPU, with a float16 result."""
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
    """Since PyTorch 2.3, `torch.uint16`, `uint32` and `uint64` hold integers from 0 to 65535,
    to 2**32 - 1 and to 2**64 - 1.

    They are meant for storage and exchange; arithmetic on them is limited. Convert to int64 or
    a float dtype to compute.
    """
    dtype = getattr(torch, name)

    made = torch.tensor([largest], dtype=dtype)

    assert made.tolist() == [largest]
    assert (torch.iinfo(dtype).min, torch.iinfo(dtype).max) == (0, largest)


@pytest.mark.torch(">=2.1")
def test_float8_keeps_three_binary_digits():
    """A `torch.float8_e4m3fn` number takes one byte and keeps three binary digits after the
    first: 16 and 18 are exact, 17 becomes 16 and 1.1 becomes 1.125.

    e4m3 means 4 bits of exponent and 3 of mantissa. It is for weights and activations of scaled
    matrix products; `+` is not defined, so convert with `.float()`.
    """
    eighth = torch.tensor([16.0, 17.0, 18.0, 1.1]).to(torch.float8_e4m3fn)

    assert eighth.element_size() == 1
    assert eighth.float().tolist() == [16.0, 16.0, 18.0, 1.125]
