"""A whole training script, and the digits it reads.

`examples/mnist_classifier.py` is what the notes ask for as the first thing to write oneself: one
program with arguments, a log, a data set, a net, an optimizer, training, testing, a flag for the
GPU. It learns real digits where TORCH_SPEC_DATA names a folder that holds the 10,000 of MNIST's
test, as mnist/t10k-images-idx3-ubyte.gz and mnist/t10k-labels-idx1-ubyte.gz (or without mnist/);
elsewhere it learns drawn ones in the same files. The case in a fact's id, [mnist] or [drawn], says
which it was.

What surprises is how little it takes: four times through 8,000 digits, and 98 in 100 others are
read rightly. And how little is left to chance: killed and resumed, the run ends with the same
weights, bit for bit.
"""

import functools
import gzip
import http.server
import math
import os
import shutil
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from fixtures.images import mnist_folder, write_digits
from spec.models.scripts import import_example, run_until_killed

# torchvision and the example are imported where they are used: a run without the slow facts reads
# this module too.

pytestmark = [pytest.mark.slow]

MNIST_FOLDER = mnist_folder()

# The drawn digits are few: to learn from them takes more rounds.
ROUNDS = {"mnist": ["--epochs", "4"], "drawn": ["--epochs", "12", "--log-every", "25"]}

TINY = "--epochs 3 --batch-size 8 --log-every 4 --device cpu".split()


@pytest.fixture(scope="module")
def classifier():
    """The example as a module."""
    return import_example("mnist_classifier")


@pytest.fixture(scope="module", params=["mnist" if MNIST_FOLDER else "drawn"])
def digits(request, tmp_path_factory):
    """The folder of the digits, real ones if they are here."""
    return MNIST_FOLDER or write_digits(tmp_path_factory.mktemp("drawn"), 1000)


@pytest.fixture(scope="module")
def trained(classifier, digits, tmp_path_factory):
    """The metrics of a run, and the folder it wrote to."""
    out = tmp_path_factory.mktemp("trained") / "runs" / "first"
    rounds = ROUNDS["mnist" if MNIST_FOLDER else "drawn"]
    run = ["--data", str(digits), "--out", str(out), "--device", "cpu", *rounds]
    return classifier.main(run), out


@pytest.fixture(scope="module")
def metrics(trained):
    """The metrics of a run."""
    return trained[0]


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A folder of a hundred drawn digits."""
    return write_digits(tmp_path_factory.mktemp("few"), 100)


@pytest.fixture(scope="module")
def tiny(classifier, few, tmp_path_factory):
    """Trains on a hundred digits, each seed once; the metrics and the folder."""

    @functools.cache
    def train(seed):
        out = tmp_path_factory.mktemp("tiny")
        run = ["--data", str(few), "--out", str(out), "--seed", str(seed), *TINY]
        return classifier.main(run), out

    return train


def test_a_loader_makes_batches_of_numbered_pictures(classifier, digits):
    """A Dataset numbers the pictures, ten classes of 28 by 28; a DataLoader makes batches."""
    train, _ = classifier.open_digits(digits, download=False)

    images, labels = next(iter(torch.utils.data.DataLoader(train, 64)))

    assert images.shape == (64, 1, 28, 28)
    assert images.dtype == torch.float32
    assert labels.shape == (64,)
    assert train.labels.unique().tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_every_fifth_digit_is_kept_for_the_test(classifier, digits):
    """Of a file of digits every fifth is tested on, and none of those is learned from."""
    train, test = classifier.open_digits(digits, download=False)
    file = gzip.decompress((digits / "t10k-labels-idx1-ubyte.gz").read_bytes())

    assert test.labels.tolist() == list(file[8::5])
    assert len(train) / len(test) == 4.0
    assert train.labels[:8].tolist() == [*file[9:13], *file[14:18]]


def test_the_net_reads_ninety_eight_digits_in_a_hundred(metrics):
    """The trained net reads 98 % and more of the digits that it has not seen."""
    assert metrics["accuracy"] == pytest.approx(0.985, abs=0.016)


def test_chance_is_computed_from_the_labels(metrics, digits):
    """Always saying the commonest digit is right in one case of ten, and that is what it beats."""
    file = gzip.decompress((digits / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    tested = file[::5]
    learned = [label for number, label in enumerate(file) if number % 5]
    commonest = max(range(10), key=learned.count)

    assert metrics["chance"] == pytest.approx(tested.count(commonest) / len(tested))
    assert metrics["chance"] == pytest.approx(0.1, abs=0.03)


def test_the_net_makes_a_fraction_of_the_mistakes_of_a_comparison(metrics):
    """Comparing with the mean picture of each digit makes many times the mistakes of the net."""
    mistakes_of_net, mistakes_of_means = 1 - metrics["accuracy"], 1 - metrics["nearest_mean"]

    assert mistakes_of_net / mistakes_of_means == pytest.approx(0.08, abs=0.09)


def test_the_loss_falls_from_that_of_a_guess(classifier, metrics, digits):
    """Untrained, the net loses ln 10, as a guess among ten does; trained, a small part of it."""
    torch.manual_seed(0)
    _, test = classifier.open_digits(digits, download=False)

    _, untrained = classifier.predict(classifier.Net(), test, "cpu")

    assert untrained == pytest.approx(math.log(10), abs=0.05)
    assert metrics["loss"] / untrained == pytest.approx(0.025, abs=0.022)


def test_the_confusion_matrix_counts_every_test_digit_once(metrics):
    """A row of the confusion matrix is a digit, a column what it was read as; right is diagonal."""
    confusion = torch.tensor(metrics["confusion"])

    assert confusion.shape == (10, 10)
    assert confusion.sum().item() == metrics["digits"]["test"]
    assert confusion.diag().sum().item() / metrics["digits"]["test"] == metrics["accuracy"]


def test_the_dashboard_shows_what_was_logged(trained):
    """The event file gives back every loss and accuracy that was logged, step by step, equal."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    metrics, out = trained

    events = accumulator.EventAccumulator(str(out / "events")).Reload()

    assert sorted(events.Tags()["scalars"]) == ["accuracy/test", "loss/test", "loss/train"]
    for name, logged in metrics["scalars"].items():
        steps, values = zip(*logged, strict=True)
        shown = events.Scalars(name)
        assert [event.step for event in shown] == list(steps)
        # An event holds a number in 32 bits.
        assert [event.value for event in shown] == torch.tensor(values).tolist()


