"""Mistakes in operations of your own.

Torch checks the form of what `backward` returns: how many gradients, of which
shape. Whether they are right it can't know; `gradcheck` finds that out by
comparing them with small steps of the function itself.
"""

import pytest
import torch
from torch.autograd.function import once_differentiable


def test_backward_returns_a_gradient_for_every_argument():
    """Too few gradients are refused; an argument that has none gets `None`."""

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, factor):
            return x * factor

        @staticmethod
        def backward(ctx, grad):
            return grad

    y = Scale.apply(torch.tensor(3.0, requires_grad=True), 2)

    with pytest.raises(RuntimeError, match=r"incorrect number of gradients \(expected 2, got 1\)"):
        y.backward()


def test_backward_returns_no_gradient_too_many():
    """More gradients than arguments are refused too."""

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


def test_a_gradient_has_to_fit_its_argument():
    """A returned gradient that can't be that of the argument, by its shape, is refused."""

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
    """A returned gradient may have axes too many: they are summed up, as broadcasting asks."""

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
    """A gradient is a tensor or `None`, never a Python number."""

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
    """`None` says that there is no gradient: the leaf's `.grad` stays `None`."""

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


def test_without_backward_it_computes_but_does_not_differentiate():
    """A missing `backward` is noticed when the gradient is asked for, not before."""

    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

    y = Double.apply(torch.tensor(3.0, requires_grad=True))

    assert y.item() == 6.0
    with pytest.raises(NotImplementedError, match="You must implement either the backward or vjp"):
        y.backward()


def test_only_tensors_are_saved_for_backward():
    """`save_for_backward` takes tensors; other values go on `ctx` as attributes."""

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


def test_a_saved_tensor_is_guarded_against_writes():
    """What `save_for_backward` keeps has its version noted, like what torch's operations keep."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 2 * x * grad

    x = torch.tensor(3.0, requires_grad=True) * 1
    y = Square.apply(x)
    x.add_(1)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_an_instance_is_not_called():
    """The style of old, an instance that is called, is refused: only `apply` is left."""

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
    """A `backward` that is not made of torch operations is marked, and not differentiated again."""

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
