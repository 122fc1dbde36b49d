"""Random workflows and events, judged by everything that can judge them."""
