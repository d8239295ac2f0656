"""Datasets.

A dataset is anything that can say how many samples it has and hand over the one you number:
`len(dataset)` and `dataset[i]`. That is the whole protocol, and a plain list follows it. PyTorch
adds a base class and a few ready ones.

What surprises: the base class is not needed, a `for` loop over a dataset does not look at its
length, and a dataset that streams has no length and no numbers at all.
"""

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
    """A subclass of `Dataset` with `__getitem__` and `__len__` is all that a loader asks for."""

    class Squares(Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return index * index

    batches = list(DataLoader(Squares(), batch_size=2))

    assert [batch.tolist() for batch in batches] == [[0, 1], [4, 9], [16]]


@pytest.mark.claim("blitz-dp-dataset-protocol")
def test_the_base_class_is_not_needed():
    """`Dataset` adds next to nothing: any object with the two methods is loaded, a list too."""

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
    """A tensor of shape `[100, 5]`, indexed by its first axis, is 100 samples of length 5."""

    class RandomVectors(Dataset):
        def __init__(self, size, length):
            self.data = torch.randn(length, size)

        def __len__(self):
            return len(self.data)

        def __getitem__(self, index):
            return self.data[index]

    vectors = RandomVectors(5, 100)

    assert len(vectors) == 100
    assert {vector.shape for vector in vectors} == {torch.Size([5])}


def test_a_dataset_without_a_length_cannot_be_loaded():
    """Without `__len__` a loader can be built, but asking it for a batch is refused."""

    class Endless(Dataset):
        def __getitem__(self, index):
            return index

    loader = DataLoader(Endless())

    with pytest.raises(TypeError, match=r"object of type 'Endless' has no len\(\)"):
        next(iter(loader))
    assert Endless()[41] == 41


@pytest.mark.torch(">=2.1")
def test_a_dataset_without_samples_says_what_it_lacks():
    """The base class has a `__getitem__` of its own, which names what the subclass forgot."""

    class Nothing(Dataset):
        def __len__(self):
            return 3

    with pytest.raises(NotImplementedError, match="Dataset should implement __getitem__"):
        Nothing()[0]
    assert len(Nothing()) == 3


def test_a_for_loop_over_a_dataset_ends_at_an_index_error():
    """`for` asks for 0, 1, 2 ... and ends at an `IndexError`; `__len__` alone does not stop it."""

    class Tens(Dataset):
        def __init__(self):
            self.data = [10, 20, 30]

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return self.data[index]

    assert list(Tens()) == [10, 20, 30]
    assert [batch.tolist() for batch in DataLoader(Tens())] == [[10], [20]]


def test_tensor_dataset_gives_tuples(device):
    """`TensorDataset` pairs tensors row by row; a sample is a tuple, even of a single tensor."""
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
    """A sample of a `TensorDataset` is a view: a later change of the tensor shows in it."""
    x = torch.tensor([1.0, 2.0], device=device)
    dataset = TensorDataset(x)

    x[1] = 9.0

    assert dataset.tensors[0] is x
    assert dataset[1][0].item() == 9.0


@pytest.mark.torch("!=2.10.*")
def test_tensor_dataset_wants_equally_many_rows():
    """Inputs and targets of different numbers are refused when the dataset is made."""
    with pytest.raises(AssertionError, match="Size mismatch between tensors"):
        TensorDataset(torch.zeros(3, 2), torch.zeros(2))
    pairs = TensorDataset(torch.zeros(3, 2), torch.zeros(3))
    assert len(pairs) == 3


@pytest.mark.torch("==2.10.*")
def test_tensor_dataset_took_any_number_of_rows():
    """PyTorch 2.10 let other numbers of targets pass, up to the first row that has none."""
    pairs = TensorDataset(torch.zeros(3, 2), torch.ones(2))

    assert len(pairs) == 3
    assert pairs[1][1].item() == 1.0
    with pytest.raises(IndexError, match="index 2 is out of bounds for dimension 0 with size 2"):
        pairs[2]


def test_tensor_dataset_wants_tensors():
    """Lists and arrays are not converted: `TensorDataset` asks them for a tensor's `size`."""
    with pytest.raises(AttributeError, match="'list' object has no attribute 'size'"):
        TensorDataset([1, 2], [3, 4])
    pairs = TensorDataset(torch.tensor([1, 2]), torch.tensor([3, 4]))
    assert [[x.item(), y.item()] for x, y in pairs] == [[1, 3], [2, 4]]


def test_an_iterable_dataset_only_streams():
    """An `IterableDataset` has an `__iter__`: it is batched in its own order, and has no length."""

    class Stream(IterableDataset):
        def __iter__(self):
            return iter([5, 6, 7])

    loader = DataLoader(Stream(), batch_size=2)

    assert [batch.tolist() for batch in loader] == [[5, 6], [7]]
    with pytest.raises(TypeError, match=r"object of type 'Stream' has no len\(\)"):
        len(loader)


def test_an_iterable_dataset_cannot_be_shuffled():
    """The loader cannot reorder what it gets one by one: `shuffle=True` is refused."""

    class Stream(IterableDataset):
        def __iter__(self):
            return iter([5, 6, 7])

    with pytest.raises(ValueError, match="expected unspecified shuffle option, but got shuffle="):
        DataLoader(Stream(), shuffle=True)


def test_streams_are_chained_and_not_concatenated():
    """`+` puts streams in a `ChainDataset`; a `ConcatDataset` wants samples it can number."""

    class Stream(IterableDataset):
        def __iter__(self):
            return iter([5, 6])

    chain = Stream() + Stream()

    assert type(chain) is ChainDataset
    assert list(chain) == [5, 6, 5, 6]
    with pytest.raises(AssertionError, match="does not support IterableDataset"):
        ConcatDataset([Stream()])
