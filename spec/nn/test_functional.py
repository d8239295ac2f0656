"""Functions beside the modules.

`torch.nn.functional`, imported as `F`, has a function for most layers of `torch.nn`: `F.celu` for
`nn.CELU`, `F.max_pool3d` for `nn.MaxPool3d`, but none for `nn.LSTM`. A function keeps nothing:
what a module stores in itself, weights, running statistics, whether it is in training mode, a
function is given with each call. Where there is nothing to store, the two compute the same; in
`forward` people write whichever is shorter.

What surprises: a function knows nothing of `model.eval()`. `F.dropout` drops by default, and
`F.alpha_dropout` by default does not. The modules are told in `spec/nn/test_activations.py`,
`spec/nn/test_further_activations.py`, `spec/nn/test_pooling.py` and `spec/nn/test_dropout.py`,
losses as functions in `spec/nn/test_further_losses.py`.
"""

import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional as F


@pytest.mark.parametrize(
    ("function", "module", "values"),
    [
        (F.celu, nn.CELU(), [-0.9817, 4.0]),
        (F.selu, nn.SELU(), [-1.7259, 4.2028]),
        (F.mish, nn.Mish(), [-0.0726, 3.9974]),
        (F.softsign, nn.Softsign(), [-0.8, 0.8]),
        (F.softplus, nn.Softplus(), [0.0181, 4.0181]),
        (F.hardsigmoid, nn.Hardsigmoid(), [0.0, 1.0]),
        (F.hardswish, nn.Hardswish(), [0.0, 4.0]),
        (F.hardtanh, nn.Hardtanh(), [-1.0, 1.0]),
    ],
)
def test_smooth_and_hard_activations_at_minus_four_and_four(function, module, values):
    """To two decimals, of [-4.0, 4.0] `F.celu` makes [-0.98, 4], `selu` [-1.73, 4.20], `mish`
    [-0.07, 4.00], `softsign` [-0.8, 0.8], `softplus` [0.02, 4.02], `hardsigmoid` [0, 1],
    `hardswish` [0, 4], `hardtanh` [-1, 1].
    """
    x = torch.tensor([-4.0, 4.0])

    assert function(x).tolist() == pytest.approx(values, abs=1e-4)
    assert module(x).tolist() == pytest.approx(values, abs=1e-4)


@pytest.mark.parametrize(
    ("function", "module", "values"),
    [
        (F.hardshrink, nn.Hardshrink(), [-1.0, 0.0, 0.0, 4.0]),
        (F.softshrink, nn.Softshrink(), [-0.5, 0.0, 0.0, 3.5]),
        (F.tanhshrink, nn.Tanhshrink(), [-0.2384, -0.0379, 0.0, 3.0007]),
    ],
)
def test_shrinking_activations(function, module, values):
    """With the default `lambd=0.5`, `F.hardshrink` makes the numbers from -0.5 to 0.5 zero and
    `F.softshrink` also moves the others 0.5 towards zero; `F.tanhshrink(x)` is `x - tanh(x)`.
    `nn.Hardshrink()` and so on do the same.
    """
    x = torch.tensor([-1.0, -0.5, 0.0, 4.0])

    assert function(x).tolist() == pytest.approx(values, abs=1e-4)
    assert module(x).tolist() == pytest.approx(values, abs=1e-4)


def test_softmin_prefers_the_smallest():
    """`F.softmin(x, dim=0)` and `nn.Softmin(0)(x)` compute `F.softmax(-x, dim=0)` of a float
    tensor: of [0, ln 3] they make [3/4, 1/4].
    """
    x = torch.tensor([0.0, 3.0]).where(torch.tensor([True, False]), torch.tensor(3.0).log())

    assert F.softmin(x, dim=0).tolist() == pytest.approx([0.75, 0.25])
    assert nn.Softmin(0)(x).tolist() == pytest.approx([0.75, 0.25])


