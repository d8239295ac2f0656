"""Boxes.

A box says where an object is in an image. In torchvision it is a row of four numbers, and the
boxes of an image are a tensor (N, 4). Detectors and most functions of `torchvision.ops` want the
format "xyxy": left, top, right and bottom edge, in pixels, x before y. Data sets often have
"xywh" (left, top, width, height), as COCO does, or "cxcywh" (centre and size), as YOLO does:
`box_convert` goes from one to the other.

How well two boxes agree is measured by intersection over union, IoU: 1 for equal boxes with an
area, 0 for boxes that share none. A detector predicts the same object many times; `nms` keeps the
best box of each heap and drops the ones that overlap it.

What surprises: a wrong format often raises nothing; `nms` returns indices instead of boxes, wants
floats, and knows nothing of classes: `batched_nms` does. How boxes go through transforms is on
`spec/vision/test_box_transforms.py`.
"""

import pytest
import torch
from torchvision import ops


@pytest.mark.parametrize(
    ("format", "row"),
    [
        ("xyxy", [1.0, 2.0, 5.0, 10.0]),
        ("xywh", [1.0, 2.0, 4.0, 8.0]),
        ("cxcywh", [3.0, 6.0, 4.0, 8.0]),
    ],
)
def test_a_box_has_three_common_formats(format, row):
    """`torchvision.ops.box_convert(boxes, in_fmt, out_fmt)` converts a tensor of boxes between
    "xyxy" (two corners), "xywh" (corner, size) and "cxcywh" (centre, size): [1, 2, 5, 10] in
    "xyxy" is [1, 2, 4, 8] in "xywh", [3, 6, 4, 8] in "cxcywh".
    """
    boxes = torch.tensor([[1.0, 2.0, 5.0, 10.0]])

    converted = ops.box_convert(boxes, "xyxy", format)

    assert converted.tolist() == [row]
    assert ops.box_convert(converted, format, "xyxy").tolist() == [[1.0, 2.0, 5.0, 10.0]]


def test_an_unknown_format_is_refused():
    """`torchvision.ops.box_convert(boxes, "xyxy", "XYWH")` raises ValueError, "Unsupported
    Bounding Box Conversions": this function takes the names of the formats in small letters.

    `tv_tensors.BoundingBoxes`, new in torchvision 0.16, takes the names in capitals and in small
    letters.
    """
    boxes = torch.tensor([[1.0, 2.0, 5.0, 10.0]])

    with pytest.raises(ValueError, match="Unsupported Bounding Box Conversions for given"):
        ops.box_convert(boxes, "xyxy", "XYWH")
    assert ops.box_convert(boxes, "xyxy", "xywh").tolist() == [[1.0, 2.0, 4.0, 8.0]]


def test_the_area_of_a_box_is_width_times_height():
    """`torchvision.ops.box_area(torch.tensor([[10.0, 20.0, 4.0, 25.0]]))` returns [-30]
    without an error: it reads the box as "xyxy", (4 - 10) * (25 - 20), not as "xywh", whose
    area would be 4 * 25 = 100.

    Four numbers don't tell their format. `ops.box_convert(boxes, "xywh", "xyxy")` converts them;
    torchvision 0.29 also takes `fmt="xywh"`.
    """
    corners = torch.tensor([[10.0, 20.0, 14.0, 25.0]])
    with_size = torch.tensor([[10.0, 20.0, 4.0, 25.0]])

    assert ops.box_area(corners).tolist() == [20.0]
    assert ops.box_area(with_size).tolist() == [-30.0]


def test_iou_is_the_shared_area_over_the_joint_area():
    """`torchvision.ops.box_iou` of float32 boxes divides the shared area by the area of the
    union: 1 for equal boxes of 2 x 2, 0 for boxes apart, and 1 / 7 for two 2 x 2 boxes that
    share one pixel; two boxes without area give nan.

    Because 0 is divided by 0 there: drop such boxes by
    `boxes[torchvision.ops.remove_small_boxes(boxes, min_size=1e-3)]`.
    """
    one = torch.tensor([[0.0, 0.0, 2.0, 2.0]])
    others = torch.tensor([[0.0, 0.0, 2.0, 2.0], [5.0, 5.0, 6.0, 6.0], [1.0, 1.0, 3.0, 3.0]])

    assert ops.box_iou(one, others)[0].tolist() == pytest.approx([1.0, 0.0, 1 / 7])
    nothing = torch.tensor([[2.0, 2.0, 2.0, 2.0]])
    assert ops.box_iou(nothing, nothing).isnan().tolist() == [[True]]


