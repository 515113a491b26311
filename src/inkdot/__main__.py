"""`python -m inkdot`."""

from inkdot.cli import main

main()
