"""One process by itself, or several that train together because torchrun started them."""

import os
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch._dynamo  # DDP imports it: later than `init_process_group` it would keep the group
import torch.distributed as dist


@contextmanager
def processes(args):
    """Join the other processes, if there are any; yield this one's rank, and how many there are."""
    if "WORLD_SIZE" not in os.environ:
        yield 0, 1
        return
    options = {"backend": "gloo", "timeout": timedelta(minutes=10)}
    if args.device.type == "cuda":
        args.device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(args.device)
        options |= {"backend": "nccl", "device_id": args.device}
    dist.init_process_group(**options)
    try:
        yield dist.get_rank(), dist.get_world_size()
    finally:
        dist.destroy_process_group()


def added_up(numbers, device):
    """Return the sums of these numbers over all processes."""
    sums = torch.tensor(numbers, dtype=torch.float64)
    if dist.is_initialized():
        sums = sums.to(device)
        dist.all_reduce(sums)
    return sums.tolist()


def apart(net, world):
    """Return by how much the weights of any process differ from those of the first."""
    most = torch.zeros(1, device=next(net.parameters()).device)
    for parameter in net.parameters() if world > 1 else []:
        first = parameter.detach().clone()
        dist.broadcast(first, 0)
        most = torch.maximum(most, (parameter.detach() - first).abs().max())
    if world > 1:
        dist.all_reduce(most, dist.ReduceOp.MAX)
    return most.item()
