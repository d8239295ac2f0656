"""From tensors to Python numbers and back.

A tensor with a single element can become a Python number: `item()` reads it out exactly, whereas
printing shows four decimals. `tolist()` does the same for any number of elements. The surprise is
how far a tensor goes where Python expects its own values: as an index, in `range`, `sorted` or
`math.sqrt`.
"""

import copy
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
    """`item()` gives the plain Python number of a one-element tensor, whatever its shape."""
    x = torch.tensor(values, device=device)

    assert x.item() == number
    assert type(x.item()) is type(number)


@pytest.mark.claim("blitz-item-integer-like")
def test_what_item_returns_is_an_integer_only_for_integer_dtypes():
    """A float tensor gives a Python float, an integer tensor an int, a bool tensor a bool."""
    of_floats = torch.tensor([2.0]).item()
    of_integers = torch.tensor([2]).item()
    of_bools = torch.tensor([True]).item()

    assert repr(of_floats) == "2.0"
    assert repr(of_integers) == "2"
    assert repr(of_bools) == "True"


@pytest.mark.claim("blitz-item-full-precision")
def test_item_has_all_digits_where_printing_rounds_to_four():
    """What prints as 0.4549 is stored as 0.4549027979373932, and `item()` says so."""
    x = torch.tensor([0.4549027979373932])

    assert repr(x) == "tensor([0.4549])"
    assert x.item() == 0.4549027979373932


def test_a_float32_number_is_not_the_python_number_it_was_made_of():
    """0.1 is rounded to 32 bits when it is stored; `item()` shows the rounded number."""
    x = torch.tensor(0.1)

    assert x.item() == 0.10000000149011612
    assert torch.tensor(0.1, dtype=torch.float64).item() == 0.1


@pytest.mark.torch(">=2.0")
@pytest.mark.claim("blitz-item-single-element")
def test_item_refuses_more_than_one_element():
    """Of two elements `item()` can't choose one; `tolist()` gives both."""
    x = torch.tensor([3, 4])

    with pytest.raises(RuntimeError, match="Tensor with 2 elements cannot be converted to Scalar"):
        x.item()

    assert x.tolist() == [3, 4]


@pytest.mark.torch("<2.0")
@pytest.mark.claim("blitz-item-single-element")
def test_item_refused_more_than_one_element_with_a_value_error():
    """Before PyTorch 2.0 the refusal was a `ValueError` in other words."""
    x = torch.tensor([3, 4])

    with pytest.raises(ValueError, match="only one element tensors can be converted"):
        x.item()


@pytest.mark.torch(">=2.0")
@pytest.mark.claim("blitz-item-single-element")
def test_item_refuses_no_element_at_all():
    """An empty tensor has no number to give."""
    with pytest.raises(RuntimeError, match="Tensor with 0 elements cannot be converted to Scalar"):
        torch.tensor([]).item()


def test_tolist_gives_nested_lists_of_python_numbers(device):
    """`tolist()` nests lists as the shape does; of a 0-d tensor it gives the bare number."""
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    assert x.tolist() == [[1, 2], [3, 4]]
    assert x[1, 0].tolist() == 3


@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_python_floats_survive_the_way_through_float64(numbers):
    """Python floats have 64 bits, so a float64 tensor gives back every one of them exactly."""
    x = torch.tensor(numbers, dtype=torch.float64)

    assert x.tolist() == numbers


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
    """`int`, `float`, `bool` and the functions of `math` take a tensor for its number."""
    result = convert(torch.tensor(value))

    assert result == number
    assert type(result) is type(number)


def test_int_refuses_more_than_one_element():
    """`int(x)` of two elements is refused; `x.int()` converts the dtype of all."""
    x = torch.tensor([1.5, 2.5])

    with pytest.raises(ValueError, match="only one element tensors can be converted to Python"):
        int(x)

    assert x.int().tolist() == [1, 2]


def test_the_truth_of_several_elements_is_ambiguous():
    """`if x:` needs one element; `x.any()` or `x.all()` says which truth is meant."""
    x = torch.tensor([True, False])

    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value"):
        bool(x)

    assert x.any().item() is True
    assert x.all().item() is False


def test_len_counts_along_the_first_dimension():
    """`len(x)` is the size of the first dimension, not the number of elements."""
    two_rows = torch.zeros(2, 3)
    no_rows = torch.zeros(0, 3)

    assert len(two_rows) == 2
    assert len(no_rows) == 0


def test_a_zero_dimensional_tensor_has_no_length():
    """A 0-d tensor is one number, not a sequence: `len` and iteration are refused."""
    x = torch.tensor(5)

    with pytest.raises(TypeError, match=r"len\(\) of a 0-d tensor"):
        len(x)
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        list(x)


def test_iterating_gives_tensors_and_not_numbers():
    """A loop over `x` yields views along the first dimension: tensors, even of one number."""
    x = torch.tensor([[1, 2], [3, 4]])

    first, second = x
    first.zero_()

    assert second.tolist() == [3, 4]
    assert x.tolist() == [[0, 0], [3, 4]]


def test_an_integer_tensor_serves_as_an_index():
    """A one-element integer tensor indexes a list, ends a slice and counts in `range`."""
    letters = ["a", "b", "c"]
    two = torch.tensor(2)

    assert letters[two] == "c"
    assert letters[:two] == ["a", "b"]
    assert list(range(two)) == [0, 1]


def test_a_float_tensor_does_not_serve_as_an_index():
    """An index must be an integer; a float tensor is refused, like a Python float."""
    letters = ["a", "b", "c"]

    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        letters[torch.tensor(2.0)]


@pytest.mark.claim("course-python-ecosystem")
def test_pythons_own_functions_take_a_tensor():
    """`sum`, `max`, `sorted`, `zip` and unpacking treat a tensor as any other sequence."""
    x = torch.tensor([3, 1, 2])

    assert sum(x) == 6
    assert max(x) == 3
    assert [int(number) for number in sorted(x)] == [1, 2, 3]
    assert [(letter, int(number)) for letter, number in zip("ab", x, strict=False)] == [
        ("a", 3),
        ("b", 1),
    ]


@pytest.mark.claim("course-python-ecosystem")
def test_a_tensor_can_be_pickled_and_copied():
    """`pickle` and `copy.deepcopy` make equal tensors with memory of their own."""
    x = torch.tensor([1.0, 2.0])
    pickled = pickle.loads(pickle.dumps(x))
    copied = copy.deepcopy(x)

    x.zero_()

    assert pickled.tolist() == [1.0, 2.0]
    assert copied.tolist() == [1.0, 2.0]


def test_in_asks_whether_any_element_is_equal():
    """`2 in x` is True where an element equals 2."""
    x = torch.tensor([1, 2])

    found = 2 in x
    missed = 5 in x

    assert found is True
    assert missed is False


def test_equal_tensors_are_different_keys():
    """A tensor is hashed by identity, so an equal tensor does not find it in a dict."""
    key = torch.tensor(1)
    equal_key = torch.tensor(1)
    names = {key: "one"}

    assert names[key] == "one"
    assert names.get(equal_key) is None


def test_a_tensor_never_equals_a_list():
    """`x == [1, 2]` is plain False; compare `x.tolist()` instead."""
    x = torch.tensor([1, 2])

    same = x == [1, 2]

    assert same is False
    assert x.tolist() == [1, 2]
