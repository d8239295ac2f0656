"""DistributedSampler: a share of the dataset for each process.

With one process per device nobody cuts batches: every process has its own `DataLoader`, and a
`DistributedSampler` tells it which samples are its own. All processes must have the same number of
steps, so a dataset that doesn't divide evenly is padded with samples that come twice. And the
shuffling changes from epoch to epoch only for those who call `set_epoch`.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, DistributedSampler


@pytest.mark.parametrize(("rank", "mine"), [(0, [0, 3, 6]), (1, [1, 4, 7]), (2, [2, 5, 8])])
def test_each_process_takes_every_nth_sample(rank, mine):
    """Of 9 samples for 3 processes, process `rank` takes `rank`, `rank + 3`, `rank + 6`."""
    sampler = DistributedSampler(range(9), num_replicas=3, rank=rank, shuffle=False)

    assert list(sampler) == mine


@pytest.mark.parametrize(
    ("rank", "mine"), [(0, [0, 3, 6, 9]), (1, [1, 4, 7, 0]), (2, [2, 5, 8, 1])]
)
def test_padding_starts_again_from_the_front(rank, mine):
    """10 samples are no multiple of 3: the first two come a second time, so that all have 4."""
    sampler = DistributedSampler(range(10), num_replicas=3, rank=rank, shuffle=False)

    assert list(sampler) == mine
    assert len(sampler) == len(mine)


@pytest.mark.parametrize(("rank", "mine"), [(0, [0, 3, 6]), (1, [1, 4, 7]), (2, [2, 5, 8])])
def test_drop_last_leaves_the_rest_out(rank, mine):
    """`drop_last=True` drops sample 9 of 10 instead of repeating two others."""
    sampler = DistributedSampler(
        range(10), num_replicas=3, rank=rank, shuffle=False, drop_last=True
    )

    assert list(sampler) == mine


def test_a_small_dataset_is_repeated_until_it_suffices():
    """2 samples for 5 processes: they go round and round until each process has one."""
    shares = [
        list(DistributedSampler(range(2), num_replicas=5, rank=rank, shuffle=False))
        for rank in range(5)
    ]

    assert shares == [[0], [1], [0], [1], [0]]


@given(steps=st.integers(1, 20), processes=st.integers(1, 6), seed=st.integers(0, 5))
def test_together_the_processes_see_everything_once(steps, processes, seed):
    """Where the dataset divides evenly, every sample belongs to exactly one process, shuffled or
    not."""
    dataset = range(steps * processes)

    shares = [
        list(DistributedSampler(dataset, num_replicas=processes, rank=rank, seed=seed))
        for rank in range(processes)
    ]

    assert sorted(sample for share in shares for sample in share) == list(dataset)
    assert {len(share) for share in shares} == {steps}


def test_shuffling_repeats_itself_until_the_epoch_is_set():
    """Every epoch has the same order unless `set_epoch` is called before it."""
    sampler = DistributedSampler(range(100), num_replicas=2, rank=0)

    first, second = list(sampler), list(sampler)
    sampler.set_epoch(1)
    third = list(sampler)

    assert (first == second) is True
    assert (first == third) is False


def test_the_order_depends_on_seed_and_epoch_alone():
    """The sampler has a generator of its own, so `torch.manual_seed` doesn't disturb it."""
    sampler = DistributedSampler(range(100), num_replicas=2, rank=0, seed=3)
    torch.manual_seed(1)
    first = list(sampler)
    torch.manual_seed(2)
    second = list(sampler)
    other = list(DistributedSampler(range(100), num_replicas=2, rank=0, seed=4))

    assert (first == second) is True
    assert (first == other) is False


def test_seed_and_epoch_are_added():
    """Epoch 1 of seed 3 has the order of epoch 0 of seed 4."""
    later = DistributedSampler(range(100), num_replicas=2, rank=0, seed=3)
    other = DistributedSampler(range(100), num_replicas=2, rank=0, seed=4)

    later.set_epoch(1)

    assert (list(later) == list(other)) is True
    assert len(set(later)) == 50


def test_a_loader_takes_the_sampler_in_place_of_shuffle():
    """`DataLoader(sampler=...)` batches the process's own share; `shuffle=True` is refused."""
    sampler = DistributedSampler(range(8), num_replicas=2, rank=1, shuffle=False)

    with pytest.raises(ValueError, match="mutually exclusive"):
        DataLoader(range(8), sampler=sampler, shuffle=True)

    loader = DataLoader(range(8), batch_size=3, sampler=sampler)
    assert [batch.tolist() for batch in loader] == [[1, 3, 5], [7]]


def test_a_rank_beyond_the_processes_is_refused():
    """Ranks count from 0, so among 2 processes there is no rank 2."""
    last = DistributedSampler(range(2), num_replicas=2, rank=1, shuffle=False)

    with pytest.raises(ValueError, match="Invalid rank 2, rank should be in the interval"):
        DistributedSampler(range(8), num_replicas=2, rank=2)

    assert list(last) == [1]
