"""Comparing tensors.

`==`, `<` and the other comparisons work element by element and return a bool tensor. `torch.equal`
returns one Python bool for two whole tensors, `torch.allclose` one that allows for rounding;
`torch.testing.assert_close` raises an error with a report, see `spec/tensors/test_assert_close.py`.
NaN, which is not equal to itself, is told in `spec/tensors/test_special_values.py`.

What surprises, coming from Python: `if x == y:`, `x < y < z` and `x and y` raise an error for
tensors of several elements; write `.all()` or `.any()`, and join masks with `&`. `x == [1, 2]`
of a tensor and a list is plain `False`. And a Python integer beside a uint8 tensor is converted to
uint8 before it is compared, so that a uint8 of 200 equals 456.
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
    """`==`, `!=`, `<`, `<=`, `>` and `>=` compare two dense int64 tensors of the same shape
    element by element; `x == y` is also `torch.eq(x, y)` and `x.eq(y)`, the others are `ne`, `lt`,
    `le`, `gt` and `ge`.
    """
    x = torch.tensor([1, 2, 3], device=device)
    y = torch.tensor([2, 2, 2], device=device)

    assert compare(x, y).tolist() == result
    assert compare(x, 2).tolist() == result
    assert getattr(torch, name)(x, y).tolist() == result
    assert getattr(x, name)(2).tolist() == result


def test_comparing_gives_booleans(device):
    """`x == 2` of a dense int64 tensor `x` gives a bool tensor, which can be used as a
    mask.

    Up to PyTorch 1.1 it was a uint8 tensor.
    """
    mask = torch.tensor([1, 2], device=device) == 2

    assert mask.dtype == torch.bool
    assert mask.tolist() == [False, True]


def test_comparing_shapes_that_do_not_fit_is_an_error(device):
    """`x == y` of int64 vectors of two and of three elements raises a RuntimeError, since the
    shapes can't be broadcast, instead of giving `False`.

    `torch.equal(x, y)` is `False` then.
    """
    x = torch.tensor([1, 2], device=device)
    y = torch.tensor([1, 2, 3], device=device)

    with pytest.raises(RuntimeError, match=r"tensor a \(2\) must match the size of tensor b \(3\)"):
        (x == y).all()

    assert torch.equal(x, y) is False


def test_comparison_looks_past_the_dtype(device):
    """`==` of a dense int64 tensor and a dense float32 or bool tensor compares the values
    after type promotion: an int64 1 equals a float32 1.0 and a bool True.
    """
    integers = torch.tensor([0, 1], device=device)
    floats = torch.tensor([0.5, 1.0], device=device)
    booleans = torch.tensor([False, True], device=device)

    assert (integers == floats).tolist() == [False, True]
    assert (integers == booleans).tolist() == [True, True]


def test_large_integers_are_compared_with_floats_as_floats():
    """`==` between a dense int64 and a dense float32 tensor compares in float32: 2**24 + 1
    equals 2.0**24.

    Because float32 has 24 significant bits. Convert the float tensor to float64 first,
    which is exact up to 2**53.
    """
    x = torch.tensor([2**24 + 1])
    neighbour = torch.tensor([2**24])

    assert (x == neighbour).tolist() == [False]
    assert (x == neighbour.float()).tolist() == [True]
    assert (x == neighbour.double()).tolist() == [False]


def test_a_tensor_is_never_equal_to_a_list():
    """`x == [1, 2]` of the tensor [1, 2] is the Python bool `False` and `x != [1, 2]` is
    `True`; `x < [1, 2]` raises a TypeError.

    Because `==`, `!=` and `<` of a tensor take no list. Compare `x.tolist()`, or wrap the list in
    `torch.tensor`.
    """
    x = torch.tensor([1, 2])
    numbers = x.tolist()

    assert (x == numbers) is False
    assert (x != numbers) is True
    with pytest.raises(TypeError, match="'<' not supported between instances of 'Tensor' and 'lis"):
        (x < numbers).all()

    assert (x == torch.tensor(numbers)).tolist() == [True, True]


def test_is_asks_for_the_same_object():
    """`x is y` is true only for the same tensor object: a view such as `x[:]` is another object
    with the same memory.
    """
    x = torch.tensor([1, 2])
    same = x
    view = x[:]

    assert (same is x) is True
    assert (view is x) is False
    assert (view == x).tolist() == [True, True]
    assert (view.data_ptr() == x.data_ptr()) is True


def test_equal_gives_one_answer(device):
    """`torch.equal(x, y)` of dense int64 tensors is one Python bool: `True` if shape and
    values are the same.
    """
    x = torch.tensor([1, 2], device=device)
    longer = torch.tensor([1, 2, 2], device=device)

    assert torch.equal(x, x.clone()) is True
    assert torch.equal(x, x.flip(0)) is False
    assert torch.equal(x, longer) is False


def test_equal_does_not_broadcast(device):
    """`torch.equal` doesn't broadcast, unlike `==`: for the tensors [1] and [1, 1] `torch.equal`
    gives False, and `==` gives [True, True].
    """
    one = torch.tensor([1], device=device)
    ones = torch.tensor([1, 1], device=device)

    assert torch.equal(one, ones) is False
    assert (one == ones).tolist() == [True, True]


def test_equal_looks_past_the_dtype():
    """`torch.equal` of a dense int64 and a dense float64 tensor compares the values after type
    promotion: int64 [1, 2] equals float64 [1.0, 2.0].

    In PyTorch 1.9 two dtypes still were an error on the CPU.
    `torch.testing.assert_close(a, b, rtol=0, atol=0)` compares the dtypes too, and raises
    AssertionError at a difference.
    """
    x = torch.tensor([1, 2])
    halfway = x + 0.5

    assert torch.equal(x, x.double()) is True
    assert torch.equal(x, halfway) is False


def test_equal_needs_two_tensors():
    """`torch.equal(x, 1)` of a tensor `x` raises a TypeError: the second argument must be a
    tensor.

    For a number write `(x == 1).all()`.
    """
    x = torch.tensor([1, 1])

    with pytest.raises(TypeError, match=r"argument 'other' \(position 2\) must be Tensor, not int"):
        torch.equal(x, 1)

    assert (x == 1).all().item() is True


def test_sums_that_differ_by_rounding_are_not_equal(device):
    """For `total = torch.tensor([0.1, 0.5], dtype=torch.float64) + 0.2` and
    `expected = torch.tensor([0.3, 0.7], dtype=torch.float64)`, `total == expected` is [False,
    True], but `torch.allclose(total, expected)` is True.

    Because 0.1, 0.2 and 0.3 are rounded to binary fractions; 0.5 + 0.2 happens to equal 0.7.
    Compare floats with a tolerance.
    """
    total = torch.tensor([0.1, 0.5], dtype=torch.float64, device=device) + 0.2
    expected = torch.tensor([0.3, 0.7], dtype=torch.float64, device=device)

    assert (total == expected).tolist() == [False, True]
    assert torch.allclose(total, expected) is True


def test_the_same_decimal_differs_between_dtypes(device):
    """With `x` the float32 tensor [0.1] and `y` the float64 tensor [0.1], `x == y` holds False,
    but `x == 0.1` and `y == 0.1` hold True.

    Because a Python float is converted to the dtype of the floating-point tensor first, and so
    is a 0-d float64 tensor beside a float32 vector.
    """
    single = torch.tensor([0.1], device=device)
    double = torch.tensor([0.1], dtype=torch.float64, device=device)

    assert (single == double).tolist() == [False]
    assert (single == 0.1).tolist() == [True]
    assert (double == 0.1).tolist() == [True]
    zero_d = torch.tensor(0.1, dtype=torch.float64, device=device)

    assert (single == zero_d).tolist() == [True]


def test_a_python_integer_out_of_range_wraps_before_it_is_compared():
    """In `x == 456` and `x < 456` with a dense uint8 tensor `x`, 456 is taken modulo 256:
    an element of 200 equals 456, and is not less than 456.

    Because the number is converted to uint8 first, without an error. Convert the tensor to a
    wider dtype before you compare it with numbers out of its range.
    """
    x = torch.tensor([200], dtype=torch.uint8)

    assert (x == 456).tolist() == [True]
    assert (x < 456).tolist() == [False]
    assert (x.int() + 256 == 456).tolist() == [True]


def test_isclose_answers_for_each_element(device):
    """`torch.isclose(x, y)` of two dense float32 tensors of the same shape gives a bool tensor of
    that shape; `torch.allclose(x, y)` gives one Python bool.
    """
    x = torch.tensor([1.0, 1.0], device=device)
    y = torch.tensor([1.000001, 1.1], device=device)

    assert torch.isclose(x, y).tolist() == [True, False]
    assert torch.allclose(x, y) is False
    assert torch.allclose(x, x.clone()) is True


def test_close_is_an_absolute_and_a_relative_tolerance():
    """For dense finite float64 tensors of the same shape `torch.isclose(x, y)`, with the default
    `atol=1e-8` and `rtol=1e-5`, is true where `|x - y| <= atol + rtol * |y|`.

    Where `y` is 0 only `atol` counts: 1.2e-7, a usual rounding error of a float32 sum near 1,
    isn't close to 0.
    """
    expected = torch.tensor([0.0, 0.0, 1.0, 1.0, 1000.0], dtype=torch.float64)
    off = torch.tensor([0.9e-8, 1.1e-8, 0.9e-5, 1.1e-5, 0.9e-2], dtype=torch.float64)

    assert torch.isclose(expected + off, expected).tolist() == [True, False, True, False, True]


def test_the_relative_tolerance_counts_from_the_second_number(device):
    """In `torch.isclose(x, y)` of float32 tensors the relative tolerance is a share of the
    second argument: with `rtol=0.2`, 10 is close to 12.5, and 12.5 isn't close to 10.
    """
    ten = torch.tensor([10.0], device=device)
    twelve = torch.tensor([12.5], device=device)

    assert torch.isclose(ten, twelve, rtol=0.2, atol=0).tolist() == [True]
    assert torch.isclose(twelve, ten, rtol=0.2, atol=0).tolist() == [False]


def test_allclose_broadcasts_but_does_not_convert(device):
    """`torch.allclose` of dense float32 tensors broadcasts, unlike `torch.equal`, but
    `torch.allclose` raises a RuntimeError for a float32 and a float64 tensor.

    Convert one of them: `torch.allclose(x, y.to(x.dtype))`.
    """
    ones = torch.ones(3, device=device)

    assert torch.allclose(ones, torch.ones(1, device=device)) is True
    with pytest.raises(RuntimeError, match="Float did not match Double"):
        torch.allclose(ones, ones.double())

    assert torch.allclose(ones, ones.double().to(ones.dtype)) is True


def test_several_answers_are_no_answer(device):
    """`if x:`, `x and y`, `not x` and `0 < x < 2` raise a RuntimeError for an int64 tensor `x`
    of several elements, "Boolean value of Tensor with more than one value is ambiguous".

    Because Python asks for one bool. Write `.any()` or `.all()`, and `(0 < x) & (x < 2)` for
    the chain.
    """
    x = torch.tensor([1, 2], device=device)

    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is"):
        bool(x == x)
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is"):
        ((x > 0) and (x < 2)).all()
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is"):
        (0 < x < 2).all()
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is"):
        bool(not x)

    assert ((x > 0) & (x < 2)).tolist() == [True, False]


def test_one_answer_is_enough_for_python(device):
    """`mask.any()` and `mask.all()` of a dense bool tensor without a `dim` reduce the mask
    to one element, which `if` and `not` accept.
    """
    mask = torch.tensor([1, 2], device=device) == 2

    assert bool(mask.any()) is True
    assert bool(mask.all()) is False
    assert (not mask.any()) is False


def test_in_looks_for_an_equal_element(device):
    """`7 in x` is `True` if an element of the dense int64 tensor `x` equals 7; a string, a
    list or `None` on the left raises a RuntimeError.

    `in` takes a Python number such as 7, or a tensor that broadcasts with `x`, and returns
    `(x == 7).any()` as a Python bool.
    """
    x = torch.tensor([[0, 0], [7, 0]], device=device)
    found, missing = 7, 8

    assert (found in x) is True
    assert (missing in x) is False
    with pytest.raises(RuntimeError, match="only supports Tensor or scalar, but you passed in a"):
        bool("3" in x)
    with pytest.raises(RuntimeError, match="only supports Tensor or scalar, but you passed in a"):
        bool([7, 0] in x)
    with pytest.raises(RuntimeError, match="only supports Tensor or scalar, but you passed in a"):
        bool(None in x)


def test_a_tensor_is_in_another_if_any_pair_is_equal():
    """`row in x` with a dense int64 matrix `x` and an int64 vector `row` of its width is
    `(x == row).any()` as a Python bool: it is `True` if one element of `row` stands in `x`
    in the same column.

    For whole rows write `(x == row).all(1).any()`.
    """
    x = torch.tensor([[7, 8], [1, 2]])
    row = torch.tensor([7, 9])

    assert (row in x) is (x == row).any().item() is True
    assert (x == row).all(1).any().item() is False


def test_looking_for_a_tensor_in_a_list_compares_elements():
    """`x in [y]`, with a list on the right, raises a RuntimeError if `x` and `y` are two
    vectors of the same two elements, but not the same object.

    Because the list converts `x == y` to a bool. Write `any(torch.equal(x, y) for y in tensors)`.
    """
    one, two = torch.tensor([1]), torch.tensor([1, 2])
    singles, pairs = [one], [two]

    assert (one.clone() in singles) is True
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is"):
        bool(two.clone() in pairs)
    assert any(torch.equal(two, pair) for pair in pairs) is True


def test_isin_asks_for_each_element_whether_it_is_among_others(device):
    """For an int64 tensor `x` and an int64 vector `others`, `torch.isin(x, others)` is a mask: True
    for each element of `x` that occurs in `others`; `torch.isin(x, 3)` looks for one number.
    """
    x = torch.tensor([1, 2, 3], device=device)
    others = torch.tensor([3, 1], device=device)

    assert torch.isin(x, others).tolist() == [True, False, True]
    assert torch.isin(x, 3).tolist() == [False, False, True]


def test_masks_are_joined_with_and_or_and_not(device):
    """Dense bool tensors of the same shape are combined with `&` (and), `|` (or) and `^`
    (exclusive or), and inverted with `~`.
    """
    x = torch.tensor([True, True, False], device=device)
    y = torch.tensor([True, False, False], device=device)

    assert (x & y).tolist() == [True, False, False]
    assert (x | y).tolist() == [True, True, False]
    assert (x ^ y).tolist() == [False, True, False]
    assert (~y).tolist() == [False, True, True]


def test_a_mask_has_no_minus():
    """`-mask` of a bool tensor raises a RuntimeError (its subclass NotImplementedError in newer
    releases), "Negation, the `-` operator, on a bool tensor is not supported": write `~mask`.

    `1 - mask` is refused, too, see `spec/tensors/test_special_dtypes.py`.
    """
    mask = torch.tensor([True, False])

    with pytest.raises(
        RuntimeError, match="Negation, the `-` operator, on a bool tensor is not supp"
    ):
        _ = -mask
    with pytest.raises(
        RuntimeError, match="Subtraction, the `-` operator, with a bool tensor is not"
    ):
        (1 - mask).any()

    assert (~mask).tolist() == [False, True]


@pytest.mark.spare("2", reason="without parentheses `x` is not compared with 2")
def test_and_binds_closer_than_a_comparison(device):
    """On the CPU `x > 0 & x < 2` without parentheses raises "not implemented for 'Float'" for
    `x = torch.tensor([-1.0, 1.0, 3.0])`, and "Boolean value of Tensor with more than one value"
    for its `x.int()`. Write `(x > 0) & (x < 2)`.

    Because `&` and `|` bind closer than `<` and `==` in Python: without parentheses Python reads
    `x > (0 & x) < 2`.

    An integer tensor of one element raises nothing and may be wrong: `torch.tensor([5])` gives
    True, because Python asks `x > 0` and then `0 < 2`.
    """
    x = torch.tensor([-1.0, 1.0, 3.0], device=device)

    with pytest.raises(RuntimeError, match=r"bitwise_and_.* not implemented for 'Float'"):
        mask = x > 0 & x < 2
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value is"):
        mask = x.int() > 0 & x.int() < 2

    mask = (x > 0) & (x < 2)
    assert mask.tolist() == [False, True, False]

    x = torch.tensor([0, 1, 5], device=device)
    assert [(each > 0 & each < 2).item() for each in x] == [False, True, True]
    assert ((x > 0) & (x < 2)).tolist() == [False, True, False]


def test_one_pair_of_parentheses_may_not_be_enough(device):
    """`x > 0 | (x < 2)` of a dense float32 tensor raises no error and means `x > (0 | (x < 2))`:
    `x` is compared with an int64 tensor of zeros and ones.

    Put both comparisons in parentheses: `(x > 0) | (x < 2)`.
    """
    x = torch.tensor([0.5, 1.5, 2.5], device=device)

    meant = (x > 0) | (x < 2)
    written = x > 0 | (x < 2)

    assert meant.tolist() == [True, True, True]
    assert written.tolist() == [False, True, True]


def test_logical_functions_take_numbers_for_truth(device):
    """`torch.logical_and`, `torch.logical_or` and `torch.logical_xor` of dense int64
    tensors count each number other than 0 as true.
    """
    x = torch.tensor([2, 2, 0], device=device)
    y = torch.tensor([4, 0, 0], device=device)

    assert torch.logical_and(x, y).tolist() == [True, False, False]
    assert torch.logical_or(x, y).tolist() == [True, True, False]
    assert torch.logical_xor(x, y).tolist() == [False, True, False]


def test_the_tilde_flips_bits_not_truth(device):
    """On a dense int64 tensor `~x` inverts bits, so that 1 becomes -2; `x.logical_not()` is
    true where an element is 0.
    """
    x = torch.tensor([0, 1], device=device)

    assert (~x).tolist() == [-1, -2]
    assert x.logical_not().tolist() == [True, False]
