"""Mean, standard deviation, median and norm.

`mean`, `std`, `median`, `quantile` and `norm` describe a tensor by one number, or, with `dim=`,
each row or column by a number of its own. How reductions treat `dim=` and `keepdim=` is told in
`spec/tensors/test_reductions.py`.

What surprises: without a conversion integer tensors have a median but no `mean`, `std` or `norm`;
`std` divides by n - 1 where NumPy's divides by n; and the median of an even number of elements is
the lower of the two middle ones, not their mean.
"""

import pytest
import torch


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mean", "must be either a floating point or complex dtype"),
        ("std", "std and var only support floating point and complex dtypes"),
        ("var", "std and var only support floating point and complex dtypes"),
    ],
)
def test_integers_have_no_mean(name, words, device):
    """On the CPU `x.mean()`, `x.std()` and `x.var()` of an int64 tensor raise a RuntimeError.

    Because the result need not be an integer. Convert first, as in `x.float().mean()`; `mean` also
    takes `dtype=torch.float32`.
    """
    x = torch.tensor([1, 3], device=device)

    with pytest.raises(RuntimeError, match=words):
        getattr(x, name)()

    assert x.float().mean().item() == 2.0
    assert x.mean(dtype=torch.float32).item() == 2.0


def test_each_column_has_its_own_statistics(device):
    """For `x = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 9.0]])`, `x.mean(dim=0)`,
    `x.var(dim=0)`, `x.quantile(0.75, dim=0)` and `x.median(dim=0).values` hold one number per
    column: [3, 3], [4, 27], [4, 4.5] and [3, 0].

    For a matrix without rows `x.quantile(0.75, dim=0)` and `x.median(dim=0)` raise. With a single
    row `x.var(dim=0)` holds NaN.
    """
    x = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 9.0]], device=device)

    assert x.mean(dim=0).tolist() == [3.0, 3.0]
    assert x.var(dim=0).tolist() == pytest.approx([4.0, 27.0])
    assert x.median(dim=0).values.tolist() == [3.0, 0.0]
    assert x.quantile(0.75, dim=0).tolist() == [4.0, 4.5]
    with pytest.raises(RuntimeError, match="input tensor must be non-empty"):
        x[:0].quantile(0.75, dim=0)


def test_std_and_var_divide_by_one_less_than_the_count(device):
    """Of the float32 vector [1, 3, 5], `x.var()` is 4: it divides the sum of squared
    deviations, 8, by n - 1 (Bessel's correction), where NumPy's `var` divides by n;
    `unbiased=False` gives 8 / 3. `x.std()` is the root, 2.

    On the CPU the float32 variance of [1e30, -1e30] overflows to inf, while `std` gives the
    right 1.414e30.
    """
    x = torch.tensor([1.0, 3.0, 5.0], device=device)

    assert x.var().item() == pytest.approx(4.0)
    assert x.std().item() == pytest.approx(2.0)
    assert x.var(unbiased=False).item() == pytest.approx(8 / 3)
    far = torch.tensor([1e30, -1e30])
    assert far.var().item() == torch.inf
    assert far.std().item() == pytest.approx(2**0.5 * 1e30)


@pytest.mark.torch(">=2.0")
def test_correction_says_how_much_less_than_the_count(device):
    """Of the float32 vector [1, 3], whose squared deviations add up to 2, `x.var(correction=0)`
    divides by n = 2 and gives 1, as NumPy's `var` does; `correction=1`, the default, divides by
    n - 1 and gives 2. `x.std(correction=0)` is 1.
    """
    x = torch.tensor([1.0, 3.0], device=device)

    assert x.var(correction=0).item() == 1.0
    assert x.std(correction=0).item() == 1.0
    assert x.var(correction=1).item() == 2.0


@pytest.mark.torch(">=2.2")
def test_one_value_has_no_deviation():
    """`x.std()` of a dense float32 CPU tensor with a single element is NaN, with a
    UserWarning about the degrees of freedom.

    Because n - 1 is 0 and the result 0 / 0. Pass `correction=0` where a batch may have one
    element.
    """
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
        deviation = torch.tensor([5.0]).std()

    assert str(deviation.item()) == "nan"


def test_var_mean_and_std_mean_give_both_at_once(device):
    """`torch.var_mean(x)` of a dense float32 tensor returns a tuple of the variance and the
    mean, `torch.std_mean(x)` one of the standard deviation and the mean.
    """
    x = torch.tensor([1.0, 3.0, 5.0], device=device)

    assert [number.item() for number in torch.var_mean(x)] == pytest.approx([4.0, 3.0])
    assert [number.item() for number in torch.std_mean(x)] == pytest.approx([2.0, 3.0])


