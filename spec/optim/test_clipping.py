"""Clipping gradients.

One batch with a huge gradient can undo a day of training. Clipping, between `backward()` and
`step()`, limits such gradients in place. `torch.nn.utils.clip_grad_norm_` measures the norm of all
gradients together, as one long vector, and scales them by one factor if it is larger than
`max_norm`, which keeps the direction. `clip_grad_value_` limits each entry to an interval, which
does not. Clipping is usual for recurrent nets and transformers.

What surprises: the norm is not that of each parameter but of all; what is returned is the norm
before clipping; `clip_grad_norm_` does not repair a gradient of inf or NaN but spoils the other
gradients; and a generator of parameters that has been read clips nothing.
"""

import pytest
import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_


def test_all_gradients_are_scaled_by_one_factor(device):
    """`clip_grad_norm_` with `max_norm=1.0` turns the float32 gradients 3 and -4 of two
    parameters, of joint norm 5, into 0.6 and -0.8, nearly: it multiplies both in place by
    `max_norm / (norm + 1e-6)`, as that is below 1.

    So the direction stays and the new norm is 1, up to rounding; with bfloat16 gradients it may be
    off by about a hundredth.
    """
    first = nn.Parameter(torch.zeros(1, device=device))
    second = nn.Parameter(torch.zeros(1, device=device))
    first.grad = torch.tensor([3.0], device=device)
    second.grad = torch.tensor([-4.0], device=device)

    clip_grad_norm_([first, second], max_norm=1.0)

    assert first.grad.tolist() == pytest.approx([0.6], rel=1e-5)
    assert second.grad.tolist() == pytest.approx([-0.8], rel=1e-5)


def test_the_norm_before_clipping_is_returned():
    """If `weight.grad` is `torch.tensor([3.0, -4.0])`, `clip_grad_norm_([weight], max_norm=1.0)`
    returns the norm that the gradient had before clipping, 5, as a 0-d tensor; afterwards its norm
    is nearly 1.

    Log it: it shows how often, and by how much, gradients are clipped.
    """
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, -4.0])

    before = clip_grad_norm_([weight], max_norm=1.0)
    after = clip_grad_norm_([weight], max_norm=1.0)

    assert before.item() == 5.0
    assert before.shape == ()
    assert after.item() == pytest.approx(1.0, rel=1e-5)


def test_short_gradients_stay_as_they_are():
    """`clip_grad_norm_([weight], max_norm=8.0)` leaves a float32 gradient of 3 and -4, of norm 5,
    as it is: gradients whose total norm is below `max_norm` are not lengthened.

    Because the factor, `max_norm / (norm + 1e-6)`, is limited to 1. Where the norm is `max_norm`,
    or below it by less than about 1e-6, the factor may be a bit smaller than 1.
    """
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, -4.0])

    clip_grad_norm_([weight], max_norm=8.0)

    assert weight.grad.tolist() == [3.0, -4.0]


def test_an_infinite_bound_only_measures():
    """`clip_grad_norm_(parameters, max_norm=float("inf"))` of two parameters with the gradients
    `[3.0, -4.0]` and `[12.0]` returns their joint norm, 13.0, and leaves the gradients as they
    are.

    A way to log the norm without clipping; a norm of inf or NaN, however, makes all gradients NaN.
    `get_total_norm`, since PyTorch 2.6, computes the norm too, but takes the gradients instead of
    the parameters: `get_total_norm([p.grad for p in parameters if p.grad is not None])`.
    """
    weight, bias = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))
    weight.grad, bias.grad = torch.tensor([3.0, -4.0]), torch.tensor([12.0])

    norm = clip_grad_norm_([weight, bias], max_norm=float("inf"))

    assert norm.item() == 13.0
    assert weight.grad.tolist() == [3.0, -4.0]
    assert bias.grad.tolist() == [12.0]


def test_an_infinite_bound_and_an_infinite_gradient_make_nan_of_all():
    """`clip_grad_norm_(parameters, max_norm=float("inf"))`, with no other setting, turns
    all float32 gradients to NaN if one entry is inf, the finite ones of other parameters
    too.

    Because the factor is inf divided by inf. To measure only, without that risk, take the
    norm of the gradients yourself.
    """
    weight, other = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([float("inf"), 1.0])
    other.grad = torch.tensor([1.0])

    norm = clip_grad_norm_([weight, other], max_norm=float("inf"))

    assert norm.item() == float("inf")
    assert repr(weight.grad.tolist()) == "[nan, nan]"
    assert repr(other.grad.tolist()) == "[nan]"


@pytest.mark.parametrize(("norm_type", "norm"), [(1, 7.0), (2, 5.0), (float("inf"), 4.0)])
def test_the_kind_of_norm_can_be_chosen(norm_type, norm):
    """`clip_grad_norm_(..., norm_type=p)` returns for a float32 gradient of 3 and -4 the
    sum of the absolute values, 7, if `p` is 1, the Euclidean norm, 5, if it is 2, the
    default, and the largest absolute value, 4, if it is inf.
    """
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, -4.0])

    measured = clip_grad_norm_([weight], max_norm=100.0, norm_type=norm_type)

    assert measured.item() == norm


