"""One replication: draws, plan, rules, the engine and what comes out."""
