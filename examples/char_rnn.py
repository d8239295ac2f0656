"""Train a character RNN on verses, and let it write some.

The net reads a text one character at a time and learns to say which one comes next. Nobody tells it
what a word is, a line or a rhyme: to write couplets it has to find out, and to remember how many
words the line has so far and how the line before it ended. The notes' first list asks for one, the
book's net that writes Tang poems of four lines, each of five or of seven characters. Here a couplet
is two lines, each of five or of seven words, that rhyme; `write_couplets` below makes 2500 of them.

The text is cut into 8 streams that are read side by side, 64 characters at a step. What the LSTM
remembers goes on from step to step, the gradient does not: truncated backpropagation through time.

    python examples/char_rnn.py
    python examples/char_rnn.py --generate --prompt "my silver moon" --temperature 0.5
    python examples/char_rnn.py --text pydoc --hidden 256        or --text FILE

In 22 seconds on one core the loss on held-out couplets falls to 0.40 nats a character, from 3.26 if
all characters were alike and 2.93 by how often each occurs. All but one in a thousand of its lines
have five words or seven; one in nine of lines of random letters do, 44 % of those where each letter
follows the last four as in the text. That two lines belong together it has half learned (14 to 39 %
of the couplets are two lines of one length; 3 %), that they rhyme it has not.
"""

import argparse
import logging
import math
import os
import random
import sys
import time
from collections import Counter, defaultdict
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import nn
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger("char_rnn")


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


# The text: couplets of our own, the English of Python's manual, or a file.

DETERMINERS = "the my one".split()
ADJECTIVES = "old red cold low dim wide".split()
NOUNS = "moon wind king boat gate song deer fox".split()
VERBS = "falls waits hums turns goes sings".split()
ADVERBS = "now here still soon".split()
PLACES = "by on past near".split()
RHYMES = ["light night flight", "stone bone throne", "sea tree bee", "rain lane plain"]
RHYME_OF = {word: rhyme for rhyme in RHYMES for word in rhyme.split()}

# How a line of five words is made, and one of seven; a word that rhymes ends either.
LINES = {
    5: [ADJECTIVES, NOUNS, VERBS, PLACES],
    7: [DETERMINERS, ADJECTIVES, NOUNS, VERBS, ADVERBS, PLACES],
}


def write_line(words, ending, rng):
    """Return a line of so many words, the last of which is `ending`."""
    return " ".join([*map(rng.choice, LINES[words]), ending])


def write_couplets(count, seed=0):
    """Return couplets: two lines of one length that rhyme, a comma, a full stop, an empty line."""
    rng = random.Random(seed)
    couplets = []
    for _ in range(count):
        words = rng.choice(list(LINES))
        endings = rng.sample(rng.choice(RHYMES).split(), 2)
        first, second = (write_line(words, ending, rng) for ending in endings)
        couplets.append(f"{first},\n{second}.\n\n")
    return "".join(couplets)


def read_text(args):
    """Return the text that `--text` names; couplets are written to `--out` and read back."""
    if args.text == "pydoc":
        from pydoc_data.topics import topics

        return "\n".join(topics[name] for name in sorted(topics))
    path = Path(args.text)
    if args.text == "couplets":
        if args.dry_run:
            return write_couplets(args.couplets)
        path = args.out / "couplets.txt"
        path.write_text(write_couplets(args.couplets), encoding="utf-8")
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"--text {args.text}: {error.strerror}: name a text file, or say couplets or pydoc"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"--text {args.text} is no UTF-8 text: {error}") from error
    if len(text) < 2000:
        raise InputError(f"--text {args.text} has {len(text)} characters; 2000 are the least")
    return text


def words_in_lines(samples):
    """Return how many words the lines of the samples have, but the first and the last of each."""
    lines = (line for sample in samples for line in sample.split("\n")[1:-1])
    return [len(line.split()) for line in lines if line]


def right_lines(samples):
    """Return the share of the lines that have five or seven words."""
    lengths = words_in_lines(samples)
    return sum(length in LINES for length in lengths) / max(1, len(lengths))


