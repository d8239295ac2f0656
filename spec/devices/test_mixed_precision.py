"""Mixed precision.

Inside `with torch.autocast(...)` each operation chooses the dtype in which it computes. `x @ y`,
linear layers and convolutions of float32 tensors run in a 16-bit dtype, which is fast; on the CPU
that is bfloat16 by default. Losses such as `mse_loss` run in float32. Most of what lies between
computes in the dtype of its input: on the CPU `softmax`, `sum` and `exp` of a bfloat16 product are
bfloat16; on CUDA these three go back to float32. Parameters and their gradients keep their dtype.

Where float16 is too short for gradients, a `GradScaler` multiplies the loss by a large factor
before `backward()` and divides the gradients by it before the step. bfloat16 has about the range of
float32 and needs none. The formats themselves: `spec/tensors/test_special_dtypes.py`.

What surprises: a GradScaler leaves out an optimizer's step if a gradient came out infinite or nan,
and gives no warning.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x @ x,
        lambda x: torch.addmm(x, x, x),
        lambda x: F.linear(x, x),
        lambda x: torch.einsum("ij,jk->ik", x, x),
        lambda x: F.conv1d(x[None], x[None]),
    ],
)
def test_products_of_matrices_are_made_in_bfloat16(compute):
    """For `x = torch.ones(2, 2)` inside `torch.autocast("cpu", dtype=torch.bfloat16)`, `x @ x`,
    `torch.addmm(x, x, x)`, `F.linear(x, x)`, `F.conv1d(x[None], x[None])` and
    `torch.einsum("ij,jk->ik", x, x)` are bfloat16.
    """
    x = torch.ones(2, 2)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = compute(x)

    assert result.dtype == torch.bfloat16
    assert compute(x).dtype == torch.float32


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x + x,
        lambda x: x.relu(),
        lambda x: x.sum(),
        lambda x: x.exp(),
        lambda x: x.softmax(0),
        lambda x: F.layer_norm(x, (2,)),
        lambda x: F.mse_loss(x, x),
    ],
)
def test_other_operations_leave_float32_alone(compute):
    """Inside `torch.autocast("cpu")`, `+`, `relu`, `sum`, `exp`, `softmax`, `F.layer_norm` and
    `F.mse_loss` of dense float32 CPU tensors give float32."""
    x = torch.ones(2, 2)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = compute(x)

    assert result.dtype == torch.float32


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: torch.mv(x, x[0]),
        lambda x: torch.dot(x[0], x[0]),
        lambda x: torch.outer(x[0], x[0]),
        lambda x: torch.einsum("ij,ij->ij", x, x),
    ],
)
def test_products_of_vectors_by_name_stay_float32(compute):
    """For a float32 CPU matrix `x` and vector `v`, inside `torch.autocast("cpu")`
    `torch.mv(x, v)`, `torch.dot(v, v)`, `torch.outer(v, v)` and the elementwise
    `torch.einsum("ij,ij->ij", x, x)` are float32, while `x @ v` is bfloat16.

    Because on the CPU autocast goes by a list of functions, on which `matmul` and `bmm` stand and
    `mv`, `dot` and `outer` don't. An `einsum` that sums nothing multiplies without `bmm`.
    """
    x = torch.ones(2, 2)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = compute(x)
        product = x @ x[0]

    assert result.dtype == torch.float32
    assert product.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("compute", "dtype"),
    [
        (lambda x: x.relu(), torch.bfloat16),
        (lambda x: x + x, torch.bfloat16),
        (lambda x: x.sum(), torch.bfloat16),
        (lambda x: x.exp(), torch.bfloat16),
        (lambda x: x.softmax(0), torch.bfloat16),
        (lambda x: F.mse_loss(x, x), torch.float32),
        (lambda x: F.cross_entropy(x, torch.tensor([0, 1])), torch.float32),
    ],
)
def test_what_follows_a_product_goes_on_in_its_dtype(compute, dtype):
    """Inside `torch.autocast("cpu")`, for the bfloat16 product `p = x @ x` of a float32
    matrix `x`, `p.relu()`, `p + p`, `p.sum()`, `p.exp()` and `p.softmax(0)` are bfloat16;
    `F.mse_loss(p, p)` and `F.cross_entropy(p, labels)` are float32.

    A long sum or a softmax over many classes is then rounded to 8 significant bits; write
    `(x @ x).float()` before it.
    """
    x = torch.ones(2, 2)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = compute(x @ x)

    assert result.dtype == dtype


def test_a_bfloat16_and_a_float32_operand_make_float32():
    """Inside `torch.autocast("cpu")` `x @ x + x` of a square float32 matrix `x` is float32: the
    bfloat16 product and the float32 `x` are promoted as without autocast.
    """
    x = torch.ones(2, 2)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        product = x @ x
        total = x @ x + x

    assert product.dtype == torch.bfloat16
    assert total.dtype == torch.float32


def test_float64_is_left_in_peace():
    """Inside `torch.autocast("cpu")` `x @ x` of float64 tensors stays float64; `x @ x` of float16
    tensors gives bfloat16.

    Because matrix products under autocast convert any floating-point dtype but float64. `x @ y` of
    a float64 matrix `x` and a float32 matrix `y`, neither empty, raises RuntimeError.
    """
    x = torch.ones(2, 2, dtype=torch.float64)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        product = x @ x
        half = x.half() @ x.half()

    assert product.dtype == torch.float64
    assert half.dtype == torch.bfloat16


def test_a_product_under_autocast_is_rounded():
    """Inside `torch.autocast("cpu", dtype=torch.bfloat16)`, `x @ one` is `[[256.]]` for
    `x = torch.tensor([[257.0]])` and `one = torch.ones(1, 1)`.

    Because bfloat16 keeps 8 significant bits: 257 needs 9.
    """
    x = torch.tensor([[257.0]])
    one = torch.ones(1, 1)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = x @ one

    assert rounded.tolist() == [[256.0]]
    assert (x @ one).tolist() == [[257.0]]


def test_parameters_and_their_gradients_stay_float32():
    """Inside `torch.autocast("cpu")` a float32 `nn.Linear` returns bfloat16 for a float32
    input; its weight and, after `backward()`, the weight's gradient are float32.

    So the optimizer steps in full precision. Call `backward()` outside the `with` block.
    """
    layer = nn.Linear(2, 1)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(torch.ones(1, 2))
    output.sum().backward()

    assert output.dtype == torch.bfloat16
    assert layer.weight.dtype == torch.float32
    assert layer.weight.grad.dtype == torch.float32
    assert layer.weight.grad.tolist() == [[1.0, 1.0]]


def test_autocast_can_be_switched_off_inside():
    """Within `torch.autocast("cpu", dtype=torch.bfloat16)`, a nested
    `torch.autocast("cpu", enabled=False)` turns autocast off: there `low.float() @ x` of a
    bfloat16 `low` and a float32 `x`, both (2, 2), is float32; after it `x @ x` is bfloat16.

    Because autocast is off there, `low @ x` raises RuntimeError for the two dtypes: convert what
    comes from the outer block by `.float()`.
    """
    x = torch.ones(2, 2)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = x @ x
        with torch.autocast("cpu", enabled=False):
            full = low.float() @ x
            with pytest.raises(RuntimeError, match="BFloat16"):
                low @ x
        again = x @ x

    assert low.dtype == torch.bfloat16
    assert full.dtype == torch.float32
    assert again.dtype == torch.bfloat16


def test_switched_off_nobody_matches_the_dtypes():
    """Inside `torch.autocast("cpu", enabled=False)` `low @ x` of a bfloat16 and a float32 CPU
    matrix, both 2 x 2, raises RuntimeError; inside `torch.autocast("cpu", dtype=torch.bfloat16)`
    the product is bfloat16.

    Because without autocast a matrix product takes operands of one dtype: write `low.float() @ x`.
    """
    x = torch.ones(2, 2)
    low = (x @ x).bfloat16()

    with torch.autocast("cpu", dtype=torch.bfloat16):
        product = low @ x
        with (
            torch.autocast("cpu", enabled=False),
            pytest.raises(RuntimeError, match=r"to have the same dtype|expected scalar type"),
        ):
            low @ x

    assert product.dtype == torch.bfloat16


def test_autocast_decorates_a_function():
    """`@torch.autocast("cpu", dtype=torch.bfloat16)` above a function that returns `x @ x`
    of a float32 matrix `x` makes the product in it bfloat16; the same product outside stays
    float32."""
    x = torch.ones(2, 2)

    @torch.autocast("cpu", dtype=torch.bfloat16)
    def square(x):
        return x @ x

    assert square(x).dtype == torch.bfloat16
    assert (x @ x).dtype == torch.float32


@pytest.mark.torch(">=2.2")
def test_a_dtype_that_autocast_does_not_know_switches_it_off():
    """`torch.autocast("cpu", dtype=torch.float64)` gives a UserWarning, "the target dtype is
    not supported. Disabling autocast", and switches autocast off inside: `x @ x` of
    float32 tensors stays float32.

    Because autocast on the CPU takes bfloat16 and float16 only: pass one of them.
    """
    x = torch.ones(2, 2)

    with pytest.warns(UserWarning, match="the target dtype is not supported. Disabling autocast"):
        context = torch.autocast("cpu", dtype=torch.float64)
    with context:
        product = x @ x

    assert product.dtype == torch.float32


@pytest.mark.torch(">=2.4")
def test_each_kind_of_device_has_an_autocast_dtype_of_its_own():
    """`torch.get_autocast_dtype(device_type)`, the dtype of autocast where `dtype=` is not given,
    is bfloat16 for "cpu" and float16 for "cuda" by default.

    float16 usually needs a GradScaler in training; on newer GPUs `dtype=torch.bfloat16` usually
    works without one.
    """
    assert torch.get_autocast_dtype("cpu") == torch.bfloat16
    assert torch.get_autocast_dtype("cuda") == torch.float16


@pytest.mark.cuda
@pytest.mark.parametrize(
    ("compute", "dtype"),
    [
        (lambda x: x @ x, torch.float16),
        (lambda x: F.linear(x, x), torch.float16),
        (lambda x: x + x, torch.float32),
        (lambda x: (x @ x).relu(), torch.float16),
        (lambda x: (x @ x).softmax(0), torch.float32),
        (lambda x: (x @ x).sum(), torch.float32),
        (lambda x: (x @ x).exp(), torch.float32),
    ],
)
def test_on_a_gpu_autocast_means_float16(compute, dtype):
    """Inside `torch.autocast("cuda")` `x @ x` and `F.linear` of float32 CUDA tensors are
    float16, and `softmax`, `sum` and `exp` of such a product are float32."""
    x = torch.ones(2, 2, device="cuda")

    with torch.autocast("cuda"):
        result = compute(x)

    assert result.dtype == dtype


@pytest.mark.cuda
def test_autocast_for_cuda_leaves_the_cpu_alone():
    """Inside `torch.autocast("cuda")` `x @ x` of float32 CUDA tensors is float16, and of
    float32 CPU tensors float32.

    Because autocast changes the operations of one device type only.
    """
    x = torch.ones(2, 2)

    with torch.autocast("cuda"):
        on_cpu = x @ x
        on_gpu = x.cuda() @ x.cuda()

    assert on_cpu.dtype == torch.float32
    assert on_gpu.dtype == torch.float16


@pytest.mark.cuda
def test_binary_cross_entropy_of_probabilities_is_refused_on_a_gpu():
    """`F.binary_cross_entropy` of CUDA tensors raises RuntimeError inside
    `torch.autocast("cuda")`; use `F.binary_cross_entropy_with_logits` on the logits.

    The gradient of a float16 input is float16 as well, and that of the logarithm of a
    probability near 0 may be larger than 65504, the largest float16: at 1e-6 it is a million.
    """
    x = torch.full((2,), 0.5, device="cuda")

    with (
        torch.autocast("cuda"),
        pytest.raises(RuntimeError, match=r"BCELoss are unsafe to autocast"),
    ):
        F.binary_cross_entropy(x, x)


def test_small_gradients_vanish_in_float16():
    """`torch.tensor(2.0**-25).half()` is 0: the smallest positive float16 is 2**-24, and half
    of it rounds to 0. Multiplied by 1024 before `.half()`, the value is kept, as 2**-15.

    That is the reason for a GradScaler: gradients are often as small as that.
    """
    small = torch.tensor(2.0**-25)
    scaled = small * 1024

    assert small.half().item() == 0.0
    assert scaled.half().item() == 2.0**-15


@pytest.mark.torch(">=2.3")
def test_a_scaler_enlarges_the_loss():
    """`scaled = scaler.scale(loss)` of an enabled `torch.amp.GradScaler` and a float32 loss
    is the loss multiplied by the scale, so that `scaled.backward()` computes gradients
    multiplied by the scale."""
    w = torch.tensor([1.0], requires_grad=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    loss = scaler.scale((w * 2).sum())
    loss.backward()

    assert loss.item() == 8.0
    assert w.grad.tolist() == [8.0]


@pytest.mark.torch(">=2.3")
def test_a_scalers_step_divides_by_the_scale_first():
    """With `scaler = torch.amp.GradScaler("cpu", init_scale=4.0)` and an SGD of a float32 `w`,
    after `scaler.scale((w * 2).sum()).backward()` the call `scaler.step(optimizer)` first
    divides `w.grad`, in place, by 4, and then makes the step.

    Adam, AdamW and SGD with `fused=True` divide the gradients themselves, inside their step.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    scaler.scale((w * 2).sum()).backward()
    scaler.step(optimizer)

    assert w.tolist() == [0.0]
    assert w.grad.tolist() == [2.0]


