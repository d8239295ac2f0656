"""Releases, and what they break.

`torch.__version__` says which release runs. A release adds and removes: what is to go often warns
for some releases first, then it raises an error that names the replacement, then the name is gone.
So a program written for an old release may need changes.

What surprises: "1.10" is newer than "1.9", which a comparison of text gets wrong, and behind the
release a version may name the build, as in `2.0.1+cu117`. What each release changed is recorded in
`spec/drift/test_atlas.py`; which build is installed is told in `spec/environment/test_install.py`.
"""

import importlib.metadata

import pytest
import torch
from packaging.version import Version
from torch.torch_version import TorchVersion


@pytest.mark.claim("blitz-install-latest-version", "course-version-190")
def test_this_release_is_newer_than_those_of_the_notes():
    """`torch.__version__ > "1.1"` is True, and also `torch.__version__ > "1.9.1"`: many
    tutorials of 2019 and 2021 were written for these older releases.
    """
    assert torch.__version__ > "1.1"
    assert torch.__version__ > "1.9.1"


def test_the_package_and_the_library_name_the_same_release():
    """`importlib.metadata.version("torch")` and `torch.__version__` name the same release, in three
    numbers; a build tag such as `+cu117` may be missing from one of them.

    If the three numbers differ, two installations of torch are mixed.
    """
    installed = Version(importlib.metadata.version("torch"))

    assert installed.public == Version(torch.__version__).public
    assert len(installed.release) == 3


def test_versions_are_compared_by_their_numbers():
    """`torch.__version__` is a `torch.torch_version.TorchVersion`, which compares by numbers:
    `TorchVersion("1.10.0")` is greater than the string "1.9.0" and than the tuple `(1, 9)`,
    although `"1.10.0" > "1.9.0"` is False for plain strings.
    """
    version, nine = TorchVersion("1.10.0"), (1, 9)

    assert sorted([version, TorchVersion("1.9.0")]) == ["1.9.0", "1.10.0"]
    assert (version > "1.9.0") is True
    assert (version > nine) is True
    assert max("1.10.0", "1.9.0") == "1.9.0"
    assert type(torch.__version__) is TorchVersion


def test_a_version_made_plain_text_compares_as_text():
    """`str(torch.__version__)` and the parts of `torch.__version__.split(".")` are plain
    strings and compare by characters: the string "1.10.0" is less than the string "1.9.0".

    Compare `torch.__version__` itself, or `packaging.version.Version`.
    """
    version = TorchVersion("1.10.0")

    assert sorted([str(version), "1.9.0"]) == ["1.10.0", "1.9.0"]
    assert sorted(["9", *version.split(".")]) == ["0", "1", "10", "9"]
    assert Version(version).release == (1, 10, 0)


def test_a_version_may_name_its_build():
    """`2.0.1+cu117` names a build after the plus sign; as a `TorchVersion` it is greater than
    "2.0.1" and not equal to it.

    So compare with `>=`. For equality compare
    `packaging.version.Version(torch.__version__).public`, which is "2.0.1" here; it is a
    string, so don't compare it with `>=`: as strings, "2.14.1" is less than "2.9".
    """
    build, release = TorchVersion("2.0.1+cu117"), "2.0.1"

    assert [build > release, build == release] == [True, False]
    assert Version(build).local == "cu117"
    assert Version(build).public == "2.0.1"


def test_a_nightly_build_comes_before_its_release():
    """The version of a nightly build, such as `2.1.0.dev20230901`, or of a build from source, such
    as `2.1.0a0`, is less than its release "2.1": there `torch.__version__ >= "2.1"` is False.

    Because both count as pre-releases of 2.1.0. Compare with "2.1.0.dev0" to include them.
    """
    nightly, source = TorchVersion("2.1.0.dev20230901"), TorchVersion("2.1.0a0")

    in_order = sorted([TorchVersion("2.1"), source, nightly])

    assert in_order == ["2.1.0.dev20230901", "2.1.0a0", "2.1"]
    assert [nightly >= "2.1.0.dev0", source >= "2.1.0.dev0"] == [True, True]


def test_version_is_a_module_and_no_function():
    """`torch.version` is a module with details of the build, such as `torch.version.git_version`;
    calling it raises TypeError, "'module' object is not callable".

    The release is `torch.__version__`.
    """
    with pytest.raises(TypeError, match="'module' object is not callable"):
        torch.version()

    assert torch.version.__version__ == torch.__version__
    assert len(torch.version.git_version) == 40


@pytest.mark.claim("course-backward-compatible")
def test_code_for_an_earlier_release_may_meet_names_that_are_gone():
    """`torch.rfft`, `torch.irfft` and `torch.gels` of earlier releases are gone: `torch.rfft`
    raises AttributeError, "module 'torch' has no attribute 'rfft'".

    Use `torch.fft.rfft`, `torch.fft.irfft` and `torch.linalg.lstsq`, which take other arguments:
    the second one of `torch.rfft(x, 1)` counted dimensions, that of `torch.fft.rfft(x, 1)` cuts
    the last dimension of `x` to size 1.
    """
    gone = [name for name in ("rfft", "irfft", "gels") if not hasattr(torch, name)]

    assert gone == ["rfft", "irfft", "gels"]
    with pytest.raises(AttributeError, match="module 'torch' has no attribute 'rfft'"):
        torch.rfft(torch.ones(4), 1)


def test_code_for_03_that_copies_in_the_background_is_no_python():
    """`x.cuda(async=True)` of PyTorch 0.3 is a SyntaxError since Python 3.7, where `async` is a
    keyword; the argument is called `non_blocking` today."""
    with pytest.raises(SyntaxError, match="invalid syntax"):
        compile("x.cuda(async=True)", "old.py", "eval")

    moved = torch.ones(2).to("meta", non_blocking=True)
    assert moved.is_meta is True


@pytest.mark.claim("summary-print-statement")
def test_print_without_brackets_is_no_python():
    """`print torch.arange(5)`, as in code for Python 2, is a SyntaxError in Python 3,
    "Missing parentheses in call to 'print'"; PyTorch 2 runs on Python 3 only.
    """
    with pytest.raises(SyntaxError, match="Missing parentheses in call to 'print'"):
        compile("print torch.arange(5)", "old.py", "exec")


def test_what_is_there_can_be_asked_for():
    """`hasattr(torch, name)` tells, without a comparison of versions, whether the installed
    PyTorch has that name: it is True for `"no_grad"`, and False for `"rfft"`, a function that was
    removed.

    A submodule that `import torch` does not import, such as `torch.contrib`, is not there before
    its own import. A name can be there and only raise: `hasattr(torch, "solve")` is True, though
    `torch.solve(B, A)` of two tensors raises RuntimeError, see
    `spec/tensors/test_linear_algebra.py`.
    """
    there = [name for name in ("no_grad", "rfft", "solve") if hasattr(torch, name)]

    assert there == ["no_grad", "solve"]
