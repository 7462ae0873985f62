"""Another server's repository: where it is, pushing to it by compare-and-swap, fetching from it."""
