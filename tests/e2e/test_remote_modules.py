"""Modules from elsewhere: from git, over HTTPS, from S3; pinned in weir.lock, fetched as pinned, vendored."""

import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import textwrap
import zipfile
from pathlib import Path

import pytest
import yaml

from editor import Editor
from repository import GREETING, Repository, Web, tar_of, zip_of
from servers import SandboxCloud
from sshd import Sshd, have_sshd, keygen
from support import ROOT, Stack

MODULE = textwrap.dedent(GREETING)
NO_GIT = {"PATH": "/nonexistent"}


def stack_of(**sources):
    """One module for each source; its greeting is an output."""
    modules = "".join(f'  {name}: {{source: "{source}", name: {name}}}\n' for name, source in sources.items())
    outputs = "".join(f'  {name}: "${{{name}.text}}"\n' for name in sources)
    return f"stack: here\nmodules:\n{modules}outputs:\n{outputs}"


def lock_of(stack):
    return yaml.safe_load((stack.folder / "weir.lock").read_text())["modules"]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def cached(stack):
    return sorted(path.name for path in (stack.folder / ".weir/modules").iterdir() if not path.name.startswith("."))


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "repos/lake.git", {"net/weir.yaml": MODULE})


@pytest.fixture
def web(tmp_path):
    server = Web(tmp_path, tls=True)
    yield server
    server.close()


@pytest.fixture
def web_stack(local_stack, web):
    local_stack.env["SSL_CERT_FILE"] = str(web.ca)
    return local_stack


def forget(stack):
    """As in a clone: the lock is there, what was fetched is not."""
    shutil.rmtree(stack.folder / ".weir/modules")


def test_git(local_stack, repository):
    """Pinned by `update`; then the same, offline and whatever becomes of the tag, until the next one."""
    stack, source = local_stack, f"{repository.url}//net?ref=v1"
    first = repository.commit({"other/weir.yaml": MODULE}, tag="v1")
    stack.write(stack_of(ada=source))
    refused = stack.run("validate", status=3)
    assert "weir.yaml:3:17" in refused.err and "weir modules update" in refused.err
    assert "pinned" in stack.run("modules", "update").out
    assert lock_of(stack)[source]["commit"] == first
    stack.apply(env=NO_GIT)
    assert stack.outputs() == {"ada": "hello ada"}

    second = repository.commit({"net/weir.yaml": MODULE.replace("hello", "goodbye")}, tag="v1")
    assert stack.plan(env=NO_GIT) == {}
    forget(stack)
    assert stack.plan() == {}, "the commit that is pinned, though the tag is another one by now"
    moved = stack.run("modules", "list", "--upstream", status=2)
    assert second[:12] in moved.out and "tag moved" in moved.out
    updated = stack.run("modules", "update")
    assert f"{first[:12]} -> {second[:12]}" in updated.out and "was moved" in updated.err
    assert stack.plan() == {"ada/text": "update"}
    assert "same" in stack.run("modules", "list", "--upstream").out
    forget(stack)
    repository.folder.rename(repository.folder.with_suffix(".away"))
    gone = stack.run("plan", status=3)
    assert "weir.lock:4:3" in gone.err and "does not appear to be a git repository" in gone.err


def test_what_is_fetched_is_looked_at(local_stack, repository):
    stack = local_stack.write(stack_of(ada=f"{repository.url}//net"))
    stack.run("modules", "update")
    folder = stack.folder / ".weir/modules" / cached(stack)[0]
    (folder / "net/made.txt").write_text("what a build has made does not matter")
    stack.run("validate")
    (folder / "net/weir.yaml").write_text(MODULE.replace("hello", "bye"))
    changed = stack.run("plan", status=3)
    assert "net/weir.yaml was changed" in changed.err and "weir.yaml:3:17" in changed.err and "fetched again" in changed.err
    assert "changed by hand" in stack.run("modules", "list").out
    forget(stack)
    stack.run("validate")
    lock = stack.folder / "weir.lock"
    lock.write_text(lock.read_text().replace(lock_of(stack)[f"{repository.url}//net"]["tree"], "sha256:" + "0" * 64))
    forget(stack)
    assert "not what the lock says" in stack.run("plan", status=3).err
    assert cached(stack) == []
    lock.write_text("version: 7\n")
    assert "weir.lock:1:10" in stack.run("plan", status=3).err
    lock.write_text("version: 1\nmodules: {x: {tree: 3}}\n")
    assert "weir.lock:2:21" in stack.run("plan", status=3).err


