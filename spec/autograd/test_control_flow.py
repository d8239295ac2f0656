"""Ordinary Python is the graph.

There is no graph language in PyTorch. You write `if`, `for`, `while`, functions that call
themselves, lists and dictionaries, and what autograd records is what actually ran. The next call
may run something else, and then its graph is another one.

So a gradient belongs to the branch that was taken. The other branch, and the condition that chose
between them, leave no trace at all.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("course-imperative-style")
def test_each_line_does_its_work_at_once():
    """The value is there on the next line, as a number that Python can use."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    total = sum(y.tolist())
    z = y / total

    assert total == 9.0
    assert z.tolist() == pytest.approx([1 / 3, 2 / 3])


@pytest.mark.claim("course-imperative-style")
def test_a_mistake_is_reported_by_the_line_that_makes_it():
    """Shapes that don't fit fail where they meet, not when a graph is run later."""
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
    """Backward goes through the branch that was taken, whichever the data chose."""
    x = torch.tensor(start, requires_grad=True)
    y = x * x if x > 0 else x**3
    y.backward()

    assert y.grad_fn.name() == node
    assert x.grad.item() == gradient


@pytest.mark.parametrize(("choice", "gradients"), [(True, [2.0, None]), (False, [None, 3.0])])
def test_what_the_branch_not_taken_uses_gets_no_gradient(choice, gradients):
    """Its gradient is None, not 0: it was never part of the computation."""
    a = torch.tensor(1.0, requires_grad=True)
    b = torch.tensor(1.0, requires_grad=True)
    y = a * 2 if choice else b * 3
    y.backward()

    assert [leaf.grad if leaf.grad is None else leaf.grad.item() for leaf in (a, b)] == gradients


def test_where_computes_both_branches():
    """`torch.where` is no `if`: both sides are recorded, and the unused one gets zeros."""
    x = torch.tensor([1.0, -1.0], requires_grad=True)
    a = torch.tensor([2.0, 2.0], requires_grad=True)
    b = torch.tensor([3.0, 3.0], requires_grad=True)
    torch.where(x > 0, a * 10, b).sum().backward()

    assert a.grad.tolist() == [10.0, 0.0]
    assert b.grad.tolist() == [0.0, 1.0]
    assert x.grad is None


def test_a_condition_needs_one_truth_value():
    """An `if` on a tensor of several elements is refused; `any()` and `all()` reduce it to one."""
    x = torch.tensor([1.0, -1.0], requires_grad=True)
    positive = x > 0

    assert bool(positive.any()) is True
    assert bool(positive.all()) is False
    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value"):
        bool(positive)


@pytest.mark.claim("blitz-graph-changes-each-iteration")
def test_each_iteration_may_leave_another_graph():
    """Round after round the same line runs other operations, and the graphs differ."""
    x = torch.tensor(2.0, requires_grad=True)
    operations = [torch.exp, torch.square, torch.neg]
    names = [operation(x).grad_fn.name() for operation in operations]

    assert names == ["ExpBackward0", "PowBackward0", "NegBackward0"]


@pytest.mark.parametrize(
    ("times", "value", "gradient"), [(1, 2.0, 1.0), (2, 4.0, 4.0), (3, 8.0, 12.0), (5, 32.0, 80.0)]
)
def test_a_loop_is_recorded_round_by_round(times, value, gradient):
    """Multiplied in a loop, a power has the slope of that power: `n * x ** (n - 1)` at 2."""
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
    """Doubled until it reaches ten, a number has as slope the doublings that it needed."""
    x = torch.tensor(start, requires_grad=True)
    y = x * 1
    while y < 10:
        y = y * 2
    y.backward()

    assert y.item() == value
    assert x.grad.item() == gradient


@pytest.mark.claim("blitz-doubling-loop")
def test_doubling_until_the_norm_is_a_thousand_multiplies_by_a_power_of_two():
    """From this random start nine doublings reach the norm 1000: 512 times the start."""
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
    """Whatever the start, the result is the start times one power of two, to the last bit."""
    x = torch.tensor(values, requires_grad=True)
    y = x * 2
    while y.norm() < 1000:
        y = y * 2
    y.sum().backward()
    factor = x.grad[0].item()

    assert math.frexp(factor)[0] == 0.5
    assert torch.equal(y, x * factor)


def test_a_function_may_call_itself():
    """Recursion is recorded like anything else: the cube at 2 has slope 12."""

    def power(x, n):
        return x * power(x, n - 1) if n else 1

    x = torch.tensor(2.0, requires_grad=True)
    y = power(x, 3)
    y.backward()

    assert y.item() == 8.0
    assert x.grad.item() == 12.0


def test_gradients_pass_through_lists_and_dictionaries():
    """A container holds tensors, and with them their histories; autograd never sees the box."""
    x = torch.tensor(2.0, requires_grad=True)
    parts = {"linear": [x * 3, x * 4], "square": (x * x,)}
    total = sum(part for group in parts.values() for part in group)
    total.backward()

    assert total.item() == 18.0
    assert x.grad.item() == 11.0


def test_tensors_made_of_a_list_of_results_keep_their_histories():
    """`torch.stack` joins tracked results with their graphs; `torch.tensor` takes the numbers."""
    x = torch.tensor(2.0, requires_grad=True)
    results = [x * 3, x * x]
    joined = torch.stack(results)
    numbers = torch.tensor([result.item() for result in results])

    assert joined.tolist() == numbers.tolist() == [6.0, 4.0]
    assert joined.requires_grad is True
    assert numbers.requires_grad is False


def test_a_python_number_taken_out_is_a_constant():
    """What `item()` takes out has left the graph: the square loses half its slope."""
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x.item()
    y.backward()

    assert y.item() == 9.0
    assert x.grad.item() == 3.0


def test_the_shape_may_depend_on_the_data():
    """Picked by a mask, the elements that were left out have gradient 0."""
    x = torch.tensor([1.0, -2.0, 3.0], requires_grad=True)
    picked = x[x > 0]
    picked.sum().backward()

    assert picked.shape == (2,)
    assert x.grad.tolist() == [1.0, 0.0, 1.0]


def test_reusing_a_name_loses_no_history():
    """The graph holds tensors, not names: each `x = ...` only adds to what is recorded."""
    x = leaf = torch.tensor(1.0, requires_grad=True)
    x = x * 2
    x = x * 3
    x = x * 4
    x.backward()

    assert leaf.grad.item() == 24.0
