"""Instances of EC2 that are there: hosts in namespaces of their own, looked at with OpenSSH's client, boto3 inside of them, psql through them, and weir."""

import os
import shutil
import socket
import subprocess
import sysconfig
from pathlib import Path

import pytest
import servers
from servers import Sandbox
from support import free_port, until

PATHS = os.environ["PATH"] + ":/usr/sbin:/sbin"
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(os.geteuid() != 0 or not all(shutil.which(program, path=PATHS) for program in ("ip", "sshd", "nsenter", "unshare", "iptables")), reason="hosts take root, iproute2, iptables, openssh-server (tools/setup engines)"),
]
SITE = Path(sysconfig.get_path("purelib")).resolve()  # of this Python boto3, which is seen from inside; the interpreter may lie in somebody's home, which is not
TRUST = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'


class Network:
    """A network with a public and a private subnet, a key, and groups: `door` is open to the world for ssh, `inner` to members of `door`."""

    def __init__(self, server, folder):
        self.server, self.folder, self.ec2 = server, folder, server.client("ec2")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
        self.ec2.import_key_pair(KeyName="mine", PublicKeyMaterial=(folder / "key.pub").read_bytes())
        self.vpc = self.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        self.public, self.private = (self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=cidr)["Subnet"]["SubnetId"] for cidr in ("10.7.1.0/24", "10.7.2.0/24"))
        self.ec2.modify_subnet_attribute(SubnetId=self.public, MapPublicIpOnLaunch={"Value": True})
        self.door = self.group("door", IpRanges=[{"CidrIp": "198.51.100.0/24"}])  # where the operator is said to be
        self.inner = self.group("inner", UserIdGroupPairs=[{"GroupId": self.door}])

    def group(self, name, **source):
        group = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"]
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **source}])
        return group

    def run(self, subnet, group, size="t3.micro", **more):
        made = self.ec2.run_instances(ImageId="ami-01b2c3d4e5f607182", InstanceType=size, MinCount=1, MaxCount=1, KeyName="mine", SubnetId=subnet, SecurityGroupIds=[group], **more)
        return made["Instances"][0]["InstanceId"]

    def shown(self, instance):
        return self.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]

    def console(self, instance):
        return self.ec2.get_console_output(InstanceId=instance).get("Output", "")

    def words(self, instance=None):
        """Of an ssh command, up to the address; by way of an instance."""
        words = ["ssh", "-F", "none", "-i", str(self.folder / "key"), "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=20"]
        if instance:
            words += ["-o", f"ProxyCommand={' '.join(words)} -W %h:%p ec2-user@{self.shown(instance)['PublicIpAddress']}"]
        return words

    def ssh(self, address, command, by=None):
        return subprocess.run([*self.words(by), f"ec2-user@{address}", command], capture_output=True, text=True, timeout=120)


@pytest.fixture
def server():
    server = Sandbox()
    yield server
    server.stop()


@pytest.fixture
def network(server, tmp_path):
    return Network(server, tmp_path)


def said(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_bastion(server, network):
    """Root by sudo, its own files and name, the key's owner and nobody else; a private host behind it, which nobody else reaches."""
    bastion, inner = network.run(network.public, network.door), network.run(network.private, network.inner)
    at, within = network.shown(bastion)["PublicIpAddress"], network.shown(inner)["PrivateIpAddress"]
    assert at.startswith("127.") and network.shown(bastion)["PrivateIpAddress"].startswith("10.7.1.") and within.startswith("10.7.2.")
    assert "PublicIpAddress" not in network.shown(inner)
    name = network.shown(bastion)["PrivateDnsName"].split(".")[0]
    assert said(network.ssh(at, "hostname; whoami; sudo -n whoami; ls -A /home /root 2> /dev/null; echo mine > /usr/local/of-the-bastion; sudo sh -c 'echo mine > /usr/local/of-the-bastion'; cat /usr/local/of-the-bastion")).split() == [
        name, "ec2-user", "root", "/home:", "ec2-user", "mine"]
    assert not Path("/usr/local/of-the-bastion").exists()
    assert said(network.ssh(within, "hostname; ls /usr/local/of-the-bastion || echo none", by=bastion)) == network.shown(inner)["PrivateDnsName"].split(".")[0] + "\nnone"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(network.folder / "another")], check=True)
    assert "Permission denied" in subprocess.run([word.replace(str(network.folder / "key"), str(network.folder / "another")) for word in network.words()] + [f"ec2-user@{at}", "true"], capture_output=True, text=True).stderr
    # the inner one is open to the bastion's group, and not to another; the bastion lets nobody in whose address no rule has
    network.ec2.revoke_security_group_ingress(GroupId=network.inner, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": network.door}]}])
    assert network.ssh(at, f"timeout 2 bash -c 'exec 3<> /dev/tcp/{within}/22'").returncode == 124
    network.ec2.revoke_security_group_ingress(GroupId=network.door, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "198.51.100.0/24"}]}])
    assert "refused" in network.ssh(at, "true").stderr


