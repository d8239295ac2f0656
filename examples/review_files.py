"""Read reviews, labelled sentences with tabs between, and make numbers of their words."""

import csv
import random
import re

import torch
from texts import padded
from torch.utils.data import DataLoader
from workbench import InputError

LABELS = {"0": 0, "1": 1, "neg": 0, "pos": 1, "negative": 0, "positive": 1}
PADDING, UNKNOWN = 0, 1


def read_reviews(text, name):
    """Return [(words, label, kind)] of a table: label, text and perhaps kind, with tabs between.

    A text that comes again is left out; the text's column may be called sentence.

    Args:
        text: the table, under a header.
        name: what it is called in an error.
    """
    reader = csv.DictReader(text.split("\n"), delimiter="\t", quoting=csv.QUOTE_NONE)
    columns = reader.fieldnames or []
    column = "text" if "text" in columns else "sentence"
    if "label" not in columns or column not in columns:
        raise InputError(
            f"{name} needs a first line that names the tab-separated columns label and text"
        )
    reviews, seen = [], set()
    for number, row in enumerate(reader, 2):
        label = LABELS.get((row["label"] or "").strip().lower())
        words = split_words(row[column] or "")
        if label is None or not words:
            raise InputError(f"{name}, line {number}: no label 0 or 1 with a text")
        if tuple(words) not in seen:
            seen.add(tuple(words))
            reviews.append((words, label, row.get("kind") or "all"))
    return reviews


def open_reviews(path):
    """Return the reviews of a file."""
    try:
        return read_reviews(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"no reviews in {path}: put lines of a label, a tab and a text there, under the "
            "header label, tab, text; or leave --data out"
        ) from error


def split_words(text):
    """Return the words and punctuation marks of a text.

    >>> split_words("It wasn't good, no.")
    ['it', "wasn't", 'good', ',', 'no', '.']
    """
    return re.findall(r"\w+(?:'\w+)*|[^\w\s]", text.lower())


def split_parts(reviews, seed):
    """Return four fifths of the reviews to learn from and one fifth to be measured on."""
    order = list(range(len(reviews)))
    random.Random(seed).shuffle(order)
    kept = len(order) // 5
    test, train = ([reviews[i] for i in part] for part in (order[:kept], order[kept:]))
    if min(sum(label == wanted for _, label, _ in train) for wanted in (0, 1)) == 0 or not test:
        raise InputError(
            "the reviews are too few: there must be some of either label to learn from"
        )
    return train, test


class Vocabulary:
    """A number for each word that the training part has at least twice; the rest are <unk>."""

    def __init__(self, words):
        self.words = words
        self.numbers = {word: number for number, word in enumerate(words)}

    def __len__(self):
        return len(self.words)

    @classmethod
    def of(cls, sentences, at_least=2):
        counts = {}
        for words in sentences:
            for word in words:
                counts[word] = counts.get(word, 0) + 1
        return cls(["<pad>", "<unk>", *sorted(w for w, n in counts.items() if n >= at_least)])

    def encode(self, words):
        return torch.tensor([self.numbers.get(word, UNKNOWN) for word in words])


class Reviews:
    """Reviews as numbers: a loader of those to learn from, and those to be measured on.

    Attributes:
        vocabulary: the words of those to learn from.
        learn: pairs of a sentence, as numbers, and its label.
        sentences, labels, kinds: of those to be measured on.
        majority: the share of them that always the more frequent label is right about.
    """

    def __init__(self, reviews, seed):
        train, test = split_parts(reviews, seed)
        self.vocabulary = Vocabulary.of(words for words, _, _ in train)
        self.learn = [(self.vocabulary.encode(words), float(label)) for words, label, _ in train]
        self.sentences = [self.vocabulary.encode(words) for words, _, _ in test]
        self.labels = torch.tensor([float(label) for _, label, _ in test])
        self.kinds = [kind for _, _, kind in test]
        praise = sum(label for _, label in self.learn) >= len(self.learn) / 2
        self.majority = (self.labels == float(praise)).double().mean().item()

    def loader(self, size):
        """Return batches of (numbers of the words, padded with zeros; their lengths; labels)."""

        def collate(pairs):
            sentences, labels = zip(*pairs, strict=True)
            return *padded(sentences), torch.tensor(labels)

        return DataLoader(self.learn, size, shuffle=True, collate_fn=collate)

    def score(self, scores):
        """Return the accuracy of scores, above 0 for praise, and that of each kind of sentence."""
        by_kind = {kind: [] for kind in sorted(set(self.kinds))}
        right = ((scores > 0) == (self.labels > 0)).tolist()
        for kind, hit in zip(self.kinds, right, strict=True):
            by_kind[kind].append(hit)
        shares = {kind: sum(hits) / len(hits) for kind, hits in by_kind.items()}
        return {"accuracy": sum(right) / len(right), "by_kind": shares}
