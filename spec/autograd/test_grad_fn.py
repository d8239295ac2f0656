"""The mark of an operation.

A tensor that a recorded operation made points, with `grad_fn`, at that operation's backward node,
and shows the node's name when printed. The name is the operation's, then `Backward`, then a digit.
In releases before 1.10 the digit was often missing, so old printouts look a little different.

A result need not have a `grad_fn`. One that was not recorded shows None, just like a tensor made
by hand.
"""

import pytest
import torch


@pytest.mark.claim("blitz-grad-fn-of-result")
def test_grad_fn_of_a_result_is_the_node_that_made_it(device):
    """A computed tensor's `grad_fn` is the backward node of the operation that computed it."""
    x = torch.ones(2, 2, requires_grad=True, device=device)
    y = x + 2

    assert y.grad_fn.name() == "AddBackward0"
    assert type(y.grad_fn).__name__ == "AddBackward0"


@pytest.mark.claim("blitz-grad-fn-user-none")
def test_a_tensor_made_by_hand_has_no_grad_fn(device):
    """What you make yourself was made by no recorded operation: `grad_fn` is None."""
    plain = torch.ones(2, device=device)
    tracked = torch.ones(2, requires_grad=True, device=device)

    assert plain.grad_fn is None
    assert tracked.grad_fn is None


@pytest.mark.claim("blitz-grad-fn-only-user-none")
def test_computed_tensors_without_a_record_have_no_grad_fn_either(device):
    """`grad_fn` is None as well for every result that autograd did not record."""
    plain = torch.ones(2, device=device)
    tracked = torch.ones(2, requires_grad=True, device=device)
    doubled = plain * 2
    compared = tracked > 0
    detached = tracked.detach()
    with torch.no_grad():
        unrecorded = tracked * 2

    assert doubled.grad_fn is None
    assert compared.grad_fn is None
    assert detached.grad_fn is None
    assert unrecorded.grad_fn is None


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (lambda a, b: a + b, "AddBackward0"),
        (lambda a, b: a - b, "SubBackward0"),
        (lambda a, b: a * b, "MulBackward0"),
        (lambda a, b: a / b, "DivBackward0"),
        (lambda a, b: a**2, "PowBackward0"),
        (lambda a, b: -a, "NegBackward0"),
        (lambda a, b: a @ b, "MmBackward0"),
        (lambda a, b: a.exp(), "ExpBackward0"),
        (lambda a, b: a.relu(), "ReluBackward0"),
        (lambda a, b: a.sum(), "SumBackward0"),
        (lambda a, b: a.mean(), "MeanBackward0"),
        (lambda a, b: torch.cat([a, b]), "CatBackward0"),
        (lambda a, b: torch.addmm(a, a, b), "AddmmBackward0"),
        (lambda a, b: torch.nn.functional.mse_loss(a, b), "MseLossBackward0"),
    ],
)
def test_a_node_is_named_after_its_operation(operation, name):
    """The name of a node is that of the operation, then `Backward`, then a digit."""
    a = torch.ones(2, 2, requires_grad=True)
    b = torch.ones(2, 2, requires_grad=True)

    assert operation(a, b).grad_fn.name() == name


@pytest.mark.parametrize(
    ("view", "name"),
    [
        (lambda x: x[0], "SelectBackward0"),
        (lambda x: x[:1], "SliceBackward0"),
        (lambda x: x.view(4), "ViewBackward0"),
        (lambda x: x.t(), "TBackward0"),
        (lambda x: x.transpose(0, 1), "TransposeBackward0"),
        (lambda x: x.permute(1, 0), "PermuteBackward0"),
        (lambda x: x.unsqueeze(0), "UnsqueezeBackward0"),
        (lambda x: x.expand(3, 2, 2), "ExpandBackward0"),
    ],
)
def test_a_view_is_recorded_like_any_operation(view, name):
    """A view shares its base's memory and still gets a node: gradients pass through it."""
    x = torch.ones(2, 2, requires_grad=True)
    y = view(x)

    assert y.data_ptr() == x.data_ptr()
    assert y.grad_fn.name() == name


@pytest.mark.claim("blitz-y-repr-addbackward")
def test_a_sum_prints_addbackward0():
    """A tracked sum prints `grad_fn=<AddBackward0>`; the node prints its class and address."""
    y = torch.ones(2, 2, requires_grad=True) + 2

    assert repr(y) == "tensor([[3., 3.],\n        [3., 3.]], grad_fn=<AddBackward0>)"
    assert repr(y.grad_fn).startswith("<AddBackward0 object at 0x")


@pytest.mark.claim("blitz-z-repr-mulbackward")
def test_a_product_prints_mulbackward0():
    """A tracked product prints `grad_fn=<MulBackward0>`, the last operation of several."""
    y = torch.ones(2, 2, requires_grad=True) + 2
    z = y * y * 3

    assert repr(z) == "tensor([[27., 27.],\n        [27., 27.]], grad_fn=<MulBackward0>)"


@pytest.mark.claim("blitz-out-repr-meanbackward")
def test_a_mean_prints_meanbackward0():
    """The mean of all elements prints `grad_fn=<MeanBackward0>`."""
    out = torch.full((2, 2), 27.0, requires_grad=True).mean()

    assert repr(out) == "tensor(27., grad_fn=<MeanBackward0>)"


@pytest.mark.claim("blitz-sum-grad-fn")
def test_a_sum_of_squares_after_the_switch_has_sumbackward0():
    """Switched on by `requires_grad_`, a tensor's sum of squares ends in a `SumBackward0`."""
    a = torch.randn(2, 2)
    a.requires_grad_(True)
    b = (a * a).sum()

    assert b.grad_fn.name() == "SumBackward0"


def test_grad_fn_is_read_only():
    """History can't be edited: `grad_fn` takes no assignment."""
    y = torch.ones(2, requires_grad=True) * 3

    with pytest.raises(AttributeError, match=r"'grad_fn' of .* objects is not writable"):
        y.grad_fn = None


@pytest.mark.torch(">=2.1")
def test_nodes_have_a_public_class():
    """Every `grad_fn` is a `torch.autograd.graph.Node`."""
    y = torch.ones(2, requires_grad=True) * 3

    assert isinstance(y.grad_fn, torch.autograd.graph.Node) is True
    assert isinstance(y, torch.autograd.graph.Node) is False
