"""Making tensors.

A tensor is a block of numbers of one type with a shape, a near relative of NumPy's array. A
factory makes one from a size: filled with zeros, with ones, with any value, with random numbers,
or with nothing at all.

That last one, `torch.empty`, is what surprises: it writes nothing, so its numbers are whatever
was in memory before. And `torch.full` takes its dtype from the value, not from the default.
"""

import numpy as np
import pytest
import torch


@pytest.mark.claim("blitz-tensor-like-ndarray")
def test_a_tensor_describes_itself_like_a_numpy_array():
    """A tensor has a shape, a number of dimensions and strides, much as NumPy's array has.

    It is cut and added like one, too.
    """
    tensor = torch.tensor([[1, 2, 3], [4, 5, 6]])
    array = np.array([[1, 2, 3], [4, 5, 6]])

    assert (tensor.shape, tensor.ndim, tensor.numel()) == ((2, 3), 2, 6)
    assert (array.shape, array.ndim, array.size) == ((2, 3), 2, 6)
    # A tensor counts its strides in elements, an array in bytes.
    assert tensor.stride() == (3, 1)
    assert array.strides == (24, 8)
    assert (tensor + tensor)[:, 1].tolist() == [4, 10]
    assert (array + array)[:, 1].tolist() == [4, 10]


@pytest.mark.claim("self-tensor-primary-structure")
def test_whatever_a_model_takes_holds_and_gives_is_a_tensor():
    """A model's input, weight, loss and gradient are all tensors; a `Parameter` is one too."""
    inputs = torch.ones(1, 2)
    model = torch.nn.Linear(2, 1)
    loss = model(inputs).sum()
    loss.backward()

    parts = [inputs, model.weight, loss, model.weight.grad]

    assert [type(part).__name__ for part in parts] == ["Tensor", "Parameter", "Tensor", "Tensor"]
    assert [isinstance(part, torch.Tensor) for part in parts] == [True, True, True, True]


@pytest.mark.claim("summary-base-libraries")
def test_torch_makes_tensors_and_autograd_differentiates_them():
    """`torch` makes a `torch.Tensor`; `torch.autograd` computes gradients with respect to one."""
    x = torch.tensor([1.0, 3.0], requires_grad=True)

    (gradient,) = torch.autograd.grad((x * x).sum(), x)

    assert type(x) is torch.Tensor
    assert gradient.tolist() == [2.0, 6.0]


def test_a_size_is_numbers_or_a_sequence_of_them():
    """A size is written as numbers, a tuple, a list or a `torch.Size`; all mean the same."""
    made = [
        torch.zeros(2, 3),
        torch.zeros((2, 3)),
        torch.zeros([2, 3]),
        torch.zeros(torch.Size([2, 3])),
    ]

    assert [tensor.shape for tensor in made] == [(2, 3), (2, 3), (2, 3), (2, 3)]


def test_a_size_of_floats_is_refused():
    """A size must be made of integers: `torch.zeros(2.0)` is a `TypeError`."""
    with pytest.raises(TypeError, match=r"argument 'size' .* tuple of (Sym)?[iI]nts, .*float"):
        torch.zeros(2.0)


@pytest.mark.parametrize("make", [torch.empty, torch.zeros, torch.ones, torch.rand])
def test_a_negative_size_is_refused(make, device):
    """No dimension can have a negative size, although it may have size 0."""
    assert make(2, 0, device=device).shape == (2, 0)
    with pytest.raises(RuntimeError, match="negative"):
        make(2, -1, device=device)


def test_an_empty_size_makes_a_tensor_of_one_number(device):
    """The size `()` makes a tensor without dimensions that holds one number; size 0 holds none."""
    scalar = torch.ones((), device=device)
    nothing = torch.ones(0, device=device)

    assert (scalar.shape, scalar.numel(), scalar.tolist()) == ((), 1, 1.0)
    assert (nothing.shape, nothing.numel(), nothing.tolist()) == ((0,), 0, [])


@pytest.mark.parametrize("make", [torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn])
def test_factories_make_float32_on_the_cpu(make):
    """Without `dtype=` and `device=` a factory makes a 32-bit float tensor on the CPU."""
    made = make(5, 3)

    assert made.shape == (5, 3)
    assert made.dtype is torch.float32
    assert made.device.type == "cpu"


