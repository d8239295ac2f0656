"""Translation with attention.

`examples/translation.py` learns to translate simple English into Talu, an invented language with
another word order, two genders and endings that agree. A GRU reads the English sentence in both
directions; a second GRU writes the translation word by word, and before each word looks back at the
source with a weight for each source word: attention. Of 4000 pairs one in ten is kept for
evaluation.

What surprises: nobody tells the net where to look, and yet the weights come to lie on the word that
is translated, wherever it stands. Most of the exceptions are no mistakes: an article of Talu has
the gender of its noun, and so the net looks at the noun to write it. Figures are those of the
default settings and seed 0 on the CPU; attention by itself is told in `spec/nn/test_attention.py`.
"""

import os

import pytest
import torch

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def translation():
    """The example as a module."""
    return import_example("translation")


@pytest.fixture(scope="module")
def trained(translation, tmp_path_factory):
    """The metrics of a run by the defaults, and the folder that it wrote to."""
    out = tmp_path_factory.mktemp("trained") / "deep" / "out"
    return translation.main(["--out", str(out), "--device", "cpu"]), out


@pytest.fixture(scope="module")
def translate(translation, trained):
    """Translates a sentence by the trained net."""

    def ask(sentence):
        return translation.main(
            ["--out", str(trained[1]), "--translate", sentence, "--device", "cpu"]
        )

    return ask


def test_unseen_sentences_are_translated_word_for_word(trained):
    """After the default training, the net of `examples/translation.py` translates 96 to 100
    % of 400 unseen sentences without one wrong word.
    """
    metrics, _ = trained

    assert metrics["pairs"] == {"train": 3600, "test": 400}
    assert metrics["net"]["exact"] == pytest.approx(0.98, abs=0.021)
    assert metrics["net"]["words"] == pytest.approx(0.995, abs=0.006)


@pytest.mark.spare("'\\t'", reason="whole lines differ as well")
def test_no_sentence_to_be_measured_on_was_learned_from(translation, trained):
    """The 4000 pairs that `examples/translation.py` makes with seed 0 have 4000 different source
    sentences, so no source sentence that is kept for evaluation is among those it is trained on.
    """
    lines = (trained[1] / "pairs.tsv").read_text().splitlines()

    assert len({line.partition("\t")[0] for line in lines}) == 4000


def test_a_dictionary_has_the_words_but_not_their_order(trained):
    """By default `examples/translation.py` also translates 400 unseen sentences word by word with
    a dictionary, as a baseline: it gets no sentence right, finds about 66 % of the right words,
    and puts about 11 % in their place.

    Because Talu, the made-up language of the example, puts the adjective behind its noun and the
    verb last, and its articles and adjectives agree with the gender of the noun.
    """
    dictionary = trained[0]["word_by_word"]

    assert dictionary["exact"] == 0.0
    assert dictionary["words"] == pytest.approx(0.11, abs=0.03)
    assert dictionary["anywhere"] == pytest.approx(0.66, abs=0.04)


def test_the_most_frequent_words_are_no_translation(trained):
    """Writing the most frequent word of each position, a baseline of
    `examples/translation.py`, gets by default about 6.5 % of the words of 400 unseen
    sentences right, and none of the sentences.
    """
    frequent = trained[0]["most_frequent"]

    assert frequent["exact"] == 0.0
    assert frequent["words"] == pytest.approx(0.065, abs=0.02)


