"""Buckets and histograms.

Numbers are sorted into buckets between given boundaries: ages into groups, pixels into the bars of
a histogram. `torch.bucketize` gives the number of the bucket of each element, `torch.histc` and
`torch.histogram` count how many fall into each. The same search in a sorted tensor,
`torch.searchsorted`, is told in `spec/tensors/test_sorting.py`, counts of integers in
`spec/tensors/test_counting.py`.

What surprises: a value equal to a boundary belongs to the bucket *below* it unless `right=True`,
which is the opposite of `np.digitize`; what lies outside of a histogram's range is not counted; and
on the CPU `histc` and `histogram` refuse integers.
"""

import numpy as np
import pytest
import torch


def test_bucketize_gives_the_number_of_the_bucket(device):
    """`torch.bucketize(x, boundaries)` of two dense float32 tensors without NaN,
    `boundaries` a strictly ascending vector, gives 0 up to and including the first
    boundary, 1 up to the second, and `len(boundaries)` above the last.
    """
    boundaries = torch.tensor([18.0, 65.0], device=device)
    ages = torch.tensor([[5.0, 30.0], [70.0, 40.0]], device=device)

    assert torch.bucketize(ages, boundaries).tolist() == [[0, 1], [2, 1]]


def test_a_value_on_a_boundary_falls_below_unless_right(device):
    """`torch.bucketize(18, torch.tensor([18, 65]))` is bucket 0, since buckets are closed at
    their upper end; with `right=True` it is bucket 1.
    """
    edge = 18
    boundaries = torch.tensor([edge, 65], device=device)
    ages = torch.tensor([17, 18, 19], device=device)

    assert torch.bucketize(ages, boundaries).tolist() == [0, 0, 1]
    assert torch.bucketize(ages, boundaries, right=True).tolist() == [0, 1, 1]
    assert torch.bucketize(edge, boundaries).item() == 0
    assert torch.bucketize(edge, boundaries, right=True).item() == 1


def test_right_means_the_opposite_in_numpys_digitize():
    """For int64 numbers and ascending int64 `bins`, `np.digitize(x, bins)` of arrays gives the
    numbers of `torch.bucketize(x, bins, right=True)` of tensors, and
    `np.digitize(x, bins, right=True)` those of `torch.bucketize(x, bins)`.

    So `right` means the opposite in the two. `bucketize` takes its boundaries as a tensor. NumPy
    takes descending boundaries, too.
    """
    x, bins = np.array([1, 2, 3]), np.array([2, 3])

    closed_above = torch.bucketize(torch.from_numpy(x), torch.from_numpy(bins))
    closed_below = torch.bucketize(torch.from_numpy(x), torch.from_numpy(bins), right=True)

    assert np.digitize(x, bins).tolist() == closed_below.tolist() == [0, 1, 2]
    assert np.digitize(x, bins, right=True).tolist() == closed_above.tolist() == [0, 0, 1]


def test_the_boundaries_are_a_sorted_tensor_of_one_dimension(device):
    """On the CPU `torch.bucketize` of a float32 vector takes its boundaries as a 1-D tensor: a
    list raises TypeError, a float32 matrix RuntimeError, "boundaries tensor must be 1
    dimension".

    If each row of a matrix `x` needs boundaries of its own, give a matrix with as many rows:
    `torch.searchsorted(boundaries, x)`.
    """
    x = torch.tensor([1.0, 4.0], device=device)

    with pytest.raises(TypeError, match=r"bucketize\(\) received an invalid combination of argume"):
        torch.bucketize(x, [2.0, 3.0])
    with pytest.raises(RuntimeError, match="boundaries tensor must be 1 dimension, but got dim"):
        torch.bucketize(x, torch.ones(2, 2, device=device))

    boundaries = torch.tensor([2.0, 3.0], device=device)
    assert torch.bucketize(x, boundaries).tolist() == [0, 2]


def test_searchsorted_takes_boundaries_for_each_row(device):
    """`torch.searchsorted(boundaries, x)` of an (n, k) and an (n, m) float32 tensor searches
    each row of `x` in the same row of `boundaries`, which must ascend; for a vector `x` it
    raises RuntimeError, "boundaries tensor should be 1 dimension".

    Write `x.unsqueeze(1)` for a vector with one number for each row.
    """
    boundaries = torch.tensor([[1.0, 2.0], [10.0, 20.0]], device=device)

    found = torch.searchsorted(boundaries, torch.tensor([[1.5], [15.0]], device=device))

    assert found.tolist() == [[1], [1]]
    with pytest.raises(RuntimeError, match="boundaries tensor should be 1 dimension or the first"):
        torch.searchsorted(boundaries, torch.tensor([1.5, 15.0], device=device))


def test_boundaries_that_are_not_contiguous_are_copied_with_a_warning():
    """`torch.searchsorted(torch.arange(10)[::2], torch.tensor([3]))` warns, by default once
    per process, "boundary tensor is non-contiguous": a slice with a step is copied first.

    It is a UserWarning. Call `.contiguous()` once, outside of the loop.
    """
    even, three = torch.arange(10)[::2], torch.tensor([3])

    with pytest.warns(UserWarning, match="tensor is non-contiguous, this will lower the perf"):
        found = torch.searchsorted(even, three)

    assert found.tolist() == [2]
    assert torch.searchsorted(even.contiguous(), three).tolist() == [2]


