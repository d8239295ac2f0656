"""NaN, infinities and signed zeros.

Besides numbers, float16, bfloat16, float32 and float64 hold two infinities, NaN ("not a number",
the result of 0 / 0) and a zero for each sign. Arithmetic on them raises no error but carries them
along: a single NaN makes a sum, a mean or a maximum NaN. `isnan`, `isfinite` and `nan_to_num` find
and replace them. How integer division treats zero is told in `spec/tensors/test_division.py`,
numbers too large for float16 in `spec/tensors/test_conversion.py`.

What surprises: NaN isn't equal to itself, is sorted as the largest value, and counts as true;
multiplying by 0 doesn't remove it, and `torch.where` doesn't keep it out of a gradient
(`spec/autograd/test_gradient_edges.py`). Integer dtypes have no NaN.
"""

import pytest
import torch


def test_nan_is_not_equal_to_itself(device):
    """`x == x` is false where a dense float32 tensor `x` is NaN; by `==`, `<` and `>` NaN is
    neither equal to, less than, nor greater than any float or NaN.

    So `x != x` finds NaN, as does `x.isnan()`.
    """
    x = torch.tensor([torch.nan, 1.0], device=device)

    assert (x == x).tolist() == [False, True]
    assert (x != x).tolist() == [True, False]
    assert (x < 2).tolist() == [False, True]
    assert (x >= 1).tolist() == [False, True]
    assert (x > 0).tolist() == [False, True]
    assert (x < torch.nan).tolist() == (x > torch.nan).tolist() == [False, False]


def test_isnan_finds_what_equality_does_not(device):
    """For a dense float32 tensor `x.isnan()` is True at each NaN, `x.isinf()` at both infinities,
    `x.isposinf()` at inf only, `x.isneginf()` at -inf only, and `x.isfinite()` at all the rest.
    """
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, 1.0], device=device)

    assert x.isnan().tolist() == [True, False, False, False]
    assert x.isinf().tolist() == [False, True, True, False]
    assert x.isposinf().tolist() == [False, True, False, False]
    assert x.isneginf().tolist() == [False, False, True, False]
    assert x.isfinite().tolist() == [False, False, False, True]


def test_nan_is_not_in_its_own_tensor():
    """`torch.nan in x` is `False` even where the dense float32 tensor `x` holds NaN.

    Because `in` compares with `==`. Write `x.isnan().any()`.
    """
    x = torch.tensor([torch.nan, torch.inf])

    assert (torch.nan in x) is False
    assert (torch.inf in x) is True
    assert x.isnan().any().item() is True


@pytest.mark.torch("!=2.1.0")
def test_a_tensor_with_nan_is_not_equal_to_itself(device):
    """For `x = torch.tensor([1.0, torch.nan])`, `torch.equal(x, x.clone())` is `False`, and on
    the CPU so is `torch.equal(x, x)`.

    PyTorch 2.1.0 took a tensor for equal to itself without a look at its elements, and on CUDA
    later releases may do so.
    """
    x = torch.tensor([1.0, torch.nan], device=device)
    on_cpu = x.cpu()
    finite = torch.tensor([1.0, torch.inf], device=device)

    assert torch.equal(x, x.clone()) is False
    assert torch.equal(on_cpu, on_cpu) is False
    assert torch.equal(finite, finite) is True


def test_equal_nan_lets_nan_be_close_to_nan(device):
    """`torch.isclose` and `torch.allclose` of dense float32 tensors count two NaN as close only
    with `equal_nan=True`; two infinities of the same sign are close with and without
    `equal_nan=True`.
    """
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
    """A single NaN in a dense float32 tensor makes `sum()`, `mean()`, `prod()`, `max()`, `min()`,
    `amax()`, `amin()`, `median()`, `std()`, `var()` and `norm()` of all its elements NaN.

    NumPy's functions do the same. Use `nansum`, `nanmean`, or first drop the NaNs: `x[~x.isnan()]`.
    """
    x = torch.tensor([1.0, torch.nan, 3.0], device=device)

    assert str(getattr(x, name)().item()) == "nan"


def test_cumsum_is_nan_from_the_first_nan_on(device):
    """`x.cumsum(0)` of a dense float32 vector is NaN from the first NaN on."""
    x = torch.tensor([1.0, 2.0, torch.nan, 4.0], device=device)

    assert str(x.cumsum(0).tolist()) == "[1.0, 3.0, nan, nan]"


