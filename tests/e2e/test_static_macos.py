"""The programs for macOS (tools/static), which nothing here can run: they are linked as dyld wants them, with nothing that macOS 11 has not, and
have what belongs into them. What is in the files is told by LIEF."""

import json
import os
import re
import subprocess
import sys

import pytest

from release import HERE, run

pytestmark = pytest.mark.long
MOST = 11_600_000  # bytes
CPUS = {"x86_64": "X86_64", "aarch64": "ARM64"}
CLEAN = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "BUILD", "CC")}
HEADERS = """
arpa/inet.h CommonCrypto/CommonCrypto.h ctype.h dirent.h dlfcn.h fcntl.h fnmatch.h ftw.h getopt.h glob.h ifaddrs.h inttypes.h langinfo.h libgen.h libproc.h
locale.h mach-o/dyld.h mach/mach.h math.h net/if.h netdb.h netinet/in.h poll.h pthread.h pwd.h regex.h sched.h search.h setjmp.h signal.h spawn.h stdio.h
stdlib.h string.h strings.h sys/event.h sys/file.h sys/ioctl.h sys/mman.h sys/random.h sys/resource.h sys/select.h sys/socket.h sys/stat.h sys/statvfs.h
sys/sysctl.h sys/time.h sys/uio.h sys/utsname.h sys/wait.h termios.h time.h ucontext.h unistd.h wchar.h wctype.h xlocale.h
"""
LOOK = """
import json, struct, sys, lief
all = lief.MachO.parse(sys.argv[1])  # which owns it
b = all.at(0)
where = {s.name: s.value for s in b.exported_symbols}
read = lambda at, n: bytes(b.get_content_from_virtual_address(at, n))
numbers = lambda at, n: struct.unpack(f"<{n}Q", read(at, 8 * n))
rows = [numbers(where["_embedded_table"] + 40 * i, 5) for i in range(numbers(where["_embedded_count"], 1)[0])]
packs = [numbers(where["_embedded_packs"] + 24 * i, 3) for i in range(1 + max(row[2] for row in rows))]
json.dump({
    "cpu": b.header.cpu_type.name, "kind": b.header.file_type.name, "flags": [f.name for f in b.header.flags_list], "signed": b.has_code_signature,
    "platform": b.build_version.platform.name, "from": b.build_version.minos, "libraries": [l.name for l in b.libraries],
    "imported": {e.symbol.name: e.library.name if e.has_library else "" for e in b.dyld_info.bindings if e.has_symbol},
    "writable_code": [s.name for s in b.segments if s.init_protection & 6 == 6], "segments": [s.name for s in b.segments],
    "files": [read(at, n).decode() for at, n, *_ in rows], "packs": [read(at, 4).hex() for at, n, _ in packs],
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def lief(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lief")
    run(sys.executable, "-m", "venv", folder)
    run(folder / "bin/pip", "install", "-q", "lief==1.0.0")
    return folder / "bin/python"


@pytest.fixture(scope="module", params=CPUS)
def cpu(request):
    run("env", "-i", *(f"{name}={value}" for name, value in CLEAN.items()), "tools/static", f"{request.param}-macos", cwd=HERE)
    return request.param


@pytest.fixture(scope="module")
def program(cpu):
    return HERE / f"build-{cpu}-macos/weir"


@pytest.fixture(scope="module")
def seen(program, lief):
    return json.loads(run(lief, "-c", LOOK, program))


def zig():
    version = re.search(r"^zig=(\S+)", (HERE / "tools/static").read_text(), re.M)[1]
    return HERE / f".cache/static/zig-{version}"


def test_it_is_one_file_and_guarded(cpu, program, seen):
    assert (seen["cpu"], seen["kind"], seen["platform"], seen["from"]) == (CPUS[cpu], "EXECUTE", "MACOS", [11, 0, 0])
    assert seen["libraries"] == ["/usr/lib/libSystem.B.dylib"]
    assert {"PIE", "NOUNDEFS", "TWOLEVEL"} <= set(seen["flags"]) and "ALLOW_STACK_EXECUTION" not in seen["flags"]
    assert not seen["writable_code"] and "__DATA_CONST" in seen["segments"]
    assert seen["imported"].get("___stack_chk_fail") and seen["imported"].get("___stack_chk_guard"), "a guard of its own, which never changes"
    assert seen["signed"] or cpu != "aarch64", "macOS on arm64 runs nothing that is not signed, if by nobody"
    assert program.stat().st_size < MOST


def compiled(cpu, folder, text):
    """What the compiler for libraries and program says of it, with all headers of the system; "" where it compiles."""
    (folder / "a.c").write_text("".join(f"#include <{header}>\n" for header in HEADERS.split()) + text)
    compiler = HERE / f".cache/static/{cpu}-macos/bin/weir-cc"
    done = subprocess.run([compiler, "-c", "-ferror-limit=0", "-D_XOPEN_SOURCE", "-D_DARWIN_C_SOURCE", "-o", folder / "a.o", folder / "a.c"], capture_output=True, text=True)
    return done.stderr if done.returncode else ""


def test_it_takes_what_macos_11_has(cpu, seen, tmp_path):
    system = set(re.findall(r"[\w$]+", (zig() / "ziglang/lib/libc/darwin/libSystem.tbd").read_text()))
    assert len(seen["imported"]) > 300 and set(seen["imported"]) <= system | {"dyld_stub_binder"}
    names = sorted({name.split("$")[0].removeprefix("_") for name in seen["imported"]} - {"dyld_stub_binder"})
    said = compiled(cpu, tmp_path, "".join(f"const void *p{i} = (const void *)&{name};\n" for i, name in enumerate([*names, "pipe2"])))
    newer = set(re.findall(r"'(\w+)' is only available on macOS", said))
    assert newer == {"pipe2"}, newer
    unknown = set(re.findall(r"undeclared identifier '(\w+)'", said))
    assert len(unknown) < len(names) / 10, unknown


def test_what_is_newer_is_refused(cpu, tmp_path):
    call = "int main(void) { int ends[2]; return %s; }\n"
    assert "is only available on macOS" in compiled(cpu, tmp_path, call % "pipe2(ends, O_CLOEXEC)")
    assert not compiled(cpu, tmp_path, call % "pipe(ends)")


def test_its_files_are_in_it(cpu, seen):
    assert seen["files"] == sorted((HERE / f"build-{cpu}-macos/embedded.list").read_text().split())
    assert set(seen["packs"]) == {"28b52ffd"}, "frames of zstd"


def test_it_tells_how_it_was_built(cpu, program):
    text = program.read_bytes()
    assert f"for macOS 11 and newer on {cpu} by zig ".encode() in text
    for line in (HERE / "packaging/static.txt").read_text().splitlines():
        assert line.startswith("#") or " ".join(line.split()[:2]).encode() in text, line
    assert str(HERE).encode() not in text and b".cache/static" not in text
