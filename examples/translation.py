"""Translate with attention: from simple English into a language that orders its words otherwise.

A GRU reads the English sentence in both directions; a second GRU writes the translation word by
word, and before each word looks back at the source with a weight for every source word: attention.
It must learn a dictionary, another word order, and endings that agree. spro's practical PyTorch,
which notes 000 and 001 send the learner to for language, ends with such a net.

    python examples/translation.py
    python examples/translation.py --translate "the small queen does not see a red bird"

The language is Talu, which `drawn/talu.py` makes up: the adjective follows its noun, the verb comes
last, and every noun has a gender with which article and adjective agree:

    the small queen does not see a red bird      la regina pika uno avio rubo ne vidas

`--data FILE` reads real pairs: source, tab, target, as Tatoeba has them; a third column in
Pharaoh's notation ("0-0 1-2": source word 0 is target word 0) tells which word is which, and is
only measured by. One pair in ten is kept for measuring; a source sentence is never in both parts.
In `--out` appear loss.png, attention.png, log.txt, a checkpoint, and pairs.tsv, the pairs in Talu.

Of 400 unseen sentences 99.0, 99.5 and 99.8 % are translated word for word (seeds 0, 1, 2; PyTorch
2.14.1, one core, 12 seconds). A dictionary made from the same pairs and applied word by word gets
none: it finds 66 % of the words, 11 % in their place; the most frequent words get 6 %. Attention
peaks at the word that is translated for 83, 97 and 96 % of the words: with seed 0 many articles
look at their noun instead, whose gender they must know.
"""

import random
from pathlib import Path

import torch
import torch.nn.functional as F
from arguments import Arguments, number
from drawn.talu import write_pairs
from figures import ORANGE, curves, figure
from pairs import compare, most_frequent, read_pairs, split_words, word_by_word
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.utils.data import DataLoader
from vocabulary import END, PADDING, START, Vocabulary, pad
from workbench import InputError, Run, fingerprint, log, read_checkpoint, script


