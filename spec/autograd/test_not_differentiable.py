"""What has no gradient, or a gradient of zero.

Two things look alike and are to be told apart. Comparing, counting and choosing (`x > 2`,
`argmax`, `x.long()`) give bool or integer tensors, which don't require grad: the graph ends
there, and `backward()` on what is computed from them alone raises RuntimeError. Rounding
(`round`, `floor`, `sign`) gives floating-point numbers that do require grad, and whose derivative
is 0: the graph goes on, `backward()` raises nothing, and the gradient is 0.

What surprises: the second kind is the more dangerous one, as what comes before the rounding is
not trained, silently. And converting back with `.float()` doesn't bring a gradient back.

Which dtypes can require grad: `spec/autograd/test_trackable.py`. Kinks and infinite derivatives:
`spec/autograd/test_gradient_edges.py`.
"""

import pytest
import torch


def test_a_comparison_ends_the_graph(device):
    """For a float32 tensor `x`, `(x > 2).float()` doesn't require grad even if `x` does, and
    `backward()` on its sum raises RuntimeError, "element 0 of tensors does not require grad".

    So an accuracy can't be a loss. Use a smooth substitute: a sigmoid instead of a step.
    """
    x = torch.tensor([1.0, 3.0], requires_grad=True, device=device)
    above = (x > 2).float()

    assert above.tolist() == [0.0, 1.0]
    assert above.requires_grad is False
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        above.sum().backward()


def test_argmax_ends_the_graph(device):
    """With grad mode on and `x = torch.tensor([1.0, 5.0, 3.0], requires_grad=True)`,
    `x.argmax()` doesn't require grad; `x.max()` does, and after `x.max().backward()`
    `x.grad` is [0, 1, 0].

    Because the index is an int64 tensor, and only floating-point and complex tensors can require
    grad. `x.round()` jumps from one integer to another, too, but it is float32: it requires grad,
    with the gradient 0. For equal largest elements see `spec/autograd/test_gradient_edges.py`.
    """
    x = torch.tensor([1.0, 5.0, 3.0], requires_grad=True, device=device)

    position, value = x.argmax(), x.max()
    value.backward()

    assert position.requires_grad is False
    assert x.grad.tolist() == [0.0, 1.0, 0.0]
    assert position.dtype is torch.int64
    assert torch.autograd.grad(x.round().sum(), x)[0].tolist() == [0.0, 0.0, 0.0]


def test_sorting_moves_the_gradients_with_the_values(device):
    """With grad mode on, for a float32 vector `x` that requires grad, the values of
    `x.sort()` require grad, and the gradient of each value goes to the element of `x` that
    the value came from; the indices don't require grad.
    """
    x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True, device=device)

    values, indices = x.sort()
    values.backward(torch.tensor([1.0, 10.0, 100.0], device=device))

    assert (values.requires_grad, indices.requires_grad) == (True, False)
    assert x.grad.tolist() == [100.0, 1.0, 10.0]


def test_topk_sends_gradients_to_the_chosen_only():
    """`x.topk(2).values.backward(torch.tensor([1.0, 10.0]))` with
    `x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)` makes `x.grad` [1, 0, 10]: an
    element that isn't chosen gets 0.
    """
    x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)

    x.topk(2).values.backward(torch.tensor([1.0, 10.0]))

    assert x.grad.tolist() == [1.0, 0.0, 10.0]


def test_a_cast_to_integers_ends_the_graph():
    """With grad mode on, for a float32 `x` that requires grad, `x.long()` doesn't require grad;
    `x.double()` does, as the cast from float32 to float64 is recorded.
    """
    x = torch.tensor(2.5, requires_grad=True)

    x.double().backward()

    assert x.long().requires_grad is False
    assert x.grad.item() == 1.0


@pytest.mark.parametrize(
    "function", [torch.round, torch.floor, torch.ceil, torch.trunc, torch.sign]
)
def test_step_functions_are_tracked_and_flat(function, device):
    """With grad mode on, `torch.round(x)` of a float32 `x` that requires grad gives a result that
    requires grad, and the gradient 0, at its jumps as well; so do `torch.floor`, `ceil`, `trunc`
    and `sign`.

    So `backward()` runs without an error, and what comes before isn't trained. Use the
    straight-through form, `x + (x.round() - x).detach()`.
    """
    x = torch.tensor([-1.25, 0.0, 0.5, 2.0], requires_grad=True, device=device)
    y = function(x)

    y.sum().backward()

    assert y.requires_grad is True
    assert x.grad.tolist() == [0.0, 0.0, 0.0, 0.0]


def test_the_remainder_has_the_slope_one():
    """The gradient of `(x % 2).sum()` with respect to a float32 `x` that requires grad is 1 in
    each element, at the jumps as well.

    Because `x % 2` is `x` minus a constant between its jumps.
    """
    x = torch.tensor([0.5, 2.0, 3.5], requires_grad=True)

    (x % 2).sum().backward()

    assert x.grad.tolist() == [1.0, 1.0, 1.0]


def test_floor_division_has_no_derivative():
    """For `x = torch.tensor(5.0, requires_grad=True)`, `x // 2` is 2, but `(x // 2).backward()`
    raises RuntimeError, "derivative for aten::floor_divide is not implemented";
    `torch.floor(x / 2)` has the gradient 0.
    """
    x = torch.tensor(5.0, requires_grad=True)

    with pytest.raises(RuntimeError, match="derivative for aten::floor_divide is not implemented"):
        (x // 2).backward()
    torch.floor(x / 2).backward()

    assert (x // 2).item() == 2.0
    assert x.grad.item() == 0.0


def test_detach_lets_a_gradient_straight_through(device):
    """For a finite float32 `x` that requires grad, `x + (x.round() - x).detach()` has the
    value of `x.round()`, up to rounding, and `backward()` passes the gradient of this sum
    on to `x` unchanged.

    Quantisation-aware training uses this straight-through estimator.
    """
    x = torch.tensor([1.25, 2.75], requires_grad=True, device=device)

    y = x + (x.round() - x).detach()
    y.backward(torch.tensor([1.0, 10.0], device=device))

    assert y.tolist() == [1.0, 3.0]
    assert x.grad.tolist() == [1.0, 10.0]


def test_an_integer_factor_is_a_constant():
    """`(x * counts).sum().backward()` with a float32 leaf `x` that requires grad, without
    `.grad`, and an int64 `counts` of the same shape gives `x` the gradient `counts`, as
    float32.
    """
    x = torch.tensor([1.5, 2.5], requires_grad=True)
    counts = torch.tensor([2, 3])

    (x * counts).sum().backward()

    assert x.grad.tolist() == [2.0, 3.0]
