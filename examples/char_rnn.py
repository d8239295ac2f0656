"""Train a character RNN on verses, and let it write some.

The net reads a text one character at a time and learns to say which one comes next. Nobody tells it
what a word is, a line or a rhyme: to write couplets it has to find out, and to remember how many
words the line has so far and how the line before it ended. The notes' first list asks for one, the
book's net that writes Tang poems of four lines, each of five or of seven characters. Here a couplet
is two lines, each of five or of seven words, that rhyme; `drawn/verses.py` makes 2500 of them.

The text is cut into 8 streams that are read side by side, 64 characters at a step. What the LSTM
remembers goes on from step to step, the gradient does not: truncated backpropagation through time.

    python examples/char_rnn.py
    python examples/char_rnn.py --generate --prompt "my old moon" --temperature 0.5
    python examples/char_rnn.py --text pydoc --hidden 256        or --text FILE

In 22 seconds on one core the loss on held-out couplets falls to 0.40 nats a character, from 3.26 if
all characters were alike and 2.93 by how often each occurs. All but one in a thousand of its lines
have five words or seven, the first and the last of each sample aside, which may lack a part; one in
nine of lines of random letters do, 44 % of those where each letter follows the last four as in the
text. That two lines belong together it has half learned (14 to 39 % of the couplets are two lines
of one length; 3 %), that they rhyme it has not.
"""

import math

import torch
import torch.nn.functional as F
from arguments import Arguments, not_negative, positive
from drawn.verses import babble, judge, shares_of_lengths, unigram_loss, write_couplets
from figures import bars, curves, figure
from texts import read_text, steps, streams, write
from torch import nn
from workbench import InputError, Run, fingerprint, log, read_checkpoint, script


class CharRNN(nn.Module):
    """An embedding, an LSTM, and scores of the character that comes next.

    Left alone, an LSTM begins by forgetting half of what it knows at every character, and a couplet
    has sixty. So some cells begin by keeping it for one character, some for a hundred, and take in
    the less the longer they keep.
    """

    def __init__(self, characters, hidden, layers):
        super().__init__()
        self.embedding = nn.Embedding(characters, 32)
        self.lstm = nn.LSTM(32, hidden, layers, batch_first=True)
        self.scores = nn.Linear(hidden, characters)
        keep = torch.linspace(1, 100, hidden).log()
        with torch.no_grad():
            for layer in range(layers):
                bias = getattr(self.lstm, f"bias_ih_l{layer}")
                bias[:hidden] -= keep  # the input gate
                bias[hidden : 2 * hidden] += keep  # the forget gate

    def forward(self, characters, memory=None):
        remembered, memory = self.lstm(self.embedding(characters), memory)
        return self.scores(remembered), memory


def mean_loss(net, numbers, length):
    """Return the mean loss of a character of a text that is read once, in eight streams."""
    total, memory, rows = 0.0, None, streams(numbers, 8)
    net.eval()
    with torch.inference_mode():
        for read, following in steps(rows, length):
            scores, memory = net(read, memory)
            total += F.cross_entropy(scores.flatten(0, 1), following.flatten(), reduction="sum")
    return total.item() / rows[:, 1:].numel()


def numbers_of(text, characters, device):
    """Return the number of each character of a text, as one row."""
    strange = sorted(set(text) - set(characters))
    if strange:
        raise InputError(f"--prompt: the text that was learned has no {' '.join(strange)}")
    return torch.tensor([[characters.index(character) for character in text]], device=device)


def write_on(net, characters, args, prompt, length, count=1):
    """Return `count` texts that begin with the prompt and go on for `length` characters.

    The net reads the end of a line first: the prompt begins a line.
    """
    prompts = numbers_of("\n" + prompt, characters, args.device).expand(count, -1)
    generator = torch.Generator().manual_seed(args.seed)
    rows = write(net, prompts, length, args.temperature, generator).tolist()
    return [prompt + "".join(characters[number] for number in row) for row in rows]


def generate(args):
    """Write with the net of a checkpoint; learn nothing."""
    known = read_checkpoint(args.out / "checkpoint.pt", args.script)
    settings, characters = known["settings"], known["settings"]["characters"]
    net = CharRNN(len(characters), settings["hidden"], settings["layers"]).to(args.device)
    net.load_state_dict(known["model"])
    (sample,) = write_on(net, characters, args, args.prompt, args.sample)
    return {"sample": sample, "device": str(args.device)}


