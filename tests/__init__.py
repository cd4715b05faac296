"""What ham promises, held against published facts and a small record made byte by byte."""
