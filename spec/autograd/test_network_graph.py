"""The graph of a network.

Running a network records the same kind of graph as a sum does, only longer: each layer and
activation that ran leaves nodes between the loss and the parameters. Here it is for LeNet, the
small convolutional network that most introductions start from. Following `next_functions` from
`loss.grad_fn` passes the layers in reverse order and ends at the parameters.

What surprises: for a 2-D input the first entry of a linear layer's `next_functions` is its bias,
not the layer before it, because the node is that of `addmm(bias, input, weight.t())`. `eval()`
doesn't stop the recording; `no_grad` does. And a layer whose parameters are frozen still passes
gradients on to the layers before it.

The nodes and `next_functions` themselves: `spec/autograd/test_graph.py`.
"""

import pytest
import torch
import torch.nn.functional as F
from torch import nn


class LeNet(nn.Module):
    """Two convolutions with pooling, then three linear layers, for 32 x 32 images."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, images):
        x = F.max_pool2d(F.relu(self.conv1(images)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, 16 * 5 * 5)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


@pytest.mark.claim("blitz-graph-chain")
def test_the_graph_runs_from_the_loss_through_every_layer_to_the_first():
    """For a contiguous batch, `next_functions` leads from the `grad_fn` of `nn.MSELoss()` of a
    LeNet's output (ReLU, max pooling, `x.view` to flatten) back to three linear layers with ReLU
    between, the view, and twice pooling, ReLU, convolution.

    The names depend on how a layer is implemented: for a 2-D input a linear layer with a bias is
    `AddmmBackward0`, one with `bias=False` is `MmBackward0`.
    """
    output = LeNet()(torch.randn(1, 1, 32, 32))
    loss = nn.MSELoss()(output, torch.randn(1, 10))

    mse = loss.grad_fn
    linear3 = mse.next_functions[0][0]
    relu4 = linear3.next_functions[1][0]
    linear2 = relu4.next_functions[0][0]
    relu3 = linear2.next_functions[1][0]
    linear1 = relu3.next_functions[0][0]
    view = linear1.next_functions[1][0]
    pool2 = view.next_functions[0][0]
    relu2 = pool2.next_functions[0][0]
    conv2 = relu2.next_functions[0][0]
    pool1 = conv2.next_functions[0][0]
    relu1 = pool1.next_functions[0][0]
    conv1 = relu1.next_functions[0][0]
    backwards = [mse, linear3, relu4, linear2, relu3, linear1, view]
    backwards += [pool2, relu2, conv2, pool1, relu1, conv1]

    assert [node.name() for node in reversed(backwards)] == [
        "ConvolutionBackward0",
        "ReluBackward0",
        "MaxPool2DWithIndicesBackward0",
        "ConvolutionBackward0",
        "ReluBackward0",
        "MaxPool2DWithIndicesBackward0",
        "ViewBackward0",
        "AddmmBackward0",
        "ReluBackward0",
        "AddmmBackward0",
        "ReluBackward0",
        "AddmmBackward0",
        "MseLossBackward0",
    ]


@pytest.mark.claim("blitz-out-repr-thaddmm")
def test_the_networks_output_prints_addmmbackward0():
    """The recorded output of a LeNet that ends in `nn.Linear(84, 10)`, for a batch of one
    image, has the shape (1, 10) and prints `grad_fn=<AddmmBackward0>`, the node of a linear
    layer with a bias for a 2-D input.

    `addmm` is one matrix product and an addition.
    """
    output = LeNet()(torch.randn(1, 1, 32, 32))

    assert output.shape == (1, 10)
    assert repr(output).endswith("]], grad_fn=<AddmmBackward0>)")


@pytest.mark.claim("blitz-loss-repr")
def test_the_loss_prints_mselossbackward0():
    """With `output = torch.tensor([1.0, 3.0], requires_grad=True)`, the loss
    `nn.MSELoss()(output, torch.tensor([1.0, 1.0]))` prints as
    `tensor(2., grad_fn=<MseLossBackward0>)`.
    """
    output = torch.tensor([1.0, 3.0], requires_grad=True)
    loss = nn.MSELoss()(output, torch.tensor([1.0, 1.0]))

    assert repr(loss) == "tensor(2., grad_fn=<MseLossBackward0>)"
    assert repr(loss.grad_fn).startswith("<MseLossBackward0 object at 0x")


@pytest.mark.claim("blitz-next-functions-linear")
def test_one_step_behind_the_loss_is_the_last_linear_layer():
    """For `loss = nn.MSELoss()(output, target)`, with the recorded `output` of an `nn.Linear`
    and a `target` of the same shape that doesn't require grad, `loss.grad_fn.next_functions`
    is `((output.grad_fn, 0), (None, 0))`.
    """
    net = nn.Sequential(nn.ReLU(), nn.Linear(2, 1))
    output, target = net(torch.ones(1, 2)), torch.ones(1, 1)
    loss = nn.MSELoss()(output, target)

    (linear, _), other = loss.grad_fn.next_functions
    assert linear.name() == "AddmmBackward0"
    assert other == (None, 0)
    assert loss.grad_fn.next_functions == ((output.grad_fn, 0), (None, 0))


@pytest.mark.claim("blitz-next-functions-expand", "blitz-next-functions-relu-label")
def test_a_linear_layer_leads_to_its_bias_then_its_input_then_its_weight():
    """For a new `nn.Linear(2, 1)` and a 2-D input `h.relu()` that requires grad,
    `next_functions` of the output's `grad_fn` leads to three nodes: that of the bias, the
    ReLU, and the transpose of the weight, `TBackward0`.

    So `next_functions[0][0]`, which tutorials follow, is the bias; the layer before is at index
    1.
    """
    first, second = nn.Linear(3, 2), nn.Linear(2, 1)
    output = second(first(torch.ones(1, 3)).relu())

    bias, before, weight = [node for node, _ in output.grad_fn.next_functions]
    assert type(bias).__name__ == "AccumulateGrad"
    assert bias.variable is second.bias
    assert before.name() == "ReluBackward0"
    assert weight.name() == "TBackward0"
    assert weight.next_functions[0][0].variable is second.weight


def test_a_linear_layer_without_bias_is_a_bare_matrix_product():
    """`nn.Linear(3, 2, bias=False)(torch.ones(1, 3)).grad_fn` is an `MmBackward0` node: for a
    2-D input the layer without a bias is recorded as a plain matrix product.
    """
    output = nn.Linear(3, 2, bias=False)(torch.ones(1, 3))

    assert output.grad_fn.name() == "MmBackward0"


def test_a_convolution_leads_to_its_input_then_its_weight_then_its_bias():
    """For a new `nn.Conv2d(1, 6, 5)` and a batch of shape (1, 1, 32, 32) that doesn't require
    grad, `next_functions` of the output's `grad_fn` holds three pairs: `(None, 0)` for the input,
    then the pairs with the nodes of weight and bias.
    """
    conv = nn.Conv2d(1, 6, 5)
    output = conv(torch.ones(1, 1, 32, 32))

    image, weight, bias = [node for node, _ in output.grad_fn.next_functions]
    assert output.grad_fn.next_functions[0] == (None, 0)
    assert image is None
    assert weight.variable is conv.weight
    assert bias.variable is conv.bias


def test_every_parameter_is_an_end_of_the_graph():
    """For a LeNet whose ten parameters, the weight and bias of five layers, require grad, and
    images that don't, the attributes `variable` of the `AccumulateGrad` nodes in the graph of the
    output are these parameters and no other tensor.
    """

    def leaves(node):
        found = {node.variable} if hasattr(node, "variable") else set()
        return found.union(*[leaves(parent) for parent, _ in node.next_functions if parent])

    net = LeNet()
    ends = leaves(net(torch.ones(1, 1, 32, 32)).grad_fn)

    assert len(ends) == 10
    assert ends == set(net.parameters())


def test_frozen_first_layers_drop_out_of_the_graph():
    """Of two `nn.Linear` layers in a row, the first frozen, and with input that doesn't require
    grad, the output of the first has no `grad_fn`, and the graph begins at the second.

    So freezing the first layers saves the memory and the time of their backward.
    """
    first, second = nn.Linear(3, 2), nn.Linear(2, 1)
    first.requires_grad_(False)
    hidden = first(torch.ones(1, 3))
    output = second(hidden)

    assert hidden.grad_fn is None
    assert output.grad_fn.next_functions[1] == (None, 0)
    assert output.grad_fn.next_functions[0][0].variable is second.bias


def test_a_frozen_layer_in_the_middle_still_passes_gradients_on():
    """Freezing the second of two new `nn.Linear` layers with `requires_grad_(False)` leaves its
    `weight.grad` None in `backward()`, and the gradient still flows through this layer to the
    first, which is not frozen.

    With `torch.no_grad()` around the call of the second layer nothing flows: `backward()` raises
    RuntimeError, "does not require grad".
    """
    first, second = nn.Linear(1, 1), nn.Linear(1, 1)
    nn.init.constant_(second.weight, 5.0)
    second.requires_grad_(False)
    second(first(torch.tensor([[2.0]]))).backward()

    assert first.weight.grad.tolist() == [[10.0]]
    assert second.weight.grad is None


@pytest.mark.claim("blitz-no-grad-evaluation")
def test_eval_does_not_stop_the_recording():
    """After `eval()` the output of an `nn.Linear` whose parameters require grad still has a
    `grad_fn`; inside `torch.no_grad()` it has none.

    `eval()` changes only how layers such as dropout and BatchNorm behave.
    """
    net = nn.Linear(2, 1).eval()
    recorded = net(torch.ones(1, 2))
    with torch.no_grad():
        unrecorded = net(torch.ones(1, 2))

    assert recorded.grad_fn.name() == "AddmmBackward0"
    assert unrecorded.grad_fn is None


def test_each_call_of_a_network_builds_a_new_graph_on_the_same_ends():
    """`a, b = net(x), net(x)` with a new `net = nn.Linear(2, 1)` and `x = torch.ones(1, 2)`
    builds two graphs that end in the same `AccumulateGrad` node of the bias: `a.backward()`
    and `b.backward()` each add 1 to `net.bias.grad`.
    """
    net = nn.Linear(2, 1)
    x = torch.ones(1, 2)
    a, b = net(x), net(x)

    assert a.grad_fn is not b.grad_fn
    assert a.grad_fn.next_functions[0][0] is b.grad_fn.next_functions[0][0]
    a.backward()
    assert net.bias.grad.tolist() == [1.0]
    b.backward()
    assert net.bias.grad.tolist() == [2.0]
    assert net.weight.grad.tolist() == [[2.0, 2.0]]
