"""Distances of all pairs: `torch.cdist`.

How far is each row of one matrix from each row of another? `torch.cdist` answers with a matrix of
distances, `torch.pdist` with each pair of rows of one matrix once. Nearest neighbours and k-means
begin so. Row by row distances, and cosine similarities, of rows and of all pairs, are told in
`spec/nn/test_similarities.py`.

What surprises: `torch.cdist` refuses integers and vectors; for more than 25 rows it computes by a
matrix product, which is fast and loses digits for points that are close to each other and far from
the origin; and a root written by hand has gradient NaN where two points meet.
"""

import math

import pytest
import torch


def test_cdist_gives_the_distance_of_every_pair(device):
    """`torch.cdist(a, b)` of finite float32 tensors of shapes (n, d) and (m, d), n and m at most 25
    and d at most 1000, is the (n, m) tensor of the Euclidean distances of their rows, up to
    rounding, if no sum of squares overflows or underflows.
    """
    a = torch.tensor([[0.0, 0.0], [3.0, 4.0]], device=device)
    b = torch.tensor([[0.0, 0.0], [6.0, 8.0], [0.0, 1.0]], device=device)

    distances = torch.cdist(a, b)

    assert distances.shape == (2, 3)
    assert distances[0].tolist() == [0.0, 10.0, 1.0]
    assert distances[1].tolist() == pytest.approx([5.0, 5.0, math.sqrt(18)])


def test_the_nearest_rows_are_the_smallest_of_a_row_of_distances(device):
    """`torch.cdist(queries, points)` of the float32 queries [[11.5], [1]] and points [[0], [10],
    [12]] has a row of distances for each query: `argmin(1)` gives the indices of the nearest
    points, [2, 0], `topk(2, largest=False)` the two smallest.
    """
    points = torch.tensor([[0.0], [10.0], [12.0]], device=device)
    queries = torch.tensor([[11.5], [1.0]], device=device)

    distances = torch.cdist(queries, points)

    assert distances.argmin(1).tolist() == [2, 0]
    assert distances.topk(2, largest=False).indices.tolist() == [[2, 1], [0, 1]]


def test_cdist_takes_other_norms(device):
    """`torch.cdist(a, b, p=1)` of the float32 matrices [[3, 4]] and [[0, 1]] is [[6]], the
    sum of the absolute differences (Manhattan distance); with `p=float("inf")` it is [[3]],
    the largest absolute difference.
    """
    a = torch.tensor([[3.0, 4.0]], device=device)
    b = torch.tensor([[0.0, 1.0]], device=device)

    assert torch.cdist(a, b, p=1).tolist() == [[6.0]]
    assert torch.cdist(a, b, p=float("inf")).tolist() == [[3.0]]


def test_cdist_is_a_broadcast_difference(device):
    """For `a = torch.randn(4, 3)` and `b = torch.randn(5, 3)`, `torch.cdist(a, b)`, the distance
    of each row of `a` from each row of `b`, equals `(a[:, None] - b[None]).norm(dim=-1)` up to
    rounding.

    The broadcast form is good for other distances; for matrices of d columns its differences need
    d times the memory of the result.
    """
    a, b = torch.randn(4, 3, device=device), torch.randn(5, 3, device=device)

    differences = a[:, None] - b[None]

    assert differences.shape == (4, 5, 3)
    torch.testing.assert_close(torch.cdist(a, b), differences.norm(dim=-1))


def test_cdist_takes_batches(device):
    """`torch.cdist` of float32 tensors of shapes (batch, n, d) and (batch, m, d) has shape
    (batch, n, m); dimensions before the last two broadcast.
    """
    a = torch.ones(2, 3, 4, device=device)

    assert torch.cdist(a, torch.zeros(2, 5, 4, device=device)).shape == (2, 3, 5)
    assert torch.cdist(a, torch.zeros(5, 4, device=device)).shape == (2, 3, 5)


