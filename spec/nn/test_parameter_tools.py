"""Tools for parameters.

`torch.nn.utils` has helpers that work on the parameters of a net as a whole or on pairs of
layers: parameters as one vector, for algorithms that don't care about layers; a convolution and
its BatchNorm as one convolution, for prediction; layers without initialisation, for weights
that are loaded anyway. Clipping is on `spec/optim/test_clipping.py`, pruning and `weight_norm`
on `spec/nn/test_parametrisations.py`.

What surprises: the vector of parameters is a copy, and writing it back replaces their data; too
long a vector raises nothing; and layers are fused in evaluation mode only.
"""

import pytest
import torch
from torch import nn
from torch.nn.utils import (
    fuse_conv_bn_eval,
    parameters_to_vector,
    skip_init,
    vector_to_parameters,
)


def test_parameters_are_joined_to_one_vector():
    """`nn.utils.parameters_to_vector(net.parameters())` joins weight and bias of
    `net = nn.Linear(2, 1)`, flattened and in this order, to one vector; it is a copy
    through which, in grad mode, gradients reach the parameters.

    `parameters_to_vector(net.parameters()).norm()` is the norm of all parameters together.
    Parameters that are not contiguous may raise RuntimeError.
    """
    net = nn.Linear(2, 1)
    net.weight.data, net.bias.data = torch.tensor([[3.0, 4.0]]), torch.tensor([12.0])

    vector = parameters_to_vector(net.parameters())
    vector.square().sum().backward()

    assert vector.tolist() == [3.0, 4.0, 12.0]
    assert vector.data_ptr() != net.weight.data_ptr()
    assert vector.norm().item() == 13.0
    assert net.weight.grad.tolist() == [[6.0, 8.0]]


def test_a_vector_is_written_into_the_parameters():
    """`nn.utils.vector_to_parameters(vector, net.parameters())` sets the parameters of
    `net = nn.Linear(2, 1)` to slices of a float32 vector of 3 elements: they stay the same
    `nn.Parameter` objects and share the memory of the vector.
    """
    net, vector = nn.Linear(2, 1), torch.tensor([1.0, 2.0, 3.0])
    weight = net.weight

    vector_to_parameters(vector, net.parameters())
    vector[0] = 7.0

    assert (net.weight is weight) is True
    assert net.weight.tolist() == [[7.0, 2.0]]
    assert net.bias.tolist() == [3.0]


def test_a_vector_of_another_length():
    """For `net = nn.Linear(2, 1)`,
    `vector_to_parameters(torch.tensor([1.0, 2.0]), net.parameters())` raises RuntimeError, "shape
    '[1]' is invalid for input of size 0"; of the longer `torch.arange(5.0)` it uses the first
    three and raises nothing.

    When the error is raised, `net.weight` already has the values 1 and 2. Compare `vector.numel()`
    with `sum(p.numel() for p in net.parameters())` first.
    """
    net = nn.Linear(2, 1)

    with pytest.raises(RuntimeError, match=r"shape '\[1\]' is invalid for input of size 0"):
        vector_to_parameters(torch.tensor([1.0, 2.0]), net.parameters())
    assert net.weight.tolist() == [[1.0, 2.0]]
    vector_to_parameters(torch.arange(5.0), net.parameters())
    assert net.bias.tolist() == [2.0]


def test_two_nets_are_mixed_as_vectors():
    """For `nn.Linear(1, 1)` nets `a`, `b` and `c`,
    `vector_to_parameters((parameters_to_vector(a.parameters()) +
    parameters_to_vector(b.parameters())) / 2, c.parameters())` sets each parameter of `c`
    to the mean of those of `a` and `b`.

    Buffers aren't in the vector: for `nn.BatchNorm1d(4)` it has 8 numbers, those of the weight and
    the bias.
    """
    a, b, c = nn.Linear(1, 1), nn.Linear(1, 1), nn.Linear(1, 1)
    vector_to_parameters(torch.tensor([1.0, 5.0]), a.parameters())
    vector_to_parameters(torch.tensor([3.0, 9.0]), b.parameters())

    both = parameters_to_vector(a.parameters()) + parameters_to_vector(b.parameters())
    vector_to_parameters(both / 2, c.parameters())

    assert (c.weight.item(), c.bias.item()) == (2.0, 7.0)
    assert parameters_to_vector(nn.BatchNorm1d(4).parameters()).shape == (8,)


def test_a_batch_norm_is_fused_into_its_convolution():
    """With `conv = nn.Conv2d(2, 3, 3, bias=False).eval()` and
    `bn = nn.BatchNorm2d(3).eval()`, `nn.utils.fuse_conv_bn_eval(conv, bn)` returns one
    convolution, with a bias, that computes `bn(conv(x))` up to rounding.
    """
    conv, bn = nn.Conv2d(2, 3, 3, bias=False).eval(), nn.BatchNorm2d(3).eval()
    bn.running_mean, bn.running_var = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 1.0, 9.0])
    x = torch.randn(1, 2, 5, 5)

    fused = fuse_conv_bn_eval(conv, bn)

    assert torch.allclose(fused(x), bn(conv(x)), atol=1e-5) is True
    assert fused.bias.shape == (3,)


def test_layers_are_fused_in_evaluation_mode():
    """`nn.utils.fuse_conv_bn_eval(conv, bn)` raises AssertionError for layers in training
    mode, "Fusion only for eval!": call `eval()` of both first.
    """
    conv, bn = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)

    with pytest.raises(AssertionError, match="Fusion only for eval!"):
        fuse_conv_bn_eval(conv, bn)
    assert fuse_conv_bn_eval(conv.eval(), bn.eval()).out_channels == 3


def test_a_layer_can_be_built_without_initialisation():
    """`nn.utils.skip_init(nn.Linear, 3, 2)` builds the layer with uninitialised memory and
    draws no random numbers; then give it its weights by `load_state_dict`.

    It needs a class whose constructor names the argument `device`: for `nn.RNN`, `nn.GRU` and
    `nn.LSTM`, which take it in `**kwargs`, it raises RuntimeError.
    """
    state = torch.get_rng_state()

    layer = skip_init(nn.Linear, 3, 2)
    layer.load_state_dict({"weight": torch.ones(2, 3), "bias": torch.zeros(2)})

    assert torch.equal(torch.get_rng_state(), state) is True
    assert layer(torch.ones(1, 3)).tolist() == [[3.0, 3.0]]
