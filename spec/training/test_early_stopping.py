"""Early stopping in plain code.

A network that is trained too long may learn its training data by heart; the loss on data that it
was not trained on, the validation loss, then rises again. Early stopping ends the training when
that loss has not become smaller for a number of epochs, the patience, and goes back to the best
weights. PyTorch has no class for it (Keras and Lightning have): it is a few lines in the loop.

What surprises: `best = net.state_dict()` is no copy and changes with every further step
(`spec/training/test_checkpoints.py`); the weights at the end are those of the last epoch, so the
best ones have to be loaded back; and a validation loss of NaN compares as "not better".
`ReduceLROnPlateau` has a patience too (`spec/optim/test_schedules.py`): let it be smaller, so that
the rate falls before the training ends.
"""

import copy
import math

import pytest
import torch
from torch import nn


def test_early_stopping_counts_epochs_without_improvement():
    """Early stopping in plain Python: `best` begins as `math.inf`, `waited` as 0; a loss below
    `best` becomes `best` and sets `waited` to 0, any other adds 1 to `waited`; `break` ends the
    training once `waited` equals `patience`, an int above 0.

    Because PyTorch has no call for it. With `patience=3` the losses 0.7, 0.5 and 0.45 after a best
    one of 0.4 end the training, and a 0.3 that would have come next is not reached.
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


def test_the_best_weights_are_loaded_back():
    """After the last epoch `net` has the last weights: `net.load_state_dict(best)`, with
    `best` a deep copy of the state dict of the best epoch, gives it the best ones.
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
    """`torch.save(net.state_dict(), path)` at each new best loss leaves the weights of the
    best epoch in the file; no deep copy is needed.

    Because `torch.save` writes the values of that moment. A program that is killed while it
    writes may leave a broken file: write to another name first and call `os.replace`.
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
    """`if loss < best - min_delta: best = loss` counts only a loss smaller than `best` by more
    than `min_delta` (up to rounding): with `min_delta = 0.25` and `best = math.inf` at first, of
    the losses 1, 0.9999, 0.9998, 0.5 only 1 and 0.5.

    Because `best` stays where it is meanwhile, small improvements add up: of the losses 1, 0.875,
    0.75 and 0.625 the first and the last count.
    """

    def improvements(losses, min_delta):
        best, found = math.inf, []
        for loss in losses:
            if loss < best - min_delta:
                best = loss
                found.append(loss)
        return found

    one_drop, slow = [1.0, 0.9999, 0.9998, 0.5], [1.0, 0.875, 0.75, 0.625]

    assert improvements(one_drop, min_delta=0.0) == [1.0, 0.9999, 0.9998, 0.5]
    assert improvements(one_drop, min_delta=0.25) == [1.0, 0.5]
    assert improvements(slow, min_delta=0.0) == [1.0, 0.875, 0.75, 0.625]
    assert improvements(slow, min_delta=0.25) == [1.0, 0.625]


def test_an_accuracy_is_better_if_it_is_larger():
    """To keep the best of the accuracies 0.5, 0.8 and 0.7, start with `best = -math.inf`
    and replace it where `accuracy > best`: it ends as 0.8. With `accuracy < best`, as for a
    loss, none of them would replace it.
    """
    accuracies = [0.5, 0.8, 0.7]
    best, best_epoch = -math.inf, None

    for epoch, accuracy in enumerate(accuracies):
        if accuracy > best:
            best, best_epoch = accuracy, epoch

    assert best_epoch == 1
    assert best == 0.8
    assert [accuracy < -math.inf for accuracy in accuracies] == [False, False, False]


def test_a_validation_loss_of_nan_is_never_better():
    """`nan < best` and `nan > best` are both False: `if loss < best: ... else: waited += 1`
    counts a loss of NaN as an epoch without improvement, `if loss > best: waited += 1` does
    not.

    So a training whose loss stays NaN ends with the first form and runs on with the second.
    """
    loss, best = torch.tensor(torch.nan).item(), 0.5

    waited_by_less = 0 if loss < best else 1
    waited_by_greater = 1 if loss > best else 0

    assert (loss < best) is False
    assert (loss > best) is False
    assert (waited_by_less, waited_by_greater) == (1, 0)


def test_the_validation_loss_is_a_number_and_no_tensor():
    """With `net = nn.Linear(1, 1)` and grad mode on, `loss = net(torch.ones(2, 1)).mean()`
    has a `grad_fn` and keeps its graph alive; under `torch.no_grad()` its `grad_fn` is
    None. Keep the best validation loss as `loss.item()`, a Python float.
    """
    net, x = nn.Linear(1, 1), torch.ones(2, 1)

    with_graph = net(x).mean()
    net.eval()
    with torch.no_grad():
        loss = net(x).mean()
    net.train()

    assert with_graph.requires_grad is True
    assert with_graph.grad_fn.name() == "MeanBackward0"
    assert loss.requires_grad is False
    assert loss.grad_fn is None
    assert type(loss.item()) is float


def test_early_stopping_is_no_part_of_pytorch():
    """`torch.optim.EarlyStopping` does not exist: AttributeError, "module 'torch.optim' has no
    attribute 'EarlyStopping'". Write the few lines yourself, or take the callback
    `EarlyStopping` of PyTorch Lightning.
    """
    with pytest.raises(
        AttributeError, match=r"module 'torch.optim' has no attribute 'EarlyStopping'"
    ):
        torch.optim.EarlyStopping(patience=3)


def test_early_stopping_as_a_class():
    """For early stopping, write a class whose method gets each epoch's validation loss and the
    net, keeps the best loss and `copy.deepcopy(net.state_dict())` of its epoch, and returns True
    after `patience` epochs in a row without a better loss.
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
