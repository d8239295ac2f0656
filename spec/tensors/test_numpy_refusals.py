"""What can't be converted to NumPy and back.

`tensor.numpy()` shares memory, so the tensor has to be in host memory, dense, of a dtype that NumPy
has, and free of autograd. Others raise an error, which often says what to call first;
`numpy(force=True)` makes some of these calls itself. In the other direction `torch.from_numpy`
refuses arrays of text, of objects and of foreign byte order. What does work is told in
`spec/tensors/test_numpy_bridge.py`.

What surprises: a reversed array, `array[::-1]`, is refused, even by `torch.tensor`, which copies;
and a tensor that requires grad is not refused inside `torch.no_grad()`.
"""

import numpy as np
import pytest
import torch


def test_a_tensor_that_requires_grad_is_refused():
    """With grad mode on, `x.numpy()` of the CPU tensor
    `x = torch.tensor([1.0, 2.0], requires_grad=True)` raises a RuntimeError, "Can't call numpy()
    on Tensor that requires grad"; `x.detach().numpy()` shares the memory of `x`.

    Because an array records no autograd graph, so a gradient would be lost without notice.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        x.numpy()
    x.detach().numpy()[0] = 5

    assert x.detach().numpy().tolist() == [5.0, 2.0]
    assert x.tolist() == [5.0, 2.0]


def test_a_tensor_that_requires_grad_is_taken_inside_no_grad():
    """Inside `torch.no_grad()`, `x.numpy()` of the CPU tensor
    `x = torch.tensor([1.0, 2.0], requires_grad=True)` gives an array that shares the memory of
    `x`.

    Because nothing would be recorded there anyway. Code that relies on it fails outside;
    `x.detach().numpy()` works in both places.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    with torch.no_grad():
        array = x.numpy()

    assert array.tolist() == [1.0, 2.0]
    assert array.ctypes.data == x.data_ptr()


