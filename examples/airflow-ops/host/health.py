#!/usr/bin/env python3
"""health.py URL [ENVIRONMENT]: is Airflow well? Status 0 if it says so of its database and its scheduler; with an environment it is put as metrics, too."""

import json
import sys
import urllib.request

PARTS = {"metadatabase": "DatabaseHealthy", "scheduler": "SchedulerHealthy"}


def look(url: str) -> dict[str, float]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            said = json.load(answer)
    except (OSError, ValueError):
        said = {}
    return {metric: float(said.get(part, {}).get("status") == "healthy") for part, metric in PARTS.items()}


def main() -> int:
    values = look(sys.argv[1])
    if len(sys.argv) > 2:
        import boto3

        where = [{"Name": "Environment", "Value": sys.argv[2]}]
        boto3.client("cloudwatch").put_metric_data(
            Namespace="AirflowOps", MetricData=[{"MetricName": name, "Dimensions": where, "Value": value} for name, value in values.items()])
    print(values)
    return 0 if all(values.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
