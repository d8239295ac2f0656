"""Which build, which driver and which GPU fit together.

A wheel of torch brings CUDA's libraries along, so a CUDA toolkit that is installed on the machine
matters only to those who compile extensions. Three things have to fit: the build must be one for
CUDA (`torch.version.cuda` is not None), the NVIDIA driver must be new enough for that release of
CUDA, and the build must contain kernels for the GPU's compute capability
(`torch.cuda.get_arch_list()`). `torch.cuda.is_available()` is False if one of the first two fails,
or if `CUDA_VISIBLE_DEVICES` hides the GPU (`spec/devices/test_visible_devices.py`); the third shows
as a warning and as "no kernel image is available for execution on the device".

`python -m torch.utils.collect_env` prints all of it. Other builds are installed from
https://download.pytorch.org/whl/cu126, /cpu and so on, by `pip install torch --index-url ...`. What
the metadata of a wheel say is told in `spec/environment/test_install.py`.

What surprises: `nvidia-smi` shows the newest CUDA that the driver supports, which need be neither
the toolkit's nor the build's; and a fresh environment on Windows gets a build for the CPU by
default.
"""

import ctypes
import re
import sys

import pytest
import torch

without_cuda = pytest.mark.skipif(
    torch.cuda.is_available(), reason="shows what a machine without CUDA says; this one has CUDA"
)
built_for_cuda = pytest.mark.skipif(
    torch.version.cuda is None, reason="this torch is no build for CUDA"
)


@built_for_cuda
def test_the_build_tag_names_the_release_of_cuda():
    """Where `torch.__version__` ends in a tag of CUDA such as "+cu126", the digits of the
    tag are those of `torch.version.cuda`, here "12.6".

    A build tagged "+cpu" has no CUDA: there `torch.version.cuda` is None. Wheels from PyPI may lack
    the tag in their file name; `torch.version.cuda` always tells.
    """
    tag = re.search(r"\+cu(\d+)", f"{torch.__version__}+cu{torch.version.cuda.replace('.', '')}")

    assert tag[1] == torch.version.cuda.replace(".", "")
    assert torch.version.cuda.count(".") == 1


@built_for_cuda
def test_built_is_not_available(monkeypatch):
    """In a build for CUDA on a machine without a GPU, `torch.backends.cuda.is_built()` is True
    and `torch.cuda.is_available()` is False.

    If only the first is True, there is no GPU, no driver, a driver that is too old, or the GPU
    is hidden. The test simulates a machine without a GPU.
    """
    monkeypatch.setattr(torch._C, "_cuda_getDeviceCount", lambda: 0)

    assert torch.backends.cuda.is_built() is True
    assert torch.cuda.is_available() is False


@without_cuda
def test_a_build_for_the_cpu_is_not_compiled_with_cuda(monkeypatch):
    """In a build for the CPU only, `torch.cuda.init()` and `torch.ones(2, device="cuda")` raise
    AssertionError, "Torch not compiled with CUDA enabled", and `torch.cuda.is_available()` is
    False, even on a machine with an NVIDIA GPU and driver.

    Such a build comes from pip on Windows and macOS and from `--index-url .../whl/cpu`. On Windows
    and Linux, uninstall torch and install a build for CUDA. The test simulates a build for the
    CPU.
    """
    monkeypatch.delattr(torch._C, "_cuda_getDeviceCount", raising=False)
    monkeypatch.setattr(torch.cuda, "_initialized", False)

    assert torch.cuda.is_available() is False
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        torch.cuda.init()
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        torch.ones(2, device="cuda")


@without_cuda
@built_for_cuda
def test_a_build_for_cuda_without_a_driver_finds_none():
    """In a build for CUDA on a machine without an NVIDIA driver `torch.cuda.init()` raises
    RuntimeError, "Found no NVIDIA driver on your system."

    A container uses the host's driver: start the container with `--gpus all` and NVIDIA's
    container toolkit.
    """
    with pytest.raises(RuntimeError, match="Found no NVIDIA driver on your system"):
        torch.cuda.init()

    assert torch.cuda.is_initialized() is False


