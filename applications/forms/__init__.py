"""What people type: applications, jobs, filters."""
