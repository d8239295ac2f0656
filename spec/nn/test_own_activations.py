"""Home-made activations.

Any function of tensors serves as an activation; as long as it is written with torch's operations
its derivative comes by itself. A sharp corner does no harm. A step does: it has a derivative
nearly everywhere, zero, and zero teaches nothing. Then a derivative can be made up.
"""

import pytest
import torch
from torch import nn


@pytest.mark.claim("self-own-activation")
def test_a_function_of_tensors_is_an_activation(device):
    """Written with torch's operations, a home-made activation needs nothing for its derivative."""

    def squared_relu(x):
        return x.clamp(min=0) ** 2

    x = torch.tensor([-1.0, 0.5, 3.0], device=device, requires_grad=True)
    y = squared_relu(x)
    y.sum().backward()

    assert y.tolist() == [0.0, 0.25, 9.0]
    assert x.grad.tolist() == [0.0, 1.0, 6.0]


@pytest.mark.claim("self-own-activation")
def test_an_activation_of_ones_own_is_a_layer_with_a_forward():
    """As a module a home-made activation stands in a `Sequential` like any other layer."""

    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(2.0))

        def forward(self, x):
            return self.scale * x.relu()

    net = nn.Sequential(nn.Identity(), Scaled())
    y = net(torch.tensor([-1.0, 3.0]))
    y.sum().backward()

    assert y.tolist() == [0.0, 6.0]
    assert [name for name, _ in net.named_parameters()] == ["1.scale"]
    assert net[1].scale.grad.item() == 3.0


@pytest.mark.claim("self-activation-must-differentiate")
def test_a_corner_needs_no_derivative(device):
    """ReLU has no derivative at 0, and the absolute value none either: both give 0 there."""
    x = torch.tensor([0.0], device=device, requires_grad=True)
    z = torch.tensor([0.0], device=device, requires_grad=True)

    torch.relu(x).sum().backward()
    z.abs().sum().backward()

    assert x.grad.tolist() == [0.0]
    assert z.grad.tolist() == [0.0]


@pytest.mark.claim("self-activation-must-differentiate")
def test_a_step_passes_the_gradient_zero(device):
    """A step has a derivative beside its jump, but it is 0: nothing is refused, nothing learned."""
    x = torch.tensor([-2.0, 3.0], device=device, requires_grad=True)

    y = torch.sign(x)
    y.sum().backward()

    assert y.tolist() == [-1.0, 1.0]
    assert x.grad.tolist() == [0.0, 0.0]


@pytest.mark.claim("self-activation-must-differentiate")
def test_a_step_learns_with_a_derivative_that_is_made_up(device):
    """A step learns if a Function of one's own passes the gradient on as it is."""

    class Step(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return (x > 0).to(x.dtype)

        @staticmethod
        def backward(ctx, gradient):
            return gradient

    weight = torch.tensor([-0.5], device=device, requires_grad=True)
    before = Step.apply(weight * 2)
    (before - 1).square().sum().backward()
    after = Step.apply((weight - 0.25 * weight.grad) * 2)

    assert before.tolist() == [0.0]
    assert weight.grad.tolist() == [-4.0]
    assert after.tolist() == [1.0]


def test_a_comparison_ends_the_graph():
    """`x > 0` is bool and leaves the graph: as an activation it cannot be trained through."""
    x = torch.tensor([1.0], requires_grad=True)
    y = (x > 0).float()

    assert y.requires_grad is False
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        y.sum().backward()


def test_an_activation_by_way_of_numpy_is_refused():
    """NumPy knows no gradient: `numpy()` on a tracked tensor names the way out, `detach()`."""
    x = torch.tensor([1.0], requires_grad=True)

    with pytest.raises(RuntimeError, match=r"Use tensor.detach\(\).numpy\(\) instead"):
        x.numpy()
    assert x.detach().numpy().tolist() == [1.0]


def test_where_chooses_between_two_formulas(device):
    """`torch.where` writes a function in pieces, and each piece gets its own gradient."""
    x = torch.tensor([-2.0, 2.0], device=device, requires_grad=True)

    y = torch.where(x > 0, x * x, 0.5 * x)
    y.sum().backward()

    assert y.tolist() == [-1.0, 4.0]
    assert x.grad.tolist() == [0.5, 4.0]


def test_the_piece_not_chosen_can_still_spoil_the_gradient(device):
    """`where` computes both pieces: the infinite slope of the other times 0 is `nan`."""
    x = torch.tensor([0.0], device=device, requires_grad=True)

    y = torch.where(x > 0, x.sqrt(), x)
    y.sum().backward()

    assert y.tolist() == [0.0]
    assert x.grad.isnan().tolist() == [True]
