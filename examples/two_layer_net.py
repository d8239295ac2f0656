"""Write one two-layer net seven times: from NumPy up to a Module of one's own.

The page "Learning PyTorch with Examples", which the notes send a beginner to, takes one small net
and hands one more part of the work to PyTorch each time: `numpy` does everything by hand, `tensor`
runs the same lines with tensors, `autograd` finds the gradients, `function` has a ReLU whose
forward and backward pass are ours (gradcheck approves of it), `nn` brings layers and a loss,
`optim` the update, and `module` is a class of our own. All seven begin with the same numbers and
see the same data, so they must draw the same loss curve.

    python examples/two_layer_net.py

What they learn is another net: 16 inputs, 4 outputs, 8 hidden units; ours has 32 of them. After
500 steps the mean squared error on unseen inputs is 0.027, where the best linear map, found by
least squares, leaves 0.52. The seven curves are within 1e-6 of each other, and in `--dtype float64`
within 1e-14: rounding alone sets them apart. In `--out` appears a picture of the curves. A net that
is another one in each step is in dynamic_net.py.
"""

import numpy as np
import torch
import torch.nn.functional as F
from arguments import Arguments, positive
from figures import curves, figure
from torch import nn
from workbench import check_loss, log, make_folder, script

SAMPLES, INPUTS, HIDDEN, OUTPUTS, TEACHER_HIDDEN = 256, 16, 32, 4, 8


def make_data(seed):
    """Return inputs and outputs of a net that is to be imitated: to learn from, to measure on."""
    chance = torch.Generator().manual_seed(seed)
    shapes = (INPUTS, TEACHER_HIDDEN), (TEACHER_HIDDEN, OUTPUTS), (2 * SAMPLES, INPUTS)
    first, second, x = (torch.randn(*s, generator=chance, dtype=torch.float64) for s in shapes)
    y = (x @ first / INPUTS**0.5).relu() @ second / TEACHER_HIDDEN**0.5
    return (x[:SAMPLES], y[:SAMPLES]), (x[SAMPLES:], y[SAMPLES:])


def make_weights(seed):
    """Return the two weight matrices that every stage begins with."""
    chance = torch.Generator().manual_seed(seed + 1)
    shapes = (INPUTS, HIDDEN), (HIDDEN, OUTPUTS)
    w1, w2 = (torch.randn(shape, generator=chance, dtype=torch.float64) for shape in shapes)
    return w1 * (2 / INPUTS) ** 0.5, w2 / HIDDEN**0.5


# Seven stages. Each returns the loss before each step and the last weights.


def by_hand(x, y, w1, w2, lr, steps):
    """Everything by hand, the gradients worked out on paper: lines for arrays and for tensors."""
    losses = []
    for _ in range(steps):
        before = x @ w1
        hidden = before * (before > 0)
        error = hidden @ w2 - y
        losses.append((error**2).mean().item())

        grad_output = 2 * error / (len(y) * OUTPUTS)
        grad_hidden = grad_output @ w2.T
        w2 = w2 - lr * hidden.T @ grad_output
        w1 = w1 - lr * x.T @ (grad_hidden * (before > 0))
    return losses, w1, w2


def in_numpy(x, y, w1, w2, lr, steps):
    """With NumPy's arrays, which live on the CPU."""
    losses, *weights = by_hand(*(part.cpu().numpy() for part in (x, y, w1, w2)), lr, steps)
    return losses, *map(torch.from_numpy, weights)


def with_autograd(x, y, w1, w2, lr, steps, relu=torch.relu):
    """Only the forward pass is ours: backward() finds the gradients."""
    w1, w2 = w1.clone().requires_grad_(), w2.clone().requires_grad_()
    losses = []
    for _ in range(steps):
        loss = ((relu(x @ w1) @ w2 - y) ** 2).mean()
        losses.append(loss.item())

        loss.backward()
        with torch.no_grad():
            w1 -= lr * w1.grad
            w2 -= lr * w2.grad
        w1.grad = w2.grad = None
    return losses, w1.detach(), w2.detach()