def test_modules_within_modules(tmp_path, local_stack, repository):
    """Those of a module from elsewhere are pinned by the stack, its folders stay in what it came with."""
    inner, outer = repository, Repository(tmp_path / "repos/outer")
    use = "modules:\n  deep: {source: %s, name: deep}\noutputs: {text: '${deep.text}'}\ninputs: {name: ''}\n"
    outer.commit({"a/weir.yaml": use % f"{inner.url}//net", "b/weir.yaml": use % "../shared/c", "shared/c/weir.yaml": MODULE})
    stack = local_stack.write(stack_of(one=f"{outer.url}//a", two=f"{outer.url}//b"))
    stack.run("modules", "update")
    assert len(lock_of(stack)) == 3 and len(cached(stack)) == 2
    assert stack.plan() == {"one/deep/text": "create", "two/deep/text": "create"}
    inner.commit({"net/weir.yaml": MODULE + "# more\n"})
    changed = [event for event in stack.run("modules", "update", "two", "--json").events() if event["action"] == "changed"]
    assert changed == []
    changed = [event for event in stack.run("modules", "update", "one", "--json").events() if event["action"] == "changed"]
    assert [event["module"] for event in changed] == ["one/deep"]
    assert "called \"thre\"" in stack.run("modules", "update", "thre", status=3).err

    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/weir.yaml").write_text(MODULE)
    for bad in ("../../../../../outside", str(tmp_path / "outside")):
        outer.commit({"b/weir.yaml": use % bad})
        stack.run("modules", "update")
        left = stack.run("validate", status=3)
        assert "uses nothing outside" in left.err and ":2:18" in left.err
    outer.commit({"b/weir.yaml": f"include: [{tmp_path}/outside/weir.yaml]\n"})
    stack.run("modules", "update")
    assert "uses nothing outside" in stack.run("validate", status=3).err
    stack.write(stack_of(one=f"{outer.url}//a"), "other.yaml")
    stack.run("-C", "other.yaml", "modules", "update")
    stack.run("-C", "other.yaml", "validate")
    assert (stack.folder / "other.lock").exists() and len(lock_of(stack)) == 3
    stack.write(stack_of(one=f"{outer.url}//a"))
    assert "dropped" in stack.run("modules", "update").out
    assert len(lock_of(stack)) == 2


def test_vendored(local_stack, repository):
    stack, source = local_stack.write(stack_of(ada=f"{repository.url}//net")), f"{repository.url}//net"
    assert "weir modules update" in stack.run("modules", "vendor", status=3).err
    stack.run("modules", "update")
    stack.run("modules", "vendor")
    assert lock_of(stack)[source]["vendored"] == "modules/vendor/lake"
    forget(stack)
    stack.apply(env=NO_GIT)
    copy = stack.folder / "modules/vendor/lake/net/weir.yaml"
    copy.write_text("outputs: {text: mine}\n")
    refused = stack.run("plan", status=3)
    assert "modules/vendor/lake/net/weir.yaml was changed" in refused.err and "weir modules vendor" in refused.err
    stack.run("modules", "vendor")
    assert copy.read_text() == MODULE
    repository.commit({"net/weir.yaml": MODULE.replace("hello", "goodbye")})
    stack.run("modules", "update")
    assert "goodbye" in copy.read_text()
    forget(stack)
    assert stack.plan(env=NO_GIT) == {"ada/text": "update"}
    stack.run("modules", "vendor", "--remove")
    assert not (stack.folder / "modules/vendor").exists() and "vendored" not in lock_of(stack)[source]
    stack.write("mine\n", "modules/vendor/lake/notes.txt")
    assert "exists already" in stack.run("modules", "vendor", status=3).err
    assert (stack.folder / "modules/vendor/lake/notes.txt").exists()


