"""Collectives.

A collective is a call that all processes of a group make together: each gives a tensor, and each of
them, or one, gets a result that is made of all. `all_reduce` is the one behind every data-parallel
training: it leaves the sum, or the maximum, of everybody's tensors with everybody. The others
copy from one process to all (`broadcast`), collect (`gather`, `all_gather`) or deal out
(`scatter`).

In each fact two processes, rank 0 and rank 1, run `program(rank)`, and `group(program)` returns
what they returned. In a script of your own the processes are started by `torchrun`, see
`spec/parallel/test_torchrun.py`, and meet as in `spec/parallel/test_process_groups.py`.

What surprises: most collectives return None and write into the tensor that they are given, and a
process that doesn't come does not leave the others waiting for good: they fail when the connection
breaks, or when the group's timeout is over.
"""

import os
import re
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist

from fixtures import processes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    """Two processes that run the program they are given."""
    with processes.Group(tmp_path_factory.mktemp("collectives")) as group:
        yield group


@pytest.mark.claim("course-distributed-training", "summary-parallel-libraries")
def test_two_processes_are_rank_0_and_rank_1_of_2(group):
    """In a default group of two processes `dist.get_rank()` is 0 in one and 1 in the other,
    and `dist.get_world_size()` is 2 in both."""

    def program(rank):
        return [dist.get_rank(), dist.get_world_size()]

    assert group(program) == [[0, 2], [1, 2]]


def test_all_reduce_gives_everyone_the_sum(group):
    """`dist.all_reduce(x)` of contiguous int64 tensors of the same shape adds the `x` of all
    processes elementwise and writes the sum into the `x` of every process; it returns None.

    Because it overwrites `x`, pass a `clone()` where the process's own values are needed later. A
    slice such as `x[::2]` of four elements is not contiguous: gloo adds what lies in memory from
    its first element on, without an error.
    """

    def program(rank):
        x = torch.tensor([rank + 1, 10 * (rank + 1)])
        returned = dist.all_reduce(x)
        return [returned, x.tolist()]

    assert group(program) == [[None, [3, 30]], [None, [3, 30]]]


@pytest.mark.parametrize(
    ("name", "result"), [("MAX", [2, 20]), ("MIN", [1, 10]), ("PRODUCT", [2, 200])]
)
def test_all_reduce_takes_other_operations(name, result, group):
    """`dist.all_reduce(x, op=dist.ReduceOp.MAX)` of contiguous int64 tensors of the same shape
    takes the elementwise maximum over the processes instead of the sum; `MIN` and `PRODUCT` are
    further operations.

    For the mean over the processes divide the sum by `dist.get_world_size()`.
    """

    def program(rank, name):
        x = torch.tensor([rank + 1, 10 * (rank + 1)])
        dist.all_reduce(x, op=getattr(dist.ReduceOp, name))
        return x.tolist()

    assert group(program, name) == [result, result]


def test_broadcast_overwrites_with_one_processs_tensor(group):
    """After `dist.broadcast(x, src=1)` of contiguous int64 tensors of the same shape the `x` of
    every process holds the values that rank 1 had in its `x`.
    """

    def program(rank):
        x = torch.tensor([rank + 1, 10 * (rank + 1)])
        dist.broadcast(x, src=1)
        return x.tolist()

    assert group(program) == [[2, 20], [2, 20]]


def test_all_gather_gives_everyone_everything(group):
    """`dist.all_gather(tensors, x)` collects `x` from all ranks: with `x = torch.tensor([1, 10])`
    on rank 0 and `torch.tensor([2, 20])` on rank 1,
    `tensors = [torch.zeros_like(x), torch.zeros_like(x)]` becomes [1, 10] and [2, 20] on both.

    The list has to hold one tensor per process, of the right shape and dtype, to be written into:
    `[torch.zeros_like(x)] * 2` is one tensor twice, and ends up with the values of one process.
    """

    def program(rank):
        x = torch.tensor([rank + 1, 10 * (rank + 1)])
        tensors = [torch.zeros_like(x), torch.zeros_like(x)]
        dist.all_gather(tensors, x)
        return [tensor.tolist() for tensor in tensors]

    assert group(program) == [[[1, 10], [2, 20]], [[1, 10], [2, 20]]]


def test_gather_gives_one_process_everything(group):
    """`dist.gather(x, tensors, dst=0)` writes the `x` of all processes, contiguous int64 tensors
    of the same shape, into rank 0's list of one int64 tensor of that shape for each rank; the
    other processes pass None as list.
    """

    def program(rank):
        x = torch.tensor([rank + 1, 10 * (rank + 1)])
        tensors = [torch.zeros_like(x), torch.zeros_like(x)] if rank == 0 else None
        dist.gather(x, tensors, dst=0)
        return [tensor.tolist() for tensor in tensors] if rank == 0 else None

    assert group(program) == [[[1, 10], [2, 20]], None]


def test_scatter_deals_out_a_list(group):
    """For `x = torch.zeros(2, dtype=torch.int64)` in two gloo processes,
    `dist.scatter(x, tensors, src=0)` with `tensors` `[torch.tensor([1, 2]), torch.tensor([3, 4])]`
    on rank 0, None on rank 1, makes `x` [1, 2] on rank 0 and [3, 4] on rank 1.

    Over gloo an entry of the list such as `big[::2]`, which is not contiguous, arrives as what
    lies in memory from its first element on, without an error; an `x` such as
    `torch.zeros(4, dtype=torch.int64)[::2]` is filled wrongly too, with [1, 0] on rank 0. Pass
    contiguous tensors only.
    """

    def program(rank):
        x = torch.zeros(2, dtype=torch.int64)
        tensors = [torch.tensor([1, 2]), torch.tensor([3, 4])] if rank == 0 else None
        dist.scatter(x, tensors, src=0)
        return x.tolist()

    assert group(program) == [[1, 2], [3, 4]]


