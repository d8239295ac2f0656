"""Jacobians and Hessians of a function.

`torch.autograd.functional` takes a function rather than a result, and works out
whole matrices of derivatives. The Jacobian of n inputs and m outputs costs m
backward passes, a row each, so it is for small cases; where only its product with
a vector is wanted, `vjp`, `jvp` and `hvp` give that in a pass or two.
"""

import pytest
import torch
from torch.autograd import functional


@pytest.mark.claim("blitz-no-full-jacobian")
def test_autograd_gives_the_full_jacobian(device):
    """`torch.autograd.functional.jacobian` gives all derivatives of a function in one call."""
    x = torch.tensor([2.0, 3.0, 5.0], device=device)

    jacobian = functional.jacobian(lambda x: torch.stack([x.prod(), x.sum()]), x)

    assert jacobian.tolist() == [[15.0, 10.0, 6.0], [1.0, 1.0, 1.0]]


def test_a_jacobian_leaves_no_trace():
    """`jacobian` needs no tracked input, writes no `.grad`, and its result has no history."""
    plain = torch.tensor([2.0, 3.0])
    tracked = torch.tensor([2.0, 3.0], requires_grad=True)

    of_plain = functional.jacobian(torch.square, plain)
    of_tracked = functional.jacobian(torch.square, tracked)

    assert of_plain.tolist() == [[4.0, 0.0], [0.0, 6.0]]
    assert of_tracked.tolist() == [[4.0, 0.0], [0.0, 6.0]]
    assert of_tracked.requires_grad is False
    assert tracked.grad is None


def test_a_jacobian_can_be_differentiated_again():
    """With `create_graph=True` the Jacobian is tracked: here that of x² is 2x, with slope 2."""
    x = torch.tensor([3.0], requires_grad=True)

    jacobian = functional.jacobian(torch.square, x, create_graph=True)
    jacobian.backward()

    assert jacobian.tolist() == [[6.0]]
    assert x.grad.tolist() == [2.0]


def test_a_jacobian_has_the_shape_of_output_and_input():
    """The shape of a Jacobian is that of the output followed by that of the input."""
    jacobian = functional.jacobian(lambda x: x.sum(dim=0), torch.ones(2, 3))

    assert jacobian.shape == (3, 2, 3)
    assert jacobian[0].tolist() == [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]


def test_several_inputs_have_a_jacobian_each():
    """A tuple of inputs gives a tuple of Jacobians."""
    a, b = torch.tensor([2.0, 3.0]), torch.tensor(5.0)

    of_a, of_b = functional.jacobian(lambda a, b: a * b, (a, b))

    assert of_a.tolist() == [[5.0, 0.0], [0.0, 5.0]]
    assert of_b.tolist() == [2.0, 3.0]


def test_an_output_that_ignores_the_input_has_zeros():
    """Where nothing depends on the input the Jacobian is zeros; `strict=True` refuses instead."""
    x = torch.tensor([2.0, 3.0])

    assert functional.jacobian(lambda x: torch.ones(1), x).tolist() == [[0.0, 0.0]]
    with pytest.raises(RuntimeError, match="does not require gradients"):
        functional.jacobian(lambda x: torch.ones(1), x, strict=True)


def test_detach_inside_the_function_gives_zeros_too():
    """The Jacobian is that of what was recorded: behind a `detach()` it sees a constant."""
    x = torch.tensor([2.0, 3.0])

    jacobian = functional.jacobian(lambda x: x.detach() * x.sum(), x)

    assert jacobian.tolist() == [[2.0, 2.0], [3.0, 3.0]]


def test_the_input_is_a_tensor_or_a_tuple_of_tensors():
    """`jacobian` takes a tensor or a tuple of tensors, not a list of numbers."""
    with pytest.raises(TypeError, match="must be either a Tensor or a tuple of Tensors"):
        functional.jacobian(torch.square, [2.0, 3.0])


def test_a_hessian_holds_the_second_derivatives(device):
    """x²y has the Hessian [[2y, 2x], [2x, 0]]: at (2, 3) that is [[6, 4], [4, 0]]."""
    point = torch.tensor([2.0, 3.0], device=device)

    hessian = functional.hessian(lambda p: p[0] ** 2 * p[1], point)

    assert hessian.tolist() == [[6.0, 4.0], [4.0, 0.0]]


def test_a_hessian_of_several_inputs_is_a_table_of_blocks():
    """With two inputs there are two by two blocks, the mixed derivatives off the diagonal."""
    x, y = torch.tensor(2.0), torch.tensor(3.0)

    blocks = functional.hessian(lambda x, y: x**2 * y, (x, y))

    assert blocks == ((6.0, 4.0), (4.0, 0.0))


def test_only_a_scalar_function_has_a_hessian():
    """A function with several outputs would need a third axis, so `hessian` refuses it."""
    with pytest.raises(RuntimeError, match="should contain a single element"):
        functional.hessian(torch.square, torch.tensor([2.0, 3.0]))


def test_vjp_gives_the_value_and_the_rows_weighed():
    """`vjp` returns the function's value and `v @ J`, as `backward(v)` would."""
    x = torch.tensor([2.0, 3.0, 5.0])

    value, product = functional.vjp(
        lambda x: torch.stack([x.prod(), x.sum()]), x, torch.tensor([1.0, 100.0])
    )

    assert value.tolist() == [30.0, 10.0]
    assert product.tolist() == [115.0, 110.0, 106.0]


def test_jvp_gives_the_value_and_the_columns_weighed():
    """`jvp` returns the function's value and `J @ u`: its change along the direction `u`."""
    x = torch.tensor([2.0, 3.0, 5.0])

    value, product = functional.jvp(
        lambda x: torch.stack([x.prod(), x.sum()]), x, torch.tensor([1.0, 10.0, 100.0])
    )

    assert value.tolist() == [30.0, 10.0]
    assert product.tolist() == [715.0, 111.0]


def test_hvp_gives_the_hessian_times_a_vector():
    """`hvp` returns the value and `H @ u` without building the Hessian."""
    value, product = functional.hvp(
        lambda p: p[0] ** 2 * p[1], torch.tensor([2.0, 3.0]), torch.tensor([1.0, 10.0])
    )

    assert value.item() == 12.0
    assert product.tolist() == [46.0, 4.0]


def test_vectorize_computes_all_rows_in_one_pass():
    """Normally each row is a backward pass; with `vectorize=True` one pass carries all of them."""
    passes = []

    def square(x):
        y = x**2
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