def test_argmax_points_to_the_first_nan(device):
    """`x.argmax()` and `x.argmin()` of a dense float32 vector with NaN both give the index
    of the first NaN, and so does `x.max(0).indices`.
    """
    x = torch.tensor([1.0, torch.nan, 3.0, torch.nan], device=device)

    assert x.argmax().item() == 1
    assert x.argmin().item() == 1
    assert x.max(0).indices.item() == 1


def test_nan_is_sorted_behind_infinity(device):
    """`x.sort()` and `x.topk(1)` treat NaN as larger than infinity: of a float32 vector `x`
    with a NaN, `x.sort()` puts the NaN last, and `x.topk(1)` returns it as the largest
    element.
    """
    x = torch.tensor([3.0, torch.nan, torch.inf, 1.0], device=device)

    assert str(x.sort().values.tolist()) == "[1.0, 3.0, inf, nan]"
    assert str(x.sort(descending=True).values.tolist()) == "[nan, inf, 3.0, 1.0]"
    assert str(x.topk(2).values.tolist()) == "[nan, inf]"
    assert x.topk(1).values.isnan().tolist() == [True]


def test_the_nan_functions_leave_nan_out(device):
    """`nansum`, `nanmean`, `nanmedian` and `nanquantile(0.5)` skip NaN: of the float32 vector
    [1, NaN, 4] they are 5, 2.5, 1 and 2.5.

    `nanmedian` is 1, since of two middle values it takes the lower one.
    """
    x = torch.tensor([1.0, torch.nan, 4.0], device=device)

    assert x.nansum().item() == 5.0
    assert x.nanmean().item() == 2.5
    assert x.nanmedian().item() == 1.0
    assert x.nanquantile(0.5).item() == 2.5


def test_when_all_is_nan_little_is_left(device):
    """If every element of a dense float32 tensor `x` is NaN, `x.nansum()` is 0 and
    `x.nanmean()` is NaN.

    They are the sum and the mean of no elements.
    """
    x = torch.tensor([torch.nan, torch.nan], device=device)

    assert x.nansum().item() == 0.0
    assert str(x.nanmean().item()) == "nan"


def test_nan_to_num_puts_numbers_in_their_place(device):
    """`x.nan_to_num()` of a dense float32 tensor returns a new tensor: NaN is replaced by 0 and
    the infinities by the largest and the lowest finite float32, or by the values of `nan=`,
    `posinf=` and `neginf=`.
    """
    x = torch.tensor([torch.nan, torch.inf, -torch.inf, 1.0], device=device)
    largest = 3.4028234663852886e38

    assert x.nan_to_num().tolist() == [0.0, largest, -largest, 1.0]
    assert x.nan_to_num(nan=7, posinf=8, neginf=9).tolist() == [7.0, 8.0, 9.0, 1.0]


def test_where_replaces_nan_and_indexing_drops_it(device):
    """For a float32 tensor `x`, `torch.where(x.isnan(), -1.0, x)` replaces NaN by -1, and
    `x[x.isfinite()]` leaves NaN and infinities out.
    """
    x = torch.tensor([1.0, torch.nan, 3.0, torch.inf], device=device)

    assert torch.where(x.isnan(), -1.0, x).tolist() == [1.0, -1.0, 3.0, torch.inf]
    assert x[x.isfinite()].tolist() == [1.0, 3.0]


def test_multiplying_by_zero_does_not_mask_nan(device):
    """`x * 0` of a float32 tensor is not 0 where `x` is NaN or infinite: there it is NaN.

    A mask is applied with `masked_fill` or `torch.where`, not by multiplication.
    """
    x = torch.tensor([torch.nan, torch.inf, 5.0], device=device)

    assert str((x * 0).tolist()) == "[nan, nan, 0.0]"
    assert x.masked_fill(~x.isfinite(), 0).tolist() == [0.0, 0.0, 5.0]


