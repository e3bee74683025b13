"""All the languages whose tests are counted."""

from src.inventory.cpp.language import Cpp
from src.inventory.csharp.language import Csharp
from src.inventory.go.language import Go
from src.inventory.java.language import Java
from src.inventory.javascript.language import JavaScript
from src.inventory.kotlin.language import Kotlin
from src.inventory.language import Language
from src.inventory.php.language import Php
from src.inventory.python.language import Python
from src.inventory.ruby.language import Ruby
from src.inventory.rust.language import Rust
from src.inventory.swift.language import Swift

LANGUAGES: tuple[Language, ...] = (
    Python(),
    JavaScript(),
    Cpp(),
    Csharp(),
    Go(),
    Java(),
    Kotlin(),
    Php(),
    Ruby(),
    Rust(),
    Swift(),
)


def language_of(path: str) -> int | None:
    """The number of the language that wants a file; None for a path that no language wants."""
    return next((number for number, language in enumerate(LANGUAGES) if language.wants(path)), None)
