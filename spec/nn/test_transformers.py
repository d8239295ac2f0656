"""Transformer layers.

A transformer layer is attention among the positions of a sequence and then a small network for
each position, both with a residual connection, a layer norm and dropout.
`nn.TransformerEncoderLayer` is one of them; `nn.TransformerEncoder` stacks copies of it.
`nn.TransformerDecoderLayer` has a second attention, to a `memory` that an encoder computed, and
`nn.Transformer` joins both halves.

They map vectors to vectors of the same size `d_model`. The embedding of tokens, the positions
(`spec/nn/test_positions.py`) and the last layer to the vocabulary are yours.

What surprises: the batch is the second dimension unless `batch_first=True`; dropout is 0.1
unless told; the copies of an encoder start with equal weights; nothing is causal unless a mask
is given; and in evaluation mode without gradients a faster path may return zeros at
padded positions. Masks are on `spec/nn/test_attention_masks.py`.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

pytestmark = [
    pytest.mark.torch(">=2.0"),
    pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning"),
    pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in:UserWarning"),
]


def layer_of_width_4(**settings):
    return nn.TransformerEncoderLayer(4, 2, 8, batch_first=True, **settings)


def test_an_encoder_layer_keeps_the_shape():
    """`nn.TransformerEncoderLayer(d_model=4, nhead=2, batch_first=True)` maps a float32 tensor
    (batch, steps, 4) to the same shape, for 5 steps and for 9; a single sequence (steps, 4) works
    too.
    """
    layer = layer_of_width_4()

    assert layer(torch.randn(3, 5, 4)).shape == (3, 5, 4)
    assert layer(torch.randn(3, 9, 4)).shape == (3, 9, 4)
    assert layer(torch.randn(5, 4)).shape == (5, 4)


def test_the_batch_is_the_second_dimension_unless_told():
    """Without `batch_first=True`, `nn.TransformerEncoderLayer(4, 2)` reads
    `x = torch.randn(3, 5, 4)`, meant as 3 samples of 5 steps, as 3 steps of 5 samples and raises
    nothing: a change of `x[0]` then changes all three outputs.
    """
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0)
    x = torch.randn(3, 5, 4)  # meant as 3 samples of 5 steps
    changed = x.clone()
    changed[0] += torch.randn(5, 4)

    difference = (layer(changed) - layer(x)).abs().amax((1, 2)) > 1e-6

    assert difference.tolist() == [True, True, True]
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
    difference = (layer(changed) - layer(x)).abs().amax((1, 2)) > 1e-6
    assert difference.tolist() == [True, False, False]


def test_an_encoder_layer_by_hand():
    """Without dropout and up to rounding, `nn.TransformerEncoderLayer` with its default ReLU is
    `x = norm1(x + attention(x))`, `x = norm2(x + feedforward(x))`; `norm_first=True` is
    `x = x + attention(norm1(x))`, `x = x + feedforward(norm2(x))`.

    The second trains more steadily in deep stacks, which then want a norm after the last layer.
    With `activation=nn.GELU(approximate="tanh")` and `batch_first=True`, the fast path (`eval()`
    under `torch.no_grad()`) computes the exact GELU instead.
    """
    last, first = layer_of_width_4(dropout=0.0), layer_of_width_4(dropout=0.0, norm_first=True)
    first.load_state_dict(last.state_dict())
    x = torch.randn(2, 3, 4)

    def attention(x):
        return last.self_attn(x, x, x)[0]

    def feedforward(x):
        return last.linear2(F.relu(last.linear1(x)))

    y = last.norm1(x + attention(x))
    y = last.norm2(y + feedforward(y))
    z = x + attention(last.norm1(x))
    z = z + feedforward(last.norm2(z))

    assert torch.allclose(last(x), y, atol=1e-5) is True
    assert torch.allclose(first(x), z, atol=1e-5) is True


def test_the_outputs_are_normalised_unless_the_norm_comes_first():
    """The outputs of a new `nn.TransformerEncoderLayer(4, 2, 8)` for `torch.randn(2, 3, 4) * 100`
    have mean 0 and standard deviation 1 (`correction=0`) at each position, up to `eps` and
    rounding; with `norm_first=True` they have not.

    By default its last step is a LayerNorm, whose weight and bias start as 1 and 0 and are learnt.
    """
    x = torch.randn(2, 3, 4) * 100

    last, first = layer_of_width_4()(x), layer_of_width_4(norm_first=True)(x)

    assert last.mean(-1).flatten().tolist() == pytest.approx([0.0] * 6, abs=1e-5)
    assert last.std(-1, correction=0).flatten().tolist() == pytest.approx([1.0] * 6, abs=1e-3)
    assert torch.allclose(F.layer_norm(first, (4,)), first, atol=0.1) is False


def test_the_feedforward_part_is_2048_wide_unless_told():
    """`nn.TransformerEncoderLayer(d_model=512, nhead=8)` has `dim_feedforward=2048`,
    `dropout=0.1` and 3,152,384 parameters, about two thirds of them in `linear1` and
    `linear2`.
    """
    layer = nn.TransformerEncoderLayer(d_model=512, nhead=8)

    inner = sum(p.numel() for part in (layer.linear1, layer.linear2) for p in part.parameters())

    assert layer.linear1.out_features == 2048
    assert layer.dropout.p == 0.1
    assert sum(p.numel() for p in layer.parameters()) == 3152384
    assert inner == 2099712


def test_an_encoder_has_copies_that_start_alike():
    """`nn.TransformerEncoder(layer, 2)` deep-copies the layer: its two layers share no memory, but
    start with equal weights. The layer given isn't used and gets no gradient.

    The documentation of newer releases recommends to initialise the parameters anew after
    building.
    """
    layer = layer_of_width_4()
    encoder = nn.TransformerEncoder(layer, num_layers=2)
    first, second = encoder.layers

    encoder(torch.randn(1, 3, 4)).sum().backward()

    assert torch.equal(first.linear1.weight, second.linear1.weight) is True
    assert first.linear1.weight.data_ptr() != second.linear1.weight.data_ptr()
    assert layer.linear1.weight.grad is None


def test_the_parameters_of_a_transformer_are_drawn_anew_by_a_loop():
    """`nn.init.xavier_uniform_(p)` for each `p` of `encoder.parameters()` with `p.dim() > 1` gives
    the layers of an `nn.TransformerEncoder` different weight matrices; `nn.Transformer` does the
    same itself when it is built.

    The layers of a new encoder are copies of one layer. Biases and the weights of the norms have
    one dimension and stay equal.
    """
    encoder = nn.TransformerEncoder(layer_of_width_4(), num_layers=2)

    for parameter in encoder.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)

    first, second = encoder.layers
    assert torch.equal(first.linear1.weight, second.linear1.weight) is False
    assert torch.equal(first.linear1.bias, second.linear1.bias) is True
    both = nn.Transformer(4, 2, 2, 0, 8, batch_first=True).encoder.layers
    assert torch.equal(both[0].linear1.weight, both[1].linear1.weight) is False


def test_nothing_is_causal_without_a_mask():
    """In an `nn.TransformerEncoder` of `d_model=4` without dropout, called without a mask, a random
    change of the last of 3 steps changes the first output; with the causal mask it does not.

    A language model made of an encoder needs
    `mask=nn.Transformer.generate_square_subsequent_mask(steps)`.
    """
    encoder = nn.TransformerEncoder(layer_of_width_4(dropout=0.0), num_layers=2)
    x = torch.randn(1, 3, 4)
    changed = x.clone()
    changed[:, -1] += torch.randn(4)
    mask = nn.Transformer.generate_square_subsequent_mask(3)

    def first(x, mask=None):
        return encoder(x, mask)[:, 0]

    assert torch.allclose(first(x), first(changed)) is False
    assert torch.allclose(first(x, mask), first(changed, mask)) is True


def test_a_decoder_layer_reads_a_memory():
    """`nn.TransformerDecoderLayer` is called with the target and the output of an encoder,
    `layer(tgt, memory)`; the result has the shape of the target. `layer(tgt)` raises TypeError,
    "missing 1 required positional argument: 'memory'".

    For a decoder without an encoder, as in GPT, use `nn.TransformerEncoder` with a causal mask.
    """
    layer = nn.TransformerDecoderLayer(4, 2, 8, batch_first=True)
    target, memory = torch.randn(3, 5, 4), torch.randn(3, 7, 4)

    assert layer(target, memory).shape == (3, 5, 4)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'memory'"):
        layer(target)


def test_a_decoder_wants_its_causal_mask():
    """An `nn.TransformerDecoder` of `d_model=4` without dropout is not causal by itself: a
    random change of the last of 3 target vectors changes the first output; with the causal
    mask as `tgt_mask` it does not.

    A model trained without it can copy its answer from the future. The mask is
    `nn.Transformer.generate_square_subsequent_mask(steps)`.
    """
    decoder = nn.TransformerDecoder(
        nn.TransformerDecoderLayer(4, 2, 8, dropout=0.0, batch_first=True), num_layers=1
    )
    target, memory = torch.randn(1, 3, 4), torch.randn(1, 2, 4)
    changed = target.clone()
    changed[:, -1] += torch.randn(4)
    mask = nn.Transformer.generate_square_subsequent_mask(3)

    def first(target, **masks):
        return decoder(target, memory, **masks)[:, 0]

    assert torch.allclose(first(target), first(changed)) is False
    assert torch.allclose(first(target, tgt_mask=mask), first(changed, tgt_mask=mask)) is True


def test_a_transformer_takes_source_and_target():
    """`nn.Transformer` is called with source and target vectors, `model(src, tgt)`, and returns
    one vector for each target position; the source alone raises TypeError, "missing 1 required
    positional argument: 'tgt'".
    """
    model = nn.Transformer(4, 2, 1, 1, 8, batch_first=True)
    source, target = torch.randn(3, 5, 4), torch.randn(3, 2, 4)

    assert model(source, target).shape == (3, 2, 4)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'tgt'"):
        model(source)


def test_a_transformer_has_no_embedding_and_no_last_layer():
    """`nn.Transformer(d_model=4, nhead=2)` has no embedding and no layer to the vocabulary: int64
    ids of shape (1, 3) as source and target raise RuntimeError, "the feature number of src and
    tgt must be equal to d_model".

    Around it go `nn.Embedding`, a positional encoding and `nn.Linear(d_model, vocabulary)`. For
    ids of shape (1, 4), whose last size is `d_model`, the message in PyTorch 2.14 is "mat1 and
    mat2 must have the same dtype".
    """
    model = nn.Transformer(4, 2, 1, 1, 8, batch_first=True)
    ids = torch.tensor([[1, 2, 3]])
    embedding, head = nn.Embedding(10, 4), nn.Linear(4, 10)

    with pytest.raises(
        RuntimeError, match="the feature number of src and tgt must be equal to d_mo"
    ):
        model(ids, ids)
    vectors = embedding(ids) * math.sqrt(4)
    assert head(model(vectors, vectors)).shape == (1, 3, 10)
    assert any(isinstance(part, nn.Embedding) for part in model.modules()) is False


def test_source_and_target_are_batches_of_one_size():
    """`nn.Transformer` raises RuntimeError for a batch of 3 sources with a batch of 2 targets, "the
    batch number of src and tgt must be equal"; the lengths of source and target may differ.

    With `batch_first=False`, the default, this is often a batch in the wrong dimension.
    """
    model = nn.Transformer(4, 2, 1, 1, 8, batch_first=True)
    source = torch.randn(3, 5, 4)

    with pytest.raises(RuntimeError, match="the batch number of src and tgt must be equal"):
        model(source, torch.randn(2, 5, 4))
    other_length = torch.randn(3, 2, 4)
    assert model(source, other_length).shape == (3, 2, 4)


def test_the_activation_is_relu_unless_told():
    """`nn.TransformerEncoderLayer` uses `F.relu` by default and `F.gelu` for `activation="gelu"`;
    the name "swish" raises RuntimeError, "activation should be relu/gelu, not swish": pass
    `F.silu` itself.
    """
    assert layer_of_width_4().activation is F.relu
    assert layer_of_width_4(activation="gelu").activation is F.gelu
    assert layer_of_width_4(activation=F.silu).activation is F.silu
    with pytest.raises(RuntimeError, match="activation should be relu/gelu, not swish"):
        layer_of_width_4(activation="swish")


@pytest.mark.torch(">=2.1")
def test_padded_positions_are_zero_on_the_fast_path():
    """In `eval()` and `no_grad`, `nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8,
    batch_first=True), 1)` returns zeros where a bool `src_key_padding_mask` masks the end of one
    of two sequences; while autograd records it does not.

    Without autograd its fast path computes only the tokens that the mask leaves; so it does, with
    autograd on, if neither a parameter nor the input requires grad. A `mask`, an odd number of
    heads, `norm_first=True`, another activation than ReLU and GELU, `enable_nested_tensor=False`,
    or padding at the front prevents this. Ignore the masked positions in both modes.
    """
    encoder = nn.TransformerEncoder(layer_of_width_4(), num_layers=1).eval()
    x = torch.randn(2, 3, 4)
    mask = torch.tensor([[False, False, True], [False, False, False]])

    slow = encoder(x, src_key_padding_mask=mask)
    with torch.no_grad():
        fast = encoder(x, src_key_padding_mask=mask)

    assert fast[mask].tolist() == [[0.0, 0.0, 0.0, 0.0]]
    assert slow[mask].count_nonzero().item() == 4
    assert torch.allclose(fast[~mask], slow[~mask], atol=1e-5) is True
    with torch.no_grad():
        in_front = encoder(x, src_key_padding_mask=mask.flip(1))
    assert in_front[mask.flip(1)].count_nonzero().item() == 4
    frozen = encoder.requires_grad_(False)
    assert frozen(x, src_key_padding_mask=mask)[mask].tolist() == [[0.0, 0.0, 0.0, 0.0]]


@pytest.mark.torch("<2.1")
def test_the_fast_path_used_to_shorten_the_batch():
    """In PyTorch 2.0 `nn.TransformerEncoder` of
    `nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)` in `eval()` under
    `torch.no_grad()` returned 2 of 3 steps if `src_key_padding_mask` was
    `[False, False, True]` for all sequences.

    Pass `enable_nested_tensor=False` to `nn.TransformerEncoder`. With a `mask` as well it returned
    all 3 steps.
    """
    encoder = nn.TransformerEncoder(layer_of_width_4(), num_layers=1).eval()
    mask = torch.tensor([[False, False, True], [False, False, True]])

    with torch.no_grad():
        y = encoder(torch.randn(2, 3, 4), src_key_padding_mask=mask)

    assert y.shape == (2, 2, 4)


@pytest.mark.torch(">=2.1")
def test_the_fast_path_keeps_the_length():
    """Since PyTorch 2.1 `nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8,
    batch_first=True), 1).eval()` under `torch.no_grad()` keeps the input's shape (2, 3, 4) for
    `src_key_padding_mask=torch.tensor([[False, False, True]] * 2)`.

    In PyTorch 2.0 the result had the shape (2, 2, 4): the steps at the end that are padding in all
    sequences were cut off.
    """
    encoder = nn.TransformerEncoder(layer_of_width_4(), num_layers=1).eval()
    mask = torch.tensor([[False, False, True], [False, False, True]])

    with torch.no_grad():
        y = encoder(torch.randn(2, 3, 4), src_key_padding_mask=mask)

    assert y.shape == (2, 3, 4)
    assert y[:, 2].tolist() == [[0.0] * 4] * 2


@pytest.mark.torch(">=2.1")
@pytest.mark.filterwarnings("default:enable_nested_tensor is True:UserWarning")
def test_an_encoder_warns_that_it_cannot_be_fast():
    """By default `nn.TransformerEncoder(layer, 1)` of an `nn.TransformerEncoderLayer` with
    `norm_first=True`, or without `batch_first=True`, issues a UserWarning, "enable_nested_tensor
    is True, but self.use_nested_tensor is False".

    The message then names the setting. It says only that a fast path isn't taken:
    `enable_nested_tensor=False` silences it.
    """
    layer = layer_of_width_4(norm_first=True)

    with pytest.warns(
        UserWarning, match="but self.use_nested_tensor is False because .*norm_first was True"
    ):
        nn.TransformerEncoder(layer, num_layers=1)
    with pytest.warns(UserWarning, match="batch_first was not True"):
        nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), num_layers=1)
    quiet = nn.TransformerEncoder(layer, num_layers=1, enable_nested_tensor=False)
    assert quiet.num_layers == 1


def test_a_small_language_model_learns_to_repeat():
    """`nn.Embedding` of tokens and of positions, `nn.TransformerEncoder` of one layer (width 16, 2
    heads, feedforward 32, dropout 0, causal mask) and `nn.Linear` predict each next token of a
    sequence of 8 after 60 steps of Adam, `lr=0.01`, on it.

    That is a language model. One that is both deeper and wider can need a smaller learning rate:
    six layers with the defaults `dim_feedforward=2048` and `norm_first=False` do not learn the
    sequence in these steps, but do with `lr=0.001`.
    """
    ids = torch.tensor([[3, 1, 4, 1, 5, 9, 2, 6]])
    tokens, positions = nn.Embedding(10, 16), nn.Embedding(8, 16)
    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True), num_layers=1
    )
    net = nn.ModuleList([tokens, positions, encoder, head := nn.Linear(16, 10)])
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    mask = nn.Transformer.generate_square_subsequent_mask(7)

    for _ in range(60):
        x = tokens(ids[:, :-1]) + positions(torch.arange(7))
        logits = head(encoder(x, mask))
        loss = F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    assert logits.argmax(-1).tolist() == [[1, 4, 1, 5, 9, 2, 6]]