def right_couplets(samples):
    """Return two shares of the couplets: those of one right length, and those that rhyme."""
    # Of the first and the last of a sample a part may be missing.
    couplets = [couplet for sample in samples for couplet in sample.split("\n\n")[1:-1]]
    even = rhymed = 0
    for couplet in couplets:
        lines = [line.strip(",.").split() for line in couplet.split("\n")]
        even += [len(line) for line in lines] in ([5, 5], [7, 7])
        ends = {line[-1] for line in lines if line}
        rhymed += len(ends) == 2 and len({RHYME_OF.get(end, end) for end in ends}) == 1
    return even / max(1, len(couplets)), rhymed / max(1, len(couplets))


# What needs no net: the same letters in any order, or each after the letters it often follows.


def unigram_loss(learn, measure):
    """Return the loss of always predicting how often each character occurs."""
    counts = Counter(learn)
    total = len(learn) + len(set(learn + measure))
    return -sum(math.log((counts[c] + 1) / total) for c in measure) / len(measure)


def babble(text, length, order, seed=0):
    """Return characters drawn as they follow the last `order` characters in the text."""
    rng, after = random.Random(seed), defaultdict(list)
    for place in range(order, len(text)):
        after[text[place - order : place]].append(text[place])
    drawn = text[:order]
    while len(drawn) < length:
        drawn += rng.choice(after[drawn[len(drawn) - order :]] or [text[0]])
    return drawn


# The net.


class CharRNN(nn.Module):
    """An embedding, an LSTM, and scores of the character that comes next."""

    def __init__(self, characters, hidden, layers):
        super().__init__()
        self.embedding = nn.Embedding(characters, 32)
        self.lstm = nn.LSTM(32, hidden, layers, batch_first=True)
        self.scores = nn.Linear(hidden, characters)
        # Left alone, an LSTM begins by forgetting half of what it knows at every character, and a
        # couplet has sixty. So some cells begin by keeping it for one character, some for a
        # hundred, and take in the less the longer they keep.
        keep = torch.linspace(1, 100, hidden).log()
        with torch.no_grad():
            for layer in range(layers):
                bias = getattr(self.lstm, f"bias_ih_l{layer}")
                bias[:hidden] -= keep  # the input gate
                bias[hidden : 2 * hidden] += keep  # the forget gate

    def forward(self, characters, memory=None):
        remembered, memory = self.lstm(self.embedding(characters), memory)
        return self.scores(remembered), memory


def steps(streams, length):
    """Yield what is read and what comes next, `length` characters of all streams at a time."""
    for start in range(0, streams.shape[1] - 1, length):
        piece = streams[:, start : start + length + 1]
        yield piece[:, :-1], piece[:, 1:]


