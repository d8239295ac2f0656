"""Praise told from blame.

`examples/sentiment.py` trains two small nets on 2000 short reviews of its own making. The pooled
one, a bag of words, averages the vectors of a sentence's words and sees which words are there, not
where. The recurrent one, a GRU over packed sequences, reads them in order. Besides plain sentences
there are negated ones ("was not good"), corrected ("lovely, not dull"), turned ("good but ...
dull": the last word counts) and distracted ("after an awful day: ...": the day doesn't count).

What surprises is how far words alone go, and where they end: the bag of words is right about nearly
every plain sentence and wrong about nearly every negated one. "Lovely, not dull" and "dull, not
lovely" are the same bag to it, and no training could make it right about both. Figures are those of
the default settings and seed 0 on the CPU; packing is told in `spec/nn/test_recurrent.py`.
"""

import os

import pytest
import torch

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def sentiment():
    """The example as a module."""
    return import_example("sentiment")


@pytest.fixture(scope="module")
def trained(sentiment, tmp_path_factory):
    """The metrics of a run by the defaults, and the folder that it wrote to."""
    out = tmp_path_factory.mktemp("trained") / "deep" / "out"
    return sentiment.main(["--out", str(out), "--device", "cpu"]), out


@pytest.fixture(scope="module")
def chance_of_praise(sentiment, trained):
    """The probability that a trained net gives to a text being praise."""

    def ask(net, text):
        out = str(trained[1])
        answer = sentiment.main(["--out", out, "--net", net, "--classify", text, "--device", "cpu"])
        right_way = answer["label"] == "positive"
        return answer["probability"] if right_way else 1 - answer["probability"]

    return ask


def test_a_recurrent_net_classifies_unseen_sentences_far_above_the_majority_share(trained):
    """After training with its default options on the CPU, the GRU of `examples/sentiment.py`
    classifies 98 to 100 % of 400 unseen sentences correctly; always answering the more frequent
    label is right for 59 % of them.
    """
    metrics, _ = trained

    assert metrics["sentences"] == {"train": 1600, "test": 400}
    assert metrics["majority"] == pytest.approx(0.59, abs=0.005)
    assert metrics["recurrent"]["accuracy"] == pytest.approx(0.99, abs=0.011)


def test_a_bag_of_words_is_above_the_majority_share_too(trained):
    """After the default training the bag of words of `examples/sentiment.py`, averaged word
    vectors and a linear layer, classifies about 70 % of 400 unseen sentences correctly, and
    at least 96 % of plain ones, such as "the plot was very good".
    """
    metrics, _ = trained

    assert metrics["pooled"]["accuracy"] == pytest.approx(0.70, abs=0.04)
    assert metrics["pooled"]["by_kind"]["plain"] == pytest.approx(0.98, abs=0.021)


def test_only_the_net_that_reads_in_order_understands_a_negation(trained):
    """Of unseen negated sentences such as "the plot was not good", the bag of words of
    `examples/sentiment.py` classifies after the default training at most 15 % correctly, the
    GRU at least 95 %.

    Because a bag adds up what its words weigh, and "good" outweighs "not", which occurs in
    praise as well as in blame.
    """
    metrics, _ = trained

    assert metrics["pooled"]["by_kind"]["negated"] == pytest.approx(0.0, abs=0.15)
    assert metrics["recurrent"]["by_kind"]["negated"] == pytest.approx(1.0, abs=0.05)


def test_the_kinds_that_words_alone_cannot_decide_stay_near_chance(trained):
    """After the default training of `examples/sentiment.py` its bag of words classifies 38
    to 75 % of the unseen sentences correctly in each of the kinds corrected, turned and
    distracted of `examples/drawn/reviews.py`, its GRU at least 95 %.
    """
    pooled, recurrent = (trained[0][name]["by_kind"] for name in ("pooled", "recurrent"))

    assert pooled["corrected"] == pytest.approx(0.5, abs=0.12)
    assert pooled["turned"] == pytest.approx(0.55, abs=0.13)
    assert pooled["distracted"] == pytest.approx(0.62, abs=0.13)
    assert min(recurrent.values()) == pytest.approx(1.0, abs=0.05)


