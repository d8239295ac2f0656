"""Convolutions.

A convolution slides a small kernel of weights over its input and computes, at each position, the
sum of products of kernel and input. Each output channel has a kernel of its own over all input
channels, unless `groups` divides them. `padding` adds elements at the border, `stride` is the
step of the kernel, `dilation` the distance of its weights. `nn.Conv2d` takes images as [N, C, H,
W]. The three functions at the top of the page compute convolutions by loops; the layers agree
with them.

What surprises: the kernel is not flipped, as it is in the mathematical convolution; the output
length is rounded down, so that with stride 2 the last elements may not be used; and channels come
before height and width, unlike in image files.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def conv1d_by_hand(x, weight, stride=1, padding=0, dilation=1, groups=1):
    x = F.pad(x, (padding, padding))
    outputs, inputs, width = weight.shape
    length = (x.shape[2] - dilation * (width - 1) - 1) // stride + 1
    y = torch.zeros(x.shape[0], outputs, length, dtype=x.dtype)
    for o in range(outputs):
        first = o // (outputs // groups) * inputs
        for t in range(length):
            seen = x[:, first : first + inputs, t * stride :][:, :, : dilation * width : dilation]
            y[:, o, t] = (seen * weight[o]).sum((1, 2))
    return y


def conv2d_by_hand(x, weight, stride=1, padding=0):
    x = F.pad(x, (padding, padding, padding, padding))
    height, width = weight.shape[2:]
    rows = range(0, x.shape[2] - height + 1, stride)
    columns = range(0, x.shape[3] - width + 1, stride)
    windows = [[x[:, None, :, r : r + height, c : c + width] for c in columns] for r in rows]
    lines = [[(window * weight).sum((2, 3, 4)) for window in line] for line in windows]
    return torch.stack([torch.stack(line, 2) for line in lines], 2)


def conv_transpose1d_by_hand(x, weight, stride=1):
    inputs, outputs, width = weight.shape
    y = torch.zeros(x.shape[0], outputs, (x.shape[2] - 1) * stride + width, dtype=x.dtype)
    for i in range(inputs):
        for t in range(x.shape[2]):
            y[:, :, t * stride : t * stride + width] += x[:, i, t, None, None] * weight[i]
    return y


@pytest.mark.claim("blitz-conv2d-4d-layout", "self-feature-map-axes")
def test_a_convolution_reads_samples_channels_height_width():
    """`nn.Conv2d` takes a batch of images as [N, C, H, W] and returns the same order:
    `nn.Conv2d(3, 2, (1, 4))` turns the shape [5, 3, 10, 20] into [5, 2, 10, 17].
    """
    layer = nn.Conv2d(in_channels=3, out_channels=2, kernel_size=(1, 4))

    assert layer(torch.zeros(5, 3, 10, 20)).shape == (5, 2, 10, 17)


def test_channels_come_before_height_and_width():
    """`nn.Conv2d` with 3 input channels reads dimension 1 of a batch as channels: float32 images
    of shape [2, 32, 40, 3], channels last, raise RuntimeError, "to have 3 channels, but got 32
    channels instead".

    Write `images.permute(0, 3, 1, 2)` first. Nothing is noticed where dimension 1 happens to
    have size 3 and the kernel fits into the other two.
    """
    layer = nn.Conv2d(in_channels=3, out_channels=6, kernel_size=(5, 1))
    images = torch.zeros(2, 32, 40, 3)

    with pytest.raises(RuntimeError, match="to have 3 channels, but got 32 channels instead"):
        layer(images)
    assert layer(images.permute(0, 3, 1, 2)).shape == (2, 6, 28, 40)
    assert layer(torch.zeros(2, 3, 40, 3)).shape == (2, 6, 36, 3)


def test_a_convolution_takes_a_single_image_too():
    """`nn.Conv2d(3, 6, (5, 1))` accepts a single float32 image (3, 32, 40) as well as a batch (N,
    3, 32, 40); float32 2-D and 5-D inputs raise RuntimeError, "Expected 3D (unbatched) or 4D
    (batched) input".

    A grey image (H, W) needs a channel dimension for `nn.Conv2d(1, 6, 5)`: `image[None]`.
    """
    layer = nn.Conv2d(in_channels=3, out_channels=6, kernel_size=(5, 1))

    assert layer(torch.zeros(3, 32, 40)).shape == (6, 28, 40)
    assert layer(torch.zeros(2, 3, 32, 40)).shape == (2, 6, 28, 40)
    with pytest.raises(RuntimeError, match=r"Expected 3D \(unbatched\) or 4D \(batched\) input"):
        layer(torch.zeros(32, 40))
    with pytest.raises(RuntimeError, match=r"Expected 3D \(unbatched\) or 4D \(batched\) input"):
        layer(torch.zeros(1, 1, 3, 32, 40))


@pytest.mark.claim("self-feature-map-count")
def test_a_convolution_makes_one_feature_map_for_each_filter():
    """`nn.Conv2d` has one kernel per output channel, and its output has one channel, a feature
    map, per kernel: `nn.Conv2d(3, 16, 5)` has 16 kernels, of shape (3, 5, 5), and makes 16 feature
    maps.
    """
    layer = nn.Conv2d(1, 3, kernel_size=2, bias=False)
    layer.weight.data = torch.tensor(
        [[[[1.0, 0.0], [0.0, 0.0]]], [[[0.0, 0.0], [0.0, 1.0]]], [[[1.0, 1.0], [1.0, 1.0]]]]
    )
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    maps = layer(image)

    assert maps.shape == (1, 3, 1, 1)
    assert maps.flatten().tolist() == [1.0, 4.0, 10.0]
    assert nn.Conv2d(3, 16, kernel_size=5).weight.shape == (16, 3, 5, 5)
    assert nn.Conv2d(3, 16, kernel_size=5)(torch.ones(2, 3, 9, 9)).shape == (2, 16, 5, 5)


def test_the_window_is_not_turned_round(device):
    """`F.conv1d` of float32 tensors multiplies kernel and input element by element in the same
    order and adds the products: the kernel is not flipped, which in signal processing is called a
    cross-correlation.

    For the mathematical convolution flip the kernel first: `weight.flip(-1)`.
    """
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]], device=device)
    weight = torch.tensor([[[1.0, 10.0, 100.0]]], device=device)

    assert F.conv1d(x, weight).tolist() == [[[321.0, 432.0]]]
    assert F.conv1d(x, weight.flip(-1)).tolist() == [[[123.0, 234.0]]]


@pytest.mark.parametrize(
    ("x", "weight", "settings", "shape"),
    [
        ((2, 3, 8), (4, 3, 3), {}, (2, 4, 6)),
        ((2, 3, 8), (4, 3, 3), {"stride": 2}, (2, 4, 3)),
        ((2, 3, 8), (4, 3, 3), {"padding": 2}, (2, 4, 10)),
        ((2, 3, 8), (4, 3, 3), {"dilation": 3}, (2, 4, 2)),
        ((2, 4, 8), (6, 2, 3), {"groups": 2}, (2, 6, 6)),
        ((2, 3, 9), (4, 3, 2), {"stride": 3, "padding": 1, "dilation": 2}, (2, 4, 3)),
    ],
)
@pytest.mark.spare("3", reason="the floor of a stride hides one more number")
@pytest.mark.spare("2", reason="the floor of a stride hides one more number")
def test_conv1d_is_the_loop_over_outputs_and_places(x, weight, settings, shape):
    """On the CPU `F.conv1d` of small integers stored as float64 (sums below 2**53) equals a loop
    that, for each output channel and position, sums kernel (not flipped) times input, also with
    `stride`, `padding`, `dilation` and `groups`.
    """
    x = torch.randint(-9, 10, x).double()
    weight = torch.randint(-9, 10, weight).double()

    y = F.conv1d(x, weight, **settings)

    assert y.shape == shape
    assert torch.equal(y, conv1d_by_hand(x, weight, **settings))


@pytest.mark.parametrize(
    ("settings", "sides"),
    [({}, (4, 5)), ({"stride": 2}, (2, 3)), ({"padding": 1}, (6, 7))],
)
def test_conv2d_is_the_loop_over_rows_and_columns(settings, sides):
    """On the CPU `F.conv2d` of small integers stored as float64 (sums below 2**53) equals a
    double loop over rows and columns of the output that sums the products of kernel and image,
    also with `stride=2` or `padding=1`.
    """
    x = torch.randint(-9, 10, (2, 3, 6, 7)).double()
    weight = torch.randint(-9, 10, (4, 3, 3, 3)).double()

    y = F.conv2d(x, weight, **settings)

    assert y.shape[2:] == sides
    assert torch.equal(y, conv2d_by_hand(x, weight, **settings))


def test_the_bias_is_added_once_a_channel(device):
    """An `nn.Conv1d` with `bias=True`, the default, has one number in `bias` per output channel,
    which it adds at every position of the output.
    """
    layer = nn.Conv1d(1, 2, 1, device=device)
    layer.weight.data = torch.ones(2, 1, 1, device=device)
    layer.bias.data = torch.tensor([10.0, 20.0], device=device)

    y = layer(torch.tensor([[[1.0, 2.0]]], device=device))

    assert y.tolist() == [[[11.0, 12.0], [21.0, 22.0]]]


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "length"),
    [(1, 0, 1, 8), (1, 1, 1, 10), (2, 0, 1, 4), (1, 0, 2, 6), (3, 1, 2, 3), (2, 1, 3, 3)],
)
def test_the_length_follows_a_formula(stride, padding, dilation, length):
    """With integers `stride` >= 1, `dilation` >= 1 and `padding` >= 0,
    `nn.Conv1d(1, 1, 3, stride, padding, dilation)` turns length 10 into
    `(10 + 2 * padding - 2 * dilation - 1) // stride + 1`, if the kernel fits into the padded
    input.

    A kernel of size `kernel` turns `length` into
    `(length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1`.
    """
    layer = nn.Conv1d(1, 1, 3, stride=stride, padding=padding, dilation=dilation)

    assert layer(torch.zeros(1, 1, 10)).shape == (1, 1, length)
    assert (10 + 2 * padding - 2 * dilation - 1) // stride + 1 == length


def test_a_stride_may_leave_the_end_unseen(device):
    """`F.conv1d` with `stride=2`, a kernel of size 2 and neither padding nor dilation never
    uses the fifth of five elements, because the output length is rounded down.

    With `dilation=2` the second window reads the elements 2 and 4, counted from 0, so that the
    fifth element is used.
    """
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0, 99.0]]], device=device)

    weight = torch.ones(1, 1, 2, device=device)

    assert F.conv1d(x, weight, stride=2).tolist() == [[[3.0, 7.0]]]
    assert F.conv1d(x, weight, stride=2, dilation=2).tolist() == [[[4.0, 102.0]]]


@pytest.mark.parametrize(
    ("mode", "edges"),
    [
        ("zeros", [3.0, 6.0, 5.0]),
        ("replicate", [4.0, 6.0, 8.0]),
        ("reflect", [5.0, 6.0, 7.0]),
        ("circular", [6.0, 6.0, 6.0]),
    ],
)
def test_padding_comes_in_four_kinds(mode, edges):
    """`nn.Conv1d(..., padding=1, padding_mode=...)` pads `[[[1.0, 2.0, 3.0]]]` with two zeros
    ("zeros"), with 1 and 3 ("replicate"), with 2 and 2 ("reflect") or with 3 and 1
    ("circular").

    The sums of three neighbours show it: with "zeros" the border gives 1 + 2, with "circular" 3
    + 1 + 2.
    """
    layer = nn.Conv1d(1, 1, 3, padding=1, padding_mode=mode, bias=False)
    layer.weight.data = torch.ones(1, 1, 3)

    assert layer(torch.tensor([[[1.0, 2.0, 3.0]]])).flatten().tolist() == edges


def test_padding_same_keeps_the_sides():
    """`nn.Conv2d(1, 1, (3, 5), padding="same", dilation=2)`, with stride 1, keeps height and width
    of a nonempty float32 input (N, 1, H, W); `padding="same"` with `stride=2` raises ValueError in
    the constructor.

    With `stride=2` write the padding in numbers, for a 3 x 5 kernel without dilation
    `padding=(1, 2)`: this halves height and width and rounds up.
    """
    layer = nn.Conv2d(1, 1, (3, 5), padding="same", dilation=2)

    assert layer(torch.zeros(1, 1, 10, 11)).shape == (1, 1, 10, 11)
    with pytest.raises(
        ValueError, match="padding='same' is not supported for strided convolutions"
    ):
        nn.Conv2d(1, 1, 3, padding="same", stride=2)


def test_pairs_are_height_and_width():
    """`kernel_size`, `stride` and `padding` of `nn.Conv2d` take a pair of integers (height, width)
    or one integer for both; `nn.Conv2d(1, 1, kernel_size=3.0)` raises TypeError.

    `padding` also takes the strings "same" and "valid".
    """
    image = torch.zeros(1, 1, 9, 9)
    oblong = nn.Conv2d(1, 1, (3, 5), stride=(1, 2), padding=(1, 0))
    square = nn.Conv2d(1, 1, 3)
    same = nn.Conv2d(1, 1, 3, padding="same")

    assert oblong(image).shape == (1, 1, 9, 3)
    assert square(image).shape == (1, 1, 7, 7)
    assert same(image).shape == (1, 1, 9, 9)
    with pytest.raises(TypeError):
        nn.Conv2d(1, 1, kernel_size=3.0)


def test_one_group_a_channel_keeps_the_channels_apart(device):
    """With `groups=2`, `nn.Conv1d(2, 2, 1)` computes each output channel from one input channel (a
    depthwise convolution), and its weight has the shape [2, 1, 1] instead of [2, 2, 1].
    """
    layer = nn.Conv1d(2, 2, 1, groups=2, bias=False, device=device)
    layer.weight.data = torch.tensor([[[10.0]], [[100.0]]], device=device)

    assert layer(torch.tensor([[[1.0], [2.0]]], device=device)).tolist() == [[[10.0], [200.0]]]
    assert nn.Conv1d(2, 2, 1, groups=2).weight.shape == (2, 1, 1)
    assert nn.Conv1d(2, 2, 1).weight.shape == (2, 2, 1)


def test_groups_divide_the_channels():
    """`nn.Conv2d(3, 4, 3, groups=2)` raises ValueError, "in_channels must be divisible by
    groups", and `nn.Conv2d(4, 3, 3, groups=2)` says the same of `out_channels`.

    Choose channel numbers that are multiples of `groups`, as in `nn.Conv2d(4, 6, 3, groups=2)`.
    """
    with pytest.raises(ValueError, match="in_channels must be divisible by groups"):
        nn.Conv2d(3, 4, 3, groups=2)
    with pytest.raises(ValueError, match="out_channels must be divisible by groups"):
        nn.Conv2d(4, 3, 3, groups=2)
    assert nn.Conv2d(4, 6, 3, groups=2).weight.shape == (6, 2, 3, 3)


def test_a_window_of_one_is_a_linear_layer_at_each_pixel(device):
    """With a kernel of size 1 `F.conv1d(x, weight)` applies the same linear map to the channels at
    each position: for non-empty float32 `x` (N, C, L) and `weight` it equals
    `F.linear(x.mT, weight[:, :, 0]).mT` up to rounding.

    `stride=2`, `padding=1` or `groups=2` change that.
    """
    weight = torch.tensor([[1.0, 10.0]], device=device)
    pixels = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)

    assert F.linear(pixels, weight).tolist() == [[21.0], [43.0]]
    assert F.conv1d(pixels.T[None], weight[:, :, None]).tolist() == [[[21.0, 43.0]]]


@pytest.mark.parametrize(("stride", "length"), [(1, 7), (2, 11), (3, 15)])
def test_a_transposed_convolution_is_the_loop_that_spreads_each_number(stride, length):
    """`y = F.conv_transpose1d(x, weight, stride=s)`, `s` > 0, of non-empty float64 `x` (N, C, L)
    and `weight` (C, O, k) is zeros with `x[n, c, i] * weight[c]` added to
    `y[n, :, s * i : s * i + k]` for all `n`, `c`, `i`, up to rounding.
    """
    x = torch.randint(-9, 10, (2, 3, 5)).double()
    weight = torch.randint(-9, 10, (3, 4, 3)).double()

    y = F.conv_transpose1d(x, weight, stride=stride)

    assert y.shape == (2, 4, length)
    assert torch.equal(y, conv_transpose1d_by_hand(x, weight, stride))


def test_a_transposed_convolution_restores_the_shape_and_not_the_numbers(device):
    """With `x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]])` and `w = torch.ones(1, 1, 2)`,
    `y = F.conv1d(x, w, stride=2)` holds 3 and 7; `F.conv_transpose1d(y, w, stride=2)` holds
    3, 3, 7, 7: the shape of `x` comes back, its numbers do not.

    Because `F.conv_transpose1d` is the transpose of the convolution, which the gradient uses, and
    not its inverse. Length 5, too, becomes 2 and then 4.
    """
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0]]], device=device)
    weight = torch.ones(1, 1, 2, device=device)

    short = F.conv1d(x, weight, stride=2)

    assert short.tolist() == [[[3.0, 7.0]]]
    assert F.conv_transpose1d(short, weight, stride=2).tolist() == [[[3.0, 3.0, 7.0, 7.0]]]


def test_a_transposed_weight_has_its_inputs_first():
    """The weight of `nn.Conv2d(2, 5, 3)` has the shape (5, 2, 3, 3), outputs first; that of
    `nn.ConvTranspose2d(2, 5, 3)` has (2, 5, 3, 3), inputs first.
    """
    assert nn.Conv2d(2, 5, 3).weight.shape == (5, 2, 3, 3)
    assert nn.ConvTranspose2d(2, 5, 3).weight.shape == (2, 5, 3, 3)


def test_output_padding_chooses_between_two_sizes():
    """With stride 2, `output_padding=1` makes the output of
    `nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1)` one row and one column larger: for the input
    `torch.zeros(1, 1, 3, 3)` it is 6 x 6 instead of 5 x 5.

    Because `nn.Conv2d(1, 1, 3, stride=2, padding=1)` makes 3 x 3 of both 5 x 5 and 6 x 6. A
    call of the layer can choose too, with `output_size=(6, 6)`. No zeros are added: here the
    last row and column are computed like the others.
    """
    x = torch.zeros(1, 1, 3, 3)
    settings = {"stride": 2, "padding": 1}
    layer = nn.ConvTranspose2d(1, 1, 3, **settings)

    assert layer(x).shape == (1, 1, 5, 5)
    assert layer(x, output_size=(6, 6)).shape == (1, 1, 6, 6)
    assert nn.ConvTranspose2d(1, 1, 3, output_padding=1, **settings)(x).shape == (1, 1, 6, 6)


def test_output_padding_is_smaller_than_the_stride():
    """`nn.ConvTranspose2d(1, 1, 3, output_padding=1)`, with stride 1, raises RuntimeError when
    it is called on `torch.zeros(1, 1, 3, 3)`: "output padding must be smaller than either
    stride or dilation".

    `output_padding` chooses between the input sizes for which a convolution has the same output
    size: with stride 2 and kernel 3 both 7 and 8 become 3. With stride 1 each output size comes
    from one input size only; `dilation=2` lets `output_padding=1` pass all the same.
    """
    layer = nn.ConvTranspose2d(1, 1, 3, output_padding=1)
    dilated = nn.ConvTranspose2d(1, 1, 3, output_padding=1, dilation=2)

    with pytest.raises(RuntimeError, match="output padding must be smaller than either stride"):
        layer(torch.zeros(1, 1, 3, 3))

    assert dilated(torch.zeros(1, 1, 3, 3)).shape == (1, 1, 8, 8)


def test_a_window_larger_than_the_image_is_refused():
    """`nn.Conv2d(1, 1, 5)` raises RuntimeError for a float32 batch (1, 1, 3, 3), "Kernel size
    can't be greater than actual input size"; with `padding=1` the 5 x 5 kernel fits.

    It happens in networks that shrink small images too often: add padding or remove a pooling.
    """
    layer = nn.Conv2d(1, 1, 5)

    with pytest.raises(RuntimeError, match=r"Kernel size can't be greater than actual input size"):
        layer(torch.zeros(1, 1, 3, 3))
    assert nn.Conv2d(1, 1, 5, padding=1)(torch.zeros(1, 1, 3, 3)).shape == (1, 1, 1, 1)


def test_pixels_as_bytes_are_refused():
    """On a CPU `nn.Conv2d(1, 1, 3)`, whose weight and bias are float32, raises RuntimeError
    for uint8 pixels, as image files have them: "Input type (unsigned char) and bias type
    (float) should be the same".

    Write `image.float() / 255`. With `bias=False` or under `torch.autocast` the words of the error
    are others.
    """
    layer = nn.Conv2d(1, 1, 3)
    image = torch.zeros(1, 1, 3, 3, dtype=torch.uint8)

    with pytest.raises(
        RuntimeError, match=r"Input type \(unsigned char\) and bias type \(float\) should"
    ):
        layer(image)
    assert layer(image.float()).shape == (1, 1, 1, 1)
