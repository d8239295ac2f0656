"""From tensors to Python numbers and back.

`item()` gives the Python number in a tensor of one element, with all digits, where printing shows
four decimals; `tolist()` gives nested lists of Python numbers. Both copy, and on a GPU they wait
for the device. What `if`, `in` and `==` do with tensors is told in
`spec/tensors/test_comparing.py`.

What surprises is how far a tensor goes where Python expects its own values: a one-element integer
tensor is an index or an argument of `range`, and `sorted` and `math.sqrt` take tensors. But a
tensor is hashed by identity, so that equal tensors are different keys of a dict.
"""

import copy
import json
import math
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("blitz-item-number")
@pytest.mark.parametrize(
    ("values", "number"),
    [(2.5, 2.5), ([2.5], 2.5), ([[[7]]], 7), (True, True), (1 + 2j, 1 + 2j)],
)
def test_item_reads_the_only_element_as_a_python_number(values, number, device):
    """`x.item()` of a dense bool, int64 or float32 CPU tensor with one element, in any
    number of dimensions, returns the element as a Python number:
    `torch.tensor([[[7]]]).item()` is 7.
    """
    x = torch.tensor(values, device=device)

    assert x.item() == number
    assert type(x.item()) is type(number)


@pytest.mark.claim("blitz-item-integer-like")
def test_what_item_returns_is_an_integer_only_for_integer_dtypes():
    """`x.item()` returns a Python float for a float32 CPU tensor of one element, an int for
    an int64 one and a bool for a bool one.
    """
    of_floats = torch.tensor([2.0]).item()
    of_integers = torch.tensor([2]).item()
    of_bools = torch.tensor([True]).item()

    assert repr(of_floats) == "2.0"
    assert repr(of_integers) == "2"
    assert repr(of_bools) == "True"


@pytest.mark.claim("blitz-item-full-precision")
def test_item_has_all_digits_where_printing_rounds_to_four():
    """For the float32 CPU tensor `x = torch.tensor([0.4549027979373932])`, `x.item()` is
    0.4549027979373932, with all digits, whereas with the default print options `repr(x)` is
    `tensor([0.4549])`.

    Because printing rounds to four decimals; the element keeps its full precision.
    """
    x = torch.tensor([0.4549027979373932])

    assert repr(x) == "tensor([0.4549])"
    assert x.item() == 0.4549027979373932


def test_a_float32_number_is_not_the_python_number_it_was_made_of():
    """`torch.tensor(0.1).item()` is 0.10000000149011612: 0.1 is rounded to float32, the default
    dtype, when it is stored.

    A tensor made with `dtype=torch.float64` gives back 0.1, because Python's floats have 64 bits.
    """
    x = torch.tensor(0.1)

    assert x.item() == 0.10000000149011612
    assert torch.tensor(0.1, dtype=torch.float64).item() == 0.1


@pytest.mark.torch(">=2.0")
@pytest.mark.claim("blitz-item-single-element")
def test_item_refuses_more_than_one_element():
    """Since PyTorch 2.0 `x.item()` of an int64 CPU tensor with two elements raises a
    RuntimeError, "a Tensor with 2 elements cannot be converted to Scalar".

    Because it can't choose one. `x.tolist()` returns all of them, `x.float().mean().item()` one
    number for all.
    """
    x = torch.tensor([3, 4])

    with pytest.raises(RuntimeError, match="Tensor with 2 elements cannot be converted to Scalar"):
        x.item()

    assert x.tolist() == [3, 4]


@pytest.mark.torch("<2.0")
@pytest.mark.claim("blitz-item-single-element")
def test_item_refused_more_than_one_element_with_a_value_error():
    """Before PyTorch 2.0 `x.item()` of an int64 CPU tensor with two elements raised a
    ValueError, "only one element tensors can be converted to Python scalars".

    `tolist()` returned all of them, as today.
    """
    x = torch.tensor([3, 4])

    with pytest.raises(ValueError, match="only one element tensors can be converted"):
        x.item()


@pytest.mark.torch(">=2.0")
@pytest.mark.claim("blitz-item-single-element")
def test_item_refuses_no_element_at_all():
    """Since PyTorch 2.0 `torch.tensor([]).item()` raises a RuntimeError, "a Tensor with 0
    elements cannot be converted to Scalar".

    An empty tensor has no number to return; look at `x.numel()` first.
    """
    with pytest.raises(RuntimeError, match="Tensor with 0 elements cannot be converted to Scalar"):
        torch.tensor([]).item()


def test_tolist_gives_nested_lists_of_python_numbers(device):
    """`x.tolist()` of an int64 CPU matrix `x = torch.tensor([[1, 2], [3, 4]])` returns nested
    lists of Python numbers; for a 0-d tensor, such as `x[1, 0]`, it returns the number itself.
    """
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    assert x.tolist() == [[1, 2], [3, 4]]
    assert x[1, 0].tolist() == 3


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_python_floats_survive_the_way_through_float64(numbers):
    """A list `numbers` of finite and infinite Python floats comes back unchanged from
    `torch.tensor(numbers, dtype=torch.float64).tolist()`.

    Because a Python float and an element of a float64 tensor both have 64 bits. An integer above
    2**53 may be rounded: 2**53 + 1 becomes 2**53.
    """
    x = torch.tensor(numbers, dtype=torch.float64)

    assert x.tolist() == numbers
    assert torch.tensor([2**53 + 1], dtype=torch.float64).tolist() == [9007199254740992.0]


