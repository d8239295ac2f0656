"""Train a word-level language model, an LSTM that says which word comes next.

The closing list of the notes' sixty-minute blitz (note 004) names one. Its corpus here is the
English that every Python brings along, the help texts of `pydoc_data.topics`: about 80,000 words
once paragraphs that stand there twice are taken once. A tenth of it is kept for the last
measurement, and another tenth tells when to lower the learning rate. Words that occur fewer than
three times are one word, <unk>.

The words are cut into 16 streams that are read side by side, 32 words at a step; the LSTM's memory
goes on from step to step, the gradient does not (truncated backpropagation), and it is clipped. The
embedding and the last layer share their weights (`--untied` parts them). When a validation finds
nothing better, the learning rate falls to a quarter and training goes on from the best weights.

    python examples/word_language_model.py
    python examples/word_language_model.py --generate --prompt "the class" --temperature 0.8
    python examples/word_language_model.py --text FILE --hidden 400 --epochs 40

In 21 seconds on one core the perplexity falls to 38, 40 and 40 on text never read (PyTorch 2.14 on
a CPU, Python 3.11, seeds 0, 1 and 2): the net hesitates as if among 38 words. Counting single words
leaves 180 of 1575, counting pairs 72, pairs mixed with single words 61, though these may choose
their best mixture on what is measured. What it writes keeps a few words together and no thought.
"""

import copy
import itertools
import math

import torch
import torch.nn.functional as F
from arguments import Arguments, not_negative, number, positive, rate
from corpus import END, Corpus, bigram_perplexities, prose, unigram_perplexity, words_of
from figures import GRAY, curves, figure
from texts import read_text, steps, streams, write
from torch import nn
from workbench import InputError, Run, fingerprint, read_checkpoint, script


class LanguageModel(nn.Module):
    """Embedding, dropout, LSTM, dropout, scores of the word that comes next."""

    def __init__(self, words, hidden, layers, dropout, tied):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.embedding = nn.Embedding(words, hidden)
        self.lstm = nn.LSTM(
            hidden, hidden, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0
        )
        self.scores = nn.Linear(hidden, words)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        nn.init.uniform_(self.scores.weight, -0.1, 0.1)
        nn.init.zeros_(self.scores.bias)
        if tied:
            self.scores.weight = self.embedding.weight

    def forward(self, words, memory=None):
        remembered, memory = self.lstm(self.drop(self.embedding(words)), memory)
        return self.scores(self.drop(remembered)), memory


def perplexity(net, numbers, length):
    """Return e to the mean loss of a word, in a text that is read once, from its beginning."""
    total, memory = 0.0, None
    net.eval()
    with torch.inference_mode():
        for read, following in steps(numbers.view(1, -1), length):
            scores, memory = net(read, memory)
            total += F.cross_entropy(scores.flatten(0, 1), following.flatten(), reduction="sum")
    return torch.exp(total / (len(numbers) - 1)).item()


def prompt_of(args, words):
    """Return the words of `--prompt` after the end of a sentence."""
    prompt = [END, *words_of(args.prompt)]
    strange = [word for word in prompt if word not in words]
    if strange:
        raise InputError(f"--prompt: the net never learned {' '.join(strange)}")
    return prompt


def write_on(net, words, args):
    """Return the prompt and `--sample` words after it; none of them is <unk>, number 0."""
    prompt = prompt_of(args, words)
    row = torch.tensor([[words.index(word) for word in prompt]], device=args.device)
    generator = torch.Generator().manual_seed(args.seed)
    (written,) = write(net, row, args.sample, args.temperature, generator, never=[0]).tolist()
    return prose(prompt[1:] + [words[number] for number in written])


def generate(args):
    """Write with the best net of a checkpoint; learn nothing."""
    saved = read_checkpoint(args.out / "checkpoint.pt", args.script)
    net = make_net(**saved["settings"]).to(args.device)
    net.load_state_dict(saved["best"])
    return {"sample": write_on(net, saved["settings"]["words"], args), "device": str(args.device)}


def make_net(words, hidden, layers, dropout, untied, **_):
    return LanguageModel(len(words), hidden, layers, dropout, tied=not untied)


def draw(out, metrics):
    """Draw the perplexity over the epochs, among those that need no net."""
    title = "It hesitates among {perplexity:.0f} words, counts among {mixed_perplexity:.0f}"
    with figure(out / "perplexity.png", title.format(**metrics)) as axes:
        epochs = metrics["epochs"]
        names = {"learn": "as it learns", "validate": "on validation"}
        lines = {told: [epoch[name] for epoch in epochs] for name, told in names.items()}
        counted = {"single words": "unigram", "pairs of words": "bigram", "both mixed": "mixed"}
        floors = {told: metrics[f"{name}_perplexity"] for told, name in counted.items()}
        curves(axes, lines, "epoch", "perplexity (words)", references=floors, yscale="log")
        for before, after in itertools.pairwise(epochs):
            if after["lr"] < before["lr"]:
                axes.axvline(before["epoch"], color=GRAY, lw=1)
                axes.annotate("rate falls", (before["epoch"], axes.get_ylim()[0]), rotation=90)
        axes.legend(loc="upper right", frameon=True, edgecolor="none", framealpha=1)
        axes.yaxis.set_major_formatter("{x:.0f}")
        axes.yaxis.set_minor_formatter("{x:.0f}")


