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

Measured with seeds 0, 1 and 2 and one thread in PyTorch 2.14.1, the worst of three (and what it had
to beat): linear 0.982 (0), logistic 83 % (50 %, and 84 % is the best possible), feed_forward 99.7 %
(67 %), cnn 98.4 % (37 %), residual 98.8 % (25 %), recurrent 99.8 % (34 %). All six take 20 seconds
of one core.
"""

import math
import time
from functools import partial

import beginner_figures as seen
import torch
import torch.nn.functional as F
from arguments import Arguments, positive
from drawn.beginnings import LENGTH, SIZE, STROKES, WAVES, clouds, points, spirals, strokes, waves
from figures import curves, figure
from torch import nn
from workbench import check_loss, make_folder, progress, script


def fit(net, x, y, args, epochs, lr):
    """Train in shuffled batches with Adam; return the mean loss of each epoch."""
    loss_of = F.mse_loss if y.is_floating_point() else F.cross_entropy
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr or lr)
    epochs = 1 if args.dry_run else args.epochs or epochs
    # Falls to nothing over the run, so that the last steps settle what the first ones found.
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    chance = torch.Generator().manual_seed(args.seed)
    losses = []
    net.train()
    for _ in progress(range(epochs), "training", epochs):
        total = 0.0
        for chosen in torch.randperm(len(x), generator=chance).to(x.device).split(args.batch_size):
            optimizer.zero_grad()
            loss = loss_of(net(x[chosen]), y[chosen])
            loss.backward()
            optimizer.step()
            total += loss.item() * len(chosen)
        decay.step()
        losses.append(check_loss(total / len(x), args))
    net.eval()
    return losses


@torch.inference_mode()
def score(net, x, y):
    """Return the share put into the right class, or of the variance that is explained (R2)."""
    if y.is_floating_point():
        return 1 - ((net(x) - y).square().mean() / y.var(correction=0)).item()
    return (net(x).argmax(1) == y).double().mean().item()


def mlp():
    """Two hidden layers: bent lines, where `nn.Linear` alone has straight ones."""
    return nn.Sequential(
        nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)
    )


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


def pixels_only():
    """Logistic regression on raw pixels."""
    return nn.Sequential(nn.Flatten(), nn.Linear(SIZE * SIZE, len(STROKES)))


def shapes_through(net, x):
    """Return the shape of what goes in and of what comes out of each layer."""
    shapes = {"input": list(x.shape)}
    for name, layer in net.named_children():
        x = layer(x.flatten(1) if isinstance(layer, nn.Linear) else x)
        shapes[name] = list(x.shape)
    return shapes


line, parted = partial(nn.Linear, 2, 1), partial(nn.Linear, 2, 2)
deep, plain = partial(deep_net, True), partial(deep_net, False)
# The goal; the data, how many; the net, its epochs and learning rate; the simpler one's; a figure.
TASKS = {
    "linear": (0.97, points, 1000, (line, 60, 0.05), None, seen.heights),
    "logistic": (0.82, clouds, 2000, (parted, 20, 0.02), None, seen.plane),
    "feed_forward": (0.95, spirals, 2000, (mlp, 60, 0.005), (parted, 20, 0.02), seen.plane),
    "cnn": (0.95, strokes, 2000, (ConvNet, 12, 0.005), (pixels_only, 12, 0.005), seen.maps),
    "residual": (0.95, strokes, 4000, (deep, 7, 0.004), (plain, 7, 0.004), seen.strokes),
    "recurrent": (0.95, waves, 2400, (Reader, 20, 0.01), (Blind, 20, 0.005), seen.waves),
}


def learn(name, args):
    """Train a model and the simpler one from the same seed, and return what came out.

    Where no simpler net is to be beaten, it is the mean or the commonest class. No rule parts the
    clouds of `logistic` better than the line halfway between: that is what is best possible.
    """
    goal, data, count, model, simpler, draw = TASKS[name]
    began, generator = time.perf_counter(), torch.Generator().manual_seed(args.seed)
    x, y = (part.to(args.device) for part in data(count, generator))
    x, unseen_x, y, unseen_y = x[: count // 2], x[count // 2 :], y[: count // 2], y[count // 2 :]

    def train(make, epochs, lr):
        torch.manual_seed(args.seed)
        net = make().to(args.device)
        return net, fit(net, x, y, args, epochs, lr)

    net, losses = train(*model)
    metrics, lines = {"score": score(net, unseen_x, unseen_y), "losses": losses}, {name: losses}
    metrics["baseline"] = 0.0 if name == "linear" else unseen_y.bincount().max().item() / len(y)
    if simpler:
        rival, metrics["losses_without"] = train(*simpler)
        lines["the simpler one"] = metrics["losses_without"]
        metrics["baseline"] = score(rival, unseen_x, unseen_y)
    if name == "linear":
        metrics["found"] = [*net.weight.flatten().tolist(), net.bias.item()]
    elif name == "logistic":
        metrics["best_possible"] = 0.5 * (1 + math.erf(1 / math.sqrt(2)))
    elif name == "cnn":
        metrics["shapes"] = shapes_through(net, unseen_x[:1])
        metrics["filters"] = {n: list(getattr(net, n).weight.shape) for n in ("conv1", "conv2")}
    if not args.dry_run:
        draw(args.out / f"{name}.png", net.cpu(), unseen_x.cpu(), unseen_y.cpu(), metrics)
        title = f"{name}: {metrics['score']:.3f}, a simpler one {metrics['baseline']:.3f}"
        with figure(args.out / f"{name}_loss.png", title) as axes:
            curves(axes, lines, "epoch", "mean loss of the data learned from", ylim=0)
    seconds = time.perf_counter() - began
    return metrics | {"goal": goal, "seconds": seconds, "device": str(args.device)}


@script
def main(argv=None):
    """Train as the arguments say; return the metrics by model."""
    parser = Arguments(__file__, __doc__, batch_size=50, lr=None)
    parser.add_argument("--model", choices=[*TASKS, "all"], default="all", help="all: one by one")
    parser.add_argument("--epochs", type=positive, help="times through the data; 7 to 60, by model")
    args, results = parser.read(argv), {}
    if not args.dry_run:
        make_folder(args.out)
    print("model            score      goal  baseline")
    for name in TASKS if args.model == "all" else [args.model]:
        found = results[name] = learn(name, args)
        numbers = f"{found['score']:10.3f}{found['goal']:10.2f}{found['baseline']:10.3f}"
        verdict = "reached" if found["score"] >= found["goal"] else "not reached"
        print(f"{name:12}{numbers}  {verdict} in {found['seconds']:.1f} s")
    return results


if __name__ == "__main__":
    main()
