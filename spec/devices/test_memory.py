"""Memory of a GPU, and on its way there.

PyTorch asks the driver for large blocks of GPU memory and hands out pieces of them to tensors.
`torch.cuda.memory_allocated()` counts the bytes that tensors hold, `memory_reserved()` the bytes
that PyTorch holds; the difference, the cache, is kept for the next tensors. `nvidia-smi` shows
neither: it shows the reserved memory and what CUDA itself takes.

Host memory can be pinned (page-locked): then the GPU reads it by itself, and a copy can go on while
Python does something else.

What surprises: a deleted tensor gives its memory back to PyTorch and not to the machine, and
running out of memory is an exception after which one can go on.

What keeps a tensor alive, and how much memory a training takes on any device, is told in
`spec/performance/test_kept_memory.py`; the memory of a machine without a GPU in
`spec/devices/test_without_cuda.py`.
"""

import os
import subprocess
import sys

import pytest
import torch

built_for_cuda = pytest.mark.skipif(
    torch.version.cuda is None, reason="this torch is no build for CUDA"
)

# What a program prints that asks for the largest block that may be split, in bytes.
SETTING = """
import torch
print(torch.cuda.memory._snapshot()["allocator_settings"]["max_split_size"])
"""


@pytest.mark.cuda
def test_a_tensor_is_counted_while_it_lives():
    """`x = torch.zeros(1024 * 1024, dtype=torch.uint8, device="cuda")` adds 1 MiB to
    `torch.cuda.memory_allocated()`; `del x` takes it off again.

    A tensor of more than 1 MiB can add up to 1 MiB more than its size: the caching allocator hands
    out a free block that is a little too large as a whole.
    """
    before = torch.cuda.memory_allocated()
    x = torch.zeros(1024 * 1024, dtype=torch.uint8, device="cuda")
    during = torch.cuda.memory_allocated()
    del x
    after = torch.cuda.memory_allocated()

    assert during - before == 1048576
    assert after - before == 0


@pytest.mark.cuda
@pytest.mark.torch(">=2.0")
def test_memory_is_handed_out_in_pieces_of_512_bytes():
    """`torch.zeros(1, device="cuda")` adds 512 bytes to `torch.cuda.memory_allocated()`, the
    smallest block of the caching allocator, though the storage of the tensor has 4.
    """
    before = torch.cuda.memory_allocated()
    x = torch.zeros(1, device="cuda")
    during = torch.cuda.memory_allocated()

    assert during - before == 512
    assert x.untyped_storage().nbytes() == 4


@pytest.mark.cuda
def test_a_view_takes_no_memory():
    """A view of a float32 GPU tensor `x` of shape (512, 512), such as `x.T`, adds nothing to
    `torch.cuda.memory_allocated()`; `x.T.clone()` adds 1 MiB, the bytes of its elements.
    """
    x = torch.zeros(512, 512, device="cuda")
    before = torch.cuda.memory_allocated()
    view = x.T
    after_view = torch.cuda.memory_allocated()
    copied = view.clone()
    after_clone = torch.cuda.memory_allocated()

    assert after_view - before == 0
    assert after_clone - before == 1048576
    assert copied.shape == (512, 512)


@pytest.mark.cuda
def test_a_deleted_tensor_leaves_its_block_reserved():
    """Where the cache is empty, `x = torch.zeros(2**29, dtype=torch.uint8, device="cuda")` adds
    512 MiB to `torch.cuda.memory_reserved()`. They stay in it after `del x`;
    `torch.cuda.empty_cache()` gives them back to the driver.

    So other programs see the memory as taken. Within one program `empty_cache()` is rarely of use.
    """
    torch.cuda.empty_cache()
    before = torch.cuda.memory_reserved()
    x = torch.zeros(2**29, dtype=torch.uint8, device="cuda")
    del x
    kept = torch.cuda.memory_reserved()
    torch.cuda.empty_cache()
    given_back = torch.cuda.memory_reserved()

    assert kept - before == 536870912
    assert given_back - before == 0


@pytest.mark.cuda
def test_empty_cache_frees_no_tensor():
    """`torch.cuda.empty_cache()` frees no tensor that a name still holds.

    To clear CUDA memory of a tensor, let go of everything that holds it: each name, each list, and
    each kept loss whose graph uses it.
    """
    x = torch.ones(1024, device="cuda")
    before = torch.cuda.memory_allocated()

    torch.cuda.empty_cache()
    after = torch.cuda.memory_allocated()

    assert after - before == 0
    assert x.sum().item() == 1024.0


