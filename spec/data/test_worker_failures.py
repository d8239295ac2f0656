"""Workers that fail, and what the DataLoader says.

An exception in a worker's `__getitem__` reaches your process with its traceback
(`spec/data/test_workers.py`). A worker that ends without an exception, because the system killed
it, because native code crashed or because something called `os._exit`, can't tell anything: then
the loader only knows that the process is gone, and "DataLoader worker (pid(s) 15332) exited
unexpectedly" is often all it says. The reason stands above it: in the cause of the exception, in
the output of the worker, or in the log of the system.

The first thing to try is `num_workers=0`: without another process the real error appears. The usual
reasons are too little memory (the kernel kills a worker, "Killed"), too little shared memory ("Bus
error"), and crashes in libraries that read images or videos ("Segmentation fault").

What surprises: a batch that can't be pickled doesn't raise but lets the loader wait for ever, and a
StopIteration in a dataset ends the epoch early without any error.
"""

import multiprocessing
import os
import signal

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this platform"
    ),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]


class Calling(Dataset):
    """Two samples, each what a function makes of its index."""

    def __init__(self, function):
        self.function = function

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.function(index)


def all_that_is_said(error):
    """The messages of an exception and of its causes, a line each."""
    lines = []
    while error is not None:
        lines.append(str(error).splitlines()[0])
        error = error.__cause__
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "is killed by signal: Killed"),
        (signal.SIGTERM, "is killed by signal: Terminated"),
        (signal.SIGSEGV, "is killed by signal: Segmentation fault"),
    ],
)
def test_a_worker_that_was_killed_exited_unexpectedly(number, words):
    """If a worker of a `DataLoader` sends itself SIGKILL, SIGTERM or SIGSEGV while the loop
    waits for its first batch, the loop raises RuntimeError; that error or its cause says
    "is killed by signal:" and names the signal.

    "Killed" usually is the kernel, out of memory: use fewer workers or smaller batches.
    "Segmentation fault" is a crash in native code. A worker that ends while an earlier batch of
    it is being fetched may show as ConnectionResetError or EOFError instead.
    """
    loader = DataLoader(
        Calling(lambda index: os.kill(os.getpid(), number)),
        num_workers=1,
        multiprocessing_context="fork",
    )

    # Sometimes the signal is noticed outside of the waiting, and its error comes alone.
    with pytest.raises(
        RuntimeError,
        match=r"DataLoader worker \(pid.* (exited unexpectedly|is killed by signal)",
    ) as caught:
        list(loader)
    said = all_that_is_said(caught.value)

    assert words in said


def test_a_bus_error_speaks_of_shared_memory():
    """If SIGBUS ends a worker of a `DataLoader` while the loop waits for its first batch, the loop
    raises RuntimeError; that error or its cause says: "It is possible that dataloader's workers
    are out of shared memory."

    In Docker /dev/shm has 64 MB unless the container is started with `--shm-size=8g` or
    `--ipc=host`; smaller batches or fewer workers need less. A worker that ends while an earlier
    batch of it is being fetched may show as ConnectionResetError or EOFError instead.
    """
    loader = DataLoader(
        Calling(lambda index: os.kill(os.getpid(), signal.SIGBUS)),
        num_workers=1,
        multiprocessing_context="fork",
    )

    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid") as caught:
        list(loader)
    said = all_that_is_said(caught.value)

    assert (
        "is killed by signal: Bus error. It is possible that dataloader's workers are out "
        "of shared memory. Please try to raise your shared memory limit." in said
    )


def test_a_worker_that_leaves_tells_its_exit_code():
    """If the only worker of a `DataLoader`, started by `fork`, ends by `os._exit(3)` at its first
    sample, the loop raises RuntimeError; "exited unexpectedly with exit code 3. Details are lost
    due to multiprocessing." stands in it or in its cause.

    It goes on: "Rerunning with num_workers=0 may give better error trace." Look for the reason in
    the worker's own output. With `forkserver` the exit code isn't told: only "exited
    unexpectedly". If the worker ends later, while the loop receives an earlier batch, the error
    may be ConnectionResetError or EOFError.
    """
    loader = DataLoader(
        Calling(lambda index: os._exit(3)), num_workers=1, multiprocessing_context="fork"
    )

    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid.* exited unexpec") as caught:
        list(loader)
    said = all_that_is_said(caught.value)

    assert "exited unexpectedly with exit code 3. Details are lost due to multiprocessing" in said


def test_a_loader_can_be_used_again_after_a_worker_died(tmp_path):
    """After a loop over a `DataLoader` without `persistent_workers` raised RuntimeError because a
    worker "exited unexpectedly", a new loop over the same loader starts new workers.

    The epoch that failed can't be continued where it stopped. With `persistent_workers=True`
    the loader keeps the dead worker: make a new loader.
    """
    fixed = tmp_path / "fixed"
    loader = DataLoader(
        Calling(lambda index: index if fixed.exists() else os._exit(3)),
        batch_size=2,
        num_workers=1,
        multiprocessing_context="fork",
    )

    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid.* exited unexpec"):
        list(loader)
    fixed.touch()
    (batch,) = loader

    assert batch.tolist() == [0, 1]


