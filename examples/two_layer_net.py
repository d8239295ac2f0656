"""Write one two-layer net seven times: from NumPy up to a Module of one's own.

The page "Learning PyTorch with Examples", which the notes send a beginner to, takes one small net
and hands one more part of the work to PyTorch each time: `numpy` does everything by hand, `tensor`
moves the same lines to tensors, `autograd` finds the gradients, `function` has a ReLU whose forward
and backward pass are ours (gradcheck approves of it), `nn` brings layers and a loss, `optim` the
update, and `module` is a class of our own. All seven begin with the same numbers and see the same
data, so they must draw the same loss curve. An eighth, `dynamic`, is one that only a framework
which records as it runs can learn: a loop inside its forward pass sends the data a random number
of times, 0 to 3, through one and the same layer.

    python examples/two_layer_net.py

What they learn is another net: 16 inputs, 4 outputs, 8 hidden units; ours has 32 of them. After
500 steps the mean squared error on unseen inputs is 0.027, where the best linear map, found by
least squares, leaves 0.52; the dynamic net errs by 0.02 at any depth. The seven curves are
within 1e-6 of each other, and in `--dtype float64` within 1e-14: rounding alone sets them apart.
In `--out` appears a picture of the curves.
"""

import argparse
import logging
import math
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn
from tqdm import tqdm

log = logging.getLogger("two_layer_net")

SAMPLES, INPUTS, HIDDEN, OUTPUTS = 256, 16, 32, 4
TEACHER_HIDDEN = 8
MOST_LOOPS = 3


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


def make_data(seed):
    """Return inputs and outputs of a net that is to be imitated: to learn from, to measure on."""
    chance = torch.Generator().manual_seed(seed)
    first = torch.randn(INPUTS, TEACHER_HIDDEN, generator=chance, dtype=torch.float64)
    second = torch.randn(TEACHER_HIDDEN, OUTPUTS, generator=chance, dtype=torch.float64)
    x = torch.randn(2 * SAMPLES, INPUTS, generator=chance, dtype=torch.float64)
    y = (x @ first / INPUTS**0.5).relu() @ second / TEACHER_HIDDEN**0.5
    return (x[:SAMPLES], y[:SAMPLES]), (x[SAMPLES:], y[SAMPLES:])


def make_weights(seed):
    """Return the two weight matrices that every stage begins with."""
    chance = torch.Generator().manual_seed(seed + 1)
    w1 = torch.randn(INPUTS, HIDDEN, generator=chance, dtype=torch.float64)
    w2 = torch.randn(HIDDEN, OUTPUTS, generator=chance, dtype=torch.float64)
    return w1 * (2 / INPUTS) ** 0.5, w2 / HIDDEN**0.5


# Seven stages. Each takes the data and the first weights, and returns the loss before each step
# and the last weights.


def in_numpy(x, y, w1, w2, lr, steps):
    """Everything by hand, the gradients worked out on paper."""
    x, y, w1, w2 = (tensor.cpu().numpy().copy() for tensor in (x, y, w1, w2))
    losses = []
    for _ in range(steps):
        before = x @ w1
        hidden = np.maximum(before, 0)
        error = hidden @ w2 - y
        losses.append(float((error**2).mean()))

        grad_output = 2 * error / error.size
        grad_w2 = hidden.T @ grad_output
        grad_hidden = grad_output @ w2.T
        grad_hidden[before <= 0] = 0
        grad_w1 = x.T @ grad_hidden

        w1 -= lr * grad_w1
        w2 -= lr * grad_w2
    return losses, torch.from_numpy(w1), torch.from_numpy(w2)


def with_tensors(x, y, w1, w2, lr, steps):
    """The same lines with tensors, which can live on a GPU; the gradients still by hand."""
    w1, w2 = w1.clone(), w2.clone()
    losses = []
    for _ in range(steps):
        before = x @ w1
        hidden = before.clamp(min=0)
        error = hidden @ w2 - y
        losses.append((error**2).mean().item())

        grad_output = 2 * error / error.numel()
        grad_w2 = hidden.T @ grad_output
        grad_hidden = grad_output @ w2.T
        grad_hidden[before <= 0] = 0
        grad_w1 = x.T @ grad_hidden

        w1 -= lr * grad_w1
        w2 -= lr * grad_w2
    return losses, w1, w2


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
        (x,) = ctx.saved_tensors
        return grad * (x > 0)


def with_own_function(x, y, w1, w2, lr, steps):
    """As with autograd, through an operation that autograd does not know."""
    return with_autograd(x, y, w1, w2, lr, steps, relu=OwnReLU.apply)


