"""What is wrong with arguments, where argparse cannot tell."""


class UsageError(Exception):
    """Arguments that do not fit or mean nothing; the exit code is 2."""
