"""What the examples of the upgrade rules do on the PyTorch that is installed.

    python spec/drift/prove.py EXAMPLES.json

EXAMPLES.json is {name: code}; what is printed is {name: [hash of the code, outcome]}, an outcome
being {"raises": "TypeError: ...", "warns": ["UserWarning"], "prints": "..."}, or null for what
needs torchvision where there is none. Each example runs in a process of its own after `PRELUDE`.
This runs on Python 3.7 as well, for the first releases of PyTorch, and needs nothing but torch.
`nox -s releases` and `nox -s atlas` run it; `spec/drift/proofs.json` keeps what it said.
"""

import hashlib
import io
import json
import os
import re
import sys
import traceback
import warnings

PRELUDE = """
import io
import os
import tempfile
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.autograd import Variable
from torch.utils.data import DataLoader
"""


def outcome(code):
    """Return what a piece of code does."""
    printed = io.StringIO()
    raised = ""
    space = {"__name__": "example"}
    exec(compile(PRELUDE, "prelude", "exec"), space)
    import torch

    torch.manual_seed(0)
    getattr(torch, "set_warn_always", bool)(True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        said, sys.stdout = sys.stdout, printed
        try:
            exec(compile(code, "example", "exec"), space)
        except ModuleNotFoundError as error:
            if error.name == "torchvision":
                return None
            raised = first_line(error)
        except BaseException as error:
            raised = first_line(error)
        finally:
            sys.stdout = said
    # Of Python, of NumPy and of the machine, not of what the example does.
    foreign = ("ast.", "NumPy", "pkg_resources", "distutils", "invalid escape", "NVIDIA")
    kinds = {
        one.category.__name__
        for one in caught
        if not any(word in str(one.message) for word in foreign)
    }
    return {"raises": raised, "warns": sorted(kinds), "prints": printed.getvalue()}


def first_line(error):
    """Return an error's type and the first line of its message, without the place of a file."""
    said = "".join(traceback.format_exception_only(type(error), error)).strip().split("\n")[0]
    return re.sub(r" \(/[^)]*\)$", "", said)


def apart(code):
    """Return what a piece of code does, in a process of its own."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            # What C++ writes is no answer.
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, 2)
            said = json.dumps(outcome(code))
        except BaseException as error:
            said = json.dumps({"raises": first_line(error), "warns": [], "prints": ""})
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    data = b""
    while True:
        part = os.read(read, 65536)
        if not part:
            break
        data += part
    os.close(read)
    os.waitpid(child, 0)
    if not data:
        return {"raises": "the process ended", "warns": [], "prints": ""}
    return json.loads(data.decode())


def main(path):
    """Print what the examples in a file do."""
    with open(path, encoding="utf-8") as file:
        examples = json.load(file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch.utils.data  # noqa: F401
    found = {
        name: [hashlib.sha256(code.encode()).hexdigest()[:12], apart(code)]
        for name, code in examples.items()
    }
    json.dump(found, sys.stdout, indent=1, sort_keys=True)


if __name__ == "__main__":
    main(sys.argv[1])
