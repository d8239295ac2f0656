"""A text as words: cut into parts, written as one would write it, and counted.

Counting is what a net that predicts words has to beat: how often each word occurs, and each pair.
"""

import re
from collections import Counter

import torch

UNKNOWN, END = "<unk>", "<end>"  # a word too rare to learn; the end of a paragraph


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


def prose(words):
    """Return words as one would write them: signs close up, paragraphs apart."""
    text = " ".join(words).replace(f" {END}", "\n\n").replace("\n\n ", "\n\n")
    text = re.sub(r" ([.,:;!?)\]}])", r"\1", text)
    return re.sub(r"([(\[{]) ", r"\1", text)


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
