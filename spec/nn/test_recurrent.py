"""Recurrent layers.

A recurrent layer reads a sequence step by step and carries a hidden state along: each step makes a
new state of the input and the old state, with the same weights every time. `nn.RNN` does it with a
tanh, `nn.GRU` and `nn.LSTM` with gates that decide what is kept.

What surprises: time is the first axis and the batch the second, unless `batch_first=True`; and the
hidden state keeps that order even then.
"""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def test_the_input_is_time_by_batch_by_features():
    """Seven steps of a batch of two make an output of all steps, and a last hidden state."""
    output, hidden = nn.RNN(3, 5)(torch.zeros(7, 2, 3))

    assert output.shape == (7, 2, 5)
    assert hidden.shape == (1, 2, 5)


def test_batch_first_changes_input_and_output_and_not_the_state():
    """With `batch_first=True` the batch leads in input and output; the state stays as it was."""
    output, hidden = nn.RNN(3, 5, batch_first=True)(torch.zeros(2, 7, 3))

    assert output.shape == (2, 7, 5)
    assert hidden.shape == (1, 2, 5)


def test_batch_and_time_confused_are_not_noticed():
    """Both axes may have any length: a layer that was not told `batch_first` reads in silence."""
    batch_of_two = torch.zeros(2, 7, 3)

    _, hidden = nn.RNN(3, 5)(batch_of_two)

    assert hidden.shape == (1, 7, 5)


def test_a_single_sequence_has_no_batch_axis():
    """A sequence alone is steps x features; output and state come back without a batch, too."""
    output, hidden = nn.GRU(3, 5)(torch.zeros(7, 3))

    assert output.shape == (7, 5)
    assert hidden.shape == (1, 5)


def test_layers_and_directions_add_to_the_state(device):
    """The state has a row for each layer and direction; the output the last layer, both ways."""
    layer = nn.GRU(3, 5, num_layers=2, bidirectional=True, device=device)

    output, hidden = layer(torch.zeros(7, 2, 3, device=device))

    assert output.shape == (7, 2, 10)
    assert hidden.shape == (4, 2, 5)


def test_one_step_of_an_rnn_is_a_tanh_of_two_products(device):
    """The new state, and the output, is tanh(weight_ih x + bias_ih + weight_hh h + bias_hh)."""
    layer = nn.RNN(1, 1, device=device)
    values = [2.0, 3.0, 0.25, 0.5]
    for parameter, value in zip(layer.parameters(), values, strict=True):
        parameter.data.fill_(value)
    x = torch.tensor([[[0.5]]], device=device)
    h = torch.tensor([[[-0.5]]], device=device)

    output, hidden = layer(x, h)

    assert output.item() == pytest.approx(math.tanh(2 * 0.5 + 0.25 - 3 * 0.5 + 0.5))
    assert hidden.tolist() == output.tolist()


def test_one_step_of_an_lstm(device):
    """Gates in the order input, forget, candidate, output: c = f c + i g, and h = o tanh(c)."""
    cell = nn.LSTMCell(1, 1, device=device)
    cell.weight_ih.data = torch.tensor([[1.0], [2.0], [3.0], [4.0]], device=device)
    cell.weight_hh.data.zero_()
    cell.bias_ih.data.zero_()
    cell.bias_hh.data.zero_()
    x, h, c = torch.tensor([[[1.0]], [[9.0]], [[0.5]]], device=device)

    i, f, o = torch.tensor([1.0, 2.0, 4.0]).sigmoid().tolist()
    new_h, new_c = cell(x, (h, c))

    assert new_c.item() == pytest.approx(f * 0.5 + i * math.tanh(3))
    assert new_h.item() == pytest.approx(o * math.tanh(f * 0.5 + i * math.tanh(3)))


def test_one_step_of_a_gru(device):
    """Gates in the order reset, update, new: h' = (1 - z) n + z h, with r muting h inside n."""
    cell = nn.GRUCell(1, 1, device=device)
    cell.weight_ih.data = torch.tensor([[1.0], [2.0], [3.0]], device=device)
    cell.weight_hh.data = torch.tensor([[0.0], [0.0], [4.0]], device=device)
    cell.bias_ih.data.zero_()
    cell.bias_hh.data.zero_()
    x, h = torch.tensor([[[1.0]], [[-0.5]]], device=device)

    r, z = torch.tensor([1.0, 2.0]).sigmoid().tolist()
    new_h = cell(x, h)

    assert new_h.item() == pytest.approx((1 - z) * math.tanh(3 + r * 4 * -0.5) + z * -0.5)


def test_an_lstm_has_two_states():
    """`nn.LSTM` returns its output and a pair, hidden state and cell state."""
    output, (hidden, cell) = nn.LSTM(3, 5)(torch.zeros(7, 2, 3))

    assert output.shape == (7, 2, 5)
    assert hidden.shape == cell.shape == (1, 2, 5)


