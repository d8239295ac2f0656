"""Determinants, inverses and equations.

`torch.linalg` computes with matrices, or with batches of matrices in the last two dimensions:
determinant, inverse, solutions of linear equations, norms. Diagonals and triangles are taken with
`torch.diag`, `triu` and `tril`. Eigenvalues, QR, SVD and Cholesky are told in
`spec/tensors/test_decompositions.py`.

What surprises: `inv`, `det` and `solve` refuse integer matrices; a singular matrix raises an error
only where rounding leaves an exact 0 on the diagonal; and `norm` with `ord=` means something else
for a vector than for a matrix. To solve equations, `solve(a, b)` is as a rule faster and more
accurate than `inv(a) @ b`.
"""

import pytest
import torch


def test_diag_makes_a_matrix_of_a_vector_and_a_vector_of_a_matrix(device):
    """`torch.diag` of an int64 vector is a matrix with the vector on its diagonal; of an int64
    matrix it is the vector of its diagonal.
    """
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    assert torch.diag(x).tolist() == [1, 4]
    assert torch.diag(x, 1).tolist() == [2]
    assert torch.diag(torch.tensor([5, 6], device=device)).tolist() == [[5, 0], [0, 6]]


def test_diagonal_is_a_view(device):
    """`x.diagonal()` of `x = torch.zeros(2, 2)` is a view: `x.diagonal().fill_(7)` writes
    into the diagonal of `x`.
    """
    x = torch.zeros(2, 2, device=device)

    x.diagonal().fill_(7)

    assert x.tolist() == [[7.0, 0.0], [0.0, 7.0]]


def test_the_trace_sums_the_diagonal(device):
    """`torch.trace(x)` of the int64 matrix `x = torch.tensor([[1, 2], [3, 4]])` is 5, the sum of
    its diagonal elements 1 and 4.
    """
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    assert torch.trace(x).item() == 5


