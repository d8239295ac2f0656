"""Features, parametrisations, pruning.

What a network computes on the way, its features, is often worth more than its last layer. There
are two plain ways to them: a hook on a layer, or a cut, a shorter network made of the first parts.

Besides taking things out one can put things between: a parametrisation computes a weight from
another tensor at each use, pruning multiplies it by a mask of zeros and ones.
"""

import pytest
import torch
import torch.nn.utils.parametrize as parametrize
from torch import nn
from torch.nn.utils import prune


def test_a_hook_collects_the_features_of_a_layer(device):
    """A forward hook keeps what a layer in the middle puts out, while the net runs as always."""
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).to(device)
    features = {}
    net[1].register_forward_hook(lambda module, inputs, output: features.update(relu=output))
    net(torch.ones(4, 2, device=device))

    assert list(features) == ["relu"]
    assert features["relu"].shape == (4, 3)
    assert features["relu"].min().item() >= 0.0


def test_a_cut_is_a_shorter_net_of_the_same_parts():
    """`net[:-1]` stops before the head; its layers are the net's own, not copies."""
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    body = net[:-1]

    assert body(torch.ones(4, 2)).shape == (4, 3)
    assert body[0].weight is net[0].weight


def test_a_cut_from_children_is_a_chain():
    """`Sequential(*list(net.children())[:-1])` cuts any net, but keeps no line of its `forward`."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(2, 2)
            self.head = nn.Linear(2, 1)

        def forward(self, x):
            return self.head(torch.relu(self.body(x)))

    net = Net()
    net.body.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    net.body.bias.data.zero_()
    cut = nn.Sequential(*list(net.children())[:-1])

    # The ReLU was written in `forward`, so the cut has lost it.
    assert cut(torch.tensor([-3.0, 4.0])).tolist() == [-3.0, 4.0]


def test_identity_in_place_of_the_head_gives_the_features():
    """With the head replaced by `nn.Identity()`, the whole `forward` runs and ends a step early."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(2, 2)
            self.head = nn.Linear(2, 1)

        def forward(self, x):
            return self.head(torch.relu(self.body(x)))

    net = Net()
    net.body.weight.data = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    net.body.bias.data.zero_()
    net.head = nn.Identity()
    features = net(torch.tensor([-3.0, 4.0]))

    assert features.tolist() == [0.0, 4.0]


def test_hook_and_cut_agree(device):
    """Both ways lead to the same numbers."""
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).to(device)
    x = torch.ones(4, 2, device=device)
    hooked = []
    net[1].register_forward_hook(lambda module, inputs, output: hooked.append(output))
    net(x)
    [by_hook] = hooked

    assert torch.equal(by_hook, net[:2](x)) is True
    assert torch.equal(by_hook, net[:1](x)) is False


def test_features_keep_the_graph_until_detached():
    """A collected output holds its whole graph; `detach()` in the hook keeps only the numbers."""
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    kept, detached = [], []
    net[0].register_forward_hook(lambda module, inputs, output: kept.append(output))
    net[0].register_forward_hook(lambda module, inputs, output: detached.append(output.detach()))
    net(torch.ones(2))

    assert kept[0].requires_grad is True
    assert detached[0].requires_grad is False
    assert kept[0].data_ptr() == detached[0].data_ptr()


def test_a_collected_output_changes_under_an_inplace_layer():
    """A ReLU with `inplace=True` behind the layer writes over the features that a hook kept."""
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(inplace=True))
    net[0].weight.data = torch.tensor([[1.0], [-1.0]])
    net[0].bias.data.zero_()
    kept, cloned = [], []
    net[0].register_forward_hook(lambda module, inputs, output: kept.append(output))
    net[0].register_forward_hook(lambda module, inputs, output: cloned.append(output.clone()))
    net(torch.tensor([[3.0]]))

    assert kept[0].tolist() == [[3.0, 0.0]]
    assert cloned[0].tolist() == [[3.0, -3.0]]


def test_a_parametrisation_computes_the_weight_at_each_use():
    """A parametrised weight is what a module of yours makes of the original, learnt one."""

    class Doubled(nn.Module):
        def forward(self, weight):
            return weight * 2

    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(3.0)
    parametrize.register_parametrization(layer, "weight", Doubled())
    layer(torch.tensor([5.0])).backward()

    assert layer.weight.tolist() == [[6.0]]
    assert [name for name, _ in layer.named_parameters()] == ["parametrizations.weight.original"]
    assert layer.parametrizations.weight.original.tolist() == [[3.0]]
    assert layer.parametrizations.weight.original.grad.tolist() == [[10.0]]


def test_a_parametrised_weight_is_assigned_through_its_inverse():
    """To assign a value the parametrisation has to say, by `right_inverse`, where it comes from."""

    class Doubled(nn.Module):
        def forward(self, weight):
            return weight * 2

    class DoubledAndBack(Doubled):
        def right_inverse(self, weight):
            return weight / 2

    one_way, both_ways = nn.Linear(1, 1), nn.Linear(1, 1)
    parametrize.register_parametrization(one_way, "weight", Doubled())
    parametrize.register_parametrization(both_ways, "weight", DoubledAndBack())
    both_ways.weight = torch.tensor([[8.0]])

    assert both_ways.weight.tolist() == [[8.0]]
    assert both_ways.parametrizations.weight.original.tolist() == [[4.0]]
    with pytest.raises(RuntimeError, match="Doubled does not implement right_inverse"):
        one_way.weight = torch.tensor([[8.0]])


def test_a_removed_parametrisation_leaves_its_value():
    """`remove_parametrizations` makes the computed weight a plain parameter again."""

    class Doubled(nn.Module):
        def forward(self, weight):
            return weight * 2

    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(3.0)
    parametrize.register_parametrization(layer, "weight", Doubled())
    parametrize.remove_parametrizations(layer, "weight")

    assert type(layer.weight) is nn.Parameter
    assert layer.weight.tolist() == [[6.0]]
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_pruning_masks_the_smallest_weights():
    """`l1_unstructured` zeroes the weights nearest to 0 by a mask, and keeps the originals."""
    layer = nn.Linear(4, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    prune.l1_unstructured(layer, "weight", amount=2)

    assert layer.weight.tolist() == [[0.0, -2.0, 0.0, 3.0]]
    assert layer.weight_mask.tolist() == [[0.0, 1.0, 0.0, 1.0]]
    assert layer.weight_orig.tolist() == [[1.0, -2.0, 0.5, 3.0]]
    assert sorted(layer.state_dict()) == ["weight_mask", "weight_orig"]


def test_a_pruned_weight_gets_no_gradient():
    """The mask lets no gradient through to what it hides, so pruned weights stay pruned."""
    layer = nn.Linear(4, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    prune.l1_unstructured(layer, "weight", amount=0.5)
    layer(torch.tensor([5.0, 6.0, 7.0, 8.0])).backward()

    assert layer.weight_orig.grad.tolist() == [[0.0, 6.0, 0.0, 8.0]]


def test_pruning_is_made_permanent_by_removing_it():
    """`prune.remove` takes mask and original away, not the zeros; the size stays the same."""
    layer = nn.Linear(4, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    prune.l1_unstructured(layer, "weight", amount=2)
    prune.remove(layer, "weight")

    assert list(layer.state_dict()) == ["weight"]
    assert layer.weight.tolist() == [[0.0, -2.0, 0.0, 3.0]]
    assert layer.weight.numel() == 4
