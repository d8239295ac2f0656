"""Read all pictures of a folder as one tensor; tell and draw how near those of a GAN come."""

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from drawn.faces import layout
from figures import curves, figure, pictures
from mnist_files import has_test_files, read_test_files
from PIL import Image
from torchvision.datasets import ImageFolder
from workbench import InputError, first_line, make_folder


@dataclass
class Pictures:
    """Pictures, (pictures, channels, size, size) of values from -1 to 1, with labels."""

    images: torch.Tensor
    labels: torch.Tensor
    kind: str  # digits or pictures


def scaled(images, size):
    if images.shape[-2:] != (size, size):
        images = F.interpolate(images, size=(size, size), mode="bilinear", antialias=True)
    return images / 127.5 - 1


def open_pictures(root, size):
    """Read MNIST's test digits, or every picture of an image folder."""
    if not root.is_dir():
        raise InputError(
            f"no pictures in {root}: name by --data a folder with t10k-images-idx3-ubyte.gz and "
            "t10k-labels-idx1-ubyte.gz, or draw faces: python examples/drawn/faces.py --out DIR"
        )
    if has_test_files(root):
        images, labels = read_test_files(root)
        # The outer pixels of a digit are nearly always black.
        return Pictures(scaled(images[:, None, 2:-2, 2:-2].float(), size), labels, "digits")
    try:
        folder = ImageFolder(root)
        images = [torch.from_numpy(np.array(image)).permute(2, 0, 1) for image, _ in folder]
    except (OSError, RuntimeError) as error:
        raise InputError(f"{root} is no folder of pictures: {first_line(error)}") from error
    images = torch.cat([scaled(image[None].float(), size) for image in images])
    return Pictures(images, torch.tensor(folder.targets), "pictures")


def as_bytes(images):
    """Return pictures (n, channels, height, width) as bytes, the channels last."""
    return ((images + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1)


def nearest(images, data, count=1):
    """Return how far each image lies from its `count` nearest pictures, and which they are."""
    return torch.cdist(images.flatten(1), data.flatten(1)).topk(count, largest=False)


def measure(samples, real):
    """Compare samples with the data, pixel by pixel and among themselves."""
    data = real.images
    found = {
        "mean_distance": rms(samples.mean(0) - data.mean(0)),
        "variance_distance": rms(samples.var(0) - data.var(0)),
        "spread": torch.pdist(samples[:400].flatten(1)).mean().item()
        / torch.pdist(data[:: len(data) // 400 or 1][:400].flatten(1)).mean().item(),
    }
    if real.kind == "digits":
        labels = real.labels[nearest(samples, data, 5).indices]
        votes = F.one_hot(labels, 10).sum(1)
        found["agreement"] = (votes.amax(1).double().mean() / 5).item()
        found["classes"] = torch.bincount(votes.argmax(1), minlength=10).tolist()
    elif data.shape[1] == 3:
        found.update(layout(samples))
    return found


def rms(values):
    return values.square().mean().sqrt().item()


def compare(real, samples, untrained, chance):
    """Return what `measure` says of samples, of those before training, of noise, of real ones."""
    static = torch.rand(samples.shape, generator=chance) * 2 - 1
    some = real.images[torch.randperm(len(real.images), generator=chance)[:1000]]
    kinds = {"samples": samples, "data": some, "untrained": untrained, "noise": static}
    return {name: measure(images, real) for name, images in kinds.items()}


def nearness(real, shown, steps):
    """Return how far, on average, the pictures of each step lie from the nearest real one."""
    distances = (nearest(images, real.images).values.mean().item() for images in shown)
    return [list(pair) for pair in zip(steps, distances, strict=True)]


def draw(out, metrics, samples, shown):
    """Draw 64 samples, the losses, and what becomes of the same noise in at most eleven steps."""
    options = {"cmap": "gray", "vmin": 0, "vmax": 255}
    after, before = (metrics[name]["mean_distance"] for name in ("samples", "untrained"))
    title = f"Made of noise: mean pixels {after:.3f} from the data's, untrained {before:.2f}"
    with figure(out / "samples.png", title, 8, 8, size=(8, 8.4)) as grid:
        pictures(grid, as_bytes(samples[:64]), **options)
    rows = sorted({*range(0, len(shown), -(-(len(shown) - 1) // 9)), len(shown) - 1})
    steps = [metrics["nearness"][row][0] for row in rows]
    captions = [caption for step in steps for caption in (f"step {step}", *[""] * 7)]
    title = "What becomes of eight noise vectors as the two nets learn"
    with figure(out / "progress.png", title, len(rows), 8, size=(8, 1.2 * len(rows))) as grid:
        pictures(grid, as_bytes(shown[rows, :8].flatten(0, 1)), captions, **options)
    (_, before), *_, (_, after) = metrics["nearness"]
    title = f"From the nearest real picture: {before:.1f} before training, {after:.1f} after it"
    with figure(out / "losses.png", title, columns=2, size=(10, 4.5)) as (left, right):
        losses = metrics["losses"].items()
        lines = {name: np.convolve(each, [0.04] * 25, "valid") for name, each in losses}
        if metrics["loss"] == "gan":
            curves(left, lines, "step", "loss (nats)", references={"a guess: ln 4": math.log(4)})
        else:
            lines = {"critic": -lines["discriminator"]}
            curves(left, lines, "step", "distance by the critic", ylim=0)
        curves(
            right,
            {"nearest": metrics["nearness"]},
            "step",
            "Euclidean distance of samples",
            ylim=0,
        )


def write_pictures(folder, images):
    """Write each of the pictures as a file of its own, folder/0000.png and so on."""
    for number, image in enumerate(as_bytes(images).numpy()):
        Image.fromarray(image.squeeze()).save(make_folder(folder) / f"{number:04}.png")
