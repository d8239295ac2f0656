"""A classifier's pictures and recipes, refused and tried out.

What `examples/cifar10_classifier.py` does around the training: it reads pictures from folders,
names the one that it can't read, and trains by one recipe or by all. That a run can be killed at
any moment, and what `--resume` refuses, is told of every script in `spec/models/test_workbench.py`.

What surprises: a picture of 64 x 48 would not do, because the first linear layer takes the 400
features that the convolutions make of one of 32 x 32; and an error in a worker process of a
`DataLoader` comes back with the worker's whole traceback. The pictures are drawn and few, so that
these facts take seconds; what the net learns is told in `spec/models/test_cifar10_classifier.py`.
"""

import functools
import os
import shutil

import pytest
import torch

from fixtures.images import write_image_folder
from spec.models.scripts import import_example, run_until_killed

pytestmark = [
    pytest.mark.slow,
    # From Python 3.12 on the workers of a loader are forked with this warning.
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]

TINY = ["--epochs", "2", "--batch-size", "4", "--report-every", "10", "--device", "cpu"]


@pytest.fixture(scope="module")
def classifier():
    """The example as a module."""
    return import_example("cifar10_classifier")


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A folder of drawn pictures: of each class ten to learn from and two to be measured on."""
    return write_image_folder(tmp_path_factory.mktemp("few"), train=10, test=2)


@pytest.fixture
def refused(classifier, refusal):
    """Calls `main` with arguments that it refuses; its exit code and what it says."""
    return functools.partial(refusal, classifier)


@pytest.fixture
def spoilt(tmp_path):
    """A folder of drawn pictures, one of each class in each part, to be spoilt."""
    return write_image_folder(tmp_path / "spoilt", train=1, test=1)


def test_without_pictures_it_says_where_to_put_them(refused, tmp_path):
    """Without `--download` and with a folder `--data` that isn't there,
    `examples/cifar10_classifier.py` ends with exit code 2 and one line that says where to
    put pictures, and that `--download` fetches CIFAR-10 (170 MB).
    """
    code, said = refused("--data", tmp_path / "nowhere", "--out", tmp_path / "out")

    assert code == 2
    assert said == (
        f"cifar10_classifier.py: no pictures in {tmp_path / 'nowhere'}: put train/CLASS/*.jpg and "
        "test/CLASS/*.jpg there, or add --download to fetch CIFAR-10 (170 MB)\n"
    )


@pytest.mark.parametrize("recipe", ["notes", "long"])
def test_a_file_that_is_no_picture_is_named(refused, spoilt, tmp_path, recipe):
    """If a .jpg file in train/CLASS of the `--data` folder is no picture,
    `examples/cifar10_classifier.py` with `--recipe notes` or `--recipe long`, without `--download`
    or `--dry-run`, ends with exit code 2, and the last line names the file.

    By itself `DataLoader`, which `--recipe notes` uses, re-raises a worker's exception with the
    worker's whole traceback; the script makes one line of it.
    """
    (spoilt / "train" / "star" / "0000.jpg").write_bytes(b"no picture")

    code, said = refused("--recipe", recipe, "--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert said.splitlines()[-1].startswith(
        f"cifar10_classifier.py: {spoilt}/train/star/0000.jpg is no picture that can be read: "
    )
    assert said.count("cifar10_classifier.py: ") == 1


@pytest.mark.parametrize("recipe", ["notes", "long"])
def test_half_a_picture_is_named(refused, spoilt, tmp_path, recipe):
    """If a .jpg file in train/CLASS breaks off in the middle of its pixels, `--recipe notes` and
    `long` of `examples/cifar10_classifier.py`, without `--download` or `--dry-run`, end with exit
    code 2 and a line that names the file.

    Its header can be read; only the decoding of the pixels finds that they are not all
    there.
    """
    path = spoilt / "train" / "star" / "0000.jpg"
    path.write_bytes(path.read_bytes()[:700])

    code, said = refused("--recipe", recipe, "--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert f"{path} is no picture that can be read: " in said


@pytest.mark.parametrize("recipe", ["notes", "long"])
def test_a_picture_of_another_size_is_named(refused, spoilt, tmp_path, recipe):
    """`examples/cifar10_classifier.py` takes pictures of 32 x 32 pixels: if one in
    train/CLASS has 64 x 48, `--recipe notes` and `long`, without `--download` or
    `--dry-run`, end with exit code 2 and a line with the file and its size.

    Because the first linear layer takes 400 features, and a picture of 64 x 48 gives more.
    """
    from PIL import Image

    path = spoilt / "train" / "star" / "0000.jpg"
    Image.new("RGB", (64, 48)).save(path)

    code, said = refused("--recipe", recipe, "--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert said.splitlines()[-1] == (
        f"cifar10_classifier.py: {path} is 64 x 48 pixels; the net takes 32 x 32"
    )


def test_a_class_that_only_one_part_has_is_named(refused, spoilt, tmp_path):
    """If train/ in the `--data` folder has pictures of ten classes and test/ of nine of them, with
    no folder for the tenth, `examples/cifar10_classifier.py` without `--download` ends with exit
    code 2 and names the tenth class.

    Because `ImageFolder` numbers the classes of each folder by itself, and the numbers of the
    two parts would no longer agree.
    """
    shutil.rmtree(spoilt / "test" / "star")

    code, said = refused("--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert said == (
        f"cifar10_classifier.py: {spoilt} needs the same classes in train and test; "
        "only one has star\n"
    )


def test_nine_classes_are_refused(refused, spoilt, tmp_path):
    """With pictures of the same nine classes in train/ and test/ of `--data DIR`,
    `examples/cifar10_classifier.py` without `--download` ends with exit code 2 and
    "cifar10_classifier.py: DIR holds 9 classes; the net tells 10 apart".
    """
    shutil.rmtree(spoilt / "test" / "star")
    shutil.rmtree(spoilt / "train" / "star")

    code, said = refused("--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert said == (f"cifar10_classifier.py: {spoilt} holds 9 classes; the net tells 10 apart\n")


def test_a_missing_part_is_refused(refused, spoilt, tmp_path):
    """With pictures in train/CLASS but no folder test/ in `--data`,
    `examples/cifar10_classifier.py` without `--download` ends with exit code 2 and says
    that it needs train/CLASS and test/CLASS.
    """
    shutil.rmtree(spoilt / "test")

    code, said = refused("--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert said.startswith(f"cifar10_classifier.py: {spoilt} needs train/CLASS and test/CLASS: ")


def test_a_class_without_pictures_is_refused(refused, spoilt, tmp_path):
    """If test/star in `--data` is empty and every other train/CLASS and test/CLASS holds pictures,
    `examples/cifar10_classifier.py` without `--download` ends with exit code 2 and says "Found no
    valid file for the classes star."
    """
    (spoilt / "test" / "star" / "0000.jpg").unlink()

    code, said = refused("--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert "Found no valid file for the classes star." in said


def test_all_recipes_are_told_side_by_side(classifier, few, tmp_path, capsys):
    """`examples/cifar10_classifier.py --recipe all` without `--dry-run` trains by each recipe,
    writes to a folder of the recipe's name below `--out`, prints accuracies per class and times
    side by side, and draws all.png, accuracy over time.
    """
    run = ["--recipe", "all", "--data", str(few), "--out", str(tmp_path / "new" / "out"), *TINY]

    metrics = classifier.main(run)

    assert list(metrics) == ["notes", "fast", "long"]
    assert sorted(os.listdir(tmp_path / "new" / "out")) == ["all.png", "fast", "long", "notes"]
    assert [len(each["curve"]) for each in metrics.values()] == [3, 3, 3]
    said = capsys.readouterr().out
    assert "recognised          notes     fast     long\n  bars  " in said
    assert "\ntraining  " in said


def test_a_run_by_the_notes_goes_on_to_the_same_weights_too(classifier, few, tmp_path):
    """A run of `examples/cifar10_classifier.py --recipe notes --device cpu` killed after its first
    epoch, and called again with `--resume` added, reaches bit-for-bit the weights of an
    uninterrupted run on that CPU, also with `DataLoader` workers.
    """
    run = ["--recipe", "notes", "--data", str(few), *TINY]
    classifier.main([*run, "--out", str(tmp_path / "whole")])
    run_until_killed(classifier, "os.replace", 3, [*run, "--out", str(tmp_path / "resumed")])

    classifier.main([*run, "--out", str(tmp_path / "resumed"), "--resume"])

    whole, resumed = (
        torch.load(tmp_path / out / "checkpoint.pt", weights_only=True)
        for out in ("whole", "resumed")
    )
    weights = zip(whole["model"].values(), resumed["model"].values(), strict=True)
    assert [torch.equal(ours, theirs) for ours, theirs in weights] == [True] * 10
    assert resumed["scalars"]["train_loss"] == whole["scalars"]["train_loss"]


def test_a_checkpoint_of_the_other_recipe_is_refused(classifier, refused, few, tmp_path):
    """After `examples/cifar10_classifier.py --recipe fast --batch-size 4 --lr 0.01`, the
    same call with `--recipe notes --resume` instead of `--recipe fast` refuses its
    checkpoint: exit code 2, and a line that names both recipes.

    Because a run that goes on with other settings would not end as an uninterrupted one.
    """
    run = ["--data", str(few), "--out", str(tmp_path), *TINY, "--lr", "0.01"]
    classifier.main(run)

    code, said = refused(*run, "--recipe", "notes", "--resume")

    assert code == 2
    assert said.endswith("checkpoint.pt is of another run: recipe is fast there, notes here\n")


@pytest.mark.cuda
def test_the_net_trains_on_a_gpu(classifier, few, tmp_path):
    """Where `torch.cuda.is_available()` is True, `examples/cifar10_classifier.py` trains on
    `cuda:0`, with `--device cuda` and without `--device`.
    """
    run = ["--data", str(few), "--out", str(tmp_path)]

    assert classifier.main([*run, "--epochs", "1", "--device", "cuda"])["device"] == "cuda:0"
    assert classifier.main([*run, "--epochs", "1"])["device"] == "cuda:0"
