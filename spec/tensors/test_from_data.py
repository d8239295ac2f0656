"""Tensors from Python's numbers and lists.

`torch.tensor` reads a number, a list or a nest of lists, finds a dtype that holds it all, and
copies it into memory of its own.

The surprises: `torch.Tensor(3)`, with a capital T, is a tensor of size 3, not the number 3; and
a number that is too large is refused, while a fraction in an integer tensor is silently cut off.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("blitz-tensor-from-data")
def test_tensor_makes_a_tensor_of_the_given_numbers():
    """`torch.tensor([5.5, 3])` is one float tensor; it prints each number with four decimals."""
    made = torch.tensor([5.5, 3])

    assert made.dtype is torch.float32
    assert made.tolist() == [5.5, 3.0]
    assert repr(made) == "tensor([5.5000, 3.0000])"


@pytest.mark.parametrize(
    ("data", "dtype", "held"),
    [
        ([1, 2], torch.int64, [1, 2]),
        ([1, 2.5], torch.float32, [1.0, 2.5]),
        ([True, False], torch.bool, [True, False]),
        ([True, 7], torch.int64, [1, 7]),
        ([True, 2.5], torch.float32, [1.0, 2.5]),
        ([1, 2j], torch.complex64, [1 + 0j, 2j]),
        ([], torch.float32, []),
    ],
)
def test_the_widest_kind_in_the_data_decides_the_dtype(data, dtype, held, device):
    """One float makes a list float, one integer a list of booleans integer; empty is float."""
    made = torch.tensor(data, device=device)

    assert made.dtype is dtype
    assert made.tolist() == held


def test_numpys_numbers_keep_their_precision():
    """Python's floats become float32, but a float64 of NumPy's stays float64, even in a list."""
    python = torch.tensor([0.1])
    numpys = [torch.tensor(np.array([0.1])), torch.tensor([np.float64(0.1)])]

    assert python.dtype is torch.float32
    assert [made.dtype for made in numpys] == [torch.float64, torch.float64]
    assert python.item() == 0.10000000149011612
    assert [made.item() for made in numpys] == [0.1, 0.1]


def test_each_level_of_nesting_is_a_dimension(device):
    """A list of lists is a matrix; tuples and ranges serve as well as lists."""
    matrix = torch.tensor([[1, 2, 3], (4, 5, 6), range(7, 10)], device=device)
    empty = torch.tensor([[], []], device=device)

    assert matrix.shape == (3, 3)
    assert matrix.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert empty.shape == (2, 0)


def test_rows_of_different_length_are_refused():
    """A tensor has no ragged rows: the error names the first row that does not fit."""
    with pytest.raises(ValueError, match=r"expected sequence of length 2 at dim 1 \(got 1\)"):
        torch.tensor([[1, 2], [3]])


def test_a_number_beside_a_row_is_refused():
    """The first element tells how deep the nest is; all others must be as deep."""
    with pytest.raises(TypeError, match="not a sequence"):
        torch.tensor([[1, 2], 3])


def test_text_is_refused():
    """There is no dtype for text, not even for text that spells a number."""
    with pytest.raises(TypeError, match="invalid data type 'str'"):
        torch.tensor("3")


def test_a_list_of_texts_is_refused():
    """A list of strings is taken for a nest of sequences, and refused for having too many."""
    with pytest.raises(ValueError, match="too many dimensions 'str'"):
        torch.tensor(["3", "4"])


@pytest.mark.parametrize(
    ("data", "kind"),
    [(None, "NoneType"), ({1, 2}, "set"), ({}, "dict"), (iter([1, 2]), "list_iterator")],
)
def test_what_is_no_sequence_is_refused(data, kind):
    """`None`, sets, dicts and iterators give no tensor; the error names their type."""
    with pytest.raises(RuntimeError, match=f"Could not infer dtype of {kind}$"):
        torch.tensor(data)


def test_a_number_makes_a_tensor_without_dimensions(device):
    """`torch.tensor(3)` has no dimension and one number; `torch.tensor([3])` has one of size 1."""
    scalar = torch.tensor(3, device=device)
    vector = torch.tensor([3], device=device)

    assert (scalar.ndim, scalar.shape, scalar.tolist()) == (0, (), 3)
    assert (vector.ndim, vector.shape, vector.tolist()) == (1, (1,), [3])
    assert (scalar.item(), vector.item()) == (3, 3)


def test_capital_tensor_of_a_number_is_a_size():
    """`torch.Tensor(3)` is three uninitialised floats, `torch.tensor(3)` is the integer 3."""
    size = torch.Tensor(3)
    number = torch.tensor(3)

    assert (size.shape, size.dtype) == ((3,), torch.float32)
    assert (number.shape, number.dtype) == ((), torch.int64)


def test_capital_tensor_of_a_list_is_always_float32():
    """`torch.Tensor([1, 2])` turns integers into floats, where `torch.tensor` keeps them."""
    capital = torch.Tensor([1, 2])
    small = torch.tensor([1, 2])

    assert (capital.dtype, capital.tolist()) == (torch.float32, [1.0, 2.0])
    assert (small.dtype, small.tolist()) == (torch.int64, [1, 2])


def test_capital_tensor_takes_no_dtype():
    """`torch.Tensor` is float32 by definition and has no `dtype=`; `torch.tensor` has."""
    asked = torch.tensor([1, 2], dtype=torch.float16)

    assert asked.dtype is torch.float16
    with pytest.raises(TypeError, match="invalid combination of arguments"):
        torch.Tensor([1, 2], dtype=torch.float16)


def test_fractions_are_cut_off_in_an_integer_tensor(device):
    """Given an integer dtype, `torch.tensor` drops what follows the point, without a word."""
    made = torch.tensor([1.75, -1.75], dtype=torch.int64, device=device)

    assert made.tolist() == [1, -1]


@pytest.mark.parametrize(
    ("largest", "dtype", "words"),
    [
        (255, torch.uint8, "type uint8 without overflow"),
        (127, torch.int8, "type int8 without overflow"),
        (32767, torch.int16, "type int16 without overflow"),
    ],
)
def test_an_integer_that_is_too_large_is_refused(largest, dtype, words, device):
    """An integer tensor is made of numbers within the range of its dtype; one more is refused."""
    made = torch.tensor([largest], dtype=dtype, device=device)

    assert made.tolist() == [largest]
    with pytest.raises(RuntimeError, match=words):
        torch.tensor([largest + 1], dtype=dtype, device=device)


def test_nan_is_refused_in_an_integer_tensor(device):
    """No integer stands for NaN; as a boolean it is `True`, for it is not zero."""
    assert torch.tensor([float("nan")], dtype=torch.bool, device=device).tolist() == [True]
    with pytest.raises(RuntimeError, match="cannot be converted to type int64 without overflow"):
        torch.tensor([float("nan")], dtype=torch.int64, device=device)


def test_small_negative_numbers_wrap_in_an_unsigned_tensor(device):
    """The one exception: a negative number in a uint8 tensor counts down from 256."""
    made = torch.tensor([-1, -255], dtype=torch.uint8, device=device)

    assert made.tolist() == [255, 1]


def test_a_float_that_is_too_large_becomes_infinite(device):
    """Floats beyond the range of the dtype are not refused: they become infinite."""
    made = torch.tensor([1e300, -1e300], device=device)

    assert made.tolist() == [float("inf"), float("-inf")]
    assert torch.tensor([1e300], dtype=torch.float64, device=device).tolist() == [1e300]


def test_only_tensors_are_tensors():
    """`torch.is_tensor` tells tensors from lists and arrays of the same numbers."""
    things = [torch.tensor([1, 2]), np.array([1, 2]), [1, 2]]

    assert [torch.is_tensor(thing) for thing in things] == [True, False, False]


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_every_list_of_64_bit_integers_survives_the_way_there_and_back(numbers):
    """`torch.tensor(numbers).tolist()` gives back any list of 64-bit integers unchanged."""
    assert torch.tensor(numbers, dtype=torch.int64).tolist() == numbers
