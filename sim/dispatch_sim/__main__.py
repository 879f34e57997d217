"""Runs the command line as ``python -m dispatch_sim``."""

from dispatch_sim.cli import main

if __name__ == "__main__":
    main()
