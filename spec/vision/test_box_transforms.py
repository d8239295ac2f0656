"""Boxes and masks under transforms.

When an image is resized, cropped or turned, its boxes have to follow. The transforms of
`torchvision.transforms.v2` do that for boxes wrapped as `tv_tensors.BoundingBoxes(data, format=...,
canvas_size=(height, width))`: the format says what the four numbers mean ("XYXY", "XYWH" or
"CXCYWH"), the canvas is the size of the image they lie on. Masks are `tv_tensors.Mask`, of class
numbers (H, W) or one per object (N, H, W).

A usual pipeline ends with `SanitizeBoundingBoxes()`, which drops the boxes that a crop has left
empty, together with their labels.

What surprises: a crop keeps the number of boxes, and those outside become empty; boxes and masks
have to be wrapped, because plain tensors beside an image pass untouched; `canvas_size` is
(height, width), while a box has x first. Flips and the classes themselves are on
`spec/data/test_transforms_v2.py`, formats of plain tensors on `spec/vision/test_boxes.py`.
"""

import pytest
import torch

v2 = pytest.importorskip("torchvision.transforms.v2", reason="torchvision has no transforms.v2 yet")

tv_tensors = pytest.importorskip("torchvision.tv_tensors", reason="torchvision has no tv_tensors")

pytestmark = pytest.mark.torch(">=2.1")


def boxes_on(rows, canvas_size, format="XYXY"):
    return tv_tensors.BoundingBoxes(rows, format=format, canvas_size=canvas_size)


def test_boxes_are_wrapped_with_format_and_canvas():
    """torchvision's `tv_tensors.BoundingBoxes([1, 2, 3, 4], format="XYXY", canvas_size=(8, 10))`
    has the shape (1, 4); without `format` and `canvas_size` it raises TypeError, "missing 2
    required keyword-only arguments".
    """
    with pytest.raises(TypeError, match="missing 2 required keyword-only arguments: 'format'"):
        tv_tensors.BoundingBoxes([[1, 2, 3, 4]])
    boxes = tv_tensors.BoundingBoxes([1, 2, 3, 4], format="XYXY", canvas_size=(8, 10))

    assert boxes.shape == (1, 4)
    assert boxes.canvas_size == (8, 10)
    assert boxes.format.name == "XYXY"


def test_a_resize_scales_boxes_with_their_canvas():
    """`torchvision.transforms.v2.Resize((4, 20))` of the "XYXY" `tv_tensors.BoundingBoxes`
    [[2, 2, 6, 4]] on a canvas of height 8 and width 10 returns [[4, 1, 12, 2]], y halved
    and x doubled, with `canvas_size` (4, 20).
    """
    boxes = boxes_on([[2, 2, 6, 4]], canvas_size=(8, 10))

    resized = v2.Resize((4, 20))(boxes)

    assert resized.tolist() == [[4, 1, 12, 2]]
    assert resized.canvas_size == (4, 20)


def test_integer_boxes_stay_integers():
    """`torchvision.transforms.v2.Resize` of `tv_tensors.BoundingBoxes` in int64 returns int64 and
    drops fractions: halved, the number 3 becomes 1 instead of 1.5. Float32 boxes keep the
    fraction.

    Make the boxes with `dtype=torch.float32`, or convert them by `boxes.to(torch.float32)`;
    `boxes.float()` returns a plain tensor.
    """
    whole = boxes_on([[3, 0, 5, 8]], canvas_size=(8, 8))
    floats = boxes_on([[3.0, 0.0, 5.0, 8.0]], canvas_size=(8, 8))

    assert v2.Resize((4, 4))(whole).tolist() == [[1, 0, 2, 4]]
    assert v2.Resize((4, 4))(floats).tolist() == [[1.5, 0.0, 2.5, 4.0]]


def test_a_crop_keeps_the_number_of_boxes():
    """`torchvision.transforms.v2.CenterCrop(4)` by default clamps "XYXY"
    `tv_tensors.BoundingBoxes` to the crop and drops none: on a canvas 8 high and 10 wide the box
    [0, 0, 2, 2], outside of the crop, becomes [0, 0, 0, 0].

    `v2.SanitizeBoundingBoxes()` drops it afterwards, together with its label, from a dict with
    `"boxes"` and `"labels"`. In a dict without a `tv_tensors.Image`, a `tv_tensors.Video` or a PIL
    image, `v2.CenterCrop` takes the first plain tensor for the image, also if this is the labels:
    give the image as a `tv_tensors.Image`, or crop the boxes alone.
    """
    boxes = boxes_on([[0, 0, 2, 2], [4, 3, 9, 5]], canvas_size=(8, 10))

    assert v2.CenterCrop(4)(boxes).tolist() == [[0, 0, 0, 0], [1, 1, 4, 3]]