def learn(args):
    """Read the corpus, count, train, measure, write, and return what came out."""
    text = read_text(args.text)
    corpus = Corpus(text, args.least)
    args.words = words = corpus.words
    prompt_of(args, words)  # a strange one is told before the training
    sizes = {part: len(getattr(corpus, part)) for part in ("learn", "validate", "measure")}
    if len(corpus.learn) // args.batch_size < args.length or min(sizes.values()) < 100:
        raise InputError(f"--text {args.text} is too short: {sizes['learn']} words to learn from")
    unigram = unigram_perplexity(corpus.learn, corpus.measure, len(words))
    added, mixed = bigram_perplexities(corpus.learn, corpus.measure, len(words))
    few = 200 if args.dry_run else None
    validate, measure = (part[:few].to(args.device) for part in (corpus.validate, corpus.measure))
    rows = streams(corpus.learn.to(args.device), args.batch_size)
    count = math.ceil((rows.shape[1] - 1) / args.length)

    torch.manual_seed(args.seed)
    net = make_net(**vars(args)).to(args.device)
    best = copy.deepcopy(net)
    optimizer = torch.optim.Adam(net.parameters(), args.lr)
    decay = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=0.25, patience=0, threshold=0.005
    )
    free = ("epochs", "generate", "prompt", "temperature", "sample")
    parts = {"model": net, "best": best, "optimizer": optimizer, "scheduler": decay}
    run = Run(args, fingerprint(text), free, **parts)

    for _ in run.epochs():
        net.train()
        memory = None
        for read, following in run.batches(steps(rows, args.length), count):
            if memory is not None:
                memory = tuple(part.detach() for part in memory)
            optimizer.zero_grad()
            scores, memory = net(read, memory)
            loss = F.cross_entropy(scores.flatten(0, 1), following.flatten())
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), args.clip)
            optimizer.step()
            run.watch(loss)
        lr, learned = optimizer.param_groups[0]["lr"], torch.stack(run.watched).mean().exp()
        run.note(lr=lr, learn=learned, validate=perplexity(net, validate, args.length))
        *before, validated = run.values("validate")
        if validated < min(before, default=math.inf):
            best.load_state_dict(net.state_dict())
        decay.step(math.log(validated))
        if optimizer.param_groups[0]["lr"] < lr:
            net.load_state_dict(best.state_dict())

    names = ("lr", "learn", "validate")
    columns = zip(*(run.values(name) for name in names), strict=True)
    metrics = {
        "device": str(args.device),
        "words": len(words),
        "sizes": sizes,
        "weights": sum(weight.numel() for weight in net.parameters()),
        "perplexity": perplexity(best, measure, args.length),
        "unigram_perplexity": unigram,
        "bigram_perplexity": added,
        "mixed_perplexity": mixed,
        "epochs": [
            {"epoch": epoch, **dict(zip(names, values, strict=True))}
            for epoch, values in enumerate(columns, 1)
        ],
        "sample": write_on(best, words, args),
        "seconds_training": run.seconds,
    }
    if not args.dry_run:
        draw(args.out, metrics)
        (args.out / "sample.txt").write_text(metrics["sample"], encoding="utf-8")
    run.tell(metrics, *(f"{kind}perplexity" for kind in ("", "mixed_", "bigram_", "unigram_")))
    return metrics


@script
def main(argv=None):
    """Do as the arguments say and return the metrics."""
    parser = Arguments(__file__, __doc__, epochs=8, batch_size=16, lr=0.005, threads=1)
    add = parser.add_argument
    share = number(float, lambda value: 0 <= value < 1, "share")
    add("--text", default="pydoc", help="pydoc (the help texts of this Python) or a text file")
    add("--least", type=positive, default=3, help="times that a word must occur to be learned")
    add("--length", type=positive, default=32, help="words that a gradient reaches back")
    add("--hidden", type=positive, default=128, help="size of embedding and memory")
    add("--layers", type=positive, default=1, help="LSTMs one upon the other")
    add("--dropout", type=share, default=0.4, help="share of numbers that each step leaves out")
    add("--untied", action="store_true", help="give the last layer weights of its own")
    add("--clip", type=rate, default=1.0, help="greatest length of a gradient")
    add("--generate", action="store_true", help="only write, by the checkpoint in --out")
    add("--prompt", default="", help="words that the sample begins with")
    add("--temperature", type=not_negative, default=0.8, help="0 is dull, 1 as learned, above wild")
    add("--sample", type=positive, default=120, help="words to write")
    args = parser.read(argv)
    metrics = generate(args) if args.generate else learn(args)
    print(metrics["sample"])
    return metrics


if __name__ == "__main__":
    main()
