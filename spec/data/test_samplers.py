"""Samplers.

A sampler decides which samples come and in which order: it is an iterable of indices, and the
`DataLoader` fetches the samples with these indices. The loader makes one itself, a
`SequentialSampler`, or a `RandomSampler` for `shuffle=True`; with `sampler=` it takes another,
such as a `WeightedRandomSampler` for classes of different size. A batch sampler goes one step
further and yields lists of indices, one list per batch.

What surprises: weights are one per sample and not one per class, and need not add up to 1;
drawing with replacement shows some samples more than once and others not at all; a plain list of
indices is a sampler already; and negative weights are noticed when the first sample is drawn.
Samplers for several processes are on `spec/parallel/test_distributed_sampler.py`.
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
    """`SequentialSampler(data)` yields 0, 1, 2 and so on up to `len(data) - 1`; it doesn't look
    at the samples.
    """
    sampler = SequentialSampler("abcd")

    assert list(sampler) == [0, 1, 2, 3]
    assert len(sampler) == 4


def test_shuffle_chooses_the_sampler():
    """A `DataLoader` for a nonempty map-style dataset, without `sampler` and `batch_sampler`,
    makes a `RandomSampler` if `shuffle=True`, and a `SequentialSampler` otherwise.
    """
    shuffled = DataLoader([1, 2], shuffle=True)
    ordered = DataLoader([1, 2], shuffle=False)

    assert type(shuffled.sampler) is RandomSampler
    assert type(ordered.sampler) is SequentialSampler
    assert list(ordered.sampler) == [0, 1]


def test_a_list_of_numbers_is_a_sampler():
    """`DataLoader(["a", "b", "c"], batch_size=2, sampler=[2, 0, 2])` takes a plain list of indices
    as its sampler, and fetches the samples in that order, sample 2 twice: the batches are
    `["c", "a"]` and `["c"]`.

    The dataset must be map-style and have a sample for each index: with index 3 the loop raises
    IndexError.
    """
    loader = DataLoader(["a", "b", "c"], batch_size=2, sampler=[2, 0, 2])

    assert list(loader) == [["c", "a"], ["c"]]
    assert len(loader) == 2
    with pytest.raises(IndexError, match="list index out of range"):
        list(DataLoader(["a", "b", "c"], sampler=[3]))


def test_a_random_sampler_gives_every_number_once():
    """`RandomSampler(range(50))` yields each index from 0 to 49 once, in random order; a
    second pass over the same sampler, without `torch.manual_seed` in between, has another
    order.
    """
    sampler = RandomSampler(range(50))

    first, second = list(sampler), list(sampler)

    assert first != second
    assert sorted(first) == sorted(second) == list(range(50))


def test_a_random_sampler_with_replacement_repeats_some():
    """`RandomSampler(range(50), replacement=True)` draws 50 times, each time from all 50
    indices: some indices come more than once and others not at all.

    For 50 draws from 50 about 36 % of the samples are left out of an epoch.
    """
    numbers = range(50)

    drawn = list(RandomSampler(numbers, replacement=True))

    assert len(drawn) == 50
    assert set(drawn) < set(numbers)


@pytest.mark.parametrize(("wanted", "copies"), [(4, 1), (8, 2)])
def test_a_random_sampler_can_give_more_numbers_than_there_are(wanted, copies):
    """`RandomSampler(data, num_samples=2 * len(data))` of nonempty `data` yields each index
    twice: a second random permutation of the indices follows the first.
    """
    drawn = list(RandomSampler(range(4), num_samples=wanted))

    assert len(drawn) == wanted
    assert [sorted(drawn[i : i + 4]) for i in range(0, wanted, 4)] == [[0, 1, 2, 3]] * copies


def test_a_random_sampler_gives_fewer_numbers_if_asked():
    """For `data` of 50 samples, `RandomSampler(data, num_samples=20)` yields 20 different indices,
    drawn anew in each pass: an epoch of a part of the data.
    """
    sampler = RandomSampler(range(50), num_samples=20)

    assert len(sampler) == 20
    assert len(set(sampler)) == 20
    assert (list(sampler) == list(sampler)) is False


def test_a_random_sampler_of_nothing_is_refused():
    """`RandomSampler(data, num_samples=0)` raises ValueError, "num_samples should be a positive
    integer value".

    The same error from `DataLoader(data, shuffle=True)` means that `data` is empty, such as the
    list that `glob.glob` returns for a wrong path.
    """
    with pytest.raises(ValueError, match="positive integer value, but got num_samples=0"):
        RandomSampler([1, 2], num_samples=0)
    with pytest.raises(ValueError, match="positive integer value, but got num_samples=0"):
        DataLoader([], shuffle=True)
    assert list(DataLoader([], shuffle=False)) == []


def test_a_subset_random_sampler_shuffles_the_numbers_it_is_given():
    """`SubsetRandomSampler(indices)` with a list `indices` yields the entries of the list in
    random order, each entry once.

    With it a loader trains on a part of a dataset without making a `Subset`.
    """
    numbers = list(range(10, 50))
    sampler = SubsetRandomSampler(numbers)

    drawn = list(sampler)

    assert drawn != numbers
    assert sorted(drawn) == numbers
    assert len(sampler) == 40


def test_weights_say_how_often_a_sample_is_drawn():
    """`WeightedRandomSampler([0.0, 30.0, 0.0, 10.0], num_samples=4000)`, with replacement,
    draws index 1 about three times as often as index 3, and the indices 0 and 2, of weight
    0, not at all.

    The weights need not add up to 1.
    """
    drawn = list(WeightedRandomSampler([0.0, 30.0, 0.0, 10.0], num_samples=4000))

    assert sorted(set(drawn)) == [1, 3]
    assert round(drawn.count(1) / drawn.count(3)) == 3


def test_weights_by_class_balance_a_dataset():
    """`WeightedRandomSampler(weights, num_samples=4000)` with the weight `1 / size of the class`
    for each sample draws about 2000 times from each of two classes, of 90 and of 10 samples.

    The same few samples of the small class come again and again: augmentation helps against
    overfitting to them.
    """
    labels = torch.tensor([0] * 90 + [1] * 10)

    weights = 1 / torch.bincount(labels)[labels]
    drawn = torch.tensor(list(WeightedRandomSampler(weights, num_samples=4000)))

    assert labels.double().mean().item() == 0.1
    assert labels[drawn].double().mean().item() == pytest.approx(0.5, abs=0.05)


def test_weights_are_one_for_each_sample_and_not_for_each_class():
    """The weights of `WeightedRandomSampler` are one per sample: three weights draw only the
    indices 0, 1 and 2, however long the dataset is.

    With one weight per class, a loader for three classes draws only the first three samples,
    without an error. Use `weights[labels]`, where `weights` is a tensor with one weight per class
    and `labels` holds the int64 label of each sample.
    """
    drawn = list(WeightedRandomSampler([1.0, 1.0, 1.0], num_samples=1000))

    assert sorted(set(drawn)) == [0, 1, 2]


def test_weights_without_replacement_give_each_number_once():
    """One iteration over `WeightedRandomSampler(weights, n, replacement=False)` yields no index
    twice, and raises RuntimeError, "cannot sample n_sample > prob_dist.size(-1)", if `n` is
    greater than the number of weights.

    Draw at most `len(weights)` indices, or with replacement. The next iteration draws anew, from
    all indices again.
    """
    weights = [1.0, 5.0, 2.0]
    sampler = WeightedRandomSampler(weights, 3, replacement=False)

    assert [sorted(sampler), sorted(sampler)] == [[0, 1, 2], [0, 1, 2]]
    with pytest.raises(RuntimeError, match=r"cannot sample n_sample > prob_dist.size\(-1\)"):
        list(WeightedRandomSampler(weights, 4, replacement=False))


def test_a_weight_of_zero_is_drawn_when_nothing_else_is_left():
    """`WeightedRandomSampler([0.0, 1.0, 1.0], 3, replacement=False)` yields index 0 too, in spite
    of its weight of 0: last, after the others are used up.

    No error says so. Draw at most as many indices as there are weights above 0.
    """
    drawn = list(WeightedRandomSampler([0.0, 1.0, 1.0], 3, replacement=False))

    assert drawn[2] == 0
    assert sorted(drawn) == [0, 1, 2]


def test_a_negative_weight_is_found_when_drawing():
    """`WeightedRandomSampler([-1.0, 1.0], num_samples=2)` accepts the negative weight when it is
    made; iterating over it raises RuntimeError.

    Because only `torch.multinomial`, which draws, checks the values of the weights.
    """
    sampler = WeightedRandomSampler([-1.0, 1.0], num_samples=2)

    with pytest.raises(RuntimeError, match="probability entry < 0"):
        list(sampler)


def test_a_batch_sampler_groups_the_numbers():
    """`BatchSampler(sampler, batch_size=2, drop_last=False)` yields lists of two indices, the last
    of one if the number of indices is odd; `drop_last=True` leaves out that shorter list.
    """
    numbers = SequentialSampler("abcde")

    assert list(BatchSampler(numbers, batch_size=2, drop_last=False)) == [[0, 1], [2, 3], [4]]
    assert list(BatchSampler(numbers, batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]


def test_a_batch_sampler_of_ones_own_is_a_list_of_lists():
    """`DataLoader(data, batch_sampler=[[4], [0, 1, 2]])` takes a list of nonempty lists of
    indices; each of them is one batch, and they may differ in length.

    Use it to put sequences of about the same length into one batch.
    """
    loader = DataLoader("abcde", batch_sampler=[[4], [0, 1, 2]])

    assert list(loader) == [["e"], ["a", "b", "c"]]
    assert len(loader) == 2


def test_a_batch_sampler_excludes_batch_size():
    """`DataLoader` with a `batch_sampler` and `batch_size=2` raises ValueError.

    Because the batch sampler decides about size, order and the last batch: leave out
    `batch_size`, `shuffle`, `sampler` and `drop_last`.
    """
    with pytest.raises(
        ValueError, match="batch_sampler option is mutually exclusive with batch_si"
    ):
        DataLoader("abcde", batch_size=2, batch_sampler=[[0]])


def test_a_sampler_has_a_generator_of_its_own():
    """`RandomSampler(data, generator=g)` draws from the generator `g`: a new `g` with the same
    seed gives the same order, whatever seed torch's global generator has.
    """
    torch.manual_seed(1)
    first = list(RandomSampler(range(50), generator=torch.Generator().manual_seed(5)))
    torch.manual_seed(2)
    again = list(RandomSampler(range(50), generator=torch.Generator().manual_seed(5)))
    other = list(RandomSampler(range(50), generator=torch.Generator().manual_seed(6)))

    assert [again == first, other == first] == [True, False]