def test_clipping_by_value_limits_each_entry():
    """`clip_grad_value_([weight], clip_value=1.0)` turns a float32 gradient of 3, -4 and 0.5 into
    1, -1 and 0.5: it limits each of these entries to the interval from -1 to 1 in place, and
    returns None.

    So the direction may change: only entries outside the interval are altered.
    """
    weight = nn.Parameter(torch.zeros(3))
    weight.grad = torch.tensor([3.0, -4.0, 0.5])

    returned = clip_grad_value_([weight], clip_value=1.0)

    assert weight.grad.tolist() == [1.0, -1.0, 0.5]
    assert returned is None


def test_one_infinite_gradient_turns_the_rest_to_zero():
    """With one float32 gradient entry of inf and the rest finite,
    `clip_grad_norm_(parameters, max_norm=1.0)` turns the entry of inf to NaN and the finite
    ones to 0.

    Because the norm is inf and the factor 0, and inf times 0 is NaN. A norm that overflows,
    as of two entries of 1e20 in float32, turns all to 0. `error_if_nonfinite=True` raises
    instead.
    """
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([float("inf"), 1.0])

    norm = clip_grad_norm_([weight], max_norm=1.0)

    assert norm.item() == float("inf")
    assert repr(weight.grad.tolist()) == "[nan, 0.0]"

    weight.grad = torch.tensor([1e20, 1e20])
    clip_grad_norm_([weight], max_norm=1.0)
    assert weight.grad.tolist() == [0.0, 0.0]


def test_one_nan_makes_all_gradients_nan():
    """If one float32 gradient of `parameters` has a NaN in it,
    `torch.nn.utils.clip_grad_norm_(parameters, max_norm=1.0)` turns every entry of all their
    float32 gradients into NaN.

    Because the norm, and so the factor, is NaN. Skip the step if the returned norm isn't finite.
    """
    weight, other = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([float("nan"), 1.0])
    other.grad = torch.tensor([1.0])

    clip_grad_norm_([weight, other], max_norm=1.0)

    assert repr(weight.grad.tolist()) == "[nan, nan]"
    assert repr(other.grad.tolist()) == "[nan]"


def test_clipping_by_value_repairs_inf_but_not_nan():
    """`clip_grad_value_([weight], clip_value=1.0)` turns a float32 gradient of inf, NaN and
    0.5 into 1, NaN and 0.5: it limits inf like any large number and leaves NaN as it is.
    """
    weight = nn.Parameter(torch.zeros(3))
    weight.grad = torch.tensor([float("inf"), float("nan"), 0.5])

    clip_grad_value_([weight], clip_value=1.0)

    assert repr(weight.grad.tolist()) == "[1.0, nan, 0.5]"


@pytest.mark.torch(">=2.2")
def test_clipping_by_value_refuses_parameters_without_a_gradient():
    """`clip_grad_value_` raises RuntimeError if the `grad` of each parameter is None,
    "Expected !nested_tensorlist[0].empty() to be true": one gradient is enough for it to
    run.

    Because it groups the gradients by device and dtype, and an empty list can't be grouped.
    PyTorch 2.0 did nothing. Call `backward()` first.
    """
    idle, weight = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))

    with pytest.raises(
        RuntimeError, match=r"Expected !nested_tensorlist\[0\].empty\(\) to be true"
    ):
        clip_grad_value_([idle, weight], clip_value=1.0)

    weight.grad = torch.tensor([3.0])
    clip_grad_value_([idle, weight], clip_value=1.0)
    assert weight.grad.tolist() == [1.0]


def test_error_if_nonfinite_stops_instead(device):
    """`clip_grad_norm_(..., error_if_nonfinite=True)` raises RuntimeError if the joint norm
    is inf or NaN, and leaves the gradients as they are.

    Catch it to skip the batch. `torch.autograd.set_detect_anomaly(True)` makes `backward()` raise
    RuntimeError with the name of the first function whose gradient has a NaN; it doesn't look for
    inf.
    """
    weight = nn.Parameter(torch.zeros(2, device=device))
    weight.grad = torch.tensor([float("inf"), 1.0], device=device)

    with pytest.raises(RuntimeError, match="is non-finite, so it cannot be clipped"):
        clip_grad_norm_([weight], max_norm=1.0, error_if_nonfinite=True)

    assert weight.grad.tolist() == [float("inf"), 1.0]


def test_parameters_without_a_gradient_are_passed_over():
    """`clip_grad_norm_` skips parameters whose `grad` is None; if all are None it returns a
    tensor of 0.

    A norm of 0 in the log can mean that `backward()` was forgotten or that the wrong parameters
    were given.
    """
    weight, idle = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([3.0])

    of_both = clip_grad_norm_([weight, idle], max_norm=1.0)
    of_idle = clip_grad_norm_([idle], max_norm=1.0)

    assert of_both.item() == 3.0
    assert of_idle.item() == 0.0
    assert idle.grad is None


