"""Showing a batch.

To look at what a loader gives, put its pictures side by side with `make_grid`, undo the
normalisation, and move the channels to the end, where plotting wants them.

What surprises: the grid has always three channels, its frames are two pixels wide and black, eight
pictures fill a row, and a picture that was normalised looks wrong until it is brought back.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.utils import make_grid, save_image


@pytest.mark.claim("blitz-make-grid")
def test_make_grid_joins_a_batch_into_one_picture(device):
    """Four pictures of 3x32x32 become one of 3x36x138: side by side, with 2 pixels around each."""
    images = torch.ones(4, 3, 32, 32, device=device)

    assert make_grid(images).shape == (3, 36, 138)


def test_the_grid_has_a_frame_around_each_picture():
    """Pictures keep their values; between and around them `padding` pixels have `pad_value`."""
    images = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1)

    red, _, _ = make_grid(images, padding=1, pad_value=0.5)

    assert red.tolist() == [
        [0.5, 0.5, 0.5, 0.5, 0.5],
        [0.5, 1.0, 0.5, 2.0, 0.5],
        [0.5, 0.5, 0.5, 0.5, 0.5],
    ]


def test_nrow_is_the_number_of_pictures_in_a_row():
    """`nrow` counts pictures in a row, not rows; the places left over have the frame's value."""
    images = torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1, 1)

    red, _, _ = make_grid(images, nrow=2, padding=0, pad_value=9.0)

    assert red.tolist() == [[1.0, 2.0], [3.0, 9.0]]


def test_a_row_holds_eight_pictures():
    """Unless `nrow` is given, the ninth picture begins a second row."""
    eight = make_grid(torch.ones(8, 1, 1, 1), padding=0)
    nine = make_grid(torch.ones(9, 1, 1, 1), padding=0)

    assert eight.shape == (3, 1, 8)
    assert nine.shape == (3, 2, 8)


def test_grey_pictures_get_three_channels(device):
    """A grid is in colour: the one channel of grey pictures is repeated three times."""
    grid = make_grid(torch.tensor([[[[0.25]]], [[[0.5]]]], device=device), padding=0)

    assert grid.tolist() == [[[0.25, 0.5]], [[0.25, 0.5]], [[0.25, 0.5]]]


def test_a_single_picture_gets_no_frame():
    """A batch of one picture comes back as it is, without the padding around it."""
    images = torch.arange(12.0).view(1, 3, 2, 2)

    grid = make_grid(images, padding=5)

    assert grid.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]


def test_make_grid_takes_a_list():
    """A list of pictures is stacked first, so they have to be of one size."""
    assert make_grid([torch.ones(3, 4, 4), torch.ones(3, 4, 4)]).shape == (3, 8, 14)
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        make_grid([torch.ones(3, 4, 4), torch.ones(3, 4, 5)])


def test_make_grid_wants_tensors():
    """An array is not converted: `make_grid` asks for a tensor or a list of them."""
    with pytest.raises(TypeError, match="tensor or list of tensors expected, got"):
        make_grid(np.ones((2, 3, 4, 4)))


def test_make_grid_can_stretch_the_values():
    """`normalize=True` maps the least value of the batch to 0 and the greatest to 1."""
    images = torch.tensor([-1.0, 0.0, 3.0]).view(3, 1, 1, 1)

    red, _, _ = make_grid(images, normalize=True, padding=0)

    assert red.tolist() == [[0.0, 0.25, 1.0]]
    assert images.flatten().tolist() == [-1.0, 0.0, 3.0]


def test_scale_each_stretches_picture_by_picture():
    """With `scale_each=True` each picture has its own 0 and 1, and brightness is lost."""
    images = torch.tensor([[[[0.0, 1.0]]], [[[0.0, 4.0]]]])

    together, _, _ = make_grid(images, normalize=True, padding=0)
    each, _, _ = make_grid(images, normalize=True, scale_each=True, padding=0)

    assert together.tolist() == [[0.0, 0.25, 0.0, 1.0]]
    assert each.tolist() == [[0.0, 1.0, 0.0, 1.0]]


@pytest.mark.claim("blitz-imshow-unnormalise")
def test_halving_and_adding_a_half_undoes_the_normalisation(device):
    """After `Normalize` by 0.5 and 0.5, `image / 2 + 0.5` has the values of before."""
    image = torch.tensor([0.0, 0.25, 1.0], device=device)

    normalised = (image - 0.5) / 0.5

    assert normalised.tolist() == [-1.0, -0.5, 1.0]
    assert (normalised / 2 + 0.5).tolist() == [0.0, 0.25, 1.0]


def test_a_grid_is_unnormalised_with_its_frame():
    """The frame of 0 becomes grey, 0.5, when the whole grid is brought back."""
    red, _, _ = make_grid(torch.tensor([[[[-1.0]]], [[[1.0]]]]), padding=1)

    assert (red / 2 + 0.5).tolist() == [
        [0.5, 0.5, 0.5, 0.5, 0.5],
        [0.5, 0.0, 0.5, 1.0, 0.5],
        [0.5, 0.5, 0.5, 0.5, 0.5],
    ]


@pytest.mark.claim("blitz-imshow-transpose")
def test_transposing_by_1_2_0_puts_the_channels_last():
    """`np.transpose(array, (1, 2, 0))` makes channels x height x width what plotting wants."""
    image = torch.tensor([[[1, 2]], [[3, 4]], [[5, 6]]])

    array = np.transpose(image.numpy(), (1, 2, 0))

    assert image.shape == (3, 1, 2)
    assert array.tolist() == [[[1, 3, 5], [2, 4, 6]]]


def test_permute_does_the_same_without_numpy(device):
    """`image.permute(1, 2, 0)` is the same order of axes; `reshape` would mix up the pixels."""
    image = torch.tensor([[[1, 2]], [[3, 4]], [[5, 6]]], device=device)

    assert image.permute(1, 2, 0).tolist() == [[[1, 3, 5], [2, 4, 6]]]
    assert image.reshape(1, 2, 3).tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_the_last_two_axes_are_not_to_be_swapped():
    """The order 2, 1, 0 puts the channels last too, but lays the picture on its side."""
    image = torch.zeros(3, 32, 40)

    assert image.permute(1, 2, 0).shape == (32, 40, 3)
    assert image.permute(2, 1, 0).shape == (40, 32, 3)


def test_save_image_writes_the_grid(tmp_path):
    """`save_image` makes the grid and writes it; values beyond [0, 1] end at black and white."""
    images = torch.tensor([-1.0, 0.0, 1.0, 2.0]).view(4, 1, 1, 1)

    save_image(images, tmp_path / "grid.png", padding=0)

    pixels = np.asarray(Image.open(tmp_path / "grid.png"))
    assert pixels.tolist() == [[[0, 0, 0], [0, 0, 0], [255, 255, 255], [255, 255, 255]]]
