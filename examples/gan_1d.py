"""A GAN in fewer than fifty lines: two small nets, one of which learns to draw normal numbers.

Numbers come from a normal distribution of mean 4 and standard deviation 1.25. The generator never
sees one of them. It is given chance, numbers around 0, and turns them into numbers of its own; the
discriminator sees both kinds and says which is which; each learns from the other's success. Between
the comments `networks and training` and `end` stands all there is to a GAN, which the first
author's list of things to learn from (note 000) found possible in fifty lines.

    python examples/gan_1d.py
    python examples/gan_1d.py --noise uniform

Two nets that chase each other tend to run in circles: in a first try, where both learned equally
fast, the deviation of the samples swung between 0.6 and 1.9 and came to no rest. Here the
discriminator learns three times as fast as the generator, both ever slower, and pays for a steep
slope at the real numbers (R1, the gradient penalty of Mescheder and others).

From the seeds 0, 1 and 2 the samples reach mean 3.96, 4.00 and 3.95 and deviation 1.26, 1.23 and
1.24 in ten seconds; at no number is the share of samples below it more than 2 % off the normal
law's (99 % before training). Fed with even chance instead, `--noise uniform`, mean and deviation
come out as well (4.02 and 1.25), but not the bell: the samples lie evenly between 1.8 and 6.1.
"""

import math

import torch
import torch.nn.functional as F
from arguments import Arguments, above_zero, finite, not_negative, positive
from figures import BLACK, GRAY, curves, figure, histograms
from torch import nn
from workbench import check_loss, log, make_folder, progress, script


# networks and training
def make_generator(hidden=32):
    return nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, 1))


def make_discriminator(hidden=32):
    return nn.Sequential(
        *(nn.Linear(1, hidden), nn.LeakyReLU(0.1)),
        *(nn.Linear(hidden, hidden), nn.LeakyReLU(0.1)),
        nn.Linear(hidden, 1),
    )


def chance(count, device, kind="normal"):
    if kind == "normal":
        return torch.randn(count, 1, device=device)
    return torch.rand(count, 1, device=device) * 2 - 1


def train(generator, discriminator, real_numbers, args, device):
    """Let the two learn in turns; yield both losses and the last samples of every step."""
    g_optimizer = torch.optim.Adam(generator.parameters(), args.lr, betas=(0.0, 0.9))
    d_optimizer = torch.optim.Adam(discriminator.parameters(), 3 * args.lr, betas=(0.0, 0.9))
    decay = [
        torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.001, args.steps)
        for optimizer in (g_optimizer, d_optimizer)
    ]
    for _ in range(args.steps):
        real = real_numbers(args.batch_size).requires_grad_()
        fake = generator(chance(args.batch_size, device, args.noise))

        d_real, d_fake = discriminator(real), discriminator(fake.detach())
        (slope,) = torch.autograd.grad(d_real.sum(), real, create_graph=True)
        d_loss = F.softplus(-d_real).mean() + F.softplus(d_fake).mean()
        d_optimizer.zero_grad()
        (d_loss + args.penalty * slope.square().mean()).backward()
        d_optimizer.step()

        g_loss = F.softplus(-discriminator(fake)).mean()
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()

        for scheduler in decay:
            scheduler.step()
        yield d_loss.item(), g_loss.item(), fake.detach()


# end


def distance(samples, mean, std):
    """Return the largest gap between the share of samples below x and the normal law's share.

    The Kolmogorov-Smirnov distance: 0 for a perfect copy, 1 for samples that lie elsewhere.
    """
    ordered = samples.double().flatten().sort().values
    expected = 0.5 * (1 + torch.erf((ordered - mean) / (std * math.sqrt(2))))
    count = len(ordered)
    below = torch.arange(count + 1, dtype=torch.float64, device=ordered.device) / count
    gaps = torch.stack([(below[1:] - expected).abs(), (below[:-1] - expected).abs()])
    return gaps.max().item()


def measure(generator, args, device):
    """Return mean, deviation and distance of 100,000 samples."""
    with torch.inference_mode():
        samples = generator(chance(100_000, device, args.noise)).flatten()
    found = {"mean": samples.mean().item(), "std": samples.std().item()}
    return samples.cpu(), {**found, "distance": distance(samples, args.mean, args.std)}


