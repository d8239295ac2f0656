"""Resizing feature maps.

Networks that answer with images, such as segmentation models, autoencoders and generators, have to
make small feature maps large again. `F.interpolate` (as a layer `nn.Upsample`) repeats or
interpolates elements and learns nothing; `nn.PixelShuffle` trades channels for height and width;
`nn.ConvTranspose2d` learns the way (`spec/nn/test_convolutions.py`). `F.grid_sample` reads an image
at any positions, and `nn.Unfold` and `nn.Fold` take it apart into patches and join them.

What surprises: the mode depends on the number of dimensions, "linear" for (N, C, L), "bilinear" for
(N, C, H, W); `align_corners=True` and False give different values; bilinear shrinking to less than
half skips pixels unless `antialias=True`; `nn.Upsample(2)` means the size 2; and overlapping
patches are added by `nn.Fold`.
"""

import contextlib
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn


def test_interpolation_repeats_the_nearest_element_unless_told(device):
    """`F.interpolate(x, scale_factor=2)` of non-empty float32 images (N, C, H, W) doubles height
    and width and repeats each element, as its default mode "nearest" does.
    """
    x = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]], device=device)

    assert F.interpolate(x, scale_factor=2)[0, 0].tolist() == [
        [1.0, 1.0, 2.0, 2.0],
        [1.0, 1.0, 2.0, 2.0],
        [3.0, 3.0, 4.0, 4.0],
        [3.0, 3.0, 4.0, 4.0],
    ]


def test_interpolation_is_told_a_size_or_a_factor():
    """`F.interpolate` of float32 images (N, C, H, W) takes `size=(height, width)` or
    `scale_factor`. Without either it raises ValueError, "either size or scale_factor should be
    defined"; with both it raises ValueError, "only one of".
    """
    x = torch.zeros(1, 1, 2, 2)

    with pytest.raises(ValueError, match="either size or scale_factor should be defined"):
        F.interpolate(x)
    with pytest.raises(ValueError, match="only one of size or scale_factor should be defined"):
        F.interpolate(x, size=4, scale_factor=2)
    assert F.interpolate(x, size=(3, 5)).shape == (1, 1, 3, 5)


@pytest.mark.parametrize(
    ("mode", "dimensions"),
    [
        ("linear", [1]),
        ("bilinear", [2]),
        ("bicubic", [2]),
        ("trilinear", [3]),
        ("nearest", [1, 2, 3]),
        ("area", [1, 2, 3]),
    ],
)
def test_the_mode_goes_with_the_number_of_dimensions(mode, dimensions):
    """`F.interpolate` wants batch and channels first: mode "linear" then takes one more
    dimension, "bilinear" and "bicubic" two, "trilinear" three; "nearest" and "area" take one,
    two or three.
    """
    works = []
    for n in (1, 2, 3):
        with contextlib.suppress(NotImplementedError):
            F.interpolate(torch.zeros(2, 5, *[3] * n), scale_factor=2, mode=mode)
            works.append(n)

    assert works == dimensions


def test_another_number_of_dimensions_is_refused():
    """`F.interpolate(image, size=(4, 4), mode="bilinear")` of a float32 image (C, H, W) raises
    ValueError, "Input and output must have the same number of spatial dimensions"; write
    `image[None]`.

    `F.interpolate(image[None], size=4, mode="linear")` raises NotImplementedError, "Got 4D
    input, but linear mode needs 3D input". `F.interpolate(image, scale_factor=2)`, whose mode
    is "nearest", raises nothing and only stretches W.
    """
    image = torch.zeros(3, 2, 2)

    with pytest.raises(
        ValueError, match="Input and output must have the same number of spatial di"
    ):
        F.interpolate(image, size=(4, 4), mode="bilinear")
    with pytest.raises(NotImplementedError, match="Got 4D input, but linear mode needs 3D input"):
        F.interpolate(image[None], size=4, mode="linear")
    assert F.interpolate(image, scale_factor=2).shape == (3, 2, 4)
    assert F.interpolate(image[None], size=(4, 4), mode="bilinear").shape == (1, 3, 4, 4)


@pytest.mark.parametrize(
    ("align_corners", "row"),
    [
        (None, [1.0, 1.5, 2.5, 3.0]),
        (False, [1.0, 1.5, 2.5, 3.0]),
        (True, [1.0, 5 / 3, 7 / 3, 3.0]),
    ],
)
def test_align_corners_decides_where_elements_are(align_corners, row, device):
    """For `x = torch.tensor([[[1.0, 3.0]]])` `F.interpolate(x, size=4, mode="linear")` gives 1,
    1.5, 2.5 and 3, as with `align_corners=False`; with `align_corners=True` it gives 1, 5/3, 7/3
    and 3, which are evenly spaced.

    `False` treats an element as a small interval, so the outer halves of the first and the last
    have no second neighbour; `True` treats it as a point. A model has to be run with the setting
    that it was trained with.
    """
    x = torch.tensor([[[1.0, 3.0]]], device=device)

    y = F.interpolate(x, size=4, mode="linear", align_corners=align_corners)

    assert y.flatten().tolist() == pytest.approx(row)


