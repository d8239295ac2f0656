"""Installation: which build of PyTorch is there.

PyTorch comes as a wheel: a file made for one Python, one system and at most one release of CUDA,
which is NVIDIA's software between programs and its GPUs. What an installed wheel was made for and
what it requires is written in its metadata, and `torch.version` and `torch.__config__` tell what
the library was built with; no network is needed for that.

What surprises: the library that is called PyTorch is installed and imported as `torch`; a build for
CUDA runs on machines without a GPU too; and a script of one's own named `torch.py` hides the
library. Which release is running is told in `spec/environment/test_versions.py`, what works without
a GPU in `spec/devices/test_without_cuda.py`.
"""

import importlib
import importlib.machinery
import importlib.metadata
import os
import re
import subprocess
import sys

import pytest
import torch
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag, sys_tags
from packaging.utils import canonicalize_name


@pytest.mark.claim("blitz-verify-rand")
def test_an_installation_works_if_a_random_matrix_prints():
    """Where torch is installed properly, `import torch` and then `torch.rand(5, 3)` at the
    prompt of Python print a tensor of five rows of three numbers.
    """
    printed = repr(torch.rand(5, 3))

    assert [len(re.findall(r"\d\.\d{4}", row)) for row in printed.splitlines()] == [3, 3, 3, 3, 3]


def test_the_librarys_name_is_torch():
    """PyTorch is imported as `torch`; after `pip install torch` alone, `import pytorch` raises
    ModuleNotFoundError, "No module named 'pytorch'".
    """
    with pytest.raises(ModuleNotFoundError, match="No module named 'pytorch'"):
        importlib.import_module("pytorch")

    assert importlib.import_module("torch") is torch


def test_a_file_named_like_the_library_hides_it(tmp_path):
    """By default `import torch` in a script imports a file `torch.py` in the script's own folder
    instead of PyTorch. A `torch.py` in a folder that stands after PyTorch's `site-packages` on
    `sys.path` is not imported.

    Because the directory of the script stands first on `sys.path`; the options `-P` and `-I` of
    Python leave it out. Rename the file if torch suddenly lacks all its names.
    """
    own = tmp_path / "torch.py"
    own.write_text("")
    find = importlib.machinery.PathFinder.find_spec

    beside_the_script = find("torch", [str(tmp_path), *sys.path])
    elsewhere = find("torch", [*sys.path, str(tmp_path)])

    assert [found.origin == str(own) for found in (beside_the_script, elsewhere)] == [True, False]
    assert elsewhere.origin == torch.__file__


@pytest.mark.parametrize("message", ["module 'torch' has no attribute 'tensor' ("])
def test_a_script_named_torch_imports_itself(tmp_path, message):
    """By default a script `torch.py` that runs `import torch` and `torch.tensor([1])` imports
    itself and ends with AttributeError, "module 'torch' has no attribute 'tensor'".

    Up to Python 3.12 the message begins with "partially initialized module 'torch'" and ends with
    "(most likely due to a circular import)"; 3.13 says "(consider renaming ...". Rename the
    script, or the folder `torch` with an `__init__.py` beside your script; `torch.__file__` says
    what was found.
    """
    script = tmp_path / "torch.py"
    script.write_text("import torch\ntorch.tensor([1])\n")

    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)

    assert message in done.stderr.splitlines()[-1]


@pytest.mark.claim("blitz-install-python-versions")
def test_the_pythons_of_the_notes_are_no_longer_supported():
    """`Requires-Python` in the metadata of `torch` rules out Python 2.7, 3.5 and 3.6, for which
    early releases of PyTorch were made.

    PyTorch 2.14 says `>=3.10`. pip reads it and chooses the newest release that allows the Python
    it runs on and has a wheel for it; an old Python gets an old torch. A release may have no wheel
    for the oldest Python that it allows: 2.5.1 says `>=3.8.0`, its wheels begin with 3.9.
    """
    supported = SpecifierSet(importlib.metadata.metadata("torch")["Requires-Python"])
    found = [python in supported for python in ("2.7", "3.5", "3.6")]

    assert found == [False, False, False]


def test_a_wheel_is_made_for_one_python_and_one_system():
    """`importlib.metadata.distribution("torch").read_text("WHEEL")` of an installed wheel
    of torch has a line `Tag:` that names the interpreter that the wheel was made for, such
    as `cp311` for CPython 3.11, and the system.

    Because pip installs a wheel only where its tag fits: "No matching distribution found for
    torch" usually means that the Python is too old or too new for the wheels.
    """
    wheel = importlib.metadata.distribution("torch").read_text("WHEEL")
    tags = parse_tag(re.findall("Tag: (.*)", wheel)[0])

    assert [tag in set(sys_tags()) for tag in tags] == [True]
    assert {tag.interpreter for tag in tags} == {"cp{}{}".format(*sys.version_info)}


