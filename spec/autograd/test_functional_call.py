"""Calling a module with other parameters: `torch.func.functional_call`.

`functional_call(module, parameters, arguments)` runs a module's `forward` as if its parameters were
those of a dict. The module keeps its own. So a network becomes a function of its weights, which can
be differentiated, changed by a step that itself is differentiated (meta-learning), or mapped by
`vmap`: over samples, for one gradient per sample, or over models, for an ensemble in one call.

What surprises: parameters that the dict leaves out are the module's own, and a misspelt name is
ignored, unless `strict=True`; batch norm in training mode writes to its buffers, so they have to
be handed over if the module's own shall stay; `stack_module_state` copies, so the models it was
given are not trained; and dropout inside `vmap` is refused until `randomness=` says what is meant.
`grad` and `vmap` are told in `spec/autograd/test_function_transforms.py`.
"""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import stateless

func = pytest.importorskip("torch.func", reason="there is no torch.func before 2.0")
functional_call, grad, vmap = func.functional_call, func.grad, func.vmap
stack_module_state = func.stack_module_state

pytestmark = pytest.mark.torch(">=2.0")


def test_functional_call_runs_a_module_with_other_parameters(device):
    """`torch.func.functional_call(layer, {"weight": w, "bias": b}, x)` of an `nn.Linear`
    computes `x @ w.T + b`, up to rounding, with the tensors of the dict, and leaves the
    parameters of the layer unchanged.
    """
    layer = nn.Linear(2, 1, device=device)
    weight, bias = layer.weight.clone(), layer.bias.clone()
    other = {
        "weight": torch.tensor([[1.0, 2.0]], device=device),
        "bias": torch.tensor([10.0], device=device),
    }

    answer = functional_call(layer, other, torch.tensor([[1.0, 1.0]], device=device))

    assert answer.tolist() == [[13.0]]
    assert torch.equal(layer.weight, weight)
    assert torch.equal(layer.bias, bias)


def test_several_arguments_are_a_tuple():
    """`torch.func.functional_call` takes several arguments of `forward` as a tuple, and
    keyword arguments as a dict after the tuple; a single tensor needs no tuple.
    """
    layer = nn.Bilinear(1, 1, 1, bias=False)
    weight = {"weight": torch.tensor([[[3.0]]])}
    two, five = torch.tensor([2.0]), torch.tensor([5.0])

    assert functional_call(layer, weight, (two, five)).tolist() == [30.0]
    assert functional_call(layer, weight, (two,), {"input2": five}).tolist() == [30.0]
    assert functional_call(nn.ReLU(), {}, two).tolist() == [2.0]


def test_names_left_out_are_the_modules_own_and_unknown_ones_are_passed_over():
    """`functional_call(layer, {"wieght": w}, x)` of an `nn.Linear` ignores the misspelt name
    and uses the layer's own parameters; with `strict=True` a misspelt name raises RuntimeError,
    and so does a parameter that the dict lacks.

    `functional_call(layer, {"head.weight": w}, x)` raises AttributeError, as the layer has no
    `head`.
    """
    layer = nn.Linear(1, 1)
    nn.init.constant_(layer.weight, 3.0)
    nn.init.constant_(layer.bias, 1.0)
    x = torch.tensor([[2.0]])

    misspelt = functional_call(layer, {"wieght": torch.tensor([[5.0]])}, x)

    assert misspelt.tolist() == [[7.0]]
    with pytest.raises(RuntimeError, match=r"Error\(s\) in reparametrizing for Linear"):
        functional_call(layer, {**dict(layer.named_parameters()), "wieght": x}, x, strict=True)
    with pytest.raises(RuntimeError, match=r"Error\(s\) in reparametrizing for Linear"):
        functional_call(layer, {"weight": torch.tensor([[5.0]])}, x, strict=True)
    with pytest.raises(AttributeError, match="Linear has no attribute `head`"):
        functional_call(layer, {"head.weight": torch.tensor([[5.0]])}, x)


