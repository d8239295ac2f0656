"""What an optimizer remembers.

Momentum, running means and step counts live in the optimizer: in `optimizer.state`, a dict whose
keys are the parameters themselves. For most optimizers a parameter has no entry before the first
step that updates it; `Adagrad` makes the entries at once.

`optimizer.state_dict()` is the form for saving, beside the `state_dict()` of the net: there the
parameters are numbered, in the order in which they were handed to the optimizer, and each group has
its settings, learning rate included. Training that goes on from a checkpoint without it starts its
momentum, means and step counts anew.

What surprises: `state_dict()` copies no tensors; a saved state goes by position, so the order of
the parameters matters; loading replaces the learning rate by the saved one; and a state of wrong
shape is accepted, and usually fails in the next step. Whole checkpoints are the subject of
`spec/training/test_checkpoints.py`.
"""

import copy

import pytest
import torch
from torch import nn


@pytest.mark.parametrize(
    ("name", "options", "kept"),
    [
        ("Adam", {}, ["exp_avg", "exp_avg_sq", "step"]),
        ("Adam", {"amsgrad": True}, ["exp_avg", "exp_avg_sq", "max_exp_avg_sq", "step"]),
        ("RMSprop", {}, ["square_avg", "step"]),
        ("Adagrad", {}, ["step", "sum"]),
    ],
)
def test_each_rule_keeps_its_own_state_per_parameter(name, options, kept):
    """After a step with the default settings, `optimizer.state[parameter]` of a parameter
    with a gradient holds, for `Adam`, two running averages and a step count, for `RMSprop`
    one average and a count, for `Adagrad` a sum and a count.

    Options add entries: `Adam(amsgrad=True)` keeps the largest average too,
    `RMSprop(momentum=...)` a buffer.
    """
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.ones(2)
    optimizer = getattr(torch.optim, name)([weight], lr=0.5, **options)

    optimizer.step()

    assert sorted(optimizer.state[weight]) == kept


def test_sgd_keeps_a_buffer_for_its_momentum():
    """`SGD` with `momentum`, its other settings being the defaults, keeps a
    `momentum_buffer` for each parameter that has had a gradient in a step, and its first
    value is that gradient; without momentum `SGD` keeps no tensor.
    """
    weight, plain = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    weight.grad = plain.grad = torch.tensor([3.0, 5.0])
    optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.5)
    without = torch.optim.SGD([plain], lr=0.5)

    optimizer.step()
    without.step()

    assert sorted(optimizer.state[weight]) == ["momentum_buffer"]
    assert optimizer.state[weight]["momentum_buffer"].tolist() == [3.0, 5.0]
    assert any(torch.is_tensor(kept) for kept in without.state[plain].values()) is False


def test_the_state_has_the_shape_of_the_parameter(device):
    """For `weight = nn.Parameter(torch.zeros(2, 3))` with a gradient, a step of
    `torch.optim.Adam([weight])` stores `exp_avg` and `exp_avg_sq`, both of the shape and
    dtype of `weight`, so twice its memory, and `step`, a tensor of one number.
    """
    weight = nn.Parameter(torch.zeros(2, 3, device=device))
    weight.grad = torch.ones(2, 3, device=device)
    optimizer = torch.optim.Adam([weight])

    optimizer.step()

    assert optimizer.state[weight]["exp_avg"].shape == (2, 3)
    assert optimizer.state[weight]["exp_avg"].dtype == weight.dtype
    assert optimizer.state[weight]["exp_avg_sq"].shape == (2, 3)
    assert optimizer.state[weight]["step"].item() == 1.0


def test_the_state_is_made_by_the_first_step():
    """A new `Adam` has an empty `state`: unless `load_state_dict` fills it, the first `step()` at
    which a parameter has a gradient makes `exp_avg` and `exp_avg_sq` for this parameter.

    So the memory for the averages is taken at the first step, and a model that fits before it may
    not fit after. `Adagrad` makes its state in its constructor.
    """
    trained, idle = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([trained, idle])
    trained.grad = torch.ones(1)
    before = len(optimizer.state)

    optimizer.step()

    assert before == 0
    assert [parameter is trained for parameter in optimizer.state] == [True]
    at_once = torch.optim.Adagrad([trained, idle])
    assert [len(at_once.state), len(at_once.param_groups[0]["params"])] == [2, 2]


