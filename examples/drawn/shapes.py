"""Draw a folder of labelled pictures: up to twenty classes of shapes, and their colours.

Finetuning and the ImageNet script learn from a folder with train/CLASS and val/CLASS. Where no such
folder is at hand, this script draws one that any ImageFolder reads:

    python examples/drawn/shapes.py data/pictures
    python examples/drawn/shapes.py data/flags --classes disc star --colours red green blue

A class is a shape; paper, ink, place, size and turn are chance, and a little noise lies over all.
With `--colours` a class is a colour and a shape, such as red_star. The same seed draws the same
pictures: each depends on the seed, its part, its class and its number, not on how many others are
drawn, so that more pictures of a class leave the first ones as they were.

It draws about 700 pictures of 64 x 64 pixels a second on one core.
"""

import argparse
import math
import random
import sys
from pathlib import Path

from PIL import Image, ImageDraw

# Drawn larger and scaled down, for smooth edges.
SCALE = 3


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


# Shapes: each draws itself with `pen` around (x, y); `r` is its radius, `turn` an angle, and `wide`
# the side of the whole picture.


def corners(x, y, radii, turn):
    """Return the corners of a figure around (x, y): one for each radius, at even angles."""
    step = 2 * math.pi / len(radii)
    return [
        (x + radius * math.sin(turn + i * step), y - radius * math.cos(turn + i * step))
        for i, radius in enumerate(radii)
    ]


def outline(x, y, r, turn, points):
    """Return points of a figure that is drawn upright with radius 1, turned, sized and placed."""
    sine, cosine = math.sin(turn), math.cos(turn)
    return [(x + r * (a * cosine - b * sine), y + r * (a * sine + b * cosine)) for a, b in points]


def circle(x, y, r):
    return [x - r, y - r, x + r, y + r]


def tiles(x, y, wide, step):
    """Yield the left upper corners of tiles that cover the picture, shifted by (x, y)."""
    for left in range(int(x) % step - step, wide, step):
        for top in range(int(y) % step - step, wide, step):
            yield left, top


def arrow(pen, ink, x, y, r, turn, wide):
    points = [(0, -1), (0.8, 0), (0.3, 0), (0.3, 1), (-0.3, 1), (-0.3, 0), (-0.8, 0)]
    pen.polygon(outline(x, y, r * 1.2, turn, points), ink)


