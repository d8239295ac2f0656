"""Layers and their shapes.

A layer is a module with numbers to learn and a rule for shapes. `nn.Linear` maps the last axis,
a convolution the channels and the sides of an image; whatever stands before is the mini-batch.
The notes' net, two convolutions and three linear layers, shows how the shapes have to meet: the
number 400 in its middle is no choice but arithmetic.

What surprises: a layer fixes the length of one axis only, so a wrong shape is often noticed some
layers later, and sometimes never.
"""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn


class LeNet(nn.Module):
    """The notes' net for 32 x 32 images, grey or of more channels."""

    def __init__(self, channels=1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, images):
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


@pytest.mark.claim("blitz-net-five-layers")
def test_lenet_has_five_layers_with_numbers_to_learn():
    """LeNet's layers are two convolutions and three linear ones; pooling and ReLU learn nothing."""
    layers = [type(layer).__name__ for layer in LeNet().children()]

    assert layers == ["Conv2d", "Conv2d", "Linear", "Linear", "Linear"]


@pytest.mark.claim("blitz-conv-shapes")
def test_both_convolutions_have_5_by_5_kernels():
    """The weights are outputs x inputs x height x width: 1 to 6, then 6 to 16, by 5 x 5."""
    net = LeNet()

    assert net.conv1.weight.shape == (6, 1, 5, 5)
    assert net.conv2.weight.shape == (16, 6, 5, 5)


@pytest.mark.claim("blitz-fc-sizes")
def test_the_linear_layers_go_from_400_to_10():
    """A linear layer's weight is outputs x inputs: 400 to 120, 120 to 84, 84 to 10."""
    net = LeNet()

    assert net.fc1.weight.shape == (120, 400)
    assert net.fc2.weight.shape == (84, 120)
    assert net.fc3.weight.shape == (10, 84)


@pytest.mark.claim("blitz-fc1-400-from-32")
def test_an_image_of_32_by_32_arrives_as_400_numbers():
    """32 loses 4 to a 5 x 5 kernel and halves, twice: 28, 14, 10, 5; and 16 * 5 * 5 is 400."""
    net = LeNet()
    first = net.conv1(torch.zeros(1, 1, 32, 32))
    halved = F.max_pool2d(first, 2)
    second = net.conv2(halved)
    last = F.max_pool2d(second, 2)

    assert first.shape == (1, 6, 28, 28)
    assert halved.shape == (1, 6, 14, 14)
    assert second.shape == (1, 16, 10, 10)
    assert last.shape == (1, 16, 5, 5)
    assert last.flatten(1).shape == (1, 400)


@pytest.mark.claim("blitz-single-sample-needs-batch")
def test_a_single_image_needs_a_batch_axis_to_go_through_the_net():
    """Without its batch axis an image passes the convolutions, and fails where the net flattens."""
    net = LeNet()
    image = torch.zeros(1, 32, 32)

    with pytest.raises(RuntimeError, match=r"cannot be multiplied \(16x25 and 400x120\)"):
        net(image)
    assert net(image[None]).shape == (1, 10)


@pytest.mark.claim("blitz-nn-minibatch-only")
@pytest.mark.parametrize(
    ("layer", "single", "shape"),
    [
        (nn.Linear(3, 2), torch.zeros(3), (2,)),
        (nn.ReLU(), torch.zeros(3), (3,)),
        (nn.Conv2d(1, 2, 3), torch.zeros(1, 5, 5), (2, 3, 3)),
        (nn.MaxPool2d(2), torch.zeros(1, 4, 4), (1, 2, 2)),
        (nn.LayerNorm(3), torch.zeros(3), (3,)),
    ],
)
def test_many_layers_take_a_single_sample_too(layer, single, shape):
    """Most layers accept one sample without a batch axis, and then answer without one."""
    assert layer(single).shape == shape


def test_batch_norm_is_a_layer_that_does_need_the_batch():
    """BatchNorm measures a batch: one sample of three features is refused."""
    layer = nn.BatchNorm1d(3)

    with pytest.raises(ValueError, match=r"expected 2D or 3D input \(got 1D input\)"):
        layer(torch.zeros(3))
    assert layer(torch.zeros(2, 3)).shape == (2, 3)


@pytest.mark.claim("blitz-conv2d-4d-layout")
def test_a_convolution_reads_samples_channels_height_width():
    """`nn.Conv2d` takes samples x channels x height x width, and answers in the same order."""
    layer = nn.Conv2d(in_channels=3, out_channels=2, kernel_size=(1, 4))

    assert layer(torch.zeros(5, 3, 10, 20)).shape == (5, 2, 10, 17)


@pytest.mark.claim("blitz-cifar-net-conv1")
def test_colour_images_need_a_first_layer_of_three_channels():
    """A net for grey images refuses colour; with 3 input channels in `conv1` it takes it."""
    images = torch.zeros(4, 3, 32, 32)
    grey = LeNet()

    with pytest.raises(RuntimeError, match="to have 1 channels, but got 3 channels instead"):
        grey(images)
    assert LeNet(channels=3)(images).shape == (4, 10)