def test_parameters_without_a_gradient_are_passed_over():
    """`SGD.step()` skips a parameter whose `grad` is None: it gets no weight decay, no
    momentum and no entry in the state.

    A gradient of zeros is another matter: see `spec/optim/test_zero_grad.py`.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.5, weight_decay=0.5)

    optimizer.step()

    assert weight.item() == 4.0
    assert optimizer.state_dict()["state"] == {}


def test_a_state_dict_numbers_the_parameters():
    """`state_dict()` of an `SGD` has two entries: `state`, keyed by the position of each parameter
    that has a state, and `param_groups`, a list of each group's settings and its parameters'
    positions, which continue from one group to the next.

    Positions, because a parameter object means nothing in another process.
    """
    first, second = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    first.grad, second.grad = torch.tensor([2.0]), torch.tensor([3.0])
    optimizer = torch.optim.SGD(
        [{"params": [first]}, {"params": [second], "lr": 0.5}], lr=0.25, momentum=0.75
    )
    optimizer.step()

    saved = optimizer.state_dict()

    assert list(saved) == ["state", "param_groups"]
    assert [kept["momentum_buffer"].tolist() for kept in saved["state"].values()] == [[2.0], [3.0]]
    assert list(saved["state"]) == [0, 1]
    assert [group["params"] for group in saved["param_groups"]] == [[0], [1]]
    assert [group["lr"] for group in saved["param_groups"]] == [0.25, 0.5]


def test_a_state_dict_shares_memory_with_the_optimizer():
    """`optimizer.state_dict()` of an `SGD` with momentum, taken after a step with a gradient,
    copies no tensor: the next such step writes into the `momentum_buffer` of the dict too. A
    `copy.deepcopy` of the dict keeps the old values.

    `torch.save` writes the values of the moment; a dict kept in memory, for the best epoch
    so far, needs the deep copy. Settings such as `lr` that are numbers stay as they were.
    """
    weight = nn.Parameter(torch.zeros(1))
    weight.grad = torch.ones(1)
    optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.5)
    optimizer.step()

    shared = optimizer.state_dict()
    copied = copy.deepcopy(optimizer.state_dict())
    optimizer.step()

    assert shared["state"][0]["momentum_buffer"].tolist() == [1.5]
    assert copied["state"][0]["momentum_buffer"].tolist() == [1.0]


def test_a_resumed_training_goes_on_as_if_uninterrupted():
    """For a parameter `w` and its `SGD` `opt`, save `w.detach().clone()` and
    `copy.deepcopy(opt.state_dict())` after a step: a new parameter of this value and a new
    `SGD` that loads this dict make the same next step, given the same gradient.

    Because `load_state_dict` brings back the momentum buffer and the settings: the `lr` that
    the new optimizer was made with is replaced by the saved one.
    """
    straight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([straight], lr=0.25, momentum=0.5)
    (straight**2).backward()
    optimizer.step()
    weight, saved = straight.item(), copy.deepcopy(optimizer.state_dict())
    optimizer.step()

    resumed = nn.Parameter(torch.tensor(weight))
    again = torch.optim.SGD([resumed], lr=1.0)
    again.load_state_dict(saved)
    resumed.grad = straight.grad
    again.step()

    assert weight == 2.0
    assert straight.item() == -1.0
    assert resumed.item() == -1.0


def test_without_its_state_a_resumed_training_loses_its_momentum():
    """With `weight.grad` 8 at each step, `SGD([weight], lr=0.25, momentum=0.5)` moves `weight`
    from 4 to 2, and at the second `step()` to -1. A new `SGD` like it, without the saved state,
    moves it from 2 to 0: it has no momentum buffer.

    Save `optimizer.state_dict()` in the checkpoint: no error says that it is missing.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.25, momentum=0.5)
    (weight**2).backward()
    optimizer.step()
    resumed = nn.Parameter(weight.detach().clone())
    resumed.grad = weight.grad.clone()
    before = weight.item()

    optimizer.step()
    torch.optim.SGD([resumed], lr=0.25, momentum=0.5).step()

    assert before == 2.0
    assert weight.item() == -1.0
    assert resumed.item() == 0.0


def test_loading_a_state_brings_its_settings_along():
    """`optimizer.load_state_dict(saved)` replaces the settings of each group by the saved
    ones: an `SGD` made with `lr=0.25` has the saved `lr` of 0.5 and momentum of 0.75
    afterwards.

    To continue with another learning rate, set `group["lr"]` for each `group` in
    `optimizer.param_groups` after loading.
    """
    weight = nn.Parameter(torch.tensor(0.0))
    saved = torch.optim.SGD([weight], lr=0.5, momentum=0.75).state_dict()
    optimizer = torch.optim.SGD([weight], lr=0.25)

    optimizer.load_state_dict(saved)

    assert optimizer.param_groups[0]["lr"] == 0.5
    assert optimizer.param_groups[0]["momentum"] == 0.75


