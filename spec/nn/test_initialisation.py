"""Initialisation.

`nn.Linear` and `nn.Conv2d` draw their first weights and biases when they are built, from the global
random generator of torch: from a uniform distribution whose bound is 1/sqrt(n), where n is the
number of inputs that are summed for one output (the fan-in).
The functions of `nn.init` whose names end in an underscore fill a tensor by another rule; they
write in place, without recording.

What surprises: other layers have other rules, `nn.Embedding` a normal distribution, BatchNorm
ones and zeros. And with the same seed the weights still differ if another layer with random
weights is built before. What initial weights do in deep networks is on `spec/nn/test_depth.py`.
"""

import math

import pytest
import torch
from torch import nn


@pytest.mark.parametrize(
    ("layer", "bound"),
    [
        (nn.Linear(100, 400), 0.1),
        (nn.Linear(400, 100), 0.05),
        (nn.Conv2d(4, 100, 5), 0.1),
        (nn.Conv2d(16, 100, 5), 0.05),
    ],
)
def test_a_layer_starts_evenly_within_one_over_the_root_of_its_inputs(layer, bound):
    """`nn.Linear` and `nn.Conv2d` draw float32 weights and biases uniformly from
    [-1/sqrt(n), 1/sqrt(n)]: n is `in_features` for `nn.Linear`, and `in_channels` times the
    elements of the kernel for `nn.Conv2d` with `groups=1`.

    With groups, n counts the input channels of one group. `nn.ConvTranspose2d` counts its output
    channels instead.
    """
    layer.reset_parameters()
    largest = layer.weight.abs().max().item()
    spread = layer.weight.std().item()

    assert largest == pytest.approx(bound, rel=0.01)
    assert largest <= bound
    assert spread == pytest.approx(bound / math.sqrt(3), rel=0.03)
    assert layer.bias.abs().max().item() == pytest.approx(bound, rel=0.1)


def test_a_transposed_convolution_counts_its_output_channels():
    """The weight of `nn.ConvTranspose2d(16, 100, 5)` starts within 1/sqrt(100 * 5 * 5) = 0.02: the
    bound counts output channels, because the weight has them in dimension 1.
    """
    layer = nn.ConvTranspose2d(16, 100, 5)

    assert layer.weight.shape == (16, 100, 5, 5)
    assert layer.weight.abs().max().item() == pytest.approx(0.02, rel=0.01)


def test_normalising_layers_start_as_the_identity():
    """`nn.BatchNorm1d(2)` and `nn.LayerNorm(2)` start with weights 1 and biases 0; the
    running mean of `nn.BatchNorm1d(2)` starts at 0, its running variance at 1.
    """
    batch, layer = nn.BatchNorm1d(2), nn.LayerNorm(2)

    assert batch.weight.tolist() == layer.weight.tolist() == [1.0, 1.0]
    assert batch.bias.tolist() == layer.bias.tolist() == [0.0, 0.0]
    assert batch.running_mean.tolist() == [0.0, 0.0]
    assert batch.running_var.tolist() == [1.0, 1.0]


def test_the_same_seed_gives_the_same_net():
    """`torch.manual_seed(3)` and directly after it `nn.Linear(2, 2)` on the CPU give the
    same weights each time; a second `nn.Linear(2, 2)`, built without seeding again, gets
    others.
    """
    torch.manual_seed(3)
    first = nn.Linear(2, 2).weight
    second = nn.Linear(2, 2).weight
    torch.manual_seed(3)
    again = nn.Linear(2, 2).weight

    assert torch.equal(first, again) is True
    assert torch.equal(first, second) is False


