"""Masks of attention.

A mask says which keys a query may attend to. Two kinds are common: a padding mask, one row of
booleans per sequence, (batch, keys), which hides the filler at the end of short sequences; and a
causal mask, (queries, keys), which hides the future. `nn.MultiheadAttention` and the layers of
`nn.Transformer` take them apart, as `key_padding_mask` and `attn_mask`;
`F.scaled_dot_product_attention` takes one `attn_mask` that broadcasts to (batch, heads, queries,
keys).

What surprises: True in a mask of `nn.MultiheadAttention` leaves a key out, True in a mask of
`F.scaled_dot_product_attention` lets it take part (`spec/nn/test_attention.py`); a mask per
sample has to be repeated for each head; a padding mask hides keys, so that padded queries still
get an output; a padding mask without its extra dimensions is taken for something else if batch
and length are equal; and `is_causal` is only a hint in `nn.MultiheadAttention`. Some errors below
have other words, or are missing, in evaluation mode without gradients, where
`nn.MultiheadAttention` takes a faster path: what is said of it holds in training mode, unless the
sentence names the other.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

pytestmark = pytest.mark.torch(">=2.0")


def test_a_padding_mask_is_made_of_lengths(device):
    """`torch.arange(4) >= lengths[:, None]`, with `lengths = torch.tensor([4, 2])`, is a
    `key_padding_mask` (2, 4) for `nn.MultiheadAttention`, True at the padding at the end;
    from token ids it is `ids == padding_id`.
    """
    lengths = torch.tensor([4, 2], device=device)
    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 0, 0]], device=device)

    mask = torch.arange(4, device=device) >= lengths[:, None]

    assert mask.tolist() == [[False, False, False, False], [False, False, True, True]]
    assert torch.equal(mask, ids == 0) is True


def test_padding_changes_nothing_for_the_other_positions():
    """`nn.MultiheadAttention(4, 2)` of a sequence padded from 2 to 4 steps by random numbers,
    with a `key_padding_mask` that is True at the padding, has at the 2 real steps the outputs
    of the sequence without padding, up to rounding.

    NaN or infinity in the padding reaches the outputs, since 0 times NaN is NaN; a number near
    the largest float32 can do the same, by overflow. Pad with zeros.
    """
    layer = nn.MultiheadAttention(4, 2, batch_first=True)
    x = torch.randn(1, 4, 4)
    mask = torch.tensor([[False, False, True, True]])

    short, _ = layer(x[:, :2], x[:, :2], x[:, :2])
    padded, _ = layer(x, x, x, key_padding_mask=mask)
    unmasked, _ = layer(x, x, x)

    assert torch.allclose(padded[:, :2], short, atol=1e-6) is True
    assert torch.allclose(unmasked[:, :2], short, atol=1e-6) is False


def test_padded_queries_still_get_an_output():
    """For `x = torch.randn(1, 3, 4)` and `mask = torch.tensor([[False, False, True]])`,
    `nn.MultiheadAttention(4, 2, batch_first=True)(x, x, x, key_padding_mask=mask)` ignores the
    last key only: the last query's output is neither zero nor NaN.

    The layer returns `output, weights`. `output[i][~mask[i]].mean(0)` is the mean of sample `i`
    without the padding; `output[~mask].mean(0)` would mix the samples of a batch. Leave the
    padding out of the loss too, as by `ignore_index` of `F.cross_entropy`.
    """
    layer = nn.MultiheadAttention(4, 2, batch_first=True)
    x = torch.randn(1, 3, 4)
    mask = torch.tensor([[False, False, True]])

    output, weights = layer(x, x, x, key_padding_mask=mask)

    assert weights[0, :, 2].tolist() == [0.0, 0.0, 0.0]
    assert output[mask].count_nonzero().item() == 4
    assert output[~mask].shape == (2, 4)
    assert output.isfinite().all().item() is True


@pytest.mark.torch("<2.6")
def test_a_padding_mask_of_another_shape_used_to_name_both():
    """In PyTorch 2.0 to 2.5 a new `nn.MultiheadAttention(4, 2, batch_first=True)` raises
    AssertionError for a bool `key_padding_mask` (5, 3) with batch 3 and 5 keys, "expecting
    key_padding_mask shape of (3, 5), but got torch.Size([5, 3])".

    In eval mode under `torch.no_grad()` it is a RuntimeError of the fast path instead, "For
    mask_type == 1 mask shape should be (B, L)".
    """
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.zeros(3, 5, 4)
    mask = torch.zeros(5, 3, dtype=torch.bool)

    with pytest.raises(AssertionError, match=r"expecting key_padding_mask shape of \(3, 5\), but"):
        layer(x, x, x, key_padding_mask=mask)
    assert layer(x, x, x, key_padding_mask=mask.T)[0].shape == (3, 5, 4)
    layer.eval()
    with torch.no_grad(), pytest.raises(RuntimeError, match=r"mask shape should be \(B, L\)"):
        layer(x, x, x, key_padding_mask=mask)


@pytest.mark.torch(">=2.6")
def test_a_padding_mask_of_another_shape_is_refused():
    """Since PyTorch 2.6 `nn.MultiheadAttention` in training mode raises AssertionError for a bool
    `key_padding_mask` of shape (5, 3) with batch 3 and 5 keys, "Expected key_padded_mask.shape[0]
    to be 3, but got 5": the mask is (batch, keys).

    With `batch_first=False` too the batch comes first in the mask. Before 2.6 this AssertionError
    had another message.
    """
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.zeros(3, 5, 4)
    mask = torch.zeros(5, 3, dtype=torch.bool)
    steps_first = nn.MultiheadAttention(4, 2)

    with pytest.raises(
        AssertionError, match=r"Expected key_padded_mask.shape\[0\] to be 3, but got 5"
    ):
        layer(x, x, x, key_padding_mask=mask)
    assert layer(x, x, x, key_padding_mask=mask.T)[0].shape == (3, 5, 4)
    y = x.transpose(0, 1)
    assert steps_first(y, y, y, key_padding_mask=mask.T)[0].shape == (5, 3, 4)


def test_a_mask_has_a_row_for_each_query():
    """In training mode `layer(x, x, x, attn_mask=torch.zeros(4, 5))` of `nn.MultiheadAttention`
    for 5 positions raises RuntimeError, "The shape of the 2D attn_mask is torch.Size([4, 5]), but
    should be (5, 5)", the numbers of queries and keys.

    A 2-D mask holds for all samples and all heads.
    """
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.zeros(3, 5, 4)
    wrong, right = torch.zeros(4, 5), torch.zeros(5, 5)

    with pytest.raises(
        RuntimeError, match=r"The shape of the 2D attn_mask is torch.Size\(\[4, 5\]"
    ):
        layer(x, x, x, attn_mask=wrong)
    assert layer(x, x, x, attn_mask=right)[0].shape == (3, 5, 4)


def test_a_mask_for_each_sample_is_repeated_for_each_head():
    """For 2 heads and 3 samples of 4 steps `nn.MultiheadAttention` takes a bool `attn_mask` (6, 4,
    4); in training mode, by default, (3, 4, 4) raises RuntimeError, "The shape of the 3D attn_mask
    is torch.Size([3, 4, 4]), but should be (6, 4, 4)".

    In general it is (batch * heads, queries, keys): write
    `mask.repeat_interleave(num_heads, dim=0)`. In training mode and without `key_padding_mask`,
    the options `is_causal=True, need_weights=False` make the layer ignore this mask.
    """
    layer, x = nn.MultiheadAttention(8, num_heads=2, batch_first=True), torch.zeros(3, 4, 8)
    mask = torch.zeros(3, 4, 4, dtype=torch.bool)

    with pytest.raises(
        RuntimeError, match=r"The shape of the 3D attn_mask is torch.Size\(\[3, 4, 4"
    ):
        layer(x, x, x, attn_mask=mask)
    assert layer(x, x, x, attn_mask=mask.repeat_interleave(2, dim=0))[0].shape == (3, 4, 8)


def test_the_heads_of_a_sample_are_neighbours_in_the_mask():
    """In a 3-D `attn_mask` of `nn.MultiheadAttention` the heads of the first sample come
    first: with 2 heads and a `mask` (2, queries, keys) of 2 samples pass
    `mask.repeat_interleave(2, 0)`; `mask.repeat(2, 1, 1)` mixes the samples up.
    """
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.zeros(2, 2, 4)
    mask = torch.tensor([[[False, True]] * 2, [[True, False]] * 2])  # the first sees 0, the other 1

    def weights(mask):
        return layer(x, x, x, attn_mask=mask, average_attn_weights=False)[1][:, :, 0].tolist()

    right, mixed = weights(mask.repeat_interleave(2, 0)), weights(mask.repeat(2, 1, 1))

    assert right == [[[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]]
    assert mixed == [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]]


def test_a_mask_has_two_or_three_dimensions():
    """`nn.MultiheadAttention` in training mode raises AssertionError for a bool `attn_mask`
    (batch, heads, queries, keys), "expected `attn_mask` to be `None`, 2-D or 3-D but found 4-D
    tensor instead"; pass `attn_mask.flatten(0, 1)`.
    """
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.zeros(3, 5, 4)
    mask = torch.zeros(3, 2, 5, 5, dtype=torch.bool)

    with pytest.raises(AssertionError, match="expected `attn_mask` to be `None`, 2-D or 3-D but"):
        layer(x, x, x, attn_mask=mask)
    assert layer(x, x, x, attn_mask=mask.flatten(0, 1))[0].shape == (3, 5, 4)


def test_ones_and_zeros_are_no_masks():
    """`nn.MultiheadAttention` raises AssertionError for a `key_padding_mask` of int64, "only bool
    and floating types of key_padding_mask are supported"; for the mask of a tokenizer write
    `mask == 0`.

    A tokenizer has 1 for real tokens, and `key_padding_mask` True for padding. A mask with 1 for
    padding becomes `mask.bool()`. An `attn_mask` of int64 is refused too.
    """
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.zeros(1, 3, 4)
    tokens = torch.tensor([[1, 1, 0]])

    with pytest.raises(
        AssertionError, match="only bool and floating types of key_padding_mask are"
    ):
        layer(x, x, x, key_padding_mask=tokens)
    with pytest.raises(
        AssertionError, match="only bool and floating types of attn_mask are support"
    ):
        layer(x, x, x, attn_mask=torch.ones(3, 3, dtype=torch.int64))
    _, weights = layer(x[:, :1], x, x, key_padding_mask=tokens == 0)
    assert weights.tolist() == [[[0.5, 0.5, 0.0]]]


def test_padding_and_causal_mask_are_of_one_dtype():
    """`nn.MultiheadAttention` warns if one of `key_padding_mask` and `attn_mask` is bool
    and the other float, "Support for mismatched key_padding_mask and attn_mask is
    deprecated. Use same type for both instead".

    `nn.Transformer.generate_square_subsequent_mask` is float; as bool the causal mask is
    `torch.ones(n, n, dtype=torch.bool).triu(1)`.
    """
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.zeros(1, 3, 4)
    padding = torch.tensor([[False, False, True]])
    causal = torch.ones(3, 3, dtype=torch.bool).triu(1)

    with pytest.warns(UserWarning, match="Support for mismatched key_padding_mask and attn_mask"):
        layer(x, x, x, padding, attn_mask=nn.Transformer.generate_square_subsequent_mask(3))
    _, weights = layer(x, x, x, padding, attn_mask=causal)
    assert weights.tolist() == [[[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.5, 0.0]]]


def test_a_padding_mask_gets_two_more_dimensions():
    """`F.scaled_dot_product_attention` of float32 `q`, `k`, `v` (batch, heads, steps, features)
    takes a bool padding mask `mask` (batch, keys), True at real tokens, as
    `attn_mask=mask[:, None, None]`: it broadcasts over heads and queries.

    A bool `key_padding_mask` of `nn.MultiheadAttention` is True at padding instead: pass
    `attn_mask=~key_padding_mask[:, None, None]`.
    """
    q, k = torch.zeros(2, 1, 1, 4), torch.zeros(2, 1, 3, 4)
    v = torch.tensor([0.0, 10.0, 50.0]).view(1, 1, 3, 1).expand(2, 1, 3, 1)
    real = torch.tensor([[True, True, True], [True, True, False]])

    y = F.scaled_dot_product_attention(q, k, v, attn_mask=real[:, None, None])

    assert y.flatten().tolist() == pytest.approx([20.0, 5.0])


def test_without_them_it_is_taken_for_queries_by_keys():
    """`F.scaled_dot_product_attention(q, k, v, attn_mask=mask)` with float32 `q`, `k`, `v` of
    shape (3, heads, 3, d) and a bool padding mask (3, 3), a row per sample, True to keep, runs,
    but masks query i by row i: pass `mask[:, None, None]`.

    In `key_padding_mask` of `nn.MultiheadAttention` True means padding: pass `~mask` there. With 3
    sequences of length 5 the first call raises, "The size of tensor a (5) must match the size of
    tensor b (3)".
    """
    q = torch.zeros(3, 1, 3, 4)
    v = torch.tensor([0.0, 10.0, 50.0]).view(1, 1, 3, 1).expand(3, 1, 3, 1)
    real = torch.tensor([[True, False, False], [True, True, False], [True, True, True]])

    wrong = F.scaled_dot_product_attention(q, q, v, attn_mask=real)
    right = F.scaled_dot_product_attention(q, q, v, attn_mask=real[:, None, None])

    assert wrong.flatten().tolist() == pytest.approx([0.0, 5.0, 20.0] * 3)
    assert right.flatten().tolist() == pytest.approx([0.0] * 3 + [5.0] * 3 + [20.0] * 3)
    five = torch.zeros(3, 1, 5, 4)
    with pytest.raises(
        RuntimeError, match=r"The size of tensor a \(5\) must match the size of tenso"
    ):
        F.scaled_dot_product_attention(five, five, five, attn_mask=torch.ones(3, 5) > 0)


def test_padding_and_causal_mask_are_joined_by_and():
    """Two bool masks for `F.scaled_dot_product_attention` of 4-D tensors, `real` of shape
    (batch, keys) and `causal` of shape (queries, keys), are combined as
    `real[:, None, None] & causal`, of shape (batch, 1, queries, keys).
    """
    real = torch.tensor([[True, True, False]])
    causal = torch.ones(3, 3, dtype=torch.bool).tril()

    mask = real[:, None, None] & causal

    assert mask.shape == (1, 1, 3, 3)
    assert mask[0, 0].tolist() == [
        [True, False, False],
        [True, True, False],
        [True, True, False],
    ]


def test_a_causal_mask_begins_at_the_first_key():
    """With 2 queries and 5 keys `is_causal=True` of `F.scaled_dot_product_attention` lets query
    0 attend to key 0 and query 1 to keys 0 and 1, as if the queries were the first two.

    With a cache of earlier keys the queries are the last two: use a mask
    `torch.ones(2, 5, dtype=torch.bool).tril(3)`.
    """
    q, k = torch.zeros(1, 2, 4), torch.zeros(1, 5, 4)
    v = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0]).view(1, 5, 1)
    last = torch.ones(2, 5, dtype=torch.bool).tril(diagonal=3)

    first_two = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    last_two = F.scaled_dot_product_attention(q, k, v, attn_mask=last)

    assert first_two.flatten().tolist() == [0.0, 0.5]
    assert last_two.flatten().tolist() == [1.5, 2.0]


@pytest.mark.torch(">=2.3")
def test_lower_right_is_the_causal_mask_of_a_cache():
    """`causal_lower_right(2, 5)`, imported from `torch.nn.attention.bias`, as `attn_mask`
    of `F.scaled_dot_product_attention` lets the last of 2 queries attend to all 5 keys;
    `causal_upper_left(2, 5)` does what `is_causal=True` does.
    """
    from torch.nn.attention.bias import causal_lower_right, causal_upper_left

    q, k = torch.zeros(1, 1, 2, 4), torch.zeros(1, 1, 5, 4)
    v = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0]).view(1, 1, 5, 1)

    y = F.scaled_dot_product_attention(q, k, v, attn_mask=causal_lower_right(2, 5))
    z = F.scaled_dot_product_attention(q, k, v, attn_mask=causal_upper_left(2, 5))
    same = F.scaled_dot_product_attention(q, k, v, is_causal=True)

    assert y.flatten().tolist() == [1.5, 2.0]
    assert z.flatten().tolist() == [0.0, 0.5]
    assert same.flatten().tolist() == [0.0, 0.5]


def test_is_causal_of_multihead_attention_needs_the_mask_too():
    """In training mode `nn.MultiheadAttention` called with `is_causal=True` and no `attn_mask`
    raises RuntimeError, "Need attn_mask if specifying the is_causal hint"; give it the causal
    mask.

    In training mode `nn.TransformerEncoderLayer` passes the hint on, and raises the same. With
    `layer = nn.MultiheadAttention(4, 2, batch_first=True).eval()` and a batch `x`,
    `layer(x, x, x, is_causal=True)` under `torch.no_grad()` raises nothing and masks nothing:
    query 0 sees all keys.
    """
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.zeros(1, 3, 4)
    encoder = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)
    mask = nn.Transformer.generate_square_subsequent_mask(3)

    with pytest.raises(RuntimeError, match="Need attn_mask if specifying the is_causal hint"):
        layer(x, x, x, is_causal=True)
    with pytest.raises(RuntimeError, match="Need attn_mask if specifying the is_causal hint"):
        encoder(x, is_causal=True)
    y, _ = layer(x, x, x, attn_mask=mask, is_causal=True)
    assert y.shape == (1, 3, 4)
    with torch.no_grad():
        _, weights = layer.eval()(x, x, x, is_causal=True)
    assert weights.flatten().tolist() == pytest.approx([1 / 3] * 9)


@pytest.mark.torch(">=2.1")
def test_without_gradients_the_hint_alone_is_not_causal():
    """Under `torch.no_grad()`, with
    `layer = nn.MultiheadAttention(4, 2, batch_first=True).eval()` and
    `x = torch.randn(1, 3, 4)`, `layer(x, x, x, is_causal=True)` raises nothing and masks
    nothing: pass a causal `attn_mask` as well.

    Because the inference fast path, which it takes here, ignores `is_causal`. The same call raises
    RuntimeError in training mode.
    """
    layer = nn.MultiheadAttention(4, 2, batch_first=True).eval()
    x, causal = torch.randn(1, 3, 4), torch.ones(3, 3, dtype=torch.bool).triu(1)

    with torch.no_grad():
        hinted, _ = layer(x, x, x, is_causal=True)
        plain, _ = layer(x, x, x)
        masked, _ = layer(x, x, x, attn_mask=causal, is_causal=True)

    assert torch.allclose(hinted, plain, atol=1e-6) is True
    assert torch.allclose(hinted, masked, atol=1e-6) is False


def test_a_wrong_hint_replaces_the_mask():
    """`nn.MultiheadAttention(4, 2)` in training mode with `is_causal=True`,
    `need_weights=False` and no `key_padding_mask` computes causal attention even with an
    `attn_mask` that hides nothing.

    `is_causal=True` is a hint that the mask is causal: give it only where that is true. With
    `need_weights=True` the mask decides.
    """
    layer, x = nn.MultiheadAttention(4, 2, batch_first=True), torch.randn(1, 3, 4)
    open_to_all, causal = torch.zeros(3, 3), nn.Transformer.generate_square_subsequent_mask(3)

    hinted, _ = layer(x, x, x, attn_mask=open_to_all, is_causal=True, need_weights=False)
    expected, _ = layer(x, x, x, attn_mask=causal, need_weights=False)
    with_weights, _ = layer(x, x, x, attn_mask=open_to_all, is_causal=True)

    assert torch.allclose(hinted, expected, atol=1e-6) is True
    assert torch.allclose(with_weights, expected, atol=1e-6) is False


def test_a_row_of_minus_infinity_has_no_softmax(device):
    """`Tensor.softmax(-1)` of a non-empty float32 row that is minus infinity throughout is NaN;
    filled with `torch.finfo(torch.float32).min` instead, the row gets equal weights.

    Because such a row has no finite maximum to subtract: minus infinity minus itself is NaN. In
    attention written with this `softmax` the output of a fully masked query becomes NaN, and so do
    the gradients of the weights that compute the values, even if the loss leaves this query out.
    """
    scores = torch.tensor([[1.0, 2.0]], device=device)
    nothing = torch.tensor([[True, True]], device=device)

    infinite = scores.masked_fill(nothing, -math.inf).softmax(-1)
    finite = scores.masked_fill(nothing, torch.finfo(scores.dtype).min).softmax(-1)

    assert infinite.isnan().tolist() == [[True, True]]
    assert finite.tolist() == [[0.5, 0.5]]
