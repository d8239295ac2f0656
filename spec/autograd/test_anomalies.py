"""Anomaly detection: where a gradient went wrong.

An error in `backward()` comes late: its traceback shows the call of `backward()`, not the line of
the forward computation that caused it. Inside `torch.autograd.set_detect_anomaly(True)` each
recorded operation notes where it was called from, and `backward()` raises RuntimeError at the
first node whose gradient holds a NaN. A warning quotes the line of the forward computation. This
slows training down a lot, so use it to search and not to train.

What surprises: enabled only around `backward()`, it knows the name of the operation and no line,
because the lines are noted in the forward computation. It looks at gradients, not at values, and
at NaN, not at infinity: a NaN in the forward computation may pass.
"""

import pytest
import torch


def test_nan_in_a_gradient_is_no_error_by_itself(device):
    """Without anomaly detection, `x.sqrt().sum().backward()` of a float32 leaf `x` that
    requires grad, with an element -1, raises no error and stores NaN for that element in
    `x.grad`.

    The next step of `SGD` or `Adam` then makes this element of `x` NaN, and with it each later
    loss that uses it.
    """
    x = torch.tensor([-1.0, 4.0], requires_grad=True, device=device)

    x.sqrt().sum().backward()

    assert x.grad.isnan().tolist() == [True, False]


def test_anomaly_detection_stops_at_the_first_nan(device):
    """Inside `torch.autograd.set_detect_anomaly(True)`, `x.sqrt().sum().backward()` of a
    float32 leaf `x` that requires grad, with an element -1, raises RuntimeError, "Function
    'SqrtBackward0' returned nan values", and writes no `x.grad`.

    Because a NaN gradient spreads to the nodes further back, the first node to return one is
    named. The NaN itself can come from an earlier operation of the forward computation: for
    `(x.sqrt() ** 2).sum()` 'PowBackward0' is named. Nodes are inspected, not leaves: a NaN that
    the hook of a leaf returns passes.
    """
    x = torch.tensor([-1.0, 4.0], requires_grad=True, device=device)

    with torch.autograd.set_detect_anomaly(True):
        y = (x.sqrt() * 3).sum()
        with (
            pytest.warns(UserWarning, match="Error detected in SqrtBackward0"),
            pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values in its 0th out"),
        ):
            y.backward()

    assert x.grad is None

    with torch.autograd.set_detect_anomaly(True):
        squares = (x.sqrt() ** 2).sum()
        with (
            pytest.warns(UserWarning, match="Error detected in PowBackward0"),
            pytest.raises(RuntimeError, match="'PowBackward0' returned nan values in its 0th outp"),
        ):
            squares.backward()

    with torch.autograd.set_detect_anomaly(True):
        leaf = torch.tensor([4.0], requires_grad=True, device=device)
        leaf.register_hook(lambda grad: grad * float("nan"))
        leaf.sum().backward()
    assert leaf.grad.isnan().tolist() == [True]


def test_the_warning_quotes_the_line_of_the_forward_computation():
    """With -1 in the float32 leaf `x` that requires grad, a script with `y = x.sqrt()` and
    `y.sum().backward()` in `torch.autograd.set_detect_anomaly(True)` gets a warning quoting the
    line `y = x.sqrt()`, then RuntimeError naming `SqrtBackward0`.

    The warning begins "Error detected in SqrtBackward0. Traceback of forward call that caused the
    error:".
    """
    x = torch.tensor([-1.0, 4.0], requires_grad=True)

    with torch.autograd.set_detect_anomaly(True):
        roots = x.sqrt()
        with (
            pytest.warns(UserWarning, match=r"Traceback of forward call(.|\n)*roots = x\.sqrt\(\)"),
            pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values"),
        ):
            roots.sum().backward()


def test_switched_on_for_backward_alone_it_knows_no_line():
    """For `y = torch.tensor([-1.0, 4.0], requires_grad=True).sqrt().sum()`, `y.backward()`
    alone inside `torch.autograd.set_detect_anomaly(True)` raises RuntimeError and warns
    "SqrtBackward0. No forward pass information available".

    Because anomaly detection stores the traceback of an operation while the operation is recorded:
    put the forward computation inside the block too.
    """
    x = torch.tensor([-1.0, 4.0], requires_grad=True)
    y = x.sqrt().sum()

    with (
        torch.autograd.set_detect_anomaly(True),
        pytest.warns(UserWarning, match="SqrtBackward0. No forward pass information available"),
        pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values"),
    ):
        y.backward()


