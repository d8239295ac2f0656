"""Indexing with integers and slices.

`x[1]`, `x[:, 0]` and `x[..., 1:3]` work as on NumPy arrays. An integer picks one position of a
dimension and drops the dimension; a slice picks several and keeps it; `None` adds a dimension of
size 1; `...` stands for the dimensions that are not mentioned.

The result is a view, so an in-place change of it, and an assignment `x[1] = 7`, writes into `x`.
Indexing with tensors and lists, which copies, is on the page
`spec/tensors/test_advanced_indexing.py`, with masks on `spec/tensors/test_masks.py`.

What surprises: `x[1, 2]` is a 0-dimensional tensor, not a Python number; a negative step is
refused; a slice beyond the end is shortened, while an integer beyond the end raises; and assignment
converts to the dtype of `x` silently, so an integer tensor drops fractions.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("blitz-index-first-column")
def test_a_full_slice_and_a_zero_pick_the_first_column(device):
    """`x[:, 0]` of a dense 5 x 3 tensor is its first column, a 1-D tensor of five elements."""
    x = torch.arange(15, device=device).view(5, 3)

    assert x[:, 0].tolist() == [0, 3, 6, 9, 12]


def test_one_index_picks_a_row(device):
    """For `x = torch.tensor([[1, 2, 3], [4, 5, 6]])`, `x[1]` is the second row, 4, 5 and 6, and so
    is `x[1, :]`: a dimension that is not mentioned is taken whole.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x[1].tolist() == [4, 5, 6]
    assert x[1, :].tolist() == [4, 5, 6]


def test_a_number_drops_its_axis_and_a_slice_keeps_it():
    """For `x = torch.tensor([[1, 2, 3], [4, 5, 6]])`, `x[:, 0]` is the vector [1, 4] and
    `x[:, 0:1]` the matrix [[1], [4]] of one column: an integer drops its dimension, a slice keeps
    it.

    It matters for broadcasting: beside a matrix a vector is taken as a row, so `x - x[:, 0]`
    raises RuntimeError here, while `x - x[:, 0:1]` subtracts the column.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x[:, 0].tolist() == [1, 4]
    assert x[:, 0:1].tolist() == [[1], [4]]
    assert (x - x[:, 0:1]).tolist() == [[0, 1, 2], [0, 1, 2]]
    with pytest.raises(RuntimeError, match="must match the size of tensor b"):
        x - x[:, 0]


def test_a_number_for_every_axis_picks_a_tensor_of_one_element():
    """`x[1, 2]` of a dense (2, 3) int64 matrix is a 0-dimensional tensor and a view:
    `x[1, 2].mul_(10)` changes `x`. Its Python number is `x[1, 2].item()`.

    So a list of `losses[i]` keeps the tensors, and their graph, alive; append `.item()`.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])
    element = x[1, 2]

    element.mul_(10)

    assert repr(element) == "tensor(60)"
    assert x.tolist() == [[1, 2, 3], [4, 5, 60]]


def test_brackets_after_brackets_index_what_the_first_picked():
    """`x[1][2]` of a dense (2, 3) int64 matrix is the same element as `x[1, 2]`, and
    `x[1][2] = 60` writes into `x`; `x[1:][0]` equals `x[1]`, since the second index applies
    to what the first picked.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    x[1][2] = 60

    assert x[1, 2].item() == 60
    assert x[1:][0].tolist() == [4, 5, 60]


def test_negative_indices_count_from_the_end(device):
    """Of a dense vector of five elements, `x[-1]` is the last element, `x[-2:]` the last
    two and `x[:-2]` all but the last two.
    """
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    assert x[-1].item() == 50
    assert x[-2:].tolist() == [40, 50]
    assert x[:-2].tolist() == [10, 20, 30]


def test_an_index_out_of_range_is_an_error():
    """An integer index must lie from -size to size - 1: `x[2]` and `x[0, -4]` of a 2 x 3 tensor
    raise IndexError, which names the dimension and its size.

    To take what is there, use a slice: `x[2:3]` is empty instead.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    with pytest.raises(IndexError, match="index 2 is out of bounds for dimension 0 with size 2"):
        x[2]
    with pytest.raises(IndexError, match="index -4 is out of bounds for dimension 1 with size 3"):
        x[0, -4]
    assert x[-2, -3].item() == 1


def test_a_slice_out_of_range_is_cut_short():
    """A slice beyond the end is shortened without an error: of a dense vector of three
    elements, `x[1:100]` has two and `x[5:]` none.

    As with Python lists. `x.narrow(0, 1, 99)` raises instead.
    """
    x = torch.tensor([10, 20, 30])

    short = x[1:100]
    nothing = x[5:]

    assert short.tolist() == [20, 30]
    assert nothing.tolist() == []


