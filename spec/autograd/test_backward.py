"""Backward: from a result to its gradients.

`result.backward()` walks the recorded graph from a result back to the leaves it
was computed from, and leaves in each leaf's `.grad` how fast the result changes
when that leaf does. It returns nothing. Two things surprise at first: it starts
from a single number only, and it throws the graph away as it goes.
"""

import re

import pytest
import torch


@pytest.mark.claim("blitz-backward-fills-grad")
def test_backward_leaves_the_derivative_in_grad(device):
    """`backward()` returns nothing; the derivative waits in the leaf's `.grad`."""
    x = torch.tensor(3.0, requires_grad=True, device=device)
    y = x * x
    before = x.grad

    returned = y.backward()

    assert before is None
    assert returned is None
    assert x.grad.item() == 6.0


def test_one_backward_fills_the_grad_of_every_leaf(device):
    """One `backward()` reaches every leaf: each gets the derivative with respect to itself."""
    x = torch.tensor(2.0, requires_grad=True, device=device)
    w = torch.tensor(5.0, requires_grad=True, device=device)
    b = torch.tensor(7.0, requires_grad=True, device=device)

    (x * w + b).backward()

    assert [x.grad.item(), w.grad.item(), b.grad.item()] == [5.0, 2.0, 1.0]


@pytest.mark.claim("blitz-mean-quarter-formula")
def test_the_mean_of_four_is_a_quarter_of_their_sum():
    """With `x` all ones, `z = 3(x + 2)²` is 27 everywhere, and so is a quarter of its sum."""
    x = torch.ones(2, 2, requires_grad=True)
    z = 3 * (x + 2) ** 2

    out = z.mean()

    assert z.tolist() == [[27.0, 27.0], [27.0, 27.0]]
    assert (z.sum() / 4).item() == 27.0
    assert out.item() == 27.0


@pytest.mark.claim("blitz-grad-4p5")
def test_the_gradient_of_the_mean_is_4_5_everywhere(device):
    """The mean of `3(x + 2)²` over a 2 by 2 tensor of ones has the gradient 4.5 in every entry."""
    x = torch.ones(2, 2, requires_grad=True, device=device)

    (3 * (x + 2) ** 2).mean().backward()

    assert x.grad.tolist() == [[4.5, 4.5], [4.5, 4.5]]


@pytest.mark.claim("blitz-gradient-formula")
def test_the_gradient_agrees_with_the_formula_by_hand():
    """The mean of four `3(x + 2)²` has the derivative `3/2 (x + 2)`, which is 4.5 at 1."""
    x = torch.tensor([[-2.0, 0.0], [1.0, 2.0]], requires_grad=True)

    (3 * (x + 2) ** 2).mean().backward()

    assert x.grad.tolist() == [[0.0, 3.0], [4.5, 6.0]]
    assert (3 / 2 * (x + 2)).tolist() == [[0.0, 3.0], [4.5, 6.0]]


@pytest.mark.claim("blitz-backward-scalar-no-args")
def test_a_scalar_needs_no_argument(device):
    """`backward()` on a scalar takes no argument, whatever shape the leaves have."""
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True, device=device)
    loss = (x * x).sum()

    loss.backward()

    assert loss.shape == ()
    assert x.grad.tolist() == [2.0, 4.0, 6.0]


@pytest.mark.claim("blitz-backward-default-one")
def test_the_argument_defaults_to_one():
    """For a scalar, `backward()` is `backward(torch.tensor(1.0))`; another number scales it."""
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
    """Scalar means one element: shapes `()`, `(1,)` and `(1, 1)` all go without an argument."""
    x = torch.tensor(value, requires_grad=True, device=device)

    (x * x).backward()

    assert x.grad.tolist() == grad


@pytest.mark.claim("blitz-backward-vector-needs-gradient")
def test_several_elements_need_a_gradient_argument():
    """A tensor of several elements has to be told how much each of them counts."""
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * x

    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        y.backward()
    y.backward(torch.tensor([1.0, 10.0, 100.0]))

    assert x.grad.tolist() == [2.0, 40.0, 600.0]


def test_no_elements_are_not_a_scalar_either():
    """A tensor without elements is refused like one with several; its sum, 0, is a scalar."""
    x = torch.tensor([], requires_grad=True)
    y = x * 2

    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        y.backward()
    y.sum().backward()

    assert x.grad.tolist() == []


@pytest.mark.claim("blitz-backward-gradient-shape")
@pytest.mark.parametrize(
    ("shape", "words"), [((), "[]"), ((1,), "[1]"), ((4,), "[4]"), ((1, 3), "[1, 3]")]
)
def test_the_gradient_argument_has_the_tensors_own_shape(shape, words):
    """The gradient argument is not broadcast: any other shape than the tensor's is refused."""
    x = torch.ones(3, requires_grad=True)
    y = 2 * x

    expected = f"grad_output[0] has a shape of torch.Size({words}) and output[0] has a shape of"
    with pytest.raises(RuntimeError, match=re.escape(expected)):
        y.backward(torch.ones(shape))


def test_the_gradient_argument_is_cast_to_the_tensors_dtype(device):
    """The gradient argument may have another real dtype: it is cast to that of the tensor."""
    x = torch.ones(2, requires_grad=True, device=device)

    (x * 3).backward(torch.tensor([1, 2], device=device))

    assert x.grad.tolist() == [3.0, 6.0]
    assert x.grad.dtype == torch.float32


def test_the_gradient_argument_is_a_tensor():
    """A Python list or number is no gradient argument; `torch.tensor` makes it one."""
    x = torch.ones(2, requires_grad=True)
    y = x * 3

    with pytest.raises(TypeError, match="gradients can be either Tensors or None"):
        y.backward([1.0, 2.0])
    y.backward(torch.tensor([1.0, 2.0]))

    assert x.grad.tolist() == [3.0, 6.0]


def test_a_result_without_history_has_no_backward():
    """`backward()` is refused where nothing tracked went in: there is no graph to walk."""
    x = torch.tensor(3.0)

    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        (x * x).backward()


def test_backward_on_a_leaf_gives_it_the_gradient_one():
    """A leaf is its own result: its derivative with respect to itself is 1."""
    x = torch.tensor(3.0, requires_grad=True)

    x.backward()

    assert x.grad.item() == 1.0
