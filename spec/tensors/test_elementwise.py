"""Functions of each element.

`torch.sqrt`, `torch.round`, `torch.abs` and similar functions compute each element of the result
from the element at the same index of the input, so the result has the shape of the input. Each is
a function, a method, and mostly also an in-place method with a trailing underscore. `sqrt`, `exp`
and others whose results are fractions turn integers into floats.

What surprises: `torch.round` sends halves to the even neighbour, both `1.5` and `2.5` to `2`; a
lower bound above the upper one is no error for `clamp`; and a negative power of an integer tensor
raises an error for a Python exponent, but for a tensor exponent its fraction is dropped.
"""

import pytest
import torch


@pytest.mark.parametrize(
    ("name", "numbers", "result"),
    [
        ("abs", [-1.5, 2.0], [1.5, 2.0]),
        ("neg", [-1.5, 2.0], [1.5, -2.0]),
        ("square", [-3.0, 0.5], [9.0, 0.25]),
        ("sqrt", [9.0, 0.25], [3.0, 0.5]),
        ("rsqrt", [4.0, 0.25], [0.5, 2.0]),
        ("reciprocal", [4.0, -0.5], [0.25, -2.0]),
        ("exp", [0.0], [1.0]),
        ("log", [1.0], [0.0]),
        ("log2", [8.0, 0.5], [3.0, -1.0]),
        ("sin", [0.0], [0.0]),
        ("cos", [0.0], [1.0]),
        ("tanh", [0.0], [0.0]),
        ("sigmoid", [0.0], [0.5]),
        ("floor", [-1.5, 1.5], [-2.0, 1.0]),
        ("ceil", [-1.5, 1.5], [-1.0, 2.0]),
        ("trunc", [-1.5, 1.5], [-1.0, 1.0]),
    ],
)
def test_a_function_answers_element_by_element(name, numbers, result, device):
    """`torch.sqrt(x)` and `x.sqrt()` of `x = torch.tensor([9.0, 0.25])` give a new tensor with
    the square root of each element, [3, 0.5]; `abs`, `exp`, `log2`, `floor` and `sigmoid` of a
    float32 tensor work alike.
    """
    x = torch.tensor(numbers, device=device)

    assert getattr(torch, name)(x).tolist() == result
    assert getattr(x, name)().tolist() == result
    assert x.tolist() == numbers


def test_the_name_with_an_underscore_writes_into_the_tensor(device):
    """`x.sqrt_()` of `x = torch.tensor([9.0, 0.25])` writes the roots into `x` itself and
    returns `x`; for an int64 tensor it raises RuntimeError.

    Because the roots are floats and a tensor keeps its dtype in place. Use `x.sqrt()` or a
    float `x`.
    """
    x = torch.tensor([9.0, 0.25], device=device)

    returned = x.sqrt_()

    assert returned is x
    assert x.tolist() == [3.0, 0.5]
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        torch.tensor([4, 9], device=device).sqrt_()


def test_pythons_abs_and_minus_work_on_tensors(device):
    """Python's `abs(x)` and `-x` of a float32 tensor are `torch.abs(x)` and `torch.neg(x)`;
    Python's `round(x)` raises a TypeError.

    Because tensors have no `__round__`. Write `x.round()`.
    """
    x = torch.tensor([-1.5, 2.0], device=device)

    assert abs(x).tolist() == [1.5, 2.0]
    assert (-x).tolist() == [1.5, -2.0]
    with pytest.raises(TypeError, match="type Tensor doesn't define __round__ method"):
        round(x)


@pytest.mark.parametrize(
    ("name", "result"), [("sqrt", [2.0, 3.0]), ("rsqrt", [0.5, 1 / 3]), ("log2", [2.0, 3.1699])]
)
def test_functions_with_fractional_results_turn_integers_into_floats(name, result):
    """`torch.sqrt`, `torch.rsqrt` and `torch.log2` of an int64 tensor give a float32
    tensor, as long as the default dtype is float32.
    """
    y = getattr(torch, name)(torch.tensor([4, 9]))

    assert y.dtype == torch.float32
    assert y.tolist() == pytest.approx(result, abs=1e-4)


def test_functions_with_whole_results_keep_integers_integers():
    """`abs`, `neg`, `square` and `sign` of an int64 tensor give an int64 tensor."""
    x = torch.tensor([-3, 0, 2])

    assert x.abs().tolist() == [3, 0, 2]
    assert x.neg().tolist() == [3, 0, -2]
    assert x.square().tolist() == [9, 0, 4]
    assert x.sign().tolist() == [-1, 0, 1]
    assert x.sign().dtype == torch.int64
    assert x.abs().dtype == torch.int64
    assert x.neg().dtype == torch.int64
    assert x.square().dtype == torch.int64


def test_halves_are_rounded_to_the_even_neighbour(device):
    """`torch.round(x)` of a float32 tensor sends a half to the even neighbour, as Python's
    `round` does: 0.5 to 0, 1.5 and 2.5 to 2.

    Rounding halves always up would make the mean of many rounded numbers too large.
    """
    halves = torch.tensor([-1.5, -0.5, 0.5, 1.5, 2.5, 3.5], device=device)

    assert halves.round().tolist() == [-2.0, 0.0, 0.0, 2.0, 2.0, 4.0]
    assert [round(half) for half in halves.tolist()] == [-2, 0, 0, 2, 2, 4]


