"""Where a tensor lives.

Every tensor sits in the memory of one device, and that is the CPU unless one says otherwise. The
attribute `device` tells which; what is computed from a tensor stays where the tensor is. Surprising
at first: a GPU that is there is not used until it is named, and one that is missing is an error,
never a slower CPU in its place.
"""

import argparse

import numpy as np
import pytest
import torch
from torch import nn

without_cuda = pytest.mark.skipif(
    torch.cuda.is_available(), reason="shows what a machine without CUDA says; this one has CUDA"
)


@pytest.mark.claim("self-default-device-cpu")
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.tensor([1.0]),
        lambda: torch.zeros(2),
        lambda: torch.rand(2),
        lambda: torch.from_numpy(np.ones(2)),
        lambda: nn.Linear(2, 1).weight,
    ],
)
def test_a_new_tensor_lives_on_the_cpu(make):
    """Whatever makes a tensor puts it on the CPU when no device is named."""
    assert str(make().device) == "cpu"


@pytest.mark.claim("self-device-attribute")
def test_the_device_attribute_tells_where_a_tensor_is():
    """`x.device` names the device; `x.is_cuda` and `x.is_cpu` are the short questions."""
    x = torch.zeros(2)

    assert x.device == torch.device("cpu")
    assert x.is_cpu is True
    assert x.is_cuda is False


@pytest.mark.cuda
@pytest.mark.claim("self-device-attribute")
def test_the_device_attribute_tells_a_gpu_with_its_number():
    """A tensor on the first GPU says `cuda:0`, also when only `cuda` was asked for."""
    x = torch.zeros(2, device="cuda")

    assert str(x.device) == "cuda:0"
    assert x.is_cuda is True
    assert x.is_cpu is False


@pytest.mark.claim("blitz-cpu-repr-no-device")
def test_a_cpu_tensor_prints_without_a_device():
    """The CPU goes without saying; any other device is named."""
    on_cpu = torch.zeros(2)
    elsewhere = torch.zeros(2, device="meta")

    assert repr(on_cpu) == "tensor([0., 0.])"
    assert repr(elsewhere) == "tensor(..., device='meta', size=(2,))"


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x + 1,
        lambda x: x.sum(),
        lambda x: x[:1],
        lambda x: x.clone(),
        lambda x: torch.ones_like(x),
        lambda x: x.new_tensor([1.0]),
    ],
)
def test_what_comes_of_a_tensor_stays_on_its_device(compute):
    """Results, views, copies and `*_like` tensors are where their source is."""
    x = torch.zeros(2, device="meta")

    assert str(compute(x).device) == "meta"


@pytest.mark.claim("blitz-tensor-only-difference-gpu")
def test_a_tensor_differs_from_an_array_on_the_cpu_already():
    """The GPU is not all: a tensor on the CPU records its history and finds gradients."""
    x = torch.tensor([3.0], requires_grad=True)
    array = np.array([3.0])

    (x * x).backward()

    assert x.grad.tolist() == [6.0]
    with pytest.raises(AttributeError, match="has no attribute 'backward'"):
        (array * array).backward()


@pytest.mark.claim("blitz-cuda-available-bool")
def test_is_available_answers_with_a_bool():
    """`torch.cuda.is_available()` is True or False, and asking is safe on any machine."""
    answer = torch.cuda.is_available()

    assert type(answer) is bool


@without_cuda
@pytest.mark.claim("blitz-cuda-available-bool")
def test_is_available_is_false_without_a_gpu():
    """Where no GPU can be used the answer is False, and the number of GPUs is 0."""
    assert torch.cuda.is_available() is False
    assert torch.cuda.device_count() == 0


@without_cuda
@pytest.mark.claim("blitz-cuda-available-false-blocks")
def test_without_cuda_no_tensor_can_be_made_there():
    """Where `is_available()` is False, `device="cuda"` is an error and never falls back."""
    # A build without CUDA raises AssertionError, a build that finds no driver RuntimeError.
    with pytest.raises(Exception, match=r"NVIDIA driver|not compiled with CUDA"):
        torch.zeros(2, device="cuda")


@without_cuda
@pytest.mark.claim("blitz-cuda-available-false-blocks")
def test_without_cuda_the_cuda_method_is_an_error():
    """`x.cuda()` says what is missing, and `x` stays a good CPU tensor."""
    x = torch.zeros(2)

    # The kind of error depends on the build, as above.
    with pytest.raises(Exception, match=r"NVIDIA driver|not compiled with CUDA"):
        x.cuda()

    assert x.tolist() == [0.0, 0.0]


@pytest.mark.claim("summary-args-cuda")
@pytest.mark.parametrize(("available", "kind"), [(True, "cuda"), (False, "cpu")])
def test_a_program_takes_cuda_where_it_is_available(available, kind, monkeypatch):
    """`not args.no_cuda and torch.cuda.is_available()` is as good as the machine allows."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-cuda", action="store_true")

    args = parser.parse_args([])
    args.cuda = not args.no_cuda and torch.cuda.is_available()

    assert args.cuda is available
    assert torch.device("cuda" if args.cuda else "cpu").type == kind


@pytest.mark.claim("summary-args-cuda")
def test_a_program_leaves_cuda_when_told_to(monkeypatch):
    """`--no-cuda` makes the flag False even where CUDA is available."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    parser = argparse.ArgumentParser()
    parser.add_argument("--no-cuda", action="store_true")

    args = parser.parse_args(["--no-cuda"])
    args.cuda = not args.no_cuda and torch.cuda.is_available()

    assert args.cuda is False


@pytest.mark.torch(">=2.0")
def test_a_device_in_a_with_statement_is_the_default_inside():
    """Inside `with torch.device("meta"):` new tensors are made there, and afterwards no more."""
    with torch.device("meta"):
        inside = torch.zeros(2)
    outside = torch.zeros(2)

    assert str(inside.device) == "meta"
    assert str(outside.device) == "cpu"


@pytest.mark.torch(">=2.0")
def test_a_default_device_gives_way_to_a_device_that_is_named():
    """Inside the block, `device="cpu"` and arrays from NumPy still mean the CPU."""
    with torch.device("meta"):
        named = torch.zeros(2, device="cpu")
        shared = torch.from_numpy(np.zeros(2))

    assert str(named.device) == "cpu"
    assert str(shared.device) == "cpu"


@pytest.mark.torch(">=2.0")
def test_set_default_device_holds_until_it_is_set_again():
    """`torch.set_default_device` changes the default for all code; `None` takes it back."""
    torch.set_default_device("meta")
    changed = torch.zeros(2)
    torch.set_default_device(None)
    restored = torch.zeros(2)

    assert str(changed.device) == "meta"
    assert str(restored.device) == "cpu"


@pytest.mark.torch(">=2.8,<2.10")
def test_the_default_could_not_be_told_after_it_was_given_back():
    """In PyTorch 2.8 and 2.9 `get_default_device()` failed after `set_default_device(None)`."""
    torch.set_default_device(None)

    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'device'"):
        torch.get_default_device()


@pytest.mark.torch(">=2.10")
def test_get_default_device_tells_the_default():
    """`torch.get_default_device()` is the device that the next tensor will get."""
    outside = torch.get_default_device()
    with torch.device("meta"):
        inside = torch.get_default_device()

    assert str(outside) == "cpu"
    assert str(inside) == "meta"
