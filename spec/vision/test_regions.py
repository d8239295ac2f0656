"""Regions of a feature map.

A two-stage detector computes one feature map for the whole image, and then cuts from it the part
that belongs to each box, always at the same size, so that a linear layer can look at it. That cut
is `roi_align` ("region of interest"): it divides the box into cells and reads each cell by
bilinear interpolation. Feature maps are smaller than the image; `spatial_scale` says by how much.
A feature pyramid has several of them, one for each size of object.

What surprises: a box needs the number of its image, as a first column or by its place in a list;
`aligned=False`, the default of `roi_align`, shifts the result by half a pixel; and the boxes are
in pixels of the image, however small the map is. The format of boxes is on
`spec/vision/test_boxes.py`.
"""

from collections import OrderedDict

import pytest
import torch
from torchvision import ops
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList


def test_roi_align_cuts_each_box_to_one_size():
    """`torchvision.ops.roi_align(features, [boxes], (2, 3))` returns a region of 2 x 3 for each
    box, whatever its size: shape (5, 7, 2, 3) for 5 float32 boxes, of shape (5, 4), and a float32
    feature map (1, 7, 16, 16) of 7 channels.
    """
    features = torch.zeros(1, 7, 16, 16)
    boxes = torch.tensor([[0.0, 0.0, 3.0, 9.0]] * 2 + [[1.0, 1.0, 8.0, 8.0]] * 3)

    regions = ops.roi_align(features, [boxes], (2, 3))

    assert regions.shape == (5, 7, 2, 3)
    of_two_images = ops.roi_align(torch.zeros(2, 7, 16, 16), [boxes[:2], boxes[2:]], (2, 3))
    assert of_two_images.shape == (5, 7, 2, 3)


def test_boxes_of_regions_name_their_image():
    """`torchvision.ops.roi_align` on float32 maps takes float32 boxes as a list with one
    tensor (N, 4) per image, or as one tensor (K, 5) whose first column is the index of the
    image; both give the same for the same order of boxes.
    """
    features = torch.tensor([[[[1.0]]], [[[7.0]]]])
    box = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    numbered = torch.tensor([[0.0, 0.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 1.0, 1.0]])

    assert ops.roi_align(features, [box, box], 1).flatten().tolist() == [1.0, 7.0]
    assert ops.roi_align(features, numbered, 1).flatten().tolist() == [1.0, 7.0]


def test_a_tensor_of_four_columns_does_not_name_its_image():
    """torchvision's `ops.roi_align(features, boxes, 1)` with `boxes` as one tensor (K, 4)
    raises AssertionError, "The boxes tensor shape is not correct as Tensor[K, 5]"; for the
    boxes of one image write `ops.roi_align(features, [boxes], 1)`.
    """
    features = torch.ones(1, 1, 4, 4)
    boxes = torch.tensor([[0.0, 0.0, 4.0, 4.0]])

    with pytest.raises(AssertionError, match="The boxes tensor shape is not correct as Tensor"):
        ops.roi_align(features, boxes, 1)
    assert ops.roi_align(features, [boxes], 1).tolist() == [[[[1.0]]]]


def test_the_spatial_scale_is_that_of_the_map():
    """`torchvision.ops.roi_align(..., spatial_scale=0.5)` of float32 maps and boxes halves the
    coordinates of the boxes: boxes stay in pixels of an image that is twice as large as the
    feature map.

    For a map of stride 16 `spatial_scale` is 1 / 16. At its default, 1.0, boxes may lie far
    outside the map, where the result is 0.
    """
    features = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    boxes = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]

    scaled = ops.roi_align(features, boxes, 2, spatial_scale=0.5, aligned=True, sampling_ratio=1)

    assert scaled.tolist() == [[[[1.0, 2.0], [3.0, 4.0]]]]


def test_roi_align_is_half_a_pixel_off_unless_aligned():
    """For `x = torch.arange(16.0).view(1, 1, 4, 4)` and `box = torch.tensor([[0.0, 0, 4, 4]])`,
    `torchvision.ops.roi_align(x, [box], 4, sampling_ratio=1)` begins with 2.5 where `x` begins
    with 0; with `aligned=True` it equals `x`.

    There 2.5 is the mean of 0, 1, 4 and 5: the value half a pixel right of and below the 0. The
    default, `aligned=False`, is for networks whose weights were trained with it.
    """
    features = torch.arange(16.0).view(1, 1, 4, 4)
    boxes = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]

    aligned = ops.roi_align(features, boxes, 4, sampling_ratio=1, aligned=True)
    shifted = ops.roi_align(features, boxes, 4, sampling_ratio=1)

    assert aligned.equal(features)
    assert shifted[0, 0, 0].tolist() == [2.5, 3.5, 4.5, 5.0]


def test_roi_pool_takes_maxima_of_whole_pixels():
    """`torchvision.ops.roi_pool(maps, boxes, 2)` of finite float32 maps rounds the edges of a box
    inside the map to whole pixels, includes the last pixel and takes the maximum of each of 2 x 2
    cells: the box [0, 0, 3.2, 2.8] covers 4 x 4 pixels.

    Rounding shifts a box by up to half a pixel, much for a small object: torchvision's Faster
    R-CNN and Mask R-CNN use `roi_align`, which does not round. A `spatial_scale` multiplies the
    edges before they are rounded. A cell that lies outside the map gives 0.
    """
    features = torch.arange(16.0).view(1, 1, 4, 4)
    boxes = [torch.tensor([[0.0, 0.0, 3.2, 2.8]])]
    outside = [torch.tensor([[8.0, 8.0, 9.0, 9.0]])]

    assert ops.roi_pool(features, boxes, 2).tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    assert ops.roi_pool(-features, outside, 2).tolist() == [[[[0.0, 0.0], [0.0, 0.0]]]]


