"""Comparing tensors.

`==`, `<` and their kin compare element by element and answer with a boolean tensor; `torch.equal`
says in one word whether two tensors are the same, `torch.allclose` whether they are nearly so.

The surprise for Python hands: a tensor of several answers is no answer. `if x == y:`, `x < y < z`
and `x and y` are refused; say `.all()` or `.any()`, and join masks with `&`.
"""

import operator

import pytest
import torch


@pytest.mark.parametrize(
    ("compare", "name", "result"),
    [
        (operator.eq, "eq", [False, True, False]),
        (operator.ne, "ne", [True, False, True]),
        (operator.lt, "lt", [True, False, False]),
        (operator.le, "le", [True, True, False]),
        (operator.gt, "gt", [False, False, True]),
        (operator.ge, "ge", [False, True, True]),
    ],
)
def test_comparison_goes_element_by_element(compare, name, result, device):
    """A comparison answers for each element, as operator, function and method."""
    x = torch.tensor([1, 2, 3], device=device)
    y = torch.tensor([2, 2, 2], device=device)

    assert compare(x, y).tolist() == result
    assert compare(x, 2).tolist() == result
    assert getattr(torch, name)(x, y).tolist() == result
    assert getattr(x, name)(2).tolist() == result


def test_comparing_gives_booleans(device):
    """A comparison gives a boolean tensor; up to PyTorch 1.1 it gave bytes."""
    mask = torch.tensor([1, 2], device=device) == 2

    assert mask.dtype == torch.bool
    assert mask.tolist() == [False, True]


def test_comparing_shapes_that_do_not_fit_is_an_error(device):
    """Comparing shapes that don't fit together is an error, no `False`."""
    x = torch.tensor([1, 2], device=device)

    with pytest.raises(RuntimeError, match=r"size of tensor a \(2\) must match .* tensor b \(3\)"):
        (x == torch.tensor([1, 2, 3], device=device)).all()


def test_comparison_looks_past_the_dtype(device):
    """`==` looks past the dtype: 1 equals 1.0, and True as well."""
    integers = torch.tensor([0, 1], device=device)
    floats = torch.tensor([0.5, 1.0], device=device)
    booleans = torch.tensor([False, True], device=device)

    assert (integers == floats).tolist() == [False, True]
    assert (integers == booleans).tolist() == [True, True]


def test_large_integers_are_compared_with_floats_as_floats():
    """A large integer is compared with a float as float32, where neighbours fall together."""
    x = torch.tensor([2**24 + 1])
    neighbour = torch.tensor([2**24])

    assert (x == neighbour).tolist() == [False]
    assert (x == neighbour.float()).tolist() == [True]


def test_a_tensor_is_never_equal_to_a_list():
    """`==` with a list is one plain `False`, `!=` one plain `True`, and `<` is refused."""
    x = torch.tensor([1, 2])
    numbers = x.tolist()

    assert (x == numbers) is False
    assert (x != numbers) is True
    with pytest.raises(TypeError, match="'<' not supported between instances of 'Tensor' and 'lis"):
        (x < numbers).all()


def test_is_asks_for_the_same_object():
    """`is` asks for the same tensor object, not for the same numbers or the same memory."""
    x = torch.tensor([1, 2])
    same = x
    view = x[:]

    assert (same is x) is True
    assert (view is x) is False
    assert (view == x).tolist() == [True, True]


def test_tensors_hash_by_identity():
    """A tensor hashes by identity, so a dictionary takes equal tensors for two keys."""
    x, y = torch.tensor(1), torch.tensor(1)

    names = {x: "x", y: "y"}

    assert names[x] == "x"
    assert names[y] == "y"


def test_equal_gives_one_answer(device):
    """`torch.equal` gives one Python boolean: same shape and the same numbers."""
    x = torch.tensor([1, 2], device=device)
    longer = torch.tensor([1, 2, 2], device=device)

    assert torch.equal(x, x.clone()) is True
    assert torch.equal(x, x.flip(0)) is False
    assert torch.equal(x, longer) is False


def test_equal_does_not_broadcast(device):
    """`torch.equal` doesn't broadcast as `==` does: [1] isn't [1, 1]."""
    one = torch.tensor([1], device=device)
    ones = torch.tensor([1, 1], device=device)

    assert torch.equal(one, ones) is False
    assert (one == ones).tolist() == [True, True]


def test_equal_looks_past_the_dtype():
    """`torch.equal` looks past the dtype as `==` does; in PyTorch 1.9 that was still an error."""
    x = torch.tensor([1, 2])
    halfway = x + 0.5

    assert torch.equal(x, x.double()) is True
    assert torch.equal(x, halfway) is False


def test_equal_needs_two_tensors():
    """`torch.equal` needs two tensors: a number is refused."""
    with pytest.raises(TypeError, match=r"argument 'other' \(position 2\) must be Tensor, not int"):
        torch.equal(torch.tensor([1]), 1)


def test_sums_that_differ_by_rounding_are_not_equal(device):
    """0.1 + 0.2 isn't 0.3 in float64, but close to it."""
    total = torch.tensor([0.1, 0.5], dtype=torch.float64, device=device) + 0.2
    expected = torch.tensor([0.3, 0.7], dtype=torch.float64, device=device)

    assert (total == expected).tolist() == [False, True]
    assert torch.allclose(total, expected) is True


