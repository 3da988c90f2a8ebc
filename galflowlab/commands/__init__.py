"""What the commands do; `cli` puts them together."""
