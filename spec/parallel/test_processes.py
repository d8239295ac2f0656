"""Several processes, one memory.

Outside free-threaded builds Python's threads take turns at running Python code, so work in Python
that should run at the same time is given to several processes. `torch.multiprocessing` is Python's
`multiprocessing` with one addition: a CPU tensor that is sent to another process travels as a
handle to shared memory, not as a copy of its values. `mp.spawn` starts a function in several
processes.

For a training in several processes see `spec/parallel/test_distributed.py`; a `DataLoader` starts
its workers itself.

What surprises: sending a tensor moves the sender's own tensor into shared memory, so both write to
the same values afterwards; and a tensor that is the result of a computation with gradients can't be
sent.
"""

import os

import pytest
import torch
import torch.multiprocessing as mp
from torch import nn


def test_a_tensor_can_be_moved_into_shared_memory():
    """`x.share_memory_()` moves the storage of a dense CPU tensor `x` into shared memory, in
    place, and returns `x`; afterwards `x.is_shared()` is True.

    Call `x.numpy()` after it: an array made before keeps the address of the old memory, which may
    be freed.
    """
    x = torch.tensor([1.0, 2.0])
    before = x.is_shared()

    moved = x.share_memory_()

    assert before is False
    assert moved is x
    assert x.is_shared() is True
    assert x.tolist() == [1.0, 2.0]


def test_views_are_shared_and_copies_are_not():
    """A view such as `x[1:]` of a CPU tensor `x` in shared memory is in shared memory too;
    `x.clone()` is not.

    Because it is the storage that is shared, and a view has the same storage.
    """
    x = torch.zeros(3).share_memory_()
    view, copy = x[1:], x.clone()

    assert view.is_shared() is True
    assert copy.is_shared() is False


def test_a_module_shares_all_its_parameters():
    """`module.share_memory()` of `module = nn.BatchNorm1d(2)` on the CPU moves the parameters and
    buffers of the module into shared memory, and returns the module.

    So several processes can train one model (Hogwild): each gets the module and updates the same
    weights.
    """
    model = nn.BatchNorm1d(2)

    shared = model.share_memory()

    assert shared is model
    assert model.weight.is_shared() is True
    assert model.running_mean.is_shared() is True


def test_a_sent_tensor_arrives_as_the_same_memory():
    """`put` of a `torch.multiprocessing.SimpleQueue` moves a dense CPU tensor that has
    elements and doesn't require grad into shared memory: a write to the tensor that `get`
    returns shows in the sender's.

    Send `x.detach().clone()` where the sender goes on to change `x`. A leaf that requires grad,
    such as a parameter, is shared too; a non-leaf tensor that requires grad raises RuntimeError,
    so send `x.detach()`.
    """
    x = torch.zeros(2)
    queue = mp.get_context("spawn").SimpleQueue()

    queue.put(x)
    received = queue.get()
    received[0] = 5

    assert x.is_shared() is True
    assert x.tolist() == [5.0, 0.0]


def test_a_lazily_conjugated_tensor_arrives_without_its_conjugation():
    """`x.conj()` of `x = torch.tensor([1 + 2j])` arrives as 1+2j when it is sent through a
    `torch.multiprocessing.SimpleQueue`, without an error; `x.conj().resolve_conj()` arrives
    as 1-2j.

    Because `conj()` of a complex tensor only sets a flag, and the queue sends the memory without
    it. `x.conj().imag` has such a flag too: it arrives with the wrong sign.
    """
    x = torch.tensor([1 + 2j])
    queue = mp.get_context("spawn").SimpleQueue()

    queue.put(x.conj())
    received = queue.get()
    queue.put(x.conj().resolve_conj())
    resolved = queue.get()
    queue.put(x.conj().imag)
    negative = queue.get()

    assert received.tolist() == [1 + 2j]
    assert resolved.tolist() == [1 - 2j]
    assert (x.conj().imag.tolist(), negative.tolist()) == ([-2.0], [2.0])


