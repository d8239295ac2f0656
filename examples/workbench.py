"""What every training script needs and no reader wants to read again in each of them.

A script says what it learns, from what, with which net and loss, and has its training loop in plain
sight. The rest is here: the log, the progress bar, the dashboard, checkpoints, and errors in one
line; what it is asked for is read by `arguments.py`. A script reads about so:

    @script
    def main(argv=None):
        parser = Arguments(__file__, __doc__, epochs=6, batch_size=32, lr=0.002)
        args = parser.read(argv)
        torch.manual_seed(args.seed)
        net = Net().to(args.device)
        optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
        run = Run(args, data=fingerprint(images, labels), model=net, optimizer=optimizer)
        for epoch in run.epochs():                      # goes on, seeds, saves
            for images, labels in run.batches(loader):  # progress bar, dry run, device
                optimizer.zero_grad()
                loss = F.cross_entropy(net(images), labels)
                loss.backward()
                optimizer.step()
                run.watch(loss)                         # log, dashboard, astray or not
            run.note(test_loss=...)

A run can be stopped at any moment. Every epoch begins with a seed of its own, so that neither the
order of the data nor dropout depends on what was before: resumed with as many threads on the same
CPU, a run ends with bit-for-bit the weights of one that nothing stopped.
"""

import contextlib
import functools
import hashlib
import io
import itertools
import logging
import os
import random
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger("workbench")
log.propagate = False
# What a script has opened and is to be closed at its end; `script` makes a new one for each call.
opened = contextlib.ExitStack()


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


def first_line(error):
    """Return the first line of what an error says, or its name where it says nothing.

    One that a loader's worker met says it after the worker's traceback. Of a line that goes on for
    more than 200 characters, as PyTorch's may, the first sentence is enough.
    """
    said = str(error).rpartition("InputError: ")[2]
    line = said.strip().partition("\n")[0] or type(error).__name__
    if len(line) > 200 and not isinstance(error, InputError):
        line = line.partition(". ")[0][:200]
    return line


def script(main):
    """Make `main` of a script log to stderr and end in one line where the user can mend it.

    An InputError or an OSError becomes one line on stderr and SystemExit(2); so does an interrupt,
    with exit code 130, if the script is run and not imported.
    """
    file = Path(main.__code__.co_filename).name

    @functools.wraps(main)
    def wrapped(argv=None):
        global opened
        before, opened = opened, contextlib.ExitStack()
        try:
            with opened:
                add_handler(logging.StreamHandler())
                with logging_redirect_tqdm([log]):
                    return main(argv)
        except (InputError, OSError) as error:
            told = isinstance(error, OSError) and error.filename
            reason = f"{error.filename}: {error.strerror}" if told else first_line(error)
            if os.environ.get("RANK", "0") == "0":  # of several processes, one tells it
                print(f"{file}: {reason}", file=sys.stderr)
            raise SystemExit(2) from error
        except KeyboardInterrupt:
            if main.__module__ != "__main__":
                raise
            how = "; --resume goes on from its last checkpoint" if Run.saved else ""
            print(f"{file}: stopped{how}", file=sys.stderr)
            raise SystemExit(130) from None
        finally:
            opened = before

    return wrapped


def add_handler(handler):
    """Log to `handler` too, until the script ends; what can't be written ends the script."""

    def refuse(record):
        raise InputError(f"the log can't be written: {first_line(sys.exc_info()[1])}")

    handler.handleError = refuse
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    opened.callback(handler.close)
    opened.callback(log.removeHandler, handler)


