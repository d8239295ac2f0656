"""One-hot vectors.

A class index says which of several classes it is; the one-hot vector of the same class has a 1 at
that position and 0 elsewhere. `F.one_hot` turns a tensor of indices into a tensor with one
dimension more, and `argmax(-1)` goes back.

What surprises: the function lives in `torch.nn.functional` and not in `torch`; it takes int64 only
and gives int64, which a linear layer refuses; the classes become the *last* dimension, where images
have their channels second; and without `num_classes` the number of classes depends on the largest
label of the batch. `nn.CrossEntropyLoss` needs no one-hot targets, see
`spec/nn/test_classification_losses.py`.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_one_hot_has_a_one_at_the_label(device):
    """`F.one_hot(labels, num_classes=3)` of an int64 vector of n class indices from 0 to 2 is
    an (n, 3) tensor: row i has a 1 in column `labels[i]` and zeros elsewhere.
    """
    labels = torch.tensor([2, 0], device=device)

    assert F.one_hot(labels, num_classes=3).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_argmax_turns_one_hot_back_into_labels(device):
    """With `labels = torch.tensor([2, 0])`, `F.one_hot(labels).argmax(dim=-1)` gives the
    labels again.
    """
    labels = torch.tensor([2, 0], device=device)

    assert F.one_hot(labels).argmax(dim=-1).tolist() == [2, 0]


def test_one_hot_is_int64_and_wants_a_float_for_a_layer(device):
    """`F.one_hot(labels, 3)` of `labels = torch.tensor([2, 0])` is int64. `nn.Linear(3, 1)` in
    float32 raises RuntimeError for it, "mat1 and mat2 must have the same dtype", but takes
    `F.one_hot(labels, 3).float()`. `F.one_hot` has no `dtype=`.

    A layer without a bias raises RuntimeError in other words.
    """
    one_hot = F.one_hot(torch.tensor([2, 0], device=device), num_classes=3)
    layer = nn.Linear(3, 1, device=device)

    assert one_hot.dtype is torch.int64
    with pytest.raises(RuntimeError, match="mat1 and mat2 must have the same dtype"):
        layer(one_hot)
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'dtype'"):
        F.one_hot(torch.tensor([0], device=device), num_classes=3, dtype=torch.float32)

    assert layer(one_hot.float()).shape == (2, 1)


def test_one_hot_takes_int64_labels_only():
    """`F.one_hot(labels)` raises RuntimeError, "one_hot is only applicable to index tensor",
    for a tensor of labels that is not int64, such as float32, int32 or uint8. Call
    `labels.long()` first.

    Since PyTorch 2.5 the message adds "of type LongTensor".
    """
    labels = torch.tensor([2.0, 0.0])

    with pytest.raises(RuntimeError, match="one_hot is only applicable to index tensor"):
        F.one_hot(labels, num_classes=3)
    with pytest.raises(RuntimeError, match="one_hot is only applicable to index tensor"):
        F.one_hot(labels.int(), num_classes=3)
    with pytest.raises(RuntimeError, match="one_hot is only applicable to index tensor"):
        F.one_hot(labels.to(torch.uint8), num_classes=3)

    assert F.one_hot(labels.long(), num_classes=3).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_without_num_classes_the_largest_label_counts(device):
    """`F.one_hot(labels)` of a nonempty int64 vector of class indices from 0 on makes
    `labels.max() + 1` columns, so that two batches may get different shapes.

    Pass the number of classes of the task. An empty vector without it raises RuntimeError.
    """
    first = F.one_hot(torch.tensor([0, 4], device=device))
    second = F.one_hot(torch.tensor([0, 1], device=device))

    assert first.shape == (2, 5)
    assert second.shape == (2, 2)
    with pytest.raises(RuntimeError, match="Can not infer total number of classes from empty"):
        F.one_hot(torch.tensor([], dtype=torch.int64, device=device))


def test_a_label_out_of_range_is_refused():
    """On the CPU `F.one_hot(labels, num_classes=3)` of int64 `labels` raises RuntimeError for the
    label 3, "Class values must be smaller than num_classes", and for -1.

    Labels that count from 1 need `labels - 1`; a label such as -1 or 255 for "ignore" has to be
    replaced first.
    """
    with pytest.raises(RuntimeError, match="Class values must be smaller than num_classes"):
        F.one_hot(torch.tensor([1, 3]), num_classes=3)
    with pytest.raises(RuntimeError, match="Class values must be non-negative"):
        F.one_hot(torch.tensor([-1, 0]), num_classes=3)

    assert F.one_hot(torch.tensor([1, 3]) - 1, num_classes=3).tolist() == [[1, 0, 0], [0, 0, 1]]


def test_the_classes_of_a_one_hot_image_come_last(device):
    """`F.one_hot(labels, 3)` of an int64 (N, H, W) map of labels 0 to 2 has the shape (N,
    H, W, 3); `.permute(0, 3, 1, 2)` brings the classes to dimension 1, where `nn.Conv2d`
    has its channels.

    Without its second argument `F.one_hot` makes as many classes as the largest label plus 1. A
    float32 layer takes the result after `.float()`.
    """
    labels = torch.ones(2, 4, 5, dtype=torch.int64, device=device)

    one_hot = F.one_hot(labels, 3)

    assert one_hot.shape == (2, 4, 5, 3)
    assert F.one_hot(labels).shape == (2, 4, 5, 2)
    assert one_hot.permute(0, 3, 1, 2).shape == (2, 3, 4, 5)
    assert one_hot.permute(0, 3, 1, 2)[:, 1].unique().tolist() == [1]


def test_rows_of_the_identity_are_float_one_hot_vectors(device):
    """For int64 class indices `labels` on the CPU, from 0 to `num_classes - 1`,
    `torch.eye(num_classes)[labels]` gives one-hot vectors of the default dtype, float32, without a
    conversion.

    It makes a square matrix first, so it is for few classes. For `labels` on a GPU write
    `torch.eye(num_classes, device=labels.device)[labels]`.
    """
    labels = torch.tensor([2, 0], device=device)

    one_hot = torch.eye(3, device=device)[labels]

    assert one_hot.dtype is torch.float32
    assert one_hot.tolist() == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]


def test_several_labels_of_one_sample_are_the_sum_of_their_vectors(device):
    """For int64 labels of the shape (n, k), from 0 to c - 1, `F.one_hot(labels, c).sum(dim=1)`
    has the shape (n, c) and counts how often each sample has each label; `.clamp(max=1)` makes
    multi-hot vectors of the counts.

    `nn.BCEWithLogitsLoss` takes these vectors as floats: `.clamp(max=1).float()`.
    """
    labels = torch.tensor([[0, 2], [1, 1]], device=device)

    several = F.one_hot(labels, num_classes=4).sum(dim=1)

    assert several.tolist() == [[1, 0, 1, 0], [0, 2, 0, 0]]
    assert several.clamp(max=1).tolist() == [[1, 0, 1, 0], [0, 1, 0, 0]]


def test_one_hot_is_no_function_of_torch():
    """`torch.one_hot` does not exist (AttributeError); the function is
    `torch.nn.functional.one_hot`.
    """
    with pytest.raises(AttributeError, match="module 'torch' has no attribute 'one_hot'"):
        torch.one_hot(torch.tensor([0]), 3)

    assert F.one_hot(torch.tensor(0), 3).tolist() == [1, 0, 0]
