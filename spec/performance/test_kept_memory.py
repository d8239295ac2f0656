"""What keeps memory alive.

A tensor's memory is its storage, which is freed when nothing refers to it any more: neither a name,
nor a list, nor a view, nor the autograd graph of a result. So "my memory grows with each step"
means that something is still referred to. Mostly it is one of two: a view, which keeps all of the
storage it looks at, or a loss that was kept with its graph.

What surprises: ten elements of a large tensor keep all of it, `sys.getsizeof` does not count the
elements, a loss kept after `backward()` costs next to nothing while one kept without `backward()`
costs a whole forward pass.

Related pages: a file of a view holds the whole storage too (`spec/training/test_checkpoints.py`),
what autograd saves is told in `spec/autograd/test_saved_tensors.py`, how gradients are given back
in `spec/optim/test_zero_grad.py`, memory of a GPU in `spec/devices/test_memory.py`, and how to keep
fewer activations in `spec/performance/test_checkpointing.py`.
"""

import copy
import gc
import sys
import weakref

import pytest
import torch
from torch import nn

pytestmark = pytest.mark.torch(">=2.0")


def test_the_bytes_of_a_tensor_are_elements_times_their_size():
    """The elements of `x = torch.zeros(1000)` take `x.numel() * x.element_size()` bytes: 4,000 for
    1000 float32 elements. Those of the new tensor that `x.half()` returns take 2,000.
    """
    x = torch.zeros(1000)
    half = x.half()

    assert x.numel() * x.element_size() == 4000
    assert half.numel() * half.element_size() == 2000


def test_sys_getsizeof_does_not_count_the_elements():
    """`sys.getsizeof(x)` of `x = torch.zeros(n)` is the size of the Python object, the same
    for `n = 1` and `n = 1_000_000`; that of `x.untyped_storage()` is larger for the larger
    `n`.
    """
    small = torch.zeros(1)
    large = torch.zeros(1_000_000)

    assert sys.getsizeof(large) - sys.getsizeof(small) == 0
    assert (
        sys.getsizeof(large.untyped_storage()) - sys.getsizeof(small.untyped_storage()) == 3999996
    )


def test_a_small_view_keeps_a_large_storage():
    """`x[:10]` of `x = torch.zeros(1000)` keeps the storage of all 1000 elements, 4,000 bytes,
    also after `del x`; `x[:10].clone()` has 40 bytes of its own.

    Clone what you keep of a large tensor, such as one row of a batch. Where `x` requires grad,
    write `x[:10].detach().clone()`: a clone with a graph may keep what the graph has saved.
    """
    x = torch.zeros(1000)
    view = x[:10]
    cloned = x[:10].clone()
    del x

    assert view.untyped_storage().nbytes() == 4000
    assert cloned.untyped_storage().nbytes() == 40


@pytest.mark.spare("10", reason="a slice of any length")
def test_contiguous_does_not_free_a_large_storage():
    """`x[:10].contiguous()` of `x = torch.zeros(1000)` keeps the storage of all elements, 4,000
    bytes, because this slice is contiguous already; `x[::2].contiguous()` is a copy with a
    storage of its own.
    """
    x = torch.zeros(1000)

    assert x[:10].contiguous().untyped_storage().nbytes() == 4000
    assert x[::2].contiguous().untyped_storage().nbytes() == 2000


def test_deepcopy_of_a_view_copies_the_whole_storage():
    """With a float32 `x = torch.zeros(1000)`, `copy.deepcopy(x[:10])` copies the whole storage,
    4,000 bytes; `copy.deepcopy(nn.Parameter(x[:10]))` copies the 10 elements, as `x[:10].clone()`
    does.

    The storage is copied whole so that views of it, copied together as in
    `copy.deepcopy([x[:10], x[5:]])`, still share memory. A slice of a tensor that requires grad,
    made with grad mode on, is no leaf: `deepcopy` of it raises RuntimeError.
    """
    view = torch.zeros(1000)[:10]

    assert copy.deepcopy(view).untyped_storage().nbytes() == 4000
    assert copy.deepcopy(nn.Parameter(view)).untyped_storage().nbytes() == 40
    assert view.clone().untyped_storage().nbytes() == 40


