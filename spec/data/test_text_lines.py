"""Files, arrays, tensors.

PyTorch reads no formats of its own: ordinary Python libraries read the file, often into a NumPy
array, and `torch.from_numpy` or `torch.tensor` makes a tensor of it. A text file is read line by
line inside a `with` block.

What surprises: Python's numbers make other dtypes than NumPy's, and arrays read from elsewhere
may be read-only, byte-swapped, or their strings may have no tensor at all.
"""

import csv

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset


@pytest.mark.claim("summary-read-lines")
def test_a_text_file_is_read_line_by_line(tmp_path):
    """`for line in file` inside `with open(...)` gives the lines, each with its end of line."""
    (tmp_path / "names.txt").write_text("cat\nship\n")

    with open(tmp_path / "names.txt") as file:
        lines = [line for line in file]  # noqa: C416

    assert lines == ["cat\n", "ship\n"]
    assert file.closed is True


def test_lines_of_numbers_become_a_tensor(tmp_path):
    """Split each line and turn its words into numbers: a list of lists is a tensor's matrix."""
    (tmp_path / "points.txt").write_text("1 2.5\n3 4\n")

    with open(tmp_path / "points.txt") as file:
        rows = [[float(word) for word in line.split()] for line in file]

    assert torch.tensor(rows).tolist() == [[1.0, 2.5], [3.0, 4.0]]
    assert torch.tensor(rows).dtype == torch.float32


def test_words_do_not_become_a_tensor():
    """There are no tensors of strings: words have to be made numbers first."""
    with pytest.raises(ValueError, match="too many dimensions 'str'"):
        torch.tensor(["1.5", "2.5"])
    assert torch.tensor([float(word) for word in ["1.5", "2.5"]]).tolist() == [1.5, 2.5]


def test_rows_of_different_lengths_do_not_become_a_tensor():
    """A line with a column too few is found when the tensor is made."""
    with pytest.raises(ValueError, match="expected sequence of length 2 at dim 1"):
        torch.tensor([[1.0, 2.0], [3.0]])


def test_a_csv_file_is_a_dataset(tmp_path):
    """Read the file once, hand over a row as tensor and label: that is a dataset for a loader."""
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
    """An `IterableDataset` that reads as it goes keeps no more than a batch in memory."""
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
    """`np.loadtxt` gives `float64`, and `from_numpy` keeps it: most layers want `.float()`."""
    (tmp_path / "points.txt").write_text("1,2.5\n3,4\n")

    array = np.loadtxt(tmp_path / "points.txt", delimiter=",")
    tensor = torch.from_numpy(array)

    assert tensor.tolist() == [[1.0, 2.5], [3.0, 4.0]]
    assert tensor.dtype == torch.float64
    assert tensor.float().dtype == torch.float32


@pytest.mark.claim("blitz-data-via-numpy")
def test_data_goes_through_numpy_into_a_tensor(tmp_path):
    """What a library loads as an array is a tensor by `torch.from_numpy`, without a copy."""
    np.save(tmp_path / "signal.npy", np.array([1, 2, 3], dtype=np.int16))

    array = np.load(tmp_path / "signal.npy")
    tensor = torch.from_numpy(array)

    assert tensor.tolist() == [1, 2, 3]
    assert tensor.dtype == torch.int16
    assert tensor.data_ptr() == array.ctypes.data


@pytest.mark.claim("blitz-data-image-libraries")
def test_pillow_loads_pictures(tmp_path):
    """A picture opened by Pillow is an array of height x width x channels, in red, green, blue."""
    Image.new("RGB", (4, 2), (10, 20, 30)).save(tmp_path / "picture.png")

    array = np.array(Image.open(tmp_path / "picture.png"))

    assert array.shape == (2, 4, 3)
    assert torch.from_numpy(array)[1, 3].tolist() == [10, 20, 30]


@pytest.mark.claim("blitz-data-image-libraries")
def test_opencv_loads_pictures_in_blue_green_red(tmp_path):
    """OpenCV loads the same array, but with the channels the other way round."""
    cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed")
    Image.new("RGB", (4, 2), (10, 20, 30)).save(tmp_path / "picture.png")

    array = cv2.imread(str(tmp_path / "picture.png"))

    assert array.shape == (2, 4, 3)
    assert torch.from_numpy(array)[1, 3].tolist() == [30, 20, 10]


def test_a_view_of_a_picture_cannot_be_written():
    """`np.asarray(picture)` is read-only, and `from_numpy` warns of it; `np.array` copies."""
    picture = Image.new("L", (2, 1))

    with pytest.warns(UserWarning, match="The given NumPy array is not writable"):
        torch.from_numpy(np.asarray(picture))
    assert torch.from_numpy(np.array(picture)).tolist() == [[0, 0]]


def test_bytes_of_a_file_make_a_tensor():
    """`torch.frombuffer` reads raw bytes as numbers of a dtype; a `bytearray` may be written."""
    raw = bytearray(np.array([1.0, -2.5], dtype="float32").tobytes())

    assert torch.frombuffer(raw, dtype=torch.float32).tolist() == [1.0, -2.5]


def test_numbers_in_the_other_byte_order_are_swapped_first():
    """Many old formats are big-endian: `astype` swaps the bytes before a tensor is made of them."""
    array = np.frombuffer(b"\x00\x01\x00\x02", dtype=">i2")

    with pytest.raises(ValueError, match="given numpy array has byte order different from the nat"):
        torch.from_numpy(array)
    assert torch.from_numpy(array.astype("int16")).tolist() == [1, 2]