def test_the_same_words_in_another_order_are_the_same_bag(chance_of_praise):
    """In `examples/sentiment.py`, trained by default, the bag of words gives "the plot was lovely
    , not dull" and "the plot was dull , not lovely" the same probability, to within 1e-6; the GRU
    calls the first positive, the second negative.

    Because a mean doesn't depend on the order of what it averages.
    """
    praise, blame = "the plot was lovely , not dull", "the plot was dull , not lovely"

    assert chance_of_praise("pooled", praise) == pytest.approx(
        chance_of_praise("pooled", blame), abs=1e-6
    )
    assert chance_of_praise("recurrent", praise) == pytest.approx(1, abs=0.05)
    assert chance_of_praise("recurrent", blame) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize(
    ("text", "label", "unknown"),
    [
        ("The music was really good.", "positive", ["."]),
        ("the music was not really good", "negative", []),
        ("the cast seemed hardly boring", "positive", []),
        ("after an awful day : the cast seemed clever", "positive", []),
        ("the cast seemed clever but the script felt weak", "negative", []),
        ("the cast felt weak but the script seemed clever , says me", "positive", ["me"]),
    ],
)
def test_classify_tells_praise_from_blame(sentiment, trained, text, label, unknown):
    """After the default training `examples/sentiment.py --net recurrent --classify TEXT`
    calls "the music was not really good" negative and "the cast seemed hardly boring"
    positive, each with a probability of at least 80 %.
    """
    run = ["--out", str(trained[1]), "--net", "recurrent", "--device", "cpu"]

    answer = sentiment.main([*run, "--classify", text])

    assert answer["label"] == label
    assert answer["probability"] == pytest.approx(1.0, abs=0.2)
    assert answer["unknown"] == unknown


def test_one_word_turns_the_answer(sentiment, trained):
    """Read by the GRU of `examples/sentiment.py`, trained by default, "the plot was not
    good" and "the plot was good" have the same probabilities of praise after the first
    three words, up to rounding; after "good" 0 and 1, to within 0.1.

    A GRU has an output after each word, which depends on the words up to there.
    """
    state = torch.load(trained[1] / "checkpoint.pt", weights_only=True)
    nets = sentiment.make_nets(**state["settings"])
    nets.load_state_dict(state["model"])
    net, vocabulary = nets["recurrent"], sentiment.Vocabulary(state["settings"]["words"])

    words, chances = sentiment.word_by_word(net, vocabulary, "the plot was not good", "cpu")
    _, unnegated = sentiment.word_by_word(net, vocabulary, "the plot was good", "cpu")

    assert words == ["the", "plot", "was", "not", "good"]
    assert chances[:3] == pytest.approx(unnegated[:3])
    assert [chances[4], unnegated[3]] == pytest.approx([0, 1], abs=0.1)


@pytest.mark.spare("-1", reason="only the state after its last word gives its score")
def test_a_packed_sentence_is_read_as_if_it_stood_alone(sentiment, trained):
    """`Recurrent`, the GRU of `examples/sentiment.py` that packs its sequences, gives a short
    sentence the same score alone and beside a longer one, up to rounding; a GRU that reads the
    padding too gives another score.

    Use `pack_padded_sequence` with the true lengths, and the `h_n` that `nn.GRU` then returns: the
    state after the last true word.
    """
    net = sentiment.Recurrent(10).eval()
    short, long = torch.tensor([2, 3, 4]), torch.arange(2, 10)

    alone = sentiment.score_all(net, [short], "cpu")
    beside = sentiment.score_all(net, [short, long], "cpu")
    unpacked, _ = net.gru(net.embedding(torch.tensor([[2, 3, 4, 0, 0, 0, 0, 0]])))

    assert beside[0].item() == pytest.approx(alone.item(), abs=1e-6)
    assert net.score(unpacked[0, 2]).item() == pytest.approx(alone.item(), abs=1e-6)
    assert net.score(unpacked[0, -1]).item() != pytest.approx(alone.item(), abs=1e-6)


