"""Groups of parameters with settings of their own.

`optimizer.param_groups` is a list of dicts. Each has a list of parameters under the key `params`,
and beside it the settings that hold for them: `lr`, `weight_decay`, `momentum` and so on. Handed a
plain list of parameters, an optimizer makes one group; handed a list of dicts, one group for each,
so that a layer can have a learning rate of its own, or biases no weight decay.

What a group does not say it takes from the keyword arguments of the optimizer, and what those
don't say from the defaults. Settings are read anew in each step, so assigning to
`optimizer.param_groups[0]["lr"]` changes the next one: see `spec/optim/test_schedules.py`.

What surprises: a misspelt or negative setting in a group is accepted; a parameter that is listed
twice in one group is moved twice per step, with only a warning; and a set of parameters is
refused inside a group.
"""

import pytest
import torch
from torch import nn


def test_a_plain_list_makes_one_group():
    """With `net = nn.Linear(2, 1)`, `torch.optim.SGD(net.parameters(), lr=0.5)` has one group in
    `param_groups`; its "params" are the `nn.Parameter` objects themselves, `net.weight` and then
    `net.bias`.
    """
    net = nn.Linear(2, 1)

    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    (group,) = optimizer.param_groups
    assert [parameter is net.weight for parameter in group["params"]] == [True, False]
    assert [parameter is net.bias for parameter in group["params"]] == [False, True]


@pytest.mark.claim("path-per-layer-learning-rate")
def test_each_layer_can_have_its_own_learning_rate(device):
    """`torch.optim.SGD` given one dict per layer, each with `params` and an `lr` of its
    own, moves each layer with its own learning rate.

    Used in fine-tuning: a small rate for pretrained layers, a larger one for the new head.
    """
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)).to(device)
    net[0].weight.data.fill_(4.0)
    net[1].weight.data.fill_(4.0)
    net[0].weight.grad = torch.tensor([[1.0]], device=device)
    net[1].weight.grad = torch.tensor([[1.0]], device=device)

    torch.optim.SGD(
        [{"params": net[0].parameters(), "lr": 0.25}, {"params": net[1].parameters(), "lr": 2.0}],
        lr=1.0,
    ).step()

    assert net[0].weight.item() == 3.75
    assert net[1].weight.item() == 2.0


@pytest.mark.claim("path-per-layer-weight-decay")
def test_each_layer_can_have_its_own_weight_decay():
    """In `SGD([...], lr=0.5)` a group whose dict has `"weight_decay": 0.5` decays its
    parameters that have a gradient, while a group beside it without the key has the default
    of 0.
    """
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    net[0].weight.data.fill_(4.0)
    net[1].weight.data.fill_(4.0)
    net[0].weight.grad = torch.tensor([[0.0]])
    net[1].weight.grad = torch.tensor([[0.0]])

    torch.optim.SGD(
        [{"params": net[0].parameters(), "weight_decay": 0.5}, {"params": net[1].parameters()}],
        lr=0.5,
    ).step()

    assert net[0].weight.item() == 3.0
    assert net[1].weight.item() == 4.0


def test_a_group_takes_what_it_does_not_say_from_the_keyword_arguments():
    """A group's dict in `torch.optim.SGD([{...}, {...}], lr=0.25, momentum=0.75)` that has
    only `params` takes `lr` and `momentum` from these keyword arguments, and other
    settings, such as `nesterov`, from the defaults of `SGD`.
    """
    first, second = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))

    optimizer = torch.optim.SGD(
        [{"params": [first]}, {"params": [second], "momentum": 0.5}], lr=0.25, momentum=0.75
    )

    assert [group["lr"] for group in optimizer.param_groups] == [0.25, 0.25]
    assert [group["momentum"] for group in optimizer.param_groups] == [0.75, 0.5]
    assert [group["nesterov"] for group in optimizer.param_groups] == [False, False]


def test_groups_without_a_rate_of_their_own_share_a_tensor_given_as_rate():
    """With `lr = torch.tensor(0.5)`, the groups of
    `torch.optim.SGD([{"params": [a]}, {"params": [b]}], lr=lr)` hold this tensor itself as their
    `lr`: writing into it, as by `lr.fill_(0.25)`, changes the rate of both.

    So from PyTorch 2.4 on one `LambdaLR` with a function per group cannot give them two rates,
    while earlier releases put a new tensor into each group: see
    `spec/optim/test_schedule_steps.py`. Give each group a tensor of its own, or use numbers.
    """
    a, b = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    a.grad, b.grad = torch.tensor(1.0), torch.tensor(1.0)
    lr = torch.tensor(0.5)
    optimizer = torch.optim.SGD([{"params": [a]}, {"params": [b]}], lr=lr)

    lr.fill_(0.25)
    optimizer.step()

    assert (a.item(), b.item()) == (-0.25, -0.25)
    assert [group["lr"] is lr for group in optimizer.param_groups] == [True, True]


