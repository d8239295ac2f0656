"""How a tensor prints.

`print(x)` and a prompt show the elements in columns, floats with four decimals unless all are whole
numbers, and after them only what isn't the default: a dtype, a device, `requires_grad` or the
`grad_fn`. `torch.set_printoptions` changes the decimals and the limits. The element itself, with
all digits, is shown by `x.item()`, see `spec/tensors/test_python_values.py`; the heading of a
parameter is told in `spec/nn/test_parameters.py`.

What surprises: one very small or very large element puts all of them into scientific notation; the
print shows neither all digits nor, of a vector of 1001 elements and more, all elements; and an
f-string shows a 0-d tensor as a plain number, with all its digits.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1, 2], "tensor([1, 2])"),
        ([1.0, 2.0], "tensor([1., 2.])"),
        ([1.5, 2.0], "tensor([1.5000, 2.0000])"),
        ([0.123456], "tensor([0.1235])"),
        ([0.99996], "tensor([1.0000])"),
        (3.14159, "tensor(3.1416)"),
    ],
)
def test_floats_end_in_a_point_or_have_four_decimals(values, text):
    """By default `repr` of `torch.tensor([1.5, 2.0])` is "tensor([1.5000, 2.0000])", with
    four decimals; of `torch.tensor([1.0, 2.0])` it is "tensor([1., 2.])", and of
    `torch.tensor([1, 2])`, which is int64, "tensor([1, 2])".
    """
    assert repr(torch.tensor(values)) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1.0, 10.0, 100.0], "tensor([  1.,  10., 100.])"),
        ([1, 10, -100], "tensor([   1,   10, -100])"),
        ([True, False], "tensor([ True, False])"),
    ],
)
def test_numbers_are_padded_to_one_width(values, text):
    """By default `print(torch.tensor([1, 10, -100]))` pads each number with spaces on its
    left to the width of the widest, -100: each takes four characters.
    """
    assert repr(torch.tensor(values)) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.5, 500.0], "tensor([  0.5000, 500.0000])"),
        ([0.5, 501.0], "tensor([5.0000e-01, 5.0100e+02])"),
        ([1.0, 1000.0], "tensor([   1., 1000.])"),
        ([1.0, 1001.0], "tensor([1.0000e+00, 1.0010e+03])"),
        ([0.0, 1001.0], "tensor([   0., 1001.])"),
        ([0.00025], "tensor([0.0003])"),
        ([0.000025], "tensor([2.5000e-05])"),
        ([12345678.0], "tensor([12345678.])"),
        ([1234567936.0], "tensor([1.2346e+09])"),
    ],
)
def test_scientific_notation_comes_with_a_wide_range(values, text):
    """By default `torch.tensor([0.5, 500.0])` prints as `tensor([  0.5000, 500.0000])`, but
    `torch.tensor([0.5, 501.0])` in scientific notation, as `tensor([5.0000e-01, 5.0100e+02])`:
    501 is more than 1000 times 0.5.

    In a real floating-point tensor, what counts is the ratio of the largest to the smallest
    nonzero magnitude among the finite elements shown. A largest magnitude above 1e8 or a smallest
    one below 1e-4 gives scientific notation, too. `torch.set_printoptions(sci_mode=False)` turns
    it off. Integers are never printed so.
    """
    assert repr(torch.tensor(values)) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([float("nan"), 1.0], "tensor([nan, 1.])"),
        ([float("nan"), 1.5], "tensor([   nan, 1.5000])"),
        ([float("inf"), -float("inf")], "tensor([inf, -inf])"),
        ([-0.0], "tensor([-0.])"),
    ],
)
def test_special_numbers_print_by_name(values, text):
    """`repr(x)` of a short float32 vector shows NaN and infinities as `nan`, `inf` and `-inf`,
    and a negative zero keeps its sign.
    """
    assert repr(torch.tensor(values)) == text


def test_a_complex_tensor_prints_both_parts_with_their_own_width():
    """`repr(x)` of a complex64 CPU vector formats the real parts and the imaginary parts
    separately: by default `torch.tensor([1 + 2j, 3.5 - 1j])` prints with four decimals in the real
    parts and none in the imaginary ones.
    """
    x = torch.tensor([1 + 2j, 3.5 - 1j])

    assert repr(x) == "tensor([1.0000+2.j, 3.5000-1.j])"


@pytest.mark.parametrize(
    ("dtype", "text"),
    [
        (torch.float32, "tensor([1.])"),
        (torch.int64, "tensor([1])"),
        (torch.bool, "tensor([True])"),
        (torch.complex64, "tensor([1.+0.j])"),
        (torch.float64, "tensor([1.], dtype=torch.float64)"),
        (torch.bfloat16, "tensor([1.], dtype=torch.bfloat16)"),
        (torch.int32, "tensor([1], dtype=torch.int32)"),
        (torch.uint8, "tensor([1], dtype=torch.uint8)"),
    ],
)
def test_a_dtype_is_printed_unless_the_values_tell_it(dtype, text):
    """With the default dtype float32, `repr(torch.ones(1, dtype=dtype))` names the dtype unless it
    is bool, int64, float32 or complex64: float64 prints as `tensor([1.], dtype=torch.float64)`,
    float32 as `tensor([1.])`.

    Because these are the dtypes that `torch.tensor` infers from the printed values.
    """
    assert repr(torch.ones(1, dtype=dtype)) == text


def test_an_empty_tensor_of_integers_prints_its_dtype():
    """`repr(torch.tensor([1]))` names no dtype, whereas `repr(x)` of a dense empty int64 CPU
    tensor names `dtype=torch.int64`.

    An empty tensor has no elements that show that they are integers: `tensor([])` alone stands for
    the default dtype, float32.
    """
    x = torch.tensor([1])

    assert repr(x) == "tensor([1])"
    assert repr(x[:0]) == "tensor([], dtype=torch.int64)"


def test_the_default_dtype_is_the_one_that_goes_unnamed():
    """After `torch.set_default_dtype(torch.float64)` a float64 tensor prints without its dtype,
    and a float32 tensor with it.
    """
    torch.set_default_dtype(torch.float64)
    double = repr(torch.ones(1, dtype=torch.float64))
    single = repr(torch.ones(1, dtype=torch.float32))
    torch.set_default_dtype(torch.float32)

    assert double == "tensor([1.])"
    assert single == "tensor([1.], dtype=torch.float32)"


def test_what_autograd_does_is_printed_after_the_numbers():
    """With `x = torch.ones(2, requires_grad=True)`, `repr(x)` ends with `requires_grad=True)`;
    where autograd records `x + 1`, `repr(x + 1)` ends with `grad_fn=<AddBackward0>)`.
    """
    x = torch.ones(2, requires_grad=True)

    assert repr(x) == "tensor([1., 1.], requires_grad=True)"
    assert repr(x + 1) == "tensor([2., 2.], grad_fn=<AddBackward0>)"


def test_a_tensor_without_numbers_prints_its_size():
    """`repr(torch.ones(2, device="meta"))` is `tensor(..., device='meta', size=(2,))`: it
    shows three dots for the elements, then the device and the size of the tensor.

    Because it has a shape and a dtype, but no data.
    """
    x = torch.ones(2, device="meta")

    assert repr(x) == "tensor(..., device='meta', size=(2,))"


@pytest.mark.parametrize(
    ("shape", "text"),
    [
        ((0,), "tensor([])"),
        ((0, 3), "tensor([], size=(0, 3))"),
        ((2, 0), "tensor([], size=(2, 0))"),
    ],
)
def test_an_empty_tensor_prints_the_size_that_brackets_cannot_show(shape, text):
    """`repr(x)` of an empty dense CPU tensor names its `size=` unless its shape is (0,)."""
    assert repr(torch.empty(shape)) == text


def test_rows_stand_below_each_other():
    """`repr(torch.tensor([[1, 20], [300, 4]]))` has one row of the matrix per line; all elements
    are padded with spaces to the same width, that of the 300.
    """
    x = torch.tensor([[1, 20], [300, 4]])

    assert repr(x).splitlines() == [
        "tensor([[  1,  20],",
        "        [300,   4]])",
    ]


def test_a_three_dimensional_tensor_prints_as_blocks(snapshot):
    """`repr(x)` of an int64 CPU tensor of shape (2, 2, 2) shows its two matrices with an
    empty line between them.
    """
    x = torch.tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])

    assert repr(x) == snapshot
    assert repr(x).splitlines()[2] == ""


def test_a_long_row_is_wrapped_at_80_characters(snapshot):
    """By default `repr(torch.arange(20) * 1000)` goes on in a second line, because one line
    would have more than 80 characters.

    `torch.set_printoptions(linewidth=...)` changes the limit.
    """
    x = torch.arange(20) * 1000

    assert repr(x) == snapshot
    assert [len(line) for line in repr(x).splitlines()] == [77, 78]


def test_more_than_a_thousand_elements_are_summarised():
    """`repr(x)` of a dense CPU tensor of more than 1000 elements shows by default only the
    first three and the last three entries along each dimension longer than six, with `...`
    between them.
    """
    x = torch.arange(1001)
    printed_numbers = repr(x[:1000]).split(",")

    assert repr(x) == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    assert len(printed_numbers) == 1000
    assert repr(x[:, None]).count("[") == 7


def test_elements_left_out_do_not_decide_the_format():
    """Elements that the summary of `repr(x)` leaves out do not decide the format: a float32
    vector of 2000 ones with a 0.5 and a 1e9 in the middle prints its ends as `1.`, neither
    with four decimals nor in scientific notation.

    So the print of a large tensor can hide an outlier: look at `x.aminmax()` of a float32 tensor.
    """
    x = torch.ones(2000)
    x[1000], x[1001] = 0.5, 1e9

    assert repr(x) == "tensor([1., 1., 1.,  ..., 1., 1., 1.])"


def test_a_large_matrix_is_summarised_in_both_directions(snapshot):
    """By default `repr(x)` of a dense 40 x 40 CPU matrix shows the first and last three
    rows, of each the first and last three elements, and `...` for what is between.
    """
    x = torch.arange(1600).reshape(40, 40)

    assert repr(x) == snapshot
    assert repr(x).count("...") == 7


def test_a_sparse_tensor_prints_its_parts(snapshot):
    """`repr(x)` of a sparse COO tensor on the CPU shows `indices`, `values`, `size`, `nnz`
    and `layout`.
    """
    x = torch.tensor([[0, 7], [8, 0]]).to_sparse()

    assert repr(x) == snapshot
    assert repr(x).splitlines()[-1].strip() == "size=(2, 2), nnz=2, layout=torch.sparse_coo)"


def test_printoptions_change_the_number_of_decimals():
    """After `torch.set_printoptions(precision=2)` the float32 tensor
    `torch.tensor([3.14159])` prints as `tensor([3.14])`; the element stays the same.
    """
    x = torch.tensor([3.14159])

    torch.set_printoptions(precision=2)
    text = repr(x)
    torch.set_printoptions(profile="default")

    assert text == "tensor([3.14])"
    assert repr(x) == "tensor([3.1416])"


def test_printoptions_switch_scientific_notation_off():
    """After `torch.set_printoptions(sci_mode=False)` the float32 tensor
    `torch.tensor([20000.25, 1.0])` prints with 20000.2500 and 1.0000, without scientific
    notation, instead of 2.0000e+04 and 1.0000e+00.

    A small element such as 1e-9 then prints as 0.0000.
    """
    x = torch.tensor([20000.25, 1.0])

    torch.set_printoptions(sci_mode=False)
    text, tiny = repr(x), repr(torch.tensor([1e-9]))
    torch.set_printoptions(profile="default")

    assert tiny.endswith("0.0000])") is True
    assert text == "tensor([20000.2500,     1.0000])"
    assert repr(x) == "tensor([2.0000e+04, 1.0000e+00])"


def test_printoptions_say_when_and_how_much_to_leave_out():
    """After `torch.set_printoptions(threshold=4, edgeitems=1)` the print of a CPU vector of
    more than 4 elements shows only the first and the last element, with `...` between them.
    """
    x = torch.arange(5)

    torch.set_printoptions(threshold=4, edgeitems=1)
    text = repr(x)
    torch.set_printoptions(profile="default")

    assert text == "tensor([0,  ..., 4])"


def test_printoptions_print_the_full_tensor():
    """After `torch.set_printoptions(profile="full")` or
    `torch.set_printoptions(threshold=float("inf"))` a CPU tensor of more than 1000 elements is
    printed in full; `torch.set_printoptions(profile="default")` sets the limit of 1000 again.

    A profile also sets `precision`, `edgeitems` and `linewidth` to their defaults; `threshold=`
    leaves them as they are.
    """
    x = torch.arange(1001)
    before = repr(x)

    torch.set_printoptions(precision=2)
    torch.set_printoptions(threshold=float("inf"))
    same = repr(x)
    rounded = repr(torch.tensor([0.1234]))
    torch.set_printoptions(profile="default", precision=2)
    torch.set_printoptions(profile="full")
    full = repr(x)
    reset = repr(torch.tensor([0.1234]))
    torch.set_printoptions(profile="default")

    assert repr(x) == before
    assert [rounded, reset] == ["tensor([0.12])", "tensor([0.1234])"]
    assert before == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    assert full.count(",") == 1000
    assert (same == full) is True


def test_str_and_repr_of_a_tensor_are_the_same():
    """`str(x)` and `repr(x)` of a float32 `torch.Tensor` are equal, so `print(x)` shows what a
    prompt shows.
    """
    x = torch.tensor([1.0, 2.0])

    assert str(x) == "tensor([1., 2.])"
    assert repr(x) == "tensor([1., 2.])"


def test_an_f_string_shows_a_single_number_bare():
    """In an f-string, `f"{x}"` and `f"{x:.2f}"` format a 0-d float32 CPU tensor `x`, whose class
    is `torch.Tensor`, no subclass, as its Python number: `f"{x}"` shows all digits.

    `f"{x=}"` and `f"{x!s}"` show `tensor(3.1406)` instead. `nn.Parameter` is a subclass: for a
    parameter `p` write `f"{p.item():.2f}"`.
    """
    x = torch.tensor(3.140625)

    assert f"{x}" == "3.140625"
    assert f"{x:.2f}" == "3.14"
    assert f"{torch.tensor(7):03d}" == "007"
    assert f"{x=}" == "x=tensor(3.1406)"
    assert f"{x!s}" == "tensor(3.1406)"
    parameter = torch.nn.Parameter(x)
    with pytest.raises(
        TypeError, match=r"unsupported format string passed to Parameter.__format__"
    ):
        format(parameter, ".2f")


def test_an_f_string_prints_any_other_tensor_as_usual():
    """For `x = torch.tensor([3.140625])`, of shape (1,), `f"{x}"` is `str(x)`, not the
    number, and `f"{x:.2f}"` raises a TypeError, "unsupported format string passed to
    Tensor.__format__".

    Write `f"{x.item():.2f}"` for a tensor of one element.
    """
    x = torch.tensor([3.140625])

    with pytest.raises(TypeError, match=r"unsupported format string passed to Tensor.__format__"):
        format(x, ".2f")

    assert f"{x}" == "tensor([3.1406])"
    assert f"{x.item():.2f}" == "3.14"


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=50))
def test_the_print_of_integers_can_be_read_back(numbers):
    """`eval("torch." + repr(x))` of an int64 CPU vector of 1 to 50 elements makes a tensor of the
    same values.
    """
    text = repr(torch.tensor(numbers))

    assert eval(f"torch.{text}").tolist() == numbers
    assert eval("torch." + repr(torch.tensor([1, -20]))).tolist() == [1, -20]
