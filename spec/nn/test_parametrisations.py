"""Parametrisations and pruning.

A parametrisation puts a module between a parameter and its use: `layer.weight` is then computed
from the parameter that is learnt, at each use. So weights are kept symmetric, orthogonal or
normalised. Pruning, in `torch.nn.utils.prune`, multiplies a weight by a mask of zeros and ones.

What surprises: the parameter has another name afterwards, in `named_parameters()` and in
`state_dict()`, and `layer.weight` is no parameter any more. Pruning makes nothing smaller or
faster: the zeros stay in a tensor of the old shape.
"""

import copy
import warnings

import pytest
import torch
import torch.nn.utils.parametrize as parametrize
from torch import nn
from torch.nn.utils import prune


def test_a_parametrisation_computes_the_weight_at_each_use():
    """After `torch.nn.utils.parametrize.register_parametrization(layer, "weight", Doubled())` on a
    new `nn.Linear`, with `Doubled` a module whose `forward` returns `weight * 2`, `layer.weight`
    is twice `layer.parametrizations.weight.original`.
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
    """After `register_parametrization(layer, "weight", module)`, `layer.weight = x` of a plain
    tensor `x` of the weight's dtype stores `module.right_inverse(x)`; without such a method it
    raises RuntimeError, "does not implement right_inverse".

    Write `right_inverse`, or copy the value that `module` is to transform with
    `layer.parametrizations.weight.original.copy_(...)` under `torch.no_grad()`. An `nn.Parameter`
    is refused, with KeyError, and where `right_inverse` returns another dtype than that of
    `original`, ValueError is raised.
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
    with pytest.raises(KeyError, match="attribute 'weight' already exists"):
        both_ways.weight = nn.Parameter(torch.tensor([[8.0]]))
    with pytest.raises(ValueError, match=r"has dtype torch\.float64 while `original` has"):
        both_ways.weight = torch.tensor([[8.0]], dtype=torch.float64)


def test_a_removed_parametrisation_leaves_its_value():
    """`torch.nn.utils.parametrize.remove_parametrizations(layer, "weight")` of an `nn.Linear`
    `layer` whose parametrized weight requires grad makes the computed weight an ordinary
    `nn.Parameter` named `weight` again.

    A frozen weight that is computed from two originals, as by
    `torch.nn.utils.parametrizations.weight_norm` (since PyTorch 2.1), becomes a buffer:
    `layer.parameters()` lacks it.

    With `leave_parametrized=False` the value of `layer.parametrizations.weight.original` is kept
    instead; with two originals that raises ValueError.
    """

    class Doubled(nn.Module):
        def forward(self, weight):
            return weight * 2

    layer = nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(3.0)
    parametrize.register_parametrization(layer, "weight", Doubled())
    parametrize.remove_parametrizations(layer, "weight")

    class Summed(nn.Module):
        def forward(self, first, second):
            return first + second

        def right_inverse(self, weight):
            return weight / 2, weight / 2

    frozen = nn.Linear(1, 1, bias=False).requires_grad_(False)
    parametrize.register_parametrization(frozen, "weight", Summed())
    parametrize.remove_parametrizations(frozen, "weight")

    assert type(layer.weight) is nn.Parameter
    assert layer.weight.tolist() == [[6.0]]
    assert [name for name, _ in layer.named_parameters()] == ["weight"]
    assert [name for name, _ in frozen.named_parameters()] == []
    assert [name for name, _ in frozen.named_buffers()] == ["weight"]


@pytest.mark.torch(">=2.1")
def test_weight_norm_learns_length_and_direction():
    """`nn.utils.parametrizations.weight_norm(layer)` splits the weight [[3, 4]] of an `nn.Linear`
    into two parameters: `original0`, the length of each row, is [[5]], and `original1`, its
    direction, is at first the row itself, [[3, 4]].

    The direction is divided by its own norm when the weight is computed, so that only the length
    decides the size. A row of zeros has no direction: its weights become nan.
    """
    layer = nn.Linear(2, 1, bias=False)
    layer.weight.data = torch.tensor([[3.0, 4.0]])
    nn.utils.parametrizations.weight_norm(layer)

    assert [(name, p.tolist()) for name, p in layer.named_parameters()] == [
        ("parametrizations.weight.original0", [[5.0]]),
        ("parametrizations.weight.original1", [[3.0, 4.0]]),
    ]
    assert layer.weight.flatten().tolist() == pytest.approx([3.0, 4.0])
    layer.parametrizations.weight.original1.data.fill_(0.0)
    assert layer.weight.isnan().tolist() == [[True, True]]