def test_what_has_no_answer_is_nan(device):
    """`0 / 0`, `inf - inf`, `inf * 0`, and `sqrt` and `log` of -1 are NaN in float32 tensors,
    without an error.

    Python's `0.0 / 0.0` and `math.sqrt(-1)` raise.
    """
    zero = torch.tensor(0.0, device=device)
    one = torch.tensor(1.0, device=device)
    inf = torch.tensor(torch.inf, device=device)

    results = torch.stack([zero / zero, inf - inf, inf * zero, (-one).sqrt(), (-one).log()])

    assert results.isnan().tolist() == [True, True, True, True, True]


def test_a_root_of_a_negative_number_is_nan_even_if_it_exists(device):
    """`x.pow(1 / 3)` of a finite negative float32 is NaN, also of -8, whose cube root is -2.

    Because the float `1 / 3` is not exactly a third but an odd number over a power of 2: as for
    the exponent 0.25, a negative number has no real power for it. Write
    `x.sign() * x.abs().pow(1 / 3)`. Of -inf the power is inf.
    """
    x = torch.tensor([-8.0, 8.0, -torch.inf], device=device)

    root, two, infinite = x.pow(1 / 3)

    assert str(root.item()) == "nan"
    assert x.pow(0.25).tolist() == pytest.approx([torch.nan, 1.681793, torch.inf], nan_ok=True)
    assert two.item() == pytest.approx(2.0)
    assert (x.sign() * x.abs().pow(1 / 3)).tolist() == pytest.approx([-2.0, 2.0, -torch.inf])
    assert infinite.item() == torch.inf


def test_some_functions_of_nan_are_no_nan(device):
    """With `nan = torch.tensor([torch.nan])`, which is float32, `nan ** 0` and `1 ** nan` are 1,
    not NaN.

    Because `x ** 0` is 1 for any float32 `x`, and so is `1 ** x`.
    """
    nan = torch.tensor([torch.nan], device=device)

    assert (nan**0).tolist() == [1.0]
    assert (1**nan).tolist() == [1.0]


def test_infinity_calculates_like_a_very_large_number(device):
    """In dense float32 tensors `torch.reciprocal` of inf is 0, `torch.exp` of -inf is 0,
    `torch.tanh` of inf is 1, `torch.log` of 0 is -inf, and `torch.clamp(x, max=5)` of inf
    is 5.

    These are the limits of the functions.
    """
    inf = torch.tensor([torch.inf], device=device)

    assert inf.reciprocal().tolist() == [0.0]
    assert inf.reciprocal().log().tolist() == [-torch.inf]
    assert (-inf).exp().tolist() == [0.0]
    assert inf.tanh().tolist() == [1.0]
    assert inf.clamp(max=5).tolist() == [5.0]


def test_maximum_keeps_nan_and_fmax_avoids_it(device):
    """With `x = torch.tensor([torch.nan])` and `one = torch.tensor([1.0])`,
    `torch.maximum(x, one)`, `x.clamp(min=one)` and `x.relu()` are NaN, but `torch.fmax(x, one)`
    and `torch.fmin(x, one)` are 1.
    """
    x = torch.tensor([torch.nan], device=device)
    one = torch.tensor([1.0], device=device)

    assert torch.maximum(x, one).isnan().tolist() == [True]
    assert x.clamp(min=one).isnan().tolist() == [True]
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
@pytest.mark.spare("1", reason="2 and any other small number is rounded away as well")
def test_results_too_large_for_a_float_are_infinite(dtype, largest, device):
    """`x + x` of the largest finite number of float16, bfloat16, float32 or float64 is
    infinite, without an error or a warning.

    A sum that is rounded back to the largest number stays finite: 65504 + 1 is 65504 in
    float16.
    """
    x = torch.tensor([largest, -largest], dtype=dtype, device=device)

    assert torch.finfo(dtype).max == largest
    assert x.tolist() == [largest, -largest]
    assert (x + x).tolist() == [torch.inf, -torch.inf]
    assert (x + 1).tolist() == [largest, -largest]


def test_results_too_small_for_a_float_are_zero(device):
    """For `x = torch.tensor([1e-30])` in float32, `x * x` is 0, because 1e-60 is too small for
    float32; `x.double() * x.double()` is about 1e-60.
    """
    x = torch.tensor([1e-30], device=device)

    assert (x * x).tolist() == [0.0]
    assert (x.double() * x.double()).tolist() == [pytest.approx(1e-60, rel=1e-6, abs=0)]


