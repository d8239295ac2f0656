"""Seeds and generators.

torch draws its random numbers from a generator: a long fixed sequence and a place in it. Seeding
goes to a known place, every draw moves on. So the same seed and the same draws in the same order
give the same numbers. The surprise is who else draws from that one generator (layers, dropout,
shuffling) and who does not (NumPy, Python).
"""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_the_same_seed_gives_the_same_numbers(device):
    """After `manual_seed(7)` a draw repeats what came after the last `manual_seed(7)`."""
    torch.manual_seed(7)
    first = torch.rand(3, device=device)
    torch.manual_seed(7)
    second = torch.rand(3, device=device)
    third = torch.rand(3, device=device)

    assert torch.equal(first, second) is True
    assert torch.equal(second, third) is False


def test_another_seed_gives_other_numbers(device):
    """Neighbouring seeds are as good as any others: nothing of the sequence is shared."""
    torch.manual_seed(7)
    first = torch.rand(3, device=device)
    torch.manual_seed(8)
    second = torch.rand(3, device=device)

    assert (first == second).tolist() == [False, False, False]


def test_seed_zero_gives_every_reader_these_numbers():
    """On the CPU the first numbers after a seed are the same on every machine."""
    torch.manual_seed(0)

    assert repr(torch.rand(3)) == "tensor([0.4963, 0.7682, 0.0885])"


def test_two_draws_give_what_one_longer_draw_gives():
    """Each `rand` goes on where the last one stopped."""
    torch.manual_seed(7)
    first, second = torch.rand(2), torch.rand(3)
    torch.manual_seed(7)
    together = torch.rand(5)

    assert torch.cat([first, second]).tolist() == together.tolist()


def test_the_order_of_draws_matters():
    """A draw put in between changes every number after it."""
    torch.manual_seed(7)
    plain = torch.rand(2)
    torch.manual_seed(7)
    torch.rand(1)
    later = torch.rand(2)

    assert (plain == later).tolist() == [False, False]


def test_a_long_normal_draw_does_not_begin_like_a_short_one():
    """From 16 numbers on `randn` on the CPU computes in blocks, and gives other numbers."""
    torch.manual_seed(7)
    short = torch.randn(3)
    torch.manual_seed(7)
    long = torch.randn(16)

    assert (long[:3] == short).tolist() == [False, False, False]


def test_manual_seed_returns_the_default_generator():
    """`torch.manual_seed` seeds and returns the generator that all draws on the CPU use."""
    generator = torch.manual_seed(7)

    assert generator is torch.default_generator
    assert generator.initial_seed() == 7
    assert torch.initial_seed() == 7


def test_a_negative_seed_counts_from_the_top():
    """Seeds are 64-bit numbers, so -1 is the largest of them."""
    generator = torch.manual_seed(-1)

    assert generator.initial_seed() == 2**64 - 1


def test_seed_picks_a_seed_by_chance_and_says_which():
    """`torch.seed()` takes a seed from the system; noted down, it repeats the run."""
    seed = torch.seed()
    first = torch.rand(3)

    torch.manual_seed(seed)

    assert torch.rand(3).tolist() == first.tolist()
    assert torch.initial_seed() == seed


def test_a_generator_of_ones_own_leaves_the_default_one_alone(device):
    """Draws with `generator=` move that generator on and no other."""
    generator = torch.Generator(device).manual_seed(7)
    torch.manual_seed(0)
    undisturbed = torch.rand(3, device=device)

    torch.manual_seed(0)
    torch.rand(3, device=device, generator=generator)

    assert torch.rand(3, device=device).tolist() == undisturbed.tolist()


def test_a_generator_of_ones_own_follows_its_own_seed(device):
    """Equal seeds give equal numbers, whichever generator draws them."""
    first = torch.Generator(device).manual_seed(7)
    second = torch.Generator(device).manual_seed(7)
    torch.manual_seed(0)

    numbers = torch.rand(3, device=device, generator=first)

    assert torch.rand(3, device=device, generator=second).tolist() == numbers.tolist()
    assert first.device.type == torch.device(device).type


def test_a_new_generator_is_not_random():
    """A generator that nobody seeded always begins with the same built-in seed."""
    generator = torch.Generator()

    assert generator.initial_seed() == 67280421310721


def test_the_state_of_the_generator_can_be_kept_and_put_back():
    """`get_rng_state` is a bookmark: `set_rng_state` goes back to it in mid-sequence."""
    torch.rand(5)
    bookmark = torch.get_rng_state()
    first = torch.rand(3)

    torch.set_rng_state(bookmark)

    assert torch.rand(3).tolist() == first.tolist()
    assert bookmark.dtype == torch.uint8


def test_fork_rng_puts_the_state_back_after_a_block():
    """Whatever is seeded and drawn inside `fork_rng`, the sequence outside goes on untouched."""
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
    """Draws in NumPy and Python do not move torch's generator."""
    torch.manual_seed(7)
    first = torch.rand(3)

    torch.manual_seed(7)
    np.random.rand()
    random.random()

    assert torch.rand(3).tolist() == first.tolist()


def test_manual_seed_seeds_neither_numpy_nor_python():
    """A run that also draws with NumPy or `random` needs their seeds too."""
    torch.manual_seed(7)
    by_numpy, by_python = np.random.rand(), random.random()
    torch.manual_seed(7)

    assert (np.random.rand() == by_numpy) is False
    assert (random.random() == by_python) is False


def test_a_layer_draws_its_weights_from_the_default_generator():
    """The seed before a layer is made decides its first weights."""
    torch.manual_seed(7)
    first = nn.Linear(2, 2)
    torch.manual_seed(7)
    second = nn.Linear(2, 2)
    third = nn.Linear(2, 2)

    assert torch.equal(first.weight, second.weight) is True
    assert torch.equal(first.weight, third.weight) is False


def test_dropout_draws_from_the_default_generator(device):
    """The seed before a dropout decides which elements are dropped."""
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
    """`torch.manual_seed` seeds every device, and each device has a generator of its own."""
    torch.manual_seed(7)
    first_cpu, first_cuda = torch.rand(3), torch.rand(3, device="cuda")
    torch.manual_seed(7)
    second_cuda, second_cpu = torch.rand(3, device="cuda"), torch.rand(3)

    assert torch.equal(first_cpu, second_cpu) is True
    assert torch.equal(first_cuda, second_cuda) is True
    assert torch.equal(first_cpu, first_cuda.cpu()) is False


@pytest.mark.multi_gpu(2)
def test_each_gpu_has_a_generator_of_its_own():
    """Draws on one GPU do not move the generator of another."""
    torch.manual_seed(7)
    first = torch.rand(3, device="cuda:1")
    torch.manual_seed(7)
    torch.rand(3, device="cuda:0")
    second = torch.rand(3, device="cuda:1")

    assert torch.equal(first, second) is True
