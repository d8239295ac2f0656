"""Transforms, the second version.

A transform turns one image into another, or into a tensor; a dataset calls it on each sample that
it hands over. `torchvision.transforms.v2` is what new code should use. It has the transforms of
the first version (`spec/data/test_transforms.py`) under the same names, and takes more than one
image: an image, its mask and its boxes go through a transform together and get the same crop and
the same flip. What a tensor stands for is told by its class, a `tv_tensor`: `Image`, `Mask`,
`BoundingBoxes`, `Video`.

The usual beginning is `Compose([ToImage(), ToDtype(torch.float32, scale=True), Normalize(...)])`.

What surprises: `ToImage` does not scale, and `ToDtype` only when told to; a NumPy array or a
string passes most transforms untouched, without an error; a plain tensor beside an image isn't
transformed; and the result of arithmetic on a `tv_tensor` is a plain tensor.
"""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

# Releases of PyTorch before 2.1 are matched by a torchvision that lacks these, or warns of them.
v2 = pytest.importorskip("torchvision.transforms.v2", reason="torchvision has no transforms.v2 yet")

tv_tensors = pytest.importorskip("torchvision.tv_tensors", reason="torchvision has no tv_tensors")

pytestmark = pytest.mark.torch(">=2.1")


def test_to_image_moves_the_axes_and_keeps_the_bytes():
    """`torchvision.transforms.v2.ToImage()` makes a `torchvision.tv_tensors.Image` of a
    Pillow picture of mode "RGB": channels first, dtype uint8, values from 0 to 255
    unscaled.

    Scaling to floats is the work of `v2.ToDtype(torch.float32, scale=True)`, which comes next.
    """
    picture = Image.fromarray(np.array([[[0, 51, 255]]], dtype=np.uint8))

    image = v2.ToImage()(picture)

    assert type(image) is tv_tensors.Image
    assert image.tolist() == [[[0]], [[51]], [[255]]]
    assert image.dtype == torch.uint8


def test_to_image_leaves_the_axes_of_a_tensor():
    """`torchvision.transforms.v2.ToImage` moves the last dimension of a (2, 4, 3) NumPy
    array to the front, because arrays have their channels last; the dimensions of a (2, 4,
    3) tensor it leaves as they are.

    A tensor with channels last has to be permuted first, with `permute(2, 0, 1)`.
    """
    assert v2.ToImage()(np.zeros((2, 4, 3), dtype=np.uint8)).shape == (3, 2, 4)
    assert v2.ToImage()(torch.zeros(2, 4, 3)).shape == (2, 4, 3)


def test_to_dtype_scales_when_told_to():
    """`torchvision.transforms.v2.ToDtype(torch.float32, scale=True)` maps the values 0 to
    255 of a uint8 `tv_tensors.Image` to 0.0 to 1.0; without `scale=True` 255 becomes 255.0.

    Forgetting `scale=True` is no error: the network is given values up to 255.
    """
    image = tv_tensors.Image(torch.tensor([[[0, 255]]], dtype=torch.uint8))

    scaled = v2.ToDtype(torch.float32, scale=True)(image)
    plain = v2.ToDtype(torch.float32)(image)

    assert scaled.tolist() == [[[0.0, 1.0]]]
    assert plain.tolist() == [[[0.0, 255.0]]]
    assert scaled.dtype == plain.dtype == torch.float32


def test_normalize_wants_a_float_tensor():
    """`torchvision.transforms.v2.Normalize` raises TypeError for a Pillow picture and for a
    uint8 `tv_tensors.Image`: `v2.ToImage()` and `v2.ToDtype(torch.float32, scale=True)`
    come before it.
    """
    normalize = v2.Normalize([0.5], [0.5])
    picture = Image.new("L", (1, 1), 255)

    with pytest.raises(TypeError, match="does not support PIL images"):
        normalize(picture)
    with pytest.raises(TypeError, match="Input tensor should be a float tensor"):
        normalize(v2.ToImage()(picture))
    steps = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), normalize])
    assert steps(picture).tolist() == [[[1.0]]]


def test_what_is_no_tensor_passes_untouched():
    """`torchvision.transforms.v2.ToDtype(torch.float32, scale=True)` returns a NumPy array or a
    Pillow picture as it is; `v2.Normalize([0.5], [0.5])` returns a NumPy array as it is.

    Because both pass on what they have no rule for, such as labels. No error says so: begin with
    `v2.ToImage()`. `v2.Normalize` of a Pillow picture raises TypeError, "does not support PIL
    images".
    """
    picture, array = Image.new("L", (2, 2)), np.zeros((2, 2, 3), dtype=np.uint8)

    by_dtype = v2.ToDtype(torch.float32, scale=True)(picture)
    of_array = v2.ToDtype(torch.float32, scale=True)(array)
    normalised = v2.Normalize([0.5], [0.5])(array)

    assert by_dtype is picture
    assert of_array is array
    assert normalised is array
    assert array.dtype == "uint8"
    with pytest.raises(TypeError, match="does not support PIL images"):
        v2.Normalize([0.5], [0.5])(picture)


