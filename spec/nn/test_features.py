"""Features: the outputs of layers in the middle.

What a network computes on the way, its features, is often worth more than its last layer: for
comparing images, or as input of another network. There are three ways to them. A forward hook
records the output of a layer; a shorter network is made of the first layers; or the last layer is
replaced by `nn.Identity()`, so that `forward` ends one step earlier.

What surprises: a network made from `children()` has lost what `forward` called as functions;
recorded outputs keep their autograd graph; and an in-place layer behind the hook changes what was
recorded. Hooks in general are on `spec/nn/test_hooks.py`, slices such as `net[:-1]` on
`spec/nn/test_sequential.py`.
"""

import torch
from torch import nn


def test_a_hook_collects_the_features_of_a_layer(device):
    """After `net[1].register_forward_hook(lambda module, inputs, output:
    features.update(relu=output))` of `net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(),
    nn.Linear(3, 1))` a call `net(x)` puts the output of the ReLU into the dict `features`.
    """
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).to(device)
    features = {}
    net[1].register_forward_hook(lambda module, inputs, output: features.update(relu=output))
    net(torch.ones(4, 2, device=device))

    assert list(features) == ["relu"]
    assert features["relu"].shape == (4, 3)
    assert features["relu"].min().item() >= 0.0


def test_hook_and_cut_agree(device):
    """With `net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))` and
    `x = torch.ones(4, 2)`, the output that a forward hook on `net[1]` records during
    `net(x)` is equal to `net[:2](x)`.

    The hook lets the whole network run; the slice saves the computation of the layers behind. The
    two differ where a layer draws random numbers, as Dropout does, or where `net[2]` writes in
    place.
    """
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).to(device)
    x = torch.ones(4, 2, device=device)
    hooked = []
    net[1].register_forward_hook(lambda module, inputs, output: hooked.append(output))
    net(x)
    [by_hook] = hooked

    assert torch.equal(by_hook, net[:2](x)) is True
    assert torch.equal(by_hook, net[:1](x)) is False


def test_a_cut_from_children_is_a_chain():
    """For a `net` whose `__init__` runs `self.body = nn.Linear(2, 2)`, then
    `self.head = nn.Linear(2, 1)`, `nn.Sequential(*list(net.children())[:-1])` calls `body` alone,
    without the functions that `forward` calls, such as `torch.relu`.

    A layer assigned under two names is called once only. Replace the last layer by `nn.Identity()`
    instead if `forward` has more than a chain of layers.
    """

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

    assert list(cut) == [net.body]
    # The ReLU was written in `forward`, so the cut has lost it.
    assert cut(torch.tensor([-3.0, 4.0])).tolist() == [-3.0, 4.0]


def test_identity_in_place_of_the_head_gives_the_features():
    """If `net.head` is a layer and the `forward` of `net` ends with `return self.head(x)`, then
    after `net.head = nn.Identity()` a call of `net` returns this `x`, the features, and `forward`
    still calls its functions, such as `torch.relu`.
    """

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


def test_features_keep_the_graph_until_detached():
    """For `net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))`, the `output` that a
    forward hook of `net[0]` gets in grad mode requires grad; `output.detach()` shares its
    storage and doesn't require grad.
    """
    net = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    kept, detached = [], []
    net[0].register_forward_hook(lambda module, inputs, output: kept.append(output))
    net[0].register_forward_hook(lambda module, inputs, output: detached.append(output.detach()))
    net(torch.ones(2))

    assert kept[0].requires_grad is True
    assert detached[0].requires_grad is False
    assert kept[0].data_ptr() == detached[0].data_ptr()
    net.requires_grad_(False)(torch.ones(2))
    assert kept[1].requires_grad is False


def test_a_collected_output_changes_under_an_inplace_layer():
    """In `nn.Sequential(nn.Linear(1, 2), nn.ReLU(inplace=True))` the ReLU overwrites the
    output that a forward hook on the `nn.Linear` stored; store `output.clone()` instead.

    Because the hook stores a reference to the tensor, and the in-place layer writes into its
    storage.
    """
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(inplace=True))
    net[0].weight.data = torch.tensor([[1.0], [-1.0]])
    net[0].bias.data.zero_()
    kept, cloned = [], []
    net[0].register_forward_hook(lambda module, inputs, output: kept.append(output))
    net[0].register_forward_hook(lambda module, inputs, output: cloned.append(output.clone()))
    net(torch.tensor([[3.0]]))

    assert kept[0].tolist() == [[3.0, 0.0]]
    assert cloned[0].tolist() == [[3.0, -3.0]]
