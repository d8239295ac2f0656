"""Recurrent layers: RNN, GRU, LSTM.

A recurrent layer reads a sequence step by step and carries a hidden state along: each step
computes a new state from the input and the old state, with the same weights. `nn.RNN` does it
with one tanh; `nn.GRU` and `nn.LSTM` have gates, which decide how much of the old state is kept.
A call returns the outputs of all steps, and the final hidden state.

What surprises: time is the first dimension and the batch the second, unless `batch_first=True`,
and the hidden state keeps its order even then. Confusing time and batch raises no error.
"""

import math

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def test_the_input_is_time_by_batch_by_features():
    """`nn.RNN(3, 5)` takes an input of shape [time, batch, 3] with at least one time step and
    returns the outputs of all steps, of shape [time, batch, 5], and the final hidden state, of
    shape [1, batch, 5].
    """
    output, hidden = nn.RNN(3, 5)(torch.zeros(7, 2, 3))

    assert output.shape == (7, 2, 5)
    assert hidden.shape == (1, 2, 5)


def test_batch_first_changes_input_and_output_and_not_the_state():
    """With `batch_first=True` a 3-D input and the output of `nn.RNN(3, 5)`, `nn.LSTM(3, 5)` and
    `nn.GRU(3, 5)` have the shape [batch, time, features], but the hidden state stays [1,
    batch, 5].
    """
    batch = torch.zeros(2, 7, 3)
    output, hidden = nn.RNN(3, 5, batch_first=True)(batch)
    output_of_lstm, (h, c) = nn.LSTM(3, 5, batch_first=True)(batch)
    output_of_gru, state = nn.GRU(3, 5, batch_first=True)(batch)

    assert output.shape == output_of_lstm.shape == output_of_gru.shape == (2, 7, 5)
    assert hidden.shape == h.shape == c.shape == state.shape == (1, 2, 5)


def test_batch_and_time_confused_are_not_noticed():
    """`nn.RNN(3, 5)(x)` without `batch_first` reads a float32 `x` of shape [2, 7, 3] as 2 steps of
    a batch of 7 and raises nothing; the shape of the last hidden state, [1, 7, 5], shows the 7.

    Because no size tells which dimension is time; set `batch_first=True` for data from a
    `DataLoader`.
    """
    batch_of_two = torch.zeros(2, 7, 3)

    _, hidden = nn.RNN(3, 5)(batch_of_two)

    assert hidden.shape == (1, 7, 5)


def test_a_single_sequence_has_no_batch_axis():
    """`nn.GRU` also takes one non-empty sequence without a batch, [time, features]; its output and
    hidden state then have no batch dimension.
    """
    output, hidden = nn.GRU(3, 5)(torch.zeros(7, 3))

    assert output.shape == (7, 5)
    assert hidden.shape == (1, 5)


def test_layers_and_directions_add_to_the_state(device):
    """`nn.GRU(3, 5, num_layers=2, bidirectional=True)` gives for a float32 input of shape (7, 2,
    3), time before batch, an output (7, 2, 10), the last layer's directions side by side, and a
    hidden state (4, 2, 5), for 2 layers times 2 directions.
    """
    layer = nn.GRU(3, 5, num_layers=2, bidirectional=True, device=device)

    output, hidden = layer(torch.randn(7, 2, 3, device=device))

    assert output.shape == (7, 2, 10)
    assert hidden.shape == (4, 2, 5)
    assert torch.equal(output[-1, :, :5], hidden[2]) is True
    assert torch.equal(output[0, :, 5:], hidden[3]) is True


def test_an_lstm_has_two_states():
    """`nn.LSTM` returns its output and a pair of states, `(h_n, c_n)`: the hidden state and the
    cell state, of the same shape unless `proj_size` is given.

    Unpack it as `output, (hidden, cell) = layer(x)`; a state passed in is such a pair, too.
    """
    output, (hidden, cell) = nn.LSTM(3, 5)(torch.zeros(7, 2, 3))

    assert output.shape == (7, 2, 5)
    assert hidden.shape == cell.shape == (1, 2, 5)
    projecting = nn.LSTM(3, 5, proj_size=4, dtype=torch.float64)
    _, (hidden, cell) = projecting(torch.zeros(7, 2, 3, dtype=torch.float64))
    assert (hidden.shape, cell.shape) == ((1, 2, 4), (1, 2, 5))


