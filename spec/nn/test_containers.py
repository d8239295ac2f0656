"""Containers: Sequential, ModuleList, ModuleDict.

A `Sequential` is a chain: the output of each module is the input of the next, and no class has to
be written. A `ModuleList` and a `ModuleDict` only hold modules, so that they are registered; what
to do with them is for a `forward` to say.

The trap is the plain Python list. Layers in it work, but the module does not know them: they are
neither trained nor moved nor saved, and no error says so.
"""

from collections import OrderedDict

import pytest
import torch
from torch import nn


@pytest.mark.claim("summary-sequential")
def test_a_sequential_is_a_complete_model():
    """A 1-to-10 layer, ReLU and a 10-to-1 layer in a `Sequential` are a model of 31 parameters."""
    model = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))
    y = model(torch.ones(5, 1))
    y.sum().backward()

    assert y.shape == (5, 1)
    assert sum(parameter.numel() for parameter in model.parameters()) == 31
    assert [list(parameter.grad.shape) for parameter in model.parameters()] == [
        [10, 1],
        [10],
        [1, 10],
        [1],
    ]


def test_a_sequential_hands_each_output_to_the_next(device):
    """`Sequential(f, g, h)(x)` is `h(g(f(x)))`."""
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Flatten(0)).to(device)
    model[0].weight.data.fill_(-2.0)
    model[0].bias.data.fill_(1.0)
    y = model(torch.tensor([[-3.0], [3.0]], device=device))

    assert y.tolist() == [7.0, 0.0]


def test_a_sequential_names_its_parts_by_number():
    """The parts of a `Sequential` are called "0", "1", "2"; functions are modules here too."""
    model = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))

    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_a_sequential_prints_its_chain(snapshot):
    """A printed `Sequential` lists number and module, nested ones further in."""
    model = nn.Sequential(nn.Linear(1, 10), nn.Sequential(nn.ReLU(), nn.Linear(10, 1)))

    assert repr(model) == snapshot


def test_an_ordered_dict_gives_the_parts_names():
    """Built from an `OrderedDict` the parts have names, and are attributes under them."""
    model = nn.Sequential(OrderedDict(first=nn.Linear(1, 10), act=nn.ReLU()))

    assert list(model.state_dict()) == ["first.weight", "first.bias"]
    assert model.act is model[1]


def test_a_sequential_is_indexed_and_cut_like_a_list():
    """An index gives a part, a slice a shorter `Sequential` of the very same parts."""
    model = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))
    head = model[:2]

    assert type(head) is nn.Sequential
    assert len(head) == 2
    assert head[0] is model[0]
    assert head(torch.ones(1)).shape == (10,)
    assert repr(model[-1]) == "Linear(in_features=10, out_features=1, bias=True)"


def test_an_index_past_the_end_is_refused():
    """Like a list a `Sequential` has no part behind its last."""
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU())

    assert repr(model[1]) == "ReLU()"
    with pytest.raises(IndexError, match="index 2 is out of range"):
        model[2]


def test_the_parts_are_modules_and_no_functions():
    """`torch.relu` is a function and no part of a `Sequential`; its module is `nn.ReLU()`."""
    with pytest.raises(TypeError, match="relu is not a Module subclass"):
        nn.Sequential(nn.Linear(1, 1), torch.relu)
    with pytest.raises(TypeError, match=r"type is not a Module subclass|ReLU.* is not a Module"):
        nn.Sequential(nn.Linear(1, 1), nn.ReLU)
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU())

    assert len(model) == 2


def test_a_list_of_layers_is_unpacked_by_a_star():
    """`Sequential` takes its parts one by one: a list is refused, `*` unpacks it."""
    layers = [nn.Linear(1, 3), nn.Linear(3, 2)]

    with pytest.raises(TypeError, match="list is not a Module subclass"):
        nn.Sequential(layers)
    assert nn.Sequential(*layers)(torch.ones(1)).shape == (2,)


def test_a_sequential_passes_one_input():
    """A chain has one input: a second one, as attention would need, is refused."""
    model = nn.Sequential(nn.Linear(1, 1))
    x = torch.ones(1)

    assert model(x).shape == (1,)
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        model(x, x)