def test_empty_boxes_are_dropped_with_their_labels():
    """torchvision's `v2.SanitizeBoundingBoxes()` of a dict with `tv_tensors.BoundingBoxes`
    in "XYXY" and a tensor `labels` drops boxes with a side below `min_size`, by default 1,
    boxes that reach beyond the canvas, and the labels of both.

    Put it after crops: a detector refuses empty boxes. To keep boxes that reach beyond the canvas
    in part, clamp them first, `v2.ClampBoundingBoxes()`; a box wholly outside gets a side of 0
    there, and is still dropped.
    """
    sample = {
        "boxes": boxes_on(
            [[0, 0, 0, 0], [1, 1, 4, 3], [1, 1, 5, 3], [5, 1, 6, 3]], canvas_size=(4, 4)
        ),
        "labels": torch.tensor([7, 8, 9, 10]),
    }

    clean = v2.SanitizeBoundingBoxes()(sample)
    clamped_first = v2.SanitizeBoundingBoxes()(v2.ClampBoundingBoxes()(sample))

    assert clean["boxes"].tolist() == [[1, 1, 4, 3]]
    assert clean["labels"].tolist() == [8]
    assert clamped_first["boxes"].tolist() == [[1, 1, 4, 3], [1, 1, 4, 3]]
    assert clamped_first["labels"].tolist() == [8, 9]


def test_the_sanitiser_looks_for_labels():
    """`torchvision.transforms.v2.SanitizeBoundingBoxes()` of a dict with
    `tv_tensors.BoundingBoxes` but no labels raises ValueError, "Could not infer where the labels
    are in the sample"; pass `labels_getter=None` if there are none.

    A key of the dict itself whose name contains "label" is found; for another key pass a function,
    `labels_getter=lambda sample: sample["classes"]`.
    """
    sample = {"boxes": boxes_on([[0, 0, 0, 0], [1, 1, 4, 3]], canvas_size=(4, 4))}

    with pytest.raises(ValueError, match="Could not infer where the labels are in the sample"):
        v2.SanitizeBoundingBoxes()(sample)
    clean = v2.SanitizeBoundingBoxes(labels_getter=None)(sample)
    assert clean["boxes"].tolist() == [[1, 1, 4, 3]]


def test_boxes_change_their_format():
    """`torchvision.transforms.v2.ConvertBoundingBoxFormat("CXCYWH")` of the
    `tv_tensors.BoundingBoxes` [[2, 2, 6, 4]] in "XYXY" returns [[4, 3, 4, 2]], whose
    `format` is `BoundingBoxFormat.CXCYWH`.
    """
    boxes = boxes_on([[2, 2, 6, 4]], canvas_size=(8, 10))

    converted = v2.ConvertBoundingBoxFormat("CXCYWH")(boxes)

    assert converted.tolist() == [[4, 3, 4, 2]]
    assert converted.format is tv_tensors.BoundingBoxFormat.CXCYWH


def test_the_format_decides_what_a_flip_does():
    """`torchvision.transforms.v2.RandomHorizontalFlip(1.0)` of the
    `tv_tensors.BoundingBoxes` [[2, 2, 4, 2]] on a canvas 10 wide gives [[6, 2, 8, 2]] for
    the format "XYXY" and [[4, 2, 4, 2]] for "XYWH".

    `BoundingBoxes` doesn't compare its format with the numbers: a wrong format gives wrong boxes
    without an error.
    """
    flip = v2.RandomHorizontalFlip(1.0)
    corners = boxes_on([[2, 2, 4, 2]], canvas_size=(8, 10), format="XYXY")
    with_size = boxes_on([[2, 2, 4, 2]], canvas_size=(8, 10), format="XYWH")

    assert flip(corners).tolist() == [[6, 2, 8, 2]]
    assert flip(with_size).tolist() == [[4, 2, 4, 2]]


def test_boxes_are_clamped_to_their_canvas():
    """`torchvision.transforms.v2.ClampBoundingBoxes()` clips the `tv_tensors.BoundingBoxes`
    [[-2, 2, 60, 40]] in "XYXY" on a canvas of height 8 and width 10, `canvas_size=(8, 10)`,
    to [[0, 2, 10, 8]].
    """
    boxes = boxes_on([[-2, 2, 60, 40]], canvas_size=(8, 10))

    assert v2.ClampBoundingBoxes()(boxes).tolist() == [[0, 2, 10, 8]]


