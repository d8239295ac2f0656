"""Arithmetic on tensors.

`+`, `-`, `*`, `/` and `**` pair the elements of two tensors, or each element with a plain number,
and answer with a new tensor. An operator is also a function (`torch.add`), a method (`x.add`) and
a method that writes into its own tensor (`x.add_`).

Two things surprise: `*` is no matrix product, that is `@`; and `out=` writes the result into a
tensor of yours, which it may resize but whose dtype it never changes.
"""

import operator

import pytest
import torch


@pytest.mark.claim("blitz-op-families")
def test_the_library_transposes_indexes_slices_calculates_multiplies_and_draws():
    """Tensors can be transposed, indexed, sliced, calculated with, multiplied, drawn at random."""
    x = torch.tensor([[1.0, 2.0], [3.0, 5.0]])

    assert x.t().tolist() == [[1.0, 3.0], [2.0, 5.0]]
    assert x[1, 0].item() == 3.0
    assert x[:, 1].tolist() == [2.0, 5.0]
    assert (x - 1).tolist() == [[0.0, 1.0], [2.0, 4.0]]
    assert (x @ x).tolist() == [[7.0, 12.0], [18.0, 31.0]]
    assert torch.randperm(4).sort().values.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("operate", "result"),
    [
        (operator.add, [10.0, 4.5]),
        (operator.sub, [6.0, -3.5]),
        (operator.mul, [16.0, 2.0]),
        (operator.truediv, [4.0, 0.125]),
        (operator.floordiv, [4.0, 0.0]),
        (operator.mod, [0.0, 0.5]),
        (operator.pow, [64.0, 0.0625]),
    ],
)
def test_an_operator_pairs_the_elements_that_stand_in_the_same_place(operate, result, device):
    """Each arithmetic operator pairs the elements that stand in the same place."""
    a = torch.tensor([8.0, 0.5], device=device)
    b = torch.tensor([2.0, 4.0], device=device)

    assert operate(a, b).tolist() == result


@pytest.mark.parametrize(
    ("name", "result"),
    [
        ("add", [10.0, 4.5]),
        ("sub", [6.0, -3.5]),
        ("subtract", [6.0, -3.5]),
        ("mul", [16.0, 2.0]),
        ("multiply", [16.0, 2.0]),
        ("div", [4.0, 0.125]),
        ("divide", [4.0, 0.125]),
        ("floor_divide", [4.0, 0.0]),
        ("remainder", [0.0, 0.5]),
        ("pow", [64.0, 0.0625]),
    ],
)
def test_each_operator_has_a_function_and_a_method(name, result):
    """Each operator has a function and a method; some have a second name, that of NumPy."""
    a = torch.tensor([8.0, 0.5])
    b = torch.tensor([2.0, 4.0])

    assert getattr(torch, name)(a, b).tolist() == result
    assert getattr(a, name)(b).tolist() == result


@pytest.mark.claim("blitz-add-four-ways-agree")
def test_four_ways_to_add_give_the_same_numbers(device):
    """`x + y`, `torch.add(x, y)`, the same with `out=z`, and `x.add_(y)` give the same numbers."""
    x = torch.tensor([1.0, 2.0], device=device)
    y = torch.tensor([0.5, 8.0], device=device)
    z = torch.empty(2, device=device)

    assert (x + y).tolist() == [1.5, 10.0]
    assert torch.add(x, y).tolist() == [1.5, 10.0]
    assert torch.add(x, y, out=z).tolist() == [1.5, 10.0]
    assert x.add_(y).tolist() == [1.5, 10.0]


@pytest.mark.claim("blitz-add-not-inplace")
@pytest.mark.parametrize("add", [operator.add, torch.add])
def test_plus_and_torch_add_leave_both_operands_as_they_were(add, device):
    """`x + y` and `torch.add(x, y)` leave both operands alone: the sum has memory of its own."""
    x = torch.tensor([1, 2], device=device)
    y = torch.tensor([10, 20], device=device)

    total = add(x, y)
    total.zero_()

    assert x.tolist() == [1, 2]
    assert y.tolist() == [10, 20]


