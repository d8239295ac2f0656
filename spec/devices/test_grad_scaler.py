"""GradScaler: the order of its calls, and what it says if they come in another.

With float16 autocast a training step has five calls instead of two: `scaler.scale(loss).backward()`
computes enlarged gradients, `scaler.unscale_(optimizer)` divides them by the scale (needed only
where they are clipped or logged), `scaler.step(optimizer)` steps unless one of them is infinite or
nan, and `scaler.update()` adjusts the scale for the next step. Autocast surrounds the forward pass
and the loss, nothing else. What the scaler computes in each call is told in
`spec/devices/test_mixed_precision.py`; bfloat16 needs no scaler at all.

The facts use `torch.amp.GradScaler("cpu")`, which needs no GPU and has the same calls; write
`torch.amp.GradScaler("cuda")` in a training on a GPU.

What surprises: parameters stay float32, so `model.half()` together with a scaler is refused where
gradients are unscaled; messages about "inf checks" mean that no gradient was there to look at; and
the gradient norm that clipping reports is infinite now and then without harm.
"""

import pytest
import torch
from torch import nn


@pytest.mark.torch(">=2.3")
def test_the_whole_step_with_clipping():
    """With an enabled `torch.amp.GradScaler` and gradient clipping, a training step calls
    `scaler.scale(loss).backward()`, `scaler.unscale_(optimizer)`, `nn.utils.clip_grad_norm_`,
    `scaler.step(optimizer)`, `scaler.update()` in this order.

    `autocast` surrounds forward and loss only: the backward pass of an operation runs in the dtype
    that autocast chose for its forward. Leave out `unscale_` where the gradients are neither
    clipped nor read before the step.
    """
    model = nn.Linear(1, 1, bias=False)
    nn.init.ones_(model.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = model(torch.tensor([[4096.0]])).sum()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=2.0)
    scaler.step(optimizer)
    scaler.update()

    assert norm.item() == 4096.0
    assert model.weight.grad.tolist() == [[2.0]]
    assert model.weight.tolist() == [[0.0]]


