"""Questions, answers, votes: what people are asked, and what they say."""
