"""Write simple English sentences and their translations into Talu, a language made up for this.

In Talu the adjective follows its noun, the verb comes last, "near" and "behind" follow what they
are said of, and every noun has a gender, o or a, with which article and adjective agree, in number
too:

    the small queen does not see a red bird      la regina pika uno avio rubo ne vidas
    yesterday some cats found the ship           unon miron la nava yer trovisen
"""

import random


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


def write_pairs(count, seed):
    """Return lines of `count` pairs with different sources; the same seed writes the same."""
    draw, lines = random.Random(seed), {}
    while len(lines) < count:
        source, target, links = make_pair(draw)
        lines.setdefault(source, f"{source}\t{target}\t{' '.join(links)}\n")
    return "".join(lines.values())
