"""What languages share whose tests are methods of classes; `language.ClassLanguage` is where a new one begins."""
