"""What does not cross the bridge to NumPy.

Sharing memory needs one plain block of numbers in the main memory, of a kind that both sides know.
A tensor with gradients, on another device, or of a dtype that NumPy lacks is refused, and the
message says what to call first; `numpy(force=True)` makes most of those calls itself. The surprise
is that a mere reversed array, `array[::-1]`, is refused too.
"""

import numpy as np
import pytest
import torch


def test_a_tensor_that_requires_grad_is_refused():
    """An array records no gradients, so a tensor that requires them has to be detached first."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    with pytest.raises(RuntimeError, match=r"requires grad. Use tensor.detach\(\).numpy\(\)"):
        x.numpy()

    assert x.detach().numpy().tolist() == [1.0, 2.0]


def test_a_detached_array_still_shares_the_tensors_memory():
    """`x.detach().numpy()` is no copy: writing into it changes `x`."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    x.detach().numpy()[0] = 5

    assert x.tolist() == [5.0, 2.0]


def test_asarray_refuses_what_numpy_refuses():
    """`np.asarray(x)` calls `x.numpy()`, so it stops at `requires_grad` as well."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        np.asarray(x)


@pytest.mark.claim("blitz-numpy-cpu-only")
def test_a_tensor_on_another_device_is_refused():
    """NumPy reads main memory only: a tensor elsewhere has to come to the CPU first."""
    x = torch.ones(2, device="meta")

    with pytest.raises(TypeError, match=r"can't convert meta device type tensor to numpy"):
        x.numpy()


@pytest.mark.cuda
@pytest.mark.claim("blitz-numpy-cpu-only")
def test_a_cuda_tensor_is_refused_until_it_is_copied_to_the_cpu():
    """`numpy()` on a GPU tensor raises; `x.cpu().numpy()` works on a copy, which shares nothing."""
    x = torch.zeros(2, device="cuda")

    with pytest.raises(TypeError, match=r"Use Tensor.cpu\(\) to copy the tensor to host memory"):
        x.numpy()
    array = x.cpu().numpy()
    array[0] = 5

    assert array.tolist() == [5.0, 0.0]
    assert x.tolist() == [0.0, 0.0]


@pytest.mark.claim("blitz-all-other-cpu-types-convert")
def test_a_sparse_tensor_is_refused():
    """A sparse CPU tensor is no block of numbers; it has to become dense first."""
    x = torch.eye(2).to_sparse()

    with pytest.raises(TypeError, match="can't convert Sparse layout tensor to numpy"):
        x.numpy()

    assert x.to_dense().numpy().tolist() == [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.claim("blitz-all-other-cpu-types-convert")
def test_bfloat16_is_refused():
    """NumPy has no bfloat16, so such a tensor has to become float32 first."""
    x = torch.tensor([1.0, 2.5], dtype=torch.bfloat16)

    with pytest.raises(TypeError, match="unsupported ScalarType BFloat16"):
        x.numpy()

    assert x.float().numpy().tolist() == [1.0, 2.5]


def test_a_conjugated_tensor_is_refused():
    """`conj()` only sets a bit that NumPy can't see; `resolve_conj()` computes the numbers."""
    x = torch.tensor([1 + 2j]).conj()

    with pytest.raises(RuntimeError, match=r"conjugate bit set. Use tensor.resolve_conj"):
        x.numpy()

    assert x.resolve_conj().numpy().tolist() == [1 - 2j]


def test_a_lazily_negated_tensor_is_refused():
    """The imaginary part of a conjugate is only marked as negative; `resolve_neg()` negates it."""
    x = torch.tensor([1 + 2j]).conj().imag

    with pytest.raises(RuntimeError, match=r"negative bit set. Use tensor.resolve_neg"):
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
    """`numpy(force=True)` detaches, moves to the CPU and resolves what stands in the way."""
    array = make().numpy(force=True)

    assert array.tolist() == numbers


def test_force_does_not_find_a_dtype_that_numpy_lacks():
    """`force=True` converts no dtype: bfloat16 stays refused."""
    x = torch.ones(2, dtype=torch.bfloat16)

    with pytest.raises(TypeError, match="unsupported ScalarType BFloat16"):
        x.numpy(force=True)


def test_from_numpy_takes_arrays_only():
    """`from_numpy` refuses a list; `torch.tensor` and `as_tensor` take one."""
    with pytest.raises(TypeError, match=r"expected np.ndarray \(got list\)"):
        torch.from_numpy([1, 2])

    assert torch.as_tensor([1, 2]).tolist() == [1, 2]


def test_a_reversed_array_is_refused():
    """`array[::-1]` has a negative stride, which tensors don't; a copy has not."""
    array = np.array([1, 2, 3])

    with pytest.raises(ValueError, match="stride in the given numpy array is negative"):
        torch.from_numpy(array[::-1])

    assert torch.from_numpy(array[::-1].copy()).tolist() == [3, 2, 1]


def test_an_array_of_text_is_refused():
    """torch has no dtype for text."""
    array = np.array(["a", "b"])

    with pytest.raises(TypeError, match=r"can't convert np.ndarray of type numpy.str_"):
        torch.from_numpy(array)


def test_an_array_of_python_objects_is_refused():
    """Rows of unequal length make NumPy store Python lists, and those are no numbers."""
    array = np.array([[1], [2, 3]], dtype=object)

    with pytest.raises(TypeError, match=r"can't convert np.ndarray of type numpy.object_"):
        torch.from_numpy(array)


def test_numbers_in_the_byte_order_of_another_machine_are_refused():
    """An array with swapped bytes has to be converted by NumPy first."""
    array = np.array([1.0, 2.0])
    swapped = array.astype(array.dtype.newbyteorder())

    with pytest.raises(ValueError, match="byte order different from the native byte order"):
        torch.from_numpy(swapped)

    assert torch.from_numpy(swapped.astype("float64")).tolist() == [1.0, 2.0]


def test_a_read_only_array_is_taken_with_a_warning():
    """A tensor can't be read-only, so `from_numpy` warns when the array is."""
    array = np.ones(2)
    array.flags.writeable = False

    with pytest.warns(UserWarning, match="The given NumPy array is not writable"):
        tensor = torch.from_numpy(array)

    assert tensor.data_ptr() == array.ctypes.data


def test_a_copy_of_a_read_only_array_needs_no_warning():
    """`torch.tensor(array)` copies, so a read-only array does no harm."""
    array = np.ones(2)
    array.flags.writeable = False

    tensor = torch.tensor(array)
    tensor[0] = 5

    assert tensor.tolist() == [5.0, 1.0]
    assert array.tolist() == [1.0, 1.0]
