"""Train a small convolutional net on CIFAR-10: the way of the notes, and a faster one.

A classifier takes five steps: load and normalise the pictures, define the net, choose a loss,
train, measure on pictures that the net has not seen. `--recipe notes` takes them as the notes do
(note 004, the sixty-minute blitz): batches of 4 from a DataLoader with two workers, SGD with a
fixed learning rate, two epochs. `--recipe fast` trains the same net on the same pictures without
waiting for them: every picture is decoded once and held in one tensor, batches are of 64,
pictures are mirrored at random, the learning rate rises and falls over the run, and in the end the
net is asked about each picture and its mirror image.

    python examples/cifar10_classifier.py --data data/cifar10 --download --recipe both

`--data` names a folder with train/CLASS/*.jpg and test/CLASS/*.jpg, or one where torchvision keeps
its own copy (`--download` puts it there). In `--out` appear the loss curve, a grid of predicted
pictures and a checkpoint; a run that was stopped, even by `kill -9`, goes on with `--resume`.

On the test pictures of CIFAR-10, read from JPEG files, `notes` recognises about 54 % after its two
epochs, `fast` about 60 % after two and 67 % after five. On two cores, seeds 0 to 2, `notes` trained
for 122 to 162 s; `fast` decoded for 7 s, then trained for 29 to 35 s, two epochs of it 12 s. Each
run ends with its seconds, phase by phase.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
import workbench
from matplotlib.figure import Figure
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import CIFAR10, ImageFolder
from torchvision.transforms import v2
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger("cifar10")


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


class Net(nn.Module):
    """The notes' net: two convolutions, three linear layers, 62,006 numbers to learn."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


# Pictures: from the disk to batches of values from -1 to 1.


def read_picture(path):
    """Read one picture, or say in one line what is wrong with it."""
    try:
        with Image.open(path) as image:
            picture = image.convert("RGB")
    except OSError as error:
        raise InputError(f"{path} is no picture that can be read: {error}") from error
    if picture.size != (32, 32):
        width, height = picture.size
        raise InputError(f"{path} is {width} x {height} pixels; the net takes 32 x 32")
    return picture


def open_datasets(root, download, transform):
    """Return the training set, the test set and a word on where they come from."""
    if not download and ((root / "train").is_dir() or (root / "test").is_dir()):
        return *open_image_folders(root, transform), "image folder"
    try:
        train = CIFAR10(root, train=True, download=download, transform=transform)
        test = CIFAR10(root, train=False, download=download, transform=transform)
    except (OSError, RuntimeError) as error:
        if download:
            raise InputError(f"CIFAR-10 did not get into {root}: {first_line(error)}") from error
        raise InputError(
            f"no pictures in {root}: put train/CLASS/*.jpg and test/CLASS/*.jpg there, "
            "or add --download to fetch CIFAR-10 (170 MB)"
        ) from error
    return train, test, "torchvision CIFAR10"


def open_image_folders(root, transform):
    parts = (root / "train", root / "test")
    try:
        train, test = (ImageFolder(part, transform, loader=read_picture) for part in parts)
    except FileNotFoundError as error:
        raise InputError(f"{root} needs train/CLASS and test/CLASS: {first_line(error)}") from error
    if train.classes != test.classes:
        odd = ", ".join(sorted(set(train.classes) ^ set(test.classes)))
        raise InputError(f"{root} needs the same classes in train and test; only one has {odd}")
    if len(train.classes) != 10:
        raise InputError(f"{root} holds {len(train.classes)} classes; the net tells 10 apart")
    return train, test


def first_line(error):
    return str(error).strip().partition("\n")[0]


