"""From images to rows: flattening.

Between the convolutions and the linear layers of a network the shape changes: channels, rows and
columns of each sample are joined to one row of features. `nn.Flatten()` and `x.flatten(1)` do
this and keep the batch dimension. The features then stand in row-major order: the first channel
row by row, then the second.

What surprises: `torch.flatten(x)` without a start joins the batch too; and `view(-1, n)` with a
wrong `n` raises nothing if the number of elements divides, but puts elements of two samples into
one row. Views and strides are on `spec/tensors/test_views.py`.
"""

import pytest
import torch
from torch import nn


def test_nn_flatten_keeps_the_batch():
    """`nn.Flatten()` joins all dimensions but the first: [2, 16, 5, 5] becomes [2, 400];
    `nn.Flatten(start_dim=2)` makes [2, 16, 25]. `nn.Flatten()` of a tensor of one dimension raises
    IndexError.
    """
    images = torch.zeros(2, 16, 5, 5)

    assert nn.Flatten()(images).shape == (2, 400)
    assert nn.Flatten(start_dim=2)(images).shape == (2, 16, 25)
    with pytest.raises(IndexError, match="Dimension out of range"):
        nn.Flatten()(torch.zeros(5))


def test_torch_flatten_joins_the_batch_too():
    """`torch.flatten(x)` of images [2, 16, 5, 5] joins all dimensions to [800], the batch
    included; `torch.flatten(x, 1)` keeps the batch, [2, 400], as `nn.Flatten()` does.
    """
    images = torch.zeros(2, 16, 5, 5)

    assert torch.flatten(images).shape == (800,)
    assert torch.flatten(images, 1).shape == (2, 400)


def test_the_channels_follow_each_other_row_by_row():
    """`image.flatten(1)` of a dense tensor `image` of shape (1, 2, 2, 2), in the order (N, C, H,
    W), lists the first channel row by row, then the second.
    """
    image = torch.tensor([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]])

    assert image.flatten(1).tolist() == [[1, 2, 3, 4, 5, 6, 7, 8]]


def test_a_batch_of_images_flattened_by_reshape_after_permute_is_in_another_order():
    """`Tensor.permute(0, 2, 3, 1)` of images (N, C, H, W) moves the channels last: `flatten(1)`
    then lists, for each image, all channels of the first pixel, then those of the second.

    With several channels and pixels, a linear layer trained with one order does not fit the other,
    although the shapes agree.
    """
    image = torch.tensor([[[[1, 2]], [[5, 6]]]])

    assert image.flatten(1).tolist() == [[1, 2, 5, 6]]
    assert image.permute(0, 2, 3, 1).flatten(1).tolist() == [[1, 5, 2, 6]]


def test_view_minus_one_mixes_samples_in_silence():
    """`x.view(-1, 4)` of `x = torch.tensor([[1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2]])`, a
    batch of two samples, gives 3 rows and no error: the second row, [1, 1, 2, 2], mixes
    elements of both samples.

    Because `view` keeps the order of elements and -1 takes what is left; write `x.flatten(1)` or
    `x.view(len(x), -1)`.
    """
    batch = torch.tensor([[1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2]])

    assert batch.view(-1, 4).tolist() == [[1, 1, 1, 1], [1, 1, 2, 2], [2, 2, 2, 2]]


def test_view_of_the_batch_size_cannot_mix():
    """`batch.view(len(batch), -1)` of a contiguous, non-empty batch keeps one row per sample and
    computes the number of features: [2, 3, 2] becomes [2, 6].

    After `permute(0, 2, 1)` this batch is not contiguous and `view` raises RuntimeError;
    `flatten(1)` copies it where needed.
    """
    batch = torch.tensor([[[1, 1], [1, 1], [1, 1]], [[2, 2], [2, 2], [2, 2]]])

    assert batch.view(len(batch), -1).tolist() == [[1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2]]
    turned = batch.permute(0, 2, 1)
    with pytest.raises(RuntimeError, match="view size is not compatible with input tensor's size"):
        turned.view(len(turned), -1)
    assert turned.flatten(1).tolist() == [[1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2]]


def test_a_single_image_is_flattened_without_its_channels():
    """`nn.Flatten()` takes the first dimension as batch: a single image [3, 8, 8] without a
    batch dimension becomes [3, 64], not [192].

    Add the batch dimension first, `image[None]`, which gives [1, 192].
    """
    image = torch.zeros(3, 8, 8)

    assert nn.Flatten()(image).shape == (3, 64)
    assert nn.Flatten()(image[None]).shape == (1, 192)


def test_unflatten_takes_the_row_apart_again():
    """`nn.Unflatten(1, (2, 2, 2))` splits dimension 1 of size 8 into three dimensions of size 2: a
    tensor of shape (1, 8), a row, becomes one of shape (1, 2, 2, 2), an image.
    """
    rows = torch.arange(8).view(1, 8)

    assert nn.Unflatten(1, (2, 2, 2))(rows).tolist() == [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]


def test_unflatten_wants_a_shape_of_the_same_number_of_elements():
    """`nn.Unflatten(1, (2, 3))(torch.zeros(1, 8))` raises RuntimeError, because 2 * 3 is 6
    and dimension 1 has the size 8: write sizes whose product is 8, as in
    `nn.Unflatten(1, (2, 4))`.
    """
    with pytest.raises(RuntimeError, match=r"don.t multiply up to the size of dim 1 \(8\)"):
        nn.Unflatten(1, (2, 3))(torch.zeros(1, 8))
    assert nn.Unflatten(1, (2, 4))(torch.zeros(1, 8)).shape == (1, 2, 4)
