"""Training steps and fits of other people's repositories, run through Turncoat beside the plain step."""
