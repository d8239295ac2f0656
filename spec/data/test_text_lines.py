"""From files to tensors.

PyTorch itself has no readers for text, tables or images: ordinary Python libraries read the
file, often into a NumPy array, and `torch.from_numpy` or `torch.tensor` makes a tensor of it. A
dataset that reads its file when it is made, or as it goes, hands the result to a `DataLoader`.

What surprises: Python's floats become float32 by `torch.tensor`, while NumPy reads float64 and
`torch.from_numpy` keeps it, which float32 layers refuse; and OpenCV has the channels of an image
in another order than Pillow. What `torch.tensor` refuses, such as strings and rows of different
lengths, is on `spec/tensors/test_from_data.py`; read-only and byte-swapped arrays are on
`spec/tensors/test_numpy_refusals.py`, raw bytes on `spec/tensors/test_copying.py`.
"""

import csv

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset


@pytest.mark.claim("summary-read-lines")
def test_lines_of_numbers_become_a_tensor(tmp_path):
    """Of the text lines "1 2.5" and "3 4", read from a file into a list `lines`,
    `torch.tensor([[float(word) for word in line.split()] for line in lines])` makes the
    float32 matrix [[1, 2.5], [3, 4]].

    A line read by `for line in file` keeps the newline character at its end (the last line of a
    file may have none), which `split()` removes. Leave out empty lines: they become empty rows,
    and `torch.tensor` raises ValueError for rows of different lengths.
    """
    (tmp_path / "points.txt").write_text("1 2.5\n3 4\n")

    with open(tmp_path / "points.txt") as file:
        lines = [line for line in file]  # noqa: C416
    rows = [[float(word) for word in line.split()] for line in lines]

    assert lines == ["1 2.5\n", "3 4\n"]
    assert file.closed is True
    assert torch.tensor(rows).tolist() == [[1.0, 2.5], [3.0, 4.0]]
    assert torch.tensor(rows).dtype == torch.float32
    with pytest.raises(ValueError, match="expected sequence of length 2 at dim 1"):
        torch.tensor([*rows, []])


def test_a_csv_file_is_a_dataset(tmp_path):
    """A `Dataset` can read a CSV file in `__init__` and return one row per index, as a
    tensor of numbers and a label; a `DataLoader` batches rows of equally many numbers.

    Read in `__init__`, the file has to fit into memory; it is then read once and not once per
    epoch.
    """
    (tmp_path / "irises.csv").write_text("length,width,kind\n5.0,3.5,0\n7.0,3.0,1\n")

    class Irises(Dataset):
        def __init__(self, path):
            with open(path, newline="") as file:
                self.rows = list(csv.DictReader(file))

        def __len__(self):
            return len(self.rows)

        def __getitem__(self, index):
            row = self.rows[index]
            return torch.tensor([float(row["length"]), float(row["width"])]), int(row["kind"])

    ((x, y),) = DataLoader(Irises(tmp_path / "irises.csv"), batch_size=2)

    assert x.tolist() == [[5.0, 3.5], [7.0, 3.0]]
    assert y.tolist() == [0, 1]


def test_a_large_file_streams_line_by_line(tmp_path):
    """An `IterableDataset` that opens its file in `__iter__` and yields one sample per line
    hands over the lines in order to a `DataLoader` without workers, and reads the file anew
    in each pass.

    The file need not fit into memory. With workers the lines have to be divided: see
    `spec/data/test_workers.py`.
    """
    (tmp_path / "numbers.txt").write_text("1\n2\n3\n")

    class Lines(IterableDataset):
        def __iter__(self):
            with open(tmp_path / "numbers.txt") as file:
                for line in file:
                    yield int(line)

    loader = DataLoader(Lines(), batch_size=2)

    assert [batch.tolist() for batch in loader] == [[1, 2], [3]]
    assert [batch.tolist() for batch in loader] == [[1, 2], [3]]


def test_numpy_reads_a_table_in_one_line(tmp_path):
    """For `array = np.loadtxt("points.txt", delimiter=",")` of lines of numbers such as
    "3,4", `array` and `torch.from_numpy(array)` are float64, and
    `torch.from_numpy(array).float()` is float32.

    `torch.nn.Linear` has float32 parameters by default and refuses float64 inputs.
    """
    (tmp_path / "points.txt").write_text("1,2.5\n3,4\n")

    array = np.loadtxt(tmp_path / "points.txt", delimiter=",")
    tensor = torch.from_numpy(array)

    assert tensor.tolist() == [[1.0, 2.5], [3.0, 4.0]]
    assert tensor.dtype == torch.float64
    assert tensor.float().dtype == torch.float32


@pytest.mark.claim("blitz-data-via-numpy")
def test_data_goes_through_numpy_into_a_tensor(tmp_path):
    """`torch.from_numpy` makes an int16 tensor of an int16 array in native byte order that
    `np.load` has read, without a copy.

    The same holds for bool, int64, float32 and float64. An array in the byte order of another
    machine or with negative strides raises ValueError.
    """
    np.save(tmp_path / "signal.npy", np.array([1, 2, 3], dtype=np.int16))

    array = np.load(tmp_path / "signal.npy")
    tensor = torch.from_numpy(array)

    assert tensor.tolist() == [1, 2, 3]
    assert tensor.dtype == torch.int16
    assert tensor.data_ptr() == array.ctypes.data


@pytest.mark.claim("blitz-data-image-libraries")
def test_pillow_loads_pictures(tmp_path):
    """`np.array` of a picture that Pillow opens in mode "RGB" has the shape (height, width, 3),
    with the channels red, green, blue; `torch.from_numpy` makes a tensor of it.

    Networks want the channels first: see `spec/data/test_transforms.py`.
    """
    Image.new("RGB", (4, 2), (10, 20, 30)).save(tmp_path / "picture.png")

    array = np.array(Image.open(tmp_path / "picture.png"))

    assert array.shape == (2, 4, 3)
    assert torch.from_numpy(array)[1, 3].tolist() == [10, 20, 30]


@pytest.mark.claim("blitz-data-image-libraries")
def test_opencv_loads_pictures_in_blue_green_red(tmp_path):
    """`cv2.imread(path)` of OpenCV reads a colour picture as an array of shape (height, width, 3),
    with the channels blue, green, red; `torch.from_numpy` keeps that order.

    A network trained on red, green, blue can lose accuracy without an error: reverse the last
    dimension with `array[..., ::-1].copy()`.
    """
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    Image.new("RGB", (4, 2), (10, 20, 30)).save(tmp_path / "picture.png")

    array = cv2.imread(str(tmp_path / "picture.png"))

    assert array.shape == (2, 4, 3)
    assert torch.from_numpy(array)[1, 3].tolist() == [30, 20, 10]
