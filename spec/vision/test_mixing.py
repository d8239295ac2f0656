"""Mixing images: CutMix and MixUp.

Two kinds of data augmentation mix the images of a batch with each other, and their labels in the
same proportion. `v2.MixUp` adds a part of another image's pixels, `v2.CutMix` pastes a rectangle of
it. The label becomes a row of probabilities, such as 0.75 for one class and 0.25 for the other,
which `F.cross_entropy` takes as a target (`spec/nn/test_classification_losses.py`).

They need a batch: they are called after the `DataLoader`, or in its `collate_fn`, and not by the
dataset.

What surprises: class indices need `num_classes`, because each becomes a row of that length; a
single image is refused; and each image meets its neighbour in the batch, so a loader that doesn't
shuffle mixes the same pairs in every epoch.
"""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, default_collate

v2 = pytest.importorskip("torchvision.transforms.v2", reason="torchvision has no transforms.v2 yet")

pytestmark = pytest.mark.torch(">=2.1")


def test_mixup_mixes_images_and_labels_in_one_proportion():
    """torchvision's `v2.MixUp(num_classes=3)` of float32 images (2, C, H, W) with int64 labels 0
    and 2 gives for each image, up to rounding, `p * image + (1 - p) * other`, and labels (2, 3):
    `p` at the image's class, `1 - p` at the other's.

    The images have to be floats: uint8 raises RuntimeError, "result type Float can't be cast".
    They have to be one tensor: a list of images raises ValueError, "Expected a batched input with
    4 dims".
    """
    images = torch.tensor([0.0, 100.0]).view(2, 1, 1, 1)
    labels = torch.tensor([0, 2])

    mixed, targets = v2.MixUp(num_classes=3)(images, labels)

    p = targets[0, 0].item()
    assert targets.shape == (2, 3)
    assert targets.flatten().tolist() == pytest.approx([p, 0, 1 - p, 1 - p, 0, p])
    assert mixed.flatten().tolist() == pytest.approx([100 * (1 - p), 100 * p], abs=1e-4)
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired"):
        v2.MixUp(num_classes=3)(images.byte(), labels)
    with pytest.raises(ValueError, match="Expected a batched input with 4 dims"):
        v2.MixUp(num_classes=3)(list(images), labels)


def test_cutmix_weights_labels_by_area():
    """torchvision's `v2.CutMix(num_classes=3)` of a batch (2, C, H, W) with int64 labels 0 and 2
    pastes into each image a rectangle of the other, at times an empty one; the label of the other
    image gets the share of pixels pasted, up to rounding.
    """
    images = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 8, 8)
    labels = torch.tensor([0, 2])

    mixed, targets = v2.CutMix(num_classes=3)(images, labels)

    share = mixed[0].mean().item()
    assert set(mixed.flatten().tolist()) <= {0.0, 1.0}
    assert targets[0].tolist() == pytest.approx([1 - share, 0, share])


def test_mixed_labels_are_targets_of_cross_entropy():
    """`F.cross_entropy` takes as its targets the float32 labels (N, 3) that
    `torchvision.transforms.v2.MixUp(num_classes=3)` makes of int64 class indices (N,); each row of
    them adds up to 1, up to rounding.

    For an accuracy `labels.argmax(1)` gives one class again.
    """
    images, labels = torch.rand(2, 3, 4, 4), torch.tensor([0, 2])

    _, targets = v2.MixUp(num_classes=3)(images, labels)

    assert targets.dtype == torch.float32
    assert targets.sum(1).tolist() == pytest.approx([1.0, 1.0])
    assert F.cross_entropy(torch.zeros(2, 3), targets).item() == pytest.approx(1.0986, abs=1e-4)


@pytest.mark.parametrize("transform", [v2.MixUp, v2.CutMix] if hasattr(v2, "MixUp") else [])
def test_a_single_image_is_not_mixed(transform):
    """`torchvision.transforms.v2.MixUp(num_classes=3)` and `v2.CutMix(num_classes=3)` of
    one image, `torch.rand(3, 4, 4)`, and its label `torch.tensor(1)` raise ValueError: the
    label lacks the batch dimension. Call both on batches of the loader.

    A label that is an int raises ValueError too, "When using the default labels_getter".
    """
    mix = transform(num_classes=3)

    with pytest.raises(ValueError, match=r"labels .*should .*shape \(batch_size,\)"):
        mix(torch.rand(3, 4, 4), torch.tensor(1))
    with pytest.raises(ValueError, match=r"When using the default labels_getter"):
        mix(torch.rand(3, 4, 4), 1)
    _, targets = mix(torch.rand(2, 3, 4, 4), torch.tensor([1, 2]))
    assert targets.shape == (2, 3)


