"""A saved model behind HTTP.

`examples/serve.py` answers requests over HTTP, and computes those that come at the same time as one
batch: they wait in a queue for a few milliseconds, one thread computes them together in
`inference_mode`, and each gets its row. FastAPI reads and writes the JSON, uvicorn speaks HTTP. The
demo model tells three spiral arms in the plane apart (by 100 steps with seed 0, here).

What surprises is what company does to a sum. A matrix product over 7 rows may add in another order
than one over a single row, and answers would differ in their last digits by who else has asked.
Batches that are filled up to one size add in the same order, for a net of width 512: the answer is
the same, bit for bit, on one machine. What a model needs before it is deployed is told in
`spec/training/test_deployment.py`.
"""

import asyncio
import contextlib
import functools
import os
import signal
import subprocess
import sys

import pytest
import torch

from spec.models.scripts import import_example

pytestmark = [pytest.mark.slow]

JSON = {"content-type": "application/json"}
DEMO = ["--steps", "100", "--device", "cpu"]


@pytest.fixture(scope="module")
def example():
    """The example as a module."""
    return import_example("serve")


@pytest.fixture(scope="module")
def demo(example, tmp_path_factory):
    """The file of a trained demo model, and the metrics of its training."""
    path = tmp_path_factory.mktemp("demo") / "models" / "model.pt"
    return path, example.main(["--save-demo", str(path), *DEMO])


@pytest.fixture(scope="module")
def net(example, demo):
    """The demo model, loaded from its file."""
    return example.load_model(demo[0], "cpu")


@contextlib.asynccontextmanager
async def client_of(app):
    """A client of an application that runs in this process."""
    import httpx

    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://app") as client,
    ):
        yield client


@pytest.fixture
def served(example, net):
    """Sends questions to the application in this process, all at once; the answers, the counts."""

    def serve(bodies, served_net=net, **options):
        async def ask():
            async with client_of(example.create_app(served_net, **options)) as client:
                posts = [client.post("/predict", json=body) for body in bodies]
                answers = await asyncio.gather(*posts)
                return answers, (await client.get("/stats")).json()

        return asyncio.run(ask())

    return serve


@pytest.fixture
def sent(example, net):
    """Sends a single request to the application in this process; the answer."""

    def send(method, path, served_net=net, content=None, headers=JSON, **options):
        async def ask():
            async with client_of(example.create_app(served_net, **options)) as client:
                return await client.request(method, path, content=content, headers=headers)

        return asyncio.run(ask())

    return send


@pytest.fixture(scope="module")
def running(demo, pytestconfig):
    """Starts the script as a server on a free port; its process and its address."""

    @contextlib.contextmanager
    def start(*options):
        process = subprocess.Popen(
            [sys.executable, "examples/serve.py", "--model", demo[0], "--port", "0", *options],
            cwd=pytestconfig.rootpath,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process, process.stdout.readline().removeprefix("serving on ").strip()
        finally:
            process.kill()
            process.communicate()

    return start


@pytest.fixture(scope="module")
def points():
    """Sixty-four points of the plane."""
    return (2 * torch.rand(64, 2, generator=torch.Generator().manual_seed(1)) - 1).tolist()


def probabilities(answers):
    return torch.tensor([list(answer.json()["probabilities"].values()) for answer in answers])


def test_the_demo_model_tells_three_spiral_arms_apart(demo):
    """The demo model of `examples/serve.py`, trained by `--save-demo FILE --steps 100` (seed 0),
    classifies at least 96 % of unseen points on three spiral arms correctly; a guess gets 1/3.
    """
    _, metrics = demo

    assert metrics["accuracy"] == pytest.approx(0.99, abs=0.03)
    assert metrics["chance"] == pytest.approx(1 / 3)


def test_the_file_holds_weights_and_names_but_no_code(demo):
    """`examples/serve.py --save-demo FILE` without `--dry-run` writes a dict of architecture,
    settings, weights and a checksum of these, which `torch.load` reads with `weights_only=True`.

    So loading it can't run code, as unpickling a whole module can.
    """
    saved = torch.load(demo[0], weights_only=True)

    assert sorted(saved) == ["architecture", "checksum", "settings", "weights"]
    assert saved["architecture"] == "mlp"
    assert saved["settings"]["classes"] == ["arm 1", "arm 2", "arm 3"]


def test_a_saved_demo_is_the_same_for_the_same_seed(example, demo, tmp_path):
    """Two runs of `examples/serve.py --save-demo` with the same options and number of threads end
    with bit-for-bit equal weights on one CPU; with `--seed 1` instead of 0 the weights are
    different.
    """
    again, other = tmp_path / "again.pt", tmp_path / "other.pt"
    example.main(["--save-demo", str(again), *DEMO])
    example.main(["--save-demo", str(other), *DEMO, "--seed", "1"])

    first, again, other = (
        torch.load(path, weights_only=True)["weights"] for path in (demo[0], again, other)
    )
    assert first["hidden.0.weight"].shape == (512, 2)
    assert list(first) == list(again)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["hidden.0.weight"], other["hidden.0.weight"])


