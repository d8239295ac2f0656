"""Serve a saved model over HTTP, and answer requests that come at the same time as one batch.

The course's page promises that a model is deployed quickly and serves many requests at once. 16
inputs in a batch take a wide net far less time than 16 times one, so requests are collected in a
queue: the first one waits up to `--max-wait` milliseconds for others, or until there are
`--max-batch`; then a worker thread computes them all in `inference_mode`, while the event loop
goes on receiving. FastAPI reads and writes the JSON, uvicorn speaks HTTP.

    python examples/serve.py --save-demo runs/serve/model.pt     train a small classifier
    python examples/serve.py --model runs/serve/model.pt         serve it on 127.0.0.1:8000
    python examples/serve.py --bench http://127.0.0.1:8000       measure the server that runs there
    python examples/serve.py --bench self                        start one for it, and one unbatched
    curl -H 'content-type: application/json' -d '{"inputs": [0.5, -0.25]}' localhost:8000/predict

Whatever a client sends, it gets JSON: the answer, or {"detail": what was wrong}. 422: not the
numbers that the net takes, or numbers too large for it; 413: a body longer than `--max-body` bytes,
whether it says so before or not; 503: `--max-queue` requests are waiting; 500: the net failed.
What is no HTTP at all gets a line of uvicorn's own, with 400.

The file holds a state_dict, the name of the architecture and its settings, and is read with
`weights_only=True`: it can't run code, and another release of PyTorch reads it too. `torch.export`
would bring the computation along; that pays where the service doesn't have the class.

Does company change an answer? In float32 it would: a matrix product adds in another order for 7
rows than for 1, and answers differ in the last digits. So every batch is filled up with zeros to
the same size; then they are equal bit for bit (`--no-pad` shows the difference).

The demo is right on 99.3, 99.8 and 99.7 % of unseen points (seeds 0, 1, 2; a guess: 33 %). 32
clients on the same two cores, which were busy with other work (PyTorch 2.14.1): 361 answers a
second in batches of 11 on average, 291 one by one, half of them within 36 and 84 ms. A wide net
(`--save-demo FILE --width 3072`): 111 a second in batches of 14, 91 one by one. All answers were
those of single calls; with `--no-pad` 10 of 40 were, the rest within 1.2e-07.
"""

import argparse
import asyncio
import contextlib
import time
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import torch
import torch.nn.functional as F
from arguments import Arguments, not_negative, number, positive, threads
from drawn.spirals import ARMS, spirals
from fastapi import FastAPI, HTTPException
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from service import Bounded, draw_waits, measure, run_until_stopped, running, tell
from torch import nn
from workbench import (
    InputError,
    check_loss,
    fingerprint,
    log,
    make_folder,
    progress,
    script,
    write_checkpoint,
)


class Mlp(nn.Module):
    """A fully connected net; its inputs and its classes are settings, kept with the weights."""

    def __init__(self, inputs, width, depth, classes):
        super().__init__()
        self.inputs, self.classes = inputs, classes
        sizes = [inputs, *[width] * depth]
        self.hidden = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))
        self.out = nn.Linear(width, len(classes))

    def forward(self, x):
        for layer in self.hidden:
            x = F.relu(layer(x))
        return self.out(x)


ARCHITECTURES = {"mlp": Mlp}


def load_model(path, device):
    """Build the net that the file names and give it the weights from there."""
    if not path.exists():
        raise InputError(f"no model at {path}: make one with --save-demo {path}")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        if saved.pop("checksum") != fingerprint(saved):
            raise ValueError("a bit has changed")
        net = ARCHITECTURES[saved["architecture"]](**saved["settings"])
        net.load_state_dict(saved["weights"])
    except Exception as error:  # whatever else lies there can fail in any way
        raise InputError(f"{path} is damaged, or no model of this script") from error
    return net.to(device).eval()