def test_attention_peaks_at_the_word_that_is_translated(trained):
    """In a default run of `examples/translation.py`, for at least 75 % of the words of reference
    translations of unseen sentences the largest attention weight is on the source word they
    translate; both words have the same position for about 20 %.

    The rest is mostly articles, for which the net looks at the noun, whose gender it needs.
    """
    aligned = trained[0]["aligned"]

    assert aligned["attention"] == pytest.approx(0.88, abs=0.121)
    assert aligned["diagonal"] == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(
    ("english", "talu"),
    [
        ("the small queen does not see a red bird", "la regina pika uno avio rubo ne vidas"),
        ("yesterday some cats found the ship", "unon miron la nava yer trovisen"),
        ("the old farmer hears the dogs", "la agra veka lan hundan udas"),
        ("the old king hears the trees", "lo rego veko lon arbon udas"),
        ("the farmers heard a dog near the river", "lan agran la riva cheto una hunda udisen"),
    ],
)
def test_translate_orders_the_words_and_makes_them_agree(translate, english, talu):
    """After the default training,
    `examples/translation.py --translate "the small queen does not see a red bird"` gives "la
    regina pika uno avio rubo ne vidas": adjective behind noun, verb last, article and adjective
    agreeing with the noun.
    """
    answer = translate(english)

    assert answer["translation"] == talu
    assert answer["unknown"] == []


def test_the_attention_of_each_word_sums_to_one(translate):
    """For each word that `examples/translation.py` writes, the attention weights over the
    source words and the sentence's end add up to 1, up to rounding.

    Because they are a softmax over the source positions.
    """
    attention = torch.tensor(translate("the old king saw a small red bird")["attention"])

    assert attention.shape[1] == 9
    assert attention.sum(1).tolist() == pytest.approx([1.0] * len(attention), abs=1e-5)
    assert attention.min().item() == pytest.approx(0, abs=0.01)


def test_the_reordering_is_seen_in_the_attention(translate):
    """After the default training, for "the small queen saw a red bird" the attention of
    `examples/translation.py` peaks at queen, small, bird, red and saw when it writes their
    translations, in this order.
    """
    answer = translate("the small queen saw a red bird")

    peaks = torch.tensor(answer["attention"]).argmax(1).tolist()

    assert answer["translation"] == "la regina pika uno avio rubo vidis"
    assert [peaks[place] for place in (1, 2, 4, 5, 6)] == [2, 1, 6, 5, 3]


def test_attention_gives_nothing_to_padding(translation):
    """In a padded batch the attention weights of `Translator` of `examples/translation.py`
    on padding are exactly 0, and in eval mode the padded sentence's scores are those that
    it gets alone, up to rounding.

    Scores of padding are set to -inf before the softmax.
    """
    net = translation.Translator(10, 10).eval()
    target = torch.tensor([[4, 5, 3]])

    alone, _ = net(torch.tensor([[4, 5, 3]]), target)
    scores, attention = net(torch.tensor([[4, 5, 3, 0, 0], [4, 5, 6, 7, 3]]), target.repeat(2, 1))

    assert attention[0, :, 3:].tolist() == [[0.0, 0.0]] * 3
    assert scores[0].flatten().tolist() == pytest.approx(alone.flatten().tolist(), abs=1e-5)


def test_teacher_forcing_and_greedy_decoding_agree_on_what_is_written(translation):
    """A `Translator` of `examples/translation.py` in eval mode, given as target what its greedy
    `translate` wrote for one sentence, gives each of these words the highest score, with the
    attention weights that `translate` returned, up to rounding.

    Because training (teacher forcing) and decoding then feed the decoder the same words.
    """
    torch.manual_seed(0)
    net = translation.Translator(20, 20).eval()
    source = torch.tensor([[4, 5, 6, 3]])

    with torch.inference_mode():
        written, looks = net.translate(source, 6)
        scores, attention = net(source, torch.tensor(written))

    assert scores.argmax(2).tolist() == written
    assert attention.flatten().tolist() == pytest.approx(looks.flatten().tolist(), abs=1e-5)


def test_the_loss_falls_on_unseen_sentences_with_every_epoch(trained):
    """In the six default epochs of `examples/translation.py` the loss on unseen sentences falls
    in each epoch and ends below 0.04; the training loss of the first epoch is about 2.5.
    """
    losses = trained[0]["losses"]
    unseen = [each["test"] for each in losses]

    assert len(losses) == 6
    assert losses[0]["train"] == pytest.approx(2.5, abs=0.3)
    assert unseen == sorted(unseen, reverse=True)
    assert unseen[-1] == pytest.approx(0.0, abs=0.04)