def test_an_answer_names_the_likeliest_class(served, net):
    """With a model of two inputs, `POST /predict` to `examples/serve.py` with {"inputs": [0.5,
    -0.25]} as application/json answers 200 with the probability of each class, the softmax of the
    model's output, and the label of the most likely one.

    Without the header, as by `curl -d` alone, the answer is 422.
    """
    (answer,), _ = served([{"inputs": [0.5, -0.25]}])

    by_hand = net(torch.tensor([[0.5, -0.25]])).softmax(1)[0]
    assert answer.status_code == 200
    assert list(answer.json()["probabilities"]) == ["arm 1", "arm 2", "arm 3"]
    assert probabilities([answer]).flatten().tolist() == pytest.approx(by_hand.tolist(), abs=1e-6)
    assert answer.json()["label"] == f"arm {by_hand.argmax() + 1}"


def test_requests_at_the_same_time_are_one_batch(served, points):
    """`create_app(net, max_batch=8, max_wait=60)` of `examples/serve.py` computes sixteen
    requests that come at the same time in two batches of eight.

    One call with a batch of eight costs less than eight calls with one row.
    """
    _, stats = served([{"inputs": point} for point in points[:16]], max_batch=8, max_wait=60)

    assert stats == {
        "requests": 16,
        "batches": 2,
        "mean_batch": 8.0,
        "largest_batch": 8,
        "failed": 0,
        "waiting": 0,
    }


def test_a_request_waits_for_company_no_longer_than_it_was_told(served, points):
    """`create_app(net, max_batch=8, max_wait=0.001)` of `examples/serve.py` answers a single
    request to `/predict` after it has waited 1 ms for others; `/stats` counts it as a batch of one
    request.
    """
    answers, stats = served([{"inputs": points[0]}], max_batch=8, max_wait=0.001)

    assert [answer.status_code for answer in answers] == [200]
    assert (stats["requests"], stats["largest_batch"]) == (1, 1)


def test_company_does_not_change_an_answer(served, points):
    """With `create_app(net, max_batch=32)` of `examples/serve.py` and a `net` of width 512, 64
    requests at once get byte for byte the answers that each gets alone from such a service, on
    the same CPU with the same number of threads.

    Because every batch is filled up with zeros to `max_batch` rows. With odd widths such as 17
    a row's place in the batch may still change the last bits.
    """
    together, stats = served([{"inputs": point} for point in points], max_batch=32, max_wait=60)
    singles = [
        served([{"inputs": point}], max_batch=32, max_wait=0)[0][0].content for point in points
    ]

    assert [answer.content for answer in together] == singles
    assert (stats["requests"], stats["batches"]) == (64, 2)


