"""Six beginner models, each on a small task: from a straight line to a net that reads a row.

A collection of short scripts, one a model, is what the notes send a beginner to (yunjey's
tutorial). Here the six share one training loop; each makes its own data, and is measured on data
that it has not seen, against something simpler that it has to beat:

    linear        finds the slopes behind noisy numbers; R2       beats the mean, R2 = 0
    logistic      parts two clouds that overlap                   beats a guess, 50 %
    feed_forward  parts two spirals                               beats logistic regression
    cnn           tells four drawn strokes apart, anywhere        beats logistic regression
    residual      as cnn, with 21 convolutions in a row           beats the same without shortcuts
    recurrent     reads a noisy wave: rising, falling, triangle   beats one blind to the order

    python examples/beginner_models.py --model all
    python examples/beginner_models.py --model cnn --epochs 20

In `--out` appear a picture of what each has learned (for `cnn` its filters and the feature maps
that they make of one picture) and its loss curve.

Measured with seeds 0, 1 and 2, the worst of three (and what it had to beat): linear 0.982 (0),
logistic 83 % (50 %, and 84 % is the best possible), feed_forward 99.7 % (64 %), cnn 98.4 % (38 %),
residual 98.7 % (25 %), recurrent 99.8 % (34 %). All six take 20 seconds of one core.
"""

import argparse
import logging
import math
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
import workbench
from matplotlib.figure import Figure
from torch import nn
from tqdm import tqdm

log = logging.getLogger("beginner_models")

STROKES = ("horizontal", "vertical", "falling", "rising")
WAVES = ("rising", "falling", "triangle")
SIZE = 16
LENGTH = 24


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


# The loop that all six share, and their measure.


