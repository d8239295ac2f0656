"""Dimensions and shape.

A tensor has any number of dimensions, also called axes: a number has none, a vector one, a matrix
two, an image three and a batch of images four. The number of dimensions is the rank, `x.ndim`. The
shape, `x.shape`, gives the size of each dimension; it is a `torch.Size`, a tuple of integers
(`spec/tensors/test_sizes.py`).

Layers expect an order of dimensions: `nn.Linear` has the features last (`spec/nn/test_layers.py`),
`nn.Conv2d` takes images as batch, channels, height, width (`spec/nn/test_convolutions.py`).

What surprises: a single number has the empty shape `[]`, not `[1]`; a tensor without elements still
has a shape, such as `[2, 0, 3]`; the shape cannot be assigned to; and dimensions can be counted
from the end, so -1 is the last one.
"""

import pytest
import torch


@pytest.mark.claim("self-dimension-names")
def test_scalar_vector_and_matrix_have_no_one_and_two_dimensions(device):
    """`x.dim()` is 0 for a scalar, 1 for a vector, 2 for a matrix and 3 for a tensor of shape
    (2, 2, 2).
    """
    scalar = torch.tensor(7, device=device)
    vector = torch.tensor([7, 8], device=device)
    matrix = torch.tensor([[7, 8], [9, 10]], device=device)
    cube = torch.zeros(2, 2, 2, device=device)

    assert [tensor.dim() for tensor in (scalar, vector, matrix, cube)] == [0, 1, 2, 3]


@pytest.mark.claim("self-all-are-tensors")
def test_scalar_vector_and_matrix_are_of_one_type():
    """A scalar, a vector and a matrix made by `torch.tensor` have the class `torch.Tensor`:
    PyTorch has no classes of their own for them.
    """
    scalar = torch.tensor(7)
    vector = torch.tensor([7, 8])
    matrix = torch.tensor([[7, 8], [9, 10]])

    assert type(scalar) is type(vector) is type(matrix) is torch.Tensor
    assert [torch.is_tensor(it) for it in (scalar, vector, matrix)] == [True, True, True]


@pytest.mark.claim("self-rank")
def test_the_rank_is_the_number_of_dimensions():
    """`x.dim()`, `x.ndim`, `x.ndimension()` and `len(x.shape)` of a dense tensor give the
    number of dimensions, also called rank: 3 for shape (4, 5, 6).
    """
    x = torch.zeros(4, 5, 6)

    assert x.dim() == 3
    assert x.ndim == 3
    assert x.ndimension() == 3
    assert len(x.shape) == 3


def test_the_rank_of_linear_algebra_is_another_number():
    """For `x = torch.tensor([[1.0, 2.0], [2.0, 4.0]])`, `torch.linalg.matrix_rank(x)` is 1,
    the number of linearly independent rows; the number of dimensions is `x.ndim`, here 2.
    `x.rank` raises AttributeError.

    The word rank has both meanings; TensorFlow's `tf.rank` is PyTorch's `x.ndim`.
    """
    x = torch.tensor([[1.0, 2.0], [2.0, 4.0]])

    assert torch.linalg.matrix_rank(x).item() == 1
    assert x.ndim == 2
    with pytest.raises(AttributeError, match="no attribute 'rank'"):
        x.rank  # noqa: B018


@pytest.mark.claim("self-axes")
def test_a_tensor_has_as_many_axes_as_its_rank():
    """A tensor `x` of three dimensions has the dimensions 0, 1 and 2: `x.size(3)` raises
    IndexError, which names the range from -3 to 2.

    Dimensions are counted from 0, so the last one is `x.ndim - 1`, or -1.
    """
    x = torch.zeros(4, 5, 6)

    assert x.ndim == 3
    assert [x.size(axis) for axis in (0, 1, 2)] == [4, 5, 6]
    with pytest.raises(IndexError, match=r"expected to be in range of \[-3, 2\], but got 3"):
        x.size(3)


