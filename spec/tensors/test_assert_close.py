"""`torch.testing.assert_close`.

`assert_close(actual, expected)` returns `None` if two tensors, or two lists or dicts of tensors,
agree up to rounding, and raises an AssertionError with a report if they don't. It is meant for the
tests of your own code; `torch.allclose`, a plain yes or no, is told in
`spec/tensors/test_comparing.py`.

What surprises: dtype and device have to agree as well, and shapes, which `allclose` broadcasts; its
tolerance depends on the dtype; and `rtol` can't be given without `atol`.
"""

import pytest
import torch
from torch.testing import assert_close


def test_close_values_pass_and_others_raise():
    """`torch.testing.assert_close(actual, expected)` returns `None` for float32 values near
    1 that differ by 1e-6, and raises an AssertionError for a difference of 1e-4.
    """
    expected = torch.tensor([1.0])
    near, far = expected + 1e-6, expected + 1e-4

    assert assert_close(near, expected) is None
    with pytest.raises(AssertionError, match="Tensor-likes are not close!"):
        assert_close(far, expected)


def test_the_message_counts_and_locates_the_differences():
    """`assert_close(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 2.5], [3.0,
    6.0]]))` raises AssertionError with "Mismatched elements: 2 / 4", "Greatest absolute difference:
    2.0 at index (1, 1)" and the greatest relative one.

    For 0-d tensors it counts no elements: `assert_close(torch.tensor(4.0), torch.tensor(6.0))`
    says "Scalars are not close!"; with `rtol=0, atol=0` it says "Scalars are not equal!".
    """
    actual = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    expected = torch.tensor([[1.0, 2.5], [3.0, 6.0]])

    with pytest.raises(AssertionError) as error:
        assert_close(actual, expected)

    assert str(error.value).splitlines()[2] == "Mismatched elements: 2 / 4 (50.0%)"
    assert "Greatest absolute difference: 2.0 at index (1, 1)" in str(error.value)
    assert "Greatest relative difference: 0.33333" in str(error.value)
    with pytest.raises(AssertionError, match="Scalars are not close!"):
        assert_close(actual[1, 1], expected[1, 1])
    with pytest.raises(AssertionError, match="Scalars are not equal!"):
        assert_close(actual[1, 1], expected[1, 1], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("dtype", "atol", "rtol"),
    [
        (torch.float64, "1e-07", "1e-07"),
        (torch.float32, "1e-05", "1.3e-06"),
        (torch.bfloat16, "1e-05", "0.016"),
        (torch.float16, "1e-05", "0.001"),
    ],
)
def test_the_tolerance_follows_the_dtype(dtype, atol, rtol):
    """The default tolerance of `assert_close` depends on the dtype of the tensors: `rtol` is
    1e-7 for float64, 1.3e-6 for float32, 1e-3 for float16 and 1.6e-2 for bfloat16.

    Of these four, the fewer digits a dtype has, the more rounding is allowed.
    """
    zero, one = torch.tensor([0.0], dtype=dtype), torch.tensor([1.0], dtype=dtype)

    with pytest.raises(AssertionError) as error:
        assert_close(zero, one)

    absolute, relative = str(error.value).splitlines()[-2:]
    assert absolute.endswith(f"(up to {atol} allowed)")
    assert relative.endswith(f"(up to {rtol} allowed)")


def test_integers_have_to_be_equal():
    """By default `torch.testing.assert_close` wants int64 tensors to be equal: for 1000000
    and 1000001 it raises AssertionError, whereas `torch.allclose` accepts them.

    Explicit `rtol=` and `atol=` apply to integers, too.
    """
    x = torch.tensor([1000000])
    neighbour = x + 1

    with pytest.raises(AssertionError, match="Tensor-likes are not equal!"):
        assert_close(x, neighbour)

    assert torch.allclose(x, neighbour) is True
    assert assert_close(x, neighbour, rtol=0, atol=1) is None


