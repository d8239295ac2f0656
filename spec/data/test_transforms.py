"""Transforms.

A transform makes one picture into another, or into a tensor; `Compose` runs several in a row, and a
dataset calls the result on each picture it hands over. Pictures have height, width and then their
channels, with bytes from 0 to 255; networks want channels first and small floats around 0.

What surprises: `ToTensor` scales bytes and nothing else, `Normalize` knows nothing of your data,
and `ToPILImage` lets values beyond white begin again at black.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import datasets, transforms


@pytest.mark.claim("blitz-totensor-chw", "summary-transforms")
def test_to_tensor_puts_the_channels_first():
    """`ToTensor` turns height x width x channels into channels x height x width."""
    pixels = np.array([[[0, 255, 0], [255, 255, 0]]], dtype=np.uint8)

    tensor = transforms.ToTensor()(Image.fromarray(pixels))

    assert pixels.shape == (1, 2, 3)
    assert tensor.tolist() == [[[0.0, 1.0]], [[1.0, 1.0]], [[0.0, 0.0]]]


def test_a_picture_tells_its_size_the_other_way_round():
    """Pillow says width, then height; the tensor of the same picture height, then width."""
    picture = Image.new("RGB", (4, 2))

    assert picture.size == (4, 2)
    assert transforms.ToTensor()(picture).shape == (3, 2, 4)


@pytest.mark.claim("blitz-totensor-range")
def test_to_tensor_divides_bytes_by_255():
    """`ToTensor` maps the bytes 0 to 255 to `float32` from 0.0 to 1.0."""
    pixels = np.array([[0, 51, 255]], dtype=np.uint8)

    tensor = transforms.ToTensor()(Image.fromarray(pixels))

    assert tensor.tolist() == [[[0.0, pytest.approx(0.2), 1.0]]]
    assert tensor.dtype == torch.float32


def test_to_tensor_scales_by_255_and_not_by_the_brightest():
    """The factor is always 1/255: a dark picture stays dark."""
    picture = Image.fromarray(np.array([[0, 51]], dtype=np.uint8))

    assert transforms.ToTensor()(picture).max().item() == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("dtype", "values"),
    [(np.uint8, [0.0, 1.0]), (np.int64, [0, 255]), (np.float32, [0.0, 255.0])],
)
def test_to_tensor_scales_arrays_of_bytes_only(dtype, values):
    """An array of `uint8` is scaled like a picture; one of any other dtype keeps its values."""
    array = np.array([[0, 255]], dtype=dtype)

    assert repr(transforms.ToTensor()(array).tolist()) == repr([[values]])


@pytest.mark.parametrize(("mode", "dtype"), [("I", torch.int32), ("F", torch.float32)])
def test_to_tensor_does_not_scale_pictures_of_wide_numbers(mode, dtype):
    """Pictures of 32-bit integers or floats keep their values and their dtype."""
    tensor = transforms.ToTensor()(Image.new(mode, (1, 1), 255))

    assert tensor.item() == 255
    assert tensor.dtype == dtype


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 4)])
def test_the_mode_of_a_picture_decides_its_channels(mode, channels):
    """Grey pictures have one channel, colour ones three, transparent four; `convert` changes it."""
    picture = Image.new(mode, (2, 2))

    assert transforms.ToTensor()(picture).shape[0] == channels
    assert transforms.ToTensor()(picture.convert("RGB")).shape[0] == 3


def test_to_tensor_refuses_a_tensor():
    """`ToTensor` takes pictures and arrays; a tensor is one already, and is refused."""
    with pytest.raises(TypeError, match="should be PIL Image or ndarray"):
        transforms.ToTensor()(torch.zeros(3, 2, 2))


def test_pil_to_tensor_keeps_the_bytes():
    """`PILToTensor` moves the axes like `ToTensor`, but leaves bytes as they are."""
    picture = Image.fromarray(np.array([[0, 51, 255]], dtype=np.uint8))

    tensor = transforms.PILToTensor()(picture)

    assert tensor.tolist() == [[[0, 51, 255]]]
    assert tensor.dtype == torch.uint8


def test_to_pil_image_goes_back():
    """`ToPILImage` multiplies floats by 255 and drops the rest: 0.5 becomes 127."""
    picture = transforms.ToPILImage()(torch.tensor([[[0.0, 0.5, 1.0]]]))

    assert np.asarray(picture).tolist() == [[0, 127, 255]]


def test_to_pil_image_wraps_around():
    """Values outside [0, 1], as after `Normalize`, do not stop at black and white: they wrap."""
    picture = transforms.ToPILImage()(torch.tensor([[[1.5, -0.5]]]))

    assert np.asarray(picture).tolist() == [[126, 129]]


@pytest.mark.claim("blitz-normalize-range")
def test_normalize_by_a_half_maps_to_minus_one_to_one():
    """Means and deviations of 0.5 map [0, 1] to [-1, 1]."""
    normalize = transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    image = torch.tensor([0.0, 0.5, 1.0]).expand(3, 1, 3)

    assert normalize(image).tolist() == [[[-1.0, 0.0, 1.0]], [[-1.0, 0.0, 1.0]], [[-1.0, 0.0, 1.0]]]


def test_normalize_subtracts_and_divides_channel_by_channel(device):
    """Each channel has its own mean to subtract and its own deviation to divide by."""
    normalize = transforms.Normalize(mean=[1.0, 2.0], std=[0.5, 4.0])
    image = torch.tensor([[[3.0]], [[4.0]]], device=device)

    assert normalize(image).tolist() == [[[4.0]], [[0.5]]]
    assert image.tolist() == [[[3.0]], [[4.0]]]


def test_normalize_measures_nothing():
    """`Normalize` applies the numbers it is given: mean 0 comes only of the data's own mean."""
    image = torch.tensor([[[6.0, 8.0]]])

    assert transforms.Normalize([0.5], [0.5])(image).tolist() == [[[11.0, 15.0]]]
    assert transforms.Normalize([7.0], [1.0])(image).tolist() == [[[-1.0, 1.0]]]


