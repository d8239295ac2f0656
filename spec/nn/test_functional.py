"""Functions beside the modules.

`torch.nn.functional`, imported as `F`, has a function for most layers of `torch.nn`: `F.celu` for
`nn.CELU`, `F.max_pool3d` for `nn.MaxPool3d`, but none for `nn.LSTM`. A function keeps nothing:
what a module stores in itself, weights, running statistics, whether it is in training mode, a
function is given with each call. Where there is nothing to store, the two compute the same; in
`forward` people write whichever is shorter.

What surprises: a function knows nothing of `model.eval()`: `F.batch_norm` normalises by the
statistics given unless `training=True`. Functions of other layers are on the pages of these layers:
`spec/nn/test_dropout.py` (`F.dropout` drops by default, `F.alpha_dropout` does not),
`spec/nn/test_pooling.py`, `spec/nn/test_resizing.py`, `spec/nn/test_normalisation.py`,
`spec/nn/test_embeddings.py`, `spec/nn/test_further_losses.py`.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F


@pytest.mark.parametrize(
    ("function", "module", "values"),
    [
        (F.hardshrink, nn.Hardshrink(), [-1.0, 0.0, 0.0, 4.0]),
        (F.softshrink, nn.Softshrink(), [-0.5, 0.0, 0.0, 3.5]),
        (F.tanhshrink, nn.Tanhshrink(), [-0.2384, -0.0379, 0.0, 3.0007]),
    ],
)
def test_shrinking_activations(function, module, values):
    """With the default `lambd=0.5`, `F.hardshrink` makes float32 numbers from -0.5 to 0.5 zero;
    `F.softshrink` also moves the others 0.5 towards zero, up to rounding. `F.tanhshrink(x)` is
    `x - x.tanh()`. `nn.Hardshrink()` and so on do the same.
    """
    x = torch.tensor([-1.0, -0.5, 0.0, 4.0])

    assert function(x).tolist() == pytest.approx(values, abs=1e-4)
    assert module(x).tolist() == pytest.approx(values, abs=1e-4)


def test_the_function_of_prelu_is_given_its_slope():
    """`F.prelu(x, weight)` multiplies the negative elements of a float32 `x` by a float32 `weight`
    of shape (1,), which `nn.PReLU()` keeps as a parameter, 0.25 at first: with
    `torch.tensor([0.25])` -4.0 becomes -1.0.
    """
    x = torch.tensor([-4.0, 4.0])

    assert F.prelu(x, torch.tensor([0.25])).tolist() == [-1.0, 4.0]
    assert nn.PReLU()(x).tolist() == [-1.0, 4.0]


@pytest.mark.parametrize(
    ("function", "values"),
    [
        (F.relu_, [0.0, 0.0, 2.0]),
        (F.elu_, [-0.6321, 0.0, 2.0]),
        (F.celu_, [-0.6321, 0.0, 2.0]),
        (F.selu_, [-1.1113, 0.0, 2.1014]),
        (F.leaky_relu_, [-0.01, 0.0, 2.0]),
        (F.rrelu_, [-0.2292, 0.0, 2.0]),
        (F.hardtanh_, [-1.0, 0.0, 1.0]),
    ],
)
def test_activations_with_an_underscore_write_into_their_input(function, values):
    """Called with a contiguous float32 tensor `x` that doesn't require grad, `F.relu_(x)`,
    `elu_`, `celu_`, `selu_`, `leaky_relu_`, `rrelu_` and `hardtanh_` write their results
    into `x` and return `x` itself.
    """
    x = torch.tensor([-1.0, 0.0, 2.0])

    result = function(x)

    assert result is x
    assert x.tolist() == pytest.approx(values, abs=1e-4)


def test_threshold_replaces_what_is_not_above_it():
    """`F.threshold(x, 0.5, 9.0)` of `x = torch.tensor([0.0, 0.5, 1.0])` is [9, 9, 1]: 9 in
    place of what is less than or equal to 0.5, as by `nn.Threshold(0.5, 9.0)`; `F.threshold_`
    does so in place, if `x` does not require grad.
    """
    x = torch.tensor([0.0, 0.5, 1.0])

    assert F.threshold(x, 0.5, 9.0).tolist() == [9.0, 9.0, 1.0]
    assert nn.Threshold(0.5, 9.0)(x).tolist() == [9.0, 9.0, 1.0]
    assert F.threshold_(x, 0.5, 9.0) is x
    assert x.tolist() == [9.0, 9.0, 1.0]


@pytest.mark.parametrize(
    ("function", "setting", "values"),
    [
        (F.max_pool2d, 2, [[5.0, 7.0], [13.0, 15.0]]),
        (F.avg_pool2d, 2, [[2.5, 4.5], [10.5, 12.5]]),
        (F.adaptive_avg_pool2d, 2, [[2.5, 4.5], [10.5, 12.5]]),
        (F.adaptive_max_pool2d, 2, [[5.0, 7.0], [13.0, 15.0]]),
        (F.avg_pool2d, 4, [[7.5]]),
        (F.adaptive_avg_pool2d, 1, [[7.5]]),
        (F.adaptive_max_pool2d, 1, [[15.0]]),
    ],
)
def test_pooling_functions_take_a_window_or_a_size(function, setting, values):
    """The second argument of `F.max_pool2d` and `F.avg_pool2d` is the kernel size, that of
    `F.adaptive_max_pool2d` and `F.adaptive_avg_pool2d` the output size:
    `F.avg_pool2d(torch.arange(16.0).reshape(1, 1, 4, 4), 4)` is [[[[7.5]]]].
    """
    x = torch.arange(16.0).reshape(1, 1, 4, 4)

    assert function(x, setting)[0, 0].tolist() == values


@pytest.mark.parametrize(
    ("function", "setting", "value"),
    [
        (F.max_pool3d, 2, 7.0),
        (F.avg_pool3d, 2, 3.5),
        (F.adaptive_max_pool3d, 1, 7.0),
        (F.adaptive_avg_pool3d, 1, 3.5),
    ],
)
def test_pooling_functions_of_volumes(function, setting, value):
    """For `x = torch.arange(8.0).reshape(1, 1, 2, 2, 2)`, `F.max_pool3d(x, 2)` and
    `F.adaptive_max_pool3d(x, 1)` give the maximum 7, `F.avg_pool3d(x, 2)` and
    `F.adaptive_avg_pool3d(x, 1)` the mean 3.5.
    """
    x = torch.arange(8.0).reshape(1, 1, 2, 2, 2)

    assert function(x, setting).tolist() == [[[[[value]]]]]


def test_functions_of_layers_are_given_the_weights():
    """By default `F.conv3d(x, weight)` takes a weight of shape (out_channels, in_channels, kD, kH,
    kW), as in `nn.Conv3d`; `F.conv_transpose2d(x, weight)` one of (in_channels, out_channels, kH,
    kW), as in `nn.ConvTranspose2d`.

    So `F.conv_transpose2d(torch.full((1, 1, 1, 1), 2.0), w)` with a float32 `w` of shape (1, 1, 2,
    2) is `2 * w`. The weight of a layer with `groups=2` needs `groups=2` in the function too.
    """
    volume = torch.arange(8.0).reshape(1, 1, 2, 2, 2)
    kernel = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])

    assert F.conv3d(volume, torch.ones(1, 1, 2, 2, 2)).tolist() == [[[[[28.0]]]]]
    assert nn.Conv3d(2, 3, 4).weight.shape == (3, 2, 4, 4, 4)
    assert F.conv3d(torch.ones(1, 2, 4, 4, 4), torch.ones(3, 2, 4, 4, 4)).shape == (1, 3, 1, 1, 1)
    assert nn.ConvTranspose2d(2, 3, 4).weight.shape == (2, 3, 4, 4)
    assert F.conv_transpose2d(torch.ones(1, 2, 1, 1), torch.ones(2, 3, 4, 4)).shape == (1, 3, 4, 4)
    assert F.conv_transpose2d(torch.full((1, 1, 1, 1), 2.0), kernel).tolist() == [
        [[[2.0, 4.0], [6.0, 8.0]]]
    ]


def test_the_function_of_batch_norm_is_given_the_statistics():
    """For a float32 `x` of shape (2, 1), `F.batch_norm(x, mean, var)` normalises by `mean` and
    `var`, float32 of shape (1,); `F.batch_norm(x, None, None, training=True)` by those of the
    batch; `F.batch_norm(x, None, None)` raises RuntimeError.
    """
    x = torch.tensor([[1.0], [3.0]])

    given = F.batch_norm(x, torch.tensor([2.0]), torch.tensor([4.0]))
    taken = F.batch_norm(x, None, None, training=True)

    assert given.tolist() == [[pytest.approx(-0.5, abs=1e-4)], [pytest.approx(0.5, abs=1e-4)]]
    assert taken.tolist() == [[pytest.approx(-1.0, abs=1e-4)], [pytest.approx(1.0, abs=1e-4)]]
    with pytest.raises(RuntimeError, match="running_mean must be defined in evaluation mode"):
        F.batch_norm(x, None, None)


def test_an_adaptive_softmax_gives_rare_classes_smaller_layers():
    """`nn.AdaptiveLogSoftmaxWithLoss(8, 10, cutoffs=[2, 5], div_value=2.0)` scores classes 0 and 1
    in its head and the rest in two clusters, projected to 4 and 2 features; for `x` of shape (N,
    8), `log_prob(x).exp().sum(1)` is 1, up to rounding.

    It makes large vocabularies cheap, if the classes are numbered from the most frequent to the
    rarest. The default `div_value=4.0` would leave 2 and 0 features of these 8.
    """
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 10, cutoffs=[2, 5], div_value=2.0)

    probabilities = layer.log_prob(torch.ones(3, 8)).exp()

    assert layer.head.weight.shape == (4, 8)
    assert [tuple(cluster[0].weight.shape) for cluster in layer.tail] == [(4, 8), (2, 8)]
    assert probabilities.sum(1).tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_an_adaptive_softmax_returns_output_and_loss():
    """`nn.AdaptiveLogSoftmaxWithLoss`, called with a float32 input of shape (N, in_features) and N
    int64 class indices, returns a named tuple: `output`, the log-probability of each sample's
    class, and `loss`, minus their mean.

    A class index of 10 for ten classes raises RuntimeError, "Target values should be in [0,
    9]".
    """
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 10, cutoffs=[2, 5], div_value=2.0)

    result = layer(torch.ones(3, 8), torch.tensor([0, 3, 9]))

    assert result._fields == ("output", "loss")
    assert result.output.shape == (3,)
    assert result.loss.item() == pytest.approx(-result.output.mean().item())
    with pytest.raises(RuntimeError, match=r"Target values should be in \[0, 9\]"):
        layer(torch.ones(1, 8), torch.tensor([10]))


def test_container_and_nllloss2d_are_retired_names():
    """`nn.Container` and `nn.NLLLoss2d` are deprecated: creating one still works but warns. Write
    a subclass of `nn.Module` instead of the first, and `nn.NLLLoss()`, which takes
    log-probabilities (N, C, H, W) too, instead of the second.
    """
    log_probs, classes = torch.zeros(1, 2, 3, 3) - 5.0, torch.zeros(1, 3, 3, dtype=torch.int64)

    with pytest.warns(Warning, match="`?nn.Container`? is deprecated"):
        box = nn.Container(act=nn.ReLU())
    with pytest.warns(Warning, match="`?NLLLoss2d`? has been deprecated"):
        old = nn.NLLLoss2d()

    assert [name for name, _ in box.named_children()] == ["act"]
    assert old(log_probs, classes).item() == 5.0
    assert nn.NLLLoss()(log_probs, classes).item() == 5.0
