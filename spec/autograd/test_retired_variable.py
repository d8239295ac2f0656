"""`Variable`, retired.

Until release 0.3 there were two classes: a `Tensor` held numbers, and a `Variable` around it
recorded operations and had gradients. Since 0.4 there is one: a tensor with `requires_grad=True`
does both. `torch.autograd.Variable(x)` is still there, so that old programs run; it returns a
plain tensor on the storage of `x`.

What surprises: `Variable(y)` around a tensor that requires grad acts like `y.detach()`, so an old
line can silently stop the gradient. And `volatile=True`, which once switched recording off for
evaluation, is accepted with a warning and does nothing: such a program builds graphs it doesn't
need. In new code leave `Variable` out, and use `torch.no_grad()` for `volatile`, `loss.item()`
for `loss.data[0]` and `x.detach()` for `x.data`.
"""

import pytest
import torch
from torch import nn
from torch.autograd import Variable


@pytest.mark.claim("path-two-core-concepts")
def test_variable_returns_a_plain_tensor():
    """The type of `torch.autograd.Variable(torch.ones(2))` is `torch.Tensor`, and it prints as
    a tensor does, without the word Variable.
    """
    v = Variable(torch.ones(2))

    assert type(v) is torch.Tensor
    assert repr(v) == "tensor([1., 1.])"


def test_every_tensor_counts_as_a_variable():
    """`isinstance(x, torch.autograd.Variable)` is True for a tensor and for an `nn.Parameter`,
    and False for a list.

    So old code that asks before wrapping still works.
    """
    x = torch.ones(2)
    weight = nn.Parameter(torch.ones(2))

    assert isinstance(x, Variable) is True
    assert isinstance(weight, Variable) is True
    assert isinstance(x.tolist(), Variable) is False