def test_user_data_and_who_it_is(server, network):
    """The script runs once, as root, with the credentials of the instance's role out of the metadata service, which wants a token."""
    iam, s3 = server.client("iam"), server.client("s3")
    iam.create_role(RoleName="uploader", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="uploader", PolicyName="own", PolicyDocument='{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::said/*"}}')
    iam.create_instance_profile(InstanceProfileName="uploader")
    iam.add_role_to_instance_profile(InstanceProfileName="uploader", RoleName="uploader")
    s3.create_bucket(Bucket="said")
    script = f"""#!/bin/bash
echo "it is $(whoami) on $(hostname)"
PYTHONPATH={SITE} /usr/bin/python3 - << 'END'
import boto3
boto3.client("s3").put_object(Bucket="said", Key="who", Body=boto3.client("sts").get_caller_identity()["Arn"].encode())
END
exit 3
"""
    instance = network.run(network.public, network.door, UserData=script, IamInstanceProfile={"Name": "uploader"})
    until(lambda: "it ended with status 3" in network.console(instance))
    assert "it is root on ip-10-7-1-" in network.console(instance)
    assert s3.get_object(Bucket="said", Key="who")["Body"].read().decode() == f"arn:aws:sts::000000000000:assumed-role/uploader/{instance}"
    at = network.shown(instance)["PublicIpAddress"]
    tell = "curl -s -o /dev/null -w '%{http_code} ' http://169.254.169.254/latest/meta-data/"
    with_token = "curl -s -H \"X-aws-ec2-metadata-token: $(curl -s -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token)\" http://169.254.169.254/latest/"
    assert said(network.ssh(at, f"{tell}; {with_token}meta-data/instance-id; {with_token}user-data | head -1")) == f"401 {instance}#!/bin/bash"
    # again after a reboot: not the script
    s3.delete_object(Bucket="said", Key="who")
    network.ec2.reboot_instances(InstanceIds=[instance])
    until(lambda: network.console(instance).count(f"{instance} is up") == 2)
    assert "Contents" not in s3.list_objects_v2(Bucket="said")


