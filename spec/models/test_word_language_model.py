"""A language model of words.

`examples/word_language_model.py` trains an LSTM on the English that every Python brings along, the
help of `pydoc`: about 80,000 words. It is measured by its perplexity on paragraphs it has not read,
exp of the mean cross entropy per word: among how many equally likely words it hesitates. Words that
occur fewer than three times are one word, <unk>. The embedding and the last layer share one weight.

What surprises: counting pairs of words does not reach the net, although most of what the net
writes is pairs that stand in the text; it remembers more than one word. The help differs from one
Python to the next, so figures here are ratios, of five epochs with seed 0 on the CPU. A net of
characters is told in `spec/models/test_char_rnn.py`.
"""

import functools
import itertools
import math
import os
from collections import Counter

import pytest
import torch

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]

TINY = "--epochs 3 --hidden 16 --batch-size 8 --length 16 --sample 30 --device cpu".split()


@pytest.fixture(scope="module")
def speaker():
    """The example as a module."""
    return import_example("word_language_model")


@pytest.fixture(scope="module")
def trained(speaker, tmp_path_factory):
    """The metrics of a run of five epochs, else by its defaults, and the folder it wrote to."""
    out = tmp_path_factory.mktemp("trained")
    return speaker.main(["--epochs", "5", "--out", str(out), "--device", "cpu"]), out


