"""What pages about the compiler share, and what they need on older releases."""

import warnings
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    # Before PyTorch 2.9 every compiled call adds a warning filter of its own and leaves it there.
    with warnings.catch_warnings():
        return (yield)


@pytest.fixture
def fresh_compiler():
    """Forget what was compiled."""
    import torch

    torch.compiler.reset()
    yield
    torch.compiler.reset()
