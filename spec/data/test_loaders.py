"""Loaders.

A `DataLoader` walks over a dataset and hands its samples over in batches. A sampler gives it
indices, it fetches the samples with these indices, and collates them: tensors are stacked, so that
the first dimension of a batch counts its samples. `batch_size` and `shuffle` are the options that
every training sets. The other parts have pages of their own: `spec/data/test_samplers.py` for the
order, `spec/data/test_collating.py` for what a batch is made of, and
`spec/data/test_workers.py` for fetching in further processes.

What surprises: the last batch is often shorter than the others; `len(loader)` counts batches and
not samples; a `for` loop over a shuffling loader sees another order each time; an iterator is
used up after one pass while the loader is not; a StopIteration in the dataset ends a pass early,
without an error (`spec/data/test_worker_failures.py`); and even a pass without shuffling draws a
random number.
"""

import inspect

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, SequentialSampler, TensorDataset


@pytest.mark.claim("summary-dataloader", "blitz-loader-batch-four")
def test_a_loader_stacks_samples_into_batches(device):
    """`DataLoader(dataset, batch_size=4)` of eight pairs of an image tensor of shape (3, 32, 32)
    and an integer label gives two batches, each with images of shape (4, 3, 32, 32) and 4 labels.
    """
    images = torch.zeros(8, 3, 32, 32, device=device)
    labels = torch.tensor([0, 1, 2, 3, 4, 5, 6, 7], device=device)

    batches = list(DataLoader(TensorDataset(images, labels), batch_size=4))

    assert [x.shape for x, _ in batches] == [(4, 3, 32, 32), (4, 3, 32, 32)]
    assert [y.tolist() for _, y in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_the_batch_axis_is_there_for_one_sample_too():
    """`DataLoader(dataset)` has a `batch_size` of 1: a sample that is a dense tensor of shape (5,
    3) comes as a batch of shape (1, 5, 3).

    `batch_size=None` leaves that dimension out.
    """
    (batch,) = DataLoader([torch.zeros(5, 3)])

    assert batch.shape == (1, 5, 3)


@pytest.mark.claim("blitz-dp-four-batches", "blitz-dp-sizes-are-picture-size")
def test_the_last_batch_is_what_is_left():
    """`DataLoader(data, batch_size=30)` of 100 samples gives batches of 30, 30, 30 and 10: the
    last has what is left. Samples of shape (5,) make batches (30, 5), and the last (10, 5).

    Code that expects a fixed batch size fails at the end of the first epoch: take it from the
    batch, or set `drop_last=True`.
    """
    loader = DataLoader(range(100), batch_size=30)

    assert [len(batch) for batch in loader] == [30, 30, 30, 10]
    rows = DataLoader(torch.randn(100, 5), batch_size=30, shuffle=True)
    assert [tuple(batch.shape) for batch in rows] == [(30, 5), (30, 5), (30, 5), (10, 5)]


def test_drop_last_leaves_the_short_batch_out():
    """`DataLoader(data, batch_size=30, drop_last=True)` of a map-style dataset leaves out a last
    batch of fewer than 30 samples: of 100 samples, 10 are not seen in that pass.

    Used in training, where `BatchNorm1d` refuses a batch (1, C); not in evaluation, which should
    see all samples. With an `IterableDataset` each worker leaves out a short last batch of its
    own.
    """
    loader = DataLoader(range(100), batch_size=30, drop_last=True)

    assert [len(batch) for batch in loader] == [30, 30, 30]


def test_drop_last_may_leave_nothing():
    """`DataLoader(data, batch_size=4, drop_last=True)` of three samples gives no batch at all.

    The loop then does nothing, without an error.
    """
    dropping = DataLoader(range(3), batch_size=4, drop_last=True)
    keeping = DataLoader(range(3), batch_size=4)

    assert list(dropping) == []
    assert [batch.tolist() for batch in keeping] == [[0, 1, 2]]


def test_the_length_of_a_loader_counts_batches():
    """`len(loader)` of a `DataLoader` with a `batch_size`, over a map-style dataset and without a
    `sampler`, is the number of batches, a last short one included unless `drop_last=True`;
    `len(loader.dataset)` is the number of samples.

    To average over samples divide by `len(loader.dataset)`. With `drop_last=True`, or a sampler
    that gives only a part of the samples, count the samples in the loop and divide by that number.
    """
    loader = DataLoader(range(100), batch_size=30)
    dropping = DataLoader(range(100), batch_size=30, drop_last=True)

    assert len(loader) == 4
    assert len(dropping) == 3
    assert len(loader.dataset) == 100


@pytest.mark.claim("summary-enumerate-loader")
def test_enumerate_numbers_the_batches():
    """`enumerate(loader, 0)` of a `DataLoader` with `batch_size=2` gives pairs of a number,
    counted from 0, and a batch.
    """
    pairs = list(enumerate(DataLoader([7, 8, 9], batch_size=2), 0))

    assert [(number, batch.tolist()) for number, batch in pairs] == [(0, [7, 8]), (1, [9])]


def test_next_iter_takes_the_first_batch():
    """`next(iter(loader))` gives the first batch of a `DataLoader`. A second such call begins a
    new pass: for `DataLoader([7, 8, 9], batch_size=2)` it gives the same batch again.

    Good for a look at the shapes. In a training loop, `next(iter(loader))` at each step would use
    the first batch again and again, unless the loader shuffles.
    """
    loader = DataLoader([7, 8, 9], batch_size=2)

    assert next(iter(loader)).tolist() == [7, 8]
    assert next(iter(loader)).tolist() == [7, 8]


@pytest.mark.claim("blitz-dataiter-next-method")
def test_the_iterator_has_no_next_method():
    """The iterator `batches = iter(loader)` of a `DataLoader` has no method `next`, which
    tutorials for early releases call: `batches.next()` raises AttributeError.

    Write `next(batches)`.
    """
    batches = iter(DataLoader([7, 8, 9], batch_size=2))

    with pytest.raises(AttributeError, match="object has no attribute 'next'"):
        batches.next()
    assert next(batches).tolist() == [7, 8]
    assert next(batches).tolist() == [9]


def test_an_iterator_ends_and_the_loader_does_not():
    """An iterator made by `iter(loader)` of `loader = DataLoader([7, 8])` is used up after its
    last batch; a `for` loop over the loader itself starts a new pass each time.
    """
    loader = DataLoader([7, 8])
    batches = iter(loader)

    assert [batch.tolist() for batch in batches] == [[7], [8]]
    assert list(batches) == []
    assert [batch.tolist() for batch in loader] == [[7], [8]]


def test_a_loader_is_not_indexed():
    """A `DataLoader` can be iterated over but not indexed: with
    `loader = DataLoader([7, 8])`, `loader[0]` raises TypeError, "'DataLoader' object is not
    subscriptable"; `loader.dataset[1]` is the sample 8.

    For one batch write `next(iter(loader))`.
    """
    loader = DataLoader([7, 8])

    with pytest.raises(TypeError, match="'DataLoader' object is not subscriptable"):
        loader[0]
    assert loader.dataset[1] == 8


@pytest.mark.claim("blitz-loader-test-fixed")
def test_without_shuffle_the_order_is_that_of_the_dataset():
    """`DataLoader(data, shuffle=False)`, the default, gives the samples of a list in the order of
    the list, in each pass.
    """
    loader = DataLoader([5, 3, 4], batch_size=3, shuffle=False)
    silent = DataLoader([5, 3, 4], batch_size=3)

    assert [batch.tolist() for _ in range(2) for batch in loader] == [[5, 3, 4], [5, 3, 4]]
    assert [batch.tolist() for batch in silent] == [[5, 3, 4]]


@pytest.mark.claim("blitz-loader-shuffle-train")
def test_shuffle_reorders_anew_each_epoch():
    """`DataLoader(range(50), shuffle=True)` gives each of the 50 samples once per pass, in random
    order; the next pass has another order, unless `torch.manual_seed` is called with the same
    number before each pass.
    """
    loader = DataLoader(range(50), batch_size=50, shuffle=True)

    (first,) = loader
    (second,) = loader
    torch.manual_seed(1)
    (third,) = loader
    torch.manual_seed(1)
    (fourth,) = loader

    assert first.tolist() != second.tolist()
    assert torch.equal(third, fourth) is True
    assert first.tolist() != sorted(first.tolist())
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(50))


