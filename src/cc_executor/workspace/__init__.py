"""What an attempt may work in, and what it really changed there."""
