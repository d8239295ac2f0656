"""torchrun: a training script in four processes.

`torchrun --nproc-per-node 4 train.py` starts the same script four times and tells each process who
it is. The script reads nothing of that itself: `init_process_group` does, and from there on the
four train one model, each on its own share of the samples. What is surprising is how little the
script has to know, and that a process that dies takes the others along instead of leaving them to
wait.

The script below learns `y = 2 * x` from ten samples with `y = w * x`, starting from `w = 0`; the
facts read what each process wrote down.
"""

import json
import os
import subprocess
import sys

import pytest
import torch
from torch import nn

pytestmark = pytest.mark.slow

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone"]

# A group ends when nothing holds it any more: neither the wrapper nor `torch._dynamo`, which the
# wrapper imports, and which keeps a group that was there before it. Its threads would outlive
# Python, and now and then one of them aborts the process.
TRAIN = """
import json, os, pathlib
import torch
import torch._dynamo
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

dist.init_process_group("gloo")
rank = dist.get_rank()
seen = {"rank": rank, "processes": dist.get_world_size()}

samples = TensorDataset(torch.arange(10.0).unsqueeze(1))
sampler = DistributedSampler(samples, shuffle=False)
loader = DataLoader(samples, batch_size=3, sampler=sampler)
seen["samples"] = [int(x) for (batch,) in loader for x in batch]

model = nn.Linear(1, 1, bias=False)
nn.init.zeros_(model.weight)
parallel = DistributedDataParallel(model)
optimizer = torch.optim.SGD(parallel.parameters(), lr=0.01)
for (x,) in DataLoader(samples, batch_size=2, sampler=range(2 * rank, 2 * rank + 2)):
    loss = ((parallel(x) - 2 * x) ** 2).mean()
    loss.backward()
    optimizer.step()
seen["weight"] = model.weight.item()

mean = loss.detach().clone()
dist.all_reduce(mean)
mean /= dist.get_world_size()
seen["loss"], seen["mean loss"] = loss.item(), mean.item()

pathlib.Path(os.environ["FOLDER"], f"{rank}.json").write_text(json.dumps(seen))
del parallel
dist.destroy_process_group()
"""


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What the four processes wrote down, by rank."""
    folder = tmp_path_factory.mktemp("torchrun")
    script = folder / "train.py"
    script.write_text(TRAIN)
    done = subprocess.run(
        [*TORCHRUN, "--nproc-per-node=4", str(script)],
        capture_output=True,
        text=True,
        env=os.environ | {"FOLDER": str(folder), "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(4)]


def test_init_process_group_finds_what_torchrun_left_in_the_environment(seen):
    """After `init_process_group("gloo")` each of the four processes knows its rank."""
    assert [process["rank"] for process in seen] == [0, 1, 2, 3]
    assert [process["processes"] for process in seen] == [4, 4, 4, 4]


def test_ten_samples_for_four_processes_are_filled_up_to_twelve(seen):
    """Each process gets every fourth sample; the first two come again, so that all get three."""
    assert [process["samples"] for process in seen] == [
        [0, 4, 8],
        [1, 5, 9],
        [2, 6, 0],
        [3, 7, 1],
    ]


@pytest.mark.claim("course-distributed-training")
def test_a_step_of_four_processes_is_one_step_on_the_whole_batch(seen):
    """Four processes with two samples each step as one process does with all eight."""
    x = torch.arange(8.0).unsqueeze(1)
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    ((model(x) - 2 * x) ** 2).mean().backward()
    one_step = -0.01 * model.weight.grad.item()

    weights = [process["weight"] for process in seen]

    # The gradient is -4 times the mean of the squares 0, 1, 4, ..., 49.
    assert one_step == pytest.approx(0.7)
    assert weights == pytest.approx([0.7, 0.7, 0.7, 0.7])


def test_a_loss_is_known_to_one_process_until_it_is_reduced(seen):
    """Each process sees the loss on its own share; `all_reduce` makes the mean of all."""
    losses = [process["loss"] for process in seen]
    means = [process["mean loss"] for process in seen]

    # Four times the mean of two squares: of 0 and 1, of 4 and 9, of 16 and 25, of 36 and 49.
    assert losses == [2.0, 26.0, 82.0, 170.0]
    assert means == [70.0, 70.0, 70.0, 70.0]


DIE = """
import os, pathlib
import torch
import torch.distributed as dist

dist.init_process_group("gloo")
pathlib.Path(os.environ["FOLDER"], str(dist.get_rank())).write_text(str(os.getpid()))
dist.barrier()
if dist.get_rank() == 1:
    os._exit(3)
dist.all_reduce(torch.ones(1))
"""


def test_a_process_that_dies_takes_the_others_along(tmp_path):
    """When a process dies, torchrun ends the others, fails, and leaves nothing running.

    The other process is in the middle of an `all_reduce` that nobody will ever complete.
    """
    script = tmp_path / "train.py"
    script.write_text(DIE)

    done = subprocess.run(
        [*TORCHRUN, "--nproc-per-node=2", str(script)],
        capture_output=True,
        text=True,
        env=os.environ | {"FOLDER": str(tmp_path), "OMP_NUM_THREADS": "1"},
        timeout=300,
    )

    assert done.returncode == 1
    assert "ChildFailedError" in done.stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "0").read_text()), 0)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "1").read_text()), 0)


def test_torchrun_starts_again_if_it_may(tmp_path):
    """With `--max-restarts 1` the script is started once more after it has failed."""
    script = tmp_path / "train.py"
    script.write_text(
        "import os, pathlib, sys\n"
        "started = os.environ['TORCHELASTIC_RESTART_COUNT']\n"
        "(pathlib.Path(__file__).parent / started).touch()\n"
        "sys.exit(started == '0')\n"
    )

    done = subprocess.run([*TORCHRUN, "--max-restarts=1", str(script)], timeout=300)

    assert done.returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "train.py"]
