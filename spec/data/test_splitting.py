"""Splitting and joining datasets.

`Subset` is a part of a dataset: the dataset itself, and a list of indices into it. `random_split`
draws the indices of several parts by chance, as for training and validation. `ConcatDataset` is
several datasets as one, which counts on from the first to the second.

What surprises: nothing is copied, so that training and validation part share one dataset and with
it one transform; a wrong index is noticed no sooner than its sample is asked for; and without a
seed `random_split` makes another split in each run, which mixes the validation data
of the last run into the training of this one.
"""

import pytest
import torch
from torch.utils.data import ConcatDataset, Subset, TensorDataset, random_split


def test_subset_renumbers_the_samples_it_keeps():
    """`Subset(dataset, indices)` of a list of indices is a dataset of the samples with these
    indices, numbered from 0 in the order given; an index may come twice.
    """
    part = Subset(["a", "b", "c", "d"], [3, 0, 0])

    assert len(part) == 3
    assert list(part) == ["d", "a", "a"]


def test_subset_looks_into_the_dataset_when_asked():
    """`Subset` keeps a reference to the dataset and copies no samples: a sample that changes in the
    dataset changes in the subset.
    """
    letters = ["a", "b", "c"]
    part = Subset(letters, [2])

    letters[2] = "z"

    assert part.dataset is letters
    assert part[0] == "z"


def test_a_wrong_index_of_a_subset_shows_late():
    """`Subset(dataset, indices)` does not compare its indices with the length of the dataset:
    `part = Subset(["a", "b"], [0, 5])` runs, and `part[1]` raises IndexError.

    With a `DataLoader` the error may come hours later; `for sample in part` ends at the wrong
    index without an error. For a nonempty list `indices` of numbers from 0 on,
    `max(indices) < len(dataset)` tells at once.
    """
    part = Subset(["a", "b"], [0, 5])

    assert part[0] == "a"
    assert list(part) == ["a"]
    with pytest.raises(IndexError, match="list index out of range"):
        part[1]


def test_concat_dataset_counts_on():
    """`ConcatDataset([first, second])` of two map-style datasets is one dataset with the samples
    of `first`, followed by those of `second`; its length is the sum of theirs.
    """
    both = ConcatDataset([["a", "b"], ["c"]])

    assert len(both) == 3
    assert list(both) == ["a", "b", "c"]
    assert both[-3] == "a"
    assert both.cumulative_sizes == [2, 3]


def test_concat_dataset_counts_back_no_further_than_its_length():
    """`ConcatDataset([["a", "b"], ["c"]])`, with three samples, raises ValueError for the
    index -4, before its first sample, and IndexError for the index 3, beyond its last.

    Negative indices count from the end, as in a list; a list would raise IndexError in both cases.
    """
    both = ConcatDataset([["a", "b"], ["c"]])

    with pytest.raises(ValueError, match="should not exceed dataset length"):
        both[-4]
    with pytest.raises(IndexError, match="out of range"):
        both[3]


def test_plus_joins_two_datasets():
    """`a + b` of two `TensorDataset` objects returns a `ConcatDataset` with the samples of
    `a`, then those of `b`.

    Of two plain lists `+` is a longer list, which a `DataLoader` takes as well.
    """
    joined = TensorDataset(torch.tensor([1, 2])) + TensorDataset(torch.tensor([3]))

    assert type(joined) is ConcatDataset
    assert [sample.item() for (sample,) in joined] == [1, 2, 3]


def test_random_split_deals_out_every_sample_once():
    """`random_split(dataset, [4, 2], generator)` of six samples puts four of them, chosen at
    random, into one part and the other two into a second; a new generator with the same seed
    repeats the split.

    With neither a generator nor `torch.manual_seed`, the split differs from run to run, and
    validation samples of one run are trained on in the next.
    """
    letters = list("abcdef")

    first, second = random_split(letters, [4, 2], torch.Generator().manual_seed(1))
    again, _ = random_split(letters, [4, 2], torch.Generator().manual_seed(1))

    assert [len(first), len(second)] == [4, 2]
    assert sorted([*first, *second]) == ["a", "b", "c", "d", "e", "f"]
    assert list(again) == list(first)
    assert list(first) != sorted(first)


def test_random_split_takes_fractions():
    """`random_split(range(10), [0.75, 0.25])` takes fractions of the ten samples: 7.5 and 2.5 are
    rounded down to 7 and 2, and the sample left over goes to the first part, which gets 8.

    Samples left over go one each to the first parts. The fractions have to add up to 1, and in
    floating point to no more: `[0.2, 0.4, 0.3, 0.1]`, whose `sum` is 1.0000000000000002 before
    Python 3.12, raises ValueError.
    """
    quarters = random_split(range(10), [0.75, 0.25])
    halves = random_split(range(10), [0.5, 0.25, 0.25])

    assert [len(part) for part in quarters] == [8, 2]
    assert [len(part) for part in halves] == [6, 2, 2]


def test_random_split_wants_the_lengths_to_add_up():
    """`random_split` of ten samples raises ValueError for the lengths `[7, 2]` and `[7, 4]`, which
    don't add up to ten.

    To leave samples out, add a last part for them and ignore it. Lengths that add up to 1, such as
    `[1]`, are taken for fractions.
    """
    with pytest.raises(ValueError, match="Sum of input lengths does not equal the length"):
        random_split(range(10), [7, 2])
    with pytest.raises(ValueError, match="Sum of input lengths does not equal the length"):
        random_split(range(10), [7, 4])
    assert [len(part) for part in random_split(range(10), [7, 3])] == [7, 3]
    assert [len(part) for part in random_split(range(10), [1])] == [10]


def test_random_split_warns_of_an_empty_part():
    """`random_split` of a dataset of two samples with the fractions `[0.875, 0.125]` issues a
    UserWarning, because the second part gets no sample; the lengths `[2, 0]` give an empty part
    without a warning.

    An empty validation part would be noticed late, for example as a division by zero.
    """
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        parts = random_split(range(2), [0.875, 0.125])

    assert [len(part) for part in parts] == [2, 0]
    assert [len(part) for part in random_split(range(2), [2, 0])] == [2, 0]


def test_the_parts_of_a_split_share_one_dataset():
    """The parts that `random_split` returns are `Subset` objects of one dataset, so its transform
    serves all of them.

    For augmentation in training only, make two datasets with different transforms, and write
    `Subset(augmented, train.indices)` and `Subset(plain, val.indices)`.
    """
    numbers = [10, 10, 10, 10]

    train, val = random_split(numbers, [3, 1])
    numbers[:] = [7, 7, 7, 7]

    assert type(train) is type(val) is Subset
    assert train.dataset is val.dataset is numbers
    assert [list(train), list(val)] == [[7, 7, 7], [7]]
