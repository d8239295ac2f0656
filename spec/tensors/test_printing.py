"""How a tensor prints.

Printing is for the eye: four decimals, columns of one width, and only what differs from the usual
(a dtype, a device, a gradient) is named after the numbers. The surprise is that one very small or
large number puts all of them into scientific notation, and that a print shows neither all digits
nor, from 1001 elements on, all numbers.
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
    """Whole floats print as `1.`, others rounded to four decimals; integers have no point."""
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
    """All numbers of a tensor are as wide as its widest, so that columns line up."""
    assert repr(torch.tensor(values)) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.5, 500.0], "tensor([  0.5000, 500.0000])"),
        ([0.5, 501.0], "tensor([5.0000e-01, 5.0100e+02])"),
        ([0.00025], "tensor([0.0003])"),
        ([0.000025], "tensor([2.5000e-05])"),
        ([12345678.0], "tensor([12345678.])"),
        ([1234567936.0], "tensor([1.2346e+09])"),
    ],
)
def test_scientific_notation_comes_with_a_wide_range(values, text):
    """It is for ratios above 1000, numbers below 0.0001 and numbers above 100 million."""
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
    """`nan` and `inf` print as words, and a negative zero keeps its sign."""
    assert repr(torch.tensor(values)) == text


def test_a_complex_tensor_prints_both_parts_with_their_own_width():
    """Real and imaginary parts are formatted each for itself."""
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
    """The dtypes that `torch.tensor` picks by itself are not named; every other one is."""
    assert repr(torch.ones(1, dtype=dtype)) == text


def test_the_default_dtype_is_the_one_that_goes_unnamed():
    """With float64 as the default, float64 prints bare and float32 is named."""
    torch.set_default_dtype(torch.float64)
    double = repr(torch.ones(1, dtype=torch.float64))
    single = repr(torch.ones(1, dtype=torch.float32))
    torch.set_default_dtype(torch.float32)

    assert double == "tensor([1.])"
    assert single == "tensor([1.], dtype=torch.float32)"


def test_what_autograd_does_is_printed_after_the_numbers():
    """A leaf that requires grad says so; a result names the operation that made it."""
    x = torch.ones(2, requires_grad=True)

    assert repr(x) == "tensor([1., 1.], requires_grad=True)"
    assert repr(x + 1) == "tensor([2., 2.], grad_fn=<AddBackward0>)"


def test_a_parameter_prints_under_a_heading():
    """A parameter prints as a tensor below the line `Parameter containing:`."""
    parameter = torch.nn.Parameter(torch.ones(1))

    assert repr(parameter).splitlines() == [
        "Parameter containing:",
        "tensor([1.], requires_grad=True)",
    ]


def test_a_tensor_without_numbers_prints_its_size():
    """A meta tensor has a shape but no numbers, so dots stand for them."""
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
    """No element, several dimensions: then the size is named."""
    assert repr(torch.empty(shape)) == text


def test_rows_stand_below_each_other():
    """A matrix prints a row a line, all columns of one width."""
    x = torch.tensor([[1, 20], [300, 4]])

    assert repr(x).splitlines() == [
        "tensor([[  1,  20],",
        "        [300,   4]])",
    ]


def test_a_three_dimensional_tensor_prints_as_blocks(snapshot):
    """Three dimensions print as matrices with an empty line between them."""
    x = torch.tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])

    assert repr(x) == snapshot


def test_a_long_row_is_wrapped_at_80_characters(snapshot):
    """A row wider than 80 characters goes on in the next line."""
    x = torch.arange(20) * 1000

    assert repr(x) == snapshot


def test_more_than_a_thousand_elements_are_summarised():
    """From 1001 elements on only the first and last three along each dimension are printed."""
    x = torch.arange(1001)
    printed_numbers = repr(x[:1000]).split(",")

    assert repr(x) == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    assert len(printed_numbers) == 1000


def test_a_large_matrix_is_summarised_in_both_directions(snapshot):
    """Rows and columns in the middle give way to dots."""
    x = torch.arange(1600).reshape(40, 40)

    assert repr(x) == snapshot


def test_a_sparse_tensor_prints_its_parts(snapshot):
    """A sparse tensor prints where its values stand, the values, and its size."""
    x = torch.tensor([[0, 7], [8, 0]]).to_sparse()

    assert repr(x) == snapshot


def test_printoptions_change_the_number_of_decimals():
    """`set_printoptions(precision=2)` shows two decimals; the stored number stays as it is."""
    x = torch.tensor([3.14159])

    torch.set_printoptions(precision=2)
    text = repr(x)
    torch.set_printoptions(profile="default")

    assert text == "tensor([3.14])"
    assert repr(x) == "tensor([3.1416])"


def test_printoptions_switch_scientific_notation_off():
    """`set_printoptions(sci_mode=False)` keeps plain decimals for any range."""
    x = torch.tensor([20000.25, 1.0])

    torch.set_printoptions(sci_mode=False)
    text = repr(x)
    torch.set_printoptions(profile="default")

    assert text == "tensor([20000.2500,     1.0000])"
    assert repr(x) == "tensor([2.0000e+04, 1.0000e+00])"


def test_printoptions_say_when_and_how_much_to_leave_out():
    """`threshold` is the most elements that print in full, `edgeitems` what is left at each end."""
    x = torch.arange(5)

    torch.set_printoptions(threshold=4, edgeitems=1)
    text = repr(x)
    torch.set_printoptions(profile="default")

    assert text == "tensor([0,  ..., 4])"


def test_str_and_repr_of_a_tensor_are_the_same():
    """`print(x)` shows the text that a prompt shows for `x`."""
    x = torch.tensor([1.0, 2.0])

    assert str(x) == "tensor([1., 2.])"
    assert repr(x) == "tensor([1., 2.])"


def test_an_f_string_shows_a_single_number_bare():
    """In an f-string a 0-d tensor is its Python number, so format specifications work."""
    x = torch.tensor(3.140625)

    assert f"{x}" == "3.140625"
    assert f"{x:.2f}" == "3.14"
    assert f"{torch.tensor(7):03d}" == "007"


def test_an_f_string_prints_any_other_tensor_as_usual():
    """A tensor with dimensions prints as always, even with one element, and takes no format."""
    x = torch.tensor([3.140625])

    with pytest.raises(TypeError, match=r"unsupported format string passed to Tensor.__format__"):
        format(x, ".2f")

    assert f"{x}" == "tensor([3.1406])"


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=50))
def test_the_print_of_integers_can_be_read_back(numbers):
    """The repr of a small integer tensor is code that makes it again, after `torch.`."""
    text = repr(torch.tensor(numbers))

    assert eval(f"torch.{text}").tolist() == numbers
