"""Training and evaluation mode.

Some layers do one thing while a network learns and another when it is used: Dropout drops numbers
only in training, BatchNorm takes its mean from the batch in training and from memory afterwards.
`train()` and `eval()` switch, by one flag that each module of the tree carries: `training`.

The flag is all they change. `eval()` does not stop gradients, freezes no parameter and saves no
memory; that is the business of `no_grad`.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_a_new_module_is_in_training_mode():
    """Every module is born with `training` True, and so are its parts."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout())

    assert [module.training for module in net.modules()] == [True, True, True]


def test_eval_and_train_set_the_flag_of_the_whole_tree():
    """`eval()` and `train()` reach every part, and return the module itself."""
    net = nn.Sequential(nn.Sequential(nn.Dropout()), nn.Linear(2, 2))
    evaluated = net.eval()
    off = [module.training for module in net.modules()]
    trained = net.train()
    on = [module.training for module in net.modules()]

    assert evaluated is trained is net
    assert off == [False, False, False, False]
    assert on == [True, True, True, True]


def test_eval_is_train_false():
    """`eval()` is short for `train(False)`; anything but a truth value is refused."""
    net = nn.Dropout()
    net.train(False)

    assert net.training is False
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        net.train("no")


def test_a_part_can_be_in_another_mode_than_the_whole():
    """The flag is each module's own: one layer can be in `eval()` while the net trains."""
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))
    net[0].eval()

    assert [module.training for module in net.modules()] == [True, False, True]

    net.train()

    assert [module.training for module in net.modules()] == [True, True, True]


def test_setting_the_flag_by_hand_does_not_reach_the_parts():
    """`net.training = False` is one attribute of one module; its children train on."""
    net = nn.Sequential(nn.Dropout())
    net.training = False

    assert [module.training for module in net.modules()] == [False, True]


def test_dropout_drops_in_training_and_passes_in_evaluation(device):
    """In training Dropout zeroes half the numbers and doubles the rest, in evaluation neither."""
    layer = nn.Dropout(p=0.5)
    x = torch.ones(1000, device=device)
    training = layer(x)
    evaluation = layer.eval()(x)

    assert sorted(set(training.tolist())) == [0.0, 2.0]
    assert training.mean().item() == pytest.approx(1.0, abs=0.15)
    assert evaluation is x


def test_the_function_dropout_does_not_know_the_mode():
    """`F.dropout` drops unless it is told `training=False`: `eval()` cannot reach a function."""
    x = torch.ones(1000)

    assert F.dropout(x).min().item() == 0.0
    assert F.dropout(x, training=False).min().item() == 1.0


def test_batch_norm_uses_the_batch_in_training_and_its_memory_in_evaluation(device):
    """In training the mean is that of the batch, in evaluation the one recorded before."""
    layer = nn.BatchNorm1d(1, device=device)
    x = torch.tensor([[1.0], [3.0]], device=device)
    training = layer(x)
    layer.running_mean.fill_(5.0)
    layer.running_var.fill_(4.0)
    evaluation = layer.eval()(x)

    assert training.flatten().tolist() == pytest.approx([-1.0, 1.0], abs=1e-4)
    assert evaluation.flatten().tolist() == pytest.approx([-2.0, -1.0], abs=1e-4)


def test_batch_norm_records_in_training_only():
    """A batch moves the running mean a tenth of the way, once a call, in training mode only."""
    layer = nn.BatchNorm1d(1)
    x = torch.tensor([[10.0], [30.0]])
    layer.eval()(x)
    untouched = layer.running_mean.tolist()
    layer.train()(x)

    assert untouched == [0.0]
    assert layer.running_mean.tolist() == [2.0]
    assert layer.num_batches_tracked.item() == 1


def test_batch_norm_cannot_learn_from_a_single_sample():
    """A batch of one has no spread: refused in training, no matter in evaluation."""
    layer = nn.BatchNorm1d(2)
    x = torch.ones(1, 2)

    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        layer(x)
    assert layer.eval()(x).shape == (1, 2)


