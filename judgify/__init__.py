"""The command, and the local stack."""
