"""Regularisation: L1, L2 and weight decay.

Regularisation keeps weights small, so that a network fits its training data less closely. L2 adds
the sum of the squared weights to the loss, L1 the sum of their absolute values, each times a small
number. The setting `weight_decay` of an optimizer is L2 without changing the loss: it adds
`weight_decay * weight` to the gradient. There is no setting for L1: it is a line in the loop.

What surprises: `weight_decay=c` equals an L2 term of `c / 2` times the squares; it decays every
parameter that the optimizer has, biases and norms too, unless they are in a group without it;
`Adam` with `weight_decay` is not `AdamW` (`spec/optim/test_adaptive_rules.py`); and the printed
loss does not contain what `weight_decay` does. Dropout (`spec/nn/test_dropout.py`) and early
stopping (`spec/training/test_early_stopping.py`) serve the same end.
"""

import torch
from torch import nn


def test_l2_regularisation_is_the_setting_weight_decay():
    """L2 regularisation is `weight_decay=` of the optimizer: `SGD` adds `weight_decay * weight` to
    the gradient of each parameter.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=1.0, weight_decay=0.25)
    weight.grad = torch.tensor(0.0)

    optimizer.step()

    assert weight.item() == 3.0


def test_weight_decay_equals_half_the_squares_in_the_loss():
    """For `SGD`, `weight_decay=c` takes the same step as `loss + c / 2 * sum(p.square().sum() for p
    in net.parameters())`: the gradient of the square brings a factor 2.
    """
    decayed, penalised = nn.Parameter(torch.tensor(4.0)), nn.Parameter(torch.tensor(4.0))
    by_setting = torch.optim.SGD([decayed], lr=0.5, weight_decay=0.25)
    by_loss = torch.optim.SGD([penalised], lr=0.5)

    decayed.mul(3.0).backward()
    (penalised * 3.0 + 0.25 / 2 * penalised.square()).backward()
    by_setting.step()
    by_loss.step()

    assert decayed.item() == 2.0
    assert penalised.item() == 2.0


def test_l1_regularisation_is_a_term_of_the_loss():
    """L1 regularisation is `loss + c * sum(p.abs().sum() for p in net.parameters())`: it pulls each
    weight towards 0 by the same amount, whatever its size.

    No optimizer has a setting for it. The slope of `abs` at 0 counts as 0.
    """
    net = nn.Linear(3, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[5.0, -0.5, 0.0]]))

    penalty = 0.25 * sum(p.abs().sum() for p in net.parameters())
    penalty.backward()

    assert penalty.item() == 1.375
    assert net.weight.grad.tolist() == [[0.25, -0.25, 0.0]]


def test_l1_with_sgd_does_not_reach_zero_exactly():
    """L1 by a term of the loss makes small weights swing around 0 instead of becoming 0: exact
    zeros need soft thresholding, `F.softshrink(weight, lr * c)`, after the step.
    """
    weight = nn.Parameter(torch.tensor(0.25))
    optimizer = torch.optim.SGD([weight], lr=1.0)

    seen = []
    for _ in range(3):
        optimizer.zero_grad()
        (0.5 * weight.abs()).backward()
        optimizer.step()
        seen.append(weight.item())

    assert seen == [-0.25, 0.25, -0.25]
    assert nn.functional.softshrink(torch.tensor([0.25, 1.0]), 0.5).tolist() == [0.0, 0.5]


def test_both_together_are_the_elastic_net():
    """L1 and L2 together (the elastic net) are two terms of the loss, or an L1 term and
    `weight_decay`.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=1.0, weight_decay=0.25)

    (0.5 * weight.abs()).backward()
    optimizer.step()

    assert weight.item() == 4.0 - 0.5 - 1.0


def test_biases_are_left_out_by_a_group_of_their_own():
    """`weight_decay` acts on all parameters; two groups, one with `"weight_decay": 0.0` for the
    parameters of one dimension, leave biases and norm layers out.
    """
    net = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2))
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim <= 1]

    optimizer = torch.optim.AdamW(
        [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}], weight_decay=0.1
    )

    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]
    assert [len(group["params"]) for group in optimizer.param_groups] == [1, 3]


def test_the_loss_does_not_show_weight_decay():
    """The loss that is printed does not contain `weight_decay`; an L1 or L2 term added to the loss
    does appear in it, and belongs to training only: compute the validation loss without it.
    """
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 2.0)
    x, y = torch.tensor([[1.0]]), torch.tensor([[2.0]])

    plain = nn.functional.mse_loss(net(x), y)
    with_term = plain + 0.5 * sum(p.square().sum() for p in net.parameters())

    assert plain.item() == 0.0
    assert with_term.item() == 2.0


def test_one_layer_may_be_penalised_alone():
    """A term over `net.head.parameters()` instead of `net.parameters()` regularises one layer; a
    term over an activation regularises what the layer gives out.
    """
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    for layer in net:
        nn.init.constant_(layer.weight, 3.0)

    sum(p.abs().sum() for p in net[1].parameters()).backward()

    assert net[0].weight.grad is None
    assert net[1].weight.grad.tolist() == [[1.0]]


def test_weight_decay_moves_a_parameter_whose_gradient_is_zero():
    """A parameter with gradient 0 still shrinks by `weight_decay`; one with `grad` None, such as a
    frozen one, is passed over and keeps its value.
    """
    with_zero, with_none = nn.Parameter(torch.tensor(4.0)), nn.Parameter(torch.tensor(4.0))
    with_zero.grad = torch.tensor(0.0)
    optimizer = torch.optim.SGD([with_zero, with_none], lr=1.0, weight_decay=0.5)

    optimizer.step()

    assert with_zero.item() == 2.0
    assert with_none.item() == 4.0
