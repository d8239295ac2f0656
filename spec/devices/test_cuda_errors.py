"""Errors of a GPU that mean something else.

A GPU works on its queue while Python goes on (`spec/devices/test_streams.py`), so an error in a
kernel is noticed at some later call, and the traceback shows the line of that call. "CUDA error:
device-side assert triggered" means that a kernel met a value that it can't work with, most often a
class index or an embedding index that is too large. The same line run on the CPU says what is
wrong, at the right place, and that is the quickest way to find it. The other way is to set
`CUDA_LAUNCH_BLOCKING=1` before the program starts: each call then waits for its kernel.

CUBLAS and CUDNN are NVIDIA's libraries for matrix products and convolutions. When they fail to
start, with ALLOC_FAILED or NOT_INITIALIZED, the usual reason is that no GPU memory is left for
them, or an earlier device-side assert; less often a driver that doesn't fit
(`spec/environment/test_builds.py`).

What surprises: after a device-side assert nothing on the GPU works any more in that process; in a
notebook the kernel has to be started anew before a corrected cell can run.
"""

import os
import subprocess
import sys

import pytest
import torch
from torch.nn import functional as F


@pytest.mark.parametrize(
    ("mistake", "error", "words"),
    [
        (
            lambda: F.cross_entropy(torch.zeros(1, 3), torch.tensor([3])),
            IndexError,
            "Target 3 is out of bounds",
        ),
        (
            lambda: F.embedding(torch.tensor([3]), torch.zeros(3, 2)),
            IndexError,
            "index out of range in self",
        ),
        (
            lambda: torch.zeros(3)[torch.tensor([3])],
            IndexError,
            "index 3 is out of bounds for dimension 0 with size 3",
        ),
        (
            lambda: torch.zeros(1, 3).gather(1, torch.tensor([[3]])),
            RuntimeError,
            "index 3 is out of bounds for dimension 1 with size 3",
        ),
        (
            lambda: F.binary_cross_entropy(torch.tensor([1.5]), torch.tensor([1.0])),
            RuntimeError,
            "all elements of input should be between 0 and 1",
        ),
        (
            lambda: torch.tensor([-1.0, 2.0]).multinomial(1),
            RuntimeError,
            "probability tensor contains either `inf`, `nan` or element < 0",
        ),
    ],
    ids=["cross_entropy", "embedding", "indexing", "gather", "binary_cross_entropy", "multinomial"],
)
def test_the_cpu_says_what_a_device_side_assert_means(mistake, error, words):
    """On the CPU `F.cross_entropy(torch.zeros(1, 3), torch.tensor([3]))` raises IndexError,
    "Target 3 is out of bounds.", and `F.embedding(torch.tensor([3]), torch.zeros(3, 2))`
    raises IndexError, "index out of range in self".

    On a GPU both say "device-side assert triggered", at a later call.

    So run the failing step once with model and batch on the CPU. Typical reasons: labels that begin
    at 1, a last layer with too few outputs, a vocabulary larger than `num_embeddings`.
    """
    with pytest.raises(error, match=words):
        mistake()


def test_labels_can_be_looked_at_before_the_gpu_does():
    """`F.cross_entropy(logits, labels)` of N x 3 float32 logits takes int64 labels from 0 to 2, or
    `ignore_index`, by default -100: the labels 1, 2 and 3 raise IndexError on the CPU,
    `labels - 1` is accepted.

    Look at `labels.unique()` of the whole dataset once. On a GPU a label outside ends in "Assertion
    `t >= 0 && t < n_classes` failed.", after which the process can't use the GPU any more.
    """
    labels = torch.tensor([1, 2, 3])
    logits = torch.zeros(3, 3)
    ignored = torch.tensor([0, 1, -100])

    with pytest.raises(IndexError, match="Target 3 is out of bounds"):
        F.cross_entropy(logits, labels)

    mended = labels - 1
    assert mended.unique().tolist() == [0, 1, 2]
    assert F.cross_entropy(logits, mended).exp().round().item() == 3.0
    assert F.cross_entropy(logits, ignored).exp().round().item() == 3.0


