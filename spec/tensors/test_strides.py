"""Strides and contiguity.

The elements of a tensor lie in one line of memory, its storage. The stride of a dimension is the
distance in that line between neighbours along the dimension, and the storage offset is where the
first element lies. Both are counted in elements, not in bytes.

So a transpose, a slice or an expanded tensor needs no copy: it is another shape, other strides and
another offset over the same storage. A tensor is contiguous if its elements lie in row-major order
without gaps, as those of `torch.zeros(5, 3)` do. Views build on this: `spec/tensors/test_views.py`.

What surprises: a transpose moves no data; `contiguous()` returns the tensor itself if there is
nothing to do and copies otherwise; and a stride may be 0, as after `expand`
(`spec/tensors/test_broadcasting.py`).
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


def test_the_last_axis_lies_closest_together(device):
    """`torch.zeros(4, 5, 6).stride()` is (30, 6, 1): 1 for the last dimension, and for each of
    the others the product of the sizes after it.

    This is row-major order: neighbours in a row are neighbours in memory. Tensors that linear
    algebra returns, such as `torch.linalg.inv(x)`, may be column-major.
    """
    x = torch.zeros(4, 5, 6, device=device)

    assert x.stride() == (30, 6, 1)
    assert x.stride(0) == 30
    assert x.stride(-1) == 1


def test_an_element_lies_at_the_offset_plus_index_times_stride():
    """With `x = torch.arange(12).view(3, 4)` and `part = x[1:, ::2]`, `part[i, j]` for `i` and `j`
    of 0 or 1 is element `part.storage_offset() + i * part.stride(0) + j * part.stride(1)` of the
    storage, that is, `4 + 4 * i + 2 * j`.

    Because a slice is a view: it has an offset and strides of its own, and the storage of `x`. A
    negative index counts from the end: `part[-1, 0]` is `part[1, 0]`.
    """
    x = torch.arange(12).view(3, 4)
    part = x[1:, ::2]

    assert part.storage_offset() == 4
    assert part.stride() == (4, 2)
    assert part.tolist() == [[4, 4 + 2], [4 + 4, 4 + 4 + 2]]
    assert part[-1, 0].item() == 8


@given(st.permutations([0, 1, 2]), st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))
def test_the_rule_of_strides_holds_for_every_element(axes, i, j, k):
    """For a 3-dimensional tensor `x`, sliced or permuted too, and `a, b, c = x.stride()`,
    element `x[i, j, k]`, with indices from 0 on, lies in the storage at
    `x.storage_offset() + i * a + j * b + k * c`, counted in elements.
    """
    x = torch.arange(64).view(4, 4, 4)[1:, 1:, 1:].permute(axes)
    a, b, c = x.stride()

    position = x.storage_offset() + i * a + j * b + k * c

    assert x.storage_offset() == 16 + 4 + 1
    assert x[i, j, k].item() == position


def test_strides_count_elements_and_addresses_count_bytes(device):
    """`x.stride(0)` counts elements and `x.data_ptr()` counts bytes: the next row of
    `x = torch.zeros(5, 3, dtype=torch.float64)` lies 3 elements, 24 bytes further on.

    NumPy's `array.strides` counts bytes.
    """
    x = torch.zeros(5, 3, dtype=torch.float64, device=device)

    assert x.stride(0) == 3
    assert x.element_size() == 8
    assert x[1].data_ptr() - x.data_ptr() == 24


def test_a_transpose_swaps_strides_and_moves_nothing(device):
    """`x.t()` of `x = torch.zeros(5, 3)` has the strides (1, 3) instead of (3, 1) and the same
    `data_ptr()`: no element is moved.

    So transposing costs the same for a matrix of any size.
    """
    x = torch.zeros(5, 3, device=device)

    assert x.stride() == (3, 1)
    assert x.t().stride() == (1, 3)
    assert x.t().data_ptr() == x.data_ptr()


def test_a_fresh_tensor_is_contiguous_and_its_transpose_is_not(device):
    """`x.is_contiguous()` is True for `x = torch.zeros(5, 3)`, whose elements lie in
    row-major order without gaps, and False for its transpose `x.t()`.
    """
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
    """Of `x = torch.zeros(5, 3)`, the slice `x[1:3]` of neighbouring rows is contiguous;
    `x[:, 1:3]` and `x[::2]`, which leave gaps in memory, are not.
    """
    x = torch.zeros(5, 3)

    assert x[slices].is_contiguous() is contiguous


def test_axes_of_length_one_do_not_spoil_contiguity():
    """`torch.zeros(3, 1).t()` is still contiguous, although `torch.zeros(5, 3).t()` is not.

    Because `is_contiguous()` does not look at the stride of a dimension of size 1: no step is
    ever taken along it.
    """
    column = torch.zeros(3, 1)
    wide = torch.zeros(5, 3).t()

    assert (wide.shape, wide.is_contiguous()) == ((3, 5), False)
    assert column.t().stride() == (1, 1)
    assert column.t().is_contiguous() is True


def test_contiguous_returns_the_tensor_itself_where_nothing_is_to_do(device):
    """`x.contiguous()` without arguments returns `x` itself if `x` is a dense tensor and
    `x.is_contiguous()` is True.

    So calling it costs nothing there, but a write to the result then changes `x`; `clone()`
    always copies.
    """
    x = torch.zeros(5, 3, device=device)

    same = x.contiguous()

    assert same is x
    assert same.stride() == (3, 1)


def test_contiguous_copies_where_elements_are_out_of_order(device):
    """`x.t().contiguous()` of `x = torch.tensor([[1, 2, 3], [4, 5, 6]])` copies the
    transpose into memory of its own, in row-major order, so a later write to `x` does not
    show in the copy.

    Because `x.t()` is not contiguous there. Where it is, as for one row, nothing is copied.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    copy = x.t().contiguous()
    x[0, 0] = 100

    assert copy.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert copy.stride() == (2, 1)


def test_as_strided_reads_memory_by_any_strides(device):
    """`x.as_strided((3, 2), (1, 1), 1)` of `x = torch.tensor([10, 20, 30, 40, 50])` makes a view
    of size (3, 2) with strides (1, 1) from offset 1 on: the rows [20, 30], [30, 40] and
    [40, 50], which share elements.

    Prefer `x.unfold` for windows: `as_strided` ignores the shape and strides that `x` itself
    has.
    """
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    windows = x.as_strided((3, 2), (1, 1), 1)

    assert windows.tolist() == [[20, 30], [30, 40], [40, 50]]
    assert windows[1, 0].data_ptr() == windows[0, 1].data_ptr()


def test_as_strided_stays_within_the_storage(device):
    """`x.as_strided((3, 2), (2, 2))` of `x = torch.tensor([10, 20, 30, 40, 50])` raises
    RuntimeError, since an element would lie beyond the storage of `x`.

    The last element lies at offset + the sum of (size - 1) * stride, here at 6, which must be
    less than the number of elements stored.
    """
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    with pytest.raises(RuntimeError, match="out of bounds for storage"):
        x.as_strided((3, 2), (2, 2))
