"""`grad_fn`: the node that made a tensor.

A tensor that a recorded operation computed has a `grad_fn`: the node of the autograd graph that
knows how to go backward through that operation. Printed, the tensor shows the node's name. For an
operation of torch's own that is usually the name of the operation, then `Backward`, then a digit
that numbers its variants. So a printed `grad_fn=<AddBackward0>` says that an addition came last.
In releases before 1.10 the digit was often missing, so old printouts look a little different.

What surprises: a result need not have a `grad_fn`. It is None for a tensor that you made, and
also for every result that was not recorded: computed from plain tensors, inside `no_grad`, by
`detach()`, or by an operation without a derivative. And the name is that of the operation that
ran, which may not be the function you called: `x @ y` of two vectors is `DotBackward0`.

How the nodes hang together: `spec/autograd/test_graph.py`.
"""

import pytest
import torch


@pytest.mark.claim("blitz-grad-fn-of-result")
def test_grad_fn_of_a_result_is_the_node_that_made_it(device):
    """The `grad_fn` of a recorded `x + 2`, with a float32 `x` that requires grad, is a node of
    the type `AddBackward0`, which is also its `name()`.
    """
    x = torch.ones(2, 2, requires_grad=True, device=device)
    y = x + 2

    assert y.grad_fn.name() == "AddBackward0"
    assert type(y.grad_fn).__name__ == "AddBackward0"


@pytest.mark.claim("blitz-grad-fn-user-none")
def test_a_tensor_made_by_hand_has_no_grad_fn(device):
    """A tensor just made by `torch.ones` has `grad_fn` None, even with `requires_grad=True`: no
    recorded operation made it.
    """
    plain = torch.ones(2, device=device)
    tracked = torch.ones(2, requires_grad=True, device=device)

    assert plain.grad_fn is None
    assert tracked.grad_fn is None


@pytest.mark.claim("blitz-grad-fn-only-user-none")
def test_computed_tensors_without_a_record_have_no_grad_fn_either(device):
    """`grad_fn` is None for new tensors that autograd didn't record: `plain * 2` where `plain`
    doesn't require grad, `x > 0`, `x.detach()`, and `x * 2` inside `torch.no_grad()`.

    So `grad_fn is None` doesn't mean that a tensor was made by hand. A loss that a net computes
    under `torch.no_grad()` sends no gradients to the parameters: `backward()` fails, and after
    `loss.requires_grad_()` it only fills `loss.grad`.
    """
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
        (lambda a, b: a.sum(dim=0), "SumBackward1"),
        (lambda a, b: a[0] @ b[0], "DotBackward0"),
        (lambda a, b: a.mean(), "MeanBackward0"),
        (lambda a, b: torch.cat([a, b]), "CatBackward0"),
        (lambda a, b: torch.addmm(a, a, b), "AddmmBackward0"),
        (lambda a, b: torch.nn.functional.mse_loss(a, b), "MseLossBackward0"),
    ],
)
def test_a_node_is_named_after_its_operation(operation, name):
    """The `grad_fn` of a recorded `a * b`, `a**2` or `a.sum()`, of float32 tensors that require
    grad, is named after the operation, then `Backward`, then a digit: `MulBackward0`,
    `PowBackward0`, `SumBackward0`.

    The digit tells variants apart: `sum(dim=0)` makes `SumBackward1`. The name is that of what
    ran: `a @ b` of matrices is `MmBackward0`, of vectors `DotBackward0`.
    """
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
    """With grad mode on, `x[0]`, `x.t()` and `x.expand(3, 2, 2)` of
    `x = torch.ones(2, 2, requires_grad=True)` share the storage of `x`, and each has a `grad_fn`
    of its own.

    So gradients pass through such views to `x`. `x.detach()` shares the storage too and has no
    `grad_fn`.
    """
    x = torch.ones(2, 2, requires_grad=True)
    y = view(x)

    assert y.data_ptr() == x.data_ptr()
    assert y.grad_fn.name() == name
    assert x.detach().grad_fn is None


@pytest.mark.claim("blitz-y-repr-addbackward")
def test_a_sum_prints_addbackward0():
    """A recorded `x + 2`, with a float32 `x` that requires grad, prints `grad_fn=<AddBackward0>`;
    the node itself prints its class and address, `<AddBackward0 object at 0x...>`.
    """
    y = torch.ones(2, 2, requires_grad=True) + 2

    assert repr(y) == "tensor([[3., 3.],\n        [3., 3.]], grad_fn=<AddBackward0>)"
    assert repr(y.grad_fn).startswith("<AddBackward0 object at 0x")


@pytest.mark.claim("blitz-z-repr-mulbackward")
def test_a_product_prints_mulbackward0():
    """For `y = torch.ones(2, 2, requires_grad=True) + 2`, `print(y * y * 3)` shows
    `grad_fn=<MulBackward0>` after the values: only the last of the operations.
    """
    y = torch.ones(2, 2, requires_grad=True) + 2
    z = y * y * 3

    assert repr(z) == "tensor([[27., 27.],\n        [27., 27.]], grad_fn=<MulBackward0>)"


@pytest.mark.claim("blitz-out-repr-meanbackward")
def test_a_mean_prints_meanbackward0():
    """`print(torch.full((2, 2), 27.0, requires_grad=True).mean())` prints
    `tensor(27., grad_fn=<MeanBackward0>)`.
    """
    out = torch.full((2, 2), 27.0, requires_grad=True).mean()

    assert repr(out) == "tensor(27., grad_fn=<MeanBackward0>)"


@pytest.mark.claim("blitz-sum-grad-fn")
def test_a_sum_of_squares_after_the_switch_has_sumbackward0():
    """After `a.requires_grad_(True)` on a float32 `a` the `grad_fn` of a recorded `(a * a).sum()`
    is a `SumBackward0`.
    """
    a = torch.randn(2, 2)
    a.requires_grad_(True)
    b = (a * a).sum()

    assert b.grad_fn.name() == "SumBackward0"


def test_grad_fn_is_read_only():
    """Assigning to `y.grad_fn`, with `y = torch.ones(2, requires_grad=True) * 3`, raises
    AttributeError, "objects is not writable"; to get the values without the history use
    `y.detach()`.
    """
    y = torch.ones(2, requires_grad=True) * 3

    with pytest.raises(AttributeError, match=r"'grad_fn' of .* objects is not writable"):
        y.grad_fn = None


@pytest.mark.torch(">=2.0")
def test_nodes_have_a_public_class():
    """In PyTorch 2.0 and later `isinstance(y.grad_fn, torch.autograd.graph.Node)` is True
    for a recorded `y = x * 3`, with a float32 `x` that requires grad; for the tensor `y`
    itself it is False.
    """
    y = torch.ones(2, requires_grad=True) * 3

    assert isinstance(y.grad_fn, torch.autograd.graph.Node) is True
    assert isinstance(y, torch.autograd.graph.Node) is False
