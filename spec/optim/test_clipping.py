"""Clipping gradients.

One batch with a huge gradient can undo a day of training. Clipping, between `backward()` and
`step()`, shortens such gradients: `clip_grad_norm_` scales all of them by one factor, which keeps
the direction, `clip_grad_value_` cuts each number off, which does not.

What surprises newcomers: the norm is that of all gradients together, as one long vector; it is
returned as it was before clipping; and a gradient that is inf or NaN is not repaired but spread.
"""

import pytest
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_


def test_all_gradients_are_scaled_by_one_factor(device):
    """`clip_grad_norm_` scales all gradients by one factor, to a joint norm of `max_norm`."""
    first = nn.Parameter(torch.zeros(1, device=device))
    second = nn.Parameter(torch.zeros(1, device=device))
    first.grad = torch.tensor([3.0], device=device)
    second.grad = torch.tensor([-4.0], device=device)

    clip_grad_norm_([first, second], max_norm=1.0)

    assert first.grad.tolist() == pytest.approx([0.6], rel=1e-5)
    assert second.grad.tolist() == pytest.approx([-0.8], rel=1e-5)


def test_the_norm_before_clipping_is_returned():
    """What is returned is the joint norm before clipping, a tensor: good to be logged."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, -4.0])

    before = clip_grad_norm_([weight], max_norm=1.0)
    after = clip_grad_norm_([weight], max_norm=1.0)

    assert before.item() == 5.0
    assert after.item() == pytest.approx(1.0, rel=1e-5)


def test_short_gradients_stay_as_they_are():
    """Gradients whose norm is below the bound aren't touched, least of all made longer."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, -4.0])

    clip_grad_norm_([weight], max_norm=8.0)

    assert weight.grad.tolist() == [3.0, -4.0]


def test_an_infinite_bound_only_measures():
    """`max_norm=inf` clips nothing: a way to read the norm of all gradients."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, -4.0])

    norm = clip_grad_norm_([weight], max_norm=float("inf"))

    assert norm.item() == 5.0
    assert weight.grad.tolist() == [3.0, -4.0]


@pytest.mark.parametrize(("norm_type", "norm"), [(1, 7.0), (2, 5.0), (float("inf"), 4.0)])
def test_the_kind_of_norm_can_be_chosen(norm_type, norm):
    """`norm_type` 1 sums absolute values, 2 is the length, inf the largest absolute value."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, -4.0])

    measured = clip_grad_norm_([weight], max_norm=100.0, norm_type=norm_type)

    assert measured.item() == norm


def test_clipping_by_value_cuts_each_number_off():
    """`clip_grad_value_` cuts each number off at ±bound; the direction changes. It returns None."""
    weight = nn.Parameter(torch.zeros(3))
    weight.grad = torch.tensor([3.0, -4.0, 0.5])

    returned = clip_grad_value_([weight], clip_value=1.0)

    assert weight.grad.tolist() == [1.0, -1.0, 0.5]
    assert returned is None


def test_one_infinite_gradient_turns_the_rest_to_zero():
    """One gradient of inf: it becomes NaN by clipping, and all others are scaled down to 0."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([float("inf"), 1.0])

    norm = clip_grad_norm_([weight], max_norm=1.0)

    assert norm.item() == float("inf")
    assert repr(weight.grad.tolist()) == "[nan, 0.0]"


def test_one_nan_makes_all_gradients_nan():
    """One gradient of NaN makes the norm NaN, and by it every other gradient."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([float("nan"), 1.0])

    clip_grad_norm_([weight], max_norm=1.0)

    assert repr(weight.grad.tolist()) == "[nan, nan]"


def test_clipping_by_value_repairs_inf_but_not_nan():
    """`clip_grad_value_` cuts inf off like any large number, and leaves NaN as it is."""
    weight = nn.Parameter(torch.zeros(3))
    weight.grad = torch.tensor([float("inf"), float("nan"), 0.5])

    clip_grad_value_([weight], clip_value=1.0)

    assert repr(weight.grad.tolist()) == "[1.0, nan, 0.5]"


