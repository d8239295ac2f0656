"""Views and reshaping.

`view` gives the same numbers another shape: it copies nothing, so what is written through one
tensor is read through the other. One size may be left to PyTorch by writing -1.

What surprises: `view` is a method only, and it refuses where the new shape can't be had by reading
the same memory in another way. `reshape` and `flatten` never refuse for that reason: they make a
view if they can and a copy if they must, and they don't say which.
"""

import math

import pytest
import torch


def test_a_view_shares_memory_with_its_source(device):
    """`view` copies nothing: a write through the view is seen in the source."""
    x = torch.zeros(2, 3, device=device)
    y = x.view(3, 2)

    y[0, 1] = 7

    assert x.tolist() == [[0.0, 7.0, 0.0], [0.0, 0.0, 0.0]]
    assert y.data_ptr() == x.data_ptr()


def test_a_view_keeps_the_order_of_the_elements(device):
    """The elements are read row by row and dealt out again row by row."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.view(3, 2).tolist() == [[1, 2], [3, 4], [5, 6]]
    assert x.view(6).tolist() == [1, 2, 3, 4, 5, 6]


def test_sizes_come_one_by_one_or_in_one_tuple():
    """`view(3, 2)`, `view((3, 2))`, `view([3, 2])` and `view(torch.Size([3, 2]))` are the same."""
    x = torch.zeros(6)

    assert x.view(3, 2).shape == (3, 2)
    assert x.view((3, 2)).shape == (3, 2)
    assert x.view([3, 2]).shape == (3, 2)
    assert x.view(torch.Size([3, 2])).shape == (3, 2)


@pytest.mark.claim("blitz-view-minus-one")
def test_one_size_may_be_left_out_as_minus_one():
    """A 4x4 tensor viewed as 16 has size [16], and viewed with -1 and 8 it has size [2, 8]."""
    x = torch.zeros(4, 4)

    assert x.view(16).size() == torch.Size([16])
    assert x.view(-1, 8).size() == torch.Size([2, 8])


@pytest.mark.claim("blitz-view-minus-one-rule")
def test_minus_one_stands_for_the_elements_divided_by_the_sizes_given():
    """A -1 is the number of elements over the sizes given: here 16 / 8 = 2, no size of `x`."""
    x = torch.zeros(4, 4)

    assert x.view(-1, 8).shape == (2, 8)
    assert x.view(8, -1, 2).shape == (8, 1, 2)
    assert x.view(-1).shape == (16,)


def test_only_one_size_can_be_inferred():
    """Two sizes of -1 leave the answer open, and are refused."""
    x = torch.zeros(4, 4)

    with pytest.raises(RuntimeError, match="only one dimension can be inferred"):
        x.view(-1, -1)
    assert x.view(-1, 2).shape == (8, 2)


def test_the_elements_must_fit_the_new_shape():
    """A view neither drops nor invents elements: sizes that don't multiply up are refused."""
    x = torch.zeros(4, 4)

    with pytest.raises(RuntimeError, match=r"shape '\[3, 5\]' is invalid for input of size 16"):
        x.view(3, 5)
    with pytest.raises(RuntimeError, match=r"shape '\[-1, 5\]' is invalid for input of size 16"):
        x.view(-1, 5)


def test_minus_one_is_ambiguous_beside_a_zero():
    """Of no elements any number of empty rows can be made, so -1 has no answer there."""
    x = torch.zeros(0, 4)

    pairs = x.view(-1, 2)

    assert pairs.shape == (0, 2)
    with pytest.raises(RuntimeError, match="can be any value and is ambiguous"):
        x.view(-1, 0)


@pytest.mark.claim("blitz-view-leaves-source")
def test_the_source_of_a_view_keeps_its_own_shape():
    """A view is a new tensor; the 4x4 tensor it was made from still reports size [4, 4]."""
    x = torch.zeros(4, 4)

    y = x.view(16)
    z = x.view(-1, 8)

    assert x.size() == torch.Size([4, 4])
    assert y.size() == torch.Size([16])
    assert z.size() == torch.Size([2, 8])


@pytest.mark.claim("blitz-torch-view-function")
def test_view_is_a_method_and_no_function():
    """There is no `torch.view`: it is `x.view(...)`, or the function `torch.reshape`."""
    x = torch.zeros(4, 4)

    with pytest.raises(AttributeError, match="module 'torch' has no attribute 'view'"):
        torch.view(x, (2, 8))
    assert x.view(2, 8).shape == (2, 8)
    assert torch.reshape(x, (2, 8)).shape == (2, 8)


