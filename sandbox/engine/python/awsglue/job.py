"""A job's beginning and end, and with them its bookmark."""

import sys

from awsglue.bookmarks import Bookmark


class Job:
    def __init__(self, glue_context):
        self.glue_context = glue_context

    def init(self, job_name, args=None):
        self.job_name, self.args = job_name, args or {}
        self.bookmark = Bookmark()
        if self.glue_context is not None:
            self.glue_context.bookmark = self.bookmark

    def isInitialized(self):  # noqa: N802
        return hasattr(self, "job_name")

    def commit(self):
        if not self.isInitialized():
            raise RuntimeError("Job.commit() comes after Job.init()")
        run = sys.argv[sys.argv.index("--JOB_RUN_ID") + 1] if "--JOB_RUN_ID" in sys.argv[:-1] else ""
        self.bookmark.commit(self.job_name, run)
