"""Jacobians and Hessians of a function.

`torch.autograd.functional` takes a function instead of a result and returns whole matrices of
derivatives. `jacobian(f, x)` has one row per element of the output and one column per element of
the input; `hessian(f, x)` holds the second derivatives of a function with one output. For m
outputs the Jacobian costs m backward passes, so it is for small cases. Where only its product
with a vector is wanted, `vjp`, `jvp` and `hvp` give that in a pass or two.

What surprises: the input need not require grad, its `.grad` isn't written, and the result has no
history unless `create_graph=True` asks for one. Inside `torch.inference_mode()` it is zeros. An
output that doesn't depend on the input gives zeros, silently.

The newer `torch.func` has transforms for the same ends:
`spec/autograd/test_function_transforms.py`. What a Jacobian is, and what `backward(v)` makes of
it: `spec/autograd/test_vector_jacobian.py`.
"""

import pytest
import torch
from torch.autograd import functional


@pytest.mark.claim("blitz-no-full-jacobian")
def test_autograd_gives_the_full_jacobian(device):
    """`torch.autograd.functional.jacobian(lambda x: torch.stack([x.prod(), x.sum()]), x)`
    of `x = torch.tensor([2.0, 3.0, 5.0])` returns the whole Jacobian in one call, a 2 x 3
    matrix: [[15, 10, 6], [1, 1, 1]].

    Inside `torch.inference_mode()` it returns zeros.
    """
    x = torch.tensor([2.0, 3.0, 5.0], device=device)

    jacobian = functional.jacobian(lambda x: torch.stack([x.prod(), x.sum()]), x)

    assert jacobian.tolist() == [[15.0, 10.0, 6.0], [1.0, 1.0, 1.0]]


def test_a_jacobian_leaves_no_trace():
    """Outside `torch.inference_mode()`, `torch.autograd.functional.jacobian(torch.square, x)` of
    `x = torch.tensor([2.0, 3.0])`, with or without `requires_grad=True`, writes no `x.grad` and
    returns a tensor that doesn't require grad.

    Because it computes on an input of its own that requires grad, and by default,
    `create_graph=False`, records no graph of the derivatives.
    """
    plain = torch.tensor([2.0, 3.0])
    tracked = torch.tensor([2.0, 3.0], requires_grad=True)

    of_plain = functional.jacobian(torch.square, plain)
    of_tracked = functional.jacobian(torch.square, tracked)

    assert of_plain.tolist() == [[4.0, 0.0], [0.0, 6.0]]
    assert of_tracked.tolist() == [[4.0, 0.0], [0.0, 6.0]]
    assert of_plain.requires_grad is False
    assert of_tracked.requires_grad is False
    assert plain.grad is None
    assert tracked.grad is None


def test_inside_inference_mode_a_jacobian_is_zero():
    """Inside `torch.inference_mode()`, `torch.autograd.functional.jacobian(torch.square, x)` of a
    non-empty float32 `x` made outside returns zeros, silently; inside `torch.no_grad()` it returns
    the Jacobian.

    Because `jacobian` switches on grad mode only, and inference mode stays on.
    """
    x = torch.tensor([2.0, 3.0])

    with torch.inference_mode():
        in_inference = functional.jacobian(torch.square, x)
    with torch.no_grad():
        in_no_grad = functional.jacobian(torch.square, x)

    assert in_inference.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert in_no_grad.tolist() == [[4.0, 0.0], [0.0, 6.0]]


def test_a_jacobian_can_be_differentiated_again():
    """For `x = torch.tensor([3.0], requires_grad=True)`,
    `J = torch.autograd.functional.jacobian(torch.square, x, create_graph=True)` is [[6]] and
    requires grad: `J.backward()` sets `x.grad` to [2], the second derivative.

    The Jacobian of `3 * x` is a constant and doesn't require grad, even with `create_graph=True`.
    """
    x = torch.tensor([3.0], requires_grad=True)

    jacobian = functional.jacobian(torch.square, x, create_graph=True)
    jacobian.backward()

    assert jacobian.tolist() == [[6.0]]
    assert x.grad.tolist() == [2.0]
    of_double = functional.jacobian(lambda x: 2 * x, x, create_graph=True)
    assert of_double.requires_grad is False