def test_view_refuses_what_would_need_a_copy(device):
    """The rows of a transpose don't lie in line: `view` names `reshape` instead of copying."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    with pytest.raises(RuntimeError, match=r"view size is not compatible .* Use .reshape"):
        x.t().view(6)
    assert x.t().reshape(6).tolist() == [1, 4, 2, 5, 3, 6]
    assert x.t().contiguous().view(6).tolist() == [1, 4, 2, 5, 3, 6]


def test_view_takes_a_tensor_out_of_order_where_it_only_splits_axes():
    """Not being contiguous is no obstacle as long as no axes are merged that lie apart."""
    x = torch.zeros(2, 3, 4).transpose(0, 1)

    assert x.is_contiguous() is False
    assert x.view(3, 2, 2, 2).shape == (3, 2, 2, 2)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.view(6, 4)


def test_reshape_is_a_view_where_it_can_be_one(device):
    """Of a contiguous tensor `reshape` makes a view: writes go through."""
    x = torch.zeros(2, 3, device=device)
    y = x.reshape(3, 2)

    y[0, 1] = 7

    assert x.tolist() == [[0.0, 7.0, 0.0], [0.0, 0.0, 0.0]]


def test_reshape_copies_where_it_must(device):
    """Of a transpose `reshape` makes a copy, silently: writes don't go through."""
    x = torch.zeros(2, 3, device=device)
    y = x.t().reshape(6)

    y[1] = 7

    assert y.tolist() == [0.0, 7.0, 0.0, 0.0, 0.0, 0.0]
    assert x.tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_view_as_and_reshape_as_take_the_shape_of_another_tensor():
    """`x.view_as(y)` is `x.view(y.size())`, and `reshape_as` likewise; only the shape is taken."""
    x = torch.tensor([1, 2, 3, 4])
    y = torch.zeros(2, 2)

    x.view_as(y)[1, 0] = 30
    x.reshape_as(y)[1, 1] = 40

    assert x.view_as(y).tolist() == [[1, 2], [30, 40]]
    assert x.tolist() == [1, 2, 30, 40]


def test_flatten_makes_one_axis_of_several():
    """`flatten(start, end)` merges these axes and those between; without arguments, all."""
    x = torch.zeros(2, 3, 4)

    assert x.flatten().shape == (24,)
    assert x.flatten(1).shape == (2, 12)
    assert x.flatten(0, 1).shape == (6, 4)


def test_flatten_is_a_view_where_it_can_be_one(device):
    """Like `reshape`, `flatten` and `ravel` share memory if they can and copy if they must."""
    x = torch.zeros(2, 3, device=device)

    x.flatten()[1] = 7
    x.ravel()[2] = 8
    x.t().flatten()[1] = 9

    assert x.tolist() == [[0.0, 7.0, 8.0], [0.0, 0.0, 0.0]]


@pytest.mark.claim("blitz-num-flat-features")
def test_each_sample_is_flattened_to_one_row():
    """All sizes but the first, multiplied, are a sample's features; the batch axis stays."""
    batch = torch.zeros(4, 16, 5, 5)

    features = math.prod(batch.size()[1:])
    rows = batch.view(-1, features)

    assert features == 400
    assert rows.size() == torch.Size([4, 400])
    assert batch.flatten(1).size() == torch.Size([4, 400])


def test_minus_one_for_the_batch_hides_a_wrong_number_of_features():
    """With -1 for the batch a wrong feature count regroups the samples without complaint."""
    batch = torch.zeros(4, 16, 5, 5)

    assert batch.view(-1, 200).shape == (8, 200)
    with pytest.raises(RuntimeError, match=r"shape '\[4, 200\]' is invalid"):
        batch.view(4, 200)


def test_unflatten_splits_one_axis_into_several():
    """`unflatten(dim, sizes)` undoes `flatten`; one of the sizes may be -1."""
    x = torch.zeros(2, 12)

    assert x.unflatten(1, (3, 4)).shape == (2, 3, 4)
    assert x.unflatten(1, (-1, 6)).shape == (2, 2, 6)
    with pytest.raises(RuntimeError, match=r"\[5, 2\] don't multiply up to the size of dim 1"):
        x.unflatten(1, (5, 2))


def test_narrow_is_a_slice_by_start_and_length(device):
    """`narrow(dim, start, length)` is a view of that part, and never runs over the end."""
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    x.narrow(0, 1, 3)[0] = 7

    assert x.narrow(0, 1, 3).tolist() == [7, 30, 40]
    assert x.tolist() == [10, 7, 30, 40, 50]
    with pytest.raises(RuntimeError, match="exceeds dimension size"):
        x.narrow(0, 3, 3)


def test_unfold_lays_windows_over_an_axis(device):
    """`unfold(dim, size, step)` views overlapping windows; a write shows in all that hold it."""
    x = torch.tensor([10, 20, 30, 40, 50], device=device)
    windows = x.unfold(0, 3, 1)

    x[2] = 7

    assert windows.tolist() == [[10, 20, 7], [20, 7, 40], [7, 40, 50]]
    assert x.unfold(0, 3, 2).tolist() == [[10, 20, 7], [7, 40, 50]]


def test_a_view_of_another_dtype_reads_the_same_bits():
    """`view(dtype)` converts nothing: the bits of the float 1.0 are the integer 0x3F800000."""
    x = torch.tensor([1.0])

    viewed = x.view(torch.int32)
    converted = x.to(torch.int32)

    assert viewed.tolist() == [0x3F800000]
    assert viewed.data_ptr() == x.data_ptr()
    assert converted.tolist() == [1]


def test_a_view_of_smaller_elements_has_more_of_them():
    """Viewed as bytes the last axis of a float32 tensor is four times as long."""
    x = torch.zeros(2, 3)

    as_bytes = x.view(torch.uint8)

    assert as_bytes.shape == (2, 12)
    assert as_bytes.view(torch.float32).shape == (2, 3)
    with pytest.raises(RuntimeError, match=r"self.size\(-1\) must be divisible by 2"):
        x.view(torch.float64)
