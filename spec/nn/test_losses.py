"""Losses for numbers, and what losses share.

A loss takes the output of a network and the target and returns how far apart they are: by default
one number, a mean, from which `backward()` starts. Most losses come as a
module (`nn.MSELoss()`) and as a function (`F.mse_loss`), which compute the same. Losses for
classes are on `spec/nn/test_classification_losses.py`.

What surprises: `F.mse_loss` broadcasts output and target of different shapes, with a warning, into
a loss that means nothing; `reduction="none"` returns one loss per element, from which `backward()`
can't start if there are several; and `nn.MSELoss(output, target)` gives no loss, because the
constructor takes settings.
"""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn


@pytest.mark.claim("blitz-loss-takes-pair")
def test_a_loss_makes_one_number_of_output_and_target(device):
    """`nn.MSELoss()(output, target)` of two float32 tensors of the same shape returns a 0-d
    tensor, the mean of the squared differences; it is 0 for equal, finite and non-empty
    output and target.
    """
    output = torch.tensor([[1.0, 2.0], [3.0, 4.0]], device=device)
    target = torch.tensor([[1.0, 0.0], [3.0, 0.0]], device=device)

    loss = nn.MSELoss()(output, target)

    assert loss.shape == ()
    assert loss.item() == 5.0
    assert nn.MSELoss()(target, target).item() == 0.0


@pytest.mark.claim("blitz-mse-is-mean")
def test_mse_is_the_mean_of_the_squared_errors(device):
    """By default `nn.MSELoss` of a float32 output and a float32 target of the same shape
    squares each difference of their elements and divides the sum by the number of elements.

    All elements count, not the samples: for outputs [N, 10] it divides by 10 * N.
    """
    output = torch.tensor([1.0, 2.0, 3.0, 4.0], device=device)
    target = torch.tensor([1.0, 0.0, 4.0, 1.0], device=device)

    assert ((output - target) ** 2).tolist() == [0.0, 4.0, 1.0, 9.0]
    assert nn.MSELoss()(output, target).item() == 3.5


@pytest.mark.claim("blitz-losses-available")
@pytest.mark.parametrize(
    "name",
    """L1Loss MSELoss HuberLoss SmoothL1Loss CrossEntropyLoss NLLLoss BCELoss BCEWithLogitsLoss
    KLDivLoss PoissonNLLLoss GaussianNLLLoss CTCLoss HingeEmbeddingLoss MarginRankingLoss
    CosineEmbeddingLoss TripletMarginLoss SoftMarginLoss MultiMarginLoss""".split(),
)
def test_torch_ships_many_losses(name):
    """`torch.nn` has losses for numbers (`nn.L1Loss`), classes (`nn.NLLLoss`), probabilities
    (`nn.KLDivLoss`), pairs (`nn.MarginRankingLoss`) and triples (`nn.TripletMarginLoss`), as
    subclasses of `nn.Module`.
    """
    assert issubclass(getattr(nn, name), nn.Module)


@pytest.mark.parametrize(
    ("reduction", "loss"), [("mean", 3.5), ("sum", 14.0), ("none", [0, 4, 1, 9])]
)
def test_reduction_says_what_becomes_of_the_elements(reduction, loss):
    """For a non-empty float32 output and a float32 target of the same shape, `F.mse_loss` returns
    the mean of the squared differences with `reduction="mean"`, the default, their sum with
    `"sum"`, and one per element with `"none"`.
    """
    output = torch.tensor([1.0, 2.0, 3.0, 4.0])
    target = torch.tensor([1.0, 0.0, 4.0, 1.0])

    assert F.mse_loss(output, target, reduction=reduction).tolist() == loss
    assert F.mse_loss(output, target).item() == 3.5


def test_a_loss_without_reduction_has_no_backward():
    """If `loss = F.mse_loss(output, target, reduction="none")` has several elements and
    requires grad, `loss.backward()` raises RuntimeError, "grad can be implicitly created
    only for scalar outputs"; write `loss.sum().backward()`.
    """
    output = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = F.mse_loss(output, torch.zeros(2), reduction="none")

    with pytest.raises(
        RuntimeError, match="grad can be implicitly created only for scalar outputs"
    ):
        loss.backward()
    loss.sum().backward()

    assert output.grad.tolist() == [2.0, 4.0]
    F.mse_loss(output[:1], torch.zeros(1), reduction="none").backward()
    assert output.grad.tolist() == [4.0, 4.0]


