"""Pooling.

Pooling makes an image smaller: of each window of elements it keeps the largest or the mean. It
has no parameters and treats each channel apart. `nn.MaxPool2d(2)` halves an even height and width,
because the step is the size of the window unless `stride` is given. Adaptive pooling is told the
size of the output instead.

What surprises: the padding of max pooling never wins, as it is minus infinity, whereas the zeros
of average pooling are counted; elements that do not fill a window are dropped; and the gradient
of max pooling goes to one element per window.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim("blitz-maxpool-window")
def test_max_pool_keeps_the_largest_of_each_window(device):
    """`F.max_pool2d(x, (2, 2))` of a float32 `x` of shape (1, 1, 4, 4) keeps the maximum of each
    2 x 2 window, and so halves height and width.
    """
    x = torch.tensor(
        [
            [
                [
                    [1.0, 2.0, 5.0, 6.0],
                    [3.0, 4.0, 8.0, 7.0],
                    [9.0, 0.0, 1.0, 1.0],
                    [0.0, 0.0, 1.0, 2.0],
                ]
            ]
        ],
        device=device,
    )

    assert F.max_pool2d(x, (2, 2)).tolist() == [[[[4.0, 8.0], [9.0, 2.0]]]]


@pytest.mark.claim("blitz-maxpool-square-shorthand")
def test_one_number_stands_for_a_square_window(device):
    """In `F.max_pool2d` the window `kernel_size=2` means (2, 2); a pair is (height, width), such
    as (4, 1).
    """
    x = torch.arange(16.0, device=device).view(1, 1, 4, 4)

    assert F.max_pool2d(x, 2).tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    assert F.max_pool2d(x, (2, 2)).tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    assert F.max_pool2d(x, (4, 1)).tolist() == [[[[12.0, 13.0, 14.0, 15.0]]]]


def test_average_pooling_takes_the_mean(device):
    """`F.avg_pool1d(x, 2)` of a (1, 1, 4) float32 tensor returns two elements, the mean of the
    first two and the mean of the last two.
    """
    x = torch.tensor([[[1.0, 3.0, 10.0, 20.0]]], device=device)

    assert F.avg_pool1d(x, 2).tolist() == [[[2.0, 15.0]]]


def test_the_stride_is_the_window_unless_told(device):
    """`F.max_pool1d(x, 2)` of a float32 `x` of shape (1, 1, 4) uses windows that don't overlap,
    because the default of `stride` is `kernel_size`; `stride=1` makes them overlap.

    In a convolution the default stride is 1.
    """
    x = torch.tensor([[[1.0, 4.0, 2.0, 3.0]]], device=device)

    assert F.max_pool1d(x, 2).tolist() == [[[4.0, 3.0]]]
    assert F.max_pool1d(x, 2, stride=1).tolist() == [[[4.0, 4.0, 3.0]]]


def test_what_does_not_fill_a_window_is_dropped(device):
    """`F.max_pool1d(x, 2)` of a float32 `x` of shape (1, 1, 5) drops the fifth element;
    `ceil_mode=True` gives it a window of its own.

    An odd length above 1 therefore loses its last element: lengths 5 and 4 both become 2. In the
    same way `F.max_pool2d(x, 2)` drops the last row of an odd height above 1, where the width is
    above 1 too.
    """
    x = torch.tensor([[[1.0, 2.0, 3.0, 4.0, 99.0]]], device=device)

    assert F.max_pool1d(x, 2).tolist() == [[[2.0, 4.0]]]
    assert F.max_pool1d(x, 2, ceil_mode=True).tolist() == [[[2.0, 4.0, 99.0]]]


def test_padding_never_wins_a_maximum_but_lowers_a_mean(device):
    """`F.max_pool1d(x, 2, padding=1)` of a float32 `x` of shape (1, 1, 2) pads with minus
    infinity, smaller than each finite element; `F.avg_pool1d(x, 2, padding=1)` pads with zeros,
    which count in the mean unless `count_include_pad=False`.
    """
    x = torch.tensor([[[-4.0, -6.0]]], device=device)

    assert F.max_pool1d(x, 2, padding=1).tolist() == [[[-4.0, -6.0]]]
    assert F.avg_pool1d(x, 2, padding=1).tolist() == [[[-2.0, -3.0]]]
    assert F.avg_pool1d(x, 2, padding=1, count_include_pad=False).tolist() == [[[-4.0, -6.0]]]


def test_the_gradient_goes_to_the_winner_only(device):
    """For `x = torch.tensor([[[1.0, 3.0, 5.0, 5.0]]], requires_grad=True)` on the CPU,
    `F.max_pool1d(x, 2).sum().backward()` gives the gradient [[[0, 1, 1, 0]]]: of two equal
    numbers the first gets it. `F.avg_pool1d` instead gives 0.5 to each.
    """
    x = torch.tensor([[[1.0, 3.0, 5.0, 5.0]]], device=device, requires_grad=True)
    z = torch.tensor([[[1.0, 3.0, 5.0, 5.0]]], device=device, requires_grad=True)

    F.max_pool1d(x, 2).sum().backward()
    F.avg_pool1d(z, 2).sum().backward()

    assert x.grad.tolist() == [[[0.0, 1.0, 1.0, 0.0]]]
    assert z.grad.tolist() == [[[0.5, 0.5, 0.5, 0.5]]]


@pytest.mark.claim("blitz-pool-module-reused")
def test_one_pooling_module_serves_twice():
    """One `nn.MaxPool2d` object may be used at several places of a network, because it has no
    parameters and keeps no state between calls.
    """
    pool = nn.MaxPool2d(2, 2)
    net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), pool, nn.Conv2d(6, 16, 5), nn.ReLU(), pool)

    y = net(torch.zeros(1, 3, 32, 32))

    assert y.shape == (1, 16, 5, 5)
    assert list(pool.parameters()) == []


def test_the_places_of_the_maxima_lead_back(device):
    """`nn.MaxPool1d(2, return_indices=True)` of `torch.tensor([[[1.0, 3.0, 6.0, 5.0]]])`
    returns the maxima and their indices, [[[1, 2]]]; `nn.MaxUnpool1d(2)`, called with both,
    puts 3 and 6 back at these indices and zeros elsewhere.
    """
    x = torch.tensor([[[1.0, 3.0, 6.0, 5.0]]], device=device)

    largest, places = nn.MaxPool1d(2, return_indices=True)(x)

    assert places.tolist() == [[[1, 2]]]
    assert nn.MaxUnpool1d(2)(largest, places).tolist() == [[[0.0, 3.0, 6.0, 0.0]]]


def test_unpooling_puts_each_number_back_at_its_index():
    """`F.max_unpool1d(torch.tensor([[[5.0]]]), torch.tensor([[[1]]]), 2)` is [[[0.0, 5.0]]]: 5
    stands at index 1. `F.max_unpool2d`, `F.max_unpool3d` and `nn.MaxUnpool3d(2)` count the index
    in the flattened output of one channel.

    If an index occurs twice in one channel, one of the two numbers is lost.
    """
    line = F.max_unpool1d(torch.tensor([[[5.0]]]), torch.tensor([[[1]]]), 2)
    image = F.max_unpool2d(torch.tensor([[[[5.0]]]]), torch.tensor([[[[2]]]]), 2)
    twice = F.max_unpool1d(torch.tensor([[[5.0, 6.0]]]), torch.tensor([[[1, 1]]]), 2)
    five, last = torch.tensor([[[[[5.0]]]]]), torch.tensor([[[[[7]]]]])
    volume = F.max_unpool3d(five, last, 2)

    assert line.tolist() == [[[0.0, 5.0]]]
    assert twice.count_nonzero().item() == 1
    assert image.tolist() == [[[[0.0, 0.0], [5.0, 0.0]]]]
    assert nn.MaxUnpool3d(2)(five, last).equal(volume) is True
    assert volume.flatten().tolist() == [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0]


def test_adaptive_pooling_is_told_the_size_that_comes_out(device):
    """Adaptive pooling takes the output size: for
    `x = torch.tensor([[[1.0, 2.0, 9.0, 4.0, 6.0]]])`, `F.adaptive_max_pool1d(x, 2)` is
    `[[[9, 9]]]` (both windows hold the third element); `F.adaptive_avg_pool1d(x[..., :4], 2)`
    is `[[[1.5, 6.5]]]`.
    """
    x = torch.tensor([[[1.0, 2.0, 9.0, 4.0, 6.0]]], device=device)

    assert F.adaptive_avg_pool1d(x[..., :4], 2).tolist() == [[[1.5, 6.5]]]
    assert F.adaptive_max_pool1d(x, 2).tolist() == [[[9.0, 9.0]]]


def test_global_pooling_frees_a_net_from_the_image_size():
    """`nn.AdaptiveAvgPool2d(1)` makes (2, 7, 1, 1), one number per image and channel, of batches
    of shape (2, 7, 32, 32) and (2, 7, 5, 9), so that `nn.Linear(7, 2)` after `flatten(1)` takes
    both.
    """
    pool = nn.AdaptiveAvgPool2d(1)
    large = pool(torch.zeros(2, 7, 32, 32))
    small = pool(torch.zeros(2, 7, 5, 9))
    linear = nn.Linear(7, 2)

    assert large.shape == (2, 7, 1, 1)
    assert small.shape == (2, 7, 1, 1)
    assert linear(large.flatten(1)).shape == (2, 2)
    assert linear(small.flatten(1)).shape == (2, 2)


def test_a_nan_wins_every_maximum(device):
    """`F.max_pool1d` of a float32 tensor returns NaN for a window that contains a NaN."""
    x = torch.tensor([[[1.0, float("nan"), 2.0, 3.0]]], device=device)

    assert F.max_pool1d(x, 2).isnan().tolist() == [[[True, False]]]


def test_an_image_smaller_than_the_window_is_refused():
    """With `image = torch.zeros(1, 1, 3, 3)`, `F.max_pool2d(image, 4)` raises RuntimeError, "Given
    input size: (1x3x3). Calculated output size: (1x0x0). Output size is too small".

    Use a smaller window or `padding`, or pool less often before.
    """
    image = torch.zeros(1, 1, 3, 3)

    with pytest.raises(
        RuntimeError, match=r"Given input size: \(1x3x3\). Calculated output size: \(1x0x0\)"
    ):
        F.max_pool2d(image, 4)
    assert F.max_pool2d(image, 2, stride=1).shape == (1, 1, 2, 2)
    assert F.max_pool2d(image, 4, stride=1, padding=1).shape == (1, 1, 2, 2)


def test_padding_is_at_most_half_a_window():
    """`F.max_pool2d(image, 2, padding=2)` of `torch.zeros(1, 1, 4, 4)` raises RuntimeError, "pad
    should be at most half of", because `padding` may be at most half of the window size, here 1;
    `padding=1` is accepted.

    Half is the limit even if each window holds an element of the image:
    `F.max_pool2d(image, 3, padding=2)` is refused too.
    """
    image = torch.zeros(1, 1, 4, 4)

    with pytest.raises(RuntimeError, match="pad should be at most half of"):
        F.max_pool2d(image, 2, padding=2)
    with pytest.raises(RuntimeError, match="pad should be at most half of"):
        F.max_pool2d(image, 3, padding=2)
    assert F.max_pool2d(image, 2, padding=1).shape == (1, 1, 3, 3)


@pytest.mark.parametrize(
    ("layer", "values"),
    [
        (nn.AdaptiveMaxPool2d(1), [4.0]),
        (nn.AdaptiveAvgPool2d(1), [2.5]),
        (nn.AdaptiveAvgPool2d((1, None)), [2.0, 3.0]),
        (nn.AvgPool2d((2, 1)), [2.0, 3.0]),
        (nn.LPPool2d(1, 2), [10.0]),
        (nn.LPPool2d(2, (1, 2)), [5**0.5, 5.0]),
    ],
)
def test_further_pools_have_these_values(layer, values):
    """For `x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])`, `nn.AdaptiveAvgPool2d((1, None))(x)`
    keeps the width and is [[[[2.0, 3.0]]]], the means of the columns; `nn.LPPool2d(1, 2)(x)`, of
    norm type 1, is [[[[10.0]]]], the sum of the window.

    `LPPool2d` takes no absolute values: of a window with -1, 2, 3 and 4, `nn.LPPool2d(1, 2)`
    makes the sum, 8.
    """
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])

    assert layer(x).flatten().tolist() == pytest.approx(values)
    x[0, 0, 0, 0] = -1.0
    assert nn.LPPool2d(1, 2)(x).item() == pytest.approx(8.0)


def test_lp_pooling_is_a_norm_of_each_window():
    """For `x = torch.tensor([[[3.0, 4.0], [0.0, 0.0]]])`,
    `F.lp_pool1d(x, 2, kernel_size=2)` is [[[5.0], [0.0]]], the square root of the sum of
    squares of each window; `F.lp_pool1d(x, 1, kernel_size=2)` is the sum, [[[7.0], [0.0]]].
    """
    x = torch.tensor([[[3.0, 4.0], [0.0, 0.0]]])

    assert F.lp_pool1d(x, 2, kernel_size=2).tolist() == [[[5.0], [0.0]]]
    assert F.lp_pool2d(x, 2, kernel_size=2).tolist() == [[[5.0]]]
    assert F.lp_pool1d(x, 1, kernel_size=2).tolist() == [[[7.0], [0.0]]]


@pytest.mark.torch(">=2.3")
def test_lp_pooling_has_a_layer_for_volumes():
    """Since PyTorch 2.3 `F.lp_pool3d(x, 2, kernel_size=2)` and `nn.LPPool3d(2, 2)(x)`, with
    norm 2, of `x = torch.full((1, 1, 2, 2, 2), 2.0)` give the square root of the sum of the
    eight squares, `sqrt(8 * 4)`, up to rounding.
    """
    x = torch.full((1, 1, 2, 2, 2), 2.0)

    assert nn.LPPool3d(2, 2)(x).item() == pytest.approx(32**0.5)
    assert F.lp_pool3d(x, 2, kernel_size=2).item() == pytest.approx(32**0.5)


def test_unpooling_a_size_that_was_rounded_needs_that_size():
    """After `y, indices = nn.MaxPool2d(2, return_indices=True)(x)` of a float32 `x` of
    shape (1, 1, 5, 5), `nn.MaxUnpool2d(2)(y, indices, output_size=x.shape)` has 5 rows
    again, the fifth of zeros.

    Because `MaxPool2d` drops the fifth row. Without `output_size` the indices are taken for those
    of 4 x 4, and values may land elsewhere, or RuntimeError is raised.
    """
    x = torch.arange(25.0).view(1, 1, 5, 5)
    y, indices = nn.MaxPool2d(2, return_indices=True)(x)

    restored = nn.MaxUnpool2d(2)(y, indices, output_size=x.shape)

    assert y.tolist() == [[[[6.0, 8.0], [16.0, 18.0]]]]
    assert restored.shape == (1, 1, 5, 5)
    assert restored[0, 0, 4].tolist() == [0.0, 0.0, 0.0, 0.0, 0.0]
    assert restored.nonzero()[:, 2:].tolist() == [[1, 1], [1, 3], [3, 1], [3, 3]]
