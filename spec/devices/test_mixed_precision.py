"""Mixed precision.

Under `torch.autocast` each operation picks its own dtype: what multiplies matrices runs in 16 bits
because that is fast, what sums or takes exponents stays in float32 because it has to be exact. The
tensors one made keep their dtype. Where 16 bits are too short for gradients, a GradScaler makes the
loss larger first; the surprise is that it leaves out the steps that came out infinite.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

new_scaler = pytest.mark.torch(">=2.3")


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
    """Under autocast on the CPU, matrix products, linear layers and convolutions are bfloat16."""
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
    """Sums, exponents, normalisation and losses of float32 tensors stay float32."""
    x = torch.ones(2, 2)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = compute(x)

    assert result.dtype == torch.float32


@pytest.mark.parametrize(
    ("compute", "dtype"),
    [
        (lambda x: x.relu(), torch.bfloat16),
        (lambda x: x + x, torch.bfloat16),
        (lambda x: F.mse_loss(x, x), torch.float32),
    ],
)
def test_what_follows_a_product_goes_on_in_its_dtype(compute, dtype):
    """`relu` and `+` keep the bfloat16 of a product; a loss goes back to float32."""
    x = torch.ones(2, 2)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = compute(x @ x)

    assert result.dtype == dtype


def test_a_bfloat16_and_a_float32_operand_make_float32():
    """A sum of a product and a float32 tensor is promoted as it is without autocast."""
    x = torch.ones(2, 2)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        total = x @ x + x

    assert total.dtype == torch.float32


def test_float64_is_left_in_peace():
    """Autocast changes float32 tensors; a product of doubles remains a double."""
    x = torch.ones(2, 2, dtype=torch.float64)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        product = x @ x

    assert product.dtype == torch.float64


def test_a_product_under_autocast_is_rounded():
    """bfloat16 has 8 bits for the digits: 257 is no more to be told from 256."""
    x = torch.tensor([[257.0]])
    one = torch.ones(1, 1)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = x @ one

    assert rounded.tolist() == [[256.0]]
    assert (x @ one).tolist() == [[257.0]]


def test_parameters_and_their_gradients_stay_float32():
    """A layer computes in bfloat16 and keeps its weight, and the gradient of it, in float32."""
    layer = nn.Linear(2, 1)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = layer(torch.ones(1, 2))
    output.sum().backward()

    assert output.dtype == torch.bfloat16
    assert layer.weight.dtype == torch.float32
    assert layer.weight.grad.dtype == torch.float32
    assert layer.weight.grad.tolist() == [[1.0, 1.0]]


def test_autocast_can_be_switched_off_inside():
    """`enabled=False` opens a part in full precision; what comes in as bfloat16 is to be raised."""
    x = torch.ones(2, 2)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = x @ x
        with torch.autocast("cpu", enabled=False):
            full = low.float() @ x
        again = x @ x

    assert low.dtype == torch.bfloat16
    assert full.dtype == torch.float32
    assert again.dtype == torch.bfloat16


def test_switched_off_nobody_matches_the_dtypes():
    """In a part without autocast, a bfloat16 product doesn't multiply with a float32 tensor."""
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
    """As a decorator it covers the body of a function and nothing else."""
    x = torch.ones(2, 2)

    @torch.autocast("cpu", dtype=torch.bfloat16)
    def square(x):
        return x @ x

    assert square(x).dtype == torch.bfloat16
    assert (x @ x).dtype == torch.float32


@pytest.mark.torch(">=2.2")
def test_a_dtype_that_autocast_does_not_know_switches_it_off():
    """float64 is no reduced precision: there is a warning, and the product stays float32."""
    x = torch.ones(2, 2)

    with pytest.warns(UserWarning, match="Disabling autocast"):
        context = torch.autocast("cpu", dtype=torch.float64)
    with context:
        product = x @ x

    assert product.dtype == torch.float32


@pytest.mark.torch(">=2.4")
def test_each_kind_of_device_has_an_autocast_dtype_of_its_own():
    """Without `dtype=` the CPU takes bfloat16 and CUDA float16."""
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
    """On CUDA products are float16, and `softmax`, `sum` and `exp` go back to float32."""
    x = torch.ones(2, 2, device="cuda")

    with torch.autocast("cuda"):
        result = compute(x)

    assert result.dtype == dtype


