"""NumPy's habits, and NumPy's functions, with tensors.

Much of torch is spelled as in NumPy: indexing, broadcasting, most names, even `axis` for `dim`. So
one can begin at a prompt with what one knows. The surprises are the few words that mean another
thing, and what comes out when tensors and arrays meet in one expression.
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
    """Written once and run with `np` and with `torch`, these lines give equal numbers."""
    assert line(np).tolist() == expected
    assert line(torch).tolist() == expected


@pytest.mark.claim("path-advanced-numpy")
def test_a_line_of_array_arithmetic_also_gives_its_derivative():
    """What NumPy can't: ask the same arithmetic for its gradient."""
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

    (x * x).sum().backward()

    assert x.grad.tolist() == [2.0, 4.0, 6.0]


def test_repeat_tiles_the_whole_tensor():
    """`x.repeat(2)` is NumPy's `tile`; NumPy's `repeat` is `repeat_interleave`."""
    x = torch.tensor([1, 2])
    array = np.array([1, 2])

    assert x.repeat(2).tolist() == [1, 2, 1, 2]
    assert np.tile(array, 2).tolist() == [1, 2, 1, 2]
    assert x.repeat_interleave(2).tolist() == [1, 1, 2, 2]
    assert array.repeat(2).tolist() == [1, 1, 2, 2]


def test_max_along_a_dimension_also_says_where():
    """`x.max(dim)` is a pair of values and indices; NumPy gives the values alone."""
    numbers = [[1, 9, 4], [8, 2, 3]]

    values, indices = torch.tensor(numbers).max(1)

    assert values.tolist() == [9, 8]
    assert indices.tolist() == [1, 0]
    assert np.array(numbers).max(1).tolist() == [9, 8]


def test_size_is_the_shape_and_not_the_number_of_elements():
    """`x.size()` is the shape; what NumPy calls `size` is `x.numel()`."""
    x = torch.zeros(2, 3)

    assert x.size() == (2, 3)
    assert x.numel() == 6
    assert np.zeros((2, 3)).size == 6


def test_a_ufunc_of_a_tensor_gives_a_tensor():
    """`np.sqrt(x)` computes in NumPy and hands back a tensor."""
    x = torch.tensor([0.0, 1.0, 4.0])

    with warnings.catch_warnings():
        # NumPy 2 asks tensors for a newer signature of __array_wrap__; the result is the same.
        warnings.simplefilter("ignore", DeprecationWarning)
        root = np.sqrt(x)

    assert type(root) is torch.Tensor
    assert root.tolist() == [0.0, 1.0, 2.0]


def test_other_numpy_functions_give_arrays():
    """`np.concatenate` and `np.where` read tensors as arrays and return an array."""
    x = torch.tensor([1.0, 2.0])

    joined = np.concatenate([x, x])

    assert type(joined) is np.ndarray
    assert joined.tolist() == [1.0, 2.0, 1.0, 2.0]


def test_numpys_sum_does_not_get_along_with_a_tensor():
    """`np.sum(x)` calls `x.sum` with words of its own; `x.sum()` or `np.asarray` is the way."""
    x = torch.tensor([1.0, 2.0])

    with pytest.raises(TypeError, match=r"sum\(\)"):
        np.sum(x)

    assert np.sum(np.asarray(x)) == 3.0


def test_numpy_functions_refuse_a_tensor_that_requires_grad():
    """A result computed by NumPy would lose its gradient, so torch refuses to hand it over."""
    x = torch.tensor([0.0, 1.0, 4.0], requires_grad=True)

    with pytest.raises(RuntimeError, match=r"Can't call numpy\(\) on Tensor that requires grad"):
        np.sqrt(x)

    assert x.sqrt().tolist() == [0.0, 1.0, 2.0]


def test_a_tensor_times_an_array_is_a_tensor_of_the_wider_dtype():
    """With the tensor on the left the product is a tensor, and NumPy's float64 wins."""
    x = torch.tensor([1.0, 2.0])
    array = np.array([10.0, 10.0])

    with warnings.catch_warnings():
        # The signature of __array_wrap__ once more.
        warnings.simplefilter("ignore", DeprecationWarning)
        product = x * array

    assert product.tolist() == [10.0, 20.0]
    assert product.dtype == torch.float64


def test_an_array_times_a_tensor_is_refused():
    """With the array on the left Python finds no way to multiply."""
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \*"):
        np.array([10.0, 10.0]) * torch.tensor([1.0, 2.0])


def test_torch_functions_refuse_arrays():
    """`torch.add` and its like take tensors, not arrays."""
    x = torch.tensor([1.0, 2.0])
    array = np.array([10.0, 10.0])

    with pytest.raises(TypeError, match=r"must be Tensor, not numpy.ndarray"):
        torch.add(x, array)

    assert torch.add(x, torch.from_numpy(array)).tolist() == [11.0, 12.0]


@pytest.mark.claim("self-tensors-for-networks")
def test_a_network_takes_tensors_and_no_arrays():
    """A layer refuses an array of the right numbers and takes the tensor made of it."""
    layer = nn.Linear(2, 1)
    array = np.ones((3, 2), dtype="float32")

    with pytest.raises(TypeError, match=r"must be Tensor, not numpy.ndarray"):
        layer(array)

    assert layer(torch.from_numpy(array)).shape == (3, 1)


def test_a_tensor_can_be_indexed_with_an_array():
    """An array of indices or of booleans picks elements as a tensor would."""
    x = torch.tensor([10, 20, 30])

    assert x[np.array([2, 0])].tolist() == [30, 10]
    assert x[np.array([True, False, True])].tolist() == [10, 30]


def test_a_tensor_cannot_be_assigned_an_array():
    """`x[:] = array` is refused, while `array[:] = x` is fine."""
    x = torch.tensor([1.0, 2.0])
    array = np.zeros(2)

    with pytest.raises(TypeError, match=r"can't assign a numpy.ndarray"):
        x[:] = array
    array[:] = x

    assert array.tolist() == [1.0, 2.0]


def test_dtypes_of_numpy_are_not_dtypes_of_torch():
    """`dtype=np.float32` is refused by torch, though the names are alike."""
    with pytest.raises(TypeError, match=r"torch.dtype"):
        torch.zeros(2, dtype=np.float32)


@pytest.mark.claim("self-matplotlib-needs-arrays")
def test_a_plotting_library_can_read_a_tensor_as_an_array():
    """A tensor has what matplotlib's `plot` asks of its data: `np.asarray(x)` and `x.ndim`."""
    y = torch.linspace(-1, 1, 5) ** 2

    drawn = np.asarray(y)

    assert type(drawn) is np.ndarray
    assert drawn.tolist() == [1.0, 0.25, 0.0, 0.25, 1.0]
    assert y.ndim == 1