def make_folder(path):
    """Make the folder of `--out`, with its parents, and return it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}") from error
    return path


def check_loss(loss, args):
    """Refuse a loss that is NaN, infinite or beyond 1e15, and return it as a float."""
    loss = loss.item() if isinstance(loss, torch.Tensor) else float(loss)
    if not abs(loss) < 1e15:
        raise InputError(f"the loss is {loss}: with --lr {args.lr} training went astray")
    return loss


def progress(things, name, total):
    """Yield things behind a progress bar, which is shown on a terminal only."""
    return tqdm(things, name, total, leave=False, disable=None)


# Checkpoints.


def fingerprint(*things):
    """Return a hash of tensors, numbers and texts, and of lists and dicts of them."""
    digest = hashlib.sha256()

    def add(thing):
        if isinstance(thing, torch.Tensor):
            values = thing.detach().cpu().resolve_conj().resolve_neg().contiguous()
            # A single element may keep a stride other than 1, also after `view(-1)`.
            values = values.as_strided((values.numel(),), (1,))
            digest.update(f"{thing.dtype} {tuple(thing.shape)}".encode())
            digest.update(values.view(torch.uint8).numpy())
        elif isinstance(thing, Mapping | list | tuple):
            digest.update(f"{len(thing)}[".encode())
            for part in thing.items() if isinstance(thing, Mapping) else thing:
                add(part)
        else:
            digest.update(f"{thing!r},".encode())

    add(things)
    return digest.hexdigest()


def write_checkpoint(path, content):
    """Write `content` and its checksum: the file is the one before or this one at any moment."""
    buffer = io.BytesIO()
    torch.save({"checksum": fingerprint(content), **content}, buffer)
    partial = path.with_suffix(".partial")
    try:
        with open(partial, "wb") as file:
            file.write(buffer.getbuffer())
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise InputError(f"no checkpoint could be written to {path}: {error.strerror}") from error


def read_checkpoint(path, script, cure="a training without --resume writes one"):
    """Return the content of a checkpoint that `script` has written, whole and unchanged.

    What can't be read is refused, with `cure` as what to do.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        whole = content.pop("checksum") == fingerprint(content)
    except FileNotFoundError as error:
        raise InputError(f"no checkpoint {path}: {cure}") from error
    except Exception as error:  # whatever else lies there can fail in any way
        raise InputError(f"{path} is damaged, or no checkpoint: {cure}") from error
    if not whole:
        raise InputError(f"{path} is damaged, its checksum is wrong: {cure}")
    if content["script"] != script:
        raise InputError(f"{path} is a checkpoint of {content['script']}.py")
    return content


