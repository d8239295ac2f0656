"""Functions of each element.

`torch.sqrt`, `torch.round`, `torch.clamp` and their kin look at one element at a time, so the
result has the shape of the input. Functions whose results are fractions turn integers into
floats. What surprises most: halves are rounded to the even neighbour, `1.5` and `2.5` both to `2`,
and a lower bound above the upper one is no error for `clamp`.
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
    """A function like `torch.sqrt` answers element by element, as function and as method."""
    x = torch.tensor(numbers, device=device)

    assert getattr(torch, name)(x).tolist() == result
    assert getattr(x, name)().tolist() == result
    assert x.tolist() == numbers


def test_the_name_with_an_underscore_writes_into_the_tensor(device):
    """The same name with an underscore at its end, as `x.sqrt_()`, writes into the tensor."""
    x = torch.tensor([9.0, 0.25], device=device)

    returned = x.sqrt_()

    assert returned is x
    assert x.tolist() == [3.0, 0.5]


def test_pythons_abs_and_minus_work_on_tensors(device):
    """Python's `abs(x)` and `-x` are `torch.abs` and `torch.neg`."""
    x = torch.tensor([-1.5, 2.0], device=device)

    assert abs(x).tolist() == [1.5, 2.0]
    assert (-x).tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    ("name", "result"), [("sqrt", [2.0, 3.0]), ("rsqrt", [0.5, 1 / 3]), ("log2", [2.0, 3.1699])]
)
def test_functions_with_fractional_results_turn_integers_into_floats(name, result):
    """Functions with fractional results, like `sqrt`, take integers and answer in floats."""
    y = getattr(torch, name)(torch.tensor([4, 9]))

    assert y.dtype == torch.float32
    assert y.tolist() == pytest.approx(result, abs=1e-4)


def test_functions_with_whole_results_keep_integers_integers():
    """`abs`, `neg`, `square` and `sign` keep integers integers."""
    x = torch.tensor([-3, 0, 2])

    assert x.abs().tolist() == [3, 0, 2]
    assert x.neg().tolist() == [3, 0, -2]
    assert x.square().tolist() == [9, 0, 4]
    assert x.sign().tolist() == [-1, 0, 1]
    assert x.sign().dtype == torch.int64


def test_integers_cannot_be_replaced_by_their_roots_in_place():
    """`x.sqrt_()` is refused for integers: a tensor can't change its dtype in place."""
    x = torch.tensor([4, 9])

    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        x.sqrt_()

    assert x.tolist() == [4, 9]


def test_halves_are_rounded_to_the_even_neighbour(device):
    """`torch.round` sends a half to the even neighbour, as Python's `round` does."""
    halves = torch.tensor([-1.5, -0.5, 0.5, 1.5, 2.5, 3.5], device=device)

    assert halves.round().tolist() == [-2.0, 0.0, 0.0, 2.0, 2.0, 4.0]
    assert [round(half) for half in halves.tolist()] == [-2, 0, 0, 2, 2, 4]


def test_rounding_gives_floats():
    """A rounded float is still a float; an integer is rounded to itself."""
    rounded = torch.round(torch.tensor([2.75]))
    integers = torch.round(torch.tensor([7]))

    assert rounded.dtype == torch.float32
    assert rounded.tolist() == [3.0]
    assert integers.dtype == torch.int64
    assert integers.tolist() == [7]


def test_rounding_to_decimals(device):
    """`decimals=` rounds to that many places; a negative number rounds to tens or hundreds."""
    x = torch.tensor([1234.5678], device=device)

    assert x.round(decimals=2).tolist() == pytest.approx([1234.57], abs=1e-3)
    assert x.round(decimals=-2).tolist() == [1200.0]


def test_frac_is_what_trunc_cuts_off(device):
    """`torch.frac` is what `torch.trunc` cuts off, so it has the sign of the number."""
    x = torch.tensor([-1.75, 2.5], device=device)

    assert x.trunc().tolist() == [-1.0, 2.0]
    assert x.frac().tolist() == [-0.75, 0.5]


