"""What the LLM may cost: calls and tokens per minute, money per day, reserved before each call."""