def test_gradients_reach_the_tensors_of_the_dict(device):
    """With `layer = nn.Linear(1, 1)` and `w = torch.ones(1, 1, requires_grad=True)`,
    `functional_call(layer, {"weight": w}, torch.ones(2, 1)).sum().backward()` stores a gradient in
    `w.grad`; `layer.weight`, which `w` replaced, gets none.
    """
    layer = nn.Linear(1, 1, bias=False, device=device)
    weight = torch.tensor([[3.0]], device=device, requires_grad=True)

    functional_call(
        layer, {"weight": weight}, torch.tensor([[2.0]], device=device)
    ).sum().backward()

    assert weight.grad.tolist() == [[2.0]]
    assert layer.weight.grad is None


def test_a_step_inside_the_graph_can_be_differentiated():
    """For `layer = nn.Linear(1, 1, bias=False)` with weight `w` and
    `g = torch.autograd.grad(layer(x).pow(2).sum(), w, create_graph=True)[0]`, backward from
    `functional_call(layer, {"weight": w - 0.25 * g}, x).sum()` reaches `w` through `g` too.

    For `x = torch.ones(1, 1)` `w.grad` is 0.5, because `g` is `2 * w`; with `g.detach()` in its
    place it is 1. The meta-learning method MAML needs this. By default `optimizer.step()` can't be
    used for that: it writes in place, under `no_grad`.
    """
    layer = nn.Linear(1, 1, bias=False)
    nn.init.constant_(layer.weight, 3.0)
    x = torch.tensor([[1.0]])

    inner = layer(x).pow(2).sum()
    (gradient,) = torch.autograd.grad(inner, layer.weight, create_graph=True)
    adapted = layer.weight - 0.25 * gradient
    functional_call(layer, {"weight": adapted}, x).sum().backward()

    assert adapted.tolist() == [[1.5]]
    assert layer.weight.grad.tolist() == [[0.5]]


def test_buffers_that_are_handed_over_are_written_instead_of_the_modules():
    """`functional_call(norm, (parameters, buffers), x)` of an `nn.BatchNorm1d(1)` in training
    mode, with (2, 1) `x` and a dict `buffers` of clones, updates the running statistics in
    `buffers`, not in `norm`; without `buffers`, those in `norm`.
    """
    norm = nn.BatchNorm1d(1)
    buffers = {name: buffer.clone() for name, buffer in norm.named_buffers()}
    x = torch.tensor([[0.0], [10.0]])

    functional_call(norm, (dict(norm.named_parameters()), buffers), x)

    assert norm.running_mean.tolist() == [0.0]
    assert buffers["running_mean"].tolist() == [0.5]

    functional_call(norm, dict(norm.named_parameters()), x)

    assert norm.running_mean.tolist() == [0.5]


def test_a_gradient_for_each_sample_of_a_network():
    """`vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, y)`, where `loss` returns a 0-d
    tensor and calls an `nn.Linear` by `functional_call` with the dict `parameters`, gives a dict
    of each sample's gradients, stacked in a new dimension 0.

    Within `vmap`, `loss` sees one sample without a batch dimension: `x[None]` adds one, for a
    module that needs it. For a loss that is a plain mean over the batch, as `F.mse_loss` is, the
    mean of these gradients is what `backward()` gives, up to rounding. `F.cross_entropy` with
    `weight` or `ignore_index` divides by another number than the batch size, and there it is not.
    """
    layer = nn.Linear(2, 1)
    x, y = torch.randn(4, 2), torch.randn(4, 1)
    parameters = {name: each.detach() for name, each in layer.named_parameters()}

    def loss(parameters, x, y):
        return F.mse_loss(functional_call(layer, parameters, (x[None],)), y[None])

    gradients = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, x, y)
    F.mse_loss(layer(x), y).backward()

    assert gradients["weight"].shape == (4, 1, 2)
    assert gradients["bias"].shape == (4, 1)
    torch.testing.assert_close(gradients["weight"].mean(0), layer.weight.grad)


