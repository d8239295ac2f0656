"""Read pairs of sentences, source and target, and translate them by what needs no net."""

import re
from collections import Counter, defaultdict

from workbench import InputError


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
        alignment = rest[1].strip() if len(rest) > 1 else ""
        links = None
        if re.fullmatch(r"\d+-\d+( \d+-\d+)*", alignment):
            links = {int(j): int(i) for i, j in (link.split("-") for link in alignment.split())}
            if max(links) >= len(target) or max(links.values()) >= len(source):
                raise InputError(f"{name}, line {number}: {alignment} goes past the words")
        pairs.setdefault(tuple(source), (source, target, links))
    return list(pairs.values())


def compare(found, wanted):
    """Return three shares: sentences found word for word, words in their place, words anywhere."""
    both = list(zip(found, wanted, strict=True))
    hits = sum(a == b for f, w in both for a, b in zip(f, w, strict=False))
    places = sum(max(len(f), len(w)) for f, w in both)
    shared = sum((Counter(f) & Counter(w)).total() for f, w in both)
    return {
        "exact": sum(f == w for f, w in both) / len(both),
        "words": hits / places,
        "anywhere": shared / sum(map(len, wanted)),
    }


def most_frequent(train, test):
    """Translate every sentence by the most frequent word of each place of its length."""
    places = defaultdict(Counter)
    for _, target, _ in train:
        for place, word in enumerate(target):
            places[place][word] += 1
    best = [places[place].most_common(1)[0][0] for place in sorted(places)]
    length = Counter(len(target) for _, target, _ in train).most_common(1)[0][0]
    return [best[:length] for _ in test]


def word_by_word(train, test):
    """Translate each word where it stands, by the word that most often keeps it company.

    Company is measured by Dice's coefficient over the training pairs.
    """
    together = defaultdict(Counter)
    left, right = Counter(), Counter()
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
