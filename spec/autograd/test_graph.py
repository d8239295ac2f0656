"""The graph behind a result.

Each recorded operation makes a node. A node refers, with `next_functions`, to the nodes of its
operands, and so on down to the leaves that require grad, each of which has a node called
`AccumulateGrad`. That is the whole autograd graph: objects that can be looked at from Python,
kept alive by the results that refer to them, and built anew each time the code runs.
`backward()` goes through it from the result to the leaves.

The nodes refer backward only, from results to operands, so the graph has no cycles: even an
in-place operation puts a new node in front of the old ones.

What surprises: a leaf knows nothing of the graphs that it takes part in; only results do. And all
uses of a leaf meet in one `AccumulateGrad`, which is where its gradients add up.

Which values the nodes save: `spec/autograd/test_saved_tensors.py`. The graph of a whole network:
`spec/autograd/test_network_graph.py`.
"""

import pytest
import torch


def test_every_operation_gets_a_node_of_its_own():
    """With `x = torch.ones(2, requires_grad=True)`, computing `x * 2` twice makes two results with
    two different `MulBackward0` nodes.
    """
    x = torch.ones(2, requires_grad=True)
    first = x * 2
    second = x * 2

    assert first.grad_fn.name() == second.grad_fn.name() == "MulBackward0"
    assert first.grad_fn is not second.grad_fn


def test_next_functions_lead_back_to_the_operands():
    """From the `grad_fn` of `(3 * (x + 2) ** 2).mean()`, with a float32 leaf `x` that
    requires grad, `next_functions` leads back node by node: mean, product, power, addition,
    and `AccumulateGrad` for `x`, which leads no further.
    """
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
    """In the graph of `x * 2`, a float32 leaf `x` that requires grad appears as an
    `AccumulateGrad` node, whose `variable` is `x` itself.
    """
    x = torch.ones(2, requires_grad=True)
    end = (x * 2).grad_fn.next_functions[0][0]

    assert type(end).__name__ == "AccumulateGrad"
    assert end.variable is x


def test_all_uses_of_a_leaf_meet_in_one_node():
    """With `x = torch.ones(2, requires_grad=True)`, `y = x * x` and `z = x.exp()`,
    `y.grad_fn.next_functions[0][0]`, `y.grad_fn.next_functions[1][0]` and
    `z.grad_fn.next_functions[0][0]` are one and the same `AccumulateGrad` node.

    That is where `backward()` adds the gradients up.
    """
    x = torch.ones(2, requires_grad=True)
    y = x * x
    z = x.exp()

    (left, _), (right, _) = y.grad_fn.next_functions
    assert left is right
    assert z.grad_fn.next_functions[0][0] is left


def test_an_untracked_operand_leads_nowhere():
    """`next_functions` of the node of a product `c * x`, with a float32 `x` that requires
    grad and a tensor `c` that doesn't require grad, holds `(None, 0)` for `c`, at the
    position of `c`.

    The condition of `torch.where` and an index tensor have no entry at all.
    """
    x = torch.ones(2, requires_grad=True)
    y = torch.ones(2) * x

    constant, leaf = y.grad_fn.next_functions
    assert constant == (None, 0)
    assert leaf[0].variable is x
    picked = torch.where(torch.tensor([True, False]), x, 3 * x)
    assert picked.tolist() == [1.0, 3.0]
    assert len(picked.grad_fn.next_functions) == 2


def test_several_results_share_one_node():
    """For `x = torch.ones(2, requires_grad=True)` and `a, b = x.unbind()`, `a` and `b` share one
    `grad_fn`, here called f, with the `output_nr` 0 and 1: `(b + a).grad_fn.next_functions` is
    `((f, 1), (f, 0))`.
    """
    a, b = torch.ones(2, requires_grad=True).unbind()
    y = b + a

    assert a.grad_fn is b.grad_fn
    assert (a.output_nr, b.output_nr) == (0, 1)
    assert y.grad_fn.next_functions == ((b.grad_fn, 1), (a.grad_fn, 0))


@pytest.mark.claim("blitz-graph-acyclic")
def test_the_graph_has_no_cycles_and_names_every_recorded_step():
    """With `x = torch.ones(2, requires_grad=True)`, `y = x * 2 + x` and then `y.mul_(y)`,
    following `next_functions` from `y.grad_fn` never leads back to `y.grad_fn`: the graph
    has no cycle, though `y` was its own operand.

    Because a node refers to the nodes of its operands, which all existed before it.
    """

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


def test_writing_through_a_view_changes_the_history_of_its_base():
    """After `y[1:2].fill_(7)`, with `x = torch.ones(3, requires_grad=True)` and `y = x * 2`,
    `y.grad_fn` is a `CopySlices` node and `y.sum().backward()` makes `x.grad` [2, 0, 2]: no
    gradient flows through the overwritten `y[1]`.

    Because the write through the view is recorded as an operation on its base.
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
    """`y.grad_fn(torch.tensor([1.0, 10.0]))`, with `x = torch.ones(2, requires_grad=True)` and
    `y = x * 3`, returns the gradients of the two operands: the tensor [3, 30] for `x`, None
    for the number 3.

    `backward()` does this for each node in turn.
    """
    x = torch.ones(2, requires_grad=True)
    y = x * 3

    of_x, of_three = y.grad_fn(torch.tensor([1.0, 10.0]))
    assert of_x.tolist() == [3.0, 30.0]
    assert of_three is None


def test_a_node_carries_notes():
    """`y.grad_fn.metadata`, of a recorded product `y = x * 3` with a float32 `x` that
    requires grad, is a dict for values of your own; the node keeps what you put in.

    Anomaly detection keeps its traceback there: `spec/autograd/test_anomalies.py`.
    """
    y = torch.ones(2, requires_grad=True) * 3
    y.grad_fn.metadata["layer"] = "first"

    assert y.grad_fn.metadata == {"layer": "first"}
