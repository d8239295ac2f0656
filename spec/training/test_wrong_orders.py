"""Wrong orders in the training loop.

A loop with a line too few, or with two lines exchanged, rarely stops with an error. It trains
something else, or nothing, and prints losses as if all were well. Here is each mistake with what it
does, mostly to one weight `w` that starts at 0 and should become 4. In the right order
(`spec/training/test_loop.py`), with the loss `(w - 4)**2` and the rate 0.25, it becomes 2, 3, 3.5.

What surprises: nearly all of these mistakes are silent. Most errors come from autograd: a graph
that was used up, a loss without a graph, or a weight that was written to while a graph still needed
its old value. What a forgotten `eval()` does to BatchNorm is told in `spec/nn/test_modes.py`, what
a parameter misses that the optimizer was never given in `spec/optim/test_trained_parameters.py`,
and what a tensor that requires grad refuses to NumPy in `spec/tensors/test_numpy_refusals.py`.
"""

import re
import weakref

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim(
    "summary-gradient-reset",
    "blitz-accumulation-changes-update",
    "blitz-optim-zero-grad-still-needed",
)
def test_zero_grad_forgotten():
    """Without `zero_grad()` each `backward()` adds to the old gradients: with the loss `(w
    - 4)**2` and `SGD(lr=0.25)` a weight runs from 0 to 2, 5, 7.5 and 8.25, past the best
    one, 4.

    Because `backward()` accumulates into `.grad` (`spec/autograd/test_accumulation.py`), so
    `step()` uses all gradients so far. No error and no warning tells of it: call
    `zero_grad()` once per step.
    """
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=0.25)

    losses, path = [], []
    for _ in range(4):
        loss = (w - 4) ** 2
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        path.append((w.grad.item(), w.item()))

    assert path == [(-8.0, 2.0), (-12.0, 5.0), (-10.0, 7.5), (-3.0, 8.25)]
    assert losses == [16.0, 4.0, 1.0, 12.25]


def test_zero_grad_between_backward_and_step():
    """With `zero_grad()` between `backward()` and `step()`, `torch.optim.SGD([w], lr=0.25)`
    trains nothing and raises no error: the loss `(w - 4)**2` of
    `w = nn.Parameter(torch.tensor(0.0))` is 16 in each of three rounds.

    Because each new gradient is thrown away before it is used. No error says so: clear
    before `backward()` or after `step()` (`spec/training/test_loop.py`).
    """
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
    """In the order `step()`, `zero_grad()`, forward, `backward()` each step of a plain
    `SGD` uses the gradient of the round before: with a new parameter the first step does
    nothing, and the last gradient is not used.

    Because `backward()` is the last line of the round. Write `step()` behind it.
    """
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
    """In the order `zero_grad()`, `step()`, `backward()` each step of a plain `SGD` meets cleared
    gradients: a weight of 0 with the loss `(w - 4)**2` stays at 0, although `.grad` is -8 after
    each round.

    Because `zero_grad()` clears each gradient before `step()` could use it. Call `step()` after
    `backward()`.
    """
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
    """With a `net` of two new float32 `nn.Linear` in a row, `SGD(net.parameters(), lr=0.25)` and
    no autocast, the order forward, `step()`, `zero_grad()`, `backward()` raises RuntimeError in
    the second round, "modified by an inplace operation".

    Because `step()`, which has gradients from the second round on, changed the weight of the
    second layer, which the graph had saved (`spec/optim/test_optimizer_steps.py`). With the
    `fused=True` of newer releases, under autocast, or with one parameter `w` and the loss
    `(w - 4)**2`, which saves `w - 4`, nothing raises. Write `backward()` before `step()`.
    """
    net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False))
    nn.init.ones_(net[0].weight)
    nn.init.ones_(net[1].weight)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.25)

    def train_one_round():
        loss = net(torch.ones(1, 1)).sum()
        optimizer.step()
        optimizer.zero_grad()
        loss.backward()

    train_one_round()
    with pytest.raises(
        RuntimeError,
        match="one of the variables needed for gradient computation has been modified by an",
    ):
        train_one_round()

    assert [weight.item() for weight in net.parameters()] == [0.75, 0.75]


