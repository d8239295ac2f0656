"""Paint one picture in the manner of another, by optimising the pixels themselves.

No net is trained here. A convolutional net with fixed weights looks at three pictures: one that
gives the content, one that gives the style, and one that begins as noise. What lies where, the net
tells by its features; the manner in which it is painted, by their Gram matrix, which says how often
two features occur together and forgets where. Gradient descent changes the third picture until its
features are like the first one's and its Gram matrices like the second one's (Gatys and others,
2015). Note 000 wants it for the filter of the PyTorch book that paints like Prisma.

    python examples/style_transfer.py
    python examples/style_transfer.py --content photo.jpg --style painting.jpg --size 192
    python examples/style_transfer.py --weights DEFAULT --content photo.jpg --style painting.jpg

By default the net is a small one of random weights, which need no network and, as it turns out, see
enough: colours and strokes come from the first layers. `--weights DEFAULT` takes torchvision's
VGG-19 as trained on ImageNet, as Gatys did (550 MB, fetched once). Without `--content` and
`--style` a scene and a pattern are drawn.

A run takes six seconds on one core. From three noises, the distance from the content falls from
1.9 to 0.85 to 0.87 (the style's picture lies at 1.96), that from the style from 0.53 to 0.024 (the
content's picture lies at 2.4): house, sun and tree stay where they were, the sky turns into waves
of the pattern. The roof and the meadow keep something of their own colours.
"""

import argparse
import logging
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from torch import nn
from torchvision import models
from tqdm import tqdm

log = logging.getLogger("style_transfer")


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


# Pictures: values from 0 to 1, as (1, 3, size, size).


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


def read_picture(path, size):
    """Read a picture, cut to its middle square, as (1, 3, size, size)."""
    try:
        with Image.open(path) as image:
            image = image.convert("RGB")
    except FileNotFoundError as error:
        raise InputError(f"no picture {path}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no picture that can be read: {first_line(error)}") from error
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    return to_tensor(image.resize((size, size), Image.Resampling.LANCZOS))


def to_tensor(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def to_image(picture):
    pixels = (picture.detach().cpu()[0].clamp(0, 1) * 255).round().byte()
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def first_line(error):
    return str(error).strip().partition("\n")[0]


# Features: a list of layers' outputs for a picture.


class Features(nn.Module):
    """The outputs of some layers of a net; `content` is the number of the one that says where."""

    def __init__(self, layers, taps, content):
        super().__init__()
        self.layers, self.taps, self.content = layers[: max(*taps, content) + 1], taps, content
        self.requires_grad_(False).eval()
        # Of the pictures of ImageNet.
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, picture):
        """Return the features for the style, and the one for the content."""
        x, outputs = (picture - self.mean) / self.std, {}
        for number, layer in enumerate(self.layers):
            outputs[number] = x = layer(x)
        return [outputs[tap] for tap in self.taps], outputs[self.content]


def random_features():
    """Return a small net of random weights, always the same ones."""
    chance = torch.Generator().manual_seed(0)
    sizes = [(3, 32, 5), (32, 64, 3), (64, 64, 3)]
    layers = []
    for inner, outer, kernel in sizes:
        convolution = nn.Conv2d(inner, outer, kernel, padding=kernel // 2, padding_mode="reflect")
        nn.init.kaiming_normal_(convolution.weight, generator=chance)
        nn.init.normal_(convolution.bias, std=0.3, generator=chance)
        layers += [convolution, nn.ReLU(), nn.AvgPool2d(2)]
    return Features(nn.Sequential(*layers), taps=(1, 4, 7), content=4)


# Behind relu1_1, 2_1, 3_1 and 4_1, and behind relu4_2.
VGG_TAPS, VGG_CONTENT = (1, 6, 11, 20), 22


def vgg_features(weights):
    """Return the layers of torchvision's VGG-19 that Gatys took."""
    try:
        layers = models.vgg19(weights=weights).features
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"the weights of VGG-19 cannot be fetched: {first_line(error)}; put "
            f"vgg19-dcbb9e9d.pth into {torch.hub.get_dir()}/checkpoints, or leave --weights away"
        ) from error
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False  # the output before it is looked at as well
    return Features(layers, VGG_TAPS, VGG_CONTENT)


