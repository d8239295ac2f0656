"""Transforms, the first version.

A transform turns one image into another, or into a tensor; `Compose` runs several in a row, and a
dataset calls the result on each image that it hands over. Pillow pictures and NumPy arrays have
height, width and then their channels, usually with bytes from 0 to 255; networks want a float
tensor with the channels first and values around 0.

`torchvision.transforms` is the first version; it is what older code uses, and works on one image
at a time. New code uses `spec/data/test_transforms_v2.py`. Transforms that draw random numbers are
on `spec/data/test_random_transforms.py`.

What surprises: `ToTensor` scales 8-bit pictures and uint8 arrays, and neither int64 arrays nor
16-bit pictures; `Normalize` measures nothing, it uses the numbers it is given; and `ToPILImage`
lets values beyond 1.0 wrap around.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets, transforms


@pytest.mark.claim("blitz-totensor-chw", "summary-transforms")
def test_to_tensor_puts_the_channels_first():
    """`ToTensor` turns a Pillow picture of mode "RGB", whose pixels as an array have the shape
    (height, width, 3), into a tensor of shape (3, height, width).

    Because convolutions take their channels first.
    """
    pixels = np.array([[[0, 255, 0], [255, 255, 0]]], dtype=np.uint8)

    tensor = transforms.ToTensor()(Image.fromarray(pixels))

    assert pixels.shape == (1, 2, 3)
    assert tensor.tolist() == [[[0.0, 1.0]], [[1.0, 1.0]], [[0.0, 0.0]]]


def test_a_picture_tells_its_size_the_other_way_round():
    """Pillow's `picture.size` is (width, height); the shape of `ToTensor()(picture)`, for mode
    "RGB", is (3, height, width).
    """
    picture = Image.new("RGB", (4, 2))

    assert picture.size == (4, 2)
    assert transforms.ToTensor()(picture).shape == (3, 2, 4)


@pytest.mark.claim("blitz-totensor-range")
def test_to_tensor_divides_bytes_by_255():
    """`ToTensor` divides the bytes of a grey 8-bit picture by 255, and not by its brightest
    value: 0 to 255 become 0.0 to 1.0, of dtype float32 unless the default dtype was
    changed.

    A dark picture stays dark: it isn't stretched to the range.
    """
    pixels = np.array([[0, 51, 255]], dtype=np.uint8)
    dark = np.array([[0, 51]], dtype=np.uint8)

    tensor = transforms.ToTensor()(Image.fromarray(pixels))

    assert tensor.tolist() == [[[0.0, pytest.approx(0.2), 1.0]]]
    assert tensor.dtype == torch.float32
    assert transforms.ToTensor()(Image.fromarray(dark)).tolist() == [[[0.0, pytest.approx(0.2)]]]


@pytest.mark.parametrize(
    ("dtype", "values"),
    [(np.uint8, [0.0, 1.0]), (np.int64, [0, 255]), (np.float32, [0.0, 255.0])],
)
def test_to_tensor_scales_arrays_of_bytes_only(dtype, values):
    """`ToTensor` divides a contiguous NumPy array (H, W) of dtype uint8 by 255; the values
    of an int64 or float32 array it leaves as they are.

    So `ToTensor()(array.astype(np.float32))` of a uint8 `array` reaches the network unscaled, and
    no error says so. Write `array.astype(np.float32) / 255`, or leave the array uint8.
    """
    array = np.array([[0, 255]], dtype=dtype)

    assert repr(transforms.ToTensor()(array).tolist()) == repr([[values]])


@pytest.mark.parametrize(("mode", "dtype"), [("I", torch.int32), ("F", torch.float32)])
def test_to_tensor_does_not_scale_pictures_of_wide_numbers(mode, dtype):
    """`ToTensor` keeps the values and the dtype of Pillow pictures of mode "I" (int32) and "F"
    (float32).

    So it does not scale them to [0, 1]: divide by the greatest value of the data yourself. A grey
    16-bit PNG opens as mode "I;16" in Pillow 13, and `ToTensor` makes it int16: values from 32768
    on come out negative. Give it `picture.convert("I")` instead.
    """
    tensor = transforms.ToTensor()(Image.new(mode, (1, 1), 255))

    assert tensor.item() == 255
    assert tensor.dtype == dtype


def test_to_tensor_wraps_sixteen_bits():
    """`ToTensor` makes int16 of a Pillow picture of mode "I;16", whose values go up to 65535:
    60000 becomes -5536.

    Grey PNG files of 16 bits open in this mode in new releases of Pillow. Write
    `picture.convert("I")` first: int32 has room for the values.
    """
    picture = Image.fromarray(np.array([[60000]], dtype=np.uint16))

    tensor = transforms.ToTensor()(picture)

    assert picture.mode == "I;16"
    assert tensor.dtype == torch.int16
    assert tensor.item() == -5536
    assert transforms.ToTensor()(picture.convert("I")).item() == 60000


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_the_mode_of_a_picture_decides_its_channels(mode, channels):
    """`ToTensor()(picture)` of a Pillow picture of mode "L" has 1 channel, "RGB" 3 and "RGBA" 4;
    `ToTensor()(picture.convert("RGB"))` has 3 for each of these modes.

    Pictures of these three modes give samples of different shapes, which can't be stacked to a
    batch. The default loader of `torchvision.datasets.ImageFolder` converts each picture to RGB.
    """
    picture = Image.new(mode, (2, 2))

    assert transforms.ToTensor()(picture).shape[0] == channels
    assert transforms.ToTensor()(picture.convert("RGB")).shape[0] == 3


def test_to_tensor_refuses_a_tensor():
    """`torchvision.transforms.ToTensor()(x)` raises TypeError for a tensor `x`: it takes Pillow
    pictures and NumPy arrays of two or three dimensions.

    The error comes if `ToTensor` is listed twice, or a dataset already returns tensors: leave it
    out.
    """
    with pytest.raises(TypeError, match="should be PIL Image or ndarray"):
        transforms.ToTensor()(torch.zeros(3, 2, 2))
    assert transforms.ToTensor()(np.zeros((2, 3))).shape == (1, 2, 3)
    assert transforms.ToTensor()(np.zeros((2, 3, 4))).shape == (4, 2, 3)


def test_pil_to_tensor_keeps_the_bytes():
    """`PILToTensor` puts the channels first as `ToTensor` does, but keeps the dtype uint8 of an
    8-bit picture and its values from 0 to 255.
    """
    picture = Image.fromarray(np.array([[0, 51, 255]], dtype=np.uint8))

    tensor = transforms.PILToTensor()(picture)

    assert tensor.tolist() == [[[0, 51, 255]]]
    assert tensor.dtype == torch.uint8


def test_to_pil_image_goes_back():
    """`torchvision.transforms.ToPILImage()`, without a `mode`, multiplies a float32 tensor of
    shape (1, H, W) with values from 0 to 1 by 255 and drops the fraction: 0.5 becomes 127.
    """
    picture = transforms.ToPILImage()(torch.tensor([[[0.0, 0.5, 1.0]]]))

    assert np.asarray(picture).tolist() == [[0, 127, 255]]


def test_to_pil_image_wraps_around():
    """torchvision's `ToPILImage()` does not limit the values of a float32 tensor of shape
    (1, H, W) to the range from 0 to 1: 1.5 becomes 126, and, on an x86 processor, -0.5
    becomes 129.

    Because the product of the value and 255 is converted to a byte, which wraps around: 382
    becomes 382 - 256. Undo `Normalize` first, or call `clamp(0, 1)`.
    """
    picture = transforms.ToPILImage()(torch.tensor([[[1.5, -0.5]]]))

    assert np.asarray(picture).tolist() == [[126, 129]]


@pytest.mark.claim("blitz-normalize-range")
def test_normalize_by_a_half_maps_to_minus_one_to_one():
    """`torchvision.transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))` maps the values of a
    float32 image tensor of shape (3, H, W) from the range 0 to 1 to the range -1 to 1.
    """
    normalize = transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    image = torch.tensor([0.0, 0.5, 1.0]).expand(3, 1, 3)

    assert normalize(image).tolist() == [[[-1.0, 0.0, 1.0]], [[-1.0, 0.0, 1.0]], [[-1.0, 0.0, 1.0]]]


def test_normalize_subtracts_and_divides_channel_by_channel(device):
    """`Normalize(mean=[1.0, 2.0], std=[0.5, 4.0])` of a float tensor `image` of shape (2,
    height, width) gives the channels `(image[0] - 1.0) / 0.5` and `(image[1] - 2.0) / 4.0`;
    without `inplace=True`, `image` stays as it was.
    """
    normalize = transforms.Normalize(mean=[1.0, 2.0], std=[0.5, 4.0])
    image = torch.tensor([[[3.0]], [[4.0]]], device=device)

    assert normalize(image).tolist() == [[[4.0]], [[0.5]]]
    assert image.tolist() == [[[3.0]], [[4.0]]]


def test_the_mean_and_std_of_a_dataset_are_taken_over_all_pixels():
    """For float32 images stacked to `pixels` (N, 3, H, W), `pixels.mean((0, 2, 3))` and
    `pixels.std((0, 2, 3), correction=0)` are `mean` and `std` for `Normalize`, one per
    channel: 0.5 each for two images of only 0.0 and two of only 1.0.

    Take the training images alone. The mean of the batches' deviations is as a rule too small
    where batches differ; for a dataset too large to stack, add up the sums and the sums of
    squares.
    """
    dark, light = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    pixels = torch.cat([dark, light])

    total = dark.sum((0, 2, 3)) + light.sum((0, 2, 3))
    squares = dark.square().sum((0, 2, 3)) + light.square().sum((0, 2, 3))
    count = 4 * 4 * 4
    mean = total / count
    std = (squares / count - mean**2).sqrt()

    assert pixels.mean((0, 2, 3)).tolist() == mean.tolist() == [0.5, 0.5, 0.5]
    assert pixels.std((0, 2, 3), correction=0).tolist() == std.tolist() == [0.5, 0.5, 0.5]
    normal = transforms.Normalize(mean, std)(pixels)
    assert normal.mean((0, 2, 3)).tolist() == [0.0, 0.0, 0.0]
    assert normal.std((0, 2, 3), correction=0).tolist() == [1.0, 1.0, 1.0]
    assert [batch.std((0, 2, 3)).tolist() for batch in (dark, light)] == [[0.0] * 3, [0.0] * 3]


def test_normalize_measures_nothing():
    """`torchvision.transforms.Normalize` does not compute the mean of its input:
    `Normalize([0.5], [0.5])` maps the float32 pixels 6 and 8 to 11 and 15;
    `Normalize([7.0], [1.0])`, with their own mean, maps them to -1 and 1.

    Measure mean and standard deviation once, on the training set, and use the same for the test
    set.
    """
    image = torch.tensor([[[6.0, 8.0]]])

    assert transforms.Normalize([0.5], [0.5])(image).tolist() == [[[11.0, 15.0]]]
    assert transforms.Normalize([7.0], [1.0])(image).tolist() == [[[-1.0, 1.0]]]


def test_another_normalize_is_the_inverse(device):
    """`Normalize([-0.5], [2.0])` undoes `Normalize([0.25], [0.5])` of a float32 image with
    values from 0 to 1, up to rounding.

    For `[m]` and `[s]` the inverse is `[-m / s]` and `[1 / s]`. Needed to show an image after
    normalisation.
    """
    there = transforms.Normalize([0.25], [0.5])
    back = transforms.Normalize([-0.25 / 0.5], [1 / 0.5])
    image = torch.tensor([[[0.0, 0.75, 1.0]]], device=device)

    assert there(image).tolist() == [[[-0.5, 1.0, 1.5]]]
    assert back(there(image)).tolist() == [[[0.0, 0.75, 1.0]]]


def test_one_mean_is_used_for_all_channels():
    """`Normalize([1.0], [2.0])` uses the one mean and the one deviation for all three
    channels of a float32 tensor (3, H, W).

    Not so the other way round: three means raise RuntimeError for an image with one channel, see
    `spec/vision/test_pretrained.py`; `v2.Normalize` broadcasts such an image to three channels.
    """
    assert transforms.Normalize([1.0], [2.0])(5 * torch.ones(3, 1, 1)).tolist() == [
        [[2.0]],
        [[2.0]],
        [[2.0]],
    ]
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        transforms.Normalize([1.0] * 3, [2.0] * 3)(torch.ones(1, 1, 1))


def test_normalize_refuses_bytes():
    """`torchvision.transforms.Normalize` raises TypeError for a uint8 tensor, and for other
    integer tensors.

    Before `Normalize`, use `ToTensor` instead of `PILToTensor`: of an RGB image it makes a float32
    tensor with values from 0 to 1.
    """
    image = torch.tensor([[[255]]], dtype=torch.uint8)

    with pytest.raises(TypeError, match="Input tensor should be a float tensor"):
        transforms.Normalize([0.5], [0.5])(image)
    with pytest.raises(TypeError, match="Input tensor should be a float tensor"):
        transforms.Normalize([0.5], [0.5])(image.to(torch.int64))
    assert transforms.Normalize([0.5], [0.5])(image / 255).tolist() == [[[1.0]]]


def test_normalize_refuses_a_deviation_of_zero():
    """torchvision's `transforms.Normalize([0.5], [0.0])` raises ValueError when it is called
    with a float image tensor, because it would divide by zero.

    The standard deviation of a channel of two or more pixels that holds one value everywhere is 0,
    or by rounding a tiny number such as 1e-7: use 1 for it.
    """
    with pytest.raises(ValueError, match="leading to division by zero"):
        transforms.Normalize([0.5], [0.0])(torch.ones(1, 1, 1))


@pytest.mark.claim("blitz-compose-order")
def test_compose_runs_from_first_to_last():
    """`Compose([ToTensor(), Normalize([0.5], [0.5])])` calls `ToTensor` on the picture and
    `Normalize` on its result: of an 8-bit gray picture a pixel 0 becomes -1.0, a pixel 255 becomes
    1.0.
    """
    compose = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])

    image = compose(Image.fromarray(np.array([[0, 255]], dtype=np.uint8)))

    assert image.tolist() == [[[-1.0, 1.0]]]


def test_compose_does_not_sort():
    """`Compose([Normalize([0.5], [0.5]), ToTensor()])` raises TypeError when it is called with a
    Pillow picture: `Compose` runs the transforms in the order given.

    Write `ToTensor()` first: `Normalize` takes float tensors.
    """
    compose = transforms.Compose([transforms.Normalize([0.5], [0.5]), transforms.ToTensor()])

    with pytest.raises(TypeError, match="img should be Tensor Image"):
        compose(Image.new("L", (2, 2)))


def test_compose_takes_a_list_of_objects():
    """`Compose` takes one list of transform objects:
    `Compose(ToTensor(), Normalize([0.5], [0.5]))` raises TypeError, and so does
    `Compose([ToTensor])(picture)`, with the class `ToTensor` in place of the object
    `ToTensor()`.

    Write `Compose([ToTensor(), Normalize(mean, std)])`.
    """
    picture = Image.new("L", (1, 1))

    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        transforms.Compose(transforms.ToTensor(), transforms.Normalize([0.5], [0.5]))
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        transforms.Compose([transforms.ToTensor])(picture)
    assert transforms.Compose([transforms.ToTensor()])(picture).tolist() == [[[0.0]]]


def test_any_callable_is_a_transform():
    """`torchvision.transforms.Compose` calls each of its steps with one argument, so
    functions such as `torch.neg` and lambdas serve as transforms.

    Lambdas can't be pickled: with workers started by `spawn` or `forkserver` define a function at
    the top of a module. Since torchvision 0.16 `v2.Compose` hands on as many arguments as it was
    called with.
    """
    compose = transforms.Compose([transforms.ToTensor(), torch.neg, lambda image: image.flatten()])

    image = compose(Image.fromarray(np.array([[0, 255]], dtype=np.uint8)))

    assert image.tolist() == [0.0, -1.0]


def test_compose_prints_its_steps():
    """`str` of a `Compose` of `ToTensor()` and `Normalize((0.5,), (0.5,))` has between `Compose(`
    and `)` one line for each of them, in order; the line of `Normalize` shows its `mean` and
    `std`.
    """
    compose = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    assert str(compose).split("\n") == [
        "Compose(",
        "    ToTensor()",
        "    Normalize(mean=(0.5,), std=(0.5,))",
        ")",
    ]


def test_transforms_work_on_batches_too(device):
    """`torchvision.transforms.Normalize` takes a float32 tensor with further dimensions in front
    of channel, height and width: a batch (N, C, H, W) is normalised at once.

    Random transforms would draw once for the whole batch, the same crop for all images.
    """
    batch = torch.tensor([1.0, 3.0], device=device).view(2, 1, 1, 1)

    assert transforms.Normalize([1.0], [2.0])(batch).flatten().tolist() == [0.0, 1.0]


@pytest.mark.claim("blitz-transforms-location")
def test_transforms_have_a_module_of_their_own():
    """`ToTensor` is in `torchvision.transforms`; `torchvision.datasets.ToTensor` raises
    AttributeError.

    Write `from torchvision import datasets, transforms`.
    """
    assert callable(transforms.ToTensor)
    with pytest.raises(AttributeError, match="has no attribute 'ToTensor'"):
        datasets.ToTensor  # noqa: B018
