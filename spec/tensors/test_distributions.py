"""Drawing from distributions.

`torch.normal`, `bernoulli` and `multinomial` take means, probabilities and weights as tensors, one
per element; `randperm` gives a random order; methods such as `uniform_` and `normal_` fill an
existing tensor. Uniform and standard normal tensors are told in
`spec/tensors/test_random_tensors.py`, seeds in `spec/tensors/test_random.py`, and the objects of
`torch.distributions` are not part of this page.

What surprises: the weights of `multinomial` need not sum to 1, and it draws without replacement
unless told otherwise, so that an index of weight 0 comes when the others are used up.
"""

import pytest
import torch


def test_randperm_shuffles_rows_when_used_as_an_index(device):
    """`x[torch.randperm(len(x))]` of a dense int64 vector holds each element of `x` once, in
    random order.

    A matrix `x` is shuffled in the same way, by whole rows. Index two tensors with the same
    permutation to keep their rows paired.
    """
    x = torch.arange(100, device=device)

    shuffled = x[torch.randperm(100, device=device)]

    assert torch.equal(shuffled, x) is False
    assert shuffled.sort().values.tolist() == x.tolist()
    rows = x.view(2, 50)[torch.tensor([1, 0], device=device)]
    assert rows[:, 0].tolist() == [50, 0]


def test_rand_like_takes_shape_dtype_and_device_from_a_tensor(device):
    """`torch.rand_like(x)` of a dense float64 `x` draws uniform values with its shape,
    dtype and device; of an int64 `x` on the CPU it raises an error, "not implemented for
    'Long'", while `torch.rand_like(x, dtype=torch.float32)` works.
    """
    x = torch.zeros(2, 3, dtype=torch.float64, device=device)

    drawn = torch.rand_like(x)

    assert drawn.shape == (2, 3)
    assert drawn.dtype == torch.float64
    assert drawn.device == x.device
    assert torch.rand_like(x.long(), dtype=torch.float32).dtype == torch.float32
    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        torch.rand_like(x.long())


def test_normal_takes_a_mean_and_a_deviation_for_each_element(device):
    """`torch.normal(means, deviations)` of two finite float32 tensors of the same shape, with no
    negative deviation, draws each element from a normal distribution with its own mean and
    standard deviation.
    """
    means = torch.tensor([1.0, 200.0], device=device).repeat(10000, 1)
    deviations = torch.tensor([0.0, 10.0], device=device).repeat(10000, 1)

    still, spread = torch.normal(means, deviations).unbind(1)

    assert still.unique().tolist() == [1.0]
    assert spread.mean().item() == pytest.approx(200, abs=0.5)
    assert spread.std().item() == pytest.approx(10, abs=0.5)


def test_normal_refuses_a_negative_deviation():
    """`torch.normal(3.0, -1.0, (2,))` raises a RuntimeError, "normal expects std >= 0.0", for its
    negative standard deviation; a standard deviation of 0 gives the mean.

    A network that predicts a deviation can predict its logarithm: `log_std.exp()` is never
    negative.
    """
    with pytest.raises(RuntimeError, match=r"normal expects std >= 0.0"):
        torch.normal(3.0, -1.0, (2,))

    assert torch.normal(3.0, 0.0, (2,)).tolist() == [3.0, 3.0]


def test_bernoulli_draws_ones_with_the_given_odds(device):
    """`torch.bernoulli(p)` of a float32 tensor of probabilities draws 1.0 with the probability
    in `p`, else 0.0, for each element by itself.
    """
    p = torch.tensor([0.0, 0.25, 1.0], device=device).repeat(10000, 1)

    never, sometimes, always = torch.bernoulli(p).unbind(1)

    assert never.unique().tolist() == [0.0]
    assert sometimes.unique().tolist() == [0.0, 1.0]
    assert sometimes.mean().item() == pytest.approx(0.25, abs=0.02)
    assert always.unique().tolist() == [1.0]


def test_bernoulli_refuses_odds_above_one():
    """On the CPU `torch.bernoulli(p)` raises a RuntimeError, "Expected p_in >= 0 && p_in <= 1
    to be true", if an element of a float32 `p` is above 1.

    Logits have to go through `sigmoid` first.
    """
    logits = torch.tensor([100.0])

    with pytest.raises(RuntimeError, match="Expected p_in >= 0 && p_in <= 1 to be true"):
        torch.bernoulli(logits)

    assert torch.bernoulli(logits.sigmoid()).tolist() == [1.0]


