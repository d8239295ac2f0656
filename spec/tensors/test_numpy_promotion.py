"""Where promotion differs from NumPy's.

torch and NumPy agree on most pairs of dtypes: wherever two integers meet, two floats, or a narrow
integer and a wide float.

They part where an integer has more digits than the float beside it. NumPy then takes a wider
float and loses nothing; torch keeps the float it was given, and rounds.
"""

import itertools

import numpy as np
import pytest
import torch


def test_numpy_promotes_integers_with_floats_wider():
    """Of all pairs, NumPy differs where an integer has more digits than the float: it widens."""
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
    """`can_cast` agrees with NumPy's "same_kind", but for signed integers to unsigned ones."""
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
    """Beside a Python float and under `/`, integers are float64 to NumPy and float32 to torch."""
    tensor = torch.tensor([1, 2])
    array = np.array([1, 2])

    tensors = [tensor + 0.5, tensor / 2, tensor.sqrt()]
    arrays = [array + 0.5, array / 2, np.sqrt(array)]

    assert [made.dtype for made in tensors] == [torch.float32, torch.float32, torch.float32]
    assert [made.dtype.name for made in arrays] == ["float64", "float64", "float64"]


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="NumPy 2 changed this")
def test_numpy_lets_an_array_without_dimensions_count_in_full():
    """An array of shape () widens another one in NumPy 2; a tensor of shape () does not."""
    array = np.ones(2, dtype="float32") + np.array(1.0, dtype="float64")
    tensor = torch.ones(2, dtype=torch.float32) + torch.tensor(1.0, dtype=torch.float64)

    assert array.dtype.name == "float64"
    assert tensor.dtype is torch.float32


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="NumPy 2 changed this")
def test_numpy_refuses_a_python_integer_that_does_not_fit():
    """NumPy 2 raises where torch squeezes 300 into int8."""
    tensor = torch.tensor([1], dtype=torch.int8)
    array = np.array([1], dtype="int8")

    assert (tensor + 300).tolist() == [45]
    with pytest.raises(OverflowError, match="300 out of bounds for int8"):
        array + 300


def test_a_numpy_number_is_a_python_number_to_torch():
    """A float64 of NumPy's beside a tensor ranks as a Python float, so float32 stays."""
    x = torch.tensor([1.0, 2.0])

    product = x * np.float64(0.1)

    assert product.dtype is torch.float32
    assert product.tolist() == [0.10000000149011612, 0.20000000298023224]
