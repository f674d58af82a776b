"""Files come in: each row becomes an event, and goes the way of all others.

`encodings` (and `vietnamese_encodings`, from before Unicode) say in what a file is written, `csv_records` and `rows` read it,
`mapping` says what its columns mean and `cells` read one value; `importer` takes every row that way to one of the `destinations`,
and `checkpoint` keeps how far it has come. The mappings that come with Portrait are in `maps/`.
"""
