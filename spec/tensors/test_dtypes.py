"""The dtypes there are.

Every tensor holds numbers of one dtype: booleans, integers of 8 to 64 bits, floats of 16 to 64
bits, or complex numbers. The dtype says how many bytes a number takes, how large it can be and
how many digits it keeps.

Floats are float32 and integers int64 unless one asks otherwise. float16 and bfloat16 both take
two bytes and spend them differently: float16 on digits, bfloat16 on range.
"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F


@pytest.mark.parametrize(
    ("dtype", "size", "type_name"),
    [
        (torch.bool, 1, "torch.BoolTensor"),
        (torch.uint8, 1, "torch.ByteTensor"),
        (torch.int8, 1, "torch.CharTensor"),
        (torch.int16, 2, "torch.ShortTensor"),
        (torch.int32, 4, "torch.IntTensor"),
        (torch.int64, 8, "torch.LongTensor"),
        (torch.float16, 2, "torch.HalfTensor"),
        (torch.bfloat16, 2, "torch.BFloat16Tensor"),
        (torch.float32, 4, "torch.FloatTensor"),
        (torch.float64, 8, "torch.DoubleTensor"),
        (torch.complex64, 8, "torch.ComplexFloatTensor"),
        (torch.complex128, 16, "torch.ComplexDoubleTensor"),
    ],
)
def test_a_dtype_has_a_size_in_bytes_and_an_old_type_name(dtype, size, type_name):
    """The name says the bits, eight to a byte; `tensor.type()` still gives the older name."""
    tensor = torch.zeros(3, dtype=dtype)

    assert tensor.element_size() == size
    assert tensor.type() == type_name


@pytest.mark.parametrize(
    ("alias", "dtype"),
    [
        ("half", torch.float16),
        ("float", torch.float32),
        ("double", torch.float64),
        ("short", torch.int16),
        ("int", torch.int32),
        ("long", torch.int64),
        ("cfloat", torch.complex64),
        ("cdouble", torch.complex128),
    ],
)
def test_some_dtypes_have_a_name_from_c(alias, dtype):
    """`torch.long` and `torch.int64` are one object under two names."""
    assert getattr(torch, alias) is dtype


def test_floats_are_float32_and_integers_int64_by_default():
    """Python's floats become float32, its integers int64 and its complex numbers complex64."""
    made = [torch.tensor(0.5), torch.tensor(5), torch.tensor(5j)]

    assert torch.get_default_dtype() is torch.float32
    assert [tensor.dtype for tensor in made] == [torch.float32, torch.int64, torch.complex64]


def test_the_default_dtype_rules_all_that_is_made_of_floats():
    """`set_default_dtype` changes what floats become, and complex numbers; integers stay int64."""
    torch.set_default_dtype(torch.float64)
    made = [torch.tensor(0.5), torch.zeros(1), torch.Tensor([1]), torch.arange(0.5)]
    complex_number = torch.tensor(2j)
    integer = torch.tensor(5)
    torch.set_default_dtype(torch.float32)

    assert [tensor.dtype for tensor in made] == [torch.float64] * 4
    assert complex_number.dtype is torch.complex128
    assert integer.dtype is torch.int64


def test_the_default_dtype_must_be_a_float():
    """There is no default for integers to change: `set_default_dtype` refuses them."""
    with pytest.raises(TypeError, match="only floating-point types are supported as the default"):
        torch.set_default_dtype(torch.int32)


def test_pythons_own_types_serve_as_dtypes():
    """`dtype=float` is Python's float, which is float64, and so not torch's default."""
    made = [torch.zeros(2, dtype=float), torch.zeros(2, dtype=int), torch.zeros(2, dtype=bool)]

    assert [tensor.dtype for tensor in made] == [torch.float64, torch.int64, torch.bool]


def test_a_dtype_is_no_string_and_not_numpys():
    """A torch dtype equals neither its name nor NumPy's dtype of that name."""
    equal = [torch.float32 == other for other in ("float32", np.float32, torch.float)]

    assert equal == [False, False, True]
    assert str(torch.float32) == "torch.float32"
    with pytest.raises(TypeError, match="dtype"):
        torch.zeros(2, dtype="float32")


@pytest.mark.parametrize(
    ("dtype", "smallest", "largest"),
    [
        (torch.uint8, 0, 255),
        (torch.int8, -128, 127),
        (torch.int16, -32_768, 32_767),
        (torch.int32, -2_147_483_648, 2_147_483_647),
        (torch.int64, -9_223_372_036_854_775_808, 9_223_372_036_854_775_807),
    ],
)
def test_iinfo_knows_the_range_of_an_integer(dtype, smallest, largest):
    """`torch.iinfo` gives the smallest and the largest number an integer dtype can hold."""
    info = torch.iinfo(dtype)

    assert (info.min, info.max) == (smallest, largest)