@pytest.mark.parametrize(("kind", "rows"), [(nn.RNN, 5), (nn.GRU, 15), (nn.LSTM, 20)])
def test_gates_are_stacked_in_one_weight(kind, rows):
    """A GRU has three sets of weights, an LSTM four, one below the other in a single parameter."""
    layer = kind(3, 5)

    assert layer.weight_ih_l0.shape == (rows, 3)
    assert layer.weight_hh_l0.shape == (rows, 5)


def test_the_state_starts_at_zero_and_can_be_handed_on(device):
    """No state means zeros; a sequence read in two parts needs the first part's state."""
    layer = nn.RNN(1, 1, bias=False, nonlinearity="relu", device=device)
    for parameter in layer.parameters():
        parameter.data.fill_(1.0)
    x = torch.tensor([[1.0], [2.0], [3.0]], device=device)

    whole, _ = layer(x)
    _, state = layer(x[:2])
    carried, _ = layer(x[2:], state)
    forgotten, _ = layer(x[2:])

    assert whole.tolist() == [[1.0], [3.0], [6.0]]
    assert carried.tolist() == [[6.0]]
    assert forgotten.tolist() == [[3.0]]


def test_packing_reads_each_sequence_to_its_own_end(device):
    """Padded sequences, packed with their lengths, stop at their ends: padding changes no state."""
    layer = nn.RNN(1, 1, bias=False, nonlinearity="relu", batch_first=True, device=device)
    for parameter in layer.parameters():
        parameter.data.fill_(1.0)
    padded = torch.tensor([[[1.0], [2.0], [3.0]], [[4.0], [9.0], [9.0]]], device=device)

    packed = pack_padded_sequence(padded, [3, 1], batch_first=True)
    output, hidden = layer(packed)
    unpacked, lengths = pad_packed_sequence(output, batch_first=True)

    assert packed.batch_sizes.tolist() == [2, 1, 1]
    assert hidden.flatten().tolist() == [6.0, 4.0]
    assert unpacked.squeeze(2).tolist() == [[1.0, 3.0, 6.0], [4.0, 0.0, 0.0]]
    assert lengths.tolist() == [3, 1]


def test_packed_sequences_come_longest_first_unless_told():
    """Lengths out of order are refused; `enforce_sorted=False` sorts, and unsorts the output."""
    padded = torch.tensor([[1.0, 2.0], [0.0, 3.0]])

    with pytest.raises(RuntimeError, match="must be sorted in decreasing order"):
        pack_padded_sequence(padded, [1, 2])
    packed = pack_padded_sequence(padded, [1, 2], enforce_sorted=False)

    assert packed.data.tolist() == [2.0, 1.0, 3.0]
    assert pad_packed_sequence(packed)[0].tolist() == [[1.0, 2.0], [0.0, 3.0]]


@pytest.mark.parametrize("layer", [nn.RNN, nn.GRU])
def test_a_wrong_number_of_features_is_named(layer):
    """The last axis is what the layer was made for; the message says what it wanted and got."""
    with pytest.raises(RuntimeError, match=r"equal to input_size\. Expected 2, got 5"):
        layer(2, 3)(torch.zeros(4, 1, 5))


@pytest.mark.torch("!=2.1.*,!=2.2.*")
def test_an_lstm_names_a_wrong_number_of_features():
    """An LSTM names the number of features that it wanted and got, as the other layers do."""
    with pytest.raises(RuntimeError, match=r"equal to input_size\. Expected 2, got 5"):
        nn.LSTM(2, 3)(torch.zeros(4, 1, 5))


@pytest.mark.torch(">=2.1,<2.3")
def test_an_lstm_took_any_number_of_features():
    """In PyTorch 2.1 and 2.2 an LSTM on the CPU answered to wrong features without a word."""
    output, _ = nn.LSTM(2, 3)(torch.zeros(4, 1, 5))

    assert output.shape == (4, 1, 3)


def test_a_state_of_another_batch_is_refused():
    """A state kept from a batch of two does not fit a last, shorter batch of one."""
    with pytest.raises(RuntimeError, match=r"Expected hidden size \(1, 1, 3\), got \[1, 2, 3\]"):
        nn.RNN(2, 3)(torch.zeros(4, 1, 2), torch.zeros(1, 2, 3))


def test_dropout_of_a_single_layer_does_nothing_and_warns():
    """`dropout` stands between stacked layers: with one layer there is no between."""
    with pytest.warns(UserWarning, match="dropout expects num_layers greater than 1"):
        layer = nn.LSTM(2, 3, dropout=0.5)
    x = torch.zeros(4, 1, 2)

    assert torch.equal(layer(x)[0], layer(x)[0])
    assert layer.dropout == 0.5