@pytest.mark.torch(">=2.3")
@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_a_step_with_an_infinite_gradient_is_left_out(bad):
    """If `scaler.scale(loss).backward()` of an enabled GradScaler gives a float32 parameter of an
    SGD `optimizer` an inf or nan gradient, `scaler.step(optimizer)` right after it updates no
    parameter; `scaler.update()` by default halves the scale.

    The first steps of a training are often skipped like this, until the scale fits. If the very
    first step of an `SGD` without `fused=True` is skipped, `scheduler.step()` after it warns that
    it was called before `optimizer.step()`.
    """
    w = torch.tensor([1.0], requires_grad=True)
    v = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w, v], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    scaler.scale((w * bad + v).sum()).backward()
    scaler.step(optimizer)
    scaler.update()

    assert w.tolist() == [1.0]
    assert v.tolist() == [1.0]
    assert scaler.get_scale() == 2.0


@pytest.mark.torch(">=2.3")
def test_the_scale_grows_again_after_good_steps():
    """A new `torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)` doubles its scale to
    8 in the second `scaler.update()`, if both updates follow a `scaler.step(optimizer)` with
    finite gradients: the default is `growth_factor=2.0`.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)

    scales = []
    for _ in range(3):
        optimizer.zero_grad()
        scaler.scale(w.sum()).backward()
        scaler.step(optimizer)
        scaler.update()
        scales.append(scaler.get_scale())

    assert scales == [4.0, 8.0, 8.0]


@pytest.mark.torch(">=2.3")
def test_gradients_are_unscaled_before_they_are_clipped():
    """After `scaler.scale(loss).backward()` of an enabled `torch.amp.GradScaler`,
    `scaler.unscale_(optimizer)` divides float32 gradients by the scale, so that they can be
    clipped; `scaler.step(optimizer)` then doesn't divide again.

    Clipped without it, the enlarged gradients are clipped and then divided by the scale: they end
    up too small.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    scaler.scale((w * 2).sum()).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_value_([w], 1.0)
    scaler.step(optimizer)

    assert w.grad.tolist() == [1.0]
    assert w.tolist() == [0.5]