def test_who_has_sent_all_is_still_answered(network):
    """A client that ends its side of the connection, as `nc` and `ssh -W` do, hears what is said to that."""
    network.ec2.authorize_security_group_ingress(GroupId=network.door, IpPermissions=[{"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    instance = network.run(network.public, network.door, UserData="""#!/usr/bin/python3
import socket
listening = socket.create_server(("0.0.0.0", 8080))
print("it listens", flush=True)
while True:
    caller, _ = listening.accept()
    with caller, caller.makefile("rb") as sent:
        caller.sendall(sent.read()[::-1])
""")
    until(lambda: "it listens" in network.console(instance))
    data = os.urandom(300000)
    with socket.create_connection((network.shown(instance)["PublicIpAddress"], 8080), timeout=20) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            assert answer.read() == data[::-1]


def test_cloud_config(network):
    instance = network.run(network.public, network.door, UserData="""#cloud-config
write_files:
- {path: /etc/pipeline/day, content: "2026-11-21\\n", permissions: "0640"}
- {path: /etc/pipeline/coded, content: aGVsbG8=, encoding: b64}
packages: [there-is-no-such-package, sh]
runcmd:
- [sh, -c, "echo it is $(cat /etc/pipeline/day)"]
- stat -c %a /etc/pipeline/day; cat /etc/pipeline/coded
swap: {filename: /swap}
""")
    until(lambda: "user data: it ended" in network.console(instance))
    console = network.console(instance)
    assert "it is 2026-11-21\n640\nhello" in console
    assert "the package there-is-no-such-package is not on this machine" in console and "package sh is not" not in console
    assert "cloud-config: swap is not carried out here" in console


def test_a_package_manager_takes_memory(network):
    """Which the smallest instances do not have: there it is killed, on AWS."""
    asks = ["#!/bin/sh\ntrue || dnf install -y postgresql16\n", "#cloud-config\npackages: [sh]\n"]
    small, large = ([network.run(network.public, network.door, size, UserData=data) for data in asks] for size in ("t3.nano", "t3.micro"))
    nothing = network.run(network.public, network.door, "t3.nano", UserData="#!/bin/sh\ntrue\n")
    consoles = {one: until(lambda one=one: f"{one} is up" in network.console(one) and network.console(one)) for one in (*small, *large, nothing)}
    assert {one for one, said in consoles.items() if "dnf would be killed on a t3.nano, which has 512 MB: take an instance with 1024 or more" in said} == set(small)


def test_stopped_started_and_gone(tmp_path):
    """What lies on it stays while it is stopped, and over the sandbox's own end; nothing is left of one that was terminated."""
    kept = Sandbox(tmp_path / "kept")
    try:
        network = Network(kept, tmp_path)
        instance = network.run(network.public, network.door)
        at = network.shown(instance)["PublicIpAddress"]
        said(network.ssh(at, "echo mine > kept; sudo touch /opt/kept"))
        assert network.ec2.stop_instances(InstanceIds=[instance])["StoppingInstances"][0]["CurrentState"]["Name"] == "stopped"
        assert network.shown(instance)["State"]["Name"] == "stopped" and "refused" in network.ssh(at, "true").stderr
        network.ec2.start_instances(InstanceIds=[instance])
        key = said(network.ssh(at, "cat kept /etc/weir/host_key.pub; ls /opt/kept"))
        kept.stop()
        assert "refused" in network.ssh(at, "true").stderr
        kept.start()
        network.ec2 = kept.client("ec2")  # at another port
        assert network.ssh(at, "cat kept /etc/weir/host_key.pub; ls /opt/kept").stdout.strip() == key and "mine" in key
        folder = tmp_path / "kept" / "hosts" / instance
        assert folder.exists()
        network.ec2.terminate_instances(InstanceIds=[instance])
        until(lambda: not folder.exists())
        assert "refused" in network.ssh(at, "true").stderr
    finally:
        kept.stop()


@pytest.mark.skipif(not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")), reason="no PostgreSQL (tools/setup engines)")
def test_a_tunnel_to_the_database(server, network):
    """A forwarded port through the bastion to the endpoint of an RDS instance that is made after the bastion is up."""
    bastion = network.run(network.public, network.door)
    at = network.shown(bastion)["PublicIpAddress"]
    said(network.ssh(at, "true"))
    rds = server.client("rds")
    rds.create_db_instance(DBInstanceIdentifier="songs", Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=20, DBName="songs", MasterUsername="weir", MasterUserPassword="the-password")
    endpoint = rds.describe_db_instances(DBInstanceIdentifier="songs")["DBInstances"][0]["Endpoint"]
    port = free_port()
    with subprocess.Popen([*network.words(), "-N", "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{port}:{endpoint['Address']}:{endpoint['Port']}", f"ec2-user@{at}"]) as tunnel:
        try:
            ask = ["psql", "-h", "127.0.0.1", "-p", str(port), "-U", "weir", "-d", "songs", "-Atc", "select current_database()"]
            until(lambda: subprocess.run(ask, capture_output=True, text=True, env={**os.environ, "PGPASSWORD": "the-password"}).stdout == "songs\n")
        finally:
            tunnel.kill()
    assert said(network.ssh(at, f"PGPASSWORD=the-password psql -h {endpoint['Address']} -U weir -d songs -Atc 'select 1'")) == "1"


def test_without_the_right_it_is_a_record(tmp_path, monkeypatch):
    """As in a container: root without CAP_SYS_ADMIN. The address is one where nobody is, and the console says why."""
    wrapped = tmp_path / "server"
    wrapped.write_text(f'#!/bin/sh\nexec setpriv --bounding-set -sys_admin --inh-caps -sys_admin {servers.SERVER} "$@"\n')
    wrapped.chmod(0o755)
    monkeypatch.setattr(servers, "SERVER", wrapped)
    server = Sandbox()
    try:
        network = Network(server, tmp_path)
        instance = network.run(network.public, network.door)
        assert network.shown(instance)["PublicIpAddress"].startswith(("198.18.", "198.19."))
        assert "record only: cannot make a network namespace" in network.console(instance) and "CAP_SYS_ADMIN" in network.console(instance)
        network.ec2.terminate_instances(InstanceIds=[instance])
    finally:
        server.stop()


STACK = """
stack: bastion
providers: {aws: {region: us-east-1}}
resources:
  vpc: {type: aws.ec2.vpc, cidr_block: 10.8.0.0/16}
  public: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.8.1.0/24, map_public_ip_on_launch: true}
  private: {type: aws.ec2.subnet, vpc_id: "${vpc.vpc_id}", cidr_block: 10.8.2.0/24}
  door: {type: aws.ec2.security_group, name: door, description: ssh from outside, vpc_id: "${vpc.vpc_id}", ingress: [{protocol: tcp, from_port: 22, to_port: 22, cidr: 0.0.0.0/0}]}
  inner: {type: aws.ec2.security_group, name: inner, description: ssh from the bastion, vpc_id: "${vpc.vpc_id}", ingress: [{protocol: tcp, from_port: 22, to_port: 22, source_group: "${door.group_id}"}]}
  key: {type: aws.ec2.key_pair, name: mine, public_key: "PUBLIC"}
  bastion: {type: aws.ec2.instance, image_id: ami-01b2c3d4e5f607182, instance_type: t3.micro, subnet_id: "${public.subnet_id}", key_name: "${key.name}", security_group_ids: ["${door.group_id}"], user_data: "#!/bin/sh\\nsleep 0.5\\necho ready > /run/ready\\n"}
  worker: {type: aws.ec2.instance, image_id: ami-01b2c3d4e5f607182, instance_type: t3.micro, subnet_id: "${private.subnet_id}", key_name: "${key.name}", security_group_ids: ["${inner.group_id}"]}
  note: {type: host.file, path: /home/ec2-user/note, content: "from weir\\n", mode: "0600"}
connections:
  bastion: {host: "${bastion.public_ip}", user: ec2-user, key: "${file(\'key\')}", cloud_init: true}
  worker: {host: "${worker.private_ip}", user: ec2-user, key: "${file(\'key\')}", via: bastion}
"""


def test_weir_reaches_them(server, tmp_path):
    stack = server.stack(tmp_path)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    text = STACK.replace("PUBLIC", (tmp_path / "key.pub").read_text().strip()).replace("providers: {aws: {region: us-east-1}}", "providers: {aws: {region: us-east-1}, host: {via: worker}}")
    stack.write(text)
    stack.run("apply", "-y")
    assert stack.run("ssh", "worker", "cat note").out == "from weir\n"
    assert stack.run("ssh", "bastion", "cat /run/ready").out == "ready\n"  # cloud_init: it was waited for
    stack.run("plan", "--detailed-exitcode")
    stack.run("ssh", "worker", "rm note")
    assert "note" in stack.run("plan").out
    stack.run("destroy", "-y")
