"""A job's beginning and end. The sandbox keeps no bookmarks: every run sees all of its input."""


class Job:
    def __init__(self, glue_context):
        self.glue_context = glue_context

    def init(self, job_name, args=None):
        self.job_name, self.args = job_name, args or {}

    def isInitialized(self):  # noqa: N802
        return hasattr(self, "job_name")

    def commit(self):
        if not self.isInitialized():
            raise RuntimeError("Job.commit() comes after Job.init()")
