"""Random tensors.

`torch.rand(size)` draws from the uniform distribution on [0, 1), `torch.randn(size)` from the
standard normal distribution, `torch.randint(low, high, size)` draws integers, and
`torch.randperm(n)` is a random permutation of 0 to n - 1. Random weights, shuffled samples and
dropout are made of these.

The numbers come from a generator with a seed: after `torch.manual_seed(0)` the same calls give the
same numbers, on one machine and with one release (`spec/tensors/test_random.py`). Other
distributions are on the page `spec/tensors/test_distributions.py`.

What surprises: the upper bound is drawn neither by `rand` nor by `randint`, although a number just
below 1 may be printed as `1.0000`; and `rand` and `randn` cannot draw integers.
"""

import pytest
import torch


@pytest.mark.claim("blitz-rand-random")
def test_rand_gives_fresh_numbers_on_every_call(device):
    """Two calls of `torch.rand(5, 3)` in a row give two tensors of shape (5, 3) with different
    numbers.

    Because a draw moves the generator on. The same seed gives the same numbers again:
    `spec/tensors/test_random.py`.
    """
    torch.manual_seed(0)
    first = torch.rand(5, 3, device=device)
    second = torch.rand(5, 3, device=device)
    torch.manual_seed(0)
    again = torch.rand(5, 3, device=device)

    assert first.shape == second.shape == (5, 3)
    assert (first != second).any().item() is True
    assert (first == again).all().item() is True


def test_rand_covers_zero_to_one_evenly(device):
    """`torch.rand(4000)` draws uniformly from [0, 1): each quarter of the interval gets about a
    quarter of the numbers.
    """
    quarters = (torch.rand(4000, device=device) * 4).long()
    shares = quarters.bincount() / 4000

    assert shares.tolist() == pytest.approx([0.25, 0.25, 0.25, 0.25], abs=0.04)


@pytest.mark.claim("blitz-rand-prints-one")
def test_rand_can_print_a_one_that_it_never_draws():
    """`torch.rand(2, generator=torch.Generator().manual_seed(10642))` prints as
    `tensor([1.0000, 0.3093])`: its first number, 0.999951 and so below 1, is rounded by the
    repr.

    Because the repr rounds to four decimals by default; a comparison, `torch.rand(2) < 1`, takes
    the stored numbers. `torch.rand` draws from [0, 1), without the 1.
    """
    # A seed that was searched for: one draw in twenty thousand is this close to 1.
    generator = torch.Generator().manual_seed(10642)

    drawn = torch.rand(2, generator=generator)
    below_one = drawn < 1

    assert repr(drawn) == "tensor([1.0000, 0.3093])"
    assert drawn[0].item() == pytest.approx(0.999951, abs=1e-6)
    assert below_one.tolist() == [True, True]


def test_randn_is_standard_normal(device):
    """`torch.randn(10_000)` draws from the normal distribution with mean 0 and standard
    deviation 1: about 68 % of the numbers lie within one standard deviation of 0, about 95 %
    within two.

    For another mean and deviation write `mean + std * torch.randn(size)`.
    """
    drawn = torch.randn(10_000, device=device)

    assert drawn.mean().item() == pytest.approx(0, abs=0.05)
    assert drawn.std().item() == pytest.approx(1, abs=0.05)
    # The share within one and within two standard deviations.
    assert (drawn.abs() < 1).float().mean().item() == pytest.approx(0.683, abs=0.03)
    assert (drawn.abs() < 2).float().mean().item() == pytest.approx(0.954, abs=0.03)


def test_randint_leaves_its_upper_end_out(device):
    """`torch.randint(3, 6, (100,))` draws from 3, 4 and 5: the upper bound is excluded; with
    one bound, `torch.randint(3, (100,))`, the lower bound is 0. Both are int64.

    As in Python's `range`, unlike Python's `random.randint`, which includes its upper bound. For
    float32 numbers give `dtype=torch.float32`.
    """
    drawn = torch.randint(3, 6, (100,), device=device)
    from_zero = torch.randint(3, (100,), device=device)

    assert drawn.unique().tolist() == [3, 4, 5]
    assert from_zero.unique().tolist() == [0, 1, 2]
    assert drawn.dtype is torch.int64


def test_randint_of_an_empty_interval_is_refused(device):
    """`torch.randint(5, 5, (2,))` raises RuntimeError, since no integer is at least 5 and less
    than 5; `torch.randint(5, 6, (2,))` draws fives.

    `torch.randint(len(items), (1,))` raises it too for an empty list `items`: look at the
    length first.
    """
    assert torch.randint(5, 6, (2,), device=device).tolist() == [5, 5]
    with pytest.raises(RuntimeError, match="expects 'from' to be less than 'to'"):
        torch.randint(5, 5, (2,), device=device)


def test_randperm_shuffles_the_numbers_below_n(device):
    """`torch.randperm(n)` without further arguments is an int64 tensor that holds each integer
    from 0 to n - 1 once, in random order.

    `x[torch.randperm(len(x))]` of a matrix `x` is a copy with its rows shuffled.
    """
    shuffled = torch.randperm(100, device=device)

    assert shuffled.dtype is torch.int64
    assert (shuffled.sort().values == torch.arange(100, device=device)).all().item() is True
    assert (shuffled == torch.arange(100, device=device)).all().item() is False


@pytest.mark.parametrize("draw", [torch.rand, torch.randn])
def test_real_random_numbers_need_a_floating_dtype(draw):
    """On the CPU `torch.rand(2, dtype=...)` and `torch.randn(2, dtype=...)` take float16,
    bfloat16, float32, float64 and complex64, and raise a RuntimeError for int64;
    `torch.randint` takes `dtype=torch.uint8`.

    For integers write `torch.randint(low, high, size, dtype=...)`. For float8 draw float32 numbers
    and convert them. Since PyTorch 2.8 the error is a NotImplementedError, a subclass of
    RuntimeError.
    """
    floats = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
    made = [draw(2, dtype=dtype).dtype for dtype in floats]
    pairs = draw(2, dtype=torch.complex64)
    bytes_drawn = torch.randint(4, 5, (2,), dtype=torch.uint8)

    assert made == [torch.float16, torch.bfloat16, torch.float32, torch.float64]
    assert pairs.dtype is torch.complex64
    assert bytes_drawn.dtype is torch.uint8
    assert bytes_drawn.tolist() == [4, 4]
    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        draw(2, dtype=torch.int64)
