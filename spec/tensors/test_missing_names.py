"""Names that a tensor does not have.

"'Tensor' object has no attribute ..." is what code says that treats a tensor as another library's
array, a list as a tensor, or an attribute as a method. The message names the type it met; read it
first: for 'list', 'tuple', 'numpy.ndarray' or 'float' the thing is no tensor at all.

What surprises: `x.shape` is an attribute and `x.size` a method; a batch that is a list or a dict
has no `.to`; what `item()` gave is a Python number without `backward`; and functions such
as `x.max(1)` return a pair. The page also has the names that releases took away. What older
releases called otherwise is told in `spec/autograd/test_retired_variable.py`.
"""

import numpy as np
import pytest
import torch
from torch import nn


def test_a_tensor_has_no_astype():
    """For `x = torch.tensor([1, 2])`, `x.astype("float32")` raises AttributeError, "'Tensor'
    object has no attribute 'astype'": `astype` is NumPy's name. Write `x.to(torch.float32)` or
    `x.float()`.
    """
    x = torch.tensor([1, 2])

    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'astype'"):
        x.astype("float32")

    assert x.to(torch.float32).dtype is torch.float32
    assert x.float().dtype is torch.float32


def test_a_tensor_has_no_copy():
    """For `x = torch.tensor([1, 2])`, `x.copy()` raises AttributeError, "'Tensor' object has no
    attribute 'copy'": write `x.clone()`.
    """
    x = torch.tensor([1, 2])

    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'copy'"):
        x.copy()

    assert x.clone().tolist() == [1, 2]


def test_a_tensor_has_no_append():
    """For `x = torch.tensor([1, 2])`, `x.append(3)` raises AttributeError, "'Tensor' object has
    no attribute 'append'": collect tensors in a list and join them once by `torch.stack` or
    `torch.cat`.
    """
    x = torch.tensor([1, 2])

    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'append'"):
        x.append(3)

    assert torch.cat([x, torch.tensor([3])]).tolist() == [1, 2, 3]


def test_a_dtype_is_no_method_of_a_tensor():
    """For `x = torch.tensor([1, 2])`, `x.float32()` and `x.Long()` raise AttributeError,
    "'Tensor' object has no attribute": the methods are `x.float()` and `x.long()`.
    `x.to(torch.float32)` takes the dtype by its full name.
    """
    x = torch.tensor([1, 2])

    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'float32'"):
        x.float32()
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'Long'"):
        x.Long()

    assert x.to(torch.float32).dtype is torch.float32
    assert x.float().dtype is torch.float32
    assert x.float().long().dtype is torch.int64


def test_shape_is_no_method():
    """`x.shape()` of a tensor raises TypeError, "'torch.Size' object is not callable":
    `shape`, `dtype`, `device` and `T` are attributes and are not called. `x.size()` is the
    method.
    """
    x = torch.ones(2, 3)

    with pytest.raises(TypeError, match=r"'torch.Size' object is not callable"):
        x.shape()
    with pytest.raises(TypeError, match=r"'torch.dtype' object is not callable"):
        x.dtype()
    with pytest.raises(TypeError, match=r"'torch.device' object is not callable"):
        x.device()
    with pytest.raises(TypeError, match="'Tensor' object is not callable"):
        x.T()

    assert x.shape == (2, 3)
    assert x.size() == (2, 3)


def test_size_is_a_method():
    """`x.size[0]` of `x = torch.ones(2, 3)` raises TypeError, "'builtin_function_or_method'
    object is not subscriptable": write `x.size(0)` or `x.shape[0]`.
    """
    x = torch.ones(2, 3)

    with pytest.raises(TypeError, match="'builtin_function_or_method' object is not subscriptable"):
        x.size[0]

    assert x.size(0) == 2


def test_a_list_of_tensors_cannot_be_moved():
    """`batch.to(device)` raises AttributeError, such as "'list' object has no attribute 'to'", for
    a batch that is a plain list, tuple or dict: move each tensor in it.

    `[x.to(device) for x in batch]`, `{name: x.to(device) for name, x in batch.items()}`.
    """
    x = torch.ones(1)

    with pytest.raises(AttributeError, match="'list' object has no attribute 'to'"):
        [x, x].to("cpu")
    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'to'"):
        (x, x).to("cpu")
    with pytest.raises(AttributeError, match="'dict' object has no attribute 'to'"):
        {"x": x}.to("cpu")

    moved = [each.to("meta") for each in [x, x]]
    assert [each.device.type for each in moved] == ["meta", "meta"]