def test_chunks_keep_the_tensor_that_they_were_cut_from():
    """One chunk of `x.split(100)` of a vector `x` of 1000 elements keeps the storage of all of `x`
    alive: dropping the other nine chunks frees nothing.
    """
    first = torch.zeros(1000).split(100)[0]

    assert first.shape == (100,)
    assert first.untyped_storage().nbytes() == 4000


def test_an_expanded_tensor_takes_the_memory_of_its_source():
    """`torch.zeros(1).expand(1000)` has 1000 elements in a storage of 4 bytes; its `contiguous()`
    has a storage of 4,000 bytes.
    """
    x = torch.zeros(1).expand(1000)

    assert x.numel() == 1000
    assert x.untyped_storage().nbytes() == 4
    assert x.contiguous().untyped_storage().nbytes() == 4000


def test_a_storage_is_freed_with_the_last_tensor():
    """`del x` frees nothing while a list still holds the `torch.Tensor`: the tensor is freed with
    its last reference.

    `gc.collect()` is needed only for objects that refer to each other in a circle.
    """
    x = torch.zeros(1000)
    alive = weakref.ref(x)
    kept = [x]

    del x
    held = alive() is not None
    kept.clear()

    assert held is True
    assert alive() is None


@pytest.mark.parametrize(
    ("keep", "alive"), [(lambda loss: loss, 4), (torch.Tensor.detach, 0), (torch.Tensor.item, 0)]
)
def test_a_list_of_losses_keeps_their_graphs(keep, alive):
    """A list of 4 losses `(hidden * hidden).sum()` keeps the tensors `hidden` of all 4 forward
    passes if `hidden` requires grad and `backward()` was not called on the losses; a list of
    `loss.detach()` or `loss.item()` keeps none.

    So an evaluation that collects losses outside `no_grad` can run out of memory.
    """
    weight = torch.ones(3, requires_grad=True)
    activations = []
    losses = []

    for _ in range(4):
        hidden = weight * 2
        loss = (hidden * hidden).sum()
        activations.append(weakref.ref(hidden))
        losses.append(keep(loss))
    del hidden, loss

    assert sum(each() is not None for each in activations) == alive


def test_a_running_sum_of_losses_keeps_their_graphs():
    """Until `backward()`, `total = total + loss` keeps the tensors that autograd saved for each
    loss that requires grad; `total = total + loss.item()` keeps none.

    A variable `loss` itself still keeps those of the last loss, until it is assigned anew.
    """
    weight = torch.ones(3, requires_grad=True)

    def alive_after(read):
        activations = []
        total = 0.0
        for _ in range(4):
            hidden = weight * 2
            activations.append(weakref.ref(hidden))
            total = total + read((hidden * hidden).sum())
        del hidden
        return sum(each() is not None for each in activations)

    assert alive_after(lambda loss: loss) == 4
    assert alive_after(lambda loss: loss.item()) == 0


def test_backward_frees_the_activations_of_a_kept_loss():
    """For a leaf `weight` that requires grad, `hidden = weight * 2` and
    `loss = (hidden * hidden).sum()`, `loss.backward()` and `del hidden` free `hidden`,
    though `loss` is kept; with `loss.backward(retain_graph=True)` it stays in memory.

    A `torch.autograd.Function` that stores a tensor as an attribute of `ctx`, not by
    `save_for_backward`, keeps it as long as the loss lives.
    """
    weight = torch.ones(3, requires_grad=True)

    def alive_after(**options):
        hidden = weight * 2
        loss = (hidden * hidden).sum()
        loss.backward(**options)
        activation = weakref.ref(hidden)
        del hidden
        return activation() is not None

    assert alive_after() is False
    assert alive_after(retain_graph=True) is True

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.x = x
            return x * x

        @staticmethod
        def backward(ctx, gradient):
            return 2 * ctx.x * gradient

    hidden = weight * 2
    loss = Square.apply(hidden).sum()
    loss.backward()
    activation = weakref.ref(hidden)
    del hidden
    assert activation().tolist() == [2.0, 2.0, 2.0]
    assert weight.grad.tolist() == [24.0, 24.0, 24.0]


