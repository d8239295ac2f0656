"""Several processes, one memory.

`torch.multiprocessing` is Python's `multiprocessing` with one addition: tensors that are sent to
another process travel as handles to shared memory. So processes work at the same time on the same
numbers, without copies and without Python's global lock. Surprising: sending a tensor moves the
sender's own tensor into shared memory as well.
"""

import json
import os
import subprocess
import sys

import pytest
import torch
import torch.multiprocessing as mp
from torch import nn


def test_a_tensor_can_be_moved_into_shared_memory():
    """`share_memory_()` moves the numbers of `x` itself and returns `x`."""
    x = torch.tensor([1.0, 2.0])
    before = x.is_shared()

    moved = x.share_memory_()

    assert before is False
    assert moved is x
    assert x.is_shared() is True
    assert x.tolist() == [1.0, 2.0]


def test_views_are_shared_and_copies_are_not():
    """What lies in shared memory is the storage: a view is shared too, a clone is not."""
    x = torch.zeros(3).share_memory_()
    view, copy = x[1:], x.clone()

    assert view.is_shared() is True
    assert copy.is_shared() is False


def test_a_module_shares_all_its_parameters():
    """`module.share_memory()` moves parameters and buffers, and returns the module."""
    model = nn.BatchNorm1d(2)

    shared = model.share_memory()

    assert shared is model
    assert model.weight.is_shared() is True
    assert model.running_mean.is_shared() is True


def test_a_sent_tensor_arrives_as_the_same_memory():
    """A queue carries no numbers: the receiver's tensor and the sender's are one memory."""
    x = torch.zeros(2)
    queue = mp.get_context("spawn").SimpleQueue()

    queue.put(x)
    received = queue.get()
    received[0] = 5

    assert x.is_shared() is True
    assert x.tolist() == [5.0, 0.0]


def test_results_with_a_graph_are_not_sent():
    """A graph can't cross processes: what requires grad must be a leaf, or detached first."""
    result = torch.ones(2, requires_grad=True) * 2
    queue = mp.get_context("spawn").SimpleQueue()

    with pytest.raises(RuntimeError, match="non-leaf tensor which requires_grad"):
        queue.put(result)

    queue.put(result.detach())
    received = queue.get()
    assert received.tolist() == [2.0, 2.0]


def write_own_row(rank, table, all_here):
    """Fill the row of this process, once all processes are running."""
    all_here.wait(60)
    table[rank] = rank + 1


@pytest.mark.slow
@pytest.mark.claim("summary-multiprocessing")
def test_processes_fill_one_tensor_at_the_same_time():
    """`spawn` calls the function with 0, 1, ... in processes of their own, all running at once.

    None gets past the barrier before both are there.
    """
    table = torch.zeros(2, 3).share_memory_()
    all_here = mp.get_context("spawn").Barrier(2)

    mp.spawn(write_own_row, args=(table, all_here), nprocs=2)

    assert table.tolist() == [[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]


def fail(rank):
    raise ValueError(f"process {rank} gives up")


@pytest.mark.slow
def test_an_exception_in_a_process_reaches_the_parent():
    """`spawn` waits for its processes and raises what one raised, traceback and all."""
    with pytest.raises(mp.ProcessRaisedException, match="ValueError: process 0 gives up"):
        mp.spawn(fail, nprocs=1)


def leave(rank):
    os._exit(3)


@pytest.mark.slow
def test_a_process_that_dies_is_told_by_its_exit_code():
    """A process that ends without a word is an error too: its number and exit code are named."""
    with pytest.raises(mp.ProcessExitedException, match="process 0 terminated with exit code 3"):
        mp.spawn(leave, nprocs=1)


@pytest.mark.slow
def test_torchrun_tells_each_process_who_it_is(tmp_path):
    """`torchrun` starts a script several times, with its place in the environment."""
    script = tmp_path / "script.py"
    script.write_text(
        "import json, os, pathlib\n"
        "names = ['RANK', 'LOCAL_RANK', 'WORLD_SIZE']\n"
        "place = {name: os.environ[name] for name in names}\n"
        "pathlib.Path(__file__).with_name(place['RANK']).write_text(json.dumps(place))\n"
    )

    torchrun = [sys.executable, "-m", "torch.distributed.run"]
    command = [*torchrun, "--standalone", "--nproc_per_node=2", str(script)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)

    assert json.loads((tmp_path / "0").read_text()) == {
        "RANK": "0",
        "LOCAL_RANK": "0",
        "WORLD_SIZE": "2",
    }
    assert json.loads((tmp_path / "1").read_text()) == {
        "RANK": "1",
        "LOCAL_RANK": "1",
        "WORLD_SIZE": "2",
    }
