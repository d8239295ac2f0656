"""Whole objects, and which files to trust.

A checkpoint is a pickle in a zip archive, and a pickle is a small program: loading it can build
objects of any class and call any function. `torch.load` with `weights_only=True` therefore
builds tensors, numbers, strings, lists, tuples, dicts and a few further classes, and refuses
anything else. Since PyTorch 2.6 this is the default; `weights_only=False` is for files that one
trusts.

A whole net can be saved as an object all the same: the file then holds its attributes and the name
of its class, but none of the code.

What surprises: a NumPy number or a `Path` in the checkpoint is enough for it to be refused; the
code of a net loaded as an object is that of today and not of the day it was saved; and a changed
byte in the values goes unnoticed. How a state dict is saved is told in
`spec/training/test_checkpoints.py`.
"""

import argparse
import os
import pickle
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

# PyTorch 2.0 warns of its own way of loading.
pytestmark = pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")


@pytest.mark.claim("summary-save-whole-model")
def test_a_whole_net_can_be_saved_as_one_object(tmp_path):
    """`torch.save(net, path)` of an `nn.Sequential` of `nn.Linear` and `nn.Dropout` saves
    the object with its mode and parameters, and `torch.load(path, weights_only=False)`
    returns it ready for use.

    Only for files one trusts, for such a load may run code; a state dict is the safer way.
    """
    net = nn.Sequential(nn.Linear(1, 1), nn.Dropout()).eval()
    net[0].weight.data.fill_(3.0)
    net[0].bias.data.fill_(0.5)
    torch.save(net, tmp_path / "net.pt")

    loaded = torch.load(tmp_path / "net.pt", weights_only=False)

    assert type(loaded) is nn.Sequential
    assert loaded.training is False
    assert loaded(torch.tensor([2.0])).tolist() == [6.5]


@pytest.mark.torch(">=2.6")
def test_by_default_a_whole_net_is_refused(tmp_path):
    """Since PyTorch 2.6 `torch.load(path)` of a net saved as an object, by
    `torch.save(net, path)`, raises UnpicklingError, "Weights only load failed"; for
    `nn.Linear(1, 1)` it names the class `torch.nn.modules.linear.Linear`.

    Pass `weights_only=False` if you trust the file, or save `net.state_dict()` instead.
    """
    torch.save(nn.Linear(1, 1), tmp_path / "net.pt")

    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed") as refused:
        torch.load(tmp_path / "net.pt")

    assert "torch.nn.modules.linear.Linear was not an allowed global" in str(refused.value)


@pytest.mark.torch(">=2.4,<2.6")
def test_before_2_6_a_whole_net_is_loaded_with_a_warning(tmp_path):
    """In PyTorch 2.4 and 2.5 `torch.load(path)` loads a net saved as an object, with a
    FutureWarning that the default `weights_only=False` will change.
    """
    torch.save(nn.Linear(1, 1), tmp_path / "net.pt")

    with pytest.warns(FutureWarning, match="weights_only=False"):
        loaded = torch.load(tmp_path / "net.pt")

    assert type(loaded) is nn.Linear


@pytest.mark.torch("<2.4")
def test_before_2_4_a_whole_net_is_loaded_without_a_warning(tmp_path):
    """Before PyTorch 2.4 `torch.load(path)` of a file written by
    `torch.save(nn.Linear(1, 1), path)` gives the whole `nn.Linear` back, without a warning.
    """
    torch.save(nn.Linear(1, 1), tmp_path / "net.pt")

    assert type(torch.load(tmp_path / "net.pt")) is nn.Linear