def fit(net, x, y, loss_of, args, *, epochs, lr, name):
    """Train in shuffled batches with Adam; return the mean loss of each epoch."""
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr or lr)
    epochs = 1 if args.dry_run else args.epochs or epochs
    # Falls to nothing over the run, so that the last steps settle what the first ones found.
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    chance = torch.Generator().manual_seed(args.seed)
    losses = []
    net.train()
    for _ in tqdm(range(epochs), name, leave=False, disable=None):
        total = 0.0
        for chosen in torch.randperm(len(x), generator=chance).to(x.device).split(args.batch_size):
            optimizer.zero_grad()
            loss = loss_of(net(x[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)
        scheduler.step()
        losses.append(total / len(x))
        if not math.isfinite(losses[-1]):
            raise InputError(f"the loss of {name} is {losses[-1]}: --lr {args.lr} leads astray")
    net.eval()
    return losses


@torch.inference_mode()
def accuracy(net, x, y):
    """Return the share of samples that the net puts into their class."""
    return (net(x).argmax(1) == y).double().mean().item()


def halves(x, y, args):
    """Return what is to be learned from and what is to be measured on, on the device."""
    x, y = x.to(args.device), y.to(args.device)
    half = len(x) // 2
    return x[:half], y[:half], x[half:], y[half:]


# 1. Linear regression.

SLOPES, OFFSET = (3.0, -2.0), 0.5


def linear(args, chance):
    """Find two slopes and an offset behind noisy numbers."""
    x = torch.randn(1000, 2, generator=chance)
    y = x @ torch.tensor(SLOPES).unsqueeze(1) + OFFSET
    y += 0.5 * torch.randn(y.shape, generator=chance)
    x, y, test_x, test_y = halves(x, y, args)
    net = nn.Linear(2, 1).to(args.device)
    losses = fit(net, x, y, F.mse_loss, args, epochs=60, lr=0.05, name="linear")

    with torch.inference_mode():
        predicted = net(test_x)
    spread = (test_y - y.mean()).square().mean()
    score = 1 - ((predicted - test_y).square().mean() / spread).item()

    def draw(figure):
        axes = figure.subplots()
        axes.scatter(test_y.cpu(), predicted.cpu(), s=8, alpha=0.5)
        axes.axline((0, 0), slope=1, color="black", linestyle="--")
        axes.set(title="Predicted against true", xlabel="true", ylabel="predicted")

    found = [*net.weight.detach().flatten().tolist(), net.bias.item()]
    return {"score": score, "baseline": 0.0, "found": found, "losses": losses}, draw


# 2. Logistic regression.


def draw_plane(net, x, y, device, title):
    """Return what draws points of a plane over the classes that the net gives its places."""

    def draw(figure):
        edge = x.abs().max().item() * 1.1
        line = torch.linspace(-edge, edge, 150)
        grid = torch.cartesian_prod(line, line).to(device)
        with torch.inference_mode():
            classes = net(grid).argmax(1).reshape(150, 150).T.cpu()
        axes = figure.subplots()
        axes.contourf(line, line, classes, levels=[-0.5, 0.5, 1.5], colors=["#bfd3e6", "#fdd0a2"])
        for label, color in enumerate(("#2166ac", "#d94801")):
            axes.scatter(*x[y == label].cpu().T, s=6, color=color)
        axes.set(title=title, aspect="equal")

    return draw


def logistic(args, chance):
    """Part two clouds whose middles are two standard deviations apart."""
    y = torch.arange(2000) % 2
    x = torch.randn(2000, 2, generator=chance)
    x += torch.where(y == 1, 1.0, -1.0).unsqueeze(1) * torch.tensor([0.8, 0.6])
    x, y, test_x, test_y = halves(x, y, args)
    net = nn.Linear(2, 2).to(args.device)
    losses = fit(net, x, y, F.cross_entropy, args, epochs=20, lr=0.02, name="logistic")
    results = {
        "score": accuracy(net, test_x, test_y),
        "baseline": test_y.bincount().max().item() / len(test_y),
        # No line, nor anything else, parts them better than the one halfway between.
        "best_possible": 0.5 * (1 + math.erf(1 / math.sqrt(2))),
        "losses": losses,
    }
    return results, draw_plane(net, test_x, test_y, args.device, "Two clouds, one line")


# 3. A feed-forward net.


def feed_forward(args, chance):
    """Part two spirals that wind around each other."""
    y = torch.arange(2000) % 2
    turn = torch.rand(2000, generator=chance) * 3 * math.pi + 0.5
    angle = turn + y * math.pi
    x = torch.stack([turn * angle.cos(), turn * angle.sin()], 1) / 4
    x += 0.08 * torch.randn(x.shape, generator=chance)
    x, y, test_x, test_y = halves(x, y, args)
    net = nn.Sequential(
        nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)
    ).to(args.device)
    losses = fit(net, x, y, F.cross_entropy, args, epochs=60, lr=0.005, name="feed_forward")
    line = nn.Linear(2, 2).to(args.device)
    fit(line, x, y, F.cross_entropy, args, epochs=20, lr=0.02, name="its baseline")
    results = {
        "score": accuracy(net, test_x, test_y),
        "baseline": accuracy(line, test_x, test_y),
        "losses": losses,
    }
    return results, draw_plane(net, test_x, test_y, args.device, "Two spirals, two hidden layers")


# 4. A convolutional net.


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


class ConvNet(nn.Module):
    """Two convolutions, each with a ReLU and a pooling, and one linear layer."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=5)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=3)
        self.pool2 = nn.MaxPool2d(2)
        self.last = nn.Linear(16 * 2 * 2, len(STROKES))

    def forward(self, x):
        x = self.pool1(torch.relu(self.conv1(x)))
        x = self.pool2(torch.relu(self.conv2(x)))
        return self.last(x.flatten(1))


def shapes_through(net, x):
    """Return the shape of what goes in and of what comes out of each layer."""
    shapes = {"input": list(x.shape)}

    def note(name):
        return lambda module, inputs, output: shapes.update({name: list(output.shape)})

    hooks = [layer.register_forward_hook(note(name)) for name, layer in net.named_children()]
    with torch.inference_mode():
        net(x)
    for hook in hooks:
        hook.remove()
    return shapes


def pixels_only():
    """Logistic regression on raw pixels."""
    return nn.Sequential(nn.Flatten(), nn.Linear(SIZE * SIZE, len(STROKES)))


def cnn(args, chance):
    """Tell four kinds of strokes apart wherever they lie."""
    x, y, test_x, test_y = halves(*strokes(2000, chance), args)
    net = ConvNet().to(args.device)
    losses = fit(net, x, y, F.cross_entropy, args, epochs=12, lr=0.005, name="cnn")
    flat = pixels_only().to(args.device)
    fit(flat, x, y, F.cross_entropy, args, epochs=12, lr=0.005, name="its baseline")
    results = {
        "score": accuracy(net, test_x, test_y),
        "baseline": accuracy(flat, test_x, test_y),
        "shapes": shapes_through(net, test_x[:1]),
        "filters": {name: list(getattr(net, name).weight.shape) for name in ("conv1", "conv2")},
        "losses": losses,
    }

    def draw(figure):
        grid = figure.subplots(3, 8)
        with torch.inference_mode():
            maps = torch.relu(net.conv1(test_x[2:3]))[0].cpu().numpy()
        filters = net.conv1.weight.detach().cpu().numpy()
        for axes in grid.flat:
            axes.set(xticks=[], yticks=[])
        for axes, picture, kind in zip(
            grid[0], test_x[:8].cpu().numpy(), test_y.tolist(), strict=False
        ):
            axes.imshow(picture[0], cmap="gray")
            axes.set_title(STROKES[kind], size=9)
        for number in range(8):
            grid[1, number].imshow(filters[number, 0], cmap="gray")
            grid[2, number].imshow(maps[number], cmap="gray", vmin=0, vmax=maps.max())
        for row, text in zip(grid, ("pictures", "filters", "feature maps"), strict=True):
            row[0].set_ylabel(text)
        figure.suptitle("The first layer's eight filters, and its maps of the third picture")

    return results, draw


# 5. A residual net.


class Block(nn.Module):
    """Two convolutions, and a shortcut around them."""

    def __init__(self, channels, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.shortcut = shortcut

    def forward(self, x):
        change = self.conv2(torch.relu(self.conv1(x)))
        return torch.relu(x + change if self.shortcut else change)


def deep_net(shortcut, blocks=10, channels=8):
    """Return a net of 1 + 2 * `blocks` convolutions in a row."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 5, stride=2),
        nn.ReLU(),
        *(Block(channels, shortcut) for _ in range(blocks)),
        nn.AdaptiveMaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * channels, len(STROKES)),
    )


