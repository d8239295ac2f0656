"""Augmentation of training images.

Random changes of the training images act as more data. The recipes that ImageNet models are
trained with begin with `RandomResizedCrop(224)`, which cuts a random part of the image and resizes
it, and a random flip; others erase a rectangle or apply operations from a list at random
(`RandAugment`, `TrivialAugmentWide`, `AutoAugment`).

For evaluation the image is prepared without chance, as a rule by `Resize(256)` and
`CenterCrop(224)`.

The names are those of `torchvision.transforms`; a difference in `torchvision.transforms.v2` is
named.

What surprises: `RandomResizedCrop` may keep as little as 8 % of the image; `RandAugment` wants
uint8 tensors or Pillow pictures, `RandomErasing` tensors; a transform draws once for a whole batch.
Flips and plain crops are on `spec/data/test_random_transforms.py`, mixtures of images on
`spec/vision/test_mixing.py`.
"""

import pytest
import torch
from PIL import Image
from torchvision import transforms


def test_random_resized_crop_returns_one_size():
    """`torchvision.transforms.RandomResizedCrop(4)` turns images of shape (3, 30, 20) and (3, 2,
    2) into 4 x 4 images; `RandomResizedCrop((4, 6))` makes images of height 4 and width 6.
    """
    crop = transforms.RandomResizedCrop(4, antialias=True)
    oblong = transforms.RandomResizedCrop((4, 6), antialias=True)

    large, small = torch.rand(3, 30, 20), torch.rand(3, 2, 2)

    assert crop(large).shape == (3, 4, 4)
    assert crop(small).shape == (3, 4, 4)
    assert oblong(large).shape == (3, 4, 6)


def test_random_resized_crop_needs_a_size():
    """`RandomResizedCrop()` raises TypeError, "missing 1 required positional argument: 'size'";
    the size is that of the result, and not of the part that is cut.
    """
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'size'"):
        transforms.RandomResizedCrop()
    crop, image = transforms.RandomResizedCrop(8, antialias=True), torch.rand(3, 20, 30)
    assert crop.size == (8, 8)
    assert crop(image).shape == (3, 8, 8)


def test_random_resized_crop_keeps_from_eight_to_a_hundred_percent():
    """`RandomResizedCrop` by default cuts a part of about 8 % to 100 % of the area of a 100 x 100
    image, with a ratio of width to height of about 3:4 to 4:3; with `scale=(0.5, 1.0)` it cuts
    about half or more.

    With 8 % the object may be outside; for small images a larger `scale` is common.
    """
    image = torch.zeros(3, 100, 100)
    default = transforms.RandomResizedCrop(8, antialias=True)

    assert default.scale == (0.08, 1.0)
    assert default.ratio == (0.75, 1.3333333333333333)
    for _ in range(50):
        _, _, height, width = default.get_params(image, [0.5, 1.0], [0.75, 4 / 3])
        assert 0.48 < height * width / 100**2 <= 1.0


def test_a_long_image_loses_more_than_the_scale_says():
    """From an image of height 10 and width 1000, `RandomResizedCrop(224, scale=(0.5, 1.0))`
    takes only the central 13 columns, 1.3 % of the area: with the default `ratio`, at most
    4 / 3, no crop of half the area fits in.

    The proportions of 4:3 win over the area. For long images give a wider `ratio`.
    """
    image = torch.zeros(3, 10, 1000)

    drawn = {
        transforms.RandomResizedCrop.get_params(image, [0.5, 1.0], [0.75, 4 / 3]) for _ in range(20)
    }

    assert drawn == {(0, 493, 10, 13)}


def test_the_parameters_of_a_crop_can_be_drawn_apart():
    """`RandomResizedCrop.get_params(image, scale, ratio)` draws and returns (top, left, height,
    width); with these, `functional.resized_crop(image, top, left, height, width, size)` makes the
    same crop of each of several equally large images.

    One call of `v2.RandomResizedCrop(size)` does this for several `tv_tensors.Image`, but of
    several plain tensors it crops the first only: `spec/data/test_transforms_v2.py`.
    """
    image = torch.arange(100.0).view(1, 10, 10)
    crop = transforms.RandomResizedCrop.get_params(image, [0.2, 0.3], [1.0, 1.0])

    first = transforms.functional.resized_crop(image, *crop, size=[4, 4], antialias=True)
    second = transforms.functional.resized_crop(image * 2, *crop, size=[4, 4], antialias=True)

    assert first.shape == (1, 4, 4)
    assert torch.allclose(first * 2, second)


def test_the_evaluation_recipe_has_no_chance():
    """`Resize(256)` and then `CenterCrop(224)` turn an image of height 300 and width 500 into a
    224 x 224 image, with nothing random: a second call gives the same image.
    """
    prepare = transforms.Compose(
        [transforms.Resize(256, antialias=True), transforms.CenterCrop(224)]
    )
    image = torch.rand(3, 300, 500)

    assert prepare(image).shape == (3, 224, 224)
    assert prepare(image).equal(prepare(image))