def gram(features):
    """Return how often two channels are large together, as (channels, channels)."""
    _, channels, height, width = features.shape
    flat = features[0].reshape(channels, height * width)
    return flat @ flat.T / (height * width)


class Losses:
    """How far a picture is from the content of one and from the style of another.

    The content is compared by features of mean 0 and variance 1: where they are large counts, not
    how large, so that the content does not hold on to its colours. Unrelated pictures lie at a
    distance of about 2. The distance from the style would be 1 for a picture without any features.
    """

    def __init__(self, features, content, style):
        self.features = features
        with torch.no_grad():
            self.content = F.instance_norm(features(content)[1])
            self.grams = [gram(each) for each in features(style)[0]]

    def __call__(self, picture):
        layers, where = self.features(picture)
        content = F.mse_loss(F.instance_norm(where), self.content)
        style = [
            F.mse_loss(gram(each), goal) / goal.square().mean()
            for each, goal in zip(layers, self.grams, strict=True)
        ]
        return content, sum(style) / len(style)

    def numbers(self, picture):
        with torch.no_grad():
            return [loss.item() for loss in self(picture)]


def roughness(picture):
    """Return the mean square of the steps from pixel to pixel."""
    across, down = picture.diff(dim=3), picture.diff(dim=2)
    return across.square().mean() + down.square().mean()


def paint(picture, losses, args):
    """Change `picture` step by step; yield both losses of each step."""
    picture.requires_grad_()
    optimizer = torch.optim.Adam([picture], args.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.steps)
    for _ in tqdm(range(args.steps), "steps", leave=False, disable=None):
        content, style = losses(picture)
        loss = args.content_weight * content + args.style_weight * style
        optimizer.zero_grad()
        (loss + args.smooth * roughness(picture)).backward()
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            picture.clamp_(0, 1)
        yield content.item(), style.item()


# Figures.


def draw_pictures(pictures, path):
    figure = Figure(figsize=(3 * len(pictures), 3.2), layout="constrained")
    for axes, (name, picture) in zip(
        figure.subplots(1, len(pictures)), pictures.items(), strict=True
    ):
        axes.imshow(np.asarray(to_image(picture)))
        axes.set(title=name, xticks=[], yticks=[])
    figure.savefig(path, dpi=100)


def draw_losses(history, path):
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, losses in history.items():
        axes.plot(losses, label=name)
    axes.set(title="Distance from content and style", xlabel="step", ylabel="relative loss")
    axes.set_yscale("log")
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


# A run, from the command line or called.


