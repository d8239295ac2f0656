"""Operations and dtypes.

Most operations promote, but the dtype of a result is not always that of the operands:
comparisons give booleans, `/` and `sqrt` give floats, sums of small integers are wide.

Some operations do not promote at all. In place a tensor keeps its dtype, so a result of a higher
kind is refused; and matrix products want both sides to be alike, which is what a newcomer meets
when float64 data from NumPy reaches a float32 model.
"""

import pytest
import torch


@pytest.mark.parametrize(
    "compare", [torch.eq, torch.ne, torch.lt, torch.le, torch.gt, torch.ge, torch.isclose]
)
def test_comparisons_give_booleans(compare, device):
    """Whatever is compared, the answer is a tensor of booleans."""
    x = torch.tensor([1.0, 2.0], device=device)

    answer = compare(x, x)

    assert answer.dtype is torch.bool


def test_comparisons_promote_before_they_compare(device):
    """As float32, the integer 16777217 equals 16777216.0; as integers the two differ."""
    integer = torch.tensor([16_777_217], device=device)
    single = torch.tensor([16_777_216.0], device=device)

    assert (integer == single).tolist() == [True]
    assert (integer == single.long()).tolist() == [False]


def test_division_of_whole_numbers_gives_float32(device):
    """`/` of integers, and of booleans, gives float32, even of 64-bit integers."""
    dtypes = [torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]
    ones = [torch.ones(1, dtype=dtype, device=device) for dtype in dtypes]

    assert [(one / one).dtype for one in ones] == [torch.float32] * 6


def test_functions_of_real_numbers_turn_integers_into_floats(device):
    """`sqrt`, `exp`, `sigmoid` and the like give float32 for integers; `abs` leaves them."""
    whole = torch.tensor([4, 9], dtype=torch.int8, device=device)

    made = [whole.sqrt(), whole.exp(), whole.sigmoid(), whole.abs(), whole.relu()]

    assert whole.sqrt().tolist() == [2.0, 3.0]
    assert [tensor.dtype for tensor in made] == [
        torch.float32,
        torch.float32,
        torch.float32,
        torch.int8,
        torch.int8,
    ]


def test_sums_of_integers_are_int64(device):
    """`sum`, `prod` and `cumsum` of any integers are int64, so they do not wrap; `max` stays."""
    x = torch.tensor([100, 100], dtype=torch.int8, device=device)

    assert (x.sum().item(), x.sum().dtype) == (200, torch.int64)
    assert (x.prod().item(), x.prod().dtype) == (10_000, torch.int64)
    assert (x.cumsum(0).tolist(), x.cumsum(0).dtype) == ([100, 200], torch.int64)
    assert (x.max().item(), x.max().dtype) == (100, torch.int8)


def test_the_mean_of_integers_must_be_told_a_dtype(device):
    """`mean` promotes nothing: integers need `dtype=` or a conversion first."""
    x = torch.tensor([1, 2], device=device)

    assert x.mean(dtype=torch.float64).item() == 1.5
    with pytest.raises(RuntimeError, match="could not infer output dtype"):
        x.mean()


@pytest.mark.parametrize(
    ("target", "other", "words"),
    [
        (torch.int64, torch.float32, "result type Float can't be cast to .* output type Long"),
        (torch.bool, torch.int64, "result type Long can't be cast to .* output type Bool"),
        (torch.float32, torch.complex64, "type ComplexFloat can't be cast to .* type Float"),
    ],
)
def test_in_place_results_of_a_higher_kind_are_refused(target, other, words, device):
    """`x += y` cannot change the dtype of `x`, so `y` must not be of a higher kind."""
    x = torch.ones(2, dtype=target, device=device)
    y = torch.ones(2, dtype=other, device=device)

    with pytest.raises(RuntimeError, match=words):
        x += y


def test_in_place_results_of_the_same_kind_are_narrowed(device):
    """`x += y` takes a wider `y` of its own kind, and rounds or wraps the sum to fit `x`."""
    single = torch.tensor([1.0], device=device)
    small = torch.tensor([100], dtype=torch.int8, device=device)

    single += torch.tensor([0.1], dtype=torch.float64, device=device)
    small += torch.tensor([100], device=device)

    assert (single.dtype, single.tolist()) == (torch.float32, [1.100000023841858])
    assert (small.dtype, small.tolist()) == (torch.int8, [-56])


def test_out_accepts_a_higher_kind_only(device):
    """`out=` may be wider or of a higher kind than the result, but not of a lower kind."""
    whole = torch.tensor([1, 2], device=device)
    floats = torch.zeros(2, device=device)

    torch.add(whole, whole, out=floats)

    assert floats.tolist() == [2.0, 4.0]
    with pytest.raises(RuntimeError, match="result type Float can't be cast"):
        torch.add(floats, floats, out=whole)