@pytest.mark.torch(">=2.4")
def test_a_fused_step_between_forward_and_backward_goes_unnoticed():
    """On the CPU, if `step()` of `SGD([w], lr=1.0, fused=True)` changes `w` from 2 to 1 between
    `loss = w**3` and `loss.backward()`, no error is raised: `backward()` computes the gradient 3,
    which is the slope at 1, not 12, the slope at 2.

    Because the fused step doesn't increase the version counter of `w`, by which autograd notices
    changes in place; without `fused=True` this `backward()` raises RuntimeError. Write
    `backward()` before `step()`.
    """
    w = nn.Parameter(torch.tensor(2.0))
    w.grad = torch.tensor(1.0)
    optimizer = torch.optim.SGD([w], lr=1.0, fused=True)

    loss = w**3
    optimizer.step()
    optimizer.zero_grad()
    loss.backward()

    assert w.item() == 1.0
    assert w.grad.item() == 3.0
    assert w._version == 0


def test_backward_forgotten():
    """Without `backward()` the `.grad` of a new parameter `w` stays None and `SGD.step()`
    changes nothing: the loss `(w - 4)**2` of a `w` of 0 stays at 16 in three rounds, and
    nothing raises.
    """
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
    """Without `optimizer.step()`, a loop with `optimizer.zero_grad()`, `loss = (w - 4)**2`
    and `loss.backward()` computes the gradient -8 in each round, and the parameter `w`, 0.0
    at first, stays at 0.0; nothing raises.
    """
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
    """With `w = nn.Parameter(torch.tensor(0.0))` and `loss = (w - 4)**2`, computed only
    once, before the training loop, the second `loss.backward()` raises RuntimeError,
    "Trying to backward through the graph a second time".

    Because the first `backward()` frees what the graph had saved. Compute the loss inside
    the loop. A loss that saves nothing, such as `w - 4`, raises no error and repeats its
    gradient.
    """
    w = nn.Parameter(torch.tensor(0.0))
    optimizer = torch.optim.SGD([w], lr=0.25)
    loss = (w - 4) ** 2
    loss.backward()
    optimizer.step()

    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        loss.backward()
    assert w.item() == 2.0

    v = nn.Parameter(torch.tensor(0.0))
    loss = v - 4
    loss.backward()
    loss.backward()
    assert v.grad.item() == 2.0


def test_an_optimizer_made_inside_the_loop_forgets_its_momentum():
    """An `SGD` made anew before each step has no momentum yet: with `lr=1` and
    `momentum=0.5` it moves a weight by 1 per step for a constant gradient of -1, while one
    that is kept for all steps moves it by 1, 1.5 and 1.75.

    Because momentum, and the averages of Adam, are kept in the optimizer
    (`spec/optim/test_optimizer_state.py`).
    """
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
    """An optimizer trains the parameters that it was given: an `nn.Linear` that is built
    again under the same name afterwards gets gradients, but `step()` of the optimizer
    doesn't change it.

    Because `optimizer.param_groups` still holds the parameters of the first net. Build the
    net first, then the optimizer.
    """
    net = nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.25)
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    F.mse_loss(net(torch.ones(1, 1)), torch.full((1, 1), 4.0)).backward()
    optimizer.step()

    assert net.weight.grad.item() == -8.0
    assert net.weight.item() == 0.0


def test_a_loss_rebuilt_from_its_number_trains_nothing():
    """For `w = torch.tensor(0.0, requires_grad=True)`, `loss = (w - 4)**2` and
    `rebuilt = torch.tensor(loss.item(), requires_grad=True)`, `rebuilt.backward()` raises
    nothing, but sets only `rebuilt.grad`, to 1: `w.grad` stays None.

    Because the new tensor has no graph. If the loss does not require grad, look for the
    `detach()`, `item()` or `no_grad` that cut it off.
    """
    w = nn.Parameter(torch.tensor(0.0))
    loss = (w - 4) ** 2
    rebuilt = torch.tensor(loss.item(), requires_grad=True)
    rebuilt.backward()

    assert rebuilt.grad.item() == 1.0
    assert w.grad is None


