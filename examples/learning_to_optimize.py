"""Learn to optimize: an LSTM in the place of gradient descent.

An optimizer is a function from gradients to steps. Here an LSTM is that function: it reads the
gradient of a coordinate and answers with the coordinate's step. All coordinates share its weights,
each has a memory of its own. It is trained by what comes of its steps: 20 of them are unrolled, and
the mean logarithm of the losses on the way is differentiated back through all of them to the LSTM's
weights (but not through the gradients that it reads, as in "Learning to learn by gradient descent
by gradient descent", whose PyTorch version the notes list).

    python examples/learning_to_optimize.py

The task: random quadratics |W x - y|^2 / 10 in ten dimensions, W, y and the first x drawn anew
for each. SGD, momentum and Adam compete with the learning rate (and the momentum) that a grid found
best for 20 steps on 256 training problems; all are measured on 100 unseen problems.

Mean loss after 20 steps with seeds 0, 1, 2 (before the first: about 11.4), in about 20 seconds of
one core: LSTM 0.083, 0.080, 0.088. Rivals tuned in hindsight, on the unseen problems themselves:
SGD 0.209, 0.210, 0.228, momentum 0.083, 0.082, 0.090, Adam about 0.49. So the LSTM beats any SGD
and is as good as the best momentum. Tuned as it should be, on training problems, SGD and momentum
diverge on one of the 100 unseen problems of seed 1; the LSTM never did. It goes on well beyond the
20 steps that it was trained for, but is overtaken: at 100 steps it is at 0.035, 0.043, 0.033,
momentum (where it doesn't diverge) at 0.032 and 0.035, Adam at about 0.038.
"""

import argparse
import logging
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import nn
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger("learning_to_optimize")

DIMENSIONS = 10
LONG = 100  # steps of a run far beyond those trained for


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


class Quadratics:
    """Random problems |W x - y|^2 / 10, all tackled at once; each starts at its own x."""

    def __init__(self, count, generator, device="cpu"):
        sizes = ((count, DIMENSIONS, DIMENSIONS), (count, DIMENSIONS), (count, DIMENSIONS))
        parts = (torch.randn(size, generator=generator).to(device) for size in sizes)
        self.matrix, self.wanted, self.start = parts

    def loss(self, x):
        """Return each problem's loss."""
        return (self.residual(x) ** 2).mean(1)

    def gradient(self, x):
        """Return each problem's gradient; by hand, since it is short and quick."""
        return 2 / DIMENSIONS * torch.einsum("bji,bj->bi", self.matrix, self.residual(x))

    def residual(self, x):
        return torch.einsum("bij,bj->bi", self.matrix, x) - self.wanted


# Optimizers: functions from (gradient, memory) to (step, memory), so that all run in one loop.


class LearnedOptimizer(nn.Module):
    """An LSTM that reads a coordinate's gradient and answers with its step.

    A gradient may be large or tiny, so it is read as two numbers, its sign and its logarithm.
    """

    def __init__(self, hidden=20, scale=0.1):
        super().__init__()
        self.cell, self.head, self.scale = nn.LSTMCell(2, hidden), nn.Linear(hidden, 1), scale

    def forward(self, gradient, memory):
        size = gradient.abs().clamp(min=1e-8)
        read = torch.stack([gradient.sign(), size.log() / 5], -1)
        memory = self.cell(read.flatten(0, -2), memory)
        return self.scale * self.head(memory[0]).view_as(gradient), memory


def sgd(lr):
    return lambda gradient, memory: (-lr * gradient, None)


def momentum(lr, beta):
    def step(gradient, memory):
        memory = gradient if memory is None else beta * memory + gradient
        return -lr * memory, memory

    return step


def adam(lr, betas=(0.9, 0.999)):
    def step(gradient, memory):
        count, mean, square = memory or (0, 0.0, 0.0)
        count, mean = count + 1, betas[0] * mean + (1 - betas[0]) * gradient
        square = betas[1] * square + (1 - betas[1]) * gradient**2
        corrected = (square / (1 - betas[1] ** count)).sqrt() + 1e-8
        return -lr * mean / (1 - betas[0] ** count) / corrected, (count, mean, square)

    return step


def optimize(optimizer, problems, steps):
    """Take the steps; return the mean loss before the first one and after each."""
    x, memory, losses = problems.start, None, [problems.loss(problems.start).mean()]
    for _ in range(steps):
        # Detached: the LSTM learns from what its steps do, not from how they bend later gradients.
        step, memory = optimizer(problems.gradient(x).detach(), memory)
        x = x + step
        losses.append(problems.loss(x).mean())
    return torch.stack(losses)


