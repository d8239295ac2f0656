"""Mistakes with DistributedDataParallel, and what it says.

`DistributedDataParallel` (`spec/parallel/test_distributed.py`) waits in each `backward` until every
parameter has got its gradient, exactly once, and exchanges the gradients in groups, its buckets, as
they come. All its strictness follows from that: a parameter that gets no gradient leaves the
averaging unfinished, which the next forward refuses; one that gets two in one backward pass comes
too late for its bucket; and processes whose models differ have nothing to average.

How many samples one step sees belongs here too: each process has a batch of its own, so the
effective batch size is that of a loader times the number of processes, times the batches that are
accumulated.

What surprises: `no_sync` must surround the forward pass, not only `backward`;
`find_unused_parameters=True` does not mend reentrant checkpointing but breaks it; and a wrapper
that no variable keeps averages nothing, and says nothing.
"""

import re
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import checkpoint
from torch.utils.data import DataLoader, DistributedSampler

from fixtures import processes

pytestmark = pytest.mark.slow


@pytest.fixture
def group_of_one(tmp_path):
    """A process group whose only member is this process."""
    with processes.alone(tmp_path):
        yield


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    """Two processes that run the program they are given."""
    with processes.Group(tmp_path_factory.mktemp("ddp_mistakes")) as group:
        yield group


# PyTorch 2.4 says so of a call of its own checkpoint.
autocast_is_deprecated = pytest.mark.filterwarnings("ignore:`torch.cpu.amp.autocast:FutureWarning")


class Checkpointed(nn.Module):
    """A layer, and one that is checkpointed and used twice."""

    def __init__(self, use_reentrant):
        super().__init__()
        self.first = nn.Linear(1, 1)
        self.again = nn.Linear(1, 1)
        self.use_reentrant = use_reentrant

    def forward(self, x):
        x = self.first(x)
        for _ in range(2):
            x = checkpoint(self.again, x, use_reentrant=self.use_reentrant)
        return x


@autocast_is_deprecated
def test_a_parameter_is_marked_ready_only_once(group_of_one):
    """If `net` computes `h = a(x)`, then twice `h = checkpoint(b, h, use_reentrant=True)`,
    `a`, `b` being `nn.Linear`, and `ddp = DistributedDataParallel(net)`, then
    `ddp(x).sum().backward()` raises "Expected to mark a variable ready only once."

    Because each reentrant checkpoint runs a backward pass of its own. Use
    `use_reentrant=False`, or `static_graph=True` where the graph is the same in every step.
    """
    x = torch.ones(1, 1)
    parallel = DistributedDataParallel(Checkpointed(use_reentrant=True))

    with pytest.raises(RuntimeError, match=r"Expected to mark a variable ready only once\."):
        parallel(x).sum().backward()

    mended = DistributedDataParallel(Checkpointed(use_reentrant=False))
    mended(x).sum().backward()
    static = DistributedDataParallel(Checkpointed(use_reentrant=True), static_graph=True)
    static(x).sum().backward()
    assert mended.module.again.weight.grad.shape == (1, 1)
    assert static.module.again.weight.grad.shape == (1, 1)


class Alone(nn.Module):
    """A layer that is checkpointed twice, and nothing else."""

    def __init__(self, use_reentrant):
        super().__init__()
        self.layer = nn.Linear(1, 1, bias=False)
        self.use_reentrant = use_reentrant
        nn.init.ones_(self.layer.weight)

    def forward(self, x):
        for _ in range(2):
            x = checkpoint(self.layer, x, use_reentrant=self.use_reentrant)
        return x


@pytest.mark.slow
@pytest.mark.parametrize(("use_reentrant", "gradients"), [(True, [2.5, 3.5]), (False, [3.0, 3.0])])
def test_a_lone_layer_in_two_reentrant_checkpoints_is_averaged_once(
    use_reentrant, gradients, group
):
    """If a DDP model with its defaults runs its only layer in two
    `checkpoint(..., use_reentrant=True)` calls on an input that requires grad, the gradient of
    one call is averaged and that of the other is not; with `use_reentrant=False` both are.

    Because DDP ends the averaging when each parameter has one gradient. Say that each of the
    two calls has the gradient 1 in one process and 2 in the other: the averaged call gives 1.5
    to both, the other call adds 1 or 2, and the sums are 2.5 and 3.5.
    """

    def program(rank, use_reentrant):
        parallel = DistributedDataParallel(Alone(use_reentrant))
        parallel(torch.tensor([[rank + 1.0]], requires_grad=True)).sum().backward()
        return parallel.module.layer.weight.grad.item()

    assert group(program, use_reentrant) == gradients


class Once(nn.Module):
    """A layer that is checkpointed."""

    def __init__(self, use_reentrant):
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.use_reentrant = use_reentrant

    def forward(self, x):
        return checkpoint(self.layer, x, use_reentrant=self.use_reentrant)


