"""A whole training script, and the digits it reads.

`examples/mnist_classifier.py` is what the notes ask for as the first thing to write oneself: one
program with arguments, a log, a data set, a net, an optimizer, training, testing and a flag for
the GPU. It trains a convolutional net of 105,866 parameters, evaluates it on digits that it was
not trained on, and writes a checkpoint from which a stopped run goes on.

It learns real digits where TORCH_SPEC_DATA names a folder with the 10,000 of MNIST's test, as
mnist/t10k-images-idx3-ubyte.gz and mnist/t10k-labels-idx1-ubyte.gz (or without mnist/); elsewhere
it learns 1000 drawn ones in files of the same format. The case in a fact's id, [mnist] or [drawn],
says which it was.

What surprises is how little it takes: four epochs over 8,000 real digits, and about 98 of 100
others are classified correctly (seed 0). And how little is left to chance: killed and resumed, a
run ends with weights that are equal bit for bit to those of one that nothing stopped, on the same
CPU with as many threads.
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
from spec.models.scripts import import_example

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


def test_a_loader_makes_batches_of_numbered_pictures(classifier, digits):
    """`train, _ = open_digits(Path(folder), False)` of `examples/mnist_classifier.py` reads the
    t10k files of MNIST in `folder`; the first batch of `DataLoader(train, 64)` has float32 images
    of shape (64, 1, 28, 28) and 64 labels from 0 to 9.
    """
    train, _ = classifier.open_digits(digits, download=False)

    images, labels = next(iter(torch.utils.data.DataLoader(train, 64)))

    assert images.shape == (64, 1, 28, 28)
    assert images.dtype == torch.float32
    assert labels.shape == (64,)
    assert train.labels.unique().tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]


def test_every_fifth_digit_is_kept_for_the_test(classifier, digits):
    """Where `--data` holds MNIST's two `t10k-*.gz` files, `examples/mnist_classifier.py` without
    `--download` keeps every fifth digit of them, beginning with the first, for the evaluation, and
    the others for training.
    """
    train, test = classifier.open_digits(digits, download=False)
    file = gzip.decompress((digits / "t10k-labels-idx1-ubyte.gz").read_bytes())

    assert test.labels.tolist() == list(file[8::5])
    assert len(train) / len(test) == 4.0
    assert train.labels[:8].tolist() == [*file[9:13], *file[14:18]]


def test_the_net_reads_ninety_eight_digits_in_a_hundred(metrics):
    """With seed 0 the accuracy of `examples/mnist_classifier.py` on digits that it was not
    trained on is 97 to 100 %: after 4 epochs on 8,000 MNIST digits, or after 12 epochs on 800
    digits of `examples/drawn/digits.py`.
    """
    assert metrics["accuracy"] == pytest.approx(0.985, abs=0.016)


def test_chance_is_computed_from_the_labels(metrics, digits):
    """`metrics["chance"]`, of what `main()` of `examples/mnist_classifier.py` returns, is the
    accuracy, on the test part, of always answering the digit most frequent in the training part;
    with ten digits about equally frequent, about 10 %.

    An accuracy says something only beside such a baseline.
    """
    file = gzip.decompress((digits / "t10k-labels-idx1-ubyte.gz").read_bytes())[8:]
    tested = file[::5]
    learned = [label for number, label in enumerate(file) if number % 5]
    commonest = max(range(10), key=learned.count)

    assert metrics["chance"] == pytest.approx(tested.count(commonest) / len(tested))
    assert metrics["chance"] == pytest.approx(0.1, abs=0.03)


def test_the_net_makes_a_fraction_of_the_mistakes_of_a_comparison(metrics):
    """After 4 epochs on MNIST (or 12 on 800 digits of `examples/drawn/digits.py`), seed 0,
    `1 - metrics["accuracy"]` of `examples/mnist_classifier.py` is at most 17 % of
    `1 - metrics["nearest_mean"]`, the error of taking the nearest mean picture.
    """
    mistakes_of_net, mistakes_of_means = 1 - metrics["accuracy"], 1 - metrics["nearest_mean"]

    assert mistakes_of_net / mistakes_of_means == pytest.approx(0.08, abs=0.09)


def test_the_loss_falls_from_that_of_a_guess(classifier, metrics, digits):
    """Untrained (seed 0), the net of `examples/mnist_classifier.py` has on the digits kept
    for evaluation a cross entropy of about ln 10 = 2.303; after 4 epochs on MNIST, or 12 on
    800 digits of `examples/drawn/digits.py`, at most 5 % of that.

    Where ln 10 comes from is told in `spec/nn/test_classification_losses.py`.
    """
    torch.manual_seed(0)
    _, test = classifier.open_digits(digits, download=False)

    _, untrained = classifier.predict(classifier.Net(), test, "cpu")

    assert untrained == pytest.approx(math.log(10), abs=0.05)
    assert metrics["loss"] / untrained == pytest.approx(0.025, abs=0.022)


def test_the_confusion_matrix_counts_every_test_digit_once(metrics):
    """Without `--dry-run` `main()` of `examples/mnist_classifier.py` returns a dict whose
    "confusion" is 10 x 10: rows are true digits, columns predicted ones. Its entries sum to the
    number of test digits; the diagonal's share is the accuracy.
    """
    confusion = torch.tensor(metrics["confusion"])

    assert confusion.shape == (10, 10)
    assert confusion.sum().item() == metrics["digits"]["test"]
    assert confusion.diag().sum().item() / metrics["digits"]["test"] == metrics["accuracy"]


def test_the_dashboard_shows_what_was_logged(trained):
    """The TensorBoard event file of a run of `examples/mnist_classifier.py` without
    `--dry-run` has each value of the `metrics["scalars"]` that `main` returns (training
    loss, test loss, accuracy), rounded to float32, with its step.
    """
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    metrics, out = trained

    events = accumulator.EventAccumulator(str(out / "events")).Reload()

    assert sorted(events.Tags()["scalars"]) == ["accuracy", "test_loss", "train_loss"]
    for name, logged in metrics["scalars"].items():
        steps, values = zip(*logged, strict=True)
        shown = events.Scalars(name)
        assert [event.step for event in shown] == list(steps)
        # An event holds a number in 32 bits.
        assert [event.value for event in shown] == torch.tensor(values).tolist()


def test_a_run_leaves_three_figures_a_log_and_a_checkpoint(trained):
    """With tensorboard installed, a finished run of `examples/mnist_classifier.py` without
    `--dry-run` leaves in the new folder `--out`, made with its parents: checkpoint.pt, log.txt,
    the folder events, confusion.png, loss.png and mistakes.png.
    """
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
        assert (loss.size, confusion.size, mistakes.size) == ((800, 450), (800, 750), (800, 480))
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
    """`python examples/mnist_classifier.py --data DIR --out OUT`, with t10k-images-idx3-ubyte.gz
    and t10k-labels-idx1-ubyte.gz of 100 digits in DIR, exits with code 0, logs each epoch and the
    final accuracy on stderr, and the same in OUT/log.txt.
    """
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


def test_nothing_is_dropped_when_the_net_is_measured(classifier, few):
    """In training mode `nn.Dropout` makes two passes of one image through the net of
    `examples/mnist_classifier.py` differ; `predict` calls `net.eval()` first, and two calls of
    `predict` on the CPU give the same loss.

    `predict` leaves the net in eval mode: call `net.train()` before training goes on.
    """
    _, test = classifier.open_digits(few, download=False)
    net = classifier.Net()
    image = test[0][0][None]

    assert not torch.equal(net(image), net(image))

    _, loss = classifier.predict(net, test, "cpu")

    assert classifier.predict(net, test, "cpu")[1] == loss
    assert net.training is False


@pytest.fixture
def refused(classifier, refusal):
    """Calls `main` with arguments that it refuses; its exit code and its last line."""

    def call(*arguments):
        code, said = refusal(classifier, *arguments)
        return code, said.splitlines()[-1]

    return call


def test_without_digits_it_says_where_to_put_them(refused, tmp_path):
    """Without `--download` and with neither file of digits in `--data`,
    `examples/mnist_classifier.py` ends with exit code 2 and one line that says which two files to
    put there, and that `--download` fetches MNIST (12 MB).
    """
    nowhere = tmp_path / "nowhere"

    assert refused("--data", nowhere, "--out", tmp_path / "out") == (
        2,
        f"mnist_classifier.py: no digits in {nowhere}: put t10k-images-idx3-ubyte.gz and "
        "t10k-labels-idx1-ubyte.gz there, or add --download to fetch MNIST (12 MB)",
    )


FILES = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_missing_is_named(refused, few, tmp_path, name):
    """If of MNIST's files t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz only one is in
    the folder `--data`, `examples/mnist_classifier.py` without `--download` ends with exit code 2
    and names the missing one.
    """
    folder = shutil.copytree(few, tmp_path / "spoilt")
    (folder / name).unlink()

    code, said = refused("--data", folder, "--out", tmp_path / "out")

    assert code == 2
    wanted = f"{folder / name} is not there; it belongs beside the other file"
    assert said == f"mnist_classifier.py: {wanted}"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("length", [0, 60, -9])
def test_a_file_that_is_broken_is_named(refused, few, tmp_path, name, length):
    """If t10k-images-idx3-ubyte.gz or t10k-labels-idx1-ubyte.gz in `--data` is empty or
    ends too early, `examples/mnist_classifier.py` without `--download` ends with exit code
    2 and names the file.

    A download that broke off leaves such a file: delete it and fetch it again.
    """
    folder = shutil.copytree(few, tmp_path / "spoilt")
    (folder / name).write_bytes((few / name).read_bytes()[:length])

    code, said = refused("--data", folder, "--out", tmp_path / "out")

    assert code == 2
    wanted = f"{folder / name} is no file of MNIST that can be read: "
    assert said.startswith(f"mnist_classifier.py: {wanted}")


def test_digits_and_labels_have_to_be_as_many(refused, few, tmp_path):
    """If the two t10k files of MNIST in `--data` hold 100 pictures and 110 labels,
    `examples/mnist_classifier.py` without `--download` ends with exit code 2 and says both
    numbers.
    """
    folder = shutil.copytree(few, tmp_path / "mixed")
    (tmp_path / "more").mkdir()
    more = write_digits(tmp_path / "more", 110)
    shutil.copy(more / "t10k-labels-idx1-ubyte.gz", folder)

    code, said = refused("--data", folder, "--out", tmp_path / "out")

    assert code == 2
    assert "110 labels for 100 x 28 x 28 values" in said


def test_one_digit_is_not_enough(refused, tmp_path):
    """If the two t10k files of MNIST in `--data` hold a single picture,
    `examples/mnist_classifier.py` without `--download` ends with exit code 2 and says "holds one
    digit: put two or more there".

    Because every fifth picture is held out, beginning with the first: none would be left to learn
    from. Many pictures of one and the same digit are accepted.
    """
    folder = write_digits(tmp_path, 1)

    code, said = refused("--data", folder, "--out", tmp_path / "out")

    assert code == 2
    assert said.startswith(f"mnist_classifier.py: {folder} holds one digit: put two or more there")


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
    """`examples/mnist_classifier.py --download`, without `--dry-run`, lets
    `torchvision.datasets.MNIST` fetch training and test parts into a new folder `--data`; a
    later run without `--download` reads them from there.
    """
    run = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out"), *TINY]

    metrics = classifier.main([*run, "--download"])

    assert metrics["digits"] == {"train": 200, "test": 100}
    assert classifier.main([*run, "--dry-run"])["digits"] == {"train": 200, "test": 100}


def test_a_download_that_fails_is_told(refused, served, tmp_path, monkeypatch):
    """If `--data` of `examples/mnist_classifier.py` is without digits and `--download`,
    without `--dry-run`, can't reach the server, the run ends with exit code 2 and a line
    that names the folder and the file that could not be fetched.
    """
    monkeypatch.setattr(served, "mirrors", ["http://127.0.0.1:9/"])

    code, said = refused("--data", tmp_path / "data", "--out", tmp_path / "out", "--download")

    assert code == 2
    assert f"MNIST did not get into {tmp_path / 'data'}: Error downloading train-images" in said


@pytest.mark.cuda
def test_the_flag_takes_the_run_to_the_gpu(classifier, few, tmp_path):
    """`examples/mnist_classifier.py --cuda` trains on `cuda:0`; `--device cpu` on the same
    machine trains on the CPU.
    """
    run = ["--data", str(few), "--out", str(tmp_path), "--epochs", "1"]

    assert classifier.main([*run, "--cuda"])["device"] == "cuda:0"
    assert classifier.main([*run, "--device", "cpu"])["device"] == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_without_a_gpu_the_flag_is_refused(refused, few, tmp_path):
    """On a machine without a CUDA device `examples/mnist_classifier.py --cuda` ends with exit
    code 2 and a line that begins "mnist_classifier.py: --device cuda:", and goes on with
    PyTorch's own error.

    Leave `--cuda` out: by default the script takes the accelerator that is there, or else the
    CPU.
    """
    code, said = refused("--data", few, "--out", tmp_path, "--cuda")

    assert code == 2
    assert said.startswith("mnist_classifier.py: --device cuda: ")
