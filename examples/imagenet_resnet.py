"""Train a ResNet as the official ImageNet script does, in small, with one process or several.

The first note sends its readers to the ImageNet example and the course page to its module on
distributed training. Here is what both are made of: pictures in train/CLASS and val/CLASS, random
crops and mirror images to learn from, SGD with momentum and weight decay, a learning rate that
falls by steps, top-1 and top-5 measured in eval mode, and a checkpoint after each epoch, with a
copy of the best one.

    python examples/drawn/shapes.py data/shapes
    python examples/imagenet_resnet.py --data data/shapes

A run that was stopped, even by `kill -9`, goes on with `--resume` and ends with the same weights;
`--evaluate` measures the best ones. Several processes share each batch when torchrun starts them:

    torchrun --nproc-per-node 2 examples/imagenet_resnet.py --data data/shapes

By default the network is half as deep as a ResNet-18 (`resnet10`), with a quarter of its channels.
The real thing, on ImageNet:

    torchrun --nproc-per-node 8 examples/imagenet_resnet.py --data ImageNet --arch resnet50 \\
        --shrink 1 --size 224 --crop-from 0.08 --epochs 90 --batch-size 256 --lr 0.1 \\
        --lr-step 30 --workers 4 --norm sync

Of 500 unseen drawn pictures of twenty classes the default run, after nine times through 2,000
others, gets about 70 % right by top-1 and 96 % by top-5; a guess gets 5 % and 25 %. Measured in
PyTorch 2.14.1 with the seeds 0, 1 and 2: 63 to 74 % and 95 to 99 % with one thread, 66 to 70 % and
94 to 98 % with two threads, 65 to 69 % and 94 to 97 % with two processes of one thread each. One
seed gives the same numbers again with as many threads on the same CPU; with others, sums are
rounded otherwise. It takes about half a minute on two cores.
"""

import argparse
import json
import logging
import os
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import torch
import torch._dynamo  # DDP imports it: later than `init_process_group` it would keep the group
import torch.distributed as dist
import torch.nn.functional as F
import torchvision
import workbench
from matplotlib.figure import Figure
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, Subset
from torchvision.datasets import ImageFolder
from torchvision.models import get_model, list_models
from torchvision.models.resnet import BasicBlock, ResNet
from torchvision.transforms import v2
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger("imagenet")

# All of torchvision's, and one of half the depth of its smallest.
ARCHS = ["resnet10", *(name for name in list_models(torchvision.models) if "resne" in name)]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pictures


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


def one_line(error):
    """Return an error's own words; one from a worker process comes with its traceback before."""
    return str(error).strip().rpartition("\n")[2]


# Processes: one by itself, or as many as torchrun starts.


@contextmanager
def processes(args):
    """Join the other processes, if there are any; yield rank, number of processes and device."""
    device = pick_device(args.device)
    if "WORLD_SIZE" not in os.environ:
        yield 0, 1, device
        return
    options = {"backend": "gloo", "timeout": timedelta(minutes=10)}
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
        options |= {"backend": "nccl", "device_id": device}
    dist.init_process_group(**options)
    try:
        yield dist.get_rank(), dist.get_world_size(), device
    finally:
        dist.destroy_process_group()


def pick_device(name):
    """Return the device called `name`, or the accelerator that is here, or the CPU."""
    if name:
        try:
            return torch.empty(1, device=name).device
        except (AssertionError, RuntimeError) as error:
            raise InputError(f"--device {name}: {str(error).partition(chr(10))[0]}") from error
    try:
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    except (AttributeError, TypeError):  # before PyTorch 2.7
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def added_up(numbers, device):
    """Return the sums of these numbers over all processes."""
    sums = torch.tensor(numbers, dtype=torch.float64)
    if dist.is_initialized():
        sums = sums.to(device)
        dist.all_reduce(sums)
    return sums.tolist()


# The network and the pictures.