def test_results_with_a_graph_are_not_sent():
    """`put` of a `torch.multiprocessing.SimpleQueue` raises RuntimeError for a tensor that
    requires grad and is not a leaf; put `x.detach()` instead.

    Because autograd's graph can't cross from one process to another.
    """
    result = torch.ones(2, requires_grad=True) * 2
    queue = mp.get_context("spawn").SimpleQueue()

    with pytest.raises(RuntimeError, match="non-leaf tensor which requires_grad"):
        queue.put(result)

    queue.put(result.detach())
    received = queue.get()
    assert received.tolist() == [2.0, 2.0]


def test_a_queue_drops_what_it_cannot_send(capfd):
    """`put` of a `torch.multiprocessing.Queue` raises nothing for a tensor that requires grad and
    is not a leaf: a thread of the queue prints the RuntimeError, and the tensor never arrives.

    Because such a queue pickles in that thread, where `put` does not see the error; so `get` waits
    for good. Put `x.detach()` instead.
    """
    result = torch.ones(2, requires_grad=True) * 2
    queue = mp.get_context("spawn").Queue()

    queue.put(result)
    queue.put(result.detach() + 1)
    received = queue.get(timeout=60)

    assert received.tolist() == [3.0, 3.0]
    printed = capfd.readouterr().err
    assert ("refusing to serialize non-leaf tensor which requires_grad" in printed) is True


def write_own_row(rank, table, all_here):
    """Fill the row of this process, once all processes are running."""
    all_here.wait(60)
    table[rank] = rank + 1


@pytest.mark.slow
@pytest.mark.claim("summary-multiprocessing")
def test_processes_fill_one_tensor_at_the_same_time():
    """`torch.multiprocessing.spawn(f, args=args, nprocs=2)` calls `f(0, *args)` and `f(1, *args)`
    in two processes that run at the same time, and waits for both: then a tensor of `args`, shared
    by `share_memory_()`, holds what both wrote to it.

    That they run at the same time is shown by
    `torch.multiprocessing.get_context("spawn").Barrier(2)` in `args`: `wait()` on it returns in
    neither process before both have called it. (`torch.multiprocessing.Barrier(2)` fails there
    where processes are forked by default, as on Linux before Python 3.14.) `f` is imported by name
    in the processes, so it has to be defined at the top level of a module.
    """
    table = torch.zeros(2, 3).share_memory_()
    barrier = mp.get_context("spawn").Barrier(2)

    mp.spawn(write_own_row, args=(table, barrier), nprocs=2)

    assert table.tolist() == [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]


def fail(rank):
    raise ValueError(f"process {rank} gives up")


@pytest.mark.slow
def test_an_exception_in_a_process_reaches_the_parent():
    """`torch.multiprocessing.spawn(f, nprocs=1)` raises ProcessRaisedException if `f(rank)`
    raises an Exception such as ValueError in its process; the message holds the traceback
    of that process.

    `except ValueError` does not catch it: the type is in the text only.
    """
    with pytest.raises(mp.ProcessRaisedException, match="ValueError: process 0 gives up"):
        mp.spawn(fail, nprocs=1)

    assert issubclass(mp.ProcessRaisedException, ValueError) is False


def leave(rank):
    os._exit(3)


@pytest.mark.slow
def test_a_process_that_dies_is_told_by_its_exit_code():
    """If `f(rank)` calls `os._exit(3)`, `torch.multiprocessing.spawn(f, nprocs=1)` raises
    ProcessExitedException, "process 0 terminated with exit code 3".

    So it is for `sys.exit(3)`. A process that was killed, out of memory being the usual reason,
    is "terminated with signal SIGKILL".
    """
    with pytest.raises(mp.ProcessExitedException, match="process 0 terminated with exit code 3"):
        mp.spawn(leave, nprocs=1)
