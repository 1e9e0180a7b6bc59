"""
Evaluates JSONata for state machines, by jsonata-python: weir_jsonata.py answers lines of JSON on standard input, one each.
{"template": …, "field": "Output", "variables": {…}} is answered by {"value": …}, or by {"error": …, "location": "Output/total"}
with the words of Step Functions. Every text {% … %} in the template is an expression. It leaves at the input's end.
"""

import hashlib
import json
import math
import random
import signal
import sys
import uuid
from functools import lru_cache

LIMIT_S = 10  # of one template


class Failure(Exception):
    pass


def expression_of(text):
    return text[2:-2].strip() if isinstance(text, str) and text.startswith("{%") and text.endswith("%}") else None


def partition(items, size):
    if size is None or size < 1:
        raise Failure("the second argument of $partition must be a positive number")
    items = items if isinstance(items, list) else [items]
    return [items[i : i + int(size)] for i in range(0, len(items), int(size))]


def number_range(first, last, step):
    if not step:
        raise Failure("the third argument of $range must not be zero")
    count = int((last - first) / step) + 1
    if count > 1000000:
        raise Failure("$range is limited to 1000000 numbers")
    return [first + i * step for i in range(count)]


def digest(text, algorithm="SHA-256"):
    text = text if isinstance(text, str) else json.dumps(text, separators=(",", ":"))
    if algorithm not in ("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"):
        raise Failure("the second argument of $hash must be MD5, SHA-1, SHA-256, SHA-384 or SHA-512")
    return hashlib.new(algorithm.replace("-", ""), text.encode()).hexdigest()


def drawn(seed=None):
    return random.random() if seed is None else random.Random(seed).random()


def own_functions(jsonata):
    functions = {"partition": partition, "range": number_range, "hash": digest, "random": drawn, "uuid": lambda: str(uuid.uuid4())}
    functions["parse"] = json.loads
    return {name: jsonata.Jsonata.JLambda(function) for name, function in functions.items()} | {"eval": None}  # which it does not have


def evaluator(jsonata):
    from jsonata.utils import Utils

    own = own_functions(jsonata)

    @lru_cache(maxsize=1024)
    def compiled(text):
        expression = jsonata.Jsonata(text)
        expression.output_convert_nulls = False  # nothing is not null
        return expression

    def evaluate(text, variables):
        bindings = {name: Utils.NULL_VALUE if value is None else value for name, value in variables.items()}
        try:
            result = compiled(text).evaluate(None, own | bindings)
        except Failure:
            raise
        except jsonata.JException as error:
            raise Failure(f"threw an error during evaluation. {error.error}: {error}") from error
        except Exception as error:
            raise Failure(f"threw an error during evaluation. {error or type(error).__name__}") from error
        if result is None:
            raise Failure("returned nothing (undefined).")
        try:
            return json.loads(json.dumps(Utils.convert_nulls(result), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise Failure("returned an unsupported result type.") from error

    return evaluate


def filled(evaluate, template, field, variables):
    text = expression_of(template)
    if text is not None:
        try:
            return evaluate(text, variables)
        except Failure as error:
            raise Failure(f"The JSONata expression '{text}' specified for the field '{field}' {error}", field) from error
    if isinstance(template, dict):
        return {key: filled(evaluate, value, f"{field}/{key}", variables) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(evaluate, value, f"{field}[{i}]", variables) for i, value in enumerate(template)]
    return template


def too_long(*_):
    raise Failure(f"took longer than {LIMIT_S} seconds.")


def main():
    try:
        import jsonata
        import jsonata.jexception
    except ImportError:
        return 3
    jsonata.JException = jsonata.jexception.JException
    evaluate = evaluator(jsonata)
    signal.signal(signal.SIGALRM, too_long)
    answers, sys.stdout = sys.stdout, sys.stderr  # jsonata-python prints some errors
    for line in sys.stdin:
        request = json.loads(line)
        signal.setitimer(signal.ITIMER_REAL, LIMIT_S)
        try:
            answer = {"value": filled(evaluate, request["template"], request["field"], request["variables"])}
        except Failure as error:
            answer = {"error": error.args[0], "location": request["field"] if len(error.args) < 2 else error.args[1]}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps(answer), file=answers, flush=True)
    return 0


sys.exit(main())