def candidates():
    """Return every hand-made optimizer of the grid, by kind and setting."""
    rates = [0.002 * 1.15**k for k in range(48)]  # up to 1.4; for Adam too
    return {
        "SGD": {f"lr {lr:.3g}": sgd(lr) for lr in rates},
        "momentum": {
            f"lr {lr:.3g}, momentum {beta}": momentum(lr, beta)
            for lr in rates
            for beta in (0.5, 0.7, 0.8, 0.9, 0.95)
        },
        "Adam": {f"lr {lr:.3g}": adam(lr) for lr in rates},
    }


def tune(problems, steps):
    """Return, for each kind, the setting with the least loss after the steps, and its optimizer."""
    best = {}
    with torch.inference_mode():
        for kind, settings in candidates().items():
            ends = {
                name: optimize(each, problems, steps)[-1].nan_to_num(float("inf")).item()
                for name, each in settings.items()
            }
            name = min(ends, key=ends.get)
            best[kind] = (name, settings[name])
    return best


# Training the LSTM.


class Training:
    """A run that can be stopped at any moment and taken up again, to the same weights."""

    def __init__(self, args, device):
        self.args, self.device = args, device
        torch.manual_seed(args.seed)
        self.learned = LearnedOptimizer().to(device)
        self.optimizer = torch.optim.Adam(self.learned.parameters(), lr=args.lr)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, args.steps)
        self.step, self.losses, self.seconds = 0, [], 0.0

    def run(self, checkpoint=None):
        """Train to the end; write a checkpoint every 100 steps."""
        began = time.perf_counter() - self.seconds
        bar = tqdm(
            range(self.step, self.args.steps),
            "meta-training",
            initial=self.step,
            total=self.args.steps,
            leave=False,
            disable=None,
        )
        for self.step in bar:
            # New problems each time, by seed and step: nothing else has to be remembered.
            seed = 1_000_000 * (self.args.seed + 1) + self.step
            generator = torch.Generator().manual_seed(seed)
            problems = Quadratics(self.args.batch_size, generator, self.device)
            self.optimizer.zero_grad()
            losses = optimize(self.learned, problems, self.args.unroll)
            # Logarithms, since otherwise the first steps, where losses are large, count for all.
            total = losses[1:].log().mean()
            total.backward()
            nn.utils.clip_grad_norm_(self.learned.parameters(), 1.0)
            self.optimizer.step()
            self.scheduler.step()
            self.losses.append(losses[-1].item())
            if not self.losses[-1] < float("inf"):
                lr, loss = self.args.lr, self.losses[-1]
                raise InputError(f"the loss is {loss}: with --lr {lr} meta-training went astray")
            if (self.step + 1) % 100 == 0:
                log.info("step %5d: loss %.4f", self.step + 1, sum(self.losses[-100:]) / 100)
                self.seconds = time.perf_counter() - began
                self.save(checkpoint, self.step + 1)
        self.step = self.args.steps
        self.seconds = time.perf_counter() - began
        self.save(checkpoint, self.step)

    def settings(self):
        """Return what a checkpoint must share with the run that goes on from it."""
        return {
            name: getattr(self.args, name) for name in "steps unroll batch_size lr seed".split()
        }

    def save(self, path, step):
        """Write a checkpoint: a kill at any moment leaves the one before or this one, whole."""
        if path is None:
            return
        state = {
            "settings": self.settings(),
            "model": self.learned.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "step": step,
            "losses": self.losses,
            "seconds": self.seconds,
        }
        partial = path.with_suffix(".partial")
        with open(partial, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)

    def load(self, path):
        """Go back to where a checkpoint was written."""
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            settings = state["settings"]
        except Exception as error:  # whatever else lies there can fail in any way
            reason = first_line(error)
            raise InputError(f"{path} is no checkpoint of this script: {reason}") from error
        for name, value in self.settings().items():
            if settings.get(name) != value:
                theirs = settings.get(name)
                raise InputError(
                    f"{path} is of another run: {name} is {theirs} there, {value} here"
                )
        self.learned.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.step, self.losses, self.seconds = state["step"], state["losses"], state["seconds"]


def draw_curves(curves, unroll, path):
    """Draw the mean loss over the steps, within the steps trained for and far beyond them."""
    figure = Figure(figsize=(10, 4.5), layout="constrained")
    for axes, steps in zip(figure.subplots(1, 2), (unroll, LONG), strict=True):
        for name, losses in curves.items():
            axes.plot(losses[: steps + 1], label=name, lw=2.5 if name == "LSTM" else 1.5)
        axes.axvline(unroll, color="gray", ls=":")
        beyond = "" if steps == unroll else f", trained for {unroll}"
        axes.set(title=f"{steps} steps{beyond}", xlabel="steps", yscale="log")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("mean loss on 100 unseen problems")
    figure.axes[0].legend()
    figure.savefig(path, dpi=120)


