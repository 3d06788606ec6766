"""What the fault run and the concurrency benchmark share: clients that count, samplers, checks, tables."""
