"""Sums of products: einsum and its relatives.

`torch.einsum` describes by letters which dimensions are multiplied and which are summed: the matrix
product is `"ij,jk->ik"`. `outer`, `inner`, `tensordot`, `kron` and `cross` are sums of products
with names of their own; `@` is told in `spec/tensors/test_matrix_products.py`.

What surprises: without an arrow `einsum` puts the remaining letters in alphabetical order, and
`torch.cross` works along the first dimension of size 3, not the last, unless told to.
"""

import pytest
import torch


def test_outer_holds_every_product_of_two_vectors(device):
    """`torch.outer(x, y)` of two float32 vectors is the matrix of all products `x[i] * y[j]`;
    `torch.inner(x, y)` of two float32 vectors of the same length is, up to rounding, the sum of
    the products `x[i] * y[i]`.
    """
    x = torch.tensor([1.0, 2.0], device=device)
    y = torch.tensor([3.0, 4.0], device=device)

    assert torch.outer(x, y).tolist() == [[3.0, 4.0], [6.0, 8.0]]
    assert torch.inner(x, y).item() == 11.0


def test_kron_repeats_one_matrix_for_each_element_of_the_other(device):
    """`torch.kron(x, y)` of two int64 matrices is a new matrix with a block for each element
    of `x`: that element times the whole matrix `y`.
    """
    x = torch.tensor([[1, 10]], device=device)
    y = torch.tensor([[1, 2], [3, 4]], device=device)

    assert torch.kron(x, y).tolist() == [[1, 2, 10, 20], [3, 4, 30, 40]]


@pytest.mark.parametrize(
    ("equation", "result"),
    [
        ("ij->ji", [[1.0, 3.0], [2.0, 4.0]]),
        ("ij->i", [3.0, 7.0]),
        ("ij->", 10.0),
        ("ii->i", [1.0, 4.0]),
        ("ii", 5.0),
    ],
)
def test_einsum_rearranges_and_sums_by_letters(equation, result, device):
    """In `torch.einsum("ij->i", x)` of a float32 matrix each letter names a dimension of
    `x`, and a letter missing after `->` is summed over; `torch.einsum("ii->i", x)` of a
    square matrix, with one letter for both dimensions, is its diagonal.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)

    assert torch.einsum(equation, x).tolist() == result


@pytest.mark.parametrize(
    ("equation", "result"),
    [
        ("ij,jk->ik", [[1.0, 20.0], [3.0, 40.0]]),
        ("ij,jk", [[1.0, 20.0], [3.0, 40.0]]),
        ("ij,kj->ik", [[1.0, 20.0], [3.0, 40.0]]),
        ("ij,ij->ij", [[1.0, 0.0], [0.0, 40.0]]),
        ("ij,ij->", 41.0),
    ],
)
def test_einsum_multiplies_by_letters(equation, result, device):
    """`torch.einsum("ij,jk->ik", x, y)` of float32 matrices of shapes (I, J) and (J, K) is their
    matrix product: it multiplies the elements with the same `j`, a letter of both operands, and
    sums over `j`, because `j` is missing after `->`.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    y = torch.tensor([[1.0, 0.0], [0.0, 10.0]], device=device)

    assert torch.einsum(equation, x, y).tolist() == result


def test_einsum_without_an_arrow_sorts_the_letters(device):
    """Without `->`, `torch.einsum` sorts the letters of its output alphabetically, capitals
    first: of a float32 matrix `x`, `torch.einsum("ba", x)` is the transpose, and so is
    `torch.einsum("aB", x)`.

    Write the arrow to say the order yourself.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)

    assert torch.einsum("ba", x).tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert torch.einsum("ab", x).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert torch.einsum("aB", x).tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert torch.einsum("ba->ba", x).tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_einsum_says_which_letter_does_not_fit():
    """`torch.einsum("ij,jk->ik", x, y)` of float32 matrices raises a RuntimeError, "does not
    broadcast with previously seen size", if the letter `j` stands for two different sizes,
    neither of them 1.

    The message names the letter, the operand (counted from 0) and both sizes. For `x` and `y` of
    shape (2, 3), transpose `y` or write `"ij,kj->ik"`.
    """
    with pytest.raises(RuntimeError, match="which does not broadcast with previously seen size 3"):
        torch.einsum("ij,jk->ik", torch.ones(2, 3), torch.ones(2, 3))

    z = torch.einsum("ij,kj->ik", torch.ones(2, 3), torch.ones(2, 3))

    assert z.tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_tensordot_sums_over_the_dimensions_that_meet(device):
    """`torch.tensordot(x, y, dims=n)` of float32 tensors sums products over the last `n`
    dimensions of `x` and the first `n` of `y`: for two (2, 2) matrices `dims=1` gives `x @ y`, and
    `dims=2` a 0-d tensor.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)

    assert torch.tensordot(x, x, dims=1).tolist() == [[7.0, 10.0], [15.0, 22.0]]
    assert torch.tensordot(x, x, dims=2).item() == 30.0
    assert torch.tensordot(x, x, dims=0).shape == (2, 2, 2, 2)


def test_the_cross_product_stands_upright_on_both(device):
    """`torch.linalg.cross(x, y)` of float32 vectors of three elements is their cross product;
    vectors of 2 elements raise a RuntimeError, "inputs dimension -1 must have length 3".

    It works along the last dimension of a tensor; another is named with `dim=`. Give vectors in
    the plane a third component 0.
    """
    x = torch.tensor([1.0, 0.0, 0.0], device=device)
    y = torch.tensor([0.0, 2.0, 0.0], device=device)

    assert torch.linalg.cross(x, y).tolist() == [0.0, 0.0, 2.0]
    assert torch.linalg.cross(y, x).tolist() == [0.0, 0.0, -2.0]
    with pytest.raises(RuntimeError, match="inputs dimension -1 must have length 3"):
        torch.linalg.cross(x[:2], y[:2])


@pytest.mark.torch(">=2.2")
def test_torch_cross_wants_its_dim_named():
    """Since PyTorch 2.2 `torch.cross(x, y)` of two (3, 3) int64 tensors without `dim=` warns,
    by default once per process, and works along dimension 0, the first of size 3;
    `torch.linalg.cross(x, y)` works along the last.

    If each row is a vector, write `torch.cross(x, y, dim=-1)`: without `dim=` the columns are
    taken for the vectors. Float32 tensors behave the same.
    """
    x = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    y = torch.tensor([[0, 1, 0], [0, 0, 1], [1, 0, 0]])

    with pytest.warns(UserWarning, match="Using torch.cross without specifying the dim arg"):
        product = torch.cross(x, y)

    assert product.tolist() == [[0, 0, -1], [-1, 0, 0], [0, -1, 0]]
    assert torch.cross(x, y, dim=-1).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    assert torch.linalg.cross(x, y).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_vdot_conjugates_its_first_operand(device):
    """For complex64 vectors `torch.vdot(x, y)` conjugates `x` before the dot product;
    `torch.dot(x, y)` doesn't.

    So `torch.vdot(x, x)` is the squared norm of `x` as a complex number: 5+0j for
    `x = torch.tensor([1j, 2.0])`.
    """
    x = torch.tensor([1j, 2.0], device=device)

    assert torch.vdot(x, x).item() == 5.0
    assert torch.dot(x, x).item() == 3.0