@pytest.mark.cuda
@built_for_cuda
def test_the_driver_supports_the_cuda_of_the_build():
    """In a build for CUDA, `torch.cuda.is_available()` is True for a visible NVIDIA GPU if the
    driver supports the major release of `torch.version.cuda` or a newer one; with an older driver
    it is False, with a warning.

    The warning says "The NVIDIA driver on your system is too old" and names a version, for example
    "(found version 11040)": that is CUDA 11.4, the newest that the driver supports, as
    `nvidia-smi` shows it. Update the driver, or install a build of torch for the same major
    release, here CUDA 11.
    """
    version = ctypes.c_int()
    ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(version))
    major = int(torch.version.cuda.split(".")[0])

    assert (version.value // 1000 >= major) is True
    assert torch.cuda.is_available() is True


@pytest.mark.torch(">=2.13")
@built_for_cuda
def test_the_arch_list_needs_no_gpu():
    """In a build for CUDA `torch.cuda.get_arch_list()` names the architectures that the build has
    kernels for, such as "sm_90"; since PyTorch 2.13 without a GPU too.

    sm_75 is Turing, sm_80 and sm_86 Ampere, sm_90 Hopper, sm_100 and sm_120 Blackwell. Some builds
    add a name like compute_120 for PTX, which the driver compiles for newer GPUs.
    """
    names = torch.cuda.get_arch_list()
    prefixes = {name.rstrip("0123456789af") for name in names if name != names[-1]}

    assert prefixes == {"sm_"}
    assert "sm_90" in names


@pytest.mark.torch("<2.13")
@without_cuda
def test_the_arch_list_was_empty_without_a_gpu():
    """Before PyTorch 2.13 `torch.cuda.get_arch_list()` is empty where CUDA isn't available."""
    assert torch.cuda.get_arch_list() == []


@pytest.mark.cuda
@built_for_cuda
def test_the_compute_capability_is_among_the_builds():
    """A build of torch has kernels for a GPU whose `torch.cuda.get_device_capability()` is
    (8, 6) if its `torch.cuda.get_arch_list()` names "sm_80" or "sm_86".

    If none fits, the first operation that launches a kernel raises RuntimeError, "CUDA error: no
    kernel image is available for execution on the device". Kernels as PTX, "compute_80", would fit
    too.
    """
    major, minor = torch.cuda.get_device_capability()
    kernels = [
        int(name[3:].rstrip("af")) for name in torch.cuda.get_arch_list() if name[:3] == "sm_"
    ]
    fitting = [kernel for kernel in kernels if kernel // 10 == major and kernel % 10 <= minor]

    assert len(fitting) > 0
    assert torch.ones(2, device="cuda").add(1).tolist() == [2.0, 2.0]


@pytest.fixture
def machine_with(monkeypatch):
    """Pretend that this machine has one GPU, and that the build has some kernels."""

    def pretend(name, capability, kernels):
        monkeypatch.setattr(torch.version, "cuda", "12.6")
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device=None: name)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: capability)
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: kernels)

    return pretend


def test_a_gpu_that_the_build_has_no_kernels_for_is_warned_of(machine_with):
    """At the first use of CUDA, such as `x.cuda()`, a PyTorch built for GPUs up to sm_90 warns
    of a newer GPU: "NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is not compatible with
    the current PyTorch installation."

    The next line lists what the build supports. On this GPU operations then fail: "no kernel image
    is available for execution on the device". A newer GPU needs a build for a newer CUDA, as from
    `--index-url https://download.pytorch.org/whl/cu130`; one that is too old needs a build for an
    older CUDA, such as 12.6 for PyTorch 2.14, or an older release. Here the GPU is simulated.
    """
    machine_with("NVIDIA GeForce RTX 5090", (12, 0), ["sm_50", "sm_80", "sm_86", "sm_90"])

    with pytest.warns(
        UserWarning, match="NVIDIA GeForce RTX 5090 with CUDA capability sm_120 is not compatible"
    ) as warned:
        torch.cuda._check_cubins()

    assert "supports CUDA capabilities sm_50 sm_80 sm_86 sm_90." in str(warned[0].message)


