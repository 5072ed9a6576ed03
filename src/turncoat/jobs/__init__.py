"""Training jobs: models, the training loop, and a user's own step."""