@pytest.mark.cuda
def test_the_peak_remembers_what_has_been_freed():
    """After `torch.cuda.reset_peak_memory_stats()`, `torch.cuda.max_memory_allocated()` is the
    highest value that `torch.cuda.memory_allocated()` has had since; it counts tensors that
    have been deleted in the meantime, too.
    """
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    x = torch.zeros(1024 * 1024, dtype=torch.uint8, device="cuda")
    del x
    peak = torch.cuda.max_memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    forgotten = torch.cuda.max_memory_allocated()

    assert peak - before == 1048576
    assert forgotten - before == 0


@pytest.mark.cuda
def test_a_freed_block_is_used_again():
    """After `x = torch.zeros(2**21, dtype=torch.uint8, device="cuda")` and `del x`,
    `y = torch.zeros(2**21, dtype=torch.uint8, device="cuda")` gets the memory that `x` had:
    `y.data_ptr()` is what `x.data_ptr()` was.

    `del x` gives the block back to PyTorch's caching allocator, which hands it out again to the
    next tensor of this size.
    """
    x = torch.zeros(2**21, dtype=torch.uint8, device="cuda")
    address = x.data_ptr()
    del x
    y = torch.zeros(2**21, dtype=torch.uint8, device="cuda")

    assert y.data_ptr() - address == 0


@pytest.mark.cuda
def test_running_out_of_memory_is_survived():
    """`torch.empty(2**50, dtype=torch.uint8, device="cuda")`, 1 PiB and more than any GPU
    has, raises `torch.cuda.OutOfMemoryError`, "CUDA out of memory", and the tensors that
    are there can still be used."""
    x = torch.ones(2, device="cuda")

    with pytest.raises(torch.cuda.OutOfMemoryError, match="CUDA out of memory"):
        torch.empty(2**50, dtype=torch.uint8, device="cuda")

    assert (x + 1).tolist() == [2.0, 2.0]


@pytest.mark.cuda
@pytest.mark.torch(">=2.0")
def test_a_smaller_batch_is_tried_after_the_except_clause():
    """After `torch.cuda.OutOfMemoryError` a program can try a smaller batch. Leave the
    `except` clause first: until then the exception's traceback holds the tensors of the
    failed call.

    A lasting shortage also shows as "CUDA error: CUBLAS_STATUS_ALLOC_FAILED" or "cuDNN error:
    CUDNN_STATUS_NOT_INITIALIZED", because cuBLAS and cuDNN found no memory for themselves: make
    the batch smaller, or look with `nvidia-smi` for another process on the GPU.
    """
    before = torch.cuda.memory_allocated()

    def step(size):
        x = torch.zeros(2**20, dtype=torch.uint8, device="cuda")
        return x, torch.empty(size, dtype=torch.uint8, device="cuda")

    try:
        step(2**50)
    except torch.cuda.OutOfMemoryError:
        inside = torch.cuda.memory_allocated()
    after = torch.cuda.memory_allocated()
    x, y = step(1024)

    assert inside - before == 1048576
    assert after - before == 0
    assert (x.numel(), y.numel()) == (1048576, 1024)


@pytest.mark.cuda
@pytest.mark.torch(">=2.0")
def test_reserved_memory_is_at_least_what_is_allocated():
    """`torch.cuda.memory_allocated()` counts the GPU memory that tensors hold: a tensor of 1 MiB
    adds 1 MiB. `torch.cuda.memory_reserved()` counts all that PyTorch's caching allocator holds,
    and is never smaller.

    `nvidia-smi` shows more than both, because the CUDA context takes memory too.
    """
    before = torch.cuda.memory_allocated()
    x = torch.zeros(1024 * 1024, dtype=torch.uint8, device="cuda")
    allocated, reserved = torch.cuda.memory_allocated(), torch.cuda.memory_reserved()

    assert allocated - before == 1048576
    assert x.numel() == 1048576
    assert (reserved >= allocated) is True


@pytest.mark.cuda
def test_free_and_total_memory_are_those_of_the_gpu():
    """`torch.cuda.mem_get_info(0)` returns the free and the total bytes of the first GPU;
    what other programs use there does not count as free. The total equals
    `torch.cuda.get_device_properties(0).total_memory`."""
    free, total = torch.cuda.mem_get_info(0)

    assert total - torch.cuda.get_device_properties(0).total_memory == 0
    assert (0 <= free <= total) is True


