"""Collectives: what processes say to each other.

A collective is a call that all processes of a group make together: each gives a tensor, and each,
or one, gets a result made of all. Here are two processes, rank 0 with the numbers 1, 10 and rank 1
with 2, 20. They run `every_rank` below and write down what they saw; the facts read it. A process
that doesn't come when the others call doesn't leave them hanging for good: they fail when the
connection breaks, or when the time is up.
"""

import json
import os
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

pytestmark = pytest.mark.slow


def every_rank(rank, folder):
    """What each of the two processes runs."""
    torch.set_num_threads(1)
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder}/store",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=30),
    )
    seen = {"place": [dist.get_rank(), dist.get_world_size()]}
    mine = torch.tensor([rank + 1, 10 * (rank + 1)])

    total = mine.clone()
    dist.all_reduce(total)
    seen["sum"] = total.tolist()

    largest = mine.clone()
    dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    seen["max"] = largest.tolist()

    product = mine.clone()
    dist.all_reduce(product, op=dist.ReduceOp.PRODUCT)
    seen["product"] = product.tolist()

    told = mine.clone()
    dist.broadcast(told, src=1)
    seen["broadcast"] = told.tolist()

    everyones = [torch.zeros_like(mine) for _ in range(2)]
    dist.all_gather(everyones, mine)
    seen["all_gather"] = [x.tolist() for x in everyones]

    collected = [torch.zeros_like(mine) for _ in range(2)] if rank == 0 else None
    dist.gather(mine, collected, dst=0)
    seen["gather"] = [x.tolist() for x in collected] if rank == 0 else None

    share = torch.zeros(2, dtype=torch.int64)
    shares = list(torch.tensor([[1, 2], [3, 4]])) if rank == 0 else None
    dist.scatter(share, shares, src=0)
    seen["scatter"] = share.tolist()

    total = mine.clone()
    dist.reduce(total, dst=0)
    seen["reduce"] = total.tolist() if rank == 0 else None

    objects = [None, None]
    dist.all_gather_object(objects, {"rank": rank})
    seen["objects"] = objects

    parcel = mine.clone()
    if rank == 0:
        dist.send(parcel, dst=1)
    else:
        dist.recv(parcel, src=0)
    seen["recv"] = parcel.tolist()

    total = mine.clone()
    work = dist.all_reduce(total, async_op=True)
    work.wait()
    seen["async"] = total.tolist()

    alone = dist.new_group([1])
    total = mine.clone()
    if rank == 1:
        dist.all_reduce(total, group=alone)
    seen["subgroup"] = [dist.get_rank(alone), total.tolist()]

    # Rank 1 comes neither to the barrier nor to the sum, and waits for rank 0 to give up.
    group = dist.new_group()
    short = timedelta(milliseconds=300)
    store = dist.FileStore(f"{folder}/late", 2)
    if rank == 0:
        seen["barrier"] = error_of(lambda: dist.monitored_barrier(group, timeout=short))
        store.set("gave up", "at the barrier")
    else:
        store.wait(["gave up"])
    hasty = dist.new_group(timeout=short)
    if rank == 0:
        seen["late"] = error_of(lambda: dist.all_reduce(mine.clone(), group=hasty))
        store.set("gave up again", "at the sum")
    else:
        store.wait(["gave up again"])

    # Rank 1 dies without a word; rank 0 doesn't know and calls once more.
    if rank == 0:
        seen["gone"] = error_of(lambda: dist.all_reduce(mine.clone()))
    (folder / f"{rank}.json").write_text(json.dumps(seen))
    os._exit(0)


