"""Copying data or sharing it.

`torch.tensor(data)` copies what it is given. `torch.as_tensor`, `torch.asarray` and
`torch.from_numpy` share the memory of a NumPy array where they can, and `torch.frombuffer` shares
that of a buffer such as a `bytearray`. Sharing costs no time and no memory, but a later change of
the source shows in the tensor. More about arrays: `spec/tensors/test_numpy_bridge.py`.

A copy of a tensor is `x.clone()`, which keeps the autograd graph, or `x.detach().clone()`, which
does not: `spec/autograd/test_detach.py`.

What surprises: `torch.tensor(x)` of a tensor copies, but warns; `torch.tensor` of a list of tensors
works for one-element tensors only, longer ones are for `torch.stack`; and `torch.frombuffer` of
read-only `bytes` gives a tensor that could be written to. Some of the warnings on this page are
given once per process.
"""

import numpy as np
import pytest
import torch


def test_tensor_copies_its_data():
    """`torch.tensor(data)` copies the list [1, 2] or the array `np.array([1, 2])`: a later
    change of the source does not show in the tensor.
    """
    numbers = [1, 2]
    array = np.array([1, 2])
    from_list = torch.tensor(numbers)
    from_array = torch.tensor(array)

    numbers[0] = 9
    array[0] = 9

    assert from_list.tolist() == [1, 2]
    assert from_array.tolist() == [1, 2]


@pytest.mark.parametrize("make", [torch.from_numpy, torch.as_tensor, torch.asarray])
def test_as_tensor_shares_an_array(make):
    """With the default settings `torch.from_numpy(array)`, `torch.as_tensor(array)` and
    `torch.asarray(array)` of `np.array([1, 2])` share its memory: a later write to the array shows
    in the tensor.

    Nothing is copied, which is fast; where the array changes later, `torch.tensor(array)` is safe.
    With another default device `as_tensor` copies; so does `asarray`, but not in PyTorch 2.0.1.
    Refused arrays: `spec/tensors/test_numpy_refusals.py`.
    """
    array = np.array([1, 2])
    shared = make(array)

    array[0] = 9

    assert shared.tolist() == [9, 2]


@pytest.mark.torch(">=2.0")
def test_asarray_copies_an_array_without_dimensions():
    """`torch.asarray(array)` of the 0-dimensional `array = np.array(1.5)` copies its value, while
    `torch.as_tensor(array)` and `torch.from_numpy(array)` share its memory.

    Because `asarray` treats an array of shape () as a NumPy scalar. Write `torch.from_numpy`
    where the memory must be shared.
    """
    array = np.array(1.5)
    copied = torch.asarray(array)
    shared = [torch.as_tensor(array), torch.from_numpy(array)]

    array[...] = 9

    assert copied.tolist() == 1.5
    assert [tensor.tolist() for tensor in shared] == [9.0, 9.0]


@pytest.mark.parametrize("make", [torch.as_tensor, torch.asarray])
def test_as_tensor_hands_a_tensor_back(make, device):
    """Unless a default device was set, `torch.as_tensor(x)` and `torch.asarray(x)` of a float32
    tensor that does not require grad return `x` itself; with `dtype=torch.int64` they return a
    converted copy.

    So a function can begin with `x = torch.as_tensor(x)` to accept lists, arrays and tensors
    alike. For an `x` that requires grad, too, `torch.as_tensor(x)` is `x` itself, which goes on
    requiring grad.
    """
    tensor = torch.tensor([1.5, 2.5], device=device)

    converted = make(tensor, dtype=torch.int64)

    assert make(tensor) is tensor
    assert converted.tolist() == [1, 2]
    assert tensor.tolist() == [1.5, 2.5]


@pytest.mark.torch(">=2.12")
def test_asarray_keeps_requires_grad(device):
    """Since PyTorch 2.12 `torch.asarray(x)` of a float32 leaf `x` that requires grad returns `x`
    itself, which still requires grad, with a UserWarning, "unspecified requires_grad now defaults
    to obj.requires_grad".

    With `requires_grad=True` it does so without a warning; with `requires_grad=False`, once the
    default, it sets `x.requires_grad` to False. `torch.as_tensor(x)` never warns here.
    """
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)

    with pytest.warns(UserWarning, match="unspecified requires_grad now defaults to obj.requires_"):
        same = torch.asarray(x)

    assert same is x
    assert x.requires_grad is True
    assert torch.asarray(x, requires_grad=False).requires_grad is False
    assert x.requires_grad is False


@pytest.mark.torch("<2.12")
def test_asarray_switched_requires_grad_off(device):
    """Before PyTorch 2.12 `torch.asarray(x)` of a float32 leaf `x` that requires grad returned `x`
    itself and set `x.requires_grad` to False, without an error.

    Because the default of its argument was `requires_grad=False`. `torch.as_tensor(x)` leaves a
    leaf as it is.
    """
    x = torch.tensor([1.5, 2.5], device=device, requires_grad=True)

    assert torch.as_tensor(x).requires_grad is True
    assert torch.asarray(x) is x
    assert x.requires_grad is False


def test_asarray_can_be_told_to_copy():
    """`torch.asarray(array, copy=True)` of `np.array([1, 2])` copies it: a later write to the
    array does not show in the tensor.

    `torch.asarray(array[::-1], copy=True)` still raises ValueError, because of the negative
    stride: write `torch.from_numpy(array[::-1].copy())`.
    """
    array = np.array([1, 2])
    copied = torch.asarray(array, copy=True)

    array[0] = 9

    assert copied.tolist() == [1, 2]
    assert torch.from_numpy(array[::-1].copy()).tolist() == [2, 9]
    with pytest.raises(ValueError, match="in the given numpy array is negative"):
        torch.asarray(array[::-1], copy=True)


