"""Questions, answers, votes, classes and clips, and the state that follows from them."""
