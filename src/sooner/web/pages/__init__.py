"""The pages, their styles and scripts, and the browser client, served as they are here."""
