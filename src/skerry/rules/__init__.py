"""Tables, data only: what Rust embeds, Python reads and the reference renders."""
