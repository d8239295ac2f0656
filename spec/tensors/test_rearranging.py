"""Adding, dropping and swapping dimensions.

`unsqueeze` adds a dimension of size 1 and `squeeze` drops it; `transpose` swaps two dimensions,
`permute` puts all of them in another order, and `movedim` moves some. All of them return views: a
new shape and new strides over the same storage (`spec/tensors/test_strides.py`), so they cost the
same for a tensor of any size, and a write to the result shows in the source.

They are used to give a layer the dimensions it expects, for example a batch of one image. `expand`,
which repeats a dimension of size 1, is told in `spec/tensors/test_broadcasting.py`.

What surprises: swapping dimensions is not reshaping, so `x.t()` and `x.view(3, 2)` of a 2 x 3
tensor have one shape and different rows; a bare `squeeze()` drops a batch of one as well; and `x.T`
is deprecated for tensors that are not matrices.
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
    """The methods `unsqueeze`, `squeeze`, `transpose`, `swapaxes`, `permute`, `movedim`,
    `moveaxis`, `expand`, `view`, `unflatten`, `unfold` and `select` of `x = torch.zeros(2, 1, 3)`
    give tensors that share its memory.

    So they copy nothing: `x.transpose(0, 2)` has shape (3, 1, 2) and strides (1, 3, 3) over the
    same numbers. An in-place write to the result shows in `x`, but `x.expand(2, 4, 3).add_(1)`
    raises RuntimeError.
    """
    x = torch.zeros(2, 1, 3)

    y = getattr(x, method)(*arguments)

    assert y.shape == shape
    assert y.stride() == stride
    assert y.data_ptr() == x.data_ptr()


@pytest.mark.claim("blitz-unsqueeze-batch")
def test_unsqueeze_zero_makes_a_batch_of_one():
    """`image.unsqueeze(0)` adds a dimension of size 1 in front: an image of shape (3, 32, 40)
    becomes a batch of shape (1, 3, 32, 40).
    """
    image = torch.zeros(3, 32, 40)

    batch = image.unsqueeze(0)

    assert image.dim() == 3
    assert batch.dim() == 4
    assert batch.shape == (1, 3, 32, 40)


@pytest.mark.claim("self-unsqueeze")
def test_unsqueeze_adds_the_axis_that_a_layer_needs():
    """`nn.Linear(1, 2)` raises RuntimeError for `x = torch.zeros(4)`, of shape (4,);
    `x.unsqueeze(1)` makes it four samples of one feature, shape (4, 1).

    Because the layer reads the last dimension, here of size 4, as features.
    """
    layer = nn.Linear(1, 2)
    x = torch.zeros(4)

    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        layer(x)
    assert layer(x.unsqueeze(1)).shape == (4, 2)


def test_unsqueeze_counts_among_the_axes_of_the_result(device):
    """`x.unsqueeze(dim)` takes the position of the new dimension in the result: for a vector of
    three elements, 0 gives shape (1, 3), 1 and -1 give (3, 1), and 2 raises IndexError.
    """
    x = torch.tensor([1, 2, 3], device=device)

    assert x.unsqueeze(0).tolist() == [[1, 2, 3]]
    assert x.unsqueeze(1).tolist() == [[1], [2], [3]]
    assert x.unsqueeze(-1).tolist() == [[1], [2], [3]]
    with pytest.raises(IndexError, match=r"expected to be in range of \[-2, 1\], but got 2"):
        x.unsqueeze(2)


def test_squeeze_drops_every_axis_of_length_one():
    """`x.squeeze()` of a dense tensor, without a `dim`, drops the dimensions of size 1: shape
    (1, 3, 1, 2) becomes (3, 2).
    """
    x = torch.zeros(1, 3, 1, 2)

    assert x.squeeze().shape == (3, 2)


def test_squeeze_with_an_axis_drops_that_one_only():
    """`x.squeeze(dim)` of a dense tensor drops dimension `dim` if its size is 1; of another size,
    the dimension stays as it is, without an error.

    So a wrong `dim` that exists in `x` is not noticed. `x[:, 0]` drops dimension 1 even if it is
    larger than 1.
    """
    x = torch.zeros(1, 3, 1)

    assert x.squeeze(0).shape == (3, 1)
    assert x.squeeze(-1).shape == (1, 3)
    assert x.squeeze(1).shape == (1, 3, 1)


@pytest.mark.torch(">=2.0")
def test_squeeze_takes_several_axes():
    """Since PyTorch 2.0, `x.squeeze((0, 2))` of a dense tensor of at least three dimensions
    takes a tuple of dimensions and drops those of them whose size is 1.
    """
    x = torch.zeros(1, 3, 1, 1)

    y = x.squeeze((0, 2))

    assert y.shape == (3, 1)
    assert x.squeeze((0, 1)).shape == (3, 1, 1)


def test_squeeze_takes_a_batch_of_one_for_an_axis_to_drop():
    """`predictions.squeeze()` of a dense tensor of shape (8, 1) gives (8,), but of a batch of one,
    shape (1, 1), it drops the batch dimension too and gives (), not (1,).

    It happens with the last batch of an epoch if that has one sample. Name the dimension:
    `predictions.squeeze(1)`.
    """
    predictions = torch.zeros(8, 1)
    last_prediction = torch.zeros(1, 1)

    assert predictions.squeeze().shape == (8,)
    assert last_prediction.squeeze().shape == ()
    assert last_prediction.squeeze(1).shape == (1,)


def test_transposing_is_not_viewing(device):
    """For `x = torch.tensor([[1, 2, 3], [4, 5, 6]])`, `x.t()` swaps rows and columns, [[1, 4], [2,
    5], [3, 6]]; `x.view(3, 2)` has the same shape, but keeps the elements in row-major order, [[1,
    2], [3, 4], [5, 6]].

    Because `t` exchanges the strides, while `view` reads the elements in the order they had.
    Mixing them up raises no error.
    """
    x = torch.tensor([[1, 2, 3], [4, 5, 6]], device=device)

    assert x.t().tolist() == [[1, 4], [2, 5], [3, 6]]
    assert x.view(3, 2).tolist() == [[1, 2], [3, 4], [5, 6]]


def test_t_is_for_matrices_and_less():
    """`x.t()` swaps the dimensions of a dense matrix, leaves a vector a vector and raises
    RuntimeError for three dimensions: there write `x.transpose(-2, -1)` or `x.mT`.

    A vector has one dimension and so nothing to swap: `v[:, None]` makes a vector `v` a column.
    """
    assert torch.tensor([1, 2, 3]).t().tolist() == [1, 2, 3]
    assert torch.zeros(2, 3).t().shape == (3, 2)
    with pytest.raises(RuntimeError, match="expects a tensor with <= 2 dimensions, but self is 3D"):
        torch.zeros(2, 3, 4).t()


def test_transpose_swaps_two_axes_of_any_tensor():
    """`x.transpose(0, 2)` swaps dimensions 0 and 2, as `x.transpose(2, 0)` does: shape (2, 3,
    4) becomes (4, 3, 2).
    """
    x = torch.zeros(2, 3, 4)

    assert x.transpose(0, 2).shape == (4, 3, 2)
    assert x.transpose(2, 0).shape == (4, 3, 2)
    assert x.transpose(-1, -2).shape == (2, 4, 3)


def test_permute_names_the_old_axes_in_their_new_order(device):
    """`x.permute(2, 0, 1)` lists the old dimensions in their new order: shape (2, 3, 4) becomes
    (4, 2, 3), and element [i, j, k] is found at [k, i, j].

    An image of shape (height, width, channels) becomes (channels, height, width) with
    `permute(2, 0, 1)`.
    """
    x = torch.zeros(2, 3, 4, device=device)

    y = x.permute(2, 0, 1)
    x[1, 2, 3] = 7

    assert y.shape == (4, 2, 3)
    assert y[3, 1, 2].item() == 7.0


def test_permute_wants_every_axis_once():
    """`x.permute` must name each dimension once: of three dimensions, `permute(2, 0)` and
    `permute(2, 0, 0)` raise RuntimeError, `permute(0, 1, 3)` raises IndexError.

    To move one dimension without naming the others write `x.movedim(2, 0)`.
    """
    x = torch.zeros(2, 3, 4)

    with pytest.raises(
        RuntimeError,
        match="number of dimensions in the tensor input does not match the length of the",
    ):
        x.permute(2, 0)
    with pytest.raises(RuntimeError, match="duplicate dims are not allowed"):
        x.permute(2, 0, 0)
    with pytest.raises(IndexError, match=r"expected to be in range of \[-3, 2\], but got 3"):
        x.permute(0, 1, 3)


def test_movedim_moves_one_axis_and_keeps_the_order_of_the_rest():
    """For `x = torch.zeros(2, 3, 4)`, `x.movedim(0, -1)` moves the first dimension to the end and
    keeps the order of the others, as `x.moveaxis(0, -1)` does; tuples move several:
    `x.movedim((0, 2), (2, 0))` has shape (4, 3, 2).
    """
    x = torch.zeros(2, 3, 4)

    assert x.movedim(0, -1).shape == (3, 4, 2)
    assert x.moveaxis(0, -1).shape == (3, 4, 2)
    assert x.movedim((0, 1), (2, 0)).shape == (3, 4, 2)
    assert x.movedim((0, 2), (2, 0)).shape == (4, 3, 2)


def test_capital_t_transposes_a_matrix():
    """`x.T` of a dense 2 x 3 matrix is its transpose, as a view."""
    x = torch.tensor([[1, 2, 3], [4, 5, 6]])

    assert x.T.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert x.T.data_ptr() == x.data_ptr()


def test_capital_t_is_deprecated_for_anything_but_matrices():
    """`x.T` of a tensor with three dimensions reverses their order and warns, by default
    once per process, that `x.T` is deprecated for such tensors; write `x.mT` for a
    batch of matrices, else `x.permute(2, 1, 0)`.

    On a batch of matrices `x.T` moves the batch dimension to the end, which is rarely meant.
    """
    x = torch.zeros(2, 3, 4)

    with pytest.warns(UserWarning, match=r"`x.T` on tensors of dimension other than 2"):
        y = x.T
    assert y.shape == (4, 3, 2)


def test_mt_transposes_each_matrix_of_a_batch():
    """`x.mT` of a dense batch of matrices is a view with the last two dimensions swapped, the
    transpose of each matrix; for a vector it raises RuntimeError.

    For a column of a vector write `v[:, None]`.
    """
    x = torch.tensor([[[1, 2], [3, 4]], [[5, 6], [7, 8]]])

    assert x.mT.tolist() == [[[1, 3], [2, 4]], [[5, 7], [6, 8]]]
    assert x.mT.data_ptr() == x.data_ptr()
    with pytest.raises(RuntimeError, match="only supported on matrices or batches of matrices"):
        torch.zeros(3).mT  # noqa: B018
