"""The shapes of an agent: map (pure, record by record) and sink (whole batches, written)."""
