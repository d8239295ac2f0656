"""In-place writes that autograd refuses.

Some operations save a value for backward: `exp` its result, `sin` its input, a product its
factors (`spec/autograd/test_saved_tensors.py`). Each ordinary tensor has a version counter,
`_version`, which in-place operations increment, and its state is noted when a value is saved.
If it differs when `backward()` needs the value, the value is no longer the one that was
computed with, and torch raises RuntimeError, "one of the variables needed for gradient
computation has been modified by an inplace operation", rather than return a wrong gradient.

What surprises: the mistake is in the forward code, but it shows only in `backward()`; anomaly
detection finds the line (`spec/autograd/test_anomalies.py`). Whether an in-place operation is
harmless depends on what its neighbours saved, so `relu_` may follow a product but not an `exp`.
The remedy is to write the out-of-place form, `y = y + 1`.

A leaf that requires grad is refused at once: `spec/autograd/test_changing_leaves.py`.
"""

import pytest
import torch


def test_every_in_place_write_raises_the_version(device):
    """`x.add_(1)` and `x[0] = 7` on `x = torch.zeros(3)` each increment `x._version` by 1;
    `x.sum()`, which only reads, doesn't.
    """
    x = torch.zeros(3, device=device)
    versions = [x._version]

    x.add_(1)
    versions.append(x._version)
    x[0] = 7
    versions.append(x._version)
    x.sum()
    versions.append(x._version)

    assert versions == [0, 1, 2, 2]


def test_views_and_detached_tensors_share_the_count():
    """For `x = torch.zeros(3)` the slice `x[:1]` and `x.detach()` share the version counter
    of `x`; `x.data` and `x.clone()` have counters of their own, which start at 0.

    So writes through `.data` go unnoticed: see `spec/autograd/test_detach.py`.
    """
    x = torch.zeros(3)
    view, detached, data, clone = x[:1], x.detach(), x.data, x.clone()

    view.zero_()
    detached.zero_()

    assert [x._version, view._version, detached._version] == [2, 2, 2]
    assert [data._version, clone._version] == [0, 0]


def test_overwriting_a_saved_result_is_refused(device):
    """After `y.add_(1)` on `y = x.exp()`, with a float32 `x` that requires grad,
    `y.sum().backward()` raises RuntimeError, "one of the variables needed for gradient
    computation has been modified by an inplace operation".

    Because `exp` saved `y`. Write `y = y + 1` instead of `y.add_(1)`.
    """
    x = torch.tensor([0.0, 1.0], requires_grad=True, device=device)
    y = x.exp()
    y.add_(1)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_the_refusal_counts_the_versions():
    """After `y.add_(1).add_(1)` on `y = x.exp()`, with a float32 `x` that requires grad, the error
    of `y.sum().backward()` says "is at version 2; expected version 0 instead": each of the two
    in-place writes counts one.

    Because each of the two writes incremented the version counter of `y` after `exp` had saved its
    result. `y[0] += 1` counts two: an `add_` on the view `y[0]`, then its assignment. Clone `y`
    and write to the clone.
    """
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    y = x.exp()
    y.add_(1).add_(1)

    with pytest.raises(RuntimeError, match="is at version 2; expected version 0 instead"):
        y.sum().backward()

    other = x.exp()
    other[0] += 1

    assert other._version == 2


def test_overwriting_a_saved_input_is_refused():
    """Where `angle = x * 2` and `y = angle.sin()`, with a float32 `x` that requires grad,
    `angle.add_(1)` makes `y.sum().backward()` raise RuntimeError, because `sin` saved its
    input: its derivative is the cosine of the input.

    Write `angle = angle + 1`, which makes a new tensor.
    """
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    angle = x * 2
    y = angle.sin()
    angle.add_(1)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_overwriting_an_input_that_was_not_saved_is_fine(device):
    """The input of `exp`, here `exponent = x * 3` with a float32 `x` that requires grad,
    may be changed in place before `backward()`: `exp` saved its result, not its input.
    """
    x = torch.tensor([0.0, 0.0], requires_grad=True, device=device)
    exponent = x * 3
    y = exponent.exp()
    exponent.add_(1)

    y.sum().backward()

    assert x.grad.tolist() == [3.0, 3.0]


