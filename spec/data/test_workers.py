"""Workers.

With `num_workers=2` two further processes fetch and collate the batches, while your own computes.
Each of them has a copy of the dataset, and sends finished batches back through shared memory.

What surprises: what a worker changes you never see, a dataset that streams comes once from every
worker, and an error in a worker reaches you with the worker's traceback inside its message.
Workers are started here by `fork`, which lets a dataset be defined anywhere; by `spawn` and
`forkserver` it has to be importable from a module.
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
    """`num_workers=2` has two processes take turns; the batches keep their order all the same."""

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
    """With `num_workers=0`, which is the default, there is no other process and no worker info."""

    class Fetched(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return os.getpid(), get_worker_info() is None

    (batch,) = DataLoader(Fetched(), batch_size=2)

    assert [part.tolist() for part in batch] == [[os.getpid(), os.getpid()], [True, True]]


def test_a_worker_knows_its_number_and_its_seed():
    """`get_worker_info()` tells a worker which it is; its seed is one base seed plus its number."""

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
    """Workers draw different numbers, by NumPy too; the generator's seed brings them back."""

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
    """`worker_init_fn` is called with the worker's number, in the worker, before it fetches."""
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
    """What `__getitem__` stores stays in the worker: the dataset in your process knows nothing."""

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
    """A tensor from a worker is not sent, it is shared: only its place goes through the pipe."""
    (batch,) = DataLoader([1.0], num_workers=1, multiprocessing_context="fork")
    (own,) = DataLoader([1.0])

    assert batch.is_shared() is True
    assert own.is_shared() is False


def test_a_stream_is_repeated_by_every_worker():
    """Each worker has the whole `IterableDataset`, so two of them give every sample twice."""

    class Stream(IterableDataset):
        def __iter__(self):
            return iter([5, 6, 7])

    loader = DataLoader(Stream(), num_workers=2, multiprocessing_context="fork")

    assert sorted(batch.item() for batch in loader) == [5, 5, 6, 6, 7, 7]


def test_a_stream_divides_itself_by_worker_info():
    """`__iter__` takes its worker's share by `get_worker_info()`, and each sample comes once."""

    class Stream(IterableDataset):
        def __iter__(self):
            info = get_worker_info()
            return iter(range(5, 10)[info.id :: info.num_workers])

    loader = DataLoader(Stream(), batch_size=2, num_workers=2, multiprocessing_context="fork")

    assert sorted(batch.tolist() for batch in loader) == [[5, 7], [6, 8], [9]]


def test_persistent_workers_outlive_the_epoch():
    """Each epoch starts new workers and ends them; `persistent_workers=True` keeps them."""

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

    assert first != second
    assert third == fourth
    assert os.getpid() not in [batch.item() for batch in first + third]


def test_persistent_workers_want_workers():
    """Without workers there is nothing to keep: `persistent_workers=True` is refused."""
    with pytest.raises(ValueError, match="persistent_workers option needs num_workers > 0"):
        DataLoader([1], persistent_workers=True)


def test_the_number_of_workers_is_not_negative():
    """`num_workers=-1` does not mean all cores: it is refused."""
    with pytest.raises(ValueError, match="num_workers option should be non-negative; use num_w"):
        DataLoader([1], num_workers=-1)


def test_far_more_workers_than_cores_are_warned_of():
    """A loader that would start far more processes than there are cores warns when it is built."""
    with pytest.warns(UserWarning, match="This DataLoader will create 9999 worker processes in to"):
        DataLoader([1], num_workers=9999)


@pytest.mark.torch(">=2.0")
def test_prefetching_wants_workers():
    """`prefetch_factor` says how many batches each worker fetches ahead; with no worker, none."""
    with pytest.raises(ValueError, match="prefetch_factor option could only be specified in multi"):
        DataLoader([1], prefetch_factor=2)
    working, alone = DataLoader([1], num_workers=1), DataLoader([1])
    assert working.prefetch_factor == 2
    assert alone.prefetch_factor is None


@pytest.mark.cuda
def test_pinned_batches_can_be_copied_while_the_gpu_works():
    """`pin_memory=True` puts batches in page-locked memory, on the CPU still, ready for CUDA."""
    (batch,) = DataLoader([1.0, 2.0], batch_size=2, pin_memory=True)
    (plain,) = DataLoader([1.0, 2.0], batch_size=2)

    assert batch.is_pinned() is True
    assert plain.is_pinned() is False
    assert batch.device == torch.device("cpu")
    assert batch.to("cuda", non_blocking=True).tolist() == [1.0, 2.0]


def test_an_error_in_a_worker_reaches_you():
    """The exception keeps its type; its message names the worker and holds the first message."""

    class Broken(Dataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            raise ValueError(f"no picture {index}")

    loader = DataLoader(Broken(), num_workers=1, multiprocessing_context="fork")

    with pytest.raises(
        ValueError, match=r"(?s)Caught ValueError in DataLoader.*no picture 0"
    ) as caught:
        next(iter(loader))
    # The traceback holds the iterator, and with it the worker, in a cycle.
    caught.value.__traceback__ = None
    del caught