def build(arch, classes, shrink, norm):
    """Return the ResNet of this name, its channels divided by `shrink`, with layers `norm`.

    Processes that share a batch each normalise by the pictures of their own part of it, if the
    layers are BatchNorm; `group` normalises each picture by itself, `sync` by the whole batch.
    """
    net = ResNet(BasicBlock, [1, 1, 1, 1]) if arch == "resnet10" else get_model(arch)
    for parent in list(net.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.Conv2d) and shrink > 1:
                channels = [layer.in_channels, layer.out_channels]
                new = nn.Conv2d(
                    *(each if each == 3 else each // shrink for each in channels),
                    layer.kernel_size,
                    layer.stride,
                    layer.padding,
                    groups=max(1, layer.groups // shrink),
                    bias=False,
                )
                nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
                setattr(parent, name, new)
            elif isinstance(layer, nn.BatchNorm2d):
                channels = layer.num_features // shrink
                new = nn.GroupNorm(8, channels) if norm == "group" else nn.BatchNorm2d(channels)
                setattr(parent, name, new)
    net.fc = nn.Linear(net.fc.in_features // shrink, classes)
    return nn.SyncBatchNorm.convert_sync_batchnorm(net) if norm == "sync" else net


def open_pictures(args):
    """Return the pictures to learn from, cropped and mirrored at random, and those to measure."""
    finish = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    plain = [v2.Resize(args.size * 8 // 7), v2.CenterCrop(args.size)]
    crop = v2.RandomResizedCrop(args.size, scale=(args.crop_from, 1))
    random = plain if args.no_augment else [crop, v2.RandomHorizontalFlip()]
    try:
        train = ImageFolder(args.data / "train", v2.Compose(random + finish))
        val = ImageFolder(args.data / "val", v2.Compose(plain + finish))
    except FileNotFoundError as error:
        raise InputError(
            f"no pictures in {args.data}: put train/CLASS/*.jpg and val/CLASS/*.jpg there, "
            f"or draw some: python examples/drawn/shapes.py {args.data}"
        ) from error
    if train.classes != val.classes:
        odd = ", ".join(sorted(set(train.classes) ^ set(val.classes)))
        raise InputError(f"{args.data} needs the same classes in train and val; one lacks {odd}")
    return train, val


# Training.


class Training:
    """A run that can be stopped at any moment and taken up again after its last whole epoch.

    The order of the pictures, their crops and mirror images depend on seed, epoch and rank alone.
    """

    def __init__(self, train, val, args, rank, world, device):
        self.train, self.val, self.args = train, val, args
        self.rank, self.world, self.device = rank, world, device
        torch.manual_seed(args.seed)
        self.net = build(args.arch, len(train.classes), args.shrink, args.norm).to(device)
        self.model = self.net  # what is called in training; the numbers are the same
        if world > 1:
            ids = [device] if device.type == "cuda" else None
            self.model = DistributedDataParallel(self.net, device_ids=ids)
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), args.lr, momentum=0.9, weight_decay=args.weight_decay
        )
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, args.lr_step, gamma=0.1)
        # Each process takes every world-th picture of one order, and so its part of each batch.
        self.sampler = DistributedSampler(train, world, rank, shuffle=True, seed=args.seed)
        self.history, self.best = [], -1.0

    def loader(self, pictures, sampler=None):
        seed = 1_000_000 * self.args.seed + 1000 * len(self.history) + self.rank
        torch.manual_seed(seed)  # for crops made here; those made by workers follow `generator`
        return DataLoader(
            pictures,
            max(1, self.args.batch_size // self.world),
            sampler=sampler,
            num_workers=self.args.workers,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator().manual_seed(seed),
        )

    def run(self, folder=None):
        """Train to the end; after each epoch write a checkpoint, and a copy if it is the best."""
        while len(self.history) < self.args.epochs:
            report = {"epoch": len(self.history) + 1, "lr": self.scheduler.get_last_lr()[0]}
            report["loss"] = self.train_epoch()
            self.scheduler.step()
            report |= self.evaluate()
            self.history.append(report)
            log.info("epoch %(epoch)d, lr %(lr)g: loss %(loss).3f, top-1 %(top1).3f, "
                     "top-5 %(top5).3f", report)  # fmt: skip
            better, self.best = report["top1"] > self.best, max(self.best, report["top1"])
            if folder and self.rank == 0:
                if better:
                    self.save(folder / "best.pt")
                self.save(folder / "checkpoint.pt")

    def train_epoch(self):
        """Go through the pictures once and return the mean loss."""
        self.model.train()
        self.sampler.set_epoch(len(self.history))  # a new order
        batches = self.loader(self.train, self.sampler)
        steps = min(len(batches), self.args.steps or len(batches))
        what = f"epoch {len(self.history) + 1} of {self.args.epochs}"
        bar = tqdm(batches, what, total=steps, leave=False, disable=self.rank > 0 or None)
        total = seen = 0
        for step, (images, labels) in enumerate(bar, 1):
            images, labels = images.to(self.device), labels.to(self.device)
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(images), labels)
            loss.backward()  # DistributedDataParallel averages the gradients of all processes
            self.optimizer.step()
            total, seen = total + loss.item() * len(labels), seen + len(labels)
            if step == steps:
                break
        total, seen = added_up([total, seen], self.device)
        if not total < float("inf"):
            raise InputError(f"the loss is {total}: a smaller --lr than {self.args.lr} may help")
        return total / seen

    def evaluate(self):
        """Return top-1, top-5 and loss on the pictures to measure on, each measured once."""
        self.net.eval()
        if self.world > 1:  # the means that BatchNorm has counted are each process's own
            for buffer in self.net.buffers():
                dist.broadcast(buffer, 0)
        part = Subset(self.val, range(self.rank, len(self.val), self.world))
        sums = [0.0] * 3
        with torch.inference_mode():
            for images, labels in self.loader(part):
                scores, labels = self.net(images.to(self.device)), labels.to(self.device)
                loss = F.cross_entropy(scores, labels, reduction="sum").item()
                found = loss, right_within(scores, labels, 1), right_within(scores, labels, 5)
                sums = [before + new for before, new in zip(sums, found, strict=True)]
        names = ("val_loss", "top1", "top5")
        sums = added_up(sums, self.device)
        return {name: each / len(self.val) for name, each in zip(names, sums, strict=True)}

    def apart(self):
        """Return by how much the weights of any process differ from those of the first."""
        most = torch.zeros(1, device=self.device)
        for parameter in self.net.parameters() if self.world > 1 else []:
            first = parameter.detach().clone()
            dist.broadcast(first, 0)
            most = torch.maximum(most, (parameter.detach() - first).abs().max())
        if self.world > 1:
            dist.all_reduce(most, dist.ReduceOp.MAX)
        return most.item()

    def settings(self):
        """Return what a checkpoint must share with the run that goes on from it."""
        names = "arch shrink norm size epochs batch_size lr lr_step weight_decay crop_from"
        names = f"{names} no_augment steps workers seed".split()
        return {name: getattr(self.args, name) for name in names} | {
            "processes": self.world,
            "classes": self.train.classes,
        }

    def save(self, path):
        """Write a checkpoint: a kill at any moment leaves the one before or this one, whole."""
        state = {
            "settings": self.settings(),
            "model": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "history": self.history,
            "best": self.best,
        }
        partial = path.with_suffix(".partial")
        with open(partial, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)

    def load(self, path, names=None):
        """Go back to where a checkpoint was written, if it is of a run with these settings."""
        try:
            state = torch.load(path, map_location=self.device, weights_only=True)
            settings = state["settings"]
        except FileNotFoundError as error:
            raise InputError(f"there is no {path}: a run writes it after an epoch") from error
        except Exception as error:  # whatever else lies there can fail in any way
            raise InputError(f"{path} is no checkpoint of this script: {error!r:.80}") from error
        for name in names or self.settings():
            here, there = self.settings()[name], settings.get(name)
            if here != there:
                raise InputError(f"{path} is of another run: {name} is {there} there, {here} here")
        self.net.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.history, self.best = state["history"], state["best"]


def right_within(scores, labels, k):
    """Return how many pictures have their class among the k highest scores."""
    highest = scores.topk(min(k, scores.shape[1])).indices
    return (highest == labels[:, None]).any(1).sum().item()


# Figures.


def draw_curves(history, classes, path):
    """Draw the losses and the shares of right answers over the epochs; dotted, where lr falls."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [report["epoch"] for report in history]
    for axes, names in ((left, {"loss": "to learn from", "val_loss": "to measure on"}),
                        (right, {"top1": "top-1", "top5": "top-5"})):  # fmt: skip
        for name, label in names.items():
            axes.plot(epochs, [report[name] for report in history], marker=".", label=label)
        for before, after in pairwise(history):
            if after["lr"] < before["lr"]:
                axes.axvline(before["epoch"] + 0.5, color="gray", linestyle=":")
        axes.set(xlabel="epoch")
        axes.grid(alpha=0.3)
    for k, color in ((1, "tab:blue"), (5, "tab:orange")):
        guess = min(k, classes) / classes
        right.axhline(guess, color=color, linestyle="--", linewidth=1, label=f"top-{k} of a guess")
    left.set(title="Loss of the pictures ...", ylabel="mean cross-entropy", ylim=(0, None))
    right.set(title="Right on unseen pictures", ylim=(0, 1.02))
    left.legend()
    right.legend(loc="center right")
    figure.savefig(path, dpi=100)


def draw_predictions(training, path, rows=5, columns=8):
    """Draw pictures from all over the classes, each under what the network takes it for."""
    val, count = training.val, min(rows * columns, len(training.val))
    chosen = [i * len(val) // count for i in range(count)]
    images, labels = zip(*(val[i] for i in chosen), strict=True)
    training.net.eval()
    with torch.inference_mode():
        guesses = training.net(torch.stack(images).to(training.device)).argmax(1).tolist()
    figure = Figure(figsize=(columns * 1.25, rows * 1.45 + 0.4), layout="constrained")
    figure.suptitle("Unseen pictures, and what the network takes them for")
    grid = figure.subplots(rows, columns).flatten()
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    for axes in grid:
        axes.axis("off")
    for axes, image, label, guess in zip(grid, images, labels, guesses, strict=False):
        axes.imshow((image * std + mean).clamp(0, 1).permute(1, 2, 0).numpy())
        color, weight = ("green", "normal") if guess == label else ("red", "bold")
        axes.set_title(val.classes[guess], size=9, color=color, weight=weight)
    figure.savefig(path, dpi=100)


# A run, from the command line or called.


def run(args):
    """Train, or take up or measure what was trained, and return what came out."""
    began = time.perf_counter()
    with processes(args) as (rank, world, device):
        log.setLevel(logging.INFO if rank == 0 else logging.WARNING)
        if args.norm == "sync" and device.type != "cuda":
            raise InputError("--norm sync needs CUDA; --norm group is independent of the batch too")
        if args.batch_size % world:
            raise InputError(f"--batch-size {args.batch_size} does not divide by {world} processes")
        writes = rank == 0 and not args.dry_run
        if writes:
            args.out.mkdir(parents=True, exist_ok=True)
        train, val = open_pictures(args)
        if args.dry_run:
            for part in (train, val):
                part.samples = part.samples[:: max(1, len(part) // 8)]
        training = Training(train, val, args, rank, world, device)
        checkpoint = args.out / "checkpoint.pt"
        if args.evaluate:
            training.load(args.out / "best.pt", ("arch", "shrink", "norm", "classes"))
            measured = training.evaluate()
        else:
            if args.resume and checkpoint.exists():
                training.load(checkpoint)
                log.info("going on after epoch %d", len(training.history))
            elif writes:  # a stopped run must not find an older one's
                checkpoint.unlink(missing_ok=True)
            words = "%s on %s, %d process(es): %d pictures of %d classes"
            log.info(words, args.arch, device, world, len(train), len(train.classes))
            training.run(None if args.dry_run else args.out)
            measured = training.history[-1]
        metrics = {
            "top1": measured["top1"],
            "top5": measured["top5"],
            "chance": {f"top{k}": min(1, k / len(train.classes)) for k in (1, 5)},
            "best": training.best,
            "history": training.history,
            "parameters": sum(each.numel() for each in training.net.parameters()),
            "pictures": {"train": len(train), "val": len(val)},
            "processes": world,
            "apart": training.apart(),
            "seconds": time.perf_counter() - began,
        }
        if writes and not args.evaluate:
            (args.out / "metrics.json").write_text(json.dumps(metrics, indent=1))
            draw_curves(training.history, len(train.classes), args.out / "curves.png")
            draw_predictions(training, args.out / "predictions.png")
        if rank == 0:
            print(
                f"top-1 {metrics['top1']:.1%} (a guess {metrics['chance']['top1']:.1%}), "
                f"top-5 {metrics['top5']:.1%} (a guess {metrics['chance']['top5']:.1%}), "
                f"{metrics['seconds']:.1f} s"
            )
        del training  # DDP holds the group, whose threads must not outlive Python
        return metrics


def read_arguments(argv):
    positive = workbench.number(int, lambda value: value > 0, "positive number")
    count = workbench.number(int, lambda value: value >= 0, "number")
    rate = workbench.number(float, lambda value: 0 < value < float("inf"), "rate")
    share = workbench.number(float, lambda value: 0 < value <= 1, "share")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    # fmt: off
    add("--data", type=Path, default=Path("data/shapes"), metavar="DIR",
        help="folder with train/CLASS and val/CLASS (default: data/shapes)")
    add("--arch", choices=ARCHS, default="resnet10", metavar="NAME",
        help=f"{', '.join(ARCHS)} (default: resnet10)")
    add("--shrink", type=int, choices=(1, 2, 4), default=4,
        help="divide the channels of all its layers by this (default: 4)")
    add("--norm", choices=("batch", "group", "sync"), default="batch",
        help="BatchNorm, GroupNorm, or BatchNorm over all processes (default: batch)")
    add("--size", type=positive, default=64, help="pixels a side of its input (default: 64)")
    add("--crop-from", type=share, default=0.35, metavar="SHARE",
        help="least share of a picture that a random crop keeps (default: 0.35)")
    add("--no-augment", action="store_true", help="learn from the pictures as they are")
    add("--epochs", type=positive, default=9, help="times through the pictures (default: 9)")
    add("--steps", type=count, default=0, metavar="N",
        help="at most N batches an epoch (default: 0, all)")
    add("--batch-size", type=positive, default=32,
        help="pictures in a step, of all processes together (default: 32)")
    add("--lr", type=rate, default=0.05, help="first learning rate (default: 0.05)")
    add("--lr-step", type=positive, default=4, metavar="N",
        help="a tenth of it after every N epochs (default: 4)")
    add("--weight-decay", type=float, default=1e-4, metavar="RATE",
        help="by which SGD keeps the weights small (default: 0.0001)")
    add("--workers", type=count, default=2, help="processes that read pictures (default: 2)")
    add("--seed", type=count, default=0, help="for weights, order and crops (default: 0)")
    add("--device", help="cpu, cuda, mps, ... (default: the accelerator that is here, or cpu)")
    add("--out", type=Path, default=Path("runs/imagenet_resnet"), metavar="DIR",
        help="checkpoints, figures, metrics.json (default: runs/imagenet_resnet)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--resume", action="store_true", help="go on from --out's checkpoint.pt")
    what.add_argument("--evaluate", action="store_true", help="measure --out's best.pt, and stop")
    what.add_argument("--dry-run", action="store_true",
        help="go all the way on a few pictures; write nothing")
    # fmt: on
    args = parser.parse_args(argv)
    if args.dry_run:
        args.epochs = args.steps = 1
    return args


def main(argv=None):
    """Do what the arguments say and return the metrics."""
    args = read_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        with logging_redirect_tqdm():
            return run(args)
    except (InputError, OSError) as error:
        if os.environ.get("RANK", "0") == "0":  # once, not by each process
            print(f"{Path(__file__).name}: {one_line(error)}", file=sys.stderr)
        raise SystemExit(2) from error


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; --resume goes on from the last whole epoch")
