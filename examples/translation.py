"""Translate with attention: from simple English into a language that orders its words otherwise.

A GRU reads the English sentence in both directions; a second GRU writes the translation word by
word, and before each word looks back at the source with a weight for every source word: attention.
It must learn a dictionary, another word order, and endings that agree. spro's practical PyTorch,
which notes 000 and 001 send the learner to for language, ends with such a net.

    python examples/translation.py
    python examples/translation.py --translate "the small queen does not see a red bird"

By default the script writes 4,000 pairs in Talu, a language of its own, to `--out`/pairs.tsv, and
reads them back. In Talu the adjective follows its noun, the verb comes last, "near" and "behind"
follow what they are said of, and every noun has a gender, o or a, with which article and adjective
agree, in number too:

    the small queen does not see a red bird      la regina pika uno avio rubo ne vidas
    yesterday some cats found the ship           unon miron la nava yer trovisen

`--data FILE` reads real pairs: source, tab, target, as Tatoeba has them; a third
column in Pharaoh's notation ("0-0 1-2": source word 0 is target word 0) tells which word is which,
and is only measured by. One pair in ten is kept for measuring; a source sentence is never in both
parts. `--out` gets loss.png, attention.png and a checkpoint from which `--resume` goes on.

Measured on 400 unseen sentences, median of three seeds: 99.5 % are translated word for word. A
dictionary made from the same pairs and applied word by word gets none: it finds 66 % of the words,
12 % in their place; the most frequent words get 6 %. Attention peaks at the word that is translated
for 98 % of the words (for 82 % where articles look at their noun, whose gender they must know).
"""

import argparse
import collections
import hashlib
import io
import logging
import os
import random
import re
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
import workbench
from matplotlib.figure import Figure
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

log = logging.getLogger("translation")


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


# Talu, and sentences in it.


def read_words(text):
    """Return the words of each of the comma-separated entries of a dictionary."""
    return [entry.split() for entry in text.split(",")]


# A noun of Talu ends in its gender.
NOUNS = dict(
    read_words(
        "cat miro, bird avio, king rego, tree arbo, letter skrito, horse kavo, garden jardo, "
        "baker pano, queen regina, river riva, house doma, ship nava, song kanta, dog hunda, "
        "farmer agra, bridge ponta"
    )
)
ADJECTIVES = dict(
    read_words(
        "small pik, big gran, red rub, old vek, young jun, quiet silen, good bon, blue azu, "
        "tired lac, strange mistr"
    )
)
VERBS = read_words(
    "see sees saw vid, find finds found trov, follow follows followed sek, like likes liked am, "
    "draw draws drew des, hear hears heard ud, know knows knew kon, paint paints painted pent"
)
PLACES = {"near": "cheto", "behind": "darno", "without": "seno"}
TIMES = {"today": "nun", "yesterday": "yer", "often": "multe"}


def noun_phrase(draw):
    """Return a noun phrase as [(English word, word of Talu)] in the order of Talu."""
    noun, plural, definite = draw.choice(list(NOUNS)), draw.random() < 0.4, draw.random() < 0.6
    gender, ending = NOUNS[noun][-1], "n" * plural
    article = "the" if definite else "some" if plural else "a"
    phrase = [
        (article, ("l" if definite else "un") + gender + ending),
        (noun + "s" * plural, NOUNS[noun] + ending),
    ]
    if draw.random() < 0.5:
        adjective = draw.choice(list(ADJECTIVES))
        phrase.append((adjective, ADJECTIVES[adjective] + gender + ending))
    return phrase, plural


def in_english(phrase):
    """Return a noun phrase with its adjective before the noun."""
    article, noun, *adjective = phrase
    return [article, *adjective, noun]


