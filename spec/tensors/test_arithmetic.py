"""Arithmetic on tensors.

`+`, `-`, `*`, `/`, `//`, `%` and `**` combine two tensors element by element, or a tensor with a
Python number, and return a new tensor. Each operator is also a function (`torch.add`), a method
(`x.add`) and, with a trailing underscore, a method that writes into its own tensor (`x.add_`).
Shapes that differ are broadcast (`spec/tensors/test_broadcasting.py`), dtypes that differ are
promoted (`spec/tensors/test_type_promotion.py`); what `/` and `//` do to integers is told in
`spec/tensors/test_division.py`.

What surprises: `*` is no matrix product, that is `@`; the `out=` of `torch.add` writes the result
into a tensor of yours, which it may resize but whose dtype it doesn't change; bool tensors refuse
`-` (`spec/tensors/test_special_dtypes.py`); and a 0-d integer tensor times a list repeats the list.
"""

import operator

import pytest
import torch


@pytest.mark.claim("blitz-op-families")
def test_the_library_transposes_indexes_slices_calculates_multiplies_and_draws():
    """For a 2 x 2 float32 matrix `x`, `x.t()` is the transpose, `x[1, 0]` is one element and
    `x[:, 1]` one column; `x - 1` subtracts 1 from each element, `x @ x` is the matrix product.
    `torch.randperm(4)` draws a random order of 0 to 3.
    """
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
    """`+`, `-`, `*`, `/`, `//`, `%` and `**` between two dense float32 tensors of the same
    shape combine the elements at the same index.
    """
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
    """Each of `+`, `-`, `*`, `/`, `//`, `%` and `**` between dense float32 tensors is also
    a function and a method: `a + b` is `torch.add(a, b)` and `a.add(b)`. `subtract`,
    `multiply` and `divide` are aliases of `sub`, `mul` and `div`.

    The others are `floor_divide` for `//`, `remainder` for `%` and `pow` for `**`.
    """
    a = torch.tensor([8.0, 0.5])
    b = torch.tensor([2.0, 4.0])

    assert getattr(torch, name)(a, b).tolist() == result
    assert getattr(a, name)(b).tolist() == result


@pytest.mark.claim("blitz-add-four-ways-agree")
def test_four_ways_to_add_give_the_same_numbers(device):
    """With `x = torch.tensor([1.0, 2.0])`, `y = torch.tensor([0.5, 8.0])` and
    `z = torch.empty(2)`, `x + y`, `torch.add(x, y)`, `torch.add(x, y, out=z)` and `x.add_(y)` give
    the same values.

    They differ in where the sum goes: `x + y` and `torch.add(x, y)` allocate a new tensor, `out=z`
    fills `z`, and `add_` overwrites `x`. With grad mode on, `out=` raises RuntimeError if `x`
    requires grad, and `x.add_(y)` if `x` is also a leaf.
    """
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
    """`x + y` and `torch.add(x, y)` of two non-empty int64 tensors of the same shape leave `x` and
    `y` unchanged and return a sum with a storage of its own.
    """
    x = torch.tensor([1, 2], device=device)
    y = torch.tensor([10, 20], device=device)

    total = add(x, y)
    total.zero_()

    assert x.tolist() == [1, 2]
    assert y.tolist() == [10, 20]


@pytest.mark.claim("blitz-add-out")
def test_out_overwrites_whatever_the_tensor_held(device):
    """With `x = torch.tensor([1.0, 2.0])` and `z = torch.full((2,), torch.nan)`,
    `torch.add(x, x, out=z)` writes the sum into the memory of `z` and returns `z`: the
    values that `z` held before, even NaN, have no influence.
    """
    x = torch.tensor([1.0, 2.0], device=device)
    z = torch.full((2,), torch.nan, device=device)
    memory = z.data_ptr()

    returned = torch.add(x, x, out=z)

    assert returned is z
    assert z.tolist() == [2.0, 4.0]
    assert z.data_ptr() == memory


def test_out_may_be_one_column_of_a_matrix(device):
    """With `table = torch.zeros(2, 2)` and `x = torch.tensor([1.0, 2.0])`,
    `torch.add(x, x, out=table[:, 1])` writes the sum into column 1 of `table` and leaves column 0
    as it was.

    Because `table[:, 1]` is a view: it has the memory of `table`. Indexing with a list makes a
    copy, and `out=table[:, [1]]` would leave `table` as it was.
    """
    table = torch.zeros(2, 2, device=device)
    x = torch.tensor([1.0, 2.0], device=device)

    torch.add(x, x, out=table[:, 1])

    torch.add(x, 10, out=table[:, [0]].squeeze(1))

    assert table.tolist() == [[0.0, 2.0], [0.0, 4.0]]