def test_layers_that_do_not_fit_are_found_by_calling():
    """Nothing compares the sizes of neighbours at building: the first call fails."""
    model = nn.Sequential(nn.Linear(1, 10), nn.Linear(11, 1))

    assert len(model) == 2
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied .1x10 and 11x1"):
        model(torch.ones(1))


def test_a_plain_list_forgets_its_layers():
    """Layers in a Python list compute, and are not registered: no parameters, no cast, no save."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(2, 2), nn.Linear(2, 1)]

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
            return x

    net = Net().double()

    assert net(torch.ones(2)).shape == (1,)
    assert list(net.parameters()) == []
    assert list(net.state_dict()) == []
    assert [layer.weight.dtype for layer in net.layers] == [torch.float32, torch.float32]


def test_an_optimizer_on_a_plain_list_of_layers_finds_nothing():
    """The forgotten list is noticed, if at all, when an optimizer is given no parameters."""
    net = nn.Module()
    net.layers = [nn.Linear(2, 1)]

    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        torch.optim.SGD(net.parameters(), lr=0.1)


def test_a_module_list_registers_its_layers():
    """The same layers in a `ModuleList` are children, with their index as name."""
    net = nn.Module()
    net.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])
    net.double()

    assert list(net.state_dict()) == [
        "layers.0.weight",
        "layers.0.bias",
        "layers.1.weight",
        "layers.1.bias",
    ]
    assert [layer.weight.dtype for layer in net.layers] == [torch.float64, torch.float64]


def test_a_module_list_does_not_say_what_to_compute():
    """A `ModuleList` is no chain: it has no `forward`, the loop over it is yours to write."""
    layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])
    x = torch.ones(2)

    with pytest.raises(NotImplementedError, match=r"Module \[ModuleList\] is missing the required"):
        layers(x)
    for layer in layers:
        x = layer(x)

    assert x.shape == (1,)


def test_a_module_list_grows_like_a_list():
    """`append`, `extend` and `insert` work, and the parts are numbered anew."""
    layers = nn.ModuleList([nn.ReLU()])
    layers.append(nn.Tanh())
    layers.extend([nn.Sigmoid(), nn.GELU()])
    layers.insert(0, nn.Identity())
    del layers[3]

    assert [(name, type(part).__name__) for name, part in layers.named_children()] == [
        ("0", "Identity"),
        ("1", "ReLU"),
        ("2", "Tanh"),
        ("3", "GELU"),
    ]


def test_a_module_dict_holds_alternatives_by_name(device):
    """A `ModuleDict` is chosen from by key; all of its modules are registered, chosen or not."""
    acts = nn.ModuleDict({"relu": nn.ReLU(), "leaky": nn.LeakyReLU(0.5)})
    x = torch.tensor([-2.0], device=device)

    assert acts["relu"](x).tolist() == [0.0]
    assert acts["leaky"](x).tolist() == [-1.0]
    assert list(acts.keys()) == ["relu", "leaky"]
    assert [name for name, _ in acts.named_children()] == ["relu", "leaky"]


def test_not_every_key_names_a_module():
    """The key becomes an attribute: no dot, no empty or taken name, no number."""
    acts = nn.ModuleDict()

    with pytest.raises(KeyError, match=r"module name can.* contain"):
        acts["a.b"] = nn.ReLU()
    with pytest.raises(KeyError, match=r"module name can.* be empty string"):
        acts[""] = nn.ReLU()
    with pytest.raises(KeyError, match="attribute 'keys' already exists"):
        acts["keys"] = nn.ReLU()
    with pytest.raises(TypeError, match=r"module name should be a string. Got int"):
        acts[1] = nn.ReLU()
    acts["a_b"] = nn.ReLU()

    assert list(acts) == ["a_b"]


def test_a_missing_key_is_a_key_error():
    """A `ModuleDict` answers an unknown key as a dict does, and knows `in`."""
    acts = nn.ModuleDict({"relu": nn.ReLU()})
    found = [name in acts for name in ("relu", "tanh")]

    assert found == [True, False]
    with pytest.raises(KeyError, match="tanh"):
        acts["tanh"]
