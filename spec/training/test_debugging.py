"""Debugging a net that does not learn.

Most faults of a net are silent: it runs, prints losses, and learns nothing. A few questions find
most of them. Which shapes, dtypes and devices meet? Where is the first NaN? Which parameter has no
gradient, which one does not move? Can the net learn one batch by heart? And where PyTorch does stop
with an error, which words to look for.
"""

import math
import re
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_hooks_print_the_shape_after_every_layer():
    """A forward hook on each layer tells how the shape changes on its way through."""
    net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.MaxPool2d(2), nn.Flatten())
    shapes = []
    for layer in net:
        layer.register_forward_hook(lambda module, args, output: shapes.append(list(output.shape)))
    net(torch.zeros(1, 3, 32, 32))

    assert shapes == [[1, 6, 28, 28], [1, 6, 14, 14], [1, 1176]]


def test_a_parameter_tells_its_shape_dtype_and_device(device):
    """The first three things to print of every parameter, and of the input beside it."""
    net = nn.Linear(2, 3, device=device, dtype=torch.float64)
    told = [(name, list(p.shape), p.dtype) for name, p in net.named_parameters()]

    assert told == [("weight", [3, 2], torch.float64), ("bias", [3], torch.float64)]
    assert {p.device.type for p in net.parameters()} == {device}


def test_a_layer_of_the_wrong_size():
    """The message gives both shapes: the input is 2 by 3, the weight, turned, 4 by 1."""
    layer = nn.Linear(4, 1)

    with pytest.raises(RuntimeError, match=re.escape("cannot be multiplied (2x3 and 4x1)")):
        layer(torch.zeros(2, 3))


def test_a_picture_with_too_few_channels():
    """A convolution says how many channels it wants and how many it got."""
    layer = nn.Conv2d(3, 6, 5)

    with pytest.raises(RuntimeError, match="to have 3 channels, but got 1 channels instead"):
        layer(torch.zeros(1, 1, 32, 32))


@pytest.mark.parametrize(("dtype", "got"), [(torch.float64, "Double"), (torch.int64, "Long")])
@pytest.mark.torch(">=2.1")
def test_an_input_of_another_dtype(dtype, got):
    """NumPy's doubles and whole numbers meet a net of floats: `float()` converts them."""
    layer = nn.Linear(2, 1)
    x = torch.ones(2, 2, dtype=dtype)

    with pytest.raises(RuntimeError, match=f"must have the same dtype, but got {got} and Float"):
        layer(x)
    assert layer(x.float()).dtype == torch.float32


def test_a_list_is_no_input():
    """A net takes tensors; the message names what it got instead."""
    layer = nn.Linear(2, 1)

    with pytest.raises(TypeError, match="must be Tensor, not list"):
        layer([1.0, 2.0])


@pytest.mark.parametrize(("label", "words"), [(3, "Target 3 is out of"), (-1, "Target -1 is out")])
def test_a_label_beyond_the_classes(label, words):
    """Three classes are 0, 1 and 2: labels counted from 1, or -1 for "none", are out of bounds."""
    with pytest.raises(IndexError, match=words):
        F.cross_entropy(torch.zeros(1, 3), torch.tensor([label]))


def test_labels_in_a_column():
    """Labels of shape (2, 1) are refused: `squeeze(1)` makes a row of numbers of them."""
    scores, labels = torch.zeros(2, 3), torch.tensor([[0], [2]])

    with pytest.raises(RuntimeError, match="target tensor expected, multi-target not supported"):
        F.cross_entropy(scores, labels)
    assert F.cross_entropy(scores, labels.squeeze(1)).item() == pytest.approx(math.log(3))


def test_a_loss_module_called_too_soon():
    """`nn.MSELoss(x, y)` builds a loss and takes the tensors for settings: call what it builds."""
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0])

    with pytest.raises(RuntimeError, match="Boolean value of Tensor with more than one value"):
        nn.MSELoss(x, y)
    assert nn.MSELoss()(x, y).item() == 2.0


def test_a_target_of_another_shape_is_broadcast():
    """Answers of shape (2, 1) and targets of (2,) make four differences; only a warning says so."""
    answers, targets = torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 3.0])

    with pytest.warns(UserWarning, match="Using a target size"):
        loss = F.mse_loss(answers, targets)

    assert loss.item() == 2.0
    assert F.mse_loss(answers.squeeze(1), targets).item() == 0.0


def test_a_softmax_before_cross_entropy_keeps_the_loss_up():
    """`cross_entropy` has its own softmax; after another one a perfect answer still loses 0.55."""
    scores, label = torch.tensor([[100.0, 0.0, 0.0]]), torch.tensor([0])

    assert F.cross_entropy(scores, label).item() == 0.0
    assert F.cross_entropy(scores.softmax(1), label).item() == pytest.approx(0.5514, abs=1e-4)


def test_the_first_loss_of_a_classifier_is_the_logarithm_of_its_classes():
    """A net that knows nothing yet loses about ln 10 among ten classes: far more is a fault."""
    net = nn.Linear(20, 10)
    loss = F.cross_entropy(net(torch.randn(500, 20)), torch.arange(10).repeat(50))

    assert loss.item() == pytest.approx(2.303, abs=0.2)


