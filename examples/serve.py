"""Serve a saved model over HTTP, and answer requests that come at the same time as one batch.

The course's page promises that a model is deployed quickly and serves many requests at once. 16
inputs in a batch take a wide net far less time than 16 times one, so requests are collected in a
queue: the first one waits up to `--max-wait` milliseconds for others, or until there are
`--max-batch`; then one worker thread computes them all in `inference_mode`, while the event loop
goes on receiving. FastAPI reads and writes the JSON, uvicorn speaks HTTP.

    python examples/serve.py --save-demo runs/serve/model.pt     train a small classifier
    python examples/serve.py --model runs/serve/model.pt         serve it on 127.0.0.1:8000
    python examples/serve.py --bench http://127.0.0.1:8000       measure the server that runs there
    python examples/serve.py --bench self                        start one for it, and one unbatched
    curl -H 'content-type: application/json' -d '{"inputs": [0.5, -0.25]}' localhost:8000/predict

The file holds a state_dict, the name of the architecture and its settings, and is read with
`weights_only=True`: it can't run code, and another release of PyTorch reads it too. `torch.export`
would bring the computation along; that pays where the service doesn't have the class.

Does company change an answer? In float32 it would: a matrix product adds in another order for 7
rows than for 1, and answers differ in the last digits. So every batch is filled up with zeros to
the same size; then they are equal bit for bit (`--no-pad` shows the difference).

The demo is right on 99.3 to 99.8 % of unseen points (a guess: 33 %). Measured on two cores that
were busy with other work, client and server side by side: 48 requests a second from 32 clients in
batches of 8.8 on average, 51 one by one, but 95 % were answered within 0.47 s rather than 1.46 s.
With so small a net HTTP is most of the work, and batches don't raise the rate. With a wide one
(`--save-demo FILE --width 3072`) it was 23 a second in batches of 12.9, and 14 one by one. All
answers were those of single calls; with `--no-pad` 14 of 40 were, the rest within 1.2e-07.
"""

import argparse
import asyncio
import contextlib
import logging
import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import httpx
import torch
import torch.nn.functional as F
import uvicorn
import workbench
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from matplotlib.figure import Figure
from pydantic import BaseModel, Field
from torch import nn
from tqdm import tqdm

log = logging.getLogger("serve")


class InputError(Exception):
    """Something that the user can mend; shown as one line, with exit code 2."""


# The model: its architecture, its file, and how the demo one is trained.


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


