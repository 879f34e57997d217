"""Many replications: design, run, executors, checkpoint and results."""