@pytest.mark.torch(">=2.4")
def test_the_number_of_classes_has_to_be_told():
    """Since torchvision 0.19 (PyTorch 2.4) `v2.MixUp()` can be built without `num_classes`;
    calling it with images and labels of shape (N,), class indices, raises ValueError, "num_classes
    must be passed if the labels are index-based (1D)".
    """
    images, labels = torch.rand(2, 3, 4, 4), torch.tensor([0, 2])

    with pytest.raises(ValueError, match="num_classes must be passed if the labels are index"):
        v2.MixUp()(images, labels)
    assert v2.MixUp(num_classes=3)(images, labels)[1].shape == (2, 3)
    assert v2.MixUp()(images, torch.eye(3)[labels])[1].shape == (2, 3)


def test_a_class_beyond_the_number_of_classes_is_refused():
    """`torchvision.transforms.v2.MixUp(num_classes=3)(images, torch.tensor([0, 3]))` with
    `images = torch.rand(2, 3, 4, 4)` raises RuntimeError, "Class values must be smaller than
    num_classes": the three classes are 0, 1 and 2.
    """
    images = torch.rand(2, 3, 4, 4)

    labels = torch.tensor([0, 3])

    with pytest.raises(RuntimeError, match="Class values must be smaller than num_classes"):
        v2.MixUp(num_classes=3)(images, labels)
    _, targets = v2.MixUp(num_classes=4)(images, labels)
    assert targets.shape == (2, 4)


def test_mixing_fits_into_the_collate_function():
    """With torchvision's
    `mix = v2.RandomChoice([v2.CutMix(num_classes=3), v2.MixUp(num_classes=3)])`, a `collate_fn`
    returning `mix(*default_collate(samples))` lets a `DataLoader` of float (C, H, W) images and
    labels 0 to 2 yield mixed batches.

    With `num_workers` above 0 the workers do the mixing. `RandomChoice` takes one of the two for
    each batch. Images of shape (H, W) raise ValueError: give them a dimension of channels.
    """
    data = [(torch.rand(3, 4, 4), label) for label in (0, 1, 2, 0)]
    mix = v2.RandomChoice([v2.CutMix(num_classes=3), v2.MixUp(num_classes=3)])

    loader = DataLoader(data, batch_size=2, collate_fn=lambda batch: mix(*default_collate(batch)))
    images, labels = next(iter(loader))

    assert images.shape == (2, 3, 4, 4)
    assert labels.shape == (2, 3)
    with pytest.raises(ValueError, match="4 dims, but got 3"):
        mix(torch.rand(2, 4, 4), torch.tensor([0, 1]))


def test_a_larger_alpha_mixes_more_evenly():
    """The share with which `torchvision.transforms.v2.MixUp(alpha=a, num_classes=2)` mixes two
    images is drawn from the beta distribution with both parameters `a`, a float: with 1000.0 it is
    close to one half, with 0.05 mostly close to 0 or 1.

    With the default, `alpha=1.0`, all shares between 0 and 1 are equally probable. With an int,
    `alpha=1`, the call on a batch raises RuntimeError or its subclass NotImplementedError, by the
    release.
    """
    images, labels = torch.rand(2, 1, 2, 2), torch.tensor([0, 1])
    even, extreme = v2.MixUp(alpha=1000.0, num_classes=2), v2.MixUp(alpha=0.05, num_classes=2)

    evens = [even(images, labels)[1][0, 0].item() for _ in range(20)]
    extremes = [extreme(images, labels)[1][0, 0].item() for _ in range(20)]

    assert evens == pytest.approx([0.5] * 20, abs=0.1)
    apart = torch.tensor(extremes).sub(0.5).abs().mean().item()
    assert apart == pytest.approx(0.45, abs=0.05)
