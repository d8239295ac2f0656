"""Converting between dtypes.

`x.to(torch.float64)`, `x.double()` and `x.type(torch.float64)` all make a new tensor of the same
numbers in another dtype; where the dtype is right already, they hand `x` itself back.

A conversion never fails and rarely warns. A fraction is cut off, an integer that does not fit
wraps round, a float that is too large becomes infinite, and digits that do not fit are rounded.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("method", "dtype"),
    [
        ("bool", torch.bool),
        ("byte", torch.uint8),
        ("char", torch.int8),
        ("short", torch.int16),
        ("int", torch.int32),
        ("long", torch.int64),
        ("half", torch.float16),
        ("bfloat16", torch.bfloat16),
        ("float", torch.float32),
        ("double", torch.float64),
        ("cfloat", torch.complex64),
        ("cdouble", torch.complex128),
    ],
)
def test_each_dtype_has_a_method_that_converts_to_it(method, dtype, device):
    """`x.long()` is short for `x.to(torch.int64)`, and so on for the other dtypes."""
    x = torch.tensor([0.0, 1.0], device=device)

    converted = getattr(x, method)()

    assert converted.dtype is dtype
    assert converted.tolist() == [0, 1]
    assert x.dtype is torch.float32


def test_there_are_many_ways_to_ask_for_a_dtype(device):
    """`to` and `type` take a dtype, a type name, or (`to`, `type_as`) a tensor to be like."""
    x = torch.tensor([1.0, 2.0], device=device)
    integers = torch.tensor([5], device=device)

    converted = [
        x.to(torch.int64),
        x.to(dtype=torch.int64),
        x.to(integers),
        x.type(torch.int64),
        x.type_as(integers),
        x.long(),
    ]

    assert [tensor.dtype for tensor in converted] == [torch.int64] * 6
    assert [tensor.tolist() for tensor in converted] == [[1, 2]] * 6


def test_type_takes_an_old_type_name():
    """`x.type("torch.LongTensor")` converts; a name that is no type is a `ValueError`."""
    x = torch.tensor([1.0, 2.0])

    assert x.type("torch.LongTensor").dtype is torch.int64
    with pytest.raises(ValueError, match=r"invalid type: 'torch.LengthyTensor'"):
        x.type("torch.LengthyTensor")


def test_the_right_dtype_already_is_handed_back(device):
    """Converted to the dtype it has, a tensor is returned itself, unless `copy=True` is said."""
    x = torch.ones(2, device=device)

    copied = x.to(torch.float32, copy=True)

    assert x.to(torch.float32) is x
    assert x.float() is x
    assert x.type(torch.float32) is x
    assert copied is not x
    assert copied.data_ptr() != x.data_ptr()


def test_a_conversion_copies(device):
    """A tensor of another dtype has memory of its own: writing into it leaves the source alone."""
    x = torch.tensor([1.0, 2.0], device=device)
    converted = x.double()

    converted[0] = 9

    assert converted.tolist() == [9.0, 2.0]
    assert x.tolist() == [1.0, 2.0]


def test_fractions_are_cut_off_towards_zero(device):
    """`x.long()` drops the fraction, also below zero; `x.round()` first finds the nearest."""
    x = torch.tensor([1.75, 0.5, -0.5, -1.75], device=device)

    assert x.long().tolist() == [1, 0, 0, -1]
    assert x.floor().long().tolist() == [1, 0, -1, -2]
    assert x.round().long().tolist() == [2, 0, 0, -2]


def test_all_that_is_not_zero_is_true(device):
    """As a boolean only zero is `False`: a tiny number, a negative one and NaN are `True`."""
    x = torch.tensor([0.0, -0.0, 1e-30, -2.0, float("nan")], device=device)

    assert x.bool().tolist() == [False, False, True, True, True]


def test_an_integer_that_does_not_fit_wraps_round(device):
    """Converted to a narrower dtype, an integer keeps its lowest bits and no error is raised."""
    x = torch.tensor([300, -1, 200], device=device)

    assert x.to(torch.uint8).tolist() == [44, 255, 200]
    assert x.to(torch.int8).tolist() == [44, -1, -56]


@given(st.integers(-(2**63), 2**63 - 1))
def test_conversion_to_a_byte_is_the_remainder_of_256(number):
    """For every 64-bit integer, conversion to uint8 is Python's `% 256`."""
    assert torch.tensor(number).to(torch.uint8).item() == number % 256


