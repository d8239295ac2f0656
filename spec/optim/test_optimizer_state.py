"""What an optimizer remembers.

Momentum, running means and step counts live in the optimizer, in `optimizer.state`, a dict with the
parameters themselves as keys. `state_dict()` is the form for saving: there the parameters are
numbered instead, in the order in which they were handed over.

What surprises newcomers: the state is bound to Parameter objects, so a net whose parameters are
replaced leaves its optimizer training the old ones; a saved state knows numbers and no names, so
order matters; and loading it also brings back the old learning rate.
"""

import copy
import pickle

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
    """For each parameter the optimizer keeps what its rule needs: Adam two means and a count."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.ones(2)
    optimizer = getattr(torch.optim, name)([weight], lr=0.5, **options)

    optimizer.step()

    assert sorted(optimizer.state[weight]) == kept


def test_sgd_keeps_a_buffer_for_its_momentum():
    """SGD with momentum keeps one buffer a parameter; its first value is the first gradient."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, 5.0])
    optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.5)

    optimizer.step()

    assert sorted(optimizer.state[weight]) == ["momentum_buffer"]
    assert optimizer.state[weight]["momentum_buffer"].tolist() == [3.0, 5.0]


def test_the_state_has_the_shape_of_the_parameter(device):
    """A mean or a buffer has its parameter's shape: Adam needs twice the memory of the weights."""
    weight = nn.Parameter(torch.zeros(2, 3, device=device))
    weight.grad = torch.ones(2, 3, device=device)
    optimizer = torch.optim.Adam([weight])

    optimizer.step()

    assert optimizer.state[weight]["exp_avg"].shape == (2, 3)
    assert optimizer.state[weight]["exp_avg_sq"].shape == (2, 3)
    assert optimizer.state[weight]["step"].item() == 1.0


def test_the_state_is_made_by_the_first_step():
    """A new optimizer has no state: it is made for each parameter by its first step."""
    trained, idle = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.Adam([trained, idle])
    trained.grad = torch.ones(1)
    before = len(optimizer.state)

    optimizer.step()

    assert before == 0
    assert [parameter is trained for parameter in optimizer.state] == [True]


def test_parameters_without_a_gradient_are_passed_over():
    """`step()` passes over parameters whose gradient is None: no decay, no momentum, no state."""
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.5, weight_decay=0.5)

    optimizer.step()

    assert weight.item() == 4.0
    assert optimizer.state_dict()["state"] == {}


def test_a_state_dict_numbers_the_parameters():
    """`state_dict()` has the state by number, and the groups with their settings and numbers."""
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
    """`state_dict()` copies no tensor: later steps show in it, unless one makes a deep copy."""
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
    """Weights and optimizer state, saved and loaded, lead where no interruption would have led."""
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
    """A new optimizer without the saved state starts from rest, and goes another way."""
    straight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([straight], lr=0.25, momentum=0.5)
    (straight**2).backward()
    optimizer.step()

    again = torch.optim.SGD([straight], lr=0.25, momentum=0.5)
    again.step()

    assert straight.item() == 0.0


def test_loading_a_state_brings_its_settings_along():
    """The learning rate is part of the state: loading replaces the one given to the new object."""
    weight = nn.Parameter(torch.tensor(0.0))
    saved = torch.optim.SGD([weight], lr=0.5).state_dict()
    optimizer = torch.optim.SGD([weight], lr=0.25)

    optimizer.load_state_dict(saved)

    assert optimizer.param_groups[0]["lr"] == 0.5


def test_a_loaded_state_goes_by_order():
    """Parameters in another order get each other's state, without a word."""
    first, second = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    first.grad, second.grad = torch.tensor([2.0]), torch.tensor([3.0])
    optimizer = torch.optim.SGD([first, second], lr=0.5, momentum=0.5)
    optimizer.step()

    other = torch.optim.SGD([second, first], lr=0.5, momentum=0.5)
    other.load_state_dict(optimizer.state_dict())

    assert other.state[first]["momentum_buffer"].tolist() == [3.0]
    assert other.state[second]["momentum_buffer"].tolist() == [2.0]