def test_softmax_ignores_minus_infinity_but_not_nan(device):
    """`torch.tensor([-torch.inf, 0.0, 0.0]).softmax(0)` is [0, 0.5, 0.5]: -inf beside
    finite entries gets the probability 0. In `x.softmax(-1)` of a float32 matrix `x` a NaN
    makes its whole row NaN, and no other row.

    So a float attention mask holds -inf where nothing is to be attended to.
    """
    masked = torch.tensor([-torch.inf, 0.0, 0.0], device=device)
    spoilt = torch.tensor([torch.nan, 0.0], device=device)

    assert masked.softmax(0).tolist() == [0.0, 0.5, 0.5]
    assert spoilt.softmax(0).isnan().tolist() == [True, True]
    rows = torch.stack([spoilt, torch.zeros(2, device=device)])

    assert rows.softmax(-1).isnan().tolist() == [[True, True], [False, False]]


def test_softmax_of_nothing_but_minus_infinity_is_nan(device):
    """`x.softmax(0)` of a dense float32 vector whose entries are all -inf is NaN in every entry.

    So a row that is masked entirely with -inf turns into NaN in `softmax`: leave at least one
    entry unmasked. Replacing the row afterwards mends the values, but where -inf was added to the
    scores their gradient is NaN.
    """
    x = torch.tensor([-torch.inf, -torch.inf], device=device)

    assert x.softmax(0).isnan().tolist() == [True, True]


def test_zero_has_a_sign(device):
    """In dense float32 tensors 0.0 and -0.0 are equal, but `x.signbit()` distinguishes
    them, and `x.reciprocal()` is inf for 0.0 and -inf for -0.0.
    """
    x = torch.tensor([0.0, -0.0], device=device)

    assert (x == 0).tolist() == [True, True]
    assert x.signbit().tolist() == [False, True]
    assert x.reciprocal().tolist() == [torch.inf, -torch.inf]
    assert str((-x).tolist()) == "[-0.0, 0.0]"


def test_nan_counts_as_true(device):
    """`x.bool()` of a float32 NaN is `True`, of -0.0 `False`; `x.count_nonzero()` counts NaN.

    Because only zero is false.
    """
    x = torch.tensor([torch.nan, -0.0], device=device)

    assert x.bool().tolist() == [True, False]
    assert x.count_nonzero().item() == 1


def test_integers_have_no_nan(device):
    """`x.fill_(torch.nan)` on a dense int64 CPU tensor raises a RuntimeError; `x * torch.nan`
    gives a float tensor.

    Because integers have no NaN; `torch.tensor([torch.nan], dtype=torch.int64)` raises too
    (`spec/tensors/test_from_data.py`). `.to(torch.int64)` of a float NaN is not refused, but its
    result is arbitrary.
    """
    x = torch.tensor([1, 2], device=device)

    with pytest.raises(RuntimeError, match="value cannot be converted to type int64"):
        x.fill_(torch.nan)

    assert x.isnan().tolist() == [False, False]
    assert str((x * torch.nan).tolist()) == "[nan, nan]"
    assert (x * torch.nan).dtype == torch.float32


def test_nan_converted_to_an_integer_is_some_integer():
    """`x.long()` of `x = torch.tensor([torch.nan, 2.0])` raises no error and gives some integer
    for NaN, which `isnan` doesn't find any more; Python's `int(x[0])` raises ValueError, "cannot
    convert float NaN to integer".

    C++ leaves the conversion undefined: another processor or dtype may give another number.
    Call `x.nan_to_num()` first, or look for NaN with `isnan().any()`.
    """
    x = torch.tensor([torch.nan, 2.0])

    assert x.long()[1].item() == 2
    assert x.long().isnan().tolist() == [False, False]
    assert x.nan_to_num(nan=-1).long().tolist() == [-1, 2]
    with pytest.raises(ValueError, match="cannot convert float NaN to integer"):
        int(x[0])


def test_unique_keeps_every_nan(device):
    """`x.unique()` of a dense float32 tensor keeps each NaN of `x`.

    Because no NaN equals another.
    """
    x = torch.tensor([torch.nan, 1.0, torch.nan, 1.0], device=device)

    assert x.unique().isnan().sum().item() == 2
    assert x.unique().nansum().item() == 1.0
