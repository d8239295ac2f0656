"""Reductions: from many elements to few.

`sum`, `prod`, `max`, `all` and similar functions compute one result from all elements of a tensor,
or one for each row or column. `dim=` names the dimension that is reduced and disappears from the
shape; `keepdim=True` leaves it there with size 1. Means, deviations and norms are told in
`spec/tensors/test_statistics.py`, `max` and `argmax` in `spec/tensors/test_extremes.py`, what NaN
does to a reduction in `spec/tensors/test_special_values.py`.

What surprises: integers of every width are summed in int64, which may wrap around; the sum of no
elements is 0, but their maximum is an error.
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
    """`sum`, `mean`, `prod`, `max`, `amax`, `min`, `amin`, `median` and `var` of a nonempty
    float32 matrix, called without arguments as in `x.sum()`, reduce all elements to a 0-d
    tensor.
    """
    x = torch.tensor([[4.0, 0.5], [1.0, 2.5]], device=device)

    assert getattr(torch, name)(x).item() == pytest.approx(result)
    assert getattr(x, name)().item() == pytest.approx(result)
    assert getattr(x, name)().shape == ()


def test_dim_names_the_dimension_that_disappears(device):
    """`x.sum(dim=0)` of an int64 matrix adds up each column, `x.sum(dim=1)` each row: without
    `keepdim=True` the dimension named by `dim=` disappears from the shape.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.sum(dim=0).tolist() == [5, 7, 9]
    assert x.sum(dim=1).tolist() == [6, 15]
    assert x.prod(dim=0).tolist() == [4, 10, 18]
    assert x.float().mean(dim=1).tolist() == [2.0, 5.0]


def test_negative_dims_count_from_the_last_one(device):
    """A negative `dim` of `x.sum` counts from the last dimension: for an int64 matrix,
    `x.sum(-1)` equals `x.sum(1)` and `x.sum(-2)` equals `x.sum(0)`.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.sum(-1).tolist() == [6, 15]
    assert x.sum(-2).tolist() == [5, 7, 9]


def test_several_dims_disappear_at_once(device):
    """`x.sum(dim=(0, 2))` of a dense tensor of shape (2, 2, 2) reduces two dimensions and
    has the shape (2,); `x.sum(dim=())`, with the empty tuple, reduces all of them.

    So a tuple of dimensions that is computed must not become empty by mistake.
    """
    x = torch.arange(8, device=device).reshape(2, 2, 2)

    assert x.sum(dim=(0, 2)).tolist() == [10, 18]
    assert x.sum(dim=(0, 1, 2)).item() == 28
    assert x.sum(dim=()).item() == 28


def test_prod_takes_one_dim_only():
    """`x.prod(dim=(0, 1))` raises a TypeError: `x.prod` takes an int as `dim=`, not a tuple.

    Unlike `sum`, `mean` and `amax`. Flatten the dimensions first, or call `prod` twice.
    """
    x = torch.full((2, 3), 2.0)

    with pytest.raises(TypeError, match=r"prod\(\) received an invalid combination of arguments"):
        x.prod(dim=(0, 1))

    assert x.prod(dim=1).prod(dim=0).item() == 64.0
    assert x.sum(dim=(0, 1)).item() == 12.0


def test_keepdim_leaves_size_one_behind(device):
    """`means = x.mean(dim=1, keepdim=True)` of a dense float32 tensor of shape (2, 2) has
    the shape (2, 1), so that `x - means` subtracts from each row its own mean.
    """
    x = torch.tensor([[1.0, 3.0], [5.0, 7.0]], device=device)

    means = x.mean(dim=1, keepdim=True)

    assert means.tolist() == [[2.0], [6.0]]
    assert (x - means).tolist() == [[-1.0, 1.0], [-1.0, 1.0]]


def test_the_words_of_numpy_are_understood():
    """`x.sum(axis=1, keepdims=True)` of an int64 matrix, written with NumPy's names of the
    arguments, gives the same as `x.sum(dim=1, keepdim=True)`.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x.sum(axis=1, keepdims=True).tolist() == [[6], [15]]
    assert x.sum(dim=1, keepdim=True).tolist() == [[6], [15]]


