"""Whether the tests of the arithmetic and the statistics would see a change of any line: `make mutants`."""
