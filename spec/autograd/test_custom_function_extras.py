"""Operations of your own: several outputs, in-place writes, `setup_context`.

A `torch.autograd.Function` with one input and one output needs only `forward` and `backward`
(`spec/autograd/test_custom_functions.py`). For the rest, `ctx` is where the operation tells
autograd what is special about it: an output that has no gradient (`mark_non_differentiable`), an
input that was changed in place (`mark_dirty`), gradients of unused outputs that should come as
None and not as zeros (`set_materialize_grads(False)`).

What surprises: `backward` is given one gradient per output, also for outputs that nobody used,
and for outputs that were marked as not differentiable. And a `Function` in the older style, whose
`forward` takes `ctx`, is refused by `torch.func`; the newer style has a separate `setup_context`.
"""

import pytest
import torch


def test_several_outputs_have_a_gradient_each(device):
    """`backward` of a `torch.autograd.Function` with two float32 outputs is given one
    gradient per output; for an output that took no part in the result it is by default a
    tensor of zeros.
    """
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
    """If `forward` of a `torch.autograd.Function` calls `ctx.set_materialize_grads(False)` and
    returns two 0-d float32 outputs, `backward()` of the second alone passes None to the Function's
    `backward` as the gradient of the first.

    So the Function's `backward` can skip that part instead of computing with zeros.
    """
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
    """An output that `forward` of a `torch.autograd.Function` computes anew and gives to
    `ctx.mark_non_differentiable` doesn't require grad; `backward` still takes an argument for
    it.

    A view of an input `x` that requires grad, such as `x[:1]` or `x.view(-1)`, keeps
    `requires_grad=True`: return its `clone()`.
    """

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
    """If `forward(ctx, x)` of a `torch.autograd.Function` is
    `ctx.mark_dirty(x); return x.mul_(2)`, `apply(y)` of the non-leaf `y = w * 1`, with a
    float32 0-d leaf `w` that requires grad, returns `y` itself, doubled and with a new
    `grad_fn`.

    A leaf that requires grad is refused, as by other in-place operations. Without the mark
    `apply(y)` returns another tensor, and `y`, though doubled, keeps its old `grad_fn`:
    `y.backward()` gives `w` the gradient 1 instead of 2.
    """

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
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad has been used in"):
        DoubleInPlace.apply(x)


@pytest.mark.torch(">=2.0")
def test_setup_context_keeps_saving_apart_from_computing():
    """Since PyTorch 2.0 the `forward` of a `torch.autograd.Function` `Square` for x² may
    be written without `ctx`, with `setup_context(ctx, inputs, output)` to save what
    `backward` needs; `torch.func.grad(Square.apply)` needs that form.

    `torch.func.grad` of one with `ctx` in `forward` raises RuntimeError.
    """

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

    class SquareWithContext(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * x

    x = torch.tensor(3.0, requires_grad=True)
    Square.apply(x).backward()

    assert x.grad.item() == 6.0
    assert torch.func.grad(Square.apply)(torch.tensor(5.0)).item() == 10.0
    with pytest.raises(RuntimeError, match="must override the setup_context staticmethod"):
        torch.func.grad(SquareWithContext.apply)(torch.tensor(5.0))
