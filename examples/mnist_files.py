"""Read the digits of MNIST: its two files of the test, or all that torchvision has fetched."""

import gzip
import tempfile
from pathlib import Path

from picture_files import torchvision_parts
from torchvision.datasets import MNIST
from torchvision.datasets.mnist import read_image_file, read_label_file
from workbench import InputError, first_line

NAMES = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"


def read_idx(path, read):
    """Read one file of MNIST, packed by gzip; torchvision's readers want it unpacked."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            unpacked = Path(folder, path.stem)
            unpacked.write_bytes(gzip.decompress(path.read_bytes()))
            return read(unpacked)
    except FileNotFoundError as error:
        raise InputError(f"{path} is not there; it belongs beside the other file") from error
    except Exception as error:  # a broken file can fail anywhere
        reason = first_line(error)
        raise InputError(f"{path} is no file of MNIST that can be read: {reason}") from error


def checked(images, labels):
    """Return images and labels, or say why they are no digits."""
    if images.shape[1:] != (28, 28) or len(images) != len(labels):
        raise InputError(
            f"{len(labels)} labels for {' x '.join(map(str, images.shape))} values; "
            "the net reads digits of 28 x 28, each with a label"
        )
    if not len(labels) or labels.max() > 9:
        raise InputError("the labels are not digits from 0 to 9")
    return images, labels


def has_test_files(root):
    """Return whether one of MNIST's two files of the test is in the folder `root`."""
    return any((root / name).exists() for name in NAMES)


def read_test_files(root):
    """Return the pictures of MNIST's test, (N, 28, 28) in bytes, and the N labels."""
    if not has_test_files(root):
        raise InputError(f"no digits in {root}: put {NAMES[0]} and {NAMES[1]} there")
    readers = read_image_file, read_label_file
    parts = [read_idx(root / name, read) for name, read in zip(NAMES, readers, strict=True)]
    return checked(*parts)


def read_all(root, download):
    """Return (pictures, labels) to learn from and of the test, as torchvision keeps them."""
    parts = torchvision_parts(
        lambda train: MNIST(root, train=train, download=download),
        root,
        download,
        "MNIST",
        f"no digits in {root}: put {NAMES[0]} and {NAMES[1]} there, "
        "or add --download to fetch MNIST (12 MB)",
    )
    return [checked(part.data, part.targets) for part in parts]