def test_overwriting_what_no_one_saved_is_fine():
    """For `a = x * 2` and `b = a + 1`, with a float32 `x` that requires grad, `a.zero_()` and
    `b.add_(1)` before `b.sum().backward()` are no error: the addition saved neither its operand
    nor its result.

    Other changes in place save a tensor themselves: after `b.mul_(b)`, `backward()` raises
    RuntimeError, "modified by an inplace operation".
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    a = x * 2
    b = a + 1
    squared = a + 1

    a.zero_()
    b.add_(1)
    b.sum().backward()
    squared.mul_(squared)

    assert x.grad.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        squared.sum().backward()


def test_a_factor_is_saved_only_where_the_other_is_tracked():
    """With `x = torch.tensor([1.0, 2.0], requires_grad=True)`, `a = x * 2` and `y = a * c`,
    `a.add_(1)` before `y.sum().backward()` is allowed if `c = torch.tensor([3.0, 4.0])`; if `c`
    requires grad, `backward()` raises RuntimeError.

    Because a factor is saved for the gradient of the other. Write `a = a + 1` instead of
    `a.add_(1)`.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    plain = torch.tensor([3.0, 4.0])
    tracked = torch.tensor([3.0, 4.0], requires_grad=True)
    a, b = x * 2, x * 2
    with_plain, with_tracked = a * plain, b * tracked
    a.add_(1)
    b.add_(1)

    with_plain.sum().backward()

    assert x.grad.tolist() == [6.0, 8.0]
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        with_tracked.sum().backward()


def test_relu_in_place_is_refused_after_exp():
    """With `y = x.exp().relu_()` and a float32 `x` that requires grad, `y.sum().backward()`
    raises RuntimeError: `relu_` overwrote the result that `exp` saved.

    The same holds for `nn.ReLU(inplace=True)` after a layer that saved its output, as `nn.Sigmoid`
    does. Use `relu()` or `nn.ReLU()` there.
    """
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    y = x.exp().relu_()

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_step_between_forward_and_backward_is_noticed():
    """For a float32 leaf `w` that requires grad, `w.sub_(0.5)` under `torch.no_grad()`,
    between `loss = (w * w).sum()` and `loss.backward()`, makes `backward()` raise
    RuntimeError, as the product saved `w`.

    So call `optimizer.step()` after all `backward()` calls that use the old weights. After an
    `SGD` step with `fused=True` on the CPU no error is raised:
    `spec/training/test_wrong_orders.py`.
    """
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    with torch.no_grad():
        w.sub_(0.5)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("split", [torch.unbind, lambda y: y.split(1), lambda y: y.chunk(2)])
def test_pieces_of_a_split_are_not_written_to(split):
    """With grad mode on, `mul_(10)` on a piece that `unbind`, `split` or `chunk` gives of a
    vector `y = x * 2` that requires grad raises RuntimeError, "is a view and is being
    modified inplace"; on a slice `y[:1]` it works.

    Because each of these functions returns several views at once. Write through slices, or use
    the out-of-place form; pieces of `tensor_split`, which is made of slices, may be written to.
    """
    y = torch.tensor([1.0, 2.0], requires_grad=True) * 2
    first, _ = split(y)

    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        first.mul_(10)
    y[:1].mul_(10)

    assert y.tolist() == [20.0, 4.0]


def test_a_view_made_under_no_grad_is_not_written_to_outside():
    """For `y = torch.tensor([1.0, 2.0], requires_grad=True) * 2` and a slice `view = y[:1]`
    taken inside `torch.no_grad()`, `view.mul_(10)` with grad mode on raises RuntimeError,
    "A view was created in no_grad mode".

    Because it isn't clear whether the write is to be recorded. Take the view outside, or write
    inside too and then go on with `y`, which has the new values: with grad mode on `view.mul(2)`
    raises RuntimeError after such a write.
    """
    y = torch.tensor([1.0, 2.0], requires_grad=True) * 2
    with torch.no_grad():
        view = y[:1]

    with pytest.raises(
        RuntimeError, match="view was created in no_grad mode and is being modified"
    ):
        view.mul_(10)
    with torch.no_grad():
        view.mul_(10)
    assert y.tolist() == [20.0, 4.0]
    with pytest.raises(RuntimeError, match="view was created in no_grad mode and its base"):
        view.mul(2)
