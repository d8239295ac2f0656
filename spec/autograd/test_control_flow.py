"""Control flow: ordinary Python makes the graph.

PyTorch needs no language of its own for graphs. You write `if`, `for`, `while`, recursive
functions, lists and dictionaries, and autograd records the operations that actually ran. The next
call may run others, and then its graph is another one. This is called define by run, or a dynamic
graph. Each line runs at once, so values can be printed and an error of shapes points at the line
that made it.

What surprises: a gradient belongs to the branch that was taken. The other branch and the
condition that chose between them are not in the graph, so no gradient tells a threshold how to
move. `torch.where` is different: both of its sides are computed and recorded.

The same in a module's `forward`: `spec/nn/test_control_flow.py`.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("course-imperative-style")
def test_each_line_does_its_work_at_once():
    """Outside `torch.compile`, `y = x * 3` of
    `x = torch.tensor([1.0, 2.0], requires_grad=True)` is computed in forward, before any
    `backward()`: on the next line `sum(y.tolist())` is 9.0.

    Because without `torch.compile` PyTorch computes eagerly; on a GPU, `tolist()` waits for the
    values.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    total = sum(y.tolist())
    z = y / total

    assert total == 9.0
    assert z.tolist() == pytest.approx([1 / 3, 2 / 3])


@pytest.mark.claim("course-imperative-style")
def test_a_mistake_is_reported_by_the_line_that_makes_it():
    """`y + torch.ones(3)` with a computed `y = torch.ones(2, requires_grad=True) * 3`
    raises RuntimeError, "The size of tensor a (2) must match the size of tensor b (3)", at
    that line, not when `backward()` is called later.

    On a GPU this holds for errors of shape and dtype; errors inside a kernel may be reported
    later. Make the shapes fit with `reshape` or slicing.
    """
    x = torch.ones(2, requires_grad=True)
    y = x * 3

    with pytest.raises(RuntimeError, match=r"size of tensor a \(2\) must match .* b \(3\)"):
        y + torch.ones(3)
    assert y.tolist() == [3.0, 3.0]


@pytest.mark.claim("blitz-define-by-run")
@pytest.mark.parametrize(
    ("start", "node", "gradient"), [(2.0, "MulBackward0", 4.0), (-2.0, "PowBackward0", 12.0)]
)
def test_the_branch_that_ran_is_the_graph(start, node, gradient):
    """With `x = torch.tensor(-2.0, requires_grad=True)`, `y = x * x if x > 0 else x**3`
    records only the branch that ran: `y.grad_fn` is a `PowBackward0` and `y.backward()`
    gives the gradient 12. For 2.0 they are `MulBackward0` and 4.
    """
    x = torch.tensor(start, requires_grad=True)
    y = x * x if x > 0 else x**3
    y.backward()

    assert y.grad_fn.name() == node
    assert x.grad.item() == gradient


@pytest.mark.parametrize(("choice", "gradients"), [(True, [2.0, None]), (False, [None, 3.0])])
def test_what_the_branch_not_taken_uses_gets_no_gradient(choice, gradients):
    """After `y = a * 2 if choice else b * 3` and `y.backward()`, with float32 0-d leaves
    `a` and `b` that require grad and have no `.grad`, the leaf of the branch not taken
    keeps `.grad` None, not 0: it isn't part of the graph.
    """
    a = torch.tensor(1.0, requires_grad=True)
    b = torch.tensor(1.0, requires_grad=True)
    y = a * 2 if choice else b * 3
    y.backward()

    assert [leaf.grad if leaf.grad is None else leaf.grad.item() for leaf in (a, b)] == gradients


def test_where_computes_both_branches():
    """After `torch.where(x > 0, a * 10, b).sum().backward()` with new float32 leaves of the
    same shape that require grad, `a` and `b` each have a gradient that is 0 where the other
    side was chosen; `x`, which only the condition uses, has none.

    Both sides are computed, and `backward()` goes through both: an expensive computation on the
    side not chosen still costs, and its gradient may be NaN: see
    `spec/autograd/test_gradient_edges.py`.
    """
    x = torch.tensor([1.0, -1.0], requires_grad=True)
    a = torch.tensor([2.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0, 3.0], requires_grad=True)
    torch.where(x > 0, a * 10, b).sum().backward()

    assert a.grad.tolist() == [10.0, 0.0]
    assert b.grad.tolist() == [0.0, 1.0]
    assert x.grad is None


@pytest.mark.claim("blitz-graph-changes-each-iteration")
def test_each_iteration_may_leave_another_graph():
    """The graph is made anew in each iteration: in a loop over `torch.exp`, `torch.square` and
    `torch.neg`, `operation(x).grad_fn` of a float32 `x` that requires grad is an
    `ExpBackward0`, then a `PowBackward0`, then a `NegBackward0`.
    """
    x = torch.tensor(2.0, requires_grad=True)
    operations = [torch.exp, torch.square, torch.neg]
    names = [operation(x).grad_fn.name() for operation in operations]

    assert names == ["ExpBackward0", "PowBackward0", "NegBackward0"]


@pytest.mark.parametrize(
    ("times", "value", "gradient"), [(1, 2.0, 1.0), (2, 4.0, 4.0), (3, 8.0, 12.0), (5, 32.0, 80.0)]
)
def test_a_loop_is_recorded_round_by_round(times, value, gradient):
    """`y = y * x` in a loop of 5 iterations, from `y = torch.tensor(1.0)` and with a new
    `x = torch.tensor(2.0, requires_grad=True)`, is recorded iteration by iteration:
    `y.backward()` stores `5 * x ** 4`, 80, in `x.grad`; 2 iterations give 4.
    """
    x = torch.tensor(2.0, requires_grad=True)
    power = torch.tensor(1.0)
    for _ in range(times):
        power = power * x
    power.backward()

    assert power.item() == value
    assert x.grad.item() == gradient