def set_weights(first, last, w1, w2):
    """Begin with the given numbers; a Linear keeps its matrix the other way round."""
    with torch.no_grad():
        first.weight.copy_(w1.T)
        last.weight.copy_(w2.T)


def layers(w1, w2):
    net = nn.Sequential(
        nn.Linear(INPUTS, HIDDEN, bias=False),
        nn.ReLU(),
        nn.Linear(HIDDEN, OUTPUTS, bias=False),
    ).to(w1)
    set_weights(net[0], net[2], w1, w2)
    return net


def with_nn(x, y, w1, w2, lr, steps):
    """Layers and the loss come ready-made; the update is ours."""
    net, loss_of = layers(w1, w2), nn.MSELoss()
    losses = []
    for _ in range(steps):
        loss = loss_of(net(x), y)
        losses.append(loss.item())

        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= lr * parameter.grad
    return losses, net[0].weight.detach().T, net[2].weight.detach().T


def train(net, x, y, optimizer, steps):
    """The loop that every longer script has; return the loss before each step."""
    loss_of = nn.MSELoss()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = loss_of(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def with_optim(x, y, w1, w2, lr, steps):
    """The update too is left to PyTorch: that of plain SGD is the one we did by hand."""
    net = layers(w1, w2)
    losses = train(net, x, y, torch.optim.SGD(net.parameters(), lr=lr), steps)
    return losses, net[0].weight.detach().T, net[2].weight.detach().T


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
    net = TwoLayerNet().to(w1)
    set_weights(net.first, net.last, w1, w2)
    losses = train(net, x, y, torch.optim.SGD(net.parameters(), lr=lr), steps)
    return losses, net.first.weight.detach().T, net.last.weight.detach().T


STAGES = {
    "numpy": in_numpy,
    "tensor": with_tensors,
    "autograd": with_autograd,
    "function": with_own_function,
    "nn": with_nn,
    "optim": with_optim,
    "module": with_own_module,
}


# The eighth: a net that is another one each time it runs.


class DynamicNet(nn.Module):
    """Sends the data 0 to 3 times through one middle layer, whose weights are shared."""

    def __init__(self, seed):
        super().__init__()
        self.first = nn.Linear(INPUTS, HIDDEN)
        self.middle = nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN, OUTPUTS)
        self.chance = random.Random(seed)
        self.drawn = []

    def forward(self, x, loops=None):
        """Compute with so many loops; without a number, draw it."""
        if loops is None:
            loops = self.chance.randint(0, MOST_LOOPS)
            self.drawn.append(loops)
        x = torch.relu(self.first(x))
        for _ in range(loops):
            x = torch.relu(self.middle(x))
        return self.last(x)


def learn_dynamic(learn, measure, args):
    """Train the dynamic net; return its curve, the numbers drawn, and its error by loops."""
    torch.manual_seed(args.seed)
    net = DynamicNet(args.seed).to(learn[0])
    optimizer = torch.optim.SGD(net.parameters(), lr=args.lr / 10, momentum=0.9)
    losses = train(net, *learn, optimizer, args.steps)
    with torch.inference_mode():
        x, y = measure
        tests = [nn.functional.mse_loss(net(x, n), y).item() for n in range(MOST_LOOPS + 1)]
    return {"losses": losses, "loops": net.drawn, "test": tests}


def linear_errors(learn, measure):
    """Return the mean squared errors of the best linear map, where it learned and unseen."""
    best = torch.linalg.lstsq(*learn).solution
    return [((x @ best - y) ** 2).mean().item() for x, y in (learn, measure)]


