"""Hooks on modules.

A hook is a function that a module calls whenever it is called: a forward pre-hook before
`forward`, a forward hook after it, a backward hook when the gradients of the call have been
computed. It can record inputs, outputs and gradients, or replace them, without a change to the
class. Registering returns a handle, whose `remove()` takes the hook off. Hooks on tensors are on
`spec/autograd/test_hooks.py`; collecting features with hooks on `spec/nn/test_features.py`.

What surprises: hooks run when the module is called as `net(x)`. `net.forward(x)` skips the hooks
of `net` itself, though not those of its children; and what a forward hook returns, unless it is
None, replaces the output.
"""

import pytest
import torch
from torch import nn


def test_a_forward_hook_sees_module_inputs_and_output(device):
    """After `layer.register_forward_hook(hook)` a call `layer(x)` calls `hook` after
    `forward` with three arguments: the module `layer`, the tuple of its positional inputs,
    and its output.
    """
    layer = nn.ReLU()
    seen = []
    layer.register_forward_hook(
        lambda module, inputs, output: seen.append(
            (module, type(inputs), inputs[0].tolist(), output.tolist())
        )
    )
    layer(torch.tensor([-1.0, 2.0], device=device))

    assert seen == [(layer, tuple, [-1.0, 2.0], [0.0, 2.0])]


def test_calling_forward_directly_skips_the_hooks():
    """For `net = nn.Sequential(nn.ReLU())` and a float32 `x`, `net.forward(x)` skips the forward
    hooks registered on `net` and runs those registered on `net[0]`; `net(x)` runs both.

    Because `__call__` runs the hooks, and `forward` calls the children by `__call__`. So call
    `model(x)` and not `model.forward(x)`.
    """
    net = nn.Sequential(nn.ReLU())
    calls = []
    net.register_forward_hook(lambda module, inputs, output: calls.append("net"))
    net[0].register_forward_hook(lambda module, inputs, output: calls.append("child"))
    x = torch.tensor([-1.0, 2.0])
    by_forward = net.forward(x)
    before = list(calls)
    by_call = net(x)

    assert by_forward.tolist() == by_call.tolist() == [0.0, 2.0]
    assert before == ["child"]
    assert calls == ["child", "child", "net"]


def test_what_a_forward_hook_returns_is_the_output(device):
    """What a hook of `register_forward_hook` returns replaces the output of the module; a
    hook that returns None does not replace it.

    A lambda returns the value of its expression: that of `features.update(...)` or
    `list.append(...)` is None.
    """
    layer = nn.ReLU()
    layer.register_forward_hook(lambda module, inputs, output: output + 100)
    layer.register_forward_hook(lambda module, inputs, output: None)
    y = layer(torch.tensor([-1.0, 2.0], device=device))

    assert y.tolist() == [100.0, 102.0]


def test_a_pre_hook_sees_the_inputs_and_may_change_them(device):
    """`layer(x)` calls a hook of `layer.register_forward_pre_hook(hook)` before `forward`, with
    the module and the tuple of positional inputs; a tuple that the hook returns replaces the
    inputs, and so does a single value other than None.
    """
    layer = nn.ReLU()
    seen = []
    layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].tolist()))
    layer.register_forward_pre_hook(lambda module, inputs: (-inputs[0],))

    assert layer(torch.tensor([-1.0, 2.0], device=device)).tolist() == [1.0, 0.0]
    assert seen == [[-1.0, 2.0]]
    layer.register_forward_pre_hook(lambda module, inputs: inputs[0] * 10)
    assert layer(torch.tensor([-1.0, -2.0], device=device)).tolist() == [10.0, 20.0]


def test_the_order_around_a_call():
    """A call `net(x)` of an `nn.Module` runs the forward pre-hooks of `net`, then its `forward`,
    then its forward hooks, by default in the order in which they were registered.
    """
    events = []

    class Net(nn.Module):
        def forward(self, x):
            events.append("forward")
            return x

    net = Net()
    net.register_forward_hook(lambda *args: events.append("hook 1"))
    net.register_forward_hook(lambda *args: events.append("hook 2"))
    net.register_forward_pre_hook(lambda *args: events.append("pre-hook 1"))
    net.register_forward_pre_hook(lambda *args: events.append("pre-hook 2"))
    net(torch.ones(1))

    assert events == ["pre-hook 1", "pre-hook 2", "forward", "hook 1", "hook 2"]


