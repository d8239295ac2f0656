"""Draw digits of 28 x 28 grey values, in the two files in which MNIST keeps its 10,000 of the test.

    python examples/drawn/digits.py data/digits --count 1000

A digit is typed, then its size, place, slant and stroke are chance. Number n depends on the seed
and on n, so that more digits leave the first ones' pictures as they were.
"""

import argparse
import gzip
import random
import struct
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SCALE = 3  # drawn larger and scaled down, for smooth edges


def draw_digit(digit: int, rng: random.Random) -> Image.Image:
    """Return one digit as 28 x 28 grey values, white on black, with its hand drawn from `rng`."""
    image = Image.new("L", (SCALE * 28, SCALE * 28))
    font = ImageFont.load_default(rng.uniform(0.75, 0.95) * SCALE * 28)
    x, y = (SCALE * (14 + rng.uniform(-2, 2)) for _ in range(2))
    stroke = rng.randrange(3)
    pen = ImageDraw.Draw(image)
    pen.text((x, y), str(digit), 255, font, "mm", stroke_width=stroke, stroke_fill=255)
    return image.rotate(rng.uniform(-15, 15), Image.Resampling.BILINEAR).reduce(SCALE)


def write_digits(folder: Path | str, count: int = 1000, seed: int = 0) -> Path:
    """Write `count` drawn digits as MNIST's own two files of test digits; return `folder`."""
    labels = [number % 10 for number in range(count)]
    random.Random(seed).shuffle(labels)
    images = b"".join(
        draw_digit(digit, random.Random(f"{seed} {number}")).tobytes()
        for number, digit in enumerate(labels)
    )
    contents = {
        "images-idx3": struct.pack(">4i", 2051, count, 28, 28) + images,
        "labels-idx1": struct.pack(">2i", 2049, count) + bytes(labels),
    }
    for name, content in contents.items():
        with gzip.open(Path(folder) / f"t10k-{name}-ubyte.gz", "wb") as file:
            file.write(content)
    return Path(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="made if missing")
    parser.add_argument("--count", type=int, default=1000, help="digits (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="another seed draws other digits")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    write_digits(args.folder, args.count, args.seed)
