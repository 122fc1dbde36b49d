"""What PostgreSQL holds of a run: waits until the sink has passed it, then asks."""