def save_demo(args):
    """Train a small classifier, save it, and return what it has learned."""
    began, steps = time.perf_counter(), min(args.steps, 10) if args.dry_run else args.steps
    settings = {"inputs": 2, "width": args.width, "depth": 3, "classes": ARMS}
    torch.manual_seed(args.seed)
    net = Mlp(**settings).to(args.device)
    points, arms = (part.to(args.device) for part in spirals(6000, 2 * args.seed))
    optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
    for _ in progress(range(steps), "training", steps):
        chosen = torch.randint(len(points), (args.batch_size,)).to(args.device)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(points[chosen]), arms[chosen])
        loss.backward()
        optimizer.step()
    check_loss(loss, args)

    unseen, arms = spirals(3000, 2 * args.seed + 1)
    with torch.inference_mode():
        right = (net(unseen.to(args.device)).argmax(1).cpu() == arms).double().mean().item()
    chance = torch.bincount(arms).max().item() / len(arms)
    if not args.dry_run:
        make_folder(args.save_demo.parent)
        content = {"architecture": "mlp", "settings": settings, "weights": net.state_dict()}
        write_checkpoint(args.save_demo, content)
    print(f"right on unseen points: {right:.1%}, a guess: {chance:.1%}")
    metrics = {"loss": loss.item(), "accuracy": right, "chance": chance}
    return metrics | {"device": str(args.device), "seconds": time.perf_counter() - began}


class TooLarge(Exception):
    """Inputs, each of them finite, that the net answers by no finite number."""


class Batcher:
    """Collects inputs from a queue, has each batch computed in a thread, hands out the rows."""

    def __init__(self, net, device, max_batch, max_wait, max_queue, pad):
        self.net, self.device, self.pad = net, device, pad
        self.max_batch, self.max_wait = max_batch, max_wait
        self.queue = asyncio.Queue(max_queue)
        self.counts = {"requests": 0, "batches": 0, "largest_batch": 0, "failed": 0}

    async def answer(self, inputs):
        """Return the probabilities for one input, computed in whatever batch it comes into."""
        future = asyncio.get_running_loop().create_future()
        self.queue.put_nowait((inputs, future))
        return await future

    async def run(self):
        """Compute batch after batch until cancelled."""
        while True:
            inputs, futures = zip(*await self.collect(), strict=True)
            try:
                answers = await asyncio.to_thread(self.compute, inputs)
            except Exception as error:
                log.exception("the model failed")
                answers = [error] * len(inputs)
            self.count(answers)
            for future, answer in zip(futures, answers, strict=True):
                if not future.done():  # else nobody waits for it any more
                    failed = isinstance(answer, Exception)
                    (future.set_exception if failed else future.set_result)(answer)

    def count(self, answers):
        self.counts["requests"] += len(answers)
        self.counts["batches"] += 1
        self.counts["largest_batch"] = max(self.counts["largest_batch"], len(answers))
        self.counts["failed"] += sum(isinstance(answer, Exception) for answer in answers)

    async def collect(self):
        """Wait for a first input, and then no longer than `max_wait` for more."""
        batch = [await self.queue.get()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.max_wait):
                while len(batch) < self.max_batch:
                    batch.append(await self.queue.get())
        return batch

    def compute(self, inputs):
        """Compute a batch; in the worker thread, where inference mode has to be entered anew."""
        rows = len(inputs)
        x = torch.zeros(self.max_batch if self.pad else rows, self.net.inputs)
        x[:rows] = torch.tensor(inputs)
        with torch.inference_mode():
            chances = self.net(x.to(self.device)).softmax(1)[:rows].cpu()
        too_large = TooLarge("the inputs are too large for this model")
        return [row.tolist() if row.isfinite().all() else too_large for row in chances]


def create_app(
    net, device="cpu", max_batch=16, max_wait=0.005, max_queue=1000, max_body=65536, pad=True
):
    """Return the service as an ASGI application; `max_wait` is in seconds, `max_body` in bytes."""
    batcher = Batcher(net, device, max_batch, max_wait, max_queue, pad)
    number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
    size, zeros = net.inputs, [0.0] * net.inputs

    class Question(BaseModel):
        inputs: list[number] = Field(min_length=size, max_length=size, examples=[zeros])

    @contextlib.asynccontextmanager
    async def lifespan(app):
        task = asyncio.create_task(batcher.run())
        yield
        task.cancel()
        await asyncio.wait([task])

    app = FastAPI(title="A saved model", lifespan=lifespan)
    app.add_middleware(Bounded, limit=max_body)
    app.state.batcher = batcher

    @app.exception_handler(RequestValidationError)
    async def explain(request, error):
        first = error.errors()[0]
        place = first["loc"][1:] if first["type"] != "json_invalid" else ()
        where = ".".join(map(str, place)) or "the body"
        wanted = f'send application/json such as {{"inputs": {zeros}}}, {size} numbers'
        return JSONResponse({"detail": f"{wanted}; {where}: {first['msg']}"}, 422)

    @app.post("/predict")
    async def predict(question: Question):
        """The class that the model takes the inputs for, and the probability of each class."""
        try:
            chances = await batcher.answer(question.inputs)
        except asyncio.QueueFull as error:
            raise HTTPException(503, f"{max_queue} requests are waiting; try later") from error
        except TooLarge as error:
            raise HTTPException(422, str(error)) from error
        except Exception as error:
            raise HTTPException(500, f"the model failed: {error}") from error
        of_class = dict(zip(net.classes, chances, strict=True))
        return {"label": max(of_class, key=of_class.get), "probabilities": of_class}

    @app.get("/health")
    async def health():
        """That the service is up, and what it takes and tells apart."""
        return {"status": "ok", "inputs": net.inputs, "classes": net.classes}

    @app.get("/stats")
    async def stats():
        """What has been answered so far, and in how many batches."""
        mean = batcher.counts["requests"] / max(1, batcher.counts["batches"])
        return {**batcher.counts, "mean_batch": mean, "waiting": batcher.queue.qsize()}

    return app


