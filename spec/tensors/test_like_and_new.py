"""Making tensors after another one.

Two families of functions take a tensor as their pattern, so that a program works for any dtype and
device. `torch.zeros_like(x)`, `ones_like`, `full_like`, `rand_like` and so on copy size, dtype and
device of `x`. The methods `x.new_zeros(size)`, `x.new_ones`, `x.new_full` and so on copy dtype and
device and are told the size. A keyword argument such as `dtype=` replaces what `x` has.

None of them reads the values of `x`.

What surprises: neither family copies `requires_grad`; the `*_like` functions copy the order in
memory of a transposed tensor too (`spec/tensors/test_strides.py`), the `new_*` methods do not; and
`new_full` takes the dtype from `x`, where `torch.full` takes it from the fill value.
"""

import pytest
import torch


@pytest.mark.claim("blitz-like-keeps-size", "blitz-derive-keeps-size-and-dtype")
@pytest.mark.parametrize(
    "like",
    [torch.empty_like, torch.zeros_like, torch.ones_like, torch.rand_like, torch.randn_like],
)
def test_like_functions_keep_size_dtype_and_device(like, device):
    """`torch.empty_like(x)`, `zeros_like`, `ones_like`, `rand_like` and `randn_like` of a dense
    float64 tensor `x` make a new tensor with the size, the dtype and the device of `x`.

    So a function that writes `torch.zeros_like(x)` instead of `torch.zeros(x.shape)` works for
    float64 and on a GPU too.
    """
    pattern = torch.zeros(5, 3, dtype=torch.float64, device=device)

    made = like(pattern)

    assert made.shape == (5, 3)
    assert made.dtype is torch.float64
    assert made.device == pattern.device
    assert made.data_ptr() != pattern.data_ptr()


def test_like_functions_take_nothing_of_the_values(device):
    """`torch.zeros_like(x)` and `torch.ones_like(x)` of `x = torch.tensor([5, 7])` are [0,
    0] and [1, 1], and leave the values of `x` as they were.
    """
    pattern = torch.tensor([5, 7], device=device)

    assert torch.zeros_like(pattern).tolist() == [0, 0]
    assert torch.ones_like(pattern).tolist() == [1, 1]
    assert pattern.tolist() == [5, 7]


def test_full_like_converts_its_value_to_the_patterns_dtype(device):
    """`torch.full_like(x, 2.75)` converts the fill value to the dtype of `x`: a float32 tensor
    is filled with 2.75, an int64 tensor with 2.

    The conversion to int64 drops the fraction without a warning;
    `torch.full_like(x, 2.75, dtype=torch.float32)` keeps it.
    """
    floats = torch.full_like(torch.zeros(2, device=device), 2.75)
    integers = torch.full_like(torch.zeros(2, dtype=torch.int64, device=device), 2.75)

    assert floats.tolist() == [2.75, 2.75]
    assert integers.tolist() == [2, 2]


def test_randint_like_draws_integers_into_the_patterns_dtype(device):
    """`torch.randint_like(x, 3)` draws from 0.0, 1.0 and 2.0 for a float32 `x` and from the
    integers 0, 1 and 2 for an int64 `x`; for a complex64 `x` it raises RuntimeError.

    Because it keeps the dtype of `x`, unlike `torch.randint`, which is int64 by default. For a
    complex `x` draw with `dtype=torch.int64` and convert.
    """
    drawn = torch.randint_like(torch.zeros(100, device=device), 3)

    assert drawn.dtype is torch.float32
    whole = torch.randint_like(drawn.long(), 3)
    assert (whole.dtype, whole.unique().tolist()) == (torch.int64, [0, 1, 2])
    assert drawn.unique().tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(RuntimeError, match="handles only integral, floating-point and boolean"):
        torch.randint_like(torch.zeros(2, dtype=torch.complex64, device=device), 3)