def test_batches_of_their_own_size_differ_in_the_last_digits(served, points):
    """By `create_app(net, max_batch=32, pad=False)` of `examples/serve.py`, the demo model's
    answers for 64 random points in [-1, 1]² in batches of 32 are within 2e-6 of single requests'
    and name the same class, but need not be equal bit for bit.

    Because a matrix product over another number of rows may add in another order.
    """
    bodies = [{"inputs": point} for point in points]
    together, _ = served(bodies, max_batch=32, max_wait=60, pad=False)
    alone = [served([body], max_wait=0, pad=False)[0][0] for body in bodies]

    together, alone = probabilities(together), probabilities(alone)
    assert (together - alone).abs().max().item() == pytest.approx(0, abs=2e-6)
    assert together.argmax(1).tolist() == alone.argmax(1).tolist()


@pytest.mark.spare("1.0", reason="any number will do")
@pytest.mark.spare("2.0", reason="any number will do")
@pytest.mark.spare("3.0", reason="any number will do")
@pytest.mark.spare("'two'", reason="any word will do")
@pytest.mark.spare("[1.0, 2.0, 3.0]", reason="any more will do")
@pytest.mark.spare("[1.0, 2.0]", reason="what else is there does not matter")
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"inputs": [1.0]}, "inputs: List should have at least 2 items"),
        ({"inputs": [1.0, 2.0, 3.0]}, "inputs: List should have at most 2 items"),
        ({"inputs": [1.0, "two"]}, "inputs.1: Input should be a valid number"),
        ({"inputs": 1.0}, "inputs: Input should be a valid list"),
        ({"points": [1.0, 2.0]}, "inputs: Field required"),
    ],
)
def test_a_question_of_the_wrong_shape_is_answered_with_what_to_send(served, body, reason):
    """`examples/serve.py` with a model of two inputs answers `POST /predict` of {"inputs":
    [1]}, {"inputs": [1, 2, 3]}, {"inputs": [1, "two"]}, {"inputs": 1} or {"points": [1, 2]}
    with status 422 and an example of what to send.
    """
    (answer,), stats = served([body])

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(
        f'send application/json such as {{"inputs": [0.0, 0.0]}}, 2 numbers; {reason}'
    )
    assert stats["requests"] == 0


def test_numbers_too_large_for_the_net_are_the_mistake_of_their_client(served, points):
    """With the demo model `examples/serve.py` answers the input [1e300, 1.0], which overflows
    float32, with 422, "the inputs are too large for this model"; two other requests of the same
    batch get their answers.
    """
    bodies = [{"inputs": points[0]}, {"inputs": [1e300, 1.0]}, {"inputs": points[1]}]

    answers, stats = served(bodies, max_batch=3, max_wait=60)

    assert [answer.status_code for answer in answers] == [200, 422, 200]
    assert answers[1].json() == {"detail": "the inputs are too large for this model"}
    assert (stats["batches"], stats["failed"]) == (1, 1)


def test_a_body_has_a_bound(sent):
    """By default a POST of `{"inputs": [0.5, -0.25]}` as application/json, filled up with spaces
    to 65,536 bytes, to `/predict` of `examples/serve.py` gets status 200; with one more space 413,
    "the body is longer than 65536 bytes".

    Without a bound the body of one client can fill the memory of the server, and all others wait
    while the server parses it. `--max-body` sets the bound. The net that is served takes two
    inputs, as that of `--save-demo` does.
    """
    longest = sent("POST", "/predict", content=b'{"inputs": [0.5, -0.25]}'.ljust(65536))
    longer = sent("POST", "/predict", content=longest.request.content + b" ")

    assert (longest.status_code, longer.status_code) == (200, 413)
    assert longer.request.headers["content-length"] == "65537"
    assert longer.json() == {"detail": "the body is longer than 65536 bytes"}


