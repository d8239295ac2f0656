"""Tell praise from blame in short reviews: a bag of words, and a net that reads in order.

Two small nets classify sentences. The pooled one averages the vectors of the words, so it sees
which words are there and not where; the recurrent one (a GRU over packed sequences) reads them in
order. Both know "lovely" and "dull"; only the second knows what is negated in "it was dull, not
lovely", which has the very words of "it was lovely, not dull". Text analysis and sentiment
analysis are what the course advertised in note 002 sets out to teach.

    python examples/sentiment.py
    python examples/sentiment.py --classify "the plot was not bad at all, but hardly moving"

By default the reviews are of our own making (`drawn/reviews.py`): plain ones ("the plot was very
good"), negated ("was far from good"), corrected ("was good , not dull"), turned ("the plot was good
but the acting was dull": the last word counts) and distracted ("after an awful day : the plot was
good": the day doesn't count). `--data FILE` reads real ones: tab-separated lines under a header
that names a `label` (0 or 1, negative or positive) and a `text` or `sentence`, as SST-2 has it; a
`kind`, if there is one, is measured apart. One sentence in five is kept for measuring. Both nets
learn side by side from the same batches.

Of 400 unseen sentences the recurrent net tells 100 % rightly, the pooled one 69 to 70 %, always the
more frequent label 53 to 59 % (PyTorch 2.14 on a CPU, seeds 0, 1 and 2, in 7 seconds). Of the
negated ones the recurrent net gets 100 %, the pooled one 0 to 11 %; of the plain ones both get 99
to 100 %.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from arguments import Arguments, number
from drawn.reviews import EXAMPLES, write_reviews
from figures import GRAY, bars, curves, figure
from review_files import PADDING, Reviews, Vocabulary, open_reviews, read_reviews, split_words
from texts import padded
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence
from workbench import InputError, Run, fingerprint, read_checkpoint, script


class Pooled(nn.Module):
    """The mean of the words' vectors, and a linear layer: a bag of words without order."""

    def __init__(self, words, width=32):
        super().__init__()
        self.embedding = nn.EmbeddingBag(words, width, mode="mean", padding_idx=PADDING)
        self.score = nn.Linear(width, 1)

    def forward(self, numbers, lengths):
        return self.score(self.embedding(numbers)).squeeze(1)


class Recurrent(nn.Module):
    """A GRU that reads word by word; its last state, before any padding, decides."""

    def __init__(self, words, width=32, hidden=64):
        super().__init__()
        self.embedding = nn.Embedding(words, width, padding_idx=PADDING)
        self.gru = nn.GRU(width, hidden, batch_first=True)
        self.score = nn.Linear(hidden, 1)

    def forward(self, numbers, lengths):
        read = self.embedding(numbers)
        packed = pack_padded_sequence(read, lengths.cpu(), batch_first=True, enforce_sorted=False)
        _, last = self.gru(packed)
        return self.score(last[-1]).squeeze(1)


# Both give one number a sentence: above 0 it is praise.
NETS = {"pooled": Pooled, "recurrent": Recurrent}


def make_nets(net, words, **_):
    names = NETS if net == "both" else [net]
    return nn.ModuleDict({name: NETS[name](len(words)) for name in names})


def score_all(net, sentences, device):
    """Return what the net gives each sentence."""
    net.eval()
    with torch.inference_mode():
        batches = (padded(sentences[n : n + 500]) for n in range(0, len(sentences), 500))
        return torch.cat([net(numbers.to(device), lengths).cpu() for numbers, lengths in batches])


def word_by_word(net, vocabulary, text, device):
    """Return the words of a text, and the probability of praise after each."""
    words = split_words(text)
    numbers = vocabulary.encode(words)
    scores = score_all(net, [numbers[: end + 1] for end in range(len(words))], device)
    return words, scores.sigmoid().tolist()


def classify(args):
    """Return the label and the probability that a trained net gives to one text."""
    if not split_words(args.classify):
        raise InputError("--classify: the text has no words")
    saved = read_checkpoint(args.out / "checkpoint.pt", args.script)
    nets, vocabulary = make_nets(**saved["settings"]), Vocabulary(saved["settings"]["words"])
    nets.load_state_dict(saved["model"])
    name = args.net if args.net in NETS else list(nets)[-1]
    if name not in nets:
        raise InputError(f"--net {name}: the checkpoint in {args.out} has only {', '.join(nets)}")
    net = nets[name].to(args.device)
    words, chances = word_by_word(net, vocabulary, args.classify, args.device)
    label = "positive" if chances[-1] > 0.5 else "negative"
    probability = max(chances[-1], 1 - chances[-1])
    print(f"{label} ({probability:.1%})")
    unknown = sorted(set(words) - set(vocabulary.words))
    return {"label": label, "probability": probability, "unknown": unknown}


