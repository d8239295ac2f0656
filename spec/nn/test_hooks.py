"""Hooks on modules.

A hook is a function of yours that a module calls at each call: before `forward`, after it, or when
gradients come back through. It can look at inputs and outputs, and put others in their place,
without a change to the class. Registering returns a handle, whose `remove()` takes the hook off.

Hooks belong to the call. Who writes `net.forward(x)` for `net(x)` gets the result without them.
"""

import pytest
import torch
from torch import nn


def test_a_forward_hook_sees_module_inputs_and_output(device):
    """A forward hook gets the module, the tuple of its inputs, and its output."""
    layer = nn.ReLU()
    seen = []
    layer.register_forward_hook(
        lambda module, inputs, output: seen.append((module, inputs[0].tolist(), output.tolist()))
    )
    layer(torch.tensor([-1.0, 2.0], device=device))

    assert seen == [(layer, [-1.0, 2.0], [0.0, 2.0])]


def test_calling_forward_directly_skips_the_hooks():
    """`net.forward(x)` computes the same as `net(x)` but runs no hook: call the module."""
    layer = nn.ReLU()
    calls = []
    layer.register_forward_hook(lambda module, inputs, output: calls.append("hook"))
    x = torch.tensor([-1.0, 2.0])
    by_forward = layer.forward(x)
    before = list(calls)
    by_call = layer(x)

    assert by_forward.tolist() == by_call.tolist() == [0.0, 2.0]
    assert before == []
    assert calls == ["hook"]


def test_what_a_forward_hook_returns_is_the_output(device):
    """A hook that returns something replaces the output; one that returns None leaves it."""
    layer = nn.ReLU()
    layer.register_forward_hook(lambda module, inputs, output: output + 100)
    layer.register_forward_hook(lambda module, inputs, output: None)
    y = layer(torch.tensor([-1.0, 2.0], device=device))

    assert y.tolist() == [100.0, 102.0]


def test_a_pre_hook_sees_the_inputs_and_may_change_them(device):
    """A pre-hook runs before `forward`; what it returns is what `forward` gets."""
    layer = nn.ReLU()
    seen = []
    layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].tolist()))
    layer.register_forward_pre_hook(lambda module, inputs: (-inputs[0],))

    assert layer(torch.tensor([-1.0, 2.0], device=device)).tolist() == [1.0, 0.0]
    assert seen == [[-1.0, 2.0]]


def test_the_order_around_a_call():
    """Pre-hooks, `forward`, forward hooks: each kind in the order of registration."""
    events = []

    class Net(nn.Module):
        def forward(self, x):
            events.append("forward")
            return x

    net = Net()
    net.register_forward_hook(lambda *args: events.append("hook 1"))
    net.register_forward_hook(lambda *args: events.append("hook 2"))
    net.register_forward_pre_hook(lambda *args: events.append("pre-hook"))
    net(torch.ones(1))

    assert events == ["pre-hook", "forward", "hook 1", "hook 2"]


@pytest.mark.torch(">=2.0")
def test_prepend_puts_a_hook_in_front():
    """With `prepend=True` a hook runs before those that were there."""
    layer = nn.ReLU()
    events = []
    layer.register_forward_hook(lambda *args: events.append("early"))
    layer.register_forward_hook(lambda *args: events.append("late"), prepend=True)
    layer(torch.ones(1))

    assert events == ["late", "early"]


def test_remove_takes_one_hook_off():
    """The handle that registering returns removes this hook and no other."""
    layer = nn.ReLU()
    events = []
    handle = layer.register_forward_hook(lambda *args: events.append("first"))
    layer.register_forward_hook(lambda *args: events.append("second"))
    layer(torch.ones(1))
    handle.remove()
    layer(torch.ones(1))

    assert events == ["first", "second", "second"]


def test_a_hook_on_for_one_block():
    """The handle is a context manager as well: behind the block the hook is gone."""
    layer = nn.ReLU()
    events = []
    with layer.register_forward_hook(lambda *args: events.append("hook")):
        layer(torch.ones(1))
    layer(torch.ones(1))

    assert events == ["hook"]