def test_iou_compares_each_box_with_each():
    """`iou = torchvision.ops.box_iou(boxes1, boxes2)` of 2 and 3 boxes is a matrix of shape
    (2, 3): `iou[i, j]` compares `boxes1[i]` with `boxes2[j]`, and the diagonal has only the
    pairs of equal index.
    """
    two = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 4.0, 4.0]])
    three = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 4.0, 2.0], [4.0, 4.0, 6.0, 6.0]])

    iou = ops.box_iou(two, three)

    assert iou.tolist() == [[1.0, 0.5, 0.0], [0.25, 0.5, 0.0]]
    assert iou.diagonal().tolist() == [1.0, 0.5]


def test_generalised_iou_tells_how_far_boxes_are_apart():
    """`torchvision.ops.generalized_box_iou` of two float32 boxes (1, 4), 1 x 1 pixels each and
    side by side, is 0 where they touch, -1 / 3 one pixel apart and -1 / 2 two pixels apart, while
    `ops.box_iou` is 0 for all three.

    So a loss made of it, `ops.generalized_box_iou_loss`, has a non-zero gradient for boxes apart;
    that of `1 - ops.box_iou` is 0.
    """
    box = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    apart = torch.tensor([[1.0, 0.0, 2.0, 1.0], [2.0, 0.0, 3.0, 1.0], [3.0, 0.0, 4.0, 1.0]])

    assert ops.box_iou(box, apart).tolist() == [[0.0, 0.0, 0.0]]
    assert ops.generalized_box_iou(box, apart)[0].tolist() == pytest.approx([0, -1 / 3, -0.5])


def test_a_loss_of_boxes_is_one_minus_the_generalised_iou():
    """`torchvision.ops.generalized_box_iou_loss` of two tensors of float32 boxes, with sides of
    1 to 1000 pixels, returns 1 - GIoU for each row, up to 1e-5; its default is
    `reduction="none"`, unlike that of `nn.MSELoss`, "mean".

    Because it adds `eps` to the areas that it divides by, two equal boxes without area give 1
    instead of nan.
    """
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]])
    target = torch.tensor([[0.0, 0.0, 2.0, 2.0], [3.0, 0.0, 4.0, 1.0]])

    loss = ops.generalized_box_iou_loss(boxes, target)

    assert loss.tolist() == pytest.approx([0.0, 1.5], abs=1e-5)
    assert ops.generalized_box_iou_loss(boxes, target, reduction="mean").item() == pytest.approx(
        0.75, abs=1e-5
    )


def test_nms_returns_the_indices_of_the_boxes_to_keep():
    """`keep = torchvision.ops.nms(boxes, scores, 0.5)` of float32 boxes and scores is a tensor of
    indices, highest score first: it leaves out a box whose IoU with a box kept before it exceeds
    0.5. The kept boxes are `boxes[keep]`.
    """
    boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0], [20.0, 20.0, 30.0, 30.0]])
    scores = torch.tensor([0.6, 0.9, 0.7])

    keep = ops.nms(boxes, scores, iou_threshold=0.5)

    assert keep.tolist() == [1, 2]
    assert boxes[keep].tolist() == [[0.0, 0.0, 10.0, 9.0], [20.0, 20.0, 30.0, 30.0]]


def test_nms_does_not_look_at_the_scores_alone():
    """`torchvision.ops.nms(boxes, scores, iou_threshold=0.5)` keeps a float32 box of score 0.01
    that overlaps no other: `iou_threshold` is compared with overlaps, not with scores. Drop boxes
    of low score yourself, `boxes[scores > 0.5]`.
    """
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [5.0, 5.0, 6.0, 6.0]])
    scores = torch.tensor([0.9, 0.01])

    keep = ops.nms(boxes, scores, 0.5)

    assert keep.tolist() == [0, 1]
    assert boxes[scores > 0.5].tolist() == [[0.0, 0.0, 1.0, 1.0]]


