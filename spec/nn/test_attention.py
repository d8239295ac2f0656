"""Attention.

Attention is a look-up by similarity. Each query is compared with every key by a scaled dot
product; a softmax makes weights of these scores, and the result is the weighted mean of the
values. A mask excludes pairs: padding, or positions in the future.
`F.scaled_dot_product_attention` is the bare computation, `nn.MultiheadAttention` adds learnt
projections and several heads.

What surprises: in a bool mask of `scaled_dot_product_attention` True means "take part", in the
masks of `nn.MultiheadAttention` it means "leave out". And attention does not know the order of
the keys, unless positions are added to them or a causal mask is given.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

pytestmark = pytest.mark.torch(">=2.0")


@pytest.mark.torch(">=2.1")
def test_attention_is_a_softmax_of_scaled_products(device):
    """`F.scaled_dot_product_attention(q, k, v)` of non-empty, finite float32 tensors, without
    mask, `is_causal` or dropout, equals `softmax(q @ k.mT / sqrt(d), -1) @ v` up to rounding. d is
    the last size of `q`; `scale` replaces `1 / sqrt(d)`.
    """
    q = torch.tensor([[1.0, 0.0, 0.0, 0.0]], device=device)
    k = torch.tensor([[math.log(9), 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]], device=device)
    v = torch.tensor([[100.0], [0.0]], device=device)

    by_hand = ((q @ k.T) / 2).softmax(1) @ v

    assert by_hand.item() == pytest.approx(75)
    assert F.scaled_dot_product_attention(q, k, v).item() == pytest.approx(75)
    assert F.scaled_dot_product_attention(q, k, v, scale=1.0).item() == pytest.approx(90)


def test_equal_likenesses_give_the_mean_of_the_values(device):
    """`F.scaled_dot_product_attention(q, k, v)` of a float32 query `q` of zeros and one or more
    finite keys `k` returns the mean of the values `v` up to rounding, because the query has the
    same score, 0, with each key.

    Without any key (`k` of shape (0, 2)) it returns 0, where the mean of no values is NaN.
    """
    q = torch.zeros(1, 2, device=device)
    k = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    v = torch.tensor([[10.0], [20.0]], device=device)
    without_keys = (torch.zeros(1, 2), torch.zeros(0, 2), torch.zeros(0, 1))

    assert F.scaled_dot_product_attention(q, k, v).tolist() == [[15.0]]
    assert F.scaled_dot_product_attention(*without_keys).tolist() == [[0.0]]


def test_the_answer_has_a_row_for_each_query_of_the_values_width():
    """The output of `F.scaled_dot_product_attention` has one row per query and the last size of
    the values: a query of shape (2, 3, 5, 8), a key of (2, 3, 7, 8) and a value of (2, 3, 7, 6)
    give (2, 3, 5, 6).
    """
    q, k, v = torch.zeros(2, 3, 5, 8), torch.zeros(2, 3, 7, 8), torch.zeros(2, 3, 7, 6)

    assert F.scaled_dot_product_attention(q, k, v).shape == (2, 3, 5, 6)


def test_true_in_the_mask_means_look_here(device):
    """In a bool `attn_mask` (queries, keys) of `F.scaled_dot_product_attention`, with a
    True in each row and finite scores, True lets a key take part and False gives it the
    weight 0.

    In the masks of `nn.MultiheadAttention` True excludes instead; `~mask` converts one into the
    other. A `key_padding_mask` of shape (batch, keys) needs two more dimensions here:
    `~mask[:, None, None, :]`. A NaN among excluded values still makes NaN, since 0 times NaN is
    NaN.
    """
    q = torch.zeros(2, 1, device=device)
    v = torch.tensor([[10.0], [20.0], [60.0]], device=device)
    mask = torch.tensor([[True, True, False], [False, False, True]], device=device)

    y = F.scaled_dot_product_attention(q, v, v, attn_mask=mask)

    assert y.tolist() == [[15.0], [60.0]]
    v[2] = math.nan
    y = F.scaled_dot_product_attention(q, torch.ones_like(v), v, attn_mask=mask)
    assert y.isnan().tolist() == [[True], [True]]


def test_a_float_mask_is_added_to_the_likenesses(device):
    """`F.scaled_dot_product_attention` adds a float32 `attn_mask` to the scores of a float32
    query: for two keys the mask row [0, log 3] triples the second attention weight relative to the
    first, up to rounding; [0, -inf] makes the second 0.
    """
    q = torch.zeros(2, 1, device=device)
    v = torch.tensor([[0.0], [100.0]], device=device)
    mask = torch.tensor([[0.0, math.log(3)], [0.0, -math.inf]], device=device)

    y = F.scaled_dot_product_attention(q, v, v, attn_mask=mask)

    assert y.flatten().tolist() == pytest.approx([75, 0])


def test_causal_attention_looks_back_only(device):
    """`F.scaled_dot_product_attention(q, k, v, is_causal=True)` of float32 tensors lets query n
    attend to the keys up to number n only: for 3 queries and 3 keys as with
    `attn_mask=torch.ones(3, 3, dtype=torch.bool).tril()`.
    """
    q = torch.zeros(3, 1, device=device)
    v = torch.tensor([[12.0], [24.0], [0.0]], device=device)
    lower = torch.ones(3, 3, dtype=torch.bool, device=device).tril()

    causal = F.scaled_dot_product_attention(q, v, v, is_causal=True)
    masked = F.scaled_dot_product_attention(q, v, v, attn_mask=lower)

    assert causal.flatten().tolist() == pytest.approx([12.0, 18.0, 12.0])
    assert masked.flatten().tolist() == pytest.approx([12.0, 18.0, 12.0])


def test_a_mask_and_is_causal_exclude_each_other():
    """On the CPU `F.scaled_dot_product_attention(q, q, q, attn_mask=mask, is_causal=True)` of a
    (1, 2, 4) float32 `q` and a (2, 2) bool `mask` raises RuntimeError: give only
    `attn_mask=mask & torch.ones_like(mask).tril()`.

    A mask with one row for all queries, of shape (1, 2), needs
    `mask & torch.ones(2, 2, dtype=torch.bool).tril()`. For 4-D tensors 2.14 raises too, but some
    releases before it, 2.5 and 2.8 among them, do not.
    """
    q = torch.zeros(1, 2, 4)
    mask = torch.ones(2, 2, dtype=torch.bool)
    lower = torch.ones_like(mask).tril()

    assert F.scaled_dot_product_attention(q, q, q, attn_mask=mask & lower).shape == (1, 2, 4)
    with pytest.raises(RuntimeError, match="attn_mask should not be set when is_causal=True"):
        F.scaled_dot_product_attention(q, q, q, attn_mask=mask, is_causal=True)


def test_a_mask_is_bool_or_float():
    """`F.scaled_dot_product_attention(q, q, q, attn_mask=mask)` of a float32 `q` (batch, steps,
    features) and an int64 `mask` raises RuntimeError, "Expected attn_mask dtype to be bool or";
    write `mask.bool()`.

    Ones and zeros of a float mask of the dtype of the queries are accepted, but they are added
    to the scores and exclude nothing.
    """
    q = torch.zeros(1, 2, 4)
    mask = torch.ones(2, 2, dtype=torch.int64)

    with pytest.raises(RuntimeError, match="Expected attn_mask dtype to be bool or"):
        F.scaled_dot_product_attention(q, q, q, attn_mask=mask)
    assert F.scaled_dot_product_attention(q, q, q, attn_mask=mask.bool()).shape == (1, 2, 4)


@pytest.mark.torch("<2.5")
def test_a_query_that_may_see_nothing_used_to_get_nan():
    """Before PyTorch 2.5 `F.scaled_dot_product_attention` of float32 tensors on the CPU returned
    NaN for a query whose row of a bool `attn_mask`, of one key or more, was all False.
    """
    q = torch.ones(1, 2)
    mask = torch.tensor([[False]])

    assert F.scaled_dot_product_attention(q, q, q, attn_mask=mask).isnan().tolist() == [
        [True, True]
    ]


@pytest.mark.torch(">=2.5")
def test_a_query_that_may_see_nothing_gets_zeros():
    """Since PyTorch 2.5 `F.scaled_dot_product_attention` on the CPU returns zeros for a query
    whose row of a bool `attn_mask` is all False, if the scores and the values are finite.

    `nn.MultiheadAttention`, whose bool masks have True for what is left out, still gives NaN
    for a query without any key when it also returns the attention weights, which is its
    default; with `need_weights=False` in training mode it gives its output bias.
    """
    q = torch.ones(1, 2)
    mask = torch.tensor([[False]])

    assert F.scaled_dot_product_attention(q, q, q, attn_mask=mask).tolist() == [[0.0, 0.0]]
    layer, x = nn.MultiheadAttention(2, 1), torch.ones(1, 2)
    answer, _ = layer(x, x, x, key_padding_mask=torch.tensor([True]))
    assert answer.isnan().tolist() == [[True, True]]
    nn.init.constant_(layer.out_proj.bias, 0.5)
    answer, _ = layer(x, x, x, key_padding_mask=torch.tensor([True]), need_weights=False)
    assert answer.tolist() == [[0.5, 0.5]]


def test_attention_does_not_know_the_order_of_keys(device):
    """Without mask, `is_causal` or dropout, permuting keys and values in the same way along
    dimension -2, the sequence, leaves the result of `F.scaled_dot_product_attention` the same up
    to rounding: their order does not count.

    So a transformer has to encode the positions separately, often by vectors that are added to the
    inputs. With `is_causal=True` the order counts, as the first query sees the first key only.
    """
    q = torch.tensor([[1.0]], device=device)
    k = torch.tensor([[0.0], [math.log(3)]], device=device)
    v = torch.tensor([[0.0], [100.0]], device=device)

    assert F.scaled_dot_product_attention(q, k, v).item() == pytest.approx(75)
    assert F.scaled_dot_product_attention(q, k.flip(0), v.flip(0)).item() == pytest.approx(75)
    two = torch.ones(2, 1, device=device)
    causal = F.scaled_dot_product_attention(two, k, v, is_causal=True)
    flipped = F.scaled_dot_product_attention(two, k.flip(0), v.flip(0), is_causal=True)
    assert causal.flatten().tolist() == pytest.approx([0.0, 75.0])
    assert flipped.flatten().tolist() == pytest.approx([100.0, 75.0])


def test_multihead_attention_returns_the_answer_and_the_shares():
    """`nn.MultiheadAttention(8, 2, batch_first=True)` called with non-empty batches,
    `layer(q, k, k)`, returns the output [batch, queries, 8] and the attention weights [batch,
    queries, keys], which sum to 1 over the keys, up to rounding.

    With `dropout` above 0, in training mode, dropout has been applied to the returned weights, so
    they need not sum to 1.
    """
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    q, k = torch.randn(3, 5, 8), torch.randn(3, 7, 8)

    answer, shares = layer(q, k, k)

    assert answer.shape == (3, 5, 8)
    assert shares.shape == (3, 5, 7)
    assert shares.sum(2).flatten().tolist() == pytest.approx([1.0] * 15)
    _, dropped = nn.MultiheadAttention(8, 2, dropout=1.0, batch_first=True)(q, k, k)
    assert dropped.unique().tolist() == [0.0]


def test_multihead_attention_wants_three_inputs():
    """For `layer = nn.MultiheadAttention(4, 2)` and `x = torch.zeros(3, 4)`, `layer(x)`
    raises TypeError, "missing 2 required positional arguments: 'key' and 'value'"; for
    self-attention write `layer(x, x, x)`.
    """
    layer = nn.MultiheadAttention(4, 2)
    x = torch.zeros(3, 4)

    with pytest.raises(TypeError, match="missing 2 required positional arguments: 'key' and 'val"):
        layer(x)
    assert layer(x, x, x)[0].shape == (3, 4)


def test_the_shares_are_averaged_over_the_heads_unless_told():
    """The attention weights that `nn.MultiheadAttention` returns are averaged over the
    heads. With `average_attn_weights=False` it returns the weights of each head; with
    `need_weights=False` it returns None instead of weights.

    The documentation recommends `need_weights=False` for performance, because the fused
    computation of attention returns no weights.
    """
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.randn(3, 5, 8)

    each = layer(x, x, x, average_attn_weights=False)[1]

    assert each.shape == (3, 2, 5, 5)
    torch.testing.assert_close(layer(x, x, x)[1], each.mean(1))
    assert layer(x, x, x, need_weights=False)[1] is None


def test_the_batch_is_the_second_axis_unless_told():
    """Without `batch_first=True`, `nn.MultiheadAttention(8, 2)` called as `layer(x, x, x)`
    reads an `x` of shape [3, 5, 8] as 3 steps, batch 5, 8 features, and raises no error:
    the attention weights that it returns are [5, 3, 3].
    """
    x = torch.randn(3, 5, 8)

    assert nn.MultiheadAttention(8, 2)(x, x, x)[1].shape == (5, 3, 3)
    assert nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)[1].shape == (3, 5, 5)


def test_true_in_the_masks_of_multihead_attention_means_leave_out(device):
    """With `mask = torch.tensor([[False, False, True]])` and `x = torch.zeros(1, 3, 2)`,
    `nn.MultiheadAttention(2, 1, batch_first=True)(x[:, :1], x, x, key_padding_mask=mask)` gives
    the third key the attention weight 0; so does `attn_mask=mask`.

    Because True in these masks means: leave this key out. If every key is True, the attention
    weights are NaN. With `is_causal=True` and `need_weights=False`, and without a
    `key_padding_mask`, the layer ignores which keys an `attn_mask` names, and computes the causal
    attention: `spec/nn/test_attention_masks.py`.
    """
    layer = nn.MultiheadAttention(2, 1, batch_first=True, device=device)
    x = torch.zeros(1, 3, 2, device=device)
    padding = torch.tensor([[False, False, True]], device=device)

    _, shares = layer(x[:, :1], x, x, key_padding_mask=padding)

    assert shares.tolist() == [[[0.5, 0.5, 0.0]]]
    _, shares = layer(x[:, :1], x, x, attn_mask=padding)
    assert shares.tolist() == [[[0.5, 0.5, 0.0]]]
    _, shares = layer(x[:, :1], x, x, attn_mask=torch.tensor([[True, False, False]], device=device))
    assert shares.tolist() == [[[0.0, 0.5, 0.5]]]
    _, shares = layer(x[:, :1], x, x, key_padding_mask=torch.ones_like(padding))
    assert shares.isnan().tolist() == [[[True, True, True]]]


def test_the_causal_mask_of_transformers_is_made_of_minus_infinities():
    """`nn.Transformer.generate_square_subsequent_mask(3)` is a float mask: 0 on and below the
    diagonal, minus infinity above.
    """
    mask = nn.Transformer.generate_square_subsequent_mask(3)

    inf = math.inf
    assert mask.tolist() == [[0.0, -inf, -inf], [0.0, 0.0, -inf], [0.0, 0.0, 0.0]]


def test_heads_divide_the_features():
    """`nn.MultiheadAttention(5, 2)` raises AssertionError, "embed_dim must be divisible by
    num_heads", because each head works on an equal part of the features; 6 features and 2 heads
    work.
    """
    with pytest.raises(AssertionError, match="embed_dim must be divisible by num_heads"):
        nn.MultiheadAttention(5, 2)
    assert nn.MultiheadAttention(6, 2).head_dim == 3
