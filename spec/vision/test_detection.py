"""Training a detector.

A detector answers with boxes, a class and a score for each. The ones in
`torchvision.models.detection`, such as Faster R-CNN, RetinaNet and SSD, are called in one way: a
list of images, which may be of different sizes, and in training a list of targets, one dict for
each image: `boxes` in pixels as (N, 4) "xyxy", `labels` as (N,) int64, for Mask R-CNN `masks` too.

In training mode the answer is a dict of losses, which one adds up; in evaluation mode it is one
dict of `boxes`, `labels` and `scores` per image. The model resizes and normalises the images
itself.

What surprises: there is no separate loss function; class 0 of a Faster R-CNN is the background, so
that two kinds of objects need `num_classes=3`; a box without width stops the training; and images
of different sizes can't be stacked, so the loader needs a `collate_fn`
(`spec/data/test_collating.py`). The net on this page is a Faster R-CNN on a backbone of one
convolution.
"""

import inspect

import pytest
import torch
from torch import nn
from torchvision.models import WeightsEnum, detection
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor
from torchvision.ops import MultiScaleRoIAlign


def small_detector(num_classes=3):
    backbone = nn.Sequential(nn.Conv2d(3, 4, 3, stride=8, padding=1))
    backbone.out_channels = 4
    return FasterRCNN(
        backbone,
        num_classes,
        min_size=32,
        max_size=64,
        rpn_anchor_generator=AnchorGenerator(((16,),), ((1.0,),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], 2, 2),
    )


def small_mask_detector():
    backbone = nn.Sequential(nn.Conv2d(3, 4, 3, stride=8, padding=1))
    backbone.out_channels = 4
    return MaskRCNN(
        backbone,
        num_classes=3,
        min_size=32,
        max_size=64,
        rpn_anchor_generator=AnchorGenerator(((16,),), ((1.0,),)),
        box_roi_pool=MultiScaleRoIAlign(["0"], 2, 2),
        mask_roi_pool=MultiScaleRoIAlign(["0"], 4, 2),
    )


def target(boxes=((0.0, 0.0, 16.0, 16.0),), labels=(1,)):
    return {"boxes": torch.tensor(boxes), "labels": torch.tensor(labels)}


def test_in_training_a_detector_returns_its_losses():
    """In training mode a `FasterRCNN`, called with images and targets, returns a dict of four
    losses; `sum(losses.values()).backward()` computes the gradients of the parameters that require
    grad.

    A `MaskRCNN`, a subclass, returns a fifth loss, `loss_mask`.
    """
    net = small_detector()

    losses = net([torch.rand(3, 32, 32)], [target()])
    sum(losses.values()).backward()

    assert set(losses) == {
        "loss_classifier",
        "loss_box_reg",
        "loss_objectness",
        "loss_rpn_box_reg",
    }
    gradients = [each.grad is not None for each in net.parameters()]
    assert set(gradients) == {True}


def test_in_evaluation_a_detector_returns_what_it_found():
    """In evaluation mode a `torchvision.models.detection.FasterRCNN` returns one dict per image:
    `boxes` (N, 4) in pixels of that image, `labels` (N,) and `scores` (N,), the highest score
    first.

    Low scores are among them; keep `boxes[scores > 0.5]`.
    """
    net = small_detector().eval()

    first, second = net([torch.rand(3, 32, 32), torch.rand(3, 40, 50)])

    n = len(first["boxes"])
    assert first["boxes"].shape == (n, 4)
    assert first["labels"].shape == first["scores"].shape == (n,)
    assert first["scores"].equal(first["scores"].sort(descending=True).values)
    _, _, right, bottom = second["boxes"].amax(0).tolist()
    assert [right <= 50, bottom <= 40] == [True, True]


def test_losses_and_answers_do_not_come_together():
    """A `FasterRCNN` in evaluation mode returns detections and no losses, even if it is
    given targets; in training mode, given images and targets, it returns the losses, also
    under `torch.no_grad()`.

    So a validation loss is computed in training mode. There `nn.BatchNorm2d` layers update their
    statistics even under `torch.no_grad()`. The backbone of the pretrained
    `fasterrcnn_resnet50_fpn` has `FrozenBatchNorm2d` instead; `fasterrcnn_resnet50_fpn_v2` has
    `nn.BatchNorm2d`.
    """
    net = small_detector()
    images, targets = [torch.rand(3, 32, 32)], [target()]

    with torch.no_grad():
        losses = net(images, targets)
        answers = net.eval()(images, targets)

    assert losses["loss_classifier"].requires_grad is False
    assert set(answers[0]) == {"boxes", "labels", "scores"}


