"""Where promotion differs from NumPy's.

torch and NumPy agree on the common dtype of most pairs: of uint8 and the signed integer dtypes, of
two float dtypes, and of a narrow integer beside a wide float. The rules of torch alone are on the
page `spec/tensors/test_type_promotion.py`.

They differ for int16 to int64 beside a float that holds fewer of their digits: float16, float32 or
complex64. NumPy then takes a wider dtype, at most float64 or complex128; torch keeps the dtype of
the float or complex operand, and rounds.

What surprises those who come from NumPy: an int64 tensor divided or added to a Python float becomes
float32, not float64; a 0-dimensional tensor does not widen another one; and a Python integer that
does not fit wraps round instead of raising.
"""

import itertools

import numpy as np
import pytest
import torch


def test_numpy_promotes_integers_with_floats_wider():
    """Among eleven dtypes, bool, uint8, int8 to int64, float16 to float64, complex64 and
    complex128, `torch.promote_types` and `np.promote_types` differ for seven pairs: NumPy takes
    a wider dtype.

    int64 and float32 are float64 in NumPy, which is exact up to 2**53, and float32 in torch, which
    is exact up to 2**24. Write `x.double()` for an int64 tensor of one or more dimensions first to
    get the digits of NumPy.
    """
    names = "bool uint8 int8 int16 int32 int64 float16 float32 float64 complex64 complex128"

    differences = [
        (one, other, str(in_torch).removeprefix("torch."), str(in_numpy))
        for one, other in itertools.combinations(names.split(), 2)
        for in_torch in [torch.promote_types(getattr(torch, one), getattr(torch, other))]
        for in_numpy in [np.promote_types(one, other)]
        if str(in_torch) != f"torch.{in_numpy}"
    ]

    # Two dtypes, what torch makes of them, and what NumPy does.
    assert differences == [
        ("int16", "float16", "float16", "float32"),
        ("int32", "float16", "float16", "float64"),
        ("int32", "float32", "float32", "float64"),
        ("int32", "complex64", "complex64", "complex128"),
        ("int64", "float16", "float16", "float64"),
        ("int64", "float32", "float32", "float64"),
        ("int64", "complex64", "complex64", "complex128"),
    ]


def test_numpy_casts_no_signed_integer_to_unsigned():
    """`torch.can_cast` agrees with `np.can_cast(..., "same_kind")` on bool, uint8, int8, int16,
    int32, int64, float16, float32, float64, complex64 and complex128, except that torch allows the
    four signed integers to uint8 and NumPy does not.

    So `x += y` with a `y` of a signed integer dtype works for a uint8 tensor and wraps round; with
    two such NumPy vectors it raises.
    """
    names = "bool uint8 int8 int16 int32 int64 float16 float32 float64 complex64 complex128"

    differences = [
        (one, other)
        for one, other in itertools.permutations(names.split(), 2)
        if torch.can_cast(getattr(torch, one), getattr(torch, other))
        != np.can_cast(one, other, "same_kind")
    ]

    assert differences == [
        ("int8", "uint8"),
        ("int16", "uint8"),
        ("int32", "uint8"),
        ("int64", "uint8"),
    ]


def test_numpy_turns_integers_into_float64():
    """`x + 0.5`, `x / 2` and `x.sqrt()` of an int64 tensor have torch's default dtype, float32;
    `x + 0.5`, `x / 2` and `np.sqrt(x)` of an int64 array are float64.

    For the digits of NumPy write `x.double()` first.
    """
    tensor = torch.tensor([1, 2])
    array = np.array([1, 2])

    tensors = [tensor + 0.5, tensor / 2, tensor.sqrt()]
    arrays = [array + 0.5, array / 2, np.sqrt(array)]

    assert [made.dtype for made in tensors] == [torch.float32, torch.float32, torch.float32]
    assert [made.dtype.name for made in arrays] == ["float64", "float64", "float64"]


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="NumPy 2 changed this")
def test_numpy_lets_an_array_without_dimensions_count_in_full():
    """In NumPy 2, `x + y` of a float32 array `x` of shape (2,) and a float64 array `y` of
    shape () is float64; in torch, `x + y` of tensors of these shapes and dtypes is float32.

    Because torch, between float32 and float64, takes the dtype of the tensor with dimensions, not
    that of the 0-dimensional one. For float64 write `x.double() + y`.
    """
    array = np.ones(2, dtype="float32") + np.array(1.0, dtype="float64")
    tensor = torch.ones(2, dtype=torch.float32) + torch.tensor(1.0, dtype=torch.float64)

    assert array.dtype.name == "float64"
    assert tensor.dtype is torch.float32


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="NumPy 2 changed this")
def test_numpy_refuses_a_python_integer_that_does_not_fit():
    """`x + 300` of an int8 array `x` raises OverflowError in NumPy 2. `x + 300` of an int8
    tensor `x` wraps around: 1 + 300 gives 45.

    Write `x.long() + 300` for the sum as it should be.
    """
    tensor = torch.tensor([1], dtype=torch.int8)
    array = np.array([1], dtype="int8")

    assert (tensor + 300).tolist() == [45]
    with pytest.raises(OverflowError, match="300 out of bounds for int8"):
        array + 300


def test_a_numpy_number_is_a_python_number_to_torch():
    """`x * np.float64(0.1)` of a float32 tensor `x` of shape (2,) is float32.

    Because torch takes `np.float64(0.1)` as the Python number 0.1. Times `torch.from_numpy` of
    a float64 array of shape (2,) the product is float64.
    """
    x = torch.tensor([1.0, 2.0])

    product = x * np.float64(0.1)
    with_array = torch.result_type(x, torch.from_numpy(np.array([0.1, 0.1])))

    assert product.dtype is torch.float32
    assert with_array is torch.float64
    assert product.tolist() == [0.10000000149011612, 0.20000000298023224]
