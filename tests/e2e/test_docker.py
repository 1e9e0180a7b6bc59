"""docker.* without an Engine: what is said of mistakes, and what a build is made of."""

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

import pytest

from support import ACCOUNT, SECRET_KEY


class Talker:
    """Answers on a socket as it is told to: {"GET /version": (status, text)}."""

    def __init__(self, path, answers):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                status, text = answers.get(f"{self.command} {self.path}", (404, '{"message": "page not found"}'))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_DELETE = do_GET

            def address_string(self):
                return "socket"

            def log_message(self, *_):
                pass

        self.server = socketserver.ThreadingUnixStreamServer(str(path), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def stack(local_stack):
    local_stack.env["DOCKER_HOST"] = f"unix://{local_stack.folder}/docker.sock"
    return local_stack


def content(stack):
    events = [json.loads(line) for line in stack.run("plan", "--json").out.splitlines()]
    [attrs] = [event["attrs"] for event in events if event["event"] == "change"]
    return next(attr["after"] for attr in attrs if attr["name"] == "content")


def test_what_cannot_be_is_refused_before_anything_is_called(stack):
    stack.write(
        """
        stack: shop
        resources:
          web:
            type: docker.container
            name: web
            image: app:1
            memory: much
            restart: sometimes
            networks: [{name: shop}]
            network_mode: host
            ports: [{container: 80, protocol: http}]
            helth_check: {test: [NONE]}
        """
    )
    error = stack.run("validate", status=3).err
    for text in ('did you mean "health_check"?', "weir.yaml:8", "weir.yaml:9", '"network_mode"', "weir.yaml:12"):
        assert text in error, error


def test_an_engine_that_is_not_there(stack):
    stack.write("stack: shop\nresources: {data: {type: docker.volume, name: d}}\n".replace("data:", "store:"))
    error = stack.apply(status=1).err
    assert f"cannot connect to {stack.folder}/docker.sock" in error and "is the Docker Engine running?" in error
    stack.write("stack: shop\nproviders: {docker: {host: 'ssh://build.example'}}\nresources: {store: {type: docker.volume, name: d}}\n")
    error = stack.apply(status=3).err
    assert '"ssh://build.example" is not an address of a Docker Engine' in error and "via: NAME" in error
    stack.write("stack: shop\nproviders: {docker: {host: 'tcp://192.0.2.1:2375'}}\nresources: {store: {type: docker.volume, name: d}}\n")
    assert "over plain HTTP" in stack.apply(status=None).err
    stack.write("stack: shop\nproviders: {docker: {host: 'tcp://127.0.0.1:2376', tls: {ca: ca.pem}}}\nresources: {store: {type: docker.volume, name: d}}\n")
    assert "tls: ca: there is no file" in stack.apply(status=3).err


@pytest.mark.parametrize(
    "answer, said",
    [
        ((200, '{"ApiVersion": "1.24", "MinAPIVersion": "1.12"}'), "speaks version 1.24 of its API, and weir needs 1.41"),
        ((200, "<html>hello</html>"), "is not a Docker Engine (HTTP 200)"),
        ((502, "bad gateway"), "is not a Docker Engine (HTTP 502)"),
    ],
)
def test_what_is_no_engine_or_too_old(stack, answer, said):
    stack.write("stack: shop\nresources: {store: {type: docker.volume, name: d}}\n")
    talker = Talker(stack.folder / "docker.sock", {"GET /version": answer})
    assert said in stack.apply(status=1).err
    talker.stop()


def test_a_context_is_what_its_files_are(stack):
    stack.write("stack: shop\nresources: {app: {type: docker.image, name: app, context: app}}\n")
    assert 'there is no folder "' in stack.run("plan", status=3).err
    stack.write("x", "app/main.py")
    assert 'there is no "Dockerfile" in' in stack.run("plan", status=3).err
    stack.write("FROM base\n", "app/Dockerfile")
    first = content(stack)
    main = stack.folder / "app/main.py"
    main.touch()
    main.chmod(0o640)
    assert content(stack) == first, "neither times nor a umask make another image"
    stack.write("# rules\n**/*.log\n!keep.log\n/tmp/\n", "app/.dockerignore")
    ruled = content(stack)
    assert ruled != first, "the rules are sent along"
    stack.write("noise", "app/deep/er/x.log")
    stack.write("noise", "app/tmp/cache")
    same = content(stack)
    stack.write("other noise", "app/deep/er/x.log")
    assert content(stack) == same
    stack.write("wanted", "app/keep.log")
    kept = content(stack)
    assert kept != same
    main.chmod(0o755)
    assert content(stack) != kept, "that it can be run is part of a file"
    (stack.folder / "app/link").symlink_to("/nowhere")
    linked = content(stack)
    stack.write("stack: shop\nresources: {app: {type: docker.image, name: app, context: app, args: {A: b}}}\n")
    assert content(stack) != linked


def test_an_account_admits_to_its_registry(stack, cloud):
    """What `registries` takes, from ECR itself: moto's answer, and nothing of it is shown or kept."""
    stack.env |= {"AWS_ACCESS_KEY_ID": "e2e", "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": cloud.url}
    stack.write(
        """
        stack: shop
        data: {login: {type: aws.ecr.authorization_token}}
        providers: {docker: {registries: {registry.example: {token: "${login.token}"}}}}
        resources: {host: {type: weir.value, value: "${login.registry}"}}
        outputs: {user: {value: "${nonsensitive(split(':', base64decode(login.token))[0])}"}}
        """
    )
    shown = stack.apply()
    assert stack.run("output", "--raw", "user").out == "AWS"
    assert stack.run("state", "show", "host").out.count(f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com") >= 1
    token = cloud.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert token not in shown.out + shown.err + stack.state_text()
