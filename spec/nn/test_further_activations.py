"""Further activations.

`torch.nn` has more activations than the usual four (`spec/nn/test_activations.py`). Most are
small variations of ReLU, sigmoid or tanh, and are found in papers: SELU and CELU with an
exponential on the negative side, `nn.Hardshrink` and `nn.Softshrink`, which set small numbers to
zero, GLU, which multiplies one half of the features by the sigmoid of the other. The softmax
family turns scores into shares.

What surprises: `nn.GLU` halves the number of features; `nn.PReLU(n)` wants n channels in
dimension 1; `nn.Softmax2d` normalises over channels, not over height and width; and `nn.GELU`
has two formulas.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.parametrize(
    ("layer", "curve"),
    [
        (nn.SELU(), [-1.6706, -1.1113, 0, 1.0507, 3.1521]),
        (nn.CELU(alpha=0.5), [-0.4988, -0.4323, 0, 1, 3]),
        (nn.Softsign(), [-0.75, -0.5, 0, 0.5, 0.75]),
        (nn.Tanhshrink(), [-2.0049, -0.2384, 0, 0.2384, 2.0049]),
        (nn.Hardshrink(1.5), [-3, 0, 0, 0, 3]),
        (nn.Softshrink(0.5), [-2.5, -0.5, 0, 0.5, 2.5]),
        (nn.ReLU6(), [0, 0, 0, 1, 3]),
        (nn.LogSigmoid(), [-3.0486, -1.3133, -0.6931, -0.3133, -0.0486]),
        (nn.Threshold(0.5, -7.0), [-7, -7, -7, 1, 3]),
        (nn.Hardtanh(-2.0, 2.0), [-2, -1, 0, 1, 2]),
        (nn.Hardswish(), [0, -0.3333, 0, 0.6667, 3]),
        (nn.SiLU(), [-0.1423, -0.2689, 0, 0.7311, 2.8577]),
    ],
)
def test_the_curves_of_further_activations(layer, curve, device):
    """At a float32 -3, to four decimals, `nn.SELU()` is -1.6706, `nn.Softsign()` -0.75,
    `nn.Tanhshrink()` -2.0049, `nn.LogSigmoid()` -3.0486, `nn.Hardswish()` 0,
    `nn.Softshrink(0.5)` -2.5 and `nn.Hardtanh(-2.0, 2.0)` -2.

    At -3 `nn.CELU(alpha=0.5)` is -0.4988, `nn.ReLU6()` 0 and `nn.Threshold(0.5, -7.0)` -7, its
    second argument, as -3 is not above 0.5.
    """
    x = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0], device=device)

    assert layer(x).tolist() == pytest.approx(curve, abs=6e-5)


def test_silu_is_swish():
    """For a float32 `x`, up to rounding, `nn.SiLU()` computes `x * sigmoid(x)`, which papers also
    call swish; `nn.Hardswish()` replaces the sigmoid by straight lines: `x * relu6(x + 3) / 6`.
    """
    x = torch.tensor([-2.0, 0.5, 4.0])

    assert torch.allclose(nn.SiLU()(x), x * torch.sigmoid(x)) is True
    assert torch.allclose(nn.Hardswish()(x), x * F.relu6(x + 3) / 6) is True


def test_gelu_has_two_formulas():
    """The formula of `nn.GELU()` is x times the probability that a standard normal number is below
    x; `nn.GELU(approximate="tanh")` approximates it: `torch.tensor(2.0)` becomes 1.95460 instead
    of 1.95450.

    Use the formula that a network was trained with: weights trained with one give slightly other
    outputs with the other. GPT-2 uses the tanh formula.
    """
    x = torch.tensor([-2.0, 2.0])

    assert nn.GELU()(x).tolist() == pytest.approx([-0.04550, 1.95450], abs=1e-5)
    assert nn.GELU(approximate="tanh")(x).tolist() == pytest.approx([-0.04540, 1.95460], abs=1e-5)


def test_glu_halves_the_features(device):
    """For a float32 `x` whose last dimension has an even size, `nn.GLU()(x)` and `F.glu(x)` return
    the first half of that dimension times the sigmoid of the second half: the shape (N, 4) becomes
    (N, 2).
    """
    x = torch.tensor([[2.0, 4.0, 0.0, 100.0]], device=device)

    assert nn.GLU()(x).tolist() == [[1.0, 4.0]]
    assert F.glu(x).tolist() == [[1.0, 4.0]]


def test_glu_wants_an_even_number():
    """`nn.GLU()` of an input of shape (2, 3) raises RuntimeError, "Halving dimension must be even,
    but dimension 1 is size 3".

    Give the layer before it twice the features that shall come out: `nn.Linear(3, 8)` and
    `nn.GLU()` make 4.
    """
    x = torch.zeros(2, 3)

    with pytest.raises(
        RuntimeError, match="Halving dimension must be even, but dimension 1 is size"
    ):
        nn.GLU()(x)
    assert nn.GLU()(nn.Linear(3, 8)(x)).shape == (2, 4)


def test_prelu_may_have_a_slope_for_each_channel():
    """`nn.PReLU(2)` has one slope for each of the 2 channels in dimension 1 of a float32 input;
    for an input of shape (1, 3) it raises RuntimeError, "Mismatch of parameter numbers and input
    channel size".
    """
    layer = nn.PReLU(2)
    layer.weight.data = torch.tensor([0.5, 0.1])
    x = torch.tensor([[[-2.0], [-2.0]]])

    assert layer(x).flatten().tolist() == pytest.approx([-1.0, -0.2])
    with pytest.raises(RuntimeError, match="Mismatch of parameter numbers and input channel size"):
        nn.PReLU(2)(torch.zeros(1, 3))


@pytest.mark.parametrize(
    ("layer", "row"),
    [
        (nn.Softmax(dim=1), [0.25, 0.75]),
        (nn.Softmin(dim=1), [0.75, 0.25]),
        (lambda x: F.softmin(x, dim=1), [0.75, 0.25]),
        (nn.LogSoftmax(dim=1), [-1.3863, -0.2877]),
    ],
)
def test_the_softmax_family(layer, row, device):
    """For `x = torch.tensor([[0.0, math.log(3)]])`, up to rounding, `nn.Softmax(dim=1)(x)` is 0.25
    and 0.75, `nn.Softmin(dim=1)(x)`, the softmax of `-x`, 0.75 and 0.25, and
    `nn.LogSoftmax(dim=1)(x)` log 0.25 and log 0.75.

    `F.softmax`, `F.softmin` and `F.log_softmax` with `dim=1` are the functions for it.
    """
    x = torch.tensor([[1.0, 3.0]], device=device).log()

    assert layer(x).flatten().tolist() == pytest.approx(row, abs=1e-4)


def test_log_softmax_stays_finite():
    """`F.log_softmax(x, dim=0)` of the float32 scores 0 and 200 is -200 and 0;
    `F.softmax(x, dim=0).log()` is minus infinity and 0, because the probability of the
    first score rounds to 0.
    """
    x = torch.tensor([0.0, 200.0])

    assert F.log_softmax(x, dim=0).tolist() == [-200.0, 0.0]
    assert F.softmax(x, dim=0).log().tolist() == [-float("inf"), 0.0]


def test_softmax2d_normalises_over_the_channels():
    """`nn.Softmax2d()(x)` of a finite float32 `x` of shape (N, C, H, W) is `x.softmax(dim=1)`: the
    channels of each pixel sum to 1 up to rounding, not the pixels of a channel.

    For a map that sums to 1 over the pixels of each channel write
    `x.flatten(2).softmax(-1).view_as(x)`.
    """
    x = torch.randn(2, 3, 4, 4)

    over_pixels = x.flatten(2).softmax(-1).view_as(x)

    assert torch.allclose(nn.Softmax2d()(x), x.softmax(dim=1)) is True
    assert nn.Softmax2d()(x).sum(1).flatten().tolist() == pytest.approx([1.0] * 32)
    assert torch.allclose(nn.Softmax2d()(x), over_pixels) is False
    assert over_pixels.sum((2, 3)).flatten().tolist() == pytest.approx([1.0] * 6)


def test_gumbel_softmax_draws_a_class():
    """`F.gumbel_softmax(logits, hard=True)` of many float32 rows
    `[math.log(0.25), math.log(0.75)]` that require grad is one-hot up to rounding, about 3 of 4
    rows of class 1; `backward()` of column 1's sum gives most `logits` nonzero gradients.

    It replaces `torch.multinomial` where gradients shall reach the logits through the draw.
    """
    logits = torch.tensor([0.25, 0.75]).log().expand(2000, 2).clone().requires_grad_()

    draws = F.gumbel_softmax(logits, tau=1.0, hard=True)
    draws[:, 1].sum().backward()

    assert draws.sum(1).unique().tolist() == pytest.approx([1.0])
    assert draws[:, 1].mean().item() == pytest.approx(0.75, abs=0.04)
    assert logits.grad.count_nonzero().item() > 3900
    assert F.gumbel_softmax(logits).amax(1).min().item() < 0.9


def test_selu_and_alpha_dropout_keep_the_statistics():
    """`nn.SELU` maps 200,000 standard normal inputs to outputs of mean 0 and variance 1, up to
    sampling noise, and `nn.AlphaDropout(0.2)` after it keeps both; `torch.relu` of these inputs
    has mean 0.4.
    """
    x = torch.randn(200_000)

    y = nn.SELU()(x)
    dropped = nn.AlphaDropout(0.2)(y)

    assert [y.mean().item(), y.std().item()] == pytest.approx([0.0, 1.0], abs=0.02)
    assert [dropped.mean().item(), dropped.std().item()] == pytest.approx([0.0, 1.0], abs=0.03)
    assert torch.relu(x).mean().item() == pytest.approx(0.4, abs=0.01)
