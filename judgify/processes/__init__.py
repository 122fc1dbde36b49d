"""The processes: each file puts one together from settings, seam, agent and sinks."""