def test_a_slice_is_a_view(device):
    """`part = x[1:4]` of `x = torch.zeros(5)` shares the memory of `x`: a write to `part` shows
    in `x` and a write to `x` in `part`.

    Unlike a slice of a Python list, which copies. `x[1:4].clone()` is independent.
    """
    x = torch.zeros(5, device=device)
    part = x[1:4]

    part[0] = 7
    x[3] = 8

    assert x.tolist() == [0.0, 7.0, 0.0, 8.0, 0.0]
    assert part.tolist() == [7.0, 0.0, 8.0]
    assert part.data_ptr() - x.data_ptr() == 4


def test_a_step_skips_elements_and_copies_nothing(device):
    """Of `x = torch.tensor([10, 20, 30, 40, 50])`, `x[::2]` is a view of every second
    element, [10, 30, 50], with stride 2; `x[1::3]` takes every third element from index 1
    on, [20, 50].
    """
    x = torch.tensor([10, 20, 30, 40, 50], device=device)
    second = x[::2]

    assert second.tolist() == [10, 30, 50]
    assert second.stride() == (2,)
    assert second.data_ptr() == x.data_ptr()
    assert x[1::3].tolist() == [20, 50]


def test_slices_never_run_backwards():
    """`x[::-1]` of an int64 vector raises ValueError, since steps must be greater than
    zero; write `x.flip(0)`, which copies in reverse order.

    Because PyTorch has no negative strides, unlike NumPy.
    """
    x = torch.tensor([10, 20, 30])

    with pytest.raises(ValueError, match="step must be greater than zero"):
        x[::-1]
    assert x.flip(0).tolist() == [30, 20, 10]


def test_none_adds_an_axis_of_length_one():
    """`x[None]`, `x[:, None]` and `x[..., None]` of a 2 x 3 tensor add a dimension of size 1,
    as `x.unsqueeze(0)`, `x.unsqueeze(1)` and `x.unsqueeze(-1)` do.
    """
    x = torch.zeros(2, 3)

    assert x[None].shape == x.unsqueeze(0).shape == (1, 2, 3)
    assert x[:, None].shape == x.unsqueeze(1).shape == (2, 1, 3)
    assert x[..., None].shape == x.unsqueeze(-1).shape == (2, 3, 1)


def test_an_ellipsis_stands_for_all_axes_not_mentioned():
    """For `x` of shape (2, 3, 4), `x[..., 0]` takes position 0 of the last dimension, and
    `x[0, ..., 0]` takes position 0 of the first and of the last: `...` stands for the dimensions
    that are not mentioned.
    """
    x = torch.arange(24).view(2, 3, 4)

    assert x[..., 0].tolist() == [[0, 4, 8], [12, 16, 20]]
    assert x[0, ..., 0].tolist() == [0, 4, 8]