def test_a_higher_threshold_of_nms_keeps_more():
    """`iou_threshold` of `torchvision.ops.nms` is the overlap that is still allowed: the
    float32 boxes [0, 0, 2, 2] and [0, 0, 2, 4], of IoU 0.5, are both kept at 0.5 and at
    0.6, and one of them at 0.4.

    Because a box goes only if its IoU exceeds the threshold. Where coordinates have fractions,
    rounding may lift an IoU of exactly 0.5 above it.
    """
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 4.0]])
    scores = torch.tensor([0.9, 0.8])

    kept = [len(ops.nms(boxes, scores, threshold)) for threshold in (0.4, 0.5, 0.6)]

    assert kept == [1, 2, 2]


def test_nms_knows_nothing_of_classes():
    """Of three float32 boxes [0, 0, 2, 2] with scores 0.9, 0.8, 0.7 and classes 1, 2, 2,
    `torchvision.ops.nms` with the threshold 0.5 keeps only the first; `ops.batched_nms`, given the
    classes, keeps the first of each class.

    The third argument, `idxs`, can instead hold the number of each box's image: boxes of two
    images of a batch then don't suppress each other.
    """
    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 2.0]])
    scores = torch.tensor([0.9, 0.8, 0.7])
    classes = torch.tensor([1, 2, 2])

    assert ops.nms(boxes, scores, 0.5).tolist() == [0]
    assert ops.batched_nms(boxes, scores, classes, 0.5).tolist() == [0, 1]


def test_nms_wants_floats():
    """`torchvision.ops.nms(boxes, scores, 0.5)` of int64 boxes on the CPU raises
    RuntimeError, '"nms_kernel" not implemented for 'Long'', and of float16 boxes the same
    for 'Half'; with `boxes.float()` and float32 `scores` it works.

    Boxes read from a file of annotations are often integers.
    """
    boxes = torch.tensor([[0, 0, 2, 2], [0, 0, 2, 2]], device="cpu")
    scores = torch.tensor([0.5, 0.9])

    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        ops.nms(boxes, scores, 0.5)
    with pytest.raises(RuntimeError, match="not implemented for 'Half'"):
        ops.nms(boxes.half(), scores.half(), 0.5)
    assert ops.nms(boxes.float(), scores, 0.5).tolist() == [1]


@pytest.mark.parametrize(
    ("boxes", "scores", "words"),
    [
        (torch.zeros(4), torch.zeros(1), "boxes should be a 2d tensor, got 1D"),
        (torch.zeros(1, 5), torch.zeros(1), "boxes should have 4 elements in dimension 1, got 5"),
        (torch.zeros(1, 4), torch.zeros(2), "boxes and scores should have same number of elements"),
        (torch.zeros(1, 4), torch.zeros(1, 1), "scores should be a 1d tensor, got 2D"),
        (torch.zeros(1, 4), torch.zeros(1).double(), "dets should have the same type as scores"),
    ],
)
def test_nms_wants_a_row_of_four_and_a_score_for_each_box(boxes, scores, words):
    """`torchvision.ops.nms` of float32 boxes on the CPU raises RuntimeError if their shape is not
    (N, 4), or if the scores are float64 or have another shape than (N,). Boxes of shape (0, 4)
    with float32 scores of shape (0,) are fine.

    The messages name what is wrong, such as "boxes should have 4 elements in dimension 1, got 5".
    `nms` on CUDA does not compare the dtypes. On the CPU float16 scores raise RuntimeError too,
    except under `torch.autocast("cpu")`, where newer releases cast them to float32.
    """
    with pytest.raises(RuntimeError, match=words):
        ops.nms(boxes, scores, 0.5)
    none = ops.nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert none.tolist() == []


def test_boxes_are_clipped_to_height_and_width():
    """`torchvision.ops.clip_boxes_to_image(boxes, (6, 20))` of the "xyxy" boxes
    `boxes = torch.tensor([[-3.0, 1.0, 30.0, 9.0]])` gives [[0, 1, 20, 6]]: (6, 20) is
    height before width.

    Because sizes have the height first, while a box has x first.
    """
    boxes = torch.tensor([[-3.0, 1.0, 30.0, 9.0]])

    assert ops.clip_boxes_to_image(boxes, (6, 20)).tolist() == [[0.0, 1.0, 20.0, 6.0]]


