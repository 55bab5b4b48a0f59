"""What the pages show, read from ledgers, labs and models, and kept for as long as nothing changes."""
