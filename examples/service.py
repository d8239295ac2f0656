"""What a service needs beside its application: a server that ends well, and clients to measure it.

The service is `serve.py`; whatever answers /health, /stats and /predict as it does can be measured.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import torch
import uvicorn
from fastapi import HTTPException
from figures import curves, figure
from workbench import InputError, first_line


class Bounded:
    """An application that ends the reading of a body after `limit` bytes with status 413."""

    def __init__(self, app, limit):
        self.app, self.limit = app, limit

    async def __call__(self, scope, receive, send):
        size = 0

        async def bounded():
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.limit:
                raise HTTPException(413, f"the body is longer than {self.limit} bytes")
            return message

        await self.app(scope, bounded, send)


class Server(uvicorn.Server):
    """A server that says where it listens, as soon as it does."""

    async def startup(self, sockets=None):
        await super().startup(sockets)
        if self.started:
            host, port = sockets[0].getsockname()[:2]
            print(f"serving on http://{host}:{port}", flush=True)


@contextlib.contextmanager
def handled(handler, *numbers):
    """Have signals handled by `handler`, then as before; only the main thread may ask for that."""
    main = threading.current_thread() is threading.main_thread()
    before = {n: signal.signal(n, handler) for n in numbers} if main else {}
    try:
        yield
    finally:
        for n, other in before.items():
            signal.signal(n, other)


def run_until_stopped(app, host, port):
    """Serve an ASGI application until SIGTERM or Ctrl-C; answer what has come in, and return."""
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        # create_server adds the address to the words of some errors.
        reason = os.strerror(error.errno) if (error.errno or 0) > 0 else error.strerror
        raise InputError(f"can't listen on {host}:{port}: {reason}") from error
    # Else an answer's last piece waits for the other side's word that the first has come.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=10
    )
    # uvicorn ends the server on these two, and then raises them once more, to end the process.
    with listening, handled(lambda *_: None, signal.SIGTERM, signal.SIGINT):
        Server(config).run(sockets=[listening])


@contextlib.contextmanager
def running(file, *options):
    """Run a script that serves in a process of its own; its address. It is ended in any case."""
    command = [sys.executable, file, *options]
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
    except (httpx.HTTPError, httpx.InvalidURL, KeyError, TypeError, ValueError) as error:
        reason = first_line(error)
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


def tell(results):
    """Print what was measured of some services, by name."""
    first = next(iter(results.values()))
    print(f"\n{first['requests']} requests from {first['clients']} clients at once")
    print("            requests/s  mean batch   p50 ms   p95 ms   p99 ms  as when alone")
    for name, result in results.items():
        print(
            f"{name:10}{result['per_second']:12.0f}{result['mean_batch']:12.1f}"
            f"{result['p50_ms']:9.1f}{result['p95_ms']:9.1f}{result['p99_ms']:9.1f}"
            f"{result['equal']:9} of {result['compared']}"
        )
        if result["largest_difference"]:
            print(f"          the others differ by up to {result['largest_difference']:.1e}")
    print(f"one client, one request at a time: {first['per_second_alone']:.0f}/s")


def draw_waits(results, path):
    """Draw how many of the requests were answered within which time."""
    first, lines = next(iter(results.values())), {}
    for name, result in results.items():
        waits = sorted(result["waits_ms"])
        shares = [(wait, 100 * number / len(waits)) for number, wait in enumerate(waits, 1)]
        lines[f"{name}: {result['per_second']:.0f} requests/s"] = shares
    medians = ", ".join(f"{each['p50_ms']:.0f} ms {name}" for name, each in results.items())
    title = f"{first['clients']} clients: half of them wait up to {medians}"
    with figure(path, title) as axes:
        curves(
            axes,
            lines,
            "milliseconds from question to answer",
            "requests answered by then (%)",
            xlim=(0, None),
            ylim=(0, 101),
        )
