"""Rank, axes and shape.

A tensor is a block of numbers with any number of axes. Its rank says how many axes there are, its
shape how long each one is. A scalar, a vector and a matrix have none, one and two axes, an image
three and a batch of images four.

What surprises newcomers: a single number has the empty shape `[]`, not `[1]`; a tensor with no
elements at all still has a shape; and an axis can be counted from the end as well.
"""

import pytest
import torch
from torch import nn


@pytest.mark.claim("self-dimension-names")
def test_scalar_vector_and_matrix_have_no_one_and_two_dimensions(device):
    """A scalar has 0 dimensions, a vector 1, a matrix 2, and more may follow."""
    scalar = torch.tensor(7, device=device)
    vector = torch.tensor([7, 8], device=device)
    matrix = torch.tensor([[7, 8], [9, 10]], device=device)
    cube = torch.zeros(2, 2, 2, device=device)

    assert [tensor.dim() for tensor in (scalar, vector, matrix, cube)] == [0, 1, 2, 3]


@pytest.mark.claim("self-all-are-tensors")
def test_scalar_vector_and_matrix_are_of_one_type():
    """PyTorch has no types of its own for scalars, vectors and matrices: all are `torch.Tensor`."""
    scalar = torch.tensor(7)
    vector = torch.tensor([7, 8])
    matrix = torch.tensor([[7, 8], [9, 10]])

    assert type(scalar) is type(vector) is type(matrix) is torch.Tensor
    assert [torch.is_tensor(it) for it in (scalar, vector, matrix)] == [True, True, True]


@pytest.mark.claim("self-rank")
def test_the_rank_is_the_number_of_dimensions():
    """A tensor's rank is how many dimensions it has: `dim()`, `ndim` and `len(shape)` tell it."""
    x = torch.zeros(4, 5, 6)

    assert x.dim() == 3
    assert x.ndim == 3
    assert x.ndimension() == 3
    assert len(x.shape) == 3


def test_the_rank_of_linear_algebra_is_another_number():
    """`matrix_rank` counts independent rows; an attribute `rank` is something no tensor has."""
    x = torch.tensor([[1.0, 2.0], [2.0, 4.0]])

    assert torch.linalg.matrix_rank(x).item() == 1
    assert x.ndim == 2
    with pytest.raises(AttributeError, match="no attribute 'rank'"):
        x.rank  # noqa: B018


@pytest.mark.claim("self-axes")
def test_a_tensor_has_as_many_axes_as_its_rank():
    """The axes of a tensor of rank 3 are 0, 1 and 2, and there is no other."""
    x = torch.zeros(4, 5, 6)

    assert x.ndim == 3
    assert [x.size(axis) for axis in (0, 1, 2)] == [4, 5, 6]
    with pytest.raises(IndexError, match=r"expected to be in range of \[-3, 2\], but got 3"):
        x.size(3)


def test_negative_axes_count_from_the_end():
    """Axis -1 is the last one, whatever the rank; as far back as the rank goes, and no further."""
    x = torch.zeros(4, 5, 6)

    assert [x.size(axis) for axis in (-1, -2, -3)] == [6, 5, 4]
    with pytest.raises(IndexError, match=r"expected to be in range of \[-3, 2\], but got -4"):
        x.size(-4)


