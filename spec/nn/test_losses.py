"""Losses.

A loss takes what a net answered and what it should have answered, and returns one number that
says how far apart they are. Each is a short formula; the module (`nn.MSELoss()`) and the function
(`F.mse_loss`) are the same thing, and the module is made first and called then.

What surprises: `reduction` decides between one number and one per element, and shapes that do not
agree may be broadcast into a loss that means nothing.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim("blitz-loss-takes-pair")
def test_a_loss_makes_one_number_of_output_and_target(device):
    """A loss is called with the output and the target, and returns a single number."""
    output = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    target = torch.tensor([[1.0, 0.0], [3.0, 0.0]], device=device)

    loss = nn.MSELoss()(output, target)

    assert loss.shape == ()
    assert loss.item() == 5.0
    assert nn.MSELoss()(target, target).item() == 0.0


@pytest.mark.claim("blitz-losses-available")
@pytest.mark.parametrize(
    "name",
    """L1Loss MSELoss HuberLoss SmoothL1Loss CrossEntropyLoss NLLLoss BCELoss BCEWithLogitsLoss
    KLDivLoss PoissonNLLLoss GaussianNLLLoss CTCLoss HingeEmbeddingLoss MarginRankingLoss
    CosineEmbeddingLoss TripletMarginLoss SoftMarginLoss MultiMarginLoss""".split(),
)
def test_torch_ships_many_losses(name):
    """`torch.nn` has some twenty losses, for numbers, classes, probabilities, pairs and triples."""
    assert issubclass(getattr(nn, name), nn.Module)


@pytest.mark.claim("blitz-mse-is-mean")
def test_mse_is_the_mean_of_the_squared_errors(device):
    """`nn.MSELoss` squares each difference and divides the sum by the number of elements."""
    output = torch.tensor([1.0, 2.0, 3.0, 4.0], device=device)
    target = torch.tensor([1.0, 0.0, 4.0, 1.0], device=device)

    assert ((output - target) ** 2).tolist() == [0.0, 4.0, 1.0, 9.0]
    assert nn.MSELoss()(output, target).item() == 3.5


@pytest.mark.parametrize(
    ("reduction", "loss"), [("mean", 3.5), ("sum", 14.0), ("none", [0, 4, 1, 9])]
)
def test_reduction_says_what_becomes_of_the_elements(reduction, loss):
    """`"mean"` is the default, `"sum"` adds up, `"none"` keeps a loss for each element."""
    output = torch.tensor([1.0, 2.0, 3.0, 4.0])
    target = torch.tensor([1.0, 0.0, 4.0, 1.0])

    assert F.mse_loss(output, target, reduction=reduction).tolist() == loss


def test_an_unknown_reduction_is_noticed_when_the_loss_is_called():
    """The word is not looked at before the call, which names it."""
    loss = nn.MSELoss(reduction="average")

    with pytest.raises(ValueError, match="average is not a valid value for reduction"):
        loss(torch.ones(1), torch.ones(1))
    assert nn.MSELoss(reduction="mean")(torch.ones(1), torch.zeros(1)).item() == 1.0


def test_a_loss_without_reduction_has_no_backward():
    """`backward()` starts at one number: a loss of several elements has to be reduced first."""
    output = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = F.mse_loss(output, torch.zeros(2), reduction="none")

    with pytest.raises(RuntimeError, match="implicitly created only for scalar outputs"):
        loss.backward()
    loss.sum().backward()

    assert output.grad.tolist() == [2.0, 4.0]


@pytest.mark.claim("blitz-target-reshape")
def test_a_target_of_ten_becomes_one_row():
    """`view(1, -1)` gives a target of ten numbers the shape of a net's answer to one image."""
    output = torch.zeros(1, 10)
    target = torch.ones(10).view(1, -1)

    assert target.shape == output.shape == (1, 10)
    assert nn.MSELoss()(output, target).item() == 1.0


