"""The tree of modules.

A module is made of modules, each of which may be made of others. The tree has names: every child
has one in its parent, and dots join them to a path, `features.0.weight`. To go through a network,
change something everywhere or fetch a single part is to walk this tree.

It is made by assignment alone. So a part is listed in the order and under the name of its
attribute, and something that is no module, or hides in a plain list, is not in the tree.
"""

import copy

import pytest
import torch
from torch import nn


def test_a_module_is_registered_by_assigning_it():
    """An attribute that holds a module is a child, from the assignment on."""
    net = nn.Module()
    net.number = 3
    net.layer = nn.Linear(2, 1)
    layer = net.layer

    assert list(net.named_children()) == [("layer", layer)]
    assert net.number == 3


def test_children_come_in_the_order_of_assignment():
    """Neither the alphabet nor the order of use in `forward` matters, only that of assignment."""

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


def test_a_later_assignment_takes_the_place_of_the_earlier_one():
    """A part is replaced where it stands: the new layer inherits the name and the position."""
    net = nn.Module()
    net.body = nn.Linear(4, 3)
    net.head = nn.Linear(3, 2)
    net.body = nn.Identity()

    assert repr(list(net.named_children())) == (
        "[('body', Identity()), ('head', Linear(in_features=3, out_features=2, bias=True))]"
    )


def test_a_deleted_child_is_gone():
    """`del` takes a part out of the tree, and its parameters with it."""
    net = nn.Module()
    net.body = nn.Linear(4, 3)
    net.head = nn.Linear(3, 2)
    del net.head

    assert [name for name, _ in net.named_parameters()] == ["body.weight", "body.bias"]
    with pytest.raises(AttributeError, match="'Module' object has no attribute 'head'"):
        net.head  # noqa: B018


def test_a_child_may_be_none_but_nothing_else():
    """A child can be switched off by None and keeps its name; another object is refused."""
    net = nn.Module()
    net.activation = nn.ReLU()

    with pytest.raises(TypeError, match=r"as child module 'activation' .torch.nn.Module or None"):
        net.activation = torch.relu
    net.activation = None
    net.activation = nn.Tanh()

    assert repr(list(net.children())) == "[Tanh()]"


def test_children_are_one_level_and_modules_all_of_them():
    """`children` are the parts of the net itself; `modules` go all the way down, net included."""
    inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    net = nn.Sequential(inner, nn.Linear(2, 1))

    assert [name for name, _ in net.named_children()] == ["0", "1"]
    assert [name for name, _ in net.named_modules()] == ["", "0", "0.0", "0.1", "1"]
    assert [type(module).__name__ for module in net.modules()] == [
        "Sequential",
        "Sequential",
        "Linear",
        "ReLU",
        "Linear",
    ]


def test_apply_visits_every_module_children_first():
    """`apply` calls a function with each module, from the innermost to the net itself."""
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Tanh())
    visited = []
    returned = net.apply(lambda module: visited.append(type(module).__name__))

    assert visited == ["Linear", "ReLU", "Sequential", "Tanh", "Sequential"]
    assert returned is net


def test_a_part_is_fetched_by_its_path():
    """`get_submodule` follows a dotted path, `get_parameter` goes one step further."""
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.Linear(3, 1))

    assert net.get_submodule("0.0") is net[0][0]
    assert net.get_submodule("") is net
    assert net.get_parameter("0.0.weight") is net[0][0].weight
    with pytest.raises(AttributeError, match="Sequential has no attribute `5`"):
        net.get_submodule("0.5")


def test_a_misspelt_layer_is_named_in_the_error():
    """An attribute that nobody assigned is refused in Python's usual words."""
    layer = nn.Linear(2, 1)

    assert layer.weight.shape == (1, 2)
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'wieght'"):
        layer.wieght  # noqa: B018


def test_a_layer_named_like_a_method_is_hidden_by_it():
    """`self.float = nn.Linear(...)` registers a child, but `net.float` stays the method."""
    net = nn.Module()
    net.float = nn.Linear(2, 1)

    assert [name for name, _ in net.named_children()] == ["float"]
    with pytest.raises(AttributeError, match="'function' object has no attribute 'weight'"):
        net.float.weight  # noqa: B018


def test_a_child_has_no_dot_in_its_name():
    """The dot separates the levels of a path, so no child may carry one in its name."""
    net = nn.Module()

    with pytest.raises(KeyError, match=r"module name can.* contain"):
        net.add_module("block.1", nn.ReLU())
    net.add_module("block_1", nn.ReLU())

    assert [name for name, _ in net.named_modules()] == ["", "block_1"]


def test_a_name_already_taken_is_refused_to_a_child():
    """`add_module` replaces no attribute that was there before as something else."""
    layer = nn.Linear(2, 1)

    with pytest.raises(KeyError, match="attribute 'weight' already exists"):
        layer.add_module("weight", nn.ReLU())
    layer.add_module("after", nn.ReLU())

    assert [name for name, _ in layer.named_children()] == ["after"]


def test_to_casts_the_whole_tree_in_place(device):
    """`to` and `double` change the module itself and return it, unlike the `to` of a tensor."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 1))).to(device)
    returned = net.to(torch.float64)

    assert returned is net
    assert net[0].weight.dtype == torch.float64
    assert net[1][0].bias.dtype == torch.float64


def test_data_has_to_have_the_dtype_of_the_parameters():
    """A module converts no input: integers or doubles meet float parameters and are refused."""
    layer = nn.Linear(2, 1)
    x = torch.tensor([1, 2])

    with pytest.raises(RuntimeError, match=r"dtype|scalar type"):
        layer(x)
    assert layer(x.float()).shape == (1,)


def test_a_deep_copy_shares_nothing():
    """`copy.deepcopy` doubles the tree and its parameters; a mere assignment is a second name."""
    net = nn.Sequential(nn.Linear(2, 1))
    same, copied = net, copy.deepcopy(net)
    with torch.no_grad():
        net[0].weight.fill_(7.0)
        copied[0].weight.fill_(8.0)

    assert same[0].weight.tolist() == [[7.0, 7.0]]
    assert copied[0].weight.tolist() == [[8.0, 8.0]]


def test_extra_repr_adds_words_to_the_print():
    """What `extra_repr` returns stands between the brackets of the printed module."""

    class Scale(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def extra_repr(self):
            return f"factor={self.factor}"

    assert repr(Scale(3)) == "Scale(factor=3)"
    assert repr(nn.Sequential(Scale(3))) == "Sequential(\n  (0): Scale(factor=3)\n)"
