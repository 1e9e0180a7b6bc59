"""Macros for templates: {{ macros.demo.quarter(ds) }}."""

from airflow.plugins_manager import AirflowPlugin


def quarter(day):
    """2026-11-20 as 2026Q4."""
    return f"{day[:4]}Q{(int(day[5:7]) + 2) // 3}"


class Demo(AirflowPlugin):
    name = "demo"
    macros = [quarter]
