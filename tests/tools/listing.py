"""What boto3 sees in the cloud at AWS_ENDPOINT_URL: buckets with their objects, roles, Glue databases and jobs, schedules."""

import boto3


def main():
    s3, glue = boto3.client("s3"), boto3.client("glue")
    lines = []
    for bucket in s3.list_buckets()["Buckets"]:
        objects = s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
        lines.append(f"bucket    {bucket['Name']}")
        lines += [f"  object  {o['Key']}  {o['Size']:,} bytes" for o in objects]
    lines += [f"role      {r['RoleName']}" for r in boto3.client("iam").list_roles()["Roles"]]
    lines += [f"database  {d['Name']}" for d in glue.get_databases()["DatabaseList"]]
    lines += [f"job       {j['Name']}  {j.get('NumberOfWorkers')} workers  {j['Command']['ScriptLocation']}" for j in glue.get_jobs()["Jobs"]]
    schedules = boto3.client("scheduler")
    for s in schedules.list_schedules()["Schedules"]:
        lines.append(f"schedule  {s['Name']}  {schedules.get_schedule(Name=s['Name'])['ScheduleExpression']}")
    print("\n".join(lines or ["nothing"]))


if __name__ == "__main__":
    main()