def test_to_dtype_scales_back_to_bytes():
    """`torchvision.transforms.v2.ToDtype(torch.uint8, scale=True)` of a float32
    `tv_tensors.Image` maps 1.0 to 255 and 0.5 to 127. It does not limit other values to the
    range from 0 to 1: 1.5 becomes 127 and -0.5 becomes 129.

    Because it multiplies by a little less than 256 and drops the fraction, without a limit.
    Call `clamp(0, 1)` before.
    """
    image = tv_tensors.Image(torch.tensor([[[0.0, 0.5, 1.0]]]))
    beyond = tv_tensors.Image(torch.tensor([[[1.5, -0.5]]]))

    assert v2.ToDtype(torch.uint8, scale=True)(image).tolist() == [[[0, 127, 255]]]
    assert v2.ToDtype(torch.uint8, scale=True)(beyond).tolist() == [[[127, 129]]]


def test_to_image_and_to_dtype_replace_to_tensor():
    """`torchvision.transforms.v2.ToTensor()` issues a UserWarning that it is deprecated;
    for an 8-bit PIL image `v2.ToImage()` followed by
    `v2.ToDtype(torch.float32, scale=True)` gives the same values, up to rounding.

    Transforms that stand between the two steps get the image as uint8, a quarter of the memory of
    float32.
    """
    picture = Image.fromarray(np.array([[0, 255]], dtype=np.uint8))
    steps = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])

    with pytest.warns(UserWarning, match=r"The transform `ToTensor\(\)` is deprecated"):
        old = v2.ToTensor()
    assert old(picture).tolist() == steps(picture).tolist() == [[[0.0, 1.0]]]


def test_compose_wants_a_transform():
    """`torchvision.transforms.v2.Compose([])` raises ValueError, "Pass at least one transform";
    `torchvision.transforms.Compose([])` makes a transform that returns its input.

    For a pipeline without steps use `torchvision.transforms.v2.Identity()`.
    """
    identity = v2.Compose([v2.Identity()])

    with pytest.raises(ValueError, match="Pass at least one transform"):
        v2.Compose([])
    assert identity(7) == 7
    assert transforms.Compose([])(7) == 7


def test_image_and_mask_are_flipped_together():
    """`torchvision.transforms.v2.RandomHorizontalFlip(0.5)(image, mask)`, with a
    `tv_tensors.Image` and a `tv_tensors.Mask`, makes one random choice per call: it flips both or
    neither.

    Called once for each, it would choose twice: see `spec/data/test_random_transforms.py`.
    """
    image = tv_tensors.Image(torch.tensor([[[1, 2]]]))
    mask = tv_tensors.Mask(torch.tensor([[1, 2]]))
    flip = v2.RandomHorizontalFlip(0.5)

    pairs = [flip(image, mask) for _ in range(50)]

    seen = {(str(image.flatten().tolist()), str(mask.flatten().tolist())) for image, mask in pairs}
    assert seen == {("[1, 2]", "[1, 2]"), ("[2, 1]", "[2, 1]")}


def test_a_mask_is_not_coloured():
    """`torchvision.transforms.v2.Normalize([0.5], [0.5])(image, mask)` normalises a float
    `tv_tensors.Image` and leaves the `tv_tensors.Mask` as it is.

    Because a mask has class numbers, not brightness. Transforms of colour, such as `ColorJitter`,
    do the same.
    """
    image = tv_tensors.Image(torch.tensor([[[1.0, 0.0]]]))
    mask = tv_tensors.Mask(torch.tensor([[1, 2]]))

    new_image, new_mask = v2.Normalize([0.5], [0.5])(image, mask)

    assert new_image.tolist() == [[[1.0, -1.0]]]
    assert new_mask.tolist() == [[1, 2]]


def test_a_mask_is_resized_without_new_classes():
    """`torchvision.transforms.v2.Resize` by default interpolates between the pixels of a
    `tv_tensors.Image`, and takes the nearest pixel for a `tv_tensors.Mask`.

    So between the classes 0 and 4 no pixel of class 1 or 3 appears.
    """
    image = tv_tensors.Image(torch.tensor([[[0.0, 4.0]]]))
    mask = tv_tensors.Mask(torch.tensor([[0, 4]]))

    new_image, new_mask = v2.Resize((1, 4), antialias=True)(image, mask)

    assert new_image.tolist() == [[[0.0, 1.0, 3.0, 4.0]]]
    assert new_mask.tolist() == [[0, 0, 4, 4]]


