"""What travels: the messages, the only parser of outside bytes, and the three kinds of error."""
