"""Tables and tensors: pandas and CSV files.

A table of numbers becomes a tensor by way of NumPy: `torch.tensor(frame.to_numpy())`. A tensor
becomes a table by `pandas.DataFrame(x.numpy(), columns=[...])`. Columns of text have to be made
numbers first. The facts about pandas are decided where pandas is installed.

What surprises: a DataFrame is not taken by `torch.tensor` itself; one column of text makes the
whole array one of Python objects, which PyTorch refuses; floats come as float64, which a float32
layer does not take; and a row filter (`df[df.a > 1]`) can leave a Series that `torch.tensor` cannot
read. What else PyTorch refuses of NumPy is told in `spec/tensors/test_numpy_refusals.py`.
"""

import io

import numpy as np
import pytest
import torch


@pytest.fixture
def pandas():
    """The package; without it the fact is skipped."""
    return pytest.importorskip("pandas", reason="needs pandas; it is not here")


def test_a_frame_becomes_a_tensor_by_way_of_numpy(pandas):
    """`torch.tensor(frame.to_numpy(dtype="float32"))` makes a float32 tensor of shape (rows,
    columns) from a pandas DataFrame with an int64 and a float64 column;
    `torch.tensor(frame.to_numpy())` would be float64.
    """
    frame = pandas.DataFrame({"a": [1, 2], "b": [0.5, 1.5]})

    x = torch.tensor(frame.to_numpy(dtype="float32"))

    assert x.dtype is torch.float32
    assert x.tolist() == [[1.0, 0.5], [2.0, 1.5]]
    assert torch.tensor(frame.to_numpy()).dtype is torch.float64


def test_a_frame_itself_is_no_data(pandas):
    """Of `frame = pandas.DataFrame({"a": [1, 2]})`, `torch.tensor(frame)` raises ValueError,
    "could not determine the shape of object type 'DataFrame'", and
    `torch.from_numpy(frame["a"])` TypeError; `torch.tensor(frame["a"].to_numpy())` works.

    Because `torch.tensor` reads `frame[0]`, and a DataFrame looks 0 up among the names of its
    columns.
    """
    frame = pandas.DataFrame({"a": [1, 2]})

    with pytest.raises(
        ValueError, match="could not determine the shape of object type 'DataFrame'"
    ):
        torch.tensor(frame)
    with pytest.raises(TypeError, match=r"expected np.ndarray \(got Series\)"):
        torch.from_numpy(frame["a"])

    assert torch.tensor(frame["a"].to_numpy()).tolist() == [1, 2]


def test_a_filtered_series_has_gaps_in_its_index(pandas):
    """`torch.tensor(series)` of a nonempty pandas Series with integer labels, none of them 0,
    as the filter `frame[frame.a > 1]["a"]` may leave it, raises ValueError, "could not
    determine the shape of object type 'Series'".

    Because `torch.tensor` reads `series[0]`, `series[1]`, ..., which pandas looks up among the
    labels; labels such as 0 and 2 give a KeyError. `torch.tensor(series.to_numpy())` works.
    """
    frame = pandas.DataFrame({"a": [1, 2, 3]})
    filtered = frame[frame["a"] > 1]["a"]

    with pytest.raises(ValueError, match="could not determine the shape of object type 'Series'"):
        torch.tensor(filtered)

    with pytest.raises(KeyError, match="1"):
        torch.tensor(frame[frame["a"] != 2]["a"])

    assert torch.tensor(filtered.to_numpy()).tolist() == [2, 3]


def test_a_column_of_text_spoils_the_whole_table(pandas):
    """`torch.tensor(frame.values)` of a DataFrame with a column of numbers and one of text
    raises TypeError, "can't convert np.ndarray of type numpy.object_": choose or convert the
    columns first.

    `pandas.get_dummies(frame).to_numpy(dtype="float32")` has a column for each number column and
    one for each different text; `pandas.Categorical(column).codes` is one integer per row, the
    same for equal texts.
    """
    frame = pandas.DataFrame({"a": [1, 2, 3], "s": ["New York", "Rome", "New York"]})

    with pytest.raises(TypeError, match=r"can't convert np.ndarray of type numpy.object_"):
        torch.tensor(frame.values)

    dummies = pandas.get_dummies(frame).to_numpy(dtype="float32")
    assert torch.tensor(dummies).tolist() == [[1.0, 1.0, 0.0], [2.0, 0.0, 1.0], [3.0, 1.0, 0.0]]
    assert pandas.Categorical(frame["s"]).codes.tolist() == [0, 1, 0]