def test_the_function_of_prelu_is_given_its_slope():
    """`F.prelu(x, weight)` multiplies negative numbers by `weight`, which `nn.PReLU` keeps as a
    parameter, 0.25 at first: with `torch.tensor([0.25])` -4 becomes -1.
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
    """Of a float32 tensor that doesn't require grad, `F.relu_(x)`, `elu_`, `celu_`, `selu_`,
    `leaky_relu_`, `rrelu_` and `hardtanh_` write their values into `x` and return `x` itself.
    """
    x = torch.tensor([-1.0, 0.0, 2.0])

    result = function(x)

    assert result is x
    assert x.tolist() == pytest.approx(values, abs=1e-4)


def test_threshold_replaces_what_is_not_above_it():
    """`F.threshold(x, 0.5, 9.0)` replaces each number less than or equal to 0.5 by 9, as
    `nn.Threshold(0.5, 9.0)` does; `F.threshold_` does so in place.
    """
    x = torch.tensor([0.0, 0.5, 1.0])

    assert F.threshold(x, 0.5, 9.0).tolist() == [9.0, 9.0, 1.0]
    assert nn.Threshold(0.5, 9.0)(x).tolist() == [9.0, 9.0, 1.0]
    assert F.threshold_(x, 0.5, 9.0) is x
    assert x.tolist() == [9.0, 9.0, 1.0]


@pytest.mark.parametrize(
    "function", [F.dropout, F.dropout1d, F.dropout2d, F.dropout3d], ids=lambda f: f.__name__
)
def test_functions_of_dropout_drop_unless_told_otherwise(function):
    """Of a tensor of ones `F.dropout(x, 1.0)`, `dropout1d`, `dropout2d` and `dropout3d` make zeros,
    as `training` is True by default; with `training=False` they return ones.

    Because a function doesn't see `model.eval()`: in `forward` write `F.dropout(x, p,
    training=self.training)`, or use `nn.Dropout`.
    """
    x = torch.ones(1, 2, 2, 2, 2) if function is F.dropout3d else torch.ones(1, 2, 2, 2)
    x = x[0] if function is F.dropout1d else x

    assert function(x, 1.0).unique().tolist() == [0.0]
    assert function(x, 1.0, training=False).unique().tolist() == [1.0]


@pytest.mark.parametrize(
    "function", [F.alpha_dropout, F.feature_alpha_dropout], ids=lambda f: f.__name__
)
def test_functions_of_alpha_dropout_drop_only_if_told_so(function):
    """Of a tensor of ones `F.alpha_dropout(x, 0.5)` and `feature_alpha_dropout` return ones, as
    `training` is False by default; with `training=True` kept and dropped elements get two other
    values.

    The default is the opposite of that of `F.dropout`: give `training=self.training` to both.
    """
    x = torch.ones(4, 64, 2)

    assert function(x, 0.5).unique().tolist() == [1.0]
    assert function(x, 0.5, training=True).unique().numel() == 2


def test_the_function_of_rrelu_draws_slopes_in_training_only():
    """`F.rrelu(x)` of a float32 `x`, with its default bounds 1/8 and 1/3, multiplies negative
    numbers by their mean, 11/48; with `training=True` it draws a slope between the bounds for
    each.
    """
    x = torch.full((10000,), -48.0)

    drawn = F.rrelu(x, training=True)

    assert F.rrelu(x).unique().tolist() == pytest.approx([-11.0])
    assert drawn.min().item() == pytest.approx(-16.0, abs=0.1)
    assert drawn.max().item() == pytest.approx(-6.0, abs=0.1)


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
    `F.adaptive_max_pool2d` and `F.adaptive_avg_pool2d` the output size: `avg_pool2d(x, 4)` and
    `adaptive_avg_pool2d(x, 1)` of a 4 x 4 image are its mean.
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
    """Of the numbers 0 to 7 in 2 x 2 x 2, `F.max_pool3d(x, 2)` and `adaptive_max_pool3d(x, 1)` give
    the maximum 7, `avg_pool3d(x, 2)` and `adaptive_avg_pool3d(x, 1)` the mean 3.5.
    """
    x = torch.arange(8.0).reshape(1, 1, 2, 2, 2)

    assert function(x, setting).tolist() == [[[[[value]]]]]


def test_lp_pooling_is_a_norm_of_each_window():
    """`F.lp_pool1d(x, 2, kernel_size=2)` and `lp_pool2d` take the square root of the sum of squares
    of each pooling window: 5 of 3 and 4. With `norm_type` 1, `F.lp_pool1d(x, 1, kernel_size=2)`
    takes the sum, 7.
    """
    x = torch.tensor([[[3.0, 4.0], [0.0, 0.0]]])

    assert F.lp_pool1d(x, 2, kernel_size=2).tolist() == [[[5.0], [0.0]]]
    assert F.lp_pool2d(x, 2, kernel_size=2).tolist() == [[[5.0]]]
    assert F.lp_pool1d(x, 1, kernel_size=2).tolist() == [[[7.0], [0.0]]]


def test_unpooling_puts_each_number_back_at_its_index():
    """`F.max_unpool1d(x, indices, 2)`, `max_unpool2d` and `max_unpool3d` put each number of `x`
    where its index says and zeros elsewhere; an index counts positions of the flattened output of
    one channel.
    """
    line = F.max_unpool1d(torch.tensor([[[5.0]]]), torch.tensor([[[1]]]), 2)
    image = F.max_unpool2d(torch.tensor([[[[5.0]]]]), torch.tensor([[[[2]]]]), 2)
    volume = F.max_unpool3d(torch.tensor([[[[[5.0]]]]]), torch.tensor([[[[[7]]]]]), 2)

    assert line.tolist() == [[[0.0, 5.0]]]
    assert image.tolist() == [[[[0.0, 0.0], [5.0, 0.0]]]]
    assert volume.flatten().tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0]


def test_functions_of_layers_are_given_the_weights():
    """`F.conv3d(x, weight)` and `F.conv_transpose2d(x, weight)` are given the kernel that
    `nn.Conv3d` and `nn.ConvTranspose2d` store: a 2 x 2 x 2 kernel of ones sums up its input, and of
    a single 2 `conv_transpose2d` makes twice the kernel.
    """
    volume = torch.arange(8.0).reshape(1, 1, 2, 2, 2)
    kernel = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])

    assert F.conv3d(volume, torch.ones(1, 1, 2, 2, 2)).tolist() == [[[[[28.0]]]]]
    assert F.conv_transpose2d(torch.full((1, 1, 1, 1), 2.0), kernel).tolist() == [
        [[[2.0, 4.0], [6.0, 8.0]]]
    ]


def test_the_function_of_batch_norm_is_given_the_statistics():
    """`F.batch_norm(x, mean, var)` normalises by the statistics given, `F.batch_norm(x, None, None,
    training=True)` by those of the batch; `F.batch_norm(x, None, None)` raises RuntimeError,
    "running_mean must be defined in evaluation mode".
    """
    x = torch.tensor([[1.0], [3.0]])

    given = F.batch_norm(x, torch.tensor([2.0]), torch.tensor([4.0]))
    taken = F.batch_norm(x, None, None, training=True)

    assert given.tolist() == [[pytest.approx(-0.5, abs=1e-4)], [pytest.approx(0.5, abs=1e-4)]]
    assert taken.tolist() == [[pytest.approx(-1.0, abs=1e-4)], [pytest.approx(1.0, abs=1e-4)]]
    with pytest.raises(RuntimeError, match="running_mean must be defined in evaluation mode"):
        F.batch_norm(x, None, None)


def test_pixel_shuffle_makes_an_image_of_channels():
    """`F.pixel_shuffle(x, 2)` turns each four channels into one channel of twice the height and
    width, as `nn.PixelShuffle(2)` does; `F.pixel_unshuffle(y, 2)` turns it back.
    """
    channels = torch.arange(4.0).reshape(1, 4, 1, 1)

    image = F.pixel_shuffle(channels, 2)

    assert image.tolist() == [[[[0.0, 1.0], [2.0, 3.0]]]]
    assert nn.PixelShuffle(2)(channels).tolist() == [[[[0.0, 1.0], [2.0, 3.0]]]]
    assert F.pixel_unshuffle(image, 2).tolist() == [[[[0.0]], [[1.0]], [[2.0]], [[3.0]]]]


def test_channel_shuffle_mixes_groups_of_channels():
    """`nn.ChannelShuffle(2)` takes channels 0, 1, 2, 3 as two groups and deals them out in turn:
    0, 2, 1, 3.

    Between grouped convolutions it brings the groups together, as in ShuffleNet.
    """
    channels = torch.arange(4.0).reshape(1, 4, 1, 1)

    assert nn.ChannelShuffle(2)(channels).flatten().tolist() == [0.0, 2.0, 1.0, 3.0]


def test_local_response_norm_divides_by_neighbouring_channels():
    """Of ones in three channels `F.local_response_norm(x, 2, alpha=2.0, beta=1.0, k=0.0)` makes [1,
    1/2, 1/2], dividing by the sum of squares of a channel and the one before it; so does
    `nn.LocalResponseNorm`.

    AlexNet has it; most later networks have `nn.BatchNorm2d` instead.
    """
    x = torch.ones(1, 3, 1)

    y = F.local_response_norm(x, 2, alpha=2.0, beta=1.0, k=0.0)

    assert y.flatten().tolist() == [1.0, 0.5, 0.5]
    assert nn.LocalResponseNorm(2, 2.0, 1.0, 0.0)(x).flatten().tolist() == [1.0, 0.5, 0.5]


def test_embedding_bag_takes_the_mean_of_rows():
    """For indices of two dimensions `F.embedding_bag(indices, weight)` returns for each row of
    indices the mean of these rows of `weight`, as `nn.EmbeddingBag` does; with `mode="sum"` it
    returns their sum.
    """
    weight = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    bags = torch.tensor([[0, 1], [2, 2]])

    assert F.embedding_bag(bags, weight).tolist() == [[1.0, 2.0], [4.0, 5.0]]
    assert nn.EmbeddingBag.from_pretrained(weight)(bags).tolist() == [[1.0, 2.0], [4.0, 5.0]]
    assert F.embedding_bag(bags, weight, mode="sum").tolist() == [[2.0, 4.0], [8.0, 10.0]]


def test_fold_adds_up_overlapping_blocks():
    """`F.fold(F.unfold(x, 2), (3, 3), 2)` adds up the blocks where they overlap: of 3 x 3 ones the
    centre becomes 4. With `stride=2` in both calls blocks don't overlap, and a 4 x 4 image comes
    back unchanged.
    """
    ones = torch.ones(1, 1, 3, 3)
    numbers = torch.arange(16.0).reshape(1, 1, 4, 4)

    back = F.fold(F.unfold(numbers, 2, stride=2), (4, 4), 2, stride=2)

    assert F.fold(F.unfold(ones, 2), (3, 3), 2).tolist() == [
        [[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]
    ]
    assert back.flatten().tolist() == [float(i) for i in range(16)]


def test_an_adaptive_softmax_gives_rare_classes_smaller_layers():
    """`nn.AdaptiveLogSoftmaxWithLoss(8, 10, cutoffs=[2, 5], div_value=2.0)` scores classes 0 and 1
    in its head and the rest in two clusters, projected to 4 and 2 features; `log_prob(x).exp()`
    sums up to 1 over the classes.

    It makes large vocabularies cheap, if the classes are numbered from the most frequent to the
    rarest. The default `div_value=4.0` would leave 2 and 0 features of these 8.
    """
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 10, cutoffs=[2, 5], div_value=2.0)

    probabilities = layer.log_prob(torch.ones(3, 8)).exp()

    assert layer.head.weight.shape == (4, 8)
    assert [tuple(cluster[0].weight.shape) for cluster in layer.tail] == [(4, 8), (2, 8)]
    assert probabilities.sum(1).tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_an_adaptive_softmax_returns_output_and_loss():
    """`nn.AdaptiveLogSoftmaxWithLoss` is called with inputs and class indices and returns a named
    tuple: `output`, the log-probability of each sample's class, and `loss`, minus their mean.
    """
    layer = nn.AdaptiveLogSoftmaxWithLoss(8, 10, cutoffs=[2, 5], div_value=2.0)

    result = layer(torch.ones(3, 8), torch.tensor([0, 3, 9]))

    assert result._fields == ("output", "loss")
    assert result.output.shape == (3,)
    assert result.loss.item() == pytest.approx(-result.output.mean().item())
    with pytest.raises(RuntimeError, match=r"Target values should be in \[0, 9\]"):
        layer(torch.ones(1, 8), torch.tensor([10]))


@pytest.mark.parametrize("name", ["upsample", "upsample_nearest", "upsample_bilinear"])
def test_upsample_functions_are_deprecated(name):
    """`F.upsample`, `F.upsample_nearest` and `F.upsample_bilinear` issue a UserWarning: they are
    deprecated, "Use `nn.functional.interpolate` instead."; the layer `nn.UpsamplingNearest2d`
    issues none.
    """
    image = torch.tensor([[[[1.0, 3.0]]]])

    with pytest.warns(UserWarning, match=r"deprecated. Use `?nn.functional.interpolate`? instead"):
        getattr(F, name)(image, scale_factor=2)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nn.UpsamplingNearest2d(scale_factor=2)(image).tolist() == [
            [[[1.0, 1.0, 3.0, 3.0], [1.0, 1.0, 3.0, 3.0]]]
        ]


def test_recurrent_layers_share_a_base_class():
    """`isinstance(layer, nn.RNNBase)` is True for an `nn.RNN`, `nn.LSTM` or `nn.GRU`, and False for
    an `nn.LSTMCell`, whose base class is `nn.RNNCellBase`.
    """
    layers = [nn.RNN(2, 3), nn.LSTM(2, 3), nn.GRU(2, 3), nn.LSTMCell(2, 3), nn.Linear(2, 3)]

    assert [isinstance(layer, nn.RNNBase) for layer in layers] == [True, True, True, False, False]
    assert isinstance(layers[3], nn.RNNCellBase) is True
