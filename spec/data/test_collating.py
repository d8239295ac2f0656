"""Collating.

Collating makes one batch of several samples: tensors of one shape are stacked, numbers become a
tensor, and tuples and dicts are gone through part by part. `collate_fn` is the loader's option for
doing it another way.

What surprises: a pair of input and label comes back as a list, strings stay strings, Python floats
become `float64`, and samples of different shapes are refused.
"""

from collections import namedtuple

import pytest
import torch
from torch.utils.data import DataLoader, default_collate


def test_pairs_come_back_as_a_list_of_batches():
    """Samples `(input, label)` become `[inputs, labels]`: a list, whose parts are stacked."""
    dataset = [(torch.tensor([1.0, 2.0]), 0), (torch.tensor([3.0, 4.0]), 1)]

    (batch,) = DataLoader(dataset, batch_size=2)

    assert type(batch) is list
    assert [part.tolist() for part in batch] == [[[1.0, 2.0], [3.0, 4.0]], [0, 1]]


def test_dicts_come_back_as_a_dict_of_batches():
    """Samples that are dicts become one dict, each of its values a batch."""
    dataset = [{"x": 1, "name": "one"}, {"x": 2, "name": "two"}]

    (batch,) = DataLoader(dataset, batch_size=2)

    assert list(batch) == ["x", "name"]
    assert batch["x"].tolist() == [1, 2]
    assert batch["name"] == ["one", "two"]


def test_a_named_tuple_keeps_its_names():
    """A `namedtuple` comes back as the same `namedtuple`, with batches as its fields."""
    Sample = namedtuple("Sample", "x label")

    batch = default_collate([Sample(1, "a"), Sample(2, "b")])

    assert type(batch) is Sample
    assert batch.x.tolist() == [1, 2]
    assert batch.label == ("a", "b")


def test_strings_are_collected_and_not_stacked():
    """There is no tensor of strings: a batch of them is the plain list."""
    (batch,) = DataLoader(["cat", "ship"], batch_size=2)

    assert batch == ["cat", "ship"]


def test_the_dtype_of_a_batch_comes_from_its_samples():
    """Ints become `int64`, floats `float64` and not the default dtype; tensors keep their own."""
    batches = [
        default_collate([1, 2]),
        default_collate([1.0, 2.0]),
        default_collate([True, False]),
        default_collate([torch.tensor(1.0), torch.tensor(2.0)]),
    ]

    assert [batch.dtype for batch in batches] == [
        torch.int64,
        torch.float64,
        torch.bool,
        torch.float32,
    ]


def test_collate_fn_takes_the_list_of_samples():
    """`collate_fn` gets the samples of one batch as a list; what it returns is the batch."""
    lists = [[1], [2, 3], [4, 5, 6]]

    batches = list(DataLoader(lists, batch_size=2, collate_fn=lambda samples: samples))

    assert batches == [[[1], [2, 3]], [[4, 5, 6]]]


def test_collate_fn_pads_what_has_no_common_length():
    """Sequences of different lengths need a `collate_fn` that pads them."""
    sequences = [torch.tensor([1]), torch.tensor([2, 3])]

    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size, but got"):
        next(iter(DataLoader(sequences, batch_size=2)))
    (batch,) = DataLoader(sequences, batch_size=2, collate_fn=torch.nn.utils.rnn.pad_sequence)
    assert batch.tolist() == [[1, 2], [0, 3]]


def test_lists_of_different_lengths_are_not_collated():
    """Lists are collated item by item, so all of them need the same number of items."""
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        default_collate([[1, 2], [3]])
    assert [part.tolist() for part in default_collate([[1, 2], [3, 4]])] == [[1, 3], [2, 4]]


def test_none_cannot_be_collated():
    """A sample that is `None`, as of a `__getitem__` that forgot to return, is no batch."""
    with pytest.raises(TypeError, match="found <class 'NoneType'>"):
        next(iter(DataLoader([None, None], batch_size=2)))
