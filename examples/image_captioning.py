"""Describe pictures in words: a convolutional encoder, and a recurrent decoder that looks at it.

The encoder makes of a picture a grid of 5 x 5 vectors; the decoder, a GRU, writes the caption word
by word, and before each word looks at the grid with a weight for each cell. Notes 000 and 001 send
the learner to chenyuntc's book for an image description model; that one needs COCO and days, this
one draws its own pictures (`drawn/scenes.py`) and learns in a minute.

    python examples/image_captioning.py
    python examples/image_captioning.py --caption some_picture.png

By default 3,000 pictures to learn from and 600 unseen ones are drawn below `--out`/scenes, as COCO
has them (PART/*.png and annotations/captions_PART.json), and read back; `--data DIR` reads such a
folder with the parts train, test and, if it is there, novel. In novel every picture shows a colour
on a shape that never had it in training, such as a red cross: to get these right, a net must have
learned what "red" is and what a "cross" is, not what captions there are. A caption is right if it
is, word for word, one of the picture's own.

A net takes red for a reason against a cross if no cross was ever red. So half of the pictures get
their colour channels exchanged and are asked for all words but the colours, the others for all but
the shapes: which colours and shapes go together is never asked (`--true-colours` asks for all).

Of the captions of 300 unseen pictures 98.3, 98.0 and 97.3 % are right (seeds 0, 1, 2; PyTorch
2.14.1, one core, 45 seconds; the most frequent caption: 0.3 to 1.3 %), in novel 80.3, 82.7 and
86.0 % (none), with 97 % of their words in place (the most frequent words: 34 %). With
`--true-colours` and seed 0 they are 99.3 and 62.3 %.
"""

import random
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from arguments import Arguments, positive
from captions import draw_captions, judge, open_parts, read_bytes
from drawn.scenes import COLORS, SHAPES, SIZE
from figures import curves, figure
from torch import nn
from torch.utils.data import DataLoader
from vocabulary import PADDING, START, UNKNOWN, Vocabulary, pad
from workbench import Run, fingerprint, read_checkpoint, script