def test_kernels_of_the_same_generation_fit(machine_with, recwarn):
    """For a GPU of compute capability 8.6 torch doesn't warn "is not compatible with the current
    PyTorch installation" if `torch.cuda.get_arch_list()` names "sm_80".

    Because a desktop or server GPU runs kernels of its own major number whose minor number is not
    greater; before CUDA 13.2 a Jetson of capability 8.7 needs "sm_87". PyTorch 2.8 to 2.10 warn of
    "Minimum and Maximum cuda capability" where "sm_80" is the newest of the list. The code below
    simulates the GPU.
    """
    machine_with("NVIDIA GeForce RTX 3090", (8, 6), ["sm_70", "sm_80"])

    torch.cuda._check_cubins()

    assert len(recwarn) == 0


@pytest.mark.torch(">=2.4")
@built_for_cuda
def test_cudnn_comes_with_the_build():
    """In a build for CUDA `torch.backends.cudnn.version()` is the release of cuDNN as one
    number, 92400 for 9.24.0; `torch.__config__.show()` names the one that torch was built with,
    of the same major release.

    A Linux wheel for CUDA brings cuDNN along as a package, `nvidia-cudnn-cu13` for CUDA 13:
    install none yourself. With another release of cuDNN 9 named in `LD_LIBRARY_PATH` torch 2.14.1
    still loads its own; torch 2.4.1 to 2.10.0 load parts of the other, and `version()` tells the
    other's number.
    """
    major = torch.backends.cudnn.version() // 10_000

    assert f"CUDNN_VERSION={major}." in torch.__config__.show()


@pytest.mark.slow
def test_collect_env_tells_it_all(capsys):
    """`python -m torch.utils.collect_env` prints, after the line "Collecting environment
    information...", what bug reports ask for, such as the release of torch;
    `get_pretty_env_info()`, imported from `torch.utils.collect_env`, returns that text.

    It tells of the Python that runs it: run it with the interpreter of your program.
    """
    from torch.utils.collect_env import get_env_info, get_pretty_env_info, main

    info = get_env_info()
    lines = get_pretty_env_info().splitlines()
    main()
    printed = capsys.readouterr().out.splitlines()

    assert printed[:2] == ["Collecting environment information...", lines[0]]
    assert lines[0] == f"PyTorch version: {torch.__version__}"
    assert info.is_cuda_available == str(torch.cuda.is_available())
    assert "CUDA used to build PyTorch: " in lines[2]


@pytest.mark.skipif(sys.platform != "linux", reason="the names of libraries are those of Linux")
def test_a_library_of_another_cuda_cannot_be_opened():
    """On Linux, `ctypes.CDLL` of a library of a CUDA that isn't installed raises OSError: for
    `ctypes.CDLL("libcudart.so.9.1")` it is "libcudart.so.9.1: cannot open shared object file: No
    such file or directory".

    A torchaudio or an extension module compiled for CUDA 11 looks for "libcudart.so.11.0". Where
    that file is missing, `import torchaudio` raises OSError, and importing the module ImportError.
    Where it is found, but torch is for CUDA 12 or 13, `import torchaudio` raises RuntimeError,
    "PyTorch and TorchAudio were compiled with different CUDA". Install the build that belongs to
    this torch.
    """
    missing = "libcudart.so.9.1: cannot open shared object file: No such file or directory"

    with pytest.raises(OSError, match=re.escape(missing)):
        ctypes.CDLL("libcudart.so.9.1")


@pytest.mark.skipif(sys.platform != "linux", reason="the names of libraries are those of Linux")
def test_a_name_that_a_library_lacks_is_an_undefined_symbol():
    """On Linux `ctypes.CDLL(torch._C.__file__).no_such_function` raises AttributeError, "undefined
    symbol", because neither this library of torch nor one that it loads has a function of this
    name; `PyInit__C`, which it has, is found.

    `printf`, which is in the C library that it loads, is found too.

    An ImportError with these words at the import of an extension such as `flash_attn` means that
    it was compiled for another release of torch; at `import torch`, that the loader took a library
    of another installation. With another release of torch `import torchvision` instead raises
    RuntimeError, "operator torchvision::nms does not exist". Install releases that belong
    together, and empty `LD_LIBRARY_PATH`.
    """
    library = ctypes.CDLL(torch._C.__file__)

    assert callable(library.PyInit__C) is True
    assert callable(library.printf) is True
    with pytest.raises(AttributeError, match="undefined symbol: no_such_function"):
        _ = library.no_such_function