def test_an_unknown_reduction_is_noticed_when_the_loss_is_called():
    """`nn.MSELoss(reduction="average")` raises nothing; calling it on two float32 tensors of the
    same shape raises ValueError, "average is not a valid value for reduction". Write "mean", "sum"
    or "none".
    """
    output, target = torch.tensor([3.0, 1.0]), torch.tensor([1.0, 1.0])
    loss = nn.MSELoss(reduction="average")

    with pytest.raises(ValueError, match="average is not a valid value for reduction"):
        loss(output, target)
    assert nn.MSELoss(reduction="mean")(output, target).item() == 2.0


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
    """For one float32 element with the error e, `nn.L1Loss` is |e| and `nn.MSELoss` e ** 2;
    `nn.SmoothL1Loss` and `nn.HuberLoss` are quadratic where |e| is below their `beta` or `delta`,
    1 by default, and linear above.

    So a single wrong target whose |e| is above `beta` or `delta` pulls an L1, smooth L1 or Huber
    fit less than one by MSE. With the default `reduction`, int64 inputs raise RuntimeError.
    """
    output = torch.tensor([0.5, 1.0, -3.0], device=device)

    assert loss(output, torch.zeros(3, device=device)).tolist() == values
    with pytest.raises(RuntimeError, match=r"mean\(\): could not infer|not implemented for 'Long'"):
        type(loss)()(torch.tensor([1], device=device), torch.tensor([3], device=device))


@pytest.mark.claim("blitz-target-reshape")
def test_a_target_of_ten_becomes_one_row():
    """`target.view(1, -1)` of a 1-D `target` of ten elements has the shape (1, 10), the same as
    ten outputs of a network for one image, so `nn.MSELoss` of the two broadcasts nothing.
    """
    output = torch.zeros(1, 10)
    target = torch.ones(10).view(1, -1)

    assert target.shape == output.shape == (1, 10)
    assert nn.MSELoss()(output, target).item() == 1.0


def test_a_target_of_another_shape_is_broadcast_with_a_warning():
    """`F.mse_loss` of a float32 output of shape [2, 1] and a float32 target of shape [2]
    broadcasts them to [2, 2] and issues a UserWarning: outputs 1, 3 and targets 1, 3 then have the
    mean loss 2 instead of 0.

    Write `output.squeeze(1)` or `target[:, None]`. By default Python shows a warning of the
    same text once per line of code, so that a training loop prints it once, and once more for a
    last batch of another size.
    """
    output = torch.tensor([[1.0], [3.0]])
    target = torch.tensor([1.0, 3.0])

    with pytest.warns(UserWarning, match="This will likely lead to incorrect results due to broad"):
        loss = F.mse_loss(output, target)

    assert loss.item() == 2.0
    assert F.mse_loss(output.squeeze(1), target).item() == 0.0


def test_a_target_that_cannot_be_broadcast_is_refused():
    """`F.mse_loss` of an output of shape [4] and a target of shape [3] raises RuntimeError,
    "The size of tensor a (4) must match the size of tensor b (3)", because these shapes
    can't be broadcast.

    Write `output[:3]`, or find the sample without a target. A UserWarning, "Using a target size",
    comes before the error.
    """
    output, target = torch.ones(4), torch.zeros(3)

    with (
        pytest.warns(UserWarning, match="Using a target size"),
        pytest.raises(
            RuntimeError, match=r"The size of tensor a \(4\) must match the size of tensor b \(3\)"
        ),
    ):
        F.mse_loss(output, target)
    assert F.mse_loss(output[:3], target).item() == 1.0


