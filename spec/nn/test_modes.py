"""Training and evaluation mode.

Some layers compute one thing while a network learns and another when it is used: Dropout drops
elements only in training, BatchNorm normalises by the batch in training and by its running
statistics in evaluation. `train()` and `eval()` switch by one flag that every module of the tree
carries, `training`; a new module is in training mode.

What surprises: the flag is all they change. `eval()` does not stop gradients and freezes no
parameter; `no_grad` does not switch to evaluation. An evaluation wants both. What the layers do
with the flag is on `spec/nn/test_dropout.py` and `spec/nn/test_batch_norm.py`; that autograd
records in evaluation mode too, on `spec/autograd/test_network_graph.py`.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_a_new_module_is_in_training_mode():
    """`nn.Sequential(nn.Linear(2, 2), nn.Dropout())` is made in training mode: the attribute
    `training` is True for the container and for both layers.
    """
    net = nn.Sequential(nn.Linear(2, 2), nn.Dropout())

    assert [module.training for module in net.modules()] == [True, True, True]


def test_eval_and_train_set_the_flag_of_the_whole_tree():
    """`eval()` sets `training` to False and `train()` sets it to True in an `nn.Sequential`
    of `nn.Linear` and `nn.Dropout` and in all its layers, those of a nested `nn.Sequential`
    included; both methods return the outer `nn.Sequential` itself.

    A module of your own that overrides `train` decides for itself and its parts.
    """
    net = nn.Sequential(nn.Sequential(nn.Dropout()), nn.Linear(2, 2))
    evaluated = net.eval()
    off = [module.training for module in net.modules()]
    trained = net.train()
    on = [module.training for module in net.modules()]

    assert evaluated is trained is net
    assert off == [False, False, False, False]
    assert on == [True, True, True, True]


def test_eval_is_train_false():
    """`Module.train(False)` switches to evaluation mode as `eval()` does; `train` raises
    ValueError, "training mode is expected to be boolean", for a string or a number: pass True or
    False.
    """
    net = nn.Dropout()
    net.train(False)

    assert net.training is False
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        net.train("no")
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        net.train(1)


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
    """With `x = torch.linspace(-3, 5, 32).reshape(8, 4)`, `nn.Dropout()`,
    `nn.AlphaDropout()`, `nn.BatchNorm1d(4)` and `nn.RReLU()` give another output for `x`
    after `eval()`; `nn.Linear(4, 4)`, `nn.ReLU()` and `nn.LayerNorm(4)` give the same.
    """
    x = torch.linspace(-3, 5, 32).reshape(8, 4)

    assert torch.equal(layer.train()(x), layer.eval()(x)) is same


@pytest.mark.claim("summary-train-mode", "summary-eval-mode")
def test_rrelu_has_a_random_slope_in_training_only():
    """`nn.RReLU(lower, upper)` multiplies each negative element of a float32 input by a random
    slope between the bounds in training mode, and by the mean of the two bounds in evaluation
    mode.

    The function `F.rrelu(x, lower, upper)` takes the mean by default and draws only with
    `training=True`.
    """
    layer = nn.RReLU(lower=0.25, upper=0.75)
    x = torch.full((100,), -1.0)
    training = layer(x)
    evaluation = layer.eval()(x)

    assert len(training.unique()) == 100
    assert training.min().item() >= -0.75
    assert training.max().item() <= -0.25
    assert sorted(set(evaluation.tolist())) == [-0.5]
    assert F.rrelu(x, 0.25, 0.75).unique().tolist() == [-0.5]
    drawn = F.rrelu(x, 0.25, 0.75, training=True)
    assert len(drawn.unique()) == 100
    assert drawn.min().item() >= -0.75


@pytest.mark.claim("summary-train-mode", "summary-eval-mode")
def test_a_module_of_your_own_may_read_the_flag():
    """The `forward` of an `nn.Module` of your own may read `self.training`, and so compute one
    thing in training mode and another in evaluation mode.
    """

    class Net(nn.Module):
        def forward(self, x):
            return x * 10 if self.training else x

    net = Net()

    assert net(torch.ones(1)).tolist() == [10.0]
    assert net.eval()(torch.ones(1)).tolist() == [1.0]


def test_a_part_can_be_in_another_mode_than_the_whole():
    """For `net = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))`, `net[0].eval()` puts only the
    BatchNorm into evaluation mode; the next `net.train()` puts it back into training mode.

    In finetuning, a frozen BatchNorm therefore needs its `eval()` after each `net.train()`.
    """
    net = nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1))
    net[0].eval()

    assert [module.training for module in net.modules()] == [True, False, True]

    net.train()

    assert [module.training for module in net.modules()] == [True, True, True]


def test_setting_the_flag_by_hand_does_not_reach_the_parts():
    """For an `nn.Sequential` `net`, `net.training = False` sets the flag `training` of `net` alone
    and not those of its children; `net.eval()` sets all these flags to False.
    """
    net = nn.Sequential(nn.Dropout())
    net.training = False

    assert [module.training for module in net.modules()] == [False, True]

    net.eval()

    assert [module.training for module in net.modules()] == [False, False]


@pytest.mark.claim("summary-testing-order")
def test_results_are_put_out_after_switching_to_evaluation():
    """`nn.Sequential(nn.Linear(8, 8), nn.Dropout(), nn.Linear(8, 1))`, made after
    `torch.manual_seed(0)` and called four times with `torch.ones(8)`, gives four different
    outputs in training mode, and the same output four times after `eval()`.

    Call `eval()` before computing the results that count, and `train()` before training on.
    """
    net = nn.Sequential(nn.Linear(8, 8), nn.Dropout(), nn.Linear(8, 1))
    x = torch.ones(8)
    training = [net(x).item() for _ in range(4)]
    net.eval()
    evaluation = [net(x).item() for _ in range(4)]

    assert len(set(training)) == 4
    assert len(set(evaluation)) == 1


def test_no_grad_does_not_switch_to_evaluation():
    """`torch.no_grad()` does not switch to evaluation mode: `nn.Dropout()` in training mode still
    sets elements of `torch.ones(100)` to 0 under it, although no autograd graph is recorded.
    """
    layer = nn.Dropout()
    with torch.no_grad():
        y = layer(torch.ones(100))

    assert layer.training is True
    assert y.min().item() == 0.0
    assert y.requires_grad is False


def test_eval_changes_no_parameter_and_no_buffer():
    """With `net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))`, `net.eval()` and
    `net.train()` change no parameter and no buffer; `net(torch.ones(2, 2))` in training mode
    changes buffers: `net[1].num_batches_tracked` goes from 0 to 1.
    """
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    before = {name: value.tolist() for name, value in net.state_dict().items()}
    net.eval().train()

    assert {name: value.tolist() for name, value in net.state_dict().items()} == before
    net.eval()(torch.ones(2, 2))
    assert net[1].num_batches_tracked.item() == 0
    net.train()(torch.ones(2, 2))
    assert net[1].num_batches_tracked.item() == 1
    assert list(before) == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
    ]
