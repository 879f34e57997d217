"""Statistics on arrays: intervals, paired comparisons, crossings and percentiles. No dispatch terms."""
