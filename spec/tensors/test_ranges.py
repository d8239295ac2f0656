"""Evenly spaced numbers.

`torch.arange(start, end, step)` counts from `start` by `step` and leaves `end` out, as Python's
`range` does. `torch.linspace(start, end, steps)` is told how many points to make and includes both
ends; `torch.logspace` does so with the exponents of a base.

Use `arange` for integers, such as indices and positions, and `linspace` for fractions, such as the
points of a curve.

What surprises: with a float step `arange` may include a number that is its end, because 0.1 has no
exact binary value; a step that leads away from the end is an error, not an empty result; and the
deprecated `torch.range`, which includes its end, is still there.
"""

import numpy as np
import pytest
import torch


@pytest.mark.claim("summary-arange-half-open")
def test_arange_leaves_its_end_out(device):
    """`torch.arange(1, 3)` gives 1 and 2: the end is excluded, as in Python's `range(1, 3)`."""
    assert torch.arange(1, 3, device=device).tolist() == [1, 2]
    assert list(range(1, 3)) == [1, 2]


def test_arange_starts_at_zero_and_steps_by_one(device):
    """`torch.arange(3)` starts at 0 and steps by 1: [0, 1, 2]; `torch.arange(1, 7, 3)` starts at 1
    and steps by 3, and stops before 7: [1, 4]; `torch.arange(3, 0, -1)` counts down: [3, 2, 1].
    """
    assert torch.arange(3, device=device).tolist() == [0, 1, 2]
    assert torch.arange(1, 7, 3, device=device).tolist() == [1, 4]
    assert torch.arange(3, 0, -1, device=device).tolist() == [3, 2, 1]


def test_arange_of_integers_is_int64(device):
    """`torch.arange(1, 3)` of Python ints is int64, and `torch.arange(1, 3.0)`, with one float
    among them, has the default dtype, float32; `dtype=torch.float64` asks for another.

    `torch.arange(3)`, an int64 tensor, cannot require grad; `torch.arange(3.0)` and
    `torch.zeros(3)`, float32 tensors, can.
    """
    whole = torch.arange(1, 3, device=device)
    mixed = torch.arange(1, 3.0, device=device)
    asked = torch.arange(1, 3, dtype=torch.float64, device=device)

    assert [made.dtype for made in (whole, mixed, asked)] == [
        torch.int64,
        torch.float32,
        torch.float64,
    ]


def test_arange_can_overshoot_with_a_float_step(device):
    """`torch.arange(1, 1.3, 0.1)` has four elements, the last of them 1.3 up to rounding,
    although `torch.arange` excludes its end.

    Because in floating point (1.3 - 1) / 0.1 is slightly above 3, which is rounded up to 4
    elements. Where the number of points matters write `torch.linspace`.
    """
    stepped = torch.arange(1, 1.3, 0.1, device=device)

    assert stepped.tolist() == pytest.approx([1.0, 1.1, 1.2, 1.3])
    assert (1.3 - 1) / 0.1 == 3.0000000000000004


def test_arange_refuses_a_step_of_zero(device):
    """`torch.arange(0, 5, 0)` raises RuntimeError, "step must be nonzero".

    Because the end would never be reached. A tensor of equal values is `torch.full((5,), 0)`.
    """
    with pytest.raises(RuntimeError, match="step must be nonzero"):
        torch.arange(0, 5, 0, device=device)


def test_arange_refuses_a_step_that_leads_away(device):
    """`torch.arange(5, 2)` raises RuntimeError, since the step 1 leads away from the end; Python's
    `range(5, 2)` is empty. Count down with `torch.arange(5, 2, -1)`.

    If `end` is computed and may be less than 5, `torch.arange(5, max(5, end))` gives an empty
    tensor then, and no error.
    """
    counted_by_python = list(range(5, 2))

    assert counted_by_python == []
    assert torch.arange(5, 2, -1, device=device).tolist() == [5, 4, 3]
    with pytest.raises(RuntimeError, match="inconsistent with step sign"):
        torch.arange(5, 2, device=device)