class OwnReLU(torch.autograd.Function):
    """A ReLU that says itself how a gradient passes back through it."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):
        return grad * (ctx.saved_tensors[0] > 0)


def with_own_function(x, y, w1, w2, lr, steps):
    """As with autograd, through an operation that autograd does not know."""
    return with_autograd(x, y, w1, w2, lr, steps, relu=OwnReLU.apply)


def sequential():
    """Layers that come ready-made, in a row."""
    first, last = nn.Linear(INPUTS, HIDDEN, bias=False), nn.Linear(HIDDEN, OUTPUTS, bias=False)
    return nn.Sequential(first, nn.ReLU(), last)


def begin_with(net, w1, w2):
    """Set the two weights of a net; a Linear keeps its matrix the other way round."""
    net = net.to(w1)
    with torch.no_grad():
        for weight, start in zip(net.parameters(), (w1, w2), strict=True):
            weight.copy_(start.T)
    return net


def weights_of(net):
    return [weight.detach().T for weight in net.parameters()]


def with_nn(x, y, w1, w2, lr, steps):
    """Layers and the loss come ready-made; the update is ours."""
    net, losses = begin_with(sequential(), w1, w2), []
    for _ in range(steps):
        loss = F.mse_loss(net(x), y)
        losses.append(loss.item())

        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= lr * parameter.grad
    return losses, *weights_of(net)


def train(net, x, y, optimizer, steps):
    """The loop that every longer script has; return the loss before each step."""
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def with_optim(x, y, w1, w2, lr, steps):
    """The update too is left to PyTorch: that of plain SGD is the one we did by hand."""
    net = begin_with(sequential(), w1, w2)
    losses = train(net, x, y, torch.optim.SGD(net.parameters(), lr=lr), steps)
    return losses, *weights_of(net)


class TwoLayerNet(nn.Module):
    """The net as a class: its parts are defined first, then what happens to the data."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(INPUTS, HIDDEN, bias=False)
        self.last = nn.Linear(HIDDEN, OUTPUTS, bias=False)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


def with_own_module(x, y, w1, w2, lr, steps):
    """What a Sequential cannot say, a class can: any Python in forward."""
    net = begin_with(TwoLayerNet(), w1, w2)
    losses = train(net, x, y, torch.optim.SGD(net.parameters(), lr=lr), steps)
    return losses, *weights_of(net)


NAMES = ("numpy", "tensor", "autograd", "function", "nn", "optim", "module")
WAYS = (in_numpy, by_hand, with_autograd, with_own_function, with_nn, with_optim, with_own_module)
STAGES = dict(zip(NAMES, WAYS, strict=True))


def linear_errors(learn, measure):
    """Return the mean squared errors of the best linear map, where it learned and unseen."""
    best = torch.linalg.lstsq(*(part.cpu() for part in learn)).solution
    return [F.mse_loss(x.cpu() @ best, y.cpu()).item() for x, y in (learn, measure)]


def draw(path, losses, apart, linear):
    """Draw the curves on each other, the earlier ones wider, and how far they are apart."""
    title = "Seven ways to write one net learn the same: rounding alone sets them apart"
    with figure(path, title, columns=2, size=(11, 4.5)) as (left, right):
        reference = {"best linear map": linear}
        curves(left, losses, "step", "mean squared error", references=reference, yscale="log")
        for number, line in enumerate(left.lines[:-1]):
            line.set(linewidth=15 - 2.2 * number, linestyle="-")
        left.legend(handles=left.lines[-1:])
        farthest = {name: np.maximum.accumulate(each) for name, each in apart.items()}
        curves(right, farthest, "step", "farthest from NumPy's curve (relative)", yscale="log")


@script
def main(argv=None):
    """Train every stage as the arguments say; return the curves and the metrics."""
    parser = Arguments(__file__, __doc__, lr=0.3)
    parser.add_argument("--steps", type=positive, default=500, help="updates of the weights")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float32", help="of all")
    args = parser.read(argv)
    steps, dtype = 3 if args.dry_run else args.steps, getattr(torch, args.dtype)
    data = *make_data(args.seed), make_weights(args.seed)
    learn, measure, weights = ([part.to(args.device, dtype) for part in pair] for pair in data)

    (x, y), losses, tests = measure, {}, {}
    for name, stage in STAGES.items():
        with np.errstate(all="ignore"):  # a loss that runs away is told here
            losses[name], w1, w2 = stage(*learn, *weights, args.lr, steps)
        check_loss(losses[name][-1], args)
        tests[name] = F.mse_loss((x @ w1.to(x)).relu() @ w2.to(x), y).item()
        log.info("%-9s loss %.6f to %.6f", name, losses[name][0], losses[name][-1])
    apart = {name: np.abs(np.divide(each, losses["numpy"]) - 1) for name, each in losses.items()}

    sample = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    linear = dict(zip(("learn", "test"), linear_errors(learn, measure), strict=True))
    log.info("on unseen inputs %.4f, best linear map %.4f", tests["module"], linear["test"])
    if not args.dry_run:
        draw(make_folder(args.out) / "curves.png", losses, apart, linear["learn"])
    return {
        "device": str(args.device),
        "losses": losses,
        "test": tests,
        "apart": {name: float(values.max()) for name, values in apart.items()},
        "baseline": linear,
        "gradcheck": torch.autograd.gradcheck(OwnReLU.apply, (sample.requires_grad_(),)),
    }


if __name__ == "__main__":
    main()
