"""Python text from typed trees. No text of an author ever becomes part of it."""
