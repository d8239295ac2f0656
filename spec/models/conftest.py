"""What the facts about full models share."""

import pytest
import torch


@pytest.fixture(scope="module", autouse=True)
def threads():
    """One thread: in steps as small as these models take, more only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def refusal(capsys):
    """Calls the `main` of a script, which refuses; its exit code and what it says."""

    def call(script, *arguments):
        with pytest.raises(SystemExit) as stopped:
            script.main([str(argument) for argument in arguments])
        return stopped.value.code, capsys.readouterr().err

    return call
