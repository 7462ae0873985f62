"""What happened: facts told from trees, the log, why something is as it is, the replay, and times gone by."""