def test_a_layer_built_before_changes_the_next():
    """`nn.Linear` layers built on a CPU draw from one generator: after the same
    `torch.manual_seed`, `nn.Linear(2, 2)` gets other weights if an `nn.Linear(5, 1)` is built
    before it.

    So adding a layer with random weights to a network changes the initial weights of the layers
    built after it; a ReLU or a BatchNorm draws nothing.
    """
    torch.manual_seed(3)
    alone = nn.Linear(2, 2).weight
    torch.manual_seed(3)
    nn.Linear(5, 1)
    behind = nn.Linear(2, 2).weight
    torch.manual_seed(3)
    nn.BatchNorm1d(5)
    behind_batch_norm = nn.Linear(2, 2).weight

    assert torch.equal(alone, behind) is False
    assert torch.equal(alone, behind_batch_norm) is True


def test_reset_parameters_draws_again():
    """`reset_parameters()` of `nn.Linear(100, 100)` draws new values in place for weight
    and bias, by the same rule as when the layer was built.
    """
    layer = nn.Linear(100, 100)
    with torch.no_grad():
        layer.weight.fill_(7.0)
        layer.bias.fill_(7.0)
    weight = layer.weight
    layer.reset_parameters()

    assert layer.weight.abs().max().item() == pytest.approx(0.1, rel=0.01)
    assert layer.bias.abs().max().item() == pytest.approx(0.1, rel=0.1)
    assert layer.weight is weight
    assert layer.weight.requires_grad is True


def test_an_init_function_fills_in_place_and_records_nothing(device):
    """For `layer = nn.Linear(2, 1)`, `nn.init.constant_(layer.weight, 3.0)` changes the
    parameter in place and returns it; it needs no `torch.no_grad()` around it, because the
    function itself turns recording off.
    """
    layer = nn.Linear(2, 1, device=device)
    returned = nn.init.constant_(layer.weight, 3.0)
    nn.init.zeros_(layer.bias)

    assert returned is layer.weight
    assert layer.weight.tolist() == [[3.0, 3.0]]
    assert layer.bias.tolist() == [0.0]
    assert layer.weight.requires_grad is True
    assert layer.weight.grad_fn is None


def test_a_whole_net_is_initialised_by_apply():
    """`net.apply(fill)` calls the function `fill` with `net` and with each module in it: a `fill`
    that acts only under `if isinstance(module, nn.Linear):` initialises each `nn.Linear` and skips
    modules of other classes.

    Subclasses of `nn.Linear` count, such as `out_proj` in `nn.MultiheadAttention`. A weight that
    an `nn.Embedding` shares with an `nn.Linear` changes in both.
    """

    def fill(module):
        if isinstance(module, nn.Linear):
            nn.init.constant_(module.weight, 0.5)
            nn.init.zeros_(module.bias)

    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.PReLU(), nn.Linear(2, 1)))
    net.apply(fill)

    assert [p.flatten().tolist() for p in net.parameters()] == [
        [0.5, 0.5, 0.5, 0.5],
        [0.0, 0.0],
        [0.25],
        [0.5, 0.5],
        [0.0],
    ]


def test_equal_weights_stay_equal():
    """With all parameters of `net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))`
    set to 0.5 by `nn.init.constant_`, `net(torch.tensor([1.0, 2.0])).backward()` gives
    `net[0].weight.grad` three equal rows, up to rounding.

    So these units stay equal and learn as if there were one. That is why initial weights are
    random.
    """
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.5)
    net(torch.tensor([1.0, 2.0])).backward()
    rows = net[0].weight.grad.unique(dim=0)

    assert rows.shape == (1, 2)
    assert rows.flatten().tolist() == pytest.approx([0.0353, 0.0707], abs=1e-3)


def test_fixed_fillings(device):
    """`nn.init.ones_(torch.empty(2))` is [1, 1], `nn.init.eye_(torch.empty(2, 3))` is [[1, 0, 0],
    [0, 1, 0]]. After `nn.init.dirac_(c.weight)`, a layer
    `c = nn.Conv1d(1, 1, 3, padding=1, bias=False)` gives the input [[[5.0, 6.0, 7.0]]] back.
    """
    layer = nn.Conv1d(1, 1, 3, padding=1, bias=False, device=device)
    nn.init.dirac_(layer.weight)

    assert nn.init.ones_(torch.empty(2, device=device)).tolist() == [1.0, 1.0]
    assert nn.init.eye_(torch.empty(2, 3, device=device)).tolist() == [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
    ]
    assert layer(torch.tensor([[[5.0, 6.0, 7.0]]], device=device)).tolist() == [[[5.0, 6.0, 7.0]]]


