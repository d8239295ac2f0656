"""A language model of words.

`examples/word_language_model.py` trains an LSTM on the English that every Python brings along, the
help of `pydoc`, and is measured by its perplexity on paragraphs it has not read: among how many
equally likely words it hesitates. Words counted singly leave some 180, pairs of words some 60 at
best; the net, which remembers more than one word, hesitates among fewer. The help differs from one
Python to the next, so what is said here is said of ratios.
"""

import functools
import itertools
import math
import os
from collections import Counter

import pytest
import torch

from spec.models.scripts import import_example, run_until_killed

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
    """On paragraphs never read the net hesitates among a quarter of what counted words leave."""
    metrics, _ = trained

    assert metrics["perplexity"] / metrics["words"] < 0.04
    assert metrics["perplexity"] / metrics["unigram_perplexity"] == pytest.approx(0.24, abs=0.06)


def test_the_perplexity_is_below_that_of_counted_pairs(trained):
    """It beats pairs of words too: counted with something added, and mixed with single words."""
    metrics, _ = trained

    assert metrics["perplexity"] / metrics["bigram_perplexity"] < 0.75
    assert metrics["perplexity"] / metrics["mixed_perplexity"] < 0.85


def test_the_unigram_perplexity_is_that_of_the_counts(corpus, trained):
    """The model of single words expects what it counted; counting in plain Python agrees."""
    counts = Counter(corpus.learn.tolist())
    total = len(corpus.learn) + len(corpus.words)
    costs = [-math.log((counts[word] + 1) / total) for word in corpus.measure.tolist()]

    unigram = trained[0]["unigram_perplexity"]
    assert unigram == pytest.approx(math.exp(sum(costs) / len(costs)))


def test_counted_pairs_are_a_fair_opponent(speaker):
    """Pairs that always follow each other leave a bigram model next to no doubt."""
    words = torch.tensor([1, 2, 3] * 400)

    added, mixed = speaker.bigram_perplexities(words, words[:90], 4)

    assert added == pytest.approx(1.0, abs=0.01)
    assert mixed == pytest.approx(1.0, abs=0.1)
    assert speaker.unigram_perplexity(words, words[:90], 4) == pytest.approx(3.0, abs=0.02)


def test_no_paragraph_is_both_learned_and_measured(speaker):
    """A paragraph that comes twice counts once, so that none is both learned and measured."""
    text = "\n\n".join(f"the {number} paragraph" for number in [*range(300), *range(300)])

    corpus = speaker.Corpus(text, least=1)

    sizes = [len(part) for part in (corpus.learn, corpus.validate, corpus.measure)]
    assert sizes == [4 * 240, 4 * 30, 4 * 30]


def test_rare_words_are_one_word(corpus, speaker):
    """Words that occur fewer than three times are one, <unk>, number 0, and are never written."""
    assert corpus.words[0] == "<unk>"
    assert 0 < (corpus.learn == 0).double().mean().item() < 0.1

    net = speaker.LanguageModel(3, 4, 1, 0.0, tied=True)
    net.scores.bias.data[0] = 1000.0
    generator = torch.Generator().manual_seed(0)
    written = speaker.write(net, torch.tensor([[1]]), 20, 1.0, generator)
    assert sorted(set(written)) == [1, 2]


def test_it_writes_words_that_it_has_read(trained, corpus, speaker):
    """What it writes is made of words that it has read, mostly in pairs that stand there too."""
    words = speaker.words_of(trained[0]["sample"])
    pairs = set(itertools.pairwise(corpus.learn.tolist()))
    numbers = [corpus.number_of.get(word, 0) for word in words]
    together = [pair in pairs for pair in itertools.pairwise(numbers)]

    assert len(words) == pytest.approx(115, abs=15)
    assert 0 not in numbers
    assert sum(together) / len(together) == pytest.approx(0.8, abs=0.2)


def test_it_goes_on_from_a_prompt_by_its_checkpoint(speaker, trained):
    """`--generate` writes on from a prompt with the best net, and learns nothing."""
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
    """After an epoch that is not half a percent better in its loss the rate falls to a quarter."""
    epochs = tiny("--lr", "0.1", "--epochs", "6")[0]["epochs"]
    losses = [math.log(epoch["validate"]) for epoch in epochs]

    best, expected, rate = math.inf, [], 0.1
    for loss in losses:
        expected.append(rate)
        best, rate = (loss, rate) if loss < best * 0.995 else (best, rate / 4)
    assert [epoch["lr"] for epoch in epochs] == pytest.approx(expected)
    assert len(set(expected)) > 1


