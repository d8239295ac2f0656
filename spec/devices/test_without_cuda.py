"""A machine without CUDA.

The same PyTorch runs on machines with a GPU and without one. Without one, questions get an honest
answer (no, zero, nothing), and orders get an error that says what is missing. The surprise is how
late the error comes: devices, contexts and events for CUDA can be named and made anywhere, and only
what needs the driver complains.
"""

import io
import re

import pytest
import torch
from torch import nn

# A build without CUDA raises AssertionError and says that it is one; a build that finds no driver
# raises RuntimeError.
REFUSAL = AssertionError, RuntimeError
NO_CUDA = r"NVIDIA driver|not compiled with CUDA|driver version is insufficient"

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available(), reason="shows what a machine without CUDA says; this one has CUDA"
)


def test_a_gpu_that_is_not_there_can_be_named():
    """`torch.device("cuda:0")` needs no GPU, and neither does comparing it."""
    named = torch.device("cuda:0")

    assert str(named) == "cuda:0"
    assert named == torch.device("cuda", 0)


def test_asking_for_the_number_of_gpus_is_safe():
    """There are 0 GPUs, and CUDA stays uninitialised after the question."""
    count = torch.cuda.device_count()

    assert count == 0
    assert torch.cuda.is_initialized() is False


@pytest.mark.parametrize(
    "order",
    [
        lambda: torch.zeros(2).to("cuda"),
        lambda: torch.zeros(2).to("cuda", non_blocking=True),
        lambda: torch.zeros(2).new_zeros(2, device="cuda"),
        lambda: torch.empty_like(torch.zeros(2), device="cuda"),
        lambda: nn.Linear(1, 1).to("cuda"),
        lambda: nn.Linear(1, 1, device="cuda"),
        lambda: torch.cuda.synchronize(),
        lambda: torch.cuda.current_device(),
        lambda: torch.cuda.get_device_name(0),
        lambda: torch.cuda.current_stream(),
        lambda: torch.cuda.get_rng_state(),
    ],
)
def test_what_needs_a_gpu_says_that_there_is_none(order):
    """Moving there, making there and asking a GPU about itself all end in the same error."""
    with pytest.raises(REFUSAL, match=NO_CUDA):
        order()


def test_a_model_that_could_not_be_moved_still_works():
    """`model.cuda()` fails before it has moved anything."""
    model = nn.Linear(2, 1)
    nn.init.ones_(model.weight)
    nn.init.zeros_(model.bias)

    with pytest.raises(REFUSAL, match=NO_CUDA):
        model.cuda()

    assert model(torch.tensor([1.0, 2.0])).tolist() == [3.0]


def test_seeding_the_gpus_waits_for_them():
    """`torch.cuda.manual_seed_all` is remembered until CUDA starts, and never complains."""
    before = torch.get_rng_state()

    torch.cuda.manual_seed_all(1)

    assert torch.cuda.is_initialized() is False
    assert torch.equal(torch.get_rng_state(), before) is True


def test_the_memory_of_no_gpu_is_zero():
    """The counters of memory answer 0, and emptying the cache does nothing."""
    torch.cuda.empty_cache()

    assert torch.cuda.memory_allocated() == 0
    assert torch.cuda.memory_reserved() == 0
    assert torch.cuda.max_memory_allocated() == 0


def test_autocast_for_cuda_warns_and_does_nothing():
    """`torch.autocast("cuda")` on a machine without CUDA is switched off, with a warning."""
    x = torch.ones(2, 2)

    with pytest.warns(UserWarning, match="CUDA is not available"):
        context = torch.autocast("cuda")
    with context:
        product = x @ x

    assert product.dtype == torch.float32


@pytest.mark.torch(">=2.6")
def test_a_cuda_checkpoint_is_refused_with_the_way_out():
    """A tensor saved on a GPU can't be read as it is; the message names `map_location`."""
    file = saved_on_a_gpu()

    with pytest.raises(RuntimeError, match=r"use torch\.load with map_location"):
        torch.load(file, weights_only=True)


# torch 2.0 warns of a class of its own.
@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated:UserWarning")
def test_map_location_reads_a_cuda_checkpoint():
    """With `map_location="cpu"` the numbers that a GPU saved arrive on the CPU."""
    file = saved_on_a_gpu()

    x = torch.load(file, map_location="cpu", weights_only=True)

    assert repr(x) == "tensor([1., 2.])"


def saved_on_a_gpu():
    """Return a file as a machine with CUDA writes it: the device stands in it by name."""
    file = io.BytesIO()
    torch.save(torch.tensor([1.0, 2.0]), file, _use_new_zipfile_serialization=False)
    # In the pickle a string is its length and its letters.
    return io.BytesIO(re.sub(rb"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0", file.getvalue()))
