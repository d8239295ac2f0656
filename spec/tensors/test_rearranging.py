"""Adding, dropping and turning axes.

`unsqueeze` adds an axis of length one and `squeeze` drops it, `transpose` and `permute` put axes in
another order, `expand` repeats along an axis of length one. All of them are views: a new shape and
new strides over the same memory, however big the tensor.

Turning axes is not reshaping: a 2x3 tensor transposed and the same tensor viewed as 3x2 have one
shape and different rows.
"""

import pytest
import torch
from torch import nn


@pytest.mark.parametrize(
    ("method", "arguments", "shape", "stride"),
    [
        ("unsqueeze", (0,), (1, 2, 1, 3), (6, 3, 3, 1)),
        ("squeeze", (1,), (2, 3), (3, 1)),
        ("transpose", (0, 2), (3, 1, 2), (1, 3, 3)),
        ("swapaxes", (1, 2), (2, 3, 1), (3, 1, 3)),
        ("permute", (2, 0, 1), (3, 2, 1), (1, 3, 3)),
        ("movedim", (0, -1), (1, 3, 2), (3, 1, 3)),
        ("moveaxis", (0, 1), (1, 2, 3), (3, 3, 1)),
        ("expand", (2, 4, 3), (2, 4, 3), (3, 0, 1)),
        ("view", (3, 2), (3, 2), (2, 1)),
        ("unflatten", (2, (3, 1)), (2, 1, 3, 1), (3, 3, 1, 1)),
        ("unfold", (2, 2, 1), (2, 1, 2, 2), (3, 3, 1, 1)),
        ("select", (2, 0), (2, 1), (3, 3)),
    ],
)
def test_changing_the_axes_copies_nothing(method, arguments, shape, stride):
    """Each of these makes a view: the memory stays the same, only shape and strides change."""
    x = torch.zeros(2, 1, 3)

    y = getattr(x, method)(*arguments)

    assert y.shape == shape
    assert y.stride() == stride
    assert y.data_ptr() == x.data_ptr()


@pytest.mark.claim("blitz-unsqueeze-batch")
def test_unsqueeze_zero_makes_a_batch_of_one():
    """`unsqueeze(0)` puts an axis of length one in front: a 3-D image becomes a 4-D batch."""
    image = torch.zeros(3, 32, 40)

    batch = image.unsqueeze(0)

    assert image.dim() == 3
    assert batch.dim() == 4
    assert batch.shape == (1, 3, 32, 40)


@pytest.mark.claim("self-unsqueeze")
def test_unsqueeze_adds_the_axis_that_a_layer_needs():
    """A layer for one feature refuses four numbers in a row; `unsqueeze(1)` makes them samples."""
    layer = nn.Linear(1, 2)
    x = torch.zeros(4)

    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        layer(x)
    assert layer(x.unsqueeze(1)).shape == (4, 2)


def test_unsqueeze_counts_among_the_axes_of_the_result(device):
    """The new axis may go anywhere: for a vector at 0 or 1, or counted from the end, -2 or -1."""
    x = torch.tensor([1, 2, 3], device=device)

    assert x.unsqueeze(0).tolist() == [[1, 2, 3]]
    assert x.unsqueeze(1).tolist() == [[1], [2], [3]]
    assert x.unsqueeze(-1).tolist() == [[1], [2], [3]]
    with pytest.raises(IndexError, match=r"expected to be in range of \[-2, 1\], but got 2"):
        x.unsqueeze(2)


def test_squeeze_drops_every_axis_of_length_one():
    """Without an argument `squeeze` drops all axes of length one and leaves the others alone."""
    x = torch.zeros(1, 3, 1, 2)

    assert x.squeeze().shape == (3, 2)


def test_squeeze_with_an_axis_drops_that_one_only():
    """`squeeze(dim)` drops one axis; if it is longer than one, nothing happens, without a word."""
    x = torch.zeros(1, 3, 1)

    assert x.squeeze(0).shape == (3, 1)
    assert x.squeeze(-1).shape == (1, 3)
    assert x.squeeze(1).shape == (1, 3, 1)


@pytest.mark.torch(">=2.0")
def test_squeeze_takes_several_axes():
    """Since 2.0 `squeeze` takes a tuple of axes."""
    x = torch.zeros(1, 3, 1, 1)

    y = x.squeeze((0, 2))

    assert y.shape == (3, 1)


def test_squeeze_takes_a_batch_of_one_for_an_axis_to_drop():
    """A bare `squeeze()` drops the batch axis as well, should a batch hold a single sample."""
    predictions = torch.zeros(8, 1)
    last_prediction = torch.zeros(1, 1)

    assert predictions.squeeze().shape == (8,)
    assert last_prediction.squeeze().shape == ()
    assert last_prediction.squeeze(1).shape == (1,)


