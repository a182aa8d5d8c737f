"""What people and workers change: applications come in, steps are run, jobs are posted."""
