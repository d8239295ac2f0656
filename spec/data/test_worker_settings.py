"""Settings of workers: prefetching, order, and workers that stay.

With `num_workers=n` a `DataLoader` sends the indices of the next batches to its `n` workers in
turn, each up to `prefetch_factor` batches ahead, and by default gives you the batches in the order
of the sampler. The sampler itself runs in your own process, so shuffling does not depend on the
workers. `persistent_workers=True` keeps the workers from one epoch to the next.

More workers or a larger `prefetch_factor` help only while the training waits for data, and each
batch that is ready waits in shared memory. What a worker is, is told in
`spec/data/test_workers.py`.

What surprises: with persistent workers a loader has a single iterator, so two loops over it at a
time share one epoch; a stream with `drop_last` loses up to one batch per worker; and changes of the
dataset reach only workers that start afterwards.
"""

import multiprocessing

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this platform"
    ),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
]


class Counting:
    """A sampler that counts how many indices it has given."""

    given = 0

    def __len__(self):
        return 10

    def __iter__(self):
        for index in range(10):
            self.given += 1
            yield index


@pytest.mark.parametrize(
    ("workers", "arguments", "ahead"),
    [(1, {}, 2), (2, {}, 4), (1, {"prefetch_factor": 3}, 3), (2, {"prefetch_factor": 3}, 6)],
)
def test_workers_fetch_ahead(workers, arguments, ahead):
    """With workers, `iter` of a `DataLoader` asks at once for `prefetch_factor` batches, 2 by
    default, from each worker; for each batch that you take one more is asked for, until the sampler
    ends.

    So up to `num_workers * prefetch_factor` batches lie ready in shared memory.
    """
    sampler = Counting()
    loader = DataLoader(
        range(10),
        sampler=sampler,
        num_workers=workers,
        multiprocessing_context="fork",
        **arguments,
    )

    batches = iter(loader)
    at_once = sampler.given
    next(batches)

    assert at_once == ahead
    assert sampler.given == ahead + 1
    assert len(list(batches)) == 9
    assert sampler.given == 10


def test_without_workers_nothing_is_fetched_ahead():
    """A `DataLoader` with `num_workers=0` fetches each batch only when the loop asks for it:
    `iter(loader)` fetches none, and the first `next` fetches only one.

    It does so in the process of the loop, so the next call of the model waits.
    """
    sampler = Counting()

    batches = iter(DataLoader(range(10), sampler=sampler))
    at_once = sampler.given
    next(batches)

    assert at_once == 0
    assert sampler.given == 1


def test_shuffling_does_not_depend_on_workers():
    """After the same `torch.manual_seed` the first pass over a `DataLoader(data, shuffle=True)`
    has the same order with `num_workers=2` and with `num_workers=0`, unless `in_order=False`
    (since PyTorch 2.6) is given.

    Because the sampler draws the order in your own process. Random numbers inside `__getitem__` do
    depend on the number of workers; without workers `torch.rand` there also changes the order of
    later passes, and with workers `persistent_workers=True` changes it.
    """
    torch.manual_seed(1)
    alone = [batch.item() for batch in DataLoader(range(6), shuffle=True)]
    torch.manual_seed(1)
    loader = DataLoader(range(6), shuffle=True, num_workers=2, multiprocessing_context="fork")
    together = [batch.item() for batch in loader]

    assert sorted(alone) == [0, 1, 2, 3, 4, 5]
    assert (together == alone) is True


class Waiting(Dataset):
    """Four samples, of which the first is ready only when the gate is open."""

    def __init__(self, opened_by=None):
        self.gate = multiprocessing.get_context("fork").Event()
        self.opened_by = opened_by

    def __len__(self):
        return 4

    def __getitem__(self, index):
        if index == self.opened_by:
            self.gate.set()
        if index == 0:
            self.gate.wait(60)
        return index


def test_a_slow_batch_holds_up_the_others():
    """By default a `DataLoader` with workers gives the batches of a map-style dataset in the order
    of the sampler: a slow batch delays all later batches, even those that other workers have
    already loaded.
    """
    dataset = Waiting(opened_by=3)
    loader = DataLoader(dataset, num_workers=2, multiprocessing_context="fork")

    assert [batch.item() for batch in loader] == [0, 1, 2, 3]


