"""Folders of pictures.

Pictures of one's own need no format: put each class in a folder that bears its name, and
`ImageFolder` finds them. A sample is a Pillow picture in colour and the number of its folder.

What surprises: classes are numbered by the alphabet, capitals first and `10` before `9`, a folder
without pictures is an error, and a broken picture is noticed no sooner than it is read.
"""

import pytest
from PIL import Image, UnidentifiedImageError
from torchvision import datasets


def test_an_image_folder_numbers_its_folders_by_the_alphabet(tmp_path):
    """`ImageFolder` makes each folder a class, numbered by sorted name: capitals come first."""
    for name in ("dog", "cat", "Zebra"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 2)).save(tmp_path / name / "0.png")

    folder = datasets.ImageFolder(tmp_path)

    assert folder.classes == ["Zebra", "cat", "dog"]
    assert folder.class_to_idx == {"Zebra": 0, "cat": 1, "dog": 2}
    assert folder.targets == [0, 1, 2]


def test_an_image_folder_sorts_its_pictures_by_name(tmp_path):
    """Pictures come class by class and sorted by name as text: `10.png` before `9.png`."""
    (tmp_path / "cat").mkdir()
    for name in ("9.png", "10.png"):
        Image.new("L", (4, 2)).save(tmp_path / "cat" / name)

    folder = datasets.ImageFolder(str(tmp_path))

    assert folder.samples == [(f"{tmp_path}/cat/10.png", 0), (f"{tmp_path}/cat/9.png", 0)]


def test_an_image_folder_makes_every_picture_colour(tmp_path):
    """Grey pictures are converted: a sample has three channels, whatever the file holds."""
    (tmp_path / "cat").mkdir()
    Image.new("L", (4, 2), 9).save(tmp_path / "cat" / "0.png")

    picture, label = datasets.ImageFolder(tmp_path)[0]

    assert picture.mode == "RGB"
    assert picture.getextrema() == ((9, 9), (9, 9), (9, 9))
    assert label == 0


def test_an_image_folder_passes_over_other_files(tmp_path):
    """Files that are no pictures by their ending, and files beside the folders, are left out."""
    (tmp_path / "cat").mkdir()
    Image.new("L", (4, 2)).save(tmp_path / "cat" / "0.png")
    (tmp_path / "cat" / "notes.txt").write_text("meow")
    Image.new("L", (4, 2)).save(tmp_path / "1.png")

    assert len(datasets.ImageFolder(tmp_path)) == 1


def test_pictures_without_folders_are_no_classes(tmp_path):
    """Pictures right in the root have no class: `ImageFolder` wants a folder around them."""
    Image.new("L", (4, 2)).save(tmp_path / "0.png")

    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder in"):
        datasets.ImageFolder(tmp_path)


def test_an_empty_class_is_refused(tmp_path):
    """A folder without pictures is an error that names it, and lists the endings it knows."""
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    Image.new("L", (4, 2)).save(tmp_path / "dog" / "0.png")

    with pytest.raises(FileNotFoundError, match="Found no valid file for the classes cat"):
        datasets.ImageFolder(tmp_path)


def test_find_classes_gives_the_numbers(tmp_path):
    """A subclass with its own `find_classes` renumbers classes; samples stay sorted by name."""
    (tmp_path / "10").mkdir()
    (tmp_path / "9").mkdir()

    class ByNumber(datasets.DatasetFolder):
        def find_classes(self, directory):
            return ["9", "10"], {"9": 0, "10": 1}

    Image.new("L", (4, 2)).save(tmp_path / "9" / "0.png")
    Image.new("L", (4, 2)).save(tmp_path / "10" / "0.png")

    by_number = ByNumber(tmp_path, datasets.folder.default_loader, extensions=(".png",))

    assert datasets.folder.find_classes(tmp_path) == (["10", "9"], {"10": 0, "9": 1})
    assert by_number.classes == ["9", "10"]
    assert by_number.targets == [1, 0]


def test_a_broken_picture_is_found_when_it_is_read(tmp_path):
    """`ImageFolder` opens nothing when it is built: the broken file fails when it is its turn."""
    (tmp_path / "cat").mkdir()
    Image.new("L", (4, 2)).save(tmp_path / "cat" / "0.png")
    (tmp_path / "cat" / "1.png").write_bytes(b"no picture")

    folder = datasets.ImageFolder(tmp_path)

    assert len(folder) == 2
    assert folder[0][0].size == (4, 2)
    with pytest.raises(UnidentifiedImageError, match="cannot identify image file"):
        folder[1]


def test_a_truncated_picture_is_an_os_error(tmp_path):
    """A picture that ends early, as after a broken download, says so."""
    (tmp_path / "cat").mkdir()
    path = tmp_path / "cat" / "0.jpg"
    Image.new("RGB", (400, 400)).save(path)

    path.write_bytes(path.read_bytes()[:-500])

    with pytest.raises(OSError, match="image file is truncated"):
        datasets.ImageFolder(tmp_path)[0]