def error_of(call):
    """The type and the words of the error that `call()` raises."""
    try:
        call()
    except Exception as error:
        return [isinstance(error, RuntimeError), str(error)]


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What rank 0 and rank 1 wrote down."""
    folder = tmp_path_factory.mktemp("collectives")
    mp.spawn(every_rank, args=(folder,), nprocs=2)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


def of_both(seen, name):
    return [rank[name] for rank in seen]


@pytest.mark.claim("course-distributed-training", "summary-parallel-libraries")
def test_two_processes_are_rank_0_and_rank_1_of_2(seen):
    """Each process knows its own rank, and both the same world size."""
    assert of_both(seen, "place") == [[0, 2], [1, 2]]


def test_all_reduce_gives_everyone_the_sum(seen):
    """`all_reduce` adds elementwise, and leaves the sum in the tensor of each process."""
    assert of_both(seen, "sum") == [[3, 30], [3, 30]]


def test_all_reduce_takes_other_operations(seen):
    """`ReduceOp.MAX` and `PRODUCT` stand where the sum is the default."""
    assert of_both(seen, "max") == [[2, 20], [2, 20]]
    assert of_both(seen, "product") == [[2, 200], [2, 200]]


def test_broadcast_overwrites_with_one_processs_tensor(seen):
    """After `broadcast(x, src=1)` everybody's `x` holds what rank 1 had in it."""
    assert of_both(seen, "broadcast") == [[2, 20], [2, 20]]


def test_all_gather_gives_everyone_everything(seen):
    """`all_gather` fills a list with the tensors of all, in the order of their ranks."""
    assert of_both(seen, "all_gather") == [[[1, 10], [2, 20]], [[1, 10], [2, 20]]]


def test_gather_gives_one_process_everything(seen):
    """`gather(dst=0)` is `all_gather` for rank 0 only."""
    assert of_both(seen, "gather") == [[[1, 10], [2, 20]], None]


def test_scatter_deals_out_a_list(seen):
    """`scatter(src=0)` gives each process its entry of rank 0's list."""
    assert of_both(seen, "scatter") == [[1, 2], [3, 4]]


def test_reduce_gives_one_process_the_sum(seen):
    """After `reduce(dst=0)` rank 0 has the sum; what the others are left with is not promised."""
    assert of_both(seen, "reduce") == [[3, 30], None]


def test_objects_travel_as_pickles(seen):
    """`all_gather_object` does for any Python object what `all_gather` does for tensors."""
    assert of_both(seen, "objects") == [[{"rank": 0}, {"rank": 1}], [{"rank": 0}, {"rank": 1}]]


def test_send_and_recv_concern_two_processes_only(seen):
    """Rank 1 receives into its own tensor what rank 0 sends; rank 0 keeps its numbers."""
    assert of_both(seen, "recv") == [[1, 10], [1, 10]]


def test_an_asynchronous_sum_is_there_after_wait(seen):
    """`all_reduce(async_op=True)` returns before the sum is there; `wait()` lets it arrive."""
    assert of_both(seen, "async") == [[3, 30], [3, 30]]


def test_a_subgroup_counts_its_own_ranks(seen):
    """In a group made of rank 1 alone, rank 1 is rank 0, and rank 0 is no member: -1."""
    assert of_both(seen, "subgroup") == [[-1, [1, 10]], [0, [2, 20]]]


def test_a_monitored_barrier_names_who_is_missing(seen):
    """`monitored_barrier` waits for all, and when the time is up it says who didn't come."""
    is_runtime_error, message = seen[0]["barrier"]

    assert is_runtime_error is True
    assert "Rank 1 failed to pass monitoredBarrier in 300 ms" in message


def test_a_process_that_does_not_come_ends_the_waiting_by_timeout(seen):
    """A collective without all its processes is an error after the group's timeout."""
    is_runtime_error, message = seen[0]["late"]

    assert is_runtime_error is True
    assert "Timed out waiting 300ms" in message


def test_a_process_that_is_gone_ends_the_waiting_at_once(seen):
    """When a process ends, its connections close, and the others' next collective says so."""
    is_runtime_error, message = seen[0]["gone"]

    assert is_runtime_error is True
    assert "Connection closed by peer" in message
