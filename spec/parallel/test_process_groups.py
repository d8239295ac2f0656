"""Process groups: who works together.

`torch.distributed` connects processes that were started on their own, on one machine or many. To
meet they need a place that all can reach, a store, and each must know its number (its rank) and
how many there are (the world size). All that can be seen with a group of a single process, which
is the case on this page: it is a full member of its group, only a lonely one.
"""

from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@pytest.fixture
def group_of_one(tmp_path):
    """A process group whose only member is this process."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.claim("course-distributed-training")
def test_distributed_comes_with_torch():
    """`torch.distributed` and its CPU backend gloo are part of torch."""
    assert dist.is_available() is True
    assert dist.is_gloo_available() is True


@pytest.mark.torch(">=2.4")
def test_without_a_group_there_is_no_rank():
    """Before `init_process_group` nothing is set up, and asking for the rank is an error."""
    assert dist.is_initialized() is False

    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        dist.get_rank()


def test_a_single_process_is_rank_0_of_1(group_of_one):
    """The first process has rank 0, and the world size counts the processes."""
    assert dist.is_initialized() is True
    assert [dist.get_rank(), dist.get_world_size()] == [0, 1]
    assert dist.get_backend() == "gloo"


@pytest.mark.torch(">=2.4")
def test_the_default_group_is_made_once(group_of_one, tmp_path):
    """A second `init_process_group` is refused until the first group is destroyed."""
    with pytest.raises(ValueError, match="initialize the default process group twice"):
        dist.init_process_group(
            "gloo", init_method=f"file://{tmp_path}/other", rank=0, world_size=1
        )

    assert dist.is_initialized() is True


def test_the_environment_has_to_name_the_rank(monkeypatch):
    """Without further words rank and size are read from the environment that `torchrun` sets."""
    monkeypatch.delenv("RANK", raising=False)

    with pytest.raises(ValueError, match="environment variable RANK expected, but not set"):
        dist.init_process_group("gloo")


def test_the_environment_is_enough(monkeypatch):
    """With four variables set, `init_process_group` needs no arguments but the backend."""
    for name, value in [("RANK", "0"), ("WORLD_SIZE", "1"), ("MASTER_ADDR", "127.0.0.1")]:
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", "0")

    dist.init_process_group("gloo")
    place = [dist.get_rank(), dist.get_world_size()]
    dist.destroy_process_group()

    assert place == [0, 1]


def test_alone_a_sum_over_all_is_ones_own_part(group_of_one):
    """`all_reduce` works in place and gives nothing back; with one process nothing changes."""
    x = torch.tensor([1.0, 2.0])

    returned = dist.all_reduce(x)

    assert returned is None
    assert x.tolist() == [1.0, 2.0]


def test_async_op_gives_something_to_wait_for(group_of_one):
    """With `async_op=True` a call returns at once, with a handle whose `wait` is the end of it."""
    x = torch.tensor([1.0, 2.0])

    work = dist.all_reduce(x, async_op=True)

    assert work.wait() is True
    assert work.is_completed() is True


def test_a_source_beyond_the_group_is_refused(group_of_one):
    """In a group of one there is no rank 3 to broadcast from; rank 0 is."""
    x = torch.tensor([1.0])

    with pytest.raises(RuntimeError, match="invalid root rank: 3"):
        dist.broadcast(x, src=3)

    dist.broadcast(x, src=0)
    assert x.tolist() == [1.0]


def test_a_store_keeps_bytes_by_name():
    """The store in which processes meet is a small dictionary: names to bytes."""
    store = dist.HashStore()

    store.set("rate", "0.5")
    kept = store.get("rate")

    assert kept == b"0.5"


def test_a_store_counts():
    """`store.add` adds to a number and tells the new one, so that processes can count off."""
    store = dist.HashStore()

    first = store.add("arrived", 1)
    second = store.add("arrived", 2)

    assert [first, second] == [1, 3]


def test_waiting_for_a_key_ends_with_the_timeout():
    """A key that nobody sets is an error after the time given, not an endless wait."""
    store = dist.HashStore()

    with pytest.raises(RuntimeError, match=r"[Tt]imeout"):
        store.wait(["never"], timedelta(milliseconds=10))


def test_port_0_finds_a_free_port():
    """A `TCPStore` on port 0 picks a free port and names it; others connect to that."""
    server = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    client = dist.TCPStore("127.0.0.1", server.port, is_master=False)

    client.set("greeting", "hello")
    heard = server.get("greeting")

    assert heard == b"hello"
    assert client.port == server.port


@pytest.mark.torch(">=2.4")
def test_ddp_needs_a_group():
    """A model can only be wrapped once there are processes to share it with."""
    with pytest.raises(ValueError, match="Default process group has not been"):
        DistributedDataParallel(nn.Linear(5, 2))


def test_ddp_keeps_the_model_as_module(group_of_one):
    """As in `DataParallel`, the model is `.module` and the state dict says `module.`."""
    model = nn.Linear(5, 2)

    parallel = DistributedDataParallel(model)

    assert parallel.module is model
    assert list(parallel.state_dict()) == ["module.weight", "module.bias"]


def test_alone_ddp_computes_what_the_model_does(group_of_one):
    """With one process the gradients are those of the model, in its own parameters."""
    model = nn.Linear(2, 1, bias=False)

    DistributedDataParallel(model)(torch.tensor([[3.0, 5.0]])).sum().backward()

    assert model.weight.grad.tolist() == [[3.0, 5.0]]


def test_ddp_refuses_a_model_with_nothing_to_learn(group_of_one):
    """Where no parameter requires grad there is nothing to average."""
    with pytest.raises(RuntimeError, match="doesn't have any parameter that requires a gradient"):
        DistributedDataParallel(nn.Linear(5, 2).requires_grad_(False))


def test_a_cpu_model_takes_no_device_ids(group_of_one):
    """`device_ids` is for a model on one GPU; for one on the CPU it is refused."""
    parallel = DistributedDataParallel(nn.Linear(5, 2))

    with pytest.raises(ValueError, match="device_ids and output_device arguments only work with"):
        DistributedDataParallel(nn.Linear(5, 2), device_ids=[0])

    assert parallel.device_ids is None


class HalfUsed(nn.Module):
    """Has two layers and uses one."""

    def __init__(self):
        super().__init__()
        self.used = nn.Linear(1, 1)
        self.unused = nn.Linear(1, 1)

    def forward(self, x):
        return self.used(x)


def test_an_unused_parameter_stops_the_second_step(group_of_one):
    """DDP waits for every gradient: if one never comes, the next `forward` is an error."""
    parallel = DistributedDataParallel(HalfUsed())
    x = torch.ones(1, 1)

    parallel(x).sum().backward()

    with pytest.raises(RuntimeError, match="Expected to have finished reduction in the prior"):
        parallel(x)


def test_unused_parameters_can_be_looked_for(group_of_one):
    """`find_unused_parameters=True` looks for them in each step and lets them be."""
    parallel = DistributedDataParallel(HalfUsed(), find_unused_parameters=True)
    x = torch.ones(1, 1)

    parallel(x).sum().backward()
    parallel(x).sum().backward()

    assert parallel.module.used.bias.grad.tolist() == [2.0]
    assert parallel.module.unused.bias.grad is None
