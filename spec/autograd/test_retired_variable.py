"""Variable, retired.

Until release 0.3 there were two kinds of arrays: a `Tensor` held numbers, and a `Variable` around
it had gradients. Since 0.4 there is one. A tensor tracks itself, and `Variable(...)` is a call that
returns a plain tensor, kept so that old programs still run.

They do run, with two traps. A `Variable` around a tracked tensor is not tracked. And the old
`volatile=True` is taken with a warning and does nothing at all.
"""

import pytest
import torch
from torch import nn
from torch.autograd import Variable


@pytest.mark.claim("path-two-core-concepts")
def test_variable_returns_a_plain_tensor():
    """There is one concept left: `Variable(x)` is a `torch.Tensor`, and prints as one."""
    v = Variable(torch.ones(2))

    assert type(v) is torch.Tensor
    assert repr(v) == "tensor([1., 1.])"


def test_every_tensor_counts_as_a_variable():
    """`isinstance(x, Variable)` is True of any tensor, so old code that asks still works."""
    x = torch.ones(2)
    weight = nn.Parameter(torch.ones(2))

    assert isinstance(x, Variable) is True
    assert isinstance(weight, Variable) is True
    assert isinstance(x.tolist(), Variable) is False


@pytest.mark.claim("self-wrap-in-variable", "self-tensor-no-gradients")
def test_a_tensor_has_gradients_without_any_wrapper(device):
    """A plain tensor with `requires_grad=True` gets its gradient from `backward()`."""
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    (x * x).sum().backward()

    assert type(x) is torch.Tensor
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.mark.claim("self-wrap-in-variable")
def test_the_old_floattensor_has_gradients_too():
    """`torch.FloatTensor` makes the same tensors, and they can be tracked like any other."""
    x = torch.FloatTensor([1.0, 2.0]).requires_grad_()
    (x * x).sum().backward()

    assert type(x) is torch.Tensor
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.mark.claim("self-graph-in-background")
def test_a_variable_records_nothing_unless_it_requires_gradients():
    """It is `requires_grad=True` that records the steps; the wrapper alone does not."""
    wrapped = Variable(torch.ones(2)) * 2
    tracked = Variable(torch.ones(2), requires_grad=True) * 2

    assert wrapped.grad_fn is None
    assert tracked.grad_fn.name() == "MulBackward0"


@pytest.mark.claim("self-one-backward-all")
def test_one_backward_gives_no_gradient_to_a_variable_in_between():
    """One pass reaches every tracked leaf; results between, and plain Variables, get nothing."""
    x = Variable(torch.tensor(2.0), requires_grad=True)
    w = Variable(torch.tensor(3.0), requires_grad=True)
    plain = Variable(torch.tensor(4.0))
    between = x * w
    (between * plain).backward()

    assert (x.grad.item(), w.grad.item()) == (12.0, 8.0)
    assert plain.grad is None
    with pytest.warns(UserWarning, match="not a leaf Tensor"):
        assert between.grad is None


@pytest.mark.claim("self-variable-drop-in")
def test_code_for_tensors_takes_a_variable():
    """Where a tensor goes a `Variable` goes: arithmetic, in-place writes, NumPy, layers."""
    v = Variable(torch.ones(1, 2))
    v += 1
    layer = nn.Linear(2, 1, bias=False)
    nn.init.ones_(layer.weight)

    assert torch.cat([v, torch.zeros(1, 2)]).tolist() == [[2.0, 2.0], [0.0, 0.0]]
    assert v.numpy().tolist() == [[2.0, 2.0]]
    assert layer(v).tolist() == [[4.0]]


@pytest.mark.claim("self-variables-flow")
def test_tensors_go_into_a_model_and_from_layer_to_layer():
    """A model takes plain tensors, and plain tensors are what its layers hand on."""
    seen = []
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    net[1].register_forward_hook(lambda layer, inputs, output: seen.extend([*inputs, output]))
    result = net(torch.ones(1, 2))

    assert [type(tensor).__name__ for tensor in [*seen, result]] == ["Tensor", "Tensor", "Tensor"]


