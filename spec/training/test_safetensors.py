"""safetensors files.

A `.safetensors` file holds named tensors and nothing else: a header in JSON and the bytes. Unlike a
pickle it can run no code when it is loaded (`spec/training/test_pickles.py`), and single tensors
can be read without the rest. The package `safetensors` is no part of PyTorch; these facts are
decided where it is installed (`pip install safetensors`).

What surprises: only tensors are taken, so no numbers, and no state dict of an optimizer as it is;
tensors of the same memory, such as tied weights, are refused, and so are tensors that are not
contiguous; and the metadata are strings.
"""

import pickle

import pytest
import torch
from torch import nn


@pytest.fixture
def safetensors():
    """The part of the package for torch; without it the fact is skipped."""
    return pytest.importorskip("safetensors.torch", reason="needs safetensors; it is not here")


def test_a_state_dict_goes_to_a_safetensors_file_and_back(safetensors, tmp_path):
    """`safetensors.torch.save_file(net.state_dict(), path)` writes the state dict of an
    `nn.Linear`; `net.load_state_dict(safetensors.torch.load_file(path))` reads it.

    Weights that are tied or not contiguous are refused.
    """
    net, other = nn.Linear(2, 1), nn.Linear(2, 1)

    safetensors.save_file(net.state_dict(), tmp_path / "net.safetensors")
    answer = other.load_state_dict(safetensors.load_file(tmp_path / "net.safetensors"))

    assert str(answer) == "<All keys matched successfully>"
    assert torch.equal(other.weight, net.weight) is True


def test_tied_weights_are_refused_by_save_file(safetensors, tmp_path):
    """`safetensors.torch.save_file` of a state dict with tied weights raises RuntimeError,
    "Some tensors share memory"; `save_model(net, path)` writes them once, and `load_model`
    reads them into a net whose weights are tied in the same way.

    Because two names of one tensor would be written twice and be two tensors afterwards.
    `save_model` keeps one of the names.
    """
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    second.weight = first.weight
    net = nn.Sequential(first, second)
    path = tmp_path / "net.safetensors"

    with pytest.raises(
        RuntimeError, match="Some tensors share memory, this will lead to duplicate"
    ):
        safetensors.save_file(net.state_dict(), path)

    safetensors.save_model(net, str(path))
    assert list(safetensors.load_file(path)) == ["0.weight"]
    safetensors.load_model(net, str(path))
    assert second.weight is first.weight


def test_a_tensor_that_is_not_contiguous_is_refused_by_save_file(safetensors, tmp_path):
    """`safetensors.torch.save_file({"x": x}, path)` of the transposed `x = torch.ones(2, 3).T`
    raises ValueError, "You are trying to save a non contiguous tensor": save `x.contiguous()`.
    """
    x = torch.ones(2, 3).T
    path = tmp_path / "x.safetensors"

    with pytest.raises(
        ValueError, match="You are trying to save a non contiguous tensor: `x` which"
    ):
        safetensors.save_file({"x": x}, path)

    safetensors.save_file({"x": x.contiguous()}, path)
    assert safetensors.load_file(path)["x"].shape == (3, 2)


def test_only_tensors_go_into_a_safetensors_file(safetensors, tmp_path):
    """`safetensors.torch.save_file({"epoch": 3}, path)` raises ValueError, "Key `epoch` is
    invalid, expected torch.Tensor but received <class 'int'>"; a string may be given by
    `metadata={"epoch": "3"}`.

    Because the format has tensors, and strings only as metadata: `metadata={"epoch": 3}` raises
    TypeError. The state dict of an optimizer has dicts, numbers and lists: save it by
    `torch.save`.
    """
    path = tmp_path / "x.safetensors"

    with pytest.raises(
        ValueError,
        match=r"Key `epoch` is invalid, expected torch.Tensor but received <class 'int'>",
    ):
        safetensors.save_file({"epoch": 3}, path)
    with pytest.raises(TypeError):
        safetensors.save_file({"x": torch.ones(1)}, path, metadata={"epoch": 3})

    safetensors.save_file({"x": torch.ones(1)}, path, metadata={"epoch": "3"})
    with pytest.importorskip("safetensors").safe_open(path, "pt") as file:
        assert file.metadata()["epoch"] == "3"


def test_one_tensor_is_read_without_the_others(safetensors, tmp_path):
    """`safetensors.safe_open(path, framework="pt")` lists the names by `keys()`, reads one
    tensor by `get_tensor(name)`, and the rows 1 and 2, counted from 0, of a 2-D tensor by
    `get_slice(name)[1:3]`.
    """
    path = tmp_path / "x.safetensors"
    safetensors.save_file({"x": torch.arange(8.0).reshape(4, 2), "y": torch.ones(1)}, path)

    with pytest.importorskip("safetensors").safe_open(path, "pt") as file:
        assert sorted(file.keys()) == ["x", "y"]
        assert file.get_tensor("y").tolist() == [1.0]
        assert file.get_slice("x")[1:3].tolist() == [[2.0, 3.0], [4.0, 5.0]]


def test_a_loaded_tensor_requires_no_grad(safetensors, tmp_path):
    """`safetensors.torch.load_file(path)` by default returns tensors on the CPU, which
    don't require grad, also where the tensor that was saved did.
    """
    path = tmp_path / "x.safetensors"
    safetensors.save_file({"x": torch.ones(1, requires_grad=True)}, path)

    loaded = safetensors.load_file(path)

    assert loaded["x"].requires_grad is False
    assert loaded["x"].device == torch.device("cpu")


def test_another_file_has_no_safetensors_header(safetensors, tmp_path):
    """`safetensors.torch.load_file("x.pt")` of a file written by
    `torch.save({"x": torch.ones(1)}, "x.pt")` raises `SafetensorError`, "Error while deserializing
    header"; `torch.load("x.pt")` reads this file.

    Give no file that `torch.save` writes a name that ends in `.safetensors`: from PyTorch 2.13 on,
    `torch.load` reads a file of such a name with `load_file`, and raises the same error. Given the
    opened file instead of its name, `torch.load` reads it.
    """
    path = tmp_path / "x.pt"
    torch.save({"x": torch.ones(1)}, path)

    error = pytest.importorskip("safetensors").SafetensorError
    with pytest.raises(error, match="Error while deserializing header"):
        safetensors.load_file(path)

    loaded = torch.load(path, weights_only=True)
    assert loaded["x"].tolist() == [1.0]


@pytest.mark.torch(">=2.13")
def test_torch_load_reads_a_safetensors_file_by_its_name(safetensors, tmp_path):
    """In PyTorch 2.13 and later, with the package `safetensors` installed, `torch.load(path)` of a
    name that ends in `.safetensors` returns the dict of tensors that
    `safetensors.torch.load_file(path)` returns.

    `torch.load` looks at the ending of the name: under another name, or given an opened file, it
    takes the content for a pickle and refuses it. PyTorch 2.5 refuses it under both names. So a
    file by `torch.save` needs another name: under `.safetensors` it is written, and `torch.load`
    then fails with "Error while deserializing header".
    """
    path, other = tmp_path / "x.safetensors", tmp_path / "x.pt"
    safetensors.save_file({"x": torch.ones(2)}, path)
    safetensors.save_file({"x": torch.ones(2)}, other)

    assert torch.load(path)["x"].tolist() == [1.0, 1.0]
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(other)
    torch.save({"x": torch.ones(2)}, path)
    with pytest.raises(Exception, match="Error while deserializing header"):
        torch.load(path)
