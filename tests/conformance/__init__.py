"""Both engines on the same scenarios: what is played, how it is compared, and faults that it has to find."""
