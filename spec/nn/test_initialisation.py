"""Initialisation.

Every layer draws its first weights when it is built. `nn.Linear` and the convolutions draw them
evenly from an interval which gets narrower the more numbers each output is summed from; the
functions of `nn.init` fill a tensor otherwise. They write in place, record nothing, and their
names end in an underscore.

All of it comes from the global random generator: the same seed before building gives the same net.
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
    """Weights and biases start in ±1/√n, where n numbers are summed for each output."""
    largest = layer.weight.abs().max().item()
    spread = layer.weight.std().item()

    assert largest == pytest.approx(bound, rel=0.01)
    assert largest <= bound
    assert spread == pytest.approx(bound / math.sqrt(3), rel=0.03)
    assert layer.bias.abs().max().item() == pytest.approx(bound, rel=0.1)


def test_normalising_layers_start_as_the_identity():
    """BatchNorm and LayerNorm start with scale 1 and shift 0."""
    batch, layer = nn.BatchNorm1d(2), nn.LayerNorm(2)

    assert batch.weight.tolist() == layer.weight.tolist() == [1.0, 1.0]
    assert batch.bias.tolist() == layer.bias.tolist() == [0.0, 0.0]
    assert batch.running_mean.tolist() == [0.0, 0.0]
    assert batch.running_var.tolist() == [1.0, 1.0]


def test_an_embedding_starts_with_standard_normal_numbers():
    """The rows of an `nn.Embedding` are drawn with mean 0 and spread 1, whatever their length."""
    weight = nn.Embedding(100, 100).weight

    assert weight.mean().item() == pytest.approx(0.0, abs=0.03)
    assert weight.std().item() == pytest.approx(1.0, abs=0.03)


def test_the_row_of_the_padding_starts_as_zeros():
    """The row that stands for padding holds no information: it starts as zeros."""
    layer = nn.Embedding(3, 2, padding_idx=1)

    assert layer.weight[1].tolist() == [0.0, 0.0]
    assert layer.weight.any(dim=1).tolist() == [True, False, True]


def test_the_same_seed_gives_the_same_net():
    """Seeded alike, two nets start alike; built one after the other they do not."""
    torch.manual_seed(3)
    first = nn.Linear(2, 2).weight
    second = nn.Linear(2, 2).weight
    torch.manual_seed(3)
    again = nn.Linear(2, 2).weight

    assert torch.equal(first, again) is True
    assert torch.equal(first, second) is False


def test_a_layer_built_before_changes_the_next():
    """All layers draw from one generator: another layer in front gives other weights behind."""
    torch.manual_seed(3)
    alone = nn.Linear(2, 2).weight
    torch.manual_seed(3)
    nn.Linear(5, 1)
    behind = nn.Linear(2, 2).weight

    assert torch.equal(alone, behind) is False


def test_reset_parameters_draws_again():
    """`reset_parameters()` makes a layer forget, by the rule that it was built with."""
    layer = nn.Linear(100, 100)
    with torch.no_grad():
        layer.weight.fill_(7.0)
    layer.reset_parameters()

    assert layer.weight.abs().max().item() == pytest.approx(0.1, rel=0.01)
    assert layer.weight.requires_grad is True


def test_an_init_function_fills_in_place_and_records_nothing(device):
    """A function of `nn.init` writes into the parameter, returns it, and needs no `no_grad`."""
    layer = nn.Linear(2, 1, device=device)
    returned = nn.init.constant_(layer.weight, 3.0)
    nn.init.zeros_(layer.bias)

    assert returned is layer.weight
    assert layer.weight.tolist() == [[3.0, 3.0]]
    assert layer.bias.tolist() == [0.0]
    assert layer.weight.requires_grad is True
    assert layer.weight.grad_fn is None


def test_fixed_fillings(device):
    """`ones_`, `eye_` and `dirac_` need no dice; `dirac_` makes a convolution pass its input."""
    layer = nn.Conv1d(1, 1, 3, padding=1, bias=False, device=device)
    nn.init.dirac_(layer.weight)

    assert nn.init.ones_(torch.empty(2, device=device)).tolist() == [1.0, 1.0]
    assert nn.init.eye_(torch.empty(2, 3, device=device)).tolist() == [
        [1.0, 0.0, 0.0],
        [0.0, 1.0, 0.0],
    ]
    assert layer(torch.tensor([[[5.0, 6.0, 7.0]]], device=device)).tolist() == [[[5.0, 6.0, 7.0]]]


def test_xavier_weighs_inputs_and_outputs():
    """`xavier_uniform_` draws from ±√(6/(inputs + outputs)): here 2 and 598 make ±0.1."""
    weight = nn.init.xavier_uniform_(torch.empty(598, 2))

    assert weight.max().item() == pytest.approx(0.1, rel=0.01)
    assert weight.min().item() == pytest.approx(-0.1, rel=0.01)


def test_xavier_normal_has_a_spread_of_the_same_kind():
    """`xavier_normal_` draws normal numbers of the spread √(2/(inputs + outputs))."""
    weight = nn.init.xavier_normal_(torch.empty(150, 50))

    assert weight.std().item() == pytest.approx(0.1, rel=0.03)
    assert weight.abs().max().item() == pytest.approx(0.37, rel=0.15)


@pytest.mark.parametrize(("mode", "bound"), [("fan_in", 0.1), ("fan_out", 0.2)])
def test_kaiming_counts_inputs_or_outputs(mode, bound):
    """`kaiming_uniform_` for ReLU draws from ±√(6/n), of the inputs or, if told so, the outputs."""
    weight = nn.init.kaiming_uniform_(torch.empty(150, 600), mode=mode, nonlinearity="relu")

    assert weight.abs().max().item() == pytest.approx(bound, rel=0.01)


@pytest.mark.parametrize(
    ("function", "gain"),
    [("linear", 1.0), ("sigmoid", 1.0), ("tanh", 5 / 3), ("relu", math.sqrt(2))],
)
def test_each_activation_has_its_gain(function, gain):
    """`calculate_gain` says by how much weights grow to make up for what an activation eats."""
    assert nn.init.calculate_gain(function) == pytest.approx(gain)


def test_an_orthogonal_matrix_keeps_lengths():
    """`orthogonal_` makes a matrix whose rows are of length 1 and at right angles."""
    weight = nn.init.orthogonal_(torch.empty(2, 3))

    assert (weight @ weight.T).flatten().tolist() == pytest.approx([1.0, 0.0, 0.0, 1.0], abs=1e-6)


def test_the_fan_needs_two_axes():
    """A bias has no inputs to count: Xavier and Kaiming refuse it."""
    layer = nn.Linear(2, 1)

    with pytest.raises(ValueError, match="can not be computed for tensor with fewer than 2 dim"):
        nn.init.xavier_uniform_(layer.bias)
    assert nn.init.xavier_uniform_(layer.weight) is layer.weight


def test_the_names_without_underscore_are_deprecated():
    """`xavier_uniform`, as written before 0.4, still fills the tensor, and warns."""
    weight = torch.zeros(598, 2)

    with pytest.warns(Warning, match=r"deprecated in favor of .*nn.init.xavier_uniform_"):
        nn.init.xavier_uniform(weight)
    assert weight.max().item() == pytest.approx(0.1, rel=0.01)


def test_a_whole_net_is_initialised_by_apply():
    """A function that fills one kind of layer is carried through the net by `apply`."""

    def fill(module):
        if isinstance(module, nn.Linear):
            nn.init.constant_(module.weight, 0.5)
            nn.init.zeros_(module.bias)

    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Tanh(), nn.Linear(2, 1)))
    net.apply(fill)

    assert [p.flatten().tolist() for p in net.parameters()] == [
        [0.5, 0.5, 0.5, 0.5],
        [0.0, 0.0],
        [0.5, 0.5],
        [0.0],
    ]


def test_equal_weights_stay_equal():
    """Units that start alike get the same gradient and learn the same: hence the dice."""
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.5)
    net(torch.tensor([1.0, 2.0])).backward()
    rows = net[0].weight.grad.unique(dim=0)

    assert rows.shape == (1, 2)
    assert rows.flatten().tolist() == pytest.approx([0.0353, 0.0707], abs=1e-3)