def test_the_hidden_state_is_the_output_of_the_last_step():
    """`output, (h_n, c_n) = nn.LSTM(2, 3, num_layers=2, batch_first=True)(torch.randn(4, 5, 2))`
    gives in `output` the hidden states of the last layer at all 5 steps; `h_n[-1]`, that of the
    last step, equals `output[:, -1]`.

    With `bidirectional=True` the backward direction ends at step 0: its last hidden state is
    `output[:, 0, 3:]`. For a padded batch take `h_n` of a packed sequence.
    """
    x = torch.randn(4, 5, 2)

    output, (h_n, _) = nn.LSTM(2, 3, num_layers=2, batch_first=True)(x)
    both, (ends, _) = nn.LSTM(2, 3, batch_first=True, bidirectional=True)(x)
    backward = both[:, :, 3:]

    assert output.shape == (4, 5, 3)
    assert torch.equal(output[:, -1], h_n[-1]) is True
    assert torch.equal(backward[:, 0], ends[1]) is True
    assert torch.equal(backward[:, -1], ends[1]) is False


def test_one_step_of_an_rnn_is_a_tanh_of_two_products(device):
    """`nn.RNN(1, 1)` computes from an input `x` of one step and a hidden state `h`, up to
    rounding, `tanh(weight_ih_l0 * x + bias_ih_l0 + weight_hh_l0 * h + bias_hh_l0)`: this is
    both the output and the new hidden state.
    """
    layer = nn.RNN(1, 1, device=device)
    values = [2.0, 3.0, 0.25, 0.5]
    for parameter, value in zip(layer.parameters(), values, strict=True):
        parameter.data.fill_(value)
    x = torch.tensor([[[0.5]]], device=device)
    h = torch.tensor([[[-0.5]]], device=device)

    output, hidden = layer(x, h)

    assert output.item() == pytest.approx(math.tanh(2 * 0.5 + 0.25 - 3 * 0.5 + 0.5), rel=1e-4)
    assert hidden.tolist() == output.tolist()


def test_one_step_of_an_lstm(device):
    """`nn.LSTMCell` has the gates i, f, g, o in this order in its weights; one step gives,
    up to rounding, `c' = sigmoid(f) c + sigmoid(i) tanh(g)` and `h' = sigmoid(o) tanh(c')`,
    i, f, g and o being affine functions of x and h.
    """
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
    """`nn.GRUCell` stacks its weights in the order r, z, n (reset, update, new). For float32
    vectors `x`, `h`, with r and z after the sigmoid,
    `n = tanh(W_in @ x + b_in + r * (W_hn @ h + b_hn))` and `h' = (1 - z) * n + z * h` up to
    rounding.

    `W_in` is the last third of `weight_ih`, `W_hn` that of `weight_hh`. The original paper
    multiplies r with h before the product with `W_hn`.
    """
    cell = nn.GRUCell(1, 1, device=device)
    cell.weight_ih.data = torch.tensor([[1.0], [2.0], [3.0]], device=device)
    cell.weight_hh.data = torch.tensor([[0.0], [0.0], [4.0]], device=device)
    cell.bias_ih.data.zero_()
    cell.bias_hh.data.zero_()
    x, h = torch.tensor([[1.0], [-0.5]], device=device)

    r, z = torch.tensor([1.0, 2.0]).sigmoid().tolist()
    new_h = cell(x, h)

    assert new_h.item() == pytest.approx((1 - z) * math.tanh(3 + r * 4 * -0.5) + z * -0.5)


@pytest.mark.parametrize(("kind", "rows"), [(nn.RNN, 5), (nn.GRU, 15), (nn.LSTM, 20)])
def test_gates_are_stacked_in_one_weight(kind, rows):
    """`nn.RNN(3, 5).weight_ih_l0` has shape (5, 3); that of `nn.GRU(3, 5)` has shape (15,
    3) and that of `nn.LSTM(3, 5)` (20, 3), because the weights of several gates are stacked
    in it.
    """
    layer = kind(3, 5)

    assert layer.weight_ih_l0.shape == (rows, 3)
    assert layer.weight_hh_l0.shape == (rows, 5)