def test_triu_and_tril_keep_one_triangle(device):
    """`x.triu()` of an int64 matrix keeps the diagonal and what is above it and sets the
    rest to 0, `x.tril()` keeps the diagonal and what is below it; `x.triu(1)` and
    `x.tril(-1)` set the diagonal to 0 too.

    `torch.ones(n, n, dtype=torch.bool).tril()` is the causal mask of
    `scaled_dot_product_attention`, where True means attend; a float mask is added to the scores
    instead.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]], device=device)

    assert x.triu().tolist() == [[1, 2, 3], [0, 5, 6], [0, 0, 9]]
    assert x.tril().tolist() == [[1, 0, 0], [4, 5, 0], [7, 8, 9]]
    assert x.triu(1).tolist() == [[0, 2, 3], [0, 0, 6], [0, 0, 0]]
    assert x.tril(-1).tolist() == [[0, 0, 0], [4, 0, 0], [7, 8, 0]]


def test_the_determinant(device):
    """`torch.linalg.det(x)` of the float32 matrix [[0, 2], [4, 0]] is its determinant, -8;
    `torch.linalg.slogdet(x)` returns its sign and the logarithm of its absolute value. For
    `torch.eye(100) * 10` `det` is inf, the logarithm about 230.26.
    """
    x = torch.tensor([[0.0, 2.0], [4.0, 0.0]], device=device)

    sign, logarithm = torch.linalg.slogdet(x)

    large = torch.eye(100, device=device) * 10

    assert torch.linalg.det(large).item() == torch.inf
    assert torch.linalg.slogdet(large).logabsdet.item() == pytest.approx(230.2585)
    assert torch.linalg.det(x).item() == -8.0
    assert sign.item() == -1.0
    assert logarithm.item() == pytest.approx(2.0794415)


def test_the_inverse_times_the_matrix_is_the_identity(device):
    """`torch.linalg.inv(x)`, also spelled `x.inverse()`, of the float32 matrix [[1, 2], [0,
    4]] is its inverse [[1, -0.5], [0, 0.25]]: `x @ x.inverse()` is the identity.

    For a matrix that is nearly singular the product may be far from the identity.
    """
    x = torch.tensor([[1.0, 2.0], [0.0, 4.0]], device=device)

    assert torch.linalg.inv(x).tolist() == [[1.0, -0.5], [0.0, 0.25]]
    assert x.inverse().tolist() == [[1.0, -0.5], [0.0, 0.25]]
    assert (x @ x.inverse()).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_a_stack_of_matrices_is_inverted_one_by_one(device):
    """For `x = torch.tensor([[[2.0]], [[4.0]]])`, a batch of two 1 x 1 matrices,
    `torch.linalg.inv(x)` is [[[0.5]], [[0.25]]] and `torch.linalg.det(x)` is [2, 4]: the inverse
    and the determinant of each matrix by itself.

    One singular matrix among them makes `inv` raise for the whole batch; `inv_ex` gives an
    `info` for each.
    """
    x = torch.tensor([[[2.0]], [[4.0]]], device=device)

    assert torch.linalg.inv(x).tolist() == [[[0.5]], [[0.25]]]
    assert torch.linalg.det(x).tolist() == [2.0, 4.0]


def test_a_singular_matrix_has_no_inverse():
    """`torch.linalg.inv(x)` and `torch.linalg.solve(x, torch.ones(2))` of the singular
    float32 matrix `x` [[1, 2], [2, 4]] raise `torch.linalg.LinAlgError`, a RuntimeError:
    "the input matrix is singular".

    A singular matrix whose elements were rounded can give a huge inverse instead of an error:
    compare `torch.linalg.matrix_rank(x)` with the number of rows of `x`.
    """
    x = torch.tensor([[1.0, 2.0], [2.0, 4.0]])

    with pytest.raises(
        torch.linalg.LinAlgError,
        match="could not be completed because the input matrix is singular",
    ):
        torch.linalg.inv(x)
    with pytest.raises(torch.linalg.LinAlgError, match="the input matrix is singular"):
        torch.linalg.solve(x, torch.ones(2))
    assert issubclass(torch.linalg.LinAlgError, RuntimeError) is True

    assert torch.linalg.det(x).item() == 0.0
    assert torch.linalg.matrix_rank(x).item() == 1


def test_inv_ex_reports_instead_of_raising():
    """`torch.linalg.inv_ex(x)` by default raises no error for the singular float32 matrix [[1,
    2], [2, 4]]: its `info` is 2, the position of the zero pivot, counted from 1; for success
    `info` is 0.

    For a matrix on a GPU `inv_ex` by default doesn't synchronise the GPU with the CPU;
    `torch.linalg.inv` does.
    """
    singular = torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    regular = torch.tensor([[1.0, 2.0], [0.0, 4.0]])

    assert torch.linalg.inv_ex(singular).info.item() == 2
    assert torch.linalg.inv_ex(regular).info.item() == 0


@pytest.mark.parametrize("name", ["inv", "det", "svdvals", "matrix_norm"])
def test_integers_have_to_become_floats_first(name):
    """`torch.linalg.inv`, `det`, `svdvals` and `matrix_norm` of a square int64 matrix raise
    an error, "Expected a floating point or complex tensor as input"; convert with
    `x.float()`.

    It is a RuntimeError, from PyTorch 2.15 on its subclass NotImplementedError. Others in
    `torch.linalg`, such as `cross`, `multi_dot` and `matrix_power` with a power from 0 on, take
    integers on the CPU.
    """
    x = torch.tensor([[1, 2], [3, 4]])

    with pytest.raises(RuntimeError, match="Expected a floating point or complex tensor as input"):
        getattr(torch.linalg, name)(x)

    assert torch.linalg.matrix_power(x, 2).tolist() == [[7, 10], [15, 22]]
    assert torch.linalg.det(x.float()).item() == pytest.approx(-2.0)


@pytest.mark.parametrize("name", ["inv", "det", "eigvals", "cholesky"])
def test_only_square_matrices_have_an_inverse(name):
    """`torch.linalg.inv`, `det`, `eigvals` and `cholesky` of a (2, 3) float32 matrix raise a
    RuntimeError, "A must be batches of square matrices, but they are 2 by 3 matrices".

    `torch.linalg.pinv` and `torch.linalg.svd` take a matrix of any shape.
    """
    x = torch.ones(2, 3)

    with pytest.raises(RuntimeError, match="square matrices, but they are 2 by 3 matrices"):
        getattr(torch.linalg, name)(x)

    assert torch.linalg.pinv(x).shape == (3, 2)


def test_solve_finds_what_a_matrix_turns_into_the_right_side(device):
    """`torch.linalg.solve(a, b)` returns the `x` with `a @ x` equal to `b`: for the float32 matrix
    `a` [[2, 0], [1, 4]] and the vector `b` [2, 9] the vector [1, 2], for the matrix `b` [[2, 4],
    [9, 2]] the matrix [[1, 2], [2, 0]].
    """
    a = torch.tensor([[2.0, 0.0], [1.0, 4.0]], device=device)
    b = torch.tensor([2.0, 9.0], device=device)
    columns = torch.tensor([[2.0, 4.0], [9.0, 2.0]], device=device)

    assert torch.linalg.solve(a, b).tolist() == [1.0, 2.0]
    assert torch.linalg.solve(a, columns).tolist() == [[1.0, 2.0], [2.0, 0.0]]


def test_the_right_side_has_to_be_as_long_as_the_matrix():
    """`torch.linalg.solve(torch.eye(2), b)` raises a RuntimeError, "Incompatible shapes of A
    and B", for a float32 vector `b` of three elements: `b` needs as many rows as the matrix.

    The message names both shapes, a vector as a matrix of one column.
    """
    with pytest.raises(
        RuntimeError,
        match=r"Incompatible shapes of A and B for the equation AX = B \(2x2 and 3x1\)",
    ):
        torch.linalg.solve(torch.eye(2), torch.ones(3))


def test_lstsq_comes_as_near_as_it_can():
    """For the float32 matrices `a` [[1, 0], [1, 1], [1, 2]] and `b` [[1], [2], [6]], three
    equations in two unknowns, `torch.linalg.lstsq(a, b).solution` is the least-squares
    solution [[0.5], [2.5]], up to rounding.
    """
    a = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    b = torch.tensor([[1.0], [2.0], [6.0]])

    line = torch.linalg.lstsq(a, b).solution

    assert line.tolist() == [[pytest.approx(0.5, abs=1e-5)], [pytest.approx(2.5, abs=1e-5)]]


def test_the_pseudoinverse_exists_for_every_matrix():
    """`torch.linalg.pinv` takes float32 matrices of finite numbers that are singular or not
    square: [[2, 0, 0], [0, 0, 0]] gives [[0.5, 0], [0, 0], [0, 0]]. By default, singular values
    below a small fraction of the largest count as 0.

    So the pseudoinverse of `torch.tensor([[1e-25, 0.0], [0.0, 1.0]])` is [[0, 0], [0, 1]], without
    1e25; `rtol=` sets the fraction.
    """
    x = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])

    singular = x[:, :2]

    assert torch.linalg.pinv(x).tolist() == [[0.5, 0.0], [0.0, 0.0], [0.0, 0.0]]
    assert torch.linalg.pinv(singular).tolist() == [[0.5, 0.0], [0.0, 0.0]]
    tiny = torch.tensor([[1e-25, 0.0], [0.0, 1.0]])
    assert torch.linalg.pinv(tiny).tolist() == [[0.0, 0.0], [0.0, 1.0]]


def test_solve_triangular_reads_one_triangle(device):
    """`torch.linalg.solve_triangular(x, b, upper=True)` with an n x n float32 matrix `x`
    and an n x 1 float32 matrix `b` reads only the diagonal of `x` and what is above it; the
    elements of `x` below the diagonal are ignored.
    """
    x = torch.tensor([[2.0, 1.0], [100.0, 4.0]], device=device)
    b = torch.tensor([[4.0], [8.0]], device=device)

    assert torch.linalg.solve_triangular(x, b, upper=True).tolist() == [[1.0], [2.0]]


def test_norms_of_matrices(device):
    """`torch.linalg.norm(x)` of the float32 matrix [[3, 0], [0, -4]] is 5, the square root
    of the sum of squares (Frobenius norm); `torch.linalg.matrix_norm` with `ord=2` is the
    largest singular value, 4, with `ord="nuc"` their sum, 7.
    """
    x = torch.tensor([[3.0, 0.0], [0.0, -4.0]], device=device)

    assert torch.linalg.norm(x).item() == 5.0
    assert torch.linalg.matrix_norm(x, ord=2).item() == pytest.approx(4.0)
    assert torch.linalg.matrix_norm(x, ord="nuc").item() == pytest.approx(7.0)


def test_the_norm_with_an_order_differs_between_vector_and_matrix(device):
    """For `x = torch.tensor([[1.0, -5.0], [2.0, 3.0]])`,
    `torch.linalg.vector_norm(x, ord=1)` is 11, the sum of the absolute values, and
    `torch.linalg.matrix_norm(x, ord=1)` is 8, the largest sum of absolute values of a
    column.
    """
    x = torch.tensor([[1.0, -5.0], [2.0, 3.0]], device=device)

    assert torch.linalg.vector_norm(x, ord=1).item() == 11.0
    assert torch.linalg.matrix_norm(x, ord=1).item() == 8.0
    assert torch.linalg.vector_norm(x, ord=torch.inf, dim=1).tolist() == [5.0, 3.0]


@pytest.mark.claim("course-backward-compatible")
@pytest.mark.parametrize("name", ["solve", "lstsq", "eig", "matrix_rank"])
def test_the_old_functions_outside_linalg_are_gone(name):
    """`torch.solve`, `torch.lstsq`, `torch.eig` and `torch.matrix_rank`, called with two
    float32 matrices, raise a RuntimeError, "This function was deprecated since version 1.9
    and is now removed", which names the `torch.linalg` function to use.

    `torch.linalg.solve(a, b)` takes its arguments in the other order.
    """
    words = f"(?s)function was deprecated since version 1.9 and is now removed.*torch.linalg.{name}"
    with pytest.raises(RuntimeError, match=words):
        getattr(torch, name)(torch.eye(2), torch.eye(2))
    assert hasattr(torch.linalg, name) is True