def test_a_jacobian_has_the_shape_of_output_and_input():
    """`torch.autograd.functional.jacobian(lambda x: x.sum(dim=0), torch.ones(2, 3))` has the shape
    (3, 2, 3): that of the output, (3,), followed by that of the input, (2, 3).

    Reshape it to (3, 6) where a matrix is wanted: a row for each number of the output, a column
    for each number of the input.
    """
    jacobian = functional.jacobian(lambda x: x.sum(dim=0), torch.ones(2, 3))

    assert jacobian.shape == (3, 2, 3)
    assert jacobian[0].tolist() == [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]


def test_several_inputs_have_a_jacobian_each():
    """For `a, b = torch.tensor([2.0, 3.0]), torch.tensor(5.0)`,
    `torch.autograd.functional.jacobian(lambda a, b: a * b, (a, b))` gives a tuple with one
    Jacobian per input, of shape (2, 2) for `a` and (2,) for `b`.
    """
    a, b = torch.tensor([2.0, 3.0]), torch.tensor(5.0)

    of_a, of_b = functional.jacobian(lambda a, b: a * b, (a, b))

    assert of_a.tolist() == [[5.0, 0.0], [0.0, 5.0]]
    assert of_b.tolist() == [2.0, 3.0]


def test_an_output_that_ignores_the_input_has_zeros():
    """`torch.autograd.functional.jacobian(lambda x: torch.ones(1), x)` with a float32 vector
    `x`, of a function that doesn't use its input, gives zeros; with `strict=True` it raises
    RuntimeError.

    Use `strict=True` to find an output that lost its graph by mistake. It raises nothing where a
    part of the graph was lost, as in `x.detach() * x`.
    """
    x = torch.tensor([2.0, 3.0])

    assert functional.jacobian(lambda x: torch.ones(1), x).tolist() == [[0.0, 0.0]]
    with pytest.raises(RuntimeError, match="does not require gradients"):
        functional.jacobian(lambda x: torch.ones(1), x, strict=True)


def test_detach_inside_the_function_gives_zeros_too():
    """`torch.autograd.functional.jacobian(lambda x: x.detach() * x.sum(),
    torch.tensor([2.0, 3.0]))` is [[2, 2], [3, 3]]: the factor `x.detach()` is a constant,
    only `x.sum()` is differentiated.

    So where a Jacobian differs from the one that you expect, look for a `detach()`, an `item()` or
    a `no_grad` in the function. Inside `torch.inference_mode()` all its elements are 0.
    """
    x = torch.tensor([2.0, 3.0])

    jacobian = functional.jacobian(lambda x: x.detach() * x.sum(), x)

    assert jacobian.tolist() == [[2.0, 2.0], [3.0, 3.0]]


def test_the_input_is_a_tensor_or_a_tuple_of_tensors():
    """`torch.autograd.functional.jacobian(f, [2.0, 3.0])` raises TypeError: the inputs must be
    a tensor or a tuple of tensors, so write `torch.tensor([2.0, 3.0])`.
    """
    with pytest.raises(TypeError, match="must be either a Tensor or a tuple of Tensors"):
        functional.jacobian(torch.square, [2.0, 3.0])


def test_a_hessian_holds_the_second_derivatives(device):
    """For `f(p) = p[0] ** 2 * p[1]`, which is x²y, and `point = torch.tensor([2.0, 3.0])`,
    `torch.autograd.functional.hessian(f, point)` returns the matrix of second derivatives,
    [[2y, 2x], [2x, 0]], here [[6, 4], [4, 0]].

    Inside `torch.inference_mode()` it returns zeros.
    """
    point = torch.tensor([2.0, 3.0], device=device)

    hessian = functional.hessian(lambda p: p[0] ** 2 * p[1], point)
    with torch.inference_mode():
        zeros = functional.hessian(lambda p: p[0] ** 2 * p[1], point)

    assert hessian.tolist() == [[6.0, 4.0], [4.0, 0.0]]
    assert zeros.tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_hessian_of_several_inputs_is_a_table_of_blocks():
    """Outside inference mode, `torch.autograd.functional.hessian(f, (x, y))` of two float32 0-d
    tensors and `f(x, y) = x**2 * y` gives a tuple of tuples, one block per pair of inputs: ((2y,
    2x), (2x, 0)).

    Inside `torch.inference_mode()` every block is 0, without an error.
    """
    x, y = torch.tensor(2.0), torch.tensor(3.0)

    blocks = functional.hessian(lambda x, y: x**2 * y, (x, y))
    with torch.inference_mode():
        inside = functional.hessian(lambda x, y: x**2 * y, (x, y))

    assert blocks == ((6.0, 4.0), (4.0, 0.0))
    assert inside == ((0.0, 0.0), (0.0, 0.0))