def test_nearest_has_no_corners():
    """`F.interpolate(..., mode="nearest", align_corners=False)` raises ValueError,
    "align_corners option can only be set with the interpolating modes: linear | bilinear |
    bicubic | trilinear".
    """
    x = torch.zeros(1, 1, 2, 2)

    with pytest.raises(
        ValueError, match="align_corners option can only be set with the interpolat"
    ):
        F.interpolate(x, size=4, align_corners=False)
    assert F.interpolate(x, size=4).shape == (1, 1, 4, 4)


def test_shrinking_skips_pixels_unless_antialiased(device):
    """`F.interpolate(x, (1, 2), mode="bilinear")` of a float32 `x` of shape (1, 1, 1, 8) reads
    the columns 1, 2, 5 and 6 only: a bright column 4 vanishes. With `antialias=True` or
    `mode="area"` it counts.
    """
    x = torch.zeros(1, 1, 1, 8, device=device)
    x[..., 4] = 8.0

    plain = F.interpolate(x, size=(1, 2), mode="bilinear")
    smooth = F.interpolate(x, size=(1, 2), mode="bilinear", antialias=True)
    area = F.interpolate(x, size=(1, 2), mode="area")

    assert plain.flatten().tolist() == [0.0, 0.0]
    assert smooth.flatten().tolist() == pytest.approx([0.8571, 1.4286], abs=1e-3)
    assert area.flatten().tolist() == [0.0, 2.0]

    columns = torch.eye(8, device=device).view(8, 1, 1, 8)
    read = F.interpolate(columns, size=(1, 2), mode="bilinear").sum((1, 2, 3))
    assert read.tolist() == [0.0, 0.5, 0.5, 0.0, 0.0, 0.5, 0.5, 0.0]


def test_nearest_rounds_down():
    """`F.interpolate(x, size=3, mode="nearest")` of a float32 `x` of shape (1, 1, 5) takes the
    elements 0, 1 and 3, because it rounds positions down; "nearest-exact" takes 0, 2 and 4.
    """
    x = torch.arange(5.0).view(1, 1, 5)

    assert F.interpolate(x, size=3, mode="nearest").flatten().tolist() == [0.0, 1.0, 3.0]
    assert F.interpolate(x, size=3, mode="nearest-exact").flatten().tolist() == [0.0, 2.0, 4.0]


def test_class_numbers_are_resized_as_floats():
    """On the CPU `F.interpolate(mask[:, None], size=size)` of non-empty int64 masks (N, H, W)
    raises RuntimeError, "not implemented for 'Long'": write `mask[:, None].float()`, mode
    "nearest", then `.long()`. uint8 works with "nearest".

    Mode "bilinear" makes up classes: resized to twice the width, without `align_corners`, the row
    [0, 7] becomes [0, 1, 5, 7] after `.long()`, but [0, 0, 7, 7] with "nearest". In newer releases
    the error is of the subclass NotImplementedError.
    """
    mask = torch.tensor([[[0, 7]]], device="cpu")

    with pytest.raises(RuntimeError, match="not implemented for 'Long'"):
        F.interpolate(mask[:, None], size=(1, 4))
    resized = F.interpolate(mask[:, None].float(), size=(1, 4), mode="nearest").long()
    assert resized.tolist() == [[[[0, 0, 7, 7]]]]
    between = F.interpolate(mask[:, None].float(), size=(1, 4), mode="bilinear").long()
    assert between.tolist() == [[[[0, 1, 5, 7]]]]
    assert F.interpolate(mask[:, None].byte(), size=(1, 4)).tolist() == [[[[0, 0, 7, 7]]]]


def test_upsample_takes_the_size_first():
    """`nn.Upsample(scale_factor=2)` turns a float32 batch of shape (1, 3, 5, 5) into one of shape
    (1, 3, 10, 10), but `nn.Upsample(2)` into one of shape (1, 3, 2, 2), because the first argument
    is `size`.
    """
    x = torch.zeros(1, 3, 5, 5)

    assert nn.Upsample(scale_factor=2)(x).shape == (1, 3, 10, 10)
    assert nn.Upsample(2)(x).shape == (1, 3, 2, 2)


