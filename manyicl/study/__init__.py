"""The study: every way to adapt one base model, side by side, at equal cost."""
