"""Views and reshaping.

A view is a tensor that shares the storage of another one: what is written through one is read
through the other. `x.view(shape)` reads the elements of `x`, in row-major order, in another shape,
without copying. One of the sizes may be -1, which stands for whatever is left.

`view` works where the strides of `x` allow the new shape (`spec/tensors/test_strides.py`), always
for a contiguous tensor. Otherwise it raises RuntimeError. `reshape` and `flatten` return a view
where that is possible and a copy where it is not. Views that swap or add dimensions are on the page
`spec/tensors/test_rearranging.py`.

What surprises: `view` is a method, there is no `torch.view`; `reshape` does not tell whether it
copied, so a write to its result may or may not reach `x`; and `x.view(dtype)` reads the same bytes
as another dtype, without converting.
"""

import math

import pytest
import torch


def test_a_view_shares_memory_with_its_source(device):
    """`x.view(3, 2)` of `x = torch.zeros(2, 3)` shares the memory of `x`: a write to the view
    shows in `x`.

    So `view` copies nothing, however large the tensor is; `x.view(3, 2).clone()` is
    independent.
    """
    x = torch.zeros(2, 3, device=device)
    y = x.view(3, 2)

    y[0, 1] = 7

    assert x.tolist() == [[0.0, 7.0, 0.0], [0.0, 0.0, 0.0]]
    assert y.data_ptr() == x.data_ptr()


def test_a_view_keeps_the_order_of_the_elements(device):
    """`x.view(3, 2)` of the contiguous matrix [[1, 2, 3], [4, 5, 6]] keeps the row-major order
    of the elements: it is [[1, 2], [3, 4], [5, 6]].

    It does not swap dimensions; that is `x.t()`.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.view(3, 2).tolist() == [[1, 2], [3, 4], [5, 6]]
    assert x.view(6).tolist() == [1, 2, 3, 4, 5, 6]


def test_sizes_come_one_by_one_or_in_one_tuple():
    """`x.view` of a dense vector of six elements takes the sizes as separate integers, as a tuple,
    as a list or as a `torch.Size`: `x.view(3, 2)` and `x.view((3, 2))` both have the shape (3, 2).
    """
    x = torch.zeros(6)

    assert x.view(3, 2).shape == (3, 2)
    assert x.view((3, 2)).shape == (3, 2)
    assert x.view([3, 2]).shape == (3, 2)
    assert x.view(torch.Size([3, 2])).shape == (3, 2)


@pytest.mark.claim("blitz-view-leaves-source")
def test_the_source_of_a_view_keeps_its_own_shape():
    """For `x = torch.zeros(4, 4)`, the view `y = x.view(16)` has shape [16] and
    `z = x.view(-1, 8)` has shape [2, 8]; the shape of `x` itself stays [4, 4].

    Because a view is a new tensor over the same memory. A call `x.view(16)` whose result is not
    used does nothing.
    """
    x = torch.zeros(4, 4)

    y = x.view(16)
    z = x.view(-1, 8)

    assert x.size() == torch.Size([4, 4])
    assert y.size() == torch.Size([16])
    assert z.size() == torch.Size([2, 8])


@pytest.mark.claim("blitz-view-minus-one", "blitz-view-minus-one-rule")
def test_minus_one_stands_for_the_elements_divided_by_the_sizes_given():
    """In `x.view(-1, 8)` of `x = torch.zeros(4, 4)` the -1 becomes the number of elements
    divided by the other sizes, 16 / 8 = 2; `x.view(-1)` has one dimension of 16.

    The -1 has nothing to do with the size that `x` has in that dimension.
    """
    x = torch.zeros(4, 4)

    assert x.view(-1, 8).shape == (2, 8)
    assert x.view(8, -1, 2).shape == (8, 1, 2)
    assert x.view(-1).shape == x.view(16).shape == (16,)


def test_only_one_size_can_be_inferred():
    """`x.view(-1, -1)` of `x = torch.zeros(4, 4)` raises RuntimeError, since only one size can be
    inferred; `x.view(-1, 2)` gives the shape (8, 2).
    """
    x = torch.zeros(4, 4)

    with pytest.raises(RuntimeError, match="only one dimension can be inferred"):
        x.view(-1, -1)
    assert x.view(-1, 2).shape == (8, 2)


def test_the_elements_must_fit_the_new_shape():
    """`x.view(3, 5)` and `x.view(-1, 5)` of a tensor `x` with 16 elements raise RuntimeError, "is
    invalid for input of size 16": the sizes must multiply to the number of elements.

    `view` neither drops nor adds elements. The message names the shape and the number of elements;
    compare it with `x.shape`.
    """
    x = torch.zeros(4, 4)

    with pytest.raises(RuntimeError, match=r"shape '\[3, 5\]' is invalid for input of size 16"):
        x.view(3, 5)
    with pytest.raises(RuntimeError, match=r"shape '\[-1, 5\]' is invalid for input of size 16"):
        x.view(-1, 5)


@pytest.mark.claim("blitz-torch-view-function")
def test_view_is_a_method_and_no_function():
    """`torch.view(x, (2, 8))` of `x = torch.zeros(4, 4)` raises AttributeError: write the method
    `x.view(2, 8)`, or the function `torch.reshape(x, (2, 8))`, which copies where a view is not
    possible.
    """
    x = torch.zeros(4, 4)

    with pytest.raises(AttributeError, match="module 'torch' has no attribute 'view'"):
        torch.view(x, (2, 8))
    assert x.view(2, 8).shape == (2, 8)
    assert torch.reshape(x, (2, 8)).shape == (2, 8)


def test_view_refuses_what_would_need_a_copy(device):
    """`x.t().view(6)` of `x = torch.tensor([[1, 2, 3], [4, 5, 6]])` raises RuntimeError: the
    elements of `x.t()`, in order, are not a fixed stride apart in memory. `x.t().reshape(6)` and
    `x.t().contiguous().view(6)` copy instead.

    Because a view has one stride per dimension. The message names `.reshape(...)`.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    with pytest.raises(RuntimeError, match=r"view size is not compatible .* Use .reshape"):
        x.t().view(6)
    assert x.t().reshape(6).tolist() == [1, 4, 2, 5, 3, 6]
    assert x.t().contiguous().view(6).tolist() == [1, 4, 2, 5, 3, 6]


