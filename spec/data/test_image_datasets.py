"""Image datasets.

`torchvision.datasets` reads well-known collections of images from the files they are published in:
MNIST from its IDX files, CIFAR-10 from pickled batches. Each is a class, and an object of it is a
map-style `Dataset` whose samples are pairs of an image and a label. `root` says where the files
are, `train` which part is wanted, `download=True` that missing files may be fetched, `transform`
what to do with each image. Here each fact has such files of its own, one or two images small.

What surprises: without a `transform` a sample is a Pillow picture and no tensor, which a loader
can't batch; `data` is not transformed; CIFAR-10 compares checksums while MNIST only looks whether
its files are there; and MNIST wants the files of both parts for either. Images of one's own are on
`spec/data/test_image_folders.py`; that an equal tensor does not find a key in a dict of class
names is on `spec/tensors/test_python_values.py`.
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
    """MNIST in IDX files, each a magic number, sizes, bytes: one training picture, two for
    test.
    """
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
    """`ImageNet`, `CIFAR10` and `MNIST` are classes in `torchvision.datasets`, each a subclass of
    `torch.utils.data.Dataset`.
    """
    classes = [datasets.ImageNet, datasets.CIFAR10, datasets.MNIST]

    assert [issubclass(each, Dataset) for each in classes] == [True, True, True]


def test_the_classes_bring_no_pictures(tmp_path):
    """`torchvision.datasets.MNIST(root)` raises RuntimeError if `root` has no files of
    MNIST, and fetches nothing unless `download=True` is given.

    torchvision contains the code and not the images.
    """
    with pytest.raises(RuntimeError, match=r"Dataset not found\. You can use download=True"):
        datasets.MNIST(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.claim("summary-torchvision-dataset-name")
def test_the_module_is_called_datasets():
    """The data sets of torchvision are in the module `torchvision.datasets`, with an s;
    `torchvision.dataset` raises AttributeError.
    """
    with pytest.raises(AttributeError, match="'torchvision' has no attribute 'dataset'"):
        torchvision.dataset  # noqa: B018
    assert torchvision.datasets.__name__ == "torchvision.datasets"


@pytest.mark.claim("blitz-pil-output", "blitz-pil-range")
def test_without_a_transform_a_sample_is_a_picture(mnist_files, tmp_path):
    """A sample of `torchvision.datasets.MNIST(root)`, without transforms, is a pair: a PIL Image
    of mode "L", one byte from 0 to 255 per pixel, and its label, an int.

    `transform=transforms.ToTensor()` turns the image into a float32 tensor of numbers from 0 to 1.
    """
    picture, label = datasets.MNIST(tmp_path, train=False)[1]

    assert isinstance(picture, Image.Image)
    assert picture.mode == "L"
    assert picture.getextrema() == (0, 255)
    assert type(label) is int
    assert label == 2


def test_pictures_cannot_be_batched(mnist_files, tmp_path):
    """`next(iter(DataLoader(mnist)))` raises TypeError for
    `mnist = torchvision.datasets.MNIST(root)`, whose samples hold Pillow pictures; with
    `MNIST(root, transform=torchvision.transforms.ToTensor())` the batches are made.

    Because `default_collate` has no rule for pictures; a `collate_fn` of your own can have one.
    """
    plain = datasets.MNIST(tmp_path, train=False)
    tensors = datasets.MNIST(tmp_path, train=False, transform=transforms.ToTensor())

    with pytest.raises(TypeError, match="found <class 'PIL"):
        next(iter(DataLoader(plain)))
    ((images, labels),) = DataLoader(tensors, batch_size=2)
    assert images.shape == (2, 1, 28, 28)
    assert labels.tolist() == [7, 2]


def test_mnist_reads_idx_files(mnist_files, tmp_path):
    """`torchvision.datasets.MNIST` reads all images of the training or test part into
    memory when it is made: `data` is a uint8 tensor of shape (N, 28, 28), `targets` a
    tensor of N labels.
    """
    mnist = datasets.MNIST(tmp_path, train=False)

    assert len(mnist) == 2
    assert mnist.data.shape == (2, 28, 28)
    assert mnist.data[1, 27, 26:].tolist() == [0, 255]
    assert mnist.data.dtype == torch.uint8
    assert mnist.targets.tolist() == [7, 2]


def test_target_transform_changes_the_label(mnist_files, tmp_path):
    """`torchvision.datasets.MNIST`, when a sample is read, calls its `transform` with the sample's
    PIL image and its `target_transform` with the label, an int.
    """
    mnist = datasets.MNIST(
        tmp_path,
        train=False,
        transform=lambda picture: picture.size,
        target_transform=lambda label: (type(label), label + 100),
    )

    assert mnist[0] == ((28, 28), (int, 107))


def test_data_is_not_transformed(mnist_files, tmp_path):
    """The `transform` of `torchvision.datasets.MNIST` runs when a sample is asked for, as
    by `mnist[1]`; `mnist.data` keeps the bytes from the file.

    Training on `mnist.data` directly skips scaling and augmentation.
    """
    mnist = datasets.MNIST(tmp_path, train=False, transform=transforms.ToTensor())

    assert mnist[1][0].max().item() == 1.0
    assert mnist.data.max().item() == 255


def test_mnist_wants_all_four_files(mnist_files, tmp_path):
    """`torchvision.datasets.MNIST(root, train=False)` raises RuntimeError, "Dataset not found", if
    one of its four files is missing, even if it is only the labels of the training part.

    Because it looks for all four files, images and labels of both parts. Keep them together.
    """
    assert datasets.MNIST(tmp_path, train=True).targets.tolist() == [4]
    assert datasets.MNIST(tmp_path, train=False).targets.tolist() == [7, 2]

    (mnist_files / "train-labels-idx1-ubyte").unlink()

    with pytest.raises(RuntimeError, match=r"Dataset not found\. You can use download=True"):
        datasets.MNIST(tmp_path, train=False)


def test_a_truncated_idx_file_lacks_numbers(mnist_files, tmp_path):
    """With all four files of MNIST in `root/MNIST/raw`,
    `torchvision.datasets.MNIST(root, train=False)` raises RuntimeError, "is invalid for
    input of size", after the last byte of the test images, `t10k-images-idx3-ubyte`, was
    cut off.

    The file is incomplete: delete it and fetch it again.
    """
    images = mnist_files / "t10k-images-idx3-ubyte"

    images.write_bytes(images.read_bytes()[:-1])

    with pytest.raises(
        RuntimeError, match=r"shape '\[2, 28, 28\]' is invalid for input of size 1567"
    ):
        datasets.MNIST(tmp_path, train=False)


def test_a_file_that_is_not_idx_fails_with_an_empty_message(mnist_files, tmp_path):
    """`torchvision.datasets.MNIST(root, train=False)` raises AssertionError with an empty message
    if its four files exist, but `t10k-images-idx3-ubyte` is still compressed by gzip, only renamed
    from `t10k-images-idx3-ubyte.gz`.

    Because it asserts that the file begins like an IDX file. With `download=True` it raises the
    same, since the file exists: delete the file first, then `download=True` fetches and unpacks
    it.
    """
    (mnist_files / "t10k-images-idx3-ubyte").write_bytes(b"\x1f\x8b\x08\x00")

    with pytest.raises(AssertionError, match=r"^$"):
        datasets.MNIST(tmp_path, train=False)
    with pytest.raises(AssertionError, match=r"^$"):
        datasets.MNIST(tmp_path, train=False, download=True)


@pytest.mark.claim("blitz-cifar-train-flag")
def test_train_chooses_the_part(cifar_files, tmp_path):
    """With CIFAR-10's files in the folder cifar-10-batches-py of `root`,
    `torchvision.datasets.CIFAR10(root, train=True)` reads the five training batches, `train=False`
    the test batch.
    """
    train = UncheckedCIFAR10(root=tmp_path, train=True, download=False, transform=None)
    test = UncheckedCIFAR10(root=tmp_path, train=False, download=False, transform=None)

    assert train.targets == [0, 1, 2, 3, 4]
    assert test.targets == [5]


@pytest.mark.claim("blitz-cifar-train-flag")
def test_training_is_the_default(tmp_path):
    """`torchvision.datasets.CIFAR10(root)` reads the training set (`train=True`) and downloads
    nothing (`download=False`): with an empty folder as `root` it raises RuntimeError, "Dataset not
    found or corrupted".

    For the test set `train=False` has to be said, or accuracy is measured on the training data.
    """
    parameters = inspect.signature(datasets.CIFAR10).parameters

    assert list(parameters) == ["root", "train", "transform", "target_transform", "download"]
    assert parameters["train"].default is True
    assert parameters["download"].default is False
    with pytest.raises(RuntimeError, match="Dataset not found or corrupted"):
        datasets.CIFAR10(tmp_path)


def test_cifar_rows_become_pictures(cifar_files, tmp_path):
    """`torchvision.datasets.CIFAR10` turns each row of its files, 3072 bytes with a red, a green
    and a blue plane, into an image: its attribute `data` has the shape (N, 32, 32, 3).

    `data` is a NumPy array here, while MNIST's is a tensor.
    """
    cifar = UncheckedCIFAR10(tmp_path, train=False)

    assert cifar.data.shape == (1, 32, 32, 3)
    assert cifar.data[0, 31, 31].tolist() == [10, 20, 30]
    assert cifar[0][0].getpixel((31, 31)) == (10, 20, 30)


def test_cifar_keeps_the_names_of_its_classes(cifar_files, tmp_path):
    """`torchvision.datasets.CIFAR10` reads the names of its classes from `batches.meta`:
    `classes` lists them in order, `class_to_idx` maps each to its label.
    """
    cifar = UncheckedCIFAR10(tmp_path)

    assert cifar.classes == ["plane", "car", "bird"]
    assert cifar.class_to_idx == {"plane": 0, "car": 1, "bird": 2}


def test_cifar_compares_checksums(cifar_files, tmp_path):
    """`torchvision.datasets.CIFAR10(root)`, with the default `download=False`, raises
    RuntimeError, "Dataset not found or corrupted", if its data batches have other checksums
    than the published ones.

    Delete the files and use `download=True`. Data of one's own belongs in an `ImageFolder`.
    """
    with pytest.raises(RuntimeError, match="Dataset not found or corrupted"):
        datasets.CIFAR10(tmp_path)


@pytest.mark.claim("blitz-label-tensor-indexes-tuple")
def test_a_label_tensor_indexes_a_tuple_of_names():
    """`classes[label]`, with a tuple of class names, takes an integer `torch.Tensor` of one
    element like an int; a tensor of several elements, or a float one, raises TypeError.

    For a batch of labels write `[classes[label] for label in labels]`. A list of names does the
    same; of a float make an int first, `classes[int(label)]`.
    """
    classes = ("plane", "car", "bird")

    assert classes[torch.tensor(2)] == "bird"
    assert classes[torch.tensor([1])] == "car"
    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        classes[torch.tensor([2, 1])]
    with pytest.raises(TypeError, match="only integer tensors of a single element"):
        classes[torch.tensor(2.0)]
    assert list(classes)[torch.tensor(2)] == "bird"


def test_fake_data_needs_no_files():
    """`torchvision.datasets.FakeData` without a `transform` needs no files: its samples
    have Pillow pictures of noise, and one object gives the same picture each time for the
    same index.

    Good for trying out a training loop before the data is there.
    """
    fake = datasets.FakeData(size=3, image_size=(3, 8, 6), num_classes=10)

    (first, _), (second, _), (again, _) = fake[0], fake[1], fake[0]

    assert len(fake) == 3
    assert first.size == (6, 8)
    assert [first.tobytes() == each.tobytes() for each in (again, second)] == [True, False]