def evenly(dataset, count):
    """Return `count` pictures spread over the whole dataset, and so over its classes."""
    return Subset(dataset, range(0, len(dataset), max(1, len(dataset) // count))[:count])


class Streamed:
    """The notes' way: worker processes read, decode and normalise each picture every time."""

    mirrored = False

    def __init__(self, dataset, workers, device):
        self.dataset, self.workers, self.device = dataset, workers, device

    def __len__(self):
        return len(self.dataset)

    def batches(self, order, batch_size):
        """Yield (images, labels) of the pictures numbered in `order`."""
        loader = DataLoader(
            self.dataset,
            batch_size,
            sampler=order.tolist(),
            num_workers=self.workers,
            generator=torch.Generator(),  # leaves the global one alone
        )
        for images, labels in loader:
            yield images.to(self.device), labels.to(self.device)


class Held:
    """The fast way: each picture decoded once, all in one tensor of bytes, then all mirrored.

    Number i + len(self) is picture i mirrored. In memory the channels come last, as they do in a
    decoded picture and as convolutions like a batch best.
    """

    mirrored = True

    def __init__(self, dataset, workers, device):
        loader = DataLoader(dataset, 500, num_workers=workers, generator=torch.Generator())
        parts = list(tqdm(loader, "decoding", leave=False, disable=None))
        pictures = torch.cat([images for images, _ in parts])
        labels = torch.cat([labels for _, labels in parts])
        self.pictures = torch.cat([pictures, pictures.flip(2)]).to(device)
        self.labels = torch.cat([labels, labels]).to(device)

    def __len__(self):
        return len(self.labels) // 2

    def batches(self, order, batch_size):
        """Yield (images, labels) of the pictures numbered in `order`."""
        for chosen in order.to(self.labels.device).split(batch_size):
            images = self.pictures[chosen].permute(0, 3, 1, 2)
            yield images.float().div_(127.5).sub_(1), self.labels[chosen]


@dataclass(frozen=True)
class Recipe:
    """How one run differs from another; the command line overrides the numbers."""

    epochs: int
    batch_size: int
    lr: float
    report_every: int
    transform: Callable
    pictures: type
    threads: int | None = None  # as many as PyTorch takes by itself


RECIPES = {
    "notes": Recipe(
        epochs=2,
        batch_size=4,
        lr=0.001,
        report_every=2000,
        # The first two do what ToTensor did; the last takes [0, 1] to [-1, 1].
        transform=v2.Compose(
            [
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
            ]
        ),
        pictures=Streamed,
        # In a batch of 4 there is nothing to share, and a thread that waits for its share keeps
        # a core busy that the workers need: with one a core, the run takes many times as long.
        threads=1,
    ),
    "fast": Recipe(
        epochs=5,
        batch_size=64,
        lr=0.03,
        report_every=100,
        transform=np.array,
        pictures=Held,
    ),
}


# Training.


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


class Training:
    """A run that can be stopped at any moment and taken up again.

    The order of the pictures depends on the seed and the epoch alone, so that a checkpoint needs
    to remember only how far the run has come. Taken up on a CPU, with as many threads, the run
    ends with the same weights, bit for bit, as one that was never stopped.
    """

    def __init__(self, net, pictures, args):
        self.net, self.pictures, self.args = net, pictures, args
        self.steps = -(-len(pictures) // args.batch_size)
        fast = args.recipe == "fast"
        self.optimizer = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9, nesterov=fast)
        self.scheduler = None
        if fast:
            self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
                self.optimizer, max_lr=args.lr, total_steps=args.epochs * self.steps
            )
        self.epoch = self.batch = 0
        self.running_loss = 0.0
        self.losses = []
        self.seconds = 0.0

    def run(self, checkpoint=None):
        """Train to the end; write a checkpoint with every report and after every epoch."""
        began = time.perf_counter() - self.seconds
        self.net.train()
        while self.epoch < self.args.epochs:
            for images, labels in self.rest_of_epoch():
                self.optimizer.zero_grad()
                loss = F.cross_entropy(self.net(images), labels)
                loss.backward()
                self.optimizer.step()
                if self.scheduler:
                    self.scheduler.step()

                self.batch += 1
                self.running_loss += loss.item()
                if self.batch % self.args.report_every == 0:
                    self.report()
                    self.seconds = time.perf_counter() - began
                    self.save(checkpoint)
            self.epoch, self.batch, self.running_loss = self.epoch + 1, 0, 0.0
            self.seconds = time.perf_counter() - began
            self.save(checkpoint)

    def rest_of_epoch(self):
        """Yield the batches of this epoch that are still to come."""
        generator = torch.Generator().manual_seed(1000 * self.args.seed + self.epoch)
        order = torch.randperm(len(self.pictures), generator=generator)
        if self.args.recipe == "fast":  # mirror every other one, on average
            order += len(order) * torch.randint(2, order.shape, generator=generator)
        rest = order[self.batch * self.args.batch_size :]
        yield from tqdm(
            self.pictures.batches(rest, self.args.batch_size),
            f"epoch {self.epoch + 1} of {self.args.epochs}",
            initial=self.batch,
            total=self.steps,
            leave=False,
            disable=None,
        )

    def report(self):
        """Log the mean loss of the batches since the last report."""
        loss = self.running_loss / self.args.report_every
        if not loss < float("inf"):
            raise InputError(f"the loss is {loss}: with --lr {self.args.lr} training went astray")
        self.losses.append({"epoch": self.epoch + 1, "batch": self.batch, "loss": loss})
        self.running_loss = 0.0
        log.info("epoch %d, batch %5d: loss %.3f", self.epoch + 1, self.batch, loss)

    def settings(self):
        """Return what a checkpoint must share with the run that goes on from it."""
        names = ("recipe", "epochs", "batch_size", "lr", "seed", "report_every")
        return {name: getattr(self.args, name) for name in names} | {"pictures": len(self.pictures)}

    def save(self, path):
        """Write a checkpoint: a kill at any moment leaves the one before or this one, whole."""
        if path is None:
            return
        state = {
            "settings": self.settings(),
            "model": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict() if self.scheduler else None,
            "epoch": self.epoch,
            "batch": self.batch,
            "running_loss": self.running_loss,
            "losses": self.losses,
            "seconds": self.seconds,
            # This net draws no numbers as it trains; one with dropout would.
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
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            settings = state["settings"]
        except Exception as error:  # whatever else lies there can fail in any way
            raise InputError(
                f"{path} is no checkpoint of this script: {first_line(error)}"
            ) from error
        for name, value in self.settings().items():
            if settings.get(name) != value:
                raise InputError(
                    f"{path} is of another run: {name} is {settings.get(name)} there, {value} here"
                )
        self.net.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler:
            self.scheduler.load_state_dict(state["scheduler"])
        self.epoch, self.batch = state["epoch"], state["batch"]
        self.running_loss, self.losses = state["running_loss"], state["losses"]
        self.seconds = state["seconds"]
        torch.set_rng_state(state["rng"])


# Measuring.


def predict(net, pictures, batch_size):
    """Return the class that the net gives each picture, and the class that it is of.

    A net that learned from mirrored pictures is asked twice, and its two answers are added.
    """
    net.eval()
    predicted, actual = [], []
    with torch.inference_mode():
        for images, labels in pictures.batches(torch.arange(len(pictures)), batch_size):
            scores = net(images)
            if pictures.mirrored:
                scores += net(images.flip(3))
            predicted.append(scores.argmax(1).cpu())
            actual.append(labels.cpu())
    return torch.cat(predicted), torch.cat(actual)


def accuracy_per_class(predicted, actual, classes):
    """Return {class: the share of its pictures that were recognised}."""
    right = torch.bincount(actual[predicted == actual], minlength=len(classes))
    seen = torch.bincount(actual, minlength=len(classes))
    return dict(zip(classes, (right / seen).tolist(), strict=True))


def draw_losses(losses, steps, path):
    """Draw the reported losses over the epochs."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(
        [report["epoch"] - 1 + report["batch"] / steps for report in losses],
        [report["loss"] for report in losses],
        marker=".",
    )
    axes.set(title="Loss on the training pictures", xlabel="epochs", ylabel="mean cross-entropy")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def draw_predictions(pictures, predicted, actual, classes, path, columns=8):
    """Draw a row of pictures a class, each under the name that the net gives it."""
    rows = [(actual == label).nonzero().flatten()[:columns] for label in range(len(classes))]
    chosen = torch.cat(rows)
    images, _ = next(iter(pictures.batches(chosen, len(chosen))))
    images = dict(
        zip(chosen.tolist(), (images.cpu().permute(0, 2, 3, 1).numpy() + 1) / 2, strict=True)
    )

    figure = Figure(figsize=(columns * 1.15 + 1, len(classes) * 1.3 + 0.4), layout="constrained")
    figure.suptitle("Test pictures, and what the net takes them for")
    grid = figure.subplots(len(classes), columns, squeeze=False)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
    for label, row in enumerate(rows):
        grid[label, 0].set_ylabel(classes[label], rotation=0, ha="right", va="center")
        for axes, number in zip(grid[label], row.tolist(), strict=False):
            guess = predicted[number].item()
            axes.imshow(images[number], interpolation="bicubic")
            color, weight = ("green", "normal") if guess == label else ("red", "bold")
            axes.set_title(classes[guess], size=9, color=color, weight=weight)
    figure.savefig(path, dpi=100)


# A run, from the command line or called.


@contextmanager
def threads(count):
    """Compute with `count` threads, then with as many as before; None changes nothing."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def timed(seconds, phase):
    began = time.perf_counter()
    yield
    seconds[phase] = time.perf_counter() - began


def run(args):
    """Take the five steps by one recipe and return what came out."""
    recipe, device, seconds = RECIPES[args.recipe], pick_device(args.device), {}
    checkpoint = None if args.dry_run else args.out / "checkpoint.pt"

    with timed(seconds, "data"):
        train, test, source = open_datasets(args.data, args.download, recipe.transform)
        classes, counts = train.classes, (len(train), len(test))
        if args.dry_run:
            train, test = evenly(train, 100), evenly(test, 100)
        train, test = (recipe.pictures(part, args.workers, device) for part in (train, test))
    log.info("%s, %s: %d pictures to learn from, %d to be measured on", source, args.data, *counts)

    torch.manual_seed(args.seed)
    net = Net().to(device)
    if args.recipe == "fast":
        net = net.to(memory_format=torch.channels_last)
    training = Training(net, train, args)
    if checkpoint and args.resume and checkpoint.exists():
        training.load(checkpoint)
        log.info("going on after epoch %d, batch %d", training.epoch, training.batch)
    elif checkpoint:
        checkpoint.unlink(missing_ok=True)  # a stopped run must not find an older one's
    log.info("training by recipe %s on %s", args.recipe, device)
    training.run(checkpoint)
    seconds["training"] = training.seconds

    with timed(seconds, "evaluation"):
        predicted, actual = predict(net, test, args.batch_size)
    if not args.dry_run:
        draw_losses(training.losses, training.steps, args.out / "loss.png")
        draw_predictions(test, predicted, actual, classes, args.out / "predictions.png")
    return {
        "recipe": args.recipe,
        "epochs": args.epochs,
        "source": source,
        "device": str(device),
        "pictures": {"train": counts[0], "test": counts[1]},
        "accuracy": (predicted == actual).double().mean().item(),
        "per_class": accuracy_per_class(predicted, actual, classes),
        "losses": training.losses,
        "seconds": sum(seconds.values()),
        **{f"seconds_{phase}": value for phase, value in seconds.items()},
    }


def print_results(results):
    """Print how long each run took, what it reached, and how it does on each class."""
    print("\nrecipe  epochs  accuracy      data  training  evaluation     total")
    for result in results:
        print(
            f"{result['recipe']:6}{result['epochs']:8}{result['accuracy']:10.1%}"
            f"{result['seconds_data']:8.1f} s{result['seconds_training']:8.1f} s"
            f"{result['seconds_evaluation']:10.1f} s{result['seconds']:8.1f} s"
        )
    print("\nright, of class  ", *(f"{result['recipe']:>8}" for result in results))
    for name in results[0]["per_class"]:
        print(f"  {name:15}", *(f"{result['per_class'][name]:8.1%}" for result in results))


def read_arguments(argv):
    positive = workbench.number(int, lambda value: value > 0, "positive number")
    count = workbench.number(int, lambda value: value >= 0, "number")
    rate = workbench.number(float, lambda value: 0 < value < float("inf"), "learning rate")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--recipe", choices=[*RECIPES, "both"], default="fast", help="default: fast")
    add("--data", type=Path, default=Path("data/cifar10"), metavar="DIR", help="the pictures")
    add("--out", type=Path, default=Path("runs"), metavar="DIR", help="figures and checkpoint")
    add("--epochs", type=positive, help="times through all pictures (notes 2, fast 5)")
    add("--batch-size", type=positive, help="pictures in a step (notes 4, fast 64)")
    add("--lr", type=rate, help="learning rate (notes 0.001, fast 0.03 at its peak)")
    add("--seed", type=count, default=0, help="for weights and order (default: 0)")
    add("--device", help="cpu, cuda, mps, ... (default: the accelerator that is here, or cpu)")
    add("--workers", type=count, default=2, help="processes that decode pictures (default: 2)")
    add(
        "--report-every",
        type=positive,
        metavar="N",
        help="report the loss and write a checkpoint every N batches (notes 2000, fast 100)",
    )
    add("--resume", action="store_true", help="go on from the checkpoint in --out, if it is there")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--download", action="store_true", help="let torchvision fetch CIFAR-10")
    either.add_argument(
        "--dry-run", action="store_true", help="go all the way with 100 pictures; write nothing"
    )
    return parser.parse_args(argv)


def complete(args, name):
    """Return the arguments of a run by the recipe `name`, with its numbers where none are given."""
    numbers = {
        field: getattr(RECIPES[name], field)
        for field in ("epochs", "batch_size", "lr", "report_every")
        if getattr(args, field) is None
    }
    out = args.out / name if args.recipe == "both" else args.out
    return argparse.Namespace(**vars(args) | numbers | {"recipe": name, "out": out})


def make_folder(path):
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}") from error


def main(argv=None):
    """Train as the arguments say and return the metrics: of the run, or by recipe of both runs."""
    args = read_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        with logging_redirect_tqdm():
            names = list(RECIPES) if args.recipe == "both" else [args.recipe]
            runs = [complete(args, name) for name in names]
            for folder in [] if args.dry_run else [args.out, *(each.out for each in runs)]:
                make_folder(folder)
            results = {}
            for each in runs:
                with threads(RECIPES[each.recipe].threads):
                    results[each.recipe] = run(each)
    except InputError as error:
        # One that a worker process met comes with its traceback; its own words stand last.
        line = str(error).rpartition("InputError: ")[2].strip()
        print(f"{Path(__file__).name}: {line}", file=sys.stderr)
        raise SystemExit(2) from error
    print_results(list(results.values()))
    return results if args.recipe == "both" else results[args.recipe]


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; --resume goes on from the last checkpoint")