def test_view_takes_a_tensor_out_of_order_where_it_only_splits_axes():
    """`torch.zeros(2, 3, 4).transpose(0, 1)`, which is not contiguous, can be viewed as (3, 2,
    2, 2), which splits the last dimension, but not as (6, 4), which merges the first two.

    Its shape is (3, 2, 4), its strides (4, 12, 1). To merge the first two dimensions, `view`
    needs a first stride that is the second one times the second size, but 4 is not 12 * 2. A
    split needs no such condition. `reshape` copies instead.
    """
    x = torch.zeros(2, 3, 4).transpose(0, 1)

    assert x.is_contiguous() is False
    assert x.view(3, 2, 2, 2).shape == (3, 2, 2, 2)
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.view(6, 4)


def test_reshape_is_a_view_where_it_can_be_one(device):
    """`x.reshape(3, 2)` of `x = torch.zeros(2, 3)`, which is contiguous, is a view: a write to
    it shows in `x`.
    """
    x = torch.zeros(2, 3, device=device)
    y = x.reshape(3, 2)

    y[0, 1] = 7

    assert x.tolist() == [[0.0, 7.0, 0.0], [0.0, 0.0, 0.0]]


def test_reshape_copies_where_it_must(device):
    """With `x = torch.zeros(2, 3)`, `x.t().reshape(6)` is a copy, since no single stride reads
    the transpose in order: a write to the copy does not show in `x`; `x.t().reshape(3, 2, 1)`
    is a view.

    `reshape` doesn't tell which of the two it returned. Where a view is needed write `view`,
    which raises where there is none; where a copy is needed, `clone()`.
    """
    x = torch.zeros(2, 3, device=device)
    y = x.t().reshape(6)
    z = x.t().reshape(3, 2, 1)

    y[1] = 7
    z[2, 0, 0] = 8

    assert y.tolist() == [0.0, 7.0, 0.0, 0.0, 0.0, 0.0]
    assert x.tolist() == [[0.0, 0.0, 8.0], [0.0, 0.0, 0.0]]


