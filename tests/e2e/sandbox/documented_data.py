"""What AWS's documentation says of buckets, of the data catalog, of queries over it, of tables and of who may see them."""

from documented import name, pages, refused, refuses, says, until

# ---- S3 ----

refuses("s3", "an object that is not there: NoSuchKey", "NoSuchKey", lambda c: c.s3.get_object(Bucket=c.bucket, Key="absent"))
refuses("s3", "the head of an object that is not there has the code 404", "404", lambda c: c.s3.head_object(Bucket=c.bucket, Key="absent"))
refuses("s3", "a bucket that is not there: NoSuchBucket", "NoSuchBucket", lambda c: c.s3.list_objects_v2(Bucket=name("absent")))
refuses("s3", "a bucket without a policy: NoSuchBucketPolicy", "NoSuchBucketPolicy", lambda c: c.s3.get_bucket_policy(Bucket=c.bucket))
refuses("s3", "a bucket without tags: NoSuchTagSet", "NoSuchTagSet", lambda c: c.s3.get_bucket_tagging(Bucket=c.bucket))
refuses("s3", "a bucket without a lifecycle: NoSuchLifecycleConfiguration", "NoSuchLifecycleConfiguration", lambda c: c.s3.get_bucket_lifecycle_configuration(Bucket=c.bucket))
refuses("s3", "a bucket without CORS: NoSuchCORSConfiguration", "NoSuchCORSConfiguration", lambda c: c.s3.get_bucket_cors(Bucket=c.bucket))
refuses("s3", "a bucket without a website: NoSuchWebsiteConfiguration", "NoSuchWebsiteConfiguration", lambda c: c.s3.get_bucket_website(Bucket=c.bucket))
refuses("s3", "a name has no capitals", "InvalidBucketName", lambda c: c.s3.create_bucket(Bucket="Capital-" + name()))
refuses("s3", "a name has three characters at least", "InvalidBucketName", lambda c: c.s3.create_bucket(Bucket="ab"))
refuses("s3", "an upload that is not there: NoSuchUpload", "NoSuchUpload", lambda c: c.s3.list_parts(Bucket=c.bucket, Key="k", UploadId="absent"))
refuses("s3", "a range beyond the end: InvalidRange", "InvalidRange", lambda c: c.s3.get_object(Bucket=c.bucket, Key=put(c, b"abc"), Range="bytes=10-20"))


def put(c, body=b"a", **given):
    c.s3.put_object(Bucket=c.bucket, Key=(key := name("k")), Body=body, **given)
    return key


@says("s3", "in us-east-1 creating one's own bucket again is no error")
def _(c):
    c.s3.create_bucket(Bucket=c.bucket)


@says("s3", "a bucket with objects is not deleted")
def _(c):
    put(c)
    refused("BucketNotEmpty", c.s3.delete_bucket, Bucket=c.bucket)


@says("s3", "deleting an object that is not there is no error")
def _(c):
    assert c.s3.delete_object(Bucket=c.bucket, Key="absent")["ResponseMetadata"]["HTTPStatusCode"] == 204


@says("s3", "versions: a bucket that never had them says nothing")
def _(c):
    assert "Status" not in c.s3.get_bucket_versioning(Bucket=c.bucket)


@says("s3", "us-east-1 has no location constraint")
def _(c):
    assert c.s3.get_bucket_location(Bucket=c.bucket)["LocationConstraint"] is None


@says("s3", "public access is blocked by default")
def _(c):
    assert set(c.s3.get_public_access_block(Bucket=c.bucket)["PublicAccessBlockConfiguration"].values()) == {True}


@says("s3", "objects are encrypted with AES256 by default")
def _(c):
    assert c.s3.head_object(Bucket=c.bucket, Key=put(c))["ServerSideEncryption"] == "AES256"


