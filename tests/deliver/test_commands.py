"""What docs/deploy*.md has a reader type: helm renders its own, the others know verbs, options and files."""

import re
import shlex
import shutil
import subprocess
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from tests.deliver.charting import CHART, ROOT, TOOLS, installed
from tests.deliver.terraforming import command_in

pytestmark = pytest.mark.deliver
PAGES = sorted((ROOT / "docs").glob("deploy*.md"))
CHECKED = ("helm", "kubectl", "terraform", "gateway", "make", "cp")
ENDS = {"&&", "||", "|", ";", "&", ">", "(", ")", "$"}
#: what only a cluster can do with what is rendered
OF_A_CLUSTER = {"--wait", "--reset-then-reuse-values"}
#: what `…` stands for
AS_ABOVE = ["gateway", "k8s/charts/gateway"]


def commands(text: str) -> list[list[str]]:
    """The words of each command of a page that is one of CHECKED; what others print is between them."""
    lines = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    found = []
    for line in lines.replace("\\\n", " ").splitlines():
        words: list[str] = []
        for word in [*_words(line), ";"]:
            if word not in ENDS:
                words.append(word)
                continue
            while words and re.match(r"[A-Z_]+=", words[0]):
                words.pop(0)  # the environment of the command
            if words and words[0] in CHECKED:
                found.append(words)
            words = []
    return found


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # a line of prose with an apostrophe
        return []


def _has_option(words: list[str]) -> bool:
    return any(word.startswith("-") for word in words)


@cache
def said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


class Reader:
    """Somebody who types them, in a folder with the files that the pages speak of."""

    def __init__(self, at: Path) -> None:
        installed()
        self.at = at
        self.terraform = str(command_in(at / "terraform-command"))
        for name in ("k8s", "terraform", "tools", "conf"):
            (at / name).symlink_to(ROOT / name)
        shutil.copy(CHART / "files" / "config" / "gateway.yaml", at)
        shutil.copy(CHART / "files" / "exported" / "rules.yaml", at)
        shutil.copy(CHART / "files" / "exported" / "dashboard.json", at)
        (at / "shop.pb").write_bytes(b"descriptors")

    def complaints(self, words: list[str]) -> list[str]:
        """What is wrong with a command."""
        return list(getattr(self, f"_{words[0]}")(words[1:]))

    def _helm(self, words: list[str]):
        verb = next(word for word in words if word in ("install", "upgrade", "rollback", "history"))
        if verb in ("rollback", "history"):
            yield from self._options("helm", [str(TOOLS / "bin/helm"), verb, "--help"], words)
            return
        kept = [each for word in words for each in (AS_ABOVE if word == "…" else [word]) if each not in OF_A_CLUSTER]
        kept[kept.index(verb)] = "template"
        command = [TOOLS / "bin/helm", *kept]
        done = subprocess.run(command, cwd=self.at, capture_output=True, text=True, timeout=60)
        if done.returncode:
            yield f"helm: {done.stderr.strip()}"

    def _kubectl(self, words: list[str]):
        if words[0] == "argo":
            return  # a plugin that is not to be had
        kubectl = str(TOOLS / "bin/kubectl")
        verbs = words[2:] if words[0] == "-n" else words
        # A verb may be of two or three words; what is no verb any more is passed over by its help.
        helps = [said(kubectl, *verbs[:count], "--help") for count in (1, 2, 3) if not _has_option(verbs[:count])]
        yield from self._options(
            "kubectl", [kubectl, verbs[0], "--help"], words, " ".join(helps) + said(kubectl, "options")
        )
        for option, name in pairwise(words):
            if option in ("-f", "-k") and not (self.at / name).exists():
                yield f"kubectl: there is no {name}"

    def _terraform(self, words: list[str]):
        verbs = [words[0], *(["lock"] if words[0] == "providers" else [])]
        # What plans by the way takes the options of `plan`, which its own help does not repeat.
        more = said(self.terraform, "plan", "-help") if words[0] in ("apply", "destroy") else ""
        yield from self._options("terraform", [self.terraform, *verbs, "-help"], words, more)
        room = ROOT / "terraform/environments/dev"
        if words[0] == "output" and f'output "{words[-1]}"' not in (room / "outputs.tf").read_text():
            yield f"terraform: there is no output {words[-1]}"
        for name in re.findall(r"-target=module\.(\w+)", " ".join(words)):
            if f'module "{name}"' not in (room / "main.tf").read_text():
                yield f"terraform: there is no module {name}"

    def _gateway(self, words: list[str]):
        verbs = [word for word in words[:2] if re.fullmatch(r"[a-z-]+", word)]
        yield from self._options("gateway", [str(ROOT / ".venv/bin/gateway"), *verbs, "--help"], words)

    def _make(self, words: list[str]):
        menu = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
        for target in words:
            if "=" not in target and target not in menu:
                yield f"make: there is no target {target}"

    def _cp(self, words: list[str]):
        where = (self.at, ROOT / "terraform/environments/dev")
        if not any((folder / words[0]).exists() for folder in where):
            yield f"cp: there is no {words[0]}"

    def _options(self, name: str, help_: list[str], words: list[str], more: str = ""):
        known = said(*help_) + more
        if re.search(r"(?i)\b(unknown command|no such command)\b", known):
            yield f"{name}: there is no {help_[1]}"
        for option in (word.partition("=")[0] for word in words if word.startswith("-")):
            if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", known):
                yield f"{name}: {help_[1]} has no {option}"


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return Reader(tmp_path_factory.mktemp("reader"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_is_one(reader, page):
    found = commands(page.read_text())
    assert found
    assert [complaint for words in found for complaint in reader.complaints(words)] == []


def test_each_tool_is_looked_at():
    found = [words[0] for page in PAGES for words in commands(page.read_text())]
    assert set(found) == set(CHECKED)
    assert found.count("helm") >= 7 and found.count("kubectl") >= 12 and found.count("terraform") >= 6


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("helm upgrade gateway k8s/charts/gateway --wait --set rollout.strategi=slots", "strategi"),
        ("helm install gateway k8s/charts/gatewy", "helm: Error: repo k8s not found"),
        ("helm -n gateway rollback gateway 1 --wiat", "helm: rollback has no --wiat"),
        ("kubectl apply -k k8s/overlays/test", "kubectl: there is no k8s/overlays/test"),
        ("kubectl -n gateway portforward service/gateway 8000:80 &", "kubectl: there is no portforward"),
        ("TF_X=1 terraform apply -targets=module.cluster", "terraform: apply has no -targets"),
        ("terraform apply -target=module.clusters", "terraform: there is no module clusters"),
        ("echo $(terraform output -raw token)", "terraform: there is no output token"),
        ("gateway export grafna -c gateway.yaml > dashboard.json", "gateway: there is no export"),
        ("make promote-it ENV=prod", "make: there is no target promote-it"),
        ("cp terraform.tfvars terraform.tfvars.mine", "cp: there is no terraform.tfvars"),
    ],
)
def test_a_command_that_is_none_is_found(reader, line, complaint):
    found = [said for words in commands(f"    {line}") for said in reader.complaints(words)]
    assert any(complaint in each for each in found), found
