"""Lists and dictionaries of layers and parameters.

A network with many similar layers keeps them in an `nn.ModuleList` or an `nn.ModuleDict`, and
parameters of its own in an `nn.ParameterList` or `nn.ParameterDict`. These containers register the
modules or parameters that they hold, and are indexed and iterated like a Python list or dict; what
to compute with them is for a `forward` to say. For a plain chain there is `nn.Sequential`:
`spec/nn/test_sequential.py`.

What surprises: layers in a plain Python list compute like others, but the module doesn't know them.
They are not in `parameters()`, not moved by `to()` and not saved. On the CPU no error says so,
unless an optimizer gets an empty list.
"""

from collections import OrderedDict

import pytest
import torch
from torch import nn


def test_a_plain_list_forgets_its_layers():
    """Layers in a plain Python list `self.layers` of an `nn.Module` can be called but are not
    registered: `parameters()` and `state_dict()` leave them out, and `double()` doesn't cast them.

    Because assignment registers modules, parameters and, since PyTorch 2.5, `nn.Buffer`, and a list
    is none of them. Write `nn.ModuleList([...])`.
    """

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
    """If an `nn.Module` `net` has its parameters only in layers of a plain list,
    `net.layers = [nn.Linear(2, 1)]`, `torch.optim.SGD(net.parameters(), lr=0.1)` raises
    ValueError, "optimizer got an empty parameter list".

    With a registered parameter besides, as of `net.head = nn.Linear(1, 1)`, there is no error, and
    the layers in the list don't learn. Use `nn.ModuleList`.
    """
    net = nn.Module()
    net.layers = [nn.Linear(2, 1)]
    net.activation = nn.ReLU()

    with pytest.raises(ValueError, match="optimizer got an empty parameter list"):
        torch.optim.SGD(net.parameters(), lr=0.1)
    net.head = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    assert len(optimizer.param_groups[0]["params"]) == 2


def test_a_module_list_registers_its_layers():
    """With `net = nn.Module()`, `net.layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])`
    registers both layers by index: `net.state_dict()` lists "layers.0.weight" and
    "layers.1.weight", and `net.double()` casts both layers.
    """
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
    """Calling an `nn.ModuleList` as `modules(x)` raises NotImplementedError, 'Module
    [ModuleList] is missing the required "forward" function'; loop over it in your `forward`.

    For a plain chain use `nn.Sequential`, which can be called.
    """
    layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 1)])
    x = torch.ones(2)

    with pytest.raises(
        NotImplementedError,
        match=r"Module \[ModuleList\] is missing the required .forward. function",
    ):
        layers(x)
    for layer in layers:
        x = layer(x)

    assert x.shape == (1,)


def test_a_module_list_grows_like_a_list():
    """An `nn.ModuleList` supports `append(module)`, `extend([module])`, `insert(0, module)` and,
    in a list of five, `del modules[3]`. The last two renumber the modules that follow: their names
    in `named_children()` change.

    A checkpoint knows a layer by its name: where a layer with parameters has got another name, a
    checkpoint saved before no longer gives the layer its own weights. In an `nn.ModuleDict` the
    layers that stay keep their names: after a layer was deleted,
    `load_state_dict(state, strict=False)` still loads the others.
    """
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
    """An `nn.ModuleDict` holds modules by key, in the order given, and registers all of them, also
    those that the model's `forward` doesn't call.
    """
    acts = nn.ModuleDict({"relu": nn.ReLU(), "leaky": nn.LeakyReLU(0.5)})
    x = torch.tensor([-2.0], device=device)

    assert acts["relu"](x).tolist() == [0.0]
    assert acts["leaky"](x).tolist() == [-1.0]
    assert list(acts.keys()) == ["relu", "leaky"]
    assert [name for name, _ in acts.named_children()] == ["relu", "leaky"]