@pytest.mark.torch(">=2.6")
def test_in_order_false_gives_what_is_ready():
    """Since PyTorch 2.6 `DataLoader(data, num_workers=2, in_order=False)` gives whichever batch is
    ready first: if the first batch of one worker is slow, the first batch of the other worker
    comes before it.

    In PyTorch 2.6 one slow batch still held up the other worker once it had given the batches
    requested in advance (`prefetch_factor`); since 2.7 it goes on. The order may then differ from
    run to run; don't use it where a run has to be repeated exactly.
    """
    dataset = Waiting()
    loader = DataLoader(dataset, num_workers=2, in_order=False, multiprocessing_context="fork")
    batches = iter(loader)

    first = next(batches).item()
    dataset.gate.set()
    others = [batch.item() for batch in batches]

    assert first == 1
    assert sorted(others) == [0, 2, 3]


@pytest.mark.torch("<2.6")
def test_the_order_of_workers_could_not_be_given_up():
    """Before PyTorch 2.6 `DataLoader([1], in_order=False)` raises TypeError, "unexpected keyword
    argument 'in_order'".

    The batches of a map-style dataset always come in the order of the sampler there.
    """
    with pytest.raises(TypeError, match="unexpected keyword argument 'in_order'"):
        DataLoader([1], in_order=False)

    loader = DataLoader([3, 1, 2], num_workers=2, multiprocessing_context="fork")
    assert [batch.tolist() for batch in loader] == [[3], [1], [2]]


@pytest.mark.parametrize(("persistent", "calls"), [(False, 2), (True, 1)])
def test_worker_init_fn_runs_whenever_workers_start(persistent, calls):
    """`worker_init_fn` of a `DataLoader` with workers runs once in each worker that starts:
    in every pass, because each pass starts new workers, but only in the first pass with
    `persistent_workers=True`.
    """
    started = torch.zeros(1).share_memory_()
    loader = DataLoader(
        range(2),
        num_workers=1,
        worker_init_fn=lambda number: started.add_(1),
        persistent_workers=persistent,
        multiprocessing_context="fork",
    )

    list(loader)
    list(loader)

    assert started.item() == calls


def test_workers_that_start_anew_see_the_changed_dataset():
    """Workers of `DataLoader(samples, num_workers=1)` start anew in each pass: if a number
    in the list `samples` is replaced between two passes, they read the new number; with
    `persistent_workers=True` they still read the old one.

    Each worker has the copy of the time when it started. Make a new `DataLoader` after a change.
    """
    samples = [1, 2]
    passing = DataLoader(samples, batch_size=None, num_workers=1, multiprocessing_context="fork")
    persistent = DataLoader(
        samples,
        batch_size=None,
        num_workers=1,
        persistent_workers=True,
        multiprocessing_context="fork",
    )
    first = [list(passing), list(persistent)]

    samples[0] = 9

    assert first == [[1, 2], [1, 2]]
    assert list(passing) == [9, 2]
    assert list(persistent) == [1, 2]


@pytest.mark.parametrize(
    ("persistent", "pairs"),
    [(False, [(0, 0), (1, 1), (2, 2), (3, 3)]), (True, [(0, 1), (2, 3)])],
)
def test_persistent_workers_serve_one_loop_at_a_time(persistent, pairs):
    """With `num_workers=1` and `persistent_workers=True` every `iter(loader)` is the same
    iterator, begun anew: the two loops of `zip(loader, loader)` share the batches of one epoch.

    Without `persistent_workers=True` each loop has its own workers. Use two loaders for two loops
    at a time.
    """
    loader = DataLoader(
        range(4),
        batch_size=None,
        num_workers=1,
        persistent_workers=persistent,
        multiprocessing_context="fork",
    )

    seen = list(zip(loader, loader, strict=True))

    assert seen == pairs


class Stream(IterableDataset):
    """The numbers from 0 to 5, divided among the workers."""

    def __iter__(self):
        info = get_worker_info()
        return iter(range(6)[info.id :: info.num_workers] if info else range(6))


def test_drop_last_drops_a_batch_per_worker_of_a_stream():
    """With workers, `DataLoader(drop_last=True)` drops an incomplete last batch of every worker of
    an `IterableDataset`: two workers that have three of six samples each, in batches of 2, give
    four samples and drop two.

    Because each worker makes batches of its own share. Without workers the six samples make three
    whole batches.
    """
    alone = DataLoader(Stream(), batch_size=2, drop_last=True)
    divided = DataLoader(
        Stream(), batch_size=2, drop_last=True, num_workers=2, multiprocessing_context="fork"
    )

    assert [batch.tolist() for batch in alone] == [[0, 1], [2, 3], [4, 5]]
    assert [batch.tolist() for batch in divided] == [[0, 2], [1, 3]]