@pytest.mark.claim("blitz-randn-like-dtype", "blitz-derive-keeps-size-and-dtype")
def test_randn_like_takes_another_dtype_and_keeps_the_size(device):
    """`torch.randn_like(x, dtype=torch.float)` has the size of the dense float64 tensor `x`, and
    dtype float32.
    """
    pattern = torch.ones(5, 3, dtype=torch.float64, device=device)

    made = torch.randn_like(pattern, dtype=torch.float)

    assert made.dtype is torch.float32
    assert made.shape == (5, 3)
    assert (made == pattern).any().item() is False


def test_randn_like_is_standard_normal(device):
    """`torch.randn_like(x)` of a float32 `x` draws from the normal distribution with mean 0 and
    standard deviation 1, and `torch.rand_like(x)` uniformly from [0, 1), even if each element
    of `x` is 50.

    Because `x` is asked for its size, dtype and device, not for its values. Noise on top of the
    values is `x + torch.randn_like(x)`.
    """
    pattern = torch.full((10_000,), 50.0, device=device)

    normal = torch.randn_like(pattern)
    uniform = torch.rand_like(pattern)

    assert normal.mean().item() == pytest.approx(0, abs=0.05)
    assert normal.std().item() == pytest.approx(1, abs=0.05)
    assert ((uniform >= 0) & (uniform < 1)).all().item() is True
    assert uniform.mean().item() == pytest.approx(0.5, abs=0.05)


def test_rand_like_of_integers_needs_a_floating_dtype():
    """`torch.rand_like(x)` of an int64 tensor on the CPU raises a RuntimeError (its subclass
    NotImplementedError in newer releases); `torch.rand_like(x, dtype=torch.float64)` works.

    Because it keeps the dtype of `x`, and `rand` cannot draw integers.
    """
    pattern = torch.zeros(2, dtype=torch.int64)

    assert torch.rand_like(pattern, dtype=torch.float64).dtype is torch.float64
    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        torch.rand_like(pattern)


def test_like_functions_want_a_tensor():
    """`torch.zeros_like([1, 2])` raises TypeError: it takes a tensor, not a list; write
    `torch.zeros_like(torch.tensor([1, 2]))`.

    NumPy's `zeros_like` takes a list.
    """
    with pytest.raises(TypeError, match=r"argument 'input' .* must be Tensor, not list"):
        torch.zeros_like([1, 2])


def test_like_functions_keep_the_order_in_memory(device):
    """`torch.zeros_like(x)` of `x = torch.ones(2, 3).t()` has the strides of `x`, (1, 3); with
    `memory_format=torch.contiguous_format` it has row-major strides, and so has
    `x.new_zeros(x.shape)`.

    Because the default, `torch.preserve_format`, keeps the strides of a tensor without gaps or
    overlaps in memory.
    """
    transposed = torch.ones(2, 3, device=device).t()

    kept = torch.zeros_like(transposed)
    rowwise = torch.zeros_like(transposed, memory_format=torch.contiguous_format)
    fresh = transposed.new_zeros(transposed.shape)

    assert [made.shape for made in (kept, rowwise, fresh)] == [(3, 2), (3, 2), (3, 2)]
    assert [made.stride() for made in (kept, rowwise, fresh)] == [(1, 3), (2, 1), (2, 1)]


@pytest.mark.claim("blitz-new-keeps-dtype", "blitz-derive-keeps-size-and-dtype")
@pytest.mark.parametrize(
    "new", [torch.Tensor.new_empty, torch.Tensor.new_zeros, torch.Tensor.new_ones]
)
def test_new_methods_keep_dtype_and_device_but_not_the_size(new, device):
    """`x.new_empty(4)`, `x.new_zeros(4)` and `x.new_ones(4)` of a dense float16 tensor `x` have
    the dtype and device of `x`, and the size that they are given.
    """
    source = torch.zeros(2, dtype=torch.float16, device=device)

    made = new(source, 4)

    assert made.dtype is torch.float16
    assert made.device == source.device
    assert made.shape == (4,)


