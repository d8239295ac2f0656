"""Regularisation: L1, L2 and weight decay.

Regularisation keeps weights small, so that a network fits its training data less closely. L2 adds
the sum of the squared weights to the loss, L1 the sum of their absolute values, each times a small
number. The setting `weight_decay` of `SGD` is L2 without changing the loss: it adds
`weight_decay * weight` to the gradient. There is no setting for L1: it is a line in the loop.

What surprises: `weight_decay=c` equals an L2 term of `c / 2` times the squares; it decays every
parameter that has a gradient, biases and norms too, unless they are in a group without it
(`spec/optim/test_param_groups.py`), and even where the gradient is 0
(`spec/optim/test_zero_grad.py`); `Adam` with `weight_decay` is not `AdamW`
(`spec/optim/test_adaptive_rules.py`); and the printed loss does not contain what `weight_decay`
does. Dropout (`spec/nn/test_dropout.py`) and early stopping
(`spec/training/test_early_stopping.py`) serve the same end.
"""

import torch
from torch import nn


def test_l2_regularisation_is_the_setting_weight_decay():
    """`torch.optim.SGD([w], lr=1.0, weight_decay=0.25)` computes its step from
    `w.grad + 0.25 * w` instead of `w.grad`: with a gradient of zero, a weight of 4 becomes
    3, and one of -4 becomes -3.

    This is L2 regularisation: weights whose gradient is zero shrink towards zero. A parameter that
    the loss doesn't use has no gradient: its `grad` is None, and `step()` leaves it as it is.
    """
    weight = nn.Parameter(torch.tensor([4.0, -4.0]))
    optimizer = torch.optim.SGD([weight], lr=1.0, weight_decay=0.25)
    weight.grad = torch.tensor([0.0, 0.0])
    unused = nn.Parameter(torch.tensor([4.0]))
    optimizer.add_param_group({"params": [unused]})

    optimizer.step()

    assert weight.tolist() == [3.0, -3.0]
    assert unused.grad is None
    assert unused.tolist() == [4.0]


def test_weight_decay_equals_half_the_squares_in_the_loss():
    """For `c >= 0`, `SGD(net.parameters(), lr, weight_decay=c)` takes up to rounding the same step
    on `loss` as without decay on `loss + c / 2 * sum(p.square().sum() for p in net.parameters())`,
    if `loss` gives each `p` a dense float32 gradient.

    Because the gradient of the added term is `c * weight`. The term also decays a parameter that
    `loss` doesn't reach; `weight_decay` doesn't while the parameter's `grad` is None. `AdamW`
    decays otherwise: `spec/optim/test_adaptive_rules.py`.
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
    """The L1 term `c * sum(p.abs().sum() for p in net.parameters())`, added to the loss, makes
    `backward()` add to the gradient of each trained float32 weight, up to rounding, `c` where it
    is positive, `-c` where negative and 0 where 0.

    So in a step of plain `SGD` it moves a large weight and a small one by the same `lr * c`
    towards 0, a very small one past it. The optimizers of `torch.optim` have no setting for an L1
    term.
    """
    net = nn.Linear(3, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[5.0, -0.5, 0.0]]))

    penalty = 0.25 * sum(p.abs().sum() for p in net.parameters())
    penalty.backward()

    assert penalty.item() == 1.375
    assert net.weight.grad.tolist() == [[0.25, -0.25, 0.0]]


def test_l1_with_sgd_does_not_reach_zero_exactly():
    """With `SGD(lr=1.0)` and no loss but the L1 term `0.5 * weight.abs()`, a float32 weight of
    0.25 swings between -0.25 and 0.25 instead of becoming 0; `F.softshrink(weight, 0.5)` gives 0.

    Soft thresholding makes small weights exactly 0: leave the term `c * weight.abs()` out of the
    loss, and after each step run `weight.copy_(F.softshrink(weight, lr * c))` under
    `torch.no_grad()`.
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
    """An L1 term in the loss and `weight_decay` of `SGD` add up: with the loss
    `0.5 * weight.abs()`, `weight_decay=0.25` and `lr=1.0` a step moves a weight of 4 by 0.5 + 1,
    to 2.5.

    Both together are called the elastic net.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=1.0, weight_decay=0.25)

    (0.5 * weight.abs()).backward()
    optimizer.step()

    assert weight.item() == 4.0 - 0.5 - 1.0


def test_the_loss_does_not_show_weight_decay():
    """The loss that `F.mse_loss` computes does not contain the optimizer's
    `weight_decay`; an L1 or L2 term added to the loss does appear in it.

    To compare the training loss with the validation loss, print the training loss without the L1
    or L2 term.
    """
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 2.0)
    x, y = torch.tensor([[1.0]]), torch.tensor([[2.0]])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5, weight_decay=0.5)

    plain = nn.functional.mse_loss(net(x), y)
    with_term = plain + 0.5 * sum(p.square().sum() for p in net.parameters())

    assert plain.item() == 0.0
    assert with_term.item() == 2.0

    plain.backward()
    optimizer.step()
    assert net.weight.item() == 1.5


def test_one_layer_may_be_penalised_alone():
    """An L1 term over `net[1].parameters()` instead of `net.parameters()`, with
    `net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))`, regularises the second layer
    only: the first one gets no gradient from the term.
    """
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    for layer in net:
        nn.init.constant_(layer.weight, 3.0)

    sum(p.abs().sum() for p in net[1].parameters()).backward()

    assert net[0].weight.grad is None
    assert net[1].weight.grad.tolist() == [[1.0]]