def test_negative_axes_count_from_the_end():
    """In `x.size(dim)` of a tensor of shape (4, 5, 6) a negative `dim` counts from the end: -1
    is the last dimension, of size 6, -3 is the first, and -4 raises IndexError.

    So code written for the last dimension, as `dim=-1`, works with and without a batch
    dimension.
    """
    x = torch.zeros(4, 5, 6)

    assert [x.size(axis) for axis in (-1, -2, -3)] == [6, 5, 4]
    with pytest.raises(IndexError, match=r"expected to be in range of \[-3, 2\], but got -4"):
        x.size(-4)


def test_axes_run_from_the_outer_brackets_to_the_inner():
    """`torch.tensor([[1, 2, 3], [4, 5, 6]])` has shape (2, 3): the size of its first
    dimension is the length of the outer list, the size of its last the length of the inner
    lists.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x.size(0) == 2
    assert x.size(1) == 3


@pytest.mark.claim("self-shape-is-size")
def test_shape_and_size_are_the_same_thing():
    """`x.shape` and `x.size()` of a dense tensor `x` are equal, and each is a `torch.Size`.

    In NumPy `x.size` is the number of elements; in PyTorch that is `x.numel()`.
    """
    x = torch.zeros(5, 3)

    assert x.shape == x.size() == (5, 3)
    assert type(x.shape) is type(x.size()) is torch.Size


def test_size_takes_an_axis_and_answers_with_a_plain_int():
    """For `x = torch.zeros(5, 3)`, `x.size(0)` is the Python int 5, the size of dimension
    0, and equals `x.shape[0]`.
    """
    x = torch.zeros(5, 3)

    assert repr(x.size(0)) == "5"
    assert repr(x.size(dim=1)) == "3"
    assert repr(x.shape[0]) == "5"


def test_the_shape_is_read_only():
    """Assigning (3, 5) to `x.shape` of a 5 x 3 tensor raises AttributeError, where NumPy would
    reshape: write `x = x.reshape(3, 5)`.

    `x.shape` is read-only. `reshape` returns another tensor, a view where it can and otherwise a
    copy: `spec/tensors/test_views.py`.
    """
    x = torch.zeros(5, 3)

    with pytest.raises(AttributeError, match=r"'shape' of .* is not writable"):
        x.shape = (3, 5)
    assert x.shape == (5, 3)


def test_numel_is_the_product_of_the_shape():
    """`x.numel()`, `x.nelement()` and `torch.numel(x)` of a dense tensor give the number of
    elements, the product of the sizes: 120 for shape (4, 5, 6).
    """
    x = torch.zeros(4, 5, 6)

    assert x.numel() == 120
    assert x.nelement() == 120
    assert torch.numel(x) == 120


def test_len_is_the_length_of_the_first_axis():
    """`len(x)` of a tensor `x` of shape (4, 5, 6) is 4, the size of the first dimension, not
    the number of elements.

    The number of elements is `x.numel()`. A 0-dimensional tensor has no length:
    `spec/tensors/test_python_values.py`.
    """
    x = torch.zeros(4, 5, 6)

    assert len(x) == 4
    assert x.numel() == 120
    assert x[:0].shape == (0, 5, 6)
    assert len(x[:0]) == 0


def test_a_scalar_has_the_empty_shape():
    """`torch.tensor(7.5)` is 0-dimensional: its shape is `torch.Size([])`, it has one
    element, and its `item()` returns the Python number 7.5.

    A loss with the default `reduction="mean"` is such a tensor: `loss.item()` gives the number
    to print.
    """
    x = torch.tensor(7.5)

    assert repr(x.shape) == "torch.Size([])"
    assert x.numel() == 1
    assert x.item() == 7.5


def test_an_axis_of_length_zero_makes_an_empty_tensor(device):
    """`torch.zeros(2, 0, 3)` has no elements, because one size is 0; its shape is (2, 0, 3).

    Such tensors come from masks that are False throughout and from empty batches. Many
    operations accept them, but `torch.zeros(2, 0, 3).max()` raises RuntimeError.
    """
    x = torch.zeros(2, 0, 3, device=device)

    assert x.numel() == 0
    assert x.shape == (2, 0, 3)
    assert x.tolist() == [[], []]