def test_a_loaded_state_takes_the_dtype_of_the_parameter():
    """Loaded state is converted to the dtype and device of the parameter it belongs to."""
    single, double = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1).double())
    single.grad = torch.ones(1)
    optimizer = torch.optim.SGD([single], lr=0.5, momentum=0.5)
    optimizer.step()

    other = torch.optim.SGD([double], lr=0.5, momentum=0.5)
    other.load_state_dict(optimizer.state_dict())

    assert other.state[double]["momentum_buffer"].dtype == torch.float64


def test_a_state_of_another_size_is_refused():
    """The state of one parameter is refused for two, and one group's for two groups."""
    first, second = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    saved = torch.optim.SGD([first], lr=0.5).state_dict()

    with pytest.raises(ValueError, match="doesn't match the size of optimizer's group"):
        torch.optim.SGD([first, second], lr=0.5).load_state_dict(saved)
    with pytest.raises(ValueError, match="has a different number of parameter groups"):
        torch.optim.SGD([{"params": first}, {"params": second}], lr=0.5).load_state_dict(saved)


def test_a_state_of_another_shape_is_taken_and_fails_later():
    """The shapes of loaded state aren't looked at: a wrong one fails in the next step."""
    small, large = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(2))
    small.grad, large.grad = torch.ones(1), torch.ones(2)
    optimizer = torch.optim.SGD([small], lr=0.5, momentum=0.5)
    optimizer.step()

    other = torch.optim.SGD([large], lr=0.5, momentum=0.5)
    other.load_state_dict(optimizer.state_dict())

    with pytest.raises(RuntimeError, match="doesn't match the broadcast shape"):
        other.step()


def test_the_state_of_a_net_is_none_of_an_optimizer():
    """A net's `state_dict()` handed to the optimizer lacks the key `param_groups`."""
    net = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    with pytest.raises(KeyError, match="param_groups"):
        optimizer.load_state_dict(net.state_dict())


def test_converting_a_net_keeps_its_parameters():
    """`net.double()`, like a move to a GPU, changes parameters in place: the optimizer follows."""
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    weight = net.weight
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net.double()
    net(torch.ones(1, 1).double()).sum().backward()
    optimizer.step()

    assert net.weight is weight
    assert net.weight.dtype == torch.float64
    assert net.weight.item() == 3.5


@pytest.mark.cuda
def test_an_optimizer_made_before_the_move_follows_to_the_gpu():
    """`net.to("cuda")` keeps the Parameter objects: an optimizer made before trains them there."""
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net.to("cuda")
    net(torch.ones(1, 1, device="cuda")).sum().backward()
    optimizer.step()

    assert net.weight.device.type == "cuda"
    assert net.weight.item() == 3.5


@pytest.mark.cuda
def test_state_made_before_the_move_stays_behind():
    """State that a step made on the CPU stays there when the net moves: the next step fails."""
    net = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.5)
    net(torch.ones(1, 1)).sum().backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)

    net.to("cuda")
    net(torch.ones(1, 1, device="cuda")).sum().backward()

    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        optimizer.step()


def test_a_replaced_parameter_is_not_the_optimizers():
    """A new Parameter in the net is unknown to an optimizer made before: it doesn't move."""
    net = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    net.weight = nn.Parameter(torch.tensor([[4.0]]))
    net(torch.ones(1, 1)).sum().backward()
    optimizer.step()

    assert net.weight.item() == 4.0
    assert optimizer.param_groups[0]["params"][0] is not net.weight


def test_a_copied_net_is_not_the_optimizers():
    """A deep copy of a net has parameters of its own: the optimizer goes on with the original."""
    net = nn.Linear(1, 1, bias=False)
    net.weight.data.fill_(4.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    copied = copy.deepcopy(net)
    copied(torch.ones(1, 1)).sum().backward()
    optimizer.step()

    assert copied.weight.item() == 4.0
    assert net.weight.grad is None


def test_a_pickled_optimizer_has_parameters_of_its_own():
    """An optimizer pickled alone comes back with copies of the parameters, tied to no net."""
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.5)

    again = pickle.loads(pickle.dumps(optimizer))
    again.param_groups[0]["params"][0].grad = torch.tensor(1.0)
    again.step()

    assert again.param_groups[0]["params"][0].item() == 3.5
    assert weight.item() == 4.0


def test_a_closure_computes_the_loss_for_the_step():
    """`step(closure)` calls a function that computes loss and gradients, and returns its loss."""
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = weight**2
        loss.backward()
        return loss

    loss = optimizer.step(closure)

    assert loss.item() == 16.0
    assert weight.item() == 2.0
    assert optimizer.step() is None