@pytest.mark.cuda
def test_autocast_for_cuda_leaves_the_cpu_alone():
    """Autocast holds for one kind of device."""
    x = torch.ones(2, 2)

    with torch.autocast("cuda"):
        on_cpu = x @ x
        on_gpu = x.cuda() @ x.cuda()

    assert on_cpu.dtype == torch.float32
    assert on_gpu.dtype == torch.float16


@pytest.mark.cuda
def test_binary_cross_entropy_of_probabilities_is_refused_on_a_gpu():
    """float16 is too short for it; the message names the loss that takes logits."""
    x = torch.full((2,), 0.5, device="cuda")

    with (
        torch.autocast("cuda"),
        pytest.raises(RuntimeError, match="binary_cross_entropy_with_logits"),
    ):
        F.binary_cross_entropy(x, x)


def test_small_gradients_vanish_in_float16():
    """2**-25 is too small for float16 and becomes 0; scaled by 1024 it is kept."""
    small = torch.tensor(2.0**-25)
    scaled = small * 1024

    assert small.half().item() == 0.0
    assert scaled.half().item() == 2.0**-15


@new_scaler
def test_a_scaler_enlarges_the_loss():
    """`scaler.scale(loss)` is the loss times the scale, and so are the gradients."""
    w = torch.tensor([1.0], requires_grad=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    loss = scaler.scale((w * 2).sum())
    loss.backward()

    assert loss.item() == 8.0
    assert w.grad.tolist() == [8.0]


@new_scaler
def test_a_scalers_step_divides_by_the_scale_first():
    """`scaler.step(optimizer)` updates with the true gradient: 1 - 0.5 * 2 is 0."""
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    scaler.scale((w * 2).sum()).backward()
    scaler.step(optimizer)

    assert w.tolist() == [0.0]
    assert w.grad.tolist() == [2.0]


@new_scaler
def test_a_step_with_an_infinite_gradient_is_left_out():
    """One infinite gradient, and no parameter is updated; `update` then halves the scale."""
    w = torch.tensor([1.0], requires_grad=True)
    v = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w, v], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    scaler.scale((w * float("inf") + v).sum()).backward()
    scaler.step(optimizer)
    scaler.update()

    assert w.tolist() == [1.0]
    assert v.tolist() == [1.0]
    assert scaler.get_scale() == 2.0


@new_scaler
def test_the_scale_grows_again_after_good_steps():
    """After `growth_interval` good steps in a row `update` doubles the scale."""
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


@new_scaler
def test_gradients_are_unscaled_before_they_are_clipped():
    """`scaler.unscale_(optimizer)` shows the true gradients, and `step` doesn't divide again."""
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)

    scaler.scale((w * 2).sum()).backward()
    scaler.unscale_(optimizer)
    nn.utils.clip_grad_value_([w], 1.0)
    scaler.step(optimizer)

    assert w.grad.tolist() == [1.0]
    assert w.tolist() == [0.5]


@new_scaler
def test_unscaling_twice_is_refused():
    """Between two calls of `update` the gradients are divided once."""
    w = torch.tensor([1.0], requires_grad=True)
    optimizer = torch.optim.SGD([w], lr=0.5)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    scaler.scale((w * 2).sum()).backward()
    scaler.unscale_(optimizer)

    with pytest.raises(RuntimeError, match="has already been called on this optimizer"):
        scaler.unscale_(optimizer)

    assert w.grad.tolist() == [2.0]


@new_scaler
def test_a_scaler_that_is_switched_off_does_nothing():
    """With `enabled=False` the loss is returned itself, so the same loop runs without scaling."""
    loss = torch.tensor(2.0, requires_grad=True)
    scaler = torch.amp.GradScaler("cpu", enabled=False)

    assert scaler.scale(loss) is loss
    assert scaler.get_scale() == 1.0


@new_scaler
def test_a_scaler_belongs_into_the_checkpoint():
    """`state_dict` holds the scale; a new scaler that loads it goes on from there."""
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    other = torch.amp.GradScaler("cpu")
    before = other.get_scale()

    other.load_state_dict(scaler.state_dict())

    assert before == 65536.0
    assert other.get_scale() == 4.0


def test_float32_products_are_full_precision_unless_one_asks_for_speed():
    """`set_float32_matmul_precision` says whether float32 factors may be shortened."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    changed = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")

    assert before == "highest"
    assert changed == "high"
