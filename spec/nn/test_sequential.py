"""nn.Sequential: a chain of layers.

`nn.Sequential(f, g, h)` is a network without a class of one's own: called with `x` it computes
`h(g(f(x)))`. Its parts are modules, named by their number or by the keys of an `OrderedDict`. It
is indexed and sliced like a list. It fits as long as each layer has one input and one
output; branches, skip connections and several inputs need a class with a `forward`
(`spec/nn/test_modules.py`).

What surprises: nothing compares neighbouring layers when the chain is built, so that sizes which
don't fit are found at the first call; and functions such as `torch.relu` are no modules.
"""

from collections import OrderedDict
from itertools import pairwise

import pytest
import torch
from torch import nn


@pytest.mark.claim("summary-sequential")
def test_a_sequential_is_a_complete_model():
    """`model = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))` is a complete network
    of 31 numbers in four parameters; `model(torch.ones(5, 1)).sum().backward()` gives each of the
    four a gradient.
    """
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
    """`nn.Sequential(f, g, h)(x)`, of three modules, computes `h(g(f(x)))`."""
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Flatten(0)).to(device)
    model[0].weight.data.fill_(-2.0)
    model[0].bias.data.fill_(1.0)
    y = model(torch.tensor([[-3.0], [3.0]], device=device))

    assert y.tolist() == [7.0, 0.0]


def test_a_sequential_names_its_parts_by_number():
    """`nn.Sequential(a, b, c)` names its modules "0", "1", "2"; an `nn.ReLU` between two
    `nn.Linear` takes number 1 but has no entry in `state_dict()`, so that the keys there jump from
    0 to 2.

    A layer inserted before the second linear layer changes the number of that layer, and an old
    checkpoint no longer fits.
    """
    model = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))

    assert [name for name, _ in model.named_children()] == ["0", "1", "2"]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]


def test_an_ordered_dict_gives_the_parts_names():
    """In `model = nn.Sequential(OrderedDict(first=nn.Linear(1, 10), act=nn.ReLU()))` the
    modules are named by the keys: `model.act` is `model[1]`, and `state_dict()` holds
    "first.weight" and "first.bias".

    Names in a checkpoint then say what a layer is for, and stay as they are if the `OrderedDict`
    gets another entry before them.
    """
    model = nn.Sequential(OrderedDict(first=nn.Linear(1, 10), act=nn.ReLU()))

    assert list(model.state_dict()) == ["first.weight", "first.bias"]
    assert model.act is model[1]


def test_a_sequential_prints_its_chain():
    """`repr` of an `nn.Sequential` lists the name of each module, such as (0), and the module; the
    modules of a nested `Sequential` are indented further.
    """
    model = nn.Sequential(nn.Linear(1, 10), nn.Sequential(nn.ReLU(), nn.Linear(10, 1)))

    assert repr(model).splitlines() == [
        "Sequential(",
        "  (0): Linear(in_features=1, out_features=10, bias=True)",
        "  (1): Sequential(",
        "    (0): ReLU()",
        "    (1): Linear(in_features=10, out_features=1, bias=True)",
        "  )",
        ")",
    ]


def test_a_sequential_is_indexed_and_sliced_like_a_list():
    """For `model = nn.Sequential(...)` of three modules, `model[-1]` is the last module,
    and `model[:2]` a new `nn.Sequential` of the first two module objects, whose parameters
    the two containers share.

    So `model[:-1]` is the network without its last layer, and training it trains `model`;
    `copy.deepcopy(model[:-1])` is independent.
    """
    model = nn.Sequential(nn.Linear(1, 10), nn.ReLU(), nn.Linear(10, 1))
    head = model[:2]

    assert type(head) is nn.Sequential
    assert len(head) == 2
    assert head[0] is model[0]
    assert model[:-1][0].weight is model[0].weight
    assert head(torch.ones(1)).shape == (10,)
    assert model[-1] is model[2]


@pytest.mark.claim("course-flexible-networks")
@pytest.mark.parametrize(
    ("widths", "parameters"), [([3, 1], 4), ([3, 4, 1], 21), ([3, 4, 4, 4, 1], 61)]
)
def test_a_list_of_widths_becomes_a_network_in_one_line(widths, parameters):
    """A list of layer widths becomes a network by
    `nn.Sequential(*[nn.Linear(i, o) for i, o in itertools.pairwise(widths)])`, one linear layer
    for each pair of neighbours.

    An activation is still missing between the layers: without one they compute a single affine map
    (`spec/nn/test_activations.py`).
    """
    net = nn.Sequential(*[nn.Linear(i, o) for i, o in pairwise(widths)])

    assert sum(p.numel() for p in net.parameters()) == parameters
    assert net(torch.ones(3)).shape == (1,)


def test_a_list_of_layers_is_unpacked_by_a_star():
    """`nn.Sequential(layers)` of a list `layers` of modules raises TypeError, "list is not
    a Module subclass": pass the modules as separate arguments, `nn.Sequential(*layers)`.
    """
    layers = [nn.Linear(1, 3), nn.Linear(3, 2)]

    with pytest.raises(TypeError, match="list is not a Module subclass"):
        nn.Sequential(layers)
    assert nn.Sequential(*layers)(torch.ones(1)).shape == (2,)


def test_the_parts_are_modules_and_no_functions():
    """`nn.Sequential` raises TypeError for the function `torch.relu` and for the class
    `nn.ReLU`, "is not a Module subclass"; it takes the instance `nn.ReLU()`.
    """
    with pytest.raises(TypeError, match=r"relu is not a Module subclass"):
        nn.Sequential(nn.Linear(1, 1), torch.relu)
    with pytest.raises(TypeError, match=r"type is not a Module subclass|ReLU.* is not a Module"):
        nn.Sequential(nn.Linear(1, 1), nn.ReLU)
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU())

    assert len(model) == 2


def test_a_sequential_passes_one_input():
    """An `nn.Sequential` is called with one input: `model(x, y)` raises TypeError, "takes 2
    positional arguments but 3 were given".

    A network with several inputs, or with a layer that takes several, such as
    `nn.MultiheadAttention`, needs a class with a `forward`.
    """
    model = nn.Sequential(nn.Linear(1, 1))
    x = torch.ones(1)

    assert model(x).shape == (1,)
    with pytest.raises(TypeError, match="takes 2 positional arguments but 3 were given"):
        model(x, x)


def test_a_sequential_hands_on_a_tuple_as_it_is():
    """In an `nn.Sequential` a module that returns a tuple, such as `nn.GRU`, hands the whole tuple
    to the next: `nn.Linear` behind it raises TypeError, "must be Tensor, not tuple".

    Because a GRU returns output and state; write a `forward` that takes the one it wants.
    """
    model = nn.Sequential(nn.GRU(2, 3), nn.Linear(3, 1))
    x = torch.zeros(4, 2)

    assert model[1](model[0](x)[0]).shape == (4, 1)
    with pytest.raises(TypeError, match=r"\(position 1\) must be Tensor, not tuple"):
        model(x)


def test_layers_that_do_not_fit_are_found_by_calling():
    """`nn.Sequential(nn.Linear(1, 10), nn.Linear(11, 1))`, whose sizes don't fit, can be built;
    on a CPU a call with one sample, `torch.ones(1)`, raises RuntimeError, "shapes cannot be
    multiplied (1x10 and 11x1)".

    Run one batch through a network as soon as it is built.
    """
    model = nn.Sequential(nn.Linear(1, 10), nn.Linear(11, 1))

    assert len(model) == 2
    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied .1x10 and 11x1"):
        model(torch.ones(1))
