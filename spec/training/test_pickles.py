"""Whole objects, and whom to trust.

A checkpoint is a pickle, and a pickle is a small program: loading it can build objects of any
class and call any function. `torch.load` therefore reads tensors, numbers, strings and containers
only, unless one says `weights_only=False` of a file one trusts. Since PyTorch 2.6 this is the
default.

A whole net can be saved as an object all the same. What surprises is how little that saves: the
numbers and the name of the class, but none of its code.
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
    """`torch.save(net)` keeps the object, and `weights_only=False` brings it back ready for use."""
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
    """Without `weights_only=False` an object is refused, and the error names its class."""
    torch.save(nn.Linear(1, 1), tmp_path / "net.pt")

    with pytest.raises(pickle.UnpicklingError, match=r"torch\.nn\.modules\.linear\.Linear was not"):
        torch.load(tmp_path / "net.pt")


@pytest.mark.torch(">=2.4,<2.6")
def test_before_2_6_a_whole_net_is_loaded_with_a_warning(tmp_path):
    """PyTorch 2.4 and 2.5 load any object by default, and warn that this will change."""
    torch.save(nn.Linear(1, 1), tmp_path / "net.pt")

    with pytest.warns(FutureWarning, match="weights_only=False"):
        loaded = torch.load(tmp_path / "net.pt")

    assert type(loaded) is nn.Linear


@pytest.mark.torch("<2.4")
def test_before_2_4_a_whole_net_is_loaded_without_a_word(tmp_path):
    """Up to PyTorch 2.3 `torch.load` loads any object by default."""
    torch.save(nn.Linear(1, 1), tmp_path / "net.pt")

    assert type(torch.load(tmp_path / "net.pt")) is nn.Linear


def test_a_saved_object_runs_the_code_of_today(tmp_path, monkeypatch):
    """Only the class's name is in the file: a `forward` changed since then is the one that runs."""
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
    """Renamed or moved code makes an old pickle unreadable; a state dict would not mind."""
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
    """A pickle finds classes by name, so a net of a local class is refused; its numbers are not."""

    class Net(nn.Linear):
        pass

    net = Net(1, 1)

    # Python 3.14 raises PicklingError, older ones AttributeError.
    with pytest.raises(Exception, match="local object"):
        torch.save(net, tmp_path / "net.pt")
    torch.save(net.state_dict(), tmp_path / "numbers.pt")
    numbers = torch.load(tmp_path / "numbers.pt", weights_only=True)

    assert list(numbers) == ["weight", "bias"]


def test_nothing_of_a_hostile_file_runs(tmp_path):
    """`weights_only=True` refuses a file that calls a function before the call is made."""

    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "broken into"),)

    torch.save({"weight": torch.zeros(2), "bias": Hostile()}, tmp_path / "net.pt")

    with pytest.raises(pickle.UnpicklingError, match=r"(posix|nt)\.mkdir"):
        torch.load(tmp_path / "net.pt", weights_only=True)

    assert os.listdir(tmp_path) == ["net.pt"]


def test_weights_only_false_runs_whatever_the_file_says(tmp_path):
    """With `weights_only=False` the same file runs its function, and looks harmless afterwards."""

    class Hostile:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "broken into"),)

    torch.save({"weight": torch.zeros(2), "bias": Hostile()}, tmp_path / "net.pt")

    loaded = torch.load(tmp_path / "net.pt", weights_only=False)

    assert loaded["weight"].tolist() == [0.0, 0.0]
    assert sorted(os.listdir(tmp_path)) == ["broken into", "net.pt"]


@pytest.mark.torch(">=2.6")
def test_the_functions_of_os_cannot_even_be_asked_for(tmp_path):
    """The module `os` is blocked for good: no list of exceptions lets `os.system` through."""

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
    """Numbers, strings, None, lists, tuples, dicts, dtypes and sizes pass `weights_only=True`."""
    numbers = {"epoch": 7, "loss": 0.25, "done": True, "best": None}
    rest = {"nested": [1, (2, ["LeNet"])], "dtype": torch.float16, "size": torch.Size([2, 3])}
    torch.save({**numbers, **rest}, tmp_path / "run.pt")

    loaded = torch.load(tmp_path / "run.pt", weights_only=True)

    assert [loaded[name] for name in numbers] == [7, 0.25, True, None]
    assert [loaded[name] for name in rest] == [[1, (2, ["LeNet"])], torch.float16, (2, 3)]
    assert type(loaded["size"]) is torch.Size


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
    """A NumPy number, an array, a Path or the parsed arguments in a checkpoint make it refused."""
    torch.save({"epoch": 7, "extra": content}, tmp_path / "run.pt")

    with pytest.raises(pickle.UnpicklingError, match=name):
        torch.load(tmp_path / "run.pt", weights_only=True)


