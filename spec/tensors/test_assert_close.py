"""`torch.testing.assert_close`, for your own checks.

It raises an AssertionError that says how many elements differ, and by how much. It is stricter
than `allclose`: dtype, shape and device have to agree as well; the tolerance follows the dtype.
"""

import pytest
import torch
from torch.testing import assert_close


def test_close_values_pass_and_others_raise():
    """Close values pass in silence; others raise an AssertionError."""
    expected = torch.tensor([1.0])
    near, far = expected + 1e-6, expected + 1e-4

    assert assert_close(near, expected) is None
    with pytest.raises(AssertionError, match="Tensor-likes are not close!"):
        assert_close(far, expected)


def test_the_message_counts_and_locates_the_differences():
    """The message counts the elements that differ and tells where the greatest difference is."""
    actual = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    expected = torch.tensor([[1.0, 2.5], [3.0, 6.0]])

    with pytest.raises(AssertionError) as error:
        assert_close(actual, expected)

    assert str(error.value).splitlines()[2] == "Mismatched elements: 2 / 4 (50.0%)"
    assert "Greatest absolute difference: 2.0 at index (1, 1)" in str(error.value)


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
    """The tolerance follows the dtype: the fewer digits it has, the more is allowed."""
    zero, one = torch.tensor([0.0], dtype=dtype), torch.tensor([1.0], dtype=dtype)

    with pytest.raises(AssertionError) as error:
        assert_close(zero, one)

    absolute, relative = str(error.value).splitlines()[-2:]
    assert absolute.endswith(f"(up to {atol} allowed)")
    assert relative.endswith(f"(up to {rtol} allowed)")


def test_integers_have_to_be_equal():
    """Integers have to be equal."""
    x = torch.tensor([1000000])
    neighbour = x + 1

    with pytest.raises(AssertionError, match="Tensor-likes are not equal!"):
        assert_close(x, neighbour)


def test_a_tolerance_of_your_own_comes_in_pairs():
    """`rtol=` and `atol=` go together: one without the other is refused."""
    x = torch.tensor([8.0])

    assert assert_close(x, x + 0.5, rtol=0, atol=0.5) is None
    assert assert_close(x, x * 2, rtol=0.5, atol=0) is None
    with pytest.raises(ValueError, match="Both 'rtol' and 'atol' must be either specified or"):
        assert_close(x, x, atol=0.5)


def test_dtype_and_shape_have_to_agree():
    """Dtype and shape have to agree; the dtype can be let off with `check_dtype=False`."""
    x = torch.tensor([1.0])

    with pytest.raises(
        AssertionError, match=r"'dtype' do not match: torch\.float32 != torch\.int64"
    ):
        assert_close(x, x.long())
    with pytest.raises(AssertionError, match=r"'shape' do not match: .*\[1\]\) != .*\[1, 1\]\)"):
        assert_close(x, x[None])

    assert assert_close(x, x.long(), check_dtype=False) is None


def test_nan_is_not_close_to_nan_unless_asked():
    """NaN isn't close to NaN, unless `equal_nan=True` says so."""
    x = torch.tensor([torch.nan])

    with pytest.raises(AssertionError, match="not close"):
        assert_close(x, x.clone())

    assert assert_close(x, x.clone(), equal_nan=True) is None


def test_lists_and_dictionaries_are_compared_item_by_item():
    """Lists and dictionaries of tensors are compared item by item; the message names the item."""
    actual = {"weight": torch.ones(2), "bias": torch.zeros(2)}
    expected = {"weight": torch.ones(2), "bias": torch.ones(2)}

    with pytest.raises(AssertionError, match=r"The failure occurred for item \['bias'\]"):
        assert_close(actual, expected)


def test_a_tensor_is_not_compared_with_a_list():
    """A tensor isn't compared with a list or a number."""
    x = torch.tensor([1.0, 2.0])
    numbers = [1.0, 2.0]

    with pytest.raises(TypeError, match="No comparison pair was able to handle inputs of type"):
        assert_close(x, numbers)

    assert assert_close(x.tolist(), numbers) is None
