"""Seeds and generators.

torch draws random numbers from a generator, whose state determines all numbers that follow.
`torch.manual_seed(seed)` sets the state of the default generators, each draw moves the state on. So
the same seed and the same draws in the same order give the same numbers, on the same machine and
release. The functions that draw are told in `spec/tensors/test_random_tensors.py` and
`spec/tensors/test_distributions.py`, reproducible training in
`spec/training/test_reproducibility.py`.

What surprises is who else draws from the default generator: layers for their weights
(`spec/training/test_reproducibility.py`), dropout, shuffling. NumPy and Python's `random` have
generators of their own. And on the CPU only the low 32 bits of a seed count.
"""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F


def test_the_same_seed_gives_the_same_numbers(device):
    """`torch.rand(3)` on one device after `torch.manual_seed(7)` gives the same values each
    time in one process; without seeding again, the next `torch.rand(3)` differs.
    """
    torch.manual_seed(7)
    first = torch.rand(3, device=device)
    torch.manual_seed(7)
    second = torch.rand(3, device=device)
    third = torch.rand(3, device=device)

    assert torch.equal(first, second) is True
    assert torch.equal(second, third) is False


def test_another_seed_gives_other_numbers(device):
    """`torch.rand(3)` gives different values after `torch.manual_seed(7)` and after
    `torch.manual_seed(8)`, although the seeds are neighbours.
    """
    torch.manual_seed(7)
    first = torch.rand(3, device=device)
    torch.manual_seed(8)
    second = torch.rand(3, device=device)

    assert (first == second).tolist() == [False, False, False]


def test_the_low_32_bits_of_a_seed_count():
    """On the CPU `torch.rand(3)` gives the same values after `torch.manual_seed(7)` and after
    `torch.manual_seed(2**32 + 7)`: only the low 32 bits of the seed count for a draw.

    Because the generator, a Mersenne Twister, is seeded by 32 bits.
    """
    torch.manual_seed(7)
    first = torch.rand(3).tolist()
    torch.manual_seed(2**32 + 7)

    assert torch.initial_seed() == 4294967303
    assert torch.rand(3).tolist() == first


def test_seed_zero_gives_every_reader_these_numbers():
    """On the CPU `torch.rand(3)` after `torch.manual_seed(0)` prints
    `tensor([0.4963, 0.7682, 0.0885])`, with the default dtype float32.

    PyTorch doesn't promise the same numbers for other releases and platforms; these have been the
    same for many releases.
    """
    torch.manual_seed(0)

    assert repr(torch.rand(3)) == "tensor([0.4963, 0.7682, 0.0885])"


def test_two_draws_give_what_one_longer_draw_gives():
    """On the CPU `torch.rand(2)` followed by `torch.rand(3)` gives the same values as one
    `torch.rand(5)` from the same seed.

    Two `torch.randn(8)` don't give the values of one `torch.randn(16)`: from 16 elements
    on, `torch.randn` computes by another method.
    """
    torch.manual_seed(7)
    first, second = torch.rand(2), torch.rand(3)
    torch.manual_seed(7)
    together = torch.rand(5)

    assert torch.cat([first, second]).tolist() == together.tolist()
    assert len(together) == 5


def test_the_order_of_draws_matters():
    """`torch.rand(1)` moves the default CPU generator on: from the same seed,
    `torch.rand(2)` on the CPU gives other values if `torch.rand(1)` was called before it.

    So making one more `nn.Linear` in a model changes the initial weights of every `nn.Linear` that
    is made after it.
    """
    torch.manual_seed(7)
    plain = torch.rand(2)
    torch.manual_seed(7)
    torch.rand(1)
    later = torch.rand(2)

    assert (plain == later).tolist() == [False, False]


def test_a_long_normal_draw_does_not_begin_like_a_short_one():
    """On the CPU `torch.randn(16)` doesn't begin with the values of `torch.randn(3)` from the same
    seed, and it differs from two draws of `torch.randn(8)` from that seed, concatenated.

    Because from 16 elements on `torch.randn` uses another, vectorised method.
    """
    torch.manual_seed(7)
    short = torch.randn(3)
    torch.manual_seed(7)
    long = torch.randn(16)

    assert (long[:3] == short).tolist() == [False, False, False]
    torch.manual_seed(7)
    halves = torch.cat([torch.randn(8), torch.randn(8)])
    assert (long == halves).tolist() == [False] * 16


def test_manual_seed_returns_the_default_generator():
    """`torch.manual_seed(7)` returns `torch.default_generator`, the generator for draws on the
    CPU; `torch.initial_seed()` is then 7.
    """
    generator = torch.manual_seed(7)

    assert generator is torch.default_generator
    assert generator.initial_seed() == 7
    assert torch.initial_seed() == 7


def test_a_negative_seed_counts_from_the_top():
    """`torch.manual_seed(-1)` sets the seed 2**64 - 1, as `torch.initial_seed()` then says.

    Because seeds are unsigned 64-bit integers.
    """
    generator = torch.manual_seed(-1)

    assert generator.initial_seed() == 2**64 - 1
    assert torch.initial_seed() == 18446744073709551615


def test_seed_picks_a_seed_by_chance_and_says_which():
    """`torch.seed()` sets a random seed and returns it. After `torch.manual_seed` with that
    number, `torch.rand(3)` on the CPU gives the same values as after `torch.seed()`.

    Log the number to be able to repeat a run.
    """
    seed = torch.seed()
    first = torch.rand(3)

    torch.manual_seed(seed)

    assert torch.rand(3).tolist() == first.tolist()
    assert torch.initial_seed() == seed


