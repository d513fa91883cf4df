"""Speed and memory, as ratios against something bare in the same run."""
