"""The figures that the scripts draw: curves, bars and histograms, a confusion matrix, pictures.

Every figure has a title that says what was learned, axes with their units, letters that can be read
where it is 800 pixels wide, and colours that a colour-blind reader can tell apart (those of Okabe
and Ito). They are drawn without a display and written as PNG, 100 pixels an inch:

    with figure(out / "loss.png", f"The loss falls to {loss:.2f}") as axes:
        curves(axes, {"on the digits learned from": train, "on others": test}, "batches", "nats")
"""

import contextlib
import itertools

import numpy as np
from cycler import cycler
from matplotlib import rc_context
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK, SKY, AMBER, BLACK = COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000"),
)
GRAY = "#6E6E6E"
STYLE = {
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 13,
    "figure.titlesize": 15,
    "font.size": 12,
    "grid.alpha": 0.3,
    "legend.frameon": False,
    "lines.linewidth": 2,
}


@contextlib.contextmanager
def figure(path, title, rows=1, columns=1, size=(8, 4.5), **options):
    """Yield the axes of a new figure, one or an array of them, and write it to `path`.

    Args:
        path: a PNG file.
        title: what was learned, in one line.
        size: width and height in inches of 100 pixels.
        options: for `Figure.subplots`, such as `sharex`.
    """
    with rc_context(STYLE):
        drawn = Figure(figsize=size, layout="constrained")
        drawn.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
        drawn.suptitle(title)
        yield drawn.subplots(rows, columns, **options)
        drawn.savefig(path, dpi=100)


def curves(axes, lines, xlabel, ylabel, title="", references=None, **limits):
    """Draw lines by name, each a list of (x, y) or of y, and level references beside them.

    Args:
        axes: where to.
        lines: by name what is drawn.
        xlabel, ylabel: what is on the axes, with its unit.
        title: of these axes, where a figure has several.
        references: by name a height, such as that of a baseline.
        limits: for `Axes.set`, such as `ylim=0` or `yscale="log"`.
    """
    for (name, points), style in zip(lines.items(), ("-", "--", "-.", ":") * 3, strict=False):
        points = np.asarray(points, dtype=float)
        x, y = points.T if points.ndim == 2 else (np.arange(1, len(points) + 1), points)
        axes.plot(
            x,
            y,
            style,
            label=name.replace("_", " "),
            marker="o" if len(x) < 20 else "",
            markersize=5,
        )
    for (name, height), style in zip((references or {}).items(), (":", "--", "-."), strict=False):
        axes.axhline(height, color=GRAY, linestyle=style, label=name.replace("_", " "))
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title, **limits)
    if len(lines) + len(references or ()) > 1:
        axes.legend()


def bars(axes, groups, names, xlabel, ylabel, title=""):
    """Draw a group of bars for each of `names`; `groups` has by name the heights of one kind."""
    width = 0.8 / len(groups)
    for number, (name, heights) in enumerate(groups.items()):
        places = np.arange(len(names)) + (number - (len(groups) - 1) / 2) * width
        axes.bar(places, heights, width, label=name)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.set_xticks(range(len(names)), names)
    axes.grid(axis="x", visible=False)
    axes.legend()


def histograms(axes, kinds, xlabel, ylabel, title="", bins=50, **options):
    """Draw the numbers of some kinds, by name, as histograms over each other in shared bins."""
    kinds = {name: np.asarray(values, dtype=float).ravel() for name, values in kinds.items()}
    if isinstance(bins, int):
        bins = np.histogram_bin_edges(np.concatenate(list(kinds.values())), bins)
    for name, values in kinds.items():
        axes.hist(values, bins, alpha=0.6, label=name, **options)
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.legend()


def confusion(axes, counts, names, xlabel="read as", ylabel="what it was"):
    """Draw how often each class, a row, was taken for each, a column."""
    counts = np.asarray(counts)
    # A row's shades are its shares, and a mistake in a hundred shows.
    shares = np.sqrt(counts / counts.sum(1, keepdims=True).clip(min=1))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(counts):
        if value:
            colour = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, value, ha="center", va="center", color=colour)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names)
    axes.grid(visible=False)


def pictures(grid, images, captions=(), colours=(), **options):
    """Draw pictures, arrays for `imshow`, into an array of axes, the first ones with captions."""
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, image in zip(grid.flat, images, strict=False):
        axes.imshow(np.asarray(image), **options)
    for axes, caption, colour in itertools.zip_longest(grid.flat, captions, colours):
        if axes and caption:
            axes.set_title(caption, size=12, color=colour or "black")
