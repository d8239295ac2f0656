"""Words as numbers: a vocabulary, and sentences padded to one length."""

from collections import Counter

import torch
from torch.nn.utils.rnn import pad_sequence

PADDING, UNKNOWN, START, END = range(4)


class Vocabulary:
    """A number for each word that is known; all others are <unk>.

    It has a state_dict, so that a checkpoint keeps it beside the net that knows these numbers.
    """

    def __init__(self, words=()):
        self.load_state_dict({"words": list(words)})

    def __len__(self):
        return len(self.words)

    @classmethod
    def of(cls, sentences, least=1):
        """Return the vocabulary of the words that occur at least so often."""
        counts = Counter(word for words in sentences for word in words)
        known = sorted(word for word, count in counts.items() if count >= least)
        return cls(["<pad>", "<unk>", "<start>", "<end>", *known])

    def encode(self, words):
        return torch.tensor([self.numbers.get(word, UNKNOWN) for word in words] + [END])

    def decode(self, numbers):
        """Return the words up to the end of the sentence."""
        numbers = numbers[: numbers.index(END)] if END in numbers else numbers
        return [self.words[number] for number in numbers]

    def state_dict(self):
        return {"words": self.words}

    def load_state_dict(self, state):
        self.words = state["words"]
        self.numbers = {word: number for number, word in enumerate(self.words)}


def pad(sentences):
    """Return rows of numbers as one tensor, the short ones filled up."""
    return pad_sequence(sentences, batch_first=True, padding_value=PADDING)
