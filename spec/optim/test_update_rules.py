"""Gradient descent.

Training is one rule repeated: move every weight a little against its gradient. Plain
`torch.optim.SGD` is that rule, `weight - lr * gradient`, where `lr` is the learning rate.
"Stochastic" is only what the caller makes of it, by handing over gradients of random batches.

The rule can be written by hand as a loop over `net.parameters()`, under `torch.no_grad()`. An
optimizer does the same and adds settings, state and other rules; their interface is the same, but
for `LBFGS` (`spec/optim/test_optimizer_steps.py`), so that changing the rule means changing a name
and its settings.

What surprises: `SGD.step()` reads gradients and changes weights, and leaves the gradients as they
are, but for one combination of settings; the learning rate is not a maximum length of the step, a
gradient of 1000 makes it a thousand times as long; and a rate that is too large makes the weights
swing and grow instead of arriving.
"""

import pytest
import torch
from torch import nn


@pytest.mark.claim("blitz-sgd-rule")
def test_sgd_subtracts_the_learning_rate_times_the_gradient(device):
    """`torch.optim.SGD([weight], lr=0.5).step()` subtracts the learning rate times the gradient: a
    float32 leaf `weight` with a gradient is set to `weight - 0.5 * weight.grad`, up to rounding.
    """
    weight = nn.Parameter(torch.tensor([1.0, 2.0, 3.0], device=device))
    weight.grad = torch.tensor([0.5, -1.0, 0.0], device=device)

    torch.optim.SGD([weight], lr=0.5).step()

    assert weight.tolist() == [0.75, 2.5, 3.0]


@pytest.mark.claim("blitz-manual-update-loop")
def test_a_loop_over_the_parameters_does_by_hand_what_sgd_does():
    """The loop `parameter.data.sub_(parameter.grad.data * lr)` over `net.parameters()` does
    by hand, up to rounding, what `step()` of `SGD(net.parameters(), lr=lr)` does, if each
    parameter of the `net`, an `nn.Linear`, has a gradient.

    `.data` hides the update from autograd. It works still; in new code update under
    `torch.no_grad()`.
    """
    net = nn.Linear(2, 1)
    net.weight.data = torch.tensor([[3.0, 4.0]])
    net.bias.data = torch.tensor([1.0])
    net(torch.tensor([100.0, 200.0])).backward()

    for parameter in net.parameters():
        parameter.data.sub_(parameter.grad.data * 0.01)

    assert net.weight.tolist() == [[2.0, 2.0]]
    assert net.bias.tolist() == pytest.approx([0.99])


def test_the_loop_by_hand_is_written_under_no_grad_today():
    """Under `torch.no_grad()`, `parameter -= lr * parameter.grad` updates in place a contiguous
    trainable `nn.Parameter` that has a gradient, and the parameter still requires grad afterwards.

    With grad mode on, the same line raises RuntimeError: see
    `spec/autograd/test_changing_leaves.py`.
    """
    net = nn.Linear(2, 1, bias=False)
    net.weight.data = torch.tensor([[3.0, 4.0]])
    net(torch.tensor([8.0, 16.0])).backward()

    with torch.no_grad():
        for parameter in net.parameters():
            parameter -= 0.125 * parameter.grad

    assert net.weight.tolist() == [[2.0, 2.0]]
    assert net.weight.requires_grad is True


def test_assigning_the_difference_makes_another_tensor_and_leaves_the_net_alone():
    """After `backward()` through a trainable `nn.Linear` `net`, `weight = net.weight` and then
    `weight = weight - lr * weight.grad` bind the name `weight` to a new tensor, which is no leaf:
    `net.weight` stays as it was.

    Under `torch.no_grad()` the new tensor is a leaf, and `net.weight` still stays as it was.
    Update in place, `weight -= lr * weight.grad` under `torch.no_grad()`, so that the net sees the
    new values.
    """
    net = nn.Linear(1, 1)
    net.weight.data = torch.tensor([[3.0]])
    net.weight.grad = torch.tensor([[8.0]])

    weight = net.weight
    weight = weight - 0.125 * weight.grad
    with torch.no_grad():
        other = net.weight - 0.125 * net.weight.grad

    assert weight.item() == 2.0
    assert weight.is_leaf is False
    assert other.is_leaf is True
    assert net.weight.item() == 3.0


