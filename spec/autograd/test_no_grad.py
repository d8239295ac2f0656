"""Recording switched off: `torch.no_grad`.

Inside `with torch.no_grad():` operations are not recorded. Their results have no history, and
nothing is saved for a `backward()` that nobody will call, which spares memory and some time. That
is what evaluation wants. It is also the place where a weight that requires grad may be changed in
place, as optimizers do (`spec/autograd/test_changing_leaves.py`). `torch.enable_grad()` is the
opposite, and `torch.set_grad_enabled(mode)` takes the mode as a bool. `no_grad` and `enable_grad`
also work as decorators.

What surprises: the block sets a mode of the current thread and changes no tensor. A parameter
still says `requires_grad=True` inside, a leaf made there with `requires_grad=True` gets it, and a
slice of such a leaf still says True, though no gradient flows through it.
`no_grad` doesn't switch dropout or BatchNorm either: that is `model.eval()`.
`torch.inference_mode` goes further: `spec/autograd/test_inference_mode.py`.
"""

import asyncio
import threading

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks


@pytest.mark.claim("blitz-no-grad-block")
@pytest.mark.claim("blitz-no-grad-square-flags")
def test_inside_no_grad_nothing_is_recorded(device):
    """For a float32 leaf `x` that requires grad, `x**2` computed inside `torch.no_grad()` has
    the values of `x**2` outside, but `requires_grad` False and no `grad_fn`; `x` itself still
    requires grad, and after the block `x**2` is recorded again.
    """
    x = torch.full((2,), 3.0, requires_grad=True, device=device)
    with torch.no_grad():
        inside = x**2
    outside = x**2

    assert inside.tolist() == [9.0, 9.0]
    assert [x.requires_grad, outside.requires_grad, inside.requires_grad] == [True, True, False]
    assert inside.grad_fn is None
    assert outside.grad_fn.name() == "PowBackward0"


@pytest.mark.claim("blitz-no-grad-memory")
def test_inside_no_grad_nothing_is_saved_for_later():
    """With a float32 `x` that requires grad, `x * constant` saves the tensor `constant` for
    backward; inside `torch.no_grad()` the same product saves no tensor.

    Saved tensors are much of what makes training take more memory than evaluation:
    `spec/autograd/test_saved_tensors.py`.
    """
    saved = []
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    constant = torch.tensor([2.0, 5.0])
    with saved_tensors_hooks(lambda tensor: saved.append(tensor.tolist()), lambda kept: kept):
        x * constant
        with torch.no_grad():
            x * (constant + 1)

    assert saved == [[2.0, 5.0]]


@pytest.mark.claim("blitz-no-grad-evaluation")
def test_evaluation_needs_no_grad_because_parameters_ask_for_gradients():
    """The output of a new `nn.Linear` requires grad even if the input doesn't, because
    weight and bias require grad; computed inside `torch.no_grad()` the output doesn't
    require grad.

    So evaluation needs `no_grad` or `inference_mode` to build no graph: plain data and `eval()`
    are not enough.
    """
    net = nn.Linear(2, 1)
    images = torch.ones(4, 2)
    trained = net(images)
    with torch.no_grad():
        evaluated = net(images)

    assert [p.requires_grad for p in net.parameters()] == [True, True]
    assert trained.requires_grad is True
    assert evaluated.requires_grad is False


def test_no_grad_does_not_change_requires_grad_of_what_is_there():
    """Inside `torch.no_grad()` a leaf and a product that required grad before the block still
    say `requires_grad` True; a product computed inside says False.
    """
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    with torch.no_grad():
        flags = [x.requires_grad, y.requires_grad, (y * 2).requires_grad]

    assert flags == [True, True, False]


def test_a_view_taken_inside_no_grad_still_says_that_it_requires_grad():
    """A slice `x[:1]` of `x = torch.ones(2, requires_grad=True)`, taken inside
    `torch.no_grad()`, says `requires_grad` True, as `x` does, and has no `grad_fn`; a copy
    `x[[0]]` says False.

    Because a slice reads the flag of its base, here `x`. It has no history all the same:
    `backward()` of a result of the slice leaves `x.grad` None. To know whether a tensor has a
    history, look at its `grad_fn`.
    """
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        view, copied = x[:1], x[[0]]
    (view * 3).backward()

    assert (view.requires_grad, copied.requires_grad) == (True, False)
    assert (view.grad_fn, copied.grad_fn) == (None, None)
    assert x.grad is None


