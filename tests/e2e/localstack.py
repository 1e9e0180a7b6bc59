"""LocalStack, the last open edition, as a process: a third cloud, which others wrote. tools/setup localstack installs it."""

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from functools import cache

import boto3
from support import ACCOUNT, PATIENCE_S, ROOT, free_port

PYTHON = ROOT / ".venv-localstack/bin/python"


class LocalStack:
    def __init__(self, folder):
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self.start()

    def start(self):
        env = {**os.environ, "GATEWAY_LISTEN": self.address, "LOCALSTACK_HOST": self.address, "SKIP_SSL_CERT_DOWNLOAD": "1", "DISABLE_EVENTS": "1", "FILESYSTEM_ROOT": str(self.folder)}
        with (self.folder / "log").open("a") as log:
            self.process = subprocess.Popen([PYTHON, "-m", "localstack.runtime.main"], cwd=self.folder, env=env, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return urllib.request.urlopen(f"{self.url}/_localstack/health", timeout=PATIENCE_S).close()
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.2)

    def stop(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def reset(self):
        """It has no other way to forget everything."""
        self.stop()
        for path in (path for path in self.folder.iterdir() if path.name != "log"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.start()

    @cache  # a key of twelve digits is the account's number
    def client(self, service, region="us-east-1"):
        return boto3.client(service, endpoint_url=self.url, region_name=region, aws_access_key_id=ACCOUNT, aws_secret_access_key="look")