@pytest.mark.torch(">=2.3")
def test_unscaling_twice_is_refused():
    """A second `scaler.unscale_(optimizer)` of an enabled GradScaler, before
    `scaler.step(optimizer)` and `scaler.update()`, raises RuntimeError, "unscale_() has already
    been called on this optimizer since the last update()."

    After `step()` without `update()` the message is "unscale_() is being called after step()."
    Call `scaler.update()` once at the end of each step.
    """
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale((w * 2).sum()).backward()
    scaler.unscale_(optimizer)

    with pytest.raises(RuntimeError, match="has already been called on this optimizer"):
        scaler.unscale_(optimizer)

    assert w.grad.tolist() == [2.0]
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match="is being called after step"):
        scaler.unscale_(optimizer)


@pytest.mark.torch(">=2.3")
def test_a_scaler_that_is_switched_off_does_nothing():
    """`scaler = torch.amp.GradScaler("cpu", enabled=False)` scales nothing:
    `scaler.get_scale()` is 1.0, and `scaler.scale(loss)` returns `loss` itself."""
    loss = torch.tensor(2.0, requires_grad=True)
    scaler = torch.amp.GradScaler("cpu", enabled=False)

    assert scaler.scale(loss) is loss
    assert scaler.get_scale() == 1.0


