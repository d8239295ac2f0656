"""Operations of your own: several outputs, indices, writes in place.

`ctx` is where an operation tells autograd what is special about it: an output that
has no gradient, an input that was overwritten, gradients that it wants to see as
`None`. A plain function of one input and one output needs none of this.
"""

import pytest
import torch


def test_several_outputs_have_a_gradient_each(device):
    """`backward` takes a gradient an output; an output that was not used brings zeros."""
    seen = []

    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x, 3 * x

        @staticmethod
        def backward(ctx, of_double, of_triple):
            seen.append((of_double.item(), of_triple.item()))
            return 2 * of_double + 3 * of_triple

    x = torch.tensor(1.0, requires_grad=True, device=device)
    double, triple = Both.apply(x)
    _, alone = Both.apply(x)

    (10 * double + 100 * triple).backward()
    alone.backward()

    assert seen == [(10.0, 100.0), (0.0, 1.0)]
    assert x.grad.item() == 323.0


def test_set_materialize_grads_gives_none_instead_of_zeros():
    """After `ctx.set_materialize_grads(False)` the gradient of an unused output is `None`."""
    seen = []

    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return 2 * x, 3 * x

        @staticmethod
        def backward(ctx, of_double, of_triple):
            seen.append((of_double, of_triple))
            return 3 * of_triple

    x = torch.tensor(1.0, requires_grad=True)
    _, triple = Both.apply(x)
    triple.backward()

    assert seen == [(None, 1.0)]


def test_an_output_can_be_marked_as_not_differentiable():
    """A marked output comes out untracked, and still takes a place in `backward`."""

    class WholeAndRest(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            whole = x.floor()
            ctx.mark_non_differentiable(whole)
            return whole, x - whole

        @staticmethod
        def backward(ctx, _, of_rest):
            return of_rest

    x = torch.tensor([1.25, 2.5], requires_grad=True)

    whole, rest = WholeAndRest.apply(x)
    rest.backward(torch.tensor([1.0, 10.0]))

    assert (whole.tolist(), whole.requires_grad) == ([1.0, 2.0], False)
    assert (rest.tolist(), rest.requires_grad) == ([0.25, 0.5], True)
    assert x.grad.tolist() == [1.0, 10.0]


def test_an_in_place_function_marks_what_it_changed():
    """With `ctx.mark_dirty` an operation may write to its input and return it."""

    class DoubleInPlace(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx, grad):
            return 2 * grad

    x = torch.tensor(3.0, requires_grad=True)
    y = x * 1

    z = DoubleInPlace.apply(y)
    y.backward()

    assert z is y
    assert y.item() == 6.0
    assert x.grad.item() == 2.0


@pytest.mark.torch(">=2.0")
def test_setup_context_keeps_saving_apart_from_computing():
    """Since 2.0 `forward` may do without `ctx`; then `torch.func` can differentiate it too."""

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x * x

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return 2 * x * grad

    x = torch.tensor(3.0, requires_grad=True)
    Square.apply(x).backward()

    assert x.grad.item() == 6.0
    assert torch.func.grad(Square.apply)(torch.tensor(5.0)).item() == 10.0