class Translator(nn.Module):
    """Encoder, attention and decoder; the target is given during training: teacher forcing."""

    def __init__(self, source_words, target_words, width=48, hidden=128):
        super().__init__()
        self.source = nn.Embedding(source_words, width, padding_idx=PADDING)
        self.target = nn.Embedding(target_words, width, padding_idx=PADDING)
        self.encoder = nn.GRU(width, hidden // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(width, hidden, batch_first=True)
        self.query = nn.Linear(hidden, hidden, bias=False)
        self.key = nn.Linear(hidden + width, hidden)
        self.join = nn.Linear(2 * hidden, hidden)
        self.score = nn.Linear(hidden, target_words)

    def encode(self, source):
        """Return what the decoder needs: first state, memory of each word, where words are."""
        there = source != PADDING
        embedded = self.source(source)
        packed = pack_padded_sequence(
            embedded, there.sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        states, last = self.encoder(packed)
        states, _ = pad_packed_sequence(states, batch_first=True)
        memory = self.key(torch.cat([states, embedded], 2))
        return torch.cat([last[0], last[1]], 1)[None], memory, there

    def decode(self, words, state, memory, there):
        """Take target words; return the scores of each next word, the state, the attention."""
        states, state = self.decoder(self.target(words), state)
        similar = self.query(states) @ memory.mT / memory.shape[2] ** 0.5
        attention = similar.masked_fill(~there[:, None], -torch.inf).softmax(2)
        context = attention @ memory
        joined = torch.tanh(self.join(torch.cat([states, context], 2)))
        return self.score(joined), state, attention

    def forward(self, source, target):
        """Return the scores of each target word, given those before it, and the attention."""
        shifted = torch.cat([torch.full_like(target[:, :1], START), target[:, :-1]], 1)
        scores, _, attention = self.decode(shifted, *self.encode(source))
        return scores, attention

    def translate(self, source, longest):
        """Return greedy translations as lists of numbers, and the attention of each word."""
        state, memory, there = self.encode(source)
        word = torch.full_like(source[:, :1], START)
        words, looks = [], []
        for _ in range(longest):
            scores, state, attention = self.decode(word, state, memory, there)
            word = scores.argmax(2)
            words.append(word)
            looks.append(attention)
            if (torch.cat(words, 1) == END).any(1).all():
                break
        return torch.cat(words, 1).tolist(), torch.cat(looks, 1).cpu()


def encode(pairs, vocabularies):
    """Return source and target of each pair as numbers."""
    return [[vocabularies[side].encode(pair[side]) for side in (0, 1)] for pair in pairs]


def to_tensors(pairs):
    """Make a batch of pairs of numbers: all sources, all targets."""
    return [pad(side) for side in zip(*pairs, strict=True)]


def loss_of(net, source, target):
    """Return the mean loss of a word of the target, given those before it."""
    scores, _ = net(source, target)
    return F.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=PADDING)


def translate_all(net, vocabularies, sources, device):
    """Return the greedy translation of each list of source words."""
    net.eval()
    numbers, found = [vocabularies[0].encode(words) for words in sources], []
    with torch.inference_mode():
        for source in DataLoader(numbers, 250, collate_fn=pad):
            found += net.translate(source.to(device), 2 * source.shape[1] + 10)[0]
    return [vocabularies[1].decode(words) for words in found]


def look(net, vocabularies, source, target, device):
    """Return the attention [target word, source word] as the net writes a given translation.

    The sentence's end is a word of its own on both sides, and stands last.
    """
    net.eval()
    with torch.inference_mode():
        sides = (vocabularies[0].encode(source), vocabularies[1].encode(target))
        _, attention = net(*(numbers[None].to(device) for numbers in sides))
    return attention[0].cpu()


def aligned(net, vocabularies, pairs, device):
    """Return how often the peak of attention, and the diagonal, is the word that is translated."""
    peaks = diagonal = words = 0
    for source, target, links in pairs:
        if links:
            peak = look(net, vocabularies, source, target, device).argmax(1).tolist()
            peaks += sum(peak[j] == i for j, i in links.items())
            diagonal += sum(j == i for j, i in links.items())
            words += len(links)
    return {"attention": peaks / words, "diagonal": diagonal / words} if words else None


def draw_attention(net, vocabularies, pairs, share, device, path):
    """Draw where the net looks in four unseen sentences; circles mark the word translated."""
    by_length = sorted(pairs, key=lambda pair: len(pair[1]))
    chosen = [by_length[int(share * (len(pairs) - 1))] for share in (0, 0.3, 0.6, 0.9)]
    told = f": at the word it translates (circle), for {share:.0%} of the words" if share else ""
    with figure(path, f"Where the net looks{told}", 2, 2, size=(8, 8)) as grid:
        for axes, (source, target, links) in zip(grid.flat, chosen, strict=True):
            (written,) = translate_all(net, vocabularies, [source], device)
            attention = look(net, vocabularies, source, written, device)
            axes.imshow(attention.numpy(), cmap="Blues", vmin=0, vmax=1)
            if links and written == target:
                axes.scatter(links.values(), links.keys(), 130, "none", edgecolors=ORANGE)
            axes.set_xticks(range(len(source) + 1), [*source, "."], rotation=60, ha="right")
            axes.set_yticks(range(len(written) + 1), [*written, "."])
            axes.grid(visible=False)
        grid[1, 0].set(xlabel="word read", ylabel="word written")


def translate(args):
    """Translate a sentence with the net of a checkpoint; learn nothing."""
    source = split_words(args.translate)
    if not source:
        raise InputError("--translate: the sentence has no words")
    saved = read_checkpoint(args.out / "checkpoint.pt", args.script)
    vocabularies = [Vocabulary(saved[side]["words"]) for side in ("source", "target")]
    net = Translator(*map(len, vocabularies)).to(args.device)
    net.load_state_dict(saved["model"])
    unknown = sorted(set(source) - set(vocabularies[0].words))
    if unknown:
        log.info("unknown words: %s", ", ".join(unknown))
    (written,) = translate_all(net, vocabularies, [source], args.device)
    attention = look(net, vocabularies, source, written, args.device).tolist()
    print(translation := " ".join(written))
    return {"translation": translation, "attention": attention, "unknown": unknown}


def open_text(args):
    """Return the text of `--data`, or one in Talu."""
    if args.data is None:
        return write_pairs(300 if args.dry_run else args.pairs, args.seed)
    try:
        return args.data.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = "put lines of a source, a tab and a target there, or leave --data out"
        raise InputError(f"no pairs in {args.data}: {told}") from error


def learn(args):
    """Read the pairs, train, measure on unseen ones, and return what came out."""
    text, name = open_text(args), args.data or "pairs.tsv"
    pairs = read_pairs(text.splitlines(), name)[: 300 if args.dry_run else None]
    random.Random(args.seed).shuffle(pairs)
    test, train = pairs[: len(pairs) // 10], pairs[len(pairs) // 10 :]
    if not test:
        raise InputError(f"{name} has {len(pairs)} different sources; 10 are the least")
    vocabularies = [Vocabulary.of((pair[side] for pair in train), 2) for side in (0, 1)]
    learned, measured = (encode(part, vocabularies) for part in (train, test))
    loader = DataLoader(learned, args.batch_size, shuffle=True, collate_fn=to_tensors)
    unseen = [side.to(args.device) for side in to_tensors(measured[:500])]

    torch.manual_seed(args.seed)
    net = Translator(*map(len, vocabularies)).to(args.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
    # Smaller steps towards the end.
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1 - done / args.epochs)
    parts = {"model": net, "optimizer": optimizer, "scheduler": scheduler}
    parts |= dict(zip(("source", "target"), vocabularies, strict=True))
    # What is made depends on the settings alone.
    run = Run(args, fingerprint(text) if args.data else "made", free=("translate",), **parts)

    for _ in run.epochs():
        net.train()
        for source, target in run.batches(loader):
            optimizer.zero_grad()
            loss = loss_of(net, source, target)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            run.watch(loss)
        scheduler.step()
        net.eval()
        with torch.inference_mode():
            run.note(train=run.mean_loss(), test=loss_of(net, *unseen))

    sources, targets = ([pair[side] for pair in test] for side in (0, 1))
    translated = translate_all(net, vocabularies, sources, args.device)
    rows = {
        "net": compare(translated, targets),
        "word_by_word": compare(word_by_word(train, test), targets),
        "most_frequent": compare(most_frequent(train, test), targets),
    }
    alignment = aligned(net, vocabularies, test, args.device)
    both = zip(run.scalars["train"], run.scalars["test"], strict=True)
    losses = [{"train": train, "test": test} for (_, train), (_, test) in both]
    if not args.dry_run:
        lines = {"learned from": run.scalars["train"], "unseen": run.scalars["test"]}
        title = f"Of the unseen sentences {rows['net']['exact']:.1%} are translated word for word"
        with figure(args.out / "loss.png", title) as axes:
            curves(axes, lines, f"steps of {args.batch_size} pairs", "loss (nats a word)", ylim=0)
        share = alignment and alignment["attention"]
        draw_attention(net, vocabularies, test, share, args.device, args.out / "attention.png")
        if args.data is None:
            (args.out / "pairs.tsv").write_text(text, encoding="utf-8")

    print("\nunseen sentences   exact   words in place   words anywhere")
    for name, row in rows.items():
        shares = f"{row['exact']:8.1%}{row['words']:17.1%}{row['anywhere']:17.1%}"
        print(f"{name.replace('_', ' '):16}{shares}")
    if alignment:
        print(f"attention peaks at the word that is translated: {alignment['attention']:.1%}")
    for source, written in list(zip(sources, translated, strict=True))[:3]:
        print("  " + " ".join(source) + "  ->  " + " ".join(written))
    return {
        "pairs": {"train": len(train), "test": len(test)},
        "words": [len(vocabulary) for vocabulary in vocabularies],
        **rows,
        "aligned": alignment,
        "losses": losses,
        "seconds": run.seconds,
        "device": str(args.device),
    }


@script
def main(argv=None):
    """Train or translate, as the arguments say, and return the metrics or the translation."""
    many = number(int, lambda value: 20 <= value <= 100_000, "number from 20 to 100000")
    parser = Arguments(__file__, __doc__, epochs=6, batch_size=64, lr=0.004)
    add = parser.add_argument
    add("--data", type=Path, metavar="FILE", help="pairs to read; by default some in Talu are made")
    add("--pairs", type=many, default=4000, help="how many to make")
    add("--translate", metavar="TEXT", help="only translate, by the checkpoint in --out")
    args = parser.read(argv)
    return learn(args) if args.translate is None else translate(args)


if __name__ == "__main__":
    main()