@says("s3", "ACLs are off by default: BucketOwnerEnforced")
def _(c):
    assert c.s3.get_bucket_ownership_controls(Bucket=c.bucket)["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@says("s3", "listings are in order of UTF-8 bytes")
def _(c):
    prefix = name("o") + "/"
    for key in ("b", "a", "B", "é", "a/1"):
        c.s3.put_object(Bucket=c.bucket, Key=prefix + key, Body=b"")
    assert [one["Key"].removeprefix(prefix) for one in c.s3.list_objects_v2(Bucket=c.bucket, Prefix=prefix)["Contents"]] == ["B", "a", "a/1", "b", "é"]


@says("s3", "common prefixes count among MaxKeys")
def _(c):
    prefix = name("o") + "/"
    for key in ("a/1", "a/2", "b"):
        c.s3.put_object(Bucket=c.bucket, Key=prefix + key, Body=b"")
    first = c.s3.list_objects_v2(Bucket=c.bucket, Prefix=prefix, Delimiter="/", MaxKeys=1)
    assert first["IsTruncated"] and first["KeyCount"] == 1 and len(first["CommonPrefixes"]) == 1 and "Contents" not in first


@says("s3", "putting tags replaces all there were")
def _(c):
    key = put(c, Tagging="a=1")
    c.s3.put_object_tagging(Bucket=c.bucket, Key=key, Tagging={"TagSet": [{"Key": "b", "Value": "2"}]})
    assert c.s3.get_object_tagging(Bucket=c.bucket, Key=key)["TagSet"] == [{"Key": "b", "Value": "2"}]


@says("s3", "an object has ten tags at most")
def _(c):
    tags = [{"Key": f"k{n}", "Value": "v"} for n in range(11)]
    refused(("BadRequest", "InvalidTag"), c.s3.put_object_tagging, Bucket=c.bucket, Key=put(c), Tagging={"TagSet": tags})


@says("s3", "a copy onto itself that changes nothing: InvalidRequest")
def _(c):
    key = put(c)
    refused("InvalidRequest", c.s3.copy_object, Bucket=c.bucket, Key=key, CopySource={"Bucket": c.bucket, "Key": key})


@says("s3", "If-None-Match: * keeps an object that is there")
def _(c):
    refused("PreconditionFailed", c.s3.put_object, Bucket=c.bucket, Key=put(c), Body=b"b", IfNoneMatch="*")


@says("s3", "an object whose ETag matches is not sent again: 304")
def _(c):
    key = put(c)
    refused("304", c.s3.get_object, Bucket=c.bucket, Key=key, IfNoneMatch=c.s3.head_object(Bucket=c.bucket, Key=key)["ETag"])


@says("s3", "the ETag of an upload of two parts ends in -2")
def _(c):
    given = {"Bucket": c.bucket, "Key": name("k")}
    upload = c.s3.create_multipart_upload(**given)["UploadId"]
    tags = [c.s3.upload_part(**given, UploadId=upload, PartNumber=n, Body=body)["ETag"] for n, body in ((1, b"x" * 5242880), (2, b"y"))]
    parts = [{"PartNumber": n, "ETag": tag} for n, tag in enumerate(tags, 1)]
    assert c.s3.complete_multipart_upload(**given, UploadId=upload, MultipartUpload={"Parts": parts})["ETag"].endswith('-2"')


@says("s3", "a part that is not the last has 5 MiB at least")
def _(c):
    given = {"Bucket": c.bucket, "Key": name("k")}
    upload = c.s3.create_multipart_upload(**given)["UploadId"]
    parts = [{"PartNumber": n, "ETag": c.s3.upload_part(**given, UploadId=upload, PartNumber=n, Body=b"y")["ETag"]} for n in (1, 2)]
    refused("EntityTooSmall", c.s3.complete_multipart_upload, **given, UploadId=upload, MultipartUpload={"Parts": parts})


@says("s3", "deleting where versions are kept leaves a marker, and the version")
def _(c):
    c.s3.create_bucket(Bucket=(bucket := name("v")))
    c.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = c.s3.put_object(Bucket=bucket, Key="k", Body=b"a")["VersionId"]
    assert c.s3.delete_object(Bucket=bucket, Key="k")["DeleteMarker"] is True
    refused("NoSuchKey", c.s3.get_object, Bucket=bucket, Key="k")
    assert c.s3.get_object(Bucket=bucket, Key="k", VersionId=version)["Body"].read() == b"a"


@says("s3", "metadata's names come back in lower case")
def _(c):
    assert c.s3.head_object(Bucket=c.bucket, Key=put(c, Metadata={"Owner": "Films"}))["Metadata"] == {"owner": "Films"}


@says("s3", "a policy that is no JSON: MalformedPolicy")
def _(c):
    c.s3.create_bucket(Bucket=(bucket := name("b")))
    refused("MalformedPolicy", c.s3.put_bucket_policy, Bucket=bucket, Policy="nonsense")


# ---- Glue ----

refuses("glue", "a database that is not there: EntityNotFoundException", "EntityNotFoundException", lambda c: c.glue.get_database(Name="absent"))
refuses("glue", "a table of a database that is not there: EntityNotFoundException", "EntityNotFoundException", lambda c: c.glue.create_table(DatabaseName="absent", TableInput={"Name": "t"}))
refuses("glue", "a table that is not there: EntityNotFoundException", "EntityNotFoundException", lambda c: c.glue.get_table(DatabaseName=c.database, Name="absent"))
refuses("glue", "a job that is not there: EntityNotFoundException", "EntityNotFoundException", lambda c: c.glue.get_job(JobName="absent"))
refuses("glue", "starting a job that is not there: EntityNotFoundException", "EntityNotFoundException", lambda c: c.glue.start_job_run(JobName="absent"))
refuses("glue", "a crawler that is not there: EntityNotFoundException", "EntityNotFoundException", lambda c: c.glue.get_crawler(Name="absent"))
refuses("glue", "deleting a database that is not there: EntityNotFoundException", "EntityNotFoundException", lambda c: c.glue.delete_database(Name="absent"))


def table(c, **more):
    given = {"Name": name("t").replace("-", "_"), "PartitionKeys": [{"Name": "day", "Type": "string"}],
             "StorageDescriptor": {"Columns": [{"Name": "id", "Type": "int"}], "Location": f"s3://{c.bucket}/t/"}}
    c.glue.create_table(DatabaseName=c.database, TableInput=given | more)
    return given["Name"]


def job(c, **more):
    c.glue.create_job(**({"Name": (made := name()), "Role": c.role, "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{c.bucket}/a.py"}} | more))
    return made


