"""Debugging a net that does not learn.

Most faults of a net are silent: it runs, prints losses, and learns nothing. A few questions find
most of them. Which shapes, dtypes and devices meet? Can the net learn one batch by heart? Which
parameter has no gradient? Where is the first NaN? This page has the ways to ask; what surprises is
how little they cost: a hook per layer, a loop over `named_parameters()`, 200 steps on six samples.

Where a fault is told:

- shapes, dtypes and lists that a layer refuses: `spec/nn/test_layers.py`,
  `spec/nn/test_convolutions.py`; devices that don't fit: `spec/training/test_on_a_gpu.py`
- labels, targets and scores that a loss refuses, a softmax too many, the first loss of ln(classes):
  `spec/nn/test_losses.py`, `spec/nn/test_classification_losses.py`
- lines of the loop that are missing or exchanged: `spec/training/test_wrong_orders.py`
- parameters that are not registered or not given to the optimizer: `spec/nn/test_parameters.py`,
  `spec/nn/test_module_trees.py`, `spec/optim/test_trained_parameters.py`
- dead ReLUs, vanishing and exploding gradients: `spec/nn/test_activations.py`,
  `spec/nn/test_depth.py`; a learning rate that is too large: `spec/optim/test_update_rules.py`
- NaN: `spec/tensors/test_special_values.py`, in gradients `spec/autograd/test_gradient_edges.py`,
  found by anomaly detection `spec/autograd/test_anomalies.py`
- floats that differ in the last bit: `spec/tensors/test_comparing.py`
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_hooks_print_the_shape_after_every_layer():
    """A forward hook on each layer of an `nn.Sequential`,
    `layer.register_forward_hook(lambda module, args, output: print(output.shape))`, prints
    the shape after `nn.Conv2d`, `nn.MaxPool2d` and `nn.Flatten` in one forward pass.

    So one run shows where a shape is not what was meant, for instance how many features
    `nn.Flatten` hands on. The output of `nn.LSTM` is a tuple and has no `shape`.
    """
    net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.MaxPool2d(2), nn.Flatten())
    shapes = []
    for layer in net:
        layer.register_forward_hook(lambda module, args, output: shapes.append(list(output.shape)))
    net(torch.zeros(1, 3, 32, 32))

    assert shapes == [[1, 6, 28, 28], [1, 6, 14, 14], [1, 1176]]


def test_a_parameter_tells_its_shape_dtype_and_device(device):
    """For `net = nn.Linear(2, 3, dtype=torch.float64)`,
    `[(name, list(p.shape), p.dtype) for name, p in net.named_parameters()]` is
    `[("weight", [3, 2], torch.float64), ("bias", [3], torch.float64)]`; `p.device` is the
    device of the parameter.

    Compare the dtype and the device with those of the input.
    """
    net = nn.Linear(2, 3, device=device, dtype=torch.float64)
    told = [(name, list(p.shape), p.dtype) for name, p in net.named_parameters()]

    assert told == [("weight", [3, 2], torch.float64), ("bias", [3], torch.float64)]
    assert {p.device.type for p in net.parameters()} == {device}


def test_one_batch_can_be_learned_by_heart():
    """Two `nn.Linear` with a ReLU and 32 hidden units between them can learn a batch by heart:
    200 steps of `Adam(lr=0.05)` on `torch.randn(6, 4)` with six labels of three classes bring
    `F.cross_entropy` below 0.05 and predict all six.

    Try this before a long training: where a net with enough parameters cannot do it, the fault
    is probably in the net, the loss, the loop or the learning rate, since nothing has to be
    generalised.
    """
    net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
    x, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 2, 1, 0])
    for _ in range(200):
        optimizer.zero_grad()
        F.cross_entropy(net(x), labels).backward()
        optimizer.step()

    assert F.cross_entropy(net(x), labels).item() == pytest.approx(0.0, abs=0.05)
    assert net(x).argmax(1).tolist() == [0, 1, 2, 2, 1, 0]


def test_parameters_without_a_gradient_are_listed_by_name():
    """After a first `backward()`, `[name for name, p in net.named_parameters() if p.grad is None]`
    lists the parameters without a gradient: with a `detach()` between two trainable `nn.Linear`,
    those of the first one.

    The usual causes: the graph is interrupted, a layer is frozen, or it is not used.
    """
    first, last = nn.Linear(2, 2), nn.Linear(2, 1)
    last(first(torch.ones(1, 2)).detach()).sum().backward()
    without = [name for name, p in nn.Sequential(first, last).named_parameters() if p.grad is None]

    assert without == ["0.weight", "0.bias"]


def test_the_share_of_a_parameter_that_has_a_gradient_of_zero():
    """If `net[0].bias[1]` is -10 in a new
    `net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))`, the share of zeros
    `(p.grad == 0).float().mean()` is at least 0.5 for both weights `p` after
    `net(torch.ones(2, 1)).sum().backward()`.

    Because the bias of -10 keeps the second ReLU output at 0 in the whole batch
    (`spec/nn/test_activations.py` on dead ReLUs). After a first `backward()` a gradient of 0,
    unlike None, means that the parameter was in the graph.
    """
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1))
    nn.init.ones_(net[0].weight)
    net[0].bias.data = torch.tensor([0.0, -10.0])
    net(torch.ones(2, 1)).sum().backward()

    zero = {name: (p.grad == 0).float().mean().item() for name, p in net.named_parameters()}

    assert zero == {"0.weight": 0.5, "0.bias": 0.5, "2.weight": 0.5, "2.bias": 0.0}


def test_one_nan_spoils_every_answer():
    """If one element of `x` is NaN, the loss `F.mse_loss(net(x), y)` of
    `net = nn.Linear(2, 1)` is NaN; after `backward()` and a step of `SGD` all elements of
    `net.weight` and `net.bias` are NaN, and so are all later outputs.

    So stop before the step: `if not loss.isfinite(): ...`. No further step of `SGD` makes a
    weight of NaN a number again.
    """
    net = nn.Linear(2, 1)
    loss = F.mse_loss(net(torch.tensor([[1.0, 2.0], [math.nan, 4.0]])), torch.zeros(2, 1))
    loss.backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()

    assert math.isnan(loss.item()) is True
    assert net.weight.isnan().tolist() == [[True, True]]
    assert net.bias.isnan().tolist() == [True]
    assert net(torch.ones(3, 2)).isnan().tolist() == [[True], [True], [True]]


def test_hooks_find_the_first_layer_with_a_nan():
    """Forward hooks on the layers of
    `nn.Sequential(nn.Identity(), nn.Linear(1, 1), nn.ReLU())` that record
    `output.isnan().any()` get False, True, True if the weight is infinite and the input 0:
    NaN begins at the `nn.Linear`.

    Because most later layers hand NaN on, the first one is where to look.
    """
    net = nn.Sequential(nn.Identity(), nn.Linear(1, 1), nn.ReLU())
    nn.init.constant_(net[1].weight, math.inf)
    bad = []
    for name, layer in net.named_children():
        layer.register_forward_hook(
            lambda module, args, output, name=name: bad.append((name, output.isnan().any().item()))
        )
    net(torch.zeros(1, 1))

    assert bad == [("0", False), ("1", True), ("2", True)]