def test_the_state_starts_at_zero_and_can_be_handed_on(device):
    """Without a state, `nn.RNN` starts at zeros; with one direction and no dropout it reads a
    sequence in two calls as in one, up to rounding, if the second call gets the state that the
    first one returned.

    A bidirectional layer also reads from the end to the beginning, so its sequence can't be split.
    """
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
    """Called with `pack_padded_sequence(padded, [3, 1], batch_first=True)`, an `nn.RNN` of one
    direction stops at the end of each sequence: the hidden state it returns is that of the
    last real step, also if the padding holds NaN.
    """
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
    padded[1, 1:] = float("nan")
    _, again = layer(pack_padded_sequence(padded, [3, 1], batch_first=True))
    assert again.flatten().tolist() == [6.0, 4.0]


def test_packed_sequences_come_longest_first_unless_told():
    """By default `pack_padded_sequence` raises RuntimeError for lengths that are not sorted in
    decreasing order, such as [1, 2]; with `enforce_sorted=False` it sorts the sequences itself,
    and `pad_packed_sequence` restores their order.
    """
    padded = torch.tensor([[1.0, 2.0], [0.0, 3.0]])

    with pytest.raises(RuntimeError, match="must be sorted in decreasing order"):
        pack_padded_sequence(padded, [1, 2])
    packed = pack_padded_sequence(padded, [1, 2], enforce_sorted=False)

    assert packed.data.tolist() == [2.0, 1.0, 3.0]
    assert pad_packed_sequence(packed)[0].tolist() == [[1.0, 2.0], [0.0, 3.0]]


def test_no_sequence_of_a_packed_batch_is_empty():
    """`pack_padded_sequence(torch.ones(3, 2, 1), torch.tensor([3, 0]))` raises RuntimeError,
    "Length of all samples has to be greater than 0": leave sequences of length 0 out of the batch.

    Lengths on a GPU are refused too, "'lengths' argument should be a 1D CPU int64 tensor": pass
    `lengths.cpu()`.
    """
    batch, lengths = torch.ones(3, 2, 1), torch.tensor([3, 2])

    with pytest.raises(
        RuntimeError, match="Length of all samples has to be greater than 0, but found"
    ):
        nn.utils.rnn.pack_padded_sequence(batch, torch.tensor([3, 0]))
    with pytest.raises(
        RuntimeError, match="'lengths' argument should be a 1D CPU int64 tensor, but"
    ):
        nn.utils.rnn.pack_padded_sequence(batch, lengths.to("meta"))

    assert nn.utils.rnn.pack_padded_sequence(batch, lengths).batch_sizes.tolist() == [2, 2, 1]


def test_a_state_on_another_device_is_refused():
    """`nn.GRU(1, 2)(x, h)` with `x = torch.ones(2, 1, 1)` and
    `h = torch.zeros(1, 1, 2, device="meta")` raises RuntimeError, "Input and hidden tensors
    are not at the same device": make `h` with `device=x.device`.
    """
    x, state = torch.ones(2, 1, 1), torch.zeros(1, 1, 2, device="meta")

    with pytest.raises(RuntimeError, match="Input and hidden tensors are not at the same device"):
        nn.GRU(1, 2)(x, state)

    assert nn.GRU(1, 2)(x, torch.zeros(1, 1, 2, device=x.device))[0].shape == (2, 1, 2)


@pytest.mark.parametrize("layer", [nn.RNN, nn.GRU])
def test_a_wrong_number_of_features_is_named(layer):
    """`nn.RNN(2, 3)` and `nn.GRU(2, 3)` raise RuntimeError for a float32 input of 4 steps, 1 sample
    and 5 features, "input.size(-1) must be equal to input_size. Expected 2, got 5".

    The first argument of the layer, `input_size`, has to be the last size of the input.
    """
    with pytest.raises(RuntimeError, match=r"must be equal to input_size\. Expected 2, got 5"):
        layer(2, 3)(torch.zeros(4, 1, 5))