def test_new_methods_fill_as_their_names_say(device):
    """For the float32 tensor `x = torch.tensor([5.0, 7.0])`, `x.new_zeros(3)` is filled with 0,
    `x.new_ones(3)` with 1 and `x.new_full((3,), 9)` with 9; the values of `x` play no part and do
    not change.
    """
    source = torch.tensor([5.0, 7.0], device=device)

    assert source.new_zeros(3).tolist() == [0.0, 0.0, 0.0]
    assert source.new_ones(3).tolist() == [1.0, 1.0, 1.0]
    assert source.new_full((3,), 9).tolist() == [9.0, 9.0, 9.0]
    assert source.tolist() == [5.0, 7.0]


def test_new_full_keeps_the_dtype_where_full_takes_the_values():
    """`x.new_full((1,), 9)` of a float64 tensor `x` is float64 like `x`; `torch.full((1,), 9)`
    takes the dtype from its fill value, int64.
    """
    source = torch.zeros(2, dtype=torch.float64)

    after_source = source.new_full((1,), 9)
    after_value = torch.full((1,), 9)

    assert after_source.dtype is torch.float64
    assert after_value.dtype is torch.int64


@pytest.mark.claim("blitz-new-ones-override", "blitz-derive-keeps-size-and-dtype")
def test_new_ones_takes_another_size_and_dtype():
    """`x.new_ones(5, 3, dtype=torch.double)` of a float32 `x` of shape (2,) has the size (5, 3)
    and the dtype float64.

    Of `x` it keeps the device. `print` of the result shows `dtype=torch.float64`, because
    float64 is not the default dtype.
    """
    source = torch.tensor([5.5, 3])

    made = source.new_ones(5, 3, dtype=torch.double)

    assert (source.shape, source.dtype) == ((2,), torch.float32)
    assert repr(made).splitlines() == [
        "tensor([[1., 1., 1.],",
        "        [1., 1., 1.],",
        "        [1., 1., 1.],",
        "        [1., 1., 1.],",
        "        [1., 1., 1.]], dtype=torch.float64)",
    ]


@pytest.mark.claim("blitz-new-ones-size-required")
def test_new_ones_must_be_told_a_size():
    """`x.new_ones()` raises TypeError, since `new_ones` does not take the size of `x`; write
    `torch.ones_like(x)`.

    Like `new_zeros`, `new_empty` and `new_full`, it takes the dtype and the device from `x`, and
    the size as an argument.
    """
    source = torch.zeros(2)

    with pytest.raises(TypeError, match='missing 1 required positional arguments: "size"'):
        source.new_ones()


@pytest.mark.claim("blitz-new-every-needs-size")
def test_new_tensor_takes_data_instead_of_a_size(device):
    """`x.new_tensor([1, 2, 3])` of a float64 tensor `x` takes data, not a size, and converts it
    to float64, the dtype of `x`.

    `torch.tensor([1, 2, 3])` would be int64.
    """
    source = torch.zeros(2, dtype=torch.float64, device=device)

    made = source.new_tensor([1, 2, 3])

    assert made.tolist() == [1.0, 2.0, 3.0]
    assert made.dtype is torch.float64


def test_neither_family_inherits_requires_grad(device):
    """`torch.zeros_like(x)` and `x.new_zeros(2)` do not require grad although `x` does, unless
    they are given `requires_grad=True`.

    Because the new values do not depend on those of `x`, so there is nothing to differentiate.
    """
    learnt = torch.ones(2, device=device, requires_grad=True)

    made = [
        torch.zeros_like(learnt),
        learnt.new_zeros(2),
        torch.zeros_like(learnt, requires_grad=True),
        learnt.new_zeros(2, requires_grad=True),
    ]

    assert learnt.requires_grad is True
    assert [tensor.requires_grad for tensor in made] == [False, False, True, True]
