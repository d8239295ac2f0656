"""Cropping, flipping and chance.

Some transforms change where pixels are: they resize, crop and mirror. Those whose name begins with
`Random` decide by torch's random numbers, so that a network seldom sees the same picture twice.

What surprises: chance is drawn anew at each call, for a picture and then for its mask as well, and
one number for `Resize` keeps the proportions while two of them distort.
"""

import pytest
import torch
from PIL import Image
from torchvision import transforms


def test_resize_by_one_number_keeps_the_proportions():
    """`Resize(2)` makes the shorter side 2 long; `Resize((2, 2))` makes both, and distorts."""
    picture = Image.new("L", (6, 3))

    assert transforms.Resize(2)(picture).size == (4, 2)
    assert transforms.Resize((2, 2))(picture).size == (2, 2)


def test_center_crop_cuts_around_the_middle(device):
    """`CenterCrop(2)` keeps the two by two pixels in the middle, without scaling."""
    image = torch.arange(16, device=device).view(1, 4, 4)

    assert transforms.CenterCrop(2)(image).tolist() == [[[5, 6], [9, 10]]]


def test_a_random_crop_is_no_larger_than_the_picture():
    """`RandomCrop` wants room: pad the picture, or crop less."""
    image = torch.ones(1, 2, 2)

    with pytest.raises(ValueError, match="is larger than input image size"):
        transforms.RandomCrop(3)(image)
    padded = transforms.RandomCrop(4, padding=1)(image)
    assert padded.tolist() == [[[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]]


def test_a_flip_mirrors_left_and_right():
    """`RandomHorizontalFlip(p)` mirrors with probability `p`: always for 1, never for 0."""
    image = torch.tensor([[[1, 2], [3, 4]]])

    always, never = transforms.RandomHorizontalFlip(1.0), transforms.RandomHorizontalFlip(0.0)

    assert always(image).tolist() == [[[2, 1], [4, 3]]]
    assert never(image).tolist() == [[[1, 2], [3, 4]]]


def test_a_random_transform_draws_for_every_call():
    """A flip by a half mirrors about half of the calls, decided anew each time."""
    flip = transforms.RandomHorizontalFlip(0.5)
    image = torch.tensor([[[0.0, 1.0]]])

    mirrored = torch.stack([flip(image)[0, 0, 0] for _ in range(400)])

    assert mirrored.mean().item() == pytest.approx(0.5, abs=0.1)


def test_random_transforms_follow_the_seed_of_torch():
    """`torch.manual_seed` repeats the same random crops; each sample is otherwise another."""
    crop = transforms.RandomCrop(1)
    image = torch.arange(10000).view(1, 100, 100)

    torch.manual_seed(2)
    first, second = crop(image).item(), crop(image).item()
    torch.manual_seed(2)
    again = crop(image).item()

    assert again == first != second


def test_picture_and_mask_part_unless_they_go_together():
    """Two calls of a random transform draw twice; one call on both, joined, keeps them together."""
    image = torch.arange(10000).view(1, 100, 100)
    mask = torch.arange(10000).view(1, 100, 100)
    crop = transforms.RandomCrop(1)

    apart = [crop(image).item(), crop(mask).item()]
    together = crop(torch.cat([image, mask])).flatten().tolist()

    assert len(set(apart)) == 2
    assert len(set(together)) == 1