def test_rounding_gives_floats():
    """`torch.round(x)` keeps the dtype of a float32 or int64 tensor `x`: a rounded float32
    is still float32, and the elements of an int64 tensor stay the same.

    To get integers write `x.round().long()`.
    """
    rounded = torch.round(torch.tensor([2.75]))
    integers = torch.round(torch.tensor([7]))

    assert rounded.dtype == torch.float32
    assert rounded.tolist() == [3.0]
    assert integers.dtype == torch.int64
    assert integers.tolist() == [7]


def test_rounding_to_decimals(device):
    """`x.round(decimals=2)` of `x = torch.tensor([1234.5678])` is 1234.57, up to rounding,
    and `x.round(decimals=-2)` is 1200. For `x = torch.tensor([1234])`, int64, both raise an
    error, "not implemented for 'Long'": write `x.float()` first.

    The number is multiplied by a power of 10, rounded, and divided again: so with `decimals=2` the
    float32 number 2.345 becomes 2.34, and the largest float32 becomes inf.
    """
    largest = torch.finfo(torch.float32).max
    x = torch.tensor([1234.5678, largest], device=device)

    assert x.round(decimals=2).tolist() == pytest.approx([1234.57, torch.inf], abs=1e-3)
    assert x.round(decimals=-2).tolist() == [1200.0, torch.inf]
    # Python rounds the float32 nearest to 2.345, which lies above it, to 2.35.
    almost = torch.tensor([2.345], device=device)
    assert almost.round(decimals=2).tolist() == pytest.approx([2.34])
    assert round(almost.item(), 2) == 2.35
    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        torch.tensor([1234], device=device).round(decimals=2)
    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        torch.tensor([1234], device=device).round(decimals=-2)


def test_frac_is_what_trunc_cuts_off(device):
    """For a finite float32 tensor `torch.frac(x)` is `x - torch.trunc(x)`, the part after
    the decimal point; where the result is not 0, the result has the sign of `x`.
    """
    x = torch.tensor([-1.75, 2.5], device=device)

    assert x.trunc().tolist() == [-1.0, 2.0]
    assert x.frac().tolist() == (x - x.trunc()).tolist() == [-0.75, 0.5]


def test_clamp_moves_numbers_between_two_bounds(device):
    """`torch.clamp(x, 3, 6)` of an int64 tensor sets elements below 3 to 3 and elements above 6
    to 6, in a new tensor; `torch.clip` is an alias.
    """
    x = torch.tensor([1, 5, 9], device=device)

    assert torch.clamp(x, 3, 6).tolist() == [3, 5, 6]
    assert torch.clip(x, 3, 6).tolist() == [3, 5, 6]
    assert x.tolist() == [1, 5, 9]


def test_clamp_with_one_bound_leaves_the_other_side_open(device):
    """`x.clamp(min=3)` of an int64 tensor bounds only from below, `x.clamp(max=6)` only from
    above; without a bound `clamp` raises a RuntimeError.

    `F.relu(x)` gives the values of `x.clamp(min=0)`.
    """
    x = torch.tensor([1, 5, 9], device=device)

    assert x.clamp(min=3).tolist() == [3, 5, 9]
    assert x.clamp(max=6).tolist() == [1, 5, 6]
    assert (x - 4).clamp(min=0).tolist() == (x - 4).relu().tolist() == [0, 1, 5]
    with pytest.raises(RuntimeError, match="At least one of 'min' or 'max' must not be None"):
        x.clamp()


def test_clamp_with_crossed_bounds_gives_the_upper_one(device):
    """`x.clamp(min=6, max=3)` of a float32 tensor, with the lower bound above the upper one,
    sets every element but NaN to 3, without an error.

    NumPy's `clip` does the same.
    """
    clamped = torch.tensor([1.0, 5.0, 9.0, torch.nan], device=device).clamp(min=6, max=3)

    assert str(clamped.tolist()) == "[3.0, 3.0, 3.0, nan]"


def test_clamp_takes_a_bound_for_each_element(device):
    """With `x = torch.tensor([1, 5, 9])` and `low = torch.tensor([2, 0, 0])`,
    `x.clamp(low, torch.tensor([10, 4, 10]))` is [2, 4, 9], each element with bounds of its
    own; `x.clamp(low, 7)`, a tensor and a number, raises a TypeError.

    Call `clamp` twice, or make the number a 0-d tensor.
    """
    x = torch.tensor([1, 5, 9], device=device)
    low = torch.tensor([2, 0, 0], device=device)
    high = torch.tensor([10, 4, 10], device=device)

    assert x.clamp(low, high).tolist() == [2, 4, 9]
    with pytest.raises(TypeError, match=r"clamp\(\) received an invalid combination of arguments"):
        x.clamp(low, 7)

    assert x.clamp(low, torch.tensor(7, device=device)).tolist() == [2, 5, 7]


