"""Read CIFAR-10: from folders of pictures, or as torchvision keeps its own copy."""

import numpy as np
import torch
from picture_files import fingerprint_of_folder, open_folders, read_rgb, torchvision_parts
from torchvision.datasets import CIFAR10
from workbench import InputError, fingerprint, progress


def read_small(path):
    """Read a picture of 32 x 32 pixels as bytes, (32, 32, 3)."""
    picture = read_rgb(path)
    if picture.size != (32, 32):
        width, height = picture.size
        raise InputError(f"{path} is {width} x {height} pixels; the net takes 32 x 32")
    return torch.from_numpy(np.array(picture))


def open_cifar10(root, download):
    """Return a training and a test set, of pictures in (32, 32, 3) bytes, and their source."""
    if not download and any((root / part).is_dir() for part in ("train", "test")):
        train, test = open_folders(root, "train", "test", loader=read_small)
        if len(train.classes) != 10:
            raise InputError(f"{root} holds {len(train.classes)} classes; the net tells 10 apart")
        return train, test, "image folder"
    parts = torchvision_parts(
        lambda train: CIFAR10(root, train, np.array, None, download),
        root,
        download,
        "CIFAR-10",
        f"no pictures in {root}: put train/CLASS/*.jpg and test/CLASS/*.jpg there, "
        "or add --download to fetch CIFAR-10 (170 MB)",
    )
    return *parts, "torchvision CIFAR10"


def decode(pictures, step=1):
    """Return one picture in `step` of a set in a tensor of bytes, (N, 32, 32, 3), and their labels.

    Folders are read class by class, so that these are of each class.
    """
    numbers = range(0, len(pictures), step)
    pairs = (pictures[number] for number in numbers)
    images, labels = zip(*progress(pairs, "decoding", len(numbers)), strict=True)
    return torch.stack([torch.as_tensor(image) for image in images]), torch.tensor(labels)


def fingerprint_of(pictures):
    """Return a hash of a set, undecoded: of the names, classes and sizes of its files."""
    if isinstance(pictures, CIFAR10):
        return fingerprint(torch.from_numpy(pictures.data), pictures.targets)
    return fingerprint_of_folder(pictures)


class Held:
    """Pictures in one tensor, (N, 32, 32, 3) bytes, or what was made of them: a batch is cut out.

    To be learned from they come in random order (`shuffled`), and every other batch is `mirrored`.
    """

    def __init__(self, images, labels, batch_size, shuffled=False, mirrored=False):
        self.images, self.labels, self.batch_size = images, labels, batch_size
        self.shuffled, self.mirrored = shuffled, mirrored

    def __len__(self):
        return -(-len(self.labels) // self.batch_size)

    def __iter__(self):
        count = len(self.labels)
        order = torch.randperm(count) if self.shuffled else torch.arange(count)
        for chosen in order.split(self.batch_size):
            images = self.images[chosen]
            mirrored = self.mirrored and torch.rand(()) < 0.5
            yield images.flip(2) if mirrored else images, self.labels[chosen]
