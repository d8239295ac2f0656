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

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from arguments import Arguments, not_negative, number, positive
from drawn.paintings import draw_pattern, draw_scene
from figures import curves, figure, pictures
from picture_files import read_picture, to_image, to_tensor
from torch import nn
from torchvision import models
from torchvision_nets import fetching
from workbench import check_loss, log, make_folder, progress, script


class Features(nn.Module):
    """The outputs of some layers of a net; `content` is the number of the one that says where.

    The mean and the spread are those of the pictures of ImageNet.
    """

    def __init__(self, layers, taps, content):
        super().__init__()
        self.layers, self.taps, self.content = layers[: max(*taps, content) + 1], taps, content
        self.requires_grad_(False).eval()
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1))

    def forward(self, picture):
        """Return the features for the style, and the one for the content."""
        x, outputs = (picture - self.mean) / self.std, {}
        for place, layer in enumerate(self.layers):
            outputs[place] = x = layer(x)
        return [outputs[tap] for tap in self.taps], outputs[self.content]


def random_features():
    """Return a small net of random weights, always the same ones."""
    chance = torch.Generator().manual_seed(0)
    sizes = [(3, 32, 5), (32, 64, 3), (64, 64, 3)]
    layers = []
    for inner, outer, kernel in sizes:
        convolution = nn.Conv2d(inner, outer, kernel, padding=kernel // 2, padding_mode="reflect")
        with torch.no_grad():  # Kaiming's spread; nn.init.kaiming_normal_ had no generator in 2.0
            spread = math.sqrt(2) / math.sqrt(inner * kernel**2)
            convolution.weight.normal_(0, spread, generator=chance)
            convolution.bias.normal_(0, 0.3, generator=chance)
        layers += [convolution, nn.ReLU(), nn.AvgPool2d(2)]
    return Features(nn.Sequential(*layers), taps=(1, 4, 7), content=4)


VGG_TAPS, VGG_CONTENT = (1, 6, 11, 20), 22


def vgg_features(weights):
    """Return the layers of torchvision's VGG-19 that Gatys took.

    They are those behind relu1_1, 2_1, 3_1 and 4_1 for the style, behind relu4_2 for the content.
    """
    with fetching("vgg19", weights):
        layers = models.vgg19(weights=weights).features
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
    for _ in progress(range(args.steps), "steps", args.steps):
        content, style = losses(picture)
        loss = args.content_weight * content + args.style_weight * style
        optimizer.zero_grad()
        (loss + args.smooth * roughness(picture)).backward()
        optimizer.step()
        scheduler.step()
        with torch.no_grad():
            picture.clamp_(0, 1)
        yield check_loss(content, args), check_loss(style, args)


def draw_figures(out, found, history, result):
    """Draw the picture between what it shows and in whose manner, and the way there."""
    title = "The content of one picture in the manner of another"
    with figure(out / "pictures.png", title, columns=3, size=(9, 3.6)) as grid:
        shown = {name: to_image(found[name]) for name in ("content", "style", "result")}
        pictures(grid, shown.values(), shown)
    title = f"Its content stays {result['content']:.2f} apart, its style {result['style']:.3f}"
    with figure(out / "losses.png", title) as axes:
        lines = {f"distance from the {name}": losses for name, losses in history.items()}
        curves(axes, lines, "step", "relative loss", yscale="log")


@script
def main(argv=None):
    """Paint as the arguments say and return the metrics."""
    parser = Arguments(__file__, __doc__, lr=0.05)
    add, weight = parser.add_argument, {"type": not_negative, "metavar": "W"}
    pixels = number(int, lambda value: value >= 32, "number above 31")
    add("--content", type=Path, metavar="FILE", help="what is painted; None: a drawn scene")
    add("--style", type=Path, metavar="FILE", help="in whose manner; None: a drawn pattern")
    add("--weights", choices=["random", "DEFAULT", "IMAGENET1K_V1"], default="random", help="VGG's")
    add("--start", choices=["noise", "content"], default="noise", help="the first picture")
    add("--content-weight", default=1.0, help="of the content's loss", **weight)
    add("--style-weight", default=10.0, help="of the style's loss", **weight)
    add("--smooth", default=10.0, help="against grain", **weight)
    add("--size", type=pixels, default=96, help="pixels of a side")
    add("--steps", type=positive, default=150, help="of the optimizer")
    args = parser.read(argv)
    args.steps = 2 if args.dry_run else args.steps

    content, style = (
        (read_picture(path, args.size) if path else to_tensor(draw(args.size))).to(args.device)
        for path, draw in ((args.content, draw_scene), (args.style, draw_pattern))
    )
    features = random_features() if args.weights == "random" else vgg_features(args.weights)
    losses = Losses(features.to(args.device), content, style)
    torch.manual_seed(args.seed)
    noise = torch.rand(content.shape).to(args.device)
    picture = (content if args.start == "content" else noise).clone()
    steps = list(paint(picture, losses, args))
    history = dict(zip(("content", "style"), map(list, zip(*steps, strict=True)), strict=True))

    found = {"content": content, "style": style, "noise": noise, "result": picture.detach()}
    distances = {
        name: dict(zip(("content", "style"), losses.numbers(each), strict=True))
        for name, each in found.items()
    }
    log.info("apart: %s", distances)
    if not args.dry_run:
        draw_figures(make_folder(args.out), found, history, distances["result"])
        to_image(picture).save(args.out / "result.png")
    return {
        "distances": distances,
        "pixels": (found["result"] - content).square().mean().sqrt().item(),
        "noise_pixels": (noise - content).square().mean().sqrt().item(),
        "history": history,
        "device": str(args.device),
    }


if __name__ == "__main__":
    main()
