"""Collating.

Collating makes one batch of several samples. `torch.utils.data.default_collate`, which a
`DataLoader` uses unless told otherwise, stacks tensors of one shape, makes tensors of NumPy arrays
and of numbers, and goes through tuples, lists and dicts part by part. The option `collate_fn` of
the loader does it another way, as for sequences of different lengths, which have to be padded.

What surprises: a pair of input and label comes back as a list and not as a tuple; strings stay
strings; Python floats become float64, which a float32 network refuses; the first sample decides
which keys a batch has; and samples of different shapes raise an error.
"""

from collections import namedtuple

import pytest
import torch
from torch.utils.data import DataLoader, default_collate


def test_pairs_come_back_as_a_list_of_batches():
    """A `DataLoader` turns samples `(input, label)` into a list `[inputs, labels]`, each of them
    stacked to a tensor.

    So `for inputs, labels in loader` unpacks it.
    """
    dataset = [(torch.tensor([1.0, 2.0]), 0), (torch.tensor([3.0, 4.0]), 1)]

    (batch,) = DataLoader(dataset, batch_size=2)

    assert type(batch) is list
    assert [part.tolist() for part in batch] == [[[1.0, 2.0], [3.0, 4.0]], [0, 1]]


def test_dicts_come_back_as_a_dict_of_batches():
    """`default_collate` turns a list of dicts into one dict with the keys of the first sample, each
    value a batch; a key that only later samples have is dropped without an error.

    A key that a later sample lacks raises KeyError. Give all samples the same keys.
    """
    dataset = [{"x": 1, "name": "one"}, {"x": 2, "name": "two", "late": True}]

    (batch,) = DataLoader(dataset, batch_size=2)

    assert list(batch) == ["x", "name"]
    assert batch["x"].tolist() == [1, 2]
    assert batch["name"] == ["one", "two"]


def test_a_named_tuple_keeps_its_names():
    """`default_collate` turns samples of a `namedtuple` class into one object of the same class,
    with batches as its fields.
    """
    Sample = namedtuple("Sample", "x label")

    batch = default_collate([Sample(1, "a"), Sample(2, "b")])

    assert type(batch) is Sample
    assert batch.x.tolist() == [1, 2]
    assert batch.label == ("a", "b")


def test_strings_are_collected_and_not_stacked():
    """`default_collate` leaves a batch of strings as a list, because a tensor can't hold strings.

    Turn words into integers in the dataset if the network is to read them.
    """
    (batch,) = DataLoader(["cat", "ship"], batch_size=2)

    assert batch == ["cat", "ship"]


def test_the_dtype_of_a_batch_comes_from_its_samples():
    """`default_collate` makes int64 of Python ints, float64 of floats and bool of bools; tensors of
    one dtype keep it, and float32 beside float64 becomes float64.

    A float label therefore meets float32 outputs as float64: return `torch.tensor(label)`, which is
    float32, from the dataset.
    """
    batches = [
        default_collate([1, 2]),
        default_collate([1.0, 2.0]),
        default_collate([True, False]),
        default_collate([torch.tensor(1.0), torch.tensor(2.0)]),
        default_collate([torch.tensor(1.0), torch.tensor(2.0, dtype=torch.float64)]),
    ]

    assert [batch.dtype for batch in batches] == [
        torch.int64,
        torch.float64,
        torch.bool,
        torch.float32,
        torch.float64,
    ]


def test_the_first_number_decides_the_dtype():
    """`default_collate` of Python numbers makes float64 if the first is a float, as in `[1.0, 2]`;
    if the first is an int it does what `torch.tensor` does, which makes float32 of `[1, 2.0]`.

    So a column of mixed numbers changes its dtype from batch to batch. Return `float(x)`, or a
    tensor, for each sample.
    """
    float_first, int_first = default_collate([1.0, 2]), default_collate([1, 2.0])

    assert float_first.dtype == torch.float64
    assert int_first.dtype == torch.float32


def test_collate_fn_takes_the_list_of_samples():
    """`DataLoader(batch_size=2, collate_fn=f)` calls `f` with the list of the samples of one batch;
    what it returns is the batch.

    With `batch_size=None` `f` is called with each single sample.
    """
    lists = [[1], [2, 3], [4, 5, 6]]

    batches = list(DataLoader(lists, batch_size=2, collate_fn=lambda samples: samples))

    assert batches == [[[1], [2, 3]], [[4, 5, 6]]]
    assert list(DataLoader([7], batch_size=None, collate_fn=lambda sample: sample)) == [7]


def test_collate_fn_pads_what_has_no_common_length():
    """A `DataLoader` raises RuntimeError for samples of different lengths; with
    `collate_fn=torch.nn.utils.rnn.pad_sequence` it pads them with zeros, time first.

    The default `stack` needs equal shapes. For the batch first, pass a function that calls
    `pad_sequence(..., batch_first=True)`.
    """
    sequences = [torch.tensor([1]), torch.tensor([2, 3])]

    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size, but got"):
        next(iter(DataLoader(sequences, batch_size=2)))
    (batch,) = DataLoader(sequences, batch_size=2, collate_fn=torch.nn.utils.rnn.pad_sequence)
    assert batch.tolist() == [[1, 2], [0, 3]]


def test_lists_of_different_lengths_are_not_collated():
    """`default_collate` raises RuntimeError for lists of different lengths, because it collates
    lists item by item.

    A `collate_fn` such as `lambda samples: samples` keeps the lists as they are.
    """
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        default_collate([[1, 2], [3]])
    assert [part.tolist() for part in default_collate([[1, 2], [3, 4]])] == [[1, 3], [2, 4]]


def test_none_cannot_be_collated():
    """`default_collate` raises TypeError for a sample that is None, as returned by a `__getitem__`
    that forgot its `return`.

    Samples that can't be read are best left out of the dataset; or a `collate_fn` filters them.
    """
    with pytest.raises(TypeError, match="numbers, dicts or lists; found <class 'NoneType'>"):
        next(iter(DataLoader([None, None], batch_size=2)))
