"""A file with one claim, on `mine.yaml` next to it."""

CLAIMS = """\
source: somebody
claims:
  - number: 1
    title: Ratio
    says: It is no more than ten times.
    cases:
      - where: here
        what: cost
        scenario: mine.yaml
        ratio:
          of: {measure: cost_usd, strategy: parallel}
          to: {measure: cost_usd, strategy: sequential}
          at_most: 10
"""
