"""Every type of CloudFormation that the Cloud Control API drives, in one stack: what validating and planning all of them costs."""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests/e2e/sandbox"))
SECONDS, MEGABYTES = 2, 150


def written(folder):
    """A stack with a resource of each type, with generated properties as far as there are any."""
    import cfn_models

    resources = {}
    for name in cfn_models.names():
        try:
            model = cfn_models.Model(name)
            properties = model.properties()
        except (cfn_models.Unmakeable, KeyError):
            continue
        resources[name.replace("::", "_").lower()] = {"type": name, **escaped(properties)}
    folder.mkdir()
    (folder / "weir.yaml").write_text(yaml.safe_dump({"stack": "types", "resources": resources}, sort_keys=False))
    return len(resources)


def escaped(value):
    if isinstance(value, dict):
        return {key: escaped(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [escaped(inner) for inner in value]
    return value.replace("${", "$${") if isinstance(value, str) else value


def run(title, bench, measured, work):
    title("A resource of each of CloudFormation's types, in one stack", f"best of 3; at most {SECONDS} s and {MEGABYTES} MB")
    folder = work / "types"
    count = written(folder)
    for command in ("validate", "plan"):
        one = measured([bench.weir, command, *(["--sandbox"] if command == "plan" else [])], cwd=folder, runs=3)
        print(f"  {count:>7,}  {command:14} {one.seconds * 1e3:9.1f} ms {one.megabytes:7.1f} MB"
              + bench.judge(f"{command} of all types", one.seconds, SECONDS, " s") + bench.judge(f"{command} of all types, memory", one.megabytes, MEGABYTES, " MB"))
