"""Programs that are run in environments of their own, with the libraries that ham is compared with."""
