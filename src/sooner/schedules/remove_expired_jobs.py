from sooner.periodic import Cron, Schedule

remove_expired_jobs = Schedule("remove_expired_jobs", Cron.parse("@hourly"), actor="remove_expired_jobs")
