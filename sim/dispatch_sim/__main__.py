"""Runs the command line, as ``dispatch-sim`` and as ``python -m dispatch_sim``."""

import signal


def main() -> None:
    """Run the command line; an interruption while it is loaded ends the process without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from dispatch_sim.cli import main as run

    run()


if __name__ == "__main__":
    main()
