"""Further losses.

Beside the losses for numbers (`spec/nn/test_losses.py`) and classes
(`spec/nn/test_classification_losses.py`), `torch.nn` has losses that compare pairs of scores or
of embeddings (margin losses), that take a prediction's own uncertainty into account
(`GaussianNLLLoss`, `PoissonNLLLoss`), and that allow several classes at once (the multi-label
losses). The one for sequences without an alignment, `CTCLoss`, is on `spec/nn/test_ctc_loss.py`,
losses that PyTorch lacks on `spec/nn/test_own_losses.py`.

What surprises: the margin losses of pairs want targets of 1 and -1, and raise nothing for 1 and 0;
and `PoissonNLLLoss` takes the logarithm of the rate.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_a_ranking_loss_wants_one_score_above_the_other():
    """`nn.MarginRankingLoss(margin=1.0, reduction="none")(x1, x2, y)` of float32 vectors is
    `max(0, -y * (x1 - x2) + 1)` for each pair: 0 where `y` is 1 and `x1` is higher than `x2` by at
    least 1, or `y` is -1 and `x1` is lower by at least 1.

    By default the loss is the mean over the pairs.
    """
    loss = nn.MarginRankingLoss(margin=1.0, reduction="none")
    first, second = torch.tensor([2.0, 1.5, 3.0, 0.0]), torch.tensor([1.0, 1.0, 1.0, 1.0])
    target = torch.tensor([1.0, 1.0, -1.0, -1.0])

    assert loss(first, second, target).tolist() == [0.0, 0.5, 3.0, 0.0]


@pytest.mark.parametrize(
    "values",
    [
        lambda y: F.margin_ranking_loss(torch.ones(2), torch.zeros(2), y, reduction="none"),
        lambda y: F.soft_margin_loss(torch.tensor([5.0, -5.0]), y.float(), reduction="none"),
        lambda y: F.hinge_embedding_loss(torch.tensor([0.0, 9.0]), y, reduction="none"),
    ],
)
def test_the_targets_of_margin_losses_are_plus_and_minus_one(values):
    """`F.margin_ranking_loss`, `F.soft_margin_loss` and `F.hinge_embedding_loss` take targets 1
    and -1; with float32 inputs, a float or int64 target 0 raises nothing:
    `F.soft_margin_loss(torch.tensor([5.0]), torch.tensor([0.0]))` is about log 2.

    Write `2.0 * target - 1` for targets of 1 and 0: with the int 2, uint8 targets would become
    255 instead of -1.
    """
    target = torch.tensor([1, 0])

    right, wrong = values(2.0 * target - 1), values(target)

    assert torch.equal(right[:1], wrong[:1]) is True
    assert right[1].item() != pytest.approx(wrong[1].item())
    scores = torch.randn(2)
    of_zero = F.soft_margin_loss(scores, torch.zeros(2), reduction="none")
    assert of_zero.tolist() == pytest.approx([0.6931, 0.6931], abs=1e-4)
    assert (2.0 * target.byte() - 1).tolist() == [1.0, -1.0]
    assert (2 * target.byte() - 1).tolist() == [1, 255]


def test_a_cosine_embedding_loss_pulls_and_pushes():
    """`nn.CosineEmbeddingLoss(margin=0.5, reduction="none")` of the rows [2, 0] and [2, 0], cosine
    1, costs 1 - cosine = 0 for target 1 and `max(0, cosine - 0.5)` = 0.5 for target -1; of [2, 0]
    and [0, 1], cosine 0, it costs 1 and 0.
    """
    loss = nn.CosineEmbeddingLoss(margin=0.5, reduction="none")
    same, across = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    pairs = torch.cat([same, same, same, same]), torch.cat([same, across, same, across])

    target = torch.tensor([1, 1, -1, -1])

    assert loss(*pairs, target).tolist() == [0.0, 1.0, 0.5, 0.0]


def test_the_target_of_a_cosine_embedding_loss_has_one_dimension():
    """`F.cosine_embedding_loss` of float32 inputs (N, D) takes targets (N,); targets (N, 1) raise
    RuntimeError, "0D or 1D target tensor expected, multi-target not supported": write
    `y.squeeze(1)`.
    """
    x, y = torch.ones(2, 3), torch.tensor([[1], [1]])

    with pytest.raises(RuntimeError, match="0D or 1D target tensor expected, multi-target not"):
        F.cosine_embedding_loss(x, x, y)
    assert F.cosine_embedding_loss(x, x, y.squeeze(1)).item() == pytest.approx(0, abs=1e-6)


def test_a_triplet_loss_takes_a_distance_of_ones_own():
    """`nn.TripletMarginWithDistanceLoss(distance_function=f, margin=0.5)` of three float32
    matrices of one shape averages `max(0, f(anchor, positive) - f(anchor, negative) + 0.5)`; `f`
    may be `lambda a, b: 1 - F.cosine_similarity(a, b)`.
    """
    loss = nn.TripletMarginWithDistanceLoss(
        distance_function=lambda a, b: 1 - F.cosine_similarity(a, b), margin=0.5
    )
    east, north = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])

    assert loss(east, east, north).item() == 0.0
    assert loss(east, north, east).item() == 1.5


def test_a_hinge_embedding_loss_takes_distances():
    """`nn.HingeEmbeddingLoss(margin=1.0, reduction="none")(x, y)` takes float32 distances `x`: an
    element costs `x` where `y=1`, and `max(0, 1 - x)` where `y=-1`.

    With the default reduction, "mean", the loss is the average over all elements.
    """
    distance, target = torch.tensor([0.25, 0.25, 2.0]), torch.tensor([1, -1, -1])

    loss = nn.HingeEmbeddingLoss(margin=1.0, reduction="none")(distance, target)

    assert loss.tolist() == [0.25, 0.75, 0.0]
    mean = nn.HingeEmbeddingLoss(margin=1.0)(distance, target)
    assert mean.item() == pytest.approx(1 / 3)


def test_a_soft_margin_loss_is_logistic_regression():
    """`nn.SoftMarginLoss()(x, y)` averages `log(1 + exp(-y * x))` for targets `y` of 1 and -1. For
    float32 targets and logits between -80 and 80 it agrees to within 1e-5 with
    `F.binary_cross_entropy_with_logits`, whose targets are 1 and 0.

    `nn.SoftMarginLoss` overflows where `nn.BCEWithLogitsLoss` does not: for a float32 logit of
    -1000 and target 1 the first is inf, the second 1000.
    """
    x, y = torch.tensor([0.0, 2.0]), torch.tensor([1.0, -1.0])

    loss = nn.SoftMarginLoss(reduction="none")(x, y)

    assert loss.tolist() == pytest.approx([math.log(2), math.log(1 + math.exp(2))])
    far, yes = torch.tensor([-1000.0]), torch.ones(1)
    assert F.soft_margin_loss(far, yes).item() == math.inf
    assert F.binary_cross_entropy_with_logits(far, yes).item() == 1000.0


def test_a_poisson_loss_takes_the_logarithm_of_the_rate():
    """For float32 `x`, `nn.PoissonNLLLoss()(x, target)` averages `exp(x) - target * x`, x being
    the logarithm of the expected count; `log_input=False` takes the count `x` itself and averages
    `x - target * log(x + 1e-8)`.

    In float32, for a target of 3, the gradient is zero, up to rounding, at `x = log(3)`, or with
    `log_input=False` at `x = 3`.
    """
    x = torch.tensor([math.log(3)], requires_grad=True)

    F.poisson_nll_loss(x, torch.tensor([3.0])).backward()

    assert x.grad.item() == pytest.approx(0, abs=1e-5)
    count, target = torch.tensor([2.0]), torch.tensor([3.0])
    by_count = F.poisson_nll_loss(count, target, log_input=False).item()
    assert by_count == pytest.approx(F.poisson_nll_loss(count.log(), target).item(), abs=1e-5)
    assert by_count == pytest.approx(2 - 3 * math.log(2), abs=1e-5)
    logs, targets = torch.tensor([0.0, math.log(2)]), torch.tensor([1.0, 3.0])
    mean = nn.PoissonNLLLoss()(logs, targets).item()
    assert mean == pytest.approx((1 + 2 - 3 * math.log(2)) / 2, abs=1e-5)


def test_a_gaussian_loss_weighs_errors_by_the_variance():
    """`nn.GaussianNLLLoss()(mean, target, var)` of non-empty float32 vectors of the same length
    averages `(log(var) + (mean - target) ** 2 / var) / 2`, for variances of at least
    `eps=1e-6`.

    The network predicts the variance too; the best variance is the squared error. A variance
    from 0 to `eps` is taken for `eps`, a negative one raises ValueError.
    """
    mean, target = torch.tensor([1.0]), torch.tensor([3.0])

    losses = [
        F.gaussian_nll_loss(mean, target, torch.tensor([var])).item() for var in (1.0, 4.0, 9.0)
    ]

    assert losses == pytest.approx([2.0, 1.1931, 1.3208], abs=1e-4)


def test_a_variance_is_positive_and_of_the_inputs_shape():
    """With `mean = torch.tensor([1.0])` and `target = torch.tensor([3.0])`,
    `nn.GaussianNLLLoss()(mean, target, var)` raises ValueError, "var has negative entry/entries"
    for `var = -mean`, "var is of incorrect size" for `var = torch.ones(3, 2)`.

    Let the network predict the logarithm of the variance and give its `exp()` to the loss. For
    means (N, D) the variances may be (N, D), (N, 1) or (N,), one per row.
    """
    mean, target, raw = torch.tensor([1.0]), torch.tensor([3.0]), torch.tensor([-4.0])

    with pytest.raises(ValueError, match="var has negative entry"):
        F.gaussian_nll_loss(mean, target, -mean)
    with pytest.raises(ValueError, match="var is of incorrect size"):
        F.gaussian_nll_loss(mean, target, torch.ones(3, 2))
    assert F.gaussian_nll_loss(mean, target, raw.exp()).item() > 100
    per_row = F.gaussian_nll_loss(torch.zeros(4, 2), torch.ones(4, 2), torch.ones(4))
    assert per_row.item() == 0.5


def test_a_multi_label_loss_is_binary_cross_entropy():
    """`nn.MultiLabelSoftMarginLoss()` of non-empty float32 scores (N, classes) from -100 to 100
    and float32 targets 0 and 1 of the same shape equals `nn.BCEWithLogitsLoss()` to within 0.001;
    several classes of a sample may be 1.

    The formula is the same, but the rounding is not: in float32 a score of -15 with target 0 costs
    3.059e-07 in the first; the second may give 0 or 3.576e-07.
    """
    scores = torch.tensor([[0.0, 3.0, -1.0], [2.0, 0.5, 0.0]])
    targets = torch.tensor([[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])

    far, no = torch.tensor([[-15.0]]), torch.tensor([[0.0]])

    ours = nn.MultiLabelSoftMarginLoss()(scores, targets)

    assert torch.allclose(ours, nn.BCEWithLogitsLoss()(scores, targets)) is True
    assert nn.MultiLabelSoftMarginLoss()(far, no).item() == pytest.approx(3.059e-07, rel=1e-3)
    assert nn.BCEWithLogitsLoss()(far, no).item() == pytest.approx(0.0, abs=0.001)


def test_multi_label_margin_lists_class_numbers():
    """The int64 target of `nn.MultiLabelMarginLoss` has the shape of the float32 scores and
    lists the classes of a sample up to the first -1: [3, 0, -1, 1] means classes 3 and 0.
    """
    scores = torch.tensor([[0.1, 0.2, 0.4, 0.8]])
    loss = nn.MultiLabelMarginLoss()
    targets = torch.tensor([[3, 0, -1, 1]]), torch.tensor([[3, 0, -1, -1]])

    assert [loss(scores, each).item() for each in targets] == pytest.approx([0.85, 0.85])


def test_a_multi_class_margin_takes_class_numbers():
    """`nn.MultiMarginLoss()(scores, target)` of one sample of float32 scores and its int64 class
    `target` adds `max(0, 1 - scores[target] + scores[i])` over the other classes i and divides by
    the number of classes; a non-empty batch is averaged.
    """
    scores = torch.tensor([[0.1, 0.2, 0.4]])

    loss = nn.MultiMarginLoss()(scores, torch.tensor([2]))
    batch = nn.MultiMarginLoss()(torch.cat([scores, 9 * scores]), torch.tensor([2, 2]))

    assert loss.item() == pytest.approx((0.7 + 0.8) / 3)
    assert batch.item() == pytest.approx((0.7 + 0.8) / 3 / 2)


def test_class_numbers_in_float_are_refused_by_name_of_the_dtype():
    """On the CPU `F.multi_margin_loss(scores, target)` of nonempty float32 `scores` (N, C) and
    float32 class indices (N,) raises RuntimeError, "expected scalar type Long but found Float":
    write `target.long()`.
    """
    scores, target = torch.zeros(2, 3), torch.tensor([0.0, 2.0])

    with pytest.raises(RuntimeError, match="expected scalar type Long but found Float"):
        F.multi_margin_loss(scores, target)

    assert F.multi_margin_loss(scores, target.long()).item() == pytest.approx(2 / 3)
