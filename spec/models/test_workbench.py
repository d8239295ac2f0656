"""A run that can be stopped at any moment.

`examples/arguments.py` and `examples/workbench.py` have what every training script of `examples/`
needs beside its model: arguments, device, log, dashboard, checkpoints, and errors in one line. It
is told here once, of each script in turn where it could differ; what a model has to learn is told
on its own page.

What surprises is how much it takes until a stopped run can be trusted. A checkpoint must be whole
or absent whenever the process dies, tell when a bit of it has changed, and refuse to go on with
other settings, other data or another net; and a run that goes on from it ends with weights that are
equal bit for bit to those of one that nothing stopped, on the same CPU with as many threads. How
PyTorch itself saves and loads is told in `spec/training/test_checkpoints.py`.
"""

import functools
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from torch import nn

from fixtures.images import write_digits, write_image_folder
from spec.models.scripts import import_example, run_until_killed

# The examples are imported where they are used: a run without the slow facts reads this module too.

pytestmark = [pytest.mark.slow]

# A row for each script that trains in epochs: the options of its smallest run.
TINY = {
    "regression": "--epochs 21 --batch-size 50",
    "mnist_classifier": "--epochs 4 --batch-size 16 --log-every 4",
    "siamese": "--pairs 200 --epochs 4",
    "learning_to_optimize": "--steps 220 --unroll 2 --batch-size 2",
    "cifar10_classifier": "--epochs 4 --batch-size 16 --report-every 4",
    "imagenet_resnet": "--epochs 4 --batch-size 16 --size 32 --workers 0",
    "char_rnn": "--couplets 100 --epochs 4 --hidden 16 --batch-size 4 --sample 40",
    "name_classifier": "--epochs 4 --hidden 8 --batch-size 16",
    "sentiment": "--epochs 4 --batch-size 16",
    "dcgan": "--width 4 --steps 16 --batch-size 8 --report-every 4",
    "word_language_model": "--epochs 4 --hidden 8 --batch-size 4 --length 16 --sample 20",
    "translation": "--epochs 4",
    "image_captioning": "--epochs 4",
    "dqn": "--steps 500 --warm-up 100 --evaluate-every 100 --games 2",
}
# Scripts that take a few seconds and write no checkpoint.
SHORT = {
    "two_layer_net": "--steps 3",
    "dynamic_net": "--steps 3",
    "gan_1d": "--steps 3",
    "beginner_models": "--model linear --epochs 2",
    "finetune": "--mode all --shrink 8 --size 32 --epochs 3 --pretrain-epochs 1 --batch-size 4",
}

NEED_DIGITS = ("mnist_classifier", "siamese", "dcgan")
NEED_TEXT = ("char_rnn", "name_classifier", "sentiment", "word_language_model", "translation")
NEED_PICTURES = ("cifar10_classifier", "imagenet_resnet", "finetune")


