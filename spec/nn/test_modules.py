"""Modules: writing a network as a class.

A network is an object of a class derived from `nn.Module`. Its `__init__` calls
`super().__init__()` and assigns the layers to attributes; its `forward` says what is computed
from the input. One calls the module itself, `net(x)`, which runs `forward`. Autograd records the
operations in it, so that a module needs no method for its gradients. Assigning a layer to a name
of `self` registers it: the module can then list its parameters, print them, move and save them
(`spec/nn/test_module_trees.py`, `spec/nn/test_parameters.py`).

What surprises: most mistakes are found later than they are made. A misspelt `forward` is reported
when the module is called, a missing `super().__init__()` when the first layer is assigned, and a
missing `return` not at all.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim("blitz-module-holds-layers")
def test_a_module_holds_layers_and_calling_it_returns_what_forward_returns(device):
    """Without hooks, `net(x)` of an `nn.Module` calls `net.forward(x)` and returns its
    result; the layers that `__init__` assigns to attributes of `net` are its children.

    Because `nn.Module` defines `__call__`, which runs hooks and `forward`:
    `spec/nn/test_hooks.py`.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(2, 2, bias=False, device=device)
            self.last = nn.Linear(2, 1, bias=False, device=device)

        def forward(self, x):
            return self.last(self.first(x))

    net = Net()
    net.first.weight.data = torch.tensor([[1.0, 0.0], [0.0, 2.0]], device=device)
    net.last.weight.data = torch.tensor([[10.0, 100.0]], device=device)

    assert net(torch.tensor([3.0, 4.0], device=device)).tolist() == [830.0]
    assert [name for name, _ in net.named_children()] == ["first", "last"]


@pytest.mark.claim("summary-define-then-forward")
def test_building_a_net_runs_nothing_and_calling_it_builds_nothing():
    """`net = Net()` of a subclass of `nn.Module` runs its `__init__` once; each call `net(x)` runs
    its `forward`, which uses again the layer that `__init__` made, such as
    `self.fc = nn.Linear(2, 1)`.
    """
    events = []

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 1)
            events.append("defined")

        def forward(self, x):
            events.append("run")
            return self.fc(x)

    net = Net()
    net(torch.ones(2))
    net(torch.ones(2))

    assert events == ["defined", "run", "run"]


@pytest.mark.claim("summary-autograd-and-nn")
def test_a_module_is_ordinary_tensor_arithmetic_recorded_by_autograd(device):
    """`nn.Linear(2, 1)` gives, up to rounding, the same result and gradients as
    `x @ weight.T + bias` written by hand with tensors of the same values that require grad.

    Because a module keeps the parameters and calls ordinary tensor operations, which autograd
    records.
    """
    layer = nn.Linear(2, 1, device=device)
    weight = torch.tensor([[3.0, 4.0]], requires_grad=True, device=device)
    bias = torch.tensor([1.0], requires_grad=True, device=device)
    layer.load_state_dict({"weight": weight, "bias": bias})
    x = torch.tensor([10.0, 100.0], device=device)
    by_layer, by_hand = layer(x), x @ weight.T + bias
    by_layer.backward()
    by_hand.backward()

    assert by_layer.tolist() == by_hand.tolist() == [431.0]
    assert layer.weight.grad.tolist() == weight.grad.tolist() == [[10.0, 100.0]]
    assert layer.bias.grad.tolist() == bias.grad.tolist() == [1.0]


@pytest.mark.claim("blitz-backward-automatic")
def test_backward_needs_no_method_of_its_own(device):
    """A subclass of `nn.Module` needs no method `backward`: where `forward` returns
    `self.scale * x * x`, `net(x).backward()` of a 0-d float32 tensor `x` fills the `.grad` of the
    0-d `nn.Parameter` `scale`.

    `nn.Module` has no method `backward`: `net.backward()` raises AttributeError; call
    `loss.backward()`.
    """

    class Square(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(5.0, device=device))

        def forward(self, x):
            return self.scale * x * x

    net = Square()
    net(torch.tensor(3.0, device=device)).backward()

    assert net.scale.grad.item() == 9.0
    with pytest.raises(AttributeError, match="'Square' object has no attribute 'backward'"):
        net.backward()


