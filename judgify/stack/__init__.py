"""The local stack: Kafka, PostgreSQL and Valkey as child processes, and the agents beside them."""