def make_pair(draw):
    """Return a sentence, its translation, and the pairs of places that mean the same."""
    (subject, plural), (thing, _) = noun_phrase(draw), noun_phrase(draw)
    place, _ = noun_phrase(draw)
    near = draw.choice(list(PLACES))
    near = [(near, PLACES[near])]
    if draw.random() < 0.7:
        place, near = [], []
    time_word = draw.choice(list(TIMES))
    when = [(time_word, TIMES[time_word])] if draw.random() < 0.25 else []
    past = time_word == "yesterday" if when else draw.random() < 0.4
    base, third, before, stem = draw.choice(VERBS)

    verb_in_talu = stem + ("is" if past else "as") + "en" * plural
    if draw.random() < 0.25:
        helper = [("did" if past else "do" if plural else "does", None)]
        no, verb = [("not", "ne")], [(base, verb_in_talu)]
    else:
        helper, no = [], []
        verb = [(before if past else base if plural else third, verb_in_talu)]

    english = [*when, *in_english(subject), *helper, *no, *verb, *in_english(thing)]
    english += near + (in_english(place) if place else [])
    talu = [*subject, *place, *near, *thing, *when, *no, *verb]
    # The same pair of words may come twice, so places are found by identity.
    places = {id(pair): i for i, pair in enumerate(english)}
    links = [f"{places[id(pair)]}-{j}" for j, pair in enumerate(talu)]
    return " ".join(pair[0] for pair in english), " ".join(pair[1] for pair in talu), links


def write_pairs(file, count, seed):
    """Write `count` pairs with different sources; the same seed writes the same."""
    draw, seen = random.Random(seed), set()
    while len(seen) < count:
        source, target, links = make_pair(draw)
        if source not in seen:
            seen.add(source)
            file.write(f"{source}\t{target}\t{' '.join(links)}\n")


# Reading: from lines of text to batches of numbers.

PADDING, UNKNOWN, START, END = range(4)


def split_words(text):
    """Return the words and punctuation marks of a text."""
    return re.findall(r"\w+(?:'\w+)*|[^\w\s]", text.lower())


def read_pairs(lines, name):
    """Return [(source words, target words, {target place: source place} or None)]."""
    pairs = {}
    for number, line in enumerate(lines, 1):
        source, *rest = line.rstrip("\n").split("\t")
        source, target = split_words(source), split_words(rest[0] if rest else "")
        if not source or not target:
            raise InputError(f"{name}, line {number}: no source, tab and target")
        links = None
        if len(rest) > 1 and re.fullmatch(r"(\d+-\d+ ?)+", rest[1]):
            links = {int(j): int(i) for i, j in (link.split("-") for link in rest[1].split())}
        pairs.setdefault(tuple(source), (source, target, links))
    return list(pairs.values())


class Vocabulary:
    """A number for each word that is met at least twice; the rest are <unk>."""

    def __init__(self, words):
        self.words = words
        self.numbers = {word: number for number, word in enumerate(words)}

    def __len__(self):
        return len(self.words)

    @classmethod
    def of(cls, sentences):
        counts = collections.Counter(word for words in sentences for word in words)
        known = sorted(word for word, count in counts.items() if count > 1)
        return cls(["<pad>", "<unk>", "<start>", "<end>", *known])

    def encode(self, words):
        return torch.tensor([self.numbers.get(word, UNKNOWN) for word in words] + [END])

    def decode(self, numbers):
        return [self.words[number] for number in numbers]


def pad(sentences, device):
    return pad_sequence(sentences, batch_first=True, padding_value=PADDING).to(device)


# The net.