def test_a_turned_box_is_the_box_around_the_turned_box():
    """torchvision's `v2.RandomRotation((45, 45))` turns the box [[40.0, 40.0, 60.0, 60.0]], "XYXY"
    on a canvas of 100 x 100, into an upright box of side about 28.3;
    `v2.RandomRotation((-45, -45))` turns that box into one of side about 40, not 20.

    So the boxes of rotated images are looser than those of the originals.
    """
    boxes = boxes_on([[40.0, 40.0, 60.0, 60.0]], canvas_size=(100, 100))

    turned = v2.RandomRotation((45, 45))(boxes)
    back = v2.RandomRotation((-45, -45))(turned)

    left, _, right, _ = turned[0].tolist()
    assert right - left == pytest.approx(28.28, abs=0.2)
    left, _, right, _ = back[0].tolist()
    assert right - left == pytest.approx(40, abs=0.3)


def test_one_mask_for_each_object_is_resized_at_once():
    """`torchvision.transforms.v2.Resize` of a bool `tv_tensors.Mask` with one mask per object, (N,
    H, W), keeps N and the dtype bool: `v2.Resize((1, 4))` turns the row [True, False] into [True,
    True, False, False].
    """
    masks = tv_tensors.Mask(torch.tensor([[[True, False]], [[False, True]]]))

    resized = v2.Resize((1, 4))(masks)

    assert resized.dtype == torch.bool
    assert resized.tolist() == [[[True, True, False, False]], [[False, False, True, True]]]


@pytest.mark.torch(">=2.2")
def test_a_detection_sample_goes_through_a_pipeline_as_a_whole():
    """torchvision's `v2.Compose([v2.Resize((16, 20))])`, called with a `tv_tensors.Image`
    and a dict of `tv_tensors.BoundingBoxes`, a `Mask` and labels, resizes image, boxes and
    mask alike and returns image and dict; it keeps the labels.
    """
    image = tv_tensors.Image(torch.zeros(3, 8, 10, dtype=torch.uint8))
    target = {
        "boxes": boxes_on([[2, 2, 6, 4]], canvas_size=(8, 10)),
        "masks": tv_tensors.Mask(torch.zeros(1, 8, 10, dtype=torch.bool)),
        "labels": torch.tensor([1]),
    }
    steps = v2.Compose([v2.Resize((16, 20)), v2.ToDtype(torch.float32, scale=True)])

    new_image, new_target = steps(image, target)

    assert new_image.shape == (3, 16, 20)
    assert new_image.dtype == torch.float32
    assert new_target["boxes"].tolist() == [[4, 4, 12, 8]]
    assert new_target["masks"].shape == (1, 16, 20)
    assert new_target["labels"].tolist() == [1]


@pytest.mark.torch(">=2.2")
def test_boxes_that_are_not_wrapped_stay_where_they_were():
    """`torchvision.transforms.v2.Resize` called on a `tv_tensors.Image` and a plain tensor of
    boxes together resizes the image and returns the boxes unchanged, without an error, although
    they may no longer fit the image.

    Wrap them in `tv_tensors.BoundingBoxes`, with their `format` and `canvas_size`.
    """
    image = tv_tensors.Image(torch.zeros(3, 8, 10))
    plain = torch.tensor([[2, 2, 6, 4]])

    new_image, new_boxes = v2.Resize((16, 20))(image, plain)

    assert new_image.shape == (3, 16, 20)
    assert new_boxes.tolist() == [[2, 2, 6, 4]]


def test_a_slice_of_boxes_is_a_plain_tensor():
    """Indexing `torchvision.tv_tensors.BoundingBoxes`, as in `boxes[1:]`, returns a plain
    tensor without format and canvas by default; `tv_tensors.wrap(boxes[1:], like=boxes)`
    gives them back.
    """
    boxes = boxes_on([[0, 0, 2, 2], [4, 3, 9, 5]], canvas_size=(8, 10))

    picked = boxes[1:]
    wrapped = tv_tensors.wrap(picked, like=boxes)

    assert type(picked) is torch.Tensor
    assert wrapped.format.value == "XYXY"
    assert wrapped.canvas_size == (8, 10)
    assert wrapped.tolist() == [[4, 3, 9, 5]]