@pytest.fixture(scope="module")
def little(speaker, tmp_path_factory):
    """A file with the first part of Python's help."""
    path = tmp_path_factory.mktemp("text") / "little.txt"
    path.write_text(speaker.read_text("pydoc")[:150_000], encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def tiny(speaker, little, tmp_path_factory):
    """Trains a tiny net on that file, once for each way; the metrics and the checkpoint."""

    @functools.cache
    def train(*arguments):
        out = tmp_path_factory.mktemp("tiny")
        metrics = speaker.main([*TINY, "--text", str(little), "--out", str(out), *arguments])
        return metrics, torch.load(out / "checkpoint.pt", weights_only=True)

    return train


@pytest.fixture(scope="module")
def corpus(speaker):
    """Python's help in its three parts."""
    return speaker.Corpus(speaker.read_text("pydoc"), least=3)


def test_the_perplexity_is_far_below_vocabulary_and_counted_words(trained):
    """After `--epochs 5` on Python's help texts (seed 0), the net of
    `examples/word_language_model.py` has on unread paragraphs a perplexity below 4 % of its
    vocabulary's size, and 0.18 to 0.30 times that of a guess by counts of single words.

    A model that gives all words the same probability has the size of the vocabulary as its
    perplexity.
    """
    metrics, _ = trained

    assert metrics["perplexity"] / metrics["words"] < 0.04
    assert metrics["perplexity"] / metrics["unigram_perplexity"] == pytest.approx(0.24, abs=0.06)


def test_the_perplexity_is_below_that_of_counted_pairs(trained):
    """After `--epochs 5` on Python's help with seed 0, `examples/word_language_model.py`
    has on unread paragraphs a perplexity below 0.75 times that of a smoothed bigram model
    and below 0.85 times that of bigrams mixed with unigrams.
    """
    metrics, _ = trained

    assert metrics["perplexity"] / metrics["bigram_perplexity"] < 0.75
    assert metrics["perplexity"] / metrics["mixed_perplexity"] < 0.85


def test_the_unigram_perplexity_is_that_of_the_counts(speaker, corpus, trained):
    """The unigram perplexity of `examples/word_language_model.py` is exp of the mean of
    -log((count + 1) / total) over the words of the test part; count: how often the training part
    has the word; total: its length plus the vocabulary's size.

    A word outside the vocabulary counts as `<unk>`. With `--least 1` the training part has no
    `<unk>`: the 1 added to each count keeps a new word from costing infinity.
    """
    counts = Counter(corpus.learn.tolist())
    total = len(corpus.learn) + len(corpus.words)
    costs = [-math.log((counts[word] + 1) / total) for word in corpus.measure.tolist()]

    unigram = trained[0]["unigram_perplexity"]
    assert unigram == pytest.approx(math.exp(sum(costs) / len(costs)))
    few, one = torch.tensor([1, 1, 2]), torch.tensor([1])
    assert speaker.unigram_perplexity(few, one, words=3) == pytest.approx(2.0)


def test_counted_pairs_are_a_fair_opponent(speaker):
    """With `words = torch.tensor([1, 2, 3] * 400)`, `bigram_perplexities(words, words[:90], 4)`
    of `examples/word_language_model.py` returns two perplexities from 1 to 1.1;
    `unigram_perplexity` of the same arguments returns about 3.

    The arguments are the words that are counted, those that are predicted, and the number of
    different words, 0 included. Both perplexities of pairs count which word follows which: the
    first adds a number to each count, the second mixes in the counts of single words. Perplexity 1
    is certainty; 3 is a guess among three.
    """
    words = torch.tensor([1, 2, 3] * 400)

    added, mixed = speaker.bigram_perplexities(words, words[:90], 4)

    assert added == pytest.approx(1.0, abs=0.01)
    assert mixed == pytest.approx(1.0, abs=0.1)
    assert speaker.unigram_perplexity(words, words[:90], 4) == pytest.approx(3.0, abs=0.02)


def test_no_paragraph_is_both_learned_and_measured(speaker):
    """`Corpus` of `examples/word_language_model.py` keeps only one of two equal paragraphs,
    and splits 300 different ones into 240 to train on, 30 to validate and 30 to evaluate
    on.

    A paragraph in two parts would be measured after it was learned by heart.
    """
    text = "\n\n".join(f"the {number} paragraph" for number in [*range(300), *range(300)])

    corpus = speaker.Corpus(text, least=1)

    sizes = [len(part) for part in (corpus.learn, corpus.validate, corpus.measure)]
    assert sizes == [4 * 240, 4 * 30, 4 * 30]


def test_rare_words_are_one_word(corpus, speaker):
    """By default `examples/word_language_model.py` reads a word that occurs fewer than three times
    in the training part as `<unk>`, number 0: less than 10 % of that part's words, repeats
    counted. `write(…, never=[0])` of `texts.py` never draws 0.
    """
    assert corpus.words[0] == "<unk>"
    assert 0 < (corpus.learn == 0).double().mean().item() < 0.1

    net = speaker.LanguageModel(3, 4, 1, 0.0, tied=True)
    net.scores.bias.data[0] = 1000.0
    generator = torch.Generator().manual_seed(0)
    (written,) = speaker.write(net, torch.tensor([[1]]), 20, 1.0, generator, never=[0])
    assert sorted(set(written.tolist())) == [1, 2]


def test_it_writes_words_that_it_has_read(trained, corpus, speaker):
    """The text that the net of `examples/word_language_model.py` writes after five epochs
    (seed 0) consists of words of the training part, and at least 60 % of its pairs of
    neighbouring words stand there too.
    """
    words = speaker.words_of(trained[0]["sample"])
    pairs = set(itertools.pairwise(corpus.learn.tolist()))
    numbers = [corpus.number_of.get(word, 0) for word in words]
    together = [pair in pairs for pair in itertools.pairwise(numbers)]

    assert len(words) == pytest.approx(115, abs=15)
    assert 0 not in numbers
    assert sum(together) / len(together) == pytest.approx(0.8, abs=0.2)


def test_it_goes_on_from_a_prompt_by_its_checkpoint(speaker, trained):
    """After a run with `--epochs 5`,
    `examples/word_language_model.py --generate --prompt "The class"` continues the prompt with the
    saved net: at `--temperature 0` seeds 0 and 1 give one text, at the default 0.8 seeds 1 and 2
    give two.
    """
    _, out = trained
    before = (out / "checkpoint.pt").stat().st_mtime_ns
    run = ["--generate", "--out", str(out), "--prompt", "The class", "--sample", "20"]

    cold = speaker.main([*run, "--temperature", "0"])["sample"]
    again = speaker.main([*run, "--temperature", "0", "--seed", "1"])["sample"]
    drawn = [speaker.main([*run, "--seed", seed])["sample"] for seed in "12"]

    assert cold.startswith("the class ")
    assert cold == again
    assert drawn[0] != drawn[1]
    assert (out / "checkpoint.pt").stat().st_mtime_ns == before


def test_the_learning_rate_falls_when_validation_finds_nothing_better(tiny):
    """With `--lr 0.1 --epochs 6`, `ReduceLROnPlateau` of `examples/word_language_model.py` divides
    the learning rate by 4 after each epoch whose validation loss isn't below 0.995 times its
    `best`; only a loss below that becomes the new `best`.

    It does so with `factor=0.25, patience=0, threshold=0.005`. The loss is the logarithm of the
    perplexity `validate` that the log shows.
    """
    epochs = tiny("--lr", "0.1", "--epochs", "6")[0]["epochs"]
    losses = [math.log(epoch["validate"]) for epoch in epochs]

    best, expected, rate = math.inf, [], 0.1
    for loss in losses:
        expected.append(rate)
        best, rate = (loss, rate) if loss < best * 0.995 else (best, rate / 4)
    assert [epoch["lr"] for epoch in epochs] == pytest.approx(expected)
    assert len(set(expected)) > 1


def test_the_best_weights_are_kept(speaker, tiny, little):
    """The checkpoint of a finished run of `examples/word_language_model.py` holds as "best"
    the weights of the epoch with the best validation perplexity, and the final perplexity
    is measured with them.
    """
    metrics, state = tiny("--lr", "0.1", "--epochs", "6")
    corpus = speaker.Corpus(little.read_text(encoding="utf-8"), least=3)
    net = speaker.LanguageModel(len(corpus.words), 16, 1, 0.0, tied=True)
    net.load_state_dict(state["best"])

    best = min(epoch["validate"] for epoch in metrics["epochs"])
    assert speaker.perplexity(net, corpus.validate, 16) == pytest.approx(best, rel=1e-4)
    assert speaker.perplexity(net, corpus.measure, 16) == pytest.approx(metrics["perplexity"], 1e-4)


def test_tied_weights_are_one_tensor(speaker, tiny):
    """By default the last layer's weight in `examples/word_language_model.py` is the embedding's
    weight, one and the same parameter; with `--hidden 16`, adding `--untied` makes them two, 16
    more numbers to learn per word of the vocabulary.

    Assigning one module's parameter to the other is enough; see `spec/nn/test_sharing.py`.
    """
    tied = speaker.LanguageModel(100, 8, 1, 0.0, tied=True)
    words = tiny()[0]["words"]

    assert tied.scores.weight is tied.embedding.weight
    assert tiny("--untied", "--epochs", "1")[0]["weights"] - tiny()[0]["weights"] == 16 * words


def test_gradients_are_clipped_and_stop_at_each_step(speaker, little, monkeypatch):
    """In the first three steps of `examples/word_language_model.py` with `--clip 0.001` the
    norm of all gradients together is 0.001 at each optimizer step, within 1 %, and the
    LSTM's state that the next step is given doesn't require grad.

    Clipping limits what a single very large gradient does to the weights.
    """
    remembered, lengths, forward = [], [], speaker.LanguageModel.forward
    step = torch.optim.Adam.step

    def watched(net, words, memory=None):
        if net.training:
            remembered.append(None if memory is None else memory[0].requires_grad)
        return forward(net, words, memory)

    def watched_step(optimizer, *arguments):
        gradients = [weight.grad.norm() for weight in optimizer.param_groups[0]["params"]]
        lengths.append(torch.stack(gradients).norm().item())
        return step(optimizer, *arguments)

    monkeypatch.setattr(speaker.LanguageModel, "forward", watched)
    monkeypatch.setattr(torch.optim.Adam, "step", watched_step)
    speaker.main([*TINY, "--clip", "0.001", "--text", str(little), "--dry-run"])

    assert remembered == [None, False, False]
    assert lengths == pytest.approx([0.001, 0.001, 0.001], rel=1e-2)


def test_a_run_leaves_a_figure_a_sample_and_a_checkpoint(trained):
    """A finished run of `examples/word_language_model.py` without `--generate` and
    `--dry-run` leaves four files in the new folder `--out`: checkpoint.pt, log.txt,
    sample.txt and perplexity.png.
    """
    from PIL import Image

    _, out = trained
    files = ["checkpoint.pt", "log.txt", "perplexity.png", "sample.txt"]
    assert sorted(os.listdir(out)) == files
    with Image.open(out / "perplexity.png") as image:
        assert image.size == (800, 450)
        assert len(image.getcolors(100000)) > 100


def test_a_finished_run_learns_on_with_more_epochs(speaker, little, tmp_path):
    """`examples/word_language_model.py --resume --epochs 2`, after a run with `--epochs 1` and
    otherwise the same options, learns for another epoch and ends with bit-for-bit the weights of a
    run of two, with as many threads on the same CPU.

    Because each epoch is seeded by its number, the checkpoint holds net, optimizer and scheduler,
    and the learning rate depends on what validation found, not on the number of epochs.
    """
    run = [*TINY, "--text", str(little), "--out"]
    speaker.main([*run, str(tmp_path / "whole"), "--epochs", "2"])
    speaker.main([*run, str(tmp_path / "more"), "--epochs", "1"])

    metrics = speaker.main([*run, str(tmp_path / "more"), "--epochs", "2", "--resume"])

    whole, more = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["model"]
        for name in ("whole", "more")
    )
    assert [torch.equal(more[name], whole[name]) for name in whole] == [True] * 7
    assert [epoch["epoch"] for epoch in metrics["epochs"]] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--text nowhere.txt", "No such file or directory: name a text file, or say pydoc"),
        ("--generate", "checkpoint.pt: a training without --resume writes one"),
        ("--prompt Zyzzyva", "--prompt: the net never learned zyzzyva"),
    ],
)
def test_what_it_can_not_use_is_told_in_one_line(
    speaker, little, tmp_path, capsys, arguments, said
):
    """`examples/word_language_model.py` ends with exit code 2 and one line that names the cause,
    before it trains, if the file of `--text` is missing, if `--generate` finds no checkpoint, or
    if the text has not all words of `--prompt`.
    """
    with pytest.raises(SystemExit) as stopped:
        speaker.main([*TINY, "--text", str(little), "--out", str(tmp_path), *arguments.split()])

    assert stopped.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    told = [line for line in lines if line.startswith("word_language_model.py: ")]
    assert len(told) == 1
    assert said in told[0]
    assert lines == told
