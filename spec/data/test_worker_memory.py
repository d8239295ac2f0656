"""Memory of workers: what is copied, what is shared, and what runs out.

A forked worker begins with the memory of your process, shared page by page until one of the two
writes to a page, which then is copied ("copy on write"). Reading a Python object writes too: its
reference count, beside its value, goes up and down. So a dataset that is a list of a million Python
objects is copied page by page into each worker as it is read, and memory grows over the epoch; the
same data in one NumPy array or tensor stays shared, for reading it writes nothing.

Batches come back through shared memory (/dev/shm on Linux). With the sharing strategy
`file_descriptor`, the default on Linux, a tensor that you keep holds a file open; with
`file_system` each has a name in /dev/shm instead. Sharing between processes of your own is told in
`spec/parallel/test_processes.py`.

What surprises: "received 0 items of ancdata", "unable to open shared memory object" and "Too many
open files" usually have one cause: tensors that were kept as they came out of the loader. A Docker
container has only 64 MB of shared memory unless it is started with more.
"""

import contextlib
import gc
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.multiprocessing as mp
from torch.utils.data import DataLoader, Dataset

resource = pytest.importorskip("resource")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="counts pages and open files on Linux"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]

# Pages of 4 million bytes, and of a fifth of that.
MANY = 4_000_000 // resource.getpagesize()
FEW = MANY // 5


class Reading(Dataset):
    """A single sample: how many pages a worker copied or mapped while it read the data."""

    def __init__(self, data):
        self.data = data

    def __len__(self):
        return 1

    def __getitem__(self, index):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in self.data:
            pass
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def pages_read(data):
    """The number of pages that a forked worker gets anew while it iterates over the data."""
    loader = DataLoader(
        Reading(data), batch_size=None, num_workers=1, multiprocessing_context="fork"
    )
    (pages,) = loader
    return pages


def test_reading_python_objects_copies_their_memory():
    """A forked `DataLoader` worker that reads each element of
    `strings = [str(i) for i in range(100_000)]`, a list made before the fork, copies the
    memory of these strings, more than 4 MB, page by page.

    Because reading an object changes its reference count, which stands beside its value. So each
    worker can come to hold a copy of the whole list.
    """
    strings = [str(number) for number in range(100_000)]

    assert (sum(map(sys.getsizeof, strings)) > 4_000_000) is True
    assert (pages_read(strings) > MANY) is True


def test_reading_an_array_copies_nothing():
    """A forked `DataLoader` worker that runs `for row in rows: pass`, with `rows` an int64
    NumPy array of 1,000 rows and 4.8 MB made before the fork, copies less than 0.8 MB of
    this array, which stays shared with your process.

    So keep paths and labels in arrays, `np.array(paths)` of a fixed-width dtype, not in lists or
    dicts. An array of dtype object holds Python objects again.
    """
    rows = np.arange(100_000 * 6).reshape(1_000, 600)

    assert rows.nbytes == 4_800_000
    assert (pages_read(rows) < FEW) is True


def test_an_array_of_objects_is_copied_like_a_list():
    """A forked `DataLoader` worker that runs `for s in strings: pass`, with
    `strings = np.array([str(i) for i in range(100_000)], dtype=object)` made before the fork,
    copies more than 4 MB of memory, as with a list.

    Without `dtype=object` it copies less than 0.8 MB: the array holds the characters themselves,
    and no Python objects.
    """
    strings = [str(number) for number in range(100_000)]
    objects, fixed = np.array(strings, dtype=object), np.array(strings).reshape(100, 1_000)

    assert fixed.dtype == "<U5"
    assert (pages_read(objects) > MANY) is True
    assert (pages_read(fixed) < FEW) is True