def test_nan_falls_into_the_last_bucket():
    """`torch.bucketize(x, torch.tensor([1.0, 3.0]))` of a float32 tensor `x` puts NaN into
    bucket 2, behind the last boundary, as it puts inf.

    Ask `x.isnan()` first where it should be a bucket of its own.
    """
    boundaries = torch.tensor([1.0, 3.0])

    assert torch.bucketize(torch.tensor([torch.nan, torch.inf]), boundaries).tolist() == [2, 2]


def test_bucket_numbers_have_no_gradient():
    """`torch.bucketize(x, boundaries)` of a float32 `x` that requires grad and 1-D float32
    `boundaries` gives an int64 tensor without `grad_fn`: no gradient flows through
    `torch.bucketize`.
    """
    x = torch.tensor([0.5, 2.5], requires_grad=True)

    buckets = torch.bucketize(x, torch.tensor([1.0, 2.0]))

    assert buckets.tolist() == [0, 2]
    assert buckets.dtype is torch.int64
    assert buckets.grad_fn is None
    assert buckets.requires_grad is False


def test_histc_counts_in_bins_of_equal_width(device):
    """`torch.histc(x, bins=3, min=0, max=3)` of a dense float32 tensor of at most 2**24
    elements counts those in [0, 1), [1, 2) and [2, 3] and returns float32; elements below
    `min` or above `max` are not counted.
    """
    x = torch.tensor([0.5, 2.0, 2.5, 3.0, 9.0, -1.0], device=device)

    assert torch.histc(x, bins=3, min=0, max=3).tolist() == [1.0, 0.0, 3.0]


def test_histc_without_a_range_takes_that_of_the_data(device):
    """`torch.histc(torch.tensor([1.0, 2.0, 4.0, 5.0, 5.0]), bins=2)` is [2, 3]: with `min`
    and `max` left at 0, their default, it makes two bins of equal width from the smallest
    to the largest element.

    Where all elements are equal, the range is widened by 1 on both sides:
    `torch.histc(torch.tensor([5.0, 5.0]), bins=4)` counts from 4 to 6 and is [0, 0, 2, 0].
    """
    x = torch.tensor([1.0, 2.0, 4.0, 5.0, 5.0], device=device)

    assert torch.histc(x, bins=2).tolist() == [2.0, 3.0]
    assert torch.histc(x[3:], bins=4, min=4, max=6).tolist() == [0.0, 0.0, 2.0, 0.0]
    assert torch.histc(x[3:], bins=4).tolist() == [0.0, 0.0, 2.0, 0.0]


def test_histogram_also_gives_the_edges():
    """On the CPU `torch.histogram(x, bins=2, range=(0.0, 4.0))` of a float32 tensor returns the
    counts and the three edges 0, 2 and 4; without `range=`, `bins` may also be a float32 tensor of
    edges, such as `torch.tensor([0.0, 2.0, 10.0])`.
    """
    x = torch.tensor([1.0, 2.0, 2.0, 9.0])

    counts, edges = torch.histogram(x, bins=2, range=(0.0, 4.0))
    by_edges = torch.histogram(x, bins=torch.tensor([0.0, 2.0, 10.0]))

    assert counts.tolist() == [1.0, 2.0]
    assert edges.tolist() == [0.0, 2.0, 4.0]
    assert by_edges.hist.tolist() == [1.0, 3.0]


def test_histograms_on_the_cpu_take_floats():
    """On the CPU `torch.histc(x, bins=3)` and `torch.histogram(x, bins=3)` raise an error
    for a dense int64 tensor `x`, "not implemented for 'Long'": convert with `x.float()`, or
    count non-negative integers of a vector with `torch.bincount`.

    It is a RuntimeError, in newer releases its subclass NotImplementedError.
    """
    x = torch.tensor([1, 2, 2])

    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        torch.histc(x, bins=3, min=0, max=3)
    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        torch.histogram(x, bins=3)

    assert torch.histc(x.float(), bins=3, min=0, max=3).tolist() == [0.0, 1.0, 2.0]
    assert x.bincount(minlength=3).tolist() == [0, 1, 2]


def test_a_density_has_area_one():
    """On the CPU `torch.histogram(x, 2, range=(0.0, 0.5), density=True)` of a float32 vector
    divides the counts by their sum and by the bin width, 0.25: `hist.sum() * 0.25` is 1, up to
    rounding. If no element is in range, `hist` is NaN.
    """
    density, edges = torch.histogram(
        torch.tensor([0.0, 0.1, 0.4]), 2, range=(0.0, 0.5), density=True
    )

    nothing = torch.histogram(torch.tensor([7.0]), 2, range=(0.0, 0.5), density=True)

    assert str(nothing.hist.tolist()) == "[nan, nan]"
    assert density.tolist() == pytest.approx([8 / 3, 4 / 3])
    assert (density * edges.diff()).sum().item() == pytest.approx(1.0)