def test_transposing_is_not_viewing(device):
    """A 2x3 tensor transposed has rows of its columns; viewed as 3x2 it has the old order."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.t().tolist() == [[1, 4], [2, 5], [3, 6]]
    assert x.view(3, 2).tolist() == [[1, 2], [3, 4], [5, 6]]


def test_t_is_for_matrices_and_less():
    """`t()` leaves a vector as it is, swaps the axes of a matrix and refuses more axes than two."""
    assert torch.tensor([1, 2, 3]).t().tolist() == [1, 2, 3]
    assert torch.zeros(2, 3).t().shape == (3, 2)
    with pytest.raises(RuntimeError, match="expects a tensor with <= 2 dimensions, but self is 3D"):
        torch.zeros(2, 3, 4).t()


def test_transpose_swaps_two_axes_of_any_tensor():
    """`transpose(a, b)` swaps two axes, in whichever order they are named."""
    x = torch.zeros(2, 3, 4)

    assert x.transpose(0, 2).shape == (4, 3, 2)
    assert x.transpose(2, 0).shape == (4, 3, 2)
    assert x.transpose(-1, -2).shape == (2, 4, 3)


def test_permute_names_the_old_axes_in_their_new_order(device):
    """`permute(2, 0, 1)` puts old axis 2 first: element [i, j, k] is found at [k, i, j]."""
    x = torch.zeros(2, 3, 4, device=device)

    y = x.permute(2, 0, 1)
    x[1, 2, 3] = 7

    assert y.shape == (4, 2, 3)
    assert y[3, 1, 2].item() == 7.0


def test_permute_wants_every_axis_once():
    """All axes have to be named, and none twice."""
    x = torch.zeros(2, 3, 4)

    with pytest.raises(RuntimeError, match="does not match the length of the desired ordering"):
        x.permute(2, 0)
    with pytest.raises(RuntimeError, match="duplicate dims are not allowed"):
        x.permute(2, 0, 0)


def test_movedim_moves_one_axis_and_keeps_the_order_of_the_rest():
    """`movedim(0, -1)` takes the first axis to the end; `moveaxis` is the same."""
    x = torch.zeros(2, 3, 4)

    assert x.movedim(0, -1).shape == (3, 4, 2)
    assert x.moveaxis(0, -1).shape == (3, 4, 2)
    assert x.movedim((0, 1), (2, 0)).shape == (3, 4, 2)


def test_capital_t_transposes_a_matrix():
    """`x.T` is the transpose of a matrix, a view."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x.T.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert x.T.data_ptr() == x.data_ptr()


def test_capital_t_is_deprecated_for_anything_but_matrices():
    """On a tensor of other than two dimensions `x.T` reverses all axes, with a warning."""
    x = torch.zeros(2, 3, 4)

    with pytest.warns(UserWarning, match=r"`x.T` on tensors of dimension other than 2"):
        y = x.T
    assert y.shape == (4, 3, 2)


def test_mt_transposes_each_matrix_of_a_batch():
    """`x.mT` is a view with the last two axes swapped, and so needs two."""
    x = torch.tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])

    assert x.mT.tolist() == [[[1, 3], [2, 4]], [[5, 7], [6, 8]]]
    assert x.mT.data_ptr() == x.data_ptr()
    with pytest.raises(RuntimeError, match="only supported on matrices or batches of matrices"):
        torch.zeros(3).mT  # noqa: B018


def test_expand_repeats_axes_of_length_one_and_adds_axes_in_front(device):
    """`expand` stretches axes of length one; -1 keeps a size; new axes come first."""
    x = torch.tensor([[1], [2]], device=device)

    assert x.expand(2, 3).tolist() == [[1, 1, 1], [2, 2, 2]]
    assert x.expand(-1, 3).tolist() == [[1, 1, 1], [2, 2, 2]]
    assert x.expand(3, 2, 1).tolist() == [[[1], [2]], [[1], [2]], [[1], [2]]]


def test_expand_stretches_no_other_axes():
    """An axis longer than one can't be stretched, not even to a multiple."""
    x = torch.zeros(2, 3)

    with pytest.raises(RuntimeError, match=r"expanded size of the tensor \(6\) must match"):
        x.expand(2, 6)


def test_expanded_elements_are_one_and_the_same(device):
    """A write to one element of an expanded tensor changes all that share its memory."""
    x = torch.tensor([[1], [2]], device=device)
    y = x.expand(2, 3)

    y[0, 0] = 7

    assert y.tolist() == [[7, 7, 7], [2, 2, 2]]
    assert x.tolist() == [[7], [2]]


def test_in_place_arithmetic_on_expanded_tensors_is_refused(device):
    """Adding in place would add to one memory place three times, so `clone()` is asked for."""
    x = torch.tensor([[1], [2]], device=device).expand(2, 3)

    with pytest.raises(RuntimeError, match="refers to a single memory location"):
        x.add_(1)
    assert x.clone().add_(1).tolist() == [[2, 2, 2], [3, 3, 3]]