@pytest.mark.torch(">=2.3")
def test_clipped_without_unscaling_the_step_is_too_short():
    """With `torch.amp.GradScaler("cpu", init_scale=4.0)` and no `unscale_`,
    `clip_grad_norm_([w], 2.0)` clips the scaled gradient: for the loss `1024 * w` of a one-element
    float32 `w`, `w.grad` is 0.5 after `scaler.step(optimizer)`, not 2.

    Because the enlarged gradient, 4096, is clipped to 2 and then divided by the scale, 4. No
    error tells.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    scaler.scale(1024 * w.sum()).backward()
    norm = nn.utils.clip_grad_norm_([w], max_norm=2.0)
    scaler.step(optimizer)

    assert norm.item() == 4096.0
    assert w.grad.tolist() == [0.5]


def test_bfloat16_needs_no_scaler():
    """For `w = torch.ones(1, 1, requires_grad=True)` and `y = w @ torch.full((1, 1), 2.0**-30)`
    under `torch.autocast("cpu", dtype=torch.bfloat16)`, `y.backward()` without a GradScaler gives
    `w.grad` 2**-30, which in float16 would be 0.

    Because bfloat16 has the exponents of float32, and float16 has not. So with bfloat16 the
    training loop is `loss.backward()`, `optimizer.step()`, as always.
    """
    w = torch.ones(1, 1, requires_grad=True)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = w @ torch.full((1, 1), 2.0**-30)
    y.sum().backward()

    assert y.dtype == torch.bfloat16
    assert w.grad.item() == 2.0**-30
    assert w.grad.half().item() == 0.0


@pytest.mark.torch(">=2.3")
def test_gradients_of_float16_parameters_are_not_unscaled():
    """For an `SGD(params, lr=0.1)` of float16 `params`, after `scaler.scale(loss).backward()` of an
    enabled GradScaler both `scaler.unscale_(optimizer)` and `scaler.step(optimizer)` raise
    ValueError, "Attempting to unscale FP16 gradients."

    The cause is `model.half()`, or a model loaded as float16: keep the parameters float32 and let
    autocast choose float16, or train without a scaler. With `fused=True` only
    `scaler.unscale_(optimizer)` raises.
    """
    w = torch.tensor([1.0], dtype=torch.float16, requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(w.sum()).backward()

    with pytest.raises(ValueError, match=r"Attempting to unscale FP16 gradients\."):
        scaler.unscale_(optimizer)
    with pytest.raises(ValueError, match=r"Attempting to unscale FP16 gradients\."):
        scaler.step(optimizer)

    assert w.grad.tolist() == [4.0]


@pytest.mark.torch(">=2.3")
def test_a_step_without_gradients_is_refused():
    """With `optimizer = SGD([w])` and `scaler = torch.amp.GradScaler("cpu")`,
    `scaler.step(optimizer)` right after a `scaler.scale(loss).backward()` that left `w.grad` None
    raises AssertionError, "No inf checks were recorded for this optimizer."

    The loss doesn't depend on these parameters: another model's, frozen ones, a part of the loss
    that was detached, or parameters replaced after the optimizer was made. The same error comes if
    `backward()` was forgotten or if `zero_grad()` came between it and the step. If
    `scaler.unscale_(optimizer)` found gradients before `zero_grad()`, the step raises nothing.
    """
    w = torch.tensor([1.0], requires_grad=True)
    other = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(other.sum()).backward()

    with pytest.raises(AssertionError, match="No inf checks were recorded for this optimizer"):
        scaler.step(optimizer)

    assert w.grad is None
    assert other.grad.tolist() == [4.0]

    unscaled = torch.amp.GradScaler("cpu", init_scale=4.0)
    unscaled.scale(w.sum()).backward()
    unscaled.unscale_(optimizer)
    optimizer.zero_grad()
    unscaled.step(optimizer)

    assert w.grad is None
    assert w.tolist() == [1.0]


@pytest.mark.torch(">=2.3")
def test_an_update_without_a_step_is_refused():
    """After `scaler.scale(loss).backward()` with a new `scaler = torch.amp.GradScaler("cpu")`,
    `scaler.update()` raises AssertionError, "No inf checks were recorded prior to update.", if
    only `optimizer.step()` was called in between.

    `scaler.step(optimizer)` makes these checks: write it instead of `optimizer.step()`, which
    uses the gradients while they are still multiplied by the scale.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(w.sum()).backward()
    optimizer.step()

    with pytest.raises(AssertionError, match="No inf checks were recorded prior to update"):
        scaler.update()

    # The gradient that was not unscaled is four times too large: 1 - 0.5 * 4.
    assert w.tolist() == [-1.0]


@pytest.mark.torch(">=2.3")
def test_a_step_before_the_first_scaled_loss_is_refused():
    """`scaler.step(optimizer)` of an enabled `torch.amp.GradScaler` that has scaled no loss yet
    raises AssertionError, "Attempted step but _scale is None."

    Write `scaler.scale(loss).backward()` in place of `loss.backward()`.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    w.sum().backward()

    with pytest.raises(AssertionError, match="Attempted step but _scale is None"):
        scaler.step(optimizer)

    assert w.tolist() == [1.0]


@pytest.mark.torch(">=2.3")
def test_a_loss_that_was_never_scaled_steps_too_short():
    """After one usual step with SGD and `scaler = torch.amp.GradScaler("cpu", init_scale=4.0)`,
    `scaler.step(optimizer)` after a plain `loss.backward()`, without `scaler.scale`, still divides
    the gradients by the scale 4: 1 becomes 0.25.

    No error tells; SGD only learns more slowly. Write `scaler.scale(loss).backward()`.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(w.sum()).backward()
    scaler.step(optimizer)
    scaler.update()

    optimizer.zero_grad()
    w.sum().backward()
    scaler.step(optimizer)

    assert w.grad.tolist() == [0.25]


@pytest.mark.torch(">=2.3")
def test_a_second_step_before_update_is_refused():
    """A second `scaler.step(optimizer)` of an enabled `torch.amp.GradScaler` for one optimizer,
    without `scaler.update()` between the two, raises RuntimeError, "step() has already been called
    since the last update()".

    End each iteration with `scaler.update()`.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(w.sum()).backward()
    scaler.step(optimizer)

    with pytest.raises(RuntimeError, match="has already been called since the last update"):
        scaler.step(optimizer)

    assert w.tolist() == [0.5]


@pytest.mark.torch(">=2.3")
def test_unscaling_after_the_step_is_refused():
    """`scaler.unscale_(optimizer)` of an enabled `torch.amp.GradScaler` between
    `scaler.step(optimizer)` and `scaler.update()` raises RuntimeError, "unscale_() is being called
    after step()."

    `step` has unscaled the gradients itself; to clip them call `unscale_` before `step`. After
    `update()` it raises nothing for float32 parameters and divides again.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale(w.sum()).backward()
    scaler.step(optimizer)

    with pytest.raises(RuntimeError, match=r"unscale_\(\) is being called after step\(\)"):
        scaler.unscale_(optimizer)

    assert w.grad.tolist() == [1.0]


