"""Dropout.

`nn.Dropout(p)` sets each element of its input to 0 with probability p while the network trains,
so that no unit can rely on another one. The elements that stay are divided by 1 - p, which keeps
the mean on average. In evaluation mode the layer returns its input.

What surprises: p is the probability of dropping, not of keeping; and the function `F.dropout`
drops by default, because a function does not know the mode of the module that calls it. Modes are
on `spec/nn/test_modes.py`.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_dropout_drops_in_training_and_passes_in_evaluation(device):
    """`nn.Dropout(0.5)` in training mode sets about half of 1000 float32 ones to 0 and doubles
    the rest; in evaluation mode it returns the input tensor itself.
    """
    layer = nn.Dropout(p=0.5)
    x = torch.ones(1000, device=device)
    training = layer(x)
    evaluation = layer.eval()(x)

    assert sorted(set(training.tolist())) == [0.0, 2.0]
    assert training.mean().item() == pytest.approx(1.0, abs=0.15)
    assert evaluation is x


@pytest.mark.parametrize(("p", "kept"), [(0.2, 1.25), (0.5, 2.0), (0.75, 4.0)])
def test_dropout_makes_up_for_what_it_drops(p, kept, device):
    """`F.dropout(torch.ones(1000), p)` divides the ones that it keeps by `1 - p`: with `p` = 0.2,
    0.5 or 0.75 it keeps them as 1.25, 2 or 4, so that the mean stays about 1.
    """
    y = F.dropout(torch.ones(1000, device=device), p)

    assert sorted(set(y.tolist())) == [0.0, kept]
    assert y.mean().item() == pytest.approx(1.0, abs=0.2)


def test_dropout_of_one_drops_all_and_of_zero_nothing(device):
    """In `F.dropout` with its default `training=True` the probability `p` is that of being
    dropped: of a float32 tensor of ones `p=1.0` makes zeros, and `p=0.0` leaves the ones.
    """
    x = torch.ones(3, device=device)

    assert F.dropout(x, p=1.0).tolist() == [0.0, 0.0, 0.0]
    assert F.dropout(x, p=0.0).tolist() == [1.0, 1.0, 1.0]


def test_what_is_dropped_gets_no_gradient(device):
    """For `x = torch.ones(1000, requires_grad=True)`, after
    `F.dropout(x, p=0.5).sum().backward()`, `x.grad` is 0 for dropped elements and 2 for the
    others: the same factors as in the forward pass.
    """
    x = torch.ones(1000, device=device, requires_grad=True)

    y = F.dropout(x, p=0.5)
    y.sum().backward()

    assert torch.equal(x.grad, y) is True
    assert sorted(set(x.grad.tolist())) == [0.0, 2.0]


def test_the_function_dropout_does_not_know_the_mode():
    """`F.dropout(x)` of a float32 `x` drops each element with probability 0.5 in the `forward` of
    a module in evaluation mode too, since its argument `training` is True by default; write
    `F.dropout(x, training=self.training)`.
    """
    x = torch.ones(1000)

    class Net(nn.Module):
        def forward(self, x):
            return F.dropout(x), F.dropout(x, training=self.training)

    dropped, passed = Net().eval()(x)

    assert dropped.min().item() == 0.0
    assert passed.min().item() == 1.0


def test_dropout2d_drops_whole_channels(device):
    """In training mode `nn.Dropout2d()`, whose `p` is 0.5, drops whole channels of
    `torch.ones(1, 100, 3, 3)`, [N, C, H, W], and doubles the others: each channel of 3 x 3 ones
    sums to 0 or to 18.

    Neighbouring pixels of a feature map resemble each other, so that single dropped pixels
    would change little.
    """
    y = nn.Dropout2d()(torch.ones(1, 100, 3, 3, device=device))

    assert sorted(set(y.sum((2, 3)).flatten().tolist())) == [0.0, 18.0]


def test_a_probability_is_between_zero_and_one():
    """`nn.Dropout(50)` raises ValueError, "dropout probability has to be between 0 and 1, but
    got 50": write 0.5 for 50 %.
    """
    with pytest.raises(
        ValueError, match="dropout probability has to be between 0 and 1, but got 50"
    ):
        nn.Dropout(50)


def test_dropout_of_integers_is_refused():
    """`F.dropout(x)` of three int64 elements, with the default `p=0.5`, raises RuntimeError,
    "result type Float can't be cast to the desired output"; write `x.float()`.
    `F.dropout(x, training=False)` returns `x`.

    Because `F.dropout` fills a mask of the dtype of `x` with zeros and ones and divides it by
    `1 - p` in place.
    """
    x = torch.ones(3, dtype=torch.int64)

    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        F.dropout(x)
    assert F.dropout(x.float(), p=0.0).tolist() == [1.0, 1.0, 1.0]
    assert F.dropout(x, training=False).tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    "function", [F.dropout1d, F.dropout2d, F.dropout3d], ids=lambda f: f.__name__
)
def test_the_functions_of_channels_drop_unless_told_otherwise(function):
    """`F.dropout1d(x, 1.0)` of float32 ones (2, 2, 2), `F.dropout2d(x, 1.0)` of (1, 2, 2,
    2) and `F.dropout3d(x, 1.0)` of (1, 2, 2, 2, 2) return zeros, as `training` is True by
    default; with `training=False` they return ones.

    Because a function doesn't see `model.eval()`: in `forward` write
    `F.dropout2d(x, p, training=self.training)`, or use `nn.Dropout2d`.
    """
    x = torch.ones(1, 2, 2, 2, 2) if function is F.dropout3d else torch.ones(1, 2, 2, 2)
    x = x[0] if function is F.dropout1d else x

    assert function(x, 1.0).unique().tolist() == [0.0]
    assert function(x, 1.0, training=False).unique().tolist() == [1.0]


@pytest.mark.parametrize(
    "function", [F.alpha_dropout, F.feature_alpha_dropout], ids=lambda f: f.__name__
)
def test_functions_of_alpha_dropout_drop_only_if_told_so(function):
    """`F.alpha_dropout(x, 0.5)` and `F.feature_alpha_dropout(x, 0.5)` of float32 ones (4,
    64, 2) return ones, as `training` is False by default; with `training=True` each element
    becomes one of two other values.

    The default of `F.dropout` is the opposite, `training=True`: give `training=self.training` to
    all three.
    """
    x = torch.ones(4, 64, 2)

    assert function(x, 0.5).unique().tolist() == [1.0]
    assert function(x, 0.5, training=True).unique().numel() == 2