def test_asarray_can_be_told_not_to_copy():
    """On the CPU `torch.asarray(np.array([1, 2]), copy=False)` shares the memory of the
    array; `torch.asarray([1, 2], copy=False)` raises ValueError, because a tensor cannot
    share the memory of a list.

    Because a list holds Python objects, not numbers side by side. Leave `copy=` out to copy
    where it must be; another `dtype=` beside `copy=False` raises too.
    """
    array = np.array([1, 2])
    shared = torch.asarray(array, copy=False)

    assert shared.data_ptr() == array.ctypes.data
    with pytest.raises(ValueError, match="can't alias arbitrary sequence into a tensor"):
        torch.asarray([1, 2], copy=False)


def test_tensor_of_a_tensor_warns(device):
    """`torch.tensor(x)` of a tensor `x` that requires grad gives a copy that does not, and
    warns with UserWarning that a copy by `clone()` and `detach()` is recommended.

    No gradient flows through the copy to `x`. Write `x.clone()` to keep the graph,
    `x.detach().clone()` to leave it.
    """
    source = torch.tensor([1.0, 2.0], device=device, requires_grad=True)

    with pytest.warns(UserWarning, match="To copy construct from a tensor"):
        copied = torch.tensor(source)

    assert copied.tolist() == [1.0, 2.0]
    assert copied.data_ptr() != source.data_ptr()
    assert copied.requires_grad is False
    assert torch.as_tensor(source) is source


def test_a_list_of_single_numbers_in_tensors_is_read(device):
    """With the default dtype float32, `torch.tensor([a, b])` of `a = torch.tensor(1)` and
    `b = torch.tensor(2.5)` is a new float32 tensor of their values, [1.0, 2.5].

    Gradients do not flow through it; `torch.stack([a, b])` keeps the graph.
    """
    made = torch.tensor([torch.tensor(1, device=device), torch.tensor(2.5)])

    assert made.tolist() == [1.0, 2.5]

    b = torch.tensor(2.5, requires_grad=True)
    stacked = torch.stack([torch.tensor(1), b])
    assert stacked.tolist() == [1.0, 2.5]
    assert stacked.requires_grad is True


def test_a_list_of_longer_tensors_is_stacked_instead(device):
    """`torch.tensor(rows)` of a list of two float32 tensors of shape (2,) raises ValueError;
    `torch.stack(rows)` makes one tensor of shape (2, 2) of them.

    Because `torch.tensor` converts each tensor in a list to one Python number.
    """
    rows = [torch.tensor([1.0, 2.0], device=device), torch.tensor([3.0, 4.0], device=device)]

    assert torch.stack(rows).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(ValueError, match="only one element tensors can be converted"):
        torch.tensor(rows)


def test_a_list_of_arrays_is_slow_and_warns():
    """`torch.tensor(arrays)` of a list of NumPy arrays, here two int64 vectors of two
    elements, works and warns, by default once per process, that it is slow;
    `torch.tensor(np.array(arrays))` gives the same without the warning.

    Because the list is read element by element.
    """
    rows = [np.array([1, 2]), np.array([3, 4])]

    with pytest.warns(UserWarning, match="list of numpy.ndarrays is extremely slow"):
        read = torch.tensor(rows)

    assert read.tolist() == [[1, 2], [3, 4]]
    assert torch.tensor(np.array(rows)).tolist() == [[1, 2], [3, 4]]


def test_frombuffer_reads_raw_bytes_in_place():
    """`torch.frombuffer(buffer, dtype=torch.uint8)` reads the bytes of
    `buffer = bytearray([1, 2, 3, 4])` as uint8 numbers and shares its memory; with
    `dtype=torch.int16` each element takes two bytes. `offset=` counts bytes, `count=` elements.
    """
    buffer = bytearray([1, 2, 3, 4])

    whole = torch.frombuffer(buffer, dtype=torch.uint8)
    part = torch.frombuffer(buffer, dtype=torch.uint8, offset=1, count=2)
    wide = torch.frombuffer(buffer, dtype=torch.int16, offset=2, count=1)
    buffer[1] = 9

    assert whole.tolist() == [1, 9, 3, 4]
    assert part.tolist() == [9, 3]
    assert wide.tolist() == [3 + 4 * 256]


def test_frombuffer_wants_whole_numbers_of_bytes():
    """`torch.frombuffer(buffer, dtype=torch.int16)` of three bytes raises ValueError without
    `count=` and `offset=`, since three bytes hold one int16 and a half.

    Pass `count=1` to read the elements that fit.
    """
    buffer = bytearray([1, 2, 3])

    assert torch.frombuffer(buffer, dtype=torch.int16, count=1).tolist() == [513]
    with pytest.raises(ValueError, match="must be a multiple of element size"):
        torch.frombuffer(buffer, dtype=torch.int16)


def test_frombuffer_warns_of_bytes_that_must_not_change():
    """`torch.frombuffer(b"abc", dtype=torch.uint8)` of read-only `bytes` warns, by default
    once per process, that the buffer is not writable, and gives a tensor that shares its
    memory.

    Because PyTorch has no read-only tensors, writing to it is undefined behaviour: use
    `bytearray(data)`, with which `torch.frombuffer` does not warn, or `.clone()` the tensor after
    the warning.
    """
    data = b"abc"

    with pytest.warns(UserWarning, match="buffer is not writable"):
        made = torch.frombuffer(data, dtype=torch.uint8)

    assert made.tolist() == [97, 98, 99]
    assert made.data_ptr() == np.frombuffer(data, dtype="uint8").ctypes.data