def test_without_tensorboard_a_run_says_so_and_goes_on(
    classifier, few, tmp_path, monkeypatch, capsys
):
    """Without the package tensorboard a run says what would bring it, and does all the rest."""
    monkeypatch.setattr(classifier, "SummaryWriter", None)

    metrics = classifier.main(["--data", str(few), "--out", str(tmp_path), *TINY])

    said = capsys.readouterr().err
    assert said.count("going on without a dashboard: pip install tensorboard brings it\n") == 1
    assert metrics["epochs"] == 3
    assert "checkpoint.pt" in os.listdir(tmp_path)


def test_a_run_leaves_three_figures_a_log_and_a_checkpoint(trained):
    """A run makes its folder and leaves there figures, log, checkpoint and events, and no more."""
    from PIL import Image

    _, out = trained

    assert sorted(os.listdir(out)) == [
        "checkpoint.pt",
        "confusion.png",
        "events",
        "log.txt",
        "loss.png",
        "mistakes.png",
    ]
    with (
        Image.open(out / "loss.png") as loss,
        Image.open(out / "confusion.png") as confusion,
        Image.open(out / "mistakes.png") as mistakes,
    ):
        assert (loss.size, confusion.size, mistakes.size) == ((800, 400), (600, 600), (1000, 580))
        # As many shades as a figure with something in it has; a blank one has one.
        figures = (loss, confusion, mistakes)
        shades = [len(np.unique(np.asarray(figure.convert("L")))) for figure in figures]
        assert shades == pytest.approx([200, 200, 200], abs=60)


