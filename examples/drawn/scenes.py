"""Draw small scenes of one or two shapes, with captions, in the files of COCO.

A captioner needs pictures that somebody has described. Here a program draws them and knows what it
drew: circles, squares, triangles and crosses in seven colours and two sizes, alone or in pairs, on
a grainy ground. A pair is described from the top or from the left:

    a small red circle above a large blue square
    a large green cross left of a large green triangle
    a small black square

    python examples/drawn/scenes.py --out data/scenes

writes three parts, each as DIR/PART/*.png and DIR/annotations/captions_PART.json, the JSON as COCO
captions have it (torchvision.datasets.CocoCaptions reads it where pycocotools is installed). In
`train` and `test` four combinations of colour and shape never occur: a red cross, a green circle, a
blue triangle and a yellow square. Every picture of `novel` shows at least one of them.
"""

import argparse
import json
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SIZE = 40
SCALE = 4  # drawn larger and scaled down, for smooth edges
COLORS = {
    "red": (215, 45, 40),
    "green": (45, 160, 60),
    "blue": (45, 85, 205),
    "yellow": (235, 200, 40),
    "purple": (140, 60, 165),
    "orange": (240, 130, 35),
    "black": (35, 35, 35),
}
SHAPES = ("circle", "square", "triangle", "cross")
RADII = {"small": 4.0, "large": 7.5}
RELATIONS = [("left of", 1, 0), ("above", 0, 1)]
HELD_OUT = {("red", "cross"), ("green", "circle"), ("blue", "triangle"), ("yellow", "square")}
PARTS = {"train": 3000, "test": 300, "novel": 300}


def draw_shape(canvas, shape, x, y, radius, ink):
    """Draw one shape around (x, y), in pixels of the finished picture."""
    x, y, r = x * SCALE, y * SCALE, radius * SCALE
    if shape == "circle":
        canvas.ellipse([x - r, y - r, x + r, y + r], ink)
    elif shape == "square":
        canvas.rectangle([x - 0.87 * r, y - 0.87 * r, x + 0.87 * r, y + 0.87 * r], ink)
    elif shape == "triangle":
        canvas.polygon([(x, y - r), (x + 1.1 * r, y + 0.9 * r), (x - 1.1 * r, y + 0.9 * r)], ink)
    else:
        canvas.rectangle([x - r, y - r / 3, x + r, y + r / 3], ink)
        canvas.rectangle([x - r / 3, y - r, x + r / 3, y + r], ink)


def draw_scene(generator, novel):
    """Return a picture and its caption; `novel` says whether it shows a held-out combination."""
    count = 1 if generator.random() < 0.25 else 2
    while True:
        things = [
            (
                generator.choice(list(RADII)),
                generator.choice(list(COLORS)),
                generator.choice(SHAPES),
            )
            for _ in range(count)
        ]
        if any(thing[1:] in HELD_OUT for thing in things) == novel:
            break
    names = [f"a {' '.join(thing)}" for thing in things]
    if count == 1:
        centres = [[generator.uniform(14, SIZE - 14), generator.uniform(14, SIZE - 14)]]
        caption = names[0]
    else:
        relation, *way = generator.choice(RELATIONS)
        centres = [
            [SIZE / 2 + side * along * 10.5 + generator.uniform(-2, 2) for along in way]
            for side in (-1, 1)
        ]
        caption = f" {relation} ".join(names)

    ground = generator.randrange(195, 235)
    image = Image.new("RGB", (SIZE * SCALE, SIZE * SCALE), (ground, ground, ground))
    canvas = ImageDraw.Draw(image)
    for (size, color, shape), (x, y) in zip(things, centres, strict=True):
        ink = tuple(value + generator.randint(-20, 20) for value in COLORS[color])
        draw_shape(canvas, shape, x, y, RADII[size] * generator.uniform(0.93, 1.07), ink)
    pixels = np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BOX), dtype=np.float64)
    noise = np.random.default_rng(generator.randrange(2**32)).normal(0, 6, pixels.shape)
    return Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)), caption


def write_scenes(folder, counts=PARTS, seed=0):
    """Write the parts below `folder`; the same seed and counts write the same files."""
    folder = Path(folder)
    (folder / "annotations").mkdir(parents=True, exist_ok=True)
    for number, (part, count) in enumerate(counts.items()):
        (folder / part).mkdir(exist_ok=True)
        generator = random.Random(1000 * seed + number)
        images, annotations = [], []
        for i in range(count):
            image, caption = draw_scene(generator, novel=part == "novel")
            name = f"{i:06}.png"
            image.save(folder / part / name)
            images.append({"id": i, "file_name": name, "width": SIZE, "height": SIZE})
            annotations.append({"id": i, "image_id": i, "caption": caption})
        content = {
            "info": {"description": f"drawn scenes, {part}, seed {seed}"},
            "images": images,
            "annotations": annotations,
        }
        path = folder / "annotations" / f"captions_{part}.json"
        path.write_text(json.dumps(content), encoding="utf-8")


def main(argv=None):
    """Write the scenes as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--out", type=Path, default=Path("data/scenes"), metavar="DIR", help="default: data/scenes")
    for part, count in PARTS.items():
        add(f"--{part}", type=int, default=count, help=f"pictures of this part (default: {count})")
    add("--seed", type=int, default=0, help="another seed, other pictures (default: 0)")
    args = parser.parse_args(argv)
    write_scenes(args.out, {part: getattr(args, part) for part in PARTS}, args.seed)


if __name__ == "__main__":
    main()