@pytest.mark.parametrize("third", ["CC-BY 2.0", "2020-01-02"])
@pytest.mark.spare("'CC-BY 2.0'", reason="any text that is no alignment will do")
@pytest.mark.spare("'2020-01-02'", reason="any text that is no alignment will do")
def test_pairs_of_ones_own_are_read(translation, tmp_path, third):
    """`examples/translation.py --data FILE` reads lines of source, tab and target; a third
    column that isn't an alignment such as "0-0 1-2" is ignored, and a source that comes twice
    counts once.
    """
    words = ["uno", "due", "tre", "quattro", "cinque"]
    lines = [f"{i} and {j}\t{words[i]} e {words[j]}\t{third}" for i in range(5) for j in range(5)]
    (tmp_path / "ita.tsv").write_text("\n".join([*lines, lines[0]]))

    metrics = translation.main(
        [f"--data={tmp_path}/ita.tsv", f"--out={tmp_path}", "--epochs=2", "--device=cpu"]
    )

    assert metrics["pairs"] == {"train": 23, "test": 2}
    assert metrics["words"] == [10, 10]
    assert metrics["aligned"] is None


def test_a_run_writes_its_pairs_figures_and_net(trained):
    """A finished run of `examples/translation.py` without `--data`, `--translate` and
    `--dry-run` leaves in the new folder `--out`: checkpoint.pt, log.txt, pairs.tsv,
    loss.png and attention.png.
    """
    from PIL import Image

    _, out = trained

    assert sorted(os.listdir(out)) == [
        "attention.png",
        "checkpoint.pt",
        "log.txt",
        "loss.png",
        "pairs.tsv",
    ]
    with Image.open(out / "loss.png") as loss, Image.open(out / "attention.png") as attention:
        assert (loss.size, attention.size) == ((800, 450), (800, 800))
        assert loss.convert("L").getextrema() == (0, 255)
        assert attention.convert("L").getextrema() == (0, 255)


def test_a_dry_run_makes_fewer_pairs(translation, tmp_path):
    """`examples/translation.py --dry-run`, without `--data` and `--translate`, makes only
    300 pairs, of which it keeps 30 for the evaluation.
    """
    metrics = translation.main(["--dry-run", "--out", str(tmp_path / "out"), "--device", "cpu"])

    assert metrics["pairs"] == {"train": 270, "test": 30}


@pytest.mark.parametrize(
    ("written", "argument", "said"),
    [
        (None, "--data={}/p.tsv", "no pairs in {}/p.tsv: put lines of a source, a tab and"),
        ("hello\n", "--data={}/p.tsv", "{}/p.tsv, line 1: no source, tab and target"),
        ("yes\tsi\t0-1\n", "--data={}/p.tsv", "{}/p.tsv, line 1: 0-1 goes past the words"),
        ("yes\tsi\n", "--data={}/p.tsv", "{}/p.tsv has 1 different sources; 10 are the least"),
        (None, "--translate=cat", "no checkpoint {}/checkpoint.pt: a training without --resume"),
        (None, "--translate= ", "--translate: the sentence has no words"),
    ],
)
@pytest.mark.spare("'hello\\n'", reason="any line without a tab will do")
@pytest.mark.spare("'yes\\tsi\\n'", reason="any single pair will do")
@pytest.mark.spare("'yes\\tsi\\t0-1\\n'", reason="any source of one word will do")
def test_bad_input_is_told_in_one_line(translation, tmp_path, capsys, written, argument, said):
    """`examples/translation.py` exits with code 2 and a line saying why: in training if the
    `--data` file is missing, has no tab in a line, an alignment past the last word or under 10
    different sources; if `--translate` is blank or finds no net.

    With `--translate` it does not train, and never opens the `--data` file.
    """
    (tmp_path / "p.tsv").write_text(written) if written else None

    with pytest.raises(SystemExit, match="2"):
        translation.main([f"--out={tmp_path}", argument.format(tmp_path)])

    error = capsys.readouterr().err
    assert error.startswith("translation.py: " + said.format(tmp_path))
    assert error.count("\n") == 1