def test_error_if_nonfinite_stops_instead(device):
    """`error_if_nonfinite=True` raises for an inf or NaN norm and leaves the gradients alone."""
    weight = nn.Parameter(torch.zeros(2, device=device))
    weight.grad = torch.tensor([float("inf"), 1.0], device=device)

    with pytest.raises(RuntimeError, match="is non-finite, so it cannot be clipped"):
        clip_grad_norm_([weight], max_norm=1.0, error_if_nonfinite=True)

    assert weight.grad.tolist() == [float("inf"), 1.0]


def test_parameters_without_a_gradient_are_passed_over():
    """Parameters without a gradient don't count; with none at all the norm is 0, not an error."""
    weight, idle = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([3.0])

    of_both = clip_grad_norm_([weight, idle], max_norm=1.0)
    of_idle = clip_grad_norm_([idle], max_norm=1.0)

    assert of_both.item() == 3.0
    assert of_idle.item() == 0.0
    assert idle.grad is None


def test_clipping_after_the_step_comes_too_late():
    """Clipping belongs before `step()`: afterwards the long step has been made."""
    early, late = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    early.grad, late.grad = torch.tensor(-8.0), torch.tensor(-8.0)

    clip_grad_norm_([early], max_norm=1.0)
    torch.optim.SGD([early, late], lr=1.0).step()
    clip_grad_norm_([late], max_norm=1.0)

    assert early.item() == pytest.approx(1.0, rel=1e-5)
    assert late.item() == 8.0


@pytest.mark.torch("<2.8")
def test_a_generator_that_was_read_clipped_nothing():
    """A generator of parameters that was read before is empty: nothing was clipped, in silence."""
    net = nn.Linear(1, 1, bias=False)
    net.weight.grad = torch.tensor([[8.0]])
    parameters = net.parameters()
    torch.optim.SGD(parameters, lr=1.0)

    norm = clip_grad_norm_(parameters, max_norm=1.0)

    assert norm.item() == 0.0
    assert net.weight.grad.item() == 8.0


@pytest.mark.torch(">=2.9")
def test_a_generator_that_was_read_clips_nothing():
    """A generator of parameters that was read before is empty: it clips nothing, and warns."""
    net = nn.Linear(1, 1, bias=False)
    net.weight.grad = torch.tensor([[8.0]])
    parameters = net.parameters()
    torch.optim.SGD(parameters, lr=1.0)

    with pytest.warns(UserWarning, match="is an empty generator, no gradient clipping will occur"):
        norm = clip_grad_norm_(parameters, max_norm=1.0)

    assert norm.item() == 0.0
    assert net.weight.grad.item() == 8.0


def test_clipping_wants_parameters_not_the_net():
    """`clip_grad_norm_(net, ...)` lacks `.parameters()`: a module is not iterable."""
    net = nn.Linear(1, 1)

    with pytest.raises(TypeError, match="'Linear' object is not iterable"):
        clip_grad_norm_(net, max_norm=1.0)


@pytest.mark.torch("<2.2")
def test_the_name_without_underscore_warned():
    """`clip_grad_norm`, the old name without underscore, still clips, and warns."""
    weight = nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([3.0])

    with pytest.warns(UserWarning, match="clip_grad_norm is now deprecated in favor of"):
        norm = nn.utils.clip_grad_norm([weight], max_norm=1.0)

    assert norm.item() == 3.0


@pytest.mark.torch(">=2.6")
def test_the_name_without_underscore_is_deprecated():
    """`clip_grad_norm`, the old name without underscore, still clips, under a FutureWarning."""
    weight = nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([3.0])

    with pytest.warns(FutureWarning, match="is now deprecated in favor of `torch.nn.utils.clip_gr"):
        norm = nn.utils.clip_grad_norm([weight], max_norm=1.0)

    assert norm.item() == 3.0


@pytest.mark.torch(">=2.6")
def test_measuring_and_scaling_are_also_two_functions():
    """`get_total_norm` measures tensors, `clip_grads_with_norm_` scales by a norm one has."""
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, -4.0])

    norm = nn.utils.get_total_norm([weight.grad])
    nn.utils.clip_grads_with_norm_([weight], max_norm=2.5, total_norm=norm)

    assert norm.item() == 5.0
    assert weight.grad.tolist() == pytest.approx([1.5, -2.0], rel=1e-5)