def test_a_loss_is_made_first_and_called_then():
    """`nn.MSELoss(output, target)` computes no loss: its arguments are outdated settings. Tensors
    of one element give a UserWarning; those of several raise RuntimeError, "Boolean value of
    Tensor".

    Write `nn.MSELoss()(output, target)` or `F.mse_loss(output, target)`.
    """
    with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated"):
        made = nn.MSELoss(torch.tensor(1.0), torch.tensor(3.0))

    assert isinstance(made, torch.Tensor) is False
    with pytest.raises(
        RuntimeError, match="Boolean value of Tensor with more than one value is ambiguous"
    ):
        nn.MSELoss(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    assert nn.MSELoss()(torch.tensor(1.0), torch.tensor(3.0)).item() == 4.0


def test_the_mean_of_an_empty_batch_is_nan():
    """`F.mse_loss` of two float32 tensors of shape [0] is NaN with the default mean, 0
    divided by 0, and 0 with `reduction="sum"`.
    """
    nothing = torch.zeros(0)

    assert math.isnan(F.mse_loss(nothing, nothing).item())
    assert F.mse_loss(nothing, nothing, reduction="sum").item() == 0.0


def test_integers_have_no_mean_squared_error():
    """`F.mse_loss(torch.tensor([1, 2]), torch.tensor([3, 4]))`, of int64 on a CPU, raises
    RuntimeError or its subclass NotImplementedError, '"mse_cpu" not implemented for
    'Long'': write `.float()` for both.
    """
    output, target = torch.tensor([1, 2], device="cpu"), torch.tensor([3, 4], device="cpu")

    with pytest.raises(RuntimeError, match=r"mse_cpu. not implemented for .Long"):
        F.mse_loss(output, target)
    assert F.mse_loss(output.float(), target.float()).item() == 4.0


@pytest.mark.torch("<2.12")
def test_a_target_of_another_float_dtype_used_to_fail_in_backward():
    """Before PyTorch 2.12 `backward()` of `F.mse_loss(output, target)` with a float32
    `output` that requires grad and a float64 `target` of the same shape raised
    RuntimeError, "Found dtype Double but expected Float".

    Convert the target first: `target.to(output.dtype)`. A float64 NumPy array `a` gives a float32
    target by `torch.from_numpy(a).float()`.
    """
    output = torch.tensor([1.0], requires_grad=True)
    loss = F.mse_loss(output, torch.tensor([3.0], dtype=torch.float64))

    with pytest.raises(RuntimeError, match="Found dtype Double but expected Float"):
        loss.backward()


@pytest.mark.torch(">=2.12")
def test_a_target_of_another_float_dtype_is_promoted():
    """Since PyTorch 2.12, for `output = torch.tensor([1.0], requires_grad=True)` and a
    float64 `target` of shape (1,), `loss = F.mse_loss(output, target)` is float64, and
    after `loss.backward()` `output.grad` is float32.

    `backward()` of `F.huber_loss` still raises, "Found dtype Double but expected Float"; convert
    the target with `target.to(output.dtype)`.
    """
    output = torch.tensor([1.0], requires_grad=True)
    loss = F.mse_loss(output, torch.tensor([3.0], dtype=torch.float64))
    loss.backward()

    assert loss.dtype == torch.float64
    assert output.grad.tolist() == [-4.0]
    assert output.grad.dtype == torch.float32
    with pytest.raises(RuntimeError, match="Found dtype Double but expected Float"):
        F.huber_loss(output, torch.tensor([3.0], dtype=torch.float64)).backward()


def test_a_triplet_loss_compares_three():
    """`nn.TripletMarginLoss(margin=1.0, eps=0.0)` of the anchor [[0.0]], the positive [[1.0]] and
    the negative [[1.5]] is 0.5: `max(0, p - n + 1)` with the distance p = 1 to the positive, n =
    1.5 to the negative. For [[6.0]] as negative it is 0.
    """
    anchor, near, far, farther = torch.tensor([[[0.0]], [[1.0]], [[1.5]], [[6.0]]])
    loss = nn.TripletMarginLoss(margin=1.0, eps=0.0)

    assert loss(anchor, near, far).item() == 0.5
    assert loss(anchor, near, farther).item() == 0.0