def test_biases_without_decay_are_selected_by_their_dimensions():
    """Of the parameters of `nn.Linear` and `nn.LayerNorm(3)`, `p.ndim > 1` selects the
    matrices, `p.ndim <= 1` the biases and the weight of the norm: as two groups of `AdamW`
    they can have a `weight_decay` of 0.1 and of 0.0.

    A usual choice for transformers: decay on biases and normalisation weights helps little.
    """
    net = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Linear(3, 1))

    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in net.parameters() if p.ndim > 1]},
            {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ],
        weight_decay=0.1,
    )

    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 4]
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1, 0.0]


def test_a_group_can_be_added_later():
    """For two parameters `first` and `second` and `optimizer = torch.optim.SGD([first], lr=0.5)`,
    `optimizer.add_param_group({"params": second, "lr": 0.25})` adds `second`, as a group with
    settings of its own.

    Used when layers are unfrozen during training, or replaced after the optimizer was made.
    """
    first, second = nn.Parameter(torch.tensor(4.0)), nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([first], lr=0.5)

    optimizer.add_param_group({"params": second, "lr": 0.25})
    first.grad = second.grad = torch.tensor(1.0)
    optimizer.step()

    assert [first.item(), second.item()] == [3.5, 3.75]
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.25]


def test_groups_print_one_after_the_other():
    """`repr` of a `torch.optim.SGD` shows its class and, for each group, its number and
    settings such as `lr`, but not the values of the parameters.
    """
    first, second = nn.Parameter(torch.tensor(4.0)), nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=0.5)

    lines = repr(optimizer).splitlines()

    assert lines[0] == "SGD ("
    assert [line for line in lines if "." in line] == ["    lr: 0.5", "    lr: 0.5"]
    assert [line for line in lines if line.startswith("Parameter")] == [
        "Parameter Group 0",
        "Parameter Group 1",
    ]


@pytest.mark.torch(">=2.6")
def test_named_parameters_keep_their_names():
    """Since PyTorch 2.6
    `optimizer = torch.optim.SGD(nn.Linear(2, 1).named_parameters(), lr=0.5)` keeps the names in
    its group: `optimizer.param_groups[0]["param_names"]` is `["weight", "bias"]`.
    """
    optimizer = torch.optim.SGD(nn.Linear(2, 1).named_parameters(), lr=0.5)

    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]


@pytest.mark.torch("<2.6")
def test_named_parameters_were_refused():
    """Before PyTorch 2.6, `torch.optim.SGD` given `net.named_parameters()`, which yields
    pairs of name and parameter, raised TypeError.

    Because it took each pair for a parameter. `net.parameters()` works in all releases.
    """
    with pytest.raises(TypeError, match="can only optimize Tensors, but one of the params is tup"):
        torch.optim.SGD(nn.Linear(2, 1).named_parameters(), lr=0.5)


def test_a_parameter_belongs_to_one_group():
    """`torch.optim.SGD([{"params": net.parameters()}, {"params": [net.bias], "lr": 1.0}], lr=0.5)`
    with `net = nn.Linear(2, 1)` raises ValueError, "some parameters appear in more than one
    parameter group".

    Two groups with equal settings raise it, too. List each parameter in one group only.
    """
    net = nn.Linear(2, 1)

    with pytest.raises(ValueError, match="some parameters appear in more than one parameter gr"):
        torch.optim.SGD([{"params": net.parameters()}, {"params": [net.bias], "lr": 1.0}], lr=0.5)


def test_a_parameter_given_twice_steps_twice():
    """`torch.optim.SGD([weight, weight], lr=0.5)`, on the CPU, accepts a parameter listed
    twice in one group with a UserWarning, and its `step()` moves the weight by `lr` times
    the gradient twice.

    It happens when the parameters of two nets that share a layer are joined to one list.
    `list(dict.fromkeys(parameters))` keeps each once.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    weight.grad = torch.tensor(1.0)

    with pytest.warns(UserWarning, match="a parameter group with duplicate parameters"):
        optimizer = torch.optim.SGD([weight, weight], lr=0.5)
    optimizer.step()

    assert weight.item() == 3.0


def test_a_dict_alone_is_read_as_its_keys():
    """`torch.optim.SGD({"params": [weight]}, lr=0.5)` raises TypeError, because iterating
    over a dict gives its keys, which are no tensors: a single group needs a list around its
    dict.
    """
    weight = nn.Parameter(torch.zeros(2))

    with pytest.raises(TypeError, match="can only optimize Tensors, but one of the params is str"):
        torch.optim.SGD({"params": [weight]}, lr=0.5)


def test_a_misspelt_setting_is_kept_and_does_nothing():
    """A group's dict given to `torch.optim.SGD` keeps a key that the optimizer doesn't
    know: `"learning_rate": 2.0` stands beside `lr` and has no effect.

    No error says so; `print(optimizer)` shows the key. Own keys, such as a name for the
    group, are kept in the same way.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    weight.grad = torch.tensor(1.0)
    optimizer = torch.optim.SGD([{"params": [weight], "learning_rate": 2.0}], lr=0.5)

    optimizer.step()

    assert weight.item() == 3.5
    assert optimizer.param_groups[0]["learning_rate"] == 2.0