def test_xavier_weighs_inputs_and_outputs():
    """`nn.init.xavier_uniform_(weight)` fills a non-empty float32 weight of two or more dimensions
    with uniform draws from [-b, b], by default with `b = sqrt(6 / (fan_in + fan_out))`: b is 0.1
    for the weight of `nn.Linear(2, 598)`.

    For `nn.Linear`, `fan_in` is `in_features` and `fan_out` is `out_features`. The argument
    `gain`, by default 1, multiplies b. A weight of shape (0, 0) raises ZeroDivisionError.
    """
    weight = nn.init.xavier_uniform_(torch.empty(598, 2))

    assert weight.max().item() == pytest.approx(0.1, rel=0.01)
    assert weight.min().item() == pytest.approx(-0.1, rel=0.01)
    assert weight.abs().mean().item() == pytest.approx(0.05, rel=0.1)
    with pytest.raises(ZeroDivisionError):
        nn.init.xavier_uniform_(torch.empty(0, 0))


def test_xavier_normal_has_a_spread_of_the_same_kind():
    """`nn.init.xavier_normal_(torch.empty(150, 50))`, on the shape of the weight of
    `nn.Linear(50, 150)`, draws from a normal distribution of mean 0 and standard deviation
    `sqrt(2 / (fan_in + fan_out))`, here 0.1.
    """
    weight = nn.init.xavier_normal_(torch.empty(150, 50))

    assert weight.std().item() == pytest.approx(0.1, rel=0.03)
    assert weight.mean().item() == pytest.approx(0.0, abs=0.01)
    assert weight.abs().max().item() == pytest.approx(0.37, rel=0.15)


@pytest.mark.parametrize(("mode", "bound"), [("fan_in", 0.1), ("fan_out", 0.2)])
def test_kaiming_counts_inputs_or_outputs(mode, bound):
    """`nn.init.kaiming_uniform_(weight, nonlinearity="relu")` of a float32 matrix draws
    uniformly from [-b, b] with `b = sqrt(6 / n)`: n is the number of columns (fan-in), with
    `mode="fan_out"` the number of rows.
    """
    weight = nn.init.kaiming_uniform_(torch.empty(150, 600), mode=mode, nonlinearity="relu")

    assert weight.abs().max().item() == pytest.approx(bound, rel=0.01)


@pytest.mark.parametrize(
    ("function", "gain"),
    [("linear", 1.0), ("sigmoid", 1.0), ("tanh", 5 / 3), ("relu", math.sqrt(2))],
)
def test_each_activation_has_its_gain(function, gain):
    """`nn.init.calculate_gain(name)` returns the recommended gain, a factor for initial weights,
    for a nonlinearity: 1 for "linear" and "sigmoid", 5/3 for "tanh", sqrt(2) for "relu"; "gelu"
    raises ValueError.

    The Kaiming functions call it; the Xavier functions scale by their argument `gain`, 1 by
    default. For GELU and SiLU the gain of "relu" is often taken.
    """
    assert nn.init.calculate_gain(function) == pytest.approx(gain)
    with pytest.raises(ValueError, match="Unsupported nonlinearity gelu"):
        nn.init.calculate_gain("gelu")


def test_an_orthogonal_matrix_keeps_lengths():
    """`nn.init.orthogonal_(weight)` of a float32 matrix with fewer rows than columns makes
    rows of length 1 at right angles: `weight @ weight.T` is the identity up to rounding.

    For more rows than columns it is the columns that are orthogonal.
    """
    weight = nn.init.orthogonal_(torch.empty(2, 3))

    assert (weight @ weight.T).flatten().tolist() == pytest.approx([1.0, 0.0, 0.0, 1.0], abs=1e-6)