def test_the_same_decimal_differs_between_dtypes(device):
    """0.1 rounded to float32 isn't 0.1 rounded to float64; a Python 0.1 is rounded to fit."""
    single = torch.tensor([0.1], device=device)
    double = torch.tensor([0.1], dtype=torch.float64, device=device)

    assert (single == double).tolist() == [False]
    assert (single == 0.1).tolist() == [True]
    assert (double == 0.1).tolist() == [True]


def test_isclose_answers_for_each_element(device):
    """`torch.isclose` answers for each element, `torch.allclose` for all in one Python boolean."""
    x = torch.tensor([1.0, 1.0], device=device)
    y = torch.tensor([1.000001, 1.1], device=device)

    assert torch.isclose(x, y).tolist() == [True, False]
    assert torch.allclose(x, y) is False
    assert torch.allclose(x, x.clone()) is True


def test_close_is_an_absolute_and_a_relative_tolerance():
    """By default `isclose` allows 1e-8 plus 1e-5 of the second number."""
    expected = torch.tensor([0.0, 0.0, 1.0, 1.0, 1000.0], dtype=torch.float64)
    off = torch.tensor([0.9e-8, 1.1e-8, 0.9e-5, 1.1e-5, 0.9e-2], dtype=torch.float64)

    assert torch.isclose(expected + off, expected).tolist() == [True, False, True, False, True]


def test_the_relative_tolerance_counts_from_the_second_number(device):
    """`rtol` is a share of the second number, so the order of the two can matter."""
    ten = torch.tensor([10.0], device=device)
    twelve = torch.tensor([12.5], device=device)

    assert torch.isclose(ten, twelve, rtol=0.2, atol=0).tolist() == [True]
    assert torch.isclose(twelve, ten, rtol=0.2, atol=0).tolist() == [False]


def test_allclose_broadcasts_but_does_not_convert(device):
    """`allclose` broadcasts, unlike `equal`, but refuses tensors of two dtypes."""
    ones = torch.ones(3, device=device)

    assert torch.allclose(ones, torch.ones(1, device=device)) is True
    with pytest.raises(RuntimeError, match="Float did not match Double"):
        torch.allclose(ones, ones.double())


def test_several_answers_are_no_answer(device):
    """Python can't decide on several answers: `if`, `and`, `not` and chains are refused."""
    x = torch.tensor([1, 2], device=device)

    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is"):
        bool(x == x)
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is"):
        ((x > 0) and (x < 2)).all()
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is"):
        (0 < x < 2).all()

    assert ((x > 0) & (x < 2)).tolist() == [True, False]


def test_one_answer_is_enough_for_python(device):
    """`any()` and `all()` make one answer of many, and that decides an `if`."""
    mask = torch.tensor([1, 2], device=device) == 2

    assert bool(mask.any()) is True
    assert bool(mask.all()) is False
    assert (not mask.any()) is False


def test_in_looks_for_an_equal_element(device):
    """`number in x` looks for an equal element; other things than numbers are refused."""
    x = torch.tensor([[0, 0], [7, 0]], device=device)
    found, missing = 7, 8

    assert (found in x) is True
    assert (missing in x) is False
    with pytest.raises(RuntimeError, match="only supports Tensor or scalar, but you passed in a"):
        bool("3" in x)


def test_looking_for_a_tensor_in_a_list_compares_elements():
    """`x in [y]` wants one answer from `x == y`, so it fails for tensors of several elements."""
    one, two = torch.tensor([1]), torch.tensor([1, 2])
    singles, pairs = [one], [two]

    assert (one.clone() in singles) is True
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is"):
        bool(two.clone() in pairs)


def test_isin_asks_for_each_element_whether_it_is_among_others(device):
    """`torch.isin` asks for each element whether it is among others."""
    x = torch.tensor([1, 2, 3], device=device)
    others = torch.tensor([3, 1], device=device)

    assert torch.isin(x, others).tolist() == [True, False, True]
    assert torch.isin(x, 3).tolist() == [False, False, True]


def test_masks_are_joined_with_and_or_and_not(device):
    """Masks are joined with `&`, `|` and `^`, and turned round with `~`."""
    x = torch.tensor([True, True, False], device=device)
    y = torch.tensor([True, False, False], device=device)

    assert (x & y).tolist() == [True, False, False]
    assert (x | y).tolist() == [True, True, False]
    assert (x ^ y).tolist() == [False, True, False]
    assert (~y).tolist() == [False, True, True]


def test_logical_functions_take_numbers_for_truth(device):
    """`logical_and`, `logical_or` and `logical_xor` take any number but zero for true."""
    x = torch.tensor([2, 2, 0], device=device)
    y = torch.tensor([4, 0, 0], device=device)

    assert torch.logical_and(x, y).tolist() == [True, False, False]
    assert torch.logical_or(x, y).tolist() == [True, True, False]
    assert torch.logical_xor(x, y).tolist() == [False, True, False]


def test_the_tilde_flips_bits_not_truth(device):
    """On integers `~` flips bits; `logical_not` asks which are zero."""
    x = torch.tensor([0, 1], device=device)

    assert (~x).tolist() == [-1, -2]
    assert x.logical_not().tolist() == [True, False]
