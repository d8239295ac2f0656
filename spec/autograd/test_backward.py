"""Backward: from a result to its gradients.

`result.backward()` goes through the recorded graph from a result back to the leaves that require
grad, the tensors you made with `requires_grad=True`. In each leaf's `.grad` it stores the
derivative of the result with respect to that leaf: a tensor of the leaf's shape that says how
fast the result changes when each of its elements does. The derivative is computed with the chain
rule, exactly but for rounding, and not estimated from small steps.

What surprises: `backward()` returns None, so the gradients are to be read from `.grad`. It starts
from a real tensor of one element, such as a loss; one of several elements needs a `gradient`
argument (`spec/autograd/test_vector_jacobian.py`). It adds to `.grad` rather than overwriting it
(`spec/autograd/test_accumulation.py`), and it frees the graph, so that a second call usually
fails (`spec/autograd/test_retain_graph.py`).
"""

import re

import pytest
import torch


@pytest.mark.claim("blitz-backward-fills-grad")
def test_backward_leaves_the_derivative_in_grad(device):
    """For `x = torch.tensor(3.0, requires_grad=True)` and `y = x * x`, `y.backward()` returns
    None and stores the derivative of `y`, 6, in `x.grad`, which was None before.

    Because one call may fill the `.grad` of thousands of parameters. `torch.autograd.grad`
    returns gradients instead: `spec/autograd/test_autograd_grad.py`.
    """
    x = torch.tensor(3.0, requires_grad=True, device=device)
    y = x * x
    before = x.grad

    returned = y.backward()

    assert before is None
    assert returned is None
    assert x.grad.item() == 6.0


def test_one_backward_fills_the_grad_of_every_leaf(device):
    """One `backward()` on `x * w + b`, with float32 0-d leaves `x`, `w` and `b` that require
    grad and have no `.grad` yet, stores in the `.grad` of each of the three the derivative with
    respect to that leaf: `w`, `x` and 1.

    Because the chain rule shares its intermediate results, all gradients of a loss cost about
    as much as a few forward computations, however many parameters there are.
    """
    x = torch.tensor(2.0, requires_grad=True, device=device)
    w = torch.tensor(5.0, requires_grad=True, device=device)
    b = torch.tensor(7.0, requires_grad=True, device=device)

    (x * w + b).backward()

    assert [x.grad.item(), w.grad.item(), b.grad.item()] == [5.0, 2.0, 1.0]


@pytest.mark.claim("blitz-backward-scalar-no-args")
def test_a_scalar_needs_no_argument(device):
    """For `x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)`, `loss.backward()` of
    `loss = (x * x).sum()` needs no argument: `x` has three elements, but `loss`, which is 0-d, has
    one.
    """
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True, device=device)
    loss = (x * x).sum()

    loss.backward()

    assert loss.shape == ()
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


@pytest.mark.claim("blitz-mean-quarter-formula", "blitz-z-27", "blitz-out-27")
def test_the_mean_of_four_is_a_quarter_of_their_sum():
    """With `x = torch.ones(2, 2)`, `z = 3 * (x + 2)**2` is 27 in each element, and `z.mean()`
    is 27, a quarter of `z.sum()`.
    """
    x = torch.ones(2, 2, requires_grad=True)
    z = 3 * (x + 2) ** 2

    out = z.mean()

    assert z.tolist() == [[27.0, 27.0], [27.0, 27.0]]
    assert (z.sum() / 4).item() == 27.0
    assert out.item() == 27.0


@pytest.mark.claim("blitz-grad-4p5", "path-automatic-gradients")
def test_the_gradient_of_the_mean_is_4_5_everywhere(device):
    """After `(3 * (x + 2)**2).mean().backward()` with `x = torch.ones(2, 2, requires_grad=True)`,
    `x.grad` is 4.5 in each element.

    Because the mean divides by 4, and each element contributes the derivative 6 * (x + 2) = 18.
    Nobody wrote that derivative down: it comes from the recorded operations.
    """
    x = torch.ones(2, 2, requires_grad=True, device=device)

    (3 * (x + 2) ** 2).mean().backward()

    assert x.grad.tolist() == [[4.5, 4.5], [4.5, 4.5]]


