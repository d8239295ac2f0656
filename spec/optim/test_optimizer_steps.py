"""Optimizer steps.

An optimizer is made once, from the parameters that it is to train. In each round of a training
loop `backward()` writes gradients into `parameter.grad`, and `optimizer.step()` reads them and
changes the parameters in place, under `torch.no_grad()`, so that autograd doesn't record it.

`step()` may be given a closure: a function that clears the gradients, computes the loss, calls
`backward()` and returns the loss. LBFGS needs one, because it evaluates the loss at several
points before it settles on a step; SGD, Adam and their relatives call it once. How a step is
computed, one parameter after the other (`foreach=False`), all together (`foreach=True`) or in one
kernel (`fused=True`), decides how fast it is and, but for rounding, not where it leads.

What surprises: `step()` returns None unless it is given a closure; the loss that it returns then
is that from before the step; and a graph that saved a weight before the step can't be used after
it, which is an error unless the step was fused. The rules themselves begin in
`spec/optim/test_update_rules.py`.
"""

import pytest
import torch
from torch import nn


def test_a_closure_computes_the_loss_for_the_step():
    """With the default options `SGD.step(closure)` first calls the closure, which computes the
    loss and the gradients, then updates the parameters and returns what the closure returned, the
    loss from before the update. `SGD.step()` returns None.

    For `weight` 4 and `lr=0.25` a closure with the loss `weight**2` returns 16, and the step
    moves the weight to 2, where the loss is 4.
    """
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


def test_a_graph_that_saved_a_weight_does_not_survive_the_step():
    """After `weight = nn.Parameter(torch.tensor(2.0))`, `loss = weight**3`,
    `loss.backward(retain_graph=True)` and `torch.optim.SGD([weight], lr=0.5).step()`,
    `loss.backward()` raises RuntimeError, "has been modified by an inplace operation".

    Because the slope of `weight**3` needs the old weight, which has been overwritten.
    Compute the loss anew after each step.
    """
    weight = nn.Parameter(torch.tensor(2.0))
    loss = weight**3
    loss.backward(retain_graph=True)

    torch.optim.SGD([weight], lr=0.5).step()

    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        loss.backward()
    assert weight.item() == -4.0


def test_foreach_is_a_way_to_compute_the_same_step():
    """`torch.optim.Adam(params, lr=0.5)` of float32 `params` takes the same step, up to rounding,
    with `foreach=True`, which updates all parameters of a group together, as with `foreach=False`,
    which updates one after the other.

    Because `foreach` decides only how the operations are launched. Left at None, `Adam`
    uses it on a GPU, where few large launches are faster than many small ones.
    """
    together = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    in_turn = [nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))]
    together[0].grad = in_turn[0].grad = torch.tensor([1.0, -3.0])
    together[1].grad = in_turn[1].grad = torch.tensor([0.25])

    torch.optim.Adam(together, lr=0.5, foreach=True).step()
    torch.optim.Adam(in_turn, lr=0.5, foreach=False).step()

    assert [weight.tolist() for weight in together] == [
        pytest.approx([-0.5, 0.5]),
        pytest.approx([-0.5]),
    ]
    assert [weight.tolist() for weight in in_turn] == [
        pytest.approx([-0.5, 0.5]),
        pytest.approx([-0.5]),
    ]


@pytest.mark.torch(">=2.4")
def test_fused_is_a_way_to_compute_the_same_step():
    """`torch.optim.Adam(..., fused=True)` computes its step in a fused kernel, since
    PyTorch 2.4 on the CPU too; together with `foreach=True` the constructor raises
    RuntimeError.

    Because both say how to compute the step: choose one. With float32 parameters the results agree
    up to rounding. Complex parameters with `fused=True` raise RuntimeError, in the constructor or,
    since PyTorch 2.5, in the first `step()`.
    """
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([1.0, -3.0])

    torch.optim.Adam([weight], lr=0.5, fused=True).step()

    assert weight.tolist() == pytest.approx([-0.5, 0.5])
    with pytest.raises(RuntimeError, match="`fused` and `foreach` cannot be `True` together"):
        torch.optim.Adam([weight], lr=0.5, fused=True, foreach=True)


