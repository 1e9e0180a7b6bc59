"""Keys of hosts that the stack makes: they belong to the machine that was the host, and its console, as EC2 tells it, vouches for them at the first login. Machines are
moto's, with OpenSSH's server at their address."""

import base64
import re
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sshd import Sshd, fingerprint, have_sshd, keygen
from support import Stack

pytestmark = pytest.mark.skipif(not have_sshd(), reason="needs OpenSSH's server")
FINISHED = "Cloud-init v. 24.4 finished at Sat, 21 Nov 2026 10:00:00 +0000. Datasource DataSourceEc2.  Up 9.11 seconds\r\n"
REFUSED = '<?xml version="1.0"?><Response><Errors><Error><Code>{}</Code><Message>no</Message></Error></Errors><RequestID>1</RequestID></Response>'


class Machines:
    """moto's EC2, but for where machines are (here), what their consoles say, and what happens when one is made."""

    def __init__(self, cloud):
        self.console, self.made, self.asked, self.refuses = FINISHED, lambda: None, [], {}
        machines = self

        class Front(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                action = (re.search(r"Action=(\w+)", body) or ["", ""])[1]
                status, answer = machines.answer(action, body) or self.forwarded(body)
                answer = re.sub(rb"<ipAddress>[^<]*<", b"<ipAddress>127.0.0.1<", answer)
                if action == "RunInstances":
                    machines.made()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def forwarded(self, body):
                request = urllib.request.Request(cloud.url + self.path, body.encode(), {name: value for name, value in self.headers.items() if name != "Content-Length"})
                try:
                    with urllib.request.urlopen(request) as answer:
                        return answer.status, answer.read()
                except urllib.error.HTTPError as error:
                    return error.code, error.read()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, action, body):
        if action != "GetConsoleOutput":
            return None
        self.asked.append("Latest=true" in body)
        code = self.refuses.get("Latest=true" in body)
        if code:
            return 400, REFUSED.format(code).encode()
        console = self.console() if callable(self.console) else self.console
        text = f"<output>{base64.b64encode(console.encode()).decode()}</output>" if console else ""
        instance = re.search(r"InstanceId=([\w-]+)", body)[1]
        return 200, f'<GetConsoleOutputResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>1</requestId><instanceId>{instance}</instanceId>{text}</GetConsoleOutputResponse>'.encode()


def printed(*keys):
    """As cloud-init does, between what the kernel has to say."""
    lines = "".join(Path(f"{key}.pub").read_text().strip() + " root@ip-10-0-0-9\r\n" for key in keys)
    return f"[    9.1] cloud-init[812]: done\r\n-----BEGIN SSH HOST KEY KEYS-----\r\n{lines}-----END SSH HOST KEY KEYS-----\r\n{FINISHED}"


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return {name: keygen(folder / name) for name in ("mine", "first", "second", "third")}


@pytest.fixture
def machines(cloud):
    machines = Machines(cloud)
    yield machines
    machines.server.shutdown()


@pytest.fixture
def sshd(keys, tmp_path):
    with Sshd(tmp_path / "sshd", [keys["mine"]], [keys["first"]]) as server:
        yield server


@pytest.fixture
def lab(cloud, machines, sshd, keys, tmp_path):
    stack = Stack(tmp_path / "stack", cloud)
    stack.env["AWS_ENDPOINT_URL_EC2"] = machines.url
    stack.looks = False
    stack.target = tmp_path / "made"
    return stack.write(f"""
        stack: lab
        connections: {{bastion: {sshd.connection(keys["mine"], host='"${bastion.public_ip}"', wait="10s")}}}
        providers: {{host: {{via: bastion}}}}
        resources:
          bastion: {{type: aws.ec2.instance, image_id: ami-01b2c3d4e5f607182, instance_type: t3.micro}}
          it: {{type: host.file, path: {stack.target}, content: x}}
    """)


def changes_key(sshd, key):
    sshd.stop()
    sshd.host_keys = [key]
    sshd.start()


def test_a_key_goes_with_its_host(lab, machines, sshd, keys):
    """Destroyed and made again, replaced: neither plan nor destroy knows the old key any more. While the machine is the same, another key is refused."""
    made = lab.apply()
    assert f"trusted at its first use: {fingerprint(keys['first'])} (not checked: the console of its machine shows none)" in made.out + made.err, str(made)
    changes_key(sshd, keys["second"])
    refused = lab.run("plan", status=1)
    assert "is not the one that is known" in refused.err and fingerprint(keys["second"]) in refused.err
    changes_key(sshd, keys["first"])
    lab.destroy()
    changes_key(sshd, keys["second"])
    lab.apply()
    lab.assert_settled()

    machines.made = lambda: changes_key(sshd, keys["third"])
    lab.apply("--replace", "bastion")
    lab.assert_settled()
    lab.destroy()
    assert not lab.target.exists() and lab.run("state", "list").out.strip() == ""


