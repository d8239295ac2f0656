"""Train a word-level language model, an LSTM that says which word comes next.

The closing list of the notes' sixty-minute blitz (note 004) names one. Its corpus here is the
English that every Python brings along, the help texts of `pydoc_data.topics`: about 80,000 words
once paragraphs that stand there twice are taken once. A tenth of it is kept for the last
measurement, and another tenth tells when to lower the learning rate. Words that occur fewer than
three times are one word, <unk>.

The words are cut into 16 streams that are read side by side, 32 words at a step; the LSTM's memory
goes on from step to step, the gradient does not (truncated backpropagation), and it is clipped. The
embedding and the last layer share their weights (`--untied` parts them). When a validation finds
nothing better, the learning rate falls to a quarter and training goes on from the best weights.

    python examples/word_language_model.py
    python examples/word_language_model.py --generate --prompt "the class" --temperature 0.8
    python examples/word_language_model.py --text FILE --hidden 400 --epochs 40

In 35 seconds on one core the perplexity falls to 38 on text never read: the net hesitates as if
among 38 words. Counting single words leaves 180 of 1575, counting pairs 72, pairs mixed with single
words 61, though these may choose their best mixture on what is measured. What it writes keeps a few
words together and no thought.
"""

import argparse
import itertools
import logging
import math
import os
import re
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
import workbench
from matplotlib.figure import Figure
from torch import nn
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger("word_language_model")

UNKNOWN, END = "<unk>", "<end>"  # a word too rare to learn; the end of a paragraph


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


# The corpus: from text to numbers.


def read_text(name):
    """Return the text that `--text` names."""
    if name == "pydoc":
        from pydoc_data.topics import topics

        return "\n\n".join(topics[topic] for topic in sorted(topics))
    try:
        return Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"--text {name}: {error.strerror}: name a text file, or say pydoc"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(f"--text {name} is no UTF-8 text: {error}") from error


def words_of(text):
    """Return the words and signs of a text, in small letters; a row of one sign is one sign."""
    return re.findall(r"\w+|[^\w\s]", re.sub(r"([^\w\s])\1{3,}", r"\1", text.lower()))


class Corpus:
    """A text in three parts, each one row of word numbers.

    A paragraph that comes again is left out: else one that is learned might be measured too. Of
    every 300 paragraphs, 30 in a row are for validation and 30 for the measurement.
    """

    def __init__(self, text, least):
        paragraphs = (tuple(words_of(paragraph)) for paragraph in re.split(r"\n\s*\n", text))
        paragraphs = [paragraph for paragraph in dict.fromkeys(paragraphs) if paragraph]
        parts = {"learn": [], "validate": [], "measure": []}
        for number, paragraph in enumerate(paragraphs):
            part = {4: "validate", 9: "measure"}.get(number // 30 % 10, "learn")
            parts[part] += [*paragraph, END]
        counts = Counter(parts["learn"])
        self.words = [UNKNOWN, *sorted(word for word in counts if counts[word] >= least)]
        self.number_of = {word: number for number, word in enumerate(self.words)}
        self.learn, self.validate, self.measure = map(self.numbers, parts.values())

    def numbers(self, words):
        return torch.tensor([self.number_of.get(word, 0) for word in words])


# What needs no net: counts.


def unigram_perplexity(learn, measure, words):
    """Return the perplexity of always predicting how often each word occurs, counts plus one."""
    counts = torch.bincount(learn, minlength=words).double() + 1
    return torch.exp(-(counts / counts.sum()).log()[measure].mean()).item()


def bigram_perplexities(learn, measure, words):
    """Return the perplexity of counted pairs of words: with k added, and mixed with single words.

    Either has one number to choose; the one that is best on what is measured is taken, which no net
    is allowed.
    """
    single = torch.bincount(learn, minlength=words).double()
    before = torch.bincount(learn[:-1], minlength=words).double()
    pairs = Counter(zip(learn[:-1].tolist(), learn[1:].tolist(), strict=True))
    first, second = measure[:-1], measure[1:]
    seen = [pairs[pair] for pair in zip(first.tolist(), second.tolist(), strict=True)]
    seen = torch.tensor(seen, dtype=torch.float64)

    ks = [10.0**-exponent for exponent in range(5)]
    added = [(seen + k) / (before[first] + k * words) for k in ks]
    unigram = (single + 1) / (single.sum() + words)
    shares = [share / 10 for share in range(1, 10)]
    of_pairs = seen / before[first].clamp(min=1)
    mixed = [share * of_pairs + (1 - share) * unigram[second] for share in shares]
    return [
        min(torch.exp(-chances.log().mean()).item() for chances in options)
        for options in (added, mixed)
    ]


# The net.


class LanguageModel(nn.Module):
    """Embedding, dropout, LSTM, dropout, scores of the word that comes next."""

    def __init__(self, words, hidden, layers, dropout, tied):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.embedding = nn.Embedding(words, hidden)
        self.lstm = nn.LSTM(
            hidden, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0
        )
        self.scores = nn.Linear(hidden, words)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.scores.weight, -0.1, 0.1)
        nn.init.zeros_(self.scores.bias)
        if tied:
            self.scores.weight = self.embedding.weight

    def forward(self, words, memory=None):
        remembered, memory = self.lstm(self.drop(self.embedding(words)), memory)
        return self.scores(self.drop(remembered)), memory


