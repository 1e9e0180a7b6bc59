"""One task a day, to see that Airflow works."""

from datetime import datetime

from airflow.decorators import dag, task


@dag(schedule="@daily", start_date=datetime(2026, 1, 1), catchup=False)
def hello():
    @task
    def greet():
        print("hello")

    greet()


hello()
