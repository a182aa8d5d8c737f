"""Read jobs, applications and the state of their screening. Every function is bound to one company."""
