"""Functions of functions: `torch.func`.

`torch.func.grad(f)` is not a number but another function: the derivative of `f`.
It can be called anywhere, differentiated again, or spread over a batch by `vmap`.
Nothing is marked with `requires_grad`, and nothing is stored in a `.grad`.
"""

import pytest
import torch
import torch.autograd.forward_ad as forward_ad

pytestmark = pytest.mark.torch(">=2.0")

# The first use of forward mode in a process loads code that torch itself still scripts.
forward_mode = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")


def test_grad_makes_a_function_into_its_derivative(device):
    """`torch.func.grad(f)` is the derivative of `f`; its argument needs no `requires_grad`."""
    derivative = torch.func.grad(lambda x: x**3)
    x = torch.tensor(2.0, device=device)

    assert derivative(x).item() == 12.0
    assert derivative(-x).item() == 12.0
    assert x.requires_grad is False
    assert x.grad is None


def test_grad_of_grad_is_the_second_derivative():
    """Transforms nest: x³ has the derivatives 3x², 6x and 6."""
    first = torch.func.grad(lambda x: x**3)
    second = torch.func.grad(first)
    third = torch.func.grad(second)
    x = torch.tensor(2.0)

    assert [first(x).item(), second(x).item(), third(x).item()] == [12.0, 12.0, 6.0]


def test_grad_wants_a_scalar_without_axes():
    """The function has to return a tensor of shape `()`: here even one element is not enough."""
    with pytest.raises(RuntimeError, match="got tensor with 1 dims"):
        torch.func.grad(torch.square)(torch.tensor([2.0]))

    assert torch.func.grad(torch.square)(torch.tensor(2.0)).item() == 4.0


def test_argnums_says_which_argument(device):
    """`argnums` picks the argument, the first unless told; a tuple of them gives a tuple."""
    a, b = torch.tensor(2.0, device=device), torch.tensor(5.0, device=device)

    assert torch.func.grad(torch.mul)(a, b).item() == 5.0
    assert torch.func.grad(torch.mul, argnums=1)(a, b).item() == 2.0
    assert torch.func.grad(torch.mul, argnums=(1, 0))(a, b) == (2.0, 5.0)


def test_grad_of_a_dictionary_is_a_dictionary():
    """Parameters can come as a dictionary; the gradient has the same keys."""
    parameters = {"weight": torch.tensor(2.0), "bias": torch.tensor(5.0)}

    gradient = torch.func.grad(lambda p: 3 * p["weight"] + p["bias"])(parameters)

    assert gradient == {"weight": 3.0, "bias": 1.0}


def test_grad_and_value_gives_both():
    """`grad_and_value` returns the gradient first and the value second."""
    assert torch.func.grad_and_value(lambda x: x**3)(torch.tensor(2.0)) == (12.0, 8.0)


def test_has_aux_lets_other_results_through():
    """With `has_aux=True` a second result comes out as it is, not differentiated."""
    gradient, aux = torch.func.grad(lambda x: (x**3, x + 1), has_aux=True)(torch.tensor(2.0))

    assert (gradient.item(), aux.item()) == (12.0, 3.0)


def test_backward_has_no_place_inside_a_transform():
    """Inside a transformed function `backward()` is refused."""
    with pytest.raises(RuntimeError, match=r"backward\(\) called inside a functorch transform"):
        torch.func.grad(lambda x: (x * x).backward())(torch.tensor(2.0))


def test_vmap_spreads_a_function_over_a_batch():
    """`vmap` makes a function of one number work on many, here the derivative of x³."""
    derivatives = torch.func.vmap(torch.func.grad(lambda x: x**3))

    assert derivatives(torch.tensor([1.0, 2.0, 3.0])).tolist() == [3.0, 12.0, 27.0]


