"""Numbers on a GPU.

What a GPU computes equals what the CPU computes up to rounding, since it adds in another order.
GPUs since the Ampere generation can also multiply float32 matrices in TF32, a shorter format that
is much faster; for matrix products that has to be asked for, for convolutions it is allowed from
the start.
Random numbers come from a generator on each device.

What surprises: `torch.rand` draws other numbers on a GPU than on the CPU after the same seed, and
some operations add up in whichever order their threads arrive, so that two runs differ in the last
bits, unless told not to. Seeding a GPU is told in `spec/tensors/test_random.py`, more about
repeatable runs in `spec/training/test_reproducibility.py`.
"""

import pytest
import torch


def test_float32_products_are_full_precision_unless_one_asks_for_speed():
    """Where neither program nor environment asked for another,
    `torch.get_float32_matmul_precision()` is "highest"; after
    `torch.set_float32_matmul_precision("high")` it is "high", which allows TF32 for float32
    matrix products on a GPU.

    The variable of the environment is `TORCH_ALLOW_TF32_CUBLAS_OVERRIDE`, which NVIDIA's
    containers set to 1.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    changed = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")

    assert before == "highest"
    assert changed == "high"


@pytest.mark.cuda
def test_matrix_products_are_full_float32_unless_one_asks():
    """For `x = torch.eye(64, device="cuda") * (1 + 2**-12)`, `x @ torch.eye(64, device="cuda")`
    keeps the diagonal of `x`: by default PyTorch doesn't multiply float32 matrices in TF32, which
    can't hold 1 + 2**-12.
    """
    x = torch.eye(64, device="cuda") * (1 + 2**-12)

    product = x @ torch.eye(64, device="cuda")

    assert torch.backends.cuda.matmul.allow_tf32 is False
    assert product.trace().item() == 64 + 2**-6


@pytest.mark.cuda
@pytest.mark.skipif(
    torch.cuda.is_available() and torch.cuda.get_device_capability() < (8, 0),
    reason="GPUs before Ampere have no TF32",
)
def test_tf32_drops_digits_for_speed():
    """On an NVIDIA GPU since Ampere, after `torch.set_float32_matmul_precision("high")`,
    `x @ torch.eye(64, device="cuda")` has 1 on its diagonal for
    `x = torch.eye(64, device="cuda") * (1 + 2**-12)`: in TF32 numbers have 10 bits of fraction.

    Products in TF32 are often several times faster, and exact enough for most training. GPUs
    before Ampere, such as the T4, have no TF32: there the call changes nothing.
    """
    x = torch.eye(64, device="cuda") * (1 + 2**-12)

    torch.set_float32_matmul_precision("high")
    product = x @ torch.eye(64, device="cuda")
    torch.set_float32_matmul_precision("highest")

    assert product.trace().item() == 64.0


@pytest.mark.cuda
def test_doubles_are_never_shortened():
    """After `torch.set_float32_matmul_precision("high")` a product of float64 matrices on a
    GPU is still computed in float64: multiplied by the identity matrix, a matrix with 1 +
    2**-40 on its diagonal keeps these values."""
    x = torch.eye(64, device="cuda", dtype=torch.float64) * (1 + 2**-40)

    torch.set_float32_matmul_precision("high")
    product = x @ torch.eye(64, device="cuda", dtype=torch.float64)
    torch.set_float32_matmul_precision("highest")

    assert product.trace().item() == 64 + 2**-34


@pytest.mark.cuda
def test_convolutions_may_use_tf32_by_default():
    """`torch.backends.cudnn.allow_tf32` is True by default: float32 convolutions on a GPU
    since Ampere may use TF32. For matrix products `torch.backends.cuda.matmul.allow_tf32`
    is False by default."""
    assert torch.backends.cudnn.allow_tf32 is True
    assert torch.backends.cuda.matmul.allow_tf32 is False


@pytest.mark.cuda
def test_drawing_on_the_gpu_leaves_the_cpus_numbers_alone():
    """`torch.rand(1000, device="cuda")` doesn't change which numbers `torch.rand(3)` draws on
    the CPU next: each of the two devices has its own generator."""
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    torch.rand(1000, device="cuda")
    drawn = torch.rand(3)

    assert torch.equal(drawn, expected) is True


@pytest.mark.cuda
def test_the_state_of_a_gpus_generator_can_be_kept():
    """After `state = torch.cuda.get_rng_state()` and `first = torch.rand(3, device="cuda")`,
    `torch.cuda.set_rng_state(state)` sets the GPU's generator back: the next
    `torch.rand(3, device="cuda")` is equal to `first`.
    """
    state = torch.cuda.get_rng_state()
    first = torch.rand(3, device="cuda")
    torch.cuda.set_rng_state(state)
    second = torch.rand(3, device="cuda")

    assert torch.equal(first, second) is True


@pytest.mark.cuda
def test_a_generator_belongs_to_a_device():
    """`torch.rand(3, device="cuda", generator=torch.Generator())` raises RuntimeError,
    "Expected a 'cuda' device type for generator": a generator of the CPU can't draw on a GPU.

    Make it with `torch.Generator("cuda")`.
    """
    generator = torch.Generator()

    with pytest.raises(RuntimeError, match="Expected a 'cuda' device type for generator"):
        torch.rand(3, device="cuda", generator=generator)

    assert torch.rand(3, device="cuda", generator=torch.Generator("cuda")).shape == (3,)


@pytest.mark.cuda
def test_what_cannot_be_computed_in_a_fixed_order_is_refused_on_demand():
    """After `torch.set_deterministic_debug_mode("error")`, `torch.histc` of a float32 GPU tensor
    raises RuntimeError, "does not have a deterministic implementation".

    Because its threads add to the bins in no fixed order.
    `torch.use_deterministic_algorithms(True)` does the same. Compute such a step on the CPU.
    """
    x = torch.ones(4, device="cuda")

    torch.set_deterministic_debug_mode("error")
    with pytest.raises(RuntimeError, match="does not have a deterministic implementation"):
        torch.histc(x, bins=2, min=0, max=2)
    torch.set_deterministic_debug_mode("default")

    assert torch.histc(x, bins=2, min=0, max=2).tolist() == [0.0, 4.0]
