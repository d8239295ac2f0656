"""Matrix decompositions.

`torch.linalg` writes a matrix as a product of simpler ones: `eigh` and `eig` find eigenvalues and
eigenvectors, `qr` an orthogonal and a triangular factor, `svd` the singular values, `cholesky` the
triangular root of a positive definite matrix. Inverses and equations are told in
`spec/tensors/test_linear_algebra.py`.

What surprises: `eigh`, `qr` and `svd` determine their vectors up to the sign at best, so compare
the product of the factors, not the factors; `eigh` and `cholesky` read one triangle and don't
notice that a matrix isn't symmetric; and `eig` is complex even where the eigenvalues are real.
"""

import pytest
import torch


def test_eigh_gives_the_eigenvalues_of_a_symmetric_matrix_in_order():
    """`torch.linalg.eigh(x)` of a symmetric float64 matrix of numbers between -1e100 and
    1e100 returns the eigenvalues in ascending order and the eigenvectors as columns.
    """
    x = torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)

    values, vectors = torch.linalg.eigh(x)

    assert values.tolist() == pytest.approx([1.0, 3.0])
    assert (vectors @ torch.diag(values) @ vectors.T).flatten().tolist() == pytest.approx(
        [2.0, 1.0, 1.0, 2.0]
    )


def test_eigh_reads_the_lower_triangle_only():
    """`torch.linalg.eigvalsh(x)` reads only the lower triangle of a square float64 matrix
    of numbers between -1e100 and 1e100, with `UPLO="U"` only the upper triangle: a matrix
    that isn't symmetric raises no error.

    `torch.linalg.eigh` reads the same triangle.
    """
    x = torch.tensor([[2.0, 100.0], [1.0, 2.0]], dtype=torch.float64)

    assert torch.linalg.eigvalsh(x).tolist() == pytest.approx([1.0, 3.0])
    assert torch.linalg.eigvalsh(x, UPLO="U").tolist() == pytest.approx([-98.0, 102.0])
    assert torch.linalg.eigh(x).eigenvalues.tolist() == pytest.approx([1.0, 3.0])


def test_eigenvalues_of_a_matrix_are_complex():
    """`torch.linalg.eigvals` of a square float32 matrix of numbers between -1e10 and 1e10
    is complex64, even where all eigenvalues are real.

    Because a real matrix can have complex ones, as a rotation by 90 degrees has i and -i. Use
    `torch.linalg.eigvalsh` for a symmetric matrix.
    """
    turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])

    values = torch.linalg.eigvals(turn)

    assert values.dtype == torch.complex64
    assert sorted(values.imag.tolist()) == pytest.approx([-1.0, 1.0])
    assert torch.linalg.eigvals(torch.ones(1, 1)).tolist() == [1 + 0j]


def test_qr_splits_into_a_rotation_and_a_triangle():
    """`torch.linalg.qr(x)` of the float64 matrix `x` [[3, 1], [4, 2]] returns `Q` with orthonormal
    columns and an upper triangular `R`, with `Q @ R` equal to `x`, both up to rounding.

    The rounding error is relative to the largest number in a column of `x`: below 1e100 in the
    same column an entry of 1 may be lost.
    """
    x = torch.tensor([[3.0, 1.0], [4.0, 2.0]], dtype=torch.float64)

    q, r = torch.linalg.qr(x)

    assert (q @ r).flatten().tolist() == pytest.approx([3.0, 1.0, 4.0, 2.0])
    assert (q.T @ q).flatten().tolist() == pytest.approx([1.0, 0.0, 0.0, 1.0])
    assert r[1, 0].item() == 0.0
    assert r[0, 0].abs().item() == pytest.approx(5.0)


def test_svd_gives_the_singular_values_from_the_largest_down():
    """`U, S, Vh = torch.linalg.svd(x)` of
    `x = torch.tensor([[0.0, 2.0], [-3.0, 0.0]], dtype=torch.float64)` gives the singular values
    `S` in descending order, 3 and 2; `U @ torch.diag(S) @ Vh` equals `x` up to rounding.

    `Vh` is already transposed, where the old `torch.svd` returns `V`.
    """
    x = torch.tensor([[0.0, 2.0], [-3.0, 0.0]], dtype=torch.float64)

    u, s, vh = torch.linalg.svd(x)

    assert s.tolist() == pytest.approx([3.0, 2.0])
    assert (u @ torch.diag(s) @ vh).flatten().tolist() == pytest.approx([0.0, 2.0, -3.0, 0.0])
    assert torch.linalg.svdvals(x).tolist() == pytest.approx([3.0, 2.0])


def test_svd_is_full_unless_told():
    """`torch.linalg.svd(x)` of `x = torch.ones(5, 2)` makes `U` of shape (5, 5), and with
    `full_matrices=False` of shape (5, 2); `torch.linalg.qr(x)` by default makes `Q` of shape
    (5, 2).

    The three extra columns of `U` cost memory and are rarely used.
    """
    x = torch.ones(5, 2)

    assert torch.linalg.svd(x).U.shape == (5, 5)
    assert torch.linalg.svd(x, full_matrices=False).U.shape == (5, 2)
    assert torch.linalg.qr(x).Q.shape == (5, 2)


def test_cholesky_is_the_root_of_a_positive_definite_matrix():
    """`torch.linalg.cholesky(x)` of the positive definite float32 matrix [[4, 2], [2, 10]] is
    the lower triangular `L`, [[2, 0], [1, 3]], with `L @ L.T` equal to `x`.

    For a singular matrix rounding can decide whether it raises, and a covariance matrix can fail
    to be positive definite because of rounding: add a small multiple of the identity.
    """
    x = torch.tensor([[4.0, 2.0], [2.0, 10.0]])

    assert torch.linalg.cholesky(x).tolist() == [[2.0, 0.0], [1.0, 3.0]]
    with pytest.raises(torch.linalg.LinAlgError, match="not positive-definite"):
        torch.linalg.cholesky(-x)
    with pytest.raises(torch.linalg.LinAlgError, match="not positive-definite"):
        torch.linalg.cholesky(torch.ones(2, 2))
    assert torch.linalg.cholesky(torch.ones(2, 2) + 3 * torch.eye(2))[0].tolist() == [2.0, 0.0]


def test_a_matrix_that_is_not_positive_definite_has_no_cholesky_factor():
    """`torch.linalg.cholesky` of the float32 matrix [[1, 2], [2, 1]], which has a negative
    eigenvalue, raises `torch.linalg.LinAlgError`, "The factorization could not be completed
    because the input is not positive-definite".

    A covariance matrix that is refused because of rounding needs a small number, for example 1e-5
    of its largest element, added to its diagonal. `torch.linalg.cholesky_ex` returns an `info`
    instead of raising.
    """
    x = torch.tensor([[1.0, 2.0], [2.0, 1.0]])

    with pytest.raises(
        torch.linalg.LinAlgError,
        match="The factorization could not be completed because the input is not positive-definite",
    ):
        torch.linalg.cholesky(x)

    assert torch.linalg.cholesky_ex(x).info.item() == 2
