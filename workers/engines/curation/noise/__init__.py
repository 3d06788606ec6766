"""What noise is, one module for each kind: text that says nothing to anybody, however it came into a document.

Each function looks at normalised text and answers a share of it (0 to 1) or whether it is of the kind. None of them looks
at how many symbols a table, a formula or an address has: what is drawn is counted, not what is read.
"""
