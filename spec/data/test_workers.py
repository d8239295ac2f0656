"""Workers.

With `num_workers=2` a `DataLoader` starts two further processes, which fetch and collate the
batches while your own process computes. Each of them has a copy of the dataset, and sends finished
batches back through shared memory. `num_workers=0`, the default, fetches in your own process.
Workers help where fetching takes time: decoding images, reading files. The right number is found
by measuring.

What surprises: what a worker changes in the dataset is not seen in your process; an
`IterableDataset` comes once from each worker; `num_workers=-1` is refused; and an error in a
worker reaches you with the worker's traceback inside its message.

Workers are started here by `fork`, which lets a dataset be defined anywhere; by `spawn` and
`forkserver`, the usual methods on Windows and macOS and, from Python 3.14, on Linux, it has to be
importable from a module, and the script guarded by `if __name__ == "__main__":`, see
`spec/data/test_starting_workers.py`. Workers that fail: `spec/data/test_worker_failures.py`.
"""

import multiprocessing
import os

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

pytestmark = [
    pytest.mark.skipif(
        "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this platform"
    ),
    # Python 3.12 warns of every fork in a process with threads, and torch keeps some.
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]


@pytest.mark.claim("blitz-loader-two-workers")
def test_two_workers_are_two_other_processes():
    """With `DataLoader(data, num_workers=2)` two processes other than your own fetch the
    batches in turn, and by default the batches of a map-style dataset come in the order of
    its indices.
    """

    class Fetched(Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            return index, os.getpid()

    loader = DataLoader(Fetched(), batch_size=2, num_workers=2, multiprocessing_context="fork")

    batches = [(numbers.tolist(), set(pids.tolist())) for numbers, pids in loader]

    numbers, (first, second, third) = zip(*batches, strict=True)
    assert list(numbers) == [[0, 1], [2, 3], [4, 5]]
    assert first == third != second
    assert [len(first), len(second)] == [1, 1]
    assert os.getpid() not in first | second


def test_without_workers_your_own_process_fetches():
    """With `num_workers=0`, the default, a `DataLoader` fetches samples in the process that
    iterates over it; in the main process, `get_worker_info()` in `__getitem__` then returns
    None.

    Breakpoints and prints in `__getitem__` then work as usual: use it for debugging.
    """

    class Fetched(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return os.getpid(), get_worker_info() is None

    (batch,) = DataLoader(Fetched(), batch_size=2)

    assert [part.tolist() for part in batch] == [[os.getpid(), os.getpid()], [True, True]]


def test_a_worker_knows_its_number_and_its_seed():
    """In a worker of a `DataLoader`, `get_worker_info()` has the worker's `id`, `num_workers` and
    `seed`; `seed` is a base seed, the same for all workers, plus `id`, and `torch.initial_seed()`
    returns it unless the worker sets another seed.
    """

    class Info(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            info = get_worker_info()
            return info.id, info.num_workers, info.seed, torch.initial_seed()

    loader = DataLoader(Info(), batch_size=None, num_workers=2, multiprocessing_context="fork")
    (_, _, base, _), (_, _, other, _) = samples = list(loader)

    assert [sample[:2] for sample in samples] == [[0, 2], [1, 2]]
    assert other == base + 1
    assert [sample[3] for sample in samples] == [base, other]


def test_workers_draw_different_numbers_and_repeat_them_by_a_seed():
    """By default the workers of `DataLoader(data, num_workers=2, generator=generator)` draw
    different numbers from `torch.rand` and `np.random.rand`. Two passes, each begun after
    `generator.manual_seed(4)`, draw the same ones.

    Because each worker's seed for torch is the base seed plus its number, and its seed for
    `np.random` is made from both. A NumPy `Generator` kept in the dataset is copied to all workers
    and isn't reseeded.
    """

    class Noise(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return torch.rand(1, dtype=torch.float64).item(), np.random.rand()

    generator = torch.Generator()
    loader = DataLoader(
        Noise(),
        batch_size=None,
        num_workers=2,
        generator=generator,
        multiprocessing_context="fork",
    )
    generator.manual_seed(4)
    first = list(loader)
    second = list(loader)
    generator.manual_seed(4)
    again = list(loader)

    assert again == first
    assert len({number for sample in first + second for number in sample}) == 8


def test_worker_init_fn_runs_once_in_each_worker():
    """`list(DataLoader(data, num_workers=2, worker_init_fn=f))` calls `f` in each worker, with the
    worker's number, before that worker fetches its first sample.

    Used to open a file or a connection per worker, or to seed other libraries.
    """
    letters = ["a", "b", "c", "d"]

    def mark(number):
        get_worker_info().dataset[number] = f"worker {number}"

    loader = DataLoader(
        letters,
        batch_size=None,
        num_workers=2,
        worker_init_fn=mark,
        multiprocessing_context="fork",
    )

    assert list(loader) == ["worker 0", "worker 1", "c", "d"]
    assert letters == ["a", "b", "c", "d"]


def test_a_worker_changes_only_its_own_copy_of_the_dataset():
    """`self.fetched += 1` with an int in `__getitem__`, run in a worker of a `DataLoader`, changes
    the worker's copy of the dataset: the dataset in your own process keeps its old value.

    So each worker fills a cache in the dataset for itself, and a counter in your own process stays
    0. Return such values with the sample. A tensor changed in place is the exception where it is
    in shared memory, as the tensors of a dataset are with the start methods spawn and forkserver.
    """

    class Counting(Dataset):
        fetched = 0

        def __len__(self):
            return 3

        def __getitem__(self, index):
            self.fetched += 1
            return self.fetched

    dataset = Counting()
    loader = DataLoader(dataset, batch_size=3, num_workers=1, multiprocessing_context="fork")

    (batch,) = loader

    assert batch.tolist() == [1, 2, 3]
    assert dataset.fetched == 0


def test_batches_of_workers_lie_in_shared_memory():
    """`batch.is_shared()` of a batch of numbers from a `DataLoader` without `pin_memory` is
    True with `num_workers=1`, since the worker puts the tensor in shared memory, and False
    with `num_workers=0`.

    The worker sends only a handle of the tensor through its pipe. In a container, a small /dev/shm
    can run out.
    """
    (batch,) = DataLoader([1.0], num_workers=1, multiprocessing_context="fork")
    (own,) = DataLoader([1.0])

    assert batch.is_shared() is True
    assert own.is_shared() is False


def test_a_worker_keeps_the_dtype_of_the_first_tensor():
    """From the samples `torch.tensor(1.0)` and `torch.tensor(2.0, dtype=torch.float64)`, in this
    order, a worker of a `DataLoader` makes a float32 batch; without workers `default_collate`
    makes a float64 batch.

    Because a worker stacks into shared memory that has the dtype of the first tensor. Give all
    samples one dtype.
    """
    samples = [torch.tensor(1.0), torch.tensor(2.0, dtype=torch.float64)]

    (batch,) = DataLoader(samples, batch_size=2, num_workers=1, multiprocessing_context="fork")
    (own,) = DataLoader(samples, batch_size=2)

    assert batch.tolist() == own.tolist() == [1.0, 2.0]
    assert batch.dtype == torch.float32
    assert own.dtype == torch.float64


def test_a_stream_is_repeated_by_every_worker():
    """With `num_workers=2` and without `drop_last`, a `DataLoader` over an
    `IterableDataset` gives each sample twice if `__iter__` of the dataset returns
    `iter([5, 6, 7])` in every worker.

    Because each worker iterates over its own copy of the whole stream. With
    `info = get_worker_info()`, `itertools.islice(stream, info.id, None, info.num_workers)` gives
    each worker its share. With `num_workers=0` `info` is None: then return the whole stream.
    """

    class Stream(IterableDataset):
        def __iter__(self):
            return iter([5, 6, 7])

    loader = DataLoader(Stream(), num_workers=2, multiprocessing_context="fork")

    assert sorted(batch.item() for batch in loader) == [5, 5, 6, 6, 7, 7]


def test_a_stream_divides_itself_by_worker_info():
    """An `IterableDataset` whose `__iter__` yields every `num_workers`-th sample, beginning with
    `get_worker_info().id`, gives each sample once in a `DataLoader` with `num_workers=2` and
    `drop_last=False`.

    With `num_workers=0` `get_worker_info()` is None: then yield all samples.
    """

    class Stream(IterableDataset):
        def __iter__(self):
            info = get_worker_info()
            if info is None:
                return iter(range(5, 10))
            return iter(range(5, 10)[info.id :: info.num_workers])

    loader = DataLoader(Stream(), batch_size=2, num_workers=2, multiprocessing_context="fork")
    alone = DataLoader(Stream(), batch_size=2)

    assert sorted(batch.tolist() for batch in loader) == [[5, 7], [6, 8], [9]]
    assert [batch.tolist() for batch in alone] == [[5, 6], [7, 8], [9]]


def test_persistent_workers_outlive_the_epoch():
    """A `DataLoader` with workers starts new processes for each pass; with
    `persistent_workers=True` it keeps those of the first pass.

    Keeping them saves their start, which takes seconds with `spawn`. A list in the dataset that
    you change after the first pass isn't changed in the kept processes.
    """

    class Fetched(Dataset):
        def __len__(self):
            return 1

        def __getitem__(self, index):
            return os.getpid()

    passing = DataLoader(Fetched(), num_workers=1, multiprocessing_context="fork")
    persistent = DataLoader(
        Fetched(), num_workers=1, persistent_workers=True, multiprocessing_context="fork"
    )

    first, second = list(passing), list(passing)
    third, fourth = list(persistent), list(persistent)

    assert [first == second, third == fourth] == [False, True]
    assert os.getpid() not in [batch.item() for batch in first + third]


def test_persistent_workers_want_workers():
    """`DataLoader(data, persistent_workers=True)` without workers raises ValueError.

    Because there is no process to keep: set `num_workers` to 1 or more.
    """
    with pytest.raises(ValueError, match="persistent_workers option needs num_workers > 0"):
        DataLoader([1], persistent_workers=True)


def test_the_number_of_workers_is_not_negative():
    """`DataLoader(data, num_workers=-1)` raises ValueError: -1 does not stand for all cores.

    In scikit-learn `n_jobs=-1` does. `os.cpu_count()` is the number of logical CPUs; fewer workers
    are often as fast.
    """
    with pytest.raises(ValueError, match="num_workers option should be non-negative; use num_w"):
        DataLoader([1], num_workers=-1)


def test_far_more_workers_than_cores_are_warned_of():
    """A `DataLoader` with 9999 workers, on a machine with fewer cores, issues a UserWarning
    when it is made.

    Too many processes get in each other's way, and each holds a copy of the dataset.
    """
    with pytest.warns(UserWarning, match="This DataLoader will create 9999 worker processes in to"):
        DataLoader([1], num_workers=9999)


@pytest.mark.torch(">=2.0")
def test_prefetching_wants_workers():
    """`prefetch_factor` of a `DataLoader` with workers, the number of batches that each of them
    fetches ahead, is 2 by default; `prefetch_factor=2` without workers raises ValueError.

    Leave it out, or set `num_workers` to 1 or more.
    """
    with pytest.raises(ValueError, match="prefetch_factor option could only be specified in multi"):
        DataLoader([1], prefetch_factor=2)
    working, alone = DataLoader([1], num_workers=1), DataLoader([1])
    assert working.prefetch_factor == 2
    assert alone.prefetch_factor is None


@pytest.mark.cuda
def test_pinned_batches_can_be_copied_while_the_gpu_works():
    """Where CUDA is available, `DataLoader(data, pin_memory=True)` puts a batch that is a dense
    CPU tensor into page-locked host memory, from which `to("cuda", non_blocking=True)` can copy
    without making the CPU wait.

    The copy still waits for what was queued before it in the same CUDA stream: to run while the
    GPU computes, it needs a stream of its own.
    """
    (batch,) = DataLoader([1.0, 2.0], batch_size=2, pin_memory=True)
    (plain,) = DataLoader([1.0, 2.0], batch_size=2)

    assert batch.is_pinned() is True
    assert plain.is_pinned() is False
    assert batch.device == torch.device("cpu")
    assert batch.to("cuda", non_blocking=True).tolist() == [1.0, 2.0]


def test_an_error_in_a_worker_reaches_you():
    """When a dataset's `__getitem__` raises `ValueError("bad")` in a worker of a `DataLoader`, the
    loop over the loader raises a ValueError at this batch; its message names the worker and
    contains the worker's traceback.

    Your process makes an exception of the same class from that message: further attributes are
    lost, and a class whose constructor needs two arguments arrives as a RuntimeError. Set
    `num_workers=0` to debug it where it arises.
    """

    class Broken(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            raise ValueError(f"no picture {index}")

    loader = DataLoader(Broken(), num_workers=1, multiprocessing_context="fork")

    with pytest.raises(
        ValueError,
        match=r"(?s)Caught ValueError in DataLoader worker process 0.*Traceback.*no picture 0",
    ) as caught:
        next(iter(loader))
    # The traceback holds the iterator, and with it the worker, in a cycle.
    caught.value.__traceback__ = None
    del caught


def test_an_error_with_further_arguments_arrives_as_a_runtime_error():
    """A UnicodeDecodeError in a worker of a `DataLoader` arrives in your process as a
    RuntimeError: `except UnicodeDecodeError` doesn't catch it there, while with `num_workers=0`
    it does.

    Because the loader makes the exception anew from a message alone, which this class refuses.
    The message still names the class: "Caught UnicodeDecodeError".
    """

    class Latin(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return b"\xff".decode()

    loader = DataLoader(Latin(), num_workers=1, multiprocessing_context="fork")

    with pytest.raises(
        RuntimeError, match="Caught UnicodeDecodeError in DataLoader worker process 0"
    ) as caught:
        next(iter(loader))
    caught.value.__traceback__ = None
    del caught
    with pytest.raises(UnicodeDecodeError, match="can't decode byte 0xff in position 0"):
        next(iter(DataLoader(Latin())))
