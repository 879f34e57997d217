"""What logs of real agents say, whatever wrote them: a table of agent runs and one of parallel groups."""
