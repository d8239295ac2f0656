"""safetensors files.

A `.safetensors` file holds named tensors and nothing else: a header in JSON and the bytes. Unlike
a pickle it can run no code when it is loaded (`spec/training/test_pickles.py`), and single tensors
can be read without the rest. The package `safetensors` is no part of PyTorch; these facts are
decided where it is installed (`pip install safetensors`).

What surprises: only tensors are taken, so no optimizer state, no numbers; tensors that share
memory, such as tied weights, are refused, and so are tensors that are not contiguous; and the
metadata are strings.
"""

import pytest
import torch
from torch import nn


@pytest.fixture
def safetensors():
    """The part of the package for torch; without it the fact is skipped."""
    return pytest.importorskip("safetensors.torch", reason="needs safetensors; it is not here")


def test_a_state_dict_goes_to_a_safetensors_file_and_back(safetensors, tmp_path):
    """`safetensors.torch.save_file(net.state_dict(), path)` writes a state dict,
    `net.load_state_dict(load_file(path))` reads it.
    """
    net, other = nn.Linear(2, 1), nn.Linear(2, 1)

    safetensors.save_file(net.state_dict(), tmp_path / "net.safetensors")
    answer = other.load_state_dict(safetensors.load_file(tmp_path / "net.safetensors"))

    assert str(answer) == "<All keys matched successfully>"
    assert torch.equal(other.weight, net.weight) is True


def test_tied_weights_are_refused_by_save_file(safetensors, tmp_path):
    """`save_file` raises RuntimeError, "Some tensors share memory", for tied weights; write
    `save_model(net, path)` and `load_model(net, path)`, which keep one of the names.
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
    """`save_file` raises ValueError, "You are trying to save a non contiguous tensor", for a
    transposed tensor: call `.contiguous()`.
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
    """`save_file` raises ValueError for a value that is no tensor, "expected torch.Tensor but
    received": an optimizer's state goes to `torch.save`, numbers as strings to `metadata=`.
    """
    path = tmp_path / "x.safetensors"

    with pytest.raises(
        ValueError, match=r"Key `epoch` is invalid, expected torch.Tensor but recei"
    ):
        safetensors.save_file({"epoch": 3}, path)

    safetensors.save_file({"x": torch.ones(1)}, path, metadata={"epoch": "3"})
    with pytest.importorskip("safetensors").safe_open(path, "pt") as file:
        assert file.metadata()["epoch"] == "3"


def test_one_tensor_is_read_without_the_others(safetensors, tmp_path):
    """`safe_open(path, framework="pt")` lists the names with `keys()` and reads one tensor with
    `get_tensor(name)`, and a part of it with `get_slice(name)[rows]`.
    """
    path = tmp_path / "x.safetensors"
    safetensors.save_file({"x": torch.arange(6.0).reshape(3, 2), "y": torch.ones(1)}, path)

    with pytest.importorskip("safetensors").safe_open(path, "pt") as file:
        assert sorted(file.keys()) == ["x", "y"]
        assert file.get_tensor("y").tolist() == [1.0]
        assert file.get_slice("x")[1:2].tolist() == [[2.0, 3.0]]


def test_a_loaded_tensor_requires_no_grad(safetensors, tmp_path):
    """`load_file` returns tensors that don't require grad, on the CPU or on the `device=` named."""
    path = tmp_path / "x.safetensors"
    safetensors.save_file({"x": torch.ones(1, requires_grad=True)}, path)

    loaded = safetensors.load_file(path, device="cpu")

    assert loaded["x"].requires_grad is False
    assert loaded["x"].device == torch.device("cpu")


def test_another_file_has_no_safetensors_header(safetensors, tmp_path):
    """`load_file` of a file of `torch.save` raises `SafetensorError`, "Error while deserializing
    header": read it with `torch.load`.
    """
    path = tmp_path / "x.pt"
    torch.save({"x": torch.ones(1)}, path)

    error = pytest.importorskip("safetensors").SafetensorError
    with pytest.raises(error, match="Error while deserializing header"):
        safetensors.load_file(path)

    loaded = torch.load(path, weights_only=True)
    assert loaded["x"].tolist() == [1.0]
