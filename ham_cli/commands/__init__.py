"""The verbs: each holds its options, calls the work in sequence, and finds the words."""
