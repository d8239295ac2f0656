"""Solving, inverting and taking matrices apart.

`torch.linalg` holds what is done to a square matrix, or to a stack of them: determinant, inverse,
solution of equations, eigenvalues, and the decompositions QR, SVD and Cholesky. Diagonals and
triangles are cut out with `torch.diag`, `triu` and `tril`.

Two things surprise: integers are refused throughout, and a decomposition is only determined up to
the signs of its vectors, so compare what it rebuilds and not its factors.
"""

import pytest
import torch


def test_diag_makes_a_matrix_of_a_vector_and_a_vector_of_a_matrix(device):
    """`torch.diag` makes a matrix of a vector, and takes the diagonal out of a matrix."""
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    assert torch.diag(x).tolist() == [1, 4]
    assert torch.diag(x, 1).tolist() == [2]
    assert torch.diag(torch.tensor([5, 6], device=device)).tolist() == [[5, 0], [0, 6]]


def test_diagonal_is_a_view(device):
    """`x.diagonal()` is a view: writing to it writes to the matrix."""
    x = torch.zeros(2, 2, device=device)

    x.diagonal().fill_(7)

    assert x.tolist() == [[7.0, 0.0], [0.0, 7.0]]


def test_the_trace_sums_the_diagonal(device):
    """`torch.trace` is the sum of the diagonal."""
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    assert torch.trace(x).item() == 5


def test_triu_and_tril_keep_one_triangle(device):
    """`triu` keeps what is on and above the diagonal, `tril` what is on and below it."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6], [7, 8, 9]], device=device)

    assert x.triu().tolist() == [[1, 2, 3], [0, 5, 6], [0, 0, 9]]
    assert x.tril().tolist() == [[1, 0, 0], [4, 5, 0], [7, 8, 9]]
    assert x.triu(1).tolist() == [[0, 2, 3], [0, 0, 6], [0, 0, 0]]
    assert x.tril(-1).tolist() == [[0, 0, 0], [4, 0, 0], [7, 8, 0]]


def test_the_determinant(device):
    """`torch.linalg.det` is the determinant; `slogdet` gives its sign and logarithm."""
    x = torch.tensor([[0.0, 2.0], [4.0, 0.0]], device=device)

    sign, logarithm = torch.linalg.slogdet(x)

    assert torch.linalg.det(x).item() == -8.0
    assert sign.item() == -1.0
    assert logarithm.item() == pytest.approx(2.0794415)


def test_the_inverse_times_the_matrix_is_the_identity(device):
    """`torch.linalg.inv(x)` is the inverse, and so is `x.inverse()`."""
    x = torch.tensor([[1.0, 2.0], [0.0, 4.0]], device=device)

    assert torch.linalg.inv(x).tolist() == [[1.0, -0.5], [0.0, 0.25]]
    assert x.inverse().tolist() == [[1.0, -0.5], [0.0, 0.25]]
    assert (x @ x.inverse()).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_a_stack_of_matrices_is_inverted_one_by_one(device):
    """Functions of `torch.linalg` take stacks: here two matrices of one element."""
    x = torch.tensor([[[2.0]], [[4.0]]], device=device)

    assert torch.linalg.inv(x).tolist() == [[[0.5]], [[0.25]]]
    assert torch.linalg.det(x).tolist() == [2.0, 4.0]


def test_a_singular_matrix_has_no_inverse():
    """A singular matrix has no inverse: a LinAlgError, which is a RuntimeError, says so."""
    x = torch.tensor([[1.0, 2.0], [2.0, 4.0]])

    with pytest.raises(torch.linalg.LinAlgError, match="the input matrix is singular"):
        torch.linalg.inv(x)
    with pytest.raises(RuntimeError, match="the input matrix is singular"):
        torch.linalg.solve(x, torch.ones(2))

    assert torch.linalg.det(x).item() == 0.0
    assert torch.linalg.matrix_rank(x).item() == 1


def test_inv_ex_reports_instead_of_raising():
    """`torch.linalg.inv_ex` doesn't raise: its `info` is 0, or the pivot where it got stuck."""
    singular = torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    regular = torch.tensor([[1.0, 2.0], [0.0, 4.0]])

    assert torch.linalg.inv_ex(singular).info.item() == 2
    assert torch.linalg.inv_ex(regular).info.item() == 0