def test_a_dim_that_is_not_there_is_refused():
    """For the matrix `x = torch.ones(2, 3)`, `x.sum(dim=2)` raises IndexError, because `x` has no
    dimension 2; `x.sum(dim=(0, 0))` raises RuntimeError, because it names dimension 0 twice.

    Dimensions of a matrix are 0 and 1, or -1 and -2.
    """
    x = torch.ones(2, 3)

    with pytest.raises(
        IndexError, match=r"Dimension out of range \(expected to be in range of \[-2, 1\]"
    ):
        x.sum(dim=2)
    with pytest.raises(RuntimeError, match="dim 0 appears multiple times in the list of dims"):
        x.sum(dim=(0, 0))


@pytest.mark.parametrize(
    ("dtype", "total"),
    [(torch.bool, 2), (torch.uint8, 400), (torch.int16, 400), (torch.int32, 400)],
)
def test_sums_and_products_of_integers_are_int64(dtype, total, device):
    """`x.sum()`, `x.prod()`, `x.cumsum(0)` and `x.cumprod(0)` of a dense bool, uint8, int16
    or int32 tensor give int64, unless `dtype=` is passed.

    Otherwise 200 + 200 in uint8 would wrap to 144, as it does in `x.cumsum_(0)`: an in-place
    method keeps the dtype of its tensor. A large product can still wrap in int64: that of the
    int32 numbers 2**30, 2**30 and 8 is -2**63.
    """
    x = torch.tensor([200, 200], device=device).to(dtype)

    assert x.sum().dtype == torch.int64
    assert x.sum().item() == total
    assert x.cumsum(0)[-1].item() == total
    assert x.prod().dtype == torch.int64
    assert x.cumprod(0).dtype == torch.int64
    assert x.cumsum(0).dtype == torch.int64
    narrow = torch.tensor([200, 200], dtype=torch.uint8, device=device)
    assert narrow.cumsum_(0).tolist() == [200, 144]
    large = torch.tensor([2**30, 2**30, 8], dtype=torch.int32, device=device)
    assert large.prod().item() == -(2**63)


def test_a_sum_past_the_range_of_int64_wraps(device):
    """`x.sum()` of int64 numbers whose total doesn't fit into int64 wraps around modulo 2**64,
    without an error: 2**63 - 1 plus 1 is -(2**63), and four times 2**62 is 0.

    Sum in float64 where an approximate total is enough: `x.sum(dtype=torch.float64)`.
    """
    x = torch.tensor([2**63 - 1, 1], device=device)

    assert x.sum().item() == -(2**63)
    assert x.sum(dtype=torch.float64).item() == 2.0**63
    assert torch.tensor([2**62, 2**62, 2**62, 2**62], device=device).sum().item() == 0


def test_dtype_names_the_type_to_sum_in(device):
    """`x.sum(dtype=torch.int8)` of the int8 tensor [100, 100] is -56, since the sum wraps
    around in int8; without `dtype=` it is 200, in int64.
    """
    x = torch.tensor([100, 100], dtype=torch.int8, device=device)

    assert x.sum().item() == 200
    assert x.sum().dtype == torch.int64
    assert x.sum(dtype=torch.int8).item() == -56
    assert x.sum(dtype=torch.float32).dtype == torch.float32


def test_nothing_sums_to_zero_and_multiplies_to_one(device):
    """Of an empty dense float32 tensor `x.sum()` is 0, `x.prod()` is 1 and `x.mean()` is
    NaN.

    Because 0 and 1 change no sum and no product, and the mean of nothing is 0 / 0.
    """
    nothing = torch.zeros(0, device=device)

    assert nothing.sum().item() == 0.0
    assert nothing.prod().item() == 1.0
    assert nothing.mean().isnan().item() is True


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("max", RuntimeError),
        ("min", RuntimeError),
        ("amax", RuntimeError),
        ("argmax", IndexError),
    ],
)
def test_nothing_has_no_largest_element(name, error):
    """Of an empty dense float32 tensor `x` on the CPU `x.max()`, `x.min()` and `x.amax()` raise a
    RuntimeError, and `x.argmax()` an IndexError.

    Because PyTorch defines no result for zero elements here, unlike `x.sum()`, which is 0.
    Guard with `if x.numel():`.
    """
    with pytest.raises(error, match=rf"{name}\(\): Expected reduction dim"):
        getattr(torch.zeros(0), name)()


