"""DistributedDataParallel: one model in several processes.

`DistributedDataParallel(model)`, DDP for short, is what PyTorch recommends for training on several
devices, on one machine or on many. Each process has a copy of the model and its own share of the
data. DDP makes the copies equal at the start, and in every `backward` it averages the gradients
over the processes; since all then take the same step, the copies stay equal.

In the facts two processes run `program(rank)` on the CPU, with the smallest model there is,
`y = weight * x`, and `group(program)` returns what they returned. How the processes of a script are
started: `spec/parallel/test_torchrun.py`; how each gets its share of a dataset:
`spec/parallel/test_distributed_sampler.py`.

What surprises: the average is one over processes, not over samples, so shares of unequal size are
weighted unequally; and a parameter that takes no part in the loss stops the next step.
"""

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from fixtures import processes

pytestmark = pytest.mark.claim("course-distributed-training")


@pytest.fixture
def group_of_one(tmp_path):
    """A process group whose only member is this process."""
    with processes.alone(tmp_path):
        yield


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    """Two processes that run the program they are given."""
    with processes.Group(tmp_path_factory.mktemp("distributed")) as group:
        yield group


def linear(weight):
    """The model `y = weight * x`."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, weight)
    return model


@pytest.mark.torch(">=2.2")
def test_ddp_needs_a_group():
    """Since PyTorch 2.2 `DistributedDataParallel(model)` raises ValueError before
    `init_process_group` has been called, "Default process group has not been initialized".

    Because `DistributedDataParallel` sends weights and gradients between the processes of a group,
    and takes the default group if it is given none.
    """
    with pytest.raises(ValueError, match="Default process group has not been initialized"):
        DistributedDataParallel(nn.Linear(5, 2))


def test_ddp_keeps_the_model_as_module(group_of_one):
    """`DistributedDataParallel(model).module` of a model with a parameter that requires grad is
    `model` itself, and the keys of the wrapper's `state_dict()` begin with `module.`.
    """
    model = nn.Linear(5, 2)

    parallel = DistributedDataParallel(model)

    assert (parallel.module is model) is True
    assert list(parallel.state_dict()) == ["module.weight", "module.bias"]


@pytest.mark.slow
def test_weights_start_as_those_of_rank_0(group):
    """`DistributedDataParallel(model)` with its defaults, for a `model` with a parameter that
    requires grad, overwrites the weights of `model` in every process with those of rank 0.

    So it doesn't matter that the processes initialise their models differently, and a checkpoint
    of the model need only be loaded by rank 0 before wrapping. That of an optimizer must be loaded
    by every process.
    """

    def program(rank):
        model = linear(rank + 5.0)
        own = model.weight.item()
        DistributedDataParallel(model)
        return [own, model.weight.item()]

    assert group(program) == [[5.0, 5.0], [6.0, 5.0]]


@pytest.mark.slow
def test_one_seed_in_all_processes_draws_the_same_in_all(group):
    """With `torch.manual_seed(0)` in every process `torch.rand(1)` is the same in all; with
    `torch.manual_seed(0 + rank)` it is another in each, and `DistributedDataParallel`
    starts from the weights of rank 0 even so.

    So use a different seed for each rank, unless something has to be drawn alike: a split of a
    dataset, or the order of a sampler, which `DistributedSampler` draws from its own `seed`.
    """

    def program(rank):
        torch.manual_seed(0)
        same = torch.rand(1).item()
        torch.manual_seed(0 + rank)
        own = torch.rand(1).item()
        model = DistributedDataParallel(nn.Linear(1, 1))
        return [same, own, model.module.weight.item()]

    (same, own, weight), (other_same, other_own, other_weight) = group(program)

    assert (other_same == same) is True
    assert (other_own == own) is False
    assert (other_weight == weight) is True


@pytest.mark.slow
def test_gradients_are_averaged(group):
    """After the first forward and `backward()` of a DDP model, outside `no_sync()`, `.grad` is in
    every process the mean of the gradients of all processes: of 1 and 2 it is 1.5.

    A second `backward()` averages nothing unless a forward stands between the two: write forward
    and `backward()` in turn.
    """

    def program(rank):
        parallel = DistributedDataParallel(linear(1.0))
        # The gradient of `weight * x` is `x`: 1 in rank 0, 2 in rank 1.
        loss = parallel(torch.tensor([[rank + 1.0]])).sum()
        loss.backward(retain_graph=True)
        averaged = parallel.module.weight.grad.item()
        loss.backward()
        return [averaged, parallel.module.weight.grad.item() - averaged]

    assert group(program) == [[1.5, 1.0], [1.5, 2.0]]


@pytest.mark.slow
@pytest.mark.claim("summary-parallel-libraries")
def test_a_step_of_two_processes_is_one_step_on_the_whole_batch(group):
    """With a loss that is the mean over the rows of a batch, an SGD step of `nn.Linear` in two
    DDP processes with two rows each gives the weight that one process with all four rows gets,
    up to rounding.

    Not so with BatchNorm in training mode, which normalises by the rows of its own process.
    """

    def program(rank):
        parallel = DistributedDataParallel(linear(0.0))
        optimizer = torch.optim.SGD(parallel.parameters(), lr=0.125)
        x = torch.tensor([[[1.0], [2.0]], [[3.0], [4.0]]])[rank]
        nn.functional.mse_loss(parallel(x), 2 * x).backward()
        optimizer.step()
        return parallel.module.weight.item()

    model = linear(0.0)
    x = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    nn.functional.mse_loss(model(x), 2 * x).backward()
    torch.optim.SGD(model.parameters(), lr=0.125).step()

    assert model.weight.item() == 3.75
    assert group(program) == [3.75, 3.75]


@pytest.mark.slow
def test_uneven_shares_weigh_the_same(group):
    """`DistributedDataParallel` weights each process equally: if a mean loss has the gradient -16
    on the three rows of one process and -64 on the one row of the other, both get -40, not -28,
    the gradient over the four rows.

    Because -40 is the mean of the two processes' means, and -28 the mean over the rows. Give all
    processes batches of one size: `DistributedSampler` gives each the same number of samples.
    """

    def program(rank):
        parallel = DistributedDataParallel(linear(0.0))
        x = torch.tensor([[2.0], [2.0], [2.0]]) if rank == 0 else torch.tensor([[4.0]])
        nn.functional.mse_loss(parallel(x), 2 * x).backward()
        return parallel.module.weight.grad.item()

    model = linear(0.0)
    x = torch.tensor([[2.0], [2.0], [2.0], [4.0]])
    nn.functional.mse_loss(model(x), 2 * x).backward()

    assert model.weight.grad.item() == -28.0
    assert group(program) == [-40.0, -40.0]


@pytest.mark.slow
def test_models_stay_equal(group):
    """After three `torch.optim.SGD` steps on different data the models of two processes under
    `DistributedDataParallel` have exactly the same weight.

    Because they started equal and stepped with equal gradients; the weights are never sent again.
    """

    def program(rank):
        parallel = DistributedDataParallel(linear(0.0))
        optimizer = torch.optim.SGD(parallel.parameters(), lr=0.125)
        for x in torch.tensor([[1.0, 0.0, 1.0], [1.0, 2.0, 0.0]])[rank].view(3, 1, 1):
            optimizer.zero_grad()
            nn.functional.mse_loss(parallel(x), 2 * x).backward()
            optimizer.step()
        return parallel.module.weight.item()

    assert group(program) == [1.34375, 1.34375]


@pytest.mark.slow
def test_past_the_wrapper_gradients_stay_as_they_are(group):
    """In a training step that calls `parallel.module(x)` and not the DDP wrapper, `parallel(x)`,
    `backward()` averages nothing: each process has its own gradient.

    Also if earlier steps called the wrapper. No error says so, and the models drift apart: in
    training always call the wrapper.
    """

    def program(rank):
        parallel = DistributedDataParallel(linear(1.0))
        x = torch.tensor([[rank + 1.0]])
        parallel.module(x).sum().backward()
        past = parallel.module.weight.grad.item()
        parallel.zero_grad()
        parallel(x).sum().backward()
        through = parallel.module.weight.grad.item()
        parallel.zero_grad()
        parallel.module(x).sum().backward()
        return [past, through, parallel.module.weight.grad.item()]

    assert group(program) == [[1.0, 1.5, 1.0], [2.0, 1.5, 2.0]]


@pytest.mark.slow
def test_a_loss_is_known_to_one_process_until_it_is_reduced(group):
    """In `DistributedDataParallel` each process computes the loss of its own part of the
    mini-batch; `torch.distributed.all_reduce(mean)` of `mean = loss.detach().clone()`, then
    `mean /= world_size`, makes `mean` the mean over the processes.

    `all_reduce` writes the sum into the tensor that it is given: without `clone()`, `loss` would
    change, too.
    """

    def program(rank):
        parallel = DistributedDataParallel(linear(0.0))
        loss = (parallel(torch.tensor([[1.0]])) + rank).mean()
        mean = loss.detach().clone()
        dist.all_reduce(mean)
        mean /= dist.get_world_size()
        return [loss.item(), mean.item()]

    assert group(program) == [[0.0, 0.5], [1.0, 0.5]]


@pytest.mark.slow
def test_no_sync_leaves_gradients_to_each_process(group):
    """With forward and `backward()` of `parallel = DistributedDataParallel(model)` inside
    `with parallel.no_sync():` no gradient is averaged: each process keeps its own.

    With `static_graph=True` the first iteration can't be one inside `no_sync()`: from 2.1 to 2.14
    its `backward()` raises RuntimeError; in 2.0 that of an iteration inside `no_sync()` right after
    the first synchronised one does. For a forward outside of the block see
    `spec/parallel/test_ddp_mistakes.py`.
    """

    def program(rank):
        parallel = DistributedDataParallel(linear(1.0))
        with parallel.no_sync():
            parallel(torch.tensor([[rank + 1.0]])).sum().backward()
        return parallel.module.weight.grad.item()

    assert group(program) == [1.0, 2.0]


@pytest.mark.slow
def test_what_no_sync_accumulated_is_averaged_by_the_next_backward(group):
    """With `DistributedDataParallel(model)`, the first forward and `backward()` after a
    `no_sync()` block average the whole `.grad` over the processes, also what was added inside: 1
    inside and 1 after in one process, 2 and 2 in the other, give 3.

    So with gradient accumulation the processes need to communicate only once per step.
    """

    def program(rank):
        parallel = DistributedDataParallel(linear(1.0))
        x = torch.tensor([[rank + 1.0]])
        with parallel.no_sync():
            parallel(x).sum().backward()
        parallel(x).sum().backward()
        return parallel.module.weight.grad.item()

    assert group(program) == [3.0, 3.0]


@pytest.mark.slow
def test_join_lets_a_process_run_out_of_data(group):
    """If rank 1 of two processes runs out of batches inside `with parallel.join():` of a
    DDP model `parallel`, it counts by default as a process with gradient 0 in the further
    steps: a gradient of 1 on rank 0 becomes 0.5.

    Because the sum is divided by the number of all processes; with
    `divide_by_initial_world_size=False` by that of the processes left. Without `join()` rank 0
    would wait for rank 1, or raise an error if that process has ended.
    """

    def program(rank):
        parallel = DistributedDataParallel(linear(1.0))
        gradients = []
        with parallel.join():
            for _ in range(3 if rank == 0 else 1):
                parallel.zero_grad()
                parallel(torch.tensor([[rank + 1.0]])).sum().backward()
                gradients.append(parallel.module.weight.grad.item())
        return gradients

    assert group(program) == [[1.5, 0.5, 0.5], [1.5]]


@pytest.mark.slow
def test_buffers_follow_rank_0(group):
    """In training mode each process of `DistributedDataParallel` updates BatchNorm's running mean
    from its own rows; by default the next call in any mode first copies rank 0's, unless the
    previous call was under `no_sync()` or with grad mode off.

    With `broadcast_buffers=False` no call overwrites it. To normalise by the rows of all
    processes, use `nn.SyncBatchNorm`, which in a process group does not train on the CPU.
    """

    def program(rank):
        norm = nn.BatchNorm1d(1, momentum=1.0)
        parallel = DistributedDataParallel(norm)
        parallel(torch.tensor([[0.0], [4.0]]) + 10 * rank)
        own = norm.running_mean.item()
        parallel.eval()(torch.tensor([[0.0]]))
        overwritten = norm.running_mean.item()
        with torch.no_grad():
            parallel(torch.tensor([[0.0]]))
        norm.running_mean.fill_(own)
        parallel(torch.tensor([[0.0]]))
        return [own, overwritten, norm.running_mean.item()]

    assert group(program) == [[2.0, 2.0, 2.0], [12.0, 2.0, 12.0]]


@pytest.mark.slow
def test_rank_0_saves_for_all(group, tmp_path):
    """In a DDP program where rank 0 alone calls `torch.save` and then every rank calls
    `dist.barrier()`, no rank passes the barrier before the file is written: after it each
    process on that machine can load the file.

    Because the models are equal, one file is enough; without the barrier another process may find
    no file, or half of one.
    """

    def program(rank, file):
        parallel = DistributedDataParallel(linear(7.0))
        if rank == 0:
            torch.save(parallel.module.state_dict(), file)
        dist.barrier()
        model = linear(0.0)
        model.load_state_dict(torch.load(file))
        return model.weight.item()

    file = tmp_path / "model.pt"

    assert group(program, file) == [7.0, 7.0]


def test_what_was_saved_without_the_wrapper_loads_without_it(group_of_one):
    """With `p = DistributedDataParallel(nn.Linear(1, 1))`,
    `nn.Linear(1, 1).load_state_dict(p.module.state_dict())` works. With `p.state_dict()`, whose
    keys begin with `module.`, it raises RuntimeError, "Missing key(s) in state_dict".

    `DistributedDataParallel(...)` itself wants a process group: call `dist.init_process_group`
    before it.
    """
    parallel = DistributedDataParallel(linear(7.0))
    model = linear(0.0)

    model.load_state_dict(parallel.module.state_dict())

    assert model.weight.item() == 7.0
    with pytest.raises(RuntimeError, match=r'Missing key\(s\) in state_dict: "weight"'):
        model.load_state_dict(parallel.state_dict())


def test_ddp_refuses_a_model_with_nothing_to_learn(group_of_one):
    """After `init_process_group`, `DistributedDataParallel(model)` raises RuntimeError where no
    parameter of `model` requires grad.

    There would be no gradient to average: call such a frozen model without the wrapper.
    """
    model = nn.Linear(5, 2).requires_grad_(False)

    with pytest.raises(RuntimeError, match="doesn't have any parameter that requires a gradient"):
        DistributedDataParallel(model)


def test_a_cpu_model_takes_no_device_ids(group_of_one):
    """After `init_process_group`, `DistributedDataParallel(nn.Linear(5, 2), device_ids=[0])`,
    with the layer on the CPU, raises ValueError, "device_ids and output_device arguments only
    work with".

    `device_ids` names the one GPU of this process; for a model on the CPU leave it out.
    """
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
    """If `forward` of `net` uses only one of its two trainable linear layers, for
    `ddp = DistributedDataParallel(net)` the call `ddp(x)` after `ddp(x).sum().backward()`
    raises RuntimeError, "Expected to have finished reduction in the prior".

    Because DDP waits until every gradient has come before it ends the averaging. Remove the
    layer, freeze it before wrapping, or wrap with `find_unused_parameters=True`.
    """
    parallel = DistributedDataParallel(HalfUsed())
    x = torch.ones(1, 1)

    parallel(x).sum().backward()
    with torch.no_grad():
        shape = parallel(x).shape

    assert shape == (1, 1)
    with pytest.raises(RuntimeError, match="Expected to have finished reduction in the prior"):
        parallel(x)


def test_unused_parameters_can_be_looked_for(group_of_one):
    """With `DistributedDataParallel(model, find_unused_parameters=True)` a layer that no
    process uses in `forward` is no error: the used layer gets its gradients, and those of
    the unused layer stay None.

    It costs a walk through the graph in every step, so it is off by default.
    """
    parallel = DistributedDataParallel(HalfUsed(), find_unused_parameters=True)
    x = torch.ones(1, 1)

    parallel(x).sum().backward()
    parallel(x).sum().backward()

    assert parallel.module.used.bias.grad.tolist() == [2.0]
    assert parallel.module.unused.bias.grad is None