def draw(out, before, after, history, found, args):
    """Draw the samples beside the data's density, and the way on which they came there."""
    low, high = args.mean - 4 * args.std, args.mean + 4 * args.std
    x = torch.linspace(low, high, 300)
    density = torch.exp(-0.5 * ((x - args.mean) / args.std) ** 2) / args.std / math.tau**0.5
    title = (
        f"Samples of mean {found['mean']:.2f}, deviation {found['std']:.2f}: nobody showed it one"
    )
    with figure(out / "samples.png", title) as axes:
        bins = torch.linspace(low, high, 81).tolist()
        axes.plot(x, density, color=BLACK, label=f"the data: {args.mean:g} and {args.std:g}")
        # The untrained generator's samples lie so close that their bar would hide the rest.
        axes.axvline(before.mean().item(), color=GRAY, ls=":", label="before training, about here")
        histograms(axes, {"samples": after}, "number", "density", bins=bins, density=True)
    title = "The samples walk to the data until the discriminator can only guess"
    with figure(out / "history.png", title, 2, size=(8, 6), sharex=True) as (top, bottom):
        of = {name: list(zip(history["step"], each, strict=True)) for name, each in history.items()}
        lines = {"mean of the samples": of["mean"], "their deviation": of["std"]}
        curves(
            top,
            lines,
            "",
            "number",
            references={"the data's mean": args.mean, "the data's deviation": args.std},
        )
        lines = {name: of[name] for name in ("discriminator", "generator")}
        undecided = {"undecided: ln 4": math.log(4), "undecided: ln 2": math.log(2)}
        curves(bottom, lines, "step", "loss (nats)", references=undecided)
        bottom.legend(loc="upper right", ncols=2)


@script
def main(argv=None):
    """Train as the arguments say and return the metrics."""
    parser = Arguments(__file__, __doc__, batch_size=256, lr=0.002)
    add = parser.add_argument
    add("--mean", type=finite, default=4.0, help="mean of the data")
    add("--std", type=above_zero, default=1.25, help="its standard deviation")
    add("--steps", type=positive, default=1500, help="turns of both nets")
    add("--penalty", type=not_negative, default=0.1, help="weight of the slope's penalty")
    add("--noise", choices=["normal", "uniform"], default="normal", help="feeds the generator")
    args = parser.read(argv)
    if args.dry_run:
        args.steps = 3
    torch.manual_seed(args.seed)
    generator = make_generator().to(args.device)
    discriminator = make_discriminator().to(args.device)

    def real_numbers(count):
        return args.mean + args.std * torch.randn(count, 1, device=args.device)

    before, untrained = measure(generator, args, args.device)
    history = {name: [] for name in ("step", "mean", "std", "discriminator", "generator")}
    steps = train(generator, discriminator, real_numbers, args, args.device)
    for step, (d_loss, g_loss, fake) in enumerate(progress(steps, "steps", args.steps), 1):
        check_loss(abs(d_loss) + abs(g_loss), args)
        if step % max(1, args.steps // 100) == 0:
            now = (step, fake.mean().item(), fake.std(correction=0).item(), d_loss, g_loss)
            for values, value in zip(history.values(), now, strict=True):
                values.append(value)

    after, trained = measure(generator, args, args.device)
    log.info("before: mean %(mean).3f, deviation %(std).3f, distance %(distance).3f", untrained)
    log.info("after:  mean %(mean).3f, deviation %(std).3f, distance %(distance).3f", trained)
    if not args.dry_run:
        draw(make_folder(args.out), before, after, history, trained, args)
    with torch.inference_mode():
        verdict = torch.sigmoid(discriminator(real_numbers(10_000))).mean().item()
        noise = chance(100_000, args.device, args.noise)
    return {
        **trained,
        "untrained": untrained,
        "noise_distance": distance(noise, args.mean, args.std),
        "verdict_on_real": verdict,
        "history": history,
        "device": str(args.device),
    }


if __name__ == "__main__":
    main()
