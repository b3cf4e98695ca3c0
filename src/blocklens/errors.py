"""The one kind of error that a user can cause and mend."""


class UserError(Exception):
    """An input that cannot be used.

    The message is one line: it names the input, says what was expected, and what to do. The command
    line prints it without a traceback and exits with 2.
    """
