"""Launching on one machine and on several.

`torchrun`, which is `python -m torch.distributed.run`, is started once on each machine, with the
same arguments, and starts `--nproc-per-node` processes there. The machines find each other at a
rendezvous: `--rdzv-endpoint=node0:29400` names one of them, and any free port there, for
`--rdzv-backend=c10d`. `RANK` counts all processes, `LOCAL_RANK` those of one machine: with
`torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))` each takes a GPU of its own. On one machine
`--standalone` is enough, see `spec/parallel/test_torchrun.py`.

The facts read the arguments as torchrun does, without starting anything; two machines are two
torchruns on this one.

What surprises: the old `python -m torch.distributed.launch` hands each process an argument such as
`--local-rank=0`, which a script that expects `--local_rank` does not know; and a process that chose
no GPU of its own uses GPU 0, as all others do.
"""

import os
import socket
import subprocess
import sys

import pytest
import torch.distributed as dist

pytestmark = pytest.mark.slow


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read a command line as torchrun does: return its configuration, and what is run."""
    from torch.distributed.run import config_from_args, parse_args

    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    def read(line):
        config, _, command = config_from_args(parse_args([f"--log-dir={tmp_path}", *line.split()]))
        return config, command

    return read


@pytest.mark.torch(">=2.0")
def test_two_machines_meet_at_one_endpoint(read):
    """On each of two machines with 8 GPUs, one of them called node0, run `torchrun --nnodes=2
    --nproc-per-node=8 --rdzv-backend=c10d --rdzv-endpoint=node0:29400 --rdzv-id=job train.py`: 16
    processes in all.

    The command is the same on both; `node0` is the name or address of one of them, and the port
    must be open there. `--rdzv-id` keeps two jobs apart.
    """
    config, command = read(
        "--nnodes=2 --nproc-per-node=8 --rdzv-backend=c10d --rdzv-endpoint=node0:29400"
        " --rdzv-id=job train.py --epochs 3"
    )

    assert [config.min_nodes, config.max_nodes, config.nproc_per_node] == [2, 2, 8]
    assert [config.rdzv_backend, config.rdzv_endpoint] == ["c10d", "node0:29400"]
    assert config.run_id == "job"
    assert command[-3:] == ["train.py", "--epochs", "3"]


@pytest.mark.torch(">=2.0")
def test_machines_may_be_numbered_by_hand(read):
    """`torchrun --nnodes=2 --node-rank=1 --master-addr=10.0.0.1 --master-port=29500 train.py`
    gives this machine the node rank 1; without `--rdzv-backend` the rendezvous backend is
    "static", and its endpoint is here 10.0.0.1:29500.

    The first machine has `--node-rank=0`, and 10.0.0.1 is its address. Here the command differs
    between the machines, by `--node-rank`.
    """
    config, _ = read(
        "--nnodes=2 --node-rank=1 --nproc-per-node=8 --master-addr=10.0.0.1 --master-port=29500"
        " train.py"
    )

    assert [config.rdzv_backend, config.rdzv_endpoint] == ["static", "10.0.0.1:29500"]
    assert config.rdzv_configs["rank"] == 1


@pytest.mark.torch(">=2.0")
def test_the_number_of_machines_may_be_a_range(read):
    """`torchrun --nnodes=1:4 --rdzv-backend=c10d --rdzv-endpoint=node0:29400
    --max-restarts=3 train.py` sets the minimum number of machines to 1, the maximum to 4,
    and the maximum number of restarts to 3.

    When a machine joins or leaves, all processes are started anew, so the script has to load its
    last checkpoint when it starts. The default backend, "static", is for a fixed number of
    machines.
    """
    config, _ = read(
        "--nnodes=1:4 --rdzv-backend=c10d --rdzv-endpoint=node0:29400 --max-restarts=3 train.py"
    )

    assert [config.min_nodes, config.max_nodes] == [1, 4]
    assert config.rdzv_backend == "c10d"
    assert config.max_restarts == 3


@pytest.mark.torch(">=2.0")
def test_one_process_on_one_machine_is_the_default(read):
    """`torchrun train.py` starts one process, also on a machine with eight GPUs: the
    default of `--nproc-per-node` is 1, and that of `--nnodes` one machine."""
    config, _ = read("train.py")

    assert [config.min_nodes, config.max_nodes, config.nproc_per_node] == [1, 1, 1]


def test_the_processes_may_be_counted_by_torchrun(monkeypatch):
    """`torchrun --nproc-per-node=gpu` starts one process per visible GPU and raises ValueError,
    "Cuda is not available.", without CUDA; `--nproc-per-node=cpu` starts one per CPU that
    `torchrun` may use, up to PyTorch 2.11 one per logical CPU.

    PyTorch 2.12 and later count `len(os.sched_getaffinity(0))`, where `os` has that function, 2.11
    and older releases `os.cpu_count()`: they differ under `taskset` or a batch system.
    """
    import torch
    from torch.distributed.run import determine_local_world_size

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(ValueError, match=r"Cuda is not available\."):
        determine_local_world_size("gpu")

    assert determine_local_world_size("3") == 3
    cores = os.cpu_count()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    counted = determine_local_world_size("cpu")
    assert {counted} <= {usable, cores}


@pytest.mark.torch(">=2.0")
def test_each_process_gets_one_thread(read, monkeypatch):
    """With `--nproc-per-node` greater than 1 `torchrun` sets the environment variable
    `OMP_NUM_THREADS` to 1 for all its processes, unless it is set already.

    So `torch.get_num_threads()` is 1 there: on the CPU set `OMP_NUM_THREADS` to the number of
    cores divided by the number of processes.
    """
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    read("--nproc-per-node=2 train.py")
    given = os.environ["OMP_NUM_THREADS"]
    monkeypatch.delenv("OMP_NUM_THREADS")
    read("--nproc-per-node=2 train.py")
    chosen = os.environ["OMP_NUM_THREADS"]

    assert [given, chosen] == ["4", "1"]


def test_a_port_that_is_taken_is_named():
    """A second `dist.TCPStore(host, port, is_master=True)` on the port of one that still exists
    raises RuntimeError, "The server socket has failed to listen on any local network address." and
    "address already in use" or "Address already in use".

    "Address" with a capital A comes with `use_libuv=False` and in early releases. Another job, or
    an earlier one that still runs, has the port: give `torchrun` another `--master-port`, or use
    its `--standalone`, which finds a free port itself.
    """
    first = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)

    with pytest.raises(RuntimeError, match="The server socket has failed to listen on") as caught:
        dist.TCPStore("127.0.0.1", first.port, is_master=True, wait_for_workers=False)

    assert "address already in use" in str(caught.value).lower()


def start(module, *arguments):
    """Start a module of torch as a program."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.mark.slow