@says("glue", "creating a database again: AlreadyExistsException")
def _(c):
    refused("AlreadyExistsException", c.glue.create_database, DatabaseInput={"Name": c.database})


@says("glue", "a table's name is folded to lower case")
def _(c):
    made = name("t")
    c.glue.create_table(DatabaseName=c.database, TableInput={"Name": made.upper()})
    assert c.glue.get_table(DatabaseName=c.database, Name=made)["Table"]["Name"] == made


@says("glue", "deleting a database takes its tables")
def _(c):
    c.glue.create_database(DatabaseInput={"Name": (made := name("db"))})
    c.glue.create_table(DatabaseName=made, TableInput={"Name": "t"})
    c.glue.delete_database(Name=made)
    refused("EntityNotFoundException", c.glue.get_table, DatabaseName=made, Name="t")


@says("glue", "an update of a table replaces what it had")
def _(c):
    made = table(c, Description="first", Parameters={"a": "1"})
    c.glue.update_table(DatabaseName=c.database, TableInput={"Name": made})
    seen = c.glue.get_table(DatabaseName=c.database, Name=made)["Table"]
    assert "Description" not in seen and "a" not in seen.get("Parameters", {})


@says("glue", "creating a partition again: AlreadyExistsException")
def _(c):
    given = {"DatabaseName": c.database, "TableName": table(c), "PartitionInput": {"Values": ["1"], "StorageDescriptor": {"Location": "s3://b/1/"}}}
    c.glue.create_partition(**given)
    refused("AlreadyExistsException", c.glue.create_partition, **given)


@says("glue", "a partition has as many values as the table has keys")
def _(c):
    refused("InvalidInputException", c.glue.create_partition, DatabaseName=c.database, TableName=table(c), PartitionInput={"Values": ["1", "2"]})


@says("glue", "BatchDeletePartition tells of those that are not there")
def _(c):
    seen = c.glue.batch_delete_partition(DatabaseName=c.database, TableName=table(c), PartitionsToDelete=[{"Values": ["1"]}])
    assert [one["ErrorDetail"]["ErrorCode"] for one in seen["Errors"]] == ["EntityNotFoundException"]


