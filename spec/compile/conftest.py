"""What pages about the compiler need on older releases."""

import warnings
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    # Before PyTorch 2.9 every compiled call adds a warning filter of its own and leaves it there.
    with warnings.catch_warnings():
        return (yield)
