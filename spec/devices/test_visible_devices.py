"""Choosing GPUs from outside: CUDA_VISIBLE_DEVICES.

`CUDA_VISIBLE_DEVICES=2,3 python train.py` lets a program see two of the machine's GPUs only, in
that order, and the program knows them as `cuda:0` and `cuda:1`. An empty value or -1 hides all, so
that the program runs on the CPU. It is read when the program first asks CUDA for anything; set it
before `import torch`, or better outside of Python.

A GPU is named by its number, in CUDA's order, or by its UUID as `nvidia-smi -L` prints it. CUDA
orders by speed unless `CUDA_DEVICE_ORDER=PCI_BUS_ID` asks for the order of `nvidia-smi`.

What surprises: the numbers begin at 0 again, so with `CUDA_VISIBLE_DEVICES=3` there is no `cuda:3`;
and an entry that is neither a number nor a UUID, such as `x`, hides all GPUs named after it,
without an error.
"""

import os
import subprocess
import sys

import pytest
import torch

without_rocm = pytest.mark.skipif(bool(torch.version.hip), reason="ROCm has variables of its own")


@pytest.mark.torch(">=2.0")
@without_rocm
@pytest.mark.parametrize(
    ("value", "devices"),
    [
        ("0", [0]),
        ("2,3", [2, 3]),
        ("1,0", [1, 0]),
        ("GPU-8ce,GPU-9f1", ["GPU-8ce", "GPU-9f1"]),
    ],
)
def test_the_variable_lists_gpus_in_order(value, devices, monkeypatch):
    """`CUDA_VISIBLE_DEVICES` names GPUs by numbers, or by beginnings of UUIDs such as "GPU-8ce",
    and PyTorch counts them in this order: with "1,0" on a machine with two GPUs, `cuda:0` is GPU 1
    and `cuda:1` is GPU 0.
    """
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)

    assert torch.cuda._parse_visible_devices() == devices


@pytest.mark.torch(">=2.0")
@without_rocm
def test_what_is_no_gpu_hides_all_after_it(monkeypatch):
    """A program started with `CUDA_VISIBLE_DEVICES` set to "", "-1" or "none" sees no GPU; with
    "0,-1,1" it sees GPU 0 alone, since a -1 ends the list; with "0,0", which names a GPU twice, it
    sees none.

    PyTorch reads the list without an error: what fails is the first call that uses the GPU, or the
    program finds fewer GPUs than it asked for.
    """

    def read(value):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
        return torch.cuda._parse_visible_devices()

    hidden = [read(value) for value in ("", "-1", "none", "0,0")]
    first_alone = [read(value) for value in ("0,-1,1", "0,x,1")]

    assert hidden == [[], [], [], []]
    assert first_alone == [[0], [0]]


def answer(source, **environment):
    """What a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", "import torch\n" + source],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=300,
    )
    return done.stdout.strip()


@pytest.mark.slow
def test_hidden_gpus_are_not_available():
    """In a process that was started with `CUDA_VISIBLE_DEVICES=""` in its environment,
    `torch.cuda.is_available()` is False and `torch.cuda.device_count()` is 0, on a machine
    with NVIDIA GPUs as well.

    So a script that chooses its device by `is_available()` can be tried on the CPU; and a
    variable that was forgotten is one reason why a GPU isn't found.
    """
    ask = "print(torch.cuda.is_available(), torch.cuda.device_count())"
    said = answer(ask, CUDA_VISIBLE_DEVICES="")

    assert said == "False 0"


@pytest.mark.cuda
@pytest.mark.slow
def test_one_visible_gpu_is_cuda_0():
    """In a process started with `CUDA_VISIBLE_DEVICES=0` in its environment,
    `torch.cuda.device_count()` is 1 and `torch.ones(1, device="cuda")` is on `cuda:0`.
    """
    said = answer(
        "print(torch.cuda.device_count(), torch.ones(1, device='cuda').device)",
        CUDA_VISIBLE_DEVICES="0",
    )

    assert said == "1 cuda:0"


@pytest.mark.multi_gpu(2)
@pytest.mark.torch(">=2.5")
@pytest.mark.slow
def test_the_second_gpu_can_be_cuda_0(monkeypatch):
    """In a process started with `CUDA_VISIBLE_DEVICES=1` in its environment,
    `torch.cuda.device_count()` is 1, and `cuda:0` is the GPU that is `cuda:1` in a process without
    the variable.
    """
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    uuid = "torch.cuda.get_device_properties({}).uuid"
    second = answer(f"print({uuid.format(1)})")
    only = answer(f"print({uuid.format(0)}, torch.cuda.device_count())", CUDA_VISIBLE_DEVICES="1")

    assert only == f"{second} 1"


@pytest.mark.cuda
@pytest.mark.slow
def test_once_cuda_is_in_use_the_variable_is_no_longer_read():
    """`os.environ["CUDA_VISIBLE_DEVICES"] = ""` after a first tensor was made on the GPU comes too
    late: `torch.ones(1, device="cuda")` is still on `cuda:0`.

    Because CUDA reads the variable once, when it starts: set it at the top of the script, before
    `import torch`, or outside of Python.
    """
    said = answer("""
import os
torch.ones(1, device="cuda")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
print(torch.ones(1, device="cuda").device)
""")

    assert said == "cuda:0"


def test_the_available_gpus_are_listed_by_name():
    """`[torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]` lists the
    names of the CUDA GPUs that PyTorch sees; on a machine without a GPU it is empty.

    `torch.cuda.get_device_properties(i)` tells memory and capability too. On the command line
    `nvidia-smi -L` lists GPUs, also those that `CUDA_VISIBLE_DEVICES` hides from PyTorch, and
    its order can differ.
    """
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]

    assert (names != []) is torch.cuda.is_available()