def test_mask_rcnn_answers_with_a_mask_for_each_object():
    """In evaluation mode a `MaskRCNN`, such as `maskrcnn_resnet50_fpn`, returns for each image,
    beside boxes, labels and scores, `masks` of shape (N, 1, H, W): floats from 0 to 1, one mask
    per object found, as large as the image.

    They are probabilities: `masks[:, 0] > 0.5` makes N binary masks (H, W) of them, for
    `torchvision.utils.draw_segmentation_masks`.
    """
    net = small_mask_detector().eval()

    with torch.no_grad():
        (found,) = net([torch.rand(3, 40, 50)])

    n = len(found["scores"])
    assert bool(n) is True
    assert found["masks"].shape == (n, 1, 40, 50)
    assert found["masks"].dtype == torch.float32
    assert found["masks"].amin().item() == 0.0  # outside of the box of the object
    assert found["masks"].amax().item() <= 1.0
    binary = found["masks"][:, 0] > 0.5
    assert binary.shape == (n, 40, 50)


def test_mask_rcnn_learns_from_a_mask_for_each_box():
    """In training a `MaskRCNN` wants `masks` of shape (N, H, W) in each target, one per box, and
    returns a fifth loss, `loss_mask`; without them it raises ValueError, "Every element of targets
    should have a masks key".

    Let each pixel of `image` (H, W) hold the number of its object, and let `numbers` be a vector
    of these numbers in the order of the boxes: then `image == numbers[:, None, None]` gives such
    masks. Count them: one mask for two boxes may raise nothing.
    """
    net, images = small_mask_detector(), [torch.rand(3, 32, 32)]
    image = torch.zeros(32, 32, dtype=torch.int64)
    image[:16, :16] = 7
    masks = image == torch.tensor([7])[:, None, None]

    losses = net(images, [{**target(), "masks": masks}])

    assert masks.shape == (1, 32, 32)
    assert len(losses) == 5
    assert losses["loss_mask"].requires_grad is True
    with pytest.raises(ValueError, match="Every element of targets should have a masks key"):
        net(images, [target()])


def test_training_wants_targets():
    """A `FasterRCNN` called without targets in training mode raises AssertionError, "targets
    should not be none when in training mode"; call `net.eval()` to predict."""
    net = small_detector()

    images = [torch.rand(3, 32, 32)]

    with pytest.raises(AssertionError, match="targets should not be none when in training mode"):
        net(images)
    assert len(net.eval()(images)) == 1


def test_images_come_as_a_list():
    """In evaluation mode a `FasterRCNN` takes a list of float32 images (3, H, W), which may differ
    in size; a single image (3, H, W) that is not in a list raises ValueError, "images is expected
    to be a list of 3d tensors".

    The images may differ in size, because the model scales and pads them itself. A batch (N, C, H,
    W) is taken as a list of N images.
    """
    net = small_detector().eval()
    image = torch.rand(3, 32, 32)

    with pytest.raises(ValueError, match="images is expected to be a list of 3d tensors of shape"):
        net(image)
    assert len(net([image])) == 1
    assert len(net(image.unsqueeze(0))) == 1


def test_images_are_floats_from_zero_to_one():
    """In evaluation mode a `FasterRCNN` called with a list of one uint8 image of shape (3, H, W)
    raises TypeError, "Expected input images to be of floating type (in range [0, 1])"; write
    `image / 255`.

    Don't normalise by mean and deviation: the model does that itself.
    """
    net = small_detector().eval()
    image = torch.zeros(3, 32, 32, dtype=torch.uint8)

    with pytest.raises(TypeError, match="Expected input images to be of floating type"):
        net([image])
    image = image / 255
    assert len(net([image])) == 1
    assert net.transform.image_mean == [0.485, 0.456, 0.406]


