"""DistributedDataParallel: one model in several processes.

Each process has a model of its own and its own part of the data. `DistributedDataParallel` makes
the models equal at the start, and in every `backward` it averages the gradients over the
processes; since all then take the same step, the models stay equal. Nothing else is shared. The
surprise is in the word average: it is one over processes, not over samples.

Two processes run `every_rank` below with the smallest model there is, `y = w * x`; the facts read
what they wrote down. A step is written by hand: `w` minus 0.125 times its gradient.
"""

import json

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

pytestmark = [pytest.mark.slow, pytest.mark.claim("course-distributed-training")]


def linear(weight):
    """The model `y = weight * x`."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, weight)
    return model


def mean_squared_error(model, x):
    """How far the model is from `y = 2 * x`."""
    return ((model(x) - 2 * x) ** 2).mean()


def step(model):
    """One step of gradient descent."""
    with torch.no_grad():
        model.module.weight -= 0.125 * model.module.weight.grad
    model.zero_grad()


def every_rank(rank, folder):
    """What each of the two processes runs."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    seen = {}
    x = torch.tensor([[rank + 1.0]])

    # Models that start differently.
    model = linear(rank + 5.0)
    seen["own weight"] = model.weight.item()
    parallel = DistributedDataParallel(model)
    seen["weight"] = model.weight.item()

    # Gradients: of `w * x` it is `x`, so 1 for rank 0 and 2 for rank 1.
    parallel(x).sum().backward()
    seen["grad"] = model.weight.grad.item()

    # The same past the wrapper.
    model.weight.grad = None
    parallel.module(x).sum().backward()
    seen["grad past the wrapper"] = model.weight.grad.item()

    # A step on two rows each.
    parallel = DistributedDataParallel(linear(0.0))
    rows = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]])[rank]
    mean_squared_error(parallel, rows).backward()
    step(parallel)
    seen["after a step"] = parallel.module.weight.item()

    # Shares of three rows and one row.
    parallel = DistributedDataParallel(linear(0.0))
    rows = torch.tensor([[2.0], [2.0], [2.0]]) if rank == 0 else torch.tensor([[4.0]])
    mean_squared_error(parallel, rows).backward()
    seen["grad of uneven shares"] = parallel.module.weight.grad.item()

    # Several steps on data that has nothing in common.
    parallel = DistributedDataParallel(linear(0.0))
    for number in range(3):
        mean_squared_error(parallel, x / 2**number).backward()
        step(parallel)
    seen["after three steps"] = parallel.module.weight.item()

    # Accumulating two gradients before they are averaged.
    parallel = DistributedDataParallel(linear(1.0))
    with parallel.no_sync():
        parallel(x).sum().backward()
    seen["grad in no_sync"] = parallel.module.weight.grad.item()
    parallel(x).sum().backward()
    seen["grad after no_sync"] = parallel.module.weight.grad.item()

    # Rank 0 has three batches, rank 1 has one.
    parallel = DistributedDataParallel(linear(1.0))
    seen["joined grads"] = []
    with parallel.join():
        for _ in range(1 if rank == 1 else 3):
            parallel(x).sum().backward()
            seen["joined grads"].append(parallel.module.weight.grad.item())
            parallel.zero_grad()
    seen["joined weight"] = parallel.module.weight.item()

    # Buffers that differ.
    norm = nn.BatchNorm1d(1, momentum=1.0)
    parallel = DistributedDataParallel(norm)
    parallel(torch.tensor([[0.0], [4.0]]) + 10 * rank)
    seen["running mean"] = norm.running_mean.item()
    parallel.eval()(x)
    seen["running mean in the next call"] = norm.running_mean.item()

    # A checkpoint: one writes, all wait, all read.
    parallel = DistributedDataParallel(linear(7.0))
    if rank == 0:
        torch.save(parallel.module.state_dict(), folder / "model.pt")
    dist.barrier()
    loaded = linear(0.0)
    loaded.load_state_dict(torch.load(folder / "model.pt"))
    seen["loaded weight"] = loaded.weight.item()

    (folder / f"{rank}.json").write_text(json.dumps(seen))
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the two processes met, and left their checkpoint and their notes."""
    folder = tmp_path_factory.mktemp("distributed")
    mp.spawn(every_rank, args=(folder,), nprocs=2)
    return folder


@pytest.fixture(scope="module")
def seen(folder):
    """What rank 0 and rank 1 wrote down."""
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


def of_both(seen, name):
    return [rank[name] for rank in seen]


def test_weights_start_as_those_of_rank_0(seen):
    """Wrapping overwrites the weights of every process with those of rank 0."""
    assert of_both(seen, "own weight") == [5.0, 6.0]
    assert of_both(seen, "weight") == [5.0, 5.0]


def test_gradients_are_averaged(seen):
    """After `backward` each process has the mean of all gradients, here of 1 and 2."""
    assert of_both(seen, "grad") == [1.5, 1.5]


def test_past_the_wrapper_gradients_stay_as_they_are(seen):
    """Calling `parallel.module` leaves the other processes out: each keeps its own gradient."""
    assert of_both(seen, "grad past the wrapper") == [1.0, 2.0]


@pytest.mark.claim("summary-parallel-libraries")
def test_a_step_of_two_processes_is_one_step_on_the_whole_batch(seen):
    """Two processes with two rows each end where one process with all four rows does."""
    alone = linear(0.0)
    mean_squared_error(alone, torch.tensor([[1.0], [2.0], [3.0], [4.0]])).backward()
    after_a_step = alone.weight.item() - 0.125 * alone.weight.grad.item()

    assert after_a_step == 3.75
    assert of_both(seen, "after a step") == [3.75, 3.75]


def test_uneven_shares_weigh_the_same(seen):
    """A process with one row counts as much as one with three: the mean of means is not the mean.

    With the rows 2, 2, 2 and 4 in one process the gradient is -28.
    """
    alone = linear(0.0)
    mean_squared_error(alone, torch.tensor([[2.0], [2.0], [2.0], [4.0]])).backward()

    assert alone.weight.grad.item() == -28.0
    assert of_both(seen, "grad of uneven shares") == [-40.0, -40.0]


def test_models_stay_equal(seen):
    """After three steps on different data both processes have the very same weight."""
    assert of_both(seen, "after three steps") == [1.39190673828125, 1.39190673828125]


def test_no_sync_leaves_gradients_to_each_process(seen):
    """Inside `no_sync()` a `backward` talks to nobody."""
    assert of_both(seen, "grad in no_sync") == [1.0, 2.0]


def test_what_no_sync_accumulated_is_averaged_by_the_next_backward(seen):
    """The first `backward` outside averages all that has come together: the mean of 2 and 4."""
    assert of_both(seen, "grad after no_sync") == [3.0, 3.0]


def test_join_lets_a_process_run_out_of_data(seen):
    """Under `join()` a process without data goes along with zeros, until all are through.

    Rank 0's own gradient is 1; it is still divided by two processes.
    """
    assert of_both(seen, "joined grads") == [[1.5, 0.5, 0.5], [1.5]]


def test_buffers_follow_rank_0(seen):
    """Running means are computed by each process; the next call starts with those of rank 0."""
    assert of_both(seen, "running mean") == [2.0, 12.0]
    assert of_both(seen, "running mean in the next call") == [2.0, 2.0]


def test_rank_0_saves_for_all(seen):
    """One process writes the checkpoint, the barrier lets the others wait, and all can read it."""
    assert of_both(seen, "loaded weight") == [7.0, 7.0]


def test_what_was_saved_without_the_wrapper_loads_without_it(folder):
    """The state dict of `parallel.module` fits the bare model, in a program with no processes."""
    model = linear(0.0)

    state = torch.load(folder / "model.pt")
    model.load_state_dict(state)

    assert list(state) == ["weight"]
    assert model.weight.item() == 7.0