def test_a_batch_that_comes_too_late_is_a_timeout():
    """`DataLoader(data, num_workers=1, timeout=0.1)` raises RuntimeError, "DataLoader timed out
    after 0.1 seconds", if the loop waits for a batch longer than that.

    By default `timeout` is 0 and the loader waits for ever; give a generous one, such as 300,
    where a training hangs.
    """
    go_on = multiprocessing.get_context("fork").Event()
    slow = Calling(lambda index: go_on.wait(60))
    loader = DataLoader(slow, num_workers=1, timeout=0.1, multiprocessing_context="fork")
    batches = iter(loader)

    with pytest.raises(RuntimeError, match=r"DataLoader timed out after 0\.1 seconds"):
        next(batches)
    go_on.set()
    del batches

    assert DataLoader(slow).timeout == 0


def test_a_timeout_is_not_negative():
    """`DataLoader(data, num_workers=1, timeout=-1)` raises ValueError, "timeout option should be
    non-negative"; the default is 0, which sets no limit to the wait for a worker's batch.
    """
    with pytest.raises(ValueError, match="timeout option should be non-negative"):
        DataLoader([1], num_workers=1, timeout=-1)

    loader = DataLoader(range(2), num_workers=1)
    assert loader.timeout == 0


@pytest.mark.torch(">=2.10")
def test_a_timeout_without_workers_is_refused():
    """Since PyTorch 2.10 a `DataLoader` with `timeout=5` and no workers raises
    AssertionError, "_SingleProcessDataLoaderIter requires timeout == 0", when a loop
    begins; before, the AssertionError had no message.

    Because nothing can interrupt `__getitem__` in your own process: leave `timeout` out there.
    """
    loader = DataLoader(range(2), timeout=5)

    with pytest.raises(AssertionError, match="_SingleProcessDataLoaderIter requires timeout == 0"):
        iter(loader)

    assert loader.num_workers == 0


@pytest.mark.parametrize(
    "sample",
    [lambda: 5, torch.ones(1, requires_grad=True) * 2],
    ids=["a function", "a non-leaf tensor that requires grad"],
)
def test_a_batch_that_cannot_be_pickled_never_comes(sample, capfd):
    """`list(DataLoader([lambda: 5], batch_size=None, num_workers=1, timeout=5,
    multiprocessing_context="fork"))` raises RuntimeError, "DataLoader timed out": the worker can't
    pickle the lambda; without `timeout=` the call waits for ever.

    Because the pickling fails in a thread of the worker, which prints a traceback and goes on. The
    same happens if a `collate_fn` returns a lambda, or a non-leaf tensor that requires grad.
    Return plain values, and `detach()` tensors that require grad.
    """
    loader = DataLoader(
        [sample], batch_size=None, num_workers=1, timeout=0.5, multiprocessing_context="fork"
    )

    (alone,) = DataLoader([sample], batch_size=None)
    assert alone is sample
    with pytest.raises(RuntimeError, match="DataLoader timed out after"):
        list(loader)
    assert "Traceback (most recent call last)" in capfd.readouterr().err


def test_a_stop_iteration_ends_the_epoch_early():
    """If `__getitem__` of a map-style dataset raises StopIteration, the loop over its
    `DataLoader` ends early, without an error, with workers or without.

    `next()` on an exhausted iterator raises it: open the source anew, or raise another error.
    Samples of the batch in which it is raised are lost.
    """
    frames = iter(["first"])
    dataset = Calling(lambda index: next(frames))
    forked = DataLoader(dataset, batch_size=None, num_workers=1, multiprocessing_context="fork")
    batches = iter(forked)

    seen = [next(batches)]
    with pytest.raises(StopIteration) as caught:
        next(batches)
    # The traceback holds the iterator, and with it the worker, in a cycle.
    caught.value.__traceback__ = None
    del caught
    own = list(DataLoader(dataset, batch_size=None))

    assert len(dataset) == 2
    assert seen == ["first"]
    assert own == ["first"]


def test_an_error_in_worker_init_fn_comes_with_the_first_batch():
    """A ZeroDivisionError in `worker_init_fn` of a `DataLoader` with one worker is raised
    in your process by the first batch, not by `iter(loader)`: "Caught ZeroDivisionError in
    DataLoader worker process 0."
    """
    loader = DataLoader(
        [1], num_workers=1, worker_init_fn=lambda number: 1 / number, multiprocessing_context="fork"
    )
    batches = iter(loader)

    with pytest.raises(
        ZeroDivisionError, match="Caught ZeroDivisionError in DataLoader worker process 0"
    ) as caught:
        next(batches)
    caught.value.__traceback__ = None
    del caught

    loader = DataLoader(
        [1], num_workers=1, worker_init_fn=lambda number: None, multiprocessing_context="fork"
    )
    assert [batch.tolist() for batch in loader] == [[1]]


def test_workers_end_with_their_iterator():
    """The workers of a `DataLoader` without `persistent_workers` end when the epoch ends, or, in
    the middle of an epoch, when the last reference to the loader's iterator is deleted.

    A `break` out of a `for` loop does the same. Persistent workers live on with the loader.
    """
    before = multiprocessing.active_children()
    loader = DataLoader(range(100), num_workers=2, multiprocessing_context="fork")
    batches = iter(loader)
    next(batches)

    workers = [each for each in multiprocessing.active_children() if each not in before]
    during = [worker.is_alive() for worker in workers]
    del batches
    after = [worker.is_alive() for worker in workers]

    batches = iter(loader)
    workers = [each for each in multiprocessing.active_children() if each not in before]
    count = len(list(batches))
    after_the_epoch = [worker.is_alive() for worker in workers]

    assert during == [True, True]
    assert after == [False, False]
    assert count == 100
    assert after_the_epoch == [False, False]