@pytest.fixture(scope="module")
def from_the_shell(few, tmp_path_factory, pytestconfig):
    """A run by one command of the shell: the finished process and the folder."""
    out = tmp_path_factory.mktemp("shell")
    done = subprocess.run(
        [sys.executable, "examples/mnist_classifier.py", "--data", few, "--out", out, *TINY],
        cwd=pytestconfig.rootpath,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    return done, out


def test_one_command_trains_and_tests_from_the_shell(from_the_shell):
    """One command trains and measures, and says so on the screen; the log file keeps every line."""
    done, out = from_the_shell

    assert done.returncode == 0
    assert done.stderr == (out / "log.txt").read_text()
    said = [line.partition(" ")[2].split(":")[0] for line in done.stderr.splitlines()]
    assert said == [
        "arguments",
        "80 digits to learn from, 20 to be tested on, cpu",
        *("epoch 1, batch    4", "epoch 1, batch    8", "epoch 1, batch   10", "epoch 1"),
        *("epoch 2, batch    4", "epoch 2, batch    8", "epoch 2, batch   10", "epoch 2"),
        *("epoch 3, batch    4", "epoch 3, batch    8", "epoch 3, batch   10", "epoch 3"),
        said[-1],
    ]
    assert " of 20 test digits read rightly, in " in said[-1]


def weights(out):
    """Return all weights of the checkpoint in `out` as one row of numbers."""
    model = torch.load(out / "checkpoint.pt", weights_only=True)["model"]
    return torch.cat([weight.flatten() for weight in model.values()])


def test_a_run_repeats_exactly_from_its_seed(tiny, from_the_shell):
    """With one seed two runs end with the same weights, bit for bit; another seed has others."""
    _, again = from_the_shell

    assert torch.equal(weights(tiny(0)[1]), weights(again))
    assert not torch.equal(weights(tiny(0)[1]), weights(tiny(1)[1]))
    assert weights(again).shape == (105866,)


def test_nothing_is_dropped_when_the_net_is_measured(classifier, few):
    """In training dropout gives each pass other scores; measuring switches it off."""
    _, test = classifier.open_digits(few, download=False)
    net = classifier.Net()
    image = test[0][0][None]

    assert not torch.equal(net(image), net(image))

    _, loss = classifier.predict(net, test, "cpu")

    assert classifier.predict(net, test, "cpu")[1] == loss
    assert net.training is False


def test_a_run_killed_and_resumed_ends_with_the_same_weights(classifier, tiny, few, tmp_path):
    """Killed while it writes its second checkpoint, and resumed, a run ends as if never stopped.

    Its weights are the same bit for bit, and so is what the dashboard shows.
    """
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = ["--data", str(few), "--out", str(tmp_path), "--seed", "0", *TINY]
    run_until_killed(classifier, "os.fsync", 2, run)
    assert sorted(os.listdir(tmp_path)) == [
        "checkpoint.partial",
        "checkpoint.pt",
        "events",
        "log.txt",
    ]

    metrics = classifier.main([*run, "--resume"])

    whole_metrics, whole = tiny(0)
    assert torch.equal(weights(tmp_path), weights(whole))
    assert metrics["scalars"] == whole_metrics["scalars"]
    events = accumulator.EventAccumulator(str(tmp_path / "events")).Reload()
    assert [event.step for event in events.Scalars("loss/test")] == [10, 20, 30]
    assert "going on after epoch 1\n" in (tmp_path / "log.txt").read_text()


def test_a_finished_run_resumed_only_measures_again(classifier, few, tiny, tmp_path):
    """Resumed after its end a run trains nothing more and finds the same."""
    first, out = tiny(0)
    shutil.copytree(out, tmp_path / "copy")
    run = ["--data", str(few), "--out", str(tmp_path / "copy"), "--seed", "0", *TINY]

    again = classifier.main([*run, "--resume"])

    assert again["confusion"] == first["confusion"]
    assert again["scalars"] == first["scalars"]
    assert torch.equal(weights(tmp_path / "copy"), weights(out))


def test_a_dry_run_writes_nothing(classifier, few, tmp_path, monkeypatch):
    """`--dry-run` goes all the way, to the metrics, and leaves no file behind."""
    monkeypatch.chdir(tmp_path)

    metrics = classifier.main(["--data", str(few), "--out", str(tmp_path / "out"), "--dry-run"])

    assert os.listdir(tmp_path) == []
    assert metrics["epochs"] == 1
    assert metrics["digits"] == {"train": 80, "test": 20}


@pytest.fixture
def refused(classifier, refusal):
    """Calls `main` with arguments that it refuses; its exit code and its last line."""

    def call(*arguments):
        code, said = refusal(classifier, *arguments)
        return code, said.splitlines()[-1]

    return call


def test_without_digits_it_says_where_to_put_them(refused, tmp_path):
    """Without digits it ends with code 2 and one line: where to put them and how to get them."""
    nowhere = tmp_path / "nowhere"

    assert refused("--data", nowhere, "--out", tmp_path / "out") == (
        2,
        f"mnist_classifier.py: no digits in {nowhere}: put t10k-images-idx3-ubyte.gz and "
        "t10k-labels-idx1-ubyte.gz there, or add --download to fetch MNIST (12 MB)",
    )


FILES = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_named(refused, few, tmp_path, name):
    """Where one of the two files is missing, the line says which."""
    folder = shutil.copytree(few, tmp_path / "spoilt")
    (folder / name).unlink()

    code, said = refused("--data", folder, "--out", tmp_path / "out")

    assert code == 2
    wanted = f"{folder / name} is not there; it belongs beside the other file"
    assert said == f"mnist_classifier.py: {wanted}"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("length", [0, 60, -9])
def test_a_file_that_is_broken_is_named(refused, few, tmp_path, name, length):
    """A file that is empty or ends too early is named, with what is wrong with it."""
    folder = shutil.copytree(few, tmp_path / "spoilt")
    (folder / name).write_bytes((few / name).read_bytes()[:length])

    code, said = refused("--data", folder, "--out", tmp_path / "out")

    assert code == 2
    wanted = f"{folder / name} is no file of MNIST that can be read: "
    assert said.startswith(f"mnist_classifier.py: {wanted}")


def test_digits_and_labels_have_to_be_as_many(refused, few, tmp_path):
    """Labels of other digits are refused, with how many there are of each."""
    folder = shutil.copytree(few, tmp_path / "mixed")
    (tmp_path / "more").mkdir()
    more = write_digits(tmp_path / "more", 110)
    shutil.copy(more / "t10k-labels-idx1-ubyte.gz", folder)

    code, said = refused("--data", folder, "--out", tmp_path / "out")

    assert code == 2
    assert "110 labels for 100 x 28 x 28 values" in said


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("--seed=1", "seed is 0 there, 1 here"),
        ("--epochs=4", "epochs is 3 there, 4 here"),
        ("--lr=0.5", "lr is 0.002 there, 0.5 here"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(refused, few, tiny, tmp_path, change, reason):
    """A run goes on only from a checkpoint of its own: same numbers, same seed."""
    shutil.copy(tiny(0)[1] / "checkpoint.pt", tmp_path)

    assert refused("--data", few, "--out", tmp_path, *TINY, change, "--resume") == (
        2,
        f"mnist_classifier.py: {tmp_path}/checkpoint.pt is of another run: {reason}",
    )


def test_a_file_that_is_no_checkpoint_is_refused(refused, few, tmp_path):
    """Resuming from a file that is no checkpoint is an error that names the file."""
    (tmp_path / "checkpoint.pt").write_bytes(b"no checkpoint")

    code, said = refused("--data", few, "--out", tmp_path, *TINY, "--resume")

    assert code == 2
    assert f"{tmp_path}/checkpoint.pt is no checkpoint of this script: " in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("--lr 1e30", "mnist_classifier.py: the loss is nan: with --lr 1e+30 training went astray"),
        ("--device abacus", "mnist_classifier.py: --device abacus: "),
        ("--device meta", "mnist_classifier.py: --device meta: "),
        ("--epochs 0", "error: argument --epochs: invalid positive number value: '0'"),
        ("--lr nan", "error: argument --lr: invalid learning rate value: 'nan'"),
        ("--download --dry-run", "argument --dry-run: not allowed with argument --download"),
    ],
)
def test_what_can_not_work_is_told_in_one_line(refused, few, tmp_path, arguments, reason):
    """A loss that is no number, a device that is not here, a silly number: one line says so."""
    code, said = refused("--data", few, "--out", tmp_path, *TINY, *arguments.split())

    assert code == 2
    assert reason in said