def draw(out, nets, metrics, vocabulary, device):
    """Draw the losses, what is right by kind of sentence, and what is believed word by word."""
    results = {name: metrics[name] for name in nets}
    ends = [f"{name} {result['losses'][-1]['test']:.2g}" for name, result in results.items()]
    with figure(out / "loss.png", f"The loss on new sentences falls to: {', '.join(ends)}") as axes:
        lines = {
            f"{name}, {part}": [losses[part] for losses in result["losses"]]
            for name, result in results.items()
            for part in ("train", "test")
        }
        curves(axes, lines, "epoch", "loss (nats a sentence)", ylim=0)
    right = [f"{name} {result['accuracy']:.0%}" for name, result in results.items()]
    with figure(out / "kinds.png", f"New sentences told rightly: {', '.join(right)}") as axes:
        axes.axhline(100 * metrics["majority"], color=GRAY, ls="--", label="always one label")
        shares = {name: result["by_kind"] for name, result in results.items()}
        groups = {name: [100 * s for s in by_kind.values()] for name, by_kind in shares.items()}
        kinds = list(next(iter(shares.values())))
        bars(axes, groups, kinds, "kind of sentence", "told rightly (%)")
        axes.set(ylim=(0, 120), yticks=range(0, 101, 20))
        axes.legend(loc="upper center", ncols=3)
    title = "How surely it is praise, after each word"
    with figure(out / "words.png", title, len(EXAMPLES), size=(9, 10)) as rows:
        for axes, text in zip(rows, EXAMPLES, strict=True):
            for name, net in nets.items():
                words, chances = word_by_word(net, vocabulary, text, device)
                axes.plot(chances, marker="o", label=name)
            axes.axhline(0.5, color=GRAY, lw=1)
            axes.set(ylim=(-0.1, 1.1), yticks=[0, 0.5, 1], ylabel="probability")
            axes.set_xticks(range(len(words)), words)
        rows[0].legend(loc="lower left", ncols=2)


def learn(args):
    """Train the nets and return what they reach."""
    written = write_reviews(args.sentences, args.seed)
    lines = open_reviews(args.data) if args.data else read_reviews(written, "reviews.tsv")
    reviews = Reviews(lines, args.seed)
    args.words = reviews.vocabulary.words

    torch.manual_seed(args.seed)
    nets = make_nets(args.net, args.words).to(args.device)
    loader = reviews.loader(args.batch_size)
    optimizer = torch.optim.Adam(nets.parameters(), lr=args.lr)
    run = Run(args, fingerprint(lines), ("epochs", "classify"), model=nets, optimizer=optimizer)

    for _ in run.epochs():
        nets.train()
        for numbers, lengths, labels in run.batches(loader):
            optimizer.zero_grad()
            scores = [net(numbers, lengths) for net in nets.values()]
            losses = [F.binary_cross_entropy_with_logits(each, labels) for each in scores]
            sum(losses).backward()  # the nets share nothing: to each the gradient of its own
            for net in nets.values():
                nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            run.watch(torch.stack(losses))
        for (name, net), loss in zip(nets.items(), torch.stack(run.watched).mean(0), strict=True):
            scores = score_all(net, reviews.sentences, args.device)
            unseen = F.binary_cross_entropy_with_logits(scores, reviews.labels)
            run.note(**{f"{name}_train_loss": loss, f"{name}_test_loss": unseen})

    metrics = {
        "device": str(args.device),
        "majority": reviews.majority,
        "sentences": {"train": len(reviews.learn), "test": len(reviews.labels)},
        "words": len(args.words),
    }
    for name, net in nets.items():
        both = zip(*(run.values(f"{name}_{part}_loss") for part in ("train", "test")), strict=True)
        metrics[name] = reviews.score(score_all(net, reviews.sentences, args.device))
        metrics[name]["losses"] = [{"train": one, "test": other} for one, other in both]
    if not args.dry_run:
        if not args.data:
            (args.out / "reviews.tsv").write_text(written, encoding="utf-8")
        draw(args.out, nets, metrics, reviews.vocabulary, args.device)
    right = {
        f"{name}_{key}": metrics[name][key] for name in nets for key in ("accuracy", "by_kind")
    }
    run.tell(right | metrics, "majority", *right)
    return metrics


@script
def main(argv=None):
    """Train as the arguments say and return the metrics, or what `--classify` finds."""
    parser = Arguments(__file__, __doc__, epochs=12, batch_size=32, lr=0.003)
    add = parser.add_argument
    many = number(int, lambda value: 20 <= value <= 20000, "number from 20 to 20000")
    add("--net", choices=[*NETS, "both"], default="both", help="which net learns, or classifies")
    add("--data", type=Path, metavar="FILE", help="reviews to read; None: they are written")
    add("--sentences", type=many, default=2000, help="how many to write")
    add("--classify", metavar="TEXT", help="only classify a text, by the checkpoint in --out")
    args = parser.read(argv)
    return learn(args) if args.classify is None else classify(args)


if __name__ == "__main__":
    main()