def test_add_underscore_writes_the_sum_into_its_own_tensor(device):
    """`x.add_(y)` writes the sum into `x` and returns `x` itself; `y` keeps its values."""
    x = torch.tensor([1, 2], device=device)
    y = torch.tensor([10, 20], device=device)

    returned = x.add_(y)

    assert returned is x
    assert x.tolist() == [11, 22]
    assert y.tolist() == [10, 20]


@pytest.mark.claim("blitz-add-out")
def test_out_overwrites_whatever_the_tensor_held(device):
    """`torch.add(x, y, out=z)` overwrites `z` whatever it held, NaN too, and returns `z` itself."""
    x = torch.tensor([1.0, 2.0], device=device)
    z = torch.full((2,), torch.nan, device=device)
    memory = z.data_ptr()

    returned = torch.add(x, x, out=z)

    assert returned is z
    assert z.tolist() == [2.0, 4.0]
    assert z.data_ptr() == memory


def test_out_may_be_one_column_of_a_matrix(device):
    """`out=` may be a slice: only that part of the larger tensor is written."""
    table = torch.zeros(2, 2, device=device)
    x = torch.tensor([1.0, 2.0], device=device)

    torch.add(x, x, out=table[:, 1])

    assert table.tolist() == [[0.0, 2.0], [0.0, 4.0]]


def test_out_without_elements_takes_the_shape_of_the_result():
    """An `out=` tensor without elements is resized to the result, without a word."""
    z = torch.empty(0)

    torch.add(torch.ones(2, 3), 1, out=z)

    assert z.tolist() == [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]


def test_out_of_another_size_is_resized_with_a_warning():
    """An `out=` tensor with elements but another shape is resized too, under a warning."""
    z = torch.zeros(5)

    with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
        torch.add(torch.ones(2), 1, out=z)

    assert z.tolist() == [2.0, 2.0]


def test_out_keeps_its_dtype():
    """`out=` keeps its dtype: integer sums go into a float tensor as floats."""
    z = torch.empty(2)

    torch.add(torch.tensor([1, 2]), 1, out=z)

    assert z.dtype == torch.float32
    assert z.tolist() == [2.0, 3.0]


def test_out_of_integers_refuses_a_float_result(device):
    """An integer `out=` refuses a float result, even one without a fraction."""
    z = torch.zeros(2, dtype=torch.int64, device=device)

    with pytest.raises(RuntimeError, match="result type Float can't be cast to the desired output"):
        torch.add(torch.ones(2, device=device), 1, out=z)

    assert z.tolist() == [0, 0]


def test_alpha_multiplies_the_second_operand(device):
    """`alpha=` multiplies the second operand of `add` and `sub` before it is used."""
    x = torch.tensor([1, 2], device=device)
    y = torch.tensor([3, 4], device=device)

    assert torch.add(x, y, alpha=10).tolist() == [31, 42]
    assert torch.sub(x, y, alpha=10).tolist() == [-29, -38]
    assert x.add_(y, alpha=-1).tolist() == [-2, -2]


def test_a_fractional_alpha_needs_float_tensors():
    """Integer tensors refuse a fractional `alpha`, float tensors take it."""
    with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
        torch.add(torch.tensor([1]), torch.tensor([2]), alpha=0.5)

    assert torch.add(torch.tensor([1.0]), torch.tensor([2.0]), alpha=0.5).tolist() == [2.0]


def test_the_old_order_of_add_still_scales_under_a_warning():
    """The old call `torch.add(x, 10, y)` still adds `10 * y`, and warns that it is deprecated."""
    x = torch.tensor([1, 2])

    with pytest.warns(UserWarning, match="This overload of add is deprecated"):
        total = torch.add(x, 10, x)

    assert total.tolist() == [11, 22]