@pytest.mark.parametrize(
    ("layer", "same"),
    [
        (nn.Linear(4, 4), True),
        (nn.ReLU(), True),
        (nn.LayerNorm(4), True),
        (nn.Dropout(), False),
        (nn.AlphaDropout(), False),
        (nn.BatchNorm1d(4), False),
        (nn.RReLU(), False),
    ],
    ids=lambda value: value.__class__.__name__,
)
@pytest.mark.claim("summary-train-mode", "summary-eval-mode")
def test_few_layers_compute_something_else_in_evaluation(layer, same):
    """Dropout and BatchNorm, but RReLU too, compute something else in the two modes."""
    x = torch.linspace(-3, 5, 32).reshape(8, 4)

    assert torch.equal(layer.train()(x), layer.eval()(x)) is same


@pytest.mark.claim("summary-train-mode", "summary-eval-mode")
def test_rrelu_has_a_random_slope_in_training_only():
    """RReLU draws the slope of negative numbers in training and takes the middle in evaluation."""
    layer = nn.RReLU(lower=0.25, upper=0.75)
    x = torch.full((100,), -1.0)
    training = layer(x)
    evaluation = layer.eval()(x)

    assert len(training.unique()) == 100
    assert sorted(set(evaluation.tolist())) == [-0.5]


@pytest.mark.claim("summary-train-mode", "summary-eval-mode")
def test_a_module_of_your_own_may_read_the_flag():
    """The flag is open to all: any `forward` that asks `self.training` has two modes."""

    class Net(nn.Module):
        def forward(self, x):
            return x * 10 if self.training else x

    net = Net()

    assert net(torch.ones(1)).tolist() == [10.0]
    assert net.eval()(torch.ones(1)).tolist() == [1.0]


def test_eval_does_not_stop_gradients(device):
    """In evaluation mode the graph is recorded and `backward()` works as ever."""
    layer = nn.Linear(2, 1, device=device).eval()
    y = layer(torch.tensor([3.0, 4.0], device=device))
    y.backward()

    assert y.requires_grad is True
    assert layer.weight.requires_grad is True
    assert layer.weight.grad.tolist() == [[3.0, 4.0]]


def test_no_grad_does_not_switch_to_evaluation():
    """`no_grad` stops the recording and leaves the mode alone: Dropout goes on dropping."""
    layer = nn.Dropout()
    with torch.no_grad():
        y = layer(torch.ones(100))

    assert layer.training is True
    assert y.min().item() == 0.0
    assert y.requires_grad is False


def test_no_grad_does_not_stop_the_recording_of_batch_norm():
    """Running means are no gradients: under `no_grad` a BatchNorm in training mode moves them."""
    layer = nn.BatchNorm1d(1)
    with torch.no_grad():
        layer(torch.tensor([[10.0], [30.0]]))

    assert layer.running_mean.tolist() == [2.0]


def test_eval_changes_no_parameter_and_no_buffer():
    """Switching there and back leaves every number of the net as it was."""
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    before = {name: value.tolist() for name, value in net.state_dict().items()}
    net.eval().train()

    assert {name: value.tolist() for name, value in net.state_dict().items()} == before
    assert list(before) == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
    ]


def test_frozen_parameters_do_not_freeze_batch_norm():
    """`requires_grad_(False)` holds scale and shift; the running mean moves until `eval()`."""
    layer = nn.BatchNorm1d(1).requires_grad_(False)
    layer(torch.tensor([[10.0], [30.0]]))
    moved = layer.running_mean.tolist()
    layer.eval()(torch.tensor([[10.0], [30.0]]))

    assert moved == [2.0]
    assert layer.running_mean.tolist() == [2.0]


@pytest.mark.claim("summary-testing-order")
def test_results_are_put_out_after_switching_to_evaluation():
    """First `eval()`, then the outputs: only now does the same input give the same result."""
    net = nn.Sequential(nn.Linear(8, 8), nn.Dropout(), nn.Linear(8, 1))
    x = torch.ones(8)
    training = [net(x).item() for _ in range(4)]
    net.eval()
    evaluation = [net(x).item() for _ in range(4)]

    assert len(set(training)) == 4
    assert len(set(evaluation)) == 1


def test_a_sample_is_judged_alone_in_evaluation_only():
    """With BatchNorm in training mode a prediction depends on the other samples of its batch."""
    layer = nn.BatchNorm1d(1)
    alone = torch.tensor([[2.0], [0.0]])
    beside_a_giant = torch.tensor([[2.0], [6.0]])
    training = [layer(alone)[0].item(), layer(beside_a_giant)[0].item()]
    layer.eval()

    assert training == pytest.approx([1.0, -1.0], abs=1e-4)
    assert torch.equal(layer(alone)[0], layer(beside_a_giant)[0]) is True
