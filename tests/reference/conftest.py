import pytest


@pytest.fixture(autouse=True, scope="session")
def one_torch_thread():
    """Torch's workers and OpenBLAS's stand in each other's way: a step of 1 ms may take 50."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
