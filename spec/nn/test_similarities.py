"""Similarities and distances.

Embeddings are compared by the cosine of the angle between them or by their distance. The
functions differ in what they pair: `F.cosine_similarity` and `F.pairwise_distance` compare row
with row, `torch.cdist` each row with each, and `F.pdist` each pair within one tensor once.

What surprises: `F.cosine_similarity` compares along dimension 1 unless told; a matrix of all
pairs needs a broadcast or a product of normalised rows; `nn.PairwiseDistance` adds a small
number, so that equal vectors are not at distance 0; and the cosine of a zero vector is 0.
Losses made of these are on `spec/nn/test_further_losses.py`.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_cosine_similarity_compares_row_with_row(device):
    """`nn.CosineSimilarity()(a, b)` of two (N, D) tensors is the cosine of each row of `a` and
    the same row of `b`, N numbers from -1 to 1 up to rounding; twice a row has the same one.

    Clamp before `acos`, `cosine.clamp(-1, 1)`: 1.0000001 occurs, and its `acos` is NaN.
    """
    a = torch.tensor([[2.0, 0.0], [3.0, 4.0], [1.0, 0.0]], device=device)
    b = torch.tensor([[9.0, 0.0], [1.0, 0.0], [-5.0, 0.0]], device=device)

    assert nn.CosineSimilarity()(a, b).tolist() == pytest.approx([1.0, 0.6, -1.0])
    assert nn.CosineSimilarity()(a + a, b).tolist() == pytest.approx([1.0, 0.6, -1.0])


def test_the_dimension_of_a_cosine_is_one_unless_told():
    """`F.cosine_similarity` compares along `dim=1`: two vectors (D,) raise IndexError,
    "Dimension out of range"; write `dim=0`, or `dim=-1`, which fits both.
    """
    a, b = torch.tensor([3.0, 4.0]), torch.tensor([1.0, 0.0])

    with pytest.raises(IndexError, match="Dimension out of range"):
        F.cosine_similarity(a, b)
    similarity = F.cosine_similarity(a, b, dim=-1)
    assert similarity.item() == pytest.approx(0.6)


def test_all_pairs_are_a_product_of_normalised_rows():
    """`F.normalize(a) @ F.normalize(b).T` is the matrix of all cosines; so is
    `F.cosine_similarity(a[:, None], b[None], dim=-1)`, which needs more memory.
    """
    a = torch.tensor([[2.0, 0.0], [3.0, 4.0]])
    b = torch.tensor([[1.0, 0.0], [0.0, 5.0], [-1.0, 0.0]])

    product = F.normalize(a) @ F.normalize(b).T
    broadcast = F.cosine_similarity(a[:, None], b[None], dim=-1)

    assert product.flatten().tolist() == pytest.approx([1.0, 0.0, -1.0, 0.6, 0.8, -0.6])
    assert torch.allclose(broadcast, product) is True


def test_two_tensors_of_different_lengths_have_no_pairs():
    """`F.cosine_similarity` of (2, D) and (3, D) raises RuntimeError, "The size of tensor a (2)
    must match the size of tensor b (3)"; one row against many broadcasts.
    """
    two, three = torch.ones(2, 4), torch.ones(3, 4)

    with pytest.raises(
        RuntimeError, match=r"The size of tensor a \(2\) must match the size of tenso"
    ):
        F.cosine_similarity(two, three)
    assert F.cosine_similarity(two[:1], three).tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_a_zero_vector_has_the_cosine_zero(device):
    """The cosine of a zero vector with another is 0 in `F.cosine_similarity`, and not NaN,
    because lengths are at least `eps`; `F.normalize` leaves a zero vector zero.
    """
    zero, one = torch.zeros(2, device=device), torch.ones(2, device=device)

    assert F.cosine_similarity(zero, one, dim=0).item() == 0.0
    assert F.normalize(zero, dim=0).tolist() == [0.0, 0.0]


def test_integers_have_no_cosine():
    """`F.cosine_similarity` of int64 tensors raises RuntimeError, "expected common dtype to be
    floating point, yet common dtype is Long"; write `.float()`.
    """
    a = torch.tensor([3, 4])

    with pytest.raises(
        RuntimeError, match="expected common dtype to be floating point, yet common"
    ):
        F.cosine_similarity(a, a, dim=0)
    assert F.cosine_similarity(a.float(), a.float(), dim=0).item() == pytest.approx(1.0)


def test_normalize_divides_rows_by_their_length(device):
    """`F.normalize(x)` divides each row of a matrix by its 2-norm; `p=1` by the sum of absolute
    values, and `dim=0` normalises columns.

    It isn't `transforms.Normalize`, which subtracts a mean and divides by a deviation.
    """
    x = torch.tensor([[3.0, 4.0], [0.0, 2.0]], device=device)

    assert F.normalize(x).flatten().tolist() == pytest.approx([0.6, 0.8, 0.0, 1.0])
    assert F.normalize(x, p=1).flatten().tolist() == pytest.approx([3 / 7, 4 / 7, 0.0, 1.0])
    assert F.normalize(x, dim=0)[:, 0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize(("p", "distance"), [(1.0, 7.0), (2.0, 5.0), (float("inf"), 4.0)])
def test_a_pairwise_distance_compares_row_with_row(p, distance):
    """`nn.PairwiseDistance(p)` is the p-norm of the differences, row by row: 5 for the sides 3
    and 4 with `p=2`, 7 with `p=1`, 4 with infinity.
    """
    a, b = torch.tensor([[1.0, 1.0]]), torch.tensor([[4.0, 5.0]])

    assert nn.PairwiseDistance(p)(a, b).tolist() == pytest.approx([distance], abs=1e-4)


def test_equal_vectors_are_not_at_distance_zero():
    """`nn.PairwiseDistance()` adds `eps=1e-6` to each difference: equal vectors of 2 elements
    are 1.4e-6 apart. `eps=0.0` gives 0; `torch.cdist` and `(a - b).norm(dim=1)` do too.

    Take `eps=0.0` where the distance of equal vectors has to be 0; the gradient is 0 then, and
    not NaN as that of `(a - b).square().sum(1).sqrt()`.
    """
    a = torch.tensor([[1.0, 1.0]])

    assert nn.PairwiseDistance()(a, a).item() == pytest.approx(1.414e-6, rel=1e-3)
    assert nn.PairwiseDistance(eps=0.0)(a, a).item() == 0.0
    b = a.clone().requires_grad_()
    nn.PairwiseDistance(eps=0.0)(b, a).sum().backward()
    assert b.grad.tolist() == [[0.0, 0.0]]
    assert torch.cdist(a, a).item() == 0.0


def test_cdist_compares_each_row_with_each(device):
    """`torch.cdist(a, b)` of (2, D) and (3, D) is the (2, 3) matrix of all distances;
    `argmin(1)` finds the nearest row of `b`.
    """
    a = torch.tensor([[0.0, 0.0], [3.0, 4.0]], device=device)
    b = torch.tensor([[3.0, 4.0], [0.0, 1.0], [3.0, 0.0]], device=device)

    distances = torch.cdist(a, b)

    assert distances[0].tolist() == [5.0, 1.0, 3.0]
    assert distances.argmin(dim=1).tolist() == [1, 0]


def test_cdist_of_many_rows_is_rounded_more():
    """If one of its tensors has more than 25 rows, `torch.cdist` uses a matrix product, which
    is less exact far from the origin: points 10000 and 10001 are at distance 0.

    The product is faster. `compute_mode="donot_use_mm_for_euclid_dist"` avoids it.
    """
    x = torch.arange(30.0).view(30, 1) + 10000

    exact = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist")
    fast = torch.cdist(x, x)

    assert exact[0, :4].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert torch.allclose(fast, exact) is False
    assert torch.cdist(x[:25], x[:25])[0, :4].tolist() == [0.0, 1.0, 2.0, 3.0]
    one_tensor_of_26 = torch.cdist(x[:26], x[:2])
    assert one_tensor_of_26.shape == (26, 2)
    assert one_tensor_of_26[:1].tolist() == [[0.0, 0.0]]


def test_pdist_lists_each_pair_once():
    """`F.pdist(x)` of N rows returns N * (N - 1) / 2 distances: of rows 0 and 1, 0 and 2, 1 and
    2.
    """
    x = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])

    assert F.pdist(x).tolist() == pytest.approx([5.0, 1.0, 18**0.5])


def test_a_contrastive_loss_is_cross_entropy_of_similarities():
    """For pairs (a[i], b[i]) `F.cross_entropy(a @ b.T / temperature, torch.arange(n))` of
    normalised rows makes each row choose its partner among all: small for matching pairs.
    """
    a = F.normalize(torch.tensor([[1.0, 0.1], [0.1, 1.0]]))
    labels = torch.arange(2)

    matching = F.cross_entropy(a @ a.T / 0.1, labels)
    swapped = F.cross_entropy(a @ a.flip(0).T / 0.1, labels)

    assert matching.item() == pytest.approx(0.0003, abs=1e-4)
    assert swapped.item() == pytest.approx(8.02, abs=0.01)
