"""Fully sharded data parallel (FSDP2).

With `DistributedDataParallel` every process holds all parameters of the model. `fully_shard(model)`
shards every parameter along dimension 0, by the rule of `torch.chunk`, so that each process holds
only its own rows; the whole parameters are gathered from all processes just before `forward` needs
them and freed again later. Gradients come out sharded in the same way. That is how models are
trained which don't fit on one device.

In the facts two processes run `program(rank)` on the CPU, and `group(program)` returns what they
returned; `mesh` names the processes that share a model.

What surprises: the model stays the same object with the same names, and only its parameters have
become something else: `DTensor`s, whose `shape` is that of the whole and whose `to_local()` are the
rows that are here.
"""

import pytest
import torch
from torch import nn

from fixtures import processes

pytestmark = [pytest.mark.slow, pytest.mark.torch(">=2.6")]


@pytest.fixture(scope="module")
def group(tmp_path_factory):
    """Two processes that run the program they are given."""
    with processes.Group(tmp_path_factory.mktemp("fully_shard")) as group:
        yield group


def test_fully_shard_changes_the_model_itself(group):
    """In a process group, `fully_shard(model)` of an `nn.Linear` returns `model` itself, and the
    keys of its state dict stay as they are.

    Unlike `DistributedDataParallel` it makes no wrapper, so there is no prefix `module.`. The
    class of `model` becomes a subclass such as FSDPLinear, and its parameters become DTensors.
    """

    def program(rank):
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        model = nn.Linear(2, 4)
        sharded = fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
        return [sharded is model, list(model.state_dict())]

    assert group(program) == [[True, ["weight", "bias"]]] * 2


def test_parameters_become_dtensors(group):
    """Right after `fully_shard(nn.Linear(2, 4), mesh=mesh)`, with a device mesh `mesh` of one
    dimension, the weight of this layer is a `DTensor` with the placement `Shard(dim=0)`.

    A parameter without dimensions is refused: give it the shape (1,).
    """

    def program(rank):
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        model = fully_shard(nn.Linear(2, 4), mesh=init_device_mesh("cpu", (2,)))
        return [type(model.weight).__name__, str(model.weight.placements)]

    assert group(program) == [["DTensor", "(Shard(dim=0),)"]] * 2


def test_a_parameter_shows_its_whole_shape_and_holds_its_rows(group):
    """After `fully_shard(model)` of an `nn.Linear`, before its first forward, `model.weight.shape`
    is that of the whole parameter, and `model.weight.to_local()` holds only this process's share
    of its rows.
    """

    def program(rank):
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        model = nn.Linear(2, 4, bias=False)
        nn.init.constant_(model.weight, 1.0)
        model.weight.data[1] = 7.0
        fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
        return [list(model.weight.shape), model.weight.to_local().tolist()]

    assert group(program) == [
        [[4, 2], [[1.0, 1.0], [7.0, 7.0]]],
        [[4, 2], [[1.0, 1.0], [1.0, 1.0]]],
    ]


def test_each_process_holds_half_the_bytes(group):
    """With two processes, `fully_shard` leaves each process half of the bytes of a parameter
    whose rows divide evenly: of a (4, 2) float32 weight, 16 of 32 bytes.

    The gradients and the optimizer's state are sharded too. With Adam, which keeps two numbers
    per weight, they are three quarters of what is saved.
    """

    def program(rank):
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        model = nn.Linear(2, 4, bias=False)
        before = model.weight.untyped_storage().nbytes()
        fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
        return [before, model.weight.to_local().untyped_storage().nbytes()]

    assert group(program) == [[32, 16], [32, 16]]


def test_rows_are_dealt_like_chunks(group):
    """`fully_shard` over two processes shards the three rows of the weight of
    `nn.Linear(4, 3)` as `torch.chunk` does: rank 0 gets two rows and rank 1 gets one.
    """

    def program(rank):
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        model = fully_shard(nn.Linear(4, 3), mesh=init_device_mesh("cpu", (2,)))
        return list(model.weight.to_local().shape)

    assert group(program) == [[2, 4], [1, 4]]


@pytest.mark.torch(">=2.7")
def test_outputs_are_plain_tensors(group):
    """The output of an `nn.Linear` sharded by `fully_shard` is a plain tensor: each process
    computes it from its own input and the whole weight.

    Because `forward` all-gathers the parameters first, the code of the model need not change. In
    PyTorch 2.6 the call `model(x)` raises an error on a machine without GPU.
    """

    def program(rank):
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        model = nn.Linear(2, 4, bias=False)
        nn.init.constant_(model.weight, 1.0)
        fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
        output = model(torch.tensor([[rank + 1.0, 0.0]]))
        return [type(output).__name__, output.tolist()]

    assert group(program) == [
        ["Tensor", [[1.0, 1.0, 1.0, 1.0]]],
        ["Tensor", [[2.0, 2.0, 2.0, 2.0]]],
    ]


@pytest.mark.torch(">=2.9")
def test_gradients_are_averaged_and_dealt_out(group):
    """With `model = nn.Linear(1, 4)` sharded by `fully_shard` over 2 processes, after `backward()`
    `model.weight.grad.to_local()` is the gradient of the process's own 2 rows, averaged over the
    processes; `.full_tensor()` of this `grad` has all 4.

    In PyTorch 2.8 over gloo, the backend for the CPU, the gradients are not averaged but added up,
    without an error or a warning.
    """

    def program(rank):
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        model = nn.Linear(1, 4, bias=False)
        fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
        # Of the sum the gradient is the input: 1 in rank 0, 2 in rank 1.
        model(torch.tensor([[rank + 1.0]])).sum().backward()
        gradient = model.weight.grad
        return [gradient.to_local().tolist(), gradient.full_tensor().tolist()]

    assert group(program) == [[[[1.5], [1.5]], [[1.5], [1.5], [1.5], [1.5]]]] * 2


@pytest.mark.torch(">=2.9")
def test_a_sharded_step_is_one_step_on_the_whole_batch(group):
    """With a loss that is the unweighted mean over the rows, an SGD step of an `nn.Linear`
    sharded by `fully_shard` over two processes with one row each gives, up to rounding, the
    weights that one process with both rows gets.

    Not so with BatchNorm in training mode, which normalises by the rows of its own process, and
    raises ValueError where an `nn.BatchNorm1d` gets a single row.
    """

    def program(rank):
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        model = nn.Linear(1, 4, bias=False)
        nn.init.constant_(model.weight, 1.0)
        fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        (model(torch.tensor([[rank + 1.0]])) ** 2).mean().backward()
        optimizer.step()
        return model.weight.full_tensor().flatten().tolist()

    model = nn.Linear(1, 4, bias=False)
    nn.init.constant_(model.weight, 1.0)
    (model(torch.tensor([[1.0], [2.0]])) ** 2).mean().backward()
    torch.optim.SGD(model.parameters(), lr=0.5).step()

    assert model.weight.flatten().tolist() == [0.375, 0.375, 0.375, 0.375]
    assert group(program) == [[0.375, 0.375, 0.375, 0.375]] * 2
