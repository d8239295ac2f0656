"""Draw a scene to paint and a pattern in whose manner to paint it."""

import math

import numpy as np
from PIL import Image, ImageDraw


def draw_scene(size=128):
    """Return a house under the sun."""
    image = Image.new("RGB", (128, 128), (135, 190, 235))
    draw = ImageDraw.Draw(image)
    draw.ellipse([90, 10, 114, 34], (250, 230, 120))
    draw.ellipse([-50, 70, 90, 190], (96, 150, 90))
    draw.ellipse([40, 82, 190, 200], (120, 170, 100))
    draw.rectangle([38, 62, 82, 104], (230, 220, 205))
    draw.polygon([(32, 62), (88, 62), (60, 36)], (150, 70, 60))
    draw.rectangle([54, 80, 66, 104], (90, 60, 50))
    for left in (43, 69):
        draw.rectangle([left, 68, left + 8, 76], (70, 90, 120))
    draw.rectangle([100, 78, 105, 106], (90, 60, 40))
    draw.ellipse([90, 50, 116, 84], (50, 110, 60))
    return image.resize((size, size), Image.Resampling.LANCZOS)


def draw_pattern(size=128):
    """Return strokes of fire and night: waves of orange, yellow and dark blue."""
    y, x = np.mgrid[:128, :128] / 128
    wave = np.sin(2 * math.pi * (6 * x + 6 * y + 0.5 * np.sin(4 * math.pi * (x - y))))
    ink = np.array([[25, 30, 90], [200, 60, 30], [250, 200, 60]])
    image = Image.fromarray(ink[np.digitize(wave, [-0.35, 0.45])].astype(np.uint8))
    return image.resize((size, size), Image.Resampling.LANCZOS)
