"""Function transforms: `torch.func`.

`torch.func.grad(f)` isn't a number but another function: the derivative of `f`. It can be called
at any point, differentiated again, or applied to a whole batch by `torch.func.vmap`. Nothing has
to require grad, and no `.grad` is written. `vjp`, `jvp`, `jacrev`, `jacfwd` and `hessian` are
transforms of the same kind. They are for functional code, such as one gradient per sample, which
`backward()` would add up.

What surprises: the derivative is with respect to the first argument unless `argnums` says
otherwise. `grad` wants an `f` that returns a tensor of the shape `()`: a shape of `(1,)` is
refused. `vmap` runs `f` once for the whole batch, so an `if` on a value can't be followed. And
`jvp` and `jacfwd` use forward mode: they carry derivatives along with the values and need no
graph.

For the same on results instead of functions see `spec/autograd/test_autograd_grad.py`.
"""

import pytest
import torch
import torch.autograd.forward_ad as forward_ad

pytestmark = pytest.mark.torch(">=2.0")

# The first use of forward mode in a process loads code that torch itself still scripts.
forward_mode = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")


def test_grad_makes_a_function_into_its_derivative(device):
    """`torch.func.grad(lambda x: x**3)` returns a function, the derivative 3x²; the 0-d float32
    tensor that it is called with needs no `requires_grad` and gets no `.grad`.

    Inside `torch.inference_mode()` the function returned 0 before PyTorch 2.12: see
    `spec/autograd/test_inference_mode.py`.
    """
    derivative = torch.func.grad(lambda x: x**3)
    x = torch.tensor(2.0, device=device)

    assert derivative(x).item() == 12.0
    assert derivative(-x).item() == 12.0
    assert x.requires_grad is False
    assert x.grad is None


def test_grad_of_grad_is_the_second_derivative():
    """In grad mode, with `grad = torch.func.grad` and `f = lambda x: x**3`, the functions
    `grad(f)`, `grad(grad(f))` and `grad(grad(grad(f)))` are the derivatives 3x², 6x and 6:
    at `x = torch.tensor(2.0)` they give 12, 12 and 6.
    """
    first = torch.func.grad(lambda x: x**3)
    second = torch.func.grad(first)
    third = torch.func.grad(second)
    x = torch.tensor(2.0)

    assert [first(x).item(), second(x).item(), third(x).item()] == [12.0, 12.0, 6.0]


def test_grad_wants_a_scalar_without_axes():
    """`torch.func.grad(torch.square)` of a float32 tensor of shape `(1,)` raises
    RuntimeError, "got tensor with 1 dims": it differentiates results of the shape `()`.

    `backward()` accepts a result of the shape `(1,)`. For `torch.func.grad` return its `sum()` or
    its element `[0]`.
    """
    with pytest.raises(RuntimeError, match="got tensor with 1 dims"):
        torch.func.grad(torch.square)(torch.tensor([2.0]))

    assert torch.func.grad(torch.square)(torch.tensor(2.0)).item() == 4.0


def test_argnums_says_which_argument(device):
    """`torch.func.grad(torch.mul, argnums=1)(a, b)` of float32 0-d tensors differentiates with
    respect to the second positional argument, `b`; the default is the first, and a tuple of
    positions gives a tuple of gradients.

    Inside `torch.inference_mode()`, PyTorch 2.11 and before give gradients of 0.
    """
    a, b = torch.tensor(2.0, device=device), torch.tensor(5.0, device=device)

    assert torch.func.grad(torch.mul)(a, b).item() == 5.0
    assert torch.func.grad(torch.mul, argnums=1)(a, b).item() == 2.0
    assert torch.func.grad(torch.mul, argnums=(1, 0))(a, b) == (2.0, 5.0)


def test_grad_of_a_dictionary_is_a_dictionary():
    """For `f = lambda p: 3 * p["weight"] + p["bias"]` and a dict `p` of two 0-d float32 tensors
    with these keys, `torch.func.grad(f)(p)` returns a dict of gradients with the same keys.

    So the parameters of a model can be passed as a dict: see `torch.func.functional_call`. Inside
    `torch.inference_mode()`, PyTorch 2.11 and before give gradients of 0.
    """
    parameters = {"weight": torch.tensor(2.0), "bias": torch.tensor(5.0)}

    gradient = torch.func.grad(lambda p: 3 * p["weight"] + p["bias"])(parameters)

    assert gradient == {"weight": 3.0, "bias": 1.0}


