"""Buffers.

Some tensors belong to a module but are not learnt: the running mean of a BatchNorm, a mask, a
table of positions. Registered by `register_buffer`, such a tensor is saved in `state_dict()`,
moved by `to(device)` and, if it is floating-point, cast by `double()` or `half()`; `parameters()`
does not yield it, so that an optimizer made of them leaves it alone. With `persistent=False` it
is not saved.

What surprises: a buffer is not frozen. It may be assigned anew, changed in place by `forward`,
and integer buffers keep their dtype under `double()`, `half()` and `to(dtype)`. A plain tensor as
attribute is no buffer: `spec/nn/test_parameters.py`.
"""

import pytest
import torch
from torch import nn


def test_a_buffer_is_saved_and_cast_and_not_learnt(device):
    """A float32 tensor registered by `register_buffer(name, tensor)` is in `state_dict()`, moves
    with the module's `to(device)` and is cast by its `double()`; `parameters()` does not yield it.
    """
    net = nn.Module()
    net.register_buffer("mean", torch.zeros(2))
    net.to(device).double()

    assert list(net.state_dict()) == ["mean"]
    assert [name for name, _ in net.named_buffers()] == ["mean"]
    assert list(net.parameters()) == []
    assert net.mean.requires_grad is False
    assert net.mean.dtype == torch.float64
    assert net.mean.device.type == device


def test_a_buffer_and_a_parameter_differ_in_being_learnt():
    """On `net = nn.Module()`, `net.register_buffer("mean", torch.zeros(2))` and
    `net.register_parameter("weight", nn.Parameter(torch.zeros(2)))` put both into
    `state_dict()`; only `weight` requires grad and is in `parameters()`.
    """
    net = nn.Module()
    net.register_buffer("mean", torch.zeros(2))
    net.register_parameter("weight", nn.Parameter(torch.zeros(2)))

    assert sorted(net.state_dict()) == ["mean", "weight"]
    assert [name for name, _ in net.named_parameters()] == ["weight"]
    assert (net.weight.requires_grad, net.mean.requires_grad) == (True, False)


def test_casting_a_module_leaves_integer_buffers():
    """`module.double()` casts float32 buffers of a module to float64 and leaves int64 and bool
    buffers as they are.

    Because a count or a mask has no use for fractions: BatchNorm's `num_batches_tracked` stays
    int64.
    """
    net = nn.Module()
    net.register_buffer("mean", torch.zeros(2))
    net.register_buffer("count", torch.tensor(3))
    net.register_buffer("mask", torch.tensor([True, False]))
    net.double()

    assert net.mean.dtype == torch.float64
    assert net.count.dtype == torch.int64
    assert net.mask.dtype == torch.bool


def test_batch_norm_has_two_parameters_and_three_buffers():
    """By default the weight and bias of `nn.BatchNorm1d` are parameters; its `running_mean`,
    `running_var` and `num_batches_tracked` are buffers.

    An optimizer updates the first two; in train mode the layer itself updates the buffers, see
    `spec/nn/test_batch_norm.py`.
    """
    layer = nn.BatchNorm1d(4)

    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    assert [name for name, _ in layer.named_buffers()] == [
        "running_mean",
        "running_var",
        "num_batches_tracked",
    ]


def test_a_buffer_that_is_not_persistent_is_not_saved():
    """A float32 buffer registered with `register_buffer(name, tensor, persistent=False)`
    is cast by the module's `double()` and moved by its `to(device)` like other buffers,
    but its `state_dict()` leaves the buffer out.

    It is meant for tensors that `__init__` can compute again, such as a table of positions. As a
    plain attribute the table would stay on the CPU when the module moves; as an `nn.Parameter` it
    would be in `parameters()` and in `state_dict()`.
    """
    net = nn.Module()
    net.register_buffer("kept", torch.zeros(1))
    net.register_buffer("made_again", torch.zeros(1), persistent=False)
    net.double().to("meta")

    assert list(net.state_dict()) == ["kept"]
    assert net.made_again.dtype == torch.float64
    assert net.made_again.is_meta is True


@pytest.mark.torch(">=2.5")
def test_a_buffer_can_be_registered_by_assignment():
    """Since PyTorch 2.5 assigning `nn.Buffer(tensor)` to a new attribute of an `nn.Module`
    registers a buffer, as assigning an `nn.Parameter` registers a parameter.
    """
    net = nn.Module()
    net.mean = nn.Buffer(torch.zeros(2))
    net.made_again = nn.Buffer(torch.ones(2), persistent=False)

    assert [name for name, _ in net.named_buffers()] == ["mean", "made_again"]
    assert list(net.state_dict()) == ["mean"]


def test_a_tensor_may_be_assigned_to_a_buffer():
    """To an attribute `mean` registered by `register_buffer` one may assign a plain tensor, even of
    another shape; a list raises TypeError, "cannot assign 'list' as buffer 'mean'".

    Write `torch.tensor(numbers)` for a list. A parameter, in contrast, takes no plain tensor:
    `spec/nn/test_parameters.py`.
    """
    net = nn.Module()
    net.register_buffer("mean", torch.zeros(2))
    net.mean = torch.ones(3)

    assert net.state_dict()["mean"].tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(TypeError, match="cannot assign 'list' as buffer 'mean'"):
        net.mean = [1.0, 1.0, 1.0]


def test_a_buffer_is_a_tensor_from_the_start():
    """`register_buffer` raises TypeError for a list, and KeyError for a name that the module uses
    for something else, such as a parameter's; pass `torch.tensor(...)` and a new name.
    """
    layer = nn.Linear(2, 1)

    with pytest.raises(TypeError, match="cannot assign 'list' object to buffer 'table'"):
        layer.register_buffer("table", [1.0, 2.0])
    with pytest.raises(KeyError, match="attribute 'weight' already exists"):
        layer.register_buffer("weight", torch.ones(2))
    layer.register_buffer("table", torch.tensor([1.0, 2.0]))

    assert list(layer.state_dict()) == ["weight", "bias", "table"]
