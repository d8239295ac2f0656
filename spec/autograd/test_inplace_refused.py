"""Writes in place that autograd refuses.

Some operations keep a value for the way back: `exp` its result, `sin` its input, a
product both factors. Every tensor counts the writes to its memory, and the count is
noted when a value is kept. If it differs when `backward()` comes by, the kept value
is no longer the one computed with, and torch stops rather than give a wrong gradient.
The mistake is in the forward code, but it shows only in `backward()`.
"""

import pytest
import torch


def test_every_in_place_write_raises_the_version(device):
    """A tensor counts the in-place writes to it in `_version`; reading leaves it alone."""
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
    """One memory, one count: views and `detach()` share it; `clone()` and `.data` start at 0."""
    x = torch.zeros(3)
    view, detached, data, clone = x[:1], x.detach(), x.data, x.clone()

    view.zero_()
    detached.zero_()

    assert [x._version, view._version, detached._version] == [2, 2, 2]
    assert [data._version, clone._version] == [0, 0]


def test_overwriting_a_saved_result_is_refused(device):
    """`exp` keeps its result for the way back; changed in between, `backward()` refuses."""
    x = torch.tensor([0.0, 1.0], requires_grad=True, device=device)
    y = x.exp()
    y.add_(1)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_the_refusal_counts_the_versions():
    """The message says how often the tensor was changed: two writes, where none was expected."""
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    y = x.exp()
    y.add_(1).add_(1)

    with pytest.raises(RuntimeError, match="is at version 2; expected version 0 instead"):
        y.sum().backward()


def test_overwriting_a_saved_input_is_refused():
    """`sin` keeps its input, since its derivative is the cosine of it."""
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    angle = x * 2
    y = angle.sin()
    angle.add_(1)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_overwriting_an_input_that_was_not_saved_is_fine(device):
    """`exp` keeps its result and not its input, so the input may be changed afterwards."""
    x = torch.tensor([0.0, 0.0], requires_grad=True, device=device)
    exponent = x * 3
    y = exponent.exp()
    exponent.add_(1)

    y.sum().backward()

    assert x.grad.tolist() == [3.0, 3.0]


def test_overwriting_what_no_one_saved_is_fine():
    """A sum keeps nothing: its operands and its result may all be changed."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    a = x * 2
    b = a + 1

    a.zero_()
    b.add_(1)
    b.sum().backward()

    assert x.grad.tolist() == [2.0, 2.0]


def test_a_factor_is_saved_only_where_the_other_is_tracked():
    """A product keeps a factor for the gradient of the other one; a plain number has none."""
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
    """`relu_` may overwrite its input, unless that is a result which `exp` still needs."""
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    y = x.exp().relu_()

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_step_between_forward_and_backward_is_noticed():
    """A weight updated under `no_grad` after it was computed with makes `backward()` refuse."""
    w = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = (w * w).sum()
    with torch.no_grad():
        w.sub_(0.5)

    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_leaf_that_requires_grad_is_not_written_to(device):
    """A tracked leaf has no history that a write could be added to, so it is refused at once."""
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)

    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in"):
        x += 1
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is"):
        x[0] = 7

    assert x.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("split", [torch.unbind, lambda y: y.split(1), lambda y: y.chunk(2)])
def test_pieces_of_a_split_are_not_written_to(split):
    """Pieces of `unbind`, `split` and `chunk` are views that refuse writes; a slice allows them."""
    y = torch.tensor([1.0, 2.0], requires_grad=True) * 2
    first, _ = split(y)

    with pytest.raises(RuntimeError, match="is a view and is being modified inplace"):
        first.mul_(10)
    y[:1].mul_(10)

    assert y.tolist() == [20.0, 4.0]


def test_a_view_made_under_no_grad_is_not_written_to_outside():
    """A view taken inside `no_grad` has no known relation to the graph, so writing is refused."""
    y = torch.tensor([1.0, 2.0], requires_grad=True) * 2
    with torch.no_grad():
        view = y[:1]

    with pytest.raises(
        RuntimeError, match="view was created in no_grad mode and is being modified"
    ):
        view.mul_(10)
