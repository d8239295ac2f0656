"""Models that return more than one tensor.

Most classifiers return logits (N, classes). Some models return more. Inception and GoogLeNet have
auxiliary heads: further classifiers on an inner layer, which help training and are dropped in
evaluation, so that in training mode the answer is a named tuple. Segmentation models return a dict
with logits of each pixel under "out".

What surprises: the same model answers with a tuple in training mode and with a tensor in evaluation
mode, so that a loop works in one and fails in the other; a loss refuses both tuple and dict; and
Inception wants images of 299 x 299. The nets on this page are built on the `meta` device, where
only shapes are computed. What detectors return is on `spec/vision/test_detection.py`.
"""

import pytest
import torch
import torch.nn.functional as F
from torchvision import models

pytestmark = pytest.mark.slow


def on_meta(build, **settings):
    with torch.device("meta"):
        return build(weights=None, **settings)


def images(n, height, width):
    return torch.empty(n, 3, height, width, device="meta")


def test_inception_returns_two_outputs_in_training():
    """`torchvision.models.inception_v3` in training mode, with its auxiliary head and 1000
    classes, returns `InceptionOutputs` for a batch (2, 3, 299, 299), a named tuple of
    `logits` and `aux_logits`, each (2, 1000): `logits, aux = net(x)`.

    The usual loss is `criterion(logits, y) + 0.4 * criterion(aux, y)`. A batch of one image
    raises ValueError: a BatchNorm of the head sees 1 x 1.
    """
    net = on_meta(models.inception_v3, init_weights=False)

    output = net(images(2, 299, 299))
    logits, aux = output

    assert type(output).__name__ == "InceptionOutputs"
    assert output._fields == ("logits", "aux_logits")
    assert logits.shape == aux.shape == (2, 1000)


def test_a_loss_refuses_the_pair():
    """For `output`, the `InceptionOutputs` of torchvision's `inception_v3`,
    `F.cross_entropy(output, y)` raises TypeError, `output.log_softmax(1)` AttributeError,
    "'InceptionOutputs' object has no attribute 'log_softmax'": pass `output.logits`.

    `output.argmax(1)` and `torch.max(output, 1)` fail alike. After `net.eval()` the output of
    the net is a tensor, which `F.cross_entropy` takes.
    """
    net = on_meta(models.inception_v3, init_weights=False)
    target = torch.zeros(2, dtype=torch.int64, device="meta")

    output = net(images(2, 299, 299))

    with pytest.raises(
        AttributeError, match="'InceptionOutputs' object has no attribute 'log_soft"
    ):
        output.log_softmax(1)
    with pytest.raises(TypeError, match="must be Tensor, not InceptionOutputs"):
        F.cross_entropy(output, target)
    with pytest.raises(AttributeError, match="'InceptionOutputs' object has no attribute 'argmax'"):
        output.argmax(1)
    assert F.cross_entropy(output.logits, target).shape == ()


def test_inception_returns_one_tensor_in_evaluation():
    """After `net.eval()` a `net` made by `torchvision.models.inception_v3` returns the
    logits alone, a tensor (N, classes).

    The auxiliary head is not even computed.
    """
    net = models.inception_v3(weights=None, init_weights=False, num_classes=3).eval()

    with torch.no_grad():
        output = net(torch.rand(1, 3, 75, 75))

    assert type(output) is torch.Tensor
    assert output.shape == (1, 3)


@pytest.mark.slow
def test_without_auxiliary_heads_there_is_one_output():
    """`torchvision.models.inception_v3` and `models.googlenet`, made with `weights=None`
    and `aux_logits=False`, have no auxiliary heads: both return a tensor in training mode
    too.

    Together with pretrained weights, `aux_logits=False` raises ValueError: those have the
    heads.
    """
    inception = on_meta(models.inception_v3, init_weights=False, aux_logits=False)
    googlenet = on_meta(models.googlenet, init_weights=False, aux_logits=False)

    x = images(2, 224, 224)

    assert (inception.training, inception.AuxLogits) == (True, None)
    assert (googlenet.training, googlenet.aux1) == (True, None)
    assert inception(x).shape == (2, 1000)
    assert googlenet(x).shape == (2, 1000)


