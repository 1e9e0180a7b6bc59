"""Only regular files are read. Of a named pipe, a socket or a device nobody knows whether anything ever comes; a pipe of the shell's is read to its end first."""

import contextlib
import os
import socket
import subprocess

import pytest
from support import PATIENCE_S

VALUE = "resources: {v: {type: weir.value, value: 1}}"
QUEUE = "resources: {q: {type: aws.sqs.queue, name: q}}"
KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b-secret-of-nobody", "AWS_REGION": "us-east-1"}
ACCOUNT = "providers: {aws: {account_id: '123456789012'}}\n"
ENGINE = "providers: {docker: {host: 'tcp://127.0.0.1:9'}}\n"
POSTGRES = "providers: {postgres: {host: 127.0.0.1, port: 9, wait_seconds: 0}}\n"
HOST = "connections: {w: {host: 127.0.0.1, port: 9, user: u, wait: 0s, %s}}\nproviders: {host: {via: w}}\nresources: {f: {type: host.file, path: /tmp/weir-never, content: a}}"
READERS = {  # where the pipe is, the stack, the words, the environment
    "file": ("p", "resources: {v: {type: weir.value, value: \"${file('p')}\"}}", ["plan"], {}),
    "filebase64": ("p", "resources: {v: {type: weir.value, value: \"${filebase64('p')}\"}}", ["validate"], {}),
    "filesha256": ("p", "resources: {v: {type: weir.value, value: \"${filesha256('p')}\"}}", ["plan"], {}),
    "templatefile": ("p", "resources: {v: {type: weir.value, value: \"${templatefile('p', {})}\"}}", ["apply", "--yes"], {}),
    "the stack": ("p", "", ["validate", "-C", "p"], {}),
    "weir.yaml": ("weir.yaml", None, ["plan"], {}),
    "include": ("p", "include: [p]", ["validate"], {}),
    "input file": ("p", "inputs: {x: 1}", ["validate", "--input-file", "p"], {}),
    "module": ("m/weir.yaml", "modules: {m: {source: ./m}}", ["validate"], {}),
    "weir.lock": ("weir.lock", "modules: {m: {source: 'git::https://127.0.0.1:1/x'}}", ["validate"], {}),
    "fleet": ("p.csv", "fleet: {each: {file: p.csv, key: id}}\n" + VALUE, ["validate"], {}),
    "specs": ("s/own.yaml", "resources: {t: {type: aws.own.thing}}", ["validate", "--specs", "s"], {}),
    "saved plan": ("p", VALUE, ["apply", "p"], {}),
    "shown plan": ("p", VALUE, ["show", "p"], {}),
    "state": (".weir/a.log", VALUE, ["plan"], {}),
    "state that is written": (".weir/a.log", VALUE, ["apply", "--yes"], {}),
    "state's lock": (".weir/a.lock", VALUE, ["apply", "--yes"], {}),
    "state's head": (".weir/a.head", VALUE, ["output"], {}),
    "state's key": ("p", "state: {key: 'file:p'}\n" + VALUE, ["plan"], {}),
    "credentials": ("p", QUEUE, ["plan"], {"AWS_SHARED_CREDENTIALS_FILE": "p"}),
    "configuration": ("p", QUEUE, ["plan"], {"AWS_CONFIG_FILE": "p"}),
    "authorities": ("p", QUEUE, ["plan"], {**KEYS, "AWS_CA_BUNDLE": "p"}),
    "token": ("p", QUEUE, ["plan"], {"AWS_WEB_IDENTITY_TOKEN_FILE": "p", "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x", "AWS_REGION": "us-east-1"}),
    "object": ("p", ACCOUNT + "resources: {o: {type: aws.s3.object, bucket: b, key: k, source: p}}", ["plan"], KEYS),
    "directory": ("d/p", ACCOUNT + "resources: {o: {type: aws.s3.directory, bucket: b, prefix: k/, source: d}}", ["plan"], KEYS),
    "artifact": ("p", "resources: {o: {type: weir.artifact, source: p, store: b/x}}", ["plan"], KEYS),
    "folder of an artifact": ("d/p", "resources: {o: {type: weir.artifact, source: d, store: b/x}}", ["plan"], KEYS),
    "requirements": ("p", "resources: {o: {type: weir.artifact, source: d, package: zip, python: {requirements: p}, store: b/x}}", ["plan"], KEYS),
    "input of a command": ("p", "resources: {o: {type: weir.command, command: 'true', inputs: [p]}}", ["plan"], {}),
    "CloudFormation": ("p", None, ["import", "cloudformation", "p", "-o", "-"], {}),
    "compose": ("p", None, ["import", "compose", "p", "-o", "-"], {}),
    "Terraform": ("p", None, ["import", "terraform", "p", "-o", "-"], {}),
    "fmt": ("p", None, ["fmt", "p"], {}),
    "test": ("p", VALUE, ["test", "p"], {}),
    "faults": ("p", None, ["sandbox", "--faults", "p"], {}),
    "known hosts": ("p", HOST % "known_hosts: p, ssh_config: none", ["apply", "--yes"], {}),
    "ssh's configuration": ("p", HOST % "ssh_config: p", ["apply", "--yes"], {}),
    "file for a host": ("p", "connections: {w: {host: 127.0.0.1}}\nproviders: {host: {via: w}}\nresources: {f: {type: host.file, path: /tmp/x, source: p}}", ["plan"], {}),
    "Engine's certificate": ("p", "providers: {docker: {host: 'tcp://127.0.0.1:9', tls: {ca: p}}}\nresources: {n: {type: docker.network, name: x}}", ["plan"], {}),
    "Dockerfile": ("d/Dockerfile", ENGINE + "resources: {n: {type: docker.image, name: x, context: d}}", ["plan"], {}),
    ".dockerignore": ("d/.dockerignore", ENGINE + "resources: {n: {type: docker.image, name: x, context: d}}", ["plan"], {}),
    "brokers' certificate": ("p", "providers: {kafka: {bootstrap: '127.0.0.1:9', tls: {ca: p}}}\nresources: {t: {type: kafka.topic, name: x, partitions: 1}}", ["apply", "--yes"], {}),
    "server's certificate": ("p", "providers: {postgres: {host: 127.0.0.1, port: 9, sslmode: verify-full, sslrootcert: p}}\nresources: {d: {type: postgres.database, name: x}}", ["apply", "--yes"], {}),
    "migration": ("d/1.sql", POSTGRES + "resources: {m: {type: postgres.migrations, database: x, folder: d}}", ["plan"], {}),
}