def test_a_saved_object_runs_the_code_of_today(tmp_path, monkeypatch):
    """`torch.load(path, weights_only=False)` of a net saved by `torch.save(net, path)`
    takes its class as it is now: if the `forward` of the class was changed after saving,
    the changed `forward` runs.

    Because a pickle holds the module and the name of the class, not its code.
    """
    source = "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x): return x + {}"
    module = types.ModuleType("book_nets")
    monkeypatch.setitem(sys.modules, "book_nets", module)
    exec(source.format(1), module.__dict__)
    net = module.Net()
    torch.save(net, tmp_path / "net.pt")

    exec(source.format(100), module.__dict__)
    loaded = torch.load(tmp_path / "net.pt", weights_only=False)

    assert net(torch.tensor(0.0)).item() == 1.0
    assert loaded(torch.tensor(0.0)).item() == 100.0


def test_a_saved_object_needs_its_module_and_its_class(tmp_path, monkeypatch):
    """`torch.load(path, weights_only=False)` of a `Net()` saved by `torch.save(net, path)` raises
    AttributeError, "Can't get attribute 'Net'", if the class was renamed, and ModuleNotFoundError,
    "No module named", if its module is gone.

    A state dict depends on neither: build the net by its new name and load the state.
    """
    module = types.ModuleType("book_nets")
    monkeypatch.setitem(sys.modules, "book_nets", module)
    exec("from torch import nn\nclass Net(nn.Module): pass", module.__dict__)
    torch.save(module.Net(), tmp_path / "net.pt")

    del module.Net
    with pytest.raises(AttributeError, match="Can't get attribute 'Net' on <module 'book_nets'"):
        torch.load(tmp_path / "net.pt", weights_only=False)
    monkeypatch.delitem(sys.modules, "book_nets")
    with pytest.raises(ModuleNotFoundError, match="No module named 'book_nets'"):
        torch.load(tmp_path / "net.pt", weights_only=False)


def test_a_class_inside_a_function_cannot_be_saved(tmp_path):
    """`torch.save(net, path)` raises an error about a "local object" if the class of `net` is
    local to a function; `net.state_dict()` can be saved.

    Because a pickle names a class by its module and name, and a local class can't be found
    that way. Define it at the top level of a module.
    """

    def make():
        class Net(nn.Linear):
            pass

        return Net(1, 1)

    net = make()

    # Python 3.14 raises PicklingError, older ones AttributeError.
    with pytest.raises(Exception, match="local object"):
        torch.save(net, tmp_path / "net.pt")
    torch.save(net.state_dict(), tmp_path / "numbers.pt")
    numbers = torch.load(tmp_path / "numbers.pt", weights_only=True)

    assert list(numbers) == ["weight", "bias"]


def test_nothing_of_a_hostile_file_runs(tmp_path):
    """`torch.load(path, weights_only=True)` of a saved dict of tensors and one object whose
    `__reduce__` returns a call of `os.mkdir` raises UnpicklingError before the call is made; the
    error names the function, on Linux "posix.mkdir".
    """

    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "broken into"),)

    torch.save({"weight": torch.zeros(2), "bias": Hostile()}, tmp_path / "net.pt")

    with pytest.raises(pickle.UnpicklingError, match=r"(posix|nt)\.mkdir"):
        torch.load(tmp_path / "net.pt", weights_only=True)

    assert os.listdir(tmp_path) == ["net.pt"]


def test_weights_only_false_runs_whatever_the_file_says(tmp_path):
    """`torch.load(path, weights_only=False)` of a file whose pickle calls `os.mkdir` makes that
    call, so that a directory appears, and can still return the dict with its tensors.

    Because a pickle may call any function. So use it only for files from people you trust.
    """

    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "broken into"),)

    torch.save({"weight": torch.zeros(2), "bias": Hostile()}, tmp_path / "net.pt")

    loaded = torch.load(tmp_path / "net.pt", weights_only=False)

    assert loaded["weight"].tolist() == [0.0, 0.0]
    assert sorted(os.listdir(tmp_path)) == ["broken into", "net.pt"]


