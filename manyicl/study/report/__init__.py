"""What a study found, as one HTML page and as RESULTS.md."""