@pytest.mark.parametrize("name", ["upsample", "upsample_nearest", "upsample_bilinear"])
def test_upsample_functions_are_deprecated(name):
    """`F.upsample`, `F.upsample_nearest` and `F.upsample_bilinear` issue a UserWarning that
    they are deprecated, which names `nn.functional.interpolate` in their place; the layer
    `nn.UpsamplingNearest2d` issues none.
    """
    image = torch.tensor([[[[1.0, 3.0]]]])

    with pytest.warns(UserWarning, match=r"deprecated. Use `?nn.functional.interpolate`? instead"):
        getattr(F, name)(image, scale_factor=2)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert nn.UpsamplingNearest2d(scale_factor=2)(image).tolist() == [
            [[[1.0, 1.0, 3.0, 3.0], [1.0, 1.0, 3.0, 3.0]]]
        ]


def test_upsampling_bilinear_aligns_the_corners():
    """From the float32 image `[[[[0.0, 3.0]]]]`, `nn.UpsamplingBilinear2d(scale_factor=2)`, which
    has `align_corners=True`, makes two rows 0, 1, 2, 3;
    `nn.Upsample(scale_factor=2, mode="bilinear")` makes two rows 0, 0.75, 2.25, 3.
    """
    x = torch.tensor([[[[0.0, 3.0]]]])

    old = nn.UpsamplingBilinear2d(scale_factor=2)(x)
    new = nn.Upsample(scale_factor=2, mode="bilinear")(x)

    assert old.flatten().tolist() == pytest.approx([0.0, 1.0, 2.0, 3.0] * 2)
    assert new.flatten().tolist() == [0.0, 0.75, 2.25, 3.0] * 2


def test_pixel_shuffle_makes_pixels_of_channels(device):
    """`y = nn.PixelShuffle(2)(x)` or `F.pixel_shuffle(x, 2)` of a non-empty float32 (N, 4C, H, W)
    `x` makes a 2 x 2 block of every four channels: `y` is (N, C, 2H, 2W).
    `nn.PixelUnshuffle(2)(y)` and `F.pixel_unshuffle(y, 2)` give `x` back.
    """
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], device=device).view(1, 4, 1, 1)
    eight = torch.arange(8.0, device=device).view(1, 8, 1, 1)

    y = nn.PixelShuffle(2)(x)

    assert y.tolist() == [[[[1.0, 2.0], [3.0, 4.0]]]]
    assert F.pixel_shuffle(x, 2).tolist() == [[[[1.0, 2.0], [3.0, 4.0]]]]
    assert F.pixel_shuffle(eight, 2).tolist() == [
        [[[0.0, 1.0], [2.0, 3.0]], [[4.0, 5.0], [6.0, 7.0]]]
    ]
    assert nn.PixelUnshuffle(2)(y).equal(x) is True
    assert F.pixel_unshuffle(y, 2).equal(x) is True


def test_pixel_shuffle_wants_a_square_number_of_channels():
    """`nn.PixelShuffle(2)` of 3 channels raises RuntimeError, "to be divisible by the square of
    upscale_factor, but input.size(-3)=3 is not divisible by 4"; 12 channels become 3.
    """
    with pytest.raises(RuntimeError, match="to be divisible by the square of upscale_factor, but"):
        nn.PixelShuffle(2)(torch.zeros(1, 3, 2, 2))
    twelve = torch.zeros(1, 12, 2, 2)
    assert nn.PixelShuffle(2)(twelve).shape == (1, 3, 4, 4)


def test_channel_shuffle_deals_the_channels():
    """`nn.ChannelShuffle(2)` and `F.channel_shuffle(x, 2)` of (N, 4, H, W) take the channels
    from two groups in turn: the channels 0, 1, 2, 3 become 0, 2, 1, 3.

    Between grouped convolutions it brings the groups together, as in ShuffleNet.
    """
    x = torch.arange(4.0).view(1, 4, 1, 1)

    assert nn.ChannelShuffle(2)(x).flatten().tolist() == [0.0, 2.0, 1.0, 3.0]
    assert F.channel_shuffle(x, 2).flatten().tolist() == [0.0, 2.0, 1.0, 3.0]


def test_unfold_lists_the_patches():
    """`nn.Unfold(2)` of float32 images (N, C, 3, 3) returns (N, C * 4, 4): one column for each
    of the four 2 x 2 patches; with `stride=2`, a 4 x 4 image has four patches that don't
    overlap.

    A vision transformer's patches are `nn.Unfold(p, stride=p)(x).transpose(1, 2)`.
    """
    x = torch.arange(9.0).view(1, 1, 3, 3)

    patches = nn.Unfold(2)(x)

    assert patches.shape == (1, 4, 4)
    assert patches[0, :, 0].tolist() == [0.0, 1.0, 3.0, 4.0]
    assert patches[0, :, 3].tolist() == [4.0, 5.0, 7.0, 8.0]
    apart = nn.Unfold(2, stride=2)(torch.arange(16.0).view(1, 1, 4, 4))
    assert apart[0, :, 1].tolist() == [2.0, 3.0, 6.0, 7.0]


