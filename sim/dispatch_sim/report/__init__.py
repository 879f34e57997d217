"""What a person sees: the decision in words, figures, a report, a timeline, answers for a terminal."""