@pytest.mark.spare("'odd'", reason="any word that comes once will do")
@pytest.mark.spare("'weird'", reason="any word that never comes will do")
def test_the_vocabulary_holds_what_the_training_part_says_twice(sentiment):
    """`Vocabulary.of([["not", "good"], ["good", ",", "not", "odd"]])` of `examples/sentiment.py`
    leaves out words that occur once: its `words` are `["<pad>", "<unk>", "good", "not"]`, and
    `encode(["odd", "weird"])` gives 1, `<unk>`, for both.

    Words that occur once in the training part train the vector of `<unk>`, which then stands for
    the unknown words of unseen sentences.
    """
    vocabulary = sentiment.Vocabulary.of([["not", "good"], ["good", ",", "not", "odd"]])

    assert vocabulary.words == ["<pad>", "<unk>", "good", "not"]
    assert vocabulary.encode(["not", "odd", "good", "weird"]).tolist() == [3, 1, 2, 1]


def test_with_shuffled_labels_nothing_is_learned(sentiment, trained, tmp_path):
    """`examples/sentiment.py --net=recurrent --epochs=3`, given its own 2000 sentences with
    shuffled labels (seed 0) by `--data`, trains a GRU that classifies 44 to 60 % of unseen
    sentences correctly: no better than a guess.

    A test worth making with any pipeline: a better result would mean that labels leak into the
    inputs, or test rows into the training.
    """
    head, *lines = (trained[1] / "reviews.tsv").read_text().splitlines()
    order = torch.randperm(len(lines), generator=torch.Generator().manual_seed(0)).tolist()
    labels = [lines[i].partition("\t")[0] for i in order]
    texts = [line.partition("\t")[2] for line in lines]
    rows = [f"{label}\t{text}" for label, text in zip(labels, texts, strict=True)]
    (tmp_path / "shuffled.tsv").write_text("\n".join([head, *rows]))

    metrics = sentiment.main(
        [
            f"--data={tmp_path}/shuffled.tsv",
            f"--out={tmp_path}",
            "--net=recurrent",
            "--epochs=3",
            "--device=cpu",
        ]
    )

    assert metrics["recurrent"]["accuracy"] == pytest.approx(0.52, abs=0.08)


def test_the_loss_of_the_recurrent_net_falls_from_a_guess_to_nearly_nothing(trained):
    """In the 12 default epochs of `examples/sentiment.py` the GRU's training loss is 0.6 to 0.66
    in the first (a guess has ln 2 = 0.693); its loss on unseen sentences ends below 0.03, that of
    the bag of words at 0.48 to 0.62.
    """
    recurrent, pooled = (trained[0][name]["losses"] for name in ("recurrent", "pooled"))

    assert len(recurrent) == 12
    assert recurrent[0]["train"] == pytest.approx(0.63, abs=0.03)
    assert recurrent[-1]["test"] == pytest.approx(0.0, abs=0.03)
    assert pooled[-1]["test"] == pytest.approx(0.55, abs=0.07)


def test_the_loss_of_the_bag_of_words_falls_with_every_epoch(trained):
    """The training loss of the bag of words in `examples/sentiment.py`, by default (seed
    0), falls from each of the 12 epochs to the next, by about 0.15 in all.
    """
    seen = [each["train"] for each in trained[0]["pooled"]["losses"]]

    assert seen == sorted(seen, reverse=True)
    assert max(seen) - min(seen) == pytest.approx(0.15, abs=0.03)
    assert len(seen) == 12


