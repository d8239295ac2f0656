"""Positions.

Attention does not know the order of its inputs (`spec/nn/test_attention.py`), and no layer of
`nn.Transformer` adds it. A model says where a token stands in one of four ways: a learnt embedding
of the position, added to that of the token; sines and cosines of the position, added as well; a
rotation of queries and keys by an angle proportional to it (RoPE); or a bias on the scores that
depends on the distance.

Tables that are computed and not learnt are registered as buffers, so that they move with the model
and are no parameters, with `persistent=False` (`spec/nn/test_buffers.py`).

What surprises: a table made for 10 positions fails at the eleventh; with the batch in the wrong
dimension the table is added without an error; and an odd `d_model` breaks the usual recipe of sines
and cosines.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def sines(length, d):
    """Return the table of "Attention is all you need": sines in even columns, cosines in odd."""
    position = torch.arange(length).unsqueeze(1)
    rate = torch.exp(torch.arange(0, d, 2) * (-math.log(10000.0) / d))
    table = torch.zeros(length, d)
    table[:, 0::2] = torch.sin(position * rate)
    table[:, 1::2] = torch.cos(position * rate)
    return table


def rotate(x):
    """Return `x` (.., steps, d) with each pair of features turned by its position (RoPE)."""
    steps, d = x.shape[-2:]
    rate = 10000.0 ** (-torch.arange(0, d, 2) / d)
    angle = torch.arange(steps)[:, None] * rate
    a, b = x[..., 0::2], x[..., 1::2]
    turned = (a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos())
    return torch.stack(turned, dim=-1).flatten(-2)


def test_an_encoder_does_not_know_positions():
    """`nn.TransformerEncoderLayer` without mask, dropout and positional encodings does not know
    the order of the steps: permuted steps give the outputs permuted in the same way, up to
    rounding.

    So each word of "dog bites man" gets the same vector in "man bites dog", and the mean of the
    vectors is the same. `nn.Transformer` has neither embeddings nor positional encodings: apply
    both before it.
    """
    layer = nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, batch_first=True)
    x = torch.randn(1, 3, 4)

    assert torch.allclose(layer(x.flip(1)), layer(x).flip(1), atol=1e-5) is True


def test_learnt_positions_are_a_second_embedding():
    """With `tokens = nn.Embedding(10, 4)` and `positions = nn.Embedding(8, 4)`,
    `tokens(ids) + positions(torch.arange(2))` of `ids = torch.full((3, 2), 7)` gives token
    7 different vectors at positions 0 and 1, but the same ones in all 3 rows.
    """
    tokens, positions = nn.Embedding(10, 4), nn.Embedding(8, 4)
    ids = torch.tensor([[7, 7], [7, 7], [7, 7]])

    x = tokens(ids) + positions(torch.arange(2))
    first, second = x.unbind(dim=1)

    assert x.shape == (3, 2, 4)
    assert torch.equal(first, second) is False
    assert len(x.unique(dim=0)) == 1


def test_sines_and_cosines_tell_positions_apart():
    """In the table of sines and cosines of the paper "Attention is all you need", with 4 columns,
    row p is, up to rounding, sin(p), cos(p), sin(p / 100), cos(p / 100): row 0 is [0, 1, 0, 1],
    row 1 about [0.84, 0.54, 0.01, 1.00].
    """
    table = sines(100, 4)

    assert table[0].tolist() == [0.0, 1.0, 0.0, 1.0]
    assert table[1].tolist() == pytest.approx([0.8415, 0.5403, 0.01, 0.99995], abs=1e-4)
    assert table[50].tolist() == pytest.approx([-0.2624, 0.9650, 0.4794, 0.8776], abs=1e-4)
    assert table.abs().max().item() == 1.0
    assert len({tuple(row) for row in table.tolist()}) == 100


def test_an_odd_width_has_one_cosine_less():
    """A table of 10 positions, `table = torch.zeros(10, 5)`, has 2 columns for cosines:
    `table[:, 1::2] = torch.cos(torch.zeros(10, 3))` raises RuntimeError, "The expanded size
    of the tensor (2) must match the existing size (3)".
    """
    with pytest.raises(RuntimeError, match=r"The expanded size of the tensor \(2\) must match the"):
        sines(10, 5)
    assert sines(10, 6)[:, :5].shape == (10, 5)


def test_a_sequence_longer_than_the_table_is_refused():
    """With position codes `table` of shape (10, 4), `torch.zeros(2, 12, 4) + table` raises
    RuntimeError, "The size of tensor a (12) must match the size of tensor b (10) at
    non-singleton dimension 1": 12 steps need a table of 12 rows.
    """
    table = sines(10, 4)

    with pytest.raises(
        RuntimeError, match=r"The size of tensor a \(12\) must match the size of ten"
    ):
        torch.zeros(2, 12, 4) + table
    assert (torch.zeros(2, 12, 4) + sines(12, 4)).shape == (2, 12, 4)


def test_a_table_for_the_other_order_is_added_along_the_batch():
    """For `x = torch.zeros(2, 3, 4)`, 2 samples of 3 steps, and a `table` of positions of
    shape (10, 1, 4), `x + table[: x.size(0)]` raises no error, but adds the same row of the
    table to all 3 steps of a sample.

    With the samples first it has to be `table[: x.size(1)]` of a table of shape (10, 4).
    """
    table = sines(10, 4).unsqueeze(1)
    x = torch.zeros(2, 3, 4)  # 2 samples of 3 steps

    wrong = x + table[: x.size(0)]
    right = x + table[: x.size(1)].squeeze(1)

    first, second, _ = wrong.unbind(dim=1)
    assert torch.equal(first, second) is True
    first, second, _ = right.unbind(dim=1)
    assert torch.equal(first, second) is False


def test_rope_turns_pairs_of_features():
    """RoPE (rotary position embedding) turns, by `torch.cos` and `torch.sin`, each pair of
    features of finite float32 queries and keys by an angle proportional to the position: position
    0 is not turned, and norms stay, up to rounding.

    At the angle t the pair (a, b) becomes (a cos t - b sin t, a sin t + b cos t).
    """
    x = torch.randn(1, 5, 4)

    turned = rotate(x)

    assert torch.equal(turned[:, 0], x[:, 0]) is True
    assert torch.allclose(turned.norm(dim=-1), x.norm(dim=-1)) is True
    ones = rotate(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))
    assert ones[1].tolist() == pytest.approx([math.cos(1), math.sin(1)])


def test_rope_makes_scores_depend_on_the_distance_alone():
    """After RoPE (rotary position embedding) the score `q @ k` of a random query and a random
    key depends on the difference of their positions: a query at 3 and a key at 1 give the score
    of 4 and 2 up to rounding, and not that of 4 and 1.

    The sign counts: a query at 1 and a key at 3 give another score.
    """
    q, k = torch.randn(4), torch.randn(4)

    scores = rotate(q.expand(6, 4)) @ rotate(k.expand(6, 4)).T

    assert torch.allclose(scores[1:, 1:], scores[:-1, :-1], atol=1e-5) is True
    assert torch.allclose(scores[1:], scores[:-1], atol=1e-5) is False
    assert torch.allclose(scores, scores.T, atol=1e-5) is False
    assert scores.diagonal().tolist() == pytest.approx([(q @ k).item()] * 6, abs=1e-5)


def test_rope_of_a_single_step_needs_its_position():
    """With RoPE (rotary position embedding) and cached keys, rotate a new query by its own
    position: a random query of position 5, rotated as if its position were 0, has other scores
    `q @ k.T` than in the whole sequence of 6.

    For `steps` new queries from position `start` on, slice the tables of sines and cosines by
    `[start : start + steps]`. Cached keys are usually stored already rotated.
    """
    q, k = torch.randn(6, 4), torch.randn(6, 4)
    whole = rotate(q) @ rotate(k).T

    alone = rotate(q[5:]) @ rotate(k).T
    placed = rotate(q)[5:] @ rotate(k).T

    assert torch.allclose(alone[0], whole[5]) is False
    assert torch.allclose(placed[0], whole[5], atol=1e-5) is True


def test_rope_in_two_halves_is_another_order_of_features():
    """Rotary position embedding (RoPE) that splits `x = torch.randn(5, 4)`, 5 positions of 4
    features, by `x.chunk(2, dim=-1)` rotates the feature pairs (0, 2) and (1, 3); with
    `x[:, 0::2]` and `x[:, 1::2]` the pairs are (0, 1) and (2, 3).

    Weights trained with one of these splits give wrong answers with the other, without an error.
    """
    x = torch.randn(5, 4)
    order = torch.tensor([0, 2, 1, 3])

    def rotate_halves(x):
        steps, d = x.shape
        angle = torch.arange(steps)[:, None] * 10000.0 ** (-torch.arange(0, d, 2) / d)
        a, b = x.chunk(2, dim=-1)
        return torch.cat(
            [a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], dim=-1
        )

    assert torch.allclose(rotate_halves(x), rotate(x)) is False
    assert torch.allclose(rotate_halves(x[:, order]), rotate(x)[:, order], atol=1e-6) is True


@pytest.mark.torch(">=2.0")
def test_a_bias_by_distance_is_a_float_mask():
    """A penalty for distance (ALiBi) can be a float `attn_mask` of
    `F.scaled_dot_product_attention`, which is added to the scores: with equal scores and `-log(2)`
    per step of distance each step halves the weight, up to rounding.
    """
    steps = torch.arange(3)
    bias = -(steps[:, None] - steps).abs() * math.log(2)
    q, v = torch.zeros(3, 4), torch.eye(3)

    weights = F.scaled_dot_product_attention(q, q, v, attn_mask=bias)

    assert weights[0].tolist() == pytest.approx([4 / 7, 2 / 7, 1 / 7])
    assert weights[1].tolist() == pytest.approx([1 / 4, 1 / 2, 1 / 4])
