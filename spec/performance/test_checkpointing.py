"""Activation checkpointing: memory for time.

Autograd keeps the intermediate results of the forward pass, the activations, until `backward()`
needs them. `torch.utils.checkpoint.checkpoint(f, x, use_reentrant=False)` runs `f` and keeps only
its inputs; in the backward pass it runs `f` a second time to have the activations back. A net whose
blocks are checkpointed needs memory for the inputs of the blocks and the inside of one block, and
computes every block twice. The word has nothing to do with the checkpoints that save a training
(`spec/training/test_checkpoints.py`).

There are two implementations. `use_reentrant=False` is the recommended one; `True`, the older one
and still the default, runs the block without gradients first and has limits that are told below.

What surprises: what a block does besides computing, such as updating running statistics or
printing, it does twice. What autograd saves is told in `spec/autograd/test_saved_tensors.py`.
"""

import functools

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

pytestmark = [
    pytest.mark.torch(">=2.0"),
    # What PyTorch 2.4 says of its own call.
    pytest.mark.filterwarnings("ignore:`torch.cpu.amp.autocast:FutureWarning"),
]


def test_gradients_are_those_without_checkpointing():
    """For the block `(x**2).sin()` of a float32 `x` that requires grad,
    `checkpoint(block, x, use_reentrant=False)` returns the same values as `block(x)`, and
    `backward()` of their sum gives the same gradient.

    The same holds for other blocks without random numbers and side effects, if their operations
    are deterministic.
    """

    def block(x):
        return (x**2).sin()

    x = torch.tensor([0.5, 1.0], requires_grad=True)
    plain = block(x)
    (expected,) = torch.autograd.grad(plain.sum(), x)

    output = checkpoint(block, x, use_reentrant=False)
    output.sum().backward()

    assert torch.equal(output, plain) is True
    assert torch.equal(x.grad, expected) is True


