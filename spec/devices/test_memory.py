"""Memory of a GPU.

PyTorch asks the driver for large blocks and hands out pieces of them. `memory_allocated` counts
what tensors hold, `memory_reserved` what PyTorch holds; the difference is kept for the next tensor.
The surprise is that a deleted tensor gives its memory back to PyTorch and not to the machine, and
that running out of memory is an exception like any other.
"""

import pytest
import torch


@pytest.mark.cuda
def test_a_tensor_is_counted_while_it_lives():
    """A tensor of 2 MiB adds 2 MiB to `memory_allocated`, and takes them away when it goes."""
    before = torch.cuda.memory_allocated()
    x = torch.zeros(2 * 1024 * 1024, dtype=torch.uint8, device="cuda")
    during = torch.cuda.memory_allocated()
    del x
    after = torch.cuda.memory_allocated()

    assert during - before == 2097152
    assert after - before == 0


@pytest.mark.cuda
@pytest.mark.torch(">=2.0")
def test_memory_is_handed_out_in_pieces_of_512_bytes():
    """The smallest tensor takes 512 bytes of a GPU."""
    before = torch.cuda.memory_allocated()
    x = torch.zeros(1, device="cuda")
    during = torch.cuda.memory_allocated()

    assert during - before == 512
    assert x.untyped_storage().nbytes() == 4


@pytest.mark.cuda
def test_a_view_takes_no_memory():
    """Slices and transposes are counted with the tensor that they show; a clone is not."""
    x = torch.zeros(1024, 1024, device="cuda")
    before = torch.cuda.memory_allocated()
    view = x.T
    after_view = torch.cuda.memory_allocated()
    copied = view.clone()
    after_clone = torch.cuda.memory_allocated()

    assert after_view - before == 0
    assert after_clone - before == 4194304
    assert copied.shape == (1024, 1024)


@pytest.mark.cuda
def test_a_deleted_tensor_leaves_its_block_reserved():
    """After `del` the memory is PyTorch's; `empty_cache` gives unused blocks back to the driver."""
    torch.cuda.empty_cache()
    before = torch.cuda.memory_reserved()
    x = torch.zeros(64 * 1024 * 1024, dtype=torch.uint8, device="cuda")
    del x
    kept = torch.cuda.memory_reserved()
    torch.cuda.empty_cache()
    given_back = torch.cuda.memory_reserved()

    assert kept - before == 67108864
    assert given_back - before == 0


@pytest.mark.cuda
def test_empty_cache_frees_no_tensor():
    """What a name still holds is in use: `empty_cache` takes nothing from it."""
    x = torch.ones(1024, device="cuda")
    before = torch.cuda.memory_allocated()

    torch.cuda.empty_cache()
    after = torch.cuda.memory_allocated()

    assert after - before == 0
    assert x.sum().item() == 1024.0


@pytest.mark.cuda
def test_the_peak_remembers_what_has_been_freed():
    """`max_memory_allocated` is the highest count since `reset_peak_memory_stats`."""
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    x = torch.zeros(2 * 1024 * 1024, dtype=torch.uint8, device="cuda")
    del x
    peak = torch.cuda.max_memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    forgotten = torch.cuda.max_memory_allocated()

    assert peak - before == 2097152
    assert forgotten - before == 0


@pytest.mark.cuda
def test_a_freed_block_is_used_again():
    """The next tensor of the same size gets the memory of the one that went."""
    x = torch.zeros(2 * 1024 * 1024, dtype=torch.uint8, device="cuda")
    address = x.data_ptr()
    del x
    y = torch.zeros(2 * 1024 * 1024, dtype=torch.uint8, device="cuda")

    assert y.data_ptr() == address


@pytest.mark.cuda
def test_running_out_of_memory_is_survived():
    """Asking for too much raises `OutOfMemoryError`; the tensors that are there stay good."""
    x = torch.ones(2, device="cuda")

    with pytest.raises(torch.cuda.OutOfMemoryError, match="CUDA out of memory"):
        torch.empty(2**50, dtype=torch.uint8, device="cuda")

    assert (x + 1).tolist() == [2.0, 2.0]


def test_out_of_memory_is_a_runtime_error():
    """`except RuntimeError` catches it as well, as programs did before it had a name."""
    error = torch.cuda.OutOfMemoryError

    assert issubclass(error, RuntimeError) is True
    assert issubclass(error, MemoryError) is False


def test_too_much_for_the_cpu_is_a_runtime_error():
    """The CPU's own words are others, and the error has no name of its own."""
    with pytest.raises(RuntimeError, match=r"can't allocate memory|not enough memory"):
        torch.empty(10**18)


@pytest.mark.torch(">=2.0")
def test_the_memory_of_a_tensor_can_be_counted_on_any_device(device):
    """Elements times bytes an element; a view counts its own elements and adds no storage."""
    x = torch.zeros(4, 3, dtype=torch.float64, device=device)
    row = x[0]

    assert x.nelement() * x.element_size() == 96
    assert row.nelement() * row.element_size() == 24
    assert row.untyped_storage().nbytes() == 96
