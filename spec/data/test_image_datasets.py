"""Image datasets.

`torchvision.datasets` reads well known collections of pictures from the files they are published
in: MNIST from its IDX files, CIFAR-10 from pickled batches. Here each fact has such files of its
own, one or two pictures small.

What surprises: a sample is a Pillow picture and no tensor, and CIFAR-10 compares checksums while
MNIST only looks whether its files are there.
"""

import inspect
import pickle
import struct

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets, transforms


@pytest.fixture
def mnist_files(tmp_path):
    """MNIST in IDX files, each a magic number, sizes, bytes: one training picture, two for test."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, labels in (("train", [4]), ("t10k", [7, 2])):
        count = len(labels)
        pixels = bytes(count * 28 * 28 - 1) + b"\xff"
        images = struct.pack(">4I", 0x803, count, 28, 28) + pixels
        (raw / f"{part}-images-idx3-ubyte").write_bytes(images)
        numbers = struct.pack(">2I", 0x801, count) + bytes(labels)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(numbers)
    return raw


@pytest.fixture
def cifar_files(tmp_path):
    """Batches of CIFAR-10 with one picture each, a row of 3072 bytes, and the names of classes."""
    base = tmp_path / "cifar-10-batches-py"
    base.mkdir()
    for label, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
        row = np.repeat([10, 20, 30], 1024).astype(np.uint8)
        (base / name).write_bytes(pickle.dumps({"data": row[None], "labels": [label]}))
    (base / "batches.meta").write_bytes(pickle.dumps({"label_names": ["plane", "car", "bird"]}))
    return base


class UncheckedCIFAR10(datasets.CIFAR10):
    """CIFAR-10 that takes files of any content: the checksums of the real ones are left out."""

    train_list = [[f"data_batch_{i}", None] for i in range(1, 6)]  # noqa: RUF012
    test_list = [["test_batch", None]]  # noqa: RUF012
    meta = {"filename": "batches.meta", "key": "label_names", "md5": None}  # noqa: RUF012


@pytest.mark.claim("blitz-torchvision-datasets")
def test_well_known_datasets_are_classes():
    """ImageNet, CIFAR10 and MNIST are classes of `torchvision.datasets`, each a `Dataset`."""
    classes = [datasets.ImageNet, datasets.CIFAR10, datasets.MNIST]

    assert [issubclass(each, Dataset) for each in classes] == [True, True, True]


def test_the_classes_bring_no_pictures(tmp_path):
    """A dataset's files are not part of torchvision: unless told to, it does not fetch them."""
    with pytest.raises(RuntimeError, match=r"Dataset not found\. You can use download=True"):
        datasets.MNIST(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.claim("summary-torchvision-dataset-name")
def test_the_module_is_called_datasets():
    """It is `torchvision.datasets`, with an s; there is no `torchvision.dataset`."""
    with pytest.raises(AttributeError, match="'torchvision' has no attribute 'dataset'"):
        torchvision.dataset  # noqa: B018
    assert torchvision.datasets.__name__ == "torchvision.datasets"


@pytest.mark.claim("blitz-pil-output", "blitz-pil-range")
def test_without_a_transform_a_sample_is_a_picture(mnist_files, tmp_path):
    """Without a transform a sample is a Pillow picture, bytes from 0 to 255, and its label."""
    picture, label = datasets.MNIST(tmp_path, train=False)[1]

    assert isinstance(picture, Image.Image)
    assert picture.getextrema() == (0, 255)
    assert label == 2


def test_pictures_cannot_be_batched(mnist_files, tmp_path):
    """A loader does not collate pictures; a transform makes them tensors before."""
    plain = datasets.MNIST(tmp_path, train=False)
    tensors = datasets.MNIST(tmp_path, train=False, transform=transforms.ToTensor())

    with pytest.raises(TypeError, match="found <class 'PIL"):
        next(iter(DataLoader(plain)))
    ((images, labels),) = DataLoader(tensors, batch_size=2)
    assert images.shape == (2, 1, 28, 28)
    assert labels.tolist() == [7, 2]


def test_mnist_reads_idx_files(mnist_files, tmp_path):
    """Of the files below `MNIST/raw`, all is read at once: `data` and `targets` are tensors."""
    mnist = datasets.MNIST(tmp_path, train=False)

    assert len(mnist) == 2
    assert mnist.data.shape == (2, 28, 28)
    assert mnist.data[1, 27, 26:].tolist() == [0, 255]
    assert mnist.data.dtype == torch.uint8
    assert mnist.targets.tolist() == [7, 2]


def test_target_transform_changes_the_label(mnist_files, tmp_path):
    """`transform` gets the picture, `target_transform` the label."""
    mnist = datasets.MNIST(
        tmp_path,
        train=False,
        transform=lambda picture: picture.size,
        target_transform=lambda label: label + 100,
    )

    assert mnist[0] == ((28, 28), 107)


def test_data_is_not_transformed(mnist_files, tmp_path):
    """Transforms run when a sample is asked for; `data` has the bytes as they were read."""
    mnist = datasets.MNIST(tmp_path, train=False, transform=transforms.ToTensor())

    assert mnist[1][0].max().item() == 1.0
    assert mnist.data.max().item() == 255


def test_mnist_wants_all_four_files(mnist_files, tmp_path):
    """Even the part to measure on wants the two files to learn from beside it."""
    assert datasets.MNIST(tmp_path, train=True).targets.tolist() == [4]
    assert datasets.MNIST(tmp_path, train=False).targets.tolist() == [7, 2]

    (mnist_files / "train-labels-idx1-ubyte").unlink()

    with pytest.raises(RuntimeError, match=r"Dataset not found\. You can use download=True"):
        datasets.MNIST(tmp_path, train=False)


def test_a_truncated_idx_file_lacks_numbers(mnist_files, tmp_path):
    """A file that ends early holds fewer numbers than its header says."""
    images = mnist_files / "t10k-images-idx3-ubyte"

    images.write_bytes(images.read_bytes()[:-1])

    with pytest.raises(
        RuntimeError, match=r"shape '\[2, 28, 28\]' is invalid for input of size 1567"
    ):
        datasets.MNIST(tmp_path, train=False)


def test_a_file_that_is_not_idx_fails_without_words(mnist_files, tmp_path):
    """Another file of that name, a zipped one for example, fails by an error without words."""
    (mnist_files / "t10k-images-idx3-ubyte").write_bytes(b"\x1f\x8b\x08\x00")

    with pytest.raises(AssertionError, match=r"^$"):
        datasets.MNIST(tmp_path, train=False)


@pytest.mark.claim("blitz-cifar-train-flag")
def test_train_chooses_the_part(cifar_files, tmp_path):
    """`CIFAR10(root, train, download, transform)`: `train` picks five batches, or the sixth."""
    train = UncheckedCIFAR10(root=tmp_path, train=True, download=False, transform=None)
    test = UncheckedCIFAR10(root=tmp_path, train=False, download=False, transform=None)

    assert train.targets == [0, 1, 2, 3, 4]
    assert test.targets == [5]


@pytest.mark.claim("blitz-cifar-train-flag")
def test_training_is_the_default():
    """Only `root` has to be given: the training part is meant, and nothing is downloaded."""
    parameters = inspect.signature(datasets.CIFAR10).parameters

    assert list(parameters) == ["root", "train", "transform", "target_transform", "download"]
    assert parameters["train"].default is True
    assert parameters["download"].default is False


def test_cifar_rows_become_pictures(cifar_files, tmp_path):
    """A row of 3072 bytes is a red, a green and a blue plane; `data` has the channels last."""
    cifar = UncheckedCIFAR10(tmp_path, train=False)

    assert cifar.data.shape == (1, 32, 32, 3)
    assert cifar.data[0, 31, 31].tolist() == [10, 20, 30]
    assert cifar[0][0].getpixel((31, 31)) == (10, 20, 30)


def test_cifar_keeps_the_names_of_its_classes(cifar_files, tmp_path):
    """The names stand in `batches.meta`: `classes` in order, `class_to_idx` the other way."""
    cifar = UncheckedCIFAR10(tmp_path)

    assert cifar.classes == ["plane", "car", "bird"]
    assert cifar.class_to_idx == {"plane": 0, "car": 1, "bird": 2}


def test_cifar_compares_checksums(cifar_files, tmp_path):
    """`CIFAR10` takes no files but the published ones: any other content counts as corrupted."""
    with pytest.raises(RuntimeError, match="Dataset not found or corrupted"):
        datasets.CIFAR10(tmp_path)


def test_a_truncated_batch_does_not_unpickle(cifar_files, tmp_path):
    """Where no checksum stops it, a batch that ends early fails when it is unpickled."""
    batch = cifar_files / "test_batch"

    batch.write_bytes(batch.read_bytes()[:-10])

    with pytest.raises(pickle.UnpicklingError, match="pickle data was truncated"):
        UncheckedCIFAR10(tmp_path, train=False)


@pytest.mark.claim("blitz-label-tensor-indexes-tuple")
def test_a_label_tensor_indexes_a_tuple_of_names():
    """A tensor of one integer is an index like an int; one of several, or of a float, is none."""
    classes = ("plane", "car", "bird")

    assert classes[torch.tensor(2)] == "bird"
    assert classes[torch.tensor([1])] == "car"
    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        classes[torch.tensor([2, 1])]
    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        classes[torch.tensor(2.0)]


def test_a_label_tensor_is_no_key_of_a_dict():
    """Tensors are hashed by identity, so a dict of names wants `label.item()`."""
    names = {2: "bird"}

    with pytest.raises(KeyError, match=r"tensor\(2\)"):
        names[torch.tensor(2)]
    assert names[torch.tensor(2).item()] == "bird"


def test_fake_data_needs_no_files():
    """`FakeData` draws pictures of noise, always the same for the same number."""
    fake = datasets.FakeData(size=3, image_size=(3, 8, 6), num_classes=10)

    (first, _), (second, _), (again, _) = fake[0], fake[1], fake[0]

    assert len(fake) == 3
    assert first.size == (6, 8)
    assert first.tobytes() == again.tobytes() != second.tobytes()
