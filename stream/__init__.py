"""The seam over Faust: slices of partitions in, acknowledged outputs out, then the commit."""