def draw(out, texts, metrics):
    """Draw the loss over the epochs, and how many lines of each text have how many words."""
    title = f"It learns to spell: the loss falls to {metrics['loss']:.2f} nats a character"
    with figure(out / "loss.png", title) as axes:
        lines = {name: [each[name] for each in metrics["losses"]] for name in ("train", "held_out")}
        guesses = {name: metrics[name] for name in ("uniform_loss", "unigram_loss")}
        curves(axes, lines, "epoch", "loss (nats a character)", references=guesses, ylim=0)
    if "right_lines" in metrics:
        title = f"{metrics['right_lines']['net']:.1%} of its lines have five words or seven"
        with figure(out / "lengths.png", title) as axes:
            groups = {name: shares_of_lengths(samples) for name, samples in texts.items()}
            bars(axes, groups, [*range(12), "12+"], "words in a line", "share of the lines (%)")


def learn(args):
    """Read the text, train, write, and return what came out.

    The learning rate goes down to a tenth in a straight line: late steps only polish.
    """
    ours = args.text == "couplets"
    text = write_couplets(args.couplets) if ours else read_text(args.text, "couplets or pydoc")
    args.characters = characters = "".join(sorted(set(text)))
    numbers_of(args.prompt, characters, args.device)  # a strange one is told before the training
    if "\n" not in text:
        raise InputError(f"--text {args.text} is one line: samples begin lines, so it needs more")
    numbers, cut = numbers_of(text, characters, args.device)[0], len(text) * 9 // 10
    rows = streams(numbers[:cut], args.batch_size)
    count = math.ceil((rows.shape[1] - 1) / args.length)
    if count < 2:
        size = f"--batch-size {args.batch_size} and --length {args.length}"
        raise InputError(f"--text {args.text} is too short for {size}")

    torch.manual_seed(args.seed)
    net = CharRNN(len(characters), args.hidden, args.layers).to(args.device)
    optimizer = torch.optim.Adam(net.parameters(), args.lr)
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, max(1, args.epochs - 1))
    free = ("generate", "prompt", "temperature", "sample")
    run = Run(args, fingerprint(text), free, model=net, optimizer=optimizer, scheduler=decay)

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
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            run.watch(loss)
        decay.step()
        run.note(train=run.mean_loss(), held_out=mean_loss(net, numbers[cut:], args.length))

    length = 50 if args.dry_run else 500
    samples = write_on(net, characters, args, "", length, count=50)
    both = zip(run.scalars["train"], run.scalars["held_out"], strict=True)
    metrics = {
        "device": str(args.device),
        "characters": len(characters),
        "loss": run.scalars["held_out"][-1][1],
        "uniform_loss": math.log(len(characters)),
        "unigram_loss": unigram_loss(text[:cut], text[cut:]),
        "losses": [{"train": one, "held_out": other} for (_, one), (_, other) in both],
        "sample": write_on(net, characters, args, args.prompt, args.sample)[0],
    }
    unigram, markov = ([babble(text[:cut], 50 * length, order)] for order in (0, 4))
    metrics |= judge({"net": samples, "unigram": unigram, "markov": markov}) if ours else {}
    if not args.dry_run:
        texts = {"text": [text], "net": samples, "by last four": markov, "shuffled": unigram}
        draw(args.out, texts, metrics)
        (args.out / "text.txt").write_text(text, encoding="utf-8")
        (args.out / "samples.txt").write_text("\n---\n".join(samples), encoding="utf-8")
    for name in ("loss", "unigram_loss", "uniform_loss", "right_lines", "right_couplets", "rhymed"):
        log.info("%s: %s", name.replace("_", " "), metrics.get(name))
    return metrics


@script
def main(argv=None):
    """Do as the arguments say and return the metrics."""
    parser = Arguments(__file__, __doc__, epochs=7, batch_size=8, lr=0.01, threads=1)
    add = parser.add_argument
    add("--text", default="couplets", help="couplets, pydoc (English of Python's manual) or a file")
    add("--couplets", type=positive, default=2500, help="couplets to make")
    add("--length", type=positive, default=64, help="characters that a gradient reaches back")
    add("--hidden", type=positive, default=128, help="numbers that the LSTM remembers")
    add("--layers", type=positive, default=1, help="LSTMs one upon the other")
    add("--generate", action="store_true", help="only write, by the checkpoint in --out")
    add("--prompt", default="", help="what the sample begins with")
    add("--temperature", type=not_negative, default=0.7, help="0 is dull, 1 as learned")
    add("--sample", type=positive, default=300, help="characters to write")
    args = parser.read(argv)
    metrics = generate(args) if args.generate else learn(args)
    print(metrics["sample"])
    return metrics


if __name__ == "__main__":
    main()
