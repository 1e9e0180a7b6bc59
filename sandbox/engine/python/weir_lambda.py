"""
Runs a Python function through the Lambda Runtime API: with AWS's own client (awslambdaric) where it is installed, otherwise with
the little that is here. Called as: weir_lambda.py MODULE.FUNCTION
"""

import http.client
import importlib.util
import json
import os
import runpy
import sys
import time
import traceback
from types import SimpleNamespace

BASE = "/2018-06-01/runtime/"


def client_context(text):
    """A header is read as Latin-1; what is in it is UTF-8."""
    if not text:
        return None
    given = json.loads(text.encode("latin-1"))
    client = given.get("client")
    members = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")
    return SimpleNamespace(custom=given.get("custom"), env=given.get("env"), client=client and SimpleNamespace(**{name: client.get(name) for name in members}))


class Context:
    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.deadline = int(headers["Lambda-Runtime-Deadline-Ms"])
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.client_context = client_context(headers.get("Lambda-Runtime-Client-Context"))
        self.identity = SimpleNamespace(cognito_identity_id=None, cognito_identity_pool_id=None)

    def get_remaining_time_in_millis(self):
        return max(0, self.deadline - int(time.time() * 1000))

    def log(self, message):
        print(message, flush=True)


class InitError(Exception):
    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


def request(connection, method, path, body=None, error_type=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if error_type:
        headers["Lambda-Runtime-Function-Error-Type"] = error_type
    connection.request(method, BASE + path, body, headers)
    answer = connection.getresponse()
    return answer.headers, answer.read()


def described(error, request_id=""):
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
    kind = error.kind if isinstance(error, InitError) else type(error).__name__
    return {"errorMessage": str(error), "errorType": kind, "requestId": request_id, "stackTrace": traceback.format_list(frames)}


def tell(failure):
    stack = "Traceback (most recent call last):\n" + "".join(failure["stackTrace"]) if failure["stackTrace"] else ""
    print(f"[ERROR] {failure['errorType']}: {failure['errorMessage']}\n{stack}", flush=True)


def load(handler):
    module, dot, function = handler.rpartition(".")
    if not dot:
        raise InitError("Runtime.MalformedHandlerName", f"Bad handler '{handler}': not enough values to unpack (expected 2, got 1)")
    try:
        loaded = importlib.import_module(module.replace("/", "."))
    except ImportError as error:
        raise InitError("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}") from error
    except SyntaxError as error:
        raise InitError("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error}") from error
    if not hasattr(loaded, function):
        raise InitError("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module}'")
    return getattr(loaded, function)


def invoke(function, headers, payload):
    """The answer as JSON, or what went wrong, and which of both."""
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    os.environ["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"]
    try:
        result = function(json.loads(payload), Context(headers))
    except Exception as error:
        return None, described(error, request_id)
    try:
        return json.dumps(result).encode(), None
    except (TypeError, ValueError) as error:
        return None, {"errorMessage": f"Unable to marshal response: {error}", "errorType": "Runtime.MarshalError", "requestId": request_id, "stackTrace": []}


def serve(handler):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        function = load(handler)
    except Exception as error:
        failure = described(error)
        tell(failure)
        request(connection, "POST", "init/error", json.dumps(failure).encode(), failure["errorType"])
        sys.exit(1)
    while True:
        headers, payload = request(connection, "GET", "invocation/next")
        if "Lambda-Runtime-Aws-Request-Id" not in headers:
            return  # it is being taken down
        answer, failure = invoke(function, headers, payload)
        if failure:
            tell(failure)
        sys.stdout.flush()
        sys.stderr.flush()
        path = f"invocation/{headers['Lambda-Runtime-Aws-Request-Id']}/"
        if failure:
            request(connection, "POST", path + "error", json.dumps(failure).encode(), failure["errorType"])
        else:
            request(connection, "POST", path + "response", answer)


if __name__ == "__main__":
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    if importlib.util.find_spec("awslambdaric"):
        runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)  # reads sys.argv and the environment
    else:
        serve(sys.argv[1])
