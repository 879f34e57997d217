"""Many replications: design, runner, results, and what they answer."""
