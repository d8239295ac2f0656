"""Splitting a batch over several devices.

Before several devices can share the work, the rows of a batch have to be divided among them.
`DataParallel` does it as `torch.chunk` does, and `fully_shard` divides the rows of a parameter in
the same way: along dimension 0, in pieces of one size, the quotient rounded up, until the rows run
out. The other functions that split a tensor are told in `spec/tensors/test_joining.py`; how a whole
dataset is divided, in `spec/parallel/test_distributed_sampler.py`.

What surprises is the end of the rule: the last piece may be smaller, and with many devices and few
rows some devices get nothing at all.
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
    """`torch.chunk(rows, 3)` of a matrix with 10 rows gives chunks of 4, 4 and 2 rows;
    `torch.chunk(rows, 8)` gives only five chunks, of 2 rows each, and for a matrix with 30
    rows seven chunks of 4 rows and one of 2.
    """
    rows = torch.zeros(batch, 5, device=device)

    pieces = torch.chunk(rows, gpus)

    assert [len(piece) for piece in pieces] == shares


@pytest.mark.claim("blitz-dp-chunk-rule")
@given(batch=st.integers(1, 300), gpus=st.integers(1, 40))
def test_a_share_is_the_equal_part_rounded_up(batch, gpus):
    """For `n` of at least 1, `x.chunk(n)` splits a tensor with at least one row into
    consecutive chunks of `ceil(len(x) / n)` rows, the last of which may have fewer."""
    share = -(-batch // gpus)

    pieces = torch.arange(batch).chunk(gpus)

    assert [piece.tolist() for piece in pieces] == [
        list(range(batch))[start : start + share] for start in range(0, batch, share)
    ]


@pytest.mark.claim("blitz-dp-dim-zero")
def test_the_cut_goes_along_dimension_0(device):
    """`x.chunk(3)` splits dimension 0 by default: 30 images of shape (3, 4, 4) become three batches
    of 10 whole images."""
    pictures = torch.zeros(30, 3, 4, 4, device=device)

    stacks = pictures.chunk(3)

    assert [tuple(stack.shape) for stack in stacks] == [(10, 3, 4, 4)] * 3


def test_another_dimension_can_be_named():
    """`x.chunk(2, dim=1)` splits dimension 1 instead of 0: a tensor of shape (2, 3) becomes one of
    shape (2, 2) and one of (2, 1).

    `DataParallel(model, dim=1)` does so for sequences whose batch dimension is the second.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    left, right = x.chunk(2, dim=1)

    assert left.tolist() == [[1, 2], [4, 5]]
    assert right.tolist() == [[3], [6]]


def test_neighbouring_rows_stay_together():
    """`rows.chunk(2)` of six rows puts rows 0 to 2 into the first chunk and rows 3 to 5 into
    the second.

    `DistributedSampler` divides a dataset differently: with `shuffle=False`, process 0 of 2
    gets every second sample; by default the order is shuffled first.
    """
    rows = torch.arange(6)

    first, second = rows.chunk(2)

    assert first.tolist() == [0, 1, 2]
    assert second.tolist() == [3, 4, 5]


@pytest.mark.parametrize(("batch", "shares"), [(1, [1]), (3, [1, 1, 1]), (7, [1] * 7)])
def test_fewer_rows_than_devices_leave_devices_idle(batch, shares):
    """`x.chunk(8)` of a tensor of 1 to 7 rows makes one chunk for each row: under
    `nn.DataParallel` with eight GPUs the remaining GPUs get no rows.
    """
    pieces = torch.zeros(batch).chunk(8)

    assert [len(piece) for piece in pieces] == shares


def test_devices_can_stay_idle_with_rows_enough():
    """`x.chunk(8)` of 9 rows makes five chunks and not eight, because 9 / 8 is rounded up to 2.

    `tensor_split(8)` would make eight, one of 2 rows and seven of 1; `DataParallel` doesn't use
    it. A batch size that is a multiple of the number of devices gives every device equally many
    rows.
    """
    pieces = torch.arange(9).chunk(8)
    evener = torch.arange(9).tensor_split(8)

    assert [piece.tolist() for piece in pieces] == [[0, 1], [2, 3], [4, 5], [6, 7], [8]]
    assert len(evener) == 8


@given(batch=st.integers(1, 100), gpus=st.integers(1, 20))
def test_cat_puts_the_shares_back_together(batch, gpus):
    """With `rows = torch.arange(10)` and an int `n` from 1 to 20,
    `torch.cat(rows.chunk(n))` is equal to `rows`: the chunks come back in their old order.
    """
    rows = torch.arange(batch)

    assert torch.equal(torch.cat(rows.chunk(gpus)), rows) is True


def test_an_empty_batch_is_shared_by_all():
    """`x.chunk(3)` of a tensor with 0 rows gives three chunks of 0 rows each.

    Of a tensor with one row or more, `x.chunk(3)` gives no chunk of 0 rows, but it may give fewer
    than three.
    """
    pieces = torch.zeros(0, 5).chunk(3)

    assert [tuple(piece.shape) for piece in pieces] == [(0, 5), (0, 5), (0, 5)]


def test_there_is_no_cutting_for_no_device():
    """`torch.arange(3).chunk(0)` raises RuntimeError, "chunk expects `chunks` to be greater
    than 0"; `torch.arange(3).chunk(1)` returns a tuple of one chunk with all three
    elements.

    `x.chunk(torch.cuda.device_count())` raises it on a machine without a CUDA device.
    """
    rows = torch.arange(3)

    with pytest.raises(RuntimeError, match="chunk expects `chunks` to be greater than 0"):
        rows.chunk(0)

    assert [piece.tolist() for piece in rows.chunk(1)] == [[0, 1, 2]]


@pytest.mark.claim("blitz-dp-splits-dataset")
def test_batches_are_split_and_the_dataset_is_not():
    """`nn.DataParallel` splits each batch, not the dataset: for the batches [0, 1, 2, 3]
    and [4, 5, 6, 7] of `DataLoader(range(8), batch_size=4)` the first of two devices gets
    `batch.chunk(2)[0]`, that is [0, 1], then [4, 5].
    """
    loader = DataLoader(range(8), batch_size=4)

    first_device = [batch.chunk(2)[0].tolist() for batch in loader]
    first_half = torch.arange(8).chunk(2)[0].tolist()

    assert first_device == [[0, 1], [4, 5]]
    assert first_half == [0, 1, 2, 3]
