"""Similarities and distances.

Embeddings are compared by the cosine of the angle between them or by their distance. The
functions differ in what they pair: `F.cosine_similarity` and `F.pairwise_distance` compare row
with row; the distances of all pairs, `torch.cdist`, are on `spec/tensors/test_distances.py`.

What surprises: `F.cosine_similarity` compares along dimension 1 unless `dim` is given; a matrix of
all pairs needs a broadcast or a product of normalised rows; `nn.PairwiseDistance` adds a small
number, so that equal vectors are not at distance 0; and the cosine of a float32 zero vector is 0.
Losses made of these are on `spec/nn/test_further_losses.py` and `spec/nn/test_own_losses.py`.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_cosine_similarity_compares_row_with_row(device):
    """`nn.CosineSimilarity()(a, b)` of two float32 (N, D) tensors gives N numbers: up to rounding,
    the cosine of each row of `a` with the same row of `b`, if every row is longer than `eps=1e-8`
    and shorter than 1e19.

    The square of a length beyond 1.8e19 overflows float32, and the number is 0.

    Clamp before `acos`, `cosine.clamp(-1, 1)`: 1.0000001 occurs, and its `acos` is NaN.
    """
    a = torch.tensor([[2.0, 0.0], [3.0, 4.0], [1.0, 0.0]], device=device)
    b = torch.tensor([[9.0, 0.0], [1.0, 0.0], [-5.0, 0.0]], device=device)

    assert nn.CosineSimilarity()(a, b).tolist() == pytest.approx([1.0, 0.6, -1.0])
    assert nn.CosineSimilarity()(a + a, b).tolist() == pytest.approx([1.0, 0.6, -1.0])
    short, unit = torch.tensor([[1e-12, 0.0]]), torch.tensor([[1.0, 0.0]])
    assert nn.CosineSimilarity()(short, unit).tolist() == pytest.approx([1e-4])
    long = torch.tensor([[1e19, 0.0], [2e19, 0.0]])
    assert nn.CosineSimilarity()(long, unit).tolist() == pytest.approx([1.0, 0.0])


def test_the_dimension_of_a_cosine_is_one_unless_told():
    """`F.cosine_similarity` compares along `dim=1` by default: two float32 vectors of shape (D,)
    raise IndexError, "Dimension out of range"; write `dim=-1`, which fits (D,) and (N, D).
    """
    a, b = torch.tensor([3.0, 4.0]), torch.tensor([1.0, 0.0])

    with pytest.raises(IndexError, match="Dimension out of range"):
        F.cosine_similarity(a, b)
    similarity = F.cosine_similarity(a, b, dim=-1)
    assert similarity.item() == pytest.approx(0.6)


def test_all_pairs_are_a_product_of_normalised_rows():
    """If the rows of the float32 matrices `a` and `b` have norms from 1e-3 to 1e3,
    `F.normalize(a) @ F.normalize(b).T` has the cosine of each row of `a` with each row of `b`;
    `F.cosine_similarity(a[:, None], b[None], dim=-1)` too, up to rounding.
    """
    a = torch.tensor([[2.0, 0.0], [3.0, 4.0]])
    b = torch.tensor([[1.0, 0.0], [0.0, 5.0], [-1.0, 0.0]])

    product = F.normalize(a) @ F.normalize(b).T
    broadcast = F.cosine_similarity(a[:, None], b[None], dim=-1)

    assert product.flatten().tolist() == pytest.approx([1.0, 0.0, -1.0, 0.6, 0.8, -0.6])
    assert torch.allclose(broadcast, product) is True


def test_two_tensors_of_different_lengths_have_no_pairs():
    """`F.cosine_similarity` of float32 tensors of shapes (2, 4) and (3, 4) raises RuntimeError,
    "The size of tensor a (2) must match the size of tensor b (3)"; the shapes (1, 4) and (3, 4)
    are broadcast.

    For the cosines of all pairs write `F.normalize(a) @ F.normalize(b).T`.
    """
    two, three = torch.ones(2, 4), torch.ones(3, 4)

    with pytest.raises(
        RuntimeError, match=r"The size of tensor a \(2\) must match the size of tenso"
    ):
        F.cosine_similarity(two, three)
    assert F.cosine_similarity(two[:1], three).tolist() == pytest.approx([1.0, 1.0, 1.0])


def test_a_zero_vector_has_the_cosine_zero(device):
    """`F.cosine_similarity(zero, b, dim=0)` of `zero = torch.zeros(2)` with a finite float32 `b`
    of shape (2,) is 0 and not NaN, because a norm below `eps` is replaced by `eps`;
    `F.normalize(zero, dim=0)` is zero.

    In float16 the default `eps` rounds to 0, and both may be NaN: give a larger one, such as
    `eps=1e-4`.
    """
    zero, one = torch.zeros(2, device=device), torch.ones(2, device=device)

    assert F.cosine_similarity(zero, one, dim=0).item() == 0.0
    assert F.normalize(zero, dim=0).tolist() == [0.0, 0.0]


def test_integers_have_no_cosine():
    """`F.cosine_similarity` of two int64 tensors raises RuntimeError, "expected common dtype to be
    floating point, yet common dtype is Long"; write `.float()`.
    """
    a = torch.tensor([3, 4])

    with pytest.raises(
        RuntimeError, match="expected common dtype to be floating point, yet common"
    ):
        F.cosine_similarity(a, a, dim=0)
    assert F.cosine_similarity(a.float(), a.float(), dim=0).item() == pytest.approx(1.0)


def test_normalize_divides_rows_by_their_length(device):
    """`F.normalize(x)` of a float32 matrix whose rows have 2-norms from 1e-3 to 1e3 divides each
    row by its 2-norm: [3, 4] becomes [0.6, 0.8]. `p=1` divides by the sum of absolute values, and
    `dim=0` normalises columns.

    A norm below `eps=1e-12` is replaced by `eps`, and [1e30, 1e30] becomes [0, 0], because its
    norm overflows. It isn't `transforms.Normalize`, which subtracts a mean and divides by a
    deviation.
    """
    x = torch.tensor([[3.0, 4.0], [0.0, 2.0]], device=device)

    assert F.normalize(x).flatten().tolist() == pytest.approx([0.6, 0.8, 0.0, 1.0])
    assert F.normalize(x, p=1).flatten().tolist() == pytest.approx([3 / 7, 4 / 7, 0.0, 1.0])
    assert F.normalize(x, dim=0)[:, 0].tolist() == [1.0, 0.0]
    tiny = torch.tensor([[1e-13, 0.0]], device=device)
    assert F.normalize(tiny).tolist() == [pytest.approx([0.1, 0.0])]
    huge = torch.tensor([[1e30, 1e30]])
    assert F.normalize(huge).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize(("p", "distance"), [(1.0, 7.0), (2.0, 5.0), (float("inf"), 4.0)])
def test_a_pairwise_distance_compares_row_with_row(p, distance):
    """`nn.PairwiseDistance(p)` of `a = torch.tensor([[1.0, 1.0]])` and
    `b = torch.tensor([[4.0, 5.0]])` gives, for each row, the p-norm of `a - b + 1e-6`: about 7
    with `p=1`, 5 with `p=2` and 4 with `p=float("inf")`.

    The 1e-6 is its `eps`, which `nn.PairwiseDistance(p, eps=0.0)` leaves out.
    """
    a, b = torch.tensor([[1.0, 1.0]]), torch.tensor([[4.0, 5.0]])

    assert nn.PairwiseDistance(p)(a, b).tolist() == pytest.approx([distance], abs=1e-4)
    assert nn.PairwiseDistance(1.0)(a, a).tolist() == pytest.approx([2e-6])
    assert nn.PairwiseDistance(2.0, eps=0.0)(a, b).tolist() == [5.0]


def test_equal_vectors_are_not_at_distance_zero():
    """`nn.PairwiseDistance()` adds `eps=1e-6` to each difference: equal, finite float32
    vectors of 2 elements have a distance of about 1.4e-6. With `eps=0.0` their distance is
    0.

    Take `eps=0.0` where the distance of equal vectors has to be 0. Its gradient is 0 then; that of
    `(a - b).square().sum(-1).sqrt()` is NaN for equal vectors.
    """
    a = torch.tensor([[1.0, 1.0]])

    assert nn.PairwiseDistance()(a, a).item() == pytest.approx(1.414e-6, rel=1e-3)
    assert nn.PairwiseDistance(eps=0.0)(a, a).item() == 0.0
    b = a.clone().requires_grad_()
    nn.PairwiseDistance(eps=0.0)(b, a).sum().backward()
    assert b.grad.tolist() == [[0.0, 0.0]]
    assert torch.cdist(a, a).item() == 0.0
