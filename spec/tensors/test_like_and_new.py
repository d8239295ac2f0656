"""Making tensors after another one.

Two families take a tensor as their pattern. `torch.zeros_like(x)` and its kin copy size, dtype
and device; the methods `x.new_zeros(size)` copy dtype and device and are told the size. What the
caller names replaces what the pattern has.

Neither copies `requires_grad`: a pattern that is being learnt does not make its copies learnt.
"""

import pytest
import torch


@pytest.mark.claim("blitz-like-keeps-size", "blitz-derive-keeps-size-and-dtype")
@pytest.mark.parametrize(
    "like",
    [torch.empty_like, torch.zeros_like, torch.ones_like, torch.rand_like, torch.randn_like],
)
def test_like_functions_keep_size_dtype_and_device(like, device):
    """Every `*_like` function gives a tensor of its pattern's size, dtype and device."""
    pattern = torch.zeros(5, 3, dtype=torch.float64, device=device)

    made = like(pattern)

    assert made.shape == (5, 3)
    assert made.dtype is torch.float64
    assert made.device == pattern.device
    assert made.data_ptr() != pattern.data_ptr()


def test_like_functions_take_nothing_of_the_values(device):
    """`zeros_like` and `ones_like` fill a new tensor and leave the pattern as it was."""
    pattern = torch.tensor([5, 7], device=device)

    assert torch.zeros_like(pattern).tolist() == [0, 0]
    assert torch.ones_like(pattern).tolist() == [1, 1]
    assert pattern.tolist() == [5, 7]


def test_full_like_converts_its_value_to_the_patterns_dtype(device):
    """`full_like` keeps the pattern's dtype, so an integer pattern cuts 2.75 down to 2."""
    floats = torch.full_like(torch.zeros(2, device=device), 2.75)
    integers = torch.full_like(torch.zeros(2, dtype=torch.int64, device=device), 2.75)

    assert floats.tolist() == [2.75, 2.75]
    assert integers.tolist() == [2, 2]


def test_randint_like_draws_integers_into_the_patterns_dtype(device):
    """`randint_like` draws whole numbers below its bound; a float pattern holds them as floats."""
    drawn = torch.randint_like(torch.zeros(100, device=device), 3)

    assert drawn.dtype is torch.float32
    assert drawn.unique().tolist() == [0.0, 1.0, 2.0]


@pytest.mark.claim("blitz-randn-like-dtype", "blitz-derive-keeps-size-and-dtype")
def test_randn_like_takes_another_dtype_and_keeps_the_size(device):
    """`randn_like` of a float64 tensor, asked for float, is float32 of the same size."""
    pattern = torch.ones(5, 3, dtype=torch.float64, device=device)

    made = torch.randn_like(pattern, dtype=torch.float)

    assert made.dtype is torch.float32
    assert made.shape == (5, 3)
    assert (made == pattern).any().item() is False


def test_randn_like_is_standard_normal(device):
    """`randn_like` has mean 0 and deviation 1 whatever the pattern holds; `rand_like` mean 0.5."""
    pattern = torch.full((10_000,), 50.0, device=device)

    normal = torch.randn_like(pattern)
    uniform = torch.rand_like(pattern)

    assert normal.mean().item() == pytest.approx(0, abs=0.05)
    assert normal.std().item() == pytest.approx(1, abs=0.05)
    assert uniform.mean().item() == pytest.approx(0.5, abs=0.05)


def test_rand_like_of_integers_needs_a_floating_dtype():
    """`rand_like` keeps the pattern's integer dtype too, and cannot draw in it."""
    pattern = torch.zeros(2, dtype=torch.int64)

    assert torch.rand_like(pattern, dtype=torch.float64).dtype is torch.float64
    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        torch.rand_like(pattern)


def test_like_functions_want_a_tensor():
    """A list is no pattern: `zeros_like([1, 2])` is a `TypeError`."""
    with pytest.raises(TypeError, match=r"argument 'input' .* must be Tensor, not list"):
        torch.zeros_like([1, 2])


def test_like_functions_keep_the_order_in_memory(device):
    """The like of a transposed matrix is laid out as the transposed one is; `new_*` starts afresh.

    `memory_format=torch.contiguous_format` asks for row after row.
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
    """`x.new_zeros(4)` has the dtype and device of `x` and the size it is told."""
    source = torch.zeros(2, dtype=torch.float16, device=device)

    made = new(source, 4)

    assert made.dtype is torch.float16
    assert made.device == source.device
    assert made.shape == (4,)


def test_new_methods_fill_as_their_names_say(device):
    """`new_zeros`, `new_ones` and `new_full` fill a new tensor; none reads the source's values."""
    source = torch.tensor([5.0, 7.0], device=device)

    assert source.new_zeros(3).tolist() == [0.0, 0.0, 0.0]
    assert source.new_ones(3).tolist() == [1.0, 1.0, 1.0]
    assert source.new_full((3,), 9).tolist() == [9.0, 9.0, 9.0]
    assert source.tolist() == [5.0, 7.0]


def test_new_full_keeps_the_dtype_where_full_takes_the_values():
    """`x.new_full` has the dtype of `x`; `torch.full` has the dtype of its fill value."""
    source = torch.zeros(2, dtype=torch.float64)

    after_source = source.new_full((1,), 9)
    after_value = torch.full((1,), 9)

    assert after_source.dtype is torch.float64
    assert after_value.dtype is torch.int64


@pytest.mark.claim("blitz-new-ones-override", "blitz-derive-keeps-size-and-dtype")
def test_new_ones_takes_another_size_and_dtype():
    """`new_ones(5, 3, dtype=torch.double)` replaces both; the dtype shows as it is not default."""
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
    """`new_ones()` is a `TypeError`: the source's size is no default."""
    source = torch.zeros(2)

    with pytest.raises(TypeError, match='missing 1 required positional arguments: "size"'):
        source.new_ones()


@pytest.mark.claim("blitz-new-every-needs-size")
def test_new_tensor_takes_data_instead_of_a_size(device):
    """Not every `new_*` method takes a size: `new_tensor` takes data, and copies it."""
    source = torch.zeros(2, dtype=torch.float64, device=device)

    made = source.new_tensor([1, 2, 3])

    assert made.tolist() == [1.0, 2.0, 3.0]
    assert made.dtype is torch.float64


def test_neither_family_inherits_requires_grad(device):
    """What is made after a tensor that requires gradients does not, unless it is asked to."""
    learnt = torch.ones(2, device=device, requires_grad=True)

    made = [
        torch.zeros_like(learnt),
        learnt.new_zeros(2),
        torch.zeros_like(learnt, requires_grad=True),
        learnt.new_zeros(2, requires_grad=True),
    ]

    assert learnt.requires_grad is True
    assert [tensor.requires_grad for tensor in made] == [False, False, True, True]
