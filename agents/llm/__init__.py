"""escalations.v1 → results.v1.

The LLM lane: what becomes of a request that the rules could not decide. question, prompt, answer,
repair, injection and visible are pure: what may be asked, and what counts as an answer.
"""
