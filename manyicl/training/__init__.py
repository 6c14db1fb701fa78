"""The objective and the step: which answers are targets, their loss, the trainer, checkpoints."""
