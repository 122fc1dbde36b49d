"""The doctor: looks at everything that Judgify stands on, and says what to do about it."""
