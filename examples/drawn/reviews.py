"""Write short reviews that praise or blame, most of them in a way that words alone don't tell.

They are plain ("the plot was very good"), negated ("was far from good"), corrected ("was good , not
dull"), turned ("the plot was good but the acting was dull": the last word counts) or distracted
("after an awful day : the plot was good": the day doesn't count).
"""

import random
import re

ASPECTS = "plot acting music story ending dialogue camera cast pace script humour scenery".split()
PRAISE = "good great lovely brilliant charming funny clever moving gripping wonderful".split()
BLAME = "bad awful dull boring weak silly clumsy tedious annoying terrible".split()
VERBS = "was felt seemed looked".split()
ADVERBS = ["", "", "", "very", "really", "quite", "so", "truly"]
NEGATORS = ["not", "not", "never", "hardly", "far from"]
OPENINGS = ["after a {} day", "with my {} sister", "in a {} seat", "over {} popcorn"]
SYLLABLES = "ka lo mi ren du sha vel to bri an".split()
KINDS = "plain plain plain plain negated corrected turned distracted".split()
WORDS = (BLAME, PRAISE)

EXAMPLES = (
    "the plot was very good",
    "the plot was not very good",
    "the acting was lovely , not dull",
    "the acting was dull , not lovely",
    "after a terrible day : the story was funny but the ending felt far from clever",
)


def write_sentence(draw, kind, label):
    """Return a sentence of a kind that praises (label 1) or blames (label 0)."""

    def adjective(label):
        return draw.choice(WORDS[label])

    def clause(label, negated=False):
        words = [draw.choice(ADVERBS), adjective(label ^ negated)]
        if negated:
            words.insert(0, draw.choice(NEGATORS))
        return " ".join(["the", draw.choice(ASPECTS), draw.choice(VERBS), *filter(None, words)])

    if kind == "plain":
        text = clause(label)
    elif kind == "negated":
        text = clause(label, negated=True)
    elif kind == "corrected":  # the same words in another order mean the contrary
        text = f"{clause(label)} , not {adjective(1 - label)}"
        if draw.random() < 0.5:
            text = f"{clause(label, negated=True)} but {adjective(label)}"
    elif kind == "turned":
        text = f"{clause(1 - label, draw.random() < 0.3)} but {clause(label, draw.random() < 0.3)}"
    else:
        opening = draw.choice(OPENINGS).format(adjective(draw.randrange(2)))
        text = f"{opening} : {clause(label, draw.random() < 0.3)}"
    if draw.random() < 0.25:  # names are many, and most are met only once
        text += f" , says {''.join(draw.choices(SYLLABLES, k=3))}"
    return re.sub(r"\ba (?=[aeiou])", "an ", text)


def write_reviews(count, seed=0):
    """Return a table of `count` different reviews, 55 % of them praise.

    It is of lines of a label (1 is praise), a kind and a text, with tabs between, under a header.
    """
    draw, lines = random.Random(seed), {}
    while len(lines) < count:
        kind, label = draw.choice(KINDS), int(draw.random() < 0.55)
        text = write_sentence(draw, kind, label)
        lines.setdefault(text, f"{label}\t{kind}\t{text}\n")
    return "".join(["label\tkind\ttext\n", *lines.values()])
