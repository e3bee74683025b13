"""Files: uploads that jobs read, results that jobs make."""
