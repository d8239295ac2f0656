"""Division, remainders and overflow.

`/` is true division: integers give floats. `//` rounds down, and `%` is the remainder that `//`
leaves, as in Python. It wasn't always so: up to PyTorch 1.5 `/` between integers dropped the
fraction, and up to 1.12 `//` rounded towards zero.

What surprises: `/` by zero gives an infinity or NaN, for integers too, whereas `//`, `%` and
`torch.fmod` of integers by the integer 0 raise an error on the CPU. And integers have a fixed
width: past the end of their range they start again at the other end, without a warning.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


def test_dividing_integers_gives_floats(device):
    """`/` between dense int64 tensors gives a tensor of the default dtype, float32 unless
    it was changed, even where the quotient is a whole number.
    """
    quotient = torch.tensor([3, -4], device=device) / torch.tensor([2, 2], device=device)

    assert quotient.dtype == torch.float32
    assert quotient.tolist() == [1.5, -2.0]


def test_dividing_booleans_gives_floats(device):
    """`torch.tensor([True, False]) / 2` is [0.5, 0.0]: a bool tensor divided by the Python
    int 2 has the default dtype, float32.
    """
    quotient = torch.tensor([True, False], device=device) / 2

    assert quotient.dtype == torch.float32
    assert quotient.tolist() == [0.5, 0.0]


def test_division_of_a_large_integer_loses_its_last_digits():
    """`torch.tensor([2**24 + 1]) / 1` is 2**24, since `/` between integers computes in the
    default dtype float32, which may lose digits above 2**24; `torch.tensor([2**24 + 1]) // 1`
    is exact.

    Convert with `.double()` first: float64 holds integers up to 2**53 exactly.
    """
    x = torch.tensor([2**24 + 1])

    assert (x / 1).tolist() == [2.0**24]
    assert (x // 1).tolist() == [2**24 + 1]
    assert (x.double() / 1).tolist() == [2.0**24 + 1]


def test_an_integer_tensor_cannot_be_divided_in_place():
    """`x /= 2` and `x.div_(2)` raise a RuntimeError for a contiguous int64 tensor `x`; `x //= 2`
    divides in place.

    Because `/` gives floats and a tensor keeps its dtype in place. Write `x = x / 2` to get a
    float tensor.
    """
    x = torch.tensor([7, 8])

    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        x.div_(2)
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        x /= 2
    x //= 2

    assert x.tolist() == [3, 4]


@pytest.mark.parametrize("floor_divide", [torch.floor_divide, lambda x, y: x // y])
def test_floor_division_rounds_down(floor_divide, device):
    """`torch.tensor([7, -7]) // 2` is [3, -4]: since PyTorch 1.13, `//` and `torch.floor_divide`
    of an int64 tensor by the int 2 round towards negative infinity.
    """
    quotient = floor_divide(torch.tensor([7, -7], device=device), 2)

    assert quotient.dtype == torch.int64
    assert quotient.tolist() == [3, -4]


def test_floor_division_of_floats_gives_whole_floats(device):
    """`torch.tensor([7.5, -7.5]) // 2` rounds down and stays float32: the result is [3.0,
    -4.0].
    """
    quotient = torch.tensor([7.5, -7.5], device=device) // 2

    assert quotient.dtype == torch.float32
    assert quotient.tolist() == [3.0, -4.0]


def test_floor_division_sees_the_exact_quotient():
    """`torch.tensor([1.0]) // 0.1` is 9, not 10, as Python's `1.0 // 0.1` is 9.

    Because the float32 nearest to 0.1 is a little larger than 0.1, so that it fits only nine
    times into 1; `/` followed by `floor()` rounds before it cuts off the fraction, and gives
    10.
    """
    one = torch.tensor([1.0])

    assert (one // 0.1).tolist() == [9.0]
    assert (one / 0.1).floor().tolist() == [10.0]


@pytest.mark.parametrize(
    ("rounding_mode", "result"), [(None, [3.5, -3.5]), ("floor", [3, -4]), ("trunc", [3, -3])]
)
def test_rounding_mode_says_what_div_does_with_the_fraction(rounding_mode, result, device):
    """For `x = torch.tensor([7, -7])`, `torch.div(x, 2, rounding_mode="floor")` rounds the
    quotients down, `rounding_mode="trunc"` rounds them towards zero, and
    `rounding_mode=None`, the default, keeps the fraction.
    """
    x = torch.tensor([7, -7], device=device)

    assert torch.div(x, 2, rounding_mode=rounding_mode).tolist() == result


def test_a_rounding_mode_keeps_integers_integers(device):
    """`torch.div(x, 2)` of a dense int64 tensor `x` has the default dtype, float32 unless
    it was changed; `torch.div(x, 2, rounding_mode=mode)` with "floor" or "trunc" is int64.
    """
    x = torch.tensor([7], device=device)

    down = torch.div(x, 2, rounding_mode="floor")
    towards_zero = torch.div(x, 2, rounding_mode="trunc")
    true = torch.div(x, 2)

    assert down.dtype == torch.int64
    assert towards_zero.dtype == torch.int64
    assert true.dtype == torch.float32


def test_an_unknown_rounding_mode_is_refused():
    """`torch.div(x, 3, rounding_mode="up")` of an int64 tensor on the CPU raises a
    RuntimeError, which lists None, 'trunc' and 'floor' as the modes there are.

    For rounding up write `torch.div(x, 3, rounding_mode="floor") + (x % 3 != 0)`, which stays
    int64. `(x / 3).ceil()` is float32 and rounds large values wrongly, such as 50331649 / 3.
    """
    x = torch.tensor([8])

    with pytest.raises(RuntimeError, match="to be one of None, 'trunc', or 'floor' but found 'up'"):
        torch.div(x, 3, rounding_mode="up")

    assert (x / 3).ceil().tolist() == [3.0]


@pytest.mark.parametrize(
    ("x", "y", "remainder"), [(8, 3, 2), (-8, 3, 1), (8, -3, -1), (-8, -3, -2)]
)
def test_the_remainder_has_the_sign_of_the_divisor(x, y, remainder, device):
    """`x % y` and `torch.remainder(x, y)` of a dense int64 tensor by a non-zero int `y` are
    0 or have the sign of the divisor `y`, for numbers from -2**31 to 2**31 - 1, as in
    Python: `torch.tensor(-8) % 3` is 1.

    Take care with -2**63 by -1, whose quotient int64 cannot hold: in PyTorch 2.9 and before
    `torch.tensor([-2**63]) % -1` ends the Python process on an x86 CPU.
    """
    x = torch.tensor(x, device=device)

    assert (x % y).item() == remainder
    assert torch.remainder(x, y).item() == remainder


@pytest.mark.parametrize(
    ("x", "y", "remainder"), [(8, 3, 2), (-8, 3, -2), (8, -3, 2), (-8, -3, -2)]
)
def test_fmod_has_the_sign_of_the_dividend(x, y, remainder, device):
    """`torch.fmod(torch.tensor([-8, 8]), y)` is [-2, 2] for `y = 3` and for `y = -3`: the
    remainder has the sign of the dividend, as `%` has in C.
    """
    assert torch.fmod(torch.tensor(x, device=device), y).item() == remainder


def test_remainders_of_floats_may_be_fractions(device):
    """`%` and `torch.fmod` take dense float32 tensors too: the remainder of 5.25 by 2 is
    1.25; that of -5.25 is 0.75 by `%` and -1.25 by `torch.fmod`.
    """
    x = torch.tensor([5.25, -5.25], device=device)

    assert (x % 2).tolist() == [1.25, 0.75]
    assert x.fmod(2).tolist() == [1.25, -1.25]


integers = st.integers(-(2**31), 2**31 - 1)


@given(integers, integers.filter(bool))
def test_floor_division_and_remainder_agree_with_python(x, y):
    """`//` and `%` of a dense int64 tensor by a Python int agree with Python's `//` and `%`
    of ints, for numbers from -2**31 to 2**31 - 1, the divisor not being 0.
    """
    assert (torch.tensor(-7) // 2).item() == -7 // 2 == -4
    assert (torch.tensor(x) // y).item() == x // y
    assert (torch.tensor(x) % y).item() == x % y


def test_divmod_is_not_defined():
    """Python's `divmod(x, 3)` raises a TypeError for an int64 tensor `x`.

    Write `x // 3, x % 3`.
    """
    x = torch.tensor([7])

    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for divmod\(\)"):
        divmod(x, 3)

    assert (x // 3).tolist() == [2]
    assert (x % 3).tolist() == [1]


@pytest.mark.parametrize(
    "divide",
    [torch.floor_divide, torch.remainder, torch.fmod, lambda x, y: x // y, lambda x, y: x % y],
)
def test_an_integer_divided_by_zero_is_an_error(divide):
    """On the CPU `//`, `%` and `torch.fmod` of a dense nonempty int64 tensor by the integer
    0 raise a RuntimeError that says "ZeroDivisionError".

    Because no integer can stand for infinity. `x / 0` and `x // 0.0` compute in floats and give
    inf, -inf or NaN; on CUDA no error is raised and the result is arbitrary.
    """
    x = torch.tensor([1, -1])

    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        divide(x, 0)

    assert (x // 0.0).tolist() == [torch.inf, -torch.inf]


def test_true_division_by_zero_gives_infinities(device):
    """`x / 0` of a dense float32 or int64 tensor raises no error: it gives inf for 1, -inf
    for -1 and NaN for 0.
    """
    floats = torch.tensor([1.0, -1.0, 0.0], device=device) / 0
    integers = torch.tensor([1, -1, 0], device=device) / 0

    assert str(floats.tolist()) == "[inf, -inf, nan]"
    assert str(integers.tolist()) == "[inf, -inf, nan]"


def test_a_float_divided_by_zero_leaves_no_remainder(device):
    """For a dense float32 tensor of finite numbers other than 0, `x // 0` is inf or -inf
    and `x % 0` is NaN; no error is raised.
    """
    x = torch.tensor([1.0, -1.0], device=device)

    assert (x // 0).tolist() == [torch.inf, -torch.inf]
    assert (x % 0).isnan().tolist() == [True, True]


def test_a_reciprocal_is_one_divided_by_the_number(device):
    """`torch.reciprocal(x)` of a dense int64 tensor is `1 / x`: it gives floats, and inf
    for 0.
    """
    x = torch.tensor([4, 0], device=device)

    assert x.reciprocal().tolist() == (1 / x).tolist() == [0.25, torch.inf]


@pytest.mark.parametrize(
    ("dtype", "largest", "smallest"),
    [
        (torch.uint8, 255, 0),
        (torch.int8, 127, -128),
        (torch.int16, 32767, -32768),
        (torch.int32, 2147483647, -2147483648),
        (torch.int64, 9223372036854775807, -9223372036854775808),
    ],
)
def test_an_integer_past_the_end_of_its_range_starts_again(dtype, largest, smallest, device):
    """For dense uint8, int8, int16, int32 and int64 tensors, `x + 1` of the largest number
    is the smallest number of the dtype, without error or warning.

    The dtype doesn't grow as Python's int does; convert the narrower ones to int64 first.
    """
    following = torch.tensor([largest], dtype=dtype, device=device) + 1

    assert following.dtype == dtype
    assert following.tolist() == [smallest]
    assert (following - 1).tolist() == [largest]


def test_a_product_of_integers_may_overflow(device):
    """`torch.tensor([100], dtype=torch.int8) * 2` is [-56] and `torch.tensor([2**62]) * 4`
    is [0]: these products are too large for int8 and int64, and only their low bits are
    kept, without an error.
    """
    assert (torch.tensor([100], dtype=torch.int8, device=device) * 2).tolist() == [-56]
    assert (torch.tensor([100], dtype=torch.int16, device=device) * 2).tolist() == [200]
    assert (torch.tensor([2**62], device=device) * 4).tolist() == [0]


def test_the_smallest_integer_has_no_opposite(device):
    """`-x` and `abs(x)` of -128 in an int8 tensor are -128 again.

    Because 128 doesn't fit into int8. The smallest numbers of int16, int32 and int64 behave so,
    too.
    """
    x = torch.tensor([-128], dtype=torch.int8, device=device)

    assert (-x).tolist() == [-128]
    assert abs(x).tolist() == [-128]