@pytest.mark.cuda
def test_the_summary_is_a_table():
    """`torch.cuda.memory_summary()` returns a table as text, headed "PyTorch CUDA memory
    summary".

    It has rows for allocated and reserved memory, with the values of now and of the peak.
    """
    torch.zeros(1, device="cuda")

    assert "PyTorch CUDA memory summary" in torch.cuda.memory_summary()


@pytest.mark.cuda
@pytest.mark.torch(">=2.1")
def test_a_snapshot_tells_where_memory_was_allocated(tmp_path):
    """After `torch.cuda.memory._record_memory_history()`,
    `torch.cuda.memory._dump_snapshot(path)` writes a file for
    https://pytorch.org/memory_viz; `torch.cuda.memory._record_memory_history(enabled=None)`
    stops recording.

    The page shows which line of the program allocated each piece of GPU memory that PyTorch handed
    out while it recorded.
    """
    torch.cuda.memory._record_memory_history()
    x = torch.zeros(1024, device="cuda")
    torch.cuda.memory._dump_snapshot(str(tmp_path / "snapshot.pickle"))
    torch.cuda.memory._record_memory_history(enabled=None)

    assert x.shape == (1024,)
    assert (tmp_path / "snapshot.pickle").exists() is True


@pytest.mark.cuda
def test_a_fraction_of_the_memory_is_between_0_and_1():
    """`torch.cuda.set_per_process_memory_fraction(2.0)` raises ValueError, "Invalid fraction
    value: 2.0. Allowed range: 0~1".

    With 0.5 PyTorch takes at most half of the memory of the current GPU for the tensors of this
    process: an operation that needs more raises `torch.cuda.OutOfMemoryError`.
    """
    with pytest.raises(ValueError, match=r"Invalid fraction value: 2\.0"):
        torch.cuda.set_per_process_memory_fraction(2.0)


