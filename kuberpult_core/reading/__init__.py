"""From a repository's tree to a state: lazily, sharing what did not change, or from a snapshot."""
