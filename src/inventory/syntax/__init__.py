"""What languages share that are parsed with tree-sitter; `language.ParsedLanguage` is where a new one begins."""
