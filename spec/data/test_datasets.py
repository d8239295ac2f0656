"""Datasets.

A dataset is an object that can say how many samples it has and hand over the one you number:
`len(dataset)` and `dataset[i]`. This is called map-style, and a plain list follows it too. An
`IterableDataset` streams instead: it has an `__iter__`, and neither needs a length nor numbers.
`torch.utils.data` has the base class `Dataset` and a few ready ones, such as `TensorDataset`.

A dataset gives single samples. Batches, shuffling and further processes are the work of the
`DataLoader`, in `spec/data/test_loaders.py`; parts and joined datasets are on
`spec/data/test_splitting.py`.

What surprises: the base class is not needed; a `for` loop over a map-style dataset does not look
at its length, it ends at an IndexError; and `TensorDataset` hands over tuples, even of a single
tensor.
"""

import numpy as np
import pytest
import torch
from torch.utils.data import (
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    TensorDataset,
)


@pytest.mark.claim("summary-dataset-class", "blitz-dp-dataset-protocol")
def test_a_dataset_of_ones_own_needs_two_methods():
    """A class that derives directly from `Dataset` and defines `__len__` and `__getitem__` makes
    objects that `DataLoader` takes as its dataset.

    By default `__getitem__` gets an int; it returns one sample, and the loader makes batches of
    them.
    """

    class Squares(Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return index * index

    batches = list(DataLoader(Squares(), batch_size=2))

    assert [batch.tolist() for batch in batches] == [[0, 1], [4, 9], [16]]


@pytest.mark.claim("blitz-dp-dataset-protocol")
def test_the_base_class_is_not_needed():
    """`DataLoader([7, 8, 9], batch_size=3)` batches a plain list, to `tensor([7, 8, 9])`: a
    map-style dataset need not inherit from `Dataset`. A `__len__` and a `__getitem__` that takes
    the indices from 0 to `len - 1` are enough.

    `Dataset` adds the operator `+`, which joins two datasets, and an error for a missing
    `__getitem__`. A dict with other keys than these indices raises KeyError.
    """

    class Squares:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return index * index

    (squares,) = DataLoader(Squares(), batch_size=3)
    (numbers,) = DataLoader([7, 8, 9], batch_size=3)

    assert squares.tolist() == [0, 1, 4]
    assert numbers.tolist() == [7, 8, 9]


@pytest.mark.claim("blitz-dp-item-shape")
def test_a_hundred_random_vectors_make_a_dataset():
    """A `Dataset` that keeps a (100, 5) tensor as `self.data`, has `len(self.data)` as its length
    and returns `self.data[index]` from `__getitem__` has 100 samples of shape (5,).
    """

    class RandomVectors(Dataset):
        def __init__(self, size, length):
            self.data = torch.randn(length, size)

        def __len__(self):
            return len(self.data)

        def __getitem__(self, index):
            return self.data[index]

    vectors = RandomVectors(5, 100)

    assert len(vectors) == 100
    assert [tuple(vector.shape) for vector in vectors] == [(5,)] * 100


def test_a_dataset_without_a_length_cannot_be_loaded():
    """`DataLoader(dataset)` of a map-style dataset without `__len__` can be made, but
    raises TypeError when its first batch is asked for; `DataLoader(dataset, shuffle=True)`
    raises TypeError already when it is made.

    Because the loader's own samplers need the length. Define `__len__`, hand over a `sampler`,
    or write an `IterableDataset`.
    """

    class Endless(Dataset):
        def __getitem__(self, index):
            return index

    loader = DataLoader(Endless())

    with pytest.raises(TypeError, match=r"object of type 'Endless' has no len\(\)"):
        next(iter(loader))
    with pytest.raises(TypeError, match=r"object of type 'Endless' has no len\(\)"):
        DataLoader(Endless(), shuffle=True)
    batches = DataLoader(Endless(), sampler=[41, 42])
    assert [batch.tolist() for batch in batches] == [[41], [42]]


@pytest.mark.torch(">=2.1")
def test_a_dataset_without_samples_says_what_it_lacks():
    """An object of a class that derives directly from `Dataset` and defines `__len__` but
    no `__getitem__` raises NotImplementedError when it is indexed, as by `dataset[0]`.

    Because the base class has a `__getitem__` that says what the subclass has to define.
    """

    class Nothing(Dataset):
        def __len__(self):
            return 3

    with pytest.raises(NotImplementedError, match="Dataset should implement __getitem__"):
        Nothing()[0]
    assert len(Nothing()) == 3


def test_a_for_loop_over_a_dataset_ends_at_an_index_error():
    """A `for` loop over a `Dataset` with `__getitem__` and without `__iter__` asks for
    samples 0, 1, 2 and so on until an IndexError, and does not look at `__len__`; a loop
    over `DataLoader(dataset)` does.

    A `__getitem__` that answers any index, as by `self.data[index % n]`, makes such a loop
    endless. Loop over `range(len(dataset))`, or over a loader.
    """

    class Numbers(Dataset):
        def __init__(self):
            self.data = [1, 2, 3]

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return self.data[index]

    assert [10 * sample for sample in Numbers()] == [10, 20, 30]
    assert [batch.tolist() for batch in DataLoader(Numbers())] == [[1], [2]]


def test_tensor_dataset_gives_tuples(device):
    """`TensorDataset(x, y)[i]` is the tuple `(x[i], y[i])`; with a single tensor a sample is a
    tuple of one element.

    Unpack it in the loop: `for (x,) in loader`.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    y = torch.tensor([7, 8], device=device)

    pairs = TensorDataset(x, y)
    alone = TensorDataset(y)
    sample = alone[0]

    assert len(pairs) == 2
    assert [part.tolist() for part in pairs[1]] == [[3.0, 4.0], 8]
    assert type(sample) is tuple
    assert [part.tolist() for part in sample] == [7]


def test_tensor_dataset_copies_nothing(device):
    """`TensorDataset(x)` of a tensor with at least one dimension keeps `x` itself, and for an int
    `i` the sample `dataset[i]` holds a view of it: a later in-place change of `x` shows in the
    sample.

    An in-place operation on a sample changes the data as well. A list of indices gives a copy. A
    0-d `x` raises IndexError.
    """
    x = torch.tensor([1.0, 2.0], device=device)
    dataset = TensorDataset(x)
    (sample,) = dataset[1]
    (copied,) = dataset[[0, 1]]

    x[1] = 9.0

    assert dataset.tensors[0] is x
    assert sample.item() == 9.0
    assert copied.tolist() == [1.0, 2.0]
    with pytest.raises(IndexError, match="tensor has no dimensions"):
        TensorDataset(torch.tensor(1.0, device=device))


@pytest.mark.torch("!=2.10.*")
def test_tensor_dataset_wants_equally_many_rows():
    """`TensorDataset(x, y)` of two tensors raises AssertionError, except in PyTorch 2.10, if the
    first dimensions of `x` and `y` differ in size.

    Because sample `i` is made of row `i` of each. PyTorch 2.10 did not compare them.
    """
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        TensorDataset(torch.zeros(3, 2), torch.zeros(2))
    pairs = TensorDataset(torch.zeros(3, 2), torch.zeros(3))
    assert len(pairs) == 3


@pytest.mark.torch("==2.10.*")
def test_tensor_dataset_took_any_number_of_rows():
    """In PyTorch 2.10, `pairs = TensorDataset(torch.zeros(3, 2), torch.ones(2))` raised no error,
    although the tensors have 3 and 2 rows: `len(pairs)` was 3, and `pairs[2]` raised IndexError.

    Other releases compare the lengths when the dataset is made.
    """
    pairs = TensorDataset(torch.zeros(3, 2), torch.ones(2))

    assert len(pairs) == 3
    assert pairs[1][1].item() == 1.0
    with pytest.raises(IndexError, match="index 2 is out of bounds for dimension 0 with size 2"):
        pairs[2]


def test_tensor_dataset_wants_tensors():
    """`TensorDataset` does not convert lists or NumPy arrays: `TensorDataset([1, 2], [3, 4])`
    raises AttributeError, `TensorDataset(np.array([1, 2]))` TypeError.

    Because it calls the method `size()`. Convert with `torch.tensor` or `torch.from_numpy` first.
    """
    with pytest.raises(AttributeError, match="'list' object has no attribute 'size'"):
        TensorDataset([1, 2], [3, 4])
    with pytest.raises(TypeError, match="'int' object is not callable"):
        TensorDataset(np.array([1, 2]))
    pairs = TensorDataset(torch.tensor([1, 2]), torch.tensor([3, 4]))
    assert [[x.item(), y.item()] for x, y in pairs] == [[1, 3], [2, 4]]


def test_an_iterable_dataset_only_streams():
    """`loader = DataLoader(data, batch_size=2)` of an `IterableDataset` `data`, whose
    `__iter__` returns `iter([5, 6, 7])`, gives the batches [5, 6] and [7], in this order;
    `len(loader)` raises TypeError if `data` defines no `__len__`.

    An `IterableDataset` is for data that is read once from front to end: a large file, a database,
    a network connection.
    """

    class Stream(IterableDataset):
        def __iter__(self):
            return iter([5, 6, 7])

    loader = DataLoader(Stream(), batch_size=2)

    assert [batch.tolist() for batch in loader] == [[5, 6], [7]]
    with pytest.raises(TypeError, match=r"object of type 'Stream' has no len\(\)"):
        len(loader)


def test_an_iterable_dataset_cannot_be_shuffled():
    """`DataLoader(dataset, shuffle=True)` raises ValueError for an `IterableDataset` that is
    not an `IterDataPipe`.

    Because the loader can't ask a stream for sample 7. Shuffle inside `__iter__`, for example
    within a buffer of samples.
    """

    class Stream(IterableDataset):
        def __iter__(self):
            return iter([5, 6, 7])

    with pytest.raises(ValueError, match="expected unspecified shuffle option, but got shuffle="):
        DataLoader(Stream(), shuffle=True)


def test_streams_are_chained_and_not_concatenated():
    """`a + b` of two `IterableDataset` objects is a `ChainDataset`; `ConcatDataset([a])` raises
    AssertionError.

    Because `ConcatDataset` finds a sample by its index, and an `IterableDataset` has no indices.
    Write `ChainDataset([a, b])`.
    """

    class Stream(IterableDataset):
        def __iter__(self):
            return iter([5, 6])

    chain = Stream() + Stream()

    assert type(chain) is ChainDataset
    assert list(chain) == [5, 6, 5, 6]
    with pytest.raises(AssertionError, match="does not support IterableDataset"):
        ConcatDataset([Stream()])