def test_small_boxes_are_found_by_their_sides():
    """`torchvision.ops.remove_small_boxes(boxes, min_size=2)` of the "xyxy" boxes [[0, 0, 9,
    0], [0, 0, 2, 2], [0, 0, 1, 9]] returns `tensor([1])`, the index of the only box whose width
    and height are both at least 2.

    A torchvision detector in training refuses targets that have a box without width or height:
    keep `boxes[index]` and `labels[index]`, with the index returned here.
    """
    boxes = torch.tensor([[0.0, 0.0, 9.0, 0.0], [0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 9.0]])

    assert ops.remove_small_boxes(boxes, min_size=2).tolist() == [1]


def test_the_boxes_of_masks_end_on_the_last_pixel():
    """`torchvision.ops.masks_to_boxes` of masks (N, H, W), none of them all 0, returns
    "xyxy" boxes of the first and last column and row that are not all 0: a mask of one
    pixel has a box of width 0.

    Because the last pixel counts as the edge. Add 1 to right and bottom for a detector, which
    refuses boxes without width.
    """
    masks = torch.tensor([[[0, 1, 1], [0, 1, 0]], [[0, 0, 0], [1, 0, 0]]])

    assert ops.masks_to_boxes(masks).tolist() == [[1.0, 0.0, 2.0, 1.0], [0.0, 1.0, 0.0, 1.0]]


@pytest.mark.torch("<2.11")
def test_an_empty_mask_had_no_box():
    """Up to torchvision 0.25 `ops.masks_to_boxes` raised RuntimeError for a mask of zeros,
    "min(): Expected reduction dim to be specified for input.numel() == 0".

    Drop such masks before: `masks[(masks != 0).flatten(1).any(1)]`. Without `!= 0` the index from
    uint8 masks is uint8, which indexing takes with a warning that it is deprecated.
    """
    masks = torch.tensor([[[0, 0], [0, 0]], [[0, 1], [0, 1]]])
    seen = (masks != 0).flatten(1).any(1)

    with pytest.raises(RuntimeError, match=r"Expected reduction dim to be specified for input.num"):
        ops.masks_to_boxes(masks)
    assert ops.masks_to_boxes(masks[seen]).tolist() == [[1.0, 0.0, 1.0, 1.0]]


@pytest.mark.torch(">=2.11")
def test_an_empty_mask_has_a_box_of_zeros():
    """Since torchvision 0.26 `ops.masks_to_boxes` returns the box [0, 0, 0, 0] for a mask of
    zeros.

    In training the detectors of torchvision refuse that box in their targets. With
    `keep = (masks != 0).flatten(1).any(1)` take only `masks[keep]`, and their labels,
    `labels[keep]`. A mask one pixel wide or high also gives a box that is refused: its width or
    height is 0.
    """
    masks = torch.tensor([[[0, 0], [0, 0]], [[0, 1], [0, 1]]])
    seen = masks.flatten(1).any(1)

    assert ops.masks_to_boxes(masks).tolist() == [[0.0, 0.0, 0.0, 0.0], [1.0, 0.0, 1.0, 1.0]]
    assert ops.masks_to_boxes(masks[seen]).tolist() == [[1.0, 0.0, 1.0, 1.0]]


def test_focal_loss_counts_easy_elements_less():
    """torchvision's `ops.sigmoid_focal_loss(logits, targets, alpha=-1)` is, for targets 0.0 and
    1.0, the binary cross entropy times `(1 - p) ** 2`, up to rounding: a quarter of it for p =
    0.5. Here `p` is the probability of the right class.

    The default `alpha=0.25` multiplies the loss of positive targets by 0.25 and that of negative
    ones by 0.75.
    """
    logits, targets = torch.tensor([0.0, 0.0]), torch.tensor([1.0, 0.0])
    half = 0.6931  # -log 0.5

    plain = ops.sigmoid_focal_loss(logits, targets, alpha=-1)
    weighted = ops.sigmoid_focal_loss(logits, targets)

    assert plain.tolist() == pytest.approx([half / 4, half / 4], abs=1e-4)
    assert weighted.tolist() == pytest.approx([half / 16, half * 3 / 16], abs=1e-4)
