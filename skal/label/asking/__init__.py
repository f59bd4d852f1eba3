"""Questions, answers, votes, classes, clips, and the progress of a project."""