@built_for_cuda
@pytest.mark.slow
@pytest.mark.torch(">=2.14")
@pytest.mark.parametrize("name", ["PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF"])
def test_the_allocator_is_set_by_the_environment(name):
    """In PyTorch 2.14 the environment variable `PYTORCH_ALLOC_CONF=max_split_size_mb:128`, set
    before torch is imported, keeps the GPU memory allocator from splitting blocks over 128 MiB;
    the older name `PYTORCH_CUDA_ALLOC_CONF` does the same.

    An out-of-memory error suggests another setting, `expandable_segments:True`, "if reserved but
    unallocated memory is large".
    """
    done = subprocess.run(
        [sys.executable, "-c", SETTING],
        env={**os.environ, name: "max_split_size_mb:128"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert int(done.stdout) == 134217728


@built_for_cuda
@pytest.mark.slow
@pytest.mark.torch(">=2.1,<2.9")
def test_before_2_9_the_allocator_was_set_under_the_name_of_cuda():
    """Before PyTorch 2.9 the environment variable `PYTORCH_CUDA_ALLOC_CONF`, such as
    `max_split_size_mb:128`, sets up the allocator of CUDA memory; `PYTORCH_ALLOC_CONF` is not
    read.
    """
    printed = {}
    for name in ("PYTORCH_CUDA_ALLOC_CONF", "PYTORCH_ALLOC_CONF"):
        done = subprocess.run(
            [sys.executable, "-c", SETTING],
            env={**os.environ, name: "max_split_size_mb:128"},
            capture_output=True,
            text=True,
            check=True,
        )
        printed[name] = int(done.stdout)

    assert printed == {"PYTORCH_CUDA_ALLOC_CONF": 134217728, "PYTORCH_ALLOC_CONF": -1}


@built_for_cuda
@pytest.mark.slow
@pytest.mark.torch(">=2.14")
def test_an_unknown_setting_of_the_allocator_is_refused():
    """In PyTorch 2.14 and 2.15 built for CUDA, with `PYTORCH_ALLOC_CONF=nope:1` in the
    environment, which names no existing setting, `torch.cuda.memory._snapshot()` raises
    ValueError, "Unrecognized key 'nope' in Accelerator allocator config."

    PyTorch 2.5 and 2.8 ignore this variable: they read `PYTORCH_CUDA_ALLOC_CONF`, where `nope:1`
    makes them raise RuntimeError, "Unrecognized CachingAllocator option: nope". Correct the
    variable in the shell that starts Python.
    """
    done = subprocess.run(
        [sys.executable, "-c", SETTING],
        env={**os.environ, "PYTORCH_ALLOC_CONF": "nope:1"},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "Unrecognized key 'nope' in Accelerator allocator config" in done.stderr


@pytest.mark.torch(">=2.4")
def test_out_of_memory_has_a_name_for_every_device():
    """Since PyTorch 2.4 `torch.OutOfMemoryError is torch.cuda.OutOfMemoryError` is True:
    one class with two names.
    """
    assert (torch.OutOfMemoryError is torch.cuda.OutOfMemoryError) is True


def test_out_of_memory_is_a_runtime_error():
    """`torch.cuda.OutOfMemoryError` is a subclass of RuntimeError, not of Python's MemoryError.

    So old code with `except RuntimeError` still catches it.
    """
    error = torch.cuda.OutOfMemoryError

    assert issubclass(error, RuntimeError) is True
    assert issubclass(error, MemoryError) is False


def test_too_much_for_the_cpu_is_a_runtime_error():
    """`torch.empty(10**18)` on the CPU, far more than the host's memory, raises RuntimeError,
    not `torch.cuda.OutOfMemoryError`.

    A tensor that is only somewhat too large may be made; on Linux the system may then kill the
    process when it writes to the tensor.
    """
    with pytest.raises(RuntimeError, match=r"can't allocate memory|not enough memory") as caught:
        torch.empty(10**18)

    assert isinstance(caught.value, torch.cuda.OutOfMemoryError) is False


@pytest.mark.torch(">=2.0")
def test_the_memory_of_a_tensor_can_be_counted_on_any_device(device):
    """For the row `row = x[0]` of `x = torch.zeros(4, 3, dtype=torch.float64)`, `row.nelement()
    * row.element_size()` is 24, the bytes of its elements; `row.untyped_storage().nbytes()`
    is 96, the bytes of the storage that `row` shares with `x`.

    For an expanded tensor `x.nelement() * x.element_size()` counts the repeated elements
    too, which take no memory.
    """
    x = torch.zeros(4, 3, dtype=torch.float64, device=device)
    row = x[0]

    assert x.nelement() * x.element_size() == 96
    assert row.nelement() * row.element_size() == 24
    assert row.untyped_storage().nbytes() == 96
    repeated = row.expand(100, 3)
    assert repeated.nelement() * repeated.element_size() == 2400
    assert repeated.untyped_storage().nbytes() == 96


@pytest.mark.cuda
def test_pinned_memory_is_main_memory_that_stays_in_place():
    """For `x = torch.tensor([1.0, 2.0])`, `x.pin_memory()` returns a copy in pinned host memory:
    its device is `cpu`, and its `is_pinned()` is True; `x.is_pinned()` stays False.

    `DataLoader(..., pin_memory=True)` does it for the tensors of each batch.
    """
    x = torch.tensor([1.0, 2.0])

    pinned = x.pin_memory()

    assert str(pinned.device) == "cpu"
    assert pinned.is_pinned() is True
    assert x.is_pinned() is False
    assert pinned.tolist() == [1.0, 2.0]


@pytest.mark.cuda
def test_pinning_twice_copies_once():
    """`x.pin_memory()` of a tensor that is pinned already returns a tensor with the same
    memory."""
    pinned = torch.ones(2).pin_memory()

    again = pinned.pin_memory()

    assert again.data_ptr() == pinned.data_ptr()


@pytest.mark.cuda
def test_only_main_memory_can_be_pinned():
    """`x.pin_memory()` of a tensor on a GPU raises RuntimeError, "only dense CPU tensors can be
    pinned".

    Pin the CPU tensor, then move it: `torch.ones(2).pin_memory().to("cuda", non_blocking=True)`.
    """
    with pytest.raises(RuntimeError, match="only dense CPU tensors can be pinned"):
        torch.ones(2, device="cuda").pin_memory()

    assert torch.ones(2).pin_memory().is_pinned() is True


@pytest.mark.cuda
def test_a_non_blocking_copy_returns_before_it_is_made():
    """For a pinned and contiguous CPU tensor `x`, `x.to("cuda", non_blocking=True)` does not wait
    for the copy: behind a long kernel in the same stream it returns before the copy is made.

    Work on the result in the same stream waits for the copy by itself; until the copy is made, do
    not write to the pinned tensor.
    """
    x = torch.ones(1000).pin_memory()
    copied = torch.cuda.Event()
    torch.cuda._sleep(10**9)

    there = x.to("cuda", non_blocking=True)
    copied.record()
    at_once = copied.query()

    assert at_once is False
    assert there.sum().item() == 1000.0
