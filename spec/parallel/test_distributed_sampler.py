"""DistributedSampler: a share of the dataset for each process.

When several processes train one model (`spec/parallel/test_distributed.py`), each has its own
`DataLoader`, and a `DistributedSampler` tells it which samples are its own: every `num_replicas`-th
index, beginning with its rank. In a process group both numbers are found out by themselves; the
facts give them, so that one process can show the shares of all.

What surprises: all processes must take the same number of steps, so a dataset that doesn't divide
evenly is padded with samples that come twice. And the order is shuffled by default, but it changes
from epoch to epoch only if `set_epoch` is called.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, DistributedSampler


@pytest.mark.parametrize(("rank", "mine"), [(0, [0, 3, 6]), (1, [1, 4, 7]), (2, [2, 5, 8])])
def test_each_process_takes_every_nth_sample(rank, mine):
    """With `shuffle=False`, `DistributedSampler` gives process `rank` of 3 the indices `rank`,
    `rank + 3` and `rank + 6` of a dataset of 9 samples."""
    sampler = DistributedSampler(range(9), num_replicas=3, rank=rank, shuffle=False)

    assert list(sampler) == mine


@pytest.mark.parametrize(
    ("rank", "mine"), [(0, [0, 3, 6, 9]), (1, [1, 4, 7, 0]), (2, [2, 5, 8, 1])]
)
def test_padding_starts_again_from_the_front(rank, mine):
    """`DistributedSampler` with `shuffle=False` and the default `drop_last=False` pads 10 samples
    for 3 processes with samples 0 and 1, which come a second time, so that each process has 4.

    Because a process with fewer batches would leave the others waiting. In an evaluation the
    repeated samples count twice: the metric is slightly off.
    """
    sampler = DistributedSampler(range(10), num_replicas=3, rank=rank, shuffle=False)

    assert list(sampler) == mine
    assert len(sampler) == len(mine)


@pytest.mark.parametrize(("rank", "mine"), [(0, [0, 3, 6]), (1, [1, 4, 7]), (2, [2, 5, 8])])
def test_drop_last_leaves_the_rest_out(rank, mine):
    """`DistributedSampler(range(10), num_replicas=3, rank=rank, shuffle=False, drop_last=True)`
    gives three indices to each of the ranks 0, 1 and 2; index 9 is left out.

    Shuffled, it leaves out the sample that is last in the order of the epoch: mostly another in
    each epoch if `set_epoch(epoch)` is called, else the same one each time.
    """
    sampler = DistributedSampler(
        range(10), num_replicas=3, rank=rank, shuffle=False, drop_last=True
    )

    assert list(sampler) == mine


def test_a_small_dataset_is_repeated_until_it_suffices():
    """With `drop_last=False`, the default, `DistributedSampler` repeats a non-empty dataset
    of fewer samples than processes until each process has one sample: of 2 samples, 5
    processes get 0, 1, 0, 1, 0 with `shuffle=False`.

    With `drop_last=True` every process gets no sample of such a dataset. Of an empty dataset every
    process gets none in either case.
    """
    shares = [
        list(DistributedSampler(range(2), num_replicas=5, rank=rank, shuffle=False))
        for rank in range(5)
    ]

    assert shares == [[0], [1], [0], [1], [0]]
    without = DistributedSampler(range(2), num_replicas=5, rank=0, drop_last=True)
    assert list(without) == []


@given(
    steps=st.integers(1, 20),
    processes=st.integers(1, 6),
    epoch=st.integers(0, 5),
    shuffle=st.booleans(),
)
def test_together_the_processes_see_everything_once(steps, processes, epoch, shuffle):
    """Where the number of processes divides the size of the dataset, `DistributedSampler`s that
    differ only in `rank` give every sample to exactly one process, shuffled or not."""
    dataset = range(steps * processes)

    drawn = []
    for rank in range(processes):
        sampler = DistributedSampler(dataset, num_replicas=processes, rank=rank, shuffle=shuffle)
        sampler.set_epoch(epoch)
        drawn += sampler

    assert (sorted(drawn) == list(dataset)) is True


def test_shuffling_repeats_itself_until_the_epoch_is_set():
    """`DistributedSampler` with `shuffle=True`, the default, gives each epoch the same order,
    unless `sampler.set_epoch(epoch)` is called with another number before the epoch.

    No error tells of a forgotten `set_epoch`; call it as the first line of the loop over epochs.
    """
    sampler = DistributedSampler(range(100), num_replicas=2, rank=0)

    first, second = list(sampler), list(sampler)
    sampler.set_epoch(1)
    third = list(sampler)

    assert (first == second) is True
    assert (first == third) is False


def test_the_order_depends_on_seed_and_epoch_alone():
    """The shuffled order of a `DistributedSampler` depends on its argument `seed` and on the epoch
    set by `set_epoch`, not on `torch.manual_seed`.

    Because all processes must shuffle alike, whatever random numbers each drew before: otherwise
    their shares would overlap. The shuffle is seeded with `seed + epoch`, so seed 0 in epoch 1
    gives the order of seed 1 in epoch 0.
    """
    sampler = DistributedSampler(range(100), num_replicas=2, rank=0, seed=3)
    torch.manual_seed(1)
    first = list(sampler)
    torch.manual_seed(2)
    second = list(sampler)
    sampler.set_epoch(1)
    later = list(sampler)
    other = list(DistributedSampler(range(100), num_replicas=2, rank=0, seed=4))

    assert (first == second) is True
    assert (first == other) is False
    assert (later == other) is True


def test_seed_and_epoch_are_added():
    """`DistributedSampler` seeds its shuffling with the sum of seed and epoch: epoch 1 of `seed=3`
    has the order of epoch 0 of `seed=4`.

    So over ten epochs, runs with the seeds 3 and 4 share nine of their ten orders; take seeds that
    lie far apart.
    """
    later = DistributedSampler(range(100), num_replicas=2, rank=0, seed=3)
    other = DistributedSampler(range(100), num_replicas=2, rank=0, seed=4)

    later.set_epoch(1)

    assert (list(later) == list(other)) is True
    assert len(set(later)) == 50


def test_a_loader_takes_the_sampler_in_place_of_shuffle():
    """`DataLoader(dataset, sampler=sampler)` with a `DistributedSampler` makes batches of the
    process's own share; `shuffle=True` beside it raises ValueError.

    The sampler decides about the order: give `shuffle` to `DistributedSampler`.
    """
    sampler = DistributedSampler(range(8), num_replicas=2, rank=1, shuffle=False)

    with pytest.raises(ValueError, match="sampler option is mutually exclusive with shuffle"):
        DataLoader(range(8), sampler=sampler, shuffle=True)

    loader = DataLoader(range(8), batch_size=3, sampler=sampler)
    assert [batch.tolist() for batch in loader] == [[1, 3, 5], [7]]


def test_a_rank_beyond_the_processes_is_refused():
    """`DistributedSampler(dataset, num_replicas=2, rank=2)` raises ValueError, since the ranks of
    two processes are 0 and 1.

    `num_replicas` is the number of processes, which in a group is `dist.get_world_size()`.
    """
    last = DistributedSampler(range(2), num_replicas=2, rank=1, shuffle=False)

    with pytest.raises(ValueError, match="Invalid rank 2, rank should be in the interval"):
        DistributedSampler(range(8), num_replicas=2, rank=2)

    assert list(last) == [1]