@pytest.mark.claim("blitz-zeros-long")
def test_zeros_of_dtype_long_are_64_bit_integers():
    """`torch.zeros` with `dtype=torch.long` makes 64-bit integers, printed as bare zeros."""
    zeros = torch.zeros(5, 3, dtype=torch.long)

    assert zeros.dtype is torch.int64
    assert repr(zeros).splitlines() == [
        "tensor([[0, 0, 0],",
        "        [0, 0, 0],",
        "        [0, 0, 0],",
        "        [0, 0, 0],",
        "        [0, 0, 0]])",
    ]


@pytest.mark.claim("blitz-ones")
def test_ones_works_like_zeros_but_fills_with_one(device):
    """`torch.ones` takes what `torch.zeros` takes and fills with 1."""
    ones = torch.ones(2, 3, dtype=torch.long, device=device)
    zeros = torch.zeros(2, 3, dtype=torch.long, device=device)

    assert ones.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert zeros.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert ones.dtype is zeros.dtype is torch.int64


@pytest.mark.parametrize(
    ("value", "dtype", "filled"),
    [
        (7, torch.int64, [7, 7]),
        (0.5, torch.float32, [0.5, 0.5]),
        (True, torch.bool, [True, True]),
        (2j, torch.complex64, [2j, 2j]),
    ],
)
def test_full_takes_its_dtype_from_the_value(value, dtype, filled, device):
    """`torch.full` has the dtype of its fill value: an integer fills an integer tensor."""
    full = torch.full((2,), value, device=device)

    assert full.dtype is dtype
    assert full.tolist() == filled


def test_full_converts_its_value_to_the_dtype_it_is_given(device):
    """With `dtype=` the fill value is converted, so an integer can fill a float tensor."""
    full = torch.full((2, 2), 7, dtype=torch.float64, device=device)

    assert full.dtype is torch.float64
    assert full.tolist() == [[7.0, 7.0], [7.0, 7.0]]


def test_eye_has_ones_on_the_diagonal(device):
    """`torch.eye` has ones on the diagonal and zeros elsewhere, and it need not be square."""
    assert torch.eye(2, device=device).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert torch.eye(2, 3, device=device).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


@pytest.mark.claim("blitz-empty-uninitialised")
def test_empty_leaves_memory_as_it_is():
    """`torch.empty` writes nothing: given memory that holds sevens, it shows sevens."""
    memory = torch.full((5, 3), 7.0)

    empty = torch.empty(5, 3, out=memory)

    assert empty.dtype is torch.float32
    assert empty.data_ptr() == memory.data_ptr()
    assert empty.tolist() == [[7.0, 7.0, 7.0]] * 5


@pytest.mark.torch(">=2.2")
def test_empty_is_filled_with_nan_under_deterministic_algorithms():
    """Under deterministic algorithms `torch.empty` is no gamble: floats are NaN, integers huge."""
    # What `torch.use_deterministic_algorithms(True)` does, without the second that it takes.
    torch.set_deterministic_debug_mode("error")
    floats = torch.empty(2)
    integers = torch.empty(2, dtype=torch.int8)
    torch.set_deterministic_debug_mode("default")

    assert floats.isnan().tolist() == [True, True]
    assert integers.tolist() == [127, 127]


def test_requires_grad_is_asked_for_at_creation(device):
    """A tensor records no gradients unless its factory is given `requires_grad=True`."""
    plain = torch.zeros(2, device=device)
    tracked = torch.zeros(2, device=device, requires_grad=True)

    assert (plain.requires_grad, tracked.requires_grad) == (False, True)


def test_integers_cannot_require_grad(device):
    """Only floating-point and complex tensors can require gradients."""
    with pytest.raises(RuntimeError, match="floating point and complex dtype can require grad"):
        torch.zeros(2, dtype=torch.int64, device=device, requires_grad=True)


def test_the_meta_device_gives_a_shape_without_memory():
    """On the `meta` device a tensor has a shape but no numbers, however large it is."""
    huge = torch.empty(1_000_000, 2_000_000, device="meta")
    small = torch.empty(2, device="meta")

    assert huge.sum(dim=0).shape == (2_000_000,)
    with pytest.raises(NotImplementedError, match="no data"):
        small.cpu()