@says("glue", "BatchCreatePartition tells of each that is there already")
def _(c):
    given = {"DatabaseName": c.database, "TableName": table(c), "PartitionInputList": [{"Values": ["1"], "StorageDescriptor": {"Location": "s3://b/1/"}}]}
    assert not c.glue.batch_create_partition(**given).get("Errors")
    assert c.glue.batch_create_partition(**given)["Errors"][0]["ErrorDetail"]["ErrorCode"] == "AlreadyExistsException"


@says("glue", "partitions are found by an expression")
def _(c):
    made = table(c)
    for day in ("2024-01-01", "2024-01-02", "2024-01-03"):
        c.glue.create_partition(DatabaseName=c.database, TableName=made, PartitionInput={"Values": [day]})
    seen = pages(c.glue.get_partitions, "Partitions", DatabaseName=c.database, TableName=made, Expression="day > '2024-01-01' AND day < '2024-01-03'")
    assert [one["Values"] for one in seen] == [["2024-01-02"]]


@says("glue", "deleting a job that is not there is no error")
def _(c):
    assert c.glue.delete_job(JobName="absent")["JobName"] == "absent"


@says("glue", "a job runs one run at a time by default, without retries")
def _(c):
    seen = c.glue.get_job(JobName=job(c))["Job"]
    assert seen["ExecutionProperty"]["MaxConcurrentRuns"] == 1 and seen.get("MaxRetries", 0) == 0


@says("glue", "an update of a job replaces what it had")
def _(c):
    made = job(c, Description="first", DefaultArguments={"--a": "1"})
    c.glue.update_job(JobName=made, JobUpdate={"Role": c.role, "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{c.bucket}/b.py"}})
    seen = c.glue.get_job(JobName=made)["Job"]
    assert "Description" not in seen and not seen.get("DefaultArguments") and seen["Command"]["ScriptLocation"].endswith("/b.py")


@says("glue", "a new crawler is READY, and updates in the database what changes")
def _(c):
    c.glue.create_crawler(Name=(made := name()), Role=c.role, DatabaseName=c.database, Targets={"S3Targets": [{"Path": f"s3://{c.bucket}/t/"}]})
    seen = c.glue.get_crawler(Name=made)["Crawler"]
    assert seen["State"] == "READY" and seen["SchemaChangePolicy"] == {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"}


@says("glue", "tags of a job by its ARN")
def _(c):
    arn = f"arn:aws:glue:us-east-1:{c.sts.get_caller_identity()['Account']}:job/{job(c, Tags={'a': '1'})}"
    c.glue.tag_resource(ResourceArn=arn, TagsToAdd={"b": "2"})
    assert c.glue.get_tags(ResourceArn=arn)["Tags"] == {"a": "1", "b": "2"}


# ---- Athena ----

refuses("athena", "a workgroup that is not there: InvalidRequestException", "InvalidRequestException", lambda c: c.athena.get_work_group(WorkGroup="absent"))
refuses("athena", "a query that is not there: InvalidRequestException", "InvalidRequestException", lambda c: c.athena.get_query_execution(QueryExecutionId="00000000-0000-4000-8000-000000000000"))


@says("athena", "creating a workgroup again: InvalidRequestException")
def _(c):
    c.athena.create_work_group(Name=(made := name()))
    refused("InvalidRequestException", c.athena.create_work_group, Name=made)


@says("athena", "a workgroup is enabled, and publishes metrics, by default")
def _(c):
    c.athena.create_work_group(Name=(made := name()), Configuration={"ResultConfiguration": {"OutputLocation": f"s3://{c.bucket}/r/"}})
    seen = c.athena.get_work_group(WorkGroup=made)["WorkGroup"]
    assert seen["State"] == "ENABLED" and seen["Configuration"]["EnforceWorkGroupConfiguration"] is True and seen["Configuration"]["PublishCloudWatchMetricsEnabled"] is True


@says("athena", "the catalog AwsDataCatalog is there from the beginning")
def _(c):
    assert {"CatalogName": "AwsDataCatalog", "Type": "GLUE"}.items() <= c.athena.list_data_catalogs()["DataCatalogsSummary"][0].items()


@says("athena", "a named query has an id, and belongs to primary by default")
def _(c):
    made = c.athena.create_named_query(Name=name(), Database=c.database, QueryString="SELECT 1")["NamedQueryId"]
    assert c.athena.get_named_query(NamedQueryId=made)["NamedQuery"]["WorkGroup"] == "primary"


@says("athena", "the same client token is one named query")
def _(c):
    given = {"Name": name(), "Database": c.database, "QueryString": "SELECT 1", "ClientRequestToken": name("t" * 32)}
    assert c.athena.create_named_query(**given)["NamedQueryId"] == c.athena.create_named_query(**given)["NamedQueryId"]


refuses("athena", "the primary workgroup is not deleted", "InvalidRequestException", lambda c: c.athena.delete_work_group(WorkGroup="primary"))

# ---- DynamoDB ----

refuses("dynamodb", "a table that is not there: ResourceNotFoundException", "ResourceNotFoundException", lambda c: c.dynamodb.describe_table(TableName="absent"))
refuses("dynamodb", "attributes that no key uses are refused", "ValidationException", lambda c: dynamo(c, AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in "ab"]))
refuses("dynamodb", "a key's attribute is defined", "ValidationException", lambda c: dynamo(c, AttributeDefinitions=[{"AttributeName": "b", "AttributeType": "S"}]))
refuses("dynamodb", "a name has three characters at least", "ValidationException", lambda c: dynamo(c, TableName="ab"))
refuses("dynamodb", "provisioned throughput is for provisioned tables", "ValidationException", lambda c: dynamo(c, ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}))


