"""Wrong orders.

A loop with a line too few, or with two lines exchanged, rarely stops with an error. It trains
something else, or nothing, and prints losses as if all were well. Here is each mistake with what
it does, mostly to one weight `w` that starts at 0 and should become 4. In the right order, with the
loss `(w - 4)**2` and the rate 0.25, it goes 2, 3, 3.5.
"""

import re
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_the_right_order():
    """`zero_grad()`, forward, `backward()`, `step()`: half of the way to 4 with each round."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=0.25)

    path = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = (w - 4) ** 2
        loss.backward()
        optimizer.step()
        path.append(w.item())

    assert path == [2.0, 3.0, 3.5]


def test_zero_grad_forgotten():
    """Without `zero_grad()` every gradient contains all before it: the weight overshoots."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=0.25)

    path = []
    for _ in range(4):
        loss = (w - 4) ** 2
        loss.backward()
        optimizer.step()
        path.append((w.grad.item(), w.item()))

    assert path == [(-8.0, 2.0), (-12.0, 5.0), (-10.0, 7.5), (-3.0, 8.25)]


def test_zero_grad_between_backward_and_step():
    """Cleared before the step, the gradient is lost: no error, and the loss stays where it is."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=0.25)

    losses = []
    for _ in range(3):
        loss = (w - 4) ** 2
        loss.backward()
        optimizer.zero_grad()
        optimizer.step()
        losses.append(loss.item())

    assert losses == [16.0, 16.0, 16.0]


def test_step_before_backward_is_a_round_late():
    """`step()` before `backward()` uses the gradient of the round before; the last is lost."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=0.25)

    path = []
    for _ in range(3):
        optimizer.step()
        optimizer.zero_grad()
        loss = (w - 4) ** 2
        loss.backward()
        path.append(w.item())

    assert path == [0.0, 2.0, 3.0]
    assert w.grad.item() == -2.0


def test_step_between_zero_grad_and_backward_never_moves():
    """`zero_grad()`, `step()`, `backward()`: the step always meets a cleared gradient."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=0.25)

    path = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = (w - 4) ** 2
        optimizer.step()
        loss.backward()
        path.append(w.item())

    assert path == [0.0, 0.0, 0.0]
    assert w.grad.item() == -8.0


def test_step_between_forward_and_backward_spoils_the_graph():
    """A step writes into weights that a deeper graph has saved: `backward()` refuses to go on."""
    net = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.25)
    net(torch.ones(1, 1)).sum().backward()
    loss = net(torch.ones(1, 1)).sum()
    optimizer.step()

    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        loss.backward()


def test_backward_forgotten():
    """Without `backward()` there are no gradients, and `step()` has nothing to do: no error."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=0.25)

    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = (w - 4) ** 2
        optimizer.step()
        losses.append(loss.item())

    assert losses == [16.0, 16.0, 16.0]
    assert w.grad is None


