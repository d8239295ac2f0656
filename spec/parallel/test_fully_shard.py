"""Fully sharded: each process holds a part of the model.

With `DistributedDataParallel` every process holds all weights. `fully_shard` deals the rows of
every parameter out, by the rule of `torch.chunk`; a layer's weights are collected just before it
runs and let go just after. Gradients come out dealt in the same way. The model stays the same
object with the same names; surprising is only what its parameters have become: `DTensor`s, of
which this process sees its own rows.

Two processes run `every_rank` below on the CPU; the facts read what they wrote down.
"""

import json

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

pytestmark = [pytest.mark.slow, pytest.mark.torch(">=2.6")]


def two_layers():
    """A model of 4 * 2 and 3 * 4 weights: 0, 1, 2, ... in the first, ones in the second."""
    model = nn.Sequential(nn.Linear(2, 4, bias=False), nn.Linear(4, 3, bias=False))
    with torch.no_grad():
        model[0].weight.copy_(torch.arange(8.0).view(4, 2))
        model[1].weight.fill_(1.0)
    return model


def every_rank(rank, folder):
    """What each of the two processes runs."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    seen = {}
    model = two_layers()
    first = model[0]

    sharded = fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
    seen["same object"] = sharded is model
    seen["type"] = [type(first.weight).__name__, str(first.weight.placements)]
    seen["names"] = list(model.state_dict())
    seen["whole shape"] = list(first.weight.shape)
    seen["own rows"] = first.weight.to_local().tolist()
    seen["own shapes"] = [list(layer.weight.to_local().shape) for layer in model]
    seen["bytes"] = first.weight.to_local().untyped_storage().nbytes()

    x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])[rank : rank + 1]
    output = model(x)
    seen["output"] = [type(output).__name__, output.tolist()]
    output.mean().backward()
    seen["own grad"] = first.weight.grad.to_local().tolist()
    seen["whole grad"] = first.weight.grad.full_tensor().tolist()

    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= parameter.grad
    seen["after a step"] = [layer.weight.full_tensor().tolist() for layer in model]

    (folder / f"{rank}.json").write_text(json.dumps(seen))
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What rank 0 and rank 1 wrote down."""
    folder = tmp_path_factory.mktemp("fully_shard")
    mp.spawn(every_rank, args=(folder,), nprocs=2)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


def of_both(seen, name):
    return [rank[name] for rank in seen]


def test_fully_shard_changes_the_model_itself(seen):
    """`fully_shard(model)` returns `model`, and its names get no prefix."""
    assert of_both(seen, "same object") == [True, True]
    assert of_both(seen, "names") == [["0.weight", "1.weight"]] * 2


def test_parameters_become_dtensors(seen):
    """Each parameter is a `DTensor` that is sharded along dimension 0."""
    assert of_both(seen, "type") == [["DTensor", "(Shard(dim=0),)"]] * 2


def test_a_parameter_shows_its_whole_shape_and_holds_its_rows(seen):
    """`weight.shape` is that of the whole; `weight.to_local()` are the rows that are here."""
    assert of_both(seen, "whole shape") == [[4, 2], [4, 2]]
    assert of_both(seen, "own rows") == [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]]]


def test_each_process_holds_half_the_bytes(seen):
    """The eight numbers of the first layer take 32 bytes, 16 in each process."""
    assert two_layers()[0].weight.untyped_storage().nbytes() == 32
    assert of_both(seen, "bytes") == [16, 16]


def test_rows_are_dealt_like_chunks(seen):
    """Three rows on two processes are 2 and 1."""
    assert of_both(seen, "own shapes") == [[[2, 2], [2, 4]], [[2, 2], [1, 4]]]


def test_outputs_are_plain_tensors(seen):
    """`forward` collects the weights, so each process gets its own rows' results as usual."""
    assert of_both(seen, "output") == [
        ["Tensor", [[12.0, 12.0, 12.0]]],
        ["Tensor", [[16.0, 16.0, 16.0]]],
    ]


def test_gradients_are_averaged_and_dealt_out(seen):
    """A process has the gradient of its own rows only, averaged over both processes' data."""
    assert of_both(seen, "own grad") == [[[0.5, 0.5], [0.5, 0.5]], [[0.5, 0.5], [0.5, 0.5]]]
    assert of_both(seen, "whole grad") == [[[0.5, 0.5]] * 4] * 2


def test_a_sharded_step_is_one_step_on_the_whole_batch(seen):
    """After a step the collected weights are those of a single process with both rows."""
    model = two_layers()
    model(torch.tensor([[1.0, 0.0], [0.0, 1.0]])).mean().backward()
    alone = [(layer.weight - layer.weight.grad).tolist() for layer in model]

    assert alone[0] == [[-0.5, 0.5], [1.5, 2.5], [3.5, 4.5], [5.5, 6.5]]
    assert of_both(seen, "after a step") == [alone, alone]