@autocast_is_deprecated
def test_reentrant_checkpoints_and_unused_parameters_do_not_go_together(group_of_one):
    """If `model` runs an `nn.Linear` in `checkpoint(..., use_reentrant=True)` on an input that
    requires grad, `DistributedDataParallel(model, find_unused_parameters=True)` raises
    RuntimeError in `backward`, "mark a variable ready only once".

    Because the search for unused parameters doesn't see those inside the checkpoint, and marks
    them ready; their gradients mark them again. Any one of these mends it: no
    `find_unused_parameters=True`, `use_reentrant=False`, or `static_graph=True`.
    """
    x = torch.ones(1, 1, requires_grad=True)
    parallel = DistributedDataParallel(Once(use_reentrant=True), find_unused_parameters=True)

    with pytest.raises(RuntimeError, match=r"Expected to mark a variable ready only once\."):
        parallel(x).sum().backward()

    mended = DistributedDataParallel(Once(use_reentrant=True))
    mended(x).sum().backward()
    assert mended.module.layer.bias.grad.tolist() == [1.0]


def test_a_layer_may_be_used_twice_without_checkpoints(group_of_one):
    """With `DistributedDataParallel`'s defaults and no activation checkpointing, an
    `nn.Linear` may be run twice in one `forward`, or the wrapper of an `nn.Linear` called
    twice before one `backward`: the gradients of both uses are added.
    """
    layer = nn.Linear(1, 1)
    nn.init.constant_(layer.weight, 3.0)
    twice_in_forward = DistributedDataParallel(nn.Sequential(layer, layer))
    called_twice = DistributedDataParallel(nn.Linear(1, 1))
    x = torch.ones(1, 1)

    twice_in_forward(x).sum().backward()
    (called_twice(x) + called_twice(x)).sum().backward()

    assert layer.bias.grad.tolist() == [4.0]
    assert called_twice.module.bias.grad.tolist() == [2.0]


class HalfUsed(nn.Module):
    """Has two layers and uses one."""

    def __init__(self):
        super().__init__()
        self.used = nn.Linear(1, 1)
        self.unused = nn.Linear(1, 1)

    def forward(self, x):
        return self.used(x)


def test_unused_parameters_are_named_on_demand(group_of_one):
    """The error of DDP, "Expected to have finished reduction in the prior iteration before
    starting a new one.", gives the unused parameters by number; with
    `TORCH_DISTRIBUTED_DEBUG=INFO` in the environment before `import torch` also by name.

    `dist.set_debug_level(dist.DebugLevel.INFO)` before wrapping does the same. `DETAIL` names them
    too, but set in the environment it ended DDP over gloo with a segmentation fault in PyTorch
    2.8, 2.9, 2.10 and 2.14 (not in 2.7). Without DDP the unused parameters are those whose `.grad`
    is None after `backward()`.
    """
    x = torch.ones(1, 1)

    def complaint():
        parallel = DistributedDataParallel(HalfUsed())
        parallel(x).sum().backward()
        with pytest.raises(RuntimeError, match="Expected to have finished reduction in") as caught:
            parallel(x)
        return str(caught.value)

    by_number = complaint()
    before = dist.get_debug_level()
    dist.set_debug_level(dist.DebugLevel.INFO)
    by_name = complaint()
    dist.set_debug_level(before)

    assert "did not receive grad for rank 0: 2 3" in by_number
    assert re.search(r"rank 0: (.*weight.*)\n", by_name)[1] == "unused.bias, unused.weight"


def test_parameters_frozen_after_wrapping_are_missed(group_of_one):
    """After `parallel = DistributedDataParallel(model)` of `model = nn.Linear(1, 1)` and
    `model.weight.requires_grad_(False)`, one forward and `backward()` run; the next forward raises
    RuntimeError, "Expected to have finished reduction".

    Because DDP lists the parameters when it is made: freeze before wrapping, or wrap anew. Under
    `torch.no_grad()` the next forward raises nothing.
    """
    model = nn.Linear(1, 1)
    parallel = DistributedDataParallel(model)
    model.weight.requires_grad_(False)
    x = torch.ones(1, 1)
    parallel(x).sum().backward()

    with pytest.raises(RuntimeError, match="Expected to have finished reduction in the prior iter"):
        parallel(x)

    model = nn.Linear(1, 1)
    model.weight.requires_grad_(False)
    parallel = DistributedDataParallel(model)
    parallel(x).sum().backward()
    parallel(x).sum().backward()
    assert model.bias.grad.tolist() == [2.0]


