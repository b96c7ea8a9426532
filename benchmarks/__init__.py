"""Speed, as ratios against a named baseline measured in the same run. Nothing here is asserted by a test."""