class Captioner(nn.Module):
    """Three convolutions make a grid of 5 x 5 vectors; a GRU with attention writes the words."""

    def __init__(self, words, width=32, hidden=128, hide=0.5):
        super().__init__()
        layers = []
        for before, after in ((3, 24), (24, 48), (48, hidden)):
            layers += [
                nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(),
            ]
        self.encoder = nn.Sequential(*layers)
        self.hide = hide
        self.place = nn.Parameter(0.1 * torch.randn(SIZE // 8 * (SIZE // 8), hidden))
        self.word = nn.Embedding(words, width, padding_idx=PADDING)
        self.decoder = nn.GRU(width, hidden, batch_first=True)
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)
        self.join = nn.Linear(2 * hidden, hidden)
        self.score = nn.Linear(hidden, words)

    def encode(self, pictures):
        """Take pictures as bytes; return the decoder's first state and the grid."""
        grid = self.encoder(pictures.float() / 127.5 - 1).flatten(2).mT + self.place
        return grid.new_zeros(1, len(grid), grid.shape[2]), grid

    def decode(self, words, state, grid):
        """Take words; return the scores of each next word, the state, the attention."""
        states, state = self.decoder(self.word(words), state)
        similar = self.query(states) @ self.key(grid).mT / grid.shape[2] ** 0.5
        attention = similar.softmax(2)
        joined = torch.relu(self.join(torch.cat([states, attention @ grid], 2)))
        return self.score(joined), state, attention

    def forward(self, pictures, captions):
        """Return the scores of each word of the captions, given the words before it."""
        shifted = torch.cat([torch.full_like(captions[:, :1], START), captions[:, :-1]], 1)
        if self.training:
            # Unable to rely on the words before, it must look: "red" is no reason against "cross".
            hidden = torch.rand(shifted.shape, device=shifted.device) < self.hide
            shifted = shifted.masked_fill(hidden, UNKNOWN)
        return self.decode(shifted, *self.encode(pictures))[0]

    def describe(self, pictures, longest=20):
        """Return a greedy caption of each picture as a list of numbers."""
        state, grid = self.encode(pictures)
        word = torch.full((len(pictures), 1), START, device=pictures.device)
        words = []
        for _ in range(longest):
            scores, state, _ = self.decode(word, state, grid)
            word = scores.argmax(2)
            words.append(word)
        return torch.cat(words, 1).tolist()


def to_tensors(vocabulary, items):
    """Make a batch of pictures, and of one caption of each, drawn by chance."""
    images, captions = zip(*items, strict=True)
    return torch.stack(images), pad([vocabulary.encode(random.choice(own)) for own in captions])


def mix_colours(images, captions, colours, shapes):
    """Exchange the colour channels of half of the pictures; return all, words to read, to write.

    Where the colours are wrong, their names are neither read nor asked for; where they are right,
    the shapes are not asked for. So nothing is learned of which shape has which colour.
    """
    wrong = torch.rand(len(images), 1, device=images.device) < 0.5
    orders = torch.rand(len(images), 3, device=images.device).argsort(1)
    mixed = images.gather(1, orders[:, :, None, None].expand_as(images))
    images = torch.where(wrong[:, :, None, None], mixed, images)
    colour, shape = (torch.isin(captions, words) for words in (colours, shapes))
    read = captions.masked_fill(wrong & colour, UNKNOWN)
    return images, read, captions.masked_fill(torch.where(wrong, colour, shape), PADDING)


def loss_of(net, images, read, written):
    """Return the mean loss of the words to be written, given those before them to read."""
    scores = net(images, read)
    return F.cross_entropy(scores.flatten(0, 1), written.flatten(), ignore_index=PADDING)


def describe_all(net, vocabulary, images):
    """Return the greedy caption of each picture as a list of words."""
    net.eval()
    with torch.inference_mode():
        found = [row for some in images.split(250) for row in net.describe(some)]
    return [vocabulary.decode(row) for row in found]


def caption(args):
    """Describe a picture with the net of a checkpoint; learn nothing."""
    saved = read_checkpoint(args.out / "checkpoint.pt", args.script)
    vocabulary = Vocabulary(saved["vocabulary"]["words"])
    net = Captioner(len(vocabulary)).to(args.device)
    net.load_state_dict(saved["model"])
    image = read_bytes(args.caption, SIZE)[None]
    (words,) = describe_all(net, vocabulary, image.to(args.device))
    print(" ".join(words))
    return {"caption": " ".join(words)}


def learn(args):
    """Draw or read the pictures, train, describe unseen ones, and return what came out."""
    parts = open_parts(args, SIZE)
    learned, unseen = (list(zip(*parts[name], strict=True)) for name in ("train", "test"))
    vocabulary = Vocabulary.of(words for own in parts["train"][1] for words in own)
    kinds = [vocabulary.encode(words)[:-1].to(args.device) for words in (COLORS, SHAPES)]
    make = partial(to_tensors, vocabulary)
    loader = DataLoader(learned, args.batch_size, shuffle=True, collate_fn=make)
    held_out = [side.to(args.device) for side in make(unseen[:500])]

    torch.manual_seed(args.seed)
    net = Captioner(len(vocabulary)).to(args.device)
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
    # Smaller steps towards the end.
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1 - done / args.epochs)
    state = {"model": net, "optimizer": optimizer, "scheduler": scheduler}
    run = Run(args, fingerprint(parts), free=("caption",), **state, vocabulary=vocabulary)

    for _ in run.epochs():
        net.train()
        for images, captions in run.batches(loader):
            example = images, captions, captions
            if not args.true_colours:
                example = mix_colours(images, captions, *kinds)
            optimizer.zero_grad()
            loss = loss_of(net, *example)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            run.watch(loss)
        scheduler.step()
        net.eval()
        with torch.inference_mode():
            run.note(train=run.mean_loss(), test=loss_of(net, *held_out, held_out[1]))

    found = {
        name: describe_all(net, vocabulary, images.to(args.device))
        for name, (images, _) in parts.items()
        if name != "train"
    }
    results = judge(found, parts)
    if not args.dry_run:
        draw_captions(args.out / "captions.png", parts, found, results)
        title = f"Of unseen pictures {results['test']['net']['right']:.1%} are described rightly"
        with figure(args.out / "loss.png", title) as axes:
            lines = {"learned from": run.scalars["train"], "unseen": run.scalars["test"]}
            steps = f"steps of {args.batch_size} pictures"
            curves(axes, lines, steps, "loss (nats a word)", yscale="log")
    both = zip(run.scalars["train"], run.scalars["test"], strict=True)
    return results | {
        "device": str(args.device),
        "pictures": {name: len(images) for name, (images, _) in parts.items()},
        "words": len(vocabulary),
        "losses": [{"train": train, "test": test} for (_, train), (_, test) in both],
        "seconds": run.seconds,
    }


@script
def main(argv=None):
    """Train as the arguments say and return the metrics, or what `--caption` finds."""
    parser = Arguments(__file__, __doc__, epochs=20, batch_size=32, lr=0.003)
    add = parser.add_argument
    add("--data", type=Path, metavar="DIR", help="COCO folder; by default scenes are drawn")
    add("--pictures", type=positive, default=3000, help="how many to draw to learn from")
    add("--true-colours", action="store_true", help="exchange no colour channels")
    add("--caption", type=Path, metavar="FILE", help="only describe, by the checkpoint in --out")
    args = parser.read(argv)
    return caption(args) if args.caption else learn(args)


if __name__ == "__main__":
    main()