def test_a_body_in_chunks_has_the_same_bound(sent):
    """`{"inputs": [0.5, -0.25]}` filled up with blanks to 65,536 bytes, sent in chunks as
    application/json to `/predict` of `examples/serve.py` with a model of two inputs, gets status
    200 by default; with one more blank 413.

    The bytes are counted while they are received.
    """

    async def chunks(length):
        yield b'{"inputs": [0.5, -0.25]}'
        yield b" " * (length - 24)

    longest = sent("POST", "/predict", content=chunks(65536))
    longer = sent("POST", "/predict", content=chunks(65536 + 1))

    assert (longest.status_code, longer.status_code) == (200, 413)
    assert longer.request.headers["transfer-encoding"] == "chunked"


def test_max_body_is_in_bytes(sent):
    """For the `--save-demo` net of `examples/serve.py`, `create_app(net, max_body=18)` answers the
    18 bytes `{"inputs": [0, 0]}`, posted to `/predict` as `application/json`, with status 200;
    with `max_body=17` it answers 413.
    """
    question = b'{"inputs": [0, 0]}'

    answers = [sent("POST", "/predict", content=question, max_body=most) for most in (18, 17)]

    assert [answer.status_code for answer in answers] == [200, 413]
    assert answers[1].json() == {"detail": "the body is longer than 17 bytes"}


@pytest.mark.parametrize(
    ("content", "status", "detail"),
    [
        (b"[" * 60_000, 400, "There was an error parsing the body"),
        (b'{"inputs": [0, ' + b"9" * 5000 + b"]}", 400, "There was an error parsing the body"),
        (b'{"inputs": [NaN, 0]}', 422, "inputs.0: Input should be a finite number"),
        (b'{"inputs": [0, 1e999]}', 422, "inputs.1: Input should be a finite number"),
        (b'{"inputs": [true, 0]}', 422, "inputs.0: Input should be a valid number"),
        (b'{"inputs": [0, 1e38]}', 422, "the inputs are too large for this model"),
    ],
)
def test_every_error_has_one_shape(sent, content, status, detail):
    """Sent to `/predict` of `examples/serve.py` as application/json, 60,000 opening square
    brackets get status 400, and inputs that are NaN, infinite, booleans or floats too large for
    the net get 422, each as JSON with one key "detail", a text.

    An integer of 5000 digits gets 400, as the brackets do: Python's JSON reader refuses both.
    """
    answer = sent("POST", "/predict", content=content)

    assert answer.status_code == status
    assert list(answer.json()) == ["detail"]
    assert answer.json()["detail"].endswith(detail)


def test_unknown_paths_and_methods_get_the_same_shape(sent):
    """`examples/serve.py` answers `GET /predict` with status 405 and `GET /nothing` with 404, as
    JSON with the one key "detail".
    """
    health, method, path = (sent("GET", path) for path in ("/health", "/predict", "/nothing"))

    assert (health.status_code, method.status_code, path.status_code) == (200, 405, 404)
    assert method.json() == {"detail": "Method Not Allowed"}
    assert path.json() == {"detail": "Not Found"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Field required"),
        (b"{no json", "JSON decode error"),
        (b"[0, 0]", "Input should be a valid dictionary"),
    ],
)
@pytest.mark.spare("b'{no json'", reason="whatever is no JSON will do")
def test_a_body_that_is_no_question_is_told_so(sent, content, said):
    """`examples/serve.py` answers a POST to `/predict` as application/json with an empty body,
    `{no json` or `[0, 0]` by status 422; its "detail" holds "send application/json such as", an
    example, then "the body: " and what is wrong with it.
    """
    answer = sent("POST", "/predict", content=content)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(
        f'send application/json such as {{"inputs": [0.0, 0.0]}}, 2 numbers; the body: {said}'
    )


def test_json_must_be_named_as_such(sent):
    """With FastAPI >= 0.132 `examples/serve.py`, for a model of two inputs, answers a POST of
    `{"inputs": [0, 0]}` to `/predict` without a content type with status 422, "send
    application/json such as", with `content-type: application/json` 200.
    """
    named, unnamed = (
        sent("POST", "/predict", content=b'{"inputs": [0, 0]}', headers=headers)
        for headers in (JSON, {})
    )

    assert (named.status_code, unnamed.status_code) == (200, 422)
    assert unnamed.json()["detail"].startswith("send application/json such as ")