@pytest.mark.torch(">=2.5")
def test_safe_globals_lets_a_class_through(tmp_path):
    """Inside `with safe_globals([cls])` objects of that class are loaded, afterwards refused."""
    torch.save(argparse.Namespace(lr=0.25), tmp_path / "run.pt")

    with torch.serialization.safe_globals([argparse.Namespace]):
        inside = torch.load(tmp_path / "run.pt", weights_only=True)

    assert inside.lr == 0.25
    with pytest.raises(pickle.UnpicklingError, match=r"argparse\.Namespace"):
        torch.load(tmp_path / "run.pt", weights_only=True)


@pytest.mark.torch(">=2.4")
def test_add_safe_globals_lets_a_class_through_from_then_on(tmp_path):
    """`add_safe_globals([cls])` holds for the whole program, until the list is cleared."""
    torch.save(argparse.Namespace(lr=0.25), tmp_path / "run.pt")

    torch.serialization.add_safe_globals([argparse.Namespace])
    listed = torch.serialization.get_safe_globals()
    loaded = torch.load(tmp_path / "run.pt", weights_only=True)
    torch.serialization.clear_safe_globals()

    assert argparse.Namespace in listed
    assert loaded.lr == 0.25
    assert torch.serialization.get_safe_globals() == []


@pytest.mark.torch(">=2.6")
def test_a_file_can_be_asked_what_it_wants(tmp_path):
    """`get_unsafe_globals_in_checkpoint` names what a file would need, and loads nothing of it."""
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
    """A zip's table of contents stands at its end: one missing byte, and the file is refused."""
    torch.save({"weight": torch.zeros(100)}, tmp_path / "net.pt")
    whole = (tmp_path / "net.pt").read_bytes()
    (tmp_path / "net.pt").write_bytes(whole[:length])

    with pytest.raises(
        RuntimeError, match=f"PytorchStreamReader failed reading zip archive: {words}"
    ):
        torch.load(tmp_path / "net.pt", weights_only=True)


def test_an_empty_file_has_ended_already(tmp_path):
    """A file of no bytes, left by a full disk perhaps, gives an `EOFError`."""
    (tmp_path / "net.pt").write_bytes(b"")

    with pytest.raises(EOFError):
        torch.load(tmp_path / "net.pt", weights_only=True)


@pytest.mark.parametrize(
    ("content", "trusting", "safe"),
    [
        (b"<!DOCTYPE html>", "invalid load key, '<'", "Unsupported operand 60"),
        (b"version https://git-lfs", "invalid load key, 'v'", "Unsupported operand 118"),
    ],
)
def test_the_wrong_file_is_told_by_its_first_letter(content, trusting, safe, tmp_path):
    """A web page or a Git LFS pointer instead of the weights: the first byte is what is refused."""
    (tmp_path / "net.pt").write_bytes(content)

    with pytest.raises(pickle.UnpicklingError, match=trusting):
        torch.load(tmp_path / "net.pt", weights_only=False)
    with pytest.raises(pickle.UnpicklingError, match=safe):
        torch.load(tmp_path / "net.pt", weights_only=True)


def test_a_plain_pickle_is_no_checkpoint(tmp_path):
    """`torch.load` does not read what `pickle.dump` wrote."""
    (tmp_path / "run.pkl").write_bytes(pickle.dumps({"epoch": 7}))

    with pytest.raises(RuntimeError, match="Invalid magic number; corrupt file"):
        torch.load(tmp_path / "run.pkl", weights_only=False)


def test_a_changed_number_is_not_noticed(tmp_path):
    """No checksum guards the numbers: a bit that flipped on the disk is loaded as it is."""
    torch.save(torch.tensor([1.0, 2.0]), tmp_path / "x.pt")
    whole = (tmp_path / "x.pt").read_bytes()
    one_and_two = b"\x00\x00\x80\x3f\x00\x00\x00\x40"
    one_and_eight = b"\x00\x00\x80\x3f\x00\x00\x00\x41"
    (tmp_path / "x.pt").write_bytes(whole.replace(one_and_two, one_and_eight))
    loaded = torch.load(tmp_path / "x.pt", weights_only=True)

    assert loaded.tolist() == [1.0, 8.0]