def test_an_array_has_no_method_of_a_tensor():
    """`array.unsqueeze(0)` and `array.to("cpu")` of the NumPy array `array = np.ones(2)`
    raise AttributeError, such as "'numpy.ndarray' object has no attribute 'unsqueeze'":
    convert it first by `torch.from_numpy(array)`.
    """
    array = np.ones(2)

    with pytest.raises(AttributeError, match=r"'numpy.ndarray' object has no attribute 'to'"):
        array.to("cpu")
    with pytest.raises(
        AttributeError, match=r"'numpy.ndarray' object has no attribute 'unsqueeze'"
    ):
        array.unsqueeze(0)

    assert torch.from_numpy(array).unsqueeze(0).shape == (1, 2)


def test_what_item_gave_has_no_backward():
    """For `loss = torch.tensor(2.0, requires_grad=True)`, `loss.item().backward()` raises
    AttributeError, "'float' object has no attribute 'backward'": `item()` gives a Python
    number. Call `loss.backward()`.
    """
    loss = torch.tensor(2.0, requires_grad=True)

    with pytest.raises(AttributeError, match="'float' object has no attribute 'backward'"):
        loss.item().backward()

    loss.backward()
    assert loss.grad.item() == 1.0


def test_max_along_a_dimension_is_a_pair():
    """`x.max(1).shape` of a dense 2 x 2 float32 matrix raises AttributeError,
    "'torch.return_types.max' object has no attribute 'shape'": `x.max(1)` is a pair of
    values and indices. Write `x.max(1).values` or `x.amax(1)`.
    """
    x = torch.tensor([[1.0, 3.0], [4.0, 2.0]])

    with pytest.raises(AttributeError, match=r"return_types.max' object has no attribute 'shape'"):
        x.max(1).shape.numel()

    assert x.max(1).values.tolist() == [3.0, 4.0]
    assert x.amax(1).tolist() == [3.0, 4.0]


def test_a_layer_has_no_shape_and_no_index():
    """For `layer = nn.Linear(3, 2)`, `layer.shape` raises AttributeError, "'Linear' object
    has no attribute 'shape'", and `layer[0]` raises TypeError: a layer is no tensor. Ask
    `layer.weight.shape`, or call the layer.
    """
    layer = nn.Linear(3, 2)

    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'shape'"):
        layer.shape.numel()
    with pytest.raises(TypeError, match="'Linear' object is not subscriptable"):
        layer[0](torch.ones(3))

    assert layer.weight.shape == (2, 3)


def test_torch_has_no_array():
    """`torch.array([1, 2])` raises AttributeError, "module 'torch' has no attribute 'array'": write
    `torch.tensor([1, 2])`.
    """
    with pytest.raises(AttributeError, match="module 'torch' has no attribute 'array'"):
        torch.array([1, 2])

    assert torch.tensor([1, 2]).tolist() == [1, 2]


@pytest.mark.torch("<2.13")
def test_dimensions_could_have_names():
    """Before PyTorch 2.13 `torch.zeros(2, names=("N",))` made a named tensor and gave a
    UserWarning, by default once per process, "Named tensors and all their associated APIs are an
    experimental feature".
    """
    with pytest.warns(
        UserWarning, match="Named tensors and all their associated APIs are an exper"
    ):
        x = torch.zeros(2, names=("N",))

    assert x.names == ("N",)


@pytest.mark.torch(">=2.13")
def test_named_tensors_are_gone():
    """Since PyTorch 2.13 there are no named tensors: `torch.zeros(2, names=("N",))` raises
    TypeError, "zeros() got an unexpected keyword argument 'names'", and
    `torch.zeros(2).refine_names("N")` raises AttributeError.

    Keep the meaning of dimensions in variable names or comments; `torch.einsum` calls them by
    letters.
    """
    with pytest.raises(TypeError, match=r"zeros\(\) got an unexpected keyword argument 'names'"):
        torch.zeros(2, names=("N",))
    with pytest.raises(AttributeError, match="'Tensor' object has no attribute 'refine_names'"):
        torch.zeros(2).refine_names("N")
