"""Losses for classes.

A classifier answers with one score a class, of any size and sign. `nn.CrossEntropyLoss` makes
probabilities of them and looks up minus the logarithm of the right class's one: 0 for certainty,
log 2 for a toss-up between two, and no end upwards.

What surprises: the softmax is inside, so that a net that ends in a softmax is squashed twice; and
the target is a class number (int64), not a score and not a row of ones and zeros.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim("blitz-cross-entropy")
def test_cross_entropy_takes_raw_scores_and_class_numbers(device):
    """Scores log 1 and log 3 stand for 1/4 and 3/4; the loss is minus the right one's logarithm."""
    scores = torch.tensor([[1.0, 3.0]], device=device).log()
    loss = nn.CrossEntropyLoss()

    assert loss(scores, torch.tensor([1], device=device)).item() == pytest.approx(math.log(4 / 3))
    assert loss(scores, torch.tensor([0], device=device)).item() == pytest.approx(math.log(4))


def test_equal_scores_cost_the_logarithm_of_the_number_of_classes(device):
    """A net that knows nothing starts at log 10 = 2.3026 for ten classes."""
    scores = torch.zeros(4, 10, device=device)
    classes = torch.tensor([0, 3, 5, 9], device=device)

    assert F.cross_entropy(scores, classes).item() == pytest.approx(2.302585)


def test_cross_entropy_is_log_softmax_and_nll(device):
    """`cross_entropy` is `log_softmax` followed by `nll_loss`, which only looks up and negates."""
    scores = torch.tensor([[1.0, 3.0], [1.0, 1.0]], device=device).log()
    classes = torch.tensor([1, 0], device=device)

    logs = F.log_softmax(scores, dim=1)

    assert logs.exp().flatten().tolist() == pytest.approx([0.25, 0.75, 0.5, 0.5])
    assert F.nll_loss(logs, classes).item() == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    assert F.cross_entropy(scores, classes).item() == pytest.approx(math.log(8 / 3) / 2)


def test_nll_does_not_take_logarithms():
    """`nll_loss` trusts its input: given probabilities, it returns minus the probability."""
    probabilities = torch.tensor([[0.25, 0.75]])

    assert F.nll_loss(probabilities, torch.tensor([1])).item() == -0.75


def test_a_softmax_before_the_loss_is_one_too_many():
    """Squashed twice, a right and certain answer still costs 0.3133, and learns hardly any more."""
    scores = torch.tensor([[100.0, -100.0]])
    target = torch.tensor([0])

    assert F.cross_entropy(scores, target).item() == 0.0
    assert F.cross_entropy(scores.softmax(1), target).item() == pytest.approx(
        math.log(1 + 1 / math.e)
    )


def test_a_constant_added_to_all_scores_changes_nothing(device):
    """Only differences of scores count, and even huge scores do not overflow."""
    target = torch.tensor([1], device=device)

    assert F.cross_entropy(
        torch.tensor([[0.0, 0.0]], device=device), target
    ).item() == pytest.approx(math.log(2))
    assert F.cross_entropy(
        torch.tensor([[1e4, 1e4]], device=device), target
    ).item() == pytest.approx(math.log(2))


def test_the_gradient_is_probability_minus_one_or_zero(device):
    """Each score is pushed by its probability, the right one's less 1."""
    scores = torch.tensor([[1.0, 3.0]], device=device).log().requires_grad_()

    F.cross_entropy(scores, torch.tensor([1], device=device)).backward()

    assert scores.grad.flatten().tolist() == pytest.approx([0.25, -0.25])


def test_probabilities_are_targets_too(device):
    """A target of the scores' own shape gives each class its share, one-hot floats included."""
    scores = torch.tensor([[1.0, 3.0]], device=device).log()
    shares = torch.tensor([[0.5, 0.5]], device=device)
    one_hot = torch.tensor([[0.0, 1.0]], device=device)

    half = math.log(4) / 2 + math.log(4 / 3) / 2
    assert F.cross_entropy(scores, shares).item() == pytest.approx(half)
    assert F.cross_entropy(scores, one_hot).item() == pytest.approx(math.log(4 / 3))


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        (torch.tensor([1.0]), RuntimeError, "Long"),
        (torch.tensor([1], dtype=torch.int32), RuntimeError, "Long.* Int"),
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
    """A class number is int64, one a sample, from 0 to one less than there are classes."""
    scores = torch.zeros(1, 2)

    with pytest.raises(error, match=words):
        F.cross_entropy(scores, target)
    assert F.cross_entropy(scores, torch.tensor([1])).item() == pytest.approx(math.log(2))


def test_scores_are_floats_and_no_decision():
    """The largest score's number, `argmax`, is an integer without gradient: no input for a loss."""
    decision = torch.tensor([[0.0, 1.0]], requires_grad=True).argmax(1)

    with pytest.raises(RuntimeError, match="Expected floating point type for target"):
        F.cross_entropy(decision, torch.tensor([1]))
    assert decision.requires_grad is False


def test_the_classes_are_axis_one_of_an_image_too(device):
    """For a class per pixel the scores have axes for samples, classes, height, width."""
    scores = torch.zeros(2, 3, 4, 5, device=device)
    target = torch.zeros(2, 4, 5, dtype=torch.int64, device=device)

    loss = F.cross_entropy(scores, target, reduction="none")

    assert loss.shape == (2, 4, 5)