def test_fold_adds_where_patches_overlap():
    """For `x = torch.arange(9.0).view(1, 1, 3, 3)`, `unfold = nn.Unfold(2)` and
    `fold = nn.Fold((3, 3), 2)`, `fold(unfold(x))` counts the middle of `x` four times;
    divided by `fold(unfold(torch.ones_like(x)))` it is `x` again.

    For a float32 `image` of shape (1, 1, 4, 4),
    `F.fold(F.unfold(image, 2, stride=2), (4, 4), 2, stride=2)` is `image` again, because its
    patches don't overlap.
    """
    x = torch.arange(9.0).view(1, 1, 3, 3)
    unfold, fold = nn.Unfold(2), nn.Fold((3, 3), 2)

    counts = fold(unfold(torch.ones(1, 1, 3, 3)))

    assert counts.tolist() == [[[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]]
    assert (fold(unfold(x)) / counts).equal(x) is True

    image = torch.arange(16.0).view(1, 1, 4, 4)
    back = F.fold(F.unfold(image, 2, stride=2), (4, 4), 2, stride=2)
    assert back.equal(image) is True


def test_fold_knows_how_many_patches_there_are():
    """`nn.Fold((4, 4), 2)` of the four patches of `nn.Unfold(2)(torch.zeros(1, 1, 3, 3))`
    raises RuntimeError, "expected size of input's dimension 2 to match the calculated
    number of sliding blocks 3 * 3 = 9, but got input.size(2)=4".
    """
    patches = nn.Unfold(2)(torch.zeros(1, 1, 3, 3))

    with pytest.raises(RuntimeError, match="to match the calculated number of sliding blocks 3"):
        nn.Fold((4, 4), 2)(patches)
    assert nn.Fold((3, 3), 2)(patches).shape == (1, 1, 3, 3)


def test_grid_sample_reads_at_positions_from_minus_one_to_one(device):
    """`F.grid_sample(image, grid)` of 4-D float32 tensors reads at (x, y) positions: (0, 0) is the
    middle of the image; (-1, -1) is the middle of the upper left pixel with `align_corners=True`,
    and by default the outer corner of that pixel.

    With `align_corners=False` the corner lies half a pixel outside the first pixel's middle; with
    the defaults `mode="bilinear"` and `padding_mode="zeros"` a quarter of the pixel's value is
    read there.
    """
    image = torch.tensor([[[[4.0, 8.0], [12.0, 16.0]]]], device=device)
    grid = torch.tensor([[[[0.0, 0.0], [-1.0, -1.0], [1.0, -1.0]]]], device=device)

    apart = F.grid_sample(image, grid, align_corners=False)
    aligned = F.grid_sample(image, grid, align_corners=True)

    assert apart.flatten().tolist() == [10.0, 1.0, 2.0]
    assert aligned.flatten().tolist() == [10.0, 4.0, 8.0]


def test_grid_sample_warns_of_its_default():
    """`F.grid_sample` and `F.affine_grid` without `align_corners` warn, "Default grid_sample and
    affine_grid behavior has changed to align_corners=False since 1.3.0": pass `align_corners` to
    both.
    """
    image, grid = torch.zeros(1, 1, 2, 2), torch.zeros(1, 1, 1, 2)

    with pytest.warns(
        UserWarning, match="Default grid_sample and affine_grid behavior has changed"
    ):
        y = F.grid_sample(image, grid)
    with pytest.warns(
        UserWarning, match="Default grid_sample and affine_grid behavior has changed"
    ):
        F.affine_grid(torch.eye(2, 3)[None], (1, 1, 2, 2))
    assert y.tolist() == [[[[0.0]]]]


def test_an_affine_grid_turns_an_image():
    """`grid = F.affine_grid(torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]]), (1, 1, 2, 2))` and
    `F.grid_sample(image, grid)`, both with `align_corners=False`, swap the columns of a finite
    float32 `image` (1, 1, 2, 2); 1.0 instead of -1.0 keeps them.

    Larger images come back only up to rounding: the positions are float32 numbers between -1 and
    1, and in one row of 10 000 random pixels some change by up to about a thousandth.
    """
    image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])

    def transformed(matrix):
        grid = F.affine_grid(torch.tensor([matrix]), image.shape, align_corners=False)
        return F.grid_sample(image, grid, align_corners=False)

    same = transformed([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    mirrored = transformed([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])

    assert same.tolist() == [[[[1.0, 2.0], [3.0, 4.0]]]]
    assert mirrored.tolist() == [[[[2.0, 1.0], [4.0, 3.0]]]]
