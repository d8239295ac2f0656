"""Asking for a gradient: `torch.autograd.grad` and `inputs=`.

`backward()` writes into the `.grad` of every leaf. `torch.autograd.grad` asks for
the gradients of named tensors instead, returns them as a tuple and touches no
`.grad` at all. It also answers for tensors in the middle of the graph, which
`backward()` leaves without a `.grad`.
"""

import pytest
import torch


def test_grad_returns_what_backward_would_have_stored(device):
    """`torch.autograd.grad` returns the gradient and leaves `.grad` alone."""
    x = torch.tensor(3.0, requires_grad=True, device=device)

    gradients = torch.autograd.grad(x * x, x)

    assert gradients == (6.0,)
    assert x.grad is None


def test_grad_answers_in_the_order_it_was_asked():
    """The tuple has one gradient an input, in the order of the inputs."""
    x = torch.tensor(2.0, requires_grad=True)
    w = torch.tensor(5.0, requires_grad=True)
    y = x * w

    assert torch.autograd.grad(y, [x, w], retain_graph=True) == (5.0, 2.0)
    assert torch.autograd.grad(y, [w, x]) == (2.0, 5.0)


def test_grad_answers_for_tensors_in_the_middle():
    """An input need not be a leaf: an intermediate result has a gradient too."""
    x = torch.tensor(3.0, requires_grad=True)
    middle = 2 * x

    (gradient,) = torch.autograd.grad(middle * middle, middle)

    assert gradient.item() == 12.0


def test_grad_adds_the_gradients_of_several_outputs():
    """Several outputs do not give several gradients: what each contributes is added up."""
    x = torch.tensor(3.0, requires_grad=True)

    (gradient,) = torch.autograd.grad([x * x, 100 * x], x)

    assert gradient.item() == 106.0


def test_grad_of_a_vector_needs_grad_outputs(device):
    """For an output of several elements, `grad_outputs` plays the part of the gradient argument."""
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    y = x * x

    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        torch.autograd.grad(y, x)
    (gradient,) = torch.autograd.grad(y, x, grad_outputs=torch.tensor([1.0, 10.0], device=device))

    assert gradient.tolist() == [2.0, 40.0]


def test_grad_refuses_an_input_that_was_not_used():
    """An input that the output does not depend on is taken for a mistake."""
    x = torch.tensor(3.0, requires_grad=True)
    unused = torch.tensor(5.0, requires_grad=True)

    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        torch.autograd.grad(x * x, [x, unused])


def test_allow_unused_gives_none_for_an_unused_input(device):
    """With `allow_unused=True` the gradient of an unused input is `None`."""
    x = torch.tensor(3.0, requires_grad=True, device=device)
    unused = torch.tensor(5.0, requires_grad=True, device=device)

    gradients = torch.autograd.grad(x * x, [x, unused], allow_unused=True)

    assert gradients == (6.0, None)


@pytest.mark.torch(">=2.1")
def test_materialize_grads_gives_zeros_for_an_unused_input():
    """With `materialize_grads=True` the gradient of an unused input is zeros of its shape."""
    x = torch.tensor(3.0, requires_grad=True)
    unused = torch.tensor([5.0, 7.0], requires_grad=True)

    used, zeros = torch.autograd.grad(x * x, [x, unused], materialize_grads=True)

    assert used.item() == 6.0
    assert zeros.tolist() == [0.0, 0.0]


def test_grad_refuses_an_untracked_input():
    """An input without `requires_grad` is refused: nothing about it was recorded."""
    x = torch.tensor(3.0, requires_grad=True)
    constant = torch.tensor(5.0)

    with pytest.raises(RuntimeError, match="does not require grad"):
        torch.autograd.grad(x * constant, constant)


def test_an_element_taken_afterwards_was_not_used():
    """`x[0]` taken after the fact is a new tensor that the result never saw; ask for `x`."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()

    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        torch.autograd.grad(y, x[0], retain_graph=True)
    (gradient,) = torch.autograd.grad(y, x)

    assert gradient.tolist() == [2.0, 4.0]


def test_inputs_confines_backward_to_some_leaves(device):
    """`backward(inputs=[w])` stores the gradient of `w` and leaves the other leaves alone."""
    x = torch.tensor(2.0, requires_grad=True, device=device)
    w = torch.tensor(5.0, requires_grad=True, device=device)

    (x * w).backward(inputs=[w])

    assert x.grad is None
    assert w.grad.item() == 2.0


def test_inputs_reach_a_tensor_in_the_middle():
    """A tensor that is no leaf gets a `.grad` when `inputs=` names it, and its leaves get none."""
    x = torch.tensor(3.0, requires_grad=True)
    middle = 2 * x

    (middle * middle).backward(inputs=[middle])

    assert middle.grad.item() == 12.0
    assert x.grad is None


def test_inputs_must_name_something():
    """An empty `inputs=` is refused rather than read as every leaf or none."""
    x = torch.tensor(3.0, requires_grad=True)

    with pytest.raises(RuntimeError, match="cannot be empty"):
        (x * x).backward(inputs=[])
