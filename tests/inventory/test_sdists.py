"""Real input: two released packages, with figures that pytest itself bears out.

Derivation. On the unpacked sdists, with their test dependencies installed, `pytest --collect-only` gave these items; by
the file and line of their definitions, as a test counts once, where it is written:

flask 3.1.2 (pytest 8.3): `tests` 490 items, `examples/tutorial/tests` 24, `examples/javascript/tests` 8, together
522 items of 389 definitions in 27 files; 8 classes. The examples are projects with settings of their own.
A comparison of the two lists by file, name, line and skip/xfail marks shows no difference but test_async.py's three, which
its `pytest.importorskip` skips where asgiref is missing.

urllib3 2.2.3 (pytest 8.4.2, its own settings: `python_classes = ["Test", "*TestCase"]`): 2,124 items of 737 definitions
 + 16 in test_ssltransport.py: its mark `limit_memory` stops the collection without its plugin
 + 29 in contrib/emscripten/test_emscripten.py: pytest leaves the module, as `pytest_pyodide` is not installed
 = 782 tests in 30 files; the two lists have no other difference. `BaseTestHTTPS` (53 tests) is not collected as itself:
   its four subclasses run its tests.
74 classes: those with tests of their own, the four `TestHTTPS_TLSv1*` that only inherit, and `TestWithoutSSL`, an empty
base. Of the 782, 29 are skipped by test_emscripten.py's `pytest.skip` and 8 by marks. pytest marks 16 more as skipped: 15
by decorators that call `pytest.skip` when the test runs and one by conftest.py, which asks for an option to run
`integration`. It skips some parameters of `test_make_headers` too.
"""

import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from src.inventory import Inventory, take

SHA256 = {
    "django-5.2.7.tar.gz": "e0f6f12e2551b1716a95a63a1366ca91bbcd7be059862c1b18f989b1da356cdd",
    "flask-3.1.2.tar.gz": "bf656c15c80190ed628ad08cdfd3aaa35beb087855e2f494910aa3774cc4fd87",
    "urllib3-2.2.3.tar.gz": "e7d814a81dad81e6caf2ec9fdedb284ecc9c73076b62654547cc64ccdcae26e9",
}