def test_a_negative_rate_in_a_group_is_accepted():
    """`torch.optim.SGD([{"params": [w], "lr": -0.5}], lr=0.5)` raises nothing, and its `step()`
    moves `w` along the gradient instead of against it. A negative `lr` as a keyword argument
    raises ValueError.

    Because the constructor checks the settings among its own arguments, not those in a group's
    dict.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    weight.grad = torch.tensor(1.0)
    optimizer = torch.optim.SGD([{"params": [weight], "lr": -0.5}], lr=0.5)

    optimizer.step()

    assert weight.item() == 4.5
    with pytest.raises(ValueError, match=r"Invalid learning rate: -0\.5"):
        torch.optim.SGD([weight], lr=-0.5)


def test_the_key_of_a_groups_parameters_is_params():
    """`torch.optim.SGD([{"parameters": [weight]}], lr=0.5)` raises KeyError, "'params'": a
    group's dict needs the key `params`.

    Write `[{"params": layer.parameters(), "lr": 0.1}]`: a list of groups also where there is only
    one.
    """
    with pytest.raises(KeyError, match=r"^'params'$"):
        torch.optim.SGD([{"parameters": [nn.Parameter(torch.zeros(2))]}], lr=0.5)


def test_a_set_of_parameters_is_refused_in_a_group():
    """A Python `set` under `params` in a group, given to `torch.optim.SGD`, raises
    TypeError, "parameters need to be organized in ordered collections": write a list.

    Because the saved state of an optimizer goes by position, and a set has no order that
    would repeat.
    """
    weight = nn.Parameter(torch.zeros(2))

    with pytest.raises(TypeError, match="parameters need to be organized in ordered collections"):
        torch.optim.SGD([{"params": {weight}}], lr=0.5)
    optimizer = torch.optim.SGD([{"params": [weight]}], lr=0.5)
    assert len(optimizer.param_groups[0]["params"]) == 1


@pytest.mark.torch("<2.15")
def test_a_set_without_a_group_was_accepted():
    """Before PyTorch 2.15, `torch.optim.SGD({nn.Parameter(torch.zeros(2))}, lr=0.5)`, with
    a Python `set` of parameters instead of a list, raises no error and does not warn.

    Its order may differ from run to run, and with it the meaning of a saved state. Use a
    list.
    """
    optimizer = torch.optim.SGD({nn.Parameter(torch.zeros(2))}, lr=0.5)

    assert len(optimizer.param_groups[0]["params"]) == 1


@pytest.mark.torch(">=2.15")
def test_a_set_without_a_group_is_deprecated():
    """Since PyTorch 2.15, `torch.optim.SGD` issues a FutureWarning for a Python `set` of
    parameters that is not inside a group.

    Its order may differ from run to run, and with it the meaning of a saved state. Use a
    list.
    """
    with pytest.warns(
        FutureWarning, match="parameters need to be organized in ordered collections"
    ):
        optimizer = torch.optim.SGD({nn.Parameter(torch.zeros(2))}, lr=0.5)

    assert len(optimizer.param_groups[0]["params"]) == 1


def test_biases_and_norm_layers_are_excluded_from_weight_decay():
    """`AdamW` with two parameter groups, of which one has `weight_decay=0.0` and the
    parameters with `ndim == 1`, excludes the bias of an `nn.Linear` and the weight and bias
    of an `nn.LayerNorm(1)` from weight decay.

    Because decay pulls the scale of a norm layer towards 0 as well, where it removes the
    signal. Embeddings, with two dimensions, are decayed here.
    """
    net = nn.Sequential(nn.Linear(1, 1), nn.LayerNorm(1))
    for parameter in net.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.zeros_like(parameter)
    decayed = [parameter for parameter in net.parameters() if parameter.ndim > 1]
    rest = [parameter for parameter in net.parameters() if parameter.ndim == 1]

    groups = [{"params": decayed, "weight_decay": 0.5}, {"params": rest, "weight_decay": 0.0}]
    torch.optim.AdamW(groups, lr=0.5).step()

    assert [parameter.item() for parameter in net.parameters()] == [0.75, 1.0, 1.0, 1.0]
