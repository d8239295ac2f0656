"""The type torch.Size.

`x.size()` and `x.shape` return a `torch.Size`: a tuple of ints with a name of its own. It unpacks,
compares, hashes, is searched and refuses item assignment as tuples do, so it can be handed to
whatever takes a tuple, for example `torch.zeros(x.shape)`.

Slices, sums and multiples of a size are sizes again, which is handy to build shapes:
`x.shape[:-1] + (10,)` replaces the last size.

What surprises: the entries must be ints, so adding a tuple of strings or floats raises; a list
cannot be added; and `size.numel()` is the product of the entries, which plain tuples do not have.
What the entries mean is told in `spec/tensors/test_shape.py`.
"""

import pytest
import torch


@pytest.mark.claim("blitz-size-method")
def test_size_of_a_tensor_prints_as_torch_size():
    """`x.size()` of a 5 x 3 tensor prints as `torch.Size([5, 3])`."""
    x = torch.zeros(5, 3)

    assert str(x.size()) == repr(x.size()) == "torch.Size([5, 3])"


@pytest.mark.claim("blitz-size-is-tuple")
def test_torch_size_is_a_tuple():
    """`torch.Size` is a subclass of `tuple`: a size is equal to the plain tuple of its
    ints, `tuple(size)`, and has the same hash.

    So a size can be compared with `(5, 3)` and used as the same key of a dict.
    """
    size = torch.zeros(5, 3).size()

    assert isinstance(size, tuple) is True
    assert size == (5, 3)
    assert tuple(size) == (5, 3)
    assert type(tuple(size)) is tuple
    assert {size: "by size"}[(5, 3)] == "by size"


def test_a_size_unpacks_like_any_tuple():
    """`rows, columns = x.shape` unpacks the size of a matrix `x` into two ints; of three
    dimensions it raises ValueError.

    Because a size is a tuple. The error finds a wrong number of dimensions early.
    """
    x = torch.zeros(5, 3)

    rows, columns = x.shape

    assert rows == 5
    assert columns == 3
    with pytest.raises(ValueError, match="too many values to unpack"):
        rows, columns = torch.zeros(5, 3, 2).shape


@pytest.mark.claim("blitz-size-tuple-operations")
def test_slices_sums_and_multiples_of_a_size_are_sizes():
    """For `size = torch.Size([5, 3])`, the slice `size[1:]`, the sum `size + (1,)` and the
    repetition `size * 2`, which is (5, 3, 5, 3), are each again a `torch.Size`.
    """
    size = torch.zeros(5, 3).size()
    channels = (1,)

    assert repr(size[1:]) == "torch.Size([3])"
    assert repr(size[::-1]) == "torch.Size([3, 5])"
    assert repr(size + channels) == "torch.Size([5, 3, 1])"
    assert repr(size * 2) == "torch.Size([5, 3, 5, 3])"


@pytest.mark.torch("<2.8")
def test_a_tuple_plus_a_size_is_a_plain_tuple():
    """Before PyTorch 2.8, `(1,) + torch.Size([5, 3])`, with a plain tuple on the left, gives the
    plain tuple (1, 5, 3).

    `torch.Size((1,)) + torch.Size([5, 3])` gives a `torch.Size`.
    """
    size = torch.zeros(5, 3).size()
    batch = (1,)

    assert repr(batch + size) == "(1, 5, 3)"


@pytest.mark.torch(">=2.8")
def test_a_tuple_plus_a_size_is_a_size():
    """Since PyTorch 2.8, `(1,) + torch.Size([5, 3])`, with a plain tuple on the left, gives
    a `torch.Size`, as `torch.Size([5, 3]) + (1,)` does.
    """
    size = torch.zeros(5, 3).size()
    batch = (1,)

    assert repr(batch + size) == "torch.Size([1, 5, 3])"


@pytest.mark.claim("blitz-size-tuple-operations")
def test_a_size_takes_in_nothing_but_ints():
    """For `size = torch.Size([5, 3])`, `size + ("rows", "columns")` raises TypeError, since a
    `torch.Size` holds ints only: write `tuple(size) + ("rows", "columns")`.

    Because `size + other` builds a `torch.Size` again, as `size + (1,)` does.
    """
    size = torch.zeros(5, 3).size()
    words = ("rows", "columns")

    assert tuple(size) + words == (5, 3, "rows", "columns")
    with pytest.raises(TypeError, match=r"takes an iterable of 'int' \(item 2 is 'str'\)"):
        size + words


def test_a_size_can_be_made_from_ints_only():
    """`torch.Size([5, 3])` and `torch.Size(range(3))` make a size of ints; `torch.Size([5, 3.0])`
    raises TypeError, since one entry is a float: convert with `int(...)`.

    This happens where a size was computed with `/`, which gives a float; `//` of two ints gives an
    int.
    """
    assert torch.Size([5, 3]) == (5, 3)
    assert torch.Size(range(3)) == (0, 1, 2)
    with pytest.raises(TypeError, match=r"takes an iterable of 'int' \(item 1 is 'float'\)"):
        torch.Size([5, 3.0])


def test_a_size_refuses_to_be_added_to_a_list():
    """For `size = torch.Size([5, 3])`, `size + [1]` raises TypeError, since a `torch.Size`
    is a tuple: write `size + (1,)` or `list(size) + [1]`.
    """
    size = torch.zeros(5, 3).size()
    channels = [1]

    assert list(size) + channels == [5, 3, 1]
    with pytest.raises(TypeError, match="can only concatenate tuple"):
        size + channels


def test_numel_of_a_size_multiplies_its_entries():
    """`torch.Size([5, 3]).numel()` is 15, the product of the entries, which is the number of
    elements of a tensor of that size; `torch.Size([]).numel()`, for the size of a 0-d tensor, is
    1.
    """
    assert torch.Size([5, 3]).numel() == 15
    assert torch.Size([]).numel() == 1


def test_a_size_makes_a_tensor_of_that_size_or_of_those_numbers():
    """For `size = torch.Size([2, 3])`, `torch.zeros(size)` takes it as a shape and makes a
    2 x 3 matrix, while `torch.tensor(size)` takes it as data and makes the vector [2, 3].
    """
    size = torch.Size([2, 3])

    assert torch.zeros(size).tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert torch.tensor(size).tolist() == [2, 3]
