"""Using tensors as one uses NumPy arrays.

Much of torch is spelled as in NumPy: indexing, broadcasting, most names, even `axis` for `dim`. So
one can begin with what one knows. What the two do differently about dtypes is told in
`spec/tensors/test_numpy_promotion.py`, `repeat` and `tile` in `spec/tensors/test_repeating.py`,
`max` along a dimension in `spec/tensors/test_extremes.py`, shared memory in
`spec/tensors/test_numpy_bridge.py`, and tensors that require grad in
`spec/tensors/test_numpy_refusals.py`.

What surprises is what tensors and arrays do in one expression: `tensor * array` is a tensor,
`array * tensor` an error, and `tensor += array` is not in place; `np.sqrt(tensor)` is a tensor,
`np.concatenate` gives an array, and `np.sum(tensor)` fails.
"""

import warnings

import numpy as np
import pytest
import torch
from torch import nn


@pytest.mark.claim("course-numpy-style", "path-advanced-numpy")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (lambda xp: xp.arange(6).reshape(2, 3)[:, ::2], [[0, 2], [3, 5]]),
        (lambda xp: xp.arange(6).reshape(2, 3).T, [[0, 3], [1, 4], [2, 5]]),
        (lambda xp: xp.arange(6).reshape(2, 3).sum(axis=0), [3, 5, 7]),
        (lambda xp: xp.arange(6).reshape(2, 3).max(), 5),
        (lambda xp: xp.arange(3)[:, None] * xp.arange(1, 3), [[0, 0], [1, 2], [2, 4]]),
        (lambda xp: xp.arange(5)[xp.arange(5) % 2 == 1], [1, 3]),
        (lambda xp: xp.linspace(0, 1, 3), [0.0, 0.5, 1.0]),
        (lambda xp: xp.full((2, 2), 7) - xp.eye(2), [[6.0, 7.0], [7.0, 6.0]]),
        (lambda xp: xp.ones((1, 3)) @ xp.ones((3, 1)), [[3.0]]),
        (lambda xp: xp.where(xp.arange(3) > 0, xp.ones(3), xp.zeros(3)), [0.0, 1.0, 1.0]),
        (lambda xp: xp.cumsum(xp.arange(4), axis=0), [0, 1, 3, 6]),
        (lambda xp: xp.einsum("ij,kj->ik", xp.eye(2), xp.eye(2)), [[1.0, 0.0], [0.0, 1.0]]),
    ],
)
def test_the_same_line_gives_the_same_numbers_in_numpy_and_torch(line, expected):
    """`arange(6).reshape(2, 3).sum(axis=0)`, `linspace(0, 1, 3)`, `ones((1, 3)) @ ones((3, 1))`
    and `cumsum(arange(4), axis=0)` give the same values with `np` and with `torch`.
    """
    assert line(np).tolist() == expected
    assert line(torch).tolist() == expected


@pytest.mark.claim("path-advanced-numpy")
def test_a_line_of_array_arithmetic_also_gives_its_derivative():
    """`(x * x).sum()` is written as with a NumPy array, and in torch gives a gradient too:
    for `x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)`, `(x * x).sum().backward()`
    fills `x.grad` with [2, 4, 6].
    """
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

    (x * x).sum().backward()

    assert x.grad.tolist() == [2.0, 4.0, 6.0]


def test_size_is_the_shape_and_not_the_number_of_elements():
    """`x.size()` of a dense tensor is its shape; what NumPy calls `array.size`, the number
    of elements, is `x.numel()`.
    """
    x = torch.zeros(2, 3)

    assert x.size() == (2, 3)
    assert x.numel() == 6
    assert np.zeros((2, 3)).size == 6


def test_a_ufunc_of_a_tensor_gives_a_tensor():
    """`np.sqrt(x)`, a NumPy ufunc called with the float32 CPU tensor
    `x = torch.tensor([0.0, 1.0, 4.0])`, computes in NumPy and returns a tensor.

    NumPy 2 gives a DeprecationWarning for it. Write `x.sqrt()`.
    """
    x = torch.tensor([0.0, 1.0, 4.0])

    with warnings.catch_warnings():
        # NumPy 2 asks tensors for a newer signature of __array_wrap__; the result is the same.
        warnings.simplefilter("ignore", DeprecationWarning)
        root = np.sqrt(x)

    assert type(root) is torch.Tensor
    assert root.tolist() == [0.0, 1.0, 2.0]


