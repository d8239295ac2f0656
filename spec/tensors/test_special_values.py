"""NaN, infinities and signed zeros.

Floats hold three kinds of value that no other number behaves like: infinities, NaN ("not a
number"), and a zero for each sign. Arithmetic on them never fails. It carries them along: a single
NaN makes a sum, a mean or a maximum NaN.

What surprises: NaN isn't equal to itself, counts as the largest value when sorting, and as true; a
factor of zero doesn't take it away; and integers have no place for it.
"""

import pytest
import torch


def test_nan_is_not_equal_to_itself(device):
    """NaN is neither equal to, nor less or greater than anything, itself included."""
    x = torch.tensor([torch.nan, 1.0], device=device)

    assert (x == x).tolist() == [False, True]
    assert (x != x).tolist() == [True, False]
    assert (x < 2).tolist() == [False, True]
    assert (x >= 1).tolist() == [False, True]


def test_isnan_finds_what_equality_does_not(device):
    """`isnan` finds NaN; `isinf` finds infinities of both signs; `isfinite` finds the rest."""
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, 1.0], device=device)

    assert x.isnan().tolist() == [True, False, False, False]
    assert x.isinf().tolist() == [False, True, True, False]
    assert x.isposinf().tolist() == [False, True, False, False]
    assert x.isneginf().tolist() == [False, False, True, False]
    assert x.isfinite().tolist() == [False, False, False, True]


def test_nan_is_not_in_its_own_tensor():
    """`nan in x` is false even where NaN stands in `x`."""
    x = torch.tensor([torch.nan, torch.inf])

    assert (torch.nan in x) is False
    assert (torch.inf in x) is True


def test_a_tensor_with_nan_is_not_equal_to_itself(device):
    """`torch.equal(x, x)` is false if `x` holds NaN."""
    x = torch.tensor([1.0, torch.nan], device=device)
    finite = torch.tensor([1.0, torch.inf], device=device)

    assert torch.equal(x, x) is False
    assert torch.equal(finite, finite) is True


def test_equal_nan_lets_nan_be_close_to_nan(device):
    """`isclose` and `allclose` take two NaN for close with `equal_nan=True`; infinities always."""
    x = torch.tensor([torch.nan, torch.inf], device=device)

    assert torch.isclose(x, x).tolist() == [False, True]
    assert torch.isclose(x, x, equal_nan=True).tolist() == [True, True]
    assert torch.allclose(x, x) is False
    assert torch.allclose(x, x, equal_nan=True) is True
    assert torch.isclose(x, -x).tolist() == [False, False]


@pytest.mark.parametrize(
    "name", ["sum", "mean", "prod", "max", "min", "amax", "amin", "median", "std", "var", "norm"]
)
def test_one_nan_spoils_a_reduction(name, device):
    """A single NaN makes the sum, the mean, the maximum, the median and their kin NaN."""
    x = torch.tensor([1.0, torch.nan, 3.0], device=device)

    assert str(getattr(x, name)().item()) == "nan"


def test_cumsum_is_nan_from_the_first_nan_on(device):
    """In a running sum everything from the first NaN on is NaN."""
    x = torch.tensor([1.0, 2.0, torch.nan, 4.0], device=device)

    assert str(x.cumsum(0).tolist()) == "[1.0, 3.0, nan, nan]"


def test_argmax_points_to_the_first_nan(device):
    """`argmax` and `argmin` both point to the first NaN."""
    x = torch.tensor([1.0, torch.nan, 3.0, torch.nan], device=device)

    assert x.argmax().item() == 1
    assert x.argmin().item() == 1
    assert x.max(0).indices.item() == 1


def test_nan_is_sorted_behind_infinity(device):
    """Sorting treats NaN as larger than infinity, so `topk` picks it first."""
    x = torch.tensor([3.0, torch.nan, torch.inf, 1.0], device=device)

    assert str(x.sort().values.tolist()) == "[1.0, 3.0, inf, nan]"
    assert str(x.sort(descending=True).values.tolist()) == "[nan, inf, 3.0, 1.0]"
    assert str(x.topk(2).values.tolist()) == "[nan, inf]"