def test_reduce_gives_one_process_the_sum(group):
    """After `dist.reduce(x, dst=0)` of contiguous int64 tensors of the same shape in every process
    the `x` of rank 0 holds the sum of the `x` of all processes.

    What the `x` of the other processes holds afterwards is not defined, so it must not be used.
    """

    def program(rank):
        x = torch.tensor([rank + 1, 10 * (rank + 1)])
        dist.reduce(x, dst=0)
        return x.tolist() if rank == 0 else None

    assert group(program) == [[3, 30], None]


def test_objects_travel_as_pickles(group):
    """`dist.all_gather_object(objects, value)` fills the list `objects` of every process, made as
    `[None] * dist.get_world_size()`, with the `value` of each process, a Python object that can be
    pickled.

    Pickling is slow, and safe only among processes that trust each other.
    """

    def program(rank):
        objects = [None, None]
        dist.all_gather_object(objects, {"rank": rank})
        return objects

    assert group(program) == [[{"rank": 0}, {"rank": 1}], [{"rank": 0}, {"rank": 1}]]


def test_send_and_recv_concern_two_processes_only(group):
    """After `dist.send(x, dst=1)` in rank 0 and `dist.recv(x, src=0)` in rank 1, of contiguous
    int64 tensors of the same shape, the `x` of rank 1 holds what rank 0 sent, and the `x` of rank
    0 is unchanged.
    """

    def program(rank):
        x = torch.tensor([rank + 1, 10 * (rank + 1)])
        if rank == 0:
            dist.send(x, dst=1)
        else:
            dist.recv(x, src=0)
        return x.tolist()

    assert group(program) == [[1, 10], [1, 10]]


def test_an_asynchronous_sum_is_there_after_wait(group):
    """`dist.all_reduce(x, async_op=True)` of contiguous int64 tensors of the same shape returns a
    work handle instead of waiting; after `wait()` of that handle `x` holds the sum.

    Between the two the process can compute something else, but must neither read nor write `x`.
    """

    def program(rank):
        x = torch.tensor([rank + 1, 10 * (rank + 1)])
        work = dist.all_reduce(x, async_op=True)
        work.wait()
        return x.tolist()

    assert group(program) == [[3, 30], [3, 30]]


def test_a_subgroup_counts_its_own_ranks(group):
    """After `alone = dist.new_group([1])` in both of two processes, `dist.get_rank(alone)` is 0
    in the process of rank 1, and -1 in the process of rank 0, which is no member.

    By default every process of the default group has to call `new_group`, members or not.
    """

    def program(rank):
        alone = dist.new_group([1])
        x = torch.tensor([rank + 1, 10 * (rank + 1)])
        if rank == 1:
            dist.all_reduce(x, group=alone)
        return [dist.get_rank(alone), x.tolist()]

    assert group(program) == [[-1, [1, 10]], [0, [2, 20]]]


def test_a_monitored_barrier_names_who_is_missing(group):
    """`dist.monitored_barrier(group, timeout=timedelta(milliseconds=300))` of a gloo group
    of two raises a RuntimeError in rank 0 when that time is over and rank 1 has not come:
    "Rank 1 failed to pass monitoredBarrier in 300 ms".

    Put it before a collective that hangs: the message names a rank that has not come.
    """

    def program(rank):
        group = dist.new_group()
        if rank == 0:
            try:
                dist.monitored_barrier(group, timeout=timedelta(milliseconds=300))
            except RuntimeError as error:
                return str(error)

    message, _ = group(program)

    assert "Rank 1 failed to pass monitoredBarrier in 300 ms" in message


def test_a_process_that_does_not_come_ends_the_waiting_by_timeout(group):
    """In a gloo group of two, `hasty = dist.new_group(timeout=timedelta(milliseconds=300))`,
    `all_reduce(x, group=hasty)` of a nonempty float32 `x` raises RuntimeError, "Timed out waiting
    300ms", if the other process lives but calls it too late.

    Without `timeout=` a gloo group waits for 30 minutes, which looks like a program that hangs.
    """

    def program(rank):
        hasty = dist.new_group(timeout=timedelta(milliseconds=300))
        if rank == 0:
            try:
                dist.all_reduce(torch.ones(1), group=hasty)
            except RuntimeError as error:
                return str(error)

    message, _ = group(program)

    assert "Timed out waiting 300ms" in message


def test_a_process_that_is_gone_ends_the_waiting_at_once(group):
    """When one of two processes of a default gloo group has ended, the next
    `dist.all_reduce(torch.ones(1))` of the other raises a RuntimeError without waiting for the
    timeout: "Connection closed by peer" or "Connection reset by peer".

    Look for the reason in the output of the process that ended, not in this message.
    """

    def program(rank):
        dist.all_reduce(torch.ones(1))
        if rank == 1:
            os._exit(0)
        try:
            dist.all_reduce(torch.ones(1))
        except RuntimeError as error:
            return str(error)

    message, gone = group(program)
    by_peer = bool(re.search("Connection (closed|reset) by peer", message))

    assert by_peer is True
    assert gone is None
