"""What goes into the image: a Dockerfile that is linted, a context without secrets, versions that are locked."""

import json
import re
import shutil
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support.containers import ROOT

pytestmark = pytest.mark.deliver
HADOLINT = ROOT / "build" / "deliver" / "venv" / "bin" / "hadolint"
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
TOOLS = "tools/deliver/requirements.lock"
ENTRY = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ; (.*?))? \\$((?:\n    --hash=sha256:[0-9a-f]{64}(?: \\)?$)+)", re.M)


@pytest.fixture(scope="module", autouse=True)
def _tools():
    subprocess.run([ROOT / "tools" / "deliver" / "install.sh"], check=True)


def lint(text):
    """What hadolint says of a Dockerfile."""
    command = [HADOLINT, "--format", "json", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    return [each["code"] for each in json.loads(done.stdout)]


def test_the_dockerfile_is_linted():
    assert lint((ROOT / "Dockerfile").read_text()) == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("RUN apt-get update && apt-get install curl", "DL3008"),
        ("RUN cd /opt && ls", "DL3003"),
        ("RUN pip install requests", "DL3013"),
        ("USER root", "DL3002"),
        ("ADD gateway /opt/gateway", "DL3020"),
        ("FROM debian", "DL3006"),
    ],
)
def test_a_planted_mistake_is_found(line, code):
    assert code in lint((ROOT / "Dockerfile").read_text() + line + "\n")


def test_all_that_the_dockerfile_copies_is_let_through_and_no_secret():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let = {line[1:] for line in lines if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
    assert {name for names in copied for name in names.split()} - {"."} <= let
    assert lines[1] == "*"
    assert not [name for name in let if name.endswith((".pem", ".key", ".git", "build", "conf"))]


def requirements(project):
    """What pyproject.toml asks for, with every extra but the one of development."""
    extras = project["optional-dependencies"]
    more = [line for name, lines in extras.items() if name != "dev" for line in lines]
    return [Requirement(line) for line in project["dependencies"] + more]


def unmet(wanted, lock):
    """What of `wanted` the text of a lock does not pin, or pins to a version that does not do."""
    pinned = {name: version for name, version, *_ in ENTRY.findall(lock)}
    versions = [(each, pinned.get(canonicalize_name(each.name))) for each in wanted]
    return [str(each) for each, version in versions if version is None or version not in each.specifier]


def test_the_lock_pins_what_pyproject_asks_for():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert unmet(requirements(pyproject["project"]), (ROOT / LOCKS[0]).read_text()) == []
    build = [Requirement(line) for line in pyproject["build-system"]["requires"]]
    assert unmet(build, (ROOT / LOCKS[1]).read_text()) == []
    dev = [Requirement(line) for line in pyproject["project"]["optional-dependencies"]["dev"]]
    assert unmet(requirements(pyproject["project"]) + dev, (ROOT / LOCKS[2]).read_text()) == []
    assert unmet([Requirement("gunicorn>=99")], (ROOT / LOCKS[0]).read_text()) == ["gunicorn>=99"]


def test_tests_run_with_what_is_delivered():
    shipped, *_, tested = ({entry[:3] for entry in ENTRY.findall((ROOT / name).read_text())} for name in LOCKS)
    always = {(name, version) for name, version, marker in tested if not marker}
    assert shipped and {each for each in shipped - tested if each[:2] not in always} == set()


def test_the_tools_that_check_the_delivery_are_locked():
    lines = (ROOT / TOOLS).with_suffix(".txt").read_text().splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert unmet(wanted, (ROOT / TOOLS).read_text()) == []


@pytest.mark.parametrize("name", (*LOCKS, TOOLS))
def test_every_line_of_a_lock_has_its_hashes_and_names_no_host(name):
    text = (ROOT / name).read_text()
    left = re.sub(r"^#.*\n", "", ENTRY.sub("", text), flags=re.M).strip()
    assert left == ""
    assert "://" not in text and "--index" not in text


@pytest.fixture
def copied(tmp_path):
    for name in ("pyproject.toml", "README.md", "LICENSE", *LOCKS):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def lock(folder):
    """Whether `make lock` in a folder leaves the locks as they are."""
    before = [(folder / name).read_text() for name in LOCKS]
    command = ["env", f"FOLDER={folder}", ROOT / "tools" / "deliver" / "lock.sh"]
    subprocess.run(command, check=True, timeout=120)
    return before == [(folder / name).read_text() for name in LOCKS]


def test_the_locks_are_current(copied):
    assert lock(copied), "run `make lock`"


def test_a_lock_that_is_behind_is_found(copied):
    pyproject = copied / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"click>=8.3,<9"', '"click>=8.3,<9", "tomli-w>=1.2,<2"'))
    assert not lock(copied)
    assert "tomli-w==" in (copied / LOCKS[0]).read_text()


def test_pip_refuses_a_file_that_is_not_the_one_locked(copied):
    version = next(entry[1] for entry in ENTRY.findall((copied / LOCKS[0]).read_text()) if entry[0] == "statsd")
    wrong = copied / "wrong.lock"
    wrong.write_text(f"statsd=={version} --hash=sha256:{'0' * 64}\n")
    command = ["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest", copied, "-r", wrong]
    done = subprocess.run([HADOLINT.with_name("python"), *command], capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and "DO NOT MATCH THE HASHES" in done.stderr