@pytest.mark.claim("blitz-workflow-updates-gradients")
def test_the_step_changes_the_weights_and_leaves_the_gradients():
    """`SGD([weight], lr=0.5, momentum=0.5, weight_decay=0.25).step()` on the CPU changes a weight
    from 4 to 3 where its gradient is 1, and leaves `weight.grad` as it was.

    So the gradients are still there after the step, and are added to unless `zero_grad()`
    clears them.
    """
    weight = nn.Parameter(torch.tensor([4.0]))
    weight.grad = torch.tensor([1.0])

    torch.optim.SGD([weight], lr=0.5, momentum=0.5, weight_decay=0.25).step()

    assert weight.tolist() == [3.0]
    assert weight.grad.tolist() == [1.0]


def test_nesterov_with_foreach_changes_the_gradients():
    """With `weight.grad = torch.tensor([1.0])` on a parameter of one element, the first `step()`
    of `SGD([weight], lr=0.5, momentum=0.5, nesterov=True, foreach=True)` changes `weight.grad` in
    place to 1.5; with `foreach=False` it stays 1.

    On a GPU, since PyTorch 2.0, an `SGD` whose `foreach` is left at None works like that, too.
    Read gradients, for a norm in the log, before `step()`, and call `zero_grad()` before the next
    `backward()`.
    """
    weight, in_turn = nn.Parameter(torch.tensor([4.0])), nn.Parameter(torch.tensor([4.0]))
    weight.grad, in_turn.grad = torch.tensor([1.0]), torch.tensor([1.0])
    options = {"lr": 0.5, "momentum": 0.5, "nesterov": True}

    torch.optim.SGD([weight], foreach=True, **options).step()
    torch.optim.SGD([in_turn], foreach=False, **options).step()

    assert weight.tolist() == in_turn.tolist() == [3.25]
    assert weight.grad.tolist() == [1.5]
    assert in_turn.grad.tolist() == [1.0]


