"""Switching the recording off.

Inside `torch.no_grad()` nothing is recorded: results are untracked whatever they come from, and
nothing is saved for a way back that nobody will go. That is what evaluation wants, and also the
one moment when a weight may be changed in place.

The block changes a mode of the current thread, not your tensors: a parameter still requires
gradients while you are inside, and a tensor asked for with `requires_grad=True` still gets it.
"""

import threading

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks


@pytest.mark.claim("blitz-no-grad-block")
def test_inside_no_grad_nothing_is_recorded(device):
    """A result computed in the block has its value and no history; outside recording goes on."""
    x = torch.ones(2, requires_grad=True, device=device)
    with torch.no_grad():
        inside = x * 3
    outside = x * 3

    assert inside.tolist() == [3.0, 3.0]
    assert inside.requires_grad is False
    assert inside.grad_fn is None
    assert outside.grad_fn.name() == "MulBackward0"


@pytest.mark.claim("blitz-no-grad-square-flags")
def test_the_square_of_a_tracked_tensor_is_tracked_except_inside_no_grad(device):
    """`x` and `x ** 2` require gradients; `x ** 2` inside `no_grad` does not."""
    x = torch.randn(3, requires_grad=True, device=device)
    square = x**2
    with torch.no_grad():
        silent = x**2

    assert [x.requires_grad, square.requires_grad, silent.requires_grad] == [True, True, False]


@pytest.mark.claim("blitz-no-grad-memory")
def test_inside_no_grad_nothing_is_saved_for_later():
    """The tensors that a recorded computation keeps for backward are not kept in the block."""
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
    """A model's parameters require gradients, so its output is tracked unless you say `no_grad`."""
    net = nn.Linear(2, 1)
    images = torch.ones(4, 2)
    trained = net(images)
    with torch.no_grad():
        evaluated = net(images)

    assert [p.requires_grad for p in net.parameters()] == [True, True]
    assert trained.requires_grad is True
    assert evaluated.requires_grad is False


def test_no_grad_does_not_change_requires_grad_of_what_is_there():
    """A tracked leaf still says True inside the block: only new results are affected."""
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    with torch.no_grad():
        flags = [x.requires_grad, y.requires_grad, (y * 2).requires_grad]

    assert flags == [True, True, False]


def test_a_tensor_asked_for_with_requires_grad_gets_it_even_inside():
    """Making a leaf is not recording: `requires_grad=True` holds, and tracking starts outside."""
    with torch.no_grad():
        x = torch.ones(2, requires_grad=True)
        inside = x * 2
    outside = x * 2

    assert x.requires_grad is True
    assert inside.requires_grad is False
    assert outside.requires_grad is True


def test_a_layer_made_inside_no_grad_can_be_trained():
    """Parameters require gradients wherever they are made."""
    with torch.no_grad():
        net = nn.Linear(2, 1)
    net(torch.ones(1, 2)).backward()

    assert net.weight.grad.tolist() == [[1.0, 1.0]]


def test_a_graph_from_before_can_be_walked_inside():
    """`no_grad` forbids recording, not differentiating: `backward()` works in the block."""
    x = torch.tensor(3.0, requires_grad=True)
    y = x * x
    with torch.no_grad():
        y.backward()

    assert x.grad.item() == 6.0


def test_no_grad_is_not_eval():
    """The block leaves `training` alone: dropout still drops."""
    dropout = nn.Dropout(p=1.0)
    with torch.no_grad():
        training = dropout(torch.ones(3))
        evaluating = dropout.eval()(torch.ones(3))

    assert training.tolist() == [0.0, 0.0, 0.0]
    assert evaluating.tolist() == [1.0, 1.0, 1.0]


def test_is_grad_enabled_reads_the_mode():
    """`torch.is_grad_enabled()` is True by default and False inside the block."""
    modes = [torch.is_grad_enabled()]
    with torch.no_grad():
        modes += [torch.is_grad_enabled()]
    modes += [torch.is_grad_enabled()]

    assert modes == [True, False, True]


def test_no_grad_can_be_nested():
    """Leaving an inner block gives back the mode of the outer one, not recording."""
    with torch.no_grad():
        with torch.no_grad():
            pass
        between = torch.is_grad_enabled()

    assert between is False
    assert torch.is_grad_enabled() is True


def test_enable_grad_records_inside_no_grad():
    """`enable_grad` makes an exception in a silent block, and the silence comes back after it."""
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        with torch.enable_grad():
            recorded = x * 2
        silent = x * 2

    assert recorded.requires_grad is True
    assert silent.requires_grad is False


@pytest.mark.parametrize(("training", "recorded"), [(True, True), (False, False)])
def test_set_grad_enabled_takes_the_mode_as_a_value(training, recorded):
    """`set_grad_enabled(mode)` is `enable_grad` or `no_grad`, chosen by a bool."""
    x = torch.ones(2, requires_grad=True)
    with torch.set_grad_enabled(training):
        y = x * 2

    assert y.requires_grad is recorded
    assert torch.is_grad_enabled() is True


def test_set_grad_enabled_also_works_as_a_plain_call():
    """Called without `with`, it switches at once and until the next call."""
    x = torch.ones(2, requires_grad=True)
    torch.set_grad_enabled(False)
    silent = x * 2
    torch.set_grad_enabled(True)
    recorded = x * 2

    assert silent.requires_grad is False
    assert recorded.requires_grad is True


def test_no_grad_decorates_a_function():
    """`@torch.no_grad()` makes each call of a function a silent block."""

    @torch.no_grad()
    def double(x):
        return x * 2

    y = double(torch.ones(2, requires_grad=True))

    assert y.tolist() == [2.0, 2.0]
    assert y.requires_grad is False
    assert torch.is_grad_enabled() is True


@pytest.mark.torch(">=2.1")
def test_the_decorator_needs_no_parentheses():
    """`@torch.no_grad` is the same as `@torch.no_grad()`."""

    @torch.no_grad
    def double(x):
        return x * 2

    y = double(torch.ones(2, requires_grad=True))

    assert y.tolist() == [2.0, 2.0]
    assert y.requires_grad is False


@pytest.mark.torch("<2.1")
def test_the_decorator_needs_parentheses():
    """`@torch.no_grad` without parentheses fails where the function is defined."""
    with pytest.raises(TypeError, match="takes 1 positional argument but 2 were given"):
        torch.no_grad(abs)


def test_a_decorated_generator_is_silent_only_while_it_runs():
    """Between two items of a decorated generator the caller records as ever."""

    @torch.no_grad()
    def modes():
        yield torch.is_grad_enabled()
        yield torch.is_grad_enabled()

    running = modes()
    first, between, second = next(running), torch.is_grad_enabled(), next(running)

    assert [first, between, second] == [False, True, False]


def test_an_exception_ends_the_block_and_its_mode():
    """However the block is left, the mode from before it comes back."""
    with pytest.raises(ZeroDivisionError, match="division by zero"), torch.no_grad():
        1 / 0  # noqa: B018

    assert torch.is_grad_enabled() is True


def test_each_thread_has_its_own_mode():
    """A thread started inside the block records: the mode belongs to the thread that set it."""
    modes = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: modes.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
        modes.append(torch.is_grad_enabled())

    assert modes == [True, False]


def test_results_of_no_grad_are_ordinary_tensors():
    """A result of the block may be tracked later on, as any tensor made by hand."""
    x = torch.tensor(3.0, requires_grad=True)
    with torch.no_grad():
        constant = x * 2
    (x * constant).backward()

    assert x.grad.item() == 6.0
    assert constant.requires_grad_().requires_grad is True
    assert constant.is_inference() is False