def test_a_target_of_another_shape_is_broadcast_with_a_warning():
    """A column against a row compares all pairs: a perfect answer gets a loss, and a warning."""
    output = torch.tensor([[1.0], [3.0]])
    target = torch.tensor([1.0, 3.0])

    with pytest.warns(UserWarning, match="This will likely lead to incorrect results due to broad"):
        loss = F.mse_loss(output, target)

    assert loss.item() == 2.0
    assert F.mse_loss(output.squeeze(1), target).item() == 0.0


def test_a_target_that_cannot_be_broadcast_is_refused():
    """Four outputs and three targets are no pairs at all."""
    output, target = torch.ones(4), torch.zeros(3)

    with (
        pytest.warns(UserWarning, match="Using a target size"),
        pytest.raises(RuntimeError, match=r"a \(4\) must match the size of tensor b \(3\)"),
    ):
        F.mse_loss(output, target)
    assert F.mse_loss(output[:3], target).item() == 1.0


def test_a_loss_is_made_first_and_called_then():
    """`nn.MSELoss(output, target)` makes a loss, with odd settings, and compares nothing."""
    with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated"):
        made = nn.MSELoss(torch.tensor(1.0), torch.tensor(3.0))

    assert isinstance(made, torch.Tensor) is False
    assert nn.MSELoss()(torch.tensor(1.0), torch.tensor(3.0)).item() == 4.0


@pytest.mark.torch("<2.5")
def test_a_target_of_another_float_dtype_used_to_fail_in_backward():
    """A float64 target made the loss float64, and `backward()` stumbled over it."""
    output = torch.tensor([1.0], requires_grad=True)
    loss = F.mse_loss(output, torch.tensor([3.0], dtype=torch.float64))

    with pytest.raises(RuntimeError, match="Found dtype Double but expected Float"):
        loss.backward()


@pytest.mark.torch(">=2.15")
def test_a_target_of_another_float_dtype_is_promoted():
    """A float64 target makes the loss float64; the gradient has the output's own dtype."""
    output = torch.tensor([1.0], requires_grad=True)
    loss = F.mse_loss(output, torch.tensor([3.0], dtype=torch.float64))
    loss.backward()

    assert loss.dtype == torch.float64
    assert output.grad.tolist() == [-4.0]
    assert output.grad.dtype == torch.float32


@pytest.mark.parametrize(
    ("loss", "values"),
    [
        (nn.L1Loss(reduction="none"), [0.5, 1.0, 3.0]),
        (nn.MSELoss(reduction="none"), [0.25, 1.0, 9.0]),
        (nn.SmoothL1Loss(reduction="none"), [0.125, 0.5, 2.5]),
        (nn.HuberLoss(reduction="none", delta=2.0), [0.125, 0.5, 4.0]),
    ],
)
def test_losses_for_numbers_differ_in_how_they_weigh_far_points(loss, values, device):
    """At errors 0.5, 1, 3: L1 grows like the error, MSE like its square, the others change over."""
    output = torch.tensor([0.5, 1.0, -3.0], device=device)

    assert loss(output, torch.zeros(3, device=device)).tolist() == values


def test_the_mean_of_an_empty_batch_is_nan():
    """Nothing divided by nothing is `nan`; the sum of no errors is 0."""
    nothing = torch.zeros(0)

    assert math.isnan(F.mse_loss(nothing, nothing).item())
    assert F.mse_loss(nothing, nothing, reduction="sum").item() == 0.0


def test_a_triplet_loss_compares_three():
    """Not every loss takes output and target: this one asks that a friend be nearer than a foe."""
    anchor, near, far, farther = torch.tensor([[[0.0]], [[1.0]], [[1.5]], [[6.0]]])
    loss = nn.TripletMarginLoss(margin=1.0, eps=0.0)

    assert loss(anchor, near, far).item() == 0.5
    assert loss(anchor, near, farther).item() == 0.0