def test_a_number_is_combined_with_every_element(device):
    """A Python number is combined with every element, from the right and from the left."""
    x = torch.tensor([1, 2, 4], device=device)

    assert (x + 10).tolist() == [11, 12, 14]
    assert (10 + x).tolist() == [11, 12, 14]
    assert (10 - x).tolist() == [9, 8, 6]
    assert (10 * x).tolist() == [10, 20, 40]
    assert (1 / x).tolist() == [1.0, 0.5, 0.25]
    assert (9 // x).tolist() == [9, 4, 2]
    assert (9 % x).tolist() == [0, 1, 1]
    assert (2**x).tolist() == [2, 4, 16]


def test_a_tensor_without_dimensions_acts_like_a_number(device):
    """A tensor without dimensions is combined with every element, as a number is."""
    ten = torch.tensor(10, device=device)

    assert (ten - torch.tensor([[1], [2]], device=device)).tolist() == [[9], [8]]


def test_the_star_pairs_elements_and_the_at_sign_multiplies_matrices(device):
    """`x * y` multiplies element by element; the matrix product is `x @ y`."""
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)

    assert (x * x).tolist() == [[1.0, 4.0], [9.0, 16.0]]
    assert (x @ x).tolist() == [[7.0, 10.0], [15.0, 22.0]]


def test_shapes_that_do_not_fit_are_named_in_the_error(device):
    """Shapes that don't fit are refused with the sizes and the dimension where they differ."""
    with pytest.raises(
        RuntimeError,
        match=r"size of tensor a \(3\) must match the size of tensor b \(4\) at non-singleton dim",
    ):
        torch.ones(3, device=device) + torch.ones(4, device=device)


def test_operators_mix_dtypes(device):
    """Tensors of different dtypes can be added: the wider kind wins."""
    total = torch.tensor([1, 2], device=device) + torch.tensor([0.5, 0.5], device=device)

    assert total.dtype == torch.float32
    assert total.tolist() == [1.5, 2.5]


def test_a_list_is_no_operand():
    """A list or a string is no operand: only tensors and numbers are."""
    x = torch.ones(2)

    with pytest.raises(TypeError, match=r"unsupported operand .* 'Tensor' and 'list'"):
        x - [1.0, 2.0]
    with pytest.raises(TypeError, match=r"unsupported operand .* 'Tensor' and 'str'"):
        x - "1"

    assert (x - torch.tensor([1.0, 2.0])).tolist() == [0.0, -1.0]


def test_booleans_add_like_or_and_multiply_like_and(device):
    """Boolean tensors stay boolean: `+` is "or", `*` is "and"."""
    x = torch.tensor([True, True, False], device=device)
    y = torch.tensor([True, False, False], device=device)

    assert (x + y).tolist() == [True, True, False]
    assert (x * y).tolist() == [True, False, False]


def test_booleans_refuse_the_minus_sign(device):
    """Boolean tensors refuse `-`, and the error names the operators that are meant."""
    mask = torch.tensor([True, False], device=device)

    with pytest.raises(RuntimeError, match=r"Use the `\^` or `logical_xor\(\)` operator instead"):
        mask - mask
    with pytest.raises(RuntimeError, match=r"use the `~` or `logical_not\(\)` operator instead"):
        1 - mask

    assert (mask ^ mask).tolist() == [False, False]
    assert (~mask).tolist() == [False, True]


def test_bitwise_operators_work_on_integers(device):
    """`&`, `|`, `^`, `~`, `<<` and `>>` work on the bits of integer tensors."""
    six = torch.tensor([0b110], device=device)

    assert (six & 0b011).tolist() == [0b010]
    assert (six | 0b011).tolist() == [0b111]
    assert (six ^ 0b011).tolist() == [0b101]
    assert (~six).tolist() == [-7]
    assert (six << 1).tolist() == [0b1100]
    assert (six >> 1).tolist() == [0b11]


def test_bitwise_operators_refuse_floats():
    """Floats have no bits for `&`: the operator isn't implemented for them."""
    with pytest.raises(RuntimeError, match="not implemented for 'Float'"):
        torch.tensor([6.0]) & torch.tensor([3.0])
