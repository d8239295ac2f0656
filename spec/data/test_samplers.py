"""Samplers.

A sampler decides which samples come and in which order: it is an iterable of numbers, and the
loader fetches the samples of these numbers. `shuffle=True` is only a short way to ask for a
`RandomSampler`.

What surprises: weights need not add up to anything, drawing with replacement shows some samples
twice and others never, and any list of numbers is a sampler already.
"""

import pytest
import torch
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    RandomSampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def test_a_sequential_sampler_counts():
    """`SequentialSampler` gives 0, 1, 2 ... and looks at nothing but the dataset's length."""
    sampler = SequentialSampler("abcd")

    assert list(sampler) == [0, 1, 2, 3]
    assert len(sampler) == 4


def test_shuffle_chooses_the_sampler():
    """A loader makes its sampler itself: a random one with `shuffle=True`, else a sequential."""
    shuffled = DataLoader([1, 2], shuffle=True)
    ordered = DataLoader([1, 2], shuffle=False)

    assert type(shuffled.sampler) is RandomSampler
    assert type(ordered.sampler) is SequentialSampler


def test_a_list_of_numbers_is_a_sampler():
    """Any iterable of numbers will do: the loader fetches these samples in this order."""
    loader = DataLoader(["a", "b", "c"], batch_size=2, sampler=[2, 0, 2])

    assert list(loader) == [["c", "a"], ["c"]]
    assert len(loader) == 2


def test_a_random_sampler_gives_every_number_once():
    """`RandomSampler` is a permutation, a new one for each pass."""
    sampler = RandomSampler(range(50))

    first, second = list(sampler), list(sampler)

    assert first != second
    assert sorted(first) == sorted(second) == list(range(50))


def test_a_random_sampler_with_replacement_repeats_some():
    """With `replacement=True` each draw is from all samples: some come twice, others never."""
    numbers = range(50)

    drawn = list(RandomSampler(numbers, replacement=True))

    assert len(drawn) == 50
    assert set(drawn) < set(numbers)


@pytest.mark.parametrize(("wanted", "copies"), [(4, 1), (8, 2)])
def test_a_random_sampler_can_give_more_numbers_than_there_are(wanted, copies):
    """`num_samples` beyond the dataset begins the permutation anew: each comes equally often."""
    drawn = list(RandomSampler(range(4), num_samples=wanted))

    assert sorted(drawn) == sorted([0, 1, 2, 3] * copies)


def test_a_random_sampler_gives_fewer_numbers_if_asked():
    """`num_samples` below the length makes an epoch of part of the data, without repeats."""
    sampler = RandomSampler(range(50), num_samples=20)

    assert len(sampler) == 20
    assert len(set(sampler)) == 20


def test_a_random_sampler_of_nothing_is_refused():
    """`num_samples` is a positive number."""
    with pytest.raises(ValueError, match="positive integer value, but got num_samples=0"):
        RandomSampler([1, 2], num_samples=0)


def test_a_subset_random_sampler_shuffles_the_numbers_it_is_given():
    """`SubsetRandomSampler` takes the numbers of a part and gives each once, in chance order."""
    numbers = list(range(10, 50))
    sampler = SubsetRandomSampler(numbers)

    drawn = list(sampler)

    assert drawn != numbers
    assert sorted(drawn) == numbers
    assert len(sampler) == 40


def test_weights_say_how_often_a_sample_is_drawn():
    """A weight of 0 is never drawn; weights are relative and need not add up to 1."""
    drawn = list(WeightedRandomSampler([0.0, 30.0, 0.0, 10.0], num_samples=4000))

    assert sorted(set(drawn)) == [1, 3]
    assert round(drawn.count(1) / drawn.count(3)) == 3


def test_weights_by_class_even_out_a_lopsided_dataset():
    """One over the size of its class, as the weight of each sample, draws classes alike."""
    labels = torch.tensor([0] * 90 + [1] * 10)

    weights = 1 / torch.bincount(labels)[labels]
    drawn = torch.tensor(list(WeightedRandomSampler(weights, num_samples=4000)))

    assert labels.double().mean().item() == 0.1
    assert labels[drawn].double().mean().item() == pytest.approx(0.5, abs=0.05)


def test_weights_are_one_for_each_sample_and_not_for_each_class():
    """Three weights draw among the samples 0, 1 and 2 alone, however long the dataset is."""
    drawn = list(WeightedRandomSampler([1.0, 1.0, 1.0], num_samples=1000))

    assert sorted(set(drawn)) == [0, 1, 2]


def test_weights_without_replacement_give_each_number_once():
    """With `replacement=False` no number comes twice, so there cannot be more than weights."""
    weights = [1.0, 5.0, 2.0]

    assert sorted(WeightedRandomSampler(weights, 3, replacement=False)) == [0, 1, 2]
    with pytest.raises(RuntimeError, match=r"cannot sample n_sample > prob_dist.size\(-1\)"):
        list(WeightedRandomSampler(weights, 4, replacement=False))


def test_a_negative_weight_is_found_when_drawing():
    """A weight below 0 is no probability; the error comes with the first pass."""
    sampler = WeightedRandomSampler([-1.0, 1.0], num_samples=2)

    with pytest.raises(RuntimeError, match="probability entry < 0"):
        list(sampler)


def test_a_batch_sampler_groups_the_numbers():
    """`BatchSampler` wraps a sampler and gives lists of numbers; the last may be short."""
    numbers = SequentialSampler("abcde")

    assert list(BatchSampler(numbers, batch_size=2, drop_last=False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(numbers, batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]


def test_a_batch_sampler_of_ones_own_is_a_list_of_lists():
    """`batch_sampler=` takes any iterable of lists of numbers: each is one batch."""
    loader = DataLoader("abcde", batch_sampler=[[4], [0, 1, 2]])

    assert list(loader) == [["e"], ["a", "b", "c"]]
    assert len(loader) == 2


def test_a_batch_sampler_excludes_batch_size():
    """The batch sampler decides all about batches: a `batch_size` beside it is refused."""
    with pytest.raises(
        ValueError, match="batch_sampler option is mutually exclusive with batch_si"
    ):
        DataLoader("abcde", batch_size=2, batch_sampler=[[0]])


def test_a_sampler_has_a_generator_of_its_own():
    """A sampler with `generator=` draws from it, and the seed of torch plays no part."""
    first = RandomSampler(range(50), generator=torch.Generator().manual_seed(5))
    again = RandomSampler(range(50), generator=torch.Generator().manual_seed(5))

    assert list(first) == list(again)
