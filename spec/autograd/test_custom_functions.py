"""Operations of your own.

Where the recorded derivative is missing, wasteful or wrong for the purpose, an
operation can bring its own. It is a subclass of `torch.autograd.Function` with two
static methods, `forward` and `backward`, and it is called by `apply`. What happens
inside `forward` is not recorded; `backward` is all that autograd knows about it.
"""

import pytest
import torch


@pytest.mark.claim("summary-custom-function")
def test_a_subclass_of_function_is_a_new_operation(device):
    """`forward` computes, `backward` turns the result's gradient into the input's."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 2 * x * grad

    x = torch.tensor([1.0, 3.0], requires_grad=True, device=device)

    y = Square.apply(x)
    y.backward(torch.tensor([1.0, 10.0], device=device))

    assert y.tolist() == [1.0, 9.0]
    assert x.grad.tolist() == [2.0, 60.0]


def test_the_graph_shows_it_under_its_own_name():
    """The node of an operation of your own is called after its class, with `Backward` behind."""

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, grad):
            return 2 * grad

    y = Double.apply(torch.tensor(3.0, requires_grad=True))

    assert y.grad_fn.name() == "DoubleBackward"
    assert repr(y) == "tensor(6., grad_fn=<DoubleBackward>)"


def test_autograd_believes_whatever_backward_says(device):
    """The gradient is what `backward` returns, be it true or not: here it is turned around."""

    class Reverse(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            return -grad

    x = torch.tensor(3.0, requires_grad=True, device=device)

    (5 * Reverse.apply(x)).backward()

    assert x.grad.item() == -5.0


def test_forward_is_not_recorded():
    """Inside `forward` the grad mode is off: no graph is made of the steps."""
    inside = []

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x * x
            inside.append((torch.is_grad_enabled(), y.requires_grad))
            return y

        @staticmethod
        def backward(ctx, grad):
            return grad

    y = Square.apply(torch.tensor(3.0, requires_grad=True))

    assert inside == [(False, False)]
    assert y.requires_grad is True


def test_other_values_are_kept_on_ctx():
    """Numbers, shapes and flags are plain attributes of `ctx`; their gradient is `None`."""

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.factor = factor
            return x * factor

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.factor, None

    x = torch.tensor(3.0, requires_grad=True)

    y = Scale.apply(x, 7)
    y.backward()

    assert y.item() == 21.0
    assert x.grad.item() == 7.0


def test_needs_input_grad_says_which_gradients_are_wanted():
    """`ctx.needs_input_grad` has a flag an argument, so that work for nothing can be left out."""
    wanted = []

    class Product(torch.autograd.Function):
        @staticmethod
        def forward(ctx, a, b, times):
            ctx.save_for_backward(a, b)
            return a * b * times

        @staticmethod
        def backward(ctx, grad):
            wanted.append(ctx.needs_input_grad)
            a, b = ctx.saved_tensors
            return grad * b, grad * a, None

    tracked = torch.tensor(3.0, requires_grad=True)

    Product.apply(torch.tensor(2.0), tracked, 1).backward()

    assert wanted == [(False, True, False)]
    assert tracked.grad.item() == 2.0


def test_a_backward_made_of_torch_operations_can_be_differentiated():
    """`backward` is recorded where `create_graph=True` asks for it, so it has derivatives too."""

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * grad

    x = torch.tensor(2.0, requires_grad=True)

    (first,) = torch.autograd.grad(Cube.apply(x), x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)

    assert (first.item(), second.item()) == (12.0, 12.0)
