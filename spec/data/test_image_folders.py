"""Folders of images.

Images of one's own need no special format: put those of each class into a folder that bears the
name of the class, as in `root/cat/1.png` and `root/dog/1.png`, and
`torchvision.datasets.ImageFolder(root)` finds them. A sample is a Pillow picture in mode "RGB" and
the number of its class. Training and test set are two such roots.

What surprises: classes are numbered by sorted name, capitals first and `10` before `9`; a folder
without images is an error; every picture is converted to three channels; and a broken picture is
noticed no sooner than it is read, which in a training can be hours later.
"""

import pytest
from PIL import Image, UnidentifiedImageError
from torchvision import datasets


def test_an_image_folder_numbers_its_folders_by_the_alphabet(tmp_path):
    """`ImageFolder(root)` makes each folder in `root` a class, if each of them holds a PNG
    image. The classes are numbered by their names, sorted as Python sorts strings: "Zebra"
    comes before "cat" and "dog".

    The numbers depend on which folders are there: training and test set need the same ones.
    """
    for name in ("dog", "cat", "Zebra"):
        (tmp_path / name).mkdir()
        Image.new("L", (4, 2)).save(tmp_path / name / "0.png")

    folder = datasets.ImageFolder(tmp_path)

    assert folder.classes == ["Zebra", "cat", "dog"]
    assert folder.class_to_idx == {"Zebra": 0, "cat": 1, "dog": 2}
    assert folder.targets == [0, 1, 2]


def test_an_image_folder_sorts_its_pictures_by_name(tmp_path):
    """`ImageFolder` lists its samples class by class, those of a folder sorted by file name as
    text: `10.png` comes before `9.png`.

    Numbers with leading zeros, `09.png`, sort as expected.
    """
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    for name in ("cat/9.png", "cat/10.png", "dog/1.png"):
        Image.new("L", (4, 2)).save(tmp_path / name)

    folder = datasets.ImageFolder(str(tmp_path))

    assert folder.samples == [
        (f"{tmp_path}/cat/10.png", 0),
        (f"{tmp_path}/cat/9.png", 0),
        (f"{tmp_path}/dog/1.png", 1),
    ]


def test_an_image_folder_makes_every_picture_colour(tmp_path):
    """`ImageFolder` with its default loader converts pictures to mode "RGB": a grey file
    gives a picture with three equal channels.

    Because its default loader calls `convert("RGB")`. For one channel pass a `loader` of your
    own, or the transform `Grayscale`.
    """
    (tmp_path / "cat").mkdir()
    Image.new("L", (4, 2), 9).save(tmp_path / "cat" / "0.png")

    picture, label = datasets.ImageFolder(tmp_path)[0]

    assert picture.mode == "RGB"
    assert picture.getextrema() == ((9, 9), (9, 9), (9, 9))
    assert label == 0


def test_an_image_folder_passes_over_other_files(tmp_path):
    """torchvision's `ImageFolder(root)` takes the files in class folders and their subfolders
    whose extension, in lower case, is in `datasets.folder.IMG_EXTENSIONS`; a .gif file beside
    them, or a file in `root` itself, is left out.

    The list has .jpg, .jpeg, .png, .ppm, .bmp, .pgm, .tif, .tiff and .webp. `is_valid_file`, a
    function of the path, decides in place of the list. A class folder of which no file is taken
    raises FileNotFoundError.
    """
    (tmp_path / "cat" / "young").mkdir(parents=True)
    Image.new("L", (4, 2)).save(tmp_path / "cat" / "0.png")
    Image.new("L", (4, 2)).save(tmp_path / "cat" / "young" / "1.PNG")
    (tmp_path / "cat" / "notes.txt").write_text("meow")
    Image.new("L", (4, 2)).save(tmp_path / "cat" / "2.gif")
    Image.new("L", (4, 2)).save(tmp_path / "2.png")

    assert len(datasets.ImageFolder(tmp_path)) == 2
    assert datasets.ImageFolder(tmp_path).classes == ["cat"]
    assert len(datasets.ImageFolder(tmp_path, is_valid_file=lambda path: "." in path)) == 4


def test_pictures_without_folders_are_no_classes(tmp_path):
    """`ImageFolder(root)` raises FileNotFoundError, "Couldn't find any class folder in", if `root`
    has no folders, even if there are images in it.

    Because the folder is the class. Put images without classes into one folder below `root`.
    """
    Image.new("L", (4, 2)).save(tmp_path / "0.png")

    with pytest.raises(FileNotFoundError, match="Couldn't find any class folder in"):
        datasets.ImageFolder(tmp_path)


def test_an_empty_class_is_refused(tmp_path):
    """`torchvision.datasets.ImageFolder(root)` raises FileNotFoundError if one class
    folder, `cat`, is empty: "Found no valid file for the classes cat"; the message goes on
    with the extensions that `ImageFolder` looks for.

    Remove the folder. Since torchvision 0.18 `ImageFolder(root, allow_empty=True)` keeps the
    class.
    """
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    Image.new("L", (4, 2)).save(tmp_path / "dog" / "0.png")

    with pytest.raises(
        FileNotFoundError, match=r"Found no valid file for the classes cat\. .*: \.jpg, \.jpeg, "
    ):
        datasets.ImageFolder(tmp_path)


def test_find_classes_gives_the_numbers(tmp_path):
    """A subclass of `DatasetFolder` that defines `find_classes` decides which classes there are
    and how they are numbered.

    `find_classes` returns the list of names and a dict from name to number, for example with
    "9" before "10".
    """
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
    """`ImageFolder` opens no picture when it is made: a .png file that holds the text "no
    picture" raises `PIL.UnidentifiedImageError` when its sample is read.

    Read all samples once before a long training: `for _ in folder: pass`.
    """
    (tmp_path / "cat").mkdir()
    Image.new("L", (4, 2)).save(tmp_path / "cat" / "0.png")
    (tmp_path / "cat" / "1.png").write_bytes(b"no picture")

    folder = datasets.ImageFolder(tmp_path)

    assert len(folder) == 2
    assert folder[0][0].size == (4, 2)
    with pytest.raises(UnidentifiedImageError, match="cannot identify image file"):
        folder[1]


def test_a_truncated_picture_is_an_os_error(tmp_path):
    """A JPEG file of a black 400 x 400 picture that lacks its last 500 bytes raises OSError,
    "image file is truncated", when `ImageFolder` reads its sample.

    Fetch the file again; `ImageFile.LOAD_TRUNCATED_IMAGES = True` of Pillow reads what is
    there.
    """
    (tmp_path / "cat").mkdir()
    path = tmp_path / "cat" / "0.jpg"
    Image.new("RGB", (400, 400)).save(path)

    path.write_bytes(path.read_bytes()[:-500])

    with pytest.raises(OSError, match="image file is truncated"):
        datasets.ImageFolder(tmp_path)[0]