def bars(pen, ink, x, y, r, turn, wide):
    step = wide // 4
    for top in range(int(y) % step - step, wide, step):
        pen.rectangle([0, top, wide, top + step // 2 - 1], ink)


def checks(pen, ink, x, y, r, turn, wide):
    step = wide // 4
    half = step // 2
    for left, top in tiles(x, y, wide, step):
        pen.rectangle([left, top, left + half - 1, top + half - 1], ink)
        pen.rectangle([left + half, top + half, left + step - 1, top + step - 1], ink)


def columns(pen, ink, x, y, r, turn, wide):
    step = wide // 4
    for left in range(int(x) % step - step, wide, step):
        pen.rectangle([left, 0, left + step // 2 - 1, wide], ink)


def crescent(pen, ink, x, y, r, turn, wide):
    outer = [(math.cos(a / 20), math.sin(a / 20)) for a in range(16, 111)]
    inner = [(0.55 + 0.74 * math.cos(a / 20), 0.74 * math.sin(a / 20)) for a in range(105, 20, -1)]
    pen.polygon(outline(x, y, r * 1.2, turn, outer + inner), ink)


def cross(pen, ink, x, y, r, turn, wide):
    for angle in (turn, turn + math.pi / 2):
        pen.line(corners(x, y, [r * 1.1] * 2, angle), ink, width=int(r / 2.5))


def disc(pen, ink, x, y, r, turn, wide):
    pen.ellipse(circle(x, y, r), ink)


def dots(pen, ink, x, y, r, turn, wide):
    step = wide // 4
    for left, top in tiles(x, y, wide, step):
        pen.ellipse([left, top, left + step // 2, top + step // 2], ink)


def gear(pen, ink, x, y, r, turn, wide):
    pen.polygon(corners(x, y, [r * 1.2, r * 1.2, r * 0.85, r * 0.85] * 8, turn), ink)


def grid(pen, ink, x, y, r, turn, wide):
    step = wide // 4
    for left, top in tiles(x, y, wide, step):
        pen.rectangle([left, 0, left + step // 6, wide], ink)
        pen.rectangle([0, top, wide, top + step // 6], ink)


def heart(pen, ink, x, y, r, turn, wide):
    angles = [a / 10 for a in range(63)]
    points = [
        (
            math.sin(a) ** 3,
            -(13 * math.cos(a) - 5 * math.cos(2 * a) - 2 * math.cos(3 * a) - math.cos(4 * a)) / 16,
        )
        for a in angles
    ]
    pen.polygon(outline(x, y, r * 1.1, turn, points), ink)


def house(pen, ink, x, y, r, turn, wide):
    points = [(0, -1.1), (1, -0.2), (0.7, -0.2), (0.7, 0.9), (0.2, 0.9), (0.2, 0.3)]
    points += [(-a, b) for a, b in reversed(points)]
    pen.polygon(outline(x, y, r, turn, points), ink)


def pacman(pen, ink, x, y, r, turn, wide):
    mouth = math.degrees(turn)
    pen.pieslice(circle(x, y, r * 1.1), mouth + 40, mouth + 320, ink)


def ring(pen, ink, x, y, r, turn, wide):
    pen.ellipse(circle(x, y, r), outline=ink, width=int(r / 3))


def spiral(pen, ink, x, y, r, turn, wide):
    angles = [a / 10 for a in range(10, 150)]
    points = [(a / 13 * math.cos(a), a / 13 * math.sin(a)) for a in angles]
    pen.line(outline(x, y, r, turn, points), ink, width=int(r / 5), joint="curve")


def square(pen, ink, x, y, r, turn, wide):
    pen.polygon(corners(x, y, [r * 1.1] * 4, turn), ink)


def star(pen, ink, x, y, r, turn, wide):
    pen.polygon(corners(x, y, [r * 1.3, r * 0.5] * 5, turn), ink)


def target(pen, ink, x, y, r, turn, wide):
    pen.ellipse(circle(x, y, r * 1.2), outline=ink, width=int(r / 4))
    pen.ellipse(circle(x, y, r * 0.5), ink)


def triangle(pen, ink, x, y, r, turn, wide):
    pen.polygon(corners(x, y, [r * 1.2] * 3, turn), ink)


def waves(pen, ink, x, y, r, turn, wide):
    step = wide // 4
    for top in range(int(y) % step - 2 * step, wide + step, step):
        points = [
            (a, top + step * 0.45 * math.sin(2 * math.pi * (a - x) / step / 1.6))
            for a in range(0, wide + 1, 2)
        ]
        pen.line(points, ink, width=step // 4, joint="curve")


SHAPES = {
    shape.__name__: shape
    for shape in (
        *(arrow, bars, checks, columns, crescent, cross, disc, dots, gear, grid),
        *(heart, house, pacman, ring, spiral, square, star, target, triangle, waves),
    )
}
COLOURS = {
    "red": (200, 40, 40),
    "green": (40, 150, 60),
    "blue": (50, 80, 210),
    "yellow": (225, 200, 40),
    "purple": (140, 50, 170),
}


def draw(name, size, chance):
    """Return one picture of class `name`, with everything else drawn from `chance`."""
    colour, _, shape = name.rpartition("_")
    paper = [chance.randrange(256) for _ in range(3)]
    # Far from the paper in every channel, so that the shape shows.
    ink = [(value + chance.randrange(90, 166)) % 256 for value in paper]
    if colour:
        ink = [value + chance.randrange(-25, 26) for value in COLOURS[colour]]
        paper = [chance.randrange(200, 256)] * 3 if chance.random() < 0.5 else [0, 0, 0]
    wide = size * SCALE
    image = Image.new("RGB", (wide, wide), tuple(paper))
    x, y = (chance.uniform(0.35, 0.65) * wide for _ in range(2))
    r, turn = chance.uniform(0.2, 0.32) * wide, chance.uniform(0, 2 * math.pi)
    SHAPES[shape](ImageDraw.Draw(image), tuple(ink), x, y, r, turn, wide)
    noise = Image.frombytes("RGB", (size, size), chance.randbytes(3 * size * size))
    return Image.blend(image.reduce(SCALE), noise, 0.2)


def write(folder, classes, counts, size, seed):
    """Write counts[part] pictures of each class as folder/part/CLASS/0000.jpg and so on."""
    from tqdm import tqdm  # here: who only draws a picture needs none

    total = len(classes) * sum(counts.values())
    with tqdm(total=total, desc="drawing", disable=None, leave=False) as bar:
        for part, count in counts.items():
            for name in classes:
                (folder / part / name).mkdir(parents=True, exist_ok=True)
                for number in range(count):
                    chance = random.Random(f"{seed} {part} {name} {number}")
                    picture = draw(name, size, chance)
                    picture.save(folder / part / name / f"{number:04}.jpg", quality=90)
                    bar.update()
    return total


def pick_classes(words, colours):
    """Return the names of the classes that --classes and --colours ask for."""
    if len(words) == 1 and words[0].isdecimal():
        count = int(words[0])
        if not 0 < count <= len(SHAPES):
            raise InputError(f"--classes {count}: there are {len(SHAPES)} shapes")
        words = list(SHAPES)[:count]
    for word, known in [(w, SHAPES) for w in words] + [(c, COLOURS) for c in colours]:
        if word not in known:
            raise InputError(f"no {word} is known; there are {', '.join(known)}")
    return [f"{colour}_{word}" for colour in colours for word in words] if colours else words


def main(argv=None):
    """Draw the pictures that the arguments ask for; return how many, and their classes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("folder", type=Path, help="where train/CLASS and val/CLASS are to be; made if missing")
    add("--classes", nargs="+", default=["20"], metavar="N|SHAPE",
        help="how many of the shapes, or which (default: all 20): " + " ".join(SHAPES))  # fmt: skip
    add("--colours", nargs="+", default=[], metavar="COLOUR",
        help="one class for each colour and shape, of " + " ".join(COLOURS))  # fmt: skip
    add("--count", type=int, default=100, help="pictures a class in train (default: 100)")
    add("--val", type=int, default=25, help="pictures a class in val (default: 25)")
    add("--size", type=int, default=64, help="pixels a side (default: 64)")
    add("--seed", type=int, default=0, help="another seed draws other pictures (default: 0)")
    args = parser.parse_args(argv)
    try:
        if args.size < 16 or min(args.count, args.val) < 1:
            raise InputError("--size is at least 16, --count and --val are at least 1")
        classes = pick_classes(args.classes, args.colours)
        counts = {"train": args.count, "val": args.val}
        total = write(args.folder, classes, counts, args.size, args.seed)
    except (InputError, OSError) as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    print(f"{total} pictures of {len(classes)} classes in {args.folder}")
    return {"pictures": total, "classes": classes}


if __name__ == "__main__":
    main()
