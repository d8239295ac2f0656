"""Finetune a pretrained network: keep what it has learned, and learn a new task from few pictures.

A network that has learned to tell some classes apart has learned edges, corners and textures on
the way, and these serve for other classes too. This script pretrains a torchvision architecture,
chosen by name, on most classes of a folder, then turns to the others, of which it is given a few
pictures each:

    python examples/drawn/shapes.py data/pictures --count 300 --val 100
    python examples/finetune.py --data data/pictures

and compares the ways to go on (`--mode` picks one):

    freeze    the base stays as it is, to the bit, and a new last layer is trained
    all       a new last layer, and everything is trained
    features  what the base makes of each picture goes to a linear classifier
    scratch   nothing is kept: the same network, trained from new weights
    pixels    a linear classifier on the pixels themselves

`--pretrain` stops after pretraining; `--weights FILE` goes on from the file that it wrote;
`--weights DEFAULT` takes torchvision's own weights, which ImageNet taught. The note's path for
newcomers asked for all this: a zoo of pretrained models, finetuning, taking features out.

The new task by default: five drawn shapes, twenty pictures of each, after fifteen other shapes. On
500 unseen pictures, by three seeds: freeze 96, 96 and 93 % right, in 645 trained numbers; all 89,
95 and 95 %, in 702,741; features 96, 95 and 95 %; scratch 58, 61 and 55 %; pixels 25 %; a guess
20 %. The whole comparison takes about 56 seconds of a busy core.
"""

import argparse
import copy
import json
import logging
import os
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
import workbench
from matplotlib.figure import Figure
from PIL import Image
from torch import nn
from torchvision.datasets import ImageFolder
from torchvision.models import get_model, list_models
from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names
from torchvision.transforms import v2
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger("finetune")

MODES = ("freeze", "all", "features", "scratch", "pixels")
# What ImageNet's pictures have, and so what torchvision's weights expect.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


def first_line(error):
    return str(error).strip().partition("\n")[0]


# The network: built by name, made narrower, its last layer replaced, its features taken out.


def build(arch, classes, shrink=1, weights=None):
    """Return torchvision's `arch` with a last layer for `classes` and channels divided by `shrink`.

    `weights` is what `get_model` takes: None, or the name of weights to fetch, such as "DEFAULT".
    """
    options = {"weights": weights}
    if arch in ("inception_v3", "googlenet") and weights is None:
        options |= {"init_weights": False, "aux_logits": False}
    try:
        net = get_model(arch, **options)
    except ValueError as error:
        raise InputError(
            f"--arch {arch}: no such model; there are {' '.join(SHOWN)} ..."
        ) from error
    except OSError as error:
        raise InputError(f"the weights of {arch} cannot be fetched: {error}") from error
    if shrink > 1:
        narrow(net, shrink)
    replace_head(net, classes)
    return net


def fits(net, size):
    """Refuse pictures that are too small, or not of the one size, that the network takes."""
    try:
        with torch.inference_mode():
            net.eval()(torch.zeros(1, 3, size, size))
    except (AssertionError, RuntimeError) as error:
        raise InputError(
            f"--size {size} does not suit this network: {first_line(error)}"
        ) from error
    return net


SHOWN = [name for name in list_models() if name.startswith(("resne", "inception", "mobilenet"))]


def narrow(net, divisor):
    """Divide the channels of every layer, but for the three colours, by `divisor`."""

    def part(channels):
        if channels % divisor:
            raise InputError(
                f"--shrink {divisor} does not divide the {channels} channels of a layer"
            )
        return channels // divisor

    for parent in list(net.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.Conv2d):
                groups = 1 if layer.groups == 1 else part(layer.groups)
                new = nn.Conv2d(
                    layer.in_channels if layer.in_channels == 3 else part(layer.in_channels),
                    part(layer.out_channels),
                    layer.kernel_size,
                    layer.stride,
                    layer.padding,
                    layer.dilation,
                    groups,
                    bias=layer.bias is not None,
                )
                nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(layer, nn.BatchNorm2d):
                new = nn.BatchNorm2d(part(layer.num_features), layer.eps, layer.momentum)
            elif isinstance(layer, nn.Linear):
                new = nn.Linear(part(layer.in_features), part(layer.out_features))
            elif any(True for _ in layer.parameters(recurse=False)):
                raise InputError(f"--shrink knows no narrower {type(layer).__name__}")
            else:
                continue
            setattr(parent, name, new)