@pytest.mark.torch(">=2.0")
def test_a_hook_sees_keyword_arguments_only_when_asked():
    """Arguments given by name are no part of `inputs`; `with_kwargs=True` hands them over."""

    class Scale(nn.Module):
        def forward(self, x, factor):
            return x * factor

    net = Scale()
    seen = []
    net.register_forward_hook(lambda module, inputs, output: seen.append(len(inputs)))
    net.register_forward_hook(
        lambda module, inputs, kwargs, output: seen.append(kwargs), with_kwargs=True
    )
    net(torch.ones(1), factor=3)

    assert seen == [1, {"factor": 3}]


def test_a_hook_belongs_to_each_call_of_its_module():
    """A module used twice in a `forward` runs its hook twice, a module never called not at all."""
    layer, idle = nn.Linear(2, 2), nn.Linear(2, 2)
    events = []
    layer.register_forward_hook(lambda *args: events.append("used"))
    idle.register_forward_hook(lambda *args: events.append("idle"))
    layer(layer(torch.ones(2)))

    assert events == ["used", "used"]


def test_a_full_backward_hook_sees_both_gradients(device):
    """A full backward hook gets the gradients of the inputs and of the outputs, as tuples."""
    layer = nn.Linear(2, 1, bias=False, device=device)
    layer.weight.data = torch.tensor([[3.0, 4.0]], device=device)
    seen = []
    layer.register_full_backward_hook(
        lambda module, grad_input, grad_output: seen.append(
            (grad_input[0].tolist(), grad_output[0].tolist())
        )
    )
    x = torch.ones(1, 2, requires_grad=True, device=device)
    (layer(x) * 10).sum().backward()

    assert seen == [([[30.0, 40.0]], [[10.0]])]


def test_what_a_full_backward_hook_returns_goes_on(device):
    """A returned tuple replaces the gradient of the inputs, and leaves that of the weight."""
    layer = nn.Linear(2, 1, bias=False, device=device)
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 0,))
    x = torch.tensor([[5.0, 6.0]], requires_grad=True, device=device)
    layer(x).sum().backward()

    assert x.grad.tolist() == [[0.0, 0.0]]
    assert layer.weight.grad.tolist() == [[5.0, 6.0]]


@pytest.mark.torch(">=2.0")
def test_a_full_backward_pre_hook_changes_what_comes_in():
    """A backward pre-hook sees the gradient of the outputs first; the weight feels the change."""
    layer = nn.Linear(2, 1, bias=False)
    layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 10,))
    x = torch.tensor([[5.0, 6.0]], requires_grad=True)
    layer(x).sum().backward()

    assert layer.weight.grad.tolist() == [[50.0, 60.0]]


def test_a_backward_hook_runs_layer_by_layer_from_the_end():
    """Backward hooks fire in the order in which gradients arrive: the last layer first."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    events = []
    net[0].register_full_backward_hook(lambda *args: events.append("first layer"))
    net[1].register_full_backward_hook(lambda *args: events.append("last layer"))
    net(torch.ones(1, 2, requires_grad=True)).backward()

    assert events == ["last layer", "first layer"]


def test_a_module_may_not_write_in_place_under_a_full_backward_hook():
    """`nn.ReLU(inplace=True)` and a full backward hook don't go together: the call is refused."""
    layer = nn.ReLU(inplace=True)
    x = torch.ones(2, requires_grad=True) * 2

    assert layer(x).tolist() == [2.0, 2.0]
    layer.register_full_backward_hook(lambda *args: None)
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        layer(torch.ones(2, requires_grad=True) * 2)


def test_a_hook_with_too_few_arguments_fails_at_the_call():
    """Nobody looks at a hook's arguments when it is registered; the first call does."""
    layer = nn.ReLU()
    layer.register_forward_hook(lambda output: None)

    with pytest.raises(TypeError, match="takes 1 positional argument but 3 were given"):
        layer(torch.ones(1))


def test_a_hook_for_all_modules():
    """A global hook runs for each module that is called, parts before the whole."""
    names = []
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: names.append(type(module).__name__)
    )
    nn.Sequential(nn.Linear(2, 1), nn.ReLU())(torch.ones(2))
    handle.remove()
    nn.Tanh()(torch.ones(2))

    assert names == ["Linear", "ReLU", "Sequential"]