@pytest.mark.slow
@pytest.mark.parametrize(
    "message", ["ERROR: Could not find a version that satisfies the requirement torch"]
)
def test_pip_finds_no_wheel_that_fits(tmp_path, message):
    """Where no wheel of torch fits the Python and the system, `pip install torch` fails with
    "ERROR: Could not find a version that satisfies the requirement torch" and "No matching
    distribution found for torch".

    Look at `python --version`, at 64 bits (`sys.maxsize > 2**32`), and upgrade pip: PyTorch
    2.10 to 2.14 have wheels for Python 3.10 to 3.14, 2.15 for 3.11 to 3.15, and none of them
    for 32 bits. The test gives pip no wheels at all (`--no-index`).
    """
    pytest.importorskip("pip", reason="needs pip; it is not here")
    command = [sys.executable, "-m", "pip", "download", "--no-index", "--no-deps", "torch==0.0"]

    # The settings of this machine's pip might name packages of their own.
    settings = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    settings["PIP_CONFIG_FILE"] = os.devnull

    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=settings)

    assert message in done.stderr
    assert "No matching distribution found for torch==0.0" in done.stderr


@pytest.mark.claim("blitz-install-cuda-choice")
def test_a_build_is_for_one_release_of_cuda_or_for_none():
    """A build of torch is made for one release of CUDA, which `torch.version.cuda` and
    `torch.__config__.show()` name, or for none: then `torch.version.cuda` is None.
    """
    named = re.findall(r"CUDA_VERSION=([0-9.]+)", torch.__config__.show())
    made_for = [release for release in [torch.version.cuda] if release]

    assert (named == made_for) is True


def test_a_build_is_for_one_make_of_cards():
    """A build of torch is not for NVIDIA's and for AMD's GPUs at once: of `torch.version.cuda`
    and `torch.version.hip` at least one is None.
    """
    makes = [torch.version.cuda, torch.version.hip]

    assert makes.count(None) > 0


@pytest.fixture
def requirements():
    """Return what torch requires on this system.

    What else is installed says nothing about torch: an environment that breaks a requirement is
    skipped, with the requirement named.
    """
    listed = [Requirement(line) for line in importlib.metadata.requires("torch")]
    needed = [need for need in listed if not need.marker or need.marker.evaluate({"extra": ""})]
    for need in needed:
        try:
            there = importlib.metadata.version(need.name)
        except importlib.metadata.PackageNotFoundError:
            pytest.skip(f"this environment lacks what torch requires: {need}")
        if not need.specifier.contains(there, prereleases=True):
            pytest.skip(f"this environment has {need.name} {there}, and torch requires {need}")
    return needed


@pytest.mark.claim("course-easy-install")
def test_pip_brings_all_that_torch_needs(requirements):
    """`importlib.metadata.requires("torch")` lists the requirements of torch, and none of them
    names a URL; `typing-extensions`, for example, is in the list, and `pip install torch` installs
    it along with torch.

    A line with `extra ==` is installed on request only, a line with `platform_system == "Linux"`
    only on Linux. After a later install of something else `pip check` tells whether the
    requirements still hold.
    """
    names = [canonicalize_name(need.name) for need in requirements]

    assert "typing-extensions" in names
    assert [need for need in requirements if need.url] == []


def test_torchvision_says_which_torch_it_needs():
    """The metadata of a `torchvision` wheel made for PyTorch 2 has one requirement on `torch`,
    such as `torch==2.0.0` or `torch>=2.14.0`, which excludes torch 1.9.1: install or upgrade both
    in one command.

    Because torchvision's compiled operators fit the releases of torch for which they were built.
    """
    pytest.importorskip("torchvision")
    required = [Requirement(line) for line in importlib.metadata.requires("torchvision")]
    (needed,) = [need.specifier for need in required if need.name == "torch"]

    fits = [release in needed for release in ("1.0", "1.9.1")]

    assert fits == [False, False]


@pytest.mark.claim("blitz-verify-print-function")
def test_a_script_may_still_begin_with_print_function():
    """`from __future__ import print_function`, with which scripts for PyTorch on Python 2
    began, still runs and changes nothing: `print` has been a function since Python 3.0.
    """
    names = {}

    exec("from __future__ import print_function\nx = 5", names)

    assert names["x"] == 5
    assert names["print_function"].getMandatoryRelease()[:2] == (3, 0)


@pytest.mark.claim("self-cuda-is-software")
@pytest.mark.cuda
def test_cuda_is_a_library_whose_functions_can_be_called():
    """CUDA is software: `r = torch.cuda.cudart()` gives access to its runtime library.
    `r.cudaGetErrorString(r.cudaError(0))` is "no error",
    `r.cudaGetErrorString(r.cudaError(2))` is "out of memory".
    """
    runtime = torch.cuda.cudart()

    assert runtime.cudaGetErrorString(runtime.cudaError(0)) == "no error"
    assert runtime.cudaGetErrorString(runtime.cudaError(2)) == "out of memory"


@pytest.mark.claim("self-nvidia-requires-cuda")
@pytest.mark.cuda
def test_an_nvidia_card_is_reached_through_cuda():
    """PyTorch uses an NVIDIA GPU through CUDA: a tensor there has the device type `cuda`, and
    `torch.version.cuda` is not None.
    """
    x = torch.ones(2, device="cuda")

    assert x.device.type == "cuda"
    assert torch.version.cuda is not None
