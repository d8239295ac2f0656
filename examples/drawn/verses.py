"""Write couplets, measure what a net makes of them, and what needs no net.

A couplet is two lines, each of five or of seven words, that rhyme; `write_couplets` makes them.
"""

import math
import random
from collections import Counter, defaultdict

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


def judge(texts):
    """Return by kind of judgement and by name how many of the samples of each text are right."""
    couplets = {name: right_couplets(samples) for name, samples in texts.items()}
    return {
        "right_lines": {name: right_lines(samples) for name, samples in texts.items()},
        "right_couplets": {name: even for name, (even, _) in couplets.items()},
        "rhymed": {name: rhymed for name, (_, rhymed) in couplets.items()},
    }


def shares_of_lengths(samples, most=12):
    """Return how many per cent of the lines have 0, 1, ... words; the last has `most` or more."""
    lengths = [min(length, most) for length in words_in_lines(samples)]
    return [100 * lengths.count(length) / max(1, len(lengths)) for length in range(most + 1)]


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