def test_a_tensor_becomes_a_frame(pandas):
    """With `x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])`,
    `pandas.DataFrame(x.numpy(), columns=["a", "b"])` is a table of two columns; with grad mode on,
    an `x` that requires grad needs `x.detach()` first, one on a GPU `x.cpu()`.
    """
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)

    frame = pandas.DataFrame(x.detach().cpu().numpy(), columns=["a", "b"])

    assert frame["b"].tolist() == [2.0, 4.0]


def test_text_among_the_numbers_is_told_by_numpy():
    """`array.astype("float32")` of the object array `np.array([[1, "x"]], dtype=object)`
    raises ValueError, "could not convert string to float": NumPy raises it, before PyTorch
    sees the array. The text "2.5" is converted.
    """
    array = np.array([[1, "x"]], dtype=object)

    with pytest.raises(ValueError, match="could not convert string to float: 'x'"):
        torch.from_numpy(array.astype("float32"))

    assert np.array([[1, "2.5"]], dtype=object).astype("float32").tolist() == [[1.0, 2.5]]


def test_a_csv_file_is_read_with_numpy():
    """`torch.from_numpy(np.loadtxt(file, delimiter=",", dtype="float32", skiprows=1))` reads a
    CSV file of numbers with a header line, which `skiprows=1` passes over.

    A file with one row, or one column, of two or more numbers gives a vector; `ndmin=2` makes it a
    matrix.
    """
    file = io.StringIO("a,b\n1,2.5\n3,4\n")

    x = torch.from_numpy(np.loadtxt(file, delimiter=",", dtype="float32", skiprows=1))

    assert x.dtype is torch.float32
    assert x.tolist() == [[1.0, 2.5], [3.0, 4.0]]
    assert np.loadtxt(io.StringIO("1,2\n"), delimiter=",").shape == (2,)
    assert np.loadtxt(io.StringIO("1,2\n"), delimiter=",", ndmin=2).shape == (1, 2)


def test_a_structured_array_is_refused():
    """`torch.from_numpy` raises TypeError, "can't convert np.ndarray of type numpy.void", for an
    array with named fields, as `np.genfromtxt(..., names=True)` gives: convert a copy of one
    float64 field, such as `array["b"].copy()`.

    The field itself, `array["b"]`, is accepted only if its stride, the bytes of one record, is a
    multiple of the 8 bytes of a float64; if not, `from_numpy` raises ValueError, "given numpy
    array strides not a multiple of the element byte size".
    """
    array = np.array([(1, 2.5)], dtype=[("a", "i8"), ("b", "f8")])
    packed = np.array([(1, 2.5)], dtype=[("a", "i1"), ("b", "f8")])

    with pytest.raises(TypeError, match=r"can't convert np.ndarray of type numpy.void"):
        torch.from_numpy(array)
    with pytest.raises(ValueError, match="strides not a multiple of the element byte size"):
        torch.from_numpy(packed["b"])

    assert torch.from_numpy(array["b"]).tolist() == [2.5]
    assert torch.from_numpy(array["b"].copy()).tolist() == [2.5]
    assert torch.from_numpy(packed["b"].copy()).tolist() == [2.5]


def test_features_and_labels_are_columns_of_one_table():
    """If the last column of a float32 matrix `x` holds class indices, `x[:, :-1]` holds the
    features, and `x[:, -1].long()` is the vector of class indices as int64.
    """
    table = torch.tensor([[0.5, 1.5, 2.0], [2.5, 3.5, 0.0]])

    features, labels = table[:, :-1], table[:, -1].long()

    assert features.shape == (2, 2)
    assert labels.tolist() == [2, 0]
    assert labels.dtype is torch.int64


def test_a_column_is_standardised_by_its_mean_and_deviation():
    """`(x - x.mean(0)) / x.std(0)` gives each column of the matrix [[1.0, 10.0], [3.0, 50.0],
    [5.0, 90.0]] mean 0 and standard deviation 1.

    Rows of a test set are standardised with the mean and deviation of the training rows, too. A
    column of ones has deviation 0 and becomes NaN; a constant that float32 rounds, such as 0.1,
    can become infinite or a number near 1 or -1 instead. Drop such columns.
    """
    x = torch.tensor([[1.0, 10.0], [3.0, 50.0], [5.0, 90.0]])

    scaled = (x - x.mean(0)) / x.std(0)

    assert scaled.tolist() == [[-1.0, -1.0], [0.0, 0.0], [1.0, 1.0]]
    assert ((x[:1] - x.mean(0)) / x.std(0)).tolist() == [[-1.0, -1.0]]

    ones = torch.ones(3, 2)
    assert ((ones - ones.mean(0)) / ones.std(0)).isnan().all().item() is True