@pytest.mark.parametrize(
    ("start", "value", "gradient"), [(1.0, 16.0, 16.0), (4.0, 16.0, 4.0), (9.0, 18.0, 2.0)]
)
def test_the_data_may_decide_how_often_a_loop_runs(start, value, gradient):
    """With `x = torch.tensor(4.0, requires_grad=True)`, `y = x * 1` and then
    `while y < 10: y = y * 2`, autograd records each iteration: `y.backward()` sets `x.grad`
    to 4. With 1.0 or 9.0 instead of 4.0 it is 16 or 2.
    """
    x = torch.tensor(start, requires_grad=True)
    y = x * 1
    while y < 10:
        y = y * 2
    y.backward()

    assert y.item() == value
    assert x.grad.item() == gradient


@pytest.mark.claim("blitz-doubling-loop")
def test_doubling_until_the_norm_is_a_thousand_multiplies_by_a_power_of_two():
    """For `x = torch.randn(3)` drawn on the CPU right after `torch.manual_seed(0)`, and
    `y = x * 2`, the loop `while y.norm() < 1000: y = y * 2` ends with `y` equal to
    `512 * x`; 512 is a power of two.
    """
    x = torch.randn(3, generator=torch.Generator().manual_seed(0))
    y = x * 2
    while y.norm() < 1000:
        y = y * 2
    before = y / 2

    assert (y / x).tolist() == [512.0, 512.0, 512.0]
    assert y.norm().item() >= 1000
    assert before.norm().item() < 1000


@pytest.mark.claim("blitz-doubling-loop")
@given(st.lists(st.floats(0.0625, 100, width=32), min_size=1, max_size=4))
def test_doubling_is_exact_from_any_start(values):
    """For a new float32 leaf `x` that requires grad, of one to four values from 0.0625 to
    100, `y = x * 2` and `while y.norm() < 1000: y = y * 2` make `y` exactly `x` times a
    power of two; `y.sum().backward()` fills `x.grad` with this factor.

    Because doubling a float changes only its exponent.
    """
    x = torch.tensor(values, requires_grad=True)
    y = x * 2
    while y.norm() < 1000:
        y = y * 2
    y.sum().backward()
    factor = x.grad[0].item()

    assert math.frexp(factor)[0] == 0.5
    assert torch.equal(y, x * factor)


def test_a_function_may_call_itself():
    """A recursive function is recorded like other Python code: `power(x, 3)`, where `power(x, n)`
    is `x * power(x, n - 1)` down to `power(x, 0)`, which is 1, has the gradient 12 at 2.
    """

    def power(x, n):
        return x * power(x, n - 1) if n else 1

    x = torch.tensor(2.0, requires_grad=True)
    y = power(x, 3)
    y.backward()

    assert y.item() == 8.0
    assert x.grad.item() == 12.0


def test_gradients_pass_through_lists_and_dictionaries():
    """For `parts = {"linear": [x * 3, x * 4], "square": (x * x,)}` with a new float32 0-d
    leaf `x` of 2.0 that requires grad, `backward()` on the sum of the three tensors
    stores 11 in `x.grad`, as it would without list, tuple and dict.

    Because the history belongs to the tensors; autograd doesn't know of containers.
    """
    x = torch.tensor(2.0, requires_grad=True)
    parts = {"linear": [x * 3, x * 4], "square": (x * x,)}
    total = sum(part for group in parts.values() for part in group)
    total.backward()

    assert total.item() == 18.0
    assert x.grad.item() == 11.0


def test_tensors_made_of_a_list_of_results_keep_their_histories():
    """With grad mode on, `torch.stack(results)` of a list of 0-d float32 tensors requires grad
    if one of them does; `torch.tensor([result.item() for result in results])` doesn't.

    Use `stack` to collect results that a loss is made of; `cat` refuses 0-d tensors.
    """
    x = torch.tensor(2.0, requires_grad=True)
    results = [x * 3, x * x]
    joined = torch.stack(results)
    numbers = torch.tensor([result.item() for result in results])

    assert joined.tolist() == numbers.tolist() == [6.0, 4.0]
    assert joined.requires_grad is True
    assert repr(torch.stack([x, torch.tensor(4.0)])) == "tensor([2., 4.], grad_fn=<StackBackward0>)"
    assert numbers.requires_grad is False


def test_a_python_number_taken_out_is_a_constant():
    """`x.item()` is a constant to autograd: with `x = torch.tensor(3.0, requires_grad=True)`, the
    gradient of `x * x.item()` with respect to `x` is 3, the value of `x`, not 6.
    """
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x.item()
    y.backward()

    assert y.item() == 9.0
    assert x.grad.item() == 3.0


def test_the_shape_may_depend_on_the_data():
    """After `x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)`,
    `x[x > 0].sum().backward()` leaves [1, 0, 1] in `x.grad`: autograd records `x[x > 0]`,
    although its shape depends on the values of `x`.
    """
    x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    picked = x[x > 0]
    picked.sum().backward()

    assert picked.shape == (2,)
    assert x.grad.tolist() == [1.0, 0.0, 1.0]


def test_reusing_a_name_loses_no_history():
    """After `x = x * 2`, `x = x * 3` and `x = x * 4`, `x.backward()` gives the first `x`, a
    float32 0-d leaf that requires grad, the gradient 24: the graph refers to tensors, not to
    names.
    """
    x = leaf = torch.tensor(1.0, requires_grad=True)
    x = x * 2
    x = x * 3
    x = x * 4
    x.backward()

    assert leaf.grad.item() == 24.0