def test_a_loss_computed_under_no_grad_has_no_backward():
    """With `w = nn.Parameter(torch.tensor(0.0))`, `loss.backward()` of `loss = (w - 4)**2`,
    computed under `torch.no_grad()`, raises RuntimeError, "element 0 of tensors does not
    require grad and does not have a grad_fn".

    Put `no_grad` around the evaluation only, not around the training.
    """
    w = nn.Parameter(torch.tensor(0.0))
    with torch.no_grad():
        loss = (w - 4) ** 2

    with pytest.raises(
        RuntimeError, match="element 0 of tensors does not require grad and does not have a grad_fn"
    ):
        loss.backward()


def test_a_loss_of_predicted_classes_has_no_backward():
    """`F.l1_loss(scores.argmax(1).float(), labels.float())` with int64 class indices `labels`
    raises RuntimeError in `backward()`, "element 0 of tensors does not require grad and does
    not have a grad_fn": write `F.cross_entropy(scores, labels)`.

    Because autograd does not record `argmax`: the class index jumps from one integer to the
    next, so its derivative is 0 or undefined.
    """
    scores = torch.tensor([[1.0, 3.0], [2.0, 0.0]], requires_grad=True)
    labels = torch.tensor([0, 0])

    with pytest.raises(
        RuntimeError, match="element 0 of tensors does not require grad and does not have a grad_fn"
    ):
        F.l1_loss(scores.argmax(1).float(), labels.float()).backward()
    F.cross_entropy(scores, labels).backward()

    assert scores.grad.sign().tolist() == [[-1.0, 1.0], [-1.0, 1.0]]


def test_eval_forgotten():
    """Without `eval()` a new `nn.Sequential(nn.Dropout(0.5), nn.Flatten())` gives two
    different answers, in two calls, to `torch.ones(1, 100)`; after `eval()` both answers
    are equal.

    Because a new module is in training mode, in which `nn.Dropout` zeroes elements at
    random and BatchNorm normalises with the batch (`spec/nn/test_modes.py`).
    """
    net = nn.Sequential(nn.Dropout(0.5), nn.Flatten())
    x = torch.ones(1, 100)
    forgotten = torch.equal(net(x), net(x))
    net.eval()

    assert forgotten is False
    assert torch.equal(net(x), net(x)) is True


def test_train_forgotten_after_an_evaluation():
    """`net.eval()` lasts until `net.train()`: with `train()` only before the loop over the
    epochs and `eval()` at the end of each epoch, all epochs but the first train with
    `nn.Dropout` switched off.

    Put `net.train()` on the first line of each epoch, and `net.eval()` before each
    evaluation.
    """
    net = nn.Sequential(nn.Dropout(p=1.0))

    seen_in_training = []
    net.train()
    for _ in range(3):
        seen_in_training.append(net(torch.ones(1)).item())
        net.eval()

    assert seen_in_training == [0.0, 1.0, 1.0]


def test_no_grad_forgotten_saves_what_nobody_will_use():
    """By default, `net(torch.ones(4, 2))` of
    `net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))` saves the input, the Tanh
    output and the last weight for `backward()`; under `torch.no_grad()` it saves nothing.

    The saved Tanh output stays in memory as long as the output of `net`, or a loss computed from
    it, is kept and `backward()` has not run.
    """
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