def python(source, **environment):
    """What a Python of its own prints as an error, running the lines of a script."""
    done = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=300,
    )
    return done.stdout + done.stderr


LATE = """
import torch
x = torch.zeros(3, device="cuda")
index = torch.tensor([3], device="cuda")
torch.cuda.synchronize()
torch.cuda._sleep(10**9)
picked = x[index]
print("went on")
picked.cpu()  # here it is noticed
"""


@pytest.mark.cuda
@pytest.mark.slow
def test_a_device_side_assert_is_noticed_later():
    """With `x = torch.zeros(3, device="cuda")` and without `CUDA_LAUNCH_BLOCKING`,
    `picked = x[torch.tensor([3], device="cuda")]` raises nothing; `picked.cpu()`, which waits for
    the GPU, raises "CUDA error: device-side assert triggered".

    So the line in the traceback is often innocent: "CUDA kernel errors might be asynchronously
    reported at some other API call". The message of the kernel itself stands above it: it names
    the failed assertion, here "index out of bounds".
    """
    said = python(LATE)

    assert "went on" in said
    assert "CUDA error: device-side assert triggered" in said
    assert "index out of bounds" in said


@pytest.mark.cuda
@pytest.mark.slow
def test_launch_blocking_shows_the_right_line():
    """With `CUDA_LAUNCH_BLOCKING=1` in the environment each call waits for its kernel: for
    `x = torch.zeros(3, device="cuda")`, `x[torch.tensor([3], device="cuda")]` raises "CUDA
    error: device-side assert triggered" at that very line.

    Write `CUDA_LAUNCH_BLOCKING=1 python train.py`; set inside the program it has to come before
    the first use of CUDA. It is slow, for debugging only.
    """
    said = python(LATE, CUDA_LAUNCH_BLOCKING="1")

    assert "CUDA error: device-side assert triggered" in said
    assert "went on" not in said


@pytest.mark.cuda
@pytest.mark.slow
def test_after_a_device_side_assert_the_gpu_is_lost_to_the_process():
    """After a device-side assert a correct call on the GPU, such as
    `torch.ones(2, device="cuda").sum().cpu()`, raises "CUDA error: device-side assert triggered"
    again in the same process.

    Because the CUDA context is broken, and can't be mended: start Python, or the notebook's
    kernel, anew.
    """
    said = python("""
import torch
x = torch.zeros(3, device="cuda")
try:
    x[torch.tensor([3], device="cuda")].cpu()
except RuntimeError:
    print("caught")
try:
    torch.ones(2, device="cuda").sum().cpu()
except RuntimeError as error:
    print("again:", str(error).splitlines()[0])
""")

    assert "caught" in said
    assert "again: CUDA error: device-side assert triggered" in said


@pytest.mark.cuda
@pytest.mark.slow
@pytest.mark.parametrize(
    ("use", "library"),
    [
        ("torch.ones(4, 4, device='cuda') @ torch.ones(4, 4, device='cuda')", "CUBLAS_STATUS"),
        (
            "torch.conv2d(torch.ones(1, 1, 9, 9, device='cuda'), "
            "torch.ones(1, 1, 3, 3, device='cuda'))",
            "CUDNN_STATUS",
        ),
    ],
)
def test_libraries_that_find_no_memory_fail_with_names_of_their_own(use, library):
    """Where no GPU memory is left, the first `x @ x` or `torch.conv2d` on a GPU can fail with
    "CUDA out of memory" or with an error of cuBLAS or cuDNN, "CUDA error: CUBLAS_STATUS_..."
    or "cuDNN error: CUDNN_STATUS_...".

    Because cuBLAS and cuDNN take memory beside PyTorch's own. Use a smaller batch, or end other
    programs on the GPU: `nvidia-smi` shows them.
    """
    said = python(f"""
import torch
small = torch.ones(4, 4, device="cuda")
kept, size = [], 2**36
while size >= 2**16:
    try:
        kept.append(torch.empty(size, dtype=torch.uint8, device="cuda"))
    except torch.cuda.OutOfMemoryError:
        size //= 2
try:
    {use}
except RuntimeError as error:
    print(error)
""")

    assert (library in said or "out of memory" in said) is True