def test_the_best_weights_are_kept(speaker, tiny, little):
    """What is measured and kept is the net of the best validation, not the last."""
    metrics, state = tiny("--lr", "0.1", "--epochs", "6")
    corpus = speaker.Corpus(little.read_text(encoding="utf-8"), least=3)
    net = speaker.LanguageModel(len(corpus.words), 16, 1, 0.0, tied=True)
    net.load_state_dict(state["best"])

    best = min(epoch["validate"] for epoch in metrics["epochs"])
    assert speaker.perplexity(net, corpus.validate, 16) == pytest.approx(best, rel=1e-4)
    assert speaker.perplexity(net, corpus.measure, 16) == pytest.approx(metrics["perplexity"], 1e-4)


def test_tied_weights_are_one_tensor(speaker, tiny):
    """The embedding and the last layer share one tensor, unless `--untied` parts them."""
    tied = speaker.LanguageModel(100, 8, 1, 0.0, tied=True)
    words = tiny()[0]["words"]

    assert tied.scores.weight is tied.embedding.weight
    assert tiny("--untied", "--epochs", "1")[0]["weights"] - tiny()[0]["weights"] == 16 * words


def test_gradients_are_clipped_and_stop_at_each_step(speaker, little, monkeypatch):
    """No gradient is longer than `--clip` says, nor goes back beyond the words of its step."""
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
    """A run leaves the perplexities, what it wrote and a checkpoint, and no more."""
    from PIL import Image

    _, out = trained
    assert sorted(os.listdir(out)) == ["checkpoint.pt", "perplexity.png", "sample.txt"]
    with Image.open(out / "perplexity.png") as image:
        assert image.size == (840, 540)
        assert len(image.getcolors(100000)) > 100


def test_one_seed_gives_one_net_and_another_seed_another(speaker, tiny, little, tmp_path):
    """Two runs with one seed end with the same weights, bit for bit; with another seed not."""
    metrics, checkpoint = tiny()
    again = speaker.main([*TINY, "--text", str(little), "--out", str(tmp_path)])

    weights = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["model"]
    assert [torch.equal(weights[name], checkpoint["model"][name]) for name in weights] == [True] * 7
    assert again["sample"] == metrics["sample"]
    assert tiny("--seed", "1")[0]["perplexity"] != metrics["perplexity"]


@pytest.mark.spare("2", reason="any checkpoint but the first will do")
def test_a_run_killed_and_resumed_ends_with_the_same_weights(speaker, tiny, little, tmp_path):
    """Killed as it writes a checkpoint and resumed, a run ends as one that nothing stopped."""
    run = [*TINY, "--text", str(little), "--out", str(tmp_path)]
    run_until_killed(speaker, "os.fsync", 2, run)
    assert sorted(os.listdir(tmp_path)) == ["checkpoint.partial", "checkpoint.pt"]

    metrics = speaker.main([*run, "--resume"])

    whole_metrics, whole = tiny()
    weights = torch.load(tmp_path / "checkpoint.pt", weights_only=True)["model"]
    assert [torch.equal(weights[name], whole["model"][name]) for name in weights] == [True] * 7
    assert metrics["epochs"] == whole_metrics["epochs"]
    assert metrics["perplexity"] == whole_metrics["perplexity"]


def test_a_dry_run_writes_nothing(speaker, little, tmp_path):
    """`--dry-run` goes all the way, to the metrics, and leaves no file behind."""
    run = [*TINY, "--text", str(little), "--dry-run", "--out", str(tmp_path / "out")]

    metrics = speaker.main(run)

    assert os.listdir(tmp_path) == []
    assert len(metrics["epochs"]) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--text nowhere.txt", "No such file or directory: name a text file, or say pydoc"),
        ("--generate", "train first, with --out there"),
        ("--device abacus", "--device abacus: "),
        ("--lr 1e30", "with --lr 1e+30 training went astray"),
    ],
)
def test_what_it_can_not_use_is_told_in_one_line(
    speaker, little, tmp_path, capsys, arguments, said
):
    """What can't be used ends the run with code 2 and one line that says what to mend."""
    with pytest.raises(SystemExit) as stopped:
        speaker.main([*TINY, "--text", str(little), "--out", str(tmp_path), *arguments.split()])

    assert stopped.value.code == 2
    told = [line for line in capsys.readouterr().err.splitlines() if "language_model.py" in line]
    assert len(told) == 1
    assert said in told[0]
