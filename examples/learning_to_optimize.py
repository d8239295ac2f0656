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

import torch
from arguments import Arguments, number, positive, threads
from figures import GRAY, curves, figure
from torch import nn
from workbench import Run, check_loss, log, progress, script

DIMENSIONS = 10
LONG = 100  # steps of a run far beyond those trained for


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

    @torch.inference_mode()
    def end(optimizer):
        return optimize(optimizer, problems, steps)[-1].nan_to_num(float("inf")).item()

    for kind, settings in candidates().items():
        ends = {name: end(optimizer) for name, optimizer in settings.items()}
        name = min(ends, key=ends.get)
        best[kind] = (name, settings[name])
    return best


def draw(out, by_kind, losses, unroll):
    """Draw the mean loss over the steps, as trained for and beyond, and the meta-training."""
    ends = ", ".join(f"{kind} {each[unroll]:.2f}" for kind, each in by_kind.items())
    title = f"A learned optimizer against tuned ones, loss after {unroll} steps:\n{ends}"
    with figure(out / "curves.png", title, columns=2, size=(10, 4.5)) as panels:
        for axes, steps in zip(panels, (unroll, LONG), strict=True):
            lines = {kind: list(enumerate(each[: steps + 1])) for kind, each in by_kind.items()}
            curves(axes, lines, f"steps (trained for {unroll})", "mean loss, unseen", yscale="log")
            axes.axvline(unroll, color=GRAY, ls=":")
    parts = [torch.tensor(losses[max(0, n - 49) : n + 1]) for n in range(len(losses))]
    smooth = [part.log().mean().exp().item() for part in parts]
    title = f"Meta-training: its {unroll} steps end lower and lower"
    with figure(out / "training.png", title) as axes:
        axes.plot(losses, alpha=0.3, color=GRAY)
        lines = {"geometric mean of 50 batches": smooth}
        curves(axes, lines, "steps of meta-training", "loss at the end, mean of 50", yscale="log")


@script
def main(argv=None):
    """Tune, train and measure as the arguments say, and return the metrics."""
    within = number(int, lambda value: 0 < value <= LONG, f"number of steps up to {LONG}")
    parser = Arguments(__file__, __doc__, batch_size=32, lr=0.01)
    add = parser.add_argument
    add("--steps", type=positive, default=600, help="steps of meta-training, a batch each")
    add("--unroll", type=within, default=20, help="steps that the LSTM is trained to take")
    add("--resume", action="store_true", help="go on from the checkpoint in --out")
    args = parser.read(argv)
    args.epochs = 3 if args.dry_run else args.steps
    with threads(1):  # with products so small more only wait for each other
        return learn(args)


def learn(args):
    """Tune the hand-made optimizers, train the LSTM, measure all of them on unseen problems."""
    generator = torch.Generator().manual_seed(3 * args.seed + 1)
    tuned = tune(Quadratics(256, generator, args.device), args.unroll)
    torch.manual_seed(args.seed)
    learned = LearnedOptimizer().to(args.device)
    optimizer = torch.optim.Adam(learned.parameters(), lr=args.lr)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    run = Run(args, model=learned, optimizer=optimizer, scheduler=decay)

    for step in progress(run.epochs(every=100), "meta-training", args.epochs):
        # New problems each time, by seed and step: nothing else has to be remembered.
        generator.manual_seed((1_000_000 * (args.seed + 1) + step - 1) % 2**64)
        problems = Quadratics(args.batch_size, generator, args.device)
        optimizer.zero_grad()
        losses = optimize(learned, problems, args.unroll)
        # Logarithms, since otherwise the first steps, where losses are large, count for all.
        losses[1:].log().mean().backward()
        nn.utils.clip_grad_norm_(learned.parameters(), 1.0)
        optimizer.step()
        decay.step()
        run.add("loss", check_loss(losses[-1], args))
        if step % 100 == 0:
            log.info("step %d: loss %.4f", step, run.scalars["loss"][-1][1])

    unseen = Quadratics(100, generator.manual_seed(3 * args.seed + 2), args.device)
    rivals = {kind: rival for kind, (_, rival) in tuned.items()}
    with torch.inference_mode():
        by_kind = {
            kind: optimize(each, unseen, LONG).tolist()
            for kind, each in ({"LSTM": learned} | rivals).items()
        }
        # A rate that suits the training problems may be too large for one of these, and its loss
        # is then most of the mean. So the rivals are also tuned on what they are measured on.
        hindsight = {
            kind: optimize(rival, unseen, args.unroll)[-1].item()
            for kind, (_, rival) in tune(unseen, args.unroll).items()
        }
    losses = [loss for _, loss in run.scalars["loss"]]
    if not args.dry_run:
        draw(args.out, by_kind, losses, args.unroll)
    metrics = {
        "device": str(args.device),
        "start": by_kind["SGD"][0],
        "after": {kind: each[args.unroll] for kind, each in by_kind.items()},
        "after_long": {kind: each[LONG] for kind, each in by_kind.items()},
        "hindsight": hindsight,
        "tuned": {kind: name for kind, (name, _) in tuned.items()},
    }
    for name, value in metrics.items():
        log.info("%s: %s", name.replace("_", " "), value)
    return metrics | {"curves": by_kind, "losses": losses, "seconds": run.seconds}


if __name__ == "__main__":
    main()
