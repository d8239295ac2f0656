"""What the facts about full models share."""

import logging

import pytest


@pytest.fixture(scope="module", autouse=True)
def log():
    """The log stays silent: what a script sets up finds a handler that is there already.

    For a whole page, because its runs that several facts share come before the first fact.
    """
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    yield
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def refusal(capsys):
    """Calls the `main` of a script, which refuses; its exit code and what it says."""

    def call(script, *arguments):
        with pytest.raises(SystemExit) as stopped:
            script.main([str(argument) for argument in arguments])
        return stopped.value.code, capsys.readouterr().err

    return call
