"""Finding where a gradient went wrong.

An error in `backward()` comes too late: the line that caused it has long been run.
Anomaly detection makes every operation remember where it was called from, and stops
at the first NaN in a gradient. It is slow, so it is for looking, not for training.
"""

import pytest
import torch


def test_nan_in_a_gradient_is_no_error_by_itself(device):
    """Normally a NaN goes through `backward()` like any number and ends up in `.grad`."""
    x = torch.tensor([-1.0, 4.0], requires_grad=True, device=device)

    x.sqrt().sum().backward()

    assert x.grad.isnan().tolist() == [True, False]


def test_anomaly_detection_stops_at_the_first_nan(device):
    """Under anomaly detection a NaN is an error that names the operation it came out of."""
    x = torch.tensor([-1.0, 4.0], requires_grad=True, device=device)

    with torch.autograd.set_detect_anomaly(True):
        y = (x.sqrt() * 3).sum()
        with (
            pytest.warns(UserWarning, match="Error detected in SqrtBackward0"),
            pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values in its 0th out"),
        ):
            y.backward()

    assert x.grad is None


def test_the_warning_quotes_the_line_of_the_forward_computation():
    """Together with the error comes a traceback to the call that recorded the operation."""
    x = torch.tensor([-1.0, 4.0], requires_grad=True)

    with torch.autograd.set_detect_anomaly(True):
        roots = x.sqrt()
        with (
            pytest.warns(UserWarning, match=r"Traceback of forward call(.|\n)*roots = x\.sqrt\(\)"),
            pytest.raises(RuntimeError, match="returned nan values"),
        ):
            roots.sum().backward()


def test_switched_on_for_backward_alone_it_knows_no_line():
    """Lines are noted while computing forward; for `backward()` alone only the name is known."""
    x = torch.tensor([-1.0, 4.0], requires_grad=True)
    y = x.sqrt().sum()

    with (
        torch.autograd.set_detect_anomaly(True),
        pytest.warns(UserWarning, match="SqrtBackward0. No forward pass information available"),
        pytest.raises(RuntimeError, match="'SqrtBackward0' returned nan values"),
    ):
        y.backward()


def test_it_names_an_operation_of_your_own():
    """An operation made by subclassing `Function` is named after its class."""

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
    """Anomaly detection also quotes the operation whose saved value was overwritten."""
    x = torch.tensor([0.0, 1.0], requires_grad=True)

    with torch.autograd.set_detect_anomaly(True):
        powers = x.exp()
        powers.add_(1)
        with (
            pytest.warns(UserWarning, match=r"in ExpBackward0(.|\n)*powers = x\.exp\(\)"),
            pytest.raises(RuntimeError, match="was changed in there or anywhere later"),
        ):
            powers.sum().backward()


def test_infinity_is_no_anomaly(device):
    """Only NaN stops anomaly detection: an infinite gradient goes through."""
    x = torch.tensor([0.0, 4.0], requires_grad=True, device=device)

    with torch.autograd.set_detect_anomaly(True):
        x.sqrt().sum().backward()

    assert x.grad.tolist() == [float("inf"), 0.25]


def test_it_watches_gradients_and_not_values():
    """A NaN computed forward is no anomaly as long as the gradients are numbers."""
    x = torch.tensor([1.0, 2.0], requires_grad=True)

    with torch.autograd.set_detect_anomaly(True):
        y = x + torch.tensor([float("nan"), 0.0])
        y.sum().backward()

    assert y.isnan().tolist() == [True, False]
    assert x.grad.tolist() == [1.0, 1.0]


def test_check_nan_can_be_left_out():
    """With `check_nan=False` NaN passes, and only the lines are noted for other errors."""
    x = torch.tensor([-1.0, 4.0], requires_grad=True)

    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        y = x.sqrt()
        y.sum().backward()

    assert x.grad.isnan().tolist() == [True, False]
    assert list(y.grad_fn.metadata) == ["traceback_"]


def test_detect_anomaly_warns_that_it_is_slow():
    """`detect_anomaly()` is `set_detect_anomaly(True)` with a warning about the running time."""
    with pytest.warns(UserWarning, match="This mode will increase the runtime"):
        anomalies = torch.autograd.detect_anomaly()
    with anomalies:
        inside = torch.is_anomaly_enabled()

    assert inside is True
    assert torch.is_anomaly_enabled() is False


def test_set_detect_anomaly_is_a_switch_and_a_block():
    """`set_detect_anomaly` holds until the next call; in a `with` it is undone at the end."""
    states = [torch.is_anomaly_enabled()]

    torch.autograd.set_detect_anomaly(True)
    states.append(torch.is_anomaly_enabled())
    with torch.autograd.set_detect_anomaly(False):
        states.append(torch.is_anomaly_enabled())
    states.append(torch.is_anomaly_enabled())
    torch.autograd.set_detect_anomaly(False)

    assert states == [False, True, False, True]
