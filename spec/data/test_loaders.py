"""Loaders.

A `DataLoader` walks over a dataset and hands its samples over in batches. It draws numbers,
fetches the samples of these numbers, and stacks them: the first axis of what you get counts the
samples.

What surprises: the last batch is often shorter than the others, `len` counts batches and not
samples, and every `for` loop over a shuffling loader is a new pass with a new order.
"""

import inspect

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, SequentialSampler, TensorDataset


@pytest.mark.claim("summary-dataloader", "blitz-loader-batch-four")
def test_a_loader_stacks_samples_into_batches(device):
    """With `batch_size=4`, pictures of 3x32x32 come as `[4, 3, 32, 32]`, with 4 labels."""
    images = torch.zeros(8, 3, 32, 32, device=device)
    labels = torch.tensor([0, 1, 2, 3, 4, 5, 6, 7], device=device)

    batches = list(DataLoader(TensorDataset(images, labels), batch_size=4))

    assert [x.shape for x, _ in batches] == [(4, 3, 32, 32), (4, 3, 32, 32)]
    assert [y.tolist() for _, y in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_the_batch_axis_is_there_for_one_sample_too():
    """`batch_size` is 1 unless told: a batch of one sample still has a first axis, of length 1."""
    (batch,) = DataLoader([torch.zeros(5, 3)])

    assert batch.shape == (1, 5, 3)


@pytest.mark.claim("blitz-dp-four-batches")
def test_the_last_batch_is_what_is_left():
    """100 samples in batches of 30 come as 30, 30, 30 and 10."""
    loader = DataLoader(range(100), batch_size=30)

    assert [len(batch) for batch in loader] == [30, 30, 30, 10]


def test_drop_last_leaves_the_short_batch_out():
    """`drop_last=True` gives full batches only: 10 of the 100 samples are not seen."""
    loader = DataLoader(range(100), batch_size=30, drop_last=True)

    assert [len(batch) for batch in loader] == [30, 30, 30]


def test_drop_last_may_leave_nothing():
    """A dataset smaller than one batch gives no batch at all with `drop_last=True`."""
    dropping = DataLoader(range(3), batch_size=4, drop_last=True)
    keeping = DataLoader(range(3), batch_size=4)

    assert list(dropping) == []
    assert [batch.tolist() for batch in keeping] == [[0, 1, 2]]


def test_the_length_of_a_loader_counts_batches():
    """`len(loader)` is the number of batches, the short one included; the dataset has samples."""
    loader = DataLoader(range(100), batch_size=30)
    dropping = DataLoader(range(100), batch_size=30, drop_last=True)

    assert len(loader) == 4
    assert len(dropping) == 3
    assert len(loader.dataset) == 100


@pytest.mark.claim("summary-enumerate-loader")
def test_enumerate_numbers_the_batches():
    """`enumerate(loader, 0)` gives pairs of the batch's number, from 0, and the batch."""
    pairs = list(enumerate(DataLoader([7, 8, 9], batch_size=2), 0))

    assert [(number, batch.tolist()) for number, batch in pairs] == [(0, [7, 8]), (1, [9])]


def test_next_iter_takes_the_first_batch():
    """`next(iter(loader))` is one batch for a look; a new `iter` begins from the front again."""
    loader = DataLoader([7, 8, 9], batch_size=2)

    assert next(iter(loader)).tolist() == [7, 8]
    assert next(iter(loader)).tolist() == [7, 8]


@pytest.mark.claim("blitz-dataiter-next-method")
def test_the_iterator_has_no_next_method():
    """Iterators of loaders have lost their own `.next()`; Python's `next(...)` takes the batch."""
    batches = iter(DataLoader([7, 8, 9], batch_size=2))

    with pytest.raises(AttributeError, match="object has no attribute 'next'"):
        batches.next()
    assert next(batches).tolist() == [7, 8]
    assert next(batches).tolist() == [9]


def test_an_iterator_ends_and_the_loader_does_not():
    """An iterator is used up after its last batch; the loader gives a fresh one each epoch."""
    loader = DataLoader([7, 8])
    batches = iter(loader)

    assert [batch.tolist() for batch in batches] == [[7], [8]]
    assert list(batches) == []
    assert [batch.tolist() for batch in loader] == [[7], [8]]


def test_a_loader_is_not_indexed():
    """A loader is walked over; it is its dataset that has numbers."""
    loader = DataLoader([7, 8])

    with pytest.raises(TypeError, match="'DataLoader' object is not subscriptable"):
        loader[0]
    assert loader.dataset[1] == 8


@pytest.mark.claim("blitz-loader-test-fixed")
def test_without_shuffle_the_order_is_that_of_the_dataset():
    """`shuffle=False`, as when nothing is said, keeps the dataset's order, epoch after epoch."""
    loader = DataLoader([5, 3, 4], batch_size=3, shuffle=False)
    silent = DataLoader([5, 3, 4], batch_size=3)

    assert [batch.tolist() for _ in range(2) for batch in loader] == [[5, 3, 4], [5, 3, 4]]
    assert [batch.tolist() for batch in silent] == [[5, 3, 4]]


@pytest.mark.claim("blitz-loader-shuffle-train")
def test_shuffle_reorders_anew_each_epoch():
    """`shuffle=True` gives all samples in an order of chance, and another one the next time."""
    loader = DataLoader(range(50), batch_size=50, shuffle=True)

    (first,) = loader
    (second,) = loader

    assert first.tolist() != second.tolist()
    assert first.tolist() != sorted(first.tolist())
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(50))


