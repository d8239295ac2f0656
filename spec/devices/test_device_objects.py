"""Device objects.

A device is named by a type and perhaps a number: `cpu`, `cuda`, `cuda:1`. A `torch.device` is that
name as an object; a string does as well wherever a device is asked for. The surprise is how little
a device object does: it can be made for a GPU that is not there, and making it moves nothing.
"""

import pytest
import torch


@pytest.mark.claim("blitz-device-object")
def test_a_device_object_names_cuda_without_needing_it():
    """`torch.device("cuda")` has type `cuda` and no number, on a machine with or without CUDA."""
    device = torch.device("cuda")

    assert device.type == "cuda"
    assert device.index is None


def test_a_number_after_the_colon_is_the_index():
    """`cuda:1` is the second GPU, and so is `torch.device("cuda", 1)`."""
    device = torch.device("cuda:1")

    assert device.type == "cuda"
    assert device.index == 1
    assert torch.device("cuda", 1) == device


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cpu", "device(type='cpu')"),
        ("cuda", "device(type='cuda')"),
        ("cuda:1", "device(type='cuda', index=1)"),
    ],
)
def test_str_is_the_name_and_repr_spells_it_out(name, text):
    """`str(device)` gives back the name that made it; a prompt shows type and index."""
    device = torch.device(name)

    assert str(device) == name
    assert repr(device) == text


@pytest.mark.claim("blitz-device-object-moves")
def test_making_a_device_object_moves_no_tensor():
    """Naming a device changes nothing; a call such as `x.to(device)` makes a tensor there."""
    x = torch.zeros(2)

    device = torch.device("meta")

    assert str(x.device) == "cpu"
    assert str(x.to(device).device) == "meta"
    assert str(x.device) == "cpu"


def test_a_device_object_and_its_name_are_interchangeable():
    """Where a device is asked for, `torch.device("meta")` and `"meta"` do the same."""
    by_name = torch.zeros(2, device="meta")
    by_object = torch.zeros(2, device=torch.device("meta"))

    assert str(by_name.device) == "meta"
    assert by_object.device == by_name.device


def test_a_device_object_does_not_equal_its_name():
    """`x.device == "cpu"` is False, always; compare with `torch.device("cpu")` or ask `.type`."""
    x = torch.zeros(2)
    same_as_name = x.device == "cpu"

    assert same_as_name is False
    assert x.device == torch.device("cpu")
    assert x.device.type == "cpu"


def test_cuda_and_cuda_0_are_two_names():
    """`cuda` means the current GPU, whichever that is, so it does not equal `cuda:0`."""
    current = torch.device("cuda")
    first = torch.device("cuda:0")

    assert (current == first) is False
    assert [current.index, first.index] == [None, 0]


def test_the_cpu_has_no_number():
    """There is one CPU: a tensor made on `cpu:0` says it is on `cpu`."""
    x = torch.zeros(2, device="cpu:0")

    assert str(x.device) == "cpu"
    assert x.device.index is None


def test_devices_can_be_keys():
    """Equal device objects find the same entry in a dict."""
    names = {torch.device("cuda:1"): "second GPU"}

    assert names[torch.device("cuda", 1)] == "second GPU"


def test_a_device_cannot_be_changed():
    """The attributes of a device object are read-only."""
    device = torch.device("cuda:1")

    with pytest.raises(AttributeError, match="not writable"):
        device.index = 0

    assert device.index == 1


@pytest.mark.parametrize("name", ["mps", "xpu", "meta"])
def test_other_kinds_of_device_have_names_of_their_own(name):
    """Apple's and Intel's GPUs are `mps` and `xpu`, not `cuda`; `meta` holds no numbers at all."""
    device = torch.device(name)

    assert str(device) == name


def test_an_unknown_kind_of_device_is_refused_with_the_known_ones():
    """There is no device `gpu`; the message lists what there is."""
    with pytest.raises(RuntimeError, match=r"Expected one of cpu, cuda, .* device string: gpu"):
        torch.device("gpu")


def test_device_names_are_written_in_small_letters():
    """`CPU` is no device; `cpu` is."""
    with pytest.raises(RuntimeError, match=r"Expected one of cpu, cuda, .* device string: CPU"):
        torch.device("CPU")


def test_an_index_is_a_plain_number():
    """After the colon stands a number from 0 on, and nothing else."""
    with pytest.raises(RuntimeError, match="Invalid device string: 'cuda:-1'"):
        torch.device("cuda:-1")
