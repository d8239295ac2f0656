"""Custom operators: functions that PyTorch is told about.

`torch.compile` and `torch.export` follow the operations of PyTorch through a function. What they
can't follow, such as a call into NumPy, a C++ extension or a Triton kernel, is made an operator of
its own: `torch.library.custom_op` registers a function under a name, "namespace::name", with the
arguments that it changes. The function is then called as before, and stands in a graph as one node.
PyTorch 2.4 introduced it; older code writes `torch.library.Library` or `TORCH_LIBRARY` in C++.

What surprises: nothing about the function is guessed. Without `register_fake` its result has no
shape for `torch.compile`, and without `register_autograd` nothing flows back through it, even if
the function consists of differentiable operations. What breaks a graph is told in
`spec/compile/test_graph_breaks.py`, `torch.autograd.Function` in
`spec/autograd/test_custom_functions.py`.
"""

import pytest
import torch

pytestmark = pytest.mark.torch(">=2.4")


@pytest.fixture
def cube():
    """A registered operator that is not what PyTorch could follow: it computes in NumPy."""

    @torch.library.custom_op("torch_spec::cube", mutates_args=())
    def cube(x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(x.numpy(force=True) ** 3)

    return cube


def test_a_custom_operator_is_registered_under_a_name(cube):
    """`@torch.library.custom_op("torch_spec::cube", mutates_args=())` registers
    `cube(x: torch.Tensor) -> torch.Tensor`, which returns a new tensor, as a custom operator: it
    is called as before, or as `torch.ops.torch_spec.cube`.

    Without `schema=`, its arguments and result need type annotations, such as `x: torch.Tensor`,
    from which the operator's schema is made.
    """
    x = torch.tensor([2.0])

    assert cube(x).tolist() == [8.0]
    assert torch.ops.torch_spec.cube(x).tolist() == [8.0]


def test_an_operator_needs_types():
    """`torch.library.custom_op`, without `schema=`, of a function `untyped(x) -> torch.Tensor`
    raises ValueError, because `x` "must have a type annotation".

    Because the schema of an operator, such as "(Tensor x) -> Tensor", is read from the types.
    """

    def untyped(x) -> torch.Tensor:
        return x * 2

    with pytest.raises(ValueError, match="must have a type annotation"):
        torch.library.custom_op("torch_spec::untyped", untyped, mutates_args=())


@pytest.mark.slow
def test_compile_needs_the_shape_of_a_custom_operator(cube):
    """A function compiled by `torch.compile` that calls a custom operator `cube(x)`, which
    computes a tensor with NumPy, raises an error, "There was no fake impl registered for",
    until `cube.register_fake` tells the shape and dtype of the result.

    Because the compiler runs the function on tensors without data, and doesn't run the code of a
    custom operator on these: `cube.register_fake(torch.empty_like)` stands in for it.
    """
    compiled = torch.compile(lambda x: cube(x) + 1, backend="eager", fullgraph=True)

    with pytest.raises(Exception, match="There was no fake impl registered for"):
        compiled(torch.tensor([2.0]))

    cube.register_fake(torch.empty_like)
    torch._dynamo.reset()
    assert compiled(torch.tensor([2.0])).tolist() == [9.0]


def test_a_custom_operator_has_no_gradient_of_its_own(cube):
    """For `cube` made by `@torch.library.custom_op` and a float32 `x` that requires grad,
    `cube(x).sum().backward()` in grad mode raises RuntimeError, "no autograd formula was
    registered", until `cube.register_autograd(backward, ...)` gives one.

    `setup_context(ctx, inputs, output)`, given by keyword as `setup_context=`, saves what
    `backward(ctx, gradient)` needs, as in `torch.autograd.Function`. It is called with keywords,
    so its parameters must have these three names.
    """
    x = torch.tensor([2.0], requires_grad=True)

    with pytest.raises(RuntimeError, match="no autograd formula was registered"):
        cube(x).sum().backward()

    def save(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        return gradient * 3 * x**2

    cube.register_autograd(backward, setup_context=save)
    cube(x).sum().backward()
    assert x.grad.tolist() == [12.0]