@pytest.mark.long
def test_many_at_once(local_stack, repository):
    stack = local_stack.write(stack_of(ada=f"{repository.url}//net"))
    stack.run("modules", "update")
    forget(stack)
    running = [stack.start("validate") for _ in range(6)]
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0] * 6
    assert sorted(said) == [""] * 5 + [f"fetching file://{repository.folder}\n"], "one fetches, the others wait for it"
    assert len(cached(stack)) == 1 and not list((stack.folder / ".weir/modules").glob(".new-*"))


def test_files_as_they_are(tmp_path, local_stack):
    """What settings of git and a .gitattributes would make of files counts for nothing; links and modes come as they are."""
    repository = Repository(tmp_path / "repos/lake", {
        "weir.yaml": MODULE, ".gitattributes": "*.txt export-subst export-ignore text eol=crlf filter=bad\n", "a.txt": "$Format:%H$\nb\n",
        "run.sh": "#!/bin/sh\n"})
    (repository.folder / "run.sh").chmod(0o755)
    (repository.folder / "same.txt").symlink_to("a.txt")
    repository.commit({})
    (local_stack.home / ".gitconfig").write_text("[core]\nautocrlf = true\n[filter \"bad\"]\nsmudge = rm -rf .\nrequired = true\n")
    stack = local_stack.write(stack_of(ada=repository.url))
    hooks = tmp_path / "hooks"
    stack.run("modules", "update", env={"GIT_DIR": str(hooks), "GIT_INDEX_FILE": str(hooks)})
    folder = stack.folder / ".weir/modules" / cached(stack)[0]
    assert (folder / "a.txt").read_text() == "$Format:%H$\nb\n" and os.readlink(folder / "same.txt") == "a.txt"
    assert os.access(folder / "run.sh", os.X_OK) and not os.access(folder / "a.txt", os.X_OK)
    listed = [line.split(" ", 2) for line in (folder / ".weir-files").read_text().splitlines()]
    assert [(mode, name) for mode, _, name in listed] == [
        ("100644", ".gitattributes"), ("100644", "a.txt"), ("100755", "run.sh"), ("120000", "same.txt"), ("100644", "weir.yaml")]
    assert all(digest == sha256(os.readlink(folder / name).encode() if mode == "120000" else (folder / name).read_bytes()) for mode, digest, name in listed)
    assert lock_of(stack)[repository.url]["tree"] == "sha256:" + sha256((folder / ".weir-files").read_bytes())


REFUSED = {
    "git::https://ada:secret@example.org/lake.git": "must not hold a password",
    "git::ssh://ada:secret@example.org/lake.git": "must not hold a password",
    "git::http://example.org/lake.git": "plain HTTP",
    "git::ext::sh -c true": "no blanks",
    "git::ext::sh": "not an address",
    "git::--upload-pack=touch/x": "not an address",
    "git::ssh://-oProxyCommand=x/lake": "not an address",
    "git::git@-oProxyCommand=x:lake": "not an address",
    "git::https://example.org/lake.git?ref=--upload-pack=x": "not a name of a tag",
    "git::https://example.org/lake.git?rev=v1": 'no setting "rev"',
    "git::https://example.org/lake.git//../x": "not a folder within",
    "https://example.org/lake.zip": "needs its checksum",
    "https://example.org/lake.zip?checksum=md5:1": "64 hex digits",
    "http://example.org/lake.zip?checksum=sha256:" + "0" * 64: "plain HTTP",
    "https://ada:secret@example.org/lake.zip": "must not hold a password",
    "s3://bucket": "s3://BUCKET/KEY",
    "github.com/ada/lake": 'did you mean "git::https://github.com/ada/lake"',
    "git@github.com:ada/lake.git": 'did you mean "git::git@github.com:ada/lake.git"',
}


