from sooner import Cron, Schedule

forget_visitors = Schedule("forget_visitors", Cron.parse("15 3 * * *"), actor="forget_visitors")