def test_a_box_has_width_and_height():
    """A target box [5, 5, 5, 9], without width, raises AssertionError in the training of a
    `FasterRCNN`, "All bounding boxes should have positive height and width"; so does [20, 20,
    8, 8], meant as "xywh" and read as "xyxy".

    The message shows the box as resized. A box in "xywh" that is wider than its x and higher
    than its y raises nothing: convert with `torchvision.ops.box_convert(boxes, "xywh", "xyxy")`
    before.
    """
    net, images = small_detector(), [torch.rand(3, 32, 32)]
    line, with_size = ((5.0, 5.0, 5.0, 9.0),), ((20.0, 20.0, 8.0, 8.0),)

    for boxes in (line, with_size):
        with pytest.raises(
            AssertionError, match="All bounding boxes should have positive height and width"
        ):
            net(images, [target(boxes)])
    losses = net(images, [target(((20.0, 20.0, 28.0, 28.0),))])
    assert len(losses) == 4
    unnoticed = net(images, [target(((1.0, 1.0, 8.0, 8.0),))])  # meant as x, y, width, height
    assert len(unnoticed) == 4


def test_the_boxes_of_an_image_are_a_matrix():
    """Target boxes of shape (4,) raise AssertionError in the training of a `FasterRCNN`,
    "Expected target boxes to be a tensor of shape [N, 4], got torch.Size([4])"; for one box
    write `torch.tensor([[x1, y1, x2, y2]])`.
    """
    net, images = small_detector(), [torch.rand(3, 32, 32)]

    with pytest.raises(AssertionError, match="Expected target boxes to be a tensor of shape"):
        net(images, [target((0.0, 0.0, 16.0, 16.0))])
    with pytest.raises(AssertionError, match="Expected target boxes to be of type Tensor, got"):
        net(images, [{"boxes": [[0.0, 0.0, 16.0, 16.0]], "labels": torch.tensor([1])}])
    losses = net(images, [target(((0.0, 0.0, 16.0, 16.0),))])
    assert len(losses) == 4


def test_an_image_without_objects_has_an_empty_target():
    """For a `FasterRCNN` in training the target of an image without objects has `boxes` of
    shape (0, 4) and int64 `labels` of shape (0,); of a batch of this image alone
    `loss_box_reg` is 0. Boxes `torch.tensor([])` raise AssertionError.

    Write `torch.zeros(0, 4)` and `torch.zeros(0, dtype=torch.int64)`.
    """
    net, images = small_detector(), [torch.rand(3, 32, 32)]
    nothing = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}

    losses = net(images, [nothing])

    assert losses["loss_box_reg"].item() == 0.0
    with pytest.raises(AssertionError, match=r"of shape \[N, 4\], got torch.Size\(\[0\]\)"):
        net(images, [{**nothing, "boxes": torch.tensor([])}])


def test_labels_are_int64():
    """Target labels of int32 raise TypeError in the training of a `FasterRCNN`, "target labels
    must of int64 type, instead got torch.int32"; write `labels.long()`."""
    net, images = small_detector(), [torch.rand(3, 32, 32)]
    labels = torch.tensor([1], dtype=torch.int32)

    with pytest.raises(
        TypeError, match=r"target labels must of int64 type, instead got torch.int3"
    ):
        net(images, [{**target(), "labels": labels}])
    losses = net(images, [{**target(), "labels": labels.long()}])
    assert len(losses) == 4


def test_class_zero_is_the_background():
    """`num_classes` of a `FasterRCNN` counts the background, class 0: with `num_classes=3` labels
    are 1 and 2, and in training label 3 raises IndexError, "Target 3 is out of bounds", on the CPU.

    A target whose boxes all have label 0 raises nothing: they count as background, and
    `loss_box_reg` is 0. `RetinaNet` and `FCOS` take label 0 for a class like any other.
    """
    net, images = small_detector(num_classes=3), [torch.rand(3, 32, 32)]

    background = net(images, [target(labels=(0,))])

    second = net(images, [target(labels=(2,))])

    assert background["loss_box_reg"].item() == 0.0
    assert bool(second["loss_box_reg"]) is True
    with pytest.raises(IndexError, match="Target 3 is out of bounds"):
        net(images, [target(labels=(3,))])


