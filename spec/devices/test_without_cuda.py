"""A machine without CUDA.

The same program runs on machines with an NVIDIA GPU and on machines without, if it asks first:
`torch.cuda.is_available()` tells whether CUDA can be used. Without it a few questions get an
answer, such as `torch.cuda.device_count()` and `torch.cuda.memory_allocated()`, which are 0; calls
that have to use the GPU raise an error that says what is missing.

The type of that error depends on how PyTorch was built: `x.cuda()` raises RuntimeError in a build
for CUDA that finds no driver, AssertionError in a build without CUDA. Which other accelerator a
machine may have is told in `spec/devices/test_accelerator_api.py`; files that were saved on a GPU,
in `spec/training/test_map_location.py`.

What surprises: `x.cuda()` and `model.cuda()` don't leave a tensor or a model with parameters on the
CPU silently where there is no GPU, they raise an error; an exception is `nn.DataParallel`, see
`spec/parallel/test_data_parallel.py`. Some functions of `torch.cuda`, such as seeding, are accepted
without a GPU and change nothing yet.
"""

import pytest
import torch
from torch import nn

REFUSAL = AssertionError, RuntimeError
NO_CUDA = r"Found no NVIDIA driver|not compiled with CUDA|driver version is insufficient"

without_cuda = pytest.mark.skipif(
    torch.cuda.is_available(), reason="shows what a machine without CUDA says; this one has CUDA"
)


@pytest.mark.claim("blitz-cuda-available-bool")
def test_is_available_answers_with_a_bool():
    """`torch.cuda.is_available()` returns True or False and raises no error, with a GPU or
    without."""
    answer = torch.cuda.is_available()

    assert isinstance(answer, bool) is True


@without_cuda
@pytest.mark.claim("blitz-cuda-available-bool", "blitz-dp-device-count-check")
def test_is_available_is_false_without_a_gpu():
    """On a machine without a GPU `torch.cuda.is_available()` is False and
    `torch.cuda.device_count()` is 0; asking does not initialise CUDA.

    Where a GPU is there but its driver is too old, the count may say 1: ask `is_available()`.
    """
    assert torch.cuda.is_available() is False
    assert torch.cuda.device_count() == 0
    assert torch.cuda.is_initialized() is False


@pytest.mark.claim("summary-args-cuda")
def test_a_program_takes_cuda_where_it_is_available(monkeypatch):
    """`"cuda" if not no_cuda and torch.cuda.is_available() else "cpu"`, with an option
    `no_cuda` that is True or False, is "cuda" only where CUDA is available and `no_cuda` is
    False."""

    def choose(no_cuda):
        return "cuda" if not no_cuda and torch.cuda.is_available() else "cpu"

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with_a_gpu = [choose(no_cuda=False), choose(no_cuda=True)]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    without_a_gpu = [choose(no_cuda=False), choose(no_cuda=True)]

    assert with_a_gpu == ["cuda", "cpu"]
    assert without_a_gpu == ["cpu", "cpu"]


@without_cuda
@pytest.mark.claim("blitz-cuda-available-false-blocks")
@pytest.mark.parametrize(
    "use",
    [
        lambda: torch.zeros(2, device="cuda"),
        lambda: torch.zeros(2).cuda(),
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
def test_what_needs_a_gpu_says_that_there_is_none(use):
    """Where `torch.cuda.is_available()` is False, `torch.zeros(2, device="cuda")`,
    `x.cuda()` and `x.to("cuda")` of a CPU tensor `x`, and `torch.cuda.current_device()`
    raise an error, such as RuntimeError, "Found no NVIDIA driver".

    Because none of them falls back to the CPU: ask `is_available()` once, choose the device,
    and pass it on. A PyTorch built without CUDA raises AssertionError, "Torch not compiled with
    CUDA enabled".
    """
    with pytest.raises(REFUSAL, match=NO_CUDA):
        use()


@without_cuda
def test_a_model_that_could_not_be_moved_still_works():
    """After `model.cuda()` of an `nn.Linear` has raised because CUDA isn't available, the
    parameters are still on the CPU and the model can be used there."""
    model = nn.Linear(2, 1)
    nn.init.ones_(model.weight)
    nn.init.zeros_(model.bias)

    with pytest.raises(REFUSAL, match=NO_CUDA):
        model.cuda()

    assert model(torch.tensor([1.0, 2.0])).tolist() == [3.0]


@without_cuda
def test_seeding_the_gpus_waits_for_them():
    """`torch.cuda.manual_seed_all(1)` is accepted without CUDA, and the CPU's generator stays
    as it is.

    Because the seed is only remembered for the time when CUDA starts, so a script may seed
    first.
    """
    before = torch.get_rng_state()

    torch.cuda.manual_seed_all(1)

    assert torch.cuda.is_initialized() is False
    assert torch.equal(torch.get_rng_state(), before) is True


@without_cuda
def test_the_memory_of_no_gpu_is_zero():
    """Without CUDA `torch.cuda.memory_allocated()`, `torch.cuda.memory_reserved()` and
    `torch.cuda.max_memory_allocated()` are 0, and `torch.cuda.empty_cache()` raises nothing.

    Not so `torch.cuda.mem_get_info()`, which asks the GPU and raises.
    """
    torch.cuda.empty_cache()

    assert torch.cuda.memory_allocated() == 0
    assert torch.cuda.memory_reserved() == 0
    assert torch.cuda.max_memory_allocated() == 0
    with pytest.raises(REFUSAL, match=NO_CUDA):
        torch.cuda.mem_get_info()


@without_cuda
def test_autocast_for_cuda_warns_and_does_nothing():
    """Without CUDA `torch.autocast("cuda")` gives a UserWarning, "CUDA is not available",
    and does nothing: inside, with no other autocast around, `x @ x` of float32 CPU tensors
    is float32.

    On the CPU write `torch.autocast("cpu")`, see `spec/devices/test_mixed_precision.py`.
    """
    x = torch.ones(2, 2)

    with pytest.warns(UserWarning, match="CUDA is not available"):
        context = torch.autocast("cuda")
    with context:
        product = x @ x

    assert product.dtype == torch.float32
