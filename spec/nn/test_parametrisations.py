"""Parametrisations and pruning.

A parametrisation puts a module between a parameter and its use: `layer.weight` is then computed
from the parameter that is learnt, at each use. So weights are kept symmetric, orthogonal or
normalised. Pruning, in `torch.nn.utils.prune`, multiplies a weight by a mask of zeros and ones.

What surprises: the parameter has another name afterwards, in `named_parameters()` and in
`state_dict()`, and `layer.weight` is no parameter any more. Pruning makes nothing smaller or
faster: the zeros stay in a tensor of the old shape.
"""

import pytest
import torch
import torch.nn.utils.parametrize as parametrize
from torch import nn
from torch.nn.utils import prune


def test_a_parametrisation_computes_the_weight_at_each_use():
    """After one `register_parametrization(layer, "weight", module)`, `layer.weight` is
    `module(original)`; the learnt parameter is `layer.parametrizations.weight.original`.
    """

    class Doubled(nn.Module):
        def forward(self, weight):
            return weight * 2

    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(3.0)
    parametrize.register_parametrization(layer, "weight", Doubled())
    layer(torch.tensor([5.0])).backward()

    assert layer.weight.tolist() == [[6.0]]
    assert [name for name, _ in layer.named_parameters()] == ["parametrizations.weight.original"]
    assert layer.parametrizations.weight.original.tolist() == [[3.0]]
    assert layer.parametrizations.weight.original.grad.tolist() == [[10.0]]


def test_a_parametrised_weight_is_assigned_through_its_inverse():
    """Assigning to a parametrised weight calls the parametrisation's `right_inverse` to get the
    original; without that method it raises RuntimeError.
    """

    class Doubled(nn.Module):
        def forward(self, weight):
            return weight * 2

    class DoubledAndBack(Doubled):
        def right_inverse(self, weight):
            return weight / 2

    one_way, both_ways = nn.Linear(1, 1), nn.Linear(1, 1)
    parametrize.register_parametrization(one_way, "weight", Doubled())
    parametrize.register_parametrization(both_ways, "weight", DoubledAndBack())
    both_ways.weight = torch.tensor([[8.0]])

    assert both_ways.weight.tolist() == [[8.0]]
    assert both_ways.parametrizations.weight.original.tolist() == [[4.0]]
    with pytest.raises(RuntimeError, match="Doubled does not implement right_inverse"):
        one_way.weight = torch.tensor([[8.0]])


def test_a_removed_parametrisation_leaves_its_value():
    """`remove_parametrizations(layer, "weight")` makes the computed weight an ordinary
    parameter named `weight` again.

    With `leave_parametrized=False` the original value is kept instead.
    """

    class Doubled(nn.Module):
        def forward(self, weight):
            return weight * 2

    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(3.0)
    parametrize.register_parametrization(layer, "weight", Doubled())
    parametrize.remove_parametrizations(layer, "weight")

    assert type(layer.weight) is nn.Parameter
    assert layer.weight.tolist() == [[6.0]]
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


@pytest.mark.torch(">=2.1")
def test_weight_norm_learns_length_and_direction():
    """`nn.utils.parametrizations.weight_norm(layer)` splits each row of the weight into two
    parameters, its length (`original0`) and its direction (`original1`).

    The direction is divided by its own norm when the weight is computed, so that only the
    length decides the size.
    """
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[3.0, 4.0]])
    nn.utils.parametrizations.weight_norm(layer)

    assert [(name, p.tolist()) for name, p in layer.named_parameters()] == [
        ("parametrizations.weight.original0", [[5.0]]),
        ("parametrizations.weight.original1", [[3.0, 4.0]]),
    ]
    assert layer.weight.flatten().tolist() == pytest.approx([3.0, 4.0])


def test_pruning_masks_the_smallest_weights():
    """`prune.l1_unstructured(layer, "weight", amount=2)` sets the two weights of smallest
    absolute value to 0 by a mask; `weight_orig` keeps the original values.

    `amount` is a number of weights if it is an int, a fraction if it is a float.
    """
    layer = nn.Linear(4, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    prune.l1_unstructured(layer, "weight", amount=2)

    assert layer.weight.tolist() == [[0.0, -2.0, 0.0, 3.0]]
    assert layer.weight_mask.tolist() == [[0.0, 1.0, 0.0, 1.0]]
    assert layer.weight_orig.tolist() == [[1.0, -2.0, 0.5, 3.0]]
    assert sorted(layer.state_dict()) == ["weight_mask", "weight_orig"]


def test_a_pruned_weight_gets_no_gradient():
    """The gradient of `weight_orig` is 0 where the mask is 0: the hidden original values are
    not trained.

    Weight decay may still change them; the weight that is used stays 0, as the mask multiplies
    it.
    """
    layer = nn.Linear(4, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    prune.l1_unstructured(layer, "weight", amount=0.5)
    layer(torch.tensor([5.0, 6.0, 7.0, 8.0])).backward()

    assert layer.weight_orig.grad.tolist() == [[0.0, 6.0, 0.0, 8.0]]


def test_pruning_is_made_permanent_by_removing_it():
    """`prune.remove(layer, "weight")` removes mask and original and keeps the zeros: `weight`
    is a parameter of the same size as before.
    """
    layer = nn.Linear(4, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    prune.l1_unstructured(layer, "weight", amount=2)
    prune.remove(layer, "weight")

    assert list(layer.state_dict()) == ["weight"]
    assert layer.weight.tolist() == [[0.0, -2.0, 0.0, 3.0]]
    assert layer.weight.numel() == 4


def test_spectral_norm_divides_by_the_largest_singular_value():
    """`torch.nn.utils.parametrizations.spectral_norm(layer)` divides the weight by an estimate
    of its largest singular value, so that this becomes about 1. Each forward in training mode
    improves it.

    It keeps the discriminator of a GAN from changing too fast. In evaluation mode the estimate
    stays.
    """
    layer = nn.Linear(4, 4)
    layer.weight.data = torch.diag(torch.tensor([8.0, 4.0, 2.0, 1.0]))

    torch.nn.utils.parametrizations.spectral_norm(layer)
    for _ in range(20):
        layer(torch.zeros(1, 4))

    assert torch.linalg.matrix_norm(layer.weight, 2).item() == pytest.approx(1.0, abs=1e-3)
    assert layer.weight.diagonal().tolist() == pytest.approx([1, 0.5, 0.25, 0.125], abs=1e-3)


@pytest.mark.torch(">=2.4")
def test_the_old_weight_norm_is_deprecated():
    """`torch.nn.utils.weight_norm(layer)` issues a FutureWarning, "`torch.nn.utils.weight_norm`
    is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`"; its parameters are
    named `weight_g` and `weight_v`.

    The new one names them `parametrizations.weight.original0` and `original1`, which matters
    when a checkpoint is loaded.
    """
    with pytest.warns(
        FutureWarning, match=r"`torch.nn.utils.weight_norm` is deprecated in favor of"
    ):
        old = torch.nn.utils.weight_norm(nn.Linear(2, 2, bias=False))
    new = torch.nn.utils.parametrizations.weight_norm(nn.Linear(2, 2, bias=False))

    assert sorted(old.state_dict()) == ["weight_g", "weight_v"]
    assert sorted(new.state_dict()) == [
        "parametrizations.weight.original0",
        "parametrizations.weight.original1",
    ]
