"""From images to rows.

Between the convolutions and the linear layers of a net stands a change of shape: each sample's
channels, rows and columns are written one after the other into a single row. The batch axis must
come through untouched, and that is where flattening goes wrong: `view(-1, n)` with a wrong `n`
does not fail but deals the numbers of one sample to another.
"""

import pytest
import torch
from torch import nn


def test_nn_flatten_keeps_the_batch():
    """`nn.Flatten()` makes one row of each sample: the first axis stays, the others are joined."""
    images = torch.zeros(2, 16, 5, 5)

    assert nn.Flatten()(images).shape == (2, 400)
    assert nn.Flatten(start_dim=2)(images).shape == (2, 16, 25)


def test_torch_flatten_joins_the_batch_too():
    """`torch.flatten(x)` starts at axis 0, unlike the module; `flatten(x, 1)` spares the batch."""
    images = torch.zeros(2, 16, 5, 5)

    assert torch.flatten(images).shape == (800,)
    assert torch.flatten(images, 1).shape == (2, 400)


def test_the_channels_follow_each_other_row_by_row():
    """A flattened sample lists its first channel row by row, then its second."""
    image = torch.tensor([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]])

    assert image.flatten(1).tolist() == [[1, 2, 3, 4, 5, 6, 7, 8]]


def test_view_minus_one_mixes_samples_in_silence():
    """`view(-1, n)` with a wrong `n` makes another number of rows, and no error."""
    batch = torch.tensor([[1, 1, 1, 1, 1, 1], [2, 2, 2, 2, 2, 2]])

    assert batch.view(-1, 4).tolist() == [[1, 1, 1, 1], [1, 1, 2, 2], [2, 2, 2, 2]]


def test_view_of_the_batch_size_cannot_mix():
    """`view(len(batch), -1)` fixes the rows and lets the width follow."""
    batch = torch.zeros(2, 3, 2)

    assert batch.view(len(batch), -1).shape == (2, 6)


def test_a_batch_of_images_flattened_by_reshape_after_permute_is_in_another_order():
    """Channels moved to the end first, a flattened row is listed pixel by pixel instead."""
    image = torch.tensor([[[[1, 2]], [[5, 6]]]])

    assert image.flatten(1).tolist() == [[1, 2, 5, 6]]
    assert image.permute(0, 2, 3, 1).flatten(1).tolist() == [[1, 5, 2, 6]]


def test_unflatten_takes_the_row_apart_again():
    """`nn.Unflatten(1, shape)` is the way back from rows to images."""
    rows = torch.arange(8).view(1, 8)

    assert nn.Unflatten(1, (2, 2, 2))(rows).tolist() == [[[[0, 1], [2, 3]], [[4, 5], [6, 7]]]]


def test_unflatten_wants_a_shape_of_the_same_number_of_elements():
    """A shape that does not multiply to the row's length is refused."""
    with pytest.raises(RuntimeError, match="8"):
        nn.Unflatten(1, (2, 3))(torch.zeros(1, 8))
    assert nn.Unflatten(1, (2, 4))(torch.zeros(1, 8)).shape == (1, 2, 4)