def streams(numbers, count):
    """Cut a row of numbers into rows to be read side by side."""
    return numbers[: len(numbers) // count * count].view(count, -1)


def steps(rows, length):
    """Yield what is read and what comes next, `length` words of all rows at a time."""
    for start in range(0, rows.shape[1] - 1, length):
        piece = rows[:, start : start + length + 1]
        yield piece[:, :-1], piece[:, 1:]


def perplexity(net, numbers, length):
    """Return e to the mean loss of a word, in a text that is read once, from its beginning."""
    total, memory = 0.0, None
    row = numbers.view(1, -1)
    net.eval()
    with torch.inference_mode():
        for read, following in steps(row, length):
            scores, memory = net(read, memory)
            total += F.cross_entropy(scores.flatten(0, 1), following.flatten(), reduction="sum")
    return math.exp(total.item() / (len(numbers) - 1))


def write(net, prompt, count, temperature, generator):
    """Return so many word numbers, each drawn after all before it; never <unk>."""
    net.eval()
    written, read, memory = [], prompt, None
    with torch.inference_mode():
        for _ in range(count):
            scores, memory = net(read, memory)
            scores = scores[:, -1].cpu()
            scores[:, 0] = -math.inf
            if temperature:
                chances = F.softmax(scores / temperature, 1)
                drawn = torch.multinomial(chances, 1, generator=generator)
            else:
                drawn = scores.argmax(1, keepdim=True)
            written.append(drawn.item())
            read = drawn.to(prompt.device)
    return written


def prose(words):
    """Return words as one would write them: signs close up, paragraphs apart."""
    text = " ".join(words).replace(f" {END}", "\n\n").replace("\n\n ", "\n\n")
    text = re.sub(r" ([.,:;!?)\]}])", r"\1", text)
    return re.sub(r"([(\[{]) ", r"\1", text)


class Training:
    """A run that can be stopped at any moment and goes on from the end of its last epoch."""

    def __init__(self, net, corpus, args):
        self.net, self.corpus, self.args = net, corpus, args
        self.rows = streams(corpus.learn, args.batch_size)
        self.epoch, self.epochs, self.seconds = 0, [], 0.0
        self.best = {name: value.clone() for name, value in net.state_dict().items()}
        self.optimizer = torch.optim.Adam(net.parameters(), args.lr)
        self.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, factor=0.25, patience=0, threshold=0.005
        )

    def run(self, path):
        """Train to the end; write a checkpoint after every epoch. The best weights stay."""
        began = time.perf_counter() - self.seconds
        while self.epoch < self.args.epochs:
            lr = self.optimizer.param_groups[0]["lr"]
            learned = self.read_once()
            validated = perplexity(self.net, self.corpus.validate, self.args.length)
            if all(validated < other["validate"] for other in self.epochs):
                self.best = {name: value.clone() for name, value in self.net.state_dict().items()}
            self.epoch += 1
            self.epochs.append(
                {"epoch": self.epoch, "lr": lr, "learn": learned, "validate": validated}
            )
            self.scheduler.step(math.log(validated))
            if self.optimizer.param_groups[0]["lr"] < lr:
                self.net.load_state_dict(self.best)
            self.seconds = time.perf_counter() - began
            log.info(
                "epoch %d: perplexity %.1f as it learned, %.1f on validation, learning rate %g",
                *(self.epoch, learned, validated, lr),
            )
            if not self.args.dry_run:
                self.save(path)
        self.net.load_state_dict(self.best)

    def read_once(self):
        """Read all the text once and learn from it; return the perplexity on the way."""
        # What dropout draws depends on the seed and the epoch alone: a run taken up draws the same.
        torch.manual_seed(1000 * self.args.seed + self.epoch)
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
            nn.utils.clip_grad_norm_(self.net.parameters(), self.args.clip)
            self.optimizer.step()
            total += loss.item()
        if not total / count < 50:  # far above the logarithm of any vocabulary
            raise InputError(
                f"the loss is {total / count}: with --lr {self.args.lr} training went astray"
            )
        return math.exp(total / count)

    def settings(self):
        """Return what a checkpoint must share with the run that goes on from it."""
        names = "text least epochs batch_size length hidden layers dropout untied lr clip seed"
        settings = {name: getattr(self.args, name) for name in names.split()}
        return settings | {"words": self.corpus.words}

    def save(self, path):
        """Write a checkpoint: a kill at any moment leaves the one before or this one, whole."""
        state = {
            "settings": self.settings(),
            "model": self.net.state_dict(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "epochs": self.epochs,
            "seconds": self.seconds,
        }
        partial = path.with_suffix(".partial")
        with open(partial, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)

    def load(self, path):
        """Go back to where a checkpoint was written."""
        state = read_checkpoint(path)
        for name, value in self.settings().items():
            if state["settings"].get(name) != value:
                raise InputError(f"{path} is of another run: its {name} differs")
        self.net.load_state_dict(state["model"])
        self.best = {name: value.to(self.rows.device) for name, value in state["best"].items()}
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.epochs, self.epoch = state["epochs"], len(state["epochs"])
        self.seconds = state["seconds"]


def read_checkpoint(path):
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        return state | {"best": state["best"]}
    except FileNotFoundError as error:
        raise InputError(
            f"no checkpoint in {path.parent}: train first, with --out there"
        ) from error
    except Exception as error:  # whatever else lies there can fail in any way
        raise InputError(f"{path} is no checkpoint of this script: {first_line(error)}") from error


def first_line(error):
    return str(error).strip().partition("\n")[0]


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


def draw_perplexities(epochs, floors, path):
    """Draw the perplexity over the epochs, among those that need no net."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    numbers = [epoch["epoch"] for epoch in epochs]
    axes.plot(numbers, [epoch["learn"] for epoch in epochs], marker=".", label="as it learned")
    axes.plot(numbers, [epoch["validate"] for epoch in epochs], marker=".", label="validation")
    for (name, value), style in zip(floors.items(), (":", "--", "-.", "-"), strict=True):
        axes.axhline(value, color="gray", linestyle=style, label=f"{name}: {value:.0f}")
    for before, after in itertools.pairwise(epochs):
        if after["lr"] < before["lr"]:
            axes.axvline(before["epoch"], color="tab:red", alpha=0.3)
            axes.annotate("rate falls", (before["epoch"], before["learn"]), color="tab:red")
    axes.set(title="Perplexity of the next word", xlabel="epoch", ylabel="perplexity", yscale="log")
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120)


# A run, from the command line or called.


def write_on(net, words, args, device):
    """Return the prompt and `--sample` words after it."""
    known = {word: number for number, word in enumerate(words)}
    prompt = [END, *words_of(args.prompt)]
    strange = [word for word in prompt if word not in known]
    if strange:
        raise InputError(f"--prompt: the net never learned {' '.join(strange)}")
    generator = torch.Generator().manual_seed(args.seed)
    row = torch.tensor([[known[word] for word in prompt]], device=device)
    written = write(net, row, args.sample, args.temperature, generator)
    return prose(prompt[1:] + [words[number] for number in written])


def generate(args):
    """Write with the best net of a checkpoint; learn nothing."""
    state, device = read_checkpoint(args.out / "checkpoint.pt"), pick_device(args.device)
    known = state["settings"]
    net = LanguageModel(
        len(known["words"]), known["hidden"], known["layers"], 0.0, not known["untied"]
    )
    net.load_state_dict(state["best"])
    net.to(device)
    return {"sample": write_on(net, known["words"], args, device), "device": str(device)}


def run(args):
    """Read the corpus, count, train, measure, write, and return what came out."""
    device = pick_device(args.device)
    corpus = Corpus(read_text(args.text), args.least)
    sizes = {part: len(getattr(corpus, part)) for part in ("learn", "validate", "measure")}
    if len(corpus.learn) // args.batch_size < args.length or min(sizes.values()) < 100:
        raise InputError(f"--text {args.text} is too short: {sizes['learn']} words to learn from")
    words = len(corpus.words)
    unigram = unigram_perplexity(corpus.learn, corpus.measure, words)
    added, mixed = bigram_perplexities(corpus.learn, corpus.measure, words)
    log.info("%d different words; %s", words, sizes)
    if args.dry_run:
        corpus.validate, corpus.measure = corpus.validate[:200], corpus.measure[:200]
    for part in sizes:
        setattr(corpus, part, getattr(corpus, part).to(device))

    torch.manual_seed(args.seed)
    net = LanguageModel(words, args.hidden, args.layers, args.dropout, not args.untied).to(device)
    training, path = Training(net, corpus, args), args.out / "checkpoint.pt"
    if args.resume and path.exists():
        training.load(path)
        log.info("going on after epoch %d", training.epoch)
    elif not args.dry_run:
        path.unlink(missing_ok=True)  # a stopped run must not find an older one's
    training.run(path)
    measured = perplexity(net, corpus.measure, args.length)
    sample = write_on(net, corpus.words, args, device)
    if not args.dry_run:
        floors = {"all words alike": words, "single words": unigram}
        floors |= {"pairs of words, k added": added, "pairs and single words": mixed}
        draw_perplexities(training.epochs, floors, args.out / "perplexity.png")
        (args.out / "sample.txt").write_text(sample, encoding="utf-8")
    return {
        "device": str(device),
        "words": words,
        "sizes": sizes,
        "weights": sum(weight.numel() for weight in net.parameters()),
        "perplexity": measured,
        "unigram_perplexity": unigram,
        "bigram_perplexity": added,
        "mixed_perplexity": mixed,
        "epochs": training.epochs,
        "sample": sample,
        "seconds_training": training.seconds,
    }


def read_arguments(argv):
    positive = workbench.number(int, lambda value: value > 0, "positive number")
    count = workbench.number(int, lambda value: value >= 0, "number")
    rate = workbench.number(float, lambda value: 0 < value < math.inf, "rate")
    share = workbench.number(float, lambda value: 0 <= value < 1, "share")
    heat = workbench.number(float, lambda value: 0 <= value < math.inf, "temperature")
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--text", default="pydoc", help="pydoc (the help texts of this Python) or a text file")
    add("--least", type=positive, default=3, help="times that a word must occur to be learned")
    add(
        "--out", type=Path, default=Path("runs/word_language_model"), help="folder of what it makes"
    )
    add("--epochs", type=positive, default=8, help="times through the text")
    add("--batch-size", type=positive, default=16, help="streams that are read side by side")
    add("--length", type=positive, default=32, help="words that a gradient reaches back")
    add("--hidden", type=positive, default=128, help="size of embedding and memory")
    add("--layers", type=positive, default=1, help="LSTMs one upon the other")
    add("--dropout", type=share, default=0.4, help="share of numbers that each step leaves out")
    add("--untied", action="store_true", help="give the last layer weights of its own")
    add("--lr", type=rate, default=0.005, help="Adam's learning rate at first")
    add("--clip", type=rate, default=1.0, help="greatest length of a gradient")
    add("--seed", type=count, default=0, help="for first weights, dropout and what is drawn")
    add("--device", help="cpu, cuda, mps, ...; None: the accelerator here, or cpu")
    add("--threads", type=positive, default=1, help="so small a net gains little from more")
    add("--generate", action="store_true", help="only write, by the checkpoint in --out")
    add("--prompt", default="", help="words that the sample begins with")
    add("--temperature", type=heat, default=0.8, help="0 is dull, 1 as learned, above it wild")
    add("--sample", type=positive, default=120, help="words to write")
    add("--resume", action="store_true", help="go on from the checkpoint in --out, if it is there")
    add("--dry-run", action="store_true", help="a few steps of everything; write nothing")
    args = parser.parse_args(argv)
    if args.dry_run:
        args.epochs, args.sample, args.resume = 1, 20, False
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
            f"\nperplexity {metrics['perplexity']:.1f} on paragraphs never read; "
            f"pairs and single words {metrics['mixed_perplexity']:.1f}, "
            f"pairs {metrics['bigram_perplexity']:.1f}, "
            f"single words {metrics['unigram_perplexity']:.1f}, all alike {metrics['words']}; "
            f"{metrics['seconds_training']:.0f} s of training"
        )
    return metrics


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; --resume goes on after the last whole epoch")
