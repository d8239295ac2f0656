"""What the random functions draw.

`rand` is uniform, `randn` normal, `randint` whole numbers, `randperm` an order, and `normal`,
`bernoulli` and `multinomial` take their odds from tensors. The ends of the ranges are what one
gets wrong: `rand` can be 0 and never 1, `randint` never reaches its upper end.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


def test_rand_is_uniform_from_zero_up_to_one(device):
    """`rand` fills [0, 1) evenly: no number below 0 or from 1 on, and their mean is a half."""
    x = torch.rand(10000, device=device)

    assert x.min().item() >= 0
    assert x.max().item() < 1
    assert x.mean().item() == pytest.approx(0.5, abs=0.02)


def test_randn_is_normal_with_mean_zero_and_deviation_one(device):
    """`randn` has mean 0, deviation 1, and 68 % of its numbers within one deviation."""
    x = torch.randn(100000, device=device)

    assert x.mean().item() == pytest.approx(0, abs=0.02)
    assert x.std().item() == pytest.approx(1, abs=0.02)
    assert (x.abs() < 1).float().mean().item() == pytest.approx(0.68, abs=0.01)


def test_randint_leaves_its_upper_end_out(device):
    """`randint(3, ...)` draws 0, 1 and 2; `randint(5, 8, ...)` draws 5, 6 and 7."""
    from_zero = torch.randint(3, (1000,), device=device)
    from_five = torch.randint(5, 8, (1000,), device=device)

    assert from_zero.unique().tolist() == [0, 1, 2]
    assert from_five.unique().tolist() == [5, 6, 7]


def test_randint_needs_room_between_its_ends():
    """As the upper end is left out, equal ends leave nothing to draw."""
    with pytest.raises(RuntimeError, match="expects 'from' to be less than 'to'"):
        torch.randint(3, 3, (1,))


@pytest.mark.parametrize(
    ("draw", "dtype"),
    [
        (lambda: torch.rand(3), torch.float32),
        (lambda: torch.randn(3), torch.float32),
        (lambda: torch.randint(9, (3,)), torch.int64),
        (lambda: torch.randperm(3), torch.int64),
    ],
)
def test_random_functions_differ_in_dtype(draw, dtype):
    """`rand` and `randn` give floats of the default dtype, `randint` and `randperm` int64."""
    assert draw().dtype == dtype


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


def test_uniform_and_normal_numbers_cannot_be_integers():
    """Fractions have no place in int64, so `rand_like` of an integer tensor is refused."""
    x = torch.tensor([1, 2])

    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        torch.rand_like(x)

    assert torch.rand_like(x, dtype=torch.float32).dtype == torch.float32


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
