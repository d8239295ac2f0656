"""Reductions: from many elements to few.

`sum`, `prod`, `max`, `all` and their kin put all elements together, or those along one dimension.
`dim=` names the dimension that disappears; `keepdim=True` leaves it there with size 1.

What surprises: integers are summed in int64 whatever their own width, and of no elements there is a
sum but no largest one.
"""

import pytest
import torch


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("sum", 8.0),
        ("mean", 2.0),
        ("prod", 5.0),
        ("max", 4.0),
        ("amax", 4.0),
        ("min", 0.5),
        ("amin", 0.5),
        ("median", 1.0),
        ("var", 2.5),
    ],
)
def test_without_dim_all_elements_take_part(name, result, device):
    """Without `dim=`, all elements take part and the result has no dimensions."""
    x = torch.tensor([[4.0, 0.5], [1.0, 2.5]], device=device)

    assert getattr(torch, name)(x).item() == pytest.approx(result)
    assert getattr(x, name)().item() == pytest.approx(result)
    assert getattr(x, name)().shape == ()


def test_dim_names_the_dimension_that_disappears(device):
    """`dim=` names the dimension that disappears: 0 adds up columns, 1 adds up rows."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.sum(dim=0).tolist() == [5, 7, 9]
    assert x.sum(dim=1).tolist() == [6, 15]
    assert x.prod(dim=0).tolist() == [4, 10, 18]
    assert x.float().mean(dim=1).tolist() == [2.0, 5.0]


def test_negative_dims_count_from_the_last_one(device):
    """Negative dimensions count from the last one: `dim=-1` is the innermost."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.sum(-1).tolist() == [6, 15]
    assert x.sum(-2).tolist() == [5, 7, 9]


def test_several_dims_disappear_at_once(device):
    """A tuple names several dimensions that disappear at once."""
    x = torch.arange(8, device=device).reshape(2, 2, 2)

    assert x.sum(dim=(0, 2)).tolist() == [10, 18]
    assert x.sum(dim=(0, 1, 2)).item() == 28


def test_prod_takes_one_dim_only():
    """`prod` takes one dimension only, no tuple."""
    with pytest.raises(TypeError, match=r"prod\(\) received an invalid combination of arguments"):
        torch.ones(2, 3).prod(dim=(0, 1))


def test_keepdim_leaves_size_one_behind(device):
    """`keepdim=True` leaves size 1 where the dimension was, so the result fits beside the input."""
    x = torch.tensor([[1.0, 3.0], [5.0, 7.0]], device=device)

    means = x.mean(dim=1, keepdim=True)

    assert means.tolist() == [[2.0], [6.0]]
    assert (x - means).tolist() == [[-1.0, 1.0], [-1.0, 1.0]]


def test_the_words_of_numpy_are_understood():
    """`axis=` and `keepdims=`, the words of NumPy, are understood too."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x.sum(axis=1, keepdims=True).tolist() == [[6], [15]]


def test_a_dim_that_is_not_there_is_refused():
    """A dimension that isn't there, or is named twice, is refused."""
    x = torch.ones(2, 3)

    with pytest.raises(IndexError, match=r"expected to be in range of \[-2, 1\], but got 2"):
        x.sum(dim=2)
    with pytest.raises(RuntimeError, match="dim 0 appears multiple times in the list of dims"):
        x.sum(dim=(0, 0))


@pytest.mark.parametrize(
    ("dtype", "total"),
    [(torch.bool, 2), (torch.uint8, 400), (torch.int16, 400), (torch.int32, 400)],
)
def test_sums_and_products_of_integers_are_int64(dtype, total, device):
    """Sums and products of integers and booleans are int64, whatever their own width."""
    x = torch.tensor([200, 200], device=device).to(dtype)

    assert x.sum().dtype == torch.int64
    assert x.sum().item() == total
    assert x.cumsum(0)[-1].item() == total
    assert x.prod().dtype == torch.int64


def test_dtype_names_the_type_to_sum_in(device):
    """`dtype=` converts before the summing: a narrow integer type then overflows."""
    x = torch.tensor([100, 100], dtype=torch.int8, device=device)

    assert x.sum().item() == 200
    assert x.sum(dtype=torch.int8).item() == -56
    assert x.sum(dtype=torch.float32).dtype == torch.float32


def test_nothing_sums_to_zero_and_multiplies_to_one(device):
    """Of no elements the sum is 0, the product 1 and the mean NaN."""
    nothing = torch.zeros(0, device=device)

    assert nothing.sum().item() == 0.0
    assert nothing.prod().item() == 1.0
    assert nothing.mean().isnan().item() is True


@pytest.mark.parametrize("name", ["max", "min", "amax", "argmax"])
def test_nothing_has_no_largest_element(name):
    """Of no elements there is no largest or smallest one: that is an error."""
    with pytest.raises((RuntimeError, IndexError), match=rf"{name}\(\): Expected reduction dim"):
        getattr(torch.zeros(0), name)()


def test_an_empty_dimension_sums_to_zeros(device):
    """Only the reduced dimension counts: (0, 3) has three sums of nothing, but no maxima."""
    x = torch.zeros(0, 3, device=device)

    assert x.sum(0).tolist() == [0.0, 0.0, 0.0]
    assert x.amax(1).tolist() == []
    with pytest.raises(IndexError, match="Expected reduction dim 0 to have non-zero size"):
        x.max(0)


def test_cumsum_keeps_every_sum_on_the_way(device):
    """`cumsum` and `cumprod` keep every step on the way; their dimension must be named."""
    x = torch.tensor([1, 2, 3, 4], device=device)

    assert x.cumsum(0).tolist() == [1, 3, 6, 10]
    assert x.cumprod(0).tolist() == [1, 2, 6, 24]
    with pytest.raises(TypeError, match=r"cumsum\(\)"):
        x.cumsum()


def test_diff_undoes_cumsum(device):
    """`torch.diff` gives the steps between neighbours, one fewer than there are elements."""
    assert torch.diff(torch.tensor([1, 3, 6, 10], device=device)).tolist() == [2, 3, 4]


def test_all_and_any_take_what_is_not_zero_for_true(device):
    """`all`, `any` and `count_nonzero` take every number that isn't zero for true."""
    x = torch.tensor([[0, -1, 0], [2, 3, 0]], device=device)

    assert x.all().item() is False
    assert x.any().item() is True
    assert x.all(dim=0).tolist() == [False, True, False]
    assert x.any(dim=0).tolist() == [True, True, False]
    assert x.count_nonzero().item() == 3
    assert x.count_nonzero(dim=0).tolist() == [1, 2, 0]


def test_all_of_nothing_is_true(device):
    """Of no elements, `all` is true and `any` is false, as in Python."""
    nothing = torch.zeros(0, device=device)

    assert nothing.all().item() is True
    assert nothing.any().item() is False


def test_logsumexp_does_not_overflow_on_the_way(device):
    """`torch.logsumexp` stays finite where `x.exp().sum().log()` overflows on the way."""
    x = torch.tensor([1000.0, 1000.0], device=device)

    assert x.logsumexp(0).item() == pytest.approx(1000.6931, abs=1e-3)
    assert x.exp().sum().log().item() == torch.inf


def test_pythons_sum_adds_up_the_rows():
    """Python's `sum(x)` walks over the first dimension: it adds up the rows."""
    total = sum(torch.tensor([[1, 2], [3, 4]]))

    assert total.tolist() == [4, 6]
