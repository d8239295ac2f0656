"""How workers start: fork, spawn, and what has to be picklable.

A `DataLoader` starts its workers by one of Python's start methods. `fork`, usual on Linux before
Python 3.14, copies your process as it is, so the dataset may be anything. `spawn`, usual on Windows
and macOS, starts a new Python that imports your script again and receives the dataset, `collate_fn`
and `worker_init_fn` as pickles; `forkserver`, usual on Linux from Python 3.14, pickles too.
`multiprocessing_context="spawn"` chooses one for a single loader.

So two things are needed for `spawn`: the part of the script that starts the training stands below
`if __name__ == "__main__":`, and what is sent can be pickled by name: classes and functions at the
top of a module, no lambdas, no open files. What workers do once they run is told in
`spec/data/test_workers.py`, how they fail in `spec/data/test_worker_failures.py`.

What surprises: without the guard each spawned worker runs your script again, until it fails at the
loop over the loader; after CUDA has been used in a process, a forked copy of it can't use CUDA.
"""

import contextlib
import multiprocessing
import os
import pickle
import subprocess
import sys
import threading

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        "fork" not in multiprocessing.get_all_start_methods(), reason="no fork on this platform"
    ),
    pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning"),
    # Newer releases add a hint as a warning before the error itself.
    pytest.mark.filterwarnings("ignore:Got pickle error when attempting to start a worker"),
]

REFUSAL = AttributeError if sys.version_info < (3, 14) else pickle.PicklingError


def python(*arguments):
    """What a Python of its own prints, and how it ends."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )


@pytest.mark.slow
def test_a_script_without_the_guard_cannot_spawn_workers(tmp_path):
    """A script that loops over a `DataLoader` with spawned workers at its top level,
    without `if __name__ == "__main__":`, fails: "An attempt has been made to start a new
    process before the current process has finished its bootstrapping phase."

    Because each worker imports the script, and would start workers itself. The worker ends with
    this RuntimeError, and your process says "DataLoader worker (pid(s) ...) exited unexpectedly".
    """
    script = tmp_path / "train.py"
    script.write_text("""
from torch.utils.data import DataLoader

for batch in DataLoader([1, 2], num_workers=1, multiprocessing_context="spawn"):
    print(batch)
""")

    done = python(script)
    said = " ".join(done.stderr.split())

    assert done.returncode == 1
    assert (
        "RuntimeError: An attempt has been made to start a new process before the current "
        "process has finished its bootstrapping phase." in said
    )
    assert "exited unexpectedly" in said


@pytest.mark.slow
def test_a_script_with_the_guard_can_spawn_workers(tmp_path):
    """A script may loop over `DataLoader([1, 2], num_workers=1, multiprocessing_context="spawn")`
    below `if __name__ == "__main__":`. The worker imports the script under the name `__mp_main__`
    and skips what is below the guard.

    What stands above the guard runs once more in each worker, so a `print` there is seen once in
    your process and once from each worker.
    """
    script = tmp_path / "train.py"
    script.write_text("""
from torch.utils.data import DataLoader

print("imported as", __name__, flush=True)
if __name__ == "__main__":
    for batch in DataLoader([1, 2], num_workers=1, multiprocessing_context="spawn"):
        print(batch)
""")

    done = python(script)

    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "imported as __main__",
        "imported as __mp_main__",
        "tensor([1])",
        "tensor([2])",
    ]


@pytest.mark.slow
def test_a_dataset_typed_at_a_prompt_is_not_found_by_spawned_workers():
    """A dataset class `Own` typed at Python's prompt can't be sent to a spawned worker of a
    `DataLoader`: the worker ends with "AttributeError: Can't get attribute 'Own' on <module
    '__main__'".

    Because the class is pickled by its name and the worker has no script to import it from. Put it
    into a module, or use `num_workers=0`.
    """
    done = python(
        "-c",
        """
from torch.utils.data import DataLoader, Dataset

class Own(Dataset):
    def __len__(self):
        return 1
    def __getitem__(self, index):
        return index