def test_grad_and_value_gives_both():
    """`torch.func.grad_and_value(lambda x: x**3)(torch.tensor(2.0))` returns the tuple of
    the tensors 12 and 8: the gradient 3x² first and the value x³ second.
    """
    assert torch.func.grad_and_value(lambda x: x**3)(torch.tensor(2.0)) == (12.0, 8.0)


def test_has_aux_lets_other_results_through():
    """For `f = lambda x: (x**3, x + 1)` and `x = torch.tensor(2.0)`,
    `torch.func.grad(f, has_aux=True)(x)` returns a tuple: the gradient of the first result,
    `tensor(12.)`, and the second result as it is, `tensor(3.)`.

    A Python number as the second raises RuntimeError: make it a tensor.
    """
    gradient, aux = torch.func.grad(lambda x: (x**3, x + 1), has_aux=True)(torch.tensor(2.0))

    assert (gradient.item(), aux.item()) == (12.0, 3.0)
    with pytest.raises(RuntimeError, match="Expected tensors, got unsupported type"):
        torch.func.grad(lambda x: (x**3, 1.0), has_aux=True)(torch.tensor(2.0))


def test_backward_has_no_place_inside_a_transform():
    """`torch.func.grad(f)(torch.tensor(2.0))` with `f = lambda x: (x * x).backward()`
    raises RuntimeError, "backward() called inside a functorch transform"; write
    `f = lambda x: x * x` instead.
    """
    with pytest.raises(RuntimeError, match=r"backward\(\) called inside a functorch transform"):
        torch.func.grad(lambda x: (x * x).backward())(torch.tensor(2.0))


def test_vmap_spreads_a_function_over_a_batch():
    """`torch.func.vmap(g)` applies `g`, written for one element, along the first dimension
    of a tensor: for `g = torch.func.grad(lambda x: x**3)` and
    `torch.tensor([1.0, 2.0, 3.0])` it gives [3, 12, 27].

    Inside `torch.inference_mode()` PyTorch 2.11 and older give zeros for this `g`, silently.
    """
    derivatives = torch.func.vmap(torch.func.grad(lambda x: x**3))

    assert derivatives(torch.tensor([1.0, 2.0, 3.0])).tolist() == [3.0, 12.0, 27.0]


def test_vmap_of_grad_gives_a_gradient_for_each_sample():
    """For `loss = lambda weight, sample: (weight * sample).sum() ** 2`,
    `torch.func.vmap(torch.func.grad(loss), in_dims=(None, 0))(weight, samples)` gives one gradient
    of `weight` per row of `samples`, float32 of shapes [2] and [N, 2].

    `backward()` on the sum of the losses would add these gradients up. Not every `loss` works:
    `.item()` of a value that depends on the sample, or an `if` on such a value, raises a
    RuntimeError in `vmap`.
    """
    weight = torch.tensor([1.0, 1.0])
    samples = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    loss = torch.func.grad(lambda weight, sample: (weight * sample).sum() ** 2)

    per_sample = torch.func.vmap(loss, in_dims=(None, 0))(weight, samples)

    assert per_sample.tolist() == [[6.0, 12.0], [42.0, 56.0]]


def test_vmap_cannot_follow_an_if():
    """`torch.func.vmap` of a function of one argument `x` with `if x > 0`, called with
    `torch.tensor([1.0, -2.0])`, raises RuntimeError, "data-dependent control flow"; write
    `torch.where` instead.

    Because `vmap` by default runs the function once for the whole batch, and its elements may
    disagree.
    """
    with pytest.raises(RuntimeError, match="data-dependent control flow"):
        torch.func.vmap(lambda x: x if x > 0 else -x)(torch.tensor([1.0, -2.0]))

    magnitudes = torch.func.vmap(lambda x: torch.where(x > 0, x, -x))(torch.tensor([1.0, -2.0]))

    assert magnitudes.tolist() == [1.0, 2.0]


def test_vjp_returns_a_function_of_v():
    """With `f = lambda x: torch.stack([x.prod(), x.sum()])`, `torch.func.vjp(f, x)` of a float32
    vector `x` returns `f(x)` and a function; called with a float32 `v` shaped like `f(x)`, it
    gives `(v @ J,)` for the Jacobian `J`, up to rounding.
    """
    x = torch.tensor([2.0, 3.0, 5.0])

    value, product = torch.func.vjp(lambda x: torch.stack([x.prod(), x.sum()]), x)
    (of_v,) = product(torch.tensor([1.0, 100.0]))

    assert value.tolist() == [30.0, 10.0]
    assert of_v.tolist() == [115.0, 110.0, 106.0]


