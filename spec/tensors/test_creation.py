"""Making tensors.

A tensor is an n-dimensional array: it has a shape, and its elements have one dtype and lie on one
device. A factory function makes a tensor from a size. `torch.zeros`, `torch.ones` and `torch.full`
fill it with a value, `torch.eye` makes an identity matrix, `torch.rand` and its relatives draw
random numbers (`spec/tensors/test_random_tensors.py`), and `torch.empty` fills in nothing.

These factories take the keyword arguments `dtype=`, `device=` and `requires_grad=` (which dtypes
can require grad: `spec/autograd/test_trackable.py`). A tensor of given numbers comes from
`torch.tensor`: `spec/tensors/test_from_data.py`.

What surprises: `torch.empty` writes nothing, so its elements are whatever the memory held before;
`torch.full` without `dtype=` takes its dtype from the fill value, so `torch.full((2,), 7)` is int64
where `torch.zeros(2)` is float32; and the empty size `()` makes a tensor of one element.

What this book sets and a prompt does not: each fact starts from the random seed 0, PyTorch computes
with one thread, and `torch.set_warn_always(True)` gives those warnings each time that PyTorch
otherwise gives once per process.

What a sentence of this book does not say: a tensor whose layout is not named is dense
(`torch.strided`); the default dtype, the default device and the modes are those with which PyTorch
starts: float32, the CPU, autograd recording (neither `no_grad` nor `inference_mode`), no autocast;
the module of a name that is written in full, such as `torch.utils.benchmark.Timer`, is imported.
"""

import numpy as np
import pytest
import torch


