"""A DCGAN on small pictures, and the few changes that make it a WGAN.

A generator unfolds 32 random numbers into a picture by transposed convolutions; a discriminator
folds pictures into one number that says whether they are real. With `--loss gan` they learn as in
the DCGAN paper. `--loss wgan` changes what the WGAN paper changes, and nothing more: losses without
a logarithm, RMSprop for Adam, weights clipped after each step, and several steps of the
discriminator, then called critic, for one of the generator. Notes 000 (its author's first model of
his own, and the book's cartoon avatars), 002 (image generation) and 004 (faces) ask for such a net.

    python examples/dcgan.py --data data/mnist
    python examples/dcgan.py --data data/mnist --loss wgan --out runs/wgan
    python examples/drawn/faces.py --out data/faces
    python examples/dcgan.py --data data/faces --out runs/faces
    python examples/dcgan.py --out runs/faces --generate 100

`--data` names a folder with MNIST's two t10k files, or one with a folder of pictures for each
class, which ImageFolder reads. In `--out` appear samples, what became of 8 fixed noise vectors
during the training, the losses, and a checkpoint for `--resume` and `--generate`.

A run takes 20 to 30 seconds on one core. Median of three seeds, on the 10,000 test digits: per
pixel, the means of samples and data lie 0.036 apart (gan) or 0.023 (wgan), where an untrained
generator's lie 0.80 and noise's 0.73; the variances 0.037 and 0.037, against 0.33 and 0.23. Samples
lie as far from each other as 0.96 times the data do. All ten digits occur; the five real digits
nearest to a sample agree on one at 80 % (gan) and 74 % (wgan), to another real digit at 96 %, to
noise at 60 %: most samples can be read, some are strokes without a meaning. Those of the WGAN match
the means better, and are grainier, so that fewer can be read. Its critic's distance falls from 0.05
to 0.006 in 200 steps, then creeps up to 0.009 as the critic goes on learning. On the faces 98 % of
samples have hair, eyes and mouth in their places (WGAN 94 %, drawn faces 99 %, noise 11 %).
"""

import argparse
import gzip
import itertools
import logging
import math
import os
import sys
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import workbench
from matplotlib.figure import Figure
from PIL import Image
from torch import nn
from torchvision.datasets import ImageFolder
from torchvision.utils import make_grid
from tqdm import tqdm

log = logging.getLogger("dcgan")

NOISE = 32  # numbers that a picture is made of


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


# Pictures, all in one tensor of values from -1 to 1.


@dataclass
class Pictures:
    images: torch.Tensor
    labels: torch.Tensor
    kind: str  # digits or pictures


def read_idx(path, header):
    try:
        with gzip.open(path) as file:
            content = file.read()
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {first_line(error)}") from error
    values = torch.from_numpy(np.frombuffer(content, np.uint8).copy())[header:]
    if header == 16:
        if values.numel() == 0 or values.numel() % 784:
            raise InputError(f"{path} holds no pictures of 28 x 28 pixels")
        values = values.view(-1, 1, 28, 28)
    return values


def scaled(images, size):
    if images.shape[-2:] != (size, size):
        images = F.interpolate(images, size=(size, size), mode="bilinear", antialias=True)
    return images / 127.5 - 1


def open_pictures(root, size):
    """Read MNIST's test digits, or every picture of an image folder."""
    if root is None or not root.is_dir():
        raise InputError(
            f"no pictures in {root}: name by --data a folder with t10k-images-idx3-ubyte.gz and "
            "t10k-labels-idx1-ubyte.gz, or draw faces: python examples/drawn/faces.py --out DIR"
        )
    if (root / "t10k-images-idx3-ubyte.gz").exists():
        images = read_idx(root / "t10k-images-idx3-ubyte.gz", 16)
        labels = read_idx(root / "t10k-labels-idx1-ubyte.gz", 8)
        if len(images) != len(labels):
            raise InputError(f"{root} holds {len(images)} digits and {len(labels)} labels")
        # The outer pixels of a digit are nearly always black.
        return Pictures(scaled(images[..., 2:-2, 2:-2].float(), size), labels.long(), "digits")
    try:
        folder = ImageFolder(root)
        images = [torch.from_numpy(np.array(image)).permute(2, 0, 1) for image, _ in folder]
    except (OSError, RuntimeError) as error:
        raise InputError(f"{root} is no folder of pictures: {first_line(error)}") from error
    images = torch.cat([scaled(image[None].float(), size) for image in images])
    return Pictures(images, torch.tensor(folder.targets), "pictures")


