"""Losses for classes.

A classifier gives one score (logit) per class, of any size and sign. `nn.CrossEntropyLoss`
applies softmax to the logits and returns minus the logarithm of the probability of the right
class: 0 for certainty, ln 2 for two equal logits, without an upper limit. The target is a class
index, or a row of probabilities. For yes or no there are `nn.BCELoss`, for probabilities, and
`nn.BCEWithLogitsLoss`, for logits. What losses share is on `spec/nn/test_losses.py`.

What surprises: softmax is inside the loss, so that a network that ends in a softmax gets a second
one; `F.nll_loss` takes no logarithm; and a target of floats means probabilities if it has the
shape of the logits, and is refused otherwise.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim("blitz-cross-entropy")
def test_cross_entropy_takes_raw_scores_and_class_numbers(device):
    """`nn.CrossEntropyLoss()` of float32 logits and class indices, none ignored, is the mean of
    minus the `log_softmax` of the right class, up to rounding: logits ln 1 and ln 3 give ln(4) for
    class 0 and ln(4/3) for class 1.

    `log_softmax` is the log of the softmax probability, computed without underflow: logits 0 and
    200 give the loss 200 for class 0, where `-logits.softmax(dim=1).log()` is inf.
    """
    scores = torch.tensor([[1.0, 3.0]], device=device).log()
    loss = nn.CrossEntropyLoss()
    far = torch.tensor([[0.0, 200.0]], device=device)

    assert loss(scores, torch.tensor([1], device=device)).item() == pytest.approx(math.log(4 / 3))
    assert loss(scores, torch.tensor([0], device=device)).item() == pytest.approx(math.log(4))
    assert loss(far, torch.tensor([0], device=device)).item() == 200.0
    assert (-far.softmax(dim=1).log()).tolist() == [[math.inf, 0.0]]


def test_equal_scores_cost_the_logarithm_of_the_number_of_classes(device):
    """With its default settings and one or more class indices, none of them ignored,
    `F.cross_entropy` of equal finite float32 logits is, up to rounding, the logarithm of the
    number of classes: 2.3026 for ten classes.

    An untrained network mostly starts near it; a first loss far above hints at wrong scales or
    labels.
    """
    scores = torch.zeros(4, 10, device=device)
    classes = torch.tensor([0, 3, 5, 9], device=device)

    assert F.cross_entropy(scores, classes).item() == pytest.approx(2.302585)


def test_cross_entropy_is_log_softmax_and_nll(device):
    """For float32 logits (N, C) and class indices (N,), one or more of them not ignored,
    `F.cross_entropy(logits, classes)` equals `F.nll_loss(F.log_softmax(logits, dim=1), classes)`
    up to rounding.
    """
    scores = torch.tensor([[1.0, 3.0], [1.0, 1.0]], device=device).log()
    classes = torch.tensor([1, 0], device=device)

    logs = F.log_softmax(scores, dim=1)

    assert logs.exp().flatten().tolist() == pytest.approx([0.25, 0.75, 0.5, 0.5])
    assert F.nll_loss(logs, classes).item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    assert F.cross_entropy(scores, classes).item() == pytest.approx(math.log(8 / 3) / 2)


def test_nll_does_not_take_logarithms():
    """`F.nll_loss` takes no logarithm: given the probabilities [[0.25, 0.75]] instead of
    log-probabilities it returns -0.75 for class 1, and no error.

    A negative loss is the sign of it: give it the `log_softmax` of the logits, not the `softmax`,
    or use `cross_entropy` on the logits.
    """
    probabilities = torch.tensor([[0.25, 0.75]])

    assert F.nll_loss(probabilities, torch.tensor([1])).item() == -0.75


def test_a_softmax_before_the_loss_is_one_too_many():
    """`F.cross_entropy` of softmax outputs applies softmax twice: for
    `scores = torch.tensor([[100.0, -100.0]])`,
    `F.cross_entropy(scores.softmax(1), torch.tensor([0]))` is 0.3133 instead of 0.

    So a prediction that is certain and right still costs something. Return logits from the
    network, and call `softmax` only to show probabilities.
    """
    scores = torch.tensor([[100.0, -100.0]])
    target = torch.tensor([0])

    assert F.cross_entropy(scores, target).item() == 0.0
    assert F.cross_entropy(scores.softmax(1), target).item() == pytest.approx(
        math.log(1 + 1 / math.e)
    )


def test_a_constant_added_to_all_scores_changes_nothing(device):
    """`F.cross_entropy` of finite float32 logits depends on their differences only, up to
    rounding: with a class index as target, [0.0, 0.0] and [1e4, 1e4] both give ln 2, without
    overflow.

    Because `log_softmax` subtracts the largest logit before it takes exponentials. A constant so
    large that adding it rounds the differences away changes the loss: 1e8 + 1 is 1e8 in float32.
    """
    target = torch.tensor([1], device=device)
    scores = torch.tensor([[1.0, 0.0]], device=device)

    assert F.cross_entropy(
        torch.tensor([[0.0, 0.0]], device=device), target
    ).item() == pytest.approx(math.log(2))
    assert F.cross_entropy(
        torch.tensor([[1e4, 1e4]], device=device), target
    ).item() == pytest.approx(math.log(2))
    assert F.cross_entropy(scores, target).item() == pytest.approx(1.313262)
    far = scores + 1e8
    assert far.tolist() == [[1e8, 1e8]]
    assert F.cross_entropy(far, target).item() == pytest.approx(math.log(2))


def test_the_gradient_is_probability_minus_one_or_zero(device):
    """With default settings and int64 class indices (N,), none of them ignored, the gradient of
    `F.cross_entropy` for logits (N, C) is, up to rounding,
    `(logits.softmax(1) - F.one_hot(classes, C)) / N`.
    """
    scores = torch.tensor([[1.0, 3.0]], device=device).log().requires_grad_()

    F.cross_entropy(scores, torch.tensor([1], device=device)).backward()

    assert scores.grad.flatten().tolist() == pytest.approx([0.25, -0.25])
    two = torch.zeros(2, 2, device=device, requires_grad=True)
    F.cross_entropy(two, torch.tensor([1, 0], device=device)).backward()
    assert two.grad.flatten().tolist() == pytest.approx([0.25, -0.25, -0.25, 0.25])


def test_probabilities_are_targets_too(device):
    """`F.cross_entropy` takes a float target of the logits' own shape (N, C) as one probability
    per class: with the default options, the one-hot target [[0, 1]] of the logits [[0, ln 3]]
    gives ln(4/3), as the class index 1 does.

    With `weight` the two may differ: the mean over probabilities divides by the number of
    samples, the mean over class indices by the sum of their weights.
    """
    scores = torch.tensor([[1.0, 3.0]], device=device).log()
    shares = torch.tensor([[0.5, 0.5]], device=device)
    one_hot = torch.tensor([[0.0, 1.0]], device=device)

    half = math.log(4) / 2 + math.log(4 / 3) / 2
    assert F.cross_entropy(scores, shares).item() == pytest.approx(half)
    assert F.cross_entropy(scores, one_hot).item() == pytest.approx(math.log(4 / 3))
    index, weight = torch.tensor([1], device=device), torch.tensor([1.0, 5.0], device=device)
    by_index = F.cross_entropy(scores, index, weight=weight)
    by_one_hot = F.cross_entropy(scores, one_hot, weight=weight)
    assert by_index.item() == pytest.approx(math.log(4 / 3))
    assert by_one_hot.item() == pytest.approx(5 * math.log(4 / 3))


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        (
            torch.tensor([1.0]),
            RuntimeError,
            r"expected (scalar type|target dtype to be) Long.* Float",
        ),
        (
            torch.tensor([1], dtype=torch.int32),
            RuntimeError,
            r"expected (scalar type|target dtype to be) Long.* Int",
        ),
        (torch.tensor([[1]]), RuntimeError, "0D or 1D target tensor expected, multi-target not"),
        (
            torch.tensor([[0, 1]]),
            RuntimeError,
            "Expected floating point type for target with class",
        ),
        (
            torch.tensor([0, 1]),
            ValueError,
            r"input batch_size \(1\) to match target batch_size \(2\)",
        ),
        (torch.tensor([2]), IndexError, "Target 2 is out of bounds"),
        (torch.tensor([-1]), IndexError, "Target -1 is out of bounds"),
    ],
)
def test_wrong_targets_are_refused(target, error, words):
    """Class indices for `F.cross_entropy` of non-empty logits (N, C), C > 1, are int64 or uint8 of
    shape (N,), from 0 to C - 1. With the default `ignore_index=-100`, a CPU raises an error for
    float32 or int32 indices, shape (N, 1), and -1 or C.

    Convert with `target.long()`, and drop a dimension of size 1 with `target.squeeze(1)`. A target
    equal to `ignore_index` is allowed too, and left out of the loss.
    """
    scores = torch.zeros(1, 2)

    with pytest.raises(error, match=words):
        F.cross_entropy(scores, target)
    byte = torch.tensor([1], dtype=torch.uint8)
    assert F.cross_entropy(scores, byte).item() == pytest.approx(math.log(2))
    both = torch.tensor([-100, 1])
    assert F.cross_entropy(torch.zeros(2, 2), both).item() == pytest.approx(math.log(2))
    assert F.cross_entropy(scores, torch.tensor([1])).item() == pytest.approx(math.log(2))


def test_scores_are_floats_and_no_decision():
    """For `logits = torch.tensor([[0.0, 1.0]])`,
    `F.cross_entropy(logits.argmax(1), torch.tensor([1]))` raises RuntimeError, "Expected
    floating point type for target with class probabilities": pass `logits`; `argmax` has no
    gradient either.
    """
    decision = torch.tensor([[0.0, 1.0]], requires_grad=True).argmax(1)

    with pytest.raises(RuntimeError, match="Expected floating point type for target with class"):
        F.cross_entropy(decision, torch.tensor([1]))
    assert decision.requires_grad is False


def test_the_classes_are_axis_one_of_an_image_too(device):
    """For segmentation, where each pixel has a class, `F.cross_entropy` takes float32 logits [N,
    classes, H, W] and int64 class indices [N, H, W]; with `reduction="none"` it returns one loss
    per pixel.

    A mask read from an image file is often uint8: write `mask.long()`.
    """
    scores = torch.zeros(2, 3, 4, 5, device=device)
    target = torch.zeros(2, 4, 5, dtype=torch.int64, device=device)

    loss = F.cross_entropy(scores, target, reduction="none")

    assert loss.shape == (2, 4, 5)


def test_a_segmentation_target_has_no_channel_dimension():
    """`F.cross_entropy` of float32 logits (N, C, H, W), C > 1, and int64 class indices (N, 1, H,
    W) raises RuntimeError, "only batches of spatial targets supported (3D tensors)": write
    `target.squeeze(1)`.

    A colour mask (N, 3, H, W) has to be turned into class indices first: for three classes a
    float32 mask of this shape raises no error, because it is taken for class probabilities.
    """
    scores = torch.zeros(2, 3, 4, 4)
    target = torch.zeros(2, 1, 4, 4, dtype=torch.int64)

    with pytest.raises(
        RuntimeError, match=r"only batches of spatial targets supported \(3D tensors"
    ):
        F.cross_entropy(scores, target)

    assert F.cross_entropy(scores, target.squeeze(1)).item() == pytest.approx(math.log(3))
    colours = torch.ones(2, 3, 4, 4)
    assert F.cross_entropy(scores, colours).item() == pytest.approx(3 * math.log(3))


def test_a_single_sample_has_a_target_without_axes():
    """`F.cross_entropy(torch.tensor([1.0, 3.0]).log(), torch.tensor(0))` is log(4), about 1.386: a
    single sample without a batch dimension may have float32 scores of shape (C,) and a
    0-dimensional int64 class index.
    """
    scores = torch.tensor([1.0, 3.0]).log()

    assert F.cross_entropy(scores, torch.tensor(0)).item() == pytest.approx(math.log(4))


def test_class_weights_make_a_weighted_mean(device):
    """`F.nll_loss(logs, classes, weight)` of float32 `logs` and float32 `weight` divides the
    weighted sum of the losses by the sum of the targets' weights, not by the number of samples:
    losses 1 and 5 with weights 1 and 3 give 4.

    A `weight` of integers, `torch.tensor([1, 3])`, raises RuntimeError: give it the dtype of
    `logs`.
    """
    logs = torch.tensor([[-1.0, -2.0], [-3.0, -5.0]], device=device)
    classes = torch.tensor([0, 1], device=device)
    weight = torch.tensor([1.0, 3.0], device=device)

    assert F.nll_loss(logs, classes, weight, reduction="none").tolist() == [1.0, 15.0]
    assert F.nll_loss(logs, classes, weight).item() == 4.0
    assert F.nll_loss(logs, classes).item() == 3.0
    with pytest.raises(RuntimeError, match="expected scalar type Float but found Long"):
        F.nll_loss(logs.cpu(), classes.cpu(), torch.tensor([1, 3]))


def test_class_weights_are_a_tensor_of_one_number_a_class():
    """`nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 3.0]))` is for 3 classes: called
    with logits for 2 classes it raises RuntimeError; a list as `weight` raises TypeError in
    the constructor.
    """
    numbers = [1.0, 2.0, 3.0]
    loss = nn.CrossEntropyLoss(weight=torch.tensor(numbers))
    scores, classes = torch.zeros(1, 2), torch.tensor([1])

    with pytest.raises(RuntimeError, match=r"all 2 classes or no classes but got weight .* \[3\]"):
        loss(scores, classes)
    with pytest.raises(TypeError, match="cannot assign 'list' object to buffer 'weight'"):
        nn.CrossEntropyLoss(weight=numbers)


def test_ignored_targets_do_not_count(device):
    """Class indices equal to `ignore_index`, -100 by default, count neither in the sum of
    `F.nll_loss` nor in the number by which its mean divides.

    Use it for padding in sequences.
    """
    logs = torch.tensor([[-1.0, -2.0], [-3.0, -5.0]], device=device)

    assert F.nll_loss(logs, torch.tensor([-100, 1], device=device)).item() == 5.0
    assert F.nll_loss(logs, torch.tensor([0, 1], device=device), ignore_index=1).item() == 1.0


def test_a_batch_of_ignored_targets_has_the_mean_nan():
    """`F.cross_entropy` of float32 scores with the default mean is NaN if all class indices are
    ignored, because it divides 0 by 0; with `reduction="sum"` it is 0.
    """
    scores = torch.zeros(1, 2)

    assert math.isnan(F.cross_entropy(scores, torch.tensor([-100])).item())
    assert F.cross_entropy(scores, torch.tensor([-100]), reduction="sum").item() == 0.0


def test_label_smoothing_shares_a_part_among_all_classes(device):
    """`F.cross_entropy(..., label_smoothing=0.5)` shares half of the target equally among
    all classes: with two classes the target becomes 3/4 for the right class and 1/4 for the
    other class.
    """
    scores = torch.tensor([[1.0, 3.0]], device=device).log()

    loss = F.cross_entropy(scores, torch.tensor([1], device=device), label_smoothing=0.5)

    assert loss.item() == pytest.approx(0.75 * math.log(4 / 3) + 0.25 * math.log(4))


def test_binary_cross_entropy_takes_probabilities_and_its_sibling_scores(device):
    """`nn.BCELoss` takes probabilities, `nn.BCEWithLogitsLoss` logits. For the target 1.0
    both give ln(4/3) up to rounding: `nn.BCELoss` of the probability 3/4,
    `nn.BCEWithLogitsLoss` of its logit ln 3.

    Prefer `nn.BCEWithLogitsLoss`: for the logit 20.0 and the target 0.0 it gives 20, but
    `nn.BCELoss` of the `sigmoid` gives 100, because `sigmoid(20)` rounds to 1.0 and `nn.BCELoss`
    limits its logarithms to -100.
    """
    score = torch.tensor([3.0], device=device).log()
    yes, no = torch.ones(1, device=device), torch.zeros(1, device=device)

    assert score.sigmoid().item() == pytest.approx(0.75)
    assert nn.BCELoss()(score.sigmoid(), yes).item() == pytest.approx(math.log(4 / 3))
    assert nn.BCEWithLogitsLoss()(score, yes).item() == pytest.approx(math.log(4 / 3))
    assert nn.BCEWithLogitsLoss()(score, no).item() == pytest.approx(math.log(4))


def test_with_logits_a_wrong_certainty_keeps_its_gradient():
    """For a float32 logit of -200 and a float32 target of 1, `F.binary_cross_entropy` of the
    sigmoid is 100 and the `.grad` of the logit is 0; `F.binary_cross_entropy_with_logits` is 200
    and the `.grad` is -1.

    Because the sigmoid is 0 in float32, and `F.binary_cross_entropy` replaces a logarithm below
    -100 by -100; compute the loss from the logits.
    """
    squashed = torch.tensor([-200.0], requires_grad=True)
    raw = torch.tensor([-200.0], requires_grad=True)

    capped = F.binary_cross_entropy(squashed.sigmoid(), torch.ones(1))
    full = F.binary_cross_entropy_with_logits(raw, torch.ones(1))
    capped.backward()
    full.backward()

    assert [capped.item(), squashed.grad.item()] == [100.0, 0.0]
    assert [full.item(), raw.grad.item()] == [200.0, -1.0]


def test_binary_targets_are_floats_of_the_same_shape():
    """`F.binary_cross_entropy_with_logits` of float32 logits wants a float target, such as 0.0,
    1.0 or 0.25, of the same shape: an int64 target of this shape raises RuntimeError, a target of
    another shape ValueError.

    Write `target.float()`, and `target[:, None]` for logits of shape (N, 1) and a target of shape
    (N,). A target above 1 or below 0 raises nothing here.
    """
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        F.binary_cross_entropy_with_logits(torch.zeros(2), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"Target size .* must be the same as input size"):
        F.binary_cross_entropy_with_logits(torch.zeros(2, 1), torch.tensor([0.0, 1.0]))
    score = torch.tensor([3.0]).log()
    quarter = F.binary_cross_entropy_with_logits(score, torch.tensor([0.25]))
    assert quarter.item() == pytest.approx(1.111641)
    beyond = F.binary_cross_entropy_with_logits(-score, torch.tensor([5.0]))
    assert beyond.item() == pytest.approx(5.780743)


def test_bce_refuses_scores():
    """`F.binary_cross_entropy(torch.tensor([2.0]), torch.tensor([1.0]))` raises RuntimeError on
    the CPU, "all elements of input should be between 0 and 1": apply `torch.sigmoid` first, or use
    `F.binary_cross_entropy_with_logits`.

    An input of NaN raises the same error. With an int64 target the message is another, "Found
    dtype Long but expected Float": convert the target with `target.float()` as well.
    """
    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
        F.binary_cross_entropy(torch.tensor([2.0]), torch.tensor([1.0]))
    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
        F.binary_cross_entropy(torch.tensor([torch.nan]), torch.tensor([1.0]))
    with pytest.raises(RuntimeError, match="Found dtype Long but expected Float"):
        F.binary_cross_entropy(torch.tensor([2.0]), torch.tensor([1]))
    assert F.binary_cross_entropy(torch.tensor([0.5]), torch.ones(1)).item() == pytest.approx(
        math.log(2)
    )


def test_pos_weight_counts_the_yes_more():
    """With float32 vectors of logits and targets,
    `nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0]))` multiplies the loss of targets 1.0 by 3
    and leaves that of targets 0.0 unchanged; `pos_weight=3.0`, which is no tensor, raises
    TypeError.

    Use it for rare positives: the number of negatives divided by that of positives is the usual
    weight. For 0-d logits `pos_weight` has to be 0-d, too.
    """
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0]), reduction="none")

    values = loss(torch.zeros(2), torch.tensor([1.0, 0.0]))

    assert values.tolist() == pytest.approx([3 * math.log(2), math.log(2)])
    with pytest.raises(TypeError, match="cannot assign 'float' object to buffer 'pos_weight'"):
        nn.BCEWithLogitsLoss(pos_weight=3.0)


def test_kl_divergence_wants_logarithms_first_and_batchmean():
    """`F.kl_div(log_q, p, reduction="batchmean")` takes finite log-probabilities first and
    probabilities second: for positive `p` it sums `p * (p.log() - log_q)` for each row of
    (N, classes) and averages over the N rows.

    The default reduction, "mean", divides by the number of elements:
    `spec/nn/test_divergences.py`.
    """
    log_q = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
    p = torch.tensor([[0.25, 0.75], [0.25, 0.75]])

    loss = F.kl_div(log_q, p, reduction="batchmean")

    divergence = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    assert loss.item() == pytest.approx(divergence)
    assert loss.item() == pytest.approx(0.1308, abs=1e-4)


@pytest.mark.torch(">=2.13")
def test_a_linear_layer_and_cross_entropy_may_be_one_module():
    """Since PyTorch 2.13 `layer = nn.LinearCrossEntropyLoss(3, 2)` holds a linear layer
    without bias. For `x` (N, 3) and class indices (N,) it computes
    `F.cross_entropy(layer.linear(x), classes)` up to rounding, as `F.linear_cross_entropy`
    does.

    It is the last layer of a classifier and its loss in one; the function is called as
    `F.linear_cross_entropy(x, layer.linear.weight, classes)`. Given
    `options=nn.LinearCrossEntropyOptions()` both can compute the loss in chunks, without the whole
    matrix of logits in memory.
    """
    layer = nn.LinearCrossEntropyLoss(3, 2)
    x, classes = torch.randn(4, 3), torch.tensor([0, 1, 1, 0])

    by_hand = F.cross_entropy(layer.linear(x), classes)
    by_function = F.linear_cross_entropy(x, layer.linear.weight, classes)

    assert [name for name, _ in layer.named_parameters()] == ["linear.weight"]
    assert layer.linear.weight.shape == (2, 3)
    assert torch.allclose(layer(x, classes), by_hand) is True
    assert torch.allclose(by_function, by_hand) is True