def head_name(net):
    """Return the name of the last linear layer: `fc` in a ResNet, `classifier.3` in a MobileNet."""
    names = [name for name, layer in net.named_modules() if isinstance(layer, nn.Linear)]
    if not names:
        raise InputError(f"a {type(net).__name__} has no linear layer at its end to replace")
    return names[-1]


def replace_head(net, classes):
    """Put a new last layer for `classes` in place of the one that is there, and return it."""
    path, _, name = head_name(net).rpartition(".")
    parent = net.get_submodule(path)
    features = getattr(parent, name).in_features
    setattr(parent, name, nn.Linear(features, classes) if classes else nn.Identity())
    return getattr(parent, name)


def scores(net, images):
    """Return the scores of a batch; an Inception in training returns further ones beside them."""
    output = net(images)
    return getattr(output, "logits", output)


def features_by_hook(net, images):
    """Let the whole network run, and keep what its last layer is given."""
    kept = []
    head = net.get_submodule(head_name(net))
    handle = head.register_forward_pre_hook(lambda module, inputs: kept.append(inputs[0]))
    net(images)
    handle.remove()
    return kept[0]


def cut_off(net):
    """Return a copy of the network whose last layer hands on what it is given."""
    body = copy.deepcopy(net)
    replace_head(body, 0)
    return body


def feature_extractor(net):
    """Return the graph of the network up to what goes into its last layer, as torchvision does."""
    _, nodes = get_graph_node_names(net)  # of training, and of evaluation
    before_head = nodes[nodes.index(head_name(net)) - 1]
    return create_feature_extractor(net.eval(), {before_head: "features"})


# Pictures: some classes of a folder, each picture decoded once and held as bytes.


class Pictures:
    """Pictures of some classes of `folder`, at most `count` of each, in one tensor."""

    def __init__(self, folder, classes, count, size, device):
        transform = v2.Compose([v2.Resize(size), v2.CenterCrop(size), v2.PILToTensor()])
        found = ImageFolder(folder, transform, loader=read_picture)
        wanted = []
        for name in classes:
            label = found.class_to_idx[name]
            wanted += [i for i, target in enumerate(found.targets) if target == label][:count]
        parts = [found[i] for i in tqdm(wanted, "decoding", disable=None, leave=False)]
        self.classes = list(classes)
        self.images = torch.stack([image for image, _ in parts]).to(device)
        labels = [classes.index(found.classes[label]) for _, label in parts]
        self.labels = torch.tensor(labels, device=device)

    def __len__(self):
        return len(self.labels)

    def batch(self, chosen):
        """Return the chosen pictures, normalised, with their labels."""
        images = self.images[chosen].float() / 255
        return v2.functional.normalize(images, MEAN, STD), self.labels[chosen]

    def shuffled(self, batch_size, generator, margin=4):
        """Yield all in random order, every other mirrored, each batch shifted by a few pixels."""
        for chosen in torch.randperm(len(self), generator=generator).split(batch_size):
            mirrored = torch.rand(len(chosen), generator=generator) < 0.5
            top, left = torch.randint(2 * margin + 1, (2,), generator=generator).tolist()
            images, labels = self.batch(chosen.to(self.labels.device))
            images[mirrored] = images[mirrored].flip(3)
            height, width = images.shape[2:]
            images = F.pad(images, [margin] * 4)[:, :, top : top + height, left : left + width]
            yield images, labels


def read_picture(path):
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except OSError as error:
        raise InputError(f"{path} is no picture that can be read: {error}") from error