@pytest.fixture
def served(few, tmp_path, monkeypatch):
    """torchvision's MNIST, its address turned to drawn digits on this machine."""
    from hashlib import md5

    from torchvision.datasets import MNIST

    folder = shutil.copytree(few, tmp_path / "served")
    (tmp_path / "learned").mkdir()
    for file in write_digits(tmp_path / "learned", 200, seed=1).iterdir():
        file.rename(folder / file.name.replace("t10k", "train"))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        sums = [
            (name, md5((folder / name).read_bytes()).hexdigest()) for name, _ in MNIST.resources
        ]
        monkeypatch.setattr(MNIST, "resources", sums)
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        monkeypatch.setenv("no_proxy", "*")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield MNIST
        server.shutdown()


def test_the_digits_can_come_from_torchvision(classifier, served, tmp_path):
    """With `--download` torchvision fetches both parts of MNIST; the next run finds them there."""
    run = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), *TINY]

    metrics = classifier.main([*run, "--download"])

    assert metrics["digits"] == {"train": 200, "test": 100}
    assert classifier.main([*run, "--dry-run"])["digits"] == {"train": 200, "test": 100}


def test_a_download_that_fails_is_told(refused, served, tmp_path, monkeypatch):
    """Without a way to the address a run ends with code 2 and one line that says so."""
    monkeypatch.setattr(served, "mirrors", ["http://127.0.0.1:9/"])

    code, said = refused("--data", tmp_path / "data", "--out", tmp_path / "out", "--download")

    assert code == 2
    assert f"MNIST did not get into {tmp_path / 'data'}: Error downloading train-images" in said


@pytest.mark.cuda
def test_the_flag_takes_the_run_to_the_gpu(classifier, few, tmp_path):
    """`--cuda` trains on the GPU, `--device cpu` beside it; both go all the way."""
    run = ["--data", str(few), "--out", str(tmp_path), "--epochs", "1"]

    assert classifier.main([*run, "--cuda"])["device"] == "cuda:0"
    assert classifier.main([*run, "--device", "cpu"])["device"] == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_without_a_gpu_the_flag_is_refused(refused, few, tmp_path):
    """Without a GPU `--cuda` ends the run with code 2 and PyTorch's own words."""
    code, said = refused("--data", few, "--out", tmp_path, "--cuda")

    assert code == 2
    assert said.startswith("mnist_classifier.py: --device cuda: ")