def test_view_as_and_reshape_as_take_the_shape_of_another_tensor():
    """For `x = torch.tensor([1, 2, 3, 4])` and a tensor `y` of shape (2, 2), `x.view_as(y)` and
    `x.reshape_as(y)` are views of `x` in the shape of `y`, as `x.view(y.size())` is; the values of
    `y` are not used.
    """
    x = torch.tensor([1, 2, 3, 4])
    y = torch.zeros(2, 2)

    x.view_as(y)[1, 0] = 30
    x.reshape_as(y)[1, 1] = 40

    assert x.view_as(y).tolist() == x.view(y.size()).tolist() == [[1, 2], [30, 40]]
    assert x.tolist() == [1, 2, 30, 40]


def test_flatten_makes_one_axis_of_several():
    """`x.flatten(start_dim, end_dim)` of a dense tensor of shape (2, 3, 4) merges the
    dimensions from `start_dim` to `end_dim`, the latter included, into one: `flatten(1)` gives
    (2, 12), `flatten(0, 1)` (6, 4), `flatten()` (24,).

    With batched input `flatten(1)` keeps the batch dimension, which is what a linear layer after a
    convolution needs.
    """
    x = torch.zeros(2, 3, 4)

    assert x.flatten().shape == (24,)
    assert x.flatten(1).shape == (2, 12)
    assert x.flatten(0, 1).shape == (6, 4)


def test_flatten_is_a_view_where_it_can_be_one(device):
    """`x.flatten()` and `x.ravel()` of `x = torch.zeros(2, 3)` are views, so a write to them
    shows in `x`; `x.t().flatten()` is a copy.

    As with `reshape`. NumPy's `flatten` always copies.
    """
    x = torch.zeros(2, 3, device=device)

    x.flatten()[1] = 7
    x.ravel()[2] = 8
    x.t().flatten()[1] = 9

    assert x.tolist() == [[0.0, 7.0, 8.0], [0.0, 0.0, 0.0]]


@pytest.mark.claim("blitz-num-flat-features")
def test_each_sample_is_flattened_to_one_row():
    """For `batch = torch.zeros(4, 16, 5, 5)`, `batch.view(-1, 400)` has the shape (4, 400), one
    row per sample, because 400 is 16 * 5 * 5; `batch.flatten(1)` has the same shape.
    """
    batch = torch.zeros(4, 16, 5, 5)

    features = math.prod(batch.size()[1:])
    rows = batch.view(-1, features)

    assert features == 400
    assert rows.size() == torch.Size([4, 400])
    assert batch.flatten(1).size() == torch.Size([4, 400])


def test_minus_one_for_the_batch_hides_a_wrong_number_of_features():
    """`batch.view(-1, 200)` of a contiguous batch of 4 samples with 400 features each gives 8
    rows without an error; `batch.view(4, 200)` raises RuntimeError.

    Because -1 stands for the number of rows that fits, here 1600 / 200. `batch.flatten(1)` keeps
    the samples apart.
    """
    batch = torch.zeros(4, 16, 5, 5)

    assert batch.view(-1, 200).shape == (8, 200)
    with pytest.raises(RuntimeError, match=r"shape '\[4, 200\]' is invalid"):
        batch.view(4, 200)


def test_unflatten_splits_one_axis_into_several():
    """`x.unflatten(1, (3, 4))` of `x = torch.zeros(2, 12)` has the shape (2, 3, 4), and
    `x.unflatten(1, (-1, 6))` the shape (2, 2, 6); `x.unflatten(1, (5, 2))` raises RuntimeError,
    since 5 * 2 is not 12.

    `y.flatten(1)` of `y = x.unflatten(1, (3, 4))` has the shape (2, 12) again.
    """
    x = torch.zeros(2, 12)

    assert x.unflatten(1, (3, 4)).shape == (2, 3, 4)
    assert x.unflatten(1, (3, 4)).flatten(1).shape == (2, 12)
    assert x.unflatten(1, (-1, 6)).shape == (2, 2, 6)
    with pytest.raises(RuntimeError, match=r"\[5, 2\] don't multiply up to the size of dim 1"):
        x.unflatten(1, (5, 2))