def test_an_empty_dimension_sums_to_zeros(device):
    """With `x = torch.zeros(0, 3)`, `x.sum(0)` is three zeros and `x.amax(1)` is empty, but
    `x.max(0)` raises IndexError.

    Because a sum over nothing is 0, while a maximum needs at least one element in the dimension it
    reduces. Look at `x.shape[0]` first where a batch may be empty.
    """
    x = torch.zeros(0, 3, device=device)

    assert x.sum(0).tolist() == [0.0, 0.0, 0.0]
    assert x.amax(1).tolist() == []
    with pytest.raises(IndexError, match="Expected reduction dim 0 to have non-zero size"):
        x.max(0)


def test_cumsum_keeps_every_sum_on_the_way(device):
    """`x.cumsum(0)` of the int64 vector [1, 2, 3, 4] is [1, 3, 6, 10]: at each index the sum of
    the elements up to it; `x.cumprod(0)` holds the products, [1, 2, 6, 24]. `x.cumsum()`
    without a dimension raises a TypeError.

    NumPy's `cumsum` flattens the array if no axis is named: write `x.flatten().cumsum(0)` for
    that.
    """
    x = torch.tensor([1, 2, 3, 4], device=device)

    assert x.cumsum(0).tolist() == [1, 3, 6, 10]
    assert x.cumprod(0).tolist() == [1, 2, 6, 24]
    with pytest.raises(
        TypeError,
        match=r"cumsum\(\) received an invalid combination of arguments|missing 1 required pos",
    ):
        x.cumsum()


def test_diff_undoes_cumsum(device):
    """`torch.diff(x)` of the int64 vector [1, 3, 6, 10] is [2, 3, 4]: each element minus the
    one before it, so one element fewer than `x` has.
    """
    assert torch.diff(torch.tensor([1, 3, 6, 10], device=device)).tolist() == [2, 3, 4]


def test_all_and_any_take_what_is_not_zero_for_true(device):
    """`x.all()`, `x.any()` and `x.count_nonzero()` of a dense int64 tensor count each
    number other than 0 as true, also negative ones.
    """
    x = torch.tensor([[0, -1, 0], [2, 3, 0]], device=device)

    assert x.all().item() is False
    assert x.any().item() is True
    assert x.all(dim=0).tolist() == [False, True, False]
    assert x.any(dim=0).tolist() == [True, True, False]
    assert x.count_nonzero().item() == 3
    assert x.count_nonzero(dim=0).tolist() == [1, 2, 0]


def test_all_of_nothing_is_true(device):
    """For an empty float32 tensor `x`, such as `torch.zeros(0)`, `x.all()` is true and `x.any()`
    is false, as Python's `all([])` is True and `any([])` is False.
    """
    nothing = torch.zeros(0, device=device)

    assert nothing.all().item() is True
    assert nothing.any().item() is False


def test_logsumexp_does_not_overflow_on_the_way(device):
    """`torch.logsumexp(x, 0)` of the float32 vector [1000, 1000] is about 1000.693, where
    `x.exp().sum(0).log()` overflows to inf.

    Because it subtracts the maximum before `exp` and adds it afterwards.
    """
    x = torch.tensor([1000.0, 1000.0], device=device)

    assert x.logsumexp(0).item() == pytest.approx(1000.6931, abs=1e-3)
    assert x.exp().sum(0).log().item() == torch.inf


def test_pythons_sum_adds_up_the_rows():
    """Python's `sum(x)` of the uint8 matrix [[200], [100]] adds up the rows in uint8 and wraps
    to [44], where `x.sum(dim=0)` computes in int64 and gives [300].

    Because it iterates over the first dimension, and `row + row` keeps the dtype. It is also
    slow, because each row is a tensor of its own.
    """
    x = torch.tensor([[1, 2], [3, 4]])

    assert sum(x).tolist() == x.sum(dim=0).tolist() == [4, 6]
    assert x.sum().item() == 10
    narrow = torch.tensor([[200], [100]], dtype=torch.uint8)

    assert sum(narrow).tolist() == [44]
    assert narrow.sum(dim=0).tolist() == [300]
