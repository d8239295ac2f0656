"""Learn with a net that is another one each time it runs: a loop in its forward pass.

The last of the nets of the page "Learning PyTorch with Examples", which the notes send a beginner
to: in every step it draws how often, 0 to 3 times, the data go through one and the same layer. Only
a framework that records as it runs can learn it. What it learns is the net of two_layer_net.py.

    python examples/dynamic_net.py

After 500 steps its mean squared error on unseen inputs is 0.015 to 0.02 at any of its four depths,
where the best linear map leaves 0.52. In `--out` appears a picture of the curve.
"""

import random

import torch
import torch.nn.functional as F
from arguments import Arguments, positive
from figures import curves, figure
from torch import nn
from two_layer_net import HIDDEN, INPUTS, OUTPUTS, linear_errors, make_data, train
from workbench import check_loss, log, make_folder, script

MOST_LOOPS = 3


class DynamicNet(nn.Module):
    """Sends the data 0 to 3 times through one middle layer, whose weights are shared."""

    def __init__(self, seed):
        super().__init__()
        self.first = nn.Linear(INPUTS, HIDDEN)
        self.middle = nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN, OUTPUTS)
        self.chance = random.Random(seed)
        self.drawn = []

    def forward(self, x, loops=None):
        """Compute with so many loops; without a number, draw it."""
        if loops is None:
            loops = self.chance.randint(0, MOST_LOOPS)
            self.drawn.append(loops)
        x = torch.relu(self.first(x))
        for _ in range(loops):
            x = torch.relu(self.middle(x))
        return self.last(x)


@script
def main(argv=None):
    """Train as the arguments say; return the curve, the numbers drawn, and the error by loops."""
    parser = Arguments(__file__, __doc__, lr=0.03)
    parser.add_argument("--steps", type=positive, default=500, help="updates of the weights")
    args = parser.read(argv)
    learn, measure = (
        [part.to(args.device, torch.float32) for part in pair] for pair in make_data(args.seed)
    )
    torch.manual_seed(args.seed)
    net = DynamicNet(args.seed).to(args.device)
    optimizer = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9)
    losses = train(net, *learn, optimizer, 3 if args.dry_run else args.steps)
    check_loss(losses[-1], args)
    with torch.inference_mode():
        x, y = measure
        tests = [F.mse_loss(net(x, n), y).item() for n in range(MOST_LOOPS + 1)]
    _, linear = linear_errors(learn, measure)
    for loops, error in enumerate(tests):
        log.info("%d times through the middle layer: error %.4f on unseen inputs", loops, error)
    log.info("the best linear map: %.4f", linear)
    if not args.dry_run:
        title = f"A net of random depth learns: error {max(tests):.3f} at most, at any depth"
        with figure(make_folder(args.out) / "curve.png", title) as axes:
            lines = {"the net, 0 to 3 loops by chance": losses}
            references = {"best linear map, unseen inputs": linear}
            curves(axes, lines, "step", "mean squared error", references=references, yscale="log")
    return {
        "device": str(args.device),
        "losses": losses,
        "loops": net.drawn[: len(losses)],
        "test": tests,
        "baseline": linear,
    }


if __name__ == "__main__":
    main()
