"""A classifier's runs: stopped, resumed, refused, tried out.

What `examples/cifar10_classifier.py` does around the training. A training takes minutes to days,
and the process may be killed at any moment: the script writes a checkpoint after each report, and
`--resume` goes on from the last one. Bad input ends the run with exit code 2 and one line that
says what to mend, and `--dry-run` goes all the way without writing a file.

What surprises: on one CPU and with as many threads, a run that was killed and resumed ends with
weights equal bit for bit to those of an uninterrupted run, if everything is saved that the training
depends on: weights, optimizer, schedule, order of the pictures, random generators. The pictures are
drawn and few, so that these facts take seconds; what the net learns is told in
`spec/models/test_cifar10_classifier.py`, saving in `spec/training/test_checkpoints.py`.
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


@pytest.fixture(scope="module")
def uninterrupted(classifier, few, tmp_path_factory):
    """The metrics and the last checkpoint of a run by a recipe that nothing stopped."""

    @functools.cache
    def train(recipe):
        out = tmp_path_factory.mktemp("uninterrupted")
        metrics = classifier.main(
            ["--recipe", recipe, "--data", str(few), "--out", str(out), *TINY]
        )
        return metrics, torch.load(out / "checkpoint.pt", weights_only=True)

    return train


@pytest.mark.spare("5", reason="any batch before the first checkpoint will do")
@pytest.mark.spare("37", reason="any batch between two checkpoints will do")
@pytest.mark.spare("2", reason="any checkpoint but the first will do")
@pytest.mark.parametrize(
    ("recipe", "function", "call", "left"),
    [
        ("notes", "torch.nn.functional.cross_entropy", 5, []),
        ("notes", "torch.nn.functional.cross_entropy", 37, ["checkpoint.pt"]),
        ("fast", "torch.nn.functional.cross_entropy", 37, ["checkpoint.pt"]),
        ("fast", "os.fsync", 2, ["checkpoint.partial", "checkpoint.pt"]),
        ("fast", "torch.inference_mode", 1, ["checkpoint.pt"]),
    ],
)
def test_a_run_killed_at_any_moment_and_resumed_ends_with_the_same_weights(
    classifier, uninterrupted, few, tmp_path, recipe, function, call, left
):
    """`examples/cifar10_classifier.py --resume`, after a run was killed before its first
    checkpoint, between two, while one was written or before the evaluation, ends with
    bit-for-bit the weights of an uninterrupted run with as many threads.

    On the same CPU, that is. A checkpoint is first written to checkpoint.partial and then
    renamed: checkpoint.pt is complete at any moment.
    """
    run = ["--recipe", recipe, "--data", str(few), "--out", str(tmp_path), *TINY]
    run_until_killed(classifier, function, call, run)
    assert sorted(os.listdir(tmp_path)) == left

    metrics = classifier.main([*run, "--resume"])

    whole_metrics, whole = uninterrupted(recipe)
    resumed = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    weights = zip(whole["model"].values(), resumed["model"].values(), strict=True)
    assert [torch.equal(ours, theirs) for ours, theirs in weights] == [True] * 10
    assert metrics["losses"] == whole_metrics["losses"]
    assert len(metrics["losses"]) == 4


def test_a_finished_run_resumed_trains_nothing_and_measures_the_same(classifier, few, tmp_path):
    """`examples/cifar10_classifier.py --resume` on a run that has finished, with the same
    options, trains no further, and the evaluation gives the same accuracy.
    """
    run = ["--data", str(few), "--out", str(tmp_path), *TINY]
    first = classifier.main(run)

    again = classifier.main([*run, "--resume"])

    assert again["accuracy"] == first["accuracy"]
    assert again["losses"] == first["losses"]
    assert again["seconds_training"] == first["seconds_training"]
    assert len(again["losses"]) == 4


@pytest.fixture
def refused(classifier, refusal):
    """Calls `main` with arguments that it refuses; its exit code and what it says."""
    return functools.partial(refusal, classifier)


@pytest.fixture
def spoilt(tmp_path):
    """A folder of drawn pictures, one of each class in each part, to be spoilt."""
    return write_image_folder(tmp_path / "spoilt", train=1, test=1)


def test_without_pictures_it_says_where_to_put_them(refused, tmp_path):
    """Without `--download` and without pictures in `--data`, `examples/cifar10_classifier.py`
    ends with exit code 2 and one line that says where to put them, and that `--download`
    fetches CIFAR-10 (170 MB).
    """
    code, said = refused("--data", tmp_path / "nowhere", "--out", tmp_path / "out")

    assert code == 2
    assert said == (
        f"cifar10_classifier.py: no pictures in {tmp_path / 'nowhere'}: put train/CLASS/*.jpg and "
        "test/CLASS/*.jpg there, or add --download to fetch CIFAR-10 (170 MB)\n"
    )


@pytest.mark.parametrize("recipe", ["notes", "fast"])
def test_a_file_that_is_no_picture_is_named(refused, spoilt, tmp_path, recipe):
    """If a .jpg file in train/ is no picture, `examples/cifar10_classifier.py` ends with exit
    code 2 and one line that names the file, with `--recipe notes` as with `--recipe fast`.

    By itself `DataLoader` re-raises a worker's exception with the worker's whole traceback; the
    script makes one line of it.
    """
    (spoilt / "train" / "star" / "0000.jpg").write_bytes(b"no picture")

    code, said = refused("--recipe", recipe, "--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert said.startswith(
        f"cifar10_classifier.py: {spoilt}/train/star/0000.jpg is no picture that can be read: "
    )
    assert said.count("\n") == 1


@pytest.mark.parametrize("recipe", ["notes", "fast"])
def test_half_a_picture_is_named(refused, spoilt, tmp_path, recipe):
    """If a .jpg file in train/ ends too early, `examples/cifar10_classifier.py` ends with exit
    code 2 and a line that names it, although its header can be read.
    """
    path = spoilt / "train" / "star" / "0000.jpg"
    path.write_bytes(path.read_bytes()[:700])

    code, said = refused("--recipe", recipe, "--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert f"{path} is no picture that can be read: " in said


@pytest.mark.parametrize("recipe", ["notes", "fast"])
def test_a_picture_of_another_size_is_named(refused, spoilt, tmp_path, recipe):
    """The net of `examples/cifar10_classifier.py` takes pictures of 32 x 32 pixels: if a
    picture in train/ has 64 x 48, the run ends with exit code 2 and one line with the file and
    its size.

    Because the input features of the first linear layer are fixed by the size of the picture.
    """
    from PIL import Image

    path = spoilt / "train" / "star" / "0000.jpg"
    Image.new("RGB", (64, 48)).save(path)

    code, said = refused("--recipe", recipe, "--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert said == (f"cifar10_classifier.py: {path} is 64 x 48 pixels; the net takes 32 x 32\n")


def test_a_class_that_only_one_part_has_is_named(refused, spoilt, tmp_path):
    """If a class is in train/ but not in test/, `examples/cifar10_classifier.py` ends with exit
    code 2 and names the class.

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
    """With pictures of nine classes in train/ and test/, `examples/cifar10_classifier.py` ends
    with exit code 2 and one line: its net tells 10 classes apart.
    """
    shutil.rmtree(spoilt / "test" / "star")
    shutil.rmtree(spoilt / "train" / "star")

    code, said = refused("--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert said == (f"cifar10_classifier.py: {spoilt} holds 9 classes; the net tells 10 apart\n")


def test_a_missing_part_is_refused(refused, spoilt, tmp_path):
    """With pictures in train/ but no folder test/ in `--data`, `examples/cifar10_classifier.py`
    ends with exit code 2 and says that it needs train/CLASS and test/CLASS.
    """
    shutil.rmtree(spoilt / "test")

    code, said = refused("--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert said.startswith(f"cifar10_classifier.py: {spoilt} needs train/CLASS and test/CLASS: ")


def test_a_class_without_pictures_is_refused(refused, spoilt, tmp_path):
    """If the folder test/star is empty, `examples/cifar10_classifier.py` ends with exit code 2
    and torchvision's message, "Found no valid file for the classes star."
    """
    (spoilt / "test" / "star" / "0000.jpg").unlink()

    code, said = refused("--data", spoilt, "--out", tmp_path / "out")

    assert code == 2
    assert "Found no valid file for the classes star." in said


def test_pictures_are_written_only_below_a_folder_that_exists(refused, few, tmp_path):
    """Without `--dry-run`, `examples/cifar10_classifier.py` makes the folder of `--out` only if
    its parent exists; otherwise it ends with exit code 2 and "No such file or directory".
    """
    out = tmp_path / "slip" / "out"

    assert refused("--data", few, "--out", out) == (
        2,
        f"cifar10_classifier.py: --out {out}: No such file or directory\n",
    )


def test_a_file_is_no_out_folder(refused, few, tmp_path):
    """Without `--dry-run`, if `--out` of `examples/cifar10_classifier.py` names an existing
    file, the run ends with exit code 2 and "File exists".
    """
    out = tmp_path / "file"
    out.write_text("")

    assert refused("--data", few, "--out", out) == (
        2,
        f"cifar10_classifier.py: --out {out}: File exists\n",
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (["--seed", "1"], "seed is 0 there, 1 here"),
        (["--recipe", "notes"], "recipe is fast there, notes here"),
        (["--epochs", "3"], "epochs is 2 there, 3 here"),
        (["--lr", "0.5"], "lr is 0.03 there, 0.5 here"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(classifier, refused, few, tmp_path, change, reason):
    """Without `--dry-run`, `examples/cifar10_classifier.py --resume` refuses a checkpoint
    written with another `--seed`, `--recipe`, `--epochs` or `--lr`: exit code 2, and one line
    with both values of the setting.

    Because a run that goes on with other settings would not end as an uninterrupted one.
    """
    run = ["--data", str(few), "--out", str(tmp_path), *TINY]
    classifier.main(run)

    assert refused(*run, *change, "--resume") == (
        2,
        f"cifar10_classifier.py: {tmp_path}/checkpoint.pt is of another run: {reason}\n",
    )


def test_a_file_that_is_no_checkpoint_is_refused(refused, few, tmp_path):
    """Without `--dry-run`, `examples/cifar10_classifier.py --resume` with a file checkpoint.pt
    that `torch.load` can't read ends with exit code 2 and names the file.
    """
    (tmp_path / "checkpoint.pt").write_bytes(b"no checkpoint")

    code, said = refused("--data", few, "--out", tmp_path, *TINY, "--resume")

    assert code == 2
    assert said.startswith(
        f"cifar10_classifier.py: {tmp_path}/checkpoint.pt is no checkpoint of this script: "
    )
    assert said.count("\n") == 1


def test_a_loss_that_is_no_number_ends_the_run(refused, few, tmp_path):
    """If `--lr 1e6` makes the loss that `examples/cifar10_classifier.py` reports NaN, the run
    ends with exit code 2 and a line that names the rate.

    Take a smaller `--lr`: after NaN every weight is NaN, and training on is in vain.
    """
    code, said = refused("--data", few, "--out", tmp_path, *TINY, "--lr", "1e6")

    assert code == 2
    assert said.startswith("cifar10_classifier.py: the loss is nan: with --lr 1000000.0 ")


def test_an_unknown_device_is_refused(refused, few, tmp_path):
    """`examples/cifar10_classifier.py --device abacus` ends with exit code 2 and a line that
    begins "--device abacus:", and writes no file.
    """
    code, said = refused("--data", few, "--out", tmp_path, "--device", "abacus")

    assert code == 2
    assert said.startswith("cifar10_classifier.py: --device abacus: ")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--epochs=0", "argument --epochs: invalid positive number value: '0'"),
        ("--batch-size=-4", "argument --batch-size: invalid positive number value: '-4'"),
        ("--lr=nan", "argument --lr: invalid learning rate value: 'nan'"),
        ("--workers=two", "argument --workers: invalid number value: 'two'"),
        ("--download --dry-run", "argument --dry-run: not allowed with argument --download"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(refused, arguments, reason):
    """`examples/cifar10_classifier.py` refuses `--epochs 0`, `--batch-size -4`, `--lr nan`,
    `--workers two`, and `--download` with `--dry-run`: exit code 2 and argparse's last line.
    """
    code, said = refused(*arguments.split())

    assert code == 2
    assert said.endswith(f"error: {reason}\n")


@pytest.mark.parametrize("recipe", ["notes", "fast"])
def test_a_dry_run_writes_nothing(classifier, few, tmp_path, recipe):
    """`examples/cifar10_classifier.py --dry-run` with `--recipe notes` or `fast` goes on to the
    metrics and writes no file, not even the folder of `--out`.
    """
    run = ["--recipe", recipe, "--data", str(few), "--out", str(tmp_path / "out"), *TINY]

    metrics = classifier.main([*run, "--dry-run"])

    assert os.listdir(tmp_path) == []
    assert metrics["recipe"] == recipe
    assert metrics["pictures"] == {"train": 100, "test": 20}


def test_both_recipes_are_told_side_by_side(classifier, few, tmp_path, capsys):
    """`examples/cifar10_classifier.py --recipe both` without `--dry-run` trains by both
    recipes, writes to the folders notes and fast below `--out`, and prints times and accuracies
    per class side by side.
    """
    run = ["--recipe", "both", "--data", str(few), "--out", str(tmp_path / "out"), *TINY]

    metrics = classifier.main(run)

    assert list(metrics) == ["notes", "fast"]
    assert sorted(os.listdir(tmp_path / "out")) == ["fast", "notes"]
    said = capsys.readouterr().out
    assert "recipe  epochs  accuracy      data  training  evaluation     total\nnotes  " in said
    assert "right, of class      notes     fast\n  bars  " in said


@pytest.mark.cuda
def test_the_net_trains_on_a_gpu(classifier, few, tmp_path):
    """`examples/cifar10_classifier.py --device cuda` trains on `cuda:0`; without `--device` the
    accelerator that is there is taken.
    """
    run = ["--data", str(few), "--out", str(tmp_path)]

    assert classifier.main([*run, "--epochs", "1", "--device", "cuda"])["device"] == "cuda:0"
    assert classifier.main([*run, "--epochs", "1"])["device"] == "cuda:0"
