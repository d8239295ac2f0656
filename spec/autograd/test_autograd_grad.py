"""Asking for gradients: `torch.autograd.grad` and `inputs=`.

`backward()` stores gradients in the `.grad` of the leaves.
`torch.autograd.grad(outputs, inputs)` returns them instead: a tuple with one gradient per
input, in the order of the inputs, and no `.grad` is written. It also takes inputs in the middle
of the graph, which `backward()` leaves without a `.grad`. Use it where a gradient is itself
part of a computation, as in a gradient penalty or a higher derivative
(`spec/autograd/test_higher_derivatives.py`). `backward(inputs=[...])` lies between the two: it
writes `.grad`, but of the leaves only that of the named ones.

What surprises: several outputs don't give several gradients; their contributions are added up. An
input that the output doesn't depend on raises, unless `allow_unused=True` or, since PyTorch 2.1,
`materialize_grads=True` is given. And an input
is found by identity: an element `x[0]` taken after the computation is a new tensor, on which the
result doesn't depend.
"""

import pytest
import torch


@pytest.mark.claim("self-two-parts", "course-autograd-module")
def test_grad_returns_what_backward_would_have_stored(device):
    """For `y = x * x` with a float32 0-d leaf `x` that requires grad, `torch.autograd.grad(y, x)`
    returns the derivative of `y` with respect to `x`, as a tuple of one tensor, and writes no
    `x.grad`.

    `torch` computes the value, and the package `torch.autograd` differentiates what was computed.
    `(dx,) = torch.autograd.grad(y, x)` unpacks the tuple; `y.backward()` would add the derivative
    to `x.grad`.
    """
    x = torch.tensor(3.0, requires_grad=True, device=device)
    y = x * x
    gradients = torch.autograd.grad(y, x)

    assert y.item() == 9.0
    assert gradients == (6.0,)
    assert x.grad is None


def test_grad_answers_in_the_order_it_was_asked():
    """For `y = x * w` of float32 0-d tensors that require grad, `torch.autograd.grad(y, [x, w])`
    returns a tuple with one gradient per input, in the order of the inputs.
    """
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(5.0, requires_grad=True)
    y = x * w

    assert torch.autograd.grad(y, [x, w], retain_graph=True) == (5.0, 2.0)
    assert torch.autograd.grad(y, [w, x]) == (2.0, 5.0)


def test_grad_answers_for_tensors_in_the_middle():
    """For `middle = 2 * x`, with a float32 0-d leaf `x` that requires grad,
    `torch.autograd.grad(middle * middle, middle)` gives, in a tuple, the gradient with respect to
    `middle`: an input need not be a leaf.
    """
    x = torch.tensor(3.0, requires_grad=True)
    middle = 2 * x

    (gradient,) = torch.autograd.grad(middle * middle, middle)

    assert gradient.item() == 12.0


def test_grad_adds_the_gradients_of_several_outputs():
    """`torch.autograd.grad([x * x, 100 * x], x)`, with a float32 0-d `x` that requires grad,
    returns one gradient for `x`: the sum of those of both outputs.

    For one gradient per output, call it once per output, with `retain_graph=True` where the
    outputs share a part of the graph, or see `spec/autograd/test_jacobians.py`.
    """
    x = torch.tensor(3.0, requires_grad=True)

    (gradient,) = torch.autograd.grad([x * x, 100 * x], x)

    assert gradient.item() == 106.0


