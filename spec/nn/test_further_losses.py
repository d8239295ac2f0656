"""Further losses.

Beside the losses for numbers (`spec/nn/test_losses.py`) and classes
(`spec/nn/test_classification_losses.py`), `torch.nn` has losses that compare pairs of scores or
of embeddings (margin losses), that take a prediction's own uncertainty into account
(`GaussianNLLLoss`, `PoissonNLLLoss`), that allow several classes at once (the multi-label
losses), and one for sequences without an alignment (`CTCLoss`).

What surprises: margin losses want targets of 1 and -1, and raise nothing for 1 and 0;
`PoissonNLLLoss` takes the logarithm of the rate; `CTCLoss` wants log-probabilities with the
time first, and is infinite for a target that doesn't fit into its input.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_a_ranking_loss_wants_one_score_above_the_other():
    """`nn.MarginRankingLoss(margin=1.0)(x1, x2, y)` is `max(0, -y * (x1 - x2) + margin)`: with
    `y=1` the first score has to be higher by the margin, with `y=-1` the second.
    """
    loss = nn.MarginRankingLoss(margin=1.0, reduction="none")
    first, second = torch.tensor([3.0, 1.5, 3.0]), torch.tensor([1.0, 1.0, 1.0])
    target = torch.tensor([1, 1, -1])

    assert loss(first, second, target).tolist() == [0.0, 0.5, 3.0]


@pytest.mark.parametrize(
    "values",
    [
        lambda y: F.margin_ranking_loss(torch.ones(2), torch.zeros(2), y, reduction="none"),
        lambda y: F.soft_margin_loss(torch.tensor([5.0, -5.0]), y.float(), reduction="none"),
        lambda y: F.hinge_embedding_loss(torch.tensor([0.0, 9.0]), y, reduction="none"),
    ],
)
def test_the_targets_of_margin_losses_are_plus_and_minus_one(values):
    """`F.margin_ranking_loss`, `soft_margin_loss` and `hinge_embedding_loss` want targets 1 and
    -1; a target of 0 raises nothing, and gives another loss than -1.

    Write `2 * target - 1` for targets of 1 and 0.
    """
    target = torch.tensor([1, 0])

    right, wrong = values(2 * target - 1), values(target)

    assert torch.equal(right[:1], wrong[:1]) is True
    assert right[1].item() != pytest.approx(wrong[1].item())


def test_a_cosine_embedding_loss_pulls_and_pushes():
    """`nn.CosineEmbeddingLoss(margin=0.5)(x1, x2, y)` is 1 - cosine for `y=1`, and
    `max(0, cosine - margin)` for `y=-1`.
    """
    loss = nn.CosineEmbeddingLoss(margin=0.5, reduction="none")
    same, across = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    pairs = torch.cat([same, same, same, same]), torch.cat([same, across, same, across])

    target = torch.tensor([1, 1, -1, -1])

    assert loss(*pairs, target).tolist() == [0.0, 1.0, 0.5, 0.0]


def test_the_target_of_a_cosine_embedding_loss_has_one_dimension():
    """`nn.CosineEmbeddingLoss` takes targets (N,); (N, 1) raises RuntimeError, "0D or 1D target
    tensor expected, multi-target not supported": write `y.squeeze(1)`.
    """
    x, y = torch.ones(2, 3), torch.tensor([[1], [1]])

    with pytest.raises(RuntimeError, match="0D or 1D target tensor expected, multi-target not"):
        F.cosine_embedding_loss(x, x, y)
    assert F.cosine_embedding_loss(x, x, y.squeeze(1)).item() == pytest.approx(0, abs=1e-6)


def test_a_triplet_loss_takes_a_distance_of_ones_own():
    """`nn.TripletMarginWithDistanceLoss(distance_function=f, margin=0.5)` is `max(0, f(anchor,
    positive) - f(anchor, negative) + margin)`, here with one minus the cosine.
    """
    loss = nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: 1 - F.cosine_similarity(a, b), margin=0.5
    )
    east, north = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])

    assert loss(east, east, north).item() == 0.0
    assert loss(east, north, east).item() == 1.5


def test_a_hinge_embedding_loss_takes_distances():
    """`nn.HingeEmbeddingLoss(margin=1.0)(x, y)` takes distances: it is `x` for `y=1` and
    `max(0, margin - x)` for `y=-1`.
    """
    distance, target = torch.tensor([0.25, 0.25, 2.0]), torch.tensor([1, -1, -1])

    loss = nn.HingeEmbeddingLoss(margin=1.0, reduction="none")(distance, target)

    assert loss.tolist() == [0.25, 0.75, 0.0]


def test_a_soft_margin_loss_is_logistic_regression():
    """`nn.SoftMarginLoss()(x, y)` is `log(1 + exp(-y * x))`: binary cross entropy of logits,
    with targets 1 and -1.
    """
    x, y = torch.tensor([0.0, 2.0]), torch.tensor([1.0, -1.0])

    loss = nn.SoftMarginLoss(reduction="none")(x, y)

    assert loss.tolist() == pytest.approx([math.log(2), math.log(1 + math.exp(2))])


def test_a_poisson_loss_takes_the_logarithm_of_the_rate():
    """`nn.PoissonNLLLoss()(x, target)` is `exp(x) - target * x`, x being the logarithm of the
    expected count; `log_input=False` takes the count itself, `x - target * log(x)`. Both are
    averaged.

    For counts of 3 its gradient is zero at `x = log(3)`.
    """
    x = torch.tensor([math.log(3)], requires_grad=True)

    F.poisson_nll_loss(x, torch.tensor([3.0])).backward()

    assert x.grad.item() == pytest.approx(0, abs=1e-5)
    count, target = torch.tensor([2.0]), torch.tensor([3.0])
    by_count = F.poisson_nll_loss(count, target, log_input=False).item()
    assert by_count == pytest.approx(F.poisson_nll_loss(count.log(), target).item(), abs=1e-5)
    assert by_count == pytest.approx(2 - 3 * math.log(2), abs=1e-5)


def test_a_gaussian_loss_weighs_errors_by_the_variance():
    """`nn.GaussianNLLLoss()(mean, target, var)` is `(log(var) + (mean - target) ** 2 / var) /
    2`, averaged: the net predicts the variance too, and the loss is smallest if it equals the
    squared error.
    """
    mean, target = torch.tensor([1.0]), torch.tensor([3.0])

    losses = [
        F.gaussian_nll_loss(mean, target, torch.tensor([var])).item() for var in (1.0, 4.0, 9.0)
    ]

    assert losses == pytest.approx([2.0, 1.1931, 1.3208], abs=1e-4)


def test_a_variance_is_positive_and_of_the_inputs_shape():
    """`nn.GaussianNLLLoss` raises ValueError for a negative variance, "var has negative
    entry/entries", and for 3 x 2 variances of one mean, "var is of incorrect size"; let the net
    predict `exp` of its output.

    For means (N, D) the variances are (N, D), (N, 1) or (N,), one per row.
    """
    mean, target, raw = torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([-4.0])

    with pytest.raises(ValueError, match="var has negative entry"):
        F.gaussian_nll_loss(mean, target, raw)
    with pytest.raises(ValueError, match="var is of incorrect size"):
        F.gaussian_nll_loss(mean, target, torch.ones(3, 2))
    assert F.gaussian_nll_loss(mean, target, raw.exp()).item() > 100
    per_row = F.gaussian_nll_loss(torch.zeros(4, 2), torch.ones(4, 2), torch.ones(4))
    assert per_row.item() == 0.5


def test_a_multi_label_loss_is_binary_cross_entropy():
    """`nn.MultiLabelSoftMarginLoss()` of scores and targets of 0 and 1 (N, classes) equals
    `nn.BCEWithLogitsLoss()` up to rounding; several classes of a sample may be 1.
    """
    scores = torch.tensor([[0.0, 3.0, -1.0], [2.0, 0.5, 0.0]])
    targets = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])

    ours = nn.MultiLabelSoftMarginLoss()(scores, targets)

    assert torch.allclose(ours, nn.BCEWithLogitsLoss()(scores, targets)) is True


def test_multi_label_margin_lists_class_numbers():
    """The target of `nn.MultiLabelMarginLoss` lists the classes of a sample and ends at -1: [3,
    0, -1, 1] means classes 3 and 0. It has the shape of the scores.
    """
    scores = torch.tensor([[0.1, 0.2, 0.4, 0.8]])
    loss = nn.MultiLabelMarginLoss()
    targets = torch.tensor([[3, 0, -1, 1]]), torch.tensor([[3, 0, -1, -1]])

    assert [loss(scores, each).item() for each in targets] == pytest.approx([0.85, 0.85])


def test_a_multi_class_margin_takes_class_numbers():
    """`nn.MultiMarginLoss()(scores, target)` adds `max(0, 1 - scores[target] + scores[i])` over
    the other classes i and divides by the number of classes.
    """
    scores = torch.tensor([[0.1, 0.2, 0.4]])

    loss = nn.MultiMarginLoss()(scores, torch.tensor([2]))

    assert loss.item() == pytest.approx((0.7 + 0.8) / 3)


def test_ctc_adds_up_all_alignments():
    """`nn.CTCLoss` before its reduction is minus the logarithm of the probability of all
    alignments: with 4 steps of 3 equally likely classes, 15 of 81 paths spell [1, 2].

    A path is read without repetitions and blanks, class 0. The default mean divides by the
    length of the target as well, here by 2.
    """
    log_probabilities = torch.full((4, 1, 3), 1 / 3).log()
    lengths = torch.tensor([4]), torch.tensor([2])

    each = nn.CTCLoss(reduction="none")(log_probabilities, torch.tensor([[1, 2]]), *lengths)
    mean = nn.CTCLoss()(log_probabilities, torch.tensor([[1, 2]]), *lengths)

    assert each.item() == pytest.approx(-math.log(15 / 81), abs=1e-5)
    assert mean.item() == pytest.approx(-math.log(15 / 81) / 2, abs=1e-5)


def test_ctc_takes_log_probabilities():
    """`nn.CTCLoss` takes the output of `log_softmax`; with logits it raises nothing, and the
    loss is wrong: of zeros it is even negative.
    """
    logits = torch.zeros(4, 1, 3)
    rest = torch.tensor([[1, 2]]), torch.tensor([4]), torch.tensor([2])

    assert nn.CTCLoss()(logits, *rest).item() == pytest.approx(-1.3540, abs=1e-4)
    assert nn.CTCLoss()(logits.log_softmax(2), *rest).item() == pytest.approx(0.8432, abs=1e-4)


def test_ctc_wants_the_time_first():
    """`nn.CTCLoss` reads (time, batch, classes): one sample of 4 steps as (1, 4, 3) raises
    RuntimeError, "input_lengths must be of size batch_size"; write `x.transpose(0, 1)`.

    With as many samples as steps nothing is raised, and the loss is wrong.
    """
    x = torch.zeros(1, 4, 3).log_softmax(2)
    rest = torch.tensor([[1, 2]]), torch.tensor([4]), torch.tensor([2])

    with pytest.raises(RuntimeError, match="input_lengths must be of size batch_size"):
        nn.CTCLoss()(x, *rest)
    assert nn.CTCLoss()(x.transpose(0, 1), *rest).item() == pytest.approx(0.8432, abs=1e-4)
    square = torch.zeros(3, 3, 3).log_softmax(2)
    targets, lengths = torch.ones(3, 1, dtype=torch.int64), torch.tensor([3, 3, 3])
    unnoticed = nn.CTCLoss()(square, targets, lengths, torch.tensor([1, 1, 1]))
    assert unnoticed.shape == ()


def test_a_length_beyond_the_input_is_refused():
    """`nn.CTCLoss` raises RuntimeError for an input length above the number of steps, "Expected
    input_lengths to have value at most 4, but got value 5".

    After a convolution with stride the lengths shrink as the input does.
    """
    x = torch.zeros(4, 1, 3).log_softmax(2)

    with pytest.raises(
        RuntimeError, match="Expected input_lengths to have value at most 4, but got"
    ):
        nn.CTCLoss()(x, torch.tensor([[1, 2]]), torch.tensor([5]), torch.tensor([2]))
    fits = nn.CTCLoss()(x, torch.tensor([[1, 2]]), torch.tensor([4]), torch.tensor([2]))
    assert fits.item() == pytest.approx(0.8432, abs=1e-4)


def test_a_target_too_long_for_its_input_costs_infinity():
    """`nn.CTCLoss` is infinite if no alignment exists: 2 steps can't spell [1, 1], which needs
    a blank in between. `zero_infinity=True` makes such a loss and its gradient 0.
    """
    x = torch.zeros(2, 1, 3, requires_grad=True)
    rest = torch.tensor([[1, 1]]), torch.tensor([2]), torch.tensor([2])

    assert nn.CTCLoss()(x.log_softmax(2), *rest).item() == math.inf
    loss = nn.CTCLoss(zero_infinity=True)(x.log_softmax(2), *rest)
    loss.backward()
    assert loss.item() == 0.0
    assert x.grad.count_nonzero().item() == 0