@pytest.mark.torch(">=2.3")
def test_an_infinite_norm_belongs_to_a_step_that_is_left_out():
    """With `scaler = torch.amp.GradScaler("cpu", init_scale=4.0)` and inf as the only
    scaled gradient, `clip_grad_norm_` after `scaler.unscale_(optimizer)` returns inf;
    `scaler.step(optimizer)` skips the step, `scaler.update()` makes the scale 2.

    So a logged norm of inf or nan now and then is no harm. If every step is skipped, the loss or a
    gradient is inf or nan whatever the scale: call `loss.backward()` without the scaler and print
    both.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    scaler.scale(1e38 * w.sum()).backward()
    scaler.unscale_(optimizer)
    norm = nn.utils.clip_grad_norm_([w], max_norm=2.0)
    scaler.step(optimizer)
    scaler.update()

    assert norm.item() == float("inf")
    assert w.tolist() == [1.0]
    assert scaler.get_scale() == 2.0


@pytest.mark.torch(">=2.3")
def test_whether_the_step_was_taken_is_told_by_the_scale():
    """`scaler.step(optimizer)` of an enabled GradScaler and SGD returns None whether it stepped or
    left the step out; with one optimizer, a scale that is lower after `scaler.update()` than before
    tells that the step was left out.

    Step the scheduler only where `scaler.get_scale()` is not lower than before `update()`.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    returned, stepped = [], []
    for gradient in [float("inf"), 1.0]:
        optimizer.zero_grad()
        scaler.scale(gradient * w.sum()).backward()
        before = scaler.get_scale()
        returned.append(scaler.step(optimizer))
        scaler.update()
        stepped.append(scaler.get_scale() >= before)

    assert returned == [None, None]
    assert stepped == [False, True]


