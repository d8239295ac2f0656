"""Make the data of the six beginner models: points, clouds, spirals, strokes and waves.

Each maker draws from a torch.Generator and returns inputs and targets, in random order or with the
classes in turn, so that any half of them has all classes equally often.
"""

import math

import torch

SLOPES, OFFSET = (3.0, -2.0), 0.5  # what the linear model is to find
STROKES = ("horizontal", "vertical", "falling", "rising")
WAVES = ("rising", "falling", "triangle")
SIZE = 16  # of a picture of a stroke
LENGTH = 24  # of a wave


def points(count, chance):
    """Return `count` points of a plane, and a height above each, with noise of variance 0.25."""
    x = torch.randn(count, 2, generator=chance)
    y = x @ torch.tensor(SLOPES).unsqueeze(1) + OFFSET
    return x, y + 0.5 * torch.randn(y.shape, generator=chance)


def clouds(count, chance):
    """Return the points of two clouds whose middles are two standard deviations apart."""
    y = torch.arange(count) % 2
    x = torch.randn(count, 2, generator=chance)
    x += torch.where(y == 1, 1.0, -1.0).unsqueeze(1) * torch.tensor([0.8, 0.6])
    return x, y


def spirals(count, chance):
    """Return the points of two spirals that wind around each other."""
    y = torch.arange(count) % 2
    turn = torch.rand(count, generator=chance) * 3 * math.pi + 0.5
    angle = turn + y * math.pi
    x = torch.stack([turn * angle.cos(), turn * angle.sin()], 1) / 4
    return x + 0.08 * torch.randn(x.shape, generator=chance), y


def strokes(count, chance):
    """Return `count` pictures of 16 x 16 with a stroke each, and which of the four it is."""
    kind = torch.arange(count) % len(STROKES)
    row, column = (torch.randint(4, SIZE - 4, (count, 1, 1), generator=chance) for _ in range(2))
    down = torch.arange(SIZE).reshape(1, SIZE, 1) - row
    right = torch.arange(SIZE).reshape(1, 1, SIZE) - column
    lines = torch.stack([down + 0 * right, right + 0 * down, down - right, down + right]) == 0
    near = (down.abs() <= 3) & (right.abs() <= 3)
    pictures = (lines[kind, torch.arange(count)] & near).float()
    return (pictures + 0.3 * torch.randn(pictures.shape, generator=chance)).unsqueeze(1), kind


def waves(count, chance):
    """Return `count` noisy waves of 24 values, of any period and phase, and their kinds.

    Over a period all three kinds take the same values, equally often: only their order tells.
    """
    kind = torch.arange(count) % len(WAVES)
    period, phase = (torch.rand(count, 1, generator=chance) for _ in range(2))
    rising = (torch.arange(LENGTH) / (6 + 6 * period) + phase) % 1
    kinds = torch.stack([rising, 1 - rising, 1 - (2 * rising - 1).abs()])
    values = 2 * kinds[kind, torch.arange(count)] - 1
    return (values + 0.1 * torch.randn(values.shape, generator=chance)).unsqueeze(2), kind
