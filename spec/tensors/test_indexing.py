"""Indexing with numbers and slices.

`x[1]`, `x[:, 0]` and `x[..., 1:3]` work as on NumPy arrays: a number picks one place along an axis
and drops that axis, a slice picks several and keeps it. Whatever is picked this way is a view, so
an assignment to it, and any other in-place change, reaches the original.

What surprises: even one element picked is still a tensor; slices never run backwards; and a slice
that reaches too far is cut short while a number that does is an error.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.claim("blitz-index-first-column")
def test_a_full_slice_and_a_zero_pick_the_first_column(device):
    """`x[:, 0]` is the first column: of a 5x3 tensor five numbers."""
    x = torch.arange(15, device=device).view(5, 3)

    assert x[:, 0].tolist() == [0, 3, 6, 9, 12]


def test_one_index_picks_a_row(device):
    """`x[1]` is short for `x[1, :]`: axes not mentioned are taken whole."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x[1].tolist() == [4, 5, 6]
    assert x[1, :].tolist() == [4, 5, 6]


def test_a_number_drops_its_axis_and_a_slice_keeps_it():
    """`x[:, 0]` is a vector; `x[:, 0:1]` holds the same numbers as a matrix of one column."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x[:, 0].tolist() == [1, 4]
    assert x[:, 0:1].tolist() == [[1], [4]]


def test_a_number_for_every_axis_picks_a_tensor_of_one_element():
    """`x[1, 2]` is no Python number but a 0-dimensional tensor, and still a view."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])
    element = x[1, 2]

    element.mul_(10)

    assert repr(element) == "tensor(60)"
    assert x.tolist() == [[1, 2, 3], [4, 5, 60]]


def test_brackets_after_brackets_index_what_the_first_picked():
    """`x[1][2]` picks row 1, then its element 2: the same place as `x[1, 2]`."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    x[1][2] = 60

    assert x[1, 2].item() == 60
    assert x[1:][0].tolist() == [4, 5, 60]


def test_negative_indices_count_from_the_end(device):
    """Index -1 is the last; in slices too."""
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    assert x[-1].item() == 50
    assert x[-2:].tolist() == [40, 50]
    assert x[:-2].tolist() == [10, 20, 30]


def test_an_index_out_of_range_is_an_error():
    """A number must lie between minus the length and the length less one."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    with pytest.raises(IndexError, match="index 2 is out of bounds for dimension 0 with size 2"):
        x[2]
    with pytest.raises(IndexError, match="index -4 is out of bounds for dimension 1 with size 3"):
        x[0, -4]
    assert x[-2, -3].item() == 1


def test_a_slice_out_of_range_is_cut_short():
    """A slice that reaches beyond the end gives what is there, if need be nothing."""
    x = torch.tensor([10, 20, 30])

    short = x[1:100]
    nothing = x[5:]

    assert short.tolist() == [20, 30]
    assert nothing.tolist() == []


def test_a_slice_is_a_view(device):
    """A slice copies nothing: it starts inside the original, and writes go both ways."""
    x = torch.zeros(5, device=device)
    part = x[1:4]

    part[0] = 7
    x[3] = 8

    assert x.tolist() == [0.0, 7.0, 0.0, 8.0, 0.0]
    assert part.tolist() == [7.0, 0.0, 8.0]
    assert part.data_ptr() - x.data_ptr() == 4


def test_a_step_skips_elements_and_copies_nothing(device):
    """`x[::2]` takes every second element: a view with a longer stride."""
    x = torch.tensor([10, 20, 30, 40, 50], device=device)

    assert x[::2].tolist() == [10, 30, 50]
    assert x[1::3].tolist() == [20, 50]
    assert x[::2].stride() == (2,)


def test_slices_never_run_backwards():
    """A negative step is refused, unlike NumPy's; `flip` copies in reverse instead."""
    x = torch.tensor([10, 20, 30])

    with pytest.raises(ValueError, match="step must be greater than zero"):
        x[::-1]
    assert x.flip(0).tolist() == [30, 20, 10]