def serve(args):
    """Serve until SIGTERM or Ctrl-C; then answer what has come in, and return the counts."""
    net, wait = load_model(args.model, args.device), args.max_wait / 1000
    limits = {"max_queue": args.max_queue, "max_body": args.max_body}
    app = create_app(net, args.device, args.max_batch, wait, pad=args.pad, **limits)
    batcher, counts = app.state.batcher, app.state.batcher.counts
    # The first call is slow, and shows what is wrong.
    if isinstance(batcher.compute([[0.0] * net.inputs])[0], Exception):
        raise InputError(f"{args.model} has no answer even to zeros: its weights are no numbers")
    if not args.dry_run:
        run_until_stopped(app, args.host, args.port)
        log.info("stopped after %(requests)d requests in %(batches)d batches", counts)
    return {"device": str(args.device), **counts}


def bench(args):
    """Measure a server that runs, or one of our own with and without batching."""
    load = (min(args.requests, 40) if args.dry_run else args.requests, args.clients, args.seed)
    results, own = {}, ("model", "max_wait", "threads", "device")
    if args.bench == "self":
        load_model(args.model, "cpu")  # to say at once what is wrong with it
        options = [f"--{name.replace('_', '-')}={getattr(args, name)}" for name in own]
        options += ["--port=0", "--pad" if args.pad else "--no-pad"]
        for name, most in {"batched": args.max_batch, "one by one": 1}.items():
            with running(__file__, *options, f"--max-batch={most}") as url:
                results[name] = measure(url, *load)
    else:
        results["batched"] = measure(args.bench.rstrip("/"), *load)
    tell(results)
    if not args.dry_run:  # a measurement that failed leaves no empty folder
        draw_waits(results, make_folder(args.out) / "waits.png")
    return results["batched"] | {"one_by_one": results.get("one by one")}


@script
def main(argv=None):
    """Train the demo, measure or serve, as the arguments say; return what came of it."""
    parser = Arguments(__file__, __doc__, batch_size=64, lr=0.001)
    instead = parser.add_mutually_exclusive_group().add_argument
    instead("--save-demo", type=Path, metavar="FILE", help="train a small classifier and save it")
    instead("--bench", metavar="URL", help="measure the server there; `self`: one of our own")
    add, port = parser.add_argument, number(int, lambda value: 0 <= value < 65536, "port")
    add("--model", type=Path, default=Path("runs/serve/model.pt"), metavar="FILE", help="to serve")
    add("--host", default="127.0.0.1", help="address to listen on; 127.0.0.1: this machine only")
    add("--port", type=port, default=8000, help="port to listen on; 0 takes a free one")
    add("--max-batch", type=positive, default=16, help="requests in a batch")
    add("--max-wait", type=not_negative, default=5.0, help="ms that the first request waits")
    add("--max-queue", type=positive, default=1000, help="requests that may wait; more get 503")
    add("--max-body", type=positive, default=65536, help="bytes of a request's body; more get 413")
    add("--pad", action=argparse.BooleanOptionalAction, default=True, help="fill up every batch")
    add("--threads", type=positive, default=1, help="threads that a batch is computed with")
    add("--requests", type=positive, default=1000, help="requests that --bench sends")
    add("--clients", type=positive, default=32, help="how many of them at once")
    add("--width", type=positive, default=512, help="units in each layer of the demo")
    add("--steps", type=positive, default=300, help="training steps of the demo")
    args = parser.read(argv)
    with threads(args.threads):
        return (save_demo if args.save_demo else bench if args.bench else serve)(args)


if __name__ == "__main__":
    main()
