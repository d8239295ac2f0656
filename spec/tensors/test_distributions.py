"""Drawing by odds of one's own.

`normal`, `bernoulli` and `multinomial` take means, probabilities and weights from tensors, each
element its own; `randperm` gives an order, and the underscore methods draw into a tensor that is
there. Surprising at first: weights need not sum to 1, and `multinomial` puts nothing back unless
it is asked to.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 300))
def test_randperm_is_a_permutation(n):
    """`randperm(n)` holds each of 0 to n - 1 once."""
    order = torch.randperm(n)

    assert sorted(order.tolist()) == list(range(n))


def test_randperm_shuffles_rows_when_used_as_an_index(device):
    """`x[torch.randperm(len(x))]` is every row of `x` in a new order."""
    x = torch.arange(100, device=device)

    shuffled = x[torch.randperm(100, device=device)]

    assert torch.equal(shuffled, x) is False
    assert shuffled.sort().values.tolist() == x.tolist()


def test_rand_like_takes_shape_dtype_and_device_from_a_tensor(device):
    """`rand_like(x)` draws a tensor of the kind of `x`."""
    x = torch.zeros(2, 3, dtype=torch.float64, device=device)

    drawn = torch.rand_like(x)

    assert drawn.shape == (2, 3)
    assert drawn.dtype == torch.float64
    assert drawn.device == x.device


def test_normal_takes_a_mean_and_a_deviation_for_each_element(device):
    """`torch.normal(means, deviations)` draws every element by its own pair."""
    means = torch.tensor([1.0, 200.0], device=device).repeat(10000, 1)
    deviations = torch.tensor([0.0, 10.0], device=device).repeat(10000, 1)

    still, spread = torch.normal(means, deviations).unbind(1)

    assert still.unique().tolist() == [1.0]
    assert spread.mean().item() == pytest.approx(200, abs=0.5)
    assert spread.std().item() == pytest.approx(10, abs=0.5)


def test_normal_refuses_a_negative_deviation():
    """A deviation is never below 0."""
    with pytest.raises(RuntimeError, match=r"normal expects std >= 0.0"):
        torch.normal(0.0, -1.0, (2,))


def test_bernoulli_draws_ones_with_the_given_odds(device):
    """Each element of `bernoulli(p)` is 1 with its own probability, else 0."""
    p = torch.tensor([0.0, 0.25, 1.0], device=device).repeat(10000, 1)

    never, sometimes, always = torch.bernoulli(p).unbind(1)

    assert never.unique().tolist() == [0.0]
    assert sometimes.unique().tolist() == [0.0, 1.0]
    assert sometimes.mean().item() == pytest.approx(0.25, abs=0.02)
    assert always.unique().tolist() == [1.0]


def test_bernoulli_refuses_odds_above_one():
    """A probability is at most 1."""
    with pytest.raises(RuntimeError, match="p_in >= 0 && p_in <= 1"):
        torch.bernoulli(torch.tensor([2.0]))


def test_multinomial_draws_each_index_once(device):
    """Without replacement no index comes twice, and one of weight 0 is left out."""
    weights = torch.tensor([1.0, 0.0, 5.0, 1.0], device=device)

    drawn = torch.multinomial(weights, 3)

    assert drawn.sort().values.tolist() == [0, 2, 3]


def test_multinomial_with_replacement_draws_in_proportion_to_the_weights(device):
    """With `replacement=True` indices come in proportion to weights, which need not sum to 1."""
    weights = torch.tensor([1.0, 0.0, 3.0], device=device)

    drawn = torch.multinomial(weights, 10000, replacement=True)

    share = (drawn.bincount(minlength=3) / 10000).tolist()
    assert share == pytest.approx([0.25, 0.0, 0.75], abs=0.02)


def test_multinomial_cannot_draw_more_than_there_are():
    """Without replacement there are only as many draws as weights."""
    weights = torch.tensor([1.0, 1.0])

    with pytest.raises(RuntimeError, match="cannot sample n_sample > prob_dist"):
        torch.multinomial(weights, 3)


def test_multinomial_refuses_negative_weights():
    """A weight is never below 0."""
    weights = torch.tensor([1.0, -1.0])

    with pytest.raises(RuntimeError, match="`inf`, `nan` or element < 0"):
        torch.multinomial(weights, 1)


def test_random_numbers_can_be_drawn_in_place(device):
    """`uniform_`, `normal_` and `random_` overwrite a tensor with random numbers and return it."""
    x = torch.zeros(1000, device=device)
    address = x.data_ptr()

    uniform = x.uniform_(2, 3).mean().item()
    normal = x.normal_(50, 2).mean().item()
    whole = x.random_(4, 7)

    assert uniform == pytest.approx(2.5, abs=0.1)
    assert normal == pytest.approx(50, abs=0.5)
    assert whole.unique().tolist() == [4.0, 5.0, 6.0]
    assert whole.data_ptr() == address
