"""Mistakes in operations of your own.

Torch inspects the form of what the `backward` of a `torch.autograd.Function` returns: how many
gradients, and of which shape. Such mistakes raise in `backward()`, with the name of the
operation, such as `ScaleBackward`. Whether the numbers are right it can't know: `gradcheck` finds
that out by comparing them with finite differences (`spec/autograd/test_numerical_gradients.py`).

What surprises: `forward` alone works, so a missing or wrong `backward` shows only when gradients
are asked for. A gradient of too large a shape isn't always an error: one that was broadcast is
summed back to the shape of its argument. And returning None says that there is no gradient, so a
leaf keeps `.grad` None. `once_differentiable` doesn't stop every wrong second derivative.

The right form: `spec/autograd/test_custom_functions.py`.
"""

import pytest
import torch
from torch.autograd.function import once_differentiable


def test_backward_returns_a_gradient_for_every_argument():
    """For `y = Scale.apply(x, 2)` with a float32 0-d `x` that requires grad,
    `y.backward()` raises RuntimeError, "incorrect number of gradients (expected 2, got
    1)", if `backward` of the `torch.autograd.Function` `Scale` returns one gradient.

    Return a tuple, with None for an argument that has no gradient, such as a number:
    `return grad * 2, None`. The list `[grad * 2, None]` counts as one gradient.
    """

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            return x * factor

        @staticmethod
        def backward(ctx, grad):
            return grad

    class Listed(Scale):
        @staticmethod
        def backward(ctx, grad):
            return [grad, None]

    y = Scale.apply(torch.tensor(3.0, requires_grad=True), 2)
    z = Listed.apply(torch.tensor(3.0, requires_grad=True), 2)

    with pytest.raises(
        RuntimeError, match=r"returned an incorrect number of gradients \(expected 2, got 1\)"
    ):
        y.backward()
    with pytest.raises(RuntimeError, match=r"\(expected 2, got 1\)"):
        z.backward()


def test_backward_returns_no_gradient_too_many():
    """If `backward` of a `torch.autograd.Function` for `2 * x` ends in `return 2 * grad, grad`,
    `y.backward()` on its 0-d float32 result `y`, which requires grad, raises RuntimeError,
    "expected 1, got 2"; `return 2 * grad, None` raises no error.

    Because `forward` has one argument besides `ctx`, one gradient is expected; further Nones at
    the end are ignored.
    """

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, grad):
            return 2 * grad, grad

    y = Double.apply(torch.tensor(3.0, requires_grad=True))

    with pytest.raises(RuntimeError, match=r"incorrect number of gradients \(expected 1, got 2\)"):
        y.backward()

    class DoubleAndNone(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, grad):
            return 2 * grad, None

    x = torch.tensor(3.0, requires_grad=True)
    DoubleAndNone.apply(x).backward()
    assert x.grad.item() == 2.0


def test_a_gradient_has_to_fit_its_argument():
    """If `forward` of a `torch.autograd.Function` returns `x.sum()` for a leaf `x` of
    shape (2,) that requires grad, and `backward(ctx, grad)` returns the 0-d `grad`,
    `y.backward()` on the result `y` raises RuntimeError; return `grad.expand(2)`.
    """

    class Total(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.sum()

        @staticmethod
        def backward(ctx, grad):
            return grad

    y = Total.apply(torch.tensor([1.0, 2.0], requires_grad=True))

    with pytest.raises(RuntimeError, match=r"got \[\] but expected shape compatible with \[2\]"):
        y.backward()


def test_a_gradient_that_was_broadcast_is_summed_back():
    """Where `backward` of a `torch.autograd.Function` returns a dense float32 gradient of shape
    (3, 2) for a float32 leaf of shape (2,) that requires grad, autograd sums it over the first
    dimension.

    Because (2,) can be broadcast to (3, 2): a `forward` that broadcasts needs no sum in
    `backward`.
    """

    class AddEverywhere(torch.autograd.Function):
        @staticmethod
        def forward(ctx, row, matrix):
            return row + matrix

        @staticmethod
        def backward(ctx, grad):
            return grad, grad

    row = torch.tensor([1.0, 2.0], requires_grad=True)

    AddEverywhere.apply(row, torch.zeros(3, 2)).sum().backward()

    assert row.grad.tolist() == [3.0, 3.0]


def test_backward_returns_tensors():
    """If `backward` of a `torch.autograd.Function` of one float32 tensor returns a Python float,
    `y.backward()` on the 0-d result `y`, which requires grad, raises RuntimeError, "expected
    Variable or None (got float)"; return a tensor or None.
    """

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, grad):
            return 2.0

    y = Double.apply(torch.tensor(3.0, requires_grad=True))

    with pytest.raises(RuntimeError, match=r"expected Variable or None \(got float\)"):
        y.backward()