def test_it_names_an_operation_of_your_own():
    """With `x = torch.tensor(3.0, requires_grad=True)`, if `backward` of the
    `autograd.Function` `Broken` returns `grad * math.nan`, `Broken.apply(x).backward()` in
    `autograd.set_detect_anomaly(True)` raises RuntimeError naming `BrokenBackward`.
    """

    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, grad):
            return grad * float("nan")

    x = torch.tensor(3.0, requires_grad=True)

    with torch.autograd.set_detect_anomaly(True):
        y = Broken.apply(x)
        with (
            pytest.warns(UserWarning, match="Error detected in BrokenBackward"),
            pytest.raises(RuntimeError, match="'BrokenBackward' returned nan values"),
        ):
            y.backward()


def test_it_finds_the_victim_of_an_in_place_write():
    """If a script runs `powers = x.exp()`, `powers.add_(1)` and `powers.sum().backward()` inside
    `torch.autograd.set_detect_anomaly(True)`, with a float32 leaf `x` that requires grad, a
    warning quotes `powers = x.exp()`, not `powers.add_(1)`.

    `backward()` raises RuntimeError, as it does without anomaly detection; the warning comes
    first. The in-place write itself, here `powers.add_(1)`, is not quoted: look for it after that
    line.
    """
    x = torch.tensor([0.0, 1.0], requires_grad=True)

    with torch.autograd.set_detect_anomaly(True):
        powers = x.exp()
        powers.add_(1)
        with (
            pytest.warns(UserWarning, match=r"in ExpBackward0(.|\n)*powers = x\.exp\(\)"),
            pytest.raises(
                RuntimeError,
                match="needed for gradient computation has been modified by an inplace operation",
            ),
        ):
            powers.sum().backward()


def test_infinity_is_no_anomaly(device):
    """Inside `torch.autograd.set_detect_anomaly(True)`, `x.sqrt().sum().backward()` of
    `x = torch.tensor([0.0, 4.0], requires_grad=True)` raises no error and stores infinity and
    0.25 in `x.grad`: NaN is looked for, not infinity.
    """
    x = torch.tensor([0.0, 4.0], requires_grad=True, device=device)

    with torch.autograd.set_detect_anomaly(True):
        x.sqrt().sum().backward()

    assert x.grad.tolist() == [float("inf"), 0.25]


def test_it_watches_gradients_and_not_values():
    """Inside `torch.autograd.set_detect_anomaly(True)`, `(x + c).sum().backward()` of two float32
    vectors of the same length, where `c` holds a NaN and `x` requires grad, raises no error: the
    sum is NaN, but the gradients are 1.

    Anomaly detection checks the gradients and not the values: look for NaN with
    `torch.isnan(x + c).any()`.
    """
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    with torch.autograd.set_detect_anomaly(True):
        y = x + torch.tensor([float("nan"), 0.0])
        y.sum().backward()

    assert y.isnan().tolist() == [True, False]
    assert y.sum().isnan().item() is True
    assert x.grad.tolist() == [1.0, 1.0]


def test_check_nan_can_be_left_out():
    """Inside `torch.autograd.set_detect_anomaly(True, check_nan=False)`, for
    `x = torch.tensor(-1.0, requires_grad=True)` and `y = x.sqrt()`, `y.backward()` stores NaN
    in `x.grad` without an error; `y.grad_fn.metadata` holds a traceback.
    """
    x = torch.tensor([-1.0, 4.0], requires_grad=True)

    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        y = x.sqrt()
        y.sum().backward()

    assert x.grad.isnan().tolist() == [True, False]
    assert list(y.grad_fn.metadata) == ["traceback_"]


def test_detect_anomaly_warns_that_it_is_slow():
    """`with torch.autograd.detect_anomaly():` enables anomaly detection in the block, and the
    call warns that it "will increase the runtime"; `torch.autograd.set_detect_anomaly(True)`
    doesn't warn.
    """
    with pytest.warns(UserWarning, match="This mode will increase the runtime"):
        anomalies = torch.autograd.detect_anomaly()
    with anomalies:
        inside = torch.is_anomaly_enabled()
    with torch.autograd.set_detect_anomaly(True):
        without_a_warning = torch.is_anomaly_enabled()

    assert (inside, without_a_warning) == (True, True)
    assert torch.is_anomaly_enabled() is False


def test_set_detect_anomaly_is_a_switch_and_a_block():
    """`torch.autograd.set_detect_anomaly(True)`, called outside a `with` statement, leaves anomaly
    detection on; a later `with torch.autograd.set_detect_anomaly(False):` switches detection off
    for its block only.
    """
    states = [torch.is_anomaly_enabled()]

    torch.autograd.set_detect_anomaly(True)
    states.append(torch.is_anomaly_enabled())
    with torch.autograd.set_detect_anomaly(False):
        states.append(torch.is_anomaly_enabled())
    states.append(torch.is_anomaly_enabled())
    torch.autograd.set_detect_anomaly(False)

    assert states == [False, True, False, True]
