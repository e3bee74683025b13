"""Texts of any length, made short enough for a line."""


def shorten(text: str, most: int) -> str:
    """The text, without its middle where it has more than `most` characters: the ends of a traceback explain the most."""
    left_out, head = len(text) - most, most // 4
    if left_out <= 0:
        return text
    return f"{text[:head]}\n[{left_out:,} characters left out]\n{text[left_out + head :]}"
