"""Evenly spaced numbers.

`torch.arange` counts from a start by a step and leaves its end out, as Python's `range` does.
`torch.linspace` divides an interval into a number of points and keeps both ends.

The old `torch.range` keeps its end too. It has been announced for removal since the first
releases, and is still here.
"""

import pytest
import torch


@pytest.mark.claim("summary-arange-half-open")
def test_arange_leaves_its_end_out(device):
    """`torch.arange(1, 3)` gives 1 and 2: the end is left out, as in Python's `range`."""
    assert torch.arange(1, 3, device=device).tolist() == [1, 2]
    assert list(range(1, 3)) == [1, 2]


def test_arange_starts_at_zero_and_steps_by_one(device):
    """With one number `torch.arange` starts at 0; a third number is the step, down if negative."""
    assert torch.arange(3, device=device).tolist() == [0, 1, 2]
    assert torch.arange(1, 7, 3, device=device).tolist() == [1, 4]
    assert torch.arange(3, 0, -1, device=device).tolist() == [3, 2, 1]


def test_arange_of_integers_is_int64(device):
    """`torch.arange` gives int64 for integers, and float32 as soon as one argument is a float."""
    whole = torch.arange(1, 3, device=device)
    mixed = torch.arange(1, 3.0, device=device)
    asked = torch.arange(1, 3, dtype=torch.float64, device=device)

    assert [made.dtype for made in (whole, mixed, asked)] == [
        torch.int64,
        torch.float32,
        torch.float64,
    ]


def test_arange_can_overshoot_with_a_float_step(device):
    """With a float step `torch.arange` can reach its end after all: 0.1 is not exact."""
    stepped = torch.arange(1, 1.3, 0.1, device=device)

    assert stepped.tolist() == pytest.approx([1.0, 1.1, 1.2, 1.3])


def test_arange_refuses_a_step_of_zero(device):
    """A step of 0 never arrives, so `torch.arange` refuses it."""
    with pytest.raises(RuntimeError, match="step must be nonzero"):
        torch.arange(0, 5, 0, device=device)


def test_arange_refuses_a_step_that_leads_away(device):
    """Where Python's `range(5, 2)` is empty, `torch.arange(5, 2)` is an error."""
    counted_by_python = list(range(5, 2))

    assert counted_by_python == []
    with pytest.raises(RuntimeError, match="inconsistent with step sign"):
        torch.arange(5, 2, device=device)


def test_arange_from_a_number_to_itself_is_empty(device):
    """`torch.arange(5, 5)` is empty, and no error."""
    assert torch.arange(5, 5, device=device).tolist() == []


@pytest.mark.claim("summary-range-closed", "summary-range-removed")
def test_range_includes_its_end_and_is_still_here():
    """`torch.range(1, 3)` gives 1, 2 and 3 as floats, with a warning: deprecated, never removed."""
    with pytest.warns(UserWarning, match="torch.range is deprecated"):
        closed = torch.range(1, 3)

    assert closed.tolist() == [1.0, 2.0, 3.0]
    assert closed.dtype is torch.float32


def test_linspace_keeps_both_ends(device):
    """`torch.linspace(0, 1, 5)` gives five evenly spaced numbers, both ends among them."""
    five = torch.linspace(0, 1, 5, device=device)
    one = torch.linspace(0, 1, 1, device=device)

    assert five.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert one.tolist() == [0.0]


def test_linspace_must_be_told_how_many():
    """`torch.linspace` has no default number of points."""
    with pytest.raises(TypeError, match="linspace"):
        torch.linspace(0, 1)


def test_linspace_is_float_even_between_integers():
    """`torch.linspace` gives float32; asked for integers, it cuts fractions off."""
    floats = torch.linspace(0, 10, 5)
    integers = torch.linspace(0, 10, 5, dtype=torch.int64)

    assert floats.dtype is torch.float32
    assert floats.tolist() == [0.0, 2.5, 5.0, 7.5, 10.0]
    assert integers.tolist() == [0, 2, 5, 7, 10]


def test_logspace_spaces_exponents_evenly(device):
    """`torch.logspace` takes exponents: from 10^0 to 10^3, or of another `base`."""
    tens = torch.logspace(0, 3, 4, device=device)
    twos = torch.logspace(0, 3, 4, base=2, device=device)

    assert tens.tolist() == pytest.approx([1.0, 10.0, 100.0, 1000.0])
    assert twos.tolist() == pytest.approx([1.0, 2.0, 4.0, 8.0])