def test_the_median_of_an_even_count_is_the_lower_middle_value(device):
    """For the float32 tensor [4, 1, 3, 2], `x.median()` is 2, the lower of the two middle
    values, and `x.quantile(0.5)` is 2.5, their mean.

    NumPy's `median` gives the mean of the two.
    """
    x = torch.tensor([4.0, 1.0, 3.0, 2.0], device=device)

    assert x.median().item() == 2.0
    assert x.quantile(0.5).item() == 2.5


def test_quantile_interpolates_between_neighbours(device):
    """`x.quantile(0.125)` of the float32 tensor [1, 2, 3, 4, 8] is 1.5, since it interpolates
    linearly between the two nearest elements; `interpolation="lower"` gives 1, and `"higher"`
    gives 2.

    `q` may be a 1-D float32 tensor of several probabilities.
    """
    x = torch.tensor([1.0, 2.0, 3.0, 4.0, 8.0], device=device)

    assert x.quantile(torch.tensor([0.0, 0.125, 1.0], device=device)).tolist() == [1.0, 1.5, 8.0]
    assert x.quantile(0.125, interpolation="lower").item() == 1.0
    assert x.quantile(0.125, interpolation="higher").item() == 2.0


def test_quantile_is_for_float32_and_float64():
    """`x.quantile(0.5)` of a nonempty int64 or float16 vector raises a RuntimeError, "input
    tensor must be either float or double dtype", which means float32 or float64.

    `x.float().quantile(0.5)` works for both; `x.median()` takes int64.
    """
    x = torch.tensor([1, 2, 9])

    with pytest.raises(RuntimeError, match="input tensor must be either float or double dtype"):
        x.quantile(0.5)
    with pytest.raises(RuntimeError, match="input tensor must be either float or double dtype"):
        x.half().quantile(0.5)

    assert x.float().quantile(0.5).item() == 2.0
    assert x.median().item() == 2


def test_quantile_wants_a_probability():
    """`x.quantile(50.0)` of a float32 `x` raises a RuntimeError: `q` is a probability from 0 to
    1, not a percentage.

    Divide a percentage by 100.
    """
    x = torch.tensor([1.0, 2.0, 9.0])

    with pytest.raises(RuntimeError, match=r"q must be in the range \[0, 1\] but got 50"):
        x.quantile(50.0)

    assert x.quantile(50 / 100).item() == 2.0


def test_the_mode_is_the_smallest_of_the_most_frequent_values(device):
    """`x.mode()` of a nonempty dense int64 vector has the most frequent value as `values`;
    if several are equally frequent, the smallest of them.

    Of a nonempty matrix it gives one value per row, even without `dim=`, unlike `median`.
    """
    clear = torch.tensor([1, 3, 3, 2], device=device)
    tied = torch.tensor([3, 3, 1, 1, 2], device=device)

    assert clear.mode().values.item() == 3
    assert tied.mode().values.item() == 1
    assert torch.stack([clear, tied[1:]]).mode().values.tolist() == [3, 1]


def test_the_norm_is_the_length_of_a_vector(device):
    """For the float32 vector [3, -4, 0], `x.norm()` is 5, the square root of the sum of
    squares, `x.norm(p=1)` is 7, the sum of absolute values, `p=torch.inf` gives the largest of
    them, 4, and `p=0` the nonzero count, 2.
    """
    x = torch.tensor([3.0, -4.0, 0.0], device=device)

    assert x.norm().item() == 5.0
    assert x.norm(p=1).item() == 7.0
    assert x.norm(p=torch.inf).item() == 4.0
    assert x.norm(p=0).item() == 2.0


def test_norms_along_a_dimension(device):
    """`x.norm(dim=1)` of the float32 matrix [[3, 4], [0, 2]] is a vector with the norm of each
    row, [5, 2]; with `keepdim=True` it is a column.
    """
    x = torch.tensor([[3.0, 4.0], [0.0, 2.0]], device=device)

    assert x.norm(dim=1).tolist() == [5.0, 2.0]
    assert x.norm(dim=1, keepdim=True).tolist() == [[5.0], [2.0]]


def test_integers_have_no_norm():
    """`x.norm()` of an int64 tensor raises a RuntimeError, which asks for a floating-point or
    complex tensor.

    Convert first: `x.float().norm()`.
    """
    x = torch.tensor([3, 4])

    with pytest.raises(RuntimeError, match="floating point or complex"):
        x.norm()

    assert x.float().norm().item() == 5.0