def test_a_single_sample_has_a_target_without_axes():
    """Scores of one sample, `[classes]`, go with a single class number."""
    scores = torch.tensor([1.0, 3.0]).log()

    assert F.cross_entropy(scores, torch.tensor(0)).item() == pytest.approx(math.log(4))


def test_class_weights_make_a_weighted_mean(device):
    """With weights the sum is divided by the weights of the targets, not by their number."""
    logs = torch.tensor([[-1.0, -2.0], [-3.0, -5.0]], device=device)
    classes = torch.tensor([0, 1], device=device)
    weight = torch.tensor([1.0, 3.0], device=device)

    assert F.nll_loss(logs, classes, weight, reduction="none").tolist() == [1.0, 15.0]
    assert F.nll_loss(logs, classes, weight).item() == 4.0
    assert F.nll_loss(logs, classes).item() == 3.0


def test_class_weights_are_a_tensor_of_one_number_a_class():
    """Weights of another length are refused when called, a list already when the loss is made."""
    numbers = [1.0, 2.0, 3.0]
    loss = nn.CrossEntropyLoss(weight=torch.tensor(numbers))
    scores, classes = torch.zeros(1, 2), torch.tensor([1])

    with pytest.raises(RuntimeError, match=r"all 2 classes or no classes but got weight .* \[3\]"):
        loss(scores, classes)
    with pytest.raises(TypeError, match="cannot assign 'list' object to buffer 'weight'"):
        nn.CrossEntropyLoss(weight=numbers)


def test_ignored_targets_do_not_count(device):
    """Samples of class `ignore_index`, -100 unless told, enter neither the sum nor the count."""
    logs = torch.tensor([[-1.0, -2.0], [-3.0, -5.0]], device=device)

    assert F.nll_loss(logs, torch.tensor([-100, 1], device=device)).item() == 5.0
    assert F.nll_loss(logs, torch.tensor([0, 1], device=device), ignore_index=1).item() == 1.0


def test_a_batch_of_ignored_targets_has_the_mean_nan():
    """If every target is ignored the mean is 0 divided by 0."""
    scores = torch.zeros(1, 2)

    assert math.isnan(F.cross_entropy(scores, torch.tensor([-100])).item())


def test_label_smoothing_shares_a_part_among_all_classes(device):
    """Smoothing 0.5 for two classes asks for 3/4 of the right one and 1/4 of the other."""
    scores = torch.tensor([[1.0, 3.0]], device=device).log()

    loss = F.cross_entropy(scores, torch.tensor([1], device=device), label_smoothing=0.5)

    assert loss.item() == pytest.approx(0.75 * math.log(4 / 3) + 0.25 * math.log(4))


def test_binary_cross_entropy_takes_probabilities_and_its_sibling_scores(device):
    """`BCELoss` wants the sigmoid done, `BCEWithLogitsLoss` has it inside."""
    score = torch.tensor([3.0], device=device).log()
    yes, no = torch.ones(1, device=device), torch.zeros(1, device=device)

    assert score.sigmoid().item() == pytest.approx(0.75)
    assert nn.BCELoss()(score.sigmoid(), yes).item() == pytest.approx(math.log(4 / 3))
    assert nn.BCEWithLogitsLoss()(score, yes).item() == pytest.approx(math.log(4 / 3))
    assert nn.BCEWithLogitsLoss()(score, no).item() == pytest.approx(math.log(4))


def test_with_logits_a_wrong_certainty_keeps_its_gradient():
    """At score -200 the sigmoid is 0: `BCELoss` stops at 100 and learns nothing, logits go on."""
    squashed = torch.tensor([-200.0], requires_grad=True)
    raw = torch.tensor([-200.0], requires_grad=True)

    capped = F.binary_cross_entropy(squashed.sigmoid(), torch.ones(1))
    full = F.binary_cross_entropy_with_logits(raw, torch.ones(1))
    capped.backward()
    full.backward()

    assert [capped.item(), squashed.grad.item()] == [100.0, 0.0]
    assert [full.item(), raw.grad.item()] == [200.0, -1.0]


def test_binary_targets_are_floats_of_the_same_shape():
    """Unlike class numbers, yes and no are 1.0 and 0.0, and nothing is broadcast."""
    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        F.binary_cross_entropy_with_logits(torch.zeros(2), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="must be the same as input size"):
        F.binary_cross_entropy_with_logits(torch.zeros(2, 1), torch.tensor([0.0, 1.0]))


def test_bce_refuses_scores():
    """A number outside 0 to 1 is no probability: here the sigmoid was forgotten."""
    with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
        F.binary_cross_entropy(torch.tensor([2.0]), torch.ones(1))
    assert F.binary_cross_entropy(torch.tensor([0.5]), torch.ones(1)).item() == pytest.approx(
        math.log(2)
    )


def test_pos_weight_counts_the_yes_more():
    """`pos_weight` multiplies the loss of targets 1, and leaves targets 0 alone."""
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([3.0]), reduction="none")

    values = loss(torch.zeros(2), torch.tensor([1.0, 0.0]))

    assert values.tolist() == pytest.approx([3 * math.log(2), math.log(2)])


def test_kl_divergence_wants_logarithms_first_and_batchmean():
    """`kl_div(log q, p)` is the sum of p log(p / q); `"batchmean"` divides it by the samples."""
    log_q = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log()
    p = torch.tensor([[0.25, 0.75], [0.25, 0.75]])

    loss = F.kl_div(log_q, p, reduction="batchmean")

    assert loss.item() == pytest.approx(0.25 * math.log(0.5) + 0.75 * math.log(1.5))
