"""What Winnow costs and how fast it is, as ratios against something measured in the same run."""
