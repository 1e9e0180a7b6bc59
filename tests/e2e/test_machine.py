"""host.service and host.package where systemd is the first process and dnf what installs; the machine itself says what became of it."""

import pytest

from machine import Machine, have_machine
from sshd import have_sshd, keygen

pytestmark = [pytest.mark.long, pytest.mark.skipif(not (have_sshd() and have_machine()), reason="needs root, debootstrap, systemd-container and OpenSSH")]


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("machine")
    machine = Machine(folder, keygen(folder / "key"), keygen(folder / "host"))
    yield machine
    machine.stop()


def written(stack, machine, resources):
    stack.write(f"stack: machine\nconnections: {{m: {machine.connection()}}}\nproviders: {{host: {{via: m}}}}\nresources:\n{resources}")
    return stack


UNIT = '"[Service]\\nExecStart=/bin/sleep {}\\n[Install]\\nWantedBy=multi-user.target\\n"'


def test_a_service(local_stack, machine):
    def write(seconds=10000, config="one", running="true", enabled="true"):
        return written(local_stack, machine, f"""
  config: {{type: host.file, path: /etc/it.conf, content: {config}}}
  it: {{type: host.service, name: it, unit: {UNIT.format(seconds)}, enabled: {enabled}, running: {running}, restart_on: "${{config.sha256}}"}}
""")

    def pid():
        return machine.run("systemctl show -p MainPID --value it").stdout.strip()

    def is_(what):
        return machine.run(f"systemctl is-{what} it", status=None).stdout.strip()

    stack = write()
    stack.apply()
    stack.assert_settled()
    assert is_("active") == "active" and is_("enabled") == "enabled"
    first = pid()
    machine.run("systemctl stop it && systemctl disable -q it")
    assert stack.plan() == {"it": "update"}
    stack.apply()
    assert is_("active") == "active" and is_("enabled") == "enabled"
    second = pid()
    write(config="two").apply()
    third = pid()
    assert len({first, second, third}) == 3, "what it is made from has changed: it is restarted"
    write(config="two", seconds=20000).apply()
    stack.assert_settled()
    assert pid() != third and "sleep 20000" in machine.run("cat /etc/systemd/system/it.service; tr '\\0' ' ' < /proc/$(systemctl show -p MainPID --value it)/cmdline").stdout.splitlines()[-1]
    machine.run("echo '# others' >> /etc/systemd/system/it.service")
    assert stack.plan() == {"it": "update"}
    stack.apply()
    stack.assert_settled()
    write(config="two", seconds=20000, running="false", enabled="false").apply()
    stack.assert_settled()
    assert is_("active") == "inactive" and is_("enabled") == "disabled"
    # What cannot start says why, with the last lines of its log.
    write(config="two", seconds="soon\\nType=oneshot").apply(status=None)
    failed = stack.apply(status=1)
    assert "it.service does not start" in failed.err and "invalid time interval" in failed.err + failed.out, failed
    # Nor does one that is there at first, and a second later no more; or again and again.
    write(config="two", seconds=1).apply(status=None)
    assert "it.service ended right after its start (success, status 0)" in stack.apply(status=1).err
    write(config="two", seconds="soon\\nRestart=always\\nRestartSec=1500ms\\nStartLimitIntervalSec=0").apply(status=None)
    failed = stack.apply(status=1)
    assert "it.service ended right after its start (exit-code, status 1)" in failed.err and "invalid time interval" in failed.err + failed.out, failed
    write(config="two").apply()
    stack.assert_settled()
    stack.destroy()
    assert is_("active") == "inactive" and machine.run("ls /etc/systemd/system/it.service", status=None).returncode
    assert machine.run("systemctl list-units --all --plain --no-legend it.service").stdout == ""


def test_a_service_of_the_hosts_own(local_stack, machine):
    stack = written(local_stack, machine, "  timer: {type: host.service, name: systemd-tmpfiles-clean.timer, running: false}\n")
    assert machine.run("systemctl is-active systemd-tmpfiles-clean.timer").stdout.strip() == "active"
    stack.apply()
    stack.assert_settled()
    assert machine.run("systemctl is-active systemd-tmpfiles-clean.timer", status=None).stdout.strip() == "inactive"
    stack.destroy()
    assert "clean.timer" in machine.run("systemctl list-unit-files").stdout
    missing = written(local_stack, machine, "  none: {type: host.service, name: nowhere, running: true}\n").apply(status=1)
    assert "nowhere.service does not start" in missing.err


SPEC = """Name: weir-{name}
Version: {version}
Release: 1
Summary: a test's
License: none
BuildArch: noarch
%description
A test's.
%install
mkdir -p %{{buildroot}}/opt
echo {version} > %{{buildroot}}/opt/weir-{name}
%files
/opt/weir-{name}
"""


@pytest.fixture
def dnf(machine):
    """A repository of two packages, and no apt-get."""
    for name, version in ("hello", "1.0"), ("hello", "2.0"), ("more", "1.0"):
        (machine.root / "root/hello.spec").write_text(SPEC.format(name=name, version=version))
        machine.run("rpmbuild -bb --define '_rpmdir /root/repo' /root/hello.spec")
    machine.run("createrepo_c -q /root/repo && mkdir -p /etc/yum.repos.d && mv /usr/bin/apt-get /usr/bin/apt-get.aside")
    (machine.root / "etc/yum.repos.d/here.repo").write_text("[here]\nname=here\nbaseurl=file:///root/repo\ngpgcheck=0\n")
    yield machine
    machine.run("mv /usr/bin/apt-get.aside /usr/bin/apt-get")


def test_packages_by_dnf(local_stack, dnf):
    def have():
        return dnf.run("rpm -q --qf '%{VERSION}' weir-hello", status=None).stdout

    stack = written(local_stack, dnf, '  tools: {type: host.package, names: ["weir-hello=1.0-1"]}\n')
    stack.apply()
    stack.assert_settled()
    assert have() == "1.0"
    written(local_stack, dnf, '  tools: {type: host.package, names: ["weir-hello=2.0-1"]}\n').apply()
    stack.assert_settled()
    assert have() == "2.0"
    dnf.run("dnf -q -y remove weir-hello")
    assert stack.plan() == {"tools": "update"} or stack.plan() == {"tools": "create"}
    stack.apply()
    assert have() == "2.0"
    missing = written(local_stack, dnf, "  tools: {type: host.package, names: [weir-hello, weir-nowhere]}\n").apply(status=1)
    assert "dnf does not install" in missing.err and "weir-nowhere" in missing.err
    written(local_stack, dnf, "  tools: {type: host.package, names: [weir-hello]}\n").apply()
    stack.destroy()
    assert "not installed" in have()
    dnf.run("dnf -q -y install weir-hello-1.0-1")
    written(local_stack, dnf, "  tools: {type: host.package, names: [weir-hello, weir-more]}\n").apply()
    assert (have(), dnf.run("cat /opt/weir-more").stdout) == ("1.0", "1.0\n")  # what is there is not upgraded
    stack.destroy()
    assert have() == "1.0"