def draw_training(losses, path):
    """Draw the loss after the last unrolled step, over the steps of meta-training."""
    parts = [torch.tensor(losses[max(0, n - 49) : n + 1]) for n in range(len(losses))]
    smooth = [part.log().mean().exp().item() for part in parts]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(losses, alpha=0.3, label="a batch")
    axes.plot(smooth, label="geometric mean of 50")
    axes.set(title="Meta-training", xlabel="steps of it", ylabel="loss at the end", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


# A run, from the command line or called.


def pick_device(name):
    """Return the device called `name`, or the accelerator that is here, or the CPU."""
    if name:
        try:
            return torch.empty(1, device=name).device
        except (AssertionError, RuntimeError) as error:
            raise InputError(f"--device {name}: {first_line(error)}") from error
    try:
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    except (AttributeError, TypeError):  # before PyTorch 2.7
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def first_line(error):
    return str(error).strip().partition("\n")[0]


@contextmanager
def one_thread():
    """Compute with one thread: with products so small more only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run(args):
    """Tune the hand-made optimizers, train the LSTM, measure all of them on unseen problems."""
    began, device = time.perf_counter(), pick_device(args.device)
    if args.dry_run:
        args.steps = 3
    checkpoint = None if args.dry_run else args.out / "checkpoint.pt"
    generator = torch.Generator().manual_seed(3 * args.seed + 1)
    tuned = tune(Quadratics(256, generator, device), args.unroll)
    log.info("the grid found: %s", ", ".join(f"{kind} {name}" for kind, (name, _) in tuned.items()))

    training = Training(args, device)
    if checkpoint and args.resume and checkpoint.exists():
        training.load(checkpoint)
        log.info("going on after step %d", training.step)
    elif checkpoint:
        checkpoint.unlink(missing_ok=True)  # a stopped run must not find an older one's
    training.run(checkpoint)

    generator = torch.Generator().manual_seed(3 * args.seed + 2)
    unseen = Quadratics(100, generator, device)
    with torch.inference_mode():
        curves = {"LSTM": optimize(training.learned, unseen, LONG).tolist()}
        for kind, (_, optimizer) in tuned.items():
            curves[kind] = optimize(optimizer, unseen, LONG).tolist()
        # A rate that suits the training problems may be too large for one of these, and its loss
        # is then most of the mean. So the rivals are also tuned on what they are measured on.
        hindsight = {
            kind: optimize(optimizer, unseen, args.unroll)[-1].item()
            for kind, (_, optimizer) in tune(unseen, args.unroll).items()
        }
    if not args.dry_run:
        draw_curves(curves, args.unroll, args.out / "curves.png")
        draw_training(training.losses, args.out / "training.png")

    print(f"\nmean loss on 100 unseen problems; before the first step {curves['SGD'][0]:.2f}")
    print(
        f"           {args.unroll:4} steps  {LONG} steps  {args.unroll} steps, tuned in hindsight"
    )
    for kind, losses in curves.items():
        how = tuned[kind][0] if kind in tuned else "trained"
        least = f"{hindsight[kind]:.4f}" if kind in hindsight else "-"
        print(f"{kind:10}{losses[args.unroll]:11.4g}{losses[LONG]:11.4g}  {least:>10}  {how}")
    return {
        "device": str(device),
        "start": curves["SGD"][0],
        "after": {kind: losses[args.unroll] for kind, losses in curves.items()},
        "after_long": {kind: losses[LONG] for kind, losses in curves.items()},
        "hindsight": hindsight,
        "curves": curves,
        "tuned": {kind: name for kind, (name, _) in tuned.items()},
        "losses": training.losses,
        "seconds": time.perf_counter() - began,
    }


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
    within = number(int, lambda value: 0 < value <= LONG, f"number of steps up to {LONG}")
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--steps", type=positive, default=600, help="steps of meta-training, a batch each")
    add("--unroll", type=within, default=20, help="steps that the LSTM is trained to take")
    add("--batch-size", type=positive, default=32, help="problems in a batch")
    add("--lr", type=rate, default=0.01, help="learning rate of the meta-training")
    add("--seed", type=count, default=0, help="for weights and problems")
    add("--device", help="cpu, cuda, mps, ... (none given: the accelerator that is here, or cpu)")
    out = Path("runs/learning_to_optimize")
    add("--out", type=Path, default=out, metavar="DIR", help="figures and checkpoint")
    add("--resume", action="store_true", help="go on from the checkpoint in --out, if it is there")
    add("--dry-run", action="store_true", help="train for three steps; write nothing")
    return parser.parse_args(argv)


def make_folder(path):
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}") from error


def main(argv=None):
    """Tune, train and measure as the arguments say, and return the metrics."""
    args = read_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        with logging_redirect_tqdm(), one_thread():
            if not args.dry_run:
                make_folder(args.out)
            return run(args)
    except InputError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; --resume goes on from the last checkpoint")