def test_a_loaded_state_goes_by_order():
    """After a step of `SGD([a, b], lr=0.5, momentum=0.5)` on gradients of both, `load_state_dict`
    of its `state_dict()` into `SGD([b, a], lr=0.5, momentum=0.5)` gives `a` the momentum buffer of
    `b` and `b` that of `a`: state goes by position.

    No error is raised, because the keys of `state_dict()["state"]` are positions. Build the
    optimizer from `net.parameters()` of the same net, whose order is fixed.
    """
    first, second = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    first.grad, second.grad = torch.tensor([2.0]), torch.tensor([3.0])
    optimizer = torch.optim.SGD([first, second], lr=0.5, momentum=0.5)
    optimizer.step()

    other = torch.optim.SGD([second, first], lr=0.5, momentum=0.5)
    other.load_state_dict(optimizer.state_dict())

    assert other.state[first]["momentum_buffer"].tolist() == [3.0]
    assert other.state[second]["momentum_buffer"].tolist() == [2.0]


def test_a_loaded_state_takes_the_dtype_of_the_parameter():
    """`optimizer.load_state_dict` converts the `momentum_buffer` of `SGD` and the `exp_avg`
    of `Adam` from float32 to the dtype of a float64 parameter; it doesn't convert the
    `step` of `Adam`.

    Averages go to the device of the parameter too: load into an optimizer whose parameters have
    already been moved. The averages of a complex parameter keep the dtype they were saved with.
    """
    single, double = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1).double())
    single.grad = torch.ones(1)
    optimizer = torch.optim.SGD([single], lr=0.5, momentum=0.5)
    optimizer.step()

    other = torch.optim.SGD([double], lr=0.5, momentum=0.5)
    other.load_state_dict(optimizer.state_dict())

    assert other.state[double]["momentum_buffer"].dtype == torch.float64

    adam, double_adam = torch.optim.Adam([single]), torch.optim.Adam([double])
    adam.step()
    double_adam.load_state_dict(adam.state_dict())

    assert double_adam.state[double]["exp_avg"].dtype == torch.float64
    assert double_adam.state[double]["step"].dtype == torch.float32


def test_a_state_of_another_size_is_refused():
    """`load_state_dict` of `torch.optim.SGD` raises ValueError if a group has another number of
    parameters than the saved one, "doesn't match the size of optimizer's group", and if there are
    more or fewer groups than in the saved state.

    Parameters that are new since then can be added after loading, by `add_param_group`.
    """
    first, second = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    saved = torch.optim.SGD([first], lr=0.5).state_dict()

    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        torch.optim.SGD([first, second], lr=0.5).load_state_dict(saved)
    with pytest.raises(ValueError, match="has a different number of parameter groups"):
        torch.optim.SGD([{"params": first}, {"params": second}], lr=0.5).load_state_dict(saved)


def test_a_state_of_another_shape_is_taken_and_fails_later():
    """`SGD.load_state_dict` compares no shapes: a momentum buffer of shape (1,) is loaded for a
    parameter of shape (2,). The next `step()` with momentum and a dense gradient, not fused,
    raises RuntimeError, "doesn't match the broadcast shape".

    It happens when a layer was replaced by one of another size. Make a new optimizer for the new
    net. If the state was saved by an `SGD` with `fused=True`, the new optimizer is fused too: on
    the CPU its step raises nothing and writes past the end of the buffer.
    """
    small, large = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(2))
    small.grad, large.grad = torch.ones(1), torch.ones(2)
    optimizer = torch.optim.SGD([small], lr=0.5, momentum=0.5)
    optimizer.step()

    other = torch.optim.SGD([large], lr=0.5, momentum=0.5)
    other.load_state_dict(optimizer.state_dict())

    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        other.step()


def test_the_state_dict_of_a_net_is_refused_by_an_optimizer():
    """`optimizer.load_state_dict(net.state_dict())` raises KeyError, "'param_groups'",
    because a net's state dict has the names of parameters and buffers as keys.

    Save both in a checkpoint, under two keys: `net.state_dict()` and `optimizer.state_dict()`.
    """
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    with pytest.raises(KeyError, match="param_groups"):
        optimizer.load_state_dict(net.state_dict())