def test_a_tensor_asked_for_with_requires_grad_gets_it_even_inside():
    """`x = torch.ones(2, requires_grad=True)` inside `torch.no_grad()` makes a leaf that
    requires grad; `x * 2` is not recorded inside the block and is recorded after it.

    Because creating a leaf records nothing.
    """
    with torch.no_grad():
        x = torch.ones(2, requires_grad=True)
        inside = x * 2
    outside = x * 2

    assert x.requires_grad is True
    assert inside.requires_grad is False
    assert outside.requires_grad is True


def test_a_layer_made_inside_no_grad_can_be_trained():
    """After `net = nn.Linear(2, 1)` inside `torch.no_grad()` the parameters of `net` require grad:
    `net(torch.ones(1, 2)).backward()`, run outside the block, fills `net.weight.grad` and
    `net.bias.grad`.
    """
    with torch.no_grad():
        net = nn.Linear(2, 1)
    net(torch.ones(1, 2)).backward()

    assert net.weight.grad.tolist() == [[1.0, 1.0]]
    assert net.bias.grad.tolist() == [1.0]


def test_a_graph_from_before_can_be_walked_inside():
    """For `x = torch.tensor(3.0, requires_grad=True)` and `y = x * x`, computed before the
    block, `y.backward()` inside `with torch.no_grad():` works and stores 6 in `x.grad`.

    Because the mode concerns the recording of operations, and this graph was recorded already.
    """
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x
    with torch.no_grad():
        y.backward()

    assert x.grad.item() == 6.0


def test_no_grad_is_not_eval():
    """Inside `torch.no_grad()` an `nn.Dropout(p=1.0)` in training mode still makes zeros of
    ones; after `eval()` it returns the ones.

    Evaluation usually needs both: `model.eval()` for the behaviour of layers and `no_grad` for
    the graph.
    """
    dropout = nn.Dropout(p=1.0)
    with torch.no_grad():
        training = dropout(torch.ones(3))
        evaluating = dropout.eval()(torch.ones(3))

    assert training.tolist() == [0.0, 0.0, 0.0]
    assert evaluating.tolist() == [1.0, 1.0, 1.0]


def test_is_grad_enabled_reads_the_mode():
    """`torch.is_grad_enabled()` is True by default, False inside `torch.no_grad()`, and after
    the block what it was before.
    """
    modes = [torch.is_grad_enabled()]
    with torch.no_grad():
        modes += [torch.is_grad_enabled()]
    modes += [torch.is_grad_enabled()]

    assert modes == [True, False, True]


def test_no_grad_can_be_nested():
    """The end of a `torch.no_grad()` block restores the mode from before it: after an inner block
    nested directly in an outer `torch.no_grad()` block, `torch.is_grad_enabled()` still returns
    False.
    """
    with torch.no_grad():
        with torch.no_grad():
            pass
        between = torch.is_grad_enabled()

    assert between is False
    assert torch.is_grad_enabled() is True


def test_enable_grad_records_inside_no_grad():
    """Inside `torch.no_grad()` a block of `torch.enable_grad()` records the product `x * 2`
    of a float32 `x` that requires grad; after it recording is off again.
    """
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        with torch.enable_grad():
            recorded = x * 2
        silent = x * 2

    assert recorded.requires_grad is True
    assert silent.requires_grad is False


@pytest.mark.parametrize(("training", "recorded"), [(True, True), (False, False)])
def test_set_grad_enabled_takes_the_mode_as_a_value(training, recorded):
    """Outside `torch.inference_mode()`, `with torch.set_grad_enabled(training):` records
    `x * 2` of a float32 `x` that requires grad if `training` is True, and doesn't if it is
    False.

    It lets one function serve training and evaluation.
    """
    x = torch.ones(2, requires_grad=True)
    with torch.set_grad_enabled(training):
        y = x * 2

    assert y.requires_grad is recorded
    assert torch.is_grad_enabled() is True


