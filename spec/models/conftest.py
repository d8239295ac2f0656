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
