"""The entry points of AWS Glue's Python library that job scripts use, for the sandbox. Spark is needed by all but `utils`."""
