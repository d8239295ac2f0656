"""Type promotion.

When two tensors of different dtypes meet in an operation such as `+`, `*` or `==`, both are
converted to a common dtype first: booleans give way to integers, integers to floats, floats to
complex numbers, and within a kind usually the wider dtype wins. `+`, `-` and `*` give a result of
that dtype, comparisons give booleans. `torch.promote_types` and `torch.result_type` tell the common
dtype without computing.

Not everything promotes. In place a tensor keeps its dtype; matrix products want equal dtypes
(`spec/tensors/test_matrix_products.py`); `/` and `sqrt` make floats of integers
(`spec/tensors/test_division.py`, `spec/tensors/test_elementwise.py`); sums of integers are int64
(`spec/tensors/test_reductions.py`).

What surprises: between an integer and a float only the float dtype counts, so int64 and float16
give float16; and beside a tensor with dimensions, a Python number or a 0-dimensional tensor may
raise the kind of the result but not the width within a kind.
"""

import pytest
import torch
from torch import bfloat16 as bf16
from torch import bool as b1
from torch import complex64 as c64
from torch import complex128 as c128
from torch import float16 as f16
from torch import float32 as f32
from torch import float64 as f64
from torch import int8 as i8
from torch import int16 as i16
from torch import int32 as i32
from torch import int64 as i64
from torch import uint8 as u8


# fmt: off
@pytest.mark.claim("self-mixed-dtypes")
@pytest.mark.parametrize(
    ("left", "sums"),
    [
        # +     b1    u8    i8    i16   i32   i64   f16   bf16  f32   f64   c64   c128
        (b1,   [b1,   u8,   i8,   i16,  i32,  i64,  f16,  bf16, f32,  f64,  c64,  c128]),
        (u8,   [u8,   u8,   i16,  i16,  i32,  i64,  f16,  bf16, f32,  f64,  c64,  c128]),
        (i8,   [i8,   i16,  i8,   i16,  i32,  i64,  f16,  bf16, f32,  f64,  c64,  c128]),
        (i16,  [i16,  i16,  i16,  i16,  i32,  i64,  f16,  bf16, f32,  f64,  c64,  c128]),
        (i32,  [i32,  i32,  i32,  i32,  i32,  i64,  f16,  bf16, f32,  f64,  c64,  c128]),
        (i64,  [i64,  i64,  i64,  i64,  i64,  i64,  f16,  bf16, f32,  f64,  c64,  c128]),
        (f16,  [f16,  f16,  f16,  f16,  f16,  f16,  f16,  f32,  f32,  f64,  c64,  c128]),
        (bf16, [bf16, bf16, bf16, bf16, bf16, bf16, f32,  bf16, f32,  f64,  c64,  c128]),
        (f32,  [f32,  f32,  f32,  f32,  f32,  f32,  f32,  f32,  f32,  f64,  c64,  c128]),
        (f64,  [f64,  f64,  f64,  f64,  f64,  f64,  f64,  f64,  f64,  f64,  c128, c128]),
        (c64,  [c64,  c64,  c64,  c64,  c64,  c64,  c64,  c64,  c64,  c128, c64,  c128]),
        (c128, [c128, c128, c128, c128, c128, c128, c128, c128, c128, c128, c128, c128]),
    ],
)
def test_two_tensors_give_the_smallest_dtype_with_room_for_both(left, sums, device):
    """`+` of two bool, int8, int16, int32, int64, float16, float32, float64, complex64 or
    complex128 vectors has the dtype of the higher kind (bool < integer < float < complex), within
    a kind the wider one; but float64 + complex64 is complex128.

    With uint8 and bfloat16 it is the same, but uint8 + int8 is int16, float16 + bfloat16 is
    float32: in the exceptions neither dtype holds the other. uint16, uint32, uint64 and float8
    have other rules.
    """
    rights = [b1, u8, i8, i16, i32, i64, f16, bf16, f32, f64, c64, c128]
    one = torch.ones(1, dtype=left, device=device)

    made = [one + torch.ones(1, dtype=right, device=device) for right in rights]

    assert [tensor.dtype for tensor in made] == sums
# fmt: on


