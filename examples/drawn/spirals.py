"""Draw points of the plane on three arms of a spiral: classes that no straight line separates."""

import math

import torch

ARMS = ["arm 1", "arm 2", "arm 3"]


def spirals(count, seed):
    """Return points on three spiral arms, a little off them, and the number of each one's arm."""
    generator = torch.Generator().manual_seed(seed)
    arm = torch.arange(count) % 3
    along = torch.rand(count, generator=generator).sqrt()
    angle = 2 * math.pi * (arm / 3 + along) + 0.15 * torch.randn(count, generator=generator)
    return torch.stack([along * angle.cos(), along * angle.sin()], 1), arm
