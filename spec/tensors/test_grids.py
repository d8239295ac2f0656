"""Grids and pairs of values.

A function of two variables is drawn over a grid: each combination of an x and a y. From two 1-D
tensors `torch.meshgrid` makes the two 2-D tensors that hold the first and the second coordinate of
each grid point; `torch.cartesian_prod` lists the points as rows, and `torch.combinations` picks
pairs of one tensor.

What surprises: without `indexing=` `meshgrid` warns, and orders the dimensions as matrices do,
while NumPy's default is the order of plots; and the results are views that repeat the memory
of a vector, so that writing to them is refused or reaches the inputs.
"""

import numpy as np
import pytest
import torch


def test_meshgrid_makes_the_coordinates_of_a_grid(device):
    """`torch.meshgrid(a, b, indexing="ij")` of int64 vectors of length n and m returns two (n,
    m) tensors: the element at [i, j] is `a[i]` in the first and `b[j]` in the second.
    """
    a = torch.tensor([10, 20], device=device)
    b = torch.tensor([1, 2, 3], device=device)

    first, second = torch.meshgrid(a, b, indexing="ij")

    assert first.tolist() == [[10, 10, 10], [20, 20, 20]]
    assert second.tolist() == [[1, 2, 3], [1, 2, 3]]


def test_meshgrid_xy_has_rows_and_columns_exchanged(device):
    """`torch.meshgrid(x, y, indexing="xy")` of two int64 vectors returns two tensors of
    shape (len(y), len(x)): the element at [i, j] is `x[j]` in the first and `y[i]` in the
    second. They are the "ij" tensors transposed.
    """
    x = torch.tensor([10, 20], device=device)
    y = torch.tensor([1, 2, 3], device=device)

    across, down = torch.meshgrid(x, y, indexing="xy")

    assert across.tolist() == [[10, 20], [10, 20], [10, 20]]
    assert down.tolist() == [[1, 1], [2, 2], [3, 3]]
    first, second = torch.meshgrid(x, y, indexing="ij")
    assert torch.equal(across, first.T)
    assert torch.equal(down, second.T)


def test_meshgrid_without_indexing_warns():
    """`torch.meshgrid(a, b)` of two int64 vectors without `indexing=` warns, by default
    once per process, "in an upcoming release, it will be required to pass the indexing
    argument", and takes "ij".

    It is a UserWarning. Write `indexing="ij"` to keep the result.
    """
    a, b = torch.arange(2), torch.arange(3)

    with pytest.warns(
        UserWarning,
        match="torch.meshgrid: in an upcoming release, it will be required to pass the indexing",
    ):
        first, _ = torch.meshgrid(a, b)

    assert first.shape == (2, 3)


def test_numpys_meshgrid_has_the_other_default():
    """`np.meshgrid(a, b)` of two 1-D arrays uses `indexing="xy"` by default and returns arrays of
    shape (len(b), len(a)), where `torch.meshgrid(a, b, indexing="ij")` of two int64 vectors has
    (len(a), len(b)).
    """
    a, b = np.arange(2), np.arange(3)

    first, _ = torch.meshgrid(torch.from_numpy(a), torch.from_numpy(b), indexing="ij")
    across, _ = np.meshgrid(a, b)

    assert across.shape == (3, 2)
    assert first.shape == (2, 3)


def test_meshgrid_wants_tensors_of_one_dtype(device):
    """`torch.meshgrid(a, b, indexing="ij")` raises RuntimeError if `a` is an int64 and `b` a
    float32 vector, and if `a` or `b` has two dimensions.
    """
    a = torch.arange(2, device=device)

    with pytest.raises(RuntimeError, match="meshgrid expects all tensors to have the same dtype"):
        torch.meshgrid(a, a.float(), indexing="ij")
    with pytest.raises(RuntimeError, match="Expected 0D or 1D tensor in the tensor list but got"):
        torch.meshgrid(a, torch.zeros(2, 2, dtype=torch.int64, device=device), indexing="ij")

    assert len(torch.meshgrid(a, a, a, indexing="ij")) == 3


def test_a_grid_repeats_its_memory(device):
    """The tensors of `torch.meshgrid(a, b, indexing="ij")` are expanded views of `a` and `b`:
    for int64 vectors of length 2 and 3, `g[0, 0] = 7` in the first of them, `g`, also changes
    `a`, and `g += 7` raises RuntimeError.

    Because all elements of one row of `g` lie at the same address. Write to `g.clone()`.
    """
    a, b = torch.tensor([1, 2], device=device), torch.tensor([3, 4, 5], device=device)
    first, _ = torch.meshgrid(a, b, indexing="ij")

    first[0, 0] = 7

    assert first.stride() == (1, 0)
    assert a.tolist() == [7, 2]
    assert first.tolist() == [[7, 7, 7], [2, 2, 2]]
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers"):
        first += 7


def test_a_grid_of_points_is_a_stack_of_coordinates(device):
    """`torch.stack(torch.meshgrid(a, b, indexing="ij"), dim=-1)` of int64 vectors of length n and
    m is an (n, m, 2) tensor with the point (a[i], b[j]) at [i, j]; `.reshape(-1, 2)` lists the
    points as `torch.cartesian_prod` does.
    """
    a, b = torch.tensor([1, 2], device=device), torch.tensor([3, 4, 5], device=device)

    points = torch.stack(torch.meshgrid(a, b, indexing="ij"), dim=-1)

    assert points.shape == (2, 3, 2)
    assert points[1, 2].tolist() == [2, 5]
    assert torch.equal(points.reshape(-1, 2), torch.cartesian_prod(a, b))


def test_cartesian_prod_lists_every_pair(device):
    """`torch.cartesian_prod(a, b)` of two int64 vectors has one row per pair of an element of `a`
    and one of `b`, those of `b` running fastest, like `itertools.product`.
    """
    a, b = torch.tensor([1, 2], device=device), torch.tensor([3, 4], device=device)

    assert torch.cartesian_prod(a, b).tolist() == [[1, 3], [1, 4], [2, 3], [2, 4]]


def test_combinations_picks_pairs_of_one_tensor(device):
    """For `x = torch.tensor([1, 2, 3])`, `torch.combinations(x)` has a row for each pair of
    elements at different positions, in the order of `itertools.combinations`; `r=3` makes triples,
    `with_replacement=True` also pairs a position with itself.
    """
    x = torch.tensor([1, 2, 3], device=device)

    assert torch.combinations(x).tolist() == [[1, 2], [1, 3], [2, 3]]
    assert torch.combinations(x, r=3).tolist() == [[1, 2, 3]]
    pairs = torch.combinations(x, with_replacement=True)
    assert pairs.tolist() == [[1, 1], [1, 2], [1, 3], [2, 2], [2, 3], [3, 3]]


def test_a_function_over_a_grid_needs_no_meshgrid(device):
    """`a[:, None] * b[None, :]` of two int64 vectors `a` and `b` gives by broadcasting the matrix
    of all products `a[i] * b[j]`, without `torch.meshgrid`.
    """
    a, b = torch.tensor([1, 2], device=device), torch.tensor([3, 4, 5], device=device)

    first, second = torch.meshgrid(a, b, indexing="ij")

    product = a[:, None] * b[None, :]

    assert product.tolist() == [[3, 4, 5], [6, 8, 10]]
    assert (first * second).tolist() == [[3, 4, 5], [6, 8, 10]]
