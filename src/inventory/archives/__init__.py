"""Archives, whatever their format, read within limits and never unpacked to disk."""
