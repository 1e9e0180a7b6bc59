"""weir.artifact: what pip installs beside the source."""

import io
import sys
import zipfile
from pathlib import Path

import pytest

from servers import SandboxCloud
from support import Stack, planned
from test_artifact import body, keys, offline, packed_file, shas, write


def make_wheel(folder, name, files, tag="py3-none-any"):
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n")
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\n{name} = {name}:main\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.mark.full
def test_vendors_pure_packages(tmp_path):
    stack = offline(tmp_path, f"source: src, prefix: python, python: {{requirements: requirements.txt, interpreter: {sys.executable}}}",
                    {"src/main.py": "import tiny\n", "requirements.txt": "--no-index\n--find-links wheels\ntiny==1.0\n", "wheels/.keep": ""})
    make_wheel(stack.folder / "wheels", "tiny", {"tiny/__init__.py": "def main(): pass\n"})
    first = shas(stack)
    names = zipfile.ZipFile(packed_file(stack)).namelist()
    assert names == ["python/main.py", "python/tiny-1.0.dist-info/METADATA", "python/tiny-1.0.dist-info/WHEEL", "python/tiny-1.0.dist-info/entry_points.txt",
                     "python/tiny/__init__.py"]
    # another content under the same name
    make_wheel(stack.folder / "wheels", "tiny", {"tiny/__init__.py": "def main(): return 2\n"})
    second = shas(stack)
    assert second != first
    # compiled packages are this machine's
    make_wheel(stack.folder / "wheels", "fast", {"fast.so": ""}, tag="cp313-cp313-manylinux2014_x86_64")
    write(stack.folder, {"requirements.txt": "--no-index\n--find-links wheels\nfast\n"})
    failed = stack.run("plan", status=1)
    assert "installing requirements.txt with pip failed" in failed.err and "only pure Python packages" in failed.err, str(failed)


@pytest.mark.long  # pip takes a second each time
def test_what_the_requirements_name_is_part_of_it(tmp_path):
    stack = offline(tmp_path, f"source: src, prefix: python, python: {{requirements: requirements.txt, interpreter: {sys.executable}}}",
                    {"src/main.py": "import tiny\n", "requirements.txt": "--no-index\n--find-links wheels\ntiny==1.0\n", "wheels/.keep": ""})
    make_wheel(stack.folder / "wheels", "tiny", {"tiny/__init__.py": "def main(): pass\n"})
    first = shas(stack)
    write(stack.folder, {"requirements.txt": "--no-index\n--find-links wheels\n-r more.txt\n", "more.txt": "tiny==1.0\n"})
    assert shas(stack) == first
    make_wheel(stack.folder / "wheels", "other", {"other.py": ""})
    write(stack.folder, {"more.txt": "tiny==1.0\nother\n"})
    assert shas(stack) != first


@pytest.mark.full
def test_module_makes_a_layer_of_the_requirements(tmp_path):
    server = SandboxCloud()
    try:
        stack = Stack(tmp_path / "stack", server)
        stack.env["PATH"] = f"{Path(sys.executable).parent}:{stack.env['PATH']}"  # its python3 has pip
        write(stack.folder, {"ingest/main.py": "import tiny\n", "requirements.txt": "--no-index\n--find-links wheels\ntiny==1.0\n", "wheels/.keep": ""})
        make_wheel(stack.folder / "wheels", "tiny", {"tiny/__init__.py": "def main(): pass\n"})
        stack.write("""
            stack: layered
            resources: {lake: {type: aws.s3.bucket, name: art-lake}}
            modules:
              ingest: {source: builtin/lambda-ingest, name: fetch, code: ingest, requirements: requirements.txt, bucket: "${lake.name}"}
        """).apply()
        stack.assert_settled()
        (archive,) = [key for key in keys(server) if "libraries" in key]
        assert "python/tiny/__init__.py" in zipfile.ZipFile(io.BytesIO(body(server, archive))).namelist()
        configuration = server.client("lambda").get_function(FunctionName="fetch")["Configuration"]
        assert [layer["Arn"].split(":layer:")[1] for layer in configuration["Layers"]] == ["fetch-libraries:1"]
        write(stack.folder, {"ingest/main.py": "import tiny, os\n"})
        assert planned(stack.run("deploy", "--yes", "--json")) == {"ingest/code": "update", "ingest/function": "update"}
        stack.assert_settled()
        stack.destroy()
    finally:
        server.stop()


@pytest.fixture
def taken(tmp_path):
    """A stack whose Python notes when it is asked, and installs what lies in `took`, whatever it is asked for."""
    stack = offline(tmp_path, "python: {requirements: in/requirements.txt, interpreter: ./python}", {"in/requirements.txt": "", "took": "1"})
    write(stack.folder, {"python": """#!/bin/sh
        echo asked >> ../asked
        while [ "$1" != --target ]; do shift; done
        cp took "$2/took.py"
    """})
    (stack.folder / "python").chmod(0o755)
    return stack


def asked(stack):
    shas(stack)
    return len((stack.folder.parent / "asked").read_text().splitlines())


@pytest.mark.parametrize("line, local", [
    ("--find-links wheels\ntiny", "in/wheels/tiny-1.0-py3-none-any.whl"),
    ("--find-links=file://{here}/elsewhere%20", "elsewhere /tiny.whl"),
    ("-f elsewhere", "elsewhere/tiny.whl"),
    ("-r more.txt", "in/wheels/tiny.whl"),
    ("./tiny-1.0-py3-none-any.whl --hash=sha256:00", "tiny-1.0-py3-none-any.whl"),
    ("tiny-1.0-py3-none-any.whl ; python_version > '3'", "tiny-1.0-py3-none-any.whl"),
    ("tiny[more] @ file://{here}/a/tiny.whl", "a/tiny.whl"),
    ("libs/common[more]", "libs/common/common/__init__.py"),
    (".", "pyproject.toml"),
])
def test_local_packages_that_change(taken, line, local):
    """Under the same name, as one that is built again does."""
    write(taken.folder, {"in/requirements.txt": line.format(here=taken.folder) + "\n", "in/more.txt": "--find-links wheels\n", local: "1"})
    assert asked(taken) == 1
    assert asked(taken) == 1
    write(taken.folder, {local: "2", "took": "2"})
    before = packed_file(taken).read_bytes()
    assert asked(taken) == 2
    assert packed_file(taken).read_bytes() != before


def test_what_is_no_local_package_does_not_count(taken):
    lines = "--find-links wheels\n--find-links https://host/wheels\n--find-links nowhere\nlibs/common\ntiny\nhttps://host/tiny.whl\n"
    write(taken.folder, {"in/requirements.txt": lines, "in/wheels/a.whl": "1", "libs/common/setup.py": "1"})
    (taken.folder / "in/wheels/link.whl").symlink_to(taken.folder / "in/more")  # leads nowhere
    assert asked(taken) == 1
    # what a build leaves beside its sources, other things beside the wheels, and a package of that name elsewhere
    write(taken.folder, {"in/wheels/index.html": "1", "in/wheels/below/a.whl": "1", "libs/common/build/lib/a.py": "1", "libs/common/common.egg-info/PKG-INFO": "1", "tiny": "1", "a.whl": "1"})
    assert asked(taken) == 1
    write(taken.folder, {"in/more": "1"})  # now it is a wheel
    assert asked(taken) == 2