def test_stacked_models_are_an_ensemble_in_one_call():
    """`torch.func.stack_module_state(models)` of three new `nn.Linear(2, 1)` stacks their
    weights to shape (3, 1, 2); `vmap` of a function with `functional_call` over that first
    dimension computes all three outputs in one call.

    With a function of `(parameters, buffers, x)`, `in_dims=(0, 0, None)` gives each model the same
    `x`, and `in_dims=(0, 0, 0)` gives each its own.
    """
    models = [nn.Linear(2, 1) for _ in range(3)]
    parameters, buffers = stack_module_state(models)
    skeleton = copy.deepcopy(models[0]).to("meta")
    x = torch.randn(5, 2)

    def one(parameters, buffers, x):
        return functional_call(skeleton, (parameters, buffers), (x,))

    answers = vmap(one, in_dims=(0, 0, None))(parameters, buffers, x)

    assert parameters["weight"].shape == (3, 1, 2)
    assert answers.shape == (3, 5, 1)
    torch.testing.assert_close(answers[2], models[2](x))


def test_a_stack_is_a_copy_that_is_trained_itself():
    """After `parameters, buffers = stack_module_state(models)` of trainable models, the
    stacked `parameters` are copies, and leaves: an optimizer given `parameters.values()`
    trains them, and the models that were stacked do not change.
    """
    models = [nn.Linear(1, 1, bias=False) for _ in range(2)]
    for model in models:
        nn.init.constant_(model.weight, 3.0)
    parameters, buffers = stack_module_state(models)
    optimizer = torch.optim.SGD(parameters.values(), lr=1.0)

    def one(parameters, buffers, x):
        return functional_call(models[0], (parameters, buffers), (x,))

    x = torch.tensor([[[1.0]], [[2.0]]])
    vmap(one)(parameters, buffers, x).sum().backward()
    optimizer.step()

    assert parameters["weight"].flatten().tolist() == [2.0, 1.0]
    assert [model.weight.item() for model in models] == [3.0, 3.0]


def test_models_of_different_shape_or_class_cannot_be_stacked():
    """`torch.func.stack_module_state` raises RuntimeError for
    `[nn.Linear(1, 1), nn.ReLU()]`, "Expected all models to be of the same class", and for
    `[nn.Linear(1, 1), nn.Linear(2, 1)]`, "stack expects each tensor to be equal size".

    Of the modules only the outermost class and the outermost train or eval mode are compared: an
    `nn.Sequential` with one layer more at its end than the first is accepted, and that layer is
    ignored. With the longer one first, it raises KeyError.
    """
    with pytest.raises(RuntimeError, match="Expected all models to be of the same class"):
        stack_module_state([nn.Linear(1, 1), nn.ReLU()])
    with pytest.raises(
        RuntimeError, match="Expected all models to have the same training/eval mode"
    ):
        stack_module_state([nn.Linear(1, 1), nn.Linear(1, 1).eval()])
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size"):
        stack_module_state([nn.Linear(1, 1), nn.Linear(2, 1)])

    short = nn.Sequential(nn.Linear(1, 1))
    long = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    parameters, _ = stack_module_state([short, long])
    assert list(parameters) == ["0.weight", "0.bias"]
    with pytest.raises(KeyError, match=r"1\.weight"):
        stack_module_state([long, short])


def test_vmap_wants_to_know_what_randomness_means():
    """With `x = torch.ones(2, 100)`, `torch.func.vmap(F.dropout)(x)` raises RuntimeError,
    "called random operation while in randomness error mode"; with `randomness="different"`,
    `vmap` draws a mask for each row, with `"same"` one for both.
    """
    x = torch.ones(2, 100)

    with pytest.raises(RuntimeError, match="vmap: called random operation while in randomness err"):
        vmap(F.dropout)(x)

    same = vmap(F.dropout, randomness="same")(x)
    different = vmap(F.dropout, randomness="different")(x)
    first, second = same
    assert torch.equal(first, second) is True
    first, second = different
    assert torch.equal(first, second) is False


def test_batch_norm_in_vmap_must_not_update_shared_statistics():
    """`torch.func.vmap(norm)(x)` of `norm = nn.BatchNorm1d(2)` in training mode, with float32 `x`
    of shape (4, 3, 2), raises RuntimeError, as its running statistics can't be updated by each
    entry: use `norm.eval()` or `track_running_stats=False`.

    `torch.func.replace_all_batch_norm_modules_(net)` switches the statistics off in a network.
    """
    x = torch.randn(4, 3, 2)
    norm = nn.BatchNorm1d(2)

    with pytest.raises(
        RuntimeError, match="Batch norm got a batched tensor as input while the runn"
    ):
        vmap(norm)(x)

    assert vmap(norm.eval())(x).shape == (4, 3, 2)
    norm.train()
    torch.func.replace_all_batch_norm_modules_(norm)
    assert norm.running_mean is None
    assert vmap(norm)(x).shape == (4, 3, 2)


