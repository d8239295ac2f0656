"""Releases, and what they break.

`torch.__version__` says which release runs. A release adds and removes: what is to go warns for
some releases first, then it is an error that names the replacement, then the name is gone. So a
program written for an old release may need work, and says so on the first lines that it runs.

What surprises newcomers: "1.10" is newer than "1.9", which text comparison gets wrong; and behind
the release a version may name the build, as in `2.0.1+cu117`.
"""

import ast
import importlib.metadata

import pytest
import torch
from packaging.requirements import Requirement
from packaging.version import Version
from torch.torch_version import TorchVersion


@pytest.mark.claim("blitz-install-latest-version", "course-version-190")
def test_this_release_is_newer_than_those_of_the_notes():
    """The release that runs here is newer than 1.1 and than 1.9, for which the notes were made."""
    assert torch.__version__ > "1.1"
    assert Version(torch.__version__) > Version("1.9.1")


def test_the_package_and_the_library_name_the_same_release():
    """What pip installed and what Python imported are one release; the build may be left out."""
    installed = Version(importlib.metadata.version("torch"))

    assert installed.public == Version(torch.__version__).public
    assert len(installed.release) == 3


def test_versions_are_compared_by_their_numbers():
    """`torch.__version__` compares as a version: 1.10 comes after 1.9, in numbers as well."""
    version, nine = TorchVersion("1.10.0"), (1, 9)

    assert sorted([version, TorchVersion("1.9.0")]) == ["1.9.0", "1.10.0"]
    assert (version > nine) is True


def test_a_version_made_plain_text_compares_as_text():
    """A version that went through `str` or `split` is text, and sorts by characters."""
    version = TorchVersion("1.10.0")

    assert sorted([str(version), "1.9.0"]) == ["1.10.0", "1.9.0"]
    assert sorted(["9", *version.split(".")]) == ["0", "1", "10", "9"]
    assert Version(version).release == (1, 10, 0)


def test_a_version_may_name_its_build():
    """Behind a plus sign stands the build, say `cu117`: a little more than the bare release."""
    build, release = TorchVersion("2.0.1+cu117"), "2.0.1"

    assert [build > release, build == release] == [True, False]
    assert Version(build).local == "cu117"
    assert Version(build).public == "2.0.1"


def test_what_a_script_needs_is_written_as_a_requirement():
    """`torch>=1.9,<99` is how a project says which releases it was made for; pip reads it."""
    needed = Requirement("torch>=1.9,<99")

    made_for = [release for release in ("1.8.1", "1.10.2", "99.0") if release in needed.specifier]

    assert needed.name == "torch"
    assert made_for == ["1.10.2"]


def test_version_is_a_module_and_no_function():
    """`torch.version` is a module with the build's details; the release is `torch.__version__`."""
    with pytest.raises(TypeError, match="'module' object is not callable"):
        torch.version()

    assert torch.version.__version__ == torch.__version__
    assert len(torch.version.git_version) == 40


@pytest.mark.claim("course-backward-compatible")
@pytest.mark.parametrize("name", ["solve", "lstsq", "eig"])
def test_code_for_an_earlier_release_may_meet_functions_that_were_removed(name):
    """Functions are removed: those of the old linear algebra name their successor in an error."""
    with pytest.raises(RuntimeError, match=r"deprecated since version 1\.9 and is now removed"):
        getattr(torch, name)(torch.eye(2), torch.eye(2))

    assert hasattr(torch.linalg, name) is True


@pytest.mark.claim("course-backward-compatible")
def test_code_for_an_earlier_release_may_meet_names_that_are_gone():
    """Some functions of earlier releases are gone altogether: an AttributeError."""
    gone = [name for name in ("rfft", "irfft", "gels") if not hasattr(torch, name)]

    assert gone == ["rfft", "irfft", "gels"]
    with pytest.raises(AttributeError, match="module 'torch' has no attribute 'rfft'"):
        torch.rfft(torch.ones(4), 1)


@pytest.mark.claim("course-backward-compatible")
def test_code_for_03_that_reads_a_loss_is_refused():
    """`loss.data[0]`, the way to read a loss in 0.3, is an error that names `item()`."""
    loss = torch.tensor(0.5, requires_grad=True)

    with pytest.raises(IndexError, match=r"Use `tensor.item\(\)`"):
        loss.data[0]

    assert loss.item() == 0.5


def test_code_for_03_that_copies_in_the_background_is_no_python():
    """`cuda(async=True)` of 0.3 is a SyntaxError: `async` became a word of Python itself."""
    with pytest.raises(SyntaxError, match="invalid syntax"):
        compile("x.cuda(async=True)", "old.py", "eval")

    call = ast.parse("x.cuda(non_blocking=True)", mode="eval").body
    assert call.keywords[0].arg == "non_blocking"


@pytest.mark.claim("summary-print-statement")
def test_print_without_brackets_is_no_python():
    """`print x` is a SyntaxError: PyTorch runs on Python 3 only, and there print is a function."""
    with pytest.raises(SyntaxError, match="Missing parentheses in call to 'print'"):
        compile("print torch.arange(5)", "old.py", "exec")


def test_what_is_there_can_be_asked_for():
    """`hasattr` asks for a feature itself, where a comparison of versions would guess."""
    there = [name for name in ("no_grad", "free_lunch") if hasattr(torch, name)]

    assert there == ["no_grad"]