def streams(numbers, count):
    """Cut a text of numbers into rows to be read side by side."""
    return numbers[: len(numbers) // count * count].view(count, -1)


def mean_loss(net, numbers, length):
    """Return the mean loss of a character of a text that is read once, in eight streams."""
    total, memory = 0.0, None
    rows = streams(numbers, 8)
    net.eval()
    with torch.inference_mode():
        for read, following in steps(rows, length):
            scores, memory = net(read, memory)
            total += F.cross_entropy(scores.flatten(0, 1), following.flatten(), reduction="sum")
    return total.item() / rows[:, 1:].numel()


def write(net, prompt, length, temperature, generator):
    """Return `length` characters for each row of `prompt`, each drawn after all before it.

    A temperature below 1 makes likely characters likelier still; 0 always takes the likeliest.
    """
    net.eval()
    written, read, memory = [], prompt, None
    with torch.inference_mode():
        for _ in range(length):
            scores, memory = net(read, memory)
            scores = scores[:, -1].cpu()
            if temperature:
                chances = F.softmax(scores / temperature, 1)
                read = torch.multinomial(chances, 1, generator=generator)
            else:
                read = scores.argmax(1, keepdim=True)
            written.append(read)
            read = read.to(prompt.device)
    return torch.cat(written, 1)


class Training:
    """A run that can be stopped at any moment and goes on from the end of its last epoch."""

    def __init__(self, net, learn, measure, args):
        self.net, self.learn, self.measure, self.args = net, learn, measure, args
        self.rows = streams(learn, args.batch_size)
        self.epoch, self.losses, self.seconds = 0, [], 0.0
        self.optimizer = torch.optim.Adam(net.parameters(), args.lr)
        # Down to a tenth in a straight line: late steps only polish.
        self.scheduler = torch.optim.lr_scheduler.LinearLR(
            self.optimizer, 1.0, 0.1, max(1, args.epochs - 1)
        )

    def run(self, keep):
        """Train to the end; call `keep` with the run after every epoch."""
        began = time.perf_counter() - self.seconds
        while self.epoch < self.args.epochs:
            learned = self.read_once()
            self.epoch += 1
            self.scheduler.step()
            held_out = mean_loss(self.net, self.measure, self.args.length)
            self.losses.append({"epoch": self.epoch, "train": learned, "held_out": held_out})
            self.seconds = time.perf_counter() - began
            log.info("epoch %d: loss %.3f, held out %.3f", self.epoch, learned, held_out)
            keep(self)

    def read_once(self):
        """Read all the text once and learn from it; return the mean loss on the way."""
        self.net.train()
        count = math.ceil((self.rows.shape[1] - 1) / self.args.length)
        if self.args.dry_run:
            count = min(count, 3)
        total, memory = 0.0, None
        bar = tqdm(
            zip(range(count), steps(self.rows, self.args.length), strict=False),
            f"epoch {self.epoch + 1} of {self.args.epochs}",
            total=count,
            leave=False,
            disable=None,
        )
        for _, (read, following) in bar:
            if memory is not None:
                memory = tuple(part.detach() for part in memory)
            self.optimizer.zero_grad()
            scores, memory = self.net(read, memory)
            loss = F.cross_entropy(scores.flatten(0, 1), following.flatten())
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            self.optimizer.step()
            total += loss.item()
        if not total < math.inf:
            raise InputError(f"the loss is {total}: with --lr {self.args.lr} training went astray")
        return total / count


# Checkpoints.


def save(path, state):
    """Write a checkpoint: a kill at any moment leaves the one before or this one, whole."""
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load(path):
    """Read a checkpoint."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return state if state["script"] == "char_rnn" else {}["script"]
    except FileNotFoundError as error:
        raise InputError(
            f"no checkpoint in {path.parent}: train first, with --out there"
        ) from error
    except Exception as error:  # whatever else lies there can fail in any way
        raise InputError(f"{path} is no checkpoint of this script: {first_line(error)}") from error


def first_line(error):
    return str(error).strip().partition("\n")[0]


def settings(args, characters):
    """Return what a checkpoint must share with the run that goes on from it."""
    names = ("text", "epochs", "batch_size", "length", "hidden", "layers", "lr", "seed")
    return {name: getattr(args, name) for name in names} | {"characters": characters}


def pick_device(name):
    """Return the device called `name`, or the accelerator that is here, or the CPU."""
    if name:
        try:
            return torch.empty(1, device=name).device
        except (AssertionError, RuntimeError) as error:
            raise InputError(f"--device {name}: {first_line(error)}") from error
    try:
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    except (AttributeError, TypeError):  # before PyTorch 2.7
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


# Figures.


def draw_losses(losses, uniform, unigram, path):
    """Draw the loss over the epochs, below what needs no net."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    epochs = [loss["epoch"] for loss in losses]
    axes.axhline(uniform, color="gray", linestyle=":", label="all characters alike")
    axes.axhline(unigram, color="gray", linestyle="--", label="by how often each occurs")
    for name, label in (("train", "read to learn"), ("held_out", "held out")):
        axes.plot(epochs, [loss[name] for loss in losses], marker=".", label=label)
    axes.set(title="Loss of the next character", xlabel="epoch", ylabel="nats a character")
    axes.set_ylim(bottom=0)
    axes.legend()
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


def draw_lengths(texts, path):
    """Draw how many of the lines of each text have how many words."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(texts)
    for number, (name, samples) in enumerate(texts.items()):
        lengths = Counter(min(length, 15) for length in words_in_lines(samples))
        total = max(1, sum(lengths.values()))
        places = [length + (number - (len(texts) - 1) / 2) * width for length in range(16)]
        axes.bar(places, [lengths[length] / total for length in range(16)], width, label=name)
    axes.set(title="Words in a line", xlabel="words (15: or more)", ylabel="share of the lines")
    axes.set_xticks(range(16))
    axes.legend()
    figure.savefig(path, dpi=120)


# A run, from the command line or called.


def prompt_rows(prompt, characters, count, device):
    """Return the numbers of the prompt's characters, as so many equal rows."""
    strange = sorted(set(prompt) - set(characters))
    if strange:
        raise InputError(f"--prompt: the text that was learned has no {' '.join(strange)}")
    numbers = [characters.index(character) for character in prompt]
    return torch.tensor([numbers] * count, device=device)


def write_on(net, characters, args, device):
    """Return the prompt and `--sample` characters after it."""
    # Read a line's end first: the prompt begins a line.
    prompt = prompt_rows("\n" + args.prompt, characters, 1, device)
    generator = torch.Generator().manual_seed(args.seed)
    (row,) = write(net, prompt, args.sample, args.temperature, generator).tolist()
    return args.prompt + "".join(characters[number] for number in row)


def generate(args):
    """Write with the net of a checkpoint; learn nothing."""
    state, device = load(args.out / "checkpoint.pt"), pick_device(args.device)
    known = state["settings"]
    net = CharRNN(len(known["characters"]), known["hidden"], known["layers"]).to(device)
    net.load_state_dict(state["model"])
    return {"sample": write_on(net, known["characters"], args, device), "device": str(device)}


def run(args):
    """Read the text, train, write, and return what came out."""
    device = pick_device(args.device)
    text = read_text(args)
    characters = "".join(sorted(set(text)))
    number_of = {character: number for number, character in enumerate(characters)}
    prompt_rows(args.prompt, characters, 1, device)  # a strange one is told before the training
    cut = len(text) * 9 // 10
    numbers = torch.tensor([number_of[character] for character in text], device=device)
    if cut // args.batch_size <= args.length:
        raise InputError(f"--text {args.text} is too short for --batch-size {args.batch_size}")
    uniform, unigram = math.log(len(characters)), unigram_loss(text[:cut], text[cut:])
    log.info(
        "%d characters, %d different: loss %.3f if all were alike, %.3f by how often each occurs",
        *(len(text), len(characters), uniform, unigram),
    )

    torch.manual_seed(args.seed)
    net = CharRNN(len(characters), args.hidden, args.layers).to(device)
    training = Training(net, numbers[:cut], numbers[cut:], args)
    path = args.out / "checkpoint.pt"
    if args.resume and path.exists():
        state = load(path)
        for name, value in settings(args, characters).items():
            if state["settings"].get(name) != value:
                raise InputError(f"{path} is of another run: its {name} differs")
        net.load_state_dict(state["model"])
        training.optimizer.load_state_dict(state["optimizer"])
        training.scheduler.load_state_dict(state["scheduler"])
        training.epoch, training.losses = state["epoch"], state["losses"]
        training.seconds = state["seconds"]
        log.info("going on after epoch %d", training.epoch)
    elif not args.dry_run:
        path.unlink(missing_ok=True)  # a stopped run must not find an older one's

    def keep(training):
        if args.dry_run:
            return
        state = {"script": "char_rnn", "settings": settings(args, characters)}
        state |= {"model": net.state_dict(), "optimizer": training.optimizer.state_dict()}
        state |= {"scheduler": training.scheduler.state_dict(), "epoch": training.epoch}
        save(path, state | {"losses": training.losses, "seconds": training.seconds})

    training.run(keep)

    rows, length = (2, 50) if args.dry_run else (50, 500)
    generator = torch.Generator().manual_seed(args.seed)
    drawn = write(
        net, prompt_rows("\n", characters, rows, device), length, args.temperature, generator
    )
    samples = ["".join(characters[number] for number in row) for row in drawn.tolist()]
    metrics = {
        "device": str(device),
        "characters": len(characters),
        "loss": training.losses[-1]["held_out"],
        "uniform_loss": uniform,
        "unigram_loss": unigram,
        "losses": training.losses,
        "sample": write_on(net, characters, args, device),
        "seconds_training": training.seconds,
    }
    babbles = {order: babble(text[:cut], rows * length, order) for order in (0, 4)}
    if args.text == "couplets":
        written = {"net": samples, "unigram": [babbles[0]], "markov": [babbles[4]]}
        couplets = {name: right_couplets(texts) for name, texts in written.items()}
        metrics |= {
            "right_lines": {name: right_lines(texts) for name, texts in written.items()},
            "right_couplets": {name: even for name, (even, _) in couplets.items()},
            "rhymed": {name: rhymed for name, (_, rhymed) in couplets.items()},
        }
    if not args.dry_run:
        draw_losses(training.losses, uniform, unigram, args.out / "loss.png")
        texts = {"the text": [text], "the net": samples}
        texts |= {"each letter by its last four": [babbles[4]]}
        texts |= {"letters in any order": [babbles[0]]}
        draw_lengths(texts, args.out / "lengths.png")
        (args.out / "samples.txt").write_text("\n---\n".join(samples), encoding="utf-8")
    return metrics


def number(kind, valid, name):
    """Return what reads an argument, so that argparse says `invalid NAME value` where it can't."""

    def read(text):
        value = kind(text)
        if not valid(value):
            raise ValueError
        return value

    read.__name__ = name
    return read


def read_arguments(argv):
    positive = number(int, lambda value: value > 0, "positive number")
    count = number(int, lambda value: value >= 0, "number")
    rate = number(float, lambda value: 0 < value < math.inf, "learning rate")
    heat = number(float, lambda value: 0 <= value < math.inf, "temperature")
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--text", default="couplets", help="couplets, pydoc (English of Python's manual) or a file")
    add("--couplets", type=positive, default=2500, help="couplets to make")
    add("--out", type=Path, default=Path("runs/char_rnn"), help="folder of all that is written")
    add("--epochs", type=positive, default=7, help="times through the text")
    add("--batch-size", type=positive, default=8, help="streams that are read side by side")
    add("--length", type=positive, default=64, help="characters that a gradient reaches back")
    add("--hidden", type=positive, default=128, help="numbers that the LSTM remembers")
    add("--layers", type=positive, default=1, help="LSTMs one upon the other")
    add("--lr", type=rate, default=0.01, help="Adam's learning rate at first; a tenth at the end")
    add("--seed", type=count, default=0, help="for first weights and for what is drawn")
    add("--device", help="cpu, cuda, mps, ...; None: the accelerator here, or cpu")
    add("--threads", type=positive, default=1, help="steps this small gain nothing from more")
    add("--generate", action="store_true", help="only write, by the checkpoint in --out")
    add("--prompt", default="", help="what the sample begins with")
    add("--temperature", type=heat, default=0.7, help="0 is dull, 1 as learned, above it wild")
    add("--sample", type=positive, default=300, help="characters to write")
    add("--resume", action="store_true", help="go on from the checkpoint in --out, if it is there")
    add("--dry-run", action="store_true", help="a few steps of everything; write nothing")
    args = parser.parse_args(argv)
    if args.dry_run:
        args.epochs, args.sample, args.resume = 1, 50, False
    return args


@contextmanager
def threads(count):
    """Compute with `count` threads, then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def main(argv=None):
    """Do as the arguments say and return the metrics."""
    args = read_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        with logging_redirect_tqdm(), threads(args.threads):
            if not (args.dry_run or args.generate):
                try:
                    args.out.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise InputError(f"--out {args.out}: {error.strerror}") from error
            metrics = generate(args) if args.generate else run(args)
    except InputError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error
    print(metrics["sample"])
    if not args.generate:
        print(
            f"\nloss {metrics['loss']:.3f} (by frequency {metrics['unigram_loss']:.3f}, "
            f"all alike {metrics['uniform_loss']:.3f}), "
            f"{metrics['seconds_training']:.0f} s of training"
        )
    if "right_lines" in metrics:
        print("lines of 5 or 7 words:    ", shares_in_words(metrics["right_lines"]))
        print("couplets of two such:     ", shares_in_words(metrics["right_couplets"]))
        print("couplets that rhyme:      ", shares_in_words(metrics["rhymed"]))
    return metrics


def shares_in_words(shares):
    return ", ".join(f"{name} {share:.1%}" for name, share in shares.items())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; --resume goes on after the last whole epoch")
