"""Process groups.

`torch.distributed` connects processes that were started on their own, on one machine or on many.
`init_process_group` makes them a group: each gets to know its number, the rank, and how many
processes there are, the world size. To find each other they need a store, a small dictionary that
all of them can reach: a file, or a server on a port of the machine of rank 0. The backend carries
the data: gloo between CPUs, NCCL between GPUs (`spec/parallel/test_nccl.py`).

All that can be seen with a group of a single process, which is the case on this page. What
processes do together is told in `spec/parallel/test_collectives.py`.

What surprises: a call without arguments takes all it needs from environment variables, which
`torchrun` sets, and after `init_process_group` an uncaught error prints differently.
"""

import sys
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist

from fixtures import processes


@pytest.fixture
def group_of_one(tmp_path):
    """A process group whose only member is this process."""
    with processes.alone(tmp_path):
        yield


@pytest.mark.claim("course-distributed-training")
def test_distributed_comes_with_torch():
    """PyTorch's own builds for Linux contain `torch.distributed` and its CPU backend, gloo:
    `dist.is_available()` and `dist.is_gloo_available()` are True."""
    assert dist.is_available() is True
    assert dist.is_gloo_available() is True


@pytest.mark.torch(">=2.2")
def test_without_a_group_there_is_no_rank():
    """Before `init_process_group`, `dist.is_initialized()` is False and `dist.get_rank()` raises
    ValueError, since PyTorch 2.2, "Default process group has not been initialized".

    A script that must also run alone asks `dist.is_initialized()` first.
    """
    assert dist.is_initialized() is False

    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        dist.get_rank()


def test_a_single_process_is_rank_0_of_1(tmp_path):
    """`init_process_group("gloo", init_method=f"file://{path}", rank=0, world_size=1)`,
    with `path = tempfile.mkdtemp() + "/store"`, makes a group of this process alone;
    `destroy_process_group()` ends it.

    The file is the store in which the processes find each other. Give each run a new path: the
    file of a run that was killed still holds addresses at which nobody listens, and a new process
    that reads one of these can't connect.
    """
    hook = sys.excepthook
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    place = [dist.get_rank(), dist.get_world_size(), dist.get_backend()]
    dist.destroy_process_group()
    sys.excepthook = hook  # which init_process_group had replaced

    assert place == [0, 1, "gloo"]
    assert dist.is_initialized() is False


def test_the_environment_is_enough(monkeypatch):
    """`init_process_group("gloo")` reads rank, world size and the address of rank 0 from the
    environment variables `RANK`, `WORLD_SIZE`, `MASTER_ADDR` and `MASTER_PORT`.

    `torchrun` sets the four, so a script that it starts needs no more arguments.
    """
    hook = sys.excepthook
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "0")

    dist.init_process_group("gloo")
    place = [dist.get_rank(), dist.get_world_size()]
    dist.destroy_process_group()
    sys.excepthook = hook  # which init_process_group had replaced

    assert place == [0, 1]


def test_the_environment_has_to_name_the_rank(monkeypatch):
    """`init_process_group("gloo")` raises ValueError where the environment variable `RANK` is not
    set, "environment variable RANK expected, but not set".

    Mostly the script was started with `python` instead of `torchrun`.
    """
    monkeypatch.delenv("RANK", raising=False)

    with pytest.raises(ValueError, match="environment variable RANK expected, but not set"):
        dist.init_process_group("gloo")


@pytest.mark.torch(">=2.2")
def test_the_default_group_is_made_once(group_of_one, tmp_path):
    """While a process has a default group, a second `init_process_group` raises "trying to
    initialize the default process group twice!", a ValueError since PyTorch 2.2 (before, a
    RuntimeError).

    Call `destroy_process_group()` first, or make a further group with `dist.new_group()`.
    """
    with pytest.raises(ValueError, match="initialize the default process group twice"):
        dist.init_process_group(
            "gloo", init_method=f"file://{tmp_path}/other", rank=0, world_size=1
        )

    assert dist.is_initialized() is True