@pytest.mark.claim("self-mixed-dtypes")
def test_tensors_of_different_dtypes_can_be_combined(device):
    """`+`, `*` and `==` of the int64 tensor `torch.tensor([1, 2])` and the float32 tensor
    `torch.tensor([0.5, 2.0])` convert the integers to float32 first.

    More about `==` between dtypes: `spec/tensors/test_comparing.py`.
    """
    whole = torch.tensor([1, 2], device=device)
    halves = torch.tensor([0.5, 2.0], device=device)

    assert (whole + halves).tolist() == [1.5, 4.0]
    assert (whole * halves).tolist() == [0.5, 4.0]
    assert (whole == halves).tolist() == [False, True]


def test_unsigned_and_signed_bytes_meet_in_16_bits(device):
    """`+` of a uint8 and an int8 tensor, both with dimensions, gives int16: 200 + 100 is 300
    and does not wrap round.

    Because neither dtype holds all values of the other, and int16 holds those of both.
    """
    unsigned = torch.tensor([200], dtype=torch.uint8, device=device)
    signed = torch.tensor([100], dtype=torch.int8, device=device)

    total = unsigned + signed

    assert total.dtype is torch.int16
    assert total.tolist() == [300]


def test_a_float_wins_over_a_wider_integer(device):
    """`torch.tensor([2049]) + torch.zeros(1, dtype=torch.float16)`, int64 and float16, is a
    float16 tensor. Since float16 cannot hold 2049, the sum is 2048.

    Because the kind decides, not the number of bits. Convert with `.double()` first to keep
    integers up to 2**53.
    """
    large = torch.tensor([2049], device=device)
    zero = torch.zeros(1, dtype=torch.float16, device=device)

    total = large + zero

    assert total.dtype is torch.float16
    assert total.tolist() == [2048.0]


def test_a_python_number_of_the_same_kind_changes_nothing(device):
    """`x + 1` and `x + True` of an int8 tensor `x` are int8 tensors; `y + 1` and `y + 0.5` of a
    float16 tensor `y` are float16 tensors.

    Because a Python number of the same or a lower category (bool, integer, float, complex) does
    not take part in the choice of the dtype. So `y * 0.5 + 1` is float16 too, but `(y > 0) * 0.5`
    has the default dtype, float32, because bool is a lower category than float.
    """
    small = torch.ones(2, dtype=torch.int8, device=device)
    half = torch.ones(2, dtype=torch.float16, device=device)

    made = [small + 1, small + True, half + 1, half + 0.5]

    assert [tensor.dtype for tensor in made] == [
        torch.int8,
        torch.int8,
        torch.float16,
        torch.float16,
    ]


def test_a_python_number_of_a_higher_kind_gives_the_default_dtype(device):
    """With the default dtype float32, an int8 or bool tensor plus 0.5 gives float32, a bool
    tensor plus 1 int64, an int8 tensor plus `1j` complex64; a float64 tensor plus `1j` gives
    complex128.

    A bool tensor plus a Python int is int64. A bool or integer tensor plus a Python float has the
    default dtype (uint16, uint32 and uint64 tensors since PyTorch 2.4); plus `1j` it has the
    complex dtype of the default dtype. A float32 or float64 tensor plus `1j` keeps its precision.
    """
    flags = torch.tensor([True, False], device=device)
    small = torch.ones(2, dtype=torch.int8, device=device)
    double = torch.ones(2, dtype=torch.float64, device=device)

    made = [flags + 1, flags + 0.5, small + 0.5, small + 1j, double + 1j]

    assert [tensor.dtype for tensor in made] == [
        torch.int64,
        torch.float32,
        torch.float32,
        torch.complex64,
        torch.complex128,
    ]


def test_the_default_dtype_decides_what_integers_become():
    """After `torch.set_default_dtype(torch.float64)`, `x + 0.5`, `x / 2` and `x.sqrt()` of an
    int64 tensor are float64 instead of float32.
    """
    whole = torch.tensor([1, 2])

    torch.set_default_dtype(torch.float64)
    made = [whole + 0.5, whole / 2, whole.sqrt()]
    torch.set_default_dtype(torch.float32)

    assert [tensor.dtype for tensor in made] == [torch.float64, torch.float64, torch.float64]


def test_the_size_of_a_python_number_does_not_count():
    """`x + 300` of an int8 tensor stays int8, without an error: 300 is reduced to 44, its
    lowest 8 bits, so 1 + 300 is 45.

    Because only the kind of a Python number counts in promotion. Convert with `x.long()` first;
    NumPy 2 raises here.
    """
    small = torch.tensor([1], dtype=torch.int8)

    total = small + 300

    assert total.dtype is torch.int8
    assert total.tolist() == [45]