@pytest.mark.torch(">=2.3")
def test_a_scaler_belongs_into_the_checkpoint():
    """`scaler.state_dict()` of an enabled `torch.amp.GradScaler` holds the scale; a new enabled
    scaler that loads it has that scale instead of the default, 65536.

    Without the saved scale a resumed training may begin with a few skipped steps.
    """
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    other = torch.amp.GradScaler("cpu")
    before = other.get_scale()

    other.load_state_dict(scaler.state_dict())

    assert before == 65536.0
    assert other.get_scale() == 4.0


def test_backward_needs_no_autocast():
    """For the bfloat16 output of a float32 `nn.Linear` inside
    `with torch.autocast("cpu", dtype=torch.bfloat16):`, `backward()` after the block computes a
    bfloat16 gradient of the output, and a float32 gradient of the layer's weight.

    Because a gradient has by default the dtype of its tensor. The documentation advises against
    `backward()` under autocast: run only the forward pass and the loss inside the block.
    """
    layer = nn.Linear(2, 2)
    seen = []

    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(torch.ones(1, 2))
        output.register_hook(lambda gradient: seen.append(gradient.dtype))
        loss = output.float().sum()
    loss.backward()

    assert seen == [torch.bfloat16]
    assert layer.weight.grad.dtype == torch.float32


def test_half_precision_makes_a_loss_nan():
    """For the float16 tensor `x = torch.tensor(300.0).half()`, `x * x` is inf, since the
    largest float16 is 65504, and `x * x - x * x` is NaN; the bfloat16 product `x.bfloat16()
    * x.bfloat16()` is 90112.

    Because bfloat16 has the range of float32, with fewer digits. Train float32 weights under
    `torch.autocast` instead of `model.half()`, with a GradScaler for float16.
    """
    x = torch.tensor(300.0).half()

    assert (x * x).item() == float("inf")
    assert (x * x - x * x).isnan().item() is True
    assert (x.bfloat16() * x.bfloat16()).item() == 90112.0
