"""What happens in a step.

`optimizer.step()` changes the weights in place, without recording it. It may be given a closure, a
function that computes the loss anew: LBFGS asks for the loss several times before it moves, the
other rules call it once. How a step is computed, one parameter after the other or all at once, is a
matter of speed only.

What surprises newcomers: `step()` returns the closure's loss, from before the step, and without a
closure it returns None; and a graph recorded before the step can't be used after it.
"""

import pytest
import torch
from torch import nn


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


# PyTorch 2.8 warns of how its own LBFGS reads the loss.
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True:UserWarning")
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


def test_an_optimizer_of_ones_own_is_a_method():
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