def test_asarray_refuses_what_numpy_refuses():
    """With grad mode on, `np.asarray(x)` and `np.sqrt(x)` of a dense float32 CPU tensor
    that requires grad raise the RuntimeError of `x.numpy()`, "Can't call numpy() on Tensor
    that requires grad".

    Because NumPy calls `x.__array__()`, which calls `x.numpy()`. Write `x.sqrt()`, or pass
    `x.detach()`, also to libraries such as matplotlib.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        np.asarray(x)
    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        np.sqrt(x)

    assert np.asarray(x.detach()).tolist() == [1.0, 2.0]


@pytest.mark.claim("blitz-numpy-cpu-only")
def test_a_tensor_on_another_device_is_refused():
    """`x.numpy()` of a dense tensor on the meta device raises a TypeError, "can't convert
    meta device type tensor to numpy".

    `x.detach().cpu().numpy()` copies a float32 tensor from a GPU first; a meta tensor has no data
    at all.
    """
    x = torch.ones(2, device="meta")

    with pytest.raises(TypeError, match=r"can't convert meta device type tensor to numpy"):
        x.numpy()


@pytest.mark.cuda
@pytest.mark.claim("blitz-numpy-cpu-only")
def test_a_cuda_tensor_is_refused_until_it_is_copied_to_the_cpu():
    """`x.numpy()` of a dense float32 CUDA tensor that requires no grad raises a TypeError;
    `x.cpu().numpy()` works on a copy, which shares no memory with `x`.
    """
    x = torch.zeros(2, device="cuda")

    with pytest.raises(TypeError, match=r"Use Tensor.cpu\(\) to copy the tensor to host memory"):
        x.numpy()
    array = x.cpu().numpy()
    array[0] = 5

    assert array.tolist() == [5.0, 0.0]
    assert x.tolist() == [0.0, 0.0]


@pytest.mark.claim("blitz-all-other-cpu-types-convert")
def test_a_sparse_tensor_is_refused():
    """`x.numpy()` of a float32 sparse COO tensor that requires no grad raises a TypeError, "can't
    convert Sparse layout tensor to numpy"; call `x.to_dense()` first.

    Because a sparse tensor stores indices and values, not a dense storage that NumPy could
    share.
    """
    x = torch.eye(2).to_sparse()

    with pytest.raises(TypeError, match="can't convert Sparse layout tensor to numpy"):
        x.numpy()

    assert x.to_dense().numpy().tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.claim("blitz-all-other-cpu-types-convert")
def test_bfloat16_is_refused():
    """`x.numpy()` of a dense bfloat16 CPU tensor that requires no grad raises a TypeError,
    "Got unsupported ScalarType BFloat16"; convert with `x.float().numpy()`.

    Because NumPy has no bfloat16, and none of the float8 dtypes.
    """
    x = torch.tensor([1.0, 2.5], dtype=torch.bfloat16)

    with pytest.raises(TypeError, match="Got unsupported ScalarType BFloat16"):
        x.numpy()

    assert x.float().numpy().tolist() == [1.0, 2.5]


def test_a_conjugated_tensor_is_refused():
    """`x.conj().numpy()` of `x = torch.tensor([1 + 2j])` raises a RuntimeError, "Can't call
    numpy() on Tensor that has conjugate bit set"; write `x.conj().resolve_conj().numpy()`.

    Because `conj()` only sets a flag, which NumPy doesn't know; `resolve_conj()` computes the
    values. Of a real tensor `conj()` sets none.
    """
    x = torch.tensor([1 + 2j]).conj()

    with pytest.raises(
        RuntimeError, match=r"Tensor that has conjugate bit set. Use tensor.resolve_conj"
    ):
        x.numpy()

    assert x.resolve_conj().numpy().tolist() == [1 - 2j]
    assert torch.tensor([1.0]).conj().numpy().tolist() == [1.0]


def test_a_lazily_negated_tensor_is_refused():
    """`x.conj().imag.numpy()` of `x = torch.tensor([1 + 2j])` raises a RuntimeError, "Can't call
    numpy() on Tensor that has negative bit set"; write `x.conj().imag.resolve_neg().numpy()`.

    Because `conj()` of a complex tensor only sets a flag; the imaginary part of the result is a
    view with a flag too, which says that the values in memory are still to be negated.
    `resolve_neg()` computes them.
    """
    x = torch.tensor([1 + 2j]).conj().imag

    with pytest.raises(
        RuntimeError, match=r"Tensor that has negative bit set. Use tensor.resolve_neg"
    ):
        x.numpy()

    assert x.resolve_neg().numpy().tolist() == [-2.0]


@pytest.mark.parametrize(
    ("make", "numbers"),
    [
        (lambda: torch.tensor([3.0], requires_grad=True), [3.0]),
        (lambda: torch.tensor([1 + 2j]).conj(), [1 - 2j]),
        (lambda: torch.tensor([1 + 2j]).conj().imag, [-2.0]),
    ],
)
def test_force_detaches_and_resolves_by_itself(make, numbers):
    """`x.numpy(force=True)` does `x.detach().cpu().resolve_conj().resolve_neg().numpy()`:
    it converts a dense float32 CPU tensor `x` that requires grad, and also `z.conj()` and
    `z.conj().imag` of a dense complex64 CPU tensor `z`.

    It may copy, in which case array and tensor share no memory.
    """
    array = make().numpy(force=True)

    assert array.tolist() == numbers


def test_force_does_not_find_a_dtype_that_numpy_lacks():
    """`x.numpy(force=True)` still raises a TypeError for a bfloat16 CPU tensor and for a
    sparse COO CPU tensor.

    Because it converts neither dtype nor layout: call `x.float()` or `x.to_dense()`.
    """
    x = torch.ones(2, dtype=torch.bfloat16)
    sparse = torch.eye(2).to_sparse()

    with pytest.raises(TypeError, match="Got unsupported ScalarType BFloat16"):
        x.numpy(force=True)
    with pytest.raises(TypeError, match="can't convert Sparse layout tensor to numpy"):
        sparse.numpy(force=True)


def test_from_numpy_takes_arrays_only():
    """`torch.from_numpy([1, 2])` raises a TypeError, "expected np.ndarray (got list)": a list is no
    array.

    `torch.tensor` and `torch.as_tensor` take lists, NumPy arrays and numbers.
    """
    with pytest.raises(TypeError, match=r"expected np.ndarray \(got list\)"):
        torch.from_numpy([1, 2])

    assert torch.as_tensor([1, 2]).tolist() == [1, 2]


@pytest.mark.parametrize("convert", [torch.from_numpy, torch.as_tensor, torch.tensor])
def test_a_reversed_array_is_refused(convert):
    """`torch.from_numpy(array[::-1])` of `array = np.array([1, 2, 3])` raises a ValueError,
    "At least one stride in the given numpy array is negative", as `torch.as_tensor` and
    `torch.tensor` do; write `array[::-1].copy()`.

    Because a reversed array has a negative stride, which tensors can't have. Images are often
    flipped like this.
    """
    array = np.array([1, 2, 3])

    with pytest.raises(ValueError, match="stride in the given numpy array is negative"):
        convert(array[::-1])

    assert convert(array[::-1].copy()).tolist() == [3, 2, 1]


def test_an_array_of_text_is_refused():
    """`torch.from_numpy(np.array(["a", "b"]))` raises a TypeError, "can't convert np.ndarray of
    type numpy.str_".

    Because torch has no dtype for text. Map the strings to integers first, here with
    `np.unique(array, return_inverse=True)[1]`.
    """
    array = np.array(["a", "b", "a"])

    with pytest.raises(TypeError, match=r"can't convert np.ndarray of type numpy.str_"):
        torch.from_numpy(array)

    numbers = np.unique(array, return_inverse=True)[1]
    assert torch.from_numpy(numbers).tolist() == [0, 1, 0]


def test_an_array_of_python_objects_is_refused():
    """`torch.from_numpy(array)` raises a TypeError, "can't convert np.ndarray of type
    numpy.object_", for `array = np.array([[1, 2.5, None]])`: because of the None, NumPy gives it
    dtype object.

    Such an array holds references to Python objects. If all of them are None or real numbers in
    the range of float32, write `array.astype("float32")`, which turns None into NaN; rows of
    unequal length have to be padded first.
    """
    array = np.array([[1, 2.5, None]])
    ragged = np.array([[1], [2, 3]], dtype=object)

    with pytest.raises(TypeError, match=r"can't convert np.ndarray of type numpy.object_"):
        torch.from_numpy(array)
    with pytest.raises(TypeError, match=r"can't convert np.ndarray of type numpy.object_"):
        torch.from_numpy(ragged)

    assert array.dtype.name == "object"
    assert repr(torch.from_numpy(array.astype("float32")).tolist()) == "[[1.0, 2.5, nan]]"


def test_numbers_in_the_byte_order_of_another_machine_are_refused():
    """`torch.from_numpy(array)` of a contiguous float64 array whose byte order is not the
    machine's raises a ValueError, "given numpy array has byte order different from the native byte
    order"; `array.astype("float64")` returns a converted copy.

    Files written on other machines may give such arrays.
    """
    array = np.array([1.0, 2.0])
    swapped = array.astype(array.dtype.newbyteorder())

    with pytest.raises(ValueError, match="byte order different from the native byte order"):
        torch.from_numpy(swapped)

    assert torch.from_numpy(swapped.astype("float64")).tolist() == [1.0, 2.0]


def test_a_read_only_array_is_taken_with_a_warning():
    """After `array.flags.writeable = False`, with `array = np.ones(2)`,
    `torch.from_numpy(array)` still shares the array's memory, but gives a UserWarning,
    "The given NumPy array is not writable", by default once per process.

    Because a tensor can't be read-only: writing to the tensor raises no error, but its behaviour
    is undefined. `torch.tensor(array)` copies, without a warning.
    """
    array = np.ones(2)
    array.flags.writeable = False

    with pytest.warns(UserWarning, match="The given NumPy array is not writable"):
        tensor = torch.from_numpy(array)

    assert tensor.data_ptr() == array.ctypes.data


def test_a_copy_of_a_read_only_array_needs_no_warning():
    """After `array.flags.writeable = False`, with `array = np.ones(2)`,
    `torch.tensor(array)` copies the read-only array without a warning; writing to the
    tensor leaves the array unchanged.
    """
    array = np.ones(2)
    array.flags.writeable = False

    tensor = torch.tensor(array)
    tensor[0] = 5

    assert tensor.tolist() == [5.0, 1.0]
    assert array.tolist() == [1.0, 1.0]
