"""Sharing memory with NumPy.

`tensor.numpy()` makes a NumPy array of a CPU tensor, and `torch.from_numpy(array)` a tensor of an
array. Neither copies: tensor and array use the same memory, so what is written through one is read
through the other. What can't be converted is told in `spec/tensors/test_numpy_refusals.py`, what
NumPy's functions do with tensors in `spec/tensors/test_numpy_functions.py`.

What surprises: `torch.tensor(array)` does copy (`spec/tensors/test_copying.py`), and so does each
call that has to change the dtype; and NumPy's default float64 makes float64 tensors, where torch's
own default is float32.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("self-tensor-to-array")
def test_numpy_turns_a_tensor_into_an_array():
    """`tensor.numpy()` of a dense int32 CPU tensor returns a NumPy array with its values,
    its shape and the dtype int32.
    """
    array = torch.tensor([[1, 2], [3, 4]], dtype=torch.int32).numpy()

    assert type(array) is np.ndarray
    assert array.tolist() == [[1, 2], [3, 4]]
    assert array.dtype == "int32"


@pytest.mark.claim("self-array-to-tensor")
def test_from_numpy_turns_an_array_into_a_tensor():
    """`torch.from_numpy(array)` of `array = np.array([[1, 2], [3, 4]], dtype="int32")`
    returns a tensor with its values, its shape and the dtype `torch.int32`.
    """
    tensor = torch.from_numpy(np.array([[1, 2], [3, 4]], dtype="int32"))

    assert type(tensor) is torch.Tensor
    assert tensor.tolist() == [[1, 2], [3, 4]]
    assert tensor.dtype == torch.int32


@pytest.mark.claim("blitz-numpy-shared-memory")
def test_tensor_and_array_start_at_the_same_address():
    """`tensor.numpy()` of `tensor = torch.ones(3)` and `torch.from_numpy(array)` of
    `array = np.ones(3)` do not copy: tensor and array start at the same memory address.
    """
    tensor = torch.ones(3)
    array = np.ones(3)

    assert tensor.numpy().ctypes.data == tensor.data_ptr()
    assert torch.from_numpy(array).data_ptr() == array.ctypes.data
    assert (torch.tensor(array).data_ptr() == array.ctypes.data) is False


@pytest.mark.claim("blitz-numpy-tensor-edit-visible")
def test_adding_to_the_tensor_changes_its_array():
    """After `array = tensor.numpy()` of the float32 CPU tensor `torch.ones(5)`,
    `tensor.add_(1)` changes the array, too.
    """
    tensor = torch.ones(5)
    array = tensor.numpy()

    tensor.add_(1)

    assert tensor.tolist() == [2.0, 2.0, 2.0, 2.0, 2.0]
    assert array.tolist() == [2.0, 2.0, 2.0, 2.0, 2.0]


@pytest.mark.claim("blitz-numpy-array-edit-visible")
def test_writing_into_the_array_changes_the_tensor():
    """After `array = tensor.numpy()` of the float32 CPU tensor `torch.ones(3)`, `array[0] = 5`
    changes the tensor, too.
    """
    tensor = torch.ones(3)
    array = tensor.numpy()

    array[0] = 5

    assert tensor.tolist() == [5.0, 1.0, 1.0]


@pytest.mark.claim("blitz-from-numpy-array-edit-visible")
def test_adding_to_the_source_array_changes_the_tensor_made_of_it():
    """After `tensor = torch.from_numpy(array)` of `array = np.ones(5)`,
    `np.add(array, 1, out=array)` changes the tensor, too.
    """
    array = np.ones(5)
    tensor = torch.from_numpy(array)

    np.add(array, 1, out=array)

    assert array.tolist() == [2.0, 2.0, 2.0, 2.0, 2.0]
    assert tensor.tolist() == [2.0, 2.0, 2.0, 2.0, 2.0]


@pytest.mark.claim("blitz-from-numpy-tensor-edit-visible")
def test_writing_into_the_tensor_changes_the_source_array():
    """After `tensor = torch.from_numpy(array)` of `array = np.ones(3)`, `tensor[0] = 5`
    changes the array, too.
    """
    array = np.ones(3)
    tensor = torch.from_numpy(array)

    tensor[0] = 5

    assert array.tolist() == [5.0, 1.0, 1.0]


def test_a_result_of_arithmetic_shares_nothing():
    """After `tensor = torch.from_numpy(array)` of `array = np.ones(2)`, `array = array + 1`
    makes a new array: the tensor keeps the old values.

    Only writes into the array, such as `array += 1`, reach the tensor.
    """
    array = np.ones(2)
    tensor = torch.from_numpy(array)

    array = array + 1

    assert array.tolist() == [2.0, 2.0]
    assert tensor.tolist() == [1.0, 1.0]
    assert (array.ctypes.data == tensor.data_ptr()) is False


@pytest.mark.claim("blitz-from-numpy-float64")
def test_numpys_floats_come_over_as_float64():
    """`torch.from_numpy(np.ones(5))` is a float64 tensor, not of PyTorch's default dtype
    float32: its `repr` ends with `dtype=torch.float64)`.

    Because NumPy's default is float64. Convert with `.float()` before it meets a model.
    """
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
    """`array = torch.zeros(1, dtype=d).numpy()` has NumPy's dtype of the same name, and
    `torch.from_numpy(array)` has the dtype `d` again, for `d` of bool, uint8, int16, int32,
    int64, float16, float32, float64, complex64 and complex128.
    """
    tensor = torch.zeros(1, dtype=dtype)

    array = tensor.numpy()

    assert array.dtype == name
    assert torch.from_numpy(array).dtype == dtype


@pytest.mark.torch(">=2.3")
@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
def test_wider_unsigned_integers_cross_too(name):
    """Since PyTorch 2.3 `torch.from_numpy(np.array([1, 2], dtype=d))` makes a tensor of the
    same dtype for `d` of uint16, uint32 and uint64, and `tensor.numpy()` gives the values
    back.
    """
    tensor = torch.from_numpy(np.array([1, 2], dtype=name))

    assert str(tensor.dtype) == f"torch.{name}"
    assert tensor.numpy().tolist() == [1, 2]


@pytest.mark.torch("<2.3")
@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64"])
def test_wider_unsigned_integers_did_not_cross(name):
    """Before PyTorch 2.3 `torch.from_numpy(np.array([1, 2], dtype=name))` raised a TypeError for
    the names "uint16", "uint32" and "uint64".

    Because torch's only unsigned integer dtype was uint8.
    """
    array = np.array([1, 2], dtype=name)

    with pytest.raises(TypeError, match=f"can't convert np.ndarray of type numpy.{name}"):
        torch.from_numpy(array)


@pytest.mark.claim("blitz-char-tensor-excluded")
def test_int8_tensors_cross_like_any_other():
    """`array = tensor.numpy()` of the int8 tensor `tensor = torch.CharTensor([-128, 127])`
    shares the memory of the tensor, and so does `torch.from_numpy(array)`.
    """
    tensor = torch.CharTensor([-128, 127])

    array = tensor.numpy()
    array[0] = 1
    back = torch.from_numpy(array)
    back[1] = 2

    assert array.dtype == "int8"
    assert back.dtype == torch.int8
    assert tensor.tolist() == array.tolist() == [1, 2]


@given(st.lists(st.floats(allow_nan=False, width=32), min_size=1))
def test_every_float_survives_the_way_to_numpy_and_back(numbers):
    """For a list `numbers` of finite or infinite floats and
    `x = torch.tensor(numbers, dtype=torch.float32)`, `torch.from_numpy(x.numpy())` has the same
    values as `x`.
    """
    tensor = torch.tensor(numbers, dtype=torch.float32)

    assert torch.from_numpy(tensor.numpy()).tolist() == tensor.tolist() == numbers
    assert torch.from_numpy(torch.tensor([0.1]).numpy()).tolist() == [0.10000000149011612]


def test_as_tensor_shares_an_array_unless_the_dtype_has_to_change():
    """For the float64 array `array = np.ones(2)`, `torch.as_tensor(array)` shares the memory of
    the array if the default device is the CPU; `torch.as_tensor(array, dtype=torch.float32)`
    copies.

    Because float32 values need memory of their own. What copies without a `dtype=` is told in
    `spec/tensors/test_copying.py`.
    """
    array = np.ones(2)
    shared = torch.as_tensor(array)
    copied = torch.as_tensor(array, dtype=torch.float32)

    array[0] = 5

    assert shared.tolist() == [5.0, 1.0]
    assert copied.tolist() == [1.0, 1.0]


def test_asarray_shares_a_tensor_unless_the_dtype_has_to_change():
    """`np.asarray(tensor)` of the float32 CPU tensor `tensor = torch.ones(2)` shares the
    memory of the tensor; `np.asarray(tensor, dtype="float64")` copies.
    """
    tensor = torch.ones(2)
    shared = np.asarray(tensor)
    copied = np.asarray(tensor, dtype="float64")

    tensor[0] = 5

    assert shared.tolist() == [5.0, 1.0]
    assert copied.tolist() == [1.0, 1.0]


def test_a_transposed_tensor_becomes_an_array_with_the_same_strides():
    """`torch.zeros(2, 3).T.numpy()` keeps the strides of the transposed float32 CPU tensor;
    NumPy counts them in bytes, torch in elements: (1, 3) of float32 is (4, 12).
    """
    tensor = torch.zeros(2, 3).T

    array = tensor.numpy()

    assert tensor.stride() == (1, 3)
    assert array.strides == (4, 12)


def test_a_slice_shares_its_part_of_the_memory():
    """`tensor[1:].numpy()` of the int64 CPU tensor `torch.tensor([1, 2, 3])` is an array
    over the memory of the slice: writing into it changes the tensor.
    """
    tensor = torch.tensor([1, 2, 3])

    tensor[1:].numpy()[0] = 9

    assert tensor.tolist() == [1, 9, 3]


def test_a_zero_dimensional_tensor_becomes_a_zero_dimensional_array():
    """For `x = torch.tensor(2.5)`, `x.numpy()` is a NumPy array of shape (), not a Python
    number; `x.item()` gives the number 2.5.
    """
    x = torch.tensor(2.5)
    array = x.numpy()

    assert type(array) is np.ndarray
    assert array.shape == ()
    assert array.item() == x.item() == 2.5


def test_dlpack_shares_memory_too():
    """`tensor = torch.from_dlpack(array)` of the float64 array `array = np.zeros(2)` shares
    the memory of the array, and so does `np.from_dlpack(tensor)`.

    DLPack is a protocol that other libraries, such as CuPy and JAX, speak as well.
    """
    array = np.zeros(2)
    tensor = torch.from_dlpack(array)
    another = np.from_dlpack(tensor)

    tensor[1] = 7

    assert array.tolist() == [0.0, 7.0]
    assert another.tolist() == [0.0, 7.0]


def test_memory_outlives_the_tensor_it_came_from():
    """An array from `tensor.numpy()` of a dense float32 CPU tensor that requires no grad
    keeps its values after `del tensor`.

    Because the array holds a reference to the tensor's storage.
    """
    tensor = torch.tensor([1.0, 2.0])
    array = tensor.numpy()

    del tensor

    assert array.tolist() == [1.0, 2.0]