def test_a_wrapper_that_no_variable_keeps_averages_nothing(group):
    """In two processes with gradients of 1 and 3,
    `DistributedDataParallel(model)(x).sum().backward()` leaves them as they are, without an error;
    `ddp(x).sum().backward()` with `ddp = DistributedDataParallel(model)` makes both 2 instead.

    Because what averages belongs to the wrapper, and is deleted with it: before `backward()` if no
    variable keeps the wrapper. With `find_unused_parameters=True` `backward()` raises
    AttributeError in PyTorch 2.14, "'NoneType' object has no attribute 'reducer'". Before a second
    `backward()` set the gradient to None: DDP averages the sum in `grad`, here 2 and 6.
    """

    def program(rank):
        model = nn.Linear(1, 1, bias=False)
        x = torch.tensor([[2.0 * rank + 1.0]])
        DistributedDataParallel(model)(x).sum().backward()
        own = model.weight.grad.item()
        model.weight.grad = None
        ddp = DistributedDataParallel(model)
        ddp(x).sum().backward()
        return own, model.weight.grad.item()

    assert group(program) == [(1.0, 2.0), (3.0, 2.0)]


@pytest.mark.slow
def test_models_of_different_shapes_are_refused(group):
    """With `nn.Linear(1, 1)` in rank 0 and `nn.Linear(1, 2)` in rank 1,
    `DistributedDataParallel(model)` raises RuntimeError in rank 1, "params[0] in this
    process with sizes [2, 1] appears not to match sizes of the same param in process 0."

    Often a last layer has one output per class that this process found in its own data: take the
    number of classes from the whole dataset.
    """

    def program(rank):
        hasty = dist.new_group(timeout=timedelta(seconds=1))
        try:
            DistributedDataParallel(nn.Linear(1, 1 + rank), process_group=hasty)
        except RuntimeError as error:
            return str(error)

    _, message = group(program)

    assert (
        "params[0] in this process with sizes [2, 1] appears not to match sizes of the same param"
        in message
    )


@pytest.mark.slow
def test_different_collectives_are_told_apart_on_demand(group):
    """If two processes start with `TORCH_DISTRIBUTED_DEBUG=DETAIL`, `dist.barrier()` in one
    of them and `dist.all_reduce(x)` in the other raise RuntimeError in both, "Detected
    mismatch between collectives on ranks."

    Without it, two processes of a `gloo` group wait for each other until the timeout. All
    processes of a group must call the same collectives in the same order: no collective belongs
    inside `if rank == 0:`.
    """

    def program(rank):
        dist.set_debug_level(dist.DebugLevel.DETAIL)
        careful = dist.new_group(timeout=timedelta(seconds=30))
        try:
            if rank == 0:
                dist.barrier(group=careful)
            else:
                dist.all_reduce(torch.ones(1), group=careful)
        except RuntimeError as error:
            return str(error)
        finally:
            dist.set_debug_level(dist.DebugLevel.OFF)

    first, second = group(program)

    assert first.startswith("Detected mismatch between collectives on ranks. Rank 0 is running")
    assert "OpType=ALLREDUCE" in second


@pytest.mark.slow
def test_no_sync_has_to_surround_the_forward(group):
    """With `parallel = DistributedDataParallel(model)`, `y = parallel(x)` inside
    `parallel.no_sync()` and `y.sum().backward()` after it average no gradients; `y = parallel(x)`
    before the block and `y.sum().backward()` inside average them.

    So put both `parallel(x)` and `backward()` into `with parallel.no_sync():`.
    """

    def program(rank):
        x = torch.tensor([[rank + 1.0]])
        parallel = DistributedDataParallel(nn.Linear(1, 1, bias=False))
        with parallel.no_sync():
            y = parallel(x)
        y.sum().backward()
        forward_inside = parallel.module.weight.grad.item()
        parallel.zero_grad()
        y = parallel(x)
        with parallel.no_sync():
            y.sum().backward()
        return [forward_inside, parallel.module.weight.grad.item()]

    assert group(program) == [[1.0, 1.5], [2.0, 1.5]]


@pytest.mark.slow
def test_accumulation_needs_no_sync_and_a_divided_loss(group):
    """Each of two processes with DDP of an `nn.Linear` has two batches of one sample. If each runs
    its first forward and backward under `no_sync()` and divides both mean losses by 2, both get
    the gradient of the mean loss over all four samples.

    The effective batch size is samples per batch times batches per step times processes.
    BatchNorm and losses that weigh samples by class see the small batches.
    """

    def program(rank):
        parallel = DistributedDataParallel(nn.Linear(1, 1, bias=False))
        nn.init.zeros_(parallel.module.weight)
        first, second = torch.tensor([[1.0, 2.0], [3.0, 4.0]])[rank].view(2, 1, 1)
        with parallel.no_sync():
            (nn.functional.mse_loss(parallel(first), 2 * first) / 2).backward()
        (nn.functional.mse_loss(parallel(second), 2 * second) / 2).backward()
        return parallel.module.weight.grad.item()

    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    x = torch.tensor([[1.0], [2.0], [3.0], [4.0]])
    nn.functional.mse_loss(model(x), 2 * x).backward()

    assert model.weight.grad.item() == -30.0
    assert group(program) == [-30.0, -30.0]