@pytest.mark.parametrize("command", ["validate", "update"])
def test_sources_that_are_refused(local_stack, command):
    words = [command] if command == "validate" else ["modules", command]
    known = {source: why for source, why in REFUSED.items() if command == "validate" or "did you mean" not in why}
    local_stack.write("stack: here\nmodules:\n" + "".join(f'  m{i}: {{source: "{source}"}}\n' for i, source in enumerate(known)))
    said = local_stack.run(*words, status=3).err
    parts = {part.split("weir.yaml:")[1].split(":")[0]: part for part in said.split("error: ") if "weir.yaml:" in part}
    for i, (source, why) in enumerate(known.items()):
        assert why in parts[str(i + 3)], source


@pytest.mark.long
def test_names_that_are_not_there(local_stack, repository):
    repository.commit({}, tag="v1.2")
    for ref, hint in (("v1.3", 'did you mean "v1.2"'), (repository.git("rev-parse", "HEAD")[:12], "all 40")):
        stack = local_stack.write(stack_of(ada=f"{repository.url}//net?ref={ref}"))
        missing = stack.run("modules", "update", status=3)
        assert hint in missing.err and "weir.yaml:3:17" in missing.err
    stack.write(stack_of(ada=f"{repository.url}?ref=v1.2"))
    stack.run("modules", "update")
    assert "say //net" in stack.run("validate", status=3).err
    assert not (stack.folder / "weir.lock").read_text().count("v1.3")
    commit = repository.git("rev-parse", "HEAD")
    stack.write(stack_of(ada=f"{repository.url}//net?ref={commit}"))
    stack.run("modules", "update")
    stack.run("validate")


@pytest.mark.long
def test_git_over_http(tmp_path, local_stack, repository):
    """Git's own HTTP program; where a password is asked for nobody is."""
    web = Web(tmp_path, tls=False, repositories=repository.folder.parent)
    try:
        stack = local_stack.write(stack_of(ada=f"git::{web.url}/git/lake.git//net"))
        stack.run("modules", "update")
        stack.run("validate")
        forget(stack)
        repository.commit({"net/weir.yaml": "outputs: {}\n"})
        stack.run("validate")
        web.password = "secret"
        assert "terminal prompts disabled" in stack.run("modules", "update", status=3).err
    finally:
        web.close()


@pytest.mark.long
@pytest.mark.skipif(not have_sshd(), reason="no sshd")
def test_git_over_ssh(tmp_path, local_stack, repository):
    key, host = keygen(tmp_path / "key"), keygen(tmp_path / "host")
    server = Sshd(tmp_path / "sshd", [key], [host])
    try:
        known = tmp_path / "known"
        known.write_text(f"[127.0.0.1]:{server.port} {Path(f'{host}.pub').read_text()}")
        stack = local_stack.write(stack_of(ada=f"git::ssh://{server.user}@127.0.0.1:{server.port}{repository.folder}//net"))
        command = f"ssh -F none -i {key} -o UserKnownHostsFile={known} -o GlobalKnownHostsFile=none"
        stack.run("modules", "update", env={"GIT_SSH_COMMAND": command})
        stack.run("validate")
        forget(stack)
        refused = stack.run("plan", status=3, env={"GIT_SSH_COMMAND": command.replace(str(known), "/dev/null") + " -o BatchMode=yes"})
        assert "Host key verification failed" in refused.err
    finally:
        server.stop()


# ---- archives ----


