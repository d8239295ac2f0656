"""What each of the six beginner models has learned, in a figure of its own.

Each function draws into `path` what `net` makes of the unseen `x`, whose targets are `y`; `result`
has its score.
"""

import torch
from drawn.beginnings import STROKES, WAVES
from figures import BLUE, GRAY, ORANGE, figure, pictures


@torch.inference_mode()
def heights(path, net, x, y, result):
    """Draw the heights that a linear model predicts over those that are."""
    title = f"A linear model explains {result['score']:.1%} of the variance: noise is the rest"
    with figure(path, title) as axes:
        axes.scatter(y, net(x), s=10, alpha=0.5)
        axes.axline((0, 0), slope=1, color=GRAY, linestyle="--")
        axes.set(xlabel="height of an unseen point", ylabel="height predicted")


@torch.inference_mode()
def plane(path, net, x, y, result):
    """Draw which part of the plane a net gives to which class, and the points of both."""
    title = f"{result['score']:.1%} of unseen points are on their side"
    with figure(path, f"{title} ({result['baseline']:.0%} by a simpler rule)") as axes:
        line = torch.linspace(x.min() - 0.3, x.max() + 0.3, 200)
        classes = net(torch.cartesian_prod(line, line)).argmax(1).reshape(200, 200).T
        axes.contourf(line, line, classes, levels=[-0.5, 0.5, 1.5], colors=["#cfe3f2", "#f7d9c4"])
        for label, (colour, marker) in enumerate(((BLUE, "o"), (ORANGE, "^"))):
            axes.scatter(*x[y == label].T, s=8, color=colour, marker=marker, label=f"class {label}")
        axes.set(aspect="equal", xlabel="first coordinate", ylabel="second coordinate")
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


@torch.inference_mode()
def maps(path, net, x, y, result):
    """Draw pictures, the eight filters of the first layer, and its maps of the third picture."""
    title = f"Eight learned filters tell {result['score']:.1%} of unseen strokes"
    with figure(path, title, 3, 8, size=(9, 4.5)) as grid:
        filters = net.conv1.weight[:, 0]
        seen = torch.relu(net.conv1(x[2:3]))[0]
        pictures(grid[0], x[:8, 0], [STROKES[kind] for kind in y[:8]], cmap="gray")
        pictures(grid[1], filters, cmap="gray")
        pictures(grid[2], seen, cmap="gray", vmin=0, vmax=seen.max().item())
        for row, name in zip(grid, ("pictures", "filters", "maps of\nthe third"), strict=True):
            row[0].text(-0.2, 0.5, name, ha="right", va="center", transform=row[0].transAxes)


@torch.inference_mode()
def strokes(path, net, x, y, result):
    """Draw unseen pictures under what a net takes them for."""
    title = f"21 convolutions: {result['score']:.1%} of strokes told (blue), without shortcuts"
    with figure(path, f"{title} {result['baseline']:.0%}", 3, 8, size=(9, 4.5)) as grid:
        found = net(x[:24]).argmax(1)
        colours = [BLUE if right else ORANGE for right in found == y[:24]]
        pictures(grid, x[:24, 0], [STROKES[kind] for kind in found], colours, cmap="gray")


@torch.inference_mode()
def waves(path, net, x, y, result):
    """Draw unseen waves under what a net takes them for."""
    title = f"{result['score']:.1%} of waves told, by the order of their values"
    with figure(path, title, 3, 3, sharex=True, sharey=True, size=(8, 6)) as grid:
        found = net(x[:9]).argmax(1)
        for axes, wave, kind, guess in zip(grid.flat, x, y, found, strict=False):
            axes.plot(wave[:, 0], marker=".", color=BLUE if kind == guess else ORANGE)
            axes.set_title(f"{WAVES[kind]}, taken for {WAVES[guess]}", size=12)
        grid[2, 1].set_xlabel("step")
        grid[1, 0].set_ylabel("value")