def test_too_many_indices_are_an_error():
    """`x[0, 0, 0]` of a matrix raises IndexError, "too many indices for tensor of dimension 2":
    give one integer or slice per dimension at most.

    Often a batch or channel dimension is missing from `x`; look at `x.shape`.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    with pytest.raises(IndexError, match="too many indices for tensor of dimension 2"):
        x[0, 0, 0]
    assert x[0, 0].item() == 1


def test_a_scalar_takes_no_index():
    """`x[0]` of a 0-dimensional int64 tensor raises IndexError: write `x.item()`. `x[()]`,
    `x[...]` and `x[None]` work, since they index no dimension.

    Old programs with `loss.data[0]` fail so: before PyTorch 0.4 a loss had one dimension.
    """
    x = torch.tensor(7)

    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        x[0]
    assert x.item() == 7
    assert x[()].tolist() == x[...].tolist() == 7
    assert x[None].tolist() == [7]


def test_a_float_is_no_index():
    """`x[1.0]` of `x = torch.tensor([10, 20, 30])` raises IndexError, since a Python float is no
    index: write `x[int(1.0)]`.

    The error appears where an index was computed with `/`, which gives a float; `//` of two ints
    gives an int.
    """
    x = torch.tensor([10, 20, 30])

    with pytest.raises(IndexError, match=r"only integers, slices .* valid indices \(got float\)"):
        x[1.0]
    assert x[int(1.0)].item() == 20


def test_assigning_to_an_index_writes_into_the_tensor(device):
    """`x[1] = 7` on `x = torch.zeros(2, 3)` fills row 1 in place, and
    `x[0, :2] = torch.tensor([8.0, 9.0])` copies the two values into row 0: `x` keeps its memory.

    Because assignment to an index is an in-place operation, other views of `x` show it too. A
    list on the right, `x[0, :2] = [8, 9]`, raises TypeError.
    """
    x = torch.zeros(2, 3, device=device)
    place = x.data_ptr()

    x[1] = 7
    x[0, :2] = torch.tensor([8.0, 9.0])

    assert x.tolist() == [[8.0, 9.0, 0.0], [7.0, 7.0, 7.0]]
    assert x.data_ptr() == place
    with pytest.raises(TypeError, match="can't assign a list to a torch"):
        x[0, :2] = [8, 9]


def test_an_assigned_tensor_is_broadcast(device):
    """With `x = torch.zeros(2, 3)`, `x[:] = torch.tensor([1.0, 2.0, 3.0])` broadcasts the assigned
    tensor: the row of three is written to each row of `x`.
    """
    x = torch.zeros(2, 3, device=device)

    x[:] = torch.tensor([1.0, 2.0, 3.0])

    assert x.tolist() == [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]


def test_an_assigned_tensor_must_fit():
    """`x[0] = values` raises RuntimeError for `x = torch.zeros(2, 3)` and
    `values = torch.tensor([8.0, 9.0])`, and `x` stays as it was.

    Because two values cannot be broadcast to three elements: write `x[0, :2] = values`.
    """
    x = torch.zeros(2, 3)

    with pytest.raises(RuntimeError, match=r"expanded size of the tensor \(3\) must match"):
        x[0] = torch.tensor([8.0, 9.0])
    assert x.tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_assignment_keeps_the_dtype_and_cuts_what_is_assigned(device):
    """With `x = torch.tensor([1, 2, 3])`, `x[0] = 7.9` writes 7 and
    `x[1:] = torch.tensor([-8.9, 9.5])` writes -8 and 9: the fractions are dropped without a
    warning.

    Because assignment to an index or a slice converts to the dtype of `x`; `x[0] = float("inf")`
    raises RuntimeError, since int64 has no infinity. Make `x` a float tensor to keep fractions.
    `x[torch.tensor([0])] = torch.tensor([7.9])` raises RuntimeError:
    `spec/tensors/test_advanced_indexing.py`.
    """
    x = torch.tensor([1, 2, 3], device=device)

    x[0] = 7.9
    x[1:] = torch.tensor([-8.9, 9.5])

    assert x.tolist() == [7, -8, 9]


def test_an_assigned_python_number_must_be_in_range():
    """With `x = torch.zeros(3, dtype=torch.uint8)`, `x[0] = 300` raises RuntimeError, "cannot be
    converted to type uint8_t without overflow", while `x[1] = torch.tensor(300)` wraps round to
    44.

    Because a Python number is converted with an overflow check, a tensor without one, as in
    `torch.tensor(300).to(torch.uint8)`. A negative integer down to -255 passes the check and
    wraps: `x[2] = -1` writes 255.
    """
    x = torch.zeros(3, dtype=torch.uint8)

    with pytest.raises(RuntimeError, match="cannot be converted to type uint8_t without overflow"):
        x[0] = 300
    x[1] = torch.tensor(300)
    x[2] = -1

    assert x.tolist() == [0, 44, 255]


def test_a_list_cannot_be_assigned():
    """With `x = torch.zeros(3)`, `x[:] = [1.0, 2.0, 3.0]` raises TypeError, and so does assigning
    a NumPy array or `np.float32(5.0)`: assign `torch.tensor(values)`. Python's 4.0 and
    `np.float64(5.0)` can be assigned directly.

    A NumPy array converts a list that is assigned to it; a tensor does not. `np.float64` is a
    subclass of Python's `float`, `np.float32` is not.
    """
    x = torch.zeros(3)

    with pytest.raises(TypeError, match="can't assign a list"):
        x[:] = [1.0, 2.0, 3.0]
    with pytest.raises(TypeError, match=r"can't assign a numpy.ndarray"):
        x[:] = np.array([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match=r"can't assign a numpy.float32"):
        x[:] = np.float32(5.0)
    x[:] = torch.tensor([1.0, 2.0, 3.0])
    x[0] = 4.0
    x[1] = np.float64(5.0)
    assert x.tolist() == [4.0, 5.0, 3.0]


def test_augmented_assignment_works_on_the_part(device):
    """With `x = torch.zeros(2, 3)`, `x[0] += 1` adds 1 to each element of the first row of `x` in
    place, and `x[:, 2] *= 5` multiplies its last column by 5 in place.
    """
    x = torch.zeros(2, 3, device=device)

    x[0] += 1
    x[:, 2] *= 5

    assert x.tolist() == [[1.0, 1.0, 5.0], [0.0, 0.0, 0.0]]


@pytest.mark.claim("blitz-index-numpy-style")
@given(
    st.lists(
        st.integers(-3, 2) | st.none() | st.slices(3).filter(lambda cut: (cut.step or 1) > 0),
        max_size=3,
    ).map(tuple)
)
def test_indexing_agrees_with_numpy(index):
    """For an int64 tensor `x` of shape [3, 3, 3] and a tuple `index` of at most three entries,
    each `None`, an integer in range or a slice with step 1, 2 or 3, `x[index]` has the elements
    and the shape of NumPy's `x.numpy()[index]`.
    """
    array = np.arange(27).reshape(3, 3, 3)
    tensor = torch.from_numpy(array)

    in_numpy = torch.from_numpy(np.asarray(array[index]))

    assert torch.equal(tensor[index], in_numpy) is True
    assert tensor[index].shape == array[index].shape
