import gc

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--rewrite-golden",
        action="store_true",
        help="write the golden drawings anew; look at them",
    )


def pytest_collection_finish():
    """The tests collected, some 45,000, stay to the end: no search for garbage goes through them again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def no_gc():
    """What is freed in the test is freed by reference counting."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module")
def one_blas_thread():
    """For products that two threads compute no faster, and many times slower while another program runs."""
    from tapegrad.nn.parallel.cores import BlasLimit

    with BlasLimit(1):
        yield
