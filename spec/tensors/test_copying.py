"""Copying data or sharing it.

`torch.tensor` always copies what it is given. `torch.as_tensor`, `torch.asarray` and
`torch.from_numpy` share memory where they can, and `torch.frombuffer` always does.

Tensors are data too, and there the surprises are: `torch.tensor(x)` of a tensor warns, because
`x.clone()` or `x.detach()` says what is meant, and a list of tensors is for `torch.stack`.
"""

import numpy as np
import pytest
import torch


def test_tensor_copies_its_data():
    """A list or an array may change later: the tensor made of it does not."""
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
    """`as_tensor` and `asarray` share an array's memory, as `from_numpy` does."""
    array = np.array([1, 2])
    shared = make(array)

    array[0] = 9

    assert shared.tolist() == [9, 2]


@pytest.mark.parametrize("make", [torch.as_tensor, torch.asarray])
def test_as_tensor_hands_a_tensor_back(make, device):
    """Given a tensor, `as_tensor` returns that very tensor, unless the dtype has to change."""
    tensor = torch.tensor([1.5, 2.5], device=device)

    converted = make(tensor, dtype=torch.int64)

    assert make(tensor) is tensor
    assert converted.tolist() == [1, 2]
    assert tensor.tolist() == [1.5, 2.5]


def test_asarray_can_be_told_to_copy():
    """`asarray(..., copy=True)` always copies."""
    array = np.array([1, 2])
    copied = torch.asarray(array, copy=True)

    array[0] = 9

    assert copied.tolist() == [1, 2]


def test_asarray_can_be_told_not_to_copy():
    """With `copy=False`, `asarray` refuses what it cannot share, such as a list."""
    array = np.array([1, 2])
    shared = torch.asarray(array, copy=False)

    assert shared.data_ptr() == array.ctypes.data
    with pytest.raises(ValueError, match="can't alias arbitrary sequence into a tensor"):
        torch.asarray([1, 2], copy=False)


def test_tensor_of_a_tensor_warns(device):
    """`torch.tensor(x)` of a tensor copies it with a warning that names `clone` and `detach`."""
    source = torch.tensor([1.0, 2.0], device=device, requires_grad=True)

    with pytest.warns(UserWarning, match="To copy construct from a tensor"):
        copied = torch.tensor(source)

    assert copied.tolist() == [1.0, 2.0]
    assert copied.data_ptr() != source.data_ptr()
    assert copied.requires_grad is False


def test_clone_copies_the_numbers_and_keeps_the_graph(device):
    """`x.clone()` has memory of its own; gradients flow through it unless `x` is detached first."""
    source = torch.tensor([1.0, 2.0], device=device, requires_grad=True)

    cloned = source.clone()
    detached = source.detach().clone()
    detached[0] = 9

    assert cloned.grad_fn.name() == "CloneBackward0"
    assert (cloned.requires_grad, detached.requires_grad) == (True, False)
    assert source.tolist() == [1.0, 2.0]
    assert detached.tolist() == [9.0, 2.0]


def test_a_list_of_single_numbers_in_tensors_is_read(device):
    """A list of tensors of one number each becomes a new tensor of those numbers."""
    made = torch.tensor([torch.tensor(1, device=device), torch.tensor(2.5)])

    assert made.tolist() == [1.0, 2.5]


def test_a_list_of_longer_tensors_is_stacked_instead(device):
    """`torch.tensor` does not join tensors of several numbers: that is `torch.stack`."""
    rows = [torch.tensor([1.0, 2.0], device=device), torch.tensor([3.0, 4.0], device=device)]

    assert torch.stack(rows).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    with pytest.raises(ValueError, match="only one element tensors can be converted"):
        torch.tensor(rows)


def test_a_list_of_arrays_is_slow_and_warns():
    """A list of NumPy arrays is read number by number, with a warning to make one array first."""
    rows = [np.array([1, 2]), np.array([3, 4])]

    with pytest.warns(UserWarning, match="list of numpy.ndarrays is extremely slow"):
        read = torch.tensor(rows)

    assert read.tolist() == [[1, 2], [3, 4]]
    assert torch.tensor(np.array(rows)).tolist() == [[1, 2], [3, 4]]


def test_frombuffer_reads_raw_bytes_in_place():
    """`torch.frombuffer` sees any buffer of bytes as numbers of a dtype, and shares its memory."""
    buffer = bytearray([1, 2, 3, 4])

    whole = torch.frombuffer(buffer, dtype=torch.uint8)
    part = torch.frombuffer(buffer, dtype=torch.uint8, offset=1, count=2)
    buffer[1] = 9

    assert whole.tolist() == [1, 9, 3, 4]
    assert part.tolist() == [9, 3]


def test_frombuffer_wants_whole_numbers_of_bytes():
    """Three bytes hold no whole number of 16-bit integers, so `frombuffer` refuses them."""
    buffer = bytearray([1, 2, 3])

    with pytest.raises(ValueError, match="must be a multiple of element size"):
        torch.frombuffer(buffer, dtype=torch.int16)


def test_frombuffer_warns_of_bytes_that_must_not_change():
    """`bytes` are read-only, a tensor never is: `frombuffer` warns that writes would go through."""
    with pytest.warns(UserWarning, match="buffer is not writable"):
        made = torch.frombuffer(b"abc", dtype=torch.uint8)

    assert made.tolist() == [97, 98, 99]