@pytest.mark.claim("blitz-tensor-like-ndarray")
def test_a_tensor_describes_itself_like_a_numpy_array():
    """A 2 x 3 tensor has `x.shape` and `x.ndim` as a 2 x 3 NumPy array has; `x.numel()` is
    NumPy's `size`, and `x.stride()` of a dense tensor counts elements where NumPy's `strides`
    counts bytes.

    A stride of (24, 8) bytes in NumPy is (3, 1) for an int64 tensor. Not all carries over: a
    slice with a negative step raises, see `spec/tensors/test_indexing.py`.
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


def test_a_size_is_numbers_or_a_sequence_of_them():
    """`torch.zeros(2, 3)`, `torch.zeros((2, 3))`, `torch.zeros([2, 3])` and
    `torch.zeros(torch.Size([2, 3]))` have the same shape: the size can be given as
    integers, a tuple, a list or a `torch.Size`.
    """
    made = [
        torch.zeros(2, 3),
        torch.zeros((2, 3)),
        torch.zeros([2, 3]),
        torch.zeros(torch.Size([2, 3])),
    ]

    assert [tensor.shape for tensor in made] == [(2, 3), (2, 3), (2, 3), (2, 3)]


@pytest.mark.parametrize("make", [torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn])
def test_factories_make_float32_on_the_cpu(make):
    """With the default settings and without `dtype=`, `device=` and `out=`, `torch.empty`,
    `zeros`, `ones`, `rand` and `randn` make a float32 tensor on the CPU.

    `torch.set_default_dtype` and, since PyTorch 2.0, `torch.set_default_device` change the
    defaults. `torch.full`, `torch.arange` and `torch.randint` make int64 from integers.
    """
    made = make(5, 3)

    assert made.shape == (5, 3)
    assert made.dtype is torch.float32
    assert made.device.type == "cpu"


@pytest.mark.claim("blitz-zeros-long")
def test_zeros_of_dtype_long_are_64_bit_integers():
    """`torch.zeros(5, 3, dtype=torch.long)` is an int64 tensor, which prints its zeros without
    a decimal point and without naming the dtype.

    `torch.long` is another name of `torch.int64`. The repr of a non-empty tensor does not name
    int64, because `torch.tensor` picks it for integers by itself.
    """
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
    """`torch.ones(2, 3, dtype=torch.long)` is the int64 tensor [[1, 1, 1], [1, 1, 1]]: the size
    and `dtype=` are given as in `torch.zeros(2, 3, dtype=torch.long)`, but every element is 1
    instead of 0.
    """
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
    """`torch.full((2,), value)` without `dtype=` and `out=` takes its dtype from the Python
    value: int64 for 7, bool for True, and with the default dtype float32, float32 for 0.5
    and complex64 for 2j.

    So `torch.full((2,), 1)` cannot require grad, unlike `torch.ones(2)`: write `1.0` or
    `dtype=torch.float32`.
    """
    full = torch.full((2,), value, device=device)

    assert full.dtype is dtype
    assert full.tolist() == filled


def test_full_converts_its_value_to_the_dtype_it_is_given(device):
    """On the CPU `torch.full` converts the fill value to its `dtype=`: 7 becomes 7.0 in float64,
    7.9 becomes 7 in int64, -1 becomes 255 in uint8. But 300 in uint8 and 1e300 in float32 raise
    RuntimeError.

    For such large values choose a wider dtype. In contrast
    `torch.tensor(1e300, dtype=torch.float32)` is infinite: `spec/tensors/test_from_data.py`.
    """
    full = torch.full((2, 2), 7, dtype=torch.float64, device=device)
    cut = torch.full((1,), 7.9, dtype=torch.int64, device=device)

    assert full.dtype is torch.float64
    assert full.tolist() == [[7.0, 7.0], [7.0, 7.0]]
    assert (cut.dtype, cut.tolist()) == (torch.int64, [7])
    assert torch.full((1,), -1, dtype=torch.uint8).tolist() == [255]
    with pytest.raises(RuntimeError, match="cannot be converted to type uint8_t without overflow"):
        torch.full((1,), 300, dtype=torch.uint8, device=device)
    with pytest.raises(RuntimeError, match="cannot be converted to type float without overflow"):
        torch.full((1,), 1e300, dtype=torch.float32, device=device)


def test_eye_has_ones_on_the_diagonal(device):
    """`torch.eye(n)` is the n x n identity matrix, by default in float32; `torch.eye(2, 3)` has
    2 rows and 3 columns, with ones on the diagonal and zeros elsewhere.
    """
    identity = torch.eye(2, device=device)

    assert identity.dtype is torch.float32
    assert identity.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert torch.eye(2, 3, device=device).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


@pytest.mark.claim("blitz-empty-uninitialised")
def test_empty_leaves_memory_as_it_is():
    """With `memory = torch.full((5, 3), 7.0)`, `torch.empty(5, 3, out=memory)` returns it
    with its sevens, since `torch.empty` writes no elements outside deterministic mode;
    `torch.zeros(5, 3, out=memory)` overwrites them.

    Without `out=` the elements are whatever the newly allocated memory holds, so write each
    before it is read. Since PyTorch 2.1 deterministic mode fills them:
    `spec/training/test_reproducibility.py`.
    """
    memory = torch.full((5, 3), 7.0)

    empty = torch.empty(5, 3, out=memory)

    assert empty.dtype is torch.float32
    assert empty.data_ptr() == memory.data_ptr()
    assert empty.tolist() == [[7.0, 7.0, 7.0]] * 5
    assert torch.zeros(5, 3, out=memory).tolist() == [[0.0, 0.0, 0.0]] * 5


def test_an_empty_size_makes_a_tensor_of_one_number(device):
    """`torch.ones(())` has no dimensions and holds one element; `torch.ones(0)` has one
    dimension of size 0 and holds no element.

    Because the number of elements is the product of the sizes, and a product of no factors is
    1.
    """
    scalar = torch.ones((), device=device)
    nothing = torch.ones(0, device=device)

    assert (scalar.shape, scalar.numel(), scalar.tolist()) == ((), 1, 1.0)
    assert (nothing.shape, nothing.numel(), nothing.tolist()) == ((0,), 0, [])


def test_a_size_of_floats_is_refused():
    """`torch.zeros(2.0)` raises TypeError, since a Python float is no size: convert a computed size
    with `int(...)`.

    A size computed with `/` is a float, even for 4 / 2; `//` of two ints gives an int.
    """
    with pytest.raises(TypeError, match=r"argument 'size' .* tuple of (Sym)?[iI]nts, .*float"):
        torch.zeros(2.0)


@pytest.mark.parametrize("make", [torch.empty, torch.zeros, torch.ones, torch.rand])
def test_a_negative_size_is_refused(make, device):
    """`torch.empty`, `zeros`, `ones` and `rand` accept the size (2, 0) and raise RuntimeError
    for the size (2, -1).

    A -1 that is computed from the other sizes is understood by `view` and `reshape`, not by
    factories: `spec/tensors/test_views.py`.
    """
    assert make(2, 0, device=device).shape == (2, 0)
    with pytest.raises(RuntimeError, match=r"with negative dimension -1|size must be non-negative"):
        make(2, -1, device=device)


def test_requires_grad_is_asked_for_at_creation(device):
    """`torch.zeros(2)` does not require grad; `torch.zeros(2, requires_grad=True)` does.

    Because autograd records operations only for tensors that require grad, and data does not need
    to be differentiated. For `x = torch.zeros(2)`, `x.requires_grad_()` turns it on later.
    """
    plain = torch.zeros(2, device=device)
    tracked = torch.zeros(2, device=device, requires_grad=True)

    assert (plain.requires_grad, tracked.requires_grad) == (False, True)


@pytest.mark.claim("self-tensor-primary-structure")
def test_whatever_a_model_takes_holds_and_gives_is_a_tensor():
    """For `net = nn.Linear(2, 1)`, the input `x = torch.ones(1, 2)` and `loss = net(x).sum()`,
    after `loss.backward()` `type(x)`, `type(loss)` and `type(net.weight.grad)` are `torch.Tensor`;
    `type(net.weight)` is its subclass `nn.Parameter`.
    """
    inputs = torch.ones(1, 2)
    model = torch.nn.Linear(2, 1)
    loss = model(inputs).sum()
    loss.backward()

    parts = [inputs, model.weight, loss, model.weight.grad]

    assert [type(part).__name__ for part in parts] == ["Tensor", "Parameter", "Tensor", "Tensor"]
    assert [isinstance(part, torch.Tensor) for part in parts] == [True, True, True, True]


@pytest.mark.claim("summary-base-libraries")
def test_torch_makes_tensors_and_autograd_differentiates_them():
    """For `x = torch.tensor([1.0, 3.0], requires_grad=True)` and the scalar `y = (x * x).sum()`,
    `torch.autograd.grad(y, x)` gives the derivatives of `y` in a tuple with one gradient per
    input, here [2, 6].

    `x` must require grad before `y` is computed. A training loop calls `loss.backward()`
    instead, which adds the gradients to the `grad` of each parameter.
    """
    x = torch.tensor([1.0, 3.0], requires_grad=True)

    (gradient,) = torch.autograd.grad((x * x).sum(), x)

    assert type(x) is torch.Tensor
    assert gradient.tolist() == [2.0, 6.0]


def test_the_meta_device_gives_a_shape_without_memory():
    """`torch.empty(2, device="meta")` has a shape and a dtype but no data: `sum(dim=0)` computes
    only the shape and dtype of its result, and `cpu()` raises NotImplementedError, "Cannot copy
    out of meta tensor; no data".

    Useful to compute the shapes of a model too large for memory. `nonzero()`, whose result's shape
    depends on the data, raises NotImplementedError too. For a meta tensor `x`,
    `torch.empty_like(x, device="cpu")` allocates real, uninitialised memory.
    """
    huge = torch.empty(1_000_000, 2_000_000, device="meta")
    small = torch.empty(2, device="meta")

    assert huge.sum(dim=0).shape == (2_000_000,)
    assert huge.dtype is torch.float32
    with pytest.raises(NotImplementedError, match="Cannot copy out of meta tensor; no data"):
        small.cpu()
    with pytest.raises(NotImplementedError, match="nonzero"):
        small.nonzero()