def test_clipping_after_the_step_comes_too_late():
    """`clip_grad_norm_` belongs between `backward()` and `step()`: called after `step()` it
    no longer limits that step.
    """
    early, late = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    early.grad, late.grad = torch.tensor(-8.0), torch.tensor(-8.0)

    clip_grad_norm_([early], max_norm=1.0)
    torch.optim.SGD([early, late], lr=1.0).step()
    clip_grad_norm_([late], max_norm=1.0)

    assert early.item() == pytest.approx(1.0, rel=1e-5)
    assert late.item() == 8.0


@pytest.mark.torch("<2.8")
def test_a_generator_that_was_read_clipped_nothing():
    """Before PyTorch 2.8, `clip_grad_norm_` given a generator of parameters that had been
    read to its end clipped nothing, without a warning, and returned 0.

    Because the generator was empty. Call `net.parameters()` anew.
    """
    net = nn.Linear(1, 1, bias=False)
    net.weight.grad = torch.tensor([[8.0]])
    parameters = net.parameters()
    torch.optim.SGD(parameters, lr=1.0)

    norm = clip_grad_norm_(parameters, max_norm=1.0)

    assert norm.item() == 0.0
    assert net.weight.grad.item() == 8.0


@pytest.mark.torch(">=2.8")
def test_a_generator_that_was_read_clips_nothing():
    """After `torch.optim.SGD(parameters, lr=1.0)` has read the generator
    `parameters = net.parameters()` to its end, `torch.nn.utils.clip_grad_norm_(parameters, 1.0)`
    clips nothing and returns 0; since PyTorch 2.8 it also issues a UserWarning.

    Because a generator can be read only once. Call `net.parameters()` again for `clip_grad_norm_`:
    each call makes a new generator.
    """
    net = nn.Linear(1, 1, bias=False)
    net.weight.grad = torch.tensor([[8.0]])
    parameters = net.parameters()
    torch.optim.SGD(parameters, lr=1.0)

    with pytest.warns(UserWarning, match="is an empty generator, no gradient clipping will occur"):
        norm = clip_grad_norm_(parameters, max_norm=1.0)

    assert norm.item() == 0.0
    assert net.weight.grad.item() == 8.0


def test_clipping_wants_parameters_not_the_net():
    """`clip_grad_norm_(net, 1.0)` of `net = nn.Linear(1, 1)` raises TypeError, "'Linear'
    object is not iterable": write `clip_grad_norm_(net.parameters(), 1.0)`.

    Because it takes tensors. An `nn.Sequential` can be iterated over:
    `clip_grad_norm_(nn.Sequential(net), 1.0)` raises AttributeError, "'Linear' object has no
    attribute 'grad'".
    """
    net = nn.Linear(1, 1)

    with pytest.raises(TypeError, match="'Linear' object is not iterable"):
        clip_grad_norm_(net, max_norm=1.0)
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'grad'"):
        clip_grad_norm_(nn.Sequential(net), max_norm=1.0)


@pytest.mark.torch("<2.4")
def test_the_name_without_underscore_warned():
    """Up to PyTorch 2.3, the old name `torch.nn.utils.clip_grad_norm`, without the
    underscore at the end, clipped with a UserWarning.
    """
    weight = nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([3.0])

    with pytest.warns(UserWarning, match="clip_grad_norm is now deprecated in favor of"):
        norm = nn.utils.clip_grad_norm([weight], max_norm=1.0)

    assert norm.item() == 3.0


@pytest.mark.torch(">=2.4")
def test_the_name_without_underscore_is_deprecated():
    """Since PyTorch 2.4, the old name `torch.nn.utils.clip_grad_norm`, without the
    underscore at the end, clips with a FutureWarning.

    Write `clip_grad_norm_`: the underscore says that it works in place.
    """
    weight = nn.Parameter(torch.zeros(1))
    weight.grad = torch.tensor([3.0])

    with pytest.warns(FutureWarning, match="is now deprecated in favor of `torch.nn.utils.clip_gr"):
        norm = nn.utils.clip_grad_norm([weight], max_norm=1.0)

    assert norm.item() == 3.0
    assert weight.grad.item() == pytest.approx(1.0)


@pytest.mark.torch(">=2.6")
def test_measuring_and_scaling_are_also_two_functions():
    """For a parameter `weight` with the gradient [3, -4],
    `norm = torch.nn.utils.get_total_norm([weight.grad])` is 5; then
    `torch.nn.utils.clip_grads_with_norm_([weight], 2.5, norm)` scales the gradient by 2.5 / 5, to
    about [1.5, -2].

    Together they are `clip_grad_norm_`. Apart, they let you combine the norms of several processes
    in between. Hand `get_total_norm` the gradients: of parameters it measures the weights.
    """
    weight = nn.Parameter(torch.zeros(2))
    weight.grad = torch.tensor([3.0, -4.0])

    norm = nn.utils.get_total_norm([weight.grad])
    nn.utils.clip_grads_with_norm_([weight], max_norm=2.5, total_norm=norm)

    assert norm.item() == 5.0
    assert weight.grad.tolist() == pytest.approx([1.5, -2.0], rel=1e-5)