def test_one_batch_can_be_learned_by_heart():
    """A sound net brings the loss on one small batch near 0; one that cannot has a fault."""
    net = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    x, labels = torch.randn(6, 4), torch.tensor([0, 1, 2, 2, 1, 0])
    for _ in range(200):
        optimizer.zero_grad()
        F.cross_entropy(net(x), labels).backward()
        optimizer.step()

    assert F.cross_entropy(net(x), labels).item() == pytest.approx(0.0, abs=0.05)
    assert net(x).argmax(1).tolist() == [0, 1, 2, 2, 1, 0]


def test_a_net_cut_in_two_cannot_learn_one_batch():
    """A `detach()` on the way leaves the layers before it as they were; their `.grad` is None."""
    first, last = nn.Linear(2, 2), nn.Linear(2, 1)
    last(first(torch.ones(1, 2)).detach()).sum().backward()
    without = [name for name, p in nn.Sequential(first, last).named_parameters() if p.grad is None]

    assert without == ["0.weight", "0.bias"]


def test_a_dead_relu_has_gradients_of_zero():
    """Not None but 0: a ReLU that is below zero for every input lets no gradient pass."""
    layer = nn.Linear(1, 1)
    nn.init.ones_(layer.weight)
    nn.init.constant_(layer.bias, -10.0)
    layer(torch.tensor([[1.0], [2.0]])).relu().sum().backward()

    assert layer.weight.grad.tolist() == [[0.0]]
    assert layer.bias.grad.tolist() == [0.0]


def test_a_layer_kept_in_a_plain_list_is_no_parameter():
    """What `named_parameters()` does not name is not trained: layers in a list are missing."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(1, 1)
            self.others = [nn.Linear(1, 1)]

    assert [name for name, _ in Net().named_parameters()] == ["first.weight", "first.bias"]


def test_a_nan_is_found_by_isnan_not_by_equality():
    """NaN equals nothing, itself included; `isnan`, or `isfinite` for infinity too, finds it."""
    x = torch.tensor([1.0, math.nan, math.inf])

    assert (x == math.nan).tolist() == [False, False, False]
    assert x.isnan().tolist() == [False, True, False]
    assert x.isfinite().tolist() == [True, False, False]


def test_one_nan_spoils_every_answer():
    """One NaN in a batch, one step, and the weight that it met is NaN: so is every later answer."""
    net = nn.Linear(2, 1)
    loss = net(torch.tensor([[1.0, 2.0], [math.nan, 4.0]])).mean()
    loss.backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()

    assert math.isnan(loss.item()) is True
    assert net.weight.isnan().tolist() == [[True, False]]
    assert net(torch.ones(3, 2)).isnan().tolist() == [[True], [True], [True]]


def test_hooks_find_the_first_layer_with_a_nan():
    """A hook that asks each output for NaN names the layer where it began."""
    net = nn.Sequential(nn.Identity(), nn.Linear(1, 1), nn.ReLU())
    nn.init.constant_(net[1].weight, math.inf)
    bad = []
    for name, layer in net.named_children():
        layer.register_forward_hook(
            lambda module, args, output, name=name: bad.append((name, output.isnan().any().item()))
        )
    net(torch.zeros(1, 1))

    assert bad == [("0", False), ("1", True), ("2", True)]


def test_a_nan_of_the_gradient_alone():
    """The root of 0 is 0, its slope is not: the loss looks well while a gradient is lost."""
    w = torch.tensor([0.0], requires_grad=True)
    loss = (w * w).sqrt().sum()
    loss.backward()

    assert loss.item() == 0.0
    assert w.grad.isnan().tolist() == [True]


def test_anomaly_mode_names_the_operation_that_made_it():
    """The root of 0 is infinitely steep, and 0 times infinity is NaN: anomaly mode says where."""
    w = torch.tensor([0.0], requires_grad=True)

    with warnings.catch_warnings(action="ignore"), torch.autograd.detect_anomaly():
        loss = (w * w).sqrt().sum()
        with pytest.raises(RuntimeError, match="Function 'MulBackward0' returned nan values"):
            loss.backward()


def test_too_large_a_rate_runs_away():
    """A rate beyond the slope's measure makes each step overshoot by more: the loss grows."""
    w = torch.tensor(1.0, requires_grad=True)

    losses = []
    for _ in range(4):
        loss = w**2
        loss.backward()
        with torch.no_grad():
            w -= 1.5 * w.grad
        w.grad = None
        losses.append(loss.item())

    assert losses == [1.0, 4.0, 16.0, 64.0]


def test_an_assertion_in_forward_stops_at_the_place():
    """A plain `assert` on shapes in `forward` says early, in your words, what went wrong."""

    class Net(nn.Module):
        def forward(self, x):
            assert x.ndim == 4, f"want a batch of images, got {tuple(x.shape)}"
            return x

    net = Net()

    with pytest.raises(AssertionError, match=re.escape("want a batch of images, got (3, 8, 8)")):
        net(torch.zeros(3, 8, 8))
    assert net(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 8, 8)


def test_comparing_floats_needs_a_tolerance():
    """0.1 + 0.2 differs from 0.3 in the last digit of a double; `allclose` looks past it."""
    x = torch.tensor([0.1], dtype=torch.float64) + 0.2
    y = torch.tensor([0.3], dtype=torch.float64)

    assert torch.equal(x, y) is False
    assert torch.allclose(x, y) is True
