"""Converting between dtypes.

`x.to(torch.float64)`, `x.double()` and `x.type(torch.float64)` make a new tensor of the same values
in another dtype. If `x` has the dtype already, they return `x` itself.

A value that the new dtype cannot hold raises no error. A fraction is dropped, an integer out of
range keeps its lowest bits, a float too large for float16 becomes infinite, and digits that do not
fit are rounded. What NaN, infinity or a float out of range becomes in an integer dtype is undefined
and differs between devices.

What surprises: the conversion to integers rounds towards zero; float16 cannot hold 2049; and
widening float32 to float64 does not bring digits back. `x.view(dtype)` is no conversion, it reads
the same bits in another way: `spec/tensors/test_views.py`.
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
def test_twelve_dtypes_have_a_method_that_converts_to_them(method, dtype, device):
    """`x.bool()`, `byte`, `char`, `short`, `int`, `long`, `half`, `bfloat16`, `float`,
    `double`, `cfloat` and `cdouble` convert a float32 tensor `x` to one dtype each: `x.long()`
    to int64, `x.byte()` to uint8.

    Most of the names are those of C; `char` is int8 and `cfloat` complex64. uint16, uint32 and
    uint64 have no method: since PyTorch 2.3 write `x.to(torch.uint16)`.
    """
    x = torch.tensor([0.0, 1.0], device=device)

    converted = getattr(x, method)()

    assert converted.dtype is dtype
    assert converted.tolist() == [0, 1]
    assert x.dtype is torch.float32


def test_there_are_many_ways_to_ask_for_a_dtype(device):
    """`x.to(torch.int64)`, `x.to(dtype=torch.int64)`, `x.type(torch.int64)` and `x.long()`
    of a dense float32 `x` give equal tensors; `x.to(other)` and `x.type_as(other)` take the
    dtype of a dense int64 tensor `other`.

    `x.to(other)` and `x.type_as(other)` move to the device of `other` as well.
    """
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
    """`x.type("torch.LongTensor")` converts a float32 tensor `x` to int64, and
    `x.type("torch.LengthyTensor")`, no known name, raises ValueError; `x.to("float32")`
    raises RuntimeError, since `to` takes a string for a device.

    Write the dtype itself: `x.to(torch.float32)`.
    """
    x = torch.tensor([1.0, 2.0])

    assert x.type("torch.LongTensor").dtype is torch.int64
    with pytest.raises(ValueError, match=r"invalid type: 'torch.LengthyTensor'"):
        x.type("torch.LengthyTensor")
    with pytest.raises(RuntimeError, match="Invalid device string: 'float32'"):
        x.to("float32")


def test_the_right_dtype_already_is_handed_back(device):
    """`x.to(torch.float32)`, `x.float()` and `x.type(torch.float32)` return `x` itself if it is
    float32 already; `x.to(torch.float32, copy=True)` copies.

    So writing in place to the result may or may not change `x`, depending on its dtype:
    `clone()` or `copy=True` where it must not.
    """
    x = torch.ones(2, device=device)

    copied = x.to(torch.float32, copy=True)

    assert x.to(torch.float32) is x
    assert x.float() is x
    assert x.type(torch.float32) is x
    assert copied is not x
    assert copied.data_ptr() != x.data_ptr()


def test_a_conversion_copies(device):
    """`x.double()` of the float32 tensor [1, 2] has memory of its own: writing into it leaves
    `x` unchanged.
    """
    x = torch.tensor([1.0, 2.0], device=device)
    converted = x.double()

    converted[0] = 9

    assert converted.tolist() == [9.0, 2.0]
    assert x.tolist() == [1.0, 2.0]


def test_fractions_are_cut_off_towards_zero(device):
    """`torch.tensor([1.75, -1.75]).long()` is [1, -1]: the conversion from float32 to int64
    drops the fraction, so it rounds towards zero.

    To round down write `x.floor().long()`, to round to the nearest integer `x.round().long()`;
    `round` takes a half to the even neighbour.
    """
    x = torch.tensor([1.75, 0.5, -0.5, -1.75], device=device)

    assert x.long().tolist() == [1, 0, 0, -1]
    assert x.floor().long().tolist() == [1, 0, -1, -2]
    assert x.round().long().tolist() == [2, 0, 0, -2]


def test_all_that_is_not_zero_is_true(device):
    """`x.bool()` of a float32 tensor is False for 0.0 and -0.0 and True for 1e-30, -2.0 and
    NaN.

    Because every number but zero is True, and NaN is not equal to zero.
    """
    x = torch.tensor([0.0, -0.0, 1e-30, -2.0, float("nan")], device=device)

    assert x.bool().tolist() == [False, False, True, True, True]


def test_an_integer_that_does_not_fit_wraps_round(device):
    """`x.to(torch.uint8)` of an int64 tensor keeps the lowest 8 bits, without an error: 300
    becomes 44 and -1 becomes 255; in int8, 200 becomes -56.

    `torch.tensor([300], dtype=torch.uint8)` raises instead, but
    `torch.tensor([-1], dtype=torch.uint8)` is 255 too. `x.clamp(0, 255)` first keeps to the range.
    """
    x = torch.tensor([300, -1, 200], device=device)

    assert x.to(torch.uint8).tolist() == [44, 255, 200]
    assert x.to(torch.int8).tolist() == [44, -1, -56]
    assert torch.tensor([-1], dtype=torch.uint8, device=device).tolist() == [255]


@given(st.integers(-(2**63), 2**63 - 1))
def test_conversion_to_a_byte_is_the_remainder_of_256(number):
    """`torch.tensor(n).to(torch.uint8)` is `n % 256` for Python integers `n` from -2**63 to 2**63
    - 1: 300 becomes 44, and -1 becomes 255.
    """
    assert torch.tensor(number).to(torch.uint8).item() == number % 256


def test_a_float_that_does_not_fit_becomes_infinite(device):
    """`x.half()` of a float32 tensor turns 65520.0 into inf and -1e30 into -inf, without an
    error: the largest float16 is 65504, and 65519.0 is still rounded down to it.

    65520 is half-way to the next step, 65536, which float16 does not have. Look for infinities
    with `x.isinf().any()`.
    """
    x = torch.tensor([65504.0, 65519.0, 65520.0, -1e30], device=device)

    assert x.half().tolist() == [65504.0, 65504.0, float("inf"), float("-inf")]


def test_bfloat16_keeps_the_range_that_float16_loses(device):
    """`torch.tensor(2.0**100).half()` is infinite, `torch.tensor(2.0**100).bfloat16()` is
    exact; `torch.tensor(1.00390625)`, which is 1 + 1/256, is exact after `half()` and
    becomes 1 after `bfloat16()`.

    Because bfloat16 has 8 bits of exponent and 7 of mantissa, float16 5 and 10. So `half()` may
    overflow where `bfloat16()` only rounds.
    """
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
    """`torch.bfloat16` holds each integer from 0 to 2**8, `float16` to 2**11, `float32` to
    2**24 and `float64` to 2**53; the next integer is rounded down to that power of two.

    So indices and counts in float32 go wrong beyond 16,777,216: keep them in int64.
    """
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
    """`torch.tensor(0.1, dtype=dtype)` stores a different number in each of bfloat16, float16,
    float32 and float64: 0.0999755859375 in float16, 0.10000000149011612 in float32.

    Because 0.1 has no finite binary expansion, each dtype stores the nearest number it has. The
    number in float64 is that of the Python float 0.1.
    """
    assert torch.tensor(0.1, dtype=dtype, device=device).item() == nearest


def test_widening_brings_no_digits_back(device):
    """`torch.tensor(0.1).double().item()`, with the default dtype float32, is
    0.10000000149011612, not the float64 0.1: what float32 has rounded stays rounded.

    Ask for the dtype where the tensor is made: `torch.tensor(0.1, dtype=torch.float64)`.
    """
    widened = torch.tensor(0.1, device=device).double()
    exact = torch.tensor(0.1, dtype=torch.float64, device=device)

    assert widened.item() == 0.10000000149011612
    assert (widened == exact).item() is False


def test_a_float32_model_refuses_float64_data():
    """`nn.Linear(2, 1)`, float32 on the CPU, raises RuntimeError, "mat1 and mat2 must have
    the same dtype", for `data = torch.zeros(3, 2, dtype=torch.float64)`: convert the data
    with `data.float()` or the layer with `layer.double()`.

    Because matrix products do not promote dtypes. It happens with data from NumPy, whose floats
    are float64 by default.
    """
    layer = torch.nn.Linear(2, 1)
    data = torch.zeros(3, 2, dtype=torch.float64)

    assert layer(data.float()).dtype is torch.float32
    with pytest.raises(RuntimeError, match="mat1 and mat2 must have the same dtype"):
        layer(data)

    layer.double()

    assert layer(data).dtype is torch.float64


def test_a_mix_of_dtypes_is_told_in_many_words():
    """On the CPU, with `x = torch.ones(1, 2, 2)`, `torch.bmm(x, x.double())` raises
    RuntimeError, "expected scalar type Float but found Double"; the message of
    `nn.Conv1d(2, 1, 1, bias=False)(x.double())` has "Double but found Float".

    Because neither promotes. Which dtype the message expects differs between operations, and in
    `bmm` between sizes. Convert one, usually the float64 data that came from NumPy:
    `torch.bmm(x, x.double().float())`.
    """
    x = torch.ones(1, 2, 2)

    with pytest.raises(RuntimeError, match="expected scalar type Double but found Float"):
        torch.nn.Conv1d(2, 1, 1, bias=False)(x.double())
    with pytest.raises(RuntimeError, match="expected scalar type Float but found Double"):
        torch.bmm(x, x.double())

    assert torch.bmm(x, x.double().float()).flatten().tolist() == [2.0, 2.0, 2.0, 2.0]


def test_complex_to_real_drops_the_imaginary_part_with_a_warning(device):
    """`z.float()` of `z = torch.tensor([3 + 4j])` drops the imaginary part and warns, by
    default once per process; `z.real` gives the real part without a warning.
    """
    z = torch.tensor([3 + 4j], device=device)

    with pytest.warns(UserWarning, match="discards the imaginary part"):
        converted = z.float()

    assert converted.tolist() == [3.0]
    assert z.real.tolist() == [3.0]


def test_conversion_between_floats_keeps_the_gradient(device):
    """With grad mode on, `x.double()` of a float32 `x` that requires grad is part of the
    autograd graph, and the gradient arrives at `x` as float32; `x.long()` does not require
    grad.

    Because an integer tensor cannot require grad, the graph ends at `x.long()`.
    """
    x = torch.tensor([1.5], device=device, requires_grad=True)

    x.double().mul(2).sum().backward()

    assert x.grad.tolist() == [2.0]
    assert x.grad.dtype is torch.float32
    assert (x.double().requires_grad, x.long().requires_grad) == (True, False)
