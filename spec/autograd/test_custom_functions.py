"""Operations of your own: `torch.autograd.Function`.

Where the derivative that autograd would compute is missing, wasteful or not the one that is
wanted, an operation can bring its own. It is a subclass of `torch.autograd.Function` with two
static methods. `forward(ctx, ...)` computes the result; `backward(ctx, grad)` is given the
gradient of the result and returns one gradient per argument of `forward`, None for a number. The
operation is called by `apply`, and `ctx` carries values from `forward` to `backward`.

What surprises: the steps inside `forward` are not recorded, so what `backward` returns is all
that autograd knows about the operation, right or wrong. `torch.autograd.gradcheck` compares it
with finite differences (`spec/autograd/test_numerical_gradients.py`).

More of `ctx`: `spec/autograd/test_custom_function_extras.py`. What is refused:
`spec/autograd/test_custom_function_mistakes.py`.
"""

import pytest
import torch


@pytest.mark.claim("summary-custom-function")
def test_a_subclass_of_function_is_a_new_operation(device):
    """A subclass of `torch.autograd.Function` defines an operation: `forward` computes its
    result and may save tensors, `backward` turns the gradient of the result into that of
    the input; `apply` calls the operation.
    """

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
    """With grad mode on, `y = Double.apply(x)` of a `torch.autograd.Function` subclass `Double`
    that returns `2 * x`, for an `x` that requires grad, has the node name `DoubleBackward`,
    without a digit, in `y.grad_fn.name()` and in `print(y)`.
    """

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
    """Autograd does not check the values that `backward` of a `torch.autograd.Function` returns
    against `forward`: an identity whose `backward` returns `-grad` reverses the sign of the
    gradient.

    Gradient reversal is used on purpose, in domain adaptation. To find mistakes use
    `gradcheck`.
    """

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
    """`apply` of a `torch.autograd.Function` calls `forward` with grad mode off, so `y = x * x`
    doesn't require grad there; returned by `apply`, `y` requires grad if the float32 `x` does and
    grad mode is on.

    Inside `torch.no_grad()` this `y` doesn't require grad either. Nor does it if `forward` passes
    it to `ctx.mark_non_differentiable`.
    """
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

    class Marked(Square):
        @staticmethod
        def forward(ctx, x):
            y = x * x
            ctx.mark_non_differentiable(y)
            return y

    x = torch.tensor(3.0, requires_grad=True)
    y = Square.apply(x)

    assert inside == [(False, False)]
    assert y.requires_grad is True
    assert Marked.apply(x).requires_grad is False
    with torch.no_grad():
        assert Square.apply(x).requires_grad is False


def test_other_values_are_kept_on_ctx():
    """A `torch.autograd.Function` keeps a number for `backward` as an attribute of `ctx`:
    `forward(ctx, x, factor)` sets `ctx.factor = factor`, and `backward(ctx, grad)` returns
    `grad * ctx.factor, None`, with None for the number `factor`.

    Tensors go through `ctx.save_for_backward`, which guards them against in-place writes and
    avoids leaks.
    """

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
    """In `backward` of a `torch.autograd.Function`, `ctx.needs_input_grad` holds one bool per
    argument of `apply`: True for a tensor that requires grad, False for another tensor and for
    a number.

    So `backward` may skip an expensive gradient and return None.
    """
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
    """With `create_graph=True` the torch operations in `backward` of a
    `torch.autograd.Function` are recorded, so a cube that saves its input can be differentiated
    twice: at 2 both derivatives are 12.

    What `forward` computed on the way and saved would count as a constant: compute it in
    `backward` from the saved inputs, or return it as an output. The operations of a `backward`
    with the decorator `@once_differentiable` are not recorded: see
    `spec/autograd/test_custom_function_mistakes.py`.
    """

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
