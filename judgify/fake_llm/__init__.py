"""A stand-in for an LLM endpoint: speaks its protocol, knows nothing, and says so each time."""
