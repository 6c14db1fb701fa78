"""Advice for one task from measured curves: more shots, similar shots, or a dedicated model."""