@pytest.mark.torch(">=2.0")
def test_prepend_puts_a_hook_in_front():
    """Since PyTorch 2.0 `layer.register_forward_hook(hook, prepend=True)` makes a hook run before
    the forward hooks registered earlier on the same `layer`.
    """
    layer = nn.ReLU()
    events = []
    layer.register_forward_hook(lambda *args: events.append("early"))
    layer.register_forward_hook(lambda *args: events.append("late"), prepend=True)
    layer(torch.ones(1))

    assert events == ["late", "early"]


def test_remove_takes_one_hook_off():
    """`remove()` on the handle that `layer.register_forward_hook` returned takes this one hook off
    `layer` and leaves the others.
    """
    layer = nn.ReLU()
    events = []
    handle = layer.register_forward_hook(lambda *args: events.append("first"))
    layer.register_forward_hook(lambda *args: events.append("second"))
    layer(torch.ones(1))
    handle.remove()
    layer(torch.ones(1))

    assert events == ["first", "second", "second"]


def test_a_hook_on_for_one_block():
    """The handle of a hook is a context manager: `with layer.register_forward_hook(hook):`
    removes the hook at the end of the block.
    """
    layer = nn.ReLU()
    events = []
    with layer.register_forward_hook(lambda *args: events.append("hook")):
        layer(torch.ones(1))
    layer(torch.ones(1))

    assert events == ["hook"]


@pytest.mark.torch(">=2.0")
def test_a_hook_sees_keyword_arguments_only_when_asked():
    """The `inputs` that a hook of `register_forward_hook` gets are the positional arguments
    only; since PyTorch 2.0 a hook registered with `with_kwargs=True` gets the keyword arguments
    as a dict before the output.
    """

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
    """After `layer = nn.Linear(2, 2)` and `layer.register_forward_hook(hook)`,
    `layer(layer(torch.ones(2)))` runs `hook` twice, once per call of the layer; the hook of a
    layer that isn't called doesn't run.

    So a dictionary that is filled by hooks, with one key for each layer, keeps the last call only;
    append to a list to keep all.
    """
    layer, idle = nn.Linear(2, 2), nn.Linear(2, 2)
    events = []
    layer.register_forward_hook(lambda *args: events.append("used"))
    idle.register_forward_hook(lambda *args: events.append("idle"))
    layer(layer(torch.ones(2)))

    assert events == ["used", "used"]


def test_a_full_backward_hook_sees_both_gradients(device):
    """After `layer.register_full_backward_hook(hook)` on `layer = nn.Linear(2, 1)`,
    `layer(torch.ones(1, 2, requires_grad=True)).sum().backward()` calls `hook` with
    `layer`, the gradients of the inputs and those of the outputs, both as tuples.
    """
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


@pytest.mark.torch("<2.8")
def test_a_full_backward_hook_without_a_gradient_for_its_inputs_got_none_silently():
    """Before PyTorch 2.8, if a trainable `nn.Linear` was called as `layer(x)` and `x` did not
    require grad, a hook of `register_full_backward_hook` on it got `(None,)` as `grad_input`, and
    no warning was issued.
    """
    layer = nn.Linear(2, 1)
    seen = []
    layer.register_full_backward_hook(
        lambda module, grad_input, grad_output: seen.append((grad_input, grad_output[0].tolist()))
    )
    layer(torch.ones(1, 2)).backward()

    assert seen == [((None,), [[1.0]])]


@pytest.mark.torch(">=2.8")
def test_a_full_backward_hook_without_a_gradient_for_its_inputs_gets_none():
    """With `layer = nn.Linear(2, 1)` and `layer.register_full_backward_hook(hook)`,
    `layer(torch.ones(1, 2)).backward()` calls `hook` with `(None,)` as `grad_input`, as the
    input requires no grad, and, since PyTorch 2.8, issues a UserWarning.

    For a gradient in `grad_input` let the input require grad, or put the hook on a later layer. If
    the input requires no grad and the layer has no parameters, such as `nn.ReLU`, or only frozen
    ones, the hook isn't called.
    """
    layer = nn.Linear(2, 1)
    seen = []
    layer.register_full_backward_hook(
        lambda module, grad_input, grad_output: seen.append((grad_input, grad_output[0].tolist()))
    )
    y = layer(torch.ones(1, 2))

    with pytest.warns(UserWarning, match="since no inputs require gradients"):
        y.backward()
    assert seen == [((None,), [[1.0]])]

    calls, relu = [], nn.ReLU()
    relu.register_full_backward_hook(lambda *args: calls.append("hook"))
    nn.Linear(2, 1)(relu(torch.ones(1, 2))).backward()
    assert calls == []


