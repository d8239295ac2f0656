"""Collating.

Collating makes one batch of several samples. `torch.utils.data.default_collate`, which a
`DataLoader` uses unless told otherwise, stacks dense tensors of one shape, makes tensors of
numeric NumPy arrays and of ints, floats and bools, and goes through tuples, lists and dicts
part by part. The option `collate_fn` of the loader does it another way, as for sequences of
different lengths, which have to be padded.

What surprises: a pair of input and label comes back as a list and not as a tuple; strings stay
strings; Python floats become float64, which a float32 network refuses; the first sample decides
which keys a batch has; and samples of different shapes raise an error.
"""

from collections import namedtuple

import pytest
import torch
from torch.utils.data import DataLoader, default_collate


def test_pairs_come_back_as_a_list_of_batches():
    """`DataLoader(dataset, batch_size=2)` of the two pairs `(torch.tensor([1.0, 2.0]), 0)`
    and `(torch.tensor([3.0, 4.0]), 1)` gives its batch as a list `[inputs, labels]` of two
    tensors, and not as a tuple.

    So `for inputs, labels in loader` unpacks it.
    """
    dataset = [(torch.tensor([1.0, 2.0]), 0), (torch.tensor([3.0, 4.0]), 1)]

    (batch,) = DataLoader(dataset, batch_size=2)

    assert type(batch) is list
    assert [part.tolist() for part in batch] == [[[1.0, 2.0], [3.0, 4.0]], [0, 1]]


def test_dicts_come_back_as_a_dict_of_batches():
    """`default_collate([{"x": 1}, {"x": 2}])` returns the dict `{"x": tensor([1, 2])}`; a
    key that the first dict does not have is dropped without an error.

    Because the first sample decides: `default_collate([{"x": 1}, {}])` raises KeyError. Give all
    samples the same keys.
    """
    dataset = [{"x": 1, "name": "one"}, {"x": 2, "name": "two", "late": True}]

    (batch,) = DataLoader(dataset, batch_size=2)

    assert list(batch) == ["x", "name"]
    assert batch["x"].tolist() == [1, 2]
    assert batch["name"] == ["one", "two"]


def test_a_named_tuple_keeps_its_names():
    """`default_collate([Sample(1, "a"), Sample(2, "b")])`, with a `namedtuple` class `Sample`,
    returns one `Sample` whose fields are the batches `tensor([1, 2])` and `("a", "b")`.
    """
    Sample = namedtuple("Sample", "x label")

    batch = default_collate([Sample(1, "a"), Sample(2, "b")])

    assert type(batch) is Sample
    assert batch.x.tolist() == [1, 2]
    assert batch.label == ("a", "b")


def test_strings_are_collected_and_not_stacked():
    """`default_collate(["cat", "ship"])` returns a list of the two strings and makes no
    tensor of them; the strings of the pairs `[("cat", 0), ("ship", 1)]` come back as the
    tuple `("cat", "ship")`.

    Because a tensor can't hold strings. Turn words into integers in the dataset if the network is
    to read them.
    """
    (batch,) = DataLoader(["cat", "ship"], batch_size=2)

    assert batch == ["cat", "ship"]
    names, numbers = default_collate([("cat", 0), ("ship", 1)])
    assert names == ("cat", "ship")
    assert numbers.tolist() == [0, 1]


def test_the_dtype_of_a_batch_comes_from_its_samples():
    """`default_collate`, called outside of a worker, makes int64 of Python ints, float64 of
    floats, bool of bools and float32 of float32 tensors; a float32 and a float64 tensor
    together become float64.

    A float label therefore meets float32 outputs as float64: return `torch.tensor(label)`,
    which is float32, from the dataset. What a worker makes of two dtypes is on
    `spec/data/test_workers.py`.
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
    """`default_collate([1.0, 2])`, a float first, makes float64; `default_collate([1, 2.0])`, an
    int first, makes what `torch.tensor` makes, by default float32.

    So a column of mixed numbers can change its dtype from batch to batch. Let `__getitem__` return
    `torch.tensor(x, dtype=torch.float32)`.
    """
    float_first, int_first = default_collate([1.0, 2]), default_collate([1, 2.0])

    assert float_first.dtype == torch.float64
    assert int_first.dtype == torch.float32


def test_collate_fn_takes_the_list_of_samples():
    """`DataLoader(data, batch_size=2, collate_fn=f)` of a list `data` calls `f` with the
    list of the samples of one batch; what `f` returns is the batch.

    With `batch_size=None` `f` is called with each single sample.
    """
    lists = [[1], [2, 3], [4, 5, 6]]

    batches = list(DataLoader(lists, batch_size=2, collate_fn=lambda samples: samples))

    assert batches == [[[1], [2, 3]], [[4, 5, 6]]]
    assert list(DataLoader([7], batch_size=None, collate_fn=lambda sample: sample)) == [7]


def test_collate_fn_pads_what_has_no_common_length():
    """A `DataLoader` raises RuntimeError for a batch of `torch.tensor([1])` and
    `torch.tensor([2, 3])`; with `collate_fn=torch.nn.utils.rnn.pad_sequence` the batch is
    `tensor([[1, 2], [0, 3]])`, time first and padded with 0.

    The default `stack` needs equal shapes. For the batch first, pass a function that calls
    `pad_sequence(..., batch_first=True)`.
    """
    sequences = [torch.tensor([1]), torch.tensor([2, 3])]

    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size, but got"):
        next(iter(DataLoader(sequences, batch_size=2)))
    (batch,) = DataLoader(sequences, batch_size=2, collate_fn=torch.nn.utils.rnn.pad_sequence)
    assert batch.tolist() == [[1, 2], [0, 3]]


def test_lists_of_different_lengths_are_not_collated():
    """`default_collate([[1, 2], [3]])` raises RuntimeError, because the two lists differ in
    length; `default_collate([[1, 2], [3, 4]])` returns the list
    `[tensor([1, 3]), tensor([2, 4])]`.

    A `collate_fn` such as `lambda samples: samples` keeps the lists as they are.
    """
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        default_collate([[1, 2], [3]])
    assert [part.tolist() for part in default_collate([[1, 2], [3, 4]])] == [[1, 3], [2, 4]]


def test_none_cannot_be_collated():
    """`default_collate` raises TypeError for a batch whose first sample is None, as
    returned by a `__getitem__` that forgot its `return`.

    Samples that can't be read are best left out of the dataset; or a `collate_fn` filters them.
    A None after an int raises RuntimeError, and a None after a string no error.
    """
    with pytest.raises(TypeError, match="numbers, dicts or lists; found <class 'NoneType'>"):
        next(iter(DataLoader([None, None], batch_size=2)))
    with pytest.raises(RuntimeError, match="Could not infer dtype of NoneType"):
        default_collate([1, None])
    assert default_collate(["cat", None]) == ["cat", None]
