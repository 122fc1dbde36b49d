"""Where it travels: the registry of topics, headers, provisioning, readers of compacted topics."""