@pytest.mark.parametrize(
    ("convert", "value", "number"),
    [
        (int, 2.75, 2),
        (int, -2.75, -2),
        (float, 3, 3.0),
        (bool, 0.0, False),
        (bool, float("nan"), True),
        (complex, 2, 2 + 0j),
        (math.sqrt, 9, 3.0),
        (math.floor, -0.5, -1),
        (hex, 255, "0xff"),
    ],
)
def test_python_converts_a_single_element(convert, value, number):
    """`int(x)`, `float(x)`, `bool(x)` and `math.sqrt(x)` of an int64 or float32 CPU tensor
    of one element return what they return for `x.item()`, and so does `hex(x)` of an int64
    tensor.
    """
    result = convert(torch.tensor(value))

    assert result == number
    assert type(result) is type(number)


def test_int_refuses_more_than_one_element():
    """`int(x)` of a float32 CPU tensor of two elements raises a ValueError, "only one
    element tensors can be converted to Python scalars".

    `x.int()` converts all elements to int32, `x.tolist()` makes Python numbers of them.
    """
    x = torch.tensor([1.5, 2.5])

    with pytest.raises(ValueError, match="only one element tensors can be converted to Python"):
        int(x)

    assert x.int().tolist() == [1, 2]
    assert x.int().dtype == torch.int32


def test_a_zero_dimensional_tensor_has_no_length():
    """`len(x)` of a 0-d tensor raises TypeError, "len() of a 0-d tensor", and `list(x)`
    raises TypeError, "iteration over a 0-d tensor".

    Because it is a single number, not a sequence. Write `x.reshape(-1)` to get a vector of one
    element.
    """
    x = torch.tensor(5)

    with pytest.raises(TypeError, match=r"len\(\) of a 0-d tensor"):
        len(x)
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        list(x)

    assert len(x.reshape(-1)) == 1


def test_iterating_gives_tensors_and_not_numbers():
    """Iterating over a dense (2, 2) matrix `x` that requires no grad yields its rows as views:
    after `first, second = x`, `first.zero_()` changes `x`.

    Iterating over a vector yields 0-d tensors, not Python numbers.
    """
    x = torch.tensor([[1, 2], [3, 4]])

    first, second = x
    first.zero_()

    assert second.tolist() == [3, 4]
    assert x.tolist() == [[0, 0], [3, 4]]
    assert [number.shape for number in second] == [(), ()]


def test_an_integer_tensor_serves_as_an_index():
    """`torch.tensor(2)` works as the end of a slice of a list and as the argument of `range`,
    as the Python integer 2 does.

    As an index of a list or tuple it does too: `spec/data/test_image_datasets.py`.
    """
    letters = ["a", "b", "c"]
    two = torch.tensor(2)

    assert letters[:two] == ["a", "b"]
    assert list(range(two)) == [0, 1]


@pytest.mark.claim("course-python-ecosystem")
def test_pythons_own_functions_take_a_tensor():
    """Python's `sum`, `max`, `sorted` and `zip` iterate over a nonempty int64 CPU vector as
    over a list, and give 0-d tensors where a list would give Python numbers.

    They are slow, because each element becomes a tensor. Use `x.sum()`, `x.max()` and
    `x.sort().values`.
    """
    x = torch.tensor([3, 1, 2])

    assert sum(x) == 6
    assert max(x) == 3
    assert repr(sorted(x)) == "[tensor(1), tensor(2), tensor(3)]"
    assert [(letter, int(number)) for letter, number in zip("ab", x, strict=False)] == [
        ("a", 3),
        ("b", 1),
    ]


@pytest.mark.claim("course-python-ecosystem")
def test_a_tensor_can_be_pickled_and_copied():
    """`pickle.loads(pickle.dumps(x))` and `copy.deepcopy(x)` of a nonempty dense float32
    CPU leaf give tensors with the same values and memory of their own; `copy.deepcopy` of
    the result of a recorded operation raises a RuntimeError.

    Write `y.detach().clone()` for a copy of such a result.
    """
    x = torch.tensor([1.0, 2.0])
    pickled = pickle.loads(pickle.dumps(x))
    copied = copy.deepcopy(x)

    x.zero_()

    assert pickled.tolist() == [1.0, 2.0]
    assert copied.tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(copied.requires_grad_() * 2)


def test_equal_tensors_are_different_keys():
    """With `names = {torch.tensor(1): "one"}`, `names.get(torch.tensor(1))` is None: as a
    key of a `dict`, a tensor is found by its identity, not by its value.

    Because its values can change. Use `x.item()`, or `tuple(x.tolist())` of a vector, as the
    key.
    """
    key = torch.tensor(1)
    equal_key = torch.tensor(1)
    names = {key: "one"}

    assert names[key] == "one"
    assert names.get(equal_key) is None
    assert {key.item(): "one"}[equal_key.item()] == "one"


def test_a_tensor_is_no_json():
    """`json.dumps({"x": x})` with `x = torch.tensor([1.5, 2.0])` raises TypeError, "Object
    of type Tensor is not JSON serializable": write `x.tolist()`, or `x.item()` of one
    element.
    """
    x = torch.tensor([1.5, 2.0])

    with pytest.raises(TypeError, match="Object of type Tensor is not JSON serializable"):
        json.dumps({"x": x})

    assert json.dumps({"x": x.tolist(), "first": x[0].item()}) == '{"x": [1.5, 2.0], "first": 1.5}'
