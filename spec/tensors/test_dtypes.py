"""The dtypes there are.

The elements of a tensor have one dtype, for example bool, an integer dtype of 8 to 64 bits, a float
dtype of 16 to 64 bits, or a complex dtype. The dtype says how many bytes an element takes, how
large it can be and how many digits it keeps; `torch.iinfo` and `torch.finfo` give these limits as
numbers.

Unless told otherwise, Python floats become float32 and Python integers int64. float16 and bfloat16
take two bytes each: float16 keeps more digits, bfloat16 has the range of float32. The rarer dtypes
are on the page `spec/tensors/test_special_dtypes.py`, what happens when dtypes meet on
`spec/tensors/test_type_promotion.py`.

What surprises: `dtype=float` means Python's float and so float64; a torch dtype is no string and
does not equal NumPy's; and class indices for `F.cross_entropy` may be int64, but not int32.
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
    """`x.element_size()` of a tensor `x` is 1 for bool, 4 for float32 and 16 for complex128: the
    bytes that one element takes. For a float32 tensor on the CPU `x.type()` is the string
    `torch.FloatTensor`, an older name of dtype and device.

    The number in these dtypes' names counts bits, eight to a byte. A complex64 is two float32
    numbers. On a GPU `x.type()` says `torch.cuda.FloatTensor`.
    """
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
    """`torch.half`, `torch.float`, `torch.double`, `torch.short`, `torch.int`,
    `torch.long`, `torch.cfloat` and `torch.cdouble` are other names for float16, float32,
    float64, int16, int32, int64, complex64 and complex128, in this order.

    `torch.float` is float32, while Python's `float` as a dtype is float64.
    """
    assert getattr(torch, alias) is dtype


def test_floats_are_float32_and_integers_int64_by_default():
    """Unless it was changed, `torch.get_default_dtype()` is float32: the dtype of
    `torch.tensor(0.5)`. `torch.tensor(5)` is int64, and `torch.tensor(5j)` is complex64, two
    numbers of the default dtype.
    """
    made = [torch.tensor(0.5), torch.tensor(5), torch.tensor(5j)]

    assert torch.get_default_dtype() is torch.float32
    assert [tensor.dtype for tensor in made] == [torch.float32, torch.int64, torch.complex64]


def test_the_default_dtype_rules_all_that_is_made_of_floats():
    """After `torch.set_default_dtype(torch.float64)`, `torch.tensor(0.5)`, `torch.zeros(1)`,
    `torch.Tensor([1])` and `torch.arange(0.5)` are float64, `torch.tensor(2j)` is complex128
    and `torch.tensor(5)` int64.

    It holds for the whole process, libraries included; `dtype=` in single calls is safer.
    """
    torch.set_default_dtype(torch.float64)
    made = [torch.tensor(0.5), torch.zeros(1), torch.Tensor([1]), torch.arange(0.5)]
    complex_number = torch.tensor(2j)
    integer = torch.tensor(5)
    torch.set_default_dtype(torch.float32)

    assert [tensor.dtype for tensor in made] == [torch.float64] * 4
    assert complex_number.dtype is torch.complex128
    assert integer.dtype is torch.int64


def test_the_default_dtype_must_be_a_float():
    """`torch.set_default_dtype(torch.int32)` raises TypeError, "only floating-point types are
    supported as the default type"; for an integer tensor write `dtype=torch.int32`.

    `torch.tensor([1, 2])`, of Python integers, is int64 whatever the default dtype.
    """
    with pytest.raises(TypeError, match="only floating-point types are supported as the default"):
        torch.set_default_dtype(torch.int32)


def test_pythons_own_types_serve_as_dtypes():
    """In `torch.zeros(2, dtype=...)` the Python types `float`, `int` and `bool` mean float64,
    int64 and bool.

    Because Python's float has 64 bits. `torch.zeros(2, dtype=float)` is thus float64, not
    torch's default; write `dtype=torch.float32`.
    """
    made = [torch.zeros(2, dtype=float), torch.zeros(2, dtype=int), torch.zeros(2, dtype=bool)]

    assert [tensor.dtype for tensor in made] == [torch.float64, torch.int64, torch.bool]


def test_a_dtype_is_no_string_and_not_numpys():
    """`torch.float32` equals neither the string "float32" nor `np.float32`, and
    `torch.zeros(2, dtype="float32")` raises TypeError.

    Look a name up with `getattr(torch, "float32")`; `str(dtype)` is "torch.float32".
    """
    equal = [torch.float32 == other for other in ("float32", np.float32, torch.float)]

    assert equal == [False, False, True]
    assert str(torch.float32) == "torch.float32"
    words = r"argument 'dtype' must be torch\.dtype, not str|invalid combination of arguments"
    with pytest.raises(TypeError, match=words):
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
    """`torch.iinfo(dtype).min` and `torch.iinfo(dtype).max` are the smallest and the largest
    number of uint8, int8, int16, int32 or int64: 0 and 255 for uint8, -128 and 127 for int8.
    """
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
    """`torch.finfo(dtype)` of float16, bfloat16, float32 or float64 has `max`, the largest
    finite number, `eps`, the gap between 1 and the next larger number, and `smallest_normal`,
    the smallest positive number of full precision.

    bfloat16 has the exponents of float32 and an `eps` 65536 times as large; float16 ends at
    65504.
    """
    info = torch.finfo(dtype)

    assert (info.max, info.min) == (largest, -largest)
    assert info.eps == step_after_one
    assert info.smallest_normal == smallest_normal


def test_the_gap_after_one_is_where_float16_gives_up():
    """In a float16 tensor, 1 + `torch.finfo(torch.float16).eps` is 1.0009765625, the next
    float16 after 1; 1 + eps / 2 is rounded back to 1.

    So small updates to a float16 weight near 1 are lost. `torch.optim` keeps no float32 copy:
    mixed precision with `torch.autocast` leaves the weights in float32.
    """
    one = torch.tensor(1.0, dtype=torch.float16)
    eps = torch.finfo(torch.float16).eps
    half_way = eps / 2

    assert (one + eps).item() == 1.0009765625
    assert (one + half_way).item() == 1.0


def test_iinfo_refuses_floats():
    """`torch.iinfo(torch.float32)` raises TypeError, whose message names `torch.finfo`, its
    counterpart for floating-point dtypes.
    """
    with pytest.raises(TypeError, match=r"requires an integer input type. Use torch.finfo"):
        torch.iinfo(torch.float32)


def test_finfo_refuses_integers():
    """`torch.finfo(torch.int64)` raises TypeError, whose message names `torch.iinfo`, its
    counterpart for integer dtypes.
    """
    with pytest.raises(TypeError, match=r"requires a floating point input type. Use torch.iinfo"):
        torch.finfo(torch.int64)


def test_a_dtype_knows_its_kind():
    """By `dtype.is_floating_point`, `dtype.is_complex` and `dtype.is_signed`, complex64 is complex
    but not floating point, and bool and uint8 are not signed.

    So code that asks for `is_floating_point` leaves complex tensors out unless it asks for
    `is_complex` too.
    """
    dtypes = [torch.bool, torch.uint8, torch.int64, torch.bfloat16, torch.complex64]

    assert [dtype.is_floating_point for dtype in dtypes] == [False, False, False, True, False]
    assert [dtype.is_complex for dtype in dtypes] == [False, False, False, False, True]
    assert [dtype.is_signed for dtype in dtypes] == [False, False, True, True, True]


@pytest.mark.claim("self-labels-long")
def test_class_labels_are_int64(device):
    """`torch.tensor([0, 2])` and `scores.argmax(dim=1)` of a non-empty float32 matrix of scores
    are int64, a dtype that `F.cross_entropy` accepts for class indices.

    With its default options `F.cross_entropy` accepts uint8 indices, too, for scores of the shape
    (N, C). A float32 target of the shape of the scores is read as class probabilities.
    """
    labels = torch.tensor([0, 2], device=device)
    scores = torch.tensor([[9.0, 0.0, 0.0], [0.0, 0.0, 9.0]], device=device)

    guesses = scores.argmax(dim=1)

    assert labels.dtype is guesses.dtype is torch.int64
    assert labels.tolist() == guesses.tolist() == [0, 2]
    assert F.cross_entropy(scores, labels).item() == pytest.approx(0.0002468, rel=1e-3)
    assert F.cross_entropy(scores, labels.byte()).item() == pytest.approx(0.0002468, rel=1e-3)


@pytest.mark.claim("self-labels-long")
def test_int32_labels_are_refused():
    """On the CPU `F.cross_entropy(scores, labels)` of 2 x 3 scores raises RuntimeError for
    int32 class indices; write `labels.long()`.

    NumPy arrays and files often hold labels as int32.
    """
    labels = torch.tensor([0, 2], dtype=torch.int32)
    scores = torch.zeros(2, 3)

    assert F.cross_entropy(scores, labels.long()).item() == pytest.approx(1.0986123)
    with pytest.raises(RuntimeError, match=r"expected (target dtype to be|scalar type) Long.*Int"):
        F.cross_entropy(scores, labels)


def test_old_type_names_still_make_tensors():
    """`torch.LongTensor([1.5, 2])` makes an int64 tensor of [1, 2], whose class is
    `torch.Tensor`.

    A constructor older than the `dtype=` argument; write `torch.tensor(data, dtype=torch.int64)`.
    """
    old = torch.LongTensor([1.5, 2])

    assert type(old) is torch.Tensor
    assert (old.dtype, old.tolist()) == (torch.int64, [1, 2])


def test_old_type_names_tell_dtypes_apart():
    """`isinstance(x, torch.LongTensor)` is True for the CPU tensor `torch.tensor([1])`, which
    is int64, and False for `torch.tensor([1.0])`, a float32 one, although `type(x)` is
    `torch.Tensor` for both.

    Because these names ask for a dtype and a device; they are not base classes of tensors.
    `x.dtype is torch.int64` asks for the dtype alone.
    """
    integers, floats = torch.tensor([1]), torch.tensor([1.0])

    assert type(integers) is type(floats) is torch.Tensor
    assert [isinstance(x, torch.LongTensor) for x in (integers, floats)] == [True, False]
    assert [isinstance(x, torch.FloatTensor) for x in (integers, floats)] == [False, True]
