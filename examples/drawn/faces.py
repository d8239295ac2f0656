"""Draw simple faces, as a folder of pictures that torchvision's ImageFolder reads.

A face is a head of skin, hair on top of it and down its sides, two dark eyes and a mouth, on a
plain wall. Colours, hair cut, size and place are chance, the layout is not: that is what a GAN for
faces (the PyTorch book's cartoon avatars of note 000, the DCGAN of note 004's closing list) has to
find out. `examples/dcgan.py` learns from them.

    python examples/drawn/faces.py --out data/faces --count 2000

Picture number n depends on the seed and on n alone, not on how many are drawn. They lie in two
folders by their hair, --out/long/0000.png and --out/short/0001.png, so that a classifier has
something to tell apart.
"""

import argparse
import random
import sys
from pathlib import Path

from PIL import Image, ImageDraw

SIZE = 32
SCALE = 4  # drawn larger and scaled down, for smooth edges

SKINS = [(250, 219, 194), (242, 199, 163), (224, 172, 127), (198, 140, 96)]
HAIRS = [(30, 24, 22), (74, 44, 24), (112, 66, 28), (120, 40, 24)]
WALLS = [(150, 200, 240), (180, 225, 170), (236, 226, 150), (214, 186, 232)]
CUTS = ("long", "short")


def vary(color, rng, by=10):
    return tuple(max(0, min(255, part + rng.randint(-by, by))) for part in color)


def draw_face(cut, rng, size=SIZE):
    """Return one face with hair of the given cut; all else is drawn from `rng`."""
    wide = size * SCALE
    unit = wide / 32
    skin, hair, wall = (vary(rng.choice(colors), rng) for colors in (SKINS, HAIRS, WALLS))
    image = Image.new("RGB", (wide, wide), wall)
    draw = ImageDraw.Draw(image)
    x, y = 16 + rng.uniform(-1, 1), 17 + rng.uniform(-1, 1)
    width, height = rng.uniform(8.5, 10), rng.uniform(10.5, 11.5)

    def ellipse(middle_x, middle_y, radius_x, radius_y, color):
        left, top = middle_x - radius_x, middle_y - radius_y
        right, bottom = middle_x + radius_x, middle_y + radius_y
        draw.ellipse([unit * edge for edge in (left, top, right, bottom)], color)

    # Hair first, the head over it: what stays to be seen is the hair around the face.
    ellipse(x, y - 4, width + 2, 10.5, hair)
    if cut == "long":
        corners = (x - width - 2, y - 4, x + width + 2, y + 11)
        draw.rectangle([unit * edge for edge in corners], hair)
    ellipse(x, y + 1, width, height - 1, skin)
    fringe = rng.uniform(-6, -4)
    draw.chord(
        [unit * edge for edge in (x - width, y - 11, x + width, y + 2 * fringe + 11)],
        180,
        360,
        hair,
    )

    apart, eyes = rng.uniform(3.6, 4.4), y + rng.uniform(-0.5, 0.5)
    for side in (-apart, apart):
        ellipse(x + side, eyes, 1.7, 1.5, (20, 20, 40))
    mouth, smile = y + 6, rng.uniform(2.5, 4)
    ellipse(x, mouth, smile, 1.1, vary((190, 50, 60), rng))
    return image.resize((size, size), Image.Resampling.BOX)


def write_faces(folder, count=2000, seed=0, size=SIZE):
    """Write `count` faces below `folder`, half of them with long hair; return `folder`."""
    folder = Path(folder)
    for cut in CUTS:
        (folder / cut).mkdir(parents=True, exist_ok=True)
    for n in range(count):
        cut = CUTS[n % 2]
        draw_face(cut, random.Random(f"{seed} {n}"), size).save(folder / cut / f"{n:04}.png")
    return folder


# Where a face has its parts: left, top, right, bottom as shares of the side.
PARTS = {
    "hair": (0.40, 0.13, 0.60, 0.28),
    "skin": (0.45, 0.57, 0.55, 0.66),
    "wall": (0.00, 0.00, 0.12, 0.12),
    "left eye": (0.30, 0.44, 0.44, 0.63),
    "right eye": (0.56, 0.44, 0.70, 0.63),
    "mouth": (0.40, 0.66, 0.60, 0.80),
}


def part(images, name):
    """Return the pixels of one part of the face, as (pictures, channels, pixels)."""
    left, top, right, bottom = (round(edge * images.shape[-1]) for edge in PARTS[name])
    return images[:, :, top : max(bottom, top + 1), left : max(right, left + 1)].flatten(2)


def layout(images):
    """Return the mean colours of the parts, and the share of pictures laid out as a face.

    Pictures are a tensor (pictures, 3, height, width) of values from -1 to 1.

    A face has hair darker than its skin, in the place of either eye something darker than the
    skin, and in the place of the mouth something redder.
    """
    colours = {name: part(images, name).mean((0, 2)).tolist() for name in ("hair", "skin", "wall")}
    skin = part(images, "skin").mean(2)
    light = skin.mean(1)
    eyes = [part(images, name).mean(1).amin(1) for name in ("left eye", "right eye")]
    mouth = part(images, "mouth")
    rules = {
        "hair": part(images, "hair").mean((1, 2)) < light - 0.2,
        "eyes": (eyes[0] < light - 0.4) & (eyes[1] < light - 0.4),
        "mouth": (mouth[:, 0] - mouth[:, 1]).amax(1) > skin[:, 0] - skin[:, 1] + 0.1,
    }
    shares = {name: holds.double().mean().item() for name, holds in rules.items()}
    shares["all"] = (rules["hair"] & rules["eyes"] & rules["mouth"]).double().mean().item()
    return {"colours": colours, "layout": shares}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--out", type=Path, default=Path("data/faces"), metavar="DIR", help="default: data/faces")
    add("--count", type=int, default=2000, help="how many faces (default: 2000)")
    add("--size", type=int, default=SIZE, help="pixels of a side (default: 32)")
    add("--seed", type=int, default=0, help="default: 0")
    args = parser.parse_args(argv)
    if args.count < 1 or args.size < 8:
        parser.error("--count is to be at least 1, --size at least 8")
    try:
        write_faces(args.out, args.count, args.seed, args.size)
    except OSError as error:
        print(f"{Path(__file__).name}: --out {args.out}: {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from error
    print(f"{args.count} faces of {args.size} x {args.size} pixels are in {args.out}")
    return {"count": args.count, "folder": str(args.out)}


if __name__ == "__main__":
    main()