@pytest.mark.claim("blitz-gradient-formula")
def test_the_gradient_agrees_with_the_formula_by_hand():
    """After `(3 * (x + 2) ** 2).mean().backward()` with a new float32 leaf `x` of the four
    elements -2, 0, 1 and 2 that requires grad, `x.grad` equals the derivative found by
    hand, `3 / 2 * (x + 2)`: 0, 3, 4.5 and 6.
    """
    x = torch.tensor([[-2.0, 0.0], [1.0, 2.0]], requires_grad=True)

    (3 * (x + 2) ** 2).mean().backward()

    assert x.grad.tolist() == [[0.0, 3.0], [4.5, 6.0]]
    assert (3 / 2 * (x + 2)).tolist() == [[0.0, 3.0], [4.5, 6.0]]


@pytest.mark.claim("self-gradient-has-activation-slope")
def test_a_weights_gradient_contains_the_slope_of_the_activation():
    """The gradient of `torch.sigmoid(w * 4)` with respect to a float32 0-d `w` at 0 is 1, a
    quarter of that of `w * 4`: the chain rule multiplies by the derivative of the activation,
    which is 1/4 there.

    That is why gradients shrink through many layers with saturating activations: see
    `spec/nn/test_depth.py`.
    """
    bare = torch.tensor(0.0, requires_grad=True)
    squashed = torch.tensor(0.0, requires_grad=True)
    (bare * 4).backward()
    torch.sigmoid(squashed * 4).backward()

    assert bare.grad.item() == 4.0
    assert squashed.grad.item() == 1.0


@pytest.mark.claim("blitz-backward-default-one")
def test_the_argument_defaults_to_one():
    """For `y = x * x` with a new `x = torch.tensor(3.0, requires_grad=True)` each time,
    `y.backward()` gives the same gradient, 6, as `y.backward(torch.tensor(1.0))`;
    `y.backward(torch.tensor(2.0))` gives twice that.

    Because the argument is the gradient that arrives at the result itself, from which the chain
    rule starts.
    """
    x = torch.tensor(3.0, requires_grad=True)
    y = torch.tensor(3.0, requires_grad=True)
    z = torch.tensor(3.0, requires_grad=True)

    (x * x).backward()
    (y * y).backward(torch.tensor(1.0))
    (z * z).backward(torch.tensor(2.0))

    assert [x.grad.item(), y.grad.item(), z.grad.item()] == [6.0, 6.0, 12.0]


@pytest.mark.claim("blitz-backward-one-element")
@pytest.mark.parametrize(
    ("value", "grad"),
    [(3.0, 6.0), ([3.0], [6.0]), ([[3.0]], [[6.0]])],
)
def test_a_scalar_is_any_tensor_of_one_element(value, grad, device):
    """`y.backward()` needs no argument for a product `y = x * x` of one element, with a
    float32 leaf `x` that requires grad and has the shape `()`, `(1,)` or `(1, 1)`.

    Since PyTorch 2.1 a complex tensor of one element needs an argument:
    `spec/autograd/test_complex_gradients.py`.
    """
    x = torch.tensor(value, requires_grad=True, device=device)

    (x * x).backward()

    assert x.grad.tolist() == grad


@pytest.mark.claim("blitz-backward-vector-needs-gradient", "blitz-backward-random-gradient")
def test_several_elements_need_a_gradient_argument():
    """`y.backward()` on a float32 `y` of three elements that requires grad raises RuntimeError,
    "grad can be implicitly created only for scalar outputs"; `y.backward(v)` works, with a float32
    `v` of the shape of `y` that weights the elements.

    Autograd computes the gradient of one number; `y.backward(v)` gives that of `(v * y).sum()`.
    Usually the loss is reduced first, by `sum()` or `mean()`.
    """
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * x

    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        y.backward()
    y.backward(torch.tensor([1.0, 10.0, 100.0]))

    assert x.grad.tolist() == [2.0, 40.0, 600.0]
    bias, gradient = torch.zeros(1, 10, requires_grad=True), torch.randn(1, 10)
    (bias + 1).backward(gradient)
    assert torch.equal(bias.grad, gradient)


