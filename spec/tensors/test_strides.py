"""Strides and contiguity.

Memory has no rows and columns: a tensor's numbers lie in one long line, its storage. The stride of
an axis says how far to walk in that line for one step along the axis, the storage offset where the
first element lies. Both are counted in elements, not in bytes.

This is why a transpose or a slice costs nothing: it is another shape, stride and offset over the
same numbers. A tensor whose elements lie in the order in which they print is called contiguous.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


def test_the_last_axis_lies_closest_together(device):
    """A fresh tensor's last axis has stride 1; any other, the product of the sizes after it."""
    x = torch.zeros(4, 5, 6, device=device)

    assert x.stride() == (30, 6, 1)
    assert x.stride(0) == 30
    assert x.stride(-1) == 1


def test_an_element_lies_at_the_offset_plus_index_times_stride():
    """Offset and strides say where in memory an element is: here each holds its own position."""
    x = torch.arange(12).view(3, 4)
    part = x[1:, ::2]

    assert part.storage_offset() == 4
    assert part.stride() == (4, 2)
    assert part.tolist() == [[4, 4 + 2], [4 + 4, 4 + 4 + 2]]


@given(st.permutations([0, 1, 2]), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))
def test_the_rule_of_strides_holds_for_every_element(axes, i, j, k):
    """However a tensor was cut and turned, position = offset + the sum of index times stride."""
    x = torch.arange(64).view(4, 4, 4)[1:, 1:, 1:].permute(axes)
    a, b, c = x.stride()

    position = x.storage_offset() + i * a + j * b + k * c

    assert x[i, j, k].item() == position


def test_strides_count_elements_and_addresses_count_bytes(device):
    """A step of one row moves the address by stride times the size of an element."""
    x = torch.zeros(5, 3, dtype=torch.float64, device=device)

    assert x.stride(0) == 3
    assert x.element_size() == 8
    assert x[1].data_ptr() - x.data_ptr() == 24


def test_a_transpose_swaps_strides_and_moves_nothing(device):
    """The transpose of a matrix is the same memory, read with the two strides swapped."""
    x = torch.zeros(5, 3, device=device)

    assert x.stride() == (3, 1)
    assert x.t().stride() == (1, 3)
    assert x.t().data_ptr() == x.data_ptr()


def test_a_fresh_tensor_is_contiguous_and_its_transpose_is_not(device):
    """`is_contiguous()` asks whether the elements lie in memory in the order they print."""
    x = torch.zeros(5, 3, device=device)

    assert x.is_contiguous() is True
    assert x.t().is_contiguous() is False


@pytest.mark.parametrize(
    ("slices", "contiguous"),
    [
        ((slice(1, 3), slice(None)), True),
        ((slice(None), slice(1, 3)), False),
        ((slice(None, None, 2), slice(None)), False),
    ],
    ids=["x[1:3]", "x[:, 1:3]", "x[::2]"],
)
def test_whole_neighbouring_rows_are_contiguous(slices, contiguous):
    """A slice without gaps is contiguous; one that leaves out columns, or rows between, is not."""
    x = torch.zeros(5, 3)

    assert x[slices].is_contiguous() is contiguous


def test_axes_of_length_one_do_not_spoil_contiguity():
    """Nobody ever steps along an axis of one element, so its stride doesn't matter."""
    column = torch.zeros(3, 1)

    assert column.t().stride() == (1, 1)
    assert column.t().is_contiguous() is True


def test_contiguous_returns_the_tensor_itself_where_nothing_is_to_do(device):
    """`contiguous()` of a contiguous tensor is that very object."""
    x = torch.zeros(5, 3, device=device)

    assert x.contiguous() is x


def test_contiguous_copies_where_elements_are_out_of_order(device):
    """Of a transpose `contiguous()` makes an equal tensor in memory of its own."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    copy = x.t().contiguous()
    x[0, 0] = 100

    assert copy.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert copy.stride() == (2, 1)


def test_expanded_axes_have_stride_zero(device):
    """`expand` repeats without copying: along a stride of 0 every step leads to the same place."""
    x = torch.tensor([1, 2, 3], device=device)

    rows = x.expand(2, 3)

    assert rows.tolist() == [[1, 2, 3], [1, 2, 3]]
    assert rows.stride() == (0, 1)
    assert [row.data_ptr() - x.data_ptr() for row in rows] == [0, 0]


def test_as_strided_reads_memory_by_any_strides(device):
    """`as_strided(size, stride, offset)` makes a view by numbers; elements may even repeat."""
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    windows = x.as_strided((3, 2), (1, 1), 1)

    assert windows.tolist() == [[20, 30], [30, 40], [40, 50]]
    assert windows[1, 0].data_ptr() == windows[0, 1].data_ptr()


def test_as_strided_stays_within_the_storage(device):
    """Strides that would lead beyond the memory of the tensor are refused."""
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    with pytest.raises(RuntimeError, match="out of bounds for storage"):
        x.as_strided((3, 2), (2, 2))
