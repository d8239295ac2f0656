"""In-place writes that autograd refuses.

Some operations save a value for backward: `exp` its result, `sin` its input, a product its
factors (`spec/autograd/test_saved_tensors.py`). Each tensor has a version counter, `_version`,
which in-place operations increment, and its state is noted when a value is saved. If it differs
when `backward()` needs the value, the value is no longer the one that was computed with, and torch
raises RuntimeError, "one of the variables needed for gradient computation has been modified by an
inplace operation", rather than return a wrong gradient.

What surprises: the mistake is in the forward code, but it shows only in `backward()`; anomaly
detection finds the line (`spec/autograd/test_anomalies.py`). Whether an in-place operation is
harmless depends on what its neighbours saved, so `relu_` may follow a product but not an `exp`.
The remedy is to write the out-of-place form, `y = y + 1`.

A leaf that requires grad is refused at once: `spec/autograd/test_changing_leaves.py`.
"""

import pytest
import torch


def test_every_in_place_write_raises_the_version(device):
    """`x.add_(1)` and `x[0] = 7` each increment `x._version` by 1; `x.sum()`, which only reads,
    doesn't.
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
    """A view and `x.detach()` share the version counter of `x`; `x.data` and `x.clone()` have
    counters of their own, which start at 0.

    So writes through `.data` go unnoticed: see `spec/autograd/test_detach.py`.
    """
    x = torch.zeros(3)
    view, detached, data, clone = x[:1], x.detach(), x.data, x.clone()

    view.zero_()
    detached.zero_()

    assert [x._version, view._version, detached._version] == [2, 2, 2]
    assert [data._version, clone._version] == [0, 0]


def test_overwriting_a_saved_result_is_refused(device):
    """Changing the result of `exp` in place makes `backward()` raise RuntimeError, because
    `exp` saved it.

    Write `y = y + 1` instead of `y.add_(1)`.
    """
    x = torch.tensor([0.0, 1.0], requires_grad=True, device=device)
    y = x.exp()
    y.add_(1)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_the_refusal_counts_the_versions():
    """The error of `backward()` names two versions, whose difference counts the in-place writes
    since saving: "is at version 2; expected version 0 instead" after two writes to a fresh
    tensor. Writes through `.data` are not counted.
    """
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    y = x.exp()
    y.add_(1).add_(1)

    with pytest.raises(RuntimeError, match="is at version 2; expected version 0 instead"):
        y.sum().backward()


def test_overwriting_a_saved_input_is_refused():
    """Changing the input of `sin` in place makes `backward()` raise RuntimeError, because `sin`
    saved it: its derivative is the cosine of the input.
    """
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    angle = x * 2
    y = angle.sin()
    angle.add_(1)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_overwriting_an_input_that_was_not_saved_is_fine(device):
    """The input of `exp` may be changed in place before `backward()`: `exp` saved its result,
    not its input.
    """
    x = torch.tensor([0.0, 0.0], requires_grad=True, device=device)
    exponent = x * 3
    y = exponent.exp()
    exponent.add_(1)

    y.sum().backward()

    assert x.grad.tolist() == [3.0, 3.0]


def test_overwriting_what_no_one_saved_is_fine():
    """The operands and the result of an addition may be changed in place before `backward()`:
    the addition saved none of them.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    a = x * 2
    b = a + 1

    a.zero_()
    b.add_(1)
    b.sum().backward()

    assert x.grad.tolist() == [2.0, 2.0]


def test_a_factor_is_saved_only_where_the_other_is_tracked():
    """A factor of a product may be changed in place if the other factor doesn't require grad;
    if that one does, `backward()` raises RuntimeError.

    Because a factor is saved for the gradient of the other.
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
    """`x.exp().relu_()` makes `backward()` raise RuntimeError: `relu_` overwrites the result
    that `exp` saved.

    The same holds for `nn.ReLU(inplace=True)` after a layer that saved its output. Use `relu()`
    there.
    """
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    y = x.exp().relu_()

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_step_between_forward_and_backward_is_noticed():
    """Updating a weight under `torch.no_grad()` between the forward computation and
    `backward()` makes `backward()` raise RuntimeError if the weight was saved.

    So call `optimizer.step()` after all `backward()` calls that use the old weights.
    """
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    with torch.no_grad():
        w.sub_(0.5)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("split", [torch.unbind, lambda y: y.split(1), lambda y: y.chunk(2)])
def test_pieces_of_a_split_are_not_written_to(split):
    """While operations are recorded, in-place writes to the pieces that `unbind`, `split` or
    `chunk` give of a computed `y` that requires grad raise RuntimeError; to a slice `y[:1]`
    they work.

    Because these functions return several views at once. Write through slices, or use the
    out-of-place form.
    """
    y = torch.tensor([1.0, 2.0], requires_grad=True) * 2
    first, _ = split(y)

    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        first.mul_(10)
    y[:1].mul_(10)

    assert y.tolist() == [20.0, 4.0]


def test_a_view_made_under_no_grad_is_not_written_to_outside():
    """An in-place write, outside `torch.no_grad()`, to a view that was taken inside it, of a
    tensor that requires grad, raises RuntimeError.

    Because it isn't clear whether the write is to be recorded. Take the view outside, or write
    inside too.
    """
    y = torch.tensor([1.0, 2.0], requires_grad=True) * 2
    with torch.no_grad():
        view = y[:1]

    with pytest.raises(
        RuntimeError, match="view was created in no_grad mode and is being modified"
    ):
        view.mul_(10)
