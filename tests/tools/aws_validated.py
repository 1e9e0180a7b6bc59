"""How many of LocalStack's tests that AWS itself passes hold in the sandbox: python tests/tools/aws_validated.py CLONE [SERVICE...] [-- PYTEST'S OPTIONS]

CLONE is a folder with localstack/localstack (its tests/aws/services were run against AWS and carry its answers, snapshots that have to be
the same in each member). CLONE/.venv is Python 3.13 with CLONE/requirements-test.txt, without amazon_kclpy, jpype1 and cfn-lint, and with
cryptography<46 pyopenssl<25.2 cbor2<5.9 service_identity pytest-timeout. Each service gets a sandbox of its own (build/weir, or WEIR).
What failed and why is in CLONE/out/SERVICE.txt; the table at the end is that of docs/sandbox.md.

Left out: tests that need a second account, images of containers, hosts of AWS, or that LocalStack skips on AWS; and those of labels of Map states
whose recorded answer is a message of LocalStack's own. Members that AWS has added since an answer was recorded are not compared with it (ADDED).
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as Xml
from pathlib import Path

import pytest

WEIR = Path(os.environ.get("WEIR", Path(__file__).parents[2] / "build/weir")).resolve()
SERVICES = {  # what is called so, and its tests
    "sqs": "sqs",
    "s3": "s3/test_s3_api.py s3/test_s3_list_operations.py",
    "secretsmanager": "secretsmanager",
    "events": "events",
    "ssm": "ssm",
    "scheduler": "scheduler",
    "sns": "sns",
    "kinesis": "kinesis",
    "logs": "logs",
    "lambda": "lambda_/test_lambda_api.py",
    "stepfunctions": "stepfunctions/v2/test_sfn_api*.py",
    "stepfunctions scenarios": "stepfunctions/v2/scenarios/test_base_scenarios.py",
    "dynamodb": "dynamodb",
    "iam": "iam",
    "kms": "kms",
    "apigateway": "apigateway",
    "ec2": "ec2",
    "firehose": "firehose",
    "sts": "sts",
}


def pytest_collection_modifyitems(config, items):
    """As a plugin of their pytest: leaves out what one sandbox cannot be asked."""
    needs = lambda item: any(f.startswith("secondary_a") for f in item.fixturenames) or item.get_closest_marker("requires_docker") or "test_map_state_label_" in item.name
    config.hook.pytest_deselected(items=[item for item in items if needs(item)])
    items[:] = [item for item in items if not needs(item)]


# Members that AWS has added since some of its answers were recorded: its later ones have them.
ADDED = ("encryptionConfiguration", "redriveCount")


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item):
    """Compares an answer that was recorded before AWS added a member without it."""
    try:
        return (yield)
    finally:
        if answers := item.funcargs.get("snapshot"):
            for member in ADDED:
                if member not in json.dumps(answers.recorded_state):
                    answers.observed_state = without(member, answers.observed_state)


def without(member, answer):
    if isinstance(answer, dict):
        return {key: without(member, value) for key, value in answer.items() if key != member}
    return [without(member, value) for value in answer] if isinstance(answer, list) else answer


def pytest_configure():
    """Names below localhost are this machine's, also with a prefix of the client's (sync-)."""
    resolve = socket.getaddrinfo
    socket.getaddrinfo = lambda host, *rest, **more: resolve("127.0.0.1" if str(host).endswith(".localhost") else host, *rest, **more)


def served(folder):
    """A sandbox, and the environment of its clients."""
    process = subprocess.Popen(
        [WEIR, "sandbox", "--ephemeral", "--port", "0", "--dir", folder / "data", "--speed", "20"], stdout=subprocess.PIPE, stderr=(folder / "log").open("w"), text=True, cwd=folder)
    env = {}
    while "unset" not in (line := process.stdout.readline()):
        assert line, (folder / "log").read_text()
        if found := re.match(r"export (\w+)=(\S+)", line):
            env[found[1]] = found[2].strip("'")
    return process, env


def run(clone, service, options):
    """(passed, ran) of one service."""
    out, tests = clone / "out" / service.replace(" ", "-"), [t for pattern in SERVICES[service].split() for t in sorted((clone / "tests/aws/services").glob(pattern))]
    with tempfile.TemporaryDirectory(prefix="weir-validated-") as folder:
        folder = Path(folder)
        for module in ("jpype", "cfnlint"):  # imported, and not used here
            (folder / module).mkdir()
            (folder / module / "__init__.py").touch()
        (folder / "jpype/imports.py").touch()
        process, env = served(folder)
        env["AWS_ENDPOINT_URL_SFN"] = env["AWS_ENDPOINT_URL"].replace("127.0.0.1", "sandbox.localhost")
        env |= {"TEST_TARGET": "AWS_CLOUD", "PYTHONPATH": f"localstack-core:{folder}:{Path(__file__).parent}", "HOME": str(folder), "PATH": os.environ["PATH"]}
        command = [clone / ".venv/bin/python", "-m", "pytest", "-p", "aws_validated", "-p", "no:cacheprovider", "-q", "-m", "aws_validated", "--tb=short", "--timeout=90", "--timeout-method=signal", f"--junitxml={out}.xml"]
        try:
            with open(f"{out}.txt", "w") as log:
                subprocess.run([*command, *options, *tests], cwd=clone, env=env, stdout=log, stderr=log, check=False)
        finally:
            process.terminate()
            process.wait()
    cases = {}
    for case in Xml.parse(f"{out}.xml").iter("testcase"):
        elsewhere = any("NameResolutionError" in (problem.text or "") for problem in (*case.findall("failure"), *case.findall("error")))
        if case.find("skipped") is None and not elsewhere:
            failed = case.find("failure") is not None or case.find("error") is not None
            key = case.get("classname"), case.get("name")
            cases[key] = cases.get(key, True) and not failed  # an error while cleaning up is a case of its own
    return sum(cases.values()), len(cases)


def main(clone, *words):
    cut = words.index("--") if "--" in words else len(words)
    (clone / "out").mkdir(exist_ok=True)
    (clone / "localstack-core/localstack/version.py").write_text('__version__ = "4"\n')  # which its build makes
    print("| tests of | hold | of |\n| --- | --- | --- |")
    for service in words[:cut] or SERVICES:
        passed, ran = run(clone, service, words[cut + 1 :])
        print(f"| {service} | {passed} | {ran} |", flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:])