def test_none_adds_an_axis_of_length_one():
    """`None` where an axis could stand puts a new one there, as `unsqueeze` does."""
    x = torch.zeros(2, 3)

    assert x[None].shape == (1, 2, 3)
    assert x[:, None].shape == (2, 1, 3)
    assert x[..., None].shape == (2, 3, 1)


def test_an_ellipsis_stands_for_all_axes_not_mentioned():
    """`x[..., 0]` indexes the last axis, however many come before it."""
    x = torch.arange(24).view(2, 3, 4)

    assert x[..., 0].tolist() == [[0, 4, 8], [12, 16, 20]]
    assert x[0, ..., 0].tolist() == [0, 4, 8]


def test_too_many_indices_are_an_error():
    """A matrix takes two numbers at most."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    with pytest.raises(IndexError, match="too many indices for tensor of dimension 2"):
        x[0, 0, 0]
    assert x[0, 0].item() == 1


def test_a_scalar_takes_no_index():
    """A 0-dimensional tensor has nothing to pick from: its number comes by `item()`."""
    x = torch.tensor(7)

    with pytest.raises(IndexError, match="invalid index of a 0-dim tensor"):
        x[0]
    assert x.item() == 7


def test_a_float_is_no_index():
    """Even a float with nothing behind the point is refused."""
    x = torch.tensor([10, 20, 30])

    with pytest.raises(IndexError, match=r"only integers, slices .* valid indices \(got float\)"):
        x[1.0]
    assert x[int(1.0)].item() == 20


def test_iterating_gives_views_of_the_rows():
    """A `for` loop walks the first axis, and each row it gives is a view."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    for row in x:
        row[0] = 0

    assert x.tolist() == [[0, 2, 3], [0, 5, 6]]


def test_assigning_to_an_index_writes_into_the_tensor(device):
    """`x[1] = ...` fills that part in place; the tensor stays the same object and memory."""
    x = torch.zeros(2, 3, device=device)
    place = x.data_ptr()

    x[1] = 7
    x[0, :2] = torch.tensor([8.0, 9.0])

    assert x.tolist() == [[8.0, 9.0, 0.0], [7.0, 7.0, 7.0]]
    assert x.data_ptr() == place


def test_an_assigned_tensor_is_broadcast(device):
    """What is assigned is repeated to fill the part: a row goes to every row."""
    x = torch.zeros(2, 3, device=device)

    x[:] = torch.tensor([1.0, 2.0, 3.0])

    assert x.tolist() == [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]


def test_an_assigned_tensor_must_fit():
    """A tensor that can't be broadcast to the part is refused, and nothing is written."""
    x = torch.zeros(2, 3)

    with pytest.raises(RuntimeError, match=r"expanded size of the tensor \(3\) must match"):
        x[0] = torch.tensor([8.0, 9.0])
    assert x.tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def test_assignment_keeps_the_dtype_and_cuts_what_is_assigned(device):
    """An integer tensor stays one: a float assigned to its part loses the fraction, unannounced."""
    x = torch.tensor([1, 2, 3], device=device)

    x[0] = 7.9
    x[1:] = torch.tensor([-8.9, 9.5])

    assert x.tolist() == [7, -8, 9]


def test_a_list_cannot_be_assigned():
    """Numbers and tensors can be assigned to a part, lists and arrays can't, unlike in NumPy."""
    x = torch.zeros(3)

    with pytest.raises(TypeError, match="can't assign a list"):
        x[:] = [1.0, 2.0, 3.0]
    with pytest.raises(TypeError, match=r"can't assign a numpy.ndarray"):
        x[:] = np.array([1.0, 2.0, 3.0])


def test_augmented_assignment_works_on_the_part(device):
    """`x[0] += 1` adds to the first row in place."""
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
    """Numbers, forward slices and `None` pick from a tensor what they pick from its array."""
    array = np.arange(27).reshape(3, 3, 3)
    tensor = torch.from_numpy(array)

    assert tensor[index].tolist() == array[index].tolist()
    assert tensor[index].shape == array[index].shape
