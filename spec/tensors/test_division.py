"""Division, remainders and overflow.

`/` always divides truly, so integers give floats; `//` rounds down and `%` is what that leaves, as
in Python. It wasn't always so: up to PyTorch 1.4 `/` between integers cut the fraction off, and up
to 1.12 `//` rounded towards zero.

Dividing a float by zero gives an infinity, dividing an integer by zero an error. And integers have
a fixed width: past the end of their range they start again at the other end, without a warning.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


def test_dividing_integers_gives_floats(device):
    """`/` between integers divides truly and gives floats, even where nothing is left over."""
    quotient = torch.tensor([3, -4], device=device) / torch.tensor([2, 2], device=device)

    assert quotient.dtype == torch.float32
    assert quotient.tolist() == [1.5, -2.0]


def test_dividing_booleans_gives_floats(device):
    """`/` turns booleans into floats too."""
    quotient = torch.tensor([True, False], device=device) / 2

    assert quotient.dtype == torch.float32
    assert quotient.tolist() == [0.5, 0.0]


def test_division_of_a_large_integer_loses_its_last_digits():
    """Dividing a large integer passes through float32 and loses its last digits; `//` doesn't."""
    x = torch.tensor([2**24 + 1])

    assert (x / 1).tolist() == [2.0**24]
    assert (x // 1).tolist() == [2**24 + 1]


def test_an_integer_tensor_cannot_be_divided_in_place():
    """`x /= 2` and `x.div_(2)` are refused for integers; `x //= 2` is fine."""
    x = torch.tensor([7, 8])

    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        x.div_(2)
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        x /= 2
    x //= 2

    assert x.tolist() == [3, 4]


@pytest.mark.parametrize("floor_divide", [torch.floor_divide, lambda x, y: x // y])
def test_floor_division_rounds_down(floor_divide, device):
    """`//` and `torch.floor_divide` round down, away from zero for negative quotients."""
    quotient = floor_divide(torch.tensor([7, -7], device=device), 2)

    assert quotient.dtype == torch.int64
    assert quotient.tolist() == [3, -4]


def test_floor_division_of_floats_gives_whole_floats(device):
    """`//` between floats rounds down too, and the whole number is still a float."""
    quotient = torch.tensor([7.5, -7.5], device=device) // 2

    assert quotient.dtype == torch.float32
    assert quotient.tolist() == [3.0, -4.0]


def test_floor_division_sees_the_exact_quotient():
    """`1.0 // 0.1` is 9, as in Python: the float nearest to 0.1 is a little larger than 0.1."""
    one = torch.tensor([1.0])

    assert (one // 0.1).tolist() == [9.0]
    assert (one / 0.1).floor().tolist() == [10.0]


@pytest.mark.parametrize(
    ("rounding_mode", "result"), [(None, [3.5, -3.5]), ("floor", [3, -4]), ("trunc", [3, -3])]
)
def test_rounding_mode_says_what_div_does_with_the_fraction(rounding_mode, result, device):
    """`torch.div` keeps the fraction, rounds down (`"floor"`) or towards zero (`"trunc"`)."""
    x = torch.tensor([7, -7], device=device)

    assert torch.div(x, 2, rounding_mode=rounding_mode).tolist() == result


def test_a_rounding_mode_keeps_integers_integers(device):
    """With a rounding mode, `div` of integers gives integers."""
    x = torch.tensor([7], device=device)

    down = torch.div(x, 2, rounding_mode="floor")
    towards_zero = torch.div(x, 2, rounding_mode="trunc")
    true = torch.div(x, 2)

    assert down.dtype == torch.int64
    assert towards_zero.dtype == torch.int64
    assert true.dtype == torch.float32


def test_an_unknown_rounding_mode_is_refused():
    """Another rounding mode is refused with the list of those that exist."""
    with pytest.raises(RuntimeError, match="to be one of None, 'trunc', or 'floor' but found 'up'"):
        torch.div(torch.tensor([7]), 2, rounding_mode="up")


@pytest.mark.parametrize(
    ("x", "y", "remainder"), [(8, 3, 2), (-8, 3, 1), (8, -3, -1), (-8, -3, -2)]
)
def test_the_remainder_has_the_sign_of_the_divisor(x, y, remainder, device):
    """`%` and `torch.remainder` have the sign of the divisor, as in Python."""
    x = torch.tensor(x, device=device)

    assert (x % y).item() == remainder
    assert torch.remainder(x, y).item() == remainder


@pytest.mark.parametrize(
    ("x", "y", "remainder"), [(8, 3, 2), (-8, 3, -2), (8, -3, 2), (-8, -3, -2)]
)
def test_fmod_has_the_sign_of_the_dividend(x, y, remainder, device):
    """`torch.fmod` has the sign of the dividend, as in C."""
    assert torch.fmod(torch.tensor(x, device=device), y).item() == remainder


def test_remainders_of_floats_may_be_fractions(device):
    """Floats have remainders too: what is left may be a fraction."""
    x = torch.tensor([5.25, -5.25], device=device)

    assert (x % 2).tolist() == [1.25, 0.75]
    assert x.fmod(2).tolist() == [1.25, -1.25]


integers = st.integers(-(2**31), 2**31 - 1)


@given(integers, integers.filter(bool))
def test_floor_division_and_remainder_agree_with_python(x, y):
    """`//` and `%` of integer tensors agree with Python for every pair of integers."""
    assert (torch.tensor(x) // y).item() == x // y
    assert (torch.tensor(x) % y).item() == x % y


def test_divmod_is_not_defined():
    """`divmod` isn't defined for tensors, although both of its halves are."""
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for divmod\(\)"):
        divmod(torch.tensor([7]), 2)


@pytest.mark.parametrize(
    "divide",
    [torch.floor_divide, torch.remainder, torch.fmod, lambda x, y: x // y, lambda x, y: x % y],
)
def test_an_integer_divided_by_zero_is_an_error(divide):
    """`//`, `%` and `fmod` of an integer by zero fail, with a RuntimeError that says what it is."""
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        divide(torch.tensor([1]), 0)


def test_true_division_by_zero_gives_infinities(device):
    """`/` by zero is no error: it gives an infinity, or NaN for 0/0, for integers as well."""
    floats = torch.tensor([1.0, -1.0, 0.0], device=device) / 0
    integers = torch.tensor([1, -1, 0], device=device) / 0

    assert str(floats.tolist()) == "[inf, -inf, nan]"
    assert str(integers.tolist()) == "[inf, -inf, nan]"


def test_a_float_divided_by_zero_leaves_no_remainder(device):
    """A float `//` zero is infinite and its remainder NaN."""
    x = torch.tensor([1.0, -1.0], device=device)

    assert (x // 0).tolist() == [torch.inf, -torch.inf]
    assert (x % 0).isnan().tolist() == [True, True]


def test_a_reciprocal_is_one_divided_by_the_number(device):
    """`torch.reciprocal(x)` is `1 / x`: integers give floats, zero gives infinity."""
    assert torch.tensor([4, 0], device=device).reciprocal().tolist() == [0.25, torch.inf]


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
    """One more than the largest integer of a dtype is its smallest one, and no warning is given."""
    following = torch.tensor([largest], dtype=dtype, device=device) + 1

    assert following.dtype == dtype
    assert following.tolist() == [smallest]
    assert (following - 1).tolist() == [largest]


def test_a_product_of_integers_may_overflow(device):
    """A product too large for its dtype keeps only the bits that fit."""
    assert (torch.tensor([100], dtype=torch.int8, device=device) * 2).tolist() == [-56]
    assert (torch.tensor([100], dtype=torch.int16, device=device) * 2).tolist() == [200]
    assert (torch.tensor([2**62], device=device) * 4).tolist() == [0]


def test_the_smallest_integer_has_no_opposite(device):
    """The smallest integer of a dtype is its own negative and its own absolute value."""
    x = torch.tensor([-128], dtype=torch.int8, device=device)

    assert (-x).tolist() == [-128]
    assert abs(x).tolist() == [-128]