def test_the_older_weight_norm_warns_and_cannot_be_copied():
    """Right after `nn.utils.weight_norm(layer)` of an `nn.Linear`, with grad mode on,
    `copy.deepcopy(layer)` raises RuntimeError, "Only Tensors created explicitly by the user
    (graph leaves) support the deepcopy".

    Because its `weight` is computed by a hook and, requiring grad, is no leaf. A layer with
    `nn.utils.parametrizations.weight_norm` (since 2.1) can be copied; its parameters are named
    otherwise.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = nn.utils.weight_norm(nn.Linear(2, 1))

    assert sorted(layer.state_dict()) == ["bias", "weight_g", "weight_v"]
    assert layer.weight.is_leaf is False
    with pytest.raises(RuntimeError, match="Only Tensors created explicitly by the user"):
        copy.deepcopy(layer)


@pytest.mark.torch(">=2.4")
def test_the_older_weight_norm_names_its_successor():
    """Since PyTorch 2.4 `torch.nn.utils.weight_norm` issues a FutureWarning, "is deprecated in
    favor of `torch.nn.utils.parametrizations.weight_norm`".
    """
    with pytest.warns(FutureWarning, match="weight_norm` is deprecated in favor of `torch.nn.util"):
        layer = nn.utils.weight_norm(nn.Linear(2, 1))

    assert layer.weight_g.shape == (1, 1)


def test_spectral_norm_keeps_the_largest_singular_value_at_one():
    """`nn.utils.parametrizations.spectral_norm(layer)` divides the weight by an estimate of its
    largest singular value: a `layer.weight` of [[8, 0], [0, 2]] before this call is [[1, 0],
    [0, 1/4]] up to rounding after it.

    The estimate comes from a power iteration at each use in training mode, in two buffers `_u` and
    `_v`. If the estimate is good, an `nn.Linear` without bias makes no vector longer; an
    `nn.Conv2d` still may. Some discriminators of GANs use `spectral_norm`.
    """
    layer = nn.Linear(2, 2, bias=False)
    layer.weight.data = torch.tensor([[8.0, 0.0], [0.0, 2.0]])
    nn.utils.parametrizations.spectral_norm(layer)

    assert layer.weight.flatten().tolist() == pytest.approx([1.0, 0.0, 0.0, 0.25], abs=1e-4)
    assert sorted(layer.state_dict()) == [
        "parametrizations.weight.0._u",
        "parametrizations.weight.0._v",
        "parametrizations.weight.original",
    ]


def test_an_orthogonal_weight_stays_orthogonal_in_training():
    """With `layer = nn.utils.parametrizations.orthogonal(nn.Linear(3, 3))`,
    `layer.weight @ layer.weight.T` stays within 1e-3 of the identity after a step of `SGD`
    with `lr=0.5` on the loss `layer(torch.randn(4, 3)).pow(3).sum()`.

    Of a weight that is not square, the rows are orthonormal if they are fewer than the columns,
    else the columns.
    """
    layer = nn.utils.parametrizations.orthogonal(nn.Linear(3, 3))
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    before = layer.weight.detach().clone()

    layer(torch.randn(4, 3)).pow(3).sum().backward()
    optimizer.step()

    assert torch.equal(layer.weight, before) is False
    torch.testing.assert_close(layer.weight @ layer.weight.T, torch.eye(3), atol=1e-5, rtol=0)


def test_a_parametrisation_may_not_change_the_shape():
    """`parametrize.register_parametrization(nn.Linear(2, 2), "weight", module)` raises ValueError,
    "Registering a parametrization may not change the shape of the tensor", if `module(weight)` is
    `weight[:1]`; `unsafe=True` allows it.
    """

    class FirstRow(nn.Module):
        def forward(self, weight):
            return weight[:1]

    with pytest.raises(
        ValueError, match="Registering a parametrization may not change the shape of"
    ):
        parametrize.register_parametrization(nn.Linear(2, 2), "weight", FirstRow())

    layer = nn.Linear(2, 2, bias=False)
    parametrize.register_parametrization(layer, "weight", FirstRow(), unsafe=True)
    assert layer.weight.shape == (1, 2)


def test_a_weight_can_be_kept_symmetric():
    """A module for `register_parametrization` that returns `w.triu() + w.triu(1).mT` makes
    a square weight `w` symmetric at each use; below its diagonal the original weight gets
    the gradient 0.
    """

    class Symmetric(nn.Module):
        def forward(self, weight):
            return weight.triu() + weight.triu(1).mT

    layer = nn.Linear(2, 2, bias=False)
    layer.weight.data = torch.tensor([[1.0, 2.0], [9.0, 3.0]])
    parametrize.register_parametrization(layer, "weight", Symmetric())
    layer.weight.sum().backward()

    assert layer.weight.tolist() == [[1.0, 2.0], [2.0, 3.0]]
    assert layer.parametrizations.weight.original.grad.tolist() == [[1.0, 2.0], [0.0, 1.0]]


def test_cached_computes_a_parametrised_weight_once():
    """Outside `torch.nn.utils.parametrize.cached()` each use of a parametrised weight
    computes it anew; inside `with parametrize.cached():` it is computed at its first use
    only.

    This saves time where a layer is called at each step of a sequence, as `nn.RNNCell` is.
    """
    calls = []

    class Watched(nn.Module):
        def forward(self, weight):
            calls.append(weight)
            return weight

    layer = nn.Linear(2, 2)
    parametrize.register_parametrization(layer, "weight", Watched())

    calls.clear()
    for _ in range(3):
        layer(torch.ones(1, 2))
    assert len(calls) == 3

    calls.clear()
    with parametrize.cached():
        for _ in range(3):
            layer(torch.ones(1, 2))
    assert len(calls) == 1


def test_a_deep_copy_of_a_parametrised_layer_shares_its_cached_weight():
    """Inside `with torch.nn.utils.parametrize.cached():` a `layer` with a parametrised weight and
    `other = copy.deepcopy(layer)` share one cached weight: after `layer(x)`, `other(x)` uses the
    weight of `layer`, even if its own is different.

    In the other order `layer` uses the weight of `other`. The layers that `nn.TransformerEncoder`
    makes are such copies, too: leave `cached()` out for it.
    """

    class Doubled(nn.Module):
        def forward(self, weight):
            return weight * 2

    layer = nn.Linear(1, 1, bias=False)
    parametrize.register_parametrization(layer, "weight", Doubled())
    other = copy.deepcopy(layer)
    layer.parametrizations.weight.original.data.fill_(1.0)
    other.parametrizations.weight.original.data.fill_(5.0)
    x = torch.ones(1)

    assert (layer(x).item(), other(x).item()) == (2.0, 10.0)
    with parametrize.cached():
        assert (layer(x).item(), other(x).item()) == (2.0, 2.0)
    with parametrize.cached():
        assert (other(x).item(), layer(x).item()) == (10.0, 10.0)


def test_a_state_of_the_plain_layer_does_not_fit_a_parametrised_one():
    """An `nn.Linear(2, 2)` with a weight parametrised by
    `torch.nn.utils.parametrize.register_parametrization` refuses a plain one's state:
    `load_state_dict` raises RuntimeError, "Error(s) in loading state_dict for ParametrizedLinear".

    Because "weight" is unexpected and "parametrizations.weight.original" is missing ("original0",
    "original1" and so on, if `right_inverse` returns a tuple). With `strict=False` nothing is
    raised, and the weight is not loaded.
    """

    class Doubled(nn.Module):
        def forward(self, weight):
            return weight * 2

    layer = nn.Linear(2, 2)
    plain = nn.Linear(2, 2).state_dict()
    parametrize.register_parametrization(layer, "weight", Doubled())

    with pytest.raises(
        RuntimeError, match=r"Error\(s\) in loading state_dict for ParametrizedLinear"
    ):
        layer.load_state_dict(plain)
    assert layer.load_state_dict(plain, strict=False).unexpected_keys == ["weight"]

    assert parametrize.is_parametrized(layer, "weight") is True
    assert isinstance(layer, nn.Linear) is True


def test_pruning_masks_the_smallest_weights():
    """With a new `layer = nn.Linear(4, 1)` and `prune` from `torch.nn.utils`,
    `prune.l1_unstructured(layer, "weight", amount=2)` masks the two weights of smallest absolute
    value to 0; the parameter is now `layer.weight_orig`, without the mask.

    `amount` is a number of weights if it is an int, a fraction if it is a float.
    """
    layer = nn.Linear(4, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    prune.l1_unstructured(layer, "weight", amount=2)

    assert layer.weight.tolist() == [[0.0, -2.0, 0.0, 3.0]]
    assert layer.weight_mask.tolist() == [[0.0, 1.0, 0.0, 1.0]]
    assert layer.weight_orig.tolist() == [[1.0, -2.0, 0.5, 3.0]]
    assert [name for name, _ in layer.named_parameters()] == ["weight_orig"]
    assert sorted(layer.state_dict()) == ["weight_mask", "weight_orig"]


def test_a_pruned_weight_gets_no_gradient():
    """For `layer = nn.Linear(4, 1)`, after `prune.l1_unstructured(layer, "weight", amount=0.5)`
    from `torch.nn.utils`, `layer(torch.ones(4)).backward()` leaves 0 in
    `layer.weight_orig.grad` where `layer.weight_mask` is 0.

    Weight decay may still change these elements of `weight_orig`; in `layer.weight`, which the
    layer computes with, they stay 0, as the mask multiplies them.
    """
    layer = nn.Linear(4, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    prune.l1_unstructured(layer, "weight", amount=0.5)
    layer(torch.tensor([5.0, 6.0, 7.0, 8.0])).backward()

    assert layer.weight_orig.grad.tolist() == [[0.0, 6.0, 0.0, 8.0]]


def test_pruning_is_made_permanent_by_removing_it():
    """`prune.remove(layer, "weight")`, from `torch.nn.utils`, deletes `weight_mask` and
    `weight_orig` and keeps the zeros: after `prune.l1_unstructured(layer, "weight", amount=2)` on
    an `nn.Linear(4, 1)`, `weight` has 4 elements, two of them 0.

    Without the mask, the next step of an optimizer may change these zeros too.
    """
    layer = nn.Linear(4, 1, bias=False)
    layer.weight.data = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    prune.l1_unstructured(layer, "weight", amount=2)
    prune.remove(layer, "weight")

    assert list(layer.state_dict()) == ["weight"]
    assert layer.weight.tolist() == [[0.0, -2.0, 0.0, 3.0]]
    assert layer.weight.numel() == 4