def test_the_first_login_is_checked(lab, machines, sshd, keys):
    machines.console = printed(keys["second"])
    refused = lab.apply(status=1)
    assert f"not one of those on the console of its machine: {fingerprint(keys['first'])} was shown" in refused.err and not lab.target.exists(), str(refused)
    said = iter(["", "", "[    9.1] booting\r\n-----BEGIN SSH HOST KEY KEYS-----\r\nssh-ed"])
    machines.console = lambda: next(said, printed(keys["second"], keys["first"]))
    made = lab.apply()
    assert "does not show its host key yet" in made.out + made.err and "first use" not in made.out + made.err, str(made)
    asked = len(machines.asked)
    lab.assert_settled()
    assert len(machines.asked) == asked  # it is known now


def test_what_is_known_of_the_address_is_of_another_machine(lab, machines, sshd, keys):
    """Addresses are given to others: what ~/.ssh/known_hosts has, or a state that does not say whose a key was, does not stand against the console."""
    known = lab.home / ".ssh/known_hosts"
    known.parent.mkdir()
    known.write_text(f"[127.0.0.1]:{sshd.port} {Path(str(keys['third']) + '.pub').read_text()}")
    text = (lab.folder / "weir.yaml").read_text()
    lab.write(text.replace("ssh_config: none", f"ssh_config: none, known_hosts: {known}"))
    refused = lab.apply(status=1)
    assert "is not the one that is known" in refused.err and str(known) in refused.err
    machines.console = printed(keys["first"])
    lab.apply()
    lab.assert_settled()
    lab.destroy()

    machines.console = FINISHED
    lab.write(text.replace('"${bastion.public_ip}"', "127.0.0.1"))
    lab.apply()
    lab.write(text)
    changes_key(sshd, keys["second"])
    assert "weir state rm connections.bastion" in lab.run("plan", status=1).err
    machines.console = printed(keys["second"])
    lab.apply()
    lab.assert_settled()


def test_a_machine_that_is_called_otherwise_now(lab, sshd, keys):
    lab.apply()
    text = (lab.folder / "weir.yaml").read_text().replace("bastion.public_ip", "door.public_ip").replace("  bastion: {type", "  door: {type")
    lab.write(text + "moved: [{from: bastion, to: door}]\n")
    shown = lab.run("plan")
    assert "first use" not in shown.out + shown.err, str(shown)
    lab.apply()
    lab.assert_settled()
    changes_key(sshd, keys["second"])
    assert "is not the one that is known" in lab.run("plan", status=1).err


def test_machines_that_cannot_tell(lab, machines, sshd, keys):
    """Not on Nitro: as it was at the last start. Not allowed: said, and trusted at the first use."""
    machines.refuses, machines.console = {True: "UnsupportedOperation"}, printed(keys["first"])
    made = lab.apply()
    assert machines.asked == [True, False] and "first use" not in made.out + made.err
    lab.destroy()
    machines.refuses = {True: "UnauthorizedOperation", False: "UnauthorizedOperation"}
    made = lab.apply()
    assert re.search(r"trusted at its first use: .* \(not checked: .*UnauthorizedOperation", made.out + made.err), str(made)
    assert "ec2:GetConsoleOutput" in lab.run("policy").out


def test_nobody_is_asked_where_a_machine_was(lab, machines, sshd, keys):
    """destroy --verify does not knock at the address of a machine that it has deleted: it would wait there, or meet another's."""
    machines.console = printed(keys["first"])
    lab.apply()
    said = lab.run("destroy", "--yes", "--verify").out
    assert not lab.target.exists()
    assert "1 resource could not be looked up after the deletion: its service was deleted, too: it" in said


def test_a_fleet_is_made_again(lab, machines, sshd, keys):
    lab.write((lab.folder / "weir.yaml").read_text().replace("stack: lab\n", "stack: lab\ninputs: {owner: {type: string}}\nfleet: {each: [anna, bob], inputs: {owner: '${each.key}'}}\n")
              .replace(str(lab.target), f'"{lab.target}-${{inputs.owner}}"'))
    lab.run("fleet", "apply", "-y")
    lab.run("fleet", "destroy", "-y")
    changes_key(sshd, keys["second"])
    lab.run("fleet", "apply", "-y")
    assert "0 of 2 members" in lab.run("fleet", "plan").out
    lab.run("fleet", "destroy", "-y")
