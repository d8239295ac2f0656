"""Mean, spread, middle and length.

`mean`, `std`, `median`, `quantile` and `norm` say in one number, or in one for each row, what a
tensor is like.

What surprises: integers have no mean; `std` divides by one less than the count, which NumPy's
doesn't; and the median of an even count is the lower of the two middle values, not their mean.
"""

import pytest
import torch


@pytest.mark.parametrize("name", ["mean", "std", "var"])
def test_integers_have_no_mean(name, device):
    """Integers have no `mean`, `std` or `var`: they have to be made floats first."""
    x = torch.tensor([1, 3], device=device)

    with pytest.raises(RuntimeError, match="floating point"):
        getattr(x, name)()

    assert x.float().mean().item() == 2.0
    assert x.mean(dtype=torch.float32).item() == 2.0


def test_each_column_has_its_own_statistics(device):
    """With `dim=` each column, or row, has its own mean, deviation and median."""
    x = torch.tensor([[1.0, 0.0], [3.0, 0.0], [5.0, 9.0]], device=device)

    assert x.mean(dim=0).tolist() == [3.0, 3.0]
    assert x.var(dim=0).tolist() == pytest.approx([4.0, 27.0])
    assert x.median(dim=0).values.tolist() == [3.0, 0.0]
    assert x.quantile(0.75, dim=0).tolist() == [4.0, 4.5]


def test_std_and_var_divide_by_one_less_than_the_count(device):
    """`var` and `std` divide by one less than the count, unlike NumPy's."""
    x = torch.tensor([1.0, 3.0, 5.0], device=device)

    assert x.var().item() == pytest.approx(4.0)
    assert x.std().item() == pytest.approx(2.0)
    assert x.var(unbiased=False).item() == pytest.approx(8 / 3)


@pytest.mark.torch(">=2.0")
def test_correction_says_how_much_less_than_the_count(device):
    """`correction=` says how much less than the count to divide by; 0 gives NumPy's answer."""
    x = torch.tensor([1.0, 3.0], device=device)

    assert x.var(correction=0).item() == 1.0
    assert x.std(correction=0).item() == 1.0
    assert x.var(correction=1).item() == 2.0


@pytest.mark.torch(">=2.2")
def test_one_value_has_no_deviation():
    """The deviation of one value is 0/0: `std` gives NaN, under a warning."""
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
        deviation = torch.tensor([5.0]).std()

    assert str(deviation.item()) == "nan"


def test_var_mean_and_std_mean_give_both_at_once(device):
    """`torch.var_mean` and `torch.std_mean` give both numbers from one pass."""
    x = torch.tensor([1.0, 3.0, 5.0], device=device)

    assert [number.item() for number in torch.var_mean(x)] == pytest.approx([4.0, 3.0])
    assert [number.item() for number in torch.std_mean(x)] == pytest.approx([2.0, 3.0])


def test_the_median_of_an_even_count_is_the_lower_middle_value(device):
    """The median of an even count is the lower middle value; `quantile` takes the mean of both."""
    x = torch.tensor([4.0, 1.0, 3.0, 2.0], device=device)

    assert x.median().item() == 2.0
    assert x.quantile(0.5).item() == 2.5


def test_quantile_interpolates_between_neighbours(device):
    """`torch.quantile` goes between neighbours, unless `interpolation=` picks one of them."""
    x = torch.tensor([1.0, 2.0, 3.0, 4.0, 8.0], device=device)

    assert x.quantile(torch.tensor([0.0, 0.125, 1.0], device=device)).tolist() == [1.0, 1.5, 8.0]
    assert x.quantile(0.125, interpolation="lower").item() == 1.0
    assert x.quantile(0.125, interpolation="higher").item() == 2.0


def test_quantile_is_for_floats_and_shares_of_one():
    """`quantile` refuses integers, which `median` takes, and shares that aren't between 0 and 1."""
    x = torch.tensor([1, 2, 9])

    with pytest.raises(RuntimeError, match="must be either float or double dtype"):
        x.quantile(0.5)
    with pytest.raises(RuntimeError, match=r"q must be in the range \[0, 1\] but got 50"):
        x.float().quantile(50.0)

    assert x.median().item() == 2


def test_the_mode_is_the_smallest_of_the_most_frequent_values(device):
    """`mode` gives the most frequent value, the smallest one if several are."""
    clear = torch.tensor([1, 3, 3, 2], device=device)
    tied = torch.tensor([3, 3, 1, 1, 2], device=device)

    assert clear.mode().values.item() == 3
    assert tied.mode().values.item() == 1


def test_the_norm_is_the_length_of_a_vector(device):
    """`norm()` is the root of the sum of squares; `p=` names another norm."""
    x = torch.tensor([3.0, -4.0, 0.0], device=device)

    assert x.norm().item() == 5.0
    assert x.norm(p=1).item() == 7.0
    assert x.norm(p=torch.inf).item() == 4.0
    assert x.norm(p=0).item() == 2.0


def test_norms_along_a_dimension(device):
    """With `dim=` each row has its own norm, and the norm of integers is refused."""
    x = torch.tensor([[3, 4], [0, 2]], device=device)

    assert x.float().norm(dim=1).tolist() == [5.0, 2.0]
    with pytest.raises(RuntimeError, match="floating point or complex"):
        x.norm()
