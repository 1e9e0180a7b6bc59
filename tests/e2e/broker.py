"""A Kafka broker of the tests' own, from Maven Central (tools/setup kafka), and Kafka's own tools and kafka-python to look at it."""

import shutil
import subprocess
import tempfile
import uuid
from base64 import urlsafe_b64encode
from functools import cached_property
from pathlib import Path

import pytest
from support import ROOT, free_port, until

LIBS = ROOT / ".cache/kafka/libs"
ADMIN, PASSWORD = "admin", "admin-Bittern-31"
JAVA = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
LISTENERS = {"OPEN": "PLAINTEXT", "CONTROL": "PLAINTEXT", "FRONT": "PLAINTEXT", "SCRAM": "SASL_PLAINTEXT", "SAFE": "SASL_SSL", "MUTUAL": "SSL"}


def newer_librdkafka(folder):
    """The environment in which weir finds the librdkafka that the wheel of confluent-kafka brings along: Debian 12's knows no users."""
    confluent_kafka = pytest.importorskip("confluent_kafka")
    found = sorted((Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs").glob("librdkafka*.so*"))
    if not found:
        pytest.skip("confluent-kafka brings no librdkafka along")
    folder.mkdir(exist_ok=True)
    link = folder / "librdkafka.so.1"
    if not link.exists():
        link.symlink_to(found[0])
    return {"LD_LIBRARY_PATH": f"{folder}:{found[0].parent}"}


class Broker:
    """
    Runs as long as the object: one node that is broker and controller. OPEN is for the tests themselves, whom it takes for an administrator; SCRAM and
    SAFE want a user, SAFE and MUTUAL speak TLS, MUTUAL wants a certificate, and of FRONT it says that it is at the port `front` (broker_front.py).
    """

    def __init__(self, secure=False, **settings):
        if not shutil.which("java") or not any(LIBS.glob("kafka_*.jar")):
            pytest.skip("no Kafka: it wants java and tools/setup kafka")
        self.folder = Path(tempfile.mkdtemp(prefix="weir-kafka-", dir="/tmp"))
        self.names = list(LISTENERS) if secure else ["OPEN", "CONTROL"]
        *ports, self.front = (free_port() for _ in range(len(self.names) + 1))
        self.ports = dict(zip(self.names, ports))
        if secure:
            self.make_certificates()
        self.settings = {
            "process.roles": "broker,controller", "node.id": 1, "log.dirs": self.folder / "data",
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, port in self.ports.items()),
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{self.front if name == 'FRONT' else port}" for name, port in self.ports.items() if name != "CONTROL"),
            "listener.security.protocol.map": ",".join(f"{name}:{LISTENERS[name]}" for name in self.names),
            "controller.quorum.voters": f"1@127.0.0.1:{self.ports['CONTROL']}", "controller.listener.names": "CONTROL", "inter.broker.listener.name": "OPEN",
            "offsets.topic.replication.factor": 1, "group.initial.rebalance.delay.ms": 0, "auto.create.topics.enable": "false",
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": f"User:{ADMIN};User:ANONYMOUS",
            **(self.security() if secure else {}), **settings,
        }
        self.properties = self.folder / "server.properties"
        self.properties.write_text("".join(f"{key}={value}\n" for key, value in self.settings.items()))
        users = [word for kind in ("SCRAM-SHA-256", "SCRAM-SHA-512") for word in ("--add-scram", f"{kind}=[name={ADMIN},password={PASSWORD}]")]
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        self.java("kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", self.properties, *users)
        self.start()

    def security(self):
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        plain = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{ADMIN}="{PASSWORD}";'
        return {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN", "ssl.keystore.type": "PEM", "ssl.keystore.location": self.folder / "server.pem",
            "ssl.truststore.type": "PEM", "ssl.truststore.location": self.folder / "ca.pem", "listener.name.mutual.ssl.client.auth": "required",
            **{f"listener.name.{name}.{kind}.sasl.jaas.config": module for name in ("scram", "safe")
               for kind, module in (("scram-sha-512", scram), ("scram-sha-256", scram), ("plain", plain))},
        }

    def make_certificates(self):
        """An authority, and what it certified: the broker by its name, and a client."""

        def openssl(*words):
            subprocess.run(["openssl", *map(str, words)], cwd=self.folder, check=True, capture_output=True)

        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=weir tests")
        (self.folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        for name in "server", "client":
            openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30", "-out", f"{name}.crt",
                    *(["-extfile", "names"] if name == "server" else []))
            (self.folder / f"{name}.pem").write_text((self.folder / f"{name}.key").read_text() + (self.folder / f"{name}.crt").read_text())

    def java(self, main, *args, status=0):
        done = subprocess.run(["java", *JAVA, "-cp", f"{LIBS}/*", main, *map(str, args)], capture_output=True, text=True)
        assert status is None or done.returncode == status, done
        return done.stdout

    def start(self):
        with open(self.folder / "log", "a") as log:
            words = ["java", *JAVA, "-cp", f"{LIBS}/*", "kafka.Kafka", self.properties]
            self.process = subprocess.Popen(list(map(str, words)), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        until(self.answers, self.process)

    def answers(self):
        from kafka import KafkaAdminClient
        from kafka.errors import KafkaError

        try:
            KafkaAdminClient(bootstrap_servers=self.address(), request_timeout_ms=2000, bootstrap_timeout_ms=2000).close()
            return True
        except (KafkaError, OSError):
            return False

    def halt(self):
        self.process.kill()
        self.process.wait()
        self.__dict__.pop("admin", None)

    def stop(self):
        self.halt()
        shutil.rmtree(self.folder, ignore_errors=True)

    def address(self, name="OPEN"):
        return f"127.0.0.1:{self.ports[name]}"

    @cached_property
    def admin(self):
        """kafka-python's view of it."""
        from kafka import KafkaAdminClient

        return KafkaAdminClient(bootstrap_servers=self.address())

    def provider(self, name="events", listener="OPEN", **more):
        """The line under `providers:`."""
        settings = {"type": "kafka", "bootstrap": self.address(listener), **more}
        return f"{name}: {{" + ", ".join(f"{key}: {value}" for key, value in settings.items()) + "}"