@pytest.mark.parametrize("kind", ["tar.gz", pytest.param("zip", marks=pytest.mark.long)])
def test_https(web, web_stack, kind):
    """By its checksum; redirections are followed, another content is refused."""
    items = [("lake-1/", "")][: kind == "zip"] + [("lake-1/net/weir.yaml", MODULE)]
    data = zip_of(*items) if kind == "zip" else tar_of(*items)
    web.files = {f"/lake.{kind}": f"{web.url}/real", "/real": data}
    source = f"{web.url}/lake.{kind}//lake-1/net?checksum=sha256:{sha256(data)}"
    stack = web_stack.write(stack_of(ada=source))
    stack.run("modules", "update")
    assert lock_of(stack)[source]["archive"] == "sha256:" + sha256(data)
    stack.apply()
    assert len(web.log) == 2, "plans ask nobody"
    stack.run("modules", "update")
    assert len(web.log) == 2, "the checksum says that it is the same"
    forget(stack)
    web.files["/real"] = data + b" "
    changed = stack.run("plan", status=3)
    assert "is not what its checksum says" in changed.err and "weir.lock:4:3" in changed.err
    del web.files["/real"]
    assert "404" in stack.run("plan", status=3).err
    web.files[f"/lake.{kind}"] = web.url.replace("https", "http") + "/real"
    assert "redirects to plain HTTP" in stack.run("plan", status=3).err
    web.files[f"/lake.{kind}"] = f"/lake.{kind}"
    assert "redirects more than" in stack.run("plan", status=3).err
    assert "certificate" in stack.run("plan", status=3, env={"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"}).err
    assert cached(stack) == []


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def bomb(name, size):
    """An entry that says it is so large."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf() + bytes(10240)


HOSTILE = {
    "a way out": (tar_of(("../../out", "x")), "outside"),
    "an absolute name": (tar_of(("/tmp/weir-out", "x")), "outside"),
    "a way out in a zip": (zip_of(("a/../../out", "x")), "outside"),
    "a link out": (tar_of((special("l", tarfile.SYMTYPE, "../../.."), "")), "lead outside"),
    "an absolute link": (tar_of((special("l", tarfile.SYMTYPE, "/etc"), ""), ("l/out", "x")), "lead outside"),
    "through a link": (tar_of(("d/x", ""), (special("l", tarfile.SYMTYPE, "d"), ""), ("l/out", "x")), "not a folder"),
    "a hard link": (tar_of((special("l", tarfile.LNKTYPE, "/etc/passwd"), "")), "hard link"),
    "a device": (tar_of((special("null", tarfile.CHRTYPE), "")), "neither a file nor a folder"),
    "settings of git": (tar_of(("weir.yaml", MODULE), ("a/.Git/config", "x")), "belongs to a working folder"),
    "a working folder": (tar_of(("weir.yaml", MODULE), (".weir/here.log", "x")), "belongs to a working folder"),
    "a line break": (tar_of(("weir.yaml", MODULE), ("a\nb", "x")), "line break"),
    "no archive": (b"hello", "not a zip archive"),
    "cut short": (tar_of(("weir.yaml", MODULE * 500), mode="w")[:2000], "damaged"),
}


def test_hostile_archives(tmp_path, web, web_stack):
    cases = {**HOSTILE, "larger than it may be": (bomb("weir.yaml", 600 << 20), "larger than allowed")}
    web.files = {f"/{i}": data for i, (data, _) in enumerate(cases.values())}
    sources = {f"m{i}": f"{web.url}/{i}?checksum=sha256:{sha256(data)}" for i, data in enumerate(web.files.values())}
    stack = web_stack.write(stack_of(**sources))
    parts = {part.split("weir.yaml:")[1].split(":")[0]: part for part in stack.run("modules", "update", status=3).err.split("error: ") if "weir.yaml:" in part}
    for i, (name, (_, why)) in enumerate(cases.items()):
        assert why in parts[str(i + 3)], name
    assert cached(stack) == [] and not list((stack.folder / ".weir/modules").glob(".new-*")) and not (stack.folder / "weir.lock").exists()
    assert not list(tmp_path.rglob("out")) and not Path("/tmp/weir-out").exists()


def test_what_is_too_large(tmp_path, web, web_stack):
    """A limit of 1 MiB stands for one of 512: what is fetched, what a pack is unpacked to, a commit that would be an archive of 8 MiB of nothing."""
    few = {"WEIR_MODULE_MIB": "1"}
    noise, nothing = Repository(tmp_path / "noise", {"weir.yaml": MODULE}), Repository(tmp_path / "nothing", {"weir.yaml": MODULE})
    for repository, content in (noise, os.urandom(2 << 20)), (nothing, bytes(8 << 20)):
        (repository.folder / "data").write_bytes(content)
        repository.git("add", "data")
        repository.git("commit", "--quiet", "-m", "more")
    web.files = {"/plain": tar_of(("weir.yaml", MODULE), ("data", "x" * 3_000_000), mode="w"), "/packed": tar_of(("weir.yaml", MODULE), ("data", "x" * 3_000_000))}
    sources = [noise.url, nothing.url, *(f"{web.url}{path}?checksum=sha256:{sha256(data)}" for path, data in web.files.items())]
    stack = web_stack.write(stack_of(**{f"m{i}": source for i, source in enumerate(sources)}))
    refused = stack.run("modules", "update", status=3, env=few).err
    assert refused.count("it is larger than 1 MiB") == 3 and refused.count("larger than allowed when unpacked") == 1 and refused.count("WEIR_MODULE_MIB=4 in the environment") == 4, refused
    assert cached(stack) == [] and "not a number of MiB" in stack.run("modules", "update", status=3, env={"WEIR_MODULE_MIB": "1g"}).err
    stack.run("modules", "update", env={"WEIR_MODULE_MIB": "16"})
    stack.apply()


@pytest.fixture
def bucket():
    server = SandboxCloud()
    server.client("s3").create_bucket(Bucket="modules")
    yield server
    server.stop()


def test_s3(tmp_path, bucket):
    """Signed by what the stack says of its account; what is pinned stays, also when the object is another one."""
    stack, s3 = Stack(tmp_path / "stack", bucket), bucket.client("s3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        del stack.env[name]
    stack.write("[ada]\naws_access_key_id = look\naws_secret_access_key = look\n", "../stack.home/.aws/credentials")
    s3.put_object(Bucket="modules", Key="net/1.0.zip", Body=zip_of(("weir.yaml", MODULE)))
    source = "s3://modules/net/1.0.zip?region=us-east-1"
    text = stack_of(ada=source) + 'inputs: {who: ada}\nlocals: {profile: "${inputs.who}"}\nproviders: {aws: {profile: "${locals.profile}"}}\n'
    stack.write(text.replace("who: ada", "who: bob"))
    assert "bob" in stack.run("modules", "update", status=3).err
    stack.write(text)
    stack.run("modules", "update")
    stack.apply()
    s3.put_object(Bucket="modules", Key="net/1.0.zip", Body=zip_of(("weir.yaml", MODULE.replace("hello", "bye"))))
    assert stack.plan() == {}
    forget(stack)
    changed = stack.run("plan", status=3)
    assert "is not what the lock says any more" in changed.err and "weir modules update" in changed.err
    assert "changed" in stack.run("modules", "update").out
    assert stack.plan() == {"ada/text": "update"}
    stack.write("inputs: {who: ada}\noutputs: {ada: bye ada}\n", "tests/says.yaml")
    forget(stack)
    stack.run("test")
    assert {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:*:s3:::modules/net/1.0.zip"]} in json.loads(stack.run("policy", "plan").out)["Statement"]
    s3.put_object(Bucket="modules", Key="large.zip", Body=bytes(2 << 20))
    stack.write(text.replace("net/1.0.zip", "large.zip"))
    refused = stack.run("modules", "update", status=3, env={"WEIR_MODULE_MIB": "1"}).err
    assert "it is larger than 1 MiB" in refused and "WEIR_MODULE_MIB=4" in refused, refused
    stack.write(text)
    s3.delete_object(Bucket="modules", Key="net/1.0.zip")
    assert stack.plan() == {"ada/text": "update"}
    assert "weir.yaml:3:17" in stack.run("modules", "update", status=3).err


# ---- what else works with them ----


@pytest.mark.long
def test_going_back(local_stack, repository):
    """To a run with an earlier lock: what that pinned is fetched again."""
    stack, folder = local_stack.write(stack_of(ada=f"{repository.url}//net")), repository.folder
    stack.run("modules", "update")
    stack.apply()
    run = json.loads(stack.run("history", "--json").out.splitlines()[0])["run"]
    repository.commit({"net/weir.yaml": MODULE.replace("hello", "goodbye")})
    stack.run("modules", "update")
    stack.apply()
    assert stack.outputs() == {"ada": "hello ada".replace("hello", "goodbye")}
    forget(stack)
    stack.apply("--to", run)
    assert stack.outputs() == {"ada": "hello ada"} and folder.exists()
    stack.run("plan", "-o", "saved.plan")
    lock = (stack.folder / "weir.lock").read_text()
    stack.write(lock + "\n", "weir.lock")
    assert "files" in stack.run("apply", "saved.plan", status=1).err, "another lock is another stack"


@pytest.mark.long
def test_a_module_that_packages(tmp_path, bucket, repository):
    """Files beside a module belong to it, though .weir is in no repository."""
    repository.commit({"net/weir.yaml": """