def test_a_run_writes_its_reviews_figures_and_nets(trained):
    """A finished run of `examples/sentiment.py` with its defaults leaves in the new folder
    `--out`: reviews.tsv with 2000 reviews, checkpoint.pt (both nets), log.txt, loss.png,
    kinds.png and words.png.
    """
    from PIL import Image

    _, out = trained

    assert sorted(os.listdir(out)) == [
        "checkpoint.pt",
        "kinds.png",
        "log.txt",
        "loss.png",
        "reviews.tsv",
        "words.png",
    ]
    with Image.open(out / "loss.png") as loss, Image.open(out / "words.png") as words:
        assert (loss.size, words.size) == ((800, 450), (900, 1000))
        assert words.convert("L").getextrema() == (0, 255)
    assert (out / "reviews.tsv").read_text().count("\n") == 2001


def test_reviews_of_ones_own_are_read_as_sst_2_has_them(sentiment, tmp_path):
    """`examples/sentiment.py --data FILE` reads tab-separated columns named `sentence` and
    `label`; if one of 51 reviews is a copy of another, it keeps 50, trains on 40 and evaluates on
    10.

    Because a review and its copy could be in different parts, one to train on and one to evaluate
    on.
    """
    lines = [f"movie {i} was {'fine' if i % 2 else 'poor'} !\t{i % 2}" for i in range(50)]
    (tmp_path / "train.tsv").write_text("\n".join(["sentence\tlabel", *lines, lines[0]]))

    metrics = sentiment.main(
        [f"--data={tmp_path}/train.tsv", f"--out={tmp_path}/out", "--epochs=30", "--device=cpu"]
    )

    assert metrics["sentences"] == {"train": 40, "test": 10}
    assert metrics["words"] == 7
    assert metrics["pooled"]["by_kind"] == {"all": 1.0}


@pytest.mark.parametrize(
    ("written", "argument", "said"),
    [
        (None, "--data={}/r.tsv", "no reviews in {}/r.tsv: put lines of a label, a tab and"),
        ("good\t1\n", "--data={}/r.tsv", "{}/r.tsv needs a first line that names"),
        ("label\ttext\n1\t\n", "--data={}/r.tsv", "{}/r.tsv, line 2: no label 0 or 1 with"),
        ("label\ttext\n7\tso\n", "--data={}/r.tsv", "{}/r.tsv, line 2: no label 0 or 1 with"),
        ("label\ttext\n1\tso\n", "--data={}/r.tsv", "the reviews are too few"),
        (None, "--classify=good", "no checkpoint {}/checkpoint.pt: a training without --resume"),
        (None, "--classify= ", "--classify: the text has no words"),
    ],
)
@pytest.mark.spare("'good\\t1\\n'", reason="any line without the names will do")
def test_bad_input_is_told_in_one_line(sentiment, tmp_path, capsys, written, argument, said):
    """`examples/sentiment.py --data FILE` ends with exit code 2 and one line that names the cause
    if FILE is missing, has no column `label`, has a label 7 or too few reviews; so does
    `--classify TEXT` with no checkpoint in `--out`.

    So it does for a line with a label and no text, and for `--classify` with a text of blanks.
    """
    (tmp_path / "r.tsv").write_text(written) if written else None

    with pytest.raises(SystemExit, match="2"):
        sentiment.main([f"--out={tmp_path}", argument.format(tmp_path)])

    error = capsys.readouterr().err
    assert error.startswith("sentiment.py: " + said.format(tmp_path))
    assert error.count("\n") == 1


def test_a_net_that_was_not_trained_is_named(sentiment, tmp_path, capsys):
    """After a run with `--net recurrent`, `examples/sentiment.py --classify good --net pooled`
    with the same `--out` ends with exit code 2 and a line that says which net the checkpoint has.
    """
    tiny = ["--sentences=100", "--epochs=1", f"--out={tmp_path}", "--device=cpu"]
    sentiment.main([*tiny, "--net=recurrent"])

    with pytest.raises(SystemExit, match="2"):
        sentiment.main([*tiny, "--net=pooled", "--classify=good"])

    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith(f"--net pooled: the checkpoint in {tmp_path} has only recurrent")
