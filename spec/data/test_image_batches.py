"""Showing a batch.

To look at what a loader gives, `torchvision.utils.make_grid` puts the images of a batch side by
side in one image. Then the normalisation is undone, and the channels are moved to the end, where
Matplotlib's `imshow` wants them. `save_image` makes the grid and writes it to a file; it doesn't
undo the normalisation. A look is worth it before a training: wrong labels, wrong channels and
wrong scaling are seen at once.

What surprises: grey images become a grid with three channels; frames are two pixels wide and
black; eight images fill a row, and `nrow` counts images and not rows; a single image gets no
frame; and a normalised image looks wrong until the normalisation is undone.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms
from torchvision.utils import make_grid, save_image


@pytest.mark.claim("blitz-make-grid")
def test_make_grid_joins_a_batch_into_one_picture(device):
    """`make_grid` of a batch of shape (4, 3, 32, 32) is one image of shape (3, 36, 138):
    the four side by side, with 2 pixels of padding around and between them.

    138 is 4 times 32, and 5 times 2 for the padding.
    """
    images = torch.ones(4, 3, 32, 32, device=device)

    assert make_grid(images).shape == (3, 36, 138)


def test_the_grid_has_a_frame_around_each_picture():
    """`make_grid(images, padding=1, pad_value=0.5)` of a float32 batch of two images, of shape (2,
    3, H, W), keeps their values, and fills 1 pixel around and between them with 0.5.
    """
    images = torch.tensor([1.0, 2.0]).view(2, 1, 1, 1).expand(2, 3, 1, 1)

    red, _, _ = make_grid(images, padding=1, pad_value=0.5)

    assert red.tolist() == [
        [0.5, 0.5, 0.5, 0.5, 0.5],
        [0.5, 1.0, 0.5, 2.0, 0.5],
        [0.5, 0.5, 0.5, 0.5, 0.5],
    ]


def test_nrow_is_the_number_of_pictures_in_a_row():
    """`make_grid(images, nrow=2)` of a float batch of three images, of shape (3, C, H, W), puts
    two images in a row; `nrow` isn't the number of rows. The cell left over has the value
    `pad_value`.
    """
    images = torch.tensor([1.0, 2.0, 3.0]).view(3, 1, 1, 1)

    red, _, _ = make_grid(images, nrow=2, padding=0, pad_value=9.0)

    assert red.tolist() == [[1.0, 2.0], [3.0, 9.0]]


def test_a_row_holds_eight_pictures():
    """`make_grid` without `nrow` puts up to eight images in a row; a ninth begins a second row."""
    eight = make_grid(torch.ones(8, 1, 1, 1), padding=0)
    nine = make_grid(torch.ones(9, 1, 1, 1), padding=0)

    assert eight.shape == (3, 1, 8)
    assert nine.shape == (3, 2, 8)


def test_grey_pictures_get_three_channels(device):
    """`make_grid` repeats the one channel of a grey batch (2, 1, H, W) three times, so that
    the grid has three channels; the grid of a batch (2, 4, H, W) has four.
    """
    grid = make_grid(torch.tensor([[[[0.25]]], [[[0.5]]]], device=device), padding=0)
    with_alpha = make_grid(torch.ones(2, 4, 1, 1, device=device), padding=0)

    assert grid.tolist() == [[[0.25, 0.5]], [[0.25, 0.5]], [[0.25, 0.5]]]
    assert with_alpha.shape == (4, 1, 2)


def test_a_single_picture_gets_no_frame():
    """`make_grid(batch, padding=5)` of a batch tensor of shape (1, 3, 2, 2) returns its one
    image without padding around it, as a view of the batch.

    A grid of several images is a copy. Of one grey image the channel is repeated, which copies,
    and `normalize=True` copies too.
    """
    images = torch.arange(12.0).view(1, 3, 2, 2)

    grid = make_grid(images, padding=5)

    assert grid.tolist() == [[[0, 1], [2, 3]], [[4, 5], [6, 7]], [[8, 9], [10, 11]]]
    assert (grid.data_ptr() == images.data_ptr()) is True
    grey = images[:, :1]
    assert (make_grid(grey).data_ptr() == grey.data_ptr()) is False


def test_make_grid_takes_a_list():
    """`torchvision.utils.make_grid` takes a list of image tensors (3, H, W) of the same H and W,
    which it stacks; tensors of different heights or widths raise RuntimeError.

    Resize or pad them to one size first.
    """
    assert make_grid([torch.ones(3, 4, 4), torch.ones(3, 4, 4)]).shape == (3, 8, 14)
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        make_grid([torch.ones(3, 4, 4), torch.ones(3, 4, 5)])


def test_make_grid_wants_tensors():
    """`torchvision.utils.make_grid` raises TypeError for a NumPy array, "tensor or list of tensors
    expected".

    `torch.from_numpy` converts the array; its channels have to come before height and width.
    """
    with pytest.raises(TypeError, match="tensor or list of tensors expected, got"):
        make_grid(np.ones((2, 3, 4, 4)))


def test_make_grid_can_stretch_the_values():
    """`make_grid(images, normalize=True)` of a float32 batch `images` whose values are -1, 0 and 3
    maps the least, -1, to 0, the greatest, 3, to 1, and 0 to 0.25; `images` stays as it was.

    An integer batch raises RuntimeError: divide a uint8 batch by 255 first. Without
    `value_range=`, a float32 batch with the same finite value everywhere becomes 0.
    """
    images = torch.tensor([-1.0, 0.0, 3.0]).view(3, 1, 1, 1)

    red, _, _ = make_grid(images, normalize=True, padding=0)

    assert red.tolist() == [[0.0, 0.25, 1.0]]
    assert images.flatten().tolist() == [-1.0, 0.0, 3.0]
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired"):
        make_grid(images.to(torch.int64), normalize=True)


def test_scale_each_stretches_picture_by_picture():
    """`make_grid(images, normalize=True, scale_each=True)` scales each float32 image by its own
    least and greatest value: an image with the values 0 and 1 and an image with the values 0 and 4
    both get the values 0 and 1.

    The least value is subtracted, then the image is divided by the difference of the greatest and
    the least, or by 1e-5 if the difference is smaller: if all values are equal, it gets zeros.
    """
    images = torch.tensor([[[[0.0, 1.0]]], [[[0.0, 4.0]]]])

    together, _, _ = make_grid(images, normalize=True, padding=0)
    each, _, _ = make_grid(images, normalize=True, scale_each=True, padding=0)
    equal = torch.full((2, 1, 1, 2), 3.0)
    flat, _, _ = make_grid(equal, normalize=True, scale_each=True, padding=0)

    assert together.tolist() == [[0.0, 0.25, 0.0, 1.0]]
    assert each.tolist() == [[0.0, 1.0, 0.0, 1.0]]
    assert flat.tolist() == [[0.0, 0.0, 0.0, 0.0]]


@pytest.mark.claim("blitz-imshow-unnormalise")
def test_halving_and_adding_a_half_undoes_the_normalisation(device):
    """`y = torchvision.transforms.Normalize([0.5], [0.5])(x)` of a float32 image tensor `x` of
    shape (C, H, W) with values from 0 to 1 is `(x - 0.5) / 0.5`; `y / 2 + 0.5` gives back `x`,
    up to rounding.

    `imshow` limits the values of a colour image to 0 and 1: shown as `y`, every value of `x` below
    0.5 becomes 0. So show `(y / 2 + 0.5).permute(1, 2, 0)`: `imshow` wants the channels last.
    """
    image = torch.tensor([0.0, 0.25, 1.0], device=device).view(1, 1, 3)

    normalised = transforms.Normalize([0.5], [0.5])(image)

    assert normalised.tolist() == [[[-1.0, -0.5, 1.0]]]
    assert (normalised / 2 + 0.5).tolist() == [[[0.0, 0.25, 1.0]]]


def test_a_grid_is_unnormalised_with_its_frame():
    """Undoing the normalisation of a whole grid of two or more images,
    `make_grid(images) / 2 + 0.5`, turns the black padding of 0 to grey, 0.5.

    Undo it before `make_grid`, or give `pad_value=-1.0`, to keep the padding black.
    """
    red, _, _ = make_grid(torch.tensor([[[[-1.0]]], [[[1.0]]]]), padding=1)

    assert (red / 2 + 0.5).tolist() == [
        [0.5, 0.5, 0.5, 0.5, 0.5],
        [0.5, 0.0, 0.5, 1.0, 0.5],
        [0.5, 0.5, 0.5, 0.5, 0.5],
    ]


@pytest.mark.claim("blitz-imshow-transpose")
def test_transposing_by_1_2_0_puts_the_channels_last():
    """`np.transpose(array, (1, 2, 0))` turns (channels, height, width) into (height, width,
    channels), as Matplotlib's `imshow` wants it.
    """
    image = torch.tensor([[[1, 2]], [[3, 4]], [[5, 6]]])

    array = np.transpose(image.numpy(), (1, 2, 0))

    assert image.shape == (3, 1, 2)
    assert array.tolist() == [[[1, 3, 5], [2, 4, 6]]]


def test_permute_does_the_same_without_numpy(device):
    """For an image with the channels `[[1, 2]]`, `[[3, 4]]` and `[[5, 6]]`,
    `image.permute(1, 2, 0)` gives the pixels [1, 3, 5] and [2, 4, 6];
    `image.reshape(1, 2, 3)` has the same shape, but the pixels [1, 2, 3] and [4, 5, 6].
    """
    image = torch.tensor([[[1, 2]], [[3, 4]], [[5, 6]]], device=device)

    assert image.permute(1, 2, 0).tolist() == [[[1, 3, 5], [2, 4, 6]]]
    assert image.reshape(1, 2, 3).tolist() == [[[1, 2, 3], [4, 5, 6]]]


def test_the_last_two_axes_are_not_to_be_swapped():
    """`image.permute(2, 1, 0)` of a tensor of shape (C, H, W) gives the shape (W, H, C):
    the channels are last, but height and width are swapped, so that rows of the image
    become columns.

    With square images the shape doesn't show it.
    """
    image = torch.tensor([[[1, 2, 3], [4, 5, 6]]])

    assert image.permute(1, 2, 0).squeeze(2).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert image.permute(2, 1, 0).squeeze(2).tolist() == [[1, 4], [2, 5], [3, 6]]


def test_save_image_writes_the_grid(tmp_path):
    """`torchvision.utils.save_image(images, "grid.png")` makes the grid of a non-empty grey
    float32 batch of shape (N, 1, H, W) and writes it to a file; values below 0 become black and
    those above 1 white.

    So the values of a normalised batch below 0 and above 1 are lost: undo the normalisation, or
    give `normalize=True`.
    """
    images = torch.tensor([-1.0, 0.0, 1.0, 2.0]).view(4, 1, 1, 1)

    save_image(images, tmp_path / "grid.png", padding=0)

    pixels = np.asarray(Image.open(tmp_path / "grid.png"))
    assert pixels.tolist() == [[[0, 0, 0], [0, 0, 0], [255, 255, 255], [255, 255, 255]]]