def test_boxes_are_mirrored_by_their_corners():
    """`torchvision.transforms.v2.RandomHorizontalFlip(1.0)` mirrors
    `tv_tensors.BoundingBoxes`: a box from x=1 to x=3 on a canvas 10 wide is from 7 to 9
    afterwards.

    The width is that of `canvas_size`, which is (height, width).
    """
    boxes = tv_tensors.BoundingBoxes([[1, 0, 3, 2]], format="XYXY", canvas_size=(4, 10))

    mirrored = v2.RandomHorizontalFlip(1.0)(boxes)

    assert mirrored.tolist() == [[7, 0, 9, 2]]
    assert type(mirrored) is tv_tensors.BoundingBoxes


def test_samples_keep_their_structure():
    """`torchvision.transforms.v2.RandomHorizontalFlip(1.0)` called on a dict transforms the
    `tv_tensors.Image` in it and returns a dict with the same keys; an int label and a
    string stay as they are.
    """
    sample = {"image": tv_tensors.Image(torch.tensor([[[1, 2]]])), "label": 3, "name": "cat"}

    new = v2.RandomHorizontalFlip(1.0)(sample)

    assert new["image"].tolist() == [[[2, 1]]]
    assert [new["label"], new["name"]] == [3, "cat"]


def test_a_plain_tensor_beside_an_image_is_no_image():
    """`torchvision.transforms.v2.RandomHorizontalFlip(1.0)` flips a plain tensor, as if it
    were an image, if the tensor is the only argument; beside a `tv_tensors.Image` it
    returns the plain tensor unchanged.

    Because beside an image a plain tensor is taken for a label. With no image, PIL image or video
    among the arguments the first plain tensor is flipped and the next is not:
    `flip(plain, label)`. Wrap what is to be transformed in its class.
    """
    flip = v2.RandomHorizontalFlip(1.0)
    image = tv_tensors.Image(torch.tensor([[[1, 2]]]))
    plain = torch.tensor([[[3, 4]]])

    new_image, new_plain = flip(image, plain)

    assert flip(plain).tolist() == [[[4, 3]]]
    assert new_image.tolist() == [[[2, 1]]]
    assert new_plain is plain
    assert [x.tolist() for x in flip(plain, torch.tensor([5, 6]))] == [[[[4, 3]]], [5, 6]]


def test_of_two_plain_tensors_only_the_first_is_an_image():
    """Of two plain `torch.Tensor`s, such as an image and its mask,
    `torchvision.transforms.v2.RandomHorizontalFlip(1.0)` transforms the first and returns
    the second unchanged.

    An image and its mask as plain tensors no longer match afterwards, without an error. Wrap
    them: `tv_tensors.Image(image)`, `tv_tensors.Mask(mask)`.
    """
    image, mask = torch.tensor([[[1, 2]]]), torch.tensor([[[1, 2]]])

    new_image, new_mask = v2.RandomHorizontalFlip(1.0)(image, mask)

    assert new_image.tolist() == [[[2, 1]]]
    assert new_mask.tolist() == [[[1, 2]]]


def test_wrapping_a_tensor_copies_nothing():
    """`torchvision.tv_tensors.Image(tensor)` of a tensor (C, H, W), without a `dtype` or `device`,
    makes an object of a subclass of `torch.Tensor` that shares the tensor's memory.

    Because it calls `torch.as_tensor`, which copies only for another dtype or another device (also
    one that `torch.set_default_device` has set).
    """
    tensor = torch.zeros(1, 2, 2)
    image = tv_tensors.Image(tensor)

    tensor[0, 1, 1] = 7.0

    assert isinstance(image, torch.Tensor)
    assert image.data_ptr() == tensor.data_ptr()
    assert image.tolist() == [[[0.0, 0.0], [0.0, 7.0]]]


def test_arithmetic_forgets_what_a_tensor_was():
    """By default `image * 2` of a `torchvision.tv_tensors.Image` is a plain `torch.Tensor`, and
    so is `image.double()`; `image.clone()`, `image.detach()` and `image.to(torch.float64)` keep
    the class.

    Most operations forget the class. `image.float()` and `image.cpu()` forget it too, although
    `image.to(torch.float32)` and `image.to("cpu")` give the same values and keep it.
    `tv_tensors.wrap(result, like=image)` gives it back; `tv_tensors.set_return_type("TVTensor")`
    changes the default.
    """
    image = tv_tensors.Image(torch.tensor([[[1.0]]]))

    doubled = image * 2
    wrapped = tv_tensors.wrap(doubled, like=image)
    kept = [image.clone(), image.detach(), image.to(torch.float64)]

    assert type(doubled) is type(image.double()) is torch.Tensor
    assert type(wrapped) is tv_tensors.Image
    assert wrapped.tolist() == [[[2.0]]]
    assert [type(each) is tv_tensors.Image for each in kept] == [True, True, True]