def test_the_fan_needs_two_axes():
    """`nn.init.xavier_uniform_` of a 1-D tensor, such as a bias, raises ValueError, "Fan in
    and fan out can not be computed for tensor with fewer than 2 dimensions"; use
    `nn.init.zeros_` or `nn.init.uniform_`.
    """
    layer = nn.Linear(2, 1)

    with pytest.raises(ValueError, match="can not be computed for tensor with fewer than 2 dim"):
        nn.init.xavier_uniform_(layer.bias)
    assert nn.init.xavier_uniform_(layer.weight) is layer.weight


def test_the_names_without_underscore_are_deprecated():
    """`nn.init.xavier_uniform(weight)`, without the underscore at the end, fills
    `weight = torch.zeros(598, 2)` too but warns that it "is now deprecated in favor of"
    `nn.init.xavier_uniform_`.
    """
    weight = torch.zeros(598, 2)

    with pytest.warns(Warning, match=r"deprecated in favor of .*nn.init.xavier_uniform_"):
        nn.init.xavier_uniform(weight)
    assert weight.max().item() == pytest.approx(0.1, rel=0.01)


def test_a_truncated_normal_has_no_outliers():
    """`nn.init.trunc_normal_(torch.empty(10_000), std=0.02, a=-0.04, b=0.04)` draws normal numbers
    between -0.04 and 0.04; without `a` and `b` the bounds are -2 and 2 for every `std` above 0.

    With `std=0.02` alone practically nothing is cut off: -2 and 2 are a hundred deviations away.
    """
    weight = nn.init.trunc_normal_(torch.empty(10_000), std=0.02, a=-0.04, b=0.04)
    uncut = nn.init.trunc_normal_(torch.empty(10_000), std=0.02)

    assert weight.abs().max().item() == pytest.approx(0.04, abs=1e-4)
    assert uncut.abs().max().item() > 0.05
    assert uncut.std().item() == pytest.approx(0.02, rel=0.05)


def test_a_dirac_kernel_passes_its_channels():
    """`nn.init.dirac_(layer.weight)` for `layer = nn.Conv1d(2, 2, 3, padding=1, bias=False)` makes
    output channel i equal channel i of a finite CPU input: the kernel from i to i is [0, 1, 0],
    the others are 0.

    With more output than input channels and `groups=1`, the default, the outputs beyond the number
    of inputs are 0.
    """
    layer = nn.Conv1d(2, 2, 3, padding=1, bias=False)
    x = torch.randn(1, 2, 5)

    nn.init.dirac_(layer.weight)

    assert layer.weight.tolist() == [[[0, 1, 0], [0, 0, 0]], [[0, 0, 0], [0, 1, 0]]]
    assert torch.equal(layer(x), x) is True
    beyond = nn.init.dirac_(torch.empty(3, 2, 1)).flatten(1)
    assert beyond.tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]


def test_sparse_initialisation_zeroes_a_part_of_each_column():
    """`nn.init.sparse_(weight, sparsity=0.5)` fills a contiguous float32 matrix with normal
    numbers of standard deviation 0.01 and sets half of each column, rounded up, to 0; a 3-D tensor
    raises ValueError.
    """
    weight = nn.init.sparse_(torch.empty(1000, 10), sparsity=0.5)

    odd = nn.init.sparse_(torch.empty(5, 2), sparsity=0.5)

    assert (weight == 0).sum(0).tolist() == [500] * 10
    assert (odd == 0).sum(0).tolist() == [3, 3]
    assert weight[weight != 0].std().item() == pytest.approx(0.01, rel=0.1)
    with pytest.raises(ValueError, match="Only tensors with 2 dimensions are supported"):
        nn.init.sparse_(torch.empty(4, 4, 4), sparsity=0.5)
