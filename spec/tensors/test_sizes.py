"""The type torch.Size.

What `size()` and `shape` answer with is a `torch.Size`: a tuple of ints with a name of its own. It
unpacks, compares, hashes and is searched like any tuple, so it can be handed to whatever asks for a
tuple.

It is a strict one, though: it takes nothing but ints, and most of what is computed from a size is a
size again.
"""

import pytest
import torch


@pytest.mark.claim("blitz-size-method")
def test_size_of_a_tensor_prints_as_torch_size():
    """`size()` of a 5x3 tensor prints as `torch.Size([5, 3])`."""
    x = torch.zeros(5, 3)

    assert str(x.size()) == repr(x.size()) == "torch.Size([5, 3])"


@pytest.mark.claim("blitz-size-is-tuple")
def test_torch_size_is_a_tuple():
    """`torch.Size` is a subclass of `tuple`, and equal to the plain tuple of the same ints."""
    size = torch.zeros(5, 3).size()

    assert isinstance(size, tuple) is True
    assert size == (5, 3)
    assert tuple(size) == (5, 3)
    assert type(tuple(size)) is tuple


def test_a_size_unpacks_like_any_tuple():
    """The usual way to read a shape is to give its axes names."""
    rows, columns = torch.zeros(5, 3).shape

    assert rows == 5
    assert columns == 3


def test_a_size_is_searched_and_counted_like_any_tuple():
    """`len`, `in`, `index`, `count`, `sorted` and `max` work as on a tuple."""
    size = torch.zeros(5, 3, 5).size()

    assert len(size) == 3
    assert (3 in size) is True
    assert size.index(3) == 1
    assert size.count(5) == 2
    assert sorted(size) == [3, 5, 5]
    assert max(size) == 5


def test_a_size_and_its_tuple_are_one_key():
    """A size hashes as the plain tuple does, so either finds what was filed under the other."""
    size = torch.zeros(5, 3).size()

    assert {size: "by size"}[(5, 3)] == "by size"
    assert {(5, 3): "by tuple"}[size] == "by tuple"


def test_a_size_cannot_be_changed():
    """Like any tuple a size refuses item assignment."""
    size = torch.zeros(5, 3).size()

    with pytest.raises(TypeError, match="does not support item assignment"):
        size[0] = 6
    assert size == (5, 3)


@pytest.mark.claim("blitz-size-tuple-operations")
def test_slices_sums_and_multiples_of_a_size_are_sizes():
    """Slicing, `+` and `*` keep the type `torch.Size`; a plain tuple may stand on the right."""
    size = torch.zeros(5, 3).size()
    channels = (1,)

    assert repr(size[1:]) == "torch.Size([3])"
    assert repr(size[::-1]) == "torch.Size([3, 5])"
    assert repr(size + channels) == "torch.Size([5, 3, 1])"
    assert repr(size * 2) == "torch.Size([5, 3, 5, 3])"


@pytest.mark.torch("<2.8")
def test_a_tuple_plus_a_size_is_a_plain_tuple():
    """Before 2.8, with the plain tuple on the left, the sum was a plain tuple."""
    size = torch.zeros(5, 3).size()
    batch = (1,)

    assert repr(batch + size) == "(1, 5, 3)"


@pytest.mark.torch(">=2.8")
def test_a_tuple_plus_a_size_is_a_size():
    """Since 2.8 a sum with a size in it is a size, on whichever side the plain tuple stands."""
    size = torch.zeros(5, 3).size()
    batch = (1,)

    assert repr(batch + size) == "torch.Size([1, 5, 3])"


@pytest.mark.claim("blitz-size-tuple-operations")
def test_a_size_takes_in_nothing_but_ints():
    """Not every tuple operation is supported: adding a tuple that holds no ints is refused."""
    size = torch.zeros(5, 3).size()
    words = ("rows", "columns")

    assert tuple(size) + words == (5, 3, "rows", "columns")
    with pytest.raises(TypeError, match=r"takes an iterable of 'int' \(item 2 is 'str'\)"):
        size + words


def test_a_size_can_be_made_from_ints_only():
    """`torch.Size` itself takes any iterable of ints, and no floats."""
    assert torch.Size([5, 3]) == (5, 3)
    assert torch.Size(range(3)) == (0, 1, 2)
    with pytest.raises(TypeError, match=r"takes an iterable of 'int' \(item 1 is 'float'\)"):
        torch.Size([5, 3.0])


def test_a_size_refuses_to_be_added_to_a_list():
    """A list is no tuple: convert one of the two before adding them."""
    size = torch.zeros(5, 3).size()
    channels = [1]

    assert list(size) + channels == [5, 3, 1]
    with pytest.raises(TypeError, match="can only concatenate tuple"):
        size + channels


def test_numel_of_a_size_multiplies_its_entries():
    """Beyond what tuples can do, a size knows how many elements a tensor of that size has."""
    assert torch.Size([5, 3]).numel() == 15
    assert torch.Size([]).numel() == 1


def test_a_size_makes_a_tensor_of_that_size_or_of_those_numbers():
    """`torch.zeros(size)` reads a size as a shape, `torch.tensor(size)` as data."""
    size = torch.Size([2, 3])

    assert torch.zeros(size).tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    assert torch.tensor(size).tolist() == [2, 3]
