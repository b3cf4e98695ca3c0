"""`python -m blocklens` is the command `blocklens`."""

from blocklens.cli import main

main()
