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

import math

import torch
import torch.nn.functional as F
from arguments import Arguments, number
from figures import BLACK, COLOURS, figure
from workbench import log, make_folder, script

ACTIVATIONS = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "softplus": F.softplus,
}


def curve(activation, x):
    """Return an activation's values at x, and its slopes there."""
    x = x.clone().requires_grad_()
    y = activation(x)
    # Each y depends on its own x alone, so that the gradient of their sum is the row of slopes.
    y.sum().backward()
    return y.detach(), x.grad


def draw(x, curves, with_slopes, path):
    """Draw the curves, one to a panel, and their slopes if they are asked for."""
    title = "Four ways to bend a line: where a curve is level, a gradient fades"
    with figure(path, title, 2, 2, size=(9, 6), sharex=True) as grid:
        panels = zip(grid.flat, curves.items(), COLOURS, strict=False)
        for axes, (name, (y, slope)), colour in panels:
            axes.plot(x.cpu().numpy(), y.cpu().numpy(), color=colour, lw=2.5, label=name)
            if with_slopes:
                axes.plot(x.cpu().numpy(), slope.cpu().numpy(), ":", color=BLACK, label="its slope")
                axes.legend()
            axes.set(title=name, ylabel=f"{name}(x)")
            axes.margins(x=0)
        for axes in grid[1]:
            axes.set_xlabel("x")


@script
def main(argv=None):
    """Draw as the arguments say; return each curve with its range and its steepest slope."""
    parser = Arguments(__file__, __doc__)
    add = parser.add_argument
    limit = number(float, lambda value: 0 < value < math.inf, "limit")
    points = number(int, lambda value: value > 1, "points")
    add("--limit", type=limit, default=5.0, help="draw from -LIMIT to LIMIT")
    add("--points", type=points, default=201, help="points of each curve")
    add("--slopes", action="store_true", help="draw the slope of each curve too")
    args = parser.read(argv)

    x = torch.linspace(-args.limit, args.limit, args.points, device=args.device)
    curves = {name: curve(activation, x) for name, activation in ACTIVATIONS.items()}
    if not args.dry_run:
        draw(x, curves, args.slopes, make_folder(args.out) / "activations.png")
    results = {
        name: {
            "range": (y.min().item(), y.max().item()),
            "steepest": slopes.max().item(),
            "x": x.tolist(),
            "y": y.tolist(),
        }
        for name, (y, slopes) in curves.items()
    }
    for name, found in results.items():
        told = (name, *found["range"], found["steepest"])
        log.info("%-9s from %7.4f to %6.4f, steepest slope %.4f", *told)
    return results


if __name__ == "__main__":
    main()