def test_cdist_refuses_vectors_and_rows_of_different_length(device):
    """`torch.cdist` raises RuntimeError for a 1-D tensor, "cdist only supports at least 2D
    tensors", and for two matrices with rows of different length, "X1 and X2 must have the
    same number of columns".

    For one float32 vector against many rows write `torch.cdist(x[None], rows)[0]`.
    """
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0]], device=device)

    with pytest.raises(RuntimeError, match="cdist only supports at least 2D tensors, X1 got: 1D"):
        torch.cdist(torch.zeros(2, device=device), rows)
    with pytest.raises(RuntimeError, match="X1 and X2 must have the same number of columns"):
        torch.cdist(rows[:, :1], rows)

    assert torch.cdist(torch.zeros(2, device=device)[None], rows)[0].tolist() == [5.0, 0.0]


def test_cdist_refuses_integers(device):
    """`torch.cdist` raises RuntimeError for int64 matrices with equally many columns,
    "cdist only supports floating-point dtypes"; convert them with `.float()`.
    """
    x = torch.tensor([[0, 0], [3, 4]], device=device)

    with pytest.raises(RuntimeError, match="cdist only supports floating-point dtypes, X1 got: Lo"):
        torch.cdist(x, x)

    assert torch.cdist(x.float(), x.float())[0].tolist() == [0.0, 5.0]


def test_cdist_of_many_rows_loses_digits():
    """By default `torch.cdist(x, x)` of a float32 matrix with more than 25 rows computes Euclidean
    distances by a matrix product: the distance of two points 0.014 apart near (1000, 1000) may be
    wrong by more than 0.01.

    Because it subtracts squares as large as 2 million. Pass
    `compute_mode="donot_use_mm_for_euclid_dist"`, move the points to the origin or use float64.
    """
    points = torch.full((30, 2), 1000.0)
    points[0] += 0.01

    exact = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    by_product = torch.cdist(points, points)
    of_few = torch.cdist(points[:25], points[:25])
    wrong = (by_product - exact).abs().max().item()

    assert exact[0].tolist() == pytest.approx([0.0] + [0.0141] * 29, abs=5e-4)
    assert of_few[0].tolist() == pytest.approx([0.0] + [0.0141] * 24, abs=5e-4)
    assert wrong > 0.01


def test_pdist_gives_each_pair_of_one_matrix_once(device):
    """`torch.pdist(x)` of an (n, d) float32 tensor is a vector of n(n - 1) / 2 distances, one for
    each pair of rows, in the order in which these pairs stand above the diagonal of
    `torch.cdist(x, x)`, row by row.

    For more than 25 rows the distances of `torch.cdist` are less exact by default, because it
    takes a matrix multiplication: `compute_mode="donot_use_mm_for_euclid_dist"` avoids it.
    """
    x = torch.tensor([[0.0], [1.0], [5.0]], device=device)

    row, column = torch.triu_indices(3, 3, offset=1)

    assert torch.pdist(x).tolist() == [1.0, 5.0, 4.0]
    assert torch.cdist(x, x)[row, column].tolist() == [1.0, 5.0, 4.0]


def test_the_distance_of_equal_rows_has_gradient_zero(device):
    """For float32 tensors the gradient of `torch.cdist(a, b)` is 0 where `a` and `b` are equal
    finite matrices of one row, and so is that of `x.norm()` for a vector of zeros; that of
    `(x**2).sum().sqrt()` for two zeros is NaN.

    `torch.cdist` and `norm` set their gradient to 0 there. The slope of a root at 0 is infinite,
    and infinity times 0 is NaN: add a small number under a root written by hand.
    """
    a = torch.zeros(1, 2, device=device, requires_grad=True)
    b = torch.zeros(2, device=device, requires_grad=True)
    c = torch.zeros(2, device=device, requires_grad=True)

    torch.cdist(a, a.detach()).sum().backward()
    b.norm().backward()
    (c**2).sum().sqrt().backward()

    assert a.grad.tolist() == [[0.0, 0.0]]
    assert b.grad.tolist() == [0.0, 0.0]
    assert c.grad.isnan().tolist() == [True, True]