def dynamo(c, **more):
    given = {"TableName": name(), "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"}
    c.dynamodb.create_table(**given | more)
    until(lambda: c.dynamodb.describe_table(TableName=(given | more)["TableName"])["Table"]["TableStatus"], "ACTIVE")
    return (given | more)["TableName"]


@says("dynamodb", "creating a table again: ResourceInUseException")
def _(c):
    refused("ResourceInUseException", dynamo, c, TableName=dynamo(c))


@says("dynamodb", "deletion protection refuses a deletion")
def _(c):
    refused("ValidationException", c.dynamodb.delete_table, TableName=dynamo(c, DeletionProtectionEnabled=True))


@says("dynamodb", "time to live is DISABLED by default")
def _(c):
    assert c.dynamodb.describe_time_to_live(TableName=dynamo(c))["TimeToLiveDescription"] == {"TimeToLiveStatus": "DISABLED"}


@says("dynamodb", "point-in-time recovery is DISABLED by default")
def _(c):
    seen = c.dynamodb.describe_continuous_backups(TableName=dynamo(c))["ContinuousBackupsDescription"]
    assert seen["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "DISABLED"


@says("dynamodb", "a stream is shown by the table, with its view")
def _(c):
    seen = c.dynamodb.describe_table(TableName=dynamo(c, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}))["Table"]
    assert seen["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"} and "/stream/" in seen["LatestStreamArn"]


# ---- Lake Formation ----

refuses("lakeformation", "a location that is not registered: EntityNotFoundException", "EntityNotFoundException", lambda c: c.lakeformation.describe_resource(ResourceArn="arn:aws:s3:::absent"))
refuses("lakeformation", "an LF-tag that is not there: EntityNotFoundException", "EntityNotFoundException", lambda c: c.lakeformation.get_lf_tag(TagKey="absent"))


@says("lakeformation", "registering a location again: AlreadyExistsException")
def _(c):
    given = {"ResourceArn": f"arn:aws:s3:::{c.bucket}", "RoleArn": c.role}
    c.lakeformation.register_resource(**given)
    refused("AlreadyExistsException", c.lakeformation.register_resource, **given)


@says("lakeformation", "creating an LF-tag again is refused")
def _(c):
    c.lakeformation.create_lf_tag(TagKey=(made := name()), TagValues=["a"])
    refused(("InvalidInputException", "AlreadyExistsException"), c.lakeformation.create_lf_tag, TagKey=made, TagValues=["a"])


@says("lakeformation", "an update of an LF-tag adds values and takes others away")
def _(c):
    c.lakeformation.create_lf_tag(TagKey=(made := name()), TagValues=["a", "b"])
    c.lakeformation.update_lf_tag(TagKey=made, TagValuesToAdd=["c"], TagValuesToDelete=["a"])
    assert sorted(c.lakeformation.get_lf_tag(TagKey=made)["TagValues"]) == ["b", "c"]