def test_out_without_elements_takes_the_shape_of_the_result():
    """`torch.add(torch.ones(2, 3), 1, out=z)` with `z = torch.empty(0)`, which has no
    elements, resizes `z` to the shape of the result, (2, 3), without a warning.
    """
    z = torch.empty(0)

    torch.add(torch.ones(2, 3), 1, out=z)

    assert z.tolist() == [[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]


def test_out_of_another_size_is_resized_with_a_warning():
    """`torch.add(torch.ones(2), 1, out=torch.zeros(5))` resizes the `out=` tensor to two
    elements, with a UserWarning that resizing an output that has elements is deprecated.

    Call `resize_(0)` on that tensor first, or pass one of the right shape; the memory of a NumPy
    array cannot be enlarged. With `m = torch.zeros(2, 3)`,
    `torch.add(torch.ones(3), 1, out=m[:, 1])` resizes the column too, to contiguous memory, and so
    overwrites other columns of `m`.
    """
    z = torch.zeros(5)

    with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
        torch.add(torch.ones(2), 1, out=z)

    assert z.tolist() == [2.0, 2.0]
    table = torch.zeros(2, 3)
    with pytest.warns(UserWarning, match="An output with one or more elements was resized"):
        torch.add(torch.ones(3), 1, out=table[:, 1])

    assert table.tolist() == [[0.0, 2.0, 2.0], [2.0, 0.0, 0.0]]


def test_out_keeps_its_dtype():
    """With `z = torch.empty(2)`, `torch.add(torch.tensor([1, 2]), 1, out=z)` stores the int64
    sum as floats: `z` keeps its dtype, float32.

    An int64 `z` refuses a float result of `torch.add`: `spec/tensors/test_type_promotion.py`.
    """
    z = torch.empty(2)

    torch.add(torch.tensor([1, 2]), 1, out=z)

    assert z.dtype == torch.float32
    assert z.tolist() == [2.0, 3.0]


def test_alpha_multiplies_the_second_operand(device):
    """With `x = torch.tensor([1, 2])` and `y = torch.tensor([3, 4])`, `torch.add(x, y, alpha=10)`
    is `x + 10 * y`, `torch.sub(x, y, alpha=10)` is `x - 10 * y`, and `x.add_(y, alpha=-1)`
    subtracts `y` from `x` in place.
    """
    x = torch.tensor([1, 2], device=device)
    y = torch.tensor([3, 4], device=device)

    assert torch.add(x, y, alpha=10).tolist() == [31, 42]
    assert torch.sub(x, y, alpha=10).tolist() == [-29, -38]
    assert torch.add(x / 2, y / 2, alpha=10).tolist() == [15.5, 21.0]
    assert x.add_(y, alpha=-1).tolist() == [-2, -2]


def test_a_fractional_alpha_needs_float_tensors():
    """`torch.add` of two dense int64 tensors on the CPU raises RuntimeError for `alpha=0.5` and
    for `alpha=2.0`; two dense float32 tensors take both.

    Because the sum is computed in int64, and the type of `alpha` counts, not its value. Pass an
    integer `alpha`, or convert an operand to float.
    """
    with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
        torch.add(torch.tensor([1]), torch.tensor([2]), alpha=0.5)
    with pytest.raises(RuntimeError, match="alpha must not be a floating point number"):
        torch.add(torch.tensor([1]), torch.tensor([2]), alpha=2.0)

    assert torch.add(torch.tensor([1.0]), torch.tensor([2.0]), alpha=0.5).tolist() == [2.0]
    assert torch.add(torch.tensor([1.0]), torch.tensor([2.0]), alpha=2.0).tolist() == [5.0]


def test_the_old_order_of_add_still_scales_under_a_warning():
    """The deprecated call `torch.add(x, 10, y)` of two dense int64 tensors computes `x + 10
    * y` and gives a UserWarning, by default once per process.

    Write `torch.add(x, y, alpha=10)`.
    """
    x = torch.tensor([1, 2])

    with pytest.warns(UserWarning, match="This overload of add is deprecated"):
        total = torch.add(x, 10, x)

    assert total.tolist() == [11, 22]


def test_a_number_is_combined_with_every_element(device):
    """For `x = torch.tensor([1, 2, 4])`, `x + 10` and `10 + x` add 10 to each element; a Python
    int may also stand on the left in `10 - x`, `10 * x`, `1 / x`, `9 // x`, `9 % x` and `2 ** x`,
    which are computed element by element.
    """
    x = torch.tensor([1, 2, 4], device=device)

    assert (x + 10).tolist() == [11, 12, 14]
    assert (10 + x).tolist() == [11, 12, 14]
    assert (10 - x).tolist() == [9, 8, 6]
    assert (10 * x).tolist() == [10, 20, 40]
    assert (1 / x).tolist() == [1.0, 0.5, 0.25]
    assert (9 // x).tolist() == [9, 4, 2]
    assert (9 % x).tolist() == [0, 1, 1]
    assert (2**x).tolist() == [2, 4, 16]
    assert (x - 10).tolist() == [-9, -8, -6]


def test_a_tensor_without_dimensions_acts_like_a_number(device):
    """`+`, `-`, `*` and `/` of a 0-d int64 tensor and a dense int64 matrix combine the 0-d one
    with each element of the matrix: `torch.tensor(10) - x` subtracts each element of `x` from
    10.

    A Python number acts in the same way: `10 - x`. Powers are an exception: on the CPU `x ** -1`
    of an int64 tensor `x` raises RuntimeError, `x ** torch.tensor(-1)` does not, see
    `spec/tensors/test_elementwise.py`.
    """
    ten = torch.tensor(10, device=device)
    x = torch.tensor([[1], [2]], device=device)

    assert (ten - x).tolist() == [[9], [8]]
    assert (ten + x).tolist() == [[11], [12]]
    assert (ten * x).tolist() == [[10], [20]]
    assert (ten / x).tolist() == [[10.0], [5.0]]


def test_the_star_pairs_elements_and_the_at_sign_multiplies_matrices(device):
    """`x * y` multiplies two dense square float32 matrices of one size element by element;
    the matrix product is `x @ y`.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)

    assert (x * x).tolist() == [[1.0, 4.0], [9.0, 16.0]]
    assert (x @ x).tolist() == [[7.0, 10.0], [15.0, 22.0]]


def test_a_list_is_no_operand():
    """`x - [1.0, 2.0]` with `x = torch.ones(2)` raises a TypeError, and so do `x - (1.0, 2.0)` and
    `x - "1"`: a list, a tuple or a string is no operand of a tensor's `-`.

    Wrap the list in `torch.tensor`. NumPy arrays beside tensors:
    `spec/tensors/test_numpy_functions.py`.
    """
    x = torch.ones(2)

    with pytest.raises(
        TypeError, match=r"unsupported operand type\(s\) for -: 'Tensor' and 'list'"
    ):
        x - [1.0, 2.0]
    with pytest.raises(TypeError, match=r"type\(s\) for -: 'Tensor' and 'tuple'"):
        x - (1.0, 2.0)
    with pytest.raises(TypeError, match=r"type\(s\) for -: 'Tensor' and 'str'"):
        x - "1"

    assert (x - torch.tensor([1.0, 2.0])).tolist() == [0.0, -1.0]


def test_a_list_times_an_integer_tensor_is_a_longer_list():
    """`[1, 2] * torch.tensor(2)` is the list `[1, 2, 1, 2]`: a list times an int64 tensor
    of one element on the CPU repeats the list, as it does for a Python int.

    Because such a tensor can serve as a Python index. Convert the list with `torch.tensor` to
    multiply its elements.
    """
    two = torch.tensor(2)

    assert [1, 2] * two == [1, 2, 1, 2]
    assert [1, 2] * torch.tensor([2]) == [1, 2, 1, 2]
    assert two * [1, 2] == [1, 2, 1, 2]
    assert (two * torch.tensor([1, 2])).tolist() == [2, 4]


def test_bitwise_operators_work_on_integers(device):
    """`&`, `|`, `^`, `~`, `<<` and `>>` work on the bits of a dense int64 tensor:
    `torch.tensor([0b110]) & 0b011` is the tensor [0b010].
    """
    six = torch.tensor([0b110], device=device)

    assert (six & 0b011).tolist() == [0b010]
    assert (six | 0b011).tolist() == [0b111]
    assert (six ^ 0b011).tolist() == [0b101]
    assert (~six).tolist() == [-7]
    assert (six << 1).tolist() == [0b1100]
    assert (six >> 1).tolist() == [0b11]


def test_bitwise_operators_refuse_floats():
    """`&`, `|` and `^` between float32 tensors on the CPU raise a RuntimeError (its subclass
    NotImplementedError in newer releases), and `~x` a TypeError.

    Compare first, as in `(x > 0) & (y > 0)`, or convert to an integer dtype.
    """
    x = torch.tensor([6.0])

    with pytest.raises(RuntimeError, match="not implemented for 'Float'"):
        x & x
    with pytest.raises(RuntimeError, match="not implemented for 'Float'"):
        x | x
    with pytest.raises(RuntimeError, match="not implemented for 'Float'"):
        x ^ x
    with pytest.raises(TypeError, match="only implemented on integer and Boolean-type tensors"):
        _ = ~x