def test_narrow_is_a_slice_by_start_and_length(device):
    """`x.narrow(0, 1, 3)` of a vector of five elements is a view of 3 elements from index 1 on;
    `x.narrow(0, 3, 3)` raises RuntimeError, since 3 + 3 > 5, and `x.narrow(0, 6, 1)` IndexError.

    A slice gives fewer elements instead: `x[3:6]` has two, `x[6:7]` none.
    """
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    x.narrow(0, 1, 3)[0] = 7

    assert x.narrow(0, 1, 3).tolist() == [7, 30, 40]
    assert x.tolist() == [10, 7, 30, 40, 50]
    with pytest.raises(RuntimeError, match=r"start \(3\) \+ length \(3\) exceeds dimension size"):
        x.narrow(0, 3, 3)
    with pytest.raises(IndexError, match=r"expected to be in range of \[-5, \d\], but got 6"):
        x.narrow(0, 6, 1)


def test_unfold_lays_windows_over_an_axis(device):
    """`x.unfold(0, 3, 1)` of the int64 vector [10, 20, 30, 40, 50] is a view of the windows
    [10, 20, 30], [20, 30, 40] and [30, 40, 50]: 3 elements each, starting 1 apart; a write to
    `x[2]` shows in all three.

    For a moving average of floats write `x.unfold(0, 3, 1).mean(-1)`: the windows are not
    copied.
    """
    x = torch.tensor([10, 20, 30, 40, 50], device=device)
    windows = x.unfold(0, 3, 1)

    x[2] = 7

    assert windows.tolist() == [[10, 20, 7], [20, 7, 40], [7, 40, 50]]
    assert x.unfold(0, 3, 2).tolist() == [[10, 20, 7], [7, 40, 50]]


def test_minus_one_is_ambiguous_beside_a_zero():
    """For `x = torch.zeros(0, 4)`, which has no elements, `x.view(-1, 2)` has shape (0, 2), while
    `x.view(-1, 0)` raises RuntimeError, "can be any value and is ambiguous": any number of empty
    rows would fit.

    Where a size may be 0, write all sizes out instead of -1.
    """
    x = torch.zeros(0, 4)

    pairs = x.view(-1, 2)

    assert pairs.shape == (0, 2)
    with pytest.raises(RuntimeError, match="can be any value and is ambiguous"):
        x.view(-1, 0)


def test_a_view_of_another_dtype_reads_the_same_bits():
    """`x.view(torch.int32)` of `x = torch.tensor([1.0])`, which is float32, reads the same bits
    as an integer, 0x3F800000; `x.to(torch.int32)` converts 1.0 to 1.
    """
    x = torch.tensor([1.0])

    viewed = x.view(torch.int32)
    converted = x.to(torch.int32)

    assert viewed.tolist() == [0x3F800000]
    assert viewed.data_ptr() == x.data_ptr()
    assert converted.tolist() == [1]


def test_a_view_of_smaller_elements_has_more_of_them():
    """`x.view(torch.uint8)` of `x = torch.zeros(2, 3)`, which is float32, has the shape (2,
    12): four bytes per element. `x.view(torch.float64)` raises RuntimeError, since the last
    dimension, 3, is odd.

    Because the bytes of a row are divided into elements of another size. The last dimension
    must have stride 1, and for larger elements the other strides and the start in memory must
    fit: `x.clone(memory_format=torch.contiguous_format)` copies so that they do.
    """
    x = torch.zeros(2, 3)

    as_bytes = x.view(torch.uint8)

    assert as_bytes.shape == (2, 12)
    assert as_bytes.view(torch.float32).shape == (2, 3)
    with pytest.raises(RuntimeError, match=r"self.size\(-1\) must be divisible by 2"):
        x.view(torch.float64)
