"""What rule-agent is measured against, each a process of its own."""
