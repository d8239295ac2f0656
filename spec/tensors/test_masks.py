"""Boolean masks.

A mask says of each element whether it is meant. Comparisons make masks, and a mask in brackets
picks the elements where it is true: `x[x > 0]`.

Since nobody knows beforehand how many those are, the result is flat, and it is always a copy. An
assignment through a mask reaches the original all the same. Masks are boolean: those of ones and
zeros, which old programs use, are on their way out.
"""

import pytest
import torch


def test_a_mask_picks_the_elements_where_it_is_true(device):
    """A boolean tensor of the same shape picks elements; the result is flat."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x[x > 2].tolist() == [3, 4, 5, 6]
    assert x[x % 2 == 0].tolist() == [2, 4, 6]


def test_what_a_mask_picks_is_a_copy(device):
    """A write to the picked elements is not seen in the original, even if all were picked."""
    x = torch.tensor([1, 2, 3], device=device)
    picked = x[x > 0]

    picked[0] = 7

    assert picked.tolist() == [7, 2, 3]
    assert x.tolist() == [1, 2, 3]


def test_a_mask_along_the_first_axis_picks_rows(device):
    """A mask of fewer dimensions covers the first axes; the others are taken whole."""
    x = torch.tensor([[1, 2], [3, 4], [5, 6]], device=device)

    assert x[torch.tensor([True, False, True], device=device)].tolist() == [[1, 2], [5, 6]]
    assert x[:, torch.tensor([False, True], device=device)].tolist() == [[2], [4], [6]]


def test_a_mask_must_have_the_shape_of_what_it_covers():
    """Brackets broadcast no mask: an axis of another length is an error that names both shapes."""
    x = torch.tensor([[1, 2], [3, 4], [5, 6]])

    with pytest.raises(IndexError, match=r"shape of the mask \[2\] at index 0 does not match"):
        x[torch.tensor([True, False])]
    assert x[[True, False, False]].tolist() == [[1, 2]]


def test_assigning_through_a_mask_writes_to_the_original(device):
    """`x[mask] = number` fills every place where the mask is true."""
    x = torch.tensor([[1, -2], [-3, 4]], device=device)

    x[x < 0] = 0

    assert x.tolist() == [[1, 0], [0, 4]]


def test_a_tensor_assigned_through_a_mask_is_dealt_out_in_order(device):
    """One value for each true place, row by row; another number of values is refused."""
    x = torch.tensor([[1, -2], [-3, 4]], device=device)
    mask = x < 0

    x[mask] = torch.tensor([20, 30], device=device)

    assert x.tolist() == [[1, 20], [30, 4]]
    with pytest.raises(RuntimeError, match=r"shape mismatch: value tensor of shape \[3\] cannot"):
        x[mask] = torch.tensor([20, 30, 40], device=device)


def test_masked_select_gives_a_flat_copy_and_broadcasts_its_mask(device):
    """`masked_select` picks like `x[mask]`, but one row of a mask can serve all rows."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.masked_select(x > 2).tolist() == [3, 4, 5, 6]
    assert x.masked_select(x[0] != 2).tolist() == [1, 3, 4, 6]


def test_masked_fill_replaces_where_the_mask_is_true(device):
    """`masked_fill` answers with a copy, `masked_fill_` works in place."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    y = x.masked_fill(x > 2, 0)

    assert y.tolist() == [[1, 2, 0], [0, 0, 0]]
    assert x.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert x.masked_fill_(x > 5, 0).tolist() == x.tolist() == [[1, 2, 3], [4, 5, 0]]


def test_uint8_masks_still_pick_with_a_warning():
    """Comparisons gave uint8 before 1.2; such masks still pick, and are deprecated."""
    x = torch.tensor([10, 20, 30])
    mask = torch.tensor([1, 0, 1], dtype=torch.uint8)

    with pytest.warns(UserWarning, match="indexing with dtype torch.uint8 is now deprecated"):
        picked = x[mask]
    assert picked.tolist() == [10, 30]
    assert x[mask.long()].tolist() == [20, 10, 20]


@pytest.mark.torch(">=2.1")
def test_a_number_cannot_be_assigned_through_a_uint8_mask():
    """Since 2.1 filling by `x[mask] = number` wants a boolean mask."""
    x = torch.tensor([10, 20, 30])
    mask = torch.tensor([1, 0, 1], dtype=torch.uint8)

    with pytest.raises(RuntimeError, match="only supports boolean masks"):
        x[mask] = 0
    x[mask.bool()] = 0
    assert x.tolist() == [0, 20, 0]


@pytest.mark.torch("<2.1")
def test_masked_fill_takes_a_uint8_mask_with_a_warning():
    """Before 2.1 a uint8 mask was deprecated, and still filled."""
    x = torch.tensor([1, 2, 3])

    with pytest.warns(UserWarning, match="received a mask with dtype torch.uint8"):
        y = x.masked_fill(torch.tensor([1, 0, 0], dtype=torch.uint8), 9)
    assert y.tolist() == [9, 2, 3]


@pytest.mark.torch(">=2.1")
def test_masked_fill_wants_a_boolean_mask():
    """Since 2.1 a mask of ones and zeros is refused: it has to be made boolean first."""
    x = torch.tensor([1, 2, 3])
    mask = torch.tensor([1, 0, 0], dtype=torch.uint8)

    with pytest.raises(RuntimeError, match="only supports boolean masks"):
        x.masked_fill(mask, 9)
    assert x.masked_fill(mask.bool(), 9).tolist() == [9, 2, 3]
