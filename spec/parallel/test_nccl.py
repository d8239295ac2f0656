"""NCCL: collectives between GPUs.

NCCL is the backend for tensors on NVIDIA GPUs: it copies from GPU to GPU without a detour through
host memory. The calls are those of `spec/parallel/test_collectives.py`; only the first argument of
`init_process_group` is another one, and each process has a GPU of its own, which it chooses with
`torch.cuda.set_device`.

In the facts about two GPUs, two processes run `every_rank` below, the process of rank `r` on GPU
`r`, and write down what they saw.

What surprises: a group that was made with `"nccl"` has no backend for CPU tensors, and refuses
them.
"""

import json
from datetime import timedelta

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from fixtures import processes

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not dist.is_nccl_available(), reason="this torch was built without NCCL"),
]


@pytest.fixture
def group_of_one(tmp_path):
    """A process group with this process alone in it, on GPU 0."""
    with processes.alone(tmp_path, "nccl"):
        yield


def test_nccl_sums_tensors_on_the_gpu(group_of_one):
    """`dist.all_reduce(x)` over NCCL works in place on a GPU tensor; in a group of one process it
    leaves the values of `x` as they are."""
    x = torch.tensor([1.0, 2.0], device="cuda")

    dist.all_reduce(x)

    assert dist.get_backend() == "nccl"
    assert x.tolist() == [1.0, 2.0]
    assert x.device == torch.device("cuda:0")


def test_nccl_refuses_tensors_on_the_cpu(group_of_one):
    """In a group made with `init_process_group("nccl")`, `all_reduce` of a CPU tensor raises
    RuntimeError.

    Because NCCL reads GPU memory only. Move the tensor to the GPU, or make the group with
    `"cpu:gloo,cuda:nccl"`.
    """
    message = "No backend type associated with device type cpu|Tensors must be CUDA and dense"
    with pytest.raises(RuntimeError, match=message):
        dist.all_reduce(torch.ones(2))


def test_ddp_on_a_gpu_names_it(group_of_one):
    """`DistributedDataParallel(model, device_ids=[0])` with `model` on GPU 0 moves CPU input
    tensors to that GPU; the output and the gradients of the parameters are on it.
    """
    model = nn.Linear(1, 1, bias=False, device="cuda")
    nn.init.constant_(model.weight, 3.0)
    parallel = DistributedDataParallel(model, device_ids=[0])

    y = parallel(torch.tensor([[2.0]]))
    y.sum().backward()

    assert parallel.device_ids == [0]
    assert y.device == torch.device("cuda:0")
    assert y.tolist() == [[6.0]]
    assert model.weight.grad.device == torch.device("cuda:0")
    assert model.weight.grad.tolist() == [[2.0]]


def every_rank(rank, folder):
    """What each of two processes runs, each on the GPU of its number."""
    torch.cuda.set_device(rank)
    dist.init_process_group(
        "nccl",
        init_method=f"file://{folder}/store",
        rank=rank,
        world_size=2,
        timeout=timedelta(seconds=60),
    )
    x = torch.tensor([rank + 1.0], device="cuda")

    total = x.clone()
    dist.all_reduce(total)

    everyones = [torch.zeros_like(x) for _ in range(2)]
    dist.all_gather(everyones, x)

    model = nn.Linear(1, 1, bias=False, device="cuda")
    parallel = DistributedDataParallel(model, device_ids=[rank])
    parallel(x.unsqueeze(0)).sum().backward()

    seen = {
        "device": str(total.device),
        "sum": total.tolist(),
        "all_gather": [x.tolist() for x in everyones],
        "grad": model.weight.grad.tolist(),
    }
    (folder / f"{rank}.json").write_text(json.dumps(seen))
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the two processes wrote down."""
    folder = tmp_path_factory.mktemp("nccl")
    mp.spawn(every_rank, args=(folder,), nprocs=2)
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.slow
@pytest.mark.multi_gpu(2)
def test_each_process_gets_the_sum_on_its_own_gpu(seen):
    """`dist.all_reduce(x)` of contiguous float32 tensors of the same shape over NCCL leaves the
    sum of all processes' `x` in each process's own tensor, on its own GPU.
    """
    assert [process["device"] for process in seen] == ["cuda:0", "cuda:1"]
    assert [process["sum"] for process in seen] == [[3.0], [3.0]]


@pytest.mark.slow
@pytest.mark.multi_gpu(2)
def test_everyone_gets_everything_over_nccl(seen):
    """In two processes, each with a GPU of its own, `dist.all_gather([a, b], x)` over NCCL writes
    the `x` of rank 0 into `a` and that of rank 1 into `b`, in both; all are contiguous float32
    tensors of the same shape on the process's GPU.
    """
    assert [process["all_gather"] for process in seen] == [[[1.0], [2.0]], [[1.0], [2.0]]]


@pytest.mark.slow
@pytest.mark.multi_gpu(2)
def test_gradients_are_averaged_over_gpus(seen):
    """`DistributedDataParallel` over NCCL averages the gradients of two GPUs as it does over gloo:
    the gradients 1 and 2 become 1.5 on both."""
    assert [process["grad"] for process in seen] == [[[1.5]], [[1.5]]]