def test_a_net_that_fails_is_the_mistake_of_the_server(sent):
    """If the net of `create_app(net)` of `examples/serve.py` raises a `RuntimeError` for a
    batch, `/predict` answers with status 500, "the model failed" and the exception's text.
    """

    def broken(x):
        raise RuntimeError("no memory")

    broken.inputs, broken.classes = 2, ["a", "b"]
    answer = sent("POST", "/predict", broken, content=b'{"inputs": [0, 0]}')

    assert answer.status_code == 500
    assert answer.json() == {"detail": "the model failed: no memory"}


def test_more_requests_than_may_wait_are_sent_away(served, points):
    """`create_app(net, max_batch=4, max_queue=4)` of `examples/serve.py` answers some of twelve
    requests that come at the same time, and sends others away with status 503, "4 requests are
    waiting; try later".

    Where requests arrive faster than they are answered, an unbounded queue would grow, and with it
    the time that each client waits.
    """
    bodies = [{"inputs": point} for point in points[:12]]

    answers, stats = served(bodies, max_batch=4, max_wait=0.2, max_queue=4)

    codes = [answer.status_code for answer in answers]
    assert sorted(set(codes)) == [200, 503]
    assert stats["requests"] == codes.count(200)
    assert answers[codes.index(503)].json() == {"detail": "4 requests are waiting; try later"}


@pytest.mark.spare("6", reason="within 4 of it")
@pytest.mark.claim("course-concurrent-serving")
def test_a_server_answers_parallel_requests_as_single_ones(example, running):
    """Started with `--max-wait 100` (milliseconds), `examples/serve.py` computes 40 requests of 16
    parallel clients in at most 10 batches, and its answers to the first four are equal to those
    that the same four requests get one at a time.

    `examples/serve.py --bench URL --requests 40 --clients 16` measures the server at URL: the
    requests per second, and within how many milliseconds 50, 95 and 99 % of the answers come.
    """
    with running("--max-wait", "100") as (_, url):
        rate = example.main(
            ["--bench", url, "--requests", "200", "--clients", "16", "--dry-run", "--seed", "3"]
        )

    assert rate["requests"] == 40
    assert (rate["compared"], rate["equal"]) == (4, 4)
    assert rate["largest_difference"] == 0.0
    assert rate["batches"] == pytest.approx(6, abs=4)
    assert sorted([rate["p50_ms"], rate["p95_ms"], rate["p99_ms"]]) == [
        rate["p50_ms"],
        rate["p95_ms"],
        rate["p99_ms"],
    ]


@pytest.mark.spare("'Traceback'", reason="it is the word that Python says")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_ends_well(running, number):
    """`examples/serve.py` answers a `POST /predict` whose body is `{no json` with status 422 and
    goes on answering others; on one SIGTERM or one Ctrl-C while it serves it ends with exit code 0
    and without a traceback.
    """
    import httpx

    with running() as (process, url):
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
            bad = client.post("/predict", content=b"{no json", headers={"content-type": "a/json"})
            good = client.post("/predict", json={"inputs": [0, 0]})
            health = client.get("/health").json()
        process.send_signal(number)
        _, said = process.communicate(timeout=60)

    assert url.startswith("http://127.0.0.1:")
    assert (bad.status_code, good.status_code) == (422, 200)
    assert health == {"status": "ok", "inputs": 2, "classes": ["arm 1", "arm 2", "arm 3"]}
    assert process.returncode == 0
    assert "stopped after 1 requests in 1 batches" in said
    assert "Traceback" not in said


@pytest.fixture
def refused(example, refusal):
    """Calls `main` with arguments that it refuses; its exit code and what it says."""
    return functools.partial(refusal, example)


