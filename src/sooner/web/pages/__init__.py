"""What a person sees: the pages, their styles and scripts, and the browser client. Served as it lies here."""
