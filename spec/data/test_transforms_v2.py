"""Transforms, the second version.

`torchvision.transforms.v2` has the transforms of the first version under the same names, and takes
more than one picture: images, masks and boxes that belong together go through a transform together
and get the same crop, the same flip. What a tensor stands for is told by its class, a `tv_tensor`.

What surprises: `ToImage` does not scale, `ToDtype` scales only when told to, and the result of
plain arithmetic forgets what it was.
"""

import numpy as np
import pytest
import torch
from PIL import Image

# Releases of PyTorch before 2.1 are matched by a torchvision that lacks these, or warns of them.
v2 = pytest.importorskip("torchvision.transforms.v2", reason="torchvision has no transforms.v2 yet")
tv_tensors = pytest.importorskip("torchvision.tv_tensors", reason="torchvision has no tv_tensors")

pytestmark = pytest.mark.torch(">=2.1")


def test_to_image_moves_the_axes_and_keeps_the_bytes():
    """`ToImage` makes a picture a tensor of bytes, channels first, and scales nothing."""
    picture = Image.fromarray(np.array([[[0, 51, 255]]], dtype=np.uint8))

    image = v2.ToImage()(picture)

    assert type(image) is tv_tensors.Image
    assert image.tolist() == [[[0]], [[51]], [[255]]]
    assert image.dtype == torch.uint8


def test_to_image_leaves_the_axes_of_a_tensor():
    """Arrays have channels last and are turned around; a tensor is taken to have them first."""
    assert v2.ToImage()(np.zeros((2, 4, 3), dtype=np.uint8)).shape == (3, 2, 4)
    assert v2.ToImage()(torch.zeros(2, 4, 3)).shape == (2, 4, 3)


def test_to_dtype_scales_when_told_to():
    """`ToDtype(torch.float32, scale=True)` divides bytes by 255; without `scale` 255 stays 255."""
    image = tv_tensors.Image(torch.tensor([[[0, 255]]], dtype=torch.uint8))

    scaled = v2.ToDtype(torch.float32, scale=True)(image)
    plain = v2.ToDtype(torch.float32)(image)

    assert scaled.tolist() == [[[0.0, 1.0]]]
    assert plain.tolist() == [[[0.0, 255.0]]]
    assert scaled.dtype == plain.dtype == torch.float32


def test_to_dtype_scales_back_to_bytes():
    """From floats to `uint8`, `scale=True` multiplies: 1.0 becomes 255, and 0.5 becomes 127."""
    image = tv_tensors.Image(torch.tensor([[[0.0, 0.5, 1.0]]]))

    assert v2.ToDtype(torch.uint8, scale=True)(image).tolist() == [[[0, 127, 255]]]


def test_to_dtype_does_nothing_to_a_picture():
    """A Pillow picture passes `ToDtype` untouched, as anything does that is no tensor."""
    picture = Image.new("L", (2, 2))

    same = v2.ToDtype(torch.float32, scale=True)(picture)

    assert same is picture


def test_to_image_and_to_dtype_replace_to_tensor():
    """`v2.ToTensor` warns that it is deprecated; the two steps give the same numbers."""
    picture = Image.fromarray(np.array([[0, 255]], dtype=np.uint8))
    steps = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])

    with pytest.warns(UserWarning, match=r"The transform `ToTensor\(\)` is deprecated"):
        old = v2.ToTensor()
    assert old(picture).tolist() == steps(picture).tolist() == [[[0.0, 1.0]]]


def test_compose_wants_a_transform():
    """An empty `Compose` is refused in this version."""
    with pytest.raises(ValueError, match="Pass at least one transform"):
        v2.Compose([])


def test_normalize_wants_a_float_tensor():
    """`Normalize` takes neither a picture nor bytes: `ToImage` and `ToDtype` come before it."""
    normalize = v2.Normalize([0.5], [0.5])
    picture = Image.new("L", (1, 1), 255)

    with pytest.raises(TypeError, match="does not support PIL images"):
        normalize(picture)
    with pytest.raises(TypeError, match="Input tensor should be a float tensor"):
        normalize(v2.ToImage()(picture))
    steps = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), normalize])
    assert steps(picture).tolist() == [[[1.0]]]