def first_line(error):
    return str(error).strip().partition("\n")[0]


# The nets: for 16 x 16 pixels two doublings, for 32 x 32 three.


def make_generator(size, channels, width):
    doublings = int(math.log2(size // 4))
    widths = [width * 2 ** (doublings - 1 - i) for i in range(doublings)]
    layers = [nn.ConvTranspose2d(NOISE, widths[0], 4, bias=False)]
    for inner, outer in zip(widths, [*widths[1:], channels], strict=True):
        layers += [nn.BatchNorm2d(inner), nn.ReLU()]
        layers += [nn.ConvTranspose2d(inner, outer, 4, stride=2, padding=1, bias=outer == channels)]
    return nn.Sequential(*layers, nn.Tanh())


def make_discriminator(size, channels, width):
    doublings = int(math.log2(size // 4))
    widths = [width * 2**i for i in range(doublings)]
    layers = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
    for inner, outer in itertools.pairwise(widths):
        layers += [nn.Conv2d(inner, outer, 4, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(outer), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4), nn.Flatten(0))


# The two games.


def gan_losses(real, fake):
    return F.softplus(-real).mean() + F.softplus(fake).mean(), F.softplus(-fake).mean()


def wgan_losses(real, fake):
    return fake.mean() - real.mean(), -fake.mean()


def adam(net, lr):
    return torch.optim.Adam(net.parameters(), lr, betas=(0.5, 0.999))


def rmsprop(net, lr):
    return torch.optim.RMSprop(net.parameters(), lr)


@dataclass(frozen=True)
class Game:
    """What a GAN and a WGAN do differently, and nothing else."""

    losses: object  # of verdicts on real and on fake: the discriminator's and the generator's
    optimizer: object
    lr: float
    steps: int  # of the discriminator
    critic_steps: int  # of the discriminator, for one of the generator
    clip: float | None  # no weight of the discriminator grows beyond


# The WGAN paper takes five steps of the critic; here three come closer to the data in less time.
GAMES = {
    "gan": Game(gan_losses, adam, 0.001, 600, 1, None),
    "wgan": Game(wgan_losses, rmsprop, 0.0005, 1200, 3, 0.01),
}


def pick_device(name):
    """Return the device called `name`, or the accelerator that is here, or the CPU."""
    try:
        if name:
            probe = torch.zeros(1, device=name)
            probe.item()  # a device without values, such as meta, gives none back
            return probe.device
        # Unasked whether it is available, it names what PyTorch was built for, here or not.
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    except (AssertionError, RuntimeError) as error:
        raise InputError(f"--device {name}: {first_line(error)}") from error
    except (AttributeError, TypeError):  # before PyTorch 2.7
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Training:
    """A run that can be stopped at any moment and goes on from its last report.

    All chance is drawn on the CPU, so that one state of one generator is all of it that a
    checkpoint has to remember.
    """

    def __init__(self, images, device, args):
        self.images, self.device, self.args = images, device, args
        self.game = GAMES[args.loss]
        torch.manual_seed(args.seed)
        shape = (args.size, images.shape[1], args.width)
        # Convolutions are quicker on a CPU when the channels lie side by side.
        where = {"device": device, "memory_format": torch.channels_last}
        self.generator = make_generator(*shape).to(**where)
        self.discriminator = make_discriminator(*shape).to(**where)
        self.g_optimizer = self.game.optimizer(self.generator, args.lr)
        self.d_optimizer = self.game.optimizer(self.discriminator, args.lr)
        self.fixed = torch.randn(64, NOISE, 1, 1)
        self.step = 0
        self.losses = {"discriminator": [], "generator": []}
        self.progress = [[0, sample(self.generator, self.fixed, device)]]

    def run(self, checkpoint=None):
        """Train to the end; show the fixed noise and write a checkpoint with every report."""
        bar = tqdm(
            total=self.args.steps, initial=self.step, desc="steps", leave=False, disable=None
        )
        with bar:
            while self.step < self.args.steps:
                self.train_step()
                bar.update()
                if self.step % self.args.report_every == 0 or self.step == self.args.steps:
                    self.report()
                    self.save(checkpoint)

    def train_step(self):
        # The rate falls in the second half, so that the nets come to rest in the end.
        rate = self.args.lr * min(1.0, 2 * (1 - self.step / self.args.steps))
        for group in self.d_optimizer.param_groups + self.g_optimizer.param_groups:
            group["lr"] = rate
        self.step += 1
        generators_turn = self.step % self.args.critic_steps == 0
        real = self.images[torch.randint(len(self.images), (self.args.batch_size,))]
        noise = torch.randn(self.args.batch_size, NOISE, 1, 1).to(self.device)
        self.generator.train()
        with torch.set_grad_enabled(generators_turn):
            fake = self.generator(noise)

        verdicts = self.discriminator(real.to(self.device)), self.discriminator(fake.detach())
        loss, _ = self.game.losses(*verdicts)
        self.d_optimizer.zero_grad()
        loss.backward()
        self.d_optimizer.step()
        self.losses["discriminator"].append(loss.item())
        if self.args.clip:
            with torch.no_grad():
                for parameter in self.discriminator.parameters():
                    parameter.clamp_(-self.args.clip, self.args.clip)

        if generators_turn:
            _, loss = self.game.losses(verdicts[0].detach(), self.discriminator(fake))
            self.g_optimizer.zero_grad()
            loss.backward()
            self.g_optimizer.step()
            self.losses["generator"].append(loss.item())

    def report(self):
        recent = self.losses["discriminator"][-self.args.report_every :]
        mean = sum(recent) / len(recent)
        if not abs(mean) < float("inf"):
            raise InputError(f"the loss is {mean}: with --lr {self.args.lr} training went astray")
        self.progress.append([self.step, sample(self.generator, self.fixed, self.device)])
        log.info("step %4d: loss of the discriminator %.4f", self.step, mean)

    def settings(self):
        """Return what a checkpoint must share with the run that goes on from it."""
        names = "loss steps batch_size lr critic_steps clip size width seed report_every".split()
        return {name: getattr(self.args, name) for name in names} | {
            "pictures": len(self.images),
            "channels": self.images.shape[1],
        }

    def save(self, path):
        """Write a checkpoint: a kill at any moment leaves the one before or this one, whole."""
        if path is None:
            return
        state = {
            "settings": self.settings(),
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "g_optimizer": self.g_optimizer.state_dict(),
            "d_optimizer": self.d_optimizer.state_dict(),
            "step": self.step,
            "losses": self.losses,
            "progress": self.progress,
            "rng": torch.get_rng_state(),
        }
        partial = path.with_suffix(".partial")
        with open(partial, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)

    def load(self, path):
        """Go back to where a checkpoint was written."""
        state = read_checkpoint(path)
        for name, value in self.settings().items():
            if state["settings"].get(name) != value:
                raise InputError(
                    f"{path} is of another run: {name} is {state['settings'].get(name)} there, "
                    f"{value} here"
                )
        for name in ("generator", "discriminator", "g_optimizer", "d_optimizer"):
            getattr(self, name).load_state_dict(state[name])
        self.step, self.losses, self.progress = state["step"], state["losses"], state["progress"]
        torch.set_rng_state(state["rng"])


def read_checkpoint(path):
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return state | {"settings": dict(state["settings"])}
    except FileNotFoundError as error:
        raise InputError(f"no {path}: train first, with the same --out") from error
    except Exception as error:  # whatever else lies there can fail in any way
        raise InputError(f"{path} is no checkpoint of this script: {first_line(error)}") from error


def sample(generator, noise, device):
    """Return the pictures of some noise. Batch norm goes by what it has seen in training."""
    was_training = generator.training
    generator.eval()
    with torch.inference_mode():
        images = torch.cat([generator(part.to(device)).cpu() for part in noise.split(250)])
    generator.train(was_training)
    return images.clone()  # no inference tensors outside


# Measuring: numbers that are near the data's for good samples, and far for noise.


def nearest(images, data, count=1):
    """Return how far each image lies from its `count` nearest pictures, and which they are."""
    return torch.cdist(images.flatten(1), data.flatten(1)).topk(count, largest=False)


def measure(samples, pictures):
    """Compare samples with the data, pixel by pixel and among themselves."""
    data = pictures.images
    found = {
        "mean_distance": rms(samples.mean(0) - data.mean(0)),
        "variance_distance": rms(samples.var(0) - data.var(0)),
        "spread": torch.pdist(samples[:400].flatten(1)).mean().item()
        / torch.pdist(data[:: len(data) // 400 or 1][:400].flatten(1)).mean().item(),
    }
    if pictures.kind == "digits":
        labels = pictures.labels[nearest(samples, data, 5).indices]
        votes = F.one_hot(labels, 10).sum(1)
        found["agreement"] = (votes.amax(1).double().mean() / 5).item()
        found["classes"] = torch.bincount(votes.argmax(1), minlength=10).tolist()
    elif data.shape[1] == 3:
        found.update(layout(samples))
    return found


def rms(values):
    return values.square().mean().sqrt().item()


# Where a face of drawn/faces.py has its parts: left, top, right, bottom as shares of the side.
PARTS = {
    "hair": (0.40, 0.13, 0.60, 0.28),
    "skin": (0.45, 0.57, 0.55, 0.66),
    "wall": (0.00, 0.00, 0.12, 0.12),
    "left eye": (0.30, 0.44, 0.44, 0.63),
    "right eye": (0.56, 0.44, 0.70, 0.63),
    "mouth": (0.40, 0.66, 0.60, 0.80),
}


def part(images, name):
    """Return the pixels of one part of the face, as (pictures, channels, pixels)."""
    left, top, right, bottom = (round(edge * images.shape[-1]) for edge in PARTS[name])
    return images[:, :, top : max(bottom, top + 1), left : max(right, left + 1)].flatten(2)


def layout(images):
    """Return the mean colours of the parts, and the share of pictures laid out as a face.

    A face has hair darker than its skin, in the place of either eye something darker than the
    skin, and in the place of the mouth something redder.
    """
    colours = {name: part(images, name).mean((0, 2)).tolist() for name in ("hair", "skin", "wall")}
    skin = part(images, "skin").mean(2)
    light = skin.mean(1)
    eyes = [part(images, name).mean(1).amin(1) for name in ("left eye", "right eye")]
    mouth = part(images, "mouth")
    rules = {
        "hair": part(images, "hair").mean((1, 2)) < light - 0.2,
        "eyes": (eyes[0] < light - 0.4) & (eyes[1] < light - 0.4),
        "mouth": (mouth[:, 0] - mouth[:, 1]).amax(1) > skin[:, 0] - skin[:, 1] + 0.1,
    }
    shares = {name: holds.double().mean().item() for name, holds in rules.items()}
    shares["all"] = (rules["hair"] & rules["eyes"] & rules["mouth"]).double().mean().item()
    return {"colours": colours, "layout": shares}


# Figures.


def as_bytes(images):
    """Return pictures (n, channels, height, width) as bytes, the channels last."""
    return ((images + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1)


def draw_grid(images, columns, path):
    """Draw pictures side by side, each pixel as a square of 4 x 4."""
    grid = make_grid(images, columns, padding=1, pad_value=0.0)
    grid = as_bytes(grid[None])[0].repeat_interleave(4, 0).repeat_interleave(4, 1)
    Image.fromarray(grid.numpy()).save(path)


def draw_progress(progress, path):
    """Draw what became of eight noise vectors: a row a report, at most ten, the last included."""
    every = -(-(len(progress) - 1) // 9) or 1
    rows = [*progress[:-1:every], progress[-1]]
    figure = Figure(figsize=(7, 0.8 * len(rows) + 0.5), layout="constrained")
    figure.suptitle("What becomes of eight noise vectors")
    for axes_row, (step, images) in zip(
        figure.subplots(len(rows), 8, squeeze=False), rows, strict=True
    ):
        for axes, image in zip(axes_row, as_bytes(images[:8]), strict=True):
            axes.imshow(image.numpy(), cmap="gray", vmin=0, vmax=255)
            axes.set(xticks=[], yticks=[])
        axes_row[0].set_ylabel(f"step {step}", rotation=0, ha="right", va="center")
    figure.savefig(path, dpi=100)


def smooth(values, window=25):
    return [
        sum(values[max(0, i - window) : i + 1]) / (i + 1 - max(0, i - window))
        for i in range(len(values))
    ]


def draw_losses(training, args, path):
    figure = Figure(figsize=(8, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    loss = smooth(training.losses["discriminator"])
    if args.loss == "wgan":
        left.plot([-value for value in loss])
        left.set(title="The critic's distance of samples and data", ylim=0)
    else:
        left.plot(loss, label="discriminator")
        left.plot(smooth(training.losses["generator"]), label="generator")
        left.axhline(math.log(4), color="gray", ls=":", label="a guess: ln 4")
        left.legend()
        left.set(title="Losses")
    right.plot(*zip(*training.nearness, strict=True), marker=".", color="green")
    right.set(title="Fixed noise: distance to the nearest picture", ylim=0)
    for axes in (left, right):
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)


# A run, from the command line or called.


def run(args):
    """Train, sample, measure, draw; return what came out."""
    began, device = time.perf_counter(), pick_device(args.device)
    checkpoint = None if args.dry_run else args.out / "checkpoint.pt"
    pictures = open_pictures(args.data, args.size)
    log.info("%d %s of %s", len(pictures.images), pictures.kind, list(pictures.images.shape[1:]))
    if args.dry_run:
        args.steps = args.critic_steps

    training = Training(pictures.images, device, args)
    chance = torch.Generator().manual_seed(args.seed)
    noise = torch.randn(1000, NOISE, 1, 1, generator=chance)
    untrained = measure(sample(training.generator, noise, device), pictures)
    if checkpoint:
        make_folder(args.out)
        if args.resume and checkpoint.exists():
            training.load(checkpoint)
            log.info("going on after step %d", training.step)
        else:
            checkpoint.unlink(missing_ok=True)  # a stopped run must not find an older one's
    training.run(checkpoint)

    samples = sample(training.generator, noise, device)
    static = torch.rand(samples.shape, generator=chance) * 2 - 1
    some = torch.randperm(len(pictures.images), generator=chance)[:1000]
    training.nearness = [
        [step, nearest(images, pictures.images).values.mean().item()]
        for step, images in training.progress
    ]
    metrics = {
        "loss": args.loss,
        "kind": pictures.kind,
        "device": str(device),
        "steps": training.step,
        "samples": measure(samples, pictures),
        "data": measure(pictures.images[some], pictures),
        "untrained": untrained,
        "noise": measure(static, pictures),
        "nearness": training.nearness,
        "losses": training.losses,
        "seconds": time.perf_counter() - began,
    }
    if not args.dry_run:
        draw_grid(samples[:64], 8, args.out / "samples.png")
        draw_progress(training.progress, args.out / "progress.png")
        draw_losses(training, args, args.out / "losses.png")
        log.info("figures are in %s", args.out)
    return metrics


def generate(args):
    """Draw `--generate` pictures by the generator of the checkpoint in --out."""
    state = read_checkpoint(args.out / "checkpoint.pt")
    device, settings = pick_device(args.device), state["settings"]
    generator = make_generator(settings["size"], settings["channels"], settings["width"])
    generator.load_state_dict(state["generator"])
    chance = torch.Generator().manual_seed(args.seed)
    noise = torch.randn(args.generate, NOISE, 1, 1, generator=chance)
    images = as_bytes(sample(generator.to(device), noise, device))
    if not args.dry_run:
        folder = args.out / "generated"
        make_folder(folder)
        for n, image in enumerate(images.numpy()):
            Image.fromarray(image.squeeze()).save(folder / f"{n:04}.png")
        log.info("%d pictures are in %s", len(images), folder)
    return {"generated": len(images), "steps": state["step"]}


def print_results(metrics):
    columns = ("samples", "data", "untrained", "noise")
    print("\n" + " " * 26 + "".join(f"{name:>11}" for name in columns))
    for name in ("mean_distance", "variance_distance", "spread", "agreement", "layout"):
        if name in metrics["samples"]:
            values = [metrics[column][name] for column in columns]
            values = [value["all"] if name == "layout" else value for value in values]
            print(f"{name.replace('_', ' '):26}" + "".join(f"{value:11.3f}" for value in values))
    if "classes" in metrics["samples"]:
        print(f"samples like each digit: {metrics['samples']['classes']}")
    first, last = metrics["nearness"][0][1], metrics["nearness"][-1][1]
    print(f"fixed noise lies {first:.2f}, then {last:.2f} from the nearest picture of the data")


def read_arguments(argv):
    positive = workbench.number(int, lambda value: value > 0, "positive number")
    several = workbench.number(int, lambda value: value > 1, "number above 1")
    seed = workbench.number(int, lambda value: value >= 0, "number")
    rate = workbench.number(float, lambda value: 0 < value < float("inf"), "positive number")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--data", type=Path, default=Path("data/mnist"), metavar="DIR", help="default: data/mnist")
    add("--loss", choices=list(GAMES), default="gan", help="default: gan")
    add("--size", type=int, choices=[16, 32, 64], default=16, help="pixels of a side (default: 16)")
    add("--width", type=positive, default=32, help="channels of the largest layer (default: 32)")
    add("--steps", type=positive, help="of the discriminator (gan 600, wgan 1200)")
    add("--batch-size", type=several, default=64, help="pictures in a step (default: 64)")
    add("--lr", type=rate, help="learning rate of both nets (gan 0.001, wgan 0.0005)")
    add("--critic-steps", type=positive, help="for one of the generator (gan 1, wgan 3)")
    add("--clip", type=rate, help="largest weight of the critic (gan none, wgan 0.01)")
    add("--report-every", type=positive, default=100, metavar="N", help="steps (default: 100)")
    add("--seed", type=seed, default=0, help="for weights, order and noise (default: 0)")
    add("--device", help="cpu, cuda, mps, ... (default: the accelerator that is here, or cpu)")
    add("--out", type=Path, default=Path("runs/dcgan"), metavar="DIR", help="default: runs/dcgan")
    add("--resume", action="store_true", help="go on from the checkpoint in --out, if it is there")
    add("--generate", type=positive, metavar="N", help="draw N pictures from --out's checkpoint")
    add("--dry-run", action="store_true", help="one step of each net; write nothing")
    args = parser.parse_args(argv)
    for name in ("steps", "lr", "critic_steps", "clip"):
        if getattr(args, name) is None:
            setattr(args, name, getattr(GAMES[args.loss], name))
    return args


def make_folder(path):
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}") from error


def main(argv=None):
    """Train, or generate, as the arguments say, and return the metrics."""
    args = read_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        if args.generate:
            return generate(args)
        metrics = run(args)
    except InputError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    print_results(metrics)
    return metrics


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; --resume goes on from the last checkpoint")
