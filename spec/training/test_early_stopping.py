"""Early stopping in plain code.

A network that is trained too long learns its training data by heart, and the loss on data that it
was not trained on, the validation loss, rises again. Early stopping ends the training when that
loss has not become smaller for a number of epochs, the patience, and goes back to the best
weights. PyTorch has no class for it (Keras and Lightning have): it is a few lines in the loop.

What surprises: `best = net.state_dict()` is no copy and changes with every further step; the last
weights are not the best ones, so they have to be loaded back; and a validation loss of NaN compares
as "not better". `ReduceLROnPlateau` has a patience too (`spec/optim/test_schedules.py`): let it be
smaller, so that the rate falls before the training ends.
"""

import copy
import math

import pytest
import torch
from torch import nn


def test_early_stopping_counts_epochs_without_improvement():
    """Early stopping keeps the best validation loss and a count of the epochs since; at `patience`
    epochs without a smaller one it leaves the loop with `break`.
    """
    losses = [0.9, 0.5, 0.6, 0.4, 0.7, 0.5, 0.45, 0.3]
    patience, best, waited = 3, math.inf, 0

    seen = []
    for loss in losses:
        seen.append(loss)
        if loss < best:
            best, waited = loss, 0
        else:
            waited += 1
            if waited == patience:
                break

    assert seen == [0.9, 0.5, 0.6, 0.4, 0.7, 0.5, 0.45]
    assert best == 0.4


def test_the_best_weights_need_a_copy():
    """`best = net.state_dict()` shares its memory with the network, so it holds the last weights in
    the end; `copy.deepcopy(net.state_dict())` keeps those of that moment.
    """
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 3.0)
    shared, kept = net.state_dict(), copy.deepcopy(net.state_dict())

    with torch.no_grad():
        net.weight += 1

    assert shared["weight"].item() == 4.0
    assert kept["weight"].item() == 3.0


def test_the_best_weights_are_loaded_back():
    """After early stopping the network has the weights of the last epoch: `load_state_dict(best)`
    gives it those of the best one.
    """
    net = nn.Linear(1, 1, bias=False)
    best, best_state = math.inf, None

    for weight, loss in [(1.0, 0.5), (2.0, 0.2), (3.0, 0.4)]:
        nn.init.constant_(net.weight, weight)
        if loss < best:
            best, best_state = loss, copy.deepcopy(net.state_dict())
    last = net.weight.item()
    net.load_state_dict(best_state)

    assert last == 3.0
    assert net.weight.item() == 2.0


@pytest.mark.filterwarnings("ignore:TypedStorage is deprecated")
def test_the_best_weights_may_go_to_a_file(tmp_path):
    """`torch.save(net.state_dict(), path)` at each new best loss keeps the best weights in a file,
    also where the program is stopped; no copy in memory is needed.
    """
    net, path = nn.Linear(1, 1, bias=False), tmp_path / "best.pt"
    best = math.inf

    for weight, loss in [(1.0, 0.5), (2.0, 0.2), (3.0, 0.4)]:
        nn.init.constant_(net.weight, weight)
        if loss < best:
            best = loss
            torch.save(net.state_dict(), path)

    kept = torch.load(path, weights_only=True)
    assert kept["weight"].item() == 2.0


def test_a_smallest_improvement_keeps_rounding_from_counting():
    """With `loss < best - min_delta` an improvement smaller than `min_delta` counts as none, and a
    loss that creeps downwards ends the training too.
    """
    losses = [1.0, 0.9999, 0.9998, 0.5]

    def improvements(min_delta):
        best, found = math.inf, []
        for loss in losses:
            if loss < best - min_delta:
                best = loss
                found.append(loss)
        return found

    assert improvements(min_delta=0.0) == [1.0, 0.9999, 0.9998, 0.5]
    assert improvements(min_delta=0.25) == [1.0, 0.5]


def test_an_accuracy_is_better_if_it_is_larger():
    """Early stopping on an accuracy begins at minus infinity and asks for `accuracy > best`; with
    `<` the first epoch would stay the best one.
    """
    best, best_epoch = -math.inf, None

    for epoch, accuracy in enumerate([0.5, 0.8, 0.7]):
        if accuracy > best:
            best, best_epoch = accuracy, epoch

    assert best_epoch == 1
    assert best == 0.8


def test_a_validation_loss_of_nan_is_never_better():
    """`nan < best` is False, so a loss of NaN counts as an epoch without improvement; written as
    `if loss > best: waited += 1` it would never stop.
    """
    loss, best = torch.tensor(torch.nan).item(), 0.5

    assert (loss < best) is False
    assert (loss > best) is False


def test_the_validation_loss_is_a_number_and_no_tensor():
    """Keep `loss.item()` of a mean over the validation set, under `torch.no_grad()`: a tensor kept
    as `best` keeps the graph it was computed by, and its memory.
    """
    net, x = nn.Linear(1, 1), torch.ones(2, 1)

    with_graph = net(x).mean()
    net.eval()
    with torch.no_grad():
        loss = net(x).mean()
    net.train()

    assert with_graph.requires_grad is True
    assert loss.requires_grad is False
    assert type(loss.item()) is float


def test_early_stopping_is_no_part_of_pytorch():
    """`torch.optim.EarlyStopping` does not exist (AttributeError), nor is there such a callback:
    the training loop is yours, and so is its end.
    """
    with pytest.raises(AttributeError, match=r"module 'torch.optim' has no attribute 'EarlyStopp"):
        torch.optim.EarlyStopping(patience=3)


def test_early_stopping_as_a_class():
    """A class `EarlyStopping` with the best loss, a copy of the best weights and a count is handed
    the loss after each epoch, and answers whether to stop.
    """

    class EarlyStopping:
        def __init__(self, patience):
            self.patience, self.best, self.waited, self.state = patience, math.inf, 0, None

        def stops(self, loss, net):
            if loss < self.best:
                self.best, self.waited = loss, 0
                self.state = copy.deepcopy(net.state_dict())
            else:
                self.waited += 1
            return self.waited >= self.patience

    net, stopping = nn.Linear(1, 1, bias=False), EarlyStopping(patience=2)
    answers = []
    for weight, loss in [(1.0, 0.5), (2.0, 0.6), (3.0, 0.7)]:
        nn.init.constant_(net.weight, weight)
        answers.append(stopping.stops(loss, net))

    assert answers == [False, False, True]
    assert stopping.state["weight"].item() == 1.0