def test_googlenet_returns_three_outputs_in_training():
    """`torchvision.models.googlenet` in training mode, with its auxiliary heads, returns
    `GoogLeNetOutputs` of three tensors: `logits`, `aux_logits2` and `aux_logits1`.
    """
    net = on_meta(models.googlenet, init_weights=False)

    output = net(images(2, 224, 224))

    assert output._fields == ("logits", "aux_logits2", "aux_logits1")
    assert [each.shape for each in output] == [(2, 1000), (2, 1000), (2, 1000)]


@pytest.mark.slow
def test_both_heads_of_inception_are_replaced():
    """For 5 classes, `net = torchvision.models.inception_v3(weights=None)` needs a new `net.fc`
    and a new `net.AuxLogits.fc`: with a new `net.fc` alone, the output in training mode has
    `logits` for 5 classes and `aux_logits` for 1000.

    With `weights=None` the argument `num_classes=5` makes both heads for 5 classes.
    """
    net = on_meta(models.inception_v3, init_weights=False)
    net.fc = torch.nn.Linear(net.fc.in_features, 5, device="meta")

    before = net(images(2, 299, 299))
    net.AuxLogits.fc = torch.nn.Linear(net.AuxLogits.fc.in_features, 5, device="meta")
    after = net(images(2, 299, 299))

    assert [each.shape for each in before] == [(2, 5), (2, 1000)]
    assert [each.shape for each in after] == [(2, 5), (2, 5)]


@pytest.mark.slow
def test_inception_wants_large_images():
    """`torchvision.models.inception_v3` with its auxiliary head raises RuntimeError in training
    mode for images of 64 x 64, "Calculated output size: (768x0x0). Output size is too small": the
    model was made for 299 x 299.

    The auxiliary head pools a map that is 17 x 17 for 299. Resize the images. Without the head 75 x
    75 is the smallest size: in evaluation mode, or with `aux_logits=False`, which in training mode
    needs a batch of two or more for 75 x 75.
    """
    net = on_meta(models.inception_v3, init_weights=False)

    with pytest.raises(RuntimeError, match=r"Calculated output size: \(768x0x0\). Output size is"):
        net(images(2, 64, 64))
    large = net(images(2, 299, 299))
    assert large.logits.shape == (2, 1000)


def test_a_vision_transformer_takes_one_size_of_image():
    """`torchvision.models.vit_b_16()`, without `weights` and `image_size`, takes images of
    224 x 224: for 256 x 256 it raises AssertionError, "Wrong image height! Expected 224 but
    got 256!"

    It checks the size because it has a learned position for each of its 14 x 14 patches. Resize
    the images, or make the model with `image_size=256` (a multiple of the patch size, 16):
    `weights="IMAGENET1K_V1"` does not fit that size and raises ValueError.
    """
    net = on_meta(models.vit_b_16).eval()

    assert net(images(1, 224, 224)).shape == (1, 1000)
    with pytest.raises(AssertionError, match="Wrong image height! Expected 224 but got 256!"):
        net(images(1, 256, 256))
    with pytest.raises(ValueError, match="'image_size' expected value 224 but got 256 instead"):
        models.vit_b_16(weights="IMAGENET1K_V1", image_size=256)


@pytest.mark.slow
def test_a_batch_of_one_is_too_small_for_some_models():
    """`torchvision.models.segmentation.deeplabv3_mobilenet_v3_large` in training mode raises
    ValueError for a batch of one image, "Expected more than 1 value per channel when training":
    one of its BatchNorm layers gets 1 x 1 pixel.

    `DataLoader(data, batch_size=2, drop_last=True)` leaves out a last batch of one image. With the
    default `batch_size=1` every batch is of one image, and `drop_last=True` leaves out none.
    """
    net = on_meta(models.segmentation.deeplabv3_mobilenet_v3_large, weights_backbone=None)

    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        net(images(1, 64, 64))
    output = net(images(2, 64, 64))
    assert output["out"].shape == (2, 21, 64, 64)