def pick_device(name):
    """Return the device called `name`, or the accelerator that is here, or the CPU."""
    try:
        if name:
            probe = torch.zeros(1, device=name)
            probe.item()  # a device without values, such as meta, gives none back
            return probe.device
        # Unasked whether it is available, it names what PyTorch was built for, here or not.
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    except (AssertionError, RuntimeError) as error:
        raise InputError(f"--device {name}: {first_line(error)}") from error
    except (AttributeError, TypeError):  # before PyTorch 2.7
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def run(args):
    """Paint, measure, draw; return what came out."""
    began, device, size = time.perf_counter(), pick_device(args.device), args.size
    content = read_picture(args.content, size) if args.content else to_tensor(draw_scene(size))
    style = read_picture(args.style, size) if args.style else to_tensor(draw_pattern(size))
    content, style = content.to(device), style.to(device)
    if args.dry_run:
        args.steps = 2
    else:
        make_folder(args.out)
    features = random_features() if args.weights == "random" else vgg_features(args.weights)
    losses = Losses(features.to(device), content, style)

    chance = torch.Generator().manual_seed(args.seed)
    noise = torch.rand(content.shape, generator=chance).to(device)
    picture = (content if args.start == "content" else noise).clone()
    history = {"content": [], "style": []}
    for step, (to_content, to_style) in enumerate(paint(picture, losses, args), 1):
        if not to_content + to_style < float("inf"):
            raise InputError(f"the loss is {to_content + to_style}: training went astray")
        history["content"].append(to_content)
        history["style"].append(to_style)
        if step % 50 == 0:
            log.info("step %d: content %.4f, style %.4f", step, to_content, to_style)

    pictures = {"content": content, "style": style, "noise": noise, "result": picture.detach()}
    distances = {
        name: dict(zip(("content", "style"), losses.numbers(each), strict=True))
        for name, each in pictures.items()
    }
    if not args.dry_run:
        shown = {name: pictures[name] for name in ("content", "style", "result")}
        draw_pictures(shown, args.out / "pictures.png")
        draw_losses(history, args.out / "losses.png")
        to_image(picture).save(args.out / "result.png")
        log.info("result.png and two figures are in %s", args.out)
    return {
        "distances": distances,
        "pixels": (picture.detach() - content).square().mean().sqrt().item(),
        "noise_pixels": (noise - content).square().mean().sqrt().item(),
        "history": history,
        "device": str(device),
        "seconds": time.perf_counter() - began,
    }


def print_results(metrics):
    print("\ndistance of     from the content   from the style")
    for name, distance in metrics["distances"].items():
        print(f"{name:12}{distance['content']:20.4f}{distance['style']:17.4f}")


def number(kind, valid, name):
    """Return what reads an argument, so that argparse says `invalid NAME value` where it can't."""

    def read(text):
        value = kind(text)
        if not valid(value):
            raise ValueError
        return value

    read.__name__ = name
    return read


def read_arguments(argv):
    positive = number(int, lambda value: value > 0, "positive number")
    pixels = number(int, lambda value: value >= 32, "number above 31")
    seed = number(int, lambda value: value >= 0, "number")
    rate = number(float, lambda value: 0 < value < float("inf"), "positive number")
    weight = number(float, lambda value: 0 <= value < float("inf"), "weight")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--content", type=Path, metavar="FILE", help="what is painted (default: a drawn scene)")
    add("--style", type=Path, metavar="FILE", help="in whose manner (default: a drawn pattern)")
    add("--weights", default="random", help="random, or DEFAULT for VGG-19 (default: random)")
    add("--start", choices=["noise", "content"], default="noise", help="default: noise")
    add("--content-weight", type=weight, default=1.0, metavar="W", help="default: 1")
    add("--style-weight", type=weight, default=10.0, metavar="W", help="default: 10")
    add("--smooth", type=weight, default=10.0, metavar="W", help="against grain (default: 10)")
    add("--size", type=pixels, default=96, help="pixels of a side (default: 96)")
    add("--steps", type=positive, default=150, help="of the optimizer (default: 150)")
    add("--lr", type=rate, default=0.05, help="how far a pixel moves in a step (default: 0.05)")
    add("--seed", type=seed, default=0, help="for the noise (default: 0)")
    add("--device", help="cpu, cuda, mps, ... (default: the accelerator that is here, or cpu)")
    add("--out", type=Path, default=Path("runs/style_transfer"), metavar="DIR", help="for results")
    add("--dry-run", action="store_true", help="take two steps and write nothing")
    args = parser.parse_args(argv)
    if args.weights not in ("random", "DEFAULT", "IMAGENET1K_V1"):
        parser.error(f"--weights {args.weights}: random or DEFAULT")
    return args


def make_folder(path):
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}") from error


def main(argv=None):
    """Paint as the arguments say and return the metrics."""
    args = read_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        metrics = run(args)
    except InputError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    print_results(metrics)
    return metrics


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