@pytest.mark.torch(">=2.5")
def test_the_functions_of_os_cannot_even_be_asked_for(tmp_path):
    """A file that calls `os.system` stays refused by `torch.load(path, weights_only=True)`,
    even inside `safe_globals([os.system])`: "whose module posix is blocked" on Linux.

    Because `torch.load` with `weights_only=True` blocks the modules `sys`, `os`, `posix` and `nt`;
    `os.system` comes from `posix` on Linux.
    """

    class Hostile:
        def __reduce__(self):
            return os.system, ("true",)

    torch.save(Hostile(), tmp_path / "net.pt")

    with (
        torch.serialization.safe_globals([os.system]),
        pytest.raises(pickle.UnpicklingError, match=r"system whose module \w+ is blocked"),
    ):
        torch.load(tmp_path / "net.pt", weights_only=True)


@pytest.mark.torch(">=2.0")  # 1.13 reads no float
def test_plain_values_are_always_loaded(tmp_path):
    """`torch.load(path, weights_only=True)` of a file that `torch.save` wrote with its default
    protocol loads int of up to 255 bytes, float, bool, None and str, lists, tuples and dicts of
    these, `torch.float16` and a `torch.Size`.

    So a checkpoint of state dicts and such values loads without `weights_only=False`. A longer
    int, such as `2**2039`, is refused, "Unsupported operand 139": save it as text.
    """
    numbers = {"epoch": 7, "loss": 0.25, "done": True, "best": None, "seed": 2**2039 - 1}
    rest = {"nested": [1, (2, ["LeNet"])], "dtype": torch.float16, "size": torch.Size([2, 3])}
    torch.save({**numbers, **rest}, tmp_path / "run.pt")

    loaded = torch.load(tmp_path / "run.pt", weights_only=True)

    assert [loaded[name] for name in numbers] == [7, 0.25, True, None, 2**2039 - 1]
    assert [loaded[name] for name in rest] == [[1, (2, ["LeNet"])], torch.float16, (2, 3)]
    assert type(loaded["size"]) is torch.Size
    torch.save({"seed": 2**2039}, tmp_path / "long.pt")
    with pytest.raises(pickle.UnpicklingError, match="Unsupported operand 139"):
        torch.load(tmp_path / "long.pt", weights_only=True)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (np.float32(0.25), "multiarray.scalar"),
        (np.zeros(2), "multiarray._reconstruct"),
        (Path("data"), "pathlib"),
        (argparse.Namespace(lr=0.25), "argparse.Namespace"),
    ],
)
def test_other_objects_are_refused_by_name(content, name, tmp_path):
    """`np.float32(0.25)`, `np.zeros(2)`, `Path("data")` and an `argparse.Namespace` in a
    checkpoint make `torch.load(path, weights_only=True)` raise UnpicklingError, which names the
    class or function needed.

    Because only tensors, plain values and a few classes such as `OrderedDict` are allowed. Save
    `float(number)`, `torch.from_numpy(array)`, `str(path)` and `vars(arguments)`, if these are
    plain values, instead.
    """
    torch.save({"epoch": 7, "extra": content}, tmp_path / "run.pt")

    with pytest.raises(pickle.UnpicklingError, match=name):
        torch.load(tmp_path / "run.pt", weights_only=True)


@pytest.mark.torch(">=2.5")
def test_safe_globals_lets_a_class_through(tmp_path):
    """Inside `with torch.serialization.safe_globals([argparse.Namespace]):`
    `torch.load(path, weights_only=True)` loads a saved `argparse.Namespace(lr=0.25)`; after the
    block the same call raises UnpicklingError.

    Classes in such an object that PyTorch does not allow by itself are still refused, here that of
    a `Path` in a `Namespace`: list each class that the error names, on Linux `pathlib.PosixPath`;
    `pathlib.Path` is not enough.
    """
    torch.save(argparse.Namespace(lr=0.25), tmp_path / "run.pt")
    torch.save(argparse.Namespace(data=Path("data")), tmp_path / "other.pt")

    with torch.serialization.safe_globals([argparse.Namespace]):
        inside = torch.load(tmp_path / "run.pt", weights_only=True)
        with pytest.raises(pickle.UnpicklingError, match="pathlib"):
            torch.load(tmp_path / "other.pt", weights_only=True)

    assert inside.lr == 0.25
    with pytest.raises(pickle.UnpicklingError, match=r"argparse\.Namespace"):
        torch.load(tmp_path / "run.pt", weights_only=True)


