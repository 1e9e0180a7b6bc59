"""Is Airflow well? Every five minutes as metrics, so that an alarm can tell when it is not, or when nothing is measured at all."""

from datetime import datetime, timedelta, timezone

import boto3
import ops
from airflow.configuration import conf
from airflow.decorators import dag, task
from airflow.models import TaskInstance, Variable
from airflow.jobs.job import Job
from airflow.utils.session import create_session
from airflow.utils.state import JobState, TaskInstanceState
from sqlalchemy import func


@dag(schedule="*/5 * * * *", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, max_active_runs=1, tags=["operations"])
def health_check():
    @task
    def measure() -> dict[str, float]:
        now = datetime.now(timezone.utc)
        with create_session() as session:
            running = session.query(Job.job_type, func.max(Job.latest_heartbeat)).filter(Job.state == JobState.RUNNING).group_by(Job.job_type)
            heartbeats = {"Scheduler": None, **{kind.removesuffix("Job"): at for kind, at in running}}
            queued = session.query(TaskInstance.queued_dttm).filter(TaskInstance.state == TaskInstanceState.QUEUED)
            failed = session.query(func.count()).filter(TaskInstance.state == TaskInstanceState.FAILED, TaskInstance.end_date > now - timedelta(minutes=5))
            values = ops.health(heartbeats, [at for (at,) in queued if at], failed.scalar(), now)
        values["LogDiskPercent"] = ops.disk_percent(conf.get("logging", "base_log_folder"))
        where = [{"Name": "Environment", "Value": Variable.get("environment", default_var=conf.get("webserver", "instance_name", fallback="airflow"))}]
        boto3.client("cloudwatch").put_metric_data(
            Namespace="AirflowOps", MetricData=[{"MetricName": name, "Dimensions": where, "Value": value} for name, value in values.items()])
        return values

    measure()


health_check()