@pytest.mark.claim("self-wrap-in-variable", "self-tensor-no-gradients")
def test_a_tensor_has_gradients_without_any_wrapper(device):
    """For `x = torch.tensor([1.0, 2.0], requires_grad=True)`, without a
    `torch.autograd.Variable` around it, `(x * x).sum().backward()` stores the gradient in
    `x.grad`.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True, device=device)
    (x * x).sum().backward()

    assert type(x) is torch.Tensor
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.mark.claim("self-wrap-in-variable")
def test_the_old_floattensor_has_gradients_too():
    """`x = torch.FloatTensor([1.0, 2.0])` makes a float32 `torch.Tensor`; after
    `x.requires_grad_()` it requires grad, and `(x * x).sum().backward()` fills `x.grad`.

    In new code write `torch.tensor`.
    """
    x = torch.FloatTensor([1.0, 2.0]).requires_grad_()
    (x * x).sum().backward()

    assert type(x) is torch.Tensor
    assert x.grad.tolist() == [2.0, 4.0]


@pytest.mark.claim("self-graph-in-background")
def test_a_variable_records_nothing_unless_it_requires_gradients():
    """`Variable(torch.ones(2)) * 2` has no `grad_fn`, and
    `Variable(torch.ones(2), requires_grad=True) * 2` has one: the argument `requires_grad` of
    `torch.autograd.Variable` decides, not the wrapper.

    Nor does the tensor inside decide: `Variable(x) * 2` of `x = torch.ones(2, requires_grad=True)`
    has no `grad_fn`, because `requires_grad` of `Variable` is False by default. Use `x` itself.
    """
    wrapped = Variable(torch.ones(2)) * 2
    tracked = Variable(torch.ones(2), requires_grad=True) * 2
    rewrapped = Variable(torch.ones(2, requires_grad=True)) * 2

    assert wrapped.grad_fn is None
    assert tracked.grad_fn.name() == "MulBackward0"
    assert rewrapped.grad_fn is None


@pytest.mark.claim("self-variable-drop-in")
def test_code_for_tensors_takes_a_variable():
    """`v = torch.autograd.Variable(torch.ones(1, 2))` works where the tensor itself does: in
    `v += 1`, `torch.cat([v, v])`, `v.numpy()` and `nn.Linear(2, 1)(v)`.
    """
    v = Variable(torch.ones(1, 2))
    v += 1
    layer = nn.Linear(2, 1, bias=False)
    nn.init.ones_(layer.weight)

    assert torch.cat([v, torch.zeros(1, 2)]).tolist() == [[2.0, 2.0], [0.0, 0.0]]
    assert v.numpy().tolist() == [[2.0, 2.0]]
    assert layer(v).tolist() == [[4.0]]


@pytest.mark.claim("self-variables-flow")
def test_tensors_go_into_a_model_and_from_layer_to_layer():
    """An `nn.Sequential` of `nn.Linear` and `nn.ReLU` layers takes a plain `torch.Tensor`, and its
    layers pass plain tensors on: the `type` of each input and output is `torch.Tensor`, and
    nothing has to be wrapped in `Variable`.
    """
    seen = []
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    net[1].register_forward_hook(lambda layer, inputs, output: seen.extend([*inputs, output]))
    result = net(torch.ones(1, 2))

    assert [type(tensor).__name__ for tensor in [*seen, result]] == ["Tensor", "Tensor", "Tensor"]


@pytest.mark.claim("summary-variable-cuda")
def test_what_moves_to_a_device_is_the_tensor():
    """For a `batch = torch.ones(2, 3)`, both `batch.to("meta")` and
    `torch.autograd.Variable(batch).to("meta")` return a plain `torch.Tensor` on the device
    meta.
    """
    batch = torch.ones(2, 3)
    moved = batch.to("meta")
    wrapped = Variable(batch).to("meta")

    assert moved.device.type == wrapped.device.type == "meta"
    assert type(moved) is type(wrapped) is torch.Tensor


@pytest.mark.cuda
@pytest.mark.claim("summary-variable-cuda")
def test_what_moves_to_the_gpu_is_the_tensor():
    """After `x = torch.tensor([1.0, 2.0]).cuda().requires_grad_()` and
    `(x * x).sum().backward()`, `x.grad` is a tensor on the GPU with the values 2 and 4.
    """
    x = torch.tensor([1.0, 2.0]).cuda().requires_grad_()
    (x * x).sum().backward()

    assert type(x) is torch.Tensor
    assert x.grad.device.type == "cuda"
    assert x.grad.tolist() == [2.0, 4.0]


def test_variable_shares_the_memory_of_its_tensor():
    """`torch.autograd.Variable(x)` of a dense tensor `x` is a new tensor that shares the
    storage of `x`: writing an element of it changes `x`.
    """
    x = torch.ones(2)
    v = Variable(x)
    v[0] = 5.0

    assert v is not x
    assert x.tolist() == [5.0, 1.0]


def test_a_variable_around_a_tracked_tensor_is_cut_off():
    """With `y = torch.ones(2, requires_grad=True) * 2`, `torch.autograd.Variable(y)` is a
    tensor with `requires_grad` False and `grad_fn` None, like `y.detach()`.

    So an old `Variable(...)` in the middle of a model stops the gradient there: replace the call
    by its argument.
    """
    y = torch.ones(2, requires_grad=True) * 2
    v = Variable(y)

    assert y.requires_grad is True
    assert v.requires_grad is False
    assert v.grad_fn is None


def test_variable_takes_tensors_only():
    """`torch.autograd.Variable([1.0, 2.0])` raises TypeError, "Variable data has to be a
    tensor, but got list"; write `torch.tensor([1.0, 2.0])`.
    """
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got list"):
        Variable([1.0, 2.0])


def test_volatile_is_taken_with_a_warning_and_does_nothing():
    """`v = torch.autograd.Variable(torch.ones(2), volatile=True)` warns that "volatile was removed
    and now has no effect": with grad mode on, `v * w` with `w = torch.ones(2, requires_grad=True)`
    is recorded.

    Use `with torch.no_grad():` instead. Together with `requires_grad=True` it raises
    ValueError.
    """
    w = torch.ones(2, requires_grad=True)

    with pytest.warns(UserWarning, match="volatile was removed and now has no effect"):
        v = Variable(torch.ones(2), volatile=True)
    assert (w * v).requires_grad is True
    with (
        pytest.warns(UserWarning, match="volatile was removed and now has no effect"),
        pytest.raises(ValueError, match="Variable can't be volatile and require_grad at"),
    ):
        Variable(torch.ones(2), volatile=True, requires_grad=True)


def test_the_volatile_attribute_always_reads_false():
    """Reading the attribute `volatile` of a tensor warns and gives False; setting it warns and
    changes nothing.

    In old code `volatile=True` meant that nothing is recorded for gradients: write
    `with torch.no_grad():`. Read `x.requires_grad` to see whether a tensor takes part in
    gradients.
    """
    x = torch.ones(2, requires_grad=True)

    with pytest.warns(UserWarning, match="Variable.volatile is always False"):
        volatile = x.volatile
    with pytest.warns(UserWarning, match="volatile was removed and now has no effect"):
        x.volatile = True
    assert volatile is False
    assert x.requires_grad is True


def test_creator_became_grad_fn():
    """Reading the attribute `creator` of a tensor raises AttributeError; read `grad_fn` instead.

    The first releases had the node of a `Variable` under the name `creator`.
    """
    y = torch.ones(2, requires_grad=True) * 2

    assert y.grad_fn.name() == "MulBackward0"
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'creator'"):
        _ = y.creator


@pytest.mark.claim("course-backward-compatible")
def test_the_loss_is_read_with_item_and_no_longer_by_an_index():
    """`loss.data[0]` raises IndexError for a loss of shape `()`, as `F.mse_loss` returns by
    default; write `loss.item()`.

    Before 0.4 there were no 0-d tensors, and a loss had one element to index.
    """
    loss = nn.functional.mse_loss(torch.ones(2), torch.zeros(2))

    assert loss.item() == 1.0
    assert loss.shape == ()
    with pytest.raises(IndexError, match=r"invalid index of a 0-dim tensor. Use `tensor\.item"):
        loss.data[0]