def test_a_region_passes_gradients_to_the_map_only():
    """After `backward()` through `torchvision.ops.roi_align` of CPU tensors, a float32
    feature map that is a leaf and requires grad has a `.grad`, and float32 boxes have None,
    even if they require grad.

    So a loss behind it doesn't move the boxes: detectors learn those by a loss of their own.
    """
    features = torch.ones(1, 1, 2, 2, requires_grad=True)
    boxes = torch.tensor([[0.0, 0.0, 0.0, 2.0, 2.0]], requires_grad=True)

    ops.roi_align(features, boxes, 1, sampling_ratio=1, aligned=True).sum().backward()

    assert features.grad.tolist() == [[[[0.25, 0.25], [0.25, 0.25]]]]
    assert boxes.grad is None


def test_a_pyramid_is_read_at_the_level_of_the_boxs_size():
    """`torchvision.ops.MultiScaleRoIAlign(["large", "small"], 1, 1)`, given a 64 x 64 map
    `large`, then a 32 x 32 map `small` of a 256 x 256 image, pools a float32 box of side 20
    from `large` and one of side 250 from `small`.
    """
    pool = ops.MultiScaleRoIAlign(["large", "small"], output_size=1, sampling_ratio=1)
    maps = {
        "large": torch.full((1, 1, 64, 64), 1.0),
        "small": torch.full((1, 1, 32, 32), 2.0),
        "unused": torch.full((1, 1, 4, 4), 3.0),
    }
    boxes = [torch.tensor([[0.0, 0.0, 20.0, 20.0], [0.0, 0.0, 250.0, 250.0]])]

    regions = pool(maps, boxes, image_shapes=[(256, 256)])

    assert regions.flatten().tolist() == [1.0, 2.0]


def test_a_feature_pyramid_gives_each_map_the_same_channels():
    """`torchvision.ops.FeaturePyramidNetwork([4, 8], 6)` takes a dict of two float32 batches of
    maps, of shapes (N, 4, H1, W1) and (N, 8, H2, W2) in this order, and returns a dict of maps of
    the same heights and widths with 6 channels each.
    """
    pyramid = ops.FeaturePyramidNetwork([4, 8], out_channels=6)
    maps = OrderedDict(high=torch.zeros(1, 4, 16, 16), low=torch.zeros(1, 8, 8, 8))

    out = pyramid(maps)

    assert list(out) == ["high", "low"]
    assert [each.shape for each in out.values()] == [(1, 6, 16, 16), (1, 6, 8, 8)]


def test_anchors_are_boxes_around_each_position():
    """torchvision's `AnchorGenerator(((4,),), ((1.0,),))`, called with an `ImageList` and a list
    of one feature map, lays one 4 x 4 box per position of the map: for a 2 x 2 map of an 8 x 8
    image around the points (0, 0), (4, 0), (0, 4), (4, 4).

    These points are the upper left corners of the cells, not their centres, so the first box, [-2,
    -2, 2, 2], reaches out of the image.
    """
    generator = AnchorGenerator(sizes=((4,),), aspect_ratios=((1.0,),))
    images = ImageList(torch.zeros(1, 3, 8, 8), [(8, 8)])

    (anchors,) = generator(images, [torch.zeros(1, 5, 2, 2)])

    assert anchors.tolist() == [
        [-2.0, -2.0, 2.0, 2.0],
        [2.0, -2.0, 6.0, 2.0],
        [-2.0, 2.0, 2.0, 6.0],
        [2.0, 2.0, 6.0, 6.0],
    ]


def test_each_feature_map_has_anchors_of_its_own():
    """torchvision's `AnchorGenerator`, made with five tuples of sizes and five of aspect ratios,
    raises AssertionError when called with one feature map, "Anchors should be
    Tuple[Tuple[int]]": write one tuple per map, `((4, 8),)` for one.

    A backbone with one feature map and the usual five tuples is what raises it in practice. With
    one tuple of aspect ratios, as by default, the call with one feature map uses only the first
    tuple of sizes, without an error.
    """
    images = ImageList(torch.zeros(1, 3, 8, 8), [(8, 8)])
    five = AnchorGenerator(((4,), (8,), (16,), (32,), (64,)), ((0.5, 1.0, 2.0),) * 5)
    one = AnchorGenerator(((4, 8),), ((0.5, 1.0, 2.0),))

    features = [torch.zeros(1, 7, 2, 2)]

    with pytest.raises(AssertionError, match="Anchors should be Tuple"):
        five(images, features)
    assert five.num_anchors_per_location() == [3, 3, 3, 3, 3]
    assert one.num_anchors_per_location() == [6]
    (anchors,) = one(images, features)
    assert anchors.shape == (24, 4)
    (first,) = AnchorGenerator(((4,), (8,)))(images, features)
    assert first.shape == (12, 4)