def test_a_float_that_does_not_fit_becomes_infinite(device):
    """float16 ends at 65504: from 65520 on, where rounding would pass it, it is infinite."""
    x = torch.tensor([65504.0, 65519.0, 65520.0, -1e30], device=device)

    assert x.half().tolist() == [65504.0, 65504.0, float("inf"), float("-inf")]


def test_bfloat16_keeps_the_range_that_float16_loses(device):
    """2 to the 100 is infinite in float16 and exact in bfloat16; 1 + 1/256 is the other way."""
    huge = torch.tensor(2.0**100, device=device)
    fine = torch.tensor(1.00390625, device=device)

    assert (huge.half().item(), huge.bfloat16().item()) == (float("inf"), 2.0**100)
    assert (fine.half().item(), fine.bfloat16().item()) == (1.00390625, 1.0)


@pytest.mark.parametrize(
    ("dtype", "limit"),
    [
        (torch.bfloat16, 256),
        (torch.float16, 2048),
        (torch.float32, 16_777_216),
        (torch.float64, 9_007_199_254_740_992),
    ],
)
def test_a_float_counts_without_gaps_up_to_a_limit(dtype, limit, device):
    """A float dtype holds every integer up to a power of two; the next one is rounded back."""
    whole = torch.tensor([limit - 1, limit, limit + 1, limit + 2], device=device)

    assert whole.to(dtype).long().tolist() == [limit - 1, limit, limit, limit + 2]


@pytest.mark.parametrize(
    ("dtype", "nearest"),
    [
        (torch.bfloat16, 0.10009765625),
        (torch.float16, 0.0999755859375),
        (torch.float32, 0.10000000149011612),
        (torch.float64, 0.1),
    ],
)
def test_a_tenth_is_another_number_in_each_float(dtype, nearest, device):
    """0.1 has no end in binary, so each dtype holds the nearest number that it has."""
    assert torch.tensor(0.1, dtype=dtype, device=device).item() == nearest


def test_widening_brings_no_digits_back(device):
    """What float32 has rounded stays rounded in float64: 0.1 made so is not 0.1 made there."""
    widened = torch.tensor(0.1, device=device).double()
    exact = torch.tensor(0.1, dtype=torch.float64, device=device)

    assert widened.item() == 0.10000000149011612
    assert (widened == exact).item() is False


def test_view_reads_the_same_bits_as_another_dtype(device):
    """`x.view(torch.int32)` converts nothing: it shows the bits of a float as an integer."""
    x = torch.tensor([1.0, 2.0], device=device)

    bits = x.view(torch.int32)

    assert bits.tolist() == [0x3F800000, 0x40000000]
    assert bits.data_ptr() == x.data_ptr()


def test_view_as_a_narrower_dtype_has_more_numbers(device):
    """Four bytes of a float32 are two numbers of 16 bits, so the last dimension grows."""
    x = torch.zeros(3, 2, device=device)

    assert x.view(torch.int16).shape == (3, 4)
    assert x.view(torch.int64).shape == (3, 1)


def test_complex_to_real_drops_the_imaginary_part_with_a_warning(device):
    """`z.float()` keeps the real part and warns; `z.real` keeps it without."""
    z = torch.tensor([3 + 4j], device=device)

    with pytest.warns(UserWarning, match="discards the imaginary part"):
        converted = z.float()

    assert converted.tolist() == [3.0]
    assert z.real.tolist() == [3.0]


def test_conversion_between_floats_keeps_the_gradient(device):
    """Gradients flow back through `x.double()`; an integer tensor has none, so the chain ends."""
    x = torch.tensor([1.5], device=device, requires_grad=True)

    x.double().mul(2).sum().backward()

    assert x.grad.tolist() == [2.0]
    assert x.grad.dtype is torch.float32
    assert (x.double().requires_grad, x.long().requires_grad) == (True, False)
