"""A rehearsal of a platform as a service (Heroku, Dokku, Scalingo, Render) on one machine."""
