"""Read pictures from files: one as a tensor and back, and folders with one of each class."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2
from workbench import InputError, fingerprint, first_line


def read_rgb(path):
    """Read a picture, in RGB."""
    try:
        with Image.open(path) as image:
            image.load()
            return image if image.mode == "RGB" else image.convert("RGB")
    except FileNotFoundError as error:
        raise InputError(f"no picture {path}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is no picture that can be read: {first_line(error)}") from error


def torchvision_parts(make, root, download, name, missing):
    """Return [training set, test set] that `make(train)` reads from `root`, or has fetched there.

    `name` is the data's; what to do where they are not there is said by `missing`.
    """
    try:
        return [make(train) for train in (True, False)]
    except (OSError, RuntimeError) as error:
        if download:
            raise InputError(f"{name} did not get into {root}: {first_line(error)}") from error
        raise InputError(missing) from error


def read_picture(path, size):
    """Read a picture, cut to its middle square, as (1, 3, size, size), values from 0 to 1."""
    image = read_rgb(path)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    return to_tensor(image.resize((size, size), Image.Resampling.LANCZOS))


def to_values(image):
    """Return a picture of PIL's as values from 0 to 1, (3, height, width): `v2.ToImage` and
    `v2.ToDtype(torch.float32, scale=True)` in one, which torchvision 0.15 does not have.
    """
    return v2.functional.pil_to_tensor(image).float().mul_(1 / 255)


def to_tensor(image):
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def to_image(picture):
    pixels = (picture.detach().cpu()[0].clamp(0, 1) * 255).round().byte()
    return Image.fromarray(pixels.permute(1, 2, 0).numpy())


def open_folders(root, learn, measure, loader=read_rgb):
    """Return the pictures of root/learn/CLASS and of root/measure/CLASS, of the same classes."""
    try:
        parts = [ImageFolder(root / part, loader=loader) for part in (learn, measure)]
    except FileNotFoundError as error:
        reason = first_line(error)
        raise InputError(f"{root} needs {learn}/CLASS and {measure}/CLASS: {reason}") from error
    odd = sorted(set(parts[0].classes) ^ set(parts[1].classes))
    if odd:
        raise InputError(
            f"{root} needs the same classes in {learn} and {measure}; only one has {', '.join(odd)}"
        )
    return parts


def fingerprint_of_folder(folder):
    """Return a hash of the names, classes and sizes of the files of an ImageFolder."""
    files = [(Path(path), label) for path, label in folder.samples]
    return fingerprint([(path.name, label, path.stat().st_size) for path, label in files])