def test_a_target_names_boxes_and_labels():
    """A `FasterRCNN` in training mode raises KeyError, 'labels', for a target that has valid
    `boxes` but no `labels`; further keys that it doesn't read, such as `image_id` and `area`,
    which COCO's evaluation uses, are allowed.
    """
    net, images = small_detector(), [torch.rand(3, 32, 32)]

    with pytest.raises(KeyError, match="labels"):
        net(images, [{"boxes": torch.tensor([[0.0, 0.0, 16.0, 16.0]])}])
    losses = net(images, [{**target(), "image_id": 7, "area": torch.tensor([256.0])}])
    assert len(losses) == 4


def test_the_model_resizes_the_images():
    """A `FasterRCNN` with `min_size=32` and `max_size=64` resizes a 16 x 20 image to 32 x
    40, so that the shorter side is 32, and a 16 x 128 image to 8 x 64, because the longer
    side may only be 64. Target boxes are scaled along.

    Then it pads the batch; answers are scaled back. Sizes are rounded down: (40, 51)
    becomes (32, 40). The default is `min_size=800`, so that a small image costs about as
    much as a large one.
    """
    net = small_detector()

    images, targets = net.transform([torch.rand(3, 16, 20)], [target(((0.0, 0.0, 8.0, 8.0),))])

    assert images.image_sizes == [(32, 40)]
    assert images.tensors.shape == (1, 3, 32, 64)
    assert targets[0]["boxes"].tolist() == [[0.0, 0.0, 16.0, 16.0]]
    long, _ = net.transform([torch.rand(3, 16, 128)])
    assert long.image_sizes == [(8, 64)]
    odd, _ = net.transform([torch.rand(3, 40, 51)])
    assert odd.image_sizes == [(32, 40)]


def test_the_head_of_a_detector_is_replaced_for_ones_own_classes():
    """`net.roi_heads.box_predictor = FastRCNNPredictor(in_features, num_classes)` gives a
    `FasterRCNN` `net` a head for other classes; `in_features` is the
    `net.roi_heads.box_predictor.cls_score.in_features` of the old head.

    The new head has one score and four box offsets per class, background included.
    """
    net = small_detector()
    in_features = net.roi_heads.box_predictor.cls_score.in_features

    net.roi_heads.box_predictor = FastRCNNPredictor(in_features, num_classes=5)

    assert in_features == 1024
    assert net.roi_heads.box_predictor.cls_score.out_features == 5
    assert net.roi_heads.box_predictor.bbox_pred.out_features == 20


def test_a_backbone_tells_its_channels():
    """`FasterRCNN(backbone, num_classes=2)` with
    `backbone = nn.Sequential(nn.Conv2d(3, 4, 3, stride=8))` raises ValueError, "backbone should
    contain an attribute out_channels"; after `backbone.out_channels = 4` the same call passes.

    The default anchors are for five feature maps: to run this net on images, pass an
    `AnchorGenerator` with one tuple of sizes as `rpn_anchor_generator`.
    """
    backbone = nn.Sequential(nn.Conv2d(3, 4, 3, stride=8))

    with pytest.raises(ValueError, match="backbone should contain an attribute out_channels"):
        FasterRCNN(backbone, num_classes=2)
    backbone.out_channels = 4
    net = FasterRCNN(backbone, num_classes=2)
    assert net.roi_heads.box_predictor.cls_score.out_features == 2


def test_weights_of_the_detector_and_of_its_backbone_are_asked_for_apart(monkeypatch):
    """`fasterrcnn_resnet50_fpn(weights=None)` still loads pretrained weights for its backbone, by
    a download if they are not in the cache;
    `fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None)` loads no weights at all.

    The default of `weights_backbone` is `ResNet50_Weights.IMAGENET1K_V1`.
    """

    def refuse(weights, *_, **__):
        raise KeyError(str(weights))

    settings = inspect.signature(detection.fasterrcnn_resnet50_fpn).parameters
    monkeypatch.setattr(WeightsEnum, "get_state_dict", refuse)

    assert settings["weights"].default is None
    assert str(settings["weights_backbone"].default) == "ResNet50_Weights.IMAGENET1K_V1"
    with torch.device("meta"), pytest.raises(KeyError, match="IMAGENET1K_V1"):
        detection.fasterrcnn_resnet50_fpn(weights=None)
    with torch.device("meta"):
        net = detection.fasterrcnn_resnet50_fpn(weights=None, weights_backbone=None, num_classes=2)
    assert net.roi_heads.box_predictor.cls_score.out_features == 2
