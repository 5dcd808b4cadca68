"""What handlers do to a worker, and what the engine hears of it. Each row runs in a real worker."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.engine_client import Worker
from tests.support.launcher_house import LauncherHouse, wait_for

Make = Callable[..., Worker]


@pytest.mark.parametrize(
    ("text", "handler", "kind", "says"),
    [
        ("", "app", "Runtime.MalformedHandlerName", "must be `module.function`"),
        ("", "ap.handler", "Runtime.ImportModuleError", "did you mean 'app'?"),
        ("import nothing_here", "app.handler", "Runtime.ImportModuleError", "'nothing_here'"),
        (
            "def handle(e, c): pass",
            "app.handler",
            "Runtime.HandlerNotFound",
            "did you mean 'handle'?",
        ),
        ("handler = 1", "app.handler", "Runtime.HandlerNotFound", "is int, not a function"),
        ("def handler(:\n", "app.handler", "Runtime.UserCodeSyntaxError", "invalid syntax"),
        ("x = 1 / 0", "app.handler", "ZeroDivisionError", "division by zero"),
        ("import sys\nsys.exit(3)", "app.handler", "Runtime.ExitError", "sys.exit(3)"),
        ("raise KeyboardInterrupt", "app.handler", "KeyboardInterrupt", ""),
        ("from skerry import spec", "app.handler", "Runtime.ImportModuleError", "'skerry'"),
        ("import orjson", "app.handler", "Runtime.ImportModuleError", "'orjson'"),
        ("import msgspec", "app.handler", "Runtime.ImportModuleError", "'msgspec'"),
    ],
)
def test_what_fails_to_load(worker: Make, text: str, handler: str, kind: str, says: str) -> None:
    outcome = worker(text, handler).start()
    assert outcome.kind == "failed"
    assert outcome.error["stage"] == "init"
    assert outcome.error["type"] == kind
    assert says in outcome.error["message"]


def test_trace_of_a_failed_import_starts_in_the_users_code(worker: Make, tmp_path: Path) -> None:
    error = worker("def f():\n    return {}['key']\nf()\n").start().error
    assert error["type"] == "KeyError"
    files = [line for line in error["trace"].splitlines() if "File" in line]
    assert files == [
        f'  File "{tmp_path}/app.py", line 3, in <module>',
        f'  File "{tmp_path}/app.py", line 2, in f',
    ]


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        ("raise ValueError('bad thing')", "ValueError", "bad thing"),
        ("return event['missing']", "KeyError", "'missing'"),
        ("import sys; sys.exit('over')", "Runtime.ExitError", "sys.exit(over)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        (
            "return object()",
            "Runtime.MarshalError",
            "object of type object is not JSON serializable",
        ),
        ("return {b'k': 1}", "Runtime.MarshalError", "keys must be str"),
        ("return (n for n in 'ab')", "Runtime.MarshalError", "returned a generator"),
        ("return later()", "Runtime.MarshalError", "returned a coroutine"),
        ("import datetime; return datetime.date(2020, 1, 1)", "Runtime.MarshalError", "type date"),
        ("a = []; a.append(a); return a", "Runtime.MarshalError", "cannot be JSON"),
        ("return 'x' * 9_000_000", "Function.ResponseSizeTooLarge", "9000002 bytes"),
        ("raise Rude()", "Rude", "its message raised RuntimeError"),
        ("return handler(event, context)", "RecursionError", "recursion"),
        ("raise ExceptionGroup('many', [ValueError('one')])", "ExceptionGroup", "many"),
    ],
)
def test_what_fails_in_a_call(worker: Make, body: str, kind: str, says: str) -> None:
    text = (
        "async def later(): pass\n"
        "class Rude(Exception):\n    def __str__(self): raise RuntimeError\n"
        f"def handler(event, context):\n    if event is None: return 'fine'\n    {body}\n"
    )
    made = worker(text)
    assert made.start().kind == "returned"
    error = made.call({}).error
    assert error["stage"] == "call"
    assert error["type"] == kind
    assert says in error["message"]
    leaves = "Exit" in kind or kind == "KeyboardInterrupt"
    assert made.call(None).kind == ("died" if leaves else "returned")


@pytest.mark.parametrize(
    "body",
    [
        "import os; os._exit(3)",
        "import os; os.abort()",
        "import os; os.kill(os.getpid(), 9)",
        "import ctypes; ctypes.string_at(0)",
        "import os; os.close(3)",
    ],
)
def test_what_ends_a_worker_is_an_end_and_no_answer(worker: Make, body: str) -> None:
    made = worker(f"def handler(event, context):\n    {body}\n")
    made.start()
    assert made.call({}).kind == "died"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{'a': [1, 2.5, None, True, 'é']}", {"a": [1, 2.5, None, True, "é"]}),
        ("{1: 'one', None: 'none'}", {"1": "one", "null": "none"}),
        ("decimal.Decimal('1.5')", 1.5),
        ("decimal.Decimal('12345678901234567890')", 12345678901234567890),
        ("2 ** 70", 2**70),
        ("(1, 2)", [1, 2]),
        ("collections.namedtuple('P', 'x y')(1, 2)", {"x": 1, "y": 2}),
        ("'\\ud800'", "\ud800"),
        ("None", None),
    ],
)
def test_results_are_json_as_on_aws(worker: Make, value: str, expected: object) -> None:
    made = worker(f"import collections, decimal\ndef handler(e, c):\n    return {value}\n")
    made.start()
    assert made.call({}).value == expected


def test_prints_belong_to_their_call(worker: Make) -> None:
    made = worker(
        "import sys\nprint('at import')\n"
        "def handler(event, context):\n"
        "    print('out', event)\n    print('err', event, file=sys.stderr)\n    sys.stdout.write('no end')\n"
    )
    made.start()
    made.call("first")
    made.call("second")
    assert made.printed(0) == "at import\n"
    assert made.printed(1) == "out first\nno end"
    assert made.printed(2) == "out second\nno end"
    assert made.err.texts[2] == b"err second\n"


def test_a_forged_mark_is_text(worker: Make) -> None:
    made = worker(
        "def handler(event, context):\n    print('\\x1eSKERRY 0000000000000000 E 1')\n    print('still me')\n"
    )
    made.start()
    made.call({})
    assert made.printed(1) == "\x1eSKERRY 0000000000000000 E 1\nstill me\n"


def test_logging_looks_as_on_aws(worker: Make) -> None:
    made = worker(
        "import logging\nlogging.basicConfig(format='mine')\nlog = logging.getLogger()\nlog.setLevel('INFO')\n"
        "def handler(event, context):\n    log.info('hello %s', 1)\n    log.debug('unseen')\n"
    )
    made.start()
    made.call({}, request_id="abc")
    level, stamp, request_id, message = made.printed(1).rstrip("\n").split("\t")
    assert (level, request_id, message) == ("[INFO]", "abc", "hello 1")
    assert stamp.endswith("Z")
    assert len(stamp) == len("2026-01-01T00:00:00.000Z")


@pytest.mark.parametrize(
    "body",
    [
        "import sys, io; sys.stdout = io.StringIO(); print('gone')",
        "import sys; sys.stdout.close(); sys.stderr.close()",
        "import sys; sys.stdout = None",
        "import os; os.close(1); os.close(2)",
        "import os; os.close(1); open('/dev/null', 'w')",
        "import sys; sys.stdout = sys.stderr = object()",
        "import os, sys; os.environ.clear(); sys.path.clear(); sys.modules.clear()",
        "import threading, time; threading.Thread(target=lambda: [time.sleep(.01), print('late')]).start()",
        "import builtins; builtins.print = builtins.open = None",
    ],
)
def test_a_rude_handler_is_answered_for_and_called_again(worker: Make, body: str) -> None:
    made = worker(f"def handler(event, context):\n    {body}\n    return event\n")
    made.start()
    assert made.call("one").value == "one"


def test_a_gigabyte_of_prints_is_drained_and_counted(worker: Make) -> None:
    made = worker(
        "import os\ndef handler(event, context):\n"
        "    for _ in range(event): os.write(1, b'x' * 1_000_000)\n    return 'done'\n"
    )
    made.start()
    made.out.keep_max = 1000
    assert made.call(1000, timeout_s=20).value == "done"
    assert made.out.count > 1_000_000_000
    assert len(made.out.texts[1]) == 1000


def test_a_late_thread_prints_outside_of_calls(worker: Make) -> None:
    made = worker(
        "import threading\ngo = threading.Event()\n"
        "def late():\n    go.wait()\n    print('late')\n"
        "def handler(event, context):\n"
        "    if event == 'start': threading.Thread(target=late).start()\n    else: go.set()\n"
    )
    made.start()
    made.call("start")
    made.call("go")
    wait_for(lambda: made.out.drain() and b"late" in b"".join(made.out.texts.values()), "the print")


def test_context_is_awss(worker: Make) -> None:
    names = [
        "aws_request_id",
        "log_group_name",
        "log_stream_name",
        "function_name",
        "memory_limit_in_mb",
        "function_version",
        "invoked_function_arn",
        "client_context",
        "identity",
        "tenant_id",
    ]
    made = worker(
        f"def handler(event, context):\n    context.log('direct')\n"
        f"    return [getattr(context, n) for n in {names}] + [context.get_remaining_time_in_millis()]\n"
    )
    made.start()
    *told, left_ms = made.call({}, request_id="id-1").value
    assert told[0] == "id-1"
    assert told[1] == "/aws/lambda/us-east-1.f"
    assert told[3:] == ["f", "128", "1", "arn:test", None, None, None]
    assert 0 < left_ms <= 10_000
    assert made.printed(1) == "direct"


def test_environment_is_awss_and_ours_stays_out(worker: Make, tmp_path: Path) -> None:
    made = worker(
        "import os, time\ndef handler(event, context):\n"
        "    return dict(os.environ) | {'cwd': os.getcwd(), 'zone': time.tzname[0]}\n",
        env={"MINE": "1", "AWS_REGION": "eu-west-1", "TZ": "Asia/Tokyo"},
    )
    made.start()
    found = made.call({}).value
    expected = {
        "AWS_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "LAMBDA_TASK_ROOT": str(tmp_path),
        "LANG": "en_US.UTF-8",
        "MINE": "1",
        "SKERRY_POP": "us-east",
        "TZ": ":UTC",
        "_HANDLER": "app.handler",
        "cwd": str(tmp_path),
        "zone": "UTC",
    }
    assert {key: found.get(key) for key in expected} == expected
    assert not [key for key in found if key.startswith("SKERRY_") and key != "SKERRY_POP"]
    assert "token" not in json.dumps(found)


def test_handler_finds_its_own_files_and_modules(worker: Make, tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("beside")
    (tmp_path / "selectors.py").write_text("own = 'shadows what the launcher imported'\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "__init__.py").touch()
    (tmp_path / "lib" / "deep.py").write_text("name = __name__\n")
    made = worker(
        "import os, selectors, __main__\nfrom lib import deep\n"
        "def handler(event, context):\n"
        "    here = os.path.dirname(__file__)\n"
        "    return [open(os.path.join(here, 'data.txt')).read(), open('data.txt').read(), deep.name,\n"
        "            selectors.own, vars(__main__).get('main')]\n"
    )
    assert made.start().kind == "returned"
    assert made.call({}).value == [
        "beside",
        "beside",
        "lib.deep",
        "shadows what the launcher imported",
        None,
    ]


def test_packages_of_the_projects_environment_come_before_the_guests(
    worker: Make, tmp_path: Path
) -> None:
    site = tmp_path / "site"
    (site / "linked").mkdir(parents=True)
    (site / "fancy.py").write_text("name = 'fancy'\n")
    (site / "editable.pth").write_text(f"{site}/linked\n")
    (site / "linked" / "editable.py").write_text("name = 'editable'\n")
    made = worker(
        "import editable, fancy, sys\ndef handler(event, context):\n"
        "    return [fancy.name, editable.name, sys.path]\n",
        python=str(site),
    )
    assert made.start().kind == "returned"
    fancy, editable, path = made.call({}).value
    assert (fancy, editable) == ("fancy", "editable")
    assert path[0] == str(tmp_path)
    assert path.index(str(site)) > path.index(str(Path(os.__file__).parent))
    assert not [p for p in path if "site-packages" in p]


def test_guest_packages_are_last_on_the_path() -> None:
    folder = Path(tempfile.mkdtemp(prefix="sk-"))
    (folder / "guest").mkdir()
    (folder / "guest" / "boto3.py").write_text("who = 'guest'\n")
    (folder / "guest" / "requests.py").write_text("who = 'guest'\n")
    (folder / "code").mkdir()
    (folder / "code" / "requests.py").write_text("who = 'own'\n")
    (folder / "code" / "app.py").write_text(
        "import boto3, requests, sys\n"
        "def handler(event, context): return [boto3.who, requests.who, sys.path[-1]]\n"
    )
    house = LauncherHouse(folder, SKERRY_GUEST_PACKAGES=str(folder / "guest"))
    made = house.lease("f", house.define("f", folder / "code"))
    try:
        assert made.start().kind == "returned"
        assert made.call({}).value == ["guest", "own", str(folder / "guest")]
    finally:
        made.close()
        house.close()
        shutil.rmtree(folder)


def test_handler_in_a_folder_by_slash_or_dot(worker: Make, tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "api.py").write_text("def handler(e, c):\n    return 'lib'\n")
    for handler in ("lib/api.handler", "lib.api.handler"):
        made = worker("", handler)
        assert made.start().kind == "returned"
        assert made.call({}).value == "lib"


def test_workers_differ_in_chance_and_share_no_state(worker: Make) -> None:
    text = (
        "import random, uuid\nseen = []\ndef handler(event, context):\n"
        "    seen.append(1)\n    return [random.random(), str(uuid.uuid4()), len(seen)]\n"
    )
    one, other = worker(text), worker(text)
    one.start()
    other.start()
    first, second = one.call({}).value, other.call({}).value
    assert first[0] != second[0]
    assert first[1] != second[1]
    assert (first[2], second[2], one.call({}).value[2]) == (1, 1, 2)


def test_stdin_is_empty_and_descriptors_are_few(worker: Make) -> None:
    made = worker(
        "import os, sys\ndef handler(event, context):\n"
        "    return [sys.stdin.read(), len(os.listdir('/proc/self/fd')), os.getsid(0) == os.getpid()]\n"
    )
    made.start()
    # 0, 1, 2, the socket, two private copies of the pipes, and the listing's own
    assert made.call({}).value == ["", 7, True]


def test_subprocesses_work_and_get_no_socket_of_ours(worker: Make) -> None:
    made = worker(
        "import subprocess, sys\ndef handler(event, context):\n"
        "    code = 'import os; print(sorted(os.listdir(\"/proc/self/fd\")))'\n"
        "    run = subprocess.run([event, '-S', '-c', code], close_fds=False, capture_output=True, text=True)\n"
        "    return run.stdout\n"
    )
    made.start()
    assert made.call(sys.executable).value == "['0', '1', '2', '3']\n"  # 3 is the listing's own


def test_zip_next_to_code_is_only_data(worker: Make, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr("x.txt", "inside")
    made = worker(
        "import zipfile\ndef handler(e, c):\n    return zipfile.ZipFile('d.zip').read('x.txt').decode()\n"
    )
    made.start()
    assert made.call({}).value == "inside"
