"""What `weir policy` prints for a type is enough to make, change, replace and delete it: each type's life under it, in a sandbox where permissions are real."""

import sys

import pytest

sys.path.append(__file__.rpartition("/")[0] + "/sandbox")
from life_cycle import stack_text  # noqa: E402
from test_policy_sufficient import Operated, printed  # noqa: E402
from test_same_types import ON_MOTO  # noqa: E402

pytestmark = pytest.mark.long
# What these declare names roles, targets and keys that let nobody in, as only a cloud without permissions takes it; what a query reads is not weir's to ask for.
OPEN = {"subscription filter", "event source", "state machine", "machine_alias", "notification", "trail", "key", "statement"}


@pytest.fixture
def operated(tmp_path):
    folder = tmp_path / "life"
    folder.mkdir()
    one = Operated(folder, "on")
    yield one
    one.stop()


def done(operated, *words):
    status, said = operated.weir(*words)
    if status:
        pytest.fail(f"weir {' '.join(words)}: status {status}\n{said[-2000:]}")


@pytest.mark.parametrize("name", sorted(set(ON_MOTO) - OPEN))
def test_under_its_own_policy(operated, name):
    case = ON_MOTO[name]
    if case.prepare:
        case.prepare(operated)
    for turn, attributes in enumerate((case.first, case.then, case.less, *({**case.first, **change} for change in case.replaces))):
        if attributes is not None:
            (operated.folder / "weir.yaml").write_text(stack_text(case, attributes))
            operated.allow({f"{phase}-{turn}": document for phase, document in printed(operated).items()})  # those of before stay: what is replaced has another name
            done(operated, "apply", "-y")
            done(operated, "plan", "--detailed-exitcode")
    done(operated, "destroy", "-y", "--lab")