def sdist(name: str) -> Path:
    """The sdist out of a cache, or downloaded by the package's name; its bytes are the pinned ones."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sooner" / "sdists"
    path = cache / name
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        download(name, path)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[name], f"{path} is not the released {name}"
    return path


def download(name: str, path: Path) -> None:
    requirement = name.removesuffix(".tar.gz").replace("-", "==")
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        ended = subprocess.run(
            [*pip, "--dest", folder, requirement], capture_output=True, text=True, check=False
        )
        downloaded = Path(folder) / name
        if ended.returncode == 0 and downloaded.exists():
            downloaded.replace(path)
        elif os.environ.get("CI") == "true":
            pytest.fail(f"pip could not download {requirement}: {ended.stderr}")
        else:
            pytest.skip(f"pip could not download {requirement}; with CI=true this fails")


@pytest.fixture(scope="module")
def flask() -> Inventory:
    return take(sdist("flask-3.1.2.tar.gz"))


@pytest.fixture(scope="module")
def urllib3() -> Inventory:
    return take(sdist("urllib3-2.2.3.tar.gz"))


def per_file(document: Inventory) -> dict[str, tuple[int, int]]:
    return {
        entry["path"].partition("/")[2]: (entry["suites"], entry["tests"]) for entry in document["entries"]
    }


def test_flask(flask: Inventory) -> None:
    counts = {"files": 27, "suites": 8, "tests": 389}
    assert {key: flask[key] for key in counts} == counts  # type: ignore[literal-required]
    assert flask["by_framework"] == {"pytest": counts}
    assert flask["by_language"] == {"python": counts}
    assert flask["by_status"] == {"active": 380, "skipped": 9, "todo": 0, "focused": 0, "xfail": 0}
    assert (flask["unreadable"], flask["undecided"], flask["commit"]) == ([], [], None)


def test_flask_by_file(flask: Inventory) -> None:
    assert per_file(flask) == {
        "examples/javascript/tests/test_js_example.py": (0, 2),
        "examples/tutorial/tests/test_auth.py": (0, 5),
        "examples/tutorial/tests/test_blog.py": (0, 8),
        "examples/tutorial/tests/test_db.py": (0, 2),
        "examples/tutorial/tests/test_factory.py": (0, 2),
        "tests/test_appctx.py": (0, 14),
        "tests/test_async.py": (0, 3),
        "tests/test_basic.py": (0, 88),
        "tests/test_blueprints.py": (0, 47),
        "tests/test_cli.py": (1, 34),
        "tests/test_config.py": (0, 17),
        "tests/test_converters.py": (0, 2),
        "tests/test_helpers.py": (5, 25),
        "tests/test_instance_config.py": (0, 7),
        "tests/test_json.py": (0, 17),
        "tests/test_json_tag.py": (0, 5),
        "tests/test_logging.py": (0, 6),
        "tests/test_regression.py": (0, 1),
        "tests/test_reqctx.py": (1, 14),
        "tests/test_request.py": (0, 3),
        "tests/test_session_interface.py": (0, 1),
        "tests/test_signals.py": (0, 7),
        "tests/test_subclassing.py": (0, 1),
        "tests/test_templating.py": (0, 32),
        "tests/test_testing.py": (0, 25),
        "tests/test_user_error_handler.py": (1, 8),
        "tests/test_views.py": (0, 13),
    }


def test_urllib3(urllib3: Inventory) -> None:
    counts = {"files": 30, "suites": 74, "tests": 782}
    assert {key: urllib3[key] for key in counts} == counts  # type: ignore[literal-required]
    assert urllib3["by_framework"] == {"pytest": counts}
    assert urllib3["by_status"] == {"active": 744, "skipped": 37, "todo": 0, "focused": 0, "xfail": 1}
    assert (urllib3["unreadable"], urllib3["undecided"], urllib3["commit"]) == ([], [], None)


def test_urllib3_by_file(urllib3: Inventory) -> None:
    assert per_file(urllib3) == {
        "test/contrib/emscripten/test_emscripten.py": (0, 29),
        "test/contrib/test_pyopenssl.py": (1, 4),
        "test/contrib/test_pyopenssl_dependencies.py": (1, 2),
        "test/contrib/test_socks.py": (4, 19),
        "test/test_collections.py": (2, 44),
        "test/test_compatibility.py": (2, 2),
        "test/test_connection.py": (1, 25),
        "test/test_connectionpool.py": (1, 27),
        "test/test_exceptions.py": (3, 3),
        "test/test_fields.py": (1, 10),
        "test/test_filepost.py": (1, 6),
        "test/test_http2_connection.py": (1, 18),
        "test/test_no_ssl.py": (2, 2),
        "test/test_poolmanager.py": (1, 31),
        "test/test_proxymanager.py": (1, 5),
        "test/test_queue_monkeypatch.py": (1, 1),
        "test/test_response.py": (3, 100),
        "test/test_retry.py": (1, 28),
        "test/test_ssl.py": (1, 14),
        "test/test_ssltransport.py": (3, 16),
        "test/test_util.py": (3, 66),
        "test/test_wait.py": (0, 5),
        "test/with_dummyserver/test_chunked_transfer.py": (1, 20),
        "test/with_dummyserver/test_connection.py": (0, 8),
        "test/with_dummyserver/test_connectionpool.py": (7, 82),
        "test/with_dummyserver/test_https.py": (7, 61),
        "test/with_dummyserver/test_no_ssl.py": (2, 2),
        "test/with_dummyserver/test_poolmanager.py": (2, 36),
        "test/with_dummyserver/test_proxy_poolmanager.py": (3, 42),
        "test/with_dummyserver/test_socketlevel.py": (18, 74),
    }