def test_axes_run_from_the_outer_brackets_to_the_inner():
    """Axis 0 counts the items of the outermost list, the last axis the numbers in the innermost."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x.size(0) == 2
    assert x.size(1) == 3


@pytest.mark.claim("self-shape-is-size")
def test_shape_and_size_are_the_same_thing():
    """`shape` and `size()` are two spellings of one answer, an equal `torch.Size` each."""
    x = torch.zeros(5, 3)

    assert x.shape == x.size() == (5, 3)
    assert type(x.shape) is type(x.size()) is torch.Size


def test_size_takes_an_axis_and_answers_with_a_plain_int():
    """`size(dim)` is the length of one axis, the same int as `shape[dim]`."""
    x = torch.zeros(5, 3)

    assert repr(x.size(0)) == "5"
    assert repr(x.size(dim=1)) == "3"
    assert repr(x.shape[1]) == "3"


def test_the_shape_is_read_only():
    """Assigning to `shape` does not reshape, as it does in NumPy: it is refused."""
    x = torch.zeros(5, 3)

    with pytest.raises(AttributeError, match=r"'shape' of .* is not writable"):
        x.shape = (3, 5)
    assert x.shape == (5, 3)


def test_numel_is_the_product_of_the_shape():
    """`numel()` counts the elements: the sizes of all axes multiplied."""
    x = torch.zeros(4, 5, 6)

    assert x.numel() == 120
    assert x.nelement() == 120
    assert torch.numel(x) == 120


def test_len_is_the_length_of_the_first_axis():
    """`len(tensor)` counts the rows, as it does for a list of lists, not the elements."""
    x = torch.zeros(4, 5, 6)

    assert len(x) == 4


def test_a_scalar_has_the_empty_shape():
    """A 0-dimensional tensor holds one element and has no axes, so its shape is empty."""
    x = torch.tensor(7.5)

    assert repr(x.shape) == "torch.Size([])"
    assert x.numel() == 1
    assert x.item() == 7.5


def test_one_number_in_brackets_is_a_vector_and_no_scalar():
    """`tensor(7)` has shape `[]`, `tensor([7])` has shape `[1]`; both hold one element."""
    scalar = torch.tensor(7)
    vector = torch.tensor([7])

    assert scalar.shape == ()
    assert vector.shape == (1,)
    assert scalar.numel() == vector.numel() == 1


def test_a_scalar_has_no_length():
    """`len` and iteration want a first axis, and a 0-dimensional tensor has none."""
    x = torch.tensor(7)

    with pytest.raises(TypeError, match=r"len\(\) of a 0-d tensor"):
        len(x)
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        list(x)


def test_an_axis_of_length_zero_makes_an_empty_tensor(device):
    """One 0 among the sizes makes a tensor of no elements; the other sizes are kept."""
    x = torch.zeros(2, 0, 3, device=device)

    assert x.numel() == 0
    assert x.shape == (2, 0, 3)
    assert x.tolist() == [[], []]


def test_an_empty_tensor_prints_its_size_where_brackets_cannot_tell():
    """`tensor([])` is printed for the shape `[0]`; any other empty tensor names its size."""
    assert repr(torch.zeros(0)) == "tensor([])"
    assert repr(torch.zeros(2, 0, 3)) == "tensor([], size=(2, 0, 3))"


def test_the_sum_of_nothing_is_zero_and_its_maximum_an_error(device):
    """An empty tensor can be added up and multiplied; asking for its largest element is refused."""
    x = torch.zeros(2, 0, device=device)

    assert x.sum().item() == 0.0
    assert x.prod().item() == 1.0
    with pytest.raises(RuntimeError, match=r"max\(\): Expected reduction dim to be specified"):
        x.max()


@pytest.mark.claim("self-only-two-dimensions")
def test_data_of_any_number_of_dimensions_is_processed(device):
    """Operations take tensors of any rank, none to many; two dimensions are nothing special."""
    assert (torch.tensor(3.0, device=device) * 2).tolist() == 6.0
    assert (torch.tensor([3.0], device=device) * 2).tolist() == [6.0]
    assert (torch.tensor([[[3.0]]], device=device) * 2).tolist() == [[[6.0]]]
    assert (torch.tensor([[[[[3.0]]]]], device=device) * 2).tolist() == [[[[[6.0]]]]]


@pytest.mark.claim("self-only-two-dimensions")
def test_a_linear_layer_wants_its_features_last_and_any_axes_before():
    """`nn.Linear` maps the last axis and keeps those before it, be there none, one or three."""
    layer = nn.Linear(3, 2)

    assert layer(torch.ones(3)).shape == (2,)
    assert layer(torch.ones(4, 3)).shape == (4, 2)
    assert layer(torch.ones(6, 5, 4, 3)).shape == (6, 5, 4, 2)


@pytest.mark.claim("self-feature-map-axes")
def test_images_enter_a_convolution_as_batch_channels_height_width():
    """The four axes of a batch of images are batch, channel, height and width, in this order."""
    layer = nn.Conv2d(in_channels=3, out_channels=6, kernel_size=(5, 1))
    images = torch.zeros(2, 3, 32, 40)

    feature_maps = layer(images)

    assert feature_maps.shape == (2, 6, 28, 40)


def test_channels_come_before_height_and_width():
    """An image file's own order, channels last, is refused: the second axis is taken for them."""
    layer = nn.Conv2d(in_channels=3, out_channels=6, kernel_size=(5, 1))
    images = torch.zeros(2, 32, 40, 3)

    with pytest.raises(RuntimeError, match="to have 3 channels, but got 32 channels instead"):
        layer(images)
    assert layer(images.permute(0, 3, 1, 2)).shape == (2, 6, 28, 40)


def test_a_convolution_takes_a_single_image_too():
    """The batch axis may be missing, three axes in and three out; but nothing else may."""
    layer = nn.Conv2d(in_channels=3, out_channels=6, kernel_size=(5, 1))

    assert layer(torch.zeros(3, 32, 40)).shape == (6, 28, 40)
    with pytest.raises(RuntimeError, match=r"Expected 3D \(unbatched\) or 4D \(batched\) input"):
        layer(torch.zeros(32, 40))