def test_grad_of_a_vector_needs_grad_outputs(device):
    """`torch.autograd.grad(y, x)` of `y = x * x`, with
    `x = torch.tensor([1.0, 2.0], requires_grad=True)`, raises RuntimeError, "grad can be
    implicitly created only for scalar outputs", but works with
    `grad_outputs=torch.tensor([1.0, 10.0])`.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    y = x * x

    with pytest.raises(
        RuntimeError, match="grad can be implicitly created only for scalar outputs"
    ):
        torch.autograd.grad(y, x)
    (gradient,) = torch.autograd.grad(y, x, grad_outputs=torch.tensor([1.0, 10.0], device=device))

    assert gradient.tolist() == [2.0, 40.0]


def test_grad_refuses_an_input_that_was_not_used():
    """For `x = torch.tensor(3.0, requires_grad=True)` and an `other` made in the same way,
    `torch.autograd.grad(x * x, [x, other])` raises RuntimeError, "appears to not have been used in
    the graph": `x * x` doesn't use `other`.

    Because that is usually a mistake, such as a tensor that was replaced on the way. Give
    `allow_unused=True` where it is meant.
    """
    x = torch.tensor(3.0, requires_grad=True)
    unused = torch.tensor(5.0, requires_grad=True)

    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        torch.autograd.grad(x * x, [x, unused])


def test_allow_unused_gives_none_for_an_unused_input(device):
    """`torch.autograd.grad(x * x, [x, other], allow_unused=True)` of float32 0-d `x` and
    `other` that require grad gives None as the gradient of `other`, from which `x * x`
    wasn't computed.

    Code that goes on computing with the gradients must expect that None.
    """
    x = torch.tensor(3.0, requires_grad=True, device=device)
    unused = torch.tensor(5.0, requires_grad=True, device=device)

    gradients = torch.autograd.grad(x * x, [x, unused], allow_unused=True)

    assert gradients == (6.0, None)


@pytest.mark.torch(">=2.1")
def test_materialize_grads_gives_zeros_for_an_unused_input():
    """With `x = torch.tensor(3.0, requires_grad=True)` and
    `y = torch.ones(2, requires_grad=True)`,
    `torch.autograd.grad(x * x, [x, y], materialize_grads=True)` gives two zeros as the gradient of
    `y`: `x * x` wasn't computed from `y`.

    So `materialize_grads=True` hides a mistake, too: the gradient of `y.sum()` with respect to the
    element `y[0]`, which is taken after the computation, is 0.
    """
    x = torch.tensor(3.0, requires_grad=True)
    unused = torch.tensor([5.0, 7.0], requires_grad=True)

    used, zeros = torch.autograd.grad(x * x, [x, unused], materialize_grads=True)

    assert used.item() == 6.0
    assert zeros.tolist() == [0.0, 0.0]
    total = unused.sum()
    (of_an_element,) = torch.autograd.grad(total, unused[0], materialize_grads=True)
    assert of_an_element.item() == 0.0


def test_grad_refuses_an_untracked_input():
    """For a recorded `y = x * c` of 0-d float32 tensors, where `x` requires grad and `c`
    doesn't, `torch.autograd.grad(y, c)` raises RuntimeError, "One of the differentiated
    Tensors does not require grad", with `allow_unused=True` as well.

    Call `c.requires_grad_()` before the computation.
    """
    x = torch.tensor(3.0, requires_grad=True)
    c = torch.tensor(5.0)

    with pytest.raises(RuntimeError, match="differentiated Tensors does not require grad"):
        torch.autograd.grad(x * c, c)
    with pytest.raises(RuntimeError, match="differentiated Tensors does not require grad"):
        torch.autograd.grad(x * c, c, allow_unused=True)


def test_an_element_taken_afterwards_was_not_used():
    """For `x = torch.tensor([1.0, 2.0], requires_grad=True)` and `y = (x * x).sum()`,
    `torch.autograd.grad(y, x[0])` raises RuntimeError, "appears to not have been used in the
    graph": `x[0]` is a new tensor, on which `y` doesn't depend.

    Ask for `x` and index the gradient.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()

    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        torch.autograd.grad(y, x[0], retain_graph=True)
    (gradient,) = torch.autograd.grad(y, x)

    assert gradient.tolist() == [2.0, 4.0]


def test_inputs_confines_backward_to_some_leaves(device):
    """`(x * w).backward(inputs=[w])`, with float32 0-d leaves `x` and `w` that require grad,
    accumulates a gradient in `w.grad` alone; the `.grad` of `x` stays as it was, here None.
    """
    x = torch.tensor(2.0, requires_grad=True, device=device)
    w = torch.tensor(5.0, requires_grad=True, device=device)

    (x * w).backward(inputs=[w])

    assert x.grad is None
    assert w.grad.item() == 2.0


def test_inputs_reach_a_tensor_in_the_middle():
    """For `middle = 2 * x`, with a float32 0-d leaf `x` that requires grad,
    `(middle * middle).backward(inputs=[middle])` accumulates a gradient in `middle.grad`, and `x`,
    which is not named, gets none.

    To fill `x.grad` too, call `middle.retain_grad()` first and `backward()` without `inputs`.
    """
    x = torch.tensor(3.0, requires_grad=True)
    middle = 2 * x

    (middle * middle).backward(inputs=[middle])

    assert middle.grad.item() == 12.0
    assert x.grad is None


def test_inputs_must_name_something():
    """`(x * x).backward(inputs=[])`, with a float32 0-d leaf `x` that requires grad,
    raises RuntimeError, as `inputs` cannot be empty; without `inputs`, the call
    accumulates a gradient in `x.grad`.
    """
    x = torch.tensor(3.0, requires_grad=True)

    with pytest.raises(
        RuntimeError, match=r"inputs.? argument to .?backward\(\).? cannot be empty"
    ):
        (x * x).backward(inputs=[])
    (x * x).backward()

    assert x.grad.item() == 6.0
