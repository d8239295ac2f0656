"""Read names, one file a language, make batches of numbers of them, and judge made ones."""

import operator
import random

import torch
import torch.nn.functional as F
from texts import padded, write
from torch.utils.data import DataLoader
from workbench import InputError, first_line


def read_names(folder):
    """Return {language: its different names} of the files folder/LANGUAGE.txt, a name a line."""
    names = {}
    for path in sorted(folder.glob("*.txt")):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} can't be read as UTF-8 text: {first_line(error)}") from error
        names[path.stem] = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
        if len(names[path.stem]) < 5:
            raise InputError(f"{path} holds {len(names[path.stem])} names; 5 are the least")
    if len(names) < 2:
        raise InputError(
            f"no names in {folder}: put LANGUAGE.txt there for two languages or more, a name a line"
        )
    return names


def numbers(name, letters):
    """Return a tensor of the letters' numbers, from 1: 0 is no letter, it pads and ends a name."""
    strange = sorted(set(name) - set(letters))
    if strange or not name:
        raise InputError(f"--classify {name}: no name has had {' '.join(strange)}")
    return torch.tensor([letters.index(letter) + 1 for letter in name])


def place_of(language, languages):
    """Return the number of a language."""
    if language not in languages:
        raise InputError(f"--generate {language}: the nets know {', '.join(languages)}")
    return languages.index(language)


class Names:
    """Pairs of a name and its language's number: a fifth to be measured on, the rest to learn from.

    Args:
        names: by language its names.
    """

    def __init__(self, names):
        self.languages = sorted(names)
        self.letters = sorted({letter for own in names.values() for letter in "".join(own)})
        self.learn, self.measure, rng = [], [], random.Random(0)
        for label, language in enumerate(self.languages):
            own = [(name, label) for name in rng.sample(names[language], len(names[language]))]
            self.measure += own[: len(own) // 5]
            self.learn += own[len(own) // 5 :]

    def loader(self, pairs, size, shuffle=False):
        """Return batches of (numbers of the names, padded with zeros; their lengths; languages)."""

        def collate(pairs):
            names, labels = zip(*pairs, strict=True)
            rows = [numbers(name, self.letters) for name in names]
            return *padded(rows), torch.tensor(labels)

        return DataLoader(pairs, size, shuffle, collate_fn=collate)

    def counted(self, pairs):
        """Return how often each letter is in each name, and the languages."""
        ((names, _, labels),) = self.loader(pairs, len(pairs))
        return F.one_hot(names, len(self.letters) + 1)[..., 1:].sum(1).float(), labels

    def score(self, predicted):
        """Return how right the languages are that a net gives the names to be measured on."""
        actual = torch.tensor([label for _, label in self.measure])
        confusion = torch.zeros(len(self.languages), len(self.languages), dtype=torch.long)
        confusion.index_put_((actual, predicted), torch.tensor(1), accumulate=True)
        return {
            "accuracy": (predicted == actual).double().mean().item(),
            "majority": confusion.sum(1).max().item() / len(actual),
            "confusion": confusion.tolist(),
        }

    def judge(self, made, judged):
        """Return made names by language, how many are taken for it, are new, and are different.

        Args:
            made: pairs of a name and the number of the language that it was made for.
            judged: the number of the language that each is taken for.
        """
        generated = {language: [] for language in self.languages}
        for name, label in made:
            generated[self.languages[label]].append(name)
        learned, meant = set(self.learn), [label for _, label in made]
        return {
            "judged_right": sum(map(operator.eq, judged, meant)) / len(made),
            "new": sum(pair not in learned for pair in made) / len(made),
            "different": len(set(made)) / len(made),
            "generated": generated,
        }


def make_names(net, labels, letters, temperature, seed):
    """Return pairs of a name, one letter drawn after the other, and its language, for each label.

    Left out is a name that has no letter.
    """
    chance, made = torch.Generator().manual_seed(seed), []
    rows = write(net, net.prompt(labels), 20, temperature, chance).tolist()
    for row, label in zip(rows, labels.tolist(), strict=True):
        end = [*row, 0].index(0)
        if end:
            made.append(("".join(letters[number - 1] for number in row[:end]), label))
    return made
