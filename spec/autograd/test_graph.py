"""The graph behind a result.

Each recorded operation leaves a node. A node points, with `next_functions`, to the nodes of its
operands, and so on down to the leaves. That is the whole graph: no session, no compiler, only
Python objects that can be walked by hand.

Nodes point backward only, so the graph can't run in circles: even a change in place puts a new
node on top of the old ones.
"""

import pytest
import torch


def test_every_operation_gets_a_node_of_its_own():
    """The same operation on the same tensor, done twice, leaves two nodes."""
    x = torch.ones(2, requires_grad=True)
    first = x * 2
    second = x * 2

    assert first.grad_fn.name() == second.grad_fn.name() == "MulBackward0"
    assert first.grad_fn is not second.grad_fn


def test_next_functions_lead_back_to_the_operands():
    """From the last node back: mean, product, square, sum, and the leaf at the end."""
    x = torch.ones(2, 2, requires_grad=True)
    out = (3 * (x + 2) ** 2).mean()

    mean = out.grad_fn
    product = mean.next_functions[0][0]
    square = product.next_functions[0][0]
    total = square.next_functions[0][0]
    leaf = total.next_functions[0][0]

    assert [node.name() for node in (mean, product, square, total)] == [
        "MeanBackward0",
        "MulBackward0",
        "PowBackward0",
        "AddBackward0",
    ]
    assert type(leaf).__name__ == "AccumulateGrad"
    assert leaf.next_functions == ()


def test_the_graph_ends_in_a_node_that_holds_the_leaf():
    """A leaf is reached through `AccumulateGrad`, whose `.variable` is the leaf itself."""
    x = torch.ones(2, requires_grad=True)
    end = (x * 2).grad_fn.next_functions[0][0]

    assert type(end).__name__ == "AccumulateGrad"
    assert end.variable is x


def test_all_uses_of_a_leaf_meet_in_one_node():
    """A leaf used twice has one `AccumulateGrad`: that is where its gradients add up."""
    x = torch.ones(2, requires_grad=True)
    y = x * x
    z = x.exp()

    (left, _), (right, _) = y.grad_fn.next_functions
    assert left is right
    assert z.grad_fn.next_functions[0][0] is left


def test_an_untracked_operand_leads_nowhere():
    """The place of an untracked operand in `next_functions` is `(None, 0)`."""
    x = torch.ones(2, requires_grad=True)
    y = torch.ones(2) * x

    constant, leaf = y.grad_fn.next_functions
    assert constant == (None, 0)
    assert leaf[0].variable is x


def test_several_results_share_one_node():
    """Tensors made by one operation have one `grad_fn`; a number says which result is which."""
    a, b = torch.ones(2, requires_grad=True).unbind()
    y = b + a

    assert a.grad_fn is b.grad_fn
    assert (a.output_nr, b.output_nr) == (0, 1)
    assert y.grad_fn.next_functions == ((b.grad_fn, 1), (a.grad_fn, 0))


@pytest.mark.claim("blitz-graph-acyclic")
def test_the_graph_has_no_cycles_and_names_every_recorded_step():
    """Walked from the result, the graph ends: no node is among its own ancestors."""

    def ancestors(node):
        parents = [parent for parent, _ in node.next_functions if parent]
        return parents + [old for parent in parents for old in ancestors(parent)]

    x = torch.ones(2, requires_grad=True)
    y = x * 2
    y = y + x
    y.mul_(y)
    past = ancestors(y.grad_fn)

    assert y.grad_fn.name() == "MulBackward0"
    assert y.grad_fn not in past
    assert sorted(type(node).__name__ for node in set(past)) == [
        "AccumulateGrad",
        "AddBackward0",
        "MulBackward0",
    ]


def test_an_in_place_change_puts_a_new_node_on_top():
    """`y.add_(1)` gives `y` a new `grad_fn` that points at the old one: history only grows."""
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    before = y.grad_fn
    y.add_(1)

    assert before.name() == "MulBackward0"
    assert y.grad_fn.name() == "AddBackward0"
    assert y.grad_fn.next_functions[0][0] is before


def test_writing_through_a_view_changes_the_history_of_its_base():
    """After a write into a part, the whole points at a `CopySlices` node.

    The place that was overwritten no longer depends on the leaf: its gradient is 0.
    """
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    part = y[1:2]
    part.fill_(7)
    y.sum().backward()

    assert y.tolist() == [2.0, 7.0, 2.0]
    assert type(y.grad_fn).__name__ == "CopySlices"
    assert x.grad.tolist() == [2.0, 0.0, 2.0]


def test_a_node_can_be_called():
    """Called with the gradient of its result, a node returns those of its operands."""
    x = torch.ones(2, requires_grad=True)
    y = x * 3

    of_x, of_three = y.grad_fn(torch.tensor([1.0, 10.0]))
    assert of_x.tolist() == [3.0, 30.0]
    assert of_three is None


def test_a_node_carries_notes():
    """`node.metadata` is a dictionary of your own, kept as long as the node lives."""
    y = torch.ones(2, requires_grad=True) * 3
    y.grad_fn.metadata["layer"] = "first"

    assert y.grad_fn.metadata == {"layer": "first"}
