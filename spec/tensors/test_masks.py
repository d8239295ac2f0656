"""Boolean masks.

A mask is a boolean tensor that says of each element whether it is selected. Comparisons such as
`x > 0` make masks. `x[mask]` picks the elements where the mask is True, `x[mask] = value` writes to
them, and `x.masked_fill(mask, value)` gives a copy with them replaced. Masks are joined with `&`,
`|` and `~`: `spec/tensors/test_comparing.py`.

How many elements a mask picks depends on the data, so the result of `x[mask]` is one-dimensional
for a mask of the shape of `x`, and is a copy. Assignment through a mask writes into `x` all the
same.

What surprises: brackets do not broadcast a mask; a mask of ones and zeros in int64 is read as
positions; and one in uint8, as old programs use, is deprecated, and since PyTorch 2.1 refused by
`masked_fill`.
"""

import pytest
import torch


def test_a_mask_picks_the_elements_where_it_is_true(device):
    """`x[x > 2]` of a dense int64 matrix picks the elements for which the comparison is
    True, as a one-dimensional tensor, in row-major order.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x[x > 2].tolist() == [3, 4, 5, 6]
    assert x[x % 2 == 0].tolist() == [2, 4, 6]


def test_what_a_mask_picks_is_a_copy(device):
    """`picked = x[x > 0]` of a dense int64 vector is a copy, even if `x > 0` is True
    throughout: a write to `picked` does not show in `x`.

    To write into `x` assign through the mask: `x[x > 0] = 7`.
    """
    x = torch.tensor([1, 2, 3], device=device)
    picked = x[x > 0]

    picked[0] = 7

    assert picked.tolist() == [7, 2, 3]
    assert x.tolist() == [1, 2, 3]


def test_a_mask_along_the_first_axis_picks_rows(device):
    """`x[mask]` of a 3 x 2 int64 matrix with a boolean mask of shape (3,) picks rows, and
    `x[:, mask]` with one of shape (2,) picks columns.

    Because a mask covers as many dimensions as it has.
    """
    x = torch.tensor([[1, 2], [3, 4], [5, 6]], device=device)

    assert x[torch.tensor([True, False, True], device=device)].tolist() == [[1, 2], [5, 6]]
    assert x[:, torch.tensor([False, True], device=device)].tolist() == [[2], [4], [6]]


def test_a_mask_must_have_the_shape_of_what_it_covers():
    """`x[mask]` with a boolean mask of shape (2,) for a dense CPU matrix of 3 rows raises
    IndexError, which names both shapes; `x[[True, False, False]]` fits.

    Because brackets do not broadcast a mask.
    """
    x = torch.tensor([[1, 2], [3, 4], [5, 6]])

    with pytest.raises(IndexError, match=r"shape of the mask \[2\] at index 0 does not match"):
        x[torch.tensor([True, False])]
    assert x[[True, False, False]].tolist() == [[1, 2]]


def test_assigning_through_a_mask_writes_to_the_original(device):
    """With `x = torch.tensor([[1, -2], [-3, 4]])`, `x[x < 0] = 0` writes 0 to the negative
    elements of `x` itself: `x` is then [[1, 0], [0, 4]].
    """
    x = torch.tensor([[1, -2], [-3, 4]], device=device)

    x[x < 0] = 0

    assert x.tolist() == [[1, 0], [0, 4]]


def test_a_tensor_assigned_through_a_mask_is_dealt_out_in_order(device):
    """`x[mask] = values` of a contiguous int64 matrix, with a boolean mask of its shape and
    a separate int64 vector of one value per True element, writes the values in row-major
    order; three values for two True elements raise RuntimeError.

    One value alone goes to all of them. To choose from a tensor of the shape of `x` write
    `torch.where(mask, other, x)`.
    """
    x = torch.tensor([[1, -2], [-3, 4]], device=device)
    mask = x < 0

    x[mask] = torch.tensor([20, 30], device=device)

    assert x.tolist() == [[1, 20], [30, 4]]
    with pytest.raises(RuntimeError, match=r"shape mismatch: value tensor of shape \[3\] cannot"):
        x[mask] = torch.tensor([20, 30, 40], device=device)


def test_masked_select_gives_a_flat_copy_and_broadcasts_its_mask(device):
    """`x.masked_select(mask)` of a dense int64 tensor gives the elements where a boolean
    mask is True, as a vector, and broadcasts the mask: one of shape (3,) is used for each
    row of a 2 x 3 tensor.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.masked_select(x > 2).tolist() == [3, 4, 5, 6]
    assert x.masked_select(x[0] != 2).tolist() == [1, 3, 4, 6]


