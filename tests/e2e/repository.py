"""Where modules from elsewhere come from: repositories in git, and a web server that has archives and git's own HTTP program."""

import io
import os
import ssl
import subprocess
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

GIT_ENV = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_AUTHOR_NAME": "ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "ada", "GIT_COMMITTER_EMAIL": "ada@example.org"}

# A module of one value, and what makes use of it.
GREETING = """
    inputs: {name: {type: string}}
    resources:
      text: {type: weir.value, value: "hello ${inputs.name}"}
    outputs: {text: "${text.value}"}
"""


class Repository:
    def __init__(self, folder, files=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")
        self.url = f"git::file://{self.folder}"
        if files:
            self.commit(files)

    def git(self, *words):
        return subprocess.run(
            ["git", "-C", self.folder, *words], check=True, capture_output=True, text=True, env={"PATH": os.environ["PATH"], **GIT_ENV}).stdout.strip()

    def commit(self, files, tag=None):
        """Writes them; the commit's name."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "more")
        if tag:
            self.git("tag", "--force", "--annotate", "-m", tag, tag)
        return self.git("rev-parse", "HEAD")


def tar_of(*items, mode="w:gz"):
    """Of (name, content) or (TarInfo, content)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, content in items:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = content.encode()
            if info.isreg():
                info.size = info.size or len(data)
            archive.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return out.getvalue()


def zip_of(*items):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in items:
            archive.writestr(name, content)
    return out.getvalue()


class Web:
    """Serves `files` ({path: bytes, or a Location}), and below /git/ the repositories of a folder; `log` has what was asked for."""

    def __init__(self, folder, tls, repositories=None):
        self.files, self.log, self.repositories, self.password = {}, [], repositories, None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.ca = Path(folder) / "web.pem"
        if tls:
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{self.ca}.key", "-out", self.ca, "-days", "2",
                 "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.ca, f"{self.ca}.key")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://localhost:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def handler(web):
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *words):
                pass

            def do_GET(self):
                web.log.append(self.path)
                if self.path.startswith("/git/"):
                    return self.git()
                found = web.files.get(self.path)
                self.send_response(404 if found is None else 302 if isinstance(found, str) else 200)
                if isinstance(found, str):
                    self.send_header("Location", found)
                body = found if isinstance(found, bytes) else b""
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def git(self):
                path, _, query = self.path.removeprefix("/git").partition("?")
                if web.password:
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="here"')
                    self.send_header("Content-Length", "0")
                    return self.end_headers()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, check=True, env={
                    "PATH": os.environ["PATH"], **GIT_ENV, "GIT_PROJECT_ROOT": str(web.repositories), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
                    "QUERY_STRING": query, "REQUEST_METHOD": self.command, "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")})
                head, _, content = done.stdout.partition(b"\r\n\r\n")
                lines = [line.split(": ", 1) for line in head.decode().split("\r\n")]
                self.send_response(int(dict(lines).get("Status", "200").split()[0]))
                for name, value in lines:
                    if name != "Status":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

        return Handler