def test_a_tensor_without_dimensions_ranks_below_one_with(device):
    """`torch.ones(2) + torch.tensor(1.0, dtype=torch.float64)` is float32,
    `torch.ones(2, dtype=torch.int8) + torch.tensor(1)` is int8: in `+`, `-` and `*` a
    0-dimensional tensor of the same kind does not widen the dtype of one with dimensions.

    Because a 0-dimensional tensor ranks below one with dimensions: a 0-dimensional float64 scale
    or mean leaves float32 data float32. Integer data times a 0-dimensional float32 scale become
    float32. `torch.hstack` gives each 0-dimensional tensor a dimension first: of float32 data and
    a 0-dimensional float64 tensor it makes float64.
    """
    narrow = torch.ones(2, dtype=torch.float32, device=device)
    small = torch.ones(2, dtype=torch.int8, device=device)

    made = [
        narrow + torch.tensor(1.0, dtype=torch.float64, device=device),
        small + torch.tensor(1, dtype=torch.int64, device=device),
    ]

    assert [tensor.dtype for tensor in made] == [torch.float32, torch.int8]
    stacked = torch.hstack([narrow, torch.tensor(2.0, dtype=torch.float64, device=device)])
    assert stacked.dtype == torch.float64
    assert stacked.tolist() == [1.0, 1.0, 2.0]


def test_a_tensor_without_dimensions_of_a_higher_kind_brings_its_own_dtype(device):
    """`x + y` of an int8 `x` of shape (2,) and a 0-dimensional float64 or float16 `y` has
    the dtype of `y`; of a float32 `x` of that shape and a 0-dimensional complex128 `y` it
    is complex64.

    A Python float as `y` would make the int8 sum float32, the default dtype: unlike a
    0-dimensional tensor it has no dtype of its own. A complex128 `y` makes the float32 sum
    complex, but doesn't raise its precision.
    """
    small = torch.ones(2, dtype=torch.int8, device=device)

    made = [
        small + torch.tensor(1.0, dtype=torch.float64, device=device),
        small + torch.tensor(1.0, dtype=torch.float16, device=device),
        small.float() + torch.tensor(1j, dtype=torch.complex128, device=device),
    ]

    assert [tensor.dtype for tensor in made] == [torch.float64, torch.float16, torch.complex64]


def test_one_number_in_a_dimension_counts_in_full(device):
    """`x + y` of a float32 `x` of shape (2,) gives float64 for a float64 `y` of shape (1,), and
    float32 for a 0-dimensional float64 `y`.

    Because shape (1,) is a tensor with a dimension, and takes full part in promotion.
    `y.reshape(())` and `y.reshape(1)` thus lead to different dtypes.
    """
    narrow = torch.ones(2, dtype=torch.float32, device=device)
    wide = torch.ones((), dtype=torch.float64, device=device)

    made = [narrow + wide, narrow + wide.reshape(1)]

    assert [tensor.dtype for tensor in made] == [torch.float32, torch.float64]


def test_tensors_without_dimensions_are_equals_of_each_other(device):
    """`x + y` of a 0-dimensional int8 and a 0-dimensional int64 tensor gives int64, as between
    tensors with dimensions; a 0-dimensional int8 plus the Python number 1 stays int8.
    """
    small = torch.ones((), dtype=torch.int8, device=device)
    large = torch.ones((), dtype=torch.int64, device=device)

    made = [small + large, small + 1]

    assert [tensor.dtype for tensor in made] == [torch.int64, torch.int8]


def test_promote_types_reads_the_table():
    """`torch.promote_types(a, b)` gives the common dtype of two dtypes that have one: int16
    for uint8 and int8, float32 for float16 and bfloat16.

    It raises RuntimeError where there is none, such as for float8 and float32, or uint16 and int8,
    dtypes that newer releases have.
    """
    bytes_together = torch.promote_types(torch.uint8, torch.int8)
    halves_together = torch.promote_types(torch.float16, torch.bfloat16)

    assert bytes_together is torch.int16
    assert halves_together is torch.float32


def test_result_type_knows_the_ranks_too():
    """`torch.result_type(a, b)` of an int8 tensor `a` of shape (2,) is int8 for `b = 1`, float32
    (the default dtype) for `b = 0.5`, and float64 for a 0-dimensional float64 tensor `b`.

    It is the dtype of `a + b`. `promote_types` knows only dtypes, and so cannot tell that `1` does
    not widen an int8 tensor.
    """
    small = torch.ones(2, dtype=torch.int8)
    wide = torch.ones((), dtype=torch.float64)

    results = [
        torch.result_type(small, 1),
        torch.result_type(small, 0.5),
        torch.result_type(small, wide),
        torch.result_type(1, 2),
    ]

    assert results == [torch.int8, torch.float32, torch.float64, torch.int64]


