"""Vector-Jacobian products.

A function from n numbers to m numbers has m times n partial derivatives. Arranged with one row
per output and one column per input they are its Jacobian J. `y.backward(v)` doesn't build this
matrix. It computes the product `v @ J`, a sum of the rows weighted by `v`, with one pass through
the graph: that is what backward does at every operation. A scalar loss is the case m = 1, where
the Jacobian has one row and `v` is 1.

What surprises: `y.sum().backward()` adds up the rows of the Jacobian. For a batch whose samples
don't influence each other, this still keeps one gradient per sample, because each row is zero
outside its own sample. Once samples mix, as by subtracting the mean of the batch, the sum no
longer shows them one by one.

The whole Jacobian: `spec/autograd/test_jacobians.py`.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("blitz-jacobian-shape")
def test_the_jacobian_has_a_row_an_output_and_a_column_an_input(device):
    """The Jacobian that `torch.autograd.functional.jacobian` gives of a function from three
    float32 numbers to two, both in 1-D tensors, has the shape (2, 3): one row per output
    and one column per input.
    """
    x = torch.tensor([2.0, 3.0, 5.0], device=device)

    jacobian = torch.autograd.functional.jacobian(
        lambda x: torch.stack([x[0] * x[1], x[0] + 7 * x[2]]), x
    )

    assert jacobian.tolist() == [[3.0, 2.0, 0.0], [1.0, 0.0, 7.0]]


@pytest.mark.claim("blitz-vjp-tool")
def test_backward_leaves_v_times_the_jacobian(device):
    """For `x = torch.tensor([2.0, 3.0, 5.0], requires_grad=True)` and
    `y = torch.stack([x[0] * x[1], x[0] + 7 * x[2]])`, `y.backward(v)` with
    `v = torch.tensor([10.0, 100.0])` stores `v @ J`, [130, 20, 700], in `x.grad`; J is y's
    Jacobian.

    Because each operation only needs to multiply the gradient that arrives with its own
    derivatives; J itself isn't built.
    """
    x = torch.tensor([2.0, 3.0, 5.0], requires_grad=True, device=device)
    y = torch.stack([x[0] * x[1], x[0] + 7 * x[2]])
    v = torch.tensor([10.0, 100.0], device=device)

    y.backward(v)

    jacobian = torch.tensor([[3.0, 2.0, 0.0], [1.0, 0.0, 7.0]], device=device)
    assert x.grad.tolist() == [130.0, 20.0, 700.0]
    assert (v @ jacobian).tolist() == [130.0, 20.0, 700.0]


@pytest.mark.parametrize(
    ("v", "row"), [([1.0, 0.0], [3.0, 2.0, 0.0]), ([0.0, 1.0], [1.0, 0.0, 7.0])]
)
def test_a_one_in_v_picks_a_row_of_the_jacobian(v, row):
    """For `x = torch.tensor([2.0, 3.0, 5.0], requires_grad=True)` and
    `y = torch.stack([x[0] * x[1], x[0] + 7 * x[2]])`, `y.backward(torch.tensor([1.0, 0.0]))`
    stores the first row of the Jacobian in `x.grad`: [3, 2, 0], the gradient of `y[0]`.

    For `y[1] = x[0] + x[2].sqrt()` at `x[2] = 0` the last number would be NaN, not 0: the
    derivative of `sqrt` is infinite there, and `backward` multiplies it by the 0 that it is given.
    """
    x = torch.tensor([2.0, 3.0, 5.0], requires_grad=True)
    y = torch.stack([x[0] * x[1], x[0] + 7 * x[2]])

    y.backward(torch.tensor(v))

    assert x.grad.tolist() == row


@pytest.mark.claim("blitz-vjp-102-1024")
def test_a_factor_of_1024_scales_v():
    """For `x = torch.tensor([0.5, -1.0, 0.25], requires_grad=True)` and `y = x * 1024`,
    `y.backward(torch.tensor([0.1, 1.0, 0.0001]))` stores 1024 times that vector in `x.grad`:
    102.4, 1024 and 0.1024.
    """
    x = torch.tensor([0.5, -1.0, 0.25], requires_grad=True)
    y = x * 1024

    y.backward(torch.tensor([0.1, 1.0, 0.0001]))

    assert x.grad.tolist() == pytest.approx([102.4, 1024.0, 0.1024])


@pytest.mark.claim("blitz-vjp-grad-repr")
def test_a_gradient_of_mixed_sizes_prints_in_scientific_notation():
    """`repr` of a float32 gradient of 102.4, 1024 and 0.1024 shows exponents by default, as
    in `1.0240e+02`.

    Because the largest absolute value is more than 1000 times the smallest one that isn't 0;
    `torch.set_printoptions(sci_mode=False)` changes that.
    """
    x = torch.tensor([0.5, -1.0, 0.25], requires_grad=True)

    (x * 1024).backward(torch.tensor([0.1, 1.0, 0.0001]))

    assert repr(x.grad) == "tensor([1.0240e+02, 1.0240e+03, 1.0240e-01])"
    assert repr(torch.tensor([102.4, 0.0])) == "tensor([102.4000,   0.0000])"
    assert repr(torch.tensor([-1024.5, 1.0])) == "tensor([-1.0245e+03,  1.0000e+00])"


@pytest.mark.claim("blitz-vjp-factor-is-power-of-two")
@given(st.integers(0, 2**32))
def test_doubling_until_it_is_large_gives_v_times_a_power_of_two(seed):
    """If `x = torch.randn(3, requires_grad=True)` is doubled, first by `y = x * 2`, then by
    `y = y * 2` until `y.norm()` is at least 1000, `y.backward(v)` with a float32 `v` of
    0.1, 1 and 0.0001 stores `v` times one power of two in `x.grad`.
    """
    x = torch.randn(3, generator=torch.Generator().manual_seed(seed)).requires_grad_()
    v = torch.tensor([0.1, 1.0, 0.0001])
    y = x * 2
    while y.detach().norm() < 1000:
        y = y * 2

    y.backward(v)

    factors = set((x.grad / v).tolist())
    # frexp splits a float into a mantissa and a power of two; that of 2^k is 0.5.
    assert [math.frexp(factor)[0] for factor in factors] == [0.5]


def test_the_product_is_linear_in_v():
    """For `x = torch.tensor([2.0, 3.0], requires_grad=True)`,
    `y = torch.stack([x.prod(), x.sum()])` and `v = torch.tensor([10.0, 100.0])`,
    `torch.autograd.grad(y, x, v)[0]` is [130, 120]: 10 * [3, 2], the gradient of `y[0]`, plus 100
    * [1, 1].
    """
    x = torch.tensor([2.0, 3.0], requires_grad=True)
    y = torch.stack([x.prod(), x.sum()])

    (with_a,) = torch.autograd.grad(y, x, torch.tensor([1.0, 0.0]), retain_graph=True)
    (with_b,) = torch.autograd.grad(y, x, torch.tensor([0.0, 1.0]), retain_graph=True)
    (with_both,) = torch.autograd.grad(y, x, torch.tensor([10.0, 100.0]))

    assert with_both.tolist() == [130.0, 120.0]
    assert (10 * with_a + 100 * with_b).tolist() == [130.0, 120.0]


def test_the_gradient_argument_is_a_weighing_of_the_outputs(device):
    """For `x = torch.tensor([2.0, 3.0], requires_grad=True)` and
    `v = torch.tensor([10.0, 100.0])`, `torch.autograd.grad(x**2, x, v)` and
    `torch.autograd.grad((x**2 * v).sum(), x)` give the same: `v` weights the elements of the
    result.

    So a weighted loss needs no `gradient` argument of `backward()`.
    """
    x = torch.tensor([2.0, 3.0], requires_grad=True, device=device)
    v = torch.tensor([10.0, 100.0], device=device)

    (with_argument,) = torch.autograd.grad(x**2, x, v)
    (with_sum,) = torch.autograd.grad((x**2 * v).sum(), x)

    assert with_argument.tolist() == [40.0, 600.0]
    assert with_sum.tolist() == [40.0, 600.0]


def test_an_elementwise_function_has_a_diagonal_jacobian():
    """For `x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)` and
    `v = torch.tensor([1.0, 10.0, 100.0])`, `torch.square(x).backward(v)` stores `2 * x * v`,
    [2, 40, 600], in `x.grad`: the elementwise square has a diagonal Jacobian.
    """
    x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

    jacobian = torch.autograd.functional.jacobian(torch.square, x)
    torch.square(x).backward(torch.tensor([1.0, 10.0, 100.0]))

    assert jacobian.tolist() == [[2.0, 0.0, 0.0], [0.0, 4.0, 0.0], [0.0, 0.0, 6.0]]
    assert x.grad.tolist() == [2.0, 40.0, 600.0]


def test_the_sum_over_a_batch_keeps_the_rows_apart(device):
    """For `batch = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)` and
    `y = batch[:, 0] * batch[:, 1]`, `y.sum().backward()` stores in each row of `batch.grad` the
    gradient of the element of `y` from that row: [2, 1] and [4, 3].

    This gives gradients with respect to inputs, one per sample. Those of shared weights are
    added up.
    """
    batch = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, device=device)
    per_row = batch[:, 0] * batch[:, 1]

    per_row.sum().backward()

    assert batch.grad.tolist() == [[2.0, 1.0], [4.0, 3.0]]


def test_rows_that_mix_are_not_kept_apart():
    """For `batch = torch.tensor([[1.0], [3.0]], requires_grad=True)` and
    `centred = batch - batch.mean()`, `torch.autograd.grad(y, batch, retain_graph=True)[0]` is
    [[0], [0]] for `y = centred.sum()`, but [[0.5], [-0.5]] for `y = centred[0]`.

    `nn.BatchNorm1d` in training mode mixes rows too, since it subtracts the mean of the batch and
    divides by its standard deviation. With two rows this division hides it: the outputs are nearly
    -1 and 1 for [1] and [3] as for [1] and [8]. Three rows show it.
    """
    batch = torch.tensor([[1.0], [3.0]], requires_grad=True)
    centred = batch - batch.mean()

    (of_the_first,) = torch.autograd.grad(centred[0], batch, retain_graph=True)
    (of_the_sum,) = torch.autograd.grad(centred.sum(), batch)
    three = torch.tensor([[1.0], [3.0], [8.0]], requires_grad=True)
    (normalised,) = torch.autograd.grad(torch.nn.BatchNorm1d(1)(three)[0], three)

    assert of_the_first.tolist() == [[0.5], [-0.5]]
    assert of_the_sum.tolist() == [[0.0], [0.0]]
    assert normalised.flatten().tolist() == pytest.approx([0.1089, -0.1524, 0.0435], abs=1e-4)


def test_a_batch_of_vectors_gives_the_whole_jacobian(device):
    """For `x = torch.tensor([2.0, 3.0, 5.0], requires_grad=True)` and
    `y = torch.stack([x[0] * x[1], x[0] + 7 * x[2]])`,
    `torch.autograd.grad(y, x, torch.eye(2), is_grads_batched=True)` returns the (2, 3) Jacobian of
    `y` by `x` in a tuple.
    """
    x = torch.tensor([2.0, 3.0, 5.0], requires_grad=True, device=device)
    y = torch.stack([x[0] * x[1], x[0] + 7 * x[2]])

    (jacobian,) = torch.autograd.grad(y, x, torch.eye(2, device=device), is_grads_batched=True)

    assert jacobian.tolist() == [[3.0, 2.0, 0.0], [1.0, 0.0, 7.0]]


def test_two_backward_passes_give_the_jacobian_times_a_vector():
    """If `x` (3 floats) and `v` (2) require grad, with
    `y = torch.stack([x[0] * x[1], x[0] + 7 * x[2]])`,
    `g = torch.autograd.grad(y, x, v, create_graph=True)[0]` and `u` (3),
    `torch.autograd.grad(g, v, u)[0]` is `y`'s Jacobian times `u`.

    Equal up to the rounding of float32. `torch.func.jvp` computes the same in one forward pass:
    `spec/autograd/test_function_transforms.py`.
    """
    x = torch.tensor([2.0, 3.0, 5.0], requires_grad=True)
    y = torch.stack([x[0] * x[1], x[0] + 7 * x[2]])
    v = torch.zeros(2, requires_grad=True)
    u = torch.tensor([1.0, 10.0, 100.0])

    (product,) = torch.autograd.grad(y, x, v, create_graph=True)
    (along_u,) = torch.autograd.grad(product, v, u)

    assert along_u.tolist() == [23.0, 701.0]