def test_none_from_backward_leaves_no_gradient():
    """If `backward` of a `torch.autograd.Function` with one argument returns None, `y.backward()`
    on the 0-d float32 result `y` for a leaf `x` that requires grad raises no error and leaves
    `x.grad` as it was, here None.

    `torch.autograd.grad(y, x)` raises RuntimeError there: `x` appears to not have been used in
    the graph.
    """

    class Rounded(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.round()

        @staticmethod
        def backward(ctx, grad):
            return None

    x = torch.tensor(2.6, requires_grad=True)
    y = Rounded.apply(x)

    y.backward()

    assert y.item() == 3.0
    assert x.grad is None
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        torch.autograd.grad(Rounded.apply(x), x)


def test_without_backward_it_computes_but_does_not_differentiate():
    """A `torch.autograd.Function` `Double` with only `forward(ctx, x)` computes
    `y = Double.apply(x)` for a float32 0-d `x` that requires grad, but `y.backward()` raises
    NotImplementedError, "You must implement either the backward or vjp method".

    So a missing `backward` isn't noticed while only `forward` is used.
    """

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

    y = Double.apply(torch.tensor(3.0, requires_grad=True))

    assert y.item() == 6.0
    with pytest.raises(NotImplementedError, match="You must implement either the backward or vjp"):
        y.backward()


def test_only_tensors_are_saved_for_backward():
    """`ctx.save_for_backward(x, 2.0)` in `forward` makes `apply` raise TypeError, "can
    only save variables", if `x` requires grad and grad mode is on; keep the number as an
    attribute instead, `ctx.factor = 2.0`.

    With no input that requires grad, or under `torch.no_grad()`, nothing is saved, so the mistake
    passes there.
    """

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            ctx.save_for_backward(x, factor)
            return x * factor

        @staticmethod
        def backward(ctx, grad):
            return grad, None

    with pytest.raises(TypeError, match="can only save variables, but argument 1 is of type float"):
        Scale.apply(torch.tensor(3.0, requires_grad=True), 2.0)
    assert Scale.apply(torch.tensor(3.0), 2.0).item() == 6.0


def test_a_saved_tensor_is_guarded_against_writes():
    """After `y = Square.apply(x)` and `x.detach().add_(1)` with a 0-d `x` of 3 that requires
    grad, `y.backward()` raises RuntimeError if the `Function` `Square` for x² used
    `ctx.save_for_backward(x)`; with `ctx.x = x` the gradient is wrong: 8.

    Because `save_for_backward` notes the version of the tensor, a number that each in-place
    write increases. A write through `x.data` doesn't increase it and isn't noticed.
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

    class UnguardedSquare(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.x = x
            return x * x

        @staticmethod
        def backward(ctx, grad):
            return 2 * ctx.x * grad

    leaf = torch.tensor(3.0, requires_grad=True)
    x = leaf * 1
    y, unguarded = Square.apply(x), UnguardedSquare.apply(x)
    x.detach().add_(1)
    unguarded.backward(retain_graph=True)

    assert leaf.grad.item() == 8.0
    with pytest.raises(
        RuntimeError,
        match="needed for gradient computation has been modified by an inplace operation",
    ):
        y.backward()


def test_an_instance_is_not_called():
    """`Double()(x)`, the call of an instance of a `torch.autograd.Function` subclass
    `Double`, raises RuntimeError, "Legacy autograd function with non-static forward";
    call `Double.apply(x)` instead.

    Instances were the style of the first releases; making one issues a DeprecationWarning.
    """

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

    with pytest.warns(DeprecationWarning, match="should not be instantiated"):
        instance = Double()
    with pytest.raises(RuntimeError, match="Legacy autograd function with non-static forward"):
        instance(torch.tensor(3.0))

    assert Double.apply(torch.tensor(3.0)).item() == 6.0


def test_once_differentiable_refuses_a_second_derivative():
    """With `@once_differentiable` on `backward` of a `Function` `Cube` for x³ and
    `x = torch.tensor(1.0, requires_grad=True)`,
    `(first,) = torch.autograd.grad(Cube.apply(x)**2, x, create_graph=True)` works;
    `first.backward()` raises RuntimeError.

    `@once_differentiable` belongs on a `backward` that computes outside torch. It does not catch
    every case: `first.backward()` on the derivative of `Cube.apply(x) + x**2` raises no error and
    leaves 2 in `x.grad` instead of 8, since no gradient that arrived at `Cube` required grad.
    """

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @once_differentiable
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * grad

    x = torch.tensor(1.0, requires_grad=True)
    (first,) = torch.autograd.grad(Cube.apply(x) ** 2, x, create_graph=True)

    assert first.item() == 6.0
    with pytest.raises(RuntimeError, match="differentiate twice a function that was marked with"):
        first.backward()

    (first,) = torch.autograd.grad(Cube.apply(x) + x**2, x, create_graph=True)
    first.backward()

    assert first.item() == 5.0
    assert x.grad.item() == 2.0


def test_once_differentiable_does_not_stop_autograd_grad():
    """If `once_differentiable` decorates `backward` of a `Function` `Cube` for x³, two calls of
    `torch.autograd.grad`, the first with `create_graph=True`, give 3 as the second derivative
    of `Cube.apply(x) * x` at 1, not 12, without an error.

    The node that raises is in the graph of the first derivative, but not on the way from it to
    `x`, and `torch.autograd.grad` runs only the nodes on the way to its inputs.
    """

    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        @once_differentiable
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 3 * x**2 * grad

    x = torch.tensor(1.0, requires_grad=True)
    (first,) = torch.autograd.grad(Cube.apply(x) * x, x, create_graph=True)

    (second,) = torch.autograd.grad(first, x)

    assert first.item() == 4.0
    assert second.item() == 3.0