list(DataLoader(Own(), num_workers=1, multiprocessing_context="spawn"))
""",
    )

    assert done.returncode == 1
    assert "AttributeError: Can't get attribute 'Own' on <module '__main__'" in done.stderr


def test_a_class_inside_a_function_cannot_be_sent_to_a_spawned_worker():
    """A dataset whose class is local to a function works with forked workers; with spawned ones
    `iter` of the `DataLoader` raises "Can't pickle local object", in Python 3.13 "Can't get local
    object".

    Because a class is pickled by its name. It is an AttributeError before Python 3.14 and a
    PicklingError from then on. Move the class to the top of a module.
    """

    def squares():
        class Squares(Dataset):
            def __len__(self):
                return 2

            def __getitem__(self, index):
                return index**2

        return Squares()

    dataset = squares()
    forked = DataLoader(dataset, batch_size=2, num_workers=1, multiprocessing_context="fork")
    spawned = DataLoader(dataset, batch_size=2, num_workers=1, multiprocessing_context="spawn")

    assert [batch.tolist() for batch in forked] == [[0, 1]]
    with pytest.raises(REFUSAL, match=r"Can't (pickle|get) local object"):
        iter(spawned)


def test_a_lambda_cannot_be_sent_to_a_spawned_worker():
    """A lambda written inside a function can't be the `collate_fn` of a `DataLoader` with spawned
    workers: "Can't pickle local object", in Python 3.13 "Can't get local object"; forked workers
    accept it.

    So it is with `worker_init_fn`. Write a function with `def` at the top of a module; for
    arguments use `functools.partial` of such a function.
    """

    def load(**arguments):
        return DataLoader([1, 2], num_workers=1, collate_fn=lambda samples: samples, **arguments)

    forked = load(multiprocessing_context="fork")
    spawned = load(multiprocessing_context="spawn")

    assert list(forked) == [[1], [2]]
    with pytest.raises(REFUSAL, match=r"Can't (pickle|get) local object"):
        iter(spawned)


double = lambda number: number * 2  # noqa: E731


class Transformed(Dataset):
    """Samples, each given to a function."""

    def __init__(self, samples, transform):
        self.samples = samples
        self.transform = transform

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.transform(self.samples[index])


def test_a_lambda_at_the_top_of_a_module_cannot_be_sent_either():
    """`iter` of `DataLoader(dataset, num_workers=1, multiprocessing_context="spawn")` raises
    PicklingError, "Can't pickle <function <lambda>", if `dataset` keeps, as `self.transform`, a
    lambda defined at module level.

    Because `pickle` stores a function by its name, and the module has nothing named `<lambda>`. So
    `transforms.Lambda` with a lambda inside fails too.
    """
    dataset = Transformed([1, 2], double)
    forked = DataLoader(dataset, batch_size=2, num_workers=1, multiprocessing_context="fork")
    spawned = DataLoader(dataset, batch_size=2, num_workers=1, multiprocessing_context="spawn")

    assert [batch.tolist() for batch in forked] == [[2, 4]]
    with pytest.raises(pickle.PicklingError, match=r"Can't pickle <function <lambda> at 0x\w+>"):
        iter(spawned)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda files: files.enter_context(open(os.devnull)),  # noqa: SIM115
            r"cannot pickle '(_io\.)?TextIOWrapper' ",
        ),
        (lambda files: (number for number in [1]), "cannot pickle 'generator' object"),
        (lambda files: threading.Lock(), "cannot pickle '_thread.lock' object"),
    ],
)
def test_open_files_generators_and_locks_cannot_be_sent(make, words):
    """`iter` of a `DataLoader` with a spawned worker raises TypeError if the dataset holds
    an open text file, a generator or a `threading.Lock`, which can't be pickled: for
    example "cannot pickle 'generator' object".

    Connections of `sqlite3` and files of h5py can't be pickled either. Keep the path in the
    dataset, and open the file on the first `__getitem__` or in `worker_init_fn`.
    """
    with contextlib.ExitStack() as files:
        dataset = Transformed([1, 2], make(files))

        with pytest.raises(TypeError, match=words):
            iter(DataLoader(dataset, num_workers=1, multiprocessing_context="spawn"))


def test_what_the_parent_opened_is_shared_by_forked_workers(tmp_path):
    """Forked workers of a `DataLoader` and your own process share one position in a file
    that `os.open` opened before the fork: each `os.read` goes on where the last one
    stopped, in whichever process that was.

    A file object of `open` has a buffer besides, which each process fills for itself: with several
    workers lines get lost or come twice. Open the file in each worker, and go to the sample's
    place by `file.seek` before each read.
    """
    path = tmp_path / "letters"
    path.write_text("abcdef")
    file = os.open(path, os.O_RDONLY)
    reading = Transformed([2, 2], lambda size: os.read(file, size).decode())

    loader = DataLoader(reading, batch_size=None, num_workers=2, multiprocessing_context="fork")
    seen = sorted(loader)
    rest = os.read(file, 6).decode()
    os.close(file)

    assert seen == ["ab", "cd"]
    assert rest == "ef"


@pytest.mark.cuda
def test_cuda_cannot_be_used_in_a_forked_process():
    """After `torch.ones(1, device="cuda")` in a process, the same call in a process forked
    from it raises RuntimeError, "Cannot re-initialize CUDA in forked subprocess. To use CUDA
    with multiprocessing, you must use the 'spawn' start method".

    Let `__getitem__` return CPU tensors and move the batch in the training loop; where a worker has
    to use the GPU, pass `multiprocessing_context="spawn"`.
    """
    torch.ones(1, device="cuda")
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()

    def use():
        try:
            torch.ones(1, device="cuda")
        except RuntimeError as error:
            there.send(str(error))

    process = context.Process(target=use)
    process.start()
    there.close()
    said = here.recv()
    process.join()

    assert said == (
        "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, "
        "you must use the 'spawn' start method"
    )


def test_a_start_method_has_one_of_pythons_names():
    """`DataLoader(data, num_workers=1, multiprocessing_context="thread")` raises ValueError,
    "multiprocessing_context option should specify a valid start method";
    `multiprocessing.get_all_start_methods()` has the names.

    A context object, as of `multiprocessing.get_context("fork")`, is accepted as well.
    """
    with pytest.raises(ValueError, match="option should specify a valid start method in"):
        DataLoader([1], num_workers=1, multiprocessing_context="thread")

    context = multiprocessing.get_context("fork")
    loader = DataLoader([1], num_workers=1, multiprocessing_context=context)
    assert loader.multiprocessing_context is context
    assert [batch.tolist() for batch in loader] == [[1]]


def test_a_start_method_without_workers_is_refused():
    """`DataLoader(data, multiprocessing_context="spawn")` without workers raises
    ValueError, because no process would be started: set `num_workers` to 1 or more, or
    leave `multiprocessing_context` out.
    """
    with pytest.raises(ValueError, match="multiprocessing_context can only be used with multi-pro"):
        DataLoader([1], multiprocessing_context="spawn")


def test_a_worker_starts_no_workers_of_its_own():
    """A dataset that itself iterates over a `DataLoader` with workers fails inside a worker:
    AssertionError, "daemonic processes are not allowed to have children".

    Use `num_workers=0` for the inner loader or for the outer one.
    """

    def nested(number):
        (inner,) = DataLoader([number], num_workers=1, multiprocessing_context="fork")
        return inner

    dataset = Transformed([7], nested)
    loader = DataLoader(dataset, num_workers=1, multiprocessing_context="fork")

    (batch,) = DataLoader(dataset)
    assert batch.tolist() == [[7]]
    with pytest.raises(
        AssertionError, match=r"(?s)Caught AssertionError.*daemonic processes are not allowed to ha"
    ) as caught:
        next(iter(loader))
    # The traceback holds the iterator, and with it the worker, in a cycle.
    caught.value.__traceback__ = None
    del caught


def test_a_worker_computes_with_one_thread():
    """In a worker of a `DataLoader` `torch.get_num_threads()` is 1 to begin with, however many
    threads your own process uses.

    So that the workers don't compete for the cores. `torch.set_num_threads` in `worker_init_fn`
    sets another number; but a forked worker can then hang in an operation, if your process has
    computed with several threads before.
    """
    threads = Transformed([0], lambda _: torch.get_num_threads())
    before = torch.get_num_threads()

    torch.set_num_threads(2)
    (inside,) = DataLoader(threads, num_workers=1, multiprocessing_context="fork")
    (own,) = DataLoader(threads)
    torch.set_num_threads(before)

    assert [inside.tolist(), own.tolist()] == [[1], [2]]