@pytest.mark.torch(">=2.4")
def test_add_safe_globals_lets_a_class_through_from_then_on(tmp_path):
    """After `torch.serialization.add_safe_globals([argparse.Namespace])`
    `torch.load(path, weights_only=True)` loads a saved `argparse.Namespace(lr=0.25)` in this
    process, until `clear_safe_globals()`; `get_safe_globals()` lists the class.
    """
    torch.save(argparse.Namespace(lr=0.25), tmp_path / "run.pt")

    torch.serialization.add_safe_globals([argparse.Namespace])
    listed = torch.serialization.get_safe_globals()
    loaded = torch.load(tmp_path / "run.pt", weights_only=True)
    torch.serialization.clear_safe_globals()

    assert argparse.Namespace in listed
    assert loaded.lr == 0.25
    assert torch.serialization.get_safe_globals() == []
    with pytest.raises(pickle.UnpicklingError, match=r"argparse\.Namespace was not an allowed"):
        torch.load(tmp_path / "run.pt", weights_only=True)


@pytest.mark.torch(">=2.6")
def test_a_file_can_be_asked_what_it_wants(tmp_path):
    """`torch.serialization.get_unsafe_globals_in_checkpoint(path)` returns, without loading the
    file, names of classes and functions in it that `weights_only=True` refuses:
    `["argparse.Namespace"]` for a file with `argparse.Namespace(lr=0.25)`.

    A class that loading needs but the file doesn't name is not among them: for a float64 array of
    NumPy 1.25 or later the list lacks `numpy.dtypes.Float64DType`. A file in the format before
    PyTorch 1.6, which is no zip file, raises ValueError.
    """
    torch.save({"args": argparse.Namespace(lr=0.25), "w": torch.zeros(1)}, tmp_path / "run.pt")

    wanted = torch.serialization.get_unsafe_globals_in_checkpoint(tmp_path / "run.pt")

    assert wanted == ["argparse.Namespace"]


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (10, "not a ZIP archive"),
        (300, "failed finding central directory"),
        (-1, "failed finding central directory"),
    ],
)
@pytest.mark.spare("300", reason="somewhere in the middle")
@pytest.mark.spare("10", reason="somewhere at the beginning")
def test_a_truncated_file_is_no_zip_archive(length, words, tmp_path):
    """`torch.load(path)` raises RuntimeError, "PytorchStreamReader failed reading zip
    archive", if the file that `torch.save({"weight": torch.zeros(100)}, path)` wrote is cut
    to its first 10 or 300 bytes, or lacks its last byte.

    Because the table of contents of a zip archive stands at its end. Typical causes are a full
    disk and an interrupted download: copy the file again. Truncated files of 70,000 bytes or more
    raise the same error, those of 5,000 to 69,000 bytes OSError, an empty file EOFError.
    """
    torch.save({"weight": torch.zeros(100)}, tmp_path / "net.pt")
    whole = (tmp_path / "net.pt").read_bytes()
    (tmp_path / "net.pt").write_bytes(whole[:length])

    with pytest.raises(
        RuntimeError, match=f"PytorchStreamReader failed reading zip archive: {words}"
    ):
        torch.load(tmp_path / "net.pt", weights_only=True)