@pytest.mark.parametrize(
    ("dtype", "largest", "step_after_one", "smallest_normal"),
    [
        (torch.float16, 65504.0, 2**-10, 2**-14),
        (torch.bfloat16, (2 - 2**-7) * 2.0**127, 2**-7, 2**-126),
        (torch.float32, (2 - 2**-23) * 2.0**127, 2**-23, 2**-126),
        (torch.float64, (2 - 2**-52) * 2.0**1023, 2**-52, 2**-1022),
    ],
)
def test_finfo_knows_range_and_precision_of_a_float(
    dtype, largest, step_after_one, smallest_normal
):
    """`torch.finfo` gives the largest number, the gap after 1 and the smallest full-width number.

    bfloat16 reaches as far as float32, with a gap 65536 times as wide.
    """
    info = torch.finfo(dtype)

    assert (info.max, info.min) == (largest, -largest)
    assert info.eps == step_after_one
    assert info.smallest_normal == smallest_normal


def test_the_gap_after_one_is_where_float16_gives_up():
    """1 + eps is the next float16 after 1; half of that gap is lost in rounding."""
    one = torch.tensor(1.0, dtype=torch.float16)
    eps = torch.finfo(torch.float16).eps
    half_way = eps / 2

    assert (one + eps).item() == 1.0009765625
    assert (one + half_way).item() == 1.0


def test_iinfo_refuses_floats():
    """`iinfo` is for integers."""
    with pytest.raises(TypeError, match=r"requires an integer input type. Use torch.finfo"):
        torch.iinfo(torch.float32)


def test_finfo_refuses_integers():
    """`finfo` is for floats."""
    with pytest.raises(TypeError, match=r"requires a floating point input type. Use torch.iinfo"):
        torch.finfo(torch.int64)


def test_a_dtype_knows_its_kind():
    """`is_floating_point`, `is_complex` and `is_signed` sort the dtypes; complex is no float."""
    dtypes = [torch.bool, torch.uint8, torch.int64, torch.bfloat16, torch.complex64]

    assert [dtype.is_floating_point for dtype in dtypes] == [False, False, False, True, False]
    assert [dtype.is_complex for dtype in dtypes] == [False, False, False, False, True]
    assert [dtype.is_signed for dtype in dtypes] == [False, False, True, True, True]


@pytest.mark.claim("self-labels-long")
def test_class_labels_are_int64(device):
    """A list of integers makes a LongTensor, `argmax` gives one, a loss asks for one as labels."""
    labels = torch.tensor([0, 2], device=device)
    scores = torch.tensor([[9.0, 0.0, 0.0], [0.0, 0.0, 9.0]], device=device)

    guesses = scores.argmax(dim=1)

    assert labels.dtype is guesses.dtype is torch.int64
    assert labels.tolist() == guesses.tolist() == [0, 2]
    assert F.cross_entropy(scores, labels).item() == pytest.approx(0.0002468, rel=1e-3)


@pytest.mark.claim("self-labels-long")
def test_int32_labels_are_refused():
    """Labels of another integer dtype are not converted: `.long()` does it."""
    labels = torch.tensor([0, 2], dtype=torch.int32)
    scores = torch.zeros(2, 3)

    assert F.cross_entropy(scores, labels.long()).item() == pytest.approx(1.0986123)
    with pytest.raises(RuntimeError, match=r"Long.*Int"):
        F.cross_entropy(scores, labels)


def test_old_type_names_still_make_tensors():
    """`torch.LongTensor([1.5, 2])` makes an int64 tensor, as before there were dtypes."""
    old = torch.LongTensor([1.5, 2])

    assert type(old) is torch.Tensor
    assert (old.dtype, old.tolist()) == (torch.int64, [1, 2])


def test_old_type_names_tell_dtypes_apart():
    """`isinstance(x, torch.LongTensor)` asks for the dtype: the class is always `torch.Tensor`."""
    integers, floats = torch.tensor([1]), torch.tensor([1.0])

    assert type(integers) is type(floats) is torch.Tensor
    assert [isinstance(x, torch.LongTensor) for x in (integers, floats)] == [True, False]
    assert [isinstance(x, torch.FloatTensor) for x in (integers, floats)] == [False, True]
