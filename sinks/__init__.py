"""Where it rests."""