class Translator(nn.Module):
    """Encoder, attention and decoder; the target is given during training: teacher forcing."""

    def __init__(self, source_words, target_words, width=48, hidden=128):
        super().__init__()
        self.source = nn.Embedding(source_words, width, padding_idx=PADDING)
        self.target = nn.Embedding(target_words, width, padding_idx=PADDING)
        self.encoder = nn.GRU(width, hidden // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(width, hidden, batch_first=True)
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.key = nn.Linear(hidden + width, hidden)
        self.join = nn.Linear(2 * hidden, hidden)
        self.score = nn.Linear(hidden, target_words)

    def encode(self, source):
        """Return what the decoder needs: first state, memory of each word, where words are."""
        there = source != PADDING
        embedded = self.source(source)
        packed = pack_padded_sequence(
            embedded, there.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        states, last = self.encoder(packed)
        states, _ = pad_packed_sequence(states, batch_first=True)
        memory = self.key(torch.cat([states, embedded], 2))
        return torch.cat([last[0], last[1]], 1)[None], memory, there

    def decode(self, words, state, memory, there):
        """Take target words; return the scores of each next word, the state, the attention."""
        states, state = self.decoder(self.target(words), state)
        similar = self.query(states) @ memory.mT / memory.shape[2] ** 0.5
        attention = similar.masked_fill(~there[:, None], -torch.inf).softmax(2)
        context = attention @ memory
        joined = torch.tanh(self.join(torch.cat([states, context], 2)))
        return self.score(joined), state, attention

    def forward(self, source, target):
        """Return the scores of each target word, given those before it, and the attention."""
        shifted = torch.cat([torch.full_like(target[:, :1], START), target[:, :-1]], 1)
        scores, _, attention = self.decode(shifted, *self.encode(source))
        return scores, attention

    def translate(self, source, longest):
        """Return greedy translations as lists of numbers, and the attention of each word."""
        state, memory, there = self.encode(source)
        word = torch.full_like(source[:, :1], START)
        words, looks = [], []
        for _ in range(longest):
            scores, state, attention = self.decode(word, state, memory, there)
            word = scores.argmax(2)
            words.append(word)
            looks.append(attention)
            if (torch.cat(words, 1) == END).any(1).all():
                break
        found = []
        for numbers in torch.cat(words, 1).tolist():
            found.append(numbers[: numbers.index(END)] if END in numbers else numbers)
        return found, torch.cat(looks, 1).cpu()


def pick_device(name):
    """Return the device called `name`, or the accelerator that is here, or the CPU."""
    if name:
        try:
            return torch.empty(1, device=name).device
        except (AssertionError, RuntimeError) as error:
            raise InputError(f"--device {name}: {str(error).splitlines()[0]}") from error
    try:
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    except (AttributeError, TypeError):  # before PyTorch 2.7
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Training:
    """A run that can be stopped at any moment and taken up again after its last whole epoch."""

    def __init__(self, net, vocabularies, train, test, args):
        self.net, self.vocabularies, self.args = net, vocabularies, args
        self.train, self.test = train, test
        self.optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
        self.losses, self.seconds = [], 0.0

    def run(self, checkpoint=None):
        began = time.perf_counter() - self.seconds
        while len(self.losses) < self.args.epochs:
            loss = self.epoch()
            if not loss < float("inf"):
                raise InputError(f"the loss is {loss}: --lr {self.args.lr} led training astray")
            unseen = self.loss_on(self.test)
            self.losses.append({"train": loss, "test": unseen})
            log.info("epoch %d: loss %.3f, on unseen %.3f", len(self.losses), loss, unseen)
            self.seconds = time.perf_counter() - began
            if checkpoint:
                self.save(checkpoint)

    def epoch(self):
        """Take the training pairs once, in an order of seed and epoch; return the mean loss."""
        generator = torch.Generator().manual_seed(1000 * self.args.seed + len(self.losses))
        order = torch.randperm(len(self.train), generator=generator)
        for group in self.optimizer.param_groups:  # smaller steps towards the end
            group["lr"] = self.args.lr * (1 - len(self.losses) / self.args.epochs)
        total = 0.0
        self.net.train()
        name = f"epoch {len(self.losses) + 1} of {self.args.epochs}"
        for chosen in tqdm(order.split(self.args.batch_size), name, leave=False, disable=None):
            self.optimizer.zero_grad()
            loss = self.loss([self.train[i] for i in chosen.tolist()])
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
            self.optimizer.step()
            total += loss.item() * len(chosen)
        return total / len(order)

    def loss(self, pairs):
        device = self.net.score.weight.device
        source, target = (pad([pair[i] for pair in pairs], device) for i in (0, 1))
        scores, _ = self.net(source, target)
        return F.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=PADDING)

    def loss_on(self, pairs):
        self.net.eval()
        with torch.inference_mode():
            return self.loss(pairs[:500]).item()

    def settings(self):
        """Return what a checkpoint must share with the run that goes on from it."""
        names = ("epochs", "batch_size", "lr", "seed", "pairs")
        return {name: getattr(self.args, name) for name in names}

    def save(self, path):
        """Write a checkpoint: a kill at any moment leaves the one before or this one, whole."""
        state = {
            "settings": self.settings(),
            "words": [vocabulary.words for vocabulary in self.vocabularies],
            "model": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "losses": self.losses,
            "seconds": self.seconds,
        }
        partial = path.with_suffix(".partial")
        with open(partial, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)

    def load(self, path):
        state = read_checkpoint(path)
        for name, value in self.settings().items():
            if state["settings"].get(name) != value:
                raise InputError(
                    f"{path} is of another run: {name} is {state['settings'].get(name)} there, "
                    f"{value} here"
                )
        self.net.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.losses, self.seconds = state["losses"], state["seconds"]


def read_checkpoint(path):
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        for name in ("settings", "words", "model", "optimizer", "losses", "seconds"):
            state[name]
    except FileNotFoundError as error:
        raise InputError(f"no trained net in {path}: run the script without --translate") from error
    except Exception as error:  # whatever else lies there can fail in any way
        line = str(error).strip().partition("\n")[0]
        raise InputError(f"{path} is no checkpoint of this script: {line}") from error
    return state


# Measuring.


def compare(found, wanted):
    """Return the share of sentences found word for word, and of words found in their place."""
    same = [f == w for f, w in zip(found, wanted, strict=True)]
    hits = sum(a == b for f, w in zip(found, wanted, strict=True) for a, b in zip(f, w))  # noqa: B905
    places = sum(max(len(f), len(w)) for f, w in zip(found, wanted, strict=True))
    shared = sum(
        (collections.Counter(f) & collections.Counter(w)).total()
        for f, w in zip(found, wanted, strict=True)
    )
    words = sum(map(len, wanted))
    return {"exact": sum(same) / len(same), "words": hits / places, "anywhere": shared / words}


def most_frequent(train, test):
    """Translate every sentence by the most frequent word of each place of its length."""
    places = collections.defaultdict(collections.Counter)
    for _, target, _ in train:
        for place, word in enumerate(target):
            places[place][word] += 1
    best = [places[place].most_common(1)[0][0] for place in sorted(places)]
    length = collections.Counter(len(target) for _, target, _ in train).most_common(1)[0][0]
    return [best[:length] for _ in test]


def word_by_word(train, test):
    """Translate each word where it stands, by the word that most often keeps it company.

    Company is measured by Dice's coefficient over the training pairs.
    """
    together = collections.defaultdict(collections.Counter)
    left, right = collections.Counter(), collections.Counter()
    for source, target, _ in train:
        left.update(set(source))
        right.update(set(target))
        for word in set(source):
            together[word].update(set(target))
    best = {
        word: max(others, key=lambda other: others[other] / (left[word] + right[other]))
        for word, others in ((word, together[word]) for word in sorted(together))
    }
    return [[best.get(word, "<unk>") for word in source] for source, _, _ in test]


def translate_all(net, vocabularies, sources, device):
    """Return the greedy translation of each list of source words."""
    net.eval()
    numbers = [vocabularies[0].encode(words) for words in sources]
    found = []
    with torch.inference_mode():
        for start in range(0, len(numbers), 250):
            source = pad(numbers[start : start + 250], device)
            found += net.translate(source, 2 * source.shape[1] + 10)[0]
    return [vocabularies[1].decode(words) for words in found]


def look(net, vocabularies, source, target, device):
    """Return the attention [target word, source word] as the net writes a given translation.

    The sentence's end is a word of its own on both sides, and stands last.
    """
    net.eval()
    with torch.inference_mode():
        sides = (vocabularies[0].encode(source), vocabularies[1].encode(target))
        _, attention = net(*(numbers[None].to(device) for numbers in sides))
    return attention[0].cpu()


def aligned(net, vocabularies, pairs, device):
    """Return how often the peak of attention, and the diagonal, is the word that is translated."""
    peaks = diagonal = words = 0
    for source, target, links in pairs:
        if links:
            peak = look(net, vocabularies, source, target, device).argmax(1).tolist()
            peaks += sum(peak[j] == i for j, i in links.items())
            diagonal += sum(j == i for j, i in links.items())
            words += len(links)
    return {"attention": peaks / words, "diagonal": diagonal / words} if words else None


# Figures.


def draw_losses(losses, path):
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for part in ("train", "test"):
        values = [each[part] for each in losses]
        axes.plot(range(1, len(losses) + 1), values, marker=".", label=part)
    axes.set(title="Loss after each epoch", xlabel="epochs", ylabel="cross-entropy of a word")
    axes.set_ylim(0, None)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


def draw_attention(net, vocabularies, pairs, device, path):
    """Draw where the net looks in four unseen sentences; circles mark the word translated."""
    by_length = sorted(pairs, key=lambda pair: len(pair[1]))
    chosen = [by_length[int(share * (len(pairs) - 1))] for share in (0.3, 0.6, 0.9, 1)]
    figure = Figure(figsize=(11, 10), layout="constrained")
    figure.suptitle("Attention: each row is a word written, each column a word read")
    for axes, (source, target, links) in zip(figure.subplots(2, 2).flat, chosen, strict=True):
        written = translate_all(net, vocabularies, [source], device)[0]
        attention = look(net, vocabularies, source, written, device)
        axes.imshow(attention.numpy(), cmap="Greys", vmin=0, vmax=1)
        if links and written == target:
            axes.scatter(links.values(), links.keys(), s=130, facecolors="none", edgecolors="red")
        axes.set_xticks(range(len(source) + 1), [*source, "."], rotation=60, ha="right")
        axes.set_yticks(range(len(written) + 1), [*written, "."])
    figure.savefig(path, dpi=90)


# A run, from the command line or called.


def open_pairs(args):
    """Return the pairs of `--data`, or of a file written for this run."""
    if args.data is None:
        file = io.StringIO()
        write_pairs(file, 300 if args.dry_run else args.pairs, args.seed)
        if args.dry_run:
            return read_pairs(io.StringIO(file.getvalue()), "pairs.tsv")
        args.data = args.out / "pairs.tsv"
        args.data.write_text(file.getvalue(), encoding="utf-8")
    try:
        text = args.data.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"no pairs in {args.data}: put lines of a source, a tab and a target there, "
            "or leave --data out"
        ) from error
    pairs = read_pairs(io.StringIO(text), args.data)
    args.pairs = hashlib.sha256(text.encode()).hexdigest()[:12]  # a resumed run must find the same
    return pairs[:300] if args.dry_run else pairs