def test_can_cast_forbids_only_a_lower_kind():
    """Among bool, integer (8 bits or more), float and complex dtypes, in this order of kinds,
    `torch.can_cast(a, b)` is True if `b` is of the same kind as `a`, narrower or not, or of a
    higher kind, and False for a lower kind.

    For bool, int64, float16, float64 and complex64 it is the rule for `+=` and for `torch.add`
    with `out=`: a float64 result may be written to float16, a float16 result may not be written to
    int64.
    """
    kinds = [torch.bool, torch.int64, torch.float64, torch.complex64]
    ladder = [torch.bool, torch.int8, torch.int64, torch.float16, torch.float64, torch.complex64]

    castable = [[torch.can_cast(kind, to) for to in ladder] for kind in kinds]

    assert castable == [
        [True, True, True, True, True, True],
        [False, True, True, True, True, True],
        [False, False, False, True, True, True],
        [False, False, False, False, False, True],
    ]


def test_in_place_results_of_the_same_kind_are_narrowed(device):
    """For `x = torch.tensor([1.0])`, `x += torch.tensor([0.1], dtype=torch.float64)` keeps
    float32 and rounds the sum. For `x = torch.tensor([100], dtype=torch.int8)`,
    `x += torch.tensor([100])` keeps int8 and wraps round to [-56].

    `x += y` raises RuntimeError where the dtype of `y` is of a higher kind, as float32 for an int8
    `x`: `spec/tensors/test_inplace_limits.py`. `x = x + y` gives the promoted dtype instead, here
    float64 and int64.
    """
    single = torch.tensor([1.0], device=device)
    small = torch.tensor([100], dtype=torch.int8, device=device)

    single += torch.tensor([0.1], dtype=torch.float64, device=device)
    small += torch.tensor([100], device=device)

    assert (single.dtype, single.tolist()) == (torch.float32, [1.100000023841858])
    assert (small.dtype, small.tolist()) == (torch.int8, [-56])


def test_out_refuses_a_lower_kind(device):
    """`torch.add(x, x, out=z)` of `x = torch.tensor([1, 2])` writes [2, 4] into
    `z = torch.zeros(2, dtype=torch.int8)` or a float32 `z`; of `x = torch.tensor([2.0, 4.0])` with
    int64 `z` it raises RuntimeError, "result type Float can't be cast".

    Make `z` with the `torch.result_type` of the two inputs as its dtype. `torch.matmul` is
    stricter: its `out=` must have the dtype of the product.
    """
    whole = torch.tensor([1, 2], device=device)
    narrow = torch.zeros(2, dtype=torch.int8, device=device)
    floats = torch.zeros(2, device=device)

    torch.add(whole, whole, out=narrow)
    torch.add(whole, whole, out=floats)

    assert narrow.tolist() == [2, 4]
    assert floats.tolist() == [2.0, 4.0]
    with pytest.raises(RuntimeError, match="result type Float can't be cast"):
        torch.add(floats, floats, out=whole)


@pytest.mark.torch("==2.3.*")
@pytest.mark.parametrize("other", [[0.5, 0.5], [1, 2]])
def test_wide_unsigned_integers_were_alone(other):
    """In PyTorch 2.3 a `torch.uint32` vector `x` plus an int64 or float32 vector raised
    RuntimeError; convert with `x.long()` first.
    """
    x = torch.tensor([1, 2], dtype=torch.uint32)

    with pytest.raises(RuntimeError, match="Promotion for uint16, uint32, uint64 types is not"):
        x + torch.tensor(other)


@pytest.mark.torch(">=2.4")
def test_wide_unsigned_integers_are_not_promoted():
    """Since PyTorch 2.4 a `torch.uint32` vector `x` plus a float32 vector gives float32; `x` plus
    an int64 vector raises RuntimeError: convert with `x.long()` first.

    uint16, uint32 and uint64 are left out of the promotion between integers.
    """
    x = torch.tensor([1, 2], dtype=torch.uint32)

    total = x + torch.tensor([0.5, 0.5])

    assert (total.dtype, total.tolist()) == (torch.float32, [1.5, 2.5])
    with pytest.raises(RuntimeError, match="Promotion for uint16, uint32, uint64 types is not"):
        x + torch.tensor([1, 2])
