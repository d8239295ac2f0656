"""What `cifar10_classifier.py` shows: its figures, and its table of accuracies and times."""

import math

import torch
from figures import BLUE, ORANGE, curves, figure, pictures


def draw(out, test, predicted, classes, metrics):
    """Draw the loss, and test pictures, a class in a row, under what the net takes them for."""
    title = f"{metrics['accuracy']:.0%} of unseen pictures recognised"
    with figure(out / "loss.png", title) as axes:
        lines, guess = {"the net": metrics["losses"]}, {"a guess": math.log(10)}
        curves(axes, lines, "batches", "mean cross-entropy (nats)", references=guess)
    columns = min(8, test.labels.bincount().min().item())
    chosen = torch.cat([(test.labels == label).nonzero()[:columns, 0] for label in range(10)])
    captions = [classes[label] for label in predicted[chosen]]
    colours = [BLUE if right else ORANGE for right in predicted[chosen] == test.labels[chosen]]
    with figure(out / "predictions.png", f"{title} (blue)", 10, columns, (10, 14)) as grid:
        pictures(grid, test.images[chosen], captions, colours, interpolation="bicubic")
        for axes, name in zip(grid.reshape(10, -1)[:, 0], classes, strict=True):
            axes.text(-4, 16, name, ha="right", va="center")


def draw_all(out, results):
    """Draw how well each recipe does after how much computing."""
    reached = [f"{name} {result['accuracy']:.0%}" for name, result in results.items()]
    with figure(out / "all.png", f"One net, three ways to train it: {', '.join(reached)}") as axes:
        lines = {name: each["curve"] for name, each in results.items()}
        curves(axes, lines, "seconds of reading and training", "recognised (%)", ylim=0)


def print_results(results):
    """Print what each run reached, of each class and of all, and how long it took."""
    print("\nrecognised      ", *(f"{name:>8}" for name in results))
    for name in next(iter(results.values()))["per_class"]:
        print(f"  {name:15}", *(f"{each['per_class'][name]:8.1%}" for each in results.values()))
    print(f"{'all':17}", *(f"{each['accuracy']:8.1%}" for each in results.values()))
    for phase in ("data", "training", "evaluation"):
        print(f"{phase:17}", *(f"{each['seconds_' + phase]:6.1f} s" for each in results.values()))
