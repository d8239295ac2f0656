"""Is PyTorch installed, and which one?

PyTorch comes as a wheel: a file made for one Python, one system and at most one release of CUDA,
which is NVIDIA's software between programs and its cards. What an installed wheel was made for, and
what it needs beside itself, it tells when asked; no network is needed for that.

What surprises newcomers: the library that is called PyTorch is installed and imported as `torch`; a
build for CUDA runs on machines without a card too; and a script of one's own named `torch.py` hides
the library.
"""

import importlib
import importlib.machinery
import importlib.metadata
import platform
import re
import sys

import pytest
import torch
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import parse_tag, sys_tags
from packaging.version import Version


@pytest.mark.claim("blitz-verify-rand")
def test_an_installation_works_if_a_random_matrix_prints():
    """`torch.rand(5, 3)` prints five rows of three columns: the installation works."""
    printed = repr(torch.rand(5, 3))

    assert [len(re.findall(r"\d\.\d{4}", row)) for row in printed.splitlines()] == [3, 3, 3, 3, 3]


@pytest.mark.claim("blitz-verify-print-function")
def test_a_script_may_still_begin_with_print_function():
    """`from __future__ import print_function` still runs; since Python 3.0 it changes nothing."""
    names = {}

    exec("from __future__ import print_function\nx = 5", names)

    assert names["x"] == 5
    assert names["print_function"].getMandatoryRelease()[:2] == (3, 0)


def test_a_future_import_stands_first():
    """A line that imports from `__future__` stands before all others, or it is a SyntaxError."""
    with pytest.raises(SyntaxError, match="must occur at the beginning of the file"):
        compile("import torch\nfrom __future__ import print_function", "script.py", "exec")


def test_the_librarys_name_is_torch():
    """PyTorch is imported as `torch`: there is no module `pytorch`."""
    with pytest.raises(ModuleNotFoundError, match="No module named 'pytorch'"):
        importlib.import_module("pytorch")

    assert importlib.import_module("torch") is torch


def test_a_file_named_like_the_library_hides_it(tmp_path):
    """Python looks beside the script first: one's own `torch.py` is found before the library."""
    own = tmp_path / "torch.py"
    own.write_text("")
    find = importlib.machinery.PathFinder.find_spec

    beside_the_script = find("torch", [str(tmp_path), *sys.path])
    elsewhere = find("torch", [*sys.path, str(tmp_path)])

    assert [found.origin == str(own) for found in (beside_the_script, elsewhere)] == [True, False]
    assert elsewhere.origin == torch.__file__


@pytest.mark.claim("blitz-install-python-versions")
def test_the_pythons_of_the_notes_are_no_longer_supported():
    """The wheel names the Pythons it runs on: 2.7, 3.5 and 3.6 are not among them any more."""
    (lowest,) = SpecifierSet(importlib.metadata.metadata("torch")["Requires-Python"])

    assert lowest.operator == ">="
    assert Version("3.6") < Version(lowest.version) <= Version(platform.python_version())


def test_a_wheel_is_made_for_one_python_and_one_system():
    """The wheel's tag names interpreter and system; pip takes it only where both are the same."""
    wheel = importlib.metadata.distribution("torch").read_text("WHEEL")
    tags = parse_tag(re.findall("Tag: (.*)", wheel)[0])

    assert [tag in set(sys_tags()) for tag in tags] == [True]
    assert {tag.interpreter for tag in tags} == {"cp{}{}".format(*sys.version_info)}


@pytest.mark.claim("blitz-install-cuda-choice")
def test_a_build_is_for_one_release_of_cuda_or_for_none():
    """A build is made for one release of CUDA, `torch.version.cuda`, or for none: None."""
    named = re.findall(r"CUDA_VERSION=([0-9.]+)", torch.__config__.show())
    made_for = [release for release in [torch.version.cuda] if release]

    assert named == made_for


def test_a_build_is_for_one_make_of_cards():
    """No build is for NVIDIA's cards and AMD's at once: at least one of the two is None."""
    makes = [torch.version.cuda, torch.version.hip]

    assert makes.count(None) > 0


@pytest.mark.claim("course-easy-install")
def test_pip_brings_all_that_torch_needs():
    """All that torch requires are packages for pip, and they were installed along with it."""
    required = [Requirement(line) for line in importlib.metadata.requires("torch")]
    here = [need for need in required if not need.marker or need.marker.evaluate({"extra": ""})]
    versions = {need.name: importlib.metadata.version(need.name) for need in here}

    fits = [need.specifier.contains(versions[need.name], prereleases=True) for need in here]
    assert "typing-extensions" in versions
    assert set(fits) == {True}


def test_torchvision_says_which_torch_it_needs():
    """Each release of torchvision is made for certain releases of torch: upgrade both at once."""
    pytest.importorskip("torchvision")
    required = [Requirement(line) for line in importlib.metadata.requires("torchvision")]
    (needed,) = [need.specifier for need in required if need.name == "torch"]

    fits = [release in needed for release in ("1.0", Version(torch.__version__).public)]

    assert fits == [False, True]


@pytest.mark.claim("self-cuda-is-software")
@pytest.mark.cuda
def test_cuda_is_a_library_whose_functions_can_be_called():
    """CUDA is software: `torch.cuda.cudart()` is its runtime, with functions to call."""
    runtime = torch.cuda.cudart()

    assert runtime.cudaGetErrorString(runtime.cudaError(0)) == "no error"
    assert runtime.cudaGetErrorString(runtime.cudaError(2)) == "out of memory"


@pytest.mark.claim("self-nvidia-requires-cuda")
@pytest.mark.cuda
def test_an_nvidia_card_is_reached_through_cuda():
    """PyTorch reaches an NVIDIA card through CUDA, after which the device is named."""
    x = torch.ones(2, device="cuda")

    assert x.device.type == "cuda"
    assert torch.version.cuda is not None