def test_image_and_mask_are_flipped_together():
    """Given an image and its mask, one draw decides for both: they never part."""
    image = tv_tensors.Image(torch.tensor([[[1, 2]]]))
    mask = tv_tensors.Mask(torch.tensor([[1, 2]]))
    flip = v2.RandomHorizontalFlip(0.5)

    pairs = [flip(image, mask) for _ in range(50)]

    seen = {(str(image.flatten().tolist()), str(mask.flatten().tolist())) for image, mask in pairs}
    assert seen == {("[1, 2]", "[1, 2]"), ("[2, 1]", "[2, 1]")}


def test_a_mask_is_not_coloured():
    """What only concerns light and colour leaves masks alone: class numbers are no brightness."""
    image = tv_tensors.Image(torch.tensor([[[1.0, 0.0]]]))
    mask = tv_tensors.Mask(torch.tensor([[1, 2]]))

    new_image, new_mask = v2.Normalize([0.5], [0.5])(image, mask)

    assert new_image.tolist() == [[[1.0, -1.0]]]
    assert new_mask.tolist() == [[1, 2]]


def test_a_mask_is_resized_without_new_classes():
    """Images are interpolated, masks take the nearest pixel: no class between two appears."""
    image = tv_tensors.Image(torch.tensor([[[0.0, 4.0]]]))
    mask = tv_tensors.Mask(torch.tensor([[0, 4]]))

    new_image, new_mask = v2.Resize((1, 4), antialias=True)(image, mask)

    assert new_image.tolist() == [[[0.0, 1.0, 3.0, 4.0]]]
    assert new_mask.tolist() == [[0, 0, 4, 4]]


def test_boxes_are_mirrored_by_their_corners():
    """A box from 1 to 3 in a picture 10 wide is from 7 to 9 after a horizontal flip."""
    boxes = tv_tensors.BoundingBoxes([[1, 0, 3, 2]], format="XYXY", canvas_size=(4, 10))

    mirrored = v2.RandomHorizontalFlip(1.0)(boxes)

    assert mirrored.tolist() == [[7, 0, 9, 2]]
    assert type(mirrored) is tv_tensors.BoundingBoxes


def test_samples_keep_their_structure():
    """Dicts, lists and tuples go through as they are; labels and strings are handed on."""
    sample = {"image": tv_tensors.Image(torch.tensor([[[1, 2]]])), "label": 3, "name": "cat"}

    new = v2.RandomHorizontalFlip(1.0)(sample)

    assert new["image"].tolist() == [[[2, 1]]]
    assert [new["label"], new["name"]] == [3, "cat"]


def test_a_plain_tensor_beside_an_image_is_no_image():
    """A plain tensor alone is taken for an image; beside a `tv_tensor` image it is left alone."""
    flip = v2.RandomHorizontalFlip(1.0)
    image = tv_tensors.Image(torch.tensor([[[1, 2]]]))
    plain = torch.tensor([[[3, 4]]])

    new_image, new_plain = flip(image, plain)

    assert flip(plain).tolist() == [[[4, 3]]]
    assert new_image.tolist() == [[[2, 1]]]
    assert new_plain is plain


def test_of_two_plain_tensors_only_the_first_is_an_image():
    """Image and mask as plain tensors come apart: only the first of them is transformed."""
    image, mask = torch.tensor([[[1, 2]]]), torch.tensor([[[1, 2]]])

    new_image, new_mask = v2.RandomHorizontalFlip(1.0)(image, mask)

    assert new_image.tolist() == [[[2, 1]]]
    assert new_mask.tolist() == [[[1, 2]]]


def test_wrapping_a_tensor_copies_nothing():
    """`tv_tensors.Image(tensor)` is the same memory under a class that says what it holds."""
    tensor = torch.zeros(1, 2, 2)
    image = tv_tensors.Image(tensor)

    assert isinstance(image, torch.Tensor)
    assert image.data_ptr() == tensor.data_ptr()


def test_arithmetic_forgets_what_a_tensor_was():
    """The result of an operation is a plain tensor; `tv_tensors.wrap` gives it its class again."""
    image = tv_tensors.Image(torch.tensor([[[1.0]]]))

    doubled = image * 2
    wrapped = tv_tensors.wrap(doubled, like=image)

    assert type(doubled) is torch.Tensor
    assert type(wrapped) is tv_tensors.Image
    assert wrapped.tolist() == [[[2.0]]]