@pytest.fixture(scope="module")
def workbench():
    """The workbench as a module."""
    return import_example("workbench")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Returns the options that name small data for a script: `other` data than before, if asked."""

    folder = tmp_path_factory.mktemp("texts")

    @functools.cache
    def digits(seed):
        return str(write_digits(tmp_path_factory.mktemp("digits"), 200, seed))

    def verses(other):
        text = folder / "verses.txt"
        text.write_text(("work and play, all\n" if other else "all work and no play\n") * 200)
        return str(text)

    def names(other):
        for language, letters in (("Elian", "ela" if other else "eli"), ("Orun", "oru")):
            (folder / "names").mkdir(exist_ok=True)
            own = (letters[n % 3 :] + letters * (n % 7) for n in range(21))
            (folder / "names" / f"{language}.txt").write_text("\n".join(own))
        return str(folder / "names")

    def reviews(other):
        lines = [f"{n % 2}\tit was {'not ' * (n % 2)}{n}" for n in range(40 + other)]
        (folder / "reviews.tsv").write_text("\n".join(["label\ttext", *lines]))
        return str(folder / "reviews.tsv")

    def paragraphs(other):
        lines = (f"of {n} and {n + other} and {n % 7} comes {n % 5}" for n in range(300))
        (folder / "paragraphs.txt").write_text("\n\n".join(lines))
        return str(folder / "paragraphs.txt")

    def pairs(other):
        lines = (f"{i} cats\t{i} {'miron' if other else 'mirona'}\n" for i in range(20))
        (folder / "pairs.tsv").write_text("".join(lines))
        return str(folder / "pairs.tsv")

    @functools.cache
    def scenes(seed):
        drawn = tmp_path_factory.mktemp("scenes")
        counts = {"train": 64, "test": 8, "novel": 8}
        import_example("drawn.scenes").write_scenes(drawn, counts, seed)
        return str(drawn)

    @functools.cache
    def pictures(seed):
        drawn = tmp_path_factory.mktemp("pictures")
        write_image_folder(drawn, train=10, test=2, seed=seed)
        (drawn / "val").symlink_to("test")
        return str(drawn)

    makers = {"char_rnn": ("--text", verses), "name_classifier": ("--data", names)}
    makers |= {"sentiment": ("--data", reviews), "word_language_model": ("--text", paragraphs)}
    makers |= {"translation": ("--data", pairs), "image_captioning": ("--data", scenes)}
    makers |= dict.fromkeys(NEED_PICTURES, ("--data", pictures))
    makers |= dict.fromkeys(NEED_DIGITS, ("--data", digits))

    def options(name, other=False):
        option, make = makers.get(name, (None, None))
        return [option, make(other)] if option else []

    return options


@pytest.fixture(scope="module")
def command(data):
    """Returns the arguments of the smallest run of a script that writes to `out`."""

    def arguments(name, out, *more):
        options = {**TINY, **SHORT}[name].split()
        return [*options, *data(name), "--device", "cpu", "--out", str(out), *map(str, more)]

    return arguments


@pytest.fixture(scope="module")
def whole(command, tmp_path_factory):
    """Trains a script to the end, once; the folder that it wrote to."""

    @functools.cache
    def train(name):
        out = tmp_path_factory.mktemp(name)
        import_example(name).main(command(name, out))
        return out

    return train


@pytest.fixture
def stopped(whole, tmp_path):
    """Returns a copy of the folder of a finished run."""

    def copy(name):
        return shutil.copytree(whole(name), tmp_path / "copy")

    return copy


def checkpoint(out):
    """Return what a run that wrote to `out` has saved."""
    return torch.load(out / "checkpoint.pt", map_location="cpu", weights_only=True)


def scalars(saved):
    """Return what a run has noted, but for how long it took."""
    return {name: values for name, values in saved["scalars"].items() if name != "seconds"}


def differing(one, other):
    """Return the names of the weights of two checkpoints that are not equal bit for bit."""
    pairs = zip(one["model"].items(), other["model"].items(), strict=True)
    return [name for (name, a), (_, b) in pairs if not torch.equal(a, b)]


# Each script.


@pytest.mark.parametrize("name", TINY)
def test_a_run_killed_and_resumed_ends_with_the_same_weights(name, command, whole, tmp_path):
    """If a script of `examples/` that has `--resume` is killed while it writes its second or a
    later checkpoint, the same call plus `--resume` (not `--recipe all`, `--forget-optimizer`) ends
    with bit-for-bit the weights and losses of a whole run.

    This holds on the same CPU with as many threads. The first checkpoint holds the untrained net.
    A further one is written after each epoch; in `regression.py` after each tenth epoch and the
    last, in `learning_to_optimize.py` after each hundredth step and the last, in `dqn.py` at each
    evaluation, in `dcgan.py` every `--report-every` steps. With `--recipe all` of
    `cifar10_classifier.py` a recipe that has not begun has no checkpoint: resume each recipe by
    its own name. `--forget-optimizer` of `regression.py` makes a resumed run begin with a fresh
    optimizer, on purpose.
    """
    script = import_example(name)
    run_until_killed(script, "os.replace", 4, command(name, tmp_path))
    assert 0 < checkpoint(tmp_path)["epoch"] < checkpoint(whole(name))["epoch"]

    script.main(command(name, tmp_path, "--resume"))

    resumed, expected = checkpoint(tmp_path), checkpoint(whole(name))
    assert differing(resumed, expected) == []
    assert scalars(resumed) == scalars(expected)
    assert resumed["epoch"] == expected["epoch"]


@pytest.mark.parametrize("name", TINY)
def test_a_finished_run_resumed_trains_no_further(name, command, whole, stopped):
    """A finished run of an `examples/` script that has the option `--resume`, started again with
    `--resume`, else the same options, and without `--dry-run`, trains no further: its weights and
    losses stay as they are.
    """
    out = stopped(name)

    import_example(name).main(command(name, out, "--resume"))

    assert differing(checkpoint(out), checkpoint(whole(name))) == []
    assert scalars(checkpoint(out)) == scalars(checkpoint(whole(name)))


@pytest.mark.parametrize("name", TINY)
def test_the_seed_decides_the_whole_run(name, command, whole, tmp_path):
    """Two runs of a script of `examples/` that has `--resume`, with the same options and number of
    threads, end with bit-for-bit equal weights and losses on one CPU; with `--seed 1` instead of 0
    the losses are others.

    With another number of threads, or on another CPU, sums are added in another order: with seed 0
    the top-1 of `imagenet_resnet.py` on twenty drawn classes came out between 71.6 and 73.4 %.
    """
    script = import_example(name)
    script.main(command(name, tmp_path / "again", "--seed", "0"))
    script.main(command(name, tmp_path / "other", "--seed", "1"))

    first, again = checkpoint(whole(name)), checkpoint(tmp_path / "again")
    assert differing(again, first) == []
    assert scalars(again) == scalars(first)
    assert scalars(checkpoint(tmp_path / "other")) != scalars(first)


@pytest.mark.parametrize("name", [*TINY, *SHORT])
def test_a_dry_run_writes_nothing(name, command, tmp_path, monkeypatch):
    """With `--dry-run` a training script of `examples/` trains only briefly and leaves no file of
    its own, not even the folder of `--out`.

    So it shows, mostly in seconds, that the options, the data and the net fit together. It
    downloads no data, also with `--download`: where the data are missing, `mnist_classifier.py`
    and `cifar10_classifier.py` end with exit code 2. What `--weights DEFAULT` fetches, torchvision
    keeps.
    """
    monkeypatch.chdir(tmp_path)

    metrics = import_example(name).main(command(name, tmp_path / "out", "--dry-run"))

    assert os.listdir(tmp_path) == []
    assert "'device': 'cpu'" in str(metrics)


@pytest.mark.parametrize("name", [*TINY, *SHORT])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--device abacus", ": --device abacus: Expected one of cpu"),
        ("--device meta", ": --device meta: Tensor.item() cannot be called on meta tensors"),
        ("--seed 4611686018427387904", "4611686018427387904 is no seed: 0 to 2**62 - 1 are"),
        ("--seed -1", "-1 is no seed: 0 to 2**62 - 1 are"),
        ("--lr nan", ": error: argument --lr: invalid learning rate value: 'nan'"),
        ("--lr 1e30", ": the loss is "),
        ("--out /dev/null", ": --out /dev/null: File exists"),
    ],
)
def test_what_the_user_can_mend_is_told_in_one_line(
    name, command, tmp_path, refusal, arguments, said
):
    """A training script of `examples/`, except `serve.py`, ends with exit code 2 and a line that
    names the option for `--seed -1`, `--lr nan`, `--device meta` or, without `--dry-run`,
    `--out /dev/null`, and for `--lr 1e30` if its loss is NaN.

    Refused are an unknown `--device`, the device `meta`, whose tensors have no data, a
    `--seed` that is negative or has more than 62 bits, `--lr nan`, and an `--out` that is a
    file.
    """
    code, told = refusal(import_example(name), *command(name, tmp_path / "out"), *arguments.split())

    lines = [line for line in told.splitlines() if line.startswith(f"{name}.py: ")]
    assert code == 2
    assert len(lines) == 1
    assert said in lines[0]


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("seed", "checkpoint.pt is of another run: seed is 0 there, 1 here"),
        ("lr", "checkpoint.pt is of another run: lr is"),
        ("folder", "nowhere/checkpoint.pt: a training without --resume writes one"),
        ("script", "checkpoint.pt is a checkpoint of another.py"),
        ("bit", "checkpoint.pt is damaged, "),
        (
            "end",
            "checkpoint.pt is damaged, or no checkpoint: a training without --resume writes one",
        ),
        ("net", "checkpoint.pt does not fit this script's model: "),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(
    name, change, said, command, stopped, refusal, workbench
):
    """Training without `--dry-run`, a script of `examples/` refuses `--resume`, with exit code 2,
    if the checkpoint is of another `--seed`, `--lr` or script, has weights of other shapes or with
    a flipped bit, is cut in half, or isn't in `--out`.

    The file stays as it is. A mistyped `--out` starts no new training. A checksum finds the
    flipped bit: by itself `torch.load` may read weights of which a bit has changed, and say
    nothing. `--resume` is ignored with `--dry-run`, and where a script only uses a trained net, as
    with `--generate`.
    """
    out = stopped(name)
    path, more = out / "checkpoint.pt", []
    content = bytearray(path.read_bytes())
    if change in ("seed", "lr"):
        more = [f"--{change}=1"]
    elif change == "folder":
        more = ["--out", out / "nowhere"]
    elif change == "bit":
        weights = next(w for w in checkpoint(out)["model"].values() if w.dim() == 1)
        content[content.index(weights.numpy().tobytes()) + 3] ^= 64
        path.write_bytes(content)
    elif change == "end":
        path.write_bytes(content[: len(content) // 2])
    else:
        saved = workbench.read_checkpoint(path, name)
        if change == "script":
            saved["script"] = "another"
        else:
            saved["model"] = {key: value.flatten()[:1] for key, value in saved["model"].items()}
        workbench.write_checkpoint(path, saved)
    before = path.read_bytes()

    code, told = refusal(import_example(name), *command(name, out, "--resume", *more))

    lines = told.splitlines()
    assert code == 2
    assert said in lines[-1]
    assert path.read_bytes() == before
    assert not (out / "nowhere").exists()


@pytest.mark.parametrize("name", [*NEED_DIGITS, *NEED_TEXT, *NEED_PICTURES[:2], "image_captioning"])
def test_a_checkpoint_of_other_data_is_refused(name, command, data, stopped, refusal):
    """Without `--dry-run`, a training with `--resume` by a script of `examples/` on other data in
    `--data` or `--text` (in a folder of pictures: other names, classes or sizes of files) ends
    with exit code 2 and says "it learned from other data".

    Because the checkpoint holds a hash of the data; for a folder of pictures, of the names,
    classes and sizes of the files.
    """
    out = stopped(name)

    code, told = refusal(
        import_example(name), *command(name, out, "--resume"), *data(name, other=True)
    )

    assert code == 2
    assert told.endswith("checkpoint.pt is of another run: it learned from other data\n")


@pytest.mark.parametrize("name", TINY)
def test_a_full_disk_leaves_the_checkpoint_before(name, command, refusal, tmp_path, monkeypatch):
    """If the disk is full when a script of `examples/` that has `--resume` writes its
    second checkpoint, it ends with exit code 2 and one line of its own; the first is left,
    whole, and no half-written one.
    """
    replace, calls = os.replace, iter([False, True])

    def full(*paths):
        if next(calls):
            raise OSError(28, "No space left on device")
        replace(*paths)

    monkeypatch.setattr(os, "replace", full)
    code, told = refusal(import_example(name), *command(name, tmp_path))

    assert code == 2
    last = told.splitlines()[-1]
    assert last.startswith(f"{name}.py: no checkpoint could be written to {tmp_path}/")
    assert last.endswith(".pt: No space left on device")
    assert checkpoint(tmp_path)["epoch"] == 0
    assert [file for file in os.listdir(tmp_path) if file.endswith(".partial")] == []


# The workbench itself, on a net that is small enough to be told whole.


@pytest.fixture
def train(workbench, tmp_path):
    """Trains a small net with dropout on shuffled data; what is saved, and what was drawn."""

    def run(*arguments, out="out", stop=None):
        @workbench.script
        def main(argv):
            args = (
                import_example("arguments")
                .Arguments("toy.py", "A toy.", epochs=3, lr=0.1)
                .read(argv)
            )
            torch.manual_seed(args.seed)
            net = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1))
            x = torch.arange(12.0).view(4, 3)
            loader = torch.utils.data.DataLoader(x, 2, shuffle=True, collate_fn=lambda x: [*x])
            optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
            scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2)
            generator = torch.Generator().manual_seed(args.seed)
            memory = Memory()
            run = workbench.Run(
                args,
                workbench.fingerprint(x),
                model=net,
                optimizer=optimizer,
                scaler=scaler,
                generator=generator,
                memory=memory,
            )
            for epoch in run.epochs():
                for batch in run.batches(loader):
                    if epoch == stop:
                        raise Stopped
                    optimizer.zero_grad()
                    loss = net(torch.stack(batch)).square().mean()
                    scaler.scale(loss).backward()
                    scaler.step(optimizer)
                    scaler.update()
                    run.watch(loss)
                    memory.seen.append(torch.rand((), generator=generator))
                run.note(mean_loss=run.mean_loss())
            return run

        return main(["--device", "cpu", "--out", str(tmp_path / out), *arguments])

    return run


class Stopped(Exception):
    """What ends a run in the middle of an epoch."""


class Memory:
    """What a script may have beside modules and optimizers, such as the memory of a DQN."""

    def __init__(self):
        self.seen = []

    def state_dict(self):
        return {"seen": self.seen}

    def load_state_dict(self, state):
        self.seen = state["seen"]


@pytest.mark.torch(">=2.3")  # GradScaler("cpu")
def test_every_kind_of_state_goes_on_where_it_was(train, tmp_path):
    """A CPU run that draws by PyTorch only and gives `Run` of `examples/workbench.py` its model,
    optimizer, `GradScaler` and `torch.Generator`, stopped in epoch 2 and resumed with as many
    threads, ends bit for bit in an unstopped run's state.

    The run of this test shuffles its data and drops out half of its units. Each epoch begins with
    a seed of its own, for `torch` and Python's `random`; all other state is in the checkpoint.
    NumPy's global generator is in neither. Of the two last checkpoints only the seconds and the
    checksum differ.
    """
    train(out="whole")
    with pytest.raises(Stopped):
        train(out="resumed", stop=2)
    assert checkpoint(tmp_path / "resumed")["epoch"] == 1

    train("--resume", out="resumed")

    whole, resumed = checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "resumed")
    assert differing(resumed, whole) == []
    assert resumed["scaler"] == whole["scaler"]
    assert torch.equal(resumed["generator"], whole["generator"])
    assert resumed["memory"] == whole["memory"]
    assert len(resumed["memory"]["seen"]) == 6
    assert str(resumed["optimizer"]) == str(whole["optimizer"])
    # But for its seconds, and the checksum of these.
    assert [name for name in whole if str(whole[name]) != str(resumed[name])] == [
        "checksum",
        "seconds",
    ]


@pytest.mark.parametrize("call", [1, 2, 3, 4])
@pytest.mark.parametrize("function", ["os.fsync", "os.replace"])
def test_killed_at_any_moment_a_checkpoint_is_whole_or_absent(function, call, tmp_path):
    """A process killed just before a call of `os.fsync` or `os.replace` in `examples/workbench.py`
    leaves the previous checkpoint, whole; killed while it writes the first one in a new folder
    `--out`, it leaves none.

    Because a checkpoint is written to checkpoint.partial, flushed to the disk, and only then
    renamed to checkpoint.pt.
    """
    workbench = import_example("workbench")
    script = import_example("regression")
    options = ["--epochs", "30", "--device", "cpu", "--out", str(tmp_path)]

    run_until_killed(script, function, call, options)

    if call == 1:
        assert not (tmp_path / "checkpoint.pt").exists()
    else:
        saved = workbench.read_checkpoint(tmp_path / "checkpoint.pt", "regression")
        assert saved["epoch"] == 10 * (call - 2)


@pytest.mark.torch(">=2.3")
@pytest.mark.spare("100", reason="most of the 500 are told")
def test_a_flipped_bit_is_told_or_changes_nothing(train, workbench, tmp_path):
    """If one bit of a checkpoint is flipped (500 were tried, from the first to the last
    byte), `read_checkpoint` of `examples/workbench.py` raises InputError or returns a
    content that has the same `fingerprint` as the one saved.

    Some bits mean nothing, such as those between two tensors and the time of a file. To
    `fingerprint` an empty list and an empty dict are the same.
    """
    train()
    path = tmp_path / "out" / "checkpoint.pt"
    content = path.read_bytes()
    saved = workbench.fingerprint(workbench.read_checkpoint(path, "toy"))
    told = unchanged = 0
    for number in range(500):
        spoilt = bytearray(content)
        spoilt[number * (len(content) - 1) // 499] ^= 1 << number % 8
        path.write_bytes(spoilt)
        try:
            unchanged += workbench.fingerprint(workbench.read_checkpoint(path, "toy")) == saved
        except workbench.InputError:
            told += 1

    assert told + unchanged == 500
    assert told > 100


@pytest.mark.torch(">=2.3")
def test_an_epoch_more_is_refused_where_the_schedule_depends_on_it(train, capsys):
    """A `Run` of `examples/workbench.py` without "epochs" in its argument `free` refuses,
    with `--resume --epochs 4`, the checkpoint of a run of 3 epochs: "epochs is 3 there, 4
    here".

    Because a learning rate may depend on the number of epochs. A script in which it doesn't gives
    `Run` the name "epochs" in `free`, as `examples/regression.py` does, and goes on.
    """
    train()

    with pytest.raises(SystemExit, match="2"):
        train("--resume", "--epochs", "4")

    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith("checkpoint.pt is of another run: epochs is 3 there, 4 here")


def test_a_fingerprint_tells_values_shapes_and_dtypes_apart(workbench):
    """`fingerprint` of `examples/workbench.py` gives `rows = torch.tensor([[1, 2], [3, 4]])` and
    `rows.mT.contiguous().mT`, equal but with other strides, one hash; if a tensor's value, shape
    or dtype or a name in a dict differs, so does the hash.
    """
    ones = torch.ones(2, 2)
    others = [
        torch.ones(4),
        torch.ones(2, 2, dtype=torch.int32),
        torch.tensor([[1.0, 1.0], [1.0, 2.0]]),
        {"ones": torch.ones(2, 2)},
        {"twos": torch.ones(2, 2)},
        [torch.ones(2, 2)],
    ]

    hashes = [workbench.fingerprint(other) for other in others]

    rows = torch.tensor([[1, 2], [3, 4]])
    assert workbench.fingerprint(rows) == workbench.fingerprint(rows.mT.contiguous().mT)
    assert workbench.fingerprint(rows) != workbench.fingerprint(rows.mT)
    assert workbench.fingerprint(rows[::2, :1]) == workbench.fingerprint(torch.tensor([[1]]))
    assert len({*hashes, workbench.fingerprint(ones)}) == 7
    assert {len(each) for each in hashes} == {64}


@pytest.mark.spare("201", reason="any length above 200 will do")
def test_of_a_long_error_the_first_sentence_is_told(workbench):
    """`first_line` of `examples/workbench.py` gives the first of the lines "It failed. Why?" and
    "Because." of a `RuntimeError`. A line of over 200 characters is cut at its first `". "`, then
    at 200; the line of a `workbench.InputError` isn't.

    PyTorch's "Could not run 'aten::...'" may list all of its backends in a line of over a
    thousand characters.
    """
    error = RuntimeError("It failed. " + "There are other backends. " * 40 + "\nA second line.")

    assert workbench.first_line(error) == "It failed"
    assert workbench.first_line(RuntimeError("It failed. Why?\nBecause.")) == "It failed. Why?"
    assert workbench.first_line(RuntimeError("x" * 201)) == "x" * 200
    assert workbench.first_line(workbench.InputError("x" * 201)) == "x" * 201
    assert workbench.first_line(RuntimeError()) == "RuntimeError"


def test_without_tensorboard_a_run_says_so_and_goes_on(command, tmp_path, monkeypatch, capsys):
    """Without the package tensorboard `examples/mnist_classifier.py`, with digits in `--data` and
    without `--dry-run`, logs once "going on without a dashboard: pip install tensorboard brings
    it", trains, and writes its checkpoint.
    """
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)

    metrics = import_example("mnist_classifier").main(command("mnist_classifier", tmp_path))

    said = capsys.readouterr().err
    assert said.count("going on without a dashboard: pip install tensorboard brings it\n") == 1
    assert metrics["epochs"] == 4
    assert "checkpoint.pt" in os.listdir(tmp_path)


def test_a_resumed_dashboard_shows_every_value_once(command, stopped):
    """`examples/mnist_classifier.py --resume`, with `tensorboard` installed, replaces the event
    file of TensorBoard by a new one, which holds the values of the earlier run up to its
    checkpoint too: each value is in it once.
    """
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    out = stopped("mnist_classifier")

    import_example("mnist_classifier").main(command("mnist_classifier", out, "--resume"))

    events = accumulator.EventAccumulator(str(out / "events")).Reload()
    assert [event.step for event in events.Scalars("test_loss")] == [10, 20, 30, 40]
    assert len(os.listdir(out / "events")) == 1
    assert "going on after epoch 4\n" in (out / "log.txt").read_text()


@pytest.mark.spare("-1", reason="here it is the first line too, if no epoch ended meanwhile")
def test_an_interrupt_is_one_line(pytestconfig, tmp_path):
    """`examples/regression.py`, run from the shell without `--resume` and `--dry-run` and
    interrupted in its training (Ctrl-C), exits with code 130; the last line of stderr is
    "regression.py: stopped; --resume goes on from its last checkpoint".
    """
    run = [sys.executable, "examples/regression.py", "--epochs", "100000", "--device", "cpu"]
    process = subprocess.Popen(
        [*run, "--out", str(tmp_path)],
        cwd=pytestconfig.rootpath,
        stderr=subprocess.PIPE,
        text=True,
        # What runs in the background of a shell may have been told to ignore it.
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        while "epoch 1:" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()

    assert process.returncode == 130
    assert said.splitlines()[-1] == (
        "regression.py: stopped; --resume goes on from its last checkpoint"
    )
