from sooner import Cron, Schedule

every_minute = Schedule("every_minute", Cron.parse("* * * * *"), actor="echo")