@pytest.mark.torch(">=2.1")
def test_only_the_input_of_the_block_is_kept():
    """Counted by `saved_tensors_hooks`, a function `f` of five `sin` in a row saves five
    tensors of 4,000 bytes for a float32 `x` of 1000 elements that requires grad;
    `checkpoint(f, x, use_reentrant=False)` saves 4,000 bytes in all, those of `x`.
    """
    sizes = []

    def pack(tensor):
        sizes.append(tensor.numel() * tensor.element_size())
        return tensor

    def block(x):
        for _ in range(5):
            x = x.sin()
        return x

    x = torch.ones(1000, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        block(x)
        plain = list(sizes)
        sizes.clear()
        checkpoint(block, x, use_reentrant=False)

    assert plain == [4000, 4000, 4000, 4000, 4000]
    assert sum(sizes) == 4000


def test_the_block_runs_twice():
    """`checkpoint(block, x, use_reentrant=False)`, with `block` returning `x.sin().exp()`
    and an `x` that requires grad, calls `block` once, and `y.sum().backward()` of the
    result `y` calls it again.

    A block that saves no tensors, such as `x + 1`, isn't run again.
    """
    runs = []

    def block(x):
        runs.append("run")
        return x.sin().exp()

    x = torch.ones(3, requires_grad=True)
    y = checkpoint(block, x, use_reentrant=False)
    forward = len(runs)
    y.sum().backward()

    assert forward == 1
    assert len(runs) == 2

    def shift(x):
        runs.append("shift")
        return x + 1

    checkpoint(shift, x, use_reentrant=False).sum().backward()
    assert runs == ["run", "run", "shift"]


def test_batch_norm_counts_a_checkpointed_batch_twice():
    """`checkpoint(norm, x, use_reentrant=False)` of `norm = nn.BatchNorm1d(2)` in training
    mode runs `norm` in the call and again in `backward()`: `norm.num_batches_tracked` is 1
    after the call and 2 after `backward()`.
    """
    norm = nn.BatchNorm1d(2)
    x = torch.randn(4, 2, requires_grad=True)

    y = checkpoint(norm, x, use_reentrant=False)
    forward = norm.num_batches_tracked.item()
    y.sum().backward()

    assert forward == 1
    assert norm.num_batches_tracked.item() == 2


def test_dropout_drops_the_same_elements_in_both_runs():
    """`checkpoint(f, x, use_reentrant=False)` sets the CPU's default random generator back before
    the backward pass runs `f` again: dropout of a CPU tensor drops the same elements. With
    `preserve_rng_state=False` the generator is not set back.

    `checkpoint` also sets back the generator of the GPU on which an input is. Random numbers from
    NumPy or from a `torch.Generator` of one's own differ in the second run: where such numbers
    multiply the input, the gradient is wrong.
    """

    def drop(x):
        return torch.dropout(x, 0.5, True)

    x = torch.ones(64, requires_grad=True)
    y = checkpoint(drop, x, use_reentrant=False)
    (same,) = torch.autograd.grad(y.sum(), x)
    z = checkpoint(drop, x, use_reentrant=False, preserve_rng_state=False)
    (other,) = torch.autograd.grad(z.sum(), x)

    assert torch.equal(same, y) is True
    assert torch.equal(other, z) is False


@pytest.mark.torch(">=2.3")
def test_not_saying_which_implementation_is_warned_of():
    """Since PyTorch 2.3, `checkpoint(f, x)` without `use_reentrant` issues a
    UserWarning, "the use_reentrant parameter should be passed explicitly", and uses `True`.

    Write `use_reentrant=False`.
    """
    x = torch.ones(1, requires_grad=True)

    with pytest.warns(UserWarning, match="use_reentrant parameter should be passed explicitly"):
        y = checkpoint(torch.exp, x)

    assert type(y.grad_fn).__name__ == "CheckpointFunctionBackward"


def test_the_reentrant_one_needs_an_input_that_requires_grad():
    """`checkpoint(layer, x, use_reentrant=True)` with an `x` that doesn't require grad gives no
    gradients to the parameters, and warns, "None of the inputs have requires_grad=True. Gradients
    will be None".

    With `use_reentrant=False` the parameters get gradients. The first block of a net, whose input
    is data, is the usual case.
    """
    layer = nn.Linear(2, 1)
    x = torch.ones(1, 2)

    with pytest.warns(UserWarning, match="None of the inputs have requires_grad=True. Gradients"):
        reentrant = checkpoint(layer, x, use_reentrant=True)
    recommended = checkpoint(layer, x, use_reentrant=False)

    assert reentrant.requires_grad is False
    assert recommended.requires_grad is True


def test_the_reentrant_one_takes_backward_only():
    """For `y = checkpoint(torch.exp, x, use_reentrant=True)` of a float32 `x` of one
    element that requires grad, `torch.autograd.grad(y, x)` raises RuntimeError; with
    `use_reentrant=False` it returns the gradient.

    The message is "is incompatible with .grad() or passing an `inputs` parameter", in older
    releases "is not compatible with .grad() or". `y.backward()` without `inputs` works too.
    """
    x = torch.ones(1, requires_grad=True)
    reentrant = checkpoint(torch.exp, x, use_reentrant=True)
    recommended = checkpoint(torch.square, x, use_reentrant=False)

    with pytest.raises(RuntimeError, match=r"(incompatible|not compatible) with \.grad\(\) or"):
        torch.autograd.grad(reentrant, x)
    assert torch.autograd.grad(recommended, x)[0].item() == 2.0


def test_the_reentrant_one_takes_no_keyword_arguments():
    """`checkpoint(block, x, scale=2.0, use_reentrant=True)` raises ValueError, "Unexpected
    keyword arguments: scale"; with `use_reentrant=False` the block gets `scale=2.0`.
    """

    def block(x, scale=1.0):
        return x * scale

    x = torch.ones(1, requires_grad=True)

    with pytest.raises(ValueError, match="Unexpected keyword arguments: scale"):
        checkpoint(block, x, scale=2.0, use_reentrant=True)
    assert checkpoint(block, x, scale=2.0, use_reentrant=False).item() == 2.0


@pytest.mark.torch(">=2.1")
def test_a_second_run_that_saves_other_tensors_is_refused():
    """A block under `checkpoint(block, x, use_reentrant=False)` that saves fewer tensors in its
    second run raises CheckpointError in `backward()`, "A different number of tensors was saved
    during the original forward and recomputation."

    A counter, a cache or a decision by Python's `random` in the block is the usual reason;
    `torch.rand` by default repeats its numbers in the second run.
    `checkpoint(block, x, use_reentrant=False, debug=True)` names the operations of both runs in
    the message.
    """
    runs = []

    def block(x):
        runs.append("run")
        return x.sin().exp() if len(runs) == 1 else x.sin()

    x = torch.ones(3, requires_grad=True)
    y = checkpoint(block, x, use_reentrant=False)

    with pytest.raises(
        torch.utils.checkpoint.CheckpointError,
        match="A different number of tensors was saved during the original forward",
    ):
        y.sum().backward()


@pytest.mark.torch(">=2.1")
def test_a_second_run_that_saves_another_tensor_of_the_same_shape_is_not_noticed():
    """For `x = torch.ones(1, requires_grad=True)`, `factor = torch.tensor([3.0])` and a `block(x)`
    that returns `x * (factor * 1)`: `y = checkpoint(block, x, use_reentrant=False)`,
    `factor.fill_(5.0)`, `y.backward()` make `x.grad` 5.0, not 3.0.

    Because `backward()` runs `block` again, with the new `factor`, and compares the shapes, dtypes
    and devices of the saved tensors with those of the first run, not the values. Give `factor` to
    `block` as a positional argument of `checkpoint`: then `backward()` raises RuntimeError, "has
    been modified by an inplace operation".
    """
    factor = torch.tensor([3.0])

    def block(x):
        return x * (factor * 1)

    x = torch.ones(1, requires_grad=True)
    y = checkpoint(block, x, use_reentrant=False)
    factor.fill_(5.0)
    y.backward()

    assert y.item() == 3.0
    assert x.grad.item() == 5.0

    y = checkpoint(lambda x, factor: x * (factor * 1), x, factor, use_reentrant=False)
    factor.fill_(7.0)
    with pytest.raises(RuntimeError, match="has been modified by an inplace operation"):
        y.backward()


@pytest.mark.torch(">=2.1")
def test_a_second_run_with_another_dtype_is_refused():
    """If `f` in `checkpoint(f, x, use_reentrant=False)` saves a float32 tensor for backward, but a
    float64 one when `backward()` runs `f` again, CheckpointError says "Recomputed values for the
    following tensors have different metadata".

    `sin` saves its input, for instance. `determinism_check="none"` switches this comparison off.
    """
    runs = []

    def block(x):
        runs.append("run")
        return x.sin() if len(runs) == 1 else x.double().sin()

    x = torch.ones(3, requires_grad=True)
    y = checkpoint(block, x, use_reentrant=False)

    with pytest.raises(
        torch.utils.checkpoint.CheckpointError,
        match="Recomputed values for the following tensors have different metadata",
    ):
        y.sum().backward()

    runs.clear()
    checkpoint(block, x, use_reentrant=False, determinism_check="none").sum().backward()
    assert runs == ["run", "run"]
    assert x.grad.tolist() == pytest.approx([0.5403] * 3, abs=1e-4)


@pytest.mark.torch(">=2.1")
def test_the_second_run_stops_early():
    """If `block` has the lines `y = x.sin().exp()` and `return y + 1`, the backward pass of
    `checkpoint(block, x, use_reentrant=False)` reruns only the first; called in
    `with set_checkpoint_early_stop(False):`, it reruns both.

    Because `y + 1` saves no tensor for the backward pass. The setting counts when `checkpoint` is
    called, not when `backward` runs.
    """
    from torch.utils.checkpoint import set_checkpoint_early_stop

    ends = []

    def block(x):
        y = x.sin().exp()
        ends.append("end")
        return y + 1

    x = torch.ones(3, requires_grad=True)
    y = checkpoint(block, x, use_reentrant=False)
    y.sum().backward()
    stopped_early = len(ends)
    with set_checkpoint_early_stop(False):
        z = checkpoint(block, x, use_reentrant=False)
    z.sum().backward()

    assert stopped_early == 1
    assert len(ends) - stopped_early == 2


@pytest.mark.spare("2", reason="both layers of the last segment")
def test_a_sequential_is_checkpointed_in_segments():
    """`checkpoint_sequential(net, 2, x, use_reentrant=False)` divides an `nn.Sequential` `net`
    of four layers into two segments: the first is checkpointed, the last runs as usual.
    """
    runs = []
    net = nn.Sequential(*(nn.Linear(2, 2) for _ in range(4)))
    for number, layer in enumerate(net):
        layer.register_forward_hook(lambda *_, number=number: runs.append(number))
    x = torch.ones(1, 2, requires_grad=True)

    y = checkpoint_sequential(net, 2, x, use_reentrant=False)
    forward = list(runs)
    runs.clear()
    y.sum().backward()

    assert forward == [0, 1, 2, 3]
    assert 0 in runs
    assert 2 not in runs


def test_nothing_is_kept_without_gradients():
    """Inside `torch.no_grad()` `checkpoint(torch.exp, x, use_reentrant=False)` of
    `x = torch.ones(1, requires_grad=True)` runs the function once, and the result does not require
    grad.
    """
    runs = []

    def block(x):
        runs.append("run")
        return x.exp()

    x = torch.ones(1, requires_grad=True)

    with torch.no_grad():
        y = checkpoint(block, x, use_reentrant=False)

    assert y.requires_grad is False
    assert len(runs) == 1


@pytest.mark.torch(">=2.5")
def test_chosen_operations_are_kept():
    """In `checkpoint(lambda w: (w @ w).sin().exp(), w, use_reentrant=False, context_fn=c)` of a
    2-D `w`, a `c` made of `create_selective_checkpoint_contexts` and a policy that saves `aten.mm`
    keeps `w @ w`: `backward()` doesn't compute it again.

    Write `c = functools.partial(create_selective_checkpoint_contexts, policy)`.
    `policy(context, operation, *args, **kwargs)` returns `CheckpointPolicy.MUST_SAVE` for
    `torch.ops.aten.mm.default`, the product of two matrices, and
    `CheckpointPolicy.PREFER_RECOMPUTE` for other operations. The product of a 3-D `w` is another
    operation, `torch.ops.aten.bmm.default`: this policy lets it be computed again. The names come
    from `torch.utils.checkpoint`.
    """
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts

    class Calls(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            calls.append(str(function))
            return function(*args, **(kwargs or {}))

    def policy(context, operation, *args, **kwargs):
        if operation is torch.ops.aten.mm.default:
            return CheckpointPolicy.MUST_SAVE
        return CheckpointPolicy.PREFER_RECOMPUTE

    def block(w):
        return (w @ w).sin().exp()

    calls = []
    contexts = functools.partial(create_selective_checkpoint_contexts, policy)
    w = torch.ones(2, 2, requires_grad=True)
    counts = []
    for options in ({}, {"context_fn": contexts}):
        y = checkpoint(block, w, use_reentrant=False, **options)
        calls.clear()
        with Calls():
            y.sum().backward()
        counts.append(calls.count("aten.mm.default"))
    batch = torch.ones(1, 2, 2, requires_grad=True)
    z = checkpoint(block, batch, use_reentrant=False, context_fn=contexts)
    calls.clear()
    with Calls():
        z.sum().backward()

    # Two of them are the backward pass of the product.
    assert counts == [3, 2]
    assert calls.count("aten.bmm.default") == 3
