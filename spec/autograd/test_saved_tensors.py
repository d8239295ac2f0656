"""What the graph saves for backward.

The derivative of an operation often depends on values of the forward computation: that of a
product on its factors, that of `exp` on its result. Each node of the autograd graph saves the
values that its derivative needs. In training this takes more memory than the nodes themselves,
and often more than the parameters.

Saving an operand or a result copies nothing: the node refers to its storage. That is why an
in-place write to a saved tensor makes `backward()` raise
(`spec/autograd/test_inplace_refused.py`), and why a saved tensor stays in memory as long as a
result of the graph does. `backward()` frees what was saved: `spec/autograd/test_retain_graph.py`.
Losses that are kept or summed keep their graphs: `spec/training/test_wrong_orders.py`.

What surprises: the attributes with which one can look at saved values, `_saved_self` and the
like, are private names and may change. `saved_tensors_hooks` is the public way to see the saved
tensors, and to store something else in their place, on the CPU or on disk; Python numbers, such
as the factor in `x * 2`, are not passed to it.
"""

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks


def test_a_product_saves_its_factors():
    """`node = (a * b).grad_fn`, with float32 tensors `a` and `b` that both require grad,
    saves both factors: `node._saved_self` is `a`, `node._saved_other` is `b`.

    Because the derivative with respect to one factor is the other.
    """
    a = torch.tensor(3.0, requires_grad=True)
    b = torch.tensor(5.0, requires_grad=True)
    node = (a * b).grad_fn

    assert node._saved_self is a
    assert node._saved_other is b
    assert (node._saved_self.item(), node._saved_other.item()) == (3.0, 5.0)


def test_only_what_backward_needs_is_saved():
    """With `a = torch.tensor(3.0, requires_grad=True)` and `constant = torch.tensor(5.0)`, the
    node `(a * constant).grad_fn` saves the constant and not `a`: its `_saved_self` is None.

    Because `a` would be needed only for the gradient of the constant.
    """
    a = torch.tensor(3.0, requires_grad=True)
    constant = torch.tensor(5.0)
    node = (a * constant).grad_fn

    assert node._saved_self is None
    assert node._saved_other.item() == 5.0


def test_a_saved_tensor_is_no_copy():
    """For `w = torch.ones(3, requires_grad=True)` and `x = torch.ones(3)`, the factor `x` that the
    node of `w * x` saves, in `_saved_other`, has the `data_ptr()` of `x`: saving it copies no
    storage.

    So a write to `x` before `backward()` changes what `backward()` reads. After `x.add_(1)` it
    raises; a write through `x.data` or `x.numpy()` goes unnoticed, and the gradient is that of the
    new values.
    """
    x = torch.ones(3)
    w = torch.ones(3, requires_grad=True)
    y = w * x

    assert y.grad_fn._saved_self is None
    assert y.grad_fn._saved_other.data_ptr() == x.data_ptr()

    x.data.add_(1)
    y.sum().backward()

    assert w.grad.tolist() == [2.0, 2.0, 2.0]


def test_exp_saves_its_result():
    """The node of `x.exp()`, with a float32 `x` that requires grad, saves its result alone
    and not `x`, in `_saved_result`.

    Because the derivative of `exp` is `exp` itself.
    """
    y = torch.zeros(2, requires_grad=True).exp()
    saved = [name for name in dir(y.grad_fn) if name.startswith("_saved")]

    assert y.grad_fn._saved_result.tolist() == [1.0, 1.0]
    assert saved == ["_saved_result"]


def test_pow_saves_its_exponent():
    """The node `(x ** 3).grad_fn`, with a float32 `x` that requires grad, saves the number 3 in
    `_saved_exponent`: the derivative needs it.
    """
    y = torch.ones(2, requires_grad=True) ** 3

    assert y.grad_fn._saved_exponent == 3


@pytest.mark.torch(">=2.0")
def test_hooks_see_every_tensor_that_is_saved():
    """In `saved_tensors_hooks(pack, unpack)` of `torch.autograd.graph`, for float32 tensors `x`,
    which requires grad, and `c`, which doesn't, `pack` is called with `c` for `x * c` and with the
    result for `x.relu()`, not for `x + 1` and `x * 2`.
    """
    packed = []

    def pack(tensor):
        packed.append(tensor.tolist())
        return tensor

    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        y = x * torch.tensor([5.0, 7.0])
        y.relu()
        x + 1
        x * 2

    assert packed == [[5.0, 7.0], [5.0, 14.0]]


def test_hooks_hold_for_what_is_computed_inside_the_block():
    """For a float32 `x` that requires grad, `pack` of
    `with torch.autograd.graph.saved_tensors_hooks(pack, unpack)` is called for an `exp` of `x`
    computed inside the `with` block, and not for one computed before or after the block.
    """
    packed = []
    x = torch.tensor([0.0, 0.0], requires_grad=True)
    (x - 1).exp()
    with saved_tensors_hooks(lambda tensor: packed.append(tensor.tolist()), lambda kept: kept):
        x.exp()
    (x + 1).exp()

    assert packed == [[1.0, 1.0]]


def test_pack_may_store_anything_that_unpack_can_turn_back():
    """With `torch.autograd.graph.saved_tensors_hooks(lambda t: t.tolist(), torch.tensor)`
    around `y = x * x` of `x = torch.tensor([1.0, 2.0], requires_grad=True)`, the graph
    keeps lists, and `y.sum().backward()` makes tensors of them again.

    In this way saved tensors can be kept on the CPU, as `torch.autograd.graph.save_on_cpu`
    does, or on disk.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with saved_tensors_hooks(lambda t: t.tolist(), torch.tensor):
        y = x * x
    y.sum().backward()

    assert x.grad.tolist() == [2.0, 4.0]


def test_backward_believes_what_unpack_returns():
    """`torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t * 10)` around
    `y = x * x` of a float32 `x` that requires grad makes the gradient of `x` 10 times too large
    in `y.sum().backward()`, without an error.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with saved_tensors_hooks(lambda t: t, lambda t: t * 10):
        y = x * x
    y.sum().backward()

    assert y.tolist() == [1.0, 4.0]
    assert x.grad.tolist() == [20.0, 40.0]
