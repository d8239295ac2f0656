"""Sums of products: einsum and its kin.

`torch.einsum` spells out in letters which dimensions are multiplied and which are summed. `outer`,
`inner`, `tensordot`, `kron` and `cross` are sums of products that have names of their own.

What surprises: without an arrow `einsum` puts the letters that are left in alphabetical order, and
`torch.cross` doesn't work along the last dimension unless told.
"""

import pytest
import torch


def test_outer_holds_every_product_of_two_vectors(device):
    """`torch.outer` holds every product of two vectors; `torch.inner` sums them pairwise."""
    x = torch.tensor([1.0, 2.0], device=device)
    y = torch.tensor([3.0, 4.0], device=device)

    assert torch.outer(x, y).tolist() == [[3.0, 4.0], [6.0, 8.0]]
    assert torch.inner(x, y).item() == 11.0


def test_kron_repeats_one_matrix_for_each_element_of_the_other(device):
    """`torch.kron` puts a multiple of the second matrix in place of each element of the first."""
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
    """In `einsum` each letter is a dimension; those not named after `->` are summed away."""
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
    """Letters that stand in two operands pair them; without `->` they are summed away."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    y = torch.tensor([[1.0, 0.0], [0.0, 10.0]], device=device)

    assert torch.einsum(equation, x, y).tolist() == result


def test_einsum_says_which_letter_does_not_fit():
    """`einsum` says which letter stands for two sizes."""
    with pytest.raises(RuntimeError, match=r"subscript j has size 2 .* previously seen size 3"):
        torch.einsum("ij,jk->ik", torch.ones(2, 3), torch.ones(2, 3))


def test_tensordot_sums_over_the_dimensions_that_meet(device):
    """`torch.tensordot` sums over as many dimensions as you say, the last with the first."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)

    assert torch.tensordot(x, x, dims=1).tolist() == [[7.0, 10.0], [15.0, 22.0]]
    assert torch.tensordot(x, x, dims=2).item() == 30.0
    assert torch.tensordot(x, x, dims=0).shape == (2, 2, 2, 2)


def test_the_cross_product_stands_upright_on_both(device):
    """`torch.linalg.cross` gives the vector upright on two others, for vectors of three only."""
    x = torch.tensor([1.0, 0.0, 0.0], device=device)
    y = torch.tensor([0.0, 2.0, 0.0], device=device)

    assert torch.linalg.cross(x, y).tolist() == [0.0, 0.0, 2.0]
    assert torch.linalg.cross(y, x).tolist() == [0.0, 0.0, -2.0]
    with pytest.raises(RuntimeError, match="inputs dimension -1 must have length 3"):
        torch.linalg.cross(x[:2], y[:2])


@pytest.mark.torch(">=2.2")
def test_torch_cross_wants_its_dim_named():
    """`torch.cross` without `dim` takes the first dimension of size 3, not the last, and warns."""
    x = torch.tensor([[1, 0, 0], [0, 1, 0], [0, 0, 1]])
    y = torch.tensor([[0, 1, 0], [0, 0, 1], [1, 0, 0]])

    with pytest.warns(UserWarning, match="Using torch.cross without specifying the dim arg"):
        product = torch.cross(x, y)

    assert product.tolist() == [[0, 0, -1], [-1, 0, 0], [0, -1, 0]]
    assert torch.linalg.cross(x, y).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_vdot_conjugates_its_first_operand(device):
    """For complex vectors `vdot` conjugates the first operand, `dot` doesn't."""
    x = torch.tensor([1j, 2.0], device=device)

    assert torch.vdot(x, x).item() == 5.0
    assert torch.dot(x, x).item() == 3.0
