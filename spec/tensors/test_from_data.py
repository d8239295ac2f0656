"""Tensors from Python's numbers and lists.

`torch.tensor(data)` reads a number, a list or nested lists, infers a dtype for the values, and
copies them into memory of its own. Each level of nesting becomes a dimension. With `dtype=` the
values are converted.

What surprises: `torch.Tensor(3)`, with a capital T, is a tensor of size 3, not the number 3; Python
floats become float32, NumPy's float64 stays float64; and with an integer dtype an integer that is
too large raises, while a fraction is dropped silently.

Whether memory is copied or shared is the subject of `spec/tensors/test_copying.py`.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("blitz-tensor-from-data")
def test_tensor_makes_a_tensor_of_the_given_numbers():
    """By default `torch.tensor([5.5, 3])` is a float32 tensor of the two numbers, and
    prints as `tensor([5.5000, 3.0000])`.
    """
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
    """By default `torch.tensor([1, 2])` is int64, `torch.tensor([1, 2.5])` float32,
    `torch.tensor([1, 2j])` complex64, `torch.tensor([True, False])` bool, and `torch.tensor([])`,
    of an empty list, float32.

    Because Python's numbers rank bool, integer, float, complex, and the highest kind in the list
    decides. After `torch.set_default_dtype(torch.float64)`, float64 and complex128 take the place
    of float32 and complex64. NumPy's numbers have a dtype of their own:
    `torch.tensor([np.float64(1)])` is float64. Write `1.0` or `dtype=` where a float tensor is
    wanted.
    """
    made = torch.tensor(data, device=device)

    assert made.dtype is dtype
    assert made.tolist() == held


def test_a_number_makes_a_tensor_without_dimensions(device):
    """`torch.tensor(3)` has no dimensions and shape (); `torch.tensor([3])` has one dimension
    of size 1. `item()` of either is 3.
    """
    scalar = torch.tensor(3, device=device)
    vector = torch.tensor([3], device=device)

    assert (scalar.ndim, scalar.shape, scalar.tolist()) == (0, (), 3)
    assert (vector.ndim, vector.shape, vector.tolist()) == (1, (1,), [3])
    assert (scalar.item(), vector.item()) == (3, 3)


def test_each_level_of_nesting_is_a_dimension(device):
    """`torch.tensor` of a list that holds a list, a tuple and a range of three integers each
    has shape (3, 3), and `torch.tensor([[], []])` shape (2, 0): each level of nesting is a
    dimension.
    """
    matrix = torch.tensor([[1, 2, 3], (4, 5, 6), range(7, 10)], device=device)
    empty = torch.tensor([[], []], device=device)

    assert matrix.shape == (3, 3)
    assert matrix.tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert empty.shape == (2, 0)


def test_numpys_numbers_keep_their_precision():
    """`torch.tensor([0.1])` takes the default dtype, normally float32;
    `torch.tensor([np.float64(0.1)])` and `torch.tensor(np.array([0.1]))` keep NumPy's float64.

    Because a NumPy value has a dtype of its own. An `nn.Linear` with float32 weights refuses such
    data; convert with `.float()`.
    """
    python = torch.tensor([0.1])
    numpys = [torch.tensor(np.array([0.1])), torch.tensor([np.float64(0.1)])]

    assert python.dtype is torch.float32
    assert [made.dtype for made in numpys] == [torch.float64, torch.float64]
    assert python.item() == 0.10000000149011612
    assert [made.item() for made in numpys] == [0.1, 0.1]


def test_fractions_are_cut_off_in_an_integer_tensor(device):
    """`torch.tensor([1.75, -1.75], dtype=torch.int64)` drops the fractions silently and gives
    [1, -1].

    Because a conversion to integers rounds towards zero;
    `torch.tensor(data, dtype=torch.float64).round().long()` rounds to the nearest, and 2.5 to the
    even neighbour 2.
    """
    made = torch.tensor([1.75, -1.75], dtype=torch.int64, device=device)

    assert made.tolist() == [1, -1]


@pytest.mark.parametrize(
    ("largest", "dtype", "wrapped", "words"),
    [
        (255, torch.uint8, 0, "type uint8 without overflow"),
        (127, torch.int8, -128, "type int8 without overflow"),
        (32767, torch.int16, -32768, "type int16 without overflow"),
    ],
)
def test_an_integer_that_is_too_large_is_refused(largest, dtype, wrapped, words, device):
    """`torch.tensor([128], dtype=torch.int8)` raises RuntimeError, since 127 is the largest
    int8, but `torch.tensor(np.array([128]), dtype=torch.int8)` wraps round to -128; likewise
    256 in uint8 and 32768 in int16.

    Because Python values are converted one by one with an overflow check, an array by a cast as in
    `x.to(dtype)`. Choose a wider dtype, such as int64. The check lets -1 pass for uint8: it
    becomes 255.
    """
    made = torch.tensor([largest], dtype=dtype, device=device)
    from_array = torch.tensor(np.array([largest + 1]), dtype=dtype, device=device)

    assert made.tolist() == [largest]
    assert from_array.tolist() == [wrapped]
    with pytest.raises(RuntimeError, match=words):
        torch.tensor([largest + 1], dtype=dtype, device=device)


def test_a_float_that_is_too_large_becomes_infinite(device):
    """`torch.tensor([1e300])` in float32, the default dtype, is infinite, without an error:
    1e300 is beyond the range of float32. With `dtype=torch.float64` it is kept.

    `torch.full((1,), 1e300)` raises instead, and so does `torch.tensor` of a Python int too
    large for an integer dtype. Look for infinities with `x.isinf().any()`.
    """
    made = torch.tensor([1e300, -1e300], device=device)

    assert made.tolist() == [float("inf"), float("-inf")]
    assert torch.tensor([1e300], dtype=torch.float64, device=device).tolist() == [1e300]


def test_rows_of_different_length_are_refused():
    """`torch.tensor([[1, 2], [3]])` raises ValueError, "expected sequence of length 2 at dim 1
    (got 1)", since the two rows differ in length.

    Pad the rows to one length first: `torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)`
    does it for a list `rows` of 1-D int64 tensors.
    """
    with pytest.raises(ValueError, match=r"expected sequence of length 2 at dim 1 \(got 1\)"):
        torch.tensor([[1, 2], [3]])


def test_a_number_beside_a_row_is_refused():
    """`torch.tensor([[1, 2], 3])` raises TypeError, "not a sequence": after the list [1, 2] as
    first element, the others must be sequences too.

    Because the first element decides how many dimensions there are. Write a row of two numbers,
    such as `[3, 3]`, in place of 3.
    """
    with pytest.raises(TypeError, match=r"^not a sequence$"):
        torch.tensor([[1, 2], 3])


def test_text_is_refused():
    """`torch.tensor("3")` raises TypeError, since no dtype holds text; write
    `torch.tensor(int("3"))`.

    Numbers read from a text file are strings at first.
    """
    with pytest.raises(TypeError, match="invalid data type 'str'"):
        torch.tensor("3")


def test_a_list_of_texts_is_refused():
    """`torch.tensor(["3", "4"])` raises ValueError, "too many dimensions 'str'"; convert
    first, as in `torch.tensor([int(s) for s in ["3", "4"]])`.

    The message is odd because the first character of a string is a string again, so that the
    nesting has no end. The list `[b"3"]` of bytes, whose items are numbers, raises TypeError
    instead.
    """
    with pytest.raises(ValueError, match="too many dimensions 'str'"):
        torch.tensor(["3", "4"])


@pytest.mark.parametrize(
    ("data", "kind"),
    [(None, "NoneType"), ({1, 2}, "set"), ({}, "dict"), (iter([1, 2]), "list_iterator")],
)
def test_what_is_no_sequence_is_refused(data, kind):
    """`torch.tensor(None)`, `torch.tensor({1, 2})`, `torch.tensor({})` and
    `torch.tensor(iter([1, 2]))` raise RuntimeError, "Could not infer dtype of ...", with the
    name of the type, such as NoneType.

    Because these are neither numbers nor sequences. Make a list of a set or an iterator first,
    `torch.tensor(list(values))`, and of a dict `torch.tensor(list(d.values()))`. With `dtype=`
    the error is a TypeError.
    """
    with pytest.raises(RuntimeError, match=f"Could not infer dtype of {kind}$"):
        torch.tensor(data)
    with pytest.raises(TypeError, match=f"must be real number, not {kind}$"):
        torch.tensor(data, dtype=torch.float32)


def test_capital_tensor_of_a_number_is_a_size():
    """`torch.Tensor(3)` is an uninitialised tensor of shape (3,) in the default dtype, float32;
    `torch.tensor(3)` is a 0-dimensional int64 tensor that holds 3.

    Because `torch.Tensor` is the class, an older constructor: it reads integers as sizes and a
    list as values, so `torch.Tensor([3])` has shape (1,) and holds 3.0. New programs call
    `torch.tensor` or `torch.empty`.
    """
    size = torch.Tensor(3)
    values = torch.Tensor([3])
    number = torch.tensor(3)

    assert (size.shape, size.dtype) == ((3,), torch.float32)
    assert values.tolist() == [3.0]
    assert (number.shape, number.dtype, number.item()) == ((), torch.int64, 3)


def test_capital_tensor_of_a_list_has_the_default_dtype():
    """`torch.Tensor([1, 2])` has the default dtype, float32, where `torch.tensor([1, 2])` keeps
    the integers as int64.

    After `torch.set_default_dtype(torch.float64)` `torch.Tensor([1, 2])` is float64:
    `spec/tensors/test_dtypes.py`.
    """
    capital = torch.Tensor([1, 2])
    small = torch.tensor([1, 2])

    assert (capital.dtype, capital.tolist()) == (torch.float32, [1.0, 2.0])
    assert (small.dtype, small.tolist()) == (torch.int64, [1, 2])


def test_capital_tensor_takes_no_dtype():
    """`torch.Tensor([1, 2], dtype=torch.float16)` raises TypeError: the class takes no
    `dtype=`; `torch.tensor` does.

    `torch.Tensor` makes a tensor of the default dtype from a list of real numbers. Write
    `torch.tensor(data, dtype=...)`.
    """
    asked = torch.tensor([1, 2], dtype=torch.float16)

    assert asked.dtype is torch.float16
    with pytest.raises(TypeError, match="invalid combination of arguments"):
        torch.Tensor([1, 2], dtype=torch.float16)


def test_nan_is_refused_in_an_integer_tensor(device):
    """`torch.tensor([float("nan")], dtype=torch.int64)` raises RuntimeError, "cannot be converted
    to type int64 without overflow", since no integer stands for NaN; with `dtype=torch.bool` NaN
    becomes True.

    Replace NaN before converting: `torch.tensor(data, dtype=torch.float64).nan_to_num(0).long()`;
    float32 would round odd integers above 2**24. Where the data are a tensor or a NumPy array with
    NaN already, `.long()` and `torch.tensor(array, dtype=torch.int64)` give a meaningless integer
    without an error. NaN is True because it is not equal to zero.
    """
    assert torch.tensor([float("nan")], dtype=torch.bool, device=device).tolist() == [True]
    assert torch.tensor([2.0, float("nan")], device=device).nan_to_num(0).long().tolist() == [2, 0]
    assert torch.tensor([float("nan")], device=device).long().shape == (1,)
    with pytest.raises(RuntimeError, match="cannot be converted to type int64 without overflow"):
        torch.tensor([float("nan")], dtype=torch.int64, device=device)


def test_small_negative_numbers_wrap_in_an_unsigned_tensor(device):
    """`torch.tensor([-1, -255], dtype=torch.uint8)` gives [255, 1]: Python integers from -255
    to -1 wrap round in uint8; -256 and the float -1.0 raise RuntimeError.

    Because the overflow check of uint8 accepts a negative integer if its absolute value fits.
    `torch.tensor(data)` without `dtype=` keeps the sign.
    """
    made = torch.tensor([-1, -255], dtype=torch.uint8, device=device)

    assert made.tolist() == [255, 1]
    with pytest.raises(RuntimeError, match="cannot be converted to type uint8 without overflow"):
        torch.tensor([-256], dtype=torch.uint8, device=device)
    with pytest.raises(RuntimeError, match="cannot be converted to type uint8 without overflow"):
        torch.tensor([-1.0], dtype=torch.uint8, device=device)


def test_only_tensors_are_tensors():
    """`torch.is_tensor(x)` is True for a tensor and False for a NumPy array and for a list of
    the same numbers.
    """
    things = [torch.tensor([1, 2]), np.array([1, 2]), [1, 2]]

    assert [torch.is_tensor(thing) for thing in things] == [True, False, False]


@given(st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_every_list_of_64_bit_integers_survives_the_way_there_and_back(numbers):
    """`torch.tensor(numbers, dtype=torch.int64).tolist()` gives back the same flat list for
    Python integers from -2**63 to 2**63 - 1.
    """
    assert torch.tensor(numbers, dtype=torch.int64).tolist() == numbers