def test_a_kept_output_keeps_the_graph_of_its_net():
    """With `weight = torch.ones(3, requires_grad=True)`, `hidden = weight * 2` and
    `output = hidden * hidden`, autograd keeps the tensor `hidden` in memory after `del hidden`,
    for the backward pass of `output`; in `torch.no_grad()` it is freed.

    That backward pass frees it, unless called with `retain_graph=True`, and so does `del output`.
    """
    weight = torch.ones(3, requires_grad=True)

    def alive_after():
        hidden = weight * 2
        output = hidden * hidden
        activation = weakref.ref(hidden)
        del hidden
        return activation() is not None, output.shape

    assert alive_after() == (True, (3,))
    with torch.no_grad():
        assert alive_after() == (False, (3,))


def test_validation_without_no_grad_saves_for_backward():
    """An `nn.Sequential` of `nn.Linear` and `nn.ReLU` saves as many tensors for `backward()` in
    a validation loop with `net.eval()` alone as in training; under `torch.no_grad()` it saves
    none.

    So validation may run out of memory: `eval()` switches layers such as dropout, not autograd.
    The saved tensors live as long as the output or a loss made of it: also in `total += loss`,
    where `loss.item()` would do.
    """
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    kept = []

    def keep(x):
        kept.append(x)
        return x

    with torch.autograd.graph.saved_tensors_hooks(keep, keep):
        net(torch.ones(5, 3))
    in_training = len(kept)
    net.eval()
    with torch.autograd.graph.saved_tensors_hooks(keep, keep):
        net(torch.ones(5, 3))
    in_both = len(kept)
    with torch.autograd.graph.saved_tensors_hooks(keep, keep), torch.no_grad():
        net(torch.ones(5, 3))

    assert in_training == 2
    assert in_both == 4
    assert len(kept) == 4


def test_zero_grad_frees_the_gradient():
    """`optimizer.zero_grad()` by default sets `.grad` of its parameters to None, which frees the
    memory of each gradient that nothing else refers to; with `set_to_none=False` the gradients
    stay, filled with zeros.
    """
    weight = nn.Parameter(torch.ones(1000))
    optimizer = torch.optim.SGD([weight], lr=0.5)

    weight.sum().backward()
    gradient = weakref.ref(weight.grad)
    optimizer.zero_grad(set_to_none=False)
    kept = gradient() is not None
    optimizer.zero_grad()

    assert kept is True
    assert gradient() is None


def test_an_optimizer_keeps_the_parameters_of_a_deleted_net():
    """The parameters of an `nn.Linear` `net` stay in memory after `del net` while an `SGD`
    `optimizer` holds them; if nothing else does, `del optimizer` and `gc.collect()` free
    them.

    So between two models in one notebook delete the net, its optimizer, its scheduler, and what
    was computed from it, then call `gc.collect()`; for a GPU `torch.cuda.empty_cache()` then gives
    the memory back to the driver.
    """
    net = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    weight = weakref.ref(net.weight)

    del net
    assert weight().shape == (1, 2)
    del optimizer
    gc.collect()

    assert weight() is None


def test_training_with_adam_takes_four_times_the_weights():
    """After `backward()` and a `step()` of `torch.optim.Adam` with its defaults, four tensors of a
    parameter's size are kept: weight, gradient, `exp_avg` and `exp_avg_sq`; for 4,000 bytes of
    weights they take 16,000 bytes.

    Because Adam averages the gradient and its square per element. On top come `step`, one number
    per parameter, the temporary tensors of a step, and the activations of the forward pass.
    """
    weight = nn.Parameter(torch.ones(1000))
    optimizer = torch.optim.Adam([weight])
    weight.sum().backward()
    optimizer.step()
    state = optimizer.state[weight]

    tensors = [weight, weight.grad, state["exp_avg"], state["exp_avg_sq"]]

    assert sum(each.numel() * each.element_size() for each in tensors) == 16000


def test_an_exception_keeps_the_tensors_of_its_frames():
    """An exception caught by `except RuntimeError:` keeps alive a `torch.Tensor` that is local to
    the called function that raised it and held by nothing else; the tensor is freed when the
    `except` clause is left.

    Because the exception refers to its traceback, and that to the frames. So retry a batch that
    ran out of memory after the clause, not inside, and keep no reference to the exception.
    """
    alive = []

    def step():
        activations = torch.zeros(1000)
        alive.append(weakref.ref(activations))
        raise RuntimeError("out of memory")

    try:
        step()
    except RuntimeError:
        inside = alive[0]() is not None

    assert inside is True
    assert alive[0]() is None
