"""A first network: LeNet and its shapes.

LeNet is the classic small network for images, and the example of many tutorials: two
convolutions, each followed by ReLU and pooling, then three linear layers. It takes images of 32 x
32 pixels and gives ten scores, one per class. Following the shapes through it shows how layers
have to fit: what one layer puts out, the next one has to accept. The class `LeNet` is defined at
the top of this page; it takes grey images by default, and colour images with `LeNet(channels=3)`.

What surprises: the 400 in `nn.Linear(16 * 5 * 5, 120)` follows from the size of the images, and
nothing compares it with them before the network is called.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


class LeNet(nn.Module):
    """Two convolutions with pooling, then three linear layers, for 32 x 32 images."""

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
    """`LeNet`, an `nn.Module` whose `__init__` assigns two `nn.Conv2d` and three
    `nn.Linear`, has these five as children; `F.max_pool2d` and `F.relu`, called as
    functions in its `forward`, have no parameters and are no children.
    """
    layers = [type(layer).__name__ for layer in LeNet().children()]

    assert layers == ["Conv2d", "Conv2d", "Linear", "Linear", "Linear"]


@pytest.mark.claim("blitz-net-repr")
def test_printing_a_net_lists_its_layers():
    """For an `nn.Module` class `LeNet` whose `__init__` assigns two `nn.Conv2d` and three
    `nn.Linear` to attributes of `self`, `repr(LeNet())` lists these five layers in the order of
    assignment, each with its name, its class and its sizes.

    What `forward` calls as a function, such as `F.relu`, is no layer and is not listed.
    """
    assert repr(LeNet()).splitlines() == [
        "LeNet(",
        "  (conv1): Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))",
        "  (conv2): Conv2d(6, 16, kernel_size=(5, 5), stride=(1, 1))",
        "  (fc1): Linear(in_features=400, out_features=120, bias=True)",
        "  (fc2): Linear(in_features=120, out_features=84, bias=True)",
        "  (fc3): Linear(in_features=84, out_features=10, bias=True)",
        ")",
    ]


@pytest.mark.claim(
    "blitz-params-count", "blitz-params-first-shape", "blitz-conv-shapes", "blitz-fc-sizes"
)
def test_lenet_has_ten_parameter_tensors():
    """`LeNet`, a net of `nn.Conv2d(1, 6, 5)`, `nn.Conv2d(6, 16, 5)` and three `nn.Linear`,
    has ten parameters, a weight and a bias per layer; its first weight has the shape [6, 1,
    5, 5]: out channels, in channels, kernel height, kernel width.
    """
    sizes = {name: list(parameter.shape) for name, parameter in LeNet().named_parameters()}

    assert list(sizes.items()) == [
        ("conv1.weight", [6, 1, 5, 5]),
        ("conv1.bias", [6]),
        ("conv2.weight", [16, 6, 5, 5]),
        ("conv2.bias", [16]),
        ("fc1.weight", [120, 400]),
        ("fc1.bias", [120]),
        ("fc2.weight", [84, 120]),
        ("fc2.bias", [84]),
        ("fc3.weight", [10, 84]),
        ("fc3.bias", [10]),
    ]


def test_the_numbers_of_a_network_are_counted_by_numel():
    """`LeNet`, with `nn.Conv2d(1, 6, 5)`, `nn.Conv2d(6, 16, 5)`, `nn.Linear(400, 120)`,
    `nn.Linear(120, 84)` and `nn.Linear(84, 10)`, has 61,706 elements in weights and biases:
    `sum(p.numel() for p in net.parameters())`.
    """
    assert sum(parameter.numel() for parameter in LeNet().parameters()) == 61706


@pytest.mark.claim("blitz-forward-32-to-10")
def test_lenet_makes_ten_numbers_of_a_32_by_32_image(device):
    """`LeNet`, of `nn.Conv2d(1, 6, 5)` and `nn.Conv2d(6, 16, 5)`, each with ReLU and
    `F.max_pool2d(x, 2)` after it, `flatten(1)` and three `nn.Linear`, 400 to 120 to 84 to 10, maps
    images [7, 1, 32, 32] to [7, 10]: ten scores per image.
    """
    net = LeNet().to(device)
    one = net(torch.randn(1, 1, 32, 32, device=device))
    seven = net(torch.randn(7, 1, 32, 32, device=device))

    assert one.shape == (1, 10)
    assert seven.shape == (7, 10)


@pytest.mark.claim("blitz-fc1-400-from-32")
def test_an_image_of_32_by_32_arrives_as_400_numbers():
    """`nn.Conv2d(1, 6, 5)` makes 28 of a side of 32 pixels, `F.max_pool2d(x, 2)` makes 14
    of 28, `nn.Conv2d(6, 16, 5)` 10 of 14 and pooling again 5 of 10: LeNet flattens these 16
    channels of 5 x 5 to 400 features.

    A kernel of 5 without padding takes 4 from each side length, `F.max_pool2d(x, 2)` halves an
    even one.
    """
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


def test_an_image_of_another_size_is_refused_where_the_linear_layers_begin():
    """`LeNet` with `torch.flatten(x, 1)`, made for images of 32 x 32, raises RuntimeError for a
    batch of 28 x 28 in its first `nn.Linear`: the convolutions accept it, but 16 channels of 4 x 4
    flatten to 256 features instead of 400.

    The numbers in the message, for one image "(1x256 and 400x120)", tell what `in_features` should
    have been: 256; or resize the images. Images of 33 to 35 pixels pass, because pooling drops what
    is left over.
    """
    net = LeNet()

    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(1x256 and 400x120\)"):
        net(torch.randn(1, 1, 28, 28))
    assert net(torch.randn(1, 1, 35, 35)).shape == (1, 10)


@pytest.mark.claim("blitz-single-sample-needs-batch")
def test_a_single_image_needs_a_batch_axis_to_go_through_the_net():
    """For one image of shape (1, 32, 32), a LeNet with `x.flatten(1)` before
    `nn.Linear(400, 120)` raises RuntimeError, "shapes cannot be multiplied (16x25 and
    400x120)"; for the shape (1, 1, 32, 32) it works.

    `nn.Conv2d` accepts the image as unbatched, but `flatten(1)` keeps its 16 channels as if
    they were a batch. Write `net(image[None])` or `image.unsqueeze(0)`, which adds a batch
    dimension of size 1.
    """
    net = LeNet()
    image = torch.zeros(1, 32, 32)

    with pytest.raises(RuntimeError, match=r"shapes cannot be multiplied \(16x25 and 400x120\)"):
        net(image)
    assert net(image[None]).shape == (1, 10)


@pytest.mark.claim("blitz-cifar-net-conv1")
def test_colour_images_need_a_first_layer_of_three_channels():
    """A LeNet that begins with `nn.Conv2d(1, 6, 5)` raises RuntimeError, "to have 1 channels, but
    got 3 channels instead", for float32 images of shape (4, 3, 32, 32); `nn.Conv2d(3, 6, 5)` as
    the first layer accepts them.
    """
    images = torch.zeros(4, 3, 32, 32)
    grey = LeNet()

    with pytest.raises(RuntimeError, match="to have 1 channels, but got 3 channels instead"):
        grey(images)
    assert LeNet(channels=3)(images).shape == (4, 10)


@pytest.mark.claim("blitz-cifar-net-same-function")
def test_the_channels_change_one_weight_and_nothing_else():
    """If only the first layer of `LeNet`, `nn.Conv2d(channels, 6, 5)`, depends on
    `channels`, then 3 channels instead of 1 change the shape of one parameter: the weight
    of this layer is [6, 3, 5, 5] instead of [6, 1, 5, 5].
    """
    grey = {name: parameter.shape for name, parameter in LeNet().named_parameters()}
    colour = {name: parameter.shape for name, parameter in LeNet(channels=3).named_parameters()}

    assert list(colour.items() - grey.items()) == [("conv1.weight", (6, 3, 5, 5))]
    assert list(colour) == list(grey)
