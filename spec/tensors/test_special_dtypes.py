"""Booleans and the rarer dtypes.

Not every operation takes every dtype. Booleans can be added but not subtracted, and the unsigned
integers of 16 to 64 bits and the float8 dtypes are mostly for storage: convert them before
computing. float16 matrices can be multiplied on the CPU since PyTorch 2.2.

Boolean tensors are what comparisons give, and serve as masks: `spec/tensors/test_masks.py`. Complex
tensors have a page of their own: `spec/tensors/test_complex_numbers.py`.

What surprises: True plus True is True between boolean tensors, so count with `sum`. That `~`
inverts booleans but flips the bits of an integer is told in `spec/tensors/test_comparing.py`.
"""

import numpy as np
import pytest
import torch


def test_booleans_add_up_to_booleans(device):
    """For boolean tensors `flags` and `others` of the same shape, `flags + others` is their
    logical or and `flags * others` their logical and, both boolean; `flags.sum()` counts the True
    elements as int64, and `flags + 1` is int64.

    Because the sum of two bool tensors has the dtype bool, which has no room for 2. Write `|`
    and `&` to make it plain.
    """
    flags = torch.tensor([True, True, False], device=device)
    others = torch.tensor([True, False, False], device=device)

    assert (flags + others).dtype is torch.bool
    assert (flags + others).tolist() == [True, True, False]
    assert (flags * others).tolist() == [True, False, False]
    assert (flags + 1).tolist() == [2, 2, 1]
    assert flags.sum().item() == 2
    assert flags.sum().dtype is torch.int64


def test_booleans_cannot_be_subtracted(device):
    """`flags - others` of two boolean tensors and `1 - others` raise a RuntimeError
    (PyTorch 2.14: its subclass NotImplementedError). Write `flags ^ others` for True where
    they differ, `~others` for the opposite, or `flags.int() - others.int()`.

    PyTorch defines no `-` for bool tensors, and bool has no -1 for False minus True; uint8 has no
    -1 either, but there 0 - 1 is 255. PyTorch 2.10 and older raise a plain RuntimeError. NumPy
    refuses `-` of two boolean arrays, but computes `1 - array`.
    """
    flags = torch.tensor([True, True], device=device)
    others = torch.tensor([True, False], device=device)

    assert (flags ^ others).tolist() == [False, True]
    assert (flags.int() - others.int()).tolist() == [0, 1]
    assert (~others).tolist() == [False, True]
    assert (torch.tensor([0], dtype=torch.uint8, device=device) - 1).tolist() == [255]
    with pytest.raises(RuntimeError, match=r"Subtraction.* two bool tensors is not supported"):
        flags - others
    with pytest.raises(RuntimeError, match=r"use the `~` or `logical_not\(\)` operator instead"):
        1 - others
    with pytest.raises(TypeError, match="boolean subtract, the `-` operator, is not supported"):
        np.array([True]) - np.array([True])
    assert (1 - np.array([True, False])).tolist() == [0, 1]


@pytest.mark.torch("<2.2")
def test_half_matrices_were_not_multiplied_on_the_cpu():
    """Before PyTorch 2.2, `@` of two nonempty float16 matrices on the CPU raised RuntimeError;
    convert with `.float()` first.
    """
    halves = torch.full((2, 2), 0.5, dtype=torch.float16)

    with pytest.raises(RuntimeError, match="not implemented for 'Half'"):
        halves @ halves


@pytest.mark.torch(">=2.2")
def test_half_matrices_are_multiplied_on_the_cpu():
    """Since PyTorch 2.2, `@` multiplies two float16 matrices on the CPU; the product is
    float16.
    """
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
    """Since PyTorch 2.3 there are the dtypes `torch.uint16` for integers from 0 to 65535,
    `torch.uint32` for 0 to 2**32 - 1 and `torch.uint64` for 0 to 2**64 - 1.

    They are meant for storage and exchange: `+` of two uint16 tensors raises on the CPU. To
    compute, convert to a float dtype, or to int64 where the numbers fit.
    """
    dtype = getattr(torch, name)

    made = torch.tensor([largest], dtype=dtype)

    assert made.tolist() == [largest]
    assert (torch.iinfo(dtype).min, torch.iinfo(dtype).max) == (0, largest)


@pytest.mark.torch(">=2.1")
def test_float8_keeps_three_binary_digits():
    """`x.to(torch.float8_e4m3fn)` of `x = torch.tensor([16.0, 17.0, 18.0, 1.1])`, which is
    float32, stores each element in one byte, rounded: 16.0 and 18.0 are kept, 17.0 becomes
    16.0 and 1.1 becomes 1.125.

    Because e4m3 has 4 bits of exponent and 3 of mantissa. It is for weights and activations of
    scaled matrix products; on the CPU `+` raises, so convert with `.float()`.
    """
    eighth = torch.tensor([16.0, 17.0, 18.0, 1.1]).to(torch.float8_e4m3fn)

    assert eighth.element_size() == 1
    assert eighth.float().tolist() == [16.0, 16.0, 18.0, 1.125]
