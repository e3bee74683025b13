"""Deliveries of a tenant's webhooks and mails: they have no tenant, so each that moves is parked in another millennium."""

from sooner.db import Queries
from sooner.queue.lane import Lane

SQL = Queries("sooner.jobs.moving", "sql/deliveries.sql")

#: Where mails wait.
MAIL_LANES = [Lane("mail").name, Lane("mail").last.name]