def test_other_numpy_functions_give_arrays():
    """`np.concatenate([x, x])` and `np.where(x > 1, x, 0)` of the float32 CPU tensor
    `x = torch.tensor([1.0, 2.0])` return a NumPy array.

    Because NumPy converts the tensors with `np.asarray`. Write `torch.cat` and `torch.where`.
    """
    x = torch.tensor([1.0, 2.0])

    joined = np.concatenate([x, x])

    picked = np.where(x > 1, x, 0)

    assert type(joined) is np.ndarray
    assert joined.tolist() == [1.0, 2.0, 1.0, 2.0]
    assert type(picked) is np.ndarray
    assert picked.tolist() == [0.0, 2.0]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sum", r"sum\(\) (got an unexpected keyword|received an invalid combination)"),
        ("max", r"max\(\)(:| received an invalid combination)"),
        ("mean", r"mean\(\) (got an unexpected keyword|received an invalid combination)"),
    ],
)
def test_numpys_sum_does_not_get_along_with_a_tensor(name, words):
    """`np.sum(x)`, `np.max(x)` and `np.mean(x)` of the float32 CPU tensor
    `x = torch.tensor([3.0, 3.0, -3.0])` raise a TypeError; write `x.sum()` or
    `np.sum(np.asarray(x))`.

    Because they call the method of the tensor with NumPy's own arguments: `np.sum(x)` calls
    `x.sum(axis=None, out=None)`.
    """
    x = torch.tensor([3.0, 3.0, -3.0])

    with pytest.raises(TypeError, match=words):
        getattr(np, name)(x)
    expected = getattr(x, name)().item()

    assert getattr(np, name)(np.asarray(x)) == expected


def test_a_tensor_times_an_array_is_a_tensor_of_the_wider_dtype():
    """`torch.tensor([1.0, 2.0]) * np.array([10.0, 10.0])`, a float32 tensor times a float64
    array, is the float64 tensor [10, 20].

    NumPy computes it; NumPy 2 gives a DeprecationWarning. Convert the array first, then the
    product is float32:
    `torch.tensor([1.0, 2.0]) * torch.from_numpy(np.array([10.0, 10.0])).float()`.
    """
    x = torch.tensor([1.0, 2.0])
    array = np.array([10.0, 10.0])

    with warnings.catch_warnings():
        # The signature of __array_wrap__ once more.
        warnings.simplefilter("ignore", DeprecationWarning)
        product = x * array

    assert product.tolist() == [10.0, 20.0]
    assert product.dtype == torch.float64


def test_plus_equals_with_an_array_is_not_in_place():
    """`x += array` with a float64 NumPy vector of two elements doesn't write into the
    float32 CPU tensor `x = torch.tensor([1.0, 2.0])`: it binds the name `x` to a new
    float64 tensor.

    Because `add_` refuses an array, and Python falls back to `x = x + array`. Write
    `x += torch.from_numpy(array)` for a contiguous array.
    """
    x = torch.tensor([1.0, 2.0])
    other_name = x

    with warnings.catch_warnings():
        # The signature of __array_wrap__ once more.
        warnings.simplefilter("ignore", DeprecationWarning)
        x += np.array([10.0, 10.0])

    assert x.tolist() == [11.0, 12.0]
    assert x.dtype == torch.float64
    assert other_name.tolist() == [1.0, 2.0]


def test_an_array_times_a_tensor_is_refused():
    """`array * x` with a float64 NumPy vector on the left and a float32 tensor on the right
    raises a TypeError, "unsupported operand type(s) for *".

    Because tensors ask NumPy to leave the operator to them, and torch takes no array there. Write
    `torch.from_numpy(array) * x`, with `array.copy()` where a stride is negative. `x * array` runs
    in NumPy, which with grad mode on raises RuntimeError for a tensor that requires grad.
    """
    array = np.array([10.0, 10.0])
    x = torch.tensor([1.0, 2.0])

    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \*"):
        array * x

    assert (torch.from_numpy(array) * x).tolist() == [10.0, 20.0]