def test_clamp_moves_numbers_between_two_bounds(device):
    """`torch.clamp(x, min, max)` moves what lies outside the bounds to the nearer bound."""
    x = torch.tensor([1, 5, 9], device=device)

    assert torch.clamp(x, 3, 6).tolist() == [3, 5, 6]
    assert torch.clip(x, 3, 6).tolist() == [3, 5, 6]
    assert x.tolist() == [1, 5, 9]


def test_clamp_with_one_bound_leaves_the_other_side_open(device):
    """With one bound, `clamp` leaves the other side open; with none, it refuses."""
    x = torch.tensor([1, 5, 9], device=device)

    assert x.clamp(min=3).tolist() == [3, 5, 9]
    assert x.clamp(max=6).tolist() == [1, 5, 6]
    with pytest.raises(RuntimeError, match="At least one of 'min' or 'max' must not be None"):
        x.clamp()


def test_clamp_with_crossed_bounds_gives_the_upper_one(device):
    """If the lower bound is above the upper one, `clamp` gives the upper one everywhere."""
    clamped = torch.tensor([1, 5, 9], device=device).clamp(min=6, max=3)

    assert clamped.tolist() == [3, 3, 3]


def test_clamp_takes_a_bound_for_each_element(device):
    """The bounds of `clamp` may be tensors: one bound for each element."""
    x = torch.tensor([1, 5, 9], device=device)
    low = torch.tensor([2, 0, 0], device=device)
    high = torch.tensor([10, 4, 10], device=device)

    assert x.clamp(low, high).tolist() == [2, 4, 9]


def test_maximum_and_minimum_compare_two_tensors(device):
    """`torch.maximum` and `torch.minimum` pick the larger and the smaller of each pair."""
    x = torch.tensor([1, 5], device=device)
    y = torch.tensor([3, 4], device=device)

    assert torch.maximum(x, y).tolist() == [3, 5]
    assert torch.minimum(x, y).tolist() == [1, 4]


def test_maximum_refuses_a_number():
    """`torch.maximum` refuses a Python number; `clamp(min=...)` says the same thing."""
    x = torch.tensor([1, 5])

    with pytest.raises(TypeError, match=r"argument 'other' .* must be Tensor, not int"):
        torch.maximum(x, 3)

    assert x.clamp(min=3).tolist() == [3, 5]


def test_integers_refuse_negative_integer_powers():
    """Integers refuse a negative integer power; a float one is fine, and so is a float base."""
    x = torch.tensor([1, 4])

    with pytest.raises(RuntimeError, match="Integers to negative integer powers are not allowed"):
        x**-1

    assert (x**-1.0).tolist() == [1.0, 0.25]
    assert (x.float() ** -1).tolist() == [1.0, 0.25]


def test_a_power_may_differ_for_each_element(device):
    """The exponent may be a tensor, and a half of it is the square root."""
    x = torch.tensor([4.0, 4.0, 4.0], device=device)

    assert x.pow(torch.tensor([2.0, 1.0, -1.0], device=device)).tolist() == [16.0, 4.0, 0.25]
    assert x.pow(0.5).tolist() == [2.0, 2.0, 2.0]


def test_lerp_goes_part_of_the_way(device):
    """`torch.lerp(start, end, weight)` goes that part of the way from `start` to `end`."""
    start = torch.tensor([0.0, 10.0], device=device)
    end = torch.tensor([10.0, 30.0], device=device)

    assert torch.lerp(start, end, 0.25).tolist() == [2.5, 15.0]


def test_addcmul_and_addcdiv_add_a_product_or_a_quotient(device):
    """`addcmul` adds `value * a * b`, `addcdiv` adds `value * a / b`, as optimizers need it."""
    x = torch.tensor([100.0], device=device)
    a = torch.tensor([8.0], device=device)
    b = torch.tensor([2.0], device=device)

    assert torch.addcmul(x, a, b, value=3).tolist() == [148.0]
    assert torch.addcdiv(x, a, b, value=3).tolist() == [112.0]
