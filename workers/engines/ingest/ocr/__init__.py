"""Text in pictures: what draws them, recognizes their lines, and makes blocks of these."""