def test_the_nan_functions_leave_nan_out(device):
    """`nansum`, `nanmean`, `nanmedian` and `nanquantile` leave NaN out."""
    x = torch.tensor([1.0, torch.nan, 4.0], device=device)

    assert x.nansum().item() == 5.0
    assert x.nanmean().item() == 2.5
    assert x.nanmedian().item() == 1.0
    assert x.nanquantile(0.5).item() == 2.5


def test_when_all_is_nan_little_is_left(device):
    """If all is NaN, `nansum` is 0 and `nanmean` is NaN: the sum and the mean of nothing."""
    x = torch.tensor([torch.nan, torch.nan], device=device)

    assert x.nansum().item() == 0.0
    assert str(x.nanmean().item()) == "nan"


def test_nan_to_num_puts_numbers_in_their_place(device):
    """`nan_to_num` puts 0 for NaN and the largest floats for infinities, or what you name."""
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, 1.0], device=device)
    largest = 3.4028234663852886e38

    assert x.nan_to_num().tolist() == [0.0, largest, -largest, 1.0]
    assert x.nan_to_num(nan=7, posinf=8, neginf=9).tolist() == [7.0, 8.0, 9.0, 1.0]


def test_where_replaces_nan_and_indexing_drops_it(device):
    """`torch.where` with `isnan` replaces NaN; indexing with `isfinite` drops it."""
    x = torch.tensor([1.0, torch.nan, 3.0], device=device)

    assert torch.where(x.isnan(), -1.0, x).tolist() == [1.0, -1.0, 3.0]
    assert x[x.isfinite()].tolist() == [1.0, 3.0]


def test_multiplying_by_zero_does_not_mask_nan(device):
    """Multiplying by a mask of zeros doesn't remove NaN or infinity: 0 times either is NaN."""
    x = torch.tensor([torch.nan, torch.inf, 5.0], device=device)

    assert str((x * 0).tolist()) == "[nan, nan, 0.0]"
    assert x.masked_fill(~x.isfinite(), 0).tolist() == [0.0, 0.0, 5.0]


def test_where_does_not_keep_nan_out_of_the_gradient():
    """`where` hides the branch not taken but not its infinite gradient: make the input safe too."""
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    y = torch.tensor([0.0, 4.0], requires_grad=True)

    torch.where(x > 0, x.sqrt(), 0.0).sum().backward()
    safe = torch.where(y > 0, y, 1.0)
    torch.where(y > 0, safe.sqrt(), 0.0).sum().backward()

    assert str(x.grad.tolist()) == "[nan, 0.25]"
    assert y.grad.tolist() == [0.0, 0.25]


def test_what_has_no_answer_is_nan(device):
    """What has no answer is NaN: 0/0, inf - inf, inf * 0, the root or the log of -1."""
    zero = torch.tensor(0.0, device=device)
    one = torch.tensor(1.0, device=device)
    inf = torch.tensor(torch.inf, device=device)

    results = torch.stack([zero / zero, inf - inf, inf * zero, (-one).sqrt(), (-one).log()])

    assert results.isnan().tolist() == [True, True, True, True, True]


def test_a_root_of_a_negative_number_is_nan_even_if_it_exists(device):
    """A fractional power of a negative number is NaN, even the third root of -8."""
    x = torch.tensor([-8.0, 8.0], device=device)

    root, two = x.pow(1 / 3)

    assert str(root.item()) == "nan"
    assert two.item() == pytest.approx(2.0)
    assert x.pow(3).tolist() == [-512.0, 512.0]


def test_some_functions_of_nan_are_no_nan(device):
    """A few results don't depend on NaN: its power of 0 is 1, and so is each power of 1."""
    nan = torch.tensor([torch.nan], device=device)

    assert (nan**0).tolist() == [1.0]
    assert (1**nan).tolist() == [1.0]


def test_infinity_calculates_like_a_very_large_number(device):
    """Where there is an answer, infinity gives it: 1/inf is 0, exp(-inf) is 0, log(0) is -inf."""
    inf = torch.tensor([torch.inf], device=device)

    assert inf.reciprocal().tolist() == [0.0]
    assert inf.reciprocal().log().tolist() == [-torch.inf]
    assert (-inf).exp().tolist() == [0.0]
    assert inf.tanh().tolist() == [1.0]
    assert inf.clamp(max=5).tolist() == [5.0]


