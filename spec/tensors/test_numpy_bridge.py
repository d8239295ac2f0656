"""Sharing memory with NumPy.

On the CPU a tensor and the array it came from, or was turned into, are two views of one buffer.
Nothing is copied in either direction, so what is written through one is read through the other.
The surprise is who copies all the same: `torch.tensor(array)` does, and so does any call that has
to change the dtype.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("self-tensor-to-array")
def test_numpy_turns_a_tensor_into_an_array():
    """`tensor.numpy()` is an ndarray of the same numbers, shape and dtype."""
    array = torch.tensor([[1, 2], [3, 4]], dtype=torch.int32).numpy()

    assert type(array) is np.ndarray
    assert array.tolist() == [[1, 2], [3, 4]]
    assert array.dtype == "int32"


@pytest.mark.claim("self-array-to-tensor")
def test_from_numpy_turns_an_array_into_a_tensor():
    """`torch.from_numpy(array)` is a tensor of the same numbers, shape and dtype."""
    tensor = torch.from_numpy(np.array([[1, 2], [3, 4]], dtype="int32"))

    assert type(tensor) is torch.Tensor
    assert tensor.tolist() == [[1, 2], [3, 4]]
    assert tensor.dtype == torch.int32


@pytest.mark.claim("blitz-numpy-shared-memory")
def test_tensor_and_array_start_at_the_same_address():
    """Both conversions keep the buffer: the address of the first number stays the same."""
    tensor = torch.ones(3)
    array = np.ones(3)

    assert tensor.numpy().ctypes.data == tensor.data_ptr()
    assert torch.from_numpy(array).data_ptr() == array.ctypes.data


@pytest.mark.claim("blitz-numpy-tensor-edit-visible")
def test_adding_to_the_tensor_changes_its_array():
    """After `array = tensor.numpy()`, `tensor.add_(1)` turns five ones into twos in both."""
    tensor = torch.ones(5)
    array = tensor.numpy()

    tensor.add_(1)

    assert tensor.tolist() == [2.0, 2.0, 2.0, 2.0, 2.0]
    assert array.tolist() == [2.0, 2.0, 2.0, 2.0, 2.0]


@pytest.mark.claim("blitz-numpy-array-edit-visible")
def test_writing_into_the_array_changes_the_tensor():
    """After `array = tensor.numpy()`, an element set in the array is set in the tensor."""
    tensor = torch.ones(3)
    array = tensor.numpy()

    array[0] = 5

    assert tensor.tolist() == [5.0, 1.0, 1.0]


@pytest.mark.claim("blitz-from-numpy-array-edit-visible")
def test_adding_to_the_source_array_changes_the_tensor_made_of_it():
    """After `from_numpy(array)`, adding 1 into the array turns five ones into twos in both."""
    array = np.ones(5)
    tensor = torch.from_numpy(array)

    np.add(array, 1, out=array)

    assert array.tolist() == [2.0, 2.0, 2.0, 2.0, 2.0]
    assert tensor.tolist() == [2.0, 2.0, 2.0, 2.0, 2.0]


@pytest.mark.claim("blitz-from-numpy-tensor-edit-visible")
def test_writing_into_the_tensor_changes_the_source_array():
    """After `from_numpy(array)`, an element set in the tensor is set in the array."""
    array = np.ones(3)
    tensor = torch.from_numpy(array)

    tensor[0] = 5

    assert array.tolist() == [5.0, 1.0, 1.0]


def test_a_result_of_arithmetic_shares_nothing():
    """`array = array + 1` makes a new array; the tensor keeps the memory of the old one."""
    array = np.ones(2)
    tensor = torch.from_numpy(array)

    array = array + 1

    assert array.tolist() == [2.0, 2.0]
    assert tensor.tolist() == [1.0, 1.0]


@pytest.mark.claim("blitz-from-numpy-float64")
def test_numpys_floats_come_over_as_float64():
    """NumPy's floats have 64 bits, torch's 32, so `from_numpy(np.ones(5))` prints its dtype."""
    tensor = torch.from_numpy(np.ones(5))

    assert repr(tensor) == "tensor([1., 1., 1., 1., 1.], dtype=torch.float64)"


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        (torch.bool, "bool"),
        (torch.uint8, "uint8"),
        (torch.int16, "int16"),
        (torch.int32, "int32"),
        (torch.int64, "int64"),
        (torch.float16, "float16"),
        (torch.float32, "float32"),
        (torch.float64, "float64"),
        (torch.complex64, "complex64"),
        (torch.complex128, "complex128"),
    ],
)
def test_a_dtype_keeps_its_name_across_the_bridge(dtype, name):
    """`int32` becomes `int32` and `complex64` becomes `complex64`, in both directions."""
    tensor = torch.zeros(1, dtype=dtype)

    array = tensor.numpy()

    assert array.dtype == name
    assert torch.from_numpy(array).dtype == dtype


@pytest.mark.torch(">=2.3")
@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
def test_wider_unsigned_integers_cross_too(name):
    """Unsigned integers of 16, 32 and 64 bits cross since PyTorch 2.3."""
    tensor = torch.from_numpy(np.array([1, 2], dtype=name))

    assert str(tensor.dtype) == f"torch.{name}"
    assert tensor.numpy().tolist() == [1, 2]


@pytest.mark.torch("<2.3")
@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
def test_wider_unsigned_integers_did_not_cross(name):
    """Before PyTorch 2.3 the only unsigned integers were those of 8 bits."""
    array = np.array([1, 2], dtype=name)

    with pytest.raises(TypeError, match=f"can't convert np.ndarray of type numpy.{name}"):
        torch.from_numpy(array)


@pytest.mark.claim("blitz-char-tensor-excluded")
def test_int8_tensors_cross_like_any_other():
    """An int8 tensor (a `CharTensor`) shares its memory with NumPy in both directions."""
    tensor = torch.CharTensor([-128, 127])

    array = tensor.numpy()
    array[0] = 1

    assert array.dtype == "int8"
    assert tensor.tolist() == [1, 127]
    assert torch.from_numpy(array).dtype == torch.int8


@given(st.lists(st.floats(allow_nan=False, width=32), min_size=1))
def test_every_float_survives_the_way_to_numpy_and_back(numbers):
    """No number changes on the way: the bits are not even touched."""
    tensor = torch.tensor(numbers)

    assert torch.from_numpy(tensor.numpy()).tolist() == tensor.tolist() == numbers


def test_torch_tensor_copies_an_array():
    """`torch.tensor(array)` always copies: a later change of the array does not reach it."""
    array = np.ones(2)
    tensor = torch.tensor(array)

    array[0] = 5

    assert tensor.tolist() == [1.0, 1.0]


def test_as_tensor_shares_an_array_unless_the_dtype_has_to_change():
    """`torch.as_tensor(array)` shares memory; asked for another dtype it has to copy."""
    array = np.ones(2)
    shared = torch.as_tensor(array)
    copied = torch.as_tensor(array, dtype=torch.float32)

    array[0] = 5

    assert shared.tolist() == [5.0, 1.0]
    assert copied.tolist() == [1.0, 1.0]


def test_asarray_shares_a_tensor_unless_the_dtype_has_to_change():
    """`np.asarray(tensor)` shares memory; asked for another dtype it has to copy."""
    tensor = torch.ones(2)
    shared = np.asarray(tensor)
    copied = np.asarray(tensor, dtype="float64")

    tensor[0] = 5

    assert shared.tolist() == [5.0, 1.0]
    assert copied.tolist() == [1.0, 1.0]


def test_a_transposed_tensor_becomes_an_array_with_the_same_strides():
    """Layout crosses too; NumPy counts strides in bytes where torch counts elements."""
    tensor = torch.zeros(2, 3).T

    array = tensor.numpy()

    assert tensor.stride() == (1, 3)
    assert array.strides == (4, 12)


def test_a_slice_shares_its_part_of_the_memory():
    """`tensor[1:].numpy()` is an array of the rest, written into the same tensor."""
    tensor = torch.tensor([1, 2, 3])

    tensor[1:].numpy()[0] = 9

    assert tensor.tolist() == [1, 9, 3]


def test_a_zero_dimensional_tensor_becomes_a_zero_dimensional_array():
    """`torch.tensor(2.5).numpy()` is an array of shape `()`, not a number."""
    array = torch.tensor(2.5).numpy()

    assert type(array) is np.ndarray
    assert array.shape == ()
    assert array.item() == 2.5


def test_dlpack_shares_memory_too():
    """`torch.from_dlpack(array)` and `np.from_dlpack(tensor)` share memory as well."""
    array = np.zeros(2)
    tensor = torch.from_dlpack(array)
    another = np.from_dlpack(tensor)

    tensor[1] = 7

    assert array.tolist() == [0.0, 7.0]
    assert another.tolist() == [0.0, 7.0]


def test_memory_outlives_the_tensor_it_came_from():
    """An array from `numpy()` keeps the memory alive after the tensor's name is gone."""
    tensor = torch.tensor([1.0, 2.0])
    array = tensor.numpy()

    del tensor

    assert array.tolist() == [1.0, 2.0]
