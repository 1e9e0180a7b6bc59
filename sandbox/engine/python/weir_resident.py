"""
Stays for the next request: weir_resident.py MODULE, in a folder with a pipe, `requests`. For each byte that comes through it, what
lies in work/request.json goes to the module's answer(), which works in that folder; the status and the text that it returns are a line on
standard output. After ten minutes without a request, and where something is missing (a status above 1), it leaves, with status 0.
"""

import gc
import importlib
import json
import os
import signal
import sys
import traceback

IDLE_S = 600
MOST = 1000  # characters of a text


def leave(*_):
    os._exit(0)


def answered(module):
    try:
        with open("request.json") as file:
            return module.answer(json.load(file))
    except Exception as error:
        traceback.print_exc()
        return 1, f"{type(error).__name__}: {error}"


def main(name):
    out, sys.stdout = sys.stdout, sys.stderr  # whatever else is printed is no answer
    module, home = importlib.import_module(name), os.getcwd()
    gc.freeze()  # what is loaded stays
    signal.signal(signal.SIGALRM, leave)
    signal.alarm(IDLE_S)
    with open("requests", "rb", buffering=0) as requests:
        while requests.read(1):
            signal.alarm(0)
            os.chdir("work")
            status, text = answered(module)
            os.chdir(home)
            gc.collect()  # connections and their rows
            print(status, next(reversed(text.strip().splitlines()), "")[:MOST], file=out, flush=True)
            if status > 1:
                leave()
            signal.alarm(IDLE_S)


if __name__ == "__main__":
    main(sys.argv[1])