def test_only_a_scalar_function_has_a_hessian():
    """`torch.autograd.functional.hessian(torch.square, torch.tensor([2.0, 3.0]))` raises
    RuntimeError, "should contain a single element", as the output has two elements; reduce it to
    one element, for instance by `sum()`.

    For all second derivatives take the `jacobian` of a `jacobian` made with `create_graph=True`:
    without that option, and with the other options at their defaults, the outer one is zeros.
    """
    with pytest.raises(RuntimeError, match="should contain a single element"):
        functional.hessian(torch.square, torch.tensor([2.0, 3.0]))

    x = torch.tensor([3.0])
    kept = functional.jacobian(lambda x: functional.jacobian(torch.square, x, create_graph=True), x)
    cut = functional.jacobian(lambda x: functional.jacobian(torch.square, x), x)
    assert (kept.item(), cut.item()) == (2.0, 0.0)


def test_vjp_gives_the_value_and_the_rows_weighed():
    """`torch.autograd.functional.vjp(f, x, v)` of float32 vectors, for an `f` of products
    and sums that returns a vector, gives `f(x)` and the product `v @ J` with the Jacobian
    `J`, up to rounding.

    For an `x` that requires grad `torch.autograd.grad(f(x), x, v)` computes the same product.
    """
    x = torch.tensor([2.0, 3.0, 5.0])

    value, product = functional.vjp(
        lambda x: torch.stack([x.prod(), x.sum()]), x, torch.tensor([1.0, 100.0])
    )

    assert value.tolist() == [30.0, 10.0]
    assert product.tolist() == [115.0, 110.0, 106.0]


def test_jvp_gives_the_value_and_the_columns_weighed():
    """`torch.autograd.functional.jvp(f, x, u)` of
    `f = lambda x: torch.stack([x.prod(), x.sum()])`, `x = torch.tensor([2.0, 3.0, 5.0])` and
    `u = torch.tensor([1.0, 10.0, 100.0])` returns `f(x)` and `J @ u`, with `J` the Jacobian of `f`
    at `x`.

    It takes two backward passes; `torch.func.jvp(f, (x,), (u,))` takes one forward pass. Inside
    `torch.inference_mode()` the product is zeros: see `spec/autograd/test_inference_mode.py`.
    """
    x = torch.tensor([2.0, 3.0, 5.0])
    u = torch.tensor([1.0, 10.0, 100.0])

    value, product = functional.jvp(lambda x: torch.stack([x.prod(), x.sum()]), x, u)

    assert value.tolist() == [30.0, 10.0]
    assert product.tolist() == [715.0, 111.0]


def test_hvp_gives_the_hessian_times_a_vector():
    """`torch.autograd.functional.hvp(lambda p: p[0] ** 2 * p[1], torch.tensor([2.0, 3.0]),
    torch.tensor([1.0, 10.0]))` returns the value 12 and the product of the Hessian with the
    last vector, [46, 4], without building the Hessian.
    """
    value, product = functional.hvp(
        lambda p: p[0] ** 2 * p[1], torch.tensor([2.0, 3.0]), torch.tensor([1.0, 10.0])
    )

    assert value.item() == 12.0
    assert product.tolist() == [46.0, 4.0]


def test_vectorize_computes_all_rows_in_one_pass():
    """For a float32 vector `x` of two elements
    `torch.autograd.functional.jacobian(torch.square, x)` runs one backward pass per element
    of the output, two; with `vectorize=True` it runs a single pass that computes all rows
    together, by `vmap`.

    That is faster for many rows, but `vmap` must support each operation of the backward pass:
    `grad.item()` in the `backward` of a `torch.autograd.Function` raises RuntimeError, "Batching
    rule not implemented for aten::item".
    """
    passes = []

    def square(x):
        y = torch.square(x)
        y.register_hook(lambda grad: passes.append("pass"))
        return y

    x = torch.tensor([2.0, 3.0])

    row_by_row = functional.jacobian(square, x)
    for_rows, passes[:] = list(passes), []
    all_at_once = functional.jacobian(square, x, vectorize=True)

    assert row_by_row.tolist() == [[4.0, 0.0], [0.0, 6.0]]
    assert for_rows == ["pass", "pass"]
    assert all_at_once.tolist() == [[4.0, 0.0], [0.0, 6.0]]
    assert passes == ["pass"]
