"""Cropping, flipping and chance.

Some transforms change where pixels are: they resize, crop and mirror. Those whose name begins with
`Random` draw random numbers at each call, so that a network seldom sees the same image twice.
This is data augmentation; it belongs in the training set's transform, and not in the test set's,
which is resized and cropped the same way each time.

The page uses the first version, `torchvision.transforms`; the transforms of
`spec/data/test_transforms_v2.py` have the same names, and can take an image and its mask together.

What surprises: a transform draws anew at each call, for an image and then for its mask as well;
one number for `Resize` keeps the proportions while two distort; and `RandomChoice` and
`RandomOrder` follow the seed of Python's `random` instead of torch's.
"""

import random

import pytest
import torch
from PIL import Image
from torchvision import transforms


def test_resize_by_one_number_keeps_the_proportions():
    """`Resize(2)` of a Pillow picture makes the shorter side 2 long and keeps the proportions,
    with the longer side rounded down to whole pixels; `Resize((2, 2))` makes height and width 2,
    and distorts a picture that isn't square.

    Pictures of different proportions can still differ in shape after `Resize(2)`: add
    `CenterCrop(2)` to stack them.
    """
    picture = Image.new("L", (6, 3))

    assert transforms.Resize(2)(picture).size == (4, 2)
    assert transforms.Resize(2)(Image.new("L", (7, 4))).size == (3, 2)
    assert transforms.Resize((2, 2))(picture).size == (2, 2)


def test_center_crop_cuts_around_the_middle(device):
    """`CenterCrop(2)` of a 4 by 4 image keeps the two by two pixels in the middle, without
    scaling.

    A non-empty image smaller than the crop is padded with zeros, without an error.
    """
    image = torch.arange(16, device=device).view(1, 4, 4)
    small = torch.ones(1, 1, 1, device=device)

    assert transforms.CenterCrop(2)(image).tolist() == [[[5, 6], [9, 10]]]
    assert transforms.CenterCrop(3)(small).tolist() == [[[0, 0, 0], [0, 1, 0], [0, 0, 0]]]


def test_a_random_crop_is_no_larger_than_the_picture():
    """`torchvision.transforms.RandomCrop(3)` of the image `torch.ones(1, 2, 2)` raises ValueError;
    `RandomCrop(4, padding=1)` first pads each side of the image by one pixel, to 4 by 4, and then
    fits.

    `pad_if_needed=True` pads only images that are too small.
    """
    image = torch.ones(1, 2, 2)

    with pytest.raises(ValueError, match="is larger than input image size"):
        transforms.RandomCrop(3)(image)
    padded = transforms.RandomCrop(4, padding=1)(image)
    assert padded.tolist() == [[[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]]


def test_a_flip_mirrors_left_and_right():
    """`torchvision.transforms.RandomHorizontalFlip(1.0)` swaps left and right of an image
    in each call, `RandomHorizontalFlip(0.0)` in none: the argument is the probability.
    """
    image = torch.tensor([[[1, 2], [3, 4]]])

    always, never = transforms.RandomHorizontalFlip(1.0), transforms.RandomHorizontalFlip(0.0)

    assert always(image).tolist() == [[[2, 1], [4, 3]]]
    assert never(image).tolist() == [[[1, 2], [3, 4]]]


def test_a_random_transform_draws_for_every_call():
    """`torchvision.transforms.RandomHorizontalFlip(0.5)` decides anew in each call: of 400
    calls on the image `torch.tensor([[[0.0, 1.0]]])` about half mirror it.

    So a dataset with it may hand over another version of a sample in each epoch.
    """
    flip = transforms.RandomHorizontalFlip(0.5)
    image = torch.tensor([[[0.0, 1.0]]])

    mirrored = torch.stack([flip(image)[0, 0, 0] for _ in range(400)])

    assert mirrored.mean().item() == pytest.approx(0.5, abs=0.1)


def test_random_crops_follow_the_seed_of_torch():
    """`torchvision.transforms.RandomCrop(1)` draws from torch's global generator: after the same
    `torch.manual_seed` it crops an image of shape (1, 100, 100) at the same place.
    """
    crop = transforms.RandomCrop(1)
    image = torch.arange(10000).view(1, 100, 100)

    torch.manual_seed(2)
    first, second = crop(image).item(), crop(image).item()
    torch.manual_seed(2)
    again = crop(image).item()

    assert [again == first, second == first] == [True, False]


def test_random_choice_follows_the_seed_of_python():
    """`RandomChoice` of `torchvision.transforms` (not of `v2`) draws from Python's `random`: in
    the main process `random.seed` repeats its choices, and `torch.manual_seed` does not.

    `transforms.RandomOrder` draws from `random` too; `RandomChoice` and `RandomOrder` of
    `transforms.v2` draw from torch. A worker of a `DataLoader` seeds `random` with a number drawn
    from torch: there `torch.manual_seed` in the main process repeats the choices, unless the
    loader has a `generator` of its own.
    """
    choice = transforms.RandomChoice([transforms.CenterCrop(1), transforms.CenterCrop(2)])
    image = torch.ones(1, 4, 4)

    random.seed(3)
    first = [choice(image).shape[2] for _ in range(8)]
    torch.manual_seed(0)
    second = [choice(image).shape[2] for _ in range(8)]
    torch.manual_seed(0)
    third = [choice(image).shape[2] for _ in range(8)]
    random.seed(3)
    again = [choice(image).shape[2] for _ in range(8)]

    assert first == again == [1, 2, 1, 2, 2, 1, 1, 2]
    assert (second == third) is False


def test_picture_and_mask_part_unless_they_go_together():
    """`RandomCrop` called on an image and then on its mask draws the place twice, so that the
    two crops may differ; called once on `torch.cat([image, mask])`, for tensors (C, H, W) and
    (1, H, W), it crops both at the same place.

    With `transforms.v2` wrap them as `tv_tensors.Image` and `tv_tensors.Mask` and write
    `crop(image, mask)`: see `spec/data/test_transforms_v2.py`.
    """
    image = torch.arange(10000).view(1, 100, 100)
    mask = torch.arange(10000).view(1, 100, 100)
    crop = transforms.RandomCrop(1)

    apart = [crop(image).item(), crop(mask).item()]
    together = crop(torch.cat([image, mask])).flatten().tolist()

    assert len(set(apart)) == 2
    assert len(set(together)) == 1
