from sooner.periodic import Cron, Schedule

expire_credentials = Schedule("expire_credentials", Cron.parse("0 2 * * *"), actor="expire_credentials")