def test_ranks_go_on_counting_from_machine_to_machine(tmp_path):
    """With `torchrun --nnodes=2 --nproc-per-node=2 --rdzv-backend=c10d --rdzv-endpoint=node0:29400
    train.py` on two machines, `RANK` counts 0 to 3, `LOCAL_RANK` 0 and 1 on each, `GROUP_RANK` is
    the machine's number, 0 or 1, and `WORLD_SIZE` 4.

    `node0` is the name of one of the two machines, and the same command is started on both. The
    GPU is chosen by `LOCAL_RANK`: by `RANK` the second machine would look for `cuda:2`. `torchrun`
    is `python -m torch.distributed.run`.
    """
    script = tmp_path / "script.py"
    script.write_text("""
import os, pathlib

names = "RANK", "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"
place = [os.environ[name] for name in names]
pathlib.Path(__file__).with_name(place[0]).write_text(" ".join(place))
""")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{free.getsockname()[1]}"
    arguments = ["--nnodes=2", "--nproc-per-node=2", "--rdzv-backend=c10d", "--rdzv-id=job"]
    arguments += [f"--rdzv-endpoint={endpoint}", script]

    machines = [start("torch.distributed.run", *arguments) for _ in range(2)]
    for machine in machines:
        machine.communicate(timeout=300)
    places = [(tmp_path / str(rank)).read_text() for rank in range(4)]

    assert places == ["0 0 0 4 2", "1 1 0 4 2", "2 0 1 4 2", "3 1 1 4 2"]


@pytest.mark.slow
def test_launch_hands_over_an_argument_that_old_scripts_do_not_know(tmp_path):
    """Since PyTorch 2.0 `python -m torch.distributed.launch` without `--use_env` passes its
    first process `--local-rank=0`: a script with `parser.add_argument("--local_rank")` alone ends
    with "error: unrecognized arguments: --local-rank=0".

    Use `torchrun`, which passes no argument, and read `os.environ["LOCAL_RANK"]`; a script for
    both has `parser.add_argument("--local-rank", "--local_rank", type=int)`.
    """
    old = tmp_path / "old.py"
    old.write_text("""
import argparse

parser = argparse.ArgumentParser()
parser.add_argument("--local_rank", type=int)
parser.parse_args()
""")
    new = tmp_path / "new.py"
    new.write_text("""
import os, sys

print("arguments", sys.argv[1:], "LOCAL_RANK", os.environ["LOCAL_RANK"])
""")

    refused, _ = start("torch.distributed.launch", old).communicate(timeout=300)
    launched, _ = start("torch.distributed.launch", new).communicate(timeout=300)
    by_torchrun, _ = start("torch.distributed.run", new).communicate(timeout=300)

    assert "error: unrecognized arguments: --local-rank=0" in refused
    assert "arguments ['--local-rank=0'] LOCAL_RANK 0" in launched
    assert "arguments [] LOCAL_RANK 0" in by_torchrun


