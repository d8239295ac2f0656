"""torchrun: a script in several processes.

`torchrun --nproc-per-node 4 train.py` starts the same script four times on this machine and tells
each process who it is, by environment variables. `init_process_group` reads them, and from there on
the four train one model, each on its own share of the samples. `--standalone` says that no other
machine takes part. `torchrun` is installed with torch; `python -m torch.distributed.run` is the
same.

What surprises: how little the script has to know, and that a process that ends with an error takes
the others along instead of leaving them to wait.
"""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def torchrun(*arguments):
    """What `torchrun --standalone ARGUMENTS` prints, and how it ends."""
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        timeout=300,
    )


def test_torchrun_tells_each_process_who_it_is(tmp_path):
    """`torchrun --nproc-per-node 2 script.py` starts the script twice, with `RANK` and
    `LOCAL_RANK` 0 and 1 and `WORLD_SIZE` 2 in the environment.

    `LOCAL_RANK` counts the processes of this machine only: with it each process chooses its GPU.
    """
    script = tmp_path / "script.py"
    script.write_text("""
import os, pathlib

place = [os.environ[name] for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE")]
pathlib.Path(__file__).with_name(place[0]).write_text(" ".join(place))
""")

    torchrun("--nproc-per-node=2", script)

    assert (tmp_path / "0").read_text() == "0 0 2"
    assert (tmp_path / "1").read_text() == "1 1 2"


@pytest.mark.claim("course-distributed-training")
def test_a_step_of_four_processes_is_one_step_on_the_whole_batch(tmp_path):
    """With `torchrun --nproc-per-node 4`, four processes train one `nn.Linear` by DDP with
    `mse_loss`, each on its two of eight samples: an SGD step gives, up to rounding, the weight
    that one process with the same start gets from all eight.
    """
    script = tmp_path / "train.py"
    script.write_text("""
import json, pathlib
import torch
import torch._dynamo  # DDP would import it later, and it would keep the group
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler

dist.init_process_group("gloo")
rank = dist.get_rank()

samples = torch.arange(8.0).unsqueeze(1)
sampler = DistributedSampler(samples, shuffle=False)

model = nn.Linear(1, 1, bias=False)
nn.init.zeros_(model.weight)
parallel = DistributedDataParallel(model)
optimizer = torch.optim.SGD(parallel.parameters(), lr=0.01)
for x in DataLoader(samples, batch_size=2, sampler=sampler):
    optimizer.zero_grad()
    nn.functional.mse_loss(parallel(x), 2 * x).backward()
    optimizer.step()

weight = round(model.weight.item(), 6)
pathlib.Path(__file__).with_name(f"{rank}.json").write_text(json.dumps([rank, weight]))
del parallel
dist.destroy_process_group()
""")

    done = torchrun("--nproc-per-node=4", script)
    seen = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("*.json"))]

    # The gradient is -4 times the mean of the squares 0, 1, 4, ..., 49.
    assert done.returncode == 0
    assert seen == [[0, 0.7], [1, 0.7], [2, 0.7], [3, 0.7]]


def test_a_process_that_dies_takes_the_others_along(tmp_path):
    """When one process of a script ends with an error and no restart is left, `torchrun` ends the
    others, exits with code 1 and prints a ChildFailedError with that process's exit code.

    Here the other process calls `all_reduce`, which in gloo may raise a RuntimeError of its own,
    such as "Connection closed by peer"; the exit code under "Root Cause" is that of the failure
    which torchrun observed first. By default torchrun restarts nothing.
    """
    script = tmp_path / "train.py"
    script.write_text("""
import os, pathlib
import torch
import torch.distributed as dist

dist.init_process_group("gloo")
pathlib.Path(__file__).with_name(str(dist.get_rank())).write_text(str(os.getpid()))
dist.barrier()
if dist.get_rank() == 1:
    os._exit(3)
dist.all_reduce(torch.ones(1))
""")

    done = torchrun("--nproc-per-node=2", script)

    assert done.returncode == 1
    assert "ChildFailedError" in done.stderr
    assert "exitcode  : 3" in done.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "0").read_text()), 0)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "1").read_text()), 0)


def test_torchrun_starts_again_if_it_may(tmp_path):
    """If a process started by `torchrun --max-restarts 1 script.py` fails, all processes are
    started again, once, with `TORCHELASTIC_RESTART_COUNT` 1 instead of 0 in their environment.

    Each process begins again at the first line of the script, so a training has to load its
    last checkpoint there.
    """
    script = tmp_path / "script.py"
    script.write_text("""
import os, pathlib, sys

started = os.environ["TORCHELASTIC_RESTART_COUNT"]
pathlib.Path(__file__).with_name(started).touch()
sys.exit(started == "0")
""")

    done = torchrun("--max-restarts=1", script)

    assert done.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "script.py"]