@pytest.mark.torch(">=2.3")
def test_scaled_gradients_accumulate():
    """To accumulate finite scaled gradients of two batches with an enabled GradScaler call
    `scaler.scale(loss / 2).backward()` for each, then `scaler.step(optimizer)` and
    `scaler.update()` once: the step uses the mean of both losses' gradients.

    The weights must not be float16: `step` then raises ValueError, "Attempting to unscale FP16
    gradients." Don't call `unscale_` between the two batches: gradients of different scales would
    be added. `update()` after `scaler.scale(loss).backward()`, without `unscale_` or `step` before
    it, raises AssertionError, "No inf checks were recorded prior to update."
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    for factor in (1.0, 3.0):
        scaler.scale((factor * w).sum() / 2).backward()
    scaler.step(optimizer)
    scaler.update()

    assert w.grad.tolist() == [2.0]
    assert w.tolist() == [0.0]


@pytest.mark.torch(">=2.3")
def test_one_scaler_serves_two_optimizers():
    """One enabled GradScaler serves two optimizers: scale each loss, call `scaler.step` for each
    optimizer, then `scaler.update()` once. If only a gradient of the second optimizer is infinite,
    only that optimizer's step is left out.

    The scale, which by default is halved then, is common to both.
    """
    w = torch.tensor([1.0], requires_grad=True)
    v = torch.tensor([1.0], requires_grad=True)
    first, second = torch.optim.SGD([w], lr=0.5), torch.optim.SGD([v], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    scaler.scale(w.sum()).backward()
    scaler.scale(float("inf") * v.sum()).backward()
    scaler.step(first)
    scaler.step(second)
    scaler.update()

    assert [w.item(), v.item()] == [0.5, 1.0]
    assert scaler.get_scale() == 2.0


@pytest.mark.torch(">=2.3")
def test_the_state_of_a_disabled_scaler_cannot_be_loaded():
    """`state_dict()` of `torch.amp.GradScaler("cpu", enabled=False)` is empty, and
    `torch.amp.GradScaler("cpu").load_state_dict` of this dict raises RuntimeError, "The source
    state dict is empty".

    A checkpoint of a training without mixed precision has no scale to go on with: don't load
    the scaler from it.
    """
    disabled = torch.amp.GradScaler("cpu", enabled=False)
    scaler = torch.amp.GradScaler("cpu")

    with pytest.raises(RuntimeError, match="The source state dict is empty, possibly because"):
        scaler.load_state_dict(disabled.state_dict())

    assert disabled.state_dict() == {}
    assert scaler.get_scale() == 65536.0


def test_small_steps_do_not_change_bfloat16_parameters():
    """A step of `torch.optim.SGD` without momentum and weight decay, with learning rate 2**-10
    and gradient 1, leaves a bfloat16 parameter of 1.0 unchanged, for 1 - 2**-10 rounds to 1 in
    bfloat16; a float32 parameter of 1.0 changes.

    So `model.bfloat16()` is not mixed precision: keep the parameters float32 and use autocast.
    """
    low = torch.tensor([1.0], dtype=torch.bfloat16, requires_grad=True)
    full = torch.tensor([1.0], requires_grad=True)

    (low.sum() + full.sum()).backward()
    torch.optim.SGD([low, full], lr=2.0**-10).step()

    assert low.tolist() == [1.0]
    assert full.tolist() == [1 - 2.0**-10]


@pytest.mark.torch(">=2.4")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (lambda: torch.cuda.amp.GradScaler(enabled=False), r"Please use `torch\.amp\.GradScaler"),
        (lambda: torch.cuda.amp.autocast(enabled=False), r"Please use `torch\.amp\.autocast\('cu"),
        (lambda: torch.cpu.amp.autocast(), r"Please use `torch\.amp\.autocast\('cpu', args"),
    ],
)
def test_the_names_in_torch_cuda_amp_are_deprecated(old, new):
    """Since PyTorch 2.4 `torch.cuda.amp.GradScaler()` and `torch.cuda.amp.autocast()` give a
    FutureWarning that they are deprecated; write `torch.amp.GradScaler("cuda")` and
    `torch.amp.autocast("cuda")`.

    They still work. `torch.cpu.amp.autocast()` warns as well.
    """
    with pytest.warns(FutureWarning, match=new):
        old()

    assert issubclass(torch.cuda.amp.GradScaler, torch.amp.GradScaler) is True


@pytest.mark.torch("<2.4")
def test_the_names_in_torch_cuda_amp_were_the_usual_ones():
    """Before PyTorch 2.4 `torch.cuda.amp.GradScaler()` and `torch.cuda.amp.autocast()` gave no
    warning of deprecation.

    On a machine without CUDA each of them gives a UserWarning that says so; `enabled=False` avoids
    it.
    """
    scaler = torch.cuda.amp.GradScaler(enabled=False)
    context = torch.cuda.amp.autocast(enabled=False)

    assert scaler.is_enabled() is False
    assert isinstance(context, torch.autocast) is True


@pytest.mark.torch(">=2.3")
@pytest.mark.skipif(torch.cuda.is_available(), reason="shows a machine without CUDA")
def test_a_scaler_for_cuda_disables_itself_without_cuda():
    """Without CUDA, `scaler = torch.amp.GradScaler("cuda")` gives a UserWarning,
    "GradScaler is enabled, but CUDA is not available", and is disabled:
    `scaler.scale(loss)` then returns `loss` unscaled.

    `"cuda"` is also the default of `torch.amp.GradScaler()`.
    """
    with pytest.warns(UserWarning, match="GradScaler is enabled, but CUDA is not available"):
        scaler = torch.amp.GradScaler("cuda")
    loss = torch.tensor(3.0)

    assert scaler.is_enabled() is False
    assert scaler.scale(loss).item() == 3.0


@pytest.mark.torch(">=2.4")
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: torch.autocast(torch.device("cpu")), ValueError, "Expected `device_type` of type"),
        (lambda: torch.autocast("gpu"), RuntimeError, "at start of device string: gpu"),
    ],
)
def test_autocast_wants_the_type_of_a_device_as_a_string(call, error, words):
    """`torch.autocast(torch.device("cpu"))` raises ValueError, "Expected `device_type` of type
    `str`", and `torch.autocast("gpu")` RuntimeError, since "gpu" is no device type.

    With `device = torch.device("cpu")` write `torch.autocast(device.type)`.
    """
    with pytest.raises(error, match=words):
        call()

    assert torch.autocast(torch.device("cpu").type).device == "cpu"
