"""The LLM lane: what becomes of a request that the rules could not decide."""