def test_masked_fill_replaces_where_the_mask_is_true(device):
    """`x.masked_fill(mask, 0)` of a contiguous int64 matrix, with a boolean mask of its
    shape, returns a copy of `x` with 0 where the mask is True; `x.masked_fill_(mask, 0)`
    writes into `x`.

    In attention, scores are filled with `float("-inf")` in this way before `softmax`.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    y = x.masked_fill(x > 2, 0)

    assert y.tolist() == [[1, 2, 0], [0, 0, 0]]
    assert x.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert x.masked_fill_(x > 5, 0).tolist() == x.tolist() == [[1, 2, 3], [4, 5, 0]]


def test_where_wants_a_boolean_condition():
    """`torch.where(x, 1.0, 0.0)` of an int64 CPU tensor `x` raises RuntimeError, "where
    expected condition to be a boolean tensor"; a uint8 tensor `x` is taken, with a UserWarning.
    Write `x != 0` or `x.bool()`.
    """
    x = torch.tensor([2, 0])

    with pytest.raises(
        RuntimeError, match="where expected condition to be a boolean tensor, but got"
    ):
        torch.where(x, 1.0, 0.0)
    with pytest.warns(UserWarning, match="where received a uint8 condition tensor"):
        by_bytes = torch.where(x.to(torch.uint8), 1.0, 0.0)

    assert by_bytes.tolist() == [1.0, 0.0]
    assert torch.where(x != 0, 1.0, 0.0).tolist() == [1.0, 0.0]


def test_uint8_masks_still_pick_with_a_warning():
    """`x[mask]` of an int64 vector with a uint8 mask of its shape, of ones and zeros, picks
    like a boolean mask and warns that this is deprecated; an int64 tensor of the same
    numbers is read as positions.

    Comparisons gave uint8 before PyTorch 1.2. Write `x[mask.bool()]`.
    """
    x = torch.tensor([10, 20, 30])
    mask = torch.tensor([1, 0, 1], dtype=torch.uint8)

    with pytest.warns(UserWarning, match="indexing with dtype torch.uint8 is now deprecated"):
        picked = x[mask]
    assert picked.tolist() == [10, 30]
    assert x[mask.long()].tolist() == [20, 10, 20]


@pytest.mark.torch(">=2.1")
def test_a_number_cannot_be_assigned_through_a_uint8_mask():
    """Since PyTorch 2.1, `x[mask] = 0` of the int64 vector `x = torch.tensor([10, 20, 30])`
    with a uint8 mask of shape (3,) raises RuntimeError, "masked_fill_ only supports boolean
    masks": write `x[mask.bool()] = 0`.
    """
    x = torch.tensor([10, 20, 30])
    mask = torch.tensor([1, 0, 1], dtype=torch.uint8)

    with pytest.raises(RuntimeError, match="masked_fill_ only supports boolean masks"):
        x[mask] = 0
    x[mask.bool()] = 0
    assert x.tolist() == [0, 20, 0]


@pytest.mark.torch("<2.1")
def test_masked_fill_takes_a_uint8_mask_with_a_warning():
    """Before PyTorch 2.1, `x.masked_fill(mask, 9)` of an int64 vector accepted a uint8 mask of 0s
    and 1s and warned that this is deprecated.

    A uint8 mask with another value, such as 2, raised RuntimeError, "Mask tensor can take 0 and 1
    values only".
    """
    x = torch.tensor([1, 2, 3])

    with pytest.warns(UserWarning, match="received a mask with dtype torch.uint8"):
        y = x.masked_fill(torch.tensor([1, 0, 0], dtype=torch.uint8), 9)
    assert y.tolist() == [9, 2, 3]

    with pytest.raises(RuntimeError, match="Mask tensor can take 0 and 1 values only"):
        x.masked_fill(torch.tensor([2, 0, 0], dtype=torch.uint8), 9)


@pytest.mark.torch(">=2.1")
def test_masked_fill_wants_a_boolean_mask():
    """Since PyTorch 2.1, `x.masked_fill(mask, 9)` of the int64 vector `x = torch.tensor([1, 2, 3])`
    with a uint8 mask raises RuntimeError: write `x.masked_fill(mask.bool(), 9)`.

    A usual case is an attention mask of ones and zeros. The int64 masks that tokenizers return are
    refused too.
    """
    x = torch.tensor([1, 2, 3])
    mask = torch.tensor([1, 0, 0], dtype=torch.uint8)

    with pytest.raises(RuntimeError, match="only supports boolean masks"):
        x.masked_fill(mask, 9)
    assert x.masked_fill(mask.bool(), 9).tolist() == [9, 2, 3]