def test_a_seed_repeats_the_order():
    """The order comes from torch's global generator: the same seed before, the same order."""
    loader = DataLoader(range(50), batch_size=50, shuffle=True)

    torch.manual_seed(7)
    (first,) = loader
    torch.manual_seed(7)
    (again,) = loader
    (after,) = loader

    assert again.tolist() == first.tolist()
    assert after.tolist() != first.tolist()


def test_a_generator_of_its_own_frees_the_order_from_other_randomness():
    """With `generator=`, the order no longer depends on what else drew random numbers before."""
    first = DataLoader(range(50), 50, shuffle=True, generator=torch.Generator().manual_seed(7))
    again = DataLoader(range(50), 50, shuffle=True, generator=torch.Generator().manual_seed(7))

    (before,) = first
    torch.rand(1)
    (after,) = again

    assert after.tolist() == before.tolist()


def test_a_pass_without_shuffle_draws_a_random_number_too():
    """Each `iter(loader)` takes a seed for workers from the generator, shuffled or not."""
    torch.manual_seed(3)
    plain = torch.rand(1).item()

    torch.manual_seed(3)
    list(DataLoader([1, 2]))
    after_a_pass = torch.rand(1).item()

    torch.manual_seed(3)
    list(DataLoader([1, 2], generator=torch.Generator()))
    after_a_pass_with_its_own = torch.rand(1).item()

    assert after_a_pass != plain
    assert after_a_pass_with_its_own == plain


@given(
    samples=st.integers(1, 40),
    batch_size=st.integers(1, 50),
    shuffle=st.booleans(),
)
def test_every_sample_comes_exactly_once(samples, batch_size, shuffle):
    """One pass gives each sample once, whatever the batch size and whether shuffled or not."""
    loader = DataLoader(range(samples), batch_size=batch_size, shuffle=shuffle)

    batches = [batch.tolist() for batch in loader]

    assert sorted(number for batch in batches for number in batch) == list(range(samples))
    assert len(batches) == len(loader) == -(-samples // batch_size)


def test_batch_size_none_hands_samples_over_one_by_one():
    """`batch_size=None` turns batching off: samples come alone, with no axis in front."""
    samples = list(DataLoader([torch.zeros(3), torch.zeros(2)], batch_size=None))

    assert [sample.shape for sample in samples] == [(3,), (2,)]


def test_a_batch_size_is_positive():
    """`batch_size=0` is refused when the loader is built."""
    with pytest.raises(
        ValueError, match="should be a positive integer value, but got batch_size=0"
    ):
        DataLoader([1, 2], batch_size=0)


def test_shuffle_and_sampler_exclude_each_other():
    """A sampler decides the order, so `shuffle=True` beside it is refused."""
    with pytest.raises(ValueError, match="sampler option is mutually exclusive with shuffle"):
        DataLoader([1, 2], shuffle=True, sampler=SequentialSampler([1, 2]))


def test_an_empty_dataset_cannot_be_shuffled():
    """Without samples, as from a wrong path, `shuffle=True` fails at once; without it, no batch."""
    with pytest.raises(ValueError, match="num_samples should be a positive integer value, but got"):
        DataLoader([], shuffle=True)
    assert list(DataLoader([])) == []


def test_the_batch_size_of_a_loader_is_final():
    """A loader does not change its batch size later: make another one."""
    loader = DataLoader([1, 2], batch_size=2)

    with pytest.raises(ValueError, match="batch_size attribute should not be set after DataLoader"):
        loader.batch_size = 1
    assert loader.batch_size == 2


@pytest.mark.claim("summary-dataloader-options")
def test_a_loader_has_a_dozen_options():
    """Beside the dataset a loader takes a dozen options and more, each with a default."""
    options = list(inspect.signature(DataLoader).parameters.values())[1:13]

    assert [option.name for option in options] == [
        "batch_size",
        "shuffle",
        "sampler",
        "batch_sampler",
        "num_workers",
        "collate_fn",
        "pin_memory",
        "drop_last",
        "timeout",
        "worker_init_fn",
        "multiprocessing_context",
        "generator",
    ]
    assert [option.default for option in options] == [
        1, None, None, None, 0, None, False, False, 0, None, None, None
    ]  # fmt: skip