class Run:
    """One training of a script: where it stands, what it noted, and its checkpoint.

    Args:
        args: what `Arguments.read` returned.
        data: the `fingerprint` of what is learned from; a checkpoint of other data is refused.
        free: names of arguments that may differ in a run that goes on, beside those in `FREE`.
        dashboard: write an event file for TensorBoard.
        rank: of this process; where several train together, only process 0 writes and logs.
        parts: what a checkpoint remembers: all that has `state_dict` and `load_state_dict`, such as
            a module, an optimizer, a scheduler or a GradScaler, and a torch.Generator.

    Attributes:
        epoch, step: epochs and batches that are done.
        scalars: what was noted: by name a list of [step, value].
        began_at: the epoch after which a resumed run went on; 0 otherwise.
        seconds: what the epochs took, those before an interruption included.
    """

    saved = False  # whether there is a checkpoint to go on from, by this process or one before
    FREE = ("out", "device", "resume", "dry_run", "data", "log_every", "script", "threads")

    def __init__(self, args, data=None, free=(), dashboard=False, rank=0, **parts):
        self.args, self.parts, self.device, self.writes = args, parts, args.device, not rank
        self.limit = 3 if args.dry_run else None
        kept = {
            name: value for name, value in vars(args).items() if name not in (*self.FREE, *free)
        }
        self.settings = {name: str(v) if isinstance(v, Path) else v for name, v in kept.items()}
        self.settings["data"] = data
        self.epoch = self.step = self.began_at = 0
        self.seconds, self.scalars, self.watched, self.told = 0.0, {}, [], 0
        self.writer = None
        if rank:
            log.setLevel(logging.WARNING)
        if args.dry_run:
            return
        path = args.out / "checkpoint.pt"
        saved = read_checkpoint(path, args.script) if args.resume else None
        if self.writes:
            make_folder(args.out)
            mode = "a" if saved else "w"
            add_handler(logging.FileHandler(args.out / "log.txt", mode=mode, encoding="utf-8"))
        told = (f"{name}={value}"[:60] for name, value in vars(args).items())  # not a vocabulary
        log.info("arguments: %s", ", ".join(told))
        if saved:
            self.restore(path, saved)
            Run.saved = True
            log.info("going on after epoch %d", self.epoch)
        else:
            self.save()  # a stopped run must not find an older one's
        if dashboard:
            self.open_dashboard(args.out / "events")

    def epochs(self, every=1):
        """Yield the numbers of the epochs to come, from 1; seed each, save after every so many."""
        while self.epoch < self.args.epochs:
            chance = (1000 * self.args.seed + self.epoch) % 2**64
            torch.manual_seed(chance)
            random.seed(chance)
            self.watched, self.told, began = [], 0, time.perf_counter()
            yield self.epoch + 1
            self.epoch += 1
            self.seconds += time.perf_counter() - began
            if self.epoch % every == 0 or self.epoch == self.args.epochs:
                self.save()

    def batches(self, batches, total=None):
        """Yield `total` batches on the device, by default all; in a dry run three at most."""
        total = len(batches) if total is None else total
        total = min(total, self.limit or total)
        name = f"epoch {self.epoch + 1} of {self.args.epochs}"
        few = itertools.islice(batches, total)
        for number, batch in enumerate(progress(few, name, total), 1):
            yield [part.to(self.device) if hasattr(part, "to") else part for part in batch]
            self.step += 1
            waiting = self.watched[self.told :]
            if waiting and (number % getattr(self.args, "log_every", 50) == 0 or number == total):
                mean = check_loss(torch.stack(waiting).mean(), self.args)
                self.told = len(self.watched)
                self.add("train_loss", mean)
                log.info("epoch %d, batch %4d: loss %.4f", self.epoch + 1, number, mean)

    def watch(self, loss):
        """Remember the loss of a batch: its mean over some is logged, and must be finite."""
        self.watched.append(loss.detach())

    def mean_loss(self):
        """Return the mean of the losses watched in this epoch."""
        return check_loss(torch.stack(self.watched).mean(), self.args)

    def note(self, **values):
        """Log values by name and keep them in `scalars` and on the dashboard."""
        for name, value in values.items():
            self.add(name, check_loss(value, self.args) if "loss" in name else float(value))
        told = ", ".join(f"{name.replace('_', ' ')} {v:.4f}" for name, v in values.items())
        log.info("epoch %d: %s", self.epoch + 1, told)

    def add(self, name, value):
        self.scalars.setdefault(name, []).append([self.step, value])
        if self.writer:
            self.writer.add_scalar(name, value, self.step)

    def values(self, name):
        """Return the values that were noted by this name, without their steps."""
        return [value for _, value in self.scalars.get(name, [])]

    def tell(self, metrics, *names):
        """Log some of the metrics, a line each."""
        for name in names:
            value = metrics[name]
            value = f"{value:.4g}" if isinstance(value, float) else value
            log.info("%s: %s", name.replace("_", " "), value)

    def open_dashboard(self, folder):
        """Begin an event file with what was noted before, so that nothing stands there twice."""
        for old in folder.glob("events.out.tfevents.*"):
            old.unlink()
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            log.info("going on without a dashboard: pip install tensorboard brings it")
            return
        self.writer = SummaryWriter(folder)
        opened.callback(self.writer.close)
        for name, values in self.scalars.items():
            for step, value in values:
                self.writer.add_scalar(name, value, step)

    def save(self, name="checkpoint.pt"):
        """Write the checkpoint, but in a dry run."""
        if self.args.dry_run or not self.writes:
            return
        content = {"script": self.args.script, "settings": self.settings, "scalars": self.scalars}
        content |= {"epoch": self.epoch, "step": self.step, "seconds": self.seconds}
        for key, part in self.parts.items():
            known = hasattr(part, "state_dict")
            content[key] = part.state_dict() if known else part.get_state()
        write_checkpoint(self.args.out / name, content)
        Run.saved = True

    def restore(self, path, saved):
        """Go back to where a checkpoint was written; refuse one of other settings or data."""
        if saved["settings"]["data"] != self.settings["data"]:
            raise InputError(f"{path} is of another run: it learned from other data")
        for name, value in self.settings.items():
            there = saved["settings"].get(name)
            if there != value:
                raise InputError(f"{path} is of another run: {name} is {there} there, {value} here")
        if saved["epoch"] > self.args.epochs:
            raise InputError(f"{path} has come to epoch {saved['epoch']} already; ask for more")
        for name, part in self.parts.items():
            try:
                known = hasattr(part, "load_state_dict")
                (part.load_state_dict if known else part.set_state)(saved[name])
            except (KeyError, RuntimeError, TypeError, ValueError) as error:
                reason = first_line(error)
                raise InputError(f"{path} does not fit this script's {name}: {reason}") from error
        self.epoch, self.step = saved["epoch"], saved["step"]
        self.seconds, self.scalars = saved["seconds"], saved["scalars"]
        self.began_at = self.epoch
