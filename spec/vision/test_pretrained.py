"""Pretrained weights and what belongs to them.

torchvision's models come with weights that were trained on ImageNet, COCO and others. Each set is a
member of an enum, such as `ResNet18_Weights.IMAGENET1K_V1`, which knows more than the file: the
names of the classes in `meta["categories"]` and, in `transforms()`, how the images were prepared.

The well-known numbers mean [0.485, 0.456, 0.406] and std [0.229, 0.224, 0.225] are those of the
red, green and blue pixels of ImageNet, scaled to [0, 1]. A net that was trained with them needs
them at prediction; a net trained from random weights does not.

What surprises: two sets of weights of one model can want different image sizes; weights are passed
by keyword; detectors and segmentation models normalise differently. Loading, replacing the head and
the old `pretrained=True` are on `spec/training/test_finetuning.py`.
"""

import pytest
import torch
from torchvision import models, transforms


def test_the_numbers_of_imagenet_belong_to_the_weights():
    """`torchvision.models.ResNet18_Weights.DEFAULT.transforms()` has ImageNet's mean [0.485,
    0.456, 0.406] and std [0.229, 0.224, 0.225].

    A pretrained net expects inputs normalised by the numbers it was trained with, also for
    pictures of your own. Most weights of torchvision's classifiers share these;
    `EfficientNet_V2_L_Weights` has 0.5 for all six.
    """
    prepare = models.ResNet18_Weights.DEFAULT.transforms()

    assert prepare.mean == [0.485, 0.456, 0.406]
    assert prepare.std == [0.229, 0.224, 0.225]


def test_normalising_by_imagenets_numbers_is_a_subtraction_and_a_division():
    """`torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])` of a
    float32 tensor image in [0, 1] maps the mean colour of ImageNet to 0, and white, 1.0 in each
    channel, to about 2.25, 2.43 and 2.64.
    """
    normalize = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)

    assert normalize(mean).flatten().tolist() == pytest.approx([0.0, 0.0, 0.0])
    white = normalize(torch.ones(3, 1, 1)).flatten().tolist()
    assert white == pytest.approx([2.2489, 2.4286, 2.64], abs=1e-3)


def test_a_grey_image_has_no_three_means():
    """`torchvision.transforms.Normalize` with three means raises RuntimeError for a float32 image
    of shape (1, 2, 2), "output with shape [1, 2, 2] doesn't match the broadcast shape [3, 2, 2]".

    Give a grey tensor three channels first with `image.repeat(3, 1, 1)`, or a PIL picture with
    `picture.convert("RGB")`. `v2.Normalize` raises nothing unless `inplace=True`: it broadcasts to
    three channels.
    """
    normalize = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    grey = torch.zeros(1, 2, 2)

    with pytest.raises(
        RuntimeError, match=r"output with shape .* doesn't match the broadcast shape"
    ):
        normalize(grey)
    assert normalize(grey.repeat(3, 1, 1)).shape == (3, 2, 2)


def test_two_sets_of_weights_want_two_preparations():
    """The `transforms()` of `ResNet50_Weights.IMAGENET1K_V1` resize to 256 and those of
    `IMAGENET1K_V2` to 232 before the crop to 224; those of `Inception_V3_Weights.DEFAULT` crop to
    299.

    So take `weights.transforms()` instead of numbers from a tutorial.
    """
    sizes = [
        (each.transforms().resize_size, each.transforms().crop_size)
        for each in (*models.ResNet50_Weights, models.Inception_V3_Weights.DEFAULT)
    ]

    assert sizes == [([256], [224]), ([232], [224]), ([342], [299])]


def test_the_class_of_an_answer_is_looked_up_in_the_weights():
    """`torchvision.models.ResNet18_Weights.DEFAULT.meta["categories"]` is the list of the
    1000 class names of ImageNet: entry 0 is "tench", entry 281 "tabby".
    """
    categories = models.ResNet18_Weights.DEFAULT.meta["categories"]
    scores = torch.zeros(1, 1000)
    scores[0, 281] = 5.0

    assert categories[scores.argmax(1).item()] == "tabby"
    assert categories[0] == "tench"