def test_another_normalize_is_the_inverse(device):
    """Mean `-m/s` and deviation `1/s` undo a `Normalize(m, s)`."""
    there = transforms.Normalize([0.25], [0.5])
    back = transforms.Normalize([-0.25 / 0.5], [1 / 0.5])
    image = torch.tensor([[[0.0, 0.75, 1.0]]], device=device)

    assert there(image).tolist() == [[[-0.5, 1.0, 1.5]]]
    assert back(there(image)).tolist() == [[[0.0, 0.75, 1.0]]]


def test_one_mean_is_used_for_all_channels():
    """A single mean and deviation are broadcast; three for a grey picture are refused."""
    assert transforms.Normalize([1.0], [2.0])(5 * torch.ones(3, 1, 1)).tolist() == [
        [[2.0]],
        [[2.0]],
        [[2.0]],
    ]
    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        transforms.Normalize([1.0] * 3, [2.0] * 3)(torch.ones(1, 1, 1))


def test_normalize_refuses_bytes():
    """A tensor of bytes cannot be normalised: it has to become one of floats before."""
    image = torch.tensor([[[255]]], dtype=torch.uint8)

    with pytest.raises(TypeError, match="Input tensor should be a float tensor"):
        transforms.Normalize([0.5], [0.5])(image)
    assert transforms.Normalize([0.5], [0.5])(image / 255).tolist() == [[[1.0]]]


def test_normalize_refuses_a_deviation_of_zero():
    """A deviation of 0, as of a channel that is the same everywhere, would divide by zero."""
    with pytest.raises(ValueError, match="leading to division by zero"):
        transforms.Normalize([0.5], [0.0])(torch.ones(1, 1, 1))


@pytest.mark.claim("blitz-compose-order")
def test_compose_runs_from_first_to_last():
    """`Compose` hands the result of each transform to the next: tensor first, then normalised."""
    compose = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])

    image = compose(Image.fromarray(np.array([[0, 255]], dtype=np.uint8)))

    assert image.tolist() == [[[-1.0, 1.0]]]


def test_compose_does_not_sort():
    """`Normalize` before `ToTensor` meets a picture where it wants a tensor, and refuses."""
    compose = transforms.Compose([transforms.Normalize([0.5], [0.5]), transforms.ToTensor()])

    with pytest.raises(TypeError, match="img should be Tensor Image"):
        compose(Image.new("L", (2, 2)))


def test_compose_takes_a_list_of_objects():
    """Transforms go into one list, and each is an object: `ToTensor()`, not `ToTensor`."""
    picture = Image.new("L", (1, 1))

    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        transforms.Compose(transforms.ToTensor(), transforms.Normalize([0.5], [0.5]))
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        transforms.Compose([transforms.ToTensor])(picture)
    assert transforms.Compose([transforms.ToTensor()])(picture).tolist() == [[[0.0]]]


def test_any_callable_is_a_transform():
    """A transform is called with the picture, and that is all: a function serves as well."""
    compose = transforms.Compose([transforms.ToTensor(), torch.neg, lambda image: image.flatten()])

    image = compose(Image.fromarray(np.array([[0, 255]], dtype=np.uint8)))

    assert image.tolist() == [0.0, -1.0]


def test_compose_prints_its_steps():
    """A `Compose` prints one transform a line, in order, with their settings."""
    compose = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    assert str(compose).split("\n") == [
        "Compose(",
        "    ToTensor()",
        "    Normalize(mean=(0.5,), std=(0.5,))",
        ")",
    ]


def test_transforms_work_on_batches_too(device):
    """Transforms of tensors take any axes in front: a whole batch is normalised at once."""
    batch = torch.tensor([1.0, 3.0], device=device).view(2, 1, 1, 1)

    assert transforms.Normalize([1.0], [2.0])(batch).flatten().tolist() == [0.0, 1.0]


@pytest.mark.claim("blitz-transforms-location")
def test_transforms_have_a_module_of_their_own():
    """Transforms are in `torchvision.transforms`; `torchvision.datasets` only calls them."""
    assert callable(transforms.ToTensor)
    with pytest.raises(AttributeError, match="has no attribute 'ToTensor'"):
        datasets.ToTensor  # noqa: B018
