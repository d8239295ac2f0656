"""The tree of modules.

A module may contain other modules, its children, and these may contain further ones. The tree is
made by assignment: `self.conv = nn.Conv2d(...)` adds a child named `conv`. Dots join the names to
a path, such as `features.0.weight`, which is what `named_parameters()` and `state_dict()` list.
Methods such as `to`, `apply`, `train` and `zero_grad` go through the whole tree.

What surprises: children are listed in the order of their assignment, whatever `forward` does with
them; `to` changes the module in place, although the `to` of a tensor doesn't; and a module in a
plain list is no child (`spec/nn/test_containers.py`).
"""

import copy

import pytest
import torch
from torch import nn


def test_a_module_is_registered_by_assigning_it():
    """With `net = nn.Module()`, `net.layer = nn.Linear(2, 1)` makes the layer a child of
    `net`; `net.number = 3` only sets a plain attribute, so `net.named_children()` gives the
    layer alone.
    """
    net = nn.Module()
    net.number = 3
    net.layer = nn.Linear(2, 1)
    layer = net.layer

    assert list(net.named_children()) == [("layer", layer)]
    assert net.number == 3


def test_children_come_in_the_order_of_assignment():
    """After `self.last = nn.Linear(3, 1)`, then `self.first = nn.Linear(2, 3)` in `__init__`,
    `named_children()` lists `last`, then `first`, and `named_parameters()` lists their parameters
    in this order, though `forward` calls `first` first.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(3, 1)
            self.first = nn.Linear(2, 3)

        def forward(self, x):
            return self.last(self.first(x))

    net = Net()

    assert net(torch.ones(2)).shape == (1,)
    assert [name for name, _ in net.named_children()] == ["last", "first"]
    assert [name for name, _ in net.named_parameters()] == [
        "last.weight",
        "last.bias",
        "first.weight",
        "first.bias",
    ]


def test_children_are_one_level_and_modules_all_of_them():
    """`named_children()` yields the name and module of each direct child of an `nn.Module`;
    `named_modules()` yields first the module itself, under the empty name, then all modules
    below it. By default, a module with two names comes once.
    """
    inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    net = nn.Sequential(inner, nn.Linear(2, 1))

    assert [name for name, _ in net.named_children()] == ["0", "1"]
    shared = nn.ReLU()
    twice = nn.Sequential(shared, nn.Tanh(), shared)
    assert [name for name, _ in net.named_modules()] == ["", "0", "0.0", "0.1", "1"]
    assert [name for name, _ in twice.named_modules()] == ["", "0", "1"]
    assert [name for name, _ in twice.named_children()] == ["0", "1"]
    assert [type(module).__name__ for module in net.modules()] == [
        "Sequential",
        "Sequential",
        "Linear",
        "ReLU",
        "Linear",
    ]


def test_a_part_is_fetched_by_its_path():
    """For `net = nn.Sequential(nn.Sequential(nn.Linear(2, 3)))`, `net.get_submodule("0.0")` is
    `net[0][0]` and `net.get_parameter("0.0.weight")` its weight; `net.get_submodule("0.5")` raises
    AttributeError, "Sequential has no attribute `5`".

    `get_submodule` takes each path that `named_modules(remove_duplicate=False)` lists; by default
    `named_modules` lists a module that is used at two paths once.
    """
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 3)))

    assert net.get_submodule("0.0") is net[0][0]
    assert net.get_submodule("") is net
    assert net.get_parameter("0.0.weight") is net[0][0].weight
    with pytest.raises(AttributeError, match="Sequential has no attribute `5`"):
        net.get_submodule("0.5")


def test_apply_visits_every_module_children_first():
    """`net.apply(f)` calls `f` with each module of the tree of `net`, children before their parent,
    and returns `net`.

    It is the usual way to initialise a network: `spec/nn/test_initialisation.py`.
    """
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Tanh())
    visited = []
    returned = net.apply(lambda module: visited.append(type(module).__name__))

    assert visited == ["Linear", "ReLU", "Sequential", "Tanh", "Sequential"]
    assert returned is net


def test_to_casts_the_whole_tree_in_place(device):
    """`net.to(torch.float64)` of an `nn.Module` casts the floating-point parameters of the whole
    tree in place and returns the same module.

    The `to` of a tensor doesn't change it: `net.to(...)` needs no assignment, `x = x.to(...)` does.
    """
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 1))).to(device)
    returned = net.to(torch.float64)

    assert returned is net
    assert net[0].weight.dtype == torch.float64
    assert net[1][0].bias.dtype == torch.float64


def test_to_takes_no_integer_dtype():
    """`net.to(torch.int64)` of an `nn.Module` raises TypeError, "only accepts floating point or
    complex dtypes".

    Because parameters are learnt by gradients, which integers can't have. For integer weights use
    quantisation, or make an integer tensor of one parameter, as by `net.weight.to(torch.int64)`:
    it can't be assigned to `net.weight`.
    """
    layer = nn.Linear(2, 1)

    with pytest.raises(TypeError, match="only accepts floating point or complex dtypes"):
        layer.to(torch.int64)
    assert layer.to(torch.float16).weight.dtype == torch.float16


def test_a_deep_copy_shares_nothing():
    """`copy.deepcopy(net)` of an `nn.Sequential` of `nn.Linear` copies the modules and
    their parameters, without the `.grad` of these; `same = net` only makes a second name
    for the same network.

    A copy of a network with the older `nn.utils.weight_norm` may raise RuntimeError:
    `spec/nn/test_parametrisations.py`.
    """
    net = nn.Sequential(nn.Linear(2, 1))
    net(torch.tensor([1.0, 5.0])).backward()
    same, copied = net, copy.deepcopy(net)
    with torch.no_grad():
        net[0].weight.fill_(7.0)
        copied[0].weight.fill_(8.0)

    assert same[0].weight.grad.tolist() == [[1.0, 5.0]]
    assert copied[0].weight.grad is None
    assert same[0].weight.tolist() == [[7.0, 7.0]]
    assert copied[0].weight.tolist() == [[8.0, 8.0]]


def test_a_later_assignment_takes_the_place_of_the_earlier_one():
    """If `net` has the children `body` and `head`, `net.body = nn.Identity()` replaces the
    child `body` under the same name and at the same position of `net.named_children()`.

    This is how the last layer of a pretrained network is exchanged, as in torchvision's
    `resnet18`, where it is named `fc`: `net.fc = nn.Linear(512, 10)`. If the network has no child
    of this name, the assignment adds one at the end, which `forward` doesn't call.
    """
    net = nn.Module()
    net.body = nn.Linear(4, 3)
    net.head = nn.Linear(3, 2)
    net.body = nn.Identity()

    assert repr(list(net.named_children())) == (
        "[('body', Identity()), ('head', Linear(in_features=3, out_features=2, bias=True))]"
    )


def test_a_deleted_child_is_gone():
    """`del net.head` removes the child `head` from an `nn.Module`, and its parameters unless
    they are registered elsewhere too; `net.head` then raises AttributeError, if the class has
    no attribute of that name.

    Where `forward` calls the child, assign `nn.Identity()` instead.
    """
    net = nn.Module()
    net.body = nn.Linear(4, 3)
    net.head = nn.Linear(3, 2)
    del net.head

    assert [name for name, _ in net.named_parameters()] == ["body.weight", "body.bias"]
    with pytest.raises(AttributeError, match="'Module' object has no attribute 'head'"):
        net.head  # noqa: B018


def test_the_name_of_a_child_takes_none_and_no_function():
    """If `net.activation` is a child of an `nn.Module`, `net.activation = torch.relu`
    raises TypeError, "torch.nn.Module or None expected"; None, another `nn.Module` or an
    `nn.Parameter` may be assigned instead.

    Assign the module `nn.ReLU()` instead of the function. A `forward` whose child may be None has
    to check it first: `if self.activation is not None`.
    """
    net = nn.Module()
    net.activation = nn.ReLU()

    with pytest.raises(TypeError, match=r"as child module 'activation' .torch.nn.Module or None"):
        net.activation = torch.relu
    net.activation = None
    switched_off = list(net.children())
    net.activation = nn.Tanh()

    assert switched_off == []
    assert repr(list(net.children())) == "[Tanh()]"
    net.activation = nn.Parameter(torch.ones(1))
    assert list(net.children()) == []
    assert list(net.state_dict()) == ["activation"]


def test_a_layer_named_like_a_method_is_hidden_by_it():
    """A layer assigned to an attribute that is also a method of `nn.Module`, such as `net.float`,
    is registered as a child, but `net.float` still gives the method.

    Because Python finds methods before `nn.Module` looks for children; choose another name.
    `add_module("float", layer)` on a new `nn.Module` raises KeyError.
    """
    net = nn.Module()
    net.float = nn.Linear(2, 1)

    assert [name for name, _ in net.named_children()] == ["float"]
    with pytest.raises(AttributeError, match="'function' object has no attribute 'weight'"):
        net.float.weight  # noqa: B018
    with pytest.raises(KeyError, match="attribute 'float' already exists"):
        nn.Module().add_module("float", nn.Linear(2, 1))


def test_a_child_has_no_dot_in_its_name():
    """`net.add_module("block.1", layer)` raises KeyError, whose `args[0]` begins "module
    name can't contain", because dots separate the levels of a path; write an underscore.

    `setattr(net, "block.1", layer)` raises nothing, but `get_submodule("block.1")` then doesn't
    find the layer.
    """
    net = nn.Module()

    with pytest.raises(KeyError, match=r"module name can.+t contain"):
        net.add_module("block.1", nn.ReLU())
    net.add_module("block_1", nn.ReLU())

    assert [name for name, _ in net.named_modules()] == ["", "block_1"]
    setattr(net, "block.2", nn.Tanh())
    with pytest.raises(AttributeError, match="Module has no attribute `block`"):
        net.get_submodule("block.2")


def test_a_name_already_taken_is_refused_to_a_child():
    """`add_module("weight", nn.ReLU())` of an `nn.Linear` raises KeyError, "attribute
    'weight' already exists", and so does `add_module` with the name of any other parameter,
    buffer or plain attribute of the module; choose a free name.

    The name of a child is not refused: the new module takes its place.
    """
    layer = nn.Linear(2, 1)

    with pytest.raises(KeyError, match="attribute 'weight' already exists"):
        layer.add_module("weight", nn.ReLU())
    with pytest.raises(KeyError, match="attribute 'in_features' already exists"):
        layer.add_module("in_features", nn.ReLU())
    with pytest.raises(KeyError, match="attribute 'running_mean' already exists"):
        nn.BatchNorm1d(2).add_module("running_mean", nn.ReLU())
    layer.add_module("after", nn.ReLU())
    layer.add_module("after", nn.Tanh())

    assert type(layer.after) is nn.Tanh
    assert [name for name, _ in layer.named_children()] == ["after"]