def test_arange_from_a_number_to_itself_is_empty(device):
    """`torch.arange(5, 5)` is an empty tensor, not an error."""
    assert torch.arange(5, 5, device=device).tolist() == []


def test_linspace_keeps_both_ends(device):
    """`torch.linspace(0, 1, 5)` gives five evenly spaced numbers from 0 to 1, both ends
    included; `torch.linspace(0, 1, 1)` gives the start alone.
    """
    five = torch.linspace(0, 1, 5, device=device)
    one = torch.linspace(0, 1, 1, device=device)

    assert five.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert one.tolist() == [0.0]


def test_linspace_must_be_told_how_many():
    """`torch.linspace(0, 1)` raises TypeError: the number of points, `steps`, has no default,
    unlike the 50 of NumPy's `linspace`.

    Write `torch.linspace(0, 1, 50)`, which is float32 by default where NumPy's points are
    float64.
    """
    in_numpy = np.linspace(0, 1)

    assert len(in_numpy) == 50
    with pytest.raises(
        TypeError, match=r"linspace\(\) (received an invalid combination|missing 1 required)"
    ):
        torch.linspace(0, 1)


def test_linspace_is_float_even_between_integers():
    """`torch.linspace(0, 10, 5)` has the default dtype, float32. With `dtype=torch.int64`
    it gives 0, 2, 5, 7, 10, and so does `torch.linspace(0.9, 10.9, 5, dtype=torch.int64)`,
    as the ends are converted first.

    Write `torch.linspace(0.9, 10.9, 5).round().long()` for the nearest integers.
    """
    floats = torch.linspace(0, 10, 5)
    integers = torch.linspace(0, 10, 5, dtype=torch.int64)
    cut = torch.linspace(0.9, 10.9, 5, dtype=torch.int64)

    assert floats.dtype is torch.float32
    assert floats.tolist() == [0.0, 2.5, 5.0, 7.5, 10.0]
    assert integers.tolist() == [0, 2, 5, 7, 10]
    assert (integers.dtype, cut.dtype) == (torch.int64, torch.int64)
    assert cut.tolist() == [0, 2, 5, 7, 10]
    assert torch.linspace(0.9, 10.9, 5).round().long().tolist() == [1, 3, 6, 8, 11]


def test_logspace_spaces_exponents_evenly(device):
    """`torch.logspace(0, 3, 4)` gives 10 to the powers 0, 1, 2 and 3, up to rounding; `base=2`
    gives powers of 2.

    Because `start` and `end` are exponents, not values. `torch.logspace` suits hyperparameters
    such as learning rates: `torch.logspace(-4, -1, 4)`.
    """
    tens = torch.logspace(0, 3, 4, device=device)
    twos = torch.logspace(0, 3, 4, base=2, device=device)

    assert tens.tolist() == pytest.approx([1.0, 10.0, 100.0, 1000.0])
    assert twos.tolist() == pytest.approx([1.0, 2.0, 4.0, 8.0])


@pytest.mark.claim("summary-range-closed", "summary-range-removed")
def test_range_includes_its_end_and_is_still_here():
    """`torch.range(1, 3)` warns that it is deprecated and gives 1., 2. and 3.: its end is
    included, and the dtype is the default one, float32, even for integers.

    `torch.arange(1, 4)` gives the same numbers, as int64. The warning says that a future release
    will remove `torch.range`; PyTorch 2.15 still has it.
    """
    with pytest.warns(UserWarning, match="torch.range is deprecated"):
        closed = torch.range(1, 3)
    half_open = torch.arange(1, 4)

    assert closed.tolist() == [1.0, 2.0, 3.0]
    assert closed.dtype is torch.float32
    assert half_open.tolist() == [1, 2, 3]
    assert half_open.dtype is torch.int64
