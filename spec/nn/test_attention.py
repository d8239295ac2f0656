"""Attention.

Attention is a look-up by likeness. Each query is compared with every key; the likenesses, made
into shares by a softmax, say how much of each value goes into the answer. A mask forbids some
pairs: padding, or the future.

What surprises: in `scaled_dot_product_attention` a mask's `True` means "look here", and in
`nn.MultiheadAttention` it means "leave this out".
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

pytestmark = pytest.mark.torch(">=2.1")


def test_equal_likenesses_give_the_mean_of_the_values(device):
    """A query of zeros likes all keys alike, and gets the mean."""
    q = torch.zeros(1, 2, device=device)
    k = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    v = torch.tensor([[10.0], [20.0]], device=device)

    assert F.scaled_dot_product_attention(q, k, v).tolist() == [[15.0]]


def test_attention_is_a_softmax_of_scaled_products(device):
    """The product log 9 over the root of 4 features is log 3: shares 3/4 and 1/4."""
    q = torch.tensor([[1.0, 0.0, 0.0, 0.0]], device=device)
    k = torch.tensor([[math.log(9), 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]], device=device)
    v = torch.tensor([[100.0], [0.0]], device=device)

    by_hand = ((q @ k.T) / 2).softmax(1) @ v

    assert by_hand.item() == pytest.approx(75)
    assert F.scaled_dot_product_attention(q, k, v).item() == pytest.approx(75)
    assert F.scaled_dot_product_attention(q, k, v, scale=1.0).item() == pytest.approx(90)


def test_the_answer_has_a_row_for_each_query_of_the_values_width():
    """Queries and keys share their width, keys and values their number."""
    q, k, v = torch.zeros(2, 3, 5, 8), torch.zeros(2, 3, 7, 8), torch.zeros(2, 3, 7, 6)

    assert F.scaled_dot_product_attention(q, k, v).shape == (2, 3, 5, 6)


def test_true_in_the_mask_means_look_here(device):
    """A bool mask has a row for each query; `False` takes a key out of it."""
    q = torch.zeros(2, 1, device=device)
    v = torch.tensor([[10.0], [20.0], [60.0]], device=device)
    mask = torch.tensor([[True, True, False], [False, False, True]], device=device)

    y = F.scaled_dot_product_attention(q, v, v, attn_mask=mask)

    assert y.tolist() == [[15.0], [60.0]]


def test_a_float_mask_is_added_to_the_likenesses(device):
    """Zero leaves a likeness, minus infinity removes it, log 3 makes it count three times."""
    q = torch.zeros(2, 1, device=device)
    v = torch.tensor([[0.0], [100.0]], device=device)
    mask = torch.tensor([[0.0, math.log(3)], [0.0, -math.inf]], device=device)

    y = F.scaled_dot_product_attention(q, v, v, attn_mask=mask)

    assert y.flatten().tolist() == pytest.approx([75, 0])


def test_causal_attention_looks_back_only(device):
    """`is_causal=True` lets query number n see the keys up to number n."""
    q = torch.zeros(3, 1, device=device)
    v = torch.tensor([[12.0], [24.0], [0.0]], device=device)
    lower = torch.ones(3, 3, dtype=torch.bool, device=device).tril()

    causal = F.scaled_dot_product_attention(q, v, v, is_causal=True)
    masked = F.scaled_dot_product_attention(q, v, v, attn_mask=lower)

    assert causal.flatten().tolist() == pytest.approx([12.0, 18.0, 12.0])
    assert masked.flatten().tolist() == pytest.approx([12.0, 18.0, 12.0])


def test_a_mask_and_is_causal_exclude_each_other():
    """Who wants both joins them in one mask."""
    q = torch.zeros(1, 2, 4)
    mask = torch.ones(2, 2, dtype=torch.bool)

    with pytest.raises(RuntimeError, match="attn_mask should not be set when is_causal=True"):
        F.scaled_dot_product_attention(q, q, q, attn_mask=mask, is_causal=True)


def test_a_mask_is_bool_or_float():
    """Ones and zeros of int64 are neither."""
    q = torch.zeros(1, 2, 4)
    mask = torch.ones(2, 2, dtype=torch.int64)

    with pytest.raises(RuntimeError, match="Expected attn_mask dtype to be bool or"):
        F.scaled_dot_product_attention(q, q, q, attn_mask=mask)
    assert F.scaled_dot_product_attention(q, q, q, attn_mask=mask.bool()).shape == (1, 2, 4)


@pytest.mark.torch("<=2.4.1")
def test_a_query_that_may_see_nothing_used_to_get_nan():
    """A row of the mask that was all `False` made a softmax over nothing: `nan`."""
    q = torch.ones(1, 2)
    mask = torch.tensor([[False]])

    assert F.scaled_dot_product_attention(q, q, q, attn_mask=mask).isnan().tolist() == [
        [True, True]
    ]


@pytest.mark.torch(">=2.15")
def test_a_query_that_may_see_nothing_gets_zeros():
    """A row of the mask that is all `False` answers zero, as of no value at all."""
    q = torch.ones(1, 2)
    mask = torch.tensor([[False]])

    assert F.scaled_dot_product_attention(q, q, q, attn_mask=mask).tolist() == [[0.0, 0.0]]


def test_multihead_attention_returns_the_answer_and_the_shares():
    """With `batch_first=True`: batch x queries x features, and batch x queries x keys."""
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    q, k = torch.randn(3, 5, 8), torch.randn(3, 7, 8)

    answer, shares = layer(q, k, k)

    assert answer.shape == (3, 5, 8)
    assert shares.shape == (3, 5, 7)
    assert shares.sum(2).flatten().tolist() == pytest.approx([1.0] * 15)


def test_the_shares_are_averaged_over_the_heads_unless_told():
    """`average_attn_weights=False` keeps the heads apart; `need_weights=False` returns none."""
    layer = nn.MultiheadAttention(8, 2, batch_first=True)
    x = torch.randn(3, 5, 8)

    assert layer(x, x, x, average_attn_weights=False)[1].shape == (3, 2, 5, 5)
    assert layer(x, x, x, need_weights=False)[1] is None


def test_the_batch_is_the_second_axis_unless_told():
    """Without `batch_first` the first axis is time, and confusing the two is not noticed."""
    x = torch.randn(3, 5, 8)

    assert nn.MultiheadAttention(8, 2)(x, x, x)[1].shape == (5, 3, 3)
    assert nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)[1].shape == (3, 5, 5)


def test_true_in_the_masks_of_multihead_attention_means_leave_out(device):
    """`key_padding_mask` marks the keys that are padding: they get no share."""
    layer = nn.MultiheadAttention(2, 1, batch_first=True, device=device)
    x = torch.zeros(1, 3, 2, device=device)
    padding = torch.tensor([[False, False, True]], device=device)

    _, shares = layer(x[:, :1], x, x, key_padding_mask=padding)

    assert shares.tolist() == [[[0.5, 0.5, 0.0]]]


def test_the_causal_mask_of_transformers_is_made_of_minus_infinities():
    """`generate_square_subsequent_mask` is 0 up to the diagonal, and minus infinity above."""
    mask = nn.Transformer.generate_square_subsequent_mask(3)

    inf = math.inf
    assert mask.tolist() == [[0.0, -inf, -inf], [0.0, 0.0, -inf], [0.0, 0.0, 0.0]]


def test_heads_divide_the_features():
    """Each head works on its share of the features: five cannot be parted into two."""
    with pytest.raises(AssertionError, match="embed_dim must be divisible by num_heads"):
        nn.MultiheadAttention(5, 2)


def test_multihead_attention_wants_three_inputs():
    """Even where a sequence looks at itself it is given as query, key and value."""
    layer = nn.MultiheadAttention(4, 2)
    x = torch.zeros(3, 4)

    with pytest.raises(TypeError, match="missing 2 required positional arguments: 'key' and 'val"):
        layer(x)
    assert layer(x, x, x)[0].shape == (3, 4)


def test_attention_does_not_know_the_order_of_keys(device):
    """Keys and values exchanged alike give the same answer: order is lost unless told."""
    q = torch.tensor([[1.0]], device=device)
    k = torch.tensor([[0.0], [math.log(3)]], device=device)
    v = torch.tensor([[0.0], [100.0]], device=device)

    assert F.scaled_dot_product_attention(q, k, v).item() == pytest.approx(75)
    assert F.scaled_dot_product_attention(q, k.flip(0), v.flip(0)).item() == pytest.approx(75)