def test_maximum_keeps_nan_and_fmax_avoids_it(device):
    """`maximum`, `clamp` and `relu` keep NaN; `fmax` and `fmin` take the other number."""
    x = torch.tensor([torch.nan], device=device)
    one = torch.tensor([1.0], device=device)

    assert torch.maximum(x, one).isnan().tolist() == [True]
    assert x.clamp(one, one).isnan().tolist() == [True]
    assert x.relu().isnan().tolist() == [True]
    assert torch.fmax(x, one).tolist() == [1.0]
    assert torch.fmin(x, one).tolist() == [1.0]


@pytest.mark.parametrize(
    ("dtype", "largest"),
    [
        (torch.float16, 65504.0),
        (torch.bfloat16, 3.3895313892515355e38),
        (torch.float32, 3.4028234663852886e38),
        (torch.float64, 1.7976931348623157e308),
    ],
)
def test_results_too_large_for_a_float_are_infinite(dtype, largest, device):
    """Past the largest number of its dtype a result is infinite, without error or warning."""
    x = torch.tensor([largest, -largest], dtype=dtype, device=device)

    assert torch.finfo(dtype).max == largest
    assert x.tolist() == [largest, -largest]
    assert (x + x).tolist() == [torch.inf, -torch.inf]


def test_half_precision_ends_at_65504(device):
    """float16 ends at 65504: 70000 is infinite in it, while bfloat16 only rounds it."""
    x = torch.tensor([70000.0], device=device)

    assert x.to(torch.float16).tolist() == [torch.inf]
    assert x.to(torch.bfloat16).tolist() == [70144.0]


def test_results_too_small_for_a_float_are_zero(device):
    """A result too small for its dtype is zero: 1e-30 squared fits float64 but not float32."""
    x = torch.tensor([1e-30], device=device)

    assert (x * x).tolist() == [0.0]
    assert (x.double() * x.double()).tolist() == [pytest.approx(1e-60, rel=1e-6, abs=0)]


def test_softmax_ignores_minus_infinity_but_not_nan(device):
    """In `softmax`, -inf gets no share, which is how masks work; NaN spoils all."""
    masked = torch.tensor([-torch.inf, 0.0, 0.0], device=device)
    spoilt = torch.tensor([torch.nan, 0.0], device=device)

    assert masked.softmax(0).tolist() == [0.0, 0.5, 0.5]
    assert spoilt.softmax(0).isnan().tolist() == [True, True]


def test_softmax_of_nothing_but_minus_infinity_is_nan(device):
    """If every entry is masked with -inf, `softmax` is NaN throughout."""
    x = torch.tensor([-torch.inf, -torch.inf], device=device)

    assert x.softmax(0).isnan().tolist() == [True, True]


def test_zero_has_a_sign(device):
    """0.0 and -0.0 are equal, yet each keeps its sign and gives its own infinity."""
    x = torch.tensor([0.0, -0.0], device=device)

    assert (x == 0).tolist() == [True, True]
    assert x.signbit().tolist() == [False, True]
    assert x.reciprocal().tolist() == [torch.inf, -torch.inf]
    assert str((-x).tolist()) == "[-0.0, 0.0]"


def test_nan_counts_as_true(device):
    """NaN counts as true, since it isn't zero; -0.0 counts as false."""
    x = torch.tensor([torch.nan, -0.0], device=device)

    assert x.bool().tolist() == [True, False]
    assert x.count_nonzero().item() == 1


def test_integers_have_no_nan(device):
    """Integers have no NaN: making an integer tensor with it, or filling one, is refused."""
    x = torch.tensor([1, 2], device=device)

    with pytest.raises(RuntimeError, match="value cannot be converted to type int64"):
        torch.tensor([torch.nan], dtype=torch.int64, device=device)
    with pytest.raises(RuntimeError, match="value cannot be converted to type int64"):
        x.fill_(torch.nan)

    assert x.isnan().tolist() == [False, False]
    assert str((x * torch.nan).tolist()) == "[nan, nan]"


def test_unique_keeps_every_nan(device):
    """`unique` keeps every NaN, since none equals another."""
    x = torch.tensor([torch.nan, 1.0, torch.nan, 1.0], device=device)

    assert x.unique().isnan().sum().item() == 2
    assert x.unique().nansum().item() == 1.0
