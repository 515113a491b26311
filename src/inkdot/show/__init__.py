"""The office: private answers about what was tracked. It holds no SQL and starts nothing."""
