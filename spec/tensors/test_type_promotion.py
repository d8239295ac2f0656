"""Type promotion.

When two tensors of different dtypes meet, the result has the smallest dtype that has room for
both kinds: booleans give way to integers, integers to floats, floats to complex numbers, and
within a kind the wider one wins.

What surprises: between an integer and a float only the float counts, however wide the integer
is. And numbers rank below tensors: a Python number, or a tensor without dimensions, may raise
the kind of a result but never its width.
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
    """Tensors of any two dtypes can be added; the table gives the dtype of the sum."""
    rights = [b1, u8, i8, i16, i32, i64, f16, bf16, f32, f64, c64, c128]
    one = torch.ones(1, dtype=left, device=device)

    made = [one + torch.ones(1, dtype=right, device=device) for right in rights]

    assert [tensor.dtype for tensor in made] == sums
# fmt: on


@pytest.mark.claim("self-mixed-dtypes")
def test_tensors_of_different_dtypes_can_be_combined(device):
    """Integers and floats can be added, multiplied and compared, as if all were floats."""
    whole = torch.tensor([1, 2], device=device)
    halves = torch.tensor([0.5, 2.0], device=device)

    assert (whole + halves).tolist() == [1.5, 4.0]
    assert (whole * halves).tolist() == [0.5, 4.0]
    assert (whole == halves).tolist() == [False, True]


def test_unsigned_and_signed_bytes_meet_in_16_bits(device):
    """Neither of uint8 and int8 has room for the other, so their sum is int16 and does not wrap."""
    unsigned = torch.tensor([200], dtype=torch.uint8, device=device)
    signed = torch.tensor([100], dtype=torch.int8, device=device)

    total = unsigned + signed

    assert total.dtype is torch.int16
    assert total.tolist() == [300]


def test_a_float_wins_over_a_wider_integer(device):
    """int64 and float16 give float16, although it cannot hold 2049."""
    large = torch.tensor([2049], device=device)
    zero = torch.zeros(1, dtype=torch.float16, device=device)

    total = large + zero

    assert total.dtype is torch.float16
    assert total.tolist() == [2048.0]


def test_a_python_number_of_the_same_kind_changes_nothing(device):
    """A tensor keeps its dtype beside a Python number of its own kind or a lower one."""
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
    """An integer tensor and a Python float give float32; a boolean one and an integer, int64."""
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
    """With float64 as default, an integer tensor beside a Python float or under `/` is float64."""
    whole = torch.tensor([1, 2])

    torch.set_default_dtype(torch.float64)
    made = [whole + 0.5, whole / 2, whole.sqrt()]
    torch.set_default_dtype(torch.float32)

    assert [tensor.dtype for tensor in made] == [torch.float64, torch.float64, torch.float64]


def test_the_size_of_a_python_number_does_not_count():
    """A Python integer is squeezed into the tensor's dtype: 300 becomes 44 beside int8."""
    small = torch.tensor([1], dtype=torch.int8)

    total = small + 300

    assert total.dtype is torch.int8
    assert total.tolist() == [45]


def test_a_tensor_without_dimensions_ranks_below_one_with(device):
    """A wider tensor without dimensions leaves the width alone, as a Python number does."""
    narrow = torch.ones(2, dtype=torch.float32, device=device)
    small = torch.ones(2, dtype=torch.int8, device=device)

    made = [
        narrow + torch.tensor(1.0, dtype=torch.float64, device=device),
        small + torch.tensor(1, dtype=torch.int64, device=device),
    ]

    assert [tensor.dtype for tensor in made] == [torch.float32, torch.int8]


def test_a_tensor_without_dimensions_of_a_higher_kind_brings_its_own_dtype(device):
    """Where its kind wins, its own dtype is taken, not the default one."""
    small = torch.ones(2, dtype=torch.int8, device=device)

    made = [
        small + torch.tensor(1.0, dtype=torch.float64, device=device),
        small + torch.tensor(1.0, dtype=torch.float16, device=device),
    ]

    assert [tensor.dtype for tensor in made] == [torch.float64, torch.float16]


def test_one_number_in_a_dimension_counts_in_full(device):
    """A tensor of shape (1,) has a dimension, so its width counts where that of () does not."""
    narrow = torch.ones(2, dtype=torch.float32, device=device)
    wide = torch.ones((), dtype=torch.float64, device=device)

    made = [narrow + wide, narrow + wide.reshape(1)]

    assert [tensor.dtype for tensor in made] == [torch.float32, torch.float64]


def test_tensors_without_dimensions_are_equals_of_each_other(device):
    """Among themselves they follow the table, and a Python number ranks below them."""
    small = torch.ones((), dtype=torch.int8, device=device)
    large = torch.ones((), dtype=torch.int64, device=device)

    made = [small + large, small + 1]

    assert [tensor.dtype for tensor in made] == [torch.int64, torch.int8]


def test_promote_types_reads_the_table():
    """`torch.promote_types` takes two dtypes and computes nothing else."""
    bytes_together = torch.promote_types(torch.uint8, torch.int8)
    halves_together = torch.promote_types(torch.float16, torch.bfloat16)

    assert bytes_together is torch.int16
    assert halves_together is torch.float32


def test_result_type_knows_the_ranks_too():
    """`torch.result_type` takes tensors and numbers, and says what their sum would be."""
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
    """A dtype can be cast to any of its own kind, however narrow, and to higher kinds."""
    kinds = [torch.bool, torch.int64, torch.float64, torch.complex64]
    ladder = [torch.bool, torch.int8, torch.int64, torch.float16, torch.float64, torch.complex64]

    castable = [[torch.can_cast(kind, to) for to in ladder] for kind in kinds]

    assert castable == [
        [True, True, True, True, True, True],
        [False, True, True, True, True, True],
        [False, False, False, True, True, True],
        [False, False, False, False, False, True],
    ]


@pytest.mark.torch("==2.3.*")
@pytest.mark.parametrize("other", [[0.5, 0.5], [1, 2]])
def test_wide_unsigned_integers_were_alone(other):
    """New in PyTorch 2.3, uint32 failed beside any other dtype at first, floats included."""
    wide = torch.tensor([1, 2], dtype=torch.uint32)

    with pytest.raises(RuntimeError, match="Promotion for uint16, uint32, uint64 types is not"):
        wide + torch.tensor(other)


@pytest.mark.torch(">=2.4")
def test_wide_unsigned_integers_are_not_promoted():
    """uint16, uint32 and uint64 stand outside the table: beside another integer they fail."""
    wide = torch.tensor([1, 2], dtype=torch.uint32)

    assert (wide + torch.tensor([0.5, 0.5])).tolist() == [1.5, 2.5]
    with pytest.raises(RuntimeError, match="Promotion for uint16, uint32, uint64 types is not"):
        wide + torch.tensor([1, 2])