@pytest.mark.parametrize("name", ["inv", "det", "svdvals", "matrix_norm"])
def test_integers_have_to_become_floats_first(name):
    """`torch.linalg` refuses integers; they have to become floats first."""
    with pytest.raises(RuntimeError, match="Expected a floating point or complex tensor as input"):
        getattr(torch.linalg, name)(torch.tensor([[1, 2], [3, 4]]))


@pytest.mark.parametrize("name", ["inv", "det", "eigvals", "cholesky"])
def test_only_square_matrices_have_an_inverse(name):
    """Only square matrices have an inverse, a determinant or eigenvalues."""
    with pytest.raises(RuntimeError, match="square matrices, but they are 2 by 3 matrices"):
        getattr(torch.linalg, name)(torch.ones(2, 3))


def test_solve_finds_what_a_matrix_turns_into_the_right_side(device):
    """`torch.linalg.solve(a, b)` finds `x` with `a @ x == b`, for a vector or for columns."""
    a = torch.tensor([[2.0, 0.0], [1.0, 4.0]], device=device)
    b = torch.tensor([2.0, 9.0], device=device)
    columns = torch.tensor([[2.0, 4.0], [9.0, 2.0]], device=device)

    assert torch.linalg.solve(a, b).tolist() == [1.0, 2.0]
    assert torch.linalg.solve(a, columns).tolist() == [[1.0, 2.0], [2.0, 0.0]]


def test_the_right_side_has_to_be_as_long_as_the_matrix():
    """`solve` refuses a right side of another length."""
    with pytest.raises(RuntimeError, match=r"Incompatible shapes of A and B .* \(2x2 and 3x1\)"):
        torch.linalg.solve(torch.eye(2), torch.ones(3))


def test_lstsq_comes_as_near_as_it_can():
    """With more equations than unknowns, `lstsq` gives the solution with the least square error."""
    a = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    b = torch.tensor([[1.0], [2.0], [6.0]])

    line = torch.linalg.lstsq(a, b).solution

    assert line.tolist() == [[pytest.approx(0.5, abs=1e-5)], [pytest.approx(2.5, abs=1e-5)]]


def test_the_pseudoinverse_exists_for_every_matrix():
    """`torch.linalg.pinv` exists for every matrix, square or not, singular or not."""
    x = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])

    assert torch.linalg.pinv(x).tolist() == [[0.5, 0.0], [0.0, 0.0], [0.0, 0.0]]


def test_eigh_gives_the_eigenvalues_of_a_symmetric_matrix_in_order():
    """`eigh` gives the eigenvalues of a symmetric matrix from the smallest to the largest."""
    x = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)

    values, vectors = torch.linalg.eigh(x)

    assert values.tolist() == pytest.approx([1.0, 3.0])
    assert (vectors @ torch.diag(values) @ vectors.T).flatten().tolist() == pytest.approx(
        [2.0, 1.0, 1.0, 2.0]
    )


def test_eigh_reads_the_lower_triangle_only():
    """`eigh` reads the lower triangle only: what stands above the diagonal doesn't count."""
    x = torch.tensor([[2.0, 100.0], [1.0, 2.0]], dtype=torch.float64)

    assert torch.linalg.eigvalsh(x).tolist() == pytest.approx([1.0, 3.0])
    assert torch.linalg.eigvalsh(x, UPLO="U").tolist() == pytest.approx([-98.0, 102.0])


def test_eigenvalues_of_a_matrix_are_complex():
    """`eig` takes any square matrix, so its eigenvalues are complex: those of a turn are ±i."""
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])

    values = torch.linalg.eigvals(turn)

    assert values.dtype == torch.complex64
    assert sorted(values.imag.tolist()) == pytest.approx([-1.0, 1.0])


