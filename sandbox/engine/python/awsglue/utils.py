"""Arguments of a job run, as Glue hands them to its script: --NAME value."""

import argparse

RESERVED = ("job-bookmark-option", "job-bookmark-from", "job-bookmark-to", "JOB_ID", "JOB_RUN_ID", "SECURITY_CONFIGURATION",
            "encryption-type", "enable-data-lineage", "RedshiftTempDir", "TempDir")


class GlueArgumentError(Exception):
    pass


class GlueArgumentParser(argparse.ArgumentParser):
    def error(self, message):
        raise GlueArgumentError(message)


def getResolvedOptions(args, options):  # noqa: N802 - the name is Glue's
    """The named options (all of them must be there) and the reserved ones that are, by name with "_" for "-"."""
    parser = GlueArgumentParser(allow_abbrev=False, add_help=False)
    for name in options:
        if name in RESERVED and name != "TempDir":
            raise RuntimeError(f"Using reserved arguments {name}")
        parser.add_argument(f"--{name}", required=True)
    for name in RESERVED:
        if name not in options:
            parser.add_argument(f"--{name}", default=argparse.SUPPRESS)
    found, _ = parser.parse_known_args(args[1:])
    return vars(found)
