"""Invent names of six languages that do not exist, and write them one file a language.

A language is a set of syllables. Two are others read backwards, so that the same letters stand
there in another order; one syllable in six is borrowed from any of the six, so that nobody can
always be right.
"""

import random

SYLLABLES = {
    "Lumari": "la ri mo ne ta su ka vi de po",
    "Almuri": "al ir om en at us ak iv ed op",
    "Kesten": "kes ten mar dol rik sun vel tor",
    "Netsek": "sek net ram lod kir nus lev rot",
    "Vioran": "vio ree lou mia na ta le sae",
    "Drugath": "dru gath kor mag zul thak nar ten",
}


def invent_names(count, seed=0):
    """Return {language: names of two to four syllables}, each name once in its language."""
    rng = random.Random(seed)
    everywhere = " ".join(SYLLABLES.values()).split()
    names = {}
    for language, syllables in SYLLABLES.items():
        own, made = syllables.split(), {}
        while len(made) < count:
            parts = rng.choice((2, 3, 3, 4))
            name = "".join(
                rng.choice(everywhere if rng.random() < 1 / 6 else own) for _ in range(parts)
            )
            made[name.capitalize()] = True
        names[language] = list(made)
    return names


def write_names(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for language, own in names.items():
        (folder / f"{language}.txt").write_text("\n".join(own) + "\n", encoding="utf-8")