def test_a_missing_model_is_told_with_how_to_make_one(refused, tmp_path):
    """Without `--save-demo` and `--bench`, `examples/serve.py` ends with exit code 2 if nothing
    exists at the path `--model`, and with one line that says how to make a model: `--save-demo`.
    """
    path = tmp_path / "model.pt"

    assert refused("--model", path) == (
        2,
        f"serve.py: no model at {path}: make one with --save-demo {path}\n",
    )


def test_a_file_that_is_no_model_is_refused(refused, demo, tmp_path):
    """If the file of `--model` is no model or has a flipped bit in its weights,
    `examples/serve.py` without `--save-demo` and `--bench` ends with exit code 2 and a line that
    names the file.

    A checksum finds the flipped bit: by itself `torch.load` may read such weights and say nothing.
    """
    broken, flipped = tmp_path / "broken.pt", tmp_path / "flipped.pt"
    broken.write_bytes(b"no model")
    content = bytearray(demo[0].read_bytes())
    weights = torch.load(demo[0], weights_only=True)["weights"]["out.weight"]
    content[content.index(weights.numpy().tobytes()) + 3] ^= 64
    flipped.write_bytes(content)

    for path in (broken, flipped):
        told = f"serve.py: {path} is damaged, or no model of this script\n"
        assert refused("--model", path) == (2, told)


def test_weights_that_are_no_numbers_are_not_served(refused, demo, tmp_path):
    """`examples/serve.py --model FILE` refuses a model whose output for an input of zeros holds
    NaN: the program ends with exit code 2 and one line, "has no answer even to zeros: its weights
    are no numbers".

    While it serves, the program answers a request whose output holds NaN with status 422, "the
    inputs are too large for this model": it takes the numbers in the request for the cause.
    """
    workbench = import_example("workbench")
    saved = torch.load(demo[0], weights_only=True)
    del saved["checksum"]
    saved["weights"]["out.bias"].fill_(torch.nan)
    workbench.write_checkpoint(tmp_path / "nan.pt", saved)

    code, said = refused("--model", tmp_path / "nan.pt")

    assert code == 2
    assert said.endswith("nan.pt has no answer even to zeros: its weights are no numbers\n")


def test_a_port_that_is_taken_is_refused(refused, demo):
    """If something listens on 127.0.0.1 at `--port` already, `examples/serve.py --model FILE` with
    the default `--host` and without `--dry-run` ends on Linux with exit code 2 and one line with
    "Address already in use".
    """
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = refused("--model", demo[0], "--port", port)

    assert (code, said) == (
        2,
        f"serve.py: can't listen on 127.0.0.1:{port}: Address already in use\n",
    )


def test_nothing_to_measure_is_told(refused, tmp_path):
    """If nothing answers at the address of `--bench`, `examples/serve.py` ends with exit
    code 2 and one line that names the address, and doesn't make the folder `--out`.
    """
    code, said = refused("--bench", "http://127.0.0.1:9", "--out", tmp_path / "out")

    assert code == 2
    assert os.listdir(tmp_path) == []
    assert said.startswith("serve.py: no service of this script answers at http://127.0.0.1:9: ")


def test_a_dry_run_writes_nothing(example, tmp_path):
    """`examples/serve.py --save-demo FILE --dry-run` trains the demo model for at most 10 steps
    and writes neither FILE nor its folder.
    """
    example.main(["--save-demo", str(tmp_path / "new" / "model.pt"), "--dry-run"])

    assert os.listdir(tmp_path) == []


def test_a_measurement_leaves_a_figure(tmp_path):
    """`draw_waits(results, path)` of `examples/service.py` draws the share of requests answered
    within each time, as a PNG file of 800 x 450 pixels.
    """
    from PIL import Image

    result = {"waits_ms": [3.0, 1.0, 2.0], "per_second": 500.0, "clients": 2, "p50_ms": 2.0}
    import_example("service").draw_waits({"batched": result}, tmp_path / "waits.png")

    with Image.open(tmp_path / "waits.png") as figure:
        assert figure.size == (800, 450)
        assert figure.convert("L").getextrema() == (0, 255)