def test_no_grad_forgotten_does_not_train():
    """A trainable `nn.Linear` evaluated in grad mode, without `no_grad`, gives the same output as
    with it, and its weight stays the same; but the output requires grad.

    Because an evaluation calls no `step()`. What is lost is memory, and `output.numpy()` is
    refused. A few modules depend on whether grad mode is on: `nn.TransformerEncoder` of layers
    with `batch_first=True`, an even number of heads and otherwise default settings has in `eval()`
    a faster path for batches under `no_grad`, which rounds differently and, since PyTorch 2.1,
    writes zeros where a `src_key_padding_mask` masks the ends of the rows.
    """
    net = nn.Linear(1, 1, bias=False)
    nn.init.constant_(net.weight, 3.0)
    recorded = net(torch.tensor([[2.0]]))
    with torch.no_grad():
        unrecorded = net(torch.tensor([[2.0]]))

    assert [recorded.item(), unrecorded.item()] == [6.0, 6.0]
    assert [recorded.requires_grad, unrecorded.requires_grad] == [True, False]
    assert net.weight.item() == 3.0


def test_losses_kept_as_tensors_keep_their_graphs():
    """With grad mode on and `w = torch.tensor(3.0, requires_grad=True)`, the list
    `losses = [w**2 for _ in range(5)]` keeps five graphs in memory, each with a saved tensor;
    `del losses` frees them. A list of `loss.item()` keeps none.

    So memory grows with each batch. Keep `loss.item()`, or `loss.detach()` where the number is not
    needed at once.
    """

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
    """For `w = torch.tensor(3.0, requires_grad=True)`, `loss = w**2` and `loss.backward()`, what
    `loss.grad_fn` had saved is freed: `loss.grad_fn._saved_self` raises RuntimeError. The graph's
    nodes stay; `loss.detach()` has no `grad_fn`.

    So a list of losses takes less memory after `backward()`, yet still keeps the graph's nodes and
    the parameters alive.
    """
    w = torch.tensor(3.0, requires_grad=True)
    loss = w**2
    loss.backward()

    with pytest.raises(RuntimeError, match="after they have already been freed"):
        _ = loss.grad_fn._saved_self
    assert loss.grad_fn.next_functions[0][0].variable is w
    assert loss.detach().grad_fn is None


def test_summing_losses_makes_one_ever_longer_graph():
    """`total += loss` of `loss = w**2`, with `w = torch.tensor(2.0, requires_grad=True)`, over
    three rounds from `total = 0.0` makes one graph with three `AddBackward0` nodes, and `total`
    requires grad; `total += loss.item()` adds plain numbers.

    So memory grows over an epoch: by the nodes of each graph and, where `backward()` has not run,
    by the tensors that they saved. `loss.detach()` spares the wait for a GPU that `item()` brings.
    """
    w = torch.tensor(2.0, requires_grad=True)

    total, number, names = 0.0, 0.0, []
    for _ in range(3):
        loss = w**2
        total += loss
        number += loss.item()
    node = total.grad_fn
    assert node.next_functions[1][0]._saved_self is w
    while node.name() == "AddBackward0":
        names.append(node.name())
        node = node.next_functions[0][0]

    assert names == ["AddBackward0", "AddBackward0", "AddBackward0"]
    assert total.requires_grad is True
    assert total.item() == number == 12.0


def test_backward_on_the_running_total_fails_in_the_second_round():
    """With `total = 0` and `w = torch.tensor(2.0, requires_grad=True)`, a loop of
    `total = total + w**2` and `total.backward()` raises RuntimeError in its second round, "Trying
    to backward through the graph a second time".

    Because the total still contains the graph of the first round, which the first `backward()`
    freed. Call `backward()` on the loss of the round.
    """
    w = torch.tensor(2.0, requires_grad=True)
    total = w**2
    total.backward()
    total = total + w**2

    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        total.backward()


def test_a_name_without_brackets_is_no_call():
    """With `w = torch.tensor(2.0, requires_grad=True)` and `loss = w**2`, `loss.backward`
    and `loss.item` without parentheses call nothing: `w.grad` stays None, and
    `0.0 + loss.item` raises TypeError, "unsupported operand type(s) for +".

    Because the name alone is the bound method. Write `loss.backward()` and `loss.item()`.
    """
    w = torch.tensor(2.0, requires_grad=True)
    loss = w**2
    loss.backward  # noqa: B018

    assert w.grad is None
    with pytest.raises(TypeError, match=re.escape("unsupported operand type(s) for +:")):
        _ = 0.0 + loss.item