def test_a_tensor_in_shared_memory_is_a_cache_of_all_workers():
    """What forked workers of a `DataLoader` write into a tensor that was moved by `share_memory_()`
    before they started is seen by your process; what they write into an ordinary tensor stays in
    their own copies.

    So a cache of fixed size that all workers fill and use is possible. To spawned workers an
    ordinary tensor of the dataset is sent through shared memory, and is shared as well.
    """
    shared, own = torch.zeros(4).share_memory_(), torch.zeros(4)

    class Filling(Dataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            shared[index] = own[index] = index + 1
            return index

    list(DataLoader(Filling(), num_workers=2, multiprocessing_context="fork"))

    assert shared.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert own.tolist() == [0.0, 0.0, 0.0, 0.0]


class Fresh(Dataset):
    """Samples, each a tensor of its own."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return torch.tensor([float(index)])


def open_files(name=""):
    """The number of files that this process has open, of those whose path contains the name."""
    gc.collect()
    links = [f"/proc/self/fd/{number}" for number in os.listdir("/proc/self/fd")]
    return len([link for link in links if os.path.islink(link) and name in os.readlink(link)])


@contextlib.contextmanager
def at_most(files):
    """Let this process open no more than so many further files."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + files, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@contextlib.contextmanager
def sharing_strategy(name):
    """Share tensors by another strategy for a while."""
    before = mp.get_sharing_strategy()
    mp.set_sharing_strategy(name)
    try:
        yield
    finally:
        mp.set_sharing_strategy(before)


def test_kept_batches_keep_files_open():
    """With "file_descriptor", the default sharing strategy of `torch.multiprocessing` on
    Linux, a nonempty tensor that a worker has collated as a batch keeps one file open as
    long as you keep it: 50 kept batches of one tensor each hold 50.

    Keep a copy, `batch.clone()`, or only the values, `batch.tolist()`, where many are kept.
    """
    loader = DataLoader(Fresh(50), num_workers=1, multiprocessing_context="fork")
    before = open_files("/torch_")

    kept = list(loader)
    of_kept = open_files("/torch_") - before
    copies = [batch.clone() for batch in kept]
    del kept
    of_copies = open_files("/torch_") - before

    assert mp.get_sharing_strategy() == "file_descriptor"
    assert [of_kept, of_copies] == [50, 0]
    assert len(copies) == 50


def test_too_many_kept_batches_end_in_too_many_open_files():
    """On Linux, a loop over `DataLoader(data, num_workers=1)` that keeps more batches of a
    non-empty tensor each than `ulimit -n` allows open files raises RuntimeError, "Too many open
    files. Communication with the workers is no longer possible".

    The message names two ways out, `ulimit -n` and
    `torch.multiprocessing.set_sharing_strategy("file_system")`; the third is not to keep batches.
    """
    loader = DataLoader(Fresh(100), num_workers=1, multiprocessing_context="fork", timeout=60)

    with (
        at_most(40),
        pytest.raises(RuntimeError, match=r"Too many open files\. Communication with the"),
    ):
        list(loader)
    with at_most(40):
        copies = [sample.clone() for sample in loader]

    assert len(copies) == 100


def test_a_queue_without_open_files_receives_0_items_of_ancdata():
    """On Linux, with the default sharing strategy, a process that keeps the tensors it takes from
    a `torch.multiprocessing` queue gets RuntimeError, "received 0 items of ancdata", if they use
    up its limit of open files before the sender's.

    Because the file behind each tensor comes as ancillary data of a message. Keep clones, raise
    `ulimit -n`, or use the sharing strategy "file_system".
    """
    context = mp.get_context("fork")
    queue, done = context.SimpleQueue(), context.Event()

    def send():
        for number in range(40):
            queue.put(torch.tensor([number]))
        done.wait(60)

    process = context.Process(target=send)
    process.start()
    kept = [queue.get()]

    with at_most(20), pytest.raises(RuntimeError, match="received 0 items of ancdata"):
        kept.extend(iter(queue.get, None))
    done.set()
    process.kill()
    process.join()

    assert kept[1].tolist() == [1]


def test_too_many_shared_tensors_open_no_shared_memory_object():
    """With the default sharing strategy on Linux, `torch.ones(1).share_memory_()` raises
    RuntimeError if the process can open no more files: "unable to open shared memory object
    </torch_...> in read-write mode: Too many open files (24)".

    In a worker, collating a batch can run into this. In the shell that starts Python, `ulimit -n`
    shows the limit, and `ulimit -n 8192` raises a lower one, if the hard limit, `ulimit -Hn`,
    allows it.
    """
    kept = []

    with (
        at_most(10),
        pytest.raises(
            RuntimeError, match=r"unable to open shared memory object </torch_\w+> in read"
        ),
    ):
        kept.extend(iter(lambda: torch.ones(1).share_memory_(), None))

    assert kept.pop().is_shared() is True


def test_the_other_strategy_keeps_no_file_open():
    """With `torch.multiprocessing.set_sharing_strategy("file_system")`, kept batches of a
    `DataLoader` with one forked worker hold no open files: a process that may open only 40 more
    files can keep 50 batches.

    They have names in /dev/shm. If the process is killed, the daemon torch_shm_manager removes
    them some seconds later, unless it is killed too. The workers have to use the same strategy:
    set it at the beginning of the script, and with `spawn` or `forkserver` in `worker_init_fn`.
    """
    loader = DataLoader(Fresh(50), num_workers=1, multiprocessing_context="fork", timeout=60)

    with sharing_strategy("file_system"), at_most(40):
        kept = list(loader)

    assert len(kept) == 50
    assert kept.pop().is_shared() is True


def test_a_sharing_strategy_is_one_of_a_few():
    """On Linux `torch.multiprocessing.get_all_sharing_strategies()` is the set of
    "file_descriptor" and "file_system"; `set_sharing_strategy("files")` raises
    AssertionError.
    """
    assert mp.get_all_sharing_strategies() == {"file_descriptor", "file_system"}

    with pytest.raises(AssertionError, match=r"^$|invalid sharing strategy"):
        mp.set_sharing_strategy("files")


@pytest.fixture
def nothing_left_in_shared_memory():
    """The file that a failed call leaves in /dev/shm is removed again."""
    yield
    for path in Path("/dev/shm").glob(f"torch_{os.getpid()}_*"):
        path.unlink()


@pytest.mark.usefixtures("nothing_left_in_shared_memory")
@pytest.mark.torch(">=2.10")
def test_shared_memory_can_run_out():
    """Since PyTorch 2.10 `torch.UntypedStorage._new_shared(2**45)` raises RuntimeError, "unable to
    allocate shared memory(shm) for file </torch_...>", if /dev/shm has no room for these 32 TiB.

    Since 2.12 it goes on: "No space left on device (28)". The file stays in /dev/shm. Collating
    tensors in a worker calls `_new_shared`. In Docker start the container with `--shm-size=8g` or
    `--ipc=host`; elsewhere use smaller batches or fewer workers.
    """
    with pytest.raises(
        RuntimeError,
        match=r"unable to allocate shared memory\(shm\) for file </torch_\w+>: (No|Succ)",
    ):
        torch.UntypedStorage._new_shared(2**45)

    assert torch.UntypedStorage._new_shared(8).nbytes() == 8


@pytest.mark.torch("<2.10")
def test_shared_memory_that_ran_out_used_to_kill():
    """Before PyTorch 2.10 `torch.UntypedStorage._new_shared(2**45)` returned a storage of
    32 TiB, without an error, also if /dev/shm has no room for as much.

    Writing beyond what there is room for ended the process with a bus error. Where it was a
    worker, the main process then raised RuntimeError, "DataLoader worker (pid ...) is killed by
    signal: Bus error. It is possible that dataloader's workers are out of shared memory."
    """
    assert torch.UntypedStorage._new_shared(2**45).nbytes() == 2**45
