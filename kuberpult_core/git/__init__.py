"""The git adapter: dulwich lives here and nowhere else."""
