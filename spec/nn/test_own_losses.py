"""Losses of one's own: focal, contrastive, Dice.

A loss is any function that makes one number of tensors by differentiable operations: no class has
to be inherited, and no `backward` written. Many losses of papers are two lines over those of
`torch.nn.functional`; this page shows some that are asked for.

What surprises: `reduction="none"` of a ready-made loss is the start of most of them; contrastive
losses are a cross entropy over a matrix of similarities, whose targets are `arange(n)`; and what
goes through `argmax`, a comparison or `item()` has no gradient, and the gradient of `round` is 0.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_a_loss_is_a_function_and_needs_no_class():
    """A Python function that makes a float32 scalar tensor of output and target by differentiable
    operations, such as `abs` and `mean`, serves as a loss: `backward()` goes through it to an
    output that requires grad.

    A subclass of `nn.Module` is worth writing where the loss has parameters or buffers: its
    `parameters()` and `to()` then find them.
    """

    def relative_error(output, target):
        return ((output - target).abs() / target.abs()).mean()

    output = torch.tensor([3.0, 8.0], requires_grad=True)
    loss = relative_error(output, torch.tensor([2.0, 10.0]))
    loss.backward()

    assert loss.item() == pytest.approx(0.35)
    assert output.grad.tolist() == pytest.approx([0.25, -0.05])


def test_a_loss_through_argmax_has_no_gradient():
    """With `scores = torch.tensor([[2.0, 1.0]], requires_grad=True)` and `y = torch.tensor([1])`,
    `backward()` of `1 - (scores.argmax(1) == y).float().mean()` raises RuntimeError, "element 0 of
    tensors does not require grad".

    Because `argmax` returns int64, which can't require grad: train on `F.cross_entropy` and
    report the accuracy.
    """
    scores = torch.tensor([[2.0, 1.0]], requires_grad=True)
    y = torch.tensor([1])

    loss = 1 - (scores.argmax(1) == y).float().mean()

    assert loss.item() == 1.0
    with pytest.raises(
        RuntimeError, match="element 0 of tensors does not require grad and does not"
    ):
        loss.backward()


def test_weights_of_samples_multiply_the_unreduced_loss():
    """For scores (N, C), class indices `y` (N,) and sample weights `w` (N,),
    `(F.cross_entropy(scores, y, reduction="none") * w).sum() / w.sum()` weights each
    sample; `weight=` of `F.cross_entropy` has one number per class.
    """
    scores = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
    each = F.cross_entropy(scores, torch.tensor([0, 1]), reduction="none")
    weight = torch.tensor([3.0, 1.0])

    loss = (each * weight).sum() / weight.sum()

    assert each.tolist() == pytest.approx([math.log(2), 2.1269], abs=1e-4)
    assert loss.item() == pytest.approx((3 * math.log(2) + 2.1269) / 4, abs=1e-4)


def test_focal_loss_is_cross_entropy_that_forgets_the_easy():
    """Focal loss of several classes, without weights, is `(1 - torch.exp(-ce))**gamma * ce` with
    `ce = F.cross_entropy(scores, y, reduction="none")` of logits `scores`: `torch.exp(-ce)` is the
    probability of class `y`; gamma 0 gives `ce`.

    Because a sample that is already right with probability near 1 gets a factor near 0: easy
    samples count little.
    """

    def focal_loss(scores, y, gamma=2.0):
        ce = F.cross_entropy(scores, y, reduction="none")
        return ((1 - torch.exp(-ce)) ** gamma * ce).mean()

    scores, y = torch.tensor([[0.0, 0.0], [4.0, 0.0]]), torch.tensor([0, 0])

    assert focal_loss(scores[:1], y[:1]).item() == pytest.approx(0.25 * math.log(2))
    assert focal_loss(scores[1:], y[1:]).item() < 1e-5
    assert focal_loss(scores, y, gamma=0.0).item() == F.cross_entropy(scores, y).item()


def test_binary_focal_loss_is_in_torchvision():
    """`torchvision.ops.sigmoid_focal_loss(scores, targets)` is the focal loss of binary logits
    with float targets 0 and 1; the defaults are `gamma=2`, `reduction="none"` and `alpha=0.25`,
    the weight of target 1: target 0 has the weight 0.75.
    """
    ops = pytest.importorskip("torchvision.ops", reason="needs torchvision; it is not here")
    scores, yes, no = torch.tensor([0.0]), torch.tensor([1.0]), torch.tensor([0.0])

    plain = ops.sigmoid_focal_loss(scores, yes, alpha=-1)

    assert plain.tolist() == pytest.approx([0.25 * math.log(2)])
    assert ops.sigmoid_focal_loss(scores, yes).tolist() == pytest.approx([0.0625 * math.log(2)])
    assert ops.sigmoid_focal_loss(scores, no).tolist() == pytest.approx([0.1875 * math.log(2)])


def test_info_nce_is_cross_entropy_over_similarities():
    """InfoNCE of n > 0 pairs of normalised float32 rows `a[i]`, `b[i]`, with a number
    `temperature` > 0, is `F.cross_entropy(a @ b.T / temperature, torch.arange(n))`: in row i of
    the similarities `a @ b.T` the partner is in column i.

    CLIP takes the mean of this and of the same loss for `b @ a.T`.
    """
    a = F.normalize(torch.tensor([[1.0, 0.0], [0.0, 2.0]]), dim=1)
    b = F.normalize(torch.tensor([[3.0, 0.0], [0.0, 1.0]]), dim=1)

    loss = F.cross_entropy(a @ b.T / 0.5, torch.arange(2))
    swapped = F.cross_entropy(a @ b.flip(0).T / 0.5, torch.arange(2))

    assert loss.item() == pytest.approx(math.log(1 + math.exp(-2)))
    assert swapped.item() == pytest.approx(math.log(1 + math.exp(2)))


def test_contrastive_scores_of_a_row_with_itself_are_masked():
    """For `F.normalize`d rows `z = torch.cat([first, second])` of two views of n images
    (SimCLR), `masked_fill` sets the diagonal of `z @ z.T`, each row with itself, to
    `-torch.inf`; row i has the target `(i + n) % (2 * n)` in `F.cross_entropy`.
    """
    z = F.normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]), dim=1)
    n = len(z) // 2

    scores = (z @ z.T).masked_fill(torch.eye(2 * n, dtype=torch.bool), -torch.inf)
    target = (torch.arange(2 * n) + n) % (2 * n)
    loss = F.cross_entropy(scores, target)

    assert target.tolist() == [2, 3, 0, 1]
    assert loss.item() == pytest.approx(math.log(math.e + 2) - 1)


def test_dice_loss_compares_overlap_with_size():
    """`1 - 2 * (p * y).sum() / (p.sum() + y.sum())` is a soft Dice loss without smoothing, `p`
    being a tensor of probabilities and `y` the mask of 0 and 1; if all elements of `p` and
    `y` are 0, the loss is NaN.

    Because it then divides 0 by 0: add a small number, such as 1e-6, to numerator and
    denominator. Background pixels with `p` 0 change nothing, so that a small foreground is not
    outweighed.
    """
    y = torch.tensor([[0.0, 0.0, 0.0, 1.0]])
    p = torch.tensor([[0.0, 0.0, 0.5, 0.5]])

    loss = 1 - 2 * (p * y).sum() / (p.sum() + y.sum())

    empty = torch.zeros(1, 4)
    of_nothing = 1 - 2 * (empty * empty).sum() / (empty.sum() + empty.sum())

    assert loss.item() == 0.5
    assert of_nothing.isnan().item() is True


def test_a_loss_with_parameters_is_given_to_the_optimizer():
    """`net.parameters()` holds none of the parameters of a loss module `criterion` that shares no
    module or parameter with `net`: hand `[*net.parameters(), *criterion.parameters()]` to the
    optimizer.
    """

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.log_scale = nn.Parameter(torch.tensor(0.0))

        def forward(self, error):
            return (error * torch.exp(-self.log_scale) + self.log_scale).sum()

    net, criterion = nn.Linear(1, 1), Scaled()
    optimizer = torch.optim.SGD([*net.parameters(), *criterion.parameters()], lr=0.5)

    criterion(torch.tensor([3.0])).backward()
    optimizer.step()

    assert len(list(net.parameters())) == 2
    assert len(optimizer.param_groups[0]["params"]) == 3
    assert criterion.log_scale.item() == 1.0