def test_launch_is_deprecated():
    """`torch.distributed.launch.main` issues a FutureWarning, "The module torch.distributed.launch
    is deprecated", which names `torchrun` as what to use.

    `torchrun` takes the same arguments except `--use-env`, which it refuses: it always behaves
    as `launch --use-env` does.
    """
    import torch.distributed.launch as launch

    with (
        pytest.warns(
            FutureWarning,
            match=r"(?s)The module torch\.distributed\.launch is deprecated.*Use torchrun\.",
        ),
        pytest.raises(SystemExit) as left,
    ):
        launch.main(["--help"])

    assert left.value.code == 0


@pytest.mark.cuda
@pytest.mark.slow
def test_two_processes_on_one_gpu_are_refused_by_nccl(tmp_path):
    """Two processes of an `init_process_group("nccl")` group that use the same GPU fail in the
    first collective with ncclInvalidUsage: "Multiple Ranks are using the same GPU" in PyTorch
    2.14.1 (NCCL 2.30.7), "Duplicate GPU detected" in 2.8.

    Because a process that chose no GPU uses GPU 0. Call
    `torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))` before anything else, and start no more
    processes than there are GPUs.
    """
    script = tmp_path / "train.py"
    script.write_text("""
import torch
import torch.distributed as dist

dist.init_process_group("nccl")
torch.cuda.set_device(0)
dist.all_reduce(torch.ones(1, device="cuda"))
""")

    said, _ = start(
        "torch.distributed.run", "--standalone", "--nproc-per-node=2", script
    ).communicate(timeout=300)

    assert "ncclInvalidUsage" in said
    messages = "Duplicate GPU detected", "Multiple Ranks are using the same GPU"
    assert any(message in said for message in messages)


@pytest.mark.multi_gpu(2)
@pytest.mark.slow
def test_local_rank_chooses_the_gpu(tmp_path):
    """In two processes of `torchrun`, after
    `torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))`, `"cuda"` is a GPU of its own for
    each process, and an NCCL `all_reduce` sums over both processes.
    """
    script = tmp_path / "train.py"
    script.write_text("""
import os, pathlib
import torch
import torch.distributed as dist

rank = int(os.environ["LOCAL_RANK"])
torch.cuda.set_device(rank)
dist.init_process_group("nccl")
x = torch.tensor([rank + 1.0], device="cuda")
dist.all_reduce(x)
pathlib.Path(__file__).with_name(str(rank)).write_text(f"{x.device} {x.item()}")
dist.destroy_process_group()
""")

    start("torch.distributed.run", "--standalone", "--nproc-per-node=2", script).communicate(
        timeout=300
    )

    assert (tmp_path / "0").read_text() == "cuda:0 3.0"
    assert (tmp_path / "1").read_text() == "cuda:1 3.0"


@pytest.mark.multi_gpu(2)
@pytest.mark.slow
def test_a_timeout_over_nccl_names_the_collective(tmp_path):
    """Over NCCL under `torchrun`, after `dist.barrier()`: if a living process never calls
    `all_reduce`, the others end after the `timeout=` of `init_process_group`: "Watchdog caught
    collective operation timeout: ... OpType=ALLREDUCE, ...".

    The message names the collective that waited, not the process that is missing: look for a rank
    that took another branch, crashed, or had fewer batches. Since PyTorch 2.2 the default for NCCL
    is 10 minutes.
    """
    script = tmp_path / "train.py"
    script.write_text("""
import os
from datetime import timedelta
import torch
import torch.distributed as dist

rank = int(os.environ["LOCAL_RANK"])
torch.cuda.set_device(rank)
dist.init_process_group("nccl", timeout=timedelta(seconds=5))
dist.barrier()
if rank == 0:
    dist.all_reduce(torch.ones(1, device="cuda"))
    torch.cuda.synchronize()
else:
    dist.distributed_c10d._get_default_store().wait(["never"], timedelta(seconds=60))
""")

    said, _ = start(
        "torch.distributed.run", "--standalone", "--nproc-per-node=2", script
    ).communicate(timeout=300)

    assert "Watchdog caught collective operation timeout" in said
    assert "OpType=ALLREDUCE" in said
