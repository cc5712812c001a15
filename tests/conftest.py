def pytest_addoption(parser):
    parser.addoption(
        "--rewrite-golden", action="store_true", help="write the drawings in tests/golden anew; look at them"
    )