@pytest.mark.claim("blitz-cifar-net-same-function")
def test_the_channels_change_one_weight_and_nothing_else():
    """The colour net differs from the grey one in the shape of a single parameter."""
    grey = {name: parameter.shape for name, parameter in LeNet().named_parameters()}
    colour = {name: parameter.shape for name, parameter in LeNet(channels=3).named_parameters()}

    assert list(colour.items() - grey.items()) == [("conv1.weight", (6, 3, 5, 5))]
    assert list(colour) == list(grey)


@pytest.mark.claim("blitz-pool-module-reused")
def test_one_pooling_module_serves_twice():
    """A `MaxPool2d` remembers nothing between calls: one object follows both convolutions."""
    pool = nn.MaxPool2d(2, 2)
    net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.ReLU(), pool, nn.Conv2d(6, 16, 5), nn.ReLU(), pool)

    y = net(torch.zeros(1, 3, 32, 32))

    assert y.shape == (1, 16, 5, 5)
    assert list(pool.parameters()) == []


def test_a_linear_layer_multiplies_by_the_transposed_weight_and_adds_the_bias(device):
    """`nn.Linear` is `x @ weight.T + bias`: each row of the weight makes one output."""
    layer = nn.Linear(3, 2, device=device)
    layer.weight.data = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 10.0]], device=device)
    layer.bias.data = torch.tensor([0.5, -1.0], device=device)
    x = torch.tensor([[1.0, 1.0, 1.0], [2.0, 0.0, 1.0]], device=device)

    assert layer(x).tolist() == [[6.5, 9.0], [5.5, 9.0]]
    assert (x @ layer.weight.T + layer.bias).tolist() == [[6.5, 9.0], [5.5, 9.0]]


def test_the_samples_of_a_batch_do_not_meet(device):
    """A linear layer treats each row as if it were alone: another neighbour changes nothing."""
    layer = nn.Linear(2, 1, device=device)
    layer.weight.data = torch.tensor([[2.0, 3.0]], device=device)
    layer.bias.data = torch.tensor([1.0], device=device)

    assert layer(torch.tensor([1.0, 1.0], device=device)).tolist() == [6.0]
    assert layer(torch.tensor([[1.0, 1.0], [0.0, 0.0]], device=device)).tolist() == [[6.0], [1.0]]
    assert layer(torch.tensor([[1.0, 1.0], [9.0, 9.0]], device=device)).tolist() == [[6.0], [46.0]]


def test_without_bias_zero_stays_zero(device):
    """With `bias=False` the layer has one parameter, and maps zeros to zeros."""
    layer = nn.Linear(3, 2, bias=False, device=device)

    assert layer.bias is None
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert layer(torch.zeros(3, device=device)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("shape", "words"),
    [((4, 5), "(4x5 and 3x2)"), ((5,), "(1x5 and 3x2)"), ((4, 2, 5), "(8x5 and")],
)
def test_a_wrong_number_of_features_is_refused_with_both_shapes(shape, words):
    """The message names the rows x features that came, then the inputs x outputs of the layer."""
    layer = nn.Linear(3, 2)

    with pytest.raises(RuntimeError, match=re.escape(f"shapes cannot be multiplied {words}")):
        layer(torch.zeros(shape))


def test_a_right_last_axis_hides_a_wrong_meaning():
    """Only the last axis is looked at: rows of another kind pass in silence if they are as long."""
    layer = nn.Linear(3, 2)
    samples_last = torch.zeros(5, 3).T.reshape(5, 3)

    assert layer(samples_last).shape == (5, 2)
    with pytest.raises(RuntimeError, match=r"\(3x5 and 3x2\)"):
        layer(torch.zeros(5, 3).T)


def test_the_input_has_the_dtype_of_the_weights():
    """A layer of float32 takes neither whole numbers nor float64, as NumPy's data arrive."""
    layer = nn.Linear(3, 2)
    whole = torch.ones(1, 3, dtype=torch.int64)
    double = torch.ones(1, 3, dtype=torch.float64)

    with pytest.raises(RuntimeError, match="must have the same dtype"):
        layer(whole)
    with pytest.raises(RuntimeError, match="must have the same dtype"):
        layer(double)
    assert layer(double.float()).dtype == torch.float32
    assert layer.double()(double).dtype == torch.float64


def test_a_layer_takes_tensors_only():
    """A Python list is no input; `torch.tensor` makes it one."""
    layer = nn.Linear(3, 2)
    numbers = [1.0, 2.0, 3.0]

    with pytest.raises(TypeError, match="must be Tensor, not list"):
        layer(numbers)
    assert layer(torch.tensor(numbers)).shape == (2,)


def test_the_sizes_of_a_layer_are_whole_numbers():
    """`400 / 2` is a float, even if it is whole, and no size; `400 // 2` is one."""
    inputs = 400

    with pytest.raises(TypeError, match="float"):
        nn.Linear(inputs / 2, 1)
    assert nn.Linear(inputs // 2, 1).weight.shape == (1, 200)


@pytest.mark.torch(">=2.5")
def test_a_lazy_layer_learns_its_inputs_from_the_first_batch():
    """`nn.LazyLinear` is told its outputs only; the first call decides the rest, once."""
    layer = nn.LazyLinear(2)
    before = repr(layer)
    layer(torch.zeros(4, 400))

    assert before == "LazyLinear(in_features=0, out_features=2, bias=True)"
    assert repr(layer) == "Linear(in_features=400, out_features=2, bias=True)"
    assert layer.weight.shape == (2, 400)