def test_random_erasing_blanks_a_rectangle():
    """`RandomErasing(p=1.0)` of a (3, 100, 100) tensor returns a copy in which a rectangle
    of about 2 % to 33 % of the area has the value 0, or the number given as `value`; the
    default `p` is 0.5.

    An image one pixel high stays as it is, because the rectangle has to be less high than the
    image.
    """
    image = torch.ones(3, 100, 100)

    erased = transforms.RandomErasing(p=1.0)(image)

    share = (erased[0] == 0).float().mean().item()
    assert 0.01 < share < 0.34
    assert erased.unique().tolist() == [0.0, 1.0]
    assert transforms.RandomErasing().p == 0.5
    assert transforms.RandomErasing(p=1.0)(torch.ones(1, 1, 5)).tolist() == [[[1.0] * 5]]


def test_random_erasing_takes_tensors_only():
    """`torchvision.transforms.RandomErasing(p=1.0)` of a Pillow picture raises AttributeError,
    "object has no attribute 'shape'"; put it after `ToTensor`.

    With the default `p` of 0.5 only about every second call raises it. `v2.RandomErasing` takes
    RGB pictures too.
    """
    picture = Image.new("RGB", (8, 8), (255, 255, 255))
    steps = transforms.Compose([transforms.ToTensor(), transforms.RandomErasing(p=1.0)])

    with pytest.raises(AttributeError, match="object has no attribute 'shape'"):
        transforms.RandomErasing(p=1.0)(picture)
    assert steps(picture).min().item() == 0.0


def test_rand_augment_wants_bytes():
    """`torchvision.transforms.RandAugment` takes uint8 tensors (3, H, W) and Pillow pictures of
    mode "RGB"; for a float32 tensor it raises TypeError as soon as it draws an operation such as
    posterize: augment before the conversion to floats.

    The messages are "Only torch.uint8 image tensors are supported" and "Threshold should be less
    than bound of img". `v2.RandAugment` takes float32 tensors too.
    """
    augment = transforms.RandAugment(num_ops=2)
    image = torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8)
    picture = Image.new("RGB", (16, 16))

    assert augment(image).dtype == torch.uint8
    assert augment(picture).size == (16, 16)
    with pytest.raises(TypeError, match=r"Only torch.uint8 image tensors|Threshold should be less"):
        [augment(image / 255) for _ in range(200)]


def test_colour_jitter_draws_factors_around_one():
    """`ColorJitter(brightness=0.5)` multiplies a float32 (3, H, W) tensor filled with 0.5 by a
    factor from 0.5 to 1.5, drawn at each call; a pair gives the limits themselves:
    `brightness=(0.2, 0.2)` multiplies by 0.2.

    Products above 1.0, or 255 in a uint8 image, become 1.0 or 255.
    """
    image = torch.full((3, 2, 2), 0.5)
    jitter = transforms.ColorJitter(brightness=0.5)

    factors = {jitter(image)[0, 0, 0].item() * 2 for _ in range(30)}
    darker = transforms.ColorJitter(brightness=(0.2, 0.2))(image)

    assert len(factors) > 20
    assert min(factors) >= 0.499
    assert max(factors) <= 1.501
    assert darker.flatten().tolist() == pytest.approx([0.1] * 12)
    bright = transforms.ColorJitter(brightness=(1.5, 1.5))(torch.full((3, 1, 1), 0.9))
    assert bright.max().item() == 1.0


def test_a_batch_is_cropped_alike():
    """`RandomHorizontalFlip`, called on a batch (N, C, H, W), draws once: it flips all images
    of the batch or none.

    For a draw per image, transform in the dataset, before the images are stacked.
    """
    batch = torch.tensor([0.0, 1.0]).expand(6, 1, 1, 2)
    flip = transforms.RandomHorizontalFlip(0.5)

    seen = {tuple(flip(batch)[:, 0, 0, 0].tolist()) for _ in range(50)}

    assert seen == {(0.0,) * 6, (1.0,) * 6}


def test_random_apply_wraps_a_list():
    """`torchvision.transforms.RandomApply([GaussianBlur(3)], p=0.5)` applies a list of
    transforms, all or none, with probability 0.5;
    `transforms.RandomApply(GaussianBlur(3), p=1.0)` raises TypeError when it is called: put
    the blur in a list.

    `v2.RandomApply(v2.GaussianBlur(3))` raises TypeError as soon as it is made.
    """
    image = torch.zeros(1, 3, 3)
    image[0, 1, 1] = 9.0
    blur = transforms.GaussianBlur(3, sigma=100.0)

    answers = {
        round(transforms.RandomApply([blur], p=0.5)(image)[0, 1, 1].item(), 3) for _ in range(50)
    }

    assert answers == {1.0, 9.0}
    with pytest.raises(TypeError, match=r"is not iterable|argument of type 'type' is not"):
        transforms.RandomApply(blur, p=1.0)(image)