@forward_mode
def test_jvp_carries_a_direction_forward():
    """For the float32 vectors `x` = [2, 3, 5] and `u` = [1, 10, 100] and
    `f(x) = torch.stack([x.prod(), x.sum()])`, outside inference mode,
    `torch.func.jvp(f, (x,), (u,))` gives `f(x)`, [30, 10], and the Jacobian times `u`, [715, 111].

    Forward mode carries the derivative along with the value, in one pass. It builds no graph
    unless `x`, `u` or what `f` uses requires grad. Inside inference mode older releases return a
    derivative of 0, without an error.
    """
    x, u = torch.tensor([2.0, 3.0, 5.0]), torch.tensor([1.0, 10.0, 100.0])

    value, along_u = torch.func.jvp(lambda x: torch.stack([x.prod(), x.sum()]), (x,), (u,))

    assert value.tolist() == [30.0, 10.0]
    assert along_u.tolist() == [715.0, 111.0]
    assert along_u.requires_grad is False


@forward_mode
def test_rows_backward_and_columns_forward_make_the_same_jacobian():
    """`torch.func.jacrev` computes a Jacobian in reverse mode, by rows, `torch.func.jacfwd`
    in forward mode, by columns: for the outputs `x[0] * x[1]` and `x.sum()` of a float32
    `x` of 2, 3 and 5 both give the same.

    `jacfwd` costs less where there are far more outputs than inputs, such as 2000 outputs of 2
    inputs.
    """
    x = torch.tensor([2.0, 3.0, 5.0])

    by_rows = torch.func.jacrev(lambda x: torch.stack([x[0] * x[1], x.sum()]))(x)
    by_columns = torch.func.jacfwd(lambda x: torch.stack([x[0] * x[1], x.sum()]))(x)

    assert by_rows.tolist() == [[3.0, 2.0, 0.0], [1.0, 1.0, 1.0]]
    assert by_columns.tolist() == [[3.0, 2.0, 0.0], [1.0, 1.0, 1.0]]


@forward_mode
def test_hessian_is_forward_over_backward():
    """`torch.func.hessian(f)` of `f = lambda p: p[0] ** 2 * p[1]` is a function for the matrix of
    second derivatives of `f`: at `torch.tensor([2.0, 3.0])` it returns [[6, 4], [4, 0]], which is
    [[2y, 2x], [2x, 0]] with x = 2 and y = 3.

    It is `jacfwd(jacrev(f))`, forward mode over reverse mode: an `f` with `torch.cdist`, which has
    no forward mode, raises NotImplementedError.
    """
    hessian = torch.func.hessian(lambda p: p[0] ** 2 * p[1])
    nested = torch.func.jacfwd(torch.func.jacrev(lambda p: p[0] ** 2 * p[1]))

    assert hessian(torch.tensor([2.0, 3.0])).tolist() == [[6.0, 4.0], [4.0, 0.0]]
    assert nested(torch.tensor([2.0, 3.0])).tolist() == [[6.0, 4.0], [4.0, 0.0]]


@forward_mode
def test_a_dual_tensor_carries_its_own_derivative():
    """With `x = torch.tensor([2.0, 3.0, 5.0])` and `u = torch.tensor([1.0, 10.0, 100.0])`, inside
    `torch.autograd.forward_ad.dual_level()`, `make_dual(x, u).square()` carries the tangent
    `2 * x * u`, [4, 60, 1000].

    This is the forward mode that `torch.func.jvp` is built on. Under `torch.inference_mode()`, or
    of an `x` made there, the square has no tangent. An expanded `x` raises RuntimeError: pass
    `x.clone()`.
    """
    x, u = torch.tensor([2.0, 3.0, 5.0]), torch.tensor([1.0, 10.0, 100.0])

    with forward_ad.dual_level():
        y = forward_ad.make_dual(x, u).square()
        value, tangent = forward_ad.unpack_dual(y)

    assert value.tolist() == [4.0, 9.0, 25.0]
    assert tangent.tolist() == [4.0, 60.0, 1000.0]


@forward_mode
def test_a_dual_tensor_needs_a_level():
    """`torch.autograd.forward_ad.make_dual(torch.tensor(2.0), torch.tensor(1.0))` raises
    RuntimeError, "no level exists", where no level is open.

    `with forward_ad.dual_level():` opens a level for its block. A tangent lives as long as its
    level.
    """
    with pytest.raises(RuntimeError, match="no level exists"):
        forward_ad.make_dual(torch.tensor(2.0), torch.tensor(1.0))