def test_a_seed_repeats_the_order():
    """`DataLoader(data, shuffle=True)` without a `generator` and without persistent workers
    draws its order from torch's global generator: `torch.manual_seed(7)` before each of two
    passes gives both the same order.

    Other draws between the seed and the pass, such as those of Dropout, change the order: give the
    loader a generator of its own, `generator=g`, and seed it, `g.manual_seed(7)`.
    """
    loader = DataLoader(range(50), batch_size=50, shuffle=True)

    torch.manual_seed(7)
    (first,) = loader
    torch.manual_seed(7)
    (again,) = loader
    (after,) = loader

    assert [torch.equal(again, first), torch.equal(after, first)] == [True, False]


def test_a_generator_of_its_own_frees_the_order_from_other_randomness():
    """With `g = torch.Generator().manual_seed(7)`, `DataLoader(data, shuffle=True, generator=g)`
    draws its order from `g`: numbers drawn before from torch's global generator don't change it.
    """
    first = DataLoader(range(50), 50, shuffle=True, generator=torch.Generator().manual_seed(7))
    again = DataLoader(range(50), 50, shuffle=True, generator=torch.Generator().manual_seed(7))
    other = DataLoader(range(50), 50, shuffle=True, generator=torch.Generator().manual_seed(8))

    ((before,), (different,)) = first, other
    torch.rand(1)
    (after,) = again

    same = [torch.equal(after, before), torch.equal(different, before)]
    assert same == [True, False]