def test_multinomial_draws_each_index_once(device):
    """`torch.multinomial(weights, 3)` of the float32 weights [1, 0, 5, 1] draws the indices 0,
    2 and 3, each once, in random order: by default it draws without replacement, and no
    index of weight 0 while others are left.
    """
    weights = torch.tensor([1.0, 0.0, 5.0, 1.0], device=device)

    drawn = torch.multinomial(weights, 3)

    assert drawn.sort().values.tolist() == [0, 2, 3]


def test_multinomial_draws_weight_zero_when_the_rest_is_used_up():
    """On the CPU `torch.multinomial(torch.tensor([1.0, 0.0, 1.0]), 3)` draws index 1 as well,
    whose weight is 0, without an error.

    Because it draws without replacement, and no other index is left.
    """
    weights = torch.tensor([1.0, 0.0, 1.0])

    drawn = torch.multinomial(weights, 3)

    assert drawn.sort().values.tolist() == [0, 1, 2]


def test_multinomial_with_replacement_draws_in_proportion_to_the_weights(device):
    """`torch.multinomial(weights, n, replacement=True)` of the float32 weights [1, 0, 3] draws
    `n` indices, `n` being 1 or more, with probabilities in proportion to the weights, which
    need not sum to 1.
    """
    weights = torch.tensor([1.0, 0.0, 3.0], device=device)

    drawn = torch.multinomial(weights, 10000, replacement=True)

    share = (drawn.bincount(minlength=3) / 10000).tolist()
    assert share == pytest.approx([0.25, 0.0, 0.75], abs=0.02)


def test_multinomial_cannot_draw_more_than_there_are():
    """`torch.multinomial(weights, 3)` of a vector of two float32 weights, without
    `replacement=True`, raises a RuntimeError, "cannot sample n_sample > prob_dist.size(-1)
    samples without replacement".

    Without replacement each index can be drawn only once.
    """
    weights = torch.tensor([1.0, 1.0])

    with pytest.raises(RuntimeError, match="cannot sample n_sample > prob_dist"):
        torch.multinomial(weights, 3)

    assert torch.multinomial(weights, 3, replacement=True).shape == (3,)


def test_multinomial_refuses_negative_weights():
    """On the CPU `torch.multinomial(weights, 1)` of a float32 vector raises a RuntimeError,
    "probability tensor contains either `inf`, `nan` or element < 0", for a weight that is
    negative, infinite or NaN.

    Pass probabilities, not logits: for a vector of logits `logits.softmax(0)`.
    """
    logits = torch.tensor([100.0, -100.0])

    with pytest.raises(RuntimeError, match="contains either `inf`, `nan` or element < 0"):
        torch.multinomial(logits, 1)

    with pytest.raises(RuntimeError, match="contains either `inf`, `nan` or element < 0"):
        torch.multinomial(torch.tensor([1.0, torch.inf]), 1)
    with pytest.raises(RuntimeError, match="contains either `inf`, `nan` or element < 0"):
        torch.multinomial(torch.tensor([1.0, torch.nan]), 1)

    assert torch.multinomial(logits.softmax(0), 1).tolist() == [0]


def test_random_numbers_can_be_drawn_in_place(device):
    """`x.uniform_(2, 3)`, `x.normal_(50, 2)` and `x.random_(4, 7)` overwrite
    `x = torch.zeros(1000)` with random values and return `x`.

    `x.random_(4, 7)` draws the integers 4, 5 and 6. `random_` takes integer tensors, too; for
    non-empty ones `uniform_` and `normal_` raise an error.
    """
    x = torch.zeros(1000, device=device)
    address = x.data_ptr()

    uniform = x.uniform_(2, 3).mean().item()
    normal = x.normal_(50, 2).mean().item()
    whole = x.random_(4, 7)

    assert uniform == pytest.approx(2.5, abs=0.1)
    assert normal == pytest.approx(50, abs=0.5)
    assert whole.unique().tolist() == [4.0, 5.0, 6.0]
    assert whole.data_ptr() == address
    assert x.long().random_(4, 7).unique().tolist() == [4, 5, 6]
