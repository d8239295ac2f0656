"""Hidden states between chunks: truncated backpropagation.

A long sequence is cut into chunks, and the hidden state at the end of one begins the next. The
state carries the graph of everything before it along. `h = h.detach()` keeps its values and ends
the graph there: the gradient then goes back to the beginning of the chunk and no further, which is
what "truncated backpropagation through time" means.

What surprises: without `detach()` the *second* chunk's `backward()` usually fails, "Trying to
backward through the graph a second time"; `retain_graph=True` seems to help until an optimizer
steps in between, and then it is "modified by an inplace operation"; and the state of an LSTM is a
tuple, which has no `detach`. Recurrent layers themselves are told in `spec/nn/test_recurrent.py`,
why a graph is freed in `spec/autograd/test_retain_graph.py`.
"""

import pytest
import torch
from torch import nn


def test_a_state_kept_between_batches_brings_its_graph_along():
    """For `rnn = nn.RNN(1, 2)` and `x = torch.ones(2, 1, 1)`, after `y, h = rnn(x)` and
    `y.sum().backward()`, `rnn(x, h)[0].sum().backward()` raises RuntimeError, "Trying to
    backward through the graph a second time"; `rnn(x, h.detach())` works.

    Because the first `backward()` freed the graph of the first call, and `h` leads into it.
    Where all weights of the RNN are frozen and no input requires grad, `h` has no graph and
    needs no `detach()`.
    """
    rnn = nn.RNN(1, 2)
    first, second = torch.randn(4, 1, 1).split(2)

    output, h = rnn(first)
    output.sum().backward()
    assert h.requires_grad is True

    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        rnn(second, h)[0].sum().backward()

    output, h = rnn(second, h.detach())
    output.sum().backward()
    assert h.shape == (1, 1, 2)


def test_retain_graph_does_not_survive_a_step():
    """With `rnn = nn.RNN(1, 2)` and `a`, `b` of shape (2, 1, 1), after `out, h = rnn(a)`,
    `out.sum().backward(retain_graph=True)` and `SGD(rnn.parameters(), 0.1).step()`,
    `rnn(b, h)[0].sum().backward()` raises "modified by an inplace operation".

    Because the step wrote into a weight that the retained graph needs; and that graph would grow
    with each chunk. On the CPU an optimizer with `fused=True`, from PyTorch 2.4 on, raises
    nothing, and the gradients are wrong (`spec/training/test_wrong_orders.py`).
    """
    rnn = nn.RNN(1, 2)
    optimizer = torch.optim.SGD(rnn.parameters(), lr=0.1)
    first, second = torch.randn(4, 1, 1).split(2)

    output, h = rnn(first)
    output.sum().backward(retain_graph=True)
    optimizer.step()

    with pytest.raises(
        RuntimeError, match="needed for gradient computation has been modified by an"
    ):
        rnn(second, h)[0].sum().backward()


def test_the_state_of_an_lstm_is_detached_one_by_one():
    """The state of an `nn.LSTM` is a tuple of two tensors, and `state.detach()` raises
    AttributeError, "'tuple' object has no attribute 'detach'": write
    `tuple(each.detach() for each in state)`.
    """
    lstm = nn.LSTM(1, 2)
    _, state = lstm(torch.randn(2, 1, 1))

    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'detach'"):
        state.detach()

    h, c = tuple(each.detach() for each in state)
    assert (h.requires_grad, c.requires_grad) == (False, False)


def test_a_detached_state_has_its_values():
    """For `rnn = nn.RNN(1, 2)`, `x` of shape (4, 1, 1) and `output, h = rnn(x[:2])`, the output
    for the second chunk, `rnn(x[2:], h.detach())[0]`, equals that part of the output for the whole
    sequence, `rnn(x)[0][2:]`, up to rounding.

    Because `detach()` changes no value. A bidirectional RNN gives other outputs: its backward
    direction begins at the end of each chunk.
    """
    rnn = nn.RNN(1, 2)
    sequence = torch.randn(4, 1, 1)
    whole, _ = rnn(sequence)

    output, h = rnn(sequence[:2])
    rest, _ = rnn(sequence[2:], h.detach())

    torch.testing.assert_close(torch.cat([output, rest]), whole)


def test_the_gradient_ends_at_the_beginning_of_the_chunk():
    """After `_, h = rnn(first)` of an `nn.RNN`, `rnn(second, h.detach())[0].sum().backward()`
    gives a gradient to the inputs `second` and none to the inputs `first`, both new leaves that
    require grad: `first.grad` stays None.

    So the RNN still uses what lies further back than one chunk, for the values of `h` depend on
    it, but no gradient goes back beyond `h`.
    """
    rnn = nn.RNN(1, 2)
    first = torch.randn(2, 1, 1, requires_grad=True)
    second = torch.randn(2, 1, 1, requires_grad=True)

    _, h = rnn(first)
    rnn(second, h.detach())[0].sum().backward()

    assert first.grad is None
    assert second.grad.count_nonzero().item() == 2


def test_a_loop_over_chunks():
    """The loop of truncated backpropagation with an `nn.RNN` is, per chunk:
    `if h is not None: h = h.detach()`, forward, `zero_grad()`, `backward()`, `step()`; at the
    beginning of a sequence `h` is None.

    Because `rnn(x, None)` begins with zeros, as `rnn(x)` does.
    """
    rnn, head = nn.RNN(1, 4), nn.Linear(4, 1)
    optimizer = torch.optim.SGD([*rnn.parameters(), *head.parameters()], lr=0.1)
    x = torch.sin(torch.arange(21.0)).view(-1, 1, 1)

    losses, h = [], None
    for inputs, targets in zip(x[:-1].split(5), x[1:].split(5), strict=True):
        h = None if h is None else h.detach()
        output, h = rnn(inputs, h)
        loss = (head(output) - targets).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert len(losses) == 4
    assert h.requires_grad is True


def test_a_state_of_another_batch_size_is_refused():
    """`nn.RNN(1, 2)`, called with an input of batch size 2 and a state `h` from a batch of 3,
    raises RuntimeError, "Expected hidden size (1, 2, 2), got [1, 3, 2]".

    It happens with the last batch of an epoch, if that is smaller: use `drop_last=True` in the
    `DataLoader`, or pass None as the state.
    """
    rnn = nn.RNN(1, 2)
    _, h = rnn(torch.randn(2, 3, 1))

    with pytest.raises(RuntimeError, match=r"Expected hidden size \(1, 2, 2\), got \[1, 3, 2\]"):
        rnn(torch.randn(2, 2, 1), h)

    assert rnn(torch.randn(2, 2, 1), None)[0].shape == (2, 2, 2)


def test_a_cell_by_hand_is_detached_alike():
    """For `state = torch.tensor(1.0)` and `weight = torch.tensor(2.0, requires_grad=True)`, a loop
    of `state = state * weight` and `state.backward()` raises RuntimeError in its second round,
    unless each round starts with `state = state.detach()`.

    The state of an `nn.RNNCell` needs the `detach()` too, in a loop that calls `backward()` at
    each step.
    """
    weight = torch.tensor(2.0, requires_grad=True)

    state = torch.tensor(1.0)
    for _ in range(3):
        state = state.detach() * weight
        state.backward()

    assert state.item() == 8.0
    assert weight.grad.item() == 1.0 + 2.0 + 4.0
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        (state * weight).backward()
