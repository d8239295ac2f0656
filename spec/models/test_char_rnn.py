"""A net that writes verses.

`examples/char_rnn.py` reads couplets one character at a time and learns to say which character
comes next. A couplet is two lines of five words or two of seven, that rhyme; the script makes 2500
of them. The text is read as 8 streams, 64 characters per step. The LSTM's state goes on from step
to step, the gradient doesn't: this is truncated backpropagation through time.

What surprises: nobody tells the net what a word or a line is, and yet it spells, and its lines have
five words or seven, for which it must remember how the line began. A table of which character
follows which four spells as well, and gets half of the lengths wrong. Losses are in nats per
character; figures are those of the default settings and seed 0 on the CPU. A net of words is told
in `spec/models/test_word_language_model.py`, the LSTM in `spec/nn/test_recurrent.py`.
"""

import math
import os
from collections import Counter

import pytest
import torch

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]

TINY = "--couplets 100 --epochs 3 --hidden 16 --batch-size 4 --sample 40 --device cpu".split()


@pytest.fixture(scope="module")
def poet():
    """The example as a module."""
    return import_example("char_rnn")


@pytest.fixture(scope="module")
def trained(poet, tmp_path_factory):
    """The metrics of a run by its defaults, and the folder that it wrote to."""
    out = tmp_path_factory.mktemp("defaults")
    return poet.main(["--out", str(out), "--device", "cpu"]), out


def test_the_baselines_are_those_of_the_text(trained):
    """In the dict that `main()` of `examples/char_rnn.py` returns by default, `uniform_loss` is ln
    of the number of different characters, about 3.26, and `unigram_loss`, within 0.01, the entropy
    of the characters' frequencies, about 2.93.

    Compare the net's loss with both baselines: they need no training.
    """
    metrics, out = trained
    text = (out / "text.txt").read_text()
    shares = [count / len(text) for count in Counter(text).values()]
    entropy = -sum(share * math.log(share) for share in shares)

    assert metrics["uniform_loss"] == pytest.approx(math.log(len(shares)))
    assert metrics["unigram_loss"] == pytest.approx(entropy, abs=0.01)
    assert [metrics["uniform_loss"], metrics["unigram_loss"]] == pytest.approx(
        [3.26, 2.92], abs=0.1
    )


def test_the_loss_falls_to_a_seventh_of_the_unigram_loss(trained):
    """After the default training, the cross-entropy per character of the net of
    `examples/char_rnn.py` on held-out couplets is 0.11 to 0.15 times that of a guess by how
    often each character occurs in the training text.
    """
    metrics, _ = trained

    assert metrics["loss"] / metrics["unigram_loss"] == pytest.approx(0.13, abs=0.02)
    assert metrics["loss"] < metrics["unigram_loss"] < metrics["uniform_loss"]


def test_held_out_couplets_cost_no_more_than_those_it_learns_from(trained):
    """In the last epoch of the default training of `examples/char_rnn.py` on the CPU, the mean
    loss while it trains and the loss on held-out couplets at the epoch's end differ by at most
    0.03 nats per character: the net doesn't overfit.
    """
    last = trained[0]["losses"][-1]

    assert last["held_out"] == pytest.approx(last["train"], abs=0.03)


def test_it_keeps_the_length_of_lines(trained):
    """At the end of a default run the net of `examples/char_rnn.py` writes lines: at least 90 % of
    the whole, non-empty ones have five words or seven. Of lines made of characters drawn by their
    frequency in the text about 11 % do.
    """
    lines = trained[0]["right_lines"]

    assert lines["net"] == pytest.approx(1.0, abs=0.1)
    assert lines["unigram"] == pytest.approx(0.11, abs=0.05)


def test_four_letters_back_spell_words_and_lose_count(trained):
    """`examples/char_rnn.py`, run by default, also writes a text without a net, each character
    drawn by the four before it: about 44 % of its lines have five or seven words, and at most 5 %
    of its couplets have two lines of five or two of seven.

    Because four characters don't tell how many words the line has had; the state of an LSTM
    can.
    """
    metrics, _ = trained

    assert metrics["right_lines"]["markov"] == pytest.approx(0.44, abs=0.05)
    assert metrics["right_couplets"]["markov"] == pytest.approx(0.034, abs=0.016)


def test_every_couplet_of_the_text_is_right_and_rhymes():
    r"""With `text = write_couplets(200)` of `examples/drawn/verses.py`, `right_couplets([text])`
    is (1.0, 1.0): the share of couplets with two lines of five words or two of seven, and that of
    couplets that rhyme.

    `right_couplets` splits a text at its empty lines and leaves out the first and the last part,
    because either may be cut off. The text `"\n\nold moon falls by\nsea.\n\n"` gives (0.0, 0.0):
    its one couplet has lines of four words and of one, which do not rhyme.
    """
    verses = import_example("drawn.verses")

    text = verses.write_couplets(200)

    assert verses.right_lines([text]) == 1.0
    assert verses.right_couplets([text]) == (1.0, 1.0)
    assert verses.right_couplets(["\n\nold moon falls by\nsea.\n\n"]) == (0.0, 0.0)


def test_it_goes_on_from_a_prompt_by_its_checkpoint(poet, trained):
    """After a training by the defaults (seed 0),
    `examples/char_rnn.py --generate --prompt "the old" --sample 200 --temperature 0.5` writes 200
    characters after the prompt without training again; at most one whole word isn't in `text.txt`.

    The last word is not counted, as the 200th character may cut it off.
    """
    _, out = trained
    before = (out / "checkpoint.pt").stat().st_mtime_ns
    run = ["--generate", "--out", str(out), "--prompt", "the old", "--sample", "200"]

    sample = poet.main([*run, "--temperature", "0.5"])["sample"]

    words = sample.replace(",", "").replace(".", "").split()
    known = set((out / "text.txt").read_text().replace(",", "").replace(".", "").split())
    assert sample.startswith("the old ")
    assert len(sample) == 207
    assert len([word for word in words[:-1] if word not in known]) <= 1
    assert (out / "checkpoint.pt").stat().st_mtime_ns == before