def test_integers_take_no_float_alpha(device):
    """`torch.add(x, y, alpha=0.5)` is for floats: between integers `alpha` must be an integer."""
    whole = torch.tensor([1, 2], device=device)

    assert torch.add(whole.float(), whole, alpha=0.5).tolist() == [1.5, 3.0]
    with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
        torch.add(whole, whole, alpha=0.5)


def test_matrices_of_different_dtypes_are_not_multiplied():
    """`@` wants both matrices to be of one dtype; `*` between the same two promotes."""
    single = torch.ones(2, 2)
    double = torch.ones(2, 2, dtype=torch.float64)

    assert (single * double).dtype is torch.float64
    assert (single.double() @ double).tolist() == [[2.0, 2.0], [2.0, 2.0]]
    with pytest.raises(RuntimeError, match=r"(?i)float.*double"):
        single @ double


def test_dot_does_not_promote_either():
    """`torch.dot` of a float32 and a float64 vector is refused."""
    single = torch.tensor([1.0, 2.0])

    assert torch.dot(single, single).item() == 5.0
    with pytest.raises(RuntimeError, match="expected both vectors to have same dtype"):
        torch.dot(single, single.double())


def test_a_float32_model_refuses_float64_data():
    """NumPy's floats are float64, a layer's weights float32: the data, or the model, must move."""
    layer = torch.nn.Linear(2, 1)
    data = torch.zeros(3, 2, dtype=torch.float64)

    assert layer(data.float()).dtype is torch.float32
    with pytest.raises(RuntimeError, match="mat1 and mat2 must have the same dtype"):
        layer(data)

    layer.double()

    assert layer(data).dtype is torch.float64


def test_cat_and_stack_promote(device):
    """`cat` and `stack` give the dtype that has room for all of their tensors."""
    whole = torch.tensor([1, 2], device=device)
    half = torch.tensor([0.5, 1.5], dtype=torch.float16, device=device)

    joined = torch.cat([whole, half])
    stacked = torch.stack([whole, half])

    assert (joined.dtype, joined.tolist()) == (torch.float16, [1.0, 2.0, 0.5, 1.5])
    assert (stacked.dtype, stacked.tolist()) == (torch.float16, [[1.0, 2.0], [0.5, 1.5]])


def test_where_promotes(device):
    """`torch.where` chooses between tensors of different dtypes, and between one and a number."""
    choice = torch.tensor([True, False], device=device)
    whole = torch.tensor([1, 2], device=device)
    halves = torch.tensor([0.5, 1.5], dtype=torch.float64, device=device)

    between_tensors = torch.where(choice, whole, halves)
    with_number = torch.where(choice, whole, 0.5)

    assert (between_tensors.dtype, between_tensors.tolist()) == (torch.float64, [1.0, 1.5])
    assert (with_number.dtype, with_number.tolist()) == (torch.float32, [1.0, 0.5])


def test_assignment_converts_to_the_dtype_of_the_target(device):
    """`x[0] = 2.75` writes 2 into an integer tensor, without a word."""
    x = torch.zeros(3, dtype=torch.int64, device=device)

    x[0] = 2.75
    x[1:] = torch.tensor([-3.75, 4.75], device=device)

    assert x.tolist() == [2, -3, 4]


def test_assignment_by_an_index_tensor_does_not_convert(device):
    """`x[indices] = values` wants values of the dtype of `x`; `x[0:2] = values` converts them."""
    x = torch.zeros(3, dtype=torch.int64, device=device)
    indices = torch.tensor([0, 1], device=device)

    x[indices] = torch.tensor([5, 6], device=device)
    x[1:3] = torch.tensor([7.0, 8.0], device=device)

    assert x.tolist() == [5, 7, 8]
    with pytest.raises(RuntimeError, match="source and destination dtypes match"):
        x[indices] = torch.tensor([7.0, 8.0], device=device)


def test_scatter_does_not_convert(device):
    """`scatter_` wants what it scatters to be of the dtype of its target."""
    x = torch.zeros(3, device=device)
    indices = torch.tensor([2], device=device)

    x.scatter_(0, indices, torch.tensor([5.0], device=device))

    assert x.tolist() == [0.0, 0.0, 5.0]
    with pytest.raises(RuntimeError, match=r"Expected self.dtype to be equal to src.dtype"):
        x.scatter_(0, indices, torch.tensor([5], device=device))


def test_bits_are_combined_between_integers_only():
    """`&` promotes among integers and booleans, and is not defined for floats."""
    bits = torch.tensor([6, 5])
    flags = torch.tensor([True, False])

    small = torch.tensor([3, 4], dtype=torch.int8)

    assert (bits & small).tolist() == [2, 4]
    assert (bits & small).dtype is (bits & flags).dtype is torch.int64
    with pytest.raises(RuntimeError, match="not implemented for 'Float'"):
        bits & torch.tensor([1.0, 2.0])