def run(args):
    """Train the net and return what it reaches."""
    device = pick_device(args.device)
    if not args.dry_run:
        try:
            args.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"--out {args.out}: {error.strerror}") from error
    pairs = open_pairs(args)
    random.Random(args.seed).shuffle(pairs)
    test, train = pairs[: len(pairs) // 10], pairs[len(pairs) // 10 :]
    if not test:
        raise InputError(f"{args.data} has {len(pairs)} different sources; 10 are the least")
    vocabularies = [Vocabulary.of(pair[side] for pair in train) for side in (0, 1)]
    log.info("%d pairs to learn from, %d unseen, %d and %d words", *map(len, (train, test)),
        *map(len, vocabularies))  # fmt: skip

    torch.manual_seed(args.seed)
    net = Translator(*map(len, vocabularies)).to(device)
    encoded = [
        [tuple(vocabularies[side].encode(pair[side]) for side in (0, 1)) for pair in part]
        for part in (train, test)
    ]
    training = Training(net, vocabularies, *encoded, args)
    checkpoint = None if args.dry_run else args.out / "checkpoint.pt"
    if checkpoint and args.resume and checkpoint.exists():
        training.load(checkpoint)
        log.info("going on after epoch %d", len(training.losses))
    elif checkpoint:
        checkpoint.unlink(missing_ok=True)  # a stopped run must not find an older one's
    training.run(checkpoint)

    sources, targets = ([pair[side] for pair in test] for side in (0, 1))
    translated = translate_all(net, vocabularies, sources, device)
    rows = {
        "attention net": compare(translated, targets),
        "word by word": compare(word_by_word(train, test), targets),
        "most frequent": compare(most_frequent(train, test), targets),
    }
    alignment = aligned(net, vocabularies, test, device)
    if not args.dry_run:
        draw_losses(training.losses, args.out / "loss.png")
        draw_attention(net, vocabularies, test, device, args.out / "attention.png")

    print("\nunseen sentences   exact   words in place   words anywhere")
    for name, row in rows.items():
        print(f"{name:16}{row['exact']:8.1%}{row['words']:17.1%}{row['anywhere']:17.1%}")
    if alignment:
        print("attention peaks at the word that is translated: {attention:.1%} (the word at the "
            "same place: {diagonal:.1%})".format(**alignment))  # fmt: skip
    for source, written in list(zip(sources, translated, strict=True))[:3]:
        print("  " + " ".join(source) + "  ->  " + " ".join(written))
    return {
        "pairs": {"train": len(train), "test": len(test)},
        "words": [len(vocabulary) for vocabulary in vocabularies],
        "net": rows["attention net"],
        "word_by_word": rows["word by word"],
        "most_frequent": rows["most frequent"],
        "aligned": alignment,
        "losses": training.losses,
        "seconds": training.seconds,
    }


def translate(args):
    """Return the translation of one sentence by the trained net."""
    source = split_words(args.translate)
    if not source:
        raise InputError("--translate: the sentence has no words")
    device = pick_device(args.device)
    state = read_checkpoint(args.out / "checkpoint.pt")
    vocabularies = [Vocabulary(words) for words in state["words"]]
    net = Translator(*map(len, vocabularies))
    net.load_state_dict(state["model"])
    net.to(device)
    unknown = sorted(set(source) - set(vocabularies[0].words))
    if unknown:
        log.info("unknown words: %s", ", ".join(unknown))
    written = translate_all(net, vocabularies, [source], device)[0]
    print(" ".join(written))
    return {
        "translation": " ".join(written),
        "attention": look(net, vocabularies, source, written, device).tolist(),
        "unknown": unknown,
    }


def read_arguments(argv):
    positive = workbench.number(int, lambda value: value > 0, "positive number")
    count = workbench.number(int, lambda value: value >= 0, "number")
    rate = workbench.number(float, lambda value: 0 < value <= 1e30, "learning rate")
    many = workbench.number(int, lambda value: 20 <= value <= 100_000, "number from 20 to 100000")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--data", type=Path, metavar="FILE", help="pairs to read (default: written for the run)")
    add("--pairs", type=many, default=4000, help="how many to write (default: 4000)")
    add("--out", type=Path, default=Path("runs/translation"), metavar="DIR", help="where figures "
        "and the checkpoint go (default: runs/translation)")  # fmt: skip
    add("--epochs", type=positive, default=6, help="times through all pairs (default: 6)")
    add("--batch-size", type=positive, default=64, help="pairs in a step (default: 64)")
    add("--lr", type=rate, default=0.004, help="first learning rate of Adam (default: 0.004)")
    add("--seed", type=count, default=0, help="for pairs, weights and order (default: 0)")
    add("--device", help="cpu, cuda, mps, ... (default: the accelerator that is here, or cpu)")
    add("--resume", action="store_true", help="go on from the checkpoint in --out, if it is there")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--translate", metavar="TEXT", help="translate by the trained net")
    either.add_argument(
        "--dry-run", action="store_true", help="go all the way with 300 pairs; write nothing"
    )
    args = parser.parse_args(argv)
    if args.dry_run:
        args.epochs = 1
    return args


def main(argv=None):
    """Train as the arguments say and return the metrics, or what `--translate` finds."""
    args = read_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    try:
        with logging_redirect_tqdm():
            return run(args) if args.translate is None else translate(args)
    except InputError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; --resume goes on from the last checkpoint")