def test_vmap_of_grad_gives_a_gradient_for_each_sample():
    """One weight and a batch of samples give a gradient a sample, which `backward()` would sum."""
    weight = torch.tensor([1.0, 1.0])
    samples = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    loss = torch.func.grad(lambda weight, sample: (weight * sample).sum() ** 2)

    per_sample = torch.func.vmap(loss, in_dims=(None, 0))(weight, samples)

    assert per_sample.tolist() == [[6.0, 12.0], [42.0, 56.0]]


def test_vmap_cannot_follow_an_if():
    """A branch on a value would have to go two ways at once, so `vmap` refuses it."""
    with pytest.raises(RuntimeError, match="data-dependent control flow"):
        torch.func.vmap(lambda x: x if x > 0 else -x)(torch.tensor([1.0, -2.0]))

    magnitudes = torch.func.vmap(lambda x: torch.where(x > 0, x, -x))(torch.tensor([1.0, -2.0]))

    assert magnitudes.tolist() == [1.0, 2.0]


def test_vjp_returns_a_function_of_v():
    """`torch.func.vjp` runs the function once; what it returns gives `v @ J` for any `v`."""
    x = torch.tensor([2.0, 3.0, 5.0])

    value, product = torch.func.vjp(lambda x: torch.stack([x.prod(), x.sum()]), x)
    (of_v,) = product(torch.tensor([1.0, 100.0]))

    assert value.tolist() == [30.0, 10.0]
    assert of_v.tolist() == [115.0, 110.0, 106.0]


@forward_mode
def test_jvp_carries_a_direction_forward():
    """`torch.func.jvp` gives the value and `J @ u` in one forward pass, with no graph recorded."""
    x, u = torch.tensor([2.0, 3.0, 5.0]), torch.tensor([1.0, 10.0, 100.0])

    value, along_u = torch.func.jvp(lambda x: torch.stack([x.prod(), x.sum()]), (x,), (u,))

    assert value.tolist() == [30.0, 10.0]
    assert along_u.tolist() == [715.0, 111.0]


@forward_mode
def test_rows_backward_and_columns_forward_make_the_same_jacobian():
    """`jacrev` works out the Jacobian row by row, `jacfwd` column by column."""
    x = torch.tensor([2.0, 3.0, 5.0])

    by_rows = torch.func.jacrev(lambda x: torch.stack([x[0] * x[1], x.sum()]))(x)
    by_columns = torch.func.jacfwd(lambda x: torch.stack([x[0] * x[1], x.sum()]))(x)

    assert by_rows.tolist() == [[3.0, 2.0, 0.0], [1.0, 1.0, 1.0]]
    assert by_columns.tolist() == [[3.0, 2.0, 0.0], [1.0, 1.0, 1.0]]


@forward_mode
def test_hessian_is_forward_over_backward():
    """`torch.func.hessian(f)` is `jacfwd(jacrev(f))`: x²y has [[2y, 2x], [2x, 0]]."""
    hessian = torch.func.hessian(lambda p: p[0] ** 2 * p[1])

    assert hessian(torch.tensor([2.0, 3.0])).tolist() == [[6.0, 4.0], [4.0, 0.0]]


@forward_mode
def test_a_dual_tensor_carries_its_own_derivative():
    """Below `torch.func`, a dual tensor goes through the computation with a tangent beside it."""
    x, u = torch.tensor([2.0, 3.0, 5.0]), torch.tensor([1.0, 10.0, 100.0])

    with forward_ad.dual_level():
        y = forward_ad.make_dual(x, u).square()
        value, tangent = forward_ad.unpack_dual(y)

    assert value.tolist() == [4.0, 9.0, 25.0]
    assert tangent.tolist() == [4.0, 60.0, 1000.0]


@forward_mode
def test_a_dual_tensor_needs_a_level():
    """Outside `dual_level()` there is nowhere to keep a tangent, so none can be made."""
    with pytest.raises(RuntimeError, match="no level exists"):
        forward_ad.make_dual(torch.tensor(2.0), torch.tensor(1.0))