def test_maximum_and_minimum_compare_two_tensors(device):
    """`torch.maximum(x, y)` of two int64 tensors of the same shape gives the larger element at
    each index, `torch.minimum(x, y)` the smaller.

    Of floats, a NaN in either tensor gives NaN, see `spec/tensors/test_special_values.py`.
    """
    x = torch.tensor([1, 5], device=device)
    y = torch.tensor([3, 4], device=device)

    assert torch.maximum(x, y).tolist() == [3, 5]
    assert torch.minimum(x, y).tolist() == [1, 4]


def test_maximum_refuses_a_number():
    """`torch.maximum(x, 3)` raises a TypeError, since the second argument has to be a tensor as
    well.

    Write `torch.maximum(x, torch.tensor(3))`, with a 0-d tensor, or `x.clamp(min=3)`, which on
    PyTorch 2.0 refuses float16 on the CPU.
    """
    x = torch.tensor([1, 5])

    with pytest.raises(TypeError, match=r"argument 'other' \(position 2\) must be Tensor, not int"):
        torch.maximum(x, 3)

    assert x.clamp(min=3).tolist() == [3, 5]
    assert torch.maximum(x, torch.tensor(3)).tolist() == [3, 5]


def test_integers_refuse_negative_integer_powers():
    """On the CPU `x ** -1` of an int64 tensor `x` raises a RuntimeError; `x ** -1.0` gives floats.

    Make the exponent or the base a float: `x ** -1.0`, `x.float() ** -1`. With `torch.tensor(-1)`
    as exponent nothing is raised, but 2 becomes 0, because int64 holds no fractions.
    """
    x = torch.tensor([1, 4])

    with pytest.raises(RuntimeError, match="Integers to negative integer powers are not allowed"):
        x**-1

    assert (x**-1.0).tolist() == [1.0, 0.25]
    assert (x.float() ** -1).tolist() == [1.0, 0.25]


def test_a_negative_exponent_in_an_integer_tensor_is_not_refused(device):
    """`x ** y` of int64 tensors raises no error for exponents of -1 in `y`: the fraction is
    dropped, so 4 and -4 to the power of -1 are 0, while 1 and -1 to the power of -1 are 1 and -1.

    0 to the power of -1 gives 0 as well. On the CPU a negative Python int as the exponent is
    refused; convert a tensor exponent to float.
    """
    x = torch.tensor([1, 4, -1, -4], device=device)
    exponents = torch.tensor([-1, -1, -1, -1], device=device)

    assert (x**exponents).tolist() == [1, 0, -1, 0]
    assert (x ** exponents.float()).tolist() == [1.0, 0.25, -1.0, -0.25]


def test_a_power_may_differ_for_each_element(device):
    """`x.pow(exponents)` of two float32 tensors of the same shape takes one exponent for each
    element: [4, 4, 4] to the powers [2, 1, -1] is [16, 4, 0.25]. `x.pow(0.5)` of
    `x = torch.tensor([4.0, 4.0, 4.0])` is [2, 2, 2].
    """
    x = torch.tensor([4.0, 4.0, 4.0], device=device)

    assert x.pow(torch.tensor([2.0, 1.0, -1.0], device=device)).tolist() == [16.0, 4.0, 0.25]
    assert x.pow(0.5).tolist() == [2.0, 2.0, 2.0]


def test_lerp_goes_part_of_the_way(device):
    """`torch.lerp(start, end, 0.25)` of the float32 vectors [0, 10] and [10, 30] is [2.5, 15],
    a quarter of the way: `start + 0.25 * (end - start)`, a linear interpolation.

    From 1e8 to 1 with the weight 1.0 it gives exactly 1, the end, where the formula gives 0,
    because `end - start` is rounded.
    """
    start = torch.tensor([0.0, 10.0], device=device)
    end = torch.tensor([10.0, 30.0], device=device)

    assert torch.lerp(start, end, 0.25).tolist() == [2.5, 15.0]
    far, one = torch.tensor([1e8], device=device), torch.tensor([1.0], device=device)

    assert torch.lerp(far, one, 1.0).tolist() == [1.0]
    assert (far + 1.0 * (one - far)).tolist() == [0.0]


def test_addcmul_and_addcdiv_add_a_product_or_a_quotient(device):
    """For `x = torch.tensor([100.0])`, `a = torch.tensor([8.0])` and `b = torch.tensor([2.0])`,
    `torch.addcmul(x, a, b, value=3)` is [148.0], `x + 3 * a * b`, and
    `torch.addcdiv(x, a, b, value=3)` is [112.0], `x + 3 * a / b`.

    On the CPU `torch.optim.Adam` by default computes with both. `addcdiv` refuses `a` and `b` that
    are both int64.
    """
    x = torch.tensor([100.0], device=device)
    a = torch.tensor([8.0], device=device)
    b = torch.tensor([2.0], device=device)

    assert torch.addcmul(x, a, b, value=3).tolist() == [148.0]
    assert torch.addcdiv(x, a, b, value=3).tolist() == [112.0]
    with pytest.raises(RuntimeError, match="Integer division with addcdiv is no longer supported"):
        torch.addcdiv(x, a.long(), b.long())