def test_what_a_full_backward_hook_returns_goes_on(device):
    """For an `nn.Linear` whose input requires grad, a hook of `register_full_backward_hook` that
    returns `(grad_input[0] * 0,)` replaces the gradient of the input by zeros; the gradient of the
    weight is the same as without the hook.
    """
    layer = nn.Linear(2, 1, bias=False, device=device)
    layer.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 0,))
    x = torch.tensor([[5.0, 6.0]], requires_grad=True, device=device)
    layer(x).sum().backward()

    assert x.grad.tolist() == [[0.0, 0.0]]
    assert layer.weight.grad.tolist() == [[5.0, 6.0]]


@pytest.mark.torch(">=2.0.1")
def test_a_full_backward_pre_hook_changes_what_comes_in():
    """Since PyTorch 2.0.1 a hook of `register_full_backward_pre_hook` on an `nn.Linear`
    whose input requires grad gets the gradient of the outputs as a tuple; the tuple that
    the hook returns is used by the module instead.
    """
    layer = nn.Linear(2, 1, bias=False)
    layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 10,))
    x = torch.tensor([[5.0, 6.0]], requires_grad=True)
    layer(x).sum().backward()

    assert layer.weight.grad.tolist() == [[50.0, 60.0]]


def test_a_backward_hook_runs_layer_by_layer_from_the_end():
    """With hooks set by `register_full_backward_hook` on both layers of
    `net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))`,
    `net(torch.ones(1, 2, requires_grad=True)).backward()` runs the hook of the last layer first.
    """
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    events = []
    net[0].register_full_backward_hook(lambda *args: events.append("first layer"))
    net[1].register_full_backward_hook(lambda *args: events.append("last layer"))
    net(torch.ones(1, 2, requires_grad=True)).backward()

    assert events == ["last layer", "first layer"]


def test_a_module_may_not_write_in_place_under_a_full_backward_hook():
    """With a hook of `register_full_backward_hook` on `relu = nn.ReLU(inplace=True)`, the
    call `relu(x)` raises RuntimeError, "is a view and is being modified inplace", if `x`
    requires grad and grad mode is on.

    Because such a hook wraps inputs and outputs in views made by an autograd function; use
    `inplace=False`.
    """
    layer = nn.ReLU(inplace=True)
    x = torch.ones(2, requires_grad=True) * 2

    assert layer(x).tolist() == [2.0, 2.0]
    layer.register_full_backward_hook(lambda *args: None)
    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        layer(torch.ones(2, requires_grad=True) * 2)


def test_a_hook_with_too_few_arguments_fails_at_the_call():
    """`layer.register_forward_hook(lambda output: None)` raises nothing, but the first call of
    `layer` raises TypeError, "takes 1 positional argument but 3 were given".

    Without `with_kwargs=True` a forward hook takes three arguments: module, inputs, output.
    """
    layer = nn.ReLU()
    layer.register_forward_hook(lambda output: None)

    with pytest.raises(TypeError, match="takes 1 positional argument but 3 were given"):
        layer(torch.ones(1))


def test_a_hook_for_all_modules():
    """After `nn.modules.module.register_module_forward_hook(hook)`, a call of an
    `nn.Sequential` of `nn.Linear` and `nn.ReLU` runs `hook` after each of the two layers,
    and at last for the `nn.Sequential`; `remove()` on the handle ends this.

    It is registered for all modules, those of other libraries too, and is meant for debugging and
    profiling. Inside a module of `torch.jit.script` it does not run for the layers.
    """
    names = []
    handle = nn.modules.module.register_module_forward_hook(
        lambda module, inputs, output: names.append(type(module).__name__)
    )
    nn.Sequential(nn.Linear(2, 1), nn.ReLU())(torch.ones(2))
    handle.remove()
    nn.Tanh()(torch.ones(2))

    assert names == ["Linear", "ReLU", "Sequential"]