def residual(args, chance):
    """Train a deep net with shortcuts, and the same net without."""
    x, y, test_x, test_y = halves(*strokes(4000, chance), args)
    scores, curves = {}, {}
    for name, shortcut in (("with shortcuts", True), ("without", False)):
        torch.manual_seed(args.seed)
        net = deep_net(shortcut).to(args.device)
        curves[name] = fit(net, x, y, F.cross_entropy, args, epochs=7, lr=0.004, name="residual")
        scores[name] = accuracy(net, test_x, test_y)

    def draw(figure):
        axes = figure.subplots()
        for name, losses in curves.items():
            axes.plot(range(1, len(losses) + 1), losses, marker=".", label=name)
        axes.axhline(math.log(4), color="black", linestyle=":", label="loss of a guess, ln 4")
        axes.set(title="21 convolutions in a row", xlabel="epoch", ylabel="cross-entropy")
        axes.legend()

    results = {
        "score": scores["with shortcuts"],
        "baseline": scores["without"],
        "losses": curves["with shortcuts"],
        "losses_without": curves["without"],
    }
    return results, draw


# 6. A recurrent net.


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


class Reader(nn.Module):
    """Reads a row value by value, and judges by what it remembers at the end."""

    def __init__(self):
        super().__init__()
        self.memory = nn.GRU(1, 24, batch_first=True)
        self.last = nn.Linear(24, len(WAVES))

    def forward(self, x):
        _, remembered = self.memory(x)
        return self.last(remembered[-1])


