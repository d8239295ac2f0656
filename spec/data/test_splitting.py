"""Splitting and joining datasets.

A part of a dataset is a list of numbers beside the dataset itself, and two datasets joined are one
that counts on from the first to the second. `random_split` draws the numbers of the parts.

What surprises: nothing is copied, so training and validation part share one transform, and a wrong
number is noticed no sooner than its sample is asked for.
"""

import pytest
import torch
from torch.utils.data import ConcatDataset, Subset, TensorDataset, random_split


def test_subset_renumbers_the_samples_it_keeps():
    """`Subset(dataset, indices)` numbers the chosen samples from 0, in the order given."""
    part = Subset(["a", "b", "c", "d"], [3, 0, 0])

    assert len(part) == 3
    assert list(part) == ["d", "a", "a"]


def test_subset_looks_into_the_dataset_when_asked():
    """A subset keeps the dataset itself and no samples: a changed sample is a changed subset."""
    letters = ["a", "b", "c"]
    part = Subset(letters, [2])

    letters[2] = "z"

    assert part.dataset is letters
    assert part[0] == "z"


def test_a_wrong_index_of_a_subset_shows_late():
    """`Subset` does not compare its indices with the dataset: a wrong one fails when it is read."""
    part = Subset(["a", "b"], [0, 5])

    assert part[0] == "a"
    with pytest.raises(IndexError, match="list index out of range"):
        part[1]


def test_concat_dataset_counts_on():
    """`ConcatDataset` puts datasets end to end; the second's samples follow the first's."""
    both = ConcatDataset([["a", "b"], ["c"]])

    assert len(both) == 3
    assert list(both) == ["a", "b", "c"]
    assert both[-3] == "a"
    assert both.cumulative_sizes == [2, 3]


def test_concat_dataset_counts_back_no_further_than_its_length():
    """A negative index beyond the first sample is a `ValueError` here, no `IndexError`."""
    both = ConcatDataset([["a", "b"], ["c"]])

    with pytest.raises(ValueError, match="should not exceed dataset length"):
        both[-4]
    with pytest.raises(IndexError, match="out of range"):
        both[3]


def test_plus_joins_two_datasets():
    """`a + b` of two datasets is the `ConcatDataset` of them."""
    joined = TensorDataset(torch.tensor([1, 2])) + TensorDataset(torch.tensor([3]))

    assert type(joined) is ConcatDataset
    assert [sample.item() for (sample,) in joined] == [1, 2, 3]


def test_random_split_deals_out_every_sample_once():
    """`random_split` gives each sample to one part; a seeded generator repeats the cut."""
    letters = list("abcdef")

    first, second = random_split(letters, [4, 2], torch.Generator().manual_seed(1))
    again, _ = random_split(letters, [4, 2], torch.Generator().manual_seed(1))

    assert [len(first), len(second)] == [4, 2]
    assert sorted([*first, *second]) == ["a", "b", "c", "d", "e", "f"]
    assert list(again) == list(first)
    assert list(first) != sorted(first)


def test_random_split_takes_fractions():
    """Fractions that add up to 1 are rounded down; what is left over goes to the first parts."""
    quarters = random_split(range(10), [0.75, 0.25])
    halves = random_split(range(10), [0.5, 0.25, 0.25])

    assert [len(part) for part in quarters] == [8, 2]
    assert [len(part) for part in halves] == [6, 2, 2]


def test_random_split_wants_the_lengths_to_add_up():
    """Lengths that leave samples over, or want more than there are, are refused."""
    with pytest.raises(ValueError, match="Sum of input lengths does not equal the length"):
        random_split(range(10), [7, 2])
    assert [len(part) for part in random_split(range(10), [7, 3])] == [7, 3]


def test_random_split_warns_of_an_empty_part():
    """A fraction too small for a single sample gives an empty part and a warning."""
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        parts = random_split(range(2), [0.875, 0.125])

    assert [len(part) for part in parts] == [2, 0]


def test_the_parts_of_a_split_share_one_dataset():
    """The parts are subsets of one dataset: what its transform does, it does for both."""
    numbers = range(4)

    train, val = random_split(numbers, [3, 1])

    assert type(train) is Subset
    assert train.dataset is val.dataset is numbers
