"""The demo: 10,000 machine readings judged on a real Kafka, and one of them explained."""