def test_the_batch_size_of_a_loader_is_that_of_one_process():
    """`DataLoader(dataset, batch_size=4, sampler=DistributedSampler(dataset))` of 32 samples gives
    each of two processes 4 samples per step: a step sees 8 in all, and an epoch has 4 steps
    instead of the 8 of one process.

    To keep a learning rate, divide the batch size by the number of processes; or keep the batch
    size and try a larger rate.
    """
    dataset = torch.arange(32)
    shares = [
        DataLoader(dataset, batch_size=4, sampler=DistributedSampler(dataset, 2, rank))
        for rank in range(2)
    ]

    seen_in_one_step = sum(len(next(iter(loader))) for loader in shares)

    assert seen_in_one_step == 8
    assert [len(loader) for loader in shares] == [4, 4]
    assert len(DataLoader(dataset, batch_size=4)) == 8


@pytest.mark.slow
def test_clipping_sees_the_averaged_gradient(group):
    """After `backward()` of a DDP model with one weight, outside `no_sync()`,
    `nn.utils.clip_grad_norm_` returns the norm of the averaged gradient, the same in every
    process: of the gradients 1 and 2 it is 1.5.

    So all processes clip alike, and their models stay equal. Within `no_sync()` the gradients are
    not averaged yet, and each process gets the norm of its own: 1 and 2.
    """

    def program(rank):
        parallel = DistributedDataParallel(nn.Linear(1, 1, bias=False))
        parallel(torch.tensor([[rank + 1.0]])).sum().backward()
        norm = nn.utils.clip_grad_norm_(parallel.parameters(), max_norm=3.0)
        averaged = parallel.module.weight.grad.item()
        parallel.zero_grad()
        with parallel.no_sync():
            parallel(torch.tensor([[rank + 1.0]])).sum().backward()
        own = nn.utils.clip_grad_norm_(parallel.parameters(), max_norm=3.0)
        return [norm.item(), averaged, own.item()]

    assert group(program) == [[1.5, 1.5, 1.0], [1.5, 1.5, 2.0]]


def test_attributes_of_the_model_are_those_of_module(group_of_one):
    """A wrapper `parallel` made by `DistributedDataParallel(nn.Linear(5, 2))` has no
    attribute `in_features`: `parallel.in_features` raises AttributeError, "... object has
    no attribute 'in_features'".

    Write `parallel.module.in_features`. A step that calls only `parallel.module(x)`, never
    `parallel(x)`, does not average its gradients.
    """
    parallel = DistributedDataParallel(nn.Linear(5, 2))

    with pytest.raises(
        AttributeError, match="'DistributedDataParallel' object has no attribute 'in_features'"
    ):
        parallel.in_features  # noqa: B018

    assert parallel.module.in_features == 5


@pytest.mark.torch(">=2.0")
def test_batch_norm_layers_are_converted_before_wrapping():
    """`nn.SyncBatchNorm.convert_sync_batchnorm(model)` replaces an `nn.BatchNorm2d` inside `model`
    by an `nn.SyncBatchNorm` with the same parameters, and returns the model.

    In training `nn.SyncBatchNorm` normalises over the batches of all processes, which needs GPUs;
    in `eval()`, or without a process group, it works as BatchNorm does. Convert first, then wrap
    in DDP.
    """
    norm = nn.BatchNorm2d(3)
    model = nn.Sequential(nn.Conv2d(3, 3, 1), norm)

    converted = nn.SyncBatchNorm.convert_sync_batchnorm(model)

    assert converted is model
    assert type(converted[1]) is nn.SyncBatchNorm
    assert (converted[1].weight is norm.weight) is True
    assert converted[1].eval()(torch.ones(2, 3, 4, 4)).shape == (2, 3, 4, 4)


@pytest.mark.torch(">=2.0")
def test_sync_batch_norm_trains_on_gpus_only(group_of_one):
    """In training mode, in a process group, `nn.SyncBatchNorm(1)` raises ValueError for the CPU
    tensor `torch.zeros(2, 1, 3)`, "SyncBatchNorm expected input tensor to be on GPU"; after
    `eval()` it takes this tensor.

    On the CPU leave the model unconverted, or use `nn.GroupNorm`, which computes with each
    sample by itself.
    """
    norm = nn.SyncBatchNorm(1)

    with pytest.raises(ValueError, match="SyncBatchNorm expected input tensor to be on GPU"):
        norm(torch.zeros(2, 1, 3))

    assert norm.eval()(torch.zeros(2, 1, 3)).flatten().tolist() == [0.0] * 6