def test_no_elements_are_not_a_scalar_either():
    """`y.backward()` on `y = torch.tensor([], requires_grad=True) * 2`, which has no elements,
    raises RuntimeError, "grad can be implicitly created only for scalar outputs"; `y.sum()` is a
    0-d tensor of 0, and `y.sum().backward()` runs.
    """
    x = torch.tensor([], requires_grad=True)
    y = x * 2

    with pytest.raises(
        RuntimeError, match="grad can be implicitly created only for scalar outputs"
    ):
        y.backward()
    total = y.sum()
    total.backward()

    assert (total.shape, total.item()) == ((), 0.0)
    assert x.grad.tolist() == []


@pytest.mark.claim("blitz-backward-gradient-shape")
@pytest.mark.parametrize(
    ("shape", "words"), [((), "[]"), ((1,), "[1]"), ((4,), "[4]"), ((1, 3), "[1, 3]")]
)
def test_the_gradient_argument_has_the_tensors_own_shape(shape, words):
    """For a `y` of the shape (3,) that requires grad, `y.backward(v)` with a tensor `v` of the
    shape (), (1,), (4,) or (1, 3) raises RuntimeError: `v` is not broadcast.

    Because `v` holds one weight per element of `y`. For a `v` of the shape () or (1,),
    `v.expand_as(y)` gives each element the same weight.
    """
    x = torch.ones(3, requires_grad=True)
    y = 2 * x

    expected = f"grad_output[0] has a shape of torch.Size({words}) and output[0] has a shape of"
    with pytest.raises(RuntimeError, match=re.escape(expected)):
        y.backward(torch.ones(shape))


def test_the_gradient_argument_is_cast_to_the_tensors_dtype(device):
    """For a float32 `y` that requires grad, `y.backward(v)` with an int64 `v` of the shape
    of `y` casts `v` to float32; a complex `v` raises RuntimeError, "For complex Tensors,
    both grad_output and output are required to have the same dtype".

    For a complex `y` a real `v` raises it too: use `v.to(y.dtype)`.
    """
    x = torch.ones(2, requires_grad=True, device=device)

    (x * 3).backward(torch.tensor([1, 2], device=device))

    assert x.grad.tolist() == [3.0, 6.0]
    assert x.grad.dtype == torch.float32
    with pytest.raises(RuntimeError, match="For complex Tensors, both grad_output and output are"):
        (x * 3).backward(torch.ones(2, dtype=torch.complex64, device=device))
    with pytest.raises(RuntimeError, match="For complex Tensors, both grad_output and output are"):
        (x * 3j).backward(torch.ones(2, device=device))


def test_the_gradient_argument_is_a_tensor():
    """For a float32 `y` of shape (2,) that requires grad, `y.backward([1.0, 2.0])` raises
    TypeError, "gradients can be either Tensors or None": write
    `y.backward(torch.tensor([1.0, 2.0]))`.
    """
    x = torch.ones(2, requires_grad=True)
    y = x * 3

    with pytest.raises(TypeError, match="gradients can be either Tensors or None"):
        y.backward([1.0, 2.0])
    y.backward(torch.tensor([1.0, 2.0]))

    assert x.grad.tolist() == [3.0, 6.0]


def test_a_result_without_history_has_no_backward():
    """`backward()` on a product `x * x` of an `x` that doesn't require grad raises
    RuntimeError, "element 0 of tensors does not require grad".

    Because there is no graph. The usual causes are a forgotten `requires_grad=True`, a
    `no_grad` block, a `detach()`, or frozen parameters.
    """
    x = torch.tensor(3.0)

    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad"):
        (x * x).backward()


def test_backward_on_a_leaf_gives_it_the_gradient_one():
    """`x.backward()` on a float32 0-d leaf `x` that requires grad and has no `.grad` yet,
    such as `torch.tensor(3.0, requires_grad=True)`, stores 1 in `x.grad`: the derivative of
    `x` with respect to itself.
    """
    x = torch.tensor(3.0, requires_grad=True)

    x.backward()

    assert x.grad.item() == 1.0