def test_torch_functions_refuse_arrays():
    """`torch.add(x, array)` of a tensor and a NumPy array raises a TypeError, "argument 'other'
    (position 2) must be Tensor, not numpy.ndarray".

    Convert with `torch.from_numpy(array)`; an array turned round, such as `array[::-1]`, needs
    `.copy()` first.
    """
    x = torch.tensor([1.0, 2.0])
    array = np.array([10.0, 10.0])

    with pytest.raises(TypeError, match=r"must be Tensor, not numpy.ndarray"):
        torch.add(x, array)

    assert torch.add(x, torch.from_numpy(array)).tolist() == [11.0, 12.0]


@pytest.mark.claim("self-tensors-for-networks")
def test_a_network_takes_tensors_and_no_arrays():
    """For `layer = nn.Linear(2, 1)` and `array = np.ones((3, 2), dtype="float32")`, `layer(array)`
    raises a TypeError, "argument 'input' (position 1) must be Tensor, not numpy.ndarray";
    `layer(torch.from_numpy(array))` works.

    NumPy's default float64 would be refused by a float32 layer.
    """
    layer = nn.Linear(2, 1)
    array = np.ones((3, 2), dtype="float32")

    words = r"argument 'input' \(position 1\) must be Tensor, not numpy.ndarray"
    with pytest.raises(TypeError, match=words):
        layer(array)

    assert layer(torch.from_numpy(array)).shape == (3, 1)


def test_a_tensor_can_be_indexed_with_an_array():
    """`x[array]` of the CPU tensor `x = torch.tensor([10, 20, 30])` with the int64 array
    `np.array([2, 0])` or the bool array `np.array([True, False, True])` picks elements as
    an index tensor or a mask does.

    An array of uint8, as images are, is read as a mask, which is deprecated: for positions convert
    it with `array.astype(int)`, for a mask with `array.astype(bool)`. In PyTorch 2.1 and before an
    array of two dimensions with fewer than 32 rows is read as a tuple of its rows, one index for
    each dimension; `torch.from_numpy(array)` avoids this.
    """
    x = torch.tensor([10, 20, 30])

    assert x[np.array([2, 0])].tolist() == [30, 10]
    assert x[np.array([True, False, True])].tolist() == [10, 30]
    with pytest.warns(UserWarning, match="indexing with dtype torch.uint8 is now deprecated"):
        picked = x[np.array([1, 0, 1], dtype="uint8")]

    assert picked.tolist() == [10, 30]


def test_a_tensor_cannot_be_assigned_an_array():
    """For `x = torch.tensor([1.0, 2.0])` and `array = np.zeros(2)`, `x[:] = array` raises a
    TypeError, "can't assign a numpy.ndarray"; `array[:] = x` works.

    Write `x[:] = torch.from_numpy(array)`.
    """
    x = torch.tensor([1.0, 2.0])
    array = np.zeros(2)

    with pytest.raises(TypeError, match=r"can't assign a numpy.ndarray"):
        x[:] = array
    x[:1] = torch.from_numpy(array)[:1]
    array[:] = x

    assert x.tolist() == [0.0, 2.0]
    assert array.tolist() == [0.0, 2.0]


def test_dtypes_of_numpy_are_not_dtypes_of_torch():
    """`torch.zeros(2, dtype=np.float32)` raises a TypeError: NumPy's dtypes are no dtypes of
    torch.

    Write `dtype=torch.float32`; `torch.from_numpy(array).dtype` is the torch dtype that matches
    the dtype of a NumPy array.
    """
    words = r"'?dtype'? must be torch\.dtype, not type|invalid combination of arguments"
    with pytest.raises(TypeError, match=words):
        torch.zeros(2, dtype=np.float32)


@pytest.mark.claim("self-matplotlib-needs-arrays")
def test_a_plotting_library_can_read_a_tensor_as_an_array():
    """`np.asarray(y)` of the float32 CPU tensor `y = torch.linspace(-1, 1, 5) ** 2` is a
    NumPy array of the values of `y`; `y.ndim`, the number of dimensions, is 1, as with an
    array.

    So such a tensor can be given to matplotlib's `plot`, which makes an array of it.
    """
    y = torch.linspace(-1, 1, 5) ** 2

    drawn = np.asarray(y)

    assert type(drawn) is np.ndarray
    assert drawn.tolist() == [1.0, 0.25, 0.0, 0.25, 1.0]
    assert y.ndim == 1