@pytest.mark.torch("!=2.1.*,!=2.2.*")
def test_an_lstm_names_a_wrong_number_of_features():
    """Except in PyTorch 2.1 and 2.2, `nn.LSTM(2, 3)` raises RuntimeError for a 2-D or 3-D float32
    tensor with 5 features, "must be equal to input_size. Expected 2, got 5".

    PyTorch 2.1 and 2.2 did not check the number of features of float32 input on the CPU, and could
    return meaningless numbers without an error.
    """
    with pytest.raises(RuntimeError, match=r"must be equal to input_size\. Expected 2, got 5"):
        nn.LSTM(2, 3)(torch.zeros(4, 1, 5))
    with pytest.raises(RuntimeError, match=r"must be equal to input_size\. Expected 2, got 5"):
        nn.LSTM(2, 3)(torch.zeros(4, 5))


@pytest.mark.torch(">=2.1,<2.3")
def test_an_lstm_took_any_number_of_features():
    """In PyTorch 2.1 and 2.2 `nn.LSTM(2, 3)` on the CPU accepted `torch.zeros(4, 1, 5)`,
    which has 5 features, and raised no error.
    """
    output, _ = nn.LSTM(2, 3)(torch.zeros(4, 1, 5))

    assert output.shape == (4, 1, 3)


def test_a_state_of_another_batch_is_refused():
    """`nn.RNN(2, 3)(torch.zeros(4, 1, 2), torch.zeros(1, 2, 3))`, a batch of 1 with a state
    for a batch of 2, raises RuntimeError, "Expected hidden size (1, 1, 3), got [1, 2, 3]".

    It happens when a state is kept and the last batch is shorter: start with a new state, or use
    `DataLoader(..., drop_last=True)`.
    """
    with pytest.raises(RuntimeError, match=r"Expected hidden size \(1, 1, 3\), got \[1, 2, 3\]"):
        nn.RNN(2, 3)(torch.zeros(4, 1, 2), torch.zeros(1, 2, 3))


def test_a_state_of_an_lstm_stays_layers_first():
    """`nn.LSTM(2, 3, batch_first=True)` takes with an input of shape (4, 7, 2) a pair of states of
    shape (1, 4, 3) each: a pair of (4, 1, 3) raises RuntimeError, "Expected hidden[0] size (1, 4,
    3), got [4, 1, 3]".

    `hidden[0]` is `h_0` of the pair `(h_0, c_0)`; with a batched input and without `proj_size`
    both have the shape (layers, batch, hidden size), with `bidirectional=True` (2 * layers, batch,
    hidden size), whatever `batch_first` says.
    """
    lstm, x = nn.LSTM(2, 3, batch_first=True), torch.zeros(4, 7, 2)
    state, turned = torch.zeros(1, 4, 3), torch.zeros(4, 1, 3)

    output, (hidden, _) = lstm(x, (state, state))

    assert output.shape == (4, 7, 3)
    assert hidden.shape == (1, 4, 3)
    message = r"Expected hidden\[0\] size \(1, 4, 3\), got \[4, 1, 3\]"
    with pytest.raises(RuntimeError, match=message):
        lstm(x, (turned, turned))


def test_dropout_of_a_single_layer_does_nothing_and_warns():
    """`nn.LSTM(2, 3, dropout=0.5)` warns and drops nothing, because `dropout` acts between stacked
    layers: with `num_layers=2` it drops in training mode.
    """
    with pytest.warns(UserWarning, match="dropout expects num_layers greater than 1"):
        layer = nn.LSTM(2, 3, dropout=0.5)
    stacked = nn.LSTM(2, 3, num_layers=2, dropout=0.5)
    x = torch.ones(4, 1, 2)

    assert torch.equal(layer(x)[0], layer(x)[0]) is True
    assert torch.equal(stacked(x)[0], stacked(x)[0]) is False
    assert torch.equal(stacked.eval()(x)[0], stacked(x)[0]) is True


def test_recurrent_layers_share_a_base_class():
    """`isinstance(layer, nn.RNNBase)` is True for an `nn.RNN`, `nn.LSTM` or `nn.GRU`, and False for
    an `nn.LSTMCell`, whose base class is `nn.RNNCellBase`.
    """
    layers = [nn.RNN(2, 3), nn.LSTM(2, 3), nn.GRU(2, 3), nn.LSTMCell(2, 3), nn.Linear(2, 3)]

    assert [isinstance(layer, nn.RNNBase) for layer in layers] == [True, True, True, False, False]
    assert isinstance(layers[3], nn.RNNCellBase) is True