def test_lbfgs_calls_its_closure_as_often_as_it_likes():
    """LBFGS asks for several losses in one step, and solves a parabola with two slopes in one."""
    weight = nn.Parameter(torch.tensor([0.0, 0.0]))
    optimizer = torch.optim.LBFGS([weight])
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = (weight[0] - 3) ** 2 + 10 * (weight[1] + 1) ** 2
        loss.backward()
        losses.append(loss.item())
        return loss

    first = optimizer.step(closure)

    assert weight.tolist() == pytest.approx([3.0, -1.0], abs=1e-3)
    assert first.item() == 19.0
    assert optimizer.state[weight]["func_evals"] == len(losses) == 9


def test_lbfgs_without_a_closure_is_refused():
    """`LBFGS.step()` without a closure can't do anything, and is refused."""
    optimizer = torch.optim.LBFGS([nn.Parameter(torch.zeros(2))])

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'closure'"):
        optimizer.step()


def test_a_closure_that_returns_nothing_is_refused_by_lbfgs():
    """A closure without `return loss` is None to LBFGS, which wanted a number."""
    weight = nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.LBFGS([weight])

    def closure():
        optimizer.zero_grad()
        (weight**2).sum().backward()

    with pytest.raises(TypeError, match="argument must be a string or a real number, not 'NoneTyp"):
        optimizer.step(closure)


def test_lbfgs_has_one_group():
    """LBFGS treats all parameters as one long vector: it refuses a second group."""
    first, second = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))

    with pytest.raises(ValueError, match="LBFGS doesn't support per-parameter options"):
        torch.optim.LBFGS([{"params": [first]}, {"params": [second]}])


def test_foreach_is_a_way_to_compute_the_same_step():
    """`foreach=True` takes all parameters in one operation, `False` each in turn: same numbers."""
    first, second = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    first.grad = second.grad = torch.tensor([1.0, -3.0])

    torch.optim.Adam([first], lr=0.5, foreach=True).step()
    torch.optim.Adam([second], lr=0.5, foreach=False).step()

    assert first.tolist() == pytest.approx([-0.5, 0.5])
    assert second.tolist() == pytest.approx([-0.5, 0.5])


@pytest.mark.torch(">=2.4")
def test_fused_is_a_way_to_compute_the_same_step():
    """`fused=True` does the whole step in one kernel, on the CPU too; not beside `foreach`."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([1.0, -3.0])

    torch.optim.Adam([weight], lr=0.5, fused=True).step()

    assert weight.tolist() == pytest.approx([-0.5, 0.5])
    with pytest.raises(RuntimeError, match="`fused` and `foreach` cannot be `True` together"):
        torch.optim.Adam([weight], lr=0.5, fused=True, foreach=True)


@pytest.mark.torch(">=2.0")
def test_hooks_run_before_and_after_each_step():
    """`register_step_pre_hook` and `register_step_post_hook` see each step until removed."""
    weight = nn.Parameter(torch.tensor(4.0))
    weight.grad = torch.tensor(1.0)
    optimizer = torch.optim.SGD([weight], lr=0.5)
    seen = []

    before = optimizer.register_step_pre_hook(
        lambda optimizer, args, kwargs: seen.append(("before", weight.item()))
    )
    optimizer.register_step_post_hook(
        lambda optimizer, args, kwargs: seen.append(("after", weight.item()))
    )
    optimizer.step()
    before.remove()
    optimizer.step()

    assert seen == [("before", 4.0), ("after", 3.5), ("after", 3.0)]


def test_a_graph_does_not_survive_the_step():
    """`step()` writes into the weights, and a graph that was recorded before is refused."""
    weight = nn.Parameter(torch.tensor(2.0))
    loss = weight**3
    loss.backward(retain_graph=True)

    torch.optim.SGD([weight], lr=0.5).step()

    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        loss.backward()


def test_the_base_class_has_no_rule():
    """An optimizer of one's own inherits `Optimizer` and writes `step`; the rest is there."""

    class SignDescent(torch.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter -= group["lr"] * parameter.grad.sign()

    weight = nn.Parameter(torch.tensor([4.0, 4.0]))
    weight.grad = torch.tensor([0.1, -100.0])

    SignDescent([weight], lr=0.5).step()

    assert weight.tolist() == [3.5, 4.5]
