"""Drawing boxes and masks.

To look at what a detector found, draw it: `torchvision.utils.draw_bounding_boxes(image, boxes)` and
`draw_segmentation_masks(image, masks)` return an image tensor (C, H, W), which is shown or saved
like any other (`spec/data/test_image_batches.py`).

What surprises: channels come first; without `colors` each box gets a colour of its own, and that
of the first is black; boxes are "xyxy"; masks are bool, one for each object, and a map of class
numbers has to be taken apart first.
"""

import pytest
import torch
from torchvision.utils import draw_bounding_boxes, draw_segmentation_masks


def black(height=4, width=4):
    return torch.zeros(3, height, width, dtype=torch.uint8)


def test_a_box_is_drawn_as_a_frame():
    """`draw_bounding_boxes(image, torch.tensor([[1, 1, 3, 3]]), colors="red")` of a uint8 image of
    shape (3, 4, 4) returns a new image with a red frame one pixel wide from row and column 1 to 3;
    `image` itself stays as it was.
    """
    image = black()

    drawn = draw_bounding_boxes(image, torch.tensor([[1, 1, 3, 3]]), colors="red")

    assert drawn[0].tolist() == [
        [0, 0, 0, 0],
        [0, 255, 255, 255],
        [0, 255, 0, 255],
        [0, 255, 255, 255],
    ]
    assert image.max().item() == 0


def test_a_box_upside_down_is_refused():
    """torchvision's `draw_bounding_boxes(image, torch.tensor([[2, 2, 1, 1]]))` of a uint8 image
    (3, 4, 4) raises ValueError, "Boxes need to be in (xmin, ymin, xmax, ymax) format", as xmin is
    2 and xmax 1. `ops.box_convert` converts boxes.

    A box in "xywh" is refused only if the width is smaller than x, or the height than y.
    """
    boxes = torch.tensor([[1, 1, 2, 2]])

    with pytest.raises(ValueError, match=r"Boxes need to be in \(xmin, ymin, xmax, ymax\) format"):
        draw_bounding_boxes(black(), torch.tensor([[2, 2, 1, 1]]))
    assert draw_bounding_boxes(black(), boxes).shape == (3, 4, 4)


def test_channels_last_cannot_be_drawn_on():
    """`torchvision.utils.draw_bounding_boxes` of a uint8 image (4, 5, 3), channels last,
    raises ValueError, "Only grayscale and RGB images are supported"; write
    `image.permute(2, 0, 1)`.

    Because the first dimension, 4, is taken for the channels, of which there are 1 or 3. An image
    1 or 3 pixels high and channels last raises nothing.
    """
    image = torch.zeros(4, 5, 3, dtype=torch.uint8)
    boxes = torch.tensor([[1, 1, 3, 3]])

    with pytest.raises(ValueError, match="Only grayscale and RGB images are supported"):
        draw_bounding_boxes(image, boxes)
    assert draw_bounding_boxes(image.permute(2, 0, 1), boxes).shape == (3, 4, 5)
    assert draw_bounding_boxes(image[:3], boxes).shape == (3, 5, 3)


def test_a_batch_is_not_drawn_on():
    """`draw_bounding_boxes` of a uint8 batch (N, C, H, W) raises ValueError, "Pass individual
    images, not batches": pass one image (C, H, W).
    """
    boxes = torch.tensor([[1, 1, 3, 3]])

    with pytest.raises(ValueError, match="Pass individual images, not batches"):
        draw_bounding_boxes(black().unsqueeze(0), boxes)
    assert draw_bounding_boxes(black(), boxes).shape == (3, 4, 4)


def test_no_boxes_leave_the_image():
    """`draw_bounding_boxes` of a uint8 image of shape (3, H, W) and boxes of shape (0, 4) gives a
    UserWarning, "boxes doesn't contain any box", and returns the image itself.

    An image on which a detector found nothing is no error: the warning can be ignored.
    """
    image = black()

    with pytest.warns(UserWarning, match="boxes doesn't contain any box"):
        drawn = draw_bounding_boxes(image, torch.zeros(0, 4))

    assert drawn is image
    assert drawn.max().item() == 0


def test_labels_come_one_for_each_box():
    """On a uint8 `image`, `draw_bounding_boxes(image, boxes, labels=["cat"], colors="red")` of one
    box [1, 15, 30, 35] writes "cat" inside the frame, at its upper left; two labels raise
    ValueError, "Number of boxes (1) and labels (2) mismatch".
    """
    boxes = torch.tensor([[1, 15, 30, 35]])

    with pytest.raises(ValueError, match=r"Number of boxes \(1\) and labels \(2\) mismatch"):
        draw_bounding_boxes(black(40, 40), boxes, labels=["cat", "dog"])
    plain = draw_bounding_boxes(black(40, 40), boxes, colors="red")
    named = draw_bounding_boxes(black(40, 40), boxes, colors="red", labels=["cat"])
    assert named.count_nonzero().item() > plain.count_nonzero().item() == 98
    left, top, right, bottom = boxes[0].tolist()
    outside = named != plain
    outside[:, top:bottom, left:right] = False
    assert outside.any().item() is False


def test_a_mask_is_laid_over_the_image():
    """`draw_segmentation_masks(image, mask, alpha=0.8, colors=["red"])` mixes 0.8 of the colour
    with 0.2 of the image where the bool mask is True: in a uint8 (3, H, W) image of 100 red
    becomes 224, green and blue 20.
    """
    image = torch.full((3, 1, 2), 100, dtype=torch.uint8)
    mask = torch.tensor([[True, False]])

    drawn = draw_segmentation_masks(image, mask, alpha=0.8, colors=["red"])

    assert drawn.tolist() == [[[224, 100]], [[20, 100]], [[20, 100]]]


def test_class_numbers_are_no_masks():
    """`draw_segmentation_masks(image, classes)` of a uint8 RGB image and an int64 (H, W) map of 3
    classes raises ValueError, "The masks must be of dtype bool. Got torch.int64"; the masks
    `classes == torch.arange(3)[:, None, None]` are drawn.
    """
    classes = torch.tensor([[0, 1], [2, 1]])
    masks = classes == torch.arange(3)[:, None, None]

    with pytest.raises(ValueError, match=r"The masks must be of dtype bool. Got torch.int64"):
        draw_segmentation_masks(black(2, 2), classes)
    assert masks.tolist()[1] == [[False, True], [False, True]]
    assert draw_segmentation_masks(black(2, 2), masks).shape == (3, 2, 2)
