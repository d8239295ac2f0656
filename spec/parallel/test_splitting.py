"""Splitting a batch over several devices.

Before several devices can share the work, the rows of a batch have to be dealt out. `DataParallel`
deals as `torch.chunk` does: along dimension 0, in pieces of the same size, rounded up, until the
rows run out. What surprises is the end of the rule: the last piece may be smaller, and with many
devices and few rows some devices get nothing at all.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader


@pytest.mark.claim("blitz-dp-chunk-rule")
@pytest.mark.spare("8", reason="rounding up makes the shares of 9 GPUs the same as those of 8")
@pytest.mark.parametrize(
    ("batch", "gpus", "shares"),
    [
        (30, 1, [30]),
        (10, 1, [10]),
        pytest.param(30, 2, [15, 15], marks=pytest.mark.claim("blitz-dp-2gpu-30")),
        pytest.param(10, 2, [5, 5], marks=pytest.mark.claim("blitz-dp-2gpu-10")),
        pytest.param(30, 3, [10, 10, 10], marks=pytest.mark.claim("blitz-dp-3gpu-30")),
        pytest.param(10, 3, [4, 4, 2], marks=pytest.mark.claim("blitz-dp-3gpu-10")),
        pytest.param(30, 8, [4, 4, 4, 4, 4, 4, 4, 2], marks=pytest.mark.claim("blitz-dp-8gpu-30")),
        pytest.param(10, 8, [2, 2, 2, 2, 2], marks=pytest.mark.claim("blitz-dp-8gpu-10")),
    ],
)
def test_chunk_deals_out_the_rows_of_a_batch(batch, gpus, shares, device):
    """`torch.chunk(rows, gpus)` cuts 30 and 10 rows into these shares for 1, 2, 3 and 8 GPUs."""
    rows = torch.zeros(batch, 5, device=device)

    pieces = torch.chunk(rows, gpus)

    assert [len(piece) for piece in pieces] == shares


@pytest.mark.claim("blitz-dp-chunk-rule")
@given(batch=st.integers(1, 300), gpus=st.integers(1, 40))
def test_a_share_is_the_equal_part_rounded_up(batch, gpus):
    """For every batch and number of GPUs the cuts are `ceil(batch / gpus)` rows apart."""
    share = -(-batch // gpus)

    pieces = torch.arange(batch).chunk(gpus)

    assert [piece.tolist() for piece in pieces] == [
        list(range(batch))[start : start + share] for start in range(0, batch, share)
    ]


@pytest.mark.claim("blitz-dp-dim-zero")
def test_the_cut_goes_along_dimension_0(device):
    """30 pictures for 3 devices become three stacks of 10; each picture stays whole."""
    pictures = torch.zeros(30, 3, 4, 4, device=device)

    stacks = pictures.chunk(3)

    assert [tuple(stack.shape) for stack in stacks] == [(10, 3, 4, 4)] * 3


def test_another_dimension_can_be_named():
    """`chunk(n, dim=1)` cuts the columns, as `DataParallel(dim=1)` does for time-first batches."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    left, right = x.chunk(2, dim=1)

    assert left.tolist() == [[1, 2], [4, 5]]
    assert right.tolist() == [[3], [6]]


def test_neighbouring_rows_stay_together():
    """The first device gets the first rows, not every second one: dealing goes by blocks."""
    rows = torch.arange(6)

    first, second = rows.chunk(2)

    assert first.tolist() == [0, 1, 2]
    assert second.tolist() == [3, 4, 5]


@pytest.mark.parametrize(("batch", "shares"), [(1, [1]), (3, [1, 1, 1]), (7, [1] * 7)])
def test_fewer_rows_than_devices_leave_devices_idle(batch, shares):
    """With 8 devices and fewer rows, each row goes to a device of its own and the rest wait."""
    pieces = torch.zeros(batch).chunk(8)

    assert [len(piece) for piece in pieces] == shares


def test_devices_can_stay_idle_with_rows_enough():
    """9 rows make only 5 shares for 8 devices, because a share is rounded up to 2."""
    pieces = torch.arange(9).chunk(8)

    assert [piece.tolist() for piece in pieces] == [[0, 1], [2, 3], [4, 5], [6, 7], [8]]


def test_tensor_split_deals_more_evenly():
    """`torch.tensor_split` gives every device a row: its shares differ by one at most."""
    pieces = torch.zeros(10).tensor_split(8)

    assert [len(piece) for piece in pieces] == [2, 2, 1, 1, 1, 1, 1, 1]


def test_split_asks_for_the_size_of_a_share():
    """`split(4)` means shares of 4 rows, where `chunk(4)` means 4 shares."""
    rows = torch.zeros(10)

    assert [len(piece) for piece in rows.split(4)] == [4, 4, 2]
    assert [len(piece) for piece in rows.chunk(4)] == [3, 3, 3, 1]


def test_the_shares_are_views(device):
    """Cutting copies nothing; rows are copied only when they move to another device."""
    rows = torch.zeros(4, device=device)

    first, second = rows.chunk(2)
    second.fill_(7)

    assert rows.tolist() == [0.0, 0.0, 7.0, 7.0]
    assert first.data_ptr() == rows.data_ptr()


@given(batch=st.integers(1, 100), gpus=st.integers(1, 20))
def test_cat_puts_the_shares_back_together(batch, gpus):
    """`torch.cat` of the shares is the batch again, in the old order."""
    rows = torch.arange(batch)

    assert torch.cat(rows.chunk(gpus)).tolist() == list(range(batch))


def test_an_empty_batch_is_shared_by_all():
    """Only a batch without rows gives every device a share, an empty one."""
    pieces = torch.zeros(0, 5).chunk(3)

    assert [tuple(piece.shape) for piece in pieces] == [(0, 5), (0, 5), (0, 5)]


def test_there_is_no_cutting_for_no_device():
    """`chunk(0)` is refused; one device gets everything."""
    rows = torch.arange(3)

    with pytest.raises(RuntimeError, match="greater than 0"):
        rows.chunk(0)

    assert [piece.tolist() for piece in rows.chunk(1)] == [[0, 1, 2]]


@pytest.mark.claim("blitz-dp-splits-dataset")
def test_batches_are_split_and_the_dataset_is_not():
    """Each batch is cut anew, so a device gets a part of every batch, not a part of the dataset."""
    loader = DataLoader(range(8), batch_size=4)

    first_device = [batch.chunk(2)[0].tolist() for batch in loader]
    first_half = torch.arange(8).chunk(2)[0].tolist()

    assert first_device == [[0, 1], [4, 5]]
    assert first_half == [0, 1, 2, 3]
