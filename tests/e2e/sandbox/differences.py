"""Where versitygw answers otherwise than the list of S3's behaviours asks, and why that is no fault of the list.

Each is expected to stay: a test that passes all the same fails until its row is taken away.
"""

FOLDERS = "a gateway to a file system: a key is a path there, so no `//`, no `..`, and `a` beside `a/b` is a file beside a folder of the same name"
ABSENT = "NotImplemented there; S3's API reference has the operation"
MEMBERS = "its errors have not the members that AWS's have beside code and message, or another code of the same refusal"
FRAMES = "S3's guide: an object is stored without `aws-chunked` in its content encoding"

# file, start of the test's name, reason
VERSITYGW = [
    ("test_lists.py", "test_pages", FOLDERS),
    ("test_lists.py", "test_start_after", FOLDERS),
    ("test_objects.py", "test_awkward_keys", FOLDERS),
    ("test_objects.py", "test_ranges[versitygw-bytes=10-", "416 without Content-Range, which RFC 9110 (15.5.17) asks for"),
    ("test_objects.py", "test_ranges[versitygw-bytes=-0", "416 without Content-Range, which RFC 9110 (15.5.17) asks for"),
    ("test_objects.py", "test_reading_conditions", "If-Modified-Since with the Last-Modified it gave: compared below the second, RFC 9110 (13.1.3) says 304"),
    ("test_objects.py", "test_deleting_conditions", "If-Match on what is absent answers 204; S3's guide to conditional requests has 404 where the key is gone"),
    ("test_objects.py", "test_encryption", "no server-side encryption; S3 encrypts every object with AES256 since 2023"),
    ("test_objects.py", "test_copy_conditions", "x-amz-copy-source-if-none-match answers 304; the reference of CopyObject says 412"),
    ("test_objects.py", "test_versions", "of versions older than the newest, the null version comes back first, although others are younger"),
    ("test_objects.py", "test_suspended", "PUT in a bucket with suspended versioning does not name the version `null`"),
    ("test_objects.py", "test_version_pages", "the marker of a page is given again with the next page, so listing never ends"),
    ("test_multipart.py", "test_range_outside", "`bytes=5-` is taken; the reference of UploadPartCopy asks for `bytes=first-last`"),
    ("test_s3_refusals.py", "test_conditions", MEMBERS),
    ("test_s3_refusals.py", "test_writes_beside_an_upload", MEMBERS),
    ("test_s3_refusals.py", "test_versions", MEMBERS),
    ("test_s3_refusals.py", "test_settings[versitygw-put_bucket_versioning-VersioningConfiguration-value1-", MEMBERS),
    ("test_s3_refusals.py", "test_settings[versitygw-put_bucket_accelerate", ABSENT),
    ("test_s3_refusals.py", "test_settings[versitygw-put_bucket_encryption", ABSENT),
    ("test_s3_refusals.py", "test_settings[versitygw-put_bucket_tagging", MEMBERS),
    ("test_s3_refusals.py", "test_bucket_and_its_tags", "tags given with a new bucket are passed over there"),
    ("test_s3_refusals.py", "test_pages_of_settings", ABSENT),
    ("test_settings.py", "test_round[versitygw-bucket_lifecycle", ABSENT),
    ("test_settings.py", "test_round[versitygw-public_access_block", ABSENT),
    ("test_settings.py", "test_round[versitygw-bucket_encryption", ABSENT),
    ("test_settings.py", "test_new_bucket", ABSENT),
    ("test_settings.py", "test_many", ABSENT),
    ("test_settings.py", "test_regions", "it has one region, for any client"),
    ("test_signatures.py", "test_version_2", "version 2 is AccessDenied there; S3's list of errors has InvalidRequest for it"),
    ("test_signatures.py", "test_malformed", "the date, or the size of the header, is looked at before its form"),
    ("test_signatures.py", "test_framed[", FRAMES),
    ("test_signatures.py", "test_framed_wrong[versitygw-STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER-trailer3",
     "a missing signature of the trailer is IncompleteBody there: refused as well"),
    ("test_signatures.py", "test_framed_wrong[versitygw-STREAMING-UNSIGNED-PAYLOAD-TRAILER-trailer9", "bytes after the last chunk are passed over there"),
    ("test_signatures.py", "test_framed_length", "a wrong x-amz-decoded-content-length is a 500 there: refused as well"),
]


def reason(item):
    """Why this test does not hold where it is to run; None: it does."""
    if "versitygw" not in item.name:
        return None
    return next((why for file, start, why in VERSITYGW if item.path.name == file and item.name.startswith(start)), None)