def test_a_truncated_file_of_some_kilobytes_is_an_invalid_argument(tmp_path):
    """If a file that `torch.save({"weight": torch.zeros(20000)}, path)` wrote is cut after its
    first 60,000 bytes, `torch.load(path, weights_only=True)` raises OSError, "Invalid argument".

    Because the file is a zip archive, and the search for its table of contents, which is missing,
    seeks to a place before the beginning of the file. It happens with about 4,100 to 69,500 bytes;
    most other truncated files raise RuntimeError. Copy the file again.
    """
    torch.save({"weight": torch.zeros(20000)}, tmp_path / "net.pt")
    whole = (tmp_path / "net.pt").read_bytes()
    (tmp_path / "net.pt").write_bytes(whole[:60000])

    with pytest.raises(OSError, match="Invalid argument"):
        torch.load(tmp_path / "net.pt", weights_only=True)


def test_an_empty_file_has_ended_already(tmp_path):
    """`torch.load(path)` of an empty file, of 0 bytes, raises EOFError; with
    `weights_only=False` it says "Ran out of input".

    A full disk, or a process that ended while saving, can leave such a file.
    """
    (tmp_path / "net.pt").write_bytes(b"")

    with pytest.raises(EOFError):
        torch.load(tmp_path / "net.pt", weights_only=True)
    with pytest.raises(EOFError, match="Ran out of input"):
        torch.load(tmp_path / "net.pt", weights_only=False)


@pytest.mark.parametrize(
    ("content", "trusting", "safe"),
    [
        (b"<!DOCTYPE html>", "invalid load key, '<'", "Unsupported operand 60"),
        (b"version https://git-lfs", "invalid load key, 'v'", "Unsupported operand 118"),
    ],
)
def test_the_wrong_file_is_told_by_its_first_letter(content, trusting, safe, tmp_path):
    """`torch.load` of a `.pt` file that begins with `<!DOCTYPE html>` raises UnpicklingError,
    "invalid load key, '<'" with `weights_only=False` and "Unsupported operand 60" with
    `weights_only=True`.

    Because the bytes are read as a pickle, and 60 is the byte of `<`. The download fetched
    a page instead of the weights, or, with `'v'` and 118, a Git LFS pointer: look at the
    file in an editor.
    """
    (tmp_path / "net.pt").write_bytes(content)

    with pytest.raises(pickle.UnpicklingError, match=trusting):
        torch.load(tmp_path / "net.pt", weights_only=False)
    with pytest.raises(pickle.UnpicklingError, match=safe):
        torch.load(tmp_path / "net.pt", weights_only=True)


def test_a_plain_pickle_is_no_checkpoint(tmp_path):
    """`torch.load(path, weights_only=False)` of a dict that `pickle.dump` wrote raises
    RuntimeError, "Invalid magic number; corrupt file"; read it with `pickle.load`.
    """
    (tmp_path / "run.pkl").write_bytes(pickle.dumps({"epoch": 7}))

    with pytest.raises(RuntimeError, match="Invalid magic number; corrupt file"):
        torch.load(tmp_path / "run.pkl", weights_only=False)


def test_a_changed_number_is_not_noticed(tmp_path):
    """`torch.load` compares no checksum of the tensor data: a file of the float32 values
    1.0 and 2.0, in which one byte was changed so that 2.0 became 8.0, loads as 1.0 and 8.0
    without an error.

    Compare a hash of the whole file after a download, such as the one that `sha256sum` prints.
    """
    torch.save(torch.tensor([1.0, 2.0]), tmp_path / "x.pt")
    whole = (tmp_path / "x.pt").read_bytes()
    one_and_two = b"\x00\x00\x80\x3f\x00\x00\x00\x40"
    one_and_eight = b"\x00\x00\x80\x3f\x00\x00\x00\x41"
    (tmp_path / "x.pt").write_bytes(whole.replace(one_and_two, one_and_eight))
    loaded = torch.load(tmp_path / "x.pt", weights_only=True)

    assert loaded.tolist() == [1.0, 8.0]
