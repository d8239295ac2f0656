"""Tracking.

A tensor whose `requires_grad` is True is tracked: torch writes down every operation it takes part
in, so that gradients can be worked out later. The flag is off until somebody turns it on, and from
there it spreads to all that is computed from the tensor.

The surprise is how little else changes. Tracked arithmetic gives the same numbers, and switching
on or off never reaches back: a result keeps the history, or the lack of one, that it was born with.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("blitz-requires-grad-default")
@pytest.mark.parametrize("create", [torch.ones, torch.empty, torch.randn])
def test_a_new_tensor_is_not_tracked(create, device):
    """`requires_grad` is False unless it is asked for."""
    x = create(2, 2, device=device)

    assert x.requires_grad is False


@pytest.mark.claim("blitz-requires-grad-tracks")
def test_requires_grad_true_starts_the_recording(device):
    """What is computed from a tensor with `requires_grad=True` remembers how it was made."""
    x = torch.ones(2, 2, requires_grad=True, device=device)
    y = x + 2

    assert x.requires_grad is True
    assert y.requires_grad is True
    assert type(y.grad_fn).__name__ == "AddBackward0"


def test_without_requires_grad_nothing_is_recorded(device):
    """The same sum of plain tensors has the same values and no history."""
    y = torch.ones(2, 2, device=device) + 2

    assert y.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert y.requires_grad is False
    assert y.grad_fn is None


@pytest.mark.claim("blitz-requires-grad-inplace")
def test_requires_grad_with_an_underscore_switches_the_tensor_itself():
    """`requires_grad_()` turns tracking on later, in place, and returns the same tensor."""
    x = torch.ones(3)
    y = x.requires_grad_(True)

    assert y is x
    assert x.requires_grad is True


def test_requires_grad_can_be_assigned():
    """`x.requires_grad = True` does what `x.requires_grad_()` does."""
    x = torch.ones(3)
    x.requires_grad = True
    y = x * 2

    assert y.requires_grad is True


@pytest.mark.claim("blitz-untracked-arithmetic-false")
def test_plain_arithmetic_stays_untracked_until_the_switch():
    """A result of plain tensors reads False, and True after `requires_grad_(True)`."""
    a = torch.randn(2, 2)
    a = (a * 3) / (a - 1)
    before = a.requires_grad
    a.requires_grad_(True)

    assert before is False
    assert a.requires_grad is True


def test_switching_on_does_not_reach_back():
    """A result computed before the switch stays untracked; only later ones are recorded."""
    x = torch.ones(3)
    before = x * 2
    x.requires_grad_()
    after = x * 2

    assert before.requires_grad is False
    assert after.requires_grad is True


def test_switching_off_spares_what_is_already_recorded():
    """After `requires_grad_(False)` new results are plain; older ones keep their history."""
    x = torch.ones(3, requires_grad=True)
    before = x * 2
    x.requires_grad_(False)
    after = x * 2

    assert before.requires_grad is True
    assert after.requires_grad is False


def test_one_tracked_operand_is_enough(device):
    """A result is tracked as soon as any of its operands is, on whichever side it stands."""
    plain = torch.ones(3, device=device)
    tracked = torch.ones(3, requires_grad=True, device=device)

    assert (tracked + plain).requires_grad is True
    assert (plain + tracked).requires_grad is True
    assert (plain + plain).requires_grad is False


def test_a_plain_operand_counts_as_a_constant():
    """Beside a tracked operand a plain one is a constant: it shapes the gradient and gets none."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    c = torch.tensor([3.0, 5.0])
    (x * c).sum().backward()

    assert x.grad.tolist() == [3.0, 5.0]
    assert c.requires_grad is False
    assert c.grad is None


def test_an_in_place_write_of_a_tracked_value_makes_a_plain_tensor_tracked():
    """Writing a tracked value into one place of a plain tensor makes the whole tensor tracked."""
    x = torch.tensor(3.0, requires_grad=True)
    buffer = torch.zeros(3)
    buffer[1] = x * 2
    buffer.sum().backward()

    assert buffer.tolist() == [0.0, 6.0, 0.0]
    assert buffer.requires_grad is True
    assert x.grad.item() == 2.0


def test_like_functions_copy_shape_and_dtype_but_not_tracking():
    """`zeros_like(x)` of a tracked tensor is untracked: the flag is no part of the likeness."""
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    y = torch.zeros_like(x)

    assert y.dtype == torch.float64
    assert y.requires_grad is False
    assert torch.zeros_like(x, requires_grad=True).requires_grad is True


@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=5))
def test_tracking_changes_no_value(values):
    """A tracked computation gives bit for bit the values of the untracked one."""
    plain = torch.tensor(values)
    tracked = torch.tensor(values, requires_grad=True)

    assert torch.equal(plain.sin() * plain + 1, tracked.sin() * tracked + 1)


@pytest.mark.claim("blitz-requires-grad-repr")
def test_a_tracked_tensor_says_so_when_printed():
    """The print of a tracked tensor ends in `requires_grad=True`; an untracked one is silent."""
    x = torch.ones(2, 2, requires_grad=True)

    assert repr(x) == "tensor([[1., 1.],\n        [1., 1.]], requires_grad=True)"
    assert repr(torch.ones(2, 2)) == "tensor([[1., 1.],\n        [1., 1.]])"


@pytest.mark.claim("blitz-z-27")
def test_three_times_the_square_of_three_is_27(device):
    """From ones: plus 2 is 3 everywhere, and three times its square is 27 everywhere."""
    x = torch.ones(2, 2, requires_grad=True, device=device)
    y = x + 2
    z = y * y * 3

    assert y.tolist() == [[3.0, 3.0], [3.0, 3.0]]
    assert z.tolist() == [[27.0, 27.0], [27.0, 27.0]]


@pytest.mark.claim("blitz-out-27", "path-automatic-gradients")
def test_the_mean_of_27_has_slope_four_and_a_half(device):
    """The mean is 27, and each of the four ones moves it by 3 * 2 * (1 + 2) / 4 = 4.5.

    Nobody wrote that derivative down: `backward()` finds it from the record of the computation.
    """
    x = torch.ones(2, 2, requires_grad=True, device=device)
    out = (3 * (x + 2) ** 2).mean()
    out.backward()

    assert out.item() == 27.0
    assert out.shape == ()
    assert x.grad.tolist() == [[4.5, 4.5], [4.5, 4.5]]


@pytest.mark.claim("self-two-parts", "course-autograd-module")
def test_torch_computes_and_torch_autograd_differentiates():
    """`torch` computes the value; the package `torch.autograd` hands out the derivative."""
    x = torch.tensor(2.0, requires_grad=True)
    y = x**3 + x
    (slope,) = torch.autograd.grad(y, x)

    assert y.item() == 10.0
    assert slope.item() == 13.0
    assert x.grad is None


@pytest.mark.claim("self-gradient-has-activation-slope")
def test_a_weights_gradient_contains_the_slope_of_the_activation():
    """A sigmoid has slope 1/4 at 0: behind a weight, it leaves a quarter of the gradient."""
    bare = torch.tensor(0.0, requires_grad=True)
    squashed = torch.tensor(0.0, requires_grad=True)
    (bare * 4).backward()
    torch.sigmoid(squashed * 4).backward()

    assert bare.grad.item() == 4.0
    assert squashed.grad.item() == 1.0
