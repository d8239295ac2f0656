"""Padding.

Padding adds elements around a tensor: zeros before a convolution, so that the size stays,
filler behind short sequences, or a mirrored border around an image. `F.pad(x, pad)` does all of
these; the layers `nn.ZeroPad2d`, `ReflectionPad2d`, `ReplicationPad2d`, `CircularPad2d` and
`ConstantPad2d` are its modules.

What surprises: `pad` begins with the last dimension: (left, right, top, bottom) for images; the
other modes than "constant" want 2 numbers for (N, C, L), 4 for (N, C, H, W); and a negative
number cuts elements off. The `padding` of convolutions is on `spec/nn/test_convolutions.py`,
padded sequences on `spec/nn/test_recurrent.py`.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.parametrize(
    ("pad", "rows"),
    [
        ((1, 0), [[0, 1, 2], [0, 3, 4]]),
        ((0, 1), [[1, 2, 0], [3, 4, 0]]),
        ((0, 0, 1, 0), [[0, 0], [1, 2], [3, 4]]),
        ((0, 0, 0, 1), [[1, 2], [3, 4], [0, 0]]),
        ((1, 0, 0, 1), [[0, 1, 2], [0, 3, 4], [0, 0, 0]]),
    ],
)
def test_padding_is_told_from_the_last_dimension_backwards(pad, rows, device):
    """For an int64 matrix `x`, `F.pad(x, (left, right, top, bottom))` pads the last dimension by
    `left` and `right`, the first by `top` and `bottom`; `F.pad(x, (1, 0))` adds a column of zeros
    on the left.

    For a third dimension a third pair follows, (left, right, top, bottom, front, back).
    """
    x = torch.tensor([[1, 2], [3, 4]], device=device)

    assert F.pad(x, pad).tolist() == rows


def test_the_numbers_of_padding_come_in_pairs():
    """`F.pad(x, (1,))` raises RuntimeError, "Padding length must be divisible by 2", and
    `F.pad(x, (1, 1, 1, 1))` of a 1-D `x` raises RuntimeError too, because two pairs of numbers are
    given for one dimension.

    `F.pad(x, (1, 1))` pads both ends of the last dimension. In the second case newer
    releases say "Padding length should be less than or equal to two times the input
    dimension", older ones "Padding length too large".
    """
    x = torch.tensor([1, 2])

    with pytest.raises(RuntimeError, match="Padding length must be divisible by 2"):
        F.pad(x, (1,))
    with pytest.raises(RuntimeError, match=r"Padding length should be less|Padding length too l"):
        F.pad(x, (1, 1, 1, 1))
    assert F.pad(x, (1, 1)).tolist() == [0, 1, 2, 0]


def test_padding_has_a_value(device):
    """With `x = torch.tensor([1, 2])`, `F.pad(x, (0, 2), value=9)` is [1, 2, 9, 9], filled with 9
    instead of 0; the int64 dtype of `x` stays, so that `value=0.5` fills with 0.
    """
    x = torch.tensor([1, 2], device=device)

    assert F.pad(x, (0, 2), value=9).tolist() == [1, 2, 9, 9]
    assert F.pad(x, (0, 1), value=0.5).tolist() == [1, 2, 0]


def test_sequences_are_padded_to_a_length():
    """`F.pad(x, (0, length - len(x)), value=-1)` brings a 1-D int64 tensor `x` to `length`
    elements: a shorter one gets -1 at its end, a longer one is cut, because a negative number
    removes elements.

    To pad a list of tensors to the longest of them use `nn.utils.rnn.pad_sequence`.
    """
    x = torch.tensor([5, 6, 7])

    longer = F.pad(x, (0, 5 - 3), value=-1)
    shorter = F.pad(x, (0, 2 - 3), value=-1)

    assert longer.tolist() == [5, 6, 7, -1, -1]
    assert shorter.tolist() == [5, 6]


def test_padding_copies():
    """For `x = torch.ones(2, requires_grad=True)`, `y = F.pad(x, (1, 1), value=5.0)` passes the
    gradients of the two elements in the middle of `y` on to `x`. `F.pad(x, (0, 0))` is a new
    tensor too, which shares no memory with `x`.
    """
    x = torch.ones(2, requires_grad=True)
    same = F.pad(x, (0, 0))
    assert same.tolist() == [1.0, 1.0]
    assert (same.data_ptr() == x.data_ptr()) is False

    y = F.pad(x, (1, 1), value=5.0)
    (y * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()

    assert x.grad.tolist() == [2.0, 3.0]


@pytest.mark.parametrize(
    ("mode", "row"),
    [
        ("constant", [0, 0, 1, 2, 3, 0, 0]),
        ("reflect", [3, 2, 1, 2, 3, 2, 1]),
        ("replicate", [1, 1, 1, 2, 3, 3, 3]),
        ("circular", [2, 3, 1, 2, 3, 1, 2]),
    ],
)
def test_padding_has_four_modes(mode, row, device):
    """`F.pad(x, (2, 2), mode=...)` pads `x = torch.tensor([[[1.0, 2.0, 3.0]]])` with zeros
    ("constant"), the mirror image without the edge ("reflect"), the edge ("replicate"), or the
    other end ("circular").
    """
    x = torch.tensor([[[1.0, 2.0, 3.0]]], device=device)

    assert F.pad(x, (2, 2), mode=mode).tolist() == [[row]]


def test_the_other_modes_want_a_batch_of_channels():
    """`F.pad(x, (1, 1), mode="reflect")` wants an `x` of 2 or 3 dimensions, `(1, 1, 0, 0)` wants 3
    or 4. With the 1-D `x = torch.tensor([1.0, 2.0, 3.0])` the first raises NotImplementedError:
    write `F.pad(x[None], (1, 1), mode="reflect")[0]`.

    The message begins "Padding size 2 is not supported for 1D input tensor" in newer releases, and
    "Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now" in older ones.
    The default, `mode="constant"`, takes a 1-D `x`.
    """
    x = torch.tensor([1.0, 2.0, 3.0])
    image = torch.zeros(1, 1, 2, 2)

    for wrong in (x, image):
        with pytest.raises(
            NotImplementedError, match=r"Padding size 2 is not supp|Only 2D, 3D, 4D, 5"
        ):
            F.pad(wrong, (1, 1), mode="reflect")
    assert F.pad(x, (1, 1)).tolist() == [0.0, 1.0, 2.0, 3.0, 0.0]
    assert F.pad(x[None], (1, 1), mode="reflect")[0].tolist() == [2.0, 1.0, 2.0, 3.0, 2.0]
    assert F.pad(image, (1, 1, 0, 0), mode="reflect").shape == (1, 1, 2, 4)
    assert F.pad(image[0], (1, 1, 0, 0), mode="reflect").shape == (1, 2, 4)


def test_a_reflection_is_shorter_than_the_input():
    """`F.pad(x, (n, 0), mode="reflect")` can add at most one less than the size of the last
    dimension: n = 2 for `x` of shape (1, 1, 2) raises RuntimeError, "Padding size should be less
    than the corresponding input dimension".

    Each side of each padded dimension has this limit. "replicate" can add more than the size, and
    "circular" at most the size.
    """
    x = torch.tensor([[[1.0, 2.0]]])

    with pytest.raises(
        RuntimeError, match="Padding size should be less than the corresponding inp"
    ):
        F.pad(x, (2, 0), mode="reflect")
    assert F.pad(x, (1, 0), mode="reflect").tolist() == [[[2.0, 1.0, 2.0]]]
    assert F.pad(x, (3, 0), mode="replicate").tolist() == [[[1.0, 1.0, 1.0, 1.0, 2.0]]]
    assert F.pad(x, (2, 0), mode="circular").tolist() == [[[1.0, 2.0, 1.0, 2.0]]]
    with pytest.raises(RuntimeError, match="Padding value causes wrapping around more than once"):
        F.pad(x, (3, 0), mode="circular")


def test_a_value_belongs_to_the_constant_mode():
    """`F.pad(x, (1, 0), mode="reflect", value=3.0)` of `x = torch.ones(1, 1, 2)` raises
    RuntimeError, 'Padding mode "reflect" doesn't take in value argument'; `mode="zeros"` raises
    NotImplementedError, "Unrecognised padding mode zeros".

    To pad with zeros use `mode="constant"`, the default, without `value`; `padding_mode="zeros"`
    is the name in convolutions.
    """
    x = torch.tensor([[[1.0, 2.0]]])

    with pytest.raises(RuntimeError, match="doesn't take in value argument"):
        F.pad(x, (1, 0), mode="reflect", value=3.0)
    with pytest.raises(NotImplementedError, match="Unrecognised padding mode zeros"):
        F.pad(x, (1, 0), mode="zeros")
    assert F.pad(x, (1, 0), mode="constant").tolist() == [[[0.0, 1.0, 2.0]]]


@pytest.mark.parametrize(
    ("layer", "rows"),
    [
        (nn.ZeroPad2d(1), [[0, 0, 0, 0], [0, 1, 2, 0], [0, 3, 4, 0], [0, 0, 0, 0]]),
        (nn.ConstantPad2d(1, 9), [[9, 9, 9, 9], [9, 1, 2, 9], [9, 3, 4, 9], [9, 9, 9, 9]]),
        (nn.ReflectionPad2d(1), [[4, 3, 4, 3], [2, 1, 2, 1], [4, 3, 4, 3], [2, 1, 2, 1]]),
        (nn.ReplicationPad2d(1), [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]),
        (nn.ZeroPad2d((1, 0, 0, 0)), [[0, 1, 2], [0, 3, 4]]),
        (nn.ReplicationPad2d((0, 1, 0, 0)), [[1, 2, 2], [3, 4, 4]]),
    ],
)
def test_each_mode_has_its_layers(layer, rows):
    """`nn.ZeroPad2d(1)`, `ConstantPad2d(1, 9)`, `ReflectionPad2d(1)` and `ReplicationPad2d(1)`
    pad all four sides of a float32 image of shape (1, 1, 2, 2) by 1; a tuple is (left, right,
    top, bottom).
    """
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])

    assert layer(image)[0, 0].tolist() == rows


@pytest.mark.torch(">=2.1")
def test_circular_layers_came_later():
    """Since PyTorch 2.1 there are `nn.CircularPad1d` and `nn.ZeroPad1d` for (N, C, L),
    `nn.CircularPad2d` for images, `nn.CircularPad3d` and `nn.ZeroPad3d` for volumes: the
    circular ones take the border from the other end, as on a ring.
    """
    x = torch.tensor([[[1.0, 2.0, 3.0]]])

    assert nn.CircularPad1d((1, 0))(x).tolist() == [[[3.0, 1.0, 2.0, 3.0]]]
    assert nn.ZeroPad1d(1)(x).tolist() == [[[0.0, 1.0, 2.0, 3.0, 0.0]]]
    assert nn.CircularPad2d((1, 0, 0, 0))(x.unsqueeze(2)).flatten().tolist() == [3.0, 1.0, 2.0, 3.0]
    row, left = x[:, :, None, None], (1, 0, 0, 0, 0, 0)
    assert nn.CircularPad3d(left)(row).flatten().tolist() == [3.0, 1.0, 2.0, 3.0]
    assert nn.ZeroPad3d(left)(row).flatten().tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_padding_layer_before_a_convolution():
    """`nn.ReflectionPad2d(1)` before `nn.Conv2d(2, 3, 3)` keeps the height and width of
    `torch.randn(1, 2, 5, 6)` and gives, up to rounding, what
    `nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect")` gives with the same weight and
    bias.
    """
    x = torch.randn(1, 2, 5, 6)
    convolution = nn.Conv2d(2, 3, 3)
    padded = nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect")
    padded.load_state_dict(convolution.state_dict())

    y = nn.Sequential(nn.ReflectionPad2d(1), convolution)(x)

    assert y.shape == (1, 3, 5, 6)
    assert torch.allclose(y, padded(x), atol=1e-6) is True


def test_a_causal_convolution_pads_on_the_left():
    """`F.conv1d(F.pad(x, (kernel - 1, 0)), weight)`, `kernel` being the width of `weight`, is
    causal: output n depends on no input after n. `F.conv1d(x, weight, padding=kernel - 1)` gives,
    up to rounding, these outputs, then `kernel - 1` more.

    With a dilation pad by `(kernel - 1) * dilation`. A layer after `F.pad`, such as `nn.Conv1d`,
    must not pad again. For an `x` of length 0 the call with `F.pad` raises RuntimeError.
    """
    x = torch.tensor([[[1.0, 2.0, 3.0]]])
    weight = torch.tensor([[[1.0, 10.0]]])

    causal = F.conv1d(F.pad(x, (1, 0)), weight)
    both = F.conv1d(x, weight, padding=1)

    assert causal.tolist() == [[[10.0, 21.0, 32.0]]]
    assert both.tolist() == [[[10.0, 21.0, 32.0, 3.0]]]
    dilated = F.conv1d(F.pad(x, (2, 0)), weight, dilation=2)
    assert dilated.tolist() == [[[10.0, 20.0, 31.0]]]
