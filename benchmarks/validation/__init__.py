"""Validates the statistics: how often their 95% intervals hold the truth.

The statistics are applied 1,000 times to problems with known answers, with new samples each time. Most
answers are analytic; some are those of 10^6 other replications of the simulator. `python -m validation`
writes `reports/validation/report.md`, the same bytes each time.
"""