def test_a_cold_sample_repeats_itself_and_a_hot_one_misspells(poet, trained):
    """With the default net `examples/char_rnn.py --generate --temperature 0`, without `--prompt`,
    writes the same for seeds 1 and 2, each word but the last from the training text;
    `--temperature 5 --sample 300` at most 5 different words of it.

    The logits are divided by the temperature: near 0 the largest wins, at 5 the probabilities of
    the characters are much more alike than at 1. A prompt may lead to a word that the text does
    not have: in PyTorch 2.14.1 `--prompt a` becomes `aide`.
    """
    _, out = trained
    run = ["--generate", "--out", str(out), "--sample", "300"]
    known = set((out / "text.txt").read_text().replace(",", "").replace(".", "").split())

    cold = [poet.main([*run, "--temperature", "0", "--seed", seed])["sample"] for seed in "12"]
    hot = poet.main([*run, "--temperature", "5"])["sample"]

    assert cold[0] == cold[1]
    assert known.issuperset(cold[0].replace(",", "").replace(".", "").split()[:-1])
    assert len(known.intersection(hot.split())) <= 5


def test_the_memory_goes_on_from_step_to_step(poet):
    """`mean_loss(net, numbers, length)` of `examples/char_rnn.py` cuts `numbers` into 8 streams
    and reads `length` characters of each at a time; for `numbers = torch.arange(808) % 10`,
    `length` 5 and 1000 give the same loss, up to rounding.

    Because the state of the LSTM is handed on from one piece to the next.
    """
    net = poet.CharRNN(10, 8, 1)
    numbers = torch.arange(808) % 10

    assert poet.mean_loss(net, numbers, 5) == pytest.approx(poet.mean_loss(net, numbers, 1000))


def test_the_gradient_stops_at_each_step(poet, monkeypatch, tmp_path):
    """In training, the LSTM's state that `examples/char_rnn.py` hands to the next step of
    an epoch doesn't require grad; the first step of an epoch has no state.

    `detach()` it: otherwise `backward()` would go through the graph of the step before, which
    is freed.
    """
    seen, forward = [], poet.CharRNN.forward

    def watched(net, characters, memory=None):
        if net.training:
            seen.append(None if memory is None else memory[0].requires_grad)
        return forward(net, characters, memory)

    monkeypatch.setattr(poet.CharRNN, "forward", watched)
    poet.main([*TINY, "--dry-run", "--out", str(tmp_path / "out")])

    assert seen == [None, False, False]


def test_a_run_leaves_two_figures_its_text_its_samples_and_a_checkpoint(trained):
    """A finished run of `examples/char_rnn.py` without `--text`, `--generate` and
    `--dry-run` leaves in the new folder `--out`: checkpoint.pt, log.txt, text.txt (what it
    read), samples.txt, loss.png and lengths.png.
    """
    from PIL import Image

    _, out = trained
    assert sorted(os.listdir(out)) == [
        "checkpoint.pt",
        "lengths.png",
        "log.txt",
        "loss.png",
        "samples.txt",
        "text.txt",
    ]
    with Image.open(out / "loss.png") as losses, Image.open(out / "lengths.png") as lengths:
        assert losses.size == lengths.size == (800, 450)
        assert len(losses.getcolors(100000)) > 100
        assert len(lengths.getcolors(100000)) > 100


def test_it_reads_a_file_of_its_user(poet, tmp_path):
    """A training by `examples/char_rnn.py --text FILE`, FILE having lines of UTF-8 text, at least
    2000 characters in all, learns that text instead of the script's couplets; the lengths of lines
    are then not measured.

    A shorter file is refused with a line that says so; the end of a line counts as one character.
    A `--batch-size` above the default of 8, or a `--length` above 64, may need a longer file.
    """
    (tmp_path / "any.txt").write_text("all work and no play\n" * 200)

    metrics = poet.main([*TINY, "--text", str(tmp_path / "any.txt"), "--out", str(tmp_path)])

    assert metrics["characters"] == 12
    assert "right_lines" not in metrics


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--text nowhere.txt", "No such file or directory: name a text file, or say couplets"),
        ("--text one.txt", "one.txt is one line: samples begin lines, so it needs more"),
        ("--prompt Ω", "--prompt: the text that was learned has no Ω"),
        ("--generate", "checkpoint.pt: a training without --resume writes one"),
    ],
)
def test_what_it_can_not_use_is_told_in_one_line(poet, tmp_path, capsys, arguments, said):
    """`examples/char_rnn.py --text nowhere.txt` (no such file), `--text one.txt` (no line end),
    `--prompt Ω` (the couplets have no Ω) and `--generate` without a checkpoint in `--out` each end
    with exit code 2 and one line on stderr that says why.
    """
    (tmp_path / "one.txt").write_text("one line " * 1000)
    arguments = arguments.replace("one.txt", str(tmp_path / "one.txt"))

    with pytest.raises(SystemExit) as stopped:
        poet.main([*TINY, "--out", str(tmp_path), *arguments.split()])

    assert stopped.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    words = [line for line in lines if line.startswith("char_rnn.py: ")]
    assert len(words) == 1
    assert said in words[0]