def test_a_tolerance_of_your_own_comes_in_pairs():
    """`assert_close` of two float32 tensors with `atol=` but no `rtol=`, or the reverse, raises
    a ValueError; write `rtol=0` for an absolute tolerance alone.
    """
    x = torch.tensor([8.0])

    assert assert_close(x, x + 0.5, rtol=0, atol=0.5) is None
    assert assert_close(x, x * 2, rtol=0.5, atol=0) is None
    with pytest.raises(ValueError, match="Both 'rtol' and 'atol' must be either specified or"):
        assert_close(x, x, atol=0.5)
    with pytest.raises(ValueError, match="Both 'rtol' and 'atol' must be either specified or"):
        assert_close(x, x, rtol=0.5)


def test_dtype_and_shape_have_to_agree():
    """By default `assert_close` raises an AssertionError for a float32 and a float64 tensor, and
    for tensors of different shapes, which it does not broadcast. With `check_dtype=False` it
    compares the values of float32 and float64.

    So a forgotten `squeeze` shows. `torch.allclose` broadcasts, and can return True for shapes
    `(1, 2)` and `(2,)`. Of a float32 and a float64 tensor `allclose` raises RuntimeError, "Float
    did not match Double".
    """
    x = torch.tensor([1.0])

    with pytest.raises(
        AssertionError, match=r"'dtype' do not match: torch\.float32 != torch\.float64"
    ):
        assert_close(x, x.double())
    with pytest.raises(AssertionError, match=r"'shape' do not match: .*\[1\]\) != .*\[1, 1\]\)"):
        assert_close(x, x[None])

    assert assert_close(x, x.double(), check_dtype=False) is None


def test_nan_is_not_close_to_nan_unless_asked():
    """`torch.testing.assert_close(x, x.clone())` raises AssertionError for
    `x = torch.tensor([torch.nan])`; with `equal_nan=True` it passes.

    Because NaN is not equal to itself.
    """
    x = torch.tensor([torch.nan])

    with pytest.raises(AssertionError, match="Tensor-likes are not close!"):
        assert_close(x, x.clone())

    assert assert_close(x, x.clone(), equal_nan=True) is None


def test_lists_and_dictionaries_are_compared_item_by_item():
    """`assert_close` compares the float32 tensors of two lists of the same length, or of two dicts
    with the same keys, item by item; by default the AssertionError names an item that differs,
    such as `['bias']` of a dict or `[1]` of a list.

    A text given as `msg=` replaces the whole message, the name of the item too.
    """
    actual = {"weight": torch.ones(2), "bias": torch.zeros(2)}
    expected = {"weight": torch.ones(2), "bias": torch.ones(2)}

    with pytest.raises(AssertionError, match=r"The failure occurred for item \['bias'\]"):
        assert_close(actual, expected)
    with pytest.raises(AssertionError, match=r"The failure occurred for item \[1\]"):
        assert_close(list(actual.values()), list(expected.values()))
    with pytest.raises(AssertionError, match=r"^mine$"):
        assert_close(actual, expected, msg="mine")


def test_a_tensor_is_not_compared_with_a_list():
    """`torch.testing.assert_close` of a tensor and a list, or of a tensor and a Python number,
    raises a TypeError.

    Compare two tensors of the same dtype:
    `assert_close(x, torch.tensor(numbers, dtype=torch.float32))` for a float32 `x`. If `numbers`
    holds floats, `assert_close(x.tolist(), numbers)` has the tolerances of float64, often too
    strict for results of float32.
    """
    x = torch.tensor([1.0, 2.0])
    numbers = [1.0, 2.0]

    with pytest.raises(TypeError, match="No comparison pair was able to handle inputs of type"):
        assert_close(x, numbers)
    with pytest.raises(TypeError, match="No comparison pair was able to handle inputs of type"):
        assert_close(x.sum(), sum(numbers))

    assert assert_close(x.tolist(), numbers) is None