def test_weights_of_another_model_are_refused():
    """`torchvision.models.resnet18(weights=ResNet50_Weights.DEFAULT)` raises TypeError,
    "Invalid Weight class provided; expected ResNet18_Weights but received
    ResNet50_Weights".

    `weights="DEFAULT"` takes the weights that belong to the model.
    """
    with pytest.raises(TypeError, match="Invalid Weight class provided; expected ResNet18_Weights"):
        models.resnet18(weights=models.ResNet50_Weights.DEFAULT)
    assert models.get_model_weights("resnet18").DEFAULT is models.ResNet18_Weights.IMAGENET1K_V1


@pytest.mark.filterwarnings("ignore:Arguments other than a weight enum:UserWarning")
def test_weights_are_passed_by_keyword():
    """`torchvision.models.squeezenet1_1(False)` warns, "Using 'weights' as positional parameter(s)
    is deprecated since 0.13"; write `weights=None`.

    In old code `resnet18(True)` meant `pretrained=True`; it warns too, and still loads the
    pretrained weights, which it downloads the first time.
    """
    with pytest.warns(UserWarning, match="Using 'weights' as positional parameter"):
        net = models.squeezenet1_1(False)
    assert net.num_classes == 1000


def test_models_are_built_by_name():
    """`torchvision.models.get_model("squeezenet1_1", weights=None)` builds a model by name, with
    further settings such as `num_classes=3`; an unknown name raises ValueError, "Unknown model".

    `torchvision.models.list_models()` returns all names, those of detectors and segmentation
    models too.
    """
    net = models.get_model("squeezenet1_1", weights=None, num_classes=3)

    assert net.num_classes == 3
    with pytest.raises(ValueError, match="Unknown model resnet19"):
        models.get_model("resnet19", weights=None)
    assert {"resnet18", "fasterrcnn_resnet50_fpn", "fcn_resnet50"} <= set(models.list_models())


def test_detectors_normalise_by_themselves():
    """`FasterRCNN_ResNet50_FPN_Weights.DEFAULT.transforms()` only scales uint8 images to
    floats in [0, 1]; `FCN_ResNet50_Weights.DEFAULT.transforms()` also resizes them (its
    `resize_size` is `[520]`) and normalises them.

    Because a detector of torchvision normalises its input itself.
    """
    image = torch.full((3, 40, 40), 255, dtype=torch.uint8)
    detector = models.detection.FasterRCNN_ResNet50_FPN_Weights.DEFAULT.transforms()
    segmentation = models.segmentation.FCN_ResNet50_Weights.DEFAULT.transforms()

    assert detector(image).unique().tolist() == [1.0]
    assert segmentation.resize_size == [520]
    assert segmentation.mean == [0.485, 0.456, 0.406]


def test_weights_of_detection_know_their_classes():
    """The 91 entries of `FasterRCNN_ResNet50_FPN_Weights.DEFAULT.meta["categories"]`, COCO's,
    begin with "__background__" and "person"; the 21 of `FCN_ResNet50_Weights.DEFAULT`, Pascal
    VOC's, have "person" at index 15.

    Ten of the 91 entries are "N/A": COCO's 80 classes have numbers up to 90, with gaps.
    """
    coco = models.detection.FasterRCNN_ResNet50_FPN_Weights.DEFAULT.meta["categories"]
    voc = models.segmentation.FCN_ResNet50_Weights.DEFAULT.meta["categories"]

    assert [len(coco), *coco[:2]] == [91, "__background__", "person"]
    assert coco.count("N/A") == 10
    assert [len(voc), voc[0], voc[15]] == [21, "__background__", "person"]