def test_a_generator_of_ones_own_leaves_the_default_one_alone(device):
    """`torch.rand(3, generator=g)` with `g = torch.Generator()` draws from `g` and does not
    move the default generator on.
    """
    generator = torch.Generator(device).manual_seed(7)
    torch.manual_seed(0)
    undisturbed = torch.rand(3, device=device)

    torch.manual_seed(0)
    torch.rand(3, device=device, generator=generator)

    assert torch.rand(3, device=device).tolist() == undisturbed.tolist()


def test_a_generator_of_ones_own_follows_its_own_seed(device):
    """`torch.rand(3, generator=torch.Generator().manual_seed(7))` gives the same values each
    time, whatever the seed of the default generator.
    """
    first = torch.Generator(device).manual_seed(7)
    second = torch.Generator(device).manual_seed(7)
    torch.manual_seed(0)

    numbers = torch.rand(3, device=device, generator=first)

    assert torch.rand(3, device=device, generator=second).tolist() == numbers.tolist()
    assert first.device.type == torch.device(device).type


def test_a_new_generator_is_not_random():
    """A new generator `g = torch.Generator()` on the CPU has the seed 67280421310721:
    without `g.manual_seed` or `g.seed`, the first `torch.rand(2, generator=g)` gives the
    same values in each run.
    """
    generator = torch.Generator()

    first = torch.rand(2, generator=generator)

    assert generator.initial_seed() == 67280421310721
    assert torch.equal(torch.rand(2, generator=torch.Generator()), first) is True


def test_the_state_of_the_generator_can_be_kept_and_put_back():
    """`state = torch.get_rng_state()` is the state of the default CPU generator, a uint8 tensor;
    after `torch.set_rng_state(state)` this generator draws the same numbers again.

    Save it in a checkpoint to resume a run, with the states of the GPUs, NumPy and Python's
    `random`. `np.random.get_state()` holds an array, which `torch.load` with `weights_only=True`
    refuses.
    """
    torch.rand(5)
    bookmark = torch.get_rng_state()
    first = torch.rand(3)

    torch.set_rng_state(bookmark)

    assert torch.rand(3).tolist() == first.tolist()
    assert bookmark.dtype == torch.uint8


def test_fork_rng_puts_the_state_back_after_a_block():
    """Seeding and drawing inside `with torch.random.fork_rng(devices=[])` leaves the default CPU
    generator as it was before the block.
    """
    torch.manual_seed(7)
    first, second = torch.rand(1), torch.rand(1)

    torch.manual_seed(7)
    again = torch.rand(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.rand(5)

    assert again.item() == first.item()
    assert torch.rand(1).item() == second.item()


def test_numpy_and_python_draw_from_generators_of_their_own():
    """`np.random.rand()` and `random.random()` don't change what `torch.rand` draws next."""
    torch.manual_seed(7)
    first = torch.rand(3)

    torch.manual_seed(7)
    np.random.rand()
    random.random()

    assert torch.rand(3).tolist() == first.tolist()


def test_manual_seed_seeds_neither_numpy_nor_python():
    """`torch.manual_seed` seeds neither `np.random.rand()` of NumPy nor `random.random()` of
    Python; call `np.random.seed` and `random.seed` as well.
    """
    torch.manual_seed(7)
    by_numpy, by_python = np.random.rand(), random.random()
    torch.manual_seed(7)

    assert (np.random.rand() == by_numpy) is False
    assert (random.random() == by_python) is False
    np.random.seed(7)
    random.seed(7)
    assert round(np.random.rand(), 4) == 0.0763
    assert round(random.random(), 4) == 0.3238


def test_dropout_draws_from_the_default_generator(device):
    """For a non-empty float32 tensor `x`, `F.dropout(x)` draws from the default generator of the
    device of `x`, so a `torch.manual_seed` just before the call determines which elements are
    zeroed.
    """
    x = torch.ones(64, device=device)

    torch.manual_seed(7)
    first = F.dropout(x)
    torch.manual_seed(7)
    second = F.dropout(x)
    third = F.dropout(x)

    assert torch.equal(first, second) is True
    assert torch.equal(second, third) is False


@pytest.mark.cuda
def test_manual_seed_seeds_the_gpu_as_well():
    """`torch.manual_seed(7)` seeds the CPU and each GPU; their generators are separate, and
    `torch.rand(3, device="cuda")` gives other values than `torch.rand(3)`.
    """
    torch.manual_seed(7)
    first_cpu, first_cuda = torch.rand(3), torch.rand(3, device="cuda")
    torch.manual_seed(7)
    second_cuda, second_cpu = torch.rand(3, device="cuda"), torch.rand(3)

    assert torch.equal(first_cpu, second_cpu) is True
    assert torch.equal(first_cuda, second_cuda) is True
    assert torch.equal(first_cpu, first_cuda.cpu()) is False


@pytest.mark.multi_gpu(2)
def test_each_gpu_has_a_generator_of_its_own():
    """`torch.rand(3, device="cuda:0")` doesn't change which numbers
    `torch.rand(3, device="cuda:1")` draws next: each GPU has a default generator of its
    own.
    """
    torch.manual_seed(7)
    first = torch.rand(3, device="cuda:1")
    torch.manual_seed(7)
    torch.rand(3, device="cuda:0")
    second = torch.rand(3, device="cuda:1")

    assert torch.equal(first, second) is True
