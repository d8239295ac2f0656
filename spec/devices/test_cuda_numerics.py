"""Numbers on a GPU.

A GPU computes what the CPU computes, in another order and sometimes with shorter numbers, and draws
its random numbers from generators of its own. Equal seeds give equal numbers on one kind of device;
the surprise is that they don't across kinds, and that some operations add up in whichever order
their threads arrive, unless told not to.
"""

import numpy as np
import pytest
import torch
from torch import nn


@pytest.mark.cuda
def test_matrix_products_are_full_float32_unless_one_asks():
    """1 + 2**-12 has more digits than TF32 keeps; a product with 1 gives it back whole."""
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
    """With TF32 allowed, GPUs since Ampere round the factors to 10 bits: 2**-12 is lost."""
    x = torch.eye(64, device="cuda") * (1 + 2**-12)

    torch.set_float32_matmul_precision("high")
    product = x @ torch.eye(64, device="cuda")
    torch.set_float32_matmul_precision("highest")

    assert product.trace().item() == 64.0


@pytest.mark.cuda
def test_doubles_are_never_shortened():
    """TF32 is about float32; a product of float64 tensors is exact with it as without."""
    x = torch.eye(64, device="cuda", dtype=torch.float64) * (1 + 2**-40)

    torch.set_float32_matmul_precision("high")
    product = x @ torch.eye(64, device="cuda", dtype=torch.float64)
    torch.set_float32_matmul_precision("highest")

    assert product.trace().item() == 64 + 2**-34


@pytest.mark.cuda
def test_convolutions_may_use_tf32_by_default():
    """What matrix products need permission for, cuDNN's convolutions are allowed from the start."""
    assert torch.backends.cudnn.allow_tf32 is True


@pytest.mark.cuda
def test_manual_seed_makes_a_gpu_repeat_itself():
    """`torch.manual_seed` seeds the CPU and every GPU."""
    torch.manual_seed(1)
    first = torch.rand(3, device="cuda")
    torch.manual_seed(1)
    second = torch.rand(3, device="cuda")
    third = torch.rand(3, device="cuda")

    assert torch.equal(first, second) is True
    assert torch.equal(second, third) is False


@pytest.mark.cuda
def test_a_gpu_and_the_cpu_draw_other_numbers_from_one_seed():
    """The same seed gives different numbers on the two devices; to agree, draw on the CPU."""
    torch.manual_seed(1)
    on_cpu = torch.rand(3)
    torch.manual_seed(1)
    on_gpu = torch.rand(3, device="cuda")

    assert torch.equal(on_cpu, on_gpu.cpu()) is False


@pytest.mark.cuda
def test_drawing_on_the_gpu_leaves_the_cpus_numbers_alone():
    """Each device has a generator: numbers drawn on one don't advance the other."""
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    torch.rand(1000, device="cuda")
    drawn = torch.rand(3)

    assert torch.equal(drawn, expected) is True


@pytest.mark.cuda
def test_the_state_of_a_gpus_generator_can_be_kept():
    """`get_rng_state` and `set_rng_state` of `torch.cuda` go back to a point in the numbers."""
    state = torch.cuda.get_rng_state()
    first = torch.rand(3, device="cuda")
    torch.cuda.set_rng_state(state)
    second = torch.rand(3, device="cuda")

    assert torch.equal(first, second) is True


@pytest.mark.cuda
def test_a_generator_belongs_to_a_device():
    """A CPU generator can't draw on the GPU."""
    generator = torch.Generator()

    with pytest.raises(RuntimeError, match="Expected a 'cuda' device type for generator"):
        torch.rand(3, device="cuda", generator=generator)

    assert torch.rand(3, device="cuda", generator=torch.Generator("cuda")).shape == (3,)


@pytest.mark.cuda
def test_what_cannot_be_computed_in_a_fixed_order_is_refused_on_demand():
    """`histc` and others depend on the order in which threads arrive; one can forbid them."""
    x = torch.ones(4, device="cuda")

    torch.set_deterministic_debug_mode("error")
    with pytest.raises(RuntimeError, match="does not have a deterministic implementation"):
        torch.histc(x, bins=2, min=0, max=2)
    torch.set_deterministic_debug_mode("default")

    assert torch.histc(x, bins=2, min=0, max=2).tolist() == [0.0, 4.0]


@pytest.mark.cuda
def test_pinned_memory_is_main_memory_that_stays_in_place():
    """`pin_memory()` copies into memory that a GPU can read by itself; it is still on the CPU."""
    x = torch.tensor([1.0, 2.0])

    pinned = x.pin_memory()

    assert str(pinned.device) == "cpu"
    assert pinned.is_pinned() is True
    assert x.is_pinned() is False
    assert pinned.tolist() == [1.0, 2.0]


@pytest.mark.cuda
def test_pinning_twice_copies_once():
    """A pinned tensor is returned as it is."""
    pinned = torch.ones(2).pin_memory()

    again = pinned.pin_memory()

    assert again.data_ptr() == pinned.data_ptr()


@pytest.mark.cuda
def test_only_main_memory_can_be_pinned():
    """A tensor on the GPU has nothing to pin."""
    with pytest.raises(RuntimeError, match="cannot pin"):
        torch.ones(2, device="cuda").pin_memory()

    assert torch.ones(2).pin_memory().is_pinned() is True


@pytest.mark.cuda
def test_a_non_blocking_copy_returns_before_it_is_made():
    """From pinned memory, `non_blocking=True` queues the copy behind the work that is there."""
    x = torch.ones(1000).pin_memory()
    copied = torch.cuda.Event()
    torch.cuda._sleep(10**9)

    there = x.to("cuda", non_blocking=True)
    copied.record()
    at_once = copied.query()

    assert at_once is False
    assert there.sum().item() == 1000.0


@pytest.mark.cuda
def test_numpy_is_refused_until_the_tensor_is_on_the_cpu():
    """`x.numpy()` on a GPU is a TypeError that names the way; `x.cpu().numpy()` is the way."""
    x = torch.tensor([1.0, 2.0], device="cuda")

    with pytest.raises(TypeError, match=r"Use Tensor.cpu\(\) to copy the tensor to host memory"):
        x.numpy()

    assert x.cpu().numpy().tolist() == [1.0, 2.0]


@pytest.mark.cuda
def test_an_array_is_copied_on_its_way_to_the_gpu():
    """`torch.from_numpy(a).cuda()` shares nothing with `a`."""
    array = np.zeros(2)

    x = torch.from_numpy(array).cuda()
    array[0] = 5

    assert x.tolist() == [0.0, 0.0]


@pytest.mark.cuda
def test_a_moved_model_keeps_its_parameter_objects():
    """On CUDA `model.cuda()` keeps each Parameter, so an optimizer made before still fits."""
    model = nn.Linear(2, 1)
    before = model.weight

    model.cuda()

    assert model.weight is before
    assert before.is_cuda is True