def split_classes(root, old, new):
    """Return the parts of the folder, the classes to pretrain on, and those of the new task."""
    validation = root / ("val" if (root / "val").is_dir() else "test")
    try:
        learn, measure = (ImageFolder(part).classes for part in (root / "train", validation))
    except FileNotFoundError as error:
        raise InputError(
            f"no pictures in {root}: put train/CLASS/*.jpg and val/CLASS/*.jpg there, "
            f"or draw some: python examples/drawn/shapes.py {root} --count 300 --val 100"
        ) from error
    rest = -max(2, len(learn) // 4)
    old, new = (
        old or [name for name in learn[:rest] if name not in (new or ())],
        new or [name for name in learn[rest:] if name not in (old or ())],
    )
    missing = sorted((set(old) | set(new)) - (set(learn) & set(measure)))
    if missing or min(len(old), len(new)) < 2:
        words = (
            f"{', '.join(missing)} is missing" if missing else "two tasks of two classes it takes"
        )
        raise InputError(f"{root}: {words}; in train are {', '.join(learn)}")
    return (root / "train", validation), list(old), list(new)


# Training and measuring.


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


def train(net, pictures, validation, args, epochs, lr, what, frozen=False):
    """Train what of `net` requires a gradient; return losses and accuracies by epoch.

    A frozen base stays in eval mode: in training mode its BatchNorm would go on counting means.
    """
    parameters = [each for each in net.parameters() if each.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr, weight_decay=0.01)
    steps = epochs * -(-len(pictures) // args.batch_size)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.2)
    generator = torch.Generator().manual_seed(args.seed)
    curve = []
    for epoch in tqdm(range(epochs), what, disable=None, leave=False):
        net.train(not frozen)
        total = 0.0
        for images, labels in pictures.shuffled(args.batch_size, generator):
            optimizer.zero_grad()
            loss = F.cross_entropy(scores(net, images), labels)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            scheduler.step()
            total += loss.item() * len(labels)
        mean = total / len(pictures)
        if not mean < float("inf"):
            raise InputError(f"the loss of {what} is {mean}: a smaller --lr than {lr} may help")
        curve.append({"epoch": epoch + 1, "loss": mean})
        if (epoch + 1) % 5 == 0 or epoch + 1 == epochs:
            log.info("%s, epoch %d of %d: loss %.3f", what, epoch + 1, epochs, mean)
    return {
        "accuracy": accuracy(net, validation),
        "trained": sum(each.numel() for each in parameters),
        "curve": curve,
    }


def predict(net, pictures):
    """Return the class that the net gives each picture, in eval mode."""
    net.eval()
    with torch.inference_mode():
        parts = torch.arange(len(pictures), device=pictures.labels.device).split(250)
        return torch.cat([net(pictures.batch(chosen)[0]).argmax(1) for chosen in parts])


def accuracy(net, pictures):
    return (predict(net, pictures) == pictures.labels).double().mean().item()


def linear_classifier(inputs, labels, tests, test_labels, classes):
    """Fit a linear classifier to rows of numbers; return its accuracy on the rows of `tests`.

    How strongly its weights are held small is chosen by what is right of every fifth row, which
    is left out for that choice.
    """
    mean, std = inputs.mean(0), inputs.std(0) + 1e-3
    inputs, tests = ((rows - mean) / std / rows.shape[1] ** 0.5 for rows in (inputs, tests))

    def fit(rows, targets, decay):
        layer = nn.Linear(rows.shape[1], classes, device=rows.device)
        nn.init.zeros_(layer.weight)
        optimizer = torch.optim.LBFGS(
            layer.parameters(), max_iter=60, line_search_fn="strong_wolfe"
        )

        def closure():
            optimizer.zero_grad()
            loss = F.cross_entropy(layer(rows), targets) + decay * layer.weight.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        return layer

    def right(layer, rows, targets):
        with torch.inference_mode():
            return (layer(rows).argmax(1) == targets).double().mean().item()

    held = torch.arange(len(labels), device=labels.device) % 5 == 0
    decays = {
        decay: right(fit(inputs[~held], labels[~held], decay), inputs[held], labels[held])
        for decay in (1e-4, 1e-3, 1e-2, 1e-1)
    }
    best = fit(inputs, labels, max(decays, key=decays.get))
    return {"accuracy": right(best, tests, test_labels), "trained": classes * (inputs.shape[1] + 1)}


def fingerprint(net, without=""):
    """Return copies of all parameters and buffers but those whose names begin with `without`."""
    return {
        name: value.clone()
        for name, value in net.state_dict().items()
        if not (without and name.startswith(without))
    }


def same(before, net):
    after = net.state_dict()
    return all(torch.equal(value, after[name]) for name, value in before.items())


def adapt(mode, base, learn, measure, args):
    """Go one way from the pretrained `base` to the new task; return its metrics and its network."""
    classes = len(learn.classes)
    torch.manual_seed(args.seed)
    if mode in ("features", "pixels"):
        rows = {}
        extract = feature_extractor(copy.deepcopy(base)) if mode == "features" else None
        for pictures in (learn, measure):
            every = torch.arange(len(pictures), device=pictures.labels.device)
            with torch.no_grad():
                parts = [pictures.batch(chosen)[0] for chosen in every.split(250)]
                parts = [extract(part)["features"] if extract else part for part in parts]
            rows[pictures] = torch.cat([part.flatten(1) for part in parts])
        found = linear_classifier(rows[learn], learn.labels, rows[measure], measure.labels, classes)
        return found, None
    if mode == "scratch":
        net = build(args.arch, classes, args.shrink).to(learn.labels.device)
    else:
        net = copy.deepcopy(base)
        net.requires_grad_(mode == "all")
        replace_head(net, classes).to(learn.labels.device)
    kept = fingerprint(net, without=head_name(net))
    lr = args.lr or {"freeze": 0.02, "all": 0.002, "scratch": 0.005}[mode]
    found = train(net, learn, measure, args, args.epochs, lr, mode, frozen=mode == "freeze")
    return found | {"base_unchanged": same(kept, net)}, net


# Weights on disk.


def save_weights(net, path, args, classes, metrics):
    """Write the weights by name, with what is needed to build the network around them."""
    state = {
        "arch": args.arch,
        "shrink": args.shrink,
        "size": args.size,
        "classes": classes,
        "accuracy": metrics["accuracy"],
        "model": net.state_dict(),
    }
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load_weights(path, args):
    """Return the network whose weights `path` holds, and what else was written with them."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        for name in ("arch", "shrink", "size"):
            if getattr(args, name) != state[name]:
                log.info("%s was made with --%s %s: so is this", path, name, state[name])
                setattr(args, name, state[name])
        net = build(state["arch"], len(state["classes"]), state["shrink"])
        net.load_state_dict(state["model"])
    except FileNotFoundError as error:
        raise InputError(f"--weights {path}: no such file; --pretrain writes one") from error
    except InputError:
        raise
    except Exception as error:  # whatever else lies there can fail in any way
        raise InputError(f"{path} holds no weights of this script: {first_line(error)}") from error
    return net, state


# Figures.


def draw_accuracies(results, chance, path):
    """Draw a bar for each way to the new task."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    names = list(results)
    kept = ("freeze", "all", "features")
    colors = ["tab:blue" if name in kept else "tab:gray" for name in names]
    bars = axes.bar(names, [100 * results[name]["accuracy"] for name in names], color=colors)
    labels = [
        f"{100 * each['accuracy']:.0f} %\n{each['trained']:,} trained" for each in results.values()
    ]
    axes.bar_label(bars, labels, size=8)
    axes.axhline(100 * chance, color="black", linestyle="--", linewidth=1, label="a guess")
    axes.legend(loc="upper right", frameon=False)
    axes.set(title="The new task, from few pictures", ylabel="right, of unseen pictures, in %")
    axes.set_ylim(0, 112)
    figure.savefig(path, dpi=120)


def draw_features(net, pictures, path, columns=6):
    """Draw pictures of the new classes, and a few maps that the pretrained base makes of them."""
    maps = []
    layers = list(net.modules())
    first = next(each for each in layers if isinstance(each, nn.BatchNorm2d | nn.Conv2d))
    following = layers[layers.index(first) + 1]
    layer = following if isinstance(following, nn.BatchNorm2d) else first
    handle = layer.register_forward_hook(lambda module, inputs, output: maps.append(output))
    firsts = [(pictures.labels == label).nonzero()[0] for label in range(len(pictures.classes))]
    chosen = torch.cat(firsts)[:8]
    net.eval()
    with torch.inference_mode():
        net(pictures.batch(chosen)[0])
    handle.remove()
    maps = maps[0].relu().cpu()
    strongest = maps.std((0, 2, 3)).argsort(descending=True)[:columns].tolist()

    figure = Figure(figsize=(1.2 * (columns + 1) + 1, 1.25 * len(chosen)), layout="constrained")
    figure.suptitle("Pictures of the new task, and what the base's first layer makes of them")
    grid = figure.subplots(len(chosen), columns + 1, squeeze=False)
    for row, (number, map_) in zip(grid, zip(chosen.tolist(), maps, strict=True), strict=True):
        row[0].imshow(pictures.images[number].cpu().permute(1, 2, 0).numpy())
        name = pictures.classes[pictures.labels[number]]
        row[0].set_ylabel(name, rotation=0, ha="right", va="center")
        for axes, channel in zip(row[1:], strongest, strict=False):
            axes.imshow(map_[channel].numpy(), cmap="magma", vmax=maps[:, channel].max().item())
        for axes in row:
            axes.set(xticks=[], yticks=[])
    figure.savefig(path, dpi=100)


# A run, from the command line or called.


def pretrained(args, device, folders, old):
    """Return a base that has learned something: from a file, from torchvision, or learned here."""
    if args.weights == "DEFAULT":
        if args.shrink != 1:
            raise InputError(
                "--weights DEFAULT are of the whole network: take them with --shrink 1"
            )
        net = fits(build(args.arch, 2, weights="DEFAULT"), args.size)
        return net.to(device), {"source": "torchvision"}
    if args.weights:
        net, state = load_weights(Path(args.weights), args)
        return net.to(device), {
            "source": "file",
            "accuracy": state["accuracy"],
            "classes": state["classes"],
        }
    torch.manual_seed(args.seed)
    net = fits(build(args.arch, len(old), args.shrink), args.size).to(device)
    count = 4 if args.dry_run else args.old_count
    learn, measure = (
        Pictures(folder, old, most, args.size, device)
        for folder, most in zip(folders, (count, args.val_count), strict=True)
    )
    log.info("pretraining %s on %d pictures of %s", args.arch, len(learn), ", ".join(old))
    metrics = train(net, learn, measure, args, args.pretrain_epochs, 0.01, "pretraining")
    log.info("right on unseen pictures of these classes: %.1f %%", 100 * metrics["accuracy"])
    if not args.dry_run:
        save_weights(net, args.out / "base.pt", args, old, metrics)
    return net, metrics | {"source": "pretrained here", "classes": old}


def run(args):
    """Pretrain or load, adapt by every mode that is asked for, and return what came out."""
    began, device = time.perf_counter(), pick_device(args.device)
    folders, old, new = split_classes(args.data, args.old, args.new)
    base, pretraining = pretrained(args, device, folders, old)
    if set(pretraining.get("classes", ())) & set(new):
        raise InputError(f"the weights have already learned some of {', '.join(new)}")
    results = {}
    if not args.pretrain:
        learn, measure = (
            Pictures(folder, new, count, args.size, device)
            for folder, count in zip(folders, (args.count, args.val_count), strict=True)
        )
        log.info("the new task: %d pictures of %s", len(learn), ", ".join(new))
        for mode in MODES if args.mode == "compare" else [args.mode]:
            results[mode], net = adapt(mode, base, learn, measure, args)
            if net and not args.dry_run:
                save_weights(net, args.out / f"{mode}.pt", args, new, results[mode])
        if not args.dry_run:
            draw_accuracies(results, 1 / len(new), args.out / "accuracies.png")
            draw_features(base, measure, args.out / "features.png")
    metrics = {
        "arch": args.arch,
        "device": str(device),
        "parameters": sum(each.numel() for each in base.parameters()),
        "pretraining": pretraining,
        "classes": new,
        "chance": 1 / len(new),
        "modes": results,
        "seconds": time.perf_counter() - began,
    }
    if not args.dry_run:
        (args.out / "metrics.json").write_text(json.dumps(metrics, indent=1))
    return metrics


def print_results(metrics):
    """Print what each way reached, and how many numbers it trained."""
    if "accuracy" in metrics["pretraining"]:
        print(f"\npretrained: {metrics['pretraining']['accuracy']:.1%} of the old classes right")
    print(f"\n{'mode':10}{'accuracy':>10}{'trained':>12}")
    for mode, found in metrics["modes"].items():
        print(f"{mode:10}{found['accuracy']:10.1%}{found['trained']:12,}")
    print(f"{'a guess':10}{metrics['chance']:10.1%}{0:12}\n{metrics['seconds']:.1f} s")


def read_arguments(argv):
    positive = workbench.number(int, lambda value: value > 0, "positive number")
    count = workbench.number(int, lambda value: value >= 0, "number")
    rate = workbench.number(float, lambda value: 0 < value < float("inf"), "learning rate")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    # fmt: off
    add("--data", type=Path, default=Path("data/pictures"), metavar="DIR",
        help="folder with train/CLASS and val/CLASS or test/CLASS (default: data/pictures)")
    add("--mode", choices=["compare", *MODES], default="compare",
        help="how to go on from the pretrained base (default: compare, all of them)")
    add("--arch", default="resnet18", help="torchvision's name of the network (default: resnet18)")
    add("--shrink", type=positive, metavar="N",
        help="divide all its channels by N (default: 4, and 1 with --weights DEFAULT)")
    add("--size", type=positive, default=64, help="pixels a side of its input (default: 64)")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--weights", metavar="FILE|DEFAULT",
        help="weights that --pretrain wrote, or torchvision's, which are downloaded")
    source.add_argument("--pretrain", action="store_true",
        help="pretrain, write base.pt to --out, and stop (default: pretrain, then go on)")
    add("--old", nargs="+", metavar="CLASS", help="classes to pretrain on (default: most)")
    add("--new", nargs="+", metavar="CLASS", help="classes of the new task (default: last quarter)")
    add("--old-count", type=positive, default=300, metavar="N",
        help="at most so many pictures of each old class (default: 300)")
    add("--count", type=positive, default=20, metavar="N",
        help="at most so many pictures of each new class (default: 20)")
    add("--val-count", type=positive, default=100, metavar="N",
        help="at most so many pictures of each class to measure on (default: 100)")
    add("--pretrain-epochs", type=positive, default=4, metavar="N",
        help="times through the old classes' pictures (default: 4)")
    add("--epochs", type=positive, default=20, metavar="N",
        help="times through the new classes' pictures (default: 20)")
    add("--batch-size", type=positive, default=50, help="pictures in a step (default: 50)")
    add("--lr", type=rate,
        help="highest learning rate on the new task (freeze 0.02, all 0.002, scratch 0.005)")
    add("--seed", type=count, default=0, help="for weights and order (default: 0)")
    add("--device", help="cpu, cuda, mps, ... (default: the accelerator that is here, or cpu)")
    add("--out", type=Path, default=Path("runs/finetune"), metavar="DIR",
        help="weights, figures and metrics.json (default: runs/finetune)")
    add("--dry-run", action="store_true", help="go all the way on a few pictures; write nothing")
    # fmt: on
    args = parser.parse_args(argv)
    args.shrink = args.shrink or (1 if args.weights == "DEFAULT" else 4)
    if args.dry_run:
        args.pretrain_epochs = args.epochs = 1
        args.count = args.val_count = 5
    return args


def main(argv=None):
    """Go from one task to another as the arguments say and return the metrics."""
    args = read_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        if not args.dry_run:
            args.out.mkdir(parents=True, exist_ok=True)
        with logging_redirect_tqdm():
            metrics = run(args)
    except (InputError, OSError) as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    print_results(metrics)
    return metrics


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; nothing but what is in --out was kept")
