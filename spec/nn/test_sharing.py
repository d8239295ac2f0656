"""Sharing weights.

To use the same weights twice, call a layer twice, or assign the same layer or the same parameter
in two places. There is one tensor then, and its gradient is the sum over all its uses. Language
models share the embedding with the output layer in this way, and siamese networks compare two
inputs by one network.

What surprises: `parameters()` yields a shared parameter once, `state_dict()` lists it under every
name. Sharing by a module survives casting and moving; sharing of a parameter by two modules is
lost when the network is moved to the device "meta". `copy.deepcopy` keeps the sharing inside the
copied network.
"""

import copy

import pytest
import torch
from torch import nn


@pytest.mark.claim("path-share-parameters")
def test_a_layer_called_twice_shares_its_weight_with_itself(device):
    """An `nn.Linear` called twice in `forward` uses one weight twice: `parameters()` yields it
    once, and its gradient is the sum over both calls.

    With w = 3 and x = 5, y = w * w * x has the gradient 2 * w * x = 30.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1, bias=False, device=device)

        def forward(self, x):
            return self.layer(self.layer(x))

    net = Net()
    net.layer.weight.data.fill_(3.0)
    y = net(torch.tensor([5.0], device=device))
    y.backward()

    assert y.tolist() == [45.0]
    assert len(list(net.parameters())) == 1
    assert net.layer.weight.grad.tolist() == [[30.0]]


@pytest.mark.claim("path-share-parameters")
def test_one_layer_may_serve_two_inputs():
    """One layer called with two inputs, as in a siamese network, gets the sum of both gradients:
    with `f = nn.Linear(2, 1, bias=False)` and the float32 `a` = [1, 10], `b` = [3, 4],
    `(f(a) - f(b)).backward()` sets `f.weight.grad` to [[-2, 6]].
    """
    twin = nn.Linear(2, 1, bias=False)
    difference = twin(torch.tensor([1.0, 10.0])) - twin(torch.tensor([3.0, 4.0]))
    difference.backward()

    assert twin.weight.grad.tolist() == [[-2.0, 6.0]]


def test_two_names_for_one_layer_are_one_layer():
    """An `nn.Linear` put twice into an `nn.Sequential` is not copied: both indices give the same
    object; `named_children()` lists the layer, and `named_parameters()` its parameters, once,
    under the first name.
    """
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, nn.ReLU(), layer)

    assert net[0] is net[2]
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias"]
    assert [name for name, _ in net.named_children()] == ["0", "1"]


def test_a_list_multiplied_repeats_one_layer():
    """`nn.Sequential(*[nn.Linear(2, 2)] * 3)` repeats one layer three times: its
    `parameters()` are 2 tensors, one weight and one bias.
    `nn.Sequential(*[nn.Linear(2, 2) for _ in range(3)])` has three layers and 6 such
    tensors.

    Because Python's list multiplication repeats references, and `nn.Linear(2, 2)` is evaluated
    once.
    """
    repeated = nn.Sequential(*[nn.Linear(2, 2)] * 3)
    separate = nn.Sequential(*[nn.Linear(2, 2) for _ in range(3)])

    assert len(list(repeated.parameters())) == 2
    assert len(list(separate.parameters())) == 6


def test_the_state_dict_lists_a_shared_tensor_under_each_name():
    """`net.state_dict()` of `net = nn.Sequential(layer, layer)` with one `nn.Linear` `layer` lists
    `layer.weight` as `0.weight` and as `1.weight`, both with the same storage; `net.parameters()`
    yields it once.
    """
    layer = nn.Linear(2, 2, bias=False)
    net = nn.Sequential(layer, layer)
    state = net.state_dict()

    assert list(state) == ["0.weight", "1.weight"]
    assert state["0.weight"].data_ptr() == state["1.weight"].data_ptr()
    assert len(list(net.parameters())) == 1


@pytest.mark.torch(">=2.0")
def test_all_names_of_a_shared_parameter_can_be_listed():
    """`nn.Module.named_parameters(remove_duplicate=False)`, since PyTorch 2.0, yields a shared
    parameter under each of its names.
    """
    layer = nn.Linear(2, 2, bias=False)
    net = nn.Sequential(layer, layer)

    assert [name for name, _ in net.named_parameters(remove_duplicate=False)] == [
        "0.weight",
        "1.weight",
    ]


def test_weights_alone_are_tied_by_assigning_the_parameter(device):
    """`decode.weight = embed.weight` ties `decode = nn.Linear(3, 5)` to
    `embed = nn.Embedding(5, 3)`: both use the same parameter, and an in-place change of one weight
    under `torch.no_grad()` shows in the other.

    The weight of `nn.Embedding(5, 3)` has the shape of that of `nn.Linear(3, 5)`, so they fit
    without a transpose.
    """
    embed = nn.Embedding(5, 3, device=device)
    decode = nn.Linear(3, 5, device=device)
    decode.weight = embed.weight
    with torch.no_grad():
        embed.weight.fill_(7.0)

    assert decode.weight is embed.weight
    assert decode.weight[4].tolist() == [7.0, 7.0, 7.0]


def test_tied_weights_collect_one_gradient():
    """Two `nn.Linear(1, 1)` tied by `second.weight = first.weight` have one `.grad` for their
    weight: after the first `backward()` it is the sum of the gradients from both layers.
    """
    first, second = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    second.weight = first.weight
    (first(torch.tensor([2.0])) + second(torch.tensor([5.0]))).backward()

    assert first.weight.grad.tolist() == [[7.0]]
    assert second.weight.grad is first.weight.grad


def test_assigning_the_data_shares_memory_and_not_the_gradient():
    """`second.weight.data = first.weight.data` shares storage but not the parameter: both have
    the same values, but `backward()` through the first layer alone gives the second weight no
    `.grad`.

    An optimizer given both, where both have got gradients, would update the shared values twice
    per step; tie weights by assigning the parameter itself, `second.weight = first.weight`.
    """
    first, second = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    second.weight.data = first.weight.data
    with torch.no_grad():
        first.weight.fill_(3.0)
    first(torch.tensor([2.0])).backward()

    assert second.weight.tolist() == [[3.0]]
    assert first.weight.grad.tolist() == [[2.0]]
    assert second.weight.grad is None


def test_to_keeps_weights_tied():
    """`nn.Module.double()` keeps parameters shared by default: a layer that stands twice in the
    tree and a weight tied by `second.weight = first.weight` are cast once and stay the same
    object.

    Because the values are exchanged inside the parameter.
    `torch.__future__.set_overwrite_module_params_on_conversion(True)` makes new parameters
    instead, which are no longer tied. The cast to float64 separates buffers that two layers share,
    and weights that share only their `data`.
    """
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, nn.Sequential(layer)).double()

    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    nn.Sequential(first, second).double()

    assert net[0].weight is net[1][0].weight
    assert layer.weight.dtype == torch.float64
    assert first.weight is second.weight
    assert first.weight.dtype == torch.float64


def test_moving_to_meta_unties_weights():
    """By default `nn.Module.to("meta")` of a network on the CPU unties a weight that two layers
    share by `second.weight = first.weight`: afterwards each has its own parameter.

    Because a tensor on "meta" can't be written into the old parameter, so that each layer gets a
    new one. Tie the weights again after this move, and after `to_empty` from there.
    """
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    second.weight = first.weight
    net = nn.Sequential(first, second)
    before = len(list(net.parameters()))
    net.to("meta")

    assert before == 1
    assert len(list(net.parameters())) == 2
    assert first.weight.device.type == "meta"


def test_to_empty_unties_weights():
    """`nn.Module.to_empty(device="cpu")` of a network made on "meta" unties a weight that its
    layers `embedding` and `head` share: each gets a parameter of its own. Tie them again:
    `head.weight = embedding.weight`.
    """
    embedding = nn.Embedding(3, 2, device="meta")
    head = nn.Linear(2, 3, bias=False, device="meta")
    head.weight = embedding.weight
    net = nn.Sequential(embedding, head).to_empty(device="cpu")

    assert len(list(net.parameters())) == 2
    assert head.weight is not embedding.weight

    head.weight = embedding.weight
    assert len(list(net.parameters())) == 1


@pytest.mark.torch(">=2.1")
def test_loading_by_assignment_unties_weights():
    """`load_state_dict(state, assign=True)` with a `state` of plain float32 tensors makes a
    parameter of its own for each parameter name: layers tied by `second.weight = first.weight`
    have two afterwards. Tie them again after loading.

    Two such parameters still share memory if the tensors of the state did, and an optimizer then
    updates it twice per step; if the state's tensors are copies, the two drift apart.
    `net.state_dict(keep_vars=True)` of the tied `net` holds its parameter itself and keeps the
    layers tied.
    """
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    second.weight = first.weight
    net = nn.Sequential(first, second)

    net.load_state_dict(
        {name: each.clone() for name, each in net.state_dict().items()}, assign=True
    )

    assert len(list(net.parameters())) == 2
    assert second.weight is not first.weight

    second.weight = first.weight
    assert len(list(net.parameters())) == 1
    net.load_state_dict(net.state_dict(keep_vars=True), assign=True)
    assert len(list(net.parameters())) == 1


def test_a_deep_copy_is_tied_in_itself_and_to_nothing_else():
    """`copy.deepcopy` of an `nn.Sequential` that has one `nn.Linear` twice has one layer
    twice as well; the copy shares no parameter with the original.
    """
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, layer)
    copied = copy.deepcopy(net)
    first, second = copied

    assert first is second
    assert len(list(copied.parameters())) == 2
    assert first.weight is not layer.weight


def test_a_new_parameter_unties():
    """Assigning a new `nn.Parameter` to the weight of one of two layers tied by
    `second.weight = first.weight` ends the sharing: the other layer keeps the old
    parameter.
    """
    first, second = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    second.weight = first.weight
    tied = list(nn.Sequential(first, second).parameters())
    first.weight = nn.Parameter(torch.tensor([[3.0]]))
    untied = list(nn.Sequential(first, second).parameters())

    assert [len(tied), len(untied)] == [1, 2]
    assert second.weight is not first.weight