def test_step_forgotten():
    """Without `step()` the gradient is right in every round, and the weight never hears of it."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=0.25)

    gradients = []
    for _ in range(3):
        optimizer.zero_grad()
        loss = (w - 4) ** 2
        loss.backward()
        gradients.append(w.grad.item())

    assert gradients == [-8.0, -8.0, -8.0]
    assert w.item() == 0.0


def test_forward_outside_the_loop():
    """A loss computed once, before the loop, has one graph, and the first round uses it up."""
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=0.25)
    loss = (w - 4) ** 2
    loss.backward()
    optimizer.step()

    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()
    assert w.item() == 2.0


def test_an_optimizer_made_inside_the_loop_forgets_its_momentum():
    """A new optimizer in every round starts without momentum: its steps never gain speed."""
    once, anew = nn.Parameter(torch.tensor(0.0)), nn.Parameter(torch.tensor(0.0))
    lasting = torch.optim.SGD([once], lr=1.0, momentum=0.5)

    path = []
    for _ in range(3):
        once.grad, anew.grad = torch.tensor(-1.0), torch.tensor(-1.0)
        lasting.step()
        torch.optim.SGD([anew], lr=1.0, momentum=0.5).step()
        path.append((once.item(), anew.item()))

    assert path == [(1.0, 1.0), (2.5, 2.0), (4.25, 3.0)]


def test_a_net_made_after_its_optimizer_is_not_trained():
    """An optimizer trains the tensors it was given, not what later bears the same name."""
    net = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.25)
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    F.mse_loss(net(torch.ones(1, 1)), torch.full((1, 1), 4.0)).backward()
    optimizer.step()

    assert net.weight.grad.item() == -8.0
    assert net.weight.item() == 0.0


def test_a_loss_rebuilt_from_its_number_trains_nothing():
    """`torch.tensor(number, requires_grad=True)` silences the error of `backward()`, no more."""
    w = nn.Parameter(torch.tensor(0.0))
    loss = (w - 4) ** 2
    rebuilt = torch.tensor(loss.item(), requires_grad=True)
    rebuilt.backward()

    assert rebuilt.grad.item() == 1.0
    assert w.grad is None


def test_a_loss_computed_under_no_grad_has_no_backward():
    """`no_grad` around the training, not the evaluation, leaves the loss without a graph."""
    w = nn.Parameter(torch.tensor(0.0))
    with torch.no_grad():
        loss = (w - 4) ** 2

    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        loss.backward()


def test_a_loss_of_predicted_classes_has_no_backward():
    """`argmax` has no slope: the loss takes the scores, not the classes made of them."""
    scores = torch.tensor([[1.0, 3.0], [2.0, 0.0]], requires_grad=True)
    labels = torch.tensor([0, 0])

    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        F.l1_loss(scores.argmax(1).float(), labels.float()).backward()
    F.cross_entropy(scores, labels).backward()

    assert scores.grad.sign().tolist() == [[-1.0, 1.0], [-1.0, 1.0]]


def test_eval_forgotten_with_dropout():
    """Without `eval()` Dropout goes on: the same input is answered differently each time."""
    net = nn.Sequential(nn.Dropout(0.5), nn.Flatten())
    x = torch.ones(1, 100)
    forgotten = torch.equal(net(x), net(x))
    net.eval()

    assert forgotten is False
    assert torch.equal(net(x), net(x)) is True


def test_eval_forgotten_with_batch_norm():
    """Without `eval()` what BatchNorm answers to 1 depends on which samples share its batch."""
    net = nn.BatchNorm1d(1)
    small, large = torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0], [-3.0]])
    forgotten = [net(batch)[0].item() for batch in (small, large)]
    net.reset_running_stats()
    net.eval()
    evaluated = [net(batch)[0].item() for batch in (small, large)]

    assert forgotten == pytest.approx([-1.0, 1.0], abs=1e-4)
    assert evaluated == pytest.approx([1.0, 1.0], abs=1e-4)


def test_eval_forgotten_learns_from_the_test_set():
    """Without `eval()` measuring moves the running mean of BatchNorm, even under `no_grad`."""
    net = nn.BatchNorm1d(1)
    with torch.no_grad():
        net(torch.tensor([[10.0], [30.0]]))
    forgotten = net.running_mean.item()
    net.eval()
    net(torch.tensor([[10.0], [30.0]]))

    assert forgotten == 2.0
    assert net.running_mean.item() == 2.0


def test_eval_forgotten_for_a_single_image():
    """Without `eval()` BatchNorm refuses a batch of one, which a finished net is often shown."""
    net = nn.BatchNorm1d(3)

    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        net(torch.ones(1, 3))
    assert net.eval()(torch.zeros(1, 3)).tolist() == [[0.0, 0.0, 0.0]]


def test_train_forgotten_after_an_evaluation():
    """`eval()` lasts: without `train()` all epochs but the first go without Dropout."""
    net = nn.Sequential(nn.Dropout(0.5))

    modes = []
    net.train()
    for _ in range(3):
        modes.append(net.training)
        net.eval()

    assert modes == [True, False, False]


def test_no_grad_forgotten_saves_what_nobody_will_use():
    """An evaluation that records saves inputs, activations and weights for a backward pass."""
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    x = torch.ones(4, 2)

    forgotten, careful = [], []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: forgotten.append(tuple(tensor.shape)), lambda nothing: nothing
    ):
        net(x)
    with (
        torch.no_grad(),
        torch.autograd.graph.saved_tensors_hooks(careful.append, lambda nothing: nothing),
    ):
        net(x)

    assert sorted(forgotten) == [(3, 1), (4, 2), (4, 3), (4, 3)]
    assert careful == []


def test_no_grad_forgotten_shows_when_numpy_is_asked():
    """Predictions that were recorded cannot become an array, and the error names the way out."""
    prediction = nn.Linear(2, 1)(torch.ones(2))

    with pytest.raises(RuntimeError, match="Can't call numpy\\(\\) on Tensor that requires grad"):
        prediction.numpy()
    assert prediction.detach().numpy().shape == (1,)


def test_no_grad_forgotten_does_not_train():
    """Recording alone changes no weight: only memory is wasted, the accuracy is the same."""
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 3.0)
    recorded = net(torch.tensor([[2.0]]))
    with torch.no_grad():
        unrecorded = net(torch.tensor([[2.0]]))

    assert [recorded.item(), unrecorded.item()] == [6.0, 6.0]
    assert [recorded.requires_grad, unrecorded.requires_grad] == [True, False]
    assert net.weight.item() == 3.0


def test_losses_kept_as_tensors_keep_their_graphs():
    """A list of validation losses, not numbers, keeps all that was saved for each of them."""

    class Saved:
        def __init__(self, tensor):
            self.tensor = tensor

    alive = weakref.WeakSet()

    def pack(tensor):
        saved = Saved(tensor)
        alive.add(saved)
        return saved

    w = torch.tensor(3.0, requires_grad=True)
    counts = []
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved.tensor):
        losses = [w**2 for _ in range(5)]
        counts.append(len(alive))
        del losses
        counts.append(len(alive))
        numbers = [(w**2).item() for _ in range(5)]
        counts.append(len(alive))

    assert counts == [5, 0, 0]
    assert numbers == [9.0, 9.0, 9.0, 9.0, 9.0]


def test_after_backward_a_kept_loss_keeps_a_hollow_graph():
    """`backward()` frees what was saved; a loss that is kept still holds the emptied nodes."""
    w = torch.tensor(3.0, requires_grad=True)
    loss = w**2
    loss.backward()

    with pytest.raises(RuntimeError, match="after they have already been freed"):
        _ = loss.grad_fn._saved_self
    assert loss.grad_fn.next_functions[0][0].variable is w
    assert loss.detach().grad_fn is None


def test_summing_losses_makes_one_ever_longer_graph():
    """`total += loss` adds a node a round to a graph without end; `item()` leaves a number."""
    w = torch.tensor(2.0, requires_grad=True)

    total, number, names = 0.0, 0.0, []
    for _ in range(3):
        loss = w**2
        total += loss
        number += loss.item()
    node = total.grad_fn
    while node.name() == "AddBackward0":
        names.append(node.name())
        node = node.next_functions[0][0]

    assert names == ["AddBackward0", "AddBackward0", "AddBackward0"]
    assert total.requires_grad is True
    assert total.item() == number == 12.0


def test_backward_on_the_running_total_fails_in_the_second_round():
    """`backward()` on the total instead of the round's loss walks the old rounds' graphs again."""
    w = torch.tensor(2.0, requires_grad=True)
    total = w**2
    total.backward()
    total = total + w**2

    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        total.backward()


def test_a_name_without_brackets_is_no_call():
    """`loss.item` and `loss.backward` without brackets are functions; nothing is called."""
    w = torch.tensor(2.0, requires_grad=True)
    loss = w**2
    loss.backward  # noqa: B018

    assert w.grad is None
    with pytest.raises(TypeError, match=re.escape("unsupported operand type(s) for +:")):
        _ = 0.0 + loss.item