@pytest.mark.torch(">=2.3")
def test_tracebacks_name_the_rank(group_of_one, capsys):
    """Since PyTorch 2.3 `init_process_group` replaces `sys.excepthook`: each nonempty line that an
    uncaught exception of the main thread prints then begins with the rank, such as `[rank0]: `.

    So the output of several processes in one terminal can be told apart. The text of
    `sys.exit("text")` gets no prefix. `destroy_process_group` does not put the old hook back: a
    second group in the same process adds a second prefix.
    """
    sys.excepthook(ValueError, ValueError("no\n\nway"), None)

    assert capsys.readouterr().err == "[rank0]: ValueError: no\n\n[rank0]: way\n"


def test_alone_a_sum_over_all_is_ones_own_part(group_of_one):
    """In a group of one process `dist.all_reduce(x)` of `x = torch.tensor([1.0, 2.0])`
    leaves `x` at [1.0, 2.0], so a script that only sums over its processes also runs with
    one process.
    """
    x = torch.tensor([1.0, 2.0])

    dist.all_reduce(x)

    assert x.tolist() == [1.0, 2.0]


def test_async_op_gives_something_to_wait_for(group_of_one):
    """Over gloo `work = dist.all_reduce(x, async_op=True)` of a float32 tensor `x` returns a work
    handle: `work.wait()` returns True, and `work.is_completed()` is True afterwards.

    What the handle is for is told in `spec/parallel/test_collectives.py`.
    """
    x = torch.tensor([1.0, 2.0])

    work = dist.all_reduce(x, async_op=True)

    assert work.wait() is True
    assert work.is_completed() is True


def test_a_source_beyond_the_group_is_refused(group_of_one):
    """`dist.broadcast(x, src=3)` raises RuntimeError where the default group, over gloo,
    has no rank 3.

    Ranks count from 0 to the world size less one.
    """
    x = torch.tensor([1.0])

    with pytest.raises(RuntimeError, match="invalid root rank: 3"):
        dist.broadcast(x, src=3)

    dist.broadcast(x, src=0)
    assert x.tolist() == [1.0]


def test_a_store_keeps_bytes_by_name():
    """`store.set("rate", "0.5")` with `store = torch.distributed.HashStore()` keeps a
    string under a key, and `store.get("rate")` returns it as bytes, `b"0.5"`.
    """
    store = dist.HashStore()

    store.set("rate", "0.5")
    kept = store.get("rate")

    assert kept == b"0.5"


def test_a_store_counts():
    """With `store = dist.HashStore()`, `store.add("arrived", 1)` returns 1, and then
    `store.add("arrived", 2)` returns 3: the number under a new key starts from 0.

    Because the addition is atomic, also in a `TCPStore`, processes can count themselves with it.
    """
    store = dist.HashStore()

    first = store.add("arrived", 1)
    second = store.add("arrived", 2)

    assert [first, second] == [1, 3]


def test_waiting_for_a_key_ends_with_the_timeout():
    """`torch.distributed.HashStore().wait(["never"], timedelta(milliseconds=10))` raises
    RuntimeError with "timeout" in its message after these 10 milliseconds, as nobody sets
    the key "never".

    `init_process_group`, in a process that waits for others which were never started, raises an
    error after its `timeout`, too; its class and its message depend on the release.
    """
    store = dist.HashStore()

    with pytest.raises(RuntimeError, match=r"[Tt]imeout"):
        store.wait(["never"], timedelta(milliseconds=10))


def test_port_0_finds_a_free_port():
    """`server = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)`
    serves on a free port, `server.port`;
    `dist.TCPStore("127.0.0.1", server.port, is_master=False)` reads and writes the same
    keys.
    """
    server = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    client = dist.TCPStore("127.0.0.1", server.port, is_master=False)

    client.set("greeting", "hello")
    heard = server.get("greeting")

    assert heard == b"hello"
    assert client.port == server.port
