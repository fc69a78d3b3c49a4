"""Reading and writing files: weights and models, IDX."""