def test_cudnn_can_be_switched_off():
    """Inside `with torch.backends.cudnn.flags(enabled=False):` `torch.backends.cudnn.enabled`, by
    default True, is False, so that convolutions on a GPU run without cuDNN.

    It helps to find the cause of "cuDNN error: CUDNN_STATUS_NOT_INITIALIZED", which may hide
    another error, often "CUDA out of memory": the same step, forward and backward inside the
    `with`, may show that one. Without cuDNN convolutions are usually slower.
    """
    before = torch.backends.cudnn.enabled
    with torch.backends.cudnn.flags(enabled=False):
        inside = torch.backends.cudnn.enabled

    assert [before, inside] == [True, False]


@pytest.mark.cuda
def test_a_gpu_that_is_not_there_is_an_invalid_device_ordinal():
    """On a machine with 1 to 99 usable NVIDIA GPUs `torch.ones(1, device="cuda:99")` raises
    RuntimeError, "CUDA error: invalid device ordinal".

    `torch.cuda.device_count()` tells how many there are; with `CUDA_VISIBLE_DEVICES=3` the only
    one that is left is `cuda:0`.
    """
    with pytest.raises(RuntimeError, match="CUDA error: invalid device ordinal"):
        torch.ones(1, device="cuda:99")

    assert torch.ones(1, device="cuda:0").tolist() == [1.0]


@pytest.mark.cuda
@pytest.mark.parametrize(
    ("of_input", "of_weight", "words"),
    [
        (
            "cpu",
            "cuda",
            r"Input type \(torch.FloatTensor\) and weight type \(torch.cuda.FloatTensor\)",
        ),
        (
            "cuda",
            "cpu",
            r"Input type \(torch.cuda.FloatTensor\) and weight type \(torch.FloatTensor\)",
        ),
    ],
)
def test_a_convolution_names_devices_as_types(of_input, of_weight, words):
    """`nn.Conv2d(3, 8, 3, device="cuda")` raises RuntimeError for `torch.ones(2, 3, 32, 32)`,
    "Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor)"; with the layer on
    the CPU and the input on a GPU the types change places.

    `torch.cuda.FloatTensor` is float32 on a GPU. For one small image on the CPU the message can be
    "Expected all tensors to be on the same device" instead. Write `x = x.to(device)`: `to` returns
    a new tensor. A layer that stayed on the CPU is often one in a plain list instead of a
    `ModuleList`.
    """
    layer = torch.nn.Conv2d(3, 8, 3, device=of_weight)
    x = torch.ones(2, 3, 32, 32, device=of_input)

    with pytest.raises(RuntimeError, match=words):
        layer(x)

    assert layer(x.to(of_weight)).shape == (2, 8, 30, 30)


@pytest.mark.cuda
def test_an_illegal_memory_access_is_an_error_of_cuda_itself():
    """With `runtime = torch.cuda.cudart()`, `runtime.cudaGetErrorString(runtime.cudaError(700))`
    is "an illegal memory access was encountered"; for `runtime.cudaError(710)` it is "device-side
    assert triggered".

    The first means that a kernel read or wrote where it may not. The cause is mostly an earlier
    call than the one in the traceback, often a kernel of an extension that doesn't check its
    indices: restart the process with `CUDA_LAUNCH_BLOCKING=1`, and the traceback shows that call,
    or the next one if the extension doesn't ask CUDA for errors.
    """
    runtime = torch.cuda.cudart()

    assert runtime.cudaGetErrorString(runtime.cudaError(700)) == (
        "an illegal memory access was encountered"
    )
    assert runtime.cudaGetErrorString(runtime.cudaError(710)) == "device-side assert triggered"