class Blind(nn.Module):
    """Knows which values there are, but not in which order: it sees them sorted."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(LENGTH, 64), nn.ReLU(), nn.Linear(64, len(WAVES)))

    def forward(self, x):
        return self.layers(x.squeeze(2).sort(1).values)


def recurrent(args, chance):
    """Tell rising and falling sawteeth and triangles apart."""
    x, y, test_x, test_y = halves(*waves(2400, chance), args)
    net, blind = Reader().to(args.device), Blind().to(args.device)
    losses = fit(net, x, y, F.cross_entropy, args, epochs=20, lr=0.01, name="recurrent")
    fit(blind, x, y, F.cross_entropy, args, epochs=20, lr=0.005, name="its baseline")
    results = {
        "score": accuracy(net, test_x, test_y),
        "baseline": accuracy(blind, test_x, test_y),
        "losses": losses,
    }

    def draw(figure):
        with torch.inference_mode():
            guesses = net(test_x[:9]).argmax(1).tolist()
        for axes, wave, kind, guess in zip(
            figure.subplots(3, 3, sharex=True, sharey=True).flat,
            test_x.cpu(),
            test_y.tolist(),
            guesses,
            strict=False,
        ):
            axes.plot(wave.squeeze(1), marker=".", color="C0" if kind == guess else "C3")
            axes.set_title(f"{WAVES[kind]}, taken for {WAVES[guess]}", size=9)

    return results, draw


# The score that each is to reach.
MODELS = {
    linear: 0.97,
    logistic: 0.82,
    feed_forward: 0.95,
    cnn: 0.95,
    residual: 0.95,
    recurrent: 0.95,
}


def draw_losses(losses, name, path):
    """Draw the mean loss of each epoch."""
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(losses) + 1), losses, marker=".")
    axes.set(title=f"Loss of {name}", xlabel="epoch", ylabel="mean loss")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


def first_line(error):
    return str(error).strip().partition("\n")[0]


def pick_device(name):
    """Return the device called `name`, or the accelerator that is here, or the CPU."""
    if name:
        try:
            return torch.empty(1, device=name).device
        except (AssertionError, RuntimeError) as error:
            raise InputError(f"--device {name}: {first_line(error)}") from error
    try:
        # Unasked whether it is available, it names what PyTorch was built for, here or not.
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    except (AttributeError, TypeError):  # before PyTorch 2.7
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def run(args):
    """Train the models that were asked for, and return what came out, by name."""
    args.device = pick_device(args.device)
    if not args.dry_run:
        try:
            args.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--out {args.out}: {error.strerror}") from error
    results = {}
    for model, goal in MODELS.items():
        name = model.__name__
        if args.model not in (name, "all"):
            continue
        began = time.perf_counter()
        # Each begins alike, whether others were trained before or not.
        torch.manual_seed(args.seed)
        metrics, draw = model(args, torch.Generator().manual_seed(args.seed))
        if not args.dry_run:
            figure = Figure(figsize=(9, 4.5) if model is cnn else (6, 5), layout="constrained")
            draw(figure)
            figure.savefig(args.out / f"{name}.png", dpi=100)
            draw_losses(metrics["losses"], name, args.out / f"{name}_loss.png")
        seconds = time.perf_counter() - began
        results[name] = metrics | {"goal": goal, "seconds": seconds, "device": str(args.device)}
    return results


def print_results(results):
    """Print what each reached, beside its goal and what it had to beat."""
    print("model            score      goal  baseline")
    for name, metrics in results.items():
        verdict = "reached" if metrics["score"] >= metrics["goal"] else "not reached"
        print(
            f"{name:12}{metrics['score']:10.3f}{metrics['goal']:10.2f}{metrics['baseline']:10.3f}"
            f"  {verdict} in {metrics['seconds']:.1f} s"
        )


def read_arguments(argv):
    positive = workbench.number(int, lambda value: value > 0, "positive number")
    count = workbench.number(int, lambda value: value >= 0, "number")
    rate = workbench.number(float, lambda value: 0 < value < float("inf"), "learning rate")
    names = [model.__name__ for model in MODELS]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--model", choices=[*names, "all"], default="all", help="default: all, one by one")
    add(
        "--out",
        type=Path,
        default=Path("runs/beginner_models"),
        metavar="DIR",
        help="where the pictures go (default: runs/beginner_models)",
    )
    add("--epochs", type=positive, help="times through the data (default: 7 to 60, by model)")
    add("--batch-size", type=positive, default=50, help="samples in a step (default: 50)")
    add("--lr", type=rate, help="learning rate of Adam (default: 0.004 to 0.05, by model)")
    add("--seed", type=count, default=0, help="for data, weights and order (default: 0)")
    add("--device", help="cpu, cuda, mps, ... (default: the accelerator that is here, or cpu)")
    add("--dry-run", action="store_true", help="train each for one epoch; write nothing")
    return parser.parse_args(argv)


def main(argv=None):
    """Train as the arguments say; return the metrics by model."""
    args = read_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        results = run(args)
    except InputError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    print_results(results)
    return results


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