def draw(losses, apart, dynamic, baseline, path):
    """Draw the curves on each other, the earlier ones wider, and how far they are apart."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    curves, distances = figure.subplots(1, 2)
    curves.plot(dynamic, color="0.8", linewidth=1, label="dynamic (another net each step)")
    for number, (name, values) in enumerate(losses.items()):
        curves.plot(values, linewidth=15 - 2.2 * number, color=f"C{number}", label=name)
        if number:
            farthest = np.maximum.accumulate(apart[name])
            width = 7 - number
            distances.plot(farthest, linewidth=width, color=f"C{number}", label=name)
    curves.axhline(baseline, color="black", linestyle=":", label="best linear map")
    curves.set(title="Seven curves, one on the other", xlabel="step", ylabel="mean squared error")
    distances.set(title="Farthest from NumPy's curve so far", xlabel="step", ylabel="relative")
    for axes in (curves, distances):
        axes.set_yscale("log")
        axes.grid(alpha=0.3)
        for line in axes.legend().get_lines():
            line.set_linewidth(3)
    figure.savefig(path, dpi=100)


def first_line(error):
    return str(error).strip().partition("\n")[0]


def pick_device(name, dtype):
    """Return the device called `name`, or the accelerator that is here, or the CPU."""
    if not name:
        try:
            # Unasked whether it is available, it names what PyTorch was built for, here or not.
            name = torch.accelerator.current_accelerator(check_available=True) or "cpu"
        except (AttributeError, TypeError):  # before PyTorch 2.7
            name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(1, device=name, dtype=dtype).device
    except (AssertionError, RuntimeError, TypeError) as error:  # not every device has float64
        raise InputError(f"--device {name}: {first_line(error)}") from error


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
    count = number(int, lambda value: value >= 0, "number")
    rate = number(float, lambda value: 0 < value < float("inf"), "learning rate")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--out", type=Path, default=Path("runs/two_layer_net"), metavar="DIR", help="the picture")
    add("--steps", type=positive, default=500, help="updates of the weights (default: 500)")
    add("--lr", type=rate, default=0.3, help="learning rate (default: 0.3)")
    add("--dtype", choices=["float32", "float64"], default="float32", help="default: float32")
    add("--seed", type=count, default=0, help="for data and first weights (default: 0)")
    add("--device", help="cpu, cuda, mps, ... (default: the accelerator that is here, or cpu)")
    add("--dry-run", action="store_true", help="take three steps in every stage; write nothing")
    args = parser.parse_args(argv)
    args.steps = 3 if args.dry_run else args.steps
    return args


def run(args):
    """Train all stages from one start and return what came out."""
    began, dtype = time.perf_counter(), getattr(torch, args.dtype)
    device = pick_device(args.device, dtype)
    learn, measure = ([part.to(device, dtype) for part in pair] for pair in make_data(args.seed))
    weights = [matrix.to(device, dtype) for matrix in make_weights(args.seed)]
    if not args.dry_run:
        try:
            args.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--out {args.out}: {error.strerror}") from error

    losses, tests = {}, {}
    for name, stage in tqdm(STAGES.items(), "stages", leave=False, disable=None):
        with np.errstate(all="ignore"):  # a loss that runs away is told below
            losses[name], w1, w2 = stage(*learn, *weights, args.lr, args.steps)
        if not math.isfinite(losses[name][-1]):
            raise InputError(f"the loss is {losses[name][-1]}: --lr {args.lr} leads astray")
        x, y = (part.to(w1.device) for part in measure)
        tests[name] = (((x @ w1).clamp(min=0) @ w2 - y) ** 2).mean().item()
    reference = np.array(losses["numpy"])
    apart = {name: np.abs(np.array(curve) / reference - 1) for name, curve in losses.items()}

    sample = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    approved = torch.autograd.gradcheck(OwnReLU.apply, (sample.requires_grad_(),))
    dynamic = learn_dynamic(learn, measure, args)
    on_cpu = ([part.cpu() for part in pair] for pair in (learn, measure))
    linear_learn, linear_test = linear_errors(*on_cpu)
    if not args.dry_run:
        draw(losses, apart, dynamic["losses"], linear_learn, args.out / "curves.png")
    return {
        "device": str(device),
        "losses": losses,
        "apart": {name: float(values.max()) for name, values in apart.items()},
        "test": tests,
        "baseline": {"learn": linear_learn, "test": linear_test},
        "gradcheck": approved,
        "dynamic": dynamic,
        "seconds": time.perf_counter() - began,
    }


def print_results(results):
    """Print what each stage reached, beside the best linear map."""
    print("stage       first loss   last loss  on unseen  apart from NumPy's curve")
    for name, curve in results["losses"].items():
        print(
            f"{name:10}{curve[0]:12.6f}{curve[-1]:12.6f}{results['test'][name]:11.6f}"
            f"{results['apart'][name]:12.1e}"
        )
    dynamic, linear = results["dynamic"], results["baseline"]
    for loops, error in enumerate(dynamic["test"]):
        print(f"dynamic, {loops} times through its middle layer{error:9.6f}")
    print(f"the best linear map{linear['learn']:15.6f}{linear['test']:11.6f}")
    print(f"gradcheck of the own function: {results['gradcheck']}; {results['seconds']:.1f} s")


def main(argv=None):
    """Train every stage as the arguments say; return the curves and the metrics."""
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