@pytest.mark.claim("summary-variable-cuda")
def test_what_moves_to_a_device_is_the_tensor():
    """`to(device)` moves tensors; nothing has to be wrapped before or after."""
    batch = torch.ones(2, 3)
    moved = batch.to("meta")
    wrapped = Variable(batch).to("meta")

    assert moved.device.type == wrapped.device.type == "meta"
    assert type(moved) is type(wrapped) is torch.Tensor


@pytest.mark.cuda
@pytest.mark.claim("summary-variable-cuda")
def test_what_moves_to_the_gpu_is_the_tensor():
    """`x.cuda()` moves a plain tensor, which is tracked on the GPU as it is elsewhere."""
    x = torch.tensor([1.0, 2.0]).cuda().requires_grad_()
    (x * x).sum().backward()

    assert type(x) is torch.Tensor
    assert x.grad.device.type == "cuda"
    assert x.grad.tolist() == [2.0, 4.0]


def test_variable_shares_the_memory_of_its_tensor():
    """`Variable(x)` is a new object on the memory of `x`: a write shows on both sides."""
    x = torch.ones(2)
    v = Variable(x)
    v[0] = 5.0

    assert v is not x
    assert x.tolist() == [5.0, 1.0]


def test_a_variable_around_a_tracked_tensor_is_cut_off():
    """`Variable(y)` acts like `y.detach()`: the history stays with `y`."""
    y = torch.ones(2, requires_grad=True) * 2
    v = Variable(y)

    assert y.requires_grad is True
    assert v.requires_grad is False
    assert v.grad_fn is None


def test_variable_takes_tensors_only():
    """A list or a number has to be made a tensor first."""
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got list"):
        Variable([1.0, 2.0])


def test_volatile_is_taken_with_a_warning_and_does_nothing():
    """`volatile=True` once switched recording off; now everything is recorded as without it."""
    w = torch.ones(2, requires_grad=True)

    with pytest.warns(UserWarning, match="volatile was removed and now has no effect"):
        v = Variable(torch.ones(2), volatile=True)
    assert (w * v).requires_grad is True


def test_no_grad_took_the_place_of_volatile():
    """What `volatile` did for whatever it touched, `no_grad` does for a block of code."""
    w = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        y = w * Variable(torch.ones(2))

    assert y.requires_grad is False


def test_the_volatile_attribute_always_reads_false():
    """Reading `x.volatile` warns and says False; setting it warns and changes nothing."""
    x = torch.ones(2, requires_grad=True)

    with pytest.warns(UserWarning, match="Variable.volatile is always False"):
        volatile = x.volatile
    with pytest.warns(UserWarning, match="volatile was removed and now has no effect"):
        x.volatile = True
    assert volatile is False
    assert x.requires_grad is True


def test_creator_became_grad_fn():
    """The oldest name of the link to the graph, `creator`, is gone; `grad_fn` is there."""
    y = torch.ones(2, requires_grad=True) * 2

    assert y.grad_fn.name() == "MulBackward0"
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'creator'"):
        _ = y.creator


def test_data_no_longer_unwraps_anything():
    """`.data` once took the tensor out of its Variable; now it is an untracked alias."""
    x = torch.ones(2, requires_grad=True)

    assert type(x.data) is type(x) is torch.Tensor
    assert x.data.data_ptr() == x.data_ptr()
    assert x.data.requires_grad is False


def test_the_loss_is_read_with_item_and_no_longer_by_an_index():
    """A loss has no axis to index, so the old `loss.data[0]` fails; `loss.item()` is the number."""
    loss = nn.functional.mse_loss(torch.ones(2), torch.zeros(2))

    assert loss.item() == 1.0
    assert loss.shape == ()
    with pytest.raises(IndexError, match=r"invalid index of a 0-dim tensor. Use `tensor\.item"):
        loss.data[0]