def test_a_pass_without_shuffle_draws_a_random_number_too():
    """`iter(loader)` of a `DataLoader` without workers draws a number from torch's global
    generator even with `shuffle=False`, unless the loader has a `generator` of its own.

    It is the base seed of the workers, drawn without workers too; persistent workers draw it in
    the first pass only. So an evaluation in between changes later random numbers.
    """
    torch.manual_seed(3)
    plain = torch.rand(1).item()

    torch.manual_seed(3)
    list(DataLoader([1, 2]))
    after_a_pass = torch.rand(1).item()

    torch.manual_seed(3)
    list(DataLoader([1, 2], generator=torch.Generator()))
    after_a_pass_with_its_own = torch.rand(1).item()

    assert [after_a_pass == plain, after_a_pass_with_its_own == plain] == [False, True]


@given(
    samples=st.integers(1, 40),
    batch_size=st.integers(1, 50),
    shuffle=st.booleans(),
)
def test_every_sample_comes_exactly_once(samples, batch_size, shuffle):
    """One pass over `DataLoader(range(k), batch_size=n)`, for positive `k` and `n`, without
    a `sampler` and with `drop_last=False`, gives each number from 0 to `k - 1` once, with
    and without shuffling.
    """
    loader = DataLoader(range(samples), batch_size=batch_size, shuffle=shuffle)

    batches = [batch.tolist() for batch in loader]

    numbers = [number for batch in batches for number in batch]
    assert len(numbers) - len(set(numbers)) == 0
    assert sorted(numbers) == list(range(samples))
    assert len(batches) == len(loader) == -(-samples // batch_size)


def test_batch_size_none_hands_samples_over_one_by_one():
    """`DataLoader(data, batch_size=None)` hands over single samples, without a batch dimension,
    so that their shapes may differ.

    Use it for a dataset that already makes its own batches. NumPy arrays of numbers are still
    converted to tensors, and a tuple to a list.
    """
    samples = list(DataLoader([torch.zeros(3), torch.zeros(2)], batch_size=None))
    (pair,) = DataLoader([(5, 6)], batch_size=None)

    assert [sample.shape for sample in samples] == [(3,), (2,)]
    assert pair == [5, 6]


def test_a_batch_size_is_positive():
    """`DataLoader(data, batch_size=0)` raises ValueError when the loader is made.

    For all samples in one batch write `batch_size=len(data)`, if `data` isn't empty.
    """
    with pytest.raises(
        ValueError, match="should be a positive integer value, but got batch_size=0"
    ):
        DataLoader([1, 2], batch_size=0)


def test_shuffle_and_sampler_exclude_each_other():
    """`DataLoader([1, 2], sampler=SequentialSampler([1, 2]), shuffle=True)` raises
    ValueError, "sampler option is mutually exclusive with shuffle".

    Because the sampler already decides the order: leave out `shuffle`.
    """
    with pytest.raises(ValueError, match="sampler option is mutually exclusive with shuffle"):
        DataLoader([1, 2], shuffle=True, sampler=SequentialSampler([1, 2]))


def test_the_batch_size_of_a_loader_is_final():
    """Assigning to `loader.batch_size` of a `DataLoader` after it was made raises ValueError.

    Because the batch sampler was made with the old batch size: make a new loader. The old value is
    refused too, and so is any value for a loader with `batch_size=None`, which has no batch
    sampler.
    """
    loader = DataLoader([1, 2], batch_size=2)

    with pytest.raises(ValueError, match="batch_size attribute should not be set after DataLoader"):
        loader.batch_size = 1
    with pytest.raises(ValueError, match="batch_size attribute should not be set after DataLoader"):
        DataLoader([1, 2], batch_size=None).batch_size = 1
    assert loader.batch_size == 2


@pytest.mark.claim("summary-dataloader-options")
def test_a_loader_has_a_dozen_options():
    """`DataLoader(dataset)` needs no further argument: by default `batch_size` is 1, `shuffle`
    None, which means False, `num_workers` 0 and `drop_last` False.
    """
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