@pytest.mark.parametrize("where, stack, words, env", READERS.values(), ids=READERS)
def test_a_named_pipe_is_not_waited_for(local_stack, where, stack, words, env):
    if stack is not None:
        local_stack.write("stack: a\n" + stack + "\n")
    local_stack.write("FROM scratch\n", "d/Dockerfile" if where != "d/Dockerfile" else "d/a.py")
    path = local_stack.folder / where
    path.parent.mkdir(mode=0o700, exist_ok=True)
    os.mkfifo(path)
    result = local_stack.run(*words, status=None, env=env)
    assert result.status in (1, 3), result
    assert any(words in result.out + result.err for words in ("it is a named pipe", "is neither a file nor a folder", "is not a file")), result


def test_nor_a_socket_nor_a_device(local_stack):
    local_stack.write("stack: a\nresources: {v: {type: weir.value, value: \"${file('s')}\"}}\n")
    path = local_stack.folder / "s"
    with socket.socket(socket.AF_UNIX) as listening:
        with contextlib.chdir(local_stack.folder):  # the path of a socket has to be short
            listening.bind("s")
        assert "cannot read s: it is a socket" in local_stack.run("plan", status=3).err
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "cannot read s: it is a device" in local_stack.run("plan", status=3).err
    path.unlink()
    path.symlink_to("/dev/null")  # which has an end
    assert local_stack.run("plan").out
    nothing = {"AWS_REGION": "us-east-1", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    local_stack.write("stack: a\n" + QUEUE)
    assert "named pipe" not in local_stack.run("plan", status=1, env=nothing).err


def shell(stack, script, **env):
    """As somebody types it; the program is $W."""
    return subprocess.run(["bash", "-c", script], cwd=stack.folder, env={**stack.env, "W": stack.command()[0], **env}, capture_output=True, text=True, timeout=PATIENCE_S)


def test_a_pipe_of_the_shells_is_read_to_its_end(local_stack):
    """Whatever it is named for, and however often that is read."""
    local_stack.write("""
        stack: given
        inputs: {pw: {type: string, default: none, sensitive: true}, n: {type: integer, default: 0}}
        resources: {v: {type: weir.value, value: "${inputs.n}"}, secret: {type: weir.value, value: "${inputs.pw}"}}
    """)
    for words in "--input-file <(sleep 0.3; echo 'n: 7')", "--input-file=<(echo 'n: 7')", "--input-file /dev/stdin", "--input-file /dev/fd/0", "--input-file /dev/stdin -i pw=x":
        done = shell(local_stack, f"echo 'n: 7' | $W plan {words}")
        assert done.returncode == 0 and "value: 7" in done.stdout, (words, done)
    done = shell(local_stack, "$W plan --input-file <(echo 'n: 1') --input-file <(echo 'n: 2') -o plan && $W apply <(cat plan)")
    assert done.returncode == 0 and local_stack.run("state", "show", "v").out.count("2"), done
    # a key of the state's; what it is used for reads it more than once
    local_stack.write("stack: given\nstate: {key: 'file:/dev/fd/9'}\ninputs: {pw: {type: string, sensitive: true}}\nresources: {v: {type: weir.value, value: '${inputs.pw}'}}\n")
    key = "9< <(echo 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff)"
    done = shell(local_stack, f"K=/dev/fd/9 $W apply --yes -i pw=hunter2 {key} && K=/dev/fd/9 $W plan --detailed-exitcode -i pw=hunter2 {key}")
    assert done.returncode == 0 and "hunter2" not in local_stack.state_text(), done
    # and nobody who is started finds it there
    local_stack.write("stack: heirs\ninputs: {pw: {type: string, sensitive: true}}\nresources: {v: {type: weir.command, command: 'ls -l /proc/self/fd; cat /dev/fd/0'}}\n")
    done = shell(local_stack, "$W apply --yes -v --input-file /dev/stdin < <(echo 'pw: hunter2')")
    assert done.returncode == 0 and "memfd" not in done.stdout + done.stderr and "hunter2" not in done.stdout, done
