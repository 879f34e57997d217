"""Holds what a study says of itself to what it says: how often its 95% sets hold the truth.

Problems whose answer is known are put to the statistics 1,000 times, with new samples each time. Of most the
answer is analytic; of some it is that of 10^6 other replications of the simulator. `python -m validation`
writes `reports/validation/report.md`, the same bytes each time.
"""