def test_qr_splits_into_a_rotation_and_a_triangle():
    """`qr` splits a matrix into an orthogonal `Q` and an upper triangular `R`."""
    x = torch.tensor([[3.0, 1.0], [4.0, 2.0]], dtype=torch.float64)

    q, r = torch.linalg.qr(x)

    assert (q @ r).flatten().tolist() == pytest.approx([3.0, 1.0, 4.0, 2.0])
    assert (q.T @ q).flatten().tolist() == pytest.approx([1.0, 0.0, 0.0, 1.0])
    assert r[1, 0].item() == 0.0
    assert r[0, 0].abs().item() == pytest.approx(5.0)


def test_svd_gives_the_singular_values_from_the_largest_down():
    """`svd` gives `U`, the singular values from the largest down, and `Vh`, already transposed."""
    x = torch.tensor([[0.0, 2.0], [-3.0, 0.0]], dtype=torch.float64)

    u, s, vh = torch.linalg.svd(x)

    assert s.tolist() == pytest.approx([3.0, 2.0])
    assert (u @ torch.diag(s) @ vh).flatten().tolist() == pytest.approx([0.0, 2.0, -3.0, 0.0])
    assert torch.linalg.svdvals(x).tolist() == pytest.approx([3.0, 2.0])


def test_svd_is_full_unless_told():
    """`svd` makes `U` square unless `full_matrices=False`; `qr` never does by default."""
    x = torch.ones(5, 2)

    assert torch.linalg.svd(x).U.shape == (5, 5)
    assert torch.linalg.svd(x, full_matrices=False).U.shape == (5, 2)
    assert torch.linalg.qr(x).Q.shape == (5, 2)


def test_cholesky_is_the_root_of_a_positive_definite_matrix():
    """`cholesky` gives the lower triangle `L` with `L @ L.T == x`, for positive definite `x`."""
    x = torch.tensor([[4.0, 2.0], [2.0, 10.0]])

    assert torch.linalg.cholesky(x).tolist() == [[2.0, 0.0], [1.0, 3.0]]
    with pytest.raises(torch.linalg.LinAlgError, match="not positive-definite"):
        torch.linalg.cholesky(-x)


def test_solve_triangular_reads_one_triangle(device):
    """`solve_triangular` solves with one triangle and never looks at the other."""
    x = torch.tensor([[2.0, 1.0], [100.0, 4.0]], device=device)
    b = torch.tensor([[4.0], [8.0]], device=device)

    assert torch.linalg.solve_triangular(x, b, upper=True).tolist() == [[1.0], [2.0]]


def test_norms_of_matrices(device):
    """`torch.linalg.norm` of a matrix is the root of its squares; `ord=` names another norm."""
    x = torch.tensor([[3.0, 0.0], [0.0, -4.0]], device=device)

    assert torch.linalg.norm(x).item() == 5.0
    assert torch.linalg.matrix_norm(x, ord=2).item() == pytest.approx(4.0)
    assert torch.linalg.matrix_norm(x, ord="nuc").item() == pytest.approx(7.0)


def test_the_norm_with_an_order_differs_between_vector_and_matrix(device):
    """`vector_norm` takes a matrix for one long vector, `matrix_norm` its largest column sum."""
    x = torch.tensor([[1.0, -5.0], [2.0, 3.0]], device=device)

    assert torch.linalg.vector_norm(x, ord=1).item() == 11.0
    assert torch.linalg.matrix_norm(x, ord=1).item() == 8.0
    assert torch.linalg.vector_norm(x, ord=torch.inf, dim=1).tolist() == [5.0, 3.0]


@pytest.mark.parametrize("name", ["solve", "lstsq", "eig", "matrix_rank"])
def test_the_old_functions_outside_linalg_are_gone(name):
    """`torch.solve`, `torch.lstsq`, `torch.eig` and `torch.matrix_rank` only name their heirs."""
    with pytest.raises(RuntimeError, match=f"(?s)now removed.*torch.linalg.{name}"):
        getattr(torch, name)(torch.eye(2), torch.eye(2))