def test_not_every_key_names_a_module():
    """`modules[key] = nn.ReLU()`, with an `nn.ModuleDict` `modules`, raises KeyError for
    a key with a dot, for the empty string and for the name of a method of `modules`, such
    as "keys", and TypeError for an int.

    Because a key becomes the name of a child; write "a_b" for "a.b" and `str(number)` for a number.
    """
    acts = nn.ModuleDict()

    with pytest.raises(KeyError, match=r"module name can.+t contain"):
        acts["a.b"] = nn.ReLU()
    with pytest.raises(KeyError, match=r"module name can.+t be empty string"):
        acts[""] = nn.ReLU()
    with pytest.raises(KeyError, match="attribute 'keys' already exists"):
        acts["keys"] = nn.ReLU()
    with pytest.raises(TypeError, match=r"module name should be a string. Got int"):
        acts[1] = nn.ReLU()
    acts["a_b"] = nn.ReLU()

    assert list(acts) == ["a_b"]


def test_a_parameter_list_registers_its_parameters():
    """Parameters in a plain Python list as an attribute of an `nn.Module` are not registered;
    those in an `nn.ParameterList` assigned to `net.listed` are, under the names `listed.0`,
    `listed.1` and so on.
    """
    net = nn.Module()
    net.hidden = [nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(2))]
    net.listed = nn.ParameterList([nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(4))])

    assert [name for name, _ in net.named_parameters()] == ["listed.0", "listed.1"]


def test_a_parameter_list_is_used_like_a_list():
    """An `nn.ParameterList` named `weights` allows `len(weights)`,
    `weights.append(parameter)`, `weights[-1]` and a `for` loop, but has no method `insert`:
    `weights.insert(0, parameter)` raises AttributeError.
    """
    weights = nn.ParameterList([nn.Parameter(torch.tensor(2.0)), nn.Parameter(torch.tensor(3.0))])
    weights.append(nn.Parameter(torch.tensor(4.0)))

    assert len(weights) == 3
    assert weights[-1].item() == 4.0
    assert [weight.item() for weight in weights] == [2.0, 3.0, 4.0]
    with pytest.raises(AttributeError, match="'ParameterList' object has no attribute 'insert'"):
        weights.insert(0, nn.Parameter(torch.tensor(1.0)))


def test_a_parameter_list_makes_parameters_of_tensors():
    """`nn.ParameterList([torch.ones(1)])` and `nn.ParameterDict({"scale": torch.ones(1)})` make an
    `nn.Parameter` of the plain tensor: `type` of the element is `nn.Parameter`.
    """
    listed = nn.ParameterList([torch.ones(1)])
    named = nn.ParameterDict({"scale": torch.ones(1)})

    assert type(listed[0]) is type(named["scale"]) is nn.Parameter


def test_a_parameter_dict_registers_by_key():
    """`gains = nn.ParameterDict({"left": torch.ones(1)})` registers a parameter "left";
    `gains["right"] = torch.ones(2)` makes a second `nn.Parameter` of the tensor, `gains["right"]`
    returns this parameter, and `"middle" in gains` is False.
    """
    net = nn.Module()
    net.gains = nn.ParameterDict({"left": torch.ones(1)})
    net.gains["right"] = torch.ones(2)
    found = [name in net.gains for name in ("left", "middle")]

    assert [name for name, _ in net.named_parameters()] == ["gains.left", "gains.right"]
    assert isinstance(net.gains["right"], nn.Parameter) is True
    assert net.gains["right"].tolist() == [1.0, 1.0]
    assert found == [True, False]


def test_a_parameter_dict_sorts_the_keys_of_a_plain_dict():
    """`nn.ParameterDict(d)` sorts the keys of a plain dict and keeps the order of an `OrderedDict`;
    `nn.ModuleDict(d)` keeps the order of either.

    An optimizer's state follows the order of the parameters, so the order matters for checkpoints.
    """
    plain = {"b": torch.ones(1), "a": torch.ones(2)}

    assert list(nn.ParameterDict(plain)) == ["a", "b"]
    assert list(nn.ParameterDict(OrderedDict(plain))) == ["b", "a"]
    assert list(nn.ModuleDict({"b": nn.ReLU(), "a": nn.Tanh()})) == ["b", "a"]
    assert list(nn.ModuleDict(OrderedDict(b=nn.ReLU(), a=nn.Tanh()))) == ["b", "a"]