def test_set_grad_enabled_also_works_as_a_plain_call():
    """As a statement of its own, `torch.set_grad_enabled(False)` switches recording off at once,
    and `torch.set_grad_enabled(True)` switches it on again.

    A block is safer, as it restores the mode after an exception too. As a decorator,
    `@torch.set_grad_enabled(False)` switches recording off while the function runs; in PyTorch 2.0
    and 2.1 it stays off from the definition on. Inside `torch.inference_mode()` nothing is
    recorded in either mode.
    """
    x = torch.ones(2, requires_grad=True)
    torch.set_grad_enabled(False)
    silent = x * 2
    torch.set_grad_enabled(True)
    recorded = x * 2

    assert silent.requires_grad is False
    assert recorded.requires_grad is True


def test_no_grad_decorates_a_function():
    """An ordinary function, neither `async` nor a generator, decorated with `@torch.no_grad()`
    runs with recording off, and after each call the mode from before is back.

    The body of a decorated `async def` runs after the decorator has returned, with recording
    on: write a `with torch.no_grad()` block in it, with no `await` inside the block, as other
    tasks would run with recording off in the meantime.
    """

    @torch.no_grad()
    def double(x):
        return x * 2

    @torch.no_grad()
    async def later():
        return torch.is_grad_enabled()

    y = double(torch.ones(2, requires_grad=True))

    assert y.tolist() == [2.0, 2.0]
    assert y.requires_grad is False
    assert torch.is_grad_enabled() is True
    assert asyncio.run(later()) is True


@pytest.mark.torch(">=2.1")
def test_the_decorator_needs_no_parentheses():
    """Since PyTorch 2.1 `@torch.no_grad` without parentheses decorates a function as
    `@torch.no_grad()` does.
    """

    @torch.no_grad
    def double(x):
        return x * 2

    y = double(torch.ones(2, requires_grad=True))

    assert y.tolist() == [2.0, 2.0]
    assert y.requires_grad is False


@pytest.mark.torch("<2.1")
def test_the_decorator_needs_parentheses():
    """Before PyTorch 2.1 `@torch.no_grad` without parentheses raised TypeError where the
    function was defined; write `@torch.no_grad()`.
    """
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):

        @torch.no_grad
        def double(x):
            return 2 * x


def test_a_decorated_generator_is_silent_only_while_it_runs():
    """A generator function, not an `async` one, decorated with `@torch.no_grad()` runs its body
    with recording off, and between two of its items the caller's mode holds.

    So the body of a `for` loop over such a generator still records.
    """

    @torch.no_grad()
    def modes():
        yield torch.is_grad_enabled()
        yield torch.is_grad_enabled()

    running = modes()
    first, between, second = next(running), torch.is_grad_enabled(), next(running)

    assert [first, between, second] == [False, True, False]


def test_an_exception_ends_the_block_and_its_mode():
    """An exception that leaves a `with torch.no_grad():` block restores the grad mode from before
    the block.
    """
    with pytest.raises(ZeroDivisionError, match="division by zero"), torch.no_grad():
        1 / 0  # noqa: B018

    assert torch.is_grad_enabled() is True


def test_each_thread_has_its_own_mode():
    """A `threading.Thread` started inside `torch.no_grad()` has grad mode on: the mode belongs
    to the thread that set it, and a new thread starts with True.

    A worker thread for evaluation needs a `no_grad` block of its own.
    """
    modes = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: modes.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
        modes.append(torch.is_grad_enabled())

    assert modes == [True, False]


def test_results_of_no_grad_are_ordinary_tensors():
    """If `x = torch.tensor(3.0, requires_grad=True)` and `constant = x * 2` is computed inside
    `torch.no_grad()`, `(x * constant).backward()` outside takes `constant` for a constant:
    `x.grad` is 6. `constant.requires_grad_()` is allowed.

    On the same `x * 2` computed inside `torch.inference_mode()`, `requires_grad_()` outside that
    mode raises RuntimeError: `spec/autograd/test_inference_mode.py`.
    """
    x = torch.tensor(3.0, requires_grad=True)
    with torch.no_grad():
        constant = x * 2
    (x * constant).backward()

    assert x.grad.item() == 6.0
    assert constant.requires_grad_().requires_grad is True
    assert constant.is_inference() is False