@pytest.mark.claim("blitz-forward-any-op")
def test_any_tensor_operation_goes_inside_forward(device):
    """`forward` of an `nn.Module` may call tensor operations that are no layers: for float32
    tensors gradients pass through `sort().values`, slicing, `torch.stack` and `sum` to the
    parameters.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0, device=device))

        def forward(self, x):
            largest = (x * self.scale).sort(descending=True).values[:2]
            return torch.stack([largest.sin() * 0, largest]).sum()

    net = Net()
    y = net(torch.tensor([3.0, 1.0, 4.0], device=device))
    y.backward()

    assert y.item() == 14.0
    assert net.scale.grad.item() == 7.0


def test_an_operation_outside_autograd_cuts_the_gradients_off():
    """A `forward` that returns `argmax` of its scores gives an int64 tensor that does not require
    grad: no gradient reaches the parameters.

    Return the scores, compute the loss from them, and call `scores.argmax(-1)` outside to get the
    class index of each sample.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 3)

        def forward(self, x):
            return self.fc(x).argmax()

    y = Net()(torch.ones(2))

    assert y.dtype == torch.int64
    assert y.requires_grad is False


@pytest.mark.claim("self-regression-module")
def test_a_small_module_learns_a_parabola():
    """After `torch.manual_seed(0)`, `nn.Linear(1, 8)`, tanh and `nn.Linear(8, 1)`, trained
    on 21 points of `x * x` from -1 to 1 by 500 steps of plain gradient descent on
    `F.mse_loss`, at rate 0.2, give `x * x` at -1, 0 and 1 to within 0.15.

    Each step takes all the points. Other seeds end about as near; with learning rate 0.5
    some end in NaN. The last layer of a regression usually has no activation, because a
    target may be any real number.
    """

    class Regression(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden = nn.Linear(1, 8)
            self.predict = nn.Linear(8, 1)

        def forward(self, x):
            return self.predict(torch.tanh(self.hidden(x)))

    net = Regression()
    x = torch.linspace(-1, 1, 21).unsqueeze(1)
    for _ in range(500):
        loss = F.mse_loss(net(x), x * x)
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= 0.2 * parameter.grad

    outputs = net(torch.tensor([[-1.0], [0.0], [1.0]])).flatten()
    assert outputs.tolist() == pytest.approx([1.0, 0.0, 1.0], abs=0.15)


def test_extra_repr_adds_words_to_the_print():
    """For a class `Scale(nn.Module)` whose `extra_repr()` returns the string "factor=3", `repr` of
    an object without children is `Scale(factor=3)`.

    Override `extra_repr` to show settings of your own layers, as `nn.Linear` shows its sizes.
    """

    class Scale(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor

        def extra_repr(self):
            return f"factor={self.factor}"

    assert repr(Scale(3)) == "Scale(factor=3)"
    assert repr(nn.Sequential(Scale(3))) == "Sequential(\n  (0): Scale(factor=3)\n)"


def test_print_shows_the_layers_and_no_shapes():
    """`print(net)` of an `nn.Sequential` of `nn.Linear` and `nn.ReLU` shows the tree of layers
    with settings such as `in_features=2`, but neither the output shapes nor the number of
    parameters, `sum(p.numel() for p in net.parameters())`.

    Because shapes are known only once the model has run. A summary as in Keras, with shapes, is
    made by the package `torchinfo`, which runs the model on an input.
    """
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())

    assert str(net).splitlines() == [
        "Sequential(",
        "  (0): Linear(in_features=2, out_features=3, bias=True)",
        "  (1): ReLU()",
        ")",
    ]
    assert sum(p.numel() for p in net.parameters()) == 9


@pytest.mark.claim("blitz-super-two-argument")
def test_both_spellings_of_super_work():
    """`super(Net, self).__init__()`, the spelling of Python 2, initialises an `nn.Module` just as
    `super().__init__()` does: layers assigned after it are registered.
    """

    class Old(nn.Module):
        def __init__(self):
            super(Old, self).__init__()  # noqa: UP008
            self.fc = nn.Linear(2, 1)

    class New(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 1)

    assert [name for name, _ in Old().named_parameters()] == ["fc.weight", "fc.bias"]
    assert [name for name, _ in New().named_parameters()] == ["fc.weight", "fc.bias"]


def test_without_super_init_no_layer_can_be_assigned():
    """Assigning a layer to an attribute of an `nn.Module` before `nn.Module.__init__` has run, as
    where `__init__` omits `super().__init__()`, raises AttributeError, "cannot assign module
    before Module.__init__() call".

    Because assigning a layer writes into a dictionary that `nn.Module.__init__` creates: make
    `super().__init__()` the first line.
    """

    class Net(nn.Module):
        def __init__(self):
            self.fc = nn.Linear(2, 1)

    class NetWithoutSuper(nn.Module):
        def __init__(self):
            nn.Module.__init__(self)
            self.fc = nn.Linear(2, 1)

    children = [name for name, _ in NetWithoutSuper().named_children()]

    with pytest.raises(AttributeError, match=r"cannot assign module before Module.__init__\(\)"):
        Net()
    assert children == ["fc"]


def test_super_init_after_the_first_layer_is_too_late():
    """Assigning an `nn.Parameter` to an attribute of an `nn.Module` before
    `super().__init__()` raises AttributeError, "cannot assign parameters before
    Module.__init__() call", even if the call follows.

    Make `super().__init__()` the first line: it has to come before the first layer, parameter and
    buffer.
    """

    class Net(nn.Module):
        def __init__(self):
            self.scale = nn.Parameter(torch.ones(1))
            super().__init__()

    with pytest.raises(
        AttributeError, match=r"cannot assign parameters before Module.__init__\(\) call"
    ):
        Net()


def test_a_module_of_plain_attributes_without_super_init_fails_when_called():
    """An `nn.Module` whose attributes are plain, such as a number, can be built without
    `super().__init__()`; calling it raises AttributeError, "object has no attribute
    '_backward_hooks'".

    Plain attributes, such as numbers, need no registration, so that the mistake shows only later:
    in a call, which looks for hooks, or in `parameters()`.
    """

    class Double(nn.Module):
        def __init__(self):
            self.factor = 2

        def forward(self, x):
            return x * self.factor

    net = Double()

    assert net.factor == 2
    with pytest.raises(AttributeError, match="'Double' object has no attribute '_backward_hooks'"):
        net(torch.ones(2))


@pytest.mark.claim("blitz-forward-required")
def test_a_module_without_forward_cannot_be_called():
    """`net = Net()` of a `class Net(nn.Module)` without `forward` works, but `net(x)`
    raises NotImplementedError, 'Module [Net] is missing the required "forward" function'.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 1)

    net = Net()

    assert len(list(net.parameters())) == 2
    with pytest.raises(
        NotImplementedError, match=r'Module \[Net\] is missing the required "forward" function'
    ):
        net(torch.ones(2))


def test_a_misspelt_forward_is_a_missing_one():
    """A direct subclass of `nn.Module` that defines `foward` instead of `forward` raises
    NotImplementedError when it is called as `net(x)`, 'missing the required "forward"
    function'.

    Python can't know that `foward` was meant; compare the method's name when this error comes.
    A subclass of a layer, such as `nn.Linear`, runs the layer's own `forward` instead.
    """

    class Net(nn.Module):
        def foward(self, x):
            return x

    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        Net()(torch.ones(2))


def test_forward_without_self_counts_the_module_as_an_argument():
    """An `nn.Module` whose `forward` is an ordinary method `def forward(x)`, declared
    without `self`, raises TypeError when it is called as `net(x)`, "takes 1 positional
    argument but 2 were given".

    Because Python passes the module itself as the first argument: write `def forward(self, x)`.
    """

    class Net(nn.Module):
        def forward(x):
            return x

    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        Net()(torch.ones(2))


def test_a_forward_without_return_answers_none():
    """If the `forward` of an `nn.Module` without hooks has no `return`, `y = net(x)` is None, and
    the missing `return` itself raises nothing; `y.sum()` then raises AttributeError, "'NoneType'
    object has no attribute 'sum'".

    Where the last line of `forward` is `self.fc(x)`, write `return self.fc(x)`.
    """

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 1)

        def forward(self, x):
            self.fc(x)

    y = Net()(torch.ones(2))

    assert y is None
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'sum'"):
        y.sum()


def test_a_layer_made_inside_forward_is_forgotten():
    """An `nn.Linear` that a module's `forward` creates and keeps in no attribute is a new
    layer with new random weights at each call. The module's `parameters()` doesn't list it,
    so an optimizer made from them does not train it.

    Create layers in `__init__` and only use them in `forward`. `self.fc = nn.Linear(2, 1)` in
    `forward` is listed after the first call, but replaced by a new layer at each call.
    """

    class Net(nn.Module):
        def forward(self, x):
            return nn.Linear(2, 1)(x)

    net = Net()
    x = torch.ones(2)

    assert list(net.parameters()) == []
    assert torch.equal(net(x), net(x)) is False