@pytest.mark.torch(">=2.0")
def test_hooks_run_before_and_after_each_step():
    """Hooks registered with `optimizer.register_step_pre_hook` and
    `optimizer.register_step_post_hook` run before and after each `optimizer.step()` that
    raises no error, until `remove()` is called on the handle that registering returned.

    A post hook is a place to log, or to constrain weights inside `torch.no_grad()`, without
    touching the training loop.
    """
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


def test_an_optimizer_of_ones_own_defines_step():
    """A subclass of `torch.optim.Optimizer` that passes the parameters and a dict of
    defaults to `super().__init__` and defines `step` is an optimizer, with `param_groups`,
    `zero_grad` and `state_dict`.

    `step` loops over `self.param_groups` under `torch.no_grad()`, skipping parameters whose
    gradient is None.
    """

    class SignDescent(torch.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @torch.no_grad()
        def step(self):
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter -= group["lr"] * parameter.grad.sign()

    weight, idle = nn.Parameter(torch.tensor([4.0, 4.0])), nn.Parameter(torch.tensor(4.0))
    optimizer = SignDescent([weight, idle], lr=0.5)
    weight.grad = torch.tensor([0.1, -100.0])

    optimizer.step()
    optimizer.zero_grad(set_to_none=True)

    assert weight.tolist() == [3.5, 4.5]
    assert weight.grad is None
    assert idle.item() == 4.0
    assert optimizer.state_dict()["param_groups"] == [{"lr": 0.5, "params": [0, 1]}]


# PyTorch 2.8 warns of how its own LBFGS reads the loss.
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True:UserWarning")
def test_lbfgs_calls_its_closure_several_times_per_step():
    """`torch.optim.LBFGS` with default settings may call its closure many times in one
    `step`: nine times for `(a - 3)**2 + 10 * (b + 1)**2` from (0, 0) in float32, ending
    near the minimum, (3, -1); `step` returns the first loss.

    Because one `step` makes up to 20 iterations (`max_iter`), each with a new call of the closure.
    It wants a loss that is the same function in each call: the whole data, not mini-batches.
    """
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

    assert weight.tolist() == pytest.approx([3.0, -1.0], abs=1e-5)
    assert first.item() == 19.0
    assert optimizer.state[weight]["func_evals"] == len(losses) == 9


def test_lbfgs_without_a_closure_is_refused():
    """`optimizer.step()` of a `torch.optim.LBFGS` raises TypeError, "missing 1 required
    positional argument: 'closure'", if it is called without a closure; that of a
    `torch.optim.SGD` needs none.

    Because LBFGS has to compute the loss at several points: hand it a function that clears
    the gradients, calls `backward()` and returns the loss.
    """
    optimizer = torch.optim.LBFGS([nn.Parameter(torch.zeros(2))])

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'closure'"):
        optimizer.step()
    sgd = torch.optim.SGD([nn.Parameter(torch.zeros(2))], lr=0.5)
    assert sgd.step() is None


def test_a_closure_that_returns_nothing_is_refused_by_lbfgs():
    """`torch.optim.LBFGS.step(closure)` raises TypeError if the closure returns None, as it
    does when `return loss` is forgotten.

    Because LBFGS converts the returned loss with `float()`. End the closure with `return loss`.
    """
    weight = nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.LBFGS([weight])

    def closure():
        optimizer.zero_grad()
        (weight**2).sum().backward()

    with pytest.raises(
        TypeError, match="argument must be a string or a real number, not 'NoneType'"
    ):
        optimizer.step(closure)


def test_lbfgs_has_one_group():
    """`torch.optim.LBFGS` given a list of two parameter groups with different parameters raises
    ValueError, "LBFGS doesn't support per-parameter options".

    Because it treats all parameters as one long vector with one learning rate. Hand it one
    list of parameters.
    """
    first, second = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))

    with pytest.raises(ValueError, match="LBFGS doesn't support per-parameter options"):
        torch.optim.LBFGS([{"params": [first]}, {"params": [second]}])