def save_model(path, architecture, settings, net):
    """Write all that it takes to build the net again; a file that is there is replaced whole."""
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as file:
            contents = {"settings": settings, "weights": net.state_dict()}
            torch.save({"architecture": architecture} | contents, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise InputError(f"{path} can't be written: {error.strerror}") from error


def load_model(path, device):
    """Build the net that the file names and give it the weights from there."""
    if not path.exists():
        raise InputError(f"no model at {path}: make one with --save-demo {path}")
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        net = ARCHITECTURES[saved["architecture"]](**saved["settings"])
        net.load_state_dict(saved["weights"])
    except Exception as error:  # whatever else lies there can fail in any way
        reason = first_line(error) or type(error).__name__
        raise InputError(f"{path} is no model of this script: {reason}") from error
    return net.to(device).eval()


def spirals(count, seed):
    """Return points on three spiral arms, a little off them, and the number of each one's arm."""
    generator = torch.Generator().manual_seed(seed)
    arm = torch.arange(count) % 3
    along = torch.rand(count, generator=generator).sqrt()
    angle = 2 * math.pi * (arm / 3 + along) + 0.15 * torch.randn(count, generator=generator)
    return torch.stack([along * angle.cos(), along * angle.sin()], 1), arm


def train_demo(width, steps, batch_size, lr, seed, device):
    """Train the demo classifier; return its settings, the net, and what it has learned."""
    torch.manual_seed(seed)
    settings = {"inputs": 2, "width": width, "depth": 3, "classes": ["arm 1", "arm 2", "arm 3"]}
    net = Mlp(**settings).to(device).train()
    points, arms = (part.to(device) for part in spirals(6000, 2 * seed))
    optimizer = torch.optim.Adam(net.parameters(), lr=lr)
    for _ in tqdm(range(steps), "training", leave=False, disable=None):
        chosen = torch.randint(len(points), (batch_size,)).to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(net(points[chosen]), arms[chosen])
        loss.backward()
        optimizer.step()
    if not loss.item() < float("inf"):
        raise InputError(f"the loss is {loss.item()}: with --lr {lr} training went astray")

    unseen, arms = spirals(3000, 2 * seed + 1)
    with torch.inference_mode():
        right = (net.eval()(unseen.to(device)).argmax(1).cpu() == arms).double().mean().item()
    chance = torch.bincount(arms).max().item() / len(arms)
    return settings, net, {"loss": loss.item(), "accuracy": right, "chance": chance}


# The service.


class Batcher:
    """Collects inputs from a queue, has each batch computed in one thread, hands out the rows."""

    def __init__(self, net, device, max_batch, max_wait, max_queue=1000, pad=True):
        self.net, self.device, self.pad = net, device, pad
        self.max_batch, self.max_wait = max_batch, max_wait
        self.queue = asyncio.Queue(max_queue)
        self.requests = self.batches = self.largest = self.failed = 0

    async def answer(self, inputs):
        """Return the probabilities for one input, computed in whatever batch it comes into."""
        future = asyncio.get_running_loop().create_future()
        self.queue.put_nowait((inputs, future))
        return await future

    async def run(self):
        """Compute batch after batch until cancelled."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, "model") as thread:
            while True:
                batch = await self.collect()
                try:
                    answers = await loop.run_in_executor(thread, self.compute, batch)
                except Exception:
                    # One input can spoil a batch, but only its own answer: each is tried alone.
                    answers = []
                    for one in batch:
                        try:
                            answers += await loop.run_in_executor(thread, self.compute, [one])
                        except Exception as error:
                            log.exception("the model failed")
                            answers.append(error)
                self.count(answers)
                for (_, future), answer in zip(batch, answers, strict=True):
                    if future.done():  # nobody waits for it any more
                        continue
                    if isinstance(answer, Exception):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)

    async def collect(self):
        """Wait for a first input, and then no longer than `max_wait` for more."""
        batch = [await self.queue.get()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.max_wait):
                while len(batch) < self.max_batch:
                    batch.append(await self.queue.get())
        return batch

    def compute(self, batch):
        """Compute a batch; in the worker thread, where inference mode has to be entered anew."""
        rows = len(batch)
        x = torch.zeros(self.max_batch if self.pad else rows, self.net.inputs)
        x[:rows] = torch.tensor([inputs for inputs, _ in batch])
        with torch.inference_mode():
            probabilities = self.net(x.to(self.device)).softmax(1)[:rows].cpu()
        if not probabilities.isfinite().all():
            raise FloatingPointError("the answer is not a number; the inputs are too large")
        return probabilities.tolist()

    def count(self, answers):
        self.requests += len(answers)
        self.batches += 1
        self.largest = max(self.largest, len(answers))
        self.failed += sum(isinstance(answer, Exception) for answer in answers)


def create_app(net, device="cpu", max_batch=16, max_wait=0.005, max_queue=1000, pad=True):
    """Return the service as an ASGI application; `max_wait` is in seconds."""
    example = {"inputs": [0.0] * net.inputs}
    number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
    batcher = Batcher(net, device, max_batch, max_wait, max_queue, pad)

    class Question(BaseModel):
        inputs: list[number] = Field(
            min_length=net.inputs, max_length=net.inputs, examples=[example["inputs"]]
        )

    @asynccontextmanager
    async def lifespan(app):
        task = asyncio.create_task(batcher.run())
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    app = FastAPI(title="A saved model", lifespan=lifespan)

    @app.exception_handler(RequestValidationError)
    async def explain(request: Request, error: RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        says = f"send JSON such as {example}, {net.inputs} numbers; {where}: {first['msg']}"
        return JSONResponse({"error": says.replace("'", '"')}, 422)

    @app.exception_handler(HTTPException)
    async def say(request: Request, error: HTTPException):
        return JSONResponse({"error": error.detail}, error.status_code)

    @app.post("/predict")
    async def predict(question: Question):
        """The class that the model takes the inputs for, and the probability of each class."""
        try:
            probabilities = await batcher.answer(question.inputs)
        except asyncio.QueueFull as error:
            raise HTTPException(503, f"{max_queue} requests are waiting; try later") from error
        except Exception as error:
            raise HTTPException(500, f"the model failed: {error}") from error
        best = max(range(len(probabilities)), key=probabilities.__getitem__)
        of_class = dict(zip(net.classes, probabilities, strict=True))
        return {"label": net.classes[best], "probabilities": of_class}

    @app.get("/health")
    async def health():
        """That the service is up, and what it takes and tells apart."""
        return {"status": "ok", "inputs": net.inputs, "classes": net.classes}

    @app.get("/stats")
    async def stats():
        """What has been answered so far, and in how many batches."""
        return {
            "requests": batcher.requests,
            "batches": batcher.batches,
            "mean_batch": batcher.requests / max(1, batcher.batches),
            "largest_batch": batcher.largest,
            "failed": batcher.failed,
            "waiting": batcher.queue.qsize(),
        }

    app.state.batcher = batcher
    return app


class Server(uvicorn.Server):
    """A server that says where it listens, as soon as it does."""

    async def startup(self, sockets=None):
        await super().startup(sockets)
        if self.started:
            host, port = sockets[0].getsockname()[:2]
            print(f"serving on http://{host}:{port}", flush=True)


@contextmanager
def handled(handler, *numbers):
    """Have signals handled by `handler`, then as before; only the main thread may ask for that."""
    main = threading.current_thread() is threading.main_thread()
    before = {n: signal.signal(n, handler) for n in numbers} if main else {}
    try:
        yield
    finally:
        for n, other in before.items():
            signal.signal(n, other)


def serve(args):
    """Serve until SIGTERM or Ctrl-C; then answer what has come in, and return the counts."""
    device = pick_device(args.device)
    net = load_model(args.model, device)
    app = create_app(net, device, args.max_batch, args.max_wait / 1000, args.max_queue, args.pad)
    batcher = app.state.batcher
    batcher.compute([([0.0] * net.inputs, None)])  # the first call is slow, and shows what is wrong
    if args.dry_run:
        return {"device": str(device), "requests": 0, "batches": 0}
    try:
        listening = socket.create_server((args.host, args.port))
    except OSError as error:
        # create_server adds the address to the words of some errors.
        reason = os.strerror(error.errno) if (error.errno or 0) > 0 else error.strerror
        raise InputError(f"can't listen on {args.host}:{args.port}: {reason}") from error
    # Else an answer's last piece waits for the other side's word that the first has come.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=10
    )
    # uvicorn ends the server on these two, and then raises them once more, to end the process.
    ended = handled(lambda *_: None, signal.SIGTERM, signal.SIGINT)
    with listening, ended, threads(args.threads):
        Server(config).run(sockets=[listening])
    log.info("stopped after %d requests in %d batches", batcher.requests, batcher.batches)
    return {
        "device": str(device),
        "requests": batcher.requests,
        "batches": batcher.batches,
        "failed": batcher.failed,
    }


# Measuring it from outside.


async def ask(url, questions, clients):
    """Send all questions, `clients` at a time; return answers, each one's seconds, and in all."""
    numbers, answers, seconds = iter(range(len(questions))), {}, {}

    async def client():
        # A connection of its own: handing out shared ones would be work for each request.
        options = {"base_url": url, "timeout": 60, "trust_env": False}
        async with httpx.AsyncClient(**options) as http:
            await everybody.wait()
            for number in numbers:
                began = time.perf_counter()
                response = await http.post("/predict", json={"inputs": questions[number]})
                seconds[number] = time.perf_counter() - began
                if response.status_code != 200:
                    said = response.text[:200]
                    raise InputError(f"{url} answers {response.status_code}: {said}")
                answers[number] = list(response.json()["probabilities"].values())

    everybody = asyncio.Barrier(clients)
    began = time.perf_counter()
    await asyncio.gather(*[client() for _ in range(clients)])
    total = time.perf_counter() - began
    return [answers[n] for n in sorted(answers)], [seconds[n] for n in sorted(seconds)], total


def measure(url, requests, clients, seed):
    """Ask one at a time, then ask the same in parallel; return rates, waits and differences."""

    def get(path):
        return httpx.get(url + path, timeout=10, trust_env=False).raise_for_status().json()

    try:
        inputs = get("/health")["inputs"]
        generator = torch.Generator().manual_seed(seed)
        questions = (2 * torch.rand(requests, inputs, generator=generator) - 1).tolist()
        singles = questions[: max(1, requests // 10)]
        asyncio.run(ask(url, singles[:20], 1))  # to warm up
        alone, _, seconds_alone = asyncio.run(ask(url, singles, 1))
        before = get("/stats")
        answers, waits, seconds = asyncio.run(ask(url, questions, clients))
        after = get("/stats")
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, ValueError) as error:
        reason = first_line(error) or type(error).__name__
        raise InputError(f"no service of this script answers at {url}: {reason}") from error

    alone, answers = (torch.tensor(each, dtype=torch.float64) for each in (alone, answers))
    apart = (answers[: len(alone)] - alone).abs().amax(1)
    batches = after["batches"] - before["batches"]
    p50, p95, p99 = torch.tensor(waits).quantile(torch.tensor([0.5, 0.95, 0.99])).tolist()
    return {
        "requests": requests,
        "clients": clients,
        "per_second": requests / seconds,
        "per_second_alone": len(alone) / seconds_alone,
        "p50_ms": 1000 * p50,
        "p95_ms": 1000 * p95,
        "p99_ms": 1000 * p99,
        "batches": batches,
        "mean_batch": (after["requests"] - before["requests"]) / batches,
        "compared": len(alone),
        "equal": (apart == 0).sum().item(),
        "same_label": (answers[: len(alone)].argmax(1) == alone.argmax(1)).sum().item(),
        "largest_difference": apart.max().item(),
        "waits_ms": [1000 * wait for wait in waits],
    }


@contextmanager
def own_server(args, max_batch):
    """Run a server on a free port in a process of its own, and end it in any case."""
    options = {
        "model": args.model,
        "port": 0,
        "max-batch": max_batch,
        "max-wait": args.max_wait,
        "threads": args.threads,
        "device": pick_device(args.device),
    }
    command = [sys.executable, __file__, *(f"--{name}={value}" for name, value in options.items())]
    command += [] if args.pad else ["--no-pad"]
    with handled(lambda *_: sys.exit(143), signal.SIGTERM):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            line = process.stdout.readline()
            if not line.startswith("serving on "):
                raise InputError("the server did not start; what it says stands above")
            yield line.removeprefix("serving on ").strip()
        finally:
            process.terminate()
            process.communicate()


def bench(args):
    """Measure a server that runs, or one of our own with and without batching."""
    if args.dry_run:
        args.requests = min(args.requests, 40)
    results = {}
    if args.bench == "self":
        load_model(args.model, "cpu")  # to say at once what is wrong with it
        for name, max_batch in {"batched": args.max_batch, "one by one": 1}.items():
            with own_server(args, max_batch) as url:
                results[name] = measure(url, args.requests, args.clients, args.seed)
    else:
        url = args.bench.rstrip("/")
        results["batched"] = measure(url, args.requests, args.clients, args.seed)
    if not args.dry_run:
        draw_waits(results, args.out / "waits.png")

    print(f"\n{args.requests} requests from {args.clients} clients at once")
    print("            requests/s  mean batch   p50 ms   p95 ms   p99 ms  as when alone")
    for name, result in results.items():
        print(
            f"{name:10}{result['per_second']:12.0f}{result['mean_batch']:12.1f}"
            f"{result['p50_ms']:9.1f}{result['p95_ms']:9.1f}{result['p99_ms']:9.1f}"
            f"{result['equal']:9} of {result['compared']}"
        )
        if result["largest_difference"]:
            print(f"          the others differ by up to {result['largest_difference']:.1e}")
    print(f"one client, one request at a time: {results['batched']['per_second_alone']:.0f}/s")
    return results["batched"] | {"one_by_one": results.get("one by one")}


def draw_waits(results, path):
    """Draw how many requests were answered within which time."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for name, result in results.items():
        waits = sorted(result["waits_ms"])
        label = f"{name}: {result['per_second']:.0f} requests/s"
        axes.plot(waits, [(n + 1) / len(waits) for n in range(len(waits))], label=label)
    clients = next(iter(results.values()))["clients"]
    axes.set(
        title=f"Answers to {clients} clients at once",
        xlabel="milliseconds from question to answer",
        ylabel="share of the requests",
        xlim=(0, None),
        ylim=(0, 1),
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)


# A run, from the command line or called.


def pick_device(name):
    """Return the device called `name`, or the accelerator that is here, or the CPU."""
    if name:
        try:
            return torch.empty(1, device=name).device
        except (AssertionError, RuntimeError) as error:
            raise InputError(f"--device {name}: {first_line(error)}") from error
    try:
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    except (AttributeError, TypeError):  # before PyTorch 2.7
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def first_line(error):
    return str(error).strip().partition("\n")[0]


@contextmanager
def threads(count):
    """Compute with `count` threads, then with as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def save_demo(args):
    """Train the demo classifier and save it."""
    began, device = time.perf_counter(), pick_device(args.device)
    steps = min(args.steps, 10) if args.dry_run else args.steps
    with threads(args.threads):
        settings, net, metrics = train_demo(
            args.width, steps, args.batch_size, args.lr, args.seed, device
        )
    if not args.dry_run:
        save_model(args.save_demo, "mlp", settings, net)
        log.info("saved %s", args.save_demo)
    print(f"right on unseen points: {metrics['accuracy']:.1%}, a guess: {metrics['chance']:.1%}")
    return metrics | {"device": str(device), "seconds": time.perf_counter() - began}


def read_arguments(argv):
    positive = workbench.number(int, lambda value: value > 0, "positive number")
    count = workbench.number(int, lambda value: value >= 0, "number")
    port = workbench.number(int, lambda value: 0 <= value < 65536, "port")
    rate = workbench.number(float, lambda value: 0 < value < float("inf"), "learning rate")
    wait = workbench.number(float, lambda value: 0 <= value < float("inf"), "time")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--save-demo", type=Path, metavar="FILE", help="train a small classifier and save it"
    )
    instead.add_argument(
        "--bench", metavar="URL", help="measure the server at URL, or one of our own with `self`"
    )
    model = Path("runs/serve/model.pt")
    add("--model", type=Path, default=model, metavar="FILE", help=f"what to serve ({model})")
    add("--host", default="127.0.0.1", help="address to listen on (127.0.0.1: this machine only)")
    add("--port", type=port, default=8000, help="port to listen on; 0 takes a free one (8000)")
    add("--max-batch", type=positive, default=16, metavar="N", help="requests in a batch (16)")
    add(
        "--max-wait",
        type=wait,
        default=5.0,
        metavar="MS",
        help="milliseconds that the first request waits for others (5)",
    )
    add(
        "--max-queue",
        type=positive,
        default=1000,
        metavar="N",
        help="requests that may wait; one more is answered 503 (1000)",
    )
    add(
        "--pad",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="fill every batch up to --max-batch, so that company can't change an answer",
    )
    add("--threads", type=positive, default=1, help="threads that a batch is computed with (1)")
    add("--requests", type=positive, default=1000, help="requests that --bench sends (1000)")
    add("--clients", type=positive, default=32, help="how many of them at once (32)")
    add("--width", type=positive, default=512, help="units in each layer of the demo (512)")
    add("--steps", type=positive, default=300, help="training steps of the demo (300)")
    add("--batch-size", type=positive, default=64, help="points in a training step (64)")
    add("--lr", type=rate, default=0.001, help="learning rate of the demo (0.001)")
    add("--seed", type=count, default=0, help="for weights, points and questions (0)")
    add("--device", help="cpu, cuda, mps, ... (default: the accelerator that is here, or cpu)")
    add(
        "--out",
        type=Path,
        default=Path("runs/serve"),
        metavar="DIR",
        help="where --bench draws its figure (runs/serve)",
    )
    add(
        "--dry-run",
        action="store_true",
        help="ten steps, forty requests, or load and answer once; write nothing",
    )
    return parser.parse_args(argv)


def main(argv=None):
    """Train the demo, measure or serve, as the arguments say; return what came of it."""
    args = read_arguments(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        if args.save_demo:
            return save_demo(args)
        if args.bench:
            if not args.dry_run:
                make_folder(args.out)
            return bench(args)
        return serve(args)
    except InputError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        raise SystemExit(2) from error


def make_folder(path):
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}") from error


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