@pytest.mark.parametrize(
    ("lr", "path"),
    [
        (0.25, [2.0, 1.0, 0.5]),
        (0.5, [0.0, 0.0, 0.0]),
        (1.0, [-4.0, 4.0, -4.0]),
        (1.5, [-8.0, 16.0, -32.0]),
    ],
)
def test_the_learning_rate_decides_whether_descent_arrives(lr, path):
    """On the loss `w**2` from 4, `SGD` with no setting but an `lr` of 0.25 halves the weight in
    each step, with 0.5 it reaches 0 in one step, with 1.0 it swings between -4 and 4, and with 1.5
    it doubles the distance to 0 in each step.

    Because the gradient is `2 * w`: a step multiplies the weight by `1 - 2 * lr`. If a loss
    grows, try a smaller rate.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    optimizer = torch.optim.SGD([weight], lr=lr)

    seen = []
    for _ in range(3):
        optimizer.zero_grad()
        (weight**2).backward()
        optimizer.step()
        seen.append(weight.item())

    assert seen == path


def test_maximize_climbs():
    """`torch.optim.SGD(..., maximize=True)`, without weight decay or momentum, adds
    `lr * gradient` to the weight instead of subtracting it: with `lr=0.5` a gradient of 0.5 moves
    a weight from 1 to 1.25.

    Use it where the objective is to grow, instead of a negative learning rate.
    """
    weight = nn.Parameter(torch.tensor([1.0]))
    weight.grad = torch.tensor([0.5])

    torch.optim.SGD([weight], lr=0.5, maximize=True).step()

    assert weight.tolist() == [1.25]


@pytest.mark.claim("blitz-optim-algorithms")
@pytest.mark.parametrize(
    ("name", "options", "after"),
    [
        ("SGD", {}, 3.0),
        ("SGD", {"momentum": 0.5, "nesterov": True}, 2.5),
        ("Adam", {}, 3.875),
        ("RMSprop", {"alpha": 0.75}, 3.75),
    ],
)
def test_torch_optim_offers_sgd_nesterov_adam_and_rmsprop(name, options, after):
    """`torch.optim` has the classes `SGD`, `Adam` and `RMSprop`; for gradient descent with
    Nesterov's momentum, `SGD` has the option `nesterov=True`, with a `momentum` above 0 and
    `dampening=0`, its default.
    """
    weight = nn.Parameter(torch.tensor(4.0))
    weight.grad = torch.tensor(8.0)

    getattr(torch.optim, name)([weight], lr=0.125, **options).step()

    assert weight.item() == pytest.approx(after)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lr": -0.1}, "Invalid learning rate: -0.1"),
        ({"momentum": -1}, "Invalid momentum value: -1"),
        ({"weight_decay": -1}, "Invalid weight_decay value: -1"),
        ({"nesterov": True}, "Nesterov momentum requires a momentum and zero dampening"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, words):
    """`torch.optim.SGD` raises ValueError for `lr=-0.1`, for `momentum=-1`, for
    `weight_decay=-1` and for `nesterov=True` without momentum, if they are given as keyword
    arguments.

    In the dict of a parameter group they aren't looked at: see
    `spec/optim/test_param_groups.py`. To climb, use `maximize=True` instead of a negative
    rate.
    """
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(ValueError, match=words):
        torch.optim.SGD([weight], **{"lr": 0.1} | options)


@pytest.mark.spare("[weight]", reason="a parameter listed twice changes no learning rate")
def test_a_learning_rate_read_as_text_is_refused():
    """`torch.optim.SGD(..., lr="0.1")` raises TypeError, "'<' not supported between
    instances of 'str' and 'float'": convert a learning rate read from a file or the command
    line with `float`.
    """
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(TypeError, match="'<' not supported between instances of 'str' and 'float'"):
        torch.optim.SGD([weight], lr="0.1")

    assert torch.optim.SGD([weight], lr=float("0.1")).defaults["lr"] == 0.1


def test_the_learning_rate_is_called_lr():
    """`torch.optim.SGD(..., learning_rate=0.1)` raises TypeError: the keyword is `lr`.

    In the dict of a group, with `lr` given as the default of the optimizer, the same misspelling
    is accepted and does nothing: see `spec/optim/test_param_groups.py`.
    """
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(TypeError, match="unexpected keyword argument 'learning_rate'"):
        torch.optim.SGD([weight], learning_rate=0.1)


@pytest.mark.torch("<2.2")
def test_sgd_wanted_a_learning_rate():
    """Up to PyTorch 2.1, `torch.optim.SGD([weight])` without `lr` raised ValueError,
    "didn't specify a value of required optimization parameter", for
    `weight = nn.Parameter(torch.tensor(0.0))`.

    Because it had no default learning rate, unlike Adam. Say `lr` to be safe in all
    releases.
    """
    weight = nn.Parameter(torch.tensor(0.0))

    with pytest.raises(ValueError, match="didn't specify a value of required optimization param"):
        torch.optim.SGD([weight])


@pytest.mark.torch(">=2.2")
@pytest.mark.spare("[weight]", reason="a parameter listed twice changes no learning rate")
def test_sgd_has_a_small_default_learning_rate():
    """Since PyTorch 2.2, `torch.optim.SGD(model.parameters())`, without `lr`, uses a learning rate
    of 0.001.

    Leaving out `lr` raises no error any more: that the training is slow may be the only sign of
    it.
    """
    weight = nn.Parameter(torch.tensor(0.0))

    assert torch.optim.SGD([weight]).param_groups[0]["lr"] == 0.001


def test_integer_tensors_cannot_take_a_fractional_step():
    """`SGD([weight], lr=0.5)` accepts an int64 `weight`; its `step()` raises RuntimeError,
    "alpha must not be a floating point number", if an int64 tensor was assigned to
    `weight.grad`.

    Because `add_` of two integer tensors takes no float as `alpha`, which is `-lr` here. Train
    float32 tensors: an integer tensor can't require grad either.
    """
    weight = torch.tensor([1, 2])
    weight.grad = torch.tensor([1, 1])
    optimizer = torch.optim.SGD([weight], lr=0.5)

    with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
        optimizer.step()

    assert weight.tolist() == [1, 2]