resources:
  code: {type: weir.artifact, source: code, package: zip, gitignore: true, store: modules/code}
outputs: {key: "${code.key}", greeting: '${file("hello.txt")}'}
""", "net/code/a.py": "print(1)\n", "net/code/b.pyc": "x", "net/code/c.txt": "x", "net/code/.gitignore": "c.txt\n", "net/hello.txt": "hello"})
    stack = bucket.stack(tmp_path / "stack")
    stack.write("stack: here\nmodules: {ada: {source: '%s//net'}}\noutputs: {key: '${ada.key}', greeting: '${ada.greeting}'}\n" % repository.url)
    Repository(stack.folder / "x").folder.joinpath(".git").rename(stack.folder / ".git")
    stack.run("modules", "update")
    stack.apply()
    assert stack.outputs()["greeting"] == "hello"
    body = bucket.client("s3").get_object(Bucket="modules", Key=stack.outputs()["key"])["Body"].read()
    assert [name for name in zipfile.ZipFile(io.BytesIO(body)).namelist() if not name.startswith(".")] == ["a.py"]


def test_a_modules_own_tests(tmp_path, local_stack, repository):
    """`weir test` in the folder of a module, which is no stack; what it uses itself is pinned beside it."""
    module = Stack(tmp_path / "My_Net2")
    module.write(f"""
        inputs: {{name: {{type: string}}}}
        modules:
          inner: {{source: "{repository.url}//net", name: "${{inputs.name}}"}}
        outputs: {{text: "${{inner.text}}", stack: "${{stack.name}}"}}
    """)
    module.write("inputs: {name: ada}\noutputs: {text: hello ada, stack: mynet2}\n", "tests/says.yaml")
    assert "weir modules update" in module.run("test", status=1).out
    module.run("modules", "update")
    forget(module)
    module.run("test")
    module.write("inputs: {name: ada}\noutputs: {text: hello bob}\n", "tests/says.yaml")
    assert 'expected "hello bob", found "hello ada"' in module.run("test", status=1).out
    assert "has no name" in module.run("plan", status=3).err


@pytest.mark.long
def test_an_editor_fetches_nothing(local_stack, repository):
    stack = local_stack.write(stack_of(ada=f"{repository.url}//net"))
    stack.run("modules", "update")
    forget(stack)
    for missing in (True, False):
        editor = Editor(stack.folder)
        editor.open((stack.folder / "weir.yaml").read_text())
        said = [diagnostic.message for diagnostic in editor.diagnostics()]
        assert editor.leave() == 0
        assert bool(said) == missing == (not (stack.folder / ".weir/modules").exists()), said
        stack.run("validate")


def test_the_guide_to_the_letter(tmp_path, local_stack):
    page = (ROOT / "docs/guides/modules.md").read_text()
    module, test, use = re.findall(r"^```yaml\n(.*?)^```", page, re.M | re.S)
    repository = Repository(tmp_path / "repos/pipeline-modules.git", {"landing/weir.yaml": module, "landing/tests/landing.yaml": test})
    Stack(repository.folder).run("-C", "landing", "test")
    repository.commit({}, tag="v1.0")
    assert "git::https://git.example.org/pipeline-modules.git" in use
    use = use.replace("git::https://git.example.org/pipeline-modules.git", repository.url)
    stack = local_stack.write("stack: here\ninputs: {owner: ada}\n" + use)
    for command in re.findall(r"^    weir (modules [a-z]+)", page, re.M):
        stack.run(*command.split())
        stack.run("validate")
    assert (stack.folder / "modules/vendor/pipeline-modules/landing/weir.yaml").read_text() == module