def test_a_segmentation_model_returns_a_dict():
    """With `net = torchvision.models.segmentation.lraspp_mobilenet_v3_large(weights_backbone=None,
    num_classes=5)` and images (2, 3, 64, 48), `net(images)` is a dict whose "out" has logits of
    shape (2, 5, 64, 48): as high and wide as the images.

    `net(images)["out"].argmax(1)` has the class of each pixel, in shape (N, H, W).
    """
    net = on_meta(
        models.segmentation.lraspp_mobilenet_v3_large, weights_backbone=None, num_classes=5
    )

    output = net(images(2, 64, 48))

    assert list(output) == ["out"]
    assert output["out"].shape == (2, 5, 64, 48)
    assert output["out"].argmax(1).shape == (2, 64, 48)


def test_a_loss_refuses_the_dict():
    """For `net = lraspp_mobilenet_v3_large(weights_backbone=None)` of torchvision,
    `F.cross_entropy(net(x), masks)` raises TypeError, "must be Tensor, not
    collections.OrderedDict": write `net(x)["out"]`; `masks` are int64 class indices (N, H, W).
    """
    net = on_meta(
        models.segmentation.lraspp_mobilenet_v3_large, weights_backbone=None, num_classes=5
    )
    masks = torch.zeros(2, 64, 48, dtype=torch.int64, device="meta")

    output = net(images(2, 64, 48))

    with pytest.raises(TypeError, match=r"must be Tensor, not collections.OrderedDict"):
        F.cross_entropy(output, masks)
    logits = output["out"]
    assert logits.argmax(dim=1).shape == masks.shape == (2, 64, 48)


def test_the_dict_of_a_segmentation_has_no_argmax():
    """`net(x).argmax(dim=1)` of torchvision's `lraspp_mobilenet_v3_large` raises
    AttributeError, "'collections.OrderedDict' object has no attribute 'argmax'"; write
    `net(x)["out"].argmax(dim=1)`, the class of each pixel.
    """
    net = on_meta(
        models.segmentation.lraspp_mobilenet_v3_large, weights_backbone=None, num_classes=5
    )

    output = net(images(2, 64, 48))

    with pytest.raises(AttributeError, match="OrderedDict' object has no attribute 'argmax'"):
        output.argmax(dim=1)
    assert output["out"].argmax(dim=1).shape == (2, 64, 48)


@pytest.mark.slow
def test_the_auxiliary_output_of_segmentation_stays_in_evaluation():
    """The model `torchvision.models.segmentation.fcn_resnet50(weights_backbone=None,
    aux_loss=True)` returns a dict with the keys "out" and "aux", in evaluation mode too;
    without `aux_loss=True` only "out".

    `weights=` with pretrained weights of the whole model turns `aux_loss` on; `weights_backbone=`
    doesn't.
    """
    plain = on_meta(models.segmentation.fcn_resnet50, weights_backbone=None)
    net = on_meta(models.segmentation.fcn_resnet50, weights_backbone=None, aux_loss=True)

    x = images(2, 64, 48)

    assert list(plain(x)) == ["out"]
    assert list(net(x)) == ["out", "aux"]
    assert list(net.eval()(x)) == ["out", "aux"]


def test_the_classes_of_a_segmentation_include_the_background():
    """`net = torchvision.models.segmentation.fcn_resnet50(weights=None, weights_backbone=None)`
    has 21 classes (in the published weights 0 is the background, 1 to 20 are Pascal VOC's). For 2
    classes: `net.classifier[4] = nn.Conv2d(512, 2, 1)`.

    With `aux_loss=True`, which the published weights imply, replace the second classifier too:
    `net.aux_classifier[4] = nn.Conv2d(256, 2, 1)`.
    """
    net = on_meta(models.segmentation.fcn_resnet50, weights_backbone=None)

    published = models.segmentation.FCN_ResNet50_Weights.DEFAULT.meta["categories"]

    assert net.classifier[4].out_channels == 21
    assert (len(published), published[0]) == (21, "__background__")
    net.classifier[4] = torch.nn.Conv2d(512, 2, kernel_size=1, device="meta")
    assert net(images(2, 64, 48))["out"].shape == (2, 2, 64, 48)
