"""Device objects.

A device is named by a type and sometimes an index: `cpu`, `cuda`, `cuda:1`.
`torch.device("cuda:1")` makes an object of that name. Where a function asks for a device, by
`device=` or in `x.to(...)`, it takes the string as well as the object. How tensors are made on a
device and moved there is told in `spec/devices/test_cpu_default.py` and
`spec/devices/test_moving.py`.

What surprises is how little a device object does: it can be made for a GPU that is not there,
making it moves nothing, and it doesn't equal the string that it was made from.
"""

import pytest
import torch


@pytest.mark.claim("blitz-device-object")
def test_a_device_object_names_cuda_without_needing_it():
    """`torch.device("cuda")` makes a device object of type `cuda` with index None, which means the
    current GPU.

    No GPU is needed to make the object (`spec/training/test_on_a_gpu.py`). Making a tensor on it
    without a GPU raises an error (`spec/devices/test_without_cuda.py`).
    """
    device = torch.device("cuda")

    assert device.type == "cuda"
    assert device.index is None


def test_a_number_after_the_colon_is_the_index():
    """`torch.device("cuda:1")` has type `cuda` and index 1, which means the second visible
    GPU, and equals `torch.device("cuda", 1)`.
    """
    device = torch.device("cuda:1")

    assert device.type == "cuda"
    assert device.index == 1
    assert torch.device("cuda", 1) == device


@pytest.mark.claim("blitz-device-object-moves")
def test_making_a_device_object_moves_no_tensor():
    """`device = torch.device("meta")` moves no tensor: a CPU tensor `x` that was made before
    stays on the CPU, and `x.to(device)` returns another tensor on `meta`."""
    x = torch.zeros(2)

    device = torch.device("meta")

    assert str(x.device) == "cpu"
    assert str(x.to(device).device) == "meta"
    assert str(x.device) == "cpu"


def test_a_device_object_and_its_name_are_interchangeable():
    """`torch.zeros(2, device="meta")` and `torch.zeros(2, device=torch.device("meta"))` make
    tensors on the same device."""
    by_name = torch.zeros(2, device="meta")
    by_object = torch.zeros(2, device=torch.device("meta"))

    assert str(by_name.device) == "meta"
    assert by_object.device == by_name.device


def test_a_device_object_does_not_equal_its_name():
    """`x.device == "cpu"` is False for a CPU tensor `x`, because a `torch.device` doesn't equal
    a string.

    No error tells of it. Compare with `torch.device("cpu")`, or write `x.device.type == "cpu"`.
    """
    x = torch.zeros(2)
    same_as_name = x.device == "cpu"

    assert same_as_name is False
    assert x.device == torch.device("cpu")
    assert x.device.type == "cpu"


def test_cuda_and_cuda_0_are_two_names():
    """`torch.device("cuda")` doesn't equal `torch.device("cuda:0")`.

    Because `cuda` means the current GPU, whichever that is. The device of a tensor on a GPU always
    has an index: compare `x.device.type` where the index doesn't matter.
    """
    current = torch.device("cuda")
    first = torch.device("cuda:0")

    assert (current == first) is False
    assert [current.index, first.index] == [None, 0]


def test_the_cpu_has_no_number():
    """`torch.zeros(2, device="cpu:0").device` is `cpu`, without an index, and so doesn't equal
    `torch.device("cpu:0")`; for this reason `x.to("cpu:0")` of a CPU tensor returns a copy.

    There is one CPU for PyTorch, whatever the number of its cores: write "cpu".
    """
    x = torch.zeros(2, device="cpu:0")

    assert str(x.device) == "cpu"
    assert (x.to("cpu") is x) is True
    assert (x.to("cpu:0") is x) is False
    assert x.device.index is None
    assert (x.device == torch.device("cpu:0")) is False


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cpu", "device(type='cpu')"),
        ("cuda", "device(type='cuda')"),
        ("cuda:1", "device(type='cuda', index=1)"),
    ],
)
def test_str_is_the_name_and_repr_spells_it_out(name, text):
    """`str(torch.device("cuda:1"))` is `cuda:1`; its `repr`, which a prompt shows, is
    `device(type='cuda', index=1)`."""
    device = torch.device(name)

    assert str(device) == name
    assert repr(device) == text


def test_a_device_cannot_be_changed():
    """The attributes `type` and `index` of a `torch.device` are read-only: `device.index = 0`
    raises AttributeError, "attribute 'index' of 'torch.device' objects is not writable".

    Make another one: `torch.device("cuda", 0)`.
    """
    device = torch.device("cuda:1")

    with pytest.raises(AttributeError, match=r"of 'torch\.device' objects is not writable"):
        device.index = 0
    with pytest.raises(AttributeError, match=r"of 'torch\.device' objects is not writable"):
        device.type = "cpu"

    assert str(device) == "cuda:1"


@pytest.mark.parametrize("name", ["mps", "xpu", "meta"])
def test_other_kinds_of_device_have_names_of_their_own(name):
    """`torch.device` takes, besides `cpu` and `cuda`, names such as `mps` (the GPU of an Apple
    computer), `xpu` (a GPU made by Intel) and `meta` (tensors there have a shape but no values),
    even on a machine without such a GPU.

    On such a machine an operation on `mps` or `xpu` raises, such as `torch.ones(2, device="xpu")`;
    `meta` works on every machine.
    """
    device = torch.device(name)

    assert str(device) == name
    assert device.index is None


@pytest.mark.parametrize("name", ["gpu", "CPU"])
def test_an_unknown_kind_of_device_is_refused_with_the_known_ones(name):
    """`torch.device("gpu")` and `torch.device("CPU")` raise RuntimeError, "Expected one of cpu,
    cuda, ... device type at start of device string": the message lists the types that PyTorch
    knows.

    An NVIDIA GPU is `cuda`, and the types are written in lower case.
    """
    with pytest.raises(RuntimeError, match=f"Expected one of cpu, cuda, .* device string: {name}"):
        torch.device(name)


def test_an_index_is_a_plain_number():
    """`torch.device("cuda:-1")` and `torch.device("cuda:01")` raise RuntimeError, "Invalid
    device string": an index has neither a sign nor leading zeros.

    GPUs are counted from 0: write `torch.device("cuda:0")` or `torch.device("cuda:1")`.
    """
    with pytest.raises(RuntimeError, match="Invalid device string: 'cuda:-1'"):
        torch.device("cuda:-1")
    with pytest.raises(RuntimeError, match="Invalid device string: 'cuda:01'"):
        torch.device("cuda:01")
