"""Read a text to learn from, a file or the English of every Python, and let a net write on."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from workbench import InputError


def read_text(name, words="pydoc", least=2000):
    """Return the text that `--text` names: "pydoc", the help texts of this Python, or a file.

    Args:
        name: what `--text` was given.
        words: those that `--text` takes beside the name of a file.
        least: so many characters it must have.
    """
    if name == "pydoc":
        from pydoc_data.topics import topics

        return "\n\n".join(topics[topic] for topic in sorted(topics))
    try:
        text = Path(name).read_text(encoding="utf-8")
    except OSError as error:
        reason = f"{error.strerror}: name a text file, or say {words}"
        raise InputError(f"--text {name}: {reason}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"--text {name} is no UTF-8 text: {error}") from error
    if len(text) < least:
        raise InputError(f"--text {name} has {len(text)} characters; {least} are the least")
    return text


def padded(rows):
    """Return rows of numbers as one tensor, the short ones filled up with 0, and their lengths."""
    return pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])


def streams(numbers, count):
    """Cut a text of numbers into rows to be read side by side."""
    return numbers[: len(numbers) // count * count].view(count, -1)


def steps(streams, length):
    """Yield what is read and what comes next, `length` numbers of all streams at a time."""
    for start in range(0, streams.shape[1] - 1, length):
        piece = streams[:, start : start + length + 1]
        yield piece[:, :-1], piece[:, 1:]


def write(net, prompt, length, temperature, generator, never=()):
    """Return `length` numbers for each row of `prompt`, each drawn after all before it.

    Args:
        net: gives scores of each number that comes next, and a memory.
        temperature: below 1 it makes likely numbers likelier still; 0 always takes the likeliest.
        never: numbers that are not drawn.
    """
    net.eval()
    written, read, memory = [], prompt, None
    with torch.inference_mode():
        for _ in range(length):
            scores, memory = net(read, memory)
            scores = scores[:, -1].cpu()
            scores[:, list(never)] = float("-inf")
            if temperature:
                chances = F.softmax(scores / temperature, 1)
                read = torch.multinomial(chances, 1, generator=generator)
            else:
                read = scores.argmax(1, keepdim=True)
            written.append(read)
            read = read.to(prompt.device)
    return torch.cat(written, 1)
