from sooner import Cron, Schedule

report_visitors = Schedule(
    "report_visitors", Cron.parse("30 7 * * mon"), actor="report_visitors", params={"least": 2}
)
