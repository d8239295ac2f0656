"""Draw the four common activations: ReLU, sigmoid, tanh, softplus.

The notes' page on activations draws them in a notebook to compare how they bend a straight line.
Between -5 and 5 ReLU runs from 0 to 5, sigmoid from 0.0067 to 0.9933, tanh from -0.9999 to 0.9999,
and softplus from 0.0067 to 5.0067. Matplotlib draws arrays, not tensors, so that each curve goes
through `.numpy()`, after `.detach()` and `.cpu()` where a tensor needs them.

    python examples/activation_curves.py --slopes

`--slopes` adds what backpropagation sees, the slope of each curve as autograd finds it: sigmoid's
is nowhere more than 1/4, which is why a gradient fades on its way through many of them. In `--out`
appears one picture with four curves; `main` returns the numbers under them.
"""

import argparse
import logging
import math
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure

log = logging.getLogger("activation_curves")

ACTIVATIONS = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
}


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


def curve(activation, x):
    """Return an activation's values at x, and its slopes there."""
    x = x.clone().requires_grad_()
    y = activation(x)
    # Each y depends on its own x alone, so that the gradient of their sum is the row of slopes.
    y.sum().backward()
    return y.detach(), x.grad


def draw(x, values, slopes, path):
    """Draw the curves, one to a panel, and their slopes if there are any."""
    figure = Figure(figsize=(9, 6), layout="constrained")
    for number, (axes, (name, y)) in enumerate(
        zip(figure.subplots(2, 2).flat, values.items(), strict=True)
    ):
        axes.axhline(0, color="0.7", linewidth=0.8)
        axes.axvline(0, color="0.7", linewidth=0.8)
        axes.plot(x.cpu().numpy(), y.cpu().numpy(), color=f"C{number}", linewidth=2.5, label=name)
        if slopes:
            slope = slopes[name].cpu().numpy()
            axes.plot(x.cpu().numpy(), slope, color="black", linestyle=":", label="its slope")
            axes.legend()
        axes.set(title=name)
        axes.margins(x=0)
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
    """Compute the curves, draw them, and return their ranges."""
    x = torch.linspace(-args.limit, args.limit, args.points, device=pick_device(args.device))
    curves = {name: curve(activation, x) for name, activation in ACTIVATIONS.items()}
    values = {name: y for name, (y, _) in curves.items()}
    slopes = {name: slope for name, (_, slope) in curves.items()}
    if not args.dry_run:
        try:
            args.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--out {args.out}: {error.strerror}") from error
        path = args.out / "activations.png"
        draw(x, values, slopes if args.slopes else None, path)
        log.info("drew %s", path)
    return {
        name: {
            "range": (y.min().item(), y.max().item()),
            "steepest": slopes[name].max().item(),
            "x": x.tolist(),
            "y": y.tolist(),
        }
        for name, y in values.items()
    }


def print_results(results):
    """Print the range and the steepest slope of each curve."""
    print("             lowest   highest  steepest")
    for name, numbers in results.items():
        low, high = numbers["range"]
        print(f"{name:9}{low:10.4f}{high:10.4f}{numbers['steepest']:10.4f}")


def read_arguments(argv):
    def limit(text):
        if not 0 < float(text) < math.inf:
            raise ValueError
        return float(text)

    def points(text):
        if int(text) < 2:
            raise ValueError
        return int(text)

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add(
        "--out",
        type=Path,
        default=Path("runs/activation_curves"),
        metavar="DIR",
        help="where the picture goes (default: runs/activation_curves)",
    )
    add("--limit", type=limit, default=5.0, help="draw from -LIMIT to LIMIT (default: 5)")
    add("--points", type=points, default=201, help="points of each curve (default: 201)")
    add("--slopes", action="store_true", help="draw the slope of each curve too")
    add("--device", help="cpu, cuda, mps, ... (default: the accelerator that is here, or cpu)")
    add("--dry-run", action="store_true", help="compute the curves; write nothing")
    return parser.parse_args(argv)


def main(argv=None):
    """Draw as the arguments say; return each curve with its range and its steepest slope."""
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
    main()