def test_vmap_maps_tensors_and_hands_numbers_over_with_none():
    """`torch.func.vmap(torch.mul)(x, 2.0)` of `x = torch.tensor([1.0, 2.0])` raises ValueError,
    "We cannot vmap over non-Tensor arguments, please use None as the respective in_dim": write
    `vmap(torch.mul, in_dims=(0, None))(x, 2.0)`.
    """
    x = torch.tensor([1.0, 2.0])

    with pytest.raises(
        ValueError, match="We cannot vmap over non-Tensor arguments, please use None"
    ):
        vmap(torch.mul)(x, 2.0)

    assert vmap(torch.mul, in_dims=(0, None))(x, 2.0).tolist() == [2.0, 4.0]


def test_vmap_refuses_what_leaves_the_tensor_or_has_a_size_by_value():
    """`torch.func.vmap(lambda row: row[0].item())(x)` and, with a boolean mask,
    `torch.func.vmap(lambda row: row[row > 0].sum())(x)` raise RuntimeError for the matrix
    `x = torch.tensor([[1.0, -2.0], [3.0, 4.0]])`.

    Because `vmap`, by default, calls the function once for all rows, but a Python number, or a
    size that depends on the values, could differ from row to row. In place of the mask write
    `torch.where(row > 0, row, 0).sum()`.
    """
    x = torch.tensor([[1.0, -2.0], [3.0, 4.0]])

    with pytest.raises(RuntimeError, match=r"It looks like you're calling .item\(\) on a Tensor"):
        vmap(lambda row: row[0].item())(x)
    with pytest.raises(RuntimeError, match="vmap: We do not support batching operators that can"):
        vmap(lambda row: row[row > 0].sum())(x)

    positive = vmap(lambda row: torch.where(row > 0, row, 0.0).sum())(x)
    assert positive.tolist() == [1.0, 7.0]


def test_vmap_wants_mapped_dimensions_of_one_size():
    """`torch.func.vmap(torch.add)(x, y)` for `x` of shape (3,) and `y` of shape (2,) raises
    ValueError, "Expected all tensors to have the same size in the mapped dimension".

    `vmap(torch.add, in_dims=(0, None))(x, y)` maps over `x` only, and adds each of its elements
    to the whole `y`: the result has shape (3, 2).
    """
    with pytest.raises(ValueError, match="vmap: Expected all tensors to have the same size in the"):
        vmap(torch.add)(torch.ones(3), torch.ones(2))


def test_chunks_bound_the_memory_of_vmap():
    """`torch.func.vmap(f, chunk_size=2)(torch.arange(5))` maps over at most two entries at a time:
    it calls `f` three times. With an `f(x)` that returns `x * x` the result is [0, 1, 4, 9, 16],
    as without `chunk_size`.

    `chunk_size` bounds the memory where a whole batch does not fit. For a batch of size 0 `vmap`
    with `chunk_size` raises AssertionError, without it not.
    """
    calls = []

    def square(x):
        calls.append(x)
        return x * x

    assert vmap(square, chunk_size=2)(torch.arange(5)).tolist() == [0, 1, 4, 9, 16]
    assert len(calls) == 3


def test_the_older_functional_call_warns():
    """`torch.nn.utils.stateless.functional_call` issues a warning that it is deprecated as of
    PyTorch 2.0: use `torch.func.functional_call`, which takes the same positional arguments.
    """
    layer, weight = nn.Linear(1, 1, bias=False), {"weight": torch.tensor([[3.0]])}

    with pytest.warns(Warning, match=r"is deprecated as of PyTorch 2.0 and will be removed"):
        answer = stateless.functional_call(layer, weight, (torch.tensor([[2.0]]),))

    assert answer.tolist() == [[6.0]]
    assert functional_call(layer, weight, (torch.tensor([[2.0]]),)).tolist() == [[6.0]]
